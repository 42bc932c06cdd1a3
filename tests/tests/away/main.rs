//! The hub is away for three days: real SQLite, a real site bus, the real line between them cut; only the clock is set by
//! hand. What the site did is told afterwards once, in order and whole, and nothing was promised twice. Besides: a site
//! whose disk is full meanwhile, and one that is there twice.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod cut;
mod full_disk;
mod guests;
mod place;
mod two_agents;

use chrono::TimeDelta;
use hub::jobs::keep_leases;
use hub::service::{absence, event_chain};
use model::access::RefusalKind;
use model::care::day::CareEvent;
use model::day_sheet::DeviceKind;
use model::id::{BookingId, SpaceId};
use model::interval::Interval;
use model::site_event::{Happening, SiteEvent};
use tests::waiting::until;
use wire::request::Request;

use guests::{Did, Guests, booked};
use place::{HERE, Place, Wanted, next_quarter};

/// So long is the hub away, in steps of so many minutes.
const AWAY: TimeDelta = TimeDelta::days(3);
const STEP: TimeDelta = TimeDelta::minutes(5);
/// Somebody who never comes, to whom the hub sells what it has given to the site.
const BUYER: u128 = 1;
const SOLD_TWICE: u128 = 0x999;

#[tokio::test(flavor = "multi_thread")]
async fn three_days_without_the_hub_lose_double_and_promise_nothing_twice() {
    let place = Place::new().await;
    let hub = &place.hub;
    let begin = booked(&place, AWAY).await;
    for device in ["here-edge", "here-kiosk-1", "here-staff-1"] {
        place.enrol(device).await;
    }
    let mut site = place.start_site().await;
    let desks = lease_on_the_sheet(&place).await;

    let gone = hub.now();
    place.line.cut();
    let mut guests = Guests::new(begin);
    let mut kiosk = place.screen(&site, "here-kiosk-1", DeviceKind::Kiosk).await;
    let mut staff = place.screen(&site, "here-staff-1", DeviceKind::Staff).await;
    guests.staff_come(&staff).await;
    let mut step = 0;
    while hub.now() < gone + AWAY {
        guests.do_something(&place, &kiosk, &staff, step).await;
        if step == 40 {
            both_sell(&place, &guests, &desks).await;
        }
        // A power cut each day, in the middle of it all.
        if step % 288 == 150 {
            drop((kiosk, staff, site));
            site = place.start_site().await;
            kiosk = place.screen(&site, "here-kiosk-1", DeviceKind::Kiosk).await;
            staff = place.screen(&site, "here-staff-1", DeviceKind::Staff).await;
            guests.staff_come(&staff).await;
        }
        place.clock.advance(STEP);
        step += 1;
    }
    guests.all_leave(&place, &kiosk, &staff).await;
    let count = |kind: fn(&Did) -> bool| guests.did.iter().filter(|did| kind(did)).count();
    let walk_ins = count(|did| matches!(did, Did::WalkedIn(_)));
    let brought = count(|did| matches!(did, Did::Brought(_)));
    let came = count(|did| matches!(did, Did::CameIn(_)));
    println!(
        "{} taps, {walk_ins} walk-ins, {} vouchers, {brought} drop-offs; {} things done in {step} steps",
        guests.taps,
        guests.vouchers,
        guests.did.len()
    );
    assert!(guests.taps >= 500, "{}", guests.taps);
    assert!(walk_ins >= 10 && guests.vouchers >= 10 && brought >= 10, "a bit of everything");
    assert_eq!(
        hub.store.site_status(HERE).await.unwrap().heard_at.map(|at| at <= gone),
        Some(true)
    );

    place.line.mend();
    until("the hub to hear of the last thing", async || {
        let told = all_events(&place).await;
        (did(&told).len() >= guests.did.len()).then_some(())
    })
    .await;
    site.stop().await;
    let events = all_events(&place).await;
    let told: Vec<SiteEvent> = events.iter().map(|(_, event)| event.clone()).collect();
    let places: Vec<u64> = events.iter().map(|(place, _)| *place).collect();
    assert_eq!(places, (1..=places.len() as u64).collect::<Vec<_>>(), "without a gap, each once");
    assert!(told.is_sorted_by_key(|event| event.at), "in order");
    assert_eq!(did(&events), guests.did, "all that was done, once, in the order it was done");
    let whole = event_chain::verify(hub, HERE).await.unwrap();
    assert!(whole.is_ok(), "the chain over it is whole: {:?}", whole.err());

    assert_eq!(place.truth.overlaps().await, 0, "no desk is promised twice");
    assert_eq!(place.truth.crowded().await, 0);
    let twice =
        "SELECT COUNT(*) FROM visits a JOIN visits b ON a.space_id = b.space_id AND a.id < b.id
         AND a.checked_in_at < b.checked_out_at AND b.checked_in_at < a.checked_out_at";
    assert_eq!(place.truth.count(twice).await, 0, "no two sat at one desk");
    let visits = place.truth.count("SELECT COUNT(*) FROM visits").await;
    assert_eq!(visits, i64::try_from(came).unwrap());
    let open = "SELECT COUNT(*) FROM visits WHERE checked_out_at IS NULL";
    assert_eq!(place.truth.count(open).await, 0);

    // What the operators read of it.
    let absences = hub.store.absences(HERE).await.unwrap();
    let [absence] = absences.as_slice() else { panic!("{absences:?}") };
    assert!(absence.gone_at <= gone + STEP && absence.back_at >= gone + AWAY);
    let alone = hub.store.done_alone(HERE, absence, 20_000).await.unwrap();
    let done = absence::count(alone.iter().map(|(_, event)| event));
    assert_eq!((done.checked_in, done.checked_out), (came, came));
    assert_eq!((done.walk_ins.len(), done.vouchers), (walk_ins, guests.vouchers));
    assert_eq!(done.brought, brought);
    let unknown = done.refused.iter().find(|(why, _)| *why == RefusalKind::UnknownCard);
    assert_eq!(unknown.map(|(_, times)| *times), Some(guests.strangers));
    let last = alone.last().unwrap().0;
    let conflicts = hub.store.walk_in_conflicts(HERE, 0, last).await.unwrap();
    let sold = BookingId(uuid::Uuid::from_u128(0x1_0000 + SOLD_TWICE));
    assert!(
        !conflicts.is_empty() && conflicts.iter().all(|one| one.booking == sold),
        "{conflicts:?}"
    );
    assert!(conflicts.iter().all(|one| one.moved_to.is_none()), "they had picked the desk");
    place.stop().await;
}

/// Has the hub keep desks for walk-ins, and waits until the site has them on its sheet.
async fn lease_on_the_sheet(place: &Place) -> Vec<SpaceId> {
    let hub = &place.hub;
    until("the site to run on a sheet", async || {
        hub.store.site_status(HERE).await.unwrap().sheet_in_force
    })
    .await;
    keep_leases::run(hub).await.unwrap();
    let window = Interval::new(hub.now(), hub.now() + AWAY).unwrap();
    let leased = hub.store.leased(HERE, &window).await.unwrap();
    assert!(!leased.is_empty());
    until("the lease on the sheet in force", async || {
        let newest = hub.live.sheets.current(hub, HERE).await.unwrap().unwrap();
        let in_force = hub.store.site_status(HERE).await.unwrap().sheet_in_force;
        (!newest.sheet.lease.is_empty() && in_force == Some(newest.sheet.version)).then_some(())
    })
    .await;
    let mut desks: Vec<SpaceId> = leased.iter().map(|claim| claim.space).collect();
    desks.sort();
    desks.dedup();
    desks
}

/// The fault that must not be: the hub loses a part of the lease, and sells the desk that somebody is sitting at.
async fn both_sell(place: &Place, guests: &Guests, desks: &[SpaceId]) {
    let hub = &place.hub;
    let spaces = hub.store.spaces().await.unwrap();
    let label = guests.walked_in_at.as_deref().unwrap();
    let desk = spaces.iter().find(|space| space.label == label).unwrap().id;
    assert!(desks.contains(&desk));
    let claims = place.truth.id(desk.0);
    let lost = format!(
        "UPDATE desk_claims SET released_at = ends_at WHERE booking_id IS NULL AND space_id = {claims}"
    );
    assert!(place.truth.run(&lost).await.unwrap() > 0);
    let starts = next_quarter(hub.now());
    let when = Interval::new(starts, starts + TimeDelta::hours(2)).unwrap();
    let wanted = Wanted { person: BUYER, when, pinned: Some(desk), child: None };
    assert!(place.book(SOLD_TWICE, wanted).await.is_some(), "the hub sells it");
}

async fn all_events(place: &Place) -> Vec<(u64, SiteEvent)> {
    let mut events = Vec::new();
    loop {
        let after = events.last().map_or(0, |(place, _)| *place);
        let more = place.hub.store.events_after(HERE, after).await.unwrap();
        if more.is_empty() {
            return events;
        }
        events.extend(more);
    }
}

/// What events say of what was done.
fn did(events: &[(u64, SiteEvent)]) -> Vec<Did> {
    let what = events.iter().map(|(_, event)| &event.what);
    what.filter_map(|what| {
        Some(match what {
            Happening::WalkedIn { visit, .. } => Did::WalkedIn(*visit),
            Happening::CheckedIn { visit, .. } => Did::CameIn(*visit),
            Happening::CheckedOut { visit, .. } => Did::Left(*visit),
            Happening::SteppedOut { visit } => Did::SteppedOut(*visit),
            Happening::CameBack { visit } => Did::CameBack(*visit),
            Happening::Care(CareEvent::DroppedOff { child, .. }) => Did::Brought(*child),
            Happening::Care(CareEvent::HandedOver { child, .. }) => Did::Collected(*child),
            _ => return None,
        })
    })
    .collect()
}

/// The answer that somebody leaves for good, or goes out for a while.
fn leave(visit: model::id::VisitId, for_good: bool) -> Request {
    Request::Leave { visit, leaving: for_good, back_soon: !for_good }
}
