//! Whatever happens at a site, the mirror that applies its events comes to the same state.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use std::collections::BTreeSet;

use common::{at, booking, code, digest, id, sheet, visit, voucher};
use model::access::Going;
use model::terminal::TerminalState;
use proptest::prelude::*;
use twin::{Fact, LockLevel, Twin};

/// Numbers that stand for facts, so that a failing run shrinks to few and small ones.
fn fact(kind: u8, which: u8, flag: bool, step: u128) -> Fact {
    let door = id(if which.is_multiple_of(5) { "door-9" } else { "door-1" });
    let reader = id("kiosk");
    match kind {
        0 => Fact::Started,
        1 => Fact::ClockSet(flag),
        2..=7 => Fact::Tap { reader, digest: digest(u32::from(which) + 1), visit: visit(step) },
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
        _ => Fact::Tick,
    }
}

proptest! {
    #[test]
    fn the_mirror_agrees(
        steps in prop::collection::vec((0..27_u8, 0..12_u8, any::<bool>(), 0..900_i64), 1..150)
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
                mirror.apply(event);
            }
            let snapshot = site.snapshot();
            let spaces: BTreeSet<_> = snapshot.visits.iter().map(|visit| visit.space).collect();
            prop_assert_eq!(spaces.len(), snapshot.visits.len(), "two visits on one space");
            let people: BTreeSet<_> = snapshot.visits.iter().map(|visit| visit.person).collect();
            prop_assert_eq!(people.len(), snapshot.visits.len(), "one person twice");
            let away = snapshot.visits.iter().filter(|visit| visit.away_since.is_some()).count();
            prop_assert_eq!(site.view(at(seconds).now).people_inside, people.len() - away);
        }
        prop_assert_eq!(mirror.snapshot(), site.snapshot());
        prop_assert_eq!(mirror.state_hash(), site.state_hash());
        let mut restored = Twin::new();
        restored.restore(&mirror.snapshot());
        prop_assert_eq!(restored.state_hash(), site.state_hash());
    }
}
