//! The thread behind the control socket: takes clients, polls them, and ends with the run.

use super::client::Client;
use super::{is_trusted, peer};
use crate::run::shared::Shared;
use crate::run::wake::Bell;
use pipeline_plugin_api::abi::{Level, Nanos};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;

/// Most clients at a time; who comes beyond is told so.
pub const MOST_CLIENTS: usize = 8;
/// Most that are being told so at a time. Who comes beyond these as well is not answered.
const MOST_REFUSED: usize = 8;
/// How often the answers of nodes are looked for.
const LOOK: Nanos = Nanos::from_millis(5);
/// How long nobody is taken after one could not be taken: there are no descriptors left.
const REST: Nanos = Nanos::from_millis(200);
/// The longest wait; only to have an end.
const LONGEST: Nanos = Nanos::from_secs(3600);

/// What the thread has.
pub struct Server {
    listener: UnixListener,
    shared: Arc<Shared>,
    graph: String,
    bell: Bell,
    clients: Vec<Client>,
    refused: Vec<Client>,
    rests_until: Nanos,
    has_warned: bool,
}

impl Server {
    /// A server that serves until the bell rings.
    pub fn new(listener: UnixListener, shared: Arc<Shared>, graph: String, bell: Bell) -> Self {
        Self {
            listener,
            shared,
            graph,
            bell,
            clients: Vec::new(),
            refused: Vec::new(),
            rests_until: Nanos::ZERO,
            has_warned: false,
        }
    }

    /// Serves. What is under way when the bell rings is given up.
    pub fn serve(mut self) {
        if self.listener.set_nonblocking(true).is_err() {
            return;
        }
        while !self.bell.quiet() {
            if !self.wait() {
                return;
            }
            let now = self.shared.clock.now();
            if now >= self.rests_until {
                self.take_all(now);
            }
            self.step(now);
        }
    }

    fn step(&mut self, now: Nanos) {
        for client in self.clients.iter_mut().chain(&mut self.refused) {
            client.step(now, &self.shared, &self.graph);
        }
        self.clients.retain(|client| !client.is_done());
        self.refused.retain(|client| !client.is_done());
    }

    /// Waits until there is something to do; `false` if it cannot be waited.
    fn wait(&mut self) -> bool {
        let now = self.shared.clock.now();
        let rests = now < self.rests_until;
        let heard = if rests { PollFlags::empty() } else { PollFlags::IN };
        let mut polled = vec![
            PollFd::from_borrowed_fd(self.bell.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.listener.as_fd(), heard),
        ];
        let all = self.clients.iter().chain(&self.refused);
        polled.extend(all.map(|client| PollFd::from_borrowed_fd(client.as_fd(), client.wants())));
        let time = Timespec::try_from(std::time::Duration::from(self.next(now) - now)).ok();
        match poll(&mut polled, time.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => {
                let why = format!("the control socket is not served any more: {error}");
                self.shared.logger.log(Level::WARN, "run", &why, &[]);
                return false;
            }
        }
        let left: Vec<bool> = polled[2..]
            .iter()
            .map(|polled| polled.revents().intersects(PollFlags::HUP | PollFlags::ERR))
            .collect();
        let all = self.clients.iter_mut().chain(&mut self.refused);
        for (client, left) in all.zip(left) {
            // One who asked and left may have said all it wanted before.
            if left && client.wants() != PollFlags::IN {
                client.leave();
            }
        }
        true
    }

    /// When there is something to do, whoever comes.
    fn next(&self, now: Nanos) -> Nanos {
        let all = || self.clients.iter().chain(&self.refused);
        let looks = all().any(Client::is_waiting).then_some(now + LOOK);
        let rest = (now < self.rests_until).then_some(self.rests_until);
        let steps = all().map(Client::until);
        steps.chain(looks).chain(rest).min().unwrap_or(now + LONGEST)
    }

    fn take_all(&mut self, now: Nanos) {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => self.take(stream, now),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted) => {}
                Err(error) => {
                    self.rests_until = now + REST;
                    self.warn(&format!("cannot take somebody who asks for the status: {error}"));
                    return;
                }
            }
        }
    }

    fn take(&mut self, stream: UnixStream, now: Nanos) {
        // One who cannot be looked at is nobody to talk with.
        let (Ok(()), Ok(user)) = (stream.set_nonblocking(true), peer(&stream)) else {
            return;
        };
        if !is_trusted(user) {
            self.warn(&format!("user {user} was refused at the control socket"));
            return self.refuse(
                stream,
                now,
                "only the user who runs this pipeline, and root, may ask it",
            );
        }
        if self.clients.len() >= MOST_CLIENTS {
            // Some may have left since, such as those that only looked whether somebody listens.
            self.step(now);
        }
        if self.clients.len() >= MOST_CLIENTS {
            let why = format!("{MOST_CLIENTS} others are being answered; try again");
            return self.refuse(stream, now, &why);
        }
        self.clients.push(Client::new(stream, now));
    }

    fn refuse(&mut self, stream: UnixStream, now: Nanos, why: &str) {
        if self.refused.len() < MOST_REFUSED {
            self.refused.push(Client::refused(stream, now, why));
        }
    }

    /// Once a run: whoever wants to could ask for such lines as often as they like.
    fn warn(&mut self, why: &str) {
        if !std::mem::replace(&mut self.has_warned, true) {
            self.shared.logger.log(Level::WARN, "run", why, &[]);
        }
    }
}
