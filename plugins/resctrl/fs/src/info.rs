//! What the hardware can divide and count: the folder `info`.

use crate::{Error, Files, Mask, Resource, Schemata};
use std::path::{Path, PathBuf};

/// What a bandwidth number means.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum BandwidthUnit {
    /// Percent of what is possible (Intel).
    Percent,
    /// Megabytes a second, held by the kernel (`-o mba_MBps`).
    MegabytesPerSecond,
    /// Eighths of a gigabyte a second (AMD).
    EighthGigabytesPerSecond,
}

/// A cache whose ways can be divided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheControl {
    /// Which.
    pub resource: Resource,
    /// How many control groups it can tell apart, the default group among them.
    pub closids: u32,
    /// All ways.
    pub all: Mask,
    /// The fewest ways a group may have.
    pub least_ways: u32,
    /// Ways that devices may fill too.
    pub shareable: Mask,
    /// Whether ways of a group need not lie beside each other.
    pub sparse: bool,
    /// The caches, by id.
    pub domains: Vec<u32>,
}

/// Memory bandwidth that can be divided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BandwidthControl {
    /// Which.
    pub resource: Resource,
    /// How many control groups it can tell apart, the default group among them.
    pub closids: u32,
    /// The least value.
    pub least: u64,
    /// The value that holds nobody back.
    pub most: u64,
    /// Values are rounded up to a multiple of this by the kernel.
    pub step: u64,
    /// What the values mean.
    pub unit: BandwidthUnit,
    /// The caches behind which it is divided, by id.
    pub domains: Vec<u32>,
}

/// What can be counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Monitoring {
    /// How many groups can be told apart, the default group among them.
    pub rmids: u32,
    /// `llc_occupancy`, `mbm_total_bytes`, `mbm_local_bytes`.
    pub features: Vec<String>,
}

/// What the hardware can divide and count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// Caches that can be divided.
    pub caches: Vec<CacheControl>,
    /// Bandwidths that can be divided.
    pub bandwidths: Vec<BandwidthControl>,
    /// What can be counted in the last-level cache, if anything.
    pub monitoring: Option<Monitoring>,
}

impl BandwidthControl {
    /// What the kernel makes of a value: rounded up to a step, within the bounds.
    pub fn rounded(&self, value: u64) -> u64 {
        let value = value.clamp(self.least, self.most);
        match self.unit {
            BandwidthUnit::MegabytesPerSecond => value,
            _ => value.next_multiple_of(self.step.max(1)).min(self.most),
        }
    }
}

impl Info {
    /// How many control groups there may be, the default group among them: the least of all controls.
    pub fn closids(&self) -> u32 {
        let caches = self.caches.iter().map(|cache| cache.closids);
        let bandwidths = self.bandwidths.iter().map(|bandwidth| bandwidth.closids);
        caches.chain(bandwidths).min().unwrap_or(0)
    }

    /// The last-level cache: one control, or two where code and data are apart.
    pub fn l3(&self) -> impl Iterator<Item = &CacheControl> {
        self.caches.iter().filter(|cache| cache.resource.is_l3())
    }

    /// Memory bandwidth.
    pub fn bandwidth(&self) -> Option<&BandwidthControl> {
        self.bandwidths
            .iter()
            .find(|bandwidth| bandwidth.resource == Resource::Bandwidth)
    }

    /// Reads it. `schemata` is the default group's, which says which domains there are.
    pub(crate) fn read(files: &dyn Files, root: &Path, schemata: &Schemata) -> Result<Self, Error> {
        let mut info = Self::default();
        for name in folders(files, &root.join("info"))? {
            let folder = Folder {
                files,
                path: root.join("info").join(&name),
            };
            match Resource::named(&name) {
                Some(resource) if resource.is_cache() => info.caches.push(folder.cache(resource, schemata)?),
                Some(resource) => info.bandwidths.push(folder.bandwidth(resource, schemata)?),
                None if name == "L3_MON" => info.monitoring = Some(folder.monitoring()?),
                None => {}
            }
        }
        Ok(info)
    }
}

fn folders(files: &dyn Files, path: &Path) -> Result<Vec<String>, Error> {
    files.folders(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })
}

/// One folder below `info`.
struct Folder<'a> {
    files: &'a dyn Files,
    path: PathBuf,
}

impl Folder<'_> {
    fn cache(&self, resource: Resource, schemata: &Schemata) -> Result<CacheControl, Error> {
        Ok(CacheControl {
            resource,
            closids: self.number("num_closids")?,
            all: self.mask("cbm_mask")?,
            least_ways: self.number("min_cbm_bits")?.max(1),
            shareable: self.optional("shareable_bits", Mask::parse)?.unwrap_or_default(),
            sparse: self
                .optional("sparse_masks", |text| Some(text.trim() == "1"))?
                .unwrap_or(false),
            domains: domains(resource, schemata),
        })
    }

    fn bandwidth(&self, resource: Resource, schemata: &Schemata) -> Result<BandwidthControl, Error> {
        let stands = schemata.line(resource);
        let most = stands
            .and_then(|line| line.domains.values().copied().max())
            .unwrap_or(100);
        let (unit, most) = match most {
            // The word for no limit at all in a mount with `mba_MBps`.
            most if most >= u64::from(u32::MAX) - 1 => (BandwidthUnit::MegabytesPerSecond, most),
            most if most > 100 => (BandwidthUnit::EighthGigabytesPerSecond, most),
            _ => (BandwidthUnit::Percent, 100),
        };
        Ok(BandwidthControl {
            resource,
            closids: self.number("num_closids")?,
            least: self.number("min_bandwidth")?.into(),
            most,
            step: self.number("bandwidth_gran")?.into(),
            unit,
            domains: domains(resource, schemata),
        })
    }

    fn monitoring(&self) -> Result<Monitoring, Error> {
        let features = self.read("mon_features")?;
        Ok(Monitoring {
            rmids: self.number("num_rmids")?,
            features: features.split_whitespace().map(str::to_owned).collect(),
        })
    }

    fn read(&self, file: &str) -> Result<String, Error> {
        let path = self.path.join(file);
        self.files.read(&path).map_err(|source| Error::Read { path, source })
    }

    fn number(&self, file: &str) -> Result<u32, Error> {
        let text = self.read(file)?;
        text.trim().parse().map_err(|_| self.malformed(file, &text, "a number"))
    }

    fn mask(&self, file: &str) -> Result<Mask, Error> {
        let text = self.read(file)?;
        Mask::parse(&text).ok_or_else(|| self.malformed(file, &text, "a mask in hexadecimal digits"))
    }

    /// A file that older kernels do not have.
    fn optional<T>(&self, file: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Error> {
        match self.files.read(&self.path.join(file)) {
            Ok(text) => Ok(parse(&text)),
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::Read {
                path: self.path.join(file),
                source,
            }),
        }
    }

    fn malformed(&self, file: &str, found: &str, expected: &'static str) -> Error {
        Error::Malformed {
            path: self.path.join(file),
            found: found.trim().chars().take(40).collect(),
            expected,
        }
    }
}

fn domains(resource: Resource, schemata: &Schemata) -> Vec<u32> {
    let line = schemata.line(resource);
    line.map(|line| line.domains.keys().copied().collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Fake;

    fn percent() -> BandwidthControl {
        BandwidthControl {
            resource: Resource::Bandwidth,
            closids: 8,
            least: 10,
            most: 100,
            step: 10,
            unit: BandwidthUnit::Percent,
            domains: vec![0],
        }
    }

    #[test]
    fn bandwidth_is_rounded_up_as_the_kernel_does() {
        let rounded: Vec<u64> = [0, 10, 11, 20, 95, 200].map(|value| percent().rounded(value)).into();
        assert_eq!(rounded, [10, 10, 20, 20, 100, 100]);
    }

    #[test]
    fn the_fewest_classes_of_all_controls_count() {
        let info = Fake::new().open().info().clone();
        assert_eq!(info.closids(), 8);
        let cache = info.l3().next().unwrap();
        assert_eq!(
            (cache.closids, cache.all, cache.shareable),
            (16, Mask(0x7ff), Mask(0x600))
        );
        assert_eq!(info.bandwidth().unwrap(), &percent());
    }

    #[test]
    fn a_number_that_is_none_is_told_with_its_file() {
        let fake = Fake::new();
        fake.put("info/L3/num_closids", "many\n");
        let error = Resctrl::open_fake(&fake).unwrap_err().to_string();
        assert!(
            error.contains("`many` in `/sys/fs/resctrl/info/L3/num_closids`"),
            "{error}"
        );
    }

    use crate::Resctrl;
}
