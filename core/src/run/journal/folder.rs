//! The folder for what need not survive a reboot: where it is, and whether it is safe to follow what lies in it.
//!
//! Whoever could write there could have us put back whatever they like, so it is ours alone or it is refused.

use rustix::process::geteuid;
use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Overrides the runtime folder, for containers whose workloads are apart from those of others, and for tests.
pub const VARIABLE: &str = "PIPELINE_RUNTIME_DIR";

/// `PIPELINE_RUNTIME_DIR`, else `/run/pipeline` for root, else the user's runtime folder.
pub fn runtime_folder() -> PathBuf {
    let named = std::env::var_os(VARIABLE).filter(|folder| !folder.is_empty());
    if let Some(folder) = named.map(PathBuf::from) {
        // A guardian does not live in the folder where the run began.
        return std::path::absolute(&folder).unwrap_or(folder);
    }
    if geteuid().is_root() {
        return "/run/pipeline".into();
    }
    let user = geteuid().as_raw();
    std::env::var_os("XDG_RUNTIME_DIR").map_or_else(
        || std::env::temp_dir().join(format!("pipeline-{user}")),
        |folder| PathBuf::from(folder).join("pipeline"),
    )
}

/// Makes the folder where it is not there yet, readable by nobody else, and sees that it is ours.
///
/// # Errors
/// It cannot be made, or others could write there.
pub fn prepare(folder: &Path) -> Result<(), String> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| format!("cannot make the folder `{}`: {error}", folder.display()))?;
    check(folder)
}

/// Whether the folder is a directory and ours alone to write.
///
/// # Errors
/// It is not, or it cannot be looked at.
pub fn check(folder: &Path) -> Result<(), String> {
    let place = folder.display();
    let meta = std::fs::symlink_metadata(folder).map_err(|error| format!("cannot look at `{place}`: {error}"))?;
    if !meta.is_dir() {
        return Err(format!(
            "`{place}` is no directory but something else, perhaps a link; remove it, or name another with {VARIABLE}"
        ));
    }
    owned(&meta).map_err(|why| format!("`{place}` {why}; {}", mend(&meta, folder)))
}

/// Opens a file of the folder that must be a plain file, and ours alone to write.
///
/// # Errors
/// It is not, as a sentence in an [`io::Error`], or it cannot be opened.
pub fn open(path: &Path) -> io::Result<File> {
    // A link would not be ours, and opening a pipe would wait for somebody.
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let mut options = OpenOptions::new();
    options.read(true).append(true);
    let file = options.custom_flags(flags.bits().cast_signed()).open(path)?;
    let meta = file.metadata()?;
    let refuse = |why: &str| io::Error::new(io::ErrorKind::PermissionDenied, why.to_owned());
    if !meta.is_file() {
        return Err(refuse("it is no plain file"));
    }
    owned(&meta).map_err(|why| refuse(&format!("it {why}")))?;
    Ok(file)
}

fn owned(meta: &Metadata) -> Result<(), String> {
    let user = geteuid().as_raw();
    if meta.uid() != user {
        return Err(format!("belongs to user {} and not to user {user}", meta.uid()));
    }
    if meta.mode() & 0o022 != 0 {
        return Err(format!("may be written by others (mode {:o})", meta.mode() & 0o7777));
    }
    Ok(())
}

fn mend(meta: &Metadata, folder: &Path) -> String {
    if meta.uid() == geteuid().as_raw() {
        return format!("run `chmod go-w {}`", folder.display());
    }
    format!("name another folder with {VARIABLE}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_folder_is_made_for_nobody_else() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("a/b");
        prepare(&folder).unwrap();
        assert_eq!(std::fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_folder_that_others_may_write_is_refused_with_the_command_that_mends_it() {
        let folder = tempfile::tempdir().unwrap();
        mode(folder.path(), 0o770);
        let why = prepare(folder.path()).unwrap_err();
        assert!(
            why.contains("may be written by others (mode 770); run `chmod go-w /"),
            "{why}"
        );
    }

    #[test]
    fn a_link_is_no_folder_wherever_it_leads() {
        let place = tempfile::tempdir().unwrap();
        let link = place.path().join("link");
        std::os::unix::fs::symlink(place.path(), &link).unwrap();
        let why = prepare(&link).unwrap_err();
        assert!(why.contains("is no directory"), "{why}");
    }

    #[test]
    fn a_file_that_others_may_write_or_that_is_a_link_is_not_opened() {
        let place = tempfile::tempdir().unwrap();
        let (file, link) = (place.path().join("file"), place.path().join("link"));
        std::fs::write(&file, "x").unwrap();
        mode(&file, 0o600);
        assert!(open(&file).is_ok());
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(open(&link).is_err());
        mode(&file, 0o666);
        let why = open(&file).unwrap_err().to_string();
        assert!(why.contains("may be written by others"), "{why}");
    }
}
