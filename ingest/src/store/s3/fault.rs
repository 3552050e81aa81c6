//! What S3 answers when it does not answer, and what to do about it.

use std::error::Error;
use std::io;

use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

use super::S3Options;
use crate::store::StoreError;

/// What went wrong, in one line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Fault(String);

/// The runtime could not finish a request.
pub fn stopped(operation: &'static str, uri: &str) -> StoreError {
    let cause = Box::new(Fault("the store was closed, or a request panicked".to_owned()));
    StoreError { operation, uri: uri.to_owned(), cause, hint: None }
}

/// Neither a prefix nor an object.
pub fn nothing_there(uri: &str) -> StoreError {
    let cause =
        io::Error::new(io::ErrorKind::NotFound, Fault("no object has this key or lies below it".to_owned()));
    let hint = "check the spelling of bucket and prefix; keys are case-sensitive".to_owned();
    StoreError { operation: "list", uri: uri.to_owned(), cause: Box::new(cause), hint: Some(hint) }
}

/// A failed request as a store error with a hint; a missing bucket or key has an
/// [`io::ErrorKind::NotFound`] inside, as a missing file has.
pub fn store_error<E, R>(
    operation: &'static str,
    uri: &str,
    error: &SdkError<E, R>,
    options: &S3Options,
) -> StoreError
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
    R: std::fmt::Debug + Status + 'static,
{
    let SdkError::ServiceError(context) = error else {
        let chain = DisplayErrorContext(error).to_string();
        let (fault, hint) = unreached(error, &chain, options);
        return StoreError {
            operation,
            uri: uri.to_owned(),
            cause: Box::new(Fault(fault)),
            hint: Some(hint),
        };
    };
    let status = context.raw().status();
    let code = context.err().code().unwrap_or(match status {
        404 => "NotFound",
        403 => "AccessDenied",
        301 => "PermanentRedirect",
        _ => "unknown error",
    });
    let message = context.err().message().unwrap_or_default();
    let separator = if message.is_empty() { "" } else { ": " };
    let fault = Fault(format!("{code}{separator}{message} (HTTP {status})"));
    let missing = matches!(code, "NoSuchBucket" | "NoSuchKey" | "NotFound") || status == 404;
    let cause: Box<dyn Error + Send + Sync> =
        if missing { Box::new(io::Error::new(io::ErrorKind::NotFound, fault)) } else { Box::new(fault) };
    StoreError { operation, uri: uri.to_owned(), cause, hint: answer_hint(code, options) }
}

/// The HTTP status of an answer.
pub trait Status {
    /// Such as 404.
    fn status(&self) -> u16;
}

impl Status for aws_sdk_s3::config::http::HttpResponse {
    fn status(&self) -> u16 {
        self.status().as_u16()
    }
}

fn answer_hint(code: &str, options: &S3Options) -> Option<String> {
    let who = options.profile.as_ref().map_or_else(
        || "the credentials in use (AWS_ACCESS_KEY_ID, AWS_PROFILE or the instance's role)".to_owned(),
        |profile| format!("profile `{profile}`"),
    );
    Some(match code {
        "NoSuchBucket" if options.endpoint.is_none() => {
            "check the bucket's name; for a store other than AWS set `endpoint` and `path_style = true`"
                .to_owned()
        }
        "NoSuchBucket" if !options.path_style => {
            "check the bucket's name; many stores other than AWS need `path_style = true`".to_owned()
        }
        "NoSuchBucket" => "check the bucket's name and `endpoint`".to_owned(),
        "NoSuchKey" | "NotFound" => "check the spelling of the key; keys are case-sensitive".to_owned(),
        "AccessDenied" | "Forbidden" => format!(
            "{who} must be allowed s3:ListBucket on the bucket and s3:GetObject on its objects (and kms:Decrypt where they are encrypted)"
        ),
        "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "NotSignedUp" => {
            format!("check {who}; for a store other than AWS set `endpoint`")
        }
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" | "InvalidToken" => {
            format!("{who} must be renewed (aws sso login, or a new session token)")
        }
        "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" => {
            "the bucket is in another region: set `region`".to_owned()
        }
        "SlowDown" | "ServiceUnavailable" | "InternalError" | "503" => {
            "the store is overloaded: run again later".to_owned()
        }
        "RequestTimeTooSkewed" => "set this machine's clock".to_owned(),
        "PreconditionFailed" => "the object was replaced while it was read: run again".to_owned(),
        _ => return None,
    })
}

/// Fault and hint where no answer came.
fn unreached<E, R>(error: &SdkError<E, R>, chain: &str, options: &S3Options) -> (String, String)
where
    E: Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let lower = chain.to_lowercase();
    if ["credential", "identity", "auth scheme", "profile"].iter().any(|word| lower.contains(word)) {
        let hint = match &options.profile {
            Some(profile) => format!("check profile `{profile}` in ~/.aws/config and ~/.aws/credentials"),
            None => {
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or `profile` of the source"
                    .to_owned()
            }
        };
        return ("no usable credentials were found".to_owned(), hint);
    }
    let fault = match error {
        SdkError::TimeoutError(_) => "no answer in time".to_owned(),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => "no connection in time".to_owned(),
        SdkError::DispatchFailure(_) => format!("no connection: {}", innermost(error)),
        SdkError::ResponseError(_) => format!("the answer is not S3's: {}", innermost(error)),
        _ => innermost(error),
    };
    let hint = match &options.endpoint {
        Some(endpoint) => format!(
            "is `{endpoint}` the right endpoint, running, and reachable from here? without `path_style = true` the bucket becomes part of the host name"
        ),
        None => "check the network (a proxy, a VPC endpoint); for a store other than AWS set `endpoint`"
            .to_owned(),
    };
    (fault, hint)
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut at = error;
    while let Some(cause) = at.source() {
        at = cause;
    }
    at.to_string()
}
