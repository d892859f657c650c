//! `pipeline plugins`: what elements there are, from manifests alone.

use super::args::{Format, PluginsArgs};
use super::{CliError, Exit, Streams};
use crate::graph::Elements;
use crate::plugin::Available;
use crate::spec::Section;
use pipeline_plugin_api::abi::Stage;
use serde_json::json;
use std::io::{self, Write};

pub(super) fn run(args: &PluginsArgs, elements: &dyn Elements, streams: &mut Streams<'_>) -> Result<Exit, CliError> {
    match args.format {
        Format::Text => {
            table(elements, streams.out)?;
            refused(elements, streams.out)?;
        }
        Format::Json => writeln!(streams.out, "{:#}", as_json(elements))?,
    }
    Ok(Exit::Fine)
}

/// What stage an element is of, in one word.
pub(super) fn stage(available: &Available) -> String {
    match Section::of_stage(available.stage) {
        Some(section) => section.name().trim_end_matches('s').to_owned(),
        None if available.stage == Stage::COMMAND => "command".to_owned(),
        None => available.stage.to_string(),
    }
}

fn table(elements: &dyn Elements, out: &mut dyn Write) -> io::Result<()> {
    let head = ["ELEMENT", "STAGE", "PLUGIN", "FILE"].map(str::to_owned);
    let rows = elements.available().iter().map(|known| {
        [
            known.element.clone(),
            stage(known),
            format!("{} {}", known.plugin, known.version),
            known.path.display().to_string(),
        ]
    });
    let rows: Vec<[String; 4]> = std::iter::once(head).chain(rows).collect();
    if rows.len() == 1 {
        writeln!(out, "no plugins in")?;
        return elements
            .folders()
            .iter()
            .try_for_each(|folder| writeln!(out, "  {}", folder.display()));
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2)];
    for [element, stage, plugin, file] in &rows {
        writeln!(
            out,
            "{element:0$}  {stage:1$}  {plugin:2$}  {file}",
            widths[0], widths[1], widths[2]
        )?;
    }
    Ok(())
}

fn refused(elements: &dyn Elements, out: &mut dyn Write) -> io::Result<()> {
    if elements.refused().is_empty() {
        return Ok(());
    }
    writeln!(out, "\nrefused:")?;
    let mut refused = elements.refused().iter();
    refused.try_for_each(|refused| writeln!(out, "  {}: {}", refused.path.display(), refused.why))
}

fn as_json(elements: &dyn Elements) -> serde_json::Value {
    let known = elements.available().iter().map(|known| {
        json!({
            "element": known.element,
            "stage": stage(known),
            "summary": known.summary,
            "plugin": known.plugin,
            "version": known.version,
            "profile": known.profile,
            "file": known.path,
        })
    });
    let refused = elements
        .refused()
        .iter()
        .map(|refused| json!({ "file": refused.path, "why": refused.why }));
    json!({
        "elements": known.collect::<Vec<_>>(),
        "refused": refused.collect::<Vec<_>>(),
        "folders": elements.folders(),
    })
}
