//! The folder of a run that is being written: rows gather in memory and are flushed as segments.
//!
//! A segment that is still small when it is flushed stays open: the next flush writes it anew with what came since and
//! puts it in its place whole, so that a quiet run has few files and a reader still sees all but the last interval.

use crate::cells::Rows;
use crate::encode;
use crate::error::{Error, Result};
use crate::page::Page;
use crate::place::{segment_name, write_whole};
use crate::schema::{TABLES, Table};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// How segments are made.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A segment has at most this many rows.
    pub rows: usize,
    /// A segment that has this many when it is flushed is closed.
    pub settled: usize,
    /// Past this many rows of all tables that cannot be written, all that waits is lost.
    pub waiting: usize,
    /// zstd's level, 1..=22.
    pub level: i32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rows: 1 << 20,
            settled: 1 << 16,
            waiting: 1 << 21,
            level: 3,
        }
    }
}

/// What a flush came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flushed {
    /// Files that were written.
    pub segments: u64,
    /// Bytes that were written.
    pub bytes: u64,
    /// Rows that were lost for want of room, since the flush before.
    pub lost: u64,
}

/// A run's folder, to write to.
#[derive(Debug)]
pub struct Writer {
    folder: PathBuf,
    limits: Limits,
    zero_ns: i64,
    /// Until it is written.
    page: Option<Page>,
    tables: Vec<Open>,
    lost: u64,
}

/// A table's open segment.
#[derive(Debug)]
struct Open {
    rows: Rows,
    number: u32,
    /// How many of the rows are on disk already.
    on_disk: usize,
    /// Rows in closed segments.
    closed: u64,
}

impl Writer {
    /// A run that nothing is on disk of yet: the first flush makes the folder.
    pub fn new(folder: &Path, page: Page, limits: Limits) -> Self {
        Self {
            folder: folder.to_owned(),
            limits,
            zero_ns: i64::try_from(page.facts.wall_ns).unwrap_or(0),
            page: Some(page),
            tables: TABLES.iter().map(|table| Open::new(table)).collect(),
            lost: 0,
        }
    }

    /// The same, and its folder and page are there.
    ///
    /// # Errors
    /// The folder holds a run already, or cannot be written.
    pub fn create(folder: &Path, page: Page, limits: Limits) -> Result<Self> {
        let mut writer = Self::new(folder, page, limits);
        writer.begin()?;
        Ok(writer)
    }

    /// Makes the folder, which must not hold a run yet, and writes the page, unless that is done.
    fn begin(&mut self) -> Result<()> {
        let Some(page) = &self.page else { return Ok(()) };
        fs::create_dir_all(&self.folder).map_err(|source| Error::write(&self.folder, source))?;
        if Page::path(&self.folder).exists() {
            return Err(Error::write(&self.folder, std::io::ErrorKind::AlreadyExists.into()));
        }
        page.write(&self.folder)?;
        self.page = None;
        self.lay()
    }

    /// A table without a row is there all the same, with its columns, so that whoever asks it is told that there is none.
    fn lay(&self) -> Result<()> {
        for open in &self.tables {
            let own = self.folder.join(open.rows.table().name);
            fs::create_dir_all(&own).map_err(|source| Error::write(&own, source))?;
            let bytes = encode::segment(&open.rows, 0, self.zero_ns, self.limits.level)?;
            write_whole(&own.join(segment_name(0)), &bytes)?;
        }
        Ok(())
    }

    /// The run's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The rows of a table that wait, to add to.
    ///
    /// # Panics
    /// The table is none of [`TABLES`].
    pub fn rows(&mut self, table: &'static Table) -> &mut Rows {
        let place = TABLES.iter().position(|one| one.name == table.name);
        let place = place.expect("every table is among `TABLES`");
        &mut self.tables[place].rows
    }

    /// Whether a table has so many rows that they should not wait for the next flush.
    pub fn is_full(&self) -> bool {
        self.tables
            .iter()
            .any(|open| open.rows.len() - open.on_disk >= self.limits.rows)
    }

    /// Rows that are not on disk yet.
    pub fn waiting(&self) -> usize {
        self.tables.iter().map(|open| open.rows.len() - open.on_disk).sum()
    }

    /// How many rows each table has, those that wait included.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        let count = |open: &Open| (open.rows.table().name.to_owned(), open.closed + open.rows.len() as u64);
        self.tables.iter().map(count).collect()
    }

    /// Writes what waits. Tables go in the order of [`TABLES`], so that none refers to what is not there.
    ///
    /// # Errors
    /// What could not be written waits on; past [`Limits::waiting`] rows they are lost, which the next flush that
    /// goes through tells.
    pub fn flush(&mut self) -> Result<Flushed> {
        let mut flushed = Flushed::default();
        self.begin().inspect_err(|_| self.bound())?;
        for place in 0..self.tables.len() {
            let written = self.tables[place].flush(&self.folder, self.zero_ns, self.limits, &mut flushed);
            if let Err(error) = written {
                self.bound();
                return Err(error);
            }
        }
        flushed.lost = std::mem::take(&mut self.lost);
        Ok(flushed)
    }

    /// Rows that are lost for want of room and were not told yet.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// The open segments stay as they are on disk; only rows that are not there yet count and are lost.
    fn bound(&mut self) {
        let over = self.waiting().saturating_sub(self.limits.waiting);
        if over == 0 {
            return;
        }
        // All tables together: rows refer to each other, and half of a story is worth less than a later whole one.
        for open in &mut self.tables {
            let waiting = open.rows.len() - open.on_disk;
            self.lost += waiting as u64;
            open.give_up();
        }
    }
}

impl Open {
    fn new(table: &'static Table) -> Self {
        Self {
            rows: Rows::new(table),
            number: 1,
            on_disk: 0,
            closed: 0,
        }
    }

    fn flush(&mut self, folder: &Path, zero_ns: i64, limits: Limits, flushed: &mut Flushed) -> Result<()> {
        let own = folder.join(self.rows.table().name);
        while self.rows.len() > self.on_disk {
            let count = self.rows.len().min(limits.rows);
            let bytes = encode::segment(&self.rows, count, zero_ns, limits.level)?;
            write_whole(&own.join(segment_name(self.number)), &bytes)?;
            flushed.segments += 1;
            flushed.bytes += bytes.len() as u64;
            self.on_disk = count;
            if count >= limits.settled.min(limits.rows) {
                self.close();
            }
        }
        Ok(())
    }

    /// What is on disk stays there; the next segment begins.
    fn close(&mut self) {
        self.rows.forget_first(self.on_disk);
        self.closed += self.on_disk as u64;
        self.on_disk = 0;
        self.number += 1;
    }

    /// Forgets what waits.
    fn give_up(&mut self) {
        let waiting = self.rows.len() - self.on_disk;
        if self.on_disk > 0 {
            self.close();
        }
        self.rows.forget_first(waiting);
    }
}

#[cfg(test)]
mod tests;
