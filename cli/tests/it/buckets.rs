//! Every source of the lab in a bucket: the same figures as from files.

use std::fs;

use fixtures::s3::{ACCESS_KEY, S3Server, SECRET_KEY};

use crate::lab::{Lab, copy_tree, lab_directory, ran};

#[test]
fn exports_in_a_bucket_give_the_figures_of_exports_in_files() {
    let local = Lab::new();
    local.ok(&["run"]);

    let buckets = tempfile::tempdir().unwrap();
    copy_tree(&lab_directory().join("exports"), &buckets.path().join("lab/raw"));
    let server = S3Server::start(buckets.path()).unwrap();
    let reached =
        format!("\nregion = \"us-east-1\"\nendpoint = \"{}\"\npath_style = true\n", server.endpoint());
    let config = fs::read_to_string(lab_directory().join("lakeledger.toml")).unwrap();
    let mut text = String::new();
    for line in config.lines() {
        match line.strip_prefix("uri = \"exports/") {
            Some(rest) => text.push_str(&format!("uri = \"s3://lab/raw/{rest}{reached}")),
            None => text.push_str(&format!("{line}\n")),
        }
    }
    let remote = Lab::with_config(&text);
    let run = || {
        let mut command = remote.command(&["run"]);
        command.env("AWS_ACCESS_KEY_ID", ACCESS_KEY).env("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
        ran(command.output().unwrap())
    };
    let first = run();
    assert_eq!(first.code, 0, "{}", first.stderr);
    assert_eq!(remote.figures(), local.figures());
    let again = run();
    assert_eq!(again.stderr.matches("nothing new").count(), 5, "{}", again.stderr);

    // Wrong credentials: each source is named with what to do, nothing that was landed is lost.
    let mut command = remote.command(&["run"]);
    command.env("AWS_ACCESS_KEY_ID", "nobody").env("AWS_SECRET_ACCESS_KEY", "nothing");
    let refused = ran(command.output().unwrap());
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert!(refused.stderr.contains("s3://lab/raw/billing/"), "{}", refused.stderr);
    assert_eq!(remote.figures(), local.figures());
}
