//! A folder of its own for each scenario, and the real binary started in it.

use crate::built;
use crate::child::{Child, Ended};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// Longest that a command of the command line may take which runs nothing.
const TOOL: Duration = Duration::from_secs(20);

/// A scenario's folder; removed with it.
#[derive(Debug)]
pub struct Bed(TempDir);

impl Default for Bed {
    fn default() -> Self {
        Self::new()
    }
}

impl Bed {
    /// An empty folder.
    pub fn new() -> Self {
        Self(TempDir::new().expect("there is room for a folder"))
    }

    /// A folder with that graph in `graph.ron`.
    pub fn with(graph: &str) -> Self {
        let bed = Self::new();
        bed.write("graph.ron", graph);
        bed
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file into it, with the folders that it lies in.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        let folder = path.parent().expect("a path in a folder has a folder");
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&path, bytes))
            .unwrap_or_else(|error| panic!("cannot write `{}`: {error}", path.display()));
        path
    }

    /// Reads a file of it.
    pub fn read(&self, name: &str) -> String {
        let path = self.path(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read `{}`: {error}", path.display()))
    }

    /// The binary with those arguments, to be started in the folder, whatever the environment says.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(built::pipeline());
        command.args(arguments).current_dir(self.0.path());
        for name in ["PIPELINE_PLUGIN_PATH", "RUST_BACKTRACE", "RUST_LOG", "NO_COLOR"] {
            command.env_remove(name);
        }
        // Runs of other scenarios go on beside it, and are not its business.
        command.env("PIPELINE_RUNTIME_DIR", self.path("runtime"));
        command
    }

    /// Carries a command line out that runs nothing, and waits for its end.
    ///
    /// # Panics
    /// It takes longer than 20 s.
    pub fn tool<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Ended {
        Child::start(&mut self.command(arguments)).end(TOOL)
    }

    /// Starts `graph.ron` with those options.
    pub fn start(&self, options: &[&str]) -> Child {
        Child::start(&mut self.command([&["run", "graph.ron"], options].concat()))
    }

    /// Runs `graph.ron` with those options to its end.
    ///
    /// # Panics
    /// It takes longer than 20 s.
    pub fn run(&self, options: &[&str]) -> Ended {
        self.start(options).end(TOOL)
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        self.0.path()
    }
}
