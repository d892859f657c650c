//! What a group may use: the text of `schemata`, old (padded) and new. Text to values and back, no I/O.
//!
//! A resource that this crate does not know is left out: it is neither shown nor written, which leaves it as it is, since
//! the kernel changes only what is named.

use crate::Mask;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// Something that the hardware can divide, as `schemata` and `info` call it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// Ways of the second-level cache.
    L2,
    /// The same for code, where the mount has `cdpl2`.
    L2Code,
    /// The same for data, where the mount has `cdpl2`.
    L2Data,
    /// Ways of the last-level cache.
    L3,
    /// The same for code, where the mount has `cdp`.
    L3Code,
    /// The same for data, where the mount has `cdp`.
    L3Data,
    /// Memory bandwidth.
    Bandwidth,
    /// Bandwidth of slow memory (AMD).
    SlowBandwidth,
}

/// What a group may use of one resource, by domain (a cache id).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Of what.
    pub resource: Resource,
    /// A mask for caches, the kernel's own number for bandwidth.
    pub domains: BTreeMap<u32, u64>,
}

/// What a group may use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schemata {
    /// In the order in which they stand.
    pub lines: Vec<Line>,
}

/// A text that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is no line of a schemata such as `L3:0=7ff;1=7ff`")]
pub struct SchemataError {
    /// The line, shortened.
    pub found: String,
}

impl Resource {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::L2,
        Self::L2Code,
        Self::L2Data,
        Self::L3,
        Self::L3Code,
        Self::L3Data,
        Self::Bandwidth,
        Self::SlowBandwidth,
    ];

    /// As the kernel spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::L2 => "L2",
            Self::L2Code => "L2CODE",
            Self::L2Data => "L2DATA",
            Self::L3 => "L3",
            Self::L3Code => "L3CODE",
            Self::L3Data => "L3DATA",
            Self::Bandwidth => "MB",
            Self::SlowBandwidth => "SMBA",
        }
    }

    /// The resource of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|resource| resource.name() == name)
    }

    /// Whether its values are masks.
    pub fn is_cache(self) -> bool {
        !matches!(self, Self::Bandwidth | Self::SlowBandwidth)
    }

    /// Whether it divides the last-level cache.
    pub fn is_l3(self) -> bool {
        matches!(self, Self::L3 | Self::L3Code | Self::L3Data)
    }

    fn value(self, text: &str) -> Option<u64> {
        let text = text.trim();
        match self.is_cache() {
            true => Mask::parse(text).map(|mask| mask.0),
            false => text
                .bytes()
                .all(|byte| byte.is_ascii_digit())
                .then(|| text.parse().ok())?,
        }
    }

    /// Of that value as the kernel takes it.
    fn text(self, value: u64) -> String {
        match self.is_cache() {
            true => Mask(value).to_string(),
            false => value.to_string(),
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Schemata {
    /// The line of that resource.
    pub fn line(&self, resource: Resource) -> Option<&Line> {
        self.lines.iter().find(|line| line.resource == resource)
    }

    /// Adds or replaces what is said of some domains of a resource.
    pub fn put(&mut self, resource: Resource, domains: impl IntoIterator<Item = (u32, u64)>) {
        match self.lines.iter_mut().find(|line| line.resource == resource) {
            Some(line) => line.domains.extend(domains),
            None => self.lines.push(Line {
                resource,
                domains: domains.into_iter().collect(),
            }),
        }
    }

    /// What of `wanted` stands otherwise here.
    pub fn missing(&self, wanted: &Self) -> Self {
        let mut missing = Self::default();
        for line in &wanted.lines {
            let here = self.line(line.resource);
            let differs = |(id, value): &(&u32, &u64)| here.and_then(|here| here.domains.get(id)) != Some(*value);
            let domains: Vec<(u32, u64)> = line
                .domains
                .iter()
                .filter(differs)
                .map(|(id, value)| (*id, *value))
                .collect();
            if !domains.is_empty() {
                missing.put(line.resource, domains);
            }
        }
        missing
    }
}

impl fmt::Display for Schemata {
    /// As it is written to the file: a line for each resource, each with its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let domains = self.domains.iter();
        let domains: Vec<String> = domains
            .map(|(id, value)| format!("{id}={}", self.resource.text(*value)))
            .collect();
        write!(f, "{}:{}", self.resource, domains.join(";"))
    }
}

impl FromStr for Schemata {
    type Err = SchemataError;

    fn from_str(text: &str) -> Result<Self, SchemataError> {
        let mut schemata = Self::default();
        for text in text.lines().filter(|line| !line.trim().is_empty()) {
            let wrong = || SchemataError {
                found: text.trim().chars().take(80).collect(),
            };
            let (name, values) = text.split_once(':').ok_or_else(wrong)?;
            let Some(resource) = Resource::named(name.trim()) else {
                continue;
            };
            let domains = domains(resource, values).ok_or_else(wrong)?;
            schemata.lines.push(Line { resource, domains });
        }
        Ok(schemata)
    }
}

/// `0=7ff;1=  f`; a semicolon at the end is no harm, a domain that is named twice is.
fn domains(resource: Resource, values: &str) -> Option<BTreeMap<u32, u64>> {
    let mut domains = BTreeMap::new();
    let mut rest = values.trim().trim_end_matches(';').split(';');
    rest.try_for_each(|domain| {
        let (id, value) = domain.split_once('=')?;
        let known = domains.insert(id.trim().parse().ok()?, resource.value(value)?);
        known.is_none().then_some(())
    })?;
    Some(domains)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_padded_form_of_older_kernels_is_read() {
        let schemata: Schemata = "    MB:0=  90;1= 100\nL3DATA:0=00ff;1=ffff\n".parse().unwrap();
        assert_eq!(schemata.to_string(), "MB:0=90;1=100\nL3DATA:0=ff;1=ffff\n");
    }

    #[test]
    fn a_resource_of_a_later_kernel_is_left_out_and_the_rest_is_read() {
        let schemata: Schemata = "L9:0=what;1=ever\nL3:0=3\n".parse().unwrap();
        assert_eq!(schemata.to_string(), "L3:0=3\n");
    }

    #[test]
    fn what_is_no_schemata_is_told_with_its_line() {
        for text in ["L3", "L3:0", "L3:x=3", "L3:0=zz", "MB:0=1f", "L3:0=1;0=2", "MB:0="] {
            let error = format!("L3:0=1\n{text}").parse::<Schemata>().unwrap_err();
            assert_eq!(error.found, text);
        }
    }

    #[test]
    fn only_what_stands_otherwise_is_missing() {
        let here: Schemata = "MB:0=100;1=100\nL3:0=7ff;1=7ff\n".parse().unwrap();
        let wanted: Schemata = "MB:0=100\nL3:0=7ff;1=3\n".parse().unwrap();
        assert_eq!(here.missing(&wanted).to_string(), "L3:1=3\n");
        assert!(here.missing(&here).lines.is_empty());
    }

    fn line() -> impl Strategy<Value = Line> {
        let domains = proptest::collection::btree_map(any::<u32>(), any::<u64>(), 1..5);
        (0..Resource::ALL.len(), domains).prop_map(|(which, domains)| Line {
            resource: Resource::ALL[which],
            domains,
        })
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read(lines in proptest::collection::vec(line(), 0..5)) {
            let schemata = Schemata { lines };
            prop_assert_eq!(schemata.to_string().parse::<Schemata>(), Ok(schemata));
        }

        #[test]
        fn reading_never_panics(text in "[ L23MBSADTCOE:0-9a-f=;\\n]*|\\PC*") {
            let _ = text.parse::<Schemata>();
        }
    }
}
