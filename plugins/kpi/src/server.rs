//! Where a server listens, and as whom one logs in there. Pure.

use pipeline_plugin_api::secret::Revealed;
use std::fmt;
use std::path::PathBuf;

/// A server to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Where it listens.
    pub place: Place,
    /// Which of its databases, where it has several.
    pub database: i64,
    /// As whom to log in; not at all without.
    pub login: Option<Login>,
}

/// Who logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The user's name; without one it is the server's default user.
    pub user: Option<String>,
    /// The password, which does not show itself.
    pub password: Revealed,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A host's name or address, and a port.
    Tcp(String, u16),
    /// A socket in the file system.
    Unix(PathBuf),
}

impl Server {
    /// One that nobody logs in at.
    pub fn at(place: Place) -> Self {
        Self {
            place,
            database: 0,
            login: None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}
