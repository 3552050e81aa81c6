//! vCPUs and memory of EC2 instance types, by the rule their names follow.
//!
//! A name is family letters, generation, attributes, a dot and a size
//! (<https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html>). Sizes
//! count vCPUs: `medium` 1, `large` 2, `xlarge` 4, `Nxlarge` 4N; the family fixes the
//! memory of a vCPU (<https://docs.aws.amazon.com/ec2/latest/instancetypes/>, the
//! specifications of each family). Families and sizes that break the rule (`c4.8xlarge`
//! has 36 vCPUs, `c5n.9xlarge` 96 GiB) and those we are not sure of give nothing: a null
//! capacity is shared by activity, a wrong one shares wrongly without a sign.

/// What an instance type offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Capacity {
    pub vcpus: Option<i64>,
    pub memory_mib: Option<i64>,
}

const GIB: i64 = 1024;

/// The capacity of an instance type; nothing for what the rule does not cover.
pub(super) fn instance_capacity(instance_type: &str) -> Capacity {
    let unknown = Capacity::default();
    let Some((series, size)) = instance_type.split_once('.') else { return unknown };
    let Some(vcpus) = size_vcpus(size) else { return unknown };
    let digits = series.find(|c: char| c.is_ascii_digit()).unwrap_or(series.len());
    let (family, rest) = series.split_at(digits);
    let generation = rest.chars().next().and_then(|c| c.to_digit(10)).unwrap_or(0);
    let attributes = rest.get(1..).unwrap_or_default();
    // Generation numbers have one digit so far; two would need a look at the new names.
    if attributes.starts_with(|c: char| c.is_ascii_digit())
        || (size == "medium" && !has_medium(generation, attributes))
    {
        return unknown;
    }
    let known =
        |memory_mib_a_vcpu: i64| Capacity { vcpus: Some(vcpus), memory_mib: Some(vcpus * memory_mib_a_vcpu) };
    match (family, generation, attributes) {
        // Early families do not double evenly at their largest size.
        ("c", 4, "") if size != "8xlarge" => known(1920),
        ("m", 4, "") => known(4 * GIB),
        ("r", 4, "") | ("i", 3, "") => known(7808),
        ("d", 2, "") if size != "8xlarge" => known(7808),
        ("c", 5, "n") => Capacity { vcpus: Some(vcpus), memory_mib: None },
        ("c", 5..=8, _) => known(2 * GIB),
        ("m", 5..=8, _) | ("h", 1, "") | ("im", 4, "gn") | ("d", 3, "en") => known(4 * GIB),
        ("r", 5..=8, _)
        | ("i", 3, "en")
        | ("i", 4, "i" | "g")
        | ("i", 7, "i" | "ie")
        | ("i", 8, "g")
        | ("d", 3, "")
        | ("z", 1, "d") => known(8 * GIB),
        ("is", 4, "gen") => known(6 * GIB),
        ("x", 2, "gd" | "idn") | ("x", 8, "g") => known(16 * GIB),
        ("x", 2, "iedn") => known(32 * GIB),
        _ => unknown,
    }
}

/// vCPUs of a size; `metal` differs by family.
fn size_vcpus(size: &str) -> Option<i64> {
    match size {
        "medium" => Some(1),
        "large" => Some(2),
        "xlarge" => Some(4),
        _ => {
            let times: i64 = size.strip_suffix("xlarge")?.parse().ok()?;
            (2..=128).contains(&times).then_some(4 * times)
        }
    }
}

/// Graviton (`g...`) and, from the seventh generation, AMD (`a`) have a `medium` of one vCPU.
fn has_medium(generation: u32, attributes: &str) -> bool {
    attributes.starts_with('g') || (generation >= 7 && attributes.starts_with('a'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_specifications_follow_the_rule() {
        // vCPUs and GiB as the EC2 pages and the price lists give them.
        for (instance_type, vcpus, gib) in [
            ("m5.xlarge", 4, 16.0),
            ("m5.24xlarge", 96, 384.0),
            ("m5zn.3xlarge", 12, 48.0),
            ("m6g.medium", 1, 4.0),
            ("m7a.medium", 1, 4.0),
            ("m7i-flex.large", 2, 8.0),
            ("c5.9xlarge", 36, 72.0),
            ("c5.18xlarge", 72, 144.0),
            ("c7gn.16xlarge", 64, 128.0),
            ("r5d.4xlarge", 16, 128.0),
            ("r6gd.12xlarge", 48, 384.0),
            ("r8g.48xlarge", 192, 1536.0),
            ("m4.10xlarge", 40, 160.0),
            ("r4.large", 2, 15.25),
            ("r4.16xlarge", 64, 488.0),
            ("c4.4xlarge", 16, 30.0),
            ("i3.8xlarge", 32, 244.0),
            ("i3en.24xlarge", 96, 768.0),
            ("i4i.32xlarge", 128, 1024.0),
            ("d2.4xlarge", 16, 122.0),
            ("d3.8xlarge", 32, 256.0),
            ("d3en.12xlarge", 48, 192.0),
            ("x2iedn.xlarge", 4, 128.0),
            ("z1d.12xlarge", 48, 384.0),
        ] {
            let want = Capacity { vcpus: Some(vcpus), memory_mib: Some((gib * 1024.0) as i64) };
            assert_eq!(instance_capacity(instance_type), want, "{instance_type}");
        }
    }

    #[test]
    fn what_breaks_the_rule_is_unknown() {
        for instance_type in [
            "",
            "m5",
            "m1.small",
            "m3.xlarge",
            "t3.large",
            "c4.8xlarge",
            "d2.8xlarge",
            "m5.metal",
            "m7i.metal-24xl",
            "m5.medium",
            "p4d.24xlarge",
            "u-6tb1.112xlarge",
            "m5.0xlarge",
            "m5.99999999999999999999xlarge",
            "m55.large",
            "<script>.large",
            "é5.large",
        ] {
            assert_eq!(instance_capacity(instance_type), Capacity::default(), "{instance_type}");
        }
        assert_eq!(instance_capacity("c5n.9xlarge"), Capacity { vcpus: Some(36), memory_mib: None });
    }
}
