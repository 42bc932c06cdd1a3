//! A whole running site.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use edge_store::{EdgeStore, StoreError};
use model::clock::Clock;
use model::id::{BootId, DeviceId};
use model::site_event::{Happening, SiteEvent};
use model::site_order::{OrderAnswer, Ordered};
use ring::rand::SecureRandom;
use tokio::sync::{Mutex, Notify, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use twin::{Effect, Fact, Snapshot, Twin, View};
use wire::bus::{BusError, BusInbox, BusOptions, SiteBus};
use wire::identity::{DeviceIdentity, IdentityError};
use wire::topics::DeviceKind;

use crate::announce::Announcer;
use crate::broker::mosquitto::Mosquitto;
use crate::broker::takeovers::Takeovers;
use crate::broker::{Broker, BrokerError, BrokerHandle, DeviceRegistry};
use crate::cards::Cards;
use crate::centre::{Centre, ClockFloor, Stopped};
use crate::config::{BrokerChoice, Config};
use crate::door_readers;
use crate::doors::{Doors, Drivers};
use crate::hub::{BadAddress, Hub};
use crate::journal::{Journal, JournalReader};
use crate::nursery::Nurseries;
use crate::orders::{self, Orders};
use crate::pins;
use crate::pushed::{self, Pushed};
use crate::random;
use crate::requests::{self, Desk};
use crate::seats::{self, Seats};
use crate::section_key::SectionKeys;
use crate::sheets::{self, GoodSheet, InForce, Sheets};
use crate::things::{self, Things};
use crate::uplink::{self, Look, Teller};
use crate::vouchers::Vouchers;

/// How often the centre looks at the time.
const TICK: Duration = Duration::from_millis(200);
/// How often the time is kept.
const KEEP_TIME: Duration = Duration::from_secs(30);
const FILE: &str = "site.db";

/// What a site is made of.
pub struct Parts {
    /// The settings.
    pub config: Config,
    /// Who the edge is.
    pub identity: DeviceIdentity,
    /// The public keys that the hub signs sheets with, base64.
    pub sheet_keys: Vec<String>,
    /// The hub.
    pub hub: Arc<dyn Hub>,
    /// The machine's clock.
    pub clock: Arc<dyn Clock>,
    /// The random source.
    pub rng: Arc<dyn SecureRandom + Send + Sync>,
    /// The doors' drivers.
    pub drivers: Arc<dyn Drivers>,
}

/// A running site. Dropping it stops everything at once, as a power cut would.
pub struct Site {
    centre: Centre,
    store: EdgeStore,
    sheets: Arc<Sheets>,
    doors: Arc<Doors>,
    desk: Arc<Desk>,
    bus: SiteBus,
    broker: Option<BrokerHandle>,
    mosquitto: Option<Mosquitto>,
    bus_address: Option<SocketAddr>,
    tasks: JoinSet<()>,
    /// The one that writes down what happened. It ends with the site as in a power cut, but where [`Site::stop`] waits.
    writer: JoinSet<()>,
    alarm: Arc<Notify>,
}

/// Why a site does not start.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// The site's file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The identity.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The broker.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The bus.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The hub's address.
    #[error(transparent)]
    Hub(#[from] BadAddress),
    /// The card key is not 32 bytes.
    #[error("the region's card key is damaged; enrol this edge again")]
    CardKey,
    /// The system refused a thread or a file.
    #[error("{0}")]
    System(#[from] std::io::Error),
    /// The random source failed.
    #[error("this machine has no random numbers")]
    Random,
    /// It stopped while it started.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl Site {
    /// Starts a site from what it kept: visits, outbox, the last good sheet. Every door is locked
    /// first, without a sheet those that the settings name. Neither the hub nor a broker elsewhere
    /// has to be there.
    ///
    /// # Errors
    /// When the file, the identity or the bus's address cannot be used.
    pub async fn start(parts: Parts) -> Result<Self, SiteError> {
        let Parts { config, identity, sheet_keys, hub, clock, rng, drivers } = parts;
        std::fs::create_dir_all(&config.data_dir)?;
        let pushed = Pushed::open(config);
        let config = pushed.config();
        drivers.set_up(&config);
        let store = EdgeStore::open_within(&config.data_dir.join(FILE), config.room()).await?;
        let edge = identity.device().clone();
        let card_key = match identity.region_card_key().map(<[u8; 32]>::try_from) {
            Some(Ok(key)) => Some(key),
            Some(Err(_)) => return Err(SiteError::CardKey),
            None => None,
        };
        let vouchers = Arc::new(Vouchers::new(sheet_keys.clone()));
        let cards = Arc::new(Cards::open(&config.data_dir, card_key));
        let nurseries = Arc::new(Nurseries::new(rng.clone()));
        let section_keys = Arc::new(SectionKeys::open(&config.data_dir));
        let known = section_keys.known();
        let good =
            sheets::last_good(&store, &sheet_keys, identity.centre(), known.as_ref()).await?;
        let list = good.as_ref().map_or_else(
            || sheets::only_the_edge(&edge),
            |good| sheets::listed(&good.sheet, &edge),
        );
        let registry = DeviceRegistry::new(edge.clone(), list);

        let (twins_in, twins) = mpsc::unbounded_channel();
        let Joined { broker, mosquitto, host, port } =
            join_or_host(&config, &identity, &registry, twins_in.clone()).await?;
        let bus_address = broker.as_ref().map(BrokerHandle::local_addr);
        let options = BusOptions {
            host,
            port,
            device: edge.clone(),
            kind: DeviceKind::Edge,
            edge: edge.clone(),
            tls: Arc::new(identity.bus_client_config()?),
            request_timeout: Duration::from_secs(5),
        };
        let (bus, BusInbox { requests, states, commands: _ }) = SiteBus::start(options, &*rng)?;

        let boot = random::uuid(&*rng).map(BootId).map_err(|_| SiteError::Random)?;
        let twin = restore(&store, good.as_ref()).await?;
        let version_before = twin.sheet_version();
        let (journal, journal_reader, writing) =
            Journal::start(store.clone(), &store.progress().await?);
        let mut writer = JoinSet::new();
        writer.spawn(writing);
        let floor = ClockFloor {
            last: store.clock_floor().await?,
            sheet_made: good.as_ref().map(|good| good.sheet.made_at).unwrap_or_default(),
        };
        let centre = Centre::start(twin, journal, clock.clone(), floor)?;
        let panel = drivers.fire();
        let alarm = Arc::new(Notify::new());
        let readers = drivers.readers();
        let things = Things::new(bus.clone(), registry.clone());
        let drivers = things.drivers(drivers);
        let doors =
            Arc::new(Doors::new(centre.clone(), bus.clone(), drivers.clone(), alarm.clone()));
        let announcer =
            Announcer::new(bus.clone(), edge.clone(), config.home_assistant, &config.data_dir)?;
        let seats = Seats::new(bus.clone(), clock, rng.clone());
        let sheets = Arc::new(Sheets {
            store: store.clone(),
            centre: centre.clone(),
            doors: doors.clone(),
            registry: registry.clone(),
            cards: cards.clone(),
            vouchers: vouchers.clone(),
            nurseries: nurseries.clone(),
            section_keys,
            things: things.clone(),
            announcer,
            keys: sheet_keys,
            slug: identity.centre().clone(),
            in_force: Mutex::new(InForce::default()),
            centre_id: OnceLock::new(),
            mosquitto: mosquitto.clone(),
        });

        centre.decide(Fact::Started).await?;
        // Where all doors are to be open, nobody would open these again.
        let unspoken_for = if good.is_some() || centre.view().await?.house.is_released() {
            BTreeSet::new()
        } else {
            named_doors(&config)
        };
        if let Some(GoodSheet { sheet, salt: its_salt, next_key, unread }) = good {
            cards.use_sheet(its_salt, &sheet.credentials);
            vouchers.use_sheet(next_key);
            nurseries.use_sheet(&sheet);
            sheets.centre_id.set(sheet.site.centre).ok();
            *sheets.in_force.lock().await = InForce {
                version: sheet.version,
                centre: Some(sheet.site.centre),
                unread,
                ..InForce::default()
            };
            let used = sheet.site.doors.clone();
            things.use_sensors(&sheet.site.sensors);
            sheets.announcer.announce(&sheet);
            if sheet.version != version_before {
                centre.decide(Fact::Sheet(Box::new(sheet))).await?;
            }
            doors.use_only(&used).await;
        }

        let mut tasks = JoinSet::new();
        if !unspoken_for.is_empty() {
            let unspoken_for = unspoken_for.into_iter().collect();
            tasks.spawn(doors.clone().lock_without_a_sheet(unspoken_for));
        }
        let desk = Desk {
            centre: centre.clone(),
            doors: doors.clone(),
            seats: seats.clone(),
            registry: registry.clone(),
            cards: cards.clone(),
            vouchers,
            nurseries,
            hub: hub.clone(),
            rng,
        };
        let desk = Arc::new(desk);
        let (orders_in, orders_inbox) = mpsc::channel(orders::QUEUE);
        let orders = Orders {
            store: store.clone(),
            centre: centre.clone(),
            sheets: sheets.clone(),
            desk: desk.clone(),
            answered: Arc::default(),
        };
        let answered = orders.answered.clone();
        orders::keep_answers(&store, &centre).await?;
        tasks.spawn(orders.run(orders_inbox));
        tasks.spawn(orders::tell_answers(hub.clone(), store.clone(), answered));
        for reader in readers {
            tasks.spawn(door_readers::serve(desk.clone(), reader));
        }
        tasks.spawn(requests::serve(desk.clone(), requests));
        tasks.spawn(seats::hear(states, centre.clone(), registry.clone(), things.clone()));
        tasks.spawn(things::follow(things, centre.clone()));
        if let Some(mosquitto) = mosquitto.clone() {
            tasks.spawn(mosquitto.follow(registry, hub.clone()));
        }
        if let Some(panel) = panel {
            tasks.spawn(doors.clone().follow_fire(panel));
        }
        tasks.spawn(tick(centre.clone(), doors.clone(), seats));
        tasks.spawn(keep_time(centre.clone(), store.clone()));
        let look = Look::default();
        tasks.spawn(uplink::listen(hub.clone(), look.clone(), orders_in));
        tasks.spawn(uplink::follow_card_keys(hub.clone(), cards.clone(), look.card_keys.clone()));
        tasks.spawn(uplink::tell_moved_cards(hub.clone(), cards));
        tasks.spawn(uplink::follow_sheets(hub.clone(), sheets.clone(), look.sheet.clone()));
        if mosquitto.is_some() {
            // Another's broker says it only to whom it concerns.
            tasks.spawn(count_takeovers(edge, bus.taken_over(), Takeovers::new(twins_in)));
        }
        let settings = pushed::Parts {
            hub: hub.clone(),
            sheets: sheets.clone(),
            store: store.clone(),
            centre: centre.clone(),
            doors: sheets.doors.clone(),
            drivers,
            bus: bus.clone(),
            journal: journal_reader.clone(),
        };
        tasks.spawn(pushed.follow(settings, look.settings.clone()));
        tasks.spawn(note_twins(twins, centre.clone(), journal_reader.clone()));
        let teller = Teller {
            hub,
            store: store.clone(),
            centre: centre.clone(),
            journal: journal_reader,
            boot,
        };
        tasks.spawn(teller.run());
        Ok(Self {
            centre,
            store,
            sheets,
            doors,
            desk,
            bus,
            broker,
            mosquitto,
            bus_address,
            tasks,
            writer,
            alarm,
        })
    }

    /// Where the embedded broker listens.
    #[must_use]
    pub fn bus_address(&self) -> Option<SocketAddr> {
        self.bus_address
    }

    /// Whether the edge itself is on its bus.
    #[must_use]
    pub fn on_the_bus(&self) -> watch::Receiver<bool> {
        self.bus.connected()
    }

    /// Takes up another identity of the same device: the bus is joined again with it, and the
    /// embedded broker shows it from the next connection on.
    ///
    /// # Errors
    /// When the identity cannot be used, or Mosquitto cannot be told.
    pub async fn use_identity(&self, identity: &DeviceIdentity) -> Result<(), SiteError> {
        if let Some(broker) = &self.broker {
            broker.use_tls(identity.server_config()?);
        }
        if let Some(mosquitto) = &self.mosquitto {
            mosquitto.identity_changed().await?;
        }
        self.bus.use_tls(Arc::new(identity.bus_client_config()?));
        Ok(())
    }

    /// The centre for an operator's eyes.
    ///
    /// # Errors
    /// When the site has stopped.
    pub async fn view(&self) -> Result<View, Stopped> {
        self.centre.view().await
    }

    /// Has an order carried out at once; the same order is carried out once.
    ///
    /// # Errors
    /// When the site has stopped.
    pub async fn order(&self, order: Ordered) -> Result<OrderAnswer, Stopped> {
        self.desk.clone().order(order).await?.await
    }

    /// Takes in what a device says that is not on the bus, such as a door's own reader, and moves the doors. Answers
    /// what whoever stands there is told.
    ///
    /// # Errors
    /// When the site has stopped.
    pub async fn tell(&self, fact: Fact) -> Result<Option<twin::Answer>, Stopped> {
        let decided = self.centre.decide(fact).await?;
        self.doors.act(&decided.effects);
        Ok(decided.answer)
    }

    /// What the site shares with the hub.
    ///
    /// # Errors
    /// When the site has stopped.
    pub async fn snapshot(&self) -> Result<Arc<Snapshot>, Stopped> {
        Ok(self.centre.fence().await?.snapshot)
    }

    /// The version of the sheet in force, 0 before the first.
    pub async fn sheet_version(&self) -> u64 {
        self.sheets.version().await
    }

    /// Waits until a part that has to run as long as the site does has ended, which only a fault
    /// in the program brings about. The rest is of no use then.
    pub async fn broken(&mut self) {
        tokio::select! {
            _ = self.tasks.join_next() => {}
            _ = self.writer.join_next() => {}
            () = self.alarm.notified() => {}
        }
    }

    /// Stops in good order: every door is locked, unless all of them are to be open, and what has happened is on disk
    /// when this returns. A lock behind a wire of ours (GPIO, OSDP) falls back to locked all the same once its driver is
    /// gone, until the site starts again and opens it anew: in a fire it is the panel's own wire that holds it open.
    pub async fn stop(self) {
        let Self { centre, store, sheets, doors, desk, bus, broker, mut tasks, mut writer, .. } =
            self;
        let at_rest = doors.at_rest().await;
        let view = centre.view().await;
        if !view.is_ok_and(|view| view.house.is_released()) {
            doors.end(&at_rest).await;
        }
        let now = centre.now().await;
        tasks.shutdown().await;
        drop(at_rest);
        bus.close().await;
        if let Some(broker) = broker {
            broker.shutdown().await;
        }
        if let Ok(now) = now
            && let Err(error) = store.keep_clock_floor(now).await
        {
            tracing::warn!(%error, "the time could not be kept");
        }
        // With the last of them the centre's thread ends, then the journal, then the writer.
        drop((centre, sheets, doors, desk));
        if tokio::time::timeout(Duration::from_secs(5), writer.join_next()).await.is_err() {
            tracing::error!("some events could not be written in time");
        }
        store.close().await;
    }
}

/// Whose broker carries the bus, and where to connect to.
struct Joined {
    broker: Option<BrokerHandle>,
    mosquitto: Option<Mosquitto>,
    host: String,
    port: u16,
}

/// Starts the embedded broker, or writes what Mosquitto needs.
async fn join_or_host(
    config: &Config,
    identity: &DeviceIdentity,
    registry: &DeviceRegistry,
    twins: mpsc::UnboundedSender<DeviceId>,
) -> Result<Joined, SiteError> {
    match &config.broker {
        BrokerChoice::Embedded => {
            let tls = identity.server_config()?;
            let broker =
                Broker::start_watched(config.bus_listen, tls, registry.clone(), twins).await?;
            let port = broker.local_addr().port();
            let host = config.bus_host.clone();
            Ok(Joined { broker: Some(broker), mosquitto: None, host, port })
        }
        BrokerChoice::Mosquitto { host, port } => {
            let mosquitto = Mosquitto {
                folder: config.data_dir.clone(),
                address: config.bus_listen,
                identity: identity.files(),
                reload: config.broker_reload.clone(),
                restart: config.broker_restart.clone(),
                untold: Arc::default(),
            };
            mosquitto.prepare(registry)?;
            let (host, port) = (host.clone(), *port);
            Ok(Joined { broker: None, mosquitto: Some(mosquitto), host, port })
        }
    }
}

/// The doors that the settings know by name.
fn named_doors(config: &Config) -> BTreeSet<DeviceId> {
    // `*` is no name.
    let driven = config.doors.keys().filter_map(|door| door.parse::<DeviceId>().ok());
    driven.chain(config.gpio.iter().map(|wired| wired.door.clone())).collect()
}

/// The centre as it was: the kept state and the events since.
async fn restore(store: &EdgeStore, good: Option<&GoodSheet>) -> Result<Twin, SiteError> {
    let mut twin = Twin::new();
    let progress = store.progress().await?;
    let mut place = 0;
    if let Some((kept_at, state)) = progress.state {
        match Snapshot::read(&state) {
            Ok((snapshot, left_out)) => {
                if left_out > 0 {
                    tracing::warn!(left_out, "entries of the kept state cannot be read");
                }
                twin.restore(&snapshot);
                place = kept_at;
            }
            Err(error) => {
                tracing::error!(%error, "the kept state is torn; going on with the outbox alone")
            }
        }
    }
    loop {
        let events = store.events_from(place + 1, 500).await?;
        let Some((last, _)) = events.last() else { break };
        place = *last;
        for (_, event) in &events {
            twin.apply(event);
        }
    }
    if let Some(good) = good {
        twin.load_sheet(&good.sheet);
    }
    pins::restore(store, &mut twin).await?;
    Ok(twin)
}

async fn tick(centre: Centre, doors: Arc<Doors>, seats: Seats) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Ok(decided) = centre.decide(Fact::Tick).await else { return };
        doors.act(&decided.effects);
        let of_a_door = |effect: &Effect| {
            matches!(effect, Effect::Lock { .. } | Effect::Unlock { .. } | Effect::ShowDoor { .. })
        };
        if !decided.effects.iter().all(of_a_door) {
            // A terminal hears of an end only after the end is on disk; doors have not waited.
            let seats = seats.clone();
            tokio::spawn(async move {
                if decided.on_disk.wait().await {
                    decided.effects.iter().for_each(|effect| seats.tell(effect));
                }
            });
        }
    }
}

async fn keep_time(centre: Centre, store: EdgeStore) {
    let mut ticks = interval(KEEP_TIME);
    loop {
        ticks.tick().await;
        let Ok(now) = centre.now().await else { return };
        if let Err(error) = store.keep_clock_floor(now).await {
            tracing::warn!(%error, "the time could not be kept");
        }
    }
}

/// Writes down of whom there are two on the bus. It ends only with the site.
async fn note_twins(
    mut twins: mpsc::UnboundedReceiver<DeviceId>,
    centre: Centre,
    journal: JournalReader,
) {
    while let Some(device) = twins.recv().await {
        let Ok(at) = centre.now().await else { return };
        journal.note(SiteEvent { at, what: Happening::BusTwin { device } });
    }
    std::future::pending().await
}

async fn count_takeovers(edge: DeviceId, mut times: watch::Receiver<u64>, takeovers: Takeovers) {
    while times.changed().await.is_ok() {
        takeovers.happened(&edge, Instant::now());
    }
}
