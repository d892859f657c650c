//! How the groups that a run makes are called, so that they are told from those of others. No I/O.

use pipeline_plugin_api::prelude::*;

/// What the names of all groups of all runs begin with.
const PREFIX: &str = "pipeline-";
/// Of a target's name, at most.
const MOST: usize = 40;

/// The name of a target's monitoring group. No other node and no other run has it.
pub fn monitor(host: &Host, target: &Target) -> String {
    let (run, node) = (host.run_id(), plain(&host.name()));
    format!("{PREFIX}{run}-{node}-{}-{}", target.id.0, plain(&target.name))
}

/// The name of a class. No other node and no other run has it.
pub fn class(host: &Host, which: u32) -> String {
    format!("{PREFIX}{}-{}-class-{which}", host.run_id(), plain(&host.name()))
}

/// Whether a group was made by this run.
pub fn is_of_this_run(host: &Host, name: &str) -> bool {
    name.starts_with(&format!("{PREFIX}{}-", host.run_id()))
}

/// As a folder may be called: letters, digits, `_` and `.`.
fn plain(name: &str) -> String {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.');
    let plain = |letter| if fits(letter) { letter } else { '_' };
    name.chars().map(plain).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_folder_whatever_the_target_is_called() {
        assert_eq!(plain("pods/x y\n"), "pods_x_y_");
        assert_eq!(plain(&"x".repeat(300)).len(), MOST);
    }
}
