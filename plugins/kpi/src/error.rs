//! What can go wrong between the load and the server. No message holds a password.

use std::io;

/// Why a connection could not be made, or ended.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The host's name has no address.
    #[error("cannot find the address of `{host}`: {source}")]
    Resolve {
        /// As configured.
        host: String,
        /// What the resolver said.
        #[source]
        source: io::Error,
    },
    /// Nobody listens, or nobody answers.
    #[error("cannot connect to `{address}`: {source}; is the server up?")]
    Connect {
        /// Host and port, or path.
        address: String,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The socket broke while it was written to or read from.
    #[error("the connection broke: {0}")]
    Broken(#[from] io::Error),
    /// The server closed it, or sent what is no answer.
    #[error("the connection ended: {0}")]
    Protocol(redis::RedisError),
    /// The server closed it.
    #[error("the connection ended: the server closed it")]
    Closed,
    /// No answer came within the time for it.
    #[error("the server did not answer in time")]
    Silent,
    /// What came is no answer of this kind of server.
    #[error("what came is no answer of a {kind} server: `{words}`; does one listen at `address`?")]
    Foreign {
        /// The kind that was expected.
        kind: &'static str,
        /// What came, at least its beginning.
        words: String,
    },
    /// The server refused a command that the load needs before it begins.
    #[error("the server refused `{command}`: {answer}; see `user`, `password`, `address` and the server's limits")]
    Refused {
        /// Its name, without arguments.
        command: &'static str,
        /// The server's words.
        answer: String,
    },
    /// An answer came to a question that was not asked.
    #[error("the server sent an answer to no question")]
    Unasked,
    /// The run ends.
    #[error("the load was stopped")]
    Stopped,
}
