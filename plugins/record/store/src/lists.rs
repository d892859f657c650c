//! The lists inside of a target as JSON, and back: bit for bit, numbers of goals included.

use pipeline_plugin_api::abi::{CgroupDir, Comparison, Goal, KnobId, Label, MetricId, Process, Spare};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

#[derive(Serialize, Deserialize)]
struct GoalText {
    metric: String,
    comparison: String,
    /// Absent where it is no number.
    value: Option<f64>,
}

#[derive(Serialize, Deserialize)]
struct LabelText {
    name: String,
    value: String,
}

#[derive(Serialize, Deserialize)]
struct CgroupText {
    controller: String,
    path: String,
    inode: u64,
}

#[derive(Serialize, Deserialize)]
struct ProcessText {
    pid: u32,
    start_time: u64,
}

/// The JSON of goals; the empty text for none.
pub fn goals(goals: &[Goal], mut name: impl FnMut(MetricId) -> String) -> String {
    let texts: Vec<GoalText> = goals
        .iter()
        .map(|goal| GoalText {
            metric: name(goal.metric),
            comparison: goal.comparison.to_string(),
            value: goal.value.is_finite().then_some(goal.value),
        })
        .collect();
    json(&texts)
}

/// Goals from their JSON.
pub(crate) fn goals_of(text: &str, mut metric: impl FnMut(&str) -> MetricId) -> Vec<Goal> {
    let texts: Vec<GoalText> = list(text);
    texts
        .into_iter()
        .map(|goal| Goal {
            metric: metric(&goal.metric),
            comparison: Comparison::named(&goal.comparison).unwrap_or_default(),
            value: goal.value.unwrap_or(f64::NAN),
        })
        .collect()
}

/// The JSON of labels; the empty text for none.
pub fn labels(labels: &[Label]) -> String {
    let texts: Vec<LabelText> = labels
        .iter()
        .map(|label| LabelText {
            name: label.name.to_string(),
            value: label.value.to_string(),
        })
        .collect();
    json(&texts)
}

pub(crate) fn labels_of(text: &str) -> Vec<Label> {
    let texts: Vec<LabelText> = list(text);
    texts
        .iter()
        .map(|label| Label::new(&label.name, &label.value))
        .collect()
}

/// The JSON of groups; the empty text for none.
pub fn cgroups(groups: &[CgroupDir]) -> String {
    let texts: Vec<CgroupText> = groups
        .iter()
        .map(|group| CgroupText {
            controller: group.controller.to_string(),
            path: group.path.to_string(),
            inode: group.inode,
        })
        .collect();
    json(&texts)
}

pub(crate) fn cgroups_of(text: &str) -> Vec<CgroupDir> {
    let texts: Vec<CgroupText> = list(text);
    texts
        .into_iter()
        .map(|group| CgroupDir {
            controller: group.controller.into(),
            path: group.path.into(),
            inode: group.inode,
        })
        .collect()
}

/// The JSON of processes; the empty text for none.
pub fn processes(processes: &[Process]) -> String {
    let texts: Vec<ProcessText> = processes
        .iter()
        .map(|process| ProcessText {
            pid: process.pid,
            start_time: process.start_time,
        })
        .collect();
    json(&texts)
}

pub(crate) fn processes_of(text: &str) -> Vec<Process> {
    let texts: Vec<ProcessText> = list(text);
    texts
        .into_iter()
        .map(|process| Process {
            pid: process.pid,
            start_time: process.start_time,
        })
        .collect()
}

/// The JSON of CPUs; the empty text for none.
pub(crate) fn cpus(cpus: &[u32]) -> String {
    json(cpus)
}

pub(crate) fn cpus_of(text: &str) -> Vec<u32> {
    list(text)
}

/// For each an id, a length, and as many bytes; little-endian.
pub(crate) fn spare(spare: &[Spare]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for one in spare {
        bytes.extend(one.id.to_le_bytes());
        bytes.extend((one.bytes.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&one.bytes);
    }
    bytes
}

pub(crate) fn spare_of(mut bytes: &[u8]) -> Vec<Spare> {
    let mut all = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<8>() {
        let [a, b, c, d, e, f, g, h] = *head;
        let length = u32::from_le_bytes([e, f, g, h]) as usize;
        let Some((own, behind)) = rest.split_at_checked(length) else {
            break;
        };
        all.push(Spare {
            id: u32::from_le_bytes([a, b, c, d]),
            bytes: own.into(),
        });
        bytes = behind;
    }
    all
}

/// No knob, which a row may name where none is known.
pub(crate) const NO_KNOB: KnobId = KnobId(0);

fn json<T: Serialize>(list: &[T]) -> String {
    if list.is_empty() {
        return String::new();
    }
    serde_json::to_string(list).unwrap_or_default()
}

fn list<T: DeserializeOwned>(text: &str) -> Vec<T> {
    serde_json::from_str(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn a_goals_number_comes_back_bit_for_bit(bits: u64) {
            let value = f64::from_bits(bits);
            let goal = Goal { metric: MetricId(7), comparison: Comparison::AT_LEAST, value };
            let text = goals(&[goal], |_| "m".to_owned());
            let back = goals_of(&text, |name| MetricId(if name == "m" { 7 } else { 0 }));
            let wanted = if value.is_finite() { bits } else { f64::NAN.to_bits() };
            proptest::prop_assert_eq!(back.len(), 1);
            proptest::prop_assert_eq!(back[0].value.to_bits(), wanted);
            proptest::prop_assert_eq!((back[0].metric, back[0].comparison), (MetricId(7), Comparison::AT_LEAST));
        }

        #[test]
        fn spare_bytes_come_back_and_torn_ones_never_panic(one: Vec<u8>, two: Vec<u8>, cut: usize) {
            let all = [Spare { id: 3, bytes: one.into() }, Spare { id: 9, bytes: two.into() }];
            let bytes = spare(&all);
            proptest::prop_assert_eq!(spare_of(&bytes), all.to_vec());
            spare_of(&bytes[..cut % (bytes.len() + 1)]);
        }
    }

    #[test]
    fn an_empty_list_is_no_text() {
        assert_eq!((labels(&[]), cpus(&[])), (String::new(), String::new()));
        assert!(labels_of("").is_empty() && cpus_of("").is_empty() && processes_of("nonsense").is_empty());
    }
}
