//! Two runs as text for people.

use super::{Kpi, Sides};
use crate::table::table;
use pipeline_plugin_api::prelude::*;

/// The whole page.
pub fn page(sides: &Sides) -> String {
    let [a, b] = &sides.runs;
    let [span_a, span_b] = sides.span_ns.map(Nanos);
    let mut text = format!("A  {a}  {span_a}\nB  {b}  {span_b}\n");
    let targets: Vec<Vec<String>> = sides
        .targets
        .iter()
        .map(|(name, counts)| vec![name.clone(), counts[0].to_string(), counts[1].to_string()])
        .collect();
    text += &section("Targets, and how often they appeared", &["target", "A", "B"], &targets);
    let kpis: Vec<Vec<String>> = sides.kpis.iter().map(kpi).collect();
    let heads = [
        "target", "KPI", "mean A", "mean B", "median A", "median B", "p95 A", "p95 B", "unit",
    ];
    text += &section("KPIs", &heads, &kpis);
    text += "\nFindings and actions\n";
    if sides.differences.is_empty() {
        text += "none in either\n";
    }
    for difference in &sides.differences {
        text += &(difference.sentence() + "\n");
    }
    text += "\nWhat else differs\n";
    if sides.why.is_empty() {
        text += "nothing: graph, plugins and machine are the same\n";
    }
    for sentence in &sides.why {
        text += &format!("{sentence}\n");
    }
    text
}

fn section(head: &str, heads: &[&str], rows: &[Vec<String>]) -> String {
    match rows.is_empty() {
        true => format!("\n{head}\nnone\n"),
        false => format!("\n{head}\n{}", table(heads, rows)),
    }
}

fn kpi(kpi: &Kpi) -> Vec<String> {
    let [a, b] = &kpi.runs;
    let unit = a
        .as_ref()
        .or(b.as_ref())
        .map(|summary| summary.unit.clone())
        .unwrap_or_default();
    let mut cells = vec![kpi.target.clone(), kpi.metric.clone()];
    let pick: [fn(&crate::figures::Summary) -> f64; 3] = [|s| s.mean, |s| s.median, |s| s.p95];
    for value in pick {
        for side in [a, b] {
            cells.push(
                side.as_ref()
                    .map_or_else(|| "-".to_owned(), |summary| number(value(summary))),
            );
        }
    }
    cells.push(unit);
    cells
}

/// Four digits that matter.
fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let digits = (3 - value.abs().log10().floor() as i32).clamp(0, 6) as usize;
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_four_digits_that_matter() {
        assert_eq!(
            [number(0.012345), number(12.3456), number(123_456.7), number(0.0)],
            ["0.01235", "12.35", "123457", "0"]
        );
    }
}
