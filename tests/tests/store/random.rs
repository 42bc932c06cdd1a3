//! Any story of bookings, cancellations and no-shows ends as in a plain model that keeps a list.

use model::booking::{Booking, BookingStatus};
use model::capacity::{care_fits, greatest_overlap};
use model::centre::Centre;
use model::id::{ChildId, ClaimId, NurseryId, PersonId, SpaceId};
use model::interval::Interval;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use store::{BookResult, NoRoom};

use crate::ground::{Ground, at, slot};

const STORIES: usize = 25;

#[derive(Clone, Debug)]
enum Step {
    Book { centre: usize, slots: Vec<(i64, i64, i64)>, desks: u32, child: Option<usize> },
    Cancel { booking: usize, hour: i64 },
    NoShow { booking: usize, hour: i64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let slots = vec((9..18_i64, 1..5_i64), 3).prop_flat_map(|hours| {
        vec(any::<bool>(), 3).prop_map(move |wanted| {
            let days = (0..).zip(&hours).zip(wanted);
            days.filter(|(_, wanted)| *wanted)
                .map(|((day, (from, length)), _)| (day, *from, from + length))
                .collect()
        })
    });
    let book = (0..2_usize, slots, 0..3_u32, proptest::option::of(0..3_usize))
        .prop_map(|(centre, slots, desks, child)| Step::Book { centre, slots, desks, child });
    let cancel =
        (0..20_usize, 0..72_i64).prop_map(|(booking, hour)| Step::Cancel { booking, hour });
    let no_show =
        (0..20_usize, 0..72_i64).prop_map(|(booking, hour)| Step::NoShow { booking, hour });
    vec(prop_oneof![5 => book, 1 => cancel, 1 => no_show], 1..40)
}

/// The plain model: everything that was ever booked.
struct Plain {
    bookings: Vec<Booking>,
}

impl Plain {
    fn taken(&self) -> Vec<(SpaceId, Interval)> {
        let claims = self.bookings.iter().flat_map(|booking| &booking.desks);
        claims
            .filter(|claim| claim.released_at.is_none())
            .map(|claim| (claim.space, claim.when))
            .collect()
    }

    fn in_care(&self) -> Vec<(NurseryId, ChildId, Interval)> {
        let claims = self.bookings.iter().flat_map(|booking| &booking.care);
        claims
            .filter(|claim| claim.released_at.is_none())
            .map(|claim| (claim.nursery, claim.child, claim.when))
            .collect()
    }

    /// What there is no room for, if anything: all desks are alike and every claim may move, so
    /// desks are short only where too many lie over each other.
    fn short_of(
        &self,
        house: &House,
        slots: &[Interval],
        desks: u32,
        child: Option<ChildId>,
    ) -> Option<NoRoom> {
        if let Some(child) = child {
            let care = self.in_care();
            let elsewhere = slots.iter().find(|slot| {
                care.iter().any(|(_, other, when)| *other == child && when.overlaps(slot))
            });
            if let Some(slot) = elsewhere {
                return Some(NoRoom::ChildElsewhere(child, *slot));
            }
            let here: Vec<Interval> = care
                .iter()
                .filter(|(nursery, ..)| *nursery == house.nursery)
                .map(|(.., when)| *when)
                .collect();
            if let Err(slot) = care_fits(2, &here, slots) {
                return Some(NoRoom::Care(slot));
            }
        }
        let taken = self.taken();
        let held = || taken.iter().filter(|(space, _)| house.desks.contains(space));
        let full = slots.iter().find(|slot| {
            greatest_overlap(held().map(|(_, when)| *when), slot) + desks as usize
                > house.desks.len()
        });
        full.map(|slot| NoRoom::Desk { slot: *slot, proven: true })
    }

    /// Takes over where others' desks were moved to, which is all that may have changed.
    async fn follow(&mut self, ground: &Ground) {
        for booking in &mut self.bookings {
            let stored = ground.store.booking(booking.id).await.unwrap().unwrap();
            let mut moved = booking.clone();
            for (mine, theirs) in moved.desks.iter_mut().zip(&stored.desks) {
                if mine.released_at.is_none() && mine.space != theirs.space {
                    mine.space = theirs.space;
                    moved.version += 1;
                }
            }
            assert_eq!(stored, moved);
            *booking = stored;
        }
    }
}

struct House {
    centre: Centre,
    desks: Vec<SpaceId>,
    nursery: NurseryId,
}

pub async fn any_story_ends_as_in_the_plain_model(ground: Ground) {
    // One region for all stories is enough: each has centres and people of its own.
    let mut runner = TestRunner::deterministic();
    let (mut made, mut refused) = (0, 0);
    for _ in 0..STORIES {
        let story = steps().new_tree(&mut runner).unwrap().current();
        let (more_made, more_refused) = tell(&ground, &story).await;
        made += more_made;
        refused += more_refused;
    }
    assert_eq!(ground.overlaps().await, 0);
    assert!(made > 50 && refused > 50, "{made} made, {refused} refused");
    println!("{STORIES} stories: {made} orders made, {refused} refused");
}

async fn tell(ground: &Ground, story: &[Step]) -> (u32, u32) {
    let person = ground.person().await;
    let mut children = Vec::new();
    for _ in 0..3 {
        children.push(ground.child(person).await);
    }
    let mut houses = Vec::new();
    for _ in 0..2 {
        let (centre, desks) = ground.centre_with_desks(2).await;
        let nursery = ground.nursery(&centre, 2).await;
        houses.push(House { centre, desks, nursery });
    }
    let mut plain = Plain { bookings: Vec::new() };
    let (mut made, mut refused) = (0, 0);
    for step in story {
        match step {
            Step::Book { centre, slots, desks, child } => {
                let child = child.map(|child| children[child]);
                if slots.is_empty() || (*desks == 0 && child.is_none()) {
                    continue;
                }
                let slots: Vec<_> =
                    slots.iter().map(|(day, from, to)| slot(*day, *from, *to)).collect();
                let house = &houses[*centre];
                let booked = book(ground, &mut plain, house, person, &slots, *desks, child).await;
                if booked { made += 1 } else { refused += 1 }
            }
            Step::Cancel { booking, hour } => {
                give_up(ground, &mut plain, &houses, *booking, at(0, *hour)).await;
            }
            Step::NoShow { booking, hour } => {
                nobody_came(ground, &mut plain, &houses, *booking, at(0, *hour)).await;
            }
        }
    }
    let mut stored = ground.store.bookings_of(person, at(0, 0)).await.unwrap();
    stored.sort_by_key(|booking| booking.id);
    plain.bookings.sort_by_key(|booking| booking.id);
    assert_eq!(stored, plain.bookings, "after {story:?}");
    (made, refused)
}

async fn book(
    ground: &Ground,
    plain: &mut Plain,
    house: &House,
    person: PersonId,
    slots: &[Interval],
    desks: u32,
    child: Option<ChildId>,
) -> bool {
    let mut order = ground.order(person, &house.centre, slots);
    order.desks = desks;
    order.children = child.into_iter().collect();
    let expected = plain.short_of(house, slots, desks, child);
    match (ground.store.book(&order).await.unwrap(), expected) {
        (BookResult::Made(booking), None) => {
            let mut got: Vec<_> = booking.desks.iter().map(|claim| claim.when).collect();
            got.dedup();
            assert!(desks == 0 || got == slots, "{got:?}");
            assert_eq!(booking.desks.len(), slots.len() * desks as usize);
            assert!(booking.desks.iter().all(|claim| house.desks.contains(&claim.space)));
            assert_eq!(booking.care.len(), if child.is_some() { slots.len() } else { 0 });
            plain.follow(ground).await;
            plain.bookings.push(booking);
            true
        }
        (BookResult::Refused(no_room), Some(expected)) => {
            assert_eq!(no_room, expected);
            false
        }
        (got, expected) => panic!("got {got:?}, expected {expected:?}"),
    }
}

fn house_of<'a>(houses: &'a [House], booking: &Booking) -> &'a House {
    houses.iter().find(|house| house.centre.id == booking.centre).unwrap()
}

async fn give_up(
    ground: &Ground,
    plain: &mut Plain,
    houses: &[House],
    which: usize,
    when: chrono::DateTime<chrono::Utc>,
) {
    let Some(booking) = plain.bookings.get_mut(which) else { return };
    let centre = &house_of(houses, booking).centre;
    let (stored, changed) =
        ground.store.cancel(booking.id, centre, when, &[]).await.unwrap().unwrap();
    let live = |released: Option<_>, slot: Interval| released.is_none() && slot.ends() > when;
    let any = booking.desks.iter().any(|claim| live(claim.released_at, claim.when))
        || booking.care.iter().any(|claim| live(claim.released_at, claim.when));
    let expected = any && booking.status == BookingStatus::Confirmed;
    assert_eq!(changed, expected);
    if expected {
        booking.status = BookingStatus::Cancelled;
        booking.version += 1;
        for claim in &mut booking.desks {
            if live(claim.released_at, claim.when) {
                claim.released_at = Some(when);
            }
        }
        for claim in &mut booking.care {
            if live(claim.released_at, claim.when) {
                claim.released_at = Some(when);
            }
        }
    }
    assert_eq!(&stored, booking);
}

async fn nobody_came(
    ground: &Ground,
    plain: &mut Plain,
    houses: &[House],
    which: usize,
    when: chrono::DateTime<chrono::Utc>,
) {
    let Some(booking) = plain.bookings.get_mut(which) else { return };
    let centre = &house_of(houses, booking).centre;
    let mut waiting = ground.store.unvisited_claims(when).await.unwrap();
    waiting.retain(|claim| claim.booking == booking.id);
    let confirmed = booking.status == BookingStatus::Confirmed;
    let due = booking
        .desks
        .iter()
        .filter(|claim| confirmed && claim.released_at.is_none() && claim.when.starts() <= when);
    let due: Vec<ClaimId> = due.map(|claim| claim.id).collect();
    assert_eq!(waiting.iter().map(|claim| claim.claim).collect::<Vec<_>>(), due);
    for claim in &waiting {
        assert!(ground.store.release_unvisited(claim, centre, when).await.unwrap());
        release(booking, claim.claim, when);
        let stored = ground.store.booking(booking.id).await.unwrap();
        assert_eq!(stored.as_ref(), Some(&*booking));
    }
}

/// Gives a desk free, with the care of its slot if that has no desk left.
fn release(booking: &mut Booking, desk: ClaimId, when: chrono::DateTime<chrono::Utc>) {
    let claim = booking.desks.iter_mut().find(|claim| claim.id == desk).unwrap();
    claim.released_at = Some(when);
    let slot = claim.when;
    let desk_left =
        booking.desks.iter().any(|claim| claim.released_at.is_none() && claim.when.overlaps(&slot));
    if !desk_left {
        for claim in &mut booking.care {
            if claim.released_at.is_none() && claim.when.overlaps(&slot) {
                claim.released_at = Some(when);
            }
        }
    }
    booking.version += 1;
    let live = booking.desks.iter().any(|claim| claim.released_at.is_none())
        || booking.care.iter().any(|claim| claim.released_at.is_none());
    if !live {
        booking.status = BookingStatus::NoShow;
    }
}
