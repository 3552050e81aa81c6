//! The scheduler as it runs: by hand, and beside a dashboard that goes on serving.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use reports::schedule::ScheduleLock;
use serde_json::Value;

use crate::lab::Lab;

/// The lab with a schedule.
fn lab(cron: &str) -> Lab {
    let lab = Lab::new();
    let config = lab.path("lakeledger.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let more = format!("\n[[schedule]]\nname = \"all\"\njob = \"run\"\ncron = \"{cron}\"\n");
    std::fs::write(&config, text + &more).unwrap();
    lab
}

fn history(lab: &Lab) -> Vec<Value> {
    serde_json::from_str(&lab.ok(&["schedule", "history", "--format", "json"])).unwrap()
}

#[test]
fn a_job_run_by_hand_is_recorded_and_what_is_not_due_is_not_run() {
    let lab = lab("0 6 29 2 *");
    assert_eq!(lab.run(&["schedule", "run"]).code, 0);
    assert!(history(&lab).is_empty(), "nothing was due");
    let ran = lab.run(&["schedule", "run", "all"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("published mart"), "{}", ran.stderr);
    let [run] = history(&lab).try_into().unwrap();
    assert_eq!((run["schedule"].as_str(), run["outcome"].as_str()), (Some("all"), Some("done")));
    // A source that is gone is left out, and the record says that something was.
    std::fs::rename(lab.path("exports/maestro"), lab.path("exports/elsewhere")).unwrap();
    assert_eq!(lab.run(&["schedule", "run", "all"]).code, 1);
    assert_eq!(history(&lab)[0]["outcome"], "partial");
    let listed = lab.ok(&["schedule"]);
    assert!(listed.contains("all   run  0 6 29 2 *  UTC"), "{listed}");
    let unknown = lab.run(&["schedule", "run", "al"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("hint: did you mean `all`?"), "{}", unknown.stderr);
}

#[test]
fn who_looks_every_minute_is_told_nothing_while_a_job_runs() {
    let lab = lab("* * * * *");
    let lock = ScheduleLock::acquire(&lab.path("ledger")).unwrap();
    assert!(lock.is_some());
    let looked = lab.run(&["schedule", "run"]);
    assert_eq!((looked.code, looked.stdout.as_str(), looked.stderr.as_str()), (0, "", ""));
    let by_name = lab.run(&["schedule", "run", "all"]);
    assert_eq!(by_name.code, 2);
    assert!(by_name.stderr.contains("another process runs scheduled jobs"), "{}", by_name.stderr);
}

#[test]
fn a_scheduled_run_asks_for_no_alerts_and_one_by_hand_does() {
    let lab = lab("0 6 29 2 *");
    let warning = "warning: no alert is configured";
    let ran = lab.run(&["schedule", "run", "all"]);
    assert!(ran.code == 0 && !ran.stderr.contains(warning), "{}", ran.stderr);
    assert!(lab.run(&["run", "--alerts"]).stderr.contains(warning));
}

#[test]
fn a_job_that_cannot_be_done_says_why() {
    let lab = lab("0 6 * * *");
    let config = lab.path("lakeledger.toml");
    let text = std::fs::read_to_string(&config).unwrap().replace("job = \"run\"", "job = \"weekly-report\"");
    std::fs::write(&config, text).unwrap();
    let ran = lab.run(&["schedule", "run", "all"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    let [run] = history(&lab).try_into().unwrap();
    assert_eq!(
        (run["outcome"].as_str(), run["note"].as_str()),
        (Some("failed"), Some("no mail server is configured"))
    );
}

/// A dashboard; killed when dropped.
struct Serving {
    child: Child,
    address: String,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Serving {
    fn start(lab: &Lab) -> Self {
        let mut command = lab.command(&["serve", "--listen", "127.0.0.1:0"]);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        let address = first.split("http://").nth(1).unwrap().split('/').next().unwrap().to_owned();
        // What it and its jobs say must not fill the pipe.
        thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

#[test]
fn a_dashboard_runs_what_is_due_and_shows_what_it_published() {
    let lab = lab("* * * * *");
    // Two schedulers on one ledger run nothing twice.
    let (serving, second) = (Serving::start(&lab), Serving::start(&lab));
    assert!(serving.get("/").contains("Nothing has been published yet"));
    let started = Instant::now();
    // The next full minute, and the time of a run.
    while !serving.get("/").contains("Published ") {
        assert!(started.elapsed() < Duration::from_secs(240), "nothing was run");
        thread::sleep(Duration::from_millis(200));
    }
    let page = serving.get("/schedule");
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("next is all"), "{page}");
    thread::sleep(Duration::from_secs(12));
    drop((serving, second));
    let runs = history(&lab);
    let mut due: Vec<&str> = runs.iter().map(|run| run["due_at"].as_str().unwrap()).collect();
    let all = due.len();
    due.sort_unstable();
    due.dedup();
    assert_eq!(due.len(), all, "a moment was run for twice: {runs:#?}");
    assert!(runs.iter().skip(1).all(|run| run["outcome"] == "done"), "{runs:#?}");
}
