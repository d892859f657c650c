//! The parts of targets that have a number and no name of their own, from their text.

use pipeline_plugin_api::abi::Part;

/// How the whole of a target is told.
pub const WHOLE: &str = "whole";

/// The part of that text, unless it is one whose name the host interns.
pub fn part_named(text: &str) -> Option<Part> {
    if text.is_empty() || text == WHOLE {
        return Some(Part::WHOLE);
    }
    let (kind, index) = text.split_once('/')?;
    let index = index.parse().ok()?;
    let part = match kind {
        "cpu" => Part::cpu(index),
        "l3" => Part::l3(index),
        "node" => Part::node(index),
        "bucket" => Part::bucket(index),
        _ => return None,
    };
    (part.text().as_deref() == Some(text)).then_some(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_found_by_its_text_and_nothing_else_is() {
        for part in [
            Part::WHOLE,
            Part::cpu(3),
            Part::l3(0),
            Part::node(1),
            Part::bucket(70_000),
        ] {
            assert_eq!(part_named(&part.text().unwrap()), Some(part));
        }
        assert_eq!(part_named(WHOLE), Some(Part::WHOLE));
        for text in ["dev/8:0", "cpu/", "cpu/03", "cpu/99999999999", "bucket"] {
            assert_eq!(part_named(text), None, "{text}");
        }
    }
}
