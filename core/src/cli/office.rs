//! What commands of plugins may ask for: text on the process's own output, and graphs that are run for them.

use super::report::render;
use crate::graph::{Casting, Checked, Installed, StandIn, check_as};
use crate::run::host::Office;
use crate::run::log::Format;
use crate::run::simulated::{Simulation, simulate};
use crate::spec::GraphSpec;
use crate::spec::edit::{self, Sink};
use pipeline_plugin_api::abi::{ClockKind, GraphEnd, GraphRequest, Level, Stream};
use pipeline_plugin_api::tap::NameTable;
use std::io::{self, Write};
use std::path::Path;

/// The office of one command.
pub(super) struct CommandOffice {
    elements: Installed,
}

impl CommandOffice {
    /// Graphs are made of those elements.
    pub fn new(elements: Installed) -> Self {
        Self { elements }
    }

    fn run(&self, request: &GraphRequest) -> Result<GraphEnd, Box<GraphEnd>> {
        let table = match request.clock {
            ClockKind::VIRTUAL => None,
            ClockKind::TIMETABLE => Some(&request.timetable),
            other => return Err(refused(&format!("this host has no clock of the kind `{other}`"))),
        };
        let text = text(request).map_err(|why| refused(&why))?;
        let spec = GraphSpec::parse(Path::new(request.file.as_str()), text);
        let (checked, faults) = self.check(&spec, request)?;
        let simulation = Simulation {
            span: request.span,
            wall: request.wall,
            timetable: table,
            names: NameTable {
                metrics: request.metrics.clone(),
                knobs: request.knobs.clone(),
                parts: request.parts.clone(),
            },
            listens: false,
            dry_run: false,
            format: Format::Text,
            level: if request.level == Level(0) {
                Level::WARN
            } else {
                request.level
            },
        };
        let failed = |why: String| GraphEnd {
            exit: 1,
            faults: faults.as_str().into(),
            why: why.into(),
            ..GraphEnd::default()
        };
        let simulated = simulate(&checked.plan(), &simulation).map_err(|error| Box::new(failed(error.to_string())))?;
        let report = &simulated.report;
        let well = report.restored && report.complete && !report.aborted;
        Ok(GraphEnd {
            run_id: simulated.summary.run_id.as_str().into(),
            exit: u32::from(!well),
            faults: faults.into(),
            why: if well {
                ""
            } else {
                "a node failed, or something was lost; see its log"
            }
            .into(),
            summary: serde_json::to_string(&simulated.summary).unwrap_or_default().into(),
        })
    }

    /// The graph without faults, and its warnings as they are shown.
    fn check(&self, spec: &GraphSpec, request: &GraphRequest) -> Result<(Checked, String), Box<GraphEnd>> {
        let shown = |faults: &[_]| match faults {
            [] => String::new(),
            faults => render(spec, faults, false),
        };
        match check_as(spec, &self.elements, &casting(request)) {
            Ok(checked) => {
                let warnings = shown(&checked.warnings);
                Ok((checked, warnings))
            }
            Err(faults) => Err(Box::new(GraphEnd {
                exit: 78,
                faults: shown(&faults).into(),
                why: "the graph has faults".into(),
                ..GraphEnd::default()
            })),
        }
    }
}

impl Office for CommandOffice {
    fn print(&self, stream: Stream, text: &str) -> bool {
        match stream {
            Stream::OUT => {
                let mut out = io::stdout().lock();
                out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok()
            }
            _ => io::stderr().lock().write_all(text.as_bytes()).is_ok(),
        }
    }

    fn run_graph(&self, request: &GraphRequest) -> GraphEnd {
        self.run(request).unwrap_or_else(|end| *end)
    }
}

impl std::fmt::Debug for CommandOffice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CommandOffice")
    }
}

fn refused(why: &str) -> Box<GraphEnd> {
    Box::new(GraphEnd {
        exit: 78,
        why: why.into(),
        ..GraphEnd::default()
    })
}

/// The graph's text as it is run.
fn text(request: &GraphRequest) -> Result<String, String> {
    let sinks: Vec<Sink> = request
        .sinks
        .iter()
        .map(|sink| Sink {
            name: sink.name.to_string(),
            element: sink.element.to_string(),
            config: sink.config.to_string(),
        })
        .collect();
    let text = request
        .settings
        .iter()
        .try_fold(request.text.to_string(), |text, setting| {
            edit::with_setting(&text, &setting.node, &setting.field, &setting.value)
        })?;
    Ok(edit::with_sinks(&text, request.keep_sinks != 0, &sinks))
}

fn casting(request: &GraphRequest) -> Casting {
    let stand_ins = request.stand_ins.iter().map(|stand_in| StandIn {
        node: stand_in.node.to_string(),
        element: stand_in.element.to_string(),
        config: stand_in.config.to_string(),
    });
    Casting {
        stand_ins: stand_ins.collect(),
        virtual_time: true,
        without_sinks: request.keep_sinks == 0 && request.sinks.is_empty(),
    }
}
