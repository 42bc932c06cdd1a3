//! A nursery's day, told fact by fact.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

#[path = "common/care.rs"]
mod care;
mod common;

use care::*;
use chrono::TimeDelta;
use common::{at, booking, booking_id, id, minute, person, plain_card, visit, voucher};
use model::access::{Going, RefusalKind};
use model::card::CardLevel;
use model::care::age::Ages;
use model::care::board::{ChildState, Count, NurseryView};
use model::care::day::{
    CareAlarm, CareEvent, CaregiverState, Claimed, Claimer, HealthCheck, NotDone, NotHandedOver,
    NotSignedIn, NotTakenIn, NoteKind, Sealed,
};
use model::care::file::{CollectsAs, NotCollecting};
use model::care::intake::Lacking;
use model::day_sheet::{DaySheet, SheetCareClaim};
use model::id::{ChildId, CredentialId};
use model::language::Language;
use model::site_event::{Happening, SiteEvent};
use twin::{
    Answer, CareAnswer, CareFact, Decision, Effect, Fact, PinOf, Shown, TappedCard, There, Twin,
};
use uuid::Uuid;

struct Site {
    twin: Twin,
    mirror: Twin,
    second: i64,
}

impl Site {
    /// Both teachers have come.
    fn open() -> Self {
        let mut site = Self::with(plan());
        site.caregiver(1, CaregiverState::Here);
        site.caregiver(2, CaregiverState::Here);
        site.pass(1);
        site
    }

    fn with(sheet: DaySheet) -> Self {
        let mut site = Self { twin: Twin::new(), mirror: Twin::new(), second: 0 };
        site.mirror.load_sheet(&sheet);
        site.decide(Fact::Started);
        site.decide(Fact::Sheet(Box::new(sheet)));
        site.pass(1);
        site
    }

    /// Takes in a fact. The mirror applies what comes of it and has the same state.
    fn decide(&mut self, fact: Fact) -> Decision {
        let decision = self.twin.decide(at(self.second), fact);
        for event in &decision.outcomes {
            let json = serde_json::to_string(event).unwrap();
            let told: SiteEvent = serde_json::from_str(&json).unwrap();
            assert_eq!(told, *event, "{json}");
            self.mirror.apply(&told);
        }
        assert_eq!(self.twin.state_hash(), self.mirror.state_hash());
        decision
    }

    fn care(&mut self, fact: CareFact) -> (Vec<CareEvent>, CareAnswer) {
        let decision = self.decide(Fact::Care(fact));
        let Some(Answer::Care(answer)) = decision.answer else { panic!("{decision:?}") };
        (care_of(&decision), answer)
    }

    /// So many seconds pass, with a look at the time at the end; what it led to.
    fn pass(&mut self, seconds: i64) -> Vec<CareEvent> {
        self.second += seconds;
        care_of(&self.decide(Fact::Tick))
    }

    fn at_minute(&mut self, minute: i64) -> Vec<CareEvent> {
        self.pass(minute * 60 - self.second)
    }

    fn caregiver(&mut self, number: u128, state: CaregiverState) {
        let (shift, staff) = (shift(number), person(HOSHINO));
        assert_eq!(self.care(CareFact::Caregiver { shift, state, staff }).1, CareAnswer::Done);
    }

    fn bring(&mut self, who: u128, by: u128) -> (Vec<CareEvent>, CareAnswer) {
        self.care(dropping(who, Some(by), None, check(366)))
    }

    fn hand_over(&mut self, who: u128, shown: Shown) -> (Vec<CareEvent>, CareAnswer) {
        let (child, staff) = (child(who), person(HOSHINO));
        let (confirmed, telephoned) = (true, false);
        self.care(CareFact::HandOver { child, shown, staff, confirmed, telephoned })
    }

    fn view(&self) -> NurseryView {
        let mut views = self.twin.view(at(self.second).now).nurseries;
        assert_eq!(views, self.mirror.view(at(self.second).now).nurseries);
        views.remove(0)
    }

    fn alarms(&self) -> Vec<CareAlarm> {
        self.view().alarms.into_iter().map(|one| one.alarm).collect()
    }
}

fn refusals(decision: &Decision) -> Vec<RefusalKind> {
    let why = |event: &SiteEvent| match event.what {
        Happening::Refused { why, credential: Some(_), .. } => Some(why),
        _ => None,
    };
    decision.outcomes.iter().filter_map(why).collect()
}

fn care_of(decision: &Decision) -> Vec<CareEvent> {
    let care = |event: &SiteEvent| match &event.what {
        Happening::Care(care) => Some(care.clone()),
        _ => None,
    };
    decision.outcomes.iter().filter_map(care).collect()
}

fn check(tenths: u16) -> HealthCheck {
    HealthCheck { temperature: Some(tenths), unwell: false, remarks: String::new() }
}

fn sealed() -> Sealed {
    Sealed("c2VhbGVk".to_owned())
}

fn dropping(
    who: u128,
    brought_by: Option<u128>,
    staff: Option<u128>,
    check: HealthCheck,
) -> CareFact {
    let (child, sealed) = (child(who), sealed());
    let (brought_by, staff) = (brought_by.map(person), staff.map(person));
    CareFact::DropOff { child, brought_by, staff, check, sealed }
}

fn not_taken(why: NotTakenIn) -> CareAnswer {
    CareAnswer::NotTaken { why, opens: None }
}

fn card(number: u32) -> Shown {
    Shown::Card(Some(plain_card(number)))
}

#[test]
fn a_child_is_in_care_from_the_moment_it_is_brought_until_it_is_collected() {
    let mut site = Site::open();
    assert_eq!(site.view().now, Count { children: 0, staff: 2, need: 0 });
    let (events, answer) = site.bring(HANA, MOTHER);
    assert_eq!(answer, CareAnswer::Done);
    assert!(matches!(events[0], CareEvent::DroppedOff { staff: None, .. }), "{events:?}");
    assert_eq!(site.view().now, Count { children: 1, staff: 2, need: 2 });
    site.bring(HARU, MOTHER);
    let view = site.view();
    assert_eq!(view.now.children, 2);
    assert_eq!(
        (view.rooms[0].by_age.clone(), view.rooms[1].by_age.len()),
        (vec![(0, 1), (2, 1)], 0)
    );
    let received = |view: &NurseryView, at: usize| match view.children[at].state {
        ChildState::InCare { received, .. } => received,
        ref other => panic!("{other:?}"),
    };
    assert!(!received(&view, 0) && !received(&view, 1));
    let staff = person(HOSHINO);
    let receive = CareFact::Receive { child: child(HANA), staff };
    assert_eq!(site.care(receive.clone()).0.len(), 1);
    assert_eq!(site.care(receive), (Vec::new(), CareAnswer::Done), "twice is once");
    assert!(received(&site.view(), 0));
    let moving = CareFact::Move { child: child(HARU), room: room(2), staff };
    assert_eq!(site.care(moving).1, CareAnswer::Done);
    assert_eq!(site.view().rooms[1].by_age, [(2, 1)]);
    let nowhere = CareFact::Move { child: child(HARU), room: room(9), staff };
    assert_eq!(site.care(nowhere).1, CareAnswer::NotDone(NotDone::NoSuchRoom));

    let (events, answer) = site.hand_over(HANA, card(1));
    assert_eq!(answer, CareAnswer::Done);
    let credential = CredentialId(Uuid::from_u128(1));
    let handed = CareEvent::HandedOver {
        child: child(HANA),
        to: CollectsAs::Guardian(person(MOTHER)),
        by: Claimed::Card { credential },
        staff,
        telephoned: false,
    };
    assert_eq!(events, [handed]);
    let view = site.view();
    assert_eq!(view.now.children, 1);
    assert!(view.children.iter().any(|one| matches!(one.state, ChildState::Collected { .. })));
    assert_eq!(site.hand_over(HANA, card(1)).1, CareAnswer::NotDone(NotDone::NotInCare));
    assert_eq!(site.bring(HANA, MOTHER).1, not_taken(NotTakenIn::NotBooked), "that care is over");
}

#[test]
fn a_child_is_taken_from_whoever_may_bring_it_and_when_it_is_well() {
    let mut site = Site::open();
    for (fact, why) in [
        (dropping(HANA, Some(2), None, check(366)), NotTakenIn::NotTheirs),
        (dropping(HANA, None, Some(41), check(366)), NotTakenIn::NotTheirs),
        (dropping(9, Some(MOTHER), None, check(366)), NotTakenIn::NotBooked),
        (dropping(HANA, Some(MOTHER), None, check(375)), NotTakenIn::Fever),
    ] {
        let (events, answer) = site.care(fact);
        assert_eq!(answer, not_taken(why));
        assert!(matches!(events[..], [CareEvent::DropOffRefused { .. }]), "{events:?}");
    }
    let unwell = HealthCheck { unwell: true, ..check(366) };
    let at_kiosk = dropping(HANA, Some(MOTHER), None, unwell.clone());
    assert_eq!(site.care(at_kiosk).1, not_taken(NotTakenIn::StaffLookFirst));
    assert_eq!(site.care(dropping(HANA, None, Some(HOSHINO), unwell)).1, CareAnswer::Done);
    assert_eq!(site.bring(HANA, MOTHER), (Vec::new(), not_taken(NotTakenIn::Here)));
    site.at_minute(256);
    assert_eq!(site.bring(HARU, MOTHER).1, not_taken(NotTakenIn::Over));
}

#[test]
fn nobody_is_taken_whom_the_staff_at_hand_cannot_look_after() {
    let mut site = Site::with(plan());
    // Both have a shift, and neither has come.
    assert_eq!(site.bring(HANA, MOTHER).1, not_taken(NotTakenIn::NoRoom));
    site.caregiver(1, CaregiverState::Here);
    assert_eq!(site.bring(HANA, MOTHER).1, not_taken(NotTakenIn::NoRoom), "two are the least");
    site.caregiver(2, CaregiverState::Here);
    assert_eq!(site.bring(HANA, MOTHER).1, CareAnswer::Done);
    // Before its time a child is taken where that is no trouble.
    let mut early = plan();
    let later = |claim: &mut SheetCareClaim| claim.when = minutes(30, 255);
    early.care.as_mut().unwrap().claims.iter_mut().for_each(later);
    let mut site = Site::with(early);
    let opens = Some(minute(15));
    let too_early = |opens| CareAnswer::NotTaken { why: NotTakenIn::TooEarly, opens };
    assert_eq!(site.bring(HANA, MOTHER).1, too_early(opens));
    site.at_minute(16);
    assert_eq!(site.bring(HANA, MOTHER).1, too_early(Some(minute(30))));
    site.caregiver(1, CaregiverState::Here);
    site.caregiver(2, CaregiverState::Here);
    assert_eq!(site.bring(HANA, MOTHER).1, CareAnswer::Done);
}

#[test]
fn a_stranger_gets_no_child_and_a_bar_beats_every_list() {
    let mut site = Site::open();
    site.bring(HANA, MOTHER);
    let staff = person(HOSHINO);
    let grandmother = CollectsAs::Named(collector(GRANDMOTHER));
    let pin = |who, right| Shown::Pin { who, right };
    let not = NotHandedOver::NotCollecting;
    for (shown, why, who) in [
        (card(2), not(NotCollecting::Stranger), Some(Claimer::Account(person(2)))),
        (card(3), not(NotCollecting::Barred), Some(Claimer::Account(person(UNCLE)))),
        (Shown::Card(Some(plain_card(500))), NotHandedOver::UnknownCard, None),
        (card(99), NotHandedOver::UnknownCard, None),
        (Shown::Card(None), NotHandedOver::UnknownCard, None),
        (Shown::Voucher(None), NotHandedOver::UnreadableVoucher, None),
        (Shown::Nothing, NotHandedOver::ShowedNothing, None),
        (pin(grandmother, false), NotHandedOver::WrongPin, Some(grandmother.into())),
        (
            pin(CollectsAs::Named(collector(5)), true),
            not(NotCollecting::Stranger),
            Some(Claimer::Named(collector(5))),
        ),
        (
            Shown::Voucher(Some(Box::new(voucher(booking(7, MOTHER, &[(1, 0, 60)]), 0)))),
            not(NotCollecting::Stranger),
            Some(Claimer::Account(person(MOTHER))),
        ),
    ] {
        let (events, answer) = site.hand_over(HANA, shown.clone());
        assert_eq!(answer, CareAnswer::NotHandedOver(why), "{shown:?}");
        let refused = CareEvent::HandOverRefused { child: child(HANA), why, who, staff };
        assert_eq!(events, [refused]);
        assert_eq!(site.view().now.children, 1);
    }
    // Whoever signed in elsewhere does not hand over children here.
    let (child, shown) = (child(HANA), card(1));
    let (staff, confirmed, telephoned) = (person(41), true, false);
    let elsewhere = CareFact::HandOver { child, shown, staff, confirmed, telephoned };
    assert_eq!(site.care(elsewhere), (Vec::new(), CareAnswer::NotDone(NotDone::NotTheirs)));
    let voucher = voucher(booking(1, MOTHER, &[(1, 15, 240)]), 0);
    let (events, _) = site.hand_over(HANA, Shown::Voucher(Some(Box::new(voucher))));
    assert!(matches!(events[..], [CareEvent::HandedOver { by: Claimed::Voucher, .. }]));
}

#[test]
fn a_pin_is_not_guessed() {
    let mut site = Site::open();
    site.bring(HANA, MOTHER);
    let who = CollectsAs::Named(collector(GRANDMOTHER));
    let pin = |right| Shown::Pin { who, right };
    let of = PinOf::Collector(collector(GRANDMOTHER));
    assert!(matches!(site.twin.check_pin(at(1), of), twin::CodeCheck::Pin(_)));
    let said = |site: &mut Site, right| site.hand_over(HANA, pin(right)).1;
    let wrong = CareAnswer::NotHandedOver(NotHandedOver::WrongPin);
    let paused = CareAnswer::NotHandedOver(NotHandedOver::PinPaused);
    assert_eq!(said(&mut site, false), wrong);
    assert_eq!(said(&mut site, false), wrong);
    assert_eq!(said(&mut site, false), paused);
    assert_eq!(said(&mut site, true), paused, "the right one too");
    assert_eq!(site.twin.check_pin(at(site.second), of), twin::CodeCheck::Paused);
    site.pass(5 * 60 + 1);
    assert_eq!(said(&mut site, true), CareAnswer::Done);
}

#[test]
fn with_an_old_sheet_a_guardian_is_telephoned_first() {
    let mut site = Site::open();
    site.bring(HANA, MOTHER);
    site.at_minute(4 * 60 - 1);
    site.decide(Fact::Care(CareFact::SheetIsNewest));
    site.at_minute(4 * 60 + 10);
    assert_eq!(site.hand_over(HANA, card(2)).0.len(), 1, "a stranger is refused all the same");
    site.at_minute(8 * 60);
    let heard = minute(4 * 60 - 1);
    assert_eq!(site.hand_over(HANA, card(1)), (Vec::new(), CareAnswer::TelephoneFirst(heard)));
    let (child, staff, telephoned) = (child(HANA), person(HOSHINO), true);
    let asked =
        CareFact::HandOver { child, shown: card(1), staff, confirmed: false, telephoned: false };
    let who = CollectsAs::Guardian(person(MOTHER));
    let may = CareAnswer::MayCollect { who, telephone_since: Some(heard) };
    assert_eq!(site.care(asked), (Vec::new(), may), "who it is, and nothing is done yet");
    let again = CareFact::HandOver { child, shown: card(1), staff, confirmed: true, telephoned };
    let (events, answer) = site.care(again);
    assert_eq!(answer, CareAnswer::Done);
    assert!(matches!(events[..], [CareEvent::HandedOver { telephoned: true, .. }]));
}

#[test]
fn a_caregiver_who_leaves_raises_the_alarm_within_a_second() {
    let mut site = Site::open();
    site.bring(HANA, MOTHER);
    assert_eq!(site.alarms(), []);
    site.caregiver(2, CaregiverState::OnBreak);
    let events = site.pass(1);
    let what = Lacking::LiveStaff;
    let short = CareAlarm::Short { nursery: nursery(), what, have: 1, need: 2 };
    assert!(events.contains(&CareEvent::AlarmRaised { alarm: short.clone() }), "{events:?}");
    assert!(!events.iter().any(|event| matches!(event, CareEvent::AlarmOver { .. })));
    let view = site.view();
    assert_eq!(view.now, Count { children: 1, staff: 1, need: 2 });
    let alarm = view.alarms.iter().find(|one| one.alarm == short).unwrap();
    assert_eq!(alarm.ask, [shift(2), shift(3)], "who is on a break, and who comes later");
    assert_eq!(site.pass(1), [], "it is raised once");
    site.caregiver(2, CaregiverState::Here);
    assert!(site.pass(1).contains(&CareEvent::AlarmOver { alarm: short }));
    assert_eq!(site.alarms(), []);
}

#[test]
fn what_the_roster_lacks_is_told_before_its_time() {
    let mut sheet = plan();
    let nurseries = &mut sheet.care.as_mut().unwrap().nurseries;
    nurseries[0].shifts[0].shift.breaks = vec![minutes(125, 165)];
    let mut site = Site::with(sheet);
    site.caregiver(1, CaregiverState::Here);
    site.caregiver(2, CaregiverState::Here);
    site.bring(HANA, MOTHER);
    site.bring(HARU, MOTHER);
    // One of two has a break then.
    let (from, until) = (minute(125), minute(165));
    let (nursery, what) = (nursery(), Lacking::LiveStaff);
    let soon = CareAlarm::ShortSoon { nursery, what, from, until, have: 1, need: 2 };
    assert!(site.at_minute(6).contains(&CareEvent::AlarmRaised { alarm: soon.clone() }));
    let view = site.view();
    let quarter = |minutes: i64| {
        let found = view.quarters.iter().find(|one| one.from == minute(minutes));
        let one = found.unwrap();
        (one.count, one.short)
    };
    assert_eq!(quarter(105), (Count { children: 2, staff: 2, need: 2 }, false));
    assert_eq!(quarter(120), (Count { children: 2, staff: 1, need: 2 }, true));
    assert_eq!(quarter(165), (Count { children: 2, staff: 2, need: 2 }, false));
    assert_eq!(view.quarters.last().unwrap().from, minute(240));
    assert_eq!(view.alarms[0].ask, [shift(1), shift(3)]);
    // Somebody else comes for the time of the break.
    site.caregiver(3, CaregiverState::Here);
    assert!(site.pass(1).contains(&CareEvent::AlarmOver { alarm: soon }));
}

#[test]
fn whoever_does_not_come_to_their_shift_is_not_counted_on() {
    let mut site = Site::with(plan());
    site.caregiver(1, CaregiverState::Here);
    assert!(!site.view().quarters[0].short, "the second is expected any minute");
    site.at_minute(11);
    assert_eq!(site.view().quarters[0].count.staff, 1);
    assert!(site.view().quarters[0].short);
    site.caregiver(2, CaregiverState::Here);
    // Whoever forgets to say that they go is not counted for ever.
    site.at_minute(314);
    assert_eq!(site.view().now.staff, 2);
    site.at_minute(316);
    assert_eq!(site.view().now.staff, 0);
}

#[test]
fn a_child_that_is_not_collected_is_pointed_out_before_and_after() {
    let mut site = Site::open();
    site.bring(HANA, MOTHER);
    let child = child(HANA);
    site.at_minute(239);
    assert!(!site.alarms().contains(&CareAlarm::Due { child }));
    site.at_minute(240);
    assert!(site.alarms().contains(&CareAlarm::Due { child }));
    site.at_minute(255);
    let alarms = site.alarms();
    assert!(alarms.contains(&CareAlarm::Late { child }), "{alarms:?}");
    assert!(!alarms.contains(&CareAlarm::Due { child }));
    site.decide(Fact::Care(CareFact::SheetIsNewest));
    site.hand_over(HANA, card(1));
    site.pass(1);
    assert_eq!(site.alarms(), []);
}

#[test]
fn a_sleeping_child_is_looked_at_by_its_age() {
    let mut site = Site::open();
    site.bring(HANA, MOTHER);
    site.bring(HARU, MOTHER);
    let staff = person(HOSHINO);
    let note = |who, kind| CareFact::Note { child: child(who), kind, sealed: None, staff };
    let due = |site: &Site, who| site.alarms().contains(&CareAlarm::NapCheck { child: child(who) });
    for who in [HANA, HARU] {
        assert_eq!(site.care(note(who, NoteKind::NapBegins)).1, CareAnswer::Done);
    }
    site.pass(299);
    assert!(!due(&site, HANA));
    site.pass(1);
    assert!(due(&site, HANA), "every five minutes below one");
    assert!(!due(&site, HARU));
    site.care(note(HANA, NoteKind::NapCheck));
    site.pass(1);
    assert!(!due(&site, HANA));
    site.pass(300);
    assert!(due(&site, HANA) && due(&site, HARU), "every ten below three");
    for who in [HANA, HARU] {
        site.care(note(who, NoteKind::NapEnds));
    }
    site.pass(1_200);
    assert_eq!(
        site.alarms().iter().filter(|one| matches!(one, CareAlarm::NapCheck { .. })).count(),
        0
    );
    let (child, kind) = (ChildId(Uuid::from_u128(9)), NoteKind::Meal);
    let unknown = CareFact::Note { child, kind, sealed: Some(sealed()), staff };
    assert_eq!(site.care(unknown).1, CareAnswer::NotDone(NotDone::NotTheirs));
}

#[test]
fn whoever_goes_out_without_their_child_is_told_and_so_is_the_nursery() {
    let mut site = Site::open();
    let tap = |number, new| Fact::Tap {
        reader: id("kiosk"),
        card: plain_card(number),
        visit: visit(new),
    };
    let comes = site.decide(tap(1, 7));
    assert_eq!(comes.guest, Some(person(MOTHER)));
    site.bring(HANA, MOTHER);
    let leave = |going| Fact::Leave { reader: id("kiosk"), visit: visit(7), going };
    let child = child(HANA);
    let out = CareAlarm::GuardianOut { child };
    let (visit, person, children) = (visit(7), person(MOTHER), vec![child]);
    let went = CareEvent::WentOut { visit, person, children };
    assert_eq!(care_of(&site.decide(leave(Going::BackSoon))), std::slice::from_ref(&went));
    assert!(site.pass(1).contains(&CareEvent::AlarmRaised { alarm: out.clone() }));
    site.pass(10);
    site.decide(tap(1, 8));
    assert!(site.pass(1).contains(&CareEvent::AlarmOver { alarm: out.clone() }), "she is back");
    let leaves = site.decide(leave(Going::ForGood));
    assert_eq!(care_of(&leaves), [went]);
    site.pass(1);
    assert_eq!(site.alarms(), std::slice::from_ref(&out));
    site.pass(60);
    // Without a desk any more she is let in to collect it, and is in reach again.
    let back = site.decide(tap(1, 9));
    assert!(site.pass(1).contains(&CareEvent::AlarmOver { alarm: out }));
    assert_eq!(back.answer, Some(Answer::Care(CareAnswer::LetIn(Language::Ja))));
    assert!(back.effects.contains(&Effect::Unlock { door: id("door-1"), visit: None }));
    assert!(matches!(care_of(&back)[..], [CareEvent::LetIn { .. }]));
    site.hand_over(HANA, card(1));
    site.at_minute(256);
    assert!(matches!(site.decide(tap(1, 10)).answer, Some(Answer::Refused { .. })));
}

#[test]
fn somebody_s_children_at_the_door_are_theirs_alone() {
    let mut site = Site::open();
    let at_door = |site: &Site, who| site.twin.children_of(at(site.second).now, person(who));
    let due = There::Due { until: minute(255) };
    let there: Vec<_> = at_door(&site, MOTHER).iter().map(|one| (one.child, one.there)).collect();
    assert_eq!(there, [(child(HARU), due), (child(HANA), due)], "the oldest first");
    assert_eq!(at_door(&site, 2), []);
    assert_eq!(at_door(&site, UNCLE), []);
    site.bring(HANA, MOTHER);
    let in_care = There::InCare { until: minute(255) };
    assert_eq!(at_door(&site, MOTHER)[1].there, in_care);
    let mut far = plan();
    far.care.as_mut().unwrap().nurseries[0].nursery.walking_minutes = 5;
    let site = Site::with(far);
    assert_eq!(at_door(&site, MOTHER), [], "another building has a door of its own");
}

#[test]
fn whoever_is_barred_is_not_let_in_for_a_child_that_they_booked_care_for() {
    let mut sheet = plan();
    sheet.bookings[0].person = person(UNCLE);
    let mut site = Site::with(sheet);
    site.caregiver(1, CaregiverState::Here);
    site.caregiver(2, CaregiverState::Here);
    assert_eq!(site.bring(HANA, UNCLE).1, not_taken(NotTakenIn::NotTheirs));
    assert_eq!(site.bring(HANA, MOTHER).1, CareAnswer::Done);
    assert_eq!(site.twin.children_of(at(site.second).now, person(UNCLE)), []);
    // After their desk's time they have nothing to come for.
    site.at_minute(241);
    let (reader, card, visit) = (id("kiosk"), plain_card(3), visit(9));
    let tap = site.decide(Fact::Tap { reader, card, visit });
    assert!(matches!(tap.answer, Some(Answer::Refused { .. })), "{tap:?}");
    assert_eq!(tap.effects, []);
}

#[test]
fn a_shift_that_ends_with_the_care_raises_one_alarm_and_no_more() {
    let mut sheet = plan();
    let care = sheet.care.as_mut().unwrap();
    care.nurseries[0].shifts.truncate(2);
    for one in &mut care.nurseries[0].shifts {
        one.shift.when = minutes(0, 255);
    }
    let mut site = Site::with(sheet);
    site.caregiver(1, CaregiverState::Here);
    site.caregiver(2, CaregiverState::Here);
    site.bring(HANA, MOTHER);
    site.care(CareFact::Receive { child: child(HANA), staff: person(HOSHINO) });
    let mut events = Vec::new();
    for _ in 0..(270 * 6) {
        events.extend(site.pass(10));
    }
    let raised = events.iter().filter(|one| matches!(one, CareEvent::AlarmRaised { .. })).count();
    assert!(raised <= 12, "{raised}: {events:?}");
    // A warning of something is not taken back before it is so.
    let short = |one: &CareAlarm| matches!(one, CareAlarm::Short { .. });
    let late = |one: &CareAlarm| matches!(one, CareAlarm::Late { .. });
    assert!(site.alarms().iter().any(late) && site.alarms().iter().any(short));
}

#[test]
fn whoever_has_two_shifts_is_one_person() {
    let mut sheet = plan();
    let nursery = &mut sheet.care.as_mut().unwrap().nurseries[0];
    nursery.shifts[0].shift.when = minutes(0, 120);
    nursery.shifts[2].shift.when = minutes(120, 300);
    nursery.shifts[2].caregiver = nursery.shifts[0].caregiver.clone();
    let mut site = Site::with(sheet);
    site.caregiver(1, CaregiverState::Here);
    site.caregiver(3, CaregiverState::Here);
    assert_eq!(site.view().now.staff, 1);
    assert_eq!(site.view().quarters[0].count.staff, 2, "and the other, who is expected");
    assert_eq!(site.bring(HANA, MOTHER).1, not_taken(NotTakenIn::NoRoom));
    site.caregiver(2, CaregiverState::Here);
    assert_eq!(site.view().now.staff, 2);
    assert!(site.view().quarters.iter().all(|one| one.count.staff == 2));
}

#[test]
fn a_sheet_that_says_nothing_of_children_ends_no_alarm() {
    let mut site = Site::open();
    site.bring(HANA, MOTHER);
    site.caregiver(2, CaregiverState::OnBreak);
    site.pass(1);
    let open = site.twin.snapshot().alarms;
    assert!(!open.is_empty());
    let bare = DaySheet { version: 2, care: None, ..plan() };
    site.decide(Fact::Sheet(Box::new(bare)));
    site.pass(60);
    assert_eq!(site.twin.snapshot().alarms, open);
}

#[test]
fn a_child_of_whom_the_sheet_knows_nothing_any_more_comes_off_the_count_by_hand() {
    let mut site = Site::open();
    site.bring(HANA, MOTHER);
    let mut without = plan();
    let care = without.care.as_mut().unwrap();
    care.children.retain(|one| one.id != child(HANA));
    care.claims.retain(|one| one.child != child(HANA));
    site.decide(Fact::Sheet(Box::new(DaySheet { version: 2, ..without })));
    assert_eq!(site.view().now.children, 1);
    let refused = site.hand_over(HANA, card(1)).1;
    assert_eq!(refused, CareAnswer::NotHandedOver(NotHandedOver::NotKnown));
    let (child, staff) = (child(HANA), person(HOSHINO));
    let right = CareFact::PutRight { child, sealed: None, staff };
    assert_eq!(site.care(right.clone()).0, [CareEvent::PutRight { child, why: None, staff }]);
    assert_eq!(site.view().now.children, 0);
    assert_eq!(site.care(right).1, CareAnswer::NotDone(NotDone::NotTheirs));
}

#[test]
fn with_a_clock_in_doubt_a_kiosk_takes_no_child_and_a_guardian_is_telephoned() {
    let mut site = Site::open();
    site.decide(Fact::ClockSet(false));
    assert_eq!(site.bring(HANA, MOTHER).1, not_taken(NotTakenIn::ClockUnset));
    let by_staff = dropping(HANA, None, Some(HOSHINO), check(366));
    assert_eq!(site.care(by_staff).1, CareAnswer::Done);
    assert!(matches!(site.hand_over(HANA, card(1)).1, CareAnswer::TelephoneFirst(_)));
}

#[test]
fn care_that_follows_without_a_gap_goes_on_and_the_next_day_s_does_not() {
    let mut sheet = plan();
    let young = Ages { months: 6, school_year: 0 };
    let day = 24 * 60;
    let care = sheet.care.as_mut().unwrap();
    care.claims.push(SheetCareClaim { booking: booking_id(2), ..claim(HANA, young, 255, 300) });
    care.claims.push(claim(HANA, young, day, day + 60));
    let mut site = Site::with(sheet);
    site.caregiver(1, CaregiverState::Here);
    site.caregiver(2, CaregiverState::Here);
    site.bring(HANA, MOTHER);
    let late = CareAlarm::Late { child: child(HANA) };
    site.at_minute(256);
    assert!(!site.alarms().contains(&late), "it is booked until 300");
    site.at_minute(301);
    assert!(site.alarms().contains(&late));
    site.at_minute(day + 1);
    assert!(site.alarms().contains(&late), "another day's care is none of it");
}

#[test]
fn a_child_that_nobody_takes_over_is_pointed_out() {
    let mut site = Site::open();
    site.bring(HANA, MOTHER);
    let waiting = CareAlarm::Waiting { child: child(HANA) };
    site.pass(299);
    assert!(!site.alarms().contains(&waiting));
    site.pass(2);
    assert!(site.alarms().contains(&waiting));
    site.care(CareFact::Receive { child: child(HANA), staff: person(HOSHINO) });
    site.pass(1);
    assert!(!site.alarms().contains(&waiting));
}

#[test]
fn times_that_nobody_can_reckon_with_do_no_harm() {
    let mut site = Site::open();
    site.bring(HANA, MOTHER);
    for (since, until) in [("-262143-01-01", "+262142-12-31"), ("+262142-12-31", "-262143-01-01")] {
        let time = |day: &str| -> chrono::DateTime<chrono::Utc> {
            format!("{day}T00:00:00Z").parse().unwrap()
        };
        let mut odd = site.twin.snapshot();
        odd.stays[0].since = time(since);
        odd.stays[0].until = time(until);
        odd.caregivers[0].at = time(until);
        let mut mirror = Twin::new();
        mirror.load_sheet(&plan());
        mirror.restore(&odd);
        assert_eq!(mirror.view(at(site.second).now).nurseries[0].now.children, 1);
        let what = Happening::Care(CareEvent::HandedOver {
            child: child(HANA),
            to: CollectsAs::Guardian(person(MOTHER)),
            by: Claimed::Pin,
            staff: person(HOSHINO),
            telephoned: false,
        });
        mirror.apply(&SiteEvent { at: time(until), what });
        assert_eq!(mirror.view(at(site.second).now).nurseries.len(), 1);
    }
}

#[test]
fn the_staff_sign_in_with_card_and_pin() {
    let mut site = Site::open();
    let sign_in = |number: Option<u32>, pin_right| {
        let (reader, card) = (id("staff-1"), number.map(plain_card));
        CareFact::SignIn { reader, card, pin_right }
    };
    let staff = person(HOSHINO);
    assert_eq!(site.care(sign_in(Some(40), true)).1, CareAnswer::SignedIn(staff));
    let not = CareAnswer::NotSignedIn;
    for (card, why) in [(Some(1), NotSignedIn::NotStaff), (None, NotSignedIn::NotStaff)] {
        assert_eq!(site.care(sign_in(card, true)).1, not(why));
    }
    for why in [NotSignedIn::WrongPin, NotSignedIn::WrongPin, NotSignedIn::Paused] {
        let (events, answer) = site.care(sign_in(Some(40), false));
        assert_eq!(answer, not(why));
        assert_eq!(events, [CareEvent::SignedIn { staff, let_in: false }]);
    }
    let paused = site.decide(Fact::Care(sign_in(Some(40), true)));
    assert_eq!(paused.answer, Some(Answer::Care(not(NotSignedIn::Paused))));
    assert_eq!(refusals(&paused), [RefusalKind::CodePaused]);
    let mut plan = plan();
    plan.people.iter_mut().filter(|one| one.id == staff).for_each(|one| one.pin = None);
    let without = Site::with(plan).decide(Fact::Care(sign_in(Some(40), true)));
    assert_eq!(without.answer, Some(Answer::Care(not(NotSignedIn::NoPin))));
    assert_eq!(refusals(&without), [RefusalKind::PinNeeded]);
    let look = |who| CareFact::Look { child: child(who), staff };
    assert_eq!(site.care(look(HANA)).0, [CareEvent::LookedAt { child: child(HANA), staff }]);
    assert_eq!(site.care(look(9)), (Vec::new(), CareAnswer::NotDone(NotDone::NotTheirs)));
}

#[test]
fn a_staff_screen_that_was_guessed_at_lets_a_card_with_a_key_sign_in() {
    let plain = || plain_card(40);
    let keyed = || TappedCard { level: CardLevel::Key, ..plain_card(40) };
    let sign_in = |card, pin_right| {
        let (reader, card) = (id("staff-1"), Some(card));
        CareFact::SignIn { reader, card, pin_right }
    };
    let not = CareAnswer::NotSignedIn;
    let guessed_at = || {
        let mut site = Site::open();
        for minutes in [5, 10, 20] {
            for why in [NotSignedIn::WrongPin, NotSignedIn::WrongPin, NotSignedIn::Paused] {
                let answer = site.care(sign_in(plain(), false)).1;
                assert_eq!(answer, not(why), "before {minutes} minutes");
            }
            site.pass(minutes * 60);
        }
        // One of the nine was forgiven, so that the second of these is the tenth.
        for why in [NotSignedIn::WrongPin, NotSignedIn::Paused] {
            assert_eq!(site.care(sign_in(plain(), false)).1, not(why));
        }
        assert_eq!(site.care(sign_in(plain(), true)).1, not(NotSignedIn::Paused));
        site
    };
    let signed_in = CareAnswer::SignedIn(person(HOSHINO));
    assert_eq!(guessed_at().care(sign_in(keyed(), true)).1, signed_in);
    let mut waits = guessed_at();
    waits.pass(60);
    assert_eq!(waits.care(sign_in(plain(), true)).1, signed_in);
}

#[test]
fn an_ill_child_is_recalled_once_and_a_sheet_without_care_answers_too() {
    let mut site = Site::open();
    site.bring(HANA, MOTHER);
    let staff = person(HOSHINO);
    let recall = || CareFact::Recall { child: child(HANA), sealed: sealed(), staff };
    assert_eq!(site.care(recall()).0.len(), 1);
    assert_eq!(site.care(recall()), (Vec::new(), CareAnswer::Done));
    let recalled = |state| matches!(state, ChildState::InCare { recalled: Some(_), .. });
    assert_eq!(site.view().children.iter().filter(|one| recalled(one.state)).count(), 1);
    let bare = DaySheet { version: 2, care: None, ..plan() };
    let mut site = Site::with(bare);
    assert_eq!(site.bring(HANA, MOTHER).1, not_taken(NotTakenIn::NotBooked));
    assert_eq!(site.hand_over(HANA, card(1)).1, CareAnswer::NotDone(NotDone::NotTheirs));
    assert!(site.twin.view(minute(0)).nurseries.is_empty());
    assert_eq!(site.pass(TimeDelta::hours(1).num_seconds()), []);
}
