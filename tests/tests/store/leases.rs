//! The walk-in lease: nobody else is sold it, it comes back when the site says so, and what the site does with it stands.

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use model::booking::{Booking, BookingStatus, DeskNeeds};
use model::centre::{Centre, CentreSettings, SpaceKind};
use model::id::{BookingId, DeviceId, PersonId, SpaceId, VisitId};
use model::interval::Interval;
use model::sensor::{Measure, Reading, SensorId, SensorPlace, SensorState};
use model::site_event::{Happening, Proof, SiteEvent, Weight};
use model::terminal::TerminalState;
use store::{Absence, BookResult, EventBatch, EventsTaken, LeaseKept, NoRoom};

use crate::ground::{Ground, at, slot};
use crate::waiting::{entry, spares};

/// A centre with so many desks that keeps some of them for walk-ins of this day and the next.
async fn keeping(ground: &Ground, desks: usize, kept: u32) -> (Centre, Vec<SpaceId>) {
    let (centre, desks) = ground.centre_with_desks(desks).await;
    (with_desks(&centre, kept), desks)
}

fn with_desks(centre: &Centre, kept: u32) -> Centre {
    let settings =
        CentreSettings { walk_in_desks: kept, walk_in_hours: 24, ..centre.settings.clone() };
    Centre { settings, ..centre.clone() }
}

fn ever() -> Interval {
    slot(-3, 0, 24 * 10)
}

async fn keep(ground: &Ground, centre: &Centre, now: DateTime<Utc>) -> LeaseKept {
    ground.store.keep_lease(centre, now, ground.id()).await.unwrap()
}

/// Makes the sheet of what is leased now, and answers its version.
async fn sheet(ground: &Ground, centre: &Centre, now: DateTime<Utc>) -> u64 {
    let lease = ground.store.leased(centre.id, &ever()).await.unwrap();
    let ids: Vec<_> = lease.iter().map(|leased| leased.claim).collect();
    let mut content = [0; 32];
    content[..8].copy_from_slice(&ground.number().to_be_bytes());
    let made = ground.store.next_sheet_listing(centre.id, &content, &ids, now).await.unwrap();
    made.unwrap().0
}

/// Tells events that follow those told before.
async fn tell(
    ground: &Ground,
    centre: &Centre,
    now: DateTime<Utc>,
    events: Vec<(DateTime<Utc>, Happening)>,
) -> u64 {
    let first = ground.store.site_status(centre.id).await.unwrap().reached + 1;
    let events: Vec<_> = events.into_iter().map(|(at, what)| SiteEvent { at, what }).collect();
    let batch = EventBatch {
        centre: centre.clone(),
        edge: "yokohama-edge".parse().unwrap(),
        first,
        told_until: now,
        events,
        at: now,
        spare: spares(ground, 4),
    };
    let taken = ground.store.take_events(&batch).await.unwrap();
    assert_eq!(taken, EventsTaken::Reached(first + batch.events.len() as u64 - 1));
    first
}

/// The site runs on this sheet, and all that it did before has been told.
async fn in_force(ground: &Ground, centre: &Centre, version: u64, now: DateTime<Utc>) {
    ground.store.ack_sheet(centre.id, version, now).await.unwrap();
    tell(ground, centre, now, vec![(now, Happening::SheetInForce { version })]).await;
}

/// The lease, once a site has it on its sheet.
async fn leased(ground: &Ground, centre: &Centre, now: DateTime<Utc>) -> Vec<(SpaceId, Interval)> {
    ground.store.ack_sheet(centre.id, 0, now).await.unwrap();
    keep(ground, centre, now).await;
    let version = sheet(ground, centre, now).await;
    in_force(ground, centre, version, now).await;
    lease(ground, centre).await
}

async fn lease(ground: &Ground, centre: &Centre) -> Vec<(SpaceId, Interval)> {
    let mut lease: Vec<_> = ground.store.leased(centre.id, &ever()).await.unwrap();
    lease.sort_by_key(|leased| (leased.when, leased.space));
    lease.into_iter().map(|leased| (leased.space, leased.when)).collect()
}

async fn free_returned(ground: &Ground, centre: &Centre, now: DateTime<Utc>) -> usize {
    ground.store.free_returned_lease(centre, now, &spares(ground, 4)).await.unwrap()
}

/// Somebody who was given a space at `came`, as their site tells it.
struct WalkIn {
    person: PersonId,
    visit: VisitId,
    booking: BookingId,
    space: SpaceId,
    came: DateTime<Utc>,
    until: DateTime<Utc>,
}

impl WalkIn {
    async fn of(
        ground: &Ground,
        space: SpaceId,
        came: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Self {
        let (visit, booking) = (VisitId(ground.id()), BookingId(ground.id()));
        Self { person: ground.person().await, visit, booking, space, came, until }
    }

    fn told(&self) -> Vec<(DateTime<Utc>, Happening)> {
        let Self { person, visit, booking, space, came, until } = *self;
        let by = Proof::Code;
        vec![
            (came, Happening::WalkedIn { visit, person, booking, space, until, by }),
            (came, Happening::CheckedIn { visit, person, booking, space, by }),
        ]
    }

    async fn booking(&self, ground: &Ground) -> Option<Booking> {
        ground.store.booking(self.booking).await.unwrap()
    }
}

fn past(hour: i64, minutes: i64) -> DateTime<Utc> {
    at(0, hour) + TimeDelta::minutes(minutes)
}

fn between(from: DateTime<Utc>, to: DateTime<Utc>) -> Interval {
    Interval::new(from, to).unwrap()
}

pub async fn nothing_is_kept_for_a_site_that_is_not_there(ground: Ground) {
    let (centre, _) = keeping(&ground, 3, 2).await;
    assert_eq!(keep(&ground, &centre, at(0, 9)).await, LeaseKept::default(), "never had a sheet");
    ground.store.ack_sheet(centre.id, 0, at(0, 9)).await.unwrap();
    let silent = keep(&ground, &centre, past(9, 2)).await;
    assert_eq!(silent, LeaseKept::default());
    assert_eq!(keep(&ground, &centre, past(9, 1)).await, LeaseKept { taken: 2, asked_back: 0 });
    assert_eq!(keep(&ground, &centre, past(9, 1)).await, LeaseKept::default(), "once");
    let (other, _) = keeping(&ground, 3, 0).await;
    ground.store.ack_sheet(other.id, 0, at(0, 9)).await.unwrap();
    assert_eq!(keep(&ground, &other, at(0, 9)).await, LeaseKept::default());
    // Whole days, up to the end of the last, and searches see that they are taken.
    let taken = ground.claims_in(&ever()).await.desks;
    let whole = between(past(9, 15), at(2, 0));
    assert!(taken.iter().all(|(_, _, when)| *when == whole), "{taken:?}");
    assert_eq!(taken.len(), 2);
}

pub async fn a_lease_and_fifty_who_book_never_meet(ground: Ground) {
    let (centre, _) = keeping(&ground, 5, 2).await;
    let kept = leased(&ground, &centre, at(0, 8)).await;
    assert_eq!(kept.len(), 2);
    let person = ground.person().await;
    let orders: Vec<_> =
        (0..50).map(|_| ground.order(person, &centre, &[slot(0, 10, 12)])).collect();
    let store = &ground.store;
    // More is asked for, given up and taken while they book.
    let (answers, _) =
        tokio::join!(join_all(orders.iter().map(|order| store.book(order))), async {
            for desks in [3, 1, 2, 3, 2] {
                keep(&ground, &with_desks(&centre, desks), past(8, 1)).await;
            }
        });
    let made = answers.into_iter().filter(|answer| matches!(answer, Ok(BookResult::Made(_))));
    assert!((2..=3).contains(&made.count()));
    assert_eq!(ground.overlaps().await, 0);
    let halves = ground.raw.halves(at(0, 8)).await;
    assert!(halves.is_empty(), "{halves:?}");
    let still = lease(&ground, &centre).await;
    let all = store.claims_at(&[centre.id], &slot(0, 10, 12)).await.unwrap().desks;
    assert!(all.len() == 5 && !still.is_empty(), "{all:?}");
    // Whoever picks a leased desk is refused too.
    let picked = store::BookingOrder {
        pinned: Some(still[0].0),
        ..ground.order(person, &centre, &[slot(0, 14, 15)])
    };
    let refused = store.book(&picked).await.unwrap();
    assert!(matches!(refused, BookResult::Refused(NoRoom::Desk { .. })), "{refused:?}");
}

pub async fn nobody_is_moved_for_a_lease(ground: Ground) {
    let (centre, desks) = keeping(&ground, 2, 1).await;
    let person = ground.person().await;
    // Neither desk is free all day.
    for (desk, from, to) in [(0, 10, 40), (1, 9, 20)] {
        let pinned = Some(desks[desk]);
        let order =
            store::BookingOrder { pinned, ..ground.order(person, &centre, &[slot(0, from, to)]) };
        ground.book(&order).await;
    }
    let kept = leased(&ground, &centre, at(0, 8)).await;
    assert_eq!(kept, [(desks[0], slot(0, 8, 10)), (desks[1], slot(0, 20, 48))]);
    assert_eq!(ground.overlaps().await, 0);
}

pub async fn what_is_too_much_comes_free_once_the_site_has_let_go_of_it(ground: Ground) {
    for acknowledges_first in [true, false] {
        let (centre, _) = keeping(&ground, 2, 2).await;
        let before = leased(&ground, &centre, at(0, 8)).await;
        let fewer = with_desks(&centre, 1);
        let asked = keep(&ground, &fewer, past(8, 1)).await;
        assert_eq!(asked, LeaseKept { taken: 0, asked_back: 1 });
        assert_eq!(lease(&ground, &centre).await.len(), 1, "it stands on no new sheet");
        let store = &ground.store;
        let person = ground.person().await;
        let order = ground.order(person, &centre, &[slot(0, 10, 12)]);
        let refused = async || {
            assert_eq!(free_returned(&ground, &centre, past(8, 1)).await, 0);
            let answer = store.book(&order).await.unwrap();
            assert!(matches!(answer, BookResult::Refused(NoRoom::Desk { .. })), "{answer:?}");
        };
        refused().await;
        let version = sheet(&ground, &centre, past(8, 1)).await;
        refused().await;
        let told = vec![(past(8, 1), Happening::SheetInForce { version })];
        // Either word alone is not enough: what the site gave away before may not have been told.
        if acknowledges_first {
            store.ack_sheet(centre.id, version, past(8, 1)).await.unwrap();
            refused().await;
            tell(&ground, &centre, past(8, 1), told).await;
        } else {
            tell(&ground, &centre, past(8, 1), told).await;
            refused().await;
            store.ack_sheet(centre.id, version, past(8, 1)).await.unwrap();
        }
        // Whoever waits for it is served with it.
        let wish = ground.order(person, &centre, &[slot(0, 14, 16)]);
        store.wait(&entry(&ground, &wish, 2, at(0, 1)), &wish).await.unwrap();
        assert_eq!(free_returned(&ground, &centre, past(8, 1)).await, 1);
        assert_eq!(free_returned(&ground, &centre, past(8, 1)).await, 0);
        let held = store.bookings_at(centre.id, &slot(0, 14, 16)).await.unwrap();
        assert_eq!(held.iter().map(|one| one.status).collect::<Vec<_>>(), [BookingStatus::Held]);
        ground.book(&order).await;
        assert_eq!(keep(&ground, &fewer, past(8, 1)).await, LeaseKept::default());
        assert_eq!(lease(&ground, &centre).await.len(), 1);
        assert!(before.contains(&lease(&ground, &centre).await[0]), "the other stays as it was");
        assert_eq!(ground.overlaps().await, 0);
    }
}

pub async fn what_a_booking_needs_is_asked_for_and_not_taken_again(ground: Ground) {
    let (centre, _) = keeping(&ground, 2, 1).await;
    let store = &ground.store;
    leased(&ground, &centre, at(0, 8)).await;
    let person = ground.person().await;
    let order = |slots: Interval| store::BookingOrder {
        at: past(8, 1),
        ..ground.order(person, &centre, &[slots])
    };
    ground.book(&order(slot(0, 10, 12))).await;
    let wanted = order(slot(0, 10, 12));
    let answer = store.book(&wanted).await.unwrap();
    assert!(matches!(answer, BookResult::Refused(NoRoom::Desk { .. })), "{answer:?}");
    let silent = store::BookingOrder { at: past(8, 3), ..wanted.clone() };
    assert!(!store.want_lease_back(&silent, ground.id()).await.unwrap(), "nobody would answer");
    let three = store::BookingOrder { desks: 3, ..wanted.clone() };
    assert!(!store.want_lease_back(&three, ground.id()).await.unwrap(), "not enough");
    assert!(store.want_lease_back(&wanted, ground.id()).await.unwrap());
    let left: Vec<_> = lease(&ground, &centre).await.into_iter().map(|(_, when)| when).collect();
    assert_eq!(left, [slot(0, 8, 10), slot(0, 12, 48)], "the rest stays the site's");
    assert!(store.want_lease_back(&wanted, ground.id()).await.unwrap(), "on its way already");
    assert_eq!(lease(&ground, &centre).await.len(), 2);
    let free_then = order(slot(1, 10, 12));
    assert!(!store.want_lease_back(&free_then, ground.id()).await.unwrap(), "a desk is free");
    assert_eq!(free_returned(&ground, &centre, past(8, 1)).await, 0);
    let version = sheet(&ground, &centre, past(8, 1)).await;
    in_force(&ground, &centre, version, past(8, 1)).await;
    assert_eq!(free_returned(&ground, &centre, past(8, 1)).await, 1);
    assert_eq!(keep(&ground, &centre, past(8, 1)).await, LeaseKept::default());
    ground.book(&wanted).await;
    assert_eq!(ground.overlaps().await, 0);
}

pub async fn a_plan_that_has_changed_makes_no_sheet(ground: Ground) {
    let (centre, _) = keeping(&ground, 2, 2).await;
    let store = &ground.store;
    leased(&ground, &centre, at(0, 8)).await;
    let read = store.leased(centre.id, &ever()).await.unwrap();
    let ids: Vec<_> = read.iter().map(|leased| leased.claim).collect();
    keep(&ground, &with_desks(&centre, 1), past(8, 1)).await;
    let stale = store.next_sheet_listing(centre.id, &[9; 32], &ids, past(8, 1)).await.unwrap();
    assert_eq!(stale, None);
    let none = store.next_sheet_listing(centre.id, &[9; 32], &[], past(8, 1)).await.unwrap();
    let (version, new) = none.unwrap();
    assert!(new);
    let again = store.next_sheet_listing(centre.id, &[9; 32], &[], past(8, 1)).await.unwrap();
    assert_eq!(again, Some((version, false)));
}

pub async fn who_walks_in_has_a_booking_made_of_the_lease(ground: Ground) {
    let (centre, _) = keeping(&ground, 2, 1).await;
    let store = &ground.store;
    let (space, _) = leased(&ground, &centre, at(0, 8)).await[0];
    let guest = WalkIn::of(&ground, space, past(10, 7), at(0, 12)).await;
    tell(&ground, &centre, past(10, 8), guest.told()).await;
    let booking = guest.booking(&ground).await.unwrap();
    assert_eq!((booking.person, booking.status), (guest.person, BookingStatus::Confirmed));
    assert_eq!((booking.on_account_of, booking.made_at), (None, guest.came));
    let claims: Vec<_> = booking.desks.iter().map(|claim| (claim.space, claim.when)).collect();
    assert_eq!(claims, [(space, slot(0, 10, 12))]);
    assert_eq!(lease(&ground, &centre).await, [(space, slot(0, 8, 10)), (space, slot(0, 12, 48))]);
    let stays = store.stays(ground.town, &slot(0, 0, 24), at(0, 11)).await.unwrap();
    assert_eq!(stays.iter().filter(|stay| stay.person == guest.person).count(), 1);
    assert!(store.unvisited_claims(at(0, 11)).await.unwrap().is_empty(), "they came");
    assert!(store.walk_in_conflicts(centre.id, 1, 99).await.unwrap().is_empty());
    let again = store.cancel(guest.booking, &centre, past(10, 9), &[]).await.unwrap();
    assert!(matches!(again, Some((_, false))), "they are inside");
    // One more is kept in its place, as far as there is one.
    assert_eq!(keep(&ground, &centre, past(10, 8)).await, LeaseKept { taken: 1, asked_back: 0 });
    assert_eq!(ground.overlaps().await, 0);
    let halves = ground.raw.halves(at(0, 8)).await;
    assert!(halves.is_empty(), "{halves:?}");
}

pub async fn who_leaves_gives_the_rest_back_to_the_lease(ground: Ground) {
    let (centre, _) = keeping(&ground, 1, 1).await;
    let store = &ground.store;
    let (space, _) = leased(&ground, &centre, at(0, 8)).await[0];
    let first = WalkIn::of(&ground, space, past(10, 7), at(0, 14)).await;
    tell(&ground, &centre, past(10, 8), first.told()).await;
    let left = |guest: &WalkIn, at| {
        let (visit, person, gives_up) = (guest.visit, guest.person, Some(guest.until));
        (at, Happening::CheckedOut { visit, person, space, gives_up })
    };
    // The next comes and leaves in the same batch, on what the site knows to be its own again.
    let second = WalkIn::of(&ground, space, past(11, 16), at(0, 14)).await;
    let mut events = vec![left(&first, past(11, 5))];
    events.extend(second.told());
    events.push(left(&second, past(12, 0)));
    tell(&ground, &centre, past(12, 1), events).await;
    let claims = async |guest: &WalkIn| {
        let booking = guest.booking(&ground).await.unwrap();
        booking.desks.iter().map(|claim| claim.when).collect::<Vec<_>>()
    };
    assert_eq!(claims(&first).await, [between(at(0, 10), past(11, 15))]);
    assert_eq!(claims(&second).await, [between(past(11, 15), at(0, 12))]);
    assert_eq!(
        lease(&ground, &centre).await,
        [(space, slot(0, 8, 10)), (space, slot(0, 12, 14)), (space, slot(0, 14, 48))]
    );
    assert!(store.walk_in_conflicts(centre.id, 1, 99).await.unwrap().is_empty());
    // What the site had before stays its own until it has let go of it, given back or not.
    keep(&ground, &with_desks(&centre, 0), past(12, 1)).await;
    assert_eq!(free_returned(&ground, &centre, past(12, 1)).await, 0);
    assert_eq!(ground.overlaps().await, 0);
}

/// Takes the lease away from beneath a site, and sells the desk.
async fn sold(
    ground: &Ground,
    centre: &Centre,
    space: SpaceId,
    slots: &[Interval],
    pinned: bool,
) -> Booking {
    let gone = format!(
        "DELETE FROM desk_claims WHERE booking_id IS NULL AND space_id = {}",
        ground.raw.id(space.0)
    );
    assert!(ground.raw.run(&gone).await.unwrap() > 0);
    let person = ground.person().await;
    let needs = DeskNeeds { pinned, ..DeskNeeds::default() };
    let order = ground.order(person, centre, slots);
    ground.book(&store::BookingOrder { pinned: Some(space), needs, ..order }).await
}

pub async fn what_was_sold_meanwhile_is_moved(ground: Ground) {
    let (centre, desks) = keeping(&ground, 3, 1).await;
    let (space, _) = leased(&ground, &centre, at(0, 8)).await[0];
    let booking = sold(&ground, &centre, space, &[slot(0, 11, 12)], false).await;
    let guest = WalkIn::of(&ground, space, past(10, 7), at(0, 13)).await;
    let place = tell(&ground, &centre, past(10, 8), guest.told()).await;
    let walk_in = guest.booking(&ground).await.unwrap();
    assert_eq!((walk_in.desks[0].space, walk_in.desks[0].when), (space, slot(0, 10, 13)));
    let moved = ground.store.booking(booking.id).await.unwrap().unwrap();
    let to = moved.desks[0].space;
    assert!(to != space && desks.contains(&to), "{moved:?}");
    assert_eq!((moved.desks[0].when, moved.version), (slot(0, 11, 12), booking.version + 1));
    let told = ground.store.walk_in_conflicts(centre.id, 1, 99).await.unwrap();
    let [one] = told[..] else { panic!("{told:?}") };
    assert_eq!((one.place, one.space, one.when), (place, space, slot(0, 11, 12)));
    assert_eq!((one.walk_in, one.booking, one.moved_to), (guest.booking, booking.id, Some(to)));
    assert_eq!(ground.overlaps().await, 0);
}

pub async fn what_cannot_be_moved_stays_and_is_told(ground: Ground) {
    // Picked; begun; and no other desk: how many desks, from when, picked, and what the walk-in has.
    for (desks, from, pinned, has) in [
        (3, 11, true, Some(slot(0, 10, 11))),
        (3, 9, false, None),
        (1, 11, false, Some(slot(0, 10, 11))),
    ] {
        let (centre, _) = keeping(&ground, desks, 1).await;
        let store = &ground.store;
        let (space, _) = leased(&ground, &centre, at(0, 8)).await[0];
        let booking = sold(&ground, &centre, space, &[slot(0, from, 12)], pinned).await;
        let guest = WalkIn::of(&ground, space, past(10, 7), at(0, 13)).await;
        tell(&ground, &centre, past(10, 8), guest.told()).await;
        let walk_in = guest.booking(&ground).await;
        let theirs = walk_in.map(|one| (one.desks[0].when, one.span().unwrap()));
        assert_eq!(theirs, has.map(|when| (when, when)));
        let stays = store.stays(ground.town, &slot(0, 0, 24), at(0, 11)).await.unwrap();
        assert!(stays.iter().any(|stay| stay.person == guest.person), "the visit is kept");
        assert_eq!(store.booking(booking.id).await.unwrap().unwrap(), booking);
        let told = store.walk_in_conflicts(centre.id, 1, 99).await.unwrap();
        let [one] = told[..] else { panic!("{told:?}") };
        assert_eq!((one.walk_in, one.booking, one.moved_to), (guest.booking, booking.id, None));
        assert_eq!(ground.overlaps().await, 0);
        let halves = ground.raw.halves(at(0, 8)).await;
        assert!(halves.is_empty(), "{halves:?}");
    }
}

pub async fn a_walk_in_of_strangers_means_nothing(ground: Ground) {
    let (centre, _) = keeping(&ground, 2, 1).await;
    let store = &ground.store;
    let (space, _) = leased(&ground, &centre, at(0, 8)).await[0];
    let before = lease(&ground, &centre).await;
    let (other, elsewhere) = keeping(&ground, 1, 0).await;
    let person = ground.person().await;
    let theirs = ground.book(&ground.order(person, &other, &[slot(0, 10, 12)])).await;
    let good = WalkIn::of(&ground, space, past(10, 7), at(0, 13)).await;
    let strange = [
        WalkIn { person: PersonId(ground.id()), ..copy(&good, &ground) },
        WalkIn { space: SpaceId(ground.id()), ..copy(&good, &ground) },
        WalkIn { space: elsewhere[0], ..copy(&good, &ground) },
        WalkIn { booking: theirs.id, ..copy(&good, &ground) },
    ];
    for stranger in &strange {
        tell(&ground, &centre, past(10, 8), stranger.told()).await;
        assert_eq!(lease(&ground, &centre).await, before);
    }
    assert_eq!(store.booking(theirs.id).await.unwrap().unwrap().desks, theirs.desks);
    // Times that are none still make a booking of some sort, and nothing of the future.
    for (came, until) in [
        (DateTime::<Utc>::MAX_UTC, DateTime::<Utc>::MAX_UTC),
        (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC),
        (past(10, 7), DateTime::<Utc>::MAX_UTC),
        (past(10, 7), DateTime::<Utc>::MIN_UTC),
    ] {
        let odd = WalkIn { came, until, ..copy(&good, &ground) };
        tell(&ground, &centre, past(10, 8), odd.told()).await;
        if let Some(booking) = odd.booking(&ground).await {
            let longest = TimeDelta::minutes(i64::from(centre.settings.longest_minutes) + 15);
            assert!(booking.desks[0].when.length() <= longest, "{booking:?}");
        }
    }
    // An id from which the site's other ids could be counted meets nobody's.
    let tricky = WalkIn { booking: BookingId(uuid::Uuid::nil()), ..copy(&good, &ground) };
    tell(&ground, &centre, past(10, 9), tricky.told()).await;
    // A room is a room: nobody's claim of one goes to a desk.
    let room = ground.space(&centre, SpaceKind::Room).await;
    let in_room = store::BookingOrder {
        pinned: Some(room),
        ..ground.order(person, &centre, &[slot(0, 11, 12)])
    };
    let in_room = ground.book(&in_room).await;
    let there = WalkIn { space: room, ..copy(&good, &ground) };
    tell(&ground, &centre, past(10, 9), there.told()).await;
    assert_eq!(store.booking(in_room.id).await.unwrap().unwrap(), in_room);
    tell(
        &ground,
        &centre,
        past(10, 9),
        vec![(past(10, 9), Happening::SheetInForce { version: u64::MAX })],
    )
    .await;
    assert_eq!(ground.overlaps().await, 0);
}

fn copy(guest: &WalkIn, ground: &Ground) -> WalkIn {
    let (visit, booking) = (VisitId(ground.id()), BookingId(ground.id()));
    WalkIn { visit, booking, ..*guest }
}

pub async fn a_site_that_is_back_is_told_of_once(ground: Ground) {
    let (centre, _) = keeping(&ground, 1, 1).await;
    let store = &ground.store;
    leased(&ground, &centre, at(0, 8)).await;
    assert!(store.absences(centre.id).await.unwrap().is_empty(), "it was never away");
    let reached = store.site_status(centre.id).await.unwrap().reached;
    // Its word on the sheet comes first, and what happened in two batches.
    store.ack_sheet(centre.id, 1, past(9, 30)).await.unwrap();
    let happened = |hour, minutes| (past(hour, minutes), Happening::Started);
    tell(&ground, &centre, past(9, 30), vec![happened(8, 1), happened(8, 20)]).await;
    tell(&ground, &centre, past(9, 31), vec![happened(9, 0), happened(9, 31)]).await;
    let told = store.absences(centre.id).await.unwrap();
    let [one] = told[..] else { panic!("{told:?}") };
    assert_eq!((one.number, one.gone_at, one.back_at), (1, at(0, 8), past(9, 30)));
    assert_eq!((one.first_place, one.read_at), (reached + 1, None));
    let done = store.done_alone(centre.id, &one, 100).await.unwrap();
    let times: Vec<_> = done.iter().map(|(_, event)| event.at).collect();
    assert_eq!(times, [past(8, 1), past(8, 20), past(9, 0)], "what came after is not of it");
    assert_eq!(store.done_alone(centre.id, &one, 2).await.unwrap().len(), 2);
    // It is heard all the while, but tells late.
    for minute in 32..36 {
        store.ack_sheet(centre.id, 1, past(9, minute)).await.unwrap();
    }
    // For a while its clock was ahead.
    let late = vec![happened(9, 33), happened(9, 50), happened(9, 35)];
    tell(&ground, &centre, past(9, 36), late).await;
    let told = store.absences(centre.id).await.unwrap();
    assert_eq!((told.len(), told[0].number, told[0].gone_at), (2, 2, past(9, 33)));
    let of_the_second = async || {
        let done = store.done_alone(centre.id, &told[0], 100).await.unwrap();
        done.iter().map(|(_, event)| event.at).collect::<Vec<_>>()
    };
    assert_eq!(of_the_second().await, [past(9, 33), past(9, 35)]);
    // It goes on, and one day its clock is put back: what it tells then was not done alone.
    for minute in [38, 39] {
        store.ack_sheet(centre.id, 1, past(9, minute)).await.unwrap();
    }
    tell(&ground, &centre, past(9, 40), vec![happened(9, 39), happened(9, 34)]).await;
    assert_eq!(of_the_second().await, [past(9, 33), past(9, 35)]);
    let unread = async |centre| store.unread_absences(centre).await.unwrap();
    assert_eq!(unread(centre.id).await, 2);
    store.note_absence_read(centre.id, 2, past(9, 40)).await.unwrap();
    store.note_absence_read(centre.id, 2, past(9, 50)).await.unwrap();
    store.note_absence_read(centre.id, 77, past(9, 50)).await.unwrap();
    let read = store.absence(centre.id, 2).await.unwrap().unwrap();
    assert_eq!(read.read_at, Some(past(9, 40)), "the first time counts");
    assert_eq!(store.absence(centre.id, 3).await.unwrap(), None);
    assert_eq!(unread(centre.id).await, 1);
    let other = ground.centre().await;
    assert_eq!(unread(other.id).await, 0);
    assert!(store.absences(other.id).await.unwrap().is_empty());
}

pub async fn of_two_absences_each_tells_its_own(ground: Ground) {
    let (centre, _) = keeping(&ground, 1, 0).await;
    let store = &ground.store;
    store.ack_sheet(centre.id, 0, at(0, 8)).await.unwrap();
    // A word on the sheet gets through, and the line is gone again before anything is told.
    store.ack_sheet(centre.id, 0, past(9, 0)).await.unwrap();
    store.ack_sheet(centre.id, 0, past(9, 30)).await.unwrap();
    let sensor = SensorId {
        device: "air".parse().unwrap(),
        node: "air".parse().unwrap(),
        property: "co2".parse().unwrap(),
    };
    let place = || SensorPlace::Space { space: SpaceId(ground.id()) };
    let measures = Measure::Co2;
    let (door, terminal) = ("door".parse::<DeviceId>().unwrap(), "seat".parse().unwrap());
    // Every kind of little weight.
    let by_the_minute = [
        Happening::Measured {
            sensor: sensor.clone(),
            measures,
            place: place(),
            value: Reading(700),
        },
        Happening::Sensor { sensor, measures, place: place(), now: SensorState::Silent },
        Happening::Terminal { terminal, state: TerminalState::Idle },
        Happening::DoorOpened { door: door.clone() },
        Happening::DoorClosed { door },
    ];
    assert!(by_the_minute.iter().all(|what| what.weight() == Weight::Telemetry));
    let mut events: Vec<_> = [(8, 10), (8, 50), (9, 0), (9, 10)]
        .map(|(hour, minutes)| (past(hour, minutes), Happening::Started))
        .to_vec();
    // They leave room for what was done.
    events
        .splice(1..1, (0..).zip(by_the_minute).map(|(minute, what)| (past(8, 20 + minute), what)));
    tell(&ground, &centre, past(9, 31), events).await;
    let told = store.absences(centre.id).await.unwrap();
    let [second, first] = told[..] else { panic!("{told:?}") };
    assert_eq!((first.number, second.number, first.first_place), (1, 2, second.first_place));
    let times = async |absence: Absence| -> Vec<_> {
        let done = store.done_alone(centre.id, &absence, 3).await.unwrap();
        done.iter().map(|(_, event)| event.at).collect()
    };
    assert_eq!(times(first).await, [past(8, 10), past(8, 50), past(9, 0)]);
    assert_eq!(times(second).await, [past(9, 10)]);
}

pub async fn what_nobody_has_read_of_is_listed_before_the_rest(ground: Ground) {
    let (centre, _) = keeping(&ground, 1, 0).await;
    let store = &ground.store;
    for times in 0..=101 {
        store.ack_sheet(centre.id, 0, at(0, 0) + TimeDelta::minutes(10 * times)).await.unwrap();
    }
    let listed = async || {
        let absences = store.absences(centre.id).await.unwrap();
        assert!(absences.is_sorted_by(|one, next| one.number > next.number), "newest first");
        (absences.len(), absences.last().unwrap().number)
    };
    assert_eq!(listed().await, (100, 2));
    for number in 2..=101 {
        store.note_absence_read(centre.id, number, at(1, 0)).await.unwrap();
    }
    assert_eq!((listed().await, store.unread_absences(centre.id).await.unwrap()), ((100, 1), 1));
}

pub async fn a_clock_that_is_slow_tells_nothing_late(ground: Ground) {
    let (centre, _) = keeping(&ground, 1, 0).await;
    let store = &ground.store;
    store.ack_sheet(centre.id, 0, at(0, 8)).await.unwrap();
    for minute in 1..5 {
        let now = past(8, minute);
        let slow = now - TimeDelta::minutes(10);
        let batch = EventBatch {
            centre: centre.clone(),
            edge: "yokohama-edge".parse().unwrap(),
            first: u64::try_from(minute).unwrap(),
            events: vec![SiteEvent { at: slow, what: Happening::Started }],
            told_until: slow,
            at: now,
            spare: Vec::new(),
        };
        store.take_events(&batch).await.unwrap();
    }
    assert!(store.absences(centre.id).await.unwrap().is_empty());
}
