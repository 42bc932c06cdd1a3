//! Vouchers (予約票): a booking's day, signed by the hub, that its guest shows at the door.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::booking::BookingCode;
use crate::centre::CentreSettings;
use crate::day_sheet::{LISTED_AHEAD, SheetBooking, SheetDesk};
use crate::id::{BookingId, CentreId, PersonId};
use crate::language::Language;

/// What the hub has signed about one booking and one local day of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voucher {
    /// The booking.
    pub booking: BookingId,
    /// Where.
    pub centre: CentreId,
    /// Whose it is.
    pub person: PersonId,
    /// The language they are answered in.
    pub language: Language,
    /// The booking's version when the voucher was made.
    pub version: u32,
    /// When the hub looked at the booking: it was confirmed then.
    pub issued_at: DateTime<Utc>,
    /// The booking's code.
    pub code: BookingCode,
    /// How many children are in care with it.
    pub children: u32,
    /// The spaces it holds on that day, by start; never none.
    pub desks: Vec<SheetDesk>,
}

impl Voucher {
    /// The booking as a sheet would list it.
    #[must_use]
    pub fn as_listed(&self) -> SheetBooking {
        SheetBooking {
            id: self.booking,
            person: self.person,
            code: self.code,
            desks: self.desks.clone(),
            children: self.children,
            released: Vec::new(),
        }
    }
}

/// What a site holds a voucher against.
#[derive(Clone, Copy, Debug)]
pub struct Knowledge<'a> {
    /// The site's centre.
    pub centre: CentreId,
    /// When the sheet in force was made.
    pub sheet_made_at: DateTime<Utc>,
    /// Whether the voucher's booking stands on it.
    pub listed: bool,
    /// The house rules.
    pub settings: &'a CentreSettings,
}

/// What a voucher is worth at a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    /// The sheet knows the booking: it decides, whatever the voucher says.
    SheetDecides,
    /// The sheet cannot know the booking yet: the voucher stands in for it.
    Honoured,
    /// It is for another centre, from this instant on.
    OtherCentre {
        /// The first start.
        starts: DateTime<Utc>,
    },
    /// It is for a day that the sheet does not reach.
    TooEarly {
        /// When check-in opens.
        opens: DateTime<Utc>,
    },
    /// All of its time has passed.
    Over,
    /// The sheet would know the booking, and does not: it was cancelled, moved or given free.
    Void,
}

/// Weighs a voucher whose signature is good, at the time `now`.
///
/// The hub stamps a voucher before it reads the booking and a sheet after it has read the plan, so a
/// booking that was given up between the two is never honoured.
#[must_use]
pub fn weigh(voucher: &Voucher, known: &Knowledge<'_>, now: DateTime<Utc>) -> Worth {
    if known.listed {
        return Worth::SheetDecides;
    }
    if voucher.centre != known.centre {
        let first = voucher.desks.iter().map(|desk| desk.when.starts()).min();
        return first.map_or(Worth::Void, |starts| Worth::OtherCentre { starts });
    }
    if voucher.issued_at > known.sheet_made_at {
        return Worth::Honoured;
    }
    let to_come = voucher.desks.iter().map(|desk| desk.when).filter(|when| now < when.ends());
    let Some(next) = to_come.min() else { return Worth::Over };
    let opens = next.starts() - TimeDelta::minutes(known.settings.early_minutes.into());
    let beyond = known
        .sheet_made_at
        .checked_add_signed(LISTED_AHEAD)
        .is_some_and(|reach| next.starts() >= reach);
    if beyond && now < opens { Worth::TooEarly { opens } } else { Worth::Void }
}

/// Until when a voucher's desk is its guest's who comes `now`: through all claims that have begun and
/// those that touch them.
#[must_use]
pub fn until(voucher: &Voucher, settings: &CentreSettings, now: DateTime<Utc>) -> DateTime<Utc> {
    let early = TimeDelta::minutes(settings.early_minutes.into());
    let mut claims: Vec<_> = voucher.desks.iter().map(|desk| desk.when).collect();
    claims.sort();
    claims.into_iter().filter(|when| now < when.ends()).fold(now, |until, when| {
        let begun = when.starts() - early <= now;
        if begun || when.starts() <= until { until.max(when.ends()) } else { until }
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use uuid::Uuid;

    use super::*;
    use crate::id::SpaceId;
    use crate::interval::Interval;

    const HERE: CentreId = CentreId(Uuid::from_u128(1));
    const DAY: i64 = 24 * 60;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(minutes)
    }

    fn voucher(issued: i64, claims: &[(i64, i64)]) -> Voucher {
        Voucher {
            booking: BookingId(Uuid::from_u128(2)),
            centre: HERE,
            person: PersonId(Uuid::from_u128(3)),
            language: Language::En,
            version: 1,
            issued_at: at(issued),
            code: BookingCode::from_random(4),
            children: 0,
            desks: claims
                .iter()
                .map(|&(from, to)| SheetDesk {
                    space: SpaceId(Uuid::from_u128(5)),
                    when: Interval::new(at(from), at(to)).unwrap(),
                })
                .collect(),
        }
    }

    #[test]
    fn what_a_voucher_is_worth() {
        // The sheet was made at minute 100. Each line: issued, claims, listed, now.
        let opens = |minutes: i64| Worth::TooEarly { opens: at(minutes - 15) };
        let four_days = 100 + 4 * DAY;
        for (issued, claims, listed, now, worth) in [
            (50, &[(200, 300)][..], true, 200, Worth::SheetDecides),
            (150, &[(200, 300)], true, 200, Worth::SheetDecides),
            (150, &[(200, 300)], true, 400, Worth::SheetDecides),
            (101, &[(200, 300)], false, 200, Worth::Honoured),
            (101, &[(200, 300)], false, 110, Worth::Honoured),
            (100, &[(200, 300)], false, 200, Worth::Void),
            (99, &[(200, 300)], false, 200, Worth::Void),
            (99, &[(200, 300)], false, 110, Worth::Void),
            (99, &[(200, 300)], false, 300, Worth::Over),
            (99, &[(200, 300), (400, 500)], false, 300, Worth::Void),
            (99, &[(four_days - 1, four_days + 60)], false, 110, Worth::Void),
            (99, &[(four_days, four_days + 60)], false, 110, opens(four_days)),
            (99, &[(four_days, four_days + 60)], false, four_days - 16, opens(four_days)),
            (99, &[(four_days, four_days + 60)], false, four_days - 15, Worth::Void),
        ] {
            let settings = CentreSettings::default();
            let known =
                Knowledge { centre: HERE, sheet_made_at: at(100), listed, settings: &settings };
            let found = weigh(&voucher(issued, claims), &known, at(now));
            assert_eq!(found, worth, "issued {issued}, {claims:?}, listed {listed}, now {now}");
        }
    }

    #[test]
    fn another_centres_voucher_says_for_when_it_is_unless_the_sheet_has_the_booking() {
        let settings = CentreSettings::default();
        let elsewhere = Worth::OtherCentre { starts: at(200) };
        for (issued, listed, now, worth) in [
            (150, false, 0, elsewhere),
            (50, false, 250, elsewhere),
            (150, false, 900, elsewhere),
            (150, true, 250, Worth::SheetDecides),
        ] {
            let centre = CentreId(Uuid::from_u128(9));
            let known = Knowledge { centre, sheet_made_at: at(100), listed, settings: &settings };
            let found = weigh(&voucher(issued, &[(400, 500), (200, 300)]), &known, at(now));
            assert_eq!(found, worth);
        }
    }

    #[test]
    fn the_desk_is_theirs_through_claims_that_touch() {
        let settings = CentreSettings::default();
        let day = voucher(0, &[(200, 300), (300, 400), (500, 600)]);
        for (now, end) in [(185, 400), (250, 400), (350, 400), (484, 484), (485, 600), (700, 700)] {
            assert_eq!(until(&day, &settings, at(now)), at(end), "{now}");
        }
    }
}
