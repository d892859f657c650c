//! The parts of targets that have a number and no name of their own, from their text.

use pipeline_plugin_api::abi::Part;

/// How the whole of a target is told.
pub const WHOLE: &str = "whole";

/// The part of that text, unless it is one whose name the host interns.
pub fn part_named(text: &str) -> Option<Part> {
    match text {
        WHOLE => Some(Part::WHOLE),
        text => Part::numbered(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_has_two_names_and_what_has_no_number_is_left_to_the_host() {
        assert_eq!(
            (part_named(WHOLE), part_named("")),
            (Some(Part::WHOLE), Some(Part::WHOLE))
        );
        assert_eq!((part_named("cpu/3"), part_named("dev/8:0")), (Some(Part::cpu(3)), None));
    }
}
