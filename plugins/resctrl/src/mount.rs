//! Mounting the filesystem where the config asks for it and it is not mounted. How it is unmounted is in the journal before,
//! and done by the host at the end of the run: another node may use it until then.

use pipeline_plugin_api::prelude::*;
use pipeline_resctrl_fs::{Error, OWN_FOLDERS, Resctrl, TYPE, mount};
use std::path::Path;

/// Opens what is mounted there, having mounted it where that is wanted.
///
/// # Errors
/// The sentence says why nothing can be opened.
pub fn opened(
    open: impl Fn(&str) -> std::result::Result<Resctrl, Error>,
    mount_point: &str,
    wanted: bool,
    system: &System,
) -> std::result::Result<Resctrl, String> {
    match open(mount_point) {
        Err(Error::NotMounted { .. }) if wanted && !system.dry_run() => {
            mounted(mount_point, system)?;
            open(mount_point).map_err(|error| error.sentence())
        }
        opened => opened.map_err(|error| error.sentence()),
    }
}

fn mounted(mount_point: &str, system: &System) -> std::result::Result<(), String> {
    let undo = Undo {
        kind: UndoKind::UNMOUNT,
        path: mount_point.into(),
        before: TYPE.into(),
        after: OWN_FOLDERS.join(" ").into(),
        ..Undo::default()
    };
    let record = system.journal(&undo).map_err(|failure| failure.message.to_string())?;
    mount(Path::new(mount_point)).map_err(|error| {
        system.settle(record);
        error.sentence()
    })
}
