//! `kyoten-hub`: runs a region's hub and what its operators do to it by hand.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use chrono::{DateTime, NaiveDate, SecondsFormat, TimeDelta, Utc};
use clap::{Parser, Subcommand};
use hub::care::{cases, rule_sets, schemes, shift_table, staffing_file, terms_file};
use hub::config::{Config, names_in};
use hub::door_file;
use hub::hub::Hub;
use hub::pages::words;
use hub::seed;
use hub::serve::{self, Ports};
use hub::service::api_tokens;
use hub::service::atlas::Atlas;
use hub::service::audit::verify::{self, Whole};
use hub::service::audit::witness;
use hub::service::cards::card_key;
use hub::service::devices::{self, Standing};
use hub::service::doors;
use hub::service::edge_settings;
use hub::service::event_chain;
use hub::service::nursery;
use hub::service::rotate::{self, Rotated};
use hub::service::sensors;
use hub::web::WebSettings;
use model::care::rule_set::RuleSet;
use model::centre::Centre;
use model::clock::{Clock as _, SystemClock};
use model::device::RevokedFor;
use model::door::Wiring;
use model::id::{DeviceId, ShiftId, Slug};
use model::language::Language;
use model::permission::TokenScope;
use model::sign_in::Stage;
use ring::rand::SystemRandom;
use store::{Roster, RosterPut, Rostered, TokenHolder};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;
use wire::edge_config::EdgeSettings;

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
    /// The rules of childcare: how many staff so many children need.
    Rules {
        #[command(subcommand)]
        what: RulesWhat,
    },
    /// The schemes that care is given under: who may have it, and how much.
    Schemes {
        #[command(subcommand)]
        what: SchemesWhat,
    },
    /// A nursery: its terms, how it is staffed, and who works when.
    Nursery {
        /// Its centre.
        #[arg(long)]
        centre: Slug,
        #[command(subcommand)]
        what: NurseryWhat,
    },
    /// The doors of a centre.
    Door {
        /// The centre.
        #[arg(long)]
        centre: Slug,
        #[command(subcommand)]
        what: DoorWhat,
    },
    /// The sensors of a centre, from a file that names them; in the place of those it had.
    Sensors {
        /// The centre.
        #[arg(long)]
        centre: Slug,
        /// A TOML file of `[[sensor]]`; an empty one takes them all away.
        file: PathBuf,
    },
    /// Walk the record of who did what, and name the first entry that was changed, taken out,
    /// swapped or cut off.
    VerifyAudit {
        /// A file of heads beside the one in the data folder, such as another hub's.
        #[arg(long, value_name = "FILE")]
        heads: Option<PathBuf>,
    },
    /// Walk the chain over what a site has told, and name the first event that was changed, taken out or
    /// cut off here.
    VerifyEvents {
        /// The site's centre.
        #[arg(long)]
        centre: Slug,
    },
    /// Send settings to a site's edge: which driver each door has, and how much room its file may take. The
    /// edge tries them, and takes them back where they do not pass its check.
    EdgeConfig {
        /// The site's centre.
        #[arg(long)]
        centre: Slug,
        /// A TOML file with `doors` or `outbox_mb`.
        file: PathBuf,
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
enum RulesWhat {
    /// List the rule sets that ship and those of files, and where each comes from.
    List {
        /// A rule set in a file, besides those that ship; may be said more than once.
        #[arg(long, value_name = "FILE")]
        rules: Vec<PathBuf>,
    },
    /// Keep a rule set, so that nurseries can be put under it. What is kept is never changed.
    Add {
        /// The file.
        file: PathBuf,
    },
    /// Hold worked cases against their rule sets, and print each that differs.
    Check {
        /// A table with tabs or commas: rule_set, age0 and on (the last as in age4up), plan_staff,
        /// live_mixed_room, live_room_per_band.
        file: PathBuf,
        /// A rule set in a file, besides those that ship; may be said more than once.
        #[arg(long, value_name = "FILE")]
        rules: Vec<PathBuf>,
    },
}

#[derive(Subcommand)]
enum SchemesWhat {
    /// List the schemes that ship and those of files, and where each comes from.
    List {
        /// A scheme in a file, besides those that ship; may be said more than once.
        #[arg(long, value_name = "FILE")]
        schemes: Vec<PathBuf>,
    },
    /// Keep a scheme, so that nurseries can offer it. What is kept is never changed.
    Add {
        /// The file.
        file: PathBuf,
    },
}

#[derive(Subcommand)]
enum DoorWhat {
    /// Give doors the plans of a file from now on: wiring, zone, readers, hours, what they ask for. Doors that it
    /// does not name stay as they are.
    Plan {
        /// The file.
        file: PathBuf,
    },
    /// Print the doors and what is known of them.
    List,
}

#[derive(Subcommand)]
enum NurseryWhat {
    /// Give and ask what a file says from now on: hours, hand-over minutes, schemes.
    Terms {
        /// The file.
        file: PathBuf,
    },
    /// Go by staff, floor and groups from now on, as a file says: rule sets, figure that admits, rooms.
    Staffing {
        /// The file.
        file: PathBuf,
    },
    /// Put a table of shifts in the place of all shifts of its days: date, caregiver, kind, from, to and
    /// breaks. Prints which bookings cannot be kept by it.
    Shifts {
        /// The file, with tabs or commas.
        file: PathBuf,
        /// Only print what would happen.
        #[arg(long)]
        only_try: bool,
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
    // These need none of the hub's data.
    match &arguments.command {
        Command::Seed { data: Data::Code } => {
            println!("{}", seed::code(SystemClock.now())?);
            return Ok(());
        }
        Command::Rules { what: RulesWhat::List { rules } } => return list_rules(rules),
        Command::Schemes { what: SchemesWhat::List { schemes } } => return list_schemes(schemes),
        Command::Rules { what: RulesWhat::Check { file, rules } } => {
            return check_cases(file, rules);
        }
        _ => {}
    }
    let config = Config::read(arguments.config.as_deref(), |key| std::env::var(key).ok())?;
    let hub = serve::open(&config, Arc::new(SystemClock), Arc::new(SystemRandom::new())).await?;
    match arguments.command {
        Command::Serve => serve_until_told(hub, &config).await,
        Command::Rules { what: RulesWhat::Add { file } } => add_rules(&hub, &file).await,
        Command::Schemes { what: SchemesWhat::Add { file } } => add_scheme(&hub, &file).await,
        // Opening the database brought it up to date.
        Command::Migrate
        | Command::Seed { data: Data::Code }
        | Command::Rules { .. }
        | Command::Schemes { .. } => Ok(()),
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
        Command::Nursery { centre, what } => tell_nursery(&hub, &centre, what).await,
        Command::Door { centre, what } => tell_doors(&hub, &centre, what).await,
        Command::VerifyEvents { centre } => verify_events(&hub, &centre).await,
        Command::EdgeConfig { centre, file } => send_settings(&hub, &centre, &file).await,
        Command::Sensors { centre, file } => tell_sensors(&hub, &centre, &file).await,
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
            let code = devices::enrol_code_by_hand(&hub, &device, &names_in(&names), lasts).await?;
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

fn list_rules(files: &[PathBuf]) -> anyhow::Result<()> {
    let sets = rule_sets::shipped_and(files)?;
    let told = sets
        .iter()
        .map(|set| listed(&set.name, set.from_day, set.confirmed, &set.title.en, &set.source.en));
    print(&told.collect::<String>());
    Ok(())
}

/// Two lines: what it is, and where it comes from.
fn listed(name: &str, from: NaiveDate, confirmed: bool, title: &str, source: &str) -> String {
    let sure = if confirmed { "" } else { " (to be confirmed before use)" };
    format!("{name:<22} from {from}{sure}  {title}\n{:22} {source}\n", "")
}

fn check_cases(file: &Path, files: &[PathBuf]) -> anyhow::Result<()> {
    let sets = rule_sets::shipped_and(files)?;
    let name = || file.display().to_string();
    let cases = cases::read(&read_table(file)?).with_context(name)?;
    let differ = cases::check(&sets, &cases).with_context(name)?;
    let mut told = String::new();
    for one in &differ {
        writeln!(told, "{one}")?;
    }
    print(&told);
    let all = cases.len();
    if !differ.is_empty() {
        anyhow::bail!("{} figures of {all} cases differ", differ.len());
    }
    print(&format!("{all} cases, all as expected\n"));
    Ok(())
}

/// The largest table that is read, in bytes: years of shifts.
const LARGEST_TABLE: u64 = 4 * 1024 * 1024;

fn read_text(file: &Path) -> anyhow::Result<String> {
    String::from_utf8(read_table(file)?).with_context(|| file.display().to_string())
}

fn read_table(file: &Path) -> anyhow::Result<Vec<u8>> {
    let name = || file.display().to_string();
    let mut table = Vec::new();
    let opened = std::fs::File::open(file).with_context(name)?;
    opened.take(LARGEST_TABLE + 1).read_to_end(&mut table).with_context(name)?;
    if table.len() as u64 > LARGEST_TABLE {
        anyhow::bail!("{}: a table has at most {LARGEST_TABLE} bytes; split it", file.display());
    }
    Ok(table)
}

async fn add_rules(hub: &Hub, file: &Path) -> anyhow::Result<()> {
    let set = rule_sets::from_file(file)?;
    if !nursery::add_rules(hub, &set).await? {
        anyhow::bail!(
            "rules called '{}' are kept already, and are never changed: give these another name",
            set.name
        );
    }
    println!("{} is kept; it holds from {}", set.name, set.from_day);
    Ok(())
}

async fn add_scheme(hub: &Hub, file: &Path) -> anyhow::Result<()> {
    let scheme = schemes::from_file(file)?;
    if !nursery::add_scheme(hub, &scheme).await? {
        anyhow::bail!(
            "a scheme called '{}' is kept already, and is never changed: give this another name",
            scheme.name
        );
    }
    println!("{} is kept; it holds from {}", scheme.name, scheme.from_day);
    Ok(())
}

fn list_schemes(files: &[PathBuf]) -> anyhow::Result<()> {
    let schemes = schemes::shipped_and(files)?;
    let told = schemes
        .iter()
        .map(|one| listed(&one.name, one.from_day, one.confirmed, &one.title.en, &one.source.en));
    print(&told.collect::<String>());
    Ok(())
}

async fn tell_doors(hub: &Hub, slug: &Slug, what: DoorWhat) -> anyhow::Result<()> {
    let centre = &centre_named(hub, slug).await?;
    let known = doors::known(hub, centre.id).await?;
    match what {
        DoorWhat::Plan { file } => {
            let text = read_text(&file)?;
            let plans = door_file::read(&text, &known);
            let plans = plans.with_context(|| file.display().to_string())?;
            doors::set_plans(hub, centre, &plans).await?;
            for (device, plan) in &plans {
                let zone = plan.zone.as_str();
                println!("{device} is of the zone '{zone}' from now on; {}", wired(plan.wiring));
            }
        }
        DoorWhat::List => {
            let told = known.doors.iter().map(|door| {
                let wiring = wired(door.plan.as_ref().and_then(|plan| plan.wiring));
                let readers = door.plan.as_ref().map_or(0, |plan| plan.readers.len());
                let (device, zone) = (&door.device, door.zone());
                format!("{device}  {}  {wiring}; {readers} readers\n", zone.as_str())
            });
            print(&told.collect::<String>());
        }
    }
    Ok(())
}

/// What becomes of a door in a power cut.
fn wired(wiring: Option<Wiring>) -> &'static str {
    match wiring {
        Some(Wiring::FailSafe) => "without current it opens",
        Some(Wiring::FailSecure) => "without current it stays locked from outside",
        None => "nobody has said what it does without current",
    }
}

async fn tell_sensors(hub: &Hub, slug: &Slug, file: &Path) -> anyhow::Result<()> {
    let centre = &centre_named(hub, slug).await?;
    let name = || file.display().to_string();
    let read = sensors::read(&read_text(file)?).with_context(name)?;
    sensors::set(hub, centre, &read).await?.with_context(name)?;
    println!("{} has {} sensors from now on", centre.name.en, read.len());
    Ok(())
}

async fn tell_nursery(hub: &Hub, slug: &Slug, what: NurseryWhat) -> anyhow::Result<()> {
    let atlas = Atlas::load(&*hub.store, hub.now()).await?;
    let centre = atlas.named(slug.as_str());
    let centre = centre.with_context(|| format!("there is no centre '{slug}'"))?;
    let nursery = atlas.nursery(centre.id);
    let nursery = nursery.with_context(|| format!("the centre '{slug}' has no nursery"))?;
    let new_id = || hub.new_id().map_err(|_| anyhow::anyhow!("the random source failed"));
    match what {
        NurseryWhat::Terms { file } => {
            let known: Vec<&str> = atlas.schemes.iter().map(|one| one.name.as_str()).collect();
            let name = || file.display().to_string();
            let text = read_text(&file)?;
            let terms = terms_file::read(&text, &known).with_context(name)?;
            nursery::set_terms(hub, None, centre, nursery, &terms).await?.with_context(name)?;
            let schemes = if terms.schemes.is_empty() {
                "no scheme".to_owned()
            } else {
                terms.schemes.join(", ")
            };
            println!("{} offers {schemes} from now on", nursery.name.en);
        }
        NurseryWhat::Staffing { file } => {
            let name = || file.display().to_string();
            let text = read_text(&file)?;
            let known: Vec<&str> = atlas.rule_sets.iter().map(|set| set.name.as_str()).collect();
            let before = nursery.staffing.as_ref();
            let staffing = staffing_file::read(&text, before, &known, new_id)?;
            let staffing = staffing.with_context(name)?;
            let today = hub.now().with_timezone(&centre.time_zone).date_naive();
            let rules = staffing.rules_on(&atlas.rule_sets, today, centre.municipality);
            let rules = rules.with_context(|| {
                format!("{}: none of its rule sets holds at {slug} today", file.display())
            })?;
            nursery::set_staffing(hub, None, centre, nursery, &staffing).await?;
            println!(
                "{} goes by {} from now on; {} rooms",
                nursery.name.en,
                rules.name,
                staffing.rooms.len()
            );
        }
        NurseryWhat::Shifts { file, only_try } => {
            let staffing = nursery.staffing.as_ref();
            let staffing = staffing.context("say first how the nursery is staffed")?;
            let ours = |set: &&RuleSet| staffing.rule_sets.contains(&set.name);
            let rules: Vec<&RuleSet> = atlas.rule_sets.iter().filter(ours).collect();
            let name = || file.display().to_string();
            let table = read_table(&file)?;
            let rows = shift_table::read(&table, centre.time_zone, &rules).with_context(name)?;
            let days = rows.iter().map(|row| row.day).collect();
            let shifts = rows
                .into_iter()
                .map(|row| {
                    let id = ShiftId(new_id()?);
                    Ok(Rostered { id, caregiver: row.caregiver, shift: row.shift })
                })
                .collect::<anyhow::Result<Vec<_>>>()?;
            let count = shifts.len();
            let (centre, nursery) = (centre.clone(), nursery.id);
            let roster = Roster { centre, nursery, days, shifts, at: hub.now(), only_try };
            let zone = roster.centre.time_zone;
            match nursery::put_roster(hub, None, &roster).await? {
                RosterPut::Overlaps { caregiver, when } => anyhow::bail!(
                    "{caregiver} has another shift, {}, of a day that the table does not replace",
                    words::day_and_hours(Language::En, &when, zone)
                ),
                RosterPut::Done(failing) => {
                    let stands = if only_try { "would stand" } else { "stand" };
                    let mut told = format!(
                        "{count} shifts {stands}; {} bookings cannot be kept\n",
                        failing.len()
                    );
                    for (booking, lacks) in failing {
                        let lacks = words::lacks(Language::En, &lacks, zone);
                        writeln!(told, "{booking}: {lacks}")?;
                    }
                    print(&told);
                }
            }
        }
    }
    Ok(())
}

/// Whoever reads it may have seen enough, and closed the pipe.
fn print(text: &str) {
    std::io::stdout().write_all(text.as_bytes()).ok();
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

async fn centre_named(hub: &Hub, slug: &Slug) -> anyhow::Result<Centre> {
    let centres = hub.store.centres().await?;
    let centre = centres.into_iter().find(|centre| centre.slug == *slug);
    centre.with_context(|| format!("there is no centre '{slug}'"))
}

async fn send_settings(hub: &Hub, slug: &Slug, file: &Path) -> anyhow::Result<()> {
    let centre = centre_named(hub, slug).await?;
    let name = || file.display().to_string();
    let settings: EdgeSettings = toml::from_str(&read_text(file)?).with_context(name)?;
    settings.check().with_context(name)?;
    let version = edge_settings::send(hub, &centre, &settings).await?;
    println!("version {version} waits for the edge of {slug}, which asks within a minute");
    Ok(())
}

async fn verify_events(hub: &Hub, slug: &Slug) -> anyhow::Result<()> {
    let centre = centre_named(hub, slug).await?;
    match event_chain::verify(hub, centre.id).await? {
        Ok(whole) => {
            println!(
                "{} events of {slug} are whole, up to event {}; {} came without a chain, and at {} it was noticed \
                 when they came that they do not follow.",
                whole.events, whole.last, whole.unchained, whole.doubtful
            );
            if whole.forgotten > 0 {
                println!("Up to event {} nothing is kept any more.", whole.forgotten);
            }
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
    print(&table);
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
