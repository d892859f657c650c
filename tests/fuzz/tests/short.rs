//! The short run that goes with the tests: what failed once, the seeds, and some thousand inputs for each target.
//! `scripts/fuzz` is the long one.

use pipeline_fuzz::feed::feed;
use pipeline_fuzz::targets::Target;
use std::io::Write;

const INPUTS: u64 = 20_000;

fn withstands(name: &str) {
    let target = Target::named(name).unwrap_or_else(|| panic!("there is no target `{name}`"));
    let hung = |number| {
        // It ends all the same.
        let _ = writeln!(std::io::stderr(), "`{name}` takes too long with input {number}");
        std::process::exit(3);
    };
    let fed = feed(target, 1, 0..INPUTS, |_| (), hung);
    assert_eq!((fed.inputs, fed.panics), (INPUTS, 0), "{:#?}", fed.failures);
}

macro_rules! targets {
    ($($test:ident: $name:ident),+ $(,)?) => {
        $(
            #[test]
            fn $test() {
                withstands(stringify!($name));
            }
        )+

        #[test]
        fn every_target_has_its_short_run() {
            let known: Vec<&str> = Target::ALL.iter().map(|target| target.name).collect();
            assert_eq!(known, [$(stringify!($name)),+]);
        }
    };
}

targets! {
    any_graph_is_read_and_checked: graph,
    any_config_is_split: fields,
    any_unit_is_read: units,
    any_file_of_a_group_is_read: cgroup,
    any_file_of_a_process_is_read: process,
    any_list_of_cpus_is_read: cpus,
    any_manifest_is_read: manifest,
    any_plugin_file_is_judged: plugin,
    any_journal_is_read: journal,
    any_pattern_is_answered_soon: patterns,
    any_request_is_read: request,
}
