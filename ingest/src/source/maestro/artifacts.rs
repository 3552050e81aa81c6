//! What a step's artifacts say: the application it started, and the container it held.

use serde_json::Value;

/// What a step held while it executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Container {
    pub millicores: i64,
    pub memory_mib: i64,
}

/// The engine's run that an artifact names: one of the keys below, else any text in the
/// artifacts that has the form of a Spark application id or is a Trino query id.
pub(in crate::source) fn child_run_id(artifacts: &Value) -> Option<String> {
    const KEYS: [&str; 5] =
        ["application_id", "spark_application_id", "app_id", "trino_query_id", "query_id"];
    by_key(artifacts, &KEYS).or_else(|| by_form(artifacts))
}

fn by_key(value: &Value, keys: &[&str]) -> Option<String> {
    match value {
        Value::Object(fields) => {
            let named = keys.iter().find_map(|key| fields.get(*key)?.as_str()).filter(|id| !id.is_empty());
            named.map(str::to_owned).or_else(|| fields.values().find_map(|inner| by_key(inner, keys)))
        }
        Value::Array(items) => items.iter().find_map(|inner| by_key(inner, keys)),
        _ => None,
    }
}

fn by_form(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => application_id(text).or_else(|| query_id(text)).map(str::to_owned),
        Value::Object(fields) => fields.values().find_map(by_form),
        Value::Array(items) => items.iter().find_map(by_form),
        _ => None,
    }
}

/// The first `application_<digits>_<digits>` (YARN) or `app-<14 digits>-<4 digits>`
/// (standalone) in a text.
fn application_id(text: &str) -> Option<&str> {
    let digits = |from: usize| text[from..].bytes().take_while(u8::is_ascii_digit).count();
    let yarn = text.match_indices("application_").find_map(|(at, prefix)| {
        let first = at + prefix.len();
        let second = first + digits(first) + 1;
        let is_id = digits(first) > 0 && text[second - 1..].starts_with('_') && digits(second) > 0;
        is_id.then(|| &text[at..second + digits(second)])
    });
    let standalone = || {
        text.match_indices("app-").find_map(|(at, prefix)| {
            let first = at + prefix.len();
            let second = first + 15;
            let is_id = digits(first) == 14 && text[first + 14..].starts_with('-') && digits(second) == 4;
            is_id.then(|| &text[at..second + 4])
        })
    };
    yarn.or_else(standalone)
}

/// A Trino query id that is the whole text: `20261005_061500_00042_abcde`.
fn query_id(text: &str) -> Option<&str> {
    let mut parts = text.split('_');
    let mut digits = |length| {
        parts
            .next()
            .is_some_and(|part| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let counted = digits(8) && digits(6) && digits(5);
    let coordinator = parts.next().is_some_and(|part| {
        part.len() == 5 && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    });
    (counted && coordinator && parts.next().is_none()).then_some(text)
}

/// The container of a Titus job (`titus_options`) or a Kubernetes job (`command`).
pub(super) fn container(artifacts: &Value) -> Option<Container> {
    let Value::Object(fields) = artifacts else { return None };
    if let Some(options) = fields.get("titus_options") {
        let memory = options.get("memory_mb").and_then(Value::as_i64).unwrap_or(0);
        return millicores(options.get("cpu")?)
            .map(|millicores| Container { millicores, memory_mib: memory.max(0) });
    }
    if let Some(command) =
        fields.get("command").filter(|_| fields.get("type").is_some_and(|kind| kind == "KUBERNETES"))
    {
        let memory_mib = command.get("memory").and_then(memory_mib).unwrap_or(0);
        return millicores(command.get("cpu")?).map(|millicores| Container { millicores, memory_mib });
    }
    fields.values().find_map(container)
}

/// Cores as a number, as text (`"0.5"`), or in thousandths (`"500m"`, as Kubernetes has it).
fn millicores(cpu: &Value) -> Option<i64> {
    let cores = match cpu {
        Value::Number(number) => number.as_f64()? * 1000.0,
        Value::String(text) => match text.trim().strip_suffix('m') {
            Some(thousandths) => thousandths.parse::<f64>().ok()?,
            None => text.trim().parse::<f64>().ok()? * 1000.0,
        },
        _ => return None,
    };
    // A million cores is no container.
    (0.0..=1e9).contains(&cores).then_some(cores.round() as i64)
}

/// Memory as Kubernetes writes quantities: bytes, or with `Ki`, `Mi`, `Gi`, `Ti`, `k`,
/// `M`, `G`, `T`. MiB, rounded down.
fn memory_mib(memory: &Value) -> Option<i64> {
    let text = match memory {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let bytes = match unit {
        "" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        "Ti" => 1_099_511_627_776.0,
        _ => return None,
    };
    let mib = number.parse::<f64>().ok()? * bytes / 1_048_576.0;
    (0.0..=1e9).contains(&mib).then_some(mib as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_application_is_found_by_key_before_form() {
        let cases = [
            (json!({"a": {"application_id": "application_1_0001"}}), Some("application_1_0001")),
            (
                json!({"a": {"x": "app-20261120085851-0000"}, "b": {"spark_application_id": "local-1"}}),
                Some("local-1"),
            ),
            (
                json!({"a": {"log": "tracking http://rm:8088/proxy/application_1724877841851_0016/ now"}}),
                Some("application_1724877841851_0016"),
            ),
            (json!({"a": ["see app-20261120085851-0000."]}), Some("app-20261120085851-0000")),
            (json!({"a": "application_name application_ application_1_ app-1-2"}), None),
            (json!({"result": ["20261005_061500_00042_ab9de"]}), Some("20261005_061500_00042_ab9de")),
            (
                json!({"trino": {"query_id": "20261005_061500_00042_abcde"}}),
                Some("20261005_061500_00042_abcde"),
            ),
            (json!({"table": "20261005_061500_00042_abcdef"}), None),
            (json!({"application_id": 7, "b": "ünïcode app-é"}), None),
            (json!(null), None),
        ];
        for (artifacts, want) in cases {
            assert_eq!(child_run_id(&artifacts).as_deref(), want, "{artifacts}");
        }
    }

    #[test]
    fn containers_have_cores_as_numbers_or_texts() {
        let held = |millicores, memory_mib| Some(Container { millicores, memory_mib });
        let cases = [
            (json!({"titus": {"titus_options": {"cpu": 1, "memory_mb": 4096}}}), held(1000, 4096)),
            (json!({"k": {"type": "KUBERNETES", "command": {"cpu": "0.5"}}}), held(500, 0)),
            (
                json!({"k": {"type": "KUBERNETES", "command": {"cpu": "250m", "memory": "1.5Gi"}}}),
                held(250, 1536),
            ),
            (json!({"k": {"type": "KUBERNETES", "command": {"image": "x"}}}), None),
            (json!({"k": {"type": "KUBERNETES", "command": {"cpu": "many"}}}), None),
            (json!({"titus_options": {"cpu": -1}}), None),
            (json!({"titus_options": {"cpu": 1e300}}), None),
            (json!({"other": {"command": {"cpu": 4}}}), None),
        ];
        for (artifacts, want) in cases {
            assert_eq!(container(&artifacts), want, "{artifacts}");
        }
    }
}
