//! `telemetry.self`: the process of this run as a target, from the first tick to the end.
//!
//! It has no group of its own: the run lies in that of whoever started it, which holds others as well.

use crate::config::SelfConfig;
use crate::fs;
use pipeline_plugin_api::prelude::*;

/// Brings the run itself.
pub struct Own {
    config: SelfConfig,
    host: Host,
    system: Option<System>,
    told: Option<Target>,
}

impl Element for Own {
    const NAME: &'static str = "telemetry.self";
    const SUMMARY: &'static str = "brings this run itself as a target";
    const EVERY: Nanos = Nanos::from_secs(1);
    type Config = SelfConfig;

    fn ports(_: &SelfConfig) -> Ports {
        Ports::new()
    }

    fn create(config: SelfConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            config,
            host: host.clone(),
            system: None,
            told: None,
        })
    }

    fn probe() -> Vec<Probe> {
        let found = fs::own();
        let detail = found.as_ref().map_or_else(ToString::to_string, |_| "there".to_owned());
        let mend = "mount -t proc proc /proc";
        vec![Probe::required("/proc/self/stat", found.is_ok(), &detail, mend)]
    }

    fn status(&self) -> String {
        let pid = self.told.iter().flat_map(|target| &target.processes).next();
        pid.map(|process| format!("pid {}", process.pid)).unwrap_or_default()
    }
}

impl TargetProvider for Own {
    fn start(&mut self, system: &System) -> Result<()> {
        self.system = Some(system.clone());
        Ok(())
    }

    fn provide(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        if let Some(system) = self.system.take() {
            let target = self.target(&system)?;
            self.told = Some(target.clone());
            out.changes.push(change(tick.at, Change::APPEARED, target));
        }
        Ok(Wish::Nothing)
    }

    fn stop(&mut self, out: &mut Batch) -> Result<()> {
        let at = out.at;
        let gone = self.told.take().map(|target| change(at, Change::GONE, target));
        out.changes.extend(gone);
        Ok(())
    }
}

impl Own {
    fn target(&self, system: &System) -> Result<Target> {
        let name = self.host.name();
        let process = fs::own()?;
        let (id, generation) = system.new_target(&name);
        Ok(Target {
            id,
            generation,
            provider: name.as_str().into(),
            name: name.as_str().into(),
            class: self.config.class.into(),
            priority: self.config.priority,
            processes: vec![process].into(),
            ..Target::default()
        })
    }
}

fn change(at: Nanos, change: Change, target: Target) -> TargetChange {
    TargetChange { at, change, target }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::stage::Provides;
    use pipeline_plugin_api::testkit::TestHost;

    const SECOND: Nanos = Nanos::from_secs(1);

    fn named(name: &str) -> TestHost {
        let host = TestHost::new();
        host.world().node_names = vec![name.to_owned()];
        host
    }

    #[test]
    fn the_run_appears_once_with_its_own_process_and_goes_at_the_end() {
        let mut node = named("self").node::<Provides<Own>>("").unwrap();
        node.start().unwrap();
        let first = node.tick(SECOND).unwrap();
        let target = &first.changes[0].target;
        assert_eq!((first.changes.len(), first.changes[0].change), (1, Change::APPEARED));
        assert_eq!((target.name.as_str(), target.class), ("self", Class::BEST_EFFORT));
        assert_eq!(target.processes.as_slice(), [fs::own().unwrap()]);
        assert_eq!(target.processes[0].pid, std::process::id());
        assert!(target.processes[0].start_time > 0);
        assert!(node.tick(SECOND + SECOND).unwrap().changes.is_empty());
        let last = node.finish().unwrap();
        assert_eq!((last.changes.len(), last.changes[0].change), (1, Change::GONE));
    }

    #[test]
    fn its_class_and_priority_are_as_configured() {
        let mut node = named("self")
            .node::<Provides<Own>>("(class: Latency, priority: 3)")
            .unwrap();
        node.start().unwrap();
        let target = node.tick(SECOND).unwrap().changes[0].target.clone();
        assert_eq!((target.class, target.priority), (Class::LATENCY, 3));
    }
}
