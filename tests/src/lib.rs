//! What system tests share: where the real binary is, folders to run it in, and children that are
//! never left behind. What a scenario is about stands in its test.
#![forbid(unsafe_code)]

pub mod bed;
pub mod built;
pub mod child;
pub mod decided;
pub mod held;
pub mod killed;
pub mod lab;
pub mod measured;
pub mod need;
pub mod record;
