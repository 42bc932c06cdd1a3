//! Work that comes round by itself.
//!
//! The scheduler's tick only notes that a job is due; workers of any hub take it from the
//! database, so no hub has to lead. Jobs take no input: they look at the state and mend it.

pub mod end_holds;
pub mod forget;
pub mod keep_leases;
pub mod release_no_shows;
pub mod retire_card_keys;
pub mod sweep_devices;
pub mod sweep_sign_ins;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use futures::future::BoxFuture;
use model::permission::{Action, Actor, Target, may};
use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

use crate::hub::Hub;
use crate::service::Refused;

/// What comes round by itself.
struct Work {
    /// Its name in the database.
    name: &'static str,
    /// How often it is due, counted from 1970 in UTC.
    every: TimeDelta,
    /// The right that it needs.
    needs: Action,
    /// Does it, and answers how much there was to do.
    run: for<'a> fn(&'a Hub) -> BoxFuture<'a, Result<u64, Refused>>,
}

const WORK: &[Work] = &[
    Work {
        name: "release-no-shows",
        every: TimeDelta::minutes(1),
        needs: Action::ReleaseNoShows,
        run: |hub| Box::pin(release_no_shows::run(hub)),
    },
    Work {
        name: "end-holds",
        every: TimeDelta::minutes(1),
        needs: Action::ReleaseNoShows,
        run: |hub| Box::pin(end_holds::run(hub)),
    },
    Work {
        name: "keep-leases",
        every: TimeDelta::minutes(1),
        needs: Action::KeepLeases,
        run: |hub| Box::pin(keep_leases::run(hub)),
    },
    Work {
        name: "sweep-devices",
        every: TimeDelta::minutes(1),
        needs: Action::ForgetOldData,
        run: |hub| Box::pin(sweep_devices::run(hub)),
    },
    Work {
        name: "sweep-sign-ins",
        every: TimeDelta::minutes(10),
        needs: Action::ForgetOldData,
        run: |hub| Box::pin(sweep_sign_ins::run(hub)),
    },
    Work {
        name: "retire-card-keys",
        every: TimeDelta::minutes(10),
        needs: Action::ForgetOldData,
        run: |hub| Box::pin(retire_card_keys::run(hub)),
    },
    Work {
        name: "forget",
        every: TimeDelta::days(1),
        needs: Action::ForgetOldData,
        run: |hub| Box::pin(async move { Ok(forget::run(hub).await?.values().sum()) }),
    },
];

/// When it is looked what is due: at every full minute.
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

/// Notes every job as due at the last time that its round came by.
///
/// # Errors
/// When the database does not answer.
pub async fn enqueue(hub: &Hub) -> Result<(), Refused> {
    for work in WORK {
        hub.store.enqueue(work.name, round_of(hub.now(), work.every)).await?;
    }
    Ok(())
}

/// Takes and does what is due; answers how many jobs that were.
///
/// # Errors
/// When the database does not answer. A job that failed is taken again after five minutes.
pub async fn work(hub: &Hub, worker: &str) -> Result<u32, Refused> {
    let mut done = 0;
    while let Some(job) = hub.store.claim(worker, hub.now()).await? {
        match WORK.iter().find(|work| work.name == job.job) {
            Some(work) if may(&Actor::clockwork(), work.needs, &Target::default()) => {
                let count = (work.run)(hub).await?;
                tracing::debug!(job = work.name, count, "done");
            }
            Some(work) => tracing::error!(job = work.name, "the table of rights does not have it"),
            None => tracing::warn!(job = job.job, "nobody knows this job"),
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

fn round_of(time: DateTime<Utc>, every: TimeDelta) -> DateTime<Utc> {
    time.duration_trunc(every).unwrap_or(time)
}
