//! A device's certificate from the first to the last, against a hub in this process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::{DEADLINE, Edge, HERE, Region, Told, problem};
use chrono::TimeDelta;
use hub::jobs::sweep_devices;
use hub::service::devices::{Standing, revoke_by_hand, standing};
use model::clock::{Clock as _, ManualClock};
use model::device::{CERTIFICATE_GRACE, RevokedFor};
use model::id::DeviceId;
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384};
use rustls::pki_types::pem::PemObject as _;
use store::{CERTIFICATES_A_DAY, DeviceRecord};
use tokio::time::timeout;
use wire::identity::{DeviceIdentity, IdentityError, Keeper, Looked};
use wire::renew::{DeviceState, RenewAnswer, RenewRequest};
use x509_parser::prelude::FromDer as _;

/// The bar for a revocation.
const SOON: Duration = Duration::from_secs(5);

fn request(key: &KeyPair) -> RenewRequest {
    let csr = CertificateParams::default().serialize_request(key).unwrap();
    RenewRequest { csr_pem: csr.pem().unwrap() }
}

fn new_request() -> RenewRequest {
    request(&KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap())
}

async fn record(region: &Region, device: &str) -> DeviceRecord {
    let device: DeviceId = device.parse().unwrap();
    region.hub.store.device(&device).await.unwrap().unwrap()
}

async fn enrolled(region: &Region, device: &str) -> DeviceIdentity {
    region.enrol_with(&region.code(device).await, device).await.unwrap()
}

fn refused(result: Result<DeviceState, IdentityError>) -> u16 {
    match result {
        Err(IdentityError::Refused { status, .. }) => status,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_renews_by_itself_when_a_third_is_left() {
    let region = Region::start().await;
    for device in ["here-edge", "here-kiosk-1"] {
        let first = enrolled(&region, device).await;
        let region_card_key = first.region_card_key().map(<[u8]>::to_vec);
        assert_eq!(first.hub(), Some(region.sites.as_str()), "it remembers who enrolled it");
        let clock = Arc::new(ManualClock::at(region.clock.now()));
        let first = Arc::new(first);
        let keeper = Keeper::new(first.clone(), None, clock.clone()).unwrap();
        let mut follow = keeper.follow();
        clock.advance(TimeDelta::days(59));
        assert!(matches!(keeper.look().await, Looked::Good));
        assert!(!follow.has_changed().unwrap());
        clock.advance(TimeDelta::days(2));
        assert!(matches!(keeper.look().await, Looked::Renewed));
        let next = follow.borrow_and_update().clone();
        assert_ne!(next.certificate().public_key, first.certificate().public_key, "a new key");
        assert_eq!(next.region_card_key(), region_card_key.as_deref());
        assert_eq!(next.sheet_key(), first.sheet_key());

        let state = next.check_in(&region.sites).await.unwrap();
        assert_eq!((state.device.as_str(), state.ends_at), (device, next.expires()));
        assert_eq!(refused(first.check_in(&region.sites).await), 403, "the new one was used");
        let kept = record(&region, device).await;
        assert_eq!(kept.certificates.len(), 1);
        assert_eq!(kept.certificates[0].fingerprint, next.certificate().fingerprint);
        assert_eq!(standing(&kept, region.hub.now()), Standing::Good(next.expires()));
        // The device's own clock has just been moved on: the new one is as due as the old one was.
        assert!(matches!(keeper.look().await, Looked::Renewed));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_is_away_costs_nothing_but_time() {
    let mut region = Region::start().await;
    let first = Arc::new(enrolled(&region, "here-edge").await);
    let clock = Arc::new(ManualClock::at(region.clock.now()));
    let keeper = Keeper::new(first.clone(), Some(&region.sites), clock.clone()).unwrap();
    clock.advance(TimeDelta::days(85));
    region.stop().await;
    let looked = keeper.look().await;
    assert!(matches!(looked, Looked::Failed(IdentityError::Unreachable { .. })), "{looked:?}");
    assert_eq!(keeper.follow().borrow().certificate(), first.certificate());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_got_lost_strands_nobody() {
    let region = Region::start().await;
    let identity = enrolled(&region, "here-edge").await;
    let edge = region.caller(&identity);
    assert_eq!(edge.post("renew", &new_request()).await.status(), 200);
    // The device never got that: it goes on with what it has, and asks again.
    assert_eq!(edge.get("sheet").await.status(), 200);
    let answer = edge.post("renew", &new_request()).await;
    assert_eq!(answer.status(), 200);
    let answer: RenewAnswer = answer.json().await.unwrap();
    let der = rustls::pki_types::CertificateDer::from_pem_slice(answer.certificate_pem.as_bytes());
    let read = wire::identity::PeerCertificate::read(&der.unwrap()).unwrap();
    assert_eq!(read.device.as_str(), "here-edge");
    assert_eq!(record(&region, "here-edge").await.certificates.len(), 3);

    // For a day; the sweep then tells the site so.
    region.clock.advance(TimeDelta::hours(24) - TimeDelta::seconds(1));
    assert_eq!(edge.get("sheet").await.status(), 200);
    region.clock.advance(TimeDelta::seconds(1));
    let (status, kind) = problem(edge.get("sheet").await).await;
    assert_eq!((status, kind.as_str()), (403, "/problems/certificate-replaced"));
    // The first two: the third was given in nobody's place yet. A worker of the hub may have been
    // here before.
    sweep_devices::run(&region.hub).await.unwrap();
    assert_eq!(record(&region, "here-edge").await.certificates.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_19_a_certificate_that_ended_while_the_line_was_down_is_good_for_its_renewal_alone() {
    let region = Region::start().await;
    let identity = enrolled(&region, "here-edge").await;
    let edge = region.caller(&identity);
    region.clock.advance(TimeDelta::days(90) + CERTIFICATE_GRACE - TimeDelta::minutes(1));
    for path in ["sheet", "device"] {
        let (status, kind) = problem(edge.get(path).await).await;
        assert_eq!((status, kind.as_str()), (403, "/problems/certificate-ended"), "{path}");
    }
    sweep_devices::run(&region.hub).await.unwrap();
    let (kept, clock) = (Arc::new(identity), Arc::new(ManualClock::at(region.clock.now())));
    let keeper = Keeper::new(kept, Some(&region.sites), clock).unwrap();
    let looked = keeper.look().await;
    assert!(matches!(looked, Looked::Renewed), "{looked:?}");
    let next = keeper.follow().borrow().clone();
    assert_eq!(region.caller(&next).get("sheet").await.status(), 200, "and it is back");

    let late = enrolled(&region, "here-kiosk-1").await;
    region.clock.advance(TimeDelta::days(90) + CERTIFICATE_GRACE);
    let answer = region.caller(&late).post("renew", &new_request()).await;
    let (status, kind) = problem(answer).await;
    assert_eq!((status, kind.as_str()), (403, "/problems/certificate-replaced"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_proper_renewal_is_refused() {
    let region = Region::start().await;
    let identity = enrolled(&region, "here-kiosk-1").await;
    let kiosk = region.caller(&identity);
    let own = KeyPair::from_pem(&std::fs::read_to_string(identity.files().key).unwrap()).unwrap();
    let p384 = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
    let mut torn = new_request();
    torn.csr_pem.truncate(torn.csr_pem.len() / 2);
    for (body, want) in [
        (serde_json::to_vec(&request(&p384)).unwrap(), (400, "malformed")),
        (serde_json::to_vec(&torn).unwrap(), (400, "malformed")),
        (b"{\"csr_pem\":\"\"}".to_vec(), (400, "malformed")),
        (b"{\"csr_pem\":".to_vec(), (400, "malformed")),
        (b"\xff\xfe".to_vec(), (400, "malformed")),
        (vec![b' '; 20_000], (413, "too-large")),
        (serde_json::to_vec(&request(&own)).unwrap(), (400, "key-known")),
    ] {
        let (status, kind) = problem(kiosk.post_bytes("renew", body).await).await;
        assert_eq!((status, kind.trim_start_matches("/problems/")), want);
    }
    assert_eq!(record(&region, "here-kiosk-1").await.certificates.len(), 1);

    let ask = async |caller: &Edge| problem(caller.post("renew", &new_request()).await).await;
    let answer = |status, name: &str| (status, format!("/problems/{name}"));
    assert_eq!(ask(&region.stranger(None)).await, answer(401, "no-certificate"));
    let ghost = region.stranger(Some("ghost-edge"));
    assert_eq!(ask(&ghost).await, answer(403, "unknown-device"));
    // Another centre's device, by the authority's own hand, but not the one that was recorded.
    let forged = region.stranger(Some("there-edge"));
    assert_eq!(ask(&forged).await, answer(403, "certificate-replaced"));
    enrolled(&region, "here-kiosk-1").await;
    assert_eq!(ask(&kiosk).await, answer(403, "certificate-replaced"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_renewals_make_a_few_certificates() {
    let region = Region::start().await;
    let edge = region.edge("here-edge").await;
    let mut made = 0;
    for _ in 0..1000 {
        let answer = edge.post("renew", &new_request()).await;
        if answer.status() == 200 {
            made += 1;
        } else {
            assert_eq!(answer.status(), 429);
            assert!(answer.headers().contains_key("retry-after"));
        }
    }
    // The enrolment was the first of the day.
    assert_eq!(made, CERTIFICATES_A_DAY - 1);
    assert_eq!(edge.get("sheet").await.status(), 200, "and the one that is in use still works");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kiosk_may_renew_and_nothing_else() {
    let region = Region::start().await;
    let kiosk = region.edge("here-kiosk-1").await;
    assert_eq!(kiosk.get("device").await.status(), 200);
    for path in ["sheet", "sheet/sections/00", "stream", "revocations"] {
        let (status, kind) = problem(kiosk.get(path).await).await;
        assert_eq!((status, kind.as_str()), (403, "/problems/not-allowed"), "{path}");
    }
    for path in ["events", "sheet/ack"] {
        assert_eq!(kiosk.post_bytes(path, Vec::new()).await.status(), 403, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_ends_requests_and_the_stream_within_seconds() {
    let region = Region::start().await;
    let identity = enrolled(&region, "here-edge").await;
    let edge = region.caller(&identity);
    let mut line = Told::open(&edge).await;
    assert!(line.next().await.is_some());
    let unused = region.code("here-edge").await;
    let kept = record(&region, "here-edge").await;

    // As the command line does it: the running hub is not told.
    let begun = Instant::now();
    let by_hand = hub::hub::Hub { live: Arc::default(), ..region.hub.clone() };
    assert!(revoke_by_hand(&by_hand, &kept, RevokedFor::Lost).await.unwrap());
    let (status, kind) = problem(edge.get("sheet").await).await;
    assert_eq!((status, kind.as_str()), (403, "/problems/device-revoked"));
    let request_after = begun.elapsed();
    while timeout(DEADLINE, line.next()).await.unwrap().is_some() {}
    let stream_after = begun.elapsed();
    println!(
        "revocation at the uplink: requests end after {request_after:?}, the stream after {stream_after:?}"
    );
    assert!(request_after < SOON && stream_after < SOON);
    for path in ["sheet", "sheet/sections/00", "stream", "revocations", "device"] {
        assert_eq!(region.caller(&identity).get(path).await.status(), 403, "{path}");
    }
    for path in ["events", "sheet/ack", "renew"] {
        assert_eq!(region.caller(&identity).post_bytes(path, Vec::new()).await.status(), 403);
    }
    assert!(matches!(
        region.enrol_with(&unused, "again").await,
        Err(IdentityError::Refused { status: 410, .. })
    ));
    let kept = record(&region, "here-edge").await;
    assert!(matches!(
        standing(&kept, region.hub.now()),
        Standing::Revoked(_, RevokedFor::Lost, None)
    ));

    let again = enrolled(&region, "here-edge").await;
    assert_eq!(region.caller(&again).get("sheet").await.status(), 200);
    assert_eq!(region.caller(&identity).get("sheet").await.status(), 403);

    // What was withdrawn stands on the authority's list, for brokers of others.
    let list = region.caller(&again).get("revocations").await.bytes().await.unwrap();
    let (_, pem) = x509_parser::pem::parse_x509_pem(&list).unwrap();
    let (_, list) =
        x509_parser::revocation_list::CertificateRevocationList::from_der(&pem.contents).unwrap();
    let serials: Vec<_> = list.iter_revoked_certificates().map(|one| one.raw_serial()).collect();
    assert_eq!(serials, [identity.certificate().serial.as_slice()]);
    assert_eq!(HERE, record(&region, "here-edge").await.centre);
}
