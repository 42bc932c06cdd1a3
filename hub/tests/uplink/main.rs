//! The port for sites, from enrolment to the end of a stream, against a hub in this process.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod care;
mod devices;
mod nursery;
mod orders;
mod record;
mod support;

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Asia::Tokyo;
use hub::jobs::{self, release_no_shows};
use hub::service::cards::offers;
use model::booking::{Booking, BookingStatus};
use model::card::{CardLevel, CardState};
use model::centre::Holiday;
use model::id::{CredentialId, VisitId};
use model::language::{Language, LocalText};
use model::site_event::{Happening, Proof, SiteEvent, Vouched};
use store::{CardChange, OfferTaken, TakeOffer};
use support::{CARD, DEADLINE, Edge, HERE, Region, THERE, Told, WORKER, problem};
use tokio::time::timeout;
use twin::Twin;
use uuid::Uuid;
use wire::cards::{CardOffered, OfferCard, Reference};
use wire::credential::{CardReference, RegionCardKey};
use wire::event::{Batch, Gap, MOST_EVENTS, SiteSnapshot, Taken};
use wire::identity::IdentityError;
use wire::sheet::{SheetAck, SignedManifest, Trust};

fn batch(first: u64, events: Vec<SiteEvent>, told_until: DateTime<Utc>) -> Batch {
    let events = events.into_iter().map(Into::into).collect();
    Batch { first, events, told_until, ..Batch::default() }
}

fn started(at: DateTime<Utc>) -> SiteEvent {
    SiteEvent { at, what: Happening::Started }
}

fn checked_in(booking: &Booking, at: DateTime<Utc>) -> SiteEvent {
    let what = Happening::CheckedIn {
        visit: VisitId(Uuid::from_u128(0x50)),
        person: booking.person,
        booking: booking.id,
        space: booking.desks[0].space,
        by: Proof::Card { credential: CredentialId(Uuid::from_u128(0x40)) },
    };
    SiteEvent { at, what }
}

async fn taken(edge: &Edge, batch: &Batch) -> Taken {
    let answer = edge.tell(batch).await;
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

fn trust(region: &Region, in_force: u64) -> Trust {
    Trust { keys: vec![region.hub.keys.sheet.public()], centre: Some(HERE), in_force }
}

fn sheet(told: Option<wire::event::Told>) -> u64 {
    let Some(wire::event::Told::Sheet { version }) = told else { unreachable!("{told:?}") };
    version
}

fn no_show(booking: &Booking) -> Happening {
    let claim = &booking.desks[0];
    let (space, starts_at) = (claim.space, claim.when.starts());
    Happening::NoShow { booking: booking.id, space, starts_at }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_enrols_its_device_once() {
    let region = Region::start().await;
    let code = region.code("here-edge").await;
    let status = |result: Result<_, IdentityError>| match result {
        Err(IdentityError::Refused { status, why }) => (status, why),
        Err(other) => unreachable!("{other}"),
        Ok(_) => (200, String::new()),
    };

    let nobody = region.stranger(None);
    for (body, want) in [
        (b"{\"code\":".to_vec(), (400, "/problems/malformed")),
        (b"{}".to_vec(), (400, "/problems/malformed")),
        (vec![b' '; 20_000], (413, "/problems/too-large")),
        (
            serde_json::to_vec(&serde_json::json!({"code": "K1-X-Y", "csr_pem": ""})).unwrap(),
            (400, "/problems/malformed"),
        ),
        // A request that nobody can sign does not use the code up.
        (
            serde_json::to_vec(&serde_json::json!({"code": code, "csr_pem": "none"})).unwrap(),
            (400, "/problems/malformed"),
        ),
    ] {
        let (status, kind) = problem(nobody.post_bytes("enrol", body).await).await;
        assert_eq!((status, kind.as_str()), want);
    }

    let identity = region.enrol_with(&code, "here-edge").await.unwrap();
    assert_eq!(identity.device().as_str(), "here-edge");
    assert_eq!(
        identity.region_card_key(),
        Some(&region.hub.keys.region_cards.now().newest().bytes[..])
    );
    let (refused, why) = status(region.enrol_with(&code, "again").await);
    assert_eq!(refused, 410);
    assert!(why.contains("ask the operator for a new one"), "{why}");

    let kiosk = region.enrol_with(&region.code("here-kiosk-1").await, "kiosk").await.unwrap();
    assert_eq!(kiosk.region_card_key(), None);

    let late = region.code("there-edge").await;
    region.clock.advance(TimeDelta::hours(24));
    assert_eq!(status(region.enrol_with(&late, "late").await).0, 410);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_enrolled_edge_gets_past_the_door() {
    let region = Region::start().await;
    let refused = async |caller: &Edge| problem(caller.get("sheet").await).await;
    let answer = |status, name: &str| (status, format!("/problems/{name}"));
    assert_eq!(refused(&region.stranger(None)).await, answer(401, "no-certificate"));
    let ghost = region.stranger(Some("ghost-edge"));
    assert_eq!(refused(&ghost).await, answer(403, "unknown-device"));
    // The right name from the right authority, but not the certificate that was recorded.
    let twin = region.stranger(Some("here-edge"));
    assert_eq!(refused(&twin).await, answer(403, "certificate-replaced"));
    let kiosk = region.edge("here-kiosk-1").await;
    assert_eq!(refused(&kiosk).await, answer(403, "not-allowed"));
    for path in ["sheet/sections/00", "stream"] {
        assert_eq!(ghost.get(path).await.status(), 403, "{path}");
    }
    for path in ["events", "sheet/ack"] {
        assert_eq!(ghost.post_bytes(path, Vec::new()).await.status(), 403, "{path}");
    }

    let edge = region.edge("here-edge").await;
    assert_eq!(edge.get("sheet").await.status(), 200);
    assert_eq!(refused_path(&edge, "nothing").await, answer(404, "not-found"));

    let mut line = Told::open(&edge).await;
    sheet(line.next().await);
    let again = region.edge("here-edge").await;
    assert_eq!(refused(&edge).await, answer(403, "certificate-replaced"));
    assert_eq!(line.next().await, None, "the stream of the old certificate ends");
    assert_eq!(again.get("sheet").await.status(), 200);
}

async fn refused_path(edge: &Edge, path: &str) -> (u16, String) {
    problem(edge.get(path).await).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_is_told_when_it_is_by_the_hubs_clock() {
    let region = Region::start().await;
    let edge = region.edge("here-edge").await;
    region.clock.advance(TimeDelta::hours(30));
    for path in ["sheet", "no-such-thing"] {
        let answer = edge.get(path).await;
        let date = answer.headers()["date"].to_str().unwrap();
        let date = DateTime::parse_from_rfc2822(date).unwrap();
        assert_eq!(date.timestamp(), region.hub.now().timestamp(), "{path}: {}", answer.status());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_taken_once_and_in_order() {
    let region = Region::start().await;
    let edge = region.edge("here-edge").await;
    let now = region.hub.now();
    let log = async || region.hub.store.events_after(HERE, 0).await.unwrap().len();

    let two = batch(1, vec![started(now), started(now)], now);
    let (one, other) = tokio::join!(taken(&edge, &two), taken(&edge, &two));
    assert_eq!((one.reached, other.reached, log().await), (2, 2, 2));
    assert_eq!(taken(&edge, &two).await.reached, 2);

    let answer = edge.tell(&batch(5, vec![started(now)], now)).await;
    assert_eq!(answer.status(), 409);
    assert_eq!(answer.json::<Gap>().await.unwrap(), Gap { expected: 3 });

    // One known, one new.
    let overlapping = batch(2, vec![started(now), started(now)], now);
    assert_eq!(taken(&edge, &overlapping).await.reached, 3);
    assert_eq!(taken(&edge, &batch(4, Vec::new(), now)).await.reached, 3);
    assert_eq!(log().await, 3);

    for (body, want) in [
        (b"".to_vec(), 400),
        (b"{\"first\":1".to_vec(), 400),
        (b"[]".to_vec(), 400),
        (b"\xff\xfe".to_vec(), 400),
        (b"{\"first\":1,\"events\":[{\"at\":\"now\"}],\"told_until\":\"never\"}".to_vec(), 400),
        (serde_json::to_vec(&batch(0, Vec::new(), now)).unwrap(), 400),
        (vec![b' '; 2 << 20], 413),
        (serde_json::to_vec(&batch(4, vec![started(now); MOST_EVENTS + 1], now)).unwrap(), 413),
    ] {
        let sent = edge.post_bytes("events", body).await;
        assert_eq!(problem(sent).await.0, want);
    }
    assert_eq!(log().await, 3);
    assert_eq!(region.hub.store.events_after(THERE, 0).await.unwrap(), []);
    let site = region.hub.store.site_status(HERE).await.unwrap();
    assert_eq!((site.reached, site.told_until), (3, Some(now)));
    // A clock that is ahead says nothing of the future.
    taken(&edge, &batch(4, Vec::new(), now + TimeDelta::hours(9))).await;
    assert_eq!(region.hub.store.site_status(HERE).await.unwrap().told_until, Some(now));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_is_on_the_sheet_at_once() {
    let region = Region::start().await;
    let edge = region.edge("here-edge").await;
    let mut line = Told::open(&edge).await;
    let first = sheet(line.next().await);
    let (before, _) = edge.sheet(&trust(&region, 0), region.hub.now()).await;
    assert_eq!((before.version, before.bookings.len()), (first, 0));
    assert_eq!((before.site.spaces.len(), before.site.doors.len()), (2, 1));
    assert_eq!(before.devices.len(), 2);

    let booking = region.book(1, 60, 120).await;
    let second = sheet(line.next().await);
    assert!(second > first);
    let (after, salt) = edge.sheet(&trust(&region, first), region.hub.now()).await;
    assert_eq!(after.bookings[0].id, booking.id);
    assert_eq!(after.bookings[0].desks[0].space, booking.desks[0].space);
    assert_eq!(after.people[0].id, WORKER);
    let card_key = RegionCardKey::new(&region.hub.keys.region_cards.now().newest().bytes);
    assert_eq!(after.credentials[0].digest, card_key.reference(CARD).on_sheet(&salt));

    // The same plan keeps its sheet, and another hub on the same data would make it too.
    assert_eq!(edge.sheet(&trust(&region, first), region.hub.now()).await, (after, salt));

    let centre = region.centre(HERE).await;
    region.hub.store.cancel(booking.id, &centre, region.hub.now(), &[]).await.unwrap().unwrap();
    // Without a word to this hub, as another hub would: found out within a second.
    let third = sheet(line.next().await);
    assert_eq!(edge.sheet(&trust(&region, second), region.hub.now()).await.0.bookings, []);

    for (body, want) in [
        (serde_json::to_vec(&SheetAck { version: third, ..SheetAck::default() }).unwrap(), 204),
        (serde_json::to_vec(&SheetAck { version: third + 1, ..SheetAck::default() }).unwrap(), 400),
        (b"{".to_vec(), 400),
    ] {
        assert_eq!(edge.post_bytes("sheet/ack", body).await.status(), want);
    }
    let site = region.hub.store.site_status(HERE).await.unwrap();
    assert_eq!(site.sheet_in_force, Some(third));

    // A plan that never changes still gets a new sheet in time.
    region.clock.advance(TimeDelta::hours(6));
    assert!(sheet(line.next().await) > third);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_on_its_own_knows_of_a_holiday_on_its_last_day() {
    let region = Region::start().await;
    let edge = region.edge("here-edge").await;
    let (before, _) = edge.sheet(&trust(&region, 0), region.hub.now()).await;
    let last = before.not_after.with_timezone(&Tokyo).date_naive();
    let add = async |date| {
        let name = LocalText::new("祝日", "A holiday");
        let holiday = Holiday { date, name, source: "test".to_owned() };
        region.hub.store.add_holidays(&[holiday]).await.unwrap();
    };
    add(last).await;
    let (after, salt) = edge.sheet(&trust(&region, before.version), region.hub.now()).await;
    assert!(after.version > before.version, "the site takes no other content of the same version");
    assert_eq!(after.site.holidays, BTreeSet::from([last]));
    // One that it will not live to see changes nothing.
    add(last.succ_opt().unwrap()).await;
    let same = edge.sheet(&trust(&region, before.version), region.hub.now()).await;
    assert_eq!(same, (after, salt));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_with_a_key_is_offered_and_stands_on_the_sheet_by_key_and_identifier() {
    let region = Region::start().await;
    let edge = region.edge("here-edge").await;
    let cards = region.hub.keys.region_cards.now();
    let kept = [cards.newest().key_reference(&[4; 65]), cards.newest().reference(&[4, 9, 9, 9])];
    let [key, identifier] = kept.map(|kept| Reference {
        generation: kept.generation,
        reference: CardReference(kept.reference),
    });
    let offer = |keys: &[Reference], references: &[Reference]| OfferCard {
        kiosk: "here-kiosk-1".parse().unwrap(),
        references: references.to_vec(),
        keys: keys.to_vec(),
    };
    let old = Reference { generation: 9, ..key };
    let refused = edge.post("cards/offers", &offer(&[old], &[identifier])).await;
    assert_eq!(problem(refused).await.0, 409, "not under the newest key");
    let offered = edge.post("cards/offers", &offer(&[key], &[identifier])).await;
    let offered: CardOffered = offered.json().await.unwrap();
    let take = TakeOffer {
        code: offers::digest(&region.hub, offered.code.parse().unwrap()),
        centre: None,
        id: CredentialId(Uuid::from_u128(0x41)),
        person: WORKER,
        label: "key".to_owned(),
        valid_until: None,
        replaces: None,
        change: CardChange { at: region.hub.now(), by: Some(WORKER), why: String::new() },
    };
    let taken = region.hub.store.take_offer(&take).await.unwrap();
    assert!(matches!(taken, OfferTaken::Done(_)));

    let booking = region.book(1, 60, 120).await;
    let (sheet, salt) = edge.sheet(&trust(&region, 0), region.hub.now()).await;
    let rows = |level| {
        let mut rows = sheet.credentials.iter().filter(move |row| row.credential == take.id);
        rows.find(|row| row.level == level).unwrap().clone()
    };
    for (level, reference) in [(CardLevel::Key, key), (CardLevel::Identifier, identifier)] {
        let row = rows(level);
        assert_eq!((row.digest, row.least), (reference.reference.on_sheet(&salt), CardLevel::Key));
    }
    let copy = edge.post("cards/offers", &offer(&[], &[identifier])).await;
    assert_eq!(problem(copy).await.0, 409, "somebody's");

    // Lost, and its holder nobody who is expected: stopped all the same.
    let lost = CardChange { at: region.hub.now(), by: Some(WORKER), why: String::new() };
    let active = [CardState::Active];
    assert!(region.hub.store.change_card(take.id, &active, CardState::Lost, &lost).await.unwrap());
    let (sheet, _) = edge.sheet(&trust(&region, sheet.version), region.hub.now()).await;
    assert_eq!(sheet.stopped, [], "it is listed as blocked");
    let centre = region.centre(HERE).await;
    region.hub.store.cancel(booking.id, &centre, region.hub.now(), &[]).await.unwrap().unwrap();
    let (sheet, salt) = edge.sheet(&trust(&region, sheet.version), region.hub.now()).await;
    let mut stopped = [key, identifier].map(|known| known.reference.on_sheet(&salt));
    stopped.sort();
    let mut listed = sheet.stopped.clone();
    listed.sort();
    assert_eq!((sheet.credentials.len(), listed), (0, stopped.to_vec()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_sees_its_own_sheet_only() {
    let region = Region::start().await;
    let (here, there) = (region.edge("here-edge").await, region.edge("there-edge").await);
    let booking = region.book(1, 60, 120).await;
    let (mine, _) = here.sheet(&trust(&region, 0), region.hub.now()).await;
    assert_eq!(mine.bookings[0].id, booking.id);
    let elsewhere = Trust { centre: Some(THERE), ..trust(&region, 0) };
    let (theirs, _) = there.sheet(&elsewhere, region.hub.now()).await;
    assert_eq!((theirs.site.centre, theirs.bookings.len(), theirs.people.len()), (THERE, 0, 0));

    let signed: SignedManifest = here.get("sheet").await.json().await.unwrap();
    let manifest = wire::sheet::check(&signed, &trust(&region, 0), region.hub.now()).unwrap();
    let path = format!("sheet/sections/{}", manifest.sections[1].sha256);
    assert_eq!(here.get(&path).await.status(), 200);
    assert_eq!(there.get(&path).await.status(), 404);

    // A booking of another centre cannot be touched by what a site tells.
    let now = region.hub.now();
    let no_show = no_show(&booking);
    taken(&there, &batch(1, vec![SiteEvent { at: now + TimeDelta::hours(2), what: no_show }], now))
        .await;
    let stands = region.hub.store.booking(booking.id).await.unwrap().unwrap();
    assert_eq!(stands.status, BookingStatus::Confirmed);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mirror_follows_and_mends_itself() {
    let region = Region::start().await;
    let edge = region.edge("here-edge").await;
    let booking = region.book(1, 0, 120).await;
    let mut seen = region.hub.live.watch(&region.hub, HERE).await.unwrap();
    assert_eq!(seen.borrow_and_update().view.spaces.len(), 2);

    let now = region.hub.now();
    let mut site = Twin::new();
    let events = vec![started(now), checked_in(&booking, now)];
    for event in &events {
        site.apply(event);
    }
    let told = Batch { state: Some(site.state_hash()), ..batch(1, events, now) };
    assert_eq!(taken(&edge, &told).await, Taken { reached: 2, ..Taken::default() });
    let shown = timeout(DEADLINE, seen.wait_for(|seen| seen.view.people_inside == 1)).await;
    assert_eq!(shown.unwrap().unwrap().site.reached, 2);

    // The site knows of something that the hub was never told.
    site.apply(&started(now + TimeDelta::seconds(1)));
    let told = Batch { state: Some(site.state_hash()), ..batch(3, Vec::new(), now) };
    assert!(taken(&edge, &told).await.want_snapshot);
    let state = serde_json::to_value(site.snapshot()).unwrap();
    for (place, state, want) in [
        (2, serde_json::json!({"visits": "many"}), 400),
        (1_000_000, state.clone(), 409),
        (2, state, 204),
    ] {
        assert_eq!(edge.put("snapshot", &SiteSnapshot { place, state }).await.status(), want);
    }
    assert!(!taken(&edge, &told).await.want_snapshot);

    // A hub that starts anew begins from what was kept.
    let fresh = hub::hub::Hub { live: std::sync::Arc::default(), ..region.hub.clone() };
    assert!(!fresh.live.differs(&fresh, HERE, 2, told.state.as_deref()).await.unwrap());
    let view = fresh.live.watch(&fresh, HERE).await.unwrap();
    assert_eq!(view.borrow().view.people_inside, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_on_a_voucher_counts_though_the_booking_was_given_up_meanwhile() {
    let region = Region::start().await;
    let edge = region.edge("here-edge").await;
    let booking = region.book(1, 0, 120).await;
    let centre = region.centre(HERE).await;
    let now = region.hub.now();
    region.hub.store.cancel(booking.id, &centre, now, &[]).await.unwrap().unwrap();
    let mut event = checked_in(&booking, now);
    let until = now + TimeDelta::minutes(120);
    if let Happening::CheckedIn { by, .. } = &mut event.what {
        let vouched = Some(Vouched { until, language: Language::En });
        *by = Proof::Voucher { vouched };
    }
    let mut site = Twin::new();
    site.apply(&event);
    let told = Batch { state: Some(site.state_hash()), ..batch(1, vec![event.clone()], now) };
    assert_eq!(taken(&edge, &told).await, Taken { reached: 1, ..Taken::default() });
    assert_eq!(region.hub.store.events_after(HERE, 0).await.unwrap(), [(1, event)]);
    let mut seen = region.hub.live.watch(&region.hub, HERE).await.unwrap();
    let shown = timeout(DEADLINE, seen.wait_for(|seen| seen.view.people_inside == 1)).await;
    let shown = shown.unwrap().unwrap().clone();
    let space = shown.view.spaces.iter().find(|space| space.space == booking.desks[0].space);
    assert_eq!(space.unwrap().until, Some(until), "no sheet has the booking any more");
    let visits = region.hub.store.visits_of(WORKER).await.unwrap();
    assert!(matches!(&visits[..], [visit] if visit.booking == booking.id), "{visits:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_is_given_free_on_the_sites_word_only() {
    let region = Region::start().await;
    let edge = region.edge("here-edge").await;
    let (missed, kept) = (region.book(1, 0, 120).await, region.book(2, 0, 120).await);
    let begins = region.hub.now();
    let status = async |booking: &Booking| {
        region.hub.store.booking(booking.id).await.unwrap().unwrap().status
    };
    let (sheet, _) = edge.sheet(&trust(&region, 0), begins).await;
    let ack = SheetAck { version: sheet.version, ..SheetAck::default() };
    assert_eq!(edge.post("sheet/ack", &ack).await.status(), 204);
    taken(&edge, &batch(1, vec![checked_in(&kept, begins)], begins)).await;

    region.clock.advance(TimeDelta::minutes(45));
    assert_eq!(release_no_shows::run(&region.hub).await.unwrap(), 0, "the line is silent");
    taken(&edge, &batch(2, Vec::new(), begins + TimeDelta::minutes(29))).await;
    assert_eq!(release_no_shows::run(&region.hub).await.unwrap(), 0, "not told far enough");
    assert_eq!(status(&missed).await, BookingStatus::Confirmed);

    taken(&edge, &batch(2, Vec::new(), begins + TimeDelta::minutes(30))).await;
    jobs::enqueue(&region.hub).await.unwrap();
    jobs::work(&region.hub, "test").await.unwrap();
    // A worker of the running hub may have been the one to do it.
    timeout(DEADLINE, async {
        while status(&missed).await != BookingStatus::NoShow {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    assert_eq!(status(&kept).await, BookingStatus::Confirmed);
    assert_eq!(release_no_shows::run(&region.hub).await.unwrap(), 0, "once is enough");

    // The site itself may say so, too.
    let third = region.book(3, 0, 60).await;
    let at = region.clock.advance(TimeDelta::minutes(31));
    let event = SiteEvent { at, what: no_show(&third) };
    taken(&edge, &batch(2, vec![event], at)).await;
    assert_eq!(status(&third).await, BookingStatus::NoShow);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_ends_open_streams_and_health_is_told_until_then() {
    let mut region = Region::start().await;
    let edge = region.edge("here-edge").await;
    let mut line = Told::open(&edge).await;
    sheet(line.next().await);
    let mut seen = region.hub.live.watch(&region.hub, HERE).await.unwrap();
    taken(&edge, &batch(1, vec![started(region.hub.now())], region.hub.now())).await;

    let people = reqwest::Client::builder().no_proxy().build().unwrap();
    for (path, want) in [
        ("/healthz", "ok\n"),
        ("/readyz", "ready\n"),
        ("/metrics", "kyoten_sites_connected 1\n"),
        ("/metrics", "kyoten_site_events_total 1\n"),
    ] {
        let answer = people.get(format!("{}{path}", region.people)).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let text = answer.text().await.unwrap();
        assert!(text.ends_with(want) || text.contains(&format!("\n{want}")), "{path}: {text}");
    }

    region.stop().await;
    assert_eq!(line.next().await, None);
    let closed = async { while seen.changed().await.is_ok() {} };
    timeout(DEADLINE, closed).await.unwrap();
}
