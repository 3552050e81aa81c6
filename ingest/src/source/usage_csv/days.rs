//! What rows of one selection say together, on each day.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;
use model::Amount;

use super::Refusal;
use super::line::{Line, Selection};

/// Ends rows that leave it open where the next of their selection begins, then refuses the
/// first row that cannot be meant beside those that hold on the same day.
pub(super) fn check(lines: &mut [Line]) -> Result<(), Refusal> {
    let mut starts: BTreeMap<Selection, BTreeSet<NaiveDate>> = BTreeMap::new();
    for line in lines.iter() {
        starts.entry(line.selection.clone()).or_default().insert(line.starts_on);
    }
    for line in lines.iter_mut().filter(|line| line.ends_on.is_none()) {
        let after = (std::ops::Bound::Excluded(line.starts_on), std::ops::Bound::Unbounded);
        line.ends_on = starts.get(&line.selection).and_then(|days| days.range(after).next().copied());
    }
    let mut of_selection: BTreeMap<&Selection, Vec<&Line>> = BTreeMap::new();
    for line in lines.iter() {
        of_selection.entry(&line.selection).or_default().push(line);
    }
    of_selection.into_values().try_for_each(sweep)
}

/// What holds at one moment of the sweep.
#[derive(Default)]
struct Holding<'l> {
    lines: usize,
    shares: usize,
    sum: Amount,
    dimension: &'l str,
    /// Of each consumer: its rows, and its team.
    consumers: HashMap<&'l str, (usize, Option<&'l str>)>,
}

/// Walks over the days of one selection; within a day what ends goes before what begins.
fn sweep(lines: Vec<&Line>) -> Result<(), Refusal> {
    let mut events: Vec<(NaiveDate, bool, &Line)> = Vec::with_capacity(lines.len() * 2);
    for &line in &lines {
        events.push((line.starts_on, true, line));
        events.extend(line.ends_on.map(|end| (end, false, line)));
    }
    events.sort_by_key(|(day, begins, line)| (*day, *begins, line.number));
    let mut holding = Holding::default();
    for (day, begins, line) in events {
        if begins { holding.begin(line, day)? } else { holding.end(line) }
    }
    Ok(())
}

impl<'l> Holding<'l> {
    fn begin(&mut self, line: &'l Line, day: NaiveDate) -> Result<(), Refusal> {
        let refuse = |fault: String| Err(Refusal::at(line.place, fault));
        if self.lines > 0 && self.dimension != line.dimension {
            return refuse(format!(
                "on {day} the same charges are split by {} and by {}",
                self.dimension, line.dimension
            ));
        }
        if self.lines > 0 && (self.shares > 0) != line.share.is_some() {
            return refuse(format!("on {day} the same charges have shares and quantities"));
        }
        let team = line.team.as_deref();
        let consumer = self.consumers.entry(line.consumer.as_str()).or_insert((0, team));
        if consumer.0 > 0 && consumer.1 != team {
            return refuse(format!("on {day} consumer `{}` has two teams, or one and none", line.consumer));
        }
        *consumer = (consumer.0 + 1, team);
        self.lines += 1;
        self.dimension = &line.dimension;
        if let Some(share) = line.share {
            self.shares += 1;
            self.sum += share;
            if self.sum > Amount::whole(1) {
                return refuse(format!(
                    "on {day} the shares of the same charges sum to {}, above 1",
                    self.sum
                ));
            }
        }
        Ok(())
    }

    fn end(&mut self, line: &Line) {
        self.lines -= 1;
        if let Some(share) = line.share {
            self.shares -= 1;
            self.sum = self.sum - share;
        }
        if let Some(consumer) = self.consumers.get_mut(line.consumer.as_str()) {
            consumer.0 -= 1;
        }
    }
}
