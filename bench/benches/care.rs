//! Whether a nursery can take two children on thirty days: 200 children on each of them, in four rooms, and
//! fifty shifts with breaks. Everything is in memory; the database is left out.
#![expect(clippy::unwrap_used, reason = "a measurement stops at the first surprise")]

use std::time::Instant;

use bench::told;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Asia::Tokyo;
use model::care::admission::{Admits, Room};
use model::care::age::Ages;
use model::care::duty::Shift;
use model::care::intake::{CareTaken, CareWanted, Intake};
use model::care::staffing::{CareRoom, Staffing};
use model::id::{MunicipalityId, RoomId};
use model::interval::Interval;
use model::language::LocalText;
use uuid::Uuid;

const RULES: &str = "jp-art33-2024";
const DAYS: i64 = 30;
const CHILDREN: u64 = 200;
const SHIFTS: u64 = 50;
const REQUESTS: usize = 2_000;

fn main() {
    let sets = hub::care::rule_sets::shipped().unwrap();
    let rooms =
        [(0, Some(1), 20_000), (1, Some(3), 20_000), (3, Some(4), 15_000), (4, None, 20_000)].map(
            |(from_years, below_years, hundredths_m2)| Room {
                hundredths_m2,
                from_years,
                below_years,
            },
        );
    let room = |number: u128, room: Room| CareRoom {
        id: RoomId(Uuid::from_u128(number)),
        name: LocalText::new("組", "Room"),
        room,
    };
    let staffing = Staffing {
        rule_sets: vec![RULES.to_owned()],
        admits: Admits::Both,
        integrated: false,
        main_hours: None,
        rooms: (1..).zip(rooms).map(|(number, one)| room(number, one)).collect(),
    };
    let mut strewn = Strewn(0);
    let shifts = shifts(&mut strewn);
    let taken = children(&mut strewn, &staffing);
    println!(
        "care, {CHILDREN} children and {SHIFTS} shifts on each of {DAYS} days, two children asked for on all of them"
    );
    println!(
        "  answer                requests   p50        p99        slowest   (bar: p99 under 2 ms)"
    );
    let (mut admitted, mut refused) = (vec![], vec![]);
    for _ in 0..REQUESTS {
        let ages = [strewn.below(6), strewn.below(6)];
        let (from, length) = (120 + 5 * strewn.below(36), 240 + 5 * strewn.below(60));
        let asked: Vec<CareWanted> = (0..DAYS)
            .flat_map(|day| {
                ages.map(|years| CareWanted {
                    when: stretch(day, from, from + length),
                    ages: aged(years),
                    admits: None,
                })
            })
            .collect();
        let begun = Instant::now();
        let intake = Intake {
            staffing: &staffing,
            places: 250,
            rule_sets: &sets,
            zone: Tokyo,
            municipality: MunicipalityId(Uuid::nil()),
            taken: &taken,
            shifts: &shifts,
        };
        let answer = intake.take(&asked);
        let took = begun.elapsed();
        if answer.is_ok() { &mut admitted } else { &mut refused }.push(took);
    }
    told("admitted", &mut admitted);
    told("refused, with times", &mut refused);
}

/// Half come early, half late; all have an hour's break about noon.
fn shifts(strewn: &mut Strewn) -> Vec<Shift> {
    let mut shifts = Vec::new();
    for day in 0..DAYS {
        for shift in 0..SHIFTS {
            let from = if shift % 2 == 0 { 60 } else { 180 };
            let pause = 240 + 15 * strewn.below(12);
            shifts.push(Shift {
                kind: "nursery-teacher".to_owned(),
                when: stretch(day, from, from + 600),
                breaks: vec![stretch(day, pause, pause + 60)],
            });
        }
    }
    shifts
}

fn children(strewn: &mut Strewn, staffing: &Staffing) -> Vec<CareTaken> {
    let mut taken = Vec::new();
    for day in 0..DAYS {
        for _ in 0..CHILDREN {
            let ages = aged(strewn.below(6));
            let from = 60 + 5 * strewn.below(48);
            let when = stretch(day, from, from + 300 + 5 * strewn.below(36));
            let room = staffing.rooms.iter().find(|room| room.room.takes(ages.school_year));
            taken.push(CareTaken { when, room: room.map(|room| room.id), ages, admits: None });
        }
    }
    taken
}

fn aged(years: u64) -> Ages {
    let years = u32::try_from(years).unwrap();
    Ages { months: years * 12, school_year: years }
}

fn stretch(day: i64, from: u64, to: u64) -> Interval {
    let minute = |minute: u64| {
        let first: DateTime<Utc> = "2026-12-01T21:00:00Z".parse().unwrap();
        first + TimeDelta::days(day) + TimeDelta::minutes(minute.cast_signed())
    };
    Interval::new(minute(from), minute(to)).unwrap()
}

/// The same numbers in every run, strewn over `0..sides`.
struct Strewn(u64);

impl Strewn {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 += 1;
        (self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) % sides
    }
}
