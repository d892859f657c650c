//! The page about a run that is being recorded: what it says at the beginning, and at the end.

use crate::config::WriteConfig;
use pipeline_plugin_api::tap::{RunFacts, RunSummary};
use pipeline_record_store::{End, FORMAT, Origin, Page, Writer, utc};

/// The page at the beginning.
pub fn begin(config: &WriteConfig, facts: RunFacts) -> Page {
    let kind = match (facts.clock.as_str(), config.replay_of.is_empty()) {
        (_, false) => "replay",
        ("virtual" | "timetable", true) => "virtual",
        _ => "run",
    };
    Page {
        format: FORMAT,
        run: facts.run_id.clone(),
        origin: Origin {
            kind: kind.to_owned(),
            of: config.replay_of.clone(),
        },
        started: utc(facts.wall_ns),
        flush_ns: config.flush.nanos().0,
        end: None,
        facts,
    }
}

/// What is told at the end.
pub fn end(writer: &Writer, summary: RunSummary, lost_events: u64, lost_rows: u64) -> End {
    let mut why_not = Vec::new();
    if lost_events > 0 {
        why_not.push(format!(
            "{lost_events} events found no room; give `record.write` a larger `buffer`"
        ));
    }
    if lost_rows > 0 {
        why_not.push(format!(
            "{lost_rows} rows could not be written and were lost; look at the disk"
        ));
    }
    End {
        at_ns: summary.span_ns,
        rows: writer.counts(),
        replayable: why_not.is_empty(),
        why_not,
        lost_rows,
        summary,
    }
}
