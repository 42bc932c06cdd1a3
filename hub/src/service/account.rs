//! One's own account: language, PIN, cards, employer.

use model::language::{Language, LocalText};
use model::permission::{Action, Target};
use store::Credential;

use super::{Caller, Refused, allow, secret};
use crate::hub::Hub;

/// What the account page shows beside the person.
pub struct Account {
    /// Who pays for their visits.
    pub employer: Option<LocalText>,
    /// Their cards.
    pub cards: Vec<Credential>,
    /// Whether they have set a PIN.
    pub has_pin: bool,
}

/// A text that is no PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a PIN has 4 to 8 digits")]
pub struct BadPin;

/// What is kept of the caller.
///
/// # Errors
/// [`Refused`] when they may not, or the store fails.
pub async fn look(hub: &Hub, caller: &Caller) -> Result<Account, Refused> {
    let person = caller.signed_in()?;
    allow(caller, Action::KeepAccount, &Target::of(person.id))?;
    let employer = match person.employers_at(hub.now()).next() {
        Some(id) => hub.store.employers().await?.into_iter().find(|employer| employer.id == id),
        None => None,
    };
    Ok(Account {
        employer: employer.map(|employer| employer.name),
        cards: hub.store.credentials_of(person.id).await?,
        has_pin: hub.store.pin(person.id).await?.is_some(),
    })
}

/// Sets the caller's PIN; full-width digits count as digits.
///
/// # Errors
/// [`Refused`] when they may not, or the store or the random source fails.
pub async fn set_pin(hub: &Hub, caller: &Caller, pin: &str) -> Result<Result<(), BadPin>, Refused> {
    let person = caller.signed_in()?.id;
    allow(caller, Action::KeepAccount, &Target::of(person))?;
    let Ok(pin) = plain_pin(pin) else { return Ok(Err(BadPin)) };
    let phc = secret::hash_aside(pin, hub.random.clone()).await?;
    hub.store.set_pin(person, Some(&phc)).await?;
    hub.live.people_changed();
    Ok(Ok(()))
}

/// Changes the language the caller is answered in, here and at the kiosk.
///
/// # Errors
/// [`Refused`] when they may not, or the store fails.
pub async fn set_language(hub: &Hub, caller: &Caller, language: Language) -> Result<(), Refused> {
    let person = caller.signed_in()?.id;
    allow(caller, Action::KeepAccount, &Target::of(person))?;
    Ok(hub.store.set_language(person, language).await?)
}

/// The digits of a PIN as it was typed.
pub(super) fn plain_pin(text: &str) -> Result<String, BadPin> {
    let pin = crate::typed::plain(text);
    let fits = (4..=8).contains(&pin.len()) && pin.bytes().all(|byte| byte.is_ascii_digit());
    if fits { Ok(pin) } else { Err(BadPin) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_has_four_to_eight_digits_of_any_width() {
        assert_eq!(plain_pin(" １２３４ "), Ok("1234".to_owned()));
        assert_eq!(plain_pin("12345678"), Ok("12345678".to_owned()));
        for bad in ["123", "123456789", "12a4", "", "一二三四"] {
            assert_eq!(plain_pin(bad), Err(BadPin), "{bad}");
        }
    }
}
