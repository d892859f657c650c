//! What is asked of a cache or of memory bandwidth, in the ways in which people say it: a count, a share, a size, a mask.
//! Text to values; no I/O.

use pipeline_plugin_api::fields;
use pipeline_plugin_api::units::Bytes;
use pipeline_resctrl_fs::{BandwidthControl, BandwidthUnit, CacheControl, Mask};
use std::collections::BTreeMap;

/// What is wanted of one cache.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Want {
    /// That many ways, wherever they are.
    Ways(u32),
    /// Those.
    Mask(Mask),
}

/// What is wanted by cache id; where nothing is said all of the cache.
pub type Wants = BTreeMap<u32, Want>;

/// Something that was asked for, as it can be had.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked<T> {
    /// As it can be had.
    pub value: T,
    /// How it is not quite what was asked for; empty where it is.
    pub clamped: String,
}

impl Want {
    /// How many ways.
    pub fn ways(self) -> u32 {
        match self {
            Self::Ways(ways) => ways,
            Self::Mask(mask) => mask.ways(),
        }
    }

    /// What gives either of two at least as much as it asks for.
    pub fn merged(self, other: Self) -> Self {
        match self == other {
            true => self,
            false => Self::Ways(self.ways().max(other.ways())),
        }
    }
}

/// Reads what is asked of a cache of that many bytes. `value` counts where `text` is empty.
///
/// # Errors
/// It cannot be had at all; the sentence says why.
pub fn of_cache(value: f64, text: &str, cache: &CacheControl, bytes: Option<u64>) -> Result<Asked<Wants>, String> {
    let mut asked = Asked {
        value: Wants::new(),
        clamped: String::new(),
    };
    if text.contains('=') {
        for domain in text.trim_end_matches(';').split(';') {
            let wrong = || format!("`{domain}` names no cache; write it as `0=0x3`");
            let (id, amount) = domain.split_once('=').ok_or_else(wrong)?;
            let id: u32 = id.trim().parse().map_err(|_| wrong())?;
            if !cache.domains.contains(&id) {
                return Err(format!("there is no cache {id}; there are {:?}", cache.domains));
            }
            let want = amount_of(amount.trim(), cache, bytes, &mut asked.clamped)?;
            asked.value.insert(id, want);
        }
        return Ok(asked);
    }
    let want = match text {
        "" => counted(value, cache, &mut asked.clamped)?,
        text => amount_of(text.trim(), cache, bytes, &mut asked.clamped)?,
    };
    asked.value.extend(cache.domains.iter().map(|id| (*id, want)));
    Ok(asked)
}

/// Reads what is asked of the memory bandwidth, as the number that the kernel takes. `value` is a share, 0 to 1, and
/// counts where `text` is empty.
///
/// # Errors
/// It cannot be had at all; the sentence says why.
pub fn of_bandwidth(value: f64, text: &str, control: &BandwidthControl) -> Result<Asked<u64>, String> {
    let is_share = control.unit == BandwidthUnit::Percent;
    let share = match text.trim() {
        "" => Some(value * 100.0),
        text => text.strip_suffix('%').and_then(|number| number.trim().parse().ok()),
    };
    let wanted: f64 = match share {
        Some(percent) if is_share => percent,
        Some(_) => {
            return Err(
                "this mount takes no shares of the memory bandwidth but a rate; say it as `2000MBps`".to_owned(),
            );
        }
        None if is_share => {
            return Err(format!("`{text}` is no share of the memory bandwidth; say it as `20%`"));
        }
        None => {
            let number = text
                .trim()
                .strip_suffix("MBps")
                .and_then(|number| number.trim().parse().ok());
            let megabytes: f64 = number.ok_or_else(|| format!("`{text}` is no rate; say it as `2000MBps`"))?;
            match control.unit {
                BandwidthUnit::EighthGigabytesPerSecond => megabytes / 125.0,
                _ => megabytes,
            }
        }
    };
    if !wanted.is_finite() || wanted < 0.0 {
        return Err(format!("`{wanted}` is no amount of bandwidth; give 0 to 1"));
    }
    // A hair above a whole number is that number, and not the next one.
    let exact = (wanted - 1e-6).ceil().max(0.0) as u64;
    let value = control.rounded(exact);
    let clamped = match (value as f64 - wanted).abs() < 1e-6 {
        true => String::new(),
        false => format!(
            "the hardware has steps of {} from {} to {}, and {wanted} became {value}",
            control.step, control.least, control.most
        ),
    };
    Ok(Asked { value, clamped })
}

fn amount_of(text: &str, cache: &CacheControl, bytes: Option<u64>, clamped: &mut String) -> Result<Want, String> {
    let all = cache.all.ways();
    if text.starts_with("0x") || text.starts_with("0X") {
        let mask = Mask::parse(text).ok_or_else(|| format!("`{text}` is no mask such as `0x600`"))?;
        return of_mask(mask, cache).map(Want::Mask);
    }
    if let Some(percent) = text.strip_suffix('%') {
        let percent: f64 = percent
            .trim()
            .parse()
            .map_err(|_| format!("`{text}` is no share such as `25%`"))?;
        return counted((f64::from(all) * percent / 100.0 - 1e-9).ceil(), cache, clamped);
    }
    if let Ok(ways) = text.parse::<f64>() {
        return counted(ways, cache, clamped);
    }
    let Ok(Bytes(wanted)) = fields::parse::<Bytes>(&format!("{text:?}")) else {
        return Err(format!(
            "`{text}` is no part of a cache; say it as `3`, `25%`, `2MiB` or `0x600`"
        ));
    };
    let bytes =
        bytes.ok_or_else(|| format!("how large the cache is cannot be seen, and so not how many ways `{text}` are"))?;
    let way = (bytes / u64::from(all.max(1))).max(1);
    counted(wanted.div_ceil(way) as f64, cache, clamped)
}

/// That many ways, as far as there are and the hardware takes so few.
fn counted(ways: f64, cache: &CacheControl, clamped: &mut String) -> Result<Want, String> {
    if !ways.is_finite() || ways < 0.0 || ways.fract() != 0.0 {
        return Err(format!("`{ways}` is no count of ways"));
    }
    let (least, most) = (cache.least_ways, cache.all.ways());
    let had = ways.clamp(f64::from(least), f64::from(most)) as u32;
    if f64::from(had) != ways {
        *clamped = format!("the hardware takes {least} to {most} ways");
    }
    Ok(Want::Ways(had))
}

fn of_mask(mask: Mask, cache: &CacheControl) -> Result<Mask, String> {
    let all = cache.all;
    match () {
        () if mask == Mask::NONE || !all.holds(mask) => Err(format!("`0x{mask}` does not lie within `0x{all}`")),
        () if mask.ways() < cache.least_ways => Err(format!(
            "`0x{mask}` has fewer than {} ways, the least that the hardware takes",
            cache.least_ways
        )),
        () if !cache.sparse && !mask.is_contiguous() => Err(format!(
            "the ways of `0x{mask}` do not lie beside each other, as this hardware demands"
        )),
        () => Ok(mask),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_resctrl_fs::testing::Fake;
    use proptest::prelude::*;

    const SIZE: Option<u64> = Some(11 << 20);

    fn cache() -> CacheControl {
        Fake::new().open().info().l3().next().unwrap().clone()
    }

    fn bandwidth() -> BandwidthControl {
        Fake::new().open().info().bandwidth().unwrap().clone()
    }

    fn of(text: &str) -> Result<(Want, bool), String> {
        let asked = of_cache(0.0, text, &cache(), SIZE)?;
        Ok((asked.value[&0], asked.clamped.is_empty()))
    }

    #[test]
    fn a_part_of_a_cache_is_said_in_five_ways() {
        assert_eq!(of_cache(3.0, "", &cache(), SIZE).unwrap().value[&0], Want::Ways(3));
        assert_eq!(of("3"), Ok((Want::Ways(3), true)));
        assert_eq!(of("25%"), Ok((Want::Ways(3), true)), "a part of a way is a way");
        assert_eq!(of("2MiB"), Ok((Want::Ways(2), true)));
        assert_eq!(of("0x600"), Ok((Want::Mask(Mask(0x600)), true)));
        assert_eq!(of("0=2;"), Ok((Want::Ways(2), true)));
    }

    #[test]
    fn what_cannot_be_had_whole_is_clamped_and_told() {
        assert_eq!(of("12"), Ok((Want::Ways(11), false)));
        assert_eq!(of("0"), Ok((Want::Ways(1), false)));
        assert_eq!(of("1GiB"), Ok((Want::Ways(11), false)));
    }

    #[test]
    fn what_cannot_be_had_at_all_is_refused_with_a_reason() {
        for (text, why) in [
            ("0x5", "do not lie beside each other"),
            ("0x800", "does not lie within"),
            ("1=3", "there is no cache 1"),
            ("many", "is no part of a cache"),
            ("-1", "is no count of ways"),
            ("1.5", "is no count of ways"),
            ("x=3", "names no cache"),
        ] {
            let error = of(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn bandwidth_is_rounded_up_and_that_is_told() {
        let of =
            |value, text| of_bandwidth(value, text, &bandwidth()).map(|asked| (asked.value, asked.clamped.is_empty()));
        assert_eq!(of(0.3, ""), Ok((30, true)));
        assert_eq!(of(0.0, "20%"), Ok((20, true)));
        assert_eq!(of(0.25, ""), Ok((30, false)));
        assert_eq!(of(0.0, ""), Ok((10, false)));
        assert!(of(0.0, "2000MBps").unwrap_err().contains("say it as `20%`"));
        assert!(of(f64::NAN, "").is_err());
    }

    #[test]
    fn a_mount_in_megabytes_takes_a_rate() {
        let control = BandwidthControl {
            unit: BandwidthUnit::MegabytesPerSecond,
            most: u64::from(u32::MAX),
            ..bandwidth()
        };
        assert_eq!(of_bandwidth(0.0, "2000MBps", &control).unwrap().value, 2000);
        assert!(
            of_bandwidth(0.5, "", &control)
                .unwrap_err()
                .contains("say it as `2000MBps`")
        );
    }

    proptest! {
        #[test]
        fn whatever_is_asked_is_refused_or_fits(value in any::<f64>(), text in "[0-9]{0,4}[%xMiBa-f=;.]{0,4}[0-9]{0,3}|\\PC*") {
            if let Ok(asked) = of_cache(value, &text, &cache(), SIZE) {
                for want in asked.value.values() {
                    prop_assert!((1..=11).contains(&want.ways()));
                }
            }
            if let Ok(asked) = of_bandwidth(value, &text, &bandwidth()) {
                prop_assert!((10..=100).contains(&asked.value) && asked.value % 10 == 0);
            }
        }
    }
}
