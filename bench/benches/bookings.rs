//! Bookings a second over HTTP, at 1 and 16 clients, on both databases; beside them, in the same
//! run on the same database, the bare statements of a booking over as many connections, from this
//! process and, on PostgreSQL, from pgbench. The hub mails each guest, to a server that forgets.
#![expect(clippy::unwrap_used, reason = "a measurement stops at the first surprise")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bench::mail::Mails;
use bench::{percentile, rate};
use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use model::clock::{Clock as _, SystemClock};
use model::id::CentreId;
use serde_json::json;
use tests::bare::{Bare, BareOrder};
use tests::http::Person;
use tests::pgbench::{self, Load};
use tests::region::{Database, Region};
use uuid::Uuid;

const FOR: Duration = Duration::from_secs(6);
/// So many days side by side, so that clients seldom meet on one: a booking locks its day.
const DAYS: u32 = 50;
/// The bare statements book beyond the days that the hub takes bookings for.
const BEYOND: i64 = 100;

#[tokio::main]
async fn main() {
    println!("bookings a second, {} s each; load, hub and database on this machine", FOR.as_secs());
    println!(
        "  database    clients      hub   p50        p99        bare statements   hub/bare   pgbench"
    );
    for database in [Database::Sqlite, Database::Postgres] {
        let course = Course::open(database).await;
        for clients in [1, 16] {
            let bare = course.bare(clients).await;
            let mut hub = course.hub(clients).await;
            let (hub_rate, bare_rate) = (rate(hub.len(), FOR), rate(bare.len(), FOR));
            let pgbench = match database {
                Database::Sqlite => "-".to_owned(),
                Database::Postgres => format!("{:.0}", course.pgbench(clients).await),
            };
            println!(
                "  {:<10}  {clients:>7}  {hub_rate:>7.0}   {:<9.1?}  {:<9.1?}  {bare_rate:>15.0}   {:>7.0} %  {pgbench:>7}",
                format!("{database:?}"),
                percentile(&mut hub, 50.0),
                percentile(&mut hub, 99.0),
                100.0 * hub_rate / bare_rate,
            );
        }
        println!(
            "  {:<10}  mails taken meanwhile: {}",
            format!("{database:?}"),
            course.mails.taken()
        );
    }
}

/// Desks and hours that nobody has booked yet, handed out one after the other.
struct Course {
    region: Region,
    mails: Mails,
    desks: Vec<(String, Uuid, CentreId)>,
    people: Vec<(Person, Uuid)>,
    first: DateTime<Utc>,
    next: AtomicU32,
    next_bare: AtomicU32,
}

impl Course {
    async fn open(database: Database) -> Self {
        let mails = Mails::start().await.unwrap();
        let settings = [("KYOTEN_SMTP_URL", &*mails.url), ("KYOTEN_MAIL_FROM", "kyoten@localhost")];
        let region = Region::start_with(database, &settings).await;
        let centres = region.store.centres().await.unwrap();
        let yokohama = centres.iter().find(|centre| centre.slug.as_str() == "yokohama").unwrap();
        let spaces = region.store.spaces().await.unwrap();
        let desks = spaces
            .iter()
            .filter(|space| space.centre == yokohama.id)
            .map(|space| (yokohama.slug.to_string(), space.id.0, yokohama.id))
            .collect();
        let mut people = Vec::new();
        for name in ["sato", "tanaka", "kimura", "inoue"] {
            let person = Person::sign_in(&region.url, name).await;
            let record = region.store.sign_in_record(&tests::http::email(name)).await.unwrap();
            people.push((person, record.unwrap().person.0));
        }
        let day = TimeDelta::days(1);
        let first = SystemClock.now().duration_trunc(day).unwrap() + day * 5;
        Self {
            region,
            mails,
            desks,
            people,
            first,
            next: AtomicU32::default(),
            next_bare: AtomicU32::default(),
        }
    }

    /// The place `number`: a desk and a quarter of an hour of its own.
    fn place(&self, number: u32) -> (usize, DateTime<Utc>) {
        let (day, rest) = (number % DAYS, number / DAYS);
        let desks = u32::try_from(self.desks.len()).unwrap();
        let minutes = i64::from(rest / desks) * 15;
        // After the last quarter of the last day, the bare statements go on with later days.
        let day = i64::from(day) + minutes / (24 * 60) * i64::from(DAYS);
        let starts = self.first + TimeDelta::days(day) + TimeDelta::minutes(minutes % (24 * 60));
        ((rest % desks) as usize, starts)
    }

    async fn hub(&self, clients: usize) -> Vec<Duration> {
        let end = Instant::now() + FOR;
        let clients = (0..clients).map(|nth| async move {
            let (person, _) = &self.people[nth % self.people.len()];
            let mut times = Vec::new();
            while Instant::now() < end {
                let number = self.next.fetch_add(1, Ordering::Relaxed);
                let (desk, starts) = self.place(number);
                let (centre, space, _) = &self.desks[desk];
                let slot =
                    json!({ "starts_at": starts, "ends_at": starts + TimeDelta::minutes(15) });
                let order = json!({ "centre": centre, "slots": [slot], "space": space });
                let begun = Instant::now();
                let (status, told) = person.post("/api/v1/bookings", &order).await;
                assert_eq!(status.as_u16(), 201, "{told}");
                times.push(begun.elapsed());
            }
            times
        });
        futures::future::join_all(clients).await.concat()
    }

    /// The bare statements as PostgreSQL's own load generator runs them, beyond all other days.
    async fn pgbench(&self, clients: usize) -> f64 {
        let (_, _, centre) = self.desks[0];
        let spaces: Vec<Uuid> = self.desks.iter().map(|(_, space, _)| *space).collect();
        pgbench::transactions(&Load {
            url: &self.region.database_url,
            centre: centre.0,
            desks: &spaces,
            person: self.people[0].1,
            first: self.first + TimeDelta::days(BEYOND * 10 * (1 + i64::from(clients > 1))),
            clients,
            seconds: FOR.as_secs(),
        })
        .await
        .unwrap()
    }

    async fn bare(&self, clients: usize) -> Vec<Duration> {
        let end = Instant::now() + FOR;
        let clients = (0..clients).map(|nth| async move {
            let mut connection = Bare::connect(&self.region.database_url).await.unwrap();
            let (_, person) = self.people[nth % self.people.len()];
            let mut times = Vec::new();
            while Instant::now() < end {
                let number = self.next_bare.fetch_add(1, Ordering::Relaxed);
                let (desk, starts) = self.place(number);
                let starts = starts + TimeDelta::days(BEYOND);
                let (_, space, centre) = &self.desks[desk];
                let (space, centre) = (*space, *centre);
                let order = BareOrder { number, person, centre: centre.0, space, starts };
                let begun = Instant::now();
                connection.book(order).await.unwrap();
                times.push(begun.elapsed());
            }
            times
        });
        futures::future::join_all(clients).await.concat()
    }
}
