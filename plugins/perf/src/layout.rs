//! Which events count together: groups of one PMU that fit its counters, with the parts of a ratio in one group.
//!
//! What fits only the kernel knows, so each group is tried by opening it (a group that can never be on the counters at
//! once is refused with `EINVAL`). Trying is handed in; this file does no I/O.

use crate::code::{Code, Pmu};
use crate::event::Event;
use crate::fs::{Found, Missing};
use crate::group::MOST;
use pipeline_plugin_api::prelude::*;
use rustix::io::Errno;
use std::io;

/// One group of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Which events, by their place in the list.
    pub events: Vec<usize>,
    /// The same as codes.
    pub codes: Vec<Code>,
    /// The CPUs on which it is read, for a PMU that is not the CPUs' own.
    pub cpus: Option<Vec<u32>>,
}

/// All groups, and what cannot be counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The groups of each place.
    pub groups: Vec<Plan>,
    /// By event: why it cannot be counted.
    pub missing: Vec<Option<Missing>>,
}

impl Layout {
    /// How many descriptors one place takes.
    pub fn width(&self) -> usize {
        self.groups.iter().map(|plan| plan.codes.len()).sum()
    }

    /// The group that an event is in.
    pub fn group_of(&self, event: usize) -> Option<usize> {
        self.groups.iter().position(|plan| plan.events.contains(&event))
    }

    /// How many groups share the CPUs' own counters.
    pub fn of_the_cpu(&self) -> usize {
        self.cpu_groups().count()
    }

    /// How many events the largest of these has.
    pub fn largest_of_the_cpu(&self) -> usize {
        self.cpu_groups().map(|plan| plan.codes.len()).max().unwrap_or(0)
    }

    fn cpu_groups(&self) -> impl Iterator<Item = &Plan> {
        self.groups
            .iter()
            .filter(|plan| plan.codes.iter().any(|code| code.pmu() == Pmu::Cpu))
    }
}

/// Puts events into groups. `together` are the ratios, by their events; `most` bounds a group, and `try_open` says
/// whether the kernel takes a group.
pub fn lay(
    events: &[Event],
    found: Vec<std::result::Result<Found, Missing>>,
    together: &[Vec<usize>],
    most: usize,
    mut try_open: impl FnMut(&Plan) -> io::Result<()>,
) -> Layout {
    let mut layout = Layout::default();
    let mut usable = Vec::new();
    for (event, found) in events.iter().zip(found) {
        let tried = found.and_then(|found| {
            let alone = plan(&[(0, &found)]);
            try_open(&alone)
                .map_err(|error| missing(event, found.code, &error))
                .map(|()| found)
        });
        layout.missing.push(tried.as_ref().err().cloned());
        usable.push(tried.ok());
    }
    let singles = (0..usable.len()).map(|event| vec![event]);
    let pairs: Vec<Vec<usize>> = together.iter().cloned().chain(singles).collect();
    for wanted in pairs {
        let placed = |event: &usize| layout.group_of(*event);
        let home = wanted.iter().find_map(placed);
        let rest: Vec<(usize, &Found)> = wanted
            .iter()
            .filter(|event| placed(event).is_none())
            .filter_map(|event| Some((*event, usable[*event].as_ref()?)))
            .collect();
        if rest.is_empty() || rest.iter().any(|(_, found)| !alike(found, rest[0].1)) {
            continue;
        }
        let homes = home.map_or(0..layout.groups.len(), |home| home..home + 1);
        let joined = homes.clone().find_map(|index| {
            let joined = join(&layout.groups[index], &rest)?;
            (joined.codes.len() <= most.min(MOST) && try_open(&joined).is_ok()).then_some((index, joined))
        });
        match joined {
            Some((index, joined)) => layout.groups[index] = joined,
            // Parts of a ratio that do not fit beside those that are placed are placed by themselves later.
            None if home.is_some() => {}
            None => {
                let new = plan(&rest);
                if new.codes.len() == 1 || new.codes.len() <= most.min(MOST) && try_open(&new).is_ok() {
                    layout.groups.push(new);
                }
            }
        }
    }
    add_boxes(&mut layout, &usable);
    layout
}

/// A group of events whose PMU has several boxes is counted in each of them.
fn add_boxes(layout: &mut Layout, found: &[Option<Found>]) {
    let mut more = Vec::new();
    for group in &layout.groups {
        let boxes = |event: &usize| found[*event].as_ref().map_or(&[][..], |found| found.boxes.as_slice());
        // Events of one group are of one PMU, and so have as many boxes.
        let count = group.events.iter().map(|event| boxes(event).len()).min().unwrap_or(0);
        more.extend((0..count).map(|number| Plan {
            codes: group.events.iter().map(|event| boxes(event)[number]).collect(),
            ..group.clone()
        }));
    }
    layout.groups.extend(more);
}

fn plan(events: &[(usize, &Found)]) -> Plan {
    Plan {
        events: events.iter().map(|(event, _)| *event).collect(),
        codes: events.iter().map(|(_, found)| found.code).collect(),
        cpus: events.first().and_then(|(_, found)| found.cpus.clone()),
    }
}

fn alike(one: &Found, other: &Found) -> bool {
    one.code.pmu() == other.code.pmu() && one.cpus == other.cpus
}

fn join(group: &Plan, more: &[(usize, &Found)]) -> Option<Plan> {
    let is_same = |(_, found): &(usize, &Found)| found.code.pmu() == group.codes[0].pmu() && found.cpus == group.cpus;
    more.iter().all(is_same).then(|| {
        let more = plan(more);
        Plan {
            events: [group.events.as_slice(), &more.events].concat(),
            codes: [group.codes.as_slice(), &more.codes].concat(),
            cpus: group.cpus.clone(),
        }
    })
}

/// What the kernel's refusal of one event means.
pub fn missing(event: &Event, code: Code, error: &io::Error) -> Missing {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    match errno {
        Some(Errno::ACCESS | Errno::PERM) => Missing {
            reason: Reason::FORBIDDEN,
            why: "this user may not count it; run with CAP_PERFMON, as by `sudo pipeline run GRAPH`, or lower \
                  `sysctl kernel.perf_event_paranoid`"
                .into(),
        },
        Some(Errno::NOENT) if code.pmu() == Pmu::Cpu => {
            Missing::unsupported("this machine's CPUs show no counter for it, as in most virtual machines")
        }
        Some(Errno::NOENT | Errno::NODEV | Errno::OPNOTSUPP | Errno::INVAL) => Missing::unsupported(format!(
            "this CPU and kernel have no `{}` in this way of counting",
            event.name
        )),
        _ => Missing {
            reason: Reason::UNKNOWN,
            why: error.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event;

    fn found(kinds: &[Code]) -> Vec<std::result::Result<Found, Missing>> {
        kinds
            .iter()
            .map(|code| {
                Ok(Found {
                    code: *code,
                    boxes: Vec::new(),
                    cpus: None,
                })
            })
            .collect()
    }

    fn events(count: usize) -> Vec<Event> {
        vec![event::of("cycles").unwrap(); count]
    }

    /// A machine with so many counters.
    fn counters(most: usize) -> impl Fn(&Plan) -> io::Result<()> {
        move |plan| {
            let hard = plan.codes.iter().filter(|code| code.pmu() == Pmu::Cpu).count();
            if hard <= most { Ok(()) } else { Err(Errno::INVAL.into()) }
        }
    }

    fn groups(layout: &Layout) -> Vec<Vec<usize>> {
        layout.groups.iter().map(|plan| plan.events.clone()).collect()
    }

    #[test]
    fn what_does_not_fit_goes_to_another_group_and_ratios_stay_together() {
        let codes: Vec<Code> = (0..6).map(Code::raw).collect();
        let together = [vec![1, 0], vec![4, 5]];
        let layout = lay(&events(6), found(&codes), &together, MOST, counters(3));
        assert_eq!(groups(&layout), [vec![1, 0, 2], vec![4, 5, 3]]);
    }

    #[test]
    fn software_counts_apart_from_the_cpus_counters() {
        let codes = [
            Code::hardware(0),
            Code::software(1),
            Code::hardware(1),
            Code::tracepoint(7),
        ];
        let layout = lay(&events(4), found(&codes), &[], MOST, counters(8));
        assert_eq!(
            (groups(&layout), layout.of_the_cpu(), layout.width()),
            (vec![vec![0, 2], vec![1, 3]], 1, 4)
        );
        assert_eq!(layout.largest_of_the_cpu(), 2);
    }

    #[test]
    fn without_counters_software_goes_on_and_the_rest_is_missing_with_the_reason() {
        let codes = [Code::hardware(0), Code::software(1)];
        let none = |plan: &Plan| match plan.codes[0].pmu() {
            Pmu::Cpu => Err(Errno::NOENT.into()),
            _ => Ok(()),
        };
        let layout = lay(&events(2), found(&codes), &[vec![0, 1]], MOST, none);
        assert_eq!(groups(&layout), [vec![1]]);
        assert_eq!(layout.missing[0].as_ref().unwrap().reason, Reason::UNSUPPORTED);
        assert_eq!(layout.missing[1], None);
    }

    #[test]
    fn events_of_a_pmu_with_boxes_are_counted_in_each_and_stay_together() {
        let code = |kind, config| Code {
            kind,
            words: [config, 0, 0],
        };
        let of_boxes = |config| {
            Ok(Found {
                code: code(20, config),
                boxes: vec![code(21, config), code(22, config)],
                cpus: Some(vec![0]),
            })
        };
        let layout = lay(&events(2), vec![of_boxes(1), of_boxes(2)], &[], MOST, counters(8));
        assert_eq!(groups(&layout), [vec![0, 1], vec![0, 1], vec![0, 1]]);
        let kinds: Vec<u32> = layout.groups.iter().map(|plan| plan.codes[1].kind).collect();
        assert_eq!((kinds, layout.width()), (vec![20, 21, 22], 6));
        assert!(layout.groups.iter().all(|plan| plan.cpus == Some(vec![0])));
    }

    #[test]
    fn a_bound_of_one_gives_each_event_a_group() {
        let codes: Vec<Code> = (0..3).map(Code::raw).collect();
        let layout = lay(&events(3), found(&codes), &[vec![0, 1]], 1, counters(8));
        assert_eq!(groups(&layout), [vec![0], vec![1], vec![2]]);
    }

    #[test]
    fn a_refusal_for_want_of_rights_is_told_as_such() {
        let layout = lay(&events(1), found(&[Code::hardware(0)]), &[], MOST, |_| {
            Err(Errno::ACCESS.into())
        });
        let missing = layout.missing[0].as_ref().unwrap();
        assert_eq!(missing.reason, Reason::FORBIDDEN);
        assert!(missing.why.contains("CAP_PERFMON"), "{}", missing.why);
    }
}
