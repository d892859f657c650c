//! Which tables a run has, and which columns: names, kinds, units and meanings.
//!
//! This is what the README's tables are held to. Columns are only ever added, at any place; a reader takes a column
//! that is not there for empty. A change of meaning is a new format, see [`crate::FORMAT`].

mod tables;

pub use tables::*;

/// What kind of value a column has, and with that how it is encoded.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 64 bits with a sign; differences are stored.
    Integer,
    /// 64 bits; differences are stored.
    Unsigned,
    /// 32 bits; differences are stored.
    Small,
    /// A double; absent where there is no number.
    Number,
    /// Nanoseconds since 1970 in UTC: the run's start and `at_ns`.
    Time,
    /// A text that comes again and again; absent where empty.
    Word,
    /// A text; absent where empty.
    Text,
    /// Bytes; absent where empty.
    Bytes,
}

/// A column.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// With the unit last where it has one.
    pub name: &'static str,
    /// What kind of value.
    pub kind: Kind,
    /// The unit, or the empty text.
    pub unit: &'static str,
    /// One sentence.
    pub doc: &'static str,
}

/// A table.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Also the name of its folder.
    pub name: &'static str,
    /// What a row is.
    pub doc: &'static str,
    /// From left to right.
    pub columns: &'static [Column],
}

impl Table {
    /// The place of a column.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

/// The table of that name.
pub fn table(name: &str) -> Option<&'static Table> {
    TABLES.iter().copied().find(|table| table.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_and_column_has_a_name_of_its_own_and_a_sentence() {
        for (place, table) in TABLES.iter().enumerate() {
            assert!(
                TABLES[..place].iter().all(|other| other.name != table.name),
                "{}",
                table.name
            );
            assert!(!table.doc.is_empty());
            for (place, column) in table.columns.iter().enumerate() {
                assert_eq!(table.place(column.name), Some(place), "{}.{}", table.name, column.name);
                assert!(!column.doc.is_empty(), "{}.{}", table.name, column.name);
            }
        }
    }

    #[test]
    fn a_time_has_the_instant_that_it_is_made_of() {
        for table in TABLES {
            let has_time = table.columns.iter().any(|column| column.kind == Kind::Time);
            assert!(!has_time || table.place("at_ns").is_some(), "{}", table.name);
        }
    }
}
