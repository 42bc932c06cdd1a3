//! A whole site in one process, over its embedded bus.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod homie_reader;
mod site_broker;
mod site_doors;
mod site_faults;
mod site_nursery;
mod site_orders;
mod site_osdp;
mod site_readers;
mod site_record;
mod site_support;
mod site_things;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use edge_agent::config::DriverKind;
use edge_agent::{Config, DoorDriver, Drivers, Site};
use edge_store::EdgeStore;
use futures::FutureExt as _;
use hardware::door::{DoorError, Lock, LockLevel};
use hardware::sim::{DoorFaults, SimDoor};
use model::access::RefusalKind;
use model::clock::{Clock, ManualClock};
use model::day_sheet::SheetCredential;
use model::id::{CredentialId, DeviceId, VisitId};
use model::interval::Interval;
use model::language::Language;
use model::lease::LeasedSpace;
use model::site_event::{Happening, Proof};
use model::terminal::TerminalState;
use site_support::{
    DEADLINE, House, PIN, card_digest, card_key, id, in_force, key, keyed_sheet, morning, sheet,
    until, voucher,
};
use tokio::time::timeout;
use twin::{Fact, SpaceState, TappedCard};
use wire::bus::BusInbox;
use wire::request::{Act, Answer, Command, Request};
use wire::sheet::{AuditHead, seal};
use wire::topics::DeviceKind;
use wire::voucher;

fn welcome(answer: Answer) -> VisitId {
    let Answer::Welcome { visit, door_open, .. } = answer else { panic!("{answer:?}") };
    assert!(door_open);
    visit
}

fn refused(answer: Answer) -> RefusalKind {
    let Answer::Refused { why, .. } = answer else { panic!("{answer:?}") };
    why
}

async fn command(inbox: &mut BusInbox) -> Act {
    let payload = timeout(DEADLINE, inbox.commands.recv()).await.unwrap().unwrap();
    serde_json::from_slice::<Command>(&payload).unwrap().act
}

/// Waits until the hub has everything and its mirror agrees.
async fn mirrored(house: &House, site: &Site) {
    until("the hub to have it all", async || {
        let hash = site.snapshot().await.unwrap().hash();
        (house.hub.state().mirror.state_hash() == hash).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_a_tap_to_the_door_the_desk_the_hub_and_home_again() {
    let house = House::new();
    house.hub.state().lose_answers = 2;
    let site = house.start_with(1).await;
    until("the acknowledgement", async || (house.hub.state().acknowledged == 1).then_some(()))
        .await;
    let kiosk = house.kiosk(&site).await;
    let (seat, mut seat_inbox) = house.join(&site, "y-seat-01", DeviceKind::Seat).await;
    seat.set_state("terminal/state", "idle").unwrap();
    until("the terminal", async || {
        let view = site.view().await.unwrap();
        let state = view.spaces[0].terminal.as_ref().unwrap().1;
        (state == TerminalState::Idle).then_some(())
    })
    .await;

    let mut door = house.doors.get(&id("y-door")).watch();
    let visit = welcome(kiosk.tap("0101").await);
    let unlocked = door.wait_for(|door| door.lock == LockLevel::Unlocked);
    timeout(DEADLINE, unlocked).await.unwrap().unwrap();
    let told = command(&mut seat_inbox).await;
    assert!(matches!(told, Act::Assign { visit: whose, .. } if whose == visit), "{told:?}");
    seat.set_state("terminal/state", "assigned").unwrap();
    let relocked = door.wait_for(|door| door.lock == LockLevel::Locked);
    timeout(DEADLINE, relocked).await.unwrap().unwrap();
    assert_eq!(site.view().await.unwrap().spaces[0].state, SpaceState::Occupied);

    assert_eq!(welcome(kiosk.tap("0101").await), visit, "a double tap");
    house.clock.advance(TimeDelta::seconds(6));
    let answer = kiosk.tap("0101").await;
    assert!(
        matches!(answer, Answer::AskLeaving { visit: asked, .. } if asked == visit),
        "{answer:?}"
    );
    house.clock.advance(TimeDelta::minutes(30));
    let answer = kiosk.ask(&Request::Leave { visit, leaving: true, back_soon: false }).await;
    assert!(matches!(answer, Answer::Goodbye { minutes: 30, .. }), "{answer:?}");
    let told = command(&mut seat_inbox).await;
    assert!(matches!(told, Act::Wipe { visit: whose } if whose == visit), "{told:?}");

    mirrored(&house, &site).await;
    site.stop().await;
    let hub = house.hub.state();
    assert!(hub.compared > 0);
    assert_eq!((hub.differed, hub.snapshots), (0, 0), "the mirror never went astray");
    let count = |wanted: fn(&Happening) -> bool| {
        hub.events.iter().filter(|event| wanted(&event.what)).count()
    };
    assert_eq!(hub.events[0].what, Happening::Started);
    assert_eq!(count(|what| matches!(what, Happening::SheetInForce { version: 1 })), 1);
    assert_eq!(count(|what| matches!(what, Happening::CheckedIn { .. })), 1);
    assert_eq!(count(|what| matches!(what, Happening::CheckedOut { .. })), 1);
    assert!(hub.events.is_sorted_by_key(|event| event.at));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_steps_out_keeps_the_desk_and_who_leaves_for_good_does_not() {
    let house = House::new();
    let site = house.start_with(1).await;
    let kiosk = house.kiosk(&site).await;
    let visit = welcome(kiosk.tap("0101").await);
    house.clock.advance(TimeDelta::seconds(6));
    let leave = |leaving, back_soon| Request::Leave { visit, leaving, back_soon };
    let mut door = house.doors.get(&id("y-door")).watch();
    let out = kiosk.ask(&leave(false, true)).await;
    assert!(matches!(&out, Answer::SeeYouSoon { door_open: true, .. }), "{out:?}");
    let unlocked = door.wait_for(|door| door.lock == LockLevel::Unlocked);
    timeout(DEADLINE, unlocked).await.unwrap().unwrap();
    assert_eq!(site.view().await.unwrap().spaces[0].state, SpaceState::Away);
    // The power goes while they are out; the desk is theirs all the same.
    drop(site);
    let site = house.start_with(1).await;
    let kiosk = house.kiosk(&site).await;
    assert_eq!(site.view().await.unwrap().spaces[0].state, SpaceState::Away);
    house.clock.advance(TimeDelta::minutes(20));
    assert_eq!(welcome(kiosk.tap("0101").await), visit);

    // An older kiosk's yes, which knows only two answers.
    let old = format!(r#"{{"ask":"leave","visit":"{visit}","leaving":true}}"#);
    let gone = kiosk.say(old.as_bytes()).await;
    assert!(matches!(gone, Answer::Goodbye { .. }), "{gone:?}");
    assert_eq!(refused(kiosk.tap("0101").await), RefusalKind::LeftForGood);
    mirrored(&house, &site).await;
    site.stop().await;
    let hub = house.hub.state();
    assert_eq!((hub.differed, hub.snapshots), (0, 0), "the mirror never went astray");
    let count =
        |wanted: fn(&Happening) -> bool| hub.events.iter().filter(|it| wanted(&it.what)).count();
    assert_eq!(count(|what| matches!(what, Happening::SteppedOut { .. })), 1);
    assert_eq!(count(|what| matches!(what, Happening::CameBack { .. })), 1);
    assert_eq!(count(|what| matches!(what, Happening::CheckedOut { gives_up: Some(_), .. })), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_15_a_card_with_a_key_opens_by_its_key_alone_and_a_new_one_is_offered_with_both() {
    let house = House::new();
    let sealed = house.hub.seal(&keyed_sheet(1));
    house.hub.offer(sealed);
    let site = house.start_with(1).await;
    let kiosk = house.kiosk(&site).await;
    assert_eq!(refused(kiosk.tap("0101").await), RefusalKind::LowerLevel, "an identifier copied");
    let foreign = kiosk.tap_key(&card_key(9), Some("0101")).await;
    assert_eq!(refused(foreign), RefusalKind::LowerLevel, "the identifier beside another key");
    for (key, identifier) in
        [(&card_key(1)[..64], None), (&[1; 65][..], None), (&card_key(1)[..], Some("zz"))]
    {
        let answer = kiosk.tap_key(key, identifier).await;
        assert!(matches!(answer, Answer::NotUnderstood { .. }), "{answer:?}");
    }
    welcome(kiosk.tap_key(&card_key(1), Some("0101")).await);

    let new = kiosk.tap_key(&card_key(8), Some("0808")).await;
    let Answer::Refused { why: RefusalKind::UnknownCard, ticket: Some(ticket), .. } = new else {
        panic!("{new:?}")
    };
    let offered = kiosk.ask(&Request::OfferCard { ticket }).await;
    assert!(matches!(offered, Answer::CardOffered { .. }), "{offered:?}");
    let offers: Vec<_> = house.hub.state().offers.iter().map(|(offer, _)| offer.clone()).collect();
    let [offer] = offers.as_slice() else { panic!("{} offers", offers.len()) };
    assert_eq!((offer.keys.len(), offer.references.len()), (1, 1));
    assert!(offer.keys[0] != offer.references[0]);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_16_wrong_pins_are_counted_over_a_restart() {
    let house = House::new();
    let code = "0000-0002";
    for try_number in 1..=2 {
        let site = house.start_with(1).await;
        let kiosk = house.kiosk(&site).await;
        assert_eq!(refused(kiosk.code(code, "0000").await), RefusalKind::WrongCode, "{try_number}");
        // On disk by the time of the answer: pulling the plug right after it gives no new try.
        let store = EdgeStore::open(&house.data().join("site.db")).await.unwrap();
        assert_eq!(store.pin_tries().await.unwrap()[0].1, try_number);
        store.close().await;
        site.stop().await;
    }
    let site = house.start_with(1).await;
    let kiosk = house.kiosk(&site).await;
    assert_eq!(refused(kiosk.code(code, "0000").await), RefusalKind::CodePaused);
    site.stop().await;
    let site = house.start_with(1).await;
    let kiosk = house.kiosk(&site).await;
    assert_eq!(refused(kiosk.code(code, PIN).await), RefusalKind::CodePaused);
    welcome(kiosk.code("0000-0001", PIN).await);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_16_codes_that_are_nobodys_close_the_keypad_over_a_restart() {
    let house = House::new();
    let site = house.start_with(1).await;
    let kiosk = house.kiosk(&site).await;
    for number in 1..=9 {
        let code = format!("9999-{number:04}");
        assert_eq!(refused(kiosk.code(&code, PIN).await), RefusalKind::WrongCode, "{number}");
    }
    // On disk by the time of the answer, as a person's are.
    let store = EdgeStore::open(&house.data().join("site.db")).await.unwrap();
    assert_eq!(store.pin_tries().await.unwrap(), [("reader y-kiosk-1".to_owned(), 9)]);
    store.close().await;
    drop((site, kiosk));
    let site = house.start_with(1).await;
    let kiosk = house.kiosk(&site).await;
    assert_eq!(refused(kiosk.code("9999-9999", PIN).await), RefusalKind::CodePaused);
    site.stop().await;
    let site = house.start_with(1).await;
    let kiosk = house.kiosk(&site).await;
    assert_eq!(refused(kiosk.code("0000-0001", PIN).await), RefusalKind::CodePaused);
    welcome(kiosk.tap("0101").await);
    mirrored(&house, &site).await;
    site.stop().await;
    let hub = house.hub.state();
    let wrong = |event: &&model::site_event::SiteEvent| {
        matches!(event.what, Happening::Refused { why: RefusalKind::WrongCode, .. })
    };
    assert_eq!(hub.events.iter().filter(wrong).count(), 9, "each is in the record");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_22_who_may_not_in_is_told_why_and_it_is_recorded() {
    let house = House::new();
    let site = house.start_with(1).await;
    let kiosk = house.kiosk(&site).await;
    assert_eq!(refused(kiosk.tap("0909").await), RefusalKind::UnknownCard);
    assert_eq!(refused(kiosk.code("12-34", PIN).await), RefusalKind::WrongCode);
    assert_eq!(refused(kiosk.code("9999-9999", PIN).await), RefusalKind::WrongCode);
    let code = "0000-0002";
    assert_eq!(refused(kiosk.code(code, "0000").await), RefusalKind::WrongCode);
    assert_eq!(refused(kiosk.code(code, "0000").await), RefusalKind::WrongCode);
    assert_eq!(refused(kiosk.code(code, "0000").await), RefusalKind::CodePaused);
    assert_eq!(refused(kiosk.code(code, PIN).await), RefusalKind::CodePaused);
    welcome(kiosk.code("0000-0001", PIN).await);
    for garbage in [&b""[..], b"{", b"\xff\xfe", br#"{"ask":"open_sesame"}"#, &[b'x'; 20_000]] {
        let answer = kiosk.say(garbage).await;
        assert!(matches!(answer, Answer::NotUnderstood { .. }), "{answer:?}");
    }
    for identifier in ["", "xyz", "012"] {
        let answer = kiosk.tap(identifier).await;
        assert!(matches!(answer, Answer::NotUnderstood { .. }), "{answer:?}");
    }
    let (seat, _inbox) = house.join(&site, "y-seat-01", DeviceKind::Seat).await;
    let request = br#"{"ask":"tap","card":{"kind":"identifier","identifier":"0202"}}"#;
    let answer = seat.request(request.to_vec()).await.unwrap();
    assert!(matches!(serde_json::from_slice(&answer).unwrap(), Answer::NotUnderstood { .. }));

    mirrored(&house, &site).await;
    site.stop().await;
    let hub = house.hub.state();
    let whys: Vec<_> = (hub.events.iter())
        .filter_map(|event| match &event.what {
            Happening::Refused { why, reader, .. } => Some((*why, reader.clone())),
            _ => None,
        })
        .collect();
    let expected = [
        RefusalKind::UnknownCard,
        RefusalKind::WrongCode,
        RefusalKind::WrongCode,
        RefusalKind::WrongCode,
        RefusalKind::WrongCode,
        RefusalKind::CodePaused,
        RefusalKind::CodePaused,
    ];
    assert_eq!(whys, expected.map(|why| (why, id("y-kiosk-1"))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_hub_taps_work_and_a_restart_forgets_nothing() {
    let house = House::new();
    let site = house.start_with(1).await;
    house.hub.state().away = true;
    let kiosk = house.kiosk(&site).await;
    let visit = welcome(kiosk.tap("0101").await);
    site.stop().await;

    let site = house.start_with(1).await;
    assert_eq!(site.view().await.unwrap().people_inside, 1);
    house.clock.advance(TimeDelta::seconds(10));
    let kiosk = house.kiosk(&site).await;
    let answer = kiosk.tap("0101").await;
    assert!(
        matches!(answer, Answer::AskLeaving { visit: asked, .. } if asked == visit),
        "{answer:?}"
    );
    welcome(kiosk.tap("0202").await);
    // The answers are given after the events are on disk: now the power goes.
    drop(site);

    let site = house.start_with(1).await;
    assert_eq!(site.view().await.unwrap().people_inside, 2);
    house.hub.state().away = false;
    mirrored(&house, &site).await;
    site.stop().await;
    let hub = house.hub.state();
    let starts = hub.events.iter().filter(|event| event.what == Happening::Started).count();
    let visits =
        hub.events.iter().filter(|event| matches!(event.what, Happening::CheckedIn { .. })).count();
    assert_eq!((starts, visits), (3, 2));
    assert_eq!((hub.differed, hub.snapshots), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_05_a_cut_off_site_goes_by_its_sheet_to_its_end_and_not_a_second_longer() {
    let house = House::new();
    let mut before = sheet(1);
    let end = before.not_after;
    let hour = TimeDelta::hours(1);
    before.bookings[0].desks[0].when = Interval::new(end - hour, end + hour).unwrap();
    house.hub.offer(house.hub.seal(&before));
    let site = house.start_with(1).await;
    let kiosk = house.kiosk(&site).await;
    // A directory removes person 1, and the line dies before the site hears of it.
    house.hub.state().away = true;
    let mut after = before;
    (after.version, after.not_after) = (2, end + TimeDelta::days(3));
    after.bookings.remove(0);
    after.credentials[0].blocked = true;
    house.hub.offer(house.hub.seal(&after));

    house.clock.advance(end - TimeDelta::seconds(10) - morning());
    let visit = welcome(kiosk.tap("0101").await);
    house.clock.advance(TimeDelta::seconds(9));
    let left = kiosk.ask(&Request::Leave { visit, leaving: true, back_soon: false }).await;
    assert!(matches!(left, Answer::Goodbye { .. }), "{left:?}");
    house.clock.advance(TimeDelta::seconds(1));
    assert_eq!(refused(kiosk.tap("0101").await), RefusalKind::SheetExpired);
    site.stop().await;
    let site = house.start().await;
    let kiosk = house.kiosk(&site).await;
    assert_eq!(refused(kiosk.tap("0101").await), RefusalKind::SheetExpired, "after a restart");

    house.hub.state().away = false;
    in_force(&site, 2).await;
    assert_eq!(refused(kiosk.tap("0101").await), RefusalKind::BlockedCard);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_no_booking_walks_in_without_the_hub_and_across_a_power_cut() {
    let house = House::new();
    let site = house.start_with(1).await;
    // Person 2 has no booking any more, and their desk is the site's to give away.
    let mut changed = sheet(2);
    let theirs = changed.bookings.pop().unwrap().desks[0];
    changed.lease.push(LeasedSpace { space: theirs.space, when: theirs.when });
    house.hub.offer(house.hub.seal(&changed));
    in_force(&site, 2).await;
    house.hub.state().away = true;
    let kiosk = house.kiosk(&site).await;
    let answer = kiosk.tap("0202").await;
    let Answer::Refused { why: RefusalKind::NoBooking, offer: Some(offer), language, .. } = answer
    else {
        panic!("{answer:?}")
    };
    assert_eq!((offer.space.as_str(), offer.until), ("A-02", theirs.when.ends()));
    assert_eq!((offer.minutes, language), (240, Some(Language::En)));
    assert_eq!(site.view().await.unwrap().people_inside, 0, "a question opens no door");
    let take = |visit| Request::WalkIn { visit, takes: true };
    let strange = kiosk.ask(&take(VisitId(uuid::Uuid::from_u128(9)))).await;
    assert_eq!(refused(strange), RefusalKind::OfferOver);
    assert_eq!(welcome(kiosk.ask(&take(offer.visit)).await), offer.visit);
    assert_eq!(
        refused(
            kiosk.ask(&Request::WalkIn { visit: VisitId(uuid::Uuid::nil()), takes: false }).await
        ),
        RefusalKind::OfferOver
    );
    drop(site);
    let site = house.start().await;
    let view = site.view().await.unwrap();
    assert_eq!(
        (view.spaces[1].state, view.spaces[1].until),
        (SpaceState::Occupied, Some(theirs.when.ends()))
    );
    house.hub.state().away = false;
    mirrored(&house, &site).await;
    let kiosk = house.kiosk(&site).await;
    house.clock.advance(TimeDelta::minutes(20));
    let leave = Request::Leave { visit: offer.visit, leaving: true, back_soon: false };
    let answer = kiosk.ask(&leave).await;
    assert!(matches!(answer, Answer::Goodbye { minutes: 20, .. }), "{answer:?}");
    mirrored(&house, &site).await;
    site.stop().await;
    let hub = house.hub.state();
    let walked_in: Vec<_> = (hub.events.iter())
        .filter_map(|event| match event.what {
            Happening::WalkedIn { visit, space, until, .. } => Some((visit, space, until)),
            _ => None,
        })
        .collect();
    assert_eq!(walked_in, [(offer.visit, theirs.space, theirs.when.ends())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_06_a_sheet_that_does_not_hold_leaves_the_last_good_one_in_force() {
    let house = House::new();
    let site = house.start_with(1).await;
    let mut changed = sheet(2);
    changed.bookings.pop();
    let good = house.hub.seal(&changed);
    let mut torn = good.clone();
    torn.sections.values_mut().for_each(|bytes| bytes.truncate(bytes.len() / 2));
    let mut unsigned = good.clone();
    unsigned.manifest.signature.clear();
    let section_key = house.hub.state().section_key.clone();
    let stranger = seal(&sheet(3), &[9; 32], None, &key(), &section_key).unwrap();
    let mut elsewhere = sheet(4);
    elsewhere.site.slug = id("t");
    let elsewhere = house.hub.seal(&elsewhere);
    let older = house.hub.seal(&sheet(0));
    let mut over = sheet(5);
    over.not_after = morning();
    let over = house.hub.seal(&over);
    for bad in [torn, unsigned, stranger, elsewhere, older, over] {
        let fetched = house.hub.state().fetched;
        house.hub.offer(bad);
        until("the sheet to be fetched", async || {
            (house.hub.state().fetched > fetched).then_some(())
        })
        .await;
        // The version is read behind the same lock that a fetch holds until it is done.
        assert_eq!(site.sheet_version().await, 1);
    }
    let kiosk = house.kiosk(&site).await;
    welcome(kiosk.tap("0101").await);
    let first = house.hub.seal(&sheet(1));
    house.hub.offer(good);
    in_force(&site, 2).await;
    // The very sheet that was in force before, signed and whole.
    let fetched = house.hub.state().fetched;
    house.hub.offer(first);
    until("the sheet to be fetched", async || (house.hub.state().fetched > fetched).then_some(()))
        .await;
    assert_eq!(site.sheet_version().await, 2);
    site.stop().await;

    house.hub.state().away = true;
    let site = house.start_with(2).await;
    assert_eq!(site.view().await.unwrap().people_inside, 1);
    site.stop().await;

    let store = EdgeStore::open(&house.data().join("site.db")).await.unwrap();
    let mut kept = store.sheets().await.unwrap().swap_remove(0);
    kept.sections.values_mut().for_each(|bytes| bytes.truncate(10));
    store.keep_sheet(2, &kept).await.unwrap();
    store.close().await;
    let site = house.start_with(1).await;
    assert_eq!(site.view().await.unwrap().people_inside, 1, "a torn row: the sheet before");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_06_a_damaged_page_of_the_kept_sheet_leaves_the_one_before_it_in_force() {
    let house = House::new();
    house.start_with(1).await.stop().await;
    // Of some length, so that its sections fill pages of their own.
    let mut long = sheet(2);
    for number in 10..200_u8 {
        long.credentials.push(SheetCredential {
            digest: card_digest(&[number, number]),
            credential: CredentialId(uuid::Uuid::from_u128(number.into())),
            ..long.credentials[0].clone()
        });
    }
    house.hub.offer(house.hub.seal(&long));
    let site = house.start_with(2).await;
    welcome(house.kiosk(&site).await.tap("0101").await);
    site.stop().await;
    house.hub.state().away = true;
    let file = house.data().join("site.db");
    let store = EdgeStore::open(&file).await.unwrap();
    let kept = store.sheets().await.unwrap().swap_remove(0);
    let longest = kept.sections.values().max_by_key(|body| body.len()).unwrap();
    // It lies in pages of 4 KB, and one from its middle is full of it.
    assert!(longest.len() > 5 * 4096, "{}", longest.len());
    let longest = longest.clone();
    store.close().await;
    let mut bytes = std::fs::read(&file).unwrap();
    let page = bytes
        .chunks_exact_mut(4096)
        .find(|page| longest.windows(4_000).any(|part| part == &page[48..4_048]))
        .unwrap();
    page.fill(0);
    std::fs::write(&file, bytes).unwrap();

    let site = house.start_with(1).await;
    assert_eq!(site.view().await.unwrap().people_inside, 1, "who is in is known");
    welcome(house.kiosk(&site).await.tap("0202").await);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_02_and_03_without_a_sheet_the_doors_that_the_settings_name_are_locked_at_the_start()
{
    let house = House::new();
    house.hub.state().away = true;
    let sim = house.doors.get(&id("y-door"));
    // As a power cut may have left it, where the lock stays as it is.
    sim.lock().unlock().await.unwrap();
    let doors = BTreeMap::from([
        ("*".to_owned(), DriverKind::Sim),
        ("y-dead".to_owned(), DriverKind::Sim),
        ("y-door".to_owned(), DriverKind::Sim),
    ]);
    // One that never answers holds up neither the other nor the start.
    let dead = DoorFaults { lock_silent: true, ..DoorFaults::default() };
    house.doors.get(&id("y-dead")).set_faults(dead);
    let config = Config { doors, ..Config::default() };
    let start = house.start_as(house.clock.clone(), house.doors.clone(), config);
    let site = timeout(DEADLINE, start).await.unwrap();
    let mut door = sim.watch();
    let locked = door.wait_for(|door| door.lock == LockLevel::Locked);
    timeout(DEADLINE, locked).await.unwrap().unwrap();
    assert_eq!(site.sheet_version().await, 0);
    // The sheet comes, and its door is taken into use.
    house.hub.state().away = false;
    in_force(&site, 1).await;
    let kiosk = house.kiosk(&site).await;
    until("the door to open", async || {
        let answer = kiosk.tap("0101").await;
        matches!(answer, Answer::Welcome { door_open: true, .. }).then_some(())
    })
    .await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_03_a_tap_without_any_sheet_is_refused() {
    let house = House::new();
    house.hub.state().away = true;
    let site = house.start().await;
    // Of a reader that is wired here, which needs no bus and no place on a sheet to ask.
    let tap = Fact::Tap {
        reader: id("y-reader"),
        card: TappedCard::of_identifier(card_digest(&[1, 1])),
        visit: VisitId(uuid::Uuid::from_u128(1)),
    };
    let answer = site.tell(tap).await.unwrap();
    let Some(twin::Answer::Refused { why, .. }) = answer else { panic!("{answer:?}") };
    assert_eq!(why, RefusalKind::SheetExpired);
    assert_eq!(site.view().await.unwrap().people_inside, 0);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_07_a_clock_behind_what_the_site_has_seen_lets_nobody_new_in() {
    let mut house = House::new();
    let site = house.start_with(1).await;
    welcome(house.kiosk(&site).await.tap("0101").await);
    site.stop().await;
    house.clock = Arc::new(ManualClock::at(DateTime::UNIX_EPOCH));
    let site = house.start_with(1).await;
    let kiosk = house.kiosk(&site).await;
    assert_eq!(refused(kiosk.tap("0202").await), RefusalKind::ClockUnset);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_07_a_clock_that_ran_ahead_lets_nobody_new_in_until_the_hub_agrees() {
    let house = House::new();
    let site = house.start_with(1).await;
    let kiosk = house.kiosk(&site).await;
    welcome(kiosk.tap("0101").await);
    house.clock.set_by(TimeDelta::hours(2));
    assert_eq!(refused(kiosk.tap("0202").await), RefusalKind::ClockUnset);
    house.clock.advance(TimeDelta::minutes(1));
    assert_eq!(refused(kiosk.tap("0202").await), RefusalKind::ClockUnset);
    house.hub.state().time = Some(morning() + TimeDelta::minutes(1));
    mirrored(&house, &site).await;
    assert_eq!(refused(kiosk.tap("0202").await), RefusalKind::ClockUnset, "the hub does not agree");
    // It comes back by itself, and nothing has moved meanwhile.
    house.clock.set_by(TimeDelta::hours(-2));
    welcome(kiosk.tap("0202").await);
    mirrored(&house, &site).await;
    site.stop().await;
    let store = EdgeStore::open(&house.data().join("site.db")).await.unwrap();
    assert_eq!(store.clock_floor().await.unwrap(), morning() + TimeDelta::minutes(1));
    store.close().await;
    let hub = house.hub.state();
    assert!(!hub.events.iter().any(|event| matches!(event.what, Happening::NoShow { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_07_a_clock_that_was_set_ahead_rightly_is_believed_once_the_hub_agrees() {
    let house = House::new();
    let site = house.start_with(1).await;
    let kiosk = house.kiosk(&site).await;
    let now = house.clock.set_by(TimeDelta::hours(2));
    assert_eq!(refused(kiosk.tap("0101").await), RefusalKind::ClockUnset);
    house.hub.state().time = Some(now + TimeDelta::seconds(20));
    until("the clock to be believed", async || {
        matches!(kiosk.tap("0101").await, Answer::Welcome { .. }).then_some(())
    })
    .await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_07_a_clock_that_starts_years_ahead_costs_nothing_once_it_is_put_right() {
    let mut house = House::new();
    let site = house.start_with(1).await;
    welcome(house.kiosk(&site).await.tap("0101").await);
    site.stop().await;
    let years = TimeDelta::days(3650);
    house.clock = Arc::new(ManualClock::at(morning() + years));
    let site = house.start_with(1).await;
    let kiosk = house.kiosk(&site).await;
    assert_eq!(refused(kiosk.tap("0202").await), RefusalKind::ClockUnset);
    assert_eq!(site.view().await.unwrap().people_inside, 1, "nobody was sent home");
    house.clock.set_by(-years);
    welcome(kiosk.tap("0202").await);
    mirrored(&house, &site).await;
    site.stop().await;
    let hub = house.hub.state();
    assert!(hub.events.iter().all(|event| event.at < morning() + TimeDelta::hours(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_07_a_clock_that_starts_two_days_ahead_is_put_right_by_the_hub() {
    let mut house = House::new();
    house.start_with(1).await.stop().await;
    house.clock = Arc::new(ManualClock::at(morning() + TimeDelta::days(2)));
    house.hub.state().time = Some(morning());
    let site = house.start_with(1).await;
    mirrored(&house, &site).await;
    house.clock.set_by(-TimeDelta::days(2));
    // With whatever is told the hub says what time it is.
    let kiosk = house.kiosk(&site).await;
    until("the clock to be believed", async || {
        let answer = kiosk.tap("0202").await;
        (!matches!(answer, Answer::Refused { why: RefusalKind::ClockUnset, .. })).then_some(())
    })
    .await;
    site.stop().await;
    let store = EdgeStore::open(&house.data().join("site.db")).await.unwrap();
    assert!(store.clock_floor().await.unwrap() < morning() + TimeDelta::hours(1));
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_07_a_clock_that_is_days_ahead_keeps_out_no_sheet_once_the_hub_says_the_time() {
    let mut house = House::new();
    house.start_with(1).await.stop().await;
    // By the machine's clock every sheet has expired.
    house.clock = Arc::new(ManualClock::at(morning() + TimeDelta::days(5)));
    house.hub.state().time = Some(morning());
    house.hub.offer(house.hub.seal(&sheet(2)));
    let site = house.start_with(2).await;
    let kiosk = house.kiosk(&site).await;
    assert_eq!(
        refused(kiosk.tap("0101").await),
        RefusalKind::ClockUnset,
        "it is wrong all the same"
    );
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_07_while_the_clock_is_in_doubt_the_hub_says_what_time_it_is() {
    let mut house = House::new();
    house.start_with(1).await.stop().await;
    let later = morning() + TimeDelta::days(1);
    house.clock = Arc::new(ManualClock::at(DateTime::UNIX_EPOCH));
    house.hub.state().time = Some(later);
    let site = house.start_with(1).await;
    mirrored(&house, &site).await;
    let kiosk = house.kiosk(&site).await;
    until("something to be told under the hub's time", async || {
        assert_eq!(refused(kiosk.tap("0202").await), RefusalKind::ClockUnset);
        house.hub.state().events.iter().any(|event| event.at >= later).then_some(())
    })
    .await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_site_takes_up_its_next_certificate() {
    let house = House::new();
    let site = house.start_with(1).await;
    let kiosk = house.kiosk(&site).await;
    let before = house.bus_certificate(&site).await;
    let next = house.next_identity();
    assert_ne!(before, next.certificate().fingerprint);
    let mut on_the_bus = site.on_the_bus();
    on_the_bus.mark_unchanged();
    site.use_identity(&next).await.unwrap();
    assert_eq!(house.bus_certificate(&site).await, next.certificate().fingerprint);
    timeout(DEADLINE, on_the_bus.wait_for(|on| !on)).await.unwrap().unwrap();
    timeout(DEADLINE, on_the_bus.wait_for(|on| *on)).await.unwrap().unwrap();
    welcome(kiosk.tap("0101").await);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_the_sheet_locks_out_has_no_say() {
    let house = House::new();
    let site = house.start_with(1).await;
    let (seat, _inbox) = house.join(&site, "y-seat-01", DeviceKind::Seat).await;
    seat.set_state("terminal/state", "idle").unwrap();
    let terminal = async || site.view().await.unwrap().spaces[0].terminal.as_ref().unwrap().1;
    until("the terminal", async || (terminal().await == TerminalState::Idle).then_some(())).await;
    let mut locked_out = sheet(2);
    for device in &mut locked_out.devices {
        device.revoked = device.device == id("y-seat-01");
    }
    house.hub.offer(house.hub.seal(&locked_out));
    in_force(&site, 2).await;
    let mut line = seat.connected();
    timeout(DEADLINE, line.wait_for(|up| !up)).await.unwrap().unwrap();
    until("the lost terminal", async || (terminal().await == TerminalState::Lost).then_some(()))
        .await;
    site.stop().await;
}

/// A clock that stops the thread that reads it next.
#[derive(Debug, Default)]
struct BreakingClock(AtomicBool);

impl Clock for BreakingClock {
    fn now(&self) -> DateTime<Utc> {
        assert!(!self.0.load(Ordering::Relaxed), "this clock was told to break");
        morning()
    }

    fn steady(&self) -> Duration {
        Duration::ZERO
    }
}

/// Doors whose locks break the task that moves them.
struct BreakingDoors;

#[async_trait]
impl Lock for BreakingDoors {
    async fn unlock(&self) -> Result<(), DoorError> {
        panic!("this lock was told to break")
    }

    async fn lock(&self) -> Result<(), DoorError> {
        Ok(())
    }

    async fn level(&self) -> Result<LockLevel, DoorError> {
        Ok(LockLevel::Locked)
    }
}

impl Drivers for BreakingDoors {
    fn door(&self, _: &DeviceId) -> Option<DoorDriver> {
        let contact = Box::new(SimDoor::default().contact());
        Some(DoorDriver { lock: Box::new(Self), contact, exit: None })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_that_breaks_down_is_noticed() {
    let house = House::new();
    let clock = Arc::new(BreakingClock::default());
    let mut site = house.start_on(clock.clone(), house.doors.clone()).await;
    in_force(&site, 1).await;
    assert!(site.broken().now_or_never().is_none());
    clock.0.store(true, Ordering::Relaxed);
    timeout(DEADLINE, site.broken()).await.unwrap();
    drop(site);

    let mut site = house.start_on(house.clock.clone(), Arc::new(BreakingDoors)).await;
    in_force(&site, 1).await;
    until("the edge on its bus", async || site.on_the_bus().borrow().then_some(())).await;
    let kiosk = house.kiosk(&site).await;
    let answer = kiosk.tap("0101").await;
    assert!(matches!(answer, Answer::Welcome { door_open: false, .. }), "{answer:?}");
    timeout(DEADLINE, site.broken()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_that_lost_its_file_goes_on_after_what_the_hub_knows() {
    let house = House::new();
    let site = house.start_with(1).await;
    welcome(house.kiosk(&site).await.tap("0101").await);
    mirrored(&house, &site).await;
    site.stop().await;
    for file in ["site.db", "site.db-wal", "site.db-shm"] {
        std::fs::remove_file(house.data().join(file)).ok();
    }
    let site = house.start_with(1).await;
    let before = house.hub.state().events.len();
    welcome(house.kiosk(&site).await.tap("0202").await);
    mirrored(&house, &site).await;
    site.stop().await;
    let hub = house.hub.state();
    assert!(hub.events.len() > before);
    let visits =
        hub.events.iter().filter(|event| matches!(event.what, Happening::CheckedIn { .. })).count();
    assert_eq!(visits, 2, "{:#?}", hub.events);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_remembers_the_highest_head_of_the_audit_record() {
    let house = House::new();
    let site = house.start_with(1).await;
    let head = |place, byte| Some(AuditHead { place, hash: [byte; 32] });
    let told = async |version, head| {
        house.hub.offer(house.hub.seal_with(&sheet(version), head));
        until("the sheet to be acknowledged", async || {
            (house.hub.state().acknowledged == version).then_some(())
        })
        .await;
        house.hub.state().seen_head
    };
    assert_eq!(told(2, None).await, None);
    assert_eq!(told(3, head(9, 1)).await, head(9, 1));
    assert_eq!(told(4, head(12, 2)).await, head(12, 2));
    // Shorter, or another at the same place: the sheet counts, and what was seen is told on.
    assert_eq!(told(5, head(11, 3)).await, head(12, 2));
    assert_eq!(told(6, head(12, 4)).await, head(12, 2));
    drop(site);
    let _site = house.start().await;
    assert_eq!(told(7, head(3, 5)).await, head(12, 2), "after a restart too");
    assert_eq!(told(8, head(13, 6)).await, head(13, 6));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_voucher_is_honoured_without_the_hub_after_a_restart_too_and_told_once_it_is_back() {
    let house = House::new();
    house.start_with(1).await.stop().await;
    house.hub.state().away = true;
    let site = house.start_with(1).await;
    let kiosk = house.kiosk(&site).await;
    let text = voucher::seal(&voucher(30), &house.hub.key).unwrap();
    let mut door = house.doors.get(&id("y-door")).watch();
    let visit = welcome(kiosk.scan(&format!("{}\r\n", text.to_lowercase())).await);
    let unlocked = door.wait_for(|door| door.lock == LockLevel::Unlocked);
    timeout(DEADLINE, unlocked).await.unwrap().unwrap();
    assert_eq!(refused(kiosk.tap("0202").await), RefusalKind::NoUsableSpace, "the desk is taken");

    house.clock.advance(TimeDelta::seconds(10));
    let asked = kiosk.scan(&text).await;
    assert!(matches!(asked, Answer::AskLeaving { visit: told, .. } if told == visit), "{asked:?}");
    site.stop().await;
    let site = house.start_with(1).await;
    let kiosk = house.kiosk(&site).await;
    let asked = kiosk.scan(&text).await;
    assert!(matches!(asked, Answer::AskLeaving { visit: told, .. } if told == visit), "{asked:?}");
    kiosk.ask(&Request::Leave { visit, leaving: true, back_soon: false }).await;

    // The hub is back: it has the visit, and says that the booking was cancelled meanwhile.
    let mut cancelled = sheet(2);
    cancelled.made_at = morning() + TimeDelta::seconds(31);
    house.hub.offer(house.hub.seal(&cancelled));
    house.hub.state().away = false;
    in_force(&site, 2).await;
    assert_eq!(refused(kiosk.scan(&text).await), RefusalKind::VoidVoucher);
    // A voucher of a booking on the sheet is as good as its card, however old.
    let mut known = voucher(-1_000);
    (known.booking, known.person) = (sheet(2).bookings[0].id, sheet(2).bookings[0].person);
    let known = voucher::seal(&known, &house.hub.key).unwrap();
    let answer = kiosk.scan(&known).await;
    assert!(matches!(&answer, Answer::Welcome { space, .. } if space == "A-01"), "{answer:?}");

    mirrored(&house, &site).await;
    site.stop().await;
    let hub = house.hub.state();
    assert_eq!((hub.differed, hub.snapshots), (0, 0), "the mirror never went astray");
    let by: Vec<_> = hub
        .events
        .iter()
        .filter_map(|event| match event.what {
            Happening::CheckedIn { booking, by, .. } => Some((booking.0.as_u128(), by)),
            _ => None,
        })
        .collect();
    assert!(
        matches!(
            by[..],
            [(3, Proof::Voucher { vouched: Some(_) }), (1, Proof::Voucher { vouched: None })]
        ),
        "{by:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_voucher_of_this_region_opens_nothing() {
    let house = House::new();
    let site = house.start_with(1).await;
    let kiosk = house.kiosk(&site).await;
    let good = voucher::seal(&voucher(30), &house.hub.key).unwrap();
    let tampered = {
        let other = if good.as_bytes()[40] == b'A' { "B" } else { "A" };
        let mut text = good.clone();
        text.replace_range(40..41, other);
        text
    };
    let stranger = voucher::seal(&voucher(30), &key()).unwrap();
    let torn = &good[..good.len() - 9];
    for scanned in ["", "4902102072618", &tampered, &stranger, torn, &"A".repeat(15_000), "横浜"]
    {
        assert_eq!(refused(kiosk.scan(scanned).await), RefusalKind::UnreadableVoucher, "{scanned}");
    }
    let old = voucher::seal(&voucher(0), &house.hub.key).unwrap();
    assert_eq!(refused(kiosk.scan(&old).await), RefusalKind::VoidVoucher);
    let mut elsewhere = voucher(30);
    elsewhere.centre.0 = uuid::Uuid::from_u128(2);
    let elsewhere = voucher::seal(&elsewhere, &house.hub.key).unwrap();
    assert_eq!(refused(kiosk.scan(&elsewhere).await), RefusalKind::OtherCentre);
    let answer = kiosk.say(br#"{"ask":"voucher"}"#).await;
    assert!(matches!(answer, Answer::NotUnderstood { .. }), "{answer:?}");
    // Neither does a good one while the clock is in doubt.
    house.clock.set_by(TimeDelta::hours(2));
    assert_eq!(refused(kiosk.scan(&good).await), RefusalKind::ClockUnset);
    assert_eq!(site.view().await.unwrap().people_inside, 0);
    site.stop().await;
}
