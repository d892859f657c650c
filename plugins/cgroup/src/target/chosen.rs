//! Which groups are meant by a config. Pure: nothing is looked up here.

use crate::config::WatchConfig;
use pipeline_cgroup_fs::{Error, GroupPattern};

/// What groups that pipelines make at the top of a tree begin with.
const OWN: &str = "pipeline-";

/// Which groups are meant, as patterns that were read.
#[derive(Debug)]
pub struct Chosen {
    groups: Vec<GroupPattern>,
    except: Vec<GroupPattern>,
    least_depth: usize,
    own: bool,
    /// Whether a group that is meant is brought only while somebody is in it.
    pub only_populated: bool,
}

impl Chosen {
    /// Reads the patterns.
    ///
    /// # Errors
    /// One of them is none.
    pub fn of(config: &WatchConfig) -> Result<Self, Error> {
        let read = |texts: &[String]| {
            texts
                .iter()
                .map(|text| GroupPattern::parse(text))
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            groups: read(&config.groups)?,
            except: read(&config.except)?,
            least_depth: config.min_depth as usize,
            own: config.own,
            only_populated: config.only_populated,
        })
    }

    /// Whether the group is meant.
    pub fn means(&self, path: &str) -> bool {
        !self.is_hidden(path)
            && depth(path) >= self.least_depth
            && self.groups.iter().any(|pattern| pattern.fits(path))
            && !self.except.iter().any(|pattern| pattern.fits(path))
    }

    /// What the wildcards of the first pattern that it fits stood for.
    pub fn captured(&self, path: &str) -> Option<String> {
        self.groups.iter().find_map(|pattern| pattern.captured(path))
    }

    /// Whether a group below it may be meant.
    pub fn reaches_below(&self, path: &str) -> bool {
        !self.is_hidden(path) && self.groups.iter().any(|pattern| pattern.reaches_below(path))
    }

    fn is_hidden(&self, path: &str) -> bool {
        !self.own && path.starts_with(OWN)
    }
}

fn depth(path: &str) -> usize {
    path.split('/').filter(|name| !name.is_empty()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(config: WatchConfig) -> Chosen {
        Chosen::of(&config).unwrap()
    }

    #[test]
    fn what_is_excepted_too_shallow_or_a_pipelines_own_is_not_meant() {
        let deep = chosen(WatchConfig {
            groups: vec!["/**".into()],
            except: vec!["/a/x*".into()],
            min_depth: 2,
            ..WatchConfig::default()
        });
        for (path, meant) in [
            ("a", false),
            ("a/b", true),
            ("a/x1", false),
            ("a/x1/y", true),
            ("pipeline-7/web", false),
            ("a/pipeline-7", true),
        ] {
            assert_eq!(deep.means(path), meant, "{path}");
        }
        assert!(deep.reaches_below("a/x1") && !deep.reaches_below("pipeline-7"));
    }

    #[test]
    fn a_pipelines_own_groups_are_meant_when_asked_for() {
        let own = chosen(WatchConfig {
            groups: vec!["/pipeline-*/*".into()],
            own: true,
            ..WatchConfig::default()
        });
        assert!(own.means("pipeline-7/web") && own.reaches_below("pipeline-7"));
        assert_eq!(own.captured("pipeline-7/web").as_deref(), Some("7/web"));
    }
}
