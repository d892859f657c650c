//! The other side of [`super::ask`]: loads one plugin, asks each of its elements, and says what they answer, a line of
//! JSON for each as it comes, so that what breaks takes nothing along that was said before.

use super::super::{CliError, Exit, Streams};
use super::findings::{Need, Probed};
use crate::plugin;
use std::path::Path;

pub(in crate::cli) fn run(file: &Path, streams: &mut Streams<'_>) -> Result<Exit, CliError> {
    let loaded = plugin::open(file).map_err(CliError::Open)?;
    for element in &loaded.elements {
        let answer = Probed {
            element: element.name().to_string(),
            needs: element.probe()().iter().map(Need::from).collect(),
        };
        let line = serde_json::to_string(&answer).map_err(std::io::Error::from)?;
        // The plugin may have left half a line of its own.
        writeln!(streams.out, "\n{line}")?;
        streams.out.flush()?;
    }
    Ok(Exit::Fine)
}

/// What was said, whatever else stands there.
pub(super) fn read(text: &str) -> Vec<Probed> {
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_answers_are_read() {
        let line = r#"{"element":"a.b","needs":[{"what":"w","present":true,"required":false,"detail":"","mend":""}]}"#;
        let found = read(&format!(
            "hello from a plugin{line}\n\n{line}\n{{}}\n{{\"element\":1}}\n{line}"
        ));
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].element.as_str(), found[0].needs[0].what.as_str()),
            ("a.b", "w")
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,200}") {
            let _ = read(&text);
        }
    }
}
