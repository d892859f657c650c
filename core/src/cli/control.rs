//! `pipeline control`: changes a setting of a node of a running pipeline.
//!
//! Which settings there are, and what fits them, each element says itself.

use super::args::ControlArgs;
use super::status::the_one;
use super::{CliError, Exit, Streams};
use crate::run::socket::ask::AskError;
use pipeline_plugin_api::fields;
use serde::de::IgnoredAny;
use std::path::Path;

/// Changes a setting of a run that listens in that folder.
pub(super) fn run(args: &ControlArgs, folder: &Path, streams: &mut Streams<'_>) -> Result<Exit, CliError> {
    let run = the_one(args.run.as_deref(), folder)?;
    match run.control(&args.node, &args.name, &args.value) {
        Ok(value) => {
            writeln!(streams.out, "`{}` of `{}` is {value} now", args.name, args.node)?;
            Ok(Exit::Fine)
        }
        Err(AskError::Refused(why)) => Err(CliError::NotSet(why + &quotes(&args.value))),
        Err(error) => Err(CliError::NotSet(error.to_string())),
    }
}

/// A shell takes the quotes of a text away; what is then no RON any more was likely meant as a text.
fn quotes(value: &str) -> String {
    if fields::parse::<IgnoredAny>(value).is_ok() {
        return String::new();
    }
    format!("; values are RON, and a text needs quotes that the shell leaves: `'\"{value}\"'`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_no_ron_is_told_about_quotes() {
        for good in ["\"2h\"", "Start", "0.5", "[1, 2]", "(a: 1)", "true"] {
            assert_eq!(quotes(good), "", "{good}");
        }
        assert!(quotes("2h").ends_with("`'\"2h\"'`"), "{}", quotes("2h"));
    }
}
