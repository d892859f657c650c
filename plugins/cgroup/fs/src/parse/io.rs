//! `io.stat` of version 2 and the `blkio.throttle` counters of version 1, device by device.

use super::{lines, number, split_at, words};

/// What one group and its descendants moved to and from one block device, since the group was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeviceIo {
    /// The device's major number.
    pub major: u32,
    /// The device's minor number.
    pub minor: u32,
    /// Bytes read.
    pub read_bytes: Option<u64>,
    /// Bytes written.
    pub written_bytes: Option<u64>,
    /// Read operations.
    pub reads: Option<u64>,
    /// Write operations.
    pub writes: Option<u64>,
}

/// What a `blkio.throttle` file counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `io_service_bytes`.
    Bytes,
    /// `io_serviced`.
    Count,
}

/// Takes `io.stat`: a line for each device, `8:16 rbytes=1 wbytes=2 rios=3 wios=4 …` (cgroup-v2.rst, "IO Interface Files").
///
/// A device without a known key, as some kernels print, is left out.
pub fn io_stat(bytes: &[u8], into: &mut Vec<DeviceIo>) {
    for line in lines(bytes) {
        let mut fields = words(line);
        let Some((major, minor)) = fields.next().and_then(device) else {
            continue;
        };
        for (key, value) in fields.filter_map(|field| split_at(field, b'=')) {
            let Some(place) = place_v2(key) else { continue };
            *place(entry(into, major, minor)) = number(value);
        }
    }
}

/// Takes a `blkio.throttle` file: lines of `8:0 Read 4096` and a sum over all at the end (cgroup-v1/blkio-controller.rst).
pub fn blkio(bytes: &[u8], operation: Operation, into: &mut Vec<DeviceIo>) {
    for line in lines(bytes) {
        let mut fields = words(line);
        let Some((major, minor)) = fields.next().and_then(device) else {
            continue;
        };
        let (Some(kind), Some(value)) = (fields.next(), fields.next()) else {
            continue;
        };
        let Some(place) = place_v1(kind, operation) else {
            continue;
        };
        *place(entry(into, major, minor)) = number(value);
    }
}

type Place = fn(&mut DeviceIo) -> &mut Option<u64>;

fn place_v2(key: &[u8]) -> Option<Place> {
    match key {
        b"rbytes" => Some(|io| &mut io.read_bytes),
        b"wbytes" => Some(|io| &mut io.written_bytes),
        b"rios" => Some(|io| &mut io.reads),
        b"wios" => Some(|io| &mut io.writes),
        _ => None,
    }
}

fn place_v1(kind: &[u8], operation: Operation) -> Option<Place> {
    match (kind, operation) {
        (b"Read", Operation::Bytes) => Some(|io| &mut io.read_bytes),
        (b"Write", Operation::Bytes) => Some(|io| &mut io.written_bytes),
        (b"Read", Operation::Count) => Some(|io| &mut io.reads),
        (b"Write", Operation::Count) => Some(|io| &mut io.writes),
        _ => None,
    }
}

fn device(word: &[u8]) -> Option<(u32, u32)> {
    let (major, minor) = split_at(word, b':')?;
    Some((u32::try_from(number(major)?).ok()?, u32::try_from(number(minor)?).ok()?))
}

fn entry(devices: &mut Vec<DeviceIo>, major: u32, minor: u32) -> &mut DeviceIo {
    let place = devices
        .iter()
        .position(|io| (io.major, io.minor) == (major, minor))
        .unwrap_or_else(|| {
            devices.push(DeviceIo {
                major,
                minor,
                ..DeviceIo::default()
            });
            devices.len() - 1
        });
    &mut devices[place]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn version_2_has_a_line_for_each_device() {
        let mut devices = Vec::new();
        io_stat(include_bytes!("../../fixtures/v2/io.stat"), &mut devices);
        let expected = DeviceIo {
            major: 8,
            minor: 16,
            read_bytes: Some(1_459_200),
            written_bytes: Some(314_773_504),
            reads: Some(192),
            writes: Some(353),
        };
        assert_eq!(devices[0], expected);
        assert_eq!(devices.len(), 2, "`7:0` has no counter and is left out");
        assert_eq!((devices[1].major, devices[1].minor), (8, 0));
    }

    #[test]
    fn version_1_joins_bytes_and_operations_by_device() {
        let mut devices = Vec::new();
        blkio(
            include_bytes!("../../fixtures/v1/blkio.throttle.io_service_bytes"),
            Operation::Bytes,
            &mut devices,
        );
        blkio(
            include_bytes!("../../fixtures/v1/blkio.throttle.io_serviced"),
            Operation::Count,
            &mut devices,
        );
        let expected = DeviceIo {
            major: 254,
            minor: 0,
            read_bytes: Some(1_556_480),
            written_bytes: Some(8_396_800),
            reads: Some(25),
            writes: Some(19),
        };
        assert_eq!(devices, [expected]);
    }

    #[test]
    fn a_group_that_touched_no_device_has_none() {
        let mut devices = Vec::new();
        blkio(b"Total 0\n", Operation::Bytes, &mut devices);
        assert_eq!(devices, []);
    }

    proptest! {
        #[test]
        fn no_bytes_make_an_io_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let mut devices = Vec::new();
            io_stat(&bytes, &mut devices);
            blkio(&bytes, Operation::Bytes, &mut devices);
            blkio(&bytes, Operation::Count, &mut devices);
        }

        #[test]
        fn near_misses_do_not_panic(text in "([0-9]{1,11}:[0-9]{0,3} (rbytes=|Read |wios=)[0-9a-z]{0,22}\n){0,5}") {
            let mut devices = Vec::new();
            io_stat(text.as_bytes(), &mut devices);
            blkio(text.as_bytes(), Operation::Count, &mut devices);
            prop_assert!(devices.len() <= 5);
        }
    }
}
