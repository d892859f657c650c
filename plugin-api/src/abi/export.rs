//! What [`export_plugin!`](crate::export_plugin) expands to: the manifest, the loader's entry point
//! and one descriptor for each element.

use super::descriptor::{ElementDescriptor, ElementRef, Fault, Ports, Probe};
use super::guard::{Guarded, contained};
use super::host::HostRef;
use super::integers::Stage;
use super::node::{NodeAbi_TO, NodeBox};
use crate::config;
use crate::host::Host;
use crate::stage::{Element, Role};
use abi_stable::erased_types::TD_Opaque;
use abi_stable::prefix_type::PrefixTypeTrait;
use abi_stable::std_types::{RResult, RStr, RString, RVec};

#[doc(hidden)]
pub use abi_stable as __abi_stable;

/// The descriptor of an element in a role. Called once when its plugin is loaded.
pub fn describe<R: Role>() -> ElementRef {
    ElementDescriptor {
        name: RStr::from_str(<R::Element as Element>::NAME),
        stage: Stage(R::STAGE),
        summary: RStr::from_str(<R::Element as Element>::SUMMARY),
        state_version: <R::Element as Element>::STATE_VERSION,
        blocking: u32::from(<R::Element as Element>::BLOCKING),
        every: <R::Element as Element>::EVERY,
        schema: schema::<R>,
        sample: sample::<R>,
        check: check::<R>,
        ports: ports::<R>,
        probe: probe::<R>,
        create: create::<R>,
        virtual_time: u32::from(<R::Element as Element>::VIRTUAL_TIME),
    }
    .leak_into_prefix()
}

type ConfigOf<R> = <<R as Role>::Element as Element>::Config;

extern "C" fn schema<R: Role>() -> RString {
    contained(config::schema::<ConfigOf<R>>).unwrap_or_default().into()
}

extern "C" fn sample<R: Role>() -> RString {
    contained(config::sample::<ConfigOf<R>>).unwrap_or_default().into()
}

extern "C" fn check<R: Role>(text: RStr<'_>) -> RVec<Fault> {
    match contained(|| config::parse::<ConfigOf<R>>(text.as_str())) {
        Ok(Ok(_)) => RVec::new(),
        Ok(Err(faults)) => faults.into(),
        Err(panic) => panic_fault("check", &panic),
    }
}

extern "C" fn ports<R: Role>(text: RStr<'_>) -> RResult<Ports, RVec<Fault>> {
    let made =
        contained(|| config::parse::<ConfigOf<R>>(text.as_str()).map(|config| R::Element::ports(&config).into_abi()));
    match made {
        Ok(Ok(ports)) => RResult::ROk(ports),
        Ok(Err(faults)) => RResult::RErr(faults.into()),
        Err(panic) => RResult::RErr(panic_fault("ports", &panic)),
    }
}

extern "C" fn probe<R: Role>() -> RVec<Probe> {
    match contained(R::Element::probe) {
        Ok(found) => found.into(),
        // That nothing is needed must not be what is read from it.
        Err(panic) => vec![Probe::required(
            "an answer",
            false,
            &format!("panic in `probe`: {panic}"),
            "",
        )]
        .into(),
    }
}

extern "C" fn create<R: Role>(text: RStr<'_>, host: HostRef) -> RResult<NodeBox, RVec<Fault>> {
    let made = contained(|| {
        let config = config::parse::<ConfigOf<R>>(text.as_str())?;
        let host = Host::new(host);
        let element = R::Element::create(config, &host).map_err(|failure| {
            vec![Fault {
                message: failure.message,
                ..Fault::default()
            }]
        })?;
        Ok::<_, Vec<Fault>>(NodeAbi_TO::from_value(Guarded::new(R::node(element, host)), TD_Opaque))
    });
    match made {
        Ok(Ok(node)) => RResult::ROk(node),
        Ok(Err(faults)) => RResult::RErr(faults.into()),
        Err(panic) => RResult::RErr(panic_fault("create", &panic)),
    }
}

fn panic_fault(call: &str, text: &str) -> RVec<Fault> {
    vec![Fault {
        message: format!("panic in `{call}`: {text}").into(),
        ..Fault::default()
    }]
    .into()
}

/// A node of that role as the host would get it from a loaded plugin, for the test kit.
pub fn in_process<R: Role>(config: &str, host: HostRef) -> Result<NodeBox, Vec<Fault>> {
    create::<R>(RStr::from_str(config), host)
        .into_result()
        .map_err(Vec::from)
}

/// Makes a crate a plugin: exports its elements by stage.
///
/// ```ignore
/// pipeline_plugin_api::export_plugin! {
///     collectors: [stats::Stats],
///     transforms: [rate::Rate, ratio::Ratio],
/// }
/// ```
///
/// The stages are `target_providers`, `collectors`, `transforms`, `schedulers`, `actuators`, `sinks`, `commands`.
#[macro_export]
macro_rules! export_plugin {
    ($($stage:ident: [$($element:ty),* $(,)?]),+ $(,)?) => {
        const _: () = {
            use $crate::abi as __abi;
            use $crate::abi::__abi_stable as abi_stable;

            extern "C" fn init() {
                __abi::install_panic_hook();
            }
            extern "C" fn elements() -> abi_stable::std_types::RVec<__abi::ElementRef> {
                let mut all = abi_stable::std_types::RVec::new();
                $($(all.push(__abi::describe::<$crate::__role!($stage, $element)>());)*)+
                all
            }
            fn root() -> __abi::PluginRef {
                abi_stable::prefix_type::PrefixTypeTrait::leak_into_prefix(__abi::PluginModule { init, elements })
            }
            extern "C" fn erased() -> abi_stable::library::RootModuleResult {
                abi_stable::library::__call_root_module_loader(root)
            }
            #[unsafe(no_mangle)]
            #[allow(non_upper_case_globals, clippy::allow_attributes, reason = "abi_stable's loader looks for this name")]
            // SAFETY: `erased` gives the module of `root`, whose type is the one named here.
            pub static _1as_0lib_1header_0root_bmodule_bloader: abi_stable::library::LibHeader = unsafe {
                abi_stable::library::LibHeader::from_constructor::<__abi::PluginRef>(
                    erased,
                    abi_stable::library::CheckTypeLayout::Yes,
                )
            };

            const TEXTS: &[&str] = &[
                __abi::MAGIC, "\0abi=", __abi::ABI_VERSION,
                "\0name=", env!("CARGO_PKG_NAME"), "\0version=", env!("CARGO_PKG_VERSION"), "\0elements=",
                $($(<$element as $crate::Element>::NAME, $crate::__stage_number!($stage), ",",)*)+
                $($("\0summary:", <$element as $crate::Element>::NAME, "=", <$element as $crate::Element>::SUMMARY,)*)+
                "\0panic=", if cfg!(panic = "unwind") { "unwind" } else { "abort" },
                "\0profile=", if cfg!(debug_assertions) { "debug" } else { "release" }, "\0",
            ];
            #[used]
            #[unsafe(link_section = ".pipeline.manifest")]
            static MANIFEST: [u8; __abi::joined_len(TEXTS)] = __abi::joined(TEXTS);
        };
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __role {
    (target_providers, $element:ty) => { $crate::stage::Provides<$element> };
    (collectors, $element:ty) => { $crate::stage::Collects<$element> };
    (transforms, $element:ty) => { $crate::stage::Transforms<$element> };
    (schedulers, $element:ty) => { $crate::stage::Schedules<$element> };
    (actuators, $element:ty) => { $crate::stage::Actuates<$element> };
    (sinks, $element:ty) => { $crate::stage::Sinks<$element> };
    (commands, $element:ty) => { $crate::stage::Commands<$element> };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __stage_number {
    (target_providers) => {
        ":0"
    };
    (collectors) => {
        ":1"
    };
    (transforms) => {
        ":2"
    };
    (schedulers) => {
        ":3"
    };
    (actuators) => {
        ":4"
    };
    (sinks) => {
        ":5"
    };
    (commands) => {
        ":6"
    };
}
