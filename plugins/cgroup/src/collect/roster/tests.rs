//! Targets for which there are too few descriptors.

use super::*;
use pipeline_plugin_api::stage::Collects;
use pipeline_plugin_api::testkit::{TestHost, TestNode};
use std::cell::Cell;

thread_local! {
    /// How many more targets can be opened.
    static ROOM: Cell<usize> = const { Cell::new(0) };
}

/// Reads one gauge of a group for which there is room.
struct OneFile;

impl Drop for OneFile {
    fn drop(&mut self) {
        ROOM.set(ROOM.get() + 1);
    }
}

impl Reader for OneFile {
    type Setup = [MetricId; 1];
    const NOTHING: &'static str = "nothing";

    fn open(_: &Self::Setup, group: &Group) -> std::result::Result<Option<Self>, Error> {
        let path = group.directories()[0].path.clone();
        let source = std::io::Error::from_raw_os_error(rustix::io::Errno::MFILE.raw_os_error());
        let room = ROOM.get().checked_sub(1).ok_or(Error::Read { path, source })?;
        ROOM.set(room);
        Ok(Some(Self))
    }

    fn read(&mut self, setup: &Self::Setup, sample: Sample, out: &mut Batch) -> std::result::Result<(), Error> {
        out.readings.push(sample.level(setup[0], Some(1)));
        Ok(())
    }

    fn metrics(setup: &Self::Setup) -> &[MetricId] {
        setup
    }
}

struct Scarce {
    roster: Roster<OneFile>,
    system: Option<System>,
}

impl Element for Scarce {
    const NAME: &'static str = "test.scarce";
    const SUMMARY: &'static str = "reads what there is room for";
    type Config = crate::config::StatsConfig;

    fn ports(_: &Self::Config) -> Ports {
        Ports::new().gives(&vocabulary::CPU_TIME)
    }

    fn create(_: Self::Config, host: &Host) -> Result<Self> {
        Ok(Self {
            roster: Roster::new([host.metric(&vocabulary::CPU_TIME)?], host),
            system: None,
        })
    }
}

impl Collector for Scarce {
    fn start(&mut self, system: &System) -> Result<()> {
        self.system = Some(system.clone());
        Ok(())
    }

    fn target(&mut self, change: &TargetChange) -> Result<()> {
        self.roster.change(change)
    }

    fn collect(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        self.roster.sample(tick.at, self.system.as_ref().unwrap(), out);
        Ok(Wish::Nothing)
    }
}

/// How many numbers and how many unavailable readings a sample gives.
fn sample(host: &TestHost, node: &mut TestNode, second: u64) -> (usize, usize) {
    host.world().now = Nanos::from_secs(second);
    let told = node.tick(Nanos::from_secs(second)).unwrap();
    let (numbers, absent): (Vec<&Reading>, Vec<&Reading>) =
        told.readings.iter().partition(|reading| reading.number().is_some());
    (numbers.len(), absent.len())
}

#[test]
fn hundreds_without_a_descriptor_are_one_line_and_are_read_when_there_is_room() {
    const ALL: usize = 300;
    ROOM.set(100);
    let folder = tempfile::tempdir().unwrap();
    let inode = std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(folder.path()).unwrap());
    let host = TestHost::new();
    let mut node = host.node::<Collects<Scarce>>("").unwrap();
    node.start().unwrap();
    let mut targets = Vec::new();
    for number in 0..ALL {
        let target = host.target(Target {
            name: format!("t{number}").into(),
            cgroups: vec![CgroupDir {
                controller: "unified".into(),
                path: folder.path().to_str().unwrap().into(),
                inode,
            }]
            .into(),
            ..Target::default()
        });
        node.change(Nanos(1), Change::APPEARED, &target).unwrap();
        targets.push(target);
    }
    assert_eq!(sample(&host, &mut node, 1), (100, 200));
    assert_eq!(sample(&host, &mut node, 2), (100, 0));
    let lines = || {
        let logs = host.world().logs.clone();
        let warned = logs.into_iter().filter(|(level, _)| *level == Level::WARN);
        warned.map(|(_, line)| line).collect::<Vec<_>>()
    };
    let told = lines();
    assert!(
        told.len() == 1 && told[0].contains("targets=200") && told[0].contains("of=300"),
        "{told:?}"
    );
    for target in &targets[..150] {
        node.change(Nanos::from_secs(3), Change::GONE, target).unwrap();
    }
    assert_eq!(sample(&host, &mut node, 30), (100, 0));
    for target in &targets[150..250] {
        node.change(Nanos::from_secs(31), Change::GONE, target).unwrap();
    }
    assert_eq!(sample(&host, &mut node, 90), (50, 0));
    assert_eq!(lines().len(), 1);
}
