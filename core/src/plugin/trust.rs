//! Whether a plugin's file may be loaded by a process that can do more than the file's owner.
//!
//! A plugin runs with all that the process may, so that whoever can change its file, or any folder on the way to it,
//! may do the same. A privileged process therefore takes only what root alone can change. The way is looked at from
//! `/` down, without symbolic links: once a folder is found to be root's alone, nobody else can exchange what lies in
//! it, so that nothing of what was found can change before the file is mapped. That is why the file is then opened by
//! that same path and not by a descriptor: `/proc/self/fd/N` would close no gap that is still open, and would take
//! the plugin's name from debuggers, profiles and messages.
//!
//! A process without privileges loads what its user could run anyway. What a plugin itself links to is the dynamic
//! loader's matter and not looked at here. An access control list that lets somebody write shows as write permission
//! of the group (acl(5)) and is refused with it.

use rustix::process::geteuid;
use rustix::thread::{CapabilitySet, capabilities};
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const ROOT: u32 = 0;
const OTHERS_WRITE: u32 = 0o022;
/// In such a folder only the owner of an entry may remove or rename it (inode(7)).
const STICKY: u32 = 0o1000;

/// Why a file is not loaded.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// It, or the way to it, cannot be looked at.
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
    /// A part of the way is somebody else's.
    #[error(
        "not loaded with root's rights, since `{}` belongs to user {uid}, who could change the plugin: run `chown root {}`, or install the plugin where only root can write", .path.display(), .path.display()
    )]
    Owner {
        /// The part.
        path: PathBuf,
        /// Whose it is.
        uid: u32,
    },
    /// Somebody else may write to a part of the way.
    #[error(
        "not loaded with root's rights, since {who} may write to `{}` and so change the plugin: run `chmod go-w {}`, or install the plugin where only root can write", .path.display(), .path.display()
    )]
    Writable {
        /// The part.
        path: PathBuf,
        /// `its group`, `everybody`.
        who: &'static str,
    },
}

/// Whether this process can do what an ordinary user cannot: it is root's, or it has a capability.
pub fn is_privileged() -> bool {
    let capable = capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective);
    geteuid().is_root() || !capable.is_empty()
}

/// The path by which a plugin is to be read and loaded: as given, or for a privileged process the one without
/// symbolic links that only root can change.
///
/// # Errors
/// See [`TrustError`]; an ordinary process is told of none.
pub fn path_to_load(path: &Path) -> Result<PathBuf, TrustError> {
    if is_privileged() {
        of_root_alone(path)
    } else {
        Ok(path.to_owned())
    }
}

/// The file's path without symbolic links, if nobody but root can change what stands there.
fn of_root_alone(path: &Path) -> Result<PathBuf, TrustError> {
    let path = path.canonicalize()?;
    let mut from_the_top: Vec<&Path> = path.ancestors().collect();
    from_the_top.reverse();
    for part in from_the_top {
        judge(part, &Part::of(&part.symlink_metadata()?))?;
    }
    Ok(path)
}

/// What is known of a part of the way.
#[derive(Copy, Clone, Debug)]
struct Part {
    uid: u32,
    mode: u32,
    is_folder: bool,
}

impl Part {
    fn of(found: &Metadata) -> Self {
        Self {
            uid: found.uid(),
            mode: found.mode(),
            is_folder: found.is_dir(),
        }
    }
}

fn judge(path: &Path, part: &Part) -> Result<(), TrustError> {
    if part.uid != ROOT {
        return Err(TrustError::Owner {
            path: path.to_owned(),
            uid: part.uid,
        });
    }
    // What lies below a sticky folder is root's, as that is looked at next, and so stays what it is.
    let kept = part.is_folder && part.mode & STICKY != 0;
    if part.mode & OTHERS_WRITE != 0 && !kept {
        return Err(TrustError::Writable {
            path: path.to_owned(),
            who: if part.mode & 0o002 != 0 {
                "everybody"
            } else {
                "its group"
            },
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, create_dir, set_permissions, write};
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    const NOBODY: u32 = 65534;

    fn said(uid: u32, mode: u32, is_folder: bool) -> String {
        match judge(Path::new("/x"), &Part { uid, mode, is_folder }) {
            Ok(()) => String::new(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_root_alone_can_change_is_taken() {
        for (mode, is_folder) in [(0o755, true), (0o1777, true), (0o644, false), (0o755, false)] {
            assert_eq!(said(ROOT, mode, is_folder), "", "{mode:o}");
        }
    }

    #[test]
    fn what_somebody_else_can_change_is_refused_with_the_remedy() {
        for (mode, is_folder, who) in [
            (0o775, true, "its group"),
            (0o777, true, "everybody"),
            (0o664, false, "its group"),
            (0o1646, false, "everybody"),
        ] {
            let why = said(ROOT, mode, is_folder);
            assert!(
                why.contains(&format!("{who} may write to `/x`")) && why.contains("`chmod go-w /x`"),
                "{mode:o}: {why}"
            );
        }
        let why = said(NOBODY, 0o1755, true);
        assert!(
            why.contains("`/x` belongs to user 65534") && why.contains("`chown root /x`"),
            "{why}"
        );
    }

    #[test]
    fn a_file_that_is_gone_is_told_as_one_that_cannot_be_read() {
        let why = of_root_alone(Path::new("/nowhere/at/all")).unwrap_err().to_string();
        assert!(why.starts_with("cannot be read: "), "{why}");
    }

    /// A folder with `inner/plugin`, all of it root's; nothing where this is not run as root.
    fn tree() -> Option<(tempfile::TempDir, PathBuf)> {
        if !geteuid().is_root() {
            println!("SKIP: only root can give files away");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        create_dir(&inner).unwrap();
        let file = inner.join("plugin");
        write(&file, "").unwrap();
        for (path, mode) in [(&inner, 0o755), (&file, 0o644)] {
            set_permissions(path, Permissions::from_mode(mode)).unwrap();
        }
        Some((folder, file))
    }

    fn refusal(file: &Path) -> String {
        of_root_alone(file).unwrap_err().to_string()
    }

    #[test]
    fn a_file_below_a_sticky_folder_is_taken_by_its_real_path() {
        let Some((folder, file)) = tree() else { return };
        let link = folder.path().join("link");
        symlink(&file, &link).unwrap();
        assert_eq!(of_root_alone(&link).unwrap(), file.canonicalize().unwrap());
    }

    #[test]
    fn every_part_of_the_way_counts() {
        let Some((folder, file)) = tree() else { return };
        for part in [file.as_path(), file.parent().unwrap(), folder.path()] {
            let real = part.canonicalize().unwrap().display().to_string();
            chown(part, Some(NOBODY), None).unwrap();
            assert!(refusal(&file).contains(&format!("`{real}` belongs to user 65534")));
            chown(part, Some(ROOT), None).unwrap();
            let before = part.metadata().unwrap().permissions();
            set_permissions(part, Permissions::from_mode(before.mode() | 0o020)).unwrap();
            assert!(refusal(&file).contains(&format!("its group may write to `{real}`")));
            set_permissions(part, before).unwrap();
        }
        assert!(of_root_alone(&file).is_ok());
    }

    #[test]
    fn a_file_of_somebody_else_in_a_sticky_folder_is_refused() {
        let Some((folder, file)) = tree() else { return };
        set_permissions(folder.path(), Permissions::from_mode(0o1777)).unwrap();
        assert!(of_root_alone(&file).is_ok());
        chown(&file, Some(NOBODY), None).unwrap();
        assert!(refusal(&file).contains("belongs to user 65534"));
    }
}
