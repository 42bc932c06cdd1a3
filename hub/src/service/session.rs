//! Sessions: a random token in a cookie, its digest in the store.

use chrono::TimeDelta;
use model::audit::AuditAction;
use model::id::{PersonId, SessionId};
use model::people::Person;
use model::permission::{Action, Target};
use model::sign_in::{Means, Stage};
use store::{Session, TokenHash};

use super::audit::{self, Entry};
use super::{Caller, Refused, allow, rules, secret};
use crate::hub::Hub;

/// A new session and the token that only the browser gets.
pub struct Started {
    /// The token, for the cookie.
    pub token: String,
    /// The session as it is kept.
    pub session: Session,
}

/// Starts a session on the caller's browser for `person`, who has shown who they are; whoever was
/// signed in there before no longer is.
///
/// # Errors
/// When the store or the random source fails.
pub async fn start(
    hub: &Hub,
    caller: &Caller,
    person: PersonId,
    stage: Stage,
    means: Means,
) -> Result<Started, Refused> {
    if let Some(before) = caller.any_session() {
        end(hub, before).await?;
    }
    let token = secret::token(hub.random.as_ref())?;
    let now = hub.now();
    let session = Session {
        id: SessionId(hub.new_id()?),
        token: digest(&token),
        person,
        csrf: secret::token(hub.random.as_ref())?,
        stage,
        means,
        agent: caller.agent.clone(),
        started_at: now,
        proved_at: now,
        ends_at: now + lasts(stage),
    };
    hub.store.start_session(&session).await?;
    Ok(Started { token, session })
}

/// Moves a session on to another stage under a new token: what was known of it before is worth
/// nothing. The holder has just shown who they are, by `means`.
///
/// # Errors
/// [`Refused::SignInFirst`] when it has ended meanwhile, or when the store or the random source
/// fails.
pub async fn renew(
    hub: &Hub,
    session: &Session,
    stage: Stage,
    means: Means,
) -> Result<Started, Refused> {
    let token = secret::token(hub.random.as_ref())?;
    let now = hub.now();
    let renewed = Session {
        token: digest(&token),
        csrf: secret::token(hub.random.as_ref())?,
        stage,
        means,
        proved_at: now,
        ends_at: now + lasts(stage),
        ..session.clone()
    };
    if !hub.store.renew_session(&session.token, &renewed).await? {
        return Err(Refused::SignInFirst);
    }
    Ok(Started { token, session: renewed })
}

/// The session of a cookie's token, and whose it is.
///
/// # Errors
/// When the store fails.
pub async fn find(hub: &Hub, token: &str) -> Result<Option<(Session, Person)>, Refused> {
    Ok(hub.store.session(&digest(token), hub.now()).await?)
}

/// The caller as they stand by now, in an answer that goes on for long; none once their session has
/// ended.
///
/// # Errors
/// When the store fails.
pub async fn again(hub: &Hub, caller: &Caller) -> Result<Option<Caller>, Refused> {
    let Some(session) = &caller.session else { return Ok(None) };
    Ok(hub.store.session(&session.token, hub.now()).await?.map(|(session, person)| {
        let mut caller = caller.clone();
        caller.recognise(session, person, hub.now());
        caller
    }))
}

/// Signs the caller out of the session that their browser holds, if any.
///
/// # Errors
/// When the store fails.
pub async fn sign_out(hub: &Hub, caller: &Caller) -> Result<(), Refused> {
    let Some(session) = caller.any_session() else { return Ok(()) };
    end(hub, session).await?;
    let entry = Entry::new(AuditAction::SignedOut).about(session.person);
    audit::record(hub, caller, entry).await
}

/// Ends a session for good.
///
/// # Errors
/// When the store fails.
pub async fn end(hub: &Hub, session: &Session) -> Result<(), Refused> {
    Ok(hub.store.end_session(&session.token).await?)
}

/// Where the caller is signed in, the newest first.
///
/// # Errors
/// [`Refused`] when they may not, or the store fails.
pub async fn list(hub: &Hub, caller: &Caller) -> Result<Vec<Session>, Refused> {
    let person = caller.signed_in()?.id;
    allow(caller, Action::KeepSignIn, &Target::of(person))?;
    let mut sessions = hub.store.sessions_of(person, hub.now()).await?;
    sessions.retain(|session| session.stage != Stage::OwesSecond);
    Ok(sessions)
}

/// Signs the caller out elsewhere, or here.
///
/// # Errors
/// [`Refused::NotFound`] when there is no such session of theirs, or the store fails.
pub async fn end_one(hub: &Hub, caller: &Caller, id: SessionId) -> Result<(), Refused> {
    let person = caller.signed_in()?.id;
    allow(caller, Action::KeepSignIn, &Target::of(person))?;
    if !hub.store.end_session_of(person, id).await? {
        return Err(Refused::NotFound);
    }
    audit::record(hub, caller, Entry::new(AuditAction::SessionsEnded).about(person)).await
}

/// Signs the caller out everywhere else; answers from how many sessions.
///
/// # Errors
/// [`Refused`] when they may not, or the store fails.
pub async fn end_others(hub: &Hub, caller: &Caller) -> Result<u64, Refused> {
    let person = caller.signed_in()?.id;
    allow(caller, Action::KeepSignIn, &Target::of(person))?;
    let here = caller.session.as_ref().map(|session| session.id);
    let ended = hub.store.end_sessions_of(person, here).await?;
    if ended > 0 {
        audit::record(hub, caller, Entry::new(AuditAction::SessionsEnded).about(person)).await?;
    }
    Ok(ended)
}

fn lasts(stage: Stage) -> TimeDelta {
    match stage {
        Stage::OwesSecond => rules::SECOND_FACTOR,
        Stage::One | Stage::Two => rules::SESSION,
    }
}

fn digest(token: &str) -> TokenHash {
    secret::sha256(token.as_bytes())
}
