//! Rows that wait to be written, column by column.

use crate::schema::{Kind, Table};
use crate::words::Words;

/// One value of a row.
#[derive(Copy, Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    /// For [`Kind::Integer`].
    Integer(i64),
    /// For [`Kind::Unsigned`].
    Unsigned(u64),
    /// For [`Kind::Small`].
    Small(u32),
    /// For [`Kind::Number`].
    Number(f64),
    /// For [`Kind::Time`], which is made of `at_ns` when it is written.
    Derived,
    /// For [`Kind::Word`] and [`Kind::Text`].
    Text(&'a str),
    /// For [`Kind::Bytes`].
    Bytes(&'a [u8]),
}

/// The values of one column.
#[derive(Clone, Debug)]
pub(crate) enum Cells {
    Integer(Vec<i64>),
    Unsigned(Vec<u64>),
    Small(Vec<u32>),
    Number(Vec<f64>),
    Derived,
    Word(Vec<i32>, Words),
    Text(Vec<String>),
    Bytes(Vec<Vec<u8>>),
}

impl Cells {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Integer => Self::Integer(Vec::new()),
            Kind::Unsigned => Self::Unsigned(Vec::new()),
            Kind::Small => Self::Small(Vec::new()),
            Kind::Number => Self::Number(Vec::new()),
            Kind::Time => Self::Derived,
            Kind::Word => Self::Word(Vec::new(), Words::default()),
            Kind::Text => Self::Text(Vec::new()),
            Kind::Bytes => Self::Bytes(Vec::new()),
        }
    }

    fn push(&mut self, cell: Cell<'_>) {
        match (self, cell) {
            (Self::Integer(all), Cell::Integer(value)) => all.push(value),
            (Self::Unsigned(all), Cell::Unsigned(value)) => all.push(value),
            (Self::Small(all), Cell::Small(value)) => all.push(value),
            (Self::Number(all), Cell::Number(value)) => all.push(value),
            (Self::Derived, Cell::Derived) => {}
            (Self::Word(all, words), Cell::Text(text)) => all.push(words.key(text)),
            (Self::Text(all), Cell::Text(text)) => all.push(text.to_owned()),
            (Self::Bytes(all), Cell::Bytes(bytes)) => all.push(bytes.to_owned()),
            (cells, cell) => unreachable!("`{cell:?}` is none of {cells:?}: a row is not as its table says"),
        }
    }

    fn forget_first(&mut self, count: usize) {
        match self {
            Self::Integer(all) => drop(all.drain(..count)),
            Self::Unsigned(all) => drop(all.drain(..count)),
            Self::Small(all) => drop(all.drain(..count)),
            Self::Number(all) => drop(all.drain(..count)),
            Self::Derived => {}
            Self::Word(all, _) => drop(all.drain(..count)),
            Self::Text(all) => drop(all.drain(..count)),
            Self::Bytes(all) => drop(all.drain(..count)),
        }
    }
}

/// Rows of a table.
#[derive(Clone, Debug)]
pub struct Rows {
    pub(crate) table: &'static Table,
    pub(crate) cells: Vec<Cells>,
    count: usize,
}

impl Rows {
    /// No rows of that table.
    pub fn new(table: &'static Table) -> Self {
        let cells = table.columns.iter().map(|column| Cells::new(column.kind)).collect();
        Self { table, cells, count: 0 }
    }

    /// The table.
    pub fn table(&self) -> &'static Table {
        self.table
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds one, with its cells in the order of the table's columns.
    ///
    /// # Panics
    /// It is not as the table says, which is a fault of this crate.
    pub fn push(&mut self, row: &[Cell<'_>]) {
        assert_eq!(
            row.len(),
            self.cells.len(),
            "a row of `{}` is not whole",
            self.table.name
        );
        for (cells, cell) in self.cells.iter_mut().zip(row) {
            cells.push(*cell);
        }
        self.count += 1;
    }

    /// Says that a row was added to each column by hand.
    pub(crate) fn pushed(&mut self, count: usize) {
        self.count += count;
    }

    /// Forgets the first rows; what their words are stays known.
    pub(crate) fn forget_first(&mut self, count: usize) {
        let count = count.min(self.count);
        for cells in &mut self.cells {
            cells.forget_first(count);
        }
        self.count -= count;
    }
}
