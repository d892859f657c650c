//! Fields of a node as the types that they must have; a field that has another type is told and
//! then left out.

use super::fault::Fault;
use super::name::NodeName;
use super::node::{Names, Overflow, Queue};
use super::value::{Field, Placed, Value};
use pipeline_plugin_api::abi::Nanos;
use pipeline_plugin_api::config::{nearest, nearest_help};
use pipeline_plugin_api::units::Span;

/// A text in quotes.
pub fn text(field: &Field<'_>, faults: &mut Vec<Fault>) -> Option<Placed<String>> {
    let name = &field.name.value;
    let found = field.value.parse::<String>().ok();
    match &found {
        None => {
            let fault = field.value.fault(format!("`{name}` takes a text"));
            faults.push(fault.help(format!("write it in quotes: `{name}: \"…\"`")));
        }
        Some(text) if text.value.is_empty() => faults.push(field.value.fault(format!("`{name}` is empty"))),
        Some(_) => return found,
    }
    None
}

/// A list of names in quotes.
pub fn names(field: &Field<'_>, faults: &mut Vec<Fault>) -> Names {
    let name = &field.name.value;
    let help = format!("write `{name}: [\"…\"]`");
    let before = faults.len();
    let mut found: Vec<Placed<String>> = Vec::new();
    match field.value.items() {
        Err(_) => faults.push(field.value.fault(format!("`{name}` takes a list of names")).help(help)),
        Ok(items) => {
            for item in items {
                match item.parse::<String>() {
                    Ok(one) => once(&mut found, one, name, faults),
                    Err(_) => faults.push(item.fault("a name stands in quotes").help(help.clone())),
                }
            }
        }
    }
    Names {
        names: found,
        faulty: faults.len() > before,
    }
}

fn once(found: &mut Vec<Placed<String>>, one: Placed<String>, field: &str, faults: &mut Vec<Fault>) {
    match found.iter().find(|earlier| earlier.value == one.value) {
        None => found.push(one),
        Some(earlier) => faults.push(
            Fault::error(one.at, format!("`{}` stands twice in `{field}`", one.value))
                .also(earlier.at.clone(), "first here")
                .help("keep one of them"),
        ),
    }
}

/// A span of time that is not zero.
pub fn span(field: &Field<'_>, faults: &mut Vec<Fault>) -> Option<Placed<Nanos>> {
    let name = &field.name.value;
    let quoted = field.value.parse::<String>().is_ok();
    match field.value.parse::<Span>() {
        Ok(span) if span.value.nanos() == Nanos::ZERO => {
            let fault = field.value.fault(format!("`{name}` is zero"));
            faults.push(fault.help("give a span such as `\"100ms\"`, or leave it out for the element's own"));
            None
        }
        Ok(span) => Some(Placed {
            value: span.value.nanos(),
            at: span.at,
        }),
        Err(error) => {
            let message = if quoted {
                format!("`{name}`: {error}")
            } else {
                format!("`{name}` takes a span of time in quotes")
            };
            let fault = field.value.fault(message);
            faults.push(fault.help(format!("write it with its unit, such as `{name}: \"100ms\"`")));
            None
        }
    }
}

/// The name of a lane.
pub fn lane(field: &Field<'_>, faults: &mut Vec<Fault>) -> Option<Placed<NodeName>> {
    let text = text(field, faults)?;
    match NodeName::new(&text.value) {
        Ok(value) => Some(Placed { value, at: text.at }),
        Err(error) => {
            let fault = field
                .value
                .fault(format!("`{}` cannot name a lane: {error}", text.value));
            faults.push(fault.help("lanes are named like nodes"));
            None
        }
    }
}

/// CPUs that fit into the mask in which a lane's affinity is set (`CPU_SETSIZE`, CPU_SET(3)).
const MOST_CPUS: u32 = 1024;

/// The number of a CPU.
pub fn cpu(field: &Field<'_>, faults: &mut Vec<Fault>) -> Option<Placed<u32>> {
    let found = field.value.parse::<u32>().ok().filter(|cpu| cpu.value < MOST_CPUS);
    if found.is_none() {
        let fault = field.value.fault("`cpu` takes the number of one CPU, 0 to 1023");
        faults.push(fault.help("write `cpu: 1`"));
    }
    found
}

/// A queue.
pub fn queue(field: &Field<'_>, faults: &mut Vec<Fault>) -> Option<Placed<Queue>> {
    const HELP: &str = "write `queue: (capacity: 64, overflow: DropOldest)`";
    let fields = match field.value.fields() {
        Ok(fields) if field.value.text().starts_with('(') => fields,
        _ => {
            faults.push(field.value.fault("`queue` takes a struct").help(HELP));
            return None;
        }
    };
    let mut queue = Queue::default();
    for (i, inner) in fields.iter().enumerate() {
        let earlier = fields[..i]
            .iter()
            .find(|earlier| earlier.name.value == inner.name.value);
        match (inner.name.value.as_str(), earlier) {
            (_, Some(earlier)) => faults.push(twice(inner, earlier)),
            ("capacity", _) => queue.capacity = capacity(&inner.value, faults).unwrap_or(queue.capacity),
            ("overflow", _) => queue.overflow = choice(inner, &OVERFLOW, faults).unwrap_or_default(),
            (unknown, _) => faults.push(
                Fault::error(inner.name.at.clone(), format!("a queue has no field `{unknown}`"))
                    .help(nearest_help(unknown, ["capacity", "overflow"].into_iter())),
            ),
        }
    }
    Some(Placed {
        value: queue,
        at: field.value.at.clone(),
    })
}

const OVERFLOW: [(&str, Overflow); 3] = [
    ("Block", Overflow::Block),
    ("DropOldest", Overflow::DropOldest),
    ("DropNewest", Overflow::DropNewest),
];

fn capacity(value: &Value<'_>, faults: &mut Vec<Fault>) -> Option<u32> {
    let found = value.parse::<u32>().ok().map(|found| found.value);
    let good = found.filter(|capacity| (1..=Queue::MOST).contains(capacity));
    if good.is_none() {
        let message = match found {
            Some(0) => "a queue of capacity 0 passes nothing on".to_owned(),
            Some(_) => format!("a queue holds at most {} batches", Queue::MOST),
            None => "`capacity` takes a number of batches".to_owned(),
        };
        faults.push(
            value
                .fault(message)
                .help(format!("give 1 to {}, such as 64", Queue::MOST)),
        );
    }
    good
}

/// One of a few words.
pub fn choice<T: Copy>(field: &Field<'_>, known: &[(&'static str, T)], faults: &mut Vec<Fault>) -> Option<T> {
    let written = field.value.text();
    let found = known.iter().find(|(word, _)| *word == written);
    if found.is_none() {
        let bare = written.trim_matches('"');
        let fault = field
            .value
            .fault(format!("`{}` has no choice `{bare}`", field.name.value));
        faults.push(match known.iter().find(|(word, _)| *word == bare) {
            Some((word, _)) => fault.help(format!("write it without quotes: `{word}`")),
            None => fault.help(nearest_help(bare, known.iter().map(|(word, _)| *word))),
        });
    }
    found.map(|(_, value)| *value)
}

/// A field that stands twice.
pub fn twice(field: &Field<'_>, earlier: &Field<'_>) -> Fault {
    Fault::error(field.name.at.clone(), format!("`{}` is set twice", field.name.value))
        .also(earlier.name.at.clone(), "first here")
        .help("keep one of them")
}

/// Whether one of the known names is likely meant.
pub fn is_near<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> bool {
    nearest(wrong, known).is_some()
}
