//! Pieces of work that come while others are written share one durable commit.
//!
//! Nothing waits for company: what is queued when the writer is free is written together, and
//! answered once the commit is on the disk. Work that fails or takes itself back undoes the whole
//! group, whose members are then written one by one; so each must be fit to run twice. Work that
//! often takes itself back is marked off from the others, and undoes nothing but itself.

use std::sync::Arc;

use futures::future::BoxFuture;
use sqlx::sqlite::SqlitePool;
use sqlx::{Sqlite, Transaction, query};
use store::{Result, StoreError};
use tokio::sync::{mpsc, oneshot};

use crate::begin;
use crate::shared::{News, Noted, Outcome, noting};

type Tx = Transaction<'static, Sqlite>;

/// The most pieces of work that share a commit.
const MOST: usize = 64;
/// So many wait for their turn before others are kept waiting outside.
const QUEUE: usize = 1024;

/// Takes work for the one writer.
#[derive(Clone, Debug)]
pub struct Group {
    queue: mpsc::Sender<Box<dyn Work>>,
}

impl Group {
    /// Starts the writer; it ends with the last of its handles.
    pub fn start(writer: SqlitePool, news: News) -> Self {
        let (queue, work) = mpsc::channel(QUEUE);
        tokio::spawn(write_all(writer, work, news));
        Self { queue }
    }

    /// Does `work` and answers once what it wrote is on the disk; `tentative` work often takes itself
    /// back.
    pub async fn write<T, F>(&self, work: F, tentative: bool) -> Result<T>
    where
        T: Send + 'static,
        F: for<'a> Fn(&'a mut Tx) -> BoxFuture<'a, Result<Outcome<T>>> + Send + Sync + 'static,
    {
        let (tell, told) = oneshot::channel();
        let piece = Piece { work: Arc::new(work), tentative, answer: None, tell };
        let gone = || StoreError::Unavailable(sqlx::Error::PoolClosed);
        self.queue.send(Box::new(piece)).await.map_err(|_| gone())?;
        told.await.map_err(|_| gone())?
    }
}

/// How a piece of work went.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Went {
    /// Its writes are to be kept.
    Well,
    /// It wrote nothing.
    Clean,
    /// What it wrote must not stay.
    Undo,
}

/// A piece of work whose answer is nobody's business here.
trait Work: Send {
    /// Whether it often takes itself back.
    fn is_tentative(&self) -> bool;
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> BoxFuture<'a, Went>;
    /// Tells its answer, or why there is none.
    fn tell(self: Box<Self>, committed: Result<()>);
}

struct Piece<T, F> {
    work: Arc<F>,
    tentative: bool,
    answer: Option<Result<T>>,
    tell: oneshot::Sender<Result<T>>,
}

impl<T, F> Work for Piece<T, F>
where
    T: Send + 'static,
    F: for<'a> Fn(&'a mut Tx) -> BoxFuture<'a, Result<Outcome<T>>> + Send + Sync + 'static,
{
    fn is_tentative(&self) -> bool {
        self.tentative
    }

    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> BoxFuture<'a, Went> {
        Box::pin(async move {
            let work = self.work.clone();
            let (went, answer) = match work(tx).await {
                Ok(Outcome::Kept(answer)) => (Went::Well, Ok(answer)),
                Ok(Outcome::Clean(answer)) => (Went::Clean, Ok(answer)),
                Ok(Outcome::Undo(answer)) => (Went::Undo, Ok(answer)),
                Err(error) => (Went::Undo, Err(error)),
            };
            self.answer = Some(answer);
            went
        })
    }

    fn tell(self: Box<Self>, committed: Result<()>) {
        let answer = match (committed, self.answer) {
            (Ok(()), Some(answer)) => answer,
            (Err(error), _) => Err(error),
            (Ok(()), None) => Err(StoreError::Unavailable(sqlx::Error::WorkerCrashed)),
        };
        // Whoever asked may have gone.
        self.tell.send(answer).ok();
    }
}

async fn write_all(writer: SqlitePool, mut work: mpsc::Receiver<Box<dyn Work>>, news: News) {
    while let Some(first) = work.recv().await {
        let mut tx = match begin(&writer).await {
            Ok(tx) => tx,
            Err(error) => {
                first.tell(Err(error));
                continue;
            }
        };
        let mut done = Vec::new();
        let mut next = Some(first);
        let (mut went, mut noted) = (Went::Clean, Noted::new());
        while let Some(mut piece) = next.take() {
            let (this, days) = if piece.is_tentative() {
                noting(run_marked_off(&mut tx, piece.as_mut())).await
            } else {
                noting(piece.run(&mut tx)).await
            };
            noted.extend(days);
            done.push(piece);
            match this {
                Went::Undo => {
                    went = Went::Undo;
                    break;
                }
                Went::Well => went = Went::Well,
                Went::Clean => {}
            }
            if done.len() < MOST {
                next = work.try_recv().ok();
            }
        }
        if went != Went::Undo {
            finish(tx, done, &news, noted).await;
        } else if done.len() == 1 {
            undo(tx).await;
            done.into_iter().for_each(|piece| piece.tell(Ok(())));
        } else {
            undo(tx).await;
            for piece in done {
                alone(&writer, piece, &news).await;
            }
        }
    }
}

/// Runs work so that it takes back nothing but itself.
async fn run_marked_off(tx: &mut Tx, piece: &mut dyn Work) -> Went {
    let marked = query("SAVEPOINT piece").execute(&mut **tx).await.is_ok();
    let went = piece.run(tx).await;
    if !marked {
        return went;
    }
    let undone = went == Went::Undo;
    if undone && query("ROLLBACK TO piece").execute(&mut **tx).await.is_err() {
        return Went::Undo;
    }
    match query("RELEASE piece").execute(&mut **tx).await {
        Ok(_) if undone => Went::Clean,
        Ok(_) => went,
        Err(_) => Went::Undo,
    }
}

async fn alone(writer: &SqlitePool, mut piece: Box<dyn Work>, news: &News) {
    let mut tx = match begin(writer).await {
        Ok(tx) => tx,
        Err(error) => return piece.tell(Err(error)),
    };
    match noting(piece.run(&mut tx)).await {
        (Went::Undo, _) => {
            undo(tx).await;
            piece.tell(Ok(()));
        }
        (Went::Well | Went::Clean, noted) => finish(tx, vec![piece], news, noted).await,
    }
}

/// Commits, tells which days have changed, and then answers: whoever has an answer finds them told.
async fn finish(tx: Tx, done: Vec<Box<dyn Work>>, news: &News, noted: Noted) {
    let committed = tx.commit().await;
    news.tell(noted);
    match committed {
        Ok(()) => done.into_iter().for_each(|piece| piece.tell(Ok(()))),
        Err(error) => {
            let why = error.to_string();
            let failed = || StoreError::Unavailable(sqlx::Error::Protocol(why.clone()));
            done.into_iter().for_each(|piece| piece.tell(Err(failed())));
        }
    }
}

async fn undo(tx: Tx) {
    if let Err(error) = tx.rollback().await {
        tracing::warn!(%error, "a transaction could not be taken back; its connection is given up");
    }
}
