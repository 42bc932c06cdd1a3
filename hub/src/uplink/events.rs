//! What a site tells: batches of events, and its whole state when the mirror has gone astray.

use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use model::care::day::{CareAlarm, CareEvent};
use model::event_chain::SiteAlarmKind;
use model::permission::Action;
use model::site_event::Happening;
use store::{EventBatch, EventsTaken, ToldRecord};
use twin::Snapshot;
use wire::chain;
use wire::event::{Batch, EventBody, Gap, MOST_EVENTS, SiteSnapshot, Taken};

use super::peer::Device;
use super::{alarms, care};
use crate::hub::Hub;
use crate::problem::Problem;
use crate::service::lease;
use crate::service::order::spares;

/// So far ahead of the events that are committed a snapshot may be.
const SNAPSHOT_AHEAD: u64 = 10_000;

/// `POST /uplink/v1/events`: answered after the commit, with the place reached.
pub async fn post(
    State(hub): State<Hub>,
    edge: Device,
    body: Result<Json<Batch>, JsonRejection>,
) -> Result<Response, Problem> {
    edge.allow_here(Action::TellEvents)?;
    let Json(batch) = body?;
    let now = hub.now();
    let last = check(&batch)?;
    let chain = chain::check(&batch).map_err(|bad| Problem::malformed(format!("{bad}.")))?;
    let centre = hub
        .live
        .sheets
        .centre(&hub, edge.centre)
        .await?
        .ok_or_else(|| Problem::not_found("The device's centre is no longer there."))?;
    let changes_plan = batch.events.iter().any(|event| match &event.what {
        Happening::NoShow { .. }
        | Happening::CheckedOut { gives_up: Some(_), .. }
        | Happening::WalkedIn { .. } => true,
        Happening::Refused { late_for, .. } => !late_for.is_empty(),
        // The rest of the care is for others, or is not charged; and the sheet says who is in care.
        Happening::Care(
            CareEvent::DroppedOff { .. }
            | CareEvent::HandedOver { .. }
            | CareEvent::PutRight { .. }
            | CareEvent::Recalled { .. },
        ) => true,
        _ => false,
    });
    let spare = if changes_plan { spares(&hub)? } else { Vec::new() };
    let runs_on_another =
        batch.events.iter().any(|event| matches!(event.what, Happening::SheetInForce { .. }));
    let calls = batch.events.iter().any(|event| {
        let Happening::Care(CareEvent::AlarmRaised { alarm }) = &event.what else { return false };
        matches!(alarm, CareAlarm::Due { .. } | CareAlarm::Late { .. })
    });
    let before = hub.store.site_status(edge.centre).await?.reached;
    care::record(&hub, &edge, &batch, before).await?;
    let bodies = batch.events.iter().map(|event| event.written().to_owned()).collect();
    let told = ToldRecord { bodies, chain, boot: batch.boot };
    let brings_news = !batch.events.is_empty();
    let taking = EventBatch {
        centre: centre.as_ref().clone(),
        edge: edge.device.clone(),
        first: batch.first,
        events: batch.events.into_iter().map(EventBody::into_event).collect(),
        // A site whose clock is ahead has still told nothing of the future.
        told_until: batch.told_until.min(now),
        at: now,
        spare,
    };
    let (taken, noticed) = hub.store.take_recorded(&taking, &told).await?;
    if (brings_news || !noticed.is_empty())
        && let Err(error) = alarms::record(&hub, &edge).await
    {
        // The events are committed: the site must hear so. It is recorded with what comes next.
        tracing::error!(%error, "what was noticed of a site is not in the record yet");
    }
    let twin = noticed
        .iter()
        .any(|one| matches!(one.kind, SiteAlarmKind::Twin | SiteAlarmKind::ChainForked));
    let reached = match taken {
        EventsTaken::Gap(expected) => {
            return Ok((StatusCode::CONFLICT, Json(Gap { expected })).into_response());
        }
        EventsTaken::Reached(reached) => reached,
    };
    hub.live.counters.events_taken.fetch_add(reached.saturating_sub(before), Ordering::Relaxed);
    if changes_plan {
        hub.live.plan_changed(edge.centre);
    }
    if runs_on_another && let Err(error) = lease::free_returned(&hub, &centre).await {
        // The events are committed: the site must hear so. It is tried again every minute.
        tracing::error!(%error, "what the site has let go of is not free yet");
    }
    if calls {
        hub.live.notice_written.notify_one();
    }
    let want_snapshot =
        match hub.live.differs(&hub, edge.centre, last, batch.state.as_deref()).await {
            Ok(differs) => differs,
            // The events are committed: the site must hear so, whatever became of the mirror.
            Err(error) => {
                tracing::warn!(%error, "the mirror could not follow");
                false
            }
        };
    Ok(Json(Taken { reached, want_snapshot, twin }).into_response())
}

/// `PUT /uplink/v1/snapshot`: the site's state takes the mirror's place.
pub async fn put_snapshot(
    State(hub): State<Hub>,
    edge: Device,
    body: Result<Json<SiteSnapshot>, JsonRejection>,
) -> Result<Response, Problem> {
    edge.allow_here(Action::TellEvents)?;
    let Json(SiteSnapshot { place, state }) = body?;
    let snapshot: Snapshot = serde_json::from_value(state)
        .map_err(|error| Problem::malformed(format!("The state is no snapshot: {error}.")))?;
    let reached = hub.store.site_status(edge.centre).await?.reached;
    if place > reached.saturating_add(SNAPSHOT_AHEAD) {
        return Ok((StatusCode::CONFLICT, Json(Gap { expected: reached + 1 })).into_response());
    }
    hub.live.put_snapshot(&hub, edge.centre, place, &snapshot).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The place of the last event of a batch that is in good form.
fn check(batch: &Batch) -> Result<u64, Problem> {
    if batch.events.len() > MOST_EVENTS {
        return Err(Problem::too_large(format!("A batch holds at most {MOST_EVENTS} events.")));
    }
    let many = u64::try_from(batch.events.len()).unwrap_or(u64::MAX);
    batch
        .first
        .checked_sub(1)
        .and_then(|before| before.checked_add(many))
        .filter(|last| i64::try_from(*last).is_ok())
        .ok_or_else(|| Problem::malformed("Places of events begin at 1."))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    #[test]
    fn places_begin_at_one_and_do_not_run_over() {
        let batch = |first| Batch { first, ..Batch::default() };
        assert_eq!(check(&batch(1)).unwrap(), 0);
        assert_eq!(check(&batch(8)).unwrap(), 7);
        assert_eq!(check(&batch(0)).unwrap_err().status, 400);
        assert_eq!(check(&batch(u64::MAX)).unwrap_err().status, 400);
    }
}
