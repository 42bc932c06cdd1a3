//! Vouchers of bookings: what a guest shows at a kiosk that may have lost the hub.

use chrono::{DateTime, NaiveDate, Utc};
use model::booking::{Booking, BookingStatus, DeskClaim};
use model::centre::Centre;
use model::day_sheet::SheetDesk;
use model::people::stands;
use model::voucher::Voucher;
use wire::voucher::seal;

use super::Refused;
use crate::hub::Hub;

/// A voucher as its guest shows it.
pub struct Issued {
    /// The local day that it is for.
    pub day: NaiveDate,
    /// Every day that the booking has one for.
    pub days: Vec<NaiveDate>,
    /// From when it is.
    pub issued_at: DateTime<Utc>,
    /// What the code says.
    pub text: String,
}

/// Why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoVoucher {
    /// The booking does not stand.
    NotConfirmed,
    /// It has no desk to come on that day, or on any.
    NothingThen {
        /// The days that have one.
        days: Vec<NaiveDate>,
    },
    /// Nobody stands for its guest any more: no sheet lists it either.
    NobodyPays,
    /// It holds more on one day than a code can say.
    TooMuch,
}

/// Signs the voucher of a booking for a day, or for the next day of it.
///
/// `looked_at` is an instant before the booking was read: whatever has happened to it since, a sheet
/// made afterwards knows, and `model::voucher::weigh` goes by that.
///
/// # Errors
/// [`Refused`] when the store fails.
pub async fn issue(
    hub: &Hub,
    centre: &Centre,
    booking: &Booking,
    day: Option<NaiveDate>,
    looked_at: DateTime<Utc>,
) -> Result<Result<Issued, NoVoucher>, Refused> {
    if booking.status != BookingStatus::Confirmed {
        return Ok(Err(NoVoucher::NotConfirmed));
    }
    let days = days(centre, booking, looked_at);
    let Some(day) = day.or(days.first().copied()).filter(|day| days.contains(day)) else {
        return Ok(Err(NoVoucher::NothingThen { days }));
    };
    let person = hub.store.person(booking.person).await?.ok_or(Refused::NotFound)?;
    if !stands(booking.on_account_of, person.grants_at(looked_at)) {
        return Ok(Err(NoVoucher::NobodyPays));
    }
    let desks = to_come(booking, looked_at).filter(|claim| local_day(centre, claim) == day);
    let care = booking.care.iter().filter(|claim| claim.released_at.is_none());
    let mut children: Vec<_> = care
        .filter(|claim| claim.when.starts().with_timezone(&centre.time_zone).date_naive() == day)
        .map(|claim| claim.child)
        .collect();
    children.sort();
    children.dedup();
    let mut voucher = Voucher {
        booking: booking.id,
        centre: booking.centre,
        person: booking.person,
        language: person.language,
        version: booking.version,
        issued_at: looked_at,
        code: booking.code,
        children: u32::try_from(children.len()).unwrap_or(u32::MAX),
        desks: desks.map(|claim| SheetDesk { space: claim.space, when: claim.when }).collect(),
    };
    voucher.desks.sort_by_key(|desk| (desk.when, desk.space));
    Ok(match seal(&voucher, &hub.keys.sheet) {
        Ok(text) => Ok(Issued { day, days, issued_at: looked_at, text }),
        Err(_) => Err(NoVoucher::TooMuch),
    })
}

/// The local days on which a booking has desks that are still to come, in order.
#[must_use]
pub fn days(centre: &Centre, booking: &Booking, now: DateTime<Utc>) -> Vec<NaiveDate> {
    let mut days: Vec<_> = to_come(booking, now).map(|claim| local_day(centre, claim)).collect();
    days.sort();
    days.dedup();
    days
}

fn to_come(booking: &Booking, now: DateTime<Utc>) -> impl Iterator<Item = &DeskClaim> {
    booking.desks.iter().filter(move |claim| claim.released_at.is_none() && now < claim.when.ends())
}

fn local_day(centre: &Centre, claim: &DeskClaim) -> NaiveDate {
    claim.when.starts().with_timezone(&centre.time_zone).date_naive()
}
