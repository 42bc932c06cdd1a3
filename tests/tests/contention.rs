//! Fifty people want the same desk at the same moment; one gets it, the others are told.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use futures::future::join_all;
use model::clock::{Clock as _, SystemClock};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::http::Person;
use tests::region::{Database, Region};
use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

const RIVALS: usize = 50;
const ROUNDS: i64 = 20;
const SLOWEST: Duration = Duration::from_secs(1);
const PEOPLE: [&str; 5] = ["sato", "tanaka", "kimura", "inoue", "matsumoto"];

#[tokio::test]
async fn sqlite_gives_one_desk_to_one_of_fifty() {
    one_desk(Database::Sqlite).await;
}

#[tokio::test]
async fn postgresql_gives_one_desk_to_one_of_fifty() {
    one_desk(Database::Postgres).await;
}

#[tokio::test]
async fn sqlite_takes_two_dates_in_opposite_orders() {
    two_dates(Database::Sqlite).await;
}

#[tokio::test]
async fn postgresql_takes_two_dates_in_opposite_orders() {
    two_dates(Database::Postgres).await;
}

async fn one_desk(database: Database) {
    let contest = Contest::open(database).await;
    for round in 0..ROUNDS {
        let hour = contest.hour(2, round);
        contest.round(|_| json!([hour])).await;
    }
}

async fn two_dates(database: Database) {
    let contest = Contest::open(database).await;
    for round in 0..ROUNDS {
        let (one, other) = (contest.hour(2, round), contest.hour(3, round));
        contest
            .round(|nth| if nth % 2 == 0 { json!([one, other]) } else { json!([other, one]) })
            .await;
    }
}

/// One contest at a time: each is to have the machine to itself.
static TURN: Mutex<()> = Mutex::const_new(());

struct Contest {
    _turn: MutexGuard<'static, ()>,
    people: Vec<Person>,
    desk: Uuid,
    today: DateTime<Utc>,
    _region: Region,
}

impl Contest {
    async fn open(database: Database) -> Self {
        let turn = TURN.lock().await;
        let region = Region::start(database).await;
        let centres = region.store.centres().await.unwrap();
        let yokohama = centres.iter().find(|centre| centre.slug.as_str() == "yokohama").unwrap();
        let spaces = region.store.spaces().await.unwrap();
        // The demo's own bookings take the first desks.
        let desk = spaces.iter().rfind(|space| space.centre == yokohama.id).unwrap().id.0;
        let people = join_all(PEOPLE.map(|name| Person::sign_in(&region.url, name))).await;
        let today = SystemClock.now().duration_trunc(TimeDelta::days(1)).unwrap();
        Self { _turn: turn, people, desk, today, _region: region }
    }

    /// An hour so many days on.
    fn hour(&self, days: i64, round: i64) -> Value {
        let starts = self.today + TimeDelta::days(days) + TimeDelta::hours(round);
        json!({ "starts_at": starts, "ends_at": starts + TimeDelta::hours(1) })
    }

    /// Sends fifty orders for the one desk at once.
    async fn round(&self, slots: impl Fn(usize) -> Value) {
        let orders = (0..RIVALS).map(|nth| {
            let order = json!({ "centre": "yokohama", "slots": slots(nth), "space": self.desk });
            let person = &self.people[nth % self.people.len()];
            async move {
                let asked = Instant::now();
                let (status, told) = person.post("/api/v1/bookings", &order).await;
                (status, told, asked.elapsed())
            }
        });
        let mut answers: BTreeMap<StatusCode, usize> = BTreeMap::new();
        let mut slowest = Duration::ZERO;
        for (status, told, took) in join_all(orders).await {
            *answers.entry(status).or_default() += 1;
            slowest = slowest.max(took);
            if status == StatusCode::CONFLICT {
                assert_eq!(told["type"], "/problems/no-desk", "{told}");
            }
        }
        let wanted = BTreeMap::from([(StatusCode::CREATED, 1), (StatusCode::CONFLICT, RIVALS - 1)]);
        assert_eq!(answers, wanted);
        assert!(slowest < SLOWEST, "the slowest answer took {slowest:?}");
    }
}
