//! Days: what they hold, and word of what has changed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use model::centre::{Centre, SpaceKind};
use model::closure::{Closure, ClosureKind};
use model::id::{CentreId, ClosureId, QuotaId};
use model::language::LocalText;
use model::quota::{Measure, Quota, Subject};
use store::{BookResult, DayNews, Store};
use tests::waiting::within;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;

use crate::ground::{Ground, at, slot};

/// Monday, 5 April 2027, and so many days later.
fn day(days: u64) -> NaiveDate {
    at(0, 0).with_timezone(&chrono_tz::Asia::Tokyo).date_naive() + chrono::Days::new(days)
}

/// What has been told by now.
fn told(news: &mut Receiver<DayNews>) -> BTreeSet<(CentreId, NaiveDate)> {
    let mut days = BTreeSet::new();
    loop {
        match news.try_recv() {
            Ok(DayNews::Changed { centre, day, here: true }) => days.insert((centre, day)),
            Err(TryRecvError::Empty) => return days,
            other => panic!("{other:?}"),
        };
    }
}

pub async fn news_of_a_day_come_before_the_answer(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(1).await;
    let store = &ground.store;
    let mut news = store.day_news();
    let person = ground.person().await;
    let revisions = async || {
        let mut all = store.day_revisions(&[centre.id], day(0), day(9)).await.unwrap();
        all.sort();
        all
    };
    assert_eq!(revisions().await, []);

    let made = ground.book(&ground.order(person, &centre, &[slot(1, 9, 12), slot(3, 9, 12)])).await;
    let days = BTreeSet::from([(centre.id, day(1)), (centre.id, day(3))]);
    assert_eq!(told(&mut news), days);
    let first = revisions().await;
    let named: BTreeSet<_> = first.iter().map(|(centre, day, _)| (*centre, *day)).collect();
    assert_eq!(named, days);

    let full = store.book(&ground.order(person, &centre, &[slot(1, 10, 11)])).await.unwrap();
    assert!(matches!(full, BookResult::Refused(_)), "{full:?}");
    assert_eq!(told(&mut news), BTreeSet::new(), "nothing has changed");
    assert_eq!(revisions().await, first);

    store.cancel(made.id, &centre, at(0, 0), &[]).await.unwrap();
    assert_eq!(told(&mut news), days);
    let second = revisions().await;
    assert!(first.iter().zip(&second).all(|(before, after)| before.2 < after.2), "{second:?}");
    let elsewhere = [CentreId(ground.id())];
    assert_eq!(store.day_revisions(&elsewhere, day(0), day(9)).await.unwrap(), []);
    assert_eq!(store.day_revisions(&[centre.id], day(2), day(2)).await.unwrap(), []);
}

pub async fn claims_are_those_of_the_centres_asked(ground: Ground) {
    let (here, _) = ground.centre_with_desks(1).await;
    let (there, _) = ground.centre_with_desks(1).await;
    let person = ground.person().await;
    let one = ground.book(&ground.order(person, &here, &[slot(1, 9, 12)])).await;
    ground.book(&ground.order(person, &there, &[slot(1, 9, 12)])).await;
    let claims = async |centres: &[&Centre], window| {
        let ids: Vec<_> = centres.iter().map(|centre| centre.id).collect();
        ground.store.claims_at(&ids, &window).await.unwrap().desks
    };
    let claim = (here.id, one.desks[0].space, slot(1, 9, 12));
    assert_eq!(claims(&[&here], slot(1, 11, 24)).await, [claim]);
    assert_eq!(claims(&[&here, &there], slot(0, 0, 48)).await.len(), 2);
    assert_eq!(claims(&[], slot(0, 0, 48)).await, []);
    assert_eq!(claims(&[&here, &there], slot(1, 12, 24)).await, []);
}

pub async fn the_places_revision_tells_of_each_change(ground: Ground) {
    let store = &ground.store;
    let (mut centre, _) = ground.centre_with_desks(1).await;
    let mut before = store.places_revision().await.unwrap();
    let mut risen = async |what: &str| {
        let now = store.places_revision().await.unwrap();
        assert!(now > before, "{what}");
        before = now;
    };
    ground.space(&centre, SpaceKind::Booth).await;
    risen("a space").await;
    ground.nursery(&centre, 3).await;
    risen("a nursery").await;
    centre.settings.buffer_minutes = 15;
    assert!(store.set_settings(&centre).await.unwrap());
    risen("a rule").await;
    let closure = Closure {
        id: ClosureId(ground.id()),
        centre: centre.id,
        space: None,
        kind: ClosureKind::NoNew,
        when: slot(1, 9, 12),
        reason: LocalText::new("停電", "No power"),
        made_by: None,
        made_at: at(0, 0),
    };
    store.close(&centre, &closure).await.unwrap();
    risen("a closure").await;
    store.reopen(&centre, closure.id).await.unwrap();
    risen("no closure").await;
    let quota = Quota {
        id: QuotaId(ground.id()),
        subject: Subject::Person,
        employer: None,
        centre: None,
        measure: Measure::AtOnce,
        most: 3,
        from_day: day(0),
        until_day: None,
        source: LocalText::new("規約", "Rules"),
    };
    store.add_quota(&quota).await.unwrap();
    risen("a quota").await;
    store.end_quota(quota.id, day(3)).await.unwrap();
    risen("the end of a quota").await;
    ground.centre().await;
    risen("a centre").await;
    let person = ground.person().await;
    ground.book(&ground.order(person, &centre, &[slot(2, 9, 12)])).await;
    assert_eq!(store.places_revision().await.unwrap(), before, "a booking is no place");
}

pub async fn hubs_hear_of_each_others_days(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(2).await;
    let Some(other) = ground.another_hub().await else {
        within("the one hub to hear nobody", ground.store.hear_others()).await.unwrap();
        return;
    };
    let hears = |store: &Arc<dyn Store>| {
        let store = Arc::clone(store);
        // As a hub does: whatever ends it, it begins again.
        tokio::spawn(async move { while store.hear_others().await.is_err() {} })
    };
    let mut news = other.day_news();
    let hearing = [hears(&ground.store), hears(&other)];
    let next = async |news: &mut Receiver<DayNews>| within("news", news.recv()).await.unwrap();
    assert_eq!(next(&mut news).await, DayNews::Lost, "what was before is unknown");
    let person = ground.person().await;
    // The other end may not hear yet: what is said before that is lost, as with any hub that starts.
    let heard = loop {
        let hour = i64::try_from(ground.number() % 20).unwrap();
        ground
            .store
            .book(&ground.order(person, &centre, &[slot(1, hour, hour + 1)]))
            .await
            .unwrap();
        let soon = tokio::time::timeout(Duration::from_millis(500), news.recv());
        if let Ok(heard) = soon.await {
            break heard.unwrap();
        }
    };
    assert_eq!(heard, DayNews::Changed { centre: centre.id, day: day(1), here: false });

    // The line to the database breaks and comes back.
    let killed = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND query LIKE 'LISTEN %'";
    assert_eq!(ground.raw.count(killed).await, 2);
    while next(&mut news).await != DayNews::Lost {}
    ground.book(&ground.order(person, &centre, &[slot(4, 9, 10)])).await;
    let then = DayNews::Changed { centre: centre.id, day: day(4), here: false };
    while next(&mut news).await != then {}
    hearing.iter().for_each(tokio::task::JoinHandle::abort);
}
