//! Whether a command is ready to be told of.

use crate::config::Ready;
use pipeline_plugin_api::prelude::*;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// How often a port is tried.
pub const POLL: Nanos = Nanos::from_millis(20);
/// This machine answers at once, unless its queue of connections is full.
const CONNECT: Duration = Duration::from_millis(50);

impl Ready {
    /// Whether a command that has run for `lived` is ready.
    pub fn is_met(self, lived: Nanos) -> bool {
        match self {
            Self::Port(port) => accepts(port),
            Self::After(span) => lived >= span.nanos(),
        }
    }

    /// When to ask again, `lived` after the start.
    pub fn ask_again(self, at: Nanos, lived: Nanos) -> Nanos {
        match self {
            Self::Port(_) => at + POLL,
            Self::After(span) => at + (span.nanos() - lived),
        }
    }

    /// Whether it may take too long, as a port may.
    pub fn may_be_late(self) -> bool {
        matches!(self, Self::Port(_))
    }
}

/// Whether something accepts connections on that port of this machine, over IPv4 or IPv6.
pub fn accepts(port: u16) -> bool {
    let here = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    here.iter()
        .any(|address| TcpStream::connect_timeout(&SocketAddr::new(*address, port), CONNECT).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_port_is_ready_while_somebody_listens() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(Ready::Port(port).is_met(Nanos::ZERO));
        drop(listener);
        assert!(!Ready::Port(port).is_met(Nanos::ZERO));
    }

    #[test]
    fn a_delay_is_asked_for_at_its_end() {
        let ready = Ready::After(Span::secs(2));
        assert!(!ready.is_met(Nanos::from_millis(1999)) && ready.is_met(Nanos::from_secs(2)));
        assert_eq!(
            ready.ask_again(Nanos::from_secs(11), Nanos::from_secs(1)),
            Nanos::from_secs(12)
        );
    }
}
