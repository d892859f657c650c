//! What is wrong with a `cgroup.watch` config, field by field, all at once.

use super::WatchConfig;
use pipeline_cgroup_fs::GroupPattern;
use pipeline_plugin_api::prelude::*;

const PATTERN: &str = "write it like `/kubepods.slice/**/cri-containerd-*.scope`";

impl Configure for WatchConfig {
    fn check(&self, faults: &mut Faults) {
        let some = !self.groups.is_empty();
        faults.require(
            some,
            "groups",
            "nothing is watched",
            "name a pattern such as `/docker/*`",
        );
        self.groups
            .iter()
            .for_each(|text| check_pattern("groups", text, faults));
        self.except
            .iter()
            .for_each(|text| check_pattern("except", text, faults));
        for rule in &self.rules {
            check_pattern("rules", &rule.groups, faults);
            rule.goals.iter().for_each(|goal| goal.check("rules", faults));
        }
        let depth = (1..=64).contains(&self.min_depth);
        faults.require(
            depth,
            "min_depth",
            format!("`min_depth` is {}", self.min_depth),
            "give 1 to 64",
        );
        let most = (1..=100_000).contains(&self.most);
        faults.require(most, "most", format!("`most` is {}", self.most), "give 1 to 100000");
        let rescan = (Span::millis(10)..=Span::secs(3600)).contains(&self.rescan);
        faults.require(
            rescan,
            "rescan",
            format!("`rescan` is {}", self.rescan),
            "give `\"10ms\"` to `\"1h\"`",
        );
    }
}

fn check_pattern(field: &'static str, text: &str, faults: &mut Faults) {
    if GroupPattern::parse(text).is_err() {
        faults.add(field, format!("`{text}` is no pattern for groups"), PATTERN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::config::parse;

    #[test]
    fn every_fault_is_told_at_once_with_its_field() {
        let text = "(groups: [\"a//b\"], except: [\"..\"], min_depth: 0, most: 0, rescan: \"1ms\",
            rules: [(groups: \"[\", goals: [(metric: \"psi.cpu.sone\", at_most: 1.0), (metric: \"cpu.time\")])])";
        let faults = parse::<WatchConfig>(text).unwrap_err();
        let said: Vec<String> = faults
            .iter()
            .map(|fault| format!("{} {}", fault.message, fault.help))
            .collect();
        for part in [
            "`a//b` is no pattern",
            "`..` is no pattern",
            "`[` is no pattern",
            "`min_depth` is 0",
            "`most` is 0",
            "`rescan` is 1ms",
            "did you mean `psi.cpu.some`?",
            "a goal for `cpu.time` has one bound",
        ] {
            assert!(said.iter().any(|line| line.contains(part)), "{part} in {said:#?}");
        }
        assert_eq!(faults.len(), 8, "{said:#?}");
    }

    #[test]
    fn nothing_to_watch_is_a_fault() {
        assert_eq!(parse::<WatchConfig>("(groups: [])").unwrap_err().len(), 1);
        assert!(parse::<WatchConfig>("").is_ok());
    }
}
