//! Showing again who one is, before what one signs in with is changed.

use chrono::{DateTime, Utc};
use model::people::Person;
use model::permission::{Action, Target};
use model::sign_in::Stage;
use store::Session;

use super::throttle::{Guessed, Throttle};
use super::{Caller, Refused, allow, passkeys, password, rules, secret};
use crate::hub::Hub;

/// What somebody can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CanShow {
    /// A password.
    pub password: bool,
    /// A passkey.
    pub passkey: bool,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It is they.
    Given,
    /// It could be anybody.
    Wrong,
    /// Too many failures: not before this instant.
    Wait(DateTime<Utc>),
}

/// What the caller can show.
///
/// # Errors
/// [`Refused`] when they may not, or the store fails.
pub async fn can_show(hub: &Hub, caller: &Caller) -> Result<CanShow, Refused> {
    let person = caller.signed_in()?;
    allow(caller, Action::KeepSignIn, &Target::of(person.id))?;
    Ok(CanShow {
        password: password_of(hub, person).await?.is_some(),
        passkey: hub.store.factors_of(person.id).await?.passkeys > 0,
    })
}

/// The session of a caller who has shown who they are within the last quarter of an hour, with
/// every factor that they have.
///
/// # Errors
/// [`Refused::ProveFirst`] when that was longer ago or a factor was left out, or as [`allow`].
pub async fn recent<'a>(hub: &Hub, caller: &'a Caller) -> Result<&'a Session, Refused> {
    let session = whole(hub, caller).await?;
    if hub.now() < session.proved_at + rules::PROOF {
        Ok(session)
    } else {
        Err(Refused::ProveFirst)
    }
}

/// The session of a caller who has shown every factor that they have: a session that is older than
/// their second factor does not get past it.
///
/// # Errors
/// [`Refused::ProveFirst`], or as [`allow`].
pub async fn whole<'a>(hub: &Hub, caller: &'a Caller) -> Result<&'a Session, Refused> {
    let person = caller.signed_in()?.id;
    allow(caller, Action::KeepSignIn, &Target::of(person))?;
    let session = caller.session.as_ref().ok_or(Refused::SignInFirst)?;
    if session.stage != Stage::Two && hub.store.factors_of(person).await?.any() {
        return Err(Refused::ProveFirst);
    }
    Ok(session)
}

/// Takes the caller's password for a proof.
///
/// # Errors
/// [`Refused`] when they may not, or the store fails.
pub async fn by_password(
    hub: &Hub,
    throttle: &Throttle,
    caller: &Caller,
    typed: &str,
) -> Result<Proof, Refused> {
    let person = caller.signed_in()?;
    let session = whole(hub, caller).await?;
    let whose = Guessed::Proof(person.id);
    if let Some(until) = throttle.closed_until(&whose, caller.address, hub.now()) {
        return Ok(Proof::Wait(until));
    }
    let kept = password_of(hub, person).await?;
    if !secret::fits(password::as_compared(typed), kept).await? {
        throttle.failed(&whose, caller.address, hub.now());
        return Ok(Proof::Wrong);
    }
    throttle.succeeded(&whose, caller.address);
    given(hub, session).await
}

/// Takes one of the caller's passkeys for a proof.
///
/// # Errors
/// [`Refused`] when they may not, or the store fails.
pub async fn by_passkey(
    hub: &Hub,
    caller: &Caller,
    ceremony: &str,
    answer: &str,
) -> Result<Proof, Refused> {
    let person = caller.signed_in()?.id;
    let session = whole(hub, caller).await?;
    if passkeys::shown(hub, caller, ceremony, answer).await? != Some(person) {
        return Ok(Proof::Wrong);
    }
    given(hub, session).await
}

async fn given(hub: &Hub, session: &Session) -> Result<Proof, Refused> {
    let proved = Session { proved_at: hub.now(), ..session.clone() };
    if hub.store.renew_session(&session.token, &proved).await? {
        Ok(Proof::Given)
    } else {
        Err(Refused::SignInFirst)
    }
}

/// A person's password as it is kept.
pub(super) async fn password_of(hub: &Hub, person: &Person) -> Result<Option<String>, Refused> {
    Ok(hub.store.sign_in_record(&person.email).await?.and_then(|record| record.password))
}
