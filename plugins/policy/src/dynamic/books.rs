//! Who has which ways and how much bandwidth of each socket: guarantees lie beside each other from the high end of the
//! mask, and the rest, a block at the low end, is the pool's. Pure accounts; asking for it is elsewhere's.

use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;

/// What is set aside for a target.
#[derive(Copy, Clone, Debug, Default, PartialEq)]
pub struct Part {
    /// On which socket.
    pub socket: usize,
    /// Ways of its cache.
    pub ways: u32,
    /// A share of its bandwidth, 0..=1.
    pub bandwidth: f64,
}

/// The accounts of all sockets.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// What is set aside, by target.
    pub parts: BTreeMap<TargetId, Part>,
    /// The ways of each socket's cache; none where no actuator offers any.
    pub ways: u32,
    /// How many of them the pool keeps.
    pub pool_least: u32,
    /// How much of the bandwidth the pool keeps.
    pub pool_least_bandwidth: f64,
}

impl Books {
    /// The ways of a socket that are not set aside, without what the pool keeps in any case and but for one target's.
    pub fn free_ways(&self, socket: usize, but: TargetId) -> u32 {
        self.ways
            .saturating_sub(self.pool_least)
            .saturating_sub(self.set_aside(socket, but).0)
    }

    /// The bandwidth of a socket that is not set aside, likewise.
    pub fn free_bandwidth(&self, socket: usize, but: TargetId) -> f64 {
        (1.0 - self.pool_least_bandwidth - self.set_aside(socket, but).1).max(0.0)
    }

    /// How welcome a socket is for a guarantee: container-bench's free ways plus free bandwidth in ways.
    pub fn score(&self, socket: usize, but: TargetId) -> f64 {
        f64::from(self.free_ways(socket, but)) + self.free_bandwidth(socket, but) * f64::from(self.ways)
    }

    /// The socket with the highest score; of equal ones the preferred, then the first.
    pub fn best_socket(&self, sockets: usize, preferred: Option<usize>, but: TargetId) -> usize {
        let score = |socket: &usize| self.score(*socket, but);
        let all = (0..sockets.max(1)).max_by(|a, b| {
            let ties = (preferred == Some(*a)).cmp(&(preferred == Some(*b))).then(b.cmp(a));
            score(a).total_cmp(&score(b)).then(ties)
        });
        all.unwrap_or_default()
    }

    /// The mask of each target that has a part of a socket, in the order in which they were admitted, and the pool's.
    pub fn masks(&self, socket: usize) -> (BTreeMap<TargetId, u64>, u64) {
        let mut top = self.ways.min(64);
        let mut masks = BTreeMap::new();
        for (target, part) in self.parts.iter().filter(|(_, part)| part.socket == socket) {
            let ways = part.ways.min(top);
            top -= ways;
            masks.insert(*target, block(top, ways));
        }
        (masks, block(0, top))
    }

    /// What the pool has of a socket: ways, and a share of the bandwidth.
    pub fn pool(&self, socket: usize) -> (u32, f64) {
        let (ways, bandwidth) = self.set_aside(socket, TargetId::NONE);
        (self.ways.saturating_sub(ways), (1.0 - bandwidth).max(0.0))
    }

    /// Whether anything of a socket is set aside.
    pub fn is_divided(&self, socket: usize) -> bool {
        self.parts.values().any(|part| part.socket == socket)
    }

    fn set_aside(&self, socket: usize, but: TargetId) -> (u32, f64) {
        let parts = self
            .parts
            .iter()
            .filter(|(target, part)| part.socket == socket && **target != but);
        parts.fold((0, 0.0), |(ways, bandwidth), (_, part)| {
            (ways + part.ways, bandwidth + part.bandwidth)
        })
    }
}

/// So many ways from that one on.
fn block(first: u32, ways: u32) -> u64 {
    match ways {
        0 => 0,
        64.. => u64::MAX,
        ways => ((1_u64 << ways) - 1) << first,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn books(parts: &[(u32, usize, u32, f64)]) -> Books {
        let part = |(target, socket, ways, bandwidth): &(u32, usize, u32, f64)| {
            let part = Part {
                socket: *socket,
                ways: *ways,
                bandwidth: *bandwidth,
            };
            (TargetId(*target), part)
        };
        Books {
            parts: parts.iter().map(part).collect(),
            ways: 12,
            pool_least: 2,
            pool_least_bandwidth: 0.2,
        }
    }

    #[test]
    fn guarantees_lie_at_the_high_end_and_the_pool_has_the_rest() {
        let books = books(&[(5, 0, 3, 0.2), (7, 0, 2, 0.1), (8, 1, 4, 0.3)]);
        let (masks, pool) = books.masks(0);
        assert_eq!(masks, BTreeMap::from([(TargetId(5), 0xe00), (TargetId(7), 0x180)]));
        assert_eq!((pool, books.masks(1).1), (0x07f, 0x0ff));
        let all = masks.values().fold(pool, |all, mask| all | mask);
        assert_eq!(
            (all, masks.values().map(|mask| mask.count_ones()).sum::<u32>()),
            (0xfff, 5)
        );
        assert_eq!(books.pool(0).0, 7);
        assert!((books.pool(0).1 - 0.7).abs() < 1e-9);
    }

    #[test]
    fn a_target_is_admitted_where_most_is_free() {
        let books = books(&[(5, 0, 3, 0.2)]);
        let none = TargetId::NONE;
        assert_eq!((books.free_ways(0, none), books.free_ways(1, none)), (7, 10));
        assert_eq!(books.free_ways(0, TargetId(5)), 10, "its own are free for itself");
        assert_eq!(books.best_socket(2, Some(0), none), 1);
        let even = Books {
            parts: BTreeMap::new(),
            ..books
        };
        assert_eq!(
            (even.best_socket(2, Some(1), none), even.best_socket(2, None, none)),
            (1, 0)
        );
    }

    #[test]
    fn what_is_not_there_is_not_given() {
        let (masks, pool) = books(&[(1, 0, 10, 0.0), (2, 0, 9, 0.0)]).masks(0);
        assert_eq!((masks[&TargetId(1)], masks[&TargetId(2)], pool), (0xffc, 0x003, 0));
    }
}
