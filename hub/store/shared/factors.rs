//! What people sign in with beside a password.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use model::id::{CeremonyId, PasskeyId, PersonId};
use sqlx::{FromRow, query, query_as, query_scalar};
use store::{
    Ceremony, CodeMaker, Factors, FactorsHeld, Purpose, Result, StoreError, StoredPasskey,
};
use uuid::Uuid;

use super::convert::{number, word};
use super::duplicate;
use crate::Here;

#[async_trait]
impl Factors for Here {
    async fn factors_of(&self, person: PersonId) -> Result<FactorsHeld> {
        let (makers, codes, passkeys): (i64, i64, i64) = query_as(
            "SELECT (SELECT COUNT(*) FROM code_makers WHERE person_id = $1),
                 (SELECT COUNT(*) FROM recovery_codes WHERE person_id = $1 AND used_at IS NULL),
                 (SELECT COUNT(*) FROM passkeys WHERE person_id = $1)",
        )
        .bind(person.0)
        .fetch_one(self.reader())
        .await?;
        Ok(FactorsHeld {
            code: makers > 0,
            recovery_codes: number(codes)?,
            passkeys: number(passkeys)?,
        })
    }

    async fn set_code_maker(&self, person: PersonId, maker: &CodeMaker) -> Result<()> {
        query(
            "INSERT INTO code_makers (person_id, sealed, last_step, added_at)
             VALUES ($1, $2, $3, $4)
             ON CONFLICT (person_id) DO UPDATE SET sealed = excluded.sealed,
                 last_step = excluded.last_step, added_at = excluded.added_at",
        )
        .bind(person.0)
        .bind(&maker.sealed)
        .bind(maker.last_step)
        .bind(maker.added_at)
        .execute(self.writer())
        .await?;
        Ok(())
    }

    async fn code_maker(&self, person: PersonId) -> Result<Option<CodeMaker>> {
        let row: Option<(Vec<u8>, i64, DateTime<Utc>)> =
            query_as("SELECT sealed, last_step, added_at FROM code_makers WHERE person_id = $1")
                .bind(person.0)
                .fetch_optional(self.reader())
                .await?;
        Ok(row.map(|(sealed, last_step, added_at)| CodeMaker { sealed, last_step, added_at }))
    }

    async fn use_step(&self, person: PersonId, step: i64) -> Result<bool> {
        let done =
            query("UPDATE code_makers SET last_step = $2 WHERE person_id = $1 AND last_step < $2")
                .bind(person.0)
                .bind(step)
                .execute(self.writer())
                .await?;
        Ok(done.rows_affected() > 0)
    }

    async fn remove_code_maker(&self, person: PersonId) -> Result<bool> {
        let done = query("DELETE FROM code_makers WHERE person_id = $1")
            .bind(person.0)
            .execute(self.writer())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    async fn set_recovery_codes(
        &self,
        person: PersonId,
        digests: &[[u8; 32]],
        made_at: DateTime<Utc>,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        query("DELETE FROM recovery_codes WHERE person_id = $1")
            .bind(person.0)
            .execute(&mut *tx)
            .await?;
        for digest in digests {
            query("INSERT INTO recovery_codes (person_id, digest, made_at) VALUES ($1, $2, $3)")
                .bind(person.0)
                .bind(digest.as_slice())
                .bind(made_at)
                .execute(&mut *tx)
                .await
                .map_err(duplicate("recovery code"))?;
        }
        Ok(tx.commit().await?)
    }

    async fn use_recovery_code(
        &self,
        person: PersonId,
        digest: &[u8; 32],
        at: DateTime<Utc>,
    ) -> Result<bool> {
        let done = query(
            "UPDATE recovery_codes SET used_at = $3
             WHERE person_id = $1 AND digest = $2 AND used_at IS NULL",
        )
        .bind(person.0)
        .bind(digest.as_slice())
        .bind(at)
        .execute(self.writer())
        .await?;
        Ok(done.rows_affected() > 0)
    }

    async fn add_passkey(&self, passkey: &StoredPasskey) -> Result<()> {
        query(
            "INSERT INTO passkeys (id, person_id, credential, name, public, added_at, used_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(passkey.id.0)
        .bind(passkey.person.0)
        .bind(&passkey.credential)
        .bind(&passkey.name)
        .bind(&passkey.public)
        .bind(passkey.added_at)
        .bind(passkey.used_at)
        .execute(self.writer())
        .await
        .map_err(duplicate("passkey"))?;
        Ok(())
    }

    async fn passkeys_of(&self, person: PersonId) -> Result<Vec<StoredPasskey>> {
        let rows: Vec<PasskeyRow> = query_as(
            "SELECT id, person_id, credential, name, public, added_at, used_at FROM passkeys
             WHERE person_id = $1 ORDER BY added_at, id",
        )
        .bind(person.0)
        .fetch_all(self.reader())
        .await?;
        Ok(rows.into_iter().map(StoredPasskey::from).collect())
    }

    async fn passkey(&self, credential: &[u8]) -> Result<Option<StoredPasskey>> {
        let row: Option<PasskeyRow> = query_as(
            "SELECT id, person_id, credential, name, public, added_at, used_at FROM passkeys
             WHERE credential = $1",
        )
        .bind(credential)
        .fetch_optional(self.reader())
        .await?;
        Ok(row.map(StoredPasskey::from))
    }

    async fn note_passkey_use(&self, id: PasskeyId, public: &str, at: DateTime<Utc>) -> Result<()> {
        query("UPDATE passkeys SET public = $2, used_at = $3 WHERE id = $1")
            .bind(id.0)
            .bind(public)
            .bind(at)
            .execute(self.writer())
            .await?;
        Ok(())
    }

    async fn remove_passkey(&self, person: PersonId, id: PasskeyId) -> Result<bool> {
        let done = query("DELETE FROM passkeys WHERE person_id = $1 AND id = $2")
            .bind(person.0)
            .bind(id.0)
            .execute(self.writer())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    async fn begin_ceremony(&self, ceremony: &Ceremony) -> Result<()> {
        query(
            "INSERT INTO ceremonies (id, purpose, holder, state, ends_at)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(ceremony.id.0)
        .bind(word(ceremony.purpose)?)
        .bind(ceremony.holder.as_slice())
        .bind(&ceremony.state)
        .bind(ceremony.ends_at)
        .execute(self.writer())
        .await
        .map_err(duplicate("ceremony"))?;
        Ok(())
    }

    async fn take_ceremony(
        &self,
        id: CeremonyId,
        purpose: Purpose,
        holder: &[u8; 32],
        now: DateTime<Utc>,
    ) -> Result<Option<String>> {
        query_scalar(
            "DELETE FROM ceremonies
             WHERE id = $1 AND purpose = $2 AND holder = $3 AND ends_at > $4 RETURNING state",
        )
        .bind(id.0)
        .bind(word(purpose)?)
        .bind(holder.as_slice())
        .bind(now)
        .fetch_optional(self.writer())
        .await
        .map_err(StoreError::from)
    }

    async fn sweep_ceremonies(&self, before: DateTime<Utc>) -> Result<u64> {
        let done = query("DELETE FROM ceremonies WHERE ends_at < $1")
            .bind(before)
            .execute(self.writer())
            .await?;
        Ok(done.rows_affected())
    }
}

#[derive(FromRow)]
struct PasskeyRow {
    id: Uuid,
    person_id: Uuid,
    credential: Vec<u8>,
    name: String,
    public: String,
    added_at: DateTime<Utc>,
    used_at: Option<DateTime<Utc>>,
}

impl From<PasskeyRow> for StoredPasskey {
    fn from(row: PasskeyRow) -> Self {
        Self {
            id: PasskeyId(row.id),
            person: PersonId(row.person_id),
            credential: row.credential,
            name: row.name,
            public: row.public,
            added_at: row.added_at,
            used_at: row.used_at,
        }
    }
}
