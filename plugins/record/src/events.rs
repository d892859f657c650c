//! From what the tap gives to rows: what was said to its tables, who was called with what to `deliveries`, all else to
//! `events`.

use crate::names::HostNames;
use pipeline_plugin_api::abi::{LAST_PORT, NOBODY, OUTCOMES_PORT, TARGETS_PORT, Take, TapBatch, TapEvent, TapKind};
use pipeline_plugin_api::prelude::*;
use pipeline_record_store::schema::{DELIVERIES, EVENTS};
use pipeline_record_store::{Cell, Keeper, Said, Writer};

/// Turns events into rows.
#[derive(Debug, Default)]
pub struct Scribe {
    keeper: Keeper,
    nodes: Vec<(String, String)>,
    sequence: u64,
    readings: u64,
}

impl Scribe {
    /// For a run with those nodes, each with its lane, in the order of the graph.
    pub fn new(nodes: Vec<(String, String)>) -> Self {
        Self {
            nodes,
            ..Self::default()
        }
    }

    /// How many readings there were.
    pub fn readings(&self) -> u64 {
        self.readings
    }

    /// Adds the names that are new; ahead of each flush.
    pub fn names(&mut self, writer: &mut Writer, host: &Host) {
        self.keeper.tell_names(writer, &HostNames(host));
    }

    /// Adds all that happened.
    pub fn take(&mut self, writer: &mut Writer, host: &Host, batch: &TapBatch) {
        for event in &batch.events {
            self.sequence += 1;
            match event.kind {
                TapKind::SAID => self.said(writer, host, batch, event),
                TapKind::CALLED => self.delivered(writer, "called", event, batch.takes_of(event)),
                TapKind::DROPPED => self.delivered(writer, "dropped", event, batch.takes_of(event)),
                _ => self.noted(writer, batch, event),
            }
        }
    }

    fn said(&mut self, writer: &mut Writer, host: &Host, batch: &TapBatch, event: &TapEvent) {
        let said = Said {
            sequence: self.sequence,
            instant: event.instant,
            at: event.at,
            batch_at: event.batch_at,
            node: self.nodes.get(event.node as usize).map_or("", |(name, _)| name),
        };
        let readings = batch.readings_of(event);
        self.readings += readings.len() as u64;
        self.keeper
            .keep(writer, said, readings, batch.other_of(event), &HostNames(host));
    }

    fn name(&self, node: u32) -> &str {
        if node == NOBODY {
            return "";
        }
        self.nodes.get(node as usize).map_or("", |(name, _)| name)
    }

    fn delivered(&self, writer: &mut Writer, what: &str, event: &TapEvent, takes: &[Take]) {
        let mut row = |port: &str, producer: &str, said: u64| {
            writer.rows(&DELIVERIES).push(&[
                Cell::Unsigned(self.sequence),
                Cell::Unsigned(event.instant),
                Cell::Integer(event.at.0.cast_signed()),
                Cell::Derived,
                Cell::Text(self.name(event.node)),
                Cell::Text(what),
                Cell::Small(event.due),
                Cell::Text(port),
                Cell::Text(producer),
                Cell::Unsigned(said),
            ]);
        };
        if takes.is_empty() {
            row("", "", 0);
        }
        for take in takes {
            row(&port_text(take.port), self.name(take.node), take.instant);
        }
    }

    fn noted(&self, writer: &mut Writer, batch: &TapBatch, event: &TapEvent) {
        let Some(note) = batch.note_of(event) else { return };
        writer.rows(&EVENTS).push(&[
            Cell::Unsigned(self.sequence),
            Cell::Unsigned(event.instant),
            Cell::Integer(event.at.0.cast_signed()),
            Cell::Derived,
            Cell::Text(self.name(event.node)),
            Cell::Text(&event.kind.to_string()),
            Cell::Text(&note.name),
            Cell::Text(&note.text),
            Cell::Unsigned(note.number),
            Cell::Bytes(&note.bytes),
        ]);
    }
}

/// A port for people.
pub fn port_text(port: u32) -> String {
    match port {
        TARGETS_PORT => "targets".to_owned(),
        OUTCOMES_PORT => "outcomes".to_owned(),
        last if last >= LAST_PORT => format!("last/{}", last - LAST_PORT),
        from => format!("from/{from}"),
    }
}

/// A port from its text.
pub fn port_of(text: &str) -> Option<u32> {
    match text {
        "targets" => Some(TARGETS_PORT),
        "outcomes" => Some(OUTCOMES_PORT),
        _ => match text.split_once('/')? {
            ("from", place) => place.parse().ok(),
            ("last", place) => place.parse::<u32>().ok()?.checked_add(LAST_PORT),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_comes_back_from_its_text() {
        for port in [0, 7, LAST_PORT, LAST_PORT + 3, OUTCOMES_PORT, TARGETS_PORT] {
            assert_eq!(port_of(&port_text(port)), Some(port));
        }
        assert_eq!(port_of(""), None);
        assert_eq!(port_of("from/x"), None);
    }
}
