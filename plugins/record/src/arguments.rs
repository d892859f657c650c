//! The arguments of a command: options with or without a value, and the rest.

use pipeline_plugin_api::config::nearest_help;
use pipeline_plugin_api::prelude::*;

/// Arguments, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// What is no option, in order.
    pub rest: Vec<String>,
    values: Vec<(&'static str, String)>,
}

/// What options a command has: each with its short form, or the empty text, and whether a value follows.
pub type Options = &'static [(&'static str, &'static str, bool)];

impl Arguments {
    /// Takes arguments apart. `--name=value` and `--name value` are the same.
    ///
    /// # Errors
    /// There is no such option, or its value is missing; the sentence says so.
    pub fn parse(options: Options, arguments: &[String]) -> Result<Self> {
        let mut all = Self::default();
        let mut left = arguments.iter();
        while let Some(argument) = left.next() {
            if !argument.starts_with('-') || argument == "-" {
                all.rest.push(argument.clone());
                continue;
            }
            let (name, given) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (argument.as_str(), None),
            };
            let Some((long, _, has_value)) = options.iter().find(|(long, short, _)| *long == name || *short == name)
            else {
                let help = nearest_help(name, options.iter().map(|(long, ..)| *long));
                return Err(Failure::fatal(format!("there is no option `{name}`; {help}")));
            };
            let value = match (has_value, given) {
                (true, Some(value)) => value,
                (true, None) => match left.next() {
                    Some(value) => value.clone(),
                    None => return Err(Failure::fatal(format!("`{long}` lacks its value"))),
                },
                (false, None) => String::new(),
                (false, Some(_)) => return Err(Failure::fatal(format!("`{long}` takes no value"))),
            };
            all.values.push((long, value));
        }
        Ok(all)
    }

    /// Whether an option was given.
    pub fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// The last value of an option.
    pub fn value<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).last()
    }

    /// All values of an option, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.values
            .iter()
            .filter(move |(one, _)| *one == name)
            .map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: Options = &[("--graph", "", true), ("--output", "-o", true), ("--force", "", false)];

    fn parse(text: &str) -> Result<Arguments> {
        let arguments: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        Arguments::parse(OPTIONS, &arguments)
    }

    #[test]
    fn options_stand_anywhere() {
        let parsed = parse("a -o json --graph=x.ron b --force").unwrap();
        assert_eq!(parsed.rest, ["a", "b"]);
        assert_eq!(
            (parsed.value("--output"), parsed.value("--graph")),
            (Some("json"), Some("x.ron"))
        );
        assert!(parsed.has("--force"));
    }

    #[test]
    fn what_is_no_option_is_told_with_the_nearest() {
        assert!(
            parse("--grap x")
                .unwrap_err()
                .message
                .contains("did you mean `--graph`?")
        );
        assert!(parse("--graph").unwrap_err().message.contains("lacks its value"));
        assert!(parse("--force=1").unwrap_err().message.contains("takes no value"));
    }
}
