//! Devices, codes, sheets, snapshots.

use chrono::TimeDelta;
use futures::future::join_all;
use model::day_sheet::{DeviceKind, SiteDevice};
use store::{DeviceRecord, EnrolCode, SiteStatus, StoreError};

use crate::ground::{Ground, at};

pub async fn devices_and_their_certificates(ground: Ground) {
    let centre = ground.centre().await;
    let store = &ground.store;
    let device = |id: &str, kind| SiteDevice { device: id.parse().unwrap(), kind };
    let devices = [
        device("yokohama-seat-01", DeviceKind::Seat),
        device("yokohama-kiosk-1", DeviceKind::Kiosk),
        device("yokohama-edge", DeviceKind::Edge),
    ];
    for device in &devices {
        store.add_device(centre.id, device).await.unwrap();
    }
    let again = store.add_device(centre.id, &devices[0]).await;
    assert!(matches!(again, Err(StoreError::Duplicate("device"))), "{again:?}");
    let [seat, kiosk, edge] = devices;
    let known = store.devices_of(centre.id).await.unwrap();
    assert_eq!(known, [edge.clone(), kiosk, seat]);
    let mut record = DeviceRecord {
        device: edge.device.clone(),
        centre: centre.id,
        kind: DeviceKind::Edge,
        fingerprint: None,
    };
    assert_eq!(store.device(&edge.device).await.unwrap(), Some(record.clone()));
    store.set_certificate(&edge.device, &[9; 32]).await.unwrap();
    record.fingerprint = Some([9; 32]);
    assert_eq!(store.device(&edge.device).await.unwrap(), Some(record));
    assert_eq!(store.device(&"nobody".parse().unwrap()).await.unwrap(), None);
}

pub async fn a_code_works_once(ground: Ground) {
    let centre = ground.centre().await;
    let store = &ground.store;
    let edge = SiteDevice { device: "yokohama-edge".parse().unwrap(), kind: DeviceKind::Edge };
    store.add_device(centre.id, &edge).await.unwrap();
    let code = |secret| EnrolCode {
        secret: [secret; 32],
        device: edge.device.clone(),
        names: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
        ends_at: at(1, 0),
    };
    store.add_enrol_code(&code(1)).await.unwrap();
    store.add_enrol_code(&code(2)).await.unwrap();
    let takers = (0..8).map(|_| store.take_enrol_code(&[1; 32], at(0, 12)));
    let taken: Vec<_> = join_all(takers).await.into_iter().filter_map(Result::unwrap).collect();
    assert!(taken == [code(1)]);
    assert!(store.take_enrol_code(&[2; 32], at(1, 0)).await.unwrap().is_none(), "it has ended");
    assert!(store.take_enrol_code(&[3; 32], at(0, 0)).await.unwrap().is_none());
}

pub async fn sheets_rise_with_their_content(ground: Ground) {
    let centre = ground.centre().await;
    let store = &ground.store;
    assert_eq!(store.site_status(centre.id).await.unwrap(), SiteStatus::default());
    let version = async |content| {
        store.next_sheet_version(centre.id, &[content; 32], at(0, 0)).await.unwrap()
    };
    assert_eq!(version(1).await, (1, true));
    assert_eq!(version(1).await, (1, false));
    assert_eq!(version(2).await, (2, true));
    assert_eq!(version(1).await, (3, true), "as the first, but after the second");
    let makers = (0..8).map(|_| store.next_sheet_version(centre.id, &[7; 32], at(0, 0)));
    let made: Vec<_> = join_all(makers).await.into_iter().map(Result::unwrap).collect();
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
