//! `kyoten-edge`: enrols and runs the agent of one site.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use edge_agent::config::DriverKind;
use edge_agent::hub::HttpHub;
use edge_agent::{Config, DoorDriver, Drivers, Parts, SimDoors, Site, SiteError};
use model::clock::SystemClock;
use model::id::DeviceId;
use ring::rand::SystemRandom;
use tracing_subscriber::EnvFilter;
use wire::identity::{DeviceIdentity, Keeper};

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
    /// Runs the site until it is told to stop.
    Run,
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
        Task::Run => run(config).await,
    }
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
    let drivers = Arc::new(ConfiguredDoors { config: config.clone(), sim: SimDoors::default() });
    let mut site = Site::start(Parts {
        config,
        identity,
        sheet_keys,
        hub: hub.clone(),
        clock: Arc::new(SystemClock),
        rng: Arc::new(SystemRandom::new()),
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

async fn take_up(hub: &HttpHub, site: &Site, next: &DeviceIdentity) -> Result<(), SiteError> {
    hub.use_identity(next)?;
    site.use_identity(next).await
}

struct ConfiguredDoors {
    config: Config,
    sim: SimDoors,
}

impl Drivers for ConfiguredDoors {
    fn door(&self, door: &DeviceId) -> Option<DoorDriver> {
        match self.config.driver(door)? {
            DriverKind::Sim => self.sim.door(door),
        }
    }
}

async fn stop_signal() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}
