//! The text of a plugin's manifest.

use super::Target;
use crate::mutate::Material;
use pipeline_plugin_api::abi::{ABI_VERSION, Manifest};

pub(super) const TARGET: Target = Target {
    name: "manifest",
    about: "what a plugin says of itself",
    material: || Material {
        seeds: vec![whole()],
        words: &[
            "\0",
            "=",
            ",",
            ":",
            "abi=",
            "name=",
            "version=",
            "elements=",
            "panic=unwind",
            "panic=abort",
            "profile=",
            "a.b:1,",
            ":4294967296,",
            "pipeline-plugin",
        ],
        longest: 1024,
    },
    reader: || Box::new(read),
};

/// A good manifest.
pub(super) fn whole() -> Vec<u8> {
    format!(
        "pipeline-plugin\0abi={ABI_VERSION}\0name=demo\0version=1.2.3\0elements=demo.a:1,demo.b:5,\0panic=unwind\0profile=release\0"
    )
    .into_bytes()
}

fn read(bytes: &[u8]) {
    if let Some(manifest) = Manifest::parse(bytes) {
        assert!(bytes.starts_with(b"pipeline-plugin\0"));
        assert!(manifest.elements.len() <= bytes.split(|byte| *byte == b',').count());
    }
}
