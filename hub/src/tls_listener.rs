//! The hub's port for sites: TLS where a client may show a device's certificate.
//!
//! A handshake runs in a task of its own with a deadline, so that an idle peer keeps nobody
//! waiting; what axum accepts are connections that are through with it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use model::id::DeviceId;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use wire::identity::PeerCertificate;

const HANDSHAKE: Duration = Duration::from_secs(10);
const MOST_HANDSHAKES: usize = 256;
const READY: usize = 64;

/// Who is at the other end, as the TLS handshake proved it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerIdentity {
    /// The device that the certificate names; none when no certificate was shown.
    pub device: Option<DeviceId>,
    /// The SHA-256 of the certificate; zeros when none was shown.
    pub fingerprint: [u8; 32],
    /// Where it comes from.
    pub address: SocketAddr,
}

/// A listener for [`axum::serve`], whose handlers can ask for `ConnectInfo<PeerIdentity>`.
#[derive(Debug)]
pub struct TlsListener {
    address: SocketAddr,
    ready: mpsc::Receiver<(TlsStream<TcpStream>, PeerIdentity)>,
    /// Ends with the listener, and the handshakes under way with it.
    _accepting: JoinSet<()>,
}

impl TlsListener {
    /// Listens on `address`; port 0 takes a free one. `tls` is
    /// [`crate::authority::Authority::server_config`]'s.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn bind(address: SocketAddr, tls: ServerConfig) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (done, ready) = mpsc::channel(READY);
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, TlsAcceptor::from(Arc::new(tls)), done));
        Ok(Self { address, ready, _accepting: accepting })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = PeerIdentity;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            // The accepting task ends only with the listener.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(PeerIdentity { device: None, fingerprint: [0; 32], address: self.address })
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for PeerIdentity {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        stream.remote_addr().clone()
    }
}

async fn accept(
    listener: TcpListener,
    tls: TlsAcceptor,
    done: mpsc::Sender<(TlsStream<TcpStream>, PeerIdentity)>,
) {
    let slots = Arc::new(Semaphore::new(MOST_HANDSHAKES));
    let mut handshakes = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = handshakes.join_next() => continue,
        };
        match (accepted, slots.clone().try_acquire_owned()) {
            (Ok((stream, address)), Ok(slot)) => {
                handshakes.spawn(shake_hands(stream, address, tls.clone(), slot, done.clone()));
            }
            (Ok((_, address)), Err(_)) => {
                tracing::warn!(%address, "too many TLS handshakes at once")
            }
            (Err(error), _) => {
                tracing::warn!(%error, "cannot accept a connection of a site");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn shake_hands(
    stream: TcpStream,
    address: SocketAddr,
    tls: TlsAcceptor,
    slot: OwnedSemaphorePermit,
    done: mpsc::Sender<(TlsStream<TcpStream>, PeerIdentity)>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%address, %error, "no TCP_NODELAY");
    }
    let stream = match timeout(HANDSHAKE, tls.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%address, %error, "TLS handshake refused"),
        Err(_) => return tracing::debug!(%address, "TLS handshake too slow"),
    };
    let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let peer = match certificate.map(PeerCertificate::read) {
        None => PeerIdentity { device: None, fingerprint: [0; 32], address },
        Some(Ok(peer)) => {
            PeerIdentity { device: Some(peer.device), fingerprint: peer.fingerprint, address }
        }
        // The hub's own certificate, say: from the authority, but no device's.
        Some(Err(error)) => return tracing::warn!(%address, %error, "refused a certificate"),
    };
    // Fails only when the listener is gone.
    done.send((stream, peer)).await.ok();
    drop(slot);
}
