//! A node that broke: its end, its undo, and what `on_error` says becomes of it.

use super::instant::Back;
use super::{Hung, Lane};
use crate::run::crew::Crew;
use crate::run::node::Node;
use crate::run::seat::CallKind;
use crate::run::tap::Moment;
use crate::spec::OnError;
use pipeline_plugin_api::abi::{Level, Nanos, TapKind, TapNote};

impl Lane {
    /// A node that cannot go on: its knobs go back, then `on_error` says what becomes of it.
    pub(super) fn mend(&mut self, mut crew: Box<Crew>, place: usize, at: Nanos, why: &str) -> Back {
        if let Some(callable) = crew.nodes[place].callable.take() {
            let host = callable.host.clone();
            let (back, ()) = self.away(crew, place, CallKind::Drop, &host, move || drop(callable))?;
            crew = back;
        }
        crew.nodes[place].fall(false);
        tell_ended(&crew.nodes[place], self.moment, why, false);
        self.go_on_as_told(crew, place, at, why)
    }

    /// A lane that was taken over begins with the node whose call hung.
    pub(super) fn mend_hung(&mut self, hung: &Hung) {
        let Some(mut crew) = self.crew.take() else { return };
        let at = self.shared.clock.now();
        crew.nodes[hung.place].fall(true);
        let number = self
            .shared
            .tap
            .get()
            .map(crate::run::tap::Tap::next_instant)
            .unwrap_or_default();
        self.moment = Moment { number, at };
        tell_ended(&crew.nodes[hung.place], self.moment, &hung.why, true);
        self.seat.set_first_end(crew.first_end());
        self.crew = self.go_on_as_told(crew, hung.place, at, &hung.why);
        // What is told of it is told at an instant, which is now.
        self.rung = true;
    }

    fn go_on_as_told(&mut self, mut crew: Box<Crew>, place: usize, at: Nanos, why: &str) -> Back {
        let node = &mut crew.nodes[place];
        match node.plan.on_error {
            OnError::Abort => {
                node.give_up(&format!("{why}; the run is stopped, as `on_error: Abort` says"));
                self.shared.abort();
                self.shared.stop();
                Some(crew)
            }
            OnError::Stop => {
                node.give_up(&format!("{why}; the node is stopped, the rest runs on"));
                Some(crew)
            }
            OnError::Restart if self.shared.is_stopping() => {
                self.shared.fell_short();
                node.give_up(&format!(
                    "{why}; the run ends, so the node is given up, its changes undone"
                ));
                Some(crew)
            }
            OnError::Restart => self.restart(crew, place, at, why),
        }
    }

    fn restart(&mut self, mut crew: Box<Crew>, place: usize, at: Nanos, why: &str) -> Back {
        let mut why = why.to_owned();
        while crew.nodes[place].may_restart(at) {
            let node = &crew.nodes[place];
            node.log(Level::WARN, &format!("{why}; the node is made anew"));
            let (maker, host) = (node.maker(), node.host.clone());
            let (back, made) = self.away(crew, place, CallKind::Start, &host, move || maker.make())?;
            crew = back;
            match made {
                Ok(callable) => {
                    crew.nodes[place].begin(callable);
                    let lives = crew.nodes[place].figures().restarts;
                    crew.nodes[place].note(TapKind::BEGAN, self.moment, || TapNote {
                        number: lives,
                        ..TapNote::default()
                    });
                    crew.nodes[place].retell(at);
                    return Some(crew);
                }
                Err(again) => {
                    crew.nodes[place].fall(false);
                    why = again;
                }
            }
        }
        crew.nodes[place].give_up(&Node::used_up(&why));
        Some(crew)
    }
}

/// A life of a node ended, for whoever records it.
fn tell_ended(node: &Node, moment: Moment, why: &str, hung: bool) {
    node.note(TapKind::ENDED, moment, || TapNote {
        text: why.into(),
        number: u64::from(hung),
        ..TapNote::default()
    });
}
