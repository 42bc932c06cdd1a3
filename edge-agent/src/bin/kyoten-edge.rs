//! `kyoten-edge`: enrols and runs the agent of one site.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use edge_agent::hub::HttpHub;
use edge_agent::thing::lock::{self, Behaves};
use edge_agent::thing::{self, Course, Played};
use edge_agent::{Config, Parts, Site, SiteError, Wired};
use hardware::osdp::{BAUD_RATES, ChannelKey, SerialPort, install_key};
use model::clock::SystemClock;
use ring::rand::{SecureRandom, SystemRandom};
use tracing_subscriber::EnvFilter;
use wire::bus::{BusOptions, SiteBus};
use wire::identity::{DeviceIdentity, Keeper, keep_on_the_bus};
use wire::topics::DeviceKind;

/// Runs one telework centre: doors, desks and kiosks, with the hub or without it.
#[derive(Parser)]
#[command(name = "kyoten-edge", version)]
struct Arguments {
    /// The settings' TOML file; every key also by environment (KYOTEN_DATA_DIR, ...).
    #[arg(long, global = true, env = "KYOTEN_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Gets this device its certificate with a one-time code from the hub.
    Enrol {
        /// The hub's port for sites, such as https://hub.example:8443.
        #[arg(long)]
        hub: Option<String>,
        /// The one-time code.
        #[arg(long)]
        code: String,
    },
    /// Gives an OSDP reader that is in its install mode a key of its own. Do it at a bench, with the
    /// reader alone on a short cable: whoever listens meanwhile has the key too.
    OsdpKey {
        /// The port, such as /dev/ttyUSB0.
        #[arg(long)]
        line: PathBuf,
        /// The reader's address, 0 to 126.
        #[arg(long, default_value_t = 0)]
        address: u8,
        /// The key file. A key that is there already is tried again; otherwise a new one is made.
        #[arg(long)]
        key: PathBuf,
        /// What the reader is set to, in bits a second.
        #[arg(long, default_value_t = BAUD_RATES[0])]
        baud: u32,
    },
    /// Runs the site until it is told to stop.
    Run,
    /// Plays a sensor or a lock on a site's bus, with the identity in the data folder: for demos and trials.
    Thing(ThingArguments),
}

#[derive(clap::Args)]
struct ThingArguments {
    /// The site bus, as host:port.
    #[arg(long, env = "KYOTEN_BUS", default_value = "localhost:1885")]
    bus: String,
    /// Plays a lock with its contact, at the node `front`, and no sensor. Whoever unlocks it goes through.
    #[arg(long)]
    lock: bool,
    /// The bolt does not move, whatever the lock is told.
    #[arg(long, requires = "lock")]
    jammed: bool,
    /// Whoever goes through leaves the leaf open.
    #[arg(long, requires = "lock")]
    held_open: bool,
    /// CO2 in ppm, first:last; it rises or falls from the one to the other and stays there.
    #[arg(long, default_value = "650:1150")]
    co2: Course,
    /// Degrees Celsius, first:last.
    #[arg(long, default_value = "22.5:24")]
    temperature: Course,
    /// Relative humidity in percent, first:last.
    #[arg(long, default_value = "48:52")]
    humidity: Course,
    /// Noise in dB(A), first:last.
    #[arg(long, default_value = "42:44")]
    noise: Course,
    /// How many seconds the way from first to last takes.
    #[arg(long, default_value_t = 300)]
    seconds: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    match start().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kyoten-edge: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn start() -> anyhow::Result<()> {
    // An error here means that it is installed already.
    rustls::crypto::ring::default_provider().install_default().ok();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).init();
    let arguments = Arguments::parse();
    let config = Config::read(arguments.config.as_deref(), |name| std::env::var(name).ok())?;
    match arguments.task {
        Task::Enrol { hub, code } => enrol(&config, hub.as_deref(), &code).await,
        Task::OsdpKey { line, address, key, baud } => {
            tokio::task::spawn_blocking(move || osdp_key(line, address, &key, baud)).await?
        }
        Task::Run => run(config).await,
        Task::Thing(arguments) => play(&config, arguments).await,
    }
}

fn osdp_key(line: PathBuf, address: u8, file: &Path, baud: u32) -> anyhow::Result<()> {
    /// A reader that is there answers at once; the library asks again every second.
    const PATIENCE: Duration = Duration::from_secs(15);

    let key = if file.exists() {
        ChannelKey::read(file)?
    } else {
        let mut bytes = [0; 16];
        let no_random = |_| anyhow::anyhow!("this machine has no random numbers");
        SystemRandom::new().fill(&mut bytes).map_err(no_random)?;
        let key = ChannelKey::new(bytes)?;
        // First of all: a reader whose key is lost has to be reset by hand.
        key.write_new(file)?;
        key
    };
    install_key(SerialPort::opener(line, baud), baud, address, &key, PATIENCE)?;
    println!("reader {address} has the key in {}", file.display());
    Ok(())
}

async fn enrol(config: &Config, hub: Option<&str>, code: &str) -> anyhow::Result<()> {
    let hub = hub.unwrap_or(&config.hub_url);
    let identity = DeviceIdentity::enrol(hub, code, &config.data_dir, &SystemClock).await?;
    // Maybe another region's; the one of the enrolment is good until they are fetched.
    match std::fs::remove_file(config.data_dir.join(edge_agent::cards::FILE)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).context("the card keys from before cannot be removed");
        }
        _ => {}
    }
    println!("enrolled as {} of {}", identity.device(), identity.centre());
    Ok(())
}

async fn run(config: Config) -> anyhow::Result<()> {
    let identity = DeviceIdentity::load(&config.data_dir)?;
    let sheet_key =
        identity.sheet_key().context("no key to check sheets with; enrol this edge again")?;
    let sheet_keys = vec![sheet_key.to_owned()];
    let hub = Arc::new(HttpHub::new(&config.hub_url, &identity)?);
    let name = identity.device().clone();
    let kept = Arc::new(DeviceIdentity::load(&config.data_dir)?);
    let keeper = Keeper::new(kept, Some(&config.hub_url), Arc::new(SystemClock))
        .context("no hub to renew the certificate at")?;
    let mut identities = keeper.follow();
    let rng: Arc<dyn SecureRandom + Send + Sync> = Arc::new(SystemRandom::new());
    let drivers = Arc::new(Wired::open(&config, identity.centre().as_str(), &rng).await?);
    let mut site = Site::start(Parts {
        config,
        identity,
        sheet_keys,
        hub: hub.clone(),
        clock: Arc::new(SystemClock),
        rng,
        drivers,
    })
    .await?;
    tracing::info!(edge = %name, bus = ?site.bus_address(), "the site is running");
    let keeping = tokio::spawn(keeper.run());
    let stop = stop_signal();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            told = &mut stop => break told.context("cannot wait for a signal")?,
            () = site.broken() => anyhow::bail!("a part of the program broke down; start it again"),
            Ok(()) = identities.changed() => {
                let next = identities.borrow_and_update().clone();
                if let Err(error) = take_up(&hub, &site, &next).await {
                    tracing::error!(%error, "the new certificate is not in use everywhere; restart the agent");
                }
            }
        }
    }
    keeping.abort();
    tracing::info!("stopping");
    site.stop().await;
    Ok(())
}

async fn play(config: &Config, arguments: ThingArguments) -> anyhow::Result<()> {
    let identity = DeviceIdentity::load(&config.data_dir)?;
    let ThingArguments { bus, co2, temperature, humidity, noise, .. } = arguments;
    let way = Duration::from_secs(arguments.seconds);
    let played = Played { co2, temperature, humidity, noise, way };
    let behaves = Behaves { jammed: arguments.jammed, held_open: arguments.held_open };
    let options = BusOptions::of(&identity, &bus)?;
    anyhow::ensure!(
        options.kind == DeviceKind::Thing,
        "this device was enrolled as {}: enrol it as a thing",
        options.kind
    );
    let (bus, inbox) = SiteBus::start(options, &SystemRandom::new())?;
    println!("kyoten-edge thing ready: {}", identity.device());
    let keeping =
        keep_on_the_bus(identity, Some(&config.hub_url), bus.clone(), Arc::new(SystemClock));
    let playing = async {
        if arguments.lock {
            lock::play(&bus, inbox, behaves).await
        } else {
            thing::play(&bus, inbox, played).await
        }
    };
    tokio::select! {
        played = playing => played?,
        () = keeping => {}
        told = stop_signal() => told.context("cannot wait for a signal")?,
    }
    bus.close().await;
    Ok(())
}

async fn take_up(hub: &HttpHub, site: &Site, next: &DeviceIdentity) -> Result<(), SiteError> {
    hub.use_identity(next)?;
    site.use_identity(next).await
}

async fn stop_signal() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}
