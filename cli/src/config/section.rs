//! One table of the configuration, read key by key: every fault is noted with its line,
//! unknown keys with the nearest known one.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use model::Amount;
use toml::de::{DeTable, DeValue};

type Spanned<T> = toml::Spanned<T>;

/// One fault of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Line in the file, from 1.
    pub line: usize,
    /// What is wrong, naming the key.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Faults found so far, and the text to number lines by.
pub struct Faults<'t> {
    text: &'t str,
    found: Vec<Fault>,
}

impl<'t> Faults<'t> {
    /// None yet.
    pub fn new(text: &'t str) -> Self {
        Self { text, found: Vec::new() }
    }

    /// Notes a fault at a byte offset.
    pub fn add(&mut self, at: usize, message: impl Into<String>, hint: Option<String>) {
        let line = self.text.get(..at).map_or(1, |before| before.matches('\n').count() + 1);
        self.found.push(Fault { line, message: message.into(), hint });
    }

    /// All of them, by line.
    pub fn into_sorted(mut self) -> Vec<Fault> {
        self.found.sort();
        self.found
    }
}

/// A table being read.
pub struct Section<'a, 'i> {
    /// How messages name it: `source 2`.
    name: String,
    at: usize,
    table: &'a DeTable<'i>,
    known: BTreeSet<&'static str>,
}

impl<'a, 'i> Section<'a, 'i> {
    /// Starts reading a table.
    pub fn new(name: impl Into<String>, at: usize, table: &'a DeTable<'i>) -> Self {
        Self { name: name.into(), at, table, known: BTreeSet::new() }
    }

    /// Where it begins, for faults about the whole table.
    pub fn at(&self) -> usize {
        self.at
    }

    /// How messages name it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value of a key, which becomes a known one.
    pub fn value(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'i>>> {
        self.known.insert(key);
        self.table.iter().find(|(name, _)| name.get_ref().as_ref() == key).map(|(_, value)| value)
    }

    fn wrong(&self, faults: &mut Faults<'_>, key: &str, value: &Spanned<DeValue<'i>>, wanted: &str) {
        let found = value.get_ref().type_str();
        faults.add(value.span().start, format!("{}: `{key}` must be {wanted}, not {found}", self.name), None);
    }

    /// A text.
    pub fn text(&mut self, faults: &mut Faults<'_>, key: &'static str) -> Option<String> {
        let value = self.value(key)?;
        match value.get_ref().as_str() {
            Some("") => {
                faults.add(value.span().start, format!("{}: `{key}` is empty", self.name), None);
                None
            }
            Some(text) => Some(text.to_owned()),
            None => {
                self.wrong(faults, key, value, "a text in quotes");
                None
            }
        }
    }

    /// A text that must be there.
    pub fn required(&mut self, faults: &mut Faults<'_>, key: &'static str) -> Option<String> {
        if self.value(key).is_none() {
            faults.add(self.at, format!("{}: `{key}` is missing", self.name), None);
            return None;
        }
        self.text(faults, key)
    }

    /// True or false.
    pub fn flag(&mut self, faults: &mut Faults<'_>, key: &'static str) -> Option<bool> {
        let value = self.value(key)?;
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.wrong(faults, key, value, "true or false");
        }
        flag
    }

    /// A whole number within bounds.
    pub fn integer(
        &mut self,
        faults: &mut Faults<'_>,
        key: &'static str,
        bounds: std::ops::RangeInclusive<i64>,
    ) -> Option<i64> {
        let value = self.value(key)?;
        let number = value
            .get_ref()
            .as_integer()
            .and_then(|number| i64::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok());
        if let Some(number) = number.filter(|number| bounds.contains(number)) {
            return Some(number);
        }
        let message = format!(
            "{}: `{key}` must be a whole number from {} to {}",
            self.name,
            bounds.start(),
            bounds.end()
        );
        faults.add(value.span().start, message, None);
        None
    }

    /// An exact decimal, with or without quotes.
    pub fn amount(&mut self, faults: &mut Faults<'_>, key: &'static str) -> Option<Amount> {
        let value = self.value(key)?;
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.as_str().replace('_', ""),
            DeValue::Float(number) => number.as_str().replace('_', ""),
            _ => String::new(),
        };
        let amount = text.parse().ok();
        if amount.is_none() {
            self.wrong(faults, key, value, "a number");
        }
        amount
    }

    /// A whole number.
    pub fn number(&mut self, faults: &mut Faults<'_>, key: &'static str) -> Option<i64> {
        let value = self.value(key)?;
        let number = value.get_ref().as_integer().and_then(|number| number.to_string().parse().ok());
        if number.is_none() {
            self.wrong(faults, key, value, "a whole number");
        }
        number
    }

    /// A text or an array of texts.
    pub fn texts(&mut self, faults: &mut Faults<'_>, key: &'static str) -> Vec<String> {
        let Some(value) = self.value(key) else { return Vec::new() };
        if let Some(text) = value.get_ref().as_str() {
            return vec![text.to_owned()];
        }
        let texts = value.get_ref().as_array().map(|array| {
            array.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        });
        match texts.flatten() {
            Some(texts) => texts,
            None => {
                self.wrong(faults, key, value, "a text or an array of texts");
                Vec::new()
            }
        }
    }

    /// A table of texts, in the order of the file.
    pub fn pairs(&mut self, faults: &mut Faults<'_>, key: &'static str) -> Vec<(String, String)> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(table) = value.get_ref().as_table() else {
            self.wrong(faults, key, value, "a table such as { from = \"to\" }");
            return Vec::new();
        };
        let mut pairs = Vec::new();
        for (name, value) in table {
            match value.get_ref().as_str() {
                Some(text) => pairs.push((name.get_ref().to_string(), text.to_owned())),
                None => self.wrong(faults, key, value, "a table of texts"),
            }
        }
        pairs
    }

    /// An exact decimal, as a number or in quotes.
    pub fn decimal(&mut self, faults: &mut Faults<'_>, key: &'static str) -> Option<Amount> {
        let value = self.value(key)?;
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.to_string(),
            // The digits of the file, which never become a float.
            DeValue::Float(number) => number.to_string(),
            _ => String::new(),
        };
        let amount = text.replace('_', "").parse().ok();
        if amount.is_none() {
            self.wrong(faults, key, value, "a decimal such as 1250.50");
        }
        amount
    }

    /// A whole number that is not negative.
    pub fn whole(&mut self, faults: &mut Faults<'_>, key: &'static str) -> Option<u32> {
        let value = self.value(key)?;
        let number = whole(value.get_ref());
        if number.is_none() {
            self.wrong(faults, key, value, "a whole number that is not negative");
        }
        number
    }

    /// An array of whole numbers that are not negative.
    pub fn wholes(&mut self, faults: &mut Faults<'_>, key: &'static str) -> Option<Vec<u32>> {
        let value = self.value(key)?;
        let array = value.get_ref().as_array();
        let numbers = array.and_then(|array| array.iter().map(|item| whole(item.get_ref())).collect());
        if numbers.is_none() {
            self.wrong(faults, key, value, "an array of whole numbers");
        }
        numbers
    }

    /// A day: `"2026-01-31"` or a bare TOML date.
    pub fn day(&mut self, faults: &mut Faults<'_>, key: &'static str) -> Option<NaiveDate> {
        let value = self.value(key)?;
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Datetime(date) => date.to_string(),
            _ => String::new(),
        };
        let day = NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok();
        if day.is_none() {
            self.wrong(faults, key, value, "a day such as \"2026-01-31\"");
        }
        day
    }

    /// A day or moment as text: in quotes or bare.
    pub fn moment_text(&mut self, faults: &mut Faults<'_>, key: &'static str) -> Option<String> {
        let value = self.value(key)?;
        match value.get_ref() {
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Datetime(moment) => Some(moment.to_string()),
            _ => {
                self.wrong(faults, key, value, "a day or a moment");
                None
            }
        }
    }

    /// Ends reading: whatever was not asked for is unknown.
    pub fn finish(self, faults: &mut Faults<'_>) {
        for (name, _) in self.table {
            let key = name.get_ref().as_ref();
            if !self.known.contains(key) {
                let nearest = nearest(key, self.known.iter().copied());
                let hint = nearest.map(|nearest| format!("did you mean `{nearest}`?"));
                faults.add(name.span().start, format!("{}: unknown key `{key}`", self.name), hint);
            }
        }
    }
}

fn whole(value: &DeValue<'_>) -> Option<u32> {
    match value {
        DeValue::Integer(number) => number.to_string().replace('_', "").parse().ok(),
        _ => None,
    }
}

/// The known word nearest to a misspelt one, if any is near.
pub fn nearest<'w>(word: &str, known: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
