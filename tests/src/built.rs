//! Where cargo put the binary and the plugins that are tested.

use std::path::{Path, PathBuf};

/// The folder of the binary and of the plugins beside it: two above a test's own binary.
pub fn folder() -> PathBuf {
    let own = std::env::current_exe().expect("a process has a file");
    let folder = own.parent().expect("a file has a folder");
    if folder.ends_with("deps") {
        return folder.parent().expect("cargo's `deps` lies in a folder").to_owned();
    }
    folder.to_owned()
}

/// The binary that is tested.
pub fn pipeline() -> PathBuf {
    there(folder().join("pipeline"))
}

/// The file of a plugin: `file` for `libpipeline_file.so`.
pub fn plugin(subject: &str) -> PathBuf {
    there(folder().join(format!("libpipeline_{subject}.so")))
}

/// The top folder of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this crate lies in the repository")
        .to_owned()
}

fn there(path: PathBuf) -> PathBuf {
    assert!(
        path.exists(),
        "`{}` is missing; run `cargo build --workspace` first",
        path.display()
    );
    path
}
