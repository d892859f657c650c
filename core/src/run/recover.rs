//! Undoing what dead runs left: by the next run before it loads anything, and by the guardian of the one that died.

use super::clock::pause;
use super::journal::Entry;
use super::journal::dead::{Dead, Found, Left, find, journals};
use super::log::Logger;
use super::undo::{Patience, told};
use pipeline_plugin_api::abi::Level;
use std::path::Path;
use std::time::Duration;

/// How long to wait for somebody who is at work on the journal of a dead run: 2 s in all.
const LOOKS: u32 = 400;
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Looks at a journal as [`find`] does, but waits for whoever is at work on that of a dead run, 2 s at most.
pub fn patiently(path: &Path) -> Found {
    let mut found = find(path);
    for _ in 0..LOOKS {
        match &found {
            Found::Held(holder) if !holder.lives => pause(LOOK_AGAIN),
            _ => return found,
        }
        found = find(path);
    }
    found
}

/// Undoes what every dead run of that folder left, and tells it. A dry run only tells.
pub fn all(folder: &Path, logger: &Logger, dry_run: bool) {
    let paths = match journals(folder) {
        Ok(paths) => paths,
        Err(why) => {
            let why = format!("{why}; whether a dead run left something cannot be seen");
            return logger.log(Level::WARN, "run", &why, &[]);
        }
    };
    for path in paths {
        match patiently(&path) {
            Found::Nothing => {}
            Found::Held(holder) if holder.lives => {}
            Found::Held(holder) => {
                let why = "somebody has been putting back for 2 s what this run left, and still is";
                logger.log(Level::WARN, "run", why, &[("id", &holder.run)]);
            }
            Found::Strange(why) => logger.log(Level::WARN, "run", &why, &[]),
            Found::Dead(dead) => one(dead, logger, dry_run),
        }
    }
}

fn one(mut dead: Dead, logger: &Logger, dry_run: bool) {
    let run = dead.run().to_owned();
    let say = |level: Level, sentence: &str| logger.log(level, "run", sentence, &[("id", &run)]);
    if dead.is_of_another_boot() {
        if dry_run {
            return;
        }
        say(Level::INFO, OTHER_BOOT);
        return dead.remove();
    }
    // What somebody else took was told when it was found so.
    let open = dead.open().filter(|entry| !entry.taken).count();
    if dry_run {
        if open > 0 {
            say(
                Level::WARN,
                "died and left changes, and this is a dry run: put them back with `pipeline restore`",
            );
        }
        return;
    }
    if open > 0 {
        say(
            Level::WARN,
            &format!("died (process {}); what it changed is put back", dead.pid()),
        );
    }
    undo(&mut dead, logger, |_| true);
    let left = dead.finish();
    if open > 0 {
        conclude(left, logger);
    }
}

/// What is said of a journal that the machine's last boot left.
pub const OTHER_BOOT: &str =
    "ran before this machine was booted, and what it changed died with that; nothing is undone, its journal is removed";

/// Undoes what is wanted of a dead run, and tells it as the run itself would.
pub fn undo(dead: &mut Dead, logger: &Logger, wanted: impl Fn(&Entry) -> bool) {
    dead.take_faults()
        .for_each(|fault| logger.log(Level::ERROR, "run", &fault, &[]));
    dead.undo(false, wanted, |report| {
        told(report, logger, Patience::Wait);
    });
}

/// The last sentence, after all others.
pub fn conclude(left: Left, logger: &Logger) {
    if left.failed == 0 {
        logger.log(Level::INFO, "run", "the host is as it was found", &[]);
    } else {
        let why = "THE HOST IS LEFT CHANGED, see above; mend that and run `pipeline restore`";
        logger.log(Level::ERROR, "run", why, &[]);
    }
}
