//! Maps of a CUR 2.0, which both formats give as JSON objects of texts.

use std::collections::HashMap;
use std::rc::Rc;

use model::tags::{Tag, TagSet};
use serde_json::Value as Json;

use super::notes::Notes;

/// Products remembered at most; a bill has thousands.
const REMEMBERED: usize = 1 << 14;

/// What a line's product says that has no column of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Product {
    pub name: Option<String>,
    pub region: Option<String>,
    pub instance_type: Option<String>,
    pub vcpu: Option<String>,
    pub memory: Option<String>,
}

/// Products by the text of their map: a bill repeats few over many lines.
#[derive(Default)]
pub(super) struct Products {
    known: HashMap<String, Rc<Product>>,
    last: Option<(String, Rc<Product>)>,
}

impl Products {
    /// The product a map describes.
    pub fn get(&mut self, written: &str, notes: &mut Notes) -> Rc<Product> {
        if let Some((text, product)) = &self.last
            && text == written
        {
            return Rc::clone(product);
        }
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        let product = match self.known.get(written) {
            Some(product) => Rc::clone(product),
            None => {
                let product = Rc::new(parse_product(written, notes));
                self.known.insert(written.to_owned(), Rc::clone(&product));
                product
            }
        };
        self.last = Some((written.to_owned(), Rc::clone(&product)));
        product
    }
}

fn parse_product(written: &str, notes: &mut Notes) -> Product {
    let Ok(Json::Object(map)) = serde_json::from_str(written) else {
        notes.count("odd-product", "", || {
            "products that are no JSON object: what they say is left out".to_owned()
        });
        return Product::default();
    };
    let text = |names: &[&str]| {
        let found = names.iter().find_map(|name| map.get(*name).and_then(Json::as_str));
        found.filter(|text| !text.trim().is_empty()).map(str::to_owned)
    };
    Product {
        name: text(&["product_name", "productname", "servicename"]),
        region: text(&["region_code", "region"]),
        instance_type: text(&["instance_type"]),
        vcpu: text(&["vcpu"]),
        memory: text(&["memory"]),
    }
}

/// The tags of a map.
pub(super) fn parse_tags(written: &str, notes: &mut Notes) -> TagSet {
    let Ok(Json::Object(map)) = serde_json::from_str(written) else {
        notes.count("odd-tags", "", || "tags that are no JSON object: left out".to_owned());
        return TagSet::default();
    };
    TagSet::new(map.into_iter().filter_map(|(key, value)| match value {
        Json::Null => None,
        Json::String(text) => Some(Tag::new(&key, &text)),
        other => Some(Tag::new(&key, &other.to_string())),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_read_whatever_they_hold() {
        let mut products = Products::default();
        let mut get = |text: &str| products.get(text, &mut Notes::default());
        let machine = get(
            r#"{"product_name":"Amazon Elastic Compute Cloud","vcpu":"16","memory":"64 GiB","region":"us-east-1"}"#,
        );
        assert_eq!(machine.name.as_deref(), Some("Amazon Elastic Compute Cloud"));
        assert_eq!((machine.vcpu.as_deref(), machine.memory.as_deref()), (Some("16"), Some("64 GiB")));
        assert_eq!(machine.region.as_deref(), Some("us-east-1"));
        for odd in ["EC2", "", "[1]", r#"{"vcpu": 16}"#, r#"{"vcpu": " "}"#, &"[".repeat(100_000)] {
            assert_eq!(*get(odd), Product::default(), "{}", odd.get(..20).unwrap_or(odd));
        }
    }

    #[test]
    fn tags_fold_as_those_of_other_exports() {
        let read = |text: &str| {
            let set = parse_tags(text, &mut Notes::default());
            set.tags().iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect::<Vec<_>>()
        };
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            read(
                r#"{"user_team":"growth","aws_elasticmapreduce_job_flow_id":"j-1","n":3,"none":null,"e":""}"#
            ),
            [pair("aws_elasticmapreduce_job_flow_id", "j-1"), pair("n", "3"), pair("team", "growth")]
        );
        assert_eq!(read("not json"), []);
        assert_eq!(read("{}"), []);
    }
}
