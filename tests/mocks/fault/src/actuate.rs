//! `fault.actuate`: writes `cpu.idle` into a file, and says beforehand how to put it back.

use crate::config::{ActuateConfig, Call};
use crate::trouble::{Armed, common_troubles, reach_ports};
use pipeline_plugin_api::host::UndoRecord;
use pipeline_plugin_api::prelude::*;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

/// Turns one file.
pub struct Actuate {
    trouble: Armed,
    path: String,
    knob: KnobId,
    system: Option<System>,
    held: Option<Held>,
}

struct Held {
    before: String,
    after: String,
    record: UndoRecord,
}

impl Element for Actuate {
    const NAME: &'static str = "fault.actuate";
    const SUMMARY: &'static str = "a file for a knob, and a trouble";
    type Config = ActuateConfig;

    fn ports(config: &ActuateConfig) -> Ports {
        reach_ports(config.trouble);
        Ports::new().takes_actions(&vocabulary::CPU_IDLE)
    }

    fn create(config: ActuateConfig, host: &Host) -> Result<Self> {
        Ok(Self {
            trouble: Armed::new(config.trouble, host)?,
            path: config.path,
            knob: host.knob(&vocabulary::CPU_IDLE)?,
            system: None,
            held: None,
        })
    }

    common_troubles!();
}

impl Actuator for Actuate {
    fn start(&mut self, system: &System) -> Result<()> {
        self.system = Some(system.clone());
        self.trouble.reach(Call::Start)
    }

    fn target(&mut self, change: &TargetChange) -> Result<Vec<Control>> {
        self.trouble.reach(Call::Target)?;
        Ok(vec![Control {
            at: change.at,
            target: change.target.id,
            knob: self.knob,
            resource: Resource::CPU_TIME,
            least: 0.0,
            most: 1.0,
            step: 1.0,
            stricter: 1,
            ..Control::default()
        }])
    }

    fn takes(&self, knob: KnobId) -> bool {
        knob == self.knob
    }

    fn apply(&mut self, action: &Action) -> Result<Effect> {
        self.trouble.reach(Call::Work)?;
        let after = action.value.to_string();
        if self.held.is_none() {
            let before = read(&self.path)?;
            let system = self
                .system
                .as_ref()
                .ok_or_else(|| Failure::fatal("it was not started"))?;
            let record = system.journal(&Undo {
                kind: UndoKind::WRITE_FILE,
                path: self.path.as_str().into(),
                before: before.as_str().into(),
                after: after.as_str().into(),
                ..Undo::default()
            })?;
            write(&self.path, &after)?;
            self.held = Some(Held { before, after, record });
        }
        Ok(Effect {
            value: action.value,
            ..Effect::default()
        })
    }

    fn release(&mut self, _: TargetId, _: KnobId) -> Result<Release> {
        self.trouble.reach(Call::Release)?;
        let Some(held) = self.held.take() else {
            return Ok(Release::Restored(Effect::default()));
        };
        let found = read(&self.path)?;
        if found != held.after {
            return Ok(Release::Taken(format!("`{}` reads `{found}`", self.path)));
        }
        write(&self.path, &held.before)?;
        if let Some(system) = &self.system {
            system.settle(held.record);
        }
        Ok(Release::Restored(Effect::default()))
    }

    fn stop(&mut self) -> Result<()> {
        self.trouble.reach(Call::End)
    }
}

fn read(path: &str) -> Result<String> {
    std::fs::read_to_string(Path::new(path)).map_err(|error| Failure::retry(format!("cannot read `{path}`: {error}")))
}

/// As a knob of the kernel is written: it never reads as nothing meanwhile.
fn write(path: &str, text: &str) -> Result<()> {
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        file.write_all(text.as_bytes())?;
        file.set_len(text.len() as u64)
    };
    write().map_err(|error| Failure::retry(format!("cannot write `{path}`: {error}")))
}
