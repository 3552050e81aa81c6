//! What became of messages to channels, on the command line and for monitors; and what a
//! configuration likely did not mean.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::lab::{Lab, Ran, ran};
use crate::watch::receiver;

/// A channel that answers at `HOOK_URL`, and one that keeps incidents there.
const TOLD: &str = "
[[channel]]
name = \"=hook\"
kind = \"webhook\"
url_env = \"HOOK_URL\"

[[alert]]
name = \"late\"
kind = \"source-staleness\"
hours = 1
channels = [\"=hook\"]
";

fn lab(more: &str) -> Lab {
    let lab = Lab::new();
    let path = lab.path("lakeledger.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, config + more).unwrap();
    lab
}

fn with_hook(lab: &Lab, arguments: &[&str], url: &str) -> Ran {
    ran(lab.command(arguments).env("HOOK_URL", url).output().unwrap())
}

#[test]
fn what_was_given_up_is_listed_and_told_to_monitors_until_it_is_tried_again() {
    let lab = lab(TOLD);
    lab.ok(&["run"]);
    let none = lab.run(&["alerts", "deliveries"]);
    assert_eq!((none.code, none.stderr.as_str()), (0, ""));
    // No receiver has such an address: nobody will take it, however often it is tried.
    let ran = with_hook(&lab, &["alerts"], "no address at all");
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("warning: given up: =hook: "), "{}", ran.stderr);
    // A later round has nothing to send, and says that somebody has to look.
    let later = with_hook(&lab, &["alerts"], "http://127.0.0.1:9/");
    assert!(
        later.stderr.contains("warning: 1 message was given up before: see `lakeledger alerts deliveries"),
        "{}",
        later.stderr
    );
    let listed = lab.run(&["alerts", "deliveries"]);
    assert_eq!(listed.code, 1);
    assert!(listed.stdout.contains("=hook") && listed.stdout.contains("dead"), "{}", listed.stdout);
    assert!(listed.stderr.contains("1 message is given up: `lakeledger alerts retry`"), "{}", listed.stderr);
    let json: Value =
        serde_json::from_str(&lab.run(&["alerts", "deliveries", "--format", "json"]).stdout).unwrap();
    assert_eq!((&json[0]["state"], &json[0]["attempts"]), (&"dead".into(), &1.into()));
    assert!(json[0]["error"].as_str().unwrap().contains("cannot be sent"), "{json}");
    let csv = lab.run(&["alerts", "deliveries", "--state", "dead", "--format", "csv"]).stdout;
    assert!(csv.starts_with("id,channel,created_at,state,"), "{csv}");
    assert!(csv.lines().nth(1).unwrap().contains(",'=hook,"), "a spreadsheet runs nothing: {csv}");
    let none = lab.run(&["alerts", "deliveries", "--state", "sent", "--format", "json"]);
    assert_eq!((none.stdout.trim(), none.code), ("[]", 1), "whatever is listed, one is dead");
    let wrong = lab.run(&["alerts", "deliveries", "--state", "deat"]);
    assert!(wrong.code == 2 && wrong.stderr.contains("did you mean `dead`?"), "{}", wrong.stderr);
    let (address, got) = receiver(Arc::new(Mutex::new(true)));
    let again = with_hook(&lab, &["alerts", "retry"], &format!("http://{address}/"));
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert_eq!(got.lock().unwrap().len(), 1);
    assert_eq!(lab.run(&["alerts", "deliveries"]).code, 0);
}

#[test]
fn a_run_tells_that_the_only_rule_is_gone() {
    let lab = lab(TOLD);
    let (address, got) = receiver(Arc::new(Mutex::new(true)));
    let url = format!("http://{address}/");
    let told = with_hook(&lab, &["run", "--alerts"], &url);
    assert_eq!((told.code, got.lock().unwrap().len()), (0, 1), "{}", told.stderr);
    let path = lab.path("lakeledger.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, config.split("[[alert]]").next().unwrap()).unwrap();
    let gone = with_hook(&lab, &["run", "--alerts"], &url);
    assert_eq!(gone.code, 0, "{}", gone.stderr);
    let got = got.lock().unwrap();
    assert!(got.len() > 1 && got[got.len() - 1].contains("its rule is gone"), "{got:?}");
}

#[test]
fn to_say_that_one_knows_waits_for_no_receiver_and_tells_it_all_the_same() {
    let lab = lab("
[[channel]]
name = \"pager\"
kind = \"pagerduty\"
url = \"http://ADDRESS/\"
routing_key_env = \"HOOK_URL\"

[[alert]]
name = \"late\"
kind = \"source-staleness\"
hours = 1
sources = [\"emr\"]
channels = [\"pager\"]
");
    let answers = Arc::new(Mutex::new(true));
    let (address, got) = receiver(Arc::clone(&answers));
    let path = lab.path("lakeledger.toml");
    let config = std::fs::read_to_string(&path).unwrap().replace("ADDRESS", &address.to_string());
    std::fs::write(path, config).unwrap();
    lab.ok(&["run"]);
    let told = with_hook(&lab, &["alerts", "--format", "json"], "key");
    let json: Value = serde_json::from_str(&told.stdout).unwrap();
    let id = json["alerts"][0]["id"].as_str().unwrap();
    assert_eq!(got.lock().unwrap().len(), 1, "{}", told.stderr);
    // From now on it takes what comes and answers nothing.
    *answers.lock().unwrap() = false;
    let started = Instant::now();
    let known = with_hook(&lab, &["alerts", "ack", id, "--for", "1d"], "key");
    assert_eq!(known.code, 0, "{}", known.stderr);
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    while got.lock().unwrap().len() < 2 {
        assert!(started.elapsed() < Duration::from_secs(30), "nobody was told");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(got.lock().unwrap()[1].contains("\"acknowledge\""), "{:?}", got.lock().unwrap()[1]);
}

#[test]
fn filters_that_nothing_answers_to_and_missing_links_are_warned_of() {
    let config = "
[[channel]]
name = \"hook\"
kind = \"webhook\"
url_env = \"HOOK_URL\"

[[budget]]
name = \"compute\"
where = \"service=Amazon Elastic Compute Clout\"
amount = 10
currency = \"USD\"

[[alert]]
name = \"typo\"
kind = \"absolute\"
amount = 1
where = [\"team=growht\", \"category=usage\"]
";
    let lab = lab(config);
    let said = |ran: &Ran, what: &str| ran.stderr.contains(what);
    let no_links =
        "[report]: `base_url` is missing: messages to channels will have no links to the dashboard";
    let no_team = "alert `typo`: there is no team `growht` (did you mean `growth`?)";
    let no_service = "budget `compute`: no cost has the service `Amazon Elastic Compute Clout` (did you mean `Amazon Elastic Compute Cloud`?)";
    // Before the first run nobody knows which services there are.
    let before = lab.run(&["check"]);
    assert!(said(&before, no_links) && said(&before, no_team), "{}", before.stderr);
    assert!(!said(&before, "Amazon Elastic Compute Clout"), "{}", before.stderr);
    let ran = lab.run(&["run"]);
    assert!(said(&ran, no_links) && said(&ran, no_team) && said(&ran, no_service), "{}", ran.stderr);
    assert_eq!(ran.code, 0, "nothing is left out: {}", ran.stderr);
    let path = lab.path("lakeledger.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let mended = text
        .replace("growht", "growth")
        .replace("Amazon Elastic Compute Clout", "Amazon Elastic Compute Cloud");
    std::fs::write(&path, mended + "\n[report]\nbase_url = \"https://costs.example.com\"\n").unwrap();
    let after = lab.run(&["check"]);
    assert!(!said(&after, "there is no") && !said(&after, "no cost has"), "{}", after.stderr);
    assert!(!said(&after, "base_url"), "{}", after.stderr);
}
