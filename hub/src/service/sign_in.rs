//! Signing in with e-mail and password.

use chrono::{DateTime, Utc};
use model::language::Language;
use model::permission::{Action, Target};

use super::session::{self, Started};
use super::throttle::Throttle;
use super::{Caller, Refused, allow, secret};
use crate::hub::Hub;

/// How a sign-in ended.
pub enum SignIn {
    /// They are who they say.
    Done {
        /// Their session.
        started: Started,
        /// The language they are answered in.
        language: Language,
    },
    /// E-mail or password is wrong; which of them is not told.
    Wrong,
    /// Too many failures: not before this instant.
    Wait(DateTime<Utc>),
}

/// Checks e-mail and password and starts a session.
///
/// # Errors
/// [`Refused`] when the store or the random source fails.
pub async fn sign_in(
    hub: &Hub,
    throttle: &Throttle,
    caller: &Caller,
    email: &str,
    password: &str,
) -> Result<SignIn, Refused> {
    allow(caller, Action::UseTheDoor, &Target::default())?;
    let email = email.trim().to_lowercase();
    if let Some(until) = throttle.closed_until(&email, caller.address, hub.now()) {
        return Ok(SignIn::Wait(until));
    }
    let known = hub.store.sign_in_record(&email).await?;
    let kept = known.as_ref().and_then(|known| known.password.clone());
    let right = secret::fits(password.to_owned(), kept).await?;
    let (true, Some(known)) = (right, known) else {
        throttle.failed(&email, caller.address, hub.now());
        return Ok(SignIn::Wrong);
    };
    throttle.succeeded(&email, caller.address);
    let person =
        hub.store.person(known.person).await?.ok_or(Refused::Inner("a person is half there"))?;
    let started = session::start(hub, person.id).await?;
    Ok(SignIn::Done { started, language: person.language })
}
