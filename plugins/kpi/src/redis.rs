//! The words of redis. The `redis` crate reads its addresses, packs its commands and parses its answers.

use crate::connection::{Reader, Stream};
use crate::error::ConnectionError;
use crate::protocol::{Answer, Protocol};
use crate::server::{Place, Server};
use redis::{ConnectionAddr, IntoConnectionInfo, Parser, Value};
use schemars::JsonSchema;

/// The kind of server that redis is.
#[derive(Copy, Clone, Debug, Default, PartialEq, JsonSchema)]
pub struct Redis;

/// The crate's parser, which keeps what was read beyond an answer.
pub struct Answers(Parser);

impl Default for Answers {
    fn default() -> Self {
        Self(Parser::new())
    }
}

impl Protocol for Redis {
    const NAME: &'static str = "kpi.redis";
    const SUMMARY: &'static str =
        "what users of a redis server feel: rate, errors and latency of an open loop of requests";
    const ADDRESS: &'static str = "redis://127.0.0.1:6379";
    const NAMES_USERS: bool = false;
    const SET: &'static str = "SET";
    const REMOVE: &'static str = "UNLINK";
    const BY_HAND: &'static str = "remove them with `redis-cli`";
    type Answers = Answers;

    fn server(address: &str) -> Result<Server, (String, String)> {
        let help = || "write `redis://HOST:PORT`, `redis://HOST:PORT/DATABASE` or `unix:///PATH`".to_owned();
        let info = address.into_connection_info().map_err(|error| {
            // The address itself may hold a password, so it is not repeated.
            (format!("`address` is no URL of a redis server: {error}"), help())
        })?;
        let settings = info.redis_settings();
        if settings.password().is_some() {
            let help = "remove it, and write `password: Env(\"NAME\")`";
            return Err(("`address` contains a password".to_owned(), help.to_owned()));
        }
        if settings.username().is_some() {
            let help = "remove it, and write `user: \"NAME\"`";
            return Err(("`address` contains a user".to_owned(), help.to_owned()));
        }
        let place = match info.addr() {
            ConnectionAddr::Tcp(host, port) => Place::Tcp(host.clone(), *port),
            ConnectionAddr::Unix(path) => Place::Unix(path.clone()),
            _ => return Err(("`address` asks for TLS, which is not supported".to_owned(), help())),
        };
        Ok(Server {
            database: settings.db(),
            ..Server::at(place)
        })
    }

    fn greet(server: &Server, reader: &mut Reader<Self>) -> Result<(), ConnectionError> {
        if let Some(login) = &server.login {
            let mut command = redis::cmd("AUTH");
            command.arg(login.user.as_deref()).arg(login.password.expose());
            reader.ask("AUTH", &command.get_packed_command())?;
        }
        if server.database != 0 {
            let mut command = redis::cmd("SELECT");
            reader.ask("SELECT", &command.arg(server.database).get_packed_command())?;
        }
        Ok(())
    }

    fn get(key: &str, out: &mut Vec<u8>) {
        redis::cmd("GET").arg(key).write_packed_command(out);
    }

    fn set(key: &str, value: &[u8], out: &mut Vec<u8>) {
        redis::cmd(Self::SET).arg(key).arg(value).write_packed_command(out);
    }

    fn remove(keys: &[String], out: &mut Vec<u8>) -> usize {
        redis::cmd(Self::REMOVE).arg(keys).write_packed_command(out);
        1
    }

    fn answer(answers: &mut Answers, stream: &Stream) -> Result<Answer, ConnectionError> {
        let value = answers.0.parse_value(stream).map_err(ConnectionError::Protocol)?;
        Ok(match value {
            Value::ServerError(error) => Answer::Refused(error.to_string()),
            _ => Answer::Good,
        })
    }
}

#[cfg(test)]
mod tests;
