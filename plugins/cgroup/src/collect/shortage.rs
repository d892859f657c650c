//! Targets for which this process has too few descriptors: told in one line with their number, and not one by one, and
//! tried again, since others go.

use pipeline_cgroup_fs::Error;
use pipeline_plugin_api::prelude::*;
use rustix::io::Errno;

/// Between two tries for those that are short.
const TRY_AGAIN: Nanos = Nanos::from_secs(10);
/// Between two lines.
const TELL_AGAIN: Nanos = Nanos::from_secs(60);

/// See the file.
#[derive(Debug, Default)]
pub struct Shortage {
    /// Some came since it was told last.
    is_new: bool,
    /// There may be some.
    is_any: bool,
    tried: Nanos,
    told: Option<Nanos>,
}

/// Whether an error says that this process, or the machine, has no more descriptors.
pub fn is_one(error: &Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>());
    let errno = source.and_then(Errno::from_io_error);
    matches!(errno, Some(Errno::MFILE | Errno::NFILE))
}

impl Shortage {
    /// One more target is short.
    pub fn met(&mut self) {
        (self.is_new, self.is_any) = (true, true);
    }

    /// Whether those that are short are to be tried again at that instant.
    pub fn is_to_try(&mut self, at: Nanos) -> bool {
        let is_time = self.is_any && at >= self.tried + TRY_AGAIN;
        if is_time {
            self.tried = at;
        }
        is_time
    }

    /// Whether there is something to tell at that instant.
    pub fn is_to_tell(&self, at: Nanos) -> bool {
        self.is_new && self.told.is_none_or(|told| at >= told + TELL_AGAIN)
    }

    /// Tells how many are short.
    pub fn tell(&mut self, at: Nanos, short: usize, all: usize, host: &Host) {
        (self.is_new, self.is_any) = (false, short > 0);
        if short == 0 {
            return;
        }
        self.told = Some(at);
        host.log(
            Level::WARN,
            "there are too few descriptors for some of the targets, which are not read; raise `ulimit -n`, read fewer \
             families, or choose fewer targets",
            &[("targets", &short), ("of", &all)],
        );
    }
}
