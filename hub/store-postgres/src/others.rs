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
        let mut own = self.news.listen();
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen(CHANNEL).await?;
        // Whatever was told before is unknown here.
        self.news.put(DayNews::Lost);
        loop {
            tokio::select! {
                heard = listener.try_recv() => match heard? {
                    Some(heard) => self.hear(heard.payload()),
                    // The line broke, and is up again.
                    None => self.news.put(DayNews::Lost),
                },
                first = own.recv() => {
                    let mut days = BTreeSet::new();
                    let mut next = first.map_err(|lost| match lost {
                        RecvError::Lagged(_) => TryRecvError::Lagged(0),
                        RecvError::Closed => TryRecvError::Closed,
                    });
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
