//! A recorded run cut into windows, by whether `batch` runs and which scheduler may act, for the reports that compare
//! them: `demo_report`, `host_report`. In such a run the victim is `web`.
//!
//! How the figures are printed is not here.

pub mod detection;
pub mod pool;
pub mod record;
pub mod seconds;
pub mod windows;
