//! The rows of a table, block by block, over all its segments. One that is torn is left out and remembered.

use crate::block::Block;
use crate::error::Error;
use crate::run::{Segment, Torn};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use std::collections::VecDeque;
use std::fs::File;

/// How many rows a block has at most: few enough to stay in a CPU's cache.
const BLOCK_ROWS: usize = 8192;

/// Reads a table.
#[derive(Debug)]
pub struct Stream {
    left: VecDeque<Segment>,
    columns: Option<Vec<&'static str>>,
    reader: Option<(Segment, ParquetRecordBatchReader)>,
    torn: Vec<Torn>,
}

impl Stream {
    /// All of those segments, with those columns; all columns for none.
    pub fn new(segments: &[Segment], columns: Option<&[&'static str]>) -> Self {
        Self {
            left: segments.iter().cloned().collect(),
            columns: columns.map(<[_]>::to_vec),
            reader: None,
            torn: Vec::new(),
        }
    }

    /// What could not be read so far.
    pub fn torn(&self) -> &[Torn] {
        &self.torn
    }

    fn open(&self, segment: &Segment) -> crate::Result<ParquetRecordBatchReader> {
        let file = File::open(&segment.path).map_err(|source| Error::read(&segment.path, source))?;
        let builder =
            ParquetRecordBatchReaderBuilder::try_new(file).map_err(|why| Error::segment(&segment.path, why))?;
        let mask = match &self.columns {
            Some(columns) => ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied()),
            None => ProjectionMask::all(),
        };
        builder
            .with_projection(mask)
            .with_batch_size(BLOCK_ROWS)
            .build()
            .map_err(|why| Error::segment(&segment.path, why))
    }

    fn tear(&mut self, segment: &Segment, why: String) {
        self.torn.push(Torn {
            path: segment.path.clone(),
            why,
        });
    }
}

impl Iterator for Stream {
    type Item = Block;

    fn next(&mut self) -> Option<Block> {
        loop {
            if let Some((segment, mut reader)) = self.reader.take() {
                match reader.next() {
                    Some(Ok(rows)) => {
                        self.reader = Some((segment, reader));
                        return Some(Block::new(rows));
                    }
                    Some(Err(why)) => self.tear(&segment, Error::segment(&segment.path, why).to_string()),
                    None => {}
                }
            }
            let segment = self.left.pop_front()?;
            match self.open(&segment) {
                Ok(reader) => self.reader = Some((segment, reader)),
                Err(why) => self.tear(&segment, why.to_string()),
            }
        }
    }
}
