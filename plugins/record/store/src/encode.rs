//! Rows as a Parquet segment: what each kind of column is encoded as.
//!
//! Integers are differences (DELTA_BINARY_PACKED), doubles few words or bytes side by side (RLE_DICTIONARY, then
//! BYTE_STREAM_SPLIT), words a dictionary; see parquet-format `Encodings.md`. zstd goes over all of it.

use crate::cells::{Cells, Rows};
use crate::error::{Error, Result};
use crate::page::FORMAT;
use crate::schema::{Column, Kind, Table};
use crate::words::ABSENT;
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BinaryArray, DictionaryArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampNanosecondArray, UInt32Array, UInt64Array,
};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use std::sync::Arc;

/// Past this a column of doubles has too many different ones for a dictionary, and is split into bytes.
const MOST_DOUBLES_BYTES: usize = 16 * 1024;
/// The name under which the format's number stands in a segment.
pub const FORMAT_KEY: &str = "pipeline.format";

/// The whole file.
///
/// # Errors
/// The rows cannot be told in Parquet.
pub fn segment(rows: &Rows, count: usize, zero_ns: i64, level: i32) -> Result<Vec<u8>> {
    let failed = |why: &dyn std::fmt::Display| Error::Encode {
        table: rows.table.name,
        why: why.to_string(),
    };
    let schema = schema(rows.table);
    let arrays = arrays(rows, count, zero_ns);
    let batch = RecordBatch::try_new(schema.clone(), arrays).map_err(|why| failed(&why))?;
    let mut writer =
        ArrowWriter::try_new(Vec::new(), schema, Some(properties(rows.table, level))).map_err(|why| failed(&why))?;
    writer.write(&batch).map_err(|why| failed(&why))?;
    writer.into_inner().map_err(|why| failed(&why))
}

fn schema(table: &Table) -> SchemaRef {
    let fields: Vec<Field> = table.columns.iter().map(field).collect();
    Arc::new(Schema::new(fields))
}

fn field(column: &Column) -> Field {
    let (kind, absent) = match column.kind {
        Kind::Integer => (DataType::Int64, false),
        Kind::Unsigned => (DataType::UInt64, false),
        Kind::Small => (DataType::UInt32, false),
        Kind::Number => (DataType::Float64, true),
        Kind::Time => (DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())), false),
        Kind::Word => {
            let word = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            (word, true)
        }
        Kind::Text => (DataType::Utf8, true),
        Kind::Bytes => (DataType::Binary, true),
    };
    Field::new(column.name, kind, absent)
}

fn properties(table: &Table, level: i32) -> WriterProperties {
    let zstd = ZstdLevel::try_new(level).unwrap_or_default();
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(zstd))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_created_by(concat!("pipeline ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_max_row_group_row_count(Some(usize::MAX))
        .set_key_value_metadata(Some(vec![KeyValue::new(FORMAT_KEY.to_owned(), FORMAT.to_string())]));
    for column in table.columns {
        let path = ColumnPath::from(column.name);
        properties = match column.kind {
            Kind::Integer | Kind::Unsigned | Kind::Small | Kind::Time => {
                let sorted = matches!(column.name, "at_ns" | "time" | "sequence");
                let kept = if sorted {
                    EnabledStatistics::Chunk
                } else {
                    EnabledStatistics::None
                };
                properties
                    .set_column_dictionary_enabled(path.clone(), false)
                    .set_column_statistics_enabled(path.clone(), kept)
                    .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED)
            }
            Kind::Number => properties
                .set_column_dictionary_page_size_limit(path.clone(), MOST_DOUBLES_BYTES)
                .set_column_encoding(path, Encoding::BYTE_STREAM_SPLIT),
            Kind::Text => properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::DELTA_BYTE_ARRAY),
            Kind::Word | Kind::Bytes => properties,
        };
    }
    properties.build()
}

fn arrays(rows: &Rows, count: usize, zero_ns: i64) -> Vec<ArrayRef> {
    let place = rows.table.place("at_ns");
    let times = || match place.map(|place| &rows.cells[place]) {
        Some(Cells::Integer(all)) => all[..count].iter().map(|at| at.saturating_add(zero_ns)).collect(),
        _ => vec![0; count],
    };
    rows.cells.iter().map(|cells| array(cells, count, &times)).collect()
}

fn array(cells: &Cells, count: usize, times: &dyn Fn() -> Vec<i64>) -> ArrayRef {
    match cells {
        Cells::Integer(all) => Arc::new(Int64Array::from(all[..count].to_vec())),
        Cells::Unsigned(all) => Arc::new(UInt64Array::from(all[..count].to_vec())),
        Cells::Small(all) => Arc::new(UInt32Array::from(all[..count].to_vec())),
        Cells::Number(all) => Arc::new(numbers(&all[..count])),
        Cells::Derived => Arc::new(TimestampNanosecondArray::from(times()).with_timezone("UTC")),
        Cells::Word(keys, words) => Arc::new(dictionary(&keys[..count], words.texts())),
        Cells::Text(all) => {
            let texts = all[..count]
                .iter()
                .map(|text| (!text.is_empty()).then_some(text.as_str()));
            Arc::new(texts.collect::<StringArray>())
        }
        Cells::Bytes(all) => {
            let bytes = all[..count]
                .iter()
                .map(|bytes| (!bytes.is_empty()).then_some(bytes.as_slice()));
            Arc::new(bytes.collect::<BinaryArray>())
        }
    }
}

/// Absent is told as such, and comes back as the NaN that stands for it here; any other NaN is kept with its bits.
fn numbers(all: &[f64]) -> Float64Array {
    let absent = |value: &f64| value.to_bits() == f64::NAN.to_bits();
    let nulls = all
        .iter()
        .any(absent)
        .then(|| NullBuffer::from_iter(all.iter().map(|value| !absent(value))));
    Float64Array::new(all.to_vec().into(), nulls)
}

fn dictionary(keys: &[i32], texts: &[String]) -> DictionaryArray<Int32Type> {
    let absent = keys.contains(&ABSENT);
    let nulls = absent.then(|| NullBuffer::from_iter(keys.iter().map(|key| *key != ABSENT)));
    let keys = match absent {
        true => keys.iter().map(|key| (*key).max(0)).collect(),
        false => keys.to_vec(),
    };
    let texts = if texts.is_empty() {
        StringArray::from(vec![""])
    } else {
        texts.iter().map(Some).collect()
    };
    DictionaryArray::new(Int32Array::new(keys.into(), nulls), Arc::new(texts))
}
