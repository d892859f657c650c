//! What the kernel says of one process in `/proc/PID/stat` (proc_pid_stat(5)), as far as an undo needs it.

/// A process or thread.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Field 3: `R`, `S`, `D`, `Z`, …
    pub state: char,
    /// Field 5: the id of its process group.
    pub group: u32,
    /// Field 22: when it started, in clock ticks since the boot. With the id it names one process.
    pub start_time: u64,
}

impl Stat {
    /// Of that process; `None` if there is none, or none that can be read.
    pub fn of(pid: u32) -> Option<Self> {
        parse(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Whether it ended and nobody asked yet how.
    pub fn is_dead(&self) -> bool {
        matches!(self.state, 'Z' | 'X')
    }
}

/// The name in parentheses may hold anything, parentheses included.
fn parse(text: &str) -> Option<Stat> {
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let group = fields.nth(1)?.parse().ok()?;
    let start_time = fields.nth(16)?.parse().ok()?;
    Some(Stat {
        state,
        group,
        start_time,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_parenthesis_does_not_shift_the_fields() {
        let text = "42 (a) b) S 1 40 39 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1000 1";
        let stat = Stat {
            state: 'S',
            group: 40,
            start_time: 987_654,
        };
        assert_eq!(parse(text), Some(stat));
    }

    #[test]
    fn a_text_that_is_cut_off_is_no_process() {
        for text in ["", "42 (sh", "42 (sh) S 1", "42 (sh) S 1 x 39"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn this_process_lives_and_its_start_does_not_move() {
        let stat = Stat::of(std::process::id()).unwrap();
        assert!(!stat.is_dead() && stat.start_time > 0);
        assert_eq!(Stat::of(std::process::id()).unwrap().start_time, stat.start_time);
    }
}
