//! Book, tap, come in, leave; and who else sees it.

use std::time::{Duration, Instant};

use model::site_event::Happening;
use tests::http::Person;
use tests::region::Database;
use tests::site::{Bus, Site};
use tests::waiting::{DEADLINE, until, within};

use crate::bookings::{book_now, newer_sheet};

#[tokio::test]
async fn on_sqlite_over_the_embedded_site_bus() {
    one_day(Database::Sqlite, Bus::Embedded).await;
}

#[tokio::test]
async fn on_postgresql_over_mosquitto() {
    one_day(Database::Postgres, Bus::Mosquitto).await;
}

async fn one_day(database: Database, bus: Bus) {
    let site = Site::start(database, bus, None).await;
    let centre = site.centre().await;
    newer_sheet(&site, None).await;
    // Sato's booking for now is part of the demo; the others make theirs.
    for name in ["tanaka", "clarke"] {
        book_now(&site, name).await;
    }
    let visits_before = visits_reported(&site).await;

    let mut console = Console::open(&site).await;
    for (name, welcome) in [
        ("sato", "どうぞお入りください"),
        ("tanaka", "どうぞお入りください"),
        ("clarke", "Welcome"),
    ] {
        let inside =
            site.events(centre.id).await.iter().filter(|(_, event)| came_in(&event.what)).count();
        site.tap(name);
        let page = site.kiosk_shows(welcome).await;
        let answered = Instant::now();
        console.tells_of_people(inside + 1).await;
        let late = answered.elapsed();
        assert!(late < Duration::from_secs(1), "the operator saw {name} only after {late:?}");
        assert!(page.contains("A-0"), "the screen names the desk: {page}");
        site.dismiss().await;
    }
    site.event("the door to be unlocked", centre.id, |it| {
        matches!(it, Happening::DoorUnlocked { .. })
    })
    .await;
    site.event("the door to lock again", centre.id, |it| {
        matches!(it, Happening::DoorLocked { .. })
    })
    .await;

    for (name, goodbye) in
        [("sato", "お疲れさまでした"), ("tanaka", "お疲れさまでした"), ("clarke", "Goodbye")]
    {
        let visit = site.tap_to_leave(name).await;
        site.leave(&visit).await;
        site.kiosk_shows(goodbye).await;
        site.event("the check-out", centre.id, |it| {
            matches!(it, Happening::CheckedOut { visit: ended, .. } if ended.to_string() == visit)
        })
        .await;
        site.dismiss().await;
    }
    until("the report to count the three visits", async || {
        (visits_reported(&site).await == visits_before + 3).then_some(())
    })
    .await;
}

fn came_in(what: &Happening) -> bool {
    matches!(what, Happening::CheckedIn { .. })
}

/// The operator's page of the centre, as the browser keeps it up to date.
struct Console {
    stream: reqwest::Response,
}

impl Console {
    async fn open(site: &Site) -> Self {
        let operator = Person::sign_in(&site.region.url, "kobayashi").await;
        let stream = operator.get("/operations/yokohama/live").await;
        assert!(stream.status().is_success(), "{}", stream.status());
        Self { stream }
    }

    /// Reads updates until one shows so many people inside.
    async fn tells_of_people(&mut self, count: usize) {
        let wanted = format!("在館 {count}人");
        within(&format!("the operator's page to hold {wanted}"), async {
            let mut told = String::new();
            while !told.contains(&wanted) {
                let chunk = self.stream.chunk().await.unwrap();
                let chunk =
                    chunk.unwrap_or_else(|| panic!("the stream ended within {DEADLINE:?}: {told}"));
                told.push_str(&String::from_utf8_lossy(&chunk));
            }
        })
        .await;
    }
}

/// The visits of this month at Yokohama, as its municipal admin reads them.
async fn visits_reported(site: &Site) -> u32 {
    let admin = Person::sign_in(&site.region.url, "yoshida").await;
    let centre = site.centre().await;
    let csv = admin.text(&format!("/reports/{}/months.csv", centre.municipality)).await;
    // The newest month comes first; a masked cell is no number.
    let row =
        csv.lines().find(|line| line.contains(&centre.name.ja)).unwrap_or_else(|| panic!("{csv}"));
    row.split(',').nth(2).and_then(|cell| cell.parse().ok()).unwrap_or_default()
}
