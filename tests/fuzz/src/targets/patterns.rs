//! Patterns over paths of groups and over names of processes: whatever is asked for, the answer comes soon.

use super::Target;
use crate::mutate::Material;
use pipeline_cgroup_fs::GroupPattern;
use pipeline_plugin_api::pattern::{fits, fits_any};

pub(super) const TARGET: Target = Target {
    name: "patterns",
    about: "patterns over groups and processes, a line with the pattern and one with the name",
    material: || Material {
        seeds: SEEDS.iter().map(|text| text.as_bytes().to_vec()).collect(),
        words: &[
            "*", "**", "/**/", "?", "[", "]", "[!a-z]", "[a-", "/", "//", "..", "\n", "a", "\\", "ä", "/*/**/*",
        ],
        longest: 384,
    },
    reader: || Box::new(read),
};

const SEEDS: &[&str] = &[
    "/system.slice/*.service\n/system.slice/ssh.service",
    "/kubepods.slice/**/cri-containerd-*.scope\nkubepods.slice/a/b/cri-containerd-7.scope",
    "docker/[0-9a-f]*\ndocker/0af",
    // Each star may take any of many names: who tries all ways never comes back.
    "**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/b\na/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a",
    "*a*a*a*a*a*a*a*a*a*a*a*a*b\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "redis*\nredis-server --port 7777",
];

fn read(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (pattern, name) = text.split_once('\n').unwrap_or((&text, ""));
    let fit = fits(pattern.as_bytes(), name.as_bytes());
    assert_eq!(fit, fits_any(&[pattern.to_owned()], name.as_bytes()));
    let plain = !pattern.contains(['*', '?']);
    assert!(!plain || fit == (pattern == name));
    if let Ok(groups) = GroupPattern::parse(pattern) {
        assert_eq!(groups.fits(name), groups.captured(name).is_some());
    }
}
