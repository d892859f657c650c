//! From the text of `/proc/self/stat` to the start time. No files.

/// The start time of a process, in clock ticks after boot: field 22 of `/proc/PID/stat` (proc(5)). The second field
/// is the command's name in brackets and may hold anything, brackets and blanks included.
pub fn start_time(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STAT: &str = "812 (pipeline) S 1 812 812 0 -1 4194560 2 0 0 0 3 1 0 0 20 0 5 0 252048 21 4";

    #[test]
    fn the_start_time_is_the_twenty_second_field_whatever_the_name() {
        assert_eq!(start_time(STAT), Some(252_048));
        assert_eq!(start_time(&STAT.replace("pipeline", "a) S (1")), Some(252_048));
        assert_eq!(start_time("812 (pipeline) S 1"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = start_time(&text);
        }
    }
}
