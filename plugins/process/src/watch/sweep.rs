//! One sweep over `/proc`: every process with what it is chosen by. Reads one short file a process, into buffers that
//! are kept; decides nothing.

use crate::parse::{self, ProcStat};
use rustix::fs::{Mode, OFlags, RawDir, SeekFrom, openat, seek};
use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::path::Path;

/// Room for the entries of one getdents64(2): some 1,300 processes.
const NAMES: usize = 32 << 10;
/// A `/proc/PID/stat` is some 330 bytes long and never longer than its 52 numbers can be.
const TEXT: usize = 2048;
/// `4294967295/stat` and a NUL.
const PATH: usize = 16;

/// What a sweep needs, and what the last one found.
#[derive(Debug)]
pub struct Sweep {
    proc: File,
    names: Box<[MaybeUninit<u8>]>,
    text: Box<[u8]>,
    found: Vec<ProcStat>,
    uptime: u64,
}

impl Sweep {
    /// Sweeps over the processes in that folder.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn of(proc: &Path) -> io::Result<Self> {
        Ok(Self {
            proc: File::open(proc)?,
            names: vec![MaybeUninit::uninit(); NAMES].into(),
            text: vec![0; TEXT].into(),
            found: Vec::new(),
            uptime: 0,
        })
    }

    /// The processes that lived when they were looked at, sorted by id, and the time since boot before that in
    /// hundredths of a second.
    ///
    /// # Errors
    /// The folder or its `uptime` cannot be read; one process that ends meanwhile is no error.
    pub fn look(&mut self) -> io::Result<(&[ProcStat], u64)> {
        let Self {
            proc,
            names,
            text,
            found,
            uptime,
        } = self;
        found.clear();
        let length = read(proc, c"uptime", text)?;
        *uptime = parse::uptime_hundredths(&text[..length]).ok_or(io::ErrorKind::InvalidData)?;
        seek(&*proc, SeekFrom::Start(0))?;
        let mut entries = RawDir::new(&*proc, names);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let mut path = [0; PATH];
            let Some(path) = stat_path(entry.file_name(), &mut path) else {
                continue;
            };
            let Ok(length) = read(proc, path, text) else { continue };
            found.extend(parse::proc_stat(&text[..length]).filter(ProcStat::is_alive));
        }
        // The kernel lists them by id; a tree of plain files may not.
        if !found.is_sorted_by_key(|stat| stat.pid) {
            found.sort_unstable_by_key(|stat| stat.pid);
        }
        Ok((found, *uptime))
    }
}

/// The process of that id among those sorted by id.
pub fn find(all: &[ProcStat], pid: u32) -> Option<usize> {
    all.binary_search_by_key(&pid, |stat| stat.pid).ok()
}

/// `NAME/stat` where the name is a number.
fn stat_path<'path>(name: &CStr, path: &'path mut [u8; PATH]) -> Option<&'path CStr> {
    let name = name.to_bytes();
    let is_id = !name.is_empty() && name.iter().all(u8::is_ascii_digit);
    let rest = b"/stat\0";
    let whole = path.get_mut(..name.len() + rest.len()).filter(|_| is_id)?;
    whole[..name.len()].copy_from_slice(name);
    whole[name.len()..].copy_from_slice(rest);
    CStr::from_bytes_with_nul(whole).ok()
}

fn read(proc: &File, path: &CStr, text: &mut [u8]) -> io::Result<usize> {
    let file = openat(proc, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    Ok(rustix::io::read(&file, text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_found_with_its_parent() {
        let mut sweep = Sweep::of(Path::new("/proc")).unwrap();
        let (all, uptime) = sweep.look().unwrap();
        let own = all[find(all, std::process::id()).unwrap()];
        assert_eq!(own.parent, std::os::unix::process::parent_id());
        assert!(own.start_time / 100 <= uptime / 100 + 1, "{own:?} {uptime}");
        assert!(all.is_sorted_by_key(|stat| stat.pid));
    }

    #[test]
    fn a_second_look_finds_no_process_twice() {
        let mut sweep = Sweep::of(Path::new("/proc")).unwrap();
        sweep.look().unwrap();
        let (all, _) = sweep.look().unwrap();
        assert!(all.windows(2).all(|pair| pair[0].pid < pair[1].pid));
    }

    #[test]
    fn what_is_no_process_and_what_ended_is_left_out() {
        let tree = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = tree.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let stat = |pid: u32, state: char| format!("{pid} (a b) {state} 1 2 3 0 -1 0 0 0 0 0 7 8 0 0 20 0 1 0 55 0\n");
        write("uptime", "10.25 3.00\n");
        write("12/stat", &stat(12, 'S'));
        write("7/stat", &stat(7, 'R'));
        write("9/stat", &stat(9, 'Z'));
        write("11/status", "no stat\n");
        write("self/stat", &stat(1, 'R'));
        let mut sweep = Sweep::of(tree.path()).unwrap();
        let (all, uptime) = sweep.look().unwrap();
        assert_eq!(all.iter().map(|stat| stat.pid).collect::<Vec<_>>(), [7, 12]);
        assert_eq!(uptime, 1025);
    }

    #[test]
    fn names_that_are_too_long_or_no_numbers_have_no_path() {
        let path = |name: &CStr| stat_path(name, &mut [0; PATH]).map(CStr::to_owned);
        assert_eq!(path(c"4294967295").as_deref(), Some(c"4294967295/stat"));
        assert_eq!(path(c"42949672951"), None);
        assert_eq!(path(c"12a"), None);
    }
}
