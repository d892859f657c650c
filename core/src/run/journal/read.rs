//! Making sense of a journal's bytes, whatever they are: what is open, and what about them is wrong.
//!
//! Pure: any bytes give an answer. A last line without an end was never acknowledged, so nothing was changed
//! for it, and it is ignored. A damaged line elsewhere is told and skipped.

use super::line::{Entry, Head, Line, VERSION};
use std::collections::BTreeMap;

/// What a journal says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Whose it is; `None` where the first line is no head.
    pub head: Option<Head>,
    /// What is not settled, by record.
    pub open: BTreeMap<u64, Entry>,
    /// Lines that make no sense, as sentences.
    pub faults: Vec<String>,
}

/// Most faults that are told of one file.
const FAULTS: usize = 20;
/// How much of a damaged line is told, in letters: it may be all that is left of an undo.
const SHOWN: usize = 300;

/// Reads a whole journal.
pub fn read(bytes: &[u8]) -> Contents {
    let mut contents = Contents::default();
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    // What follows the last end of a line is nothing, or torn.
    lines.pop();
    for (place, bytes) in lines.into_iter().enumerate() {
        contents.take(place, bytes);
        if contents.head.as_ref().is_none_or(|head| head.version != VERSION) {
            // Nothing can be said of lines whose meaning nobody knows.
            break;
        }
    }
    contents
}

impl Contents {
    fn take(&mut self, place: usize, bytes: &[u8]) {
        let number = place + 1;
        match (place, serde_json::from_slice(bytes)) {
            (0, Ok(Line::Run(head))) => self.head = Some(head),
            (0, _) => self.fault("it has no head", number, bytes),
            (_, Ok(line)) => {
                if let Err(why) = self.apply(line) {
                    self.fault(why, number, bytes);
                }
            }
            (_, Err(_)) => self.fault("the line is damaged", number, bytes),
        }
    }

    fn apply(&mut self, line: Line) -> Result<(), &'static str> {
        match line {
            Line::Run(_) => return Err("a second head"),
            Line::Undo(entry) => match self.open.entry(entry.record) {
                std::collections::btree_map::Entry::Occupied(_) => return Err("the record is there already"),
                std::collections::btree_map::Entry::Vacant(place) => drop(place.insert(entry)),
            },
            Line::Amended(record, after) => self.of(record)?.amend(&after),
            Line::Taken(record) => self.of(record)?.taken = true,
            Line::Settled(record) => drop(self.open.remove(&record)),
        }
        Ok(())
    }

    fn of(&mut self, record: u64) -> Result<&mut Entry, &'static str> {
        self.open.get_mut(&record).ok_or("there is no such record")
    }

    fn fault(&mut self, why: &str, number: usize, bytes: &[u8]) {
        if self.faults.len() < FAULTS {
            let text: String = String::from_utf8_lossy(bytes).chars().take(SHOWN).collect();
            self.faults
                .push(format!("{why}, line {number}: `{}`", text.escape_debug()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn head() -> Line {
        Line::Run(Head {
            version: VERSION,
            run: "r".into(),
            boot: "b".into(),
            ..Head::default()
        })
    }

    fn undo(record: u64) -> Line {
        Line::Undo(Entry {
            record,
            after: "1".into(),
            ..Entry::default()
        })
    }

    fn text(lines: &[Line]) -> String {
        lines.iter().map(|line| line.text().unwrap()).collect()
    }

    #[test]
    fn what_is_settled_is_not_open_and_what_is_amended_has_both_texts() {
        let lines = [head(), undo(1), undo(2), Line::Settled(1), Line::Amended(2, "5".into())];
        let contents = read(text(&lines).as_bytes());
        assert_eq!(contents.faults, [""; 0]);
        let open: Vec<_> = contents.open.values().collect();
        assert_eq!(open.len(), 1);
        assert_eq!((open[0].after.as_str(), open[0].earlier.as_deref()), ("5", Some("1")));
    }

    #[test]
    fn a_torn_last_line_is_ignored() {
        let whole = text(&[head(), undo(1), undo(2)]);
        for cut in 1..40 {
            let contents = read(&whole.as_bytes()[..whole.len() - cut]);
            assert_eq!(
                (contents.open.len(), contents.faults.len()),
                (1, 0),
                "{cut} bytes are missing"
            );
        }
    }

    #[test]
    fn a_damaged_line_is_told_and_the_rest_is_read() {
        let whole = text(&[head(), undo(1)]) + "{\"undo\":{\"rec\n" + &text(&[undo(3)]);
        let contents = read(whole.as_bytes());
        assert_eq!(contents.open.keys().copied().collect::<Vec<_>>(), [1, 3]);
        assert_eq!(contents.faults.len(), 1);
        assert!(
            contents.faults[0].starts_with("the line is damaged, line 3: "),
            "{:?}",
            contents.faults
        );
    }

    #[test]
    fn without_a_head_nothing_is_open() {
        let contents = read(text(&[undo(1)]).as_bytes());
        assert_eq!((contents.head, contents.open.len()), (None, 0));
        assert!(
            contents.faults[0].starts_with("it has no head"),
            "{:?}",
            contents.faults
        );
    }

    #[test]
    fn of_an_unknown_version_nothing_is_read_but_the_head() {
        let newer = Head {
            version: VERSION + 1,
            run: "r".into(),
            ..Head::default()
        };
        let contents = read(text(&[Line::Run(newer.clone()), undo(1)]).as_bytes());
        assert_eq!((contents.head, contents.open.len()), (Some(newer), 0));
    }

    #[test]
    fn a_file_that_is_all_damage_tells_a_bounded_number_of_faults() {
        let bytes = text(&[head()]) + &"x\n".repeat(100_000);
        assert_eq!(read(bytes.as_bytes()).faults.len(), FAULTS);
    }

    fn line() -> impl Strategy<Value = Line> {
        let entry = (1..9_u64, 0..12_u32, ".*", ".*", any::<u64>()).prop_map(|(record, kind, path, before, inode)| {
            Line::Undo(Entry {
                record,
                kind,
                path,
                before,
                inode,
                ..Entry::default()
            })
        });
        prop_oneof![
            entry,
            (1..9_u64, ".*").prop_map(|(record, after)| Line::Amended(record, after)),
            (1..9_u64).prop_map(Line::Settled),
            (1..9_u64).prop_map(Line::Taken),
        ]
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let headed = [text(&[head()]).as_bytes(), &bytes].concat();
            prop_assert!(read(&bytes).open.len() <= bytes.len());
            prop_assert!(read(&headed).head.is_some());
        }

        #[test]
        fn lines_cut_off_anywhere_never_open_what_the_whole_settled_before(
            lines in proptest::collection::vec(line(), 0..30), cut in 0..4000_usize,
        ) {
            let whole = text(&[&[head()][..], &lines].concat());
            let bytes = &whole.as_bytes()[..cut.min(whole.len())];
            let said = read(bytes);
            let whole_lines = bytes.iter().filter(|byte| **byte == b'\n').count();
            let expected = read(text(&[&[head()][..], &lines].concat()[..whole_lines]).as_bytes());
            prop_assert_eq!(said.open, expected.open);
        }

        #[test]
        fn a_line_that_is_printed_reads_as_itself(line in line()) {
            let text = line.text().unwrap();
            prop_assert_eq!(text.matches('\n').count(), 1);
            prop_assert_eq!(serde_json::from_str::<Line>(&text).unwrap(), line);
        }
    }
}
