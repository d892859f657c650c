//! Why there is no engine to talk to, as a sentence that says how to mend it.

use bollard::errors::Error;
use std::fmt;
use std::io::ErrorKind;
use std::path::Path;

/// Most letters of what an engine says that are told again.
const MOST_SAID: usize = 200;

/// What keeps the engine from being talked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing is at the socket's path.
    NoSocket,
    /// Nobody listens there.
    NobodyListens,
    /// This user may not write to it.
    Forbidden,
    /// No answer in time.
    Silent,
    /// It ended the conversation.
    Cut,
    /// It refuses: a status of HTTP and what it says.
    Refused(u16, String),
    /// What it says cannot be understood.
    Nonsense(String),
}

impl Trouble {
    /// From what bollard says.
    pub fn of(error: &Error) -> Self {
        match error {
            Error::SocketNotFoundError(_) => Self::NoSocket,
            Error::RequestTimeoutError => Self::Silent,
            Error::DockerResponseServerError { status_code, message } => Self::Refused(*status_code, short(message)),
            Error::IOError { err } => Self::of_io(err.kind()).unwrap_or(Self::Cut),
            Error::HyperResponseError { .. } => Self::Cut,
            Error::HyperLegacyError { err } => Self::of_hyper(err),
            other => Self::Nonsense(short(&other.to_string())),
        }
    }

    /// Why a connection could not be made or was cut is said by what is behind the error.
    fn of_hyper(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut behind = Some(error);
        while let Some(error) = behind {
            if let Some(found) = error
                .downcast_ref::<std::io::Error>()
                .and_then(|io| Self::of_io(io.kind()))
            {
                return found;
            }
            if let Some(http) = error.downcast_ref::<hyper::Error>()
                && http.is_parse()
            {
                return Self::Nonsense(short(&http.to_string()));
            }
            behind = error.source();
        }
        Self::Cut
    }

    fn of_io(kind: ErrorKind) -> Option<Self> {
        match kind {
            ErrorKind::NotFound => Some(Self::NoSocket),
            ErrorKind::ConnectionRefused => Some(Self::NobodyListens),
            ErrorKind::PermissionDenied => Some(Self::Forbidden),
            ErrorKind::TimedOut => Some(Self::Silent),
            _ => None,
        }
    }

    /// Whether an engine that says this of one container may still answer for the others.
    pub fn may_be_of_one(&self) -> bool {
        matches!(self, Self::Silent | Self::Refused(..) | Self::Nonsense(_))
    }

    /// Whether it is the same kind of trouble, whatever was said.
    pub fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// What is wrong and how to mend it, with the socket's path.
    pub fn sentence(&self, socket: &Path) -> String {
        format!(
            "{}{}",
            self.what(socket),
            self.mend().map(|mend| format!("; {mend}")).unwrap_or_default()
        )
    }

    /// What is wrong.
    pub fn what(&self, socket: &Path) -> String {
        let at = socket.display();
        match self {
            Self::NoSocket => format!("there is no engine at `{at}`"),
            Self::NobodyListens => format!("no engine listens at `{at}`"),
            Self::Forbidden => format!("this user may not use the engine's socket `{at}`"),
            Self::Silent => format!("the engine at `{at}` does not answer in time"),
            Self::Cut => format!("the engine at `{at}` ended the conversation"),
            Self::Refused(status, said) => format!("the engine at `{at}` refuses with status {status}: {said}"),
            Self::Nonsense(said) => format!("what the engine at `{at}` says cannot be understood: {said}"),
        }
    }

    fn mend(&self) -> Option<&'static str> {
        match self {
            Self::NoSocket => Some("install one (`apt install docker.io`) or start it (`systemctl start docker`)"),
            Self::NobodyListens => Some("start it with `systemctl start docker`, or `dockerd`"),
            Self::Forbidden => {
                Some("run `sudo usermod -aG docker \"$(id -un)\"` and log in again, or run the pipeline as root")
            }
            Self::Silent => Some("see `journalctl -u docker`"),
            Self::Cut => None,
            Self::Refused(..) | Self::Nonsense(_) => Some("see whether it is a Docker engine (`docker version`)"),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSocket => f.write_str("no socket"),
            Self::NobodyListens => f.write_str("nobody listens"),
            Self::Forbidden => f.write_str("not allowed"),
            Self::Silent => f.write_str("no answer in time"),
            Self::Cut => f.write_str("cut off"),
            Self::Refused(status, said) => write!(f, "status {status}: {said}"),
            Self::Nonsense(said) => write!(f, "not understood: {said}"),
        }
    }
}

/// The beginning of a text that somebody else wrote, on one line.
fn short(text: &str) -> String {
    let plain = text
        .trim()
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter });
    plain.take(MOST_SAID).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_engine_says_is_told_short_and_on_one_line() {
        let told = short(&format!(" a\nb\u{1b}[0m{}", "x".repeat(1000)));
        assert!(told.starts_with("a b [0mx"), "{told}");
        assert_eq!(told.chars().count(), MOST_SAID);
    }

    #[test]
    fn what_is_behind_an_error_names_the_trouble() {
        for (kind, trouble) in [
            (ErrorKind::PermissionDenied, Trouble::Forbidden),
            (ErrorKind::ConnectionRefused, Trouble::NobodyListens),
            (ErrorKind::NotFound, Trouble::NoSocket),
            (ErrorKind::BrokenPipe, Trouble::Cut),
        ] {
            assert_eq!(Trouble::of(&Error::IOError { err: kind.into() }), trouble);
        }
        assert_eq!(Trouble::of(&Error::RequestTimeoutError), Trouble::Silent);
    }

    #[test]
    fn a_sentence_says_what_where_and_how_to_mend() {
        let said = Trouble::Forbidden.sentence(Path::new("/run/d.sock"));
        assert!(
            said.contains("`/run/d.sock`") && said.contains("usermod -aG docker"),
            "{said}"
        );
        assert!(
            Trouble::NoSocket
                .sentence(Path::new("/x"))
                .contains("systemctl start docker")
        );
        assert!(!Trouble::Cut.sentence(Path::new("/x")).contains(';'));
    }
}
