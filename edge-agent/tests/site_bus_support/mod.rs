//! A small authority, the two brokers, and a client that does not keep to the rules.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use edge_agent::broker::mosquitto::Mosquitto;
use edge_agent::broker::{Broker, BrokerHandle, DeviceEntry, DeviceList, DeviceRegistry};
use model::id::DeviceId;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevocationReason, RevokedCertParams, SerialNumber, date_time_ymd,
};
use ring::rand::SystemRandom;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{LastWill, Packet, PublishProperties};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions};
use rumqttc::{TlsConfiguration, Transport};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use wire::bus::{BusInbox, BusOptions, MAX_PACKET_BYTES, SiteBus};
use wire::identity::{DeviceIdentity, LEEWAY};
use wire::topics::DeviceKind;

pub const DEADLINE: Duration = Duration::from_secs(20);

pub fn id(text: &str) -> DeviceId {
    text.parse().unwrap()
}

/// Waits for a future that has to end, and says what was awaited when it does not.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("waited too long for {what}"))
}

/// Asks again and again until it is so.
pub async fn until(what: &str, so: impl AsyncFn() -> bool) {
    within(what, async {
        while !so().await {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    pub fn new() -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name("Test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    fn certificate(&self, device: &str, kind: DeviceKind, key: &KeyPair) -> String {
        let names = if kind == DeviceKind::Edge {
            vec!["127.0.0.1".into(), "localhost".into()]
        } else {
            vec![]
        };
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name = common_name(device);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if kind == DeviceKind::Edge {
            params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        }
        // Made now: clocks differ by the leeway.
        let now = u64::try_from((Utc::now() - LEEWAY).timestamp()).unwrap();
        params.not_before = date_time_ymd(1970, 1, 1) + Duration::from_secs(now);
        params.signed_by(key, &self.issuer).unwrap().pem()
    }

    /// A list in PEM of these certificates as good no more.
    pub fn revocation_list(&self, withdrawn: &[&DeviceIdentity], superseded: bool) -> String {
        let revoked_certs = withdrawn.iter().map(|identity| RevokedCertParams {
            serial_number: SerialNumber::from_slice(&identity.certificate().serial),
            revocation_time: date_time_ymd(2026, 1, 1),
            reason_code: superseded.then_some(RevocationReason::Superseded),
            invalidity_date: None,
        });
        CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 1, 1),
            next_update: date_time_ymd(2050, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked_certs.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        }
        .signed_by(&self.issuer)
        .unwrap()
        .pem()
        .unwrap()
    }
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

/// A temporary folder that goes away with its owner.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("kyoten-bus-{}", uuid::Uuid::new_v4()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Embedded,
    Mosquitto,
}

/// A site with an edge, a kiosk and two seats, and a broker that can be stopped and started.
pub struct Site {
    pub which: Which,
    pub address: SocketAddr,
    pub authority: Authority,
    pub registry: DeviceRegistry,
    /// Before the folder, in which it is written whom to end.
    broker: Option<Running>,
    folder: Folder,
    edge: DeviceIdentity,
}

enum Running {
    Embedded(BrokerHandle),
    Mosquitto(Process),
}

/// Mosquitto under a shell that starts it again whenever it ends, as a service manager does.
struct Process {
    shell: Child,
    pid_file: PathBuf,
}

impl Drop for Process {
    fn drop(&mut self) {
        self.shell.kill().ok();
        self.shell.wait().ok();
        let pid = fs::read_to_string(&self.pid_file).unwrap_or_default();
        if !pid.trim().is_empty() {
            Command::new("kill").args(["-9", pid.trim()]).stderr(Stdio::null()).status().ok();
        }
    }
}

impl Site {
    pub async fn start(which: Which) -> Self {
        let authority = Authority::new();
        let folder = Folder::new();
        let edge = identity_in(&folder, &authority, "y-edge", DeviceKind::Edge);
        let mut site = Self {
            which,
            address: ports::free_address(),
            authority,
            registry: DeviceRegistry::new(id("y-edge"), list(everybody())),
            folder,
            edge,
            broker: None,
        };
        site.start_broker().await;
        site
    }

    /// Starts the broker where it was before.
    pub async fn start_broker(&mut self) {
        self.broker = Some(match self.which {
            Which::Embedded => Running::Embedded(
                Broker::start(
                    self.address,
                    self.edge.server_config().unwrap(),
                    self.registry.clone(),
                )
                .await
                .unwrap(),
            ),
            Which::Mosquitto => Running::Mosquitto(self.start_mosquitto().await),
        });
    }

    /// As the edge has it.
    fn mosquitto(&self) -> Mosquitto {
        let pid = self.folder.0.join("mosquitto.pid");
        let script = |name: &str, text: &str| {
            let file = self.folder.0.join(name);
            fs::write(&file, text.replace("PID", &pid.display().to_string())).unwrap();
            format!("sh {}", file.display())
        };
        // As a service manager does, it comes back once the next one runs.
        let restart =
            "old=$(cat PID)\nkill -TERM $old && while [ $old = $(cat PID) ]; do sleep 0.01; done\n";
        Mosquitto {
            folder: self.folder.0.clone(),
            address: self.address,
            identity: self.edge.files(),
            reload: Some(script("reload", "kill -HUP $(cat PID)\n")),
            restart: Some(script("restart", restart)),
            untold: Arc::default(),
        }
    }

    async fn start_mosquitto(&self) -> Process {
        self.mosquitto().prepare(&self.registry).unwrap();
        let program = ["mosquitto", "/usr/sbin/mosquitto"]
            .into_iter()
            .find(|program| Command::new(program).arg("-h").stdout(Stdio::null()).status().is_ok())
            .expect("Mosquitto is not installed: the site bus has to be tested on it, install the package mosquitto");
        let log = fs::File::create(self.folder.0.join("mosquitto.log")).unwrap();
        let pid_file = self.folder.0.join("mosquitto.pid");
        // A test that runs as root keeps its files to root; Mosquitto must then stay root.
        let text = format!(
            "cd {folder}\nwhile :; do\n(cat mosquitto.conf; echo user root) > run.conf\n\
             {program} -c run.conf &\necho $! > pid.new; mv pid.new mosquitto.pid\nwait $!\ndone\n",
            folder = self.folder.0.display()
        );
        let shell = Command::new("sh").args(["-c", &text]).stderr(log).spawn().unwrap();
        let child = Process { shell, pid_file };
        let up = timeout(DEADLINE, async {
            while TcpStream::connect(self.address).await.is_err() {
                sleep(Duration::from_millis(10)).await;
            }
        });
        if up.await.is_err() {
            panic!("Mosquitto did not start: {}", self.mosquitto_log());
        }
        child
    }

    /// Puts a list in force and withdraws certificates, as the edge does for a new sheet.
    pub async fn put_in_force(
        &self,
        devices: BTreeMap<DeviceId, DeviceEntry>,
        withdrawn: &[&DeviceIdentity],
    ) {
        self.put(devices, withdrawn, false).await;
    }

    /// The same, for certificates whose devices have moved on to the next.
    pub async fn supersede(
        &self,
        devices: BTreeMap<DeviceId, DeviceEntry>,
        withdrawn: &[&DeviceIdentity],
    ) {
        self.put(devices, withdrawn, true).await;
    }

    async fn put(
        &self,
        devices: BTreeMap<DeviceId, DeviceEntry>,
        withdrawn: &[&DeviceIdentity],
        superseded: bool,
    ) {
        self.registry.replace(list(devices));
        if self.which == Which::Mosquitto {
            let revocations = self.authority.revocation_list(withdrawn, superseded);
            let mosquitto = self.mosquitto();
            mosquitto.admit(&self.registry).await.unwrap();
            mosquitto.refuse(&revocations).await.unwrap();
        }
    }

    pub fn mosquitto_log(&self) -> String {
        fs::read_to_string(self.folder.0.join("mosquitto.log")).unwrap_or_default()
    }

    pub async fn stop_broker(&mut self) {
        match self.broker.take().unwrap() {
            Running::Embedded(handle) => handle.shutdown().await,
            Running::Mosquitto(process) => drop(process),
        }
    }

    pub fn broker(&self) -> &BrokerHandle {
        match &self.broker {
            Some(Running::Embedded(handle)) => handle,
            _ => panic!("only the embedded broker has a handle"),
        }
    }

    /// An identity as enrolment leaves it on disk.
    pub fn identity(&self, device: &str, kind: DeviceKind) -> DeviceIdentity {
        self.identity_of(&self.authority, device, kind)
    }

    pub fn identity_of(
        &self,
        authority: &Authority,
        device: &str,
        kind: DeviceKind,
    ) -> DeviceIdentity {
        identity_in(&self.folder, authority, device, kind)
    }

    /// Starts a well-behaved device; it may not be connected yet.
    pub fn join_as(
        &self,
        identity: &DeviceIdentity,
        request_timeout: Duration,
    ) -> (SiteBus, BusInbox) {
        let options = BusOptions {
            host: self.address.ip().to_string(),
            port: self.address.port(),
            device: identity.device().clone(),
            kind: identity.kind(),
            edge: id("y-edge"),
            tls: Arc::new(identity.client_config().unwrap()),
            request_timeout,
        };
        SiteBus::start(options, &SystemRandom::new()).unwrap()
    }

    /// Starts a well-behaved device and waits until it is on the bus.
    pub async fn join(&self, device: &str, kind: DeviceKind) -> (SiteBus, BusInbox) {
        let (bus, inbox) = self.join_as(&self.identity(device, kind), Duration::from_secs(5));
        connected(&bus, true).await;
        (bus, inbox)
    }

    pub fn tls_without_certificate(&self) -> ClientConfig {
        let mut roots = rustls::RootCertStore::empty();
        let der = rustls::pki_types::pem::PemObject::from_pem_slice(self.authority.pem.as_bytes())
            .unwrap();
        roots.add(der).unwrap();
        ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
    }
}

fn identity_in(
    folder: &Folder,
    authority: &Authority,
    device: &str,
    kind: DeviceKind,
) -> DeviceIdentity {
    let key = KeyPair::generate().unwrap();
    let home = folder.0.join(uuid::Uuid::new_v4().to_string());
    let files = home.join("identity");
    fs::create_dir_all(&files).unwrap();
    fs::write(files.join("key.pem"), key.serialize_pem()).unwrap();
    fs::write(files.join("certificate.pem"), authority.certificate(device, kind, &key)).unwrap();
    fs::write(files.join("authority.pem"), &authority.pem).unwrap();
    let meta = format!(r#"{{"device":"{device}","centre":"y","kind":"{kind}"}}"#);
    fs::write(files.join("meta.json"), meta).unwrap();
    DeviceIdentity::load(&home).unwrap()
}

/// A device with any certificate of the authority's.
pub fn entry(kind: DeviceKind) -> DeviceEntry {
    DeviceEntry { kind, certificates: None, revoked: false }
}

/// The site's devices.
pub fn everybody() -> BTreeMap<DeviceId, DeviceEntry> {
    BTreeMap::from([
        (id("y-edge"), entry(DeviceKind::Edge)),
        (id("y-kiosk-1"), entry(DeviceKind::Kiosk)),
        (id("y-seat-01"), entry(DeviceKind::Seat)),
        (id("y-seat-02"), entry(DeviceKind::Seat)),
        (id("y-staff-1"), entry(DeviceKind::Staff)),
        (id("y-air-1"), entry(DeviceKind::Thing)),
        (id("y-house"), entry(DeviceKind::Viewer)),
    ])
}

/// A list that is newer than every certificate so far.
fn list(devices: BTreeMap<DeviceId, DeviceEntry>) -> DeviceList {
    DeviceList { centre: None, made_at: Utc::now() + TimeDelta::seconds(2), devices }
}

pub async fn connected(bus: &SiteBus, wanted: bool) {
    within("the connection to the site bus", async {
        bus.connected().wait_for(|now| *now == wanted).await.unwrap();
    })
    .await;
}

#[expect(dead_code, reason = "only one of the two kinds of port is needed here")]
#[path = "../../../tests/src/ports.rs"]
mod ports;

/// An MQTT client that asks for anything.
pub struct Raw {
    pub client: AsyncClient,
    events: EventLoop,
}

impl Raw {
    pub async fn connect(
        site: &Site,
        tls: ClientConfig,
        client_id: &str,
        will: Option<LastWill>,
    ) -> Result<Self, ConnectionError> {
        let mut options =
            MqttOptions::new(client_id, site.address.ip().to_string(), site.address.port());
        options
            .set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(Arc::new(tls))))
            .set_keep_alive(Duration::from_secs(5))
            .set_max_packet_size(Some(MAX_PACKET_BYTES));
        if let Some(will) = will {
            options.set_last_will(will);
        }
        let (client, events) = AsyncClient::new(options, 64);
        let mut raw = Self { client, events };
        raw.until("CONNACK", |packet| matches!(packet, Packet::ConnAck(_))).await?;
        Ok(raw)
    }

    /// The next packet that `wanted` chooses; others are passed over.
    pub async fn until(
        &mut self,
        what: &str,
        wanted: impl Fn(&Packet) -> bool,
    ) -> Result<Packet, ConnectionError> {
        within(what, async {
            loop {
                if let Event::Incoming(packet) = self.events.poll().await?
                    && wanted(&packet)
                {
                    return Ok(packet);
                }
            }
        })
        .await
    }

    pub async fn subscribe(&mut self, filter: &str) {
        self.client.try_subscribe(filter, QoS::AtLeastOnce).unwrap();
        self.until("SUBACK", |packet| matches!(packet, Packet::SubAck(_))).await.unwrap();
    }

    /// Publishes and waits until the broker has taken it in or thrown it away.
    pub async fn publish(
        &mut self,
        topic: &str,
        retain: bool,
        payload: &str,
        properties: PublishProperties,
    ) {
        self.client
            .try_publish_with_properties(
                topic,
                QoS::AtLeastOnce,
                retain,
                payload.to_owned(),
                properties,
            )
            .unwrap();
        self.until("PUBACK", |packet| matches!(packet, Packet::PubAck(_))).await.unwrap();
    }

    /// The topic and payload of the next message.
    pub async fn next_message(&mut self) -> (String, String) {
        let packet =
            self.until("a message", |packet| matches!(packet, Packet::Publish(_))).await.unwrap();
        let Packet::Publish(publish) = packet else { unreachable!() };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&publish.topic), text(&publish.payload))
    }

    /// Cuts the line without a goodbye.
    pub fn cut(self) {
        drop(self.events);
    }
}

pub fn expiring(seconds: u32) -> PublishProperties {
    PublishProperties { message_expiry_interval: Some(seconds), ..Default::default() }
}
