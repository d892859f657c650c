//! Last-level cache and bandwidth as `resctrl.monitor` tells them; memory and devices as `cgroup.stats` does.

use super::ids::Ids;
use super::{Out, View};
use pipeline_plugin_api::prelude::*;

/// How far counters of cache and bandwidth are off, as a share: the tolerances of the kernel's own tests of resctrl are
/// several times that (tools/testing/selftests/resctrl).
const OFF: f64 = 0.01;
/// The bytes of one operation of the block device.
const OPERATION: f64 = 16_384.0;

/// By cache, and whole.
pub fn tell(view: &View<'_>, ids: &Ids, out: &mut Out) {
    let levels = &view.levels;
    let (mut held, mut moved) = (0.0, 0.0);
    for (cache, bytes) in levels.held.iter().enumerate() {
        let part = Part::l3(cache as u32);
        let off = |stream: u64| 1.0 + OFF * view.noise(0x10 + stream + 2 * cache as u64);
        let bytes = (bytes.unwrap_or(0.0) * off(0)).round();
        let added = (view.now.moved[cache] - view.last.moved.get(cache).copied().unwrap_or(0.0)).max(0.0);
        let rate = added * off(1) / view.span.seconds();
        held += bytes;
        moved += rate;
        out.push(view.gauge(ids.occupancy, bytes).of_part(part));
        for id in [ids.bandwidth, ids.bandwidth_local] {
            out.push(spanned(view, id, rate).of_part(part));
        }
    }
    out.push(view.gauge(ids.occupancy, held));
    out.push(spanned(view, ids.bandwidth, moved));
    out.push(spanned(view, ids.bandwidth_local, moved));
}

/// Memory and tasks.
pub fn memory(view: &View<'_>, ids: &Ids, out: &mut Out) {
    let levels = &view.levels;
    let file = (levels.memory * 0.1).round();
    for (id, value) in [
        (ids.memory, levels.memory),
        (ids.anon, levels.memory - file),
        (ids.file, file),
        (ids.swap, 0.0),
        (ids.pids, levels.threads),
    ] {
        out.push(view.gauge(id, value));
    }
    out.push(view.count(ids.major_faults, |_| 0.0));
}

/// The block device, as a part and whole.
pub fn io(view: &View<'_>, ids: &Ids, out: &mut Out) {
    for reading in [
        view.count(ids.read, |totals| totals.io_read),
        view.count(ids.written, |totals| totals.io_written),
        view.count(ids.reads, |totals| totals.io_read / OPERATION),
        view.count(ids.writes, |totals| totals.io_written / OPERATION),
    ] {
        out.push(reading);
        out.push(reading.of_part(view.device));
    }
}

fn spanned(view: &View<'_>, id: MetricId, value: f64) -> Reading {
    Reading {
        span: view.span,
        ..view.gauge(id, value)
    }
}
