//! The best that any setting of the culprits' knobs reaches in a scenario, as `efficacy search` found it once. The table is
//! kept in `plugins/score/search`, and made anew by `scripts/efficacy search > plugins/score/search/sim.tsv`.

use crate::Ended;
use std::collections::BTreeMap;
use system_tests::built;

/// Where the table lies.
const TABLE: &str = "plugins/score/search/sim.tsv";

/// What is recovered at best, by seed.
///
/// # Errors
/// The table is not there or a line of it cannot be read.
pub fn table() -> Ended<BTreeMap<u64, f64>> {
    let path = built::repository().join(TABLE);
    let text = std::fs::read_to_string(&path).map_err(|error| format!("`{}`: {error}", path.display()))?;
    Ok(parse(&text).ok_or_else(|| format!("`{}` is no table of `efficacy search`", path.display()))?)
}

fn parse(text: &str) -> Option<BTreeMap<u64, f64>> {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next()?.split('\t').collect();
    let place = |wanted: &str| names.iter().position(|name| *name == wanted);
    let (seed, recovered) = (place("seed")?, place("recovered")?);
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            Some((cells.get(seed)?.parse().ok()?, cells.get(recovered)?.parse().ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_that_is_kept_can_be_read() {
        let table = table().unwrap();
        assert!(table.len() > 20, "{} seeds", table.len());
        assert!(
            table.values().all(|recovered| (0.0..=1.0).contains(recovered)),
            "{table:?}"
        );
    }

    #[test]
    fn a_line_that_is_cut_is_no_table() {
        assert_eq!(
            parse("seed\trecovered\n1\t0.5\n").unwrap()[&1].to_bits(),
            0.5_f64.to_bits()
        );
        assert!(parse("seed\trecovered\n1\n").is_none() && parse("").is_none());
    }
}
