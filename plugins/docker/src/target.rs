//! The target provider: `docker.watch`. It listens and looks; it starts, stops and changes no container.

mod described;
mod life;
mod patience;
mod watch;

pub use watch::DockerWatch;
