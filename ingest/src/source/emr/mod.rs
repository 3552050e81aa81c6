//! Amazon EMR clusters on EC2, from what `aws emr describe-cluster` and
//! `aws emr list-instances` print, one directory a cluster.
//!
//! Files are known by their content, not by their names: `{"Cluster": {...}}`,
//! `{"Instances": [...]}`, and `{"InstanceGroups": [...]}` or `{"InstanceFleets": [...]}`
//! where they were listed apart. Several clusters may share a directory when their
//! instances say which group or fleet they are of, or their files carry the cluster's id in
//! their names. `list-instances` forgets instances some weeks after they ended, so lists
//! taken at different times may lie side by side: an instance counts once.

mod capacity;
mod records;

use std::collections::BTreeMap;
use std::io::Read;

use flate2::read::MultiGzDecoder;
use model::Warning;
use model::tags::{Tag, TagSet};
use model::time::{Instant, PeriodKey};

use self::capacity::instance_capacity;
use self::records::{Cluster, File, Group, Instance, Timeline};
use super::{Plan, ReadError, Reader, Unit};
use crate::rows::Node;
use crate::sink::Sink;
use crate::store::{Object, Store};

/// The reader of `emr`.
pub(super) struct Emr;

impl Reader for Emr {
    fn plan(&self, _store: &dyn Store, listing: &[Object]) -> Result<Plan, ReadError> {
        let mut directories: BTreeMap<&str, Vec<Object>> = BTreeMap::new();
        let json = |object: &&Object| {
            let name = object.file_name();
            (name.ends_with(".json") || name.ends_with(".json.gz")) && !name.starts_with(['.', '_'])
        };
        for object in listing.iter().filter(json) {
            directories.entry(object.parent()).or_default().push(object.clone());
        }
        let units = directories.into_iter().map(|(key, objects)| Unit { key: key.to_owned(), objects });
        Ok(Plan { units: units.collect(), warnings: Vec::new() })
    }

    fn read(&self, store: &dyn Store, unit: &Unit, _now: Instant, sink: &mut Sink) -> Result<(), ReadError> {
        let mut directory = Directory::default();
        for object in &unit.objects {
            match read_file(store, object)? {
                File { cluster: Some(cluster), .. } => directory.cluster(cluster),
                File { instances: Some(instances), .. } => {
                    let named = cluster_in_name(object.file_name());
                    directory
                        .instances
                        .extend(instances.into_iter().map(|instance| (named.clone(), instance)));
                }
                File { groups: Some(groups), .. } | File { fleets: Some(groups), .. } => {
                    directory
                        .groups
                        .extend(groups.into_iter().map(|group| (group.id.clone(), (None, group))));
                }
                _ => {
                    let message = "the file describes no cluster and lists no instances, and was left alone";
                    sink.warn(Warning::new("not-a-cluster", &object.uri, message));
                }
            }
        }
        directory.land(&unit.key, sink)
    }
}

fn read_file(store: &dyn Store, object: &Object) -> Result<File, ReadError> {
    let malformed = |fault: String| ReadError::Malformed {
        what: "EMR description",
        object: object.uri.clone(),
        fault,
        hint: None,
    };
    let mut bytes = store.bytes(&object.uri)?;
    if object.uri.ends_with(".gz") {
        let mut plain = Vec::new();
        MultiGzDecoder::new(&bytes[..])
            .read_to_end(&mut plain)
            .map_err(|error| malformed(error.to_string()))?;
        bytes = plain;
    }
    serde_json::from_slice(&bytes).map_err(|error| malformed(error.to_string()))
}

/// A cluster id in a name: `instances-j-2AXXXXXXGAPLF.json`.
fn cluster_in_name(name: &str) -> Option<String> {
    let (at, _) = name
        .match_indices("j-")
        .find(|(at, _)| !name[..*at].ends_with(|c: char| c.is_ascii_alphanumeric()))?;
    let id: String = name[at + 2..].chars().take_while(char::is_ascii_alphanumeric).collect();
    let plausible = id.len() >= 8 && id.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    plausible.then(|| format!("j-{id}"))
}

/// Everything one directory says.
#[derive(Default)]
struct Directory {
    clusters: BTreeMap<String, Cluster>,
    /// By group or fleet id: its cluster, where the cluster named it, and what it is.
    groups: BTreeMap<String, (Option<String>, Group)>,
    /// With the cluster its file's name carries.
    instances: Vec<(Option<String>, Instance)>,
}

impl Directory {
    fn cluster(&mut self, mut cluster: Cluster) {
        let groups = cluster.groups.drain(..).chain(cluster.fleets.drain(..));
        self.groups.extend(groups.map(|group| (group.id.clone(), (Some(cluster.id.clone()), group))));
        self.clusters.insert(cluster.id.clone(), cluster);
    }

    /// The cluster of an instance: that of its group or fleet, the one its file is named
    /// after, the only one described, or the one the directory is named after.
    fn cluster_of(&self, instance: &Instance, named: Option<&String>, directory: &str) -> Option<String> {
        let of_group =
            instance.group_id().and_then(|id| self.groups.get(id)).and_then(|(cluster, _)| cluster.clone());
        let only = || match self.clusters.len() {
            1 => self.clusters.keys().next().cloned(),
            _ => None,
        };
        of_group
            .or_else(|| named.cloned())
            .or_else(only)
            .or_else(|| cluster_in_name(directory.rsplit('/').next().unwrap_or_default()))
    }

    fn land(self, directory: &str, sink: &mut Sink) -> Result<(), ReadError> {
        let mut nodes: BTreeMap<(String, String), &Instance> = BTreeMap::new();
        for (named, instance) in &self.instances {
            let Some(cluster) = self.cluster_of(instance, named.as_ref(), directory) else {
                let message = "instances are listed whose cluster nothing tells: name the file or the directory after it";
                sink.warn(Warning::skipped("unknown-cluster", directory, message));
                continue;
            };
            // Of two records the one that knows the end is the later.
            let known = nodes.entry((cluster, instance.id.clone())).or_insert(instance);
            if known.ended().is_none() && instance.ended().is_some() {
                *known = instance;
            }
        }
        for id in self.clusters.keys() {
            if !nodes.keys().any(|(cluster, _)| cluster == id) {
                let message = format!("cluster {id} is described, but none of its instances is listed");
                sink.warn(Warning::new("no-instances", directory, message));
            }
        }
        for ((cluster_id, node_id), instance) in nodes {
            self.land_node(cluster_id, node_id, instance, directory, sink)?;
        }
        Ok(())
    }

    fn land_node(
        &self,
        cluster_id: String,
        node_id: String,
        instance: &Instance,
        directory: &str,
        sink: &mut Sink,
    ) -> Result<(), ReadError> {
        let cluster = self.clusters.get(&cluster_id);
        let group = instance.group_id().and_then(|id| self.groups.get(id)).map(|(_, group)| group);
        let lived = instance.status.as_ref().and_then(|status| status.timeline.as_ref());
        let Some(started_at) = lived.and_then(|timeline| timeline.created().or_else(|| timeline.ready()))
        else {
            let message = "an instance without a believable creation time was left out";
            sink.warn(Warning::skipped("bad-time", directory, message));
            return Ok(());
        };
        let period = PeriodKey::day_of(started_at);
        let cluster_lived = cluster.and_then(|cluster| cluster.status.timeline.as_ref());
        let cluster_ended_at = cluster_lived.and_then(Timeline::ended);
        let role = group.and_then(|group| group.role.as_deref()).map(str::to_lowercase).or_else(|| {
            let master = cluster?.master_dns.as_deref()?;
            let is_master = [&instance.public_dns, &instance.private_dns]
                .iter()
                .any(|dns| dns.as_deref() == Some(master));
            is_master.then(|| "master".to_owned())
        });
        if role.is_none() {
            let message = "the role of instances is not told (no group or fleet of theirs is listed): they count as worker";
            sink.warn(Warning::new("unknown-role", directory, message));
        }
        let instance_type =
            instance.instance_type.clone().or_else(|| group.and_then(|group| group.instance_type.clone()));
        let capacity = instance_type.as_deref().map(instance_capacity).unwrap_or_default();
        let market = instance.market.as_deref().or_else(|| group.and_then(|group| group.market.as_deref()));
        let tag_set_id = match cluster {
            Some(cluster) => {
                let tags = cluster
                    .tags
                    .iter()
                    .map(|tag| Tag::new(&tag.key, tag.value.as_deref().unwrap_or_default()));
                sink.tags(period, &TagSet::new(tags))?
            }
            None => None,
        };
        let node = Node {
            cluster_id,
            cluster_name: cluster.and_then(|cluster| cluster.name.clone()),
            cluster_status: cluster
                .and_then(|cluster| cluster.status.state.as_deref())
                .map(str::to_lowercase),
            cluster_started_at: cluster_lived.and_then(Timeline::created),
            cluster_ended_at,
            tag_set_id,
            node_id,
            resource_id: instance.ec2_id.clone(),
            private_dns: instance.private_dns.clone().filter(|dns| !dns.is_empty()),
            private_ip: instance.private_ip.clone().filter(|ip| !ip.is_empty()),
            role: role.unwrap_or_else(|| "worker".to_owned()),
            instance_type,
            vcpus: capacity.vcpus,
            memory_mib: capacity.memory_mib,
            market: market.unwrap_or("ON_DEMAND").to_lowercase(),
            started_at,
            // A list taken before the cluster ended does not know that its nodes did.
            ended_at: instance.ended().or(cluster_ended_at),
        };
        Ok(sink.push(period, &node)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_id_in_a_name_is_not_any_j() {
        for (name, want) in [
            ("j-2AXXXXXXGAPLF", Some("j-2AXXXXXXGAPLF")),
            ("instances-j-2AXXXXXXGAPLF.json", Some("j-2AXXXXXXGAPLF")),
            ("obj-2AXXXXXXGAPLF.json", None),
            ("j-daily.json", None),
            ("list-instances.json", None),
        ] {
            assert_eq!(cluster_in_name(name).as_deref(), want, "{name}");
        }
    }
}
