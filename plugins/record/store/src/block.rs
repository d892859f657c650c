//! Rows that were read, column by column. A column that the file does not have, or that is of another kind, reads as
//! empty: that is how a run of an older version is read.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampNanosecondType, UInt32Type, UInt64Type};
use arrow_array::{Array, Float64Array, RecordBatch};
use arrow_buffer::{NullBuffer, ScalarBuffer};

/// Some rows of a table.
#[derive(Clone, Debug)]
pub struct Block {
    rows: RecordBatch,
}

/// A column of words.
#[derive(Clone, Debug, Default)]
pub struct WordColumn {
    texts: Vec<String>,
    keys: ScalarBuffer<i32>,
    absent: Option<NullBuffer>,
}

impl WordColumn {
    /// The different words, by number.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// The number of a row's word; none where it is absent.
    pub fn key(&self, row: usize) -> Option<usize> {
        if self.absent.as_ref().is_some_and(|absent| absent.is_null(row)) {
            return None;
        }
        self.keys.get(row).map(|key| *key as usize)
    }

    /// A row's word; empty where it is absent.
    pub fn text(&self, row: usize) -> &str {
        self.key(row)
            .and_then(|key| self.texts.get(key))
            .map_or("", String::as_str)
    }
}

impl Block {
    pub(crate) fn new(rows: RecordBatch) -> Self {
        Self { rows }
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.rows.num_rows()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Integers with a sign; zeros where there is no such column.
    pub fn integers(&self, name: &str) -> ScalarBuffer<i64> {
        let column = self.rows.column_by_name(name);
        let integers = column.and_then(|column| column.as_primitive_opt::<Int64Type>());
        integers.map_or_else(|| vec![0; self.len()].into(), |column| column.values().clone())
    }

    /// Instants since 1970; zeros where there is no such column.
    pub fn times(&self, name: &str) -> ScalarBuffer<i64> {
        let column = self.rows.column_by_name(name);
        let times = column.and_then(|column| column.as_primitive_opt::<TimestampNanosecondType>());
        times.map_or_else(|| vec![0; self.len()].into(), |column| column.values().clone())
    }

    /// Integers; zeros where there is no such column.
    pub fn unsigned(&self, name: &str) -> ScalarBuffer<u64> {
        let column = self.rows.column_by_name(name);
        let unsigned = column.and_then(|column| column.as_primitive_opt::<UInt64Type>());
        unsigned.map_or_else(|| vec![0; self.len()].into(), |column| column.values().clone())
    }

    /// Small integers; zeros where there is no such column.
    pub fn small(&self, name: &str) -> ScalarBuffer<u32> {
        let column = self.rows.column_by_name(name);
        let small = column.and_then(|column| column.as_primitive_opt::<UInt32Type>());
        small.map_or_else(|| vec![0; self.len()].into(), |column| column.values().clone())
    }

    /// Doubles; NaN where there is no number.
    pub fn numbers(&self, name: &str) -> ScalarBuffer<f64> {
        let column = self.rows.column_by_name(name);
        let numbers = column.and_then(|column| column.as_primitive_opt::<Float64Type>());
        numbers.map_or_else(|| vec![f64::NAN; self.len()].into(), with_nan)
    }

    /// Words.
    pub fn words(&self, name: &str) -> WordColumn {
        let Some(column) = self.rows.column_by_name(name) else {
            return WordColumn::default();
        };
        if let Some(words) = column.as_dictionary_opt::<Int32Type>() {
            let texts = words.values().as_string_opt::<i32>();
            let texts = texts.map(|texts| texts.iter().map(|text| text.unwrap_or_default().to_owned()).collect());
            return WordColumn {
                texts: texts.unwrap_or_default(),
                keys: words.keys().values().clone(),
                absent: words.keys().nulls().cloned(),
            };
        }
        let Some(texts) = column.as_string_opt::<i32>() else {
            return WordColumn::default();
        };
        WordColumn {
            texts: texts.iter().map(|text| text.unwrap_or_default().to_owned()).collect(),
            keys: (0..texts.len() as i32).collect(),
            absent: texts.nulls().cloned(),
        }
    }

    /// Bytes of a row; empty where there are none.
    pub fn bytes(&self, name: &str, row: usize) -> &[u8] {
        let column = self.rows.column_by_name(name);
        let bytes = column.and_then(|column| column.as_binary_opt::<i32>());
        match bytes {
            Some(bytes) if bytes.is_valid(row) => bytes.value(row),
            _ => &[],
        }
    }
}

fn with_nan(column: &Float64Array) -> ScalarBuffer<f64> {
    match column.nulls() {
        Some(_) => column.iter().map(|value| value.unwrap_or(f64::NAN)).collect(),
        None => column.values().clone(),
    }
}
