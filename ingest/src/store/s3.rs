//! Amazon S3 and what speaks its protocol.
//!
//! Calls block their thread and may come from any number of threads; requests run on a
//! small tokio runtime the store owns. Called from inside another runtime they block its
//! worker (use a blocking thread instead), but neither panic nor dead-lock.

mod body;
mod fault;

use std::fmt;
use std::future::Future;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Credentials, Region};
use aws_sdk_s3::primitives::ByteStream;
use chrono::DateTime;
use tokio::runtime::{Builder, Runtime};

use self::body::Body;
use super::{Object, Store, StoreError};

/// Requests are tried this often; the SDK waits longer each time.
const ATTEMPTS: u32 = 4;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Until the first byte of an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// A body slower than a byte a second for this long is given up, and resumed.
const STALL_GRACE: Duration = Duration::from_secs(20);
/// Where the region is neither configured nor needed (other providers), S3's own default.
const FALLBACK_REGION: &str = "us-east-1";

/// How to reach a bucket; unset fields follow the SDK's usual chain of environment,
/// profile and instance role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct S3Options {
    /// AWS region.
    pub region: Option<String>,
    /// Named profile of the shared configuration files.
    pub profile: Option<String>,
    /// Endpoint of another provider or a local server.
    pub endpoint: Option<String>,
    /// `https://endpoint/bucket/key` instead of `https://bucket.endpoint/key`.
    pub path_style: bool,
    /// Keys, for a store whose keys are not AWS's.
    pub keys: Option<S3Keys>,
}

/// An access key and its secret, which never prints.
#[derive(Clone, PartialEq, Eq)]
pub struct S3Keys {
    access_key_id: String,
    secret_access_key: String,
}

impl S3Keys {
    /// A pair of keys.
    pub fn new(access_key_id: impl Into<String>, secret_access_key: impl Into<String>) -> Self {
        Self { access_key_id: access_key_id.into(), secret_access_key: secret_access_key.into() }
    }
}

impl fmt::Debug for S3Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Keys")
            .field("access_key_id", &self.access_key_id)
            .field("secret_access_key", &"[hidden]")
            .finish()
    }
}

type BoxedError = Box<dyn std::error::Error + Send + Sync>;

/// The runtime requests run on.
struct Engine {
    // Taken on drop only.
    runtime: Option<Runtime>,
}

impl Engine {
    /// Runs a future on the runtime's own threads and waits for it; nothing when it could
    /// not finish (the runtime is gone or the future panicked).
    fn run<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let (done, result) = std::sync::mpsc::sync_channel(1);
        self.runtime.as_ref()?.spawn(async move {
            // The receiver waits below; it cannot be gone.
            let _ = done.send(future.await);
        });
        result.recv().ok()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Waiting for the threads would panic inside another runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A prefix of a bucket, or one object.
pub struct S3Store {
    uri: String,
    bucket: String,
    prefix: String,
    options: S3Options,
    engine: Arc<Engine>,
    client: OnceLock<Client>,
}

impl S3Store {
    /// Opens `s3://bucket/prefix`; nothing is requested yet. `s3a` and `s3n` are `s3`.
    ///
    /// # Errors
    /// When the URI names no bucket, or no thread can be started.
    pub fn new(uri: &str, options: &S3Options) -> Result<Self, StoreError> {
        let (bucket, prefix) = split(uri)?;
        let runtime = Builder::new_multi_thread().worker_threads(2).thread_name("s3").enable_all().build();
        let runtime = runtime.map_err(|cause| StoreError {
            operation: "open",
            uri: uri.to_owned(),
            cause: Box::new(cause),
            hint: None,
        })?;
        Ok(Self {
            uri: join(bucket, prefix),
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            options: options.clone(),
            engine: Arc::new(Engine { runtime: Some(runtime) }),
            client: OnceLock::new(),
        })
    }

    fn client(&self) -> Option<Client> {
        if let Some(client) = self.client.get() {
            return Some(client.clone());
        }
        let client = self.engine.run(connect(self.options.clone()))?;
        Some(self.client.get_or_init(|| client).clone())
    }

    fn run<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
        &self,
        operation: &'static str,
        uri: &str,
        request: impl FnOnce(Client) -> F,
    ) -> Result<T, StoreError> {
        self.client()
            .and_then(|client| self.engine.run(request(client)))
            .ok_or_else(|| fault::stopped(operation, uri))
    }

    /// Every object whose key begins with `prefix`.
    fn list_prefix(&self, bucket: &str, prefix: &str) -> Result<Vec<Object>, StoreError> {
        let (bucket, prefix) = (bucket.to_owned(), prefix.to_owned());
        let uri = join(&bucket, &prefix);
        let listed = self.run("list", &uri, |client| async move {
            let mut found = Vec::new();
            let mut pages = client.list_objects_v2().bucket(&bucket).prefix(&prefix).into_paginator().send();
            while let Some(page) = pages.next().await {
                for object in page?.contents() {
                    // Consoles make empty objects that stand for directories.
                    if let Some(key) = object.key().filter(|key| !key.ends_with('/')) {
                        found.push(describe(
                            &join(&bucket, key),
                            object.size(),
                            object.e_tag(),
                            object.last_modified(),
                        ));
                    }
                }
            }
            Ok(found)
        })?;
        let mut found = listed.map_err(|error| fault::store_error("list", &uri, &error, &self.options))?;
        found.sort();
        Ok(found)
    }

    /// Writes a file as the object the store was opened at, in one request: readers see all of
    /// it or what was there before.
    ///
    /// # Errors
    /// When the location is a bucket or a prefix that ends with `/`, or may not be written; S3
    /// takes no more than 5 GiB at once.
    pub fn put_file(&self, path: &Path) -> Result<(), StoreError> {
        let failed = |cause| StoreError { operation: "write", uri: self.uri.clone(), cause, hint: None };
        if self.prefix.is_empty() || self.prefix.ends_with('/') {
            let hint = Some("name an object: s3://bucket/directory/file".to_owned());
            return Err(StoreError { hint, ..failed("it names no object".into()) });
        }
        let (bucket, key, path) = (self.bucket.clone(), self.prefix.clone(), path.to_owned());
        let sent = self.run("write", &self.uri, |client| async move {
            let body = ByteStream::from_path(path).await.map_err(|cause| Box::new(cause) as BoxedError)?;
            let request = client.put_object().bucket(bucket).key(key).body(body);
            Ok::<_, BoxedError>(request.send().await.map_err(Box::new))
        })?;
        let sent = sent.map_err(failed)?;
        sent.map(drop).map_err(|error| fault::store_error("write", &self.uri, &*error, &self.options))
    }

    /// The object of exactly this key, if it is there.
    fn head(&self, bucket: &str, key: &str) -> Result<Object, StoreError> {
        let uri = join(bucket, key);
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let head = self.run("list", &uri, |client| async move {
            client.head_object().bucket(bucket).key(key).send().await
        })?;
        let head = head.map_err(|error| fault::store_error("list", &uri, &error, &self.options))?;
        Ok(describe(&uri, head.content_length(), head.e_tag(), head.last_modified()))
    }
}

async fn connect(options: S3Options) -> Client {
    let mut loader = aws_config::defaults(aws_config::BehaviorVersion::latest())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(
            TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(READ_TIMEOUT).build(),
        )
        .stalled_stream_protection(
            StalledStreamProtectionConfig::enabled().grace_period(STALL_GRACE).build(),
        );
    if let Some(profile) = options.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = options.region {
        loader = loader.region(Region::new(region));
    } else if options.endpoint.is_some() && options.keys.is_some() {
        // Not AWS at all: asking an instance for its region would only take time.
        loader = loader.region(Region::new(FALLBACK_REGION));
    }
    if let Some(endpoint) = options.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    if let Some(keys) = options.keys {
        let keys = Credentials::new(keys.access_key_id, keys.secret_access_key, None, None, "configuration");
        loader = loader.credentials_provider(keys);
    }
    let shared = loader.load().await;
    let mut config = aws_sdk_s3::config::Builder::from(&shared).force_path_style(options.path_style);
    if shared.region().is_none() {
        config = config.region(Region::new(FALLBACK_REGION));
    }
    Client::from_conf(config.build())
}

/// Bucket and key of an `s3`, `s3a` or `s3n` URI.
fn split(uri: &str) -> Result<(&str, &str), StoreError> {
    let rest = ["s3://", "s3a://", "s3n://"].into_iter().find_map(|scheme| uri.strip_prefix(scheme));
    let (bucket, key) = rest.map(|rest| rest.split_once('/').unwrap_or((rest, ""))).unwrap_or_default();
    if bucket.is_empty() {
        return Err(StoreError {
            operation: "open",
            uri: uri.to_owned(),
            cause: "it names no bucket".into(),
            hint: Some("write s3://bucket/prefix".to_owned()),
        });
    }
    Ok((bucket, key))
}

fn join(bucket: &str, key: &str) -> String {
    format!("s3://{bucket}/{key}")
}

fn describe(
    uri: &str,
    size: Option<i64>,
    e_tag: Option<&str>,
    modified: Option<&aws_sdk_s3::primitives::DateTime>,
) -> Object {
    let size = size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
    let modified = modified.and_then(|at| DateTime::from_timestamp(at.secs(), at.subsec_nanos()));
    let version = match (e_tag, modified) {
        (Some(e_tag), _) => e_tag.trim_matches('"').to_owned(),
        (None, Some(modified)) => modified.timestamp_millis().to_string(),
        (None, None) => String::new(),
    };
    Object { uri: uri.to_owned(), size, fingerprint: format!("{size}-{version}"), modified }
}

impl Store for S3Store {
    fn root(&self) -> &str {
        &self.uri
    }

    /// Every object below the prefix, which ends at a `/`: `cur` does not list `cur2/`.
    /// A prefix that is the key of one object lists that object.
    fn list(&self) -> Result<Vec<Object>, StoreError> {
        if self.prefix.is_empty() {
            return self.list_prefix(&self.bucket, "");
        }
        let directory = format!("{}/", self.prefix.trim_end_matches('/'));
        let found = self.list_prefix(&self.bucket, &directory)?;
        if !found.is_empty() {
            return Ok(found);
        }
        match self.head(&self.bucket, &self.prefix) {
            Ok(object) => Ok(vec![object]),
            Err(error) if error.is_missing() => Err(fault::nothing_there(&self.uri)),
            Err(error) => Err(error),
        }
    }

    fn list_below(&self, directory: &str) -> Result<Vec<Object>, StoreError> {
        let (bucket, key) = split(directory)?;
        match key.trim_end_matches('/') {
            "" => self.list_prefix(bucket, ""),
            key => self.list_prefix(bucket, &format!("{key}/")),
        }
    }

    fn open(&self, uri: &str) -> Result<Box<dyn Read + Send>, StoreError> {
        let (bucket, key) = split(uri)?;
        let client = self.client().ok_or_else(|| fault::stopped("open", uri))?;
        let body = Body::open(self.engine.clone(), client, bucket.to_owned(), key.to_owned());
        match body {
            Some(Ok(body)) => Ok(Box::new(body)),
            Some(Err(error)) => Err(fault::store_error("open", uri, &error, &self.options)),
            None => Err(fault::stopped("open", uri)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_split_into_bucket_and_key() {
        for (uri, want) in [
            ("s3://lake/a/b c+d.csv", ("lake", "a/b c+d.csv")),
            ("s3a://lake/a", ("lake", "a")),
            ("s3n://lake", ("lake", "")),
            ("s3://lake/", ("lake", "")),
        ] {
            assert_eq!(split(uri).unwrap(), want, "{uri}");
        }
        for uri in ["s3://", "s3:///key", "gs://lake/a", "lake/a", ""] {
            assert!(split(uri).unwrap_err().hint.unwrap().contains("s3://bucket/prefix"), "{uri}");
        }
    }

    #[test]
    fn secrets_do_not_print() {
        let options = S3Options { keys: Some(S3Keys::new("AKIA", "hush")), ..S3Options::default() };
        let printed = format!("{options:?}");
        assert!(
            printed.contains("AKIA") && printed.contains("[hidden]") && !printed.contains("hush"),
            "{printed}"
        );
    }
}
