//! One connection to a redis server: opened, logged in, written to without waiting, read from waiting.
//!
//! The `redis` crate packs the commands and parses the answers. Its own connections send one request
//! and wait for its answer, which an open loop must not, so the socket is held here.

use crate::error::ConnectionError;
use redis::{ConnectionAddr, ConnectionInfo, Parser, Value};
use rustix::net::{SendFlags, Shutdown, sockopt};
use std::io::{self, Read};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(250);

/// A connected socket. One thread reads while another writes.
#[derive(Debug)]
pub struct Stream(OwnedFd);

impl Stream {
    /// Connects to a server.
    ///
    /// # Errors
    /// Nobody is there, or it takes too long.
    pub fn connect(address: &ConnectionAddr) -> Result<Self, ConnectionError> {
        let refused = |source| ConnectionError::Connect {
            address: address.to_string(),
            source,
        };
        match address {
            ConnectionAddr::Tcp(host, port) => connect_tcp(host, *port, refused),
            ConnectionAddr::Unix(path) => Ok(Self(UnixStream::connect(path).map_err(refused)?.into())),
            _ => Err(ConnectionError::Unsupported {
                address: address.to_string(),
            }),
        }
    }

    /// Writes what fits now; 0 where nothing does.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn send_now(&self, bytes: &[u8]) -> io::Result<usize> {
        match self.send(bytes, SendFlags::DONTWAIT) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            sent => sent,
        }
    }

    /// Writes all, waiting where it must.
    ///
    /// # Errors
    /// The connection is broken, or [`Self::limit`] was reached.
    pub fn send_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let sent = self.send(bytes, SendFlags::empty())?;
            bytes = bytes.get(sent..).unwrap_or_default();
        }
        Ok(())
    }

    fn send(&self, bytes: &[u8], flags: SendFlags) -> io::Result<usize> {
        let sent = rustix::io::retry_on_intr(|| rustix::net::send(&self.0, bytes, flags | SendFlags::NOSIGNAL));
        Ok(sent?)
    }

    /// Makes reads and writes fail that take longer; `None` lets them wait.
    ///
    /// # Errors
    /// The socket is no longer one.
    pub fn limit(&self, longest: Option<Duration>) -> io::Result<()> {
        sockopt::set_socket_timeout(&self.0, sockopt::Timeout::Recv, longest)?;
        Ok(sockopt::set_socket_timeout(&self.0, sockopt::Timeout::Send, longest)?)
    }

    /// Ends it: whoever reads from it sees the end.
    pub fn shutdown(&self) {
        // It fails where the peer ended it before, which is what was wanted.
        let _ = rustix::net::shutdown(&self.0, Shutdown::Both);
    }
}

impl Read for &Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::retry_on_intr(|| rustix::io::read(&self.0, &mut *buffer))?)
    }
}

fn connect_tcp(
    host: &str,
    port: u16,
    refused: impl Fn(io::Error) -> ConnectionError,
) -> Result<Stream, ConnectionError> {
    let resolve = |source| ConnectionError::Resolve {
        host: host.to_owned(),
        source,
    };
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in (host, port).to_socket_addrs().map_err(resolve)? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(stream) => {
                // A request must not wait for the answer of the one before.
                stream.set_nodelay(true)?;
                return Ok(Stream(stream.into()));
            }
            Err(error) => last = error,
        }
    }
    Err(refused(last))
}

/// The reading side of a connection: it keeps what was read beyond an answer.
pub struct Reader {
    stream: Arc<Stream>,
    parser: Parser,
}

impl Reader {
    /// Reads from a stream that nothing was read from.
    pub fn new(stream: Arc<Stream>) -> Self {
        Self {
            stream,
            parser: Parser::new(),
        }
    }

    /// Waits for the next answer.
    ///
    /// # Errors
    /// The connection ended, or what came is no answer.
    pub fn answer(&mut self) -> Result<Value, ConnectionError> {
        self.parser
            .parse_value(&*self.stream)
            .map_err(ConnectionError::Protocol)
    }

    /// Sends a command and waits for its answer.
    ///
    /// # Errors
    /// The connection broke, or the server refused; `name` is what the error then says.
    pub fn ask(&mut self, name: &'static str, command: &redis::Cmd) -> Result<(), ConnectionError> {
        self.stream.send_all(&command.get_packed_command())?;
        self.accepted(name)
    }

    /// Waits for an answer that is no error.
    ///
    /// # Errors
    /// The connection broke, or the server refused.
    pub fn accepted(&mut self, command: &'static str) -> Result<(), ConnectionError> {
        match self.answer()? {
            Value::ServerError(error) => Err(ConnectionError::Refused {
                command,
                answer: error.to_string(),
            }),
            _ => Ok(()),
        }
    }

    /// Logs in and chooses the database, where the server's address says so.
    ///
    /// # Errors
    /// The connection broke, or the server refused.
    pub fn log_in(&mut self, server: &ConnectionInfo) -> Result<(), ConnectionError> {
        let settings = server.redis_settings();
        if let Some(password) = settings.password() {
            let mut command = redis::cmd("AUTH");
            command.arg(settings.username()).arg(password);
            self.ask("AUTH", &command)?;
        }
        if settings.db() != 0 {
            self.ask("SELECT", redis::cmd("SELECT").arg(settings.db()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use redis::{IntoConnectionInfo, RedisConnectionInfo};
    use std::io::Write;
    use std::net::TcpListener;

    /// A connection to a peer that says those words at once, and the peer.
    fn reader(words: &'static [u8]) -> (Reader, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let stream = Stream::connect(&ConnectionAddr::Tcp("127.0.0.1".into(), port)).unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        peer.write_all(words).unwrap();
        (Reader::new(Arc::new(stream)), peer)
    }

    #[test]
    fn logging_in_sends_the_password_and_the_database() {
        let (mut reader, mut peer) = reader(b"+OK\r\n+OK\r\n");
        let settings = RedisConnectionInfo::default()
            .set_username("me")
            .set_password("secret")
            .set_db(3);
        let server = "redis://127.0.0.1"
            .into_connection_info()
            .unwrap()
            .set_redis_settings(settings);
        reader.log_in(&server).unwrap();
        let mut seen = [0; 128];
        let count = peer.read(&mut seen).unwrap();
        let seen = String::from_utf8_lossy(&seen[..count]).replace("\r\n", " ");
        assert!(
            seen.starts_with("*3 $4 AUTH $2 me $6 secret *2 $6 SELECT $1 3"),
            "{seen}"
        );
    }

    #[test]
    fn a_refusal_says_which_command_and_not_the_password() {
        let (mut reader, _peer) = reader(b"-WRONGPASS invalid username-password pair\r\n");
        let settings = RedisConnectionInfo::default().set_password("hunter2");
        let server = "redis://127.0.0.1"
            .into_connection_info()
            .unwrap()
            .set_redis_settings(settings);
        let message = reader.log_in(&server).unwrap_err().to_string();
        assert!(message.contains("`AUTH`") && message.contains("WRONGPASS"), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }

    #[test]
    fn answers_that_came_together_are_read_one_by_one() {
        let (mut reader, _peer) = reader(b"$1\r\na\r\n$-1\r\n-ERR no\r\n");
        assert_eq!(reader.answer().unwrap(), Value::BulkString(b"a".to_vec()));
        assert_eq!(reader.answer().unwrap(), Value::Nil);
        assert!(matches!(reader.answer().unwrap(), Value::ServerError(_)));
    }

    #[test]
    fn a_full_socket_takes_nothing_and_does_not_wait() {
        let (reader, _peer) = reader(b"");
        let chunk = vec![0; 1 << 20];
        let sent: Vec<usize> = std::iter::from_fn(|| Some(reader.stream.send_now(&chunk).unwrap()))
            .take(64)
            .collect();
        assert_eq!(sent.last(), Some(&0));
    }

    #[test]
    fn nobody_there_is_told_with_the_address() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let error = Stream::connect(&ConnectionAddr::Tcp("127.0.0.1".into(), port)).unwrap_err();
        assert!(error.to_string().contains(&format!("`127.0.0.1:{port}`")), "{error}");
    }
}
