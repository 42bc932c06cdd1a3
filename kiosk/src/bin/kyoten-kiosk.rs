//! The program of the lobby's screen and of the staff's.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chrono_tz::Tz;
use clap::{Args, Parser, Subcommand};
use hardware::card::ReaderModels;
use hardware::readers::{Mounting, ReaderChoice};
use hardware::scan::CodeScanner;
use hardware::sim::SimScanner;
use kiosk::lobby::Lobby;
use kiosk::pages::{self, House};
use kiosk::profile::Profile;
use kiosk::readers;
use kiosk::screen::Screen;
use kiosk::staff;
use kiosk::staff::screen::Staff;
use model::clock::SystemClock;
use model::language::{Language, LocalText};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::signal::unix::{SignalKind, signal};
use wire::bus::{BusOptions, SiteBus};
use wire::identity::{DeviceIdentity, keep_on_the_bus};

/// The lobby screen of a Kyoten site: reads cards, asks the site, shows the answer.
#[derive(Parser)]
#[command(name = "kyoten-kiosk", version)]
struct Cli {
    /// Where this kiosk keeps its key and certificate.
    #[arg(long, env = "KYOTEN_DATA_DIR", default_value = "data/kiosk", global = true)]
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
    /// Run the screen.
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
    /// Whom the screen is for.
    #[arg(long, env = "KYOTEN_PROFILE", default_value = "lobby")]
    profile: Profile,
    /// Where the screen's page is served; keep it to this machine. A browser opens it as localhost or by its address in
    /// numbers, by no other name. 127.0.0.1:8090 where nothing is said, 127.0.0.1:8091 for the staff.
    #[arg(long, env = "KYOTEN_LISTEN")]
    listen: Option<SocketAddr>,
    /// Without a touch for so many seconds whoever is signed in at the staff's screen is signed out.
    #[arg(long, env = "KYOTEN_STAFF_IDLE", default_value_t = staff::screen::IDLE.as_secs(), value_parser = clap::value_parser!(u64).range(10..=86_400))]
    staff_idle: u64,
    /// The card readers, with commas between them: `sim`, `sim:` and a name, or `pcsc:` and a part of
    /// the reader's name that no other has.
    #[arg(long, env = "KYOTEN_READER", default_value = "sim", value_delimiter = ',')]
    reader: Vec<ReaderChoice>,
    /// `keyboard` for a code scanner that types into the screen, or `none`; a simulated reader has a
    /// simulated scanner besides.
    #[arg(long, env = "KYOTEN_SCANNER", default_value = "keyboard")]
    scanner: Scanner,
    /// Where simulated readers keep their sockets.
    #[arg(long, env = "KYOTEN_READER_DIR", default_value = "data/readers")]
    reader_dir: PathBuf,
    /// How reader models answer that do not give the plain identifier: a file with their table, as hardware/README.md
    /// has it.
    #[arg(long, env = "KYOTEN_READER_MODELS")]
    reader_models: Option<PathBuf>,
    /// The centre's name in Japanese.
    #[arg(long, env = "KYOTEN_CENTRE_NAME", default_value = "拠点 Kyoten")]
    centre_name: String,
    /// The centre's name in English.
    #[arg(long, env = "KYOTEN_CENTRE_NAME_EN")]
    centre_name_en: Option<String>,
    /// The zone that times are shown in.
    #[arg(long, env = "KYOTEN_TIME_ZONE", default_value = "Asia/Tokyo")]
    time_zone: Tz,
    /// The telephone number shown when the site does not answer.
    #[arg(long, env = "KYOTEN_TELEPHONE")]
    telephone: Option<String>,
}

/// How codes are scanned.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Scanner {
    Keyboard,
    None,
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
            eprintln!("kyoten-kiosk: {error:#}");
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
    args.profile.check(identity.kind())?;
    let options = BusOptions::of(&identity, &args.bus)?;
    let listen = args.listen.unwrap_or_else(|| args.profile.listens());
    let listener = tokio::net::TcpListener::bind(listen).await.with_context(|| {
        format!("{listen} is in use: stop what listens there or set KYOTEN_LISTEN")
    })?;
    let rng: Arc<dyn SecureRandom + Send + Sync> = Arc::new(SystemRandom::new());
    let (site, device) = (identity.centre().to_string(), identity.device().as_str());
    let models = ReaderModels::read(args.reader_models.as_deref())?;
    let mounting =
        Mounting { site: &site, device, folder: &args.reader_dir, models: &models, rng: &rng };
    let reader = Box::new(readers::open(&args.reader, mounting).await?);
    let edge = options.edge.clone();
    let scanner = open_scanner(&args, identity.device().as_str()).await?;
    let (bus, inbox) = SiteBus::start(options, &SystemRandom::new())?;
    let house = House {
        name: LocalText::new(
            &args.centre_name,
            args.centre_name_en.as_deref().unwrap_or(&args.centre_name),
        ),
        zone: args.time_zone,
        scanner: args.scanner == Scanner::Keyboard || scanner.is_some(),
        clock: Arc::new(SystemClock),
        telephone: args.telephone,
    };
    println!("kyoten-kiosk ready: http://{}", listener.local_addr()?);
    let keeping =
        keep_on_the_bus(identity, args.hub.as_deref(), bus.clone(), Arc::new(SystemClock));
    let mut terminate = signal(SignalKind::terminate())?;
    let screen = async {
        match args.profile {
            Profile::Lobby => {
                let lobby = Lobby::new(Screen::new(Language::Ja), Arc::new(bus.clone()));
                tokio::select! {
                    () = lobby.follow_line(&edge, bus.connected(), inbox.states) => Ok(()),
                    () = lobby.follow_house() => Ok(()),
                    () = lobby.read_cards(reader) => Ok(()),
                    () = read_codes(scanner, |scanner| lobby.read_codes(scanner)) => Ok(()),
                    served = axum::serve(listener, pages::router(lobby.clone(), house)) => served,
                }
            }
            Profile::Staff => {
                let idle = Duration::from_secs(args.staff_idle);
                let desk = Staff::new(Language::Ja, Arc::new(bus.clone()), idle);
                tokio::select! {
                    () = desk.follow_line(&edge, bus.connected(), inbox.states) => Ok(()),
                    () = desk.follow_house() => Ok(()),
                    () = desk.read_cards(reader) => Ok(()),
                    () = read_codes(scanner, |scanner| desk.read_codes(scanner)) => Ok(()),
                    () = desk.keep() => Ok(()),
                    served = axum::serve(listener, staff::router(desk.clone(), house)) => served,
                }
            }
        }
    };
    tokio::select! {
        ended = screen => ended?,
        () = keeping => {}
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    bus.close().await;
    Ok(())
}

async fn open_scanner(
    args: &RunArgs,
    device: &str,
) -> anyhow::Result<Option<Box<dyn CodeScanner>>> {
    if args.reader.contains(&ReaderChoice::Sim(None)) {
        return Ok(Some(Box::new(SimScanner::start(device, &args.reader_dir).await?)));
    }
    Ok(None)
}

async fn read_codes(
    scanner: Option<Box<dyn CodeScanner>>,
    read: impl AsyncFnOnce(Box<dyn CodeScanner>),
) {
    match scanner {
        Some(scanner) => read(scanner).await,
        None => std::future::pending().await,
    }
}
