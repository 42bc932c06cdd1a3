//! The site bus's own broker, made of the `mqtt5` crate's parts.
//!
//! Not of its listener: that one runs the TLS handshake inside its accept loop, where one idle
//! peer blocks everybody, and its authorisation never sees a certificate. Here every handshake
//! is a task with a deadline, and each connection has rules made from its certificate. Nothing
//! is kept on disk: what must not be lost lies in outboxes, and devices say their state again.

mod device_auth;
pub mod mosquitto;
mod registry;
pub(crate) mod takeovers;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use model::id::DeviceId;
use mqtt5::broker::BrokerConfig;
use mqtt5::broker::client_handler::ClientHandler;
use mqtt5::broker::resource_monitor::{ResourceLimits, ResourceMonitor};
use mqtt5::broker::router::MessageRouter;
use mqtt5::broker::storage::{DynamicStorage, MemoryBackend, QueueLimits, StorageBackend as _};
use mqtt5::broker::sys_topics::BrokerStats;
use mqtt5::broker::tls_acceptor::TlsStreamWrapper;
use mqtt5::broker::transport::BrokerTransport;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use wire::bus::{MAX_PACKET_BYTES, MAX_RETAINED_BYTES, SESSION_SECONDS};
use wire::identity::PeerCertificate;

use device_auth::DeviceAuth;
pub use registry::{DeviceEntry, DeviceList, DeviceRegistry};
use takeovers::Takeovers;

const HANDSHAKE: Duration = Duration::from_secs(10);
const MOST_HANDSHAKES: usize = 128;
const MOST_CONNECTIONS: usize = 512;
const CLEANUP: Duration = Duration::from_secs(30);
const FAREWELL: Duration = Duration::from_secs(5);

/// Starts the embedded broker.
#[derive(Debug)]
pub struct Broker;

/// Why the broker does not start.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The address is taken or not ours.
    #[error("the site bus cannot listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// The system's answer.
        source: io::Error,
    },
    /// The broker's library refused.
    #[error("the site bus cannot start: {0}")]
    Library(#[from] mqtt5::MqttError),
}

/// A running broker. Dropping the handle stops it without a farewell.
#[derive(Debug)]
pub struct BrokerHandle {
    address: SocketAddr,
    live: Arc<LiveConnections>,
    registry: DeviceRegistry,
    tls: Arc<RwLock<Arc<ServerConfig>>>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Broker {
    /// Listens on `address` (port 0 takes a free one) with the settings of
    /// [`wire::identity::DeviceIdentity::server_config`], which must ask for client
    /// certificates, and lets in the devices of `registry`.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(
        address: SocketAddr,
        tls: ServerConfig,
        registry: DeviceRegistry,
    ) -> Result<BrokerHandle, BrokerError> {
        let (twins, _) = mpsc::unbounded_channel();
        Self::start_watched(address, tls, registry, twins).await
    }

    /// The same; `twins` is told of identities that two clients have.
    ///
    /// # Errors
    /// As [`Broker::start`].
    pub async fn start_watched(
        address: SocketAddr,
        tls: ServerConfig,
        registry: DeviceRegistry,
        twins: mpsc::UnboundedSender<DeviceId>,
    ) -> Result<BrokerHandle, BrokerError> {
        let listen = |source| BrokerError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let live = Arc::new(LiveConnections::default());
        let site = Arc::new(Site::new(registry.clone(), live.clone(), twins).await?);
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let tls = Arc::new(RwLock::new(Arc::new(tls)));
        tasks.spawn(accept(listener, tls.clone(), site.clone(), stopped));
        tasks.spawn(clean_up(site));
        tasks.spawn(drop_the_dismissed(registry.clone(), live.clone()));
        Ok(BrokerHandle { address, live, registry, tls, stop, tasks })
    }
}

impl BrokerHandle {
    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Shows another certificate from the next connection on.
    pub fn use_tls(&self, tls: ServerConfig) {
        *self.tls.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(tls);
    }

    /// Locks a device out: its live connection drops at once, new ones are refused until the
    /// registry is replaced.
    pub fn revoke(&self, device: &DeviceId) {
        self.registry.revoke(device);
        self.live.drop_where(|peer| peer.device == *device);
    }

    /// Says goodbye to everybody and stops.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        self.live.drop_where(|_| true);
        let gone = timeout(FAREWELL, async {
            while !self.live.is_empty() {
                sleep(Duration::from_millis(5)).await;
            }
        });
        if gone.await.is_err() {
            tracing::warn!("some devices did not leave the site bus in time");
        }
        self.tasks.shutdown().await;
    }
}

/// What all connections share.
struct Site {
    config: Arc<BrokerConfig>,
    router: Arc<MessageRouter>,
    storage: Arc<DynamicStorage>,
    stats: Arc<BrokerStats>,
    monitor: Arc<ResourceMonitor>,
    registry: DeviceRegistry,
    live: Arc<LiveConnections>,
    takeovers: Takeovers,
}

impl Site {
    async fn new(
        registry: DeviceRegistry,
        live: Arc<LiveConnections>,
        twins: mpsc::UnboundedSender<DeviceId>,
    ) -> Result<Self, BrokerError> {
        let queue = QueueLimits { max_messages: 1_000, max_bytes: 8 * 1024 * 1024 };
        let storage = Arc::new(DynamicStorage::Memory(MemoryBackend::with_queue_limits(queue)));
        let router = Arc::new(
            MessageRouter::with_storage(storage.clone())
                .with_retained_limits(4_096, MAX_RETAINED_BYTES),
        );
        router.recover_sessions(SESSION_SECONDS).await?;
        router.initialize().await?;
        Ok(Self {
            config: Arc::new(config()),
            router,
            storage,
            stats: Arc::new(BrokerStats::new()),
            monitor: Arc::new(ResourceMonitor::new(ResourceLimits {
                max_connections: MOST_CONNECTIONS,
                max_connections_per_ip: MOST_CONNECTIONS,
                // Counted by the second. By the minute, as is usual, the edge's own answers of a busy minute would be
                // dropped without a word, and the devices that come back at once after a power cut be turned away.
                rate_limit_window: Duration::from_secs(1),
                // What is above it is dropped without a word: more than anybody asks one after the other.
                max_message_rate_per_client: 20_000,
                ..ResourceLimits::default()
            })),
            registry,
            live,
            takeovers: Takeovers::new(twins),
        })
    }
}

fn config() -> BrokerConfig {
    let mut config = BrokerConfig::new()
        .with_max_clients(MOST_CONNECTIONS)
        .with_max_packet_size(usize::try_from(MAX_PACKET_BYTES).unwrap_or(usize::MAX))
        .with_session_expiry(Duration::from_secs(SESSION_SECONDS.into()))
        // Home Assistant subscribes to each state by itself.
        .with_max_subscriptions_per_client(1_024)
        .with_maximum_qos(1)
        .with_sys_topics_enabled(false);
    config.shared_subscription_available = false;
    config.topic_alias_maximum = 16;
    config
}

async fn accept(
    listener: TcpListener,
    tls: Arc<RwLock<Arc<ServerConfig>>>,
    site: Arc<Site>,
    mut stopped: watch::Receiver<bool>,
) {
    let handshakes = Arc::new(Semaphore::new(MOST_HANDSHAKES));
    let connections = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut tasks = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => break,
            Some(_) = tasks.join_next() => continue,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "the site bus cannot accept a connection");
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (Ok(handshake), Ok(connection)) =
            (handshakes.clone().try_acquire_owned(), connections.clone().try_acquire_owned())
        else {
            tracing::warn!(%address, "the site bus is full");
            continue;
        };
        let tls = TlsAcceptor::from(tls.read().unwrap_or_else(PoisonError::into_inner).clone());
        let site = site.clone();
        tasks.spawn(async move {
            serve(stream, address, tls, site, handshake).await;
            drop(connection);
        });
    }
    drop(listener);
    while tasks.join_next().await.is_some() {}
}

async fn serve(
    stream: TcpStream,
    address: SocketAddr,
    tls: TlsAcceptor,
    site: Arc<Site>,
    handshake: OwnedSemaphorePermit,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%address, %error, "no TCP_NODELAY");
    }
    let stream = match timeout(HANDSHAKE, tls.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::warn!(%address, %error, "refused on the site bus"),
        Err(_) => return tracing::warn!(%address, "no TLS handshake on the site bus in time"),
    };
    drop(handshake);
    let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let peer = match certificate.map(PeerCertificate::read) {
        Some(Ok(peer)) => peer,
        Some(Err(error)) => return tracing::warn!(%address, %error, "refused on the site bus"),
        None => return tracing::warn!(%address, "refused on the site bus: no certificate"),
    };
    // On the list before the registry is asked, so that a revocation in between finds it there.
    let (drop_now, dropped) = broadcast::channel(1);
    let _listed = site.live.list(LiveConnection { peer: peer.clone(), drop_now });
    let Some(kind) = site.registry.admits(&peer) else {
        return tracing::warn!(%address, device = %peer.device, "refused on the site bus: not a device of this site");
    };
    let device = peer.device.clone();
    if site.live.many(&device) > 1 {
        site.takeovers.happened(&device, Instant::now());
    }
    let handler = ClientHandler::new(
        BrokerTransport::tls(TlsStreamWrapper::new(stream)),
        address,
        site.config.clone(),
        site.router.clone(),
        Arc::new(DeviceAuth::new(peer, kind, site.registry.clone())),
        Some(site.storage.clone()),
        site.stats.clone(),
        site.monitor.clone(),
        dropped,
    );
    match handler.run().await {
        Err(error) if !error.is_normal_disconnect() => {
            tracing::debug!(%device, %error, "left the site bus");
        }
        _ => tracing::debug!(%device, "left the site bus"),
    }
}

async fn clean_up(site: Arc<Site>) {
    let mut tick = interval(CLEANUP);
    loop {
        tick.tick().await;
        if let Err(error) = site.storage.cleanup_expired().await {
            tracing::warn!(%error, "the site bus cannot clear expired messages");
        }
        site.router.sweep_sessions().await;
        site.monitor.cleanup_expired_windows().await;
    }
}

/// Rights are checked when something is published or subscribed, not at delivery, so whoever
/// has lost them loses the connection too.
async fn drop_the_dismissed(registry: DeviceRegistry, live: Arc<LiveConnections>) {
    let mut changes = registry.changes();
    while changes.changed().await.is_ok() {
        live.drop_where(|peer| registry.admits(peer).is_none());
    }
}

struct LiveConnection {
    peer: PeerCertificate,
    drop_now: broadcast::Sender<()>,
}

#[derive(Default)]
struct LiveConnections(Mutex<(u64, HashMap<u64, LiveConnection>)>);

impl std::fmt::Debug for LiveConnections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveConnections").field("count", &self.table().1.len()).finish()
    }
}

impl LiveConnections {
    fn table(&self) -> MutexGuard<'_, (u64, HashMap<u64, LiveConnection>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn list(self: &Arc<Self>, connection: LiveConnection) -> Listed {
        let mut table = self.table();
        table.0 += 1;
        let number = table.0;
        table.1.insert(number, connection);
        Listed { live: self.clone(), number }
    }

    fn drop_where(&self, chosen: impl Fn(&PeerCertificate) -> bool) {
        for connection in self.table().1.values().filter(|connection| chosen(&connection.peer)) {
            // Fails only when the connection is already on its way out.
            connection.drop_now.send(()).ok();
        }
    }

    fn many(&self, device: &DeviceId) -> usize {
        self.table().1.values().filter(|connection| connection.peer.device == *device).count()
    }

    fn is_empty(&self) -> bool {
        self.table().1.is_empty()
    }
}

struct Listed {
    live: Arc<LiveConnections>,
    number: u64,
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.live.table().1.remove(&self.number);
    }
}
