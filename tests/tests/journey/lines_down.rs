//! The hub is away: the site goes on, and tells everything later.

use std::time::{Duration, Instant};

use model::site_event::Happening;
use tests::region::Database;
use tests::site::{Bus, Site};
use tests::waiting::until;

use crate::bookings::{book_now, newer_sheet};

#[tokio::test]
async fn fault_01_taps_work_without_the_hub_and_are_told_once_and_in_order() {
    let mut site = Site::start(Database::Sqlite, Bus::Embedded, None).await;
    let centre = site.centre().await.id;
    newer_sheet(&site, None).await;
    book_now(&site, "tanaka").await;

    site.region.stop_hub();
    for name in ["sato", "tanaka"] {
        site.tap(name);
        let page = site.kiosk_shows("どうぞお入りください").await;
        assert!(page.contains("A-0"), "{page}");
        site.dismiss().await;
    }
    // A power cut at the site while the hub is away: what has happened stays.
    site.kill_edge();
    site.start_edge().await;
    site.kiosk_shows("screen--idle").await;
    let visit = site.tap_to_leave("sato").await;
    site.leave(&visit).await;
    site.kiosk_shows("お疲れさまでした").await;

    site.region.start_hub().await;
    until("the check-out to reach the hub", async || {
        let events = site.events(centre).await;
        events
            .iter()
            .any(|(_, event)| matches!(event.what, Happening::CheckedOut { .. }))
            .then_some(())
    })
    .await;
    let events = site.events(centre).await;
    let places: Vec<u64> = events.iter().map(|(place, _)| *place).collect();
    assert_eq!(places, (1..=places.len() as u64).collect::<Vec<_>>(), "without a gap, each once");
    assert!(events.is_sorted_by_key(|(_, event)| event.at), "in order: {events:?}");
    let count = |wanted: fn(&Happening) -> bool| {
        events.iter().filter(|(_, event)| wanted(&event.what)).count()
    };
    assert_eq!(count(|it| matches!(it, Happening::CheckedIn { .. })), 2);
    assert_eq!(count(|it| matches!(it, Happening::CheckedOut { .. })), 1);
    assert_eq!(count(|it| matches!(it, Happening::Started)), 2);
}

/// Guests come and go for `KYOTEN_AWAY_SECONDS` without the hub; `make soak` says 300.
#[tokio::test]
async fn who_comes_and_goes_while_the_hub_is_away_is_told_once_and_in_order() {
    let away = std::env::var("KYOTEN_AWAY_SECONDS").map_or(20, |text| text.parse().unwrap());
    let mut site = Site::start(Database::Sqlite, Bus::Embedded, None).await;
    let centre = site.centre().await.id;
    let guests = ["tanaka", "kimura", "inoue"];
    for name in guests {
        book_now(&site, name).await;
    }
    site.region.stop_hub();
    let begun = Instant::now();
    for name in guests {
        site.tap(name);
        site.kiosk_shows("どうぞお入りください").await;
        site.dismiss().await;
    }
    let mut rounds = 0;
    while begun.elapsed() < Duration::from_secs(away) {
        site.same_tap_over().await;
        for name in guests {
            let visit = site.tap_to_be_asked(name).await;
            site.answer_leaving(&visit, "soon").await;
            site.kiosk_shows("いってらっしゃい").await;
            site.dismiss().await;
        }
        site.same_tap_over().await;
        for name in guests {
            site.tap(name);
            site.kiosk_shows("どうぞお入りください").await;
            site.dismiss().await;
        }
        rounds += 1;
    }
    let away = begun.elapsed();
    site.region.start_hub().await;
    let wanted = guests.len() * rounds;
    until("the last of them to reach the hub", async || {
        let events = site.events(centre).await;
        let back =
            events.iter().filter(|(_, event)| matches!(event.what, Happening::CameBack { .. }));
        (back.count() >= wanted).then_some(())
    })
    .await;
    let events = site.events(centre).await;
    let places: Vec<u64> = events.iter().map(|(place, _)| *place).collect();
    assert_eq!(places, (1..=places.len() as u64).collect::<Vec<_>>(), "without a gap, each once");
    assert!(events.is_sorted_by_key(|(_, event)| event.at), "in order");
    let told: Vec<&Happening> = events.iter().map(|(_, event)| &event.what).collect();
    let count =
        |wanted: fn(&Happening) -> bool| told.iter().filter(|happening| wanted(happening)).count();
    assert_eq!(count(|it| matches!(it, Happening::CheckedIn { .. })), guests.len());
    assert_eq!(count(|it| matches!(it, Happening::SteppedOut { .. })), wanted);
    assert_eq!(count(|it| matches!(it, Happening::CameBack { .. })), wanted);
    let twins = told.windows(2).filter(|pair| pair[0] == pair[1]);
    assert_eq!(twins.count(), 0, "nothing is told twice");
    // What the operators read a report of: a site that was on its own for longer than a moment.
    let absences = site.region.store.absences(centre).await.unwrap();
    assert_eq!(absences.len(), usize::from(away > store::SILENT.to_std().unwrap()));
    for absence in &absences {
        let alone = site.region.store.done_alone(centre, absence, 20_000).await.unwrap();
        let out = alone.iter().filter(|(_, it)| matches!(it.what, Happening::SteppedOut { .. }));
        assert_eq!(out.count(), wanted);
    }
    println!(
        "{away:.0?} without the hub: {} events, {} of them coming and going",
        places.len(),
        2 * wanted
    );
}
