//! Word between hubs that share the database, by LISTEN and NOTIFY.
//!
//! Told after the commit, for many changes at once: a NOTIFY inside a transaction makes PostgreSQL
//! commit one such transaction after the other, each with its own wait for the disk. A hub that
//! dies in between has told nobody; whoever relies on the news compares revisions now and then.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::NaiveDate;
use model::id::CentreId;
use sqlx::postgres::PgListener;
use store::{DayNews, Result, StoreError};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use uuid::Uuid;

use crate::PostgresStore;
use crate::shared::Noted;

const CHANNEL: &str = "kyoten_days";
/// News are gathered for so long before they are told.
const GATHERED: Duration = Duration::from_millis(10);
/// So many days fit into one notification, which PostgreSQL keeps under 8000 bytes.
const MOST: usize = 100;

/// What one hub tells the others.
#[derive(serde::Serialize, serde::Deserialize)]
struct Told {
    hub: Uuid,
    days: Noted,
}

impl PostgresStore {
    pub(crate) async fn others(&self) -> Result<()> {
        let own = self.news.listen();
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen(CHANNEL).await?;
        // Whatever was told before is unknown here.
        self.news.put(DayNews::Lost);
        // Neither stops the other half way: a line that is just coming back would not be heard of.
        tokio::select! {
            ended = self.hear_all(listener) => ended,
            ended = self.tell_all(own) => ended,
        }
    }

    async fn hear_all(&self, mut listener: PgListener) -> Result<()> {
        loop {
            match listener.try_recv().await? {
                Some(heard) => self.hear(heard.payload()),
                // The line broke, and is up again.
                None => self.news.put(DayNews::Lost),
            }
        }
    }

    /// Tells the others what was changed here, until nothing can be any more.
    async fn tell_all(&self, mut own: Receiver<DayNews>) -> Result<()> {
        loop {
            let mut next = own.recv().await.map_err(|lost| match lost {
                RecvError::Lagged(_) => TryRecvError::Lagged(0),
                RecvError::Closed => TryRecvError::Closed,
            });
            let mut days = BTreeSet::new();
            tokio::time::sleep(GATHERED).await;
            loop {
                match next {
                    Ok(DayNews::Changed { centre, day, here: true }) => {
                        days.insert((centre, day));
                    }
                    // Others find what is missing when they compare revisions.
                    Ok(_) | Err(TryRecvError::Lagged(_)) => {}
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Closed) => return Ok(()),
                }
                next = own.try_recv();
            }
            self.notify(&days.into_iter().collect::<Vec<_>>()).await?;
        }
    }

    fn hear(&self, payload: &str) {
        match serde_json::from_str::<Told>(payload) {
            Ok(told) if told.hub == self.hub => {}
            Ok(told) => {
                for (centre, day) in told.days {
                    self.news.put(DayNews::Changed { centre, day, here: false });
                }
            }
            Err(error) => {
                tracing::warn!(%error, "another hub's word of changed days cannot be read");
                self.news.put(DayNews::Lost);
            }
        }
    }

    async fn notify(&self, days: &[(CentreId, NaiveDate)]) -> Result<()> {
        for days in days.chunks(MOST) {
            let told = serde_json::to_string(&Told { hub: self.hub, days: days.to_vec() })
                .map_err(|error| StoreError::Corrupt(error.to_string()))?;
            sqlx::query("SELECT pg_notify($1, $2)")
                .bind(CHANNEL)
                .bind(told)
                .execute(&self.pool)
                .await?;
        }
        Ok(())
    }
}
