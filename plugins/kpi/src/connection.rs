//! One connection to a server: opened, written to without waiting, read from waiting.
//!
//! Client crates send one request and wait for its answer, which an open loop must not, so the socket is held here.
//! What goes over it is not here: see `protocol.rs`.

use crate::error::ConnectionError;
use crate::protocol::{Answer, Protocol};
use crate::server::Place;
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
    pub fn connect(place: &Place) -> Result<Self, ConnectionError> {
        let refused = |source| ConnectionError::Connect {
            address: place.to_string(),
            source,
        };
        match place {
            Place::Tcp(host, port) => connect_tcp(host, *port, refused),
            Place::Unix(path) => Ok(Self(UnixStream::connect(path).map_err(refused)?.into())),
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
pub struct Reader<P: Protocol> {
    stream: Arc<Stream>,
    answers: P::Answers,
}

impl<P: Protocol> Reader<P> {
    /// Reads from a stream that nothing was read from.
    pub fn new(stream: Arc<Stream>) -> Self {
        Self {
            stream,
            answers: P::Answers::default(),
        }
    }

    /// Waits for the next answer.
    ///
    /// # Errors
    /// The connection ended, or what came is no answer.
    pub fn answer(&mut self) -> Result<Answer, ConnectionError> {
        P::answer(&mut self.answers, &self.stream)
    }

    /// Sends a command and waits for its answer.
    ///
    /// # Errors
    /// The connection broke, or the server refused; `name` is what the error then says.
    pub fn ask(&mut self, name: &'static str, command: &[u8]) -> Result<(), ConnectionError> {
        self.stream.send_all(command)?;
        self.accepted(name)
    }

    /// Waits for an answer that is no error.
    ///
    /// # Errors
    /// The connection broke, or the server refused.
    pub fn accepted(&mut self, command: &'static str) -> Result<(), ConnectionError> {
        match self.answer()? {
            Answer::Refused(answer) => Err(ConnectionError::Refused { command, answer }),
            Answer::Good => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memcached::Memcached;
    use crate::redis::Redis;
    use crate::server::{Login, Server};
    use pipeline_plugin_api::prelude::Secret;
    use std::io::Write;
    use std::net::TcpListener;

    /// A connection to a peer that says those words at once, and the peer.
    fn reader<P: Protocol>(words: &'static [u8]) -> (Reader<P>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let stream = Stream::connect(&here(port)).unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        peer.write_all(words).unwrap();
        (Reader::new(Arc::new(stream)), peer)
    }

    fn here(port: u16) -> Place {
        Place::Tcp("127.0.0.1".to_owned(), port)
    }

    /// A server that one logs in at, with a password that cargo knows.
    fn server(user: Option<&str>, database: i64) -> Server {
        Server {
            database,
            login: Some(Login {
                user: user.map(str::to_owned),
                password: Secret::env("CARGO_PKG_NAME").reveal("password").unwrap(),
            }),
            ..Server::at(here(1))
        }
    }

    /// What a peer got, with a blank for each line's end.
    fn seen(peer: &mut TcpStream) -> String {
        let mut seen = [0; 256];
        let count = peer.read(&mut seen).unwrap();
        String::from_utf8_lossy(&seen[..count]).replace("\r\n", " ")
    }

    #[test]
    fn logging_in_at_redis_sends_the_password_and_the_database() {
        let (mut reader, mut peer) = reader::<Redis>(b"+OK\r\n+OK\r\n");
        Redis::greet(&server(Some("me"), 3), &mut reader).unwrap();
        let seen = seen(&mut peer);
        let wanted = concat!("*3 $4 AUTH $2 me $19 ", env!("CARGO_PKG_NAME"), " *2 $6 SELECT $1 3");
        assert!(seen.starts_with(wanted), "{seen}");
    }

    #[test]
    fn logging_in_at_memcached_sends_both_words_as_a_value() {
        let (mut reader, mut peer) = reader::<Memcached>(b"STORED\r\nVERSION 1.6.18\r\n");
        Memcached::greet(&server(Some("me"), 0), &mut reader).unwrap();
        let wanted = concat!("set login 0 0 22 me ", env!("CARGO_PKG_NAME"), " version ");
        assert_eq!(seen(&mut peer), wanted);
    }

    #[test]
    fn a_refusal_says_which_command_and_not_the_password() {
        let (mut redis, _peer) = reader::<Redis>(b"-WRONGPASS invalid username-password pair\r\n");
        let of_redis = Redis::greet(&server(None, 0), &mut redis).unwrap_err();
        let (mut memcached, _peer) = reader::<Memcached>(b"CLIENT_ERROR authentication failure\r\n");
        let of_memcached = Memcached::greet(&server(Some("me"), 0), &mut memcached).unwrap_err();
        for (error, words) in [
            (of_redis, ["`AUTH`", "WRONGPASS"]),
            (of_memcached, ["`login`", "authentication failure"]),
        ] {
            let message = error.to_string();
            assert!(words.iter().all(|word| message.contains(word)), "{message}");
            assert!(!message.contains(env!("CARGO_PKG_NAME")), "{message}");
        }
    }

    #[test]
    fn answers_that_came_together_are_read_one_by_one() {
        let (mut reader, _peer) = reader::<Redis>(b"$1\r\na\r\n$-1\r\n-ERR no\r\n");
        assert_eq!(reader.answer().unwrap(), Answer::Good);
        assert_eq!(reader.answer().unwrap(), Answer::Good);
        assert_eq!(
            reader.answer().unwrap(),
            Answer::Refused("ResponseError: no".to_owned())
        );
    }

    #[test]
    fn a_full_socket_takes_nothing_and_does_not_wait() {
        let (reader, _peer) = reader::<Redis>(b"");
        let chunk = vec![0; 1 << 20];
        let sent: Vec<usize> = std::iter::from_fn(|| Some(reader.stream.send_now(&chunk).unwrap()))
            .take(64)
            .collect();
        assert_eq!(sent.last(), Some(&0));
    }

    #[test]
    fn nobody_there_is_told_with_the_address() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let error = Stream::connect(&here(port)).unwrap_err();
        assert!(error.to_string().contains(&format!("`127.0.0.1:{port}`")), "{error}");
    }
}
