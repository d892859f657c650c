//! How long a simulated hour of 32 workloads takes, in steps of 100 ms, on one core: the node alone, and with the truth
//! told each second. `cargo bench -p pipeline-sim-model`.

use pipeline_sim_model::{Kind, Nanos, Simulation, generate};
use std::io::Write;
use std::time::Instant;

fn hour(every: Option<u64>) -> f64 {
    let mut node = Simulation::new(generate(Kind::Crowd, 1));
    let begin = Instant::now();
    for tenth in 1..=36_000_u64 {
        node.advance(Nanos::from_millis(tenth * 100));
        if every.is_some_and(|every| tenth.is_multiple_of(every)) {
            std::hint::black_box(node.truth());
        }
    }
    begin.elapsed().as_secs_f64()
}

fn main() {
    let mut out = std::io::stdout().lock();
    for (name, every) in [("sim_model_hour", None), ("sim_model_hour_truth", Some(10))] {
        let _ = writeln!(out, "{name} {:.2} s", hour(every));
    }
}
