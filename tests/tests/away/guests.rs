//! Those who come and go while the hub is away, and what they were answered.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use model::access::RefusalKind;
use model::booking::Booking;
use model::care::day::HealthCheck;
use model::id::{ChildId, VisitId};
use model::interval::Interval;
use wire::nursery::{Claim, StaffAnswer, StaffAsk};
use wire::request::{Answer, Request, Secret, WalkInOffer};

use crate::leave;
use crate::place::{
    CARER, Desk, GUESTS, PARENTS, PIN, Place, Screen, Wanted, card, child_of, next_quarter,
};

/// Guests 1 to here have bookings; those after come without.
const WITH_BOOKINGS: u128 = 20;
/// Guests up to here are known to the site, for they have a booking at the end; those after it knows nothing of.
pub const KNOWN: u128 = 28;
/// How long a booking is.
const LONG: TimeDelta = TimeDelta::hours(3);

/// How many come and go by bookings.
pub const BOOKED: usize = (WITH_BOOKINGS - 1 + PARENTS) as usize;

/// Something that the site said was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Did {
    WalkedIn(VisitId),
    CameIn(VisitId),
    Left(VisitId),
    SteppedOut(VisitId),
    CameBack(VisitId),
    Brought(ChildId),
    Collected(ChildId),
}

/// Somebody who is in.
struct Inside {
    visit: VisitId,
    desk: String,
    until: DateTime<Utc>,
    away: bool,
    child: bool,
    /// What they came with, where the site knows no card of theirs.
    voucher: Option<String>,
}

pub struct Guests {
    pub did: Vec<Did>,
    pub taps: usize,
    pub vouchers: usize,
    /// How often a card was tapped that nobody knows.
    pub strangers: usize,
    /// Where the last one who walked in sits.
    pub walked_in_at: Option<String>,
    /// When the first day's bookings begin.
    begin: DateTime<Utc>,
    /// From then on nobody takes a desk that they are offered: who did before has left at the end.
    quiet_from: DateTime<Utc>,
    inside: BTreeMap<u128, Inside>,
    /// When they last left for good.
    left: BTreeMap<u128, DateTime<Utc>>,
    session: Option<Secret>,
    number: u128,
}

/// Books for all three days: each of those who have bookings one a day, and the parents with their children.
/// Answers when the first of them begin.
pub async fn booked(place: &Place, days: TimeDelta) -> DateTime<Utc> {
    let begin = next_quarter(place.hub.now());
    let mut number = 0;
    for day in 0..days.num_days() {
        for person in (2..=WITH_BOOKINGS).chain(GUESTS + 1..=GUESTS + PARENTS) {
            let when = time_of(begin, day, person);
            let child = Some(child_of(person)).filter(|_| person > GUESTS);
            number += 1;
            let wanted = Wanted { person, when, desk: Desk::Any, child };
            assert!(place.book(number, wanted).await.is_some());
        }
    }
    // Whoever walks in has a booking at the very end: so the site knows their cards.
    for person in WITH_BOOKINGS + 1..=KNOWN {
        let starts = begin + days - TimeDelta::minutes(90);
        let when = Interval::new(starts, starts + TimeDelta::hours(1)).unwrap();
        number += 1;
        let wanted = Wanted { person, when, desk: Desk::Any, child: None };
        assert!(place.book(number, wanted).await.is_some());
    }
    begin
}

/// When somebody with bookings has theirs on a day.
fn time_of(begin: DateTime<Utc>, day: i64, person: u128) -> Interval {
    let hours = i64::try_from(person * 5 % 20).unwrap();
    let starts = begin + TimeDelta::days(day) + TimeDelta::hours(hours);
    Interval::new(starts, starts + LONG).unwrap()
}

impl Guests {
    pub fn new(begin: DateTime<Utc>, days: TimeDelta) -> Self {
        Self {
            begin,
            quiet_from: begin + days - TimeDelta::hours(13),
            did: Vec::new(),
            taps: 0,
            vouchers: 0,
            strangers: 0,
            walked_in_at: None,
            inside: BTreeMap::new(),
            left: BTreeMap::new(),
            session: None,
            number: 0x5000,
        }
    }

    pub async fn staff_come(&mut self, staff: &Screen) {
        let (card, pin) = (card(CARER), Secret(PIN.to_owned()));
        match staff.ask(&Request::StaffIn { card, pin }).await {
            Answer::Staff(StaffAnswer::SignedIn { session, .. }) => self.session = Some(session),
            other => panic!("{other:?}"),
        }
    }

    /// What comes next in the round of a day.
    pub async fn do_something(
        &mut self,
        place: &Place,
        kiosk: &Screen,
        staff: &Screen,
        step: u128,
    ) {
        let now = place.hub.now();
        let due: Vec<u128> = (self.inside.iter())
            .filter(|(_, inside)| inside.until <= now + TimeDelta::minutes(10))
            .map(|(person, _)| *person)
            .collect();
        for person in due {
            self.goes(place, kiosk, staff, person).await;
        }
        let known = WITH_BOOKINGS + 1..=KNOWN;
        let unknown = KNOWN + 1..=GUESTS;
        match step % 6 {
            0 | 2 => {
                // Those whose time it is, and three who come in vain.
                let in_vain = (step / 6) % 6;
                for person in 2..=WITH_BOOKINGS {
                    if self.is_theirs(person, now) || person % 6 == in_vain {
                        self.comes_to_their_time(kiosk, person, now).await;
                    }
                }
            }
            1 => {
                for person in GUESTS + 1..=GUESTS + PARENTS {
                    self.comes_to_their_time(kiosk, person, now).await;
                }
            }
            3 => {
                let person = known.into_iter().find(|person| !self.inside.contains_key(person));
                if let Some(person) = person {
                    let takes = !step.is_multiple_of(5) && now < self.quiet_from;
                    self.walks_in(kiosk, person, takes).await;
                }
            }
            4 => {
                let person = unknown.into_iter().find(|person| !self.inside.contains_key(person));
                if let Some(person) = person {
                    self.shows_voucher(place, kiosk, person).await;
                }
            }
            _ => {
                self.taps += 1;
                self.strangers += 1;
                let refused = kiosk.tap(250).await;
                assert!(
                    matches!(refused, Answer::Refused { why: RefusalKind::UnknownCard, .. }),
                    "{refused:?}"
                );
                let out = self.inside.iter().find(|(_, inside)| !inside.away && !inside.child);
                if let Some((&person, inside)) = out {
                    let visit = inside.visit;
                    self.steps_out(place, kiosk, person, visit).await;
                }
            }
        }
    }

    /// Everybody goes, at the end.
    pub async fn all_leave(&mut self, place: &Place, kiosk: &Screen, staff: &Screen) {
        let people: Vec<u128> = self.inside.keys().copied().collect();
        for person in people {
            self.goes(place, kiosk, staff, person).await;
        }
    }

    /// Whether a booking of theirs is for now, and they have not left for good since it began.
    fn is_theirs(&self, person: u128, now: DateTime<Utc>) -> bool {
        let mut days = (0..3).map(|day| time_of(self.begin, day, person));
        days.any(|when| {
            let left = self.left.get(&person).is_some_and(|left| when.starts() <= *left);
            when.contains(now) && !left
        })
    }

    /// Whoever's time it is is let in, every time.
    async fn comes_to_their_time(&mut self, kiosk: &Screen, person: u128, now: DateTime<Utc>) {
        self.comes(kiosk, person).await;
        let is_in = self.inside.get(&person).is_some_and(|inside| !inside.away);
        assert!(is_in || !self.is_theirs(person, now), "{person} is kept out at {now}");
    }

    pub async fn comes(&mut self, kiosk: &Screen, person: u128) {
        if self.inside.get(&person).is_some_and(|inside| !inside.away) {
            return;
        }
        match self.shows(kiosk, person).await {
            Answer::Welcome { visit, space, until, door_open: true, care, .. } => {
                self.came(person, visit, space, until);
                let Some(door) = care else { return };
                for child in door.children.iter().map(|child| child.child) {
                    let check = HealthCheck {
                        temperature: Some(366),
                        unwell: false,
                        remarks: String::new(),
                    };
                    let bring = Request::DropOff { ticket: door.ticket, child, check };
                    if let Answer::DroppedOff { .. } = kiosk.ask(&bring).await {
                        self.did.push(Did::Brought(child));
                        self.inside.get_mut(&person).unwrap().child = true;
                    }
                }
            }
            Answer::Refused { offer: Some(offer), .. } => declines(kiosk, &offer).await,
            Answer::Refused {
                why: RefusalKind::NoBooking | RefusalKind::TooEarly | RefusalKind::LeftForGood,
                ..
            } => {}
            other => panic!("{person}: {other:?}"),
        }
    }

    /// Holds their card to the reader, or shows the voucher that they came with.
    async fn shows(&mut self, kiosk: &Screen, person: u128) -> Answer {
        if let Some(text) = self.inside.get(&person).and_then(|inside| inside.voucher.clone()) {
            return kiosk.ask(&Request::Voucher { text: Secret(text) }).await;
        }
        self.taps += 1;
        kiosk.tap(person).await
    }

    fn came(&mut self, person: u128, visit: VisitId, desk: String, until: DateTime<Utc>) {
        match self.inside.get_mut(&person) {
            Some(inside) => {
                assert_eq!(inside.visit, visit, "they are in with one visit");
                assert_eq!(inside.desk, desk, "and sit where they sat");
                inside.away = false;
                self.did.push(Did::CameBack(visit));
            }
            None => {
                assert_eq!(self.at(&desk), None, "{person} is sent to where somebody sits");
                self.did.push(Did::CameIn(visit));
                let (away, child, voucher) = (false, false, None);
                self.inside.insert(person, Inside { visit, desk, until, away, child, voucher });
            }
        }
    }

    /// Who sits at a desk.
    pub fn at(&self, desk: &str) -> Option<u128> {
        self.inside.iter().find(|(_, inside)| inside.desk == desk).map(|(person, _)| *person)
    }

    /// Where somebody sits.
    pub fn desk_of(&self, person: u128) -> Option<&str> {
        self.inside.get(&person).map(|inside| inside.desk.as_str())
    }

    pub async fn walks_in(&mut self, kiosk: &Screen, person: u128, takes: bool) {
        self.taps += 1;
        match kiosk.tap(person).await {
            Answer::Refused { offer: Some(offer), .. } if takes => {
                self.takes(kiosk, person, &offer).await;
            }
            Answer::Refused { offer: Some(offer), .. } => declines(kiosk, &offer).await,
            // They come for their booking at last.
            Answer::Welcome { visit, space, until, door_open: true, .. } => {
                self.came(person, visit, space, until)
            }
            // All that is kept is given away.
            Answer::Refused {
                why: RefusalKind::NoBooking | RefusalKind::LeftForGood | RefusalKind::TooEarly,
                ..
            } => {}
            other => panic!("{person}: {other:?}"),
        }
    }

    /// Takes the desk that they were offered.
    pub async fn takes(&mut self, kiosk: &Screen, person: u128, offer: &WalkInOffer) {
        let visit = offer.visit;
        match kiosk.ask(&Request::WalkIn { visit, takes: true }).await {
            Answer::Welcome { visit: given, space, until, door_open: true, .. } => {
                assert_eq!((given, &space), (visit, &offer.space));
                self.did.push(Did::WalkedIn(visit));
                self.walked_in_at = Some(space.clone());
                self.came(person, visit, space, until);
            }
            other => panic!("{other:?}"),
        }
    }

    /// Books at the hub, which the site cannot hear of, and shows the voucher.
    async fn shows_voucher(&mut self, place: &Place, kiosk: &Screen, person: u128) {
        let starts = next_quarter(place.hub.now()) - TimeDelta::minutes(15);
        let when = Interval::new(starts, starts + TimeDelta::hours(1)).unwrap();
        self.number += 1;
        let wanted = Wanted { person, when, desk: Desk::Any, child: None };
        let Some(booking) = place.book(self.number, wanted).await else { return };
        let shown = self.comes_with_voucher(place, kiosk, &booking).await;
        assert_eq!(shown, Ok(()), "{person}");
    }

    /// Shows the voucher of a booking of theirs; whoever is turned away is told why.
    pub async fn comes_with_voucher(
        &mut self,
        place: &Place,
        kiosk: &Screen,
        booking: &Booking,
    ) -> Result<(), RefusalKind> {
        let (hub, person) = (&place.hub, booking.person.0.as_u128());
        let centre = place.centre().await;
        let issued = hub::service::voucher::issue(hub, &centre, booking, None, hub.now()).await;
        let Ok(voucher) = issued.unwrap() else { panic!("no voucher") };
        match kiosk.ask(&Request::Voucher { text: Secret(voucher.text.clone()) }).await {
            Answer::Welcome { visit, space, until, door_open: true, .. } => {
                self.vouchers += 1;
                self.came(person, visit, space, until);
                self.inside.get_mut(&person).unwrap().voucher = Some(voucher.text);
                Ok(())
            }
            Answer::Refused { why, offer: None, .. } => Err(why),
            other => panic!("{person}: {other:?}"),
        }
    }

    /// One of those who walked in goes early, and not whoever sits at `but`.
    pub async fn makes_room(&mut self, place: &Place, kiosk: &Screen, staff: &Screen, but: &str) {
        let mut walked_in = self.inside.range(WITH_BOOKINGS + 1..=KNOWN);
        let person = walked_in.find(|(_, inside)| inside.desk != but).map(|(person, _)| *person);
        self.goes(place, kiosk, staff, person.unwrap()).await;
    }

    /// Whoever sits at a desk is asked whether they leave, and stays.
    pub async fn still_sits(&mut self, place: &Place, kiosk: &Screen, desk: &str) {
        let person = self.at(desk).unwrap();
        if self.inside[&person].away {
            self.comes(kiosk, person).await;
        }
        let visit = self.asked_whether_they_leave(place, kiosk, person).await;
        let stays = Request::Leave { visit, leaving: false, back_soon: false };
        let answer = kiosk.ask(&stays).await;
        assert!(matches!(&answer, Answer::Welcome { space, .. } if space == desk), "{answer:?}");
    }

    async fn steps_out(&mut self, place: &Place, kiosk: &Screen, person: u128, visit: VisitId) {
        self.asked_whether_they_leave(place, kiosk, person).await;
        let answer = kiosk.ask(&leave(visit, false)).await;
        assert!(matches!(answer, Answer::SeeYouSoon { door_open: true, .. }), "{answer:?}");
        self.did.push(Did::SteppedOut(visit));
        self.inside.get_mut(&person).unwrap().away = true;
    }

    async fn goes(&mut self, place: &Place, kiosk: &Screen, staff: &Screen, person: u128) {
        if self.inside[&person].away {
            self.comes(kiosk, person).await;
        }
        if self.inside[&person].child {
            let (child, session) = (child_of(person), self.session.clone().unwrap());
            let claim = Claim::Card { card: card(person) };
            // Nothing newer was heard for more than four hours: a guardian is telephoned first.
            let wants = StaffAsk::HandOver { child, claim, confirmed: true, telephoned: true };
            match staff.ask(&Request::Staff { session, wants }).await {
                Answer::Staff(StaffAnswer::Done) => self.did.push(Did::Collected(child)),
                other => panic!("{person}: {other:?}"),
            }
        }
        let visit = self.asked_whether_they_leave(place, kiosk, person).await;
        let answer = kiosk.ask(&leave(visit, true)).await;
        assert!(matches!(answer, Answer::Goodbye { in_care: 0, .. }), "{person}: {answer:?}");
        self.did.push(Did::Left(visit));
        self.left.insert(person, place.hub.now());
        self.inside.remove(&person);
    }

    async fn asked_whether_they_leave(
        &mut self,
        place: &Place,
        kiosk: &Screen,
        person: u128,
    ) -> VisitId {
        // Longer than what counts as the same tap.
        place.clock.advance(TimeDelta::seconds(6));
        match self.shows(kiosk, person).await {
            Answer::AskLeaving { visit, space, .. } => {
                let inside = &self.inside[&person];
                assert_eq!((visit, &space), (inside.visit, &inside.desk), "{person}");
                visit
            }
            other => panic!("{person}: {other:?}"),
        }
    }
}

async fn declines(kiosk: &Screen, offer: &WalkInOffer) {
    let answer = kiosk.ask(&Request::WalkIn { visit: offer.visit, takes: false }).await;
    assert!(matches!(answer, Answer::Refused { .. }), "{answer:?}");
}
