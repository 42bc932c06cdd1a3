#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use chrono::Weekday;
use chrono_tz::Asia::Tokyo;
use chrono_tz::Europe::Berlin;

use super::*;

fn calendar() -> Calendar {
    Calendar { zone: Tokyo, holidays: ["2026-11-23".parse().unwrap()].into() }
}

fn tokyo(text: &str) -> DateTime<Utc> {
    format!("2026-11-{text}+09:00").parse().unwrap()
}

fn weekdays(from: u32, to: u32) -> Window {
    let days = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];
    Window { days: days.map(DayKind::Weekday).into(), from, to }
}

fn every_day(from: u32, to: u32) -> Window {
    let mut window = weekdays(from, to);
    window.days.extend([Weekday::Sat, Weekday::Sun].map(DayKind::Weekday));
    window.days.push(DayKind::Holiday);
    window
}

fn reader(device: &str, side: Side) -> DoorReader {
    DoorReader { device: device.parse().unwrap(), side }
}

#[test]
fn a_stretch_is_of_its_days_and_hours_by_the_centres_clock() {
    let office = weekdays(8 * 60, 21 * 60);
    for (time, want) in [
        ("24T07:59:59", false),
        ("24T08:00:00", true),
        ("24T20:59:59", true),
        ("24T21:00:00", false),
        ("23T12:00:00", false), // a Monday, and a holiday
        ("22T12:00:00", false), // a Sunday
    ] {
        assert_eq!(office.holds(&calendar(), tokyo(time)), want, "{time}");
    }
    let holidays = Window { days: vec![DayKind::Holiday], from: 0, to: 1440 };
    assert!(holidays.holds(&calendar(), tokyo("23T23:59:59")));
    assert!(!holidays.holds(&calendar(), tokyo("24T00:00:00")));
    assert_eq!(office.began(&calendar(), tokyo("24T12:00:00")), Some(tokyo("24T08:00:00")));
}

#[test]
fn a_night_with_a_change_of_clocks_has_its_hours() {
    let berlin = Calendar { zone: Berlin, holidays: BTreeSet::new() };
    let sunday = Window { days: vec![DayKind::Weekday(Weekday::Sun)], from: 0, to: 180 };
    let hours = |day: &str| {
        let midnight = local(day.parse().unwrap(), 0, Berlin).unwrap();
        let minute = |minute| midnight + TimeDelta::minutes(minute);
        (0..600).filter(|at| sunday.holds(&berlin, minute(*at))).count()
    };
    assert_eq!((hours("2026-03-29"), hours("2026-10-25"), hours("2026-06-07")), (120, 240, 180));
}

#[test]
fn a_first_in_door_waits_for_somebody() {
    let plan = DoorPlan {
        unlocks: vec![Unlocks { when: weekdays(480, 1260), first_in: true }],
        ..DoorPlan::default()
    };
    let now = tokyo("24T12:00:00");
    assert!(!plan.stands_unlocked(&calendar(), now, |_| false));
    let came = tokyo("24T07:10:00");
    assert!(plan.stands_unlocked(&calendar(), now, |since| since <= came));
    let yesterday = tokyo("23T18:00:00");
    assert!(!plan.stands_unlocked(&calendar(), now, |since| since <= yesterday));
    assert!(!plan.stands_unlocked(&calendar(), tokyo("24T21:00:00"), |_| true));
    let always = DoorPlan {
        unlocks: vec![Unlocks { when: weekdays(480, 1260), first_in: false }],
        ..DoorPlan::default()
    };
    assert!(always.stands_unlocked(&calendar(), now, |_| false));
}

#[test]
fn of_what_is_asked_the_most_holds_and_all_where_the_time_is_unknown() {
    let demand = |when, level, pin| Demand { when, level, pin };
    let plan = DoorPlan {
        demands: vec![
            demand(every_day(0, 420), 3, false),
            demand(every_day(360, 1440), 1, true),
            demand(weekdays(0, 1440), 2, false),
        ],
        two_persons: vec![every_day(1200, 1440)],
        ..DoorPlan::default()
    };
    let asks = |time| plan.asks(Some(&calendar()), tokyo(time));
    let asked = |level, pin, two_persons| Asked { level, pin, two_persons };
    assert_eq!(asks("24T05:00:00"), asked(3, false, false));
    assert_eq!(asks("24T06:30:00"), asked(3, true, false));
    assert_eq!(asks("24T12:00:00"), asked(2, true, false));
    assert_eq!(asks("22T21:00:00"), asked(1, true, true));
    assert_eq!(DoorPlan::default().asks(Some(&calendar()), tokyo("24T12:00:00")), Asked::default());
    assert_eq!(plan.asks(None, tokyo("24T12:00:00")), asked(3, true, true));
}

#[test]
fn what_cannot_be_is_told() {
    let usual = || DoorPlan {
        readers: vec![reader("out", Side::Outside), reader("in", Side::Inside)],
        ..DoorPlan::default()
    };
    assert_eq!(DoorPlan::default().check(), Ok(()));
    assert_eq!(usual().check(), Ok(()));
    let demand = |level, pin| vec![Demand { when: every_day(0, 60), level, pin }];
    let unlocks = |when| vec![Unlocks { when, first_in: false }];
    let no_day = Window { days: Vec::new(), from: 0, to: 60 };
    let outside = || vec![reader("out", Side::Outside)];
    let many = || (0..9).map(|n| reader(&format!("r{n}"), Side::Outside)).collect();
    let other = || Zone::Other("lab".parse().unwrap());
    for (plan, want) in [
        (DoorPlan { held_seconds: 4, ..usual() }, BadPlan::Held),
        (DoorPlan { held_seconds: u32::MAX, ..usual() }, BadPlan::Held),
        (DoorPlan { ajar_seconds: 2, ..usual() }, BadPlan::Ajar),
        (DoorPlan { readers: many(), ..usual() }, BadPlan::Readers),
        (
            DoorPlan { readers: [outside(), outside()].concat(), ..usual() },
            BadPlan::ReaderTwice(2, "out".parse().unwrap()),
        ),
        (DoorPlan { unlocks: unlocks(no_day), ..usual() }, BadPlan::Window("unlocks", 1)),
        (
            DoorPlan { unlocks: unlocks(every_day(60, 60)), ..usual() },
            BadPlan::Window("unlocks", 1),
        ),
        (
            DoorPlan { two_persons: vec![every_day(0, 60), every_day(0, 1441)], ..usual() },
            BadPlan::Window("two_persons", 2),
        ),
        (
            DoorPlan { two_persons: vec![every_day(0, 60); 51], ..usual() },
            BadPlan::TooMany("two_persons"),
        ),
        (DoorPlan { demands: demand(0, true), ..usual() }, BadPlan::Level(1)),
        (DoorPlan { demands: demand(4, false), ..usual() }, BadPlan::Level(1)),
        (DoorPlan { demands: demand(1, false), ..usual() }, BadPlan::AsksNothing(1)),
        (
            DoorPlan { readers: outside(), passback: Passback::Soft, ..usual() },
            BadPlan::PassbackOneWay,
        ),
        (
            DoorPlan { two_persons: vec![every_day(0, 60)], ..DoorPlan::default() },
            BadPlan::NobodyTaps,
        ),
        (DoorPlan { demands: demand(2, true), ..DoorPlan::default() }, BadPlan::BothAtKiosk(1)),
        (
            DoorPlan {
                demands: [demand(3, false), demand(1, true)].concat(),
                readers: vec![reader("in", Side::Inside)],
                ..DoorPlan::default()
            },
            BadPlan::BothAtKiosk(2),
        ),
        (
            DoorPlan { nursery: Some(NurseryId(uuid::Uuid::nil())), zone: other(), ..usual() },
            BadPlan::NurseryElsewhere,
        ),
        (
            DoorPlan { wiring: Some(Wiring::FailSecure), readers: outside(), ..usual() },
            BadPlan::NoWayOut,
        ),
    ] {
        assert_eq!(plan.check(), Err(want));
    }
    let secure = DoorPlan { wiring: Some(Wiring::FailSecure), ..usual() };
    assert_eq!(secure.check(), Ok(()), "a reader inside is a way out");
    assert_eq!(DoorPlan { demands: demand(3, true), ..usual() }.check(), Ok(()));
    // What a kiosk can ask for: a better card at one hour, a PIN at another.
    let later = Demand { when: every_day(60, 120), level: 1, pin: true };
    let demands = vec![Demand { when: every_day(0, 60), level: 3, pin: false }, later];
    assert_eq!(DoorPlan { demands, ..DoorPlan::default() }.check(), Ok(()));
}

#[test]
fn a_plan_is_read_back_and_an_empty_one_is_the_usual_one() {
    assert_eq!(serde_json::from_str::<DoorPlan>("{}").unwrap(), DoorPlan::default());
    let plan = DoorPlan {
        wiring: Some(Wiring::FailSafe),
        zone: Zone::Nursery,
        readers: vec![reader("out", Side::Outside)],
        unlocks: vec![Unlocks { when: weekdays(480, 1260), first_in: true }],
        demands: vec![Demand { when: every_day(0, 420), level: 3, pin: true }],
        ..DoorPlan::default()
    };
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<DoorPlan>(&json).unwrap(), plan);
    assert!(serde_json::from_str::<DoorPlan>(r#"{"zone": "Up Stairs"}"#).is_err());
    let before = r#"{"device":"d","name":{"ja":"入口","en":"Entrance"},"unlock_seconds":5}"#;
    let door: super::super::Door = serde_json::from_str(before).unwrap();
    assert_eq!((door.zone(), &door.plan), (Zone::House, &None));
    assert_eq!(serde_json::to_string(&door).unwrap(), before);
}
