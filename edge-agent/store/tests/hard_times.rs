//! What the site's file keeps when it is tampered with, when the disk is full, and when the power goes.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use edge_store::{EdgeStore, KeptSheet, Limits, Offer, StoreError};
use model::event_chain::CheckedChain;
use model::id::{DeviceId, VisitId};
use model::site_event::{Happening, SiteEvent, Weight};
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use uuid::Uuid;
use wire::event::Batch;
use wire::sheet::SignedManifest;

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("kyoten-{}", Uuid::new_v4()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("site.db")
    }

    async fn open(&self) -> EdgeStore {
        EdgeStore::open(&self.file()).await.unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

fn door() -> DeviceId {
    "y-door".parse().unwrap()
}

fn event(second: i64, what: Happening) -> SiteEvent {
    SiteEvent { at: DateTime::UNIX_EPOCH + TimeDelta::seconds(second), what }
}

/// Telemetry, of about a hundred bytes.
fn opened(second: i64) -> SiteEvent {
    event(second, Happening::DoorOpened { door: door() })
}

/// Never given up.
fn came_back(second: i64) -> SiteEvent {
    let visit = VisitId(Uuid::from_u128(u128::try_from(second).unwrap()));
    event(second, Happening::CameBack { visit })
}

async fn offered(store: &EdgeStore, from: u64, upto: u64) -> Batch {
    let shifts = store.progress().await.unwrap().shifts;
    match store.offer(from, upto, 10_000, shifts).await.unwrap() {
        Offer::Events(events, chain) => {
            Batch { first: from, events, chain: Some(chain), ..Batch::default() }
        }
        other => panic!("{other:?}"),
    }
}

fn checked(batch: &Batch) -> CheckedChain {
    wire::chain::check(batch).unwrap().unwrap()
}

/// Somebody with the file in their hands.
async fn tamper(path: &Path, sql: &'static str) {
    let options = SqliteConnectOptions::new().filename(path);
    let mut hand = SqliteConnection::connect_with(&options).await.unwrap();
    assert!(sqlx::query(sql).execute(&mut hand).await.unwrap().rows_affected() > 0);
    hand.close().await.unwrap();
}

#[tokio::test]
async fn what_is_offered_is_a_chain_over_restarts_drops_and_new_places() {
    let folder = Folder::new();
    let store = folder.open().await;
    store.append(1, &[opened(1), came_back(2)]).await.unwrap();
    let first = offered(&store, 1, 2).await;
    assert!(checked(&first).opens && checked(&first).misfits.is_empty());
    store.committed(2).await.unwrap();
    store.keep_state(2, "two").await.unwrap();
    store.close().await;

    let store = folder.open().await;
    store.append(3, &[opened(3)]).await.unwrap();
    let (kept, first) = (offered(&store, 3, 3).await, first.chain.unwrap());
    let next = kept.chain.clone().unwrap();
    assert_eq!((next.file, next.before), (first.file, first.links[1]), "over what was dropped");
    assert_eq!(checked(&kept).misfits, [] as [u64; 0]);
    let none = store.offer(2, 3, 10, 0).await.unwrap();
    assert_eq!(none, Offer::Dropped);

    store.renumber(41, "three").await.unwrap();
    let moved = offered(&store, 41, 41).await;
    assert!(checked(&moved).opens, "a new chain is begun openly");
    assert_ne!(moved.chain.unwrap().file, first.file);
    assert_eq!(*moved.events[0], opened(3));
}

#[tokio::test]
async fn fault_21_a_changed_a_deleted_and_a_torn_event_show_in_what_is_told() {
    let folder = Folder::new();
    let store = folder.open().await;
    let events: Vec<_> = (1..=9).map(opened).collect();
    store.append(1, &events).await.unwrap();
    store.close().await;
    let file = folder.file();
    tamper(&file, "UPDATE outbox SET body = replace(body, 'y-door', 'x-door') WHERE place = 2")
        .await;
    tamper(&file, "DELETE FROM outbox WHERE place = 5").await;
    tamper(&file, "UPDATE outbox SET body = CAST(x'FF7B' AS TEXT) WHERE place = 7").await;
    tamper(&file, "DELETE FROM outbox WHERE place = 9").await;

    let store = folder.open().await;
    let told = offered(&store, 1, 9).await;
    assert_eq!(told.events.len(), 9, "no gap in the places");
    let found = checked(&told);
    assert_eq!((found.misfits, found.lost), (vec![2], vec![5, 7, 9]));
    assert_eq!(*told.events[5], opened(6), "what is whole is told as it is");
    assert_eq!(store.events_from(6, 2).await.unwrap(), [(6, opened(6))]);
    assert_eq!(store.append(10, &[opened(10)]).await.unwrap(), 10);
}

#[tokio::test]
async fn a_file_of_before_the_chain_begins_one_over_what_it_holds() {
    let folder = Folder::new();
    let store = folder.open().await;
    let events: Vec<_> = (1..=4).map(opened).collect();
    store.append(1, &events).await.unwrap();
    store.committed(2).await.unwrap();
    store.keep_state(2, "two").await.unwrap();
    store.close().await;
    tamper(&folder.file(), "UPDATE outbox SET chain = NULL, weight = 2").await;
    tamper(&folder.file(), "UPDATE progress SET chain_head = NULL, dropped = 0").await;
    // Even where somebody has taken one out before.
    tamper(&folder.file(), "DELETE FROM outbox WHERE place = 3").await;

    let store = folder.open().await;
    let told = offered(&store, 3, 4).await;
    let found = checked(&told);
    assert_eq!((found.opens, found.misfits, found.lost), (true, vec![], vec![3]));
    assert_eq!(*told.events[1], opened(4), "each has the place that it had");
    assert!(store.shed(Weight::Telemetry).await.unwrap().is_none(), "they are offered");
    store.append(5, &[opened(5), opened(6)]).await.unwrap();
    assert!(store.shed(Weight::Telemetry).await.unwrap().is_some());
}

/// A file that the disk gives no more than so many pages of 4 KB.
async fn small(folder: &Folder, pages: u32) -> EdgeStore {
    let limits = Limits { most_pages: Some(pages), ..Limits::default() };
    EdgeStore::open_within(&folder.file(), limits).await.unwrap()
}

/// Appends groups of eight until the file takes no more; answers the last place.
async fn fill(store: &EdgeStore, one: impl Fn(i64) -> SiteEvent) -> u64 {
    let mut place = store.progress().await.unwrap().last_place;
    for second in 0..10_000_i64 {
        let group: Vec<_> = (0..8).map(|at| one(second * 8 + at)).collect();
        match store.append(place + 1, &group).await {
            Ok(last) => place = last,
            Err(error) => {
                assert!(error.is_full(), "{error}");
                assert_eq!(store.progress().await.unwrap().last_place, place, "nothing is kept");
                return place;
            }
        }
    }
    panic!("the disk never was full");
}

#[tokio::test]
async fn on_a_full_disk_telemetry_goes_first_and_leaves_no_gap() {
    let folder = Folder::new();
    let store = small(&folder, 80).await;
    let mixed = |second: i64| if second % 4 == 0 { came_back(second) } else { opened(second) };
    let full = fill(&store, mixed).await;
    assert!(full > 300, "{full}");
    let told = offered(&store, 1, 20).await;

    let place = store.shed(Weight::Telemetry).await.unwrap().unwrap();
    assert_eq!((place.place, place.shifts), (20 + (full - 20) / 4 + 1, 1));
    let now = offered(&store, 1, place.place).await;
    assert_eq!(now.events[..20], told.events[..], "what the hub may have seen stays as it is");
    assert_eq!(checked(&now).misfits, [] as [u64; 0], "the chain goes on over it");
    let gone = i64::try_from((full - 20) * 3 / 4).unwrap();
    let Happening::Shed { count, kinds, .. } = &now.events[21].what else {
        panic!("{:?}", now.events[21])
    };
    assert_eq!(*count, u64::try_from(gone).unwrap());
    assert_eq!(*kinds, BTreeMap::from([("door_opened".to_owned(), *count)]));
    let safe = now.events.iter().filter(|event| matches!(event.what, Happening::CameBack { .. }));
    assert_eq!(safe.count(), usize::try_from(full / 4).unwrap(), "none of the others");
    assert!(matches!(store.offer(1, 5, 5, 0).await.unwrap(), Offer::Shifted));
    assert!(store.shed(Weight::Telemetry).await.unwrap().is_none());
    assert!(store.shed(Weight::Safety).await.unwrap().is_none());
    let more: Vec<_> = (0..100).map(came_back).collect();
    store.append(place.place + 1, &more).await.unwrap();
}

#[tokio::test]
async fn what_was_tampered_with_stays_so_when_it_moves_up() {
    let folder = Folder::new();
    let store = folder.open().await;
    let events = [opened(1), opened(2), came_back(3), came_back(4), came_back(5)];
    store.append(1, &events).await.unwrap();
    store.close().await;
    tamper(&folder.file(), "UPDATE outbox SET body = replace(body, '4', '7') WHERE place = 4")
        .await;
    let store = folder.open().await;
    store.shed(Weight::Telemetry).await.unwrap().unwrap();
    let told = offered(&store, 1, 4).await;
    assert_eq!(checked(&told).misfits, [3]);
    store.renumber(11, "moved").await.unwrap();
    assert_eq!(checked(&offered(&store, 11, 14).await).misfits, [13]);
}

#[tokio::test]
async fn over_its_budget_the_file_takes_only_what_is_never_given_up() {
    let folder = Folder::new();
    let limits = Limits { budget: 400_000, ..Limits::default() };
    let store = EdgeStore::open_within(&folder.file(), limits).await.unwrap();
    let full = fill(&store, opened).await;
    assert!(matches!(store.append(full + 1, &[opened(1)]).await, Err(StoreError::Full)));
    let safe: Vec<_> = (0..5000).map(came_back).collect();
    let last = store.append(full + 1, &safe).await.unwrap();
    assert_eq!(last, full + 5000);
}

#[tokio::test]
async fn what_stands_for_others_does_not_fill_the_disk_itself() {
    let folder = Folder::new();
    let store = folder.open().await;
    let stands = |second| model::site_event::shed(&[opened(second)]).unwrap();
    for second in 0..63_i64 {
        store.append(u64::try_from(second).unwrap() + 1, &[stands(second)]).await.unwrap();
    }
    assert!(store.shed(Weight::Telemetry).await.unwrap().is_none());
    store.append(64, &[stands(63)]).await.unwrap();
    assert_eq!(store.shed(Weight::Telemetry).await.unwrap().unwrap().place, 1);
    let told = offered(&store, 1, 1).await;
    assert!(matches!(told.events[0].what, Happening::Shed { count: 64, .. }));
}

#[tokio::test]
async fn the_kept_state_still_names_the_event_that_it_follows() {
    let folder = Folder::new();
    let store = folder.open().await;
    let events = [opened(1), opened(2), came_back(3), opened(4), came_back(5), opened(6)];
    store.append(1, &events).await.unwrap();
    store.keep_state(5, "after the fifth").await.unwrap();
    store.shed(Weight::Telemetry).await.unwrap().unwrap();
    let progress = store.progress().await.unwrap();
    assert_eq!(progress.last_place, 3);
    assert_eq!(progress.state, Some((3, "after the fifth".to_owned())));
    let left = store.events_from(1, 10).await.unwrap();
    assert_eq!(left[1..], [(2, came_back(3)), (3, came_back(5))]);
    store.keep_state_unless_shifted(2, "late", 0).await.unwrap();
    assert_eq!(store.progress().await.unwrap().state.unwrap().1, "after the fifth");
}

const APPEND_TO: &str = "KYOTEN_TEST_APPEND_TO";
const SHEETS_FROM: &str = "KYOTEN_TEST_SHEETS_FROM";

fn sheet(version: u64) -> KeptSheet {
    let text = format!("sheet {version}");
    KeptSheet {
        sections: HashMap::from([("00ff".to_owned(), text.repeat(2000).into_bytes())]),
        manifest: SignedManifest {
            manifest: text,
            key: "key".to_owned(),
            signature: "signature".to_owned(),
        },
    }
}

/// The child of the test below; by itself it does nothing.
#[tokio::test]
async fn a_child_that_writes_until_it_is_killed() {
    let Ok(path) = std::env::var(APPEND_TO) else { return };
    let first: u64 = std::env::var(SHEETS_FROM).unwrap().parse().unwrap();
    let store = EdgeStore::open(Path::new(&path)).await.unwrap();
    let mut place = store.progress().await.unwrap().last_place;
    let mut out = std::io::stdout();
    for round in 1_u64.. {
        let group: Vec<_> =
            (0..=round % 7).map(|at| opened(i64::try_from(place + at + 1).unwrap())).collect();
        place = store.append(place + 1, &group).await.unwrap();
        if round % 5 == 0 {
            store.keep_sheet(first + round, &sheet(first + round)).await.unwrap();
            writeln!(out, "sheet {}", first + round).unwrap();
        }
        if round % 11 == 0 {
            store.shed(Weight::Telemetry).await.unwrap();
            let progress = store.progress().await.unwrap();
            place = progress.last_place;
            writeln!(out, "shifts {}", progress.shifts).unwrap();
            writeln!(out, "kept {place}").unwrap();
        } else {
            writeln!(out, "kept {place}").unwrap();
        }
        out.flush().unwrap();
    }
}

#[tokio::test]
async fn fault_02_a_power_cut_in_mid_write_tears_neither_list_nor_log() {
    let kills: u64 =
        std::env::var("KYOTEN_TEST_KILLS").ok().and_then(|many| many.parse().ok()).unwrap_or(60);
    let folder = Folder::new();
    folder.open().await.close().await;
    let mut shifts = 0;
    for kill in 0..kills {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_child_that_writes_until_it_is_killed", "--nocapture"])
            .env(APPEND_TO, folder.file())
            .env(SHEETS_FROM, (kill * 1_000_000).to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let first = said.find(|line| line.starts_with("kept "));
        assert!(first.is_some(), "the child wrote nothing");
        // At another moment of its work each time: after so many more words, and up to 8 ms.
        let more: Vec<String> = said.by_ref().take(usize::try_from(kill % 25).unwrap()).collect();
        std::thread::sleep(Duration::from_micros(kill.wrapping_mul(7919) % 8000));
        child.kill().unwrap();
        child.wait().unwrap();
        let (mut acknowledged, mut newest) = (0, None);
        for line in first.into_iter().chain(more).chain(said) {
            let Some((what, number)) = line.split_once(' ') else { continue };
            // The last line may be torn.
            let Ok(number) = number.parse::<u64>() else { continue };
            match what {
                "kept" => acknowledged = number,
                "sheet" => newest = Some(number),
                "shifts" => shifts = number,
                _ => {}
            }
        }
        let store = folder.open().await;
        let progress = store.progress().await.unwrap();
        let last = progress.last_place;
        // The last step may be one that gave up what weighs little, untold; else nothing that was answered is gone.
        assert!(last >= acknowledged || progress.shifts > shifts, "{last} {acknowledged}");
        shifts = progress.shifts;
        let told = offered(&store, 1, last).await;
        let found = checked(&told);
        assert_eq!((found.misfits, found.lost), (vec![], vec![]), "after kill {kill}");
        let sheets = store.sheets().await.unwrap();
        if let Some(version) = newest {
            let text = format!("sheet {version}");
            assert!(sheets.iter().any(|kept| kept.manifest.manifest == text), "{text} is gone");
        }
        for kept in sheets {
            let text = kept.manifest.manifest;
            assert_eq!(
                kept.sections["00ff"],
                text.repeat(2000).into_bytes(),
                "whole or not at all"
            );
        }
        assert!(!folder.0.join("site.db.damaged").exists());
        if last > 2000 {
            store.renumber(1, "none").await.unwrap();
        }
        store.close().await;
    }
}

/// What SQLite reads and writes at a time.
const PAGE: usize = 4096;

/// Zeroes the first page of the file that is such a one, as a sector that has gone bad may come back.
fn zero_a_page(file: &Path, is_it: impl Fn(&[u8]) -> bool) {
    let mut bytes = std::fs::read(file).unwrap();
    let page = bytes.chunks_exact_mut(PAGE).find(|page| is_it(page)).unwrap();
    page.fill(0);
    std::fs::write(file, bytes).unwrap();
}

/// How often a text stands in a page.
fn count(page: &[u8], text: &str) -> usize {
    page.windows(text.len()).filter(|window| *window == text.as_bytes()).count()
}

/// Asserts that the sheets are these, each whole or without its sections.
async fn assert_sheets(store: &EdgeStore, expected: &[(u64, bool)]) {
    let sheets = store.sheets().await.unwrap();
    assert_eq!(sheets.len(), expected.len());
    for (kept, (version, whole)) in sheets.into_iter().zip(expected) {
        let wanted = sheet(*version);
        assert_eq!(kept.manifest, wanted.manifest);
        assert_eq!(kept.sections, if *whole { wanted.sections } else { HashMap::new() });
    }
}

#[tokio::test]
async fn fault_06_a_damaged_page_of_the_file_costs_one_sheet_and_no_start() {
    let folder = Folder::new();
    let store = folder.open().await;
    let events: Vec<_> = (1..=400).map(opened).collect();
    store.append(1, &events).await.unwrap();
    store.keep_state(300, "after the 300th").await.unwrap();
    store.keep_pin_tries(&[("a".to_owned(), 3)]).await.unwrap();
    store.keep_clock_floor(events[0].at).await.unwrap();
    for version in [1, 2] {
        store.keep_sheet(version, &sheet(version)).await.unwrap();
    }
    store.close().await;
    // One in the middle of a body: it is full of it, and another one follows.
    zero_a_page(&folder.file(), |page| page[..4] != [0; 4] && count(&page[4..], "sheet 2") > 500);

    let store = folder.open().await;
    assert!(folder.0.join("site.db.damaged").exists());
    assert_sheets(&store, &[(2, false), (1, true)]).await;
    let progress = store.progress().await.unwrap();
    assert_eq!(progress.last_place, 400);
    assert_eq!(progress.state, Some((300, "after the 300th".to_owned())));
    let found = checked(&offered(&store, 1, 400).await);
    assert_eq!((found.misfits, found.lost), (vec![], vec![]), "the log goes on");
    assert_eq!(store.append(401, &[opened(401)]).await.unwrap(), 401);
    for version in [2, 3] {
        store.keep_sheet(version, &sheet(version)).await.unwrap();
    }
    store.close().await;

    // Where it is the log that is damaged, only what stood there is lost.
    let aside = std::fs::read(folder.0.join("site.db.damaged")).unwrap();
    zero_a_page(&folder.file(), |page| page[0] == 13 && count(page, "door_opened") > 5);
    let store = folder.open().await;
    let kept = std::fs::read(folder.0.join("site.db.damaged")).unwrap();
    assert!(aside == kept, "what was set aside before stays");
    assert!(folder.0.join("site.db.damaged-2").exists());
    assert_sheets(&store, &[(3, true), (2, true)]).await;
    let progress = store.progress().await.unwrap();
    assert_eq!(progress.last_place, 401);
    assert_eq!(progress.state, Some((300, "after the 300th".to_owned())));
    let told = offered(&store, 1, 401).await;
    let found = checked(&told);
    assert_eq!(found.misfits, [] as [u64; 0]);
    let (first, last) = (found.lost[0], found.lost[found.lost.len() - 1]);
    assert_eq!(found.lost, (first..=last).collect::<Vec<_>>(), "one page");
    assert!((6..100).contains(&found.lost.len()), "{:?}", found.lost);
    assert_eq!(store.clock_floor().await.unwrap(), events[0].at);
    assert_eq!(store.append(402, &[opened(402)]).await.unwrap(), 402);
    assert_eq!(checked(&offered(&store, last + 1, 402).await).lost, [] as [u64; 0]);
    store.close().await;

    // Where it cannot be read how far the site was, the log begins anew, and the rest stays.
    zero_a_page(&folder.file(), |page| page[0] == 13 && count(page, "after the 300th") > 0);
    let store = folder.open().await;
    assert!(folder.0.join("site.db.damaged-3").exists());
    assert_sheets(&store, &[(3, true), (2, true)]).await;
    assert_eq!(store.progress().await.unwrap().last_place, 0);
    assert_eq!(store.pin_tries().await.unwrap(), [("a".to_owned(), 3)]);
    assert_eq!(store.append(1, &[opened(1)]).await.unwrap(), 1);
    store.close().await;

    // A power cut between setting it aside and putting the new one in its place.
    let coming = folder.0.join("site.db.coming");
    std::fs::rename(folder.file(), &coming).unwrap();
    let store = folder.open().await;
    assert_eq!(store.progress().await.unwrap().last_place, 1);
    assert!(!coming.exists());
    store.close().await;

    // One before that; the next start then finds nothing wrong.
    std::fs::write(&coming, b"old").unwrap();
    let store = folder.open().await;
    assert_eq!(store.progress().await.unwrap().last_place, 1);
    assert!(!coming.exists());
}

#[tokio::test]
async fn fault_06_a_damaged_page_of_the_state_costs_the_state_and_no_event() {
    let folder = Folder::new();
    let store = folder.open().await;
    let events: Vec<_> = (1..=40).map(opened).collect();
    store.append(1, &events).await.unwrap();
    store.committed(20).await.unwrap();
    store.keep_state(30, &"state ".repeat(4000)).await.unwrap();
    store.close().await;
    // One in the middle: another one follows.
    zero_a_page(&folder.file(), |page| {
        page[0] != 13 && page[..4] != [0; 4] && count(&page[4..], "state ") > 500
    });

    let store = folder.open().await;
    assert!(folder.0.join("site.db.damaged").exists());
    let progress = store.progress().await.unwrap();
    assert_eq!((progress.last_place, progress.committed), (40, 20));
    assert_eq!(progress.state, None);
    assert_eq!(store.events_from(1, 100).await.unwrap().len(), 20);
    let found = checked(&offered(&store, 21, 40).await);
    assert_eq!((found.opens, found.misfits, found.lost), (true, vec![], vec![]), "a new chain");
    assert_eq!(store.append(41, &[opened(41)]).await.unwrap(), 41);
}

#[tokio::test]
async fn fault_06_a_damaged_page_of_one_sheet_leaves_the_other_whole() {
    let folder = Folder::new();
    let store = folder.open().await;
    let small = |version: u64| {
        let section = |at: u64| (format!("{at:04}"), format!("small {version} ").repeat(30));
        let sections = (0..60).map(section).map(|(name, text)| (name, text.into_bytes()));
        KeptSheet { sections: sections.collect(), ..sheet(version) }
    };
    for version in [1, 2] {
        store.keep_sheet(version, &small(version)).await.unwrap();
    }
    store.close().await;
    zero_a_page(&folder.file(), |page| {
        page[0] == 13 && count(page, "small 2") > 30 && count(page, "small 1") == 0
    });

    let store = folder.open().await;
    assert!(folder.0.join("site.db.damaged").exists());
    let sheets = store.sheets().await.unwrap();
    assert_eq!(sheets.len(), 2);
    assert_eq!(sheets[0].manifest, sheet(2).manifest);
    assert_eq!(sheets[0].sections, HashMap::new());
    assert_eq!(sheets[1].sections, small(1).sections);
}

#[tokio::test]
async fn fault_02_what_was_answered_is_on_the_disk_and_not_only_on_its_way() {
    let folder = Folder::new();
    let store = folder.open().await;
    assert!(store.outlives_power_cuts().await.unwrap(), "journal_mode=wal, synchronous=FULL");
}

#[tokio::test]
async fn fault_02_a_log_that_the_power_cut_short_or_garbled_is_whole_up_to_there() {
    const COPIES: u64 = 50;
    let folder = Folder::new();
    folder.open().await.close().await;
    let store = folder.open().await;
    let mut last = 0;
    for round in 1..=40_u64 {
        let group: Vec<_> =
            (0..=round % 5).map(|at| opened(i64::try_from(last + at + 1).unwrap())).collect();
        last = store.append(last + 1, &group).await.unwrap();
        if round % 10 == 0 {
            store.keep_sheet(round, &sheet(round)).await.unwrap();
        }
    }
    // As it lies there when the power goes: nobody has let go of it.
    let file = std::fs::read(folder.file()).unwrap();
    let log = std::fs::read(folder.0.join("site.db-wal")).unwrap();
    assert!(log.len() > 60 * PAGE, "{}", log.len());
    let mut seed = 20_261_124_u64;
    let mut below = |most: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % most
    };
    let mut found_less = 0;
    for copy in 0..COPIES {
        let mut log = log.clone();
        let length = below(log.len() + 1);
        match copy % 3 {
            // Cut short; garbled near its end; both.
            0 => log.truncate(length),
            1 => {
                for _ in 0..8 {
                    let at = log.len() - 1 - below(log.len() / 4);
                    log[at] ^= 0x5a;
                }
            }
            _ => {
                log.truncate(length.max(PAGE));
                let at = log.len() - 1 - below(PAGE / 2);
                log[at] ^= 0xff;
            }
        }
        let copied = Folder::new();
        std::fs::write(copied.file(), &file).unwrap();
        std::fs::write(copied.0.join("site.db-wal"), &log).unwrap();
        let store = copied.open().await;
        let reached = store.progress().await.unwrap().last_place;
        assert!(reached <= last, "copy {copy}");
        found_less += u32::from(reached < last);
        if reached > 0 {
            let told = offered(&store, 1, reached).await;
            let found = checked(&told);
            assert_eq!((found.misfits, found.lost), (vec![], vec![]), "copy {copy}");
        }
        for kept in store.sheets().await.unwrap() {
            let text = kept.manifest.manifest;
            assert_eq!(kept.sections["00ff"], text.repeat(2000).into_bytes(), "copy {copy}");
        }
        assert_eq!(store.append(reached + 1, &[opened(0)]).await.unwrap(), reached + 1);
        assert!(!copied.0.join("site.db.damaged").exists(), "copy {copy}");
        store.close().await;
    }
    assert!(found_less > 20, "{found_less} of {COPIES} lost anything");
    store.close().await;
}

#[tokio::test]
async fn fault_20_a_program_that_is_rolled_back_opens_the_file_of_the_newer_one() {
    let folder = Folder::new();
    let store = folder.open().await;
    store.keep_sheet(1, &sheet(1)).await.unwrap();
    store.append(1, &[opened(1)]).await.unwrap();
    store.close().await;
    tamper(
        &folder.file(),
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (999999, 'of a later program', TRUE, x'00', 1)",
    )
    .await;
    let store = folder.open().await;
    assert_sheets(&store, &[(1, true)]).await;
    assert_eq!(store.append(2, &[opened(2)]).await.unwrap(), 2);
    assert!(!folder.0.join("site.db.damaged").exists());
}
