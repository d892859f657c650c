//! In which groups a task is: the text of `/proc/PID/cpu_resctrl_groups`. No I/O.

/// The groups of one task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Membership {
    /// The control group's name; empty for the default group.
    pub control: String,
    /// The monitoring group's name within it; empty for none.
    pub monitor: String,
}

impl Membership {
    /// Reads `res:/class\nmon:name\n` (`Documentation/filesystems/resctrl.rst`, "Resource allocation rules"; the file
    /// is described in `Documentation/filesystems/proc.rst`). `None` where nothing is mounted, which reads as `res:`.
    pub fn parse(text: &str) -> Option<Self> {
        let of = |word: &str| text.lines().find_map(|line| line.strip_prefix(word)).map(str::trim);
        let control = of("res:")?;
        if control.is_empty() {
            return None;
        }
        Some(Self {
            control: control.trim_start_matches('/').to_owned(),
            monitor: of("mon:").unwrap_or_default().trim_start_matches('/').to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_group_has_no_name_and_an_unmounted_tree_no_group() {
        let read = |text| Membership::parse(text);
        assert_eq!(read("res:/\nmon:\n"), Some(Membership::default()));
        assert_eq!(read("res:\nmon:\n"), None);
        assert_eq!(read(""), None);
        let both = read("res:quiet\nmon:web\n").unwrap();
        assert_eq!((both.control.as_str(), both.monitor.as_str()), ("quiet", "web"));
    }
}
