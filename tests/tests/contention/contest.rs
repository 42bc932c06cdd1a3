//! What every contest is run by.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use futures::future::join_all;
use model::centre::{Centre, SpaceKind};
use model::clock::{Clock as _, SystemClock};
use model::id::PersonId;
use model::interval::Interval;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::http::{Person, email};
use tests::region::{Database, Region};
use tests::truth::Truth;
use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

/// So many ask at once.
pub const RIVALS: usize = 50;
/// So often.
pub const ROUNDS: i64 = 20;
/// Nobody waits longer for their answer.
const SLOWEST: Duration = Duration::from_secs(1);

/// Workers who may book, each on their own.
pub const PEOPLE: [&str; 5] = ["sato", "tanaka", "kimura", "inoue", "matsumoto"];

/// One contest at a time: each is to have the machine to itself.
static TURN: Mutex<()> = Mutex::const_new(());

/// A hub, those who want something of it, and what is asked of them all.
pub struct Contest {
    pub region: Region,
    pub truth: Truth,
    /// Where all of it takes place; it never closes.
    pub centre: Centre,
    /// Its desks, by label. The demo's own bookings take the first ones.
    pub desks: Vec<Uuid>,
    database: Database,
    people: BTreeMap<&'static str, Person>,
    today: DateTime<Utc>,
    took: Vec<Duration>,
    _turn: MutexGuard<'static, ()>,
}

/// A request to come.
pub struct Ask {
    pub who: &'static str,
    pub path: String,
    pub body: Value,
    /// How long after the others' start it is sent.
    pub after: Duration,
}

/// How a request was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub told: Value,
    /// When it was sent, by the clock that the hub goes by.
    pub sent: DateTime<Utc>,
}

impl Contest {
    /// A hub of its own.
    pub async fn open(database: Database) -> Self {
        let turn = TURN.lock().await;
        let region = Region::start(database).await;
        let truth = Truth::open(&region.database_url).await;
        let centres = region.store.centres().await.unwrap();
        let yokohama = |centre: &Centre| centre.slug.as_str() == "yokohama";
        let centre = centres.into_iter().find(yokohama).unwrap();
        let spaces = region.store.spaces().await.unwrap().into_iter();
        let desks = spaces
            .filter(|space| space.centre == centre.id && space.kind == SpaceKind::Desk)
            .map(|space| space.id.0)
            .collect();
        let today = SystemClock.now().duration_trunc(TimeDelta::days(1)).unwrap();
        let mut contest = Self {
            region,
            truth,
            centre,
            desks,
            database,
            people: BTreeMap::new(),
            today,
            took: Vec::new(),
            _turn: turn,
        };
        contest.let_in(&PEOPLE).await;
        contest
    }

    /// Signs people in.
    pub async fn let_in(&mut self, names: &[&'static str]) {
        let come = names.iter().map(|name| Person::sign_in(&self.region.url, name));
        self.people.extend(names.iter().copied().zip(join_all(come).await));
    }

    /// Whose account it is.
    pub async fn person(&self, name: &str) -> PersonId {
        let found = self.region.store.people_like(&email(name), 1).await.unwrap();
        found.first().unwrap().id
    }

    /// The desk that is picked where one is.
    pub fn desk(&self) -> Uuid {
        *self.desks.last().unwrap()
    }

    /// An hour so many days on.
    pub fn hour(&self, days: i64, hour: i64) -> Interval {
        self.hours(days, hour, 1)
    }

    /// So many hours so many days on.
    pub fn hours(&self, days: i64, from: i64, hours: i64) -> Interval {
        let starts = self.today + TimeDelta::days(days) + TimeDelta::hours(from);
        Interval::new(starts, starts + TimeDelta::hours(hours)).unwrap()
    }

    /// Sends fifty requests at once. Whatever comes of them, nobody is told that the hub failed,
    /// and nothing is held twice.
    pub async fn race(&mut self, asks: Vec<Ask>) -> Vec<Answer> {
        assert_eq!(asks.len(), RIVALS);
        let sent = asks.into_iter().map(|ask| {
            let person = &self.people[ask.who];
            async move {
                tokio::time::sleep(ask.after).await;
                let (sent, begun) = (SystemClock.now(), Instant::now());
                let (status, told) = person.post(&ask.path, &ask.body).await;
                (Answer { status, told, sent }, begun.elapsed())
            }
        });
        let mut answers = Vec::new();
        for (answer, took) in join_all(sent).await {
            assert!(!answer.status.is_server_error(), "{answer:?}");
            self.took.push(took);
            answers.push(answer);
        }
        assert_eq!(self.truth.overlaps().await, 0);
        assert_eq!(self.truth.crowded().await, 0);
        answers
    }

    /// Asks for what has to be given, and answers what was told.
    pub async fn ask(&self, who: &str, path: &str, body: &Value) -> Value {
        let (status, told) = self.people[who].post(path, body).await;
        assert!(status.is_success(), "{who} {path} {body}: {status} {told}");
        told
    }

    /// Makes a booking that there is room for.
    pub async fn book(&self, who: &str, order: &Value) -> Uuid {
        id_of(&self.ask(who, "/api/v1/bookings", order).await)
    }

    /// How many live claims there are of a desk within `slot`.
    pub async fn held(&self, desk: Uuid, slot: &Interval) -> i64 {
        let (desk, truth) = (self.truth.id(desk), &self.truth);
        let (starts, ends) = (truth.time(slot.starts()), truth.time(slot.ends()));
        truth
            .count(&format!(
                "SELECT COUNT(*) FROM desk_claims WHERE space_id = {desk} AND released_at IS NULL
                     AND starts_at < {ends} AND ends_at > {starts}"
            ))
            .await
    }

    /// How many notices of these kinds (as in SQL) tell of a booking.
    pub async fn notices(&self, booking: Uuid, kinds: &str) -> i64 {
        let booking = self.truth.id(booking);
        self.truth
            .count(&format!(
                "SELECT COUNT(*) FROM notices WHERE booking_id = {booking} AND kind IN ({kinds})"
            ))
            .await
    }

    /// Says how it went.
    pub async fn done(mut self, what: &str) {
        assert_eq!(self.truth.halves(SystemClock.now()).await, Vec::<&str>::new());
        self.took.sort();
        let (all, slowest) = (self.took.len(), *self.took.last().unwrap());
        println!(
            "{what} ({:?}): {all} answers, half of them within {} ms, the slowest after {} ms",
            self.database,
            self.took[all / 2].as_millis(),
            slowest.as_millis()
        );
        let late = self.took.iter().filter(|took| **took >= SLOWEST).count();
        assert_eq!(late, 0, "{late} of {all} answers took too long, the slowest {slowest:?}");
    }
}

impl Ask {
    /// A request that is sent at once.
    pub fn of(who: &'static str, path: impl Into<String>, body: Value) -> Self {
        Self { who, path: path.into(), body, after: Duration::ZERO }
    }

    /// A booking that somebody of the people wants.
    pub fn booking(nth: usize, order: Value) -> Self {
        Self::of(PEOPLE[nth % PEOPLE.len()], "/api/v1/bookings", order)
    }

    /// The same, sent later than the others.
    pub fn after(self, after: Duration) -> Self {
        Self { after, ..self }
    }
}

/// A slot as the API is told of it.
pub fn told(slot: &Interval) -> Value {
    json!({ "starts_at": slot.starts(), "ends_at": slot.ends() })
}

/// An order of one desk, this one.
pub fn pinned(desk: Uuid, slots: &[Interval]) -> Value {
    let slots: Vec<Value> = slots.iter().map(told).collect();
    json!({ "centre": "yokohama", "slots": slots, "space": desk })
}

/// The id in an answer.
pub fn id_of(told: &Value) -> Uuid {
    told["id"].as_str().and_then(|id| id.parse().ok()).unwrap()
}

/// Those who got it. Everybody else has to have been told that it is a conflict, of one of these types.
pub fn winners<'a>(
    answers: impl IntoIterator<Item = &'a Answer>,
    types: &[&str],
) -> Vec<&'a Answer> {
    let (won, lost): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status.is_success());
    for answer in lost {
        assert_eq!(answer.status, StatusCode::CONFLICT, "{answer:?}");
        let named = answer.told["type"].as_str().unwrap_or_default();
        assert!(types.iter().any(|one| named == format!("/problems/{one}")), "{answer:?}");
    }
    won
}
