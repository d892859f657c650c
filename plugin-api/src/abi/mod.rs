//! Everything that crosses the boundary between the host and a plugin, and nothing else.
//!
//! The rules that let this layer grow, held by `tests/growth.rs`:
//! - no Rust `enum` crosses: kinds, classes, qualities and fates are transparent integers with
//!   named constants, and a value that the reader does not know is legal;
//! - plain structs ([`Reading`], [`Finding`], …) are closed: what may come later goes into their
//!   `spare` list of (id, bytes);
//! - descriptors ([`ElementDescriptor`], [`PluginModule`]) are prefix types and grow at the end;
//! - both sides answer `extension`, so a new conversation needs no new method.
//!
//! Authors of plugins use the typed traits in [`crate::stage`]; only the loader and the macro
//! [`crate::export_plugin!`] talk to this module directly.
#![expect(
    missing_docs,
    non_local_definitions,
    unused_qualifications,
    reason = "what the derive and trait macros of abi_stable generate; and fields that their struct's docs explain"
)]

mod command;
mod descriptor;
mod export;
mod guard;
mod host;
mod integers;
mod manifest;
mod node;
mod part;
mod tap;
mod values;
mod wait;

pub use command::*;
pub use descriptor::*;
pub use export::*;
pub use guard::*;
pub use host::*;
pub use integers::*;
pub use manifest::*;
pub use node::*;
pub use tap::*;
pub use values::*;
pub use wait::*;

/// The version of this boundary, `major.minor`. While major is 0 both sides must agree exactly.
pub const ABI_VERSION: &str = "0.3";
