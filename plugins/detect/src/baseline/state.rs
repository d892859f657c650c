//! Handing a detector's state to its successor.

use super::{Baseline, Victim};
use crate::judge::Judge;
use crate::memory::Memory;
use crate::saved::{Open, Saved};
use pipeline_plugin_api::prelude::*;

impl Baseline {
    pub(super) fn state(&self) -> Saved {
        let open = |(id, victim): (&TargetId, &Victim)| {
            let heard_ns = victim.heard.0;
            let open = victim.open.clone()?;
            Some((id.0, Open { heard_ns, ..open }))
        };
        Saved {
            last_id: self.last_id,
            learned: self.learned.all().clone(),
            known: self.roster.iter().map(|(id, known)| (id.0, known.clone())).collect(),
            caps: self.caps.held(),
            open: self.victims.iter().filter_map(open).collect(),
        }
    }

    pub(super) fn restore(&mut self, state: Saved) {
        self.last_id = state.last_id;
        self.learned = Memory::of(state.learned);
        self.caps.restore(state.caps);
        for (id, known) in state.known {
            self.roster.put(TargetId(id), known);
        }
        for (id, open) in state.open {
            let victim = Victim {
                judge: Judge::new(true),
                heard: Nanos(open.heard_ns),
                open: Some(open),
                ..self.begin(TargetId(id))
            };
            self.victims.insert(TargetId(id), victim);
        }
    }
}
