//! Requests to the control socket: what is understood is said again in the same words.

use super::Target;
use crate::mutate::Material;
use pipeline::run::socket::talk::{Reply, Request};

pub(super) const TARGET: Target = Target {
    name: "request",
    about: "requests to a running pipeline, and its replies",
    material: || Material {
        seeds: SEEDS.iter().map(|text| text.as_bytes().to_vec()).collect(),
        words: &[
            "{\"request\":\"status\"}",
            "\"request\"",
            "\"control\"",
            "\"node\"",
            "\"value\"",
            "{",
            "}",
            "[[[[",
            "null",
            "\\u0000",
            "\\ud800",
            "\n",
            "1e999",
            "\"status\":",
            "\"set\":",
            "\"error\":",
        ],
        longest: 4096,
    },
    reader: || Box::new(read),
};

const SEEDS: &[&str] = &[
    r#"{"request":"status"}"#,
    r#"{"request":"control","node":"slow","name":"threshold","value":"\"30m\""}"#,
    r#"{"set":"\"30m\""}"#,
    r#"{"error":"there is no node `slwo`"}"#,
    r#"{"status":{"run":"r","graph":"g.ron","pid":7,"guardian_pid":null,"uptime_ns":1,"nodes":[{"node":"a","calls":3}],"lanes":[{"lane":"control"}]}}"#,
];

fn read(bytes: &[u8]) {
    if let Ok(request) = serde_json::from_slice::<Request>(bytes) {
        let said = serde_json::to_vec(&request).unwrap_or_default();
        assert_eq!(serde_json::from_slice::<Request>(&said).ok(), Some(request));
    }
    if let Ok(reply) = serde_json::from_slice::<Reply>(bytes) {
        let said = serde_json::to_vec(&reply).unwrap_or_default();
        assert_eq!(serde_json::from_slice::<Reply>(&said).ok(), Some(reply));
    }
}
