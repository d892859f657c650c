//! Adapters for the stages that read the world by themselves: target providers and collectors.

use super::{Collector, Result, Role, TargetProvider, Wish, called};
use crate::abi::{
    Batch, Called, Change, Failure, FailureKind, Level, Nanos, NodeAbi, PortBatch, Stage, TargetId, Tick,
};
use crate::host::Host;
use abi_stable::std_types::{ROption, RResult, RSlice, RStr, RString, RVec};
use std::marker::PhantomData;

/// A [`TargetProvider`] in its stage.
pub struct Provides<E>(PhantomData<E>);

impl<E: TargetProvider> Role for Provides<E> {
    type Element = E;
    type Node = ProviderNode<E>;
    const STAGE: u32 = Stage::TARGETS.0;
    fn node(element: E, host: Host) -> Self::Node {
        ProviderNode { element, host }
    }
}

/// The node around a [`TargetProvider`].
pub struct ProviderNode<E> {
    element: E,
    host: Host,
}

/// A [`Collector`] in its stage.
pub struct Collects<E>(PhantomData<E>);

impl<E: Collector> Role for Collects<E> {
    type Element = E;
    type Node = CollectorNode<E>;
    const STAGE: u32 = Stage::COLLECTOR.0;
    fn node(element: E, host: Host) -> Self::Node {
        CollectorNode { element, host }
    }
}

/// The node around a [`Collector`].
pub struct CollectorNode<E> {
    element: E,
    host: Host,
}

/// The calls that every stage answers alike.
macro_rules! common_calls {
    () => {
        fn control(&mut self, name: RStr<'_>, value: RStr<'_>) -> Called {
            called(
                self.element
                    .control(name.as_str(), value.as_str())
                    .map(|()| Wish::Nothing),
            )
        }
        fn status(&self) -> RString {
            self.element.status().into()
        }
        fn save(&mut self) -> RResult<RVec<u8>, Failure> {
            self.element.save().map(RVec::from).into()
        }
        fn load(&mut self, version: u32, state: RSlice<'_, u8>) -> Called {
            if version != E::STATE_VERSION {
                return RResult::RErr(Failure::retry(format!(
                    "the state is of version {version} and `{}` reads {}; it begins afresh",
                    E::NAME,
                    E::STATE_VERSION
                )));
            }
            called(self.element.load(state.as_slice()).map(|()| Wish::Nothing))
        }
        fn extension(&mut self, name: RStr<'_>, request: RSlice<'_, u8>) -> ROption<RVec<u8>> {
            let _ = (name, request);
            ROption::RNone
        }
    };
}
pub(super) use common_calls;

impl<E: TargetProvider> NodeAbi for ProviderNode<E> {
    fn start(&mut self) -> Called {
        called(self.element.start(&self.host.system()).map(|()| Wish::Nothing))
    }
    fn tick(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Called {
        called(self.element.provide(tick, out))
    }
    fn input(&mut self, _: Nanos, _: RSlice<'_, PortBatch<'_>>, _: &mut Batch) -> Called {
        RResult::ROk(Nanos::ZERO)
    }
    fn descriptors(&self) -> RVec<i32> {
        self.element.descriptors().into()
    }
    fn drain(&mut self, _: Nanos, out: &mut Batch) -> Called {
        called(self.element.stop(out).map(|()| Wish::Nothing))
    }
    fn stop(&mut self) -> Called {
        RResult::ROk(Nanos::ZERO)
    }
    common_calls!();
}

impl<E: Collector> NodeAbi for CollectorNode<E> {
    fn start(&mut self) -> Called {
        called(self.element.start(&self.host.system()).map(|()| Wish::Nothing))
    }
    fn tick(&mut self, tick: &Tick<'_>, out: &mut Batch) -> Called {
        called(self.element.collect(tick, out))
    }
    fn input(&mut self, _: Nanos, inputs: RSlice<'_, PortBatch<'_>>, _: &mut Batch) -> Called {
        called(self.targets(&inputs).map(|()| Wish::Nothing))
    }
    fn descriptors(&self) -> RVec<i32> {
        self.element.descriptors().into()
    }
    fn drain(&mut self, _: Nanos, _: &mut Batch) -> Called {
        RResult::ROk(Nanos::ZERO)
    }
    fn stop(&mut self) -> Called {
        called(self.element.stop().map(|()| Wish::Nothing))
    }
    common_calls!();
}

impl<E: Collector> CollectorNode<E> {
    /// One target that cannot be read does not keep the others from being read.
    fn targets(&mut self, inputs: &[PortBatch<'_>]) -> Result<()> {
        for change in inputs.iter().flat_map(|port| port.batch.changes.iter()) {
            match self.element.target(change) {
                Ok(()) => {}
                Err(failure) if failure.kind == FailureKind::FATAL => return Err(failure),
                Err(failure) => report(&self.host, change.target.id, change.change, &failure),
            }
        }
        Ok(())
    }
}

/// That a target left before it could be read is normal; anything else is a warning.
pub(super) fn report(host: &Host, target: TargetId, change: Change, failure: &Failure) {
    let level = if failure.kind == FailureKind::GONE || change == Change::GONE {
        Level::DEBUG
    } else {
        Level::WARN
    };
    let name = host
        .target(target)
        .map(|target| target.name.to_string())
        .unwrap_or_default();
    host.log(level, &failure.message, &[("target", &name)]);
}
