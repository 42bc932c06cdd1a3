//! Doors with plans at the small centre.

use chrono::Weekday;
use model::centre::Door;
use model::day_sheet::DaySheet;
use model::door::{Demand, DoorPlan, DoorReader, Passback, Side, Unlocks, Window, Wiring, Zone};
use model::language::LocalText;
use model::opening::DayKind;

use super::care::plan;
use super::common::{booking, id};

pub const FRONT: &str = "front";
pub const NURSERY: &str = "nursery-door";
pub const LAB: &str = "lab-door";

fn reader(device: &str, side: Side) -> DoorReader {
    DoorReader { device: id(device), side }
}

fn every_day(from: u32, to: u32) -> Window {
    let days = [
        Weekday::Mon,
        Weekday::Tue,
        Weekday::Wed,
        Weekday::Thu,
        Weekday::Fri,
        Weekday::Sat,
        Weekday::Sun,
    ];
    let mut days: Vec<DayKind> = days.map(DayKind::Weekday).into();
    days.push(DayKind::Holiday);
    Window { days, from, to }
}

/// Asks for a card of this level, whatever the hour.
pub fn all_day(level: u8) -> Demand {
    Demand { when: every_day(0, 24 * 60), level, pin: false }
}

fn door(device: &str, plan: DoorPlan) -> Door {
    let name = LocalText::new(device, device);
    Door { device: id(device), name, unlock_seconds: 5, plan: Some(plan) }
}

/// It is a Friday, nine in the morning in Tokyo, when the small centre's time begins. The front door stands
/// unlocked from 10 to 18 once somebody has come in. From 20 to 24 the nursery asks for a card of level 3,
/// a PIN and two persons.
pub fn with_doors() -> DaySheet {
    let night = || every_day(20 * 60, 24 * 60);
    let mut sheet = plan();
    sheet.bookings.push(booking(2, 2, &[(2, 0, 600)]));
    sheet.bookings.push(booking(3, 3, &[(3, 0, 600)]));
    sheet.site.zone = Some(chrono_tz::Asia::Tokyo);
    sheet.site.doors = vec![
        door(
            FRONT,
            DoorPlan {
                wiring: Some(Wiring::FailSafe),
                readers: vec![reader("front-out", Side::Outside), reader("front-in", Side::Inside)],
                exit_button: true,
                unlocks: vec![Unlocks { when: every_day(10 * 60, 18 * 60), first_in: true }],
                passback: Passback::Hard,
                ..DoorPlan::default()
            },
        ),
        door(
            NURSERY,
            DoorPlan {
                wiring: Some(Wiring::FailSafe),
                zone: Zone::Nursery,
                readers: vec![
                    reader("nursery-out", Side::Outside),
                    reader("nursery-in", Side::Inside),
                ],
                exit_button: true,
                demands: vec![Demand { when: night(), level: 3, pin: true }],
                two_persons: vec![night()],
                passback: Passback::Soft,
                ..DoorPlan::default()
            },
        ),
        door(
            LAB,
            DoorPlan {
                wiring: Some(Wiring::FailSecure),
                zone: Zone::Other(id("lab")),
                readers: vec![reader("lab-out", Side::Outside)],
                free_handle: true,
                ..DoorPlan::default()
            },
        ),
    ];
    sheet
}
