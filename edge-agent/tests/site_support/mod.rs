//! A site in one process: a hub in memory, the embedded bus, a kiosk, a terminal, a simulated door.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use edge_agent::config::BrokerChoice;
use edge_agent::hub::{Hub, HubError};
use edge_agent::{Config, Drivers, Parts, SimDoors, Site};
use model::booking::BookingCode;
use model::card::CardLevel;
use model::centre::{CentreSettings, Door, Space, SpaceKind};
use model::clock::{Clock, ManualClock, SystemClock};
use model::day_sheet::{
    self, CredentialDigest, DaySheet, SheetBooking, SheetCredential, SheetDesk, SheetPerson,
    SiteDevice,
};
use model::id::{
    BookingId, BootId, CentreId, CredentialId, DeviceId, OfferId, OrderId, PersonId, SpaceId,
};
use model::interval::Interval;
use model::language::{Language, LocalText};
use model::site_event::SiteEvent;
use model::site_order::OrderAnswer;
use model::voucher::Voucher;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use ring::rand::SystemRandom;
use tokio::io::AsyncReadExt as _;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use twin::Twin;
use uuid::Uuid;
use wire::bus::{ANSWER_WITHIN, BusInbox, BusOptions, SiteBus};
use wire::cards::{
    CardKey, CardKeys, CardOffered, OfferCard, OfferStands, OfferState, Offers, RekeyedCard,
};
use wire::credential::RegionCardKey;
use wire::edge_config::SignedEdgeConfig;
use wire::event::{Batch, Gap, SiteSnapshot, Taken, Told};
use wire::identity::{DeviceIdentity, PeerCertificate};
use wire::order::{OrderAnswered, SignedOrder};
use wire::request::{Answer, Card, Request, Secret};
use wire::sealing::{SectionKey, SectionKeyAnswer};
use wire::sheet::{AuditHead, SealedSheet, SheetAck, SheetKey, SignedManifest, seal};
use wire::topics::DeviceKind;

pub const DEADLINE: Duration = Duration::from_secs(20);
pub const PIN: &str = "4711";
const CARD_KEY: [u8; 32] = [7; 32];
const CARD_KEY_BASE64: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
const SALT: [u8; 32] = [9; 32];

pub fn id(text: &str) -> DeviceId {
    text.parse().unwrap()
}

pub fn morning() -> DateTime<Utc> {
    "2026-11-24T00:00:00Z".parse().unwrap()
}

/// Waits until `now` gives something, and says what was awaited when it does not.
pub async fn until<T>(what: &str, mut now: impl AsyncFnMut() -> Option<T>) -> T {
    let waiting = async {
        loop {
            if let Some(found) = now().await {
                return found;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(DEADLINE, waiting).await.unwrap_or_else(|_| panic!("waited too long for {what}"))
}

/// Person 1 has a card `0101` and desk A-01, person 2 a card `0202` and desk A-02, both now.
pub fn sheet(version: u64) -> DaySheet {
    let centre = CentreId(Uuid::from_u128(1));
    let device =
        |device, kind| SiteDevice { device: id(device), kind, certificates: None, revoked: false };
    let pin = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap())
        .hash_password_with_salt(PIN.as_bytes(), b"salt for a test")
        .unwrap()
        .to_string();
    DaySheet {
        version,
        made_at: morning(),
        not_after: morning() + TimeDelta::days(3),
        site: day_sheet::Site {
            centre,
            slug: id("y"),
            name: LocalText::new("横浜", "Yokohama"),
            settings: CentreSettings::default(),
            spaces: (1..=2_u128)
                .map(|number| Space {
                    id: SpaceId(Uuid::from_u128(number)),
                    centre,
                    kind: SpaceKind::Desk,
                    label: format!("A-{number:02}"),
                    zone: LocalText::new("窓側", "By the window"),
                    terminal: Some(id(&format!("y-seat-{number:02}"))),
                    features: Default::default(),
                    row: 0,
                })
                .collect(),
            doors: vec![Door {
                device: id("y-door"),
                name: LocalText::new("入口", "Entrance"),
                unlock_seconds: 1,
                plan: None,
            }],
            zone: None,
            holidays: Default::default(),
            sensors: Vec::new(),
        },
        devices: vec![
            device("y-edge", DeviceKind::Edge),
            device("y-kiosk-1", DeviceKind::Kiosk),
            device("y-seat-01", DeviceKind::Seat),
            device("y-staff-1", DeviceKind::Staff),
        ],
        credentials: (1..=2_u8)
            .map(|number| SheetCredential {
                digest: card_digest(&[number, number]),
                credential: CredentialId(Uuid::from_u128(number.into())),
                person: PersonId(Uuid::from_u128(number.into())),
                generation: 1,
                blocked: false,
                valid_until: None,
                level: CardLevel::Identifier,
                least: CardLevel::Identifier,
            })
            .collect(),
        people: (1..=2_u128)
            .map(|number| SheetPerson {
                id: PersonId(Uuid::from_u128(number)),
                language: Language::En,
                pin: Some(pin.clone()),
            })
            .collect(),
        bookings: (1..=2_u128)
            .map(|number| SheetBooking {
                id: BookingId(Uuid::from_u128(number)),
                person: PersonId(Uuid::from_u128(number)),
                code: BookingCode::from_random(u64::try_from(number).unwrap()),
                desks: vec![SheetDesk {
                    space: SpaceId(Uuid::from_u128(number)),
                    when: Interval::new(morning(), morning() + TimeDelta::hours(4)).unwrap(),
                }],
                children: 0,
                released: Vec::new(),
            })
            .collect(),
        care: None,
        stopped: Vec::new(),
        lease: Vec::new(),
    }
}

/// The same sheet, where the card of person 1 has a key too: their identifier alone is not enough.
pub fn keyed_sheet(version: u64) -> DaySheet {
    let mut sheet = sheet(version);
    let mut keyed = sheet.credentials[0].clone();
    keyed.digest = RegionCardKey::new(&CARD_KEY).key_reference(&card_key(1)).on_sheet(&SALT);
    keyed.level = CardLevel::Key;
    sheet.credentials.push(keyed);
    for card in sheet.credentials.iter_mut().filter(|card| card.person.0.as_u128() == 1) {
        card.least = CardLevel::Key;
    }
    sheet
}

/// A public key as a kiosk tells of it; whether it is one, the kiosk has seen to.
pub fn card_key(number: u8) -> [u8; 65] {
    let mut key = [number; 65];
    key[0] = 4;
    key
}

/// The same sheet, where person 1 has a card of this identifier too.
pub fn with_card(mut sheet: DaySheet, identifier: &[u8]) -> DaySheet {
    let digest = card_digest(identifier);
    let mut card = sheet.credentials[0].clone();
    card.digest = digest;
    card.credential = CredentialId(Uuid::from_u128(101));
    sheet.credentials.push(card);
    sheet
}

/// What stands for a card of this identifier on a sheet.
pub fn card_digest(identifier: &[u8]) -> CredentialDigest {
    RegionCardKey::new(&CARD_KEY).reference(identifier).on_sheet(&SALT)
}

/// Person 3's booking of desk A-02, which no sheet of these tests has; issued so many seconds after
/// the sheets were made.
pub fn voucher(issued: i64) -> Voucher {
    let hours = Interval::new(morning(), morning() + TimeDelta::hours(4)).unwrap();
    Voucher {
        booking: BookingId(Uuid::from_u128(3)),
        centre: CentreId(Uuid::from_u128(1)),
        person: PersonId(Uuid::from_u128(3)),
        language: Language::En,
        version: 1,
        issued_at: morning() + TimeDelta::seconds(issued),
        code: BookingCode::from_random(3),
        children: 0,
        desks: vec![SheetDesk { space: SpaceId(Uuid::from_u128(2)), when: hours }],
    }
}

pub fn key() -> SheetKey {
    SheetKey::from_pkcs8(&SheetKey::generate(&SystemRandom::new()).unwrap()).unwrap()
}

/// A hub that keeps everything in memory, loses answers and goes away when it is told to.
pub struct FakeHub {
    pub key: SheetKey,
    state: Mutex<HubState>,
    /// Rises with every sheet that is offered.
    offers: watch::Sender<u64>,
}

pub struct HubState {
    pub away: bool,
    pub time: Option<DateTime<Utc>>,
    pub asked_the_time: u32,
    pub lose_answers: u32,
    pub sealed: Option<SealedSheet>,
    pub fetched: u32,
    pub acknowledged: u64,
    pub seen_head: Option<AuditHead>,
    pub events: Vec<SiteEvent>,
    pub told_until: Option<DateTime<Utc>>,
    pub mirror: Twin,
    pub compared: u32,
    pub differed: u32,
    pub snapshots: u32,
    pub card_keys: Option<CardKeys>,
    pub keys_fetched: u32,
    pub refuse_offers: Option<&'static str>,
    pub offers: Vec<(OfferCard, OfferStands)>,
    pub rekeyed: Vec<RekeyedCard>,
    pub section_key: SectionKey,
    pub section_keys_fetched: u32,
    /// Orders that were not told yet.
    pub orders: VecDeque<SignedOrder>,
    /// What the site said of orders, in the order it came.
    pub order_answers: Vec<(OrderId, OrderAnswer)>,
    /// Whether what it says of orders gets lost.
    pub lose_order_answers: bool,
    /// Where the chain did not fit.
    pub misfits: Vec<u64>,
    pub boot: Option<BootId>,
    pub edge_config: Option<SignedEdgeConfig>,
    pub configs_fetched: u32,
}

impl Default for HubState {
    fn default() -> Self {
        Self {
            away: false,
            time: None,
            asked_the_time: 0,
            lose_answers: 0,
            sealed: None,
            fetched: 0,
            acknowledged: 0,
            seen_head: None,
            events: Vec::new(),
            told_until: None,
            mirror: Twin::new(),
            compared: 0,
            differed: 0,
            snapshots: 0,
            card_keys: None,
            keys_fetched: 0,
            refuse_offers: None,
            offers: Vec::new(),
            rekeyed: Vec::new(),
            section_key: SectionKey::new([5; 32]),
            section_keys_fetched: 0,
            orders: VecDeque::new(),
            order_answers: Vec::new(),
            lose_order_answers: false,
            misfits: Vec::new(),
            boot: None,
            edge_config: None,
            configs_fetched: 0,
        }
    }
}

impl FakeHub {
    pub fn new() -> Arc<Self> {
        let (offers, _) = watch::channel(0);
        Arc::new(Self { key: key(), state: Mutex::default(), offers })
    }

    pub fn state(&self) -> MutexGuard<'_, HubState> {
        self.state.lock().unwrap()
    }

    pub fn offer(&self, sealed: SealedSheet) {
        self.state().sealed = Some(sealed);
        self.offers.send_modify(|offers| *offers += 1);
    }

    /// Tells the site of an order over its event stream.
    pub fn order(&self, order: SignedOrder) {
        self.state().orders.push_back(order);
        self.offers.send_modify(|offers| *offers += 1);
    }

    pub fn seal(&self, sheet: &DaySheet) -> SealedSheet {
        self.seal_with(sheet, None)
    }

    pub fn seal_with(&self, sheet: &DaySheet, audit_head: Option<AuditHead>) -> SealedSheet {
        seal(sheet, &SALT, audit_head, &self.key, &self.state().section_key).unwrap()
    }

    fn here(&self) -> Result<MutexGuard<'_, HubState>, HubError> {
        let state = self.state();
        if state.away { Err(HubError::Away("unplugged".to_owned())) } else { Ok(state) }
    }
}

#[async_trait]
impl Hub for FakeHub {
    fn time(&self) -> Option<DateTime<Utc>> {
        let mut state = self.state();
        state.asked_the_time += 1;
        state.time
    }

    async fn sheet(&self) -> Result<Option<SignedManifest>, HubError> {
        let mut state = self.here()?;
        state.fetched += 1;
        Ok(state.sealed.as_ref().map(|sealed| sealed.manifest.clone()))
    }

    async fn section(&self, sha256: &str) -> Result<Vec<u8>, HubError> {
        let state = self.here()?;
        let bytes = state.sealed.as_ref().and_then(|sealed| sealed.sections.get(sha256));
        bytes.cloned().ok_or(HubError::Refused {
            status: 404,
            kind: String::new(),
            why: "gone".to_owned(),
        })
    }

    async fn section_key(&self) -> Result<SectionKeyAnswer, HubError> {
        let mut state = self.here()?;
        state.section_keys_fetched += 1;
        Ok(state.section_key.told())
    }

    async fn revocations(&self) -> Result<String, HubError> {
        let (kind, why) = (String::new(), "only Mosquitto needs it".to_owned());
        Err(HubError::Refused { status: 404, kind, why })
    }

    async fn edge_config(&self) -> Result<Option<SignedEdgeConfig>, HubError> {
        let mut state = self.here()?;
        state.configs_fetched += 1;
        Ok(state.edge_config.clone())
    }

    async fn acknowledge(&self, ack: &SheetAck) -> Result<(), HubError> {
        let mut state = self.here()?;
        state.acknowledged = ack.version;
        state.seen_head = ack.audit_head;
        Ok(())
    }

    async fn tell(&self, batch: &Batch) -> Result<Result<Taken, Gap>, HubError> {
        let mut state = self.here()?;
        let reached = u64::try_from(state.events.len()).unwrap();
        if batch.first > reached + 1 {
            return Ok(Err(Gap { expected: reached + 1 }));
        }
        let known = usize::try_from(reached + 1 - batch.first).unwrap();
        for event in batch.events.iter().skip(known) {
            state.mirror.apply(event);
            state.events.push(SiteEvent::clone(event));
        }
        if let Some(checked) = wire::chain::check(batch).unwrap() {
            let misfits = checked.misfits.iter().filter(|place| **place > reached);
            state.misfits.extend(misfits);
        }
        state.boot = batch.boot;
        state.told_until = state.told_until.max(Some(batch.told_until));
        let mut want_snapshot = false;
        let last = batch.first - 1 + u64::try_from(batch.events.len()).unwrap();
        let reached = u64::try_from(state.events.len()).unwrap();
        if let Some(hash) = batch.state.as_ref().filter(|_| last == reached) {
            state.compared += 1;
            want_snapshot = *hash != state.mirror.state_hash();
            state.differed += u32::from(want_snapshot);
        }
        if state.lose_answers > 0 {
            state.lose_answers -= 1;
            return Err(HubError::Away("the answer got lost".to_owned()));
        }
        Ok(Ok(Taken { reached, want_snapshot, twin: false }))
    }

    async fn put_snapshot(&self, snapshot: &SiteSnapshot) -> Result<(), HubError> {
        let mut state = self.here()?;
        state.snapshots += 1;
        let restored = serde_json::from_value(snapshot.state.clone()).unwrap();
        state.mirror.restore(&restored);
        Ok(())
    }

    async fn card_keys(&self) -> Result<CardKeys, HubError> {
        let mut state = self.here()?;
        state.keys_fetched += 1;
        let key = CARD_KEY_BASE64.to_owned();
        let first = CardKeys { keys: vec![CardKey { generation: 1, key }] };
        Ok(state.card_keys.clone().unwrap_or(first))
    }

    async fn offer_card(&self, offer: &OfferCard) -> Result<CardOffered, HubError> {
        let mut state = self.here()?;
        if let Some(kind) = state.refuse_offers {
            let why = "no".to_owned();
            return Err(HubError::Refused { status: 409, kind: kind.to_owned(), why });
        }
        let number = u128::try_from(state.offers.len()).unwrap();
        let stands =
            OfferStands { offer: OfferId(Uuid::from_u128(number)), state: OfferState::Open };
        state.offers.push((offer.clone(), stands));
        let ends_at = morning() + TimeDelta::minutes(10);
        Ok(CardOffered { offer: stands.offer, code: "K7M-2QX".to_owned(), ends_at })
    }

    async fn offers(&self) -> Result<Offers, HubError> {
        let state = self.here()?;
        Ok(Offers { offers: state.offers.iter().map(|(_, stands)| *stands).collect() })
    }

    async fn rekeyed(&self, cards: &[RekeyedCard]) -> Result<(), HubError> {
        self.here()?.rekeyed.extend_from_slice(cards);
        Ok(())
    }

    async fn answer_order(&self, order: OrderId, said: OrderAnswered) -> Result<(), HubError> {
        let mut state = self.here()?;
        if state.lose_order_answers {
            return Err(HubError::Away("the answer got lost".to_owned()));
        }
        state.order_answers.push((order, said.answer));
        Ok(())
    }

    async fn listen(&self, told: mpsc::Sender<Told>) -> Result<(), HubError> {
        let mut offers = self.offers.subscribe();
        loop {
            let orders = std::mem::take(&mut self.here()?.orders);
            for order in orders {
                if told.send(Told::Order(order)).await.is_err() {
                    return Ok(());
                }
            }
            offers.changed().await.map_err(|error| HubError::Away(error.to_string()))?;
            if told.send(Told::Sheet { version: 0 }).await.is_err() {
                return Ok(());
            }
        }
    }
}

/// A folder that goes away with its owner.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

pub struct House {
    pub hub: Arc<FakeHub>,
    pub clock: Arc<ManualClock>,
    pub doors: Arc<SimDoors>,
    issuer: Issuer<'static, KeyPair>,
    authority_pem: String,
    folder: Folder,
}

impl House {
    /// A house whose hub has `sheet(1)`.
    pub fn new() -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name("Test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority_pem = params.self_signed(&key).unwrap().pem();
        let folder = std::env::temp_dir().join(format!("kyoten-site-{}", Uuid::new_v4()));
        let house = Self {
            hub: FakeHub::new(),
            clock: Arc::new(ManualClock::at(morning())),
            doors: Arc::default(),
            issuer: Issuer::new(params, key),
            authority_pem,
            folder: Folder(folder),
        };
        house.enrol("y-edge", DeviceKind::Edge);
        house.hub.offer(house.hub.seal(&sheet(1)));
        house
    }

    fn home(&self, device: &str) -> PathBuf {
        self.folder.0.join(device)
    }

    /// An identity as enrolment leaves it on disk.
    pub fn enrol(&self, device: &str, kind: DeviceKind) {
        self.enrol_until(device, kind, None);
    }

    /// The same, with a certificate that ends, or has ended, so long from now.
    pub fn enrol_until(&self, device: &str, kind: DeviceKind, ends: Option<TimeDelta>) {
        let edge = kind == DeviceKind::Edge;
        let names = if edge { vec!["127.0.0.1".into(), "localhost".into()] } else { vec![] };
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name = common_name(device);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if let Some(ends) = ends {
            let ends = (SystemClock.now() + ends).timestamp().try_into().unwrap();
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(1970, 1, 1) + Duration::from_secs(ends);
        }
        if edge {
            params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        }
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        let meta = format!(r#"{{"device":"{device}","centre":"y","kind":"{kind}"}}"#);
        let files = self.home(device).join("identity");
        fs::create_dir_all(&files).unwrap();
        let write = |name: &str, text: &str| fs::write(files.join(name), text).unwrap();
        write("key.pem", &key.serialize_pem());
        write("certificate.pem", &certificate);
        write("authority.pem", &self.authority_pem);
        write("meta.json", &meta);
        if edge {
            write("region-card-key", CARD_KEY_BASE64);
        }
    }

    /// The next identity of the edge, as a renewal leaves it on disk.
    pub fn next_identity(&self) -> DeviceIdentity {
        self.enrol("y-edge", DeviceKind::Edge);
        DeviceIdentity::load(&self.data()).unwrap()
    }

    /// The SHA-256 of the certificate that the site's bus shows.
    pub async fn bus_certificate(&self, site: &Site) -> [u8; 32] {
        self.enrol("y-seat-01", DeviceKind::Seat);
        let identity = DeviceIdentity::load(&self.home("y-seat-01")).unwrap();
        let address = site.bus_address().unwrap();
        let tls = tokio_rustls::TlsConnector::from(Arc::new(identity.bus_client_config().unwrap()));
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let stream = tls.connect(address.ip().into(), stream).await.unwrap();
        let shown = stream.get_ref().1.peer_certificates().unwrap()[0].clone();
        PeerCertificate::read(&shown).unwrap().fingerprint
    }

    /// Whether the bus takes the certificate that the device has. The broker answers the first words, or ends the line.
    pub async fn is_let_in(&self, site: &Site, device: &str) -> bool {
        let identity = DeviceIdentity::load(&self.home(device)).unwrap();
        let address = site.bus_address().unwrap();
        let tls = tokio_rustls::TlsConnector::from(Arc::new(identity.bus_client_config().unwrap()));
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let Ok(mut stream) = tls.connect(address.ip().into(), stream).await else { return false };
        // In TLS 1.3 a client's certificate is looked at after the client believes the line to be up.
        let said = timeout(Duration::from_secs(1), stream.read_u8()).await;
        said.is_err()
    }

    pub fn data(&self) -> PathBuf {
        self.home("y-edge")
    }

    pub async fn start(&self) -> Site {
        self.start_on(self.clock.clone(), self.doors.clone()).await
    }

    /// Starts it with a file that the disk gives no more than so many pages.
    pub async fn start_on_a_small_disk(&self, pages: u32) -> Site {
        let mut parts = self.parts();
        parts.config.most_pages = Some(pages);
        Site::start(parts).await.unwrap()
    }

    pub async fn start_on(&self, clock: Arc<dyn Clock>, drivers: Arc<dyn Drivers>) -> Site {
        Site::start(Parts { clock, drivers, ..self.parts() }).await.unwrap()
    }

    /// The same with other settings; where it lies and listens is the house's own.
    pub async fn start_as(
        &self,
        clock: Arc<dyn Clock>,
        drivers: Arc<dyn Drivers>,
        config: Config,
    ) -> Site {
        let parts = self.parts();
        let Config { data_dir, bus_listen, bus_host, .. } = parts.config;
        let config = Config { data_dir, bus_listen, bus_host, ..config };
        Site::start(Parts { clock, drivers, config, ..parts }).await.unwrap()
    }

    /// Starts the site with another hub and broker than the ones that are there.
    pub async fn start_cut_off(&self, hub: Arc<dyn Hub>, broker: BrokerChoice) -> Site {
        let mut parts = self.parts();
        parts.config.broker = broker;
        Site::start(Parts { hub, ..parts }).await.unwrap()
    }

    fn parts(&self) -> Parts {
        let config = Config {
            data_dir: self.data(),
            bus_listen: "127.0.0.1:0".parse().unwrap(),
            bus_host: "127.0.0.1".to_owned(),
            ..Config::default()
        };
        Parts {
            config,
            identity: DeviceIdentity::load(Path::new(&self.data())).unwrap(),
            sheet_keys: vec![self.hub.key.public()],
            hub: self.hub.clone(),
            clock: self.clock.clone(),
            rng: Arc::new(SystemRandom::new()),
            drivers: self.doors.clone(),
        }
    }

    /// Starts the site and waits until it runs on the sheet of this version.
    pub async fn start_with(&self, version: u64) -> Site {
        let site = self.start().await;
        in_force(&site, version).await;
        until("the edge on its bus", async || site.on_the_bus().borrow().then_some(())).await;
        site
    }

    /// A new identity of a device.
    pub fn identity(&self, device: &str, kind: DeviceKind) -> DeviceIdentity {
        self.enrol(device, kind);
        DeviceIdentity::load(&self.home(device)).unwrap()
    }

    pub async fn join(&self, site: &Site, device: &str, kind: DeviceKind) -> (SiteBus, BusInbox) {
        self.enrol(device, kind);
        let (bus, inbox) = self.knock(site, device, kind);
        until("a device on the bus", async || bus.connected().borrow().then_some(())).await;
        (bus, inbox)
    }

    /// Tries to join with the identity that the device has.
    pub fn knock(&self, site: &Site, device: &str, kind: DeviceKind) -> (SiteBus, BusInbox) {
        let identity = DeviceIdentity::load(&self.home(device)).unwrap();
        let address = site.bus_address().unwrap();
        let options = BusOptions {
            host: address.ip().to_string(),
            port: address.port(),
            device: identity.device().clone(),
            kind,
            edge: id("y-edge"),
            tls: Arc::new(identity.bus_client_config().unwrap()),
            request_timeout: ANSWER_WITHIN,
        };
        SiteBus::start(options, &SystemRandom::new()).unwrap()
    }

    pub async fn kiosk(&self, site: &Site) -> Kiosk {
        let (bus, inbox) = self.join(site, "y-kiosk-1", DeviceKind::Kiosk).await;
        Kiosk { bus, _inbox: inbox }
    }

    /// The screen of the nursery's staff.
    pub async fn staff_screen(&self, site: &Site) -> Kiosk {
        let (bus, inbox) = self.join(site, "y-staff-1", DeviceKind::Staff).await;
        Kiosk { bus, _inbox: inbox }
    }
}

pub async fn in_force(site: &Site, version: u64) {
    until("the sheet in force", async || (site.sheet_version().await == version).then_some(()))
        .await;
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

pub struct Kiosk {
    bus: SiteBus,
    _inbox: BusInbox,
}

impl Kiosk {
    pub async fn say(&self, payload: &[u8]) -> Answer {
        serde_json::from_slice(&self.bus.request(payload.to_vec()).await.unwrap()).unwrap()
    }

    pub async fn ask(&self, request: &Request) -> Answer {
        self.say(&serde_json::to_vec(request).unwrap()).await
    }

    pub async fn tap(&self, identifier: &str) -> Answer {
        let identifier = Secret(identifier.to_owned());
        self.ask(&Request::Tap { card: Card::Identifier { identifier } }).await
    }

    pub async fn tap_key(&self, key: &[u8], identifier: Option<&str>) -> Answer {
        let key = Secret(key.iter().map(|byte| format!("{byte:02x}")).collect());
        let identifier = identifier.map(|text| Secret(text.to_owned()));
        self.ask(&Request::Tap { card: Card::Key { key, identifier } }).await
    }

    pub async fn scan(&self, text: &str) -> Answer {
        self.ask(&Request::Voucher { text: Secret(text.to_owned()) }).await
    }

    pub async fn code(&self, code: &str, pin: &str) -> Answer {
        let pin = Secret(pin.to_owned());
        self.ask(&Request::Code { code: code.to_owned(), pin }).await
    }
}
