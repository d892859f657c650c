//! Which configs are refused, and what is derived from those that are not.

use super::*;
use pipeline_plugin_api::config::parse;
use pipeline_plugin_api::stage::Element;

fn faults<C: Configure + std::fmt::Debug>(text: &str) -> Vec<String> {
    let faults = parse::<C>(text).unwrap_err();
    faults
        .iter()
        .map(|fault| format!("{} {}", fault.message, fault.help))
        .collect()
}

#[test]
fn every_default_runs() {
    assert!(parse::<RateConfig>("").is_ok());
    assert!(parse::<RatioConfig>("").is_ok());
    assert!(parse::<WindowConfig>("").is_ok());
}

#[test]
fn a_rate_of_a_gauge_is_refused() {
    let found = faults::<RateConfig>("(metrics: [\"cpu.threads\", \"cpu.*.x\", \"\"], gap: \"0s\")");
    assert_eq!(found.len(), 4, "{found:#?}");
    assert!(
        found[0].contains("`cpu.threads` is not a metric that counts"),
        "{found:#?}"
    );
    assert!(faults::<RateConfig>("(metrics: [])")[0].contains("empty"));
}

#[test]
fn a_ratio_without_a_unit_is_refused() {
    let found = faults::<RatioConfig>("(numerator: \"mine.misses\")");
    assert!(found[0].contains("add `unit`"), "{found:#?}");
    assert!(parse::<RatioConfig>("(numerator: \"mine.misses\", unit: \"1\")").is_ok());
}

#[test]
fn a_ratio_that_says_nothing_is_refused() {
    for text in [
        "(numerator: \"cpu.periods\")",
        "(numerator: \"cpu.*\", unit: \"1\")",
        "(name: \"cpu.periods\")",
        "(scale: 0.0)",
        "(scale: inf)",
    ] {
        assert_eq!(faults::<RatioConfig>(text).len(), 1, "{text}");
    }
}

#[test]
fn the_unit_of_a_ratio_is_derived() {
    for (numerator, denominator, unit) in [
        ("cpu.run_delay", "cpu.time", "1"),
        ("cpu.time", "cpu.slices", "ns"),
        ("io.read", "cpu.time", "bytes/ns"),
    ] {
        let config = RatioConfig {
            numerator: numerator.into(),
            denominator: denominator.into(),
            ..RatioConfig::default()
        };
        assert_eq!(config.unit().as_deref(), Some(unit));
    }
}

#[test]
fn a_window_that_cannot_be_is_refused() {
    for text in [
        "(span: \"1s\", count: 3)",
        "(span: \"0s\")",
        "(count: 0, least_count: 1)",
        "(count: 10001)",
        "(complete: 1.1)",
        "(least_count: 0)",
        "(count: 3, least_count: 4)",
        "(quantiles: [1.5])",
        "(quantiles: [0.5, 0.5])",
    ] {
        assert!(!faults::<WindowConfig>(text).is_empty(), "{text}");
    }
}

#[test]
fn ports_carry_names_and_units() {
    let named = |ports: Ports| -> Vec<(String, String)> {
        ports
            .into_abi()
            .gives
            .iter()
            .map(|port| (port.name.to_string(), port.unit.to_string()))
            .collect()
    };
    let text = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, unit)| (name.to_string(), unit.to_string()))
            .collect()
    };
    let rate = parse::<RateConfig>("(metrics: [\"cpu.time\", \"io.read\"])").unwrap();
    assert_eq!(
        named(crate::rate::Rate::ports(&rate)),
        text(&[("cpu.time.rate", "1"), ("io.read.rate", "bytes/s")])
    );
    let ratio = parse::<RatioConfig>("").unwrap();
    assert_eq!(
        named(crate::ratio::Ratio::ports(&ratio)),
        text(&[("cpu.throttled_periods.ratio", "1")])
    );
    let window = parse::<WindowConfig>("(metrics: [\"kpi.rate\"], quantiles: [])").unwrap();
    let expected = ["max", "mean", "min", "std"].map(|suffix| format!("kpi.rate.{suffix}"));
    let given: Vec<String> = named(crate::window::Windows::ports(&window))
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(given, expected);
}
