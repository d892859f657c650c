//! What a plugin's file says of itself, read without loading it.
//!
//! dlopen of a truncated file ends the process with SIGBUS, and constructors of a loaded file run
//! before anything can be checked; so the ELF structure, the manifest, the boundary's version and
//! the panic strategy are looked at first.

use object::read::elf::{ElfFile64, FileHeader, ProgramHeader};
use object::{Endianness, Object, ObjectSection, ReadCache, ReadCacheOps, elf};
use pipeline_plugin_api::abi::{ABI_VERSION, Manifest, SECTION};
use std::fs::File;
use std::path::Path;

/// Why a file is no usable plugin.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// It is not what the dynamic loader takes.
    #[error("not a 64-bit ELF shared object ({0}); build it as a `cdylib`")]
    NotElf(String),
    /// It was built for another kind of CPU.
    #[error("built for another CPU architecture (ELF machine {0}); build it on this machine")]
    Machine(u16),
    /// It ends too early.
    #[error("truncated: segment {segment} ends at byte {end} and the file has {size}; copy it again")]
    Truncated {
        /// Which segment.
        segment: usize,
        /// Where it should end.
        end: u64,
        /// Where the file ends.
        size: u64,
    },
    /// It ends before what stands last in it.
    #[error("truncated: the table of its sections ends at byte {end} and the file has {size}; copy it again")]
    Cut {
        /// Where the table should end.
        end: u64,
        /// Where the file ends.
        size: u64,
    },
    /// It is a shared object of somebody else's.
    #[error("no `{SECTION}` section: not a pipeline plugin; does it call `export_plugin!`?")]
    NoManifest,
    /// The section holds something else.
    #[error("the `{SECTION}` section cannot be understood; build it again with this version of `pipeline-plugin-api`")]
    BadManifest,
    /// What it says of itself would garble a terminal or a log.
    #[error("its manifest has a control character in {0}; name it with letters, digits, `-`, `_` and `.`")]
    Unprintable(String),
    /// It speaks another version of the boundary.
    #[error(
        "plugin `{plugin}` {version} speaks ABI {abi}, this pipeline speaks {ABI_VERSION}: build it again with a `pipeline-plugin-api` of ABI {ABI_VERSION}"
    )]
    Abi {
        /// The plugin.
        plugin: String,
        /// Its version.
        version: String,
        /// The boundary it was built against.
        abi: String,
    },
    /// A panic in it would end the whole process.
    #[error(
        "plugin `{0}` was built with `panic = \"abort\"`, so that its panics cannot be contained; build it with `panic = \"unwind\"`"
    )]
    Aborts(String),
}

/// Reads and judges the manifest of a file.
///
/// # Errors
/// The file is no plugin that this host can load, see [`ManifestError`].
pub fn read(path: &Path) -> Result<Manifest, ManifestError> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let cache = ReadCache::new(file);
    check_end(&cache, size)?;
    let elf = ElfFile64::<Endianness, _>::parse(&cache).map_err(|error| ManifestError::NotElf(error.to_string()))?;
    check_structure(&elf, size)?;
    let section = elf.section_by_name(SECTION).ok_or(ManifestError::NoManifest)?;
    let bytes = section.data().map_err(|_| ManifestError::BadManifest)?;
    judge(Manifest::parse(bytes).ok_or(ManifestError::BadManifest)?)
}

/// The table of sections stands at a file's end, so that a copy which was cut short lacks it.
fn check_end<R: ReadCacheOps>(cache: &ReadCache<R>, size: u64) -> Result<(), ManifestError> {
    let header = elf::FileHeader64::<Endianness>::parse(cache);
    let header = header.and_then(|header| Ok((header, header.endian()?)));
    // What is wrong otherwise is told when the whole is looked at.
    let Ok((header, endian)) = header else { return Ok(()) };
    let table = u64::from(header.e_shentsize.get(endian)) * u64::from(header.e_shnum.get(endian));
    let end = header.e_shoff.get(endian).saturating_add(table);
    if end > size {
        return Err(ManifestError::Cut { end, size });
    }
    Ok(())
}

fn check_structure<'a, R: ReadCacheOps>(
    elf: &ElfFile64<'a, Endianness, &'a ReadCache<R>>,
    size: u64,
) -> Result<(), ManifestError> {
    let endian = elf.endian();
    let header = elf.elf_header();
    if header.e_type.get(endian) != elf::ET_DYN {
        return Err(ManifestError::NotElf("it is not a shared object".to_owned()));
    }
    let machine = header.e_machine.get(endian);
    let ours = if cfg!(target_arch = "aarch64") {
        elf::EM_AARCH64
    } else {
        elf::EM_X86_64
    };
    if machine != ours {
        return Err(ManifestError::Machine(machine.0));
    }
    for (segment, program) in elf.elf_program_headers().iter().enumerate() {
        let end = program.p_offset(endian).saturating_add(program.p_filesz(endian));
        if end > size {
            return Err(ManifestError::Truncated { segment, end, size });
        }
    }
    Ok(())
}

fn judge(manifest: Manifest) -> Result<Manifest, ManifestError> {
    check_names(&manifest)?;
    if manifest.abi != ABI_VERSION {
        return Err(ManifestError::Abi {
            plugin: manifest.name,
            version: manifest.version,
            abi: manifest.abi,
        });
    }
    if !manifest.unwinds {
        return Err(ManifestError::Aborts(manifest.name));
    }
    Ok(manifest)
}

/// All of it is shown by `pipeline plugins`, to whoever has such a file lying in a folder.
fn check_names(manifest: &Manifest) -> Result<(), ManifestError> {
    let Manifest {
        abi,
        name,
        version,
        elements,
        profile,
        ..
    } = manifest;
    let own = [
        ("its ABI", abi),
        ("its name", name),
        ("its version", version),
        ("its profile", profile),
    ];
    let elements = elements.iter().map(|(element, _)| ("the name of an element", element));
    let strange = own
        .into_iter()
        .chain(elements)
        .find(|(_, text)| text.contains(char::is_control));
    match strange {
        None => Ok(()),
        Some((what, text)) => Err(ManifestError::Unprintable(format!("{what}, `{}`", text.escape_debug()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head_of_a_program() -> Vec<u8> {
        use std::io::Read;
        let mut head = vec![0; 6000];
        Read::read_exact(&mut File::open(std::env::current_exe().unwrap()).unwrap(), &mut head).unwrap();
        head
    }

    fn refusal(bytes: &[u8]) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        read(file.path()).unwrap_err().to_string()
    }

    #[test]
    fn text_and_nothing_are_no_shared_objects() {
        assert!(
            refusal(b"hello").starts_with("not a 64-bit ELF"),
            "{}",
            refusal(b"hello")
        );
        assert!(refusal(b"").starts_with("not a 64-bit ELF"));
    }

    #[test]
    fn a_file_cut_short_is_told_with_both_sizes() {
        let whole = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let message = refusal(&whole[..whole.len() / 20]);
        assert!(
            message.contains("truncated") || message.contains("not a 64-bit ELF"),
            "{message}"
        );
    }

    #[test]
    fn a_program_without_a_manifest_is_told_so() {
        let whole = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(refusal(&whole).contains("not a pipeline plugin"), "{}", refusal(&whole));
    }

    #[test]
    fn another_abi_is_refused_with_both_numbers() {
        let text = b"pipeline-plugin\0abi=9.9\0name=x\0version=1.0.0\0elements=\0panic=unwind\0profile=release\0";
        let message = judge(Manifest::parse(text).unwrap()).unwrap_err().to_string();
        assert!(message.contains("speaks ABI 9.9, this pipeline speaks"), "{message}");
    }

    #[test]
    fn a_name_that_commands_the_terminal_is_refused_and_not_shown_as_it_is() {
        for (name, element) in [("x\u{1b}[2J", "x.y"), ("x", "x.y\r"), ("x\ny", "x.y")] {
            let text = format!(
                "pipeline-plugin\0abi={ABI_VERSION}\0name={name}\0version=1\0elements={element}:1,\0panic=unwind\0profile=debug\0"
            );
            let message = judge(Manifest::parse(text.as_bytes()).unwrap())
                .unwrap_err()
                .to_string();
            assert!(
                message.contains("has a control character in") && !message.contains(char::is_control),
                "{message}"
            );
        }
    }

    #[test]
    fn a_plugin_that_aborts_on_panic_is_refused() {
        let text =
            format!("pipeline-plugin\0abi={ABI_VERSION}\0name=x\0version=1\0elements=\0panic=abort\0profile=release\0");
        let message = judge(Manifest::parse(text.as_bytes()).unwrap())
            .unwrap_err()
            .to_string();
        assert!(message.contains("panic = \"unwind\""), "{message}");
    }

    proptest::proptest! {
        #[test]
        fn any_damage_is_refused_without_a_panic(cut in 0usize..6000, flip in 0usize..1000) {
            let mut bytes = head_of_a_program()[..cut.max(64)].to_vec();
            let at = flip % bytes.len();
            bytes[at] ^= 0xff;
            proptest::prop_assert!(!refusal(&bytes).is_empty());
        }
    }
}
