//! Plugin files: the ELF structure, the section, the verdict. In memory, so that no disk is worn.

use super::elf::shared_object;
use super::{Target, manifest};
use crate::mutate::Material;
use pipeline::plugin::manifest::read as read_file;
use rustix::fs::{MemfdFlags, memfd_create};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

pub(super) const TARGET: Target = Target {
    name: "plugin",
    about: "plugin files, before they are loaded",
    material: || Material {
        seeds: vec![shared_object(&manifest::whole()), shared_object(b"")],
        words: &[
            "\x7fELF",
            "\0",
            "\u{1}\0\0\0",
            ".pipeline.manifest",
            "pipeline-plugin\0abi=",
        ],
        longest: 4096,
    },
    reader: || {
        let file = InMemory::new();
        Box::new(move |bytes| file.read(bytes))
    },
};

struct InMemory {
    file: File,
    path: PathBuf,
}

impl InMemory {
    fn new() -> Self {
        let file: File = memfd_create("pipeline-fuzz", MemfdFlags::CLOEXEC)
            .expect("this system has files in memory")
            .into();
        let path = format!("/proc/self/fd/{}", file.as_raw_fd()).into();
        Self { file, path }
    }

    fn read(&self, bytes: &[u8]) {
        self.file
            .set_len(bytes.len() as u64)
            .and_then(|()| self.file.write_all_at(bytes, 0))
            .expect("a file in memory takes some kilobytes");
        match read_file(&self.path) {
            Ok(manifest) => assert!(manifest.unwinds),
            Err(error) => assert!(!error.to_string().contains('\n'), "more than a sentence: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_is_a_plugin_and_a_cut_one_is_none() {
        let file = InMemory::new();
        let whole = shared_object(&manifest::whole());
        file.read(&whole);
        assert_eq!(
            read_file(&file.path).map(|manifest| manifest.name).ok(),
            Some("demo".to_owned())
        );
        file.read(&whole[..whole.len() - 10]);
        assert!(read_file(&file.path).is_err());
    }
}
