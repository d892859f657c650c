//! Mounting the filesystem. When that is wanted, and how it is put back, is the caller's business.

use crate::Error;
use rustix::mount::{MountFlags, mount as mount_at};
use std::path::Path;

/// The type of the filesystem, as mount(8) calls it.
pub const TYPE: &str = "resctrl";
/// The folders that it has by itself (resctrl.rst, "Info directory" and "Resource alloc and monitor groups").
pub const OWN_FOLDERS: [&str; 3] = ["info", "mon_data", "mon_groups"];

/// Mounts it there, without options.
///
/// # Errors
/// [`Error::Mount`] with what the kernel says.
pub fn mount(root: &Path) -> Result<(), Error> {
    mount_at(TYPE, root, TYPE, MountFlags::empty(), None).map_err(|error| Error::Mount {
        root: root.to_owned(),
        source: error.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_there_is_no_folder_the_kernels_word_is_told() {
        let error = mount(Path::new("/proc/no-such-folder")).unwrap_err();
        assert!(
            error
                .sentence()
                .contains("cannot mount resctrl at `/proc/no-such-folder`"),
            "{error}"
        );
    }
}
