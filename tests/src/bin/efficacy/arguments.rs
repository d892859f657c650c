//! The command line of the suites.

use std::ops::Range;
use std::path::PathBuf;

/// What `--help` prints.
pub const HELP: &str = "\
How right the detectors are and how much the policies help, beside simpler policies.

usage: scripts/efficacy sim     [--seeds A..B]... [--policy NAME...] [--each] [--keep DIR] [--jobs N]
       scripts/efficacy quiet10 [--hours N] [--policy NAME...] [--each] [--keep DIR] [--jobs N]
       scripts/efficacy search  [--seeds A..B]... [--jobs N]
       scripts/efficacy lab     [--policy NAME...] [--each] [--keep DIR] [--kept DIR] [--seconds N] [SCENARIO...]
       scripts/efficacy lab-search [--keep DIR] [SCENARIO...]

Each prints a table, and lines `suite policy measure value` with the interval of 95 % behind it where there is one.

  sim      simulated scenarios of three minutes, one a seed; a third of them quiet or the victim's own doing. Without
           --seeds `0..200`, on which detectors and policies were tuned, and `30000..30200`, on which nothing was tuned
  quiet10  ten simulated hours of 32 targets in which nobody disturbs anybody: each finding is a mistake
  search   for each scenario that a neighbour causes: the best that any setting of the neighbours' knobs reaches
  lab      scenarios on the emulated machine that PIPELINE_LAB boots: a real kernel, real interfaces
  lab-search  there, for `l3` and `bandwidth`: what each setting of the rival's knobs gives back and takes

  --seeds A..B      seeds from A to B - 1; seeds of 30000 and more belong to the suite `sim-unseen`
  --policy NAME...  those only: ours, throttle, none, static, cpi2, cpi2-fast, micro-container
  --each            also print each episode and finding that was not right, and a table for each kind of scenario
  --keep DIR        keep the records there, for `pipeline score` and for whoever wants to know why
  --kept DIR        judge the records of `lab` that were kept there, and boot nothing; with --keep, play what is missing
  --jobs N          runs at a time; 2 by default
  --hours N         simulated hours; 10 by default
  --seconds N       end each run on the emulated machine after so many; by default when its scenario is over
  --help            this text
";

/// What is asked for.
#[derive(Debug, PartialEq)]
pub enum Asked {
    /// The help.
    Help,
    /// Simulated scenarios.
    Sim(Wanted),
    /// Quiet hours.
    Quiet(Wanted),
    /// The best that there is.
    Search(Wanted),
    /// The emulated machine.
    Lab(Wanted),
    /// The best that there is, on the emulated machine.
    LabSearch(Wanted),
}

/// How a suite is wanted.
#[derive(Debug, PartialEq)]
pub struct Wanted {
    /// Ranges of seeds.
    pub seeds: Vec<Range<u64>>,
    /// Policies by name; all where empty.
    pub policies: Vec<String>,
    /// Scenarios by name; all where empty.
    pub scenarios: Vec<String>,
    /// Whether what was not right is printed.
    pub each: bool,
    /// Where records are kept.
    pub keep: Option<PathBuf>,
    /// Where records were kept that are only judged.
    pub kept: Option<PathBuf>,
    /// Runs at a time.
    pub jobs: usize,
    /// Simulated hours.
    pub hours: u64,
    /// How long a run on the emulated machine lasts at most, in seconds.
    pub seconds: Option<u64>,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            seeds: Vec::new(),
            policies: Vec::new(),
            scenarios: Vec::new(),
            each: false,
            keep: None,
            kept: None,
            jobs: 2,
            hours: 10,
            seconds: None,
        }
    }
}

impl Wanted {
    /// Whether a policy is wanted.
    pub fn has(&self, policy: &str) -> bool {
        self.policies.is_empty() || self.policies.iter().any(|wanted| wanted == policy)
    }
}

/// Reads the arguments.
///
/// # Errors
/// What is wrong with them.
pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut rest = arguments.peekable();
    let suite = rest.next().ok_or("no suite is named; see `--help`")?;
    let mut wanted = Wanted::default();
    while let Some(argument) = rest.next() {
        let mut value = || rest.next().ok_or_else(|| format!("`{argument}` takes a value"));
        match argument.as_str() {
            "--help" | "-h" => return Ok(Asked::Help),
            "--each" => wanted.each = true,
            "--seeds" => wanted.seeds.push(seeds(&value()?)?),
            "--keep" => wanted.keep = Some(value()?.into()),
            "--kept" => wanted.kept = Some(value()?.into()),
            "--jobs" => wanted.jobs = number(&value()?)?.max(1) as usize,
            "--hours" => wanted.hours = number(&value()?)?,
            "--seconds" => wanted.seconds = Some(number(&value()?)?),
            "--policy" => {
                while let Some(name) = rest.next_if(|next| !next.starts_with('-')) {
                    wanted.policies.push(known(name)?);
                }
            }
            option if option.starts_with('-') => return Err(format!("there is no option `{option}`; see `--help`")),
            _ => wanted.scenarios.push(argument),
        }
    }
    match suite.as_str() {
        "--help" | "-h" => Ok(Asked::Help),
        "lab" => Ok(Asked::Lab(wanted)),
        "lab-search" => Ok(Asked::LabSearch(wanted)),
        _ if !wanted.scenarios.is_empty() => Err(format!("`{}` is no option; see `--help`", wanted.scenarios[0])),
        "sim" => Ok(Asked::Sim(wanted)),
        "quiet10" => Ok(Asked::Quiet(wanted)),
        "search" => Ok(Asked::Search(wanted)),
        other => Err(format!(
            "there is no suite `{other}`; there are `sim`, `quiet10`, `search`, `lab` and `lab-search`"
        )),
    }
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let ends = text
        .split_once("..")
        .and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    ends.filter(|range: &Range<u64>| !range.is_empty())
        .ok_or_else(|| format!("`{text}` is no range of seeds; write `0..200`"))
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("`{text}` is no number"))
}

fn known(name: String) -> Result<String, String> {
    let names: Vec<&str> = crate::arm::ARMS.iter().map(|arm| arm.name).collect();
    if names.contains(&name.as_str()) {
        return Ok(name);
    }
    Err(format!(
        "there is no policy `{name}`; there are `{}`",
        names.join("`, `")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Asked, String> {
        parse(text.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn seeds_and_policies_are_lists() {
        let wanted = Wanted {
            seeds: vec![0..5, 30_000..30_002],
            policies: vec!["ours".to_owned(), "none".to_owned()],
            each: true,
            ..Wanted::default()
        };
        assert_eq!(
            parsed("sim --seeds 0..5 --policy ours none --each --seeds 30000..30002"),
            Ok(Asked::Sim(wanted))
        );
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (text, expected) in [
            ("", "no suite is named"),
            ("moon", "there is no suite `moon`"),
            ("sim --seeds 5..5", "`5..5` is no range of seeds"),
            ("sim --policy best", "there is no policy `best`"),
            ("sim l3", "`l3` is no option"),
            ("quiet10 --hours", "`--hours` takes a value"),
        ] {
            let error = parsed(text).unwrap_err();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
        assert_eq!(parsed("lab --help"), Ok(Asked::Help));
        let wanted = Wanted {
            scenarios: vec!["l3".to_owned()],
            seconds: Some(25),
            ..Wanted::default()
        };
        assert_eq!(parsed("lab l3 --seconds 25"), Ok(Asked::Lab(wanted)));
        let wanted = Wanted {
            kept: Some("runs".into()),
            ..Wanted::default()
        };
        assert_eq!(parsed("lab --kept runs"), Ok(Asked::Lab(wanted)));
        assert_eq!(parsed("--help"), Ok(Asked::Help));
    }
}
