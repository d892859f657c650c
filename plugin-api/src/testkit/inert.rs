//! Elements that do nothing, for tests in which graphs are read and checked and never run.

/// Implements the trait of a stage for types, so that they do nothing.
///
/// ```
/// use pipeline_plugin_api::prelude::*;
///
/// struct Cpu;
/// impl Element for Cpu {
///     const NAME: &'static str = "mock.cpu";
///     const SUMMARY: &'static str = "stands in";
///     type Config = NoConfig;
///     fn ports(_: &NoConfig) -> Ports {
///         Ports::new()
///     }
///     fn create(_: NoConfig, _: &Host) -> Result<Self> {
///         Ok(Self)
///     }
/// }
/// pipeline_plugin_api::inert!(Collector: Cpu);
/// ```
#[macro_export]
macro_rules! inert {
    (TargetProvider: $($type:ident)+) => {$(impl $crate::prelude::TargetProvider for $type {
        $crate::inert!(@start);
        $crate::inert!(@say provide Tick);
    })+};
    (Collector: $($type:ident)+) => {$(impl $crate::prelude::Collector for $type {
        fn target(&mut self, _: &$crate::prelude::TargetChange) -> $crate::prelude::Result<()> {
            Ok(())
        }
        $crate::inert!(@say collect Tick);
    })+};
    (Transform: $($type:ident)+) => {$(impl $crate::prelude::Transform for $type {
        $crate::inert!(@say apply Input);
    })+};
    (Scheduler: $($type:ident)+) => {$(impl $crate::prelude::Scheduler for $type {
        $crate::inert!(@say decide Input);
    })+};
    (Actuator: $($type:ident)+) => {$(impl $crate::prelude::Actuator for $type {
        $crate::inert!(@start);
        fn target(
            &mut self,
            _: &$crate::prelude::TargetChange,
        ) -> $crate::prelude::Result<Vec<$crate::prelude::Control>> {
            Ok(Vec::new())
        }
        fn takes(&self, _: $crate::prelude::KnobId) -> bool {
            false
        }
        fn apply(&mut self, _: &$crate::prelude::Action) -> $crate::prelude::Result<$crate::prelude::Effect> {
            Ok($crate::prelude::Effect::default())
        }
        fn release(
            &mut self,
            _: $crate::prelude::TargetId,
            _: $crate::prelude::KnobId,
        ) -> $crate::prelude::Result<$crate::prelude::Release> {
            Ok($crate::prelude::Release::Restored($crate::prelude::Effect::default()))
        }
    })+};
    (Sink: $($type:ident)+) => {$(impl $crate::prelude::Sink for $type {
        $crate::inert!(@start);
        fn write(&mut self, _: &$crate::prelude::Input<'_>) -> $crate::prelude::Result<$crate::prelude::Wish> {
            Ok($crate::prelude::Wish::Nothing)
        }
    })+};
    // Methods that several stages have alike.
    (@start) => {
        fn start(&mut self, _: &$crate::prelude::System) -> $crate::prelude::Result<()> {
            Ok(())
        }
    };
    (@say $call:ident $given:ident) => {
        fn $call(
            &mut self,
            _: &$crate::prelude::$given<'_>,
            _: &mut $crate::prelude::Batch,
        ) -> $crate::prelude::Result<$crate::prelude::Wish> {
            Ok($crate::prelude::Wish::Nothing)
        }
    };
}
