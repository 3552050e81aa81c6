//! The detectors of waste in words: what each finds, and what to do about it, as the first
//! line of a page says it. Their formulas and limits are in docs/WASTE.md.

/// One detector in words.
pub struct Words {
    /// Its name in the mart.
    pub name: &'static str,
    /// What it finds, as a label.
    pub label: &'static str,
    /// What to do: `Stop`, and how the sentence goes on after the subject.
    pub fix: (&'static str, &'static str),
    /// What is wrong, in a sentence.
    pub what: &'static str,
}

const fn words(
    name: &'static str,
    label: &'static str,
    fix: (&'static str, &'static str),
    what: &'static str,
) -> Words {
    Words { name, label, fix, what }
}

/// Every detector.
pub const DETECTORS: [Words; 27] = [
    words(
        "idle-cluster",
        "Idle cluster",
        ("Stop ", ", on which nothing runs"),
        "Nothing has run on this cluster for a week and more, and it is still paid for.",
    ),
    words(
        "keep-alive",
        "Kept alive by one run",
        ("Stop ", ", which one small run keeps up"),
        "One small run keeps this cluster up; nearly all of it is idle.",
    ),
    words(
        "unused-table",
        "Unused table",
        ("Drop ", ", which nobody reads"),
        "The table is written and kept, and nobody is known to read it.",
    ),
    words(
        "duplicate-table",
        "Copy of a table",
        ("Drop ", ", a copy that nobody reads"),
        "Another table has the same columns, partitions and rows, and nobody reads this one.",
    ),
    words(
        "no-op-schedule",
        "Schedule without news",
        ("Start ", " when its inputs change, not by the clock"),
        "The clock starts it though nothing it reads has changed since it last succeeded.",
    ),
    words(
        "failed-retried",
        "Failures and retries",
        ("Mend ", ", whose attempts fail"),
        "Attempts fail by their own fault, and are paid for.",
    ),
    words(
        "interrupted-spot",
        "Interrupted spot",
        ("Keep ", " off nodes that are taken back"),
        "More than a tenth of its cost is lost with spot nodes that are taken back.",
    ),
    words(
        "lookback-reprocess",
        "Days written again",
        ("Let ", " write only the days that changed"),
        "It writes the same days again each time, though fewer of its inputs’ days have changed.",
    ),
    words(
        "over-fresh",
        "Fresher than read",
        ("Write ", " less often than now"),
        "Jobs overwrite the table far more often than anybody reads it.",
    ),
    words(
        "cacheable-queries",
        "Repeated statements",
        ("Cache the answers of ", ""),
        "It asks the same of the same snapshots again and again.",
    ),
    words(
        "wrong-engine",
        "Wrong engine",
        ("Move ", " to Trino"),
        "It reads and computes so little that a Trino statement would do it for less than half.",
    ),
    words(
        "spot-able",
        "Could be spot",
        ("Run ", " on spot"),
        "It has clusters of its own, on demand, though it could run on spot.",
    ),
    words(
        "over-provisioned",
        "More memory than used",
        ("Give ", " the memory it uses"),
        "Its executors hold more memory than they ever use.",
    ),
    words("skew", "Skew", ("Spread the skewed stage of ", ""), "One task keeps a whole stage waiting."),
    words(
        "spill",
        "Spill",
        ("Stop the spilling of ", ""),
        "Its tasks spill to disk more than a fifth of what they read and shuffle.",
    ),
    words(
        "uncompacted",
        "Small files",
        ("Compact ", ""),
        "Its partitions stay in small files, which every read pays for.",
    ),
    words(
        "delete-bloat",
        "Deleted rows kept",
        ("Fold the delete files of ", ""),
        "More than a tenth of its rows are deleted but still there, and readers pay to skip them.",
    ),
    words(
        "over-partitioning",
        "Partitions too small",
        ("Partition ", " more coarsely"),
        "Its partitions are so small that each holds one little file.",
    ),
    words(
        "tiny-commits",
        "Tiny commits",
        ("Let the stream of ", " commit less often"),
        "A stream commits small files to it all the time.",
    ),
    words(
        "metadata-bloat",
        "Bloated metadata",
        ("Trim the metadata of ", ""),
        "Its metadata has grown far beyond what a policy asks for.",
    ),
    words(
        "cow-amplification",
        "Copy-on-write",
        ("Turn ", " to merge-on-read"),
        "A change of few rows rewrites many files.",
    ),
    words(
        "incomplete-uploads",
        "Incomplete uploads",
        ("Abort the old uploads to ", ""),
        "Multipart uploads were begun and never completed; their parts are billed.",
    ),
    words(
        "orphan-files",
        "Orphan files",
        ("Remove the orphan files of ", ""),
        "Objects lie in its location that no snapshot reaches.",
    ),
    words(
        "unexpired-snapshots",
        "Old snapshots",
        ("Expire the old snapshots of ", ""),
        "Old snapshots hold files that nothing else needs.",
    ),
    words(
        "partition-ttl",
        "Days nobody looks at",
        ("Drop the oldest days of ", ""),
        "It keeps days longer than anybody looks back.",
    ),
    words(
        "storage-class",
        "Wrong storage class",
        ("Move the old days of ", " to a colder class"),
        "Its old days lie in STANDARD though hardly anybody reads them.",
    ),
    words(
        "unused-commitment",
        "Unused commitment",
        ("Use or let lapse ", ""),
        "More than a twentieth of its fee pays for nothing.",
    ),
];

/// The words of a detector; one this build does not know speaks for itself.
pub fn of(name: &str) -> Option<&'static Words> {
    DETECTORS.iter().find(|words| words.name == name)
}

/// Its label.
pub fn label(name: &str) -> &str {
    of(name).map_or(name, |words| words.label)
}

/// What to do about a finding: `Compact prod.growth.events`.
pub fn fix(name: &str, subject: &str) -> String {
    advice(name, &short(subject))
}

/// As [`fix`], of a subject in at most so many columns. The advice itself stays whole: with words
/// missing it may say something else.
pub fn fix_within(name: &str, subject: &str, columns: usize) -> String {
    advice(name, &crate::label::shorten(&short(subject), columns))
}

fn advice(name: &str, shown: &str) -> String {
    let (before, after) = of(name).map_or(("Mend ", ""), |words| words.fix);
    format!("{before}{shown}{after}")
}

/// A subject as a sentence names it: of an AWS resource name what tells it apart.
fn short(subject: &str) -> String {
    let shown = crate::label::visible(subject);
    match shown.strip_prefix("arn:").and_then(|rest| rest.rsplit(':').next()) {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_detector_has_words() {
        let known: Vec<_> = attribution::waste::detectors().collect();
        for name in &known {
            assert!(of(name).is_some(), "{name} has no words");
        }
        assert_eq!(DETECTORS.len(), known.len());
    }
}
