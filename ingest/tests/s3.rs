//! The S3 store against a server of its protocol on the loopback.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps nothing")]
#![expect(clippy::panic, reason = "a request that should fail fails the test")]

#[path = "support/files.rs"]
mod files;
mod support;

use std::fs;
use std::io::Read as _;
use std::time::{Duration, Instant};

use files::copy;
use fixtures::s3::{ACCESS_KEY, S3Server, SECRET_KEY};
use ingest::source::SourceOptions;
use ingest::store::{LocalStore, Object, S3Keys, S3Options, S3Store, Store, StoreError, open_store};
use model::landed::Dataset;
use support::{fixture_tables, plan, read};
use tempfile::TempDir;

struct Lake {
    directory: TempDir,
    server: S3Server,
}

impl Lake {
    /// A server with the bucket `lake`.
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("lake")).unwrap();
        let server = S3Server::start(directory.path()).unwrap();
        Self { directory, server }
    }

    fn put(&self, key: &str, content: &[u8]) {
        let path = self.directory.path().join("lake").join(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn options(&self) -> S3Options {
        S3Options {
            endpoint: Some(self.server.endpoint()),
            path_style: true,
            keys: Some(S3Keys::new(ACCESS_KEY, SECRET_KEY)),
            ..S3Options::default()
        }
    }

    fn store(&self, uri: &str) -> S3Store {
        S3Store::new(uri, &self.options()).unwrap()
    }
}

fn uris(objects: &[Object]) -> Vec<&str> {
    objects.iter().map(|object| object.uri.as_str()).collect()
}

fn error<T>(result: Result<T, StoreError>) -> StoreError {
    match result {
        Ok(_) => panic!("it succeeded"),
        Err(error) => error,
    }
}

#[test]
fn a_listing_is_read_to_its_last_page() {
    let lake = Lake::start();
    for index in 0..2_345 {
        lake.put(&format!("many/{:02}/{index:04}.json", index % 7), index.to_string().as_bytes());
    }
    lake.put("many2/other.json", b"another prefix");
    let listed = lake.store("s3://lake/many").list().unwrap();
    assert_eq!(listed.len(), 2_345);
    assert!(listed.is_sorted());
    assert!(listed.iter().all(|object| object.uri.starts_with("s3://lake/many/")));
    // Digits of 0 to 2344: 10 of one, 90 of two, 900 of three, 1345 of four.
    assert_eq!(listed.iter().map(|object| object.size).sum::<u64>(), 10 + 180 + 2_700 + 5_380);
    assert_eq!(lake.store("s3a://lake").list().unwrap().len(), 2_346);
    let below = lake.store("s3://lake/many").list_below("s3://lake/many/03").unwrap();
    assert_eq!(below.len(), 335);
    assert!(lake.store("s3://lake").list_below("s3://lake/nowhere").unwrap().is_empty());
}

#[test]
fn the_fingerprint_follows_the_content() {
    let lake = Lake::start();
    lake.put("bill.csv", b"one");
    let before = lake.store("s3://lake/bill.csv").list().unwrap().remove(0);
    assert_eq!((before.uri.as_str(), before.size), ("s3://lake/bill.csv", 3));
    assert!(before.modified.unwrap() > "2020-01-01T00:00:00Z".parse::<model::time::Instant>().unwrap());
    assert_eq!(lake.store("s3://lake/bill.csv").list().unwrap()[0], before);
    std::thread::sleep(Duration::from_millis(1_100));
    lake.put("bill.csv", b"two");
    assert_ne!(lake.store("s3://lake/bill.csv").list().unwrap()[0].fingerprint, before.fingerprint);
}

#[test]
fn keys_of_any_spelling_are_listed_and_read() {
    let lake = Lake::start();
    let keys = [
        "a b/c+d.csv",
        "dt=2026-11-20/häuser%20ü.json",
        "plus+plus/=&?#.txt",
        "日本/ファイル.csv",
        "quote'\"<x>.csv",
    ];
    for key in keys {
        lake.put(key, key.as_bytes());
    }
    let store = lake.store("s3://lake/");
    let listed = store.list().unwrap();
    let mut want: Vec<String> = keys.iter().map(|key| format!("s3://lake/{key}")).collect();
    want.sort();
    assert_eq!(uris(&listed), want);
    for object in listed {
        let content = store.bytes(&object.uri).unwrap();
        assert_eq!(format!("s3://lake/{}", String::from_utf8(content).unwrap()), object.uri);
    }
    assert_eq!(lake.store("s3://lake/a b").list().unwrap().len(), 1);
    assert_eq!(uris(&lake.store("s3://lake/a b/c+d.csv").list().unwrap()), ["s3://lake/a b/c+d.csv"]);
}

/// Bytes that differ everywhere, so that a piece read twice or left out shows.
fn pattern(size: usize) -> Vec<u8> {
    (0..size as u64 / 8).flat_map(|index| (index.wrapping_mul(0x9e37_79b9_7f4a_7c15)).to_le_bytes()).collect()
}

#[test]
fn a_big_object_is_streamed() {
    let lake = Lake::start();
    let content = pattern(40 << 20);
    lake.put("big.bin", &content);
    lake.put("empty.bin", b"");
    let store = lake.store("s3://lake");
    let mut body = store.open("s3://lake/big.bin").unwrap();
    let mut buffer = vec![0; 70_000];
    let mut at = 0;
    loop {
        let size = body.read(&mut buffer).unwrap();
        if size == 0 {
            break;
        }
        assert!(buffer[..size] == content[at..at + size], "at {at}");
        at += size;
    }
    assert_eq!(at, content.len());
    assert_eq!(body.read(&mut buffer).unwrap(), 0);
    assert!(store.bytes("s3://lake/empty.bin").unwrap().is_empty());
}

#[test]
fn a_body_that_breaks_off_is_resumed_where_it_broke() {
    let lake = Lake::start();
    let content = pattern(8 << 20);
    lake.put("big.bin", &content);
    let store = lake.store("s3://lake");
    store.list().unwrap();
    let before = lake.server.faults().connections();
    lake.server.faults().cut_after(3 << 20);
    assert!(store.bytes("s3://lake/big.bin").unwrap() == content);
    assert!(lake.server.faults().connections() > before, "nothing was cut");
}

#[test]
fn a_busy_store_is_asked_again_and_then_named() {
    let lake = Lake::start();
    lake.put("a.csv", b"x");
    let store = lake.store("s3://lake");
    lake.server.faults().refuse(2);
    assert_eq!(store.list().unwrap().len(), 1);
    lake.server.faults().refuse(50);
    let failed = error(lake.store("s3://lake").list());
    assert!(failed.cause.to_string().contains("503"), "{}", failed.cause);
    assert!(!failed.is_missing());
}

#[test]
fn what_is_missing_is_named_with_a_hint() {
    let lake = Lake::start();
    lake.put("cur/a.csv", b"x");
    let store = lake.store("s3://lake");
    let failed = error(store.open("s3://lake/cur/b.csv").map(|_| ()));
    assert!(failed.is_missing());
    assert_eq!(failed.to_string(), "could not open `s3://lake/cur/b.csv`");
    assert!(failed.cause.to_string().contains("404"), "{}", failed.cause);
    assert!(failed.hint.unwrap().contains("case-sensitive"));

    let failed = error(lake.store("s3://lake/cu").list());
    assert!(failed.is_missing());
    assert!(failed.hint.unwrap().contains("prefix"));

    let failed = error(lake.store("s3://no-such-lake/cur").list());
    assert!(failed.is_missing());
    assert!(failed.cause.to_string().contains("NoSuchBucket"), "{}", failed.cause);
    assert!(failed.hint.unwrap().contains("bucket's name"));

    // A prefix ends at a slash: `cur` is no part of `cur2`.
    lake.put("cur2/b.csv", b"x");
    assert_eq!(uris(&lake.store("s3://lake/cur").list().unwrap()), ["s3://lake/cur/a.csv"]);
}

#[test]
fn wrong_keys_are_named_with_a_hint() {
    let lake = Lake::start();
    lake.put("a.csv", b"x");
    for keys in [S3Keys::new(ACCESS_KEY, "wrong"), S3Keys::new("nobody", SECRET_KEY)] {
        let options = S3Options { keys: Some(keys), ..lake.options() };
        let failed = error(S3Store::new("s3://lake", &options).unwrap().list());
        assert!(!failed.is_missing());
        let hint = failed.hint.unwrap();
        assert!(hint.contains("AWS_ACCESS_KEY_ID") && hint.contains("AWS_PROFILE"), "{hint}");
        assert!(!format!("{} {hint}", failed.cause).contains("wrong"), "{}", failed.cause);
    }
}

#[test]
fn an_endpoint_that_is_down_is_named_with_a_hint() {
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let endpoint = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let options = S3Options {
        endpoint: Some(endpoint.clone()),
        path_style: true,
        keys: Some(S3Keys::new("a", "b")),
        ..S3Options::default()
    };
    let started = Instant::now();
    let failed = error(S3Store::new("s3://lake/cur", &options).unwrap().list());
    assert_eq!(failed.to_string(), "could not list `s3://lake/cur/`");
    assert!(failed.cause.to_string().starts_with("no connection"), "{}", failed.cause);
    let hint = failed.hint.unwrap();
    assert!(hint.contains(&endpoint) && hint.contains("path_style"), "{hint}");
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_store_is_shared_by_threads_and_survives_another_runtime() {
    let lake = Lake::start();
    for index in 0..8 {
        lake.put(&format!("{index}.csv"), &pattern(300_000 + index * 8));
    }
    let store = lake.store("s3://lake");
    std::thread::scope(|scope| {
        for index in 0..8 {
            let store = &store;
            scope.spawn(move || {
                assert!(
                    store.bytes(&format!("s3://lake/{index}.csv")).unwrap() == pattern(300_000 + index * 8)
                );
            });
        }
    });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async move {
        let mut body = store.open("s3://lake/1.csv").unwrap();
        assert_eq!(store.list().unwrap().len(), 8);
        drop(store);
        // The body keeps what it needs.
        let mut content = Vec::new();
        body.read_to_end(&mut content).unwrap();
        assert_eq!(content.len(), 300_008);
    });
}

#[test]
fn locations_are_opened_by_their_scheme() {
    let lake = Lake::start();
    lake.put("a.csv", b"x");
    let base = lake.directory.path();
    let open = |uri: &str| open_store(uri, base, &lake.options());
    let absolute = base.join("lake").display().to_string();
    for uri in [
        "lake",
        "./lake/",
        &absolute,
        &format!("file://{absolute}"),
        &format!("file:{absolute}"),
        "s3://lake",
        "s3a://lake/",
        "s3n://lake",
    ] {
        assert_eq!(open(uri).unwrap().list().unwrap().len(), 1, "{uri}");
    }
    for uri in ["gs://lake/a", "hdfs://namenode/lake", "https://lake.example/a"] {
        let failed = error(open(uri).map(|_| ()));
        assert!(failed.hint.unwrap().contains("s3://"), "{uri}");
    }
    assert!(error(open("nowhere").unwrap().list()).is_missing());
    let directory = error(open("lake").unwrap().open(&absolute).map(|_| ()));
    assert_eq!(directory.operation, "open");
}

/// The same tables, from files and from a bucket.
#[test]
fn tables_read_over_s3_equal_those_of_the_directory() {
    let lake = Lake::start();
    let directory = lake.directory.path().join("lake");
    copy(&fixture_tables(), &directory);
    let map = |from: String| vec![(from, "s3://bill/".to_owned())];
    let rows = |store: &dyn Store, location: String| {
        let options = SourceOptions { location_map: map(location), ..SourceOptions::default() };
        let plan = plan("iceberg", &options, store);
        assert!(plan.warnings.is_empty(), "{:?}", plan.warnings);
        let mut all = Vec::new();
        for unit in &plan.units {
            let mut found = read("iceberg", &options, store, unit).unwrap();
            assert!(found.warnings.is_empty(), "{:?}", found.warnings);
            assert!(found.table()["location"].as_str().unwrap().starts_with("s3://bill/"));
            assert!(!found.of(Dataset::TableSnapshots).is_empty());
            for rows in found.rows.values_mut().flatten() {
                rows.remove("source_object");
            }
            all.push(found.rows);
        }
        all
    };
    let local = rows(&LocalStore::new(&directory), directory.display().to_string());
    let remote = rows(&lake.store("s3://lake"), "s3://lake".to_owned());
    assert_eq!(local.len(), 4);
    assert_eq!(local, remote);
}
