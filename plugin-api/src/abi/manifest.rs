//! The manifest: a few `key=value` texts in an ELF section of the plugin, readable without loading it.
//!
//! Layout: each text ends in a NUL byte; the first is [`MAGIC`]. Keys: `abi`, `name`, `version`,
//! `elements` (comma-separated `name:stage`), `summary:NAME` for each element, `panic` (`unwind` or `abort`), `profile`.

/// The ELF section that holds the manifest.
pub const SECTION: &str = ".pipeline.manifest";
/// The first text of a manifest.
pub const MAGIC: &str = "pipeline-plugin";

/// A manifest as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The boundary that the plugin was built against, `major.minor`.
    pub abi: String,
    /// The crate's name.
    pub name: String,
    /// The crate's version.
    pub version: String,
    /// Element names with their stages.
    pub elements: Vec<(String, u32)>,
    /// Element names, each with its one sentence for people.
    pub summaries: Vec<(String, String)>,
    /// Whether a panic unwinds, so that it can be contained.
    pub unwinds: bool,
    /// `release` or `debug`.
    pub profile: String,
}

impl Manifest {
    /// Reads the bytes of the section. `None` if they are no manifest.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut items = text.split('\0');
        (items.next()? == MAGIC).then_some(())?;
        let fields: Vec<(&str, &str)> = items.filter_map(|item| item.split_once('=')).collect();
        let field = |key: &str| {
            fields
                .iter()
                .find(|(name, _)| *name == key)
                .map(|(_, value)| (*value).to_owned())
        };
        Some(Self {
            abi: field("abi")?,
            name: field("name")?,
            version: field("version")?,
            elements: field("elements")?
                .split(',')
                .filter(|item| !item.is_empty())
                .filter_map(element)
                .collect(),
            summaries: fields
                .iter()
                .filter_map(|(key, value)| Some((key.strip_prefix("summary:")?.to_owned(), (*value).to_owned())))
                .collect(),
            unwinds: field("panic")? == "unwind",
            profile: field("profile")?,
        })
    }
}

fn element(item: &str) -> Option<(String, u32)> {
    let (name, stage) = item.split_once(':')?;
    Some((name.to_owned(), stage.parse().ok()?))
}

/// The length of the texts put one behind the other.
pub const fn joined_len(texts: &[&str]) -> usize {
    let mut total = 0;
    let mut i = 0;
    while i < texts.len() {
        total += texts[i].len();
        i += 1;
    }
    total
}

/// The texts one behind the other, at compile time.
pub const fn joined<const N: usize>(texts: &[&str]) -> [u8; N] {
    let mut bytes = [0; N];
    let mut at = 0;
    let mut i = 0;
    while i < texts.len() {
        let text = texts[i].as_bytes();
        let mut j = 0;
        while j < text.len() {
            bytes[at] = text[j];
            at += 1;
            j += 1;
        }
        i += 1;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: &[&str] = &[
        MAGIC,
        "\0abi=0.3\0name=demo\0version=1.2.3\0elements=demo.a:1,demo.b:5,\0summary:demo.a=takes = away\0panic=unwind\0profile=release\0",
    ];

    #[test]
    fn what_the_macro_joins_is_read_back() {
        let bytes: [u8; joined_len(TEXTS)] = joined(TEXTS);
        let manifest = Manifest::parse(&bytes).unwrap();
        assert_eq!(manifest.elements, [("demo.a".to_owned(), 1), ("demo.b".to_owned(), 5)]);
        assert_eq!(
            (manifest.abi.as_str(), manifest.version.as_str(), manifest.unwinds),
            ("0.3", "1.2.3", true)
        );
        assert_eq!(manifest.summaries, [("demo.a".to_owned(), "takes = away".to_owned())]);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = Manifest::parse(&bytes);
        }
    }
}
