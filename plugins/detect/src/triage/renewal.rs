//! Whose reference is made anew in a span: everybody's now and then, not all in the same span, and that of a target which
//! does something else than it did when the reference was made. Each reads two minutes of sheets, so that a span has room
//! for a few: where all targets of a machine do something else at once, some wait for theirs. Meanwhile they are judged by
//! the last one if it is near enough, else not at all. What is usual is for `past` to say.

use super::case::{Case, is_blank};
use super::past::Past;
use super::sheet::Sheet;
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;

/// The most references that a span makes.
const MOST: usize = 12;
/// After how many spans a reference is made anew, and while little is known.
const STALE: u64 = 16;
const STALE_YOUNG: u64 = 4;
/// Until how many spans little is known.
const YOUNG: usize = 40;

/// Makes the references of these victims anew, as far as they ask for it and there is room. Those come first who had their
/// last one longest ago; the others ask again in the next span, or at their next turn.
pub fn renew<'a>(
    cases: &mut BTreeMap<TargetId, Case>,
    victims: impl Iterator<Item = (TargetId, &'a Sheet)>,
    span: u64,
    past: &Past,
) {
    let mut asking = Vec::new();
    for (id, now) in victims.filter(|(_, now)| !is_blank(now)) {
        let is_due = is_due(id, span, past.len(id));
        let made = cases.entry(id).or_default().asks(now, is_due);
        asking.extend(made.map(|made| (made, id, now)));
    }
    asking.sort_by_key(|(made, ..)| *made);
    for (_, id, now) in asking.into_iter().take(MOST) {
        if let Some(case) = cases.get_mut(&id) {
            case.refer(id, span, now, past);
        }
    }
}

/// Whether it is a target's turn. High bits of a multiple of the golden ratio lie apart where the ids are regular (Knuth,
/// "Sorting and Searching", 6.4).
fn is_due(id: TargetId, span: u64, known: usize) -> bool {
    let period = if known < YOUNG { STALE_YOUNG } else { STALE };
    let mixed = u64::from(id.0.wrapping_mul(0x9e37_79b9));
    span % period == (mixed * period) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triage::sheet::Item;

    #[test]
    fn everybody_has_one_turn_in_a_period() {
        for (known, period) in [(YOUNG - 1, STALE_YOUNG), (YOUNG, STALE)] {
            for id in (0..1000).map(TargetId) {
                let turns = (100..100 + period).filter(|span| is_due(id, *span, known));
                assert_eq!(turns.count(), 1, "{id:?}");
            }
        }
    }

    #[test]
    fn regular_ids_are_not_due_in_the_same_spans() {
        for apart in 1..=32_u32 {
            let ids: Vec<TargetId> = (0..50).map(|nth| TargetId(1 + nth * apart)).collect();
            for span in 0..STALE {
                let due = ids.iter().filter(|id| is_due(**id, span, YOUNG)).count();
                assert!(due < MOST, "{due} of 50 ids {apart} apart");
            }
        }
    }

    fn asked_for(load: f64) -> Sheet {
        let mut sheet = Sheet::default();
        sheet.set(Item::Cpu, Some(0.5));
        sheet.set(Item::Load, Some(load));
        sheet
    }

    #[test]
    fn where_there_is_no_room_for_all_everybody_has_a_turn_in_time() {
        let ids: Vec<TargetId> = (1..=40).map(TargetId).collect();
        let (mut past, mut cases) = (Past::default(), BTreeMap::new());
        let mut judged = |load: f64| {
            let (span, now) = (past.next(), asked_for(load));
            ids.iter().for_each(|id| past.keep(*id, now));
            renew(&mut cases, ids.iter().map(|id| (*id, &now)), span, &past);
            let judged = ids.iter().map(|id| &cases[id]).filter(|case| !case.waits(&now));
            judged.filter(|case| case.usual().is_some()).count()
        };
        for load in [100.0, 200.0] {
            let last = (0..40).map(|_| judged(load)).last();
            assert_eq!(last, Some(40), "{load}");
        }
        let all = [100.0; 5].map(judged);
        assert_eq!(all, [12, 24, 36, 40, 40]);
    }
}
