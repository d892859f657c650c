//! What stands under one name of a section, as written: types, not meanings.

use super::fault::{Fault, quoted};
use super::name::NodeName;
use super::section::{FIELDS, Section};
use super::take;
use super::value::{Field, Placed, Value};
use pipeline_plugin_api::abi::Nanos;
use pipeline_plugin_api::config::nearest_help;

/// What a queue does with what comes when it is full.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Default)]
pub enum Overflow {
    /// The producer waits.
    Block,
    /// The oldest goes.
    #[default]
    DropOldest,
    /// What comes goes.
    DropNewest,
}

/// What becomes of the run when a node fails for good: in a panic, in a failure that says so, or in a call that does not
/// come back within 1 s, or 30 s where its element says that it blocks. What it changed is undone first.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Default)]
pub enum OnError {
    /// The node is made again, within a budget; then it stops and the rest goes on.
    #[default]
    Restart,
    /// The node stops at once and the rest goes on.
    Stop,
    /// The whole run ends.
    Abort,
}

/// A bounded queue before a node, which gives the node a lane of its own.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// How many batches it holds, 1 to [`Queue::MOST`].
    pub capacity: u32,
    /// What becomes of what does not fit.
    pub overflow: Overflow,
}

impl Queue {
    /// The largest capacity, in batches.
    pub const MOST: u32 = 65_536;
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            capacity: 64,
            overflow: Overflow::default(),
        }
    }
}

/// A node as written. Names in `of`, `from` and `last` are not looked up yet.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub section: Section,
    pub name: Placed<NodeName>,
    pub plugin: Option<Placed<String>>,
    pub of: Names,
    pub from: Names,
    pub last: Names,
    pub every: Option<Placed<Nanos>>,
    pub config: Option<Placed<String>>,
    pub lane: Option<Placed<NodeName>>,
    pub cpu: Option<Placed<u32>>,
    pub queue: Option<Placed<Queue>>,
    pub on_error: OnError,
}

/// A list of names as written.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// Those that are texts.
    pub names: Vec<Placed<String>>,
    /// Whether something about the list was told already, so that what is missing from it means nothing.
    pub faulty: bool,
}

impl Draft {
    fn new(section: Section, name: Placed<NodeName>) -> Self {
        Self {
            section,
            name,
            plugin: None,
            of: Names::default(),
            from: Names::default(),
            last: Names::default(),
            every: None,
            config: None,
            lane: None,
            cpu: None,
            queue: None,
            on_error: OnError::default(),
        }
    }
}

/// Reads what stands under a name.
pub(super) fn read(section: Section, name: Placed<NodeName>, value: &Value<'_>, faults: &mut Vec<Fault>) -> Draft {
    let mut draft = Draft::new(section, name);
    let Some(fields) = fields_of(&draft, value, faults) else {
        draft.from.faulty = true;
        return draft;
    };
    for (i, field) in fields.iter().enumerate() {
        if let Some(earlier) = fields[..i]
            .iter()
            .find(|earlier| earlier.name.value == field.name.value)
        {
            faults.push(take::twice(field, earlier));
        } else if let Some(fault) = misplaced(section, field) {
            faults.push(fault);
        } else {
            set(&mut draft, field, faults);
        }
    }
    if draft.plugin.is_none() && !fields.iter().any(|field| field.name.value == "plugin") {
        faults.push(no_plugin(&draft));
    }
    draft
}

/// The fields, or nothing where the value is no struct, which is then told.
fn fields_of<'t>(draft: &Draft, value: &Value<'t>, faults: &mut Vec<Fault>) -> Option<Vec<Field<'t>>> {
    let name = &draft.name.value;
    if !value.text().starts_with('(') {
        let fault = value.fault(format!("what stands under `{name}` is no node"));
        faults.push(fault.help(format!("write `\"{name}\": (plugin: \"…\")`")));
        return None;
    }
    match value.fields() {
        Ok(fields) => Some(fields),
        Err(error) => {
            let fault = value.syntax(&error);
            faults.push(fault.help(format!("write `\"{name}\": (plugin: \"…\")`")));
            None
        }
    }
}

fn no_plugin(draft: &Draft) -> Fault {
    let name = &draft.name.value;
    Fault::error(draft.name.at.clone(), format!("`{name}` has no `plugin`"))
        .help("name its element, such as `plugin: \"signal.rate\"`; `pipeline plugins` lists them")
}

fn set(draft: &mut Draft, field: &Field<'_>, faults: &mut Vec<Fault>) {
    let value = &field.value;
    match field.name.value.as_str() {
        "plugin" => draft.plugin = take::text(field, faults),
        "of" => draft.of = take::names(field, faults),
        "from" => draft.from = take::names(field, faults),
        "last" => draft.last = take::names(field, faults),
        "every" => draft.every = take::span(field, faults),
        "config" => {
            draft.config = Some(Placed {
                value: value.text().to_owned(),
                at: value.at.clone(),
            });
        }
        "lane" => draft.lane = take::lane(field, faults),
        "cpu" => draft.cpu = take::cpu(field, faults),
        "queue" => draft.queue = take::queue(field, faults),
        "on_error" => draft.on_error = take::choice(field, &ON_ERROR, faults).unwrap_or_default(),
        _ => {}
    }
}

const ON_ERROR: [(&str, OnError); 3] = [
    ("Restart", OnError::Restart),
    ("Stop", OnError::Stop),
    ("Abort", OnError::Abort),
];

/// A field that no node has, or none of this section.
fn misplaced(section: Section, field: &Field<'_>) -> Option<Fault> {
    let name = field.name.value.as_str();
    if section.has(name) {
        return None;
    }
    let at = field.name.at.clone();
    if FIELDS.contains(&name) {
        let fault = Fault::error(at, format!("`{name}` has no place in {}", section.one()));
        return Some(fault.help(where_it_belongs(section, name)));
    }
    let fault = Fault::error(at, format!("there is no field `{name}`"));
    Some(match take::is_near(name, section.fields()) {
        true => fault.help(nearest_help(name, section.fields())),
        false => fault.help(format!(
            "{} has {}; what belongs to the element goes into `config`",
            section.one(),
            quoted(section.fields())
        )),
    })
}

fn where_it_belongs(section: Section, field: &str) -> &'static str {
    match (field, section) {
        ("of", Section::Targets) => "only collectors have `of`; take it out",
        ("of", _) => "only collectors have `of`; name what this node reads in `from`",
        ("from", Section::Collectors) => "collectors read targets; name them in `of`",
        ("from", _) => "targets read nothing; take it out",
        ("last", _) => "only transforms and schedulers have `last`; take it out",
        _ => "a queue stands before a node that reads others; put it there",
    }
}
