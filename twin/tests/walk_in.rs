//! Whoever comes without a booking, told fact by fact.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod common;

use chrono::{DateTime, TimeDelta, Utc};
use common::{
    at, booking, booking_id, code, id, minute, person, plain_card, sheet, space, visit, voucher,
};
use model::access::{Going, RefusalKind};
use model::card::CardLevel;
use model::care::file::{Barred, BarredBy, Collecting};
use model::day_sheet::{DaySheet, SheetBooking, SheetCare, SheetChild};
use model::door::{Demand, DoorPlan, Window};
use model::id::{BarId, ChildId, MunicipalityId, OrderId};
use model::interval::Interval;
use model::language::Language;
use model::lease::LeasedSpace;
use model::opening::DayKind;
use model::site_event::{Happening, Proof, SiteEvent};
use model::site_order::{Ordered, OrderedFrom, SiteOrder};
use model::terminal::TerminalState;
use proptest::prelude::*;
use twin::{Answer, Decision, Effect, Fact, SpaceState, TappedCard, Twin};
use uuid::Uuid;

fn leased(number: u128, from: i64, to: i64) -> LeasedSpace {
    let when = Interval::new(minute(from), minute(to)).unwrap();
    LeasedSpace { space: space(number), when }
}

fn with_lease(bookings: Vec<SheetBooking>, lease: Vec<LeasedSpace>) -> DaySheet {
    DaySheet { lease, ..sheet(4, 99, bookings) }
}

fn site(sheet: DaySheet) -> Twin {
    let mut twin = Twin::new();
    twin.decide(at(0), Fact::Started);
    twin.decide(at(0), Fact::Sheet(Box::new(sheet)));
    twin.decide(at(0), Fact::Tick);
    twin
}

fn tap(card: u32, new_visit: u128) -> Fact {
    Fact::Tap { reader: id("kiosk"), card: plain_card(card), visit: visit(new_visit) }
}

fn answers(of: u128, takes: bool) -> Fact {
    let (visit, booking) = (visit(of), booking_id(1_000 + of));
    Fact::WalkIn { reader: id("kiosk"), visit, booking, takes }
}

fn leaves(of: u128) -> Fact {
    Fact::Leave { reader: id("kiosk"), visit: visit(of), going: Going::ForGood }
}

/// The desk that is offered, until how many minutes after the morning's beginning.
fn offered(decision: &Decision) -> (String, i64) {
    match &decision.answer {
        Some(Answer::OfferWalkIn { space, until, .. }) => {
            (space.clone(), (*until - minute(0)).num_minutes())
        }
        other => panic!("not offered: {other:?}"),
    }
}

fn refused(decision: &Decision) -> RefusalKind {
    match decision.answer {
        Some(Answer::Refused { why, .. }) => why,
        ref other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn who_has_no_booking_is_offered_the_longest_and_sits_there_once_they_say_yes() {
    let lease = vec![leased(1, 0, 120), leased(2, 0, 300)];
    let mut twin = site(with_lease(Vec::new(), lease));
    let asked = twin.decide(at(60), tap(5, 7));
    assert_eq!(
        asked.answer,
        Some(Answer::OfferWalkIn {
            visit: visit(7),
            space: "A-02".to_owned(),
            until: minute(300),
            minutes: 299,
            why: RefusalKind::NoBooking,
            opens: None,
            language: Language::Ja,
        })
    );
    assert!(asked.outcomes.is_empty() && asked.effects.is_empty(), "a question: {asked:?}");
    let taken = twin.decide(at(70), answers(7, true));
    let (person, booking, by) = (
        person(5),
        booking_id(1_007),
        Proof::Card { credential: model::id::CredentialId(Uuid::from_u128(5)) },
    );
    let (visit, space, until) = (visit(7), space(2), minute(300));
    let happened: Vec<_> = taken.outcomes.iter().map(|event| event.what.clone()).collect();
    assert_eq!(
        happened,
        [
            Happening::WalkedIn { visit, person, booking, space, until, by },
            Happening::CheckedIn { visit, person, booking, space, by },
        ]
    );
    assert!(taken.effects.contains(&Effect::Unlock { door: id("door-1"), visit: Some(visit) }));
    assert!(
        taken
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::Assign { until, .. } if *until == minute(300)))
    );
    assert!(matches!(taken.answer, Some(Answer::Welcome { until, .. }) if until == minute(300)));
    let view = twin.view(at(80).now);
    assert_eq!(view.spaces[1].state, SpaceState::Occupied);
    assert_eq!(view.spaces[1].until, Some(minute(300)));
    // The same answer twice, and a no after the yes, change nothing.
    for takes in [true, false] {
        let again = twin.decide(at(75), answers(7, takes));
        assert!(matches!(again.answer, Some(Answer::Welcome { .. })) && again.outcomes.is_empty());
    }
    let later = twin.decide(at(600), tap(5, 8));
    assert!(matches!(later.answer, Some(Answer::AskLeaving { .. })), "{later:?}");
}

#[test]
fn who_walked_in_and_forgot_to_leave_is_checked_out() {
    let mut twin = site(with_lease(Vec::new(), vec![leased(1, 0, 60)]));
    twin.decide(at(60), tap(5, 7));
    twin.decide(at(61), answers(7, true));
    assert!(twin.decide(at(179 * 60), Fact::Tick).outcomes.is_empty());
    let over = twin.decide(at(180 * 60), Fact::Tick);
    assert!(
        matches!(
            over.outcomes[..],
            [SiteEvent { what: Happening::CheckedOut { gives_up: None, .. }, .. }]
        ),
        "{over:?}"
    );
}

#[test]
fn nobody_else_is_offered_anything() {
    let lease = || vec![leased(1, 0, 300)];
    let mut twin = site(with_lease(Vec::new(), lease()));
    assert_eq!(refused(&twin.decide(at(60), tap(500, 7))), RefusalKind::UnknownCard);
    assert_eq!(refused(&twin.decide(at(60), tap(99, 7))), RefusalKind::BlockedCard);
    twin.decide(at(60), Fact::ClockSet(false));
    assert_eq!(refused(&twin.decide(at(60), tap(5, 7))), RefusalKind::ClockUnset);
    twin.decide(at(61), Fact::ClockSet(true));
    offered(&twin.decide(at(61), tap(5, 7)));
    twin.decide(at(62), Fact::ClockSet(false));
    assert_eq!(refused(&twin.decide(at(63), answers(7, true))), RefusalKind::OfferOver);
    let ended = DaySheet { not_after: minute(1), ..with_lease(Vec::new(), lease()) };
    assert_eq!(refused(&site(ended).decide(at(60), tap(5, 7))), RefusalKind::SheetExpired);
    // What is left is too short, or not begun, or over.
    for (lease, seconds) in
        [(leased(1, 0, 45), 16 * 60), (leased(1, 30, 300), 60), (leased(1, 0, 30), 1_900)]
    {
        let mut twin = site(with_lease(Vec::new(), vec![lease]));
        assert_eq!(refused(&twin.decide(at(seconds), tap(5, 7))), RefusalKind::NoBooking);
    }
}

#[test]
fn who_is_barred_from_a_child_is_not_let_in_without_a_booking() {
    let bar = Barred {
        id: BarId(Uuid::from_u128(1)),
        name: "伊藤 実".to_owned(),
        account: Some(person(5)),
        reason: "court order".to_owned(),
        by: BarredBy::Guardian(person(1)),
        since: minute(0),
    };
    for (barred, is_offered) in [(Vec::new(), true), (vec![bar], false)] {
        let child = SheetChild {
            id: ChildId(Uuid::from_u128(1)),
            name: "はな".to_owned(),
            born: "2024-05-10".parse().unwrap(),
            guardians: Vec::new(),
            collecting: Collecting { barred, ..Collecting::default() },
            health: None,
            key: String::new(),
        };
        let (nurseries, claims, staff) = (Vec::new(), Vec::new(), Vec::new());
        let (zone, municipality) = (chrono_tz::Asia::Tokyo, MunicipalityId(Uuid::from_u128(1)));
        let children = vec![child];
        let care = SheetCare { zone, municipality, nurseries, children, claims, staff };
        let plan = DaySheet { care: Some(care), ..with_lease(Vec::new(), vec![leased(1, 0, 300)]) };
        let tapped = site(plan).decide(at(60), tap(5, 7));
        match is_offered {
            true => assert_eq!(offered(&tapped).0, "A-01"),
            false => assert_eq!(refused(&tapped), RefusalKind::NoBooking),
        }
    }
}

#[test]
fn of_two_who_are_asked_each_has_a_desk_and_the_last_goes_to_who_answers_first() {
    let lease = vec![leased(1, 0, 200), leased(2, 0, 300)];
    let mut twin = site(with_lease(Vec::new(), lease));
    assert_eq!(offered(&twin.decide(at(60), tap(5, 7))).0, "A-02");
    assert_eq!(offered(&twin.decide(at(61), tap(6, 8))).0, "A-01", "another, where there is one");
    assert_eq!(offered(&twin.decide(at(62), tap(7, 9))).0, "A-02", "or else the same");
    assert!(matches!(twin.decide(at(63), answers(9, true)).answer, Some(Answer::Welcome { .. })));
    assert_eq!(refused(&twin.decide(at(64), answers(7, true))), RefusalKind::OfferOver);
    assert!(matches!(twin.decide(at(65), answers(8, true)).answer, Some(Answer::Welcome { .. })));
    assert_eq!(refused(&twin.decide(at(66), tap(5, 10))), RefusalKind::NoBooking);
}

#[test]
fn an_answer_that_comes_too_late_elsewhere_or_for_nothing_means_another_tap() {
    let mut twin = site(with_lease(Vec::new(), vec![leased(1, 0, 300)]));
    twin.decide(at(60), tap(5, 7));
    let elsewhere = Fact::WalkIn {
        reader: id("kiosk-2"),
        visit: visit(7),
        booking: booking_id(9),
        takes: true,
    };
    assert_eq!(refused(&twin.decide(at(61), elsewhere)), RefusalKind::OfferOver);
    assert_eq!(refused(&twin.decide(at(62), answers(77, true))), RefusalKind::OfferOver);
    let late = twin.decide(at(60 + 120), answers(7, true));
    assert_eq!(refused(&late), RefusalKind::OfferOver);
    assert!(matches!(late.outcomes[..], [SiteEvent { what: Happening::Refused { .. }, .. }]));
    // A new sheet may not list the desk any more.
    twin.decide(at(200), tap(5, 8));
    twin.decide(
        at(201),
        Fact::Sheet(Box::new(DaySheet { version: 2, ..with_lease(Vec::new(), Vec::new()) })),
    );
    assert_eq!(refused(&twin.decide(at(202), answers(8, true))), RefusalKind::OfferOver);
    assert_eq!(refused(&twin.decide(at(203), tap(5, 9))), RefusalKind::NoBooking);
}

#[test]
fn a_lockdown_ends_what_was_offered() {
    let mut twin = site(with_lease(Vec::new(), vec![leased(1, 0, 300)]));
    offered(&twin.decide(at(0), tap(5, 7)));
    let lockdown = |on| {
        let (id, by) = (OrderId(Uuid::from_u128(u128::from(on))), person(40));
        let (what, from) = (SiteOrder::Lockdown { on }, OrderedFrom::Hub);
        Fact::Order(Ordered { id, what, by, from })
    };
    twin.decide(at(5), lockdown(true));
    let closed = twin.decide(at(10), answers(7, true));
    assert_eq!(refused(&closed), RefusalKind::Lockdown);
    assert!(closed.effects.is_empty() && twin.snapshot().visits.is_empty());
    assert_eq!(refused(&twin.decide(at(15), tap(5, 8))), RefusalKind::Lockdown);
    twin.decide(at(20), lockdown(false));
    offered(&twin.decide(at(25), tap(5, 9)));
}

#[test]
fn nothing_is_offered_behind_a_door_that_asks_for_more() {
    let mut plan = with_lease(Vec::new(), vec![leased(1, 0, 300)]);
    let days = vec![DayKind::Weekday(chrono::Weekday::Fri)];
    let when = Window { days, from: 0, to: 24 * 60 };
    let demands = vec![Demand { when, level: 3, pin: false }];
    plan.site.zone = Some(chrono_tz::Asia::Tokyo);
    plan.site.doors[0].plan = Some(DoorPlan { demands, ..DoorPlan::default() });
    let mut twin = site(plan);
    assert_eq!(refused(&twin.decide(at(0), tap(5, 7))), RefusalKind::LevelTooLow);
    let keyed = TappedCard { level: CardLevel::Key, ..plain_card(5) };
    let fact = Fact::Tap { reader: id("kiosk"), card: keyed, visit: visit(8) };
    offered(&twin.decide(at(10), fact));
    let taken = twin.decide(at(15), answers(8, true));
    assert!(matches!(taken.answer, Some(Answer::Welcome { .. })), "{taken:?}");
}

#[test]
fn who_walked_in_before_their_time_is_no_no_show() {
    let booked = booking(1, 1, &[(2, 60, 300)]);
    let mut twin = site(with_lease(vec![booked], vec![leased(1, 0, 300)]));
    assert_eq!(offered(&twin.decide(at(0), tap(1, 7))).1, 60, "until their own time");
    twin.decide(at(5), answers(7, true));
    let later = twin.decide(at(60 * 95), Fact::Tick);
    let no_show = |event: &SiteEvent| matches!(event.what, Happening::NoShow { .. });
    assert!(!later.outcomes.iter().any(no_show), "{later:?}");
}

#[test]
fn who_says_no_is_told_what_they_would_have_been_told() {
    let bookings = vec![booking(1, 5, &[(3, 180, 240)])];
    let mut twin = site(with_lease(bookings, vec![leased(1, 0, 300)]));
    let asked = twin.decide(at(60), tap(5, 7));
    assert_eq!(offered(&asked), ("A-01".to_owned(), 180), "until their own booking begins");
    let no = twin.decide(at(61), answers(7, false));
    assert!(
        matches!(no.answer, Some(Answer::Refused { why: RefusalKind::TooEarly, opens: Some(opens), .. }) if opens == minute(165)),
        "{no:?}"
    );
    assert!(matches!(no.outcomes[..], [SiteEvent { what: Happening::Refused { .. }, .. }]));
    // Half an hour before it there is nothing to offer.
    assert_eq!(refused(&twin.decide(at(151 * 60), tap(5, 8))), RefusalKind::TooEarly);
}

#[test]
fn who_leaves_gives_the_rest_back_from_the_next_step_on() {
    let mut twin = site(with_lease(Vec::new(), vec![leased(1, 0, 300)]));
    twin.decide(at(60), tap(5, 7));
    twin.decide(at(61), answers(7, true));
    assert_eq!(refused(&twin.decide(at(70), tap(6, 8))), RefusalKind::NoBooking);
    let left = twin.decide(at(20 * 60), leaves(7));
    assert!(left.outcomes.iter().any(|event| matches!(
        event.what,
        Happening::CheckedOut { gives_up: Some(until), .. } if until == minute(300)
    )));
    assert_eq!(refused(&twin.decide(at(21 * 60), tap(6, 9))), RefusalKind::NoBooking);
    assert_eq!(offered(&twin.decide(at(30 * 60), tap(6, 10))), ("A-01".to_owned(), 300));
    // They may come back too.
    assert_eq!(offered(&twin.decide(at(31 * 60), tap(5, 11))).1, 300);
}

#[test]
fn whose_desk_is_broken_is_offered_another_and_is_no_no_show() {
    let bookings = vec![booking(1, 5, &[(3, 0, 120)])];
    let mut twin = site(with_lease(bookings, vec![leased(1, 0, 300)]));
    let broken = Fact::TerminalSaid { terminal: id("seat-3"), state: TerminalState::Broken };
    twin.decide(at(1), broken);
    let asked = twin.decide(at(60), tap(5, 7));
    assert_eq!(offered(&asked), ("A-01".to_owned(), 300));
    assert!(
        matches!(&asked.outcomes[..], [SiteEvent { what: Happening::Refused { came_for, .. }, .. }] if *came_for == [booking_id(1)]),
        "they did come: {asked:?}"
    );
    twin.decide(at(61), answers(7, true));
    let due = twin.decide(at(31 * 60), Fact::Tick);
    assert!(!due.outcomes.iter().any(|event| matches!(event.what, Happening::NoShow { .. })));
    // By booking code and PIN as well; a no is answered, and not noted a second time.
    let bookings = vec![booking(1, 5, &[(3, 0, 120)])];
    let mut twin = site(with_lease(bookings, vec![leased(1, 0, 300)]));
    twin.decide(at(1), Fact::TerminalSaid { terminal: id("seat-3"), state: TerminalState::Broken });
    let (reader, code, visit) = (id("kiosk"), Some(code(1)), visit(7));
    offered(&twin.decide(at(60), Fact::Code { reader, code, pin_right: true, visit }));
    let no = twin.decide(at(61), answers(7, false));
    assert_eq!(refused(&no), RefusalKind::NoUsableSpace);
    assert!(no.outcomes.is_empty());
}

#[test]
fn a_late_guest_is_offered_a_desk_unless_care_was_lost_with_theirs() {
    for (children, is_offered) in [(0, true), (2, false)] {
        let bookings = vec![SheetBooking { children, ..booking(1, 5, &[(3, 0, 240)]) }];
        let mut twin = site(with_lease(bookings, vec![leased(1, 0, 300)]));
        twin.decide(at(31 * 60), Fact::Tick);
        let late = twin.decide(at(40 * 60), tap(5, 7));
        if is_offered {
            assert_eq!(offered(&late), ("A-01".to_owned(), 300));
            let no = twin.decide(at(40 * 60 + 5), answers(7, false));
            assert_eq!(refused(&no), RefusalKind::Released);
            assert!(
                matches!(&no.outcomes[..], [SiteEvent { what: Happening::Refused { late_for, .. }, .. }] if *late_for == [booking_id(1)])
            );
        } else {
            assert_eq!(refused(&late), RefusalKind::Released);
        }
    }
}

#[test]
fn a_voucher_guest_whose_desk_is_taken_gets_one_of_the_lease_and_no_other() {
    let sitting = booking(1, 1, &[(3, 0, 240)]);
    let scan = |number| {
        let shown = Box::new(voucher(booking(9, 9, &[(3, 0, 240)]), 5));
        Fact::Voucher { reader: id("kiosk"), voucher: shown, visit: visit(number) }
    };
    let mut twin =
        site(with_lease(vec![sitting.clone()], vec![leased(1, 0, 120), leased(2, 0, 300)]));
    twin.decide(at(60), tap(1, 7));
    let seated = twin.decide(at(600), scan(8));
    assert!(
        matches!(&seated.answer, Some(Answer::Welcome { space, .. }) if space == "A-02"),
        "{seated:?}"
    );
    let mut twin = site(with_lease(vec![sitting], vec![leased(1, 0, 120)]));
    twin.decide(at(60), tap(1, 7));
    assert_eq!(refused(&twin.decide(at(600), scan(8))), RefusalKind::NoUsableSpace);
}

#[test]
fn a_mirror_and_a_restart_know_what_walked_in() {
    let mut twin = site(with_lease(Vec::new(), vec![leased(1, 0, 300)]));
    let mut mirror = Twin::new();
    let bare = twin.snapshot();
    assert!(!serde_json::to_string(&bare).unwrap().contains("walk_in"));
    mirror.restore(&bare);
    twin.decide(at(60), tap(5, 7));
    let taken = twin.decide(at(61), answers(7, true));
    taken.outcomes.iter().for_each(|event| mirror.apply(event));
    assert_eq!(twin.state_hash(), mirror.state_hash());
    let kept = serde_json::to_string(&twin.snapshot()).unwrap();
    let mut again = Twin::new();
    again.load_sheet(&with_lease(Vec::new(), vec![leased(1, 0, 300)]));
    again.restore(&serde_json::from_str(&kept).unwrap());
    assert_eq!(again.view(at(90).now).spaces[0].until, Some(minute(300)));
    assert_eq!(refused(&again.decide(at(90), tap(6, 8))), RefusalKind::NoBooking);
}

/// Somebody's time at a space, as events tell it.
struct Seated {
    visit: u128,
    who: u128,
    space: u128,
    from: DateTime<Utc>,
    to: Option<DateTime<Utc>>,
    promised: DateTime<Utc>,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever people do, no two are at one space at a time, nobody is promised what is not leased, and what the hub will
    /// make of it never overlaps.
    #[test]
    fn no_two_are_promised_one_space(
        steps in prop::collection::vec((0_u8..10, 0_u8..6, 1_i64..600), 1..160),
        stretches in prop::collection::vec((1_u128..3, 0_i64..10, 4_i64..40), 1..4),
    ) {
        let mut lease: Vec<LeasedSpace> = Vec::new();
        for (number, from, length) in stretches {
            let new = leased(number, from * 15, (from + length) * 15);
            if !lease.iter().any(|one| one.space == new.space && one.when.overlaps(&new.when)) {
                lease.push(new);
            }
        }
        let own = vec![booking(1, 1, &[(4, 60, 120)]), booking(2, 2, &[(4, 180, 400)])];
        let plan = with_lease(own, lease.clone());
        let settings = plan.site.settings.clone();
        let mut twin = site(plan);
        let mut mirror = Twin::new();
        mirror.restore(&twin.snapshot());
        let (mut seconds, mut seated, mut last) = (0, Vec::<Seated>::new(), 0_u128);
        for (number, (what, who, wait)) in (10_u128..).zip(steps) {
            seconds += wait;
            let card = u32::from(who) + 1;
            let fact = match what {
                0..=3 => {
                    last = number;
                    tap(card, number)
                }
                4..=6 => answers(last, true),
                7 => answers(last, false),
                8 => {
                    // Whoever came last leaves soonest: the next is at once at the same desk.
                    match seated.iter().rev().find(|one| one.to.is_none()) {
                        Some(one) => leaves(one.visit),
                        None => Fact::Tick,
                    }
                }
                _ => Fact::Tick,
            };
            let decision = twin.decide(at(seconds), fact);
            for event in &decision.outcomes {
                mirror.apply(event);
                match event.what {
                    Happening::CheckedIn { visit, person, space, .. } => {
                        let until = decision.outcomes.iter().find_map(|one| match one.what {
                            Happening::WalkedIn { until, .. } => Some(until),
                            _ => None,
                        });
                        seated.push(Seated {
                            visit: visit.0.as_u128(),
                            who: person.0.as_u128(),
                            space: space.0.as_u128(),
                            from: event.at,
                            to: None,
                            promised: until.unwrap_or(event.at),
                        });
                        if let Some(until) = until {
                            let theirs = Interval::new(event.at, until).unwrap();
                            let mut covered: Vec<_> = lease.iter().filter(|one| one.space == space).collect();
                            covered.sort();
                            let reached = covered.iter().fold(theirs.starts(), |reached, one| {
                                if one.when.starts() <= reached { reached.max(one.when.ends()) } else { reached }
                            });
                            prop_assert!(reached >= until, "promised beyond the lease");
                            prop_assert!(until - event.at >= TimeDelta::minutes(30));
                        }
                    }
                    Happening::CheckedOut { visit, .. } => {
                        let ended = seated.iter_mut().filter(|one| one.visit == visit.0.as_u128());
                        ended.for_each(|one| one.to = Some(event.at));
                    }
                    _ => {}
                }
            }
            prop_assert_eq!(twin.state_hash(), mirror.state_hash());
        }
        let now = at(seconds).now;
        let claim = |one: &Seated| {
            let ends = one.to.map_or(one.promised, |to| to.min(one.promised));
            (one.promised > one.from).then(|| model::lease::held(one.from, ends, &settings)).flatten()
        };
        for (place, one) in seated.iter().enumerate() {
            for other in &seated[place + 1..] {
                let here = one.from.max(other.from) < one.to.unwrap_or(now).min(other.to.unwrap_or(now));
                let same = one.space == other.space;
                prop_assert!(!(here && same), "two at one space");
                prop_assert!(!(here && one.who == other.who), "one at two spaces");
                if let (true, Some(one), Some(other)) = (same, claim(one), claim(other)) {
                    prop_assert!(!one.overlaps(&other), "{one:?} and {other:?} are one claim");
                }
            }
        }
    }
}
