//! The `example` plugin: the shape that every plugin has. This file registers its elements and does
//! nothing else; what they can be told is in `config`, what they do is in a file named by its role.
#![forbid(unsafe_code)]

mod config;
mod transform;

pipeline_plugin_api::export_plugin! {
    transforms: [transform::Rate],
}
