//! The resctrl filesystem as the kernel shows it: what the hardware can divide, which groups there are, who is in them,
//! and what they use.
//!
//! This crate is the one place that knows how those files are spelled. Deliberately not here: which group a workload
//! belongs to, how ways are shared out, undo, clocks and schedules.
//!
//! | question | answer |
//! |---|---|
//! | is it mounted, and what can be divided? | [`Resctrl::open`], [`mount()`], [`Info`] |
//! | which groups are there? | [`Resctrl::control_groups`], [`Group::monitors`] |
//! | what may a group use? | [`Group::schemata`], [`Group::set`] |
//! | who is in it? | [`Group::tasks`], [`Group::gather`], [`Resctrl::membership`] |
//! | what does it use? | [`Group::counters`] |
//! | nobody else decides meanwhile | [`Resctrl::try_lock`] |
//!
//! All file operations go through [`Files`], so that tests can have errors that hardware rarely gives. Facts are those
//! of `Documentation/filesystems/resctrl.rst`.
#![forbid(unsafe_code)]

mod counters;
mod error;
mod files;
mod group;
mod info;
mod mask;
mod membership;
mod mount;
mod resctrl;
mod schemata;
mod tasks;
#[cfg(feature = "testing")]
pub mod testing;

pub use counters::{Counter, Counters, DomainCounters};
pub use error::Error;
pub use files::{Files, Kernel, Lock};
pub use group::Group;
pub use info::{BandwidthControl, BandwidthUnit, CacheControl, Info, Monitoring};
pub use mask::Mask;
pub use membership::Membership;
pub use mount::{OWN_FOLDERS, TYPE, mount};
pub use resctrl::{MOUNT_POINT, Resctrl};
pub use schemata::{Line, Resource, Schemata, SchemataError};
pub use tasks::Gathered;
