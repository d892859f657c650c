//! What it costs to set what a group may use and to read it back, against the bare write and read of the same file,
//! alternating in one process. Prints `name value unit ratio`. Needs root and the mounted filesystem; makes one group and
//! removes it.

use pipeline_resctrl_fs::{Group, MOUNT_POINT, Resctrl, Schemata};
use std::error::Error;
use std::fs::OpenOptions;
use std::hint::black_box;
use std::io::Write;
use std::time::Instant;

const ROUNDS: usize = 101;
const WRITES: usize = 20;

fn main() -> Result<(), Box<dyn Error>> {
    let resctrl = Resctrl::open(MOUNT_POINT)?;
    let group = resctrl.group(&format!("pipeline-bench-{}", std::process::id()));
    group.make()?;
    let measured = measure(&resctrl, &group);
    group.remove()?;
    measured
}

#[expect(clippy::print_stdout, reason = "the figures are this program's output")]
fn measure(resctrl: &Resctrl, group: &Group) -> Result<(), Box<dyn Error>> {
    let cache = resctrl
        .info()
        .l3()
        .next()
        .ok_or("the last-level cache is not divided here")?;
    // Two masks in turn, so that each write changes something.
    let wanted: Vec<Schemata> = [cache.all.0, cache.all.0 >> 1]
        .into_iter()
        .map(|mask| {
            let mut schemata = Schemata::default();
            schemata.put(cache.resource, cache.domains.iter().map(|id| (*id, mask)));
            schemata
        })
        .collect();
    let texts: Vec<String> = wanted.iter().map(Schemata::to_string).collect();
    let path = group.path().join("schemata");
    let (mut floors, mut sets) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for text in texts.iter().cycle().take(WRITES) {
            OpenOptions::new().write(true).open(&path)?.write_all(text.as_bytes())?;
            black_box(std::fs::read_to_string(&path)?);
        }
        floors.push(start.elapsed().as_secs_f64() / WRITES as f64);
        let start = Instant::now();
        for schemata in wanted.iter().cycle().take(WRITES) {
            black_box(group.set(schemata)?);
        }
        sets.push(start.elapsed().as_secs_f64() / WRITES as f64);
    }
    let (floor, set) = (median(&mut floors), median(&mut sets));
    println!("schemata_write_bare {:.1} us -", floor * 1e6);
    println!("schemata_write {:.1} us {:.3}", set * 1e6, set / floor);
    Ok(())
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
