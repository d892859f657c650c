//! What the policies can be told. What they do with it is in the rooms of the same names.

mod adaptive;
mod budget;
mod check;
mod dynamic;
mod fixed;
mod priority;
mod rung;
mod throttle;

pub use adaptive::AdaptiveConfig;
pub use budget::BudgetConfig;
pub use check::cpus;
pub use dynamic::{DynamicConfig, Order, SocketConfig};
pub use fixed::{EndState, FixedConfig};
pub use priority::{PriorityConfig, Shares};
pub use rung::{Rung, Whom};
pub use throttle::ThrottleConfig;

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_plugin_api::config::parse;

    #[test]
    fn the_defaults_run() {
        assert_eq!(parse::<ThrottleConfig>("").unwrap().ladder.len(), 4);
        assert!(parse::<FixedConfig>("").unwrap().actions.is_empty());
    }

    #[test]
    fn all_that_cannot_be_is_told_at_once() {
        let text = "(ladder: [Idle, Idle], cut: 2.0, floor: 0.0, settle: \"2h\", hold: \"20m\", release: 0.5, \
                    during: (from: \"5s\", to: \"1s\"), most_changes: 0)";
        assert_eq!(parse::<ThrottleConfig>(text).unwrap_err().len(), 8);
    }

    #[test]
    fn a_knob_that_is_none_is_refused_with_the_nearest() {
        let faults =
            parse::<FixedConfig>("(actions: [(target: \"batch\", knob: \"cpu.idel\", value: 1.0)])").unwrap_err();
        assert_eq!(faults.len(), 1);
        assert!(faults[0].help.contains("`cpu.idle`"), "{faults:?}");
    }

    #[test]
    fn a_list_needs_its_text_and_a_number_has_none() {
        for action in [
            "(target: \"batch\", knob: \"cpu.set\", value: 1.0)",
            "(target: \"batch\", knob: \"cpu.idle\", text: \"1\")",
            "(knob: \"cpu.idle\")",
        ] {
            assert_eq!(
                parse::<FixedConfig>(&format!("(actions: [{action}])"))
                    .unwrap_err()
                    .len(),
                1,
                "{action}"
            );
        }
    }
}
