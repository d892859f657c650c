//! Which job a target is a task of: by its label, by a pattern, or by its name.

use crate::config::OutlierConfig;
use pipeline_plugin_api::pattern;
use pipeline_plugin_api::prelude::*;

/// The job of a target, with the kind of CPU where one is told.
pub fn of(target: &Target, config: &OutlierConfig) -> String {
    let wanted = |label: &&Label| config.label.as_deref() == Some(label.name.as_str());
    let label = target.labels.iter().find(wanted).map(|label| label.value.to_string());
    let listed = || {
        config
            .jobs
            .iter()
            .find(|job| pattern::matches(job, &target.name))
            .cloned()
    };
    let job = label.or_else(listed).unwrap_or_else(|| stem(&target.name).to_owned());
    match config.platform.as_str() {
        "" => job,
        platform => format!("{job} on {platform}"),
    }
}

/// `web` of `web-3`, `web` and `web_12`; a name of digits alone is its own.
fn stem(name: &str) -> &str {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let stem = stem.trim_end_matches(['-', '_', '.']);
    if stem.is_empty() || stem.ends_with('/') {
        name
    } else {
        stem
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_by_label_then_by_pattern_then_by_name() {
        let config = OutlierConfig {
            label: Some("app".to_owned()),
            jobs: vec!["pods/web*".to_owned()],
            platform: "icelake".to_owned(),
            ..OutlierConfig::default()
        };
        let job = |name: &str, labels: &[Label]| {
            let target = Target {
                name: name.into(),
                labels: labels.to_vec().into(),
                ..Target::default()
            };
            of(&target, &config)
        };
        assert_eq!(job("pods/web-3", &[Label::new("app", "shop")]), "shop on icelake");
        assert_eq!(job("pods/web-3", &[Label::new("tier", "shop")]), "pods/web* on icelake");
        assert_eq!(job("batch-12", &[]), "batch on icelake");
    }

    #[test]
    fn the_number_at_the_end_of_a_name_is_no_part_of_its_job() {
        for (name, job) in [
            ("web-3", "web"),
            ("web", "web"),
            ("web_12", "web"),
            ("17", "17"),
            ("pods/8", "pods/8"),
        ] {
            assert_eq!(stem(name), job);
        }
    }
}
