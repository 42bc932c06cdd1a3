//! The same tap through the real PC/SC stack.

use tests::pcscd::Pcscd;
use tests::region::Database;
use tests::site::{Bus, Site};
use tests::waiting::until;

use crate::bookings::newer_sheet;

#[tokio::test]
async fn a_card_on_a_reader_of_pcscd_opens_the_door() {
    let pcscd = Pcscd::start();
    let site = Site::start(Database::Sqlite, Bus::Embedded, Some(&pcscd)).await;
    newer_sheet(&site, None).await;
    let sato = site.card("sato");
    // The kiosk first has to find the reader; a card that lies there before is not read.
    let page = until("the kiosk to read the card", async || {
        pcscd.tap(&sato, 500).ok()?;
        Some(site.kiosk_page().await).filter(|page| !page.contains("screen--idle"))
    })
    .await;
    assert!(page.contains("どうぞお入りください") && page.contains("A-0"), "{page}");
}
