//! Foreign Homie 5 devices at a whole site: a lock that is a door, sensors of the air, and somebody
//! who looks on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use edge_agent::config::HomieNode;
use edge_agent::{Config, DoorDriver, Drivers, SimDoors, Site, thing};
use homie5::HomieDeviceStatus;
use model::air::AirWarning;
use model::day_sheet::{DaySheet, SiteDevice};
use model::id::DeviceId;
use model::language::LocalText;
use model::sensor::{Measure, Reading, Sensor, SensorId, SensorPlace};
use model::site_event::Happening;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, Publish};
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use rumqttc::{TlsConfiguration, Transport};
use tokio::time::timeout;
use twin::LockLevel;
use wire::bus::SiteBus;
use wire::homie::Description;
use wire::request::Answer;
use wire::topics::{DeviceKind, Topic};

use crate::homie_reader::read;
use crate::mirrored;
use crate::site_support::{DEADLINE, House, id, in_force, sheet, until};

/// The second sheet, with foreign devices and whoever looks on.
fn plan() -> DaySheet {
    let mut plan = sheet(2);
    for (device, kind) in [
        ("y-lock-1", DeviceKind::Thing),
        ("y-air-1", DeviceKind::Thing),
        ("y-house", DeviceKind::Viewer),
    ] {
        let device = id(device);
        plan.devices.push(SiteDevice { device, kind, certificates: None, revoked: false });
    }
    let zone = LocalText::new("窓側", "By the window");
    for (property, measures) in [("co2", Measure::Co2), ("motion", Measure::Motion)] {
        plan.site.sensors.push(Sensor {
            id: SensorId { device: id("y-air-1"), node: id("air"), property: id(property) },
            measures,
            place: SensorPlace::Zone { zone: zone.clone() },
            limit: None,
        });
    }
    plan
}

/// Every door is the node `front` of a foreign lock.
struct ForeignDoors;

impl Drivers for ForeignDoors {
    fn door(&self, _: &DeviceId) -> Option<DoorDriver> {
        None
    }
    fn homie(&self, _: &DeviceId) -> Option<HomieNode> {
        Some(HomieNode { device: id("y-lock-1"), node: id("front") })
    }
}

async fn start(house: &House, drivers: Arc<dyn Drivers>, config: Config) -> Site {
    house.hub.offer(house.hub.seal(&plan()));
    let site = house.start_as(house.clock.clone(), drivers, config).await;
    in_force(&site, 2).await;
    until("the edge on its bus", async || site.on_the_bus().borrow().then_some(())).await;
    site
}

fn lock_description(version: u32, settable: bool) -> Description {
    let text = format!(
        r#"{{"homie":"5.0","version":{version},"nodes":{{"front":{{"properties":{{
            "lock":{{"datatype":"enum","format":"locked,unlocked,jammed","settable":{settable}}},
            "contact":{{"datatype":"boolean"}}}}}}}}}}"#
    );
    Description::read(&text).unwrap()
}

/// A foreign lock that does as it is told, as long as it obeys.
async fn foreign_lock(house: &House, site: &Site) -> (SiteBus, Arc<AtomicBool>) {
    let (bus, mut inbox) = house.join(site, "y-lock-1", DeviceKind::Thing).await;
    bus.announce(&lock_description(1, true)).unwrap();
    bus.set_state("front/lock", "locked").unwrap();
    bus.set_state("front/contact", "false").unwrap();
    let obeys = Arc::new(AtomicBool::new(true));
    let (device, told) = (bus.clone(), obeys.clone());
    tokio::spawn(async move {
        while let Some(change) = inbox.states.recv().await {
            if change.path == "front/lock/set" && told.load(Ordering::SeqCst) {
                device.set_state("front/lock", &change.value).unwrap();
            }
        }
    });
    (bus, obeys)
}

async fn lock_reads(site: &Site, wanted: LockLevel) {
    until("the lock", async || {
        let door = site.view().await.unwrap().doors.remove(0).state;
        (door.lock == Some(wanted) && !door.fault).then_some(())
    })
    .await;
}

fn opened(answer: &Answer) -> bool {
    let Answer::Welcome { door_open, .. } = answer else { panic!("{answer:?}") };
    *door_open
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_lock_is_a_door_that_opens_only_on_its_own_word() {
    let house = House::new();
    let site = start(&house, Arc::new(ForeignDoors), Config::default()).await;
    let kiosk = house.kiosk(&site).await;
    assert!(!opened(&kiosk.tap("0101").await), "the lock is not there yet");

    let (lock, obeys) = foreign_lock(&house, &site).await;
    lock_reads(&site, LockLevel::Locked).await;
    until("the contact", async || {
        (site.view().await.unwrap().doors[0].state.open == Some(false)).then_some(())
    })
    .await;
    assert!(opened(&kiosk.tap("0101").await), "a double tap shows the desk again");
    lock_reads(&site, LockLevel::Locked).await;
    lock.set_state("front/contact", "true").unwrap();
    until("the open door", async || {
        (site.view().await.unwrap().doors[0].state.open == Some(true)).then_some(())
    })
    .await;

    obeys.store(false, Ordering::SeqCst);
    assert!(!opened(&kiosk.tap("0101").await), "it was told and did not say that it moved");
    obeys.store(true, Ordering::SeqCst);
    lock_reads(&site, LockLevel::Locked).await;
    lock.announce(&lock_description(2, false)).unwrap();
    until("the new description to be heard", async || {
        (!opened(&kiosk.tap("0101").await)).then_some(())
    })
    .await;
    lock.announce(&lock_description(3, true)).unwrap();
    lock_reads(&site, LockLevel::Locked).await;
    assert!(opened(&kiosk.tap("0202").await));

    lock.close().await;
    until("the lock to be gone", async || (!opened(&kiosk.tap("0202").await)).then_some(())).await;
    let faults = |house: &House| {
        let events = &house.hub.state().events;
        events.iter().filter(|e| matches!(e.what, Happening::LockFault { .. })).count()
    };
    mirrored(&house, &site).await;
    assert!(faults(&house) >= 3, "each is recorded");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stale_air_is_a_warning_at_the_site_and_at_the_hub() {
    let house = House::new();
    let site = start(&house, house.doors.clone(), Config::default()).await;
    let (air, _inbox) = house.join(&site, "y-air-1", DeviceKind::Thing).await;
    let warnings = async || {
        let view = site.view().await.unwrap();
        let open = view.air.into_iter().flat_map(|place| place.warnings);
        open.map(|(what, _)| what).collect::<Vec<AirWarning>>()
    };
    // Before it has described anything it is not heard.
    air.set_state("air/co2", "1400").unwrap();
    air.announce(&thing::description()).unwrap();
    for garbage in ["NaN", "inf", "1e999", "-1", "0", "99999", "many", "\u{0}", "１４００", ""]
    {
        air.set_state("air/co2", garbage).unwrap();
    }
    air.set_state("air/co2", "999.9").unwrap();
    let reading = async || {
        let view = site.view().await.unwrap();
        view.air[0].readings.iter().find(|one| one.measures == Measure::Co2)?.value
    };
    until("the first number that fits", async || {
        (reading().await == Some(Reading(9_999))).then_some(())
    })
    .await;
    assert_eq!(warnings().await, Vec::<AirWarning>::new());
    air.set_state("air/co2", "1250.5").unwrap();
    until("the warning", async || (warnings().await == [AirWarning::StaleAir]).then_some(())).await;
    mirrored(&house, &site).await;
    let at_hub = house.hub.state().mirror.snapshot();
    assert_eq!((at_hub.air.len(), at_hub.air[0].what), (1, AirWarning::StaleAir));
    air.set_state("air/co2", "640").unwrap();
    until("the end of the warning", async || warnings().await.is_empty().then_some(())).await;

    // It floods the bus, and a seat is heard all the same.
    for number in 0..800 {
        air.set_state("air/co2", &format!("{}", 500 + number % 50)).unwrap();
    }
    let (seat, _seat_inbox) = house.join(&site, "y-seat-01", DeviceKind::Seat).await;
    seat.set_state("terminal/state", "idle").unwrap();
    until("the seat", async || {
        let view = site.view().await.unwrap();
        view.spaces[0].terminal.as_ref().filter(|(_, state)| state.as_str() == "idle").map(drop)
    })
    .await;
    mirrored(&house, &site).await;
    site.stop().await;
    let hub = house.hub.state();
    assert_eq!((hub.differed, hub.snapshots), (0, 0), "the mirror never went astray");
    let count = |wanted: fn(&Happening) -> bool| {
        hub.events.iter().filter(|event| wanted(&event.what)).count()
    };
    assert_eq!(count(|what| matches!(what, Happening::Air { began: true, .. })), 1);
    assert_eq!(count(|what| matches!(what, Happening::Air { began: false, .. })), 1);
    assert_eq!(count(|what| matches!(what, Happening::Measured { .. })), 1, "now and then");
}

/// What whoever looks on is shown under these filters, until `enough`.
async fn looks_on(
    house: &House,
    site: &Site,
    filters: &[&str],
    enough: impl Fn(&[Publish]) -> bool,
) -> Vec<Publish> {
    let identity = house.identity("y-house", DeviceKind::Viewer);
    let address = site.bus_address().unwrap();
    let mut options = MqttOptions::new("y-house", address.ip().to_string(), address.port());
    let tls = TlsConfiguration::Rustls(Arc::new(identity.client_config().unwrap()));
    options.set_transport(Transport::tls_with_config(tls)).set_keep_alive(Duration::from_secs(5));
    options.set_max_packet_size(Some(256 * 1024));
    let (client, mut events) = AsyncClient::new(options, 64);
    for filter in filters {
        client.try_subscribe(*filter, QoS::AtLeastOnce).unwrap();
    }
    let mut kept = Vec::new();
    let looking = async {
        while !enough(&kept) {
            if let Event::Incoming(Packet::Publish(publish)) = events.poll().await.unwrap() {
                kept.retain(|known: &Publish| known.topic != publish.topic);
                // Whether it was kept before or said now: it is looked at as it will be kept.
                kept.push(Publish { retain: true, ..publish });
            }
        }
    };
    timeout(DEADLINE, looking).await.unwrap();
    kept
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_site_is_read_by_another_and_told_to_home_assistant_where_it_wants_that() {
    let house = House::new();
    let wanted = Config { home_assistant: true, ..Config::default() };
    let site = start(&house, Arc::new(SimDoors::default()), wanted).await;
    let topic = Topic::Discovery(id("y-edge")).to_string();
    let edge_is_whole = |kept: &[Publish]| {
        let has = |topic: &str| kept.iter().any(|one| one.topic == topic.as_bytes());
        [
            "$description",
            "$state",
            "program/version",
            "y-door/lock",
            "y-door/contact",
            "y-door/state",
        ]
        .iter()
        .all(|path| has(&format!("homie/5/y-edge/{path}")))
            && has(&topic)
    };
    let kept = looks_on(&house, &site, &["homie/5/#", "homeassistant/#"], edge_is_whole).await;
    let (told, homie): (Vec<_>, Vec<_>) =
        kept.into_iter().partition(|one| one.topic == topic.as_bytes());
    let (devices, findings) = read(&homie);
    assert!(findings.is_empty(), "{findings:#?}");
    assert_eq!(devices["y-edge"].status, Some(HomieDeviceStatus::Ready));
    let value = |property: &str| {
        devices["y-edge"].values[&("y-door".to_owned(), property.to_owned())].as_str()
    };
    assert_eq!([value("lock"), value("contact"), value("state")], ["locked", "closed", "locked"]);
    let payload: serde_json::Value = serde_json::from_slice(&told[0].payload).unwrap();
    let components = payload["components"].as_object().unwrap();
    assert_eq!(components.len(), 3 + 2, "a door, and two sensors");
    assert_eq!(components["y-door_lock"]["state_topic"], "homie/5/y-edge/y-door/lock");
    assert!(house.data().join("home-assistant").exists());
    site.stop().await;

    let site = start(&house, Arc::new(SimDoors::default()), Config::default()).await;
    assert!(!house.data().join("home-assistant").exists(), "it was told to forget");
    let lock = "homie/5/y-edge/y-door/lock".as_bytes();
    let kept = looks_on(&house, &site, &["homeassistant/#", "homie/5/#"], |kept| {
        kept.iter().any(|one| one.topic == lock)
    })
    .await;
    let told = kept.iter().any(|one| one.topic == topic.as_bytes() && !one.payload.is_empty());
    assert!(!told, "nothing is said where nobody asked for it");
    site.stop().await;
}
