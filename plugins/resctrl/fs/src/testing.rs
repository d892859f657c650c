//! A resctrl filesystem in memory that behaves as the kernel's does where it matters, and fails where a test wants it
//! to: one L3 with 11 ways and 16 classes, bandwidth in percent with 8, 64 monitoring ids.

use crate::{BandwidthControl, BandwidthUnit, Files, Lock, MOUNT_POINT, Mask, Resctrl, Resource, Schemata};
use rustix::io::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const ALL: &str = "MB:0=100\nL3:0=7ff\n";
const STATUS: &str = "info/last_cmd_status";

/// A filesystem in memory. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Fake(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<PathBuf, String>,
    /// Folders by path, with inodes.
    folders: BTreeMap<PathBuf, u64>,
    next_inode: u64,
    /// Living tasks: the control group and the monitoring group of each.
    tasks: BTreeMap<u32, (PathBuf, Option<PathBuf>)>,
    /// Operation, part of the path, error: each is used once.
    faults: Vec<(String, String, Errno)>,
    may_move: bool,
    locked: bool,
    classes: usize,
    writes: Vec<String>,
}

impl Fake {
    /// As it is after mounting.
    pub fn new() -> Self {
        let fake = Self::default();
        {
            let mut state = fake.state();
            state.classes = 8;
            let root = PathBuf::from(MOUNT_POINT);
            state.folder(&root);
            state.group(&root, true);
            let info = [
                ("info/L3/num_closids", "16\n"),
                ("info/L3/cbm_mask", "7ff\n"),
                ("info/L3/min_cbm_bits", "1\n"),
                ("info/L3/shareable_bits", "600\n"),
                ("info/MB/num_closids", "8\n"),
                ("info/MB/min_bandwidth", "10\n"),
                ("info/MB/bandwidth_gran", "10\n"),
                ("info/L3_MON/num_rmids", "64\n"),
                (
                    "info/L3_MON/mon_features",
                    "llc_occupancy\nmbm_total_bytes\nmbm_local_bytes\n",
                ),
                (STATUS, "ok\n"),
            ];
            info.iter().for_each(|(path, text)| state.put(&root.join(path), text));
        }
        fake
    }

    /// The filesystem as the library sees it.
    ///
    /// # Panics
    /// It cannot be opened, which is the test's matter.
    pub fn open(&self) -> Resctrl {
        Resctrl::open_fake(self).expect("the tree is whole")
    }

    /// The same, leaving the faults that were asked for to what comes after.
    ///
    /// # Panics
    /// It cannot be opened, which is the test's matter.
    pub fn open_failing_later(&self) -> Resctrl {
        let faults = std::mem::take(&mut self.state().faults);
        let resctrl = self.open();
        self.state().faults = faults;
        resctrl
    }

    /// Sets a file; a path that is not absolute lies in the mount.
    pub fn put(&self, path: &str, text: &str) {
        self.state().put(&Path::new(MOUNT_POINT).join(path), text);
    }

    /// Removes a folder with all below, as nobody but the kernel can.
    pub fn vanish(&self, path: &str) {
        let path = Path::new(MOUNT_POINT).join(path);
        let mut state = self.state();
        state.folders.retain(|folder, _| !folder.starts_with(&path));
        state.files.retain(|file, _| !file.starts_with(&path));
    }

    /// The next operation of that kind (`read`, `write`, `make`, `remove`, `rename`) on a path that holds `part` fails.
    pub fn fail(&self, operation: &str, part: &str, error: Errno) {
        self.state().faults.push((operation.to_owned(), part.to_owned(), error));
    }

    /// Monitoring groups may be moved between control groups, as on kernels from 6.3 or so on.
    pub fn allow_moves(&self) {
        self.state().may_move = true;
    }

    /// Somebody else has the lock, or has it no more.
    pub fn lock_elsewhere(&self, locked: bool) {
        self.state().locked = locked;
    }

    /// A task begins to live, in the default group.
    pub fn run(&self, task: u32) {
        let root = PathBuf::from(MOUNT_POINT);
        let mut state = self.state();
        state.tasks.insert(task, (root, None));
        state.folder(Path::new(&format!("/proc/{task}/task/{task}")));
    }

    /// A task ends.
    pub fn end(&self, task: u32) {
        let mut state = self.state();
        state.tasks.remove(&task);
        let path = PathBuf::from(format!("/proc/{task}"));
        state.folders.retain(|folder, _| !folder.starts_with(&path));
    }

    /// Every write so far, as `path text`, paths below the mount.
    pub fn writes(&self) -> Vec<String> {
        self.state().writes.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Resctrl {
    /// Opens a filesystem in memory.
    ///
    /// # Errors
    /// As [`Resctrl::open`].
    pub fn open_fake(fake: &Fake) -> Result<Self, crate::Error> {
        Self::open_with(MOUNT_POINT, Arc::new(fake.clone()))
    }
}

impl Files for Fake {
    fn read(&self, path: &Path) -> io::Result<String> {
        let mut state = self.state();
        state.fault("read", path)?;
        if let Some(task) = groups_of(path) {
            let (control, monitor) = state.tasks.get(&task).ok_or(Errno::NOENT)?;
            let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let control = match control == Path::new(MOUNT_POINT) {
                true => "/".to_owned(),
                false => name(control),
            };
            return Ok(format!(
                "res:{control}\nmon:{}\n",
                monitor.as_deref().map(name).unwrap_or_default()
            ));
        }
        if path.ends_with("tasks") && path.starts_with(MOUNT_POINT) {
            return state.tasks_of(path.parent().ok_or(Errno::NOENT)?);
        }
        Ok(state.files.get(path).cloned().ok_or(Errno::NOENT)?)
    }

    fn write(&self, path: &Path, text: &str) -> io::Result<()> {
        let mut state = self.state();
        state.fault("write", path)?;
        if !state.files.contains_key(path) {
            return Err(Errno::NOENT.into());
        }
        let shown = path.strip_prefix(MOUNT_POINT).unwrap_or(path).display().to_string();
        state
            .writes
            .push(format!("{shown} {}", text.trim_end().replace('\n', ";")));
        let group = path.parent().ok_or(Errno::NOENT)?;
        state.status("ok");
        match path.file_name().and_then(|name| name.to_str()) {
            Some("tasks") => state.join(group, text),
            Some("schemata") => state.divide(path, text),
            _ => {
                state.put(path, text);
                Ok(())
            }
        }
    }

    fn make(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.fault("make", path)?;
        if state.folders.contains_key(path) {
            return Err(Errno::EXIST.into());
        }
        let parent = path.parent().ok_or(Errno::NOENT)?;
        if !state.folders.contains_key(parent) {
            return Err(Errno::NOENT.into());
        }
        let is_control = parent == Path::new(MOUNT_POINT);
        if is_control && state.control_groups() >= state.classes {
            state.status("Out of CLOSIDs");
            return Err(Errno::NOSPC.into());
        }
        state.group(path, is_control);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.fault("remove", path)?;
        if !state.folders.contains_key(path) {
            return Err(Errno::NOENT.into());
        }
        for (control, monitor) in state.tasks.values_mut() {
            if control.as_path() == path {
                (*control, *monitor) = (PathBuf::from(MOUNT_POINT), None);
            }
            if monitor.as_deref() == Some(path) {
                *monitor = None;
            }
        }
        state.folders.retain(|folder, _| !folder.starts_with(path));
        state.files.retain(|file, _| !file.starts_with(path));
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.fault("rename", from)?;
        if !state.may_move {
            return Err(Errno::PERM.into());
        }
        let moved = |path: &Path| path.strip_prefix(from).map(|rest| to.join(rest)).ok();
        let control = to.ancestors().nth(2).ok_or(Errno::NOENT)?.to_owned();
        state.folders = std::mem::take(&mut state.folders)
            .into_iter()
            .map(|(path, inode)| (moved(&path).unwrap_or(path), inode))
            .collect();
        state.files = std::mem::take(&mut state.files)
            .into_iter()
            .map(|(path, text)| (moved(&path).unwrap_or(path), text))
            .collect();
        for (group, monitor) in state.tasks.values_mut() {
            if monitor.as_deref() == Some(from) {
                (*group, *monitor) = (control.clone(), Some(to.to_owned()));
            }
        }
        Ok(())
    }

    fn folders(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut state = self.state();
        state.fault("folders", path)?;
        if !state.folders.contains_key(path) {
            return Err(Errno::NOENT.into());
        }
        let below = state.folders.keys().filter(|folder| folder.parent() == Some(path));
        Ok(below
            .filter_map(|folder| Some(folder.file_name()?.to_string_lossy().into_owned()))
            .collect())
    }

    fn inode(&self, path: &Path) -> io::Result<u64> {
        Ok(self.state().folders.get(path).copied().ok_or(Errno::NOENT)?)
    }

    fn try_lock(&self, _: &Path) -> io::Result<Option<Lock>> {
        Ok((!self.state().locked).then(Lock::of_nothing))
    }
}

/// The task of `/proc/PID/cpu_resctrl_groups`.
fn groups_of(path: &Path) -> Option<u32> {
    let task = path
        .to_str()?
        .strip_prefix("/proc/")?
        .strip_suffix("/cpu_resctrl_groups")?;
    task.parse().ok()
}

impl State {
    fn fault(&mut self, operation: &str, path: &Path) -> io::Result<()> {
        let path = path.to_string_lossy();
        let found = self
            .faults
            .iter()
            .position(|(what, part, _)| what == operation && path.contains(part.as_str()));
        match found {
            Some(place) => Err(self.faults.remove(place).2.into()),
            None => Ok(()),
        }
    }

    fn put(&mut self, path: &Path, text: &str) {
        if let Some(parent) = path.parent() {
            self.folder(parent);
        }
        self.files.insert(path.to_owned(), text.to_owned());
    }

    fn folder(&mut self, path: &Path) {
        for folder in path.ancestors() {
            if !self.folders.contains_key(folder) {
                self.next_inode += 1;
                self.folders.insert(folder.to_owned(), self.next_inode);
            }
        }
    }

    fn group(&mut self, path: &Path, is_control: bool) {
        self.put(&path.join("tasks"), "");
        for file in ["llc_occupancy", "mbm_total_bytes", "mbm_local_bytes"] {
            self.put(&path.join("mon_data/mon_L3_00").join(file), "0\n");
        }
        if is_control {
            self.put(&path.join("schemata"), ALL);
            self.put(&path.join("mode"), "shareable\n");
            self.folder(&path.join("mon_groups"));
        }
    }

    fn control_groups(&self) -> usize {
        self.files.keys().filter(|file| file.ends_with("schemata")).count()
    }

    fn status(&mut self, text: &str) {
        self.put(&Path::new(MOUNT_POINT).join(STATUS), &format!("{text}\n"));
    }

    fn tasks_of(&self, group: &Path) -> io::Result<String> {
        if !self.folders.contains_key(group) {
            return Err(Errno::NOENT.into());
        }
        let is_in =
            |(control, monitor): &(PathBuf, Option<PathBuf>)| control == group || monitor.as_deref() == Some(group);
        let tasks: BTreeSet<u32> = self
            .tasks
            .iter()
            .filter(|(_, of)| is_in(of))
            .map(|(task, _)| *task)
            .collect();
        Ok(tasks.iter().map(|task| format!("{task}\n")).collect())
    }

    fn join(&mut self, group: &Path, text: &str) -> io::Result<()> {
        let task: u32 = text.trim().parse().map_err(|_| Errno::INVAL)?;
        let Some((control, monitor)) = self.tasks.get_mut(&task) else {
            self.status(&format!("No task {task}"));
            return Err(Errno::SRCH.into());
        };
        let above = group.parent().filter(|parent| parent.ends_with("mon_groups"));
        match above.and_then(Path::parent) {
            None => (*control, *monitor) = (group.to_owned(), None),
            Some(of) if of == control => *monitor = Some(group.to_owned()),
            Some(_) => {
                self.status("Can't move task to different control group");
                return Err(Errno::INVAL.into());
            }
        }
        Ok(())
    }

    fn divide(&mut self, path: &Path, text: &str) -> io::Result<()> {
        let wanted: Schemata = text.parse().map_err(|_| Errno::INVAL)?;
        let stands = self.files.get(path).and_then(|text| text.parse::<Schemata>().ok());
        let mut stands = stands.ok_or(Errno::NOENT)?;
        for line in &wanted.lines {
            for (&id, &value) in &line.domains {
                let known = stands
                    .line(line.resource)
                    .is_some_and(|line| line.domains.contains_key(&id));
                let value = self.allowed(line.resource, value)?;
                if !known {
                    return Err(Errno::INVAL.into());
                }
                stands.put(line.resource, [(id, value)]);
            }
        }
        self.put(path, &stands.to_string());
        Ok(())
    }

    fn allowed(&mut self, resource: Resource, value: u64) -> io::Result<u64> {
        if resource == Resource::Bandwidth {
            let control = BandwidthControl {
                resource,
                closids: 8,
                least: 10,
                most: 100,
                step: 10,
                unit: BandwidthUnit::Percent,
                domains: vec![0],
            };
            return Ok(control.rounded(value));
        }
        if !Mask(0x7ff).holds(Mask(value)) || value == 0 {
            self.status("Mask out of range");
            return Err(Errno::INVAL.into());
        }
        if !Mask(value).is_contiguous() {
            self.status(&format!("The mask {value:x} has non-consecutive 1-bits"));
            return Err(Errno::INVAL.into());
        }
        Ok(value)
    }
}
