//! Sizes that are printed as exactly as they are read, which those of configs are not: a scenario is printed and read again.

use pipeline_plugin_api::prelude::Bytes;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// A number of bytes, written `"20MiB"`, `"500MB"`, `"12345B"`.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Size(pub u64);

/// Units in which a size may be whole, the largest first.
const UNITS: [(u64, &str); 6] = [
    (1 << 30, "GiB"),
    (1_000_000_000, "GB"),
    (1 << 20, "MiB"),
    (1_000_000, "MB"),
    (1 << 10, "KiB"),
    (1000, "KB"),
];

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS
            .iter()
            .find(|(unit, _)| self.0 > 0 && self.0.is_multiple_of(*unit));
        match whole {
            Some((unit, name)) => write!(f, "{}{name}", self.0 / unit),
            None => write!(f, "{}B", self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Bytes::deserialize(deserializer).map(|bytes| Self(bytes.0))
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        Bytes::schema_name()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Bytes::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::fields;
    use proptest::prelude::*;

    #[test]
    fn sizes_are_printed_in_the_largest_unit_in_which_they_are_whole() {
        for (bytes, text) in [
            (20 << 20, "20MiB"),
            (500_000_000, "500MB"),
            (0, "0B"),
            (1025, "1025B"),
            (8000, "8KB"),
        ] {
            assert_eq!(Size(bytes).to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_as_the_same(bytes in 0u64..1 << 50) {
            prop_assert_eq!(fields::parse::<Size>(&format!("\"{}\"", Size(bytes))).unwrap(), Size(bytes));
        }
    }
}
