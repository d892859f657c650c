//! What differs between the servers that are asked: their words on the wire, and how one logs in.
//!
//! The loop, its schedule, what is counted and what can be configured are the same for all.

use crate::connection::{Reader, Stream};
use crate::error::ConnectionError;
use crate::server::Server;
use schemars::JsonSchema;
use std::fmt::Debug;

/// A kind of server. Its answers come in the order of the questions.
pub trait Protocol: Copy + Debug + Default + PartialEq + JsonSchema + Send + Sync + 'static {
    /// The element that asks such a server.
    const NAME: &'static str;
    /// What that element is for, in one line.
    const SUMMARY: &'static str;
    /// Where such a server listens if nobody said otherwise.
    const ADDRESS: &'static str;
    /// Whether nobody logs in by a password alone.
    const NAMES_USERS: bool;
    /// The command that stores a value, for messages.
    const SET: &'static str;
    /// The command that removes keys, for messages.
    const REMOVE: &'static str;
    /// How a person removes keys that were left.
    const BY_HAND: &'static str;
    /// What was read and is not a whole answer yet.
    type Answers: Default + Send;

    /// Where a server is, from its address.
    ///
    /// # Errors
    /// What is wrong with the address, and how to mend it. A password in it is not repeated.
    fn server(address: &str) -> Result<Server, (String, String)>;

    /// Begins a connection: logs in where the server wants it, and sees that it is such a server.
    ///
    /// # Errors
    /// The connection broke, the server refused, or it is none of this kind.
    fn greet(server: &Server, reader: &mut Reader<Self>) -> Result<(), ConnectionError>;

    /// Appends a question for a value.
    fn get(key: &str, out: &mut Vec<u8>);

    /// Appends the storing of a value.
    fn set(key: &str, value: &[u8], out: &mut Vec<u8>);

    /// Appends the removal of keys; gives how many answers will come.
    fn remove(keys: &[String], out: &mut Vec<u8>) -> usize;

    /// Waits for the next answer.
    ///
    /// # Errors
    /// The connection ended, or what came is no answer.
    fn answer(answers: &mut Self::Answers, stream: &Stream) -> Result<Answer, ConnectionError>;
}

/// What a server said to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It did as it was asked; a value that it does not have is an answer too.
    Good,
    /// It did not, in these words.
    Refused(String),
}
