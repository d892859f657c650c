//! Making a planned group, with every step in the journal before it is taken: whenever this process is killed, what
//! stands in the journal is enough to take all of it away again.
//!
//! Records are undone backwards, so the order here is that of making: what is switched on above, the directories, and
//! last how to end whatever is in them.

use super::super::error::Error;
use pipeline_cgroup_fs::{Directory, Group, Leaf, Made, SubtreeChange, Version};
use pipeline_plugin_api::host::UndoRecord;
use pipeline_plugin_api::prelude::*;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::result::Result;

/// A group that was made, and its place in the journal.
#[derive(Debug)]
pub struct Recorded {
    /// The group.
    pub group: Group,
    /// What was switched on above it.
    pub changes: Vec<SubtreeChange>,
    /// What is to be settled once all of it is taken away.
    pub records: Vec<UndoRecord>,
}

/// Makes a group as planned. With `tasks` whatever runs in it is killed before an undo removes it.
///
/// # Errors
/// It cannot be made, and what was begun is taken back; [`Error::Journal`].
pub fn make(plan: Leaf, tasks: bool, system: &System) -> Result<Recorded, Error> {
    let mut intent = Intent::of(&plan);
    if let Err(failure) = intent.record(system) {
        intent.settle_all(system);
        return Err(failure.into());
    }
    match plan.make() {
        Ok(made) => intent.fulfil(made, tasks, system),
        Err(error) => {
            intent.settle_what_is_not_there(is_taken(&error), system);
            Err(error.into())
        }
    }
}

/// Whether an error says that the name belongs to somebody else.
pub fn is_taken(error: &pipeline_cgroup_fs::Error) -> bool {
    matches!(error, pipeline_cgroup_fs::Error::Make { source, .. } if source.kind() == ErrorKind::AlreadyExists)
}

/// What is about to be done, and where that is recorded.
struct Intent {
    switches: Vec<Switch>,
    directories: Vec<(PathBuf, Option<UndoRecord>)>,
}

/// One controller that is about to be switched on.
struct Switch {
    path: PathBuf,
    inode: u64,
    /// What the file says before.
    found: String,
    /// What takes it back, such as `-cpu`.
    undo: String,
    /// What the file will say.
    after: String,
    record: Option<UndoRecord>,
}

impl Intent {
    fn of(plan: &Leaf) -> Self {
        Self {
            switches: plan.subtree_changes().iter().flat_map(switches).collect(),
            directories: plan.directories().map(|path| (path, None)).collect(),
        }
    }

    fn record(&mut self, system: &System) -> pipeline_plugin_api::stage::Result<()> {
        for switch in &mut self.switches {
            switch.record = Some(system.journal(&switch.undo())?);
        }
        for (path, record) in &mut self.directories {
            // The inode is not known before it is made; the name holds the run's, so it can be nobody else's.
            *record = Some(system.journal(&remove_dir(path, 0))?);
        }
        Ok(())
    }

    /// Records what was made as it is now, and settles what stood for it until then.
    fn fulfil(self, made: Made, tasks: bool, system: &System) -> Result<Recorded, Error> {
        let mut recorded = Recorded {
            group: made.group,
            changes: made.changes,
            records: Vec::new(),
        };
        match recorded.journal(&self, tasks, system) {
            Ok(()) => {
                self.directories
                    .into_iter()
                    .filter_map(|(_, record)| record)
                    .for_each(|record| system.settle(record));
                Ok(recorded)
            }
            Err(failure) => {
                recorded.group.remove()?;
                recorded.changes.iter().rev().try_for_each(SubtreeChange::undo)?;
                recorded.records.into_iter().for_each(|record| system.settle(record));
                self.settle_all(system);
                Err(failure.into())
            }
        }
    }

    /// After a failure everything was taken back, as far as that could be done: what could not stays recorded.
    fn settle_what_is_not_there(self, is_taken: bool, system: &System) {
        for (path, record) in self.directories {
            if is_taken || !path.exists() {
                record.into_iter().for_each(|record| system.settle(record));
            }
        }
        for switch in self.switches {
            if text(&switch.path).is_none_or(|text| text == switch.found) {
                switch.record.into_iter().for_each(|record| system.settle(record));
            }
        }
    }

    fn settle_all(self, system: &System) {
        let switches = self.switches.into_iter().filter_map(|switch| switch.record);
        let directories = self.directories.into_iter().filter_map(|(_, record)| record);
        switches.chain(directories).for_each(|record| system.settle(record));
    }
}

impl Recorded {
    fn journal(&mut self, intent: &Intent, tasks: bool, system: &System) -> pipeline_plugin_api::stage::Result<()> {
        for change in &self.changes {
            let steps = || intent.switches.iter().filter(|switch| switch.path == change.path);
            self.records.extend(steps().filter_map(|switch| switch.record));
            let now = text(&change.path).unwrap_or_default();
            if steps().next_back().is_none_or(|last| last.after != now) {
                // The kernel refused one of them, or somebody else switched something too.
                self.records.push(system.journal(&undo_of(change, now))?);
            }
        }
        let never = intent
            .switches
            .iter()
            .filter(|switch| !self.changes.iter().any(|change| change.path == switch.path));
        never
            .filter_map(|switch| switch.record)
            .for_each(|record| system.settle(record));
        for directory in self.group.directories() {
            self.records
                .push(system.journal(&remove_dir(&directory.path, directory.inode))?);
        }
        if tasks {
            for directory in self.group.directories() {
                self.records.push(system.journal(&kill_tasks(directory))?);
            }
        }
        Ok(())
    }
}

impl Switch {
    /// `before` is what is to be written. It is never what the file reads, so only `after` tells whether it is on.
    fn undo(&self) -> Undo {
        Undo {
            kind: UndoKind::WRITE_FILE,
            path: self.path.to_string_lossy().into_owned().into(),
            inode: self.inode,
            before: self.undo.as_str().into(),
            after: self.after.as_str().into(),
            ..Undo::default()
        }
    }
}

/// The steps of a change, one for each controller, since each is written for itself.
///
/// The kernel prints controllers in the same order in `cgroup.subtree_control` as in `cgroup.controllers`
/// (cgroup-v2.rst, "Enabling and Disabling"), so what the file will say is known before.
fn switches(change: &SubtreeChange) -> Vec<Switch> {
    let offered = text(&change.path.with_file_name("cgroup.controllers")).unwrap_or_default();
    let mut on: Vec<&str> = change.before.split_whitespace().collect();
    let mut steps = Vec::new();
    for controller in change.enable.iter() {
        on.push(controller.name(Version::V2));
        let after: Vec<&str> = offered.split_whitespace().filter(|name| on.contains(name)).collect();
        steps.push(Switch {
            path: change.path.clone(),
            inode: change.inode,
            found: change.before.clone(),
            undo: format!("-{controller}"),
            after: after.join(" "),
            record: None,
        });
    }
    steps
}

fn undo_of(change: &SubtreeChange, now: String) -> Undo {
    Undo {
        kind: UndoKind::WRITE_FILE,
        path: change.path.to_string_lossy().into_owned().into(),
        inode: change.inode,
        before: change.undo_text().into(),
        after: now.into(),
        ..Undo::default()
    }
}

fn remove_dir(path: &Path, inode: u64) -> Undo {
    Undo {
        kind: UndoKind::REMOVE_DIR,
        path: path.to_string_lossy().into_owned().into(),
        inode,
        ..Undo::default()
    }
}

fn kill_tasks(directory: &Directory) -> Undo {
    let list = directory.path.join("cgroup.procs");
    Undo {
        kind: UndoKind::KILL_TASKS,
        // One that vanished meanwhile lists nobody.
        inode: std::fs::metadata(&list).map_or(0, |list| list.ino()),
        path: list.to_string_lossy().into_owned().into(),
        ..Undo::default()
    }
}

fn text(path: &Path) -> Option<String> {
    Some(std::fs::read_to_string(path).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RunConfig;
    use pipeline_cgroup_fs::Controller;
    use pipeline_plugin_api::stage::Provides;
    use pipeline_plugin_api::testkit::TestHost;
    use std::cell::RefCell;

    thread_local! {
        static SYSTEM: RefCell<Option<System>> = const { RefCell::new(None) };
    }

    /// Keeps the system that nodes are given at their start.
    struct Keeper;

    impl Element for Keeper {
        const NAME: &'static str = "process.keeper";
        const SUMMARY: &'static str = "keeps the system";
        type Config = RunConfig;
        fn ports(_: &RunConfig) -> Ports {
            Ports::new()
        }
        fn create(_: RunConfig, _: &Host) -> pipeline_plugin_api::stage::Result<Self> {
            Ok(Self)
        }
    }

    impl TargetProvider for Keeper {
        fn start(&mut self, system: &System) -> pipeline_plugin_api::stage::Result<()> {
            SYSTEM.set(Some(system.clone()));
            Ok(())
        }
        fn provide(&mut self, _: &Tick<'_>, _: &mut Batch) -> pipeline_plugin_api::stage::Result<Wish> {
            Ok(Wish::Nothing)
        }
    }

    fn system(host: &TestHost) -> System {
        let mut node = host.node::<Provides<Keeper>>("(command: \"true\")").unwrap();
        node.start().unwrap();
        SYSTEM.take().unwrap()
    }

    fn change(folder: &Path) -> SubtreeChange {
        let path = folder.join("cgroup.subtree_control");
        std::fs::write(folder.join("cgroup.controllers"), "cpuset cpu io memory hugetlb pids\n").unwrap();
        std::fs::write(&path, "cpu memory\n").unwrap();
        SubtreeChange {
            inode: std::fs::metadata(&path).unwrap().ino(),
            path,
            before: "cpu memory".into(),
            enable: [Controller::Pids, Controller::Io].into_iter().collect(),
        }
    }

    fn intent(folder: &Path) -> Intent {
        Intent {
            switches: switches(&change(folder)),
            directories: vec![(folder.join("leaf"), None)],
        }
    }

    fn journal(host: &TestHost) -> Vec<(UndoKind, String, String)> {
        let text = |undo: &Undo| (undo.kind, undo.before.to_string(), undo.after.to_string());
        host.world().journal.values().map(text).collect()
    }

    /// Each is written for itself, so whichever write is the last one made, one record says what the file reads.
    #[test]
    fn each_controller_has_a_record_with_what_the_file_will_say() {
        let folder = tempfile::tempdir().unwrap();
        let host = TestHost::new();
        let mut intent = intent(folder.path());
        intent.record(&system(&host)).unwrap();
        let line = |kind, before: &str, after: &str| (kind, before.to_owned(), after.to_owned());
        assert_eq!(
            journal(&host),
            [
                line(UndoKind::WRITE_FILE, "-io", "cpu io memory"),
                line(UndoKind::WRITE_FILE, "-pids", "cpu io memory pids"),
                line(UndoKind::REMOVE_DIR, "", ""),
            ]
        );
    }

    #[test]
    fn what_could_not_be_taken_back_stays_recorded() {
        let folder = tempfile::tempdir().unwrap();
        let host = TestHost::new();
        let system = system(&host);
        let mut left = intent(folder.path());
        left.record(&system).unwrap();
        std::fs::create_dir(folder.path().join("leaf")).unwrap();
        std::fs::write(folder.path().join("cgroup.subtree_control"), "cpu io memory\n").unwrap();
        left.settle_what_is_not_there(false, &system);
        assert_eq!(journal(&host).len(), 3);
    }

    #[test]
    fn a_directory_of_somebody_else_is_settled_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let host = TestHost::new();
        let system = system(&host);
        let mut taken = intent(folder.path());
        taken.record(&system).unwrap();
        std::fs::create_dir(folder.path().join("leaf")).unwrap();
        taken.settle_what_is_not_there(true, &system);
        assert_eq!(journal(&host), []);
    }
}
