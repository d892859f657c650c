//! Files that are no usable plugins: what is refused before it is opened, what when a graph needs it, and what runs all the same.

use super::Row;

/// The rows of this kind, in the order of the page.
pub const ROWS: &[Row] = &[
    Row {
        name: "a_missing_plugin",
        what: "A plugin is not there, or its folder is not",
        then: "a graph that needs it is refused, any other runs",
        status: Some(78),
        says: &["there is no element `x.y`"],
    },
    Row {
        name: "a_text_file",
        what: "A text file under a plugin's name",
        then: "it is refused without being opened; graphs that do not need it run",
        status: Some(78),
        says: &["not a 64-bit ELF shared object (…); build it as a `cdylib`"],
    },
    Row {
        name: "an_empty_file",
        what: "An empty file under a plugin's name",
        then: "it is refused without being opened; graphs that do not need it run",
        status: Some(78),
        says: &["not a 64-bit ELF shared object (…); build it as a `cdylib`"],
    },
    Row {
        name: "a_truncated_plugin",
        what: "A copy that was cut short, at 54 lengths",
        then: "it is refused without being opened; graphs that do not need it run",
        status: Some(78),
        says: &["truncated: the table of its sections ends at byte … and the file has …; copy it again"],
    },
    Row {
        name: "a_library_of_the_system",
        what: "A library of the system under a plugin's name",
        then: "it is refused without being opened; graphs that do not need it run",
        status: Some(78),
        says: &["no `.pipeline.manifest` section: not a pipeline plugin; does it call `export_plugin!`?"],
    },
    Row {
        name: "the_right_symbol_and_garbage_behind_it",
        what: "The symbol that the loader looks for, and garbage behind it",
        then: "it is refused when a graph needs it",
        status: Some(78),
        says: &[
            "error: cannot load `plugins/libpipeline_example.so`: its entry point is none of this boundary; build it again",
        ],
    },
    Row {
        name: "an_undefined_symbol",
        what: "A symbol that nobody defines",
        then: "it is refused when a graph needs it",
        status: Some(78),
        says: &["error: cannot load `plugins/libpipeline_example.so`: …undefined symbol: memmovv"],
    },
    Row {
        name: "another_abi_version",
        what: "Another version of the boundary",
        then: "it is refused without being opened; graphs that do not need it run",
        status: Some(78),
        says: &[
            "plugin `pipeline-plugin-example` … speaks ABI 9.9, this pipeline speaks …: build it again with a `pipeline-plugin-api` of ABI …",
        ],
    },
    Row {
        name: "a_plugin_that_aborts_on_panic",
        what: "A plugin built with `panic = \"abort\"`",
        then: "it is refused without being opened; graphs that do not need it run",
        status: Some(78),
        says: &[
            "plugin `pipeline-plugin-example` was built with `panic = \"abort\"`, so that its panics cannot be contained; build it with `panic = \"unwind\"`",
        ],
    },
    Row {
        name: "a_garbled_manifest",
        what: "A manifest that is none",
        then: "it is refused without being opened; graphs that do not need it run",
        status: Some(78),
        says: &[
            "the `.pipeline.manifest` section cannot be understood; build it again with this version of `pipeline-plugin-api`",
        ],
    },
    Row {
        name: "a_plugin_of_another_build_profile",
        what: "A debug build beside a release build",
        then: "it runs; `pipeline plugins` tells which is which",
        status: Some(0),
        says: &[],
    },
    Row {
        name: "a_renamed_field",
        what: "The same ABI version with a field of another name",
        then: "it is refused when a graph needs it",
        status: Some(78),
        says: &[
            "error: cannot load `plugins/libpipeline_example.so`: its layout differs from this pipeline's at `…`: field `stricter` here, `strictor` there; build it again",
        ],
    },
    Row {
        name: "two_fields_swapped",
        what: "The same ABI version with two fields in each other's place",
        then: "it is refused when a graph needs it",
        status: Some(78),
        says: &[
            "error: cannot load `plugins/libpipeline_example.so`: its layout differs from this pipeline's at `…`: field `metric` here, `target` there, field `target` here, `metric` there; build it again",
        ],
    },
];
