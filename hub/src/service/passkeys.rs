//! Passkeys: a key pair on somebody's telephone or computer, used after it has checked who holds it.

use chrono::TimeDelta;
use model::audit::AuditAction::{FactorAdded, FactorRemoved};
use model::id::{CeremonyId, PasskeyId, PersonId};
use model::permission::{Action, Target};
use model::sign_in::Means;
use serde::Serialize;
use serde_json::{Value, json};
use store::{Ceremony, Purpose, StoreError, StoredPasskey};
use webauthn_rs::prelude::{
    CredentialID, DiscoverableAuthentication, DiscoverableKey, Passkey, PasskeyRegistration,
    PublicKeyCredential, RegisterPublicKeyCredential,
};

use super::audit::{self, Entry};
use super::codes::{self, Added};
use super::session::Started;
use super::{Caller, Refused, allow, proof, secret};
use crate::hub::Hub;

/// How long a browser has to answer.
const PATIENCE: TimeDelta = TimeDelta::minutes(5);
/// A name of a passkey is so many characters at most.
pub const LONGEST_NAME: usize = 60;
/// Nobody has more.
const MOST: usize = 20;

/// What a browser is asked.
#[derive(Serialize)]
pub struct Question {
    /// What its answer must name.
    pub ceremony: CeremonyId,
    /// What it hands to `navigator.credentials`.
    pub options: Value,
}

/// How adding a passkey ended.
pub enum Adding {
    /// It is there.
    Done(Added),
    /// The answer is torn, late, another browser's, or the passkey is there already.
    Bad,
    /// They have as many as anybody may.
    TooMany,
}

/// Asks the caller's browser to make a passkey.
///
/// # Errors
/// [`Refused`] when they may not or have not shown lately who they are, or the store fails.
pub async fn ask_to_add(hub: &Hub, caller: &Caller) -> Result<Question, Refused> {
    let person = caller.signed_in()?;
    proof::recent(hub, caller).await?;
    let known = hub.store.passkeys_of(person.id).await?.into_iter();
    let known = known.map(|passkey| CredentialID::from(passkey.credential)).collect();
    let (question, state) = hub
        .passkeys
        .start_passkey_registration(person.id.0, &person.email, &person.name, Some(known))
        .map_err(|_| Refused::Inner("no passkey can be asked for"))?;
    // The sign-in page asks for a passkey before it knows who is there, so the device must remember
    // whose it is.
    let mut question = as_value(&question)?;
    let wish = &mut question["publicKey"]["authenticatorSelection"];
    wish["residentKey"] = json!("required");
    wish["requireResidentKey"] = json!(true);
    ask(hub, caller, Purpose::Add, question, &state).await
}

/// Adds the passkey that the browser has made.
///
/// # Errors
/// As [`ask_to_add`].
pub async fn add(
    hub: &Hub,
    caller: &Caller,
    ceremony: &str,
    answer: &str,
    name: &str,
) -> Result<Adding, Refused> {
    let person = caller.signed_in()?.id;
    let session = proof::recent(hub, caller).await?;
    let Some(state) = taken::<PasskeyRegistration>(hub, caller, Purpose::Add, ceremony).await?
    else {
        return Ok(Adding::Bad);
    };
    let made = serde_json::from_str::<RegisterPublicKeyCredential>(answer)
        .ok()
        .and_then(|made| hub.passkeys.finish_passkey_registration(&made, &state).ok());
    let Some(made) = made else { return Ok(Adding::Bad) };
    if hub.store.passkeys_of(person).await?.len() >= MOST {
        return Ok(Adding::TooMany);
    }
    let passkey = StoredPasskey {
        id: PasskeyId(hub.new_id()?),
        person,
        credential: made.cred_id().to_vec(),
        name: called(name, &caller.agent),
        public: as_json(&made)?,
        added_at: hub.now(),
        used_at: None,
    };
    let entry = Entry::new(FactorAdded).about(person).note("factor", "passkey");
    let entry = entry.note("name", passkey.name.clone());
    audit::record(hub, caller, entry).await?;
    match hub.store.add_passkey(&passkey).await {
        Ok(()) => {}
        Err(StoreError::Duplicate(_)) => return Ok(Adding::Bad),
        Err(error) => return Err(error.into()),
    }
    Ok(Adding::Done(codes::added(hub, person, session, Means::Passkey).await?))
}

/// Forgets one of the caller's passkeys.
///
/// # Errors
/// [`Refused::NotFound`] when it is not there or not theirs, or as [`ask_to_add`].
pub async fn remove(hub: &Hub, caller: &Caller, id: PasskeyId) -> Result<Option<Started>, Refused> {
    let person = caller.signed_in()?.id;
    allow(caller, Action::KeepSignIn, &Target::of(person))?;
    if !hub.store.passkeys_of(person).await?.iter().any(|passkey| passkey.id == id) {
        return Err(Refused::NotFound);
    }
    let session = proof::recent(hub, caller).await?;
    if !hub.store.remove_passkey(person, id).await? {
        return Err(Refused::NotFound);
    }
    let entry = Entry::new(FactorRemoved).about(person).note("factor", "passkey");
    audit::record(hub, caller, entry).await?;
    codes::removed(hub, person, session).await
}

/// Asks a browser to show a passkey, whoever holds it.
///
/// # Errors
/// [`Refused`] when they may not, or the store fails.
pub async fn ask_to_show(hub: &Hub, caller: &Caller) -> Result<Question, Refused> {
    allow(caller, Action::UseTheDoor, &Target::default())?;
    let (mut question, state) = hub
        .passkeys
        .start_discoverable_authentication()
        .map_err(|_| Refused::Inner("no passkey can be asked for"))?;
    // It is asked for by a button, not while an address is typed.
    question.mediation = None;
    ask(hub, caller, Purpose::Show, as_value(&question)?, &state).await
}

/// Whose passkey the browser has shown; none when the answer is torn, late, another browser's, or
/// nobody's.
pub(super) async fn shown(
    hub: &Hub,
    caller: &Caller,
    ceremony: &str,
    answer: &str,
) -> Result<Option<PersonId>, Refused> {
    let state = taken::<DiscoverableAuthentication>(hub, caller, Purpose::Show, ceremony).await?;
    let answer = serde_json::from_str::<PublicKeyCredential>(answer).ok();
    let (Some(state), Some(answer)) = (state, answer) else { return Ok(None) };
    let Ok((person, credential)) = hub.passkeys.identify_discoverable_authentication(&answer)
    else {
        return Ok(None);
    };
    let Some(kept) = hub.store.passkey(credential).await? else { return Ok(None) };
    if kept.person.0 != person {
        return Ok(None);
    }
    let mut passkey: Passkey = serde_json::from_str(&kept.public)
        .map_err(|_| StoreError::Corrupt("the key of a passkey".to_owned()))?;
    let known = DiscoverableKey::from(&passkey);
    let checked = hub.passkeys.finish_discoverable_authentication_v2(&answer, state, &known);
    let Some(checked) = checked.ok().filter(|checked| checked.user_verified()) else {
        return Ok(None);
    };
    passkey.update_credential(&checked);
    hub.store.note_passkey_use(kept.id, &as_json(&passkey)?, hub.now()).await?;
    Ok(Some(kept.person))
}

async fn ask(
    hub: &Hub,
    caller: &Caller,
    purpose: Purpose,
    options: Value,
    state: &impl Serialize,
) -> Result<Question, Refused> {
    let ceremony = Ceremony {
        id: CeremonyId(hub.new_id()?),
        purpose,
        holder: holder(caller),
        state: as_json(state)?,
        ends_at: hub.now() + PATIENCE,
    };
    hub.store.begin_ceremony(&ceremony).await?;
    Ok(Question { ceremony: ceremony.id, options })
}

/// What the answer to this question is checked against; the question cannot be answered again.
async fn taken<T: serde::de::DeserializeOwned>(
    hub: &Hub,
    caller: &Caller,
    purpose: Purpose,
    ceremony: &str,
) -> Result<Option<T>, Refused> {
    let Ok(id) = ceremony.parse() else { return Ok(None) };
    let state = hub.store.take_ceremony(id, purpose, &holder(caller), hub.now()).await?;
    Ok(state.and_then(|state| serde_json::from_str(&state).ok()))
}

/// A question is answered by the browser it was put to.
fn holder(caller: &Caller) -> [u8; 32] {
    secret::sha256(caller.csrf.as_bytes())
}

fn as_value(value: &impl Serialize) -> Result<Value, Refused> {
    serde_json::to_value(value)
        .map_err(|_| Refused::Inner("a question to a browser cannot be written"))
}

fn as_json(value: &impl Serialize) -> Result<String, Refused> {
    serde_json::to_string(value).map_err(|_| Refused::Inner("a passkey cannot be written as JSON"))
}

fn called(name: &str, agent: &str) -> String {
    let name = [name.trim(), agent, "Passkey"].into_iter().find(|name| !name.is_empty());
    name.unwrap_or_default().chars().take(LONGEST_NAME).collect()
}
