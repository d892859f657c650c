//! Where control groups are mounted (`/proc/self/mountinfo`) and which one a process is in (`/proc/PID/cgroup`).

use super::{lines, split_at, words};
use crate::Version;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// One mounted control group tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Which interface it speaks.
    pub version: Version,
    /// Which group of the tree is seen at the mount point; `/` unless in a container.
    pub root: PathBuf,
    /// Where it is mounted.
    pub point: PathBuf,
    /// Version 1: the words among its options, controllers and others. Version 2 lists none here.
    pub options: Vec<Vec<u8>>,
}

/// One line of `/proc/PID/cgroup`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Controllers of a version 1 tree, `name=…` for a named one; empty for version 2.
    pub controllers: Vec<Vec<u8>>,
    /// The group's path in that tree.
    pub path: PathBuf,
}

/// The control group trees in a mountinfo text, in order (filesystems/proc.rst, 3.5). Other mounts are skipped.
pub fn mounts(bytes: &[u8]) -> Vec<Mount> {
    lines(bytes).filter_map(mount).collect()
}

/// The lines of a `/proc/PID/cgroup` text (cgroup-v2.rst, "Processes"); broken ones are skipped.
pub fn membership(bytes: &[u8]) -> Vec<Member> {
    lines(bytes).filter_map(member).collect()
}

/// `36 31 0:33 ROOT POINT rw,relatime [optional…] - cgroup SOURCE rw,cpu,cpuacct`
fn mount(line: &[u8]) -> Option<Mount> {
    let mut fields = words(line).skip(3);
    let (root, point) = (fields.next()?, fields.next()?);
    let mut after_dash = fields.skip_while(|&word| word != b"-").skip(1);
    let version = match after_dash.next()? {
        b"cgroup" => Version::V1,
        b"cgroup2" => Version::V2,
        _ => return None,
    };
    let options = after_dash.nth(1).unwrap_or_default();
    Some(Mount {
        version,
        root: path(&unescape(root)),
        point: path(&unescape(point)),
        options: list(options),
    })
}

/// `4:memory:/docker/abc`, or `0::/user.slice` for version 2.
fn member(line: &[u8]) -> Option<Member> {
    let (_, rest) = split_at(line, b':')?;
    let (controllers, group) = split_at(rest, b':')?;
    group.starts_with(b"/").then(|| Member {
        controllers: list(controllers),
        path: path(group),
    })
}

fn list(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes
        .split(|&byte| byte == b',')
        .filter(|word| !word.is_empty())
        .map(<[u8]>::to_vec)
        .collect()
}

fn path(bytes: &[u8]) -> PathBuf {
    OsString::from_vec(bytes.to_vec()).into()
}

/// Space, tab, newline and backslash stand as `\040` and so on, three octal digits.
fn unescape(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, tail)) = rest.split_first() {
        match (first, tail.get(..3).and_then(octal)) {
            (b'\\', Some(byte)) => {
                plain.push(byte);
                rest = &tail[3..];
            }
            _ => {
                plain.push(first);
                rest = tail;
            }
        }
    }
    plain
}

fn octal(digits: &[u8]) -> Option<u8> {
    let value = digits.iter().try_fold(0_u32, |sum, &digit| match digit {
        b'0'..=b'7' => Some(sum * 8 + u32::from(digit - b'0')),
        _ => None,
    })?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::Path;

    #[test]
    fn a_hybrid_machine_has_a_tree_for_each_controller_and_a_unified_one() {
        let found = mounts(include_bytes!("../../fixtures/v1/mountinfo"));
        assert_eq!(found.len(), 10);
        assert_eq!(found[0].point, Path::new("/sys/fs/cgroup/cpu"));
        assert!(found[0].options.contains(&b"cpu".to_vec()));
        assert_eq!(found[9].version, Version::V2);
    }

    #[test]
    fn escaped_mount_points_and_optional_fields_are_read() {
        let line =
            b"36 31 0:33 /a\\040b /sys/fs/cg\\134roup rw,nosuid shared:9 master:1 - cgroup cgroup rw,cpu,cpuacct\n";
        let found = mounts(line);
        assert_eq!(found[0].root, Path::new("/a b"));
        assert_eq!(found[0].point, Path::new("/sys/fs/cg\\roup"));
        assert_eq!(found[0].options.len(), 3);
    }

    #[test]
    fn membership_keeps_colons_in_paths() {
        let found = membership(b"4:memory:/a:b\n9:name=systemd:/\n0::/user.slice\nnonsense\n");
        assert_eq!(found.len(), 3);
        assert_eq!(found[0].path, Path::new("/a:b"));
        assert_eq!(found[1].controllers, [b"name=systemd".to_vec()]);
        assert!(found[2].controllers.is_empty());
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_mount_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let _ = (mounts(&bytes), membership(&bytes));
        }

        #[test]
        fn near_misses_do_not_panic(text in "([0-9]{1,2} 1 0:1 /(\\\\[0-7]{0,3}){0,2} /x rw (- cgroup2? ?[a-z,]{0,6} ?[a-z,]{0,6})?\n){0,3}") {
            prop_assert!(mounts(text.as_bytes()).len() <= 3);
        }
    }
}
