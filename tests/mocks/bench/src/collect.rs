//! `mock.feed`: what a small collector does in a tick: one read of a kernel file, and readings made of it.

use crate::config::FeedConfig;
use pipeline_plugin_api::prelude::*;
use std::fs::File;
use std::os::unix::fs::FileExt;

/// Gives readings made of `/proc/self/schedstat` (Documentation/scheduler/sched-stats.rst: CPU time in
/// ns, run delay in ns, slices).
pub struct Feed {
    metric: MetricId,
    readings: u32,
    file: Option<File>,
    text: [u8; 128],
    before: [u64; 3],
    at: Nanos,
}

impl Element for Feed {
    const NAME: &'static str = "mock.feed";
    const SUMMARY: &'static str = "one read of a kernel file and many readings a tick";
    const EVERY: Nanos = Nanos::from_millis(1);
    type Config = FeedConfig;

    fn ports(_: &FeedConfig) -> Ports {
        Ports::new().gives(&vocabulary::CPU_RUN_DELAY)
    }

    fn create(config: FeedConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            metric: host.metric(&vocabulary::CPU_RUN_DELAY)?,
            readings: config.readings,
            file: None,
            text: [0; 128],
            before: [0; 3],
            at: Nanos::ZERO,
        })
    }
}

impl Collector for Feed {
    fn start(&mut self, _: &System) -> Result<()> {
        self.open()
    }

    fn target(&mut self, _: &TargetChange) -> Result<()> {
        Ok(())
    }

    fn collect(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        let now = self.read()?;
        let grown: [f64; 3] = std::array::from_fn(|i| now[i].wrapping_sub(self.before[i]) as f64);
        let span = tick.at.since(self.at);
        (self.before, self.at) = (now, tick.at);
        for index in 0..self.readings {
            let value = grown[0] / f64::from(index + 1) + grown[1] * f64::from(index & 7) + grown[2];
            let reading = Reading::delta(tick.at, span, TargetId(1), self.metric, value);
            out.readings.push(reading.of_part(Part::bucket(index)));
        }
        Ok(Wish::Nothing)
    }
}

impl Feed {
    /// Opens the file that it reads at each tick.
    ///
    /// # Errors
    /// There is none: the kernel lacks `CONFIG_SCHED_INFO`.
    pub fn open(&mut self) -> Result<()> {
        let path = "/proc/self/schedstat";
        let opened = File::open(path).map_err(|error| Failure::fatal(format!("cannot open `{path}`: {error}")))?;
        self.file = Some(opened);
        Ok(())
    }

    fn read(&mut self) -> Result<[u64; 3]> {
        let file = self.file.as_ref().ok_or_else(|| Failure::fatal("it was not started"))?;
        let length = file
            .read_at(&mut self.text, 0)
            .map_err(|error| Failure::retry(format!("cannot read `/proc/self/schedstat`: {error}")))?;
        Ok(numbers(&self.text[..length]))
    }
}

/// The first three numbers of a text.
fn numbers(text: &[u8]) -> [u64; 3] {
    let mut all = [0; 3];
    let words = text
        .split(|byte| byte.is_ascii_whitespace())
        .filter(|word| !word.is_empty());
    for (number, word) in all.iter_mut().zip(words) {
        *number = word.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit & 0xf));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_numbers_are_read() {
        assert_eq!(numbers(b"123 456789 7\n"), [123, 456_789, 7]);
    }
}
