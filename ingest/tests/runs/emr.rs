//! EMR clusters: the AWS CLI's example pages, and directories that are incomplete.

use model::landed::Dataset;
use serde_json::{Value, json};

use crate::frames::Row;
use crate::support::{Landed, read, samples, write};

const KIND: &str = "emr";

fn read_files(files: &[(&str, Value)]) -> Landed {
    let directory = tempfile::tempdir().unwrap();
    for (name, value) in files {
        write(directory.path(), name, value.to_string());
    }
    read(KIND, directory.path())
}

fn cluster() -> Value {
    json!({"Cluster": {
        "Id": "j-2AXXXXXXGAPLF", "Name": "<b>nightly</b>",
        "Status": {"State": "TERMINATED", "Timeline": {"CreationDateTime": "2026-10-05T01:00:00.500000+00:00", "EndDateTime": "2026-10-05T04:00:00-01:00"}},
        "Tags": [{"Key": "Team", "Value": "growth"}],
        "InstanceGroups": [
            {"Id": "ig-M", "InstanceGroupType": "MASTER", "InstanceType": "m5.xlarge", "Market": "ON_DEMAND"},
            {"Id": "ig-T", "InstanceGroupType": "TASK", "InstanceType": "r5.4xlarge", "Market": "SPOT"},
        ],
    }})
}

fn instance(id: &str, group: &str, ended: Option<&str>) -> Value {
    json!({
        "Id": id, "Ec2InstanceId": format!("i-{id}"), "PrivateDnsName": format!("ip-{id}.internal"),
        "PrivateIpAddress": "10.0.0.1", "InstanceGroupId": group,
        "Status": {"State": "RUNNING", "Timeline": {"CreationDateTime": 1_791_162_000.5, "EndDateTime": ended}},
    })
}

fn node<'a>(nodes: &'a [Row], id: &str) -> &'a Row {
    nodes.iter().find(|node| node["node_id"] == id).unwrap()
}

#[test]
fn the_clis_examples_become_nodes() {
    let Some(directory) = samples("runs/emr/awscli-examples") else { return };
    let landed = read(KIND, &directory);
    assert!(landed.errors.is_empty(), "{:?}", landed.errors);
    let nodes = landed.rows(Dataset::Nodes);
    assert_eq!(nodes.len(), 3);
    let first = node(&nodes, "ci-3NNHQUQ2TWB6Y");
    // The example lists no group of its instances.
    for (column, want) in [
        ("cluster_id", json!("j-XXXXXXXX")),
        ("cluster_name", json!("My Cluster")),
        ("cluster_status", json!("waiting")),
        ("cluster_started_at", json!(1_399_400_268_620_i64)),
        ("cluster_ended_at", json!(null)),
        ("resource_id", json!("i-f19ecfee")),
        ("private_dns", json!("ip-172-21-11-216.us-west-2.compute.internal")),
        ("private_ip", json!("172.21.11.216")),
        ("role", json!("worker")),
        ("market", json!("on_demand")),
        ("started_at", json!(1_433_199_960_152_i64)),
        ("ended_at", json!(null)),
        ("period", json!("2015-06-01")),
    ] {
        assert_eq!(first[column], want, "{column}");
    }
    assert_eq!(landed.codes(), [("not-a-cluster", 3), ("unknown-role", 3)]);
}

#[test]
fn groups_give_role_type_and_market_and_the_cluster_gives_tags_and_the_end() {
    let instances = json!({"Instances": [instance("M", "ig-M", None), instance("T", "ig-T", Some("2026-10-05T02:30:00Z"))]});
    let landed = read_files(&[("c/anything.json", cluster()), ("c/else.json", instances)]);
    assert!(landed.codes().is_empty(), "{:?}", landed.warnings());
    let nodes = landed.rows(Dataset::Nodes);
    let ms = |text: &str| json!(text.parse::<chrono::DateTime<chrono::Utc>>().unwrap().timestamp_millis());
    for (id, role, market, vcpus, memory_mib, ended_at) in [
        ("M", "master", "on_demand", 4, 16_384, "2026-10-05T05:00:00Z"),
        ("T", "task", "spot", 16, 131_072, "2026-10-05T02:30:00Z"),
    ] {
        let node = node(&nodes, id);
        assert_eq!((&node["role"], &node["market"]), (&json!(role), &json!(market)));
        assert_eq!((&node["vcpus"], &node["memory_mib"]), (&json!(vcpus), &json!(memory_mib)));
        assert_eq!((&node["ended_at"], &node["cluster_id"]), (&ms(ended_at), &json!("j-2AXXXXXXGAPLF")));
        assert_eq!(node["cluster_started_at"], ms("2026-10-05T01:00:00.500Z"));
        assert!(node["tag_set_id"].is_string());
    }
    let tags = landed.rows(Dataset::TagSets);
    assert!(tags.iter().all(|tag| tag["key"] == "team" && tag["value"] == "growth"), "{tags:?}");
}

#[test]
fn lists_of_different_times_are_one_and_the_later_knows_the_end() {
    let early = json!({"Instances": [instance("M", "ig-M", None)]});
    let late = json!({"Instances": [instance("M", "ig-M", Some("2026-10-05T02:30:00Z"))]});
    for (first, second) in [(&early, &late), (&late, &early)] {
        let landed =
            read_files(&[("c/a.json", first.clone()), ("c/b.json", second.clone()), ("c/d.json", cluster())]);
        let nodes = landed.rows(Dataset::Nodes);
        assert_eq!(nodes.len(), 1);
        assert_eq!(nodes[0]["ended_at"], 1_791_167_400_000_i64);
    }
}

#[test]
fn a_cluster_is_known_by_group_by_file_by_directory_or_not_at_all() {
    let lone = json!({"Instances": [instance("X", "ig-X", None)]});
    let by_directory = read_files(&[("j-3BBBBBBBBBBBB/list.json", lone.clone())]);
    assert_eq!(by_directory.rows(Dataset::Nodes)[0]["cluster_id"], "j-3BBBBBBBBBBBB");
    let by_file =
        read_files(&[("all/instances-j-3BBBBBBBBBBBB.json", lone.clone()), ("all/d.json", cluster())]);
    assert_eq!(by_file.rows(Dataset::Nodes)[0]["cluster_id"], "j-3BBBBBBBBBBBB");
    assert_eq!(by_file.codes(), [("no-instances", 1), ("unknown-role", 1)]);
    let nowhere = read_files(&[("all/list.json", lone)]);
    assert!(nowhere.rows(Dataset::Nodes).is_empty());
    assert!(nowhere.warnings().iter().any(|warning| warning.code == "unknown-cluster" && warning.skipped));
}

#[test]
fn incomplete_and_broken_descriptions_say_so() {
    let alone = read_files(&[("c/d.json", cluster())]);
    assert!(alone.rows(Dataset::Nodes).is_empty());
    assert_eq!(alone.codes(), [("no-instances", 1)]);

    let mut timeless = instance("M", "ig-M", None);
    timeless["Status"]["Timeline"]["CreationDateTime"] = json!("yesterday");
    let landed = read_files(&[("c/d.json", cluster()), ("c/l.json", json!({"Instances": [timeless]}))]);
    assert_eq!(landed.codes(), [("bad-time", 1)]);

    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "d.json", &cluster().to_string().as_bytes()[..60]);
    let cut = read(KIND, directory.path());
    assert!(
        cut.errors.values().next().unwrap().starts_with("could not read EMR description `"),
        "{:?}",
        cut.errors
    );
    assert!(read_files(&[("c/d.json", json!({"Cluster": {"Id": 5}}))]).errors.len() == 1);
    assert_eq!(read_files(&[("c/d.json", json!({"Steps": []}))]).codes(), [("not-a-cluster", 1)]);
}
