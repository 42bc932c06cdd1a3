//! What staff do with children at a site leaves entries in the record, as what they do here does.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat, Utc};
use model::audit::{AuditAction, AuditActor};
use model::care::day::{CareEvent, Claimed, Claimer, NotHandedOver};
use model::id::{AuditId, BookingId, CentreId, ChildId, NurseryId, PersonId};
use model::people::{Given, Grant};
use model::site_event::{Happening, SiteEvent};
use wire::event::Batch;

use super::peer::Device;
use crate::hub::Hub;
use crate::service::Refused;
use crate::service::audit::{Entry, record_as};
use crate::service::secret::sha256;

/// Records what the events after the place `reached` tell of looks at children and of hand-overs.
///
/// It is done before the batch is committed: the other way round a look could go without its trace. Where the commit then
/// fails, the site tells the batch again; each entry stands here once.
///
/// # Errors
/// When the store, the random source or a seal fails.
pub(super) async fn record(
    hub: &Hub,
    edge: &Device,
    batch: &Batch,
    reached: u64,
) -> Result<(), Refused> {
    // What leaves a gap is not taken.
    if batch.first > reached.saturating_add(1) {
        return Ok(());
    }
    let mut scribe = None;
    for (place, event) in (batch.first..).zip(&batch.events) {
        if place > reached
            && let Happening::Care(care) = &event.what
            && let Some(entry) = entry_of(care)
        {
            let scribe = match &mut scribe {
                Some(scribe) => scribe,
                None => scribe.insert(Scribe::new(hub, edge, batch).await?),
            };
            scribe.keep(place, event, care, entry).await?;
        }
    }
    Ok(())
}

/// What is recorded of an event, if anything is.
fn entry_of(care: &CareEvent) -> Option<Entry> {
    let entry = Entry::new;
    Some(match care {
        CareEvent::LookedAt { .. } => {
            entry(AuditAction::ChildHealthSeen).note("by", "nursery screen")
        }
        CareEvent::DroppedOff { brought_by, .. } => {
            let entry = entry(AuditAction::ChildBrought);
            match brought_by {
                Some(person) => entry.note("brought by", person.to_string()),
                None => entry,
            }
        }
        CareEvent::HandedOver { to, by, telephoned, .. } => {
            let shown = match by {
                Claimed::Card { .. } => "card",
                Claimed::Pin => "pin",
                Claimed::Voucher => "voucher",
            };
            let entry =
                entry(AuditAction::ChildHandedOver).note("to", who((*to).into())).note("by", shown);
            if *telephoned { entry.note("telephoned", "yes") } else { entry }
        }
        CareEvent::HandOverRefused { why, who: wanted, .. } => {
            let entry = entry(AuditAction::HandOverRefused).note("why", reason(*why));
            match wanted {
                Some(wanted) => entry.note("to", who(*wanted)),
                None => entry,
            }
        }
        CareEvent::PutRight { .. } => entry(AuditAction::CareRecordPutRight),
        CareEvent::SignedIn { let_in: false, .. } => {
            entry(AuditAction::SignInRefused).note("means", "nursery screen")
        }
        _ => return None,
    })
}

fn who(claims: Claimer) -> String {
    match claims {
        Claimer::Account(person) => format!("person {person}"),
        Claimer::Named(collector) => format!("collector {collector}"),
    }
}

/// Why a child was not handed over, as one word.
fn reason(why: NotHandedOver) -> String {
    let said = match why {
        NotHandedOver::NotCollecting(why) => serde_json::to_value(why),
        why => serde_json::to_value(why),
    };
    said.ok().and_then(|said| said.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Writes down what one site tells.
struct Scribe<'a> {
    hub: &'a Hub,
    edge: &'a Device,
    /// The nurseries of its centre.
    nurseries: BTreeSet<NurseryId>,
    /// On which bookings the batch says that children were brought.
    brought: BTreeMap<ChildId, BookingId>,
}

impl<'a> Scribe<'a> {
    async fn new(hub: &'a Hub, edge: &'a Device, batch: &Batch) -> Result<Self, Refused> {
        let all = hub.store.nurseries().await?;
        let ours = all.into_iter().filter(|one| one.centre == edge.centre);
        let brought = batch.events.iter().filter_map(|event| match event.what {
            Happening::Care(CareEvent::DroppedOff { child, booking, .. }) => Some((child, booking)),
            _ => None,
        });
        let nurseries = ours.map(|one| one.id).collect();
        Ok(Self { hub, edge, nurseries, brought: brought.collect() })
    }

    async fn keep(
        &self,
        place: u64,
        event: &SiteEvent,
        care: &CareEvent,
        entry: Entry,
    ) -> Result<(), Refused> {
        let hub = self.hub;
        let staff = match care.staff() {
            Some(person) if self.works_here(person, event.at).await? => Some(person),
            _ => None,
        };
        // The record's own time is when the hub heard of it.
        let happened = event.at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let entry = entry
            .named(id_of(self.edge.centre, place))
            .note("happened", happened)
            .note("event", place.to_string())
            .note("site", self.edge.device.to_string());
        let Some(child) = care.child() else {
            let entry = entry.at(self.edge.centre);
            // Whoever does not know the PIN need not be whom they say.
            let entry = match staff {
                Some(staff) => entry.about(staff),
                None => entry,
            };
            return record_as(hub, AuditActor::Nobody, entry).await;
        };
        // The centre's operators see how many children there are, not which: these entries are not theirs to read.
        let device = AuditActor::Device(self.edge.device.clone());
        let unsealed = entry.clone().note("child", child.to_string());
        if !self.is_kept(child).await? {
            return record_as(hub, device, unsealed).await;
        }
        let actor = staff.map_or_else(|| device.clone(), AuditActor::Person);
        match record_as(hub, actor, entry.about_child(child)).await {
            // One key that cannot be opened must not keep back everything else that the site has to tell.
            Err(Refused::Seal(error)) => {
                tracing::error!(%child, %error, "an entry could not be sealed for its child");
                record_as(hub, device, unsealed).await
            }
            done => done,
        }
    }

    /// Whether somebody worked in one of the centre's nurseries then. Of nobody else a site says what they did; and whoever
    /// was erased gets no new key.
    async fn works_here(&self, person: PersonId, at: DateTime<Utc>) -> Result<bool, Refused> {
        let Some(person) = self.hub.store.person(person).await? else { return Ok(false) };
        let at = at.min(self.hub.now());
        let works = |given: &Given| {
            let ours = matches!(given.grant, Grant::NurseryStaff { nursery } if self.nurseries.contains(&nursery));
            ours && given.term.holds_at(at)
        };
        Ok(!person.email.ends_with(".invalid") && person.grants.iter().any(works))
    }

    /// Whether a child is kept of which the site has something to tell.
    async fn is_kept(&self, child: ChildId) -> Result<bool, Refused> {
        let store = &self.hub.store;
        let found = store.child(child).await?;
        let on = self.brought.get(&child).copied();
        Ok(found.is_some_and(|(kept, _)| !kept.sealed.is_empty())
            && store.was_cared_for(self.edge.centre, child, on).await?)
    }
}

/// An entry's id, made from the event that it tells of.
fn id_of(centre: CentreId, place: u64) -> AuditId {
    let hash = sha256(format!("kyoten: told by {centre} at {place}").as_bytes());
    let mut id = [0; 16];
    id.copy_from_slice(&hash[..16]);
    AuditId(uuid::Builder::from_custom_bytes(id).into_uuid())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_is_told_again_has_the_same_id() {
        let centre = |n| CentreId(Uuid::from_u128(n));
        assert_eq!(id_of(centre(1), 7), id_of(centre(1), 7));
        assert_ne!(id_of(centre(1), 7), id_of(centre(1), 8));
        assert_ne!(id_of(centre(1), 7), id_of(centre(2), 7));
    }
}
