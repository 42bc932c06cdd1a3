//! What was kept long enough is deleted, or keeps only its figures: once a day, by the rules in
//! the table `retention`, in steps small enough that nobody waits.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use model::audit::{AuditAction, AuditActor};
use model::id::PersonId;
use store::{Base, Kept, KeyOwner, Retention};

use crate::hub::Hub;
use crate::service::audit::witness::wire_head;
use crate::service::audit::{Entry, record_as};
use crate::service::{Refused, vault};

/// So many rows go in one transaction.
const STEP: u32 = 500;

/// Forgets what is due; answers how many of each went.
///
/// # Errors
/// When the store fails; what is left is forgotten the next time.
pub async fn run(hub: &Hub) -> Result<BTreeMap<Kept, u64>, Refused> {
    let mut gone = BTreeMap::new();
    for Retention { what, days, .. } in hub.store.retention().await? {
        let before = hub.now() - TimeDelta::days(days.into());
        let count = match what {
            Kept::Audit => audit(hub, before).await?,
            Kept::Visits => visits(hub, before).await?,
            what => rows(hub, what, before).await?,
        };
        if count > 0 {
            gone.insert(what, count);
        }
    }
    if !gone.is_empty() {
        let mut entry = Entry::new(AuditAction::DataForgotten);
        for (what, count) in &gone {
            let name = serde_json::to_value(what).unwrap_or_default();
            entry = entry.note(name.as_str().unwrap_or("other"), count.to_string());
        }
        record_as(hub, AuditActor::Hub, entry).await?;
    }
    Ok(gone)
}

async fn rows(hub: &Hub, what: Kept, before: DateTime<Utc>) -> Result<u64, Refused> {
    let mut gone = 0;
    loop {
        let step = hub.store.forget(what, before, STEP).await?;
        gone += step;
        if step < u64::from(STEP) {
            return Ok(gone);
        }
    }
}

async fn visits(hub: &Hub, before: DateTime<Utc>) -> Result<u64, Refused> {
    let mut gone = 0;
    loop {
        let visitors = hub.store.visitors_before(before, STEP).await?;
        if visitors.is_empty() {
            return Ok(gone);
        }
        let mut step = 0;
        for person in visitors {
            // The same for all of somebody's visits, so that reports count them once; it leads
            // back to them for as long as their key is there, and to nobody after.
            let pseudonym = vault::key_for(hub, KeyOwner::Person(person)).await?.id;
            step += hub.store.pseudonymise(person, PersonId(pseudonym.0), before).await?;
        }
        if step == 0 {
            return Ok(gone);
        }
        gone += step;
    }
}

async fn audit(hub: &Hub, before: DateTime<Utc>) -> Result<u64, Refused> {
    let mut gone = 0;
    while let Some(head) = hub.store.audit_older(before, STEP).await? {
        let Some(vouched) = wire_head(&head) else { break };
        let signature = hub.keys.sheet.vouch(&vouched);
        let step = hub.store.cut_audit(&Base { head, signature }).await?;
        if step == 0 {
            break;
        }
        gone += step;
    }
    Ok(gone)
}
