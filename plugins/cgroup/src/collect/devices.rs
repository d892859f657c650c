//! Block devices of one target: what was added to each, and to all together.

use crate::delta::{Sample, Total};
use pipeline_cgroup_fs::DeviceIo;
use pipeline_plugin_api::prelude::*;

/// The four metrics, in the order of [`counters`].
pub type Metrics = [MetricId; 4];

/// The devices that a target used.
#[derive(Debug, Default)]
pub struct Devices(Vec<Device>);

#[derive(Debug)]
struct Device {
    number: (u32, u32),
    part: Part,
    totals: [Total; 4],
    seen: bool,
}

impl Devices {
    /// Takes in one sample: a reading for each device and counter, and one of the whole for each counter.
    ///
    /// A device that was not there at the sample before stood at zero. If one device's counter went backwards, the
    /// whole is not known either.
    pub fn taken(&mut self, devices: &[DeviceIo], metrics: Metrics, sample: Sample, host: &Host, out: &mut Batch) {
        self.0.iter_mut().for_each(|device| device.seen = false);
        let mut whole: [std::result::Result<f64, Reason>; 4] = [Ok(0.0); 4];
        for io in devices {
            let device = self.device(io, sample, host);
            for (place, now) in counters(io).into_iter().enumerate() {
                let Some(reading) = now.and_then(|now| device.totals[place].taken(Some(now), metrics[place], sample))
                else {
                    continue;
                };
                out.readings.push(reading.of_part(device.part));
                whole[place] = match (whole[place], reading.number()) {
                    (Ok(sum), Some(value)) => Ok(sum + value),
                    (Err(reason), _) => Err(reason),
                    (Ok(_), None) => Err(Reason(reading.detail)),
                };
            }
        }
        self.0.retain(|device| device.seen);
        let Some(span) = sample.span else { return };
        for (metric, sum) in metrics.into_iter().zip(whole) {
            out.readings.push(match sum {
                Ok(sum) => Reading::delta(sample.at, span, sample.target, metric, sum),
                Err(reason) => sample.absent(metric, reason),
            });
        }
    }

    fn device(&mut self, io: &DeviceIo, sample: Sample, host: &Host) -> &mut Device {
        let number = (io.major, io.minor);
        let place = self
            .0
            .iter()
            .position(|device| device.number == number)
            .unwrap_or_else(|| {
                let begin = if sample.span.is_some() {
                    Total::from_zero()
                } else {
                    Total::default()
                };
                let part = host.part(&format!("dev/{}:{}", io.major, io.minor));
                self.0.push(Device {
                    number,
                    part,
                    totals: [begin; 4],
                    seen: true,
                });
                self.0.len() - 1
            });
        self.0[place].seen = true;
        &mut self.0[place]
    }
}

fn counters(io: &DeviceIo) -> [Option<u64>; 4] {
    [io.read_bytes, io.written_bytes, io.reads, io.writes]
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::testkit::TestHost;

    const METRICS: Metrics = [MetricId(1), MetricId(2), MetricId(3), MetricId(4)];

    fn io(minor: u32, read: u64) -> DeviceIo {
        DeviceIo {
            major: 8,
            minor,
            read_bytes: Some(read),
            written_bytes: Some(0),
            reads: Some(read),
            ..DeviceIo::default()
        }
    }

    fn read_of(devices: &mut Devices, sample: &[DeviceIo], span: Option<u64>, host: &Host) -> Vec<(Part, Option<f64>)> {
        let mut out = Batch::default();
        let when = Sample {
            target: TargetId(1),
            at: Nanos(9),
            span: span.map(Nanos),
        };
        devices.taken(sample, METRICS, when, host, &mut out);
        out.readings
            .iter()
            .filter(|one| one.metric == METRICS[0])
            .map(|one| (one.part, one.number()))
            .collect()
    }

    #[test]
    fn the_whole_is_the_sum_and_a_new_device_began_at_zero() {
        let host = Host::new(TestHost::new().handle());
        let mut devices = Devices::default();
        assert_eq!(read_of(&mut devices, &[io(0, 100)], None, &host), []);
        let (sda, sdb) = (host.part("dev/8:0"), host.part("dev/8:16"));
        let read = read_of(&mut devices, &[io(0, 130), io(16, 5)], Some(10), &host);
        assert_eq!(read, [(sda, Some(30.0)), (sdb, Some(5.0)), (Part::WHOLE, Some(35.0))]);
    }

    #[test]
    fn one_device_that_goes_backwards_makes_the_whole_unknown() {
        let host = Host::new(TestHost::new().handle());
        let mut devices = Devices::default();
        read_of(&mut devices, &[io(0, 100), io(16, 5)], None, &host);
        let read = read_of(&mut devices, &[io(0, 1), io(16, 6)], Some(10), &host);
        assert_eq!(
            read.iter().map(|(_, value)| *value).collect::<Vec<_>>(),
            [None, Some(1.0), None]
        );
    }

    #[test]
    fn a_device_that_went_and_came_back_begins_at_zero() {
        let host = Host::new(TestHost::new().handle());
        let mut devices = Devices::default();
        read_of(&mut devices, &[io(0, 100)], None, &host);
        assert_eq!(read_of(&mut devices, &[], Some(10), &host), [(Part::WHOLE, Some(0.0))]);
        assert_eq!(
            read_of(&mut devices, &[io(0, 7)], Some(10), &host)[1],
            (Part::WHOLE, Some(7.0))
        );
    }
}
