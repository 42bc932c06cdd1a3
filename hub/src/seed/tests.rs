//! The demo's data in a real store.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Asia::Tokyo;
use model::clock::ManualClock;
use model::interval::Interval;
use model::people::Grant;
use model::report::{Cell, by_month};
use ring::rand::SystemRandom;

use super::*;
use crate::config::Config;
use crate::serve;
use crate::service::{children, secret};

async fn hub_in(folder: &Path, clock: Arc<ManualClock>) -> Hub {
    let config = Config::read(None, |key| match key {
        "KYOTEN_DATA_DIR" => Some(folder.display().to_string()),
        "DATABASE_URL" => Some(format!("sqlite:{}", folder.join("hub.db").display())),
        _ => None,
    });
    serve::open(&config.unwrap(), clock, Arc::new(SystemRandom::new())).await.unwrap()
}

fn new_folder() -> PathBuf {
    std::env::temp_dir().join(format!("kyoten-seed-{}", uuid::Uuid::new_v4()))
}

/// How many of everything there are.
async fn counts(hub: &Hub) -> Vec<usize> {
    let now = hub.now();
    let year = Interval::new(now - TimeDelta::days(180), now + TimeDelta::days(180)).unwrap();
    let all: Vec<_> = hub.store.centres().await.unwrap().iter().map(|one| one.id).collect();
    let claims = hub.store.claims_at(&all, &year).await.unwrap();
    let mut counts = vec![
        hub.store.municipalities().await.unwrap().len(),
        hub.store.employers().await.unwrap().len(),
        hub.store.spaces().await.unwrap().len(),
        hub.store.nurseries().await.unwrap().len(),
        claims.desks.len(),
        claims.care.len(),
    ];
    for centre in hub.store.centres().await.unwrap() {
        counts.push(hub.store.devices_of(centre.id).await.unwrap().len());
        counts.push(hub.store.doors(centre.id).await.unwrap().len());
        counts.push(hub.store.events_after(centre.id, 0).await.unwrap().len());
        counts.push(hub.store.bookings_at(centre.id, &year).await.unwrap().len());
    }
    counts
}

#[tokio::test]
async fn a_second_seeding_changes_nothing_even_a_day_later() {
    let now: DateTime<Utc> = "2026-11-22T12:34:56Z".parse().unwrap();
    let (folder, clock) = (new_folder(), Arc::new(ManualClock::at(now)));
    let hub = hub_in(&folder, clock.clone()).await;
    demo(&hub, Some(&folder.join("readers"))).await.unwrap();
    let first = counts(&hub).await;
    assert_eq!(first[..4], [5, 6, 42, 2]);
    assert_eq!(first[5], 3, "three children are expected in care");

    clock.advance(TimeDelta::days(1));
    demo(&hub, None).await.unwrap();
    assert_eq!(counts(&hub).await, first);
    assert!(folder.join("readers/cards.toml").exists());
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn everybody_can_be_who_the_demo_says_they_are() {
    let now: DateTime<Utc> = "2026-11-22T12:34:56Z".parse().unwrap();
    let (folder, clock) = (new_folder(), Arc::new(ManualClock::at(now)));
    let hub = hub_in(&folder, clock).await;
    demo(&hub, None).await.unwrap();
    for account in accounts() {
        let record = hub.store.sign_in_record(&account.email).await.unwrap().unwrap();
        assert!(record.password.is_some());
        assert_eq!(hub.store.pin(record.person).await.unwrap().is_some(), account.pin.is_some());
        let cards = hub.store.credentials_of(record.person).await.unwrap();
        assert_eq!(cards.is_empty(), account.card.is_none());
    }

    let ito = people::person_id("ito");
    let pin = hub.store.pin(ito).await.unwrap();
    assert!(secret::fits(PIN.to_owned(), pin).await.unwrap());
    let child = hub.store.children_of(ito).await.unwrap().remove(0);
    let child = children::opened(&hub, &child).await.unwrap();
    assert_eq!(child.particulars.name, "伊藤 ひなた");

    let tapped = hub.store.bookings_of(people::person_id("sato"), now).await.unwrap().remove(0);
    assert!(tapped.desks[0].when.contains(now));

    let yoshida = hub.store.person(people::person_id("yoshida")).await.unwrap().unwrap();
    let Some(Grant::MunicipalAdmin { municipality }) = yoshida.grants_at(now).next() else {
        unreachable!()
    };
    let past = Interval::new(now - TimeDelta::days(120), now).unwrap();
    let rows = by_month(&hub.store.stays(municipality, &past, now).await.unwrap(), Tokyo);
    let of = |month: &str| rows[&(month.parse().unwrap(), places::centre_id("azamino"))];
    assert_eq!(of("2026-08-01").users, Cell::Masked);
    assert_eq!(
        (of("2026-10-01").users, of("2026-10-01").teleworkers),
        (Cell::Shown(8), Cell::Shown(4))
    );
    assert!(hub.store.unvisited_claims(now - TimeDelta::days(1)).await.unwrap().is_empty());
    std::fs::remove_dir_all(folder).unwrap();
}
