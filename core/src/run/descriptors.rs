//! How many descriptors this process may have open: as many as it is allowed to (getrlimit(2)).
//!
//! Most systems give a process 1,024 and let it have more for the asking, lest it use select(2); a run that watches many
//! targets needs more, and waits by ppoll(2). What it starts is to run as it would without the run, so whoever starts
//! workloads asks for the limit that was there before, under the name [`EXTENSION`].

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The conversation that gives the soft limit from before: a number, or `unlimited`. No answer where none was raised.
pub const EXTENSION: &str = "pipeline.nofile";

/// Raises the limit to what is allowed; gives what it was, as [`EXTENSION`] gives it, if it was less.
pub fn raise() -> Option<String> {
    let before = getrlimit(Resource::Nofile);
    let after = raised(before)?;
    setrlimit(Resource::Nofile, after).ok()?;
    Some(
        before
            .current
            .map_or_else(|| "unlimited".to_owned(), |most| most.to_string()),
    )
}

fn raised(before: Rlimit) -> Option<Rlimit> {
    let after = Rlimit {
        current: before.maximum,
        ..before
    };
    (after.current != before.current).then_some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_becomes_the_hard_one_and_no_more() {
        let limit = |current, maximum| Rlimit { current, maximum };
        assert_eq!(
            raised(limit(Some(1024), Some(4096))),
            Some(limit(Some(4096), Some(4096)))
        );
        assert_eq!(raised(limit(Some(1024), None)), Some(limit(None, None)));
        assert_eq!(raised(limit(Some(4096), Some(4096))), None);
    }
}
