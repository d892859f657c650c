//! The last spans of every target, and what is usual of one when it is calm around it: the reference that the present is
//! compared with.
//!
//! The reference is made of those past spans in which the target did the same as now (as many requests, the same phase by
//! its cache references) and its neighbours least. What a neighbour used in just these spans is known too, since all
//! targets are kept by the number of the span. (Natural experiments instead of solo runs: CPI² compares with other tasks of
//! the job, which a single machine does not have.)

use super::sheet::{CROWD, Item, Sheet};
use crate::typical::{Typical, middle};
use pipeline_plugin_api::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// How many spans are kept.
pub const DEPTH: usize = 240;
/// The fewest spans that make a reference, and the most.
const LEAST: usize = 6;
const MOST: usize = 32;
/// So many need no others under a less similar load.
const ENOUGH: usize = 24;
/// One in how many of the spans counts: those in which it was calmest.
const CALMEST: usize = 4;
/// How far load and phase may differ to be the same, as the logarithm of their ratio.
const NEAR_LOAD: f64 = 0.08;
const SAME_LOAD: f64 = 0.3;
const SAME_PHASE: f64 = 0.15;
/// Added to both, so that next to nothing is like nothing.
const SMALL: f64 = 1e-9;

/// The items of which a reference tells what is usual.
pub const JUDGED: [Item; 13] = [
    Item::Cost,
    Item::Misses,
    Item::Stalls,
    Item::Wait,
    Item::WaitForWork,
    Item::Steal,
    Item::IoSome,
    Item::MemorySome,
    Item::Cpu,
    Item::Latency,
    Item::Tail,
    Item::Occupancy,
    Item::Traffic,
];

/// What is usual of a target when it is calm around it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Usual {
    /// The numbers of the spans that it rests on.
    pub spans: Vec<u64>,
    judged: Vec<(Item, Typical)>,
    crowd: Vec<(Item, f64)>,
    load: Option<f64>,
    /// Load and references of the moment for which it was made.
    made_for: (Option<f64>, Option<f64>),
}

impl Usual {
    /// What is usual of an item.
    pub fn get(&self, item: Item) -> Option<Typical> {
        self.judged
            .iter()
            .find(|(this, _)| *this == item)
            .map(|(_, typical)| *typical)
    }

    /// How crowded it was.
    pub fn crowd(&self, item: Item) -> Option<f64> {
        self.crowd.iter().find(|(this, _)| *this == item).map(|(_, near)| *near)
    }

    /// What it was asked for.
    pub fn load(&self) -> Option<f64> {
        self.load
    }

    /// Whether a target does now what it did when the reference was made.
    pub fn fits(&self, now: &Sheet) -> bool {
        self.is_within(now, 0.5)
    }

    /// Whether it does about that, so that the reference serves until another is made.
    pub fn serves(&self, now: &Sheet) -> bool {
        self.is_within(now, 1.0)
    }

    /// Within that share of how far the spans of a reference may differ from the moment for which it is made.
    fn is_within(&self, now: &Sheet, share: f64) -> bool {
        let (load, phase) = self.made_for;
        is_near(now.get(Item::Load), load, SAME_LOAD * share)
            && is_near(now.get(Item::References), phase, SAME_PHASE * share)
    }
}

/// Unknown is like anything.
fn is_near(a: Option<f64>, b: Option<f64>, apart: f64) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => {
            let (a, b) = (a + SMALL, b + SMALL);
            // Most are told without a logarithm: it lies between `1 - b / a` and `a / b - 1`, if `a` is more.
            let (less, more) = if a < b { (a, b) } else { (b, a) };
            if less > 0.0 && more - less < 0.999_999 * apart * less {
                return true;
            }
            if less > 0.0 && more - less > 1.000_001 * apart * more {
                return false;
            }
            libm::log(a / b).abs() <= apart
        }
        _ => true,
    }
}

/// The spans of one target: the last one has the number that [`Past`] has.
#[derive(Clone, Debug, Default)]
struct Row {
    sheets: VecDeque<Sheet>,
    last: u64,
}

/// See the file.
#[derive(Clone, Debug, Default)]
pub struct Past {
    rows: BTreeMap<TargetId, Row>,
    span: u64,
}

impl Past {
    /// The past after that span, of which nothing is known.
    pub fn after(span: u64) -> Self {
        Self {
            span,
            ..Self::default()
        }
    }

    /// The number of the last span.
    pub fn span(&self) -> u64 {
        self.span
    }

    /// A span begins.
    pub fn next(&mut self) -> u64 {
        self.span += 1;
        self.span
    }

    /// Keeps what was seen of a target in this span.
    pub fn keep(&mut self, id: TargetId, sheet: Sheet) {
        let row = self.rows.entry(id).or_default();
        // A target that was not seen for a while has a hole there.
        let missed = self.span.saturating_sub(row.last + 1).min(DEPTH as u64);
        if row.last > 0 {
            row.sheets.extend((0..missed).map(|_| Sheet::default()));
        }
        row.last = self.span;
        row.sheets.push_back(sheet);
        while row.sheets.len() > DEPTH {
            row.sheets.pop_front();
        }
    }

    /// A target went.
    pub fn forget(&mut self, id: TargetId) {
        self.rows.remove(&id);
    }

    /// How many spans are kept of a target.
    pub fn len(&self, id: TargetId) -> usize {
        self.rows.get(&id).map_or(0, |row| row.sheets.len())
    }

    /// What was seen of a target in a span.
    pub fn at(&self, id: TargetId, span: u64) -> Option<&Sheet> {
        let row = self.rows.get(&id)?;
        let back = usize::try_from(row.last.checked_sub(span)?).ok()?;
        row.sheets.get(row.sheets.len().checked_sub(back + 1)?)
    }

    /// What was usual of a target before a span, when it was calm around it and it did what it does now; under another load
    /// where it was never seen under this one.
    pub fn usual(&self, id: TargetId, before: u64, now: &Sheet) -> Option<Usual> {
        let row = self.rows.get(&id)?;
        let first = (row.last + 1).checked_sub(row.sheets.len() as u64)?;
        let spans = (first..before)
            .zip(&row.sheets)
            .filter(|(_, sheet)| sheet.get(Item::Cpu).is_some());
        let phase = |sheet: &Sheet| is_near(now.get(Item::References), sheet.get(Item::References), SAME_PHASE);
        let load = |sheet: &Sheet, apart| is_near(now.get(Item::Load), sheet.get(Item::Load), apart);
        let mut like = Vec::with_capacity(row.sheets.len());
        like.extend(spans.filter(|(_, sheet)| phase(sheet)));
        let mut chosen: Vec<(u64, &Sheet)> = Vec::with_capacity(like.len());
        // The nearer the load the better, if there are enough. Cycles for an instruction are the same under any load, and
        // that the load is another says something too.
        chosen.extend(like.iter().filter(|(_, sheet)| load(sheet, NEAR_LOAD)));
        if chosen.len() < ENOUGH {
            chosen.clear();
            chosen.extend(like.iter().filter(|(_, sheet)| load(sheet, SAME_LOAD)));
        }
        if chosen.len() < LEAST {
            chosen = like;
        }
        (chosen.len() >= LEAST).then(|| Usual {
            made_for: (now.get(Item::Load), now.get(Item::References)),
            ..usual(calmest(chosen))
        })
    }
}

/// The spans in which neighbours did least, each kind of crowd measured by its own most.
fn calmest(spans: Vec<(u64, &Sheet)>) -> Vec<(u64, &Sheet)> {
    let mut most = [0.0_f64; CROWD.len()];
    for (_, sheet) in &spans {
        for (most, item) in most.iter_mut().zip(CROWD) {
            *most = most.max(sheet.or_none(item));
        }
    }
    let crowd = |sheet: &Sheet| -> f64 {
        let shares = CROWD.iter().zip(most).filter(|(_, most)| *most > 0.0);
        shares.map(|(item, most)| sheet.or_none(*item) / most).sum()
    };
    let mut by_crowd: Vec<(f64, (u64, &Sheet))> = spans.into_iter().map(|span| (crowd(span.1), span)).collect();
    let order = |a: &(f64, (u64, &Sheet)), b: &(f64, (u64, &Sheet))| a.0.total_cmp(&b.0).then(a.1.0.cmp(&b.1.0));
    let kept = (by_crowd.len() / CALMEST).clamp(LEAST, MOST);
    if kept < by_crowd.len() {
        by_crowd.select_nth_unstable_by(kept, order);
        by_crowd.truncate(kept);
    }
    by_crowd.sort_unstable_by(order);
    by_crowd.into_iter().map(|(_, span)| span).collect()
}

fn usual(spans: Vec<(u64, &Sheet)>) -> Usual {
    let mut usual = Usual::default();
    let mut numbers = Vec::with_capacity(spans.len());
    let read = |item: Item, numbers: &mut Vec<f64>| {
        numbers.clear();
        numbers.extend(spans.iter().filter_map(|(_, sheet)| sheet.get(item)));
    };
    for item in JUDGED {
        read(item, &mut numbers);
        usual
            .judged
            .extend(Typical::of_these(&mut numbers).map(|typical| (item, typical)));
    }
    for item in CROWD.into_iter().chain([Item::NearElse]) {
        read(item, &mut numbers);
        usual.crowd.extend(middle(&mut numbers).map(|near| (item, near)));
    }
    read(Item::Load, &mut numbers);
    usual.load = middle(&mut numbers);
    usual.spans = spans.iter().map(|(span, _)| *span).collect();
    usual
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(cpi: f64, near: f64, load: f64) -> Sheet {
        let mut sheet = Sheet::default();
        for (item, number) in [
            (Item::Cost, cpi),
            (Item::Cpu, 0.5),
            (Item::NearCpu, near),
            (Item::Load, load),
        ] {
            sheet.set(item, Some(number));
        }
        sheet
    }

    #[test]
    fn the_reference_is_of_calm_spans_with_the_same_load() {
        let mut past = Past::default();
        for span in 0..60 {
            past.next();
            let (cpi, near, load) = match span % 3 {
                0 => (1.0, 0.0, 100.0),
                1 => (2.0, 0.9, 100.0),
                _ => (5.0, 0.0, 900.0),
            };
            past.keep(TargetId(1), sheet(cpi, near, load));
        }
        let usual = |load: f64| past.usual(TargetId(1), 60, &sheet(3.0, 0.9, load));
        assert_eq!(usual(105.0).unwrap().get(Item::Cost).unwrap().middle, 1.0);
        assert_eq!(usual(850.0).unwrap().get(Item::Cost).unwrap().middle, 5.0);
        let other = usual(300.0).unwrap();
        let serves = |load| (other.fits(&sheet(1.0, 0.0, load)), other.serves(&sheet(1.0, 0.0, load)));
        assert_eq!(
            [310.0, 390.0, 500.0].map(serves),
            [(true, true), (false, true), (false, false)]
        );
        assert!(other.load().unwrap() < 1000.0, "of another load, never seen before");
    }

    proptest::proptest! {
        #[test]
        fn near_is_by_the_logarithm_of_the_ratio(a in 0.0..2.0_f64, ratio in 0.5..1.5_f64, apart in 0.01..0.4_f64) {
            let b = a * ratio;
            let far = libm::log((a + SMALL) / (b + SMALL)).abs();
            proptest::prop_assert_eq!(is_near(Some(a), Some(b), apart), far <= apart);
            proptest::prop_assert!(is_near(Some(a), Some(b), far), "at the bound");
        }
    }

    #[test]
    fn spans_are_found_by_their_number_and_bounded() {
        let mut past = Past::default();
        for span in 1..=1000 {
            past.next();
            if span != 990 {
                past.keep(TargetId(1), sheet(span as f64, 0.0, 1.0));
            }
        }
        let cpi = |span| past.at(TargetId(1), span).and_then(|sheet| sheet.get(Item::Cost));
        assert_eq!(
            (cpi(1000), cpi(980), cpi(990), cpi(1001)),
            (Some(1000.0), Some(980.0), None, None)
        );
        assert_eq!((past.len(TargetId(1)), cpi(760)), (DEPTH, None));
    }
}
