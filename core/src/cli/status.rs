//! `pipeline status`: which pipelines run here, and how the nodes of one fare.
//!
//! What is asked and answered over the socket is `run/socket`'s business; here is which run is meant, for
//! `pipeline control` as well, and how the answer is shown.

use super::args::{Format, StatusArgs};
use super::{CliError, Exit, Streams};
use crate::run::socket::ask::{AskError, Running, running};
use crate::run::socket::talk::{NodeStatus, RunStatus};
use pipeline_plugin_api::abi::Nanos;
use pipeline_plugin_api::config::nearest_help;
use serde_json::json;
use std::io::{self, Write};
use std::path::Path;

/// Tells what runs and listens in that folder.
pub(super) fn run(args: &StatusArgs, folder: &Path, streams: &mut Streams<'_>) -> Result<Exit, CliError> {
    let all = match &args.run {
        Some(wanted) => vec![the_one(Some(wanted), folder)?],
        None => running(folder).map_err(CliError::Folder)?,
    };
    let mut told = Vec::new();
    let mut silent = Vec::new();
    for run in &all {
        match run.status() {
            Ok(status) => told.push(status),
            // Between two looks a run may end.
            Err(AskError::Ended(_)) if args.run.is_none() => {}
            Err(error) => silent.push(error),
        }
    }
    match args.format {
        Format::Text => text(&told, silent.is_empty(), folder, streams.out)?,
        Format::Json => writeln!(streams.out, "{:#}", json!({ "runs": told }))?,
    }
    for error in &silent {
        writeln!(streams.err, "error: {error}")?;
    }
    Ok(if silent.is_empty() { Exit::Fine } else { Exit::Failed })
}

/// The run that is meant: by its id or its process, or the only one there is.
pub(super) fn the_one(wanted: Option<&str>, folder: &Path) -> Result<Running, CliError> {
    let mut all = running(folder).map_err(CliError::Folder)?;
    let place = folder.display();
    let Some(wanted) = wanted else {
        return match all.len() {
            0 => Err(CliError::NoRun(format!(
                "no pipeline runs here, as far as `{place}` tells; start one with `pipeline run GRAPH`"
            ))),
            1 => Ok(all.remove(0)),
            _ => {
                let ids: Vec<String> = all.iter().map(|run| format!("`{}`", run.run)).collect();
                let ids = ids.join(", ");
                Err(CliError::NoRun(format!(
                    "several pipelines run here: {ids}; say which with `--run`, and see `pipeline status`"
                )))
            }
        };
    };
    let is_meant = |run: &&Running| run.run == wanted || run.run.rsplit('-').next() == Some(wanted);
    if let Some(run) = all.iter().find(is_meant) {
        return Ok(run.clone());
    }
    let help = match all.is_empty() {
        true => "no pipeline runs here".to_owned(),
        false => nearest_help(wanted, all.iter().map(|run| run.run.as_str())),
    };
    Err(CliError::NoRun(format!(
        "no run `{wanted}` listens in `{place}`; {help}"
    )))
}

fn text(told: &[RunStatus], is_all: bool, folder: &Path, out: &mut dyn Write) -> io::Result<()> {
    match told {
        [] if is_all => writeln!(out, "no pipeline runs here, as far as `{}` tells", folder.display()),
        [] => Ok(()),
        [one] => {
            head(one, out)?;
            table(&rows(&one.nodes), out)
        }
        several => {
            let title = ["RUN", "PROCESS", "UP", "NODES", "GRAPH"].map(str::to_owned).to_vec();
            let rows = several.iter().map(|run| {
                vec![
                    run.run.clone(),
                    run.pid.to_string(),
                    up(run),
                    run.nodes.len().to_string(),
                    plain(&run.graph),
                ]
            });
            table(&std::iter::once(title).chain(rows).collect::<Vec<_>>(), out)?;
            writeln!(out, "\n`pipeline status RUN` shows the nodes of one")
        }
    }
}

fn head(run: &RunStatus, out: &mut dyn Write) -> io::Result<()> {
    let notes = [
        (run.dry_run, ", a dry run"),
        (run.stopping, ", being stopped"),
        (run.guardian_pid.is_none(), ", without a guardian"),
    ];
    let notes: String = notes.iter().filter(|(is, _)| *is).map(|(_, note)| *note).collect();
    let graph = plain(&run.graph);
    writeln!(
        out,
        "run {} (process {}, `{graph}`), up {}{notes}",
        run.run,
        run.pid,
        up(run)
    )
}

fn rows(nodes: &[NodeStatus]) -> Vec<Vec<String>> {
    let title = ["NODE", "ELEMENT", "LANE", "STATE", "CALLS", "BUSY", "TROUBLE", "STATUS"];
    let title = title.map(str::to_owned).to_vec();
    let rows = nodes.iter().map(|node| {
        vec![
            plain(&node.node),
            plain(&node.element),
            plain(&node.lane),
            plain(&node.state),
            node.calls.to_string(),
            span(node.busy_ns),
            trouble(node),
            said(node),
        ]
    });
    std::iter::once(title).chain(rows).collect()
}

/// What did not go as it should, and nothing else.
fn trouble(node: &NodeStatus) -> String {
    let late = format!("late (by {} at most)", span(node.worst_late_ns));
    let counts = [
        (node.late, late.as_str()),
        (node.missed, "missed"),
        (node.dropped, "dropped"),
        (node.failures, "failed"),
        (node.restarts, "restarted"),
        (node.abandoned, "given up"),
        (node.mailbox, "waiting"),
    ];
    let told: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if told.is_empty() {
        "-".to_owned()
    } else {
        told.join(", ")
    }
}

fn said(node: &NodeStatus) -> String {
    match (&node.status, &node.silent) {
        (Some(status), _) => plain(status),
        (None, Some(why)) if node.state == "runs" => format!("({})", plain(why)),
        _ => String::new(),
    }
}

/// Whatever a plugin says stays on its line and moves no cursor.
fn plain(text: &str) -> String {
    text.replace(char::is_control, " ")
}

fn up(run: &RunStatus) -> String {
    const SECOND: u64 = 1_000_000_000;
    Nanos(run.uptime_ns / SECOND * SECOND).to_string().replace(' ', "")
}

/// With the digits that matter.
fn span(ns: u64) -> String {
    match ns {
        0..1_000 => format!("{ns}ns"),
        1_000..1_000_000 => format!("{:.1}us", ns as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1}ms", ns as f64 / 1e6),
        _ => format!("{:.1}s", ns as f64 / 1e9),
    }
}

/// Columns as wide as their widest; the last as it is.
fn table(rows: &[Vec<String>], out: &mut dyn Write) -> io::Result<()> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(told: &[RunStatus]) -> String {
        let mut out = Vec::new();
        text(told, true, Path::new("/run/pipeline"), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn status(run: &str) -> RunStatus {
        let node = |node: &str, element: &str| NodeStatus {
            node: node.into(),
            element: element.into(),
            lane: "control".into(),
            state: "runs".into(),
            calls: 12,
            busy_ns: 1_250_000,
            ..NodeStatus::default()
        };
        RunStatus {
            run: run.into(),
            graph: "guard.ron".into(),
            pid: 42,
            guardian_pid: Some(43),
            uptime_ns: 63_900_000_000,
            nodes: vec![
                NodeStatus {
                    status: Some("learning\u{1b}[2J".into()),
                    ..node("slow", "detect.baseline")
                },
                NodeStatus {
                    late: 3,
                    worst_late_ns: 12_000_000,
                    restarts: 1,
                    silent: Some("busy: no answer within 2s".into()),
                    ..node("limit", "cgroup.limit")
                },
                NodeStatus {
                    state: "stopped".into(),
                    silent: Some("`out` was stopped".into()),
                    ..node("out", "file.jsonl")
                },
            ],
            ..RunStatus::default()
        }
    }

    #[test]
    fn one_run_is_a_table_of_its_nodes() {
        insta::assert_snapshot!(shown(&[status("r1-42")]), @r"
        run r1-42 (process 42, `guard.ron`), up 1m3s
        NODE   ELEMENT          LANE     STATE    CALLS  BUSY   TROUBLE                                  STATUS
        slow   detect.baseline  control  runs     12     1.2ms  -                                        learning [2J
        limit  cgroup.limit     control  runs     12     1.2ms  3 late (by 12.0ms at most), 1 restarted  (busy: no answer within 2s)
        out    file.jsonl       control  stopped  12     1.2ms  -
        ");
    }

    #[test]
    fn several_runs_are_a_list() {
        insta::assert_snapshot!(shown(&[status("r1-42"), status("r2-57")]), @r"
        RUN    PROCESS  UP    NODES  GRAPH
        r1-42  42       1m3s  3      guard.ron
        r2-57  42       1m3s  3      guard.ron

        `pipeline status RUN` shows the nodes of one
        ");
    }

    #[test]
    fn no_run_is_said_to_be_none() {
        assert_eq!(shown(&[]), "no pipeline runs here, as far as `/run/pipeline` tells\n");
    }

    #[test]
    fn a_run_is_found_by_its_id_its_process_and_alone() {
        let folder = tempfile::tempdir().unwrap();
        let why = the_one(None, folder.path()).unwrap_err().to_string();
        assert!(why.starts_with("no pipeline runs here"), "{why}");
        let bind = |run: &str| crate::run::socket::place::bind(folder.path(), run).unwrap();
        let _one = bind("20260102T030405-42");
        assert_eq!(the_one(None, folder.path()).unwrap().run, "20260102T030405-42");
        let _other = bind("20260102T030406-57");
        let why = the_one(None, folder.path()).unwrap_err().to_string();
        assert!(why.contains("-42`, `") && why.contains("`--run`"), "{why}");
        for wanted in ["57", "20260102T030406-57"] {
            assert_eq!(the_one(Some(wanted), folder.path()).unwrap().run, "20260102T030406-57");
        }
        let why = the_one(Some("20260102T030406-58"), folder.path())
            .unwrap_err()
            .to_string();
        assert!(why.contains("did you mean `20260102T030406-57`?"), "{why}");
    }
}
