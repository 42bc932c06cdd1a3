//! The record of who did what, as a chain over sealed entries.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use model::id::{AuditId, CentreId, SealKeyId};
use sqlx::{FromRow, query, query_as};
use store::{
    Audit, AuditWanted, Base, Chain, ChainedEntry, Head, Link, ListedEntry, Result, SealedEntry,
    StoreError,
};
use uuid::Uuid;

use super::convert::{bytes32, number, signed, storable};
use crate::{Here, id_list};

#[async_trait]
impl Audit for Here {
    async fn add_audit(&self, entry: &SealedEntry) -> Result<()> {
        query(
            "INSERT INTO audit_entries
                 (id, at, action, centre_id, subject_key, actor_key, seal_key, sealed)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING",
        )
        .bind(entry.id.0)
        .bind(storable(entry.at))
        .bind(&entry.action)
        .bind(entry.centre.map(|id| id.0))
        .bind(entry.subject.map(|id| id.0))
        .bind(entry.actor.map(|id| id.0))
        .bind(entry.key.0)
        .bind(&entry.sealed)
        .execute(self.writer())
        .await?;
        Ok(())
    }

    async fn chain_audit(&self, most: u32, link: Link<'_>) -> Result<(Head, u64)> {
        let mut tx = self.begin().await?;
        // Locks the row: the next hub waits here, and then goes on from the head as it is left.
        query("UPDATE audit_chain SET place = place").execute(&mut *tx).await?;
        let (place, hash): (i64, Vec<u8>) =
            query_as("SELECT place, hash FROM audit_chain").fetch_one(&mut *tx).await?;
        let mut head = head_of(place, &hash)?;
        let rows: Vec<EntryRow> = query_as(
            "SELECT id, place, hash, at, action, centre_id, subject_key, actor_key, seal_key, sealed
             FROM audit_entries WHERE place IS NULL ORDER BY at, id LIMIT $1",
        )
        .bind(i64::from(most))
        .fetch_all(&mut *tx)
        .await?;
        let mut placed = 0;
        for row in rows {
            let entry = row.into_entry();
            head = Head { place: head.place + 1, hash: link(&head, &entry) };
            query("UPDATE audit_entries SET place = $2, hash = $3 WHERE id = $1")
                .bind(entry.id.0)
                .bind(signed(head.place)?)
                .bind(head.hash.as_slice())
                .execute(&mut *tx)
                .await?;
            placed += 1;
        }
        if placed > 0 {
            query("UPDATE audit_chain SET place = $1, hash = $2")
                .bind(signed(head.place)?)
                .bind(head.hash.as_slice())
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok((head, placed))
    }

    async fn audit_chain(&self) -> Result<Chain> {
        let row: ChainRow =
            query_as("SELECT place, hash, base_place, base_hash, base_signature FROM audit_chain")
                .fetch_one(self.reader())
                .await?;
        Ok(Chain {
            base: Base {
                head: head_of(row.base_place, &row.base_hash)?,
                signature: row.base_signature,
            },
            head: head_of(row.place, &row.hash)?,
        })
    }

    async fn audit_after(&self, place: u64, most: u32) -> Result<Vec<ChainedEntry>> {
        let rows: Vec<EntryRow> = query_as(
            "SELECT id, place, hash, at, action, centre_id, subject_key, actor_key, seal_key, sealed
             FROM audit_entries WHERE place > $1 ORDER BY place LIMIT $2",
        )
        .bind(signed(place)?)
        .bind(i64::from(most))
        .fetch_all(self.reader())
        .await?;
        rows.into_iter()
            .map(|row| {
                let (Some(place), Some(hash)) = (row.place, &row.hash) else {
                    return Err(StoreError::Corrupt("an entry at no place".to_owned()));
                };
                Ok(ChainedEntry { head: head_of(place, hash)?, entry: row.into_entry() })
            })
            .collect()
    }

    async fn audit_like(&self, wanted: &AuditWanted, most: u32) -> Result<Vec<ListedEntry>> {
        let centres = wanted.centres.as_deref().unwrap_or_default();
        let subjects = wanted.subjects.as_deref().unwrap_or_default();
        let rows: Vec<EntryRow> = query_as(concat!(
            "SELECT id, place, hash, at, action, centre_id, subject_key, actor_key, seal_key, sealed
             FROM audit_entries
             WHERE at >= $1 AND at < $2 AND ($3 IS NULL OR action = $3)
                 AND ($4 = 0 OR centre_id ",
            in_list!("$5"),
            ") AND ($6 = 0 OR subject_key ",
            in_list!("$7"),
            ") AND ($8 IS NULL OR actor_key = $8)
                 AND (at < $9 OR (at = $9 AND id < $10))
             ORDER BY at DESC, id DESC LIMIT $11",
        ))
        .bind(storable(wanted.from.unwrap_or(DateTime::<Utc>::MIN_UTC)))
        .bind(storable(wanted.until.unwrap_or(DateTime::<Utc>::MAX_UTC)))
        .bind(wanted.action.as_deref())
        .bind(i64::from(wanted.centres.is_some()))
        .bind(id_list(centres.iter().map(|id| id.0)))
        .bind(i64::from(wanted.subjects.is_some()))
        .bind(id_list(subjects.iter().map(|id| id.0)))
        .bind(wanted.actor.map(|id| id.0))
        .bind(storable(wanted.before.map_or(DateTime::<Utc>::MAX_UTC, |(at, _)| at)))
        .bind(wanted.before.map_or(Uuid::max(), |(_, id)| id.0))
        .bind(i64::from(most))
        .fetch_all(self.reader())
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(ListedEntry {
                    place: row.place.map(number).transpose()?,
                    entry: row.into_entry(),
                })
            })
            .collect()
    }

    async fn cut_audit(&self, base: &Base) -> Result<u64> {
        let mut tx = self.begin().await?;
        let moved = query(
            "UPDATE audit_chain SET base_place = $1, base_hash = $2, base_signature = $3
             WHERE base_place < $1 AND place >= $1",
        )
        .bind(signed(base.head.place)?)
        .bind(base.head.hash.as_slice())
        .bind(&base.signature)
        .execute(&mut *tx)
        .await?;
        if moved.rows_affected() == 0 {
            tx.rollback().await?;
            return Ok(0);
        }
        let gone = query("DELETE FROM audit_entries WHERE place <= $1")
            .bind(signed(base.head.place)?)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(gone.rows_affected())
    }

    async fn audit_older(&self, before: DateTime<Utc>, most: u32) -> Result<Option<Head>> {
        // Places follow the order in which entries were chained, not quite that of their times: the
        // cut ends before the first that is still to be kept.
        let row: Option<(i64, Vec<u8>)> = query_as(
            "SELECT e.place, e.hash FROM audit_entries e, audit_chain c
             WHERE e.place > c.base_place AND e.place <= c.base_place + $2
                 AND e.place < COALESCE(
                     (SELECT MIN(place) FROM audit_entries WHERE place IS NOT NULL AND at >= $1),
                     c.place + 1)
             ORDER BY e.place DESC LIMIT 1",
        )
        .bind(storable(before))
        .bind(i64::from(most))
        .fetch_optional(self.reader())
        .await?;
        row.map(|(place, hash)| head_of(place, &hash)).transpose()
    }

    async fn note_site_head(&self, centre: CentreId, head: &Head, at: DateTime<Utc>) -> Result<()> {
        query(
            "INSERT INTO audit_site_heads (centre_id, place, hash, heard_at)
             VALUES ($1, $2, $3, $4)
             ON CONFLICT (centre_id) DO UPDATE
                 SET place = excluded.place, hash = excluded.hash, heard_at = excluded.heard_at
                 WHERE audit_site_heads.place < excluded.place",
        )
        .bind(centre.0)
        .bind(signed(head.place)?)
        .bind(head.hash.as_slice())
        .bind(storable(at))
        .execute(self.writer())
        .await?;
        Ok(())
    }

    async fn site_heads(&self) -> Result<Vec<(CentreId, Head)>> {
        let rows: Vec<(Uuid, i64, Vec<u8>)> =
            query_as("SELECT centre_id, place, hash FROM audit_site_heads ORDER BY centre_id")
                .fetch_all(self.reader())
                .await?;
        rows.into_iter()
            .map(|(centre, place, hash)| Ok((CentreId(centre), head_of(place, &hash)?)))
            .collect()
    }
}

fn head_of(place: i64, hash: &[u8]) -> Result<Head> {
    Ok(Head { place: number(place)?, hash: bytes32(hash)? })
}

#[derive(FromRow)]
struct ChainRow {
    place: i64,
    hash: Vec<u8>,
    base_place: i64,
    base_hash: Vec<u8>,
    base_signature: Vec<u8>,
}

#[derive(FromRow)]
struct EntryRow {
    id: Uuid,
    place: Option<i64>,
    hash: Option<Vec<u8>>,
    at: DateTime<Utc>,
    action: String,
    centre_id: Option<Uuid>,
    subject_key: Option<Uuid>,
    actor_key: Option<Uuid>,
    seal_key: Uuid,
    sealed: Vec<u8>,
}

impl EntryRow {
    fn into_entry(self) -> SealedEntry {
        SealedEntry {
            id: AuditId(self.id),
            at: self.at,
            action: self.action,
            centre: self.centre_id.map(CentreId),
            subject: self.subject_key.map(SealKeyId),
            actor: self.actor_key.map(SealKeyId),
            key: SealKeyId(self.seal_key),
            sealed: self.sealed,
        }
    }
}
