//! One connection's worth of questions to an engine, each answered within a bound. The only file that speaks bollard's
//! language, but for `seen` and `trouble`, which translate it.

use super::seen::{Listed, Seen, is_id};
use super::trouble::Trouble;
use bollard::errors::Error;
use bollard::models::{EventMessage, SystemInfoCgroupDriverEnum, SystemInfoCgroupVersionEnum};
use bollard::query_parameters::{EventsOptionsBuilder, ListContainersOptionsBuilder};
use bollard::{API_DEFAULT_VERSION, Docker};
use futures_util::{Stream, StreamExt};
use std::collections::HashMap;
use std::future::Future;
use std::path::Path;
use std::time::Duration;

/// Longest that an answer may take. An engine may be busy for seconds while it starts or removes many containers.
const ANSWER: Duration = Duration::from_secs(10);
/// The same for one container: a hung one keeps its own questions waiting, and must not keep those for others.
const ANSWER_OF_ONE: Duration = Duration::from_secs(3);
/// What happens to containers that matters here. `update` may give one other CPUs.
const ACTIONS: [&str; 6] = ["start", "die", "pause", "unpause", "rename", "update"];
/// What an engine says of a container that there is not (any more).
const NOT_FOUND: u16 = 404;

/// An engine that answered.
pub struct Link(Docker);

/// Which engine it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server {
    /// Its version, such as `20.10.24`; empty where it does not say.
    pub version: String,
    /// The newest version of its API, such as `1.41`.
    pub api: String,
}

/// What was heard of an engine.
#[derive(Debug, PartialEq)]
pub enum Event {
    /// Something happened to the container with that id.
    Of(String),
    /// Something that does not matter.
    Other,
    /// There is nothing more to be heard.
    Trouble(Trouble),
}

impl Link {
    /// Connects, and agrees on a version of the API.
    ///
    /// # Errors
    /// There is no engine, or none that is understood.
    pub async fn open(socket: &Path) -> Result<(Self, Server), Trouble> {
        let path = socket.to_string_lossy();
        let docker = Docker::connect_with_unix(&path, ANSWER.as_secs(), API_DEFAULT_VERSION);
        let docker = docker.map_err(|error| Trouble::of(&error))?;
        let docker = within(ANSWER, docker.negotiate_version()).await?;
        let said = within(ANSWER, docker.version()).await?;
        let server = Server {
            version: said.version.unwrap_or_default(),
            api: said.api_version.unwrap_or_default(),
        };
        Ok((Self(docker), server))
    }

    /// Makes sure that it still answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn answers(&self) -> Result<(), Trouble> {
        within(ANSWER, self.0.version()).await.map(drop)
    }

    /// How the engine makes control groups: the driver and their version, such as `systemd, version 2`.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn cgroup_driver(&self) -> Result<Option<String>, Trouble> {
        let said = within(ANSWER, self.0.info()).await?;
        let driver = match said.cgroup_driver {
            Some(SystemInfoCgroupDriverEnum::CGROUPFS) => "cgroupfs",
            Some(SystemInfoCgroupDriverEnum::SYSTEMD) => "systemd",
            Some(SystemInfoCgroupDriverEnum::NONE) => "none",
            _ => return Ok(None),
        };
        let version = match said.cgroup_version {
            Some(SystemInfoCgroupVersionEnum::_1) => ", version 1",
            Some(SystemInfoCgroupVersionEnum::_2) => ", version 2",
            _ => "",
        };
        Ok(Some(format!("{driver}{version}")))
    }

    /// The containers that run, paused ones included.
    ///
    /// # Errors
    /// It does not answer, or cannot be understood.
    pub async fn running(&self) -> Result<Vec<Listed>, Trouble> {
        let options = ListContainersOptionsBuilder::new().all(false).build();
        let listed = within(ANSWER, self.0.list_containers(Some(options))).await?;
        Ok(listed.into_iter().filter_map(Listed::of).collect())
    }

    /// One container; `None` if it does not run or is not there.
    ///
    /// # Errors
    /// It does not answer, or cannot be understood.
    pub async fn look(&self, id: &str) -> Result<Option<Seen>, Trouble> {
        match within(ANSWER_OF_ONE, self.0.inspect_container(id, None)).await {
            Ok(said) => Ok(Seen::of(id, said)),
            Err(Trouble::Refused(NOT_FOUND, _)) => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// What happens to containers, from that many seconds after 1970 on: what happened while a list was asked for is
    /// told once more.
    pub fn events(&self, since: u64) -> impl Stream<Item = Event> + Unpin {
        let wanted = HashMap::from([("type", vec!["container"]), ("event", ACTIONS.to_vec())]);
        let options = EventsOptionsBuilder::new()
            .since(&since.to_string())
            .filters(&wanted)
            .build();
        Box::pin(self.0.events(Some(options)).map(heard))
    }
}

fn heard(event: Result<EventMessage, Error>) -> Event {
    match event {
        // Engines that do not filter tell more than was asked for, such as what health checks run.
        Ok(event) if !event.action.as_deref().is_some_and(|action| ACTIONS.contains(&action)) => Event::Other,
        Ok(event) => match event.actor.and_then(|actor| actor.id).filter(|id| is_id(id)) {
            Some(id) => Event::Of(id),
            None => Event::Other,
        },
        Err(error) => Event::Trouble(Trouble::of(&error)),
    }
}

/// An answer, body included, which bollard itself waits for without a bound.
async fn within<T>(bound: Duration, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Trouble> {
    match tokio::time::timeout(bound, answer).await {
        Ok(answer) => answer.map_err(|error| Trouble::of(&error)),
        Err(_) => Err(Trouble::Silent),
    }
}
