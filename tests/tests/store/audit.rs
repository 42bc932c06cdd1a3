//! The record of who did what, and the keys it is sealed with.

use chrono::TimeDelta;
use model::id::{AuditId, CentreId, PersonId, SealKeyId};
use store::{AuditWanted, Base, Head, KeyOwner, SealedEntry, WrappedKey};

use crate::ground::{Ground, at};

fn link(before: &Head, entry: &SealedEntry) -> [u8; 32] {
    let mut hash = before.hash;
    hash[0] = hash[0].wrapping_mul(31).wrapping_add(entry.sealed[0]);
    hash[1] = u8::try_from(before.place).unwrap();
    hash
}

fn entry(ground: &Ground, hour: i64, byte: u8) -> SealedEntry {
    SealedEntry {
        id: AuditId(ground.id()),
        at: at(1, hour),
        action: "signed_in".to_owned(),
        centre: None,
        subject: None,
        actor: None,
        key: SealKeyId(ground.id()),
        sealed: vec![byte],
    }
}

pub async fn entries_get_places_in_the_order_they_were_kept(ground: Ground) {
    let store = &ground.store;
    assert_eq!(store.audit_chain().await.unwrap().head, Head::default());
    let entries: Vec<_> = (0..5).map(|n: u8| entry(&ground, n.into(), n)).collect();
    for entry in &entries[..4] {
        store.add_audit(entry).await.unwrap();
    }
    let (head, placed) = store.chain_audit(3, &link).await.unwrap();
    assert_eq!((head.place, placed), (3, 3));
    store.add_audit(&entries[4]).await.unwrap();
    let (head, placed) = store.chain_audit(3, &link).await.unwrap();
    assert_eq!((head.place, placed), (5, 2));
    assert_eq!(store.chain_audit(3, &link).await.unwrap(), (head, 0));
    assert_eq!(store.audit_chain().await.unwrap().head, head);

    let chained = store.audit_after(0, 10).await.unwrap();
    let mut before = Head::default();
    for (n, chained) in chained.iter().enumerate() {
        assert!(chained.entry == entries[n], "entry {n}");
        assert_eq!(chained.head.hash, link(&before, &chained.entry));
        before = chained.head;
    }
    assert_eq!(before, head);
    assert_eq!(store.audit_after(3, 1).await.unwrap()[0].head.place, 4);
}

pub async fn two_hubs_chain_at_once(ground: Ground) {
    let store = &ground.store;
    for n in 0..60 {
        store.add_audit(&entry(&ground, 0, n)).await.unwrap();
    }
    let turns = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.chain_audit(10, &link).await.unwrap().1 })
    });
    let mut placed = 0;
    for turn in turns.collect::<Vec<_>>() {
        placed += turn.await.unwrap();
    }
    assert_eq!(placed, 60);
    let places: Vec<_> =
        store.audit_after(0, 100).await.unwrap().iter().map(|entry| entry.head.place).collect();
    assert_eq!(places, (1..=60).collect::<Vec<u64>>());
}

pub async fn what_is_chained_cannot_be_changed(ground: Ground) {
    let store = &ground.store;
    store.add_audit(&entry(&ground, 1, 1)).await.unwrap();
    for sql in ["DELETE FROM audit_entries", "UPDATE audit_entries SET action = 'x'"] {
        assert!(ground.raw.run(sql).await.is_err(), "unplaced: {sql}");
    }
    store.chain_audit(9, &link).await.unwrap();
    for sql in [
        "DELETE FROM audit_entries",
        "UPDATE audit_entries SET action = 'x'",
        "UPDATE audit_entries SET place = 9",
        "UPDATE audit_entries SET place = NULL, hash = NULL",
    ] {
        assert!(ground.raw.run(sql).await.is_err(), "{sql}");
    }
    if !ground.raw.is_sqlite() {
        assert!(ground.raw.run("TRUNCATE audit_entries").await.is_err());
    }
    assert_eq!(ground.raw.count("SELECT COUNT(*) FROM audit_entries").await, 1);
}

pub async fn the_chain_begins_later_once_its_beginning_is_forgotten(ground: Ground) {
    let store = &ground.store;
    // Chained in an order that is not quite that of their times.
    for hour in [1, 2, 9, 3, 10] {
        store.add_audit(&entry(&ground, hour, 1)).await.unwrap();
        store.chain_audit(9, &link).await.unwrap();
    }
    assert_eq!(store.audit_older(at(1, 1), 10).await.unwrap(), None);
    assert_eq!(store.audit_older(at(1, 3), 1).await.unwrap().unwrap().place, 1);
    let head = store.audit_older(at(1, 8), 10).await.unwrap().unwrap();
    assert_eq!(head.place, 2);
    let base = Base { head, signature: vec![1, 2, 3] };
    assert_eq!(store.cut_audit(&base).await.unwrap(), 2);
    assert_eq!(store.cut_audit(&base).await.unwrap(), 0);
    let beyond = Base { head: Head { place: 6, ..head }, signature: vec![] };
    assert_eq!(store.cut_audit(&beyond).await.unwrap(), 0);
    let chain = store.audit_chain().await.unwrap();
    assert_eq!((chain.base, chain.head.place), (base, 5));
    assert_eq!(store.audit_after(2, 9).await.unwrap().len(), 3);
    assert_eq!(store.audit_older(at(9, 0), 10).await.unwrap().unwrap().place, 5);
}

pub async fn entries_are_found_by_what_is_not_sealed(ground: Ground) {
    let store = &ground.store;
    let (here, there) = (CentreId(ground.id()), CentreId(ground.id()));
    let (who, whom) = (SealKeyId(ground.id()), SealKeyId(ground.id()));
    let mut entries: Vec<_> = (0..6).map(|n: u8| entry(&ground, n.into(), n)).collect();
    entries[1].action = "card_blocked".to_owned();
    entries[1].centre = Some(here);
    entries[2].centre = Some(there);
    entries[3].subject = Some(whom);
    entries[4].actor = Some(who);
    for entry in &entries {
        store.add_audit(entry).await.unwrap();
    }
    store.chain_audit(2, &link).await.unwrap();
    let none = AuditWanted::default;
    let cases = [
        (none(), vec![5, 4, 3, 2, 1, 0]),
        (AuditWanted { from: Some(at(1, 2)), until: Some(at(1, 4)), ..none() }, vec![3, 2]),
        (AuditWanted { action: Some("card_blocked".to_owned()), ..none() }, vec![1]),
        (AuditWanted { action: Some("'; --".to_owned()), ..none() }, vec![]),
        (AuditWanted { centres: Some(vec![here, there]), ..none() }, vec![2, 1]),
        (AuditWanted { centres: Some(vec![]), ..none() }, vec![]),
        (AuditWanted { subjects: Some(vec![whom]), ..none() }, vec![3]),
        (AuditWanted { actor: Some(who), ..none() }, vec![4]),
        (AuditWanted { before: Some((at(1, 2), entries[2].id)), ..none() }, vec![1, 0]),
    ];
    for (wanted, want) in cases {
        let found = store.audit_like(&wanted, 10).await.unwrap();
        let found: Vec<u8> = found.iter().map(|listed| listed.entry.sealed[0]).collect();
        assert_eq!(found, want, "{wanted:?}");
    }
    let two = store.audit_like(&none(), 2).await.unwrap();
    assert_eq!((two.len(), two[0].place), (2, None));
}

pub async fn sites_tell_the_highest_head_they_saw(ground: Ground) {
    let store = &ground.store;
    let centre = ground.centre().await.id;
    let head = |place, byte| Head { place, hash: [byte; 32] };
    for (told, kept) in [
        (head(4, 1), head(4, 1)),
        (head(9, 2), head(9, 2)),
        (head(7, 3), head(9, 2)),
        (head(9, 4), head(9, 2)),
    ] {
        store.note_site_head(centre, &told, at(1, 1)).await.unwrap();
        assert_eq!(store.site_heads().await.unwrap(), [(centre, kept)]);
    }
}

pub async fn keys_have_one_owner_and_can_be_destroyed(ground: Ground) {
    let store = &ground.store;
    assert!(!store.holds_sealed().await.unwrap());
    let owner = KeyOwner::Person(PersonId(ground.id()));
    let key = WrappedKey { id: SealKeyId(ground.id()), owner, ring_key: 1, wrapped: vec![1] };
    assert!(store.keep_seal_key(&key).await.unwrap() == key);
    let rival = WrappedKey { id: SealKeyId(ground.id()), wrapped: vec![2], ..key.clone() };
    assert!(store.keep_seal_key(&rival).await.unwrap() == key, "the first stays");
    let hub = WrappedKey { id: SealKeyId(ground.id()), owner: KeyOwner::Hub, ..key.clone() };
    assert!(store.keep_seal_key(&hub).await.unwrap() == hub);
    assert!(store.holds_sealed().await.unwrap());
    assert_eq!(store.seal_keys(&[key.id, hub.id, rival.id]).await.unwrap().len(), 2);
    assert_eq!(store.sealed_by(1).await.unwrap(), 2);

    assert_eq!(store.seal_keys_not_by(2, 1).await.unwrap().len(), 1);
    let moved = WrappedKey { ring_key: 2, wrapped: vec![9], ..key.clone() };
    assert!(store.rewrap_seal_key(&moved).await.unwrap());
    assert!(!store.rewrap_seal_key(&rival).await.unwrap());
    assert!(store.seal_key_of(owner).await.unwrap() == Some(moved));
    assert_eq!((store.sealed_by(1).await.unwrap(), store.sealed_by(2).await.unwrap()), (1, 1));

    assert!(store.destroy_seal_key(owner).await.unwrap());
    assert!(!store.destroy_seal_key(owner).await.unwrap());
    assert!(store.seal_key_of(owner).await.unwrap().is_none());
    assert!(store.seal_keys(&[key.id]).await.unwrap().is_empty());
}

pub async fn old_entries_are_read_in_any_year(ground: Ground) {
    let store = &ground.store;
    let mut old = entry(&ground, 1, 1);
    old.at -= TimeDelta::days(365 * 3000);
    store.add_audit(&old).await.unwrap();
    assert_eq!(store.audit_like(&AuditWanted::default(), 9).await.unwrap().len(), 1);
}
