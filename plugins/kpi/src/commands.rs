//! What is asked: which key, GET or SET, and its bytes on the wire. Pure.

use crate::config::LoadConfig;
use crate::protocol::Protocol;
use pipeline_plugin_api::prelude::Nanos;

/// One request.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// When it should have been sent: its latency counts from here.
    pub due: Nanos,
    /// Which key.
    pub key: u32,
    /// SET, else GET.
    pub set: bool,
}

/// The mix of requests.
#[derive(Debug)]
pub struct Workload {
    sets: f64,
    keys: u32,
    value: Vec<u8>,
    random: fastrand::Rng,
}

impl Workload {
    /// That of a config.
    pub fn new<P: Protocol>(config: &LoadConfig<P>) -> Self {
        // Another stream than that of the arrivals, which begins with the seed itself.
        let mut random = fastrand::Rng::with_seed(config.seed.rotate_left(32) ^ 0x6b70_6920);
        let size = usize::try_from(config.value.0).unwrap_or(usize::MAX);
        Self {
            sets: config.sets,
            keys: config.keys,
            value: std::iter::repeat_with(|| random.alphanumeric() as u8)
                .take(size)
                .collect(),
            random,
        }
    }

    /// The request that is due then.
    pub fn request(&mut self, due: Nanos) -> Request {
        Request {
            due,
            key: self.random.u32(0..self.keys),
            set: self.random.f64() < self.sets,
        }
    }

    /// Appends a request as it goes over the wire.
    pub fn encode<P: Protocol>(&self, request: &Request, out: &mut Vec<u8>) {
        if request.set {
            self.encode_set::<P>(request.key, out);
        } else {
            P::get(&key_name(request.key), out);
        }
    }

    /// Appends a SET of that key.
    pub fn encode_set<P: Protocol>(&self, key: u32, out: &mut Vec<u8>) {
        P::set(&key_name(key), &self.value, out);
    }
}

/// A key that nobody else is likely to use.
pub fn key_name(key: u32) -> String {
    format!("pipeline:kpi:{key}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memcached::Memcached;
    use crate::redis::Redis;
    use pipeline_plugin_api::prelude::Bytes;

    fn workload(sets: f64) -> Workload {
        Workload::new(&LoadConfig::<Redis> {
            sets,
            keys: 10,
            value: Bytes(3),
            ..LoadConfig::default()
        })
    }

    #[test]
    fn the_share_of_sets_is_kept() {
        let mut workload = workload(0.25);
        let sets = (0..10_000).filter(|_| workload.request(Nanos::ZERO).set).count();
        assert!((2300..2700).contains(&sets), "{sets}");
    }

    #[test]
    fn every_key_is_asked_for() {
        let mut workload = workload(0.0);
        let keys: std::collections::BTreeSet<u32> = (0..1000).map(|_| workload.request(Nanos::ZERO).key).collect();
        assert_eq!(keys, (0..10).collect());
    }

    #[test]
    fn requests_are_what_redis_reads() {
        assert_eq!(encoded::<Redis>(false), "*2 $3 GET $14 pipeline:kpi:7 ");
        let set = encoded::<Redis>(true);
        assert!(set.starts_with("*3 $3 SET $14 pipeline:kpi:7 $3 "), "{set}");
    }

    #[test]
    fn requests_are_what_memcached_reads() {
        assert_eq!(encoded::<Memcached>(false), "get pipeline:kpi:7 ");
        let set = encoded::<Memcached>(true);
        assert!(set.starts_with("set pipeline:kpi:7 0 0 3 "), "{set}");
        assert_eq!(set.len(), "set pipeline:kpi:7 0 0 3 abc ".len(), "{set}");
    }

    /// A request for key 7 on the wire, with a blank for each line's end.
    fn encoded<P: Protocol>(set: bool) -> String {
        let (due, mut out) = (Nanos::ZERO, Vec::new());
        workload(0.0).encode::<P>(&Request { due, key: 7, set }, &mut out);
        String::from_utf8(out).unwrap().replace("\r\n", " ")
    }
}
