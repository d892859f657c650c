//! Windows of a run's clock, once or again and again: when a command runs, when a policy may act.
//!
//! Interleaved windows are how two ways of doing a thing are compared on a noisy machine.

use crate::abi::Nanos;
use crate::units::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// From an instant to another, counted from the run's start; with `every`, again each such span.
///
/// Written `(from: "12s", to: "24s", every: "48s")`.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Window {
    /// When it begins. The run's start by default.
    pub from: Span,
    /// When it ends. Never by default, or where `every` begins anew.
    pub to: Option<Span>,
    /// How long until it begins again. Once by default.
    pub every: Option<Span>,
}

impl Window {
    /// What keeps it from being one, if anything does: for [`crate::config::Configure::check`].
    pub fn fault(&self) -> Option<String> {
        let ends = self.to.or(self.every).map(Span::nanos);
        if self.every.is_some_and(|every| every.nanos() == Nanos::ZERO) {
            return Some("a window cannot repeat every 0s".to_owned());
        }
        if ends.is_some_and(|end| end <= self.from.nanos()) {
            return Some(format!("the window begins at {} and so after its end", self.from));
        }
        let too_long = self.every.zip(self.to).filter(|(every, to)| to > every);
        too_long.map(|(every, to)| format!("the window ends at {to}, after it begins again at {every}"))
    }

    /// Whether the instant lies in a window.
    pub fn holds(&self, at: Nanos) -> bool {
        let phase = self.phase(at);
        phase >= self.from.nanos() && self.to.is_none_or(|to| phase < to.nanos())
    }

    /// The next instant after `at` at which a window begins or ends.
    pub fn next_edge(&self, at: Nanos) -> Option<Nanos> {
        let phase = self.phase(at);
        let start = at - phase;
        let from = (self.from.nanos() > Nanos::ZERO).then_some(self.from.nanos());
        let edges = [from, self.to.map(Span::nanos), self.every.map(Span::nanos)];
        edges
            .into_iter()
            .flatten()
            .filter(|edge| *edge > phase)
            .min()
            .map(|edge| start + edge)
    }

    fn phase(&self, at: Nanos) -> Nanos {
        match self.every {
            Some(every) if every.nanos().0 > 0 => Nanos(at.0 % every.nanos().0),
            _ => at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(from: u64, to: u64, every: u64) -> Window {
        let span = |s: u64| (s > 0).then(|| Span::secs(s));
        Window {
            from: Span::secs(from),
            to: span(to),
            every: span(every),
        }
    }

    #[test]
    fn the_default_is_always() {
        assert!(Window::default().holds(Nanos::ZERO));
        assert_eq!(Window::default().next_edge(Nanos(7)), None);
    }

    #[test]
    fn a_window_repeats() {
        let window = window(12, 24, 48);
        let inside: Vec<u64> = (0..100).filter(|s| window.holds(Nanos::from_secs(*s))).collect();
        let expected: Vec<u64> = (12..24).chain(60..72).collect();
        assert_eq!(inside, expected);
        assert_eq!(window.next_edge(Nanos::from_secs(12)), Some(Nanos::from_secs(24)));
        assert_eq!(window.next_edge(Nanos::from_secs(30)), Some(Nanos::from_secs(48)));
    }

    #[test]
    fn what_cannot_be_is_said() {
        assert!(window(24, 12, 0).fault().is_some());
        assert!(window(1, 60, 48).fault().is_some());
        assert_eq!(window(12, 24, 48).fault(), None);
    }
}
