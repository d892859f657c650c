//! The table in which names of metrics, knobs and parts are interned: used by the host and by the
//! test kit. Not thread-safe by itself; whoever shares it puts a lock around it.

use crate::abi::{Kind, KnobId, KnobName, MetricId, MetricName, Part};
use std::collections::HashMap;

/// Two nodes that mean different things by one name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is `{had}` already and cannot be `{wanted}` as well; rename one of the two")]
pub struct Conflict {
    name: String,
    had: String,
    wanted: String,
}

/// Interned names. Ids start at 1.
#[derive(Debug, Default)]
pub struct Names {
    metrics: Vec<MetricName>,
    metric_ids: HashMap<String, MetricId>,
    knobs: Vec<KnobName>,
    knob_ids: HashMap<String, KnobId>,
    parts: Vec<String>,
    part_ids: HashMap<String, Part>,
}

impl Names {
    /// The id of a metric, new or known.
    ///
    /// # Errors
    /// The name is known with another unit or kind.
    pub fn metric(&mut self, name: &str, unit: &str, kind: Kind) -> Result<MetricId, Conflict> {
        if let Some(id) = self.metric_ids.get(name) {
            let had = &self.metrics[id.0 as usize - 1];
            let (had, wanted) = (format!("{} {}", had.kind, had.unit), format!("{kind} {unit}"));
            return if had == wanted {
                Ok(*id)
            } else {
                Err(Conflict {
                    name: name.to_owned(),
                    had,
                    wanted,
                })
            };
        }
        self.metrics.push(MetricName {
            name: name.into(),
            unit: unit.into(),
            kind,
        });
        let id = MetricId(self.metrics.len() as u32);
        self.metric_ids.insert(name.to_owned(), id);
        Ok(id)
    }

    /// What is known of a metric.
    pub fn metric_name(&self, id: MetricId) -> Option<&MetricName> {
        self.metrics.get((id.0 as usize).checked_sub(1)?)
    }

    /// The id of a knob, new or known.
    ///
    /// # Errors
    /// The name is known with another unit.
    pub fn knob(&mut self, name: &str, unit: &str) -> Result<KnobId, Conflict> {
        if let Some(id) = self.knob_ids.get(name) {
            let had = self.knobs[id.0 as usize - 1].unit.to_string();
            return if had == unit {
                Ok(*id)
            } else {
                Err(Conflict {
                    name: name.to_owned(),
                    had,
                    wanted: unit.to_owned(),
                })
            };
        }
        self.knobs.push(KnobName {
            name: name.into(),
            unit: unit.into(),
        });
        let id = KnobId(self.knobs.len() as u32);
        self.knob_ids.insert(name.to_owned(), id);
        Ok(id)
    }

    /// What is known of a knob.
    pub fn knob_name(&self, id: KnobId) -> Option<&KnobName> {
        self.knobs.get((id.0 as usize).checked_sub(1)?)
    }

    /// The part of that name: `""`, `cpu/3` and the like by their number, others interned.
    pub fn part(&mut self, name: &str) -> Part {
        if let Some(part) = Part::numbered(name) {
            return part;
        }
        let next = Part::named(self.parts.len() as u32);
        let part = *self.part_ids.entry(name.to_owned()).or_insert(next);
        if part == next {
            self.parts.push(name.to_owned());
        }
        part
    }

    /// The text of a part.
    pub fn part_name(&self, part: Part) -> String {
        let named = || self.parts.get(part.name_index()? as usize).cloned();
        part.text()
            .or_else(named)
            .unwrap_or_else(|| format!("unknown({:#x})", part.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_has_the_same_id() {
        let mut names = Names::default();
        let first = names.metric("cpu.time", "ns", Kind::DELTA).unwrap();
        assert_eq!(names.metric("cpu.time", "ns", Kind::DELTA), Ok(first));
        assert_eq!(names.metric_name(first).unwrap().unit, "ns");
        assert_eq!(names.metric_name(MetricId(0)), None);
    }

    #[test]
    fn another_unit_under_the_same_name_is_refused() {
        let mut names = Names::default();
        names.metric("cpu.time", "ns", Kind::DELTA).unwrap();
        let error = names.metric("cpu.time", "s", Kind::DELTA).unwrap_err();
        assert!(error.to_string().contains("delta ns"), "{error}");
    }

    #[test]
    fn parts_come_back_as_their_names() {
        let mut names = Names::default();
        for text in ["", "cpu/3", "l3/0", "dev/8:0", "bucket/99", "dev/8:16"] {
            let part = names.part(text);
            assert_eq!(names.part(text), part);
            assert_eq!(names.part_name(part), text);
        }
    }
}
