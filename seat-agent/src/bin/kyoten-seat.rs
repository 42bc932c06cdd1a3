//! The program of a desk's terminal.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use model::clock::{Clock as _, SystemClock};
use ring::rand::SystemRandom;
use seat_agent::page;
use seat_agent::terminal::Terminal;
use tokio::signal::unix::{SignalKind, signal};
use wire::bus::{BusInbox, BusOptions, SiteBus};
use wire::identity::{DeviceIdentity, keep_on_the_bus};
use wire::topics::TERMINAL_STATE;

/// The terminal at a desk of a Kyoten site: shows its state and tells the site.
#[derive(Parser)]
#[command(name = "kyoten-seat", version)]
struct Cli {
    /// Where this terminal keeps its key and certificate.
    #[arg(long, env = "KYOTEN_DATA_DIR", default_value = "data/seat", global = true)]
    data_dir: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Get a certificate from the hub with a one-time code.
    Enrol {
        /// The hub's address for sites, as https://host:8443.
        #[arg(long, env = "KYOTEN_HUB_URL")]
        hub: String,
        /// The code that `kyoten-hub enrol` printed.
        #[arg(long)]
        code: String,
    },
    /// Run the terminal.
    Run(RunArgs),
}

#[derive(Args)]
struct RunArgs {
    /// The hub's address for sites, to renew the certificate at; the one that enrolled this device
    /// where nothing is said.
    #[arg(long, env = "KYOTEN_HUB_URL")]
    hub: Option<String>,
    /// The site bus, as host:port.
    #[arg(long, env = "KYOTEN_BUS", default_value = "localhost:1885")]
    bus: String,
    /// Where the desk's page is served; keep it to this machine.
    #[arg(long, env = "KYOTEN_LISTEN", default_value = "127.0.0.1:8101")]
    listen: SocketAddr,
    /// What stands on the desk's sign; the device's id where nothing is said.
    #[arg(long, env = "KYOTEN_SEAT_LABEL")]
    label: Option<String>,
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let filter =
        tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter).init();
    match start(Cli::parse()).await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kyoten-seat: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

async fn start(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Enrol { hub, code } => {
            let identity = DeviceIdentity::enrol(&hub, &code, &cli.data_dir, &SystemClock).await?;
            println!("enrolled as {}", identity.device());
            Ok(())
        }
        Command::Run(args) => run(&cli.data_dir, args).await,
    }
}

async fn run(data_dir: &Path, args: RunArgs) -> anyhow::Result<()> {
    let identity = DeviceIdentity::load(data_dir)?;
    let options = BusOptions::of(&identity, &args.bus)?;
    let listener = tokio::net::TcpListener::bind(args.listen).await.with_context(|| {
        format!("{} is in use: stop what listens there or set KYOTEN_LISTEN", args.listen)
    })?;
    let terminal = Terminal::default();
    let label = args.label.unwrap_or_else(|| identity.device().to_string());
    let router = page::router(terminal.follow(), label);
    let (bus, inbox) = SiteBus::start(options, &SystemRandom::new())?;
    println!("kyoten-seat ready: http://{}", listener.local_addr()?);
    let keeping =
        keep_on_the_bus(identity, args.hub.as_deref(), bus.clone(), Arc::new(SystemClock));
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        () = tell_state(&terminal, bus.clone()) => {}
        () = obey(terminal, inbox) => {}
        served = axum::serve(listener, router) => served?,
        () = keeping => {}
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    bus.close().await;
    Ok(())
}

fn tell_state(terminal: &Terminal, bus: SiteBus) -> impl Future<Output = ()> + use<> {
    let mut view = terminal.follow();
    async move {
        loop {
            let state = view.borrow_and_update().state;
            if let Err(error) = bus.set_state(TERMINAL_STATE, state.as_str()) {
                tracing::warn!("the state could not be told: {error}");
            }
            tracing::info!("terminal {}", state.as_str());
            if view.changed().await.is_err() {
                break;
            }
        }
    }
}

async fn obey(mut terminal: Terminal, mut inbox: BusInbox) {
    while let Some(payload) = inbox.commands.recv().await {
        if let Err(ignored) = terminal.obey(&payload, SystemClock.now()) {
            tracing::warn!("{ignored}");
        }
    }
}
