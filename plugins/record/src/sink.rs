//! `record.write`: everything that went into the transforms and schedulers of the run, and what the nodes in its own
//! `from` said, on disk.
//!
//! It works on a thread of its own and takes what happened from a bounded buffer, so that a slow disk holds nobody up:
//! what finds no room is lost, counted, and makes the run one that cannot be replayed. While the disk is full or cannot be
//! reached rows wait in memory, up to a bound. When it writes is `rhythm`'s business.

use crate::config::WriteConfig;
use crate::events::Scribe;
use crate::page;
use crate::rhythm::Rhythm;
use pipeline_plugin_api::abi::TapBatch;
use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::tap::Tap;
use pipeline_record_store::{Limits, Page, Writer};
use std::path::PathBuf;

/// Records the run.
pub struct Write {
    host: Host,
    config: WriteConfig,
    open: Option<Open>,
    rhythm: Rhythm,
    /// When it is written next.
    due: Nanos,
    /// Writes that were over so late that a crash would have lost more than `flush`.
    late: u64,
    lost_rows: u64,
    failing: bool,
    bytes: u64,
}

/// What there is from the start on.
struct Open {
    system: System,
    tap: Tap,
    page: Page,
    writer: Writer,
    scribe: Scribe,
    batch: TapBatch,
}

impl Element for Write {
    const NAME: &'static str = "record.write";
    const SUMMARY: &'static str = "records the run, so that it can be looked at, compared and replayed";
    const BLOCKING: bool = true;
    const EVERY: Nanos = Nanos::from_millis(500);
    const VIRTUAL_TIME: bool = true;
    type Config = WriteConfig;

    fn ports(_: &WriteConfig) -> Ports {
        Ports::new().takes_all("recorded")
    }

    fn create(config: WriteConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            host: host.clone(),
            rhythm: Rhythm::new(config.flush.nanos()),
            config,
            open: None,
            due: Nanos::ZERO,
            late: 0,
            lost_rows: 0,
            failing: false,
            bytes: 0,
        })
    }

    fn status(&self) -> String {
        let Some(open) = &self.open else { return String::new() };
        let folder = open.writer.folder().display();
        let (readings, lost) = (open.scribe.readings(), open.batch.lost_events);
        match self.failing {
            true => format!(
                "`{folder}` cannot be written; {} rows wait, {} are lost",
                open.writer.waiting(),
                self.lost_rows
            ),
            false => format!(
                "{readings} readings to `{folder}`; {lost} events and {} rows are lost; {} writes were late",
                self.lost_rows, self.late
            ),
        }
    }
}

impl Sink for Write {
    fn start(&mut self, system: &System) -> Result<()> {
        let tap = Tap::open(system, self.config.buffer)?;
        let facts = tap.facts()?;
        let folder = self.folder(&facts.run_id);
        if Page::path(&folder).exists() {
            return Err(Failure::fatal(format!(
                "`{}` holds a run already; set another `path`, or move it away",
                folder.display()
            )));
        }
        let nodes = facts.nodes.iter().map(|node| (node.name.clone(), node.lane.clone()));
        let scribe = Scribe::new(nodes.collect());
        let page = page::begin(&self.config, facts);
        let limits = Limits {
            rows: self.config.rows as usize,
            level: self.config.level,
            waiting: self.config.waiting as usize,
            ..Limits::default()
        };
        self.open = Some(Open {
            system: system.clone(),
            tap,
            writer: Writer::new(&folder, page.clone(), limits),
            page,
            scribe,
            batch: TapBatch::default(),
        });
        // A folder that cannot be written is told at once; the rows wait until it can, and the run goes on.
        if let Err(failure) = self.store(system.now()) {
            self.host.log(Level::WARN, &failure.message, &[]);
        }
        Ok(())
    }

    fn write(&mut self, input: &Input<'_>) -> Result<Wish> {
        let Some(open) = &self.open else {
            return Ok(Wish::Nothing);
        };
        // What comes from now on is not part of what is written now.
        let began = open.system.now();
        // Virtual time runs too fast for the disk to follow its seconds.
        let lived = !open.system.is_virtual();
        self.take();
        let full = self.open.as_ref().is_some_and(|open| open.writer.is_full());
        let due = (lived || self.failing) && input.at >= self.due;
        if due || (full && !self.failing) {
            self.store(began)?;
        }
        Ok(match lived || self.failing {
            true => Wish::At(self.due),
            false => Wish::Nothing,
        })
    }

    fn flush(&mut self, _: Nanos) -> Result<()> {
        let Some(open) = &self.open else { return Ok(()) };
        let began = open.system.now();
        self.take();
        self.store(began)?;
        let Some(open) = &mut self.open else { return Ok(()) };
        let summary = open.tap.summary()?;
        let lost_events = open.batch.lost_events.max(summary.lost_events);
        open.page.end = Some(page::end(&open.writer, summary, lost_events, self.lost_rows));
        open.page
            .write(open.writer.folder())
            .map_err(|error| Failure::retry(error.to_string()))
    }
}

impl Write {
    fn folder(&self, run: &str) -> PathBuf {
        match self.config.path.as_str() {
            "" => PathBuf::from(&self.config.dir).join(run),
            path => PathBuf::from(path),
        }
    }

    /// What happened since the last time, as rows in memory.
    fn take(&mut self) {
        let Some(open) = &mut self.open else { return };
        let before = open.batch.lost_events;
        open.tap.take(&mut open.batch);
        open.scribe.take(&mut open.writer, &self.host, &open.batch);
        let lost = open.batch.lost_events - before.min(open.batch.lost_events);
        if lost > 0 {
            self.host.count("lost_events", lost);
            if before == 0 {
                let message = "the recorder cannot keep up: events are lost and the run cannot be replayed; give it a larger `buffer`";
                self.host.log(Level::WARN, message, &[("lost_events", &lost)]);
            }
        }
    }

    /// What is in memory, on disk. All that happened before `began` is in memory.
    fn store(&mut self, began: Nanos) -> Result<()> {
        let Some(open) = &mut self.open else { return Ok(()) };
        open.scribe.names(&mut open.writer, &self.host);
        match open.writer.flush() {
            Ok(flushed) => {
                self.bytes += flushed.bytes;
                self.lost_rows += flushed.lost;
                if flushed.lost > 0 {
                    self.host.count("lost_rows", flushed.lost);
                }
                if self.failing {
                    let message = "the record can be written again";
                    self.host.log(Level::INFO, message, &[("lost_rows", &self.lost_rows)]);
                }
                self.failing = false;
                self.stored(began);
                Ok(())
            }
            Err(error) => {
                self.failing = true;
                self.rhythm.failed();
                self.due = began + self.config.flush.nanos();
                Err(Failure::retry(error.to_string()))
            }
        }
    }

    /// When the next write begins, and whether this one was over in time.
    fn stored(&mut self, began: Nanos) {
        let Some(open) = &self.open else { return };
        let late = self.rhythm.wrote(began, open.system.now());
        self.due = began + self.rhythm.rest();
        let Some(age) = late.filter(|_| !open.system.is_virtual()) else {
            return;
        };
        self.late += 1;
        self.host.count("late_writes", 1);
        if self.late == 1 {
            let message = format!(
                "rows waited for the disk for longer than `flush`, {}, and a crash would have lost them; give it a faster disk, fewer readings or a longer `flush`",
                self.config.flush
            );
            self.host.log(Level::WARN, &message, &[("waited", &age)]);
        }
    }
}
