//! Where plugins are looked for, and which files there may be plugins.

use std::path::{Path, PathBuf};

/// The environment variable with further folders, separated by `:`.
pub const VARIABLE: &str = "PIPELINE_PLUGIN_PATH";
/// Where a distribution puts plugins.
pub const SYSTEM: &str = "/usr/lib/pipeline/plugins";

/// The folders in which plugins are looked for, first to last: `--plugin-dir`,
/// `PIPELINE_PLUGIN_PATH`, beside the binary, `../lib/pipeline/plugins` from there, the system's.
pub fn search_path(flags: &[PathBuf]) -> Vec<PathBuf> {
    let variable = std::env::var_os(VARIABLE);
    let beside = std::env::current_exe()
        .ok()
        .and_then(|binary| Some(binary.parent()?.to_owned()));
    let mut folders = flags.to_vec();
    folders.extend(
        variable
            .iter()
            .flat_map(std::env::split_paths)
            .filter(|folder| !folder.as_os_str().is_empty()),
    );
    folders.extend(beside.iter().cloned());
    folders.extend(beside.iter().map(|folder| folder.join("../lib/pipeline/plugins")));
    folders.push(SYSTEM.into());
    folders
}

/// The files of a folder that are named like plugins, `libpipeline_*.so`, by name.
pub fn candidates(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| is_candidate(path))
        .collect();
    files.sort();
    files
}

fn is_candidate(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with("libpipeline_") && name.ends_with(".so")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_come_first_and_the_system_last() {
        let folders = search_path(&["/a".into(), "/b".into()]);
        assert_eq!(&folders[..2], [PathBuf::from("/a"), PathBuf::from("/b")]);
        assert_eq!(folders.last(), Some(&PathBuf::from(SYSTEM)));
    }

    #[test]
    fn only_files_named_like_plugins_are_candidates() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "libpipeline_b.so",
            "libpipeline_a.so",
            "libother.so",
            "libpipeline_c.so.1",
            "notes.txt",
        ] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let found: Vec<_> = candidates(folder.path())
            .iter()
            .map(|p| p.file_name().unwrap().to_owned())
            .collect();
        assert_eq!(found, ["libpipeline_a.so", "libpipeline_b.so"]);
    }

    #[test]
    fn a_folder_that_is_not_there_has_no_plugins() {
        assert!(candidates(Path::new("/nowhere/at/all")).is_empty());
    }
}
