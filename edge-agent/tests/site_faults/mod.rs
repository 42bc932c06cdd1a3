//! Faults that a site survives, by their numbers in `docs/faults.md`: each is injected, and what must hold is said.

mod raw_kiosk;

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use edge_agent::config::BrokerChoice;
use edge_agent::hub::HttpHub;
use futures::future::join_all;
use hardware::door::LockLevel;
use hardware::sim::DoorFaults;
use model::access::RefusalKind;
use model::clock::Clock as _;
use model::day_sheet::{DaySheet, SheetCredential, SheetDesk};
use model::door::{DoorPlan, DoorReader, Side};
use model::id::{CredentialId, PersonId, VisitId};
use model::interval::Interval;
use model::site_event::Happening;
use model::terminal::TerminalState;
use raw_kiosk::{RawKiosk, tap};
use ring::rand::{SecureRandom as _, SystemRandom};
use tokio::net::TcpListener;
use tokio::time::timeout;
use twin::{Fact, TappedCard};
use uuid::Uuid;
use wire::identity::DeviceIdentity;
use wire::request::{Act, Answer, Card, Request, Secret};
use wire::topics::DeviceKind;

use crate::site_support::{DEADLINE, House, card_digest, id, in_force, morning, sheet, until};
use crate::{command, mirrored, refused, welcome};

/// Far less than any line is waited for, and long enough for a busy machine.
const AT_ONCE: Duration = Duration::from_secs(3);

/// Both guests' desks on each of the sheet's three days.
fn three_days(version: u64) -> DaySheet {
    let mut sheet = sheet(version);
    for booking in &mut sheet.bookings {
        let space = booking.desks[0].space;
        booking.desks = (0..3)
            .map(|day| {
                let starts = morning() + TimeDelta::days(day);
                let when = Interval::new(starts, starts + TimeDelta::hours(4)).unwrap();
                SheetDesk { space, when }
            })
            .collect();
    }
    sheet
}

/// Takes every connection and never says a word.
async fn black_hole() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_01_without_hub_and_name_service_the_doors_go_on_for_days() {
    let house = House::new();
    house.hub.offer(house.hub.seal(&three_days(1)));
    house.start_with(1).await.stop().await;
    let hole = format!("https://127.0.0.1:{}", black_hole().await);
    for (days, hub) in
        ["https://no-such-host.invalid:8443", &hole, "https://127.0.0.1:9"].into_iter().enumerate()
    {
        let today = morning() + TimeDelta::days(days.try_into().unwrap());
        house.clock.advance(today + TimeDelta::minutes(5) - house.clock.now());
        let identity = DeviceIdentity::load(&house.data()).unwrap();
        let hub = Arc::new(HttpHub::new(hub, &identity).unwrap());
        let site = house.start_cut_off(hub, BrokerChoice::Embedded).await;
        in_force(&site, 1).await;
        let kiosk = house.kiosk(&site).await;
        for card in ["0101", "0202"] {
            let begun = Instant::now();
            let visit = welcome(kiosk.tap(card).await);
            assert!(begun.elapsed() < AT_ONCE, "it waited for the hub");
            let leave = Request::Leave { visit, leaving: true, back_soon: false };
            assert!(matches!(kiosk.ask(&leave).await, Answer::Goodbye { .. }));
        }
        site.stop().await;
    }
    // The hub is back, and has it all.
    let site = house.start_with(1).await;
    mirrored(&house, &site).await;
    site.stop().await;
    let hub = house.hub.state();
    let visits = hub.events.iter().filter(|it| matches!(it.what, Happening::CheckedIn { .. }));
    assert_eq!(visits.count(), 6);
    assert!(hub.events.is_sorted_by_key(|event| event.at));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_01_and_08_a_broker_that_hangs_keeps_no_site_from_its_work() {
    for port in [black_hole().await, 9] {
        let house = House::new();
        let broker = BrokerChoice::Mosquitto { host: "127.0.0.1".to_owned(), port };
        let begun = Instant::now();
        let site = house.start_cut_off(house.hub.clone(), broker).await;
        in_force(&site, 1).await;
        // The door's task, the thread that decides, the disk and the line to the hub all go on.
        until("the desks to be given free", async || {
            house.clock.advance(TimeDelta::minutes(1));
            let hub = house.hub.state();
            let given = hub.events.iter().filter(|it| matches!(it.what, Happening::NoShow { .. }));
            (given.count() == 2).then_some(())
        })
        .await;
        assert!(begun.elapsed() < DEADLINE);
        // A card at the door's own reader needs no broker.
        let mut plan = three_days(2);
        plan.site.zone = Some(chrono_tz::Asia::Tokyo);
        let reader = DoorReader { device: id("y-reader"), side: Side::Outside };
        plan.site.doors[0].plan = Some(DoorPlan { readers: vec![reader], ..DoorPlan::default() });
        house.hub.offer(house.hub.seal(&plan));
        in_force(&site, 2).await;
        house.clock.advance(morning() + TimeDelta::days(1) - house.clock.now());
        let mut door = house.doors.get(&id("y-door")).watch();
        let tap = Fact::Tap {
            reader: id("y-reader"),
            card: TappedCard::of_identifier(plan.credentials[0].digest),
            visit: VisitId(Uuid::from_u128(1)),
        };
        let answer = site.tell(tap).await.unwrap();
        assert!(matches!(answer, Some(twin::Answer::DoorOpens { .. })), "{answer:?}");
        let unlocked = door.wait_for(|door| door.lock == LockLevel::Unlocked);
        timeout(AT_ONCE, unlocked).await.unwrap().unwrap();
        site.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_02_a_power_cut_while_the_door_is_open_ends_in_a_locked_door() {
    let house = House::new();
    // Left to itself the door stays open for longer than this test.
    let mut plan = sheet(2);
    plan.site.doors[0].unlock_seconds = 120;
    house.hub.offer(house.hub.seal(&plan));
    let site = house.start_with(2).await;
    let kiosk = house.kiosk(&site).await;
    let mut door = house.doors.get(&id("y-door")).watch();
    let unlocked = door.wait_for(|door| door.lock == LockLevel::Unlocked);
    // The bolt is back, and nothing need have been answered or written yet.
    tokio::select! {
        biased;
        unlocked = timeout(DEADLINE, unlocked) => drop(unlocked.unwrap().unwrap()),
        _ = kiosk.tap("0101") => {}
    }
    drop(site);
    drop(kiosk);
    assert_eq!(house.doors.get(&id("y-door")).state().lock, LockLevel::Unlocked);
    house.hub.state().away = true;
    let site = house.start_with(2).await;
    let locked = door.wait_for(|door| door.lock == LockLevel::Locked);
    timeout(DEADLINE, locked).await.unwrap().unwrap();
    house.hub.state().away = false;
    mirrored(&house, &site).await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_03_a_cold_boot_offline_knows_its_sheet_and_nobody_else() {
    let house = House::new();
    house.hub.state().away = true;
    // Enrolled as a device is before it first joins.
    house.enrol("y-kiosk-1", DeviceKind::Kiosk);
    let door = house.doors.get(&id("y-door"));
    let site = house.start().await;
    // It never had a sheet, so it knows of no device that might ask it.
    let (stranger, _inbox) = house.knock(&site, "y-kiosk-1", DeviceKind::Kiosk);
    let mut on_the_bus = stranger.connected();
    assert!(timeout(AT_ONCE, on_the_bus.wait_for(|up| *up)).await.is_err());
    assert!(stranger.request(b"{}".to_vec()).await.is_err());
    assert_eq!((site.sheet_version().await, door.state().lock), (0, LockLevel::Locked));
    drop((site, stranger));

    house.hub.state().away = false;
    drop(house.start_with(1).await);
    house.hub.state().away = true;
    let site = house.start_with(1).await;
    let kiosk = house.kiosk(&site).await;
    assert_eq!(refused(kiosk.tap("0909").await), RefusalKind::UnknownCard);
    assert_eq!(door.state().lock, LockLevel::Locked);
    welcome(kiosk.tap("0101").await);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_04_no_error_opens_a_door() {
    let house = House::new();
    let site = house.start_with(1).await;
    let kiosk = house.kiosk(&site).await;
    let (door, random) = (house.doors.get(&id("y-door")), SystemRandom::new());
    let moved = door.watch();
    let whole = serde_json::to_vec(&Request::Tap {
        card: Card::Identifier { identifier: Secret("0101".to_owned()) },
    })
    .unwrap();
    for round in 0..400_usize {
        let mut noise = [0; 8];
        random.fill(&mut noise).unwrap();
        // Cut short, and one byte wrong: no number of them is a card that somebody holds.
        let mut torn = whole[..usize::from(noise[0]) % whole.len()].to_vec();
        if round % 2 == 0 {
            torn = whole.clone();
            let at = usize::from(noise[1]) % torn.len();
            torn[at] = torn[at].wrapping_add(noise[2].max(1));
        }
        match kiosk.say(&torn).await {
            Answer::NotUnderstood { .. } | Answer::Refused { .. } => {}
            answer => panic!("{} was answered {answer:?}", String::from_utf8_lossy(&torn)),
        }
    }
    assert!(!moved.has_changed().unwrap(), "the lock moved");
    // A lock that does not answer, and one that does not move: said, recorded, and tried again.
    for faults in [
        DoorFaults { lock_silent: true, ..DoorFaults::default() },
        DoorFaults { stuck_relay: true, ..DoorFaults::default() },
    ] {
        door.set_faults(faults);
        let answer = kiosk.tap("0101").await;
        assert!(matches!(answer, Answer::Welcome { door_open: false, .. }), "{answer:?}");
        assert_eq!(door.state().lock, LockLevel::Locked);
        // Mended, it does not do late what it could not do then.
        let mut mended = door.watch();
        door.set_faults(DoorFaults::default());
        let opened = mended.wait_for(|door| door.lock == LockLevel::Unlocked);
        assert!(timeout(AT_ONCE, opened).await.is_err(), "{faults:?}");
    }
    mirrored(&house, &site).await;
    site.stop().await;
    let hub = house.hub.state();
    assert!(hub.events.iter().any(|event| matches!(event.what, Happening::LockFault { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_05_a_stopped_card_opens_no_door_that_is_cut_off() {
    let house = House::new();
    let site = house.start_with(1).await;
    let kiosk = house.kiosk(&site).await;
    welcome(kiosk.tap("0101").await);
    let mut stopped = three_days(2);
    stopped.credentials[0].blocked = true;
    // Person 2's first card ends at noon, and their second with the sheet.
    stopped.credentials.push(SheetCredential {
        digest: card_digest(&[3, 3]),
        credential: CredentialId(Uuid::from_u128(3)),
        ..stopped.credentials[1].clone()
    });
    let noon = morning() + TimeDelta::hours(3);
    stopped.credentials[1].valid_until = Some(noon);
    house.hub.offer(house.hub.seal(&stopped));
    in_force(&site, 2).await;
    house.hub.state().away = true;
    drop((site, kiosk));
    // The list came before the line went, and outlives a power cut.
    let site = house.start_with(2).await;
    let kiosk = house.kiosk(&site).await;
    assert_eq!(refused(kiosk.tap("0101").await), RefusalKind::BlockedCard);
    let visit = welcome(kiosk.tap("0303").await);
    let leave = Request::Leave { visit, leaving: true, back_soon: false };
    assert!(matches!(kiosk.ask(&leave).await, Answer::Goodbye { .. }));
    // What it says of a card's end holds without another word from the hub.
    house.clock.advance(noon - morning());
    assert_eq!(refused(kiosk.tap("0202").await), RefusalKind::ExpiredCard);
    // And nothing opens for ever: with the sheet every grant ends.
    house.clock.advance(stopped.not_after - noon);
    assert_eq!(refused(kiosk.tap("0303").await), RefusalKind::SheetExpired);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_08_a_hub_that_hangs_holds_up_no_door() {
    let house = House::new();
    house.start_with(1).await.stop().await;
    let identity = DeviceIdentity::load(&house.data()).unwrap();
    let address = format!("https://127.0.0.1:{}", black_hole().await);
    let hub = Arc::new(HttpHub::new(&address, &identity).unwrap());
    let site = house.start_cut_off(hub, BrokerChoice::Embedded).await;
    in_force(&site, 1).await;
    let kiosk = house.kiosk(&site).await;
    let mut door = house.doors.get(&id("y-door")).watch();
    let begun = Instant::now();
    welcome(kiosk.tap("0101").await);
    let relocked = door.wait_for(|door| door.lock == LockLevel::Locked);
    timeout(DEADLINE, relocked).await.unwrap().unwrap();
    // It stays open for a second; the hub is waited for twenty.
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    // What needs the hub says so in time, and what does not goes on beside it.
    let ticket = match kiosk.tap("0909").await {
        Answer::Refused { ticket: Some(ticket), .. } => ticket,
        answer => panic!("{answer:?}"),
    };
    let offer = Request::OfferCard { ticket };
    let (offered, tapped) = tokio::join!(kiosk.ask(&offer), async {
        let begun = Instant::now();
        welcome(kiosk.tap("0202").await);
        begun.elapsed()
    });
    assert!(matches!(offered, Answer::NotOffered { .. }), "{offered:?}");
    assert!(tapped < AT_ONCE, "{tapped:?}");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_09_a_tap_that_was_under_way_too_long_opens_nothing() {
    let house = House::new();
    let site = house.start_with(1).await;
    let mut kiosk = RawKiosk::join(&house, &site).await;
    let door = house.doors.get(&id("y-door"));
    let moved = door.watch();
    // What its site needs to know how far the two clocks are apart.
    for _ in 0..3 {
        let asked = kiosk.ask(Duration::ZERO, &Request::House).await;
        assert!(matches!(kiosk.answer_to(&asked).await, Answer::House { .. }));
    }
    let mut late = Vec::new();
    for age in [6, 60, 3_000].map(Duration::from_secs) {
        late.push(kiosk.ask(age, &tap("0101")).await);
    }
    // They came before this one, which is answered.
    let asked = kiosk.ask(Duration::ZERO, &Request::House).await;
    assert!(matches!(kiosk.answer_to(&asked).await, Answer::House { .. }));
    let mut opening = door.watch();
    let opened = opening.wait_for(|door| door.lock == LockLevel::Unlocked);
    assert!(timeout(AT_ONCE, opened).await.is_err(), "a late tap opened the door");
    assert!(!moved.has_changed().unwrap(), "the lock moved");
    // One that is on time finds everything as it was.
    let asked = kiosk.ask(Duration::ZERO, &tap("0202")).await;
    welcome(kiosk.answer_to(&asked).await);
    mirrored(&house, &site).await;
    {
        let hub = house.hub.state();
        let came = hub.events.iter().filter_map(|event| match event.what {
            Happening::CheckedIn { person, .. } => Some(person),
            _ => None,
        });
        assert_eq!(came.collect::<Vec<_>>(), [PersonId(Uuid::from_u128(2))]);
    }
    // The clock of a kiosk that has started again counts anew, and is behind what it was.
    kiosk.start_again();
    let asked = kiosk.ask(Duration::ZERO, &tap("0101")).await;
    welcome(kiosk.answer_to(&asked).await);
    assert!(late.iter().all(|asked| !kiosk.was_answered(asked)), "a late tap was answered");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_10_a_request_that_the_bus_delivers_twice_opens_its_door_once() {
    let house = House::new();
    let site = house.start_with(1).await;
    let mut kiosk = RawKiosk::join(&house, &site).await;
    let mut door = house.doors.get(&id("y-door")).watch();
    // As an older kiosk asks: how long ago, it does not say, so that nothing else stands in the way of the second.
    let asked = [7_u8; 16];
    kiosk.ask_as(&asked, &tap("0101")).await;
    welcome(kiosk.answer_to(&asked).await);
    let relocked = door.wait_for(|door| door.lock == LockLevel::Locked);
    timeout(DEADLINE, relocked).await.unwrap().unwrap();
    // The same guest at the same minute would be shown their desk, and let in, once more.
    kiosk.ask_as(&asked, &tap("0101")).await;
    let fence = kiosk.ask(Duration::ZERO, &Request::House).await;
    assert!(matches!(kiosk.answer_to(&fence).await, Answer::House { .. }));
    let opened = door.wait_for(|door| door.lock == LockLevel::Unlocked);
    assert!(timeout(AT_ONCE, opened).await.is_err(), "the door opened once more");
    assert!(!kiosk.was_answered(&asked), "the second was taken up");
    let unlocks = || {
        let hub = house.hub.state();
        hub.events.iter().filter(|it| matches!(it.what, Happening::DoorUnlocked { .. })).count()
    };
    mirrored(&house, &site).await;
    assert_eq!(unlocks(), 1);
    // Asked anew it is another request.
    let anew = kiosk.ask(Duration::ZERO, &tap("0101")).await;
    welcome(kiosk.answer_to(&anew).await);
    until("the hub to hear of it", async || (unlocks() == 2).then_some(())).await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_10_what_is_asked_twice_happens_once() {
    let house = House::new();
    let site = house.start_with(1).await;
    let kiosk = house.kiosk(&site).await;
    let answers = join_all((0..8).map(|_| kiosk.tap("0101"))).await;
    let visits: Vec<_> = answers.into_iter().map(welcome).collect();
    assert!(visits.windows(2).all(|two| two[0] == two[1]), "{visits:?}");
    let leave = Request::Leave { visit: visits[0], leaving: true, back_soon: false };
    let answers = join_all((0..8).map(|_| kiosk.ask(&leave))).await;
    assert!(answers.iter().any(|it| matches!(it, Answer::Goodbye { .. })), "{answers:?}");
    mirrored(&house, &site).await;
    site.stop().await;
    let hub = house.hub.state();
    let count =
        |wanted: fn(&Happening) -> bool| hub.events.iter().filter(|it| wanted(&it.what)).count();
    assert_eq!(count(|what| matches!(what, Happening::CheckedIn { .. })), 1);
    assert_eq!(count(|what| matches!(what, Happening::CheckedOut { .. })), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_11_a_bus_that_forgot_its_sessions_costs_nothing() {
    let house = House::new();
    let site = house.start_with(1).await;
    let kiosk = house.kiosk(&site).await;
    let (seat, inbox) = house.join(&site, "y-seat-01", DeviceKind::Seat).await;
    seat.set_state("terminal/state", "idle").unwrap();
    let terminal = async |site: &edge_agent::Site| {
        site.view().await.unwrap().spaces[0].terminal.as_ref().unwrap().1
    };
    until("the terminal", async || (terminal(&site).await == TerminalState::Idle).then_some(()))
        .await;
    house.hub.state().away = true;
    let visit = welcome(kiosk.tap("0101").await);
    // The embedded broker keeps nothing: with the edge go sessions, queues and retained states, also the word to
    // the terminal, which was away just then.
    drop((inbox, seat, kiosk, site));
    let site = house.start_with(1).await;
    let (seat, mut inbox) = house.join(&site, "y-seat-01", DeviceKind::Seat).await;
    seat.set_state("terminal/state", "idle").unwrap();
    let told = command(&mut inbox).await;
    assert!(matches!(told, Act::Assign { visit: whose, .. } if whose == visit), "{told:?}");
    {
        let mut hub = house.hub.state();
        (hub.away, hub.lose_answers) = (false, 3);
    }
    mirrored(&house, &site).await;
    site.stop().await;
    let hub = house.hub.state();
    let visits = hub.events.iter().filter(|it| matches!(it.what, Happening::CheckedIn { .. }));
    assert_eq!(visits.count(), 1, "told again, kept once");
    assert_eq!((hub.differed, hub.snapshots), (0, 0));
}
