//! A hub with the demo's data, copied for each caller, and the callers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use chrono::{DateTime, TimeDelta, Utc};
use hub::config::Config;
use hub::hub::Hub;
use hub::routes::Route;
use hub::service::care_file;
use hub::tls_listener::PeerIdentity;
use hub::uplink::enrol;
use hub::web::WebSettings;
use model::booking::{BookingCode, Wish};
use model::card::CardLevel;
use model::care::file::{Barred, BarredBy, CareFile, Collector};
use model::care::terms::{NeededDocument, Terms};
use model::centre::{Centre, Space, SpaceKind};
use model::clock::ManualClock;
use model::closure::{Closure, ClosureKind};
use model::day_sheet::DeviceKind;
use model::id::{
    BarId, BookingId, CentreId, ChildId, ClosureId, CollectorId, CredentialId, EmployerId,
    NurseryId, OrderId, PasskeyId, PersonId, QuotaId, SessionId, WaitlistId,
};
use model::interval::Interval;
use model::language::LocalText;
use model::people::Person;
use model::permission::{Actor, Role, Target, may, role_of, role_of_device};
use model::quota::{Measure, Quota, Subject};
use model::sign_in::{Means, Stage};
use model::site_order::{GOOD_FOR, SiteOrder};
use model::waitlist::{Entry, State};
use ring::rand::SystemRandom;
use serde_json::{Value, json};
use store::{
    BookResult, BookingOrder, Credential, GivenCertificate, KeyedReference, OrderAdded, Session,
    SiteOrderRecord, Stands, StoredPasskey, Waited,
};
use uuid::Uuid;

use crate::Port;
use crate::things::Thing;

/// A document that every nursery needs.
pub const DOCUMENT: &str = "health";
/// Wednesday, nine in the morning in Japan.
const NOW: &str = "2026-11-25T00:00:00Z";
/// The centres where things are.
const PLACES: [&str; 2] = ["yokohama", "tsurugashima"];
/// Whose bookings are asked about, and where they are.
const GUESTS: [(&str, usize); 4] = [("sato", 0), ("takahashi", 0), ("ito", 1), ("ogawa", 1)];
/// Who walks: every role that the demo has, some of them in two places.
const PEOPLE: [&str; 10] = [
    "sato",
    "takahashi",
    "ito",
    "ogawa",
    "kobayashi",
    "kato",
    "hoshino",
    "sasaki",
    "yoshida",
    "fujita",
];
/// Devices that walk; each site's edge has a certificate.
const DEVICES: [(&str, DeviceKind, usize); 7] = [
    ("yokohama-edge", DeviceKind::Edge, 0),
    ("tsurugashima-edge", DeviceKind::Edge, 1),
    ("yokohama-kiosk-1", DeviceKind::Kiosk, 0),
    ("yokohama-seat-01", DeviceKind::Seat, 0),
    ("yokohama-staff-1", DeviceKind::Staff, 0),
    ("yokohama-air-1", DeviceKind::Thing, 0),
    ("yokohama-house-1", DeviceKind::Viewer, 0),
];

/// The device that is to be enrolled.
const NEWCOMER: &str = "yokohama-seat-02";

/// The hub that all the others are copies of.
pub struct Master {
    pub hub: Hub,
    pub bookings: Vec<(String, BookingId, Target)>,
    pub sessions: Vec<(String, Uuid, Target)>,
    pub passkeys: Vec<(String, Uuid, Target)>,
    /// Cards, whose they are, and where they have booked.
    pub cards: Vec<(String, CredentialId, PersonId, Centre)>,
    /// Children, of whom they are, and the nurseries where they are cared for.
    pub children: Vec<(String, ChildId, Target, Vec<Target>)>,
    /// The nurseries of the places.
    pub nurseries: Vec<(NurseryId, Target)>,
    /// What a child's file names, by the names that routes have for it.
    pub in_files: Vec<(&'static str, String)>,
    /// Wishes that wait.
    pub entries: Vec<(String, Uuid, Target)>,
    /// Closures, and where they are.
    pub closures: Vec<(Centre, ClosureId)>,
    /// Orders to sites, and to which.
    pub orders: Vec<(Centre, OrderId)>,
    /// Quotas, for whom.
    pub quotas: Vec<(String, Uuid, Target)>,
    /// The token in the address of somebody's calendar.
    pub calendar: String,
    /// A section of each place's sheet, by its hash.
    pub sections: [String; 2],
    centres: Vec<Centre>,
    /// Who walks.
    pub people: Vec<Person>,
    /// The request of a new device for a certificate.
    csr: String,
    folder: Folder,
}

/// A hub to be asked.
pub struct World {
    pub hub: Hub,
    pub people: Router,
    pub sites: Router,
    /// Whether whoever walks has their session yet.
    pub signed_in: bool,
    /// A one-time code for a device, and the device's request.
    enrolment: (String, String),
    _folder: Folder,
}

impl World {
    /// What a device sends to be enrolled.
    pub fn enrolment(&self) -> Value {
        json!({"code": self.enrolment.0, "csr_pem": self.enrolment.1})
    }
}

/// Who asks.
#[derive(Clone)]
pub enum Who {
    Nobody,
    /// Somebody signed in as far as the stage says.
    Person(Person, Stage, DateTime<Utc>),
    /// A device with the certificate that it was given last, or with one that was replaced.
    Device(&'static str, DeviceKind, CentreId, bool),
}

impl Master {
    pub async fn new() -> Self {
        let folder = Folder::new();
        let hub = open(&folder.0).await;
        hub::seed::demo(&hub, None).await.unwrap();
        let all = hub.store.centres().await.unwrap();
        let centres: Vec<Centre> = PLACES
            .iter()
            .map(|slug| all.iter().find(|centre| centre.slug.as_str() == *slug).unwrap().clone())
            .collect();
        let mut people = Vec::new();
        for key in PEOPLE {
            let email = format!("{key}@demo.kyoten.example");
            let record = hub.store.sign_in_record(&email).await.unwrap().unwrap();
            people.push(hub.store.person(record.person).await.unwrap().unwrap());
        }
        let id_of = |key: &str| -> PersonId {
            people.iter().find(|person| person.email.starts_with(&format!("{key}@"))).unwrap().id
        };
        let mut bookings = Vec::new();
        let mut cards = Vec::new();
        for (number, (key, place)) in (1..).zip(GUESTS) {
            let (person, centre) = (id_of(key), &centres[place]);
            let id = book(&hub, number, person, centre).await;
            let target = Target { owner: Some(person), ..Target::at(centre.id) };
            bookings.push((format!("{key} at {}", centre.slug), id, target));
            let reference = KeyedReference {
                generation: 1,
                reference: [u8::try_from(number).unwrap(); 32],
                level: CardLevel::Identifier,
            };
            let card = CredentialId(Uuid::from_u128(0xca4d + u128::from(number)));
            let kept = Credential::new(card, person, reference, "walk", hub.now());
            hub.store.add_credential(&kept).await.unwrap();
            cards.push((key.to_owned(), card, person, centre.clone()));
        }
        let (mut sessions, mut passkeys) = (Vec::new(), Vec::new());
        for (number, key) in (1..).zip(["ito", "takahashi", "kobayashi"]) {
            let person = id_of(key);
            let (session, passkey) = sign_in_with_both(&hub, number, person).await;
            sessions.push((key.to_owned(), session.0, Target::of(person)));
            passkeys.push((key.to_owned(), passkey.0, Target::of(person)));
        }
        let mut entries = Vec::new();
        for (number, key) in (1..).zip(["sato", "ito"]) {
            let person = id_of(key);
            let id = wait(&hub, number, person, &centres[0]).await;
            entries.push((key.to_owned(), id.0, Target::of(person)));
        }
        let mut closures = Vec::new();
        for centre in &centres {
            hub.store.put_edge_config(centre.id, "{}", hub.now()).await.unwrap();
        }
        for (number, centre) in (1..).zip(&centres) {
            let id = close(&hub, number, centre).await;
            closures.push((centre.clone(), id));
        }
        let mut orders = Vec::new();
        for (number, centre) in (1..).zip(&centres) {
            let id = OrderId(Uuid::from_u128(0x0dde << 64 | number));
            let order = SiteOrderRecord {
                id,
                centre: centre.id,
                what: SiteOrder::Evacuate { on: true },
                by: id_of("kobayashi"),
                asked_at: hub.now(),
                not_after: hub.now() + GOOD_FOR,
                answer: None,
            };
            assert_eq!(hub.store.add_site_order(&order, None).await.unwrap(), OrderAdded::Kept);
            orders.push((centre.clone(), id));
        }
        let mut quotas = Vec::new();
        for (number, key) in (1..).zip(["sato", "takahashi", ""]) {
            let key = Some(key).filter(|key| !key.is_empty());
            let payer = key.map(id_of).and_then(|id| people.iter().find(|one| one.id == id));
            let employer = payer.and_then(|one| one.employers_at(hub.now()).next());
            assert_eq!(employer.is_some(), key.is_some());
            let id = limit(&hub, number, employer).await;
            let target = Target { employer, ..Target::default() };
            quotas.push((key.unwrap_or("everybody").to_owned(), id.0, target));
        }
        let mut children = Vec::new();
        for key in ["takahashi", "ito"] {
            let guardian = id_of(key);
            for child in hub.store.children_of(guardian).await.unwrap() {
                let near = hub::service::children::nurseries_near(&hub, child.id).await.unwrap();
                let nurseries = near.nurseries.into_iter().map(Target::in_nursery).collect();
                children.push((key.to_owned(), child.id, Target::of(guardian), nurseries));
            }
        }
        let nurseries = hub.store.nurseries().await.unwrap().into_iter();
        let nurseries = nurseries
            .filter(|one| centres.iter().any(|centre| centre.id == one.centre))
            .map(|one| {
                let target = Target { nursery: Some(one.id), ..Target::at(one.centre) };
                (one.id, target)
            })
            .collect();
        let in_files = keep_files(&hub, children.iter().map(|(_, child, ..)| *child)).await;
        for (device, kind, place) in DEVICES {
            let device = device.parse().unwrap();
            if hub.store.device(&device).await.unwrap().is_none() {
                hub.store.add_device(centres[place].id, &device, kind).await.unwrap();
            }
            let given = GivenCertificate {
                fingerprint: fingerprint(&device),
                serial: vec![1],
                public_key: fingerprint(&device),
                from_at: hub.now(),
                ends_at: hub.now() + TimeDelta::days(90),
                device,
            };
            hub.store.enrol_device(&given, &[]).await.unwrap();
        }
        let calendar = "k".repeat(43);
        let token = hub::service::secret::sha256(calendar.as_bytes());
        hub.store.set_calendar_feed(id_of("ito"), &token, hub.now()).await.unwrap();
        let mut sections = Vec::new();
        for centre in &centres {
            let sheet = hub.live.sheets.current(&hub, centre.id).await.unwrap().unwrap();
            let mut names: Vec<&String> = sheet.sealed.sections.keys().collect();
            names.sort();
            sections.push(names[0].clone());
        }
        let sections = sections.try_into().unwrap();
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let csr = rcgen::CertificateParams::default().serialize_request(&key).unwrap();
        let csr = csr.pem().unwrap();
        Self {
            hub,
            bookings,
            entries,
            closures,
            orders,
            quotas,
            sessions,
            passkeys,
            cards,
            children,
            in_files,
            nurseries,
            calendar,
            sections,
            centres,
            people,
            csr,
            folder,
        }
    }

    /// The places where things are.
    pub fn centres(&self) -> &[Centre] {
        &self.centres
    }

    /// The places as the table of rights is asked about them.
    pub fn places(&self) -> Vec<Target> {
        self.centres.iter().map(|centre| Target::at(centre.id)).collect()
    }

    /// Two employers with members who walk; the first has an admin who walks.
    pub fn employers(&self) -> Vec<(&'static str, EmployerId)> {
        let of = |key: &str| {
            let starts = format!("{key}@");
            let person = self.people.iter().find(|person| person.email.starts_with(&starts));
            person.unwrap().employers_at(NOW.parse().unwrap()).next().unwrap()
        };
        vec![("sato", of("sato")), ("takahashi", of("takahashi"))]
    }

    /// Somebody who works for an employer.
    pub fn member(&self, employer: EmployerId) -> PersonId {
        let now = NOW.parse().unwrap();
        let mut people = self.people.iter();
        people.find(|person| person.employers_at(now).any(|id| id == employer)).unwrap().id
    }

    /// Everybody who walks.
    pub fn everybody(&self) -> Vec<Who> {
        let now = NOW.parse().unwrap();
        let mut everybody = vec![Who::Nobody];
        for person in &self.people {
            everybody.push(Who::Person(person.clone(), Stage::Two, now));
            let mut grants = person.grants_at(now);
            if grants.any(|grant| role_of(&grant).needs_second_factor()) {
                everybody.push(Who::Person(person.clone(), Stage::One, now));
            }
        }
        let operator = self.people.iter().find(|person| person.email.starts_with("kobayashi@"));
        everybody.push(Who::Person(operator.unwrap().clone(), Stage::OwesSecond, now));
        for (device, kind, place) in DEVICES {
            everybody.push(Who::Device(device, kind, self.centres[place].id, true));
        }
        let (device, kind, place) = DEVICES[0];
        everybody.push(Who::Device(device, kind, self.centres[place].id, false));
        everybody
    }

    /// A hub with the same data.
    pub async fn copy(&self) -> World {
        let folder = Folder::new();
        copy_folder(&self.folder.0, &folder.0);
        let hub = open(&folder.0).await;
        let people = Router::new()
            .merge(hub::router::router(hub.clone(), WebSettings::default()))
            .merge(hub::health::routes().split().1.with_state(hub.clone()));
        let sites = hub::uplink::router(hub.clone());
        let (newcomer, lasts) = (NEWCOMER.parse().unwrap(), TimeDelta::hours(1));
        let code = enrol::new_code(&hub, &newcomer, &[], lasts).await.unwrap();
        let enrolment = (code.reveal(), self.csr.clone());
        World { hub, people, sites, signed_in: false, enrolment, _folder: folder }
    }
}

/// Gives every child a file with somebody who may collect it and somebody who may not, and every nursery an interview
/// and a document; answers the names of what is in the files, and of a nursery.
async fn keep_files(
    hub: &Hub,
    children: impl Iterator<Item = ChildId>,
) -> Vec<(&'static str, String)> {
    let (collector, bar) = (CollectorId(Uuid::from_u128(0xc0)), BarId(Uuid::from_u128(0xba)));
    let terms = Terms {
        interview: true,
        documents: vec![NeededDocument {
            code: DOCUMENT.to_owned(),
            name: LocalText::new("健康診断書", "Health certificate"),
            months: None,
        }],
        ..Terms::default()
    };
    let nurseries = hub.store.nurseries().await.unwrap();
    for nursery in &nurseries {
        assert!(hub.store.set_terms(nursery.id, &terms).await.unwrap());
    }
    let nobody = PersonId(Uuid::from_u128(0));
    let mut file = CareFile::default();
    file.collecting.collectors.push(Collector {
        id: collector,
        name: "伊藤 花".to_owned(),
        relation: "祖母".to_owned(),
        telephone: "090-1234-5678".to_owned(),
        born: "1960-05-10".parse().unwrap(),
        pin: None,
        account: None,
        named_by: nobody,
        until: None,
    });
    file.collecting.barred.push(Barred {
        id: bar,
        name: "だれか".to_owned(),
        account: None,
        reason: "the walk".to_owned(),
        by: BarredBy::Guardian(nobody),
        since: hub.now(),
    });
    for child in children {
        let sealed = care_file::seal(hub, child, &file).await.unwrap();
        assert!(hub.store.set_care_file(child, &sealed, 0, &[]).await.unwrap());
    }
    let nursery = nurseries.first().unwrap().id;
    vec![
        ("collector", collector.to_string()),
        ("bar", bar.to_string()),
        ("nursery", nursery.to_string()),
    ]
}

impl Who {
    /// For people who read what went wrong.
    pub fn name(&self) -> String {
        match self {
            Self::Nobody => "nobody".to_owned(),
            Self::Person(person, stage, now) => {
                let roles: Vec<String> =
                    person.grants_at(*now).map(|grant| format!("{:?}", role_of(&grant))).collect();
                format!("{} ({}, {stage:?})", person.email, roles.join(" "))
            }
            Self::Device(device, kind, _, true) => format!("{device} ({kind:?})"),
            Self::Device(device, kind, _, false) => {
                format!("{device} ({kind:?}, replaced certificate)")
            }
        }
    }

    /// The roles that this is a walk of.
    pub fn roles(&self, _: &Master) -> Vec<Role> {
        match self {
            Self::Nobody => vec![Role::Anyone],
            Self::Person(person, _, now) => {
                let own = person.grants_at(*now).map(|grant| role_of(&grant));
                own.chain([Role::Person]).collect()
            }
            Self::Device(_, kind, _, _) => vec![role_of_device(*kind)],
        }
    }

    /// What the table of rights is asked with on a port.
    pub fn actor_on(&self, port: Port) -> Actor {
        match (self, port) {
            (Self::Person(person, Stage::Two, now), Port::People) => {
                Actor::person(person.id, person.grants_at(*now).collect())
            }
            (Self::Person(person, Stage::One, now), Port::People) => {
                let free =
                    person.grants_at(*now).filter(|grant| !role_of(grant).needs_second_factor());
                Actor::person(person.id, free.collect())
            }
            (Self::Device(_, kind, centre, true), Port::Sites) => Actor::device(*kind, *centre),
            _ => Actor::nobody(),
        }
    }

    /// Whether they could with everything that they were given, a second factor shown.
    pub fn would_reach(&self, route: &Route, thing: &Thing) -> bool {
        let Self::Person(person, _, now) = self else { return false };
        let full = Actor::person(person.id, person.grants_at(*now).collect());
        thing.targets().any(|target| may(&full, route.action, &target))
    }

    /// Whether they have shown who they are on this port, whatever that allows.
    pub fn is_somebody_on(&self, port: Port) -> bool {
        match self {
            Self::Person(_, stage, _) => port == Port::People && *stage != Stage::OwesSecond,
            Self::Device(..) => port == Port::Sites,
            Self::Nobody => false,
        }
    }

    /// The signed-in person.
    pub fn person(&self) -> Option<&Person> {
        match self {
            Self::Person(person, _, _) => Some(person),
            _ => None,
        }
    }

    /// Where the device stands.
    pub fn centre(&self) -> Option<CentreId> {
        match self {
            Self::Device(_, _, centre, _) => Some(*centre),
            _ => None,
        }
    }

    /// What TLS would have proved of them.
    pub fn peer(&self) -> PeerIdentity {
        let address = ([192, 0, 2, 9], 5000).into();
        match self {
            Self::Device(device, _, _, good) => {
                let device = device.parse().unwrap();
                let fingerprint = if *good { fingerprint(&device) } else { [7; 32] };
                PeerIdentity { device: Some(device), fingerprint, address }
            }
            _ => PeerIdentity { device: None, fingerprint: [0; 32], address },
        }
    }
}

fn fingerprint(device: &model::id::DeviceId) -> [u8; 32] {
    hub::service::secret::sha256(device.as_str().as_bytes())
}

async fn open(folder: &Path) -> Hub {
    let clock = Arc::new(ManualClock::at(NOW.parse::<DateTime<Utc>>().unwrap()));
    let settings = |key: &str| (key == "KYOTEN_DATA_DIR").then(|| folder.display().to_string());
    let config = Config::read(None, settings).unwrap();
    hub::serve::open(&config, clock, Arc::new(SystemRandom::new())).await.unwrap()
}

async fn book(hub: &Hub, number: u64, person: PersonId, centre: &Centre) -> BookingId {
    let starts = hub.now() + TimeDelta::days(8) + TimeDelta::hours(1);
    let order = BookingOrder {
        id: BookingId(Uuid::from_u128(0xb00c_0000 + u128::from(number) * 256)),
        person,
        centre: centre.clone(),
        slots: vec![Interval::new(starts, starts + TimeDelta::hours(1)).unwrap()],
        desks: 1,
        pinned: None,
        children: Vec::new(),
        schemes: Default::default(),
        ages: Default::default(),
        on_account_of: None,
        code: BookingCode::from_random(90_000_000 + number),
        tariff_rev: 1,
        rule_rev: 1,
        at: hub.now(),
        idempotency: None,
        needs: Default::default(),
        stands: Stands::Confirmed,
        quotas: Vec::new(),
        spare: Vec::new(),
    };
    match hub.store.book(&order).await.unwrap() {
        BookResult::Made(booking) => booking.id,
        other => panic!("{other:?}"),
    }
}

/// Waits for all desks of a time at which somebody has one.
async fn wait(hub: &Hub, number: u128, person: PersonId, centre: &Centre) -> WaitlistId {
    let starts = hub.now() + TimeDelta::days(8) + TimeDelta::hours(1);
    let slots = vec![Interval::new(starts, starts + TimeDelta::hours(1)).unwrap()];
    let is_desk = |space: &Space| space.centre == centre.id && space.kind == SpaceKind::Desk;
    let desks = hub.store.spaces().await.unwrap().iter().filter(|space| is_desk(space)).count();
    let wish = Wish::of_desks(centre.id, slots, u32::try_from(desks).unwrap());
    let entry = Entry {
        id: WaitlistId(Uuid::from_u128(0x3a17_0000 + number)),
        person,
        rank: 2,
        wish: wish.clone(),
        ages: Default::default(),
        on_account_of: None,
        made_at: hub.now(),
        state: State::Waiting,
        booking: None,
    };
    let order = BookingOrder {
        id: BookingId(Uuid::from_u128(0x3a18_0000 + number * 256)),
        person,
        centre: centre.clone(),
        needs: wish.needs(),
        slots: wish.slots,
        desks: wish.desks,
        pinned: None,
        children: Vec::new(),
        schemes: Default::default(),
        ages: Default::default(),
        on_account_of: None,
        code: BookingCode::from_random(91_000_000),
        tariff_rev: 1,
        rule_rev: 1,
        at: hub.now(),
        stands: Stands::HeldUntil(starts),
        quotas: Vec::new(),
        idempotency: None,
        spare: Vec::new(),
    };
    assert!(matches!(hub.store.wait(&entry, &order).await.unwrap(), Waited::Waits(_)));
    entry.id
}

/// Closes a place for an hour, far from everything else.
async fn close(hub: &Hub, number: u128, centre: &Centre) -> ClosureId {
    let starts = hub.now() + TimeDelta::days(50);
    let closure = Closure {
        id: ClosureId(Uuid::from_u128(0xc105_0000 + number)),
        centre: centre.id,
        space: None,
        kind: ClosureKind::NoNew,
        when: Interval::new(starts, starts + TimeDelta::hours(1)).unwrap(),
        reason: LocalText::new("点検", "Check"),
        made_by: None,
        made_at: hub.now(),
    };
    assert!(hub.store.close(centre, &closure).await.unwrap().is_empty());
    closure.id
}

/// Keeps a quota that nobody comes near.
async fn limit(hub: &Hub, number: u128, employer: Option<EmployerId>) -> QuotaId {
    let quota = Quota {
        id: QuotaId(Uuid::from_u128(0x9007_0000 + number)),
        subject: Subject::Person,
        employer,
        centre: None,
        measure: Measure::AtOnce,
        most: 1_000,
        from_day: "2026-04-01".parse().unwrap(),
        until_day: None,
        source: LocalText::new("規程", "Rules"),
    };
    hub.store.add_quota(&quota).await.unwrap();
    quota.id
}

/// Somebody's session elsewhere, and a passkey of theirs.
async fn sign_in_with_both(hub: &Hub, number: u8, person: PersonId) -> (SessionId, PasskeyId) {
    let now = hub.now();
    let session = Session {
        id: SessionId(Uuid::from_u128(0x5e55_0000 + u128::from(number))),
        token: [number; 32],
        person,
        csrf: "elsewhere".to_owned(),
        stage: Stage::Two,
        means: Means::Passkey,
        agent: "elsewhere".to_owned(),
        started_at: now,
        proved_at: now,
        ends_at: now + TimeDelta::hours(1),
    };
    hub.store.start_session(&session).await.unwrap();
    let passkey = StoredPasskey {
        id: PasskeyId(Uuid::from_u128(0xca55_0000 + u128::from(number))),
        person,
        credential: vec![number; 32],
        name: "phone".to_owned(),
        public: "{}".to_owned(),
        added_at: now,
        used_at: None,
    };
    hub.store.add_passkey(&passkey).await.unwrap();
    (session.id, passkey.id)
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A folder that goes with its owner.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("kyoten-walk-{}", Uuid::new_v4()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays behind in the temporary folder does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
