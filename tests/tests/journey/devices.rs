//! A device that is locked out is out within seconds, on both brokers, and comes back by a new code.

use std::time::{Duration, Instant};

use tests::region::Database;
use tests::site::{Bus, KIOSK, Site};

use crate::bookings::newer_sheet;

/// The bar: from the operator's word to the end of the open connection.
const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn on_the_embedded_broker() {
    a_revoked_kiosk_is_out_until_it_is_enrolled_again(Bus::Embedded).await;
}

#[tokio::test]
async fn on_mosquitto() {
    a_revoked_kiosk_is_out_until_it_is_enrolled_again(Bus::Mosquitto).await;
}

async fn a_revoked_kiosk_is_out_until_it_is_enrolled_again(bus: Bus) {
    let mut site = Site::start(Database::Sqlite, bus, None).await;
    newer_sheet(&site, None).await;
    site.tap("sato");
    site.kiosk_shows("どうぞお入りください").await;
    site.dismiss().await;
    site.kiosk_shows("screen--idle").await;

    let listed = site.region.hub(&["devices", "--centre", "yokohama"]);
    let line =
        |listed: &str| listed.lines().find(|line| line.starts_with(KIOSK)).unwrap().to_owned();
    assert!(line(&listed).contains(" good "), "{listed}");
    let begun = Instant::now();
    let said = site.region.hub(&["revoke", "--device", KIOSK, "--reason", "lost"]);
    assert!(said.contains("locked out"), "{said}");
    site.kiosk_shows("screen--away").await;
    let took = begun.elapsed();
    println!("revoked on the {bus:?} bus, from the command to the dark screen: {took:?}");
    assert!(took < SOON, "{took:?}");
    let listed = site.region.hub(&["devices", "--centre", "yokohama"]);
    assert!(line(&listed).contains(" revoked "), "{listed}");

    // The others are there; the kiosk's new start with its old certificate changes nothing.
    site.restart_kiosk().await;
    assert!(site.kiosk_page().await.contains("screen--away"));
    site.enrol_kiosk();
    site.restart_kiosk().await;
    site.kiosk_shows("screen--idle").await;
    let visit = site.tap_to_leave("sato").await;
    site.leave(&visit).await;
    site.kiosk_shows("お疲れさまでした").await;
}
