//! What is said by Homie 5 is read back with another's reader of the convention, the `homie5` crate.

use std::time::Duration;

use homie5::HomieDeviceStatus;
use model::id::DeviceId;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{LastWill, Packet, Publish, PublishProperties};
use wire::bus::{BusInbox, SiteBus};
use wire::home_assistant::discovery;
use wire::homie::{NodeOfDoor, of_edge};
use wire::topics::{DeviceKind, EVERY_DISCOVERY, HOME_ASSISTANT_STATUS, Topic};

use crate::homie_reader::read;
use crate::site_bus_support::{Raw, Site, Which, expiring, id, within};

/// Somebody who may look at everything.
async fn viewer(site: &Site) -> Raw {
    let tls = site.identity("y-house", DeviceKind::Viewer).client_config().unwrap();
    Raw::connect(site, tls, "y-house", None).await.unwrap()
}

/// Everything that the broker keeps under the filter.
async fn kept(raw: &mut Raw, filter: &str) -> Vec<Publish> {
    raw.client.try_subscribe(filter, QoS::AtLeastOnce).unwrap();
    // What it keeps comes first, then what is said now: this.
    let fence = if filter == EVERY_DISCOVERY {
        HOME_ASSISTANT_STATUS.to_owned()
    } else {
        Topic::lifecycle(&id("y-house")).to_string()
    };
    raw.client
        .try_publish_with_properties(&fence, QoS::AtLeastOnce, false, "ready", expiring(5))
        .unwrap();
    let mut kept = Vec::new();
    loop {
        let packet = raw.until("what is kept", |packet| matches!(packet, Packet::Publish(_))).await;
        let Packet::Publish(publish) = packet.unwrap() else { unreachable!() };
        if !publish.retain && publish.topic == fence.as_bytes() {
            return kept;
        }
        kept.push(publish);
    }
}

fn doors() -> Vec<NodeOfDoor> {
    [("y-door", "入口"), ("y-back", "裏口")]
        .map(|(door, name)| NodeOfDoor { door: id(door), name: name.to_owned() })
        .to_vec()
}

/// An edge that has announced two doors.
async fn edge(site: &Site) -> (SiteBus, BusInbox) {
    let (edge, inbox) = site.join("y-edge", DeviceKind::Edge).await;
    edge.announce(&of_edge("横浜", &doors(), 1)).unwrap();
    for door in ["y-door", "y-back"] {
        for (property, value) in [("lock", "locked"), ("contact", "closed"), ("state", "locked")] {
            edge.set_state(&format!("{door}/{property}"), value).unwrap();
        }
    }
    (edge, inbox)
}

/// A played sensor that has said everything once.
async fn thing(site: &Site) -> (SiteBus, BusInbox) {
    let (thing, inbox) = site.join("y-air-1", DeviceKind::Thing).await;
    thing.announce(&edge_agent::thing::description()).unwrap();
    for (property, value) in [
        ("co2", "612.5"),
        ("temperature", "-0.5"),
        ("humidity", "48"),
        ("noise", "42.1"),
        ("motion", "true"),
    ] {
        thing.set_state(&format!("air/{property}"), value).unwrap();
    }
    (thing, inbox)
}

/// Waits until the edge has heard `value` at `path` of the device, and so has the broker.
async fn heard(inbox: &mut BusInbox, device: &str, path: &str, value: &str) {
    within(&format!("{device} {path} = {value}"), async {
        loop {
            let change = inbox.states.recv().await.unwrap();
            if (change.device, change.path.as_str(), change.value.as_str())
                == (id(device), path, value)
            {
                return;
            }
        }
    })
    .await;
}

pub async fn every_announced_device_is_read_by_another_without_a_finding(which: Which) {
    let site = Site::start(which).await;
    let (_edge, mut edge_inbox) = edge(&site).await;
    let (seat, _seat_inbox) = site.join("y-seat-01", DeviceKind::Seat).await;
    seat.set_state("terminal/state", "idle").unwrap();
    heard(&mut edge_inbox, "y-seat-01", "terminal/state", "idle").await;
    let (_kiosk, _kiosk_inbox) = site.join("y-kiosk-1", DeviceKind::Kiosk).await;
    heard(&mut edge_inbox, "y-kiosk-1", "$state", "ready").await;
    let (_staff, _staff_inbox) = site.join("y-staff-1", DeviceKind::Staff).await;
    heard(&mut edge_inbox, "y-staff-1", "$state", "ready").await;
    let (_thing, _thing_inbox) = thing(&site).await;
    heard(&mut edge_inbox, "y-air-1", "air/motion", "true").await;

    let mut raw = viewer(&site).await;
    let (devices, findings) = read(&kept(&mut raw, "homie/5/#").await);
    assert!(findings.is_empty(), "{findings:#?}");
    let there: Vec<&str> = devices.keys().map(String::as_str).collect();
    assert_eq!(there, ["y-air-1", "y-edge", "y-kiosk-1", "y-seat-01", "y-staff-1"]);
    for (device, known) in &devices {
        assert_eq!(known.status, Some(HomieDeviceStatus::Ready), "{device}");
    }
    let nodes = &devices["y-edge"].description.as_ref().unwrap().nodes;
    assert_eq!(nodes.len(), 3, "two doors and the program");

    // One that is cut off is lost, and all that it has said of itself still reads well.
    drop((seat, _seat_inbox));
    heard(&mut edge_inbox, "y-seat-01", "$state", "lost").await;
    let mut again = viewer(&site).await;
    let (devices, findings) = read(&kept(&mut again, "homie/5/#").await);
    assert!(findings.is_empty(), "{findings:#?}");
    assert_eq!(devices["y-seat-01"].status, Some(HomieDeviceStatus::Lost));
}

pub async fn a_foreign_device_is_set_by_the_edge_alone(which: Which) {
    let site = Site::start(which).await;
    let (edge, mut edge_inbox) = edge(&site).await;
    let (_thing, mut inbox) = thing(&site).await;
    heard(&mut edge_inbox, "y-air-1", "air/motion", "true").await;
    let set = Topic::set(&id("y-air-1"), &id("front"), &id("lock")).to_string();
    for (device, kind) in [("y-seat-02", DeviceKind::Seat), ("y-house", DeviceKind::Viewer)] {
        let tls = site.identity(device, kind).client_config().unwrap();
        let mut raw = Raw::connect(&site, tls, device, None).await.unwrap();
        raw.publish(&set, false, "forged", expiring(5)).await;
        raw.publish("homie/5/y-air-1/air/co2", true, "9999", PublishProperties::default()).await;
        raw.publish("homie/5/y-air-1/$state", true, "lost", PublishProperties::default()).await;
    }
    edge.try_set(&id("y-air-1"), &id("front"), &id("lock"), "unlocked").unwrap();
    let told = within("what is set", inbox.states.recv()).await.unwrap();
    assert_eq!((told.path.as_str(), told.value.as_str()), ("front/lock/set", "unlocked"));
    assert!(!told.retained);
    while let Ok(change) = edge_inbox.states.try_recv() {
        assert_ne!((change.device, change.value.as_str()), (id("y-air-1"), "9999"));
    }
    // A device that sets another's property is not heard either.
    let tls = site.identity("y-air-1", DeviceKind::Thing).client_config().unwrap();
    drop((_thing, inbox));
    heard(&mut edge_inbox, "y-air-1", "$state", "lost").await;
    let mut raw = Raw::connect(&site, tls, "y-air-1", None).await.unwrap();
    raw.publish("homie/5/y-seat-01/terminal/state", true, "idle", expiring(5)).await;
    raw.publish("homie/5/y-edge/y-door/lock", true, "unlocked", expiring(5)).await;
    raw.publish("homie/5/y-air-1/air/fence", false, "1", expiring(5)).await;
    within("the fence", async {
        loop {
            let change = edge_inbox.states.recv().await.unwrap();
            assert_eq!(change.device, id("y-air-1"));
            if change.path == "air/fence" {
                return;
            }
        }
    })
    .await;
}

pub async fn what_a_device_does_not_say_any_more_is_taken_back(which: Which) {
    let site = Site::start(which).await;
    let (first, _inbox) = edge(&site).await;
    let mut raw = viewer(&site).await;
    let old =
        |kept: &[Publish]| kept.iter().any(|one| one.topic.starts_with(b"homie/5/y-edge/y-back/"));
    within("the old door to be said", async { while !old(&kept(&mut raw, "homie/5/#").await) {} })
        .await;
    first.close().await;
    // The program begins anew on a sheet that has lost a door.
    let (edge, _inbox) = site.join("y-edge", DeviceKind::Edge).await;
    let one: Vec<NodeOfDoor> = doors().into_iter().take(1).collect();
    edge.announce(&of_edge("横浜", &one, 2)).unwrap();
    for (property, value) in [("lock", "locked"), ("contact", "closed"), ("state", "locked")] {
        edge.set_state(&format!("y-door/{property}"), value).unwrap();
    }
    within("the old door to be taken back", async {
        loop {
            let kept = kept(&mut raw, "homie/5/#").await;
            let (_, findings) = read(&kept);
            if !old(&kept) && findings.is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    // And one that it takes back by itself.
    edge.set_state("y-gone/lock", "locked").unwrap();
    edge.take_back("y-gone/lock").unwrap();
    within("the last door to be taken back", async {
        while kept(&mut raw, "homie/5/#")
            .await
            .iter()
            .any(|one| one.topic.ends_with(b"y-gone/lock"))
        {}
    })
    .await;
}

pub async fn home_assistant_looks_on_and_moves_nothing(which: Which) {
    let site = Site::start(which).await;
    let (edge, mut edge_inbox) = edge(&site).await;
    let edge_id: DeviceId = id("y-edge");
    let payload = discovery(&edge_id, "横浜", &doors(), &[], &[]);
    edge.set_discovery(&payload).unwrap();
    // As Home Assistant joins: with its birth message's topic as its will.
    let tls = site.identity("y-house", DeviceKind::Viewer).client_config().unwrap();
    let will = LastWill::new("homeassistant/status", "offline", QoS::AtLeastOnce, false, None);
    let mut raw = Raw::connect(&site, tls, "y-house", Some(will)).await.unwrap();
    raw.publish("homeassistant/status", false, "online", expiring(5)).await;
    let topic = Topic::Discovery(edge_id.clone()).to_string();
    within("the discovery message", async {
        loop {
            let kept = kept(&mut raw, EVERY_DISCOVERY).await;
            // One that comes just then comes as news, and is kept for the next look.
            let kept = kept.iter().find(|one| one.retain && one.topic == topic.as_bytes());
            if let Some(told) = kept {
                assert_eq!(told.payload, payload.as_bytes());
                return;
            }
        }
    })
    .await;
    // Nobody but the edge tells it anything.
    let seat = site.identity("y-seat-01", DeviceKind::Seat).client_config().unwrap();
    let mut seat = Raw::connect(&site, seat, "y-seat-01", None).await.unwrap();
    seat.publish(&topic, true, "{}", PublishProperties::default()).await;
    raw.publish(&topic, true, "", PublishProperties::default()).await;
    raw.publish("kyoten-site/v1/y-seat-01/command", false, "open", expiring(5)).await;
    raw.publish("kyoten-site/v1/y-house/request", false, "open", expiring(5)).await;
    let still = kept(&mut raw, EVERY_DISCOVERY).await;
    assert!(still.iter().any(|one| one.payload == payload.as_bytes()));
    assert!(edge_inbox.requests.try_recv().is_err());
    // It is forgotten where the site does not want it any more.
    edge.set_discovery("").unwrap();
    within("the discovery message to go", async {
        while kept(&mut raw, EVERY_DISCOVERY).await.iter().any(|one| one.topic == topic.as_bytes())
        {
        }
    })
    .await;
}
