//! What a scenario needs of the machine. Where it is missing the test is skipped, unless
//! `PIPELINE_REQUIRE` (a list such as `redis,cgroup`) says that it must not be.

use std::io::Write;
use std::path::{Path, PathBuf};

/// Something that a machine may lack.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// `redis-server` on the path.
    Redis,
    /// `memcached` on the path.
    Memcached,
    /// Groups may be made: root, and a cgroup tree that may be written.
    Cgroup,
    /// Root.
    Root,
    /// `stress-ng` on the path.
    Stress,
    /// Two CPUs at least.
    Cpus,
    /// The emulated machine: `PIPELINE_LAB` is the path of what boots it and runs a command there.
    Lab,
    /// `pqos`, and the module of the emulated machine's kernel through which it reads registers.
    Pqos,
    /// A mount namespace of one's own, by `unshare`.
    Namespaces,
    /// A Docker engine of one's own may be started: root, `dockerd`, `docker`, and `busybox` for an image.
    Docker,
    /// The `duckdb` package of `python3`.
    Duckdb,
}

impl Need {
    fn word(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::Memcached => "memcached",
            Self::Cgroup => "cgroup",
            Self::Root => "root",
            Self::Stress => "stress",
            Self::Cpus => "cpus",
            Self::Lab => "lab",
            Self::Pqos => "pqos",
            Self::Namespaces => "namespaces",
            Self::Docker => "docker",
            Self::Duckdb => "duckdb",
        }
    }

    /// Why it is missing, where it is.
    fn missing(self) -> Option<&'static str> {
        match self {
            Self::Redis => (!on_path("redis-server")).then_some("there is no `redis-server`"),
            Self::Memcached => (!on_path("memcached")).then_some("there is no `memcached`"),
            Self::Stress => (!on_path("stress-ng")).then_some("there is no `stress-ng`"),
            Self::Lab => (!lab().is_file()).then_some("PIPELINE_LAB does not name what boots the emulated machine"),
            Self::Pqos if !Path::new(PQOS).is_file() => Some("there is no `pqos`; run `scripts/setup lab`"),
            Self::Pqos => (!has_module()).then_some("there is no `msr` for the lab's kernel; run `scripts/setup lab`"),
            Self::Duckdb => (!imports_duckdb()).then_some("`python3 -c 'import duckdb'` does not work here"),
            Self::Namespaces => (!unshares()).then_some("`unshare --mount` does not work here"),
            Self::Root => (!is_root()).then_some("it is not run as root"),
            Self::Docker if !is_root() => Some("engines are started as root only, and this is not"),
            Self::Docker => {
                let all = ["dockerd", "containerd", "docker", "busybox"].into_iter().all(on_path);
                (!all).then_some("`dockerd`, `containerd`, `docker` or `busybox` is missing")
            }
            Self::Cgroup if !is_root() => Some("groups are made as root only, and this is not"),
            Self::Cgroup => (!has_cpu_controller()).then_some("no group with a `cpu` controller can be made"),
            Self::Cpus => {
                let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
                (cpus < 2).then_some("there is one CPU only")
            }
        }
    }
}

/// Where the package intel-cmt-cat has it.
pub const PQOS: &str = "/usr/sbin/pqos";

/// Whether all that is needed is there; else says `SKIP` with the reason.
///
/// # Panics
/// Something that `PIPELINE_REQUIRE` names is missing.
pub fn have(needs: &[Need]) -> bool {
    for need in needs {
        let Some(why) = need.missing() else { continue };
        lack(*need, why);
        return false;
    }
    true
}

/// Says `SKIP` with the reason, for what is seen to be missing only when it is tried.
///
/// # Panics
/// `PIPELINE_REQUIRE` names it.
pub fn lack(need: Need, why: &str) {
    let required = std::env::var("PIPELINE_REQUIRE").unwrap_or_default();
    let word = need.word();
    assert!(!names(&required, need), "`{word}` is in PIPELINE_REQUIRE and {why}");
    // A test whose output cannot be written is none the worse for it.
    let _ = writeln!(std::io::stderr(), "SKIP: {why}");
}

/// What boots the emulated machine.
pub fn lab() -> PathBuf {
    std::env::var_os("PIPELINE_LAB").map(PathBuf::from).unwrap_or_default()
}

/// Where `scripts/setup lab` keeps modules for the emulated machine's kernels, as `msr-VERSION.ko`.
pub fn modules() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache");
    let cache = std::env::var_os("XDG_CACHE_HOME").filter(|text| !text.is_empty());
    cache.map_or_else(home, PathBuf::from).join("pipeline-lab")
}

/// Whether a list such as `redis,cgroup` names it.
fn names(required: &str, need: Need) -> bool {
    required.split(',').any(|word| word.trim() == need.word())
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// For which kernel it is the machine itself finds out.
fn has_module() -> bool {
    let entries = std::fs::read_dir(modules()).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .any(|name| name.starts_with("msr-") && name.ends_with(".ko"))
}

fn imports_duckdb() -> bool {
    let tried = std::process::Command::new("python3")
        .args(["-c", "import duckdb"])
        .output();
    tried.is_ok_and(|ended| ended.status.success())
}

fn unshares() -> bool {
    let tried = std::process::Command::new("unshare").args(["--mount", "true"]).output();
    tried.is_ok_and(|ended| ended.status.success())
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The `cpu` controller of version 1 or 2, in a tree that is not mounted read-only.
fn has_cpu_controller() -> bool {
    ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup"].iter().any(|top| {
        let top = Path::new(top);
        let v1 = top.join("cpu.shares").exists();
        let v2 = std::fs::read_to_string(top.join("cgroup.controllers")).is_ok_and(|list| list.contains("cpu"));
        // Tests of one process ask at the same time.
        let thread = rustix::thread::gettid().as_raw_nonzero();
        let probe = top.join(format!("pipeline-tests-probe-{}-{thread}", std::process::id()));
        (v1 || v2)
            && std::fs::create_dir(&probe)
                .and_then(|()| std::fs::remove_dir(&probe))
                .is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_list_names_is_required() {
        assert!(names("redis, cgroup", Need::Cgroup) && names("redis", Need::Redis));
        assert!(!names("redis", Need::Cgroup) && !names("", Need::Redis));
    }

    #[test]
    fn threads_that_ask_at_once_get_the_same_answer() {
        let alone = Need::Cgroup.missing();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..20).for_each(|_| assert_eq!(Need::Cgroup.missing(), alone)));
            }
        });
    }

    #[test]
    fn what_is_there_is_not_skipped() {
        assert!(on_path("sh") && !on_path("no-such-program-anywhere"));
        assert!(have(&[]));
    }
}
