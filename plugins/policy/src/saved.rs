//! What a successor takes over of any policy: targets, offers and leases. Written as RON, which
//! prints every number so that it is read back the same.

use crate::heard::{FindingKey, Findings, Heard};
use crate::lease::{Lease, Leases, Wanted};
use crate::world::{Known, Offer, World};
use pipeline_plugin_api::fields;
use pipeline_plugin_api::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The state that every policy has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Common {
    last_id: u64,
    targets: Vec<(u32, Known)>,
    offers: Vec<(u32, u32, Offer)>,
    barred_ns: Vec<(u32, u32, u64)>,
    leases: Vec<LeaseRow>,
    cores: Vec<Vec<u32>>,
}

/// An open finding.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FindingRow {
    /// The port that it came from.
    port: u32,
    /// Its id there.
    id: u64,
    severity: f64,
    resource: u32,
    confidence: f64,
    culprits: Vec<(u32, f64)>,
    cpus: Vec<u32>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct LeaseRow {
    target: u32,
    knob: u32,
    value: f64,
    text: String,
    why: String,
    #[serde(default)]
    pulses: bool,
    first: u64,
    last: u64,
    renew_ns: u64,
}

impl Common {
    /// What is known and held now.
    pub fn of(world: &World, leases: &Leases) -> Self {
        let lease = |((target, knob), lease): (&(TargetId, KnobId), &Lease)| LeaseRow {
            target: target.0,
            knob: knob.0,
            value: lease.wanted.value,
            text: lease.wanted.text.clone(),
            why: lease.wanted.why.clone(),
            pulses: lease.wanted.pulses,
            first: lease.first,
            last: lease.last,
            renew_ns: lease.renew.0,
        };
        Self {
            last_id: leases.last_id,
            targets: world.targets.iter().map(|(id, known)| (id.0, known.clone())).collect(),
            offers: world
                .offers
                .iter()
                .map(|((target, knob), offer)| (target.0, knob.0, *offer))
                .collect(),
            barred_ns: world
                .barred
                .iter()
                .map(|((target, knob), until)| (target.0, knob.0, until.0))
                .collect(),
            leases: leases.held.iter().map(lease).collect(),
            cores: world.cores.clone(),
        }
    }

    /// Takes it over.
    pub fn restore(self, world: &mut World, leases: &mut Leases) {
        let knob = |target, knob| (TargetId(target), KnobId(knob));
        world
            .targets
            .extend(self.targets.into_iter().map(|(id, known)| (TargetId(id), known)));
        world.offers.extend(
            self.offers
                .into_iter()
                .map(|(target, of, offer)| (knob(target, of), offer)),
        );
        world.barred.extend(
            self.barred_ns
                .into_iter()
                .map(|(target, of, until)| (knob(target, of), Nanos(until))),
        );
        world.reckon();
        world.recall_cores(self.cores);
        leases.last_id = self.last_id;
        leases.held.extend(
            self.leases
                .into_iter()
                .map(|row| (knob(row.target, row.knob), row.lease())),
        );
    }
}

/// The open findings of a victim.
pub fn rows(findings: &Findings) -> Vec<FindingRow> {
    let open = findings.open.iter();
    open.map(|((port, id), heard)| FindingRow::of(*port, *id, heard))
        .collect()
}

/// What [`rows`] gave, as it was heard.
pub fn open(rows: Vec<FindingRow>) -> BTreeMap<FindingKey, Heard> {
    rows.into_iter().map(|row| ((row.port, row.id), row.heard())).collect()
}

impl FindingRow {
    /// As it was heard from that port.
    fn of(port: u32, id: u64, heard: &Heard) -> Self {
        Self {
            port,
            id,
            severity: heard.severity,
            resource: heard.resource.0,
            confidence: heard.confidence,
            culprits: heard
                .culprits
                .iter()
                .map(|(target, score)| (target.0, *score))
                .collect(),
            cpus: heard.cpus.clone(),
        }
    }

    /// As it was heard.
    fn heard(self) -> Heard {
        let culprits = self
            .culprits
            .into_iter()
            .map(|(target, score)| (TargetId(target), score));
        Heard {
            severity: self.severity,
            resource: Resource(self.resource),
            confidence: self.confidence,
            culprits: culprits.collect(),
            cpus: self.cpus,
        }
    }
}

impl LeaseRow {
    fn lease(self) -> Lease {
        let wanted = Wanted {
            value: self.value,
            text: self.text,
            why: self.why,
            pulses: self.pulses,
        };
        Lease {
            wanted,
            first: self.first,
            last: self.last,
            renew: Nanos(self.renew_ns),
        }
    }
}

/// As bytes.
///
/// # Errors
/// The state cannot be written as RON.
pub fn write<T: Serialize>(state: &T) -> Result<Vec<u8>> {
    let text = fields::options().to_string(state);
    text.map(String::into_bytes)
        .map_err(|error| Failure::retry(format!("the state cannot be told: {error}")))
}

/// From bytes.
///
/// # Errors
/// They are not what [`write()`] gave.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let text = std::str::from_utf8(bytes).map_err(|error| Failure::retry(format!("the state is no text: {error}")))?;
    let parsed: std::result::Result<T, _> = fields::options().from_str(text);
    parsed.map_err(|error| Failure::retry(format!("the state does not fit: {error}")))
}
