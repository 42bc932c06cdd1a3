//! Bookings that somebody has to approve.

use model::audit::AuditAction;
use model::booking::{Approvals, Booking};
use model::id::{BookingId, CentreId, EmployerId};
use model::permission::{Action, Target, may};
use store::{Approver, Settled, Settling, Stood};

use super::atlas::Atlas;
use super::audit::{self, Entry};
use super::booking::record_for_guest;
use super::order::spares;
use super::{Caller, Refused, allow, allow_or_hide, members};
use crate::hub::Hub;

/// How deciding ended.
#[derive(Debug)]
pub enum Decided {
    /// As it stands now.
    Done(Booking),
    /// It does not wait for a decision of theirs (any more).
    Otherwise(Booking),
}

/// What waits for a decision at a centre.
///
/// # Errors
/// [`Refused`] when they may not, or the store fails.
pub async fn at_centre(
    hub: &Hub,
    caller: &Caller,
    centre: CentreId,
) -> Result<Vec<Booking>, Refused> {
    allow(caller, Action::ApproveBooking, &Target::at(centre))?;
    Ok(hub.store.asked_for(Approver::Centre(centre)).await?)
}

/// What waits for a decision and an employer would pay for.
///
/// # Errors
/// [`Refused`] when they may not, or the store fails.
pub async fn of_employer(
    hub: &Hub,
    caller: &Caller,
    employer: EmployerId,
) -> Result<Vec<Booking>, Refused> {
    allow(caller, Action::ApproveBooking, &Target::of_employer(employer))?;
    Ok(hub.store.asked_for(Approver::Employer(employer)).await?)
}

/// Approves a booking, or declines it, for whom the caller may decide. It stands once everybody has
/// agreed who has to.
///
/// # Errors
/// [`Refused`] when there is none that they may decide on, or the store fails.
pub async fn decide(
    hub: &Hub,
    atlas: &Atlas,
    caller: &Caller,
    id: BookingId,
    approve: bool,
) -> Result<Decided, Refused> {
    caller.signed_in()?;
    let booking = hub.store.booking(id).await?.ok_or(Refused::NotFound)?;
    let target = Target { employer: booking.on_account_of, ..Target::at(booking.centre) };
    allow_or_hide(caller, Action::ApproveBooking, &target)?;
    let centre = atlas.centre(booking.centre).ok_or(Refused::NotFound)?;
    let may_for = |target| may(&caller.actor, Action::ApproveBooking, &target);
    let by = Approvals {
        centre: may_for(Target::at(booking.centre)),
        employer: booking.on_account_of.map(Target::of_employer).is_some_and(may_for),
    };
    let to = if approve { Stood::Approved(by) } else { Stood::Declined(by) };
    let spare = spares(hub)?;
    let settling =
        Settling { id, version: None, centre, to, at: hub.now(), spare: &spare, quotas: &[] };
    match hub.store.settle(&settling).await? {
        Some(Settled::Done(booking)) => {
            hub.live.plan_changed(booking.centre);
            let action =
                if approve { AuditAction::BookingApproved } else { AuditAction::BookingDeclined };
            record_for_guest(hub, caller, action, &booking).await?;
            Ok(Decided::Done(booking))
        }
        Some(Settled::Otherwise(booking)) => Ok(Decided::Otherwise(booking)),
        // It was counted when it came to be asked for.
        Some(Settled::Over(_) | Settled::NotUnder(..)) => Ok(Decided::Otherwise(booking)),
        None => Err(Refused::NotFound),
    }
}

/// Says whether an employer's admins approve what it pays for from now on.
///
/// # Errors
/// [`Refused`] when they may not, there is no such employer, or the store fails.
pub async fn set_approves(
    hub: &Hub,
    caller: &Caller,
    employer: EmployerId,
    approves: bool,
) -> Result<(), Refused> {
    let employer = members::employer(hub, caller, Action::ApproveBooking, employer).await?;
    if employer.approves == approves {
        return Ok(());
    }
    hub.store.set_approves(employer.id, approves).await?;
    let entry = Entry::new(AuditAction::HouseRulesChanged)
        .note("employer", &employer.name.ja)
        .note("approves", approves.to_string());
    audit::record(hub, caller, entry).await
}
