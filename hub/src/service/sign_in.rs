//! Signing in: a password and, for those who have one, a second factor; or a passkey.

use chrono::{DateTime, Utc};
use model::audit::AuditAction;
use model::id::PersonId;
use model::language::Language;
use model::people::Person;
use model::permission::{Action, Target};
use model::sign_in::{Means, Stage};
use store::{FactorsHeld, StoredPasskey};

use super::audit::{self, Entry};
use super::session::{self, Started};
use super::throttle::{Guessed, Throttle};
use super::{Caller, Refused, allow, codes, passkeys, password, proof, secret};
use crate::hub::Hub;

/// Somebody has a session.
pub struct SignedIn {
    /// It; its stage says how far they have come.
    pub started: Started,
    /// The language they are answered in.
    pub language: Language,
}

/// Why somebody has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// E-mail or password is wrong, or the passkey is nobody's; which of them is not told.
    Wrong,
    /// The password is right, and the code is missing.
    CodeNeeded,
    /// The code is wrong, or was used before.
    WrongCode,
    /// Too many failures: not before this instant.
    Wait(DateTime<Utc>),
}

/// Checks e-mail and password and starts a session; whoever has a second factor owes it then.
///
/// # Errors
/// [`Refused`] when the store or the random source fails.
pub async fn sign_in(
    hub: &Hub,
    throttle: &Throttle,
    caller: &Caller,
    email: &str,
    password: &str,
) -> Result<Result<SignedIn, Denied>, Refused> {
    let person = match known(hub, throttle, caller, email, password).await? {
        Ok(person) => person,
        Err(denied) => return Ok(Err(denied)),
    };
    let owes = hub.store.factors_of(person.id).await?.any();
    let stage = if owes { Stage::OwesSecond } else { Stage::One };
    start(hub, caller, &person, stage, Means::Password).await
}

/// The same for a program, which says everything at once.
///
/// # Errors
/// As [`sign_in`].
pub async fn sign_in_at_once(
    hub: &Hub,
    throttle: &Throttle,
    caller: &Caller,
    email: &str,
    password: &str,
    code: Option<&str>,
) -> Result<Result<SignedIn, Denied>, Refused> {
    let person = match known(hub, throttle, caller, email, password).await? {
        Ok(person) => person,
        Err(denied) => return Ok(Err(denied)),
    };
    if !hub.store.factors_of(person.id).await?.any() {
        return start(hub, caller, &person, Stage::One, Means::Password).await;
    }
    let Some(code) = code else { return Ok(Err(Denied::CodeNeeded)) };
    match second_factor(hub, throttle, caller, &person, code).await? {
        Ok(means) => start(hub, caller, &person, Stage::Two, means).await,
        Err(denied) => Ok(Err(denied)),
    }
}

/// Takes the second factor of a caller who owes it, or whose session is older than their second
/// factor: a one-time code or a recovery code.
///
/// # Errors
/// [`Refused::SignInFirst`] when nobody owes any, or when the store or the random source fails.
pub async fn second(
    hub: &Hub,
    throttle: &Throttle,
    caller: &Caller,
    code: &str,
) -> Result<Result<SignedIn, Denied>, Refused> {
    let (session, person) = owing(caller).ok_or(Refused::SignInFirst)?;
    let means = match second_factor(hub, throttle, caller, person, code).await? {
        Ok(means) => means,
        Err(denied) => return Ok(Err(denied)),
    };
    signed_in(hub, caller, person, means).await?;
    let started = session::renew(hub, session, Stage::Two, means).await?;
    Ok(Ok(SignedIn { started, language: person.language }))
}

/// Signs in whoever's passkey the caller's browser has shown: it has checked who holds it, so it is
/// two factors in one.
///
/// # Errors
/// [`Refused`] when the store or the random source fails.
pub async fn by_passkey(
    hub: &Hub,
    caller: &Caller,
    ceremony: &str,
    answer: &str,
) -> Result<Result<SignedIn, Denied>, Refused> {
    allow(caller, Action::UseTheDoor, &Target::default())?;
    let Some(id) = passkeys::shown(hub, caller, ceremony, answer).await? else {
        refused(hub, caller, None, Means::Passkey);
        return Ok(Err(Denied::Wrong));
    };
    let person = hub.store.person(id).await?.ok_or(Refused::Inner("a person is half there"))?;
    start(hub, caller, &person, Stage::Two, Means::Passkey).await
}

/// Who is half signed in: what they still owe is a second factor.
#[must_use]
pub fn owing(caller: &Caller) -> Option<(&store::Session, &Person)> {
    match (&caller.owes_second, &caller.session, &caller.person) {
        (Some((session, person)), ..) => Some((session, person)),
        (None, Some(session), Some(person)) if session.stage == Stage::One => {
            Some((session, person))
        }
        _ => None,
    }
}

/// What the caller signs in with.
pub struct Factors {
    /// Whether they have a password.
    pub has_password: bool,
    /// Their second factors.
    pub held: FactorsHeld,
    /// Their passkeys.
    pub passkeys: Vec<StoredPasskey>,
}

/// What the caller signs in with.
///
/// # Errors
/// [`Refused`] when they may not, or the store fails.
pub async fn factors(hub: &Hub, caller: &Caller) -> Result<Factors, Refused> {
    let has_password = proof::can_show(hub, caller).await?.password;
    let person = caller.signed_in()?.id;
    Ok(Factors {
        has_password,
        held: hub.store.factors_of(person).await?,
        passkeys: hub.store.passkeys_of(person).await?,
    })
}

/// Whose e-mail address and password these are.
async fn known(
    hub: &Hub,
    throttle: &Throttle,
    caller: &Caller,
    email: &str,
    password: &str,
) -> Result<Result<Person, Denied>, Refused> {
    allow(caller, Action::UseTheDoor, &Target::default())?;
    let email = email.trim().to_lowercase();
    let whose = Guessed::Password(email.clone());
    if let Some(until) = throttle.closed_until(&whose, caller.address, hub.now()) {
        return Ok(Err(Denied::Wait(until)));
    }
    let known = hub.store.sign_in_record(&email).await?;
    let known_id = known.as_ref().map(|known| known.person);
    let kept = known.as_ref().and_then(|known| known.password.clone());
    let right = secret::fits(password::as_compared(password), kept).await?;
    let (true, Some(known)) = (right, known) else {
        throttle.failed(&whose, caller.address, hub.now());
        refused(hub, caller, known_id, Means::Password);
        return Ok(Err(Denied::Wrong));
    };
    throttle.succeeded(&whose, caller.address);
    let person = hub.store.person(known.person).await?;
    Ok(Ok(person.ok_or(Refused::Inner("a person is half there"))?))
}

async fn second_factor(
    hub: &Hub,
    throttle: &Throttle,
    caller: &Caller,
    person: &Person,
    code: &str,
) -> Result<Result<Means, Denied>, Refused> {
    let whose = Guessed::Second(person.id);
    if let Some(until) = throttle.closed_until(&whose, caller.address, hub.now()) {
        return Ok(Err(Denied::Wait(until)));
    }
    let Some(means) = codes::use_up(hub, person.id, code).await? else {
        throttle.failed(&whose, caller.address, hub.now());
        refused(hub, caller, Some(person.id), Means::Code);
        return Ok(Err(Denied::WrongCode));
    };
    throttle.succeeded(&whose, caller.address);
    Ok(Ok(means))
}

async fn start(
    hub: &Hub,
    caller: &Caller,
    person: &Person,
    stage: Stage,
    means: Means,
) -> Result<Result<SignedIn, Denied>, Refused> {
    if stage != Stage::OwesSecond {
        signed_in(hub, caller, person, means).await?;
    }
    let started = session::start(hub, caller, person.id, stage, means).await?;
    Ok(Ok(SignedIn { started, language: person.language }))
}

/// Records that somebody signs in.
async fn signed_in(
    hub: &Hub,
    caller: &Caller,
    person: &Person,
    means: Means,
) -> Result<(), Refused> {
    let entry = Entry::new(AuditAction::SignedIn).about(person.id).note("means", word(means));
    let who = Caller { person: Some(person.clone()), ..caller.clone() };
    audit::record(hub, &who, entry).await
}

/// Records that somebody was refused. It is done beside the answer, which must not take longer for
/// an address that somebody has.
fn refused(hub: &Hub, caller: &Caller, person: Option<PersonId>, means: Means) {
    let (hub, mut entry) = (hub.clone(), Entry::new(AuditAction::SignInRefused));
    entry = entry.note("means", word(means));
    if let Some(person) = person {
        entry = entry.about(person);
    }
    let caller = caller.clone();
    tokio::spawn(async move {
        if let Err(error) = audit::record(&hub, &caller, entry).await {
            tracing::error!(%error, "a refused sign-in could not be recorded");
        }
    });
}

fn word(means: Means) -> &'static str {
    match means {
        Means::Password => "password",
        Means::Code => "code",
        Means::RecoveryCode => "recovery code",
        Means::Passkey => "passkey",
        Means::Organisation => "organisation",
    }
}
