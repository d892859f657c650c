//! What the elements can be told. A scenario's own format is the model's.

mod knobs;
mod metrics;
mod node;
mod truth;

pub use knobs::KnobsConfig;
pub use metrics::{Family, MetricsConfig};
pub use node::NodeConfig;
pub use truth::TruthConfig;
