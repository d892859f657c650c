//! Text of `/proc` to values. No I/O.

/// What `/proc/PID/stat` says of a process (proc_pid_stat(5)): whether it lives, and when it started, in clock ticks
/// after boot. `None` for a text that is none.
pub fn stat(text: &str) -> Option<(bool, u64)> {
    // The second field is in parentheses and may hold anything.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    // The state is the third field, the start time the 22nd.
    let start_time = fields.nth(18)?.parse().ok()?;
    Some((!matches!(state, "Z" | "X" | "x"), start_time))
}

/// The ids that a `cgroup.procs` lists, sorted, each once.
pub fn ids(text: &str) -> Vec<u32> {
    let mut ids: Vec<u32> = text.lines().filter_map(|line| line.trim().parse().ok()).collect();
    ids.sort_unstable();
    ids.dedup();
    // A process that is out of sight of this pid namespace is listed as 0.
    ids.retain(|id| *id != 0);
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_whatever_it_is_called() {
        let text = |state: &str| {
            format!("77 (a) b 1 (c) {state} 1 77 77 0 -1 4194560 116 0 0 0 0 0 0 0 20 0 1 0 252048 2744320 0")
        };
        assert_eq!(stat(&text("S")), Some((true, 252_048)));
        assert_eq!(stat(&text("Z")), Some((false, 252_048)));
        for text in ["", "77 (sh) S 1", "77 (sh", ")"] {
            assert_eq!(stat(text), None, "{text}");
        }
    }

    #[test]
    fn ids_are_sorted_and_those_out_of_sight_are_left_out() {
        assert_eq!(ids("9\n0\n7\n9\nx\n"), [7, 9]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_them_panic(text in ".{0,80}") {
            let _ = stat(&text);
            let _ = ids(&text);
        }
    }
}
