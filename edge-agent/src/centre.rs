//! The thread that owns the living centre. It takes facts, decides, hands the events to the
//! journal and answers; it never waits on a disk, a line or a device.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use model::clock::Clock;
use model::id::PersonId;
use tokio::sync::{mpsc, oneshot};
use twin::{Answer, CodeCheck, Decision, Effect, Fact, Moment, PinOf, Snapshot, Twin, View};

use crate::journal::{Journal, OnDisk};
use crate::pins;

/// How far the machine's clock may be behind what the site has already seen, ahead of the time
/// that has really passed, or away from the hub's.
pub(crate) const LEEWAY: TimeDelta = TimeDelta::minutes(5);
/// Until the hub or time itself says otherwise a clock is not believed that has gone on by more than this while the
/// program did not run: no sheet is good for so long.
const BELIEVED: TimeDelta = TimeDelta::days(7);
const QUEUE: usize = 1024;

/// The running centre. Clones speak to the same thread, which ends with the last of them.
#[derive(Clone, Debug)]
pub struct Centre {
    asks: mpsc::Sender<Ask>,
}

/// The centre's thread has ended; the program is about to.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the site has stopped")]
pub struct Stopped;

/// What a fact led to.
#[derive(Debug)]
pub struct Decided {
    /// What is to be done.
    pub effects: Vec<Effect>,
    /// What whoever asked is told.
    pub answer: Option<Answer>,
    /// Who they are, where that is known and they were not turned away.
    pub guest: Option<PersonId>,
    /// Becomes ready once the events are on disk.
    pub on_disk: OnDisk,
}

/// The centre at one moment between two facts.
#[derive(Clone, Debug)]
pub struct Fence {
    /// Every event that happened before this instant is counted.
    pub now: DateTime<Utc>,
    /// How many events have been handed to the journal since the program began.
    pub count: u64,
    /// The state after them.
    pub snapshot: Arc<Snapshot>,
}

/// What the machine's clock is held against.
#[derive(Clone, Copy, Debug)]
pub struct ClockFloor {
    /// The latest time the site has known; its time never goes back behind it, but on the hub's word.
    pub last: DateTime<Utc>,
    /// The time that the sheet in force was made.
    pub sheet_made: DateTime<Utc>,
}

/// What a site knows of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownTime {
    /// The site's own.
    pub now: DateTime<Utc>,
    /// Whether the machine's clock can be trusted.
    pub clock_is_set: bool,
    /// The hub's: what it said last since the program began, and the time that has passed since then.
    pub hubs: Option<DateTime<Utc>>,
}

enum Ask {
    Decide(Box<Fact>, oneshot::Sender<Decided>),
    SheetMade(DateTime<Utc>),
    HubSaid(DateTime<Utc>),
    Time(oneshot::Sender<KnownTime>),
    Fence(oneshot::Sender<Fence>),
    Look(Look),
}

type Look = Box<dyn FnOnce(&Twin, Moment) + Send>;

impl Centre {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        twin: Twin,
        journal: Journal,
        clock: Arc<dyn Clock>,
        floor: ClockFloor,
    ) -> std::io::Result<Self> {
        let (asks, inbox) = mpsc::channel(QUEUE);
        let runner = Runner {
            twin,
            journal,
            clock,
            floor,
            last_good: None,
            hub_said: None,
            agreed: false,
            in_doubt_since: None,
            begun: Instant::now(),
            clock_trusted: true,
            count: 0,
        };
        std::thread::Builder::new().name("centre".to_owned()).spawn(move || runner.run(inbox))?;
        Ok(Self { asks })
    }

    /// Takes in a fact.
    ///
    /// # Errors
    /// When the thread has ended.
    pub async fn decide(&self, fact: Fact) -> Result<Decided, Stopped> {
        self.ask(|reply| Ask::Decide(Box::new(fact), reply)).await
    }

    /// Holds the clock against the time a sheet was made.
    ///
    /// # Errors
    /// When the thread has ended.
    pub async fn sheet_made(&self, made: DateTime<Utc>) -> Result<(), Stopped> {
        self.asks.send(Ask::SheetMade(made)).await.map_err(|_| Stopped)
    }

    /// Holds the clock against the hub's, so that one that was set ahead rightly is believed.
    ///
    /// # Errors
    /// When the thread has ended.
    pub async fn hub_said(&self, now: DateTime<Utc>) -> Result<(), Stopped> {
        self.asks.send(Ask::HubSaid(now)).await.map_err(|_| Stopped)
    }

    /// What somebody's PIN must fit.
    ///
    /// # Errors
    /// When the thread has ended.
    pub async fn check_pin(&self, of: PinOf) -> Result<CodeCheck, Stopped> {
        self.look(move |twin, at| twin.check_pin(at, of)).await
    }

    /// A look at the centre between two facts.
    ///
    /// # Errors
    /// When the thread has ended.
    pub async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Twin, Moment) -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        self.ask(|reply| {
            // Whoever asked may have gone away meanwhile.
            Ask::Look(Box::new(move |twin, at| drop(reply.send(look(twin, at)))))
        })
        .await
    }

    /// The site's time.
    ///
    /// # Errors
    /// When the thread has ended.
    pub async fn now(&self) -> Result<DateTime<Utc>, Stopped> {
        self.look(|_, at| at.now).await
    }

    /// The site's time, and how far it is known.
    ///
    /// # Errors
    /// When the thread has ended.
    pub async fn time(&self) -> Result<KnownTime, Stopped> {
        self.ask(Ask::Time).await
    }

    /// A consistent look at time, count and state.
    ///
    /// # Errors
    /// When the thread has ended.
    pub async fn fence(&self) -> Result<Fence, Stopped> {
        self.ask(Ask::Fence).await
    }

    /// The centre for an operator's eyes.
    ///
    /// # Errors
    /// When the thread has ended.
    pub async fn view(&self) -> Result<View, Stopped> {
        self.look(|twin, at| twin.view(at.now)).await
    }

    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Result<T, Stopped> {
        let (reply, answer) = oneshot::channel();
        self.asks.send(ask(reply)).await.map_err(|_| Stopped)?;
        answer.await.map_err(|_| Stopped)
    }
}

struct Runner {
    twin: Twin,
    journal: Journal,
    clock: Arc<dyn Clock>,
    floor: ClockFloor,
    /// What the clock showed when it was last believed, and its steady time then.
    last_good: Option<(DateTime<Utc>, Duration)>,
    /// What the hub said last that the time is, and the steady time then.
    hub_said: Option<(DateTime<Utc>, Duration)>,
    /// Whether the machine's clock and the hub's have agreed since the program began.
    agreed: bool,
    /// The least that the time can have been when the clock was first in doubt.
    in_doubt_since: Option<(DateTime<Utc>, Duration)>,
    begun: Instant,
    clock_trusted: bool,
    count: u64,
}

impl Runner {
    fn run(mut self, mut inbox: mpsc::Receiver<Ask>) {
        while let Some(ask) = inbox.blocking_recv() {
            let at = self.moment();
            // Whoever asked may have gone away meanwhile; what was decided stays decided.
            match ask {
                Ask::Decide(fact, reply) => {
                    let mut decision = self.twin.decide(at, *fact);
                    self.count += u64::try_from(decision.outcomes.len()).unwrap_or_default();
                    let pins = decision.pins.iter().map(pins::written).collect();
                    let outcomes = std::mem::take(&mut decision.outcomes);
                    let on_disk = self.journal.append(outcomes, pins);
                    let Decision { effects, answer, guest, .. } = decision;
                    drop(reply.send(Decided { effects, answer, guest, on_disk }));
                }
                Ask::SheetMade(made) => self.floor.sheet_made = made,
                Ask::HubSaid(now) => {
                    let (shown, steady) = (self.clock.now(), self.clock.steady());
                    self.hub_said = Some((now, steady));
                    if (shown - now).abs() <= LEEWAY {
                        self.agreed = true;
                        self.last_good = Some((shown, steady));
                        // What a wrong clock had made of it is not held against the right one.
                        if self.floor.last - shown > LEEWAY {
                            self.floor.last = shown;
                        }
                    } else if !self.agreed && self.floor.last - now > LEEWAY {
                        // A clock that was wrong from the start does not keep the site in its time either. Where both
                        // have agreed before, it may be the hub that is wrong now.
                        self.floor.last = now;
                        self.last_good = None;
                        self.in_doubt_since = None;
                    }
                }
                Ask::Time(reply) => {
                    let clock_is_set = self.twin.clock_is_set();
                    let hubs = self.hub_said.and_then(|said| later(said, self.clock.steady()));
                    reply.send(KnownTime { now: at.now, clock_is_set, hubs }).ok();
                }
                Ask::Fence(reply) => {
                    let snapshot = Arc::new(self.twin.snapshot());
                    drop(reply.send(Fence { now: at.now, count: self.count, snapshot }));
                }
                Ask::Look(look) => look(&self.twin, at),
            }
        }
    }

    /// The site's time, which never goes back by itself, and whether the machine's clock can be trusted.
    fn moment(&mut self) -> Moment {
        let (shown, steady) = (self.clock.now(), self.clock.steady());
        let later = |known| later(known, steady);
        // What drifts is in doubt once it is far from the hub's.
        let hubs = self.hub_said.and_then(later);
        let least = self.floor.last.max(self.floor.sheet_made).max(hubs.unwrap_or_default());
        let behind = least.checked_sub_signed(LEEWAY).is_some_and(|least| shown < least);
        // A clock that runs ahead of the time that has passed is wrong until it or the hub says
        // otherwise.
        let passed = self.last_good.and_then(later);
        let ahead = passed.into_iter().chain(hubs).any(|known| shown - known > LEEWAY);
        let unlikely =
            self.last_good.is_none() && least > DateTime::UNIX_EPOCH && shown - least > BELIEVED;
        let trusted = !behind && !ahead && !unlikely;
        let known = if trusted {
            self.last_good = Some((shown, steady));
            self.in_doubt_since = None;
            shown
        } else {
            // Behind a clock that is wrong time goes on all the same: what is due is due.
            let since = *self.in_doubt_since.get_or_insert((least, steady));
            passed.or_else(|| later(since)).map_or(least, |known| known.max(least))
        };
        self.floor.last = self.floor.last.max(known);
        let at = Moment { now: self.floor.last, mono: self.begun.elapsed() };
        if trusted != self.clock_trusted {
            self.clock_trusted = trusted;
            if trusted {
                tracing::info!("the clock can be trusted again");
            } else {
                let known = passed.unwrap_or(least);
                tracing::error!(%shown, %known, "the clock is not set: nobody new may check in");
            }
            self.twin.decide(at, Fact::ClockSet(trusted));
        }
        at
    }
}

/// What was known of the time at one steady time, at a later one.
fn later((known, then): (DateTime<Utc>, Duration), steady: Duration) -> Option<DateTime<Utc>> {
    let passed = TimeDelta::from_std(steady.saturating_sub(then)).ok()?;
    known.checked_add_signed(passed)
}
