//! The words of memcached: its text protocol, in which questions may follow each other and answers come in their order.
//!
//! Text and not the binary protocol, which memcached calls deprecated, nor the meta commands, which servers before 1.6
//! and most proxies do not have. And a codec of our own: the client crates send a question and wait for its answer, or
//! bring an async runtime, and an open loop can use neither; what is left is the four lines of `line.rs`.

mod answers;
mod line;

use crate::connection::{Reader, Stream};
use crate::error::ConnectionError;
use crate::protocol::{Answer, Protocol};
use crate::server::{Place, Server};
use answers::Answers;
use schemars::JsonSchema;
use std::path::PathBuf;

/// The kind of server that memcached is.
#[derive(Copy, Clone, Debug, Default, PartialEq, JsonSchema)]
pub struct Memcached;

/// Where memcached listens unless told otherwise.
const PORT: u16 = 11211;

impl Protocol for Memcached {
    const NAME: &'static str = "kpi.memcached";
    const SUMMARY: &'static str =
        "what users of a memcached server feel: rate, errors and latency of an open loop of requests";
    const ADDRESS: &'static str = "memcached://127.0.0.1:11211";
    const NAMES_USERS: bool = true;
    const SET: &'static str = "set";
    const REMOVE: &'static str = "delete";
    const BY_HAND: &'static str = "send `delete` for them, or start the server anew";
    type Answers = Answers;

    fn server(address: &str) -> Result<Server, (String, String)> {
        let help = "write `memcached://HOST:PORT` or `unix:///PATH`".to_owned();
        if let Some(path) = address.strip_prefix("unix://").filter(|path| path.starts_with('/')) {
            return Ok(Server::at(Place::Unix(PathBuf::from(path))));
        }
        let place = address.strip_prefix("memcached://").unwrap_or_default();
        if place.contains('@') {
            let help = "remove it, and write `user: \"NAME\"` and `password: Env(\"NAME\")`";
            return Err(("`address` contains a user or a password".to_owned(), help.to_owned()));
        }
        let place =
            host_and_port(place).ok_or_else(|| ("`address` is no URL of a memcached server".to_owned(), help))?;
        Ok(Server::at(place))
    }

    fn greet(server: &Server, reader: &mut Reader<Self>) -> Result<(), ConnectionError> {
        // `doc/protocol.txt`, "Authentication": the first command is a `set` of any key with both words as its value.
        if let Some(login) = &server.login {
            let words = format!(
                "{} {}",
                login.user.as_deref().unwrap_or_default(),
                login.password.expose()
            );
            let mut command = Vec::new();
            Self::set("login", words.as_bytes(), &mut command);
            reader.ask("login", &command)?;
        }
        // Before anything is written, so that a server of another kind is left as it was.
        reader.ask("version", b"version\r\n")
    }

    fn get(key: &str, out: &mut Vec<u8>) {
        push(out, &[b"get ", key.as_bytes(), b"\r\n"]);
    }

    fn set(key: &str, value: &[u8], out: &mut Vec<u8>) {
        let size = value.len().to_string();
        let head = [b"set ", key.as_bytes(), b" 0 0 ", size.as_bytes(), b"\r\n"];
        push(out, &head);
        push(out, &[value, b"\r\n"]);
    }

    fn remove(keys: &[String], out: &mut Vec<u8>) -> usize {
        for key in keys {
            push(out, &[b"delete ", key.as_bytes(), b"\r\n"]);
        }
        keys.len()
    }

    fn answer(answers: &mut Answers, mut stream: &Stream) -> Result<Answer, ConnectionError> {
        answers.next(&mut stream)
    }
}

fn push(out: &mut Vec<u8>, parts: &[&[u8]]) {
    parts.iter().for_each(|part| out.extend_from_slice(part));
}

/// `HOST`, `HOST:PORT`, `[V6]` or `[V6]:PORT`.
fn host_and_port(text: &str) -> Option<Place> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port = match port.strip_prefix(':') {
        Some(port) => port.parse().ok().filter(|port| *port > 0)?,
        None if port.is_empty() => PORT,
        None => return None,
    };
    let good = !host.is_empty() && !host.contains(['/', ' ', '?', '#']);
    good.then(|| Place::Tcp(host.to_owned(), port))
}

#[cfg(test)]
mod tests;
