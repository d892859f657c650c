//! Adapters for the pure stages: transforms and schedulers.

use super::source::common_calls;
use super::{Input, Role, Scheduler, Transform, Wish, called};
use crate::abi::{Batch, Called, Failure, Nanos, NodeAbi, PortBatch, Stage, Tick};
use crate::host::Host;
use abi_stable::std_types::{ROption, RResult, RSlice, RStr, RString, RVec};
use std::marker::PhantomData;

/// A [`Transform`] in its stage.
pub struct Transforms<E>(PhantomData<E>);

impl<E: Transform> Role for Transforms<E> {
    type Element = E;
    type Node = TransformNode<E>;
    const STAGE: u32 = Stage::TRANSFORM.0;
    fn node(element: E, _: Host) -> Self::Node {
        TransformNode { element }
    }
}

/// The node around a [`Transform`].
pub struct TransformNode<E> {
    element: E,
}

/// A [`Scheduler`] in its stage.
pub struct Schedules<E>(PhantomData<E>);

impl<E: Scheduler> Role for Schedules<E> {
    type Element = E;
    type Node = SchedulerNode<E>;
    const STAGE: u32 = Stage::SCHEDULER.0;
    fn node(element: E, _: Host) -> Self::Node {
        SchedulerNode { element }
    }
}

/// The node around a [`Scheduler`].
pub struct SchedulerNode<E> {
    element: E,
}

macro_rules! pure_calls {
    ($method:ident) => {
        fn start(&mut self) -> Called {
            RResult::ROk(Nanos::ZERO)
        }
        fn tick(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Called {
            called(self.element.$method(&Input::new(tick.at, &[]), out))
        }
        fn input(&mut self, at: Nanos, inputs: RSlice<'_, PortBatch<'_>>, out: &mut Batch) -> Called {
            called(self.element.$method(&Input::new(at, inputs.as_slice()), out))
        }
        fn descriptors(&self) -> RVec<i32> {
            RVec::new()
        }
        fn drain(&mut self, _: Nanos, _: &mut Batch) -> Called {
            RResult::ROk(Nanos::ZERO)
        }
        fn stop(&mut self) -> Called {
            RResult::ROk(Nanos::ZERO)
        }
    };
}

impl<E: Transform> NodeAbi for TransformNode<E> {
    pure_calls!(apply);
    common_calls!();
}

impl<E: Scheduler> NodeAbi for SchedulerNode<E> {
    pure_calls!(decide);
    common_calls!();
}
