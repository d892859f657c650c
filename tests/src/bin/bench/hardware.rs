//! `perf_group_read`, `perf_100_cgroups` and `schemata_write`: what reading counters and dividing the cache costs, as the
//! crates' own benchmarks measure it beside the bare system calls; here, and on the emulated machine that has the hardware.
//! Whatever is measured there is slow, and only the ratios say something.

use crate::Benchmark;
use crate::line::{Aim, Line};
use serde_json::Value;
use std::error::Error;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use system_tests::lab::Lab;
use system_tests::need::{Need, have};

/// Counters, on this machine.
pub const COUNTERS: Benchmark = Benchmark {
    lines: &["perf_group_read", "perf_100_cgroups"],
    run: counters,
};

/// Counters and the cache, on the emulated one.
pub const LAB: Benchmark = Benchmark {
    lines: &["lab_perf_group_read", "lab_perf_100_cgroups", "lab_schemata_write"],
    run: lab,
};

fn counters() -> Result<Vec<Line>, Box<dyn Error>> {
    let said = Command::new(built("pipeline-plugin-perf", "read")?).output()?;
    if !said.status.success() {
        return Err(String::from_utf8_lossy(&said.stderr).into_owned().into());
    }
    let text = String::from_utf8_lossy(&said.stdout);
    COUNTERS.lines.iter().map(|name| line(name, name, &text)).collect()
}

fn lab() -> Result<Vec<Line>, Box<dyn Error>> {
    if !have(&[Need::Lab]) {
        return Err("it needs the emulated machine".into());
    }
    // `read` by itself is a word of the shell.
    let lab = Lab::new()
        .program(&built("pipeline-plugin-perf", "read")?, "/bin/counters")
        .program(&built("pipeline-resctrl-fs", "schemata")?, "/bin/schemata");
    let text = lab.run("counters && schemata").printed;
    let of = |name: &&'static str| line(name, name.trim_start_matches("lab_"), &text);
    LAB.lines.iter().map(of).collect()
}

/// Builds a benchmark of a crate, as `cargo bench` would; its program.
fn built(package: &str, name: &str) -> Result<PathBuf, Box<dyn Error>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = [
        "build",
        "--release",
        "--quiet",
        "--message-format=json",
        "--package",
        package,
        "--bench",
        name,
    ];
    let ended = Command::new(cargo)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()?;
    let text = String::from_utf8_lossy(&ended.stdout);
    let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut programs = messages
        .filter(|message| message["target"]["name"] == name)
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from));
    programs
        .next()
        .ok_or_else(|| format!("`{name}` of `{package}` cannot be built").into())
}

/// The line that begins with `said` and a space, under our name.
fn line(name: &'static str, said: &str, text: &str) -> Result<Line, Box<dyn Error>> {
    let words = text.lines().find_map(|line| line.strip_prefix(said)?.strip_prefix(' '));
    let words: Vec<&str> = words
        .ok_or_else(|| format!("no `{said}` in: {text}"))?
        .split(' ')
        .collect();
    let [value, unit, ratio] = words[..] else {
        return Err(format!("`{said}` has not three words: {words:?}").into());
    };
    Ok(Line {
        name,
        value: value.parse()?,
        unit: unit_of(unit),
        ratio: ratio.trim().parse().ok(),
        aim: if said == "perf_group_read" {
            Aim::Ratio(1.3)
        } else {
            Aim::None
        },
    })
}

fn unit_of(word: &str) -> &'static str {
    match word {
        "ns" => "ns",
        "us" => "us",
        "ns/tick" => "ns/tick",
        _ => "1",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_by_its_whole_name() {
        let text = "perf_group_read_bare 300 ns -\nperf_group_read 330 ns 1.100\n";
        let line = line("lab_perf_group_read", "perf_group_read", text).unwrap();
        assert_eq!((line.value, line.ratio, line.unit), (330.0, Some(1.1), "ns"));
        assert_eq!(line.name, "lab_perf_group_read");
    }

    #[test]
    fn a_line_that_is_not_there_is_told_with_what_is() {
        let why = line("x", "x", "y 1 ns -").unwrap_err().to_string();
        assert!(why.contains("no `x`") && why.contains("y 1 ns"), "{why}");
    }
}
