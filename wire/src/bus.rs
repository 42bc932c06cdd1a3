//! The site bus as a device sees it: state, requests and commands over MQTT 5.
//!
//! What the broker accepted is not what somebody has read, so requests are answered, and
//! nothing is sent later than it was meant: while the line is down everything but the
//! device's own state is refused, and what was under way when it broke is forgotten.
//! Whoever must not lose a message keeps it in an outbox of his own.

mod under_way;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use model::id::{DeviceId, Slug};
use ring::rand::SecureRandom;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    DisconnectReasonCode, Filter, LastWill, Packet, PubAckReason, Publish, PublishProperties,
    SubAck, Subscribe, SubscribeReasonCode,
};
use rumqttc::v5::{
    AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, Request, StateError,
};
use rumqttc::{NetworkOptions, TlsConfiguration, Transport};
use rustls::ClientConfig;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::homie::{self, DESCRIPTION, Description, SET};
use crate::identity::{DeviceIdentity, IdentityError};
use crate::topics::{DeviceKind, EVERY_REQUEST, EVERY_STATE, JOINING, LIFECYCLE, Topic, every_set};
use under_way::{Correlation, Delays};

/// The largest packet on the bus, in bytes; brokers and clients refuse larger ones.
pub const MAX_PACKET_BYTES: u32 = 256 * 1024;
/// The largest payload, in bytes.
pub const MAX_PAYLOAD_BYTES: usize = 128 * 1024;
/// The longest message that the embedded broker keeps for whoever comes later, in bytes.
pub const MAX_RETAINED_BYTES: usize = 64 * 1024;
/// The longest that a broker keeps a command or an answer for somebody who is away.
pub const LONGEST_EXPIRY: Duration = Duration::from_secs(5);
/// How long a broker keeps the session of a device that is away, in seconds.
pub const SESSION_SECONDS: u32 = 3600;

/// How long a device waits for its site's answer. What comes of its question later would surprise somebody else.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(4);
/// The longest mark of a foreign device's question, in bytes; the edge remembers many of them.
const LONGEST_CORRELATION: usize = 64;
const MOST_STATES: usize = 512;
const QUEUE: usize = 1024;
const INBOX: usize = 256;
const STATE_INBOX: usize = 4096;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
const HERE: &str = "ready";

/// Where and as whom to join the bus.
#[derive(Clone, Debug)]
pub struct BusOptions {
    /// The broker's host, as its certificate names it.
    pub host: String,
    /// The broker's port.
    pub port: u16,
    /// This device; also the MQTT client id.
    pub device: DeviceId,
    /// What this device is.
    pub kind: DeviceKind,
    /// The device that runs the site.
    pub edge: DeviceId,
    /// The device's TLS settings, with its certificate.
    pub tls: Arc<ClientConfig>,
    /// How long a request may take, answer included.
    pub request_timeout: Duration,
}

impl BusOptions {
    /// As the device that `identity` proves, at the broker `address` (`host:port`).
    ///
    /// # Errors
    /// [`NoBus`] when the address is none, or the identity cannot be used.
    pub fn of(identity: &DeviceIdentity, address: &str) -> Result<Self, NoBus> {
        let (host, port) = address.rsplit_once(':').ok_or(NoBus::Address)?;
        Ok(Self {
            host: host.to_owned(),
            port: port.parse().map_err(|_| NoBus::Address)?,
            device: identity.device().clone(),
            kind: identity.kind(),
            edge: format!("{}-edge", identity.centre()).parse().map_err(|_| NoBus::Centre)?,
            tls: Arc::new(identity.bus_client_config()?),
            request_timeout: ANSWER_WITHIN,
        })
    }
}

/// Why a device cannot tell which bus to join.
#[derive(Debug, thiserror::Error)]
pub enum NoBus {
    /// The address is of another form.
    #[error("the site bus (KYOTEN_BUS) is written host:port")]
    Address,
    /// The centre's name is too long to name its edge.
    #[error("the centre's name is too long to name its edge")]
    Centre,
    /// The identity cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

/// Why something could not be said on the bus.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// The line to the broker is down.
    #[error("the site bus cannot be reached")]
    NotConnected,
    /// The line broke before the answer came; the request may or may not have been read.
    #[error("the connection to the site bus broke before the answer came")]
    ConnectionLost,
    /// Nobody answered in time.
    #[error("the site did not answer in time")]
    TimedOut,
    /// Too much is waiting to be sent.
    #[error("too many messages wait to be sent on the site bus")]
    QueueFull,
    /// The payload is too long.
    #[error("a message of {0} bytes is too long for the site bus")]
    TooLarge(usize),
    /// More state topics than a device may have.
    #[error("a device has at most {MOST_STATES} pieces of state")]
    TooManyStates,
    /// The path cannot stand in a topic.
    #[error(transparent)]
    Topic(#[from] crate::topics::BadTopic),
    /// Only states are retained, and they have a function of their own.
    #[error("state is set, not published")]
    StateIsSet,
    /// The random source failed.
    #[error("no random numbers")]
    NoRandomness,
}

/// A device's place on the site bus. Cloning shares the connection; the last clone's drop cuts
/// it, and the broker then says that the device is lost.
#[derive(Clone, Debug)]
pub struct SiteBus {
    inner: Arc<Inner>,
}

/// What arrives for the device. A stream whose receiver is not read loses its newest messages;
/// it never holds the others up.
#[derive(Debug)]
pub struct BusInbox {
    /// For the edge: what devices ask. What was retained, carries no expiry of at most
    /// [`LONGEST_EXPIRY`] or was under way for longer than [`ANSWER_WITHIN`], as far as a device lets that be told, never gets here.
    /// Delivery is at least once: the receiver acts on a device's correlation once.
    pub requests: mpsc::Receiver<IncomingRequest>,
    /// What the edge tells this device to do. Commands that were retained or carry no expiry
    /// of at most [`LONGEST_EXPIRY`] never get here. Delivery is at least once: the receiver
    /// checks `not_after`, and acts on an id once.
    pub commands: mpsc::Receiver<Vec<u8>>,
    /// State of other devices: everybody's for the edge and for who looks on, the edge's `$state` for the others. For a
    /// foreign device: what sets its properties.
    pub states: mpsc::Receiver<StateChange>,
}

/// One piece of retained state, as another device published it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChange {
    /// Whose.
    pub device: DeviceId,
    /// Which, such as `$state`.
    pub path: String,
    /// Its value; empty when it was taken back.
    pub value: String,
    /// It was kept by the broker from some time before; nobody has said it just now.
    pub retained: bool,
}

/// A request that waits for the edge's answer.
#[derive(Debug)]
pub struct IncomingRequest {
    /// Who asks. The broker lets nobody ask in another's name.
    pub device: DeviceId,
    /// What it asks.
    pub payload: Vec<u8>,
    correlation: Vec<u8>,
    behind: Duration,
    delivered: Instant,
    bus: SiteBus,
}

impl IncomingRequest {
    /// Which of the device's questions it is: no two of them have the same.
    #[must_use]
    pub fn correlation(&self) -> &[u8] {
        &self.correlation
    }

    /// How long ago it was sent, at the least: what it was under way, as far as that can be told,
    /// and what it has waited here.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.behind.saturating_add(self.delivered.elapsed())
    }

    /// Answers the device.
    ///
    /// # Errors
    /// When the line is down, the queue is full or the answer too long.
    pub fn answer(self, payload: Vec<u8>) -> Result<(), BusError> {
        self.bus.inner.send(
            &Topic::Response(self.device),
            payload,
            PublishProperties {
                correlation_data: Some(self.correlation.into()),
                ..expiring(LONGEST_EXPIRY)
            },
        )
    }
}

impl SiteBus {
    /// Joins the bus and keeps trying for as long as the handle lives, also where the broker lets
    /// the device in but does not let it speak yet. `$state` is `init` while it joins, `ready`
    /// once the device can hear and has said its description and values, and `lost` when it is cut
    /// off, as Homie 5 has it. A program of ours is described from the start, a foreign device
    /// once it calls [`SiteBus::announce`].
    ///
    /// # Errors
    /// When the random source fails.
    pub fn start(
        options: BusOptions,
        rng: &dyn SecureRandom,
    ) -> Result<(Self, BusInbox), BusError> {
        let mut boot = [0; 8];
        rng.fill(&mut boot).map_err(|_| BusError::NoRandomness)?;
        let (client, events) = AsyncClient::new(mqtt_options(&options), QUEUE);
        let (connected, _) = watch::channel(false);
        let shared = Arc::new(Shared {
            line: Mutex::new(Line {
                open: false,
                closing: false,
                joined: 0,
                asked: 0,
                waiting: HashMap::new(),
                states: first_states(&options),
                discovery: None,
            }),
            client,
            connected,
            taken_over: watch::Sender::new(0),
            device: options.device.clone(),
            tls: Mutex::new(options.tls.clone()),
            boot: u64::from_be_bytes(boot),
            started: Instant::now(),
        });
        let (requests_in, requests) = mpsc::channel(INBOX);
        let (commands_in, commands) = mpsc::channel(INBOX);
        let (states_in, states) = mpsc::channel(STATE_INBOX);
        let delivery = Delivery {
            requests: requests_in,
            commands: commands_in,
            states: states_in,
            delays: Delays::default(),
        };
        let bus = Self {
            inner: Arc::new_cyclic(|inner| {
                let task = tokio::spawn(run(
                    events,
                    shared.clone(),
                    filters(&options),
                    delivery,
                    inner.clone(),
                ));
                Inner {
                    shared,
                    request_timeout: options.request_timeout,
                    task: Mutex::new(Some(task)),
                }
            }),
        };
        Ok((bus, BusInbox { requests, commands, states }))
    }

    /// Whether the device is on the bus and can hear.
    #[must_use]
    pub fn connected(&self) -> watch::Receiver<bool> {
        self.inner.shared.connected.subscribe()
    }

    /// How often another client with this device's identity has taken its place, as the broker said.
    #[must_use]
    pub fn taken_over(&self) -> watch::Receiver<u64> {
        self.inner.shared.taken_over.subscribe()
    }

    /// Asks the edge and waits for its answer.
    ///
    /// # Errors
    /// At once when the line is down or the queue full, and when no answer came in time.
    pub async fn request(&self, payload: Vec<u8>) -> Result<Vec<u8>, BusError> {
        let inner = &self.inner;
        let (correlation, answer) = inner.shared.expect_answer();
        let properties = PublishProperties {
            response_topic: Some(Topic::Response(inner.shared.device.clone()).to_string()),
            correlation_data: Some(correlation.to_vec().into()),
            ..expiring(inner.request_timeout.min(LONGEST_EXPIRY))
        };
        let waiting = Waiting { shared: &inner.shared, correlation };
        inner.send(&Topic::Request(inner.shared.device.clone()), payload, properties)?;
        let answered = timeout(inner.request_timeout, answer).await;
        drop(waiting);
        answered.map_err(|_| BusError::TimedOut)?.map_err(|_| BusError::ConnectionLost)
    }

    /// For the edge: tells a device to do something, now or never.
    ///
    /// `expiry` is cut to whole seconds between 1 and [`LONGEST_EXPIRY`].
    ///
    /// # Errors
    /// When the line is down, the queue is full or the payload too long.
    pub fn try_command(
        &self,
        device: &DeviceId,
        payload: Vec<u8>,
        expiry: Duration,
    ) -> Result<(), BusError> {
        self.inner.send(&Topic::Command(device.clone()), payload, expiring(expiry))
    }

    /// Sends a message that is not state: never retained, gone after [`LONGEST_EXPIRY`].
    ///
    /// # Errors
    /// When the line is down, the queue is full, the payload too long or `topic` a state.
    pub fn try_publish(&self, topic: &Topic, payload: Vec<u8>) -> Result<(), BusError> {
        if matches!(topic, Topic::State { .. }) {
            return Err(BusError::StateIsSet);
        }
        self.inner.send(topic, payload, expiring(LONGEST_EXPIRY))
    }

    /// Sets a piece of this device's own retained state, such as `lock/state` to `locked`.
    /// It is kept, and said again after every reconnect. Nothing personal belongs here.
    ///
    /// # Errors
    /// When the path is no topic, there are too many states, the value is too long or the queue
    /// is full. A line that is down is no error: the state is said once it is up.
    pub fn set_state(&self, path: &str, value: &str) -> Result<(), BusError> {
        let shared = &self.inner.shared;
        Topic::state(&shared.device, path)?;
        if value.len() > MAX_PAYLOAD_BYTES {
            return Err(BusError::TooLarge(value.len()));
        }
        let mut line = shared.line();
        if line.states.len() >= MOST_STATES && !line.states.contains_key(path) {
            return Err(BusError::TooManyStates);
        }
        line.states.insert(path.to_owned(), value.to_owned());
        if line.open { shared.say(path, value) } else { Ok(()) }
    }

    /// Takes a piece of this device's state back: it is on the broker no more.
    ///
    /// # Errors
    /// When the queue is full.
    pub fn take_back(&self, path: &str) -> Result<(), BusError> {
        let shared = &self.inner.shared;
        let mut line = shared.line();
        // A line that is down tells it all the same: what is kept and not ours any more is taken
        // back when the broker shows it.
        if line.states.remove(path).is_some() && line.open { shared.say(path, "") } else { Ok(()) }
    }

    /// Describes this device anew. The convention lets a description change only while the device
    /// is not ready, so it says that it is not, and then that it is.
    ///
    /// # Errors
    /// When the description is too long or the queue is full.
    pub fn announce(&self, description: &Description) -> Result<(), BusError> {
        let text = description.to_json();
        if text.len() > MAX_PAYLOAD_BYTES {
            return Err(BusError::TooLarge(text.len()));
        }
        let shared = &self.inner.shared;
        let mut line = shared.line();
        let before = line.states.insert(DESCRIPTION.to_owned(), text.clone());
        if !line.open || before.as_ref() == Some(&text) {
            return Ok(());
        }
        shared.say(LIFECYCLE, JOINING)?;
        shared.say(DESCRIPTION, &text)?;
        shared.say(LIFECYCLE, HERE)
    }

    /// For the edge: sets a property of a foreign device, now or never. That it was sent says
    /// nothing of whether the device did it.
    ///
    /// # Errors
    /// When the line is down, the queue is full or the value too long.
    pub fn try_set(
        &self,
        device: &DeviceId,
        node: &Slug,
        property: &Slug,
        value: &str,
    ) -> Result<(), BusError> {
        let topic = Topic::set(device, node, property);
        self.inner.send(&topic, value.as_bytes().to_vec(), expiring(Duration::from_secs(2)))
    }

    /// For the edge: how Home Assistant shows it; an empty text has it forgotten. Kept, and said
    /// again after every reconnect.
    ///
    /// # Errors
    /// When the text is too long or the queue is full.
    pub fn set_discovery(&self, payload: &str) -> Result<(), BusError> {
        if payload.len() > MAX_PAYLOAD_BYTES {
            return Err(BusError::TooLarge(payload.len()));
        }
        let shared = &self.inner.shared;
        let mut line = shared.line();
        if line.discovery.as_deref() == Some(payload) {
            return Ok(());
        }
        line.discovery = Some(payload.to_owned());
        if line.open { shared.say_discovery(payload) } else { Ok(()) }
    }

    /// Joins the bus again with other TLS settings: a new certificate of the same device. Nobody is
    /// told that the device was lost.
    pub fn use_tls(&self, tls: Arc<ClientConfig>) {
        let shared = &self.inner.shared;
        *shared.tls.lock().unwrap_or_else(PoisonError::into_inner) = tls;
        if shared.line().open {
            shared.leave_for_now();
        }
    }

    /// Leaves the bus in good order: `$state` becomes `disconnected` and no will is published.
    pub async fn close(&self) {
        let shared = &self.inner.shared;
        let said = {
            let mut line = shared.line();
            line.closing = true;
            std::mem::take(&mut line.open)
                && shared.say(LIFECYCLE, "disconnected").is_ok()
                && shared.client.try_disconnect().is_ok()
        };
        let task = self.inner.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut task) = task
            && (!said || timeout(Duration::from_secs(2), &mut task).await.is_err())
        {
            task.abort();
        }
        shared.went_down();
    }
}

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    request_timeout: Duration,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Inner {
    fn send(
        &self,
        topic: &Topic,
        payload: Vec<u8>,
        properties: PublishProperties,
    ) -> Result<(), BusError> {
        if payload.len() > MAX_PAYLOAD_BYTES {
            return Err(BusError::TooLarge(payload.len()));
        }
        let line = self.shared.line();
        if !line.open {
            return Err(BusError::NotConnected);
        }
        self.shared
            .client
            .try_publish_with_properties(
                topic.to_string(),
                QoS::AtLeastOnce,
                false,
                payload,
                properties,
            )
            .map_err(|_| BusError::QueueFull)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(task) = self.task.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}

struct Shared {
    line: Mutex<Line>,
    client: AsyncClient,
    connected: watch::Sender<bool>,
    /// How often another client with the same identity took this one's place.
    taken_over: watch::Sender<u64>,
    device: DeviceId,
    /// What the next connection is made with.
    tls: Mutex<Arc<ClientConfig>>,
    /// Tells this run's questions from those of a run before, whose answers may still come.
    boot: u64,
    /// What the steady clock is counted from.
    started: Instant,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SiteBus").field("device", &self.device).finish_non_exhaustive()
    }
}

struct Line {
    open: bool,
    closing: bool,
    /// How often the device has come onto the bus since it started.
    joined: u64,
    asked: u64,
    waiting: HashMap<Correlation, oneshot::Sender<Vec<u8>>>,
    states: BTreeMap<String, String>,
    discovery: Option<String>,
}

/// What a device says of itself before anybody has told it anything.
fn first_states(options: &BusOptions) -> BTreeMap<String, String> {
    let mut states = BTreeMap::from([(LIFECYCLE.to_owned(), HERE.to_owned())]);
    let described = match options.kind {
        DeviceKind::Edge => Some(homie::of_edge(options.device.as_str(), &[], 0)),
        other => homie::of_program(other),
    };
    if let Some(description) = described {
        let (path, version) = homie::program_version();
        states.insert(path, version.to_owned());
        states.insert(DESCRIPTION.to_owned(), description.to_json());
    }
    states
}

impl Shared {
    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn expect_answer(&self) -> (Correlation, oneshot::Receiver<Vec<u8>>) {
        let (sender, receiver) = oneshot::channel();
        let mut line = self.line();
        line.asked += 1;
        // A device that slept has lost its line, and its steady clock stood still meanwhile: what is
        // asked over the next line must not be held against the one before.
        let own_line = self.boot.wrapping_add(line.joined);
        let correlation = under_way::correlation(own_line, line.asked, self.started.elapsed());
        line.waiting.insert(correlation, sender);
        (correlation, receiver)
    }

    fn say(&self, path: &str, value: &str) -> Result<(), BusError> {
        let topic = format!("homie/5/{}/{path}", self.device);
        self.client
            .try_publish(topic, QoS::AtLeastOnce, true, value.to_owned())
            .map_err(|_| BusError::QueueFull)
    }

    fn say_discovery(&self, payload: &str) -> Result<(), BusError> {
        let topic = Topic::Discovery(self.device.clone()).to_string();
        self.client
            .try_publish(topic, QoS::AtLeastOnce, true, payload.to_owned())
            .map_err(|_| BusError::QueueFull)
    }

    /// Something of this device's was kept by the broker. What it does not say any more is taken
    /// back, so that nothing stands there that its description does not know.
    fn own_retained(&self, path: &str) {
        let mut line = self.line();
        if line.states.contains_key(path) || line.states.len() >= MOST_STATES {
            return;
        }
        if !line.open {
            line.states.insert(path.to_owned(), String::new());
        } else if self.say(path, "").is_err() {
            tracing::warn!(path, "no room to take an old state back");
        }
    }

    fn tls(&self) -> Arc<ClientConfig> {
        self.tls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends the connection with a goodbye; the loop makes the next one.
    fn leave_for_now(&self) {
        if self.client.try_disconnect().is_err() {
            tracing::warn!(
                "no room to leave the site bus; the old certificate stays until the line breaks"
            );
        }
    }

    fn went_up(&self) {
        let mut line = self.line();
        if line.closing {
            return;
        }
        line.open = true;
        line.joined += 1;
        // The device is ready only once it has said everything else.
        let (ready, rest): (Vec<_>, Vec<_>) =
            line.states.iter().partition(|(path, _)| *path == LIFECYCLE);
        for (path, value) in rest.into_iter().chain(ready) {
            if self.say(path, value).is_err() {
                tracing::warn!(path, "no room to say a state on the site bus");
            }
        }
        if line.discovery.as_ref().is_some_and(|payload| self.say_discovery(payload).is_err()) {
            tracing::warn!("no room to tell Home Assistant of this site");
        }
        drop(line);
        self.connected.send_replace(true);
    }

    /// Forgets what was under way: a message that arrives after the line came back would be stale.
    fn went_down(&self) {
        let mut line = self.line();
        line.open = false;
        line.waiting.clear();
        drop(line);
        self.connected.send_replace(false);
    }
}

/// Takes a question off the list however the wait for its answer ends.
struct Waiting<'a> {
    shared: &'a Shared,
    correlation: Correlation,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.shared.line().waiting.remove(&self.correlation);
    }
}

struct Delivery {
    requests: mpsc::Sender<IncomingRequest>,
    commands: mpsc::Sender<Vec<u8>>,
    states: mpsc::Sender<StateChange>,
    delays: Delays,
}

fn mqtt_options(options: &BusOptions) -> MqttOptions {
    let mut mqtt = MqttOptions::new(options.device.as_str(), &options.host, options.port);
    let will = LastWill::new(
        Topic::lifecycle(&options.device).to_string(),
        "lost",
        QoS::AtLeastOnce,
        true,
        None,
    );
    // Else each hop of a tap waits 40 ms for the other end's acknowledgement.
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    mqtt.set_network_options(network)
        .set_transport(transport(&options.tls))
        .set_keep_alive(Duration::from_secs(5))
        .set_clean_start(false)
        .set_session_expiry_interval(Some(SESSION_SECONDS))
        .set_max_packet_size(Some(MAX_PACKET_BYTES))
        .set_last_will(will);
    mqtt
}

fn transport(tls: &Arc<ClientConfig>) -> Transport {
    Transport::tls_with_config(TlsConfiguration::Rustls(tls.clone()))
}

fn filters(options: &BusOptions) -> Vec<Filter> {
    let device = &options.device;
    let topics = match options.kind {
        DeviceKind::Edge => vec![EVERY_REQUEST.to_owned(), EVERY_STATE.to_owned()],
        DeviceKind::Kiosk | DeviceKind::Seat | DeviceKind::Staff => vec![
            Topic::Response(device.clone()).to_string(),
            Topic::Command(device.clone()).to_string(),
            Topic::lifecycle(&options.edge).to_string(),
        ],
        DeviceKind::Thing => vec![every_set(device)],
        DeviceKind::Viewer => vec![EVERY_STATE.to_owned()],
    };
    topics.into_iter().map(|topic| Filter::new(topic, QoS::AtLeastOnce)).collect()
}

fn expiring(expiry: Duration) -> PublishProperties {
    let seconds = expiry.min(LONGEST_EXPIRY).as_secs().max(1);
    PublishProperties { message_expiry_interval: u32::try_from(seconds).ok(), ..Default::default() }
}

/// Whether the broker ended the connection because another came with the same identity.
fn was_taken_over(error: &ConnectionError) -> bool {
    matches!(
        error,
        ConnectionError::MqttState(StateError::ServerDisconnect {
            reason_code: DisconnectReasonCode::SessionTakenOver,
            ..
        })
    )
}

async fn run(
    mut events: EventLoop,
    shared: Arc<Shared>,
    filters: Vec<Filter>,
    mut delivery: Delivery,
    bus: std::sync::Weak<Inner>,
) {
    let mut pause = FIRST_PAUSE;
    let mut used = shared.tls();
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                // Straight into the loop's own list, which no full queue can keep it from. A broker
                // may grant a subscription to who has no rights yet, and then keep from it what is
                // retained for ever; so the device first says something, which is refused in words.
                events.pending.push_back(Request::Publish(joining(&shared.device)));
                events
                    .pending
                    .push_back(Request::Subscribe(Subscribe::new_many(filters.clone(), None)));
            }
            Ok(Event::Incoming(Packet::PubAck(ack)))
                if ack.reason == PubAckReason::NotAuthorized =>
            {
                tracing::warn!("the broker does not let this device speak; joining again");
                used = drop_line(&mut events, &shared, &mut pause).await;
            }
            Ok(Event::Incoming(Packet::PubAck(_))) => pause = FIRST_PAUSE,
            Ok(Event::Incoming(Packet::SubAck(ack))) if granted(&ack) => {
                shared.went_up();
                // Changed while this connection was being made.
                if !Arc::ptr_eq(&used, &shared.tls()) {
                    shared.leave_for_now();
                }
            }
            Ok(Event::Incoming(Packet::SubAck(ack))) => {
                tracing::error!(codes = ?ack.return_codes, "the broker refuses this device's topics");
                used = drop_line(&mut events, &shared, &mut pause).await;
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                deliver(publish, &shared, &mut delivery, &bus)
            }
            Ok(_) => {}
            Err(error) => {
                if shared.line().closing {
                    return;
                }
                if was_taken_over(&error) {
                    tracing::error!("another client took this device's place on the site bus");
                    shared.taken_over.send_modify(|times| *times += 1);
                }
                tracing::warn!(%error, "the site bus is away; trying again");
                used = drop_line(&mut events, &shared, &mut pause).await;
            }
        }
    }
}

/// Answers what the next connection is made with.
async fn drop_line(
    events: &mut EventLoop,
    shared: &Shared,
    pause: &mut Duration,
) -> Arc<ClientConfig> {
    shared.went_down();
    events.clean();
    events.pending.clear();
    // What the old connection still had to say would be taken for the next one's word.
    events.state.events.clear();
    sleep(*pause).await;
    *pause = (*pause * 2).min(LONGEST_PAUSE);
    let tls = shared.tls();
    events.options.set_transport(transport(&tls));
    tls
}

/// That the device is on its way: heard by nobody, see [`deliver`].
fn joining(device: &DeviceId) -> Publish {
    let topic = Topic::lifecycle(device).to_string();
    let mut publish = Publish::new(topic, QoS::AtLeastOnce, JOINING, None);
    publish.retain = true;
    publish
}

fn granted(ack: &SubAck) -> bool {
    ack.return_codes.iter().all(|code| matches!(code, SubscribeReasonCode::Success(_)))
}

fn deliver(
    publish: Publish,
    shared: &Shared,
    delivery: &mut Delivery,
    bus: &std::sync::Weak<Inner>,
) {
    let delivered = Instant::now();
    let Ok(topic) = String::from_utf8_lossy(&publish.topic).parse::<Topic>() else {
        tracing::warn!(topic = ?publish.topic, "a message on an unknown topic");
        return;
    };
    let properties = publish.properties.unwrap_or_default();
    let expires = properties
        .message_expiry_interval
        .is_some_and(|left| u64::from(left) <= LONGEST_EXPIRY.as_secs());
    let full = match topic {
        Topic::State { device, path } if device == shared.device => {
            if publish.retain {
                if !publish.payload.is_empty() {
                    shared.own_retained(&path);
                }
                return;
            }
            if path.rsplit_once('/').is_none_or(|(_, last)| last != SET) {
                return;
            }
            let value = String::from_utf8_lossy(&publish.payload).into_owned();
            delivery.states.try_send(StateChange { device, path, value, retained: false }).is_err()
        }
        Topic::Discovery(_) => false,
        Topic::State { device, path } => {
            let value = String::from_utf8_lossy(&publish.payload).into_owned();
            let retained = publish.retain;
            delivery.states.try_send(StateChange { device, path, value, retained }).is_err()
        }
        Topic::Response(_) => {
            let correlation =
                properties.correlation_data.as_deref().and_then(|c| c.try_into().ok());
            let asker = correlation.and_then(|c: Correlation| shared.line().waiting.remove(&c));
            if asker.is_none_or(|asker| asker.send(publish.payload.to_vec()).is_err()) {
                tracing::debug!("an answer that nobody waits for");
            }
            false
        }
        Topic::Command(_) => {
            if publish.retain || !expires {
                tracing::warn!("dropped a command that was retained or never expires");
                return;
            }
            delivery.commands.try_send(publish.payload.to_vec()).is_err()
        }
        Topic::Request(device) => {
            let own_topic = Topic::Response(device.clone()).to_string();
            // An answer elsewhere than to the asker would lend him the edge's rights.
            let (Some(bus), Some(correlation), true) = (
                bus.upgrade(),
                properties.correlation_data.filter(|it| it.len() <= LONGEST_CORRELATION),
                properties.response_topic.as_ref() == Some(&own_topic),
            ) else {
                tracing::warn!(%device, "dropped a request that cannot be answered to its sender");
                return;
            };
            if publish.retain || !expires {
                tracing::warn!(%device, "dropped a request that was retained or never expires");
                return;
            }
            let received = delivered.saturating_duration_since(shared.started);
            let behind = delivery.delays.behind(&device, &correlation, received);
            if behind > ANSWER_WITHIN {
                tracing::warn!(%device, ?behind, "dropped a request that was under way for too long");
                return;
            }
            let request = IncomingRequest {
                device,
                payload: publish.payload.to_vec(),
                correlation: correlation.to_vec(),
                behind,
                delivered,
                bus: SiteBus { inner: bus },
            };
            delivery.requests.try_send(request).is_err()
        }
    };
    if full {
        tracing::warn!("dropped a message from the site bus: its reader is gone or too slow");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_whole_seconds_between_one_and_five() {
        let seconds = |ms| expiring(Duration::from_millis(ms)).message_expiry_interval;
        assert_eq!(seconds(0), Some(1));
        assert_eq!(seconds(2_999), Some(2));
        assert_eq!(seconds(60_000), Some(5));
    }
}
