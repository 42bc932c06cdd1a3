//! A centre's devices: which there are, how they stand, and who may come and go.

use chrono::{DateTime, TimeDelta, Utc};
use model::audit::{AuditAction, AuditActor};
use model::centre::Centre;
use model::day_sheet::DeviceKind;
use model::device::RevokedFor;
use model::id::{CentreId, DeviceId};
use model::permission::{Action, Target};
use store::{DeviceRecord, StoreError};
use wire::enrol::OneTimeCode;

use super::audit::{self, Entry};
use super::{Caller, Refused, allow};
use crate::authority::AuthorityError;
use crate::config::names_in;
use crate::hub::Hub;
use crate::uplink::enrol::{self, NoCode};

/// So long a code that was made on a page is good.
pub const CODE_LASTS: TimeDelta = TimeDelta::hours(24);

/// How a device stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It was never enrolled; until then its code is good, if it has one.
    New(Option<DateTime<Utc>>),
    /// It has a certificate that is good until then.
    Good(DateTime<Utc>),
    /// Its certificate has ended: it needs a new code.
    Ended,
    /// It was locked out then; until the other time a new code is good, if it has one.
    Revoked(DateTime<Utc>, RevokedFor, Option<DateTime<Utc>>),
}

/// How `record` stands at `now`.
#[must_use]
pub fn standing(record: &DeviceRecord, now: DateTime<Utc>) -> Standing {
    let code = record.code_until.filter(|until| now < *until);
    if let Some((at, reason)) = record.revoked {
        return Standing::Revoked(at, reason, code);
    }
    if record.enrolled_at.is_none() {
        return Standing::New(code);
    }
    let good =
        record.certificates.iter().filter(|kept| record.good(&kept.fingerprint, now).is_some());
    good.map(|kept| kept.ends_at).max().map_or(Standing::Ended, Standing::Good)
}

/// A centre's devices, by id.
///
/// # Errors
/// [`Refused`] when they may not, or the store fails.
pub async fn list(
    hub: &Hub,
    caller: &Caller,
    centre: &Centre,
) -> Result<Vec<DeviceRecord>, Refused> {
    allow(caller, Action::ManageDevices, &Target::at(centre.id))?;
    Ok(hub.store.devices_of(centre.id).await?)
}

/// One of a centre's devices.
///
/// # Errors
/// [`Refused::NotFound`] too where it is another centre's.
pub async fn get(
    hub: &Hub,
    caller: &Caller,
    centre: &Centre,
    device: &str,
) -> Result<DeviceRecord, Refused> {
    allow(caller, Action::ManageDevices, &Target::at(centre.id))?;
    let device: DeviceId = device.parse().map_err(|_| Refused::NotFound)?;
    let record = hub.store.device(&device).await?.ok_or(Refused::NotFound)?;
    if record.centre == centre.id { Ok(record) } else { Err(Refused::NotFound) }
}

/// How adding a device ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is there under this name.
    Done(DeviceId),
    /// The name cannot stand in a device's id.
    BadName,
    /// There is one of this name.
    Taken,
}

/// Adds a device called `name` to a centre; a centre has one edge, which needs no name.
///
/// # Errors
/// [`Refused`] when they may not, or the store fails.
pub async fn add(
    hub: &Hub,
    caller: &Caller,
    centre: &Centre,
    kind: DeviceKind,
    name: &str,
) -> Result<Added, Refused> {
    allow(caller, Action::ManageDevices, &Target::at(centre.id))?;
    let name = if kind == DeviceKind::Edge { "edge" } else { name.trim() };
    let device = format!("{}-{}", centre.slug, name.to_lowercase()).parse::<DeviceId>();
    let Ok(device) = device else { return Ok(Added::BadName) };
    // The edge's name is how a device of the site knows it.
    if name.is_empty() || (kind != DeviceKind::Edge && name.eq_ignore_ascii_case("edge")) {
        return Ok(Added::BadName);
    }
    match hub.store.add_device(centre.id, &device, kind).await {
        Ok(()) => {
            hub.live.plan_changed(centre.id);
            Ok(Added::Done(device))
        }
        Err(StoreError::Duplicate(_)) => Ok(Added::Taken),
        Err(error) => Err(error.into()),
    }
}

/// Forgets a device that was never enrolled; answers whether it did.
///
/// # Errors
/// [`Refused`] when they may not, or the store fails.
pub async fn remove(
    hub: &Hub,
    caller: &Caller,
    centre: &Centre,
    device: &str,
) -> Result<bool, Refused> {
    let record = get(hub, caller, centre, device).await?;
    let removed = hub.store.remove_device(&record.device).await?;
    if removed {
        hub.live.plan_changed(centre.id);
    }
    Ok(removed)
}

/// A one-time code for a device, or the name that cannot stand in its certificate. An edge's
/// certificate will be good for `names`, hosts and addresses with commas; where nothing is said,
/// for those it had.
///
/// # Errors
/// [`Refused`] when they may not, or the store or the random source fails.
pub async fn enrol_code(
    hub: &Hub,
    caller: &Caller,
    centre: &Centre,
    device: &str,
    names: &str,
) -> Result<Result<OneTimeCode, String>, Refused> {
    let record = get(hub, caller, centre, device).await?;
    let names = match names_in(names) {
        none if none.is_empty() => record.names,
        names => names,
    };
    match enrol::new_code(hub, &record.device, &names, CODE_LASTS).await {
        Ok(code) => {
            // Nobody knows it before it is recorded who has it.
            audit::record(hub, caller, code_made_entry(&record.device, record.centre)).await?;
            Ok(Ok(code))
        }
        Err(NoCode::Name(AuthorityError::Name(name))) => Ok(Err(name)),
        Err(NoCode::UnknownDevice(_)) => Err(Refused::NotFound),
        Err(NoCode::Store(error)) => Err(error.into()),
        Err(NoCode::NoChance) => Err(Refused::Chance),
        Err(NoCode::Name(_)) => Err(Refused::Inner("the authority cannot sign")),
        Err(NoCode::NotRecorded) => Err(Refused::Inner("the audit record cannot be written")),
    }
}

/// [`enrol_code`] by whoever has the hub's command line, for so long and for these names.
///
/// # Errors
/// When there is no such device, a name cannot stand in a certificate, or the store or the random source fails.
pub async fn enrol_code_by_hand(
    hub: &Hub,
    device: &DeviceId,
    names: &[String],
    lasts: TimeDelta,
) -> Result<OneTimeCode, NoCode> {
    let code = enrol::new_code(hub, device, names, lasts).await?;
    let record = hub.store.device(device).await?;
    let record = record.ok_or_else(|| NoCode::UnknownDevice(device.clone()))?;
    let entry = code_made_entry(device, record.centre);
    audit::record_as(hub, AuditActor::Hub, entry).await.map_err(|_| NoCode::NotRecorded)?;
    Ok(code)
}

/// Locks a device out, wherever it is connected; answers whether there was anything to lock.
///
/// # Errors
/// [`Refused`] when they may not, or the store fails.
pub async fn revoke(
    hub: &Hub,
    caller: &Caller,
    centre: &Centre,
    device: &str,
    reason: RevokedFor,
) -> Result<bool, Refused> {
    let record = get(hub, caller, centre, device).await?;
    // First of all it is out, whatever becomes of the record.
    let revoked = lock_out(hub, &record, reason).await?;
    if revoked {
        audit::record(hub, caller, revoked_entry(&record, reason)).await?;
    }
    Ok(revoked)
}

/// [`revoke`] by whoever has the hub's command line.
///
/// # Errors
/// When the store fails.
pub async fn revoke_by_hand(
    hub: &Hub,
    record: &DeviceRecord,
    reason: RevokedFor,
) -> Result<bool, Refused> {
    let revoked = lock_out(hub, record, reason).await?;
    if revoked {
        audit::record_as(hub, AuditActor::Hub, revoked_entry(record, reason)).await?;
    }
    Ok(revoked)
}

async fn lock_out(hub: &Hub, record: &DeviceRecord, reason: RevokedFor) -> Result<bool, Refused> {
    let revoked = hub.store.revoke_device(&record.device, reason, hub.now()).await?;
    hub.live.plan_changed(record.centre);
    Ok(revoked)
}

fn code_made_entry(device: &DeviceId, centre: CentreId) -> Entry {
    Entry::new(AuditAction::DeviceCodeMade).at(centre).note("device", device.as_str())
}

fn revoked_entry(record: &DeviceRecord, reason: RevokedFor) -> Entry {
    Entry::new(AuditAction::DeviceRevoked)
        .at(record.centre)
        .note("device", record.device.as_str())
        .note("reason", reason.as_str())
}
