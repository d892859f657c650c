//! Episodes and findings as lines for people, the wrong in capitals.

use crate::alarm::Alarm;
use crate::judge::{Found, Judged};
use crate::stretch::Stretch;
use std::fmt::{Display, Formatter, Result};

impl Display for Stretch {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{:.1}-{:.1} s", self.from.seconds(), self.to.seconds())
    }
}

impl Display for Judged {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let episode = &self.episode;
        let by = episode.blame.culprit().unwrap_or("nobody else");
        write!(
            f,
            "episode {} {} {:.2} times slower by {by}",
            episode.span, episode.victim, episode.slowdown
        )?;
        if let Some(resource) = episode.blame.resource() {
            write!(f, " through {resource}")?;
        }
        match self.delay {
            Some(delay) => write!(f, ": found after {:.1} s", delay.seconds())?,
            None => f.write_str(": MISSED")?,
        }
        for (right, what) in [
            (self.culprit, "culprit"),
            (self.innocent, "blame"),
            (self.resource, "resource"),
        ] {
            if right == Some(false) {
                write!(f, ", WRONG {what}")?;
            }
        }
        Ok(())
    }
}

impl Display for Alarm {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "finding {} {} by {}", self.span, self.victim, self.node)?;
        for view in &self.views {
            let culprits = if view.culprits.is_empty() {
                "nobody".to_owned()
            } else {
                view.culprits.join(" and ")
            };
            write!(
                f,
                "; from {:.1} s {culprits} through {}",
                view.span.from.seconds(),
                view.resource
            )?;
        }
        Ok(())
    }
}

impl Display for Found {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::Right => "right",
            Self::Own => "right, its own doing",
            Self::Misplaced => "FALSE, it is its own doing",
            Self::Brief => "FALSE, too brief",
            Self::False => "FALSE",
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::judge::judge;
    use crate::rules::Rules;
    use crate::testing::quiet;
    use pipeline_plugin_api::abi::Resource;

    #[test]
    fn what_is_wrong_is_seen_at_once() {
        let trial = quiet()
            .slow("web", 10..30, 2.0, &[("batch", Resource::L3, 2.0)])
            .slow("web", 50..60, 2.0, &[("batch", Resource::L3, 2.0)])
            .told(12..28, 1, Resource::CPU_TIME, &["other"])
            .told(80..81, 2, Resource::L3, &[]);
        let verdict = judge(&trial, None, &Rules::default());
        let lines: Vec<String> = verdict.episodes.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "episode 10.0-30.0 s web 2.00 times slower by batch through l3: found after 2.0 s, WRONG culprit, WRONG resource",
                "episode 50.0-60.0 s web 2.00 times slower by batch through l3: MISSED",
            ]
        );
        let lines: Vec<String> = verdict
            .alarms
            .iter()
            .map(|(alarm, found)| format!("{alarm}: {found}"))
            .collect();
        assert_eq!(
            lines,
            [
                "finding 12.0-28.0 s web by judge; from 12.0 s other through cpu time: right",
                "finding 80.0-81.0 s web by judge; from 80.0 s nobody through l3: FALSE",
            ]
        );
    }
}
