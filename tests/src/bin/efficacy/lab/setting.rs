//! The settings of a rival's knobs that are searched: what there is, and what makes sense for a scenario. A mask of ways, a
//! share of the bandwidth, CPUs and a quota, as the kernel's files want them.

use super::searched::What;
use super::stage::Scenario;
use pipeline_plugin_api::abi::Resource;

/// The ways of the emulated cache.
pub const WAYS: u32 = 11;

/// One setting.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Setting {
    /// The rival stands still: what the victim is alone.
    pub frozen: bool,
    /// The ways that the victim may fill, from the lowest on.
    pub victim_ways: u32,
    /// Those that the rival may fill, from the highest down.
    pub rival_ways: u32,
    /// The rival's share of the bandwidth, in percent.
    pub bandwidth: u32,
    /// The rival's CPUs, if not its own.
    pub cpus: Option<&'static str>,
    /// The most CPU time that it gets, in thousandths of a CPU.
    pub quota: Option<u32>,
}

impl Setting {
    /// The rival runs free.
    pub const BESIDE: Self = Self {
        frozen: false,
        victim_ways: WAYS,
        rival_ways: WAYS,
        bandwidth: 100,
        cpus: None,
        quota: None,
    };
    /// It stands still.
    pub const ALONE: Self = Self {
        frozen: true,
        ..Self::BESIDE
    };

    /// What it is for.
    pub fn what(self) -> What {
        match self {
            Self { frozen: true, .. } => What::Alone,
            Self::BESIDE => What::Beside,
            _ => What::Setting,
        }
    }

    /// The words for the script: frozen or not, masks of victim and rival, bandwidth, CPUs, quota of 100 ms.
    pub fn words(self, own_cpus: &str) -> String {
        let low = |ways: u32| (1_u32 << ways) - 1;
        format!(
            "{} {:x} {:x} {} {} {}",
            u8::from(self.frozen),
            low(self.victim_ways),
            low(self.rival_ways) << (WAYS - self.rival_ways),
            self.bandwidth,
            self.cpus.unwrap_or(own_cpus),
            self.quota
                .map_or_else(|| "max".to_owned(), |thousandths| (thousandths * 100).to_string()),
        )
    }

    fn ways(rival_ways: u32) -> Self {
        Self {
            rival_ways,
            ..Self::BESIDE
        }
    }

    fn bandwidth(self, bandwidth: u32) -> Self {
        Self { bandwidth, ..self }
    }

    fn quota(self, thousandths: u32) -> Self {
        Self {
            quota: Some(thousandths),
            ..self
        }
    }

    fn on(self, cpus: &'static str) -> Self {
        Self {
            cpus: Some(cpus),
            ..self
        }
    }
}

/// All that are tried for a scenario, in order; none where nothing is known that would help. What the victim is alone and
/// beside the rival is counted at the beginning, in the middle and at the end.
pub fn settings(scenario: &Scenario) -> Vec<Setting> {
    let mut tried = match scenario.rivals.first().and_then(|rival| rival.through) {
        Some(Resource::L3) => for_cache(),
        Some(Resource::MEMORY_BANDWIDTH) => for_bandwidth(),
        _ => return Vec::new(),
    };
    let measures = [Setting::ALONE, Setting::BESIDE];
    tried.splice(tried.len() / 2..tried.len() / 2, measures);
    [&measures[..], &tried, &measures].concat()
}

/// The rival in some ways, with the victim in the others or in all of them; less bandwidth, another CPU, less CPU time;
/// and some of these together.
fn for_cache() -> Vec<Setting> {
    let free = Setting::BESIDE;
    let kept = (1..WAYS).map(Setting::ways);
    let divided = (1..WAYS).map(|ways| Setting {
        victim_ways: WAYS - ways,
        ..Setting::ways(ways)
    });
    let bandwidth = (1..10).map(|tenths| free.bandwidth(10 * tenths));
    let both = [1, 2, 3, 5].into_iter().flat_map(|ways| {
        [10, 30, 50]
            .into_iter()
            .map(move |share| Setting::ways(ways).bandwidth(share))
    });
    // On the victim's own it would take CPU time instead, which instructions per cycle do not tell.
    let cpus = ["1", "3"].map(|cpus| free.on(cpus));
    let quotas = [500, 200, 100, 50].map(|quota| free.quota(quota));
    let with_quota = [Setting::ways(2).quota(500), free.bandwidth(10).quota(500)];
    kept.chain(divided)
        .chain(bandwidth)
        .chain(both)
        .chain(cpus)
        .chain(quotas)
        .chain(with_quota)
        .collect()
}

/// Less bandwidth, fewer ways, fewer CPUs, less CPU time, and some of these together.
fn for_bandwidth() -> Vec<Setting> {
    let free = Setting::BESIDE;
    let bandwidth = (1..10).map(|tenths| free.bandwidth(10 * tenths));
    let ways = [1, 2, 3, 5, 8].map(Setting::ways);
    let both = [1, 2, 5].into_iter().flat_map(|ways| {
        [10, 30, 50]
            .into_iter()
            .map(move |share| Setting::ways(ways).bandwidth(share))
    });
    let cpus = ["7", "6-7", "5-7", "4-7"].map(|cpus| free.on(cpus));
    let quotas = [3000, 1000, 500, 200].map(|quota| free.quota(quota));
    let together = [
        free.bandwidth(10).on("7"),
        free.bandwidth(10).on("4-7"),
        free.bandwidth(10).quota(1000),
        free.bandwidth(50).on("6-7"),
    ];
    bandwidth
        .chain(ways)
        .chain(both)
        .chain(cpus)
        .chain(quotas)
        .chain(together)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_those_of_the_two_ends() {
        let setting = Setting {
            victim_ways: 9,
            ..Setting::ways(2).bandwidth(30).quota(500)
        };
        assert_eq!(setting.words("2"), "0 1ff 600 30 2 50000");
        assert_eq!(Setting::ALONE.on("7").words("2"), "1 7ff 7ff 100 7 max");
    }

    #[test]
    fn what_things_are_measured_by_is_counted_three_times() {
        for scenario in super::super::stage::SCENARIOS.iter().filter(|it| it.rivals.len() == 1) {
            let all = settings(scenario);
            let count = |what| all.iter().filter(|setting| setting.what() == what).count();
            let expected = if all.is_empty() { 0 } else { 3 };
            assert_eq!((count(What::Alone), count(What::Beside)), (expected, expected));
        }
    }
}
