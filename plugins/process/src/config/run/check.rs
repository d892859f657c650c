//! What is wrong with a `process.run` config, field by field, all at once.

use super::{Output, Ready, RunConfig};
use crate::target::recipe;
use pipeline_plugin_api::prelude::*;

impl Configure for RunConfig {
    fn check(&self, faults: &mut Faults) {
        self.check_command(faults);
        self.check_place(faults);
        self.check_times(faults);
        self.goals.iter().for_each(|goal| goal.check("goals", faults));
    }
}

impl RunConfig {
    fn check_command(&self, faults: &mut Faults) {
        if let Err(error) = recipe::argv(self).and_then(|argv| recipe::find(self, &argv[0])) {
            faults.add("command", error.to_string(), error.help());
        }
        let wrong = self
            .env
            .keys()
            .find(|name| name.is_empty() || name.contains(['=', '\0']));
        if let Some(name) = wrong {
            let message = format!("`{name}` is no name of a variable");
            faults.add("env", message, "write `env: {\"NAME\": \"value\"}`");
        }
        if self.args.iter().any(|arg| arg.contains('\0')) {
            faults.add(
                "args",
                "an argument holds a NUL byte",
                "remove it; no command can be given one",
            );
        }
        for (field, output) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            let Output::File(path) = output else { continue };
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
                faults.add(
                    field,
                    format!("there is no folder `{}`", folder.display()),
                    "make it first",
                );
            }
        }
    }

    fn check_place(&self, faults: &mut Faults) {
        if let Some(folder) = self.folder.as_ref().filter(|folder| !folder.is_dir()) {
            faults.add(
                "folder",
                format!("there is no folder `{}`", folder.display()),
                "make it, or name another",
            );
        }
        if let Err(error) = recipe::identity(self) {
            faults.add("user", error.to_string(), error.help());
        }
        if let Err(error) = recipe::cpus(self) {
            faults.add("cpus", error.to_string(), error.help());
        }
    }

    fn check_times(&self, faults: &mut Faults) {
        if let Some(fault) = self.window().fault() {
            let never = self.every == Some(Span::default());
            let field = if self.stop.is_some() && !never { "stop" } else { "every" };
            faults.add(
                field,
                fault,
                "let `start` be before `stop`, and `stop` not after `every`",
            );
        }
        between(faults, "backoff", self.backoff, Span::millis(1), Span::secs(10));
        between(
            faults,
            "ready_timeout",
            self.ready_timeout,
            Span::millis(10),
            Span::secs(3600),
        );
        between(
            faults,
            "stop_timeout",
            self.stop_timeout,
            Span::default(),
            Span::secs(600),
        );
        let too_often = format!("`restarts` is {}", self.restarts);
        faults.require(self.restarts <= 1000, "restarts", too_often, "give 0 to 1000");
        if self.ready == Some(Ready::Port(0)) {
            faults.add(
                "ready",
                "nothing accepts connections on port 0",
                "give the command's port, 1 to 65535",
            );
        }
    }
}

fn between(faults: &mut Faults, field: &'static str, value: Span, least: Span, most: Span) {
    let good = (least..=most).contains(&value);
    faults.require(
        good,
        field,
        format!("`{field}` is {value}"),
        format!("give {least} to {most}"),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::config;

    /// The messages and helps of all faults.
    fn faults(text: &str) -> Vec<String> {
        let found = config::parse::<RunConfig>(text).unwrap_err();
        found
            .iter()
            .map(|fault| format!("{}:{}: {}; {}", fault.line, fault.column, fault.message, fault.help))
            .collect()
    }

    #[test]
    fn the_default_has_no_fault_and_its_sample_is_itself() {
        let sample = config::sample::<RunConfig>();
        assert_eq!(config::parse::<RunConfig>(&sample).unwrap(), RunConfig::default());
    }

    #[test]
    fn a_command_that_is_not_installed_is_told_with_its_remedy() {
        let told = faults("(command: \"no-such-command-here --port 1\")");
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].starts_with("1:11: there is no command `no-such-command-here`"),
            "{told:?}"
        );
        assert!(told[0].contains("install it or give an absolute path"), "{told:?}");
    }

    #[test]
    fn a_command_with_an_open_quote_or_without_a_word_is_refused() {
        assert!(faults("(command: \"sh -c 'x\")")[0].contains("quote"));
        assert!(faults("(command: \" \")")[0].contains("no word"));
        assert!(faults("(command: \"-x\")")[0].contains("begins with `-`"));
    }

    #[test]
    fn a_file_that_is_not_executable_is_told_apart_from_a_missing_one() {
        assert!(faults("(command: \"/etc/passwd\")")[0].contains("cannot be executed"));
        assert!(faults("(command: \"/etc/passwd/x\")")[0].contains("there is no command"));
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let told = faults(
            "(user: \"no-such-user\", cpus: \"0,9999\", start: \"5s\", stop: \"4s\", backoff: \"0s\", folder: \"/nowhere\",
             goals: [(metric: \"kpi.latency.p9\", at_most: 1.0), (metric: \"kpi.rate\")], ready: Port(0))",
        );
        let expected = [
            "no-such-user",
            "9999",
            "begins at 5s",
            "backoff",
            "/nowhere",
            "kpi.latency.p99",
            "kpi.rate",
            "port 0",
        ];
        for text in expected {
            assert!(
                told.iter().any(|fault| fault.contains(text)),
                "{text} is not in {told:#?}"
            );
        }
        assert_eq!(told.len(), expected.len(), "{told:#?}");
    }

    #[test]
    fn a_whole_config_is_read() {
        let text = "(command: \"sleep 1\", cpus: \"0\", class: BestEffort, ready: Port(7777), stdout: File(\"/tmp/x\"),
            goals: [(metric: \"kpi.rate\", at_least: 100.0)], env: {\"A\": \"b\"}, restart: OnFailure, stop_signal: Int)";
        let config = config::parse::<RunConfig>(text).unwrap();
        assert_eq!(config.ready, Some(Ready::Port(7777)));
        assert_eq!(config.goals[0].at_least, Some(100.0));
    }
}
