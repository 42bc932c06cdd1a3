//! What a large nursery costs the thread that opens doors: a look at what is too little, the board of the staff
//! screen, a drop-off. 60 children in care, 200 on the sheet, 50 caregivers.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement stops at the first surprise"
)]

use std::time::{Duration, Instant};

use bench::percentile;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Asia::Tokyo;
use hub::care::rule_sets::shipped;
use model::care::admission::{Admits, Room};
use model::care::age::Ages;
use model::care::day::{CaregiverState, HealthCheck, Sealed};
use model::care::duty::Shift;
use model::care::file::Collecting;
use model::care::staffing::{CareRoom, Staffing};
use model::care::terms::Terms;
use model::centre::{CentreSettings, Nursery};
use model::day_sheet::{
    DaySheet, SheetCare, SheetCareClaim, SheetChild, SheetNursery, SheetShift, SheetStaff, Site,
};
use model::id::{
    BookingId, CentreId, ChildId, MunicipalityId, NurseryId, PersonId, RoomId, ShiftId,
};
use model::interval::Interval;
use model::language::LocalText;
use twin::{Answer, CareAnswer, CareFact, Fact, Moment, Twin};
use uuid::Uuid;

const CHILDREN: u32 = 200;
const IN_CARE: u32 = 60;
const CAREGIVERS: u32 = 50;
const LOOKS: u32 = 500;

fn main() {
    let now: DateTime<Utc> = "2026-11-24T01:00:00Z".parse().unwrap();
    let mut twin = Twin::new();
    let mut half_seconds = 0;
    let mut at = || {
        half_seconds += 1;
        Moment { now, mono: Duration::from_millis(500 * half_seconds) }
    };
    twin.decide(at(), Fact::Started);
    twin.decide(at(), Fact::Sheet(Box::new(sheet(now))));
    let staff = PersonId(id(7, 0));
    for caregiver in 0..CAREGIVERS {
        let (shift, state) = (ShiftId(id(6, caregiver)), CaregiverState::Here);
        twin.decide(at(), Fact::Care(CareFact::Caregiver { shift, state, staff }));
    }
    println!(
        "a nursery of {IN_CARE} children in care, {CHILDREN} on the sheet, {CAREGIVERS} shifts"
    );
    let mut brought: Vec<Duration> = (0..IN_CARE)
        .map(|child| {
            let check =
                HealthCheck { temperature: Some(366), unwell: false, remarks: String::new() };
            let (child, sealed) = (ChildId(id(5, child)), Sealed(String::new()));
            let (brought_by, staff) = (None, Some(staff));
            let fact = CareFact::DropOff { child, brought_by, staff, check, sealed };
            let begun = Instant::now();
            let decision = twin.decide(at(), Fact::Care(fact));
            let took = begun.elapsed();
            let answer = decision.answer.expect("it is answered");
            assert_eq!(answer, Answer::Care(CareAnswer::Done));
            took
        })
        .collect();
    let mut looks: Vec<Duration> = (0..LOOKS)
        .map(|_| {
            let begun = Instant::now();
            twin.decide(at(), Fact::Tick);
            begun.elapsed()
        })
        .collect();
    let mut boards: Vec<Duration> = (0..LOOKS)
        .map(|_| {
            let begun = Instant::now();
            let views = twin.nurseries(now);
            let took = begun.elapsed();
            assert_eq!(views[0].now.children, IN_CARE);
            took
        })
        .collect();
    for (what, times) in
        [("drop-off", &mut brought), ("look at what is short", &mut looks), ("board", &mut boards)]
    {
        let (half, most) = (percentile(times, 50.0), percentile(times, 99.0));
        println!("  {what:<22} p50 {half:>9.1?}   p99 {most:>9.1?}");
    }
}

fn sheet(now: DateTime<Utc>) -> DaySheet {
    let centre = CentreId(id(1, 0));
    let text = |text: &str| LocalText::new(text, text);
    let nursery = NurseryId(id(2, 0));
    let hours = |from: i64, to: i64| {
        Interval::new(now + TimeDelta::hours(from), now + TimeDelta::hours(to)).unwrap()
    };
    let rooms: Vec<CareRoom> = (0..6)
        .map(|number| CareRoom {
            id: RoomId(id(3, number)),
            name: text("room"),
            room: Room { hundredths_m2: 9_000, from_years: 0, below_years: None },
        })
        .collect();
    let staffing = Staffing {
        rule_sets: vec!["jp-art33-2024".to_owned()],
        admits: Admits::Live,
        integrated: false,
        main_hours: None,
        rooms,
    };
    // The first are there today, the others come on the days after.
    let claims = (0..CHILDREN).map(|child| {
        let later = if child < IN_CARE { 0 } else { 24 * i64::from(1 + child % 3) };
        SheetCareClaim {
            booking: BookingId(id(4, child)),
            child: ChildId(id(5, child)),
            nursery,
            room: Some(RoomId(id(3, child % 6))),
            ages: Some(Ages { months: 12 * (child % 6) + 6, school_year: child % 6 }),
            when: hours(later - 1, later + 8),
        }
    });
    let children = (0..CHILDREN).map(|child| SheetChild {
        id: ChildId(id(5, child)),
        name: "c".to_owned(),
        born: "2024-01-01".parse().unwrap(),
        guardians: Vec::new(),
        collecting: Collecting::default(),
        health: None,
        key: String::new(),
    });
    let shifts = (0..CAREGIVERS).map(|number| SheetShift {
        id: ShiftId(id(6, number)),
        caregiver: format!("{number}"),
        shift: Shift {
            kind: "nursery-teacher".to_owned(),
            when: hours(-1, 8),
            breaks: vec![hours(2 + i64::from(number % 4), 3 + i64::from(number % 4))],
        },
    });
    let care = SheetCare {
        zone: Tokyo,
        municipality: MunicipalityId(id(1, 0)),
        nurseries: vec![SheetNursery {
            nursery: Nursery {
                id: nursery,
                centre,
                name: text("n"),
                places: CHILDREN,
                walking_minutes: 0,
                staffing: Some(staffing),
                terms: Terms::default(),
            },
            rule_sets: shipped().unwrap(),
            shifts: shifts.collect(),
        }],
        children: children.collect(),
        claims: claims.collect(),
        staff: vec![SheetStaff {
            person: PersonId(id(7, 0)),
            name: "s".to_owned(),
            nurseries: vec![nursery],
        }],
    };
    DaySheet {
        made_at: now,
        version: 1,
        not_after: now + TimeDelta::days(2),
        site: Site {
            centre,
            slug: "c".parse().unwrap(),
            name: text("c"),
            settings: CentreSettings::default(),
            spaces: Vec::new(),
            doors: Vec::new(),
            zone: None,
            holidays: Default::default(),
            sensors: Vec::new(),
        },
        devices: Vec::new(),
        credentials: Vec::new(),
        people: Vec::new(),
        bookings: Vec::new(),
        care: Some(care),
        stopped: Vec::new(),
        lease: Vec::new(),
    }
}

fn id(kind: u128, number: u32) -> Uuid {
    Uuid::from_u128(kind << 64 | u128::from(number))
}
