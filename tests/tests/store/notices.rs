//! Mails to be sent, and the private addresses of calendars.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use futures::future::join_all;
use model::booking::{Booking, BookingStatus};
use model::centre::SpaceKind;
use model::closure::{Closure, ClosureKind};
use model::id::{ClosureId, PersonId, SpaceId, VisitId};
use model::interval::Interval;
use model::language::LocalText;
use model::notice::{NoticeBody, NoticeKind, WishTold};
use model::site_event::{Happening, Proof, SiteEvent};
use store::{BookResult, BookingOrder, Changed, DueNotice, Erasure, EventBatch, Kept, NewNotice};
use uuid::Uuid;

use crate::ground::{Ground, at, slot};

/// What is due at that time.
async fn due(ground: &Ground, day: i64, hour: i64) -> Vec<DueNotice> {
    let now = at(day, hour);
    let until = now + TimeDelta::minutes(5);
    let taken = ground.store.take_due_notices(now, until, 100).await.unwrap();
    assert_eq!(taken.unreadable, 0);
    taken.due
}

fn kinds(due: &[DueNotice]) -> Vec<NoticeKind> {
    due.iter().map(|notice| notice.kind).collect()
}

pub async fn a_notice_is_written_with_its_booking_or_not_at_all(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(1).await;
    let store = &ground.store;
    let person = ground.person().await;
    let order = ground.order(person, &centre, &[slot(1, 9, 12)]);
    let booking = ground.book(&order).await;
    let refused = ground.order(ground.person().await, &centre, &[slot(1, 9, 12)]);
    store.book(&refused).await.unwrap();
    let told = due(&ground, 0, 0).await;
    assert_eq!(kinds(&told), [NoticeKind::Made], "nobody is told of what was refused");
    assert_eq!((told[0].person, told[0].booking), (person, Some(booking.id)));
    assert_eq!((told[0].made_at, told[0].tries), (at(0, 0), 1));
    store.notices_sent(&[told[0].id], at(0, 0)).await.unwrap();

    store.cancel(booking.id, &centre, at(0, 1), &[]).await.unwrap();
    store.cancel(booking.id, &centre, at(0, 2), &[]).await.unwrap();
    let told = due(&ground, 0, 2).await;
    assert_eq!(kinds(&told), [NoticeKind::Cancelled], "once");
    assert_eq!(told[0].made_at, at(0, 1));
}

pub async fn nobody_came_is_told_once_for_each_time(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(4).await;
    let store = &ground.store;
    let person = ground.person().await;
    let mut order = ground.order(person, &centre, &[slot(1, 9, 12), slot(2, 9, 12)]);
    order.desks = 2;
    let booking = ground.book(&order).await;
    for notice in due(&ground, 0, 0).await {
        store.notices_sent(&[notice.id], at(0, 0)).await.unwrap();
    }
    // Two desks side by side are given free in one batch, by a site whose clock runs ahead.
    let ahead = at(1, 10) + TimeDelta::days(300);
    let missed = |index: usize| SiteEvent {
        at: ahead,
        what: Happening::NoShow {
            booking: booking.id,
            space: booking.desks[index].space,
            starts_at: at(1, 9),
        },
    };
    let batch = EventBatch {
        centre: centre.clone(),
        edge: "edge".parse().unwrap(),
        first: 1,
        events: vec![missed(0), missed(1)],
        told_until: at(1, 10),
        at: at(1, 10),
        spare: Vec::new(),
    };
    store.take_events(&batch).await.unwrap();
    let told = due(&ground, 1, 10).await;
    assert_eq!(kinds(&told), [NoticeKind::Released], "at once, whatever the site's clock says");
    let body = NoticeBody { released_at: Some(at(1, 10)), ..NoticeBody::default() };
    assert_eq!(told[0].body, body);
    store.notices_sent(&[told[0].id], at(1, 10)).await.unwrap();
    let after = store.booking(booking.id).await.unwrap().unwrap();
    assert_eq!(after.desks[0].released_at, Some(at(1, 10)), "nothing is given free in the future");

    // The other day the hub gives them free itself.
    for claim in store.unvisited_claims(at(2, 10)).await.unwrap() {
        assert!(store.release_unvisited(&claim, &centre, at(2, 10)).await.unwrap());
    }
    let told = due(&ground, 2, 10).await;
    assert_eq!(kinds(&told), [NoticeKind::Released]);
    let after = store.booking(booking.id).await.unwrap().unwrap();
    assert_eq!(after.status, BookingStatus::NoShow);
}

pub async fn who_is_late_is_told_once_for_each_time(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(3).await;
    let store = &ground.store;
    let person = ground.person().await;
    let mut order = ground.order(person, &centre, &[slot(1, 9, 12), slot(2, 9, 12)]);
    order.desks = 2;
    let booking = ground.book(&order).await;
    let here = ground.book(&ground.order(person, &centre, &[slot(1, 9, 12)])).await;
    for notice in due(&ground, 0, 0).await {
        store.notices_sent(&[notice.id], at(0, 0)).await.unwrap();
    }
    let waiting = store.unvisited_claims(at(1, 9)).await.unwrap();
    assert_eq!(waiting.len(), 3);
    // One of them comes between the looking and the telling.
    let (visit, space) = (VisitId(ground.id()), here.desks[0].space);
    let (id, by) = (here.id, Proof::Code);
    let batch = EventBatch {
        centre: centre.clone(),
        edge: "edge".parse().unwrap(),
        first: 1,
        events: vec![SiteEvent {
            at: at(1, 9),
            what: Happening::CheckedIn { visit, person, booking: id, space, by },
        }],
        told_until: at(1, 9),
        at: at(1, 9),
        spare: Vec::new(),
    };
    store.take_events(&batch).await.unwrap();
    let mut news = 0;
    for claim in waiting.iter().chain(&waiting) {
        news += u32::from(store.tell_late(claim, at(1, 10), at(1, 9)).await.unwrap());
    }
    assert_eq!(news, 1, "two desks of one time are one piece of news");
    let told = due(&ground, 1, 9).await;
    assert_eq!(kinds(&told), [NoticeKind::Late]);
    assert_eq!((told[0].person, told[0].booking), (person, Some(booking.id)));
    assert_eq!(told[0].body.answer_by, Some(at(1, 10)));
    store.notices_sent(&[told[0].id], at(1, 9)).await.unwrap();
    for claim in store.unvisited_claims(at(2, 9)).await.unwrap() {
        store.tell_late(&claim, at(2, 10), at(2, 9)).await.unwrap();
    }
    assert_eq!(kinds(&due(&ground, 2, 9).await), [NoticeKind::Late], "the other day by itself");
    // What was given free is told of no more, and stands where a site can read of it.
    for claim in store.unvisited_claims(at(2, 10)).await.unwrap() {
        assert!(store.release_unvisited(&claim, &centre, at(2, 10)).await.unwrap());
        assert!(!store.tell_late(&claim, at(2, 10), at(2, 10)).await.unwrap());
    }
    let gone = store.given_free_at(centre.id, &slot(2, 6, 12)).await.unwrap();
    assert_eq!(gone.iter().map(|one| one.id).collect::<Vec<_>>(), [booking.id]);
    assert_eq!(store.given_free_at(centre.id, &slot(2, 12, 18)).await.unwrap(), []);
    let cancelled = ground.book(&ground.order(person, &centre, &[slot(3, 9, 12)])).await;
    store.cancel(cancelled.id, &centre, at(3, 8), &[]).await.unwrap();
    assert_eq!(store.given_free_at(centre.id, &slot(3, 6, 12)).await.unwrap(), []);
}

pub async fn who_picked_a_desk_is_told_of_another(ground: Ground) {
    let (centre, desks) = ground.centre_with_desks(3).await;
    let store = &ground.store;
    let person = ground.person().await;
    let label = async |space: SpaceId| {
        let spaces = store.spaces().await.unwrap();
        spaces.into_iter().find(|one| one.id == space).unwrap().label
    };
    let order = |hours: Interval, space: Option<SpaceId>| {
        let mut order = ground.order(person, &centre, &[hours]);
        (order.pinned, order.needs.pinned) = (space, space.is_some());
        order
    };
    let told = async || {
        let mut told = due(&ground, 0, 1).await;
        for notice in &told {
            store.notices_sent(&[notice.id], at(0, 1)).await.unwrap();
        }
        told.pop().map(|notice| (notice.kind, notice.body.desk))
    };
    let change = async |booking: &Booking, order: BookingOrder| {
        let order = BookingOrder { id: booking.id, code: booking.code, ..order };
        match store.change(booking.id, booking.version, &order, &[]).await.unwrap() {
            Changed::Done(booking) => booking,
            other => panic!("{other:?}"),
        }
    };
    let booking = ground.book(&order(slot(1, 9, 12), Some(desks[0]))).await;
    assert_eq!(told().await, Some((NoticeKind::Made, None)));
    let booking = change(&booking, order(slot(1, 9, 12), Some(desks[1]))).await;
    assert_eq!(booking.desks[0].space, desks[1]);
    assert_eq!(told().await, Some((NoticeKind::Moved, Some(label(desks[1]).await))));
    // Another time on another desk is a change, and names the desk; another time alone does not.
    let booking = change(&booking, order(slot(1, 10, 12), Some(desks[2]))).await;
    assert_eq!(told().await, Some((NoticeKind::Changed, Some(label(desks[2]).await))));
    let booking = change(&booking, order(slot(1, 9, 12), Some(desks[2]))).await;
    assert_eq!(told().await, Some((NoticeKind::Changed, None)));
    // Who did not pick one is told no number, before or after.
    // Whose desk is closed and who picks no other is told that it is another, and no number.
    ground.book(&order(slot(1, 9, 12), Some(desks[0]))).await;
    let closed = ground.space(&centre, SpaceKind::Desk).await;
    let moves = ground.book(&order(slot(4, 9, 12), Some(closed))).await;
    told().await;
    let reason = LocalText::new("点検", "Check");
    let closure = Closure {
        id: ClosureId(ground.id()),
        centre: centre.id,
        space: Some(closed),
        kind: ClosureKind::Closed,
        when: slot(4, 0, 24),
        reason,
        made_by: None,
        made_at: at(0, 0),
    };
    store.close(&centre, &closure).await.unwrap();
    told().await;
    let moved = change(&moves, order(slot(4, 9, 12), None)).await;
    assert_ne!(moved.desks[0].space, closed);
    assert_eq!(told().await, Some((NoticeKind::Moved, None)));
    let booking = change(&booking, order(slot(1, 8, 12), None)).await;
    assert_eq!(told().await.map(|(kind, _)| kind), Some(NoticeKind::Changed));
    change(&booking, order(slot(5, 9, 12), Some(desks[0]))).await;
    assert_eq!(told().await, Some((NoticeKind::Changed, None)));
    // Packing moves who picked none without a word: they never knew a number.
    let others = ground.book(&ground.order(person, &centre, &[slot(2, 9, 12)])).await;
    told().await;
    let mut wide = ground.order(person, &centre, &[slot(2, 9, 12)]);
    (wide.pinned, wide.needs.pinned) = (Some(others.desks[0].space), true);
    assert!(matches!(store.book(&wide).await.unwrap(), BookResult::Refused(_)));
    assert_eq!(told().await, None);
}

pub async fn a_closure_is_told_to_those_it_meets(ground: Ground) {
    let (centre, desks) = ground.centre_with_desks(3).await;
    let store = &ground.store;
    let (one, other, later) = (ground.person().await, ground.person().await, ground.person().await);
    let met = ground.book(&ground.order(one, &centre, &[slot(1, 9, 12)])).await;
    let mut pinned = ground.order(other, &centre, &[slot(1, 10, 11), slot(2, 9, 10)]);
    pinned.pinned = desks.iter().copied().find(|desk| *desk != met.desks[0].space);
    pinned.needs.pinned = true;
    let both = ground.book(&pinned).await;
    ground.book(&ground.order(later, &centre, &[slot(2, 9, 12)])).await;
    let gone = ground.book(&ground.order(later, &centre, &[slot(1, 9, 10)])).await;
    store.cancel(gone.id, &centre, at(0, 0), &[]).await.unwrap();
    for notice in due(&ground, 0, 0).await {
        store.notices_sent(&[notice.id], at(0, 0)).await.unwrap();
    }
    let closure = |space, kind, when| Closure {
        id: ClosureId(ground.id()),
        centre: centre.id,
        space,
        kind,
        when,
        reason: LocalText::new("停電", "The power is off"),
        made_by: Some(one),
        made_at: at(0, 1),
    };
    let calm = closure(None, ClosureKind::NoNew, slot(1, 0, 24));
    assert!(store.close(&centre, &calm).await.unwrap().is_empty());
    assert!(due(&ground, 0, 1).await.is_empty(), "what is booked stands: nobody is told");

    let shut = closure(None, ClosureKind::Closed, slot(1, 11, 24));
    assert_eq!(store.close(&centre, &shut).await.unwrap(), std::slice::from_ref(&met));
    let told = due(&ground, 0, 1).await;
    assert_eq!(kinds(&told), [NoticeKind::Closure], "who touches it is not met");
    assert_eq!((told[0].person, told[0].booking), (one, Some(met.id)));
    let body = NoticeBody { closure: Some(shut.id), ..NoticeBody::default() };
    assert_eq!((&told[0].body, told[0].made_at), (&body, at(0, 1)));
    store.notices_sent(&[told[0].id], at(0, 1)).await.unwrap();

    // Another closure is other news, of one desk alone only to who sits there.
    let space = Some(both.desks[0].space);
    let desk = closure(space, ClosureKind::Closed, slot(1, 9, 12));
    assert_eq!(store.close(&centre, &desk).await.unwrap(), std::slice::from_ref(&both));
    let told = due(&ground, 0, 1).await;
    assert_eq!((kinds(&told), told[0].person), (vec![NoticeKind::Closure], other));

    // What cannot be kept is told to nobody.
    let twice = Closure { space: None, when: slot(1, 0, 24), ..desk };
    store.close(&centre, &twice).await.unwrap_err();
    assert!(due(&ground, 0, 1).await.is_empty());
}

pub async fn each_notice_is_one_takers_until_its_time_is_over(ground: Ground) {
    let store = &ground.store;
    let person = ground.person().await;
    let notice = |n: u32| NewNotice {
        person,
        kind: NoticeKind::Waitlisted,
        booking: None,
        body: NoticeBody {
            wish: Some(WishTold {
                centre: model::id::CentreId(Uuid::from_u128(9)),
                slots: vec![slot(1, 9, 12)],
                desks: n,
                children: 2,
            }),
            reason: Some("「'; DROP TABLE notices; --\n\u{0000}".replace('\u{0000}', "")),
            ..NoticeBody::default()
        },
        occasion: n.to_string(),
        at: at(0, 0),
    };
    for n in 0..20 {
        store.add_notice(&notice(n)).await.unwrap();
        store.add_notice(&notice(n)).await.unwrap();
    }
    let (now, until) = (at(0, 1), at(0, 1) + TimeDelta::minutes(5));
    let takers = (0..8).map(|_| store.take_due_notices(now, until, 4));
    let taken: Vec<_> = join_all(takers).await.into_iter().map(Result::unwrap).collect();
    let all: Vec<DueNotice> = taken.into_iter().flat_map(|taken| taken.due).collect();
    let ids: BTreeSet<_> = all.iter().map(|notice| notice.id).collect();
    assert_eq!((all.len(), ids.len()), (20, 20), "each once, and the same news is one notice");
    assert!(
        all.iter().all(|taken| taken.body == notice(taken.body.wish.as_ref().unwrap().desks).body)
    );
    assert!(store.take_due_notices(now, until, 4).await.unwrap().due.is_empty());

    // Whoever is late no longer decides.
    let (late, lost) = (&all[0], &all[1]);
    assert_eq!(store.notices_sent(&[all[2].id], now).await.unwrap(), 1);
    assert_eq!(store.notices_sent(&[all[2].id], now).await.unwrap(), 0);
    for sent in &all[3..] {
        store.notices_sent(&[sent.id], now).await.unwrap();
    }
    let next = store.take_due_notices(until, at(0, 3), 4).await.unwrap().due;
    assert_eq!(next.len(), 2);
    assert!(next.iter().all(|notice| notice.tries == 2));
    store.put_off_notice(late, at(9, 0)).await.unwrap();
    store.drop_notice(lost, at(0, 2)).await.unwrap();
    let again = store.take_due_notices(at(0, 3), at(0, 4), 4).await.unwrap().due;
    assert_eq!(again.len(), 2, "the second taker decides");
    store.put_off_notice(&again[0], at(1, 0)).await.unwrap();
    store.drop_notice(&again[1], at(0, 4)).await.unwrap();
    assert_eq!(
        store.notices_sent(&[again[1].id], at(0, 4)).await.unwrap(),
        0,
        "given up is given up"
    );
    assert!(due(&ground, 0, 23).await.is_empty());
    let last = due(&ground, 1, 0).await;
    assert_eq!((last.len(), last[0].id, last[0].tries), (1, again[0].id, 4));
    let told = store.notices_of(person).await.unwrap();
    assert_eq!(told.len(), 20);
    assert_eq!(told.iter().filter(|record| record.sent_at.is_some()).count(), 18);
}

pub async fn what_cannot_be_read_stops_nothing(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(2).await;
    let person = ground.person().await;
    for day in [1, 2] {
        ground.book(&ground.order(person, &centre, &[slot(day, 9, 12)])).await;
    }
    let store = &ground.store;
    let one = store.bookings_of(person, at(0, 0)).await.unwrap()[0].id;
    let damage = format!(
        "UPDATE notices SET body = '{{\"released_at\": 7}}' WHERE booking_id = {}",
        ground.raw.id(one.0)
    );
    assert_eq!(ground.raw.run(&damage).await.unwrap(), 1);
    let taken = store.take_due_notices(at(0, 0), at(0, 1), 9).await.unwrap();
    assert_eq!((taken.due.len(), taken.unreadable), (1, 1));
    let taken = store.take_due_notices(at(0, 0), at(0, 1), 9).await.unwrap();
    assert_eq!((taken.due.len(), taken.unreadable), (0, 0));
    assert!(ground.raw.run("UPDATE notices SET kind = 'advertisement'").await.is_err());
}

pub async fn notices_go_with_their_time_their_booking_and_their_person(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(3).await;
    let store = &ground.store;
    let (person, other) = (ground.person().await, ground.person().await);
    for who in [person, person, other] {
        ground.book(&ground.order(who, &centre, &[slot(1, 9, 12)])).await;
    }
    let told = due(&ground, 0, 0).await;
    let of_person: Vec<_> = told.iter().filter(|notice| notice.person == person).collect();
    store.notices_sent(&[of_person[0].id], at(0, 0)).await.unwrap();
    let count = "SELECT COUNT(*) FROM notices";
    assert_eq!(store.forget(Kept::Notices, at(0, 0), 9).await.unwrap(), 0);
    assert_eq!(store.forget(Kept::Notices, at(0, 1), 9).await.unwrap(), 1, "never what is open");
    assert_eq!(ground.raw.count(count).await, 2);
    store.set_calendar_feed(person, &[1; 32], at(0, 0)).await.unwrap();
    let pseudonym = PersonId(ground.id());
    let erasure = Erasure { person, pseudonym, children: Vec::new(), at: at(0, 1) };
    assert!(store.erase(&erasure).await.unwrap());
    assert_eq!(store.calendar_feed(&[1; 32]).await.unwrap(), None);
    assert_eq!(ground.raw.count(count).await, 1);
    store.forget(Kept::Bookings, at(9, 0), 9).await.unwrap();
    assert_eq!(ground.raw.count(count).await, 0);
    let rule = store.retention().await.unwrap().into_iter().find(|rule| rule.what == Kept::Notices);
    assert_eq!(rule.unwrap().days, 90);
}

pub async fn a_calendar_has_one_address(ground: Ground) {
    let store = &ground.store;
    let (one, other) = (ground.person().await, ground.person().await);
    assert_eq!(store.calendar_feed_of(one).await.unwrap(), None);
    assert!(!store.drop_calendar_feed(one).await.unwrap());
    store.set_calendar_feed(one, &[1; 32], at(0, 0)).await.unwrap();
    store.set_calendar_feed(one, &[2; 32], at(0, 1)).await.unwrap();
    assert_eq!(store.calendar_feed(&[1; 32]).await.unwrap(), None, "the old one has ended");
    assert_eq!(store.calendar_feed(&[2; 32]).await.unwrap(), Some(one));
    assert_eq!(store.calendar_feed_of(one).await.unwrap(), Some(at(0, 1)));
    assert!(store.set_calendar_feed(other, &[2; 32], at(0, 1)).await.is_err(), "nobody else's");
    assert!(store.drop_calendar_feed(one).await.unwrap());
    assert_eq!(store.calendar_feed(&[2; 32]).await.unwrap(), None);
}
