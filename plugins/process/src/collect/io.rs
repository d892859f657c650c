//! Reading files of `/proc` and of groups again and again, on descriptors kept open as far as the bound allows.
//!
//! A kept descriptor of a task's file stands for that task alone: once it ended, reading says so, even if its id was
//! given to another.

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// No list of ids comes near this.
const LARGEST: usize = 16 << 20;

/// What every read needs.
#[derive(Debug)]
pub struct Io {
    /// Where `/proc` is.
    pub proc: PathBuf,
    /// Whether threads have scheduling statistics.
    pub has_schedstat: bool,
    buffer: Vec<u8>,
    keep: u32,
    held: u32,
}

/// A file that is read again and again.
#[derive(Debug, Default)]
pub struct Kept(Option<File>);

/// Why there is nothing to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The task or group ended, which is normal.
    Gone,
    /// It may not be read by this user.
    Forbidden,
}

impl Io {
    /// Reads below `proc` and keeps at most `keep` files open, or half of what this process may open.
    pub fn new(proc: &Path, keep: u32) -> Self {
        let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX) / 2;
        Self {
            proc: proc.to_path_buf(),
            has_schedstat: true,
            buffer: vec![0; 4096],
            keep: keep.min(u32::try_from(allowed).unwrap_or(u32::MAX)),
            held: 0,
        }
    }

    /// How many files are kept open.
    pub fn held(&self) -> u32 {
        self.held
    }

    /// The file of a task: `/proc/ID/NAME`.
    pub fn path(&self, id: u32, name: &str) -> PathBuf {
        self.proc.join(format!("{id}/{name}"))
    }

    /// Takes room for one more open file, if there is any.
    pub fn take_room(&mut self) -> bool {
        let room = self.held < self.keep;
        self.held += u32::from(room);
        room
    }

    /// Gives back what [`Io::take_room`] gave.
    pub fn give_room(&mut self) {
        self.held -= 1;
    }
}

impl Kept {
    /// Whether it is open between two reads.
    pub fn is_open(&self) -> bool {
        self.0.is_some()
    }

    /// Reads a short text, such as one record of a task, in one call.
    ///
    /// # Errors
    /// [`Lost`].
    pub fn read<'io>(&mut self, path: impl Fn(&Io) -> PathBuf, io: &'io mut Io) -> Result<&'io [u8], Lost> {
        let length = self.with(path, io, |file, buffer| file.read_at(buffer, 0))?;
        Ok(&io.buffer[..length])
    }

    /// Reads a text of any length, such as a list of ids, until its end.
    ///
    /// # Errors
    /// [`Lost`].
    pub fn read_whole<'io>(&mut self, path: impl Fn(&Io) -> PathBuf, io: &'io mut Io) -> Result<&'io [u8], Lost> {
        let length = self.with(path, io, |file, buffer| {
            let mut length = 0;
            while length < LARGEST {
                if length == buffer.len() {
                    buffer.resize(length * 2, 0);
                }
                match file.read_at(&mut buffer[length..], length as u64)? {
                    0 => break,
                    more => length += more,
                }
            }
            Ok(length)
        })?;
        Ok(&io.buffer[..length])
    }

    /// Closes it.
    pub fn close(&mut self, io: &mut Io) {
        if self.0.take().is_some() {
            io.give_room();
        }
    }

    fn with(
        &mut self,
        path: impl Fn(&Io) -> PathBuf,
        io: &mut Io,
        read: impl Fn(&File, &mut Vec<u8>) -> std::io::Result<usize>,
    ) -> Result<usize, Lost> {
        if let Some(file) = &self.0 {
            return read(file, &mut io.buffer).map_err(|error| lost(&error));
        }
        let file = File::open(path(io)).map_err(|error| lost(&error))?;
        let length = read(&file, &mut io.buffer).map_err(|error| lost(&error))?;
        if io.take_room() {
            self.0 = Some(file);
        }
        Ok(length)
    }
}

/// A task that ended says `ESRCH` on a kept descriptor and `ENOENT` by its path; a removed group says `ENODEV`.
pub fn lost(error: &std::io::Error) -> Lost {
    match Errno::from_io_error(error) {
        Some(Errno::ACCESS | Errno::PERM) => Lost::Forbidden,
        _ => Lost::Gone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> tempfile::TempDir {
        let tree = tempfile::tempdir().unwrap();
        for id in 1..4 {
            std::fs::create_dir(tree.path().join(id.to_string())).unwrap();
            std::fs::write(tree.path().join(format!("{id}/schedstat")), format!("{id} 0 1\n")).unwrap();
        }
        tree
    }

    #[test]
    fn no_more_files_are_kept_than_the_bound_and_all_are_read() {
        let tree = tree();
        let mut io = Io::new(tree.path(), 2);
        let mut files: Vec<Kept> = (0..3).map(|_| Kept::default()).collect();
        for _ in 0..2 {
            for (id, file) in (1..).zip(&mut files) {
                let text = file.read(|io| io.path(id, "schedstat"), &mut io).unwrap();
                assert_eq!(text, format!("{id} 0 1\n").as_bytes());
            }
        }
        assert_eq!(io.held(), 2);
        assert_eq!(files.iter().filter(|file| file.is_open()).count(), 2);
        files.iter_mut().for_each(|file| file.close(&mut io));
        assert_eq!(io.held(), 0);
    }

    #[test]
    fn a_long_list_is_read_to_its_end() {
        let tree = tree();
        let text = "123456\n".repeat(3000);
        std::fs::write(tree.path().join("1/list"), &text).unwrap();
        let mut io = Io::new(tree.path(), 1);
        let mut file = Kept::default();
        assert_eq!(
            file.read_whole(|io| io.path(1, "list"), &mut io).unwrap(),
            text.as_bytes()
        );
    }

    #[test]
    fn a_file_that_is_not_there_is_gone() {
        let tree = tree();
        let mut io = Io::new(tree.path(), 1);
        assert_eq!(
            Kept::default().read(|io| io.path(9, "schedstat"), &mut io),
            Err(Lost::Gone)
        );
        assert_eq!(io.held(), 0);
    }
}
