//! Histograms as readings: which bucket a value falls into, and percentiles of bucket counts.
//!
//! Buckets are logarithmic with 128 steps to an octave, so a bucket is at most 1/128 of its value
//! wide. Counts of the same bucket add up, which percentiles do not: that is how a tail is pooled
//! over many spans. (The layout is that of HdrHistogram at two significant digits.)

const STEP_BITS: u32 = 7;
const STEPS: u64 = 1 << STEP_BITS;

/// The bucket of a value.
pub fn bucket(value: u64) -> u32 {
    let shift = (u64::BITS - value.leading_zeros()).saturating_sub(STEP_BITS + 1);
    (u64::from(shift) * STEPS + (value >> shift)) as u32
}

/// The least and the greatest value of a bucket.
pub fn bounds(bucket: u32) -> (u64, u64) {
    let bucket = u64::from(bucket);
    if bucket < 2 * STEPS {
        return (bucket, bucket);
    }
    let shift = bucket / STEPS - 1;
    let least = (bucket - shift * STEPS) << shift;
    (least, least + ((1 << shift) - 1))
}

/// The value at or below which that share (0..=1) of the counts lies, as the greatest value of its
/// bucket; `None` without counts. `counts` are (bucket, count) in order of buckets.
pub fn quantile(counts: &[(u32, u64)], share: f64) -> Option<u64> {
    let total: u64 = counts.iter().map(|(_, count)| count).sum();
    (total > 0).then_some(())?;
    let rank = ((share.clamp(0.0, 1.0) * total as f64).ceil() as u64).max(1);
    let mut below = 0;
    for (bucket, count) in counts {
        below += count;
        if below >= rank {
            return Some(bounds(*bucket).1);
        }
    }
    counts.last().map(|(bucket, _)| bounds(*bucket).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_values_have_a_bucket_of_their_own() {
        for value in 0..256 {
            assert_eq!(bounds(bucket(value)), (value, value));
        }
    }

    #[test]
    fn quantiles_are_by_rank() {
        let counts = [(1, 50), (10, 49), (100, 1)];
        assert_eq!(quantile(&counts, 0.5), Some(1));
        assert_eq!(quantile(&counts, 0.99), Some(10));
        assert_eq!(quantile(&counts, 1.0), Some(100));
        assert_eq!(quantile(&[], 0.5), None);
    }

    proptest::proptest! {
        #[test]
        fn every_value_lies_in_its_bucket(value in 0u64..u64::MAX / 2) {
            let (least, most) = bounds(bucket(value));
            proptest::prop_assert!(least <= value && value <= most);
            proptest::prop_assert!((most - least) as f64 <= value as f64 / 128.0);
        }
        #[test]
        fn buckets_keep_the_order(a in 0u64..1 << 50, b in 0u64..1 << 50) {
            proptest::prop_assert_eq!(a.cmp(&b).is_lt() && bucket(a) > bucket(b), false);
        }
    }
}
