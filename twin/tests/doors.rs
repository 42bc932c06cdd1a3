//! Doors with plans: their readers, hours, buttons, and what stands above them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

#[path = "common/care.rs"]
mod care;
mod common;
#[path = "common/doors.rs"]
mod doors;

use care::{HOSHINO, MOTHER, UNCLE};
use common::{at, booking, id, person, plain_card, visit, voucher};
use doors::{FRONT, LAB, NURSERY, with_doors};
use model::access::{Going, RefusalKind};
use model::card::CardLevel;
use model::care::day::CareEvent;
use model::day_sheet::DaySheet;
use model::device::{Trouble, Watched};
use model::door::{DoorState, Side};
use model::id::{BookingId, CredentialId, DeviceId, OrderId};
use model::muster::Sign;
use model::site_event::{Happening, SiteEvent};
use model::site_order::{OrderAnswer, Ordered, OrderedFrom, SiteOrder};
use proptest::prelude::*;
use twin::{Answer, CodeCheck, Decision, Effect, Fact, LockLevel, PinOf, TappedCard, Twin};
use uuid::Uuid;

const HOUR: i64 = 3600;

/// A site, its mirror, and locks and contacts that do what they are told.
struct Site {
    twin: Twin,
    mirror: Twin,
    now: i64,
    visits: u128,
    /// The doors that stand unlocked.
    open: Vec<DeviceId>,
    /// A lock that does not move.
    stuck: bool,
}

impl Site {
    fn on(sheet: DaySheet) -> Self {
        let (twin, mirror) = (Twin::new(), Twin::new());
        let mut site = Self { twin, mirror, now: 0, visits: 100, open: Vec::new(), stuck: false };
        site.tell(Fact::Started);
        site.tell(Fact::Sheet(Box::new(sheet)));
        for door in [FRONT, NURSERY, LAB] {
            site.tell(Fact::LockRead { door: id(door), level: LockLevel::Locked, visit: None });
            site.tell(Fact::ContactRead { door: id(door), open: false });
        }
        site
    }

    fn new() -> Self {
        Self::on(with_doors())
    }

    /// Takes in a fact and does what is to be done.
    fn tell(&mut self, fact: Fact) -> Decision {
        let decision = self.twin.decide(at(self.now), fact);
        for event in &decision.outcomes {
            let told = serde_json::to_string(event).unwrap();
            self.mirror.apply(&serde_json::from_str(&told).unwrap());
        }
        if !decision.outcomes.is_empty() {
            assert_eq!(self.mirror.state_hash(), self.twin.state_hash());
        }
        for effect in &decision.effects {
            let (door, level) = match effect {
                Effect::Unlock { door, .. } => (door.clone(), LockLevel::Unlocked),
                Effect::Lock { door } => (door.clone(), LockLevel::Locked),
                _ => continue,
            };
            if self.stuck {
                self.tell(Fact::LockFailed { door });
                continue;
            }
            self.open.retain(|open| *open != door);
            if level == LockLevel::Unlocked {
                self.open.push(door.clone());
            }
            self.tell(Fact::LockRead { door, level, visit: None });
        }
        decision
    }

    /// Seconds pass.
    fn pass(&mut self, seconds: i64) {
        for _ in 0..seconds.min(120) {
            self.now += (seconds / 120).max(1);
            self.tell(Fact::Tick);
        }
    }

    fn tap_with(&mut self, reader: &str, card: u32, level: u8) -> Decision {
        self.visits += 1;
        let level = CardLevel::try_from(level).unwrap();
        let card = TappedCard { level, ..plain_card(card) };
        let (reader, visit) = (id(reader), visit(self.visits));
        self.tell(Fact::Tap { reader, card, visit })
    }

    fn tap(&mut self, reader: &str, card: u32) -> Decision {
        self.tap_with(reader, card, 1)
    }

    fn order(&mut self, number: u128, what: SiteOrder) -> OrderAnswer {
        let (order, by) = (OrderId(Uuid::from_u128(number)), person(40));
        let from = OrderedFrom::Hub;
        let order = Ordered { id: order, what, by, from };
        match self.tell(Fact::Order(order)).answer {
            Some(Answer::Ordered(answer)) => answer,
            other => panic!("{other:?}"),
        }
    }

    fn is_open(&self, door: &str) -> bool {
        self.open.contains(&id(door))
    }

    fn state(&self, door: &str) -> Option<DoorState> {
        let snapshot = self.twin.snapshot();
        snapshot.doors.into_iter().find(|known| known.door == id(door)).unwrap().state
    }

    fn contact(&mut self, door: &str, open: bool) {
        self.tell(Fact::ContactRead { door: id(door), open });
    }
}

fn came_for(refused: &Decision) -> &[BookingId] {
    let came_for = refused.outcomes.iter().find_map(|event| match &event.what {
        Happening::Refused { came_for, .. } => Some(came_for.as_slice()),
        _ => None,
    });
    came_for.unwrap()
}

fn refused(decision: &Decision) -> RefusalKind {
    let Some(Answer::Refused { why, .. }) = decision.answer else { panic!("{decision:?}") };
    let happened: Vec<_> = (decision.outcomes.iter().map(|event| &event.what))
        .filter(|what| !matches!(what, Happening::CredentialProved { .. }))
        .collect();
    assert!(
        matches!(happened[..], [Happening::Refused { why: told, .. }] if *told == why),
        "a refusal is an event too: {decision:?}"
    );
    assert!(decision.effects.is_empty(), "{decision:?}");
    why
}

fn opened(decision: &Decision) -> &DeviceId {
    let Some(Answer::DoorOpens { door, .. }) = &decision.answer else { panic!("{decision:?}") };
    let unlocks =
        |effect: &Effect| matches!(effect, Effect::Unlock { door: told, .. } if told == door);
    assert!(decision.effects.iter().all(unlocks) && !decision.effects.is_empty(), "{decision:?}");
    door
}

#[test]
fn a_tap_at_a_door_opens_that_door_and_checks_nobody_in() {
    let mut site = Site::new();
    let decision = site.tap("front-out", 2);
    assert_eq!(*opened(&decision), id(FRONT));
    assert!(site.twin.snapshot().visits.is_empty());
    assert!(site.is_open(FRONT) && !site.is_open(NURSERY) && !site.is_open(LAB));
    assert!(matches!(
        &decision.outcomes[..],
        [event] if matches!(&event.what, Happening::LetThrough { side: Side::Outside, twice: false, person: Some(who), .. } if *who == person(2))
    ));
    site.pass(6);
    assert!(!site.is_open(FRONT));
}

#[test]
fn who_may_enter_where_is_told_by_the_zone() {
    use RefusalKind::{BlockedCard, NoBooking, NotThisDoor, UnknownCard};
    let (mother, uncle) = (u32::try_from(MOTHER).unwrap(), u32::try_from(UNCLE).unwrap());
    let staff = u32::try_from(HOSHINO).unwrap();
    for (reader, card, want) in [
        ("front-out", 2, None),
        ("front-out", staff, None),
        ("front-out", mother, None), // her child is due
        ("front-out", 9, Some(NoBooking)),
        ("front-out", 99, Some(BlockedCard)),
        ("front-out", 1000, Some(UnknownCard)),
        ("nursery-out", staff, None),
        ("nursery-out", mother, None),
        ("nursery-out", 2, Some(NotThisDoor)),
        ("nursery-out", uncle, Some(NotThisDoor)),
        ("nursery-out", 1000, Some(UnknownCard)),
        ("lab-out", staff, None),
        ("lab-out", mother, Some(NotThisDoor)),
        ("lab-out", 2, Some(NotThisDoor)),
    ] {
        let mut site = Site::new();
        let decision = site.tap(reader, card);
        match want {
            Some(why) => assert_eq!(refused(&decision), why, "{reader} {card}"),
            None => drop(opened(&decision)),
        }
    }
    let mut site = Site::new();
    let unreadable = site.tell(Fact::UnreadableCard { reader: id("front-out") });
    assert_eq!(refused(&unreadable), RefusalKind::UnreadableCard);
}

#[test]
fn with_a_clock_or_sheet_in_doubt_only_guests_and_key_proof_staff_come_in() {
    let staff = u32::try_from(HOSHINO).unwrap();
    let mut site = Site::new();
    site.tap("kiosk", 2);
    site.tell(Fact::ClockSet(false));
    assert_eq!(refused(&site.tap_with("front-out", 3, 3)), RefusalKind::ClockUnset);
    assert_eq!(refused(&site.tap("nursery-out", staff)), RefusalKind::ClockUnset);
    // Nobody knows the hour, so all that the door ever asks is asked.
    assert_eq!(refused(&site.tap_with("nursery-out", staff, 3)), RefusalKind::PinNeeded);
    opened(&site.tap_with("lab-out", staff, 3));
    opened(&site.tap("front-out", 2));
    opened(&site.tap("front-in", 1000));
    site.pass(2 * HOUR);
    assert!(!site.is_open(FRONT), "no hours without a clock");
    let mut site = Site::new();
    site.now = 4 * 24 * HOUR;
    assert_eq!(refused(&site.tap("front-out", staff)), RefusalKind::SheetExpired);
    opened(&site.tap_with("front-out", staff, 3));
}

#[test]
fn a_door_stands_unlocked_in_its_hours_once_somebody_has_come_in() {
    let mut site = Site::new();
    site.pass(HOUR + 60);
    assert!(!site.is_open(FRONT), "it is past ten, and nobody is in");
    opened(&site.tap("front-out", 40));
    site.pass(20);
    assert!(site.is_open(FRONT) && !site.is_open(NURSERY));
    site.pass(7 * HOUR);
    assert!(site.is_open(FRONT));
    // A restart relocks it, and its hours open it again.
    site.tell(Fact::Started);
    site.tell(Fact::LockRead { door: id(FRONT), level: LockLevel::Locked, visit: None });
    site.open.clear();
    site.pass(1);
    assert!(site.is_open(FRONT));
    site.pass(HOUR + 60);
    assert!(!site.is_open(FRONT), "it is past six");
}

#[test]
fn a_lock_that_falls_shut_in_its_hours_is_opened_again() {
    let mut site = Site::new();
    site.tap("kiosk", 2);
    site.pass(HOUR + 60);
    assert!(site.is_open(FRONT));
    site.open.clear();
    site.tell(Fact::LockRead { door: id(FRONT), level: LockLevel::Locked, visit: None });
    site.pass(1);
    assert!(site.is_open(FRONT));
}

#[test]
fn the_night_asks_for_a_better_card_a_pin_and_two_persons() {
    let mut sheet = with_doors();
    let mut second = sheet.care.as_ref().unwrap().staff[0].clone();
    second.person = person(41);
    sheet.care.as_mut().unwrap().staff.push(second);
    let mut site = Site::on(sheet);
    site.now = 11 * HOUR;
    assert_eq!(refused(&site.tap_with("nursery-out", 40, 2)), RefusalKind::LevelTooLow);
    assert_eq!(refused(&site.tap_with("nursery-out", 40, 3)), RefusalKind::PinNeeded);
    let asked = |site: &Site| site.twin.pin_asked(at(site.now), &id("nursery-out"));
    assert_eq!(asked(&site), Some(PinOf::Person(person(40))));
    let hash = CodeCheck::Pin("$argon2id$".to_owned());
    assert_eq!(site.twin.check_pin(at(site.now), asked(&site).unwrap()), hash);
    let pin = |right| Fact::DoorPin { reader: id("nursery-out"), right };
    assert_eq!(refused(&site.tell(pin(false))), RefusalKind::WrongPin);
    assert_eq!(refused(&site.tell(pin(true))), RefusalKind::SecondPerson);
    assert_eq!(refused(&site.tell(pin(true))), RefusalKind::WrongPin, "it was for one tap");
    // The same person twice is one person.
    site.tap_with("nursery-out", 40, 3);
    assert_eq!(refused(&site.tell(pin(true))), RefusalKind::SecondPerson);
    site.now += 10;
    assert_eq!(refused(&site.tap_with("nursery-out", 41, 3)), RefusalKind::PinNeeded);
    let both = site.tell(pin(true));
    assert_eq!(*opened(&both), id(NURSERY));
    let through: Vec<_> = (both.outcomes.iter())
        .filter_map(|event| match &event.what {
            Happening::LetThrough { person, .. } => *person,
            _ => None,
        })
        .collect();
    assert_eq!(through, [person(40), person(41)], "both are inside");
    // The second comes too late.
    site.now += 60;
    site.tap_with("nursery-out", 40, 3);
    site.tell(pin(true));
    site.now += 31;
    site.tap_with("nursery-out", 41, 3);
    assert_eq!(refused(&site.tell(pin(true))), RefusalKind::SecondPerson);
    // So does a PIN.
    site.tap_with("nursery-out", 40, 3);
    site.now += 20;
    assert_eq!(refused(&site.tell(pin(true))), RefusalKind::WrongPin);
    // The way out asks for nothing.
    assert_eq!(*opened(&site.tap("nursery-in", 1000)), id(NURSERY));
}

#[test]
fn fault_16_wrong_pins_at_a_door_close_it_for_a_while() {
    let mut site = Site::new();
    site.now = 11 * HOUR;
    let pin = |right| Fact::DoorPin { reader: id("nursery-out"), right };
    site.tap_with("nursery-out", 40, 3);
    assert_eq!(refused(&site.tell(pin(false))), RefusalKind::WrongPin);
    assert_eq!(refused(&site.tell(pin(false))), RefusalKind::WrongPin);
    assert_eq!(refused(&site.tell(pin(false))), RefusalKind::CodePaused);
    assert_eq!(refused(&site.tell(pin(true))), RefusalKind::CodePaused);
    assert_eq!(refused(&site.tap_with("nursery-out", 40, 3)), RefusalKind::CodePaused);
    site.now += 301;
    assert_eq!(refused(&site.tap_with("nursery-out", 40, 3)), RefusalKind::PinNeeded);
    let nobody = Fact::DoorPin { reader: id("nowhere"), right: true };
    assert_eq!(refused(&site.tell(nobody)), RefusalKind::WrongPin);
}

#[test]
fn a_reader_that_was_guessed_at_takes_pins_with_cards_that_nobody_can_copy() {
    let mut sheet = with_doors();
    let hoshino = sheet.care.as_ref().unwrap().staff[0].clone();
    for number in 41..=45 {
        let other = model::day_sheet::SheetStaff { person: person(number), ..hoshino.clone() };
        sheet.care.as_mut().unwrap().staff.push(other);
    }
    let plan = sheet.site.doors[1].plan.as_mut().unwrap();
    plan.two_persons.clear();
    plan.demands[0].level = 1;
    let mut site = Site::on(sheet);
    site.now = 11 * HOUR;
    let pin = |right| Fact::DoorPin { reader: id("nursery-out"), right };
    for card in [40, 41, 42] {
        for why in [RefusalKind::WrongPin, RefusalKind::WrongPin, RefusalKind::CodePaused] {
            site.now += 1;
            assert_eq!(refused(&site.tap("nursery-out", card)), RefusalKind::PinNeeded);
            assert_eq!(refused(&site.tell(pin(false))), why, "{card}");
        }
    }
    // A card with a key is one person's, and no guess of anybody's.
    assert_eq!(refused(&site.tap_with("nursery-out", 43, 3)), RefusalKind::PinNeeded);
    assert_eq!(refused(&site.tell(pin(false))), RefusalKind::WrongPin);
    assert_eq!(refused(&site.tap("nursery-out", 44)), RefusalKind::PinNeeded);
    assert_eq!(refused(&site.tell(pin(false))), RefusalKind::CodePaused, "the tenth");
    assert_eq!(refused(&site.tell(pin(true))), RefusalKind::CodePaused);
    assert_eq!(refused(&site.tap("nursery-out", 45)), RefusalKind::CodePaused);
    assert_eq!(refused(&site.tap_with("nursery-out", 43, 3)), RefusalKind::PinNeeded);
    assert_eq!(*opened(&site.tell(pin(true))), id(NURSERY));
    assert_eq!(refused(&site.tap("nursery-out", 45)), RefusalKind::CodePaused, "as before");
    assert_eq!(*opened(&site.tap("nursery-in", 45)), id(NURSERY), "the way out asks for nothing");
    site.now += 60;
    assert_eq!(refused(&site.tap("nursery-out", 45)), RefusalKind::PinNeeded);
    assert_eq!(*opened(&site.tell(pin(true))), id(NURSERY));
}

#[test]
fn a_key_that_nobody_registered_counts_for_no_more_than_the_identifier_beside_it() {
    let mut site = Site::new();
    site.now = 11 * HOUR;
    let beside = plain_card(40).digest;
    let card = TappedCard { level: CardLevel::Key, identifier: Some(beside), ..plain_card(9_999) };
    let (reader, visit) = (id("nursery-out"), visit(1));
    let tapped = site.tell(Fact::Tap { reader, card, visit });
    assert_eq!(refused(&tapped), RefusalKind::LevelTooLow);
}

#[test]
fn the_lobby_opens_no_door_that_asks_for_more_and_says_so_before_the_check_in() {
    let mut sheet = with_doors();
    let night = sheet.site.doors[1].plan.as_ref().unwrap().demands.clone();
    sheet.site.doors[0].plan.as_mut().unwrap().demands = night;
    sheet.bookings.push(booking(4, 4, &[(3, 600, 800)]));
    let mut site = Site::on(sheet);
    site.now = 11 * HOUR;
    assert_eq!(refused(&site.tap("kiosk", 4)), RefusalKind::LevelTooLow);
    assert_eq!(refused(&site.tap_with("kiosk", 4, 3)), RefusalKind::PinNeeded);
    assert!(site.twin.snapshot().visits.is_empty());
}

#[test]
fn who_is_asked_whether_they_leave_opens_no_door_that_asks_for_more() {
    let mut sheet = with_doors();
    let night = sheet.site.doors[1].plan.as_ref().unwrap().demands.clone();
    let front = sheet.site.doors[0].plan.as_mut().unwrap();
    front.demands = night;
    front.demands[0].pin = false;
    let mut site = Site::on(sheet);
    site.tap("kiosk", 2);
    let on = site.twin.snapshot().visits[0].visit;
    site.now = 11 * HOUR;
    for (level, opens) in [(1, false), (3, true)] {
        for going in [Going::Stays, Going::BackSoon] {
            site.now += 60;
            let case = format!("{level} {going:?}");
            let asked = site.tap_with("kiosk", 2, level);
            assert!(matches!(asked.answer, Some(Answer::AskLeaving { .. })), "{case}: {asked:?}");
            let said = site.tell(Fact::Leave { reader: id("kiosk"), visit: on, going });
            let unlocks = said.effects.iter().any(|one| matches!(one, Effect::Unlock { .. }));
            assert_eq!(unlocks, opens, "{case}");
            site.now += 60;
            site.pass(60);
            if going == Going::BackSoon {
                // Nor are they back before a door lets them in.
                if level == 1 {
                    let outside = site.tap_with("kiosk", 2, level);
                    assert_eq!(refused(&outside), RefusalKind::LevelTooLow);
                    assert_eq!(came_for(&outside), [common::booking_id(2)]);
                    assert!(site.twin.snapshot().visits[0].away_since.is_some());
                }
                let back = site.tap_with("kiosk", 2, 3);
                assert!(matches!(back.answer, Some(Answer::Welcome { .. })), "{back:?}");
                assert!(site.is_open(FRONT));
            }
        }
    }
}

#[test]
fn who_works_here_comes_in_at_the_kiosk_and_takes_nobodys_desk() {
    let entrance_without_a_reader = || {
        let mut sheet = with_doors();
        sheet.site.doors[0].plan = None;
        sheet.bookings.retain(|one| one.id != common::booking_id(3));
        let when = care::minutes(0, 600);
        sheet.lease.push(model::lease::LeasedSpace { space: common::space(3), when });
        sheet
    };
    let mut site = Site::on(entrance_without_a_reader());
    site.now = 60;
    let let_in = site.tap("kiosk", 40);
    assert_eq!(*opened(&let_in), id(FRONT));
    assert_eq!(let_in.guest, Some(person(40)));
    let [event] = &let_in.outcomes[..] else { panic!("{let_in:?}") };
    assert!(
        matches!(
            &event.what,
            Happening::LetThrough { reader, side: Side::Outside, twice: false, person: Some(who), .. }
                if *reader == id("kiosk") && *who == person(40)
        ),
        "{event:?}"
    );
    assert!(site.is_open(FRONT) && !site.is_open(NURSERY) && !site.is_open(LAB));
    assert!(site.twin.snapshot().visits.is_empty());
    assert_eq!(site.listed(40), Some(Sign::CameThrough));
    // Guests are asked and seated as ever; so is who works here and has a desk of their own.
    let guest = site.tap("kiosk", 9);
    assert!(matches!(guest.answer, Some(Answer::OfferWalkIn { .. })), "{guest:?}");
    let mut sheet = entrance_without_a_reader();
    sheet.lease.clear();
    sheet.bookings.push(booking(4, 40, &[(3, 0, 600)]));
    let mut site = Site::on(sheet);
    let seated = site.tap("kiosk", 40);
    assert!(matches!(seated.answer, Some(Answer::Welcome { .. })), "{seated:?}");
    assert_eq!(site.twin.snapshot().visits.len(), 1);
    // With a clock or sheet in doubt it takes a key, as at a reader.
    for expired in [false, true] {
        let mut site = Site::on(entrance_without_a_reader());
        let why = if expired { RefusalKind::SheetExpired } else { RefusalKind::ClockUnset };
        match expired {
            true => site.now = 4 * 24 * HOUR,
            false => drop(site.tell(Fact::ClockSet(false))),
        }
        assert_eq!(refused(&site.tap("kiosk", 40)), why);
        assert_eq!(refused(&site.tap_with("kiosk", 9, 3)), why);
        opened(&site.tap_with("kiosk", 40, 3));
    }
    // A lockdown lets in nobody.
    let mut site = Site::on(entrance_without_a_reader());
    site.order(1, SiteOrder::Lockdown { on: true });
    assert_eq!(refused(&site.tap("kiosk", 40)), RefusalKind::Lockdown);
    assert_eq!(refused(&site.tap_with("kiosk", 40, 3)), RefusalKind::Lockdown);
    assert_eq!(site.listed(40), None);
}

#[test]
fn at_the_kiosk_too_who_works_here_proves_what_the_door_asks() {
    let mut sheet = with_doors();
    let plan = sheet.site.doors[0].plan.as_mut().unwrap();
    plan.demands = vec![doors::all_day(3)];
    let mut site = Site::on(sheet);
    let closed = site.tap("kiosk", 40);
    assert_eq!(refused(&closed), RefusalKind::LevelTooLow);
    assert_eq!((closed.guest, site.listed(40)), (None, None));
    opened(&site.tap_with("kiosk", 40, 3));
    site.now += 60;
    assert_eq!(refused(&site.tap_with("kiosk", 40, 3)), RefusalKind::Passback);
    opened(&site.tap_with("front-in", 40, 3));
    opened(&site.tap_with("kiosk", 40, 3));
}

#[test]
fn who_came_in_by_the_doors_own_reader_is_seated_whatever_the_door_asks() {
    let mut sheet = with_doors();
    let plan = sheet.site.doors[0].plan.as_mut().unwrap();
    plan.two_persons = vec![doors::all_day(1).when];
    let mut site = Site::on(sheet);
    assert_eq!(refused(&site.tap("kiosk", 2)), RefusalKind::SecondPerson);
    assert_eq!(refused(&site.tap("front-out", 2)), RefusalKind::SecondPerson);
    opened(&site.tap("front-out", 40));
    let seated = site.tap("kiosk", 2);
    assert!(matches!(seated.answer, Some(Answer::Welcome { .. })), "{seated:?}");
    let unlocks = |effect: &Effect| matches!(effect, Effect::Unlock { .. });
    assert!(!seated.effects.iter().any(unlocks), "they are inside: {seated:?}");
    assert_eq!(refused(&site.tap("kiosk", 3)), RefusalKind::SecondPerson);

    // A guardian without a desk, who brings a child.
    let mut sheet = with_doors();
    sheet.bookings.clear();
    sheet.site.doors[0].plan.as_mut().unwrap().two_persons = vec![doors::all_day(1).when];
    let mut site = Site::on(sheet);
    let mother = u32::try_from(MOTHER).unwrap();
    assert_eq!(refused(&site.tap("kiosk", mother)), RefusalKind::SecondPerson);
    assert_eq!(refused(&site.tap("front-out", mother)), RefusalKind::SecondPerson);
    opened(&site.tap("front-out", 40));
    let let_in = site.tap("kiosk", mother);
    assert!(matches!(let_in.answer, Some(Answer::Care(_))), "{let_in:?}");
}

#[test]
fn who_comes_in_twice_is_refused_or_recorded_and_always_gets_out() {
    let mut site = Site::new();
    opened(&site.tap("front-out", 2));
    site.now += 60;
    assert_eq!(refused(&site.tap("front-out", 2)), RefusalKind::Passback);
    opened(&site.tap("front-in", 2));
    opened(&site.tap("front-in", 2));
    opened(&site.tap("front-out", 2));
    // Hard at the front, soft at the nursery.
    opened(&site.tap("nursery-out", 40));
    site.now += 60;
    let again = site.tap("nursery-out", 40);
    opened(&again);
    assert!(matches!(again.outcomes[0].what, Happening::LetThrough { twice: true, .. }));
    // Forgotten with a new day: Tokyo's begins at 15:00 UTC.
    let mut site = Site::new();
    site.now = 14 * HOUR + 50 * 60;
    opened(&site.tap_with("front-out", 40, 3));
    assert_eq!(refused(&site.tap_with("front-out", 40, 3)), RefusalKind::Passback);
    site.now += 20 * 60;
    opened(&site.tap_with("front-out", 40, 3));
    site.pass(19 * HOUR);
    site.tell(Fact::UnreadableVoucher { reader: id("kiosk") });
    assert!(site.twin.snapshot().passes.is_empty(), "forgotten after eighteen hours");
}

#[test]
fn who_left_through_a_door_that_stood_open_is_not_refused_for_it() {
    // In a drill nobody taps.
    let mut site = Site::new();
    opened(&site.tap("front-out", 40));
    site.pass(60);
    assert_eq!(refused(&site.tap("front-out", 40)), RefusalKind::Passback);
    site.order(1, SiteOrder::Evacuate { on: true });
    site.pass(60);
    site.order(2, SiteOrder::Evacuate { on: false });
    site.pass(60);
    opened(&site.tap("front-out", 40));
    site.pass(60);
    assert_eq!(refused(&site.tap("front-out", 40)), RefusalKind::Passback);
    // Nor in its hours, 10 to 18: this is half past six in the evening.
    site.pass(9 * HOUR + 1_500);
    opened(&site.tap("front-out", 40));
}

#[test]
fn a_guest_who_stepped_out_is_back_with_a_tap_at_the_door() {
    let mut site = Site::new();
    site.tap("kiosk", 2);
    let on = site.twin.snapshot().visits[0].visit;
    site.now += 60;
    let going = Going::BackSoon;
    site.tell(Fact::Leave { reader: id("kiosk"), visit: on, going });
    site.now += 600;
    opened(&site.tap("front-out", 2));
    assert_eq!(site.twin.snapshot().visits[0].away_since, None);
}

#[test]
fn whoever_says_that_they_leave_may_come_in_again() {
    use model::access::Going;
    for going in [Going::BackSoon, Going::ForGood] {
        let mut site = Site::new();
        opened(&site.tap("front-out", 2));
        site.tap("kiosk", 2);
        let on = site.twin.snapshot().visits[0].visit;
        site.pass(60);
        assert_eq!(refused(&site.tap("front-out", 2)), RefusalKind::Passback);
        site.tell(Fact::Leave { reader: id("kiosk"), visit: on, going });
        assert!(!site.twin.snapshot().passes[0].is_in, "{going:?}");
    }
}

#[test]
fn whom_a_stuck_lock_kept_out_is_not_inside() {
    let mut site = Site::new();
    site.stuck = true;
    // The first is let through and the lock fails then; at the second it is known to have failed.
    for person in [2, 3] {
        site.tap("front-out", person);
        assert!(site.twin.snapshot().passes.iter().all(|pass| !pass.is_in));
    }
    // Nobody waits for it any more.
    site.pass(6);
    site.stuck = false;
    site.tell(Fact::LockRead { door: id(FRONT), level: LockLevel::Locked, visit: None });
    site.pass(60);
    opened(&site.tap("front-out", 2));
    assert!(site.twin.snapshot().passes.iter().any(|pass| pass.is_in));
}

#[test]
fn a_card_that_is_known_by_its_identifier_alone_is_known_inside_too() {
    let mut site = Site::new();
    let beside = plain_card(40).digest;
    let card = TappedCard { level: CardLevel::Key, identifier: Some(beside), ..plain_card(9_999) };
    let tap = |reader: &str, number| Fact::Tap { reader: id(reader), card, visit: visit(number) };
    opened(&site.tell(tap("front-out", 1)));
    assert!(site.twin.snapshot().passes[0].is_in);
    opened(&site.tell(tap("front-in", 2)));
    assert!(!site.twin.snapshot().passes[0].is_in);
}

#[test]
fn fault_17_a_button_inside_opens_its_door_at_once_whatever_holds() {
    let mut site = Site::new();
    let read = |pressed| Fact::ExitRead { door: id(FRONT), pressed };
    assert_eq!(site.order(1, SiteOrder::Lockdown { on: true }), OrderAnswer::Done);
    let pressed = site.tell(read(true));
    assert!(matches!(pressed.effects[..], [Effect::Unlock { .. }]), "{pressed:?}");
    assert!(site.is_open(FRONT) && !site.is_open(NURSERY));
    site.tell(read(false));
    site.pass(4);
    assert!(site.is_open(FRONT), "whoever pressed it is on the way");
    site.pass(3);
    assert!(!site.is_open(FRONT));
    // A stuck one leaves the way out open, and is an alarm until it is not stuck any more.
    site.tell(read(true));
    site.pass(30);
    assert_eq!(site.state(FRONT), None);
    site.pass(5);
    assert!(site.is_open(FRONT));
    assert_eq!(site.state(FRONT), Some(DoorState::ExitStuck));
    site.tell(read(false));
    site.pass(1);
    assert_eq!(site.state(FRONT), None);
    site.pass(10);
    assert!(!site.is_open(FRONT));
    // A button of a door that there is not opens nothing.
    let nowhere = site.tell(Fact::ExitRead { door: id("nowhere"), pressed: true });
    assert_eq!((nowhere.outcomes, nowhere.effects), (Vec::new(), Vec::new()));
}

#[test]
fn a_lockdown_stands_above_hours_and_cards_and_gives_back_what_was() {
    let mut site = Site::new();
    site.tap("kiosk", 2);
    site.pass(HOUR + 60);
    assert!(site.is_open(FRONT));
    assert_eq!(site.order(1, SiteOrder::Lockdown { on: true }), OrderAnswer::Done);
    assert!(site.open.is_empty(), "locked with the order, and not later");
    assert_eq!(refused(&site.tap("front-out", 2)), RefusalKind::Lockdown);
    assert_eq!(refused(&site.tap_with("nursery-out", 40, 3)), RefusalKind::Lockdown);
    assert_eq!(refused(&site.tap("kiosk", 3)), RefusalKind::Lockdown);
    assert_eq!(refused(&site.tap("front-out", 1000)), RefusalKind::UnknownCard);
    let scanned = Box::new(voucher(booking(9, 9, &[(3, 0, 600)]), 1));
    let scan = Fact::Voucher { reader: id("kiosk"), voucher: scanned, visit: visit(9) };
    assert_eq!(refused(&site.tell(scan)), RefusalKind::Lockdown);
    assert_eq!(site.order(2, SiteOrder::Unlock { door: id(FRONT) }), OrderAnswer::Overruled);
    opened(&site.tap("front-in", 2));
    site.pass(10);
    assert!(site.open.is_empty());
    // It survives a restart.
    let mut again = Twin::new();
    again.restore(&site.twin.snapshot());
    again.load_sheet(&with_doors());
    site.twin = again;
    site.tell(Fact::Started);
    site.pass(10);
    assert!(site.open.is_empty());
    assert_eq!(refused(&site.tap("front-out", 2)), RefusalKind::Lockdown);
    assert_eq!(site.order(3, SiteOrder::Lockdown { on: false }), OrderAnswer::Done);
    site.pass(1);
    assert!(site.is_open(FRONT), "its hours hold again");
    assert!(!site.is_open(NURSERY));
}

#[test]
fn an_unlock_that_was_on_its_way_does_not_outlast_a_lockdown() {
    let mut site = Site::new();
    site.tap("front-out", 2);
    site.order(1, SiteOrder::Lockdown { on: true });
    // The lock says only now that it opened.
    site.open.push(id(FRONT));
    site.tell(Fact::LockRead { door: id(FRONT), level: LockLevel::Unlocked, visit: None });
    site.pass(1);
    assert!(site.open.is_empty());
}

#[test]
fn a_fire_releases_every_door_and_what_was_before_returns() {
    let mut site = Site::new();
    site.order(1, SiteOrder::Lockdown { on: true });
    site.tell(Fact::FireRead { on: true });
    assert_eq!(site.open.len(), 3);
    let again = site.tell(Fact::FireRead { on: true });
    assert!(again.outcomes.is_empty(), "the level is no news");
    assert_eq!(site.order(2, SiteOrder::Lockdown { on: true }), OrderAnswer::Overruled);
    assert_eq!(site.order(3, SiteOrder::Unlock { door: id(LAB) }), OrderAnswer::Done);
    site.pass(600);
    assert_eq!(site.open.len(), 3);
    site.contact(LAB, true);
    site.pass(100);
    assert_eq!(site.state(LAB), None, "nothing is wrong with an open leaf then");
    site.contact(LAB, false);
    site.tell(Fact::FireRead { on: false });
    assert!(site.open.is_empty(), "the lockdown holds again");
    assert_eq!(refused(&site.tap("front-out", 2)), RefusalKind::Lockdown);
}

#[test]
fn an_evacuation_opens_all_doors_until_it_is_lifted() {
    let mut site = Site::new();
    site.order(1, SiteOrder::Lockdown { on: true });
    assert_eq!(site.order(2, SiteOrder::Evacuate { on: true }), OrderAnswer::Done);
    assert_eq!(site.open.len(), 3);
    site.tell(Fact::Started);
    site.open.clear();
    site.pass(1);
    assert_eq!(site.open.len(), 3, "after a restart too");
    let shown = site.twin.view(at(site.now).now);
    assert_eq!(
        shown.house.evacuation.map(|one| (one.by, one.from)),
        Some((person(40), OrderedFrom::Hub))
    );
    assert_eq!(site.order(3, SiteOrder::Evacuate { on: false }), OrderAnswer::Done);
    assert!(site.open.is_empty());
    assert!(site.twin.snapshot().house.lockdown.is_some());
}

#[test]
fn an_order_is_acted_on_once() {
    let mut site = Site::new();
    let unlock = || SiteOrder::Unlock { door: id(NURSERY) };
    assert_eq!(site.order(1, unlock()), OrderAnswer::Done);
    assert!(site.is_open(NURSERY));
    site.pass(10);
    assert!(!site.is_open(NURSERY));
    assert_eq!(site.order(1, unlock()), OrderAnswer::Done);
    assert!(!site.is_open(NURSERY));
    let mut again = Twin::new();
    again.restore(&site.twin.snapshot());
    again.load_sheet(&with_doors());
    site.twin = again;
    site.order(1, unlock());
    assert!(!site.is_open(NURSERY), "after a restart too");
    assert_eq!(site.order(2, SiteOrder::Unlock { door: id("door-9") }), OrderAnswer::UnknownDoor);
    let nobody = SiteOrder::EndVisit { visit: visit(9) };
    assert_eq!(site.order(3, nobody), OrderAnswer::UnknownVisit);
    site.tap("kiosk", 2);
    let on = site.twin.snapshot().visits[0].visit;
    assert_eq!(site.order(4, SiteOrder::EndVisit { visit: on }), OrderAnswer::Done);
    assert!(site.twin.snapshot().visits.is_empty());
    assert!(site.twin.snapshot().ended[0].gave_up.is_some());
    assert_eq!(site.order(5, SiteOrder::EndVisit { visit: on }), OrderAnswer::UnknownVisit);
    for number in 10..400 {
        site.order(number, SiteOrder::Unlock { door: id("door-9") });
    }
    assert_eq!(site.twin.snapshot().orders.len(), 256);
    site.pass(720);
    site.tap("front-out", 1000);
    assert!(site.twin.snapshot().orders.is_empty(), "long after they are good for anything");
}

#[test]
fn a_lock_that_does_not_open_is_told_again_while_somebody_waits() {
    let mut site = Site::new();
    site.stuck = true;
    site.tap("nursery-out", 40);
    site.pass(1);
    assert_eq!(site.state(NURSERY), Some(DoorState::LockFault));
    site.stuck = false;
    site.pass(2);
    assert!(site.is_open(NURSERY), "within the seconds of the tap");
    site.pass(6);
    assert!(!site.is_open(NURSERY));
    assert_eq!(site.state(NURSERY), None);
    // Nobody waits any more: it is not opened late.
    site.stuck = true;
    site.tap("nursery-out", 40);
    site.pass(5);
    site.stuck = false;
    for _ in 0..30 {
        site.pass(1);
        assert!(!site.is_open(NURSERY));
    }
}

#[test]
fn fault_17_a_leaf_that_was_forced_and_one_that_was_let_open_are_told_apart() {
    let mut site = Site::new();
    site.pass(1);
    site.contact(NURSERY, true);
    site.pass(1);
    assert_eq!(site.state(NURSERY), Some(DoorState::Forced));
    // As the mirror and a restart see it.
    let mut again = Twin::new();
    again.restore(&site.mirror.snapshot());
    again.load_sheet(&with_doors());
    site.twin = again;
    site.tell(Fact::Started);
    site.pass(1);
    assert_eq!(site.state(NURSERY), Some(DoorState::Forced));
    site.contact(NURSERY, false);
    site.pass(1);
    assert_eq!(site.state(NURSERY), None);
    site.tap("nursery-out", 40);
    site.contact(NURSERY, true);
    site.pass(10);
    assert_eq!(site.state(NURSERY), None);
    site.pass(10);
    assert_eq!(site.state(NURSERY), Some(DoorState::Ajar));
    site.pass(20);
    assert_eq!(site.state(NURSERY), Some(DoorState::Held));
    // The lab has a handle inside: nobody can tell.
    site.contact(LAB, true);
    site.pass(1);
    assert_eq!(site.state(LAB), None);
}

#[test]
fn the_muster_says_who_is_in_and_by_what_evidence() {
    let mut site = Site::new();
    site.now = 900;
    site.tap("kiosk", 2);
    site.now += 60;
    site.tap("front-out", 40);
    site.tap("front-out", 3);
    site.now += 60;
    site.tap("front-in", 3);
    site.tell(Fact::Care(twin::CareFact::Caregiver {
        shift: care::shift(1),
        state: model::care::day::CaregiverState::Here,
        staff: person(HOSHINO),
    }));
    let check = model::care::day::HealthCheck {
        temperature: Some(365),
        unwell: false,
        remarks: String::new(),
    };
    site.tell(Fact::Care(twin::CareFact::Caregiver {
        shift: care::shift(2),
        state: model::care::day::CaregiverState::Here,
        staff: person(HOSHINO),
    }));
    site.tell(Fact::Care(twin::CareFact::DropOff {
        child: care::child(care::HARU),
        brought_by: Some(person(MOTHER)),
        staff: None,
        check,
        sealed: model::care::day::Sealed(String::new()),
    }));
    let muster = site.twin.muster(at(site.now).now);
    let people: Vec<_> = muster.people.iter().map(|one| (one.person, one.last.what)).collect();
    assert_eq!(people, [(person(2), Sign::CheckedIn), (person(40), Sign::CameThrough)]);
    // Whoever works here is no guest, and may be one of those who have said so at the screen.
    let on_staff: Vec<_> = muster.people.iter().map(|one| one.on_staff).collect();
    assert_eq!(on_staff, [false, true]);
    assert_eq!(muster.people[0].space.as_deref(), Some("A-02"));
    let [child] = &muster.children[..] else { panic!("{muster:?}") };
    assert_eq!((child.name.as_str(), child.last.what), ("はる", Sign::Brought));
    assert_eq!(child.room_name.as_ref().unwrap().en, "Chicks");
    assert_eq!((child.guardians[0].is_in, child.guardians[0].last), (false, None));
    assert_eq!(muster.caregivers.len(), 2);
    // The mother comes in, steps out, and is out by the last that was seen.
    let mother = u32::try_from(MOTHER).unwrap();
    site.tap("front-out", mother);
    assert!(site.twin.muster(at(site.now).now).children[0].guardians[0].is_in);
    site.now += 5;
    site.tap("front-in", mother);
    let guardian = site.twin.muster(at(site.now).now).children[0].guardians[0].clone();
    assert_eq!((guardian.is_in, guardian.last.unwrap().what), (false, Sign::WentThrough));
    let json = serde_json::to_string(&muster).unwrap();
    assert_eq!(serde_json::from_str::<model::muster::Muster>(&json).unwrap(), muster);
}

#[test]
fn whoever_was_let_in_for_a_child_stays_on_the_muster_however_much_happens_after() {
    let mut site = Site::new();
    let credential = CredentialId(Uuid::from_u128(7));
    let let_in = CareEvent::LetIn { person: person(MOTHER), credential };
    let event = SiteEvent { at: at(0).now, what: Happening::Care(let_in) };
    site.twin.apply(&event);
    site.mirror.apply(&event);
    for _ in 0..80 {
        site.contact(LAB, true);
        site.contact(LAB, false);
    }
    let is_in = |site: &Site| {
        let muster = site.twin.muster(at(site.now).now);
        muster.people.iter().any(|one| one.person == person(MOTHER))
    };
    assert!(is_in(&site));
    let children = vec![care::child(care::HARU)];
    let visit = visit(9);
    let went = CareEvent::WentOut { visit, person: person(MOTHER), children };
    let event = SiteEvent { at: at(60).now, what: Happening::Care(went) };
    site.twin.apply(&event);
    assert!(!is_in(&site));
}

impl Site {
    fn listed(&self, who: u128) -> Option<Sign> {
        let muster = self.twin.muster(at(self.now).now);
        muster.people.iter().find(|one| one.person == person(who)).map(|one| one.last.what)
    }

    fn apply(&mut self, event: &SiteEvent) {
        self.twin.apply(event);
        self.mirror.apply(event);
    }
}

#[test]
fn whoever_comes_out_of_the_nursery_is_in_the_house_until_they_leave_that() {
    let mother = u32::try_from(MOTHER).unwrap();
    let mut site = Site::new();
    let check = model::care::day::HealthCheck {
        temperature: Some(365),
        unwell: false,
        remarks: String::new(),
    };
    for number in [1, 2] {
        site.tell(Fact::Care(twin::CareFact::Caregiver {
            shift: care::shift(number),
            state: model::care::day::CaregiverState::Here,
            staff: person(HOSHINO),
        }));
    }
    opened(&site.tap("front-out", mother));
    site.tell(Fact::Care(twin::CareFact::DropOff {
        child: care::child(care::HARU),
        brought_by: Some(person(MOTHER)),
        staff: None,
        check,
        sealed: model::care::day::Sealed(String::new()),
    }));
    site.pass(30);
    opened(&site.tap("nursery-out", mother));
    site.pass(30);
    opened(&site.tap("nursery-in", mother));
    let guardian = |site: &Site| site.twin.muster(at(site.now).now).children[0].guardians[0].is_in;
    assert_eq!(site.listed(MOTHER), Some(Sign::CameThrough));
    assert!(guardian(&site), "she is in the house");
    site.pass(30);
    opened(&site.tap("front-in", mother));
    assert_eq!(site.listed(MOTHER), None);
    assert!(!guardian(&site));
}

#[test]
fn who_comes_out_of_a_room_is_on_the_muster_though_nobody_saw_them_come_in() {
    let mut site = Site::new();
    opened(&site.tap("nursery-out", 40));
    site.pass(30);
    opened(&site.tap("nursery-in", 40));
    assert_eq!(site.listed(40), Some(Sign::CameThrough));
    site.pass(30);
    opened(&site.tap("front-in", 40));
    assert_eq!(site.listed(40), None);
}

#[test]
fn who_leaves_the_house_is_in_none_of_its_rooms() {
    use model::access::Going;
    let leaves = |site: &mut Site, going| {
        let on = site.twin.snapshot().visits[0].visit;
        site.tell(Fact::Leave { reader: id("kiosk"), visit: on, going });
    };
    type Leaves<'a> = &'a dyn Fn(&mut Site);
    let ways: [(&str, Leaves<'_>); 4] = [
        ("by the door", &|site| drop(site.tap("front-in", 1))),
        ("out for a while", &|site| leaves(site, Going::BackSoon)),
        ("for good", &|site| leaves(site, Going::ForGood)),
        ("without the child", &|site| {
            let (visit, children) = (visit(9), vec![care::child(care::HARU)]);
            let went = CareEvent::WentOut { visit, person: person(MOTHER), children };
            site.apply(&SiteEvent { at: at(site.now).now, what: Happening::Care(went) });
        }),
    ];
    for (way, leave) in ways {
        let mut site = Site::new();
        site.now = 15 * 60;
        opened(&site.tap("front-out", 1));
        site.tap("kiosk", 1);
        // Out of the nursery by its button.
        opened(&site.tap("nursery-out", 1));
        site.pass(60);
        leave(&mut site);
        let passes = site.twin.snapshot().passes;
        assert_eq!(passes.len(), 2, "{way}");
        assert!(passes.iter().all(|pass| !pass.is_in), "{way}: {passes:?}");
    }
}

#[test]
fn a_bolt_that_jams_behind_somebody_does_not_undo_that_they_came_in() {
    let mut site = Site::new();
    opened(&site.tap("front-out", 2));
    site.pass(3);
    site.stuck = true;
    site.pass(4);
    let door =
        |site: &Site| site.twin.snapshot().doors.into_iter().find(|one| one.door == id(FRONT));
    let jammed = door(&site).unwrap();
    assert!(jammed.fault && jammed.lock == Some(LockLevel::Unlocked), "{jammed:?}");
    assert_eq!(site.listed(2), Some(Sign::CameThrough));
    assert_eq!(refused(&site.tap("front-out", 2)), RefusalKind::Passback);
    // It stands open: the next one comes in, too.
    site.tap("front-out", 3);
    assert_eq!(site.listed(3), Some(Sign::CameThrough));
    // One that locked and fell silent then had opened for them.
    let mut site = Site::new();
    opened(&site.tap("front-out", 2));
    site.pass(7);
    assert!(!site.is_open(FRONT));
    site.tell(Fact::LockFailed { door: id(FRONT) });
    assert_eq!(site.listed(2), Some(Sign::CameThrough));
}

#[test]
fn whom_a_lock_lets_in_at_its_second_try_is_inside() {
    let mut site = Site::new();
    site.stuck = true;
    site.tap("nursery-out", 40);
    assert_eq!(site.listed(40), None);
    site.stuck = false;
    site.pass(3);
    assert!(site.is_open(NURSERY));
    assert_eq!(site.listed(40), Some(Sign::CameThrough));
    // Who has left by then is not brought back.
    let mut site = Site::new();
    opened(&site.tap("nursery-out", 40));
    opened(&site.tap("front-in", 40));
    site.order(1, SiteOrder::Unlock { door: id(NURSERY) });
    site.tell(Fact::LockRead {
        door: id(NURSERY),
        level: LockLevel::Unlocked,
        visit: Some(visit(1)),
    });
    assert_eq!(site.listed(40), None);
}

#[test]
fn a_long_shift_is_on_the_muster_to_its_end() {
    let mut site = Site::new();
    opened(&site.tap("nursery-out", 40));
    site.pass(13 * HOUR);
    site.tap("kiosk", 1000);
    assert_eq!(site.listed(40), Some(Sign::CameThrough));
    site.pass(6 * HOUR);
    assert_eq!(site.listed(40), None);
}

#[test]
fn who_is_kept_out_by_a_lockdown_or_a_door_keeps_what_they_came_for() {
    let no_shows = |site: &Site| -> Vec<_> {
        let given = site.twin.snapshot().given_free;
        given.iter().map(|given| given.booking).collect()
    };
    let mut sheet = with_doors();
    sheet.bookings = vec![
        booking(1, 5, &[(1, 0, 600)]),
        booking(2, 2, &[(2, 0, 600)]),
        booking(3, 3, &[(3, 0, 600)]),
    ];
    let mut site = Site::on(sheet);
    site.pass(60);
    site.order(1, SiteOrder::Lockdown { on: true });
    let lobby = site.tap("kiosk", 2);
    assert_eq!(refused(&lobby), RefusalKind::Lockdown);
    assert_eq!(came_for(&lobby), [common::booking_id(2)]);
    let door = site.tap("front-out", 3);
    assert_eq!(refused(&door), RefusalKind::Lockdown);
    assert_eq!(came_for(&door), [common::booking_id(3)]);
    assert_eq!(came_for(&site.tap("nursery-out", 5)), []);
    site.pass(60 * 60);
    assert_eq!(no_shows(&site), [], "nobody could come");
    site.order(2, SiteOrder::Lockdown { on: false });
    site.pass(29 * 60);
    assert_eq!(no_shows(&site), [], "the grace is counted from its end");
    site.pass(5 * 60);
    assert_eq!(no_shows(&site), [common::booking_id(1)]);
    // A door that asks for more than they have shown.
    let mut sheet = with_doors();
    let plan = sheet.site.doors[0].plan.as_mut().unwrap();
    plan.demands = vec![doors::all_day(3)];
    let mut site = Site::on(sheet);
    let closed = site.tap("kiosk", 2);
    assert_eq!(refused(&closed), RefusalKind::LevelTooLow);
    assert_eq!(came_for(&closed), [common::booking_id(2)]);
    site.pass(60 * 60);
    assert!(!no_shows(&site).contains(&common::booking_id(2)));
}

#[test]
fn a_guardian_for_whom_no_door_opens_is_not_said_to_be_let_in() {
    let mut sheet = with_doors();
    sheet.bookings.clear();
    sheet.site.doors[0].plan.as_mut().unwrap().demands = vec![doors::all_day(3)];
    let mut site = Site::on(sheet);
    let mother = u32::try_from(MOTHER).unwrap();
    let closed = site.tap("kiosk", mother);
    assert_eq!(refused(&closed), RefusalKind::LevelTooLow);
    assert_eq!(closed.guest, None);
    assert_eq!(site.listed(MOTHER), None);
    let let_in = site.tap_with("kiosk", mother, 3);
    assert!(matches!(let_in.answer, Some(Answer::Care(_))), "{let_in:?}");
    assert!(site.is_open(FRONT));
    assert_eq!(site.listed(MOTHER), Some(Sign::LetIn));
}

#[test]
fn a_copy_opens_the_way_out_and_says_nothing_of_whose_it_is() {
    let mut sheet = with_doors();
    let known = sheet.credentials.iter_mut().find(|one| one.person == person(40)).unwrap();
    known.least = CardLevel::Key;
    let mut site = Site::on(sheet);
    opened(&site.tap_with("front-out", 40, 3));
    for (card, named) in [(99, None), (1000, None), (40, None)] {
        let out = site.tap("front-in", card);
        opened(&out);
        let told = out.outcomes.iter().find_map(|event| match event.what {
            Happening::LetThrough { person, .. } => Some(person),
            _ => None,
        });
        assert_eq!(told, Some(named), "{card}");
    }
    assert_eq!(site.listed(40), Some(Sign::CameThrough), "the copy's owner is still there");
    opened(&site.tap_with("front-in", 40, 3));
    assert_eq!(site.listed(40), None);
}

#[test]
fn of_two_persons_the_first_is_recorded_as_coming_in_twice_too() {
    let mut sheet = with_doors();
    let mut second = sheet.care.as_ref().unwrap().staff[0].clone();
    second.person = person(41);
    sheet.care.as_mut().unwrap().staff.push(second);
    let mut site = Site::on(sheet);
    opened(&site.tap("nursery-out", 40));
    site.now = 11 * HOUR;
    site.tap_with("nursery-out", 40, 3);
    let pin = || Fact::DoorPin { reader: id("nursery-out"), right: true };
    assert_eq!(refused(&site.tell(pin())), RefusalKind::SecondPerson);
    site.tap_with("nursery-out", 41, 3);
    let both = site.tell(pin());
    let twice: Vec<_> = (both.outcomes.iter())
        .filter_map(|event| match &event.what {
            Happening::LetThrough { person, twice, .. } => Some((*person, *twice)),
            _ => None,
        })
        .collect();
    assert_eq!(twice, [(Some(person(40)), true), (Some(person(41)), false)]);
}

#[test]
fn fault_17_a_leaf_that_was_propped_open_while_nobody_looked_is_not_forced() {
    let mut site = Site::new();
    site.pass(1);
    // The power goes, somebody props the door open, and the site starts again.
    site.tell(Fact::Started);
    site.tell(Fact::LockRead { door: id(NURSERY), level: LockLevel::Locked, visit: None });
    site.pass(5);
    site.contact(NURSERY, true);
    site.pass(1);
    assert_eq!(site.state(NURSERY), None);
    site.pass(40);
    assert_eq!(site.state(NURSERY), Some(DoorState::Held));
    site.contact(NURSERY, false);
    site.pass(1);
    site.contact(NURSERY, true);
    site.pass(1);
    assert_eq!(site.state(NURSERY), Some(DoorState::Forced), "now it was seen shut");
}

#[test]
fn fault_17_a_contact_that_falls_silent_is_an_alarm_until_it_is_read_again() {
    let mut site = Site::new();
    site.pass(1);
    let silent = |door: &str| Fact::ContactSilent { door: id(door) };
    site.tell(silent(NURSERY));
    site.pass(1);
    assert_eq!(site.state(NURSERY), Some(DoorState::ContactSilent));
    site.contact(NURSERY, false);
    site.pass(1);
    assert_eq!(site.state(NURSERY), None);
    // Who cuts the wire of a door that they have forced does not mend it.
    site.contact(NURSERY, true);
    site.pass(1);
    site.tell(silent(NURSERY));
    site.pass(1);
    assert_eq!(site.state(NURSERY), Some(DoorState::Forced));
    site.tell(Fact::Started);
    site.pass(1);
    assert_eq!(site.state(NURSERY), Some(DoorState::Forced));
    let nowhere = site.tell(silent("nowhere"));
    assert_eq!((nowhere.outcomes, nowhere.effects), (Vec::new(), Vec::new()));
}

#[test]
fn what_does_not_work_is_told_once_until_it_works_again_or_the_site_starts_anew() {
    let mut site = Site::new();
    let reader = || Watched::Reader(id("front-out"));
    let tell = |site: &mut Site, of: Watched, why| {
        let decision = site.tell(Fact::DeviceTrouble { of, why });
        assert_eq!((decision.effects, decision.answer), (Vec::new(), None));
        decision.outcomes.into_iter().map(|event| event.what).collect::<Vec<_>>()
    };
    let told = |of, why| vec![Happening::DeviceTrouble { of, why }];
    assert!(tell(&mut site, reader(), None).is_empty(), "it worked all the time");
    let silent = Some(Trouble::Silent);
    assert_eq!(tell(&mut site, reader(), silent), told(reader(), silent));
    site.pass(60);
    assert!(tell(&mut site, reader(), silent).is_empty());
    let panel = || Watched::FirePanel;
    assert_eq!(tell(&mut site, panel(), silent), told(panel(), silent));
    let tampered = Some(Trouble::Tampered);
    assert_eq!(tell(&mut site, reader(), tampered), told(reader(), tampered));

    let open = |twin: &Twin| {
        let troubles = twin.snapshot().troubles;
        troubles.into_iter().map(|one| (one.of, one.why)).collect::<Vec<_>>()
    };
    let both = [(reader(), Trouble::Tampered), (panel(), Trouble::Silent)];
    assert_eq!(open(&site.twin), both);
    let mut restored = Twin::new();
    restored.restore(&site.mirror.snapshot());
    assert_eq!(open(&restored), both);
    assert_eq!(restored.state_hash(), site.twin.state_hash());

    assert_eq!(tell(&mut site, reader(), None), told(reader(), None));
    assert!(tell(&mut site, reader(), None).is_empty());
    assert_eq!(open(&site.twin), [(panel(), Trouble::Silent)]);
    // What was taken away while the program did not run is never heard of again.
    site.tell(Fact::Started);
    assert!(open(&site.twin).is_empty());
    assert_eq!(tell(&mut site, panel(), silent), told(panel(), silent), "it is told again");
}

#[test]
fn fault_22_a_card_that_nobody_holds_there_any_more_is_a_refusal_and_opens_nothing() {
    for reader in ["front-out", "front-in", "kiosk"] {
        let mut site = Site::new();
        let decision = site.tell(Fact::StaleCard { reader: id(reader) });
        assert_eq!((decision.effects, decision.answer), (Vec::new(), None));
        let refused = |event: &SiteEvent| {
            matches!(
                &event.what,
                Happening::Refused { reader: told, why: RefusalKind::UnreadableCard, .. }
                    if *told == id(reader)
            )
        };
        assert!(matches!(&decision.outcomes[..], [event] if refused(event)));
        assert!(!site.is_open(FRONT));
    }
}

/// Every time in a text of JSON.
fn times(json: &mut serde_json::Value, each: &mut dyn FnMut(&mut String)) {
    match json {
        serde_json::Value::String(text)
            if text.parse::<chrono::DateTime<chrono::Utc>>().is_ok() =>
        {
            each(text);
        }
        serde_json::Value::Array(all) => all.iter_mut().for_each(|one| times(one, each)),
        serde_json::Value::Object(all) => all.values_mut().for_each(|one| times(one, each)),
        _ => {}
    }
}

#[test]
fn no_time_that_a_site_tells_is_beyond_reckoning() {
    const HOSTILE: [&str; 2] = ["+262142-12-31T23:59:59Z", "-262142-01-01T00:00:00Z"];
    let mut site = Site::new();
    site.now = 15 * 60;
    site.tap("kiosk", 1);
    site.tap("kiosk", 2);
    site.tap("front-out", 40);
    site.tap("front-in", 40);
    let going = Going::ForGood;
    let on = site.twin.snapshot().visits[0].visit;
    site.tell(Fact::Leave { reader: id("kiosk"), visit: on, going });
    let on = site.twin.snapshot().visits[0].visit;
    let going = Going::BackSoon;
    site.tell(Fact::Leave { reader: id("kiosk"), visit: on, going });
    let scanned = Box::new(voucher(booking(9, 9, &[(3, 0, 600)]), 1));
    site.tell(Fact::Voucher { reader: id("kiosk"), voucher: scanned, visit: visit(9) });
    site.tell(Fact::FireRead { on: true });
    site.tell(Fact::DeviceTrouble { of: Watched::FirePanel, why: Some(Trouble::Silent) });
    site.order(1, SiteOrder::Evacuate { on: true });
    for hostile in HOSTILE {
        let reasonable = |snapshot: &twin::Snapshot| {
            let mut json = serde_json::to_value(snapshot).unwrap();
            let mut seen = 0;
            times(&mut json, &mut |time| {
                seen += 1;
                assert!(("2000"..="2200-01-01T00:00:00Z").contains(&time.as_str()), "{time}");
            });
            assert!(seen > 20, "{json}");
        };
        // In a snapshot.
        let mut json = serde_json::to_value(site.twin.snapshot()).unwrap();
        times(&mut json, &mut |time| *time = hostile.to_owned());
        let mut restored = Twin::new();
        restored.load_sheet(&with_doors());
        restored.restore(&serde_json::from_value(json).unwrap());
        reasonable(&restored.snapshot());
        let mut again = Twin::new();
        again.restore(&restored.snapshot());
        assert_eq!(again.state_hash(), restored.state_hash());
        // And event by event.
        let mut told = Twin::new();
        told.load_sheet(&with_doors());
        for event in site.twin.snapshot().recent {
            let mut json = serde_json::to_value(event).unwrap();
            times(&mut json, &mut |time| *time = hostile.to_owned());
            told.apply(&serde_json::from_value(json).unwrap());
        }
        reasonable(&told.snapshot());
        for twin in [&restored, &told] {
            let muster = twin.muster(at(site.now).now);
            assert!(muster.people.iter().all(|one| one.last.at.timestamp() < 7_258_118_401));
            assert_eq!(twin.view(at(site.now).now).doors.len(), 3);
        }
    }
}

#[test]
fn what_is_not_told_is_not_in_the_snapshot() {
    let mut site = Site::new();
    site.tap("kiosk", 2);
    site.pass(30);
    let json = serde_json::to_value(site.twin.snapshot()).unwrap();
    for new in
        ["fire", "evacuation", "lockdown", "orders", "passes", "let_in", "released", "troubles"]
    {
        assert!(json.get(new).is_none(), "{new}");
    }
    assert!(json["doors"].as_array().unwrap().iter().all(|door| door.get("state").is_none()));
}

/// Numbers that stand for what may happen.
fn any_fact(kind: u8, which: u8, flag: bool, step: u128) -> Fact {
    let door = || id([FRONT, NURSERY, LAB, "nowhere"][usize::from(which % 4)]);
    match kind {
        0 => Fact::FireRead { on: flag },
        1 | 2 => Fact::ExitRead { door: door(), pressed: flag },
        3 => Fact::ContactRead { door: door(), open: flag },
        4 => Fact::ClockSet(flag),
        5 => Fact::Started,
        6..=9 => {
            let readers =
                ["front-out", "front-in", "nursery-out", "nursery-in", "lab-out", "kiosk"];
            let reader = id(readers[usize::from(which) % readers.len()]);
            let card = [1, 2, 3, 40, 99, 1000][usize::from(which / 4) % 6];
            let level = if flag { CardLevel::Key } else { CardLevel::Identifier };
            let card = TappedCard { level, ..plain_card(card) };
            Fact::Tap { reader, card, visit: visit(step) }
        }
        10 => Fact::DoorPin { reader: id("nursery-out"), right: flag },
        11..=14 => {
            let what = match kind {
                11 => SiteOrder::Lockdown { on: flag },
                12 => SiteOrder::Evacuate { on: flag },
                13 => SiteOrder::Unlock { door: door() },
                _ => SiteOrder::EndVisit { visit: visit(step.saturating_sub(which.into())) },
            };
            // Now and then one that was there before.
            let number = if which.is_multiple_of(7) { 1 } else { step };
            let (id, by) = (OrderId(Uuid::from_u128(number)), person(40));
            Fact::Order(Ordered { id, what, by, from: OrderedFrom::StaffScreen })
        }
        15 => Fact::LockFailed { door: door() },
        16 => Fact::ContactSilent { door: door() },
        _ => Fact::Tick,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn whatever_happens_fire_opens_lockdown_shuts_and_the_way_out_is_open(
        steps in prop::collection::vec((0..20_u8, 0..24_u8, any::<bool>(), 0..2_000_i64), 1..80)
    ) {
        let mut site = Site::new();
        for (step, (kind, which, flag, wait)) in steps.into_iter().enumerate() {
            site.now += wait;
            let before = site.twin.snapshot();
            let fact = any_fact(kind, which, flag, u128::try_from(step).unwrap() + 1_000);
            let decision = site.tell(fact.clone());
            if fact == Fact::Started {
                site.open.clear();
            }
            let after = site.twin.snapshot();
            let released = after.house.is_released();
            let locked_down = before.house.lockdown.is_some() && !before.house.is_released();
            match fact {
                Fact::Tap { ref reader, .. } if reader.as_str().ends_with("-in") => {
                    opened(&decision);
                }
                Fact::Tap { .. } | Fact::DoorPin { .. } if locked_down => {
                    prop_assert!(decision.effects.is_empty(), "{:?}", decision);
                }
                Fact::ExitRead { ref door, pressed: true } if door.as_str() != "nowhere" => {
                    prop_assert!(site.open.contains(door));
                }
                _ => {}
            }
            if released {
                site.pass(6);
                prop_assert_eq!(site.open.len(), 3, "released: {:?}", site.open);
            }
        }
        let mut restored = Twin::new();
        restored.restore(&site.mirror.snapshot());
        prop_assert_eq!(restored.state_hash(), site.twin.state_hash());
    }
}
