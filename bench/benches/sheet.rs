//! A day sheet of 10,000 guests with cards and bookings, from the hub's database to the site that runs on it: built and
//! signed by the hub when its plan has changed, sent over mutual TLS, verified, kept on disk, in force. Real hub,
//! PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a measurement stops at the first surprise")]

use std::collections::HashMap;
use std::process::Command;
use std::time::{Duration, Instant};

use bench::percentile;
use chrono::{DurationRound as _, TimeDelta};
use edge_agent::hub::{HttpHub, Hub as _};
use edge_store::{EdgeStore, KeptSheet};
use model::clock::{Clock as _, SystemClock};
use tests::crowd::Crowd;
use tests::process::{program, run};
use tests::region::{Database, Region};
use twin::{Fact, Moment, Twin};
use wire::identity::DeviceIdentity;
use wire::sealing::SectionKey;
use wire::sheet::{Trust, assemble, check};

const GUESTS: u32 = 10_000;
const ROUNDS: u32 = 12;

#[tokio::main]
async fn main() {
    let mut region = Region::start(Database::Postgres).await;
    region.stop_hub();
    // From the next full hour on, so that every booking lies within what a sheet lists.
    let first =
        SystemClock.now().duration_trunc(TimeDelta::hours(1)).unwrap() + TimeDelta::hours(1);
    let mut crowd = Crowd::of_guests(&region.database_url, GUESTS, first).await.unwrap();
    region.start_hub().await;
    let home = region.folder().join("yokohama-edge");
    let code = region.enrolment_code("yokohama-edge");
    run(Command::new(program("kyoten-edge")).env("KYOTEN_DATA_DIR", &home).args([
        "enrol",
        "--hub",
        &region.uplink_url(),
        "--code",
        &code,
    ]));
    let identity = DeviceIdentity::load(&home).unwrap();
    let hub = HttpHub::new(&region.uplink_url(), &identity).unwrap();
    let store = EdgeStore::open(&home.join("site.db")).await.unwrap();

    let mut rows: Vec<(&str, Vec<Duration>)> =
        ["built and signed", "sent", "verified", "on disk", "in force"]
            .map(|it| (it, Vec::new()))
            .into();
    let (mut bytes, mut cards) = (0, 0);
    let mut twin = Twin::new();
    for _ in 0..ROUNDS {
        let took = round(&hub, &store, &mut twin).await;
        for (row, time) in rows.iter_mut().zip(took.times) {
            row.1.push(time);
        }
        (bytes, cards) = (took.bytes, took.cards);
        crowd.one_guest_goes().await.unwrap();
    }
    println!("day sheet of {cards} cards, {} KiB, {ROUNDS} rounds", bytes / 1024);
    for (what, times) in &mut rows {
        let (half, most) = (percentile(times, 50.0), percentile(times, 100.0));
        println!("  {what:<18} p50 {half:>9.1?}   slowest {most:>9.1?}");
    }
}

struct Took {
    times: [Duration; 5],
    bytes: usize,
    cards: usize,
}

async fn round(hub: &HttpHub, store: &EdgeStore, twin: &mut Twin) -> Took {
    let mut times = Vec::new();
    let mut begun = Instant::now();
    let mut lap = || {
        times.push(begun.elapsed());
        begun = Instant::now();
    };
    // The hub makes the sheet as it is asked; the manifest itself is small.
    let signed = hub.sheet().await.unwrap().unwrap();
    lap();
    let trust = Trust { keys: vec![signed.key.clone()], centre: None, in_force: 0 };
    let manifest = check(&signed, &trust, SystemClock.now()).unwrap();
    let mut sections = HashMap::new();
    for section in &manifest.sections {
        sections.insert(section.sha256.clone(), hub.section(&section.sha256).await.unwrap());
    }
    let key = SectionKey::heard(&hub.section_key().await.unwrap()).unwrap();
    lap();
    let manifest = check(&signed, &trust, SystemClock.now()).unwrap();
    let (sheet, _) = assemble(&manifest, &sections, Some(&key)).unwrap();
    lap();
    let bytes = sections.values().map(Vec::len).sum();
    let kept = KeptSheet { manifest: signed, sections };
    store.keep_sheet(manifest.version, &kept).await.unwrap();
    lap();
    let cards = sheet.credentials.len();
    let at = Moment { now: SystemClock.now(), mono: Duration::ZERO };
    twin.decide(at, Fact::Sheet(Box::new(sheet)));
    lap();
    assert!(cards > 9_000, "{cards} cards");
    let times = times.try_into().unwrap_or_default();
    Took { times, bytes, cards }
}
