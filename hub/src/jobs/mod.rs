//! Work that comes round by itself.
//!
//! The scheduler's tick only notes that a job is due; workers of any hub take it from the
//! database, so no hub has to lead. Jobs take no input: they look at the state and mend it.

pub mod release_no_shows;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use store::StoreError;
use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

use crate::hub::Hub;

/// When the jobs are due: at every full minute.
const EVERY_MINUTE: &str = "0 * * * * *";
/// A worker looks for jobs of other hubs at least so often.
const LOOK: Duration = Duration::from_secs(20);

/// Notes what is due and works on it until the hub stops.
///
/// # Errors
/// When the scheduler cannot be started.
pub async fn run(hub: Hub) -> Result<(), JobSchedulerError> {
    let due = Arc::new(Notify::new());
    let mut scheduler = JobScheduler::new().await?;
    let (ticking, tick_due) = (hub.clone(), due.clone());
    let tick = Job::new_async(EVERY_MINUTE, move |_, _| {
        let (hub, due) = (ticking.clone(), tick_due.clone());
        Box::pin(async move { note_due(&hub, &due).await })
    })?;
    scheduler.add(tick).await?;
    scheduler.start().await?;
    // What came due while no hub ran.
    note_due(&hub, &due).await;

    let mut stopping = hub.live.stopping();
    let worker = format!("hub-{}", hub.new_id().unwrap_or_default());
    while !*stopping.borrow() {
        if let Err(error) = work(&hub, &worker).await {
            tracing::warn!(%error, "a job could not be done; it is tried again");
        }
        tokio::select! {
            () = due.notified() => {}
            () = sleep(LOOK) => {}
            _ = stopping.changed() => {}
        }
    }
    scheduler.shutdown().await
}

/// Notes that every job is due at the minute that has begun.
///
/// # Errors
/// When the database does not answer.
pub async fn enqueue(hub: &Hub) -> Result<(), StoreError> {
    hub.store.enqueue(release_no_shows::NAME, minute_of(hub.now())).await
}

/// Takes and does what is due; answers how many jobs that were.
///
/// # Errors
/// When the database does not answer. A job that failed is taken again after five minutes.
pub async fn work(hub: &Hub, worker: &str) -> Result<u32, StoreError> {
    let mut done = 0;
    while let Some(job) = hub.store.claim(worker, hub.now()).await? {
        match job.job.as_str() {
            release_no_shows::NAME => {
                release_no_shows::run(hub).await?;
            }
            unknown => tracing::warn!(job = unknown, "nobody knows this job"),
        }
        hub.store.finish(&job, hub.now()).await?;
        done += 1;
    }
    Ok(done)
}

async fn note_due(hub: &Hub, due: &Notify) {
    match enqueue(hub).await {
        Ok(()) => due.notify_one(),
        Err(error) => tracing::warn!(%error, "cannot note that jobs are due"),
    }
}

fn minute_of(time: DateTime<Utc>) -> DateTime<Utc> {
    time.duration_trunc(TimeDelta::minutes(1)).unwrap_or(time)
}
