//! The command line of `pipeline score`.

use pipeline_plugin_api::abi::Nanos;
use pipeline_plugin_api::fields;
use pipeline_plugin_api::units::Span;
use pipeline_score_measure::Rules;
use std::path::PathBuf;

/// What `--help` prints.
pub const HELP: &str = "\
How right the detectors of a run were, and how much its policy helped.

usage: pipeline score RUN... [--beside RUN] [--nodes NAME,...] [--since SPAN] [--all-victims] [--each] [-o json]

A RUN is the folder of a recorded run, or the file of a `file.jsonl` sink. Several are added up. What truly happened must
be in it, as the simulated node tells it (`truth.slowdown`, `truth.cause`, `truth.resource`); without it findings and
changes are counted and not judged.

  --beside RUN      the same scenario without a policy: its episodes are those to be found, and what is gone of its
                    slowdown, and of the others' work, is the policy's doing; with one RUN only
  --nodes NAME,...  judge the findings of these nodes only; by default those that a scheduler reads, or all where the
                    run does not tell
  --since SPAN      leave out what is before, such as the time in which baselines are learnt; `30s`
  --all-victims     also ask for the episodes of targets that are not of class `Latency`
  --each            also print each episode and each finding
  -o, --output json the same as JSON
  -h, --help        this text

Definitions stand in plugins/score/README.md. Exit status: 0 it was scored, 64 the arguments are wrong, 66 a run cannot be
read.
";

/// What is asked for.
#[derive(Debug, PartialEq)]
pub enum Asked {
    /// The help.
    Help,
    /// A score.
    Score(Box<Wanted>),
}

/// Which score.
#[derive(Debug, Default, PartialEq)]
pub struct Wanted {
    /// The runs.
    pub runs: Vec<PathBuf>,
    /// The same without a policy.
    pub beside: Option<PathBuf>,
    /// What counts.
    pub rules: Rules,
    /// Whether each episode and finding is printed.
    pub each: bool,
    /// Whether as JSON.
    pub json: bool,
}

/// Reads the arguments.
///
/// # Errors
/// What is wrong with them, as a sentence.
pub fn parse(arguments: &[String]) -> Result<Asked, String> {
    let mut wanted = Wanted::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || {
            rest.next()
                .ok_or_else(|| format!("`{argument}` takes a value; see `pipeline score --help`"))
        };
        match argument.as_str() {
            "-h" | "--help" => return Ok(Asked::Help),
            "--beside" => wanted.beside = Some(value()?.into()),
            "--nodes" => wanted.rules.nodes = value()?.split(',').map(str::to_owned).collect(),
            "--since" => wanted.rules.since = span(value()?)?,
            "--all-victims" => wanted.rules.latency_only = false,
            "--each" => wanted.each = true,
            "-o" | "--output" => wanted.json = is_json(value()?)?,
            option if option.starts_with('-') => {
                return Err(format!("there is no option `{option}`; see `pipeline score --help`"));
            }
            run => wanted.runs.push(run.into()),
        }
    }
    match (wanted.runs.len(), &wanted.beside) {
        (0, _) => Err("no run is named; `pipeline runs` lists those there are".to_owned()),
        (2.., Some(_)) => Err("`--beside` is for one run; score each pair by itself".to_owned()),
        _ => Ok(Asked::Score(Box::new(wanted))),
    }
}

fn span(text: &str) -> Result<Nanos, String> {
    let span: Result<Span, _> = fields::parse(&format!("{text:?}"));
    span.map(|span| span.nanos())
        .map_err(|_| format!("`{text}` is no span of time; write it as `30s`"))
}

fn is_json(form: &str) -> Result<bool, String> {
    match form {
        "json" => Ok(true),
        "text" => Ok(false),
        other => Err(format!("there is no output `{other}`; there are `text` and `json`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Asked, String> {
        parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn options_stand_anywhere() {
        let Ok(Asked::Score(wanted)) = parsed("--since 30s runs/a --nodes x,y --beside runs/b -o json --each") else {
            panic!("these are good arguments");
        };
        assert_eq!(wanted.runs, [PathBuf::from("runs/a")]);
        assert_eq!(wanted.beside, Some(PathBuf::from("runs/b")));
        assert_eq!(
            (wanted.rules.since, wanted.rules.nodes.len()),
            (Nanos::from_secs(30), 2)
        );
        assert!(wanted.each && wanted.json && wanted.rules.latency_only);
    }

    #[test]
    fn what_is_wrong_is_a_sentence() {
        for (text, expected) in [
            ("", "no run is named"),
            ("a b --beside c", "`--beside` is for one run"),
            ("a --beside", "`--beside` takes a value"),
            ("a --since soon", "`soon` is no span of time"),
            ("a -o xml", "there is no output `xml`"),
            ("a --fast", "there is no option `--fast`"),
        ] {
            let error = parsed(text).unwrap_err();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
        assert_eq!(parsed("a --help"), Ok(Asked::Help));
    }
}
