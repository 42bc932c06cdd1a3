//! Who is signed in where.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use model::id::{PersonId, SessionId};
use model::people::Person;
use sqlx::{FromRow, query, query_as};
use store::{Result, Session, Sessions, StoreError, TokenHash};
use uuid::Uuid;

use super::convert::{bytes32, from_word, word};
use super::duplicate;
use super::people::{PersonRow, persons};
use crate::Here;

#[async_trait]
impl Sessions for Here {
    async fn start_session(&self, session: &Session) -> Result<()> {
        query(
            "INSERT INTO sessions (token, id, person_id, csrf, stage, means, agent,
                 started_at, proved_at, ends_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(session.token.as_slice())
        .bind(session.id.0)
        .bind(session.person.0)
        .bind(&session.csrf)
        .bind(word(session.stage)?)
        .bind(word(session.means)?)
        .bind(&session.agent)
        .bind(session.started_at)
        .bind(session.proved_at)
        .bind(session.ends_at)
        .execute(self.writer())
        .await
        .map_err(duplicate("session"))?;
        Ok(())
    }

    async fn session(
        &self,
        token: &TokenHash,
        now: DateTime<Utc>,
    ) -> Result<Option<(Session, Person)>> {
        // Every request asks this: one question, not two.
        let rows: Vec<SignedInRow> = query_as(
            "SELECT s.token, s.id AS session_id, s.person_id, s.csrf, s.stage, s.means, s.agent,
                 s.started_at, s.proved_at, s.ends_at,
                 p.id, p.email, p.name, p.language, r.role, r.employer_id, r.centre_id,
                 r.nursery_id, r.municipality_id, r.from_at, r.until_at, r.months_of_use,
                 r.first_used_at
             FROM sessions s JOIN persons p ON p.id = s.person_id
                 LEFT JOIN roles r ON r.person_id = p.id
             WHERE s.token = $1 AND s.ends_at > $2 ORDER BY r.position",
        )
        .bind(token.as_slice())
        .bind(now)
        .fetch_all(self.reader())
        .await?;
        let mut session = None;
        let mut person = Vec::with_capacity(rows.len());
        for row in rows {
            session = Some(row.session);
            person.push(row.person);
        }
        let session = session.map(Session::try_from).transpose()?;
        Ok(session.zip(persons(person)?.pop()))
    }

    async fn sessions_of(&self, person: PersonId, now: DateTime<Utc>) -> Result<Vec<Session>> {
        let rows: Vec<SessionRow> = query_as(
            "SELECT token, id AS session_id, person_id, csrf, stage, means, agent, started_at,
                 proved_at, ends_at
             FROM sessions
             WHERE person_id = $1 AND ends_at > $2 ORDER BY started_at DESC, id",
        )
        .bind(person.0)
        .bind(now)
        .fetch_all(self.reader())
        .await?;
        rows.into_iter().map(Session::try_from).collect()
    }

    async fn renew_session(&self, token: &TokenHash, renewed: &Session) -> Result<bool> {
        let done = query(
            "UPDATE sessions SET token = $2, csrf = $3, stage = $4, means = $5, started_at = $6,
                 proved_at = $7, ends_at = $8
             WHERE token = $1",
        )
        .bind(token.as_slice())
        .bind(renewed.token.as_slice())
        .bind(&renewed.csrf)
        .bind(word(renewed.stage)?)
        .bind(word(renewed.means)?)
        .bind(renewed.started_at)
        .bind(renewed.proved_at)
        .bind(renewed.ends_at)
        .execute(self.writer())
        .await?;
        Ok(done.rows_affected() > 0)
    }

    async fn end_session(&self, token: &TokenHash) -> Result<()> {
        query("DELETE FROM sessions WHERE token = $1")
            .bind(token.as_slice())
            .execute(self.writer())
            .await?;
        Ok(())
    }

    async fn end_session_of(&self, person: PersonId, id: SessionId) -> Result<bool> {
        let done = query("DELETE FROM sessions WHERE person_id = $1 AND id = $2")
            .bind(person.0)
            .bind(id.0)
            .execute(self.writer())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    async fn end_sessions_of(&self, person: PersonId, keep: Option<SessionId>) -> Result<u64> {
        let done = query("DELETE FROM sessions WHERE person_id = $1 AND ($2 IS NULL OR id <> $2)")
            .bind(person.0)
            .bind(keep.map(|id| id.0))
            .execute(self.writer())
            .await?;
        Ok(done.rows_affected())
    }

    async fn sweep_sessions(&self, before: DateTime<Utc>) -> Result<u64> {
        let done = query("DELETE FROM sessions WHERE ends_at < $1")
            .bind(before)
            .execute(self.writer())
            .await?;
        Ok(done.rows_affected())
    }
}

/// A session with one of its person's roles, or none.
#[derive(FromRow)]
struct SignedInRow {
    #[sqlx(flatten)]
    session: SessionRow,
    #[sqlx(flatten)]
    person: PersonRow,
}

#[derive(FromRow)]
struct SessionRow {
    token: Vec<u8>,
    session_id: Uuid,
    person_id: Uuid,
    csrf: String,
    stage: String,
    means: String,
    agent: String,
    started_at: DateTime<Utc>,
    proved_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
}

impl TryFrom<SessionRow> for Session {
    type Error = StoreError;
    fn try_from(row: SessionRow) -> Result<Self> {
        Ok(Self {
            id: SessionId(row.session_id),
            token: bytes32(&row.token)?,
            person: PersonId(row.person_id),
            csrf: row.csrf,
            stage: from_word(&row.stage)?,
            means: from_word(&row.means)?,
            agent: row.agent,
            started_at: row.started_at,
            proved_at: row.proved_at,
            ends_at: row.ends_at,
        })
    }
}
