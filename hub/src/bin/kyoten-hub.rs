//! `kyoten-hub`: runs a region's hub and what its operators do to it by hand.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use clap::{Parser, Subcommand};
use hub::config::{Config, names_in};
use hub::hub::Hub;
use hub::seed;
use hub::serve::{self, Ports};
use hub::service::api_tokens;
use hub::service::audit::verify::{self, Whole};
use hub::service::audit::witness;
use hub::service::cards::card_key;
use hub::service::devices::{self, Standing};
use hub::service::rotate::{self, Rotated};
use hub::uplink::enrol;
use hub::web::WebSettings;
use model::clock::{Clock as _, SystemClock};
use model::device::RevokedFor;
use model::id::{DeviceId, Slug};
use model::permission::TokenScope;
use model::sign_in::Stage;
use ring::rand::SystemRandom;
use store::TokenHolder;
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
    /// The keys that personal data is sealed by.
    Keys {
        #[command(subcommand)]
        what: KeysWhat,
    },
    /// Walk the record of who did what, and name the first entry that was changed, taken out,
    /// swapped or cut off.
    VerifyAudit {
        /// A file of heads beside the one in the data folder, such as another hub's.
        #[arg(long, value_name = "FILE")]
        heads: Option<PathBuf>,
    },
    /// List devices: state, end of the certificate, when the hub heard of them last.
    Devices {
        /// Only those of this centre.
        #[arg(long)]
        centre: Option<Slug>,
    },
    /// Lock a device out: at the port for sites and on its site bus.
    Revoke {
        /// The device's id, such as yokohama-kiosk-1.
        #[arg(long)]
        device: DeviceId,
        /// Why: lost, broken or retired.
        #[arg(long, default_value_t = RevokedFor::Lost)]
        reason: RevokedFor,
    },
    /// The key that turns card identifiers into references.
    CardKey {
        #[command(subcommand)]
        task: CardKeyTask,
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
    /// Print a token with which a program acts for a person; it is shown this once.
    Token {
        /// The person's e-mail address.
        #[arg(long)]
        email: String,
        /// What for: read, book and report, with commas.
        #[arg(long, value_delimiter = ',', required = true, value_parser = scope)]
        scopes: Vec<TokenScope>,
        /// How long the token is good, in days.
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=365))]
        days: u16,
        /// What it is called in lists.
        #[arg(long)]
        name: String,
    },
}

#[derive(Subcommand)]
enum CardKeyTask {
    /// Make the next generation; cards move to it as they are tapped.
    Rotate {
        /// Go on though cards that were not tapped since the last rotation end at once.
        #[arg(long)]
        even_so: bool,
    },
}

#[derive(Subcommand)]
enum KeysWhat {
    /// Make a new key and seal everything by it; hubs that run follow by themselves.
    Rotate,
    /// Destroy a key that nothing is sealed by any more.
    Drop {
        /// Its number: 1 is field.key, 2 is field-2.key.
        number: u32,
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
    /// Print the one-time code that the demo's staff is asked for just now.
    Code,
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
    if let Command::Seed { data: Data::Code } = arguments.command {
        println!("{}", seed::code(SystemClock.now())?);
        return Ok(());
    }
    let config = Config::read(arguments.config.as_deref(), |key| std::env::var(key).ok())?;
    let hub = serve::open(&config, Arc::new(SystemClock), Arc::new(SystemRandom::new())).await?;
    match arguments.command {
        Command::Serve => serve_until_told(hub, &config).await,
        // Opening the database brought it up to date.
        Command::Migrate | Command::Seed { data: Data::Code } => Ok(()),
        Command::Seed { data: Data::Demo { readers } } => {
            seed::demo(&hub, readers.as_deref()).await
        }
        Command::Keys { what: KeysWhat::Rotate } => {
            let Rotated { key, sealed } = rotate::rotate(&hub).await?;
            println!("Key {key} is in use; {sealed} things were sealed by it anew.");
            Ok(())
        }
        Command::Keys { what: KeysWhat::Drop { number } } => {
            rotate::destroy(&hub, number).await?;
            println!("Key {number} is destroyed.");
            Ok(())
        }
        Command::VerifyAudit { heads } => verify_audit(&hub, heads).await,
        Command::CardKey { task: CardKeyTask::Rotate { even_so } } => {
            let life = TimeDelta::days(config.card_key_days.into());
            let rotated = card_key::rotate(&hub, life, even_so).await?;
            println!(
                "generation {} is in use; cards still under generation {} end on {}",
                rotated.generation, rotated.former, rotated.former_retires_at
            );
            Ok(())
        }
        Command::Devices { centre } => list_devices(&hub, centre.as_ref()).await,
        Command::Revoke { device, reason } => revoke(&hub, &device, reason).await,
        Command::Enrol { device, names, hours } => {
            let lasts = TimeDelta::hours(hours.into());
            let code = enrol::new_code(&hub, &device, &names_in(&names), lasts).await?;
            println!("{}", code.reveal());
            Ok(())
        }
        Command::Token { email, scopes, days, name } => {
            let record = hub.store.sign_in_record(email.trim()).await?;
            let person = record.with_context(|| format!("nobody has the address {email}"))?.person;
            let wish = api_tokens::Wish { name, scopes, days: days.into() };
            // Whoever may run this program on the hub's own data has shown more than a factor.
            let made =
                api_tokens::issue(&hub, TokenHolder::Person(person), wish, Stage::Two).await??;
            println!("{}", made.text);
            Ok(())
        }
    }
}

async fn verify_audit(hub: &Hub, heads: Option<PathBuf>) -> anyhow::Result<()> {
    let mut files = vec![("the witness file".to_owned(), hub.witness.testimony(&hub.keys.sheet)?)];
    if let Some(path) = heads {
        let testimony = witness::testimony(&path, &hub.keys.sheet)
            .with_context(|| format!("cannot read {}", path.display()))?;
        files.push((path.display().to_string(), testimony));
    }
    match verify::verify(hub, files).await? {
        Ok(Whole { entries, last, heads }) => {
            println!(
                "{entries} records are whole, up to record {last}; they fit the {heads} heads that \
                 were seen."
            );
            Ok(())
        }
        Err(fault) => anyhow::bail!("{fault}"),
    }
}

async fn list_devices(hub: &Hub, only: Option<&Slug>) -> anyhow::Result<()> {
    let mut centres = hub.store.centres().await?;
    centres.sort_by(|one, other| one.slug.cmp(&other.slug));
    let mut table = String::new();
    let heads = ("device", "kind", "state", "until");
    writeln!(table, "{:<28} {:<6} {:<8} {:<20} last heard", heads.0, heads.1, heads.2, heads.3)?;
    let shown = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
    for centre in centres.iter().filter(|centre| only.is_none_or(|slug| centre.slug == *slug)) {
        for record in hub.store.devices_of(centre.id).await? {
            let (state, until) = match devices::standing(&record, hub.now()) {
                Standing::New(code) => ("new", code),
                Standing::Good(ends) => ("good", Some(ends)),
                Standing::Ended => ("ended", None),
                Standing::Revoked(.., code) => ("revoked", code),
            };
            let (device, kind) = (record.device.as_str(), record.kind.as_str());
            let until = until.map_or_else(|| "-".to_owned(), shown);
            let seen = record.last_seen_at.map_or_else(|| "-".to_owned(), shown);
            writeln!(table, "{device:<28} {kind:<6} {state:<8} {until:<20} {seen}")?;
        }
    }
    // Whoever reads it may have seen enough, and closed the pipe.
    std::io::stdout().write_all(table.as_bytes()).ok();
    Ok(())
}

async fn revoke(hub: &Hub, device: &DeviceId, reason: RevokedFor) -> anyhow::Result<()> {
    let record = hub.store.device(device).await?;
    let record = record.with_context(|| format!("the hub knows no device '{device}'"))?;
    if devices::revoke_by_hand(hub, &record, reason).await? {
        println!("{device} is locked out ({reason}); its site hears of it within seconds");
    } else {
        println!("{device} has no certificate and no code: nothing to lock out");
    }
    Ok(())
}

fn scope(text: &str) -> Result<TokenScope, String> {
    let word = serde_json::Value::String(text.to_owned());
    serde_json::from_value(word)
        .ok()
        .filter(|scope| api_tokens::OF_PERSON.contains(scope))
        .ok_or_else(|| "read, book and report are scopes of a person's token".to_owned())
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
    let settings = WebSettings {
        secure_cookies: config.secure_cookies,
        proxies: config.proxies.clone(),
        limits: config.limits,
    };
    Ok(serve::serve(hub, ports, settings, stop).await?)
}
