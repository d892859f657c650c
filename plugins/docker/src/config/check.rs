//! What is wrong with a `docker.watch` config, field by field, all at once.

use super::WatchConfig;
use crate::socket;
use pipeline_cgroup_fs::GroupPattern;
use pipeline_plugin_api::prelude::*;

impl Configure for WatchConfig {
    fn check(&self, faults: &mut Faults) {
        check_patterns("names", &self.names, faults);
        check_patterns("images", &self.images, faults);
        check_patterns("except", &self.except, faults);
        check_labels("labelled", &self.labelled, faults);
        for rule in &self.rules {
            check_patterns("rules", &rule.names, faults);
            check_patterns("rules", &rule.images, faults);
            check_labels("rules", &rule.labelled, faults);
            rule.goals.iter().for_each(|goal| goal.check("rules", faults));
        }
        let most = (1..=10_000).contains(&self.most);
        faults.require(most, "most", format!("`most` is {}", self.most), "give 1 to 10000");
        let rescan = (Span::secs(1)..=Span::secs(3600)).contains(&self.rescan);
        let message = format!("`rescan` is {}", self.rescan);
        faults.require(rescan, "rescan", message, "give `\"1s\"` to `\"1h\"`");
        if !self.socket.is_empty()
            && let Err(why) = socket::of(&self.socket)
        {
            faults.add("socket", why, "give a path such as `/var/run/docker.sock`");
        }
    }
}

fn check_patterns(field: &'static str, texts: &[String], faults: &mut Faults) {
    for text in texts.iter().filter(|text| GroupPattern::parse(text).is_err()) {
        let help = "write it like `web-*`, or for images `**/redis:*`";
        faults.add(field, format!("`{text}` is no pattern"), help);
    }
}

fn check_labels(field: &'static str, texts: &[String], faults: &mut Faults) {
    for text in texts.iter().filter(|text| text.is_empty() || text.starts_with('=')) {
        let message = format!("`{text}` names no label");
        faults.add(field, message, "write `key` or `key=value`");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::config::parse;

    #[test]
    fn every_fault_is_told_at_once_with_its_field() {
        let text = "(names: [\"\"], images: [\"a//b\"], except: [\"[\"], labelled: [\"=x\"], most: 0, rescan: \"1ms\",
            socket: \"tcp://10.0.0.1:2375\", rules: [(names: [\"..\"], labelled: [\"\"],
            goals: [(metric: \"psi.cpu.sone\", at_most: 1.0), (metric: \"cpu.time\")])])";
        let faults = parse::<WatchConfig>(text).unwrap_err();
        let said: Vec<String> = faults
            .iter()
            .map(|fault| format!("{} {}", fault.message, fault.help))
            .collect();
        for part in [
            "`` is no pattern",
            "`a//b` is no pattern",
            "`[` is no pattern",
            "`=x` names no label",
            "`most` is 0",
            "`rescan` is 1ms",
            "`tcp://10.0.0.1:2375`",
            "`..` is no pattern",
            "`` names no label",
            "did you mean `psi.cpu.some`?",
            "a goal for `cpu.time` has one bound",
        ] {
            assert!(said.iter().any(|line| line.contains(part)), "{part} in {said:#?}");
        }
        assert_eq!(faults.len(), 11, "{said:#?}");
    }

    #[test]
    fn the_default_runs() {
        assert!(parse::<WatchConfig>("").is_ok());
    }
}
