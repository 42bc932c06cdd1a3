//! The keys that persons' data is sealed with.

use async_trait::async_trait;
use model::id::{ChildId, PersonId, SealKeyId};
use sqlx::{FromRow, query, query_as, query_scalar};
use store::{KeyOwner, Result, SealKeys, StoreError, WrappedKey};
use uuid::Uuid;

use super::convert::number;
use super::people::PEOPLE_CHANGED;
use crate::{Here, id_list};

#[async_trait]
impl SealKeys for Here {
    async fn seal_key_of(&self, owner: KeyOwner) -> Result<Option<WrappedKey>> {
        let (kind, id) = columns(owner);
        let row: Option<KeyRow> = query_as(
            "SELECT id, owner_kind, owner_id, ring_key, wrapped FROM person_keys
             WHERE owner_kind = $1 AND owner_id = $2",
        )
        .bind(kind)
        .bind(id)
        .fetch_optional(self.reader())
        .await?;
        row.map(WrappedKey::try_from).transpose()
    }

    async fn seal_keys(&self, ids: &[SealKeyId]) -> Result<Vec<WrappedKey>> {
        let rows: Vec<KeyRow> = query_as(concat!(
            "SELECT id, owner_kind, owner_id, ring_key, wrapped FROM person_keys WHERE id ",
            in_list!("$1")
        ))
        .bind(id_list(ids.iter().map(|id| id.0)))
        .fetch_all(self.reader())
        .await?;
        rows.into_iter().map(WrappedKey::try_from).collect()
    }

    async fn keep_seal_key(&self, key: &WrappedKey) -> Result<WrappedKey> {
        let (kind, id) = columns(key.owner);
        query(
            "INSERT INTO person_keys (id, owner_kind, owner_id, ring_key, wrapped)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (owner_kind, owner_id) DO NOTHING",
        )
        .bind(key.id.0)
        .bind(kind)
        .bind(id)
        .bind(i64::from(key.ring_key))
        .bind(&key.wrapped)
        .execute(self.writer())
        .await?;
        self.seal_key_of(key.owner)
            .await?
            .ok_or_else(|| StoreError::Corrupt("a key was destroyed as it was made".to_owned()))
    }

    async fn destroy_seal_key(&self, owner: KeyOwner) -> Result<bool> {
        let (kind, id) = columns(owner);
        let mut tx = self.begin().await?;
        let done = query("DELETE FROM person_keys WHERE owner_kind = $1 AND owner_id = $2")
            .bind(kind)
            .bind(id)
            .execute(&mut *tx)
            .await?;
        query(PEOPLE_CHANGED).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(done.rows_affected() > 0)
    }

    async fn seal_keys_not_by(&self, ring_key: u32, most: u32) -> Result<Vec<WrappedKey>> {
        let rows: Vec<KeyRow> = query_as(
            "SELECT id, owner_kind, owner_id, ring_key, wrapped FROM person_keys
             WHERE ring_key <> $1 ORDER BY id LIMIT $2",
        )
        .bind(i64::from(ring_key))
        .bind(i64::from(most))
        .fetch_all(self.reader())
        .await?;
        rows.into_iter().map(WrappedKey::try_from).collect()
    }

    async fn rewrap_seal_key(&self, key: &WrappedKey) -> Result<bool> {
        let done = query("UPDATE person_keys SET ring_key = $2, wrapped = $3 WHERE id = $1")
            .bind(key.id.0)
            .bind(i64::from(key.ring_key))
            .bind(&key.wrapped)
            .execute(self.writer())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    async fn sealed_by(&self, ring_key: u32) -> Result<u64> {
        number(
            query_scalar("SELECT COUNT(*) FROM person_keys WHERE ring_key = $1")
                .bind(i64::from(ring_key))
                .fetch_one(self.reader())
                .await?,
        )
    }

    async fn holds_sealed(&self) -> Result<bool> {
        let holds: i64 = query_scalar(
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM person_keys)
                 OR EXISTS (SELECT 1 FROM children) OR EXISTS (SELECT 1 FROM credentials)
                 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END",
        )
        .fetch_one(self.reader())
        .await?;
        Ok(holds == 1)
    }
}

fn columns(owner: KeyOwner) -> (&'static str, Uuid) {
    match owner {
        KeyOwner::Person(id) => ("person", id.0),
        KeyOwner::Child(id) => ("child", id.0),
        KeyOwner::Hub => ("hub", Uuid::nil()),
    }
}

#[derive(FromRow)]
struct KeyRow {
    id: Uuid,
    owner_kind: String,
    owner_id: Uuid,
    ring_key: i64,
    wrapped: Vec<u8>,
}

impl TryFrom<KeyRow> for WrappedKey {
    type Error = StoreError;
    fn try_from(row: KeyRow) -> Result<Self> {
        let owner = match row.owner_kind.as_str() {
            "person" => KeyOwner::Person(PersonId(row.owner_id)),
            "child" => KeyOwner::Child(ChildId(row.owner_id)),
            "hub" => KeyOwner::Hub,
            other => return Err(StoreError::Corrupt(format!("key of {other}"))),
        };
        Ok(Self {
            id: SealKeyId(row.id),
            owner,
            ring_key: number(row.ring_key)?,
            wrapped: row.wrapped,
        })
    }
}
