//! A site whose file is tampered with, whose disk is full, whose certificates have ended, and that is there twice.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use edge_agent::hub::Hub as _;
use edge_agent::{Config, DoorDriver, Drivers, SimDoors, Wired};
use edge_store::EdgeStore;
use hardware::door::{DoorError, Lock, LockLevel};
use hardware::sim::DoorFaults;
use model::centre::Door;
use model::id::{CentreId, DeviceId, OrderId, PersonId};
use model::site_event::{Happening, SiteEvent};
use model::site_order::{Ordered, OrderedFrom, SiteOrder};
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};
use twin::Snapshot;
use uuid::Uuid;
use wire::bus::ANSWER_WITHIN;
use wire::cards::CardKey;
use wire::edge_config::{EdgeConfig, EdgeSettings, sign};
use wire::request::Answer;
use wire::topics::DeviceKind;

use super::site_support::{House, id, in_force, morning, sheet, until};
use super::{mirrored, welcome};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_12_on_a_full_disk_doors_open_nobody_hangs_and_nothing_that_counts_is_lost() {
    let house = House::new();
    let site = house.start_with(1).await;
    mirrored(&house, &site).await;
    site.stop().await;
    let bytes = std::fs::metadata(house.data().join("site.db")).unwrap().len();
    house.hub.state().away = true;

    let site = house.start_on_a_small_disk(u32::try_from(bytes / 4096).unwrap() + 4).await;
    in_force(&site, 1).await;
    let kiosk = house.kiosk(&site).await;
    let door = house.doors.get(&id("y-door"));
    let mut refused = 0;
    let not_kept = loop {
        if refused % 2 == 0 {
            door.force()
        } else {
            door.close()
        }
        let asked = Instant::now();
        let answer = kiosk.tap("0909").await;
        assert!(asked.elapsed() < ANSWER_WITHIN, "somebody hangs");
        refused += 1;
        assert!(refused < 5_000, "the disk never was full");
        match answer {
            Answer::Refused { .. } => {}
            other => break other,
        }
    };
    assert_eq!(not_kept, Answer::NotKept { door_open: false });
    let mut watched = door.watch();
    let opened = async {
        let begun = Instant::now();
        watched.wait_for(|door| door.lock == LockLevel::Unlocked).await.unwrap();
        begun.elapsed()
    };
    let (answer, opened) = tokio::join!(kiosk.tap("0101"), opened);
    assert_eq!(answer, Answer::NotKept { door_open: true });
    assert!(opened < Duration::from_secs(1), "the door has not waited for the disk: {opened:?}");

    house.hub.state().away = false;
    until("the hub to have what was held", async || {
        let hub = house.hub.state();
        let freed = |what: &Happening| *what == Happening::DiskFull { full: false };
        hub.events.iter().any(|event| freed(&event.what)).then_some(())
    })
    .await;
    let again = kiosk.tap("0101").await;
    assert!(matches!(again, Answer::Welcome { .. }), "{again:?}");
    mirrored(&house, &site).await;
    site.stop().await;
    let hub = house.hub.state();
    let count = |wanted: fn(&Happening) -> bool| {
        hub.events.iter().filter(|event| wanted(&event.what)).count()
    };
    assert_eq!(count(|what| matches!(what, Happening::CheckedIn { .. })), 1);
    assert_eq!(count(|what| matches!(what, Happening::Refused { .. })), refused);
    assert_eq!(count(|what| *what == Happening::DiskFull { full: true }), 1);
    assert!(count(|what| matches!(what, Happening::Shed { .. })) > 0);
    assert_eq!(hub.misfits, [] as [u64; 0], "the chain goes on over all of it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_12_a_sheet_that_finds_no_room_is_in_force_and_none_from_before_it() {
    let house = House::new();
    house.start_with(1).await.stop().await;
    let bytes = std::fs::metadata(house.data().join("site.db")).unwrap().len();
    // What is told makes no room: the site hears nothing of it.
    house.hub.state().lose_answers = u32::MAX;
    let site = house.start_on_a_small_disk(u32::try_from(bytes / 4096).unwrap() + 4).await;
    let kiosk = house.kiosk(&site).await;
    until("the disk to be full", async || {
        (kiosk.tap("0909").await == Answer::NotKept { door_open: false }).then_some(())
    })
    .await;
    let mut stopped = sheet(3);
    stopped.credentials[0].blocked = true;
    let older = house.hub.seal(&sheet(2));
    house.hub.offer(house.hub.seal(&stopped));
    until("the sheet to be in force", async || {
        (site.view().await.unwrap().sheet == 3).then_some(())
    })
    .await;
    assert_eq!(
        house.hub.state().acknowledged,
        1,
        "it does not say that it has what it cannot keep"
    );
    for _ in 0..2 {
        let fetched = house.hub.state().fetched;
        house.hub.offer(older.clone());
        until("it to be fetched", async || (house.hub.state().fetched > fetched).then_some(()))
            .await;
    }
    assert_eq!(site.view().await.unwrap().sheet, 3);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_12_card_keys_that_are_torn_or_find_no_room_keep_no_door_shut() {
    let house = House::new();
    let file = house.data().join("card-keys.json");
    house.start_with(1).await.stop().await;
    house.hub.state().away = true;
    // As a power cut may leave a file that was not put in its place whole.
    std::fs::write(&file, b"").unwrap();
    let site = house.start_with(1).await;
    welcome(house.kiosk(&site).await.tap("0101").await);
    house.hub.state().away = false;
    let kept = until("the keys to be kept again", async || {
        std::fs::read(&file).ok().filter(|bytes| !bytes.is_empty())
    })
    .await;
    site.stop().await;

    // The next ones meet a full disk. They are asked for again and again, and those before stay.
    symlink("/dev/full", house.data().join("card-keys.json.coming")).unwrap();
    let mut keys = house.hub.card_keys().await.unwrap();
    keys.keys.insert(0, CardKey { generation: 2, key: format!("{}CQk=", "CQkJ".repeat(10)) });
    let fetched = {
        let mut hub = house.hub.state();
        hub.card_keys = Some(keys);
        hub.keys_fetched
    };
    let site = house.start_with(1).await;
    until("the keys to be fetched twice", async || {
        (house.hub.state().keys_fetched >= fetched + 2).then_some(())
    })
    .await;
    assert_eq!(std::fs::read(&file).unwrap(), kept);
    site.stop().await;
    house.hub.state().away = true;
    let site = house.start_with(1).await;
    welcome(house.kiosk(&site).await.tap("0202").await);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_21_what_is_changed_or_torn_between_writing_and_telling_shows() {
    let house = House::new();
    let file = house.data().join("site.db");
    let [(first, _), (second, _)] = two_that_are_not_told(&house).await;
    let of = |number| PersonId(Uuid::from_u128(number));
    // One is given to somebody else; the other is no event any more.
    let mut bytes = std::fs::read(&file).unwrap();
    let said = |number| format!("\"person\":\"{}\"", of(number));
    assert!(swap(&mut bytes, &said(1), &said(7)) > 0);
    assert!(swap(&mut bytes, &said(2), &said(2).replace("person", "pers0n")) > 0);
    std::fs::write(&file, bytes).unwrap();

    house.hub.state().away = false;
    let site = house.start_with(1).await;
    until("the hub to have it", async || {
        let told = u64::try_from(house.hub.state().events.len()).unwrap();
        (told > second).then_some(())
    })
    .await;
    site.stop().await;
    let hub = house.hub.state();
    assert_eq!(hub.misfits, [first]);
    assert_eq!(hub.events[usize::try_from(second).unwrap() - 1].what, Happening::Lost);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_21_what_is_deleted_between_writing_and_telling_is_told_as_lost() {
    let house = House::new();
    let file = house.data().join("site.db");
    let [(first, event), (second, _)] = two_that_are_not_told(&house).await;
    let mut bytes = std::fs::read(&file).unwrap();
    delete(&mut bytes, &serde_json::to_string(&event).unwrap());
    std::fs::write(&file, bytes).unwrap();
    let store = EdgeStore::open(&file).await.unwrap();
    let left = store.events_from(first, 100).await.unwrap();
    store.close().await;
    assert!(left.iter().all(|(place, _)| *place != first), "it is gone");
    assert!(left.iter().any(|(place, _)| *place == second), "and no other");

    house.hub.state().away = false;
    let site = house.start_with(1).await;
    until("the hub to have what comes after", async || {
        let told = u64::try_from(house.hub.state().events.len()).unwrap();
        (told > second).then_some(())
    })
    .await;
    site.stop().await;
    let hub = house.hub.state();
    assert_eq!(hub.events[usize::try_from(first).unwrap() - 1].what, Happening::Lost);
    assert_eq!(hub.misfits, [] as [u64; 0], "what is left follows as it did");
}

/// Two guests come while the hub is away, and the site stops. Answers the place of each one's coming in the site's file,
/// and what stands there.
async fn two_that_are_not_told(house: &House) -> [(u64, SiteEvent); 2] {
    let site = house.start_with(1).await;
    mirrored(house, &site).await;
    house.hub.state().away = true;
    let kiosk = house.kiosk(&site).await;
    welcome(kiosk.tap("0101").await);
    welcome(kiosk.tap("0202").await);
    site.stop().await;

    let store = EdgeStore::open(&house.data().join("site.db")).await.unwrap();
    let reached = u64::try_from(house.hub.state().events.len()).unwrap();
    let kept = store.events_from(reached + 1, 100).await.unwrap();
    store.close().await;
    [1, 2].map(|number| {
        let who = PersonId(Uuid::from_u128(number));
        let came = |what: &Happening| matches!(what, Happening::CheckedIn { person, .. } if *person == who);
        kept.iter().find(|(_, event)| came(&event.what)).unwrap().clone()
    })
}

/// Takes the row that holds this text out of an SQLite file, beside the program that keeps it. What is left is whole.
fn delete(bytes: &mut [u8], text: &str) {
    let size = usize::from(u16::from_be_bytes([bytes[16], bytes[17]]));
    let mut gone = 0;
    // A page of rows begins with 13; their count lies at 3, and where each of them is from 8 on.
    for page in bytes.chunks_mut(size).filter(|page| page[0] == 13) {
        let number = |at: usize| usize::from(u16::from_be_bytes([page[at], page[at + 1]]));
        let count = number(3);
        let row = |row: usize| {
            let row = &page[number(8 + 2 * row)..];
            // First its length in one or two bytes of seven bits, then its place, which is small here.
            let length = match usize::from(row[0]) {
                long @ 128.. => (long - 128) * 128 + usize::from(row[1]) + 3,
                short => short + 2,
            };
            row[..length.min(row.len())].to_vec()
        };
        let holds = |row: &Vec<u8>| row.windows(text.len()).any(|part| part == text.as_bytes());
        let left: Vec<Vec<u8>> = (0..count).map(row).filter(|row| !holds(row)).collect();
        if left.len() == count {
            continue;
        }
        gone += count - left.len();
        // Those that are left are laid anew from the end of the page on, without a hole.
        let two = |number: usize| u16::try_from(number).unwrap().to_be_bytes();
        let mut begins = size;
        for (at, row) in left.iter().enumerate() {
            let ends = begins;
            begins -= row.len();
            page[begins..ends].copy_from_slice(row);
            page[8 + 2 * at..10 + 2 * at].copy_from_slice(&two(begins));
        }
        page[1..3].fill(0);
        page[3..5].copy_from_slice(&two(left.len()));
        page[5..7].copy_from_slice(&two(begins));
        page[7] = 0;
    }
    assert!(gone > 0, "nothing holds it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_19_a_certificate_that_ended_while_the_hub_is_away_is_good_for_two_weeks() {
    let house = House::new();
    house.start_with(1).await.stop().await;
    house.hub.state().away = true;
    house.enrol_until("y-edge", DeviceKind::Edge, Some(-TimeDelta::days(13)));
    let site = house.start_with(1).await;
    house.enrol_until("y-kiosk-1", DeviceKind::Kiosk, Some(-TimeDelta::days(13)));
    let (kiosk, _kiosk_inbox) = house.knock(&site, "y-kiosk-1", DeviceKind::Kiosk);
    until("a kiosk on the bus", async || kiosk.connected().borrow().then_some(())).await;
    house.enrol_until("y-seat-01", DeviceKind::Seat, Some(-TimeDelta::days(15)));
    assert!(!house.is_let_in(&site, "y-seat-01").await, "too long ago");
    house.enrol_until("y-seat-01", DeviceKind::Seat, Some(-TimeDelta::days(13)));
    assert!(house.is_let_in(&site, "y-seat-01").await);

    // An explicit revocation wins.
    let mut locked_out = sheet(2);
    locked_out.devices.iter_mut().find(|one| one.device == id("y-kiosk-1")).unwrap().revoked = true;
    house.hub.state().away = false;
    house.hub.offer(house.hub.seal(&locked_out));
    in_force(&site, 2).await;
    until("the kiosk to be thrown out", async || (!*kiosk.connected().borrow()).then_some(()))
        .await;
    sleep(Duration::from_millis(700)).await;
    assert!(!*kiosk.connected().borrow());
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_19_two_clients_with_one_identity_on_the_bus_are_told_to_the_hub() {
    let house = House::new();
    let site = house.start_with(1).await;
    let (_one, _one_inbox) = house.join(&site, "y-kiosk-1", DeviceKind::Kiosk).await;
    let (_two, _two_inbox) = house.knock(&site, "y-kiosk-1", DeviceKind::Kiosk);
    let twice = Happening::BusTwin { device: id("y-kiosk-1") };
    until("the hub to hear of the twins", async || {
        house.hub.state().events.iter().any(|event| event.what == twice).then_some(())
    })
    .await;
    assert!(house.hub.state().boot.is_some());
    site.stop().await;
}

/// Puts one text in the place of another of the same length; answers how often.
fn swap(bytes: &mut [u8], from: &str, to: &str) -> usize {
    assert_eq!(from.len(), to.len());
    let found: Vec<usize> = bytes
        .windows(from.len())
        .enumerate()
        .filter_map(|(at, window)| (window == from.as_bytes()).then_some(at))
        .collect();
    for at in &found {
        bytes[*at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    found.len()
}

/// The hub has these settings for the edge, and tells that there is something new; waits until the edge has them.
async fn send(house: &House, version: u64, settings: EdgeSettings) {
    let config = EdgeConfig { centre: CentreId(Uuid::from_u128(1)), version, settings };
    let signed = sign(&config, &house.hub.key).unwrap();
    let before = {
        let mut hub = house.hub.state();
        hub.edge_config = Some(signed);
        hub.configs_fetched
    };
    house.hub.offer(house.hub.seal(&sheet(1)));
    until("the settings to be fetched", async || {
        (house.hub.state().configs_fetched > before).then_some(())
    })
    .await;
}

fn doors(door: &str, driver: &str) -> EdgeSettings {
    let doors = BTreeMap::from([(door.to_owned(), driver.to_owned())]);
    EdgeSettings { doors: Some(doors), outbox_mb: Some(64) }
}

/// What became of the settings of this version.
async fn became(house: &House, version: u64) -> Option<String> {
    until("what became of the settings", async || {
        let hub = house.hub.state();
        hub.events.iter().find_map(|event| match &event.what {
            Happening::ConfigInForce { version: of } if *of == version => Some(None),
            Happening::ConfigRolledBack { version: of, why } if *of == version => {
                Some(Some(why.clone()))
            }
            _ => None,
        })
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_20_settings_that_fail_their_check_are_rolled_back_and_never_tried_again() {
    let house = House::new();
    let rng: Arc<dyn SecureRandom + Send + Sync> = Arc::new(SystemRandom::new());
    let drivers = Arc::new(Wired::open(&Config::default(), "y", &rng).await.unwrap());
    let site = house.start_on(house.clock.clone(), drivers.clone()).await;
    in_force(&site, 1).await;
    let kiosk = house.kiosk(&site).await;
    send(&house, 1, doors("y-other", "sim")).await;
    let why = became(&house, 1).await.unwrap();
    assert!(why.contains("y-door"), "{why}");
    welcome(kiosk.tap("0101").await);

    send(&house, 2, doors("*", "crowbar")).await;
    let why = became(&house, 2).await.unwrap();
    assert!(why.contains("crowbar"), "{why}");
    send(&house, 3, doors("y-door", "sim")).await;
    assert_eq!(became(&house, 3).await, None);
    // The hub is asked again and again, and answers the same.
    send(&house, 2, doors("*", "crowbar")).await;
    send(&house, 1, doors("y-other", "sim")).await;
    send(&house, 4, doors("*", "sim")).await;
    assert_eq!(became(&house, 4).await, None);
    site.stop().await;

    let site = house.start_on(house.clock.clone(), drivers).await;
    send(&house, 5, doors("y-other", "sim")).await;
    assert!(became(&house, 5).await.is_some());
    site.stop().await;
    let hub = house.hub.state();
    let told = hub.events.iter().filter(|event| {
        matches!(event.what, Happening::ConfigInForce { .. } | Happening::ConfigRolledBack { .. })
    });
    assert_eq!(told.count(), 5, "each once");
}

/// A lock that never answers what it is asked, with settings that nobody would send.
#[derive(Clone, Default)]
struct Hanging {
    sim: Arc<SimDoors>,
    hangs: Arc<AtomicBool>,
}

struct HangingLock {
    lock: Box<dyn Lock>,
    hangs: Arc<AtomicBool>,
}

#[async_trait]
impl Lock for HangingLock {
    async fn unlock(&self) -> Result<(), DoorError> {
        self.lock.unlock().await
    }

    async fn lock(&self) -> Result<(), DoorError> {
        self.lock.lock().await
    }

    async fn level(&self) -> Result<LockLevel, DoorError> {
        if self.hangs.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        self.lock.level().await
    }
}

impl Drivers for Hanging {
    fn door(&self, door: &DeviceId) -> Option<DoorDriver> {
        let DoorDriver { lock, contact, exit } = self.sim.door(door)?;
        Some(DoorDriver {
            lock: Box::new(HangingLock { lock, hangs: self.hangs.clone() }),
            contact,
            exit,
        })
    }

    fn set_up(&self, config: &Config) {
        self.hangs.store(config.outbox_mb == 64, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_20_settings_under_which_a_part_hangs_are_taken_back_within_half_a_minute() {
    let house = House::new();
    let drivers = Hanging::default();
    let site = house.start_on(house.clock.clone(), Arc::new(drivers.clone())).await;
    in_force(&site, 1).await;
    let begun = Instant::now();
    send(&house, 1, doors("*", "sim")).await;
    until("the settings to be tried", async || drivers.hangs.load(Ordering::Relaxed).then_some(()))
        .await;
    let back = async {
        while drivers.hangs.load(Ordering::Relaxed) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(30).saturating_sub(begun.elapsed()), back).await.unwrap();
    assert!(became(&house, 1).await.is_some());
    let kiosk = house.kiosk(&site).await;
    until("the door to open again", async || {
        let answer = kiosk.tap("0101").await;
        matches!(answer, Answer::Welcome { door_open: true, .. }).then_some(())
    })
    .await;
    // Asked once more, nothing is tried.
    send(&house, 1, doors("*", "sim")).await;
    send(&house, 1, doors("*", "sim")).await;
    assert!(!drivers.hangs.load(Ordering::Relaxed));
    site.stop().await;
}

/// Doors that the settings name, and how often one was given a driver.
#[derive(Default)]
struct Named {
    sim: SimDoors,
    settings: Mutex<Config>,
    given: AtomicUsize,
}

impl Drivers for Named {
    fn door(&self, door: &DeviceId) -> Option<DoorDriver> {
        self.given.fetch_add(1, Ordering::Relaxed);
        self.settings.lock().unwrap().driver(door)?;
        self.sim.door(door)
    }

    fn set_up(&self, config: &Config) {
        *self.settings.lock().unwrap() = config.clone();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_20_only_what_settings_break_themselves_speaks_against_them() {
    let house = House::new();
    let drivers = Arc::new(Named::default());
    let mut plan = sheet(2);
    plan.site.doors.push(Door { device: id("y-yard"), ..plan.site.doors[0].clone() });
    house.hub.offer(house.hub.seal(&plan));
    let site = house.start_on(house.clock.clone(), drivers.clone()).await;
    in_force(&site, 2).await;
    let given = drivers.given.load(Ordering::Relaxed);
    send(&house, 1, doors("*", "crowbar")).await;
    assert!(became(&house, 1).await.unwrap().contains("crowbar"));
    assert_eq!(drivers.given.load(Ordering::Relaxed), given, "no door was started again");

    let dead = DoorFaults { lock_silent: true, ..DoorFaults::default() };
    drivers.sim.get(&id("y-yard")).set_faults(dead);
    send(&house, 2, doors("*", "sim")).await;
    assert_eq!(became(&house, 2).await, None, "that lock was dead before");
    send(&house, 3, doors("y-yard", "sim")).await;
    let why = became(&house, 3).await.unwrap();
    assert!(why.contains("y-door"), "{why}");
    let kiosk = house.kiosk(&site).await;
    until("the door to open again", async || {
        let answer = kiosk.tap("0101").await;
        matches!(answer, Answer::Welcome { door_open: true, .. }).then_some(())
    })
    .await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_20_a_power_cut_while_settings_are_checked_takes_them_back() {
    let house = House::new();
    let drivers = Hanging::default();
    let site = house.start_on(house.clock.clone(), Arc::new(drivers.clone())).await;
    in_force(&site, 1).await;
    send(&house, 1, doors("*", "sim")).await;
    let file = house.data().join("settings-from-hub.json");
    until("the settings to be tried", async || {
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        (kept.contains("\"trying\":{") && drivers.hangs.load(Ordering::Relaxed)).then_some(())
    })
    .await;
    drop(site);
    // There is no room to take note of it.
    let coming = file.with_added_extension("coming");
    symlink("/dev/full", &coming).unwrap();

    let site = house.start_on(house.clock.clone(), Arc::new(drivers.clone())).await;
    assert!(!drivers.hangs.load(Ordering::Relaxed), "those before are in force");
    let why = became(&house, 1).await.unwrap();
    assert!(why.contains("stopped"), "{why}");
    let kiosk = house.kiosk(&site).await;
    welcome(kiosk.tap("0101").await);
    send(&house, 1, doors("*", "sim")).await;
    send(&house, 1, doors("*", "sim")).await;
    assert!(!drivers.hangs.load(Ordering::Relaxed), "a version that failed is not tried again");
    site.stop().await;

    std::fs::remove_file(&coming).unwrap();
    // A torn file counts as none: the edge's own settings hold.
    std::fs::write(&file, b"{\"in_force\":{").unwrap();
    let site = house.start_on(house.clock.clone(), Arc::new(drivers)).await;
    in_force(&site, 1).await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_20_a_program_that_is_rolled_back_knows_who_is_in_whatever_the_newer_one_kept() {
    let house = House::new();
    let site = house.start_with(1).await;
    welcome(house.kiosk(&site).await.tap("0101").await);
    let what = SiteOrder::Lockdown { on: true };
    let (order, by) = (OrderId(Uuid::from_u128(1)), PersonId(Uuid::from_u128(2)));
    site.order(Ordered { id: order, what, by, from: OrderedFrom::StaffScreen }).await.unwrap();
    let kept = site.snapshot().await.unwrap();
    site.stop().await;

    // The state as the newer program keeps it, with kinds that the former does not know; all events are in it.
    let mut newer = serde_json::to_value(&*kept).unwrap();
    for (list, of_a_new_kind) in [
        ("recent", json!({ "at": morning(), "kind": "roof_opened" })),
        ("troubles", json!({ "of": "roof", "why": "snow", "since": morning() })),
        ("doors", json!({ "door": "y-roof", "lock": "half_way", "fault": false, "open": null })),
    ] {
        match newer[list].as_array_mut() {
            Some(entries) => entries.push(of_a_new_kind),
            None => newer[list] = json!([of_a_new_kind]),
        }
    }
    assert_eq!(Snapshot::read(&newer.to_string()).unwrap().1, 3);
    let store = EdgeStore::open(&house.data().join("site.db")).await.unwrap();
    let last = store.progress().await.unwrap().last_place;
    store.keep_state(last, &newer.to_string()).await.unwrap();
    store.close().await;

    house.hub.state().away = true;
    let site = house.start().await;
    in_force(&site, 1).await;
    let found = site.snapshot().await.unwrap();
    assert_eq!((&found.visits, &found.orders), (&kept.visits, &kept.orders));
    assert_eq!((found.visits.len(), found.house.lockdown), (1, kept.house.lockdown));
    assert!(kept.house.lockdown.is_some());
    assert!(kept.recent.iter().all(|event| found.recent.contains(event)), "but for the newer one");
    site.stop().await;
}
