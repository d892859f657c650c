//! Dropping what is known of a target that went, without a walk over that of all others: thousands may go at once.

use pipeline_plugin_api::frame::Key;
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// Drops what is kept by series.
pub fn series<V>(all: &mut BTreeMap<Key, V>, target: TargetId) {
    let key = |metric: u32, part: u32| Key {
        target,
        metric: MetricId(metric),
        part: Part(part),
    };
    forget(all, key(0, 0)..=key(u32::MAX, u32::MAX));
}

/// Drops what is kept by part.
pub fn parts<V>(all: &mut BTreeMap<(TargetId, Part), V>, target: TargetId) {
    forget(all, (target, Part(0))..=(target, Part(u32::MAX)));
}

fn forget<K: Ord + Copy, V>(all: &mut BTreeMap<K, V>, keys: RangeInclusive<K>) {
    let keys: Vec<K> = all.range(keys).map(|(key, _)| *key).collect();
    keys.iter().for_each(|key| drop(all.remove(key)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_one_target_goes_and_nothing_of_others() {
        let mut by_part = BTreeMap::new();
        let mut by_series = BTreeMap::new();
        for target in 1..=3 {
            for part in [0, 7, u32::MAX] {
                let (target, part) = (TargetId(target), Part(part));
                by_part.insert((target, part), ());
                for metric in [0, u32::MAX].map(MetricId) {
                    by_series.insert(Key { target, metric, part }, ());
                }
            }
        }
        parts(&mut by_part, TargetId(2));
        series(&mut by_series, TargetId(2));
        assert_eq!((by_part.len(), by_series.len()), (6, 12));
        assert!(by_part.keys().all(|(target, _)| *target != TargetId(2)));
        assert!(by_series.keys().all(|key| key.target != TargetId(2)));
    }
}
