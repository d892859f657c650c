//! Where runs are found by what people type: a folder, or the name of one in `runs`.

use pipeline_plugin_api::config::nearest_help;
use pipeline_plugin_api::prelude::*;
use pipeline_record_store::{Page, Run};
use std::path::{Path, PathBuf};

/// Where runs are looked for.
pub const RUNS: &str = "runs";

/// Opens the run of that name: the folder itself, or one in `runs`; `last` is the latest there.
///
/// # Errors
/// There is none; the sentence says which there are.
pub fn open(name: &str) -> Result<Run> {
    Run::open(&find(name)?).map_err(|error| Failure::fatal(error.to_string()))
}

fn find(name: &str) -> Result<PathBuf> {
    let own = Path::new(name);
    let within = Path::new(RUNS).join(name);
    if Page::path(own).exists() {
        return Ok(own.to_owned());
    }
    if Page::path(&within).exists() {
        return Ok(within);
    }
    let names = names();
    if name == "last"
        && let Some(last) = names.last()
    {
        return Ok(Path::new(RUNS).join(last));
    }
    let help = match names.is_empty() {
        true => "there are none in `runs`; record one with a `record.write` sink".to_owned(),
        false => nearest_help(name, names.iter().map(String::as_str)),
    };
    Err(Failure::fatal(format!("there is no run `{name}`; {help}")))
}

fn names() -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(RUNS) else {
        return Vec::new();
    };
    let runs = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| Page::path(path).exists());
    let mut names: Vec<String> = runs
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    names
}

/// A folder beside others that does not exist yet: the name, or the name with a number.
pub fn fresh(folder: &Path, name: &str) -> PathBuf {
    let numbered = |number: u32| match number {
        1 => folder.join(name),
        _ => folder.join(format!("{name}-{number}")),
    };
    (1..)
        .map(numbered)
        .find(|path| !path.exists())
        .unwrap_or_else(|| folder.join(name))
}
