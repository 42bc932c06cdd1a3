//! Sessions: a random token in a cookie, its digest in the store.

use model::id::PersonId;
use model::people::Person;
use store::{Session, TokenHash};

use super::{Refused, rules, secret};
use crate::hub::Hub;

/// A new session and the token that only the browser gets.
pub struct Started {
    /// The token, for the cookie.
    pub token: String,
    /// The session as it is kept.
    pub session: Session,
}

/// Starts a session for somebody who has shown who they are.
///
/// # Errors
/// When the store or the random source fails.
pub async fn start(hub: &Hub, person: PersonId) -> Result<Started, Refused> {
    let token = secret::token(hub.random.as_ref())?;
    let now = hub.now();
    let session = Session {
        token: digest(&token),
        person,
        csrf: secret::token(hub.random.as_ref())?,
        started_at: now,
        ends_at: now + rules::SESSION,
    };
    hub.store.start_session(&session).await?;
    Ok(Started { token, session })
}

/// The session of a cookie's token, and whose it is.
///
/// # Errors
/// When the store fails.
pub async fn find(hub: &Hub, token: &str) -> Result<Option<(Session, Person)>, Refused> {
    let Some(session) = hub.store.session(&digest(token), hub.now()).await? else {
        return Ok(None);
    };
    let person = hub.store.person(session.person).await?;
    Ok(person.map(|person| (session, person)))
}

/// Ends a session for good.
///
/// # Errors
/// When the store fails.
pub async fn end(hub: &Hub, session: &Session) -> Result<(), Refused> {
    Ok(hub.store.end_session(&session.token).await?)
}

fn digest(token: &str) -> TokenHash {
    secret::sha256(token.as_bytes())
}
