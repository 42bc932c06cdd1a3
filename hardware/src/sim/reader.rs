use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ring::rand::SecureRandom;
use thiserror::Error;
use tokio::io::AsyncReadExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::vpcd::{ASK_ATR, LinkError, POWER_OFF, POWER_ON, receive, send};
use crate::card::{
    CardError, CardEvent, CardRead, CardReader, Climb, EventQueue, EventSender, Ladder,
    ReaderFault, Step, event_queue,
};

/// A card reader that virtual cards find as a socket in the readers' folder.
///
/// It plays vpcd's part. One card lies on it at a time; a new card pushes the old one off, so
/// that no card can hold the reader.
pub struct SimReader {
    name: String,
    socket: PathBuf,
    events: EventQueue,
    plugged: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// What a simulated reader needs to know.
#[derive(Debug, Clone)]
pub struct SimReaderSettings {
    /// Its name: letters, digits, `-` and `_`.
    pub name: String,
    /// The readers' folder; made, for this user only, when missing.
    pub folder: PathBuf,
    /// How long a card may take to be read, all together.
    pub patience: Duration,
    /// How cards are asked who they are.
    pub ladder: Ladder,
}

impl SimReaderSettings {
    /// The usual settings: two seconds of patience, identifiers taken as they are.
    #[must_use]
    pub fn new(name: &str, folder: &Path, rng: Arc<dyn SecureRandom + Send + Sync>) -> Self {
        Self {
            name: name.to_owned(),
            folder: folder.to_owned(),
            patience: Duration::from_secs(2),
            ladder: Ladder::new(name, rng),
        }
    }
}

/// Where the reader called `name` listens in `folder`.
#[must_use]
pub fn socket_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.sock"))
}

impl SimReader {
    /// Opens the reader's socket, for this user only, and starts to read. A socket that a killed
    /// process left behind is replaced.
    ///
    /// # Errors
    /// [`SimReaderError`] when the name will not do, another process has the reader, or the
    /// folder cannot be used.
    pub async fn start(settings: SimReaderSettings) -> Result<Self, SimReaderError> {
        let name = plain_name(&settings.name)?;
        let socket = socket_path(&settings.folder, &name);
        let listener = listen(&settings.folder, &socket, &name).await?;
        let (sender, events) = event_queue();
        let (plugged, plug) = watch::channel(true);
        let field = Field { settings, listener, sender, plug };
        let task = tokio::spawn(field.run());
        Ok(Self { name, socket, events, plugged, task })
    }

    /// Pulls the reader's plug (`false`) or puts it back. Unplugged, it reads nothing and says so.
    pub fn set_plugged(&self, plugged: bool) {
        self.plugged.send_if_modified(|now| std::mem::replace(now, plugged) != plugged);
    }
}

impl Drop for SimReader {
    fn drop(&mut self) {
        self.task.abort();
        // A socket that stays behind is harmless: the next start replaces it.
        let _ = std::fs::remove_file(&self.socket);
    }
}

#[async_trait]
impl CardReader for SimReader {
    fn name(&self) -> &str {
        &self.name
    }

    async fn next_event(&mut self) -> Option<CardEvent> {
        self.events.next().await
    }
}

/// Why a simulated reader did not start.
#[derive(Debug, Error)]
pub enum SimReaderError {
    /// The name cannot be a file's.
    #[error("a reader's name is made of letters, digits, - and _; this one is not: {0:?}")]
    Name(String),
    /// Somebody else answers at the socket.
    #[error("reader {0} is already run by another process: stop that one or choose another name")]
    Taken(String),
    /// The operating system refused.
    #[error("reader {name} cannot listen at {}: {error}", socket.display())]
    Listen {
        /// The reader.
        name: String,
        /// Its socket.
        socket: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
}

/// The name, if it can be a file's.
pub(super) fn plain_name(name: &str) -> Result<String, SimReaderError> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    if name.is_empty() || !name.chars().all(plain) {
        return Err(SimReaderError::Name(name.to_owned()));
    }
    Ok(name.to_owned())
}

pub(super) async fn listen(
    folder: &Path,
    socket: &Path,
    name: &str,
) -> Result<UnixListener, SimReaderError> {
    if UnixStream::connect(socket).await.is_ok() {
        return Err(SimReaderError::Taken(name.to_owned()));
    }
    let bind = || {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        if std::fs::symlink_metadata(socket).is_ok_and(|found| found.file_type().is_socket()) {
            std::fs::remove_file(socket)?;
        }
        let listener = UnixListener::bind(socket)?;
        std::fs::set_permissions(socket, Permissions::from_mode(0o600))?;
        Ok(listener)
    };
    bind().map_err(|error| SimReaderError::Listen {
        name: name.to_owned(),
        socket: socket.to_owned(),
        error,
    })
}

/// The reader's field: where cards come and go.
struct Field {
    settings: SimReaderSettings,
    listener: UnixListener,
    sender: EventSender,
    plug: watch::Receiver<bool>,
}

/// Nobody listens to this reader any more.
struct Stopped;

impl From<crate::card::ConsumerGone> for Stopped {
    fn from(_: crate::card::ConsumerGone) -> Self {
        Self
    }
}

/// What ended a wait for a card.
enum Next {
    Card(UnixStream),
    Left,
    Unplugged,
}

impl Field {
    async fn run(mut self) {
        let Err(Stopped) = self.watch().await;
    }

    async fn watch(&mut self) -> Result<std::convert::Infallible, Stopped> {
        self.sender.send(CardEvent::Available).await?;
        let mut waiting = None;
        loop {
            let next = match waiting.take() {
                Some(card) => Next::Card(card),
                None => self.await_card().await?,
            };
            match next {
                Next::Card(card) => match self.visit(card).await? {
                    Next::Card(pushing) => waiting = Some(pushing),
                    Next::Left => {}
                    Next::Unplugged => self.stay_unplugged().await?,
                },
                Next::Left => {}
                Next::Unplugged => self.stay_unplugged().await?,
            }
        }
    }

    async fn await_card(&mut self) -> Result<Next, Stopped> {
        tokio::select! {
            biased;
            next = unplugged(&mut self.plug) => next,
            card = self.listener.accept() => match card {
                Ok((card, _)) => Ok(Next::Card(card)),
                Err(error) => self.sit_out(&error).await,
            },
        }
    }

    /// Running out of file handles, for one, passes: say so and try again.
    async fn sit_out(&self, error: &io::Error) -> Result<Next, Stopped> {
        let reason = format!("the simulated reader cannot take cards: {error}");
        self.sender.send(CardEvent::Unavailable { fault: ReaderFault::Silent, reason }).await?;
        sleep(Duration::from_millis(500)).await;
        self.sender.send(CardEvent::Available).await?;
        Ok(Next::Left)
    }

    /// Reads a card, reports it, and waits until it has gone.
    async fn visit(&mut self, mut card: UnixStream) -> Result<Next, Stopped> {
        let event = match self.read(&mut card).await {
            Ok(read) => CardEvent::Presented(read),
            Err(reason) => CardEvent::Unreadable { reason },
        };
        let readable = matches!(event, CardEvent::Presented(_));
        self.sender.send(event).await?;
        let next = if readable { self.await_departure(&mut card).await? } else { Next::Left };
        if !matches!(next, Next::Unplugged) {
            self.sender.send(CardEvent::Removed).await?;
        }
        Ok(next)
    }

    async fn read(&self, card: &mut UnixStream) -> Result<CardRead, CardError> {
        let SimReaderSettings { name, patience, ladder, .. } = &self.settings;
        timeout(*patience, climb(card, ladder, name))
            .await
            .map_err(|_| CardError::NoAnswer(*patience))?
            .map_err(|error| match error {
                LinkError::HungUp => CardError::Torn,
                LinkError::Oversize(length) => CardError::Oversize(length),
                other => CardError::Reader(other.to_string()),
            })?
    }

    async fn await_departure(&mut self, card: &mut UnixStream) -> Result<Next, Stopped> {
        let mut unasked = [0];
        tokio::select! {
            biased;
            next = unplugged(&mut self.plug) => next,
            // Whether it hung up or talks unasked: this card's visit is over.
            _ = card.read(&mut unasked) => Ok(Next::Left),
            pushing = self.listener.accept() => {
                Ok(pushing.map_or(Next::Left, |(card, _)| Next::Card(card)))
            }
        }
    }

    async fn stay_unplugged(&mut self) -> Result<(), Stopped> {
        let reason = "the simulated reader is unplugged".to_owned();
        self.sender.send(CardEvent::Unavailable { fault: ReaderFault::Silent, reason }).await?;
        loop {
            tokio::select! {
                biased;
                back = self.plug.wait_for(|plugged| *plugged) => {
                    back.map_err(|_| Stopped)?;
                    break;
                }
                // A card held to a dead reader is not remembered for later.
                ignored = self.listener.accept() => drop(ignored),
            }
        }
        self.sender.send(CardEvent::Available).await?;
        Ok(())
    }
}

async fn unplugged(plug: &mut watch::Receiver<bool>) -> Result<Next, Stopped> {
    plug.wait_for(|plugged| !*plugged).await.map_err(|_| Stopped)?;
    Ok(Next::Unplugged)
}

/// Powers the card, asks who it is, powers it off.
async fn climb(
    card: &mut UnixStream,
    ladder: &Ladder,
    reader: &str,
) -> Result<Result<CardRead, CardError>, LinkError> {
    const LONGEST_ATR: usize = 33;
    const LONGEST_ANSWER: usize = 258;
    send(card, &[POWER_ON]).await?;
    send(card, &[ASK_ATR]).await?;
    let atr = receive(card, LONGEST_ATR).await?;
    let (mut climb, mut step) = Climb::new(ladder, reader, &atr);
    let read = loop {
        match step {
            Step::Ask(command) => {
                send(card, &command).await?;
                step = climb.answered(&receive(card, LONGEST_ANSWER).await?);
            }
            Step::Done(read) => break read,
        }
    };
    // It has been read; that it may be gone by now changes nothing.
    let _ = send(card, &[POWER_OFF]).await;
    Ok(read)
}

#[cfg(test)]
mod tests;
