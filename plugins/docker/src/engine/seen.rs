//! What an engine says of a container, as plain data: only what can be relied on is taken over. No I/O.

use bollard::models::{ContainerInspectResponse, ContainerSummary, ContainerSummaryStateEnum};
use std::collections::BTreeMap;

/// A container in the list of those that run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listed {
    /// Its id: 64 hexadecimal digits.
    pub id: String,
    /// Its name, without a slash.
    pub name: String,
    /// Its image; an id where the name that it was asked for by means another image by now.
    pub image: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Whether it is paused.
    pub paused: bool,
}

/// A container that runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// Its id: 64 hexadecimal digits.
    pub id: String,
    /// Its name, without a slash.
    pub name: String,
    /// Its image as it was asked for.
    pub image: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its first process, as the engine numbers it.
    pub pid: u32,
    /// Whether it is paused.
    pub paused: bool,
    /// The CPUs that it was given, such as `0-3,8`; empty for all.
    pub cpus: String,
}

impl Listed {
    /// Takes over an entry; `None` for one without an id, or that does not run.
    pub fn of(summary: ContainerSummary) -> Option<Self> {
        use ContainerSummaryStateEnum::{PAUSED, RUNNING};
        let id = summary.id.filter(|id| is_id(id))?;
        // An engine that says nothing of the state was asked for those that run.
        let runs = summary.state.is_none_or(|state| matches!(state, RUNNING | PAUSED));
        let names = summary.names.unwrap_or_default();
        // A name with a second slash is what another container calls it.
        let own = names
            .iter()
            .map(|name| name.trim_start_matches('/'))
            .find(|name| !name.contains('/'));
        runs.then(|| Self {
            name: name_or_id(own.unwrap_or_default(), &id),
            image: summary.image.unwrap_or_default(),
            labels: summary.labels.unwrap_or_default().into_iter().collect(),
            paused: summary.state == Some(PAUSED),
            id,
        })
    }

    /// Whether its image is told by an id, so that the name it was asked for must be asked for.
    pub fn hides_image(&self) -> bool {
        self.image.is_empty() || self.image.starts_with("sha256:") || self.image.bytes().all(|b| b.is_ascii_hexdigit())
    }
}

impl Seen {
    /// Takes over what was said of the container with that id; `None` if it does not run.
    pub fn of(id: &str, said: ContainerInspectResponse) -> Option<Self> {
        let state = said.state?;
        let pid = state
            .pid
            .and_then(|pid| u32::try_from(pid).ok())
            .filter(|pid| *pid > 0)?;
        state.running.unwrap_or_default().then_some(())?;
        let config = said.config.unwrap_or_default();
        Some(Self {
            name: name_or_id(said.name.unwrap_or_default().trim_start_matches('/'), id),
            image: config.image.unwrap_or_default(),
            labels: config.labels.unwrap_or_default().into_iter().collect(),
            pid,
            paused: state.paused.unwrap_or_default(),
            cpus: said.host_config.and_then(|host| host.cpuset_cpus).unwrap_or_default(),
            id: id.into(),
        })
    }
}

/// Whether a text can be a container's id. What cannot is not asked for.
pub fn is_id(text: &str) -> bool {
    (12..=64).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A name as engines give them, else the first twelve digits of the id.
fn name_or_id(name: &str, id: &str) -> String {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    let good = !name.is_empty() && name.len() <= 255 && name.bytes().all(is_name);
    if good {
        name.into()
    } else {
        id.chars().take(12).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "a1d2781db2de24fba950ab19cb5e52b6d3fedb8b30d94d776d160f9a9f28a483";

    fn listed(text: &str) -> Option<Listed> {
        Listed::of(serde_json::from_str(&text.replace("ID", ID)).unwrap())
    }

    fn seen(text: &str) -> Option<Seen> {
        Seen::of(ID, serde_json::from_str(text).unwrap())
    }

    #[test]
    fn a_listed_container_has_its_own_name() {
        let one = listed(r#"{"Id":"ID","Names":["/db/alias","/web"],"Image":"redis:7","State":"paused"}"#).unwrap();
        assert_eq!((one.name.as_str(), one.paused, one.hides_image()), ("web", true, false));
        let bare = listed(r#"{"Id":"ID","Image":"sha256:0a"}"#).unwrap();
        assert_eq!((bare.name.as_str(), bare.hides_image()), (&ID[..12], true));
        assert_eq!(listed(r#"{"Id":"ID","State":"exited"}"#), None);
        assert_eq!(listed(r#"{"Id":"../../etc","State":"running"}"#), None);
        assert_eq!(listed("{}"), None);
    }

    #[test]
    fn a_container_without_a_process_does_not_run() {
        let text = r#"{"Name":"/web","State":{"Running":true,"Paused":false,"Pid":7},
            "Config":{"Image":"redis:7","Labels":{"a":"b"}},"HostConfig":{"CpusetCpus":"0-1"}}"#;
        let one = seen(text).unwrap();
        assert_eq!((one.name.as_str(), one.pid, one.cpus.as_str()), ("web", 7, "0-1"));
        assert_eq!(one.labels["a"], "b");
        for text in [
            "{}",
            r#"{"State":{"Running":true,"Pid":0}}"#,
            r#"{"State":{"Running":true,"Pid":-1}}"#,
            r#"{"State":{"Running":true,"Pid":99999999999}}"#,
            r#"{"State":{"Running":false,"Pid":7}}"#,
        ] {
            assert_eq!(seen(text), None, "{text}");
        }
    }

    #[test]
    fn a_name_that_is_none_is_not_taken_over() {
        for name in ["", "a b", "a/b", "a\u{1b}[0m", "ä"] {
            assert_eq!(name_or_id(name, ID), ID[..12]);
        }
        assert_eq!(name_or_id("shop-web.1_a", ID), "shop-web.1_a");
    }
}
