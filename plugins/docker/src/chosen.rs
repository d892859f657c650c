//! Which containers are meant by a config or a rule. Pure: nothing is looked up here.

use crate::config::{RuleConfig, WatchConfig};
use pipeline_cgroup_fs::{Error, GroupPattern};
use std::collections::BTreeMap;

/// What a container is known by.
#[derive(Copy, Clone, Debug)]
pub struct Known<'a> {
    /// Its name, without a slash.
    pub name: &'a str,
    /// Its image as it was asked for.
    pub image: &'a str,
    /// Its labels.
    pub labels: &'a BTreeMap<String, String>,
}

/// Conditions on a container, all of which must hold.
#[derive(Clone, Debug)]
pub struct Chosen {
    names: Vec<GroupPattern>,
    images: Vec<GroupPattern>,
    except: Vec<GroupPattern>,
    labelled: Vec<(String, Option<String>)>,
}

impl Chosen {
    /// Those that a config brings.
    ///
    /// # Errors
    /// A pattern is none.
    pub fn of(config: &WatchConfig) -> Result<Self, Error> {
        Self::read(&config.names, &config.images, &config.except, &config.labelled)
    }

    /// Those that a rule means.
    ///
    /// # Errors
    /// A pattern is none.
    pub fn by(rule: &RuleConfig) -> Result<Self, Error> {
        Self::read(&rule.names, &rule.images, &[], &rule.labelled)
    }

    fn read(names: &[String], images: &[String], except: &[String], labelled: &[String]) -> Result<Self, Error> {
        let patterns = |texts: &[String]| {
            let read = texts.iter().map(|text| GroupPattern::parse(text));
            read.collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            names: patterns(names)?,
            images: patterns(images)?,
            except: patterns(except)?,
            labelled: labelled.iter().map(|text| wanted(text)).collect(),
        })
    }

    /// Whether a container is meant.
    pub fn means(&self, known: &Known<'_>) -> bool {
        self.may_mean(known) && fits_any(&self.images, known.image)
    }

    /// Whether a container is meant as far as its name and labels go. A list of containers shows another image than
    /// they were made from, where its name was given to a later one.
    pub fn may_mean(&self, known: &Known<'_>) -> bool {
        let has = |(key, value): &(String, Option<String>)| {
            let found = known.labels.get(key);
            found.is_some_and(|found| value.as_ref().is_none_or(|value| value == found))
        };
        fits_any(&self.names, known.name)
            && self.labelled.iter().all(has)
            && !self.except.iter().any(|pattern| pattern.fits(known.name))
    }
}

/// No pattern means that every text fits.
fn fits_any(patterns: &[GroupPattern], text: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| pattern.fits(text))
}

fn wanted(text: &str) -> (String, Option<String>) {
    match text.split_once('=') {
        Some((key, value)) => (key.into(), Some(value.into())),
        None => (text.into(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn means(config: &WatchConfig, name: &str, image: &str, labels: &[(&str, &str)]) -> bool {
        let labels = labels
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect();
        let labels = &labels;
        Chosen::of(config).unwrap().means(&Known { name, image, labels })
    }

    #[test]
    fn a_container_fits_one_name_one_image_and_all_labels_and_is_not_excepted() {
        let config = WatchConfig {
            names: vec!["web-*".into(), "db".into()],
            images: vec!["**/redis:*".into(), "ghcr.io/shop/*".into()],
            labelled: vec!["team=x".into(), "tier".into()],
            except: vec!["*-test".into()],
            ..WatchConfig::default()
        };
        let labels = [("team", "x"), ("tier", "")];
        for (name, image, meant) in [
            ("web-1", "redis:7", true),
            ("web-1", "docker.io/bitnami/redis:7", true),
            ("db", "ghcr.io/shop/api:2", true),
            ("db", "ghcr.io/shop/a/api:2", false),
            ("web", "redis:7", false),
            ("web-1-test", "redis:7", false),
            ("web-1", "postgres", false),
        ] {
            assert_eq!(means(&config, name, image, &labels), meant, "{name} {image}");
        }
        assert!(!means(&config, "db", "redis:7", &[("team", "y"), ("tier", "")]));
        assert!(!means(&config, "db", "redis:7", &[("team", "x")]));
    }

    #[test]
    fn without_conditions_all_are_meant() {
        assert!(means(&WatchConfig::default(), "anything", "sha256:0a", &[]));
    }

    #[test]
    fn a_value_may_hold_an_equals_sign() {
        assert_eq!(wanted("a=b=c"), ("a".into(), Some("b=c".into())));
    }
}
