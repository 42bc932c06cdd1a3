//! Work that is due.

use chrono::TimeDelta;
use futures::future::join_all;
use model::access::RefusalKind;
use model::booking::BookingStatus;
use model::id::VisitId;
use model::no_show::SiteWord;
use model::site_event::{Happening, Proof, SiteEvent};
use store::{DueJob, EventBatch};

use crate::ground::{Ground, at, slot};

pub async fn a_job_is_claimed_by_one(ground: Ground) {
    let store = &ground.store;
    for hour in [3, 1, 2, 1] {
        store.enqueue("release", at(0, hour)).await.unwrap();
    }
    assert_eq!(store.claim("a", at(0, 0)).await.unwrap(), None, "nothing is due");
    let workers: Vec<String> = (0..8).map(|worker| format!("worker-{worker}")).collect();
    let claims = join_all(workers.iter().map(|worker| store.claim(worker, at(0, 2)))).await;
    let mut claimed: Vec<_> = claims.into_iter().filter_map(Result::unwrap).collect();
    claimed.sort_by_key(|job| job.due_at);
    let job = |hour| DueJob { job: "release".to_owned(), due_at: at(0, hour) };
    assert_eq!(claimed, [job(1), job(2)]);
    store.finish(&claimed[0], at(0, 2)).await.unwrap();
    store.finish(&claimed[1], at(0, 2)).await.unwrap();
    store.enqueue("release", at(0, 1)).await.unwrap();
    assert_eq!(store.claim("a", at(0, 3)).await.unwrap(), Some(job(3)));
    store.finish(&job(3), at(1, 3)).await.unwrap();
    assert_eq!(store.claim("a", at(1, 3)).await.unwrap(), None);
    assert_eq!(ground.raw.count("SELECT COUNT(*) FROM jobs").await, 1, "the older are forgotten");
}

pub async fn a_lost_worker_loses_its_job(ground: Ground) {
    let store = &ground.store;
    store.enqueue("release", at(0, 1)).await.unwrap();
    let job = store.claim("a", at(0, 1)).await.unwrap();
    assert!(job.is_some());
    assert_eq!(store.claim("b", at(0, 1) + TimeDelta::minutes(5)).await.unwrap(), None);
    assert_eq!(store.claim("b", at(0, 1) + TimeDelta::seconds(301)).await.unwrap(), job);
}

pub async fn claims_nobody_has_come_for(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(3).await;
    let store = &ground.store;
    let person = ground.person().await;
    let missing =
        ground.book(&ground.order(person, &centre, &[slot(1, 9, 12), slot(2, 9, 12)])).await;
    let came = ground.book(&ground.order(person, &centre, &[slot(1, 9, 12)])).await;
    let cancelled = ground.book(&ground.order(person, &centre, &[slot(1, 9, 12)])).await;
    store.cancel(cancelled.id, &centre, at(0, 0), &[]).await.unwrap();
    let check_in = Happening::CheckedIn {
        visit: VisitId(ground.id()),
        person,
        booking: came.id,
        space: came.desks[0].space,
        by: Proof::Code,
    };
    let batch = EventBatch {
        centre: centre.clone(),
        edge: "edge".parse().unwrap(),
        first: 1,
        events: vec![SiteEvent { at: at(1, 9), what: check_in }],
        told_until: at(1, 9),
        at: at(1, 9),
        spare: Vec::new(),
    };
    assert!(store.unvisited_claims(at(1, 8)).await.unwrap().is_empty());
    let waiting = store.unvisited_claims(at(1, 9)).await.unwrap();
    assert_eq!(waiting.len(), 2);
    assert!(waiting.iter().all(|claim| claim.site == SiteWord::default()));
    store.take_events(&batch).await.unwrap();
    let waiting = store.unvisited_claims(at(1, 10)).await.unwrap();
    assert_eq!(waiting.len(), 1);
    let claim = waiting[0];
    assert_eq!(
        (claim.booking, claim.claim, claim.centre),
        (missing.id, missing.desks[0].id, centre.id)
    );
    assert_eq!((claim.when, claim.site.told_until), (slot(1, 9, 12), None), "no sheet yet");
    // Only a sheet that can have the booking makes the site's word one on it.
    for (content, made_at, word) in
        [(1, at(0, 0) - TimeDelta::seconds(1), None), (2, at(0, 0), Some(at(1, 9)))]
    {
        let made = store.next_sheet_listing(centre.id, &[content; 32], &[], made_at).await.unwrap();
        let (version, _) = made.unwrap();
        store.ack_sheet(centre.id, version, at(1, 9)).await.unwrap();
        let claims = store.unvisited_claims(at(1, 10)).await.unwrap();
        assert_eq!(claims[0].site.told_until, word);
    }
    let waiting = store.unvisited_claims(at(2, 9)).await.unwrap();
    assert_eq!(waiting.len(), 2);
    assert!(store.release_unvisited(&waiting[0], &centre, at(1, 10)).await.unwrap());
    assert!(!store.release_unvisited(&waiting[0], &centre, at(1, 11)).await.unwrap(), "once");
    let after = store.booking(missing.id).await.unwrap().unwrap();
    assert_eq!((after.status, after.version), (BookingStatus::Confirmed, 2));
    assert_eq!(after.desks[0].released_at, Some(at(1, 10)));
    assert!(store.release_unvisited(&waiting[1], &centre, at(2, 10)).await.unwrap());
    assert_eq!(store.booking(missing.id).await.unwrap().unwrap().status, BookingStatus::NoShow);
    assert!(store.unvisited_claims(at(9, 0)).await.unwrap().is_empty());
}

pub async fn a_claim_is_released_with_its_care_unless_somebody_came(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(2).await;
    ground.nursery(&centre, 2).await;
    let store = &ground.store;
    let person = ground.person().await;
    let mut bookings = Vec::new();
    for _ in 0..2 {
        let mut order = ground.order(person, &centre, &[slot(1, 9, 12)]);
        order.children = vec![ground.child(person).await];
        bookings.push(ground.book(&order).await);
    }
    let waiting = store.unvisited_claims(at(1, 10)).await.unwrap();
    assert_eq!(waiting.len(), 2);
    let refused = Happening::Refused {
        reader: "kiosk".parse().unwrap(),
        credential: None,
        why: RefusalKind::NoUsableSpace,
        came_for: vec![bookings[1].id],
        late_for: Vec::new(),
    };
    let started = SiteEvent { at: at(1, 8), what: Happening::Started };
    let batch = EventBatch {
        centre: centre.clone(),
        edge: "edge".parse().unwrap(),
        first: 1,
        events: vec![started, SiteEvent { at: at(1, 9), what: refused }],
        told_until: at(1, 9),
        at: at(1, 9),
        spare: Vec::new(),
    };
    store.take_events(&batch).await.unwrap();
    let left = store.unvisited_claims(at(1, 10)).await.unwrap();
    assert_eq!((left.len(), left[0].site.started_at), (1, Some(at(1, 8))));
    for claim in &waiting {
        let came = claim.booking == bookings[1].id;
        let released = store.release_unvisited(claim, &centre, at(1, 10)).await.unwrap();
        assert_eq!(released, !came, "whoever found no usable desk did come");
        let after = store.booking(claim.booking).await.unwrap().unwrap();
        assert_eq!(after.care[0].released_at, released.then(|| at(1, 10)));
        assert_eq!(after.status == BookingStatus::NoShow, released);
    }
}
