//! Who waits for what is full, and who gets it.

use chrono::{DateTime, TimeDelta, Utc};
use model::booking::{Booking, BookingCode, BookingStatus, Wish};
use model::centre::Centre;
use model::id::{BookingId, PersonId, WaitlistId};
use model::interval::Interval;
use model::waitlist::{Entry, MOST_ENTRIES, State, rank_of};
use store::{BookingOrder, Idempotency, NoRoom, Settled, Settling, Spare, Stands, Stood, Waited};

use crate::ground::{Ground, at, slot};

/// Ids and codes for what may be offered.
pub fn spares(ground: &Ground, many: usize) -> Vec<Spare> {
    let one = |_| Spare {
        id: BookingId(ground.id()),
        code: BookingCode::from_random(ground.number()),
        tariff_rev: 1,
        rule_rev: 2,
    };
    (0..many).map(one).collect()
}

/// What it takes to wait for all of `order`.
pub fn entry(ground: &Ground, order: &BookingOrder, rank: u32, made_at: DateTime<Utc>) -> Entry {
    Entry {
        id: WaitlistId(ground.id()),
        person: order.person,
        rank,
        wish: order.wish(),
        ages: order.ages.clone(),
        on_account_of: order.on_account_of,
        made_at,
        state: State::Waiting,
        booking: None,
    }
}

async fn wait(
    ground: &Ground,
    person: PersonId,
    centre: &Centre,
    slots: &[Interval],
    rank: u32,
    since: DateTime<Utc>,
) -> Waited {
    let mut order = ground.order(person, centre, slots);
    order.at = since;
    order.stands = Stands::HeldUntil(at(0, 23));
    let entry = entry(ground, &order, rank, since);
    ground.store.wait(&entry, &order).await.unwrap()
}

async fn waits(
    ground: &Ground,
    person: PersonId,
    centre: &Centre,
    slots: &[Interval],
    rank: u32,
    since: DateTime<Utc>,
) -> Entry {
    match wait(ground, person, centre, slots, rank, since).await {
        Waited::Waits(entry) => entry,
        other => panic!("does not wait: {other:?}"),
    }
}

async fn offered(ground: &Ground, entry: &Entry) -> Booking {
    let entry = ground.store.waiting(entry.id).await.unwrap().unwrap();
    assert_eq!(entry.state, State::Offered);
    ground.store.booking(entry.booking.unwrap()).await.unwrap().unwrap()
}

pub async fn what_comes_free_goes_to_who_waits_in_their_order(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(1).await;
    let person = ground.person().await;
    let first = ground.book(&ground.order(person, &centre, &[slot(1, 9, 12)])).await;
    let (early, late, care, longer) = (
        ground.person().await,
        ground.person().await,
        ground.person().await,
        ground.person().await,
    );
    let early = waits(&ground, early, &centre, &[slot(1, 9, 11)], 2, at(0, 1)).await;
    let late = waits(&ground, late, &centre, &[slot(1, 10, 12)], 2, at(0, 2)).await;
    let care = waits(&ground, care, &centre, &[slot(1, 11, 12)], 1, at(0, 3)).await;
    let longer =
        waits(&ground, longer, &centre, &[slot(1, 9, 12), slot(2, 9, 12)], 2, at(0, 3)).await;
    let order: Vec<_> =
        ground.store.waiting_at(centre.id).await.unwrap().iter().map(|one| one.id).collect();
    assert_eq!(order, [care.id, early.id, late.id, longer.id]);
    assert_eq!(ground.store.waited_for().await.unwrap(), [centre.id]);

    // A newcomer does not overtake anybody.
    let spare = spares(&ground, 4);
    ground.store.cancel(first.id, &centre, at(0, 4), &spare).await.unwrap().unwrap();
    let newcomer = ground.order(person, &centre, &[slot(1, 9, 12)]);
    assert!(matches!(ground.store.book(&newcomer).await.unwrap(), store::BookResult::Refused(_)));
    for entry in [&care, &early] {
        let held = offered(&ground, entry).await;
        assert_eq!((held.status, held.person), (BookingStatus::Held, entry.person));
        assert_eq!(held.lapses_at, Some(at(0, 5)), "an hour, as the centre says");
        assert_eq!(held.needs, entry.wish.needs());
    }
    assert_eq!(ground.store.waiting(late.id).await.unwrap().unwrap().state, State::Waiting);

    // One takes it; the other lets it lapse, and it passes on.
    let settle = |id, to| Settling {
        id,
        version: None,
        centre: &centre,
        to,
        at: at(0, 4),
        spare: &spare,
        quotas: &[],
    };
    let taken = offered(&ground, &care).await;
    let done = ground.store.settle(&settle(taken.id, Stood::Confirmed)).await.unwrap();
    assert!(matches!(done, Some(Settled::Done(_))));
    assert_eq!(ground.store.waiting(care.id).await.unwrap().unwrap().state, State::Taken);
    let lapsed = offered(&ground, &early).await;
    let spare = spares(&ground, 4);
    let ended = ground.store.lapse(&centre, at(0, 5), &spare).await.unwrap();
    assert_eq!(ended.iter().map(|one| one.id).collect::<Vec<_>>(), [lapsed.id]);
    assert_eq!(ground.store.waiting(early.id).await.unwrap().unwrap().state, State::Left);
    // From 11 the desk is taken: the late one (10 to 12) and the longer one still wait.
    assert_eq!(ground.store.waiting(late.id).await.unwrap().unwrap().state, State::Waiting);
    let spare = spares(&ground, 4);
    ground.store.cancel(taken.id, &centre, at(0, 6), &spare).await.unwrap().unwrap();
    let held = offered(&ground, &late).await;
    // Given up, it goes to the longer one: both its days.
    let spare = spares(&ground, 4);
    ground.store.cancel(held.id, &centre, at(0, 7), &spare).await.unwrap().unwrap();
    assert_eq!(offered(&ground, &longer).await.desks.len(), 2);
    assert_eq!(ground.overlaps().await, 0);
    assert_eq!(ground.store.waited_for().await.unwrap(), []);
}

pub async fn waiting_is_for_what_may_come_free(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(1).await;
    let person = ground.person().await;
    let held = wait(&ground, person, &centre, &[slot(1, 9, 12)], 2, at(0, 1)).await;
    let Waited::Held(held) = held else { panic!("there is room: {held:?}") };
    assert_eq!(held.status, BookingStatus::Held);
    let child = ground.child(person).await;
    let mut order = ground.order(person, &centre, &[slot(1, 9, 12)]);
    order.children = vec![child];
    let never = ground.store.wait(&entry(&ground, &order, 1, at(0, 1)), &order).await.unwrap();
    assert_eq!(never, Waited::Never(NoRoom::NoNursery));
    let mut order = ground.order(person, &centre, &[slot(1, 9, 12)]);
    order.desks = 2;
    let never = ground.store.wait(&entry(&ground, &order, 1, at(0, 1)), &order).await.unwrap();
    assert!(matches!(never, Waited::Never(NoRoom::Desk { .. })), "there is one in all: {never:?}");
    // Enough is enough, and the same is not more.
    let once = waits(&ground, person, &centre, &[shorter(0)], 2, at(0, 1)).await;
    assert_eq!(waits(&ground, person, &centre, &[shorter(0)], 2, at(0, 2)).await, once);
    for n in 1..i64::try_from(MOST_ENTRIES).unwrap() {
        waits(&ground, person, &centre, &[shorter(n)], 2, at(0, 1)).await;
    }
    let many = wait(&ground, person, &centre, &[slot(1, 10, 12)], 2, at(0, 1)).await;
    assert_eq!(many, Waited::TooMany);
    let mine = ground.store.waiting_of(person, at(0, 0)).await.unwrap();
    assert_eq!(mine.len(), MOST_ENTRIES);
    let stopped = ground.store.stop_waiting(mine[0].id).await.unwrap().unwrap();
    assert_eq!(stopped.state, State::Left);
    assert_eq!(ground.store.stop_waiting(WaitlistId(ground.id())).await.unwrap(), None);
    // What is over is offered nobody.
    let spare = spares(&ground, 2);
    let none = ground.store.promote(&centre, at(1, 9), &spare).await.unwrap();
    assert_eq!(none, []);
    let over = ground.store.waiting(mine[1].id).await.unwrap().unwrap();
    assert_eq!(over.state, State::Over);
    assert_eq!(ground.store.waiting_at(centre.id).await.unwrap(), []);
}

/// From nine to so many minutes before noon.
fn shorter(minutes: i64) -> Interval {
    Interval::new(at(1, 9), at(1, 12) - TimeDelta::minutes(minutes)).unwrap()
}

pub async fn who_waits_in_vain_holds_nobody_else_up(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(1).await;
    ground.nursery(&centre, 1).await;
    let (host, rival) = (ground.person().await, ground.person().await);
    let mut morning = ground.order(host, &centre, &[slot(1, 9, 12)]);
    morning.children = vec![ground.child(host).await];
    ground.book(&morning).await;
    let noon = ground.book(&ground.order(rival, &centre, &[slot(1, 13, 14)])).await;
    // So many that looking at each under the lock would take long: for the desk, or for care alone.
    for n in 0..8 {
        let person = ground.person().await;
        let child = ground.child(person).await;
        for minutes in 0..15 {
            let mut order = ground.order(person, &centre, &[shorter(minutes)]);
            (order.at, order.stands) = (at(0, 1), Stands::HeldUntil(at(0, 23)));
            if n % 2 == 0 {
                (order.desks, order.children) = (0, vec![child]);
            }
            let entry = entry(&ground, &order, 1, at(0, 1));
            let waits = ground.store.wait(&entry, &order).await.unwrap();
            assert!(matches!(waits, Waited::Waits(_)), "{waits:?}");
        }
    }
    let last = ground.person().await;
    let last = waits(&ground, last, &centre, &[slot(1, 13, 14)], 2, at(0, 2)).await;
    let spare = spares(&ground, 2);
    ground.store.cancel(noon.id, &centre, at(0, 3), &spare).await.unwrap();
    assert_eq!(offered(&ground, &last).await.status, BookingStatus::Held);
}

pub async fn a_wish_with_a_key_is_held_once(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(2).await;
    let person = ground.person().await;
    let ask = async |digest| {
        let mut order = ground.order(person, &centre, &[slot(1, 9, 12)]);
        (order.at, order.stands) = (at(0, 1), Stands::HeldUntil(at(0, 23)));
        order.idempotency = Some(Idempotency { key: "w-1".to_owned(), digest });
        ground.store.wait(&entry(&ground, &order, 2, at(0, 1)), &order).await.unwrap()
    };
    let Waited::Held(held) = ask([1; 32]).await else { panic!("there is room") };
    assert_eq!(ask([1; 32]).await, Waited::Held(held));
    assert_eq!(ask([2; 32]).await, Waited::KeyReused);
}

pub async fn who_is_refused_passes_on_what_has_lapsed(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(1).await;
    let (rival, early, late) =
        (ground.person().await, ground.person().await, ground.person().await);
    let full = ground.book(&ground.order(rival, &centre, &[slot(1, 9, 12)])).await;
    let early = waits(&ground, early, &centre, &[slot(1, 9, 12)], 2, at(0, 1)).await;
    let late = waits(&ground, late, &centre, &[slot(1, 9, 12)], 2, at(0, 2)).await;
    let spare = spares(&ground, 2);
    ground.store.cancel(full.id, &centre, at(0, 3), &spare).await.unwrap().unwrap();
    let offer = offered(&ground, &early).await;
    assert_eq!(offer.lapses_at, Some(at(0, 4)));
    let mut order = ground.order(rival, &centre, &[slot(1, 9, 12)]);
    order.at = at(0, 4);
    order.spare = spares(&ground, 2);
    let refused = ground.store.book(&order).await.unwrap();
    assert!(matches!(refused, store::BookResult::Refused(NoRoom::Desk { .. })), "{refused:?}");
    // At once, and not only when the clock comes round.
    assert_eq!(ground.store.waiting(early.id).await.unwrap().unwrap().state, State::Left);
    assert_eq!(offered(&ground, &late).await.status, BookingStatus::Held);
    let lapsed = ground.store.booking(offer.id).await.unwrap().unwrap();
    assert_eq!(lapsed.status, BookingStatus::Lapsed);
}

pub async fn what_events_gave_free_is_offered_by_the_job(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(1).await;
    let (person, waiting) = (ground.person().await, ground.person().await);
    let made = ground.book(&ground.order(person, &centre, &[slot(1, 9, 12)])).await;
    let entry = waits(&ground, waiting, &centre, &[slot(1, 10, 12)], 2, at(0, 1)).await;
    let spare = spares(&ground, 2);
    assert_eq!(ground.store.promote(&centre, at(1, 9), &spare).await.unwrap(), []);
    let claim = ground.store.unvisited_claims(at(1, 9)).await.unwrap().remove(0);
    assert_eq!(claim.booking, made.id);
    assert!(ground.store.release_unvisited(&claim, &centre, at(1, 9)).await.unwrap());
    let held = ground.store.promote(&centre, at(1, 9), &spare).await.unwrap();
    assert_eq!(held, [offered(&ground, &entry).await]);
    assert_eq!(held[0].lapses_at, Some(at(1, 10)), "not beyond its own beginning");
    let found = ground.store.waited_with(held[0].id).await.unwrap().unwrap();
    assert_eq!(found.id, entry.id);
}

pub async fn classes_are_data(ground: Ground) {
    let classes = ground.store.waitlist_classes().await.unwrap();
    let (centre, _) = ground.centre_with_desks(1).await;
    let desk = Wish::of_desks(centre.id, vec![slot(1, 9, 10)], 1);
    let person = ground.person().await;
    let care = Wish { children: vec![ground.child(person).await], ..desk.clone() };
    assert!(rank_of(&classes, &care) < rank_of(&classes, &desk));
}
