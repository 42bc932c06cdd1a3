//! From settings to a running hub, and to its end.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn;
use chrono::TimeDelta;
use model::clock::Clock;
use ring::rand::SecureRandom;
use store::{Store, StoreError};
use store_postgres::PostgresStore;
use store_sqlite::SqliteStore;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;
use webauthn_rs::prelude::{Url, WebauthnError};
use webauthn_rs::{Webauthn, WebauthnBuilder};

use crate::authority::{Authority, AuthorityError};
use crate::care::{rule_sets, schemes};
use crate::config::Config;
use crate::drain::drain;
use crate::hub::Hub;
use crate::keys::{KeyFile, Keys};
use crate::live::Live;
use crate::notices::outbox;
use crate::notices::post::{BadSmtpUrl, PostOffice};
use crate::service::breach_list::BreachList;
use crate::service::cards::card_key;
use crate::service::{audit, vault};
use crate::tls_listener::{PeerIdentity, TlsListener};
use crate::vacancies::{self, Vacancies};
use crate::web::{WebSettings, timely};
use crate::{health, jobs, live, router, uplink};

/// How long requests that are under way may take once the hub is told to stop.
const GRACE: Duration = Duration::from_secs(5);

/// Why the hub does not run. Each reads as one sentence.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be used.
    #[error("cannot use the data folder {path}: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The keys are not those that the database's personal data is sealed by.
    #[error(
        "the field keys in the data folder do not open what the database holds: put back those it \
         was sealed with"
    )]
    OtherKeys,
    /// The database's address names none that the hub knows.
    #[error("DATABASE_URL must begin with sqlite: or postgres://")]
    Database,
    /// The database does not answer, or is another's.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database's tables cannot be brought up to date.
    #[error("cannot bring the database up to date: {0}")]
    Migrate(String),
    /// The authority's files are damaged, or a name for the sites' port is none.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// No browser binds passkeys to such an address.
    #[error("passkeys cannot be bound to {url} (KYOTEN_PUBLIC_URL): {source}")]
    PublicUrl {
        /// The address.
        url: Url,
        /// Why not.
        source: WebauthnError,
    },
    /// The list of stolen passwords cannot be used.
    #[error("cannot use the list of stolen passwords {path} (KYOTEN_BREACH_LIST): {source}")]
    BreachList {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
    /// Mails cannot be sent that way.
    #[error(transparent)]
    Post(#[from] BadSmtpUrl),
    /// Something else listens there.
    #[error("port {port} at {host} is in use: stop what runs there, or set {key} to another")]
    PortInUse {
        /// The port.
        port: u16,
        /// The address.
        host: String,
        /// The setting to change.
        key: &'static str,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address} ({key}): {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The setting to change.
        key: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// The jobs' clockwork does not start.
    #[error("cannot start the jobs: {0}")]
    Jobs(#[from] tokio_cron_scheduler::JobSchedulerError),
    /// A port stopped answering.
    #[error("the hub stopped: {0}")]
    Serving(io::Error),
}

/// Opens the database at `url` and brings its tables up to date.
///
/// # Errors
/// When it cannot be reached or is no database of a hub.
pub async fn open_store(url: &str) -> Result<Arc<dyn Store>, StartError> {
    if url.starts_with("sqlite:") {
        let store = SqliteStore::open(url).await?;
        store.migrate().await.map_err(|error| StartError::Migrate(error.to_string()))?;
        Ok(Arc::new(store))
    } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        let store = PostgresStore::open(url).await?;
        store.migrate().await.map_err(|error| StartError::Migrate(error.to_string()))?;
        Ok(Arc::new(store))
    } else {
        Err(StartError::Database)
    }
}

/// A hub on the database, keys and authority of `config`; what is missing is made.
///
/// # Errors
/// When the folder, a file in it or the database cannot be used.
pub async fn open(
    config: &Config,
    clock: Arc<dyn Clock>,
    random: Arc<dyn SecureRandom + Send + Sync>,
) -> Result<Hub, StartError> {
    let folder = |source| StartError::Folder { path: config.data_dir.clone(), source };
    std::fs::create_dir_all(&config.data_dir).map_err(folder)?;
    let store = open_store(&config.database_url).await?;
    let missing = if store.holds_sealed().await? { KeyFile::MustBeThere } else { KeyFile::Make };
    let keys =
        Keys::open_or_create(&config.data_dir.join("keys"), missing, &*random).map_err(folder)?;
    let authority = Authority::open_or_create(
        &config.data_dir.join("authority"),
        clock.clone(),
        random.clone(),
    )?;
    let passkeys = passkeys_for(&config.public_url)?;
    let breach_list = config.breach_list.as_deref().map(open_breach_list).transpose()?;
    let post = PostOffice::new(
        config.smtp.as_ref(),
        &config.data_dir.join("mail"),
        config.mail_from.clone(),
        config.public_url.domain().unwrap_or("localhost"),
    )?;
    let life = TimeDelta::days(config.card_key_days.into());
    card_key::note(&*store, &keys.region_cards, clock.now(), life).await?;
    rule_sets::keep_shipped(&*store, clock.now()).await?;
    schemes::keep_shipped(&*store, clock.now()).await?;
    let vacancies = Arc::new(Vacancies::of(&*store));
    let hub = Hub {
        store,
        clock,
        random,
        keys: Arc::new(keys),
        witness: Arc::new(audit::witness::Witness::in_folder(&config.data_dir)),
        authority: Arc::new(authority),
        public_url: config.public_url.clone(),
        passkeys: Arc::new(passkeys),
        breach_list,
        post: Arc::new(post),
        live: Arc::new(Live::new()),
        shelf: Arc::default(),
        vacancies,
    };
    if !vault::fits(&hub).await? {
        return Err(StartError::OtherKeys);
    }
    Ok(hub)
}

fn passkeys_for(url: &Url) -> Result<Webauthn, StartError> {
    WebauthnBuilder::new(url.domain().unwrap_or_default(), url)
        .and_then(|builder| builder.rp_name("Kyoten").build())
        .map_err(|source| StartError::PublicUrl { url: url.clone(), source })
}

fn open_breach_list(path: &Path) -> Result<Arc<BreachList>, StartError> {
    BreachList::open(path)
        .map(Arc::new)
        .map_err(|source| StartError::BreachList { path: path.to_owned(), source })
}

/// The two ports of a hub, listened on.
#[derive(Debug)]
pub struct Ports {
    /// Pages and API.
    pub people: TcpListener,
    /// The uplink.
    pub sites: TlsListener,
    /// Where people find it.
    pub people_address: SocketAddr,
    /// Where sites find it.
    pub sites_address: SocketAddr,
}

impl Ports {
    /// Listens on the addresses of `config`; port 0 takes a free one.
    ///
    /// # Errors
    /// When one is taken or cannot be listened on.
    pub async fn bind(config: &Config, hub: &Hub) -> Result<Self, StartError> {
        let (key, address) = ("KYOTEN_LISTEN", config.listen);
        let people = TcpListener::bind(address).await.map_err(listen(key, address))?;
        let people_address = people.local_addr().map_err(listen(key, address))?;
        let (key, address) = ("KYOTEN_UPLINK_LISTEN", config.uplink_listen);
        let tls = hub.authority.server_config(&config.uplink_names)?;
        let sites = TlsListener::bind(address, tls).await.map_err(listen(key, address))?;
        let sites_address = sites.address();
        Ok(Self { people, sites, people_address, sites_address })
    }
}

/// Runs the hub until `stop` comes true: both ports, the mirrors and the jobs. Streams end then,
/// and what else is under way has a few seconds.
///
/// # Errors
/// When a port or the jobs fail.
pub async fn serve(
    hub: Hub,
    ports: Ports,
    settings: WebSettings,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), StartError> {
    let people = Router::new()
        .merge(router::router(hub.clone(), settings))
        .merge(health::routes().split().1.with_state(hub.clone()))
        .layer(from_fn(drain))
        .into_make_service_with_connect_info::<SocketAddr>();
    let sites = uplink::router(hub.clone())
        .layer(from_fn(timely::whole))
        .layer(from_fn(drain))
        .into_make_service_with_connect_info::<PeerIdentity>();

    let mut parts = JoinSet::new();
    let stopped = stopping(&hub);
    let people = axum::serve(ports.people, people).with_graceful_shutdown(stopped);
    parts.spawn(async move { people.await.map_err(StartError::Serving) });
    let stopped = stopping(&hub);
    let sites = axum::serve(ports.sites, sites).with_graceful_shutdown(stopped);
    parts.spawn(async move { sites.await.map_err(StartError::Serving) });
    let following = hub.clone();
    parts.spawn(async move {
        live::follow(following).await;
        Ok(())
    });
    let keeping = hub.clone();
    parts.spawn(async move {
        vacancies::follow(keeping).await;
        Ok(())
    });
    let chaining = hub.clone();
    parts.spawn(async move {
        audit::chain::follow(chaining).await;
        Ok(())
    });
    let sending = hub.clone();
    parts.spawn(async move {
        outbox::follow(sending).await;
        Ok(())
    });
    let looking = hub.clone();
    parts.spawn(async move {
        card_key::follow(looking).await;
        Ok(())
    });
    let working = hub.clone();
    parts.spawn(async move { Ok(jobs::run(working).await?) });

    let ended = tokio::select! {
        () = stop => Ok(()),
        Some(part) = parts.join_next() => outcome(part),
    };
    hub.live.stop();
    let rest = async {
        let mut ended = ended;
        while let Some(part) = parts.join_next().await {
            ended = ended.and(outcome(part));
        }
        ended
    };
    timeout(GRACE, rest).await.unwrap_or_else(|_| {
        tracing::warn!("requests were still under way when the hub stopped");
        Ok(())
    })
}

fn listen(key: &'static str, address: SocketAddr) -> impl Fn(io::Error) -> StartError {
    move |source| match source.kind() {
        io::ErrorKind::AddrInUse => {
            StartError::PortInUse { port: address.port(), host: address.ip().to_string(), key }
        }
        _ => StartError::Listen { address, key, source },
    }
}

fn stopping(hub: &Hub) -> impl Future<Output = ()> + Send + use<> {
    let mut stopping = hub.live.stopping();
    async move {
        // An error means that the hub is gone altogether.
        stopping.wait_for(|stopping| *stopping).await.ok();
    }
}

fn outcome(part: Result<Result<(), StartError>, tokio::task::JoinError>) -> Result<(), StartError> {
    part.unwrap_or_else(|error| Err(StartError::Serving(io::Error::other(error))))
}
