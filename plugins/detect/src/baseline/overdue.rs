//! Victims without a baseline long after there should be one: the first is told at once, and then as many as there were
//! in one line a minute at most. Where targets come and go by the thousand each would else be a line of its own.

use pipeline_plugin_api::prelude::*;

/// Between two lines.
const PAUSE: Nanos = Nanos::from_secs(60);

/// See the file.
#[derive(Clone, Debug, Default)]
pub(super) struct Overdue {
    /// The first that was not told yet, and why nothing was learnt of it.
    first: Option<(String, &'static str)>,
    others: u64,
    told: Option<Nanos>,
}

impl Overdue {
    /// There is one more.
    pub(super) fn add(&mut self, target: &str, why: &'static str) {
        match self.first {
            None => self.first = Some((target.to_owned(), why)),
            Some(_) => self.others += 1,
        }
    }

    /// When a line is due.
    pub(super) fn next(&self) -> Option<Nanos> {
        self.first.as_ref()?;
        Some(self.told.map_or(Nanos::ZERO, |told| told + PAUSE))
    }

    /// Tells of those that were not told yet, if it is time.
    pub(super) fn tell(&mut self, at: Nanos, host: &Host) {
        if self.next().is_none_or(|due| at < due) {
            return;
        }
        let Some((target, why)) = self.first.take() else { return };
        let others = std::mem::take(&mut self.others);
        self.told = Some(at);
        let mut fields: Vec<(&str, &dyn std::fmt::Display)> = vec![("target", &target)];
        if others > 0 {
            fields.push(("others", &others));
        }
        fields.push(("why", &why));
        host.log(
            Level::WARN,
            "no baseline could be learnt yet; give one or load one",
            &fields,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::testkit::TestHost;

    #[test]
    fn the_first_is_told_at_once_and_the_others_once_a_minute_with_their_number() {
        let kit = TestHost::new();
        let host = Host::new(kit.handle());
        let mut overdue = Overdue::default();
        for second in 0..130 {
            overdue.add(&format!("t{second}"), "samples are too few");
            overdue.tell(Nanos::from_secs(second), &host);
        }
        let lines: Vec<String> = kit.world().logs.iter().map(|(_, line)| line.clone()).collect();
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(
            lines[0].contains("target=t0") && !lines[0].contains("others"),
            "{lines:?}"
        );
        assert!(
            lines[1].contains("target=t1") && lines[1].contains("others=59"),
            "{lines:?}"
        );
        assert_eq!(overdue.next(), Some(Nanos::from_secs(180)));
    }
}
