//! The command line of the benchmarks.

use crate::Benchmark;
use std::time::Duration;

/// What `--help` prints.
pub const HELP: &str = "\
Measures what the pipeline costs against the least that does the same work.

usage: scripts/bench [--check] [NAME...]

Prints lines `name value unit ratio`; `-` where there is no ratio. A NAME selects all lines that
begin with it; without one all are measured, which takes some minutes. Needs a quiet machine;
`watch_200` needs to be root, makes 200 control groups and removes them.

  boundary_input_1        one reading into a node of a loaded plugin; ratio to the same function
                          behind a plain trait object
  boundary_input_1_extra  the difference of the two; aim: at most 10 ns
  boundary_input_64       the same with 64 readings; aim: ratio at most 1.1
  instant_p50             collector, transform and scheduler in one instant at 1 kHz, 128 readings;
                          ratio to the same three called one after the other; aim: at most 1.5
  instant_p99             the same, 99th percentile; aim: at most 2
  watch_200_cpu           CPU time a target and sample of `pipeline run` with 200 groups every
                          100 ms; ratio to a program that only reads the same files; aim: at most 1.4
  watch_200_pss           memory of that `pipeline run`, its share of shared pages included;
                          aim: at most 25 MB
  perf_group_read         reading a group of four counters; ratio to a bare read(2) of its descriptor; aim:
                          at most 1.3
  perf_100_cgroups        a tick of `perf.counters` over 100 control groups, on each CPU; needs to be root
  lab_perf_group_read, lab_perf_100_cgroups
                          the same with hardware events on the emulated machine that PIPELINE_LAB boots
  lab_schemata_write      setting what a class may use, and reading it back, there; ratio to the bare
                          write and read of the file
  record_rate             readings that `record.write` keeps for each second of CPU time, in one thread, with what it
                          takes to read them from a record before; aim: at least 1 million
  replay_rate             readings that are read from a record and given to a transform, in one thread; aim: at
                          least 5 million
  record_bytes            bytes for each reading of the record that PIPELINE_RUN names, or of 96 s of
                          `configs/recorded.ron`, which needs to be root, and Redis and stress-ng; aim: at most 8
  sim_hour                CPU time of an hour of a simulated node with 32 workloads, read each 100 ms, with a policy that
                          acts; aim: at most 10 s
  decision_200_NAME_p50, decision_200_NAME_p99
                          an instant of a detector or a policy that watches 200 targets, from the readings to what
                          it says; ratio to adding the same readings up; aim: a p99 of at most 200 us. NAME is
                          one of baseline, triage, culprit, outlier, class, pattern (`detect`), fixed,
                          throttle, priority, adaptive, dynamic, budget (`policy`)

  --check                 exit with 1 if an aim is missed, and say which
  --help                  this text
";

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// Print the help.
    Help,
    /// Measure.
    Run {
        /// What lines must begin with; all where empty.
        names: Vec<String>,
        /// Fail where an aim is missed.
        check: bool,
    },
    /// Be the program that only reads files: `--sweep MILLISECONDS`, for the `watch` benchmark alone.
    Sweep {
        /// How often it reads them.
        every: Duration,
    },
}

/// Reads the arguments.
///
/// # Errors
/// An option or a name that there is not.
pub fn parse(arguments: impl Iterator<Item = String>, benchmarks: &[Benchmark]) -> Result<Asked, String> {
    let mut arguments = arguments;
    let (mut names, mut check) = (Vec::new(), false);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--help" | "-h" => return Ok(Asked::Help),
            "--check" => check = true,
            "--sweep" => return sweep(arguments.next()),
            option if option.starts_with('-') => return Err(format!("there is no option `{option}`; see `--help`")),
            name if lines(benchmarks).any(|line| line.starts_with(name)) => names.push(argument),
            name => {
                let known: Vec<&str> = lines(benchmarks).collect();
                return Err(format!(
                    "there is no benchmark `{name}`; there are `{}`",
                    known.join("`, `")
                ));
            }
        }
    }
    Ok(Asked::Run { names, check })
}

fn sweep(every: Option<String>) -> Result<Asked, String> {
    let every = every.and_then(|text| text.parse().ok()).map(Duration::from_millis);
    every
        .map(|every| Asked::Sweep { every })
        .ok_or_else(|| "`--sweep` takes milliseconds".to_owned())
}

fn lines(benchmarks: &[Benchmark]) -> impl Iterator<Item = &'static str> {
    benchmarks.iter().flat_map(|benchmark| benchmark.lines.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BENCHMARKS;
    use std::collections::BTreeSet;

    fn parsed(text: &str) -> Result<Asked, String> {
        parse(text.split_whitespace().map(str::to_owned), BENCHMARKS)
    }

    #[test]
    fn a_name_selects_and_check_stands_anywhere() {
        let names = vec!["boundary".to_owned(), "watch_200_pss".to_owned()];
        assert_eq!(
            parsed("boundary --check watch_200_pss"),
            Ok(Asked::Run { names, check: true })
        );
    }

    #[test]
    fn a_name_that_there_is_not_is_told_with_those_there_are() {
        assert!(parsed("boundry").unwrap_err().contains("`instant_p99`"));
    }

    #[test]
    fn the_help_names_every_line() {
        let words = |text: &'static str| -> BTreeSet<&str> { text.split([' ', '\n', ',']).collect() };
        let told = words(HELP);
        let names = words(HELP.split_once("NAME is").unwrap().1);
        let is_told = |line: &&str| match line.strip_prefix("decision_200_") {
            Some(decision) => decision.rsplit_once('_').is_some_and(|(name, share)| {
                names.contains(name) && told.contains(&*format!("decision_200_NAME_{share}"))
            }),
            None => told.contains(line),
        };
        let untold: Vec<&str> = lines(BENCHMARKS).filter(|line| !is_told(line)).collect();
        assert_eq!(untold, [""; 0]);
    }
}
