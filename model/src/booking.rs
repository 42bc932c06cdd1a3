//! Bookings: what is asked for, what may be asked for, and what stands.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::care::age::Ages;
use crate::centre::Centre;
use crate::feature::Features;
use crate::id::{
    BookingId, CentreId, ChildId, ClaimId, EmployerId, NurseryId, PersonId, RoomId, SeriesId,
    SpaceId,
};
use crate::interval::Interval;
use crate::opening;

/// All the desk and care claims that stand or fall together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booking {
    /// Its id.
    pub id: BookingId,
    /// Whose it is.
    pub person: PersonId,
    /// Where.
    pub centre: CentreId,
    /// What a guest without a card types in.
    pub code: BookingCode,
    /// Whether it stands.
    pub status: BookingStatus,
    /// The desks it holds, by start.
    pub desks: Vec<DeskClaim>,
    /// The care places it holds, by start.
    pub care: Vec<CareClaim>,
    /// What its desks must be like.
    pub needs: DeskNeeds,
    /// When it ends by itself, while it is held or asked for.
    pub lapses_at: Option<DateTime<Utc>>,
    /// Who still has to agree to it, while it is asked for.
    #[serde(default)]
    pub awaits: Approvals,
    /// The rule that made it, with others.
    pub series: Option<SeriesId>,
    /// Who pays for it, and therefore sees it.
    pub on_account_of: Option<EmployerId>,
    /// The revision of the prices it was made under.
    pub tariff_rev: u32,
    /// The revision of the rules it was made under.
    pub rule_rev: u32,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// How many stretches it has had at most: calendars know each by its number.
    #[serde(default)]
    pub most: Stretches,
    /// Rises by one with every change.
    pub version: u32,
}

impl Booking {
    /// From the first start to the last end of what it holds or held.
    #[must_use]
    pub fn span(&self) -> Option<Interval> {
        let claims = || self.desks.iter().map(|c| c.when).chain(self.care.iter().map(|c| c.when));
        let starts = claims().map(|when| when.starts()).min()?;
        let ends = claims().map(|when| when.ends()).max()?;
        Interval::new(starts, ends).ok()
    }

    /// The stretches that it still holds at the time `at` and that are not over, by start. Care goes with its desk;
    /// where that is over before it, it is a stretch of its own.
    #[must_use]
    pub fn to_come(&self, at: DateTime<Utc>) -> Vec<Interval> {
        let held = |when: Interval, gone: Option<DateTime<Utc>>| {
            (gone.is_none() && at < when.ends()).then_some(when)
        };
        slots_of(
            self.desks.iter().filter_map(|claim| held(claim.when, claim.released_at)),
            self.care.iter().filter_map(|claim| held(claim.when, claim.released_at)),
        )
    }
}

/// The stretches that claims were made for: those of the desks, and of care that goes with none of them; by start.
#[must_use]
pub fn slots_of(
    desks: impl IntoIterator<Item = Interval>,
    care: impl IntoIterator<Item = Interval>,
) -> Vec<Interval> {
    let mut slots: Vec<Interval> = desks.into_iter().collect();
    let with_desk = slots.len();
    slots.extend(care);
    let (desks, care) = slots.split_at(with_desk);
    let alone = care.iter().filter(|care| !desks.iter().any(|desk| desk.overlaps(care)));
    let mut slots: Vec<Interval> = desks.iter().chain(alone).copied().collect();
    slots.sort();
    slots.dedup();
    slots
}

/// How many stretches of each kind there are: desks, or children, from the same start on are one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretches {
    /// Of desks.
    pub desks: u32,
    /// Of care.
    pub care: u32,
}

impl Stretches {
    /// Those of some claims, given free or not.
    #[must_use]
    pub fn of(desks: &[DeskClaim], care: &[CareClaim]) -> Self {
        let count = |starts: BTreeSet<DateTime<Utc>>| starts.len().try_into().unwrap_or(u32::MAX);
        Self {
            desks: count(desks.iter().map(|claim| claim.when.starts()).collect()),
            care: count(care.iter().map(|claim| claim.when.starts()).collect()),
        }
    }

    /// The greater of each.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { desks: self.desks.max(other.desks), care: self.care.max(other.care) }
    }
}

/// Whether a booking stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BookingStatus {
    /// It holds its claims.
    Confirmed,
    /// It holds its claims for a while, until its guest confirms.
    Held,
    /// It holds its claims until somebody approves.
    Asked,
    /// Given up by the guest or an operator.
    Cancelled,
    /// Nobody came; the desks were given free.
    NoShow,
    /// Nobody confirmed or approved it in time.
    Lapsed,
    /// It was not approved.
    Declined,
}

impl BookingStatus {
    /// Every status.
    pub const ALL: [Self; 7] = [
        Self::Confirmed,
        Self::Held,
        Self::Asked,
        Self::Cancelled,
        Self::NoShow,
        Self::Lapsed,
        Self::Declined,
    ];

    /// Whether a booking in it holds its claims.
    #[must_use]
    pub fn holds(self) -> bool {
        matches!(self, Self::Confirmed | Self::Held | Self::Asked)
    }
}

/// Whose approval a booking waits for, or somebody may give: all of them are needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approvals {
    /// The centre's.
    pub centre: bool,
    /// That of the employer who pays.
    pub employer: bool,
}

impl Approvals {
    /// Whether there is one.
    #[must_use]
    pub fn any(self) -> bool {
        self.centre || self.employer
    }

    /// Those that are in both.
    #[must_use]
    pub fn of(self, others: Self) -> Self {
        Self { centre: self.centre && others.centre, employer: self.employer && others.employer }
    }

    /// Those that are left once `given` are given.
    #[must_use]
    pub fn without(self, given: Self) -> Self {
        Self { centre: self.centre && !given.centre, employer: self.employer && !given.employer }
    }
}

/// What the desks of a booking must be like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct DeskNeeds {
    /// What each must have.
    pub required: Features,
    /// What each had better have.
    pub wanted: Features,
    /// Whether the guest picked the space: then it stays.
    pub pinned: bool,
    /// Whether several stand side by side.
    pub together: bool,
}

/// One space for one interval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeskClaim {
    /// Its id.
    pub id: ClaimId,
    /// The space.
    pub space: SpaceId,
    /// When.
    pub when: Interval,
    /// When it was given free again, if it was.
    pub released_at: Option<DateTime<Utc>>,
    /// From when on it is not charged, because a child was to be collected ill.
    #[serde(default)]
    pub refunded_at: Option<DateTime<Utc>>,
}

/// One care place for one child and interval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CareClaim {
    /// Its id.
    pub id: ClaimId,
    /// The nursery.
    pub nursery: NurseryId,
    /// The child.
    pub child: ChildId,
    /// The room, where the nursery has rooms.
    pub room: Option<RoomId>,
    /// How old the child counts then; unknown counts as a newborn.
    pub ages: Option<Ages>,
    /// The scheme it is under, where the nursery offers any.
    #[serde(default)]
    pub scheme: Option<String>,
    /// When; with a desk it begins and ends with the hand-overs.
    pub when: Interval,
    /// When it was given free again, if it was.
    pub released_at: Option<DateTime<Utc>>,
    /// From when on it is not charged, because the child was to be collected ill.
    #[serde(default)]
    pub refunded_at: Option<DateTime<Utc>>,
}

/// The eight digits that stand for a booking at a kiosk: `1234-5678`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BookingCode(u32);

/// A text that is no booking code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a booking code has eight digits, as in 1234-5678")]
pub struct BadBookingCode;

impl BookingCode {
    /// The code for a random number; every code is about equally likely.
    #[must_use]
    pub fn from_random(number: u64) -> Self {
        Self(u32::try_from(number % 100_000_000).unwrap_or_default())
    }

    /// The code of these eight digits; nothing where they are more.
    #[must_use]
    pub fn from_number(digits: u32) -> Option<Self> {
        (digits < 100_000_000).then_some(Self(digits))
    }

    /// Its eight digits.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }
}

impl FromStr for BookingCode {
    type Err = BadBookingCode;
    /// Takes full-width digits, spaces and hyphens as people type them.
    fn from_str(text: &str) -> Result<Self, BadBookingCode> {
        let mut digits = 0;
        let mut number: u32 = 0;
        for c in text.chars().filter(|c| !matches!(c, ' ' | '-' | '\u{3000}' | '－' | 'ー' | '−'))
        {
            let plain = match c {
                '０'..='９' => char::from_u32(u32::from(c) - u32::from('０') + u32::from('0')),
                _ => Some(c),
            };
            let digit = plain.and_then(|c| c.to_digit(10)).ok_or(BadBookingCode)?;
            digits += 1;
            if digits > 8 {
                return Err(BadBookingCode);
            }
            number = number * 10 + digit;
        }
        if digits == 8 { Ok(Self(number)) } else { Err(BadBookingCode) }
    }
}

impl TryFrom<String> for BookingCode {
    type Error = BadBookingCode;
    fn try_from(text: String) -> Result<Self, BadBookingCode> {
        text.parse()
    }
}

impl From<BookingCode> for String {
    fn from(code: BookingCode) -> Self {
        code.to_string()
    }
}

impl fmt::Display for BookingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:04}", self.0 / 10_000, self.0 % 10_000)
    }
}

impl fmt::Debug for BookingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BookingCode(..)")
    }
}

/// What somebody wants: in every slot so many desks, and a care place for each child.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// Where.
    pub centre: CentreId,
    /// When; in order, not overlapping.
    pub slots: Vec<Interval>,
    /// How many desks in each slot.
    pub desks: u32,
    /// The one space it must be, where the guest picked it; only with one desk.
    pub pinned: Option<SpaceId>,
    /// What each desk must have.
    #[serde(default)]
    pub required: Features,
    /// What each desk had better have.
    #[serde(default)]
    pub wanted: Features,
    /// Whether several desks must stand side by side.
    #[serde(default)]
    pub together: bool,
    /// Who needs care in each slot.
    pub children: Vec<ChildId>,
    /// Under which scheme a child's care goes; whoever is not named goes under the nursery's first that is
    /// for them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub schemes: BTreeMap<ChildId, String>,
}

impl Wish {
    /// So many desks in each slot, and nothing else.
    #[must_use]
    pub fn of_desks(centre: CentreId, slots: Vec<Interval>, desks: u32) -> Self {
        Self {
            centre,
            slots,
            desks,
            pinned: None,
            required: Features::NONE,
            wanted: Features::NONE,
            together: false,
            children: Vec::new(),
            schemes: BTreeMap::new(),
        }
    }

    /// Its slots by start.
    #[must_use]
    pub fn slots_in_order(&self) -> Vec<Interval> {
        let mut slots = self.slots.clone();
        slots.sort();
        slots
    }

    /// The scheme that the care of all its children is to go under, where it is one and said.
    #[must_use]
    pub fn one_scheme(&self) -> Option<&str> {
        let first = self.schemes.get(self.children.first()?)?;
        let all = self.children.iter().all(|child| self.schemes.get(child) == Some(first));
        all.then_some(first)
    }

    /// What its desks must be like.
    #[must_use]
    pub fn needs(&self) -> DeskNeeds {
        DeskNeeds {
            required: self.required,
            wanted: self.wanted,
            pinned: self.pinned.is_some(),
            together: self.together,
        }
    }
}

/// The most slots in one wish.
pub const MOST_SLOTS: usize = 31;
/// The most desks side by side in one wish.
pub const MOST_DESKS: u32 = 10;
/// The most children in one wish.
pub const MOST_CHILDREN: usize = 10;

/// Why a wish cannot be taken, before anybody asks whether there is room.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadWish {
    /// Neither a desk nor a child, or no slot.
    #[error("ask for at least one desk or one child's care, on at least one day")]
    Nothing,
    /// More than one booking can hold.
    #[error(
        "one booking holds at most {MOST_SLOTS} days, {MOST_DESKS} desks and {MOST_CHILDREN} children"
    )]
    TooMuch,
    /// A picked space with another number of desks than one.
    #[error("pick a space together with exactly one desk")]
    PinnedMany,
    /// Two slots share time, or a child stands twice.
    #[error("the same time or child stands in the wish twice")]
    Twice,
    /// A time is not on the centre's grain.
    #[error("times at this centre lie on every {minutes} minutes")]
    OffGrain {
        /// The grain.
        minutes: u32,
    },
    /// It has begun more than one grain ago.
    #[error("that time has passed")]
    Past,
    /// It lies beyond the booking horizon.
    #[error("bookings are taken up to {last_day}")]
    TooFarAhead {
        /// The last local day that can be booked.
        last_day: NaiveDate,
    },
    /// One slot is longer than the centre allows.
    #[error("one stretch is at most {minutes} minutes")]
    TooLong {
        /// The limit.
        minutes: u32,
    },
    /// One slot is shorter than the centre allows.
    #[error("one stretch is at least {minutes} minutes")]
    TooShort {
        /// The limit.
        minutes: u32,
    },
    /// The centre is not open all through the slot.
    #[error("the centre is not open for all of that time")]
    NotOpen {
        /// The local day asked about.
        day: NaiveDate,
        /// When it is open on that day.
        open: Vec<Interval>,
    },
}

/// Checks `wish` against the house rules of `centre` at the time `now`.
///
/// # Errors
/// The first [`BadWish`] found.
pub fn check(wish: &Wish, centre: &Centre, now: DateTime<Utc>) -> Result<(), BadWish> {
    check_amounts(wish.slots.len(), wish.desks, wish.children.len())?;
    if wish.pinned.is_some() && wish.desks != 1 {
        return Err(BadWish::PinnedMany);
    }
    let mut children = wish.children.clone();
    children.sort();
    if children.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(BadWish::Twice);
    }
    check_slots(&wish.slots, centre, now)
}

/// Checks that something is asked for, and not too much at once.
///
/// # Errors
/// [`BadWish::Nothing`] or [`BadWish::TooMuch`].
pub fn check_amounts(slots: usize, desks: u32, children: usize) -> Result<(), BadWish> {
    if slots == 0 || (desks == 0 && children == 0) {
        return Err(BadWish::Nothing);
    }
    if slots > MOST_SLOTS || desks > MOST_DESKS || children > MOST_CHILDREN {
        return Err(BadWish::TooMuch);
    }
    Ok(())
}

/// Checks stretches of time against the house rules of `centre` at the time `now`.
///
/// # Errors
/// The first [`BadWish`] found.
pub fn check_slots(slots: &[Interval], centre: &Centre, now: DateTime<Utc>) -> Result<(), BadWish> {
    let mut in_order = Cow::Borrowed(slots);
    if !slots.is_sorted() {
        in_order.to_mut().sort();
    }
    if in_order.windows(2).any(|pair| pair[0].overlaps(&pair[1])) {
        return Err(BadWish::Twice);
    }
    in_order.iter().try_for_each(|slot| check_slot(slot, centre, now))
}

fn check_slot(slot: &Interval, centre: &Centre, now: DateTime<Utc>) -> Result<(), BadWish> {
    let settings = &centre.settings;
    let zone = centre.time_zone;
    let grain = settings.grain_minutes;
    let on_grain = |local: &DateTime<Tz>| {
        local.minute().is_multiple_of(grain) && local.second() == 0 && local.nanosecond() == 0
    };
    let (starts, ends) = (slot.starts().with_timezone(&zone), slot.ends().with_timezone(&zone));
    let last_day = now
        .with_timezone(&zone)
        .date_naive()
        .checked_add_days(chrono::Days::new(settings.horizon_days.into()))
        .unwrap_or(NaiveDate::MAX);
    if slot.starts() < now - TimeDelta::minutes(grain.into()) {
        return Err(BadWish::Past);
    }
    if ends.date_naive() > last_day {
        return Err(BadWish::TooFarAhead { last_day });
    }
    if !on_grain(&starts) || !on_grain(&ends) {
        return Err(BadWish::OffGrain { minutes: grain });
    }
    if slot.length() > TimeDelta::minutes(settings.longest_minutes.into()) {
        return Err(BadWish::TooLong { minutes: settings.longest_minutes });
    }
    if slot.length() < TimeDelta::minutes(settings.shortest_minutes.into()) {
        return Err(BadWish::TooShort { minutes: settings.shortest_minutes });
    }
    if !centre.opening.covers(slot, zone) {
        let day = starts.date_naive();
        return Err(BadWish::NotOpen { day, open: centre.opening.on(day, zone) });
    }
    Ok(())
}

/// The (centre, local day)s that a transaction on these slots must lock, sorted.
#[must_use]
pub fn days_to_lock(centre: &Centre, slots: &[Interval]) -> Vec<NaiveDate> {
    let mut days: Vec<_> =
        slots.iter().flat_map(|slot| opening::days_of(slot, centre.time_zone)).collect();
    days.sort();
    days.dedup();
    days
}

#[cfg(test)]
pub(crate) mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use chrono_tz::Asia::Tokyo;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::centre::{CentreKind, CentreSettings};
    use crate::id::MunicipalityId;
    use crate::language::LocalText;
    use crate::opening::{DayKind, OpeningHours, OpeningRules};

    pub(crate) fn centre() -> Centre {
        let days = [
            chrono::Weekday::Mon,
            chrono::Weekday::Tue,
            chrono::Weekday::Wed,
            chrono::Weekday::Thu,
        ];
        Centre {
            id: CentreId(Uuid::from_u128(1)),
            slug: "here".parse().unwrap(),
            name: LocalText::new("ここ", "Here"),
            municipality: MunicipalityId(Uuid::from_u128(2)),
            kind: CentreKind::TeleworkCentre,
            address: LocalText::new("", ""),
            position: (35.0, 139.0),
            source_note: LocalText::new("", ""),
            time_zone: Tokyo,
            settings: CentreSettings::default(),
            settings_version: 1,
            opening: OpeningRules {
                hours: days
                    .map(|day| OpeningHours {
                        day: DayKind::Weekday(day),
                        opens: 540,
                        closes: 1080,
                    })
                    .into(),
                holidays: Default::default(),
            },
        }
    }

    fn jst(text: &str) -> DateTime<Utc> {
        format!("{text}+09:00").parse().unwrap()
    }

    fn slot(from: &str, to: &str) -> Interval {
        Interval::new(jst(from), jst(to)).unwrap()
    }

    fn wish(slots: Vec<Interval>) -> Wish {
        Wish::of_desks(centre().id, slots, 1)
    }

    #[test]
    fn each_wrong_wish_is_told_why() {
        let now = jst("2026-11-24T08:00:00");
        let good = slot("2026-11-24T10:00:00", "2026-11-24T12:00:00");
        let try_slot = |from, to| check(&wish(vec![slot(from, to)]), &centre(), now);
        assert_eq!(check(&wish(vec![good]), &centre(), now), Ok(()));
        assert_eq!(check(&wish(vec![]), &centre(), now), Err(BadWish::Nothing));
        assert_eq!(
            check(&Wish { desks: 0, ..wish(vec![good]) }, &centre(), now),
            Err(BadWish::Nothing)
        );
        assert_eq!(
            check(&Wish { desks: 11, ..wish(vec![good]) }, &centre(), now),
            Err(BadWish::TooMuch)
        );
        assert_eq!(check(&wish(vec![good, good]), &centre(), now), Err(BadWish::Twice));
        assert_eq!(
            try_slot("2026-11-24T10:07:00", "2026-11-24T12:00:00"),
            Err(BadWish::OffGrain { minutes: 15 })
        );
        assert_eq!(
            try_slot("2026-11-24T10:00:01", "2026-11-24T12:00:00"),
            Err(BadWish::OffGrain { minutes: 15 })
        );
        assert_eq!(try_slot("2026-11-23T10:00:00", "2026-11-23T12:00:00"), Err(BadWish::Past));
        let hour = CentreSettings { shortest_minutes: 60, ..CentreSettings::default() };
        let short = wish(vec![slot("2026-11-24T10:00:00", "2026-11-24T10:45:00")]);
        assert_eq!(
            check(&short, &Centre { settings: hour, ..centre() }, now),
            Err(BadWish::TooShort { minutes: 60 })
        );
        let last_day = "2027-01-23".parse().unwrap();
        assert_eq!(
            try_slot("9999-11-23T10:00:00", "9999-11-23T12:00:00"),
            Err(BadWish::TooFarAhead { last_day })
        );
        assert!(matches!(
            try_slot("2026-11-24T17:00:00", "2026-11-24T19:00:00"),
            Err(BadWish::NotOpen { .. })
        ));
        assert!(
            matches!(try_slot("2026-11-27T10:00:00", "2026-11-27T11:00:00"), Err(BadWish::NotOpen { open, .. }) if open.is_empty())
        );
        assert!(matches!(
            try_slot("2026-11-24T10:00:00", "2026-11-25T10:00:00"),
            Err(BadWish::TooLong { .. })
        ));
    }

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = BookingCode::from_random(12_345_678);
        for text in ["1234-5678", "12345678", " 1234 5678 ", "１２３４－５６７８"] {
            assert_eq!(text.parse(), Ok(code), "{text}");
        }
        for text in ["", "1234567", "123456789", "1234-567x", "一二三四五六七八"] {
            assert_eq!(text.parse::<BookingCode>(), Err(BadBookingCode), "{text}");
        }
        assert_eq!(BookingCode::from_random(42).to_string(), "0000-0042");
    }

    proptest! {
        #[test]
        fn any_code_survives_its_text(number in any::<u64>(), noise in ".*") {
            let code = BookingCode::from_random(number);
            prop_assert_eq!(code.to_string().parse(), Ok(code));
            let _ = noise.parse::<BookingCode>();
        }
    }
}
