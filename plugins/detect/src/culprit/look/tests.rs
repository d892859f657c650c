//! A look that is spread over instants finds what a whole one finds, and what the method says in so many words.

mod plain;

use super::super::looks::{Looks, MOST_WORK};
use super::*;
use crate::seen::Seen;
use crate::signal::Signal;

const SPANS: u64 = 400;
const VICTIM: TargetId = TargetId(1);

/// From 0 to 1, the same for the same two.
fn stray(span: u64, nth: u64) -> f64 {
    let mut mixed = (span * 4096 + nth).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for by in [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb] {
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(by);
    }
    (mixed >> 40) as f64 / f64::from(1 << 24)
}

/// What a target uses of each, and how the victim does: 3 fills the cache, 5 has the CPU at other times and somewhat less,
/// 7 runs about when 3 runs, 8 came late, 9 is not read now and then, and the rest do whatever they do.
fn lines(neighbours: u32, gaps: bool) -> Lines {
    let mut lines = Lines::new(300);
    let runs = |span: u64, id: u64| stray(span / 9, id) < 0.3;
    for span in 1..=SPANS {
        lines.next();
        let harm = 2.0 * f64::from(runs(span, 3)) + 0.9 * f64::from(runs(span, 5));
        for id in 1..=neighbours + 1 {
            let at = |nth: u64| stray(span, u64::from(id) * 8 + nth);
            let mut seen = Seen::default();
            let guilty = match id {
                3 | 5 => f64::from(runs(span, id.into())),
                7 if span % 4 > 0 => f64::from(runs(span, 3)),
                _ => 0.0,
            };
            let cpu = if id == 5 || id == 7 { guilty } else { 0.3 } + 0.2 * at(1);
            let cache = 4e8 * if id == 3 { guilty } else { 0.5 } + 8e7 * at(2);
            seen.set(Signal::Cpu, Some(cpu).filter(|_| id != 9 || span % 5 > 0));
            seen.set(Signal::Occupancy, Some(cache));
            let signal = 1.0 + harm + 0.4 * at(3);
            let signal = (id == VICTIM.0 && !(gaps && span % 5 == 2)).then_some(signal);
            if id != 8 || span > 250 {
                lines.keep(TargetId(id), signal, &seen);
            }
        }
    }
    lines
}

fn neighbours(count: u32) -> Vec<TargetId> {
    (2..=count + 1).map(TargetId).collect()
}

fn look(lines: &Lines, count: u32, config: &CulpritConfig, work: &mut Work) -> Look {
    let request = Request {
        victim: VICTIM,
        neighbours: neighbours(count),
    };
    Look::new(request, lines, config, work)
}

fn whole(lines: &Lines, count: u32, config: &CulpritConfig) -> Vec<Suspect> {
    let mut look = look(lines, count, config, &mut Work::endless());
    assert!(look.go(lines, config, &mut Work::endless()));
    look.end().1
}

#[test]
fn it_finds_what_the_method_says_in_so_many_words() {
    for (method, least) in [(Method::Conditional, 0.2), (Method::Published, 0.01)] {
        for (worse, gaps) in [(Worse::Higher, false), (Worse::Higher, true), (Worse::Lower, false)] {
            let lines = lines(30, gaps);
            let config = CulpritConfig {
                method,
                least,
                worse,
                threshold: 2.0,
                clear: 3.0,
                ..CulpritConfig::default()
            };
            let (ours, plain) = (
                whole(&lines, 30, &config),
                plain::suspects(&lines, VICTIM, &neighbours(30), &config),
            );
            let named = |suspects: &[Suspect]| suspects.iter().map(|s| (s.target.0, s.used)).collect::<Vec<_>>();
            assert_eq!(named(&ours), named(&plain), "{method:?} {worse:?} {gaps}");
            for (ours, plain) in ours.iter().zip(&plain) {
                assert!((ours.score - plain.score).abs() < 1e-9, "{ours:?} {plain:?}");
            }
            if (method, worse) == (Method::Conditional, Worse::Higher) {
                assert_eq!(named(&ours), [(3, Use::Cache), (5, Use::Cpu)]);
            }
        }
    }
}

#[test]
fn spread_over_instants_it_finds_the_same_though_spans_end_meanwhile() {
    let config = CulpritConfig {
        least: 0.2,
        ..CulpritConfig::default()
    };
    let mut lines = lines(600, false);
    let expected = whole(&lines, 600, &config);
    let mut looks = Looks::default();
    looks.ask(VICTIM);
    looks.ask(VICTIM);
    let mut instants = 0;
    let found = loop {
        instants += 1;
        assert!(looks.soon(Nanos::ZERO).is_some() && instants < 40);
        if let Some(found) = looks.go(&lines, &config, &mut Work::new(), |_| neighbours(600)) {
            break found;
        }
        lines.next();
        lines.keep(VICTIM, Some(9.0), &Seen::default());
    };
    assert!(instants > 2 * 600 * 2 * 300 / MOST_WORK, "{instants}");
    assert_eq!((found.0.victim, found.1), (VICTIM, expected));
    assert_eq!(looks.soon(Nanos::ZERO), None);
}

#[test]
fn an_instant_reads_no_more_than_it_may_however_many_there_are() {
    let config = CulpritConfig::default();
    let lines = lines(1500, false);
    let mut look = look(&lines, 1500, &config, &mut Work::new());
    let mut before = 0;
    while !look.go(&lines, &config, &mut Work::new()) && look.explained.is_empty() {
        let read = 2 * 300 * (look.next - before);
        assert!((MOST_WORK - 900..MOST_WORK + 600).contains(&read), "{read}");
        before = look.next;
    }
    let mut closing = Work::new();
    closing.close(usize::MAX / 1024);
    assert!(!closing.is_over(), "however many spans end, some time is left to look");
}

#[test]
fn the_best_that_goes_meanwhile_is_not_named_and_the_next_is() {
    let config = CulpritConfig {
        least: 0.2,
        ..CulpritConfig::default()
    };
    let mut lines = lines(600, false);
    let mut look = look(&lines, 600, &config, &mut Work::new());
    assert!(!look.go(&lines, &config, &mut Work::new()));
    assert!(look.best.is_some_and(|(best, _)| best.target == TargetId(3)));
    lines.forget(TargetId(3));
    look.forget(TargetId(3));
    assert!(look.go(&lines, &config, &mut Work::endless()));
    let (request, suspects) = look.end();
    assert_eq!(
        (request.neighbours.len(), suspects.first().map(|s| s.target)),
        (599, Some(TargetId(7)))
    );
}

#[test]
fn one_that_outlasts_its_lines_ends_with_those_it_found() {
    let config = CulpritConfig::default();
    let mut lines = lines(600, false);
    let mut look = look(&lines, 600, &config, &mut Work::new());
    assert!(!look.go(&lines, &config, &mut Work::new()));
    for _ in 0..=super::super::lines::SLACK {
        lines.next();
    }
    assert!(look.go(&lines, &config, &mut Work::new()));
    assert_eq!(look.end().1, []);
}
