//! The hub is away for three days: real SQLite, a real site bus, the real line between them cut; only the clock is set by
//! hand. What the site did is told afterwards once, in order and whole, and nothing was promised twice. Besides: a site
//! whose disk is full meanwhile, and one that is there twice.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod cut;
mod full_disk;
mod guests;
mod place;
mod two_agents;

use chrono::{DateTime, TimeDelta, Utc};
use hub::jobs::keep_leases;
use hub::service::{absence, event_chain};
use model::access::RefusalKind;
use model::booking::Booking;
use model::care::day::CareEvent;
use model::day_sheet::DeviceKind;
use model::id::{BookingId, SpaceId};
use model::interval::Interval;
use model::site_event::{Happening, SiteEvent};
use tests::report::{item_of, says};
use tests::waiting::until;
use wire::request::{Answer, Request};

use guests::{BOOKED, Did, Guests, KNOWN, booked};
use place::{Desk, HERE, Place, Screen, Wanted, name, next_quarter};

/// So long is the hub away, in steps of so many minutes.
const AWAY: TimeDelta = TimeDelta::days(3);
const STEP: TimeDelta = TimeDelta::minutes(5);
/// After so long a tap is no longer the same tap again.
const SAME_TAP_OVER: TimeDelta = TimeDelta::seconds(6);
/// Who is sold what the hub has given to the site: one who picked it and comes for it, while the hub is away and after,
/// and one who may be moved.
const BUYER: u128 = 1;
const LOOSE_BUYER: u128 = KNOWN + 1;

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
    let mut guests = Guests::new(begin, AWAY);
    let mut kiosk = place.screen(&site, "here-kiosk-1", DeviceKind::Kiosk).await;
    let mut staff = place.screen(&site, "here-staff-1", DeviceKind::Staff).await;
    guests.staff_come(&staff).await;
    let mut sales = Vec::new();
    let mut step = 0;
    while hub.now() < gone + AWAY {
        guests.do_something(&place, &kiosk, &staff, step).await;
        if step == 40 {
            let desk = guests.walked_in_at.clone().unwrap();
            sales.push(both_sell(&place, &guests, &desks, &desk, (0x999, BUYER)).await);
        }
        if step == 43 {
            the_buyer_is_turned_away(&place, &mut guests, (&kiosk, &staff), &sales[0]).await;
        }
        // What somebody has left is free from the next quarter of an hour on.
        if step == 47 {
            the_buyer_has_another_desk(&place, &mut guests, &kiosk, &sales[0]).await;
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
    place.clock.advance(SAME_TAP_OVER);
    // Two who sit on, and will not have left when the hub is back, nor when their desks' buyers come.
    for (sitter, sold) in [(KNOWN, (0x99a, BUYER)), (KNOWN - 1, (0x99b, LOOSE_BUYER))] {
        guests.walks_in(&kiosk, sitter, true).await;
        let desk = guests.desk_of(sitter).unwrap().to_owned();
        sales.push(both_sell(&place, &guests, &desks, &desk, sold).await);
    }
    let alone = guests.did.clone();
    println!(
        "{} taps, {} walk-ins, {} vouchers, {} drop-offs; {} things done in {step} steps",
        guests.taps,
        count(&alone, |did| matches!(did, Did::WalkedIn(_))),
        guests.vouchers,
        count(&alone, |did| matches!(did, Did::Brought(_))),
        alone.len()
    );
    assert!(guests.taps >= 500, "{}", guests.taps);
    assert_eq!(
        hub.store.site_status(HERE).await.unwrap().heard_at.map(|at| at <= gone),
        Some(true)
    );

    place.line.mend();
    all_is_told(&place, &guests).await;
    let moved = is_reported(&place, gone, &alone, &guests, &sales).await;
    the_buyers_come_at_last(&place, &mut guests, &kiosk, &sales[1..], &moved).await;
    guests.all_leave(&place, &kiosk, &staff).await;
    all_is_told(&place, &guests).await;
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
    assert_eq!(place.truth.sat_together().await, 0, "no two sat at one desk");
    let visits = place.truth.count("SELECT COUNT(*) FROM visits").await;
    let came = count(&guests.did, |did| matches!(did, Did::CameIn(_)));
    assert_eq!(visits, i64::try_from(came).unwrap());
    let open = "SELECT COUNT(*) FROM visits WHERE checked_out_at IS NULL";
    assert_eq!(place.truth.count(open).await, 0);
    place.stop().await;
}

/// What the hub has sold though the site has given it away.
struct Sale {
    /// The desk, and who sits there.
    desk: String,
    sitter: u128,
    buyer: u128,
    booking: Booking,
}

/// The fault that must not be: the hub loses a part of the lease, and sells the desk that somebody is sitting at.
async fn both_sell(
    place: &Place,
    guests: &Guests,
    leased: &[SpaceId],
    desk: &str,
    (number, buyer): (u128, u128),
) -> Sale {
    let hub = &place.hub;
    let spaces = hub.store.spaces().await.unwrap();
    let space = spaces.iter().find(|space| space.label == desk).unwrap().id;
    assert!(leased.contains(&space));
    let lost = format!(
        "UPDATE desk_claims SET released_at = ends_at WHERE booking_id IS NULL AND space_id = {}",
        place.truth.id(space.0)
    );
    assert!(place.truth.run(&lost).await.unwrap() > 0);
    let starts = next_quarter(hub.now());
    let when = Interval::new(starts, starts + TimeDelta::hours(2)).unwrap();
    let wanted = Wanted {
        person: buyer,
        when,
        desk: if buyer == BUYER { Desk::Picked(space) } else { Desk::Given(space) },
        child: None,
    };
    let booking = place.book(number, wanted).await.unwrap();
    let (desk, sitter) = (desk.to_owned(), guests.at(desk).unwrap());
    Sale { desk, sitter, buyer, booking }
}

/// Whoever sits there stays; the buyer is told that there is no desk. Then somebody goes.
async fn the_buyer_is_turned_away(
    place: &Place,
    guests: &mut Guests,
    (kiosk, staff): (&Screen, &Screen),
    sale: &Sale,
) {
    let refused = guests.comes_with_voucher(place, kiosk, &sale.booking).await;
    assert_eq!(refused, Err(RefusalKind::NoUsableSpace));
    guests.still_sits(place, kiosk, &sale.desk).await;
    guests.makes_room(place, kiosk, staff, &sale.desk).await;
}

async fn the_buyer_has_another_desk(
    place: &Place,
    guests: &mut Guests,
    kiosk: &Screen,
    sale: &Sale,
) {
    assert_eq!(guests.comes_with_voucher(place, kiosk, &sale.booking).await, Ok(()));
    assert_ne!(guests.desk_of(BUYER), Some(sale.desk.as_str()));
    guests.still_sits(place, kiosk, &sale.desk).await;
}

/// With the hub back, whoever sits there stays: one buyer is told so and offered another desk where one is kept, the other
/// was moved to one.
async fn the_buyers_come_at_last(
    place: &Place,
    guests: &mut Guests,
    kiosk: &Screen,
    sales: &[Sale],
    moved: &str,
) {
    let [picked, loose] = sales else { panic!("two are sold") };
    keep_leases::run(&place.hub).await.unwrap();
    on_the_newest_sheet(place).await;
    place.clock.advance(SAME_TAP_OVER);
    match kiosk.tap(BUYER).await {
        Answer::Refused { why: RefusalKind::NoUsableSpace, offer, .. } => {
            if let Some(offer) = offer {
                guests.takes(kiosk, BUYER, &offer).await;
            }
        }
        other => panic!("{other:?}"),
    }
    guests.comes(kiosk, LOOSE_BUYER).await;
    assert_eq!(guests.desk_of(LOOSE_BUYER), Some(moved));
    for sale in [picked, loose] {
        guests.still_sits(place, kiosk, &sale.desk).await;
        assert_eq!(guests.at(&sale.desk), Some(sale.sitter));
    }
}

/// What the operators read of it, once the hub is back; answers to which desk it has moved who could be moved.
async fn is_reported(
    place: &Place,
    gone: DateTime<Utc>,
    alone: &[Did],
    guests: &Guests,
    sales: &[Sale],
) -> String {
    let hub = &place.hub;
    let came = count(alone, |did| matches!(did, Did::CameIn(_)));
    let left = count(alone, |did| matches!(did, Did::Left(_)));
    let walk_ins = count(alone, |did| matches!(did, Did::WalkedIn(_)));
    let brought = count(alone, |did| matches!(did, Did::Brought(_)));
    let collected = count(alone, |did| matches!(did, Did::Collected(_)));
    assert!(walk_ins >= 10 && guests.vouchers >= 10 && brought >= 10, "a bit of everything");
    // The last day's may begin after its end.
    assert!(came >= 2 * BOOKED + walk_ins + guests.vouchers, "with a booking they come each day");
    let absences = hub.store.absences(HERE).await.unwrap();
    let [absence] = absences.as_slice() else { panic!("{absences:?}") };
    assert!(absence.gone_at <= gone + STEP && absence.back_at >= gone + AWAY);
    let told = hub.store.done_alone(HERE, absence, 20_000).await.unwrap();
    let done = absence::count(told.iter().map(|(_, event)| event));
    assert_eq!((done.checked_in, done.checked_out), (came, left));
    assert_eq!((done.walk_ins.len(), done.vouchers), (walk_ins, guests.vouchers));
    assert_eq!((done.brought, done.collected), (brought, collected));
    let times = |why: RefusalKind| {
        done.refused.iter().find(|(known, _)| *known == why).map_or(0, |one| one.1)
    };
    assert_eq!(times(RefusalKind::UnknownCard), guests.strangers);
    let no_desk = times(RefusalKind::NoUsableSpace);
    assert!(no_desk > 0, "a buyer was turned away");

    let last = told.last().unwrap().0;
    let conflicts = hub.store.walk_in_conflicts(HERE, 0, last).await.unwrap();
    let sold = |booking: BookingId| sales.iter().any(|sale| sale.booking.id == booking);
    assert!(conflicts.iter().all(|one| sold(one.booking)), "{conflicts:?}");
    let list = place.operator_reads("/operations/here/reports").await;
    assert!(list.contains("number=1") && !list.contains("number=2"), "{list}");
    let page = place.operator_reads("/operations/here/reports?number=1").await;
    for (what, times) in [
        ("入館", came),
        ("退館", left),
        ("予約なしの利用", walk_ins),
        ("QRコードで確かめた予約", guests.vouchers),
        ("登園したお子さま", brought),
        ("お迎えが済んだお子さま", collected),
        ("断った：登録のないカード", guests.strangers),
        ("断った：使える席がありません", no_desk),
    ] {
        assert!(says(&page, what, times), "{what} {times}: {page}");
    }
    let mut moved_to = None;
    for Sale { desk, sitter, buyer, booking } in sales {
        let row = item_of(&page, &booking.id.to_string()).unwrap();
        assert!(row.contains(&format!("席 {desk} ")), "{row}");
        assert!(row.contains(&format!("予約なしの利用：{}<", name(*sitter))), "{row}");
        assert!(row.contains(&format!(">{}</a>", name(*buyer))), "{row}");
        assert!(page.contains(&format!(">{}</td>", name(*sitter))), "among those who walked in");
        let now = hub.store.booking(booking.id).await.unwrap().unwrap().desks[0].space;
        let mut theirs = conflicts.iter().filter(|one| one.booking == booking.id);
        let moves = theirs.clone().any(|one| one.moved_to.is_some());
        assert_eq!(moves, *buyer == LOOSE_BUYER, "who has picked a desk keeps it");
        let open = item_of(&list, &booking.id.to_string());
        if moves {
            assert!(theirs.all(|one| one.moved_to == Some(now)) && now != booking.desks[0].space);
            let spaces = hub.store.spaces().await.unwrap();
            let label = spaces.into_iter().find(|space| space.id == now).unwrap().label;
            assert!(row.contains(&format!("席 {label} に移しました")), "{row}");
            moved_to = Some(label);
        } else {
            assert_eq!(now, booking.desks[0].space);
            let comes = booking.desks[0].when.ends() > hub.now();
            assert_eq!(open.is_some(), comes, "somebody has to find another desk: {list}");
            assert_eq!(row.contains("対応が必要"), comes, "{row}");
        }
    }
    moved_to.unwrap()
}

fn count(did: &[Did], wanted: fn(&Did) -> bool) -> usize {
    did.iter().filter(|did| wanted(did)).count()
}

/// Waits until the hub has heard of all that was done.
async fn all_is_told(place: &Place, guests: &Guests) {
    until("the hub to hear of the last thing", async || {
        let told = all_events(place).await;
        (did(&told).len() >= guests.did.len()).then_some(())
    })
    .await;
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
    on_the_newest_sheet(place).await;
    let mut desks: Vec<SpaceId> = leased.iter().map(|claim| claim.space).collect();
    desks.sort();
    desks.dedup();
    desks
}

/// Waits until the site runs on the newest sheet, which lists a lease.
async fn on_the_newest_sheet(place: &Place) {
    let hub = &place.hub;
    until("the lease on the sheet in force", async || {
        let newest = hub.live.sheets.current(hub, HERE).await.unwrap().unwrap();
        let in_force = hub.store.site_status(HERE).await.unwrap().sheet_in_force;
        (!newest.sheet.lease.is_empty() && in_force == Some(newest.sheet.version)).then_some(())
    })
    .await;
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
