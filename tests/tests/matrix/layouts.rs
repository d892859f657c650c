//! Plugins whose types are laid out otherwise than this pipeline's though they claim its ABI version, as an unfinished
//! change of the boundary would be. Their layouts are compared field by field before a call is made.
//!
//! Here names in the description of the layout are changed, which needs no second build. A changed size, an added field or method and
//! another type are told by the same comparison of the same description.

use crate::elf::patched;
use crate::files::refused_at_load;
use crate::scene::this_row;

#[test]
fn a_renamed_field() {
    refused_at_load(this_row!(), &patched("example", b"stricter", b"strictor"));
}

/// Two fields of the same size changed places: nothing but their names tells.
#[test]
fn two_fields_swapped() {
    refused_at_load(
        this_row!(),
        &patched("example", b"metric;target;part", b"target;metric;part"),
    );
}
