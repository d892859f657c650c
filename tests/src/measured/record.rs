//! The lines of `file.jsonl` that the reports need.

use serde::Deserialize;
use std::collections::BTreeMap;

/// Nanoseconds since the run's start.
pub type At = u64;

/// A count of requests in a bucket of the latency histogram.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// Since when they were gathered.
    pub from: At,
    /// When it was told.
    pub at: At,
    /// Its number.
    pub bucket: u32,
    /// Requests in it.
    pub count: u64,
}

/// An amount of CPU time.
#[derive(Clone, Copy, Debug)]
pub struct Used {
    /// Since when it was gathered.
    pub from: At,
    /// When it was told.
    pub at: At,
    /// The amount.
    pub nanos: f64,
}

/// A word of a finding.
#[derive(Clone, Debug)]
pub struct Finding {
    /// When it was told.
    pub at: At,
    /// Whether it begins, goes on or ends.
    pub phase: String,
    /// Who suffers.
    pub victim: String,
    /// Through what.
    pub resource: String,
    /// Most likely first.
    pub culprits: Vec<String>,
}

/// What became of an action.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// When it was told.
    pub at: At,
    /// The actuator.
    pub node: String,
    /// Whose knob.
    pub target: String,
    /// Which knob.
    pub knob: String,
    /// What became of it.
    pub fate: String,
}

/// A run as far as the report is concerned.
#[derive(Debug, Default)]
pub struct Record {
    /// The last instant of which anything is known.
    pub end: At,
    /// When `batch` appeared and went.
    pub batch: Vec<(At, bool)>,
    /// By scheduler: when it became active or passive.
    pub active: BTreeMap<String, Vec<(At, bool)>>,
    /// Requests of `web` by how long they took.
    pub buckets: Vec<Bucket>,
    /// CPU time that `batch` used.
    pub batch_used: Vec<Used>,
    /// Time that the hypervisor took from the CPUs of `web`.
    pub stolen: Vec<Used>,
    /// Time for which CPUs of `web` and of its clients stopped, all of them added up.
    pub hiccups: Vec<Used>,
    /// What was found.
    pub findings: Vec<Finding>,
    /// What became of actions.
    pub outcomes: Vec<Outcome>,
}

#[derive(Deserialize)]
struct Line {
    kind: String,
    #[serde(default)]
    at: At,
    #[serde(default)]
    span: At,
    #[serde(default)]
    node: String,
    #[serde(default)]
    target: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    metric: String,
    #[serde(default)]
    part: String,
    value: Option<f64>,
    #[serde(default)]
    change: String,
    #[serde(default)]
    phase: String,
    #[serde(default)]
    victim: String,
    #[serde(default)]
    resource: String,
    #[serde(default)]
    culprits: Vec<CulpritItem>,
    #[serde(default)]
    knob: String,
    #[serde(default)]
    fate: String,
}

#[derive(Deserialize)]
struct CulpritItem {
    target: String,
}

/// Reads a record; a last line that is not whole yet is left out.
///
/// # Errors
/// It cannot be read, or a line is none of `file.jsonl`.
pub fn read(path: &str) -> Result<Record, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let mut record = Record::default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    for (number, line) in whole.lines().enumerate() {
        let line: Line = serde_json::from_str(line).map_err(|error| format!("line {}: {error}", number + 1))?;
        record.take(line);
    }
    record.sort();
    Ok(record)
}

impl Record {
    /// By when they were told: nodes on threads of their own may be written a little later than others.
    fn sort(&mut self) {
        self.buckets.sort_by_key(|bucket| bucket.at);
        for used in [&mut self.batch_used, &mut self.stolen, &mut self.hiccups] {
            used.sort_by_key(|used| used.at);
        }
    }

    fn take(&mut self, line: Line) {
        self.end = self.end.max(line.at);
        match line.kind.as_str() {
            "target" if line.name == "batch" && line.change != "changed" => {
                self.batch.push((line.at, line.change == "appeared"));
            }
            "reading" => self.reading(line),
            "finding" => self.findings.push(Finding {
                at: line.at,
                phase: line.phase,
                victim: line.victim,
                resource: line.resource,
                culprits: line.culprits.into_iter().map(|culprit| culprit.target).collect(),
            }),
            "outcome" => self.outcomes.push(Outcome {
                at: line.at,
                node: line.node,
                target: line.target,
                knob: line.knob,
                fate: line.fate,
            }),
            _ => {}
        }
    }

    fn reading(&mut self, line: Line) {
        let Some(value) = line.value else { return };
        let from = line.at.saturating_sub(line.span);
        let used = Used {
            from,
            at: line.at,
            nanos: value,
        };
        let bucket = line.part.strip_prefix("bucket/").and_then(|index| index.parse().ok());
        match (line.metric.as_str(), line.target.as_str(), bucket) {
            ("kpi.latency.bucket", "web", Some(bucket)) => {
                self.buckets.push(Bucket {
                    from,
                    at: line.at,
                    bucket,
                    count: value as u64,
                });
            }
            ("cpu.time", "batch", None) => self.batch_used.push(used),
            ("cpu.steal", "web", None) if line.part.starts_with("cpu/") => self.stolen.push(used),
            ("hiccup.time", "web", None) if line.part.is_empty() => self.hiccups.push(used),
            ("policy.active", ..) => self.active.entry(line.node).or_default().push((line.at, value > 0.0)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(lines: &[&str]) -> Record {
        let mut record = Record::default();
        lines
            .iter()
            .for_each(|line| record.take(serde_json::from_str(line).unwrap()));
        record.sort();
        record
    }

    #[test]
    fn stops_are_those_of_all_cpus_together() {
        let reading = |part: &str, value: &str| {
            format!(
                r#"{{"kind":"reading","at":400,"span":200,"node":"stops","target":"web","metric":"hiccup.time","part":"{part}","value":{value}}}"#
            )
        };
        let lines = [
            reading("cpu/0", "3.0"),
            reading("cpu/1", "4.0"),
            reading("", "7.0"),
            reading("", "null"),
        ];
        let record = taken(&lines.each_ref().map(String::as_str));
        assert_eq!(record.hiccups.len(), 1, "what is unavailable is no zero");
        let found = record.hiccups[0];
        assert_eq!((found.from, found.at, found.nanos), (200, 400, 7.0));
    }

    #[test]
    fn readings_are_in_the_order_in_which_they_were_told() {
        let reading = |at: u64| {
            format!(r#"{{"kind":"reading","at":{at},"span":1,"target":"batch","metric":"cpu.time","value":1.0}}"#)
        };
        let record = taken(&[3, 1, 2].map(reading).each_ref().map(String::as_str));
        let told: Vec<At> = record.batch_used.iter().map(|used| used.at).collect();
        assert_eq!((told, record.end), (vec![1, 2, 3], 3));
    }
}
