//! What can be counted: an event as it is written in a graph, what it stands for, and the metric that it becomes.
//!
//! Pure: whether this CPU and this kernel have it, `fs` and `layout` find out.

mod named;
mod set;
mod spelled;

pub use spelled::number;

use crate::code::Code;
use pipeline_plugin_api::config::nearest_help;

/// One event of a config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// As one canonical name: `llc-load-misses`, `r01a8`, `cpu/event=0xa8/`, `sched:sched_switch`.
    pub name: String,
    /// The metric's name: `perf.llc_load_misses`.
    pub metric: String,
    /// `1`, or `ns` for clocks.
    pub unit: &'static str,
    /// Where its number comes from.
    pub source: Source,
}

/// Where an event's number comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The kernel's code says it all: generic, cache and software events, and raw ones.
    Code(Code),
    /// A raw code that means this on CPUs of Intel since Skylake only.
    Intel(u64),
    /// An event of a PMU under `/sys/bus/event_source/devices`, by its terms.
    Pmu {
        /// The PMU's folder there.
        pmu: String,
        /// `event=0xa8`; a term without a value is an alias of the PMU, or 1.
        terms: Vec<(String, Option<u64>)>,
    },
    /// A tracepoint, by its folder and name under `events` of tracefs.
    Tracepoint {
        /// `sched`.
        category: String,
        /// `sched_switch`.
        name: String,
    },
}

/// Why a text names no event: what is wrong, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub help: String,
}

/// The events of a list in which sets stand for theirs, each once, in the order of their first mention.
///
/// # Errors
/// All texts that name neither an event nor a set.
pub fn of_list(texts: &[String]) -> Result<Vec<Event>, Vec<Unknown>> {
    let (mut events, mut unknown) = (Vec::<Event>::new(), Vec::new());
    let mut add = |event: Event| {
        if events.iter().all(|known| known.metric != event.metric) {
            events.push(event);
        }
    };
    for text in texts {
        match set::of(text) {
            Some(names) => names.iter().filter_map(|name| of(name).ok()).for_each(&mut add),
            None => match of(text) {
                Ok(event) => add(event),
                Err(error) => unknown.push(error),
            },
        }
    }
    if unknown.is_empty() { Ok(events) } else { Err(unknown) }
}

/// The event of that text.
///
/// # Errors
/// There is none.
pub fn of(text: &str) -> Result<Event, Unknown> {
    if let Some(event) = named::of(text) {
        return Ok(event);
    }
    spelled::of(text).unwrap_or_else(|| {
        let (named, sets): (Vec<String>, Vec<&str>) = (named::names(), set::names().collect());
        let known = named.iter().map(String::as_str).chain(sets);
        Err(Unknown {
            message: format!("there is no event or set `{text}`"),
            help: format!(
                "{}; raw codes are written `r01a8`, events of a PMU `cpu/event=0xa8,umask=0x1/`, tracepoints `sched:sched_switch`",
                nearest_help(&normal(text), known)
            ),
        })
    })
}

/// Names are compared without case, and `_` is `-`.
fn normal(text: &str) -> String {
    text.trim().to_ascii_lowercase().replace('_', "-")
}

/// A metric's name from an event's: letters and digits in lower case, and single `_` for the rest.
fn metric(name: &str) -> String {
    let mut metric = String::from("perf.");
    for letter in name.chars().map(|letter| letter.to_ascii_lowercase()) {
        match letter {
            'a'..='z' | '0'..='9' | '.' => metric.push(letter),
            _ if metric.ends_with(['_', '.']) => {}
            _ => metric.push('_'),
        }
    }
    metric.trim_end_matches(['_', '.']).to_owned()
}

#[cfg(test)]
mod tests;
