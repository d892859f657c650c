//! What no plugin owns: the kernel, the machine, what this process may, its folders, the plugins' files, and what a
//! dead run left. Reads only; whether a folder can be written is asked of the kernel and not tried.

use super::capabilities;
use super::findings::State;
use crate::graph::Elements;
use crate::run::journal::{self, Head, runtime_folder};
use crate::run::state_folder;
use crate::run::undo::Stat;
use rustix::fs::{Access, access};
use rustix::process::{Resource, geteuid, getrlimit};
use rustix::system::uname;
use rustix::thread::CapabilitySet;
use std::path::{Path, PathBuf};

/// Descriptors below which a run with some hundred targets has to open its files anew each time.
const FEW_FILES: u64 = 4096;

/// One thing about the machine or this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What programs know it by.
    pub key: &'static str,
    /// What people know it by.
    pub what: String,
    /// How it stands; a plain fact is there.
    pub state: State,
    /// What was seen.
    pub detail: String,
    /// What mends it; may be empty.
    pub mend: String,
    /// For programs, where the detail is a list.
    pub names: Vec<String>,
}

impl Fact {
    fn there(key: &'static str, what: &str, detail: impl Into<String>) -> Self {
        Self {
            key,
            what: what.to_owned(),
            state: State::There,
            detail: detail.into(),
            mend: String::new(),
            names: Vec::new(),
        }
    }

    fn lacking(self, state: State, mend: impl Into<String>) -> Self {
        Self {
            state,
            mend: mend.into(),
            ..self
        }
    }
}

/// All of them, in the order in which they are told.
pub fn all(elements: &dyn Elements) -> Vec<Fact> {
    let mut facts = vec![kernel(), machine(), user()];
    facts.extend(rights());
    facts.push(files());
    facts.extend(plugins(elements));
    facts.push(runtime());
    facts.push(state());
    facts.extend(journals(&runtime_folder()));
    facts
}

fn kernel() -> Fact {
    let name = uname();
    let words = [name.sysname(), name.release(), name.machine()].map(|word| word.to_string_lossy().into_owned());
    Fact::there("kernel", "kernel", words.join(" "))
}

/// Counts and times of a virtual machine are the hypervisor's to give; what is shared with other machines shows as theirs.
fn machine() -> Fact {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let maker = ["/sys/class/dmi/id/sys_vendor", "/sys/class/dmi/id/product_name"].map(read);
    let maker: Vec<&str> = maker
        .iter()
        .map(|text| text.trim())
        .filter(|text| !text.is_empty())
        .collect();
    Fact::there(
        "machine",
        "machine",
        told_machine(&read("/proc/cpuinfo"), &maker.join(" ")),
    )
}

fn told_machine(cpuinfo: &str, maker: &str) -> String {
    let flags = cpuinfo.lines().find(|line| line.starts_with("flags"));
    let kind = match flags.map(|line| line.split_whitespace().any(|flag| flag == "hypervisor")) {
        Some(true) => "virtual: the CPU has the flag `hypervisor`",
        Some(false) => "no sign of a hypervisor",
        // Other architectures have no such flag.
        None => "virtual or not, which this CPU does not tell",
    };
    if maker.is_empty() {
        kind.to_owned()
    } else {
        format!("{kind}; made by `{maker}`")
    }
}

fn user() -> Fact {
    let user = geteuid();
    let told = if user.is_root() {
        "root".to_owned()
    } else {
        format!("user {}", user.as_raw())
    };
    Fact::there("user", "user", told)
}

fn rights() -> Vec<Fact> {
    let set = rustix::thread::capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective);
    let (held, lacking) = capabilities::mattering(set);
    let none = |list: Vec<String>| {
        if list.is_empty() {
            "none".to_owned()
        } else {
            list.join(", ")
        }
    };
    let detail = if lacking.is_empty() {
        "all that matter here".to_owned()
    } else {
        format!("of those that matter here {}; not {}", none(held), lacking.join(", "))
    };
    vec![Fact {
        names: capabilities::names(set),
        ..Fact::there("capabilities", "capabilities", detail)
    }]
}

fn files() -> Fact {
    let limit = getrlimit(Resource::Nofile);
    told_files(limit.current, limit.maximum)
}

/// No limit is none.
fn told_files(soft: Option<u64>, hard: Option<u64>) -> Fact {
    let told = |limit: Option<u64>| limit.map_or("no limit".to_owned(), |limit| limit.to_string());
    let fact = Fact::there(
        "open_files",
        "open files",
        format!("{} (RLIMIT_NOFILE; hard limit {})", told(soft), told(hard)),
    );
    if soft.is_none_or(|soft| soft >= FEW_FILES) {
        return fact;
    }
    fact.lacking(State::Without, "ulimit -n \"$(ulimit -Hn)\"")
}

fn plugins(elements: &dyn Elements) -> Vec<Fact> {
    let folders: Vec<String> = elements
        .folders()
        .iter()
        .filter(|folder| folder.is_dir())
        .map(|folder| format!("`{}`", folder.display()))
        .collect();
    let mut files: Vec<&Path> = elements.available().iter().map(|known| known.path.as_path()).collect();
    files.sort();
    files.dedup();
    let count = elements.available().len();
    let detail = format!("{count} elements of {} plugins, in {}", files.len(), folders.join(", "));
    let mut facts = vec![if count == 0 {
        let looked: Vec<String> = elements
            .folders()
            .iter()
            .map(|folder| format!("`{}`", folder.display()))
            .collect();
        let fact = Fact::there("plugins", "plugins", format!("none in {}", looked.join(", ")));
        fact.lacking(State::Missing, "pipeline doctor --plugin-dir DIR")
    } else {
        Fact::there("plugins", "plugins", detail)
    }];
    facts.extend(elements.refused().iter().map(|refused| {
        let what = format!("`{}`", refused.path.display());
        Fact::there("refused", &what, format!("refused: {}", refused.why)).lacking(State::Without, "")
    }));
    facts
}

fn runtime() -> Fact {
    let folder = runtime_folder();
    told_folder(
        Fact::there("runtime_folder", "runtime folder", ""),
        &folder,
        State::Missing,
        journal::folder::check,
    )
}

fn state() -> Fact {
    let fact = Fact::there("state_folder", "state folder", "");
    told_folder(fact, &state_folder(), State::Without, |_| Ok(()))
}

/// Whether a folder can be written, or made where it is not there.
fn told_folder(fact: Fact, folder: &Path, worst: State, check: impl Fn(&Path) -> Result<(), String>) -> Fact {
    let place = folder.display();
    let nearest = folder
        .ancestors()
        .find(|folder| folder.exists())
        .unwrap_or(Path::new("/"));
    let is_there = nearest == folder;
    let mend = format!("mkdir -p {place} && chown {} {place}", geteuid().as_raw());
    if access(nearest, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        let detail = format!("`{}` cannot be written", nearest.display());
        return Fact { detail, ..fact }.lacking(worst, mend);
    }
    match (is_there, check(folder)) {
        (true, Err(why)) => Fact { detail: why, ..fact }.lacking(worst, ""),
        (true, Ok(())) => Fact {
            detail: format!("`{place}` can be written"),
            ..fact
        },
        (false, _) => Fact {
            detail: format!("`{place}` can be made"),
            ..fact
        },
    }
}

/// Journals whose run is no more, and what it left changed.
fn journals(folder: &Path) -> Vec<Fact> {
    let left = |path: PathBuf| {
        let contents = journal::read::read(&std::fs::read(&path).ok()?);
        let run = contents.head.as_ref().map_or("unknown", |head| &head.run).to_owned();
        if contents.head.as_ref().is_some_and(is_alive) {
            return None;
        }
        let detail = format!(
            "run {run} is dead and left {} changes in `{}`",
            contents.open.len(),
            path.display()
        );
        Some(Fact::there("journal", "a dead run", detail).lacking(State::Without, "pipeline restore"))
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "journal"))
        .collect();
    paths.sort();
    paths.into_iter().filter_map(left).collect()
}

/// Whether its process lives. The file's lock would say more, and taking it, were it for a moment, could keep somebody
/// from putting things back.
fn is_alive(head: &Head) -> bool {
    let same = |stat: &Stat| head.start_time == 0 || stat.start_time == head.start_time;
    Stat::of(head.pid).is_some_and(|stat| same(&stat) && !stat.is_dead())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_virtual_machine_is_told_by_its_flag() {
        assert!(told_machine("flags\t\t: fpu hypervisor sse\n", "").starts_with("virtual:"));
        assert!(
            told_machine("flags\t\t: fpu nohypervisor\n", "A B").starts_with("no sign of a hypervisor; made by `A B`")
        );
        assert!(told_machine("Features\t: fp asimd\n", "").contains("does not tell"));
    }

    #[test]
    fn few_open_files_are_told_with_the_remedy() {
        let few = told_files(Some(1024), Some(65536));
        assert_eq!(few.state, State::Without);
        assert!(
            few.detail.starts_with("1024 (") && few.mend.starts_with("ulimit -n"),
            "{few:?}"
        );
        assert_eq!(told_files(None, None).state, State::There);
    }

    #[test]
    fn a_folder_is_writable_can_be_made_or_neither() {
        let place = tempfile::tempdir().unwrap();
        let fact = || Fact::there("x", "x", "");
        let told = |folder: &Path, verdict: Result<(), String>| {
            told_folder(fact(), folder, State::Missing, |_| verdict.clone())
        };
        assert!(told(place.path(), Ok(())).detail.ends_with("can be written"));
        let refused = told(place.path(), Err("is a link".to_owned()));
        assert_eq!((refused.state, refused.detail.as_str()), (State::Missing, "is a link"));
        assert!(told(&place.path().join("a/b"), Ok(())).detail.ends_with("can be made"));
        let closed = told(Path::new("/proc/self/a/b"), Ok(()));
        assert_eq!(closed.state, State::Missing);
        assert!(
            closed.mend.starts_with("mkdir -p /proc/self/a/b && chown "),
            "{closed:?}"
        );
    }

    #[test]
    fn only_dead_runs_are_told() {
        let place = tempfile::tempdir().unwrap();
        let write = |name: &str, pid: u32| {
            let line = format!("{{\"run\":{{\"version\":1,\"run\":\"{name}\",\"boot\":\"b\",\"pid\":{pid}}}}}\n");
            let path = place.path().join(format!("{name}.journal"));
            std::fs::write(&path, line).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        };
        write("lives", std::process::id());
        // Ids stop at 4194304 (proc(5), pid_max).
        write("died", 4_194_305);
        let found = journals(place.path());
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].detail.starts_with("run died is dead and left 0 changes"),
            "{found:?}"
        );
        assert_eq!(found[0].mend, "pipeline restore");
        assert!(journals(Path::new("/nowhere/at/all")).is_empty());
    }
}
