//! Configs of elements: from RON text to a struct, with every fault at once and each in its place.
//!
//! The struct is the only description: its docs, types and defaults become what `pipeline inspect`
//! and `pipeline config` show.

use crate::abi::Fault;
use crate::fields::{self, Entry, SyntaxError, line_column};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

/// What a config struct is. Derive `Serialize`, `Deserialize`, `JsonSchema` with
/// `#[serde(default, deny_unknown_fields)]`, and write a `Default` that runs.
pub trait Configure: DeserializeOwned + Serialize + Default + JsonSchema {
    /// Finds what the types cannot: ranges, fields that exclude each other.
    fn check(&self, faults: &mut Faults) {
        let _ = faults;
    }
}

/// The config of an element that has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NoConfig {}

impl Configure for NoConfig {}

/// What [`Configure::check`] found, by field.
#[derive(Debug, Default)]
pub struct Faults(Vec<(&'static str, String, String)>);

impl Faults {
    /// The value of `field` cannot be used: what is wrong, and how to mend it.
    pub fn add(&mut self, field: &'static str, message: impl Into<String>, help: impl Into<String>) {
        self.0.push((field, message.into(), help.into()));
    }

    /// Adds a fault unless `good`.
    pub fn require(&mut self, good: bool, field: &'static str, message: impl Into<String>, help: impl Into<String>) {
        if !good {
            self.add(field, message, help);
        }
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The messages, with their fields.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(field, message, _)| (*field, message.as_str()))
    }
}

/// Reads a config; an empty text is the default.
///
/// # Errors
/// All faults: unknown fields with the nearest right name, wrong types field by field, and what
/// [`Configure::check`] finds.
pub fn parse<C: Configure>(text: &str) -> Result<C, Vec<Fault>> {
    let entries = fields::entries(text).map_err(|error| vec![syntax(text, &error, "")])?;
    let mut faults = names::<C>(text, &entries);
    for entry in &entries {
        faults.extend(field::<C>(text, entry));
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    if text.trim().is_empty() {
        return checked(C::default(), text, &entries);
    }
    match fields::parse::<C>(text) {
        Ok(config) => checked(config, text, &entries),
        Err(error) => Err(vec![syntax(text, &error, "")]),
    }
}

/// The config's JSON Schema.
pub fn schema<C: Configure>() -> String {
    schemars::schema_for!(C).to_value().to_string()
}

/// The default config as RON, one field a line, as ron prints it at depth 1.
pub fn sample<C: Configure>() -> String {
    let pretty = ron::ser::PrettyConfig::new()
        .depth_limit(1)
        .indentor("    ")
        .struct_names(false);
    fields::options()
        .to_string_pretty(&C::default(), pretty)
        .unwrap_or_default()
}

fn checked<C: Configure>(config: C, text: &str, entries: &[Entry]) -> Result<C, Vec<Fault>> {
    let mut found = Faults::default();
    config.check(&mut found);
    if found.is_empty() {
        return Ok(config);
    }
    let place = |field: &str| {
        entries
            .iter()
            .find(|entry| entry.name == field)
            .map_or(0, |entry| entry.value_at.start)
    };
    Err(found
        .0
        .into_iter()
        .map(|(field, message, help)| fault(text, place(field), message, help))
        .collect())
}

fn names<C: Configure>(text: &str, entries: &[Entry]) -> Vec<Fault> {
    let known = field_names::<C>();
    let mut faults = Vec::new();
    for (i, entry) in entries.iter().enumerate() {
        if entries[..i].iter().any(|earlier| earlier.name == entry.name) {
            faults.push(fault(
                text,
                entry.name_at.start,
                format!("`{}` is set twice", entry.name),
                "keep one of them".into(),
            ));
        }
        if !known.contains(&entry.name) {
            let help = nearest_help(&entry.name, known.iter().map(String::as_str));
            faults.push(fault(
                text,
                entry.name_at.start,
                format!("there is no field `{}`", entry.name),
                help,
            ));
        }
    }
    faults
}

/// A config whose fields all have defaults can be tried one field at a time, so that each wrong one is told.
fn field<C: Configure>(text: &str, entry: &Entry) -> Option<Fault> {
    if !field_names::<C>().contains(&entry.name) {
        return None;
    }
    let head = format!("({}: ", entry.name);
    let alone = format!("{head}{})", &text[entry.value_at.clone()]);
    let error = fields::parse::<C>(&alone).err()?;
    let inside = error
        .at
        .saturating_sub(head.len())
        .min(entry.value_at.len().saturating_sub(1));
    Some(fault(
        text,
        entry.value_at.start + inside,
        format!("`{}`: {}", entry.name, error.message),
        String::new(),
    ))
}

fn field_names<C: Configure>() -> Vec<String> {
    let schema = schemars::schema_for!(C).to_value();
    let properties = schema.get("properties").and_then(serde_json::Value::as_object);
    properties.map(|map| map.keys().cloned().collect()).unwrap_or_default()
}

fn syntax(text: &str, error: &SyntaxError, help: &str) -> Fault {
    fault(text, error.at, error.message.clone(), help.into())
}

fn fault(text: &str, at: usize, message: String, help: String) -> Fault {
    let (line, column) = line_column(text, at);
    Fault {
        line,
        column,
        message: message.into(),
        help: help.into(),
    }
}

/// `did you mean ...?` where a known name is near, else the list of names.
pub fn nearest_help<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    match nearest(wrong, known.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if known.is_empty() => "there is nothing to choose from here".to_owned(),
        None => format!(
            "known here: {}",
            known
                .iter()
                .map(|name| format!("`{name}`"))
                .collect::<Vec<_>>()
                .join(", ")
        ),
    }
}

/// The known name that the wrong one most likely stands for, if one is near enough.
pub fn nearest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = |name: &str| {
        // One slip, a swap of two letters included, is near even in a short name.
        let likeness = strsim::jaro_winkler(wrong, name);
        let slip = wrong.len() > 1 && strsim::osa_distance(wrong, name) <= 1;
        (slip || likeness > 0.8).then_some(if slip { likeness.max(0.8) } else { likeness })
    };
    known
        .filter_map(|name| Some((near(name)?, name)))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Span;
    use serde::Deserialize;

    /// A config to test with.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(default, deny_unknown_fields)]
    struct Config {
        /// How long to learn. 1s to 1h.
        learn: Span,
        /// A share, 0..=1.
        threshold: f64,
        limit: Option<u32>,
    }

    impl Default for Config {
        fn default() -> Self {
            Self {
                learn: Span::secs(15),
                threshold: 0.8,
                limit: None,
            }
        }
    }

    impl Configure for Config {
        fn check(&self, faults: &mut Faults) {
            faults.require(
                (0.0..=1.0).contains(&self.threshold),
                "threshold",
                "`threshold` is a share",
                "give 0..=1",
            );
        }
    }

    #[test]
    fn an_empty_config_is_the_default() {
        assert_eq!(parse::<Config>("").unwrap(), Config::default());
        assert_eq!(parse::<Config>("()").unwrap(), Config::default());
    }

    #[test]
    fn options_need_no_some() {
        assert_eq!(parse::<Config>("(limit: 3)").unwrap().limit, Some(3));
    }

    #[test]
    fn every_fault_is_told_at_once_and_in_its_place() {
        let text = "(\n  lern: \"1s\",\n  learn: 5,\n  threshold: \"x\",\n)";
        let faults = parse::<Config>(text).unwrap_err();
        let places: Vec<(u32, u32)> = faults.iter().map(|fault| (fault.line, fault.column)).collect();
        assert_eq!(places, [(2, 3), (3, 10), (4, 14)], "{faults:#?}");
        assert_eq!(faults[0].help, "did you mean `learn`?");
    }

    #[test]
    fn a_check_is_placed_at_its_field() {
        let faults = parse::<Config>("(threshold: 3.0)").unwrap_err();
        assert_eq!((faults[0].line, faults[0].column), (1, 13));
    }

    #[test]
    fn a_field_set_twice_is_refused() {
        let faults = parse::<Config>("(threshold: 0.1, threshold: 0.2)").unwrap_err();
        assert!(
            faults.iter().any(|fault| fault.message == "`threshold` is set twice"),
            "{faults:?}"
        );
    }

    #[test]
    fn one_slip_is_near_even_in_a_short_name() {
        assert_eq!(nearest("wbe", ["web", "batch"].into_iter()), Some("web"));
        assert_eq!(nearest("xyz", ["web", "batch"].into_iter()), None);
    }

    #[test]
    fn the_sample_is_a_config() {
        assert_eq!(parse::<Config>(&sample::<Config>()).unwrap(), Config::default());
    }

    #[test]
    fn the_schema_carries_the_docs() {
        assert!(schema::<Config>().contains("How long to learn"));
    }
}
