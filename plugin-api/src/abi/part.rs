//! How the part of a target is packed into one number and read again. Names of those that have one are the host's to know.

use super::values::Part;

impl Part {
    /// All of the target.
    pub const WHOLE: Self = Self(0);
    const INDEX_BITS: u32 = 24;
    const CPU: u32 = 1;
    const L3: u32 = 2;
    const NODE: u32 = 3;
    const BUCKET: u32 = 4;
    const NAMED: u32 = 0xff;

    const fn of(kind: u32, index: u32) -> Self {
        Self(kind << Self::INDEX_BITS | (index & ((1 << Self::INDEX_BITS) - 1)))
    }

    /// One logical CPU.
    pub const fn cpu(index: u32) -> Self {
        Self::of(Self::CPU, index)
    }

    /// One last-level cache domain, by its cache id.
    pub const fn l3(id: u32) -> Self {
        Self::of(Self::L3, id)
    }

    /// One NUMA node.
    pub const fn node(index: u32) -> Self {
        Self::of(Self::NODE, index)
    }

    /// One bucket of a histogram, see [`crate::histogram`].
    pub const fn bucket(index: u32) -> Self {
        Self::of(Self::BUCKET, index)
    }

    /// A part whose name the host interned under that index.
    pub const fn named(index: u32) -> Self {
        Self::of(Self::NAMED, index)
    }

    /// Which one of its kind.
    pub const fn index(self) -> u32 {
        self.0 & ((1 << Self::INDEX_BITS) - 1)
    }

    /// The index of a name that the host interned, for parts that have one.
    pub const fn name_index(self) -> Option<u32> {
        if self.0 >> Self::INDEX_BITS == Self::NAMED {
            Some(self.index())
        } else {
            None
        }
    }

    /// The bucket's index, for parts that are one.
    pub const fn bucket_index(self) -> Option<u32> {
        if self.0 >> Self::INDEX_BITS == Self::BUCKET {
            Some(self.index())
        } else {
            None
        }
    }

    /// The CPU's number, for parts that are one.
    pub const fn cpu_index(self) -> Option<u32> {
        if self.0 >> Self::INDEX_BITS == Self::CPU {
            Some(self.index())
        } else {
            None
        }
    }

    /// The text of parts that need no interned name: `""` for the whole, `cpu/3`, `l3/0`, ….
    pub fn text(self) -> Option<String> {
        let index = self.index();
        match self.0 >> Self::INDEX_BITS {
            0 => Some(String::new()),
            Self::CPU => Some(format!("cpu/{index}")),
            Self::L3 => Some(format!("l3/{index}")),
            Self::NODE => Some(format!("node/{index}")),
            Self::BUCKET => Some(format!("bucket/{index}")),
            _ => None,
        }
    }

    /// The part of that [`Part::text`]; none where the text is a name for the host to intern.
    pub fn numbered(text: &str) -> Option<Self> {
        let part = match text.split_once('/') {
            None => Self::WHOLE,
            Some((kind, index)) => {
                let index = index.parse().ok()?;
                match kind {
                    "cpu" => Self::cpu(index),
                    "l3" => Self::l3(index),
                    "node" => Self::node(index),
                    "bucket" => Self::bucket(index),
                    _ => return None,
                }
            }
        };
        (part.text().as_deref() == Some(text)).then_some(part)
    }
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
            assert_eq!(Part::numbered(&part.text().unwrap()), Some(part));
        }
        for text in ["dev/8:0", "cpu/", "cpu/03", "cpu/16777216", "cpu/99999999999", "bucket"] {
            assert_eq!(Part::numbered(text), None, "{text}");
        }
    }

    #[test]
    fn parts_keep_their_kind_and_index() {
        assert_eq!(Part::cpu(3).text().as_deref(), Some("cpu/3"));
        assert_eq!(Part::bucket(70_000).bucket_index(), Some(70_000));
        assert_eq!(Part::cpu(7).bucket_index(), None);
        assert_eq!(Part::named(4).text(), None);
    }
}
