//! Who is signed in where.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use model::id::{PersonId, SessionId};
use model::people::Person;
use model::sign_in::{Means, Stage};

use crate::Result;

/// Sessions: each a random token in a browser, its digest here.
#[async_trait]
pub trait Sessions {
    /// Keeps a session.
    async fn start_session(&self, session: &Session) -> Result<()>;
    /// The session of this token, unless it has ended by `now`, and whose it is.
    async fn session(
        &self,
        token: &TokenHash,
        now: DateTime<Utc>,
    ) -> Result<Option<(Session, Person)>>;
    /// A person's sessions that have not ended by `now`, the newest first.
    async fn sessions_of(&self, person: PersonId, now: DateTime<Utc>) -> Result<Vec<Session>>;
    /// Moves a session on: another token, stage, means, proof and end, so that what was known of it before is
    /// worth nothing. Answers whether it was there.
    async fn renew_session(&self, token: &TokenHash, renewed: &Session) -> Result<bool>;
    /// Forgets a session.
    async fn end_session(&self, token: &TokenHash) -> Result<()>;
    /// Forgets one of a person's sessions; answers whether it was there.
    async fn end_session_of(&self, person: PersonId, id: SessionId) -> Result<bool>;
    /// Forgets all of a person's sessions but `keep`; answers how many.
    async fn end_sessions_of(&self, person: PersonId, keep: Option<SessionId>) -> Result<u64>;
    /// Forgets the sessions that ended before `before`; answers how many.
    async fn sweep_sessions(&self, before: DateTime<Utc>) -> Result<u64>;
}

/// SHA-256 of a session's token; the token itself is only in the browser.
pub type TokenHash = [u8; 32];

/// Somebody signed in somewhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// What it is named by in lists.
    pub id: SessionId,
    /// What it is found by.
    pub token: TokenHash,
    /// Whose.
    pub person: PersonId,
    /// What a form of theirs must carry.
    pub csrf: String,
    /// What they have shown of themselves.
    pub stage: Stage,
    /// What they began it with.
    pub means: Means,
    /// The browser or program they use, by a short name.
    pub agent: String,
    /// When they signed in.
    pub started_at: DateTime<Utc>,
    /// When they last showed that they are who they say.
    pub proved_at: DateTime<Utc>,
    /// When it ends by itself.
    pub ends_at: DateTime<Utc>,
}
