//! A small nursery in the small centre.

use chrono::NaiveDate;
use model::care::admission::{Admits, Room};
use model::care::age::{Ages, Basis, YearStart};
use model::care::duty::Shift;
use model::care::file::{Barred, BarredBy, Collecting, Collector};
use model::care::rule_set::{Band, Kind, Least, Method, Qualified, RuleSet};
use model::care::staffing::{CareRoom, Staffing};
use model::care::terms::Terms;
use model::centre::Nursery;
use model::day_sheet::{
    DaySheet, SheetCare, SheetCareClaim, SheetChild, SheetGuardian, SheetNursery, SheetShift,
    SheetStaff,
};
use model::id::{
    BarId, CentreId, ChildId, CollectorId, MunicipalityId, NurseryId, RoomId, ShiftId,
};
use model::interval::Interval;
use model::language::LocalText;
use uuid::Uuid;

use super::common::{booking, booking_id, minute, person, sheet};

pub const HANA: u128 = 1;
pub const HARU: u128 = 2;
/// Nursery staff.
pub const HOSHINO: u128 = 40;
/// Answers for both children.
pub const MOTHER: u128 = 1;
/// Barred.
pub const UNCLE: u128 = 3;
pub const GRANDMOTHER: u128 = 70;

pub fn child(number: u128) -> ChildId {
    ChildId(Uuid::from_u128(number))
}

pub fn nursery() -> NurseryId {
    NurseryId(Uuid::from_u128(1))
}

pub fn room(number: u128) -> RoomId {
    RoomId(Uuid::from_u128(number))
}

pub fn shift(number: u128) -> ShiftId {
    ShiftId(Uuid::from_u128(number))
}

pub fn collector(number: u128) -> CollectorId {
    CollectorId(Uuid::from_u128(number))
}

pub fn minutes(from: i64, to: i64) -> Interval {
    Interval::new(minute(from), minute(to)).unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// Three children of age 0 a caregiver, six of age 1 and 2, and always two.
fn rules() -> RuleSet {
    let band = |from_years, children| Band { from_years, children };
    RuleSet {
        name: "licensed".to_owned(),
        title: LocalText::new("認可", "Licensed"),
        source: LocalText::new("試験", "A test"),
        confirmed: true,
        from_day: day("2024-04-01"),
        until_day: None,
        municipality: None,
        basis: Basis::SchoolYear(YearStart { month: 4, day: 1 }),
        bands: vec![band(0, 3), band(1, 6), band(3, 15), band(4, 25)],
        plan: Method::TruncateAddRound,
        live: Method::ExactFractions,
        plus: 0,
        least: Least { staff: 2, outside_main_hours: None, integrated: None },
        kinds: vec![Kind {
            kind: "nursery-teacher".to_owned(),
            counts: true,
            qualified: true,
            at_most: None,
        }],
        qualified: Qualified { of_staff: 1, in_all: 2, least: 1 },
        also: Vec::new(),
        floor: Vec::new(),
        group: Vec::new(),
    }
}

fn the_child(number: u128, name: &str, born: &str) -> SheetChild {
    let grandmother = Collector {
        id: collector(GRANDMOTHER),
        name: "祖母".to_owned(),
        relation: "祖母".to_owned(),
        telephone: "045-000-0000".to_owned(),
        born: day("1960-01-01"),
        pin: Some("$argon2id$grandmother".to_owned()),
        account: None,
        named_by: person(MOTHER),
        until: None,
    };
    let uncle = Barred {
        id: BarId(Uuid::from_u128(1)),
        name: "叔父".to_owned(),
        account: Some(person(UNCLE)),
        reason: "裁判所の命令".to_owned(),
        by: BarredBy::Nursery(nursery()),
        since: minute(-10_000),
    };
    SheetChild {
        id: child(number),
        name: name.to_owned(),
        born: day(born),
        guardians: vec![SheetGuardian {
            person: person(MOTHER),
            name: "母".to_owned(),
            telephone: Some("045-111-1111".to_owned()),
        }],
        collecting: Collecting { collectors: vec![grandmother], barred: vec![uncle] },
        health: None,
        key: String::new(),
    }
}

pub fn claim(number: u128, ages: Ages, from: i64, to: i64) -> SheetCareClaim {
    SheetCareClaim {
        booking: booking_id(1),
        child: child(number),
        nursery: nursery(),
        room: Some(room(1)),
        ages: Some(ages),
        when: minutes(from, to),
    }
}

/// The mother has desk 1 from minute 15 to 240, and care for Hana (0) and Haru (2) from 0 to 255; two teachers
/// work, and a third comes later.
pub fn plan() -> DaySheet {
    let shift = |number, from, to, breaks| SheetShift {
        id: shift(number),
        caregiver: format!("保育士{number}"),
        shift: Shift { kind: "nursery-teacher".to_owned(), when: minutes(from, to), breaks },
    };
    let hall = |number, hundredths_m2| CareRoom {
        id: room(number),
        name: LocalText::new("ひよこ", "Chicks"),
        room: Room { hundredths_m2, from_years: 0, below_years: None },
    };
    let staffing = Staffing {
        rule_sets: vec!["licensed".to_owned()],
        admits: Admits::Live,
        integrated: false,
        main_hours: None,
        rooms: vec![hall(1, 3_000), hall(2, 3_000)],
    };
    let young = Ages { months: 6, school_year: 0 };
    let older = Ages { months: 30, school_year: 2 };
    let care = SheetCare {
        zone: chrono_tz::Asia::Tokyo,
        municipality: MunicipalityId(Uuid::from_u128(1)),
        nurseries: vec![SheetNursery {
            nursery: Nursery {
                id: nursery(),
                centre: CentreId(Uuid::from_u128(1)),
                name: LocalText::new("保育室", "The nursery"),
                places: 10,
                walking_minutes: 0,
                staffing: Some(staffing),
                terms: Terms::default(),
            },
            rule_sets: vec![rules()],
            shifts: vec![
                shift(1, 0, 300, Vec::new()),
                shift(2, 0, 300, Vec::new()),
                shift(3, 270, 400, Vec::new()),
            ],
        }],
        children: vec![
            the_child(HANA, "はな", "2024-04-10"),
            the_child(HARU, "はる", "2022-03-01"),
        ],
        claims: vec![claim(HANA, young, 0, 255), claim(HARU, older, 0, 255)],
        staff: vec![SheetStaff {
            person: person(HOSHINO),
            name: "星野".to_owned(),
            nurseries: vec![nursery()],
        }],
    };
    DaySheet { care: Some(care), ..sheet(3, 99, vec![booking(1, MOTHER, &[(1, 15, 240)])]) }
}
