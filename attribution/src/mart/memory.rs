//! What a mart was asked before: it never changes, so an answer stays the answer.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::{ClusterRow, CostQuery, CostRow, Finding, Known, MartError, SourceStatus, TableRow};

/// Rows of answers that are kept: tens of megabytes at most.
const MOST_ROWS: usize = 200_000;

/// Answers of one mart.
#[derive(Default)]
pub(super) struct Memory {
    costs: Mutex<Costs>,
    findings: OnceLock<Vec<Finding>>,
    tables: OnceLock<Vec<TableRow>>,
    clusters: OnceLock<Vec<ClusterRow>>,
    sources: OnceLock<Vec<SourceStatus>>,
    known: OnceLock<Vec<Known>>,
}

/// What is known, from `read` the first time.
fn once<T>(
    known: &OnceLock<Vec<T>>,
    read: impl FnOnce() -> Result<Vec<T>, MartError>,
) -> Result<&[T], MartError> {
    if let Some(known) = known.get() {
        return Ok(known);
    }
    let read = read()?;
    Ok(known.get_or_init(|| read))
}

#[derive(Default)]
struct Costs {
    answers: HashMap<CostQuery, Arc<[CostRow]>>,
    /// In the order they were asked, the oldest first.
    asked: VecDeque<CostQuery>,
    rows: usize,
}

impl Memory {
    /// The answer to a cost question, from `ask` where it is new.
    pub(super) fn costs(
        &self,
        query: &CostQuery,
        ask: impl FnOnce() -> Result<Vec<CostRow>, MartError>,
    ) -> Result<Vec<CostRow>, MartError> {
        let known = self.costs.lock().unwrap_or_else(PoisonError::into_inner).answers.get(query).cloned();
        if let Some(rows) = known {
            return Ok(rows.to_vec());
        }
        // Asked without the lock: two may ask the same at once, none waits for another's question.
        let rows = ask()?;
        self.costs.lock().unwrap_or_else(PoisonError::into_inner).keep(query, &rows);
        Ok(rows)
    }

    /// Every finding, from `read` the first time.
    pub(super) fn findings(
        &self,
        read: impl FnOnce() -> Result<Vec<Finding>, MartError>,
    ) -> Result<&[Finding], MartError> {
        once(&self.findings, read)
    }

    /// Every table.
    pub(super) fn tables(
        &self,
        read: impl FnOnce() -> Result<Vec<TableRow>, MartError>,
    ) -> Result<&[TableRow], MartError> {
        once(&self.tables, read)
    }

    /// Every cluster.
    pub(super) fn clusters(
        &self,
        read: impl FnOnce() -> Result<Vec<ClusterRow>, MartError>,
    ) -> Result<&[ClusterRow], MartError> {
        once(&self.clusters, read)
    }

    /// Every source.
    pub(super) fn sources(
        &self,
        read: impl FnOnce() -> Result<Vec<SourceStatus>, MartError>,
    ) -> Result<&[SourceStatus], MartError> {
        once(&self.sources, read)
    }

    /// Everything with a name, from `read` the first time.
    pub(super) fn known(
        &self,
        read: impl FnOnce() -> Result<Vec<Known>, MartError>,
    ) -> Result<&[Known], MartError> {
        once(&self.known, read)
    }
}

impl Costs {
    fn keep(&mut self, query: &CostQuery, rows: &[CostRow]) {
        // An answer without rows takes room too.
        let room = |rows: usize| rows + 1;
        if room(rows.len()) > MOST_ROWS / 8 || self.answers.contains_key(query) {
            return;
        }
        while self.rows + room(rows.len()) > MOST_ROWS {
            let Some(oldest) = self.asked.pop_front() else { break };
            self.rows -= self.answers.remove(&oldest).map_or(0, |rows| room(rows.len()));
        }
        self.rows += room(rows.len());
        self.answers.insert(query.clone(), rows.into());
        self.asked.push_back(query.clone());
    }
}

#[cfg(test)]
mod tests {
    use model::{Amount, Currency};

    use super::*;

    fn query(day: u32) -> CostQuery {
        CostQuery { from: chrono::NaiveDate::from_ymd_opt(2026, 1, day), ..CostQuery::default() }
    }

    fn rows(n: usize) -> Vec<CostRow> {
        vec![CostRow { keys: vec![], currency: Currency::USD, cost: Amount::ZERO }; n]
    }

    #[test]
    fn an_answer_is_asked_for_once_and_the_oldest_make_room() {
        let memory = Memory::default();
        let size = MOST_ROWS / 8 - 1;
        for day in 1..=9 {
            assert_eq!(memory.costs(&query(day), || Ok(rows(size))).unwrap().len(), size);
        }
        let asked = |day| {
            let mut asked = false;
            memory
                .costs(&query(day), || {
                    asked = true;
                    Ok(rows(1))
                })
                .unwrap();
            asked
        };
        assert!(!asked(9) && !asked(2), "what was asked is known");
        assert!(asked(1), "the oldest made room");
        assert!(memory.costs.lock().unwrap().rows <= MOST_ROWS);
    }
}
