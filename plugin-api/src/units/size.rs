//! Sizes as they are written in configs. A size is printed as exactly as it is read, since configs and scenarios are
//! printed and read again; what is only told to people may be rounded where it is told.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::borrow::Cow;
use std::fmt;

/// A number of bytes in a config, written `"2MiB"`, `"500kB"`; printed in the largest unit in which it is whole.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Bytes(pub u64);

/// In which a size may be whole, the largest first.
const UNITS: [(u64, &str); 12] = [
    (bytesize::EIB, "EiB"),
    (bytesize::EB, "EB"),
    (bytesize::PIB, "PiB"),
    (bytesize::PB, "PB"),
    (bytesize::TIB, "TiB"),
    (bytesize::TB, "TB"),
    (bytesize::GIB, "GiB"),
    (bytesize::GB, "GB"),
    (bytesize::MIB, "MiB"),
    (bytesize::MB, "MB"),
    (bytesize::KIB, "KiB"),
    (bytesize::KB, "kB"),
];

impl fmt::Display for Bytes {
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

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let size: bytesize::ByteSize = text
            .parse()
            .map_err(|error| D::Error::custom(format!("`{text}` is not a size such as `2MiB`: {error}")))?;
        Ok(Self(size.as_u64()))
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Bytes {
    fn schema_name() -> Cow<'static, str> {
        "size".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "size" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::parse;
    use proptest::prelude::*;

    fn read(text: &str) -> Bytes {
        parse(&format!("\"{text}\"")).unwrap()
    }

    #[test]
    fn sizes_are_binary_where_they_say_so() {
        assert_eq!(read("2MiB"), Bytes(2 << 20));
        assert_eq!(read("2MB"), Bytes(2_000_000));
    }

    #[test]
    fn sizes_are_printed_in_the_largest_unit_in_which_they_are_whole() {
        for (bytes, text) in [
            (0, "0B"),
            (1025, "1025B"),
            (8000, "8kB"),
            (20 << 20, "20MiB"),
            (500_000_000, "500MB"),
            (20_000_000_000, "20GB"),
            (u64::MAX, "18446744073709551615B"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_as_the_same(bytes: u64) {
            prop_assert_eq!(read(&Bytes(bytes).to_string()), Bytes(bytes));
        }

        #[test]
        fn whole_units_survive_too(count in 0_u64..10_000, unit in 0..UNITS.len()) {
            let bytes = Bytes(count.saturating_mul(UNITS[unit].0));
            prop_assert_eq!(read(&bytes.to_string()), bytes);
        }
    }
}
