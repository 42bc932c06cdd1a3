//! A site on somebody else's broker: one that hangs in mid-session, and one that starts anew and has forgotten everything.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use edge_agent::broker::{Broker, BrokerHandle, DeviceEntry, DeviceList, DeviceRegistry};
use edge_agent::config::BrokerChoice;
use edge_agent::{Config, Site};
use hardware::door::LockLevel;
use model::access::RefusalKind;
use model::day_sheet::DaySheet;
use model::door::{DoorPlan, DoorReader, Side, Wiring};
use model::id::{DeviceId, VisitId};
use model::terminal::TerminalState;
use ring::rand::SystemRandom;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::timeout;
use twin::{Answer, Fact, TappedCard};
use uuid::Uuid;
use wire::bus::{BusInbox, BusOptions, SiteBus};
use wire::identity::DeviceIdentity;
use wire::request::Act;
use wire::topics::DeviceKind;

use crate::site_orders::the_disk_hangs;
use crate::site_support::{DEADLINE, House, id, in_force, sheet, until};
use crate::{command, mirrored};

/// Far less than a broker is waited for, and long enough for a busy machine.
const AT_ONCE: Duration = Duration::from_secs(2);
/// More than a device keeps of what waits to be said.
const MANY: usize = 1_200;

/// A broker that is not the edge's own, at the end of a line that can hang.
struct Elsewhere {
    broker: Option<BrokerHandle>,
    leads_to: Arc<Mutex<SocketAddr>>,
    hangs: watch::Sender<bool>,
    port: u16,
}

impl Elsewhere {
    async fn start(house: &House) -> Self {
        let broker = broker(house).await;
        let leads_to = Arc::new(Mutex::new(broker.local_addr()));
        let hangs = watch::Sender::new(false);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(carry(listener, leads_to.clone(), hangs.subscribe()));
        Self { broker: Some(broker), leads_to, hangs, port }
    }

    async fn stop(&mut self) {
        if let Some(broker) = self.broker.take() {
            broker.shutdown().await;
        }
    }

    /// Another run of the broker, which knows nothing of the one before.
    async fn start_anew(&mut self, house: &House) {
        let broker = broker(house).await;
        *self.leads_to.lock().unwrap() = broker.local_addr();
        self.broker = Some(broker);
    }

    /// Starts the site on it, with this sheet.
    async fn serve(&self, house: &House, plan: &DaySheet) -> Site {
        house.hub.offer(house.hub.seal(plan));
        let choice = BrokerChoice::Mosquitto { host: "127.0.0.1".to_owned(), port: self.port };
        let site = house.start_cut_off(house.hub.clone(), choice).await;
        in_force(&site, plan.version).await;
        on_the_bus(&site, true).await;
        site
    }

    async fn join(&self, house: &House, device: &str, kind: DeviceKind) -> (SiteBus, BusInbox) {
        let identity = house.identity(device, kind);
        let options = BusOptions::of(&identity, &format!("127.0.0.1:{}", self.port)).unwrap();
        let (bus, inbox) = SiteBus::start(options, &SystemRandom::new()).unwrap();
        until("a device on the bus", async || bus.connected().borrow().then_some(())).await;
        (bus, inbox)
    }
}

async fn broker(house: &House) -> BrokerHandle {
    let devices: BTreeMap<DeviceId, DeviceEntry> = [
        ("y-edge", DeviceKind::Edge),
        ("y-seat-01", DeviceKind::Seat),
        ("y-house", DeviceKind::Viewer),
    ]
    .into_iter()
    .map(|(device, kind)| (id(device), DeviceEntry { kind, certificates: None, revoked: false }))
    .collect();
    let list = DeviceList { devices, ..DeviceList::default() };
    let identity = DeviceIdentity::load(&house.data()).unwrap();
    let tls = identity.server_config().unwrap();
    let registry = DeviceRegistry::new(id("y-edge"), list);
    Broker::start("127.0.0.1:0".parse().unwrap(), tls, registry).await.unwrap()
}

/// Carries every connection to the broker, byte by byte, and none of them while it hangs.
async fn carry(
    listener: TcpListener,
    leads_to: Arc<Mutex<SocketAddr>>,
    hangs: watch::Receiver<bool>,
) {
    while let Ok((device, _)) = listener.accept().await {
        let address = *leads_to.lock().unwrap();
        let (out, back) = (hangs.clone(), hangs.clone());
        tokio::spawn(async move {
            let Ok(broker) = TcpStream::connect(address).await else { return };
            // Else each hop waits for the other end's acknowledgement.
            device.set_nodelay(true).ok();
            broker.set_nodelay(true).ok();
            let (from_device, to_device) = device.into_split();
            let (from_broker, to_broker) = broker.into_split();
            // When one end is gone the other hears of it.
            tokio::select! {
                () = copy(from_device, to_broker, out) => {}
                () = copy(from_broker, to_device, back) => {}
            }
        });
    }
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut hangs: watch::Receiver<bool>) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        // What was read as it began to hang hangs as well.
        let goes_on = hangs.wait_for(|hangs| !*hangs).await.is_ok();
        if !goes_on || to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

async fn on_the_bus(site: &Site, wanted: bool) {
    let what = if wanted { "the edge on its bus" } else { "the edge to miss its bus" };
    until(what, async || (*site.on_the_bus().borrow() == wanted).then_some(())).await;
}

/// The second sheet, whose door has a reader and a button.
fn planned() -> DaySheet {
    let mut plan = sheet(2);
    plan.site.zone = Some(chrono_tz::Asia::Tokyo);
    let reader = DoorReader { device: id("y-reader"), side: Side::Outside };
    plan.site.doors[0].plan = Some(DoorPlan {
        wiring: Some(Wiring::FailSafe),
        exit_button: true,
        readers: vec![reader],
        ..DoorPlan::default()
    });
    plan
}

fn tap(plan: &DaySheet, reader: &str, person: u8) -> Fact {
    Fact::Tap {
        reader: id(reader),
        card: TappedCard::of_identifier(plan.credentials[usize::from(person) - 1].digest),
        visit: VisitId(Uuid::from_u128(person.into())),
    }
}

/// A card at the door's own reader opens it, and so does the button inside, each at once.
async fn the_door_works(house: &House, site: &Site, plan: &DaySheet) {
    let door = house.doors.get(&id("y-door"));
    let mut states = door.watch();
    let mut lock_is = async |level: LockLevel, within: Duration| {
        let there = timeout(within, states.wait_for(|state| state.lock == level)).await;
        there.unwrap().unwrap();
    };
    lock_is(LockLevel::Locked, DEADLINE).await;
    let begun = Instant::now();
    let answer = site.tell(tap(plan, "y-reader", 2)).await.unwrap();
    assert!(matches!(answer, Some(Answer::DoorOpens { .. })), "{answer:?}");
    lock_is(LockLevel::Unlocked, AT_ONCE).await;
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    lock_is(LockLevel::Locked, DEADLINE).await;
    door.press();
    lock_is(LockLevel::Unlocked, AT_ONCE).await;
    door.let_go();
    lock_is(LockLevel::Locked, DEADLINE).await;
    // The same card again is no double tap.
    house.clock.advance(TimeDelta::minutes(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_08_a_broker_that_hangs_in_the_middle_holds_up_no_door() {
    let house = House::new();
    let plan = planned();
    let elsewhere = Elsewhere::start(&house).await;
    let site = elsewhere.serve(&house, &plan).await;
    the_door_works(&house, &site, &plan).await;
    elsewhere.hangs.send_replace(true);
    let door = house.doors.get(&id("y-door"));
    let much_to_say = async {
        for number in 0..MANY {
            let open = number % 2 == 0;
            if open {
                door.force()
            } else {
                door.close()
            }
            // It was said before the site heard of it. A pause between two looks would be most of the test.
            while site.view().await.unwrap().doors[0].state.open != Some(open) {
                yield_now().await;
            }
        }
    };
    timeout(DEADLINE, much_to_say).await.unwrap();
    the_door_works(&house, &site, &plan).await;
    // It has noticed by now, or will, that nothing comes back; the door does not care.
    on_the_bus(&site, false).await;
    the_door_works(&house, &site, &plan).await;
    elsewhere.hangs.send_replace(false);
    on_the_bus(&site, true).await;
    the_door_works(&house, &site, &plan).await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_11_a_broker_that_forgets_while_the_site_lives_on_is_told_everything_again() {
    let house = House::new();
    let plan = planned();
    let mut elsewhere = Elsewhere::start(&house).await;
    let site = elsewhere.serve(&house, &plan).await;
    let (seat, mut inbox) = elsewhere.join(&house, "y-seat-01", DeviceKind::Seat).await;
    seat.set_state("terminal/state", "idle").unwrap();
    until("the terminal", async || {
        let view = site.view().await.unwrap();
        let state = view.spaces[0].terminal.as_ref().unwrap().1;
        (state == TerminalState::Idle).then_some(())
    })
    .await;
    elsewhere.stop().await;
    on_the_bus(&site, false).await;
    the_door_works(&house, &site, &plan).await;
    // Somebody comes, and no broker carries the word to their terminal.
    let answer = site.tell(tap(&plan, "y-kiosk-1", 1)).await.unwrap();
    let Some(Answer::Welcome { visit, .. }) = answer else { panic!("{answer:?}") };

    elsewhere.start_anew(&house).await;
    on_the_bus(&site, true).await;
    let told = command(&mut inbox).await;
    assert!(matches!(told, Act::Assign { visit: whose, .. } if whose == visit), "{told:?}");
    // Nothing has moved at the leaf: whoever looks on hears of it because it is said again.
    let (_looker, mut looks) = elsewhere.join(&house, "y-house", DeviceKind::Viewer).await;
    until("what the door's contact says", async || {
        let said = looks.states.try_recv().ok()?;
        let of_the_leaf = said.device == id("y-edge") && said.path == "y-door/contact";
        (of_the_leaf && said.value == "closed").then_some(())
    })
    .await;
    the_door_works(&house, &site, &plan).await;
    site.stop().await;
}

/// A site on a Mosquitto that is told to read its files by a program, which hangs once the file that this answers is
/// there.
async fn told_by_a_program(house: &House, broker: &Elsewhere) -> (Site, PathBuf) {
    let (program, hangs) = (house.data().join("tell"), house.data().join("hangs"));
    // Far longer than a test waits.
    let text = format!("#!/bin/sh\n[ ! -e {0} ] || exec sleep 600\n", hangs.display());
    fs::write(&program, text).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    house.hub.offer(house.hub.seal(&sheet(1)));
    let broker = BrokerChoice::Mosquitto { host: "127.0.0.1".to_owned(), port: broker.port };
    let reload = Some(program.display().to_string());
    let config = Config { broker, broker_reload: reload, ..Config::default() };
    let site = house.start_as(house.clock.clone(), house.doors.clone(), config).await;
    in_force(&site, 1).await;
    (site, hangs)
}

/// A sheet that stops the first card, and of which the broker has to be told.
fn stopping() -> DaySheet {
    let mut plan = sheet(2);
    plan.credentials[0].blocked = true;
    plan.devices.retain(|one| one.device != id("y-seat-01"));
    plan
}

async fn counts(site: &Site, version: u64) {
    let counts = async || (site.snapshot().await.unwrap().sheet == version).then_some(());
    until("the sheet to count", counts).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_08_a_broker_that_cannot_be_told_of_new_rights_keeps_no_stopped_card_going() {
    let house = House::new();
    let elsewhere = Elsewhere::start(&house).await;
    let (site, hangs) = told_by_a_program(&house, &elsewhere).await;
    fs::write(&hangs, "").unwrap();
    let plan = stopping();
    house.hub.offer(house.hub.seal(&plan));
    counts(&site, 2).await;
    let stopped = site.tell(tap(&plan, "y-kiosk-1", 1)).await.unwrap();
    assert!(
        matches!(stopped, Some(Answer::Refused { why: RefusalKind::BlockedCard, .. })),
        "{stopped:?}"
    );
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_08_a_disk_that_hung_serves_again_while_the_broker_still_cannot_be_told() {
    let house = House::new();
    let elsewhere = Elsewhere::start(&house).await;
    let (site, hangs) = told_by_a_program(&house, &elsewhere).await;
    mirrored(&house, &site).await;
    fs::write(&hangs, "").unwrap();
    let mut disk = the_disk_hangs(&house);
    let plan = stopping();
    house.hub.offer(house.hub.seal(&plan));
    counts(&site, 2).await;
    disk.kill().unwrap();
    disk.wait().unwrap();
    // Told to the hub, it was on the disk before.
    let welcome = site.tell(tap(&plan, "y-kiosk-1", 2)).await.unwrap();
    assert!(matches!(welcome, Some(Answer::Welcome { .. })), "{welcome:?}");
    mirrored(&house, &site).await;
    site.stop().await;
}
