//! Desks of guests who do not come: released on the site's word, never because a line is silent.

use std::sync::Arc;

use chrono::TimeDelta;
use hub::config::Config;
use hub::hub::Hub;
use hub::jobs::release_no_shows;
use model::booking::BookingStatus;
use model::clock::{Clock as _, ManualClock, SystemClock};
use model::id::PersonId;
use ring::rand::SystemRandom;
use store::EventBatch;
use tests::folder::Folder;

#[tokio::test]
async fn a_silent_edge_releases_nobodys_desk_and_its_word_does() {
    let folder = Folder::new("released");
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let hub = seeded(&folder, clock.clone()).await;
    let centres = hub.store.centres().await.unwrap();
    let yokohama = centres.into_iter().find(|centre| centre.slug.as_str() == "yokohama").unwrap();
    let sato: PersonId =
        hub.store.sign_in_record("sato@demo.kyoten.example").await.unwrap().unwrap().person;
    let status = async || {
        let bookings = hub.store.bookings_of(sato, clock.now() - TimeDelta::days(1)).await.unwrap();
        bookings.into_iter().find(|booking| booking.centre == yokohama.id).unwrap().status
    };

    clock.advance(TimeDelta::hours(1));
    assert_eq!(release_no_shows::run(&hub).await.unwrap(), 0, "the site has said nothing");
    assert_eq!(status().await, BookingStatus::Confirmed);

    let word = |told_until| EventBatch {
        centre: yokohama.clone(),
        edge: "yokohama-edge".parse().unwrap(),
        first: 1,
        events: Vec::new(),
        told_until,
        at: clock.now(),
        spare: Vec::new(),
    };
    hub.store.take_events(&word(clock.now() - TimeDelta::minutes(50))).await.unwrap();
    assert_eq!(release_no_shows::run(&hub).await.unwrap(), 0, "its word ends before the deadline");
    assert_eq!(status().await, BookingStatus::Confirmed);

    hub.store.take_events(&word(clock.now())).await.unwrap();
    assert_eq!(release_no_shows::run(&hub).await.unwrap(), 0, "it has no sheet with the booking");
    let made = hub.store.next_sheet_listing(yokohama.id, &[1; 32], &[], clock.now()).await.unwrap();
    let (version, _) = made.unwrap();
    hub.store.ack_sheet(yokohama.id, version, clock.now()).await.unwrap();
    assert!(release_no_shows::run(&hub).await.unwrap() > 0, "its word has passed the deadline");
    assert_eq!(status().await, BookingStatus::NoShow);
}

async fn seeded(folder: &Folder, clock: Arc<ManualClock>) -> Hub {
    let data = folder.join("hub").display().to_string();
    let variable = |name: &str| (name == "KYOTEN_DATA_DIR").then(|| data.clone());
    let config = Config::read(None, variable).unwrap();
    let hub = hub::serve::open(&config, clock, Arc::new(SystemRandom::new())).await.unwrap();
    hub::seed::demo(&hub, None).await.unwrap();
    hub
}
