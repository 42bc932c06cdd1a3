//! The hub is away: the site goes on, and tells everything later.

use model::site_event::Happening;
use tests::region::Database;
use tests::site::{Bus, Site};
use tests::waiting::until;

use crate::bookings::{book_now, newer_sheet};

#[tokio::test]
async fn taps_work_without_the_hub_and_are_told_once_and_in_order() {
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
