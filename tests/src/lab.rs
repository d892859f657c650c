//! The emulated machine: what is brought there, what is run there, and what that left. Which machine it is, and how it is
//! booted, is the business of the program that `PIPELINE_LAB` names; what is measured there stands in the tests.

use crate::{built, need, record};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// How long a machine may live where nothing else is said, in seconds.
const LIMIT: u32 = 250;
/// How many cores it has where nothing else is said.
const CORES: u32 = 2;
/// How often one is booted for a script, since a machine that ends by itself says nothing about what is tested.
const BOOTS: u32 = 3;
/// What the program that boots it exits with where the machine was stopped at its limit, or ended without a result.
const STALLED: [i32; 2] = [124, 125];

/// For scripts: a run in the background with its log in `/out/log`, and waiting for what it says or does, a minute at
/// most, since the emulator may stand still for a while.
pub const SHELL: &str = r#"
    begin() { : > /out/log; pipeline --plugin-dir /plugins run "$@" > /out/log 2>&1 & pid=$!; }
    fates() { [ -d /proc/$pid ] || exit 1; [ "$(grep -c "fate=" /out/log)" -ge "$1" ]; }
    counted() { [ "$(ls -d /sys/fs/resctrl/pipeline-*/mon_groups/* 2>/dev/null | wc -l)" -ge "$1" ]; }
    until_so() { for look in $(seq 600); do "$@" && return 0; sleep 0.1; done; echo "not in time: $*"; return 1; }
    end() { kill $pid; wait $pid; }
"#;

/// A machine that is not booted yet.
#[derive(Debug)]
pub struct Lab {
    scratch: TempDir,
    /// As `HERE:THERE`.
    files: Vec<String>,
    words: String,
    /// Of two threads each.
    cores: u32,
    /// In seconds.
    limit: u32,
}

/// What a script left.
#[derive(Debug)]
pub struct Left {
    out: TempDir,
    /// All that it printed.
    pub printed: String,
}

impl Default for Lab {
    fn default() -> Self {
        Self::new()
    }
}

impl Lab {
    /// A bare one.
    ///
    /// # Panics
    /// No folder can be made.
    pub fn new() -> Self {
        Self {
            scratch: tempfile::tempdir().expect("a folder can be made"),
            files: Vec::new(),
            words: String::new(),
            cores: CORES,
            limit: LIMIT,
        }
    }

    /// One with the binary, as `pipeline`, and those plugins, in `/plugins`.
    ///
    /// # Panics
    /// One is not built.
    pub fn with(plugins: &[&str]) -> Self {
        let lab = Self::new().program(&built::pipeline(), "/bin/pipeline");
        plugins.iter().fold(lab, |lab, subject| {
            lab.program(&built::plugin(subject), &format!("/plugins/libpipeline_{subject}.so"))
        })
    }

    /// Brings a program or a library, without what only a debugger reads: an emulator takes its time to unpack that.
    ///
    /// # Panics
    /// It cannot be copied.
    #[must_use]
    pub fn program(self, here: &Path, there: &str) -> Self {
        let bare = self.scratch.path().join(format!("{}", self.files.len()));
        let stripped = Command::new("strip")
            .arg("--strip-debug")
            .arg("-o")
            .arg(&bare)
            .arg(here)
            .output();
        if !stripped.is_ok_and(|ended| ended.status.success()) {
            std::fs::copy(here, &bare).expect("what is built can be copied");
        }
        self.file(&bare, there)
    }

    /// Brings a file as it is.
    #[must_use]
    pub fn file(mut self, here: &Path, there: &str) -> Self {
        self.files.push(format!("{}:{there}", here.display()));
        self
    }

    /// Brings a text.
    ///
    /// # Panics
    /// It cannot be written.
    #[must_use]
    pub fn text(self, text: &str, there: &str) -> Self {
        let file = self.scratch.path().join(format!("{}", self.files.len()));
        std::fs::write(&file, text).expect("a folder of our own can be written");
        self.file(&file, there)
    }

    /// Words for the kernel's command line.
    #[must_use]
    pub fn words(mut self, words: &str) -> Self {
        words.clone_into(&mut self.words);
        self
    }

    /// How many cores it has, of two threads each.
    #[must_use]
    pub fn cores(mut self, cores: u32) -> Self {
        self.cores = cores;
        self
    }

    /// How long it may live, in seconds.
    #[must_use]
    pub fn limit(mut self, seconds: u32) -> Self {
        self.limit = seconds;
        self
    }

    /// Boots it and runs a script of the shell there.
    ///
    /// # Panics
    /// The script fails, or the machine ends by itself each time.
    pub fn run(&self, script: &str) -> Left {
        for _ in 1..BOOTS {
            let (left, status) = self.boot(script);
            if !STALLED.map(Some).contains(&status) {
                return left.well(status);
            }
        }
        let (left, status) = self.boot(script);
        left.well(status)
    }

    fn boot(&self, script: &str) -> (Left, Option<i32>) {
        let out = tempfile::tempdir().expect("a folder can be made");
        let mut command = Command::new(need::lab());
        let (cores, limit) = (self.cores.to_string(), self.limit.to_string());
        command.args(["-m", "2048", "-c", &cores, "-t", &limit, "-k", &self.words, "-o"]);
        command.arg(out.path());
        self.files.iter().for_each(|file| {
            command.arg("-f").arg(file);
        });
        let ended = command
            .args(["--", "sh", "-c", script])
            .output()
            .expect("the lab starts");
        let printed = String::from_utf8_lossy(&ended.stdout).into_owned() + &String::from_utf8_lossy(&ended.stderr);
        (Left { out, printed }, ended.status.code())
    }
}

impl Left {
    fn well(self, status: Option<i32>) -> Self {
        assert!(
            status == Some(0),
            "status {status:?}: {}\n{}",
            self.printed,
            self.file("log")
        );
        self
    }

    /// A file that it left under `/out`; empty where it left none.
    pub fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Where such a file is here.
    pub fn path(&self, name: &str) -> PathBuf {
        self.out.path().join(name)
    }

    /// The lines of the record `run.jsonl`.
    ///
    /// # Panics
    /// It left none, or a line is no JSON.
    pub fn record(&self) -> Vec<Value> {
        let lines = record::lines(&self.file("run.jsonl"));
        assert!(
            !lines.is_empty(),
            "nothing was recorded\n{}\n{}",
            self.printed,
            self.file("log")
        );
        lines
    }
}
