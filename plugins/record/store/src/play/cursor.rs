//! A place in a table that is read from its beginning, once.

use super::Names;
use super::values::Words;
use crate::block::Block;
use crate::run::Torn;
use crate::stream::Stream;
use std::ops::Range;

/// A block whose columns are at hand.
pub trait Columns {
    /// The columns of a block.
    fn of(block: Block, words: &Words, names: &mut dyn Names) -> Self;
    /// The sequence number of each row.
    fn sequences(&self) -> &[u64];
}

/// Where reading is.
#[derive(Debug)]
pub struct Cursor<C> {
    stream: Stream,
    block: Option<C>,
    row: usize,
}

impl<C: Columns> Cursor<C> {
    /// At the beginning.
    pub fn new(stream: Stream) -> Self {
        Self {
            stream,
            block: None,
            row: 0,
        }
    }

    /// What could not be read so far.
    pub fn torn(&self) -> &[Torn] {
        self.stream.torn()
    }

    /// The next row and the block that it is in.
    pub fn row(&mut self, words: &Words, names: &mut dyn Names) -> Option<(&C, usize)> {
        while self
            .block
            .as_ref()
            .is_none_or(|block| self.row >= block.sequences().len())
        {
            let block = self.stream.next()?;
            self.block = Some(C::of(block, words, names));
            self.row = 0;
        }
        self.block.as_ref().map(|block| (block, self.row))
    }

    /// Goes on behind so many rows of this block.
    pub fn pass(&mut self, rows: usize) {
        self.row += rows;
    }

    /// Goes on to the first row that has that number or a later one.
    fn seek(&mut self, sequence: u64, words: &Words, names: &mut dyn Names) -> Option<(&C, usize)> {
        loop {
            let (block, row) = self.row(words, names)?;
            let sequences = block.sequences();
            if sequences[row] >= sequence {
                break;
            }
            // Numbers only grow.
            let passed = match sequences.last().is_some_and(|last| *last < sequence) {
                true => sequences.len() - row,
                false => sequences[row..].partition_point(|one| *one < sequence),
            };
            self.pass(passed);
        }
        self.row(words, names)
    }

    /// The next rows, as many as are said to have that number, in pieces that lie in one block each. Where a segment
    /// is missing there are fewer; rows with an earlier number are passed by.
    pub fn each(
        &mut self,
        sequence: u64,
        count: u32,
        words: &Words,
        names: &mut dyn Names,
        mut take: impl FnMut(&C, Range<usize>),
    ) {
        let mut left = count as usize;
        while left > 0 {
            let Some((block, row)) = self.seek(sequence, words, names) else {
                return;
            };
            let sequences = block.sequences();
            let most = left.min(sequences.len() - row);
            // Nearly always all of them: the two ends tell, since rows of a batch lie together.
            let own = match sequences[row] == sequence && sequences[row + most - 1] == sequence {
                true => most,
                false => sequences[row..row + most]
                    .iter()
                    .take_while(|one| **one == sequence)
                    .count(),
            };
            if own == 0 {
                return;
            }
            take(block, row..row + own);
            self.pass(own);
            left -= own;
        }
    }
}

impl Cursor<super::values::Plain> {
    /// The same row by row.
    pub fn rows(
        &mut self,
        sequence: u64,
        count: u32,
        words: &Words,
        names: &mut dyn Names,
        mut take: impl FnMut(&super::values::Plain, usize, &mut dyn Names),
    ) {
        for _ in 0..count {
            let found = self
                .seek(sequence, words, names)
                .map(|(block, row)| (block.sequences()[row], row));
            let Some((_, row)) = found.filter(|(one, _)| *one == sequence) else {
                return;
            };
            let Some(block) = self.block.as_ref() else { return };
            take(block, row, names);
            self.pass(1);
        }
    }
}
