//! A shared object as small as one can be that has a manifest: what the reader of plugin files looks at, and no code.

const HEADER: usize = 64;
const SEGMENT: usize = 56;
const SECTION: usize = 64;
/// The names of the sections, each from its place.
const NAMES: &[u8] = b"\0.shstrtab\0.pipeline.manifest\0";

/// The file with that manifest.
pub(super) fn shared_object(manifest: &[u8]) -> Vec<u8> {
    let names_at = HEADER + SEGMENT;
    let manifest_at = names_at + NAMES.len();
    let sections_at = (manifest_at + manifest.len()).next_multiple_of(8);
    let size = sections_at + 3 * SECTION;
    let mut file = Vec::with_capacity(size);
    header(&mut file, sections_at);
    segment(&mut file, size);
    file.extend(NAMES);
    file.extend(manifest);
    file.resize(sections_at, 0);
    file.resize(sections_at + SECTION, 0);
    section(&mut file, 1, 3, names_at, NAMES.len());
    section(&mut file, 11, 1, manifest_at, manifest.len());
    file
}

/// elf(5), `Elf64_Ehdr`.
fn header(file: &mut Vec<u8>, sections_at: usize) {
    let machine: u16 = if cfg!(target_arch = "aarch64") { 183 } else { 62 };
    file.extend(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    halves(file, &[3, machine]);
    file.extend(1_u32.to_le_bytes());
    words(file, &[0, HEADER, sections_at]);
    file.extend(0_u32.to_le_bytes());
    halves(file, &[HEADER as u16, SEGMENT as u16, 1, SECTION as u16, 3, 1]);
}

/// elf(5), `Elf64_Phdr`: one that is loaded, the whole file.
fn segment(file: &mut Vec<u8>, size: usize) {
    file.extend(1_u32.to_le_bytes());
    file.extend(4_u32.to_le_bytes());
    words(file, &[0, 0, 0, size, size, 4096]);
}

/// elf(5), `Elf64_Shdr`.
fn section(file: &mut Vec<u8>, name: u32, kind: u32, at: usize, size: usize) {
    file.extend(name.to_le_bytes());
    file.extend(kind.to_le_bytes());
    words(file, &[0, 0, at, size, 0, 1, 0]);
}

fn halves(file: &mut Vec<u8>, values: &[u16]) {
    values.iter().for_each(|value| file.extend(value.to_le_bytes()));
}

fn words(file: &mut Vec<u8>, values: &[usize]) {
    values
        .iter()
        .for_each(|value| file.extend((*value as u64).to_le_bytes()));
}
