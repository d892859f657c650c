//! The command line of the driver.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What `--help` prints.
pub const HELP: &str = "\
Kills `pipeline run` at random moments while it turns knobs, and sees that the host is as it was found.

usage: scripts/chaos kill [N] [--guardian] [--seed S] [--within MS] [--shared]

  N           how many rounds; 200, with --guardian 50
  --guardian  the guardian is killed too, before or after; then `pipeline restore` is to put all back
  --seed S    repeats a series, or with N = 1 the round that told this seed
  --within MS the longest that it may take; 1000
  --shared    others make groups on this host meanwhile: look only at what bears this run's name, and at
              the knobs of groups and the tasks that the driver made itself
  --help      this text

Needs root and control groups. Prints what was as found, how long that took from the kill (p50, max), and
how often each knob was turned. Exit status 0 if the host was as found in time in every round.
";

/// Rounds where none are said.
const ROUNDS: u64 = 200;
const ROUNDS_WITH_GUARDIAN: u64 = 50;
const WITHIN: Duration = Duration::from_secs(1);

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// Print the help.
    Help,
    /// Kill.
    Run(Series),
}

/// A series of rounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// How many.
    pub rounds: u64,
    /// What chance begins with.
    pub seed: u64,
    /// The guardian is killed as well.
    pub guardian: bool,
    /// Others make groups meanwhile.
    pub shared: bool,
    /// The longest that it may take until all is as found.
    pub within: Duration,
}

/// Reads the arguments.
///
/// # Errors
/// An option that there is not, or a number that is none.
pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut arguments = arguments;
    let (mut rounds, mut seed, mut guardian, mut shared) = (None, None, false, false);
    let mut within = WITHIN;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--help" | "-h" => return Ok(Asked::Help),
            "--guardian" => guardian = true,
            "--shared" => shared = true,
            "--seed" => seed = Some(number(&arguments.next().unwrap_or_default())?),
            "--within" => within = Duration::from_millis(number(&arguments.next().unwrap_or_default())?),
            option if option.starts_with('-') => return Err(format!("there is no option `{option}`; see `--help`")),
            text => rounds = Some(number(text)?),
        }
    }
    Ok(Asked::Run(Series {
        rounds: rounds.unwrap_or(if guardian { ROUNDS_WITH_GUARDIAN } else { ROUNDS }),
        seed: seed.unwrap_or_else(any_seed),
        guardian,
        shared,
        within,
    }))
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("`{text}` is no number; see `--help`"))
}

fn any_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Asked, String> {
        parse(text.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn the_number_of_rounds_depends_on_what_is_killed() {
        let rounds = |text: &str| match parsed(text) {
            Ok(Asked::Run(series)) => series.rounds,
            other => panic!("{other:?}"),
        };
        assert_eq!((rounds(""), rounds("--guardian"), rounds("7 --guardian")), (200, 50, 7));
    }

    #[test]
    fn a_seed_repeats_and_nonsense_is_told() {
        let series = Series {
            rounds: 1,
            seed: 5,
            guardian: false,
            shared: true,
            within: WITHIN,
        };
        assert_eq!(parsed("--shared 1 --seed 5"), Ok(Asked::Run(series)));
        assert!(parsed("--seed").unwrap_err().contains("no number"));
        assert!(parsed("--sed 5").unwrap_err().contains("--sed"));
    }
}
