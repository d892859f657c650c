//! The table of `efficacy lab-search`: how it is written, and what of it a policy is measured by. The one that is kept is
//! `docs/efficacy-lab-search.tsv`.

use super::setting::Setting;
use crate::Ended;
use std::collections::BTreeMap;
use std::fmt::Write;
use system_tests::built;

/// Where the table lies.
const TABLE: &str = "docs/efficacy-lab-search.tsv";

/// What stands above the table of those scenarios.
pub fn head(scenarios: &[String]) -> String {
    format!(
        "\
# What each setting of a rival's knobs gives back to the victim, on the emulated machine: `alone` is the rival standing still,
# `beside` running free. Ways are those that each may fill, of 11; bandwidth a share; the quota in CPUs. Medians of eight counts of half a
# second. Made by `scripts/efficacy lab-search {} > {TABLE}`; the machine is one socket with 11 MiB of cache,
# for `l3` with three cores of two threads, for `bandwidth` with five. A policy is measured by the most that a `setting` recovers.
scenario\twhat\tvictim_ways\trival_ways\tbandwidth\tcpus\tquota\tvictim_ipc\tslowdown\trecovered\tbatch_paid
",
        scenarios.join(" ")
    )
}

/// What a row is for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The victim alone.
    Alone,
    /// The victim beside the rival.
    Beside,
    /// Something that a policy could do.
    Setting,
}

impl What {
    fn word(self) -> &'static str {
        match self {
            Self::Alone => "alone",
            Self::Beside => "beside",
            Self::Setting => "setting",
        }
    }
}

/// What a setting came to.
#[derive(Copy, Clone, Debug)]
pub struct Row {
    /// Which.
    pub setting: Setting,
    /// The victim's instructions per cycle.
    pub victim_ipc: f64,
    /// How many times slower than alone.
    pub slowdown: f64,
    /// The share of the slowdown beside the rival that is gone.
    pub recovered: f64,
    /// The share of its instructions that the rival lost.
    pub paid: f64,
}

/// The lines of a scenario.
pub fn print(scenario: &str, rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        let Setting {
            victim_ways,
            rival_ways,
            bandwidth,
            cpus,
            quota,
            ..
        } = row.setting;
        let _ = writeln!(
            text,
            "{scenario}\t{}\t{victim_ways}\t{rival_ways}\t{:.1}\t{}\t{}\t{:.4}\t{:.3}\t{:.4}\t{:.4}",
            row.setting.what().word(),
            f64::from(bandwidth) / 100.0,
            cpus.unwrap_or("own"),
            quota.map_or(f64::INFINITY, |thousandths| f64::from(thousandths) / 1000.0),
            row.victim_ipc,
            row.slowdown,
            row.recovered,
            row.paid,
        );
    }
    text
}

/// The most that a setting recovers, by scenario, as the table says that is kept.
///
/// # Errors
/// The table is not there or a line of it cannot be read.
pub fn best() -> Ended<BTreeMap<String, f64>> {
    let path = built::repository().join(TABLE);
    let text = std::fs::read_to_string(&path).map_err(|error| format!("`{}`: {error}", path.display()))?;
    Ok(parse(&text).ok_or_else(|| format!("`{}` is no table of `efficacy lab-search`", path.display()))?)
}

fn parse(text: &str) -> Option<BTreeMap<String, f64>> {
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let names: Vec<&str> = lines.next()?.split('\t').collect();
    let place = |wanted: &str| names.iter().position(|name| *name == wanted);
    let (scenario, what, recovered) = (place("scenario")?, place("what")?, place("recovered")?);
    let mut best = BTreeMap::new();
    for line in lines {
        let cells: Vec<&str> = line.split('\t').collect();
        let value: f64 = cells.get(recovered)?.parse().ok()?;
        if *cells.get(what)? == What::Setting.word() {
            let most: &mut f64 = best.entry((*cells.get(scenario)?).to_owned()).or_insert(value);
            *most = most.max(value);
        }
    }
    Some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_that_is_kept_tells_of_the_cache() {
        let best = best().unwrap();
        assert!((0.5..=1.0).contains(&best["l3"]), "{best:?}");
    }

    #[test]
    fn the_best_is_of_settings_and_not_of_what_they_are_measured_by() {
        let row = |setting, recovered| Row {
            setting,
            victim_ipc: 0.5,
            slowdown: 2.0,
            recovered,
            paid: 0.1,
        };
        let setting = Setting {
            bandwidth: 10,
            ..Setting::BESIDE
        };
        let rows = [
            row(Setting::ALONE, 1.0),
            row(Setting::BESIDE, 0.0),
            row(setting, 0.7),
            row(setting, 0.6),
        ];
        let best = parse(&(head(&["l3".to_owned()]) + &print("l3", &rows))).unwrap();
        assert_eq!(best, BTreeMap::from([("l3".to_owned(), 0.7)]));
        assert!(parse("scenario\twhat\n").is_none() && parse("").is_none());
    }
}
