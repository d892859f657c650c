//! What this process may do beyond an ordinary user's, by name (capabilities(7)).

use rustix::thread::CapabilitySet;

/// Those on which anything here depends, and for what.
const MATTERING: [(CapabilitySet, &str); 8] = [
    (CapabilitySet::DAC_OVERRIDE, "writing where permissions forbid it"),
    (CapabilitySet::KILL, "signals to processes of other users"),
    (CapabilitySet::SETUID, "commands of other users"),
    (CapabilitySet::SETGID, "commands of other users"),
    (
        CapabilitySet::SYS_NICE,
        "affinity of other users' processes, real-time threads",
    ),
    (
        CapabilitySet::SYS_PTRACE,
        "reading what `/proc` shows of other users' processes",
    ),
    (
        CapabilitySet::SYS_RESOURCE,
        "limits above the hard ones, pressure triggers of any window",
    ),
    (
        CapabilitySet::PERFMON,
        "performance counters of other users' processes and of CPUs",
    ),
];

/// The names of a set, as `CAP_KILL`. Those that are newer than this program have numbers.
pub fn names(set: CapabilitySet) -> Vec<String> {
    let known = set.iter_names().map(|(name, _)| format!("CAP_{name}"));
    let rest = set.difference(set.iter_names().map(|(_, one)| one).collect()).bits();
    let unknown = (0..u64::BITS).filter(|bit| rest & (1 << bit) != 0);
    known.chain(unknown.map(|bit| format!("CAP_{bit}"))).collect()
}

/// Of those that matter: which are in effect, and which are not, with what they are for.
pub fn mattering(set: CapabilitySet) -> (Vec<String>, Vec<String>) {
    type Known = (CapabilitySet, &'static str);
    let (held, lacking): (Vec<&Known>, Vec<&Known>) = MATTERING.iter().partition(|(one, _)| set.contains(*one));
    let with_purpose = |known: &&Known| format!("{} ({})", names(known.0).concat(), known.1);
    (
        held.iter().flat_map(|known| names(known.0)).collect(),
        lacking.iter().map(with_purpose).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_told_by_name_and_unknown_ones_by_number() {
        assert_eq!(
            names(CapabilitySet::KILL | CapabilitySet::from_bits_retain(1 << 60)),
            ["CAP_KILL", "CAP_60"]
        );
        assert!(names(CapabilitySet::empty()).is_empty());
    }

    #[test]
    fn what_is_missing_says_what_it_is_for() {
        let (held, lacking) = mattering(CapabilitySet::SYS_NICE);
        assert_eq!(held, ["CAP_SYS_NICE"]);
        assert_eq!(lacking.len(), MATTERING.len() - 1);
        assert_eq!(lacking[1], "CAP_KILL (signals to processes of other users)");
    }
}
