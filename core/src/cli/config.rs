//! `pipeline config`: a node to paste into a graph, with the doc of each field.

use super::args::ConfigArgs;
use super::element::About;
use super::schema::Field;
use super::{CliError, Exit, Streams};
use crate::graph::Elements;
use crate::spec::Section;
use pipeline_plugin_api::abi::Stage;
use std::io::{self, Write};

pub(super) fn run(args: &ConfigArgs, elements: &dyn Elements, streams: &mut Streams<'_>) -> Result<Exit, CliError> {
    let about = About::ask(&args.element, elements)?;
    if about.available.stage == Stage::COMMAND {
        return Err(CliError::IsCommand(args.element.clone()));
    }
    node(&about, streams.out)?;
    Ok(Exit::Fine)
}

fn node(about: &About, out: &mut dyn Write) -> io::Result<()> {
    let known = &about.available;
    let name = known.element.rsplit('.').next().unwrap_or(&known.element);
    let section = Section::of_stage(known.stage);
    writeln!(out, "// {}: {}", known.element, about.summary)?;
    if let Some(section) = section {
        writeln!(out, "// A node of `{}`.", section.name())?;
    }
    writeln!(out, "\"{name}\": (")?;
    writeln!(out, "    plugin: \"{}\",", known.element)?;
    match section {
        Some(Section::Collectors) => writeln!(out, "    of: [\"TARGET\"],")?,
        Some(section) if section.reads_nodes() => writeln!(out, "    from: [\"NODE\"],")?,
        _ => {}
    }
    if !about.fields.is_empty() {
        writeln!(out, "    config: (")?;
        about.fields.iter().try_for_each(|field| self::field(field, out))?;
        writeln!(out, "    ),")?;
    }
    writeln!(out, "),")
}

fn field(field: &Field, out: &mut dyn Write) -> io::Result<()> {
    const LEAD: &str = "        ";
    for line in field.doc.lines() {
        writeln!(out, "{}", format!("{LEAD}// {line}").trim_end())?;
    }
    writeln!(out, "{LEAD}// Type: {}.", field.kind)?;
    let default = field.default.replace('\n', &format!("\n{LEAD}"));
    if default.is_empty() {
        return writeln!(out, "{LEAD}// {}: …,", field.name);
    }
    writeln!(out, "{LEAD}{}: {default},", field.name)
}
