//! Tokens with which programs act.

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use model::id::{ApiTokenId, EmployerId, PersonId};
use sqlx::{FromRow, query, query_as};
use store::{ApiToken, ApiTokens, Result, StoreError, TokenHash, TokenHolder};
use uuid::Uuid;

use super::convert::{from_json, from_word, storable, to_json, word};
use super::duplicate;
use crate::Here;

#[async_trait]
impl ApiTokens for Here {
    async fn add_api_token(&self, hash: &TokenHash, token: &ApiToken) -> Result<()> {
        let (person, employer) = columns(token.holder);
        query(
            "INSERT INTO api_tokens (id, token, person_id, employer_id, name, scopes, stage,
                 made_at, ends_at, last_used_on)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(token.id.0)
        .bind(hash.as_slice())
        .bind(person)
        .bind(employer)
        .bind(&token.name)
        .bind(to_json(&token.scopes)?)
        .bind(word(token.stage)?)
        .bind(storable(token.made_at))
        .bind(storable(token.ends_at))
        .bind(token.last_used_on)
        .execute(self.writer())
        .await
        .map_err(duplicate("token"))?;
        Ok(())
    }

    async fn api_token(&self, hash: &TokenHash, now: DateTime<Utc>) -> Result<Option<ApiToken>> {
        let row: Option<TokenRow> = query_as(
            "SELECT id, person_id, employer_id, name, scopes, stage, made_at, ends_at,
                 last_used_on
             FROM api_tokens WHERE token = $1 AND ends_at > $2",
        )
        .bind(hash.as_slice())
        .bind(now)
        .fetch_optional(self.reader())
        .await?;
        row.map(ApiToken::try_from).transpose()
    }

    async fn api_tokens_of(&self, holder: TokenHolder) -> Result<Vec<ApiToken>> {
        let (person, employer) = columns(holder);
        let rows: Vec<TokenRow> = query_as(
            "SELECT id, person_id, employer_id, name, scopes, stage, made_at, ends_at,
                 last_used_on
             FROM api_tokens WHERE person_id = $1 OR employer_id = $2
             ORDER BY made_at DESC, id",
        )
        .bind(person)
        .bind(employer)
        .fetch_all(self.reader())
        .await?;
        rows.into_iter().map(ApiToken::try_from).collect()
    }

    async fn drop_api_token(&self, holder: TokenHolder, id: ApiTokenId) -> Result<bool> {
        let (person, employer) = columns(holder);
        let done =
            query("DELETE FROM api_tokens WHERE id = $1 AND (person_id = $2 OR employer_id = $3)")
                .bind(id.0)
                .bind(person)
                .bind(employer)
                .execute(self.writer())
                .await?;
        Ok(done.rows_affected() > 0)
    }

    async fn note_token_use(&self, id: ApiTokenId, day: NaiveDate) -> Result<()> {
        query("UPDATE api_tokens SET last_used_on = $2 WHERE id = $1")
            .bind(id.0)
            .bind(day)
            .execute(self.writer())
            .await?;
        Ok(())
    }
}

fn columns(holder: TokenHolder) -> (Option<Uuid>, Option<Uuid>) {
    match holder {
        TokenHolder::Person(id) => (Some(id.0), None),
        TokenHolder::Employer(id) => (None, Some(id.0)),
    }
}

#[derive(FromRow)]
struct TokenRow {
    id: Uuid,
    person_id: Option<Uuid>,
    employer_id: Option<Uuid>,
    name: String,
    scopes: String,
    stage: String,
    made_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    last_used_on: Option<NaiveDate>,
}

impl TryFrom<TokenRow> for ApiToken {
    type Error = StoreError;
    fn try_from(row: TokenRow) -> Result<Self> {
        let holder = match (row.person_id, row.employer_id) {
            (Some(id), None) => TokenHolder::Person(PersonId(id)),
            (None, Some(id)) => TokenHolder::Employer(EmployerId(id)),
            _ => return Err(StoreError::Corrupt("a token of nobody".to_owned())),
        };
        Ok(Self {
            id: ApiTokenId(row.id),
            holder,
            name: row.name,
            scopes: from_json(&row.scopes)?,
            stage: from_word(&row.stage)?,
            made_at: row.made_at,
            ends_at: row.ends_at,
            last_used_on: row.last_used_on,
        })
    }
}
