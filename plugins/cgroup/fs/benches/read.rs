//! What a sample of the CPU files costs against the bare reads of the same descriptors, alternating in one process.
//!
//! Prints `name value unit ratio`. Needs a readable control group; makes none.

use pipeline_cgroup_fs::{Families, Group, Hierarchies, StatFiles};
use std::fs::File;
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::time::Instant;

const ROUNDS: usize = 401;
const READS: u32 = 200;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let hierarchies = Hierarchies::discover("/")?;
    let group = Group::at(&hierarchies, "")?;
    for (name, families) in [("read_cpu", Families::CPU), ("read_all", Families::ALL)] {
        let before = open_files()?;
        let mut files = StatFiles::open(&group, families)?;
        let bare: Vec<File> = open_files()?
            .into_iter()
            .filter(|link| !before.contains(link) && link.starts_with("/sys/fs/cgroup"))
            .map(File::open)
            .collect::<Result<_, _>>()?;
        compare(name, &bare, &mut files)?;
    }
    Ok(())
}

fn open_files() -> std::io::Result<Vec<std::path::PathBuf>> {
    Ok(std::fs::read_dir("/proc/self/fd")?
        .flatten()
        .filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .collect())
}

#[expect(clippy::print_stdout, reason = "the figures are this program's output")]
fn compare(name: &str, bare: &[File], files: &mut StatFiles) -> Result<(), Box<dyn std::error::Error>> {
    assert_eq!(
        bare.len(),
        files.descriptors(),
        "the bare reads must be of the same files"
    );
    let mut buffer = vec![0; 16384];
    let (mut floors, mut samples) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..READS {
            for file in bare {
                black_box(file.read_at(&mut buffer, 0)?);
            }
        }
        floors.push(start.elapsed().as_secs_f64() * 1e9 / f64::from(READS));
        let start = Instant::now();
        for _ in 0..READS {
            black_box(files.read()?);
        }
        samples.push(start.elapsed().as_secs_f64() * 1e9 / f64::from(READS));
    }
    let (floor, sample) = (median(&mut floors), median(&mut samples));
    println!("{name}_bare {floor:.0} ns -");
    println!("{name} {sample:.0} ns {:.2}", sample / floor);
    Ok(())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
