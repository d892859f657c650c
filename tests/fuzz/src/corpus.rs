//! Where real text is found: files of the repository, and of this machine. What is not there is left out.

use std::path::{Path, PathBuf};

/// Larger files are no seeds: inputs shall be many and small.
const LARGEST: u64 = 16 << 10;

/// The top folder of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The files in a folder of the repository and those below it, by name.
pub fn folder(name: &str) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    below(&repository().join(name), &mut found);
    found
}

/// What once made a target fail.
pub fn regressions(target: &str) -> Vec<Vec<u8>> {
    folder(&format!("tests/fuzz/regressions/{target}"))
}

/// Files of this machine.
pub fn files(paths: &[&str]) -> Vec<Vec<u8>> {
    paths.iter().filter_map(|path| small(Path::new(path))).collect()
}

fn below(folder: &Path, found: &mut Vec<Vec<u8>>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        match path.is_dir() {
            true => below(&path, found),
            false => found.extend(small(&path)),
        }
    }
}

/// Files below `/proc` tell no size, so the text is measured.
fn small(path: &Path) -> Option<Vec<u8>> {
    let bytes = std::fs::read(path).ok()?;
    (bytes.len() as u64 <= LARGEST).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_graphs_of_the_repository_are_found() {
        assert!(
            folder("configs")
                .iter()
                .any(|text| text.starts_with(b"//") || text.starts_with(b"("))
        );
    }

    #[test]
    fn what_is_not_there_is_left_out() {
        assert_eq!(files(&["/nowhere/at/all"]), [[0_u8; 0]; 0]);
    }
}
