//! The rules that let the boundary grow, held against the layouts that the loader compares.
//!
//! Measured before the boundary was drawn: a new enum variant, a new field of a plain struct and a
//! new vector in a batch are refused in both directions. So there are no enums, plain structs carry
//! spare lists, and descriptors are prefix types.

use abi_stable::StableAbi;
use abi_stable::type_layout::{TLData, TypeLayout};
use pipeline_plugin_api::abi::{
    ABI_VERSION, Action, Batch, Control, ElementRef, Finding, HostRef, NodeBox, Outcome, PluginRef, Ports, Target, Undo,
};
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write;

const OURS: &str = "pipeline-plugin-api";

/// Every type that crosses, by its name: reached through fields, parameters and results.
fn crossing() -> BTreeMap<String, &'static TypeLayout> {
    let mut found = BTreeMap::new();
    let mut visited = HashSet::new();
    let mut next: Vec<&'static TypeLayout> = vec![
        <PluginRef as StableAbi>::LAYOUT,
        <ElementRef as StableAbi>::LAYOUT,
        <NodeBox as StableAbi>::LAYOUT,
        <HostRef as StableAbi>::LAYOUT,
    ];
    while let Some(layout) = next.pop() {
        if !visited.insert(layout.get_utypeid()) {
            continue;
        }
        // Both vtables are called `VTable`; their modules tell them apart.
        found.insert(format!("{} ({})", layout.full_type(), layout.mod_path()), layout);
        next.extend(layout.shared_vars().type_layouts().iter().map(|layout| layout()));
        next.extend(layout.phantom_fields().iter().map(|field| field.layout()));
    }
    found
}

fn ours() -> impl Iterator<Item = (String, &'static TypeLayout)> {
    crossing().into_iter().filter(|(_, layout)| layout.package() == OURS)
}

#[test]
fn the_walk_reaches_what_crosses() {
    let names: Vec<String> = ours().map(|(name, _)| name).collect();
    for expected in [
        "Reading",
        "Batch",
        "Finding",
        "Action",
        "Target",
        "PortBatch",
        "Undo",
        "Fault",
        "Ports",
        "Failure",
    ] {
        assert!(
            names.iter().any(|name| name.starts_with(expected)),
            "{expected} is not among {names:?}"
        );
    }
}

#[test]
fn no_enum_of_ours_crosses() {
    let enums: Vec<String> = ours()
        .filter(|(_, layout)| matches!(layout.data(), TLData::Enum(_)))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(enums, [""; 0], "kinds are transparent integers with constants");
}

#[test]
fn descriptors_and_vtables_are_prefix_types() {
    let prefixes: Vec<String> = ours()
        .filter(|(_, layout)| matches!(layout.data(), TLData::PrefixType(_)))
        .map(|(name, _)| name)
        .collect();
    for expected in ["ElementDescriptor", "PluginModule", "VTable"] {
        assert!(
            prefixes.iter().any(|name| name.contains(expected)),
            "{expected} is not among {prefixes:?}"
        );
    }
}

#[test]
fn what_may_need_more_one_day_has_room_for_it() {
    for layout in [
        <Batch as StableAbi>::LAYOUT,
        <Target as StableAbi>::LAYOUT,
        <Finding as StableAbi>::LAYOUT,
        <Control as StableAbi>::LAYOUT,
        <Action as StableAbi>::LAYOUT,
        <Outcome as StableAbi>::LAYOUT,
        <Undo as StableAbi>::LAYOUT,
        <Ports as StableAbi>::LAYOUT,
    ] {
        assert!(
            fields(layout).contains(&"spare".to_owned()),
            "{} has no spare list",
            layout.name()
        );
    }
}

#[test]
fn both_sides_answer_extension() {
    let answering: Vec<String> = ours()
        .filter(|(_, layout)| fields(layout).contains(&"extension".to_owned()))
        .map(|(name, _)| name)
        .collect();
    for module in ["host", "node"] {
        assert!(
            answering.iter().any(|name| name.contains(module)),
            "no `extension` in `{module}`: {answering:?}"
        );
    }
}

/// Any change here is a change of the boundary: it takes a new `ABI_VERSION` and a line in the changelog.
#[test]
fn the_layout_is_the_one_of_this_abi_version() {
    let mut text = format!("ABI {ABI_VERSION}\n");
    for (name, layout) in ours() {
        let _ = writeln!(text, "{name}: {} bytes: {}", layout.size(), fields(layout).join(", "));
    }
    insta::assert_snapshot!(text);
}

fn fields(layout: &'static TypeLayout) -> Vec<String> {
    let fields = match layout.data() {
        TLData::Struct { fields } | TLData::Union { fields } => Some(fields),
        TLData::PrefixType(prefix) => Some(prefix.fields),
        _ => None,
    };
    fields
        .into_iter()
        .flat_map(|fields| fields.to_vec())
        .map(|field| field.name().to_owned())
        .collect()
}
