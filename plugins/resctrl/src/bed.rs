//! What the tests run on: nodes whose filesystem is one in memory, and targets with tasks in it.

use pipeline_plugin_api::prelude::*;
use pipeline_plugin_api::testkit::TestHost;
use pipeline_resctrl_fs::testing::Fake;
use pipeline_resctrl_fs::{Error, Resctrl};
use std::cell::RefCell;

thread_local! {
    static FAKE: RefCell<Option<Fake>> = const { RefCell::new(None) };
}

/// A host, a filesystem, and targets.
pub struct Bed {
    pub host: TestHost,
    pub fake: Fake,
}

/// What nodes of this thread open.
pub fn open(mount_point: &str) -> std::result::Result<Resctrl, Error> {
    FAKE.with_borrow(|fake| match fake {
        Some(fake) => Resctrl::open_fake(fake),
        None => Resctrl::open(mount_point),
    })
}

impl Bed {
    pub fn new() -> Self {
        let fake = Fake::new();
        FAKE.set(Some(fake.clone()));
        let host = TestHost::new();
        host.world().node_names = vec!["l3".into()];
        Self { host, fake }
    }

    /// A target with those tasks, which begin to live.
    pub fn target(&self, name: &str, class: Class, tasks: &[u32]) -> Target {
        tasks.iter().for_each(|task| self.fake.run(*task));
        self.list(name, tasks);
        self.host.target(Target {
            name: name.into(),
            class,
            cgroups: vec![CgroupDir {
                controller: "unified".into(),
                path: format!("/sys/fs/cgroup/{name}").into(),
                inode: 1,
            }]
            .into(),
            ..Target::default()
        })
    }

    /// The target's group lists those tasks now.
    pub fn list(&self, name: &str, tasks: &[u32]) {
        let text: String = tasks.iter().map(|task| format!("{task}\n")).collect();
        self.fake.put(&format!("/sys/fs/cgroup/{name}/cgroup.threads"), &text);
    }

    /// Whether a log line of that level holds the text.
    pub fn logged(&self, level: Level, text: &str) -> bool {
        self.host
            .world()
            .logs
            .iter()
            .any(|(of, line)| *of == level && line.contains(text))
    }
}
