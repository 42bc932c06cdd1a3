//! From a tap at the kiosk to the order at the lock, with the hub away: a whole site with 100,000 credentials, its file,
//! its bus over TLS. The card's own time is left out; so is the lock's.
#![expect(clippy::unwrap_used, reason = "a measurement stops at the first surprise")]

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bench::house::{CREDENTIALS, DESKS, sheet};
use bench::percentile;
use data_encoding::HEXLOWER;
use edge_agent::hub::HttpHub;
use edge_agent::{Config, DoorDriver, Drivers, Parts, SimDoors, Site};
use edge_store::{EdgeStore, KeptSheet};
use hardware::door::{DoorError, Lock, LockLevel};
use model::clock::{Clock as _, SystemClock};
use model::day_sheet::{DeviceKind, SiteDevice};
use model::id::DeviceId;
use ring::rand::SystemRandom;
use tests::process::{program, run};
use tests::region::{Database, Region};
use tests::waiting::until;
use tokio::time::sleep;
use wire::bus::{BusOptions, SiteBus};
use wire::credential::RegionCardKey;
use wire::identity::DeviceIdentity;
use wire::request::{Answer, Card, Request, Secret};
use wire::sealing::SectionKey;
use wire::sheet::{SheetKey, seal};

const SITE: &str = "yokohama";
const EDGE: &str = "yokohama-edge";
const KIOSK: &str = "yokohama-kiosk-1";
const SALT: [u8; 32] = [9; 32];

#[tokio::main]
async fn main() {
    let mut region = Region::start(Database::Sqlite).await;
    let home = region.folder().join(EDGE);
    for (name, device) in [("kyoten-edge", EDGE), ("kyoten-kiosk", KIOSK)] {
        let (hub, code) = (region.uplink_url(), region.enrolment_code(device));
        let folder = region.folder().join(device);
        let mut enrol = Command::new(program(name));
        enrol.env("KYOTEN_DATA_DIR", folder).args(["enrol", "--hub", &hub, "--code", &code]);
        run(&mut enrol);
    }
    region.stop_hub();
    let identity = DeviceIdentity::load(&home).unwrap();
    let key = SheetKey::from_pkcs8(&SheetKey::generate(&SystemRandom::new()).unwrap()).unwrap();
    keep_sheet(&home.join("site.db"), &identity, &key).await;

    let told = Arc::new(Mutex::new(None));
    let drivers = Timed { doors: SimDoors::default(), told: told.clone() };
    let config = Config {
        data_dir: home,
        bus_listen: "127.0.0.1:0".parse().unwrap(),
        bus_host: "127.0.0.1".to_owned(),
        ..Config::default()
    };
    let parts = Parts {
        hub: Arc::new(HttpHub::new(&region.uplink_url(), &identity).unwrap()),
        config,
        sheet_keys: vec![key.public()],
        identity,
        clock: Arc::new(SystemClock),
        rng: Arc::new(SystemRandom::new()),
        drivers: Arc::new(drivers),
    };
    let begun = Instant::now();
    let site = Site::start(parts).await.unwrap();
    println!(
        "tap to unlock, {CREDENTIALS} credentials, the hub away; up in {:.1?}",
        begun.elapsed()
    );
    let kiosk = kiosk(&region, &site).await;

    let (mut unlocked, mut answered) = (Vec::new(), Vec::new());
    for person in 0..DESKS {
        let identifier = Secret(HEXLOWER.encode(&identifier(person)));
        let request = Request::Tap { card: Card::Identifier { identifier } };
        let request = serde_json::to_vec(&request).unwrap();
        told.lock().unwrap().take();
        let begun = Instant::now();
        let answer = kiosk.request(request).await.unwrap();
        answered.push(begun.elapsed());
        let answer: Answer = serde_json::from_slice(&answer).unwrap();
        assert!(matches!(answer, Answer::Welcome { door_open: true, .. }), "{answer:?}");
        unlocked.push(told.lock().unwrap().unwrap().duration_since(begun));
        // As people come: one after the other, not all at once.
        sleep(Duration::from_millis(3)).await;
    }
    let bar = "   (bar: p99 under 1 ms)";
    for (what, times, bar) in
        [("lock told", &mut unlocked, bar), ("kiosk answered", &mut answered, "")]
    {
        let (half, most) = (percentile(times, 50.0), percentile(times, 99.0));
        println!("  {what:<15} {DESKS} taps   p50 {half:>9.1?}   p99 {most:>9.1?}{bar}");
    }
    site.stop().await;
}

async fn keep_sheet(file: &std::path::Path, identity: &DeviceIdentity, key: &SheetKey) {
    let cards = RegionCardKey::new(&identity.region_card_key().unwrap().try_into().unwrap());
    let device = |device: &str, kind| {
        let device: DeviceId = device.parse().unwrap();
        SiteDevice { device, kind, certificates: None, revoked: false }
    };
    let devices = vec![device(EDGE, DeviceKind::Edge), device(KIOSK, DeviceKind::Kiosk)];
    let digest = |person| cards.reference(&identifier(person)).on_sheet(&SALT);
    let sheet = sheet(SITE, SystemClock.now(), devices, digest);
    let sealed = seal(&sheet, &SALT, None, key, &SectionKey::new([5; 32])).unwrap();
    let kept = KeptSheet { manifest: sealed.manifest, sections: sealed.sections };
    let store = EdgeStore::open(file).await.unwrap();
    store.keep_sheet(sheet.version, &kept).await.unwrap();
    store.close().await;
}

async fn kiosk(region: &Region, site: &Site) -> SiteBus {
    let identity = DeviceIdentity::load(&region.folder().join(KIOSK)).unwrap();
    let address = site.bus_address().unwrap();
    let options = BusOptions {
        host: address.ip().to_string(),
        port: address.port(),
        device: KIOSK.parse().unwrap(),
        kind: DeviceKind::Kiosk,
        edge: EDGE.parse().unwrap(),
        tls: Arc::new(identity.bus_client_config().unwrap()),
        request_timeout: Duration::from_secs(5),
    };
    let (bus, inbox) = SiteBus::start(options, &SystemRandom::new()).unwrap();
    // Nobody reads what else the bus tells.
    drop(inbox);
    until("the kiosk on the bus", async || bus.connected().borrow().then_some(())).await;
    bus
}

fn identifier(person: u32) -> [u8; 8] {
    let [a, b, c, d] = person.to_be_bytes();
    [1, 46, 0, 0, a, b, c, d]
}

/// Simulated doors whose locks note when they were told to open.
struct Timed {
    doors: SimDoors,
    told: Arc<Mutex<Option<Instant>>>,
}

impl Drivers for Timed {
    fn door(&self, door: &DeviceId) -> Option<DoorDriver> {
        let driver = self.doors.door(door)?;
        let lock = TimedLock { lock: driver.lock, told: self.told.clone() };
        Some(DoorDriver { lock: Box::new(lock), ..driver })
    }
}

struct TimedLock {
    lock: Box<dyn Lock>,
    told: Arc<Mutex<Option<Instant>>>,
}

#[async_trait]
impl Lock for TimedLock {
    async fn lock(&self) -> Result<(), DoorError> {
        self.lock.lock().await
    }

    async fn unlock(&self) -> Result<(), DoorError> {
        self.told.lock().unwrap().replace(Instant::now());
        self.lock.unlock().await
    }

    async fn level(&self) -> Result<LockLevel, DoorError> {
        self.lock.level().await
    }
}
