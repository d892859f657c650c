//! What this machine offers of counters, and the command that mends what is missing. Reads and tries only.

use crate::believable::{self, Verdict};
use crate::fs::Machine;
use pipeline_plugin_api::prelude::*;
use rustix::io::Errno;
use rustix::thread::{CapabilitySet, capabilities};
use std::io;
use std::sync::OnceLock;

const PARANOID: &str = "sudo sysctl kernel.perf_event_paranoid=0";
const ROOT: &str = "sudo pipeline run GRAPH";
const ELSEWHERE: &str = "run on a machine whose hypervisor passes counters on, as on metal";

/// For both elements, which are asked one after the other and are to be told the same.
pub fn of_both() -> Vec<Probe> {
    static FOUND: OnceLock<Vec<Probe>> = OnceLock::new();
    FOUND.get_or_init(|| counters(believable::tried())).clone()
}

/// `tried` is what came of counting a known loop.
fn counters(tried: io::Result<Verdict>) -> Vec<Probe> {
    let may = may_count();
    let mut found = vec![paranoid(Machine::here().paranoid(), may), capability(may)];
    found.extend(pmu(tried));
    found
}

/// CAP_PERFMON, or CAP_SYS_ADMIN as before 5.8 (admin-guide/perf-security.rst).
fn may_count() -> bool {
    let enough = CapabilitySet::PERFMON | CapabilitySet::SYS_ADMIN;
    capabilities(None).is_ok_and(|sets| sets.effective.intersects(enough))
}

/// admin-guide/sysctl/kernel.rst: above 0 whole CPUs and control groups, above 1 the kernel's own part is for those with
/// the capability only.
fn paranoid(level: Option<i32>, may: bool) -> Probe {
    const WHAT: &str = "perf events (kernel.perf_event_paranoid)";
    match level {
        None => Probe::required(
            WHAT,
            false,
            "this kernel has no perf_event",
            "use a kernel with CONFIG_PERF_EVENTS",
        ),
        Some(level) if may || level <= 0 => Probe::required(WHAT, true, &format!("{level}, which allows all here"), ""),
        Some(level) => {
            let seen = format!("{level}: this user may count own processes only, and not whole CPUs or control groups");
            Probe::required(WHAT, false, &seen, PARANOID)
        }
    }
}

fn capability(may: bool) -> Probe {
    let seen = if may { "in effect" } else { "not in effect" };
    Probe::optional("CAP_PERFMON", may, seen, ROOT)
}

fn pmu(tried: io::Result<Verdict>) -> Vec<Probe> {
    let (present, believable) = ("hardware counters (PMU)", "hardware counters can be believed");
    match tried {
        Err(error) => {
            let why = match error.raw_os_error().map(Errno::from_raw_os_error) {
                Some(Errno::NOENT | Errno::OPNOTSUPP | Errno::NODEV) => {
                    "this machine's CPUs show none; software events can be counted".to_owned()
                }
                Some(Errno::ACCESS | Errno::PERM) => "this user may not use them".to_owned(),
                _ => error.to_string(),
            };
            vec![Probe::optional(present, false, &why, ELSEWHERE)]
        }
        Ok(verdict) => {
            let there = Probe::optional(present, true, "cycles and instructions can be counted", "");
            let judged = match verdict {
                Verdict::Believable(spin) => {
                    let ipc = spin.instructions as f64 / spin.cycles as f64;
                    let gigahertz = spin.cycles as f64 / spin.nanos as f64 / spin.share;
                    let seen = format!("a known loop ran at {ipc:.2} instructions per cycle and {gigahertz:.2} GHz");
                    Probe::optional(believable, true, &seen, "")
                }
                Verdict::Nonsense(why) => Probe::optional(believable, false, &why, ELSEWHERE),
                Verdict::Busy => Probe::optional(
                    believable,
                    false,
                    "others hold all of them, so that they could not be tried",
                    "sudo sysctl kernel.nmi_watchdog=0",
                ),
            };
            vec![there, judged]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::believable::Spin;

    const SPIN: Spin = Spin {
        turns: 1_000_000,
        nanos: 1_000_000,
        cycles: 3_000_000,
        instructions: 3_000_000,
        share: 1.0,
    };

    #[test]
    fn what_is_missing_says_how_to_mend_it_and_what_is_there_does_not() {
        let nonsense = Verdict::Nonsense("8 instructions".to_owned());
        for tried in [
            Ok(Verdict::Believable(SPIN)),
            Ok(nonsense),
            Ok(Verdict::Busy),
            Err(Errno::NOENT.into()),
            Err(Errno::ACCESS.into()),
        ] {
            let found = counters(tried);
            assert!(
                found.iter().all(|probe| (probe.present == 1) == probe.mend.is_empty()),
                "{found:#?}"
            );
        }
    }

    #[test]
    fn counters_that_are_not_believed_are_told_apart_from_none() {
        assert_eq!(pmu(Err(Errno::NOENT.into())).len(), 1);
        let nonsense = pmu(Ok(Verdict::Nonsense("8 instructions".to_owned())));
        assert_eq!((nonsense[0].present, nonsense[1].present), (1, 0));
    }

    #[test]
    fn a_user_without_the_capability_may_count_groups_only_at_zero() {
        assert_eq!(
            (paranoid(Some(2), false).present, paranoid(Some(0), false).present),
            (0, 1)
        );
        assert_eq!((paranoid(Some(3), true).present, paranoid(None, true).present), (1, 0));
    }
}
