//! What a tap is answered: the rule, without the machinery.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::centre::CentreSettings;
use crate::day_sheet::{SheetBooking, SheetDesk};
use crate::id::BookingId;

/// A second tap sooner than this is the same tap again, not a departure.
pub const SAME_TAP: TimeDelta = TimeDelta::seconds(5);

/// Wrong PINs in a row after which somebody's PIN is closed for [`CODE_PAUSE`], and for twice the time after so many
/// more.
pub const PIN_TRIES: u32 = 3;

/// How long a PIN stays closed after the first [`PIN_TRIES`] wrong ones.
pub const CODE_PAUSE: TimeDelta = TimeDelta::minutes(5);

/// Wrong PINs of somebody's are forgotten so long after the last.
pub const TRIES_FORGOTTEN: TimeDelta = TimeDelta::hours(24);

/// Wrong PINs and unknown codes, whoever's, after which a reader takes none for [`READER_PAUSE`], and for twice the
/// time after each further. Far more than one person's: a queue of honest people types at it.
pub const READER_TRIES: u32 = 10;

/// How long a reader takes neither code nor PIN after the first [`READER_TRIES`] wrong ones.
pub const READER_PAUSE: TimeDelta = TimeDelta::minutes(1);

/// A reader forgives one of them as often as this time passes.
pub const READER_FORGIVES: TimeDelta = TimeDelta::minutes(30);

/// No pause is longer.
pub const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(1);

/// A visit that nobody ended is ended this long after its booking.
pub const FORGOTTEN: TimeDelta = TimeDelta::hours(2);

/// How long somebody's PIN is closed because of the last of so many wrong ones, if it is.
#[must_use]
pub fn pin_pause(wrong: u32) -> Option<TimeDelta> {
    let times = (wrong / PIN_TRIES).checked_sub(1).filter(|_| wrong.is_multiple_of(PIN_TRIES))?;
    Some(doubled(CODE_PAUSE, times))
}

/// How long a reader takes neither code nor PIN because of the last of so many wrong ones, if it does not.
#[must_use]
pub fn reader_pause(wrong: u32) -> Option<TimeDelta> {
    Some(doubled(READER_PAUSE, wrong.checked_sub(READER_TRIES)?))
}

fn doubled(pause: TimeDelta, times: u32) -> TimeDelta {
    let factor = 1_i32 << times.min(12);
    pause.checked_mul(factor).map_or(LONGEST_PAUSE, |pause| pause.min(LONGEST_PAUSE))
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// The card is not on the sheet.
    UnknownCard,
    /// The card is blocked.
    BlockedCard,
    /// The card's time is over.
    ExpiredCard,
    /// The card has proved less than it did before, or is not the one whose identifier it shows: a copy.
    LowerLevel,
    /// The card gave no usable identifier.
    UnreadableCard,
    /// No booking for now or later today.
    NoBooking,
    /// Nobody had come for their booking in time, and its desk was given free.
    Released,
    /// They had said that they leave for good, and the rest of their time was given free.
    LeftForGood,
    /// A booking comes later.
    TooEarly,
    /// Code or PIN is wrong.
    WrongCode,
    /// Too many wrong PINs of theirs, or too much that was wrong at this reader.
    CodePaused,
    /// What was scanned is no whole voucher of this region.
    UnreadableVoucher,
    /// The voucher is for another centre.
    OtherCentre,
    /// The voucher's booking is not valid any more.
    VoidVoucher,
    /// Every desk of the booking is out of order or taken.
    NoUsableSpace,
    /// The site has no sheet in force, so nobody new may check in.
    SheetExpired,
    /// The site's clock cannot be trusted.
    ClockUnset,
    /// The card is let into the house, and not through this door.
    NotThisDoor,
    /// The card proves too little for this door at this hour.
    LevelTooLow,
    /// The card alone is not enough: their PIN is asked for.
    PinNeeded,
    /// Their PIN was wrong.
    WrongPin,
    /// It takes two, and the second has not come yet.
    SecondPerson,
    /// They came in before and have not gone out.
    Passback,
    /// Nobody is let in while the house is locked down.
    Lockdown,
    /// The desk that was offered is not to be had any more, or the question waited too long.
    OfferOver,
}

/// The booking and desk that a person may check in to now, or why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// This one, now.
    Now {
        /// The booking.
        booking: BookingId,
        /// The desk claim.
        desk: SheetDesk,
    },
    /// Not before this instant.
    Later {
        /// When check-in opens.
        opens: DateTime<Utc>,
    },
    /// There is a booking now, but none of its spaces can be used.
    NoUsableSpace {
        /// The bookings that would let them in now.
        bookings: Vec<BookingId>,
    },
    /// Nothing now nor later on the sheet.
    Nothing,
}

/// Finds the desk claim that `bookings` (one person's) give at the time `now`.
///
/// `usable` says whether a space can be sat at: free of others, and its terminal not broken.
#[must_use]
pub fn entry<'a>(
    bookings: impl IntoIterator<Item = &'a SheetBooking>,
    now: DateTime<Utc>,
    settings: &CentreSettings,
    usable: impl Fn(&SheetDesk) -> bool,
) -> Entry {
    let early = TimeDelta::minutes(settings.early_minutes.into());
    let mut claims: Vec<(BookingId, SheetDesk)> = bookings
        .into_iter()
        .flat_map(|booking| booking.desks.iter().map(|desk| (booking.id, *desk)))
        .filter(|(_, desk)| now < desk.when.ends())
        .collect();
    claims.sort_by_key(|(_, desk)| desk.when.starts());
    let Some((_, first)) = claims.first() else { return Entry::Nothing };
    let opens = first.when.starts() - early;
    if now < opens {
        return Entry::Later { opens };
    }
    claims.retain(|(_, desk)| desk.when.starts() - early <= now);
    if let Some(&(booking, desk)) = claims.iter().find(|(_, desk)| usable(desk)) {
        return Entry::Now { booking, desk };
    }
    let mut bookings: Vec<BookingId> = claims.into_iter().map(|(booking, _)| booking).collect();
    bookings.sort();
    bookings.dedup();
    Entry::NoUsableSpace { bookings }
}

/// What somebody who is inside answers when they are asked whether they leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Going {
    /// They stay.
    Stays,
    /// They step out, and the desk stays theirs.
    BackSoon,
    /// They leave, and the rest of their time is anybody's.
    ForGood,
}

/// What a tap of somebody who is inside means, `since` their last tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inside {
    /// The same tap again: show the desk once more.
    Again,
    /// Ask whether they are leaving.
    AskLeaving,
}

/// Tells a double tap from a wish to leave.
#[must_use]
pub fn inside(since: TimeDelta) -> Inside {
    if since < SAME_TAP { Inside::Again } else { Inside::AskLeaving }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use uuid::Uuid;

    use super::*;
    use crate::booking::BookingCode;
    use crate::id::{PersonId, SpaceId};
    use crate::interval::Interval;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    fn booking(id: u128, claims: &[(u128, i64, i64)]) -> SheetBooking {
        SheetBooking {
            id: BookingId(Uuid::from_u128(id)),
            person: PersonId(Uuid::from_u128(1)),
            code: BookingCode::from_random(1),
            desks: claims
                .iter()
                .map(|&(space, from, to)| SheetDesk {
                    space: SpaceId(Uuid::from_u128(space)),
                    when: Interval::new(at(from), at(to)).unwrap(),
                })
                .collect(),
            children: 0,
            released: Vec::new(),
        }
    }

    #[test]
    fn the_door_opens_a_quarter_of_an_hour_early_and_not_after_the_end() {
        let bookings = [booking(1, &[(7, 60, 120)])];
        let ask = |minute| entry(&bookings, at(minute), &CentreSettings::default(), |_| true);
        assert_eq!(ask(44), Entry::Later { opens: at(45) });
        assert!(matches!(ask(45), Entry::Now { .. }));
        assert!(matches!(ask(119), Entry::Now { .. }));
        assert_eq!(ask(120), Entry::Nothing);
        assert_eq!(entry(&[], at(0), &CentreSettings::default(), |_| true), Entry::Nothing);
    }

    #[test]
    fn the_next_desk_of_the_booking_serves_when_the_first_is_broken() {
        let bookings = [booking(1, &[(7, 60, 120), (8, 60, 120)])];
        let ask = |broken: &[u128]| {
            entry(&bookings, at(60), &CentreSettings::default(), |desk| {
                !broken.contains(&desk.space.0.as_u128())
            })
        };
        assert!(matches!(ask(&[7]), Entry::Now { desk, .. } if desk.space.0.as_u128() == 8));
        let nowhere = Entry::NoUsableSpace { bookings: vec![BookingId(Uuid::from_u128(1))] };
        assert_eq!(ask(&[7, 8]), nowhere);
    }

    #[test]
    fn a_double_tap_is_no_departure() {
        assert_eq!(inside(TimeDelta::milliseconds(4_999)), Inside::Again);
        assert_eq!(inside(TimeDelta::seconds(5)), Inside::AskLeaving);
        assert_eq!(inside(TimeDelta::seconds(-1)), Inside::Again);
    }
}
