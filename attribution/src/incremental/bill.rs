//! The bill's lines of changed days.

use std::collections::BTreeSet;
use std::path::PathBuf;

use model::landed::Dataset;

use super::{Increment, ask};
use crate::engine::{EngineError, parts_of};
use crate::models::MODELS;
use crate::scope::{self, Scope, TOUCHED};

impl<P: FnMut(&'static str)> Increment<'_, P> {
    /// Brings `stg_charges` up to date: lines that touch a day on which the bill changed.
    pub(super) fn bring_bill_up_to_date(&mut self) -> Result<(), EngineError> {
        let (ledger, manifest) = (self.inputs.ledger, self.inputs.manifest);
        if !self.changed.remove("landed_charges") {
            return Ok(());
        }
        for table in ["landed_spans", "landed_files"] {
            self.run(
                "forget files that are gone",
                &format!(
                    "delete from {table} where path not in (select name from made_of where kind = 'landed')"
                ),
            )?;
        }
        let known: BTreeSet<String> = self
            .texts("list files of bills", "select distinct path from landed_files")?
            .into_iter()
            .collect();
        let fresh: Vec<&str> =
            parts_of(manifest, Dataset::Charges).filter(|path| !known.contains(*path)).collect();
        self.builder.measure_charges(ledger, &fresh)?;
        self.add_days(&scope::BILL)?;
        if ask(self.builder, "count changed days", "select count(*) = 0 from changed_days")? {
            return Ok(());
        }
        self.find_spans()?;
        let paths = self.texts(
            "list files of changed days",
            "select distinct path from landed_spans
            where (starts_on, first_on, last_on) in (select (starts_on, first_on, last_on) from changed_spans)",
        )?;
        let files: Vec<PathBuf> = paths.iter().map(|path| ledger.join(path)).collect();
        let touched = TOUCHED.replace(
            "charge_period_end",
            "case when charge_period_end > charge_period_start then charge_period_end
                else charge_period_start + interval 1 hour end",
        );
        let bounds: Option<String> = ask(
            self.builder,
            "find the bounds of changed days",
            "select 'charge_period_start >= ''' || min(starts_on) || ''' and charge_period_start < '''
                || (max(starts_on) + 1) || '''' from changed_spans",
        )?;
        let condition = format!("where {} and {touched}", bounds.as_deref().unwrap_or("true"));
        self.builder.landed_view(Dataset::Charges, &files, &condition)?;
        for model in MODELS.iter().filter(|model| model.scope() == Scope::Bill) {
            (self.progress)(model.name);
            self.builder.make(model, "temp table")?;
            self.take_the_place(model.name, TOUCHED)?;
            self.run("forget", &format!("drop table temp.main.{}", model.name))?;
            self.changed.insert(model.name.to_owned());
        }
        self.changed.insert("landed_charges".into());
        let files: Vec<PathBuf> =
            parts_of(manifest, Dataset::Charges).map(|path| ledger.join(path)).collect();
        self.builder.landed_view(Dataset::Charges, &files, "")
    }

    /// Whether the numbers of the bill's files, now or in the last mart, depend on which other
    /// files there are: two names may have one hash.
    pub(super) fn files_share_a_number(&self) -> Result<bool, EngineError> {
        ask(
            self.builder,
            "compare the numbers of files",
            "with files as (
                select distinct source, source_file from landed_files
                union
                select distinct source, source_file from before.main.landed_files
            )
            select count(distinct substr(md5(concat_ws(chr(31), source, source_file)), 1, 8)) <> count(*) from files",
        )
    }
}
