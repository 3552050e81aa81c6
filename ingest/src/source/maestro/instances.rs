//! Workflow and step instances, landed as runs.

use model::Warning;
use model::tags::{Tag, TagSet};
use model::time::{Instant, PeriodKey, from_epoch_ms, hours};
use serde_json::Value;

use super::artifacts::{Container, child_run_id, container};
use crate::rows::{Run, RunHour, RunStatus, RunUsage};
use crate::sink::Sink;
use crate::source::{ReadError, SourceOptions};

const ENGINE: &str = "maestro";

/// Characters of an error that are kept.
const ERROR_LENGTH: usize = 300;

/// A record of Maestro that is a run.
pub(super) struct Instance<'a> {
    value: &'a Value,
    workflow: String,
    instance: String,
    run: String,
    /// Step and attempt; nothing for a workflow instance.
    step: Option<(String, String)>,
}

impl<'a> Instance<'a> {
    /// Recognises an instance. A step instance has a `runtime_state`, a workflow instance a
    /// status and a time or an initiator: events, requests and answers about them have
    /// the same ids but not these.
    pub(super) fn of(value: &'a Value) -> Option<Self> {
        let id = |key: &str| text(&value[key]);
        let (workflow, instance, run) =
            (id("workflow_id")?, id("workflow_instance_id")?, id("workflow_run_id")?);
        let step = match (id("step_id"), id("step_attempt_id")) {
            (Some(step), Some(attempt)) if value["runtime_state"]["status"].is_string() => {
                Some((step, attempt))
            }
            (None, None)
                if value["status"].is_string()
                    && (value["create_time"].is_number() || value["initiator"].is_object()) =>
            {
                None
            }
            _ => return None,
        };
        Some(Self { value, workflow, instance, run, step })
    }

    /// `workflow/instance/run`, then `/step/attempt` for a step.
    pub(super) fn run_id(&self) -> String {
        let workflow = format!("{}/{}/{}", self.workflow, self.instance, self.run);
        match &self.step {
            Some((step, attempt)) => format!("{workflow}/{step}/{attempt}"),
            None => workflow,
        }
    }

    /// Whether the record says when it ended.
    pub(super) fn has_ended(&self) -> bool {
        let (times, keys): (_, &[&str]) = match self.step {
            Some(_) => (&self.value["runtime_state"], &["finish_time", "end_time"]),
            None => (self.value, &["end_time"]),
        };
        keys.iter().any(|key| times[*key].as_i64().and_then(from_epoch_ms).is_some())
    }

    /// Lands the run, and the hours of its container where one is known.
    ///
    /// # Errors
    /// When a row does not fit its schema.
    pub(super) fn land(&self, options: &SourceOptions, uri: &str, sink: &mut Sink) -> Result<(), ReadError> {
        let value = self.value;
        let times = if self.step.is_some() { &value["runtime_state"] } else { value };
        let mut broken = 0;
        let mut first_time = |keys: &[&str]| {
            keys.iter().find_map(|key| {
                let ms = times[*key].as_i64()?;
                let at = from_epoch_ms(ms);
                broken += u64::from(at.is_none());
                at
            })
        };
        let (queued_at, started_at, ended_at) = match self.step {
            Some(_) => (
                first_time(&["create_time"]),
                first_time(&["execute_time", "start_time", "create_time"]),
                first_time(&["finish_time", "end_time"]),
            ),
            None => (
                first_time(&["request_time", "create_time"]),
                first_time(&["start_time", "create_time", "request_time"]),
                first_time(&["end_time"]),
            ),
        };
        if broken > 0 {
            let message = "a time is no epoch in milliseconds of this century and counts as unknown";
            sink.warn(Warning::new("bad-time", uri, message).times(broken));
        }
        let Some(started_at) = started_at else {
            sink.warn(Warning::skipped("bad-time", uri, "an instance without any time was left out"));
            return Ok(());
        };
        let period = PeriodKey::day_of(started_at);

        let artifacts = &value["artifacts"];
        let held = container(artifacts).filter(|_| self.step.is_some()).zip(self.executed());
        let cluster_id = options.cluster.clone();
        let mut usage = RunUsage::default();
        if let Some((container, (from, to))) = held {
            usage.executors = 1;
            for (hour, held) in held_hours(container, from, to) {
                usage.vcore_ms = usage.vcore_ms.saturating_add(held.0);
                usage.memory_mib_ms = usage.memory_mib_ms.saturating_add(held.1);
                let row = RunHour {
                    run_id: self.run_id(),
                    engine: ENGINE.to_owned(),
                    hour,
                    cluster_id: cluster_id.clone(),
                    host: None,
                    vcore_ms: held.0,
                    memory_mib_ms: held.1,
                    active_ms: held.2,
                };
                sink.push(period, &row)?;
            }
        }

        let status = self.status();
        let tag_set_id = sink.tags(period, &self.tags())?;
        let initiator = &value["initiator"];
        let run = Run {
            run_id: self.run_id(),
            engine: ENGINE.to_owned(),
            engine_version: None,
            name: match &self.step {
                Some((step, _)) => text(&value["definition"]["step"]["name"]).or_else(|| Some(step.clone())),
                None => text(&value["runtime_workflow"]["name"]).or_else(|| Some(self.workflow.clone())),
            },
            workflow_id: Some(self.workflow.clone()),
            workflow_instance_id: Some(self.instance.clone()),
            workflow_run_id: Some(self.run.clone()),
            step_id: self.step.as_ref().map(|(step, _)| step.clone()),
            attempt: self.step.as_ref().and_then(|(_, attempt)| attempt.parse().ok()),
            trigger: text(&initiator["type"]).map(|kind| kind.to_lowercase()),
            parent: self.repeated_by(),
            child_run_id: child_run_id(artifacts),
            cluster_id,
            user_name: name_of(&initiator["user"]),
            owner: name_of(&value["owner"]).or_else(|| name_of(&value["run_properties"]["owner"])),
            tag_set_id,
            status,
            error: self.error().filter(|_| matches!(status, RunStatus::Failed | RunStatus::Killed)),
            queued_at,
            started_at,
            ended_at,
            usage,
        };
        Ok(sink.push(period, &run)?)
    }

    /// The workflow and step whose iteration this inline workflow is: the last of its
    /// ancestors that is no iteration itself.
    fn repeated_by(&self) -> Option<(String, String)> {
        let initiator = &self.value["initiator"];
        if self.step.is_some() || !matches!(initiator["type"].as_str()?, "FOREACH" | "WHILE") {
            return None;
        }
        let ancestors = initiator["ancestors"].as_array()?.iter().rev();
        let named = ancestors
            .filter_map(|ancestor| Some((text(&ancestor["workflow_id"])?, text(&ancestor["step_id"])?)));
        // Inline workflows are named by Maestro: maestro_foreach_..., maestro_while_...
        named.into_iter().find(|(workflow, _)| !workflow.starts_with("maestro_"))
    }

    /// When it executed: waiting for signals and permits holds nothing.
    fn executed(&self) -> Option<(Instant, Instant)> {
        let at = |key: &str| self.value["runtime_state"][key].as_i64().and_then(from_epoch_ms);
        let span = (at("execute_time")?, at("finish_time").or_else(|| at("end_time"))?);
        // A broken clock holds nothing for a year.
        (span.0 <= span.1 && (span.1 - span.0).num_days() < 366).then_some(span)
    }

    fn status(&self) -> RunStatus {
        let status = match self.step {
            Some(_) => &self.value["runtime_state"]["status"],
            None => &self.value["status"],
        };
        match status.as_str().unwrap_or_default() {
            // Steps that were switched off or whose condition did not hold are complete to Maestro.
            "SUCCEEDED" | "COMPLETED_WITH_ERROR" | "SKIPPED" | "UNSATISFIED" | "DISABLED" => {
                RunStatus::Succeeded
            }
            "USER_FAILED" | "PLATFORM_FAILED" | "TIMEOUT_FAILED" | "FATALLY_FAILED" | "INTERNALLY_FAILED"
            | "TIMED_OUT" | "FAILED" | "FAILED_1" | "FAILED_2" => RunStatus::Failed,
            "STOPPED" => RunStatus::Killed,
            "CREATED"
            | "INITIALIZED"
            | "PAUSED"
            | "WAITING_FOR_SIGNALS"
            | "EVALUATING_PARAMS"
            | "WAITING_FOR_PERMITS"
            | "STARTING"
            | "RUNNING"
            | "FINISHING"
            | "IN_PROGRESS" => RunStatus::Running,
            _ => RunStatus::Unknown,
        }
    }

    /// The message of the first error detail of its timeline.
    fn error(&self) -> Option<String> {
        let details = self.value["timeline"].as_array()?.iter().filter(|event| event["type"] == "DETAILS");
        let message = details.filter_map(|event| event["message"].as_str()).next()?;
        // Postgres refuses the null byte, and so do people's eyes.
        let line = message.lines().next().unwrap_or_default().replace('\0', " ");
        Some(line.trim().chars().take(ERROR_LENGTH).collect())
    }

    /// Tags `{name, namespace, attributes}`: `key:value` and `key=value` names are split,
    /// others are keys with the value `true`; attributes are tags of their own.
    fn tags(&self) -> TagSet {
        let listed = match self.step {
            Some(_) => &self.value["tags"],
            None => &self.value["runtime_workflow"]["tags"],
        };
        // Older versions wrap the list: `{"tags": [...]}`.
        let listed = listed.as_array().or_else(|| listed["tags"].as_array());
        let mut tags = Vec::new();
        for tag in listed.into_iter().flatten() {
            let Some(name) = tag["name"].as_str().or_else(|| tag.as_str()).filter(|name| !name.is_empty())
            else {
                continue;
            };
            tags.push(match name.split_once(['=', ':']) {
                Some((key, value)) if !key.is_empty() => Tag::new(key, value),
                _ => Tag::new(name, "true"),
            });
            for (key, value) in tag["attributes"].as_object().into_iter().flatten() {
                tags.extend(text(value).map(|value| Tag::new(key, &value)));
            }
        }
        TagSet::new(tags)
    }
}

/// A text or a number as text; nothing when empty.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.replace('\0', " ")),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A user: a text, or an object that holds it.
fn name_of(value: &Value) -> Option<String> {
    text(value).or_else(|| ["value", "name", "email"].iter().find_map(|key| text(&value[*key])))
}

/// (core-milliseconds, MiB-milliseconds, milliseconds) by hour. Thousandths of a core are
/// rounded on the running total, so that the hours add up to the rounded whole.
fn held_hours(container: Container, from: Instant, to: Instant) -> Vec<(Instant, (i64, i64, i64))> {
    let mut elapsed_ms = 0_i64;
    let mut counted = 0;
    let cut = hours(from, to).into_iter().map(|(hour, ms)| {
        elapsed_ms += ms;
        let total = container.millicores.saturating_mul(elapsed_ms).saturating_add(500) / 1000;
        let vcore_ms = total - counted;
        counted = total;
        (hour, (vcore_ms, container.memory_mib.saturating_mul(ms), ms))
    });
    cut.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_of_half_a_core_add_up_to_the_rounded_whole() {
        let at = |text: &str| text.parse::<Instant>().unwrap();
        let container = Container { millicores: 333, memory_mib: 100 };
        let held = held_hours(container, at("2026-10-05T01:59:59.999Z"), at("2026-10-05T03:00:00.001Z"));
        let vcore_ms: Vec<i64> = held.iter().map(|(_, held)| held.0).collect();
        // By hand: 0.333 ms, then 0.333 x 3,600,001 = 1,198,800.333, then 1,198,800.666.
        assert_eq!(vcore_ms, [0, 1_198_800, 1]);
        assert_eq!(held.iter().map(|(_, held)| held.1).sum::<i64>(), 360_000_200);
    }
}
