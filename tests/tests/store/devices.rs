//! Devices, codes, certificates.

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use model::day_sheet::DeviceKind;
use model::device::{CERTIFICATE_GRACE, RevokedFor};
use model::id::{CentreId, DeviceId};
use store::{
    CERTIFICATES_A_DAY, DeviceRecord, EnrolCode, GivenCertificate, OVERLAP, Renewal, StoreError,
};

use crate::ground::{Ground, at};

fn id(text: &str) -> DeviceId {
    text.parse().unwrap()
}

/// The `number`th certificate of the edge, made at `from`, good for 90 days.
fn given(number: u8, from_at: DateTime<Utc>) -> GivenCertificate {
    GivenCertificate {
        device: id("yokohama-edge"),
        fingerprint: [number; 32],
        serial: vec![number; 16],
        public_key: [number; 32],
        from_at,
        ends_at: from_at + TimeDelta::days(90),
    }
}

async fn enrolled(ground: &Ground) -> CentreId {
    let centre = ground.centre().await.id;
    ground.store.add_device(centre, &id("yokohama-edge"), DeviceKind::Edge).await.unwrap();
    ground.store.enrol_device(&given(1, at(0, 0)), &["edge.example".to_owned()]).await.unwrap();
    centre
}

async fn edge(ground: &Ground) -> DeviceRecord {
    ground.store.device(&id("yokohama-edge")).await.unwrap().unwrap()
}

/// The numbers of the certificates that are good.
async fn good(ground: &Ground, now: DateTime<Utc>) -> Vec<u8> {
    let record = edge(ground).await;
    (0..=u8::MAX).filter(|number| record.good(&[*number; 32], now).is_some()).collect()
}

async fn revision(ground: &Ground, centre: CentreId) -> i64 {
    let day = at(0, 0).date_naive();
    ground.store.plan_revision(centre, day, day).await.unwrap()
}

pub async fn devices_come_and_go(ground: Ground) {
    let centre = ground.centre().await.id;
    let store = &ground.store;
    let names = ["yokohama-seat-01", "yokohama-kiosk-1", "yokohama-edge"].map(id);
    let kinds = [DeviceKind::Seat, DeviceKind::Kiosk, DeviceKind::Edge];
    for (device, kind) in names.iter().zip(kinds) {
        store.add_device(centre, device, kind).await.unwrap();
    }
    let again = store.add_device(centre, &names[0], DeviceKind::Seat).await;
    assert!(matches!(again, Err(StoreError::Duplicate("device"))), "{again:?}");
    let known = store.devices_of(centre).await.unwrap();
    let known: Vec<_> = known.iter().map(|record| (record.device.as_str(), record.kind)).collect();
    assert_eq!(
        known,
        [
            ("yokohama-edge", DeviceKind::Edge),
            ("yokohama-kiosk-1", DeviceKind::Kiosk),
            ("yokohama-seat-01", DeviceKind::Seat)
        ]
    );
    assert_eq!(store.device(&id("nobody")).await.unwrap(), None);
    assert!(!store.remove_device(&id("nobody")).await.unwrap());

    let before = revision(&ground, centre).await;
    store.enrol_device(&given(1, at(0, 0)), &["edge.example".to_owned()]).await.unwrap();
    assert!(revision(&ground, centre).await > before, "another sheet is wanted");
    let record = edge(&ground).await;
    assert_eq!((record.centre, record.enrolled_at), (centre, Some(at(0, 0))));
    assert_eq!(record.names, ["edge.example"]);
    assert_eq!(record.certificates.len(), 1);
    assert!(!store.remove_device(&id("yokohama-edge")).await.unwrap(), "it has been enrolled");

    let code = EnrolCode {
        secret: [1; 32],
        device: id("yokohama-seat-01"),
        names: Vec::new(),
        ends_at: at(1, 0),
    };
    store.add_enrol_code(&code).await.unwrap();
    let seat = store.device(&code.device).await.unwrap().unwrap();
    assert_eq!(seat.code_until, Some(at(1, 0)));
    assert!(store.remove_device(&code.device).await.unwrap());
    assert_eq!(store.device(&code.device).await.unwrap(), None);
    assert!(store.take_enrol_code(&[1; 32], at(0, 0)).await.unwrap().is_none());
    assert_eq!(store.devices_of(centre).await.unwrap().len(), 2);
}

pub async fn a_code_works_once(ground: Ground) {
    let centre = ground.centre().await;
    let store = &ground.store;
    store.add_device(centre.id, &id("yokohama-edge"), DeviceKind::Edge).await.unwrap();
    let code = |secret| EnrolCode {
        secret: [secret; 32],
        device: id("yokohama-edge"),
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
    // The used one is forgotten a day after its use, the other a day after its end.
    assert_eq!(store.sweep_devices(at(1, 11)).await.unwrap(), 0);
    assert_eq!(store.sweep_devices(at(1, 12)).await.unwrap(), 1);
    assert_eq!(store.sweep_devices(at(2, 0)).await.unwrap(), 1);
}

pub async fn a_certificate_is_replaced_when_the_next_is_used(ground: Ground) {
    let centre = enrolled(&ground).await;
    let store = &ground.store;
    store.device_seen(&id("yokohama-edge"), &[1; 32], at(0, 1)).await.unwrap();
    assert_eq!(edge(&ground).await.last_seen_at, Some(at(0, 1)));
    let renew = async |number: u8, shown: u8, when| {
        store.renew_device(&given(number, when), &[shown; 32]).await.unwrap()
    };
    assert_eq!(renew(2, 9, at(1, 0)).await, Renewal::NotGood);
    assert_eq!(renew(1, 1, at(1, 0)).await, Renewal::SameKey);
    assert_eq!(renew(2, 1, at(1, 0)).await, Renewal::Done);
    assert_eq!(good(&ground, at(1, 0)).await, [1, 2], "the answer may have got lost");
    assert_eq!(renew(3, 1, at(1, 1)).await, Renewal::Done, "so it asks again");
    assert_eq!(good(&ground, at(1, 1)).await, [1, 2, 3]);
    let before = revision(&ground, centre).await;
    store.device_seen(&id("yokohama-edge"), &[1; 32], at(1, 2)).await.unwrap();
    assert_eq!(revision(&ground, centre).await, before, "nothing ended by that");

    store.device_seen(&id("yokohama-edge"), &[3; 32], at(1, 3)).await.unwrap();
    assert_eq!(good(&ground, at(1, 3)).await, [3]);
    assert!(revision(&ground, centre).await > before, "another sheet is wanted");
    assert_eq!(renew(4, 1, at(1, 4)).await, Renewal::NotGood);
    let withdrawn = store.withdrawn_certificates(centre, at(2, 0)).await.unwrap();
    let named = withdrawn.into_iter().map(|one| (one.serial[0], one.at, one.superseded));
    let named: Vec<_> = named.collect();
    assert_eq!(named, [(1, at(1, 3), true), (2, at(1, 3), true)]);

    // Rivals: of eight renewals with one certificate no more are made than a day has.
    let rivals = (10..18).map(|number| renew(number, 3, at(3, 0)));
    let made = join_all(rivals).await.into_iter().filter(|made| *made == Renewal::Done).count();
    assert_eq!(i64::try_from(made).unwrap(), CERTIFICATES_A_DAY);
}

pub async fn one_that_ended_may_still_be_renewed_for_a_while(ground: Ground) {
    enrolled(&ground).await;
    let ended = given(1, at(0, 0)).ends_at;
    let too_late = ended + CERTIFICATE_GRACE;
    let last = too_late - TimeDelta::seconds(1);
    let record = edge(&ground).await;
    for (now, is_good, is_renewable) in [
        (last - CERTIFICATE_GRACE, true, true),
        (ended, false, true),
        (last, false, true),
        (too_late, false, false),
    ] {
        assert_eq!(record.good(&[1; 32], now).is_some(), is_good, "{now}");
        assert_eq!(record.renewable(&[1; 32], now).is_some(), is_renewable, "{now}");
    }
    let renew =
        async |number, now| ground.store.renew_device(&given(number, now), &[1; 32]).await.unwrap();
    assert_eq!(renew(2, too_late).await, Renewal::NotGood);
    assert_eq!(renew(2, last).await, Renewal::Done);
    assert_eq!(good(&ground, last).await, [2]);
}

pub async fn an_overlap_ends_by_itself(ground: Ground) {
    let centre = enrolled(&ground).await;
    let store = &ground.store;
    assert_eq!(store.renew_device(&given(2, at(1, 0)), &[1; 32]).await.unwrap(), Renewal::Done);
    let last = at(1, 0) + OVERLAP - TimeDelta::seconds(1);
    assert_eq!(good(&ground, last).await, [1, 2]);
    assert_eq!(good(&ground, at(2, 0)).await, [2]);
    assert_eq!(store.sweep_devices(last).await.unwrap(), 0);
    let before = revision(&ground, centre).await;
    assert_eq!(store.sweep_devices(at(2, 0)).await.unwrap(), 1);
    assert!(revision(&ground, centre).await > before, "another sheet is wanted");
    assert_eq!(store.sweep_devices(at(2, 0)).await.unwrap(), 0);
    assert_eq!(store.withdrawn_certificates(centre, at(2, 0)).await.unwrap().len(), 1);
    // What nobody would take by now anyway need not be remembered.
    let ended = given(1, at(0, 0)).ends_at + CERTIFICATE_GRACE;
    let a_second_before = ended - TimeDelta::seconds(1);
    assert_eq!(store.withdrawn_certificates(centre, a_second_before).await.unwrap().len(), 1);
    assert_eq!(store.withdrawn_certificates(centre, ended).await.unwrap(), []);
    assert_eq!(store.sweep_devices(a_second_before).await.unwrap(), 0);
    assert_eq!(store.sweep_devices(ended).await.unwrap(), 1);
    assert_eq!(good(&ground, given(2, at(1, 0)).ends_at - TimeDelta::seconds(1)).await, [2]);
}

pub async fn a_device_gets_few_certificates_a_day(ground: Ground) {
    enrolled(&ground).await;
    let store = &ground.store;
    let mut made = 0;
    for minute in 0..1000_i64 {
        let mut next = given(1, at(1, 0) + TimeDelta::minutes(minute));
        let number = u8::try_from(minute % 256).unwrap();
        next.fingerprint = [7; 32];
        next.fingerprint[0] = number;
        next.fingerprint[1] = u8::try_from(minute / 256).unwrap();
        next.public_key = next.fingerprint;
        match store.renew_device(&next, &[1; 32]).await.unwrap() {
            Renewal::Done => made += 1,
            Renewal::TooMany => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(made, CERTIFICATES_A_DAY);
    assert_eq!(edge(&ground).await.certificates.len(), 5);
}

pub async fn a_revoked_device_is_out_until_it_is_enrolled_again(ground: Ground) {
    let centre = enrolled(&ground).await;
    let store = &ground.store;
    let device = id("yokohama-edge");
    let code = |secret| EnrolCode {
        secret: [secret; 32],
        device: device.clone(),
        names: Vec::new(),
        ends_at: at(9, 0),
    };
    store.add_enrol_code(&code(1)).await.unwrap();
    assert_eq!(store.renew_device(&given(2, at(1, 0)), &[1; 32]).await.unwrap(), Renewal::Done);
    let before = revision(&ground, centre).await;
    assert!(store.revoke_device(&device, RevokedFor::Lost, at(1, 1)).await.unwrap());
    assert!(revision(&ground, centre).await > before, "another sheet is wanted");
    assert!(!store.revoke_device(&device, RevokedFor::Broken, at(1, 2)).await.unwrap());
    assert_eq!(edge(&ground).await.revoked, Some((at(1, 1), RevokedFor::Lost)));
    assert!(good(&ground, at(1, 1)).await.is_empty());
    assert_eq!(store.renew_device(&given(3, at(1, 2)), &[2; 32]).await.unwrap(), Renewal::NotGood);
    assert!(store.take_enrol_code(&[1; 32], at(1, 2)).await.unwrap().is_none(), "as is its code");
    let withdrawn = store.withdrawn_certificates(centre, at(1, 2)).await.unwrap();
    assert_eq!(withdrawn.len(), 2);
    assert!(withdrawn.iter().all(|one| !one.superseded), "it was locked out");
    assert!(!store.remove_device(&device).await.unwrap());

    store.add_enrol_code(&code(2)).await.unwrap();
    assert!(store.take_enrol_code(&[2; 32], at(1, 3)).await.unwrap().is_some());
    store.enrol_device(&given(4, at(1, 3)), &[]).await.unwrap();
    assert_eq!(edge(&ground).await.revoked, None);
    assert_eq!(good(&ground, at(1, 3)).await, [4]);
}
