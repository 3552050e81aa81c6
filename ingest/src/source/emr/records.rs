//! The answers of the EMR API, with the fields that are used
//! (<https://docs.aws.amazon.com/emr/latest/APIReference/>).

use chrono::DateTime;
use model::time::{Instant, from_epoch_ms};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// One answer, whichever it is.
#[derive(Deserialize)]
pub(super) struct File {
    #[serde(rename = "Cluster")]
    pub cluster: Option<Cluster>,
    #[serde(rename = "Instances")]
    pub instances: Option<Vec<Instance>>,
    #[serde(rename = "InstanceGroups")]
    pub groups: Option<Vec<Group>>,
    #[serde(rename = "InstanceFleets")]
    pub fleets: Option<Vec<Group>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Cluster {
    pub id: String,
    pub name: Option<String>,
    #[serde(default)]
    pub status: Status,
    #[serde(default)]
    pub tags: Vec<ClusterTag>,
    #[serde(rename = "MasterPublicDnsName")]
    pub master_dns: Option<String>,
    #[serde(rename = "InstanceGroups", default)]
    pub groups: Vec<Group>,
    #[serde(rename = "InstanceFleets", default)]
    pub fleets: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ClusterTag {
    pub key: String,
    pub value: Option<String>,
}

/// An instance group, or an instance fleet, which has many instance types.
#[derive(Deserialize)]
pub(super) struct Group {
    #[serde(rename = "Id")]
    pub id: String,
    #[serde(rename = "InstanceGroupType", alias = "InstanceFleetType")]
    pub role: Option<String>,
    #[serde(rename = "InstanceType")]
    pub instance_type: Option<String>,
    #[serde(rename = "Market")]
    pub market: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Instance {
    #[serde(rename = "Id")]
    pub id: String,
    #[serde(rename = "Ec2InstanceId")]
    pub ec2_id: Option<String>,
    #[serde(rename = "PublicDnsName")]
    pub public_dns: Option<String>,
    #[serde(rename = "PrivateDnsName")]
    pub private_dns: Option<String>,
    #[serde(rename = "PrivateIpAddress")]
    pub private_ip: Option<String>,
    #[serde(rename = "InstanceGroupId")]
    pub instance_group: Option<String>,
    #[serde(rename = "InstanceFleetId")]
    pub instance_fleet: Option<String>,
    #[serde(rename = "Market")]
    pub market: Option<String>,
    #[serde(rename = "InstanceType")]
    pub instance_type: Option<String>,
    #[serde(rename = "Status")]
    pub status: Option<Status>,
}

impl Instance {
    pub(super) fn group_id(&self) -> Option<&str> {
        self.instance_group.as_deref().or(self.instance_fleet.as_deref())
    }

    pub(super) fn ended(&self) -> Option<Instant> {
        self.status.as_ref()?.timeline.as_ref()?.ended()
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Status {
    pub state: Option<String>,
    pub timeline: Option<Timeline>,
}

#[derive(Deserialize)]
pub(super) struct Timeline {
    #[serde(rename = "CreationDateTime", default, deserialize_with = "instant")]
    created: Option<Instant>,
    #[serde(rename = "ReadyDateTime", default, deserialize_with = "instant")]
    ready: Option<Instant>,
    #[serde(rename = "EndDateTime", default, deserialize_with = "instant")]
    ended: Option<Instant>,
}

impl Timeline {
    pub(super) fn created(&self) -> Option<Instant> {
        self.created
    }

    pub(super) fn ready(&self) -> Option<Instant> {
        self.ready
    }

    pub(super) fn ended(&self) -> Option<Instant> {
        self.ended
    }
}

/// Epoch seconds with a fraction (AWS CLI 1, and `cli_timestamp_format = none`), or ISO
/// text with an offset (AWS CLI 2); to the millisecond. Nothing for a time out of this world.
fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Instant>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        // A double holds the milliseconds of this century exactly.
        Value::Number(seconds) => {
            seconds.as_f64().and_then(|seconds| from_epoch_ms((seconds * 1000.0).round() as i64))
        }
        Value::String(text) => {
            let at = DateTime::parse_from_rfc3339(&text).ok();
            at.and_then(|at| from_epoch_ms(at.timestamp_millis()))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_a_time_are_one_instant() {
        let created = |text: &str| {
            let timeline: Timeline =
                serde_json::from_str(&format!(r#"{{"CreationDateTime": {text}}}"#)).unwrap();
            timeline.created().map(|at| at.timestamp_millis())
        };
        for (text, want) in [
            ("1399400268.62", Some(1_399_400_268_620)),
            ("1399400268", Some(1_399_400_268_000)),
            (r#""2014-05-06T18:17:48.620000+00:00""#, Some(1_399_400_268_620)),
            (r#""2014-05-06T11:17:48.620-07:00""#, Some(1_399_400_268_620)),
            (r#""2014-05-06T18:17:48.62Z""#, Some(1_399_400_268_620)),
            (r#""yesterday""#, None),
            ("1e300", None),
            ("-1", None),
            ("null", None),
            ("{}", None),
        ] {
            assert_eq!(created(text), want, "{text}");
        }
    }
}
