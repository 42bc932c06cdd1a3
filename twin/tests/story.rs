//! One centre, told fact by fact.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod common;

use chrono::{DateTime, Utc};
use common::{
    at, booking, booking_id, code, digest, id, minute, person, plain_card, sheet, space, visit,
    voucher,
};
use model::access::{Going, RefusalKind};
use model::card::CardLevel;
use model::day_sheet::{Released, SheetBooking};
use model::id::BookingId;
use model::interval::Interval;
use model::language::Language;
use model::site_event::{Happening, Proof, SiteEvent, Vouched};
use model::terminal::TerminalState;
use model::voucher::Voucher;
use twin::{
    Answer, CodeCheck, Decision, Effect, Fact, LockLevel, PinCount, PinOf, SpaceState, TappedCard,
    TriesOf, Twin,
};

fn tap(card: u32, new_visit: u128) -> Fact {
    Fact::Tap { reader: id("kiosk"), card: plain_card(card), visit: visit(new_visit) }
}

fn typed(number: u64, pin_right: bool, new_visit: u128) -> Fact {
    let (reader, code, visit) = (id("kiosk"), Some(code(number)), visit(new_visit));
    Fact::Code { reader, code, pin_right, visit }
}

fn scan(voucher: Voucher, new_visit: u128) -> Fact {
    Fact::Voucher { reader: id("kiosk"), voucher: Box::new(voucher), visit: visit(new_visit) }
}

fn leave(which: u128, leaving: bool) -> Fact {
    let going = if leaving { Going::ForGood } else { Going::Stays };
    Fact::Leave { reader: id("kiosk"), visit: visit(which), going }
}

fn steps_out(which: u128) -> Fact {
    Fact::Leave { reader: id("kiosk"), visit: visit(which), going: Going::BackSoon }
}

/// Person 1 has desk 1 for the first two hours, and desk 2 beside it.
fn morning() -> Twin {
    let mut twin = Twin::new();
    let bookings = vec![
        booking(1, 1, &[(1, 0, 120), (2, 0, 120)]),
        booking(2, 2, &[(3, 0, 120)]),
        booking(3, 3, &[(3, 180, 240)]),
    ];
    twin.decide(at(0), Fact::Started);
    twin.decide(at(0), Fact::Sheet(Box::new(sheet(3, 99, bookings))));
    twin.decide(at(0), Fact::Tick);
    twin
}

/// A site that begins to run on these bookings at `from` seconds.
fn running(from: i64, bookings: Vec<SheetBooking>) -> Twin {
    let mut twin = Twin::new();
    twin.decide(at(from), Fact::Started);
    twin.decide(at(from), Fact::Sheet(Box::new(sheet(3, 99, bookings))));
    twin.decide(at(from), Fact::Tick);
    twin
}

fn no_shows(decision: &Decision) -> Vec<(BookingId, DateTime<Utc>)> {
    let no_show = |event: &SiteEvent| match event.what {
        Happening::NoShow { booking, starts_at, .. } => Some((booking, starts_at)),
        _ => None,
    };
    decision.outcomes.iter().filter_map(no_show).collect()
}

fn refused(decision: &Decision) -> RefusalKind {
    let Some(Answer::Refused { why, .. }) = decision.answer else { panic!("{decision:?}") };
    assert!(
        matches!(decision.outcomes[..], [ref event] if matches!(event.what, Happening::Refused { why: told, .. } if told == why)),
        "a refusal is an event too: {decision:?}"
    );
    assert!(decision.effects.is_empty(), "{decision:?}");
    why
}

#[test]
fn a_tap_gives_the_desk_the_door_and_the_terminal() {
    let mut twin = morning();
    let decision = twin.decide(at(10), tap(1, 7));
    let Some(Answer::Welcome { visit: told, space: label, .. }) = &decision.answer else {
        panic!("{decision:?}")
    };
    assert_eq!((*told, label.as_str()), (visit(7), "A-01"));
    assert!(
        decision.effects.contains(&Effect::Unlock { door: id("door-1"), visit: Some(visit(7)) })
    );
    assert!(decision.effects.iter().any(
        |effect| matches!(effect, Effect::Assign { terminal, .. } if *terminal == id("seat-1"))
    ));
    let view = twin.view(at(10).now);
    let states: Vec<_> = view.spaces.iter().map(|space| space.state).collect();
    assert_eq!(states, [SpaceState::Occupied, SpaceState::Reserved, SpaceState::Reserved]);
    assert_eq!(view.people_inside, 1);
}

#[test]
fn a_double_tap_shows_the_desk_again_and_a_later_one_asks() {
    let mut twin = morning();
    twin.decide(at(10), tap(1, 7));
    let again = twin.decide(at(14), tap(1, 8));
    assert!(matches!(again.answer, Some(Answer::Welcome { visit: told, .. }) if told == visit(7)));
    assert!(again.outcomes.is_empty());
    let later = twin.decide(at(19), tap(1, 9));
    assert!(matches!(later.answer, Some(Answer::AskLeaving { .. })));
    let twice = twin.decide(at(20), tap(1, 9));
    assert!(matches!(twice.answer, Some(Answer::AskLeaving { .. })));

    let stays = twin.decide(at(21), leave(7, false));
    assert!(matches!(stays.answer, Some(Answer::Welcome { .. })));
    assert!(stays.outcomes.is_empty());
    let goes = twin.decide(at(130), leave(7, true));
    assert_eq!(goes.answer, Some(Answer::Goodbye { minutes: 2, language: Language::Ja }));
    assert_eq!(goes.effects, [Effect::Wipe { terminal: id("seat-1"), visit: visit(7) }]);
    let twice = twin.decide(at(190), leave(7, true));
    assert!(matches!(twice.answer, Some(Answer::Goodbye { minutes: 2, .. })));
    assert!(twice.outcomes.is_empty());

    let back = twin.decide(at(200), tap(1, 10));
    assert!(matches!(back.answer, Some(Answer::Welcome { visit: told, .. }) if told == visit(10)));
}

#[test]
fn who_leaves_for_good_gives_the_rest_up_and_is_told_so() {
    let day =
        || vec![booking(1, 1, &[(1, 0, 120), (1, 180, 240)]), booking(2, 2, &[(1, 120, 150)])];
    let mut twin = running(0, day());
    twin.decide(at(10), tap(1, 7));
    assert_eq!(twin.view(at(60).now).spaces[0].until, Some(minute(120)));
    let goes = twin.decide(at(30 * 60 + 5), leave(7, true));
    let (person, space) = (person(1), space(1));
    let gives_up = Some(minute(120));
    let left = Happening::CheckedOut { visit: visit(7), person, space, gives_up };
    assert_eq!(goes.outcomes[0].what, left);
    // Long before a new sheet says so, and after a restart too.
    assert_eq!(twin.view(at(31 * 60).now).spaces[0].state, SpaceState::Free);
    let mut again = Twin::new();
    let json = serde_json::to_string(&twin.snapshot()).unwrap();
    again.restore(&serde_json::from_str(&json).unwrap());
    again.load_sheet(&sheet(3, 99, day()));
    let late = again.decide(at(40 * 60), tap(1, 8));
    assert!(
        matches!(late.answer, Some(Answer::Refused { opens: Some(opens), .. }) if opens == minute(165)),
        "their next time is told: {late:?}"
    );
    assert_eq!(refused(&again.decide(at(40 * 60), typed(1, true, 8))), RefusalKind::TooEarly);
    assert!(no_shows(&again.decide(at(45 * 60), Fact::Tick)).is_empty());
    // The afternoon is still theirs, and leaving after the end gives nothing up.
    let back = again.decide(at(170 * 60), tap(1, 9));
    assert!(matches!(back.answer, Some(Answer::Welcome { .. })), "{back:?}");
    let over = again.decide(at(241 * 60), leave(9, true));
    assert!(matches!(over.outcomes[0].what, Happening::CheckedOut { gives_up: None, .. }));

    // Without anything later they hear what became of it, until it would have been over; the hub's
    // sheet has it shorter by then.
    let mut twin = running(0, vec![booking(1, 1, &[(1, 0, 120)])]);
    twin.decide(at(10), tap(1, 7));
    twin.decide(at(30 * 60 + 5), leave(7, true));
    assert_eq!(refused(&twin.decide(at(32 * 60), tap(1, 8))), RefusalKind::LeftForGood);
    let mut shorter =
        sheet(3, 99, vec![booking(1, 1, &[(1, 0, 45)]), booking(3, 3, &[(1, 45, 200)])]);
    shorter.version = 2;
    twin.decide(at(33 * 60), Fact::Sheet(Box::new(shorter)));
    assert_eq!(refused(&twin.decide(at(34 * 60), tap(1, 8))), RefusalKind::LeftForGood);
    assert_eq!(refused(&twin.decide(at(100 * 60), tap(1, 8))), RefusalKind::LeftForGood);
    assert_eq!(refused(&twin.decide(at(120 * 60), tap(1, 8))), RefusalKind::NoBooking);
    let other = twin.decide(at(46 * 60), tap(3, 9));
    assert!(matches!(other.answer, Some(Answer::Welcome { .. })), "{other:?}");

    // The same for a guest whom only a voucher speaks for.
    let mut twin = morning();
    let new = voucher(booking(50, 200, &[(2, 0, 90)]), 1);
    twin.decide(at(70), scan(new.clone(), 7));
    twin.decide(at(80), leave(7, true));
    assert_eq!(refused(&twin.decide(at(90), scan(new, 8))), RefusalKind::LeftForGood);
}

#[test]
fn who_steps_out_keeps_the_desk_and_comes_back_without_a_question() {
    let mut twin = running(0, vec![booking(1, 1, &[(1, 0, 120)]), booking(2, 2, &[(1, 120, 180)])]);
    twin.decide(at(10), tap(1, 7));
    let out = twin.decide(at(60), steps_out(7));
    assert!(
        matches!(&out.answer, Some(Answer::SeeYouSoon { space, until, .. }) if space == "A-01" && *until == minute(120))
    );
    assert!(out.effects.contains(&Effect::Unlock { door: id("door-1"), visit: Some(visit(7)) }));
    assert_eq!(out.outcomes[0].what, Happening::SteppedOut { visit: visit(7) });
    let view = twin.view(at(61).now);
    assert_eq!((view.spaces[0].state, view.people_inside), (SpaceState::Away, 0));
    // The same tap, the same answer: nothing new.
    let twice = twin.decide(at(63), tap(1, 8));
    assert!(matches!(twice.answer, Some(Answer::SeeYouSoon { .. })), "{twice:?}");
    assert!(twin.decide(at(64), steps_out(7)).outcomes.is_empty());
    assert!(no_shows(&twin.decide(at(40 * 60), Fact::Tick)).is_empty());

    // A restart does not forget that they are out.
    let mut again = Twin::new();
    let json = serde_json::to_string(&twin.snapshot()).unwrap();
    again.restore(&serde_json::from_str(&json).unwrap());
    assert_eq!(again.state_hash(), twin.state_hash());
    let back = twin.decide(at(50 * 60), tap(1, 8));
    assert!(matches!(back.answer, Some(Answer::Welcome { visit: told, .. }) if told == visit(7)));
    assert_eq!(back.outcomes[0].what, Happening::CameBack { visit: visit(7) });
    assert_eq!(twin.view(at(51 * 60).now).spaces[0].state, SpaceState::Occupied);
    let asked = twin.decide(at(52 * 60), tap(1, 8));
    assert!(matches!(asked.answer, Some(Answer::AskLeaving { .. })), "{asked:?}");

    // Whoever never comes back is in nobody's way once the time is over.
    twin.decide(at(53 * 60), steps_out(7));
    let next = twin.decide(at(120 * 60), tap(2, 9));
    assert!(matches!(next.answer, Some(Answer::Welcome { .. })), "{next:?}");
    assert!(
        matches!(next.outcomes[0].what, Happening::CheckedOut { visit: gone, gives_up: None, .. } if gone == visit(7))
    );
}

#[test]
fn a_card_past_its_time_opens_nothing_new_and_still_lets_its_holder_leave() {
    let mut twin = Twin::new();
    let mut today = sheet(3, 3, vec![booking(1, 1, &[(1, 0, 120)]), booking(2, 2, &[(2, 0, 120)])]);
    for card in &mut today.credentials {
        card.valid_until = Some(at(600).now);
    }
    twin.decide(at(0), Fact::Sheet(Box::new(today)));
    assert!(matches!(twin.decide(at(599), tap(1, 7)).answer, Some(Answer::Welcome { .. })));
    let late = twin.decide(at(600), tap(2, 8));
    assert_eq!(refused(&late), RefusalKind::ExpiredCard, "without a new sheet");
    assert!(!late.effects.iter().any(|effect| matches!(effect, Effect::Unlock { .. })));
    assert!(matches!(twin.decide(at(700), tap(1, 9)).answer, Some(Answer::AskLeaving { .. })));
}

#[test]
fn who_is_turned_away_is_told_why() {
    let mut twin = morning();
    assert_eq!(refused(&twin.decide(at(1), tap(1_000, 7))), RefusalKind::UnknownCard);
    assert_eq!(refused(&twin.decide(at(1), tap(99, 7))), RefusalKind::BlockedCard);
    assert_eq!(refused(&twin.decide(at(1), tap(50, 7))), RefusalKind::NoBooking);
    assert_eq!(
        refused(&twin.decide(at(1), Fact::UnreadableCard { reader: id("kiosk") })),
        RefusalKind::UnreadableCard
    );
    let early = twin.decide(at(1), tap(3, 7));
    assert_eq!(refused(&early), RefusalKind::TooEarly);
    assert!(
        matches!(early.answer, Some(Answer::Refused { opens: Some(opens), .. }) if opens == minute(165))
    );
    assert_eq!(refused(&twin.decide(at(1), leave(123, true))), RefusalKind::NoBooking);
    assert_eq!(twin.snapshot().counts.refused, 6);
}

#[test]
fn a_broken_terminal_sends_to_the_bookings_other_desk() {
    let mut twin = morning();
    let say = |state| Fact::TerminalSaid { terminal: id("seat-1"), state };
    twin.decide(at(1), say(TerminalState::Broken));
    let decision = twin.decide(at(2), tap(1, 7));
    assert!(matches!(decision.answer, Some(Answer::Welcome { space, .. }) if space == "A-02"));
    let view = twin.view(at(2).now);
    assert_eq!(view.spaces[0].state, SpaceState::Broken);
    twin.decide(at(3), Fact::TerminalSaid { terminal: id("seat-3"), state: TerminalState::Broken });
    assert_eq!(refused(&twin.decide(at(4), tap(2, 8))), RefusalKind::NoUsableSpace);
}

#[test]
fn an_expired_sheet_and_an_unset_clock_let_out_but_not_in() {
    let mut twin = morning();
    twin.decide(at(1), tap(1, 7));
    twin.decide(at(2), Fact::ClockSet(false));
    assert_eq!(refused(&twin.decide(at(3), tap(2, 8))), RefusalKind::ClockUnset);
    assert!(matches!(twin.decide(at(60), tap(1, 8)).answer, Some(Answer::AskLeaving { .. })));
    assert!(twin.decide(at(31 * 60), Fact::Tick).outcomes.is_empty(), "no no-shows by that clock");
    twin.decide(at(31 * 60), Fact::ClockSet(true));

    let mut short = sheet(3, 99, vec![booking(2, 2, &[(3, 0, 120)])]);
    short.not_after = minute(60);
    short.version = 2;
    twin.decide(at(31 * 60), Fact::Sheet(Box::new(short)));
    assert_eq!(refused(&twin.decide(at(3_600), tap(2, 8))), RefusalKind::SheetExpired);
    assert!(matches!(twin.decide(at(3_601), leave(7, true)).answer, Some(Answer::Goodbye { .. })));
}

#[test]
fn a_site_without_a_sheet_lets_nobody_in() {
    let mut twin = Twin::new();
    assert_eq!(refused(&twin.decide(at(1), tap(1, 7))), RefusalKind::SheetExpired);
    assert_eq!(refused(&twin.decide(at(1), typed(1, true, 7))), RefusalKind::WrongCode);
}

#[test]
fn three_wrong_pins_close_the_code_for_a_while() {
    let mut twin = morning();
    assert!(matches!(twin.check_pin(at(1), PinOf::Booking(code(1))), CodeCheck::Pin(_)));
    assert_eq!(twin.check_pin(at(1), PinOf::Booking(code(77))), CodeCheck::Unknown);
    assert_eq!(refused(&twin.decide(at(1), typed(1, false, 7))), RefusalKind::WrongCode);
    assert_eq!(refused(&twin.decide(at(2), typed(1, false, 7))), RefusalKind::WrongCode);
    assert_eq!(refused(&twin.decide(at(3), typed(1, false, 7))), RefusalKind::CodePaused);
    assert_eq!(twin.check_pin(at(4), PinOf::Booking(code(1))), CodeCheck::Paused);
    assert_eq!(refused(&twin.decide(at(5), typed(1, true, 7))), RefusalKind::CodePaused);
    let open = twin.decide(at(303), typed(1, true, 7));
    assert!(matches!(open.answer, Some(Answer::Welcome { .. })));
}

#[test]
fn a_door_relocks_and_is_told_again_until_it_has() {
    let mut twin = morning();
    let read = |level, visit| Fact::LockRead { door: id("door-1"), level, visit };
    let lock = Effect::Lock { door: id("door-1") };
    twin.decide(at(10), tap(1, 7));
    let opened = twin.decide(at(10), read(LockLevel::Unlocked, Some(visit(7))));
    assert!(matches!(opened.outcomes[0].what, Happening::DoorUnlocked { visit: Some(_), .. }));
    assert!(!twin.decide(at(14), Fact::Tick).effects.contains(&lock));
    assert!(twin.decide(at(15), Fact::Tick).effects.contains(&lock));
    assert!(!twin.decide(at(16), Fact::Tick).effects.contains(&lock));
    let stuck = twin.decide(at(16), Fact::LockFailed { door: id("door-1") });
    assert!(matches!(stuck.outcomes[0].what, Happening::LockFault { .. }));
    assert!(twin.decide(at(17), Fact::LockFailed { door: id("door-1") }).outcomes.is_empty());
    assert!(twin.decide(at(20), Fact::Tick).effects.contains(&lock));
    let closed = twin.decide(at(20), read(LockLevel::Locked, None));
    assert!(matches!(closed.outcomes[0].what, Happening::DoorLocked { .. }));
    assert!(!twin.decide(at(60), Fact::Tick).effects.contains(&lock));
}

#[test]
fn an_empty_desk_is_given_free_once_and_its_late_guest_is_refused() {
    let mut twin = morning();
    twin.decide(at(10), tap(1, 7));
    assert!(twin.decide(at(30 * 60 - 1), Fact::Tick).outcomes.is_empty());
    let given = twin.decide(at(30 * 60), Fact::Tick).outcomes;
    assert_eq!(given.len(), 1, "{given:?}");
    let starts_at = minute(0);
    let (booking_2, desk) = (booking_id(2), space(3));
    assert_eq!(given[0].what, Happening::NoShow { booking: booking_2, space: desk, starts_at });
    twin.decide(
        at(30 * 60),
        Fact::Sheet(Box::new(sheet(3, 99, vec![booking(2, 2, &[(3, 0, 120)])]))),
    );
    assert!(twin.decide(at(31 * 60), Fact::Tick).outcomes.is_empty());
    let late = twin.decide(at(31 * 60), tap(2, 8));
    assert_eq!(refused(&late), RefusalKind::Released);
    let told = |decision: &Decision| match decision.answer {
        Some(Answer::Refused { since, free_desks, .. }) => (since, free_desks),
        _ => panic!("{decision:?}"),
    };
    // Desk 1 is taken; 2 and the very desk that was theirs are nobody's.
    assert_eq!(told(&late), (Some(minute(30)), Some(2)));
    let waits = |decision: &Decision| {
        matches!(&decision.outcomes[0].what, Happening::Refused { late_for, came_for, .. }
            if *late_for == [booking_2] && came_for.is_empty())
    };
    assert!(waits(&late), "{late:?}");
    // The hub's next sheet has the desk no more, and says what became of it; 3 is somebody else's now.
    let mut gone = booking(2, 2, &[]);
    let when = Interval::new(minute(0), minute(120)).unwrap();
    gone.released = vec![Released { when, at: minute(31) }];
    let mut next = sheet(3, 99, vec![gone, booking(4, 4, &[(3, 60, 180)])]);
    next.version = 3;
    twin.decide(at(32 * 60), Fact::Sheet(Box::new(next)));
    let late = twin.decide(at(33 * 60), tap(2, 8));
    assert_eq!(refused(&late), RefusalKind::Released);
    assert_eq!(told(&late), (Some(minute(31)), Some(1)));
    assert!(waits(&late), "{late:?}");
    assert_eq!(refused(&twin.decide(at(34 * 60), typed(2, true, 8))), RefusalKind::Released);
    // The hub has found another desk, in the same booking.
    let mut found = booking(2, 2, &[(2, 30, 120)]);
    found.released = vec![Released { when, at: minute(31) }];
    let mut after = sheet(3, 99, vec![found, booking(4, 4, &[(3, 60, 180)])]);
    after.version = 4;
    let mut lucky = morning();
    lucky.decide(at(34 * 60), Fact::Sheet(Box::new(after)));
    let seated = lucky.decide(at(35 * 60), tap(2, 8));
    assert!(matches!(seated.answer, Some(Answer::Welcome { .. })), "{seated:?}");
    let over = twin.decide(at(120 * 60), tap(2, 8));
    assert_eq!(refused(&over), RefusalKind::NoBooking);
    assert_eq!(told(&over), (None, None));
}

#[test]
fn of_slots_that_touch_the_one_nobody_came_for_is_given_free() {
    let hour = 60 * 60;
    let mut twin = running(0, vec![booking(1, 1, &[(1, 60, 70), (1, 70, 180)])]);
    assert_eq!(no_shows(&twin.decide(at(hour + 600), Fact::Tick)), [(booking_id(1), minute(60))]);
    let comes = twin.decide(at(hour + 900), tap(1, 7));
    assert!(matches!(comes.answer, Some(Answer::Welcome { .. })), "{comes:?}");
    assert!(no_shows(&twin.decide(at(3 * hour), Fact::Tick)).is_empty());
}

#[test]
fn a_day_that_the_site_was_off_does_not_cost_the_next_days_desk() {
    let day = 24 * 60;
    let (monday, tuesday) = ((1, 0, 120), (1, day, day + 120));
    let mut twin = running((day + 20) * 60, vec![booking(1, 1, &[monday, tuesday])]);
    let tick = twin.decide(at((day + 20) * 60 + 1), Fact::Tick);
    assert!(no_shows(&tick).is_empty(), "{tick:?}");
    let comes = twin.decide(at((day + 25) * 60), tap(1, 7));
    assert!(matches!(comes.answer, Some(Answer::Welcome { .. })), "{comes:?}");

    // What the site gave free on Monday is Monday's, whenever that was said.
    let mut twin = running(0, vec![booking(1, 1, &[monday, tuesday])]);
    assert_eq!(no_shows(&twin.decide(at(day * 60 - 1), Fact::Tick)), [(booking_id(1), minute(0))]);
    let comes = twin.decide(at((day + 1) * 60), tap(1, 7));
    assert!(matches!(comes.answer, Some(Answer::Welcome { .. })), "{comes:?}");
}

#[test]
fn guests_who_could_not_check_in_get_the_grace_once_they_can() {
    let bookings = || vec![booking(1, 1, &[(1, 0, 120)]), booking(2, 2, &[(2, 0, 60)])];
    let mut twin = running(45 * 60, bookings());
    assert!(no_shows(&twin.decide(at(75 * 60 - 1), Fact::Tick)).is_empty());
    let over = no_shows(&twin.decide(at(75 * 60), Fact::Tick));
    assert_eq!(over, [(booking_id(1), minute(0))], "the other's time has run out anyway");

    // The same for a doubt so short that no tick fell into it.
    let mut twin = running(0, bookings());
    twin.decide(at(60), Fact::ClockSet(false));
    twin.decide(at(45 * 60), Fact::ClockSet(true));
    assert!(no_shows(&twin.decide(at(45 * 60), Fact::Tick)).is_empty());

    // The same for a clock that was in doubt over the deadline.
    let mut twin = running(0, bookings());
    twin.decide(at(60), Fact::ClockSet(false));
    twin.decide(at(61), Fact::Tick);
    twin.decide(at(45 * 60), Fact::ClockSet(true));
    assert!(no_shows(&twin.decide(at(45 * 60), Fact::Tick)).is_empty());
    twin.decide(at(46 * 60), Fact::Sheet(Box::new(sheet(3, 99, bookings()))));
    assert!(no_shows(&twin.decide(at(75 * 60 - 1), Fact::Tick)).is_empty());
    assert_eq!(no_shows(&twin.decide(at(75 * 60), Fact::Tick)), [(booking_id(1), minute(0))]);
}

#[test]
fn a_forgotten_guest_makes_room_for_the_next() {
    let mut twin = running(0, vec![booking(1, 1, &[(1, 0, 60)]), booking(2, 2, &[(1, 60, 120)])]);
    twin.decide(at(10), tap(1, 7));
    assert_eq!(refused(&twin.decide(at(50 * 60), tap(2, 8))), RefusalKind::NoUsableSpace);
    let next = twin.decide(at(60 * 60), tap(2, 9));
    assert!(
        matches!(&next.answer, Some(Answer::Welcome { visit: told, .. }) if *told == visit(9)),
        "{next:?}"
    );
    let happened: Vec<_> = next.outcomes.iter().map(|event| &event.what).collect();
    assert!(
        matches!(happened[..], [Happening::CheckedOut { visit: out, .. }, Happening::CheckedIn { visit: new, .. }]
            if *out == visit(7) && *new == visit(9)),
        "{happened:?}"
    );
    let seat = |effect: &&Effect| matches!(effect, Effect::Wipe { .. } | Effect::Assign { .. });
    let told: Vec<_> = next.effects.iter().filter(seat).collect();
    assert!(matches!(told[..], [Effect::Wipe { .. }, Effect::Assign { .. }]), "{told:?}");
    assert_eq!(twin.view(at(61 * 60).now).people_inside, 1);
}

#[test]
fn a_guest_who_found_no_usable_desk_did_come() {
    let mut twin = running(0, vec![booking(1, 1, &[(1, 0, 120)]), booking(2, 2, &[(2, 0, 120)])]);
    let broken = TerminalState::Broken;
    twin.decide(at(1), Fact::TerminalSaid { terminal: id("seat-1"), state: broken });
    let away = twin.decide(at(2), tap(1, 7));
    assert_eq!(refused(&away), RefusalKind::NoUsableSpace);
    assert!(
        matches!(&away.outcomes[0].what, Happening::Refused { came_for, .. } if *came_for == [booking_id(1)])
    );
    // A restart does not forget it.
    let mut again = Twin::new();
    again.restore(&twin.snapshot());
    again.load_sheet(&sheet(3, 99, vec![booking(1, 1, &[(1, 0, 120)])]));
    again.decide(at(3), Fact::Tick);
    assert!(no_shows(&again.decide(at(30 * 60), Fact::Tick)).is_empty());
    let over = no_shows(&twin.decide(at(30 * 60), Fact::Tick));
    assert_eq!(over, [(booking_id(2), minute(0))], "only of whom nobody has seen");
}

#[test]
fn a_terminal_that_missed_its_command_is_told_again() {
    let mut twin = morning();
    let say = |state| Fact::TerminalSaid { terminal: id("seat-1"), state };
    twin.decide(at(10), tap(1, 7));
    twin.decide(at(11), say(TerminalState::Idle));
    assert!(twin.decide(at(12), Fact::Tick).effects.is_empty(), "the command is on its way");
    let told = twin.decide(at(20), Fact::Tick).effects;
    assert!(told.iter().any(|effect| matches!(effect, Effect::Assign { .. })), "{told:?}");
    twin.decide(at(21), say(TerminalState::Assigned));
    twin.decide(at(40), leave(7, true));
    let told = twin.decide(at(50), Fact::Tick).effects;
    assert!(told.contains(&Effect::Wipe { terminal: id("seat-1"), visit: visit(7) }), "{told:?}");
}

#[test]
fn a_forgotten_visit_ends_two_hours_after_its_booking() {
    let mut twin = morning();
    twin.decide(at(10), tap(1, 7));
    let asked = twin.decide(at(3 * 3_600), tap(1, 8));
    assert!(matches!(asked.answer, Some(Answer::AskLeaving { .. })));
    let over = twin.decide(at(4 * 3_600), Fact::Tick);
    assert!(over.outcomes.iter().any(|event| matches!(event.what, Happening::CheckedOut { .. })));
    assert_eq!(twin.view(at(4 * 3_600).now).people_inside, 0);
}

#[test]
fn a_restored_world_goes_on_where_it_was() {
    let mut twin = morning();
    twin.decide(at(10), tap(1, 7));
    twin.decide(at(11), Fact::ContactRead { door: id("door-1"), open: true });
    let snapshot = twin.snapshot();
    let json = serde_json::to_string(&snapshot).unwrap();
    let mut other = Twin::new();
    other.restore(&serde_json::from_str(&json).unwrap());
    assert_eq!(other.state_hash(), twin.state_hash());
    other.load_sheet(&sheet(3, 99, vec![booking(1, 1, &[(1, 0, 120)])]));
    assert_eq!(other.state_hash(), twin.state_hash(), "the sheet is no part of the shared state");
    assert!(matches!(other.decide(at(60), tap(1, 8)).answer, Some(Answer::AskLeaving { .. })));
}

#[test]
fn a_hundred_thousand_cards_do_not_slow_a_tap() {
    let mut twin = Twin::new();
    let mut many = sheet(10, 100_000, vec![booking(1, 1, &[(1, 0, 120)])]);
    many.credentials.retain(|card| !card.blocked);
    twin.load_sheet(&many);
    let begun = std::time::Instant::now();
    for round in 0..100 {
        let now = at(i64::from(round) * 60);
        twin.decide(now, tap(50_000 + u32::try_from(round).unwrap(), 7));
    }
    let each = begun.elapsed() / 100;
    assert!(each.as_millis() < 5, "{each:?} each, even unoptimised");
}

#[test]
fn a_voucher_lets_its_guest_in_as_the_sheet_says_and_out_again() {
    let mut twin = morning();
    // It is older than the sheet and names another desk and another time: the sheet decides.
    let stale = voucher(booking(2, 2, &[(1, 300, 400)]), -60);
    let comes = twin.decide(at(10), scan(stale.clone(), 7));
    assert!(
        matches!(&comes.answer, Some(Answer::Welcome { space, until, language: Language::Ja, .. })
            if space == "A-03" && *until == minute(120)),
        "{comes:?}"
    );
    assert!(
        matches!(comes.outcomes[0].what, Happening::CheckedIn { booking, by: Proof::Voucher { vouched: None }, .. }
            if booking == booking_id(2)),
        "{comes:?}"
    );
    assert!(comes.effects.contains(&Effect::Unlock { door: id("door-1"), visit: Some(visit(7)) }));
    let twice = twin.decide(at(13), scan(stale.clone(), 8));
    assert!(matches!(twice.answer, Some(Answer::Welcome { visit: told, .. }) if told == visit(7)));
    let later = twin.decide(at(60), scan(stale.clone(), 9));
    assert!(
        matches!(later.answer, Some(Answer::AskLeaving { visit: told, .. }) if told == visit(7))
    );
    let goes = twin.decide(at(70), leave(7, true));
    assert!(matches!(goes.answer, Some(Answer::Goodbye { .. })));
    // Of several bookings it gives only its own, and too early is too early.
    assert_eq!(
        refused(&twin.decide(at(80), scan(voucher(booking(3, 3, &[(1, 0, 120)]), 5), 9))),
        RefusalKind::TooEarly
    );
}

#[test]
fn a_booking_that_the_sheet_cannot_know_is_honoured_and_remembered() {
    let mut twin = morning();
    let new = voucher(booking(50, 200, &[(2, 0, 90), (2, 90, 100)]), 1);
    let comes = twin.decide(at(70), scan(new.clone(), 7));
    assert!(
        matches!(&comes.answer, Some(Answer::Welcome { space, until, language: Language::En, .. })
            if space == "A-02" && *until == minute(100)),
        "its own desk, though the sheet has that for somebody else: {comes:?}"
    );
    let vouched = Some(Vouched { until: minute(100), language: Language::En });
    assert!(
        matches!(comes.outcomes[0].what, Happening::CheckedIn { by: Proof::Voucher { vouched: told }, .. }
            if told == vouched),
        "{comes:?}"
    );
    // A restart without the hub forgets neither the end nor the language.
    let mut again = Twin::new();
    let json = serde_json::to_string(&twin.snapshot()).unwrap();
    again.restore(&serde_json::from_str(&json).unwrap());
    again.load_sheet(&sheet(3, 99, vec![]));
    let asked = again.decide(at(30 * 60), scan(new.clone(), 8));
    assert!(
        matches!(asked.answer, Some(Answer::AskLeaving { visit: told, language: Language::En, .. })
            if told == visit(7)),
        "{asked:?}"
    );
    let stays = again.decide(at(30 * 60 + 1), leave(7, false));
    assert!(matches!(stays.answer, Some(Answer::Welcome { until, .. }) if until == minute(100)));
    // Once a sheet has the booking, the sheet says until when.
    let mut known = sheet(3, 99, vec![booking(50, 200, &[(2, 0, 110)])]);
    (known.version, known.made_at) = (2, minute(40));
    again.decide(at(40 * 60), Fact::Sheet(Box::new(known)));
    let view = again.view(at(40 * 60).now);
    assert_eq!(view.spaces[1].until, Some(minute(110)));
    let over = again.decide(at((110 + 119) * 60), Fact::Tick).outcomes;
    assert!(!over.iter().any(|event| matches!(event.what, Happening::CheckedOut { .. })));
    let over = again.decide(at((110 + 120) * 60), Fact::Tick).outcomes;
    assert!(
        over.iter().any(|event| matches!(event.what, Happening::CheckedOut { .. })),
        "{over:?}"
    );
}

#[test]
fn a_cancelled_booking_opens_nothing_and_its_guest_may_still_leave() {
    let mut twin = morning();
    let old = voucher(booking(50, 200, &[(2, 0, 100)]), 0);
    assert_eq!(refused(&twin.decide(at(10), scan(old, 7))), RefusalKind::VoidVoucher);
    let new = voucher(booking(50, 200, &[(2, 0, 100)]), 1);
    let comes = twin.decide(at(70), scan(new.clone(), 7));
    assert!(matches!(comes.answer, Some(Answer::Welcome { .. })), "{comes:?}");

    let mut cancelled = sheet(3, 99, vec![booking(1, 1, &[(1, 0, 120)])]);
    (cancelled.version, cancelled.made_at) = (2, minute(2));
    twin.decide(at(125), Fact::Sheet(Box::new(cancelled)));
    // Whoever is inside on it is asked; another voucher of theirs that is worth nothing is not.
    let another = voucher(booking(51, 200, &[(3, 0, 100)]), 1);
    assert_eq!(refused(&twin.decide(at(130), scan(another, 8))), RefusalKind::VoidVoucher);
    let asked = twin.decide(at(130), scan(new.clone(), 8));
    assert!(matches!(asked.answer, Some(Answer::AskLeaving { .. })), "{asked:?}");
    twin.decide(at(131), leave(7, true));
    let replayed = twin.decide(at(140), scan(new, 9));
    assert_eq!(refused(&replayed), RefusalKind::VoidVoucher);
    assert!(
        matches!(replayed.answer, Some(Answer::Refused { language: Some(Language::En), .. })),
        "in the language that the voucher says: {replayed:?}"
    );
}

#[test]
fn a_voucher_opens_nothing_where_a_card_would_not() {
    let new = || voucher(booking(50, 200, &[(2, 0, 100)]), 1);
    let mut none = Twin::new();
    assert_eq!(refused(&none.decide(at(70), scan(new(), 7))), RefusalKind::SheetExpired);

    let mut twin = morning();
    let unreadable = Fact::UnreadableVoucher { reader: id("kiosk") };
    assert_eq!(refused(&twin.decide(at(70), unreadable)), RefusalKind::UnreadableVoucher);
    let mut foreign = new();
    foreign.centre.0 = uuid::Uuid::from_u128(2);
    let elsewhere = twin.decide(at(70), scan(foreign, 7));
    assert_eq!(refused(&elsewhere), RefusalKind::OtherCentre);
    assert!(
        matches!(elsewhere.answer, Some(Answer::Refused { opens: Some(when), .. }) if when == minute(0))
    );
    let early = twin.decide(at(70), scan(voucher(booking(50, 200, &[(2, 60, 100)]), 1), 7));
    assert_eq!(refused(&early), RefusalKind::TooEarly);
    assert!(
        matches!(early.answer, Some(Answer::Refused { opens: Some(opens), .. }) if opens == minute(45))
    );
    let late = scan(voucher(booking(50, 200, &[(2, 0, 60)]), 1), 7);
    assert_eq!(refused(&twin.decide(at(3_600), late)), RefusalKind::NoBooking);
    twin.decide(at(3_601), Fact::ClockSet(false));
    assert_eq!(refused(&twin.decide(at(3_602), scan(new(), 7))), RefusalKind::ClockUnset);
    twin.decide(at(3_603), Fact::ClockSet(true));
    let mut short = sheet(3, 99, vec![]);
    (short.version, short.not_after) = (2, minute(61));
    twin.decide(at(3_604), Fact::Sheet(Box::new(short)));
    assert_eq!(refused(&twin.decide(at(3_660), scan(new(), 7))), RefusalKind::SheetExpired);
}

#[test]
fn a_vouched_guest_whose_desk_is_taken_gets_one_that_nobody_needs() {
    let bookings = || vec![booking(1, 1, &[(1, 0, 120)]), booking(2, 2, &[(2, 90, 200)])];
    let new = |number: u128, until| voucher(booking(number, number, &[(1, 0, until)]), 1);
    let label = |decision: &Decision| match &decision.answer {
        Some(Answer::Welcome { space, .. }) => Some(space.clone()),
        _ => None,
    };
    // Desk 1 is taken, desk 2 is somebody's from minute 90, desk 3 nobody's.
    let mut twin = running(0, bookings());
    twin.decide(at(61), tap(1, 7));
    let long = twin.decide(at(70), scan(new(50, 120), 8));
    assert_eq!(label(&long).as_deref(), Some("A-03"), "{long:?}");
    let short = twin.decide(at(71), scan(new(51, 90), 9));
    assert_eq!(label(&short).as_deref(), Some("A-02"), "{short:?}");
    let none = twin.decide(at(72), scan(new(52, 90), 10));
    assert_eq!(refused(&none), RefusalKind::NoUsableSpace);
    assert!(
        matches!(&none.outcomes[0].what, Happening::Refused { came_for, .. } if *came_for == [booking_id(52)])
    );

    // A terminal that is out of order is as good as taken, here and there.
    let mut twin = running(0, bookings());
    for broken in ["seat-1", "seat-3"] {
        let state = TerminalState::Broken;
        twin.decide(at(61), Fact::TerminalSaid { terminal: id(broken), state });
    }
    assert_eq!(
        refused(&twin.decide(at(70), scan(new(50, 120), 8))),
        RefusalKind::NoUsableSpace,
        "desk 2 is needed before they go"
    );
    // What the site gave free is free.
    let mut twin = running(0, vec![booking(1, 1, &[(2, 0, 300)]), booking(2, 2, &[(3, 0, 300)])]);
    let state = TerminalState::Broken;
    twin.decide(at(61), Fact::TerminalSaid { terminal: id("seat-1"), state });
    assert_eq!(refused(&twin.decide(at(70), scan(new(50, 120), 8))), RefusalKind::NoUsableSpace);
    assert_eq!(no_shows(&twin.decide(at(30 * 60), Fact::Tick)).len(), 2);
    let given = twin.decide(at(31 * 60), scan(new(50, 120), 9));
    assert_eq!(label(&given).as_deref(), Some("A-02"), "{given:?}");
}

/// Person 1's card, which the sheet lists by its identifier (1) and by its key (201).
fn keyed(least_on_sheet: bool) -> Twin {
    let mut today = sheet(3, 3, vec![booking(1, 1, &[(1, 0, 120)]), booking(2, 2, &[(2, 0, 120)])]);
    let mut key = today.credentials[0].clone();
    (key.digest, key.level) = (digest(201), CardLevel::Key);
    today.credentials.push(key);
    if least_on_sheet {
        for card in today.credentials.iter_mut().filter(|card| card.person == person(1)) {
            card.least = CardLevel::Key;
        }
    }
    today.stopped = vec![digest(77), digest(277)];
    let mut twin = Twin::new();
    twin.decide(at(0), Fact::Sheet(Box::new(today)));
    twin
}

fn tap_key(key: u32, identifier: Option<u32>, new_visit: u128) -> Fact {
    let identifier = identifier.map(digest);
    let card = TappedCard { digest: digest(key), level: CardLevel::Key, identifier };
    Fact::Tap { reader: id("kiosk"), card, visit: visit(new_visit) }
}

#[test]
fn a_card_known_by_its_key_is_never_taken_by_its_identifier() {
    let mut twin = keyed(true);
    let copied = twin.decide(at(1), tap(1, 7));
    assert_eq!(refused(&copied), RefusalKind::LowerLevel);
    assert_eq!(copied.effects, []);
    let Happening::Refused { credential, why, .. } = &copied.outcomes[0].what else {
        panic!("{copied:?}")
    };
    assert!(credential.is_some() && *why == RefusalKind::LowerLevel, "the log says whose");
    let real = twin.decide(at(2), tap_key(201, Some(1), 8));
    assert!(matches!(real.answer, Some(Answer::Welcome { .. })), "{real:?}");
    assert!(real.outcomes.iter().all(|event| !is_proof(event)), "the sheet knows it");
    assert!(twin.snapshot().proved.is_empty());
}

fn is_proof(event: &SiteEvent) -> bool {
    matches!(event.what, Happening::CredentialProved { .. })
}

#[test]
fn another_key_beside_a_known_identifier_is_a_copy() {
    let mut twin = keyed(true);
    assert_eq!(refused(&twin.decide(at(1), tap_key(500, Some(1), 7))), RefusalKind::LowerLevel);
    assert_eq!(refused(&twin.decide(at(1), tap_key(500, Some(600), 7))), RefusalKind::UnknownCard);
    assert_eq!(refused(&twin.decide(at(1), tap_key(500, None, 7))), RefusalKind::UnknownCard);
    // The card of person 2 was registered by its identifier alone: its key is nobody's yet, so that the
    // tap proves no more than that.
    let plain = twin.decide(at(1), tap_key(500, Some(2), 7));
    assert!(matches!(plain.answer, Some(Answer::Welcome { .. })), "{plain:?}");
    assert!(plain.outcomes.iter().all(|event| !is_proof(event)), "nothing is proved of it");
    assert!(matches!(twin.decide(at(60), tap(2, 8)).answer, Some(Answer::AskLeaving { .. })));
}

#[test]
fn a_site_remembers_what_it_has_seen_proved_before_the_hub_knows() {
    let mut twin = keyed(false);
    let before = twin.snapshot();
    assert!(!serde_json::to_string(&before).unwrap().contains("proved"), "an old form as before");
    let seen = twin.decide(at(1), tap_key(201, Some(1), 7));
    assert_eq!(seen.outcomes.iter().filter(|event| is_proof(event)).count(), 1);
    let again = twin.decide(at(2), tap_key(201, Some(1), 8));
    assert!(!again.outcomes.iter().any(is_proof), "said once");
    assert_eq!(refused(&twin.decide(at(3), tap(1, 9))), RefusalKind::LowerLevel);

    let mut restarted = keyed(false);
    let kept: twin::Snapshot =
        serde_json::from_str(&serde_json::to_string(&twin.snapshot()).unwrap()).unwrap();
    restarted.restore(&kept);
    assert_eq!(restarted.state_hash(), twin.state_hash());
    assert_eq!(refused(&restarted.decide(at(4), tap(1, 9))), RefusalKind::LowerLevel);
}

#[test]
fn a_stopped_card_of_somebody_else_is_refused_as_blocked() {
    let mut twin = keyed(true);
    for fact in [tap(77, 7), tap_key(277, None, 7), tap_key(500, Some(77), 7)] {
        assert_eq!(refused(&twin.decide(at(1), fact)), RefusalKind::BlockedCard);
    }
}

#[test]
fn fault_16_a_power_cut_gives_no_new_tries() {
    let mut twin = morning();
    let mut kept = Vec::new();
    for second in 1..=2 {
        let wrong = twin.decide(at(second), typed(1, false, 7));
        assert_eq!(refused(&wrong), RefusalKind::WrongCode);
        kept = wrong.pins;
    }
    let (hers, of) = (TriesOf::Pin(PinOf::Person(person(1))), TriesOf::Reader(id("kiosk")));
    assert_eq!(kept, [PinCount { of: hers.clone(), wrong: 2 }, PinCount { of, wrong: 2 }]);
    assert_eq!(twin.decide(at(3), Fact::Tick).pins, [], "nothing new to keep");

    let mut restarted = morning();
    restarted.restore_pins(&kept, at(0).mono);
    // It found no sheet that could be read; the next one comes from the hub.
    let mut bare = Twin::new();
    bare.restore_pins(&kept, at(0).mono);
    bare.decide(at(0), Fact::Started);
    let whoever = PinOf::Person(person(1));
    let came = bare.decide(at(1), Fact::Sheet(Box::new(sheet(1, 1, Vec::new()))));
    assert_eq!(came.pins, [], "the count goes on");
    let gone = bare.decide(at(2), Fact::Sheet(Box::new(sheet(1, 0, Vec::new()))));
    assert_eq!(
        gone.pins,
        [PinCount { of: TriesOf::Pin(whoever), wrong: 0 }],
        "and ends with whose it was"
    );
    let third = restarted.decide(at(1), typed(1, false, 7));
    assert_eq!(refused(&third), RefusalKind::CodePaused);
    let mut again = morning();
    again.restore_pins(&third.pins, at(0).mono);
    assert_eq!(refused(&again.decide(at(1), typed(1, true, 7))), RefusalKind::CodePaused);
    let right = again.decide(at(301), typed(1, true, 7));
    assert!(matches!(right.answer, Some(Answer::Welcome { .. })), "{right:?}");
    assert_eq!(right.pins, [PinCount { of: hers, wrong: 0 }], "forgotten");
}

#[test]
fn codes_that_are_nobodys_close_their_keypad_and_nothing_else() {
    let mut twin = morning();
    let malformed =
        || Fact::Code { reader: id("kiosk"), code: None, pin_right: false, visit: visit(7) };
    for second in 1..=20 {
        assert_eq!(refused(&twin.decide(at(second), malformed())), RefusalKind::WrongCode);
    }
    let guess = |number: u64| typed(1_000 + number, false, 7);
    for number in 1..=8 {
        assert_eq!(refused(&twin.decide(at(30), guess(number))), RefusalKind::WrongCode);
    }
    // A right one in between clears nothing: whoever guesses may have a code of their own.
    assert!(matches!(twin.decide(at(31), typed(2, true, 8)).answer, Some(Answer::Welcome { .. })));
    assert_eq!(refused(&twin.decide(at(32), typed(1, false, 7))), RefusalKind::WrongCode);
    let tenth = twin.decide(at(33), guess(10));
    assert_eq!(refused(&tenth), RefusalKind::CodePaused);
    assert_eq!(tenth.pins, [PinCount { of: TriesOf::Reader(id("kiosk")), wrong: 10 }]);
    for fact in [typed(1, true, 7), guess(11), malformed()] {
        assert_eq!(refused(&twin.decide(at(34), fact)), RefusalKind::CodePaused);
    }
    let elsewhere = |number, pin_right, reader| {
        let (reader, code, visit) = (id(reader), Some(code(number)), visit(9));
        Fact::Code { reader, code, pin_right, visit }
    };
    assert_eq!(
        refused(&twin.decide(at(35), elsewhere(1_000, false, "kiosk-2"))),
        RefusalKind::WrongCode
    );
    // After a restart it is closed anew, and cards go on.
    let mut restarted = morning();
    restarted.restore_pins(&tenth.pins, at(0).mono);
    assert_eq!(refused(&restarted.decide(at(1), typed(1, true, 7))), RefusalKind::CodePaused);
    assert!(matches!(restarted.decide(at(2), tap(1, 7)).answer, Some(Answer::Welcome { .. })));
    assert_eq!(refused(&restarted.decide(at(60), guess(12))), RefusalKind::CodePaused, "once more");
    assert_eq!(refused(&restarted.decide(at(179), typed(2, true, 8))), RefusalKind::CodePaused);
    let open = restarted.decide(at(180), typed(2, true, 8));
    assert!(matches!(open.answer, Some(Answer::Welcome { .. })), "{open:?}");
}
