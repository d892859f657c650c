//! Events that are spelled out: raw codes, terms of a PMU, tracepoints. Text to value, no I/O.

use super::{Event, Source, Unknown, metric};
use crate::code::Code;

/// The event of a text that has one of the three forms; `None` for one that has none.
pub fn of(text: &str) -> Option<Result<Event, Unknown>> {
    let text = text.trim();
    raw(text).map(Ok).or_else(|| pmu(text)).or_else(|| tracepoint(text))
}

/// `r01a8`.
fn raw(text: &str) -> Option<Event> {
    let digits = text.strip_prefix('r')?;
    let is_hex = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let code = is_hex.then(|| u64::from_str_radix(digits, 16).ok())??;
    Some(event(text, metric(text), Source::Code(Code::raw(code))))
}

/// `cpu/event=0xa8,umask=0x1,name=x/`.
fn pmu(text: &str) -> Option<Result<Event, Unknown>> {
    let (pmu, terms) = text.strip_suffix('/')?.split_once('/')?;
    if !is_name(pmu) || terms.contains('/') {
        return None;
    }
    Some(with_terms(text, pmu, terms))
}

fn with_terms(text: &str, pmu: &str, texts: &str) -> Result<Event, Unknown> {
    let (mut terms, mut name) = (Vec::new(), None);
    for term in texts.split(',').map(str::trim) {
        let (key, value) = term
            .split_once('=')
            .map_or((term, None), |(key, value)| (key, Some(value)));
        match (key, value) {
            ("name", Some(given)) if is_name(given) => name = Some(given),
            (key, None) if is_name(key) => terms.push((key.to_owned(), None)),
            (key, Some(value)) if is_name(key) => match number(value) {
                Some(value) => terms.push((key.to_owned(), Some(value))),
                None => return Err(wrong(text, &format!("`{value}` is no number"))),
            },
            _ => return Err(wrong(text, &format!("`{term}` is no term"))),
        }
    }
    if terms.is_empty() {
        return Err(wrong(text, "it has no terms"));
    }
    let metric = metric(name.unwrap_or(text));
    let source = Source::Pmu {
        pmu: pmu.to_owned(),
        terms,
    };
    Ok(event(text, metric, source))
}

/// `sched:sched_switch`.
fn tracepoint(text: &str) -> Option<Result<Event, Unknown>> {
    let (category, name) = text.split_once(':')?;
    if !(is_name(category) && is_name(name)) {
        return None;
    }
    let source = Source::Tracepoint {
        category: category.to_owned(),
        name: name.to_owned(),
    };
    Some(Ok(event(text, metric(text), source)))
}

fn event(text: &str, metric: String, source: Source) -> Event {
    Event {
        name: text.to_owned(),
        metric,
        unit: "1",
        source,
    }
}

fn wrong(text: &str, why: &str) -> Unknown {
    Unknown {
        message: format!("`{text}` is no event of a PMU: {why}"),
        help: "write `PMU/TERM=NUMBER,…/` with terms from the PMU's `format` folder, as `cpu/event=0xa8,umask=0x1/`"
            .into(),
    }
}

/// Part of a path that stays where it is, and of which a metric's name can be made.
fn is_name(text: &str) -> bool {
    let fits = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'_' | b'-' | b'.');
    text.bytes().all(fits) && text.bytes().any(|letter| letter.is_ascii_alphanumeric())
}

/// Decimal, or hexadecimal after `0x`.
pub fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}
