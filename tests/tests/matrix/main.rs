//! The failure matrix: what can go wrong with a plugin or with the machine, each row through the real binary.
//!
//! A row says what goes wrong, what happens then, how the run ends and the one sentence that tells it; `rows` is the table, and
//! `docs/FAILURES.md` the same for readers. What is guaranteed by each row: the other nodes run on, their figures too, and exactly
//! one line above `INFO` tells the fault. A file of this folder is a kind of failure.
#![expect(clippy::unwrap_used, reason = "tests, their helpers included, fail by panicking")]

mod calls;
mod deaths;
mod elf;
mod files;
mod hangs;
mod layouts;
mod machine;
mod odd;
mod page;
mod queues;
mod rows;
mod scene;
