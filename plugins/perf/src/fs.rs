//! What this machine says of its events, CPUs and tasks: sysfs, tracefs and `/proc`. I/O only; texts are read elsewhere.

use crate::code::Code;
use crate::event::{Event, Source};
use crate::format::{self, Field};
use pipeline_plugin_api::config::nearest_help;
use pipeline_plugin_api::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the kernel lists PMUs.
const DEVICES: &str = "sys/bus/event_source/devices";

/// The folders that are read, which tests put elsewhere.
#[derive(Clone, Debug)]
pub struct Machine {
    root: PathBuf,
}

/// An event as this machine counts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// For the kernel.
    pub code: Code,
    /// The same event of the PMU's other boxes, as of the other channels to memory, which are counted with it.
    pub boxes: Vec<Code>,
    /// The CPUs on which the PMU is to be read, for one that is not the CPUs' own (its `cpumask`).
    pub cpus: Option<Vec<u32>>,
}

/// Why an event cannot be counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// For the readings.
    pub reason: Reason,
    /// For people.
    pub why: String,
}

impl Missing {
    /// This machine has no such event.
    pub fn unsupported(why: impl Into<String>) -> Self {
        Self {
            reason: Reason::UNSUPPORTED,
            why: why.into(),
        }
    }
}

/// What `/proc/PID/stat` says of a process (proc(5)).
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Field 4.
    pub parent: u32,
    /// Field 22: clock ticks after boot.
    pub start_time: u64,
}

impl Machine {
    /// This one.
    pub fn here() -> Self {
        Self::at("/")
    }

    /// One whose `/sys` and `/proc` are below a folder.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The CPUs that are on.
    pub fn online(&self) -> Vec<u32> {
        self.text("sys/devices/system/cpu/online")
            .and_then(|text| format::cpus(&text))
            .filter(|cpus| !cpus.is_empty())
            .unwrap_or_else(|| vec![0])
    }

    /// `kernel.perf_event_paranoid` (admin-guide/sysctl/kernel.rst); nothing where the kernel has no perf_event at all.
    pub fn paranoid(&self) -> Option<i32> {
        self.text("proc/sys/kernel/perf_event_paranoid")?.trim().parse().ok()
    }

    /// Whether the CPUs are Intel's.
    pub fn is_intel(&self) -> bool {
        self.text("proc/cpuinfo")
            .is_some_and(|text| text.contains("GenuineIntel"))
    }

    /// Whether the NMI watchdog holds a counter of each CPU.
    pub fn has_nmi_watchdog(&self) -> bool {
        self.text("proc/sys/kernel/nmi_watchdog")
            .is_some_and(|text| text.trim() == "1")
    }

    /// The package that a CPU is in (admin-guide/cputopology.rst); nothing where the machine does not tell.
    pub fn socket(&self, cpu: u32) -> Option<u32> {
        let path = format!("sys/devices/system/cpu/cpu{cpu}/topology/physical_package_id");
        self.text(&path)?.trim().parse().ok()
    }

    /// The code of an event here.
    ///
    /// # Errors
    /// This machine has no such PMU, term, tracepoint, or another CPU.
    pub fn find(&self, event: &Event) -> std::result::Result<Found, Missing> {
        let everywhere = |code| Found {
            code,
            boxes: Vec::new(),
            cpus: None,
        };
        match &event.source {
            Source::Code(code) => Ok(everywhere(*code)),
            Source::Intel(code) if self.is_intel() => Ok(everywhere(Code::raw(*code))),
            Source::Intel(_) => Err(Missing::unsupported(format!(
                "`{}` is a code of Intel's CPUs and this is none; give the raw code of yours, as `r01a8`",
                event.name
            ))),
            Source::Pmu { pmu, terms } => self.of_pmu(pmu, terms),
            Source::Tracepoint { category, name } => self.tracepoint(category, name).map(everywhere),
        }
    }

    /// The threads of a process.
    ///
    /// # Errors
    /// It is gone.
    pub fn threads(&self, pid: u32) -> std::io::Result<Vec<u32>> {
        let entries = fs::read_dir(self.root.join(format!("proc/{pid}/task")))?;
        Ok(entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect())
    }

    /// What the kernel says of a process; nothing where it is gone.
    pub fn stat(&self, pid: u32) -> Option<Stat> {
        stat(&self.text(&format!("proc/{pid}/stat"))?)
    }

    /// The processes in a control group, without those of groups below.
    pub fn members(&self, directory: &str) -> Vec<u32> {
        let path = Path::new(directory).join("cgroup.procs");
        let text = fs::read_to_string(path).unwrap_or_default();
        text.lines().filter_map(|line| line.trim().parse().ok()).collect()
    }

    /// An event of a PMU, or of all its boxes where it has several with a number each, as perf(1) takes `uncore_imc` for
    /// `uncore_imc_0`, `uncore_imc_1` and so on.
    fn of_pmu(&self, pmu: &str, terms: &[(String, Option<u64>)]) -> std::result::Result<Found, Missing> {
        let is_box = |name: &String| {
            let number = name.strip_prefix(pmu).and_then(|rest| rest.strip_prefix('_'));
            number.is_some_and(|number| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()))
        };
        if self.text(&format!("{DEVICES}/{pmu}/type")).is_some() {
            return self.of_box(pmu, terms);
        }
        let mut boxes = self.names(DEVICES).into_iter().filter(is_box);
        let Some(first) = boxes.next() else {
            return self.of_box(pmu, terms);
        };
        let mut found = self.of_box(&first, terms)?;
        for name in boxes {
            found.boxes.push(self.of_box(&name, terms)?.code);
        }
        Ok(found)
    }

    /// sysfs-bus-event_source-devices-events.
    fn of_box(&self, pmu: &str, terms: &[(String, Option<u64>)]) -> std::result::Result<Found, Missing> {
        let folder = format!("{DEVICES}/{pmu}");
        let kind = self
            .text(&format!("{folder}/type"))
            .and_then(|text| text.trim().parse().ok());
        let Some(kind) = kind else {
            let known = self.names(DEVICES);
            let help = nearest_help(pmu, known.iter().map(String::as_str));
            return Err(Missing::unsupported(format!("this machine has no PMU `{pmu}`; {help}")));
        };
        let mut words = [0; 3];
        for (term, value) in terms {
            self.put(&folder, term, *value, &mut words)?;
        }
        let cpus = self
            .text(&format!("{folder}/cpumask"))
            .and_then(|text| format::cpus(&text));
        Ok(Found {
            code: Code { kind, words },
            boxes: Vec::new(),
            cpus: cpus.filter(|cpus| !cpus.is_empty()),
        })
    }

    fn put(
        &self,
        folder: &str,
        term: &str,
        value: Option<u64>,
        words: &mut [u64; 3],
    ) -> std::result::Result<(), Missing> {
        if let (None, Some(alias)) = (value, self.text(&format!("{folder}/events/{term}"))) {
            for part in alias.trim().split(',') {
                let (term, value) = part.split_once('=').unwrap_or((part, "1"));
                match crate::event::number(value) {
                    Some(value) => self.put(folder, term, Some(value), words)?,
                    None => return Err(Missing::unsupported(format!("`{term}` of it must be given a number"))),
                }
            }
            return Ok(());
        }
        if let Some(word) = ["config", "config1", "config2"].iter().position(|word| *word == term) {
            words[word] |= value.unwrap_or(1);
            return Ok(());
        }
        let field = self
            .text(&format!("{folder}/format/{term}"))
            .and_then(|text| Field::parse(&text));
        let Some(field) = field else {
            let known = [
                self.names(&format!("{folder}/format")),
                self.names(&format!("{folder}/events")),
            ]
            .concat();
            let help = nearest_help(term, known.iter().map(String::as_str));
            return Err(Missing::unsupported(format!("its PMU has no term `{term}`; {help}")));
        };
        let value = value.unwrap_or(1);
        if field.set(words, value) {
            return Ok(());
        }
        let width = field.width();
        Err(Missing::unsupported(format!(
            "`{term}` has {width} bits, and {value:#x} does not fit"
        )))
    }

    /// trace/events.rst; a tracepoint's number is readable by root only.
    fn tracepoint(&self, category: &str, name: &str) -> std::result::Result<Code, Missing> {
        let mut why = "tracefs is not mounted; run `mount -t tracefs tracefs /sys/kernel/tracing`".to_owned();
        for events in ["sys/kernel/tracing/events", "sys/kernel/debug/tracing/events"] {
            let path = self.root.join(format!("{events}/{category}/{name}/id"));
            match fs::read_to_string(&path) {
                Ok(text) => {
                    let id = text
                        .trim()
                        .parse()
                        .map_err(|_| Missing::unsupported("its number cannot be read"))?;
                    return Ok(Code::tracepoint(id));
                }
                Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                    return Err(Missing {
                        reason: Reason::FORBIDDEN,
                        why: format!("`{}` cannot be read: {error}; run as root", path.display()),
                    });
                }
                Err(_) if self.root.join(events).is_dir() => {
                    why = format!("this kernel has no tracepoint `{category}:{name}`");
                }
                Err(_) => {}
            }
        }
        Err(Missing::unsupported(why))
    }

    fn text(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.root.join(path)).ok()
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.root.join(folder)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }
}

/// The command may have blanks and brackets in it, so that fields count from the last `)`.
fn stat(text: &str) -> Option<Stat> {
    let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace();
    let parent = fields.nth(1)?.parse().ok()?;
    let start_time = fields.nth(17)?.parse().ok()?;
    Some(Stat { parent, start_time })
}

#[cfg(test)]
mod tests;
