//! What a [`Command`](crate::stage::Command) has of the host: where it writes, and the graphs that are run for it.
//!
//! A graph that is run for a command touches nothing real: time is virtual, elements that work on the real machine are
//! refused unless something stands in for them, and no guardian and no lock is taken.

use crate::abi::{
    AddedSink, ClockKind, ConfigSetting, Failure, GraphEnd, GraphRequest, HostRef, Level, Nanos, StandIn, Stream,
    Timetable,
};
use crate::stage::Result;
use crate::tap::{NameTable, RunSummary};
use abi_stable::std_types::RStr;

/// A command's side of the host.
#[derive(Clone)]
pub struct Console(HostRef);

impl Console {
    pub(crate) fn new(handle: HostRef) -> Self {
        Self(handle)
    }

    /// Writes what was asked for to standard output, as it is: a line has its line feed. `false` where nobody reads it
    /// any more, so that a long answer can end early.
    pub fn print(&self, text: &str) -> bool {
        self.0.print(Stream::OUT, RStr::from_str(text))
    }

    /// Writes something else to standard error, as it is.
    pub fn warn(&self, text: &str) {
        // What nobody takes there is lost, and the exit status says it all the same.
        let _ = self.0.print(Stream::ERR, RStr::from_str(text));
    }

    /// Nanoseconds since 1970, now.
    pub fn wall(&self) -> Nanos {
        self.0.wall()
    }

    /// Real time since the command began.
    pub fn now(&self) -> Nanos {
        self.0.now()
    }

    /// Runs a graph and comes back when it has ended. Faults of the graph are told in the answer and not shown.
    ///
    /// # Errors
    /// The host runs no graphs here.
    pub fn run_graph(&self, request: &GraphRequest) -> Result<GraphEnd> {
        self.0.run_graph(request).into_result().map_err(Failure::fatal)
    }
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Console")
    }
}

impl GraphRequest {
    /// A graph in virtual time, for that long, without its own sinks.
    pub fn virtual_time(file: &str, text: &str, span: Nanos) -> Self {
        Self {
            file: file.into(),
            text: text.into(),
            clock: ClockKind::VIRTUAL,
            span,
            level: Level::WARN,
            ..Self::default()
        }
    }

    /// A graph at exact instants, without its own sinks. `wall` is the time of day at 0, as nanoseconds since 1970.
    pub fn replay(file: &str, text: &str, timetable: Timetable, wall: Nanos) -> Self {
        Self {
            clock: ClockKind::TIMETABLE,
            timetable,
            wall,
            ..Self::virtual_time(file, text, Nanos::ZERO)
        }
    }

    /// With another element in the place of a node's own.
    pub fn stand_in(mut self, node: &str, element: &str, config: &str) -> Self {
        self.stand_ins.push(StandIn {
            node: node.into(),
            element: element.into(),
            config: config.into(),
        });
        self
    }

    /// With another value of one field of a node's config; both as RON.
    pub fn setting(mut self, node: &str, field: &str, value: &str) -> Self {
        self.settings.push(ConfigSetting {
            node: node.into(),
            field: field.into(),
            value: value.into(),
        });
        self
    }

    /// With a sink more, which reads every node.
    pub fn sink(mut self, name: &str, element: &str, config: &str) -> Self {
        self.sinks.push(AddedSink {
            name: name.into(),
            element: element.into(),
            config: config.into(),
        });
        self
    }

    /// With names that have the ids of their places, as they had in the run that is replayed.
    pub fn names(self, names: NameTable) -> Self {
        Self {
            metrics: names.metrics,
            knobs: names.knobs,
            parts: names.parts,
            ..self
        }
    }

    /// With the sinks that the graph has.
    pub fn with_own_sinks(mut self) -> Self {
        self.keep_sinks = 1;
        self
    }
}

impl GraphEnd {
    /// How the run fared; none where it did not begin.
    pub fn figures(&self) -> Option<RunSummary> {
        serde_json::from_str(&self.summary).ok()
    }
}
