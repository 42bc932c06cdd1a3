//! The chain over what a site tells: what is noticed when it comes, and what `verify-events` says of the hub's own
//! record when somebody touched it by hand.

use chrono::TimeDelta;
use hub::jobs::forget;
use hub::service::event_chain::{Fault, Whole, verify};
use model::centre::Centre;
use model::event_chain::{SiteAlarmKind, ToldChain};
use model::id::{BootId, ChainFileId};
use model::site_event::{Happening, SiteEvent};
use store::{EventBatch, EventsTaken, Kept, ToldRecord};
use uuid::Uuid;
use wire::chain;
use wire::event::{Batch, EventBody};

use crate::ground::Ground;

/// A site that keeps a chain.
#[derive(Clone)]
struct Site {
    centre: Centre,
    file: ChainFileId,
    began: u64,
    bodies: Vec<EventBody>,
}

impl Site {
    /// Goes on after what the hub has.
    async fn of(ground: &Ground, file: u128) -> Self {
        let centres = ground.hub.store.centres().await.unwrap();
        let centre = centres.into_iter().find(|one| one.slug.as_str() == "yokohama").unwrap();
        let reached = ground.hub.store.site_status(centre.id).await.unwrap().reached;
        let file = ChainFileId(Uuid::from_u128(file));
        Self { centre, file, began: reached + 1, bodies: Vec::new() }
    }

    fn happens(&mut self, ground: &Ground, version: u64) {
        let what = Happening::SheetInForce { version };
        self.bodies.push(SiteEvent { at: ground.hub.now(), what }.into());
    }

    fn place(&self, index: usize) -> u64 {
        self.began + u64::try_from(index).unwrap()
    }

    /// The batch from the event of this number on.
    fn batch(&self, from: usize) -> Batch {
        let start = chain::start(self.file, self.began);
        let mut hashes = vec![start];
        for (index, body) in self.bodies.iter().enumerate() {
            hashes.push(chain::link(&hashes[index], self.place(index), body.written()));
        }
        let first = self.place(from);
        let (before, links) = (hashes[from], hashes[from + 1..].to_vec());
        let chain = Some(ToldChain { file: self.file, began: self.began, before, links });
        let events = self.bodies[from..].to_vec();
        Batch { first, events, told_until: self.bodies[0].at, chain, ..Batch::default() }
    }

    /// What the hub notices of it.
    async fn tell(&self, ground: &Ground, batch: Batch) -> Vec<(SiteAlarmKind, u64)> {
        ground.clock.advance(TimeDelta::seconds(1));
        let told = ToldRecord {
            bodies: batch.events.iter().map(|event| event.written().to_owned()).collect(),
            chain: chain::check(&batch).unwrap(),
            boot: batch.boot,
        };
        let (first, at) = (batch.first, ground.hub.now());
        let batch = EventBatch {
            centre: self.centre.clone(),
            edge: "yokohama-edge".parse().unwrap(),
            first,
            events: batch.events.into_iter().map(EventBody::into_event).collect(),
            told_until: batch.told_until,
            at,
            spare: Vec::new(),
        };
        let (taken, noticed) = ground.hub.store.take_recorded(&batch, &told).await.unwrap();
        assert!(matches!(taken, EventsTaken::Reached(_)), "it is taken all the same: {taken:?}");
        noticed.into_iter().map(|one| (one.kind, one.place)).collect()
    }
}

async fn verdict(ground: &Ground, site: &Site) -> Result<Whole, Fault> {
    verify(&ground.hub, site.centre.id).await.unwrap()
}

pub async fn what_does_not_follow_is_noticed_marked_and_kept(ground: Ground) {
    use SiteAlarmKind::*;
    let mut site = Site::of(&ground, 1).await;
    (1..=6).for_each(|version| site.happens(&ground, version));
    assert_eq!(site.tell(&ground, site.batch(0)).await, []);
    assert_eq!(site.tell(&ground, site.batch(2)).await, [], "told once more");
    let put_back = site.clone();

    // Between writing and telling one is changed and one is gone.
    (7..=10).for_each(|version| site.happens(&ground, version));
    let mut batch = site.batch(6);
    let changed = batch.events[1].written().replace("\"version\":8", "\"version\":80");
    batch.events[1] = changed.parse().unwrap();
    let at = batch.events[3].at;
    batch.events[3] = SiteEvent { at, what: Happening::Lost }.into();
    let noticed = site.tell(&ground, batch).await;
    assert_eq!(noticed, [(EventChanged, site.place(7)), (EventMissing, site.place(9))]);
    let whole = verdict(&ground, &site).await.unwrap();
    assert_eq!((whole.last, whole.doubtful), (site.place(9), 2));

    // A file of before is put back, and goes on by itself.
    let mut other = put_back;
    (20..=25).for_each(|version| other.happens(&ground, version));
    let noticed = other.tell(&ground, other.batch(6)).await;
    assert_eq!(noticed, [(ChainForked, site.place(9))]);
    let mut renumbered = Site { began: other.place(12), bodies: Vec::new(), ..other };
    renumbered.file = ChainFileId(Uuid::from_u128(2));
    renumbered.happens(&ground, 26);
    assert_eq!(
        renumbered.tell(&ground, renumbered.batch(0)).await,
        [(ChainBegan, renumbered.place(0))]
    );
    renumbered.happens(&ground, 27);
    let without = Batch { chain: None, ..renumbered.batch(1) };
    assert_eq!(renumbered.tell(&ground, without).await, [(ChainStopped, renumbered.place(1))]);
    assert!(verdict(&ground, &site).await.is_ok());

    let store = &ground.hub.store;
    let since = ground.hub.now() - TimeDelta::hours(1);
    let kept = store.site_alarms(site.centre.id, since).await.unwrap();
    let mut kinds: Vec<_> = kept.iter().map(|alarm| alarm.kind).collect();
    kinds.sort();
    assert_eq!(kinds, [EventChanged, EventMissing, ChainForked, ChainBegan, ChainStopped]);
    let waiting = store.alarms_to_record(site.centre.id).await.unwrap();
    assert_eq!(waiting.len(), 5);
    store.alarm_recorded(site.centre.id, &waiting[0], ground.hub.now()).await.unwrap();
    assert_eq!(store.alarms_to_record(site.centre.id).await.unwrap(), waiting[1..]);
}

pub async fn two_runs_of_one_edge_that_take_turns_are_noticed(ground: Ground) {
    let mut site = Site::of(&ground, 1).await;
    site.happens(&ground, 1);
    let word = |boot: u128| Batch { boot: Some(BootId(Uuid::from_u128(boot))), ..site.batch(0) };
    for boot in [1, 1, 2, 3, 3] {
        assert_eq!(site.tell(&ground, word(boot)).await, [], "a restart is no twin");
    }
    let reached = site.place(0);
    for boot in [2, 3, 2] {
        assert_eq!(site.tell(&ground, word(boot)).await, [(SiteAlarmKind::Twin, reached)]);
    }
    assert_eq!(site.tell(&ground, word(2)).await, []);
    let since = ground.hub.now() - TimeDelta::hours(1);
    let kept = ground.hub.store.site_alarms(site.centre.id, since).await.unwrap();
    assert_eq!(kept.iter().map(|alarm| alarm.times).collect::<Vec<_>>(), [3], "one alarm");
}

pub async fn fault_21_damage_to_what_sites_told_is_named(ground: Ground) {
    let mut site = Site::of(&ground, 1).await;
    let unchained = site.began - 1;
    (1..=20).for_each(|version| site.happens(&ground, version));
    site.tell(&ground, site.batch(0)).await;
    let last = site.place(19);
    let whole = verdict(&ground, &site).await.unwrap();
    assert_eq!((whole.events, whole.unchained, whole.last), (last, unchained, last));
    let (a, b) = (site.place(6), site.place(12));
    let of = |place: u64| {
        format!("place = {place} AND centre_id = (SELECT id FROM centres WHERE slug = 'yokohama')")
    };
    ground.run("CREATE TABLE kept AS SELECT * FROM site_events").await.unwrap();
    for (damage, fault) in [
        (
            format!("UPDATE site_events SET body = replace(body, '7', '8') WHERE {}", of(a)),
            Fault::Changed(a),
        ),
        (format!("UPDATE site_events SET chain = NULL WHERE {}", of(b)), Fault::Changed(b)),
        (format!("DELETE FROM site_events WHERE {}", of(b)), Fault::Missing(b)),
        (
            format!("DELETE FROM site_events WHERE {}", of(last)),
            Fault::Cut { from: last, told: last },
        ),
        (
            format!(
                "UPDATE site_events SET body = (SELECT k.body FROM kept k WHERE k.place = {b}
                     AND k.centre_id = site_events.centre_id) WHERE {}",
                of(a)
            ),
            Fault::Changed(a),
        ),
    ] {
        assert_eq!(ground.run(&damage).await.unwrap(), 1, "{damage}");
        assert_eq!(verdict(&ground, &site).await, Err(fault), "{damage}");
        ground.run("DELETE FROM site_events").await.unwrap();
        ground.run("INSERT INTO site_events SELECT * FROM kept").await.unwrap();
    }
    assert!(verdict(&ground, &site).await.is_ok());

    // With how far the site has told: the chain says more.
    for (damage, told, fault) in [
        (of(last), last - 1, Fault::Cut { from: last, told: last }),
        ("place > 0".to_owned(), last, Fault::Wiped { told: last }),
        ("place > 0".to_owned(), 0, Fault::Wiped { told: last }),
    ] {
        ground.run(&format!("DELETE FROM site_events WHERE {damage}")).await.unwrap();
        ground.run(&format!("UPDATE sites SET reached = {told}")).await.unwrap();
        assert_eq!(verdict(&ground, &site).await, Err(fault), "{damage}, {told}");
        ground.run(&format!("UPDATE sites SET reached = {last}")).await.unwrap();
        ground.run("DELETE FROM site_events").await.unwrap();
        ground.run("INSERT INTO site_events SELECT * FROM kept").await.unwrap();
    }
    ground.run("UPDATE site_chains SET head = before_hash").await.unwrap();
    assert_eq!(verdict(&ground, &site).await, Err(Fault::OtherEnd(last)));
}

pub async fn what_was_forgotten_by_age_was_not_deleted(ground: Ground) {
    let mut site = Site::of(&ground, 1).await;
    (1..=3).for_each(|version| site.happens(&ground, version));
    site.tell(&ground, site.batch(0)).await;
    let (hub, last) = (&ground.hub, site.place(2));
    assert_eq!(verdict(&ground, &site).await.unwrap().forgotten, 0);
    hub.store.put_snapshot(site.centre.id, last, "{}", hub.now()).await.unwrap();
    ground.clock.advance(TimeDelta::days(400));
    let gone = forget::run(hub).await.unwrap();
    assert!(gone[&Kept::SiteEvents] >= last, "{gone:?}");
    let nothing = Whole { forgotten: last, ..Whole::default() };
    assert_eq!(verdict(&ground, &site).await, Ok(nothing));

    // It is back, and goes on: what it tells now is young, and whoever deletes it is found out.
    site.happens(&ground, 4);
    site.tell(&ground, site.batch(3)).await;
    let whole = verdict(&ground, &site).await.unwrap();
    assert_eq!((whole.events, whole.forgotten, whole.last), (1, last, last + 1));
    ground.run("DELETE FROM site_events").await.unwrap();
    assert_eq!(verdict(&ground, &site).await, Err(Fault::Wiped { told: last + 1 }));

    // Of a site that has told nothing yet nothing is missing.
    ground.run("DELETE FROM site_chains").await.unwrap();
    ground.run("UPDATE sites SET reached = 0").await.unwrap();
    assert_eq!(verdict(&ground, &site).await, Ok(Whole::default()));
}
