//! One suite for the site bus, run on the embedded broker and on Mosquitto.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may stop at the first surprise"
)]

mod homie_reader;
mod site_bus_homie;
mod site_bus_support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use edge_agent::broker::DeviceEntry;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{LastWill, PublishProperties};
use rustls::pki_types::ServerName;
use site_bus_homie::{
    a_foreign_device_is_set_by_the_edge_alone,
    every_announced_device_is_read_by_another_without_a_finding,
    home_assistant_looks_on_and_moves_nothing, what_a_device_does_not_say_any_more_is_taken_back,
};
use site_bus_support::{
    Authority, Raw, Site, Which, connected, entry, everybody, expiring, id, until, within,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use wire::bus::{BusError, BusInbox, MAX_PAYLOAD_BYTES, SiteBus, StateChange};
use wire::identity::DeviceIdentity;
use wire::topics::{DeviceKind, Topic};

macro_rules! on_both {
    ($($name:ident)+) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(super::Which::Embedded).await;
            })+
        }
        mod mosquitto {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(super::Which::Mosquitto).await;
            })+
        }
    };
}

on_both! {
    a_request_is_answered
    a_request_without_an_edge_ends_in_time
    a_request_is_answered_to_nobody_else
    a_device_publishes_only_on_its_own_topics
    a_device_reads_only_its_own_topics
    a_stranger_has_no_say
    another_site_s_authority_is_refused
    a_device_without_a_certificate_is_refused
    another_s_client_id_cannot_be_taken_over
    a_will_on_a_foreign_topic_is_refused
    state_tells_who_is_there
    fault_10_a_retained_or_lasting_command_is_not_obeyed
    fault_11_everybody_comes_back_after_a_broker_restarts
    a_busy_minute_loses_no_answer
    an_oversize_packet_is_refused
    garbage_and_idlers_do_no_harm
    a_revoked_device_is_out_within_seconds
    a_replaced_certificate_is_out_within_seconds
    the_next_certificate_is_taken_up_without_being_lost
    who_came_before_its_rights_is_heard_and_hears_once_it_has_them
    a_superseded_certificate_is_refused_and_nobody_disturbed
    every_announced_device_is_read_by_another_without_a_finding
    a_foreign_device_is_set_by_the_edge_alone
    what_a_device_does_not_say_any_more_is_taken_back
    home_assistant_looks_on_and_moves_nothing
}

const SEAT_1: &str = "y-seat-01";
const SEAT_2: &str = "y-seat-02";
const SECOND: Duration = Duration::from_secs(1);

/// An edge that answers every request with `<device>: <request>`.
fn answer_everything(mut inbox: BusInbox) {
    tokio::spawn(async move {
        while let Some(request) = inbox.requests.recv().await {
            let answer =
                format!("{}: {}", request.device, String::from_utf8_lossy(&request.payload));
            request.answer(answer.into_bytes()).unwrap();
        }
    });
}

async fn next_command(inbox: &mut BusInbox) -> String {
    String::from_utf8(within("a command", inbox.commands.recv()).await.unwrap()).unwrap()
}

async fn state(inbox: &mut BusInbox, device: &str, path: &str, value: &str) {
    let wanted = |change: StateChange| {
        (change.device, change.path.as_str(), change.value.as_str()) == (id(device), path, value)
    };
    within(&format!("{device} {path} = {value}"), async {
        while !wanted(inbox.states.recv().await.unwrap()) {}
    })
    .await;
}

fn tls(identity: &DeviceIdentity) -> rustls::ClientConfig {
    identity.client_config().unwrap()
}

async fn a_request_is_answered(which: Which) {
    let site = Site::start(which).await;
    let (_edge, inbox) = site.join("y-edge", DeviceKind::Edge).await;
    answer_everything(inbox);
    let (kiosk, _inbox) = site.join("y-kiosk-1", DeviceKind::Kiosk).await;
    let (seat, _inbox) = site.join(SEAT_1, DeviceKind::Seat).await;
    let many = futures::future::join_all((0..50).map(|n| {
        let bus = if n % 2 == 0 { &kiosk } else { &seat };
        bus.request(n.to_string().into_bytes())
    }));
    for (n, answer) in within("the answers", many).await.into_iter().enumerate() {
        let who = if n % 2 == 0 { "y-kiosk-1" } else { SEAT_1 };
        assert_eq!(String::from_utf8(answer.unwrap()).unwrap(), format!("{who}: {n}"));
    }
}

async fn a_request_without_an_edge_ends_in_time(which: Which) {
    let site = Site::start(which).await;
    let (kiosk, _inbox) = site.join_as(&site.identity("y-kiosk-1", DeviceKind::Kiosk), SECOND);
    connected(&kiosk, true).await;
    assert_eq!(kiosk.request(b"anybody?".to_vec()).await, Err(BusError::TimedOut));
}

async fn a_request_is_answered_to_nobody_else(which: Which) {
    let site = Site::start(which).await;
    let (_edge, inbox) = site.join("y-edge", DeviceKind::Edge).await;
    answer_everything(inbox);
    let (_seat, mut victim) = site.join(SEAT_2, DeviceKind::Seat).await;
    let mut raw = Raw::connect(&site, tls(&site.identity(SEAT_1, DeviceKind::Seat)), SEAT_1, None)
        .await
        .unwrap();
    raw.subscribe(&Topic::Response(id(SEAT_1)).to_string()).await;
    let ask = |topic: Topic| PublishProperties {
        response_topic: Some(topic.to_string()),
        correlation_data: Some(vec![7; 16].into()),
        ..expiring(5)
    };
    let request = Topic::Request(id(SEAT_1)).to_string();
    raw.publish(&request, false, "open", ask(Topic::Command(id(SEAT_2)))).await;
    raw.publish(&request, false, "fence", ask(Topic::Response(id(SEAT_1)))).await;
    assert_eq!(raw.next_message().await.1, "y-seat-01: fence");
    assert!(victim.commands.try_recv().is_err());
}

async fn a_device_publishes_only_on_its_own_topics(which: Which) {
    let site = Site::start(which).await;
    let (edge, mut edge_inbox) = site.join("y-edge", DeviceKind::Edge).await;
    let (_seat, mut victim) = site.join(SEAT_2, DeviceKind::Seat).await;
    state(&mut edge_inbox, SEAT_2, "$state", "ready").await;
    let mut raw = Raw::connect(&site, tls(&site.identity(SEAT_1, DeviceKind::Seat)), SEAT_1, None)
        .await
        .unwrap();
    for topic in
        [Topic::Command(id(SEAT_2)), Topic::Request(id(SEAT_2)), Topic::lifecycle(&id(SEAT_2))]
    {
        raw.publish(&topic.to_string(), false, "forged", expiring(5)).await;
    }
    raw.publish("homie/5/y-seat-01/lock", true, "own", expiring(5)).await;
    state(&mut edge_inbox, SEAT_1, "lock", "own").await;
    assert!(edge_inbox.requests.try_recv().is_err());
    edge.try_command(&id(SEAT_2), b"fence".to_vec(), SECOND * 5).unwrap();
    assert_eq!(next_command(&mut victim).await, "fence");
}

async fn a_device_reads_only_its_own_topics(which: Which) {
    let site = Site::start(which).await;
    let (edge, _inbox) = site.join("y-edge", DeviceKind::Edge).await;
    let (_seat, mut owner) = site.join(SEAT_2, DeviceKind::Seat).await;
    let mut raw = Raw::connect(&site, tls(&site.identity(SEAT_1, DeviceKind::Seat)), SEAT_1, None)
        .await
        .unwrap();
    for filter in [
        "#",
        "+/#",
        "homie/5/#",
        "kyoten-site/v1/+/command",
        "kyoten-site/v1/y-seat-02/command",
        "kyoten-site/v1/y-seat-01/command",
    ] {
        raw.subscribe(filter).await;
    }
    edge.try_command(&id(SEAT_2), b"secret".to_vec(), SECOND * 5).unwrap();
    assert_eq!(next_command(&mut owner).await, "secret");
    edge.try_command(&id(SEAT_1), b"fence".to_vec(), SECOND * 5).unwrap();
    // Mosquitto lets "homie/5/#" deliver what the seat may read anyway: the edge's own state.
    let mut message = raw.next_message().await;
    while message.0 == Topic::lifecycle(&id("y-edge")).to_string() {
        message = raw.next_message().await;
    }
    assert_eq!(message, (Topic::Command(id(SEAT_1)).to_string(), "fence".to_owned()));
}

async fn a_stranger_has_no_say(which: Which) {
    let site = Site::start(which).await;
    let (edge, mut inbox) = site.join("y-edge", DeviceKind::Edge).await;
    // The authority knows it, this site does not.
    let stranger = site.identity("t-kiosk-1", DeviceKind::Kiosk);
    let met = Raw::connect(&site, tls(&stranger), "t-kiosk-1", None).await;
    match (which, met) {
        (Which::Embedded, met) => assert!(met.is_err()),
        (Which::Mosquitto, Ok(mut raw)) => {
            raw.subscribe(&Topic::Command(id("t-kiosk-1")).to_string()).await;
            raw.publish(&Topic::Request(id("t-kiosk-1")).to_string(), false, "hello", expiring(5))
                .await;
            raw.publish("homie/5/t-kiosk-1/$state", false, "ready", expiring(5)).await;
        }
        (Which::Mosquitto, Err(_)) => {}
    }
    edge.try_command(&id("t-kiosk-1"), b"nothing".to_vec(), SECOND).unwrap();
    let (_kiosk, _inbox) = site.join("y-kiosk-1", DeviceKind::Kiosk).await;
    state(&mut inbox, "y-kiosk-1", "$state", "ready").await;
    assert!(inbox.requests.try_recv().is_err());
}

async fn another_site_s_authority_is_refused(which: Which) {
    let site = Site::start(which).await;
    let foreign = site.identity_of(&Authority::new(), "y-edge", DeviceKind::Edge);
    // It trusts this site's authority, so that only its own certificate can be at fault.
    let files = foreign.files();
    let pem = |path| std::fs::read(path).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    let ours = site.identity(SEAT_1, DeviceKind::Seat);
    roots.add(ours.authority().clone()).unwrap();
    let config = rustls::ClientConfig::builder()
        .with_root_certificates(roots)
        .with_client_auth_cert(
            vec![
                rustls::pki_types::pem::PemObject::from_pem_slice(&pem(&files.certificate))
                    .unwrap(),
            ],
            rustls::pki_types::pem::PemObject::from_pem_slice(&pem(&files.key)).unwrap(),
        )
        .unwrap();
    assert!(Raw::connect(&site, config, "y-edge", None).await.is_err());
}

async fn a_device_without_a_certificate_is_refused(which: Which) {
    let site = Site::start(which).await;
    assert!(Raw::connect(&site, site.tls_without_certificate(), SEAT_1, None).await.is_err());
}

async fn another_s_client_id_cannot_be_taken_over(which: Which) {
    let site = Site::start(which).await;
    let (edge, _inbox) = site.join("y-edge", DeviceKind::Edge).await;
    let (seat, mut victim) = site.join(SEAT_2, DeviceKind::Seat).await;
    let mut line = seat.connected();
    line.mark_unchanged();
    let thief = site.identity(SEAT_1, DeviceKind::Seat);
    let met = Raw::connect(&site, tls(&thief), SEAT_2, None).await;
    if which == Which::Embedded {
        assert!(met.is_err());
    }
    edge.try_command(&id(SEAT_2), b"mine".to_vec(), SECOND * 5).unwrap();
    assert_eq!(next_command(&mut victim).await, "mine");
    assert!(!line.has_changed().unwrap());
}

async fn a_will_on_a_foreign_topic_is_refused(which: Which) {
    let site = Site::start(which).await;
    let seat = site.identity(SEAT_1, DeviceKind::Seat);
    let will = |topic: &str| Some(LastWill::new(topic, "lost", QoS::AtLeastOnce, true, None));
    assert!(
        Raw::connect(&site, tls(&seat), SEAT_1, will("homie/5/y-seat-01/$state")).await.is_ok()
    );
    let edge = site.identity("y-edge", DeviceKind::Edge);
    let mut everything = Raw::connect(&site, tls(&edge), "y-edge", None).await.unwrap();
    everything.subscribe("homie/5/#").await;
    everything.subscribe("kyoten-site/v1/#").await;
    for topic in ["homie/5/y-seat-02/$state", "kyoten-site/v1/y-seat-02/command"] {
        match Raw::connect(&site, tls(&seat), SEAT_1, will(topic)).await {
            Ok(raw) if which == Which::Mosquitto => raw.cut(),
            met => assert!(met.is_err(), "{topic}"),
        }
        // Once the device is back, what its last connection left is dealt with.
        let mut back = Raw::connect(&site, tls(&seat), SEAT_1, None).await.unwrap();
        back.publish("homie/5/y-seat-01/fence", false, topic, expiring(5)).await;
        loop {
            let (met, payload) = everything.next_message().await;
            assert!(!met.contains(SEAT_2), "{met}");
            if payload == topic {
                break;
            }
        }
    }
}

async fn state_tells_who_is_there(which: Which) {
    let site = Site::start(which).await;
    let (_edge, mut inbox) = site.join("y-edge", DeviceKind::Edge).await;
    let (seat, seat_inbox) = site.join(SEAT_1, DeviceKind::Seat).await;
    state(&mut inbox, SEAT_1, "$state", "ready").await;
    seat.set_state("terminal/state", "idle").unwrap();
    state(&mut inbox, SEAT_1, "terminal/state", "idle").await;
    assert!(matches!(seat.set_state("a/#", "x"), Err(BusError::Topic(_))));
    drop((seat, seat_inbox));
    state(&mut inbox, SEAT_1, "$state", "lost").await;

    let (kiosk, mut kiosk_inbox) = site.join("y-kiosk-1", DeviceKind::Kiosk).await;
    state(&mut kiosk_inbox, "y-edge", "$state", "ready").await;
    state(&mut inbox, "y-kiosk-1", "$state", "ready").await;
    kiosk.close().await;
    state(&mut inbox, "y-kiosk-1", "$state", "disconnected").await;
    assert_eq!(kiosk.request(b"late".to_vec()).await, Err(BusError::NotConnected));
}

async fn fault_10_a_retained_or_lasting_command_is_not_obeyed(which: Which) {
    let site = Site::start(which).await;
    let edge = site.identity("y-edge", DeviceKind::Edge);
    let mut raw = Raw::connect(&site, tls(&edge), "y-edge", None).await.unwrap();
    let command = Topic::Command(id(SEAT_1)).to_string();
    raw.publish(&command, true, "retained", expiring(5)).await;
    let (_seat, mut inbox) = site.join(SEAT_1, DeviceKind::Seat).await;
    raw.publish(&command, false, "for ever", PublishProperties::default()).await;
    raw.publish(&command, false, "an hour", expiring(3600)).await;
    raw.publish(&command, false, "now", expiring(5)).await;
    assert_eq!(next_command(&mut inbox).await, "now");
}

async fn fault_11_everybody_comes_back_after_a_broker_restarts(which: Which) {
    let mut site = Site::start(which).await;
    let (edge, inbox) = site.join("y-edge", DeviceKind::Edge).await;
    let (seat, mut seat_inbox) = site.join(SEAT_1, DeviceKind::Seat).await;
    seat.set_state("terminal/state", "idle").unwrap();
    answer_everything(inbox);
    assert!(seat.request(b"one".to_vec()).await.is_ok());

    site.stop_broker().await;
    connected(&edge, false).await;
    connected(&seat, false).await;
    assert_eq!(seat.request(b"two".to_vec()).await, Err(BusError::NotConnected));
    assert_eq!(
        edge.try_command(&id(SEAT_1), b"stale".to_vec(), SECOND * 5),
        Err(BusError::NotConnected)
    );
    seat.set_state("terminal/state", "assigned").unwrap();

    site.start_broker().await;
    connected(&edge, true).await;
    connected(&seat, true).await;
    assert_eq!(seat.request(b"three".to_vec()).await.unwrap(), b"y-seat-01: three");
    edge.try_command(&id(SEAT_1), b"fresh".to_vec(), SECOND * 5).unwrap();
    assert_eq!(next_command(&mut seat_inbox).await, "fresh");
    // The broker forgot everything; what the seat said while it was away is there all the same.
    edge.close().await;
    let (_edge, mut inbox) = site.join("y-edge", DeviceKind::Edge).await;
    state(&mut inbox, SEAT_1, "terminal/state", "assigned").await;
}

async fn a_busy_minute_loses_no_answer(which: Which) {
    let site = Site::start(which).await;
    let (_edge, inbox) = site.join("y-edge", DeviceKind::Edge).await;
    answer_everything(inbox);
    let (seat, _inbox) = site.join(SEAT_1, DeviceKind::Seat).await;
    for number in 0..1_500 {
        let answer = seat.request(number.to_string().into_bytes()).await;
        assert_eq!(answer.unwrap(), format!("y-seat-01: {number}").into_bytes());
    }
}

async fn an_oversize_packet_is_refused(which: Which) {
    let site = Site::start(which).await;
    let (edge, _inbox) = site.join("y-edge", DeviceKind::Edge).await;
    let long = vec![0; MAX_PAYLOAD_BYTES + 1];
    assert_eq!(
        edge.try_command(&id(SEAT_1), long.clone(), SECOND),
        Err(BusError::TooLarge(MAX_PAYLOAD_BYTES + 1))
    );
    let seat = site.identity(SEAT_1, DeviceKind::Seat);
    let mut stream = tls_stream(&site, tls(&seat)).await;
    stream.write_all(&connect_packet(SEAT_1)).await.unwrap();
    let mut connack = [0; 2];
    within("CONNACK", stream.read_exact(&mut connack)).await.unwrap();
    assert_eq!(connack[0], 0x20);
    // PUBLISH, QoS 0, remaining length 200 MB: more than a broker should even wait for.
    let mut publish = vec![0x30, 0x80, 0x80, 0xaf, 0x5f, 0x00, 0x01, b'a'];
    publish.extend(vec![0; 64 * 1024]);
    stream.write_all(&publish).await.ok();
    stream.flush().await.ok();
    within("the broker to hang up", until_closed(&mut stream)).await;
    assert_works(&site, &edge).await;
}

async fn garbage_and_idlers_do_no_harm(which: Which) {
    let site = Site::start(which).await;
    let mut idlers = Vec::new();
    for _ in 0..20 {
        idlers.push(TcpStream::connect(site.address).await.unwrap());
    }
    let mut plain = TcpStream::connect(site.address).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    within("the broker to hang up", until_closed(&mut plain)).await;
    let seat = site.identity(SEAT_1, DeviceKind::Seat);
    for garbage in [
        &[0xff_u8; 64][..],
        &[0x00; 64],
        &[0x10, 0x04, 0x00, 0xff, 0x00, 0x00],
        b"GET / HTTP/1.1\r\n\r\n",
    ] {
        let mut stream = tls_stream(&site, tls(&seat)).await;
        stream.write_all(garbage).await.unwrap();
        stream.flush().await.unwrap();
        within("the broker to hang up", until_closed(&mut stream)).await;
    }
    let (edge, inbox) = site.join("y-edge", DeviceKind::Edge).await;
    answer_everything(inbox);
    let (kiosk, _inbox) = site.join("y-kiosk-1", DeviceKind::Kiosk).await;
    assert!(kiosk.request(b"still there?".to_vec()).await.is_ok());
    drop((edge, idlers));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_device_is_cut_off_at_once_and_stays_out() {
    let site = Site::start(Which::Embedded).await;
    let (_edge, mut inbox) = site.join("y-edge", DeviceKind::Edge).await;
    let (seat, _seat_inbox) = site.join(SEAT_1, DeviceKind::Seat).await;
    state(&mut inbox, SEAT_1, "$state", "ready").await;
    site.broker().revoke(&id(SEAT_1));
    connected(&seat, false).await;
    state(&mut inbox, SEAT_1, "$state", "lost").await;
    let seat_again = site.identity(SEAT_1, DeviceKind::Seat);
    assert!(Raw::connect(&site, tls(&seat_again), SEAT_1, None).await.is_err());
    let (other, _other_inbox) = site.join(SEAT_2, DeviceKind::Seat).await;
    assert!(*other.connected().borrow());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_leaves_the_list_or_changes_its_certificate_is_cut_off() {
    let site = Site::start(Which::Embedded).await;
    let identity = site.identity(SEAT_1, DeviceKind::Seat);
    let (seat, _inbox) = site.join_as(&identity, SECOND);
    connected(&seat, true).await;
    let with = |certificate| {
        let certificates = Some(vec![certificate]);
        [(id(SEAT_1), DeviceEntry { certificates, ..entry(DeviceKind::Seat) })].into()
    };
    site.put_in_force(with([0; 32]), &[]).await;
    connected(&seat, false).await;
    site.put_in_force(with(identity.certificate().fingerprint), &[]).await;
    connected(&seat, true).await;
    site.put_in_force([].into(), &[]).await;
    connected(&seat, false).await;
}

/// From the sheet's arrival on; the hub's stream brings a sheet within a second or so.
const SOON: Duration = Duration::from_secs(4);

async fn a_revoked_device_is_out_within_seconds(which: Which) {
    let site = Site::start(which).await;
    site.put_in_force(everybody(), &[]).await;
    let (edge, mut inbox) = site.join("y-edge", DeviceKind::Edge).await;
    let identity = site.identity(SEAT_1, DeviceKind::Seat);
    let (seat, _seat_inbox) = site.join_as(&identity, SECOND);
    connected(&seat, true).await;
    let mut open = Raw::connect(&site, tls(&site.identity(SEAT_2, DeviceKind::Seat)), SEAT_2, None)
        .await
        .unwrap();

    let mut devices = everybody();
    devices.insert(id(SEAT_1), DeviceEntry { revoked: true, ..entry(DeviceKind::Seat) });
    let begun = Instant::now();
    site.put_in_force(devices, &[&identity]).await;
    connected(&seat, false).await;
    let ended = begun.elapsed();
    // Whoever is good is there, or comes back.
    if which == Which::Mosquitto {
        let broken = open.until("the end of the line", |_| false).await;
        assert!(broken.is_err());
    }
    connected(&edge, true).await;
    let good = site.identity(SEAT_2, DeviceKind::Seat);
    let is_let_in = async || Raw::connect(&site, tls(&good), SEAT_2, None).await.is_ok();
    // Mosquitto may start once for the rights and once for the list, and refuses everybody meanwhile.
    until("a new connection to be refused to it alone", async || {
        let before = is_let_in().await;
        let met = Raw::connect(&site, tls(&identity), SEAT_1, None).await;
        assert!(met.is_err(), "a new connection is refused");
        before && is_let_in().await
    })
    .await;
    let settled = begun.elapsed();
    println!(
        "revocation on the {which:?} bus: the open connection ended after {ended:?}, everybody else was there and new ones refused after {settled:?}"
    );
    assert!(ended < SOON && settled < SOON, "{ended:?} {settled:?}");
    assert!(!*seat.connected().borrow());
    assert!(inbox.requests.try_recv().is_err());
}

async fn a_replaced_certificate_is_out_within_seconds(which: Which) {
    let site = Site::start(which).await;
    site.put_in_force(everybody(), &[]).await;
    let (old, new) =
        (site.identity(SEAT_1, DeviceKind::Seat), site.identity(SEAT_1, DeviceKind::Seat));
    let (seat, _inbox) = site.join_as(&old, SECOND);
    connected(&seat, true).await;
    let mut devices = everybody();
    let certificates = Some(vec![new.certificate().fingerprint]);
    devices.insert(id(SEAT_1), DeviceEntry { certificates, ..entry(DeviceKind::Seat) });
    let begun = Instant::now();
    site.put_in_force(devices, &[&old]).await;
    connected(&seat, false).await;
    let ended = begun.elapsed();
    println!("a replaced certificate on the {which:?} bus: out after {ended:?}");
    assert!(ended < SOON, "{ended:?}");
    seat.use_tls(Arc::new(tls(&new)));
    connected(&seat, true).await;
    seat.close().await;
    assert!(Raw::connect(&site, tls(&old), SEAT_1, None).await.is_err());
    assert!(Raw::connect(&site, tls(&new), SEAT_1, None).await.is_ok());
}

async fn a_superseded_certificate_is_refused_and_nobody_disturbed(which: Which) {
    let site = Site::start(which).await;
    site.put_in_force(everybody(), &[]).await;
    let (edge, _inbox) = site.join("y-edge", DeviceKind::Edge).await;
    let (old, new) =
        (site.identity(SEAT_1, DeviceKind::Seat), site.identity(SEAT_1, DeviceKind::Seat));
    let mut line = edge.connected();
    line.mark_unchanged();
    let mut devices = everybody();
    let certificates = Some(vec![new.certificate().fingerprint]);
    devices.insert(id(SEAT_1), DeviceEntry { certificates, ..entry(DeviceKind::Seat) });
    site.supersede(devices, &[&old]).await;
    // Mosquitto has a signal to look at first.
    within("the old certificate to be refused", async {
        while Raw::connect(&site, tls(&old), SEAT_1, None).await.is_ok() {}
    })
    .await;
    assert!(Raw::connect(&site, tls(&new), SEAT_1, None).await.is_ok());
    assert!(!line.has_changed().unwrap(), "the edge kept its line");
}

async fn the_next_certificate_is_taken_up_without_being_lost(which: Which) {
    let site = Site::start(which).await;
    let (_edge, mut inbox) = site.join("y-edge", DeviceKind::Edge).await;
    let (seat, _seat_inbox) = site.join(SEAT_1, DeviceKind::Seat).await;
    state(&mut inbox, SEAT_1, "$state", "ready").await;
    let mut line = seat.connected();
    line.mark_unchanged();
    let begun = Instant::now();
    seat.use_tls(Arc::new(tls(&site.identity(SEAT_1, DeviceKind::Seat))));
    within("the line to be cut", line.wait_for(|up| !up)).await.unwrap();
    within("the line to be back", line.wait_for(|up| *up)).await.unwrap();
    println!("the next certificate on the {which:?} bus: in use after {:?}", begun.elapsed());
    seat.set_state("fence", "here").unwrap();
    loop {
        let change = within("a state", inbox.states.recv()).await.unwrap();
        assert_ne!(change.value, "lost", "{change:?}");
        if change.path == "fence" {
            break;
        }
    }
}

async fn who_came_before_its_rights_is_heard_and_hears_once_it_has_them(which: Which) {
    let site = Site::start(which).await;
    let of_the_edge_only = everybody().into_iter().filter(|(_, it)| it.kind == DeviceKind::Edge);
    site.put_in_force(of_the_edge_only.collect(), &[]).await;
    let (_edge, mut inbox) = site.join("y-edge", DeviceKind::Edge).await;
    let identity = site.identity("y-kiosk-1", DeviceKind::Kiosk);
    // What one that is not let in meets, and that its rights are in force no sooner.
    let early = || Raw::connect(&site, tls(&identity), "y-kiosk-1", None);
    match (which, early().await) {
        (Which::Embedded, met) => assert!(met.is_err()),
        (Which::Mosquitto, met) => met.unwrap().subscribe("homie/5/y-edge/$state").await,
    }
    let (kiosk, mut kiosk_inbox) = site.join_as(&identity, SECOND);
    kiosk.set_state("fence", "here").unwrap();
    if which == Which::Mosquitto {
        let joined = || site.mosquitto_log().matches("as y-kiosk-1 (").count();
        let before = joined();
        until("the kiosk to join again and again", async || joined() >= before + 2).await;
    }
    assert!(!*kiosk.connected().borrow());
    assert!(kiosk_inbox.states.try_recv().is_err());

    site.put_in_force(everybody(), &[]).await;
    state(&mut kiosk_inbox, "y-edge", "$state", "ready").await;
    state(&mut inbox, "y-kiosk-1", "fence", "here").await;
}

async fn assert_works(site: &Site, edge: &SiteBus) {
    let (_seat, mut inbox) = site.join(SEAT_2, DeviceKind::Seat).await;
    edge.try_command(&id(SEAT_2), b"still there".to_vec(), SECOND * 5).unwrap();
    assert_eq!(next_command(&mut inbox).await, "still there");
}

async fn tls_stream(
    site: &Site,
    config: rustls::ClientConfig,
) -> tokio_rustls::client::TlsStream<TcpStream> {
    let tcp = TcpStream::connect(site.address).await.unwrap();
    let name = ServerName::from(site.address.ip());
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap()
}

/// MQTT 5 CONNECT with clean start and a keep-alive of a minute.
fn connect_packet(client_id: &str) -> Vec<u8> {
    let mut body = vec![0x00, 0x04, b'M', b'Q', b'T', b'T', 5, 0x02, 0, 60, 0, 0];
    body.push(u8::try_from(client_id.len()).unwrap());
    body.extend(client_id.bytes());
    let mut packet = vec![0x10, u8::try_from(body.len()).unwrap()];
    packet.extend(body);
    packet
}

async fn until_closed(stream: &mut (impl tokio::io::AsyncRead + Unpin)) {
    let mut buffer = [0; 1024];
    while let Ok(1..) = stream.read(&mut buffer).await {}
}
