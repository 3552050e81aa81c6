//! Cluster descriptions and workflow instances that the demo platform writes, read back:
//! the facts are the oracle.

use fixtures::platform::facts::{
    Cluster, ClusterUse, DAY_MS, Day, HOUR_MS, Initiator, InstanceType, LakeDay, Market, Ms, Node, Outcome,
    Role, StepAttempt, StepWork, WorkflowRun,
};
use fixtures::raw::Writer;
use fixtures::raw::emr::EmrExports;
use fixtures::raw::maestro::MaestroExports;
use model::landed::Dataset;

use crate::frames::Row;
use crate::platform::MORNING;
use crate::support::{Landed, read};

const MIDNIGHT: Ms = MORNING - 6 * HOUR_MS;

fn cluster(id: &str, transient: bool, created: Ms, ended: Option<Ms>) -> Cluster {
    Cluster {
        id: id.to_owned(),
        name: "playback-nightly".to_owned(),
        usage: ClusterUse::Spark,
        team: Some("playback".to_owned()),
        account: "210000000001".to_owned(),
        tags: vec![("team".to_owned(), "playback".to_owned()), ("env".to_owned(), "prod <&>".to_owned())],
        release: "emr-7.5.0".to_owned(),
        created,
        ready: created + 240_000,
        ended,
        transient,
    }
}

fn node(cluster: &Cluster, number: i64, role: Role, market: Market, created: Ms, ended: Option<Ms>) -> Node {
    Node {
        cluster: cluster.id.clone(),
        id: format!("ci-{}{number:04}", &cluster.id[2..9]),
        group: format!("ig-{}{}", &cluster.id[2..9], role as u8),
        instance: format!("i-{number:017x}"),
        dns: format!("ip-10-12-{}-{}.ec2.internal", number / 250, number % 250),
        ip: format!("10.12.{}.{}", number / 250, number % 250),
        kind: InstanceType { name: "m6g.4xlarge", vcpus: 16, memory_mib: 65_536 },
        role,
        market,
        created,
        ready: created + 200_500,
        ended,
        interrupted: market == Market::Spot && number % 2 == 0,
    }
}

fn written(writer: &mut dyn Writer, days: &[Day]) {
    for day in days {
        writer.day(day, &LakeDay::default()).unwrap();
    }
    writer.finish().unwrap();
}

fn nodes(landed: &Landed, cluster: &str) -> Vec<Row> {
    let all = landed.rows(Dataset::Nodes);
    all.into_iter().filter(|row| row["cluster_id"] == cluster).collect()
}

#[test]
fn clusters_that_come_and_go_share_a_directory_and_keep_their_nodes() {
    let one = cluster("j-1PLAYBACKAAAA", true, MORNING, Some(MORNING + HOUR_MS));
    let two = cluster("j-2PLAYBACKBBBB", true, MORNING, Some(MORNING + 2 * HOUR_MS));
    let stays = cluster("j-3ADHOCSTUDIO1", false, MORNING, None);
    let mut first = Day { start: MIDNIGHT, ..Day::default() };
    for (cluster, number) in [(&one, 100), (&two, 200)] {
        first.nodes.push(node(cluster, number, Role::Master, Market::OnDemand, MORNING, cluster.ended));
        let interrupted = Some(MORNING + 1_800_250);
        first.nodes.push(node(cluster, number + 2, Role::Task, Market::Spot, MORNING, interrupted));
    }
    first
        .nodes
        .extend((300..900).map(|number| node(&stays, number, Role::Core, Market::OnDemand, MORNING, None)));
    // The cluster grows on another day.
    let second = Day {
        start: MIDNIGHT + DAY_MS,
        nodes: vec![node(&stays, 900, Role::Task, Market::Spot, MORNING + DAY_MS, None)],
        ..Day::default()
    };
    first.clusters = vec![one, two, stays];

    let directory = tempfile::tempdir().unwrap();
    written(&mut EmrExports::new(directory.path()), &[first, second]);
    let landed = read("emr", directory.path());
    assert_eq!((landed.codes(), landed.errors.len(), landed.units.len()), (vec![], 0, 2));
    assert_eq!(landed.rows(Dataset::Nodes).len(), 2 + 2 + 601);

    let two = nodes(&landed, "j-2PLAYBACKBBBB");
    let task = two.iter().find(|row| row["role"] == "task").unwrap();
    for (column, want) in [
        ("cluster_name", "playback-nightly"),
        ("cluster_status", "terminated"),
        ("resource_id", "i-000000000000000ca"),
        ("private_dns", "ip-10-12-0-202.ec2.internal"),
        ("instance_type", "m6g.4xlarge"),
        ("market", "spot"),
    ] {
        assert_eq!(task[column], want, "{column}");
    }
    for (column, want) in [
        ("started_at", MORNING),
        ("ended_at", MORNING + 1_800_250),
        ("cluster_ended_at", MORNING + 2 * HOUR_MS),
    ] {
        assert_eq!(task[column], want, "{column}");
    }
    assert_eq!((&task["vcpus"], &task["memory_mib"]), (&16.into(), &65_536.into()));
    let stays = nodes(&landed, "j-3ADHOCSTUDIO1");
    assert!(stays.iter().all(|row| row["ended_at"].is_null()));
    assert_eq!(stays.iter().filter(|row| row["role"] == "core").count(), 600);
}

fn attempt(step: &str, attempt: i64, work: StepWork, outcome: Outcome) -> StepAttempt {
    let executed = MORNING + 30_000 + attempt * 600_000;
    StepAttempt {
        step: step.to_owned(),
        attempt,
        uuid: format!("5b0e8a52-0000-4000-8000-00000000000{attempt}"),
        work,
        created: executed - 25_000,
        executed,
        finished: executed + 300_000,
        outcome,
        error: (outcome != Outcome::Succeeded)
            .then(|| "partition 2026-10-04 is \"empty\"\nsecond line".to_owned()),
    }
}

fn run(workflow: &str, initiator: Initiator, outcome: Outcome, steps: Vec<StepAttempt>) -> WorkflowRun {
    WorkflowRun {
        workflow: workflow.to_owned(),
        instance: 41,
        run: 1,
        uuid: "9d989d63-b854-41c8-b406-df19b5b7374d".to_owned(),
        version: 3,
        owner: "amara.okafor".to_owned(),
        tags: vec!["team:playback".to_owned(), "daily".to_owned()],
        criticality: "high".to_owned(),
        initiator,
        created: MORNING,
        started: MORNING + 800,
        ended: MORNING + 2_000_000,
        outcome,
        steps,
    }
}

#[test]
fn instances_keep_who_started_them_what_they_ran_and_how_it_ended() {
    let spark = |id: &str| StepWork::Spark { application: Some(id.to_owned()) };
    let ancestor = ("playback.root".to_owned(), 7, "each_region".to_owned());
    let retried = vec![
        attempt("load", 1, spark("application_1790500000000_0001"), Outcome::Failed),
        attempt("load", 2, spark("application_1790500000000_0002"), Outcome::Succeeded),
        attempt(
            "publish",
            1,
            StepWork::Trino { query: Some("20261005_061500_00042_abcde".to_owned()) },
            Outcome::Succeeded,
        ),
        attempt("check", 1, StepWork::Check, Outcome::PlatformFailed),
    ];
    let nested = vec![
        attempt(
            "sub",
            1,
            StepWork::Subworkflow { workflow: "playback.child".to_owned(), instance: 9 },
            Outcome::Succeeded,
        ),
        attempt(
            "each",
            1,
            StepWork::Foreach {
                iterations: vec![("maestro_foreach_1".to_owned(), 1), ("maestro_foreach_1".to_owned(), 2)],
            },
            Outcome::Killed,
        ),
        attempt("never", 1, StepWork::Spark { application: None }, Outcome::Running),
    ];
    let day = Day {
        start: MIDNIGHT,
        workflow_runs: vec![
            run("playback.time", Initiator::Time, Outcome::Failed, retried),
            run(
                "playback.signal",
                Initiator::Signal { name: "prod/playback/sessions".to_owned() },
                Outcome::Killed,
                nested,
            ),
            run(
                "playback.manual",
                Initiator::Manual { user: "lena.fischer".to_owned() },
                Outcome::Succeeded,
                vec![],
            ),
            run(
                "playback.child",
                Initiator::Subworkflow { ancestor: ancestor.clone() },
                Outcome::Succeeded,
                vec![],
            ),
            run("maestro_foreach_1", Initiator::Foreach { ancestor }, Outcome::Running, vec![]),
        ],
        ..Day::default()
    };
    let directory = tempfile::tempdir().unwrap();
    written(&mut MaestroExports::new(directory.path()), std::slice::from_ref(&day));
    let landed = read("maestro", directory.path());
    assert_eq!((landed.codes(), landed.errors.len()), (vec![], 0));
    let runs = landed.runs();
    let of = |id: &str| runs.iter().find(|run| run["run_id"] == id).unwrap();
    let triggers: Vec<_> =
        day.workflow_runs.iter().map(|run| &of(&format!("{}/41/1", run.workflow))["trigger"]).collect();
    assert_eq!(triggers, ["time", "signal", "manual", "subworkflow", "foreach"]);
    assert_eq!(of("playback.manual/41/1")["user_name"], "lena.fischer");
    for (id, status, child) in [
        ("playback.time/41/1/load/1", "failed", Some("application_1790500000000_0001")),
        ("playback.time/41/1/load/2", "succeeded", Some("application_1790500000000_0002")),
        ("playback.time/41/1/publish/1", "succeeded", Some("20261005_061500_00042_abcde")),
        ("playback.time/41/1/check/1", "failed", None),
        ("playback.signal/41/1/sub/1", "succeeded", None),
        ("playback.signal/41/1/each/1", "killed", None),
        ("playback.signal/41/1/never/1", "running", None),
        ("playback.signal/41/1", "killed", None),
        ("playback.time/41/1", "failed", None),
        ("maestro_foreach_1/41/1", "running", None),
    ] {
        let run = of(id);
        assert_eq!((run["status"].as_str(), run["child_run_id"].as_str()), (Some(status), child), "{id}");
        assert_eq!(run["owner"], "amara.okafor");
    }
    let load = of("playback.time/41/1/load/1");
    assert_eq!(load["error"], "partition 2026-10-04 is \"empty\"");
    for (column, want) in
        [("queued_at", MORNING + 605_000), ("started_at", MORNING + 630_000), ("ended_at", MORNING + 930_000)]
    {
        assert_eq!(load[column], want, "{column}");
    }
    assert_eq!(runs.len(), 5 + 4 + 3);
}
