//! Settings that the hub sends edges, and what became of them there.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use model::id::CentreId;
use model::site_event::{Happening, SiteEvent};
use sqlx::{FromRow, Transaction, query, query_as, query_scalar};
use store::{EdgeConfigRecord, EdgeConfigs, Result};

use super::convert::{number, storable};
use super::record::cut;
use crate::{Db, Here};

type Tx = Transaction<'static, Db>;

#[async_trait]
impl EdgeConfigs for Here {
    async fn put_edge_config(
        &self,
        centre: CentreId,
        json: &str,
        at: DateTime<Utc>,
    ) -> Result<u64> {
        let version: i64 = query_scalar(
            "INSERT INTO edge_configs (centre_id, version, body, made_at)
             SELECT $1, COALESCE(MAX(version), 0) + 1, $2, $3 FROM edge_configs WHERE centre_id = $1
             RETURNING version",
        )
        .bind(centre.0)
        .bind(json)
        .bind(storable(at))
        .fetch_one(self.writer())
        .await?;
        number(version)
    }

    async fn edge_config(&self, centre: CentreId) -> Result<Option<EdgeConfigRecord>> {
        let row: Option<ConfigRow> = query_as(
            "SELECT version, body, in_force_at, rolled_back_at, why FROM edge_configs
             WHERE centre_id = $1 ORDER BY version DESC LIMIT 1",
        )
        .bind(centre.0)
        .fetch_optional(self.reader())
        .await?;
        row.map(ConfigRow::read).transpose()
    }
}

/// Keeps what a site says became of settings. One that does not know their version changes nothing.
pub(super) async fn note(tx: &mut Tx, centre: CentreId, event: &SiteEvent) -> Result<()> {
    let (version, in_force, rolled_back, why) = match &event.what {
        Happening::ConfigInForce { version } => (*version, Some(storable(event.at)), None, None),
        Happening::ConfigRolledBack { version, why } => {
            (*version, None, Some(storable(event.at)), Some(cut(why)))
        }
        _ => return Ok(()),
    };
    // What a site says must never be refused for ever, and no version is so high.
    let Ok(version) = i64::try_from(version) else { return Ok(()) };
    query(
        "UPDATE edge_configs SET in_force_at = $3, rolled_back_at = $4, why = $5
         WHERE centre_id = $1 AND version = $2",
    )
    .bind(centre.0)
    .bind(version)
    .bind(in_force)
    .bind(rolled_back)
    .bind(why)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

#[derive(FromRow)]
struct ConfigRow {
    version: i64,
    body: String,
    in_force_at: Option<DateTime<Utc>>,
    rolled_back_at: Option<DateTime<Utc>>,
    why: Option<String>,
}

impl ConfigRow {
    fn read(self) -> Result<EdgeConfigRecord> {
        Ok(EdgeConfigRecord {
            version: number(self.version)?,
            json: self.body,
            in_force_at: self.in_force_at,
            rolled_back: self.rolled_back_at.map(|at| (at, self.why.unwrap_or_default())),
        })
    }
}
