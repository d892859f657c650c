//! The report as people read it.

use super::facts::Fact;
use super::findings::{Finding, State};
use super::{Report, Silent, Verdict};
use pipeline_plugin_api::abi::ABI_VERSION;
use std::io::{self, Write};

/// Writes all of it.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "pipeline {}, plugin ABI {ABI_VERSION}", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "\nhost")?;
    report.facts.iter().try_for_each(|fact| self::fact(fact, out))?;
    if !report.findings.is_empty() {
        writeln!(out, "\nneeds")?;
        report
            .findings
            .iter()
            .try_for_each(|finding| self::finding(finding, out))?;
    }
    if !report.silent.is_empty() {
        writeln!(out, "\nplugins that could not be asked")?;
        report.silent.iter().try_for_each(|silent| self::silent(silent, out))?;
    }
    writeln!(out)?;
    verdict(report, out)
}

fn line(state: State, what: &str, detail: &str, mend: &str, out: &mut dyn Write) -> io::Result<()> {
    let detail = if detail.is_empty() {
        String::new()
    } else {
        format!(": {detail}")
    };
    writeln!(out, "  {:7}  {what}{detail}", state.word())?;
    if mend.is_empty() {
        return Ok(());
    }
    writeln!(out, "           mend: {mend}")
}

fn fact(fact: &Fact, out: &mut dyn Write) -> io::Result<()> {
    line(fact.state, &fact.what, &fact.detail, &fact.mend, out)
}

fn finding(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    line(finding.state, &finding.what, &finding.detail, &finding.mend, out)?;
    let lists = [
        ("required by", &finding.required_by),
        ("better for", &finding.better_for),
    ];
    let told: Vec<String> = lists
        .iter()
        .filter(|(_, list)| !list.is_empty())
        .map(|(how, list)| format!("{how} {}", list.join(", ")))
        .collect();
    writeln!(out, "           {}", told.join("; "))
}

fn silent(silent: &Silent, out: &mut dyn Write) -> io::Result<()> {
    line(
        State::Missing,
        &format!("{} (`{}`)", silent.elements.join(", "), silent.file),
        &silent.why,
        "",
        out,
    )
}

fn verdict(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let (can, cannot): (Vec<&Verdict>, Vec<&Verdict>) = report.verdicts.iter().partition(|one| one.missing.is_empty());
    for one in &cannot {
        writeln!(
            out,
            "{} cannot run here: {} is missing",
            one.element,
            one.missing.join(", ")
        )?;
    }
    let unknown: usize = report.silent.iter().map(|silent| silent.elements.len()).sum();
    let all = can.len() + cannot.len() + unknown;
    let elements = if all == 1 { "element" } else { "elements" };
    match (can.len() == all, report.is_fine()) {
        (true, true) => writeln!(out, "{all} {elements}: all that is required is there"),
        (true, false) => writeln!(out, "{all} {elements}: the host lacks what is required, see above"),
        (false, _) => writeln!(out, "{all} {elements}: {} can run here", can.len()),
    }
}
