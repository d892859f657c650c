//! `pipeline inspect`: what an element is, takes, gives and needs.

use super::args::Format;
use super::element::About;
use super::plugins::stage;
use super::schema::Field;
use super::{CliError, Exit, Streams, json};
use crate::graph::Elements;
use crate::plugin::Available;
use crate::run::budget::BLOCKING_CALL;
use pipeline_plugin_api::abi::{Nanos, Port, Probe, Stage};
use std::io::{self, Write};
use std::path::Path;

/// Tells about one element.
pub(super) fn element(
    name: &str,
    format: Format,
    elements: &dyn Elements,
    streams: &mut Streams<'_>,
) -> Result<Exit, CliError> {
    let about = About::ask(name, elements)?;
    match format {
        Format::Text => Page(streams.out).about(&about)?,
        Format::Json => writeln!(streams.out, "{:#}", json::about(&about))?,
    }
    Ok(Exit::Fine)
}

/// Tells about all elements of one file.
pub(super) fn file(
    path: &Path,
    format: Format,
    elements: &dyn Elements,
    streams: &mut Streams<'_>,
) -> Result<Exit, CliError> {
    let same = |other: &Path| other.file_name() == path.file_name();
    let of_file: Vec<&Available> = elements.available().iter().filter(|known| same(&known.path)).collect();
    if of_file.is_empty() {
        return Err(no_plugin(path, elements));
    }
    let all: Vec<About> = of_file
        .iter()
        .map(|known| About::ask(&known.element, elements))
        .collect::<Result<_, _>>()?;
    if format == Format::Json {
        let values: Vec<_> = all.iter().map(json::about).collect();
        writeln!(streams.out, "{:#}", serde_json::Value::from(values))?;
        return Ok(Exit::Fine);
    }
    for (i, about) in all.iter().enumerate() {
        if i > 0 {
            writeln!(streams.out)?;
        }
        Page(streams.out).about(about)?;
    }
    Ok(Exit::Fine)
}

fn no_plugin(path: &Path, elements: &dyn Elements) -> CliError {
    let refused = elements
        .refused()
        .iter()
        .find(|refused| refused.path.file_name() == path.file_name());
    let why = match refused {
        Some(refused) => refused.why.clone(),
        None if path.exists() => "plugins are named `libpipeline_NAME.so` and have elements".to_owned(),
        None => "there is no such file".to_owned(),
    };
    CliError::NoPlugin {
        path: path.to_owned(),
        why,
    }
}

struct Page<'a>(&'a mut dyn Write);

impl Page<'_> {
    fn about(&mut self, about: &About) -> io::Result<()> {
        let known = &about.available;
        writeln!(self.0, "{} ({}): {}", known.element, stage(known), about.summary)?;
        writeln!(
            self.0,
            "of {} {}, {}",
            known.plugin,
            known.version,
            known.path.display()
        )?;
        if known.stage == Stage::COMMAND {
            writeln!(
                self.0,
                "run as `pipeline {0}`; `pipeline {0} --help` tells what it takes",
                known.element
            )?;
            return self.needs(&about.needs);
        }
        writeln!(self.0, "{}", when(about))?;
        self.ports("takes", &about.ports.takes)?;
        self.ports("gives", &about.ports.gives)?;
        self.config(&about.fields)?;
        self.needs(&about.needs)
    }

    fn ports(&mut self, title: &str, ports: &[Port]) -> io::Result<()> {
        if ports.is_empty() {
            return writeln!(self.0, "\n{title} nothing");
        }
        writeln!(self.0, "\n{title}")?;
        for port in ports {
            let bare = matches!(port.unit.as_str(), "" | "1");
            let unit = if bare {
                String::new()
            } else {
                format!(" in {}", port.unit)
            };
            let needed = if port.required != 0 { ", needed" } else { "" };
            let doc = if port.doc.is_empty() {
                String::new()
            } else {
                format!(": {}", port.doc)
            };
            writeln!(self.0, "  {}{unit}{needed}{doc}", port.describe())?;
        }
        Ok(())
    }

    fn config(&mut self, fields: &[Field]) -> io::Result<()> {
        if fields.is_empty() {
            return writeln!(self.0, "\nhas no config");
        }
        writeln!(self.0, "\nconfig")?;
        self.fields(fields, 1)
    }

    fn fields(&mut self, fields: &[Field], depth: usize) -> io::Result<()> {
        let (lead, inner) = ("  ".repeat(depth), "  ".repeat(depth + 2));
        for field in fields {
            let short = field.kind != "struct" && !field.default.is_empty();
            let default = if short {
                format!(" = {}", field.default)
            } else {
                String::new()
            };
            writeln!(self.0, "{lead}{}: {}{default}", field.name, field.kind)?;
            for line in field.doc.lines() {
                writeln!(self.0, "{}", format!("{inner}{line}").trim_end())?;
            }
            for (word, doc) in &field.choices {
                writeln!(self.0, "{inner}{word}: {}", doc.replace('\n', " "))?;
            }
            self.fields(&field.fields, depth + 1)?;
        }
        Ok(())
    }

    fn needs(&mut self, needs: &[Probe]) -> io::Result<()> {
        if needs.is_empty() {
            return Ok(());
        }
        writeln!(self.0, "\nneeds")?;
        for need in needs {
            let state = match (need.present != 0, need.required != 0) {
                (true, _) => "there",
                (false, true) => "missing",
                (false, false) => "missing, does without",
            };
            let mend = if need.mend.is_empty() {
                String::new()
            } else {
                format!("; run `{}`", need.mend)
            };
            let detail = if need.detail.is_empty() {
                String::new()
            } else {
                format!(", {}", need.detail)
            };
            writeln!(self.0, "  {}: {state}{detail}{mend}", need.what)?;
        }
        Ok(())
    }
}

fn when(about: &About) -> String {
    let called = match about.every {
        Nanos::ZERO => "called when there is input".to_owned(),
        every => format!("called every {every} where the graph does not say"),
    };
    if about.blocking {
        format!("{called}; may block, so it has a lane of its own, and a call has {BLOCKING_CALL}")
    } else {
        called
    }
}
