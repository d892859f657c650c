//! What this machine lets the load do. Servers are not asked: a probe makes no connection.

use pipeline_plugin_api::prelude::*;
use rustix::process::{Resource, getrlimit};
use rustix::thread::{CapabilitySet, capabilities};

/// The capability that sched_setscheduler(2) asks for.
const MEND: &str = "sudo setcap cap_sys_nice+ep \"$(command -v pipeline)\"";

/// Whether threads may go before all others on their CPU (`realtime`).
pub fn realtime() -> Vec<Probe> {
    let may = capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_NICE));
    // Without a limit there is none to be above of.
    let limit = getrlimit(Resource::Rtprio).current.unwrap_or(u64::MAX);
    vec![of(may, limit)]
}

fn of(may: bool, limit: u64) -> Probe {
    let (present, seen) = match (may, limit) {
        (true, _) => (true, "CAP_SYS_NICE is in effect".to_owned()),
        (false, 0) => (
            false,
            "no CAP_SYS_NICE, and RLIMIT_RTPRIO is 0: the load shares its `cpu` with what else runs there".to_owned(),
        ),
        (false, limit) => (true, format!("RLIMIT_RTPRIO is {limit}")),
    };
    Probe::optional("real-time scheduling", present, &seen, MEND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_the_capability_or_the_limit_is_enough() {
        for (may, limit, present) in [(true, 0, 1), (false, 1, 1), (false, 0, 0)] {
            let found = of(may, limit);
            assert_eq!((found.present, found.required), (present, 0), "{found:?}");
            assert_eq!(found.mend.is_empty(), present == 1, "{found:?}");
        }
    }

    #[test]
    fn it_can_be_asked_for_anywhere() {
        assert_eq!(realtime().len(), 1);
    }
}
