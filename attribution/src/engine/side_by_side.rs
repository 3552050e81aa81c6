//! Builds every model: those that do not read one another at the same time, where there is
//! little landed. A model of few rows keeps one core busy, and planning it takes longer than
//! making it. Where much is landed each model keeps all cores busy by itself, and two at a time
//! would need the memory of two.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc;
use std::thread;

use duckdb::Connection;

use super::{Builder, EngineError, LANDED_OF_FEW, is_out_of_memory, make_on};
use crate::models::{CHECKS, Check, Form, MODELS, Model};
use crate::{lineage, record};

/// Models made at the same time at most. A third gains nothing: few are ready at any moment.
const MOST_AT_A_TIME: usize = 2;

/// Where steps are made that several connections read: in memory, spilled beyond its limit.
/// Temporary tables are of one connection alone.
const STEPS: &str = "steps.main.";

/// Which steps stay when every model is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// All, for whoever looks at them.
    All,
    /// What checks and the record of ownership read. Of the rest each goes when the last model
    /// that reads it is made, so that the memory is for those to come.
    Read,
}

impl Builder {
    /// Builds every model; `progress` is told each name when it begins.
    ///
    /// # Errors
    /// When a model fails; its name is in the error.
    pub fn build(&self, steps: Kept, mut progress: impl FnMut(&'static str)) -> Result<(), EngineError> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let mut steps = Steps::of(steps);
        if cores > 1 && self.landed.get() <= LANDED_OF_FEW {
            let order = Order::of(self.models.get());
            return self.build_side_by_side(cores.min(MOST_AT_A_TIME), order, steps, progress);
        }
        for model in self.models.get() {
            progress(model.name);
            self.make(model, form(model, "temp table"))?;
            self.drop_steps(steps.without(model))?;
        }
        Ok(())
    }

    fn drop_steps(&self, steps: Vec<&str>) -> Result<(), EngineError> {
        steps
            .into_iter()
            .try_for_each(|step| self.run(&format!("drop `{step}`"), &format!("drop table {step}")))
    }

    fn build_side_by_side(
        &self,
        at_a_time: usize,
        mut order: Order,
        mut steps: Steps,
        mut progress: impl FnMut(&'static str),
    ) -> Result<(), EngineError> {
        self.run("make room for steps", "attach ':memory:' as steps")?;
        let mart: String = self
            .connection
            .query_row("select current_database()", [], |row| row.get(0))
            .map_err(|cause| EngineError { operation: "name the mart".into(), cause })?;
        self.run_in_session("read steps", &format!("set search_path = '\"{mart}\".main,steps.main'"))?;
        let connections = (0..at_a_time).map(|_| self.another()).collect::<Result<Vec<_>, _>>()?;

        thread::scope(|scope| {
            let (done, made) = mpsc::channel();
            let mut free: Vec<mpsc::Sender<&'static Model>> = Vec::new();
            let mut busy = BTreeMap::new();
            for connection in connections {
                let (work, models) = mpsc::channel::<&'static Model>();
                let done = done.clone();
                scope.spawn(move || {
                    for model in models {
                        // One that dies is told of as any other failure: it would be waited for in vain.
                        let result = catch_unwind(AssertUnwindSafe(|| {
                            make_on(&connection, model, form(model, "table"), schema(model))
                        }));
                        if done.send((model, result)).is_err() {
                            break;
                        }
                    }
                });
                free.push(work);
            }
            // Those that found too little memory beside another: they are made alone.
            let mut tight = Vec::new();
            loop {
                while tight.is_empty()
                    && let Some(worker) = free.pop()
                {
                    let Some(model) = order.next() else {
                        free.push(worker);
                        break;
                    };
                    progress(model.name);
                    // A worker lives as long as its sender.
                    let _ = worker.send(model);
                    busy.insert(model.name, worker);
                }
                if busy.is_empty() {
                    let Some(model) = tight.pop() else { break };
                    self.make_in(schema(model), model, form(model, "table"))?;
                    order.is_made(model);
                    self.drop_steps(steps.without(model))?;
                    continue;
                }
                let Ok((model, result)) = made.recv() else { break };
                free.extend(busy.remove(model.name));
                match result.unwrap_or_else(|panic| resume_unwind(panic)) {
                    Ok(()) => {
                        order.is_made(model);
                        self.drop_steps(steps.without(model))?;
                    }
                    Err(error) if is_out_of_memory(&error) => tight.push(model),
                    Err(error) => return Err(error),
                }
            }
            debug_assert!(order.waiting.is_empty(), "models that wait for one another");
            Ok(())
        })
    }

    /// Another connection to the mart being built, which reads what this one reads.
    fn another(&self) -> Result<Connection, EngineError> {
        let failed = |cause| EngineError { operation: "open a second connection to the mart".into(), cause };
        let connection = self.connection.try_clone().map_err(failed)?;
        for sql in self.session.borrow().iter() {
            connection.execute_batch(sql).map_err(failed)?;
        }
        Ok(connection)
    }
}

/// What SQL makes of a model. What is only built on is not written into the file: compressing it
/// takes longer than making it. It spills to the scratch directory where memory does not hold it.
fn form(model: &Model, step: &'static str) -> &'static str {
    match model.form {
        Form::Table => "table",
        Form::View => "view",
        Form::Step => step,
    }
}

fn schema(model: &Model) -> &'static str {
    if model.form == Form::Step { STEPS } else { "" }
}

/// Which model may be made next.
struct Order {
    /// Not begun, with what each waits for.
    waiting: Vec<(&'static Model, BTreeSet<&'static str>)>,
}

impl Order {
    fn of(models: &'static [Model]) -> Self {
        let waiting = models.iter().map(|model| {
            let mut reads = model.reads();
            if reads.contains(lineage::PARTS) {
                reads.extend(lineage::READS.map(str::to_owned));
            }
            let on = models.iter().map(|other| other.name).filter(|name| reads.contains(*name)).collect();
            (model, on)
        });
        Self { waiting: waiting.collect() }
    }

    /// The first, in the order they are listed in, that waits for nothing.
    fn next(&mut self) -> Option<&'static Model> {
        let at = self.waiting.iter().position(|(_, on)| on.is_empty())?;
        Some(self.waiting.remove(at).0)
    }

    fn is_made(&mut self, model: &Model) {
        for (_, on) in &mut self.waiting {
            on.remove(model.name);
        }
    }
}

/// Steps with the models that are still to read each.
struct Steps(BTreeMap<&'static str, BTreeSet<&'static str>>);

impl Steps {
    fn of(kept: Kept) -> Self {
        if kept == Kept::All {
            return Self(BTreeMap::new());
        }
        // Once each: reading a file for what it reads is slower than making a small model.
        let read_later: BTreeSet<String> = CHECKS.iter().flat_map(Check::reads).collect();
        let models: Vec<_> = MODELS.iter().map(|model| (model.name, model.reads())).collect();
        let readers = |name: &str| {
            models.iter().filter(|(_, reads)| reads.contains(name)).map(|(reader, _)| *reader).collect()
        };
        let steps = MODELS.iter().filter(|model| {
            model.form == Form::Step && model.name != record::READS && !read_later.contains(model.name)
        });
        Self(steps.map(|step| (step.name, readers(step.name))).collect())
    }

    /// The steps that nobody reads any more now that this model is made.
    fn without(&mut self, made: &Model) -> Vec<&'static str> {
        for readers in self.0.values_mut() {
            readers.remove(made.name);
        }
        self.0.extract_if(.., |_, readers| readers.is_empty()).map(|(step, _)| step).collect()
    }
}

#[cfg(test)]
mod tests {
    use model::manifest::Manifest;

    use super::*;
    use crate::rules::Rules;

    /// A model that says less than it reads would be made too early by chance: here each is made
    /// as early as it says.
    #[test]
    fn a_model_is_made_of_nothing_but_what_it_says() {
        let directory = tempfile::tempdir().unwrap();
        let builder = Builder::create(&directory.path().join("mart.duckdb"), directory.path()).unwrap();
        let manifest = Manifest::default();
        builder.attach(directory.path(), &manifest).unwrap();
        builder.load_rules(&Rules::default(), &manifest, chrono::DateTime::UNIX_EPOCH, "m").unwrap();
        let mut order = Order::of(MODELS);
        order.waiting.reverse();
        let mut names = Vec::new();
        builder.build_side_by_side(1, order, Steps::of(Kept::Read), |name| names.push(name)).unwrap();
        assert_eq!(names.len(), MODELS.len());
        let listed: Vec<_> = MODELS.iter().map(|model| model.name).collect();
        assert_ne!(names, listed);
        assert_eq!(builder.check().unwrap(), []);
        builder.finish().unwrap();
    }
}
