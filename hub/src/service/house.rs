//! The rules of a house, and how much may be booked.

use chrono::NaiveDate;
use chrono_tz::Asia::Tokyo;
use model::audit::AuditAction;
use model::card::one_line;
use model::centre::{BadSettings, Centre, CentreSettings, HouseRule};
use model::id::{CentreId, EmployerId, QuotaId};
use model::language::LocalText;
use model::permission::{Action, Target, may};
use model::quota::{BadQuota, LONGEST_SOURCE, Measure, Quota, Subject};

use super::atlas::Atlas;
use super::audit::{self, Entry};
use super::{Caller, Refused, allow, allow_or_hide, members};
use crate::hub::Hub;

/// Why house rules are not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSet {
    /// They make no sense.
    Bad(BadSettings),
    /// Somebody has changed them since they were read; this is their version now,
    /// or will be in a moment.
    Newer(u32),
}

/// The house rules of a centre with their version, for those who may change them.
///
/// # Errors
/// [`Refused`] when they may not, or there is no such centre.
pub fn settings<'a>(
    atlas: &'a Atlas,
    caller: &Caller,
    centre: CentreId,
) -> Result<(&'a CentreSettings, u32), Refused> {
    allow(caller, Action::ManageHouse, &Target::at(centre))?;
    let centre = atlas.centre(centre).ok_or(Refused::NotFound)?;
    Ok((&centre.settings, centre.settings_version))
}

/// Changes the house rules of a centre that stand in this version, and answers the next; its sheets
/// are made anew by them. Rules that are so already are not changed, whatever version was read.
///
/// # Errors
/// [`Refused`] when they may not, there is no such centre, or the store fails.
pub async fn set_settings(
    hub: &Hub,
    atlas: &Atlas,
    caller: &Caller,
    centre: CentreId,
    settings: CentreSettings,
    version: u32,
) -> Result<Result<u32, NotSet>, Refused> {
    allow(caller, Action::ManageHouse, &Target::at(centre))?;
    let centre = atlas.centre(centre).ok_or(Refused::NotFound)?;
    if let Err(bad) = settings.check() {
        return Ok(Err(NotSet::Bad(bad)));
    }
    let (before, now) = (&centre.settings, centre.settings_version);
    if settings == *before {
        return Ok(Ok(now));
    }
    if version != now {
        return Ok(Err(NotSet::Newer(now)));
    }
    let mut entry = Entry::new(AuditAction::HouseRulesChanged).at(centre.id);
    for rule in HouseRule::ALL {
        let (old, new) = (before.get(rule), settings.get(rule));
        if old != new {
            entry = entry.note(rule.as_str(), format!("{old} -> {new}"));
        }
    }
    if before.approval != settings.approval {
        let (old, new) = (before.approval.as_str(), settings.approval.as_str());
        entry = entry.note("approval", format!("{old} -> {new}"));
    }
    if !hub.store.set_settings(&Centre { settings, ..centre.clone() }).await? {
        return Ok(Err(NotSet::Newer(now + 1)));
    }
    hub.live.plan_changed(centre.id);
    audit::record(hub, caller, entry).await?;
    Ok(Ok(now + 1))
}

/// A quota that is to be kept.
#[derive(Clone, Debug)]
pub struct NewQuota {
    /// Whose bookings are counted together.
    pub subject: Subject,
    /// Only bookings that this employer pays for.
    pub employer: Option<EmployerId>,
    /// Only bookings at this centre.
    pub centre: Option<CentreId>,
    /// What is counted.
    pub measure: Measure,
    /// The most that there may be.
    pub most: u32,
    /// The first day it counts on; today where there is none.
    pub from_day: Option<NaiveDate>,
    /// The first day it does not count on any more.
    pub until_day: Option<NaiveDate>,
    /// Where it comes from.
    pub source: LocalText,
}

/// Why a quota is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoQuota {
    /// It makes no sense.
    #[error(transparent)]
    Bad(#[from] BadQuota),
    /// There is no such centre.
    #[error("there is no such centre")]
    NoCentre,
    /// There is no such employer.
    #[error("there is no such employer")]
    NoEmployer,
    /// Where it comes from is not said in both languages, in a line each.
    #[error(
        "say where it comes from in Japanese and English, in 1 to {LONGEST_SOURCE} characters each"
    )]
    NoSource,
}

/// Every quota of now or to come, by id.
///
/// # Errors
/// [`Refused`] when they may not, or the store fails.
pub async fn quotas(hub: &Hub, caller: &Caller) -> Result<Vec<Quota>, Refused> {
    allow(caller, Action::ManageQuotas, &Target::default())?;
    Ok(hub.store.quotas(today(hub, None)).await?)
}

/// The quotas of now or to come on what an employer pays for, by id.
///
/// # Errors
/// [`Refused`] when they may not, or the store fails.
pub async fn quotas_of(
    hub: &Hub,
    caller: &Caller,
    employer: EmployerId,
) -> Result<Vec<Quota>, Refused> {
    members::employer(hub, caller, Action::ManageQuotas, employer).await?;
    let mut quotas = hub.store.quotas(today(hub, None)).await?;
    quotas.retain(|quota| quota.employer == Some(employer));
    Ok(quotas)
}

/// Decides how much may be booked from some day on. What is booked already stands.
///
/// # Errors
/// [`Refused`] when they may not, or the store or the random source fails.
pub async fn add_quota(
    hub: &Hub,
    atlas: &Atlas,
    caller: &Caller,
    new: NewQuota,
) -> Result<Result<Quota, NoQuota>, Refused> {
    let target = Target { employer: new.employer, ..Target::default() };
    allow_or_hide(caller, Action::ManageQuotas, &target)?;
    let centre = match new.centre {
        None => None,
        Some(id) => match atlas.centre(id) {
            None => return Ok(Err(NoQuota::NoCentre)),
            centre => centre,
        },
    };
    if let Some(employer) = new.employer
        && !hub.store.employers().await?.iter().any(|known| known.id == employer)
    {
        return Ok(Err(NoQuota::NoEmployer));
    }
    let line = |text: &str| one_line(text, LONGEST_SOURCE);
    let (Some(ja), Some(en)) = (line(&new.source.ja), line(&new.source.en)) else {
        return Ok(Err(NoQuota::NoSource));
    };
    let quota = Quota {
        id: QuotaId(hub.new_id()?),
        subject: new.subject,
        employer: new.employer,
        centre: new.centre,
        measure: new.measure,
        most: new.most,
        from_day: new.from_day.unwrap_or_else(|| today(hub, centre)),
        until_day: new.until_day,
        source: LocalText { ja, en },
    };
    if let Err(bad) = quota.check() {
        return Ok(Err(bad.into()));
    }
    hub.store.add_quota(&quota).await?;
    audit::record(hub, caller, entry(AuditAction::QuotaAdded, &quota)).await?;
    Ok(Ok(quota))
}

/// Ends a quota: from today on it does not count any more. Answers how it stood.
///
/// # Errors
/// [`Refused`] when there is none that they may end, or the store fails.
pub async fn end_quota(
    hub: &Hub,
    atlas: &Atlas,
    caller: &Caller,
    id: Option<QuotaId>,
) -> Result<Quota, Refused> {
    caller.signed_in()?;
    let mut quotas = hub.store.quotas(today(hub, None)).await?.into_iter();
    let quota = quotas.find(|quota| Some(quota.id) == id);
    // Whether there is one is for those who may end it.
    let target =
        quota.as_ref().map(|quota| Target { employer: quota.employer, ..Target::default() });
    allow_or_hide(caller, Action::ManageQuotas, &target.unwrap_or_default())?;
    let quota = quota.ok_or(Refused::NotFound)?;
    let centre = quota.centre.and_then(|centre| atlas.centre(centre));
    if !hub.store.end_quota(quota.id, today(hub, centre)).await? {
        return Err(Refused::NotFound);
    }
    audit::record(hub, caller, entry(AuditAction::QuotaEnded, &quota)).await?;
    Ok(quota)
}

/// Whether the caller decides how much everybody may book.
#[must_use]
pub fn decides_for_all(caller: &Caller) -> bool {
    may(&caller.actor, Action::ManageQuotas, &Target::default())
}

/// The day at a centre; where there is none, in Japan.
#[must_use]
pub fn today(hub: &Hub, centre: Option<&Centre>) -> NaiveDate {
    let zone = centre.map_or(Tokyo, |centre| centre.time_zone);
    hub.now().with_timezone(&zone).date_naive()
}

fn entry(action: AuditAction, quota: &Quota) -> Entry {
    let said = |id: Option<String>| id.unwrap_or_else(|| "-".to_owned());
    let entry = Entry::new(action)
        .note("quota", quota.id.to_string())
        .note("subject", quota.subject.as_str())
        .note("most", format!("{} {}", quota.most, quota.measure.as_str()))
        .note("employer", said(quota.employer.map(|id| id.to_string())))
        .note("from", quota.from_day.to_string())
        .note("until", said(quota.until_day.map(|day| day.to_string())));
    match quota.centre {
        Some(centre) => entry.at(centre),
        None => entry,
    }
}
