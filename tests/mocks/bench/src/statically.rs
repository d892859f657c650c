//! The same elements behind a plain trait object: what a program without plugins, without a guard
//! and without a graph would call. This is the floor that the boundary and the loop are held against.

use crate::collect::Feed;
use crate::config::{FeedConfig, ScaleConfig};
use crate::schedule::Decide;
use crate::transform::Scale;
use pipeline_plugin_api::abi::PortBatch;
use pipeline_plugin_api::prelude::*;

/// An element that takes input.
pub trait Takes {
    /// Takes what came at one instant.
    ///
    /// # Errors
    /// The element's own.
    fn take(&mut self, at: Nanos, inputs: &[PortBatch<'_>], out: &mut Batch) -> Result<Wish>;
}

/// An element that reads the world.
pub trait Reads {
    /// Reads it.
    ///
    /// # Errors
    /// The element's own.
    fn read(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish>;
}

impl Reads for Feed {
    fn read(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Result<Wish> {
        self.collect(tick, out)
    }
}

impl Takes for Scale {
    fn take(&mut self, at: Nanos, inputs: &[PortBatch<'_>], out: &mut Batch) -> Result<Wish> {
        self.apply(&Input::new(at, inputs), out)
    }
}

impl Takes for Decide {
    fn take(&mut self, at: Nanos, inputs: &[PortBatch<'_>], out: &mut Batch) -> Result<Wish> {
        self.decide(&Input::new(at, inputs), out)
    }
}

/// The transform alone.
///
/// # Errors
/// The element's own.
pub fn scale(config: ScaleConfig, host: &Host) -> Result<Box<dyn Takes>> {
    Ok(Box::new(Scale::create(config, host)?))
}

/// The three, to be called in this order.
pub struct Chain {
    /// The collector, with its file open.
    pub feed: Box<dyn Reads>,
    /// The transform.
    pub scale: Box<dyn Takes>,
    /// The scheduler.
    pub decide: Box<dyn Takes>,
}

impl Chain {
    /// Made with the defaults, as the graph's nodes are.
    ///
    /// # Errors
    /// The elements' own.
    pub fn new(host: &Host) -> Result<Self> {
        let mut feed = Feed::create(FeedConfig::default(), host)?;
        feed.open()?;
        Ok(Self {
            feed: Box::new(feed),
            scale: scale(ScaleConfig::default(), host)?,
            decide: Box::new(Decide::create(NoConfig::default(), host)?),
        })
    }
}
