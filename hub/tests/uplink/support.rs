//! A hub in this process, with two small centres, and what stands in for their edges.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Asia::Tokyo;
use hub::config::Config;
use hub::hub::Hub;
use hub::serve::{self, Ports, StartError};
use hub::uplink::enrol;
use hub::web::WebSettings;
use model::booking::{Booking, BookingCode};
use model::centre::{Centre, CentreKind, CentreSettings, Door, Space, SpaceKind};
use model::clock::{Clock, ManualClock, SystemClock};
use model::day_sheet::{DaySheet, DeviceKind};
use model::id::{BookingId, CentreId, CredentialId, DeviceId, MunicipalityId, PersonId, SpaceId};
use model::interval::Interval;
use model::language::{Language, LocalText};
use model::opening::OpeningRules;
use model::people::{Grant, Person};
use ring::rand::SystemRandom;
use serde::Serialize;
use store::{BookResult, BookingOrder, Credential};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use uuid::Uuid;
use wire::event::Batch;
use wire::identity::{DeviceIdentity, IdentityError};
use wire::sheet::{SignedManifest, Trust, assemble, check};

pub const DEADLINE: Duration = Duration::from_secs(20);
pub const HERE: CentreId = CentreId(Uuid::from_u128(0x10));
pub const THERE: CentreId = CentreId(Uuid::from_u128(0x20));
pub const WORKER: PersonId = PersonId(Uuid::from_u128(0x30));
pub const CARD: &[u8] = b"04aabbccdd";

/// The hub, and the clock it goes by.
pub struct Region {
    pub hub: Hub,
    pub clock: Arc<ManualClock>,
    pub people: String,
    pub sites: String,
    folder: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<Result<(), StartError>>>,
}

impl Region {
    pub async fn start() -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let folder = std::env::temp_dir().join(format!("kyoten-uplink-{}", Uuid::new_v4()));
        let settings = |key: &str| match key {
            "KYOTEN_DATA_DIR" => Some(folder.display().to_string()),
            "KYOTEN_LISTEN" | "KYOTEN_UPLINK_LISTEN" => Some("127.0.0.1:0".to_owned()),
            _ => None,
        };
        let config = Config::read(None, settings).unwrap();
        // Certificates are judged by the machine's clock too.
        let clock = Arc::new(ManualClock::at(SystemClock.now()));
        let hub = serve::open(&config, clock.clone(), Arc::new(SystemRandom::new())).await.unwrap();
        furnish(&hub).await;
        let ports = Ports::bind(&config, &hub).await.unwrap();
        let (people, sites) = (ports.people_address, ports.sites_address);
        let (stop, stopped) = oneshot::channel::<()>();
        let running =
            tokio::spawn(serve::serve(hub.clone(), ports, WebSettings::default(), async {
                stopped.await.ok();
            }));
        Self {
            hub,
            clock,
            people: format!("http://{people}"),
            sites: format!("https://{sites}"),
            folder,
            stop: Some(stop),
            running: Some(running),
        }
    }

    pub async fn code(&self, device: &str) -> String {
        let names = ["127.0.0.1".to_owned()];
        let device: DeviceId = device.parse().unwrap();
        let lasts = TimeDelta::hours(24);
        enrol::new_code(&self.hub, &device, &names, lasts).await.unwrap().reveal()
    }

    pub async fn enrol_with(
        &self,
        code: &str,
        device: &str,
    ) -> Result<DeviceIdentity, IdentityError> {
        let folder = self.folder.join(device);
        DeviceIdentity::enrol(&self.sites, code, &folder, &*self.clock).await
    }

    /// The edge of a centre, enrolled anew.
    pub async fn edge(&self, device: &str) -> Edge {
        let identity = self.enrol_with(&self.code(device).await, device).await.unwrap();
        Edge { client: identity.http_client().unwrap(), sites: self.sites.clone() }
    }

    /// A caller with a certificate of this authority for a device of any name.
    pub fn stranger(&self, device: Option<&str>) -> Edge {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.hub.authority.certificate().clone()).unwrap();
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let tls = match device {
            None => tls.with_no_client_auth(),
            Some(device) => {
                let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
                let request = rcgen::CertificateParams::default().serialize_request(&key).unwrap();
                let pem = self.hub.authority.sign_device(
                    &request.pem().unwrap(),
                    &device.parse().unwrap(),
                    DeviceKind::Edge,
                    &[],
                );
                let pem = pem.unwrap();
                let certificate =
                    rustls::pki_types::pem::PemObject::from_pem_slice(pem.as_bytes()).unwrap();
                let key = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der());
                tls.with_client_auth_cert(vec![certificate], key.into()).unwrap()
            }
        };
        let client = reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy();
        Edge { client: client.build().unwrap(), sites: self.sites.clone() }
    }

    /// What calls as the device of this identity, over connections of its own.
    pub fn caller(&self, identity: &DeviceIdentity) -> Edge {
        Edge { client: identity.http_client().unwrap(), sites: self.sites.clone() }
    }

    /// Books a desk here, `from` minutes from now.
    pub async fn book(&self, number: u128, from: i64, minutes: i64) -> Booking {
        let centre = self.centre(HERE).await;
        let starts = self.hub.now() + TimeDelta::minutes(from);
        let slot = Interval::new(starts, starts + TimeDelta::minutes(minutes)).unwrap();
        let made = (
            BookingId(Uuid::from_u128(0x1000 * number)),
            BookingCode::from_random(u64::try_from(number).unwrap()),
        );
        let now = self.hub.now();
        let order = BookingOrder::of_desk(made, WORKER, &centre, vec![slot], (1, 1), now);
        match self.hub.store.book(&order).await.unwrap() {
            BookResult::Made(booking) => {
                self.hub.live.booking_made(HERE);
                booking
            }
            other => unreachable!("{other:?}"),
        }
    }

    pub async fn centre(&self, id: CentreId) -> Centre {
        let centres = self.hub.store.centres().await.unwrap();
        centres.into_iter().find(|centre| centre.id == id).unwrap()
    }

    /// Tells the hub to stop, and waits until it has.
    pub async fn stop(&mut self) {
        self.stop.take().unwrap().send(()).ok();
        let ended = tokio::time::timeout(DEADLINE, self.running.take().unwrap()).await;
        ended.unwrap().unwrap().unwrap();
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
        }
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// What calls the port for sites.
pub struct Edge {
    client: reqwest::Client,
    sites: String,
}

impl Edge {
    pub async fn get(&self, path: &str) -> reqwest::Response {
        let url = format!("{}/uplink/v1/{path}", self.sites);
        self.client.get(url).send().await.unwrap()
    }

    pub async fn post(&self, path: &str, body: &impl Serialize) -> reqwest::Response {
        self.post_bytes(path, serde_json::to_vec(body).unwrap()).await
    }

    pub async fn post_bytes(&self, path: &str, body: Vec<u8>) -> reqwest::Response {
        let url = format!("{}/uplink/v1/{path}", self.sites);
        let request = self.client.post(url).header("content-type", "application/json");
        request.body(body).send().await.unwrap()
    }

    pub async fn put(&self, path: &str, body: &impl Serialize) -> reqwest::Response {
        let url = format!("{}/uplink/v1/{path}", self.sites);
        self.client.put(url).json(body).send().await.unwrap()
    }

    pub async fn tell(&self, batch: &Batch) -> reqwest::Response {
        self.post("events", batch).await
    }

    /// The newest sheet as a site takes it: checked against `key`, section by section.
    pub async fn sheet(&self, trust: &Trust, now: DateTime<Utc>) -> (DaySheet, [u8; 32]) {
        let signed: SignedManifest = self.get("sheet").await.json().await.unwrap();
        let manifest = check(&signed, trust, now).unwrap();
        let mut sections = std::collections::HashMap::new();
        for section in &manifest.sections {
            let answer = self.get(&format!("sheet/sections/{}", section.sha256)).await;
            assert_eq!(answer.status(), 200);
            sections.insert(section.sha256.clone(), answer.bytes().await.unwrap().to_vec());
        }
        assemble(&manifest, &sections, None).unwrap()
    }
}

/// An open event stream.
pub struct Told {
    response: reqwest::Response,
    text: String,
}

impl Told {
    pub async fn open(edge: &Edge) -> Self {
        let response = edge.get("stream").await;
        assert_eq!(response.status(), 200);
        Self { response, text: String::new() }
    }

    /// What it tells next; none when it has ended.
    pub async fn next(&mut self) -> Option<wire::event::Told> {
        tokio::time::timeout(DEADLINE, async {
            loop {
                if let Some((block, rest)) = self.text.split_once("\n\n") {
                    let data = block.lines().find_map(|line| line.strip_prefix("data: "));
                    let told = data.map(|data| {
                        assert!(block.lines().any(|line| line == "event: told"), "{block}");
                        serde_json::from_str(data).unwrap()
                    });
                    self.text = rest.to_owned();
                    if let Some(told) = told {
                        return Some(told);
                    }
                } else {
                    match self.response.chunk().await {
                        Ok(Some(bytes)) => self.text.push_str(std::str::from_utf8(&bytes).unwrap()),
                        Ok(None) | Err(_) => return None,
                    }
                }
            }
        })
        .await
        .unwrap()
    }
}

/// The detail and type of a refusal.
pub async fn problem(response: reqwest::Response) -> (u16, String) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(body["status"], status);
    assert!(body["detail"].as_str().unwrap().ends_with('.'), "{body}");
    (status, body["type"].as_str().unwrap().to_owned())
}

async fn furnish(hub: &Hub) {
    let town = MunicipalityId(Uuid::from_u128(1));
    hub.store.add_municipality(town, &LocalText::new("町", "Town")).await.unwrap();
    for (id, slug) in [(HERE, "here"), (THERE, "there")] {
        let centre = Centre {
            id,
            slug: slug.parse().unwrap(),
            name: LocalText::new("拠点", slug),
            municipality: town,
            kind: CentreKind::TeleworkCentre,
            address: LocalText::new("住所", "address"),
            position: (35.4, 139.6),
            source_note: LocalText::new("仮", "assumed"),
            time_zone: Tokyo,
            settings: CentreSettings::default(),
            settings_version: 1,
            opening: OpeningRules::default(),
        };
        hub.store.add_centre(&centre).await.unwrap();
        for number in 1..=2 {
            let space = Space {
                id: SpaceId(Uuid::from_u128(id.0.as_u128() + number)),
                centre: id,
                kind: SpaceKind::Desk,
                label: format!("A-{number:02}"),
                zone: LocalText::new("窓側", "By the window"),
                terminal: None,
                features: Default::default(),
                row: 0,
            };
            hub.store.add_space(&space).await.unwrap();
        }
        let door = Door {
            device: format!("{slug}-door").parse().unwrap(),
            name: LocalText::new("入口", "Entrance"),
            unlock_seconds: 5,
            plan: None,
        };
        hub.store.add_door(id, &door).await.unwrap();
        for (kind, name) in [(DeviceKind::Edge, "edge"), (DeviceKind::Kiosk, "kiosk-1")] {
            let device = format!("{slug}-{name}").parse().unwrap();
            hub.store.add_device(id, &device, kind).await.unwrap();
        }
    }
    let person = Person {
        id: WORKER,
        email: "worker@example.jp".to_owned(),
        name: "働く人".to_owned(),
        language: Language::Ja,
        grants: vec![Grant::Worker { employer: None }.into()],
    };
    hub.store.add_person(&person, None).await.unwrap();
    let reference = hub.keys.region_cards.now().newest().reference(CARD);
    let id = CredentialId(Uuid::from_u128(0x40));
    let card = Credential::new(id, WORKER, reference, "card", hub.now());
    hub.store.add_credential(&card).await.unwrap();
}
