//! What this machine offers to each element, and the command that mends what is missing. Reads only.

use pipeline_plugin_api::prelude::*;
use pipeline_resctrl_fs::{BandwidthUnit, Info, MOUNT_POINT, Resctrl};
use rustix::fs::{Access, access};

const MOUNT: &str = "mount -t resctrl resctrl /sys/fs/resctrl";
const ROOT: &str = "sudo pipeline run GRAPH";
const BOOT: &str = "a CPU with RDT (Intel) or QoS extensions (AMD), not hidden by a hypervisor, and no `rdt=!…` on the kernel's command line";

/// For `resctrl.monitor`.
pub fn monitor() -> Vec<Probe> {
    with_info(|info| {
        let Some(monitoring) = &info.monitoring else {
            return vec![Probe::required(
                "cache monitoring",
                false,
                "there is no `info/L3_MON`",
                BOOT,
            )];
        };
        let seen = format!("{} ids; {}", monitoring.rmids, monitoring.features.join(", "));
        vec![Probe::required("cache monitoring", true, &seen, "")]
    })
}

/// For `resctrl.partition`.
pub fn partition() -> Vec<Probe> {
    with_info(|info| vec![ways(info), bandwidth(info)])
}

fn ways(info: &Info) -> Probe {
    let what = "cache allocation";
    match info.l3().next() {
        Some(cache) => {
            let apart = if info.l3().count() > 1 {
                ", code and data apart"
            } else {
                ""
            };
            let seen = format!(
                "{} ways, of which devices may fill {}; {} classes{apart}",
                cache.all.ways(),
                cache.shareable.ways(),
                cache.closids
            );
            Probe::optional(what, true, &seen, "")
        }
        None => Probe::optional(what, false, "there is no `info/L3`", BOOT),
    }
}

fn bandwidth(info: &Info) -> Probe {
    let what = "memory bandwidth allocation";
    match info.bandwidth() {
        Some(control) => {
            let unit = match control.unit {
                BandwidthUnit::Percent => "percent",
                BandwidthUnit::MegabytesPerSecond => "MB/s",
                BandwidthUnit::EighthGigabytesPerSecond => "eighths of a GB/s",
            };
            let (least, step, closids) = (control.least, control.step, control.closids);
            let seen = format!("in {unit} from {least} in steps of {step}; {closids} classes");
            Probe::optional(what, true, &seen, "")
        }
        None => Probe::optional(what, false, "there is no `info/MB`", BOOT),
    }
}

fn with_info(more: impl FnOnce(&Info) -> Vec<Probe>) -> Vec<Probe> {
    let what = "resctrl filesystem";
    match Resctrl::open(MOUNT_POINT) {
        Ok(resctrl) => {
            let mut found = vec![
                Probe::required(what, true, &format!("at `{MOUNT_POINT}`"), ""),
                writable(),
            ];
            found.extend(more(resctrl.info()));
            found
        }
        Err(error) => {
            let mend = if std::fs::exists(MOUNT_POINT).unwrap_or(false) {
                MOUNT
            } else {
                BOOT
            };
            vec![Probe::required(what, false, &error.sentence(), mend)]
        }
    }
}

fn writable() -> Probe {
    let may = access(MOUNT_POINT, Access::WRITE_OK).is_ok();
    let seen = if may { "can be written" } else { "cannot be written" };
    Probe::required("groups of resctrl", may, &format!("`{MOUNT_POINT}` {seen}"), ROOT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_resctrl_fs::testing::Fake;

    #[test]
    fn what_is_missing_says_how_to_mend_it_and_what_is_there_does_not() {
        for probe in [monitor(), partition()].concat() {
            assert_eq!(probe.present == 1, probe.mend.is_empty(), "{probe:?}");
        }
    }

    #[test]
    fn what_can_be_divided_is_told_in_numbers() {
        let info = Fake::new().open().info().clone();
        assert_eq!(ways(&info).detail, "11 ways, of which devices may fill 2; 16 classes");
        assert_eq!(bandwidth(&info).detail, "in percent from 10 in steps of 10; 8 classes");
        assert_eq!(ways(&Info::default()).present, 0);
    }
}
