//! Which threads and processes a target has now: from its group, so that children are included, or from the processes
//! that it was told with.

use super::io::{Io, Kept, Lost, lost};
use crate::{fs, parse};
use pipeline_plugin_api::abi::{CgroupDir, Process, Target};
use rustix::fs::{RawDir, SeekFrom, seek};
use std::fs::File;
use std::mem::MaybeUninit;
use std::path::PathBuf;

/// Where ids are looked for.
#[derive(Debug)]
pub enum Listing {
    /// In the files of a group.
    Group(GroupFiles),
    /// In `/proc/PID/task` of each process.
    Processes(Vec<Tasks>),
}

/// The lists of one directory of a group.
#[derive(Debug)]
pub struct GroupFiles {
    dir: PathBuf,
    /// `cgroup.threads` in version 2, `tasks` in version 1.
    threads_name: &'static str,
    threads: Kept,
    processes: Kept,
}

/// The threads of one process.
#[derive(Debug)]
pub struct Tasks {
    process: Process,
    /// Stands for this process alone, also once its id is another's.
    dir: Option<File>,
    /// Whether `dir` counts among the files kept open, and so stays open.
    counted: bool,
    /// Whether it was there when its threads were listed last.
    there: bool,
}

impl Listing {
    /// Where the ids of that target are.
    pub fn of(target: &Target) -> Self {
        match preferred(&target.cgroups) {
            Some(dir) => Self::Group(GroupFiles {
                dir: PathBuf::from(dir.path.as_str()),
                threads_name: if dir.controller == "unified" {
                    "cgroup.threads"
                } else {
                    "tasks"
                },
                threads: Kept::default(),
                processes: Kept::default(),
            }),
            None => Self::Processes(target.processes.iter().map(Tasks::of).collect()),
        }
    }

    /// Puts the ids of its threads into `ids`, sorted.
    ///
    /// # Errors
    /// [`Lost`] if there is nothing left to look at.
    pub fn threads(&mut self, ids: &mut Vec<u32>, io: &mut Io) -> Result<(), Lost> {
        match self {
            Self::Group(files) => {
                let path = |_: &Io| files.dir.join(files.threads_name);
                parse::ids(files.threads.read_whole(path, io)?, ids);
                Ok(())
            }
            Self::Processes(all) => {
                ids.clear();
                // One process that is there is enough; if there is none, the first says why.
                let found = all.iter_mut().map(|tasks| tasks.list(ids, io)).reduce(Result::or);
                ids.sort_unstable();
                found.unwrap_or(Err(Lost::Gone))
            }
        }
    }

    /// Puts the ids of its processes into `ids`, sorted.
    ///
    /// # Errors
    /// [`Lost`] if there is nothing left to look at.
    pub fn processes(&mut self, ids: &mut Vec<u32>, io: &mut Io) -> Result<(), Lost> {
        match self {
            Self::Group(files) => {
                let path = |_: &Io| files.dir.join("cgroup.procs");
                parse::ids(files.processes.read_whole(path, io)?, ids);
            }
            Self::Processes(all) => {
                ids.clear();
                ids.extend(all.iter().filter(|tasks| tasks.there).map(|tasks| tasks.process.pid));
                ids.sort_unstable();
            }
        }
        Ok(())
    }

    /// Takes over what the target says now, keeping what is open.
    pub fn update(&mut self, target: &Target, io: &mut Io) {
        match (&mut *self, preferred(&target.cgroups)) {
            (Self::Group(files), Some(dir)) if files.dir.as_os_str() == dir.path.as_str() => {}
            (Self::Processes(all), None) => follow(all, &target.processes, io),
            _ => {
                self.close(io);
                *self = Self::of(target);
            }
        }
    }

    /// Closes all files.
    pub fn close(&mut self, io: &mut Io) {
        match self {
            Self::Group(files) => {
                files.threads.close(io);
                files.processes.close(io);
            }
            Self::Processes(all) => all.iter_mut().for_each(|tasks| tasks.close(io)),
        }
    }
}

impl Tasks {
    fn of(process: &Process) -> Self {
        Self {
            process: *process,
            dir: None,
            counted: false,
            there: false,
        }
    }

    /// Adds the ids of its threads.
    fn list(&mut self, ids: &mut Vec<u32>, io: &mut Io) -> Result<(), Lost> {
        let before = ids.len();
        let listed = self.open(io).and_then(|()| match &self.dir {
            Some(dir) => add_names(dir, ids).map_err(|error| lost(&error.into())),
            None => Err(Lost::Gone),
        });
        self.there = listed.is_ok() && ids.len() > before;
        if !self.there || !self.counted {
            self.close(io);
        }
        listed.and(if self.there { Ok(()) } else { Err(Lost::Gone) })
    }

    /// Opens the folder first and asks then whose it is: the other way round the id could become another's between.
    fn open(&mut self, io: &mut Io) -> Result<(), Lost> {
        if self.dir.is_some() {
            return Ok(());
        }
        let Process { pid, start_time } = self.process;
        let dir = File::open(io.path(pid, "task")).map_err(|error| lost(&error))?;
        let stat = fs::task_stat(&io.proc, pid).map_err(|error| lost(&error))?;
        if stat.start_time != start_time {
            return Err(Lost::Gone);
        }
        self.counted = io.take_room();
        self.dir = Some(dir);
        Ok(())
    }

    fn close(&mut self, io: &mut Io) {
        self.dir = None;
        if std::mem::take(&mut self.counted) {
            io.give_room();
        }
    }
}

/// Makes `all` those of `processes`, keeping what is known of those that stay.
fn follow(all: &mut Vec<Tasks>, processes: &[Process], io: &mut Io) {
    all.retain_mut(|tasks| {
        let stays = processes.contains(&tasks.process);
        if !stays {
            tasks.close(io);
        }
        stays
    });
    for process in processes {
        if !all.iter().any(|tasks| tasks.process == *process) {
            all.push(Tasks::of(process));
        }
    }
}

/// The directory in which to look: that of version 2, else the first.
fn preferred(dirs: &[CgroupDir]) -> Option<&CgroupDir> {
    dirs.iter().find(|dir| dir.controller == "unified").or(dirs.first())
}

/// Adds the numbers among the names in a folder.
fn add_names(dir: &File, ids: &mut Vec<u32>) -> rustix::io::Result<()> {
    seek(dir, SeekFrom::Start(0))?;
    let mut buffer = [MaybeUninit::uninit(); 2048];
    let mut entries = RawDir::new(dir, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        ids.extend(
            entry
                .file_name()
                .to_str()
                .ok()
                .and_then(|name| name.parse::<u32>().ok()),
        );
    }
    Ok(())
}
