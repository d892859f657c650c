//! dlopen, the boundary's layout check, and the plugin's root: the one room of the host that says `unsafe`.
//!
//! A plugin is never unloaded: its vtables, its threads and its thread-locals outlive every node.

use abi_stable::StableAbi;
use abi_stable::abi_stability::abi_checking::{AbiInstability, AbiInstabilityErrors, check_layout_compatibility};
use abi_stable::library::{LibHeader, LibraryError, lib_header_from_path};
use abi_stable::type_layout::TLFieldOrFunction;
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use pipeline_plugin_api::abi::{ElementRef, PluginRef};
use std::path::Path;

/// A plugin in memory.
pub struct Loaded {
    /// Its elements.
    pub elements: Vec<ElementRef>,
}

/// Loads a file whose manifest was read and found good.
///
/// # Errors
/// One sentence: what the dynamic loader says, or the first difference in layout.
pub fn load(path: &Path) -> Result<Loaded, String> {
    open_now(path)?;
    let header = lib_header_from_path(path).map_err(|error| match error {
        LibraryError::InvalidAbiHeader(_) => "its entry point is none of this boundary; build it again".to_owned(),
        other => first_line(&other.to_string()),
    })?;
    check(header)?;
    let root: PluginRef = header
        .init_root_module()
        .map_err(|error| first_line(&error.to_string()))?;
    root.init()();
    Ok(Loaded {
        elements: root.elements()().into(),
    })
}

/// Opens with every symbol resolved, so that a missing one is told now and by name.
fn open_now(path: &Path) -> Result<(), String> {
    // SAFETY: running the file's constructors is what loading a plugin means; its manifest says that it is one,
    // and its segments lie within the file, so that mapping it cannot fault.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) };
    let library = library.map_err(|error| std::error::Error::source(&error).unwrap_or(&error).to_string())?;
    std::mem::forget(library);
    Ok(())
}

fn check(header: &'static LibHeader) -> Result<(), String> {
    let plugin = header
        .layout()
        .ok_or("it was built without the description of its layout; use `export_plugin!`")?;
    check_layout_compatibility(<PluginRef as StableAbi>::LAYOUT, plugin).map_err(|errors| explain(&errors))
}

/// The first difference, as a path of fields and what differs there.
fn explain(errors: &AbiInstabilityErrors) -> String {
    let told = errors.errors.iter().filter(|error| !error.errs.is_empty());
    let Some(first) = told.min_by_key(|error| error.stack_trace.len()) else {
        return "its layout differs from this pipeline's".to_owned();
    };
    let path: Vec<String> = first.stack_trace.iter().map(|step| step_name(&step.expected)).collect();
    let what: Vec<String> = first.errs.iter().map(difference).collect();
    format!(
        "its layout differs from this pipeline's at `{}`: {}; build it again",
        path.join("."),
        what.join(", ")
    )
}

fn step_name(step: &TLFieldOrFunction) -> String {
    match step {
        TLFieldOrFunction::Field(field) => field.name().to_owned(),
        TLFieldOrFunction::Function(function) => function.name.to_string(),
    }
}

fn difference(error: &AbiInstability) -> String {
    match error {
        AbiInstability::Size(size) => format!("size is {} here, {} there", size.expected, size.found),
        AbiInstability::FieldCountMismatch(count) => format!("{} fields here, {} there", count.expected, count.found),
        AbiInstability::UnexpectedField(field) => {
            format!("field `{}` here, `{}` there", field.expected.name(), field.found.name())
        }
        AbiInstability::Name(name) => format!("type `{}` here, `{}` there", name.expected, name.found),
        other => first_line(&format!("{other:?}")),
    }
}

fn first_line(text: &str) -> String {
    text.lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or("unknown")
        .to_owned()
}
