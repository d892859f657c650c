//! What all configs of this crate check alike: spans, shares, windows.

use pipeline_plugin_api::prelude::*;

/// A day, in milliseconds.
pub const DAY_MS: u64 = 86_400_000;

/// A span between two others, in milliseconds.
pub fn span(span: Span, name: &'static str, least: u64, most: u64, faults: &mut Faults) {
    let (least, most) = (Span::millis(least), Span::millis(most));
    let good = (least..=most).contains(&span);
    faults.require(
        good,
        name,
        format!("`{name}` is {span}"),
        format!("give {least} to {most}"),
    );
}

/// A share, 0..=1.
pub fn share(share: f64, name: &'static str, faults: &mut Faults) {
    let good = (0.0..=1.0).contains(&share);
    faults.require(good, name, format!("`{name}` is a share"), "give 0..=1");
}

/// A number above 0.
pub fn positive(number: f64, name: &'static str, faults: &mut Faults) {
    let good = number > 0.0 && number.is_finite();
    faults.require(good, name, format!("`{name}` is not above 0"), "give a positive number");
}

/// A ratio to a baseline, which is 1 where nothing disturbs.
pub fn ratio(ratio: f64, name: &'static str, faults: &mut Faults) {
    let good = ratio >= 1.0 && ratio.is_finite();
    let message = format!("`{name}` is below 1");
    faults.require(good, name, message, "1 is undisturbed; give a value such as 1.5");
}

/// Changes a minute.
pub fn rate(rate: u32, faults: &mut Faults) {
    let message = "`most_changes` is not between 1 and 100000";
    faults.require((1..=100_000).contains(&rate), "most_changes", message, "30 is usual");
}

/// When a policy may act.
pub fn window(during: &Window, faults: &mut Faults) {
    if let Some(fault) = during.fault() {
        faults.add(
            "during",
            fault,
            "write it as `(from: \"12s\", to: \"24s\", every: \"48s\")`",
        );
    }
}

/// Lists of CPUs, each the threads of one core.
pub fn siblings(cores: &[String], faults: &mut Faults) {
    for fault in cores.iter().filter_map(|core| cpus(core).err()) {
        faults.add("siblings", fault, "give the threads of one core in each text");
    }
}

/// CPUs as a list such as `0-3,8`.
///
/// # Errors
/// It is none; the sentence says what is wrong.
pub fn cpus(text: &str) -> std::result::Result<Vec<u32>, String> {
    let wrong = || format!("`{text}` is no list of CPUs such as `0-3,8`");
    let mut cpus = Vec::new();
    for range in text.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let number = |text: &str| {
            text.trim()
                .parse::<u32>()
                .ok()
                .filter(|cpu| *cpu < 65_536)
                .ok_or_else(wrong)
        };
        let (first, last) = (number(first)?, number(last)?);
        if first > last {
            return Err(wrong());
        }
        cpus.extend(first..=last);
    }
    cpus.sort_unstable();
    cpus.dedup();
    Ok(cpus)
}
