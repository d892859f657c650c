//! The machine around a run: disks, pipes, folders, signals, descriptors, memory.

use super::Row;

/// The rows of this kind, in the order of the page.
pub const ROWS: &[Row] = &[
    Row {
        name: "a_full_disk_under_a_record",
        what: "A full disk under `file.jsonl`",
        then: "values wait, up to 8 MiB; what is still not written at the end is lost, and counted",
        status: Some(1),
        says: &[
            "WARN  full: `full/out` cannot be written: No space left on device (os error 28); free some space",
            "ERROR full: `full/out` cannot be written: No space left on device (os error 28); free some space; the run ends, and … values are lost",
        ],
    },
    Row {
        name: "a_full_disk_under_a_table_of_values",
        what: "A full disk under `file.csv`",
        then: "the same",
        status: Some(1),
        says: &[
            "WARN  full: `full/out` cannot be written: No space left on device (os error 28); free some space",
            "ERROR full: `full/out` cannot be written: No space left on device (os error 28); free some space; the run ends, and … values are lost",
        ],
    },
    Row {
        name: "a_log_that_nobody_reads",
        what: "A log that nobody reads, its pipe full",
        then: "no lane waits for it; lost lines are counted and told when somebody reads again",
        status: Some(0),
        says: &[],
    },
    Row {
        name: "a_reader_that_leaves",
        what: "The reader of a table on standard output leaves",
        then: "that sink is stopped, the others run on",
        status: Some(0),
        says: &[
            "ERROR table: `standard output` cannot be written: Broken pipe (os error 32); nobody reads it any more…; the node is stopped, the rest runs on",
        ],
    },
    Row {
        name: "standard_input_closed",
        what: "Standard input is closed",
        then: "nothing",
        status: Some(0),
        says: &[],
    },
    Row {
        name: "nothing_open_at_all",
        what: "Standard input, output and error are closed",
        then: "nothing; what would be said is lost",
        status: Some(0),
        says: &[],
    },
    Row {
        name: "its_folder_removed",
        what: "The folder in which it was started is gone",
        then: "relative paths fail, all else runs",
        status: Some(0),
        says: &[],
    },
    Row {
        name: "a_runtime_folder_that_cannot_be_written",
        what: "The runtime folder cannot be written",
        then: "a run that acts does not begin",
        status: Some(1),
        says: &[
            "error: `graph.ron` did not run: cannot lock `/proc/nowhere/acting.lock`: cannot make the folder `/proc/nowhere`: No such file or directory (os error 2); a run that acts needs it, one with `--dry-run` does not",
        ],
    },
    Row {
        name: "a_workload_killed",
        what: "A workload is killed by somebody",
        then: "its end is told",
        status: Some(0),
        says: &[
            "WARN  doomed: exit=\"signal KILL\" lived=… then=\"stays down\" … was ended by signal KILL, which this run did not send",
        ],
    },
    Row {
        name: "a_run_that_was_stopped_and_continued",
        what: "The process is stopped for 1.5 s and continued",
        then: "what was missed is skipped and counted, never made up for",
        status: Some(0),
        says: &[],
    },
    Row {
        name: "a_plugin_that_leaks_descriptors",
        what: "A plugin uses up all descriptors",
        then: "it fails at it; who has descriptors runs on",
        status: Some(0),
        says: &["WARN  leak: this mock has no descriptor left: Too many open files (os error 24)"],
    },
    Row {
        name: "a_plugin_that_leaks_memory",
        what: "A plugin keeps more and more memory",
        then: "it runs on; `telemetry.self` with `process.stats` or `cgroup.stats` shows it",
        status: Some(0),
        says: &[],
    },
    Row {
        name: "two_signals_in_a_hurry",
        what: "Two signals at once",
        then: "the end is hurried, and the host put back all the same",
        status: Some(0),
        says: &[],
    },
];
