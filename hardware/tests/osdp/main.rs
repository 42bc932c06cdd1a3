//! OSDP over pseudo-terminals: real bytes of the real library on both sides, and somebody between.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap fails the test")]

mod bench;

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bench::{BAUD, CARD, Line, answer, frames, holds, is_read, key, shown, told_for, told_until};
use hardware::card::{CardError, CardEvent};
use hardware::door::{Contact, ContactLevel, DoorError, DoorPart, Lock, LockLevel};
use hardware::feedback::Feedback;
use hardware::osdp::{
    ByteChannel, InputWiring, InstallError, OpenChannel, OsdpLine, OsdpReaderSettings,
    OutputWiring, SerialPort, install_key,
};
use hardware::sim::{SimLight, SimOsdpSettings};
use tokio::time::{Instant, sleep, timeout};

const SOON: Duration = Duration::from_secs(8);
/// How soon a cut is noticed: 1.5 s after the last answer, and as much again on a slow machine.
const NOTICED: Duration = Duration::from_secs(3);
/// How soon a reader is back once its line is. Asked once a second, and 1.6 s after the last time where a try has just
/// ended, it is within 2 s; two of its answers may be late on a slow machine, each of which costs another second.
const BACK: Duration = Duration::from_secs(4);
/// Longer than the grace after coming onto the line.
const SETTLED: Duration = Duration::from_millis(1_300);

fn with_lock(address: u8, seed: u8) -> OsdpReaderSettings {
    let locks = vec![OutputWiring { output: 0, unlocked_when_on: true, timed: true }];
    OsdpReaderSettings {
        locks,
        inputs: true,
        ..OsdpReaderSettings::new("door", address, key(seed))
    }
}

/// The same with an output that does not lock by itself.
fn with_untimed_lock(address: u8, seed: u8) -> OsdpReaderSettings {
    let locks = vec![OutputWiring { output: 0, unlocked_when_on: true, timed: false }];
    OsdpReaderSettings { locks, ..with_lock(address, seed) }
}

/// Whether it says what to set where a reader's outputs do not lock by themselves.
fn says_timed(unlocked: Result<(), DoorError>) -> bool {
    let Err(DoorError::Unusable(DoorPart::Lock, why)) = unlocked else { return false };
    why.contains("timed = false")
}

fn is_available(event: &CardEvent) -> bool {
    *event == CardEvent::Available
}

fn is_unavailable(event: &CardEvent) -> bool {
    matches!(event, CardEvent::Unavailable { .. })
}

#[tokio::test]
async fn a_card_opens_the_lock_and_nothing_of_it_is_in_plaintext() {
    let line = Line::new(1);
    let pd = line.reader(0, 3, Some(key(1)));
    let mut panel = line.panel(vec![with_lock(3, 1)]);
    let mut reader = panel.take_reader("door").unwrap();
    assert!(panel.take_reader("door").is_none());
    let (lock, show) = (panel.lock("door", 0).unwrap(), panel.feedback("door").unwrap());
    told_until(&mut reader, SOON, is_available).await;
    sleep(SETTLED).await;

    pd.present(&CARD).unwrap();
    let told = told_until(&mut reader, SOON, is_read).await;
    let Some(CardEvent::Presented(read)) = told.last() else { panic!("{told:?}") };
    assert_eq!((read.identifier().unwrap().expose(), read.level()), (CARD.as_slice(), 1));
    lock.unlock().await.unwrap();
    show.granted();
    assert_eq!(lock.level().await, Ok(LockLevel::Unlocked));
    let mut state = pd.state();
    timeout(SOON, state.wait_for(|pd| pd.outputs == [true, false])).await.unwrap().unwrap();
    timeout(SOON, state.wait_for(|pd| pd.light == Some(SimLight::Green))).await.unwrap().unwrap();
    lock.lock().await.unwrap();
    assert_eq!(pd.state().borrow().outputs, [false, false]);
    show.denied();
    timeout(SOON, state.wait_for(|pd| pd.light == Some(SimLight::Red))).await.unwrap().unwrap();

    let (asked, told) = (line.panel_said(), line.readers_said());
    assert!(!holds(&told, &CARD) && !holds(&told, &CARD[..4]), "the card's number is on the line");
    for (_, block, code) in frames(&asked) {
        let handshake =
            matches!((block, code), (None, 0x61 | 0x62) | (Some(0x11), 0x76) | (Some(0x13), 0x77));
        assert!(handshake || matches!(block, Some(0x15 | 0x17)), "{block:?} {code:02X}");
    }
    assert!(frames(&told).iter().any(|(_, block, code)| (*block, *code) == (Some(0x18), 0x50)));
}

#[tokio::test]
async fn fault_09_a_tap_while_the_line_is_cut_opens_nothing_and_the_next_is_read() {
    let line = Line::new(1);
    let pd = line.reader(0, 0, Some(key(2)));
    let mut panel = line.panel(vec![with_lock(0, 2)]);
    let mut reader = panel.take_reader("door").unwrap();
    let lock = panel.lock("door", 0).unwrap();
    told_until(&mut reader, SOON, is_available).await;
    lock.unlock().await.unwrap();

    line.set_cut(true);
    let told = told_until(&mut reader, NOTICED, is_unavailable).await;
    assert!(!told.iter().any(is_read));
    pd.present(&CARD).unwrap();
    pd.present(&CARD).unwrap();
    assert_eq!(lock.unlock().await, Err(DoorError::NoAnswer(DoorPart::Lock)));
    let told = told_for(&mut reader, Duration::from_secs(30)).await;
    assert!(!told.iter().any(is_read), "{told:?}");
    assert_eq!(pd.state().borrow().outputs, [false, false], "a reader on its own stays open");

    line.set_cut(false);
    told_until(&mut reader, BACK, is_available).await;
    let stale = told_for(&mut reader, Duration::from_secs(3)).await;
    let before = CardEvent::Unreadable { reason: CardError::BeforeReconnect };
    assert_eq!(stale.iter().filter(|event| **event == before).count(), 2, "{stale:?}");
    assert!(!stale.iter().any(is_read), "{stale:?}");
    assert_eq!(lock.level().await, Ok(LockLevel::Locked));

    shown(&pd, &mut reader, &CARD).await;
}

#[tokio::test]
async fn a_cut_too_short_to_notice_delays_a_tap_by_no_more_than_it() {
    let line = Line::new(1);
    let pd = line.reader(0, 0, Some(key(2)));
    let mut panel = line.panel(vec![with_lock(0, 2)]);
    let mut reader = panel.take_reader("door").unwrap();
    told_until(&mut reader, SOON, is_available).await;
    sleep(SETTLED).await;
    for cut in [300, 900, 2_500, 4_000] {
        line.set_cut(true);
        pd.present(&CARD).unwrap();
        let tapped = Instant::now();
        sleep(Duration::from_millis(cut)).await;
        line.set_cut(false);
        for event in told_for(&mut reader, Duration::from_secs(4)).await {
            assert!(!is_read(&event) || cut < 1_500, "after {cut} ms, {:?}", tapped.elapsed());
        }
    }
}

#[tokio::test]
async fn fault_14_a_reader_with_another_key_reads_nothing_and_says_nothing_in_plaintext() {
    for (readers_key, said) in [(Some(key(9)), "another key"), (None, "another key")] {
        let line = Line::new(1);
        let pd = line.reader(0, 5, readers_key);
        let mut panel = line.panel(vec![with_lock(5, 1)]);
        let mut reader = panel.take_reader("door").unwrap();
        pd.present(&CARD).unwrap();
        let told = told_until(&mut reader, SOON, |event| match event {
            CardEvent::Unavailable { reason, .. } => reason.contains(said),
            _ => false,
        })
        .await;
        let told = [told, told_for(&mut reader, Duration::from_secs(6)).await].concat();
        assert!(!told.iter().any(|event| is_read(event) || is_available(event)), "{told:?}");
        let unlocked = panel.lock("door", 0).unwrap().unlock().await;
        assert_eq!(unlocked, Err(DoorError::NoAnswer(DoorPart::Lock)));
        assert!(!holds(&line.readers_said(), &CARD[..4]));
        for (_, block, code) in frames(&line.panel_said()) {
            let may = matches!((block, code), (None, 0x61 | 0x62) | (Some(0x11), 0x76));
            assert!(may, "{block:?} {code:02X}");
        }
    }
}

#[tokio::test]
async fn fault_14_whoever_touches_the_line_cannot_forge_a_card() {
    /// A card read in plaintext, or under a security block that the library does not check.
    fn forged(asked: &[u8], block: &[u8]) -> Vec<u8> {
        answer(asked, block, &[&[0x50, 0, 1, 64, 0], CARD.as_slice()].concat())
    }
    async fn attack(block: &'static [u8]) {
        let line = Line::new(1);
        let mut handshake = vec![0x61, 0x62, 0x76, 0x77];
        let mut polls = 0;
        let forgeries = Arc::new(AtomicUsize::new(0));
        let forged_so_far = forgeries.clone();
        // Once at each step on the way up, and twice while the channel is up.
        line.set_forge(Some(Box::new(move |said| {
            let (_, _, code) = *frames(said).first()?;
            polls += u32::from(code == 0x60);
            let now = code == 0x60 && matches!(polls, 40 | 80);
            let step = handshake.iter().position(|step| *step == code);
            step.map(|step| handshake.remove(step));
            forgeries.fetch_add(usize::from(now || step.is_some()), Ordering::Relaxed);
            (now || step.is_some()).then(|| forged(said, block))
        })));
        let pd = line.reader(0, 1, Some(key(1)));
        let mut panel = line.panel(vec![with_lock(1, 1)]);
        let mut reader = panel.take_reader("door").unwrap();
        let told = told_until(&mut reader, Duration::from_secs(20), is_available).await;
        assert!(!told.iter().any(is_read), "{block:?}: {told:?}");
        let told = told_for(&mut reader, Duration::from_secs(9)).await;
        assert!(!told.iter().any(is_read), "{block:?}: {told:?}");
        assert!(forged_so_far.load(Ordering::Relaxed) >= 6, "four steps up, and two polls");
        shown(&pd, &mut reader, &CARD).await;
    }
    // The last is one of the channel's own, without the right MAC.
    tokio::join!(
        attack(&[]),
        attack(&[3, 0x12, 1]),
        attack(&[3, 0x14, 1]),
        attack(&[3, 0x11, 1]),
        attack(&[2, 0x16]),
    );
}

#[tokio::test]
async fn fault_14_whoever_forges_that_a_reader_has_no_timed_outputs_leaves_no_door_open() {
    /// As the simulated reader says it, but for the output control (2) of level 1.
    const UNTIMED: [u8; 25] =
        [0x46, 1, 1, 2, 2, 1, 2, 3, 1, 1, 4, 1, 1, 5, 1, 1, 8, 1, 0, 9, 1, 0, 10, 0, 1];
    let line = Line::new(1);
    let forgeries = Arc::new(AtomicUsize::new(0));
    let forged_so_far = forgeries.clone();
    line.set_forestall(Some(Box::new(move |said| {
        let (_, _, code) = *frames(said).first()?;
        (code == 0x62).then(|| {
            forgeries.fetch_add(1, Ordering::Relaxed);
            answer(said, &[], &UNTIMED)
        })
    })));
    let pd = line.reader(0, 3, Some(key(1)));
    let mut panel = line.panel(vec![with_lock(3, 1)]);
    let mut reader = panel.take_reader("door").unwrap();
    let lock = panel.lock("door", 0).unwrap();
    told_until(&mut reader, SOON, is_available).await;
    assert!(forged_so_far.load(Ordering::Relaxed) > 0);
    let unlocked = lock.unlock().await;
    assert!(says_timed(unlocked), "{unlocked:?}");
    locks(&lock).await;
    line.set_cut(true);
    told_until(&mut reader, NOTICED, is_unavailable).await;
    assert_eq!(pd.state().borrow().outputs, [false, false]);

    // Nobody is there any more who forges: it unlocks, and locks by itself.
    line.set_forestall(None);
    line.set_cut(false);
    told_until(&mut reader, BACK, is_available).await;
    lock.unlock().await.unwrap();
    assert_eq!(pd.state().borrow().outputs, [true, false]);
    line.set_cut(true);
    let mut state = pd.state();
    let locked = state.wait_for(|pd| pd.outputs == [false, false]);
    timeout(Duration::from_secs(15), locked).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_reader_without_timed_outputs_unlocks_only_where_the_wiring_says_so() {
    for (settings, refused) in [(with_lock(1, 1), true), (with_untimed_lock(1, 1), false)] {
        let line = Line::new(1);
        let plain =
            SimOsdpSettings { address: 1, key: Some(key(1)), timed_outputs: false, shows: true };
        let pd = line.reader_with(0, plain);
        let mut panel = line.panel(vec![settings]);
        let mut reader = panel.take_reader("door").unwrap();
        let lock = panel.lock("door", 0).unwrap();
        told_until(&mut reader, SOON, is_available).await;
        let unlocked = lock.unlock().await;
        assert_eq!(says_timed(unlocked), refused, "{unlocked:?}");
        assert_eq!(unlocked.is_err(), refused, "{unlocked:?}");
        assert_eq!(pd.state().borrow().outputs, [!refused, false]);
        locks(&lock).await;
    }
}

#[tokio::test]
async fn noise_does_no_harm() {
    let line = Line::new(1);
    let pd = line.reader(0, 0, Some(key(1)));
    let mut panel = line.panel(vec![with_lock(0, 1)]);
    let mut reader = panel.take_reader("door").unwrap();
    told_until(&mut reader, SOON, is_available).await;
    let mut state = 0x9E37_79B9_u32;
    for _ in 0..60 {
        let noise: Vec<u8> = (0..200)
            .map(|place| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if place % 17 == 0 { 0x53 } else { (state >> 24) as u8 }
            })
            .collect();
        line.make_noise(&noise);
        sleep(Duration::from_millis(50)).await;
    }
    let told = told_for(&mut reader, Duration::from_secs(5)).await;
    assert!(!told.iter().any(is_read), "{told:?}");
    shown(&pd, &mut reader, &CARD).await;
}

#[tokio::test]
async fn several_readers_share_a_line_and_a_dead_one_holds_up_nobody() {
    let line = Line::new(3);
    let pds = [1, 2, 4].map(|address| {
        let place = if address == 4 { 2 } else { usize::from(address) - 1 };
        line.reader(place, address, Some(key(address)))
    });
    let settings = [1, 2, 3, 4].map(|address| {
        let settings = with_lock(address, address);
        OsdpReaderSettings { name: format!("door-{address}"), ..settings }
    });
    let mut panel = line.panel(settings.to_vec());
    let mut dead = panel.take_reader("door-3").unwrap();
    let mut readers = [1, 2, 4].map(|n| panel.take_reader(&format!("door-{n}")).unwrap());
    for reader in &mut readers {
        told_until(reader, SOON, is_available).await;
    }
    sleep(SETTLED).await;
    for (place, pd) in pds.iter().enumerate() {
        let card = [place as u8 + 1; 7];
        let (read, took) = shown(pd, &mut readers[place], &card).await;
        assert_eq!(read.identifier().unwrap().expose(), card);
        assert!(took < Duration::from_secs(2), "{took:?}");
    }
    panel.lock("door-2", 0).unwrap().unlock().await.unwrap();
    let open = pds.each_ref().map(|pd| pd.state().borrow().outputs[0]);
    assert_eq!(open, [false, true, false]);
    let told = told_for(&mut dead, Duration::from_secs(2)).await;
    assert!(told.iter().all(is_unavailable) && !told.is_empty(), "{told:?}");
}

#[tokio::test]
async fn four_dead_readers_of_six_leave_the_line_to_the_others() {
    let line = Line::new(2);
    let pds =
        [1, 2].map(|address| line.reader(usize::from(address) - 1, address, Some(key(address))));
    let settings = [1, 2, 3, 4, 5, 6].map(|address| {
        let settings = with_lock(address, address);
        OsdpReaderSettings { name: format!("door-{address}"), ..settings }
    });
    let mut panel = line.panel(settings.to_vec());
    let mut readers = [1, 2].map(|n| panel.take_reader(&format!("door-{n}")).unwrap());
    for reader in &mut readers {
        told_until(reader, Duration::from_secs(15), is_available).await;
    }
    let lock = panel.lock("door-1", 0).unwrap();
    for _ in 0..5 {
        lock.unlock().await.unwrap();
        assert!(pds[0].state().borrow().outputs[0]);
        lock.lock().await.unwrap();
        sleep(Duration::from_millis(700)).await;
    }
    shown(&pds[1], &mut readers[1], &CARD).await;
    for reader in &mut readers {
        let told = told_for(reader, Duration::from_millis(100)).await;
        assert!(!told.iter().any(is_unavailable), "{told:?}");
    }
}

#[tokio::test]
async fn an_output_that_does_not_fall_back_is_locked_before_the_line_is_let_go() {
    let line = Line::new(1);
    let settings =
        SimOsdpSettings { address: 1, key: Some(key(1)), timed_outputs: false, shows: true };
    let pd = line.reader_with(0, settings);
    let mut panel = line.panel(vec![with_untimed_lock(1, 1)]);
    let mut reader = panel.take_reader("door").unwrap();
    told_until(&mut reader, SOON, is_available).await;
    panel.lock("door", 0).unwrap().unlock().await.unwrap();
    assert!(pd.state().borrow().outputs[0]);
    drop((reader, panel));
    let locked = async { pd.state().wait_for(|state| !state.outputs[0]).await.map(drop) };
    timeout(SOON, locked).await.unwrap().unwrap();
}

#[tokio::test]
async fn inputs_and_the_tamper_switch_are_told() {
    let line = Line::new(1);
    let pd = line.reader(0, 0, Some(key(1)));
    let mut panel = line.panel(vec![with_lock(0, 1)]);
    let mut reader = panel.take_reader("door").unwrap();
    let wiring = |input| InputWiring { input, open_when_active: true };
    let mut contact = panel.contact("door", wiring(0)).unwrap();
    let closed_when_active = InputWiring { input: 1, open_when_active: false };
    let button = panel.contact("door", closed_when_active).unwrap();
    let nowhere = panel.contact("door", wiring(7)).unwrap();
    assert_eq!(contact.level().await, Err(DoorError::NoAnswer(DoorPart::Contact)));
    assert_eq!(timeout(SOON, contact.changed()).await.unwrap(), Ok(ContactLevel::Closed));
    assert_eq!(button.level().await, Ok(ContactLevel::Open));
    pd.set_input(0, true).unwrap();
    assert_eq!(timeout(SOON, contact.changed()).await.unwrap(), Ok(ContactLevel::Open));
    assert_eq!(nowhere.level().await, Err(DoorError::NoAnswer(DoorPart::Contact)));

    told_until(&mut reader, SOON, is_available).await;
    sleep(SETTLED).await;
    pd.set_tampered(true).unwrap();
    let told = told_until(&mut reader, SOON, is_unavailable).await;
    assert!(!told.iter().any(is_read));
    pd.present(&CARD).unwrap();
    let told = told_for(&mut reader, Duration::from_secs(1)).await;
    assert!(matches!(told[..], [CardEvent::Unreadable { .. }, CardEvent::Removed]), "{told:?}");
    pd.set_tampered(false).unwrap();
    told_until(&mut reader, SOON, is_available).await;

    line.set_cut(true);
    let none = Err(DoorError::NoAnswer(DoorPart::Contact));
    assert_eq!(timeout(SOON, contact.changed()).await.unwrap(), none);
    drop(panel);
    assert_eq!(button.level().await, none);
}

/// Locks; a machine under load may be slower to answer than the driver waits, as a reader may.
async fn locks(lock: &impl Lock) {
    let locked = async {
        while lock.lock().await.is_err() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(SOON, locked).await.unwrap();
}

#[tokio::test]
async fn a_reader_without_light_and_a_card_with_odd_bits_are_taken_as_they_are() {
    let line = Line::new(1);
    let plain =
        SimOsdpSettings { address: 0, key: Some(key(1)), timed_outputs: false, shows: false };
    let pd = line.reader_with(0, plain);
    let mut panel = line.panel(vec![with_untimed_lock(0, 1)]);
    let mut reader = panel.take_reader("door").unwrap();
    told_until(&mut reader, SOON, is_available).await;
    sleep(SETTLED).await;
    panel.feedback("door").unwrap().denied();
    pd.present_bits(26, &[1, 2, 3, 64]).unwrap();
    let told = told_for(&mut reader, Duration::from_secs(2)).await;
    let odd = CardEvent::Unreadable { reason: CardError::Bits(26) };
    assert_eq!(told, [odd, CardEvent::Removed], "a light that it has not may not cost its line");
    let lock = panel.lock("door", 0).unwrap();
    lock.unlock().await.unwrap();
    locks(&lock).await;
    // Whoever has gone away is not let in later, and leaves no door open.
    for patience in [0, 5, 20, 60] {
        timeout(Duration::from_millis(patience), lock.unlock()).await.ok();
        sleep(Duration::from_millis(600)).await;
        let open = pd.state().borrow().outputs[0];
        assert_eq!(lock.level().await == Ok(LockLevel::Unlocked), open);
        locks(&lock).await;
    }
    drop(timeout(Duration::from_micros(1), lock.unlock()).await);
    sleep(Duration::from_millis(1_000)).await;
    assert_eq!(pd.state().borrow().outputs, [false, false]);
    let other = panel.lock("door", 1).unwrap();
    assert_eq!(
        other.unlock().await,
        Err(DoorError::NoAnswer(DoorPart::Lock)),
        "not in the settings"
    );
}

#[tokio::test]
async fn a_key_is_set_in_install_mode_only() {
    let line = Line::new(1);
    let pd = line.reader(0, 7, None);
    let install = |seed| {
        let open = line.opener();
        let patience = Duration::from_secs(6);
        tokio::task::spawn_blocking(move || install_key(open, BAUD, 7, &key(seed), patience))
    };
    install(3).await.unwrap().unwrap();
    assert_eq!(pd.state().borrow().new_key, Some(key(3)));
    install(3).await.unwrap().unwrap();
    let refused = install(4).await.unwrap();
    assert!(matches!(refused, Err(InstallError::NotInInstallMode)), "{refused:?}");
    assert_eq!(pd.state().borrow().new_key, Some(key(3)));
    for (_, block, code) in frames(&line.panel_said()) {
        assert!(block.is_some() || matches!(code, 0x61 | 0x62), "{code:02X}");
    }

    let mut panel = line.panel(vec![OsdpReaderSettings::new("door", 7, key(3))]);
    let mut reader = panel.take_reader("door").unwrap();
    told_until(&mut reader, SOON, is_available).await;
    drop(panel);
    drop(pd);
    let silent = install(3).await.unwrap();
    assert!(matches!(silent, Err(InstallError::Silent)), "{silent:?}");
}

#[tokio::test]
async fn fault_13_a_port_that_is_pulled_out_is_used_again_when_it_is_back() {
    let first = Line::new(1);
    let port = Arc::new(Mutex::new(None));
    *port.lock().unwrap() = Some(first.opener());
    let shared = port.clone();
    let open: OpenChannel = Box::new(move || match shared.lock().unwrap().as_mut() {
        Some(open) => open(),
        None => Err(io::Error::from(io::ErrorKind::NotFound)),
    });
    let pd = first.reader(0, 0, Some(key(1)));
    let mut panel = OsdpLine::start(open, BAUD, vec![with_lock(0, 1)]).unwrap();
    let mut reader = panel.take_reader("door").unwrap();
    told_until(&mut reader, SOON, is_available).await;

    *port.lock().unwrap() = None;
    drop(pd);
    drop(first);
    let pulled = told_until(&mut reader, SOON, |event| match event {
        CardEvent::Unavailable { reason, .. } => reason.contains("line cannot be used"),
        _ => false,
    })
    .await;

    let second = Line::new(1);
    let pd = second.reader(0, 0, Some(key(1)));
    // Held there while nobody can ask: it lets nobody in once the port is back.
    pd.present(&CARD).unwrap();
    *port.lock().unwrap() = Some(second.opener());
    let back = told_until(&mut reader, SOON, is_available).await;
    let settled = told_for(&mut reader, SETTLED).await;
    let meanwhile = [pulled, back, settled].concat();
    assert!(!meanwhile.iter().any(is_read), "{meanwhile:?}");
    shown(&pd, &mut reader, &CARD).await;
}

#[test]
fn what_is_no_serial_port_is_no_line() {
    let open = |path: &str, baud| SerialPort::open(path.as_ref(), baud).map(drop);
    assert!(open("/nowhere/ttyUSB0", 9_600).is_err());
    assert!(open("/dev/null", 9_600).is_err());
    for readers in [vec![], vec![with_lock(1, 1), with_lock(1, 1)], vec![with_lock(127, 1)]] {
        let never: OpenChannel = Box::new(|| Err(io::Error::other("never")));
        assert!(OsdpLine::start(never, 9_600, readers).is_err());
    }
    let never: OpenChannel = Box::new(|| Err(io::Error::other("never")));
    assert!(OsdpLine::start(never, 12_345, vec![with_lock(1, 1)]).is_err());
}

/// Takes what is written, and answers nothing.
struct Listener(Arc<Mutex<Vec<u8>>>);

impl ByteChannel for Listener {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }
}

#[tokio::test]
async fn a_line_without_any_answer_is_asked_on_and_blocks_nobody() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ears = heard.clone();
    let open: OpenChannel = Box::new(move || Ok(Box::new(Listener(ears.clone()))));
    let mut panel = OsdpLine::start(open, 9_600, vec![with_lock(0, 1)]).unwrap();
    let mut reader = panel.take_reader("door").unwrap();
    let asked = Instant::now();
    let unlocked = panel.lock("door", 0).unwrap().unlock().await;
    assert_eq!(unlocked, Err(DoorError::NoAnswer(DoorPart::Lock)));
    assert!(asked.elapsed() < Duration::from_secs(1));
    told_until(&mut reader, SOON, is_unavailable).await;
    // The library alone would give up after nine seconds, for five minutes.
    sleep(Duration::from_secs(12)).await;
    let before = frames(&heard.lock().unwrap()).len();
    sleep(Duration::from_secs(3)).await;
    let after = frames(&heard.lock().unwrap()).len();
    assert!(after > before, "nobody asks any more");
    let dropped = Instant::now();
    drop(panel);
    assert!(dropped.elapsed() < Duration::from_secs(1));
}

/// What the panel asks a reader first, so that it proves its key.
async fn first_challenge() -> Vec<u8> {
    let line = Line::new(1);
    let _pd = line.reader(0, 0, Some(key(1)));
    let mut panel = line.panel(vec![with_lock(0, 1)]);
    let mut reader = panel.take_reader("door").unwrap();
    told_until(&mut reader, SOON, is_available).await;
    let asked = line.panel_said();
    let challenge = asked.windows(5).position(|window| window[..4] == [3, 0x11, 1, 0x76]).unwrap();
    asked[challenge + 4..][..8].to_vec()
}

#[tokio::test]
async fn two_starts_of_a_program_ask_for_different_proofs() {
    const CHILD: &str = "KYOTEN_TEST_CHALLENGE";
    if std::env::var_os(CHILD).is_some() {
        println!("challenge {:02x?}", first_challenge().await);
        return;
    }
    let start = || {
        let name = "two_starts_of_a_program_ask_for_different_proofs";
        let program = std::env::current_exe().unwrap();
        let told = std::process::Command::new(program)
            .args(["--exact", name, "--nocapture"])
            .env(CHILD, "1")
            .output()
            .unwrap();
        let told = String::from_utf8(told.stdout).unwrap();
        told.lines().find(|line| line.contains("challenge [")).unwrap().to_owned()
    };
    assert_ne!(start(), start());
}
