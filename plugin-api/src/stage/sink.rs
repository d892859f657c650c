//! Adapter for sinks.

use super::source::common_calls;
use super::{Input, Role, Sink, Wish, called};
use crate::abi::{Batch, Called, Failure, Nanos, NodeAbi, PortBatch, Stage, Tick};
use crate::host::Host;
use abi_stable::std_types::{ROption, RResult, RSlice, RStr, RString, RVec};
use std::marker::PhantomData;

/// A [`Sink`] in its stage.
pub struct Sinks<E>(PhantomData<E>);

impl<E: Sink> Role for Sinks<E> {
    type Element = E;
    type Node = SinkNode<E>;
    const STAGE: u32 = Stage::SINK.0;
    fn node(element: E, host: Host) -> Self::Node {
        SinkNode { element, host }
    }
}

/// The node around a [`Sink`].
pub struct SinkNode<E> {
    element: E,
    host: Host,
}

impl<E: Sink> NodeAbi for SinkNode<E> {
    fn start(&mut self) -> Called {
        called(self.element.start(&self.host.system()).map(|()| Wish::Nothing))
    }
    fn tick(&mut self, tick: &Tick<'_>, _: &mut Batch) -> Called {
        called(self.element.write(&Input::new(tick.at, &[])))
    }
    fn input(&mut self, at: Nanos, inputs: RSlice<'_, PortBatch<'_>>, _: &mut Batch) -> Called {
        called(self.element.write(&Input::new(at, inputs.as_slice())))
    }
    fn descriptors(&self) -> RVec<i32> {
        RVec::new()
    }
    fn drain(&mut self, deadline: Nanos, _: &mut Batch) -> Called {
        called(self.element.flush(deadline).map(|()| Wish::Nothing))
    }
    fn stop(&mut self) -> Called {
        RResult::ROk(Nanos::ZERO)
    }
    common_calls!();
}
