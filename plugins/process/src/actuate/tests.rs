//! Real processes with threads and children that come while they are held, paused and ended.

mod command;
mod end;
mod others;
mod pause;
mod pin;
mod program;
mod spared;
mod stand;
