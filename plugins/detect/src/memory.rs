//! What was learnt, by the victim's name: one that comes again is not learnt again. Bounded, for where targets come and
//! go their names may never come again.

use crate::learn::Learned;
use std::collections::{BTreeMap, VecDeque};

/// Most names of which what was learnt is kept; what was kept longest ago is learnt again if its name comes again.
const MOST: usize = 256;

/// See the file.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    all: BTreeMap<String, Learned>,
    /// The names, that which was kept longest ago first.
    order: VecDeque<String>,
}

impl Memory {
    /// That, as far as there is room.
    pub fn of(all: BTreeMap<String, Learned>) -> Self {
        let mut memory = Self::default();
        for (name, learned) in all {
            memory.keep(name, learned);
        }
        memory
    }

    /// What was learnt of the target of that name.
    pub fn of_name(&self, name: &str) -> Option<&Learned> {
        self.all.get(name)
    }

    /// All of it.
    pub fn all(&self) -> &BTreeMap<String, Learned> {
        &self.all
    }

    /// Keeps it as the newest; the oldest goes where there is no room. A victim has what was learnt of it with it while
    /// it is there, so that it is enough to keep that anew when it goes.
    pub fn keep(&mut self, name: String, learned: Learned) {
        if self.all.insert(name.clone(), learned).is_some() {
            self.order.retain(|known| *known != name);
        }
        self.order.push_back(name);
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.all.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_the_bound_the_oldest_goes_and_one_that_is_kept_anew_is_the_newest() {
        let mut memory = Memory::default();
        for i in 0..MOST {
            memory.keep(format!("t{i}"), Learned::default());
        }
        memory.keep("t0".to_owned(), Learned::default());
        memory.keep("new".to_owned(), Learned::default());
        assert_eq!((memory.all().len(), memory.order.len()), (MOST, MOST));
        assert!(memory.of_name("t1").is_none() && memory.of_name("t2").is_some());
        assert!(memory.of_name("t0").is_some() && memory.of_name("new").is_some());
    }
}
