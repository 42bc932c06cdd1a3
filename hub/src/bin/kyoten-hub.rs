//! `kyoten-hub`: runs a region's hub and what its operators do to it by hand.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use chrono::TimeDelta;
use clap::{Parser, Subcommand};
use hub::config::{Config, names_in};
use hub::hub::Hub;
use hub::seed;
use hub::serve::{self, Ports};
use hub::uplink::enrol;
use hub::web::WebSettings;
use model::clock::SystemClock;
use model::id::DeviceId;
use ring::rand::SystemRandom;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// The hub of a region of telework centres.
#[derive(Parser)]
#[command(name = "kyoten-hub")]
struct Arguments {
    /// A TOML file with settings; the environment wins over it.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve people and sites until stopped.
    Serve,
    /// Bring the database up to date.
    Migrate,
    /// Fill an empty hub with data.
    Seed {
        #[command(subcommand)]
        data: Data,
    },
    /// Print a one-time code with which a device gets its certificate.
    Enrol {
        /// The device's id, such as yokohama-edge.
        #[arg(long)]
        device: DeviceId,
        /// Names and addresses that an edge's certificate is good for, with commas.
        #[arg(long, default_value = "localhost,127.0.0.1")]
        names: String,
        /// How long the code is good, in hours.
        #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=24 * 30))]
        hours: u16,
    },
}

#[derive(Subcommand)]
enum Data {
    /// The believable region of the demo.
    Demo {
        /// A folder of simulated readers; the demo's cards are named in it.
        #[arg(long, value_name = "FOLDER")]
        readers: Option<PathBuf>,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| EnvFilter::new("info,tokio_cron_scheduler=warn")),
        )
        .with_writer(std::io::stderr)
        .init();
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kyoten-hub: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    // Fails only when a provider was installed before, and this is the first line.
    rustls::crypto::ring::default_provider().install_default().ok();
    let config = Config::read(arguments.config.as_deref(), |key| std::env::var(key).ok())?;
    let hub = serve::open(&config, Arc::new(SystemClock), Arc::new(SystemRandom::new())).await?;
    match arguments.command {
        Command::Serve => serve_until_told(hub, &config).await,
        // Opening the database brought it up to date.
        Command::Migrate => Ok(()),
        Command::Seed { data: Data::Demo { readers } } => {
            seed::demo(&hub, readers.as_deref()).await
        }
        Command::Enrol { device, names, hours } => {
            let lasts = TimeDelta::hours(hours.into());
            let code = enrol::new_code(&hub, &device, &names_in(&names), lasts).await?;
            println!("{}", code.reveal());
            Ok(())
        }
    }
}

async fn serve_until_told(hub: Hub, config: &Config) -> anyhow::Result<()> {
    let mut terminate =
        signal(SignalKind::terminate()).context("cannot listen for the signal to stop")?;
    let ports = Ports::bind(config, &hub).await?;
    println!(
        "kyoten-hub ready: http://{} (people), https://{} (sites)",
        ports.people_address, ports.sites_address
    );
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    let settings = WebSettings { secure_cookies: config.secure_cookies };
    Ok(serve::serve(hub, ports, settings, stop).await?)
}
