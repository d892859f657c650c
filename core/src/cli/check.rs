//! `pipeline check`, and the same for whoever goes on to run the graph.

use super::args::{CheckArgs, Format};
use super::report::{counted, json as faults_json, render};
use super::{CliError, Exit, Streams};
use crate::graph::{Casting, Checked, Elements, check, check_as};
use crate::spec::GraphSpec;
use serde_json::{Value, json};
use std::path::Path;

/// Reads and checks a graph file. Faults and warnings are written to `streams.err`; with faults
/// there is no graph.
///
/// # Errors
/// The file cannot be read, or nothing can be written.
pub(super) fn load(
    path: &Path,
    elements: &dyn Elements,
    streams: &mut Streams<'_>,
) -> Result<Option<Checked>, CliError> {
    load_as(path, elements, &Casting::default(), streams)
}

/// The same of a graph that is not run as it stands.
///
/// # Errors
/// The file cannot be read, or nothing can be written.
pub(super) fn load_as(
    path: &Path,
    elements: &dyn Elements,
    casting: &Casting,
    streams: &mut Streams<'_>,
) -> Result<Option<Checked>, CliError> {
    let spec = GraphSpec::read(path)?;
    let result = check_as(&spec, elements, casting);
    let faults = result.as_ref().map_or_else(Vec::as_slice, |checked| &checked.warnings);
    if !faults.is_empty() {
        writeln!(streams.err, "{}", render(&spec, faults, streams.colour))?;
    }
    if result.is_err() {
        writeln!(streams.err, "{}: {}", path.display(), counted(faults))?;
    }
    Ok(result.ok())
}

pub(super) fn run(args: &CheckArgs, elements: &dyn Elements, streams: &mut Streams<'_>) -> Result<Exit, CliError> {
    match args.format {
        Format::Text => as_text(args, elements, streams),
        Format::Json => as_json(args, elements, streams),
    }
}

fn as_text(args: &CheckArgs, elements: &dyn Elements, streams: &mut Streams<'_>) -> Result<Exit, CliError> {
    let mut exit = Exit::Fine;
    for path in &args.graphs {
        match load(path, elements, streams) {
            Ok(Some(checked)) => {
                let said = counted(&checked.warnings);
                writeln!(streams.out, "{}: {} nodes, {said}", path.display(), checked.nodes.len())?;
            }
            Ok(None) => exit = Exit::Faults,
            Err(CliError::Read(error)) => {
                writeln!(streams.err, "error: {error}")?;
                exit = worse(exit, Exit::NoInput);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(exit)
}

fn as_json(args: &CheckArgs, elements: &dyn Elements, streams: &mut Streams<'_>) -> Result<Exit, CliError> {
    let mut exit = Exit::Fine;
    let mut files: Vec<Value> = Vec::new();
    for path in &args.graphs {
        let (file, ended) = one_as_json(path, elements);
        files.push(file);
        exit = worse(exit, ended);
    }
    writeln!(streams.out, "{:#}", Value::from(files))?;
    Ok(exit)
}

fn one_as_json(path: &Path, elements: &dyn Elements) -> (Value, Exit) {
    let file = path.display().to_string();
    let spec = match GraphSpec::read(path) {
        Ok(spec) => spec,
        Err(error) => {
            return (
                json!({ "file": file, "error": error.to_string(), "faults": [] }),
                Exit::NoInput,
            );
        }
    };
    let result = check(&spec, elements);
    let faults = result.as_ref().map_or_else(Vec::as_slice, |checked| &checked.warnings);
    let shown = json!({ "file": file, "nodes": spec.nodes.len(), "faults": faults_json(&spec, faults) });
    (shown, if result.is_ok() { Exit::Fine } else { Exit::Faults })
}

/// Faults weigh more than files that cannot be read.
fn worse(one: Exit, other: Exit) -> Exit {
    if one.status() >= other.status() { one } else { other }
}
