//! Names and what they stand for.

use super::*;
use pipeline_plugin_api::prelude::*;
use proptest::prelude::*;
use std::result::Result;

fn list(texts: &[&str]) -> Result<Vec<Event>, Vec<Unknown>> {
    of_list(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
}

fn metrics(texts: &[&str]) -> Vec<String> {
    list(texts).unwrap().into_iter().map(|event| event.metric).collect()
}

#[test]
fn names_are_read_whatever_their_case_and_lines() {
    let event = of("LLC-load-misses").unwrap();
    assert_eq!(event, of("llc_load_misses").unwrap());
    assert_eq!(
        (event.metric.as_str(), event.source),
        ("perf.llc_load_misses", Source::Code(Code::cache(2 | 1 << 16)))
    );
    assert_eq!(of("cpu-cycles"), of("Cycles"));
}

#[test]
fn a_set_stands_for_its_events_and_each_is_counted_once() {
    assert_eq!(
        metrics(&["ipc", "instructions", "ipc"]),
        ["perf.cycles", "perf.instructions"]
    );
    assert_eq!(metrics(&["rdt4nn"]).len(), 28);
}

#[test]
fn every_name_of_every_set_is_an_event() {
    for set in set::names() {
        for name in set::of(set).unwrap() {
            assert!(of(name).is_ok(), "`{name}` of `{set}`");
        }
    }
}

#[test]
fn an_unknown_name_is_told_with_the_nearest() {
    let unknown = list(&["instrutions", "cycles", "chache"]).unwrap_err();
    assert_eq!(unknown.len(), 2);
    assert!(unknown[0].help.contains("`instructions`"), "{}", unknown[0].help);
    assert!(unknown[1].help.contains("`cache`"), "{}", unknown[1].help);
}

#[test]
fn raw_codes_are_hexadecimal() {
    let event = of("r01a8").unwrap();
    assert_eq!(
        (event.metric.as_str(), event.source),
        ("perf.r01a8", Source::Code(Code::raw(0x1a8)))
    );
}

#[test]
fn events_of_a_pmu_have_terms_and_may_be_given_a_name() {
    let event = of("cpu/event=0xa8,umask=1,name=lsd.uops/").unwrap();
    assert_eq!(event.metric, "perf.lsd.uops");
    let terms = vec![("event".into(), Some(0xa8)), ("umask".into(), Some(1))];
    assert_eq!(
        event.source,
        Source::Pmu {
            pmu: "cpu".into(),
            terms
        }
    );
    assert_eq!(of("msr/tsc/").unwrap().metric, "perf.msr_tsc");
    assert!(of("cpu/event=0xzz/").unwrap_err().message.contains("0xzz"));
    assert!(of("cpu//").is_err());
    assert!(of("../x/y/").is_err());
}

#[test]
fn tracepoints_are_a_folder_and_a_name() {
    let event = of("sched:sched_switch").unwrap();
    assert_eq!(event.metric, "perf.sched_sched_switch");
    let wanted = Source::Tracepoint {
        category: "sched".into(),
        name: "sched_switch".into(),
    };
    assert_eq!(event.source, wanted);
    assert!(of("sched:../../x").is_err());
}

#[test]
fn the_vocabulary_has_the_units_that_events_have() {
    for name in named::names() {
        let event = named::of(&name).unwrap();
        if let Some(metric) = vocabulary::metric(&event.metric) {
            assert_eq!((metric.unit, metric.kind), (event.unit, Kind::DELTA), "{name}");
        }
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic_and_what_it_names_has_a_clean_metric(text in "\\PC{0,24}|[a-z]{1,6}/[a-z0-9=,x]{0,20}/|[a-z:]{1,12}") {
        if let Ok(event) = of(&text) {
            let rest = event.metric.strip_prefix("perf.").unwrap();
            prop_assert!(!rest.is_empty() && rest.chars().all(|it| matches!(it, 'a'..='z' | '0'..='9' | '_' | '.')), "{rest}");
        }
    }
}
