//! Patterns over the paths of groups, such as `/kubepods.slice/**/cri-containerd-*.scope`: which paths fit, what the
//! wildcards stood for, and below which groups there can be one that fits. Pure: nothing is looked up here.

mod name;

use crate::Error;
use name::NamePattern;
use std::fmt;

/// A pattern over paths relative to the topmost group in sight.
///
/// `*` stands for any letters of one name, `?` for one letter, `[a-z]` and `[!a-z]` for one of them. `**` alone between
/// two slashes stands for any number of names, none included; at the end for one at least.
#[derive(Clone, Debug)]
pub struct GroupPattern {
    text: String,
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Step {
    /// One name.
    Name(NamePattern),
    /// Any number of names.
    Any,
}

impl GroupPattern {
    /// Reads a pattern; slashes around it do not matter.
    ///
    /// # Errors
    /// [`Error::Pattern`] if it is empty, has an empty name or `..` in it, or a `[` that is not closed.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut steps = Vec::new();
        for name in text.trim_matches('/').split('/') {
            steps.push(step(name).ok_or_else(|| Error::Pattern { pattern: text.into() })?);
        }
        if matches!(steps.last(), Some(Step::Any)) {
            steps.extend(step("*"));
        }
        Ok(Self {
            text: text.into(),
            steps,
        })
    }

    /// Whether a path fits. Slashes around it do not matter; the topmost group, `""`, fits no pattern.
    pub fn fits(&self, path: &str) -> bool {
        self.captured(path).is_some()
    }

    /// What the wildcards stood for, joined by `/`, if the path fits; empty for a pattern without any.
    pub fn captured(&self, path: &str) -> Option<String> {
        let names = names_of(path);
        let mut attempt = Attempt::new(self.steps.len(), names.len());
        attempt.fits(&self.steps, &names).then(|| {
            let found = attempt.found.into_iter();
            found.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("/")
        })
    }

    /// Whether a group somewhere below that path may fit, so that it is worth looking there.
    pub fn reaches_below(&self, path: &str) -> bool {
        reaches(&self.steps, &names_of(path))
    }
}

impl fmt::Display for GroupPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn step(name: &str) -> Option<Step> {
    match name {
        "" | "." | ".." => None,
        "**" => Some(Step::Any),
        name => NamePattern::parse(name).map(Step::Name),
    }
}

fn names_of(path: &str) -> Vec<&str> {
    path.split('/').filter(|name| !name.is_empty()).collect()
}

/// Fitting names to steps. What did not fit once from some place on is not tried again, so that no number of `**`
/// makes it slow.
struct Attempt {
    /// What the wildcards stand for so far.
    found: Vec<String>,
    /// By how many steps and names are left: whether they are known not to fit.
    hopeless: Vec<bool>,
    width: usize,
}

impl Attempt {
    fn new(steps: usize, names: usize) -> Self {
        let width = names + 1;
        Self {
            found: Vec::new(),
            hopeless: vec![false; (steps + 1) * width],
            width,
        }
    }

    /// Leaves what the wildcards stood for in `found`; as it was if the names do not fit.
    fn fits(&mut self, steps: &[Step], names: &[&str]) -> bool {
        let place = steps.len() * self.width + names.len();
        if self.hopeless[place] {
            return false;
        }
        let known = self.found.len();
        let fit = match steps.split_first() {
            None => names.is_empty(),
            Some((Step::Any, rest)) => {
                let taken = (0..=names.len()).find(|taken| self.fits(rest, &names[*taken..]));
                taken
                    .inspect(|taken| self.found.insert(known, names[..*taken].join("/")))
                    .is_some()
            }
            Some((Step::Name(pattern), rest)) => names
                .split_first()
                .is_some_and(|(name, others)| pattern.fits(name, &mut self.found) && self.fits(rest, others)),
        };
        if !fit {
            self.found.truncate(known);
            self.hopeless[place] = true;
        }
        fit
    }
}

fn reaches(steps: &[Step], names: &[&str]) -> bool {
    match (steps.split_first(), names.split_first()) {
        (None, _) => false,
        // The last step is a name, so that there is one more at least.
        (Some(_), None) | (Some((Step::Any, _)), _) => true,
        (Some((Step::Name(pattern), rest)), Some((name, others))) => {
            pattern.fits(name, &mut Vec::new()) && reaches(rest, others)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pattern(text: &str) -> GroupPattern {
        GroupPattern::parse(text).unwrap()
    }

    #[test]
    fn many_stars_over_many_names_are_answered_soon() {
        let stars = pattern(&("**/a/".repeat(12) + "b"));
        assert!(!stars.fits(&"a/".repeat(40)));
        assert!(stars.fits(&("a/".repeat(40) + "b")));
    }

    #[test]
    fn a_pattern_fits_whole_paths_and_tells_what_its_wildcards_stood_for() {
        for (text, path, captured) in [
            ("/system.slice/*.service", "system.slice/nginx.service", Some("nginx")),
            ("/system.slice/*.service", "/system.slice/nginx.service/", Some("nginx")),
            ("/system.slice/*.service", "system.slice/nginx.service/worker", None),
            ("/system.slice/*.service", "user.slice/nginx.service", None),
            ("docker/*", "docker/abc", Some("abc")),
            ("docker/*", "docker", None),
            ("web", "web", Some("")),
            ("/kube/**", "kube", None),
            ("/kube/**", "kube/a", Some("a")),
            ("/kube/**", "kube/a/b", Some("a/b")),
            ("/kube/**/c-*.scope", "kube/c-1.scope", Some("1")),
            ("/kube/**/c-*.scope", "kube/x/y/c-1.scope", Some("x/y/1")),
            ("a?c-[0-9]", "abc-7", Some("b/7")),
            ("a[!0-9]", "a7", None),
            ("*", "", None),
        ] {
            assert_eq!(pattern(text).captured(path).as_deref(), captured, "{text} {path}");
        }
    }

    #[test]
    fn only_groups_that_can_hold_one_that_fits_are_worth_a_look() {
        for (text, path, reaches) in [
            ("/system.slice/*.service", "", true),
            ("/system.slice/*.service", "system.slice", true),
            ("/system.slice/*.service", "user.slice", false),
            ("/system.slice/*.service", "system.slice/nginx.service", false),
            ("/kube/**", "", true),
            ("/kube/**", "kube/a/b", true),
            ("/kube/**", "system.slice", false),
            ("**/web", "a/b/c", true),
        ] {
            assert_eq!(pattern(text).reaches_below(path), reaches, "{text} {path}");
        }
    }

    #[test]
    fn what_can_name_no_group_is_refused() {
        for text in ["", "/", "a//b", "../x", "a/./b", "a/[b"] {
            assert!(
                matches!(GroupPattern::parse(text), Err(Error::Pattern { .. })),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_path_fits_itself_and_all_above_reach_below(names in proptest::collection::vec("[a-z.-]{1,6}", 1..5)) {
            prop_assume!(names.iter().all(|name| name != "." && name != ".."));
            let path = names.join("/");
            prop_assert!(pattern(&path).fits(&path) && pattern("**").fits(&path));
            for above in 0..names.len() {
                prop_assert!(pattern(&path).reaches_below(&names[..above].join("/")));
            }
            prop_assert!(!pattern(&path).reaches_below(&path));
        }

        #[test]
        fn no_text_makes_a_pattern_panic(text in "[a-c*?!\\[\\]/.-]{0,12}", path in "[a-c/.-]{0,12}") {
            if let Ok(pattern) = GroupPattern::parse(&text) {
                let _ = pattern.reaches_below(&path);
                prop_assert_eq!(pattern.fits(&path), pattern.captured(&path).is_some());
            }
        }
    }
}
