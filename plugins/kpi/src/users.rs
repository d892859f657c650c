//! The elements that ask a server on schedule and tell what its users feel: `kpi.redis`, `kpi.memcached`.
//!
//! What differs between them is not here: see `protocol.rs`.

use crate::config::LoadConfig;
use crate::engine::{Engine, place};
use crate::protocol::Protocol;
use crate::readings::{Covers, Readings};
use crate::server::{Login, Server};
use crate::tally::Tally;
use pipeline_plugin_api::prelude::*;

/// Measures one server with a load of its own.
pub struct Users<P: Protocol> {
    config: LoadConfig<P>,
    server: Server,
    host: Host,
    system: Option<System>,
    readings: Readings,
    measured: Option<Measured<P>>,
}

/// The server while it is there.
struct Measured<P: Protocol> {
    target: Target,
    engine: Engine<P>,
    /// Empty; changes places with the engine's own each tick.
    tally: Tally,
    last: Nanos,
    /// How late a request of the last span was sent at worst.
    late_max: Nanos,
}

impl<P: Protocol> Element for Users<P> {
    const NAME: &'static str = P::NAME;
    const SUMMARY: &'static str = P::SUMMARY;
    const EVERY: Nanos = Nanos::from_millis(200);
    type Config = LoadConfig<P>;

    fn probe() -> Vec<Probe> {
        crate::probe::realtime()
    }

    fn ports(config: &LoadConfig<P>) -> Ports {
        Readings::ports(config.histogram)
    }

    fn create(config: LoadConfig<P>, host: &Host) -> Result<Self> {
        let server = P::server(&config.address);
        let server = server.map_err(|(message, help)| Failure::fatal(format!("{message}; {help}")))?;
        Ok(Self {
            readings: Readings::new(host, config.histogram)?,
            config,
            server,
            host: host.clone(),
            system: None,
            measured: None,
        })
    }

    fn status(&self) -> String {
        match &self.measured {
            Some(measured) => format!("{}; sent at most {} late", measured.engine.status(), measured.late_max),
            None => "waits for its target".to_owned(),
        }
    }
}

impl<P: Protocol> Collector for Users<P> {
    fn start(&mut self, system: &System) -> Result<()> {
        if let Some(password) = &self.config.password {
            self.server.login = Some(Login {
                user: self.config.user.clone(),
                password: password.reveal("password")?,
            });
        }
        if let Some(cpu) = self.config.cpu {
            place::try_cpu(cpu)?;
        }
        self.system = Some(system.clone());
        Ok(())
    }

    fn target(&mut self, change: &TargetChange) -> Result<()> {
        let measured = self.measured.as_ref().map(|measured| measured.target.id);
        match change.change {
            Change::APPEARED => self.appeared(&change.target),
            Change::GONE if measured == Some(change.target.id) => {
                // Threads end by themselves; the server went, and its keys with it.
                self.measured = None;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn collect(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        let (Some(measured), Some(system)) = (&mut self.measured, &self.system) else {
            return Ok(Wish::Nothing);
        };
        if measured.engine.is_ending() {
            // What was still outstanding then failed through us and not through the server.
            return Ok(Wish::Nothing);
        }
        let now = system.now();
        if now <= measured.engine.counted_from() {
            self.readings.warming_up(measured.target.id, tick.at, out);
            return Ok(Wish::Nothing);
        }
        let covers = Covers {
            target: measured.target.id,
            at: tick.at,
            span: now - measured.last,
        };
        if covers.span > Nanos::ZERO {
            measured.engine.exchange(&mut measured.tally)?;
            self.readings.tell(&measured.tally, covers, out);
            measured.late_max = measured.tally.late_max;
            measured.tally.clear();
            measured.last = now;
        }
        Ok(Wish::Nothing)
    }

    fn stop(&mut self) -> Result<()> {
        self.measured.take().map_or(Ok(()), |measured| measured.engine.stop())
    }
}

impl<P: Protocol> Users<P> {
    fn appeared(&mut self, target: &Target) -> Result<()> {
        if let Some(measured) = self
            .measured
            .as_ref()
            .filter(|measured| measured.target.id != target.id)
        {
            return Err(Failure::retry(format!(
                "`{}` measures one server, here `{}`; give `{}` a node of its own",
                P::NAME,
                measured.target.name,
                target.name
            )));
        }
        let Some(system) = self.system.as_ref().filter(|_| self.measured.is_none()) else {
            return Ok(());
        };
        let engine = Engine::start(
            self.config.clone(),
            self.server.clone(),
            self.host.clone(),
            system.clone(),
        )?;
        self.measured = Some(Measured {
            target: target.clone(),
            tally: engine.tally()?,
            last: engine.counted_from(),
            late_max: Nanos::ZERO,
            engine,
        });
        Ok(())
    }
}
