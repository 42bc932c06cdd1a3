//! Tokens with which programs act for people and employers.

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use model::id::{ApiTokenId, EmployerId, PersonId};
use model::permission::TokenScope;
use model::sign_in::Stage;

use crate::{Result, TokenHash};

/// Programs' tokens.
#[async_trait]
pub trait ApiTokens {
    /// Keeps a token.
    async fn add_api_token(&self, hash: &TokenHash, token: &ApiToken) -> Result<()>;
    /// The token of this digest, unless it has ended by `now`.
    async fn api_token(&self, hash: &TokenHash, now: DateTime<Utc>) -> Result<Option<ApiToken>>;
    /// The tokens of a person or an employer, the newest first, those that have ended included.
    async fn api_tokens_of(&self, holder: TokenHolder) -> Result<Vec<ApiToken>>;
    /// Forgets one of them; answers whether it was there.
    async fn drop_api_token(&self, holder: TokenHolder, id: ApiTokenId) -> Result<bool>;
    /// Notes the day of a token's last use.
    async fn note_token_use(&self, id: ApiTokenId, day: NaiveDate) -> Result<()>;
}

/// For whom a token acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenHolder {
    /// For a person, with their rights.
    Person(PersonId),
    /// For an employer, whoever made it.
    Employer(EmployerId),
}

/// A token as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// What it is named by in lists.
    pub id: ApiTokenId,
    /// For whom it acts.
    pub holder: TokenHolder,
    /// What its maker calls it.
    pub name: String,
    /// What it may be used for.
    pub scopes: Vec<TokenScope>,
    /// How far the sign-in had come in which it was made.
    pub stage: Stage,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// When it ends by itself.
    pub ends_at: DateTime<Utc>,
    /// The day it was last used.
    pub last_used_on: Option<NaiveDate>,
}
