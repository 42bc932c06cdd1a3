//! A hub and a site in one process, on one clock that is set by hand.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};
use chrono::{DateTime, DurationRound as _, TimeDelta, Utc, Weekday};
use chrono_tz::Asia::Tokyo;
use edge_agent::hub::HttpHub;
use edge_agent::{Config as EdgeConfig, Parts, SimDoors, Site};
use hub::config::Config;
use hub::hub::Hub;
use hub::serve::{self, Ports, StartError};
use hub::service::children;
use hub::service::secret::sha256;
use hub::uplink::enrol;
use hub::web::{WebSettings, cookies};
use model::booking::{Booking, BookingCode, DeskNeeds};
use model::care::age::Ages;
use model::care::terms::Terms;
use model::centre::{Centre, CentreKind, CentreSettings, Door, Nursery, Space, SpaceKind};
use model::child::Particulars;
use model::clock::{Clock, ManualClock, SystemClock};
use model::day_sheet::DeviceKind;
use model::id::{
    BookingId, CentreId, ChildId, CredentialId, DeviceId, HouseholdId, MunicipalityId, NurseryId,
    PersonId, SessionId, SpaceId,
};
use model::interval::Interval;
use model::language::{Language, LocalText};
use model::opening::{DayKind, OpeningHours, OpeningRules};
use model::people::{Grant, Person};
use model::sign_in::{Means, Stage};
use ring::rand::SystemRandom;
use store::{BookResult, BookingOrder, Credential, SealedChild, Session};
use tests::folder::{Folder, copy};
use tests::http::client;
use tests::truth::Truth;
use tests::waiting::until;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use uuid::Uuid;
use wire::bus::{BusInbox, BusOptions, SiteBus};
use wire::identity::DeviceIdentity;
use wire::request::{Answer, Card, Request, Secret};

use crate::cut::Line;

pub const HERE: CentreId = CentreId(Uuid::from_u128(0x10));
pub const PIN: &str = "4711";
/// How many desks there are, and how many of them are kept for walk-ins.
const DESKS: u128 = 24;
const KEPT: u32 = 4;
const ROOM: NurseryId = NurseryId(Uuid::from_u128(0xa0));
/// Persons by number: guests, then parents, then the one who works in the nursery and the one who runs the centre.
pub const GUESTS: u128 = 34;
pub const PARENTS: u128 = 6;
pub const CARER: u128 = GUESTS + PARENTS + 1;
const OPERATOR: u128 = CARER + 1;

pub struct Place {
    pub hub: Hub,
    pub clock: Arc<ManualClock>,
    pub truth: Truth,
    pub line: Line,
    people: SocketAddr,
    sites: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<Result<(), StartError>>,
    folder: Folder,
}

impl Place {
    pub async fn new() -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let folder = Folder::new("away");
        let url = format!("sqlite:{}", folder.join("hub.db").display());
        let data = folder.join("hub").display().to_string();
        let config = Config::read(None, |key| match key {
            "KYOTEN_DATA_DIR" => Some(data.clone()),
            "DATABASE_URL" => Some(url.clone()),
            "KYOTEN_LISTEN" | "KYOTEN_UPLINK_LISTEN" => Some("127.0.0.1:0".to_owned()),
            _ => None,
        });
        let config = config.unwrap();
        let clock = Arc::new(ManualClock::at(last_morning(SystemClock.now())));
        let hub = serve::open(&config, clock.clone(), Arc::new(SystemRandom::new())).await.unwrap();
        furnish(&hub).await;
        let ports = Ports::bind(&config, &hub).await.unwrap();
        let (people, sites) = (ports.people_address, ports.sites_address);
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = serve::serve(hub.clone(), ports, WebSettings::default(), async {
            stopped.await.ok();
        });
        let running = tokio::spawn(serving);
        let (truth, line) = (Truth::open(&url).await, Line::to(sites).await);
        Self { hub, clock, truth, line, people, sites, stop: Some(stop), running, folder }
    }

    pub async fn stop(mut self) {
        self.stop.take().unwrap().send(()).ok();
        let Self { running, line, .. } = self;
        drop(line);
        running.await.unwrap().unwrap();
    }

    /// Enrols a device with a one-time code, over a line of its own.
    pub async fn enrol(&self, device: &str) {
        let names = ["127.0.0.1".to_owned()];
        let id: DeviceId = device.parse().unwrap();
        let code = enrol::new_code(&self.hub, &id, &names, TimeDelta::hours(1)).await.unwrap();
        let (sites, home) = (format!("https://{}", self.sites), self.folder.join(device));
        DeviceIdentity::enrol(&sites, &code.reveal(), &home, &*self.clock).await.unwrap();
    }

    /// Starts the site on what it kept, at its end of the line.
    pub async fn start_site(&self) -> Site {
        self.start_agent("here-edge").await
    }

    /// The same with what was kept under another name.
    pub async fn start_agent(&self, name: &str) -> Site {
        let hub = format!("https://{}", self.line.address);
        start_edge(self.folder.join(name), &hub, self.clock.clone(), None).await
    }

    /// A screen on the site's bus.
    pub async fn screen(&self, site: &Site, device: &str, kind: DeviceKind) -> Screen {
        Screen::on(site, &self.folder.join(device), (device, kind), "here-edge").await
    }

    /// Copies all that a device keeps; it may not run meanwhile.
    pub fn copy(&self, device: &str, to: &str) {
        copy(&self.folder.join(device), &self.folder.join(to)).unwrap();
    }

    /// The page at a path, as the operator of the centre is shown it.
    pub async fn operator_reads(&self, path: &str) -> String {
        let (token, now) = (self.hub.new_id().unwrap().to_string(), self.hub.now());
        let session = Session {
            id: SessionId(self.hub.new_id().unwrap()),
            token: sha256(token.as_bytes()),
            person: person(OPERATOR),
            csrf: String::new(),
            stage: Stage::Two,
            means: Means::Passkey,
            agent: String::new(),
            started_at: now,
            proved_at: now,
            ends_at: now + TimeDelta::hours(1),
        };
        self.hub.store.start_session(&session).await.unwrap();
        let request = client().get(format!("http://{}{path}", self.people));
        let request = request.header("cookie", format!("{}={token}", cookies::SESSION));
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let page = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {page}");
        page
    }

    pub async fn centre(&self) -> Centre {
        let centres = self.hub.store.centres().await.unwrap();
        centres.into_iter().find(|centre| centre.id == HERE).unwrap()
    }

    /// Books as the hub's pages do; a number is a booking's own.
    pub async fn book(&self, number: u128, wanted: Wanted) -> Option<Booking> {
        let Wanted { person, when, desk, child } = wanted;
        let made = (booking(number), BookingCode::from_random(u64::try_from(number).unwrap()));
        let (centre, now) = (self.centre().await, self.hub.now());
        let order =
            BookingOrder::of_desk(made, self::person(person), &centre, vec![when], (1, 1), now);
        let picked = matches!(desk, Desk::Picked(_));
        let mut order = BookingOrder {
            pinned: match desk {
                Desk::Any => None,
                Desk::Picked(space) | Desk::Given(space) => Some(space),
            },
            needs: DeskNeeds { pinned: picked, ..DeskNeeds::default() },
            children: child.into_iter().collect(),
            ..order
        };
        if let Some(child) = child {
            let day = when.starts().with_timezone(&Tokyo).date_naive();
            order.ages.put(child, day, Ages { months: 30, school_year: 2 });
        }
        match self.hub.store.book(&order).await.unwrap() {
            BookResult::Made(booking) => {
                self.hub.live.booking_made(HERE);
                Some(booking)
            }
            _ => None,
        }
    }
}

/// What is to be booked: a desk, and care for a child where one comes along.
pub struct Wanted {
    pub person: u128,
    pub when: Interval,
    pub desk: Desk,
    pub child: Option<ChildId>,
}

/// Which desk a booking is to have.
pub enum Desk {
    Any,
    /// The one that its guest has picked.
    Picked(SpaceId),
    /// One that happens to fall to it: it may be moved.
    Given(SpaceId),
}

/// A kiosk, or the screen of a nursery's staff.
pub struct Screen {
    bus: SiteBus,
    _inbox: BusInbox,
}

/// Starts an edge on what lies in `home`, and waits for its bus. Its file may be given no more than so many pages.
pub async fn start_edge(
    home: PathBuf,
    hub: &str,
    clock: Arc<dyn Clock>,
    most_pages: Option<u32>,
) -> Site {
    let identity = DeviceIdentity::load(&home).unwrap();
    let hub = HttpHub::new(hub, &identity).unwrap();
    let config = EdgeConfig {
        data_dir: home,
        bus_listen: "127.0.0.1:0".parse().unwrap(),
        bus_host: "127.0.0.1".to_owned(),
        most_pages,
        ..EdgeConfig::default()
    };
    let parts = Parts {
        config,
        sheet_keys: vec![identity.sheet_key().unwrap().to_owned()],
        identity,
        hub: Arc::new(hub),
        clock,
        rng: Arc::new(SystemRandom::new()),
        drivers: Arc::new(SimDoors::default()),
    };
    let site = Site::start(parts).await.unwrap();
    until("the edge on its bus", async || site.on_the_bus().borrow().then_some(())).await;
    site
}

impl Screen {
    /// One on a site's bus, with the identity in `home`.
    pub async fn on(
        site: &Site,
        home: &Path,
        (device, kind): (&str, DeviceKind),
        edge: &str,
    ) -> Self {
        let identity = DeviceIdentity::load(home).unwrap();
        let address = site.bus_address().unwrap();
        let options = BusOptions {
            host: address.ip().to_string(),
            port: address.port(),
            device: device.parse().unwrap(),
            kind,
            edge: edge.parse().unwrap(),
            tls: Arc::new(identity.bus_client_config().unwrap()),
            request_timeout: Duration::from_secs(10),
        };
        let (bus, inbox) = SiteBus::start(options, &SystemRandom::new()).unwrap();
        let mut on = bus.connected();
        until("a screen on the bus", async || on.borrow_and_update().then_some(())).await;
        Self { bus, _inbox: inbox }
    }

    pub async fn ask(&self, request: &Request) -> Answer {
        let payload = serde_json::to_vec(request).unwrap();
        serde_json::from_slice(&self.bus.request(payload).await.unwrap()).unwrap()
    }

    pub async fn tap(&self, person: u128) -> Answer {
        self.ask(&Request::Tap { card: card(person) }).await
    }
}

pub fn person(number: u128) -> PersonId {
    PersonId(Uuid::from_u128(number))
}

/// What somebody is called.
pub fn name(person: u128) -> String {
    format!("人{person}")
}

/// The booking of a number.
pub fn booking(number: u128) -> BookingId {
    BookingId(Uuid::from_u128(0x1_0000 + number))
}

/// The child of a parent.
pub fn child_of(parent: u128) -> ChildId {
    ChildId(Uuid::from_u128(0x100 + parent))
}

pub fn card(person: u128) -> Card {
    let bytes = identifier(person);
    let identifier = Secret(bytes.iter().map(|byte| format!("{byte:02x}")).collect());
    Card::Identifier { identifier }
}

fn identifier(person: u128) -> [u8; 8] {
    [1, 46, 0, 0, 0, 0, 0, u8::try_from(person).unwrap()]
}

/// The last nine o'clock of the centre, so that a test is the same at any hour: a lease ends with a day, and sheets are
/// made anew with a period. Not far from now: certificates are judged by the machine's clock too.
fn last_morning(now: DateTime<Utc>) -> DateTime<Utc> {
    now.duration_trunc(TimeDelta::days(1)).unwrap()
}

/// The next quarter of an hour: bookings lie on the house's steps.
pub fn next_quarter(at: DateTime<Utc>) -> DateTime<Utc> {
    let quarter = TimeDelta::minutes(15);
    at.duration_trunc(quarter).unwrap() + quarter
}

async fn furnish(hub: &Hub) {
    let town = MunicipalityId(Uuid::from_u128(1));
    hub.store.add_municipality(town, &LocalText::new("町", "Town")).await.unwrap();
    hub.store.add_centre(&centre(town)).await.unwrap();
    for number in 1..=DESKS {
        let space = Space {
            id: SpaceId(Uuid::from_u128(0x200 + number)),
            centre: HERE,
            kind: SpaceKind::Desk,
            label: format!("A-{number:02}"),
            zone: LocalText::new("窓側", "By the window"),
            terminal: None,
            features: Default::default(),
            row: 0,
        };
        hub.store.add_space(&space).await.unwrap();
    }
    let name = LocalText::new("入口", "Entrance");
    let door = Door { device: "here-door".parse().unwrap(), name, unlock_seconds: 1, plan: None };
    hub.store.add_door(HERE, &door).await.unwrap();
    for (device, kind) in [
        ("here-edge", DeviceKind::Edge),
        ("here-kiosk-1", DeviceKind::Kiosk),
        ("here-kiosk-2", DeviceKind::Kiosk),
        ("here-staff-1", DeviceKind::Staff),
    ] {
        hub.store.add_device(HERE, &device.parse().unwrap(), kind).await.unwrap();
    }
    let nursery = Nursery {
        id: ROOM,
        centre: HERE,
        name: LocalText::new("ひよこ", "Chicks"),
        places: 10,
        walking_minutes: 0,
        staffing: None,
        terms: Terms::default(),
    };
    hub.store.add_nursery(&nursery).await.unwrap();
    for number in 1..=GUESTS {
        somebody(hub, number, Grant::Worker { employer: None }).await;
    }
    for number in GUESTS + 1..=GUESTS + PARENTS {
        somebody(hub, number, Grant::Parent).await;
        let household = HouseholdId(Uuid::from_u128(0x300 + number));
        hub.store.found_household(household, person(number), hub.now()).await.unwrap();
        let day = hub.now().with_timezone(&Tokyo).date_naive();
        let born = "2024-05-10".parse().unwrap();
        let particulars = Particulars::new(&format!("こども{number}"), born, day).unwrap();
        let id = child_of(number);
        let sealed = children::seal(hub, id, &particulars).await.unwrap();
        hub.store.add_child(&SealedChild { id, household, sealed }).await.unwrap();
    }
    somebody(hub, CARER, Grant::NurseryStaff { nursery: ROOM }).await;
    somebody(hub, OPERATOR, Grant::Operator { centre: HERE }).await;
    let cheap = Params::new(8, 1, 1, None).unwrap();
    let hash = Argon2::new(Algorithm::Argon2id, Version::V0x13, cheap);
    let pin = hash.hash_password_with_salt(PIN.as_bytes(), b"salt for a test").unwrap();
    hub.store.set_pin(person(CARER), Some(&pin.to_string())).await.unwrap();
}

/// Open round the clock.
fn centre(municipality: MunicipalityId) -> Centre {
    const ALL_DAY: u32 = 24 * 60;
    use Weekday::{Fri, Mon, Sat, Sun, Thu, Tue, Wed};
    let days = [Mon, Tue, Wed, Thu, Fri, Sat, Sun].map(DayKind::Weekday);
    let days = days.into_iter().chain([DayKind::Holiday]);
    let hours = days.map(|day| OpeningHours { day, opens: 0, closes: ALL_DAY }).collect();
    Centre {
        id: HERE,
        slug: "here".parse().unwrap(),
        name: LocalText::new("拠点", "Here"),
        municipality,
        kind: CentreKind::TeleworkCentre,
        address: LocalText::new("住所", "address"),
        position: (35.4, 139.6),
        source_note: LocalText::new("仮", "assumed"),
        time_zone: Tokyo,
        settings: CentreSettings { walk_in_desks: KEPT, walk_in_hours: 72, ..Default::default() },
        settings_version: 1,
        opening: OpeningRules { hours, ..Default::default() },
    }
}

async fn somebody(hub: &Hub, number: u128, grant: Grant) {
    let id = person(number);
    let (email, name) = (format!("p{number}@example.jp"), name(number));
    let grants = vec![grant.into()];
    let somebody = Person { id, email, name, language: Language::Ja, grants };
    hub.store.add_person(&somebody, None).await.unwrap();
    let reference = hub.keys.region_cards.now().newest().reference(&identifier(number));
    let card = CredentialId(Uuid::from_u128(0x400 + number));
    let card = Credential::new(card, id, reference, "card", hub.now());
    hub.store.add_credential(&card).await.unwrap();
}
