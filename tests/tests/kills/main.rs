//! The hub is killed at random moments while many book: what it has acknowledged is there afterwards,
//! and nothing is there by halves.
//!
//! `KYOTEN_KILLS` says how often altogether, `KYOTEN_SEED` what is done and when: each run prints its
//! seed. What a client does is the same for the same seed; how far it comes before the kill is not.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod check;
mod client;
mod plan;

use chrono::{DurationRound as _, TimeDelta};
use futures::future::{join, join_all};
use model::centre::SpaceKind;
use model::clock::{Clock as _, SystemClock};
use tests::http::{Person, email};
use tests::region::{Database, Region};
use tests::truth::Truth;
use tests::waiting::until;
use uuid::Uuid;

use client::{Client, Stage};
use plan::{DAYS, Plans};

/// Parents and others.
const PEOPLE: [&str; 8] =
    ["takahashi", "ito", "sato", "tanaka", "kimura", "inoue", "matsumoto", "nakamura"];
/// The demo's own bookings lie before.
const FIRST_DAY: i64 = 5;
/// As far ahead as may be booked, with the days that a series goes on after its first.
const LAST_DAY: i64 = 50;

#[tokio::test]
async fn sqlite_keeps_what_is_acknowledged() {
    kill(Database::Sqlite, kills() - kills() / 2).await;
}

#[tokio::test]
async fn postgresql_keeps_what_is_acknowledged() {
    kill(Database::Postgres, kills() / 2).await;
}

fn kills() -> i64 {
    std::env::var("KYOTEN_KILLS").map_or(20, |many| many.parse().unwrap())
}

async fn kill(database: Database, times: i64) {
    let seed = std::env::var("KYOTEN_SEED").map_or_else(
        |_| u64::try_from(Uuid::new_v4().as_u128() >> 64).unwrap(),
        |seed| seed.parse().unwrap(),
    );
    println!("{database:?}: KYOTEN_SEED={seed}");
    let mut plans = Plans::of(seed);
    let mut region = Region::start(database).await;
    let truth = Truth::open(&region.database_url).await;
    let centres = region.store.centres().await.unwrap();
    let mut yokohama =
        centres.into_iter().find(|centre| centre.slug.as_str() == "yokohama").unwrap();
    // What is held stays so, however long this takes.
    yokohama.settings.hold_minutes = 24 * 60;
    assert!(region.store.set_settings(&yokohama).await.unwrap());
    let centre = yokohama.id;
    let spaces = region.store.spaces().await.unwrap().into_iter();
    let desks: Vec<Uuid> = spaces
        .filter(|space| space.centre == centre && space.kind == SpaceKind::Desk)
        .map(|space| space.id.0)
        .collect();
    // A file is one hub's; a server has room for more.
    let other = match database {
        Database::Sqlite => None,
        Database::Postgres => Some(region.another_hub().await),
    };
    let today = SystemClock.now().duration_trunc(TimeDelta::days(1)).unwrap();
    let mut clients = join_all(PEOPLE.map(|name| client(&region, name))).await;
    for nth in 1..=times {
        let day = FIRST_DAY + (nth - 1) * DAYS % (LAST_DAY - FIRST_DAY);
        let stage = Stage { first: today + TimeDelta::days(day), desks: desks.clone() };
        let plan = plans.next(clients.len());
        let run = clients.iter_mut().zip(&plan.steps).map(|(one, steps)| one.run(steps, &stage));
        join(join_all(run), async {
            tokio::time::sleep(plan.kill_after).await;
            region.kill_hub();
        })
        .await;
        truth.settled().await;
        let looks: Vec<_> =
            plan.looks.iter().map(|(day, hour, hours)| stage.hours(*day, *hour, *hours)).collect();
        // Another hub has heard of all that the killed one had done.
        if let Some((url, _)) = &other {
            until("another hub to know what stands", async || {
                check::says_as_it_is((&region.http, url), &truth, centre.0, &looks).await.ok()
            })
            .await;
        }
        let known: usize = clients.iter().map(|client| client.known.len()).sum();
        let open = clients.iter().filter(|client| client.open.is_some()).count();
        println!(
            "{database:?}: kill {nth} after {} ms, {known} bookings acknowledged so far, \
             {open} requests without an answer",
            plan.kill_after.as_millis()
        );
        check::kept(&truth, &clients).await;
        region.start_hub().await;
        check::whole(&truth).await;
        check::repeated(&truth, &mut clients).await;
        check::kept(&truth, &clients).await;
        check::whole(&truth).await;
        check::says_as_it_is((&region.http, &region.url), &truth, centre.0, &looks).await.unwrap();
    }
}

async fn client(region: &Region, name: &str) -> Client {
    let person = Person::sign_in(&region.url, name).await;
    let found = region.store.people_like(&email(name), 1).await.unwrap();
    let children = region.store.children_of(found[0].id).await.unwrap();
    Client::new(person, children.first().map(|child| child.id.0))
}
