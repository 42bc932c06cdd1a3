//! Foreign Homie 5 devices at a whole site: a lock that is a door, sensors of the air, and somebody
//! who looks on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use edge_agent::config::HomieNode;
use edge_agent::thing::lock::{self, Behaves};
use edge_agent::{Config, DoorDriver, Drivers, SimDoors, Site, thing};
use homie5::client::Subscription;
use homie5::{
    Homie5ControllerProtocol, Homie5Message, HomieDeviceStatus, HomieDomain, parse_mqtt_message,
};
use model::air::AirWarning;
use model::day_sheet::{DaySheet, SiteDevice};
use model::door::{DoorPlan, DoorState};
use model::id::DeviceId;
use model::language::LocalText;
use model::sensor::{Measure, Reading, Sensor, SensorId, SensorPlace};
use model::site_event::Happening;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, Publish};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use rumqttc::{TlsConfiguration, Transport};
use serde_json::{Map, Value, json};
use tokio::time::{sleep, timeout};
use twin::{DoorEntry, LockLevel};
use wire::bus::SiteBus;
use wire::homie::Description;
use wire::request::Answer;
use wire::topics::{DeviceKind, EVERY_DISCOVERY, EVERY_STATE, HOME_ASSISTANT_STATUS, Topic};

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
    assert_eq!(
        count(|what| matches!(what, Happening::Measured { .. })),
        3,
        "once, and where a warning begins or ends"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_played_lock_is_a_door_whose_leaf_follows_and_that_can_be_held_open_or_jammed() {
    let house = House::new();
    let mut plan = plan();
    plan.version = 3;
    plan.site.zone = Some(chrono_tz::Asia::Tokyo);
    plan.site.doors[0].plan =
        Some(DoorPlan { held_seconds: 5, ajar_seconds: 600, ..DoorPlan::default() });
    let site = start(&house, Arc::new(ForeignDoors), Config::default()).await;
    house.hub.offer(house.hub.seal(&plan));
    in_force(&site, 3).await;
    let kiosk = house.kiosk(&site).await;
    let door_is = async |what: &str, wanted: &dyn Fn(&DoorEntry) -> bool| {
        until(what, async || {
            let door = site.view().await.unwrap().doors.remove(0).state;
            wanted(&door).then_some(())
        })
        .await;
    };
    let shut = |door: &DoorEntry| {
        door.state.is_none()
            && (door.lock, door.open, door.fault) == (Some(LockLevel::Locked), Some(false), false)
    };
    let (held_open, jammed) = (true, true);
    for behaves in [
        Behaves::default(),
        Behaves { held_open, ..Behaves::default() },
        Behaves { jammed, ..Behaves::default() },
    ] {
        let (bus, inbox) = house.join(&site, "y-lock-1", DeviceKind::Thing).await;
        let device = bus.clone();
        let playing = tokio::spawn(async move { lock::play(&device, inbox, behaves).await });
        if behaves.jammed {
            until("the site to have read it", async || {
                let door = site.view().await.unwrap().doors.remove(0).state;
                (door.open == Some(false)).then_some(())
            })
            .await;
            assert!(!opened(&kiosk.tap("0202").await), "the bolt did not move");
            door_is("the fault", &|door| door.state == Some(DoorState::LockFault)).await;
        } else {
            // It has to be there again, and to have been heard.
            until("the lock to open", async || opened(&kiosk.tap("0101").await).then_some(()))
                .await;
            door_is("the open leaf", &|door| door.open == Some(true)).await;
        }
        if behaves.held_open {
            door_is("a leaf held open", &|door| door.state == Some(DoorState::Held)).await;
        } else if !behaves.jammed {
            door_is("the door to shut again", &shut).await;
        }
        playing.abort();
        bus.close().await;
    }
    site.stop().await;
}

/// How whoever looks on joins.
fn looker(house: &House, site: &Site) -> (AsyncClient, EventLoop) {
    let identity = house.identity("y-house", DeviceKind::Viewer);
    let address = site.bus_address().unwrap();
    let mut options = MqttOptions::new("y-house", address.ip().to_string(), address.port());
    let tls = TlsConfiguration::Rustls(Arc::new(identity.client_config().unwrap()));
    options.set_transport(Transport::tls_with_config(tls)).set_keep_alive(Duration::from_secs(5));
    options.set_max_packet_size(Some(256 * 1024));
    AsyncClient::new(options, 1_024)
}

/// One look at all that the broker keeps, with subscriptions of its own: what is kept comes first and says that it is.
/// The devices are found as the convention has it, by the discovery of the `homie5` crate's controller: from each
/// `$state` to the description, from there to the properties. Then comes whatever else lies in the tree.
async fn looks_on(house: &House, site: &Site) -> Vec<Publish> {
    let (client, mut events) = looker(house, site);
    let finds = Homie5ControllerProtocol::new();
    let ask = |turn: u32, filters: Vec<String>| {
        for filter in filters {
            client.try_subscribe(filter, QoS::AtLeastOnce).unwrap();
        }
        // What was asked for before this comes before this comes back.
        let turn = turn.to_string();
        client.try_publish(HOME_ASSISTANT_STATUS, QoS::AtLeastOnce, false, turn).unwrap();
    };
    let of = |found: Vec<Subscription>| found.into_iter().map(|one| one.topic).collect::<Vec<_>>();
    let begin = finds.subscribe_device_discovery(&HomieDomain::Default).collect();
    let (mut turn, mut all) = (1, false);
    ask(turn, [of(begin), vec![EVERY_DISCOVERY.to_owned()]].concat());
    let (mut kept, mut described) = (Vec::<Publish>::new(), Vec::new());
    let looking = async {
        loop {
            let Event::Incoming(Packet::Publish(publish)) = events.poll().await.unwrap() else {
                continue;
            };
            let topic = std::str::from_utf8(&publish.topic).unwrap();
            if topic == HOME_ASSISTANT_STATUS {
                match (publish.payload == turn.to_string().as_bytes(), all) {
                    (true, true) => return,
                    (true, false) => {
                        (turn, all) = (turn + 1, true);
                        ask(turn, vec![EVERY_STATE.to_owned()]);
                    }
                    (false, _) => {}
                }
                continue;
            }
            let known = kept.iter().any(|one| one.topic == publish.topic);
            let found = match parse_mqtt_message(topic, &publish.payload) {
                Ok(Homie5Message::DeviceState { device, .. }) if !known => {
                    of(finds.subscribe_device(&device).collect())
                }
                Ok(Homie5Message::DeviceDescription { device, description, .. })
                    if !described.contains(&device) =>
                {
                    let found = of(finds.subscribe_props(&device, &description).collect());
                    described.push(device);
                    found
                }
                _ => Vec::new(),
            };
            if !found.is_empty() {
                turn += 1;
                ask(turn, found);
            }
            kept.retain(|known| known.topic != publish.topic);
            kept.push(publish);
        }
    };
    timeout(DEADLINE, looking).await.unwrap();
    client.try_disconnect().unwrap();
    timeout(DEADLINE, async { while events.poll().await.is_ok() {} }).await.unwrap();
    kept
}

/// What the documentation of Home Assistant forbids in the message, and what it points to that nobody says.
fn findings_of_home_assistant(payload: &Value, homie: &[Publish]) -> Vec<String> {
    let schema = include_str!("../../../wire/src/home_assistant/device_discovery.schema.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    let mut findings: Vec<String> =
        schema.iter_errors(payload).map(|it| format!("{it} at {}", it.instance_path)).collect();
    let said = |topic: &Value| {
        let topic = topic.as_str().unwrap_or_default().as_bytes();
        let found = homie.iter().find(|one| one.topic == topic)?;
        Some(String::from_utf8(found.payload.to_vec()).unwrap())
    };
    for (name, component) in payload["components"].as_object().into_iter().flatten() {
        let Some(value) = said(&component["state_topic"]) else {
            findings.push(format!("{name}: nobody says {}", component["state_topic"]));
            continue;
        };
        let options = component["options"].as_array();
        if options.is_some_and(|options| !options.contains(&Value::String(value.clone()))) {
            findings.push(format!("{name}: {value} is none of its options"));
        }
        let words = ["payload_on", "payload_off"].map(|word| component[word].as_str());
        if words[0].is_some() && !words.contains(&Some(value.as_str())) {
            findings.push(format!("{name}: {value} is neither of {words:?}"));
        }
        let there = [&payload["availability"], &component["availability"]];
        for one in there.into_iter().flat_map(|list| list.as_array().into_iter().flatten()) {
            if said(&one["topic"]).is_none() {
                findings.push(format!("{name}: nobody says {}", one["topic"]));
            }
        }
    }
    findings
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_site_is_read_by_another_and_told_to_home_assistant_where_it_wants_that() {
    let house = House::new();
    let wanted = Config { home_assistant: true, ..Config::default() };
    let site = start(&house, Arc::new(SimDoors::default()), wanted).await;
    let (lock, inbox) = house.join(&site, "y-lock-1", DeviceKind::Thing).await;
    let device = lock.clone();
    let playing = tokio::spawn(async move { lock::play(&device, inbox, Behaves::default()).await });
    let (air, _air_inbox) = house.join(&site, "y-air-1", DeviceKind::Thing).await;
    air.announce(&thing::description()).unwrap();
    for (property, value) in
        [("co2", "640"), ("temperature", "22"), ("humidity", "48"), ("noise", "42")]
    {
        air.set_state(&format!("air/{property}"), value).unwrap();
    }
    air.set_state("air/motion", "false").unwrap();
    let _kiosk = house.kiosk(&site).await;
    let _screen = house.staff_screen(&site).await;
    let (seat, _seat_inbox) = house.join(&site, "y-seat-01", DeviceKind::Seat).await;
    seat.set_state("terminal/state", "idle").unwrap();

    let topic = Topic::Discovery(id("y-edge")).to_string();
    let whole = ["y-air-1", "y-edge", "y-kiosk-1", "y-lock-1", "y-seat-01", "y-staff-1"];
    let begun = Instant::now();
    // What is said while somebody looks comes as news; the site has to come to rest first.
    let (devices, payload) = loop {
        let kept = looks_on(&house, &site).await;
        let (told, homie): (Vec<_>, Vec<_>) =
            kept.into_iter().partition(|one| one.topic == topic.as_bytes());
        let (devices, mut findings) = read(&homie);
        if !devices.keys().eq(whole) {
            findings.push(format!("there are {:?}", devices.keys()));
        }
        let payload = match &told[..] {
            [one] if one.retain => serde_json::from_slice(&one.payload).unwrap(),
            _ => Value::Null,
        };
        findings.extend(findings_of_home_assistant(&payload, &homie));
        if findings.is_empty() {
            break (devices, payload);
        }
        assert!(begun.elapsed() < DEADLINE, "{findings:#?}");
        sleep(Duration::from_millis(20)).await;
    };
    for (device, known) in &devices {
        assert_eq!(known.status, Some(HomieDeviceStatus::Ready), "{device}");
    }
    let value = |device: &str, node: &str, property: &str| {
        devices[device].values[&(node.to_owned(), property.to_owned())].clone()
    };
    let of_door = |property| value("y-edge", "y-door", property);
    assert_eq!(["lock", "contact", "state"].map(of_door), ["locked", "closed", "locked"]);
    let of_lock = |property| value("y-lock-1", "front", property);
    assert_eq!(["lock", "contact"].map(of_lock), ["locked", "false"]);
    let lock_is = devices["y-lock-1"].description.as_ref().unwrap();
    let described = lock_is.nodes.values().flat_map(|node| &node.properties);
    let settable = described.filter(|(_, property)| property.settable).count();
    assert_eq!(settable, 1, "the lock is set, and its contact is not");

    let components = payload["components"].as_object().unwrap();
    assert_eq!(components.len(), 3 + 2 + 4, "a door, two sensors, two screens and a seat");
    assert_eq!(components["y-door_lock"]["state_topic"], "homie/5/y-edge/y-door/lock");
    for device in ["y-kiosk-1", "y-staff-1", "y-seat-01"] {
        assert_eq!(components[&format!("{device}_connected")]["device_class"], "connectivity");
    }
    let terminal = "homie/5/y-seat-01/terminal/state";
    assert_eq!(components["y-seat-01_terminal"]["state_topic"], terminal);
    assert!(house.data().join("home-assistant").exists());
    playing.abort();
    site.stop().await;

    let site = start(&house, Arc::new(SimDoors::default()), Config::default()).await;
    assert!(!house.data().join("home-assistant").exists(), "it was told to forget");
    let lock = "homie/5/y-edge/y-door/lock".as_bytes();
    until("the door on the bus, and nothing told where nobody asked for it", async || {
        let kept = looks_on(&house, &site).await;
        let told = kept.iter().any(|one| one.topic == topic.as_bytes() && !one.payload.is_empty());
        (!told && kept.iter().any(|one| one.topic == lock && one.retain)).then_some(())
    })
    .await;
    site.stop().await;
}

/// What Home Assistant is told to show, once it is as `wanted`.
async fn shown(
    house: &House,
    site: &Site,
    what: &str,
    wanted: impl Fn(&Map<String, Value>) -> bool,
) -> Map<String, Value> {
    let topic = Topic::Discovery(id("y-edge")).to_string();
    until(what, async || {
        let kept = looks_on(house, site).await;
        let told = kept.iter().find(|one| one.topic == topic.as_bytes() && one.retain)?;
        let payload: Value = serde_json::from_slice(&told.payload).ok()?;
        let components = payload["components"].as_object()?.clone();
        wanted(&components).then_some(components)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_the_sites_no_more_home_assistant_is_told_to_forget_once_also_over_a_restart() {
    let house = House::new();
    let drivers = Arc::new(SimDoors::default());
    let wanted = || Config { home_assistant: true, ..Config::default() };
    let site = start(&house, drivers.clone(), wanted()).await;
    let (terminal, motion, co2) = ("y-seat-01_terminal", "y-air-1_air_motion", "y-air-1_air_co2");
    let before = shown(&house, &site, "the seat", |it| it.contains_key(terminal)).await;
    assert!(before[motion]["state_topic"].is_string());

    let mut plan = plan();
    plan.version = 3;
    plan.devices.iter_mut().find(|one| one.device == id("y-seat-01")).unwrap().revoked = true;
    plan.site.sensors.pop();
    house.hub.offer(house.hub.seal(&plan));
    in_force(&site, 3).await;
    // As its documentation has it: the platform, and nothing more.
    let gone = |it: &Map<String, Value>| {
        it.get(terminal) == Some(&json!({ "platform": "sensor" }))
            && it.get("y-seat-01_connected") == Some(&json!({ "platform": "binary_sensor" }))
            && it.get(motion) == Some(&json!({ "platform": "binary_sensor" }))
    };
    let told = shown(&house, &site, "the seat and a sensor to go", gone).await;
    assert_eq!(told.len(), before.len());
    assert_eq!((&told["y-door_lock"], &told[co2]), (&before["y-door_lock"], &before[co2]));
    site.stop().await;

    // Home Assistant may not have been there: as long as nothing else changes it is found in the message.
    let site = house.start_as(house.clock.clone(), drivers, wanted()).await;
    in_force(&site, 3).await;
    assert_eq!(shown(&house, &site, "the same after a restart", gone).await, told);
    (plan.version, plan.site.sensors) = (4, Vec::new());
    house.hub.offer(house.hub.seal(&plan));
    in_force(&site, 4).await;
    let next = shown(&house, &site, "the other sensor to go", |it| {
        it.get(co2) == Some(&json!({ "platform": "sensor" }))
    })
    .await;
    for old in [terminal, motion, "y-seat-01_connected"] {
        assert!(!next.contains_key(old), "{old} has been told to go");
    }
    site.stop().await;
}
