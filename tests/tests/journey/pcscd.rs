//! The same tap through the real PC/SC stack, with a card that proves its key, and with copies of it.

use std::path::Path;
use std::sync::Arc;

use hardware::sim::{CardNames, PkocConduct, VirtualCard, VirtualKey};
use model::access::RefusalKind;
use model::site_event::Happening;
use ring::rand::SystemRandom;
use tests::http::Person;
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

#[tokio::test]
async fn fault_15_a_card_that_proves_its_key_is_welcomed_and_each_copy_of_it_is_refused() {
    let pcscd = Pcscd::start();
    let site = Site::start(Database::Sqlite, Bus::Embedded, Some(&pcscd)).await;
    newer_sheet(&site, None).await;
    let centre = site.centre().await.id;
    // A card that lies there before the kiosk has found the reader is not read.
    site.kiosk_shows("カードをタッチしてください").await;
    let readers = site.region.readers();

    let lying = pcscd.lay(with(&readers, PkocConduct::Proves(key(&readers))));
    let page = site.kiosk_shows("どうぞお入りください").await;
    assert!(page.contains("A-0"), "{page}");
    let recorded = proof(&lying.heard());
    drop(lying);
    site.dismiss().await;
    site.kiosk_shows("screen--idle").await;
    let opened = |it: &Happening| matches!(it, Happening::DoorUnlocked { .. });
    site.event("the door to be unlocked", centre, opened).await;
    site.event("it to lock again", centre, |it| matches!(it, Happening::DoorLocked { .. })).await;

    let without_a_key = VirtualCard::new(&identifier(&readers, "sato-copy")).unwrap();
    let other = VirtualKey::make(rng()).unwrap();
    let anothers_key = PkocConduct::Copies(key(&readers).public(), other);
    use RefusalKind::{LowerLevel, UnreadableCard};
    let copies = [
        (without_a_key, "本物と確認できませんでした", LowerLevel),
        (with(&readers, anothers_key), "カードを読み取れませんでした", UnreadableCard),
        (
            with(&readers, PkocConduct::Repeats(recorded)),
            "カードを読み取れませんでした",
            UnreadableCard,
        ),
    ];
    for (times, (copy, words, why)) in (1..).zip(copies) {
        let lying = pcscd.lay(copy);
        let page = site.kiosk_shows(words).await;
        assert!(!page.contains("どうぞお入りください"), "{page}");
        until("the refusal in the hub's record", async || {
            let refused = refusals(&site).await;
            (refused.len() == times && refused.last() == Some(&why)).then_some(())
        })
        .await;
        drop(lying);
        site.dismiss().await;
        site.kiosk_shows("screen--idle").await;
    }
    let log = site.kiosk_log();
    assert_eq!(
        log.matches("did not prove its key").count(),
        2,
        "for that, and nothing else: {log}"
    );
    let unlocked = site.events(centre).await.iter().filter(|(_, it)| opened(&it.what)).count();
    assert_eq!(unlocked, 1, "for the card alone");
    let operator = Person::sign_in(&site.region.url, "kobayashi").await;
    let page = operator.text("/operations/yokohama").await;
    assert!(page.contains("本物と確認できないカード（複製の疑い）"), "{page}");
}

/// Why cards were refused, as the hub has it, in order.
async fn refusals(site: &Site) -> Vec<RefusalKind> {
    let events = site.events(site.centre().await.id).await;
    let refused = events.into_iter().filter_map(|(_, event)| match event.what {
        Happening::Refused { why, .. } => Some(why),
        _ => None,
    });
    refused.collect()
}

/// The demo's card that has a key, doing this with it.
fn with(readers: &Path, conduct: PkocConduct) -> VirtualCard {
    VirtualCard::new(&identifier(readers, "sato-key")).unwrap().with_pkoc(conduct)
}

fn identifier(readers: &Path, card: &str) -> Vec<u8> {
    CardNames::read(readers).unwrap().identifier(card).unwrap()
}

fn key(readers: &Path) -> VirtualKey {
    CardNames::read(readers).unwrap().key("sato-key", rng()).unwrap().unwrap()
}

fn rng() -> Arc<SystemRandom> {
    Arc::new(SystemRandom::new())
}

/// The proof among what a card has said: its public key, then the signature.
fn proof(said: &[u8]) -> Vec<u8> {
    let is_one =
        |bytes: &&[u8]| bytes.starts_with(&[0x5A, 65, 4]) && bytes[67..].starts_with(&[0x9E, 64]);
    said.windows(2 + 65 + 2 + 64).find(is_one).unwrap().to_vec()
}
