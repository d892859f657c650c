//! The control socket: where a running pipeline is asked how it fares and is given settings.
//!
//! Every run listens on `RUN.sock` in the runtime folder. A client sends one line of JSON ([`talk`]) and gets one line
//! back. One thread serves all of them (`serve`), with bounds on how many they are, how much they send (`client`) and
//! how long they take, so that none of them holds up the run or the others. [`place`] is where sockets lie, [`pending`]
//! what is waited for from the nodes, [`ask`] the other end. What people see of it is `cli/status` and `cli/control`.

pub mod ask;
mod client;
pub mod pending;
pub mod place;
mod serve;
pub mod talk;

#[cfg(test)]
mod tests;

use super::shared::Shared;
use super::wake::Bell;
use rustix::process::geteuid;
use serve::Server;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

/// The run's socket: open as long as this exists, and then removed.
#[derive(Debug)]
pub struct Socket {
    path: PathBuf,
    bell: Bell,
    thread: Option<JoinHandle<()>>,
}

impl Socket {
    /// Listens in that folder, for the run of that graph file.
    ///
    /// # Errors
    /// One sentence: the folder is not ours alone, or there are no descriptors or threads left.
    pub fn open(folder: &Path, shared: &Arc<Shared>, graph: &str) -> Result<Self, String> {
        let set_up = |error: std::io::Error| format!("cannot serve a socket: {error}");
        let bell = Bell::new().map_err(set_up)?;
        let (listener, path) = place::bind(folder, &shared.run_id)?;
        // From here on the file is removed whatever happens.
        let mut socket = Self {
            path,
            bell: bell.clone(),
            thread: None,
        };
        let server = Server::new(listener, shared.clone(), graph.to_owned(), bell);
        let thread = std::thread::Builder::new().name("socket".to_owned());
        socket.thread = Some(thread.spawn(move || server.serve()).map_err(set_up)?);
        Ok(socket)
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // It may be gone with its folder.
        let _ = std::fs::remove_file(&self.path);
        self.bell.ring();
        if let Some(thread) = self.thread.take() {
            // If it panicked there is nothing left to end.
            let _ = thread.join();
        }
    }
}

/// The user at the other end of a connection (SO_PEERCRED, unix(7)).
fn peer(stream: impl AsFd) -> std::io::Result<u32> {
    Ok(rustix::net::sockopt::socket_peercred(stream)?.uid.as_raw())
}

/// Whether that user may talk with us: we ourselves, and root.
fn is_trusted(user: u32) -> bool {
    user == geteuid().as_raw() || user == 0
}
