//! Doors with buttons, a fire panel and orders, in a whole site.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta};
use edge_agent::{DoorDriver, DoorReader as EdgeReader, Drivers, SimDoors, Site};
use futures::future::join_all;
use hardware::card::{CardError, CardEvent, CardReader};
use hardware::door::{Contact, ContactLevel, DoorError, Input, Lock, LockLevel};
use hardware::feedback::NoFeedback;
use hardware::sim::{DoorFaults, SimContact, SimDoor};
use model::access::RefusalKind;
use model::card::CardLevel;
use model::centre::Door;
use model::clock::ManualClock;
use model::day_sheet::{CredentialDigest, DaySheet};
use model::door::{DoorPlan, DoorReader, DoorState, Side, Wiring};
use model::id::{DeviceId, OrderId, PersonId, VisitId};
use model::language::LocalText;
use model::site_event::{Happening, SiteEvent};
use model::site_order::{OrderAnswer, Ordered, OrderedFrom, SiteOrder};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use twin::{Fact, TappedCard};
use uuid::Uuid;
use wire::request::{Answer, Request};

use super::site_support::{DEADLINE, House, Kiosk, id, in_force, morning, sheet, until};
use super::{mirrored, refused, welcome};

/// Later than any reading may act.
const LATE: Duration = Duration::from_secs(60);

/// The door of the sheet with a plan, and a second one.
fn planned(version: u64) -> DaySheet {
    let mut sheet = sheet(version);
    let reader = |device: &str, side| DoorReader { device: id(device), side };
    let plan = |name: &str| DoorPlan {
        wiring: Some(Wiring::FailSafe),
        exit_button: true,
        readers: vec![
            reader(&format!("{name}-out"), Side::Outside),
            reader(&format!("{name}-in"), Side::Inside),
        ],
        ..DoorPlan::default()
    };
    sheet.site.zone = Some(chrono_tz::Asia::Tokyo);
    sheet.site.doors[0].plan = Some(plan("y-door"));
    sheet.site.doors.push(Door {
        device: id("y-yard"),
        name: LocalText::new("中庭", "Yard"),
        unlock_seconds: 1,
        plan: Some(plan("y-yard")),
    });
    sheet
}

async fn open(house: &House) -> Site {
    open_on(house, house.doors.clone()).await
}

async fn open_on(house: &House, drivers: Arc<dyn Drivers>) -> Site {
    open_by(house, drivers, &planned(2)).await
}

async fn open_by(house: &House, drivers: Arc<dyn Drivers>, plan: &DaySheet) -> Site {
    house.hub.offer(house.hub.seal(plan));
    let site = house.start_on(house.clock.clone(), drivers).await;
    in_force(&site, plan.version).await;
    until("the edge on its bus", async || site.on_the_bus().borrow().then_some(())).await;
    site
}

async fn order(site: &Site, number: u128, what: SiteOrder) -> OrderAnswer {
    let (order, by) = (OrderId(Uuid::from_u128(number)), PersonId(Uuid::from_u128(2)));
    let order = Ordered { id: order, what, by, from: OrderedFrom::StaffScreen };
    site.order(order).await.unwrap()
}

async fn lock_is(door: &SimDoor, level: LockLevel) {
    let mut states = door.watch();
    timeout(DEADLINE, states.wait_for(|state| state.lock == level)).await.unwrap().unwrap();
}

async fn told(house: &House, what: &str, wanted: impl Fn(&Happening) -> bool) {
    until(what, async || {
        house.hub.state().events.iter().any(|event| wanted(&event.what)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_18_a_restart_relocks_and_a_lockdown_outlasts_it() {
    let house = House::new();
    // Left to itself a door stays open for so long that only the lockdown can have shut it.
    let mut plan = planned(2);
    plan.site.doors.iter_mut().for_each(|door| door.unlock_seconds = 120);
    let site = open_by(&house, house.doors.clone(), &plan).await;
    let door = house.doors.get(&id("y-door"));
    welcome(house.kiosk(&site).await.tap("0101").await);
    lock_is(&door, LockLevel::Unlocked).await;
    assert_eq!(order(&site, 1, SiteOrder::Lockdown { on: true }).await, OrderAnswer::Done);
    lock_is(&door, LockLevel::Locked).await;
    // The power goes, and somebody has moved the lock meanwhile.
    drop(site);
    door.lock().unlock().await.unwrap();
    let site = open_by(&house, house.doors.clone(), &planned(3)).await;
    lock_is(&door, LockLevel::Locked).await;
    let kiosk = house.kiosk(&site).await;
    assert_eq!(refused(kiosk.tap("0202").await), RefusalKind::Lockdown);
    let again = order(&site, 2, SiteOrder::Unlock { door: id("y-door") }).await;
    assert_eq!(again, OrderAnswer::Overruled);
    // The way out works all the same.
    door.press();
    lock_is(&door, LockLevel::Unlocked).await;
    door.let_go();
    lock_is(&door, LockLevel::Locked).await;
    assert_eq!(order(&site, 3, SiteOrder::Lockdown { on: false }).await, OrderAnswer::Done);
    welcome(kiosk.tap("0202").await);
    mirrored(&house, &site).await;
    told(&house, "who ordered it", |what| {
        matches!(what, Happening::Ordered { order, .. } if order.from == OrderedFrom::StaffScreen)
    })
    .await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_18_fire_during_an_unlock_keeps_every_door_open_until_it_ends() {
    let house = House::new();
    let site = open(&house).await;
    let (door, yard) = (house.doors.get(&id("y-door")), house.doors.get(&id("y-yard")));
    assert_eq!(order(&site, 1, SiteOrder::Unlock { door: id("y-door") }).await, OrderAnswer::Done);
    house.doors.panel().release(true);
    lock_is(&yard, LockLevel::Unlocked).await;
    lock_is(&door, LockLevel::Unlocked).await;
    released(&site, &[&door, &yard]).await;
    // A cut line is no end of a fire, and neither is a restart.
    house.doors.panel().cut(true);
    drop(site);
    let site = open(&house).await;
    released(&site, &[&door, &yard]).await;
    house.doors.panel().cut(false);
    house.doors.panel().release(false);
    lock_is(&door, LockLevel::Locked).await;
    lock_is(&yard, LockLevel::Locked).await;
    mirrored(&house, &site).await;
    site.stop().await;
}

/// Has the yard unlocked, whose lock takes a second over that, and does `meanwhile` as soon as the lock was told. Answers
/// what both came to.
async fn while_it_moves<T>(
    drivers: &Odd,
    site: &Site,
    meanwhile: impl Future<Output = T>,
) -> (OrderAnswer, T) {
    until("the locks to be known", async || {
        let doors = site.view().await.unwrap().doors;
        let locked = |one: &twin::DoorView| one.state.lock == Some(twin::LockLevel::Locked);
        doors.iter().all(locked).then_some(())
    })
    .await;
    *drivers.takes.lock().unwrap() = Duration::from_millis(1_800);
    let meanwhile = async {
        until("the lock to be told", async || {
            (drivers.unlocks.load(Ordering::Relaxed) > 0).then_some(())
        })
        .await;
        assert_eq!(drivers.sim.get(&id("y-yard")).state().lock, LockLevel::Locked);
        meanwhile.await
    };
    tokio::join!(order(site, 1, SiteOrder::Unlock { door: id("y-yard") }), meanwhile)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_18_a_lockdown_while_a_lock_is_opening_ends_in_a_locked_door() {
    let house = House::new();
    let drivers = Arc::new(Odd::default());
    let mut plan = planned(2);
    plan.site.doors.iter_mut().for_each(|door| door.unlock_seconds = 120);
    let site = open_by(&house, drivers.clone(), &plan).await;
    let yard = drivers.sim.get(&id("y-yard"));
    let lockdown = order(&site, 2, SiteOrder::Lockdown { on: true });
    let (unlocked, locked_down) = while_it_moves(&drivers, &site, lockdown).await;
    // The bolt was on its way; what became of it is said, and it does not stay there.
    assert_eq!([unlocked, locked_down], [OrderAnswer::Done; 2]);
    let mut states = yard.watch();
    let locked = states.wait_for(|state| state.lock == LockLevel::Locked);
    timeout(Duration::from_millis(1_500), locked).await.unwrap().unwrap();
    let reopened = states.wait_for(|state| state.lock == LockLevel::Unlocked);
    assert!(timeout(Duration::from_secs(2), reopened).await.is_err());
    mirrored(&house, &site).await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_18_fire_while_a_lock_is_opening_leaves_it_open_until_it_ends() {
    let house = House::new();
    let drivers = Arc::new(Odd::default());
    let site = open_on(&house, drivers.clone()).await;
    let (door, yard) = (drivers.sim.get(&id("y-door")), drivers.sim.get(&id("y-yard")));
    let fire = async { drivers.sim.panel().release(true) };
    let (unlocked, ()) = while_it_moves(&drivers, &site, fire).await;
    assert_eq!(unlocked, OrderAnswer::Done);
    released(&site, &[&door, &yard]).await;
    drivers.sim.panel().release(false);
    lock_is(&door, LockLevel::Locked).await;
    lock_is(&yard, LockLevel::Locked).await;
    mirrored(&house, &site).await;
    site.stop().await;
}

/// The site knows of a fire, and its doors are open and stay so for longer than any tap or order opens them.
async fn released(site: &Site, doors: &[&SimDoor]) {
    until("the doors to be released", async || {
        let view = site.view().await.unwrap();
        let open = |one: &twin::DoorView| one.state.lock == Some(twin::LockLevel::Unlocked);
        (view.house.fire.is_some() && view.doors.iter().all(open)).then_some(())
    })
    .await;
    // What was asked for before has been done by then.
    sleep(Duration::from_millis(500)).await;
    for door in doors {
        lock_is(door, LockLevel::Unlocked).await;
    }
    let stay = doors.iter().map(async |door| {
        let mut states = door.watch();
        let relocked = states.wait_for(|state| state.lock == LockLevel::Locked);
        assert!(timeout(Duration::from_secs(2), relocked).await.is_err());
    });
    join_all(stay).await;
}

/// The clock is in doubt: nobody new comes in, and who wants to go can, by button and by leaving.
async fn only_the_way_out(house: &House, kiosk: &Kiosk, inside: VisitId) {
    assert_eq!(refused(kiosk.tap("0202").await), RefusalKind::ClockUnset);
    let door = house.doors.get(&id("y-door"));
    door.press();
    lock_is(&door, LockLevel::Unlocked).await;
    door.let_go();
    lock_is(&door, LockLevel::Locked).await;
    let leave = Request::Leave { visit: inside, leaving: true, back_soon: false };
    let left = kiosk.ask(&leave).await;
    assert!(matches!(left, Answer::Goodbye { .. }), "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_07_a_clock_at_1970_leaves_timers_and_the_way_out_as_they_are() {
    let mut house = House::new();
    let site = open(&house).await;
    let visit = welcome(house.kiosk(&site).await.tap("0101").await);
    drop(site);
    house.clock = Arc::new(ManualClock::at(DateTime::UNIX_EPOCH));
    let site = open(&house).await;
    only_the_way_out(&house, &house.kiosk(&site).await, visit).await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_07_a_clock_that_jumps_back_while_a_door_is_open_keeps_it_open_no_longer() {
    let house = House::new();
    let site = open(&house).await;
    let kiosk = house.kiosk(&site).await;
    let visit = welcome(kiosk.tap("0101").await);
    let door = house.doors.get(&id("y-door"));
    lock_is(&door, LockLevel::Unlocked).await;
    house.clock.set_by(-TimeDelta::days(1));
    lock_is(&door, LockLevel::Locked).await;
    only_the_way_out(&house, &kiosk, visit).await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_07_a_clock_that_drifts_is_in_doubt_once_it_is_far_from_the_hubs() {
    let house = House::new();
    let site = open(&house).await;
    let kiosk = house.kiosk(&site).await;
    let visit = welcome(kiosk.tap("0101").await);
    // No step is large enough to be noticed by itself.
    for _ in 0..2 {
        house.clock.advance(TimeDelta::seconds(30));
        house.clock.set_by(TimeDelta::minutes(4));
        site.view().await.unwrap();
    }
    house.hub.state().time = Some(morning() + TimeDelta::minutes(1));
    // What it said the first time has been looked at before it is asked again.
    let asked = house.hub.state().asked_the_time;
    kiosk.tap("0909").await;
    until("the hub to be asked the time twice", async || {
        site.view().await.unwrap();
        kiosk.tap("0909").await;
        (house.hub.state().asked_the_time >= asked + 2).then_some(())
    })
    .await;
    only_the_way_out(&house, &kiosk, visit).await;
    // A clock that was put right is believed again, once the hub agrees.
    house.clock.set_by(-TimeDelta::minutes(8));
    until("the clock to be believed", async || {
        matches!(kiosk.tap("0202").await, Answer::Welcome { .. }).then_some(())
    })
    .await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_17_a_stuck_button_leaves_the_way_out_open_until_it_is_mended() {
    let house = House::new();
    let site = open(&house).await;
    let door = house.doors.get(&id("y-door"));
    door.press();
    door.set_faults(DoorFaults { exit_stuck: true, ..DoorFaults::default() });
    door.let_go();
    lock_is(&door, LockLevel::Unlocked).await;
    let mut states = door.watch();
    let relocked = states.wait_for(|state| state.lock == LockLevel::Locked);
    assert!(timeout(Duration::from_secs(2), relocked).await.is_err());
    assert_eq!(house.doors.get(&id("y-yard")).state().lock, LockLevel::Locked);
    // After half a minute nobody is on the way out any more: somebody has to look after it.
    let stuck = async {
        let is_stuck = |event: &SiteEvent| match &event.what {
            Happening::DoorState { door, state: DoorState::ExitStuck } => *door == id("y-door"),
            _ => false,
        };
        while !house.hub.state().events.iter().any(is_stuck) {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(30) + DEADLINE, stuck).await.unwrap();
    assert_eq!(door.state().lock, LockLevel::Unlocked, "it is the way out all the same");
    door.set_faults(DoorFaults::default());
    door.let_go();
    lock_is(&door, LockLevel::Locked).await;
    told(
        &house,
        "that it is over",
        |what| matches!(what, Happening::DoorState { state, .. } if !state.is_alarm()),
    )
    .await;
    site.stop().await;
}

/// A contact that never says by itself that it has changed.
struct Deaf(SimContact);

#[async_trait]
impl Contact for Deaf {
    async fn level(&self) -> Result<ContactLevel, DoorError> {
        self.0.level().await
    }

    async fn changed(&mut self) -> Result<ContactLevel, DoorError> {
        std::future::pending().await
    }
}

/// A lock that takes its time over every unlock.
struct Slow {
    door: SimDoor,
    takes: Arc<Mutex<Duration>>,
    unlocks: Arc<AtomicUsize>,
}

#[async_trait]
impl Lock for Slow {
    async fn lock(&self) -> Result<(), DoorError> {
        self.door.lock().lock().await
    }

    async fn unlock(&self) -> Result<(), DoorError> {
        self.unlocks.fetch_add(1, Ordering::Relaxed);
        let takes = *self.takes.lock().unwrap();
        sleep(takes).await;
        self.door.lock().unlock().await
    }

    async fn level(&self) -> Result<LockLevel, DoorError> {
        self.door.lock().level().await
    }
}

/// The first door's contact is deaf; the yard's lock is slow.
#[derive(Default)]
struct Odd {
    sim: SimDoors,
    takes: Arc<Mutex<Duration>>,
    unlocks: Arc<AtomicUsize>,
}

impl Drivers for Odd {
    fn door(&self, device: &DeviceId) -> Option<DoorDriver> {
        let door = self.sim.get(device);
        let mut driver = self.sim.door(device)?;
        if device.as_str() == "y-yard" {
            let (takes, unlocks) = (self.takes.clone(), self.unlocks.clone());
            driver.lock = Box::new(Slow { door, takes, unlocks });
        } else {
            driver.contact = Box::new(Deaf(door.contact()));
        }
        Some(driver)
    }

    fn fire(&self) -> Option<Box<dyn Input>> {
        self.sim.fire()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_17_a_contact_that_was_missed_is_read_all_the_same() {
    let house = House::new();
    let drivers = Arc::new(Odd::default());
    let site = open_on(&house, drivers.clone()).await;
    let door = drivers.sim.get(&id("y-door"));
    lock_is(&door, LockLevel::Locked).await;
    let view = async |wanted: Option<bool>| {
        until("the contact", async || {
            let doors = site.view().await.unwrap().doors;
            (doors[0].state.open == wanted).then_some(())
        })
        .await;
    };
    view(Some(false)).await;
    door.force();
    view(Some(true)).await;
    told(&house, "that it was forced", |what| {
        matches!(what, Happening::DoorState { state: DoorState::Forced, .. })
    })
    .await;
    door.close();
    view(Some(false)).await;
    told(&house, "that it is over", |what| {
        matches!(what, Happening::DoorState { state: DoorState::Locked, .. })
    })
    .await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_17_a_contact_that_falls_silent_is_told() {
    let house = House::new();
    let site = open(&house).await;
    let door = house.doors.get(&id("y-door"));
    lock_is(&door, LockLevel::Locked).await;
    door.set_faults(DoorFaults { contact_silent: true, ..DoorFaults::default() });
    told(&house, "the silence", |what| {
        matches!(what, Happening::DoorState { state: DoorState::ContactSilent, .. })
    })
    .await;
    door.set_faults(DoorFaults::default());
    told(&house, "that it is over", |what| {
        matches!(what, Happening::DoorState { state: DoorState::Locked, .. })
    })
    .await;
    // What it reads then is believed.
    door.force();
    told(&house, "that it was forced", |what| {
        matches!(what, Happening::DoorState { state: DoorState::Forced, .. })
    })
    .await;
    site.stop().await;
}

/// A reader that tells what it was given, and nothing more.
struct Scripted(VecDeque<CardEvent>);

#[async_trait]
impl CardReader for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    async fn next_event(&mut self) -> Option<CardEvent> {
        self.0.pop_front()
    }
}

/// Simulated doors; at the yard's inner reader happens what is written down, once that is asked for.
#[derive(Default)]
struct AtTheYard {
    sim: SimDoors,
}

impl Drivers for AtTheYard {
    fn door(&self, door: &DeviceId) -> Option<DoorDriver> {
        self.sim.door(door)
    }

    fn readers(&self) -> Vec<EdgeReader> {
        let late = [CardError::AlreadyThere, CardError::BeforeReconnect, CardError::Stale(LATE)];
        let reasons = late.into_iter().chain([CardError::Torn]);
        let events = reasons.map(|reason| CardEvent::Unreadable { reason }).collect();
        let reader = Box::new(Scripted(events));
        vec![EdgeReader { device: id("y-yard-in"), reader, shows: Box::new(NoFeedback) }]
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_09_a_card_that_nobody_holds_there_any_more_opens_no_way_out() {
    let house = House::new();
    // The sheet is there before the reader is: a start from what was kept.
    open(&house).await.stop().await;
    let site = house.start_on(house.clock.clone(), Arc::new(AtTheYard::default())).await;
    let through = |event: &SiteEvent| matches!(&event.what, Happening::LetThrough { reader, .. } if *reader == id("y-yard-in"));
    until("the card that was held there", async || {
        house.hub.state().events.iter().any(through).then_some(())
    })
    .await;
    // It came last, and nothing came of those before it.
    let count = house.hub.state().events.iter().filter(|event| through(event)).count();
    assert_eq!(count, 1);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_09_a_hung_lock_holds_up_no_other_and_what_waited_behind_it_is_dropped() {
    let house = House::new();
    let drivers = Arc::new(Odd::default());
    let site = open_on(&house, drivers.clone()).await;
    let (door, yard) = (drivers.sim.get(&id("y-door")), drivers.sim.get(&id("y-yard")));
    lock_is(&yard, LockLevel::Locked).await;
    *drivers.takes.lock().unwrap() = Duration::from_secs(3600);
    let begun = Instant::now();
    let unlock = |number| order(&site, number, SiteOrder::Unlock { door: id("y-yard") });
    // The first hangs, and the other two have waited behind it for too long when it is given up.
    let hung = async { tokio::join!(unlock(1), unlock(2), unlock(3)) };
    let other = async {
        sleep(Duration::from_millis(50)).await;
        let done = order(&site, 4, SiteOrder::Unlock { door: id("y-door") }).await;
        (done, begun.elapsed(), door.state().lock)
    };
    let ((first, second, third), (done, after, lock)) = tokio::join!(hung, other);
    assert_eq!([first, second, third], [OrderAnswer::LockFault; 3]);
    assert_eq!(done, OrderAnswer::Done);
    assert!(after < Duration::from_secs(2), "the other door waited {after:?}");
    assert_eq!(lock, LockLevel::Unlocked);
    assert_eq!(yard.state().lock, LockLevel::Locked);
    *drivers.takes.lock().unwrap() = Duration::ZERO;
    told(
        &house,
        "the fault",
        |what| matches!(what, Happening::LockFault { door } if door.as_str() == "y-yard"),
    )
    .await;
    let before = drivers.unlocks.load(Ordering::Relaxed);
    assert!(before <= 2, "a dropped unlock does not reach the lock: {before}");
    let relocked = async || {
        let doors = site.view().await.unwrap().doors;
        doors.iter().all(|one| !one.state.fault).then_some(())
    };
    until("the lock to be well", relocked).await;
    assert_eq!(yard.state().lock, LockLevel::Locked, "nothing was opened late");
    site.stop().await;
}

/// A lock that is slow to say where it is, and hangs as it is told to open; or that cannot be locked, as long as somebody
/// says so.
struct Hard {
    door: SimDoor,
    how: Arc<How>,
}

#[derive(Default)]
struct How {
    slow: AtomicBool,
    /// Told when somebody begins to look at the slow lock.
    looked: Notify,
    /// Whether the lock was let off with opening.
    given_up: AtomicBool,
    stuck: AtomicBool,
    /// How many drivers the door has now, and had at most.
    drivers: AtomicUsize,
    most: AtomicUsize,
}

struct Opening<'a>(&'a How);

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        self.0.given_up.store(true, Ordering::Relaxed);
    }
}

impl Drop for Hard {
    fn drop(&mut self) {
        self.how.drivers.fetch_sub(1, Ordering::Relaxed);
    }
}

#[async_trait]
impl Lock for Hard {
    async fn lock(&self) -> Result<(), DoorError> {
        if self.how.stuck.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        self.door.lock().lock().await
    }

    async fn unlock(&self) -> Result<(), DoorError> {
        let _opening = Opening(&self.how);
        std::future::pending().await
    }

    async fn level(&self) -> Result<LockLevel, DoorError> {
        if self.how.slow.load(Ordering::Relaxed) {
            self.how.looked.notify_one();
            sleep(Duration::from_millis(1_500)).await;
        }
        self.door.lock().level().await
    }
}

/// The yard's lock is a hard one.
#[derive(Default)]
struct HardYard {
    sim: SimDoors,
    how: Arc<How>,
}

impl Drivers for HardYard {
    fn door(&self, device: &DeviceId) -> Option<DoorDriver> {
        let (door, how) = (self.sim.get(device), self.how.clone());
        let mut driver = self.sim.door(device)?;
        if device.as_str() == "y-yard" {
            let now = how.drivers.fetch_add(1, Ordering::Relaxed) + 1;
            how.most.fetch_max(now, Ordering::Relaxed);
            driver.lock = Box::new(Hard { door, how });
        }
        Some(driver)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_09_whoever_asks_is_answered_in_time_also_by_a_door_that_was_just_looked_at() {
    let house = House::new();
    let drivers = Arc::new(HardYard::default());
    let mut plan = planned(2);
    plan.site.doors.remove(0);
    let site = open_by(&house, drivers.clone(), &plan).await;
    let kiosk = house.kiosk(&site).await;
    drivers.how.slow.store(true, Ordering::Relaxed);
    timeout(DEADLINE, drivers.how.looked.notified()).await.unwrap();
    let answer = kiosk.tap("0101").await;
    assert!(matches!(answer, Answer::Welcome { door_open: false, .. }), "{answer:?}");
    let given_up = drivers.how.given_up.load(Ordering::Relaxed);
    assert!(!given_up, "they waited for the look, and then for the lock");
    drivers.how.slow.store(false, Ordering::Relaxed);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_door_that_comes_back_is_driven_once_whoever_had_it_has_let_go() {
    let house = House::new();
    let drivers = Arc::new(HardYard::default());
    let site = open_on(&house, drivers.clone()).await;
    drivers.how.stuck.store(true, Ordering::Relaxed);
    let mut without = planned(3);
    without.site.doors.truncate(1);
    for plan in [without, planned(4)] {
        house.hub.offer(house.hub.seal(&plan));
        in_force(&site, plan.version).await;
    }
    let (now, most) = (&drivers.how.drivers, &drivers.how.most);
    assert_eq!((now.load(Ordering::Relaxed), most.load(Ordering::Relaxed)), (1, 1));
    drivers.how.stuck.store(false, Ordering::Relaxed);
    site.stop().await;
    assert_eq!(now.load(Ordering::Relaxed), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_in_good_order_locks_every_door_but_in_a_fire() {
    let house = House::new();
    let (door, yard) = (house.doors.get(&id("y-door")), house.doors.get(&id("y-yard")));
    // Left to itself a door stays open for longer than this test.
    let mut plan = planned(2);
    plan.site.doors.iter_mut().for_each(|door| door.unlock_seconds = 120);
    let site = open_by(&house, house.doors.clone(), &plan).await;
    welcome(house.kiosk(&site).await.tap("0101").await);
    lock_is(&door, LockLevel::Unlocked).await;
    site.stop().await;
    assert_eq!([door.state().lock, yard.state().lock], [LockLevel::Locked; 2]);

    let site = open_by(&house, house.doors.clone(), &planned(3)).await;
    house.doors.panel().release(true);
    lock_is(&door, LockLevel::Unlocked).await;
    lock_is(&yard, LockLevel::Unlocked).await;
    mirrored(&house, &site).await;
    site.stop().await;
    assert_eq!([door.state().lock, yard.state().lock], [LockLevel::Unlocked; 2]);
    // The record says that it was locked, before the site started again.
    let events = house.hub.state().events.clone();
    let again = events.iter().rposition(|event| event.what == Happening::Started).unwrap();
    let last = events[..again].iter().rev().find_map(|event| match &event.what {
        Happening::DoorLocked { door } => (door.as_str() == "y-door").then_some(true),
        Happening::DoorUnlocked { door, .. } => (door.as_str() == "y-door").then_some(false),
        _ => None,
    });
    assert_eq!(last, Some(true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_17_a_stuck_relay_is_a_fault_and_is_told_again() {
    let house = House::new();
    let site = open(&house).await;
    let door = house.doors.get(&id("y-door"));
    lock_is(&door, LockLevel::Locked).await;
    door.set_faults(DoorFaults { stuck_relay: true, ..DoorFaults::default() });
    let answer = house.kiosk(&site).await.tap("0101").await;
    assert!(matches!(answer, Answer::Welcome { .. }), "the other door opens: {answer:?}");
    told(&house, "the fault", |what| matches!(what, Happening::LockFault { .. })).await;
    door.set_faults(DoorFaults::default());
    until("the lock to be well", async || {
        let doors = site.view().await.unwrap().doors;
        let well = |one: &twin::DoorView| {
            !one.state.fault && one.state.lock == Some(twin::LockLevel::Locked)
        };
        doors.iter().all(well).then_some(())
    })
    .await;
    // It moves without being told to: its level is read, and it is closed.
    door.lock().unlock().await.unwrap();
    lock_is(&door, LockLevel::Locked).await;
    mirrored(&house, &site).await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_17_a_lock_that_falls_silent_by_itself_is_a_fault_until_it_answers() {
    let house = House::new();
    let site = open(&house).await;
    let door = house.doors.get(&id("y-door"));
    until("the lock to be known", async || {
        let lock = site.view().await.unwrap().doors[0].state.lock;
        (lock == Some(twin::LockLevel::Locked)).then_some(())
    })
    .await;
    let begun = Instant::now();
    door.set_faults(DoorFaults { lock_silent: true, ..DoorFaults::default() });
    let of_the_door = |what: &Happening| matches!(what, Happening::LockFault { door } if door.as_str() == "y-door");
    told(&house, "the fault", of_the_door).await;
    assert!(begun.elapsed() > Duration::from_secs(7), "a line that breaks for a moment is none");
    told(&house, "that the door is in it", |what| {
        matches!(what, Happening::DoorState { state: DoorState::LockFault, .. })
    })
    .await;
    door.set_faults(DoorFaults::default());
    told(&house, "that it is over", |what| {
        matches!(what, Happening::DoorState { state: DoorState::Locked, .. })
    })
    .await;
    mirrored(&house, &site).await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_17_a_relay_that_is_stuck_open_is_a_fault_until_it_locks() {
    let house = House::new();
    let site = open(&house).await;
    let door = house.doors.get(&id("y-door"));
    welcome(house.kiosk(&site).await.tap("0101").await);
    lock_is(&door, LockLevel::Unlocked).await;
    door.set_faults(DoorFaults { stuck_relay: true, ..DoorFaults::default() });
    let of_the_door = |what: &Happening| matches!(what, Happening::LockFault { door } if door.as_str() == "y-door");
    told(&house, "the fault", of_the_door).await;
    told(&house, "that the door is in it", |what| {
        matches!(what, Happening::DoorState { state: DoorState::LockFault, .. })
    })
    .await;
    assert_eq!(door.state().lock, LockLevel::Unlocked);
    door.set_faults(DoorFaults::default());
    lock_is(&door, LockLevel::Locked).await;
    told(&house, "that it is over", |what| {
        matches!(what, Happening::DoorState { state: DoorState::Locked, .. })
    })
    .await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tap_inside_lets_anybody_out_and_one_outside_nobody_unknown_in() {
    let house = House::new();
    let site = open(&house).await;
    let yard = house.doors.get(&id("y-yard"));
    lock_is(&yard, LockLevel::Locked).await;
    let tap = |reader: &str| Fact::Tap {
        reader: id(reader),
        card: TappedCard {
            level: CardLevel::Key,
            ..TappedCard::of_identifier(CredentialDigest([9; 32]))
        },
        visit: VisitId(Uuid::from_u128(1)),
    };
    let answer = site.tell(tap("y-yard-out")).await.unwrap();
    assert!(
        matches!(answer, Some(twin::Answer::Refused { why: RefusalKind::UnknownCard, .. })),
        "{answer:?}"
    );
    assert_eq!(yard.state().lock, LockLevel::Locked);
    let answer = site.tell(tap("y-yard-in")).await.unwrap();
    assert!(matches!(answer, Some(twin::Answer::DoorOpens { .. })), "{answer:?}");
    lock_is(&yard, LockLevel::Unlocked).await;
    assert_eq!(house.doors.get(&id("y-door")).state().lock, LockLevel::Locked);
    site.stop().await;
}
