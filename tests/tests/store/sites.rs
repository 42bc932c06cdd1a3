//! Sheets, snapshots.

use chrono::TimeDelta;
use futures::future::join_all;
use store::SiteStatus;

use crate::ground::{Ground, at};

pub async fn sheets_rise_with_their_content(ground: Ground) {
    let centre = ground.centre().await;
    let store = &ground.store;
    assert_eq!(store.site_status(centre.id).await.unwrap(), SiteStatus::default());
    let version = async |content| {
        store.next_sheet_listing(centre.id, &[content; 32], &[], at(0, 0)).await.unwrap().unwrap()
    };
    assert_eq!(version(1).await, (1, true));
    assert_eq!(version(1).await, (1, false));
    assert_eq!(version(2).await, (2, true));
    assert_eq!(version(1).await, (3, true), "as the first, but after the second");
    let makers = (0..8).map(|_| store.next_sheet_listing(centre.id, &[7; 32], &[], at(0, 0)));
    let made: Vec<_> =
        join_all(makers).await.into_iter().map(|made| made.unwrap().unwrap()).collect();
    assert!(made.iter().all(|(version, _)| *version == 4));
    assert_eq!(made.iter().filter(|(_, new)| *new).count(), 1);
    store.ack_sheet(centre.id, 3, at(0, 1)).await.unwrap();
    let status = store.site_status(centre.id).await.unwrap();
    assert_eq!((status.sheet_in_force, status.heard_at), (Some(3), Some(at(0, 1))));
}

pub async fn snapshots_only_go_forward(ground: Ground) {
    let centre = ground.centre().await;
    let store = &ground.store;
    assert_eq!(store.snapshot(centre.id).await.unwrap(), None);
    store.put_snapshot(centre.id, 5, "{\"a\":1}", at(0, 0)).await.unwrap();
    store.put_snapshot(centre.id, 9, "{\"a\":2}", at(0, 1)).await.unwrap();
    store.put_snapshot(centre.id, 7, "{\"a\":3}", at(0, 0) + TimeDelta::hours(2)).await.unwrap();
    assert_eq!(store.snapshot(centre.id).await.unwrap(), Some((9, "{\"a\":2}".to_owned())));
}
