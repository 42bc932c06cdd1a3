//! Whatever happens at a site, the mirror that applies its events comes to the same state.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "common/care.rs"]
mod care;
mod common;

use std::collections::BTreeSet;

use care::{HANA, HARU, HOSHINO, MOTHER, child, collector, nursery, plan, room, shift};
use common::{at, booking, code, id, person, plain_card, sheet, visit, voucher};
use model::access::Going;
use model::care::day::{CaregiverState, HealthCheck, NoteKind, Sealed};
use model::care::file::CollectsAs;
use model::device::{Trouble, Watched};
use model::language::LocalText;
use model::sensor::{Measure, Reading, Sensor, SensorId, SensorPlace};
use model::terminal::TerminalState;
use proptest::prelude::*;
use twin::{CareFact, Fact, LockLevel, Shown, Twin};

/// Numbers that stand for facts, so that a failing run shrinks to few and small ones.
fn fact(kind: u8, which: u8, flag: bool, step: u128) -> Fact {
    let door = id(if which.is_multiple_of(5) { "door-9" } else { "door-1" });
    let reader = id("kiosk");
    match kind {
        0 => Fact::Started,
        1 => Fact::ClockSet(flag),
        2..=7 => Fact::Tap { reader, card: plain_card(u32::from(which) + 1), visit: visit(step) },
        8 => Fact::UnreadableCard { reader },
        9 => Fact::Code {
            reader,
            code: flag.then(|| code(which.into())),
            pin_right: !which.is_multiple_of(3),
            visit: visit(step),
        },
        10..=12 => {
            let going = match (kind, flag) {
                (10, _) => Going::BackSoon,
                (_, true) => Going::ForGood,
                (_, false) => Going::Stays,
            };
            Fact::Leave { reader, visit: visit(step - u128::from(which)), going }
        }
        13 => Fact::LockRead {
            door,
            level: if flag { LockLevel::Locked } else { LockLevel::Unlocked },
            visit: flag.then(|| visit(step)),
        },
        14 => Fact::LockFailed { door },
        15 => Fact::ContactRead { door, open: flag },
        16 | 17 => Fact::TerminalSaid {
            terminal: id(&format!("seat-{}", which % 6)),
            state: [
                TerminalState::Lost,
                TerminalState::Idle,
                TerminalState::Assigned,
                TerminalState::Wiped,
                TerminalState::Broken,
            ][usize::from(which % 5)],
        },
        18 => {
            let shift = i64::from(which) * 7;
            let bookings = (1..=6_u128)
                .map(|n| {
                    let from = shift + i64::try_from(n).unwrap() * 20;
                    let next = n % 4 + 1;
                    booking(n, n, &[(n % 4 + 1, from, from + 90), (next % 4 + 1, from, from + 90)])
                })
                .collect();
            let mut sheet = sheet(u128::from(which % 4) + 1, 6, bookings);
            sheet.version = u64::try_from(step).unwrap();
            sheet.care = plan().care.filter(|_| !which.is_multiple_of(4));
            sheet.site.sensors = (0..which % 5).map(|n| sensor(n, which / 5)).collect();
            Fact::Sheet(Box::new(sheet))
        }
        19..=21 => {
            let number = u128::from(which) + 1;
            let from = i64::from(which) * 10;
            let booked = booking(number, number, &[(number % 4 + 1, from, from + 120)]);
            let mut voucher = voucher(booked, if flag { 1 } else { -1 });
            if which == 11 {
                voucher.centre.0 = uuid::Uuid::nil();
            }
            Fact::Voucher { reader, voucher: Box::new(voucher), visit: visit(step) }
        }
        22 => Fact::UnreadableVoucher { reader },
        27..=36 => Fact::Care(care_fact(kind, which, flag)),
        37..=40 => Fact::Sensed {
            sensor: sensor(which % 6, 0).id,
            reading: Reading(match kind {
                37 => {
                    if flag {
                        10
                    } else {
                        0
                    }
                }
                38 => 2_000 + 1_000 * i32::from(which),
                39 => 150 + 15 * i32::from(which),
                _ => i32::from(which) - 6,
            }),
        },
        41 => Fact::ThingThere { device: id(&format!("thing-{}", which % 3)) },
        42 => Fact::StaleCard { reader },
        43 | 44 => Fact::DeviceTrouble {
            of: match which % 3 {
                0 => Watched::FirePanel,
                other => Watched::Reader(id(&format!("reader-{other}"))),
            },
            why: flag.then_some(match which % 4 {
                0 => Trouble::Silent,
                1 => Trouble::WrongKey,
                2 => Trouble::NotSecure,
                _ => Trouble::Tampered,
            }),
        },
        _ => Fact::Tick,
    }
}

fn sensor(number: u8, moved: u8) -> Sensor {
    let zone = LocalText::new("窓側", "By the window");
    let place = match (number + moved) % 3 {
        0 => SensorPlace::Zone { zone },
        1 => SensorPlace::Space { space: common::space(1) },
        _ => SensorPlace::Door { door: id("door-1") },
    };
    let device = id(&format!("thing-{}", number % 3));
    let measures = Measure::ALL[usize::from(number % 6)];
    let id = SensorId { device, node: id("air"), property: id(&format!("p{number}")) };
    Sensor { id, measures, place, limit: None }
}

fn care_fact(kind: u8, which: u8, flag: bool) -> CareFact {
    // Now and then a child or a shift that nobody knows, or staff of nowhere.
    let child = child([HANA, HARU, HANA, 9][usize::from(which % 4)]);
    let staff = person(if which.is_multiple_of(7) { MOTHER } else { HOSHINO });
    let sealed = || Sealed("c2VhbGVk".to_owned());
    match kind {
        27 | 28 => CareFact::DropOff {
            child,
            brought_by: flag.then(|| person(MOTHER)),
            staff: (!flag).then_some(staff),
            check: HealthCheck {
                temperature: Some(360 + 2 * u16::from(which)),
                unwell: which == 5,
                remarks: String::new(),
            },
            sealed: sealed(),
        },
        29 => CareFact::Receive { child, staff },
        30 | 31 => CareFact::HandOver {
            child,
            shown: match which % 5 {
                0 => Shown::Card(Some(plain_card(u32::from(which)))),
                1 => Shown::Pin { who: CollectsAs::Named(collector(70)), right: flag },
                2 => Shown::Pin { who: CollectsAs::Guardian(person(MOTHER)), right: true },
                3 => Shown::Voucher(None),
                _ => Shown::Nothing,
            },
            staff,
            confirmed: kind == 30,
            telephoned: flag,
        },
        32 => CareFact::Caregiver {
            shift: shift(u128::from(which % 4) + 1),
            state: [CaregiverState::Here, CaregiverState::OnBreak, CaregiverState::Gone]
                [usize::from(which % 3)],
            staff,
        },
        33 => CareFact::Note {
            child,
            kind: NoteKind::ALL[usize::from(which % 8)],
            sealed: flag.then(sealed),
            staff,
        },
        34 => CareFact::Move { child, room: room(u128::from(which % 3) + 1), staff },
        35 if flag => CareFact::Recall { child, sealed: sealed(), staff },
        35 => CareFact::PutRight { child, sealed: None, staff },
        _ if flag => CareFact::SheetIsNewest,
        _ => CareFact::Look { child, staff },
    }
}

proptest! {
    #[test]
    fn the_mirror_agrees(
        steps in prop::collection::vec((0..46_u8, 0..12_u8, any::<bool>(), 0..900_i64), 1..150)
    ) {
        let mut site = Twin::new();
        let mut mirror = Twin::new();
        site.decide(at(0), fact(18, 0, true, 100)).outcomes.iter().for_each(|e| mirror.apply(e));
        let mut seconds = 0;
        for (step, (kind, which, flag, wait)) in steps.into_iter().enumerate() {
            seconds += wait;
            let step = u128::try_from(step).unwrap() + 101;
            let decision = site.decide(at(seconds), fact(kind, which, flag, step));
            for event in &decision.outcomes {
                // As it travels.
                let told = serde_json::to_string(event).unwrap();
                mirror.apply(&serde_json::from_str(&told).unwrap());
            }
            let snapshot = site.snapshot();
            let spaces: BTreeSet<_> = snapshot.visits.iter().map(|visit| visit.space).collect();
            prop_assert_eq!(spaces.len(), snapshot.visits.len(), "two visits on one space");
            let people: BTreeSet<_> = snapshot.visits.iter().map(|visit| visit.person).collect();
            prop_assert_eq!(people.len(), snapshot.visits.len(), "one person twice");
            let away = snapshot.visits.iter().filter(|visit| visit.away_since.is_some()).count();
            let view = site.view(at(seconds).now);
            prop_assert_eq!(view.people_inside, people.len() - away);
            let children: BTreeSet<_> = snapshot.stays.iter().map(|stay| stay.child).collect();
            prop_assert_eq!(children.len(), snapshot.stays.len(), "one child twice");
            for one in view.nurseries {
                prop_assert_eq!(one.nursery, nursery());
                prop_assert_eq!(usize::try_from(one.now.children).unwrap(), children.len());
            }
        }
        prop_assert_eq!(mirror.snapshot(), site.snapshot());
        prop_assert_eq!(mirror.state_hash(), site.state_hash());
        let mut restored = Twin::new();
        restored.restore(&mirror.snapshot());
        prop_assert_eq!(restored.state_hash(), site.state_hash());
    }
}
