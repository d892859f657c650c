//! What the thread does: connect when asked, then follow events and answer questions until the engine is away.

use super::link::{Event, Link};
use super::trouble::Trouble;
use super::{Ask, Told};
use futures_util::StreamExt;
use std::path::Path;
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::sync::oneshot;

/// Tells the node something and has it called.
pub struct Teller<W> {
    /// Waits while [`super::MOST_NEWS`] are not taken yet.
    pub told: Sender<Told>,
    /// Has the node called.
    pub wake: W,
}

/// Why the conversation is over.
enum Over {
    /// The engine is away.
    Away(Trouble),
    /// Nobody listens any more.
    Stopped,
}

impl From<Trouble> for Over {
    fn from(trouble: Trouble) -> Self {
        Self::Away(trouble)
    }
}

/// Serves the node until it is dropped, whatever is waited for.
pub fn run(socket: &Path, asks: Receiver<Ask>, teller: &Teller<impl Fn()>, stop: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else {
        // Without descriptors for a runtime there is no engine to talk to; the node sees that this thread ended.
        return;
    };
    runtime.block_on(async {
        tokio::select! {
            _ = stop => {}
            () = serve(socket, asks, teller) => {}
        }
    });
}

async fn serve(socket: &Path, mut asks: Receiver<Ask>, teller: &Teller<impl Fn()>) {
    while let Some(ask) = asks.recv().await {
        // What else is asked while there is no engine is asked again once there is one.
        let Ask::Connect(since) = ask else { continue };
        let Err(over) = follow(socket, since, &mut asks, teller).await;
        match over {
            Over::Stopped => return,
            Over::Away(trouble) => {
                if teller.tell(Told::Away(trouble)).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Never comes back but with the reason why it is over.
enum Never {}

async fn follow(
    socket: &Path,
    since: u64,
    asks: &mut Receiver<Ask>,
    teller: &Teller<impl Fn()>,
) -> Result<Never, Over> {
    let (link, server) = Link::open(socket).await?;
    teller.tell(Told::Here(server)).await?;
    let mut events = link.events(since);
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(Event::Of(id)) => look(&link, id, teller).await?,
                Some(Event::Other) => {}
                Some(Event::Trouble(trouble)) => return Err(trouble.into()),
                None => return Err(Trouble::Cut.into()),
            },
            ask = asks.recv() => match ask {
                None => return Err(Over::Stopped),
                Some(Ask::Connect(_)) => {}
                Some(Ask::List) => teller.tell(Told::Running(link.running().await?)).await?,
                Some(Ask::Look(ids)) => {
                    for id in ids {
                        look(&link, id, teller).await?;
                    }
                }
            },
        }
    }
}

/// Looks at one container. An engine that cannot say anything of one of them may still know the others.
async fn look(link: &Link, id: String, teller: &Teller<impl Fn()>) -> Result<(), Over> {
    match link.look(&id).await {
        Ok(seen) => teller.tell(Told::One(id, seen)).await,
        Err(trouble) if trouble.may_be_of_one() => {
            teller.tell(Told::Unclear(id, trouble)).await?;
            Ok(link.answers().await?)
        }
        Err(trouble) => Err(trouble.into()),
    }
}

impl<W: Fn()> Teller<W> {
    async fn tell(&self, told: Told) -> Result<(), Over> {
        self.told.send(told).await.map_err(|_| Over::Stopped)?;
        (self.wake)();
        Ok(())
    }
}
