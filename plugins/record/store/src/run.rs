//! A run that is there: its page and its segments.

use crate::error::{Error, Result};
use crate::page::Page;
use crate::place::SEGMENT_ENDING;
use crate::schema::{TABLES, Table};
use crate::stream::Stream;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// A segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
}

/// A segment that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// The file.
    pub path: PathBuf,
    /// What is wrong, as a sentence.
    pub why: String,
}

/// The segments of a table, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableFiles {
    /// The table.
    pub table: &'static Table,
    /// Its segments.
    pub segments: Vec<Segment>,
}

/// A run on disk.
#[derive(Clone, Debug)]
pub struct Run {
    folder: PathBuf,
    page: Page,
    tables: Vec<TableFiles>,
}

impl Run {
    /// Opens what is there now. A run that goes on may have more a moment later.
    ///
    /// # Errors
    /// It is no run, or one of a later version.
    pub fn open(folder: &Path) -> Result<Self> {
        let page = Page::read(folder)?;
        let tables = TABLES.iter().map(|table| files(folder, table)).collect::<Result<_>>()?;
        Ok(Self {
            folder: folder.to_owned(),
            page,
            tables,
        })
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The page about it.
    pub fn page(&self) -> &Page {
        &self.page
    }

    /// What it is called: the name of its folder.
    pub fn name(&self) -> String {
        match self.folder.file_name() {
            Some(name) => name.to_string_lossy().into_owned(),
            None => self.page.run.clone(),
        }
    }

    /// The segments of a table.
    pub fn segments(&self, table: &Table) -> &[Segment] {
        let found = self.tables.iter().find(|files| files.table.name == table.name);
        found.map_or(&[], |files| &files.segments)
    }

    /// The rows of a table, with those columns; all for none.
    pub fn read(&self, table: &Table, columns: Option<&[&'static str]>) -> Stream {
        Stream::new(self.segments(table), columns)
    }

    /// How many bytes it takes.
    pub fn bytes(&self) -> u64 {
        let page = fs::metadata(Page::path(&self.folder)).map_or(0, |page| page.len());
        let segments = self.tables.iter().flat_map(|files| &files.segments);
        page + segments.map(|segment| segment.bytes).sum::<u64>()
    }

    /// How many rows a table has, by the ends of its segments; and which of these cannot be read.
    pub fn count(&self, table: &Table) -> (u64, Vec<Torn>) {
        let (mut rows, mut torn) = (0, Vec::new());
        for segment in self.segments(table) {
            match rows_of(&segment.path) {
                Ok(count) => rows += count,
                Err(why) => torn.push(Torn {
                    path: segment.path.clone(),
                    why: why.to_string(),
                }),
            }
        }
        (rows, torn)
    }

    /// All segments that cannot be read.
    pub fn torn(&self) -> Vec<Torn> {
        TABLES.iter().flat_map(|table| self.count(table).1).collect()
    }

    /// How far it goes, as the page says, or else as the last thing that happened.
    pub fn end_ns(&self) -> u64 {
        if let Some(end) = &self.page.end {
            return end.at_ns;
        }
        let last = self.segments(&crate::schema::EMISSIONS).last();
        let blocks = Stream::new(last.map_or(&[], std::slice::from_ref), Some(&["at_ns"]));
        let ends = blocks.filter_map(|block| block.integers("at_ns").last().copied());
        ends.max().unwrap_or(0).max(0).cast_unsigned()
    }
}

/// Runs in a folder, by name; with each what is wrong with it, where it cannot be opened.
///
/// # Errors
/// The folder itself cannot be read.
pub fn list(folder: &Path) -> Result<Vec<(PathBuf, Result<Run>)>> {
    let entries = fs::read_dir(folder).map_err(|source| Error::read(folder, source))?;
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir() && Page::path(path).exists())
        .collect();
    paths.sort();
    Ok(paths.into_iter().map(|path| (path.clone(), Run::open(&path))).collect())
}

fn files(folder: &Path, table: &'static Table) -> Result<TableFiles> {
    let own = folder.join(table.name);
    let mut segments = Vec::new();
    // A table without a row has no folder.
    if own.is_dir() {
        for entry in fs::read_dir(&own).map_err(|source| Error::read(&own, source))? {
            let path = entry.map_err(|source| Error::read(&own, source))?.path();
            let hidden = path
                .file_name()
                .is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
            if !hidden && path.extension().is_some_and(|ending| ending == SEGMENT_ENDING) {
                let bytes = fs::metadata(&path).map_or(0, |file| file.len());
                segments.push(Segment { path, bytes });
            }
        }
    }
    segments.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(TableFiles { table, segments })
}

fn rows_of(path: &Path) -> Result<u64> {
    let file = File::open(path).map_err(|source| Error::read(path, source))?;
    let reader = SerializedFileReader::new(file).map_err(|why| Error::segment(path, why))?;
    Ok(reader.metadata().file_metadata().num_rows().max(0).cast_unsigned())
}
