//! The doors of the demo's running centres. Their wiring, hours and readers are assumed.

use anyhow::Result;
use model::centre::Door;
use model::door::{Demand, DoorPlan, DoorReader, Passback, Side, Unlocks, Window, Wiring, Zone};
use model::language::LocalText;

use super::places::{EVERY_DAY, WEEKDAYS, device};

/// The entrance, and the door of a nursery in the building.
pub(super) fn of(slug: &str, nursery: bool) -> Result<Vec<Door>> {
    let entrance = if slug == "yokohama" { with_readers(slug)? } else { with_a_bar() };
    let mut doors = vec![Door {
        device: device(slug, "entrance")?,
        name: LocalText::new("正面玄関", "Main entrance"),
        unlock_seconds: 5,
        plan: Some(entrance),
    }];
    if nursery {
        doors.push(Door {
            device: device(slug, "nursery-door")?,
            name: LocalText::new("保育室の扉", "Nursery door"),
            unlock_seconds: 5,
            plan: Some(of_a_nursery(slug)?),
        });
    }
    Ok(doors)
}

/// It opens without current.
fn with_readers(slug: &str) -> Result<DoorPlan> {
    Ok(DoorPlan {
        wiring: Some(Wiring::FailSafe),
        readers: vec![
            reader(slug, "entrance-reader", Side::Outside)?,
            reader(slug, "entrance-way-out", Side::Inside)?,
        ],
        exit_button: true,
        ..DoorPlan::default()
    })
}

/// It stays locked without current; the way out is by its bar. On weekdays it stands unlocked once somebody has come in.
fn with_a_bar() -> DoorPlan {
    let office = Window { days: WEEKDAYS.to_vec(), from: 9 * 60, to: 17 * 60 };
    DoorPlan {
        wiring: Some(Wiring::FailSecure),
        free_handle: true,
        unlocks: vec![Unlocks { when: office, first_in: true }],
        ..DoorPlan::default()
    }
}

/// Out of hours it takes two persons with cards that cannot be copied, and their PINs.
fn of_a_nursery(slug: &str) -> Result<DoorPlan> {
    let night = || {
        let of = |from, to| Window { days: EVERY_DAY.to_vec(), from, to };
        vec![of(0, 7 * 60), of(20 * 60, 24 * 60)]
    };
    Ok(DoorPlan {
        wiring: Some(Wiring::FailSafe),
        zone: Zone::Nursery,
        readers: vec![
            reader(slug, "nursery-reader", Side::Outside)?,
            reader(slug, "nursery-way-out", Side::Inside)?,
        ],
        exit_button: true,
        demands: night().into_iter().map(|when| Demand { when, level: 3, pin: true }).collect(),
        two_persons: night(),
        passback: Passback::Soft,
        ..DoorPlan::default()
    })
}

fn reader(slug: &str, name: &str, side: Side) -> Result<DoorReader> {
    Ok(DoorReader { device: device(slug, name)?, side })
}
