//! Cards: one's own, those of a centre's guests, and what a site offers.

pub mod card_key;
pub mod offers;

use chrono::{DateTime, Utc};
use model::audit::AuditAction;
use model::card::{CardState, LONGEST_LABEL, LONGEST_REASON, OfferCode, one_line};
use model::centre::Centre;
use model::id::{CentreId, CredentialId, PersonId};
use model::people::Person;
use model::permission::{Action, Target};
use store::{CardChange, Credential, OfferTaken, TakeOffer};

use super::throttle::{Guessed, Throttle};
use super::{Caller, Refused, allow, allow_or_hide, audit};
use crate::hub::Hub;
use crate::typed;

/// How adding a card ended.
pub enum Added {
    /// It is theirs.
    Done(Box<Credential>),
    /// Nothing waits under this code; wrong, used, too old or shown elsewhere is all the same.
    WrongCode,
    /// The card is somebody's already; whose is not said.
    Somebodys,
    /// There is no such card to replace.
    NothingToReplace,
    /// A card's name has 1 to 40 characters.
    BadLabel,
    /// The end lies in the past.
    BadEnd,
    /// Too many wrong codes: not before this instant.
    Wait(DateTime<Utc>),
}

/// What a new card is to be.
#[derive(Clone, Debug, Default)]
pub struct NewCard<'a> {
    /// The code on the kiosk's screen, as typed.
    pub code: &'a str,
    /// What it is called; empty for the usual name.
    pub label: &'a str,
    /// Not from then on.
    pub valid_until: Option<DateTime<Utc>>,
    /// The card that it takes the place of.
    pub replaces: Option<CredentialId>,
}

/// The caller's own cards.
///
/// # Errors
/// [`Refused`] when they may not, or the store fails.
pub async fn own(hub: &Hub, caller: &Caller) -> Result<Vec<Credential>, Refused> {
    let person = keeper(caller)?;
    Ok(hub.store.credentials_of(person).await?)
}

/// Makes the card behind a code the caller's.
///
/// # Errors
/// [`Refused`] when they may not, or the store or the random source fails.
pub async fn add_own(
    hub: &Hub,
    throttle: &Throttle,
    caller: &Caller,
    new: &NewCard<'_>,
) -> Result<Added, Refused> {
    let person = keeper(caller)?;
    let name =
        if caller.language == model::language::Language::Ja { "ICカード" } else { "IC card" };
    take(hub, throttle, caller, person, None, name, new).await
}

/// Changes what the caller calls a card of theirs; answers whether the name will do.
///
/// # Errors
/// [`Refused`] when they may not, it is none of theirs, or the store fails.
pub async fn rename_own(
    hub: &Hub,
    caller: &Caller,
    id: CredentialId,
    label: &str,
) -> Result<bool, Refused> {
    let person = keeper(caller)?;
    let Some(label) = one_line(label, LONGEST_LABEL) else { return Ok(false) };
    if hub.store.set_label(person, id, &label).await? { Ok(true) } else { Err(Refused::NotFound) }
}

/// Reports a card of the caller's as lost: every site refuses it from now on. Once more does no
/// harm.
///
/// # Errors
/// [`Refused`] when they may not, it is none of theirs, or the store fails.
pub async fn lose_own(hub: &Hub, caller: &Caller, id: CredentialId) -> Result<Credential, Refused> {
    caller.signed_in()?;
    let card = hub.store.credential(id).await?.ok_or(Refused::NotFound)?;
    allow_or_hide(caller, Action::KeepCards, &Target::of(card.person))?;
    let from = [CardState::Active, CardState::Blocked];
    change(hub, caller, &card, None, &from, CardState::Lost, "", AuditAction::CardLost).await?;
    hub.store.credential(id).await?.ok_or(Refused::NotFound)
}

/// A guest of a centre, or one who works there, with their cards.
pub struct Guest {
    /// Who.
    pub person: Person,
    /// Their cards.
    pub cards: Vec<Credential>,
}

/// The guest with an e-mail address; none where nobody, or nobody known to this centre, has it.
///
/// # Errors
/// [`Refused`] when the caller may not, or the store fails.
pub async fn guest(
    hub: &Hub,
    caller: &Caller,
    centre: CentreId,
    email: &str,
) -> Result<Option<Guest>, Refused> {
    may_manage(caller, centre)?;
    let Some(record) = hub.store.sign_in_record(email.trim()).await? else { return Ok(None) };
    if !hub.store.knows_centre(record.person, centre).await? {
        return Ok(None);
    }
    let Some(person) = hub.store.person(record.person).await? else { return Ok(None) };
    let cards = hub.store.credentials_of(person.id).await?;
    Ok(Some(Guest { person, cards }))
}

/// Makes the card behind a code, which a kiosk of the centre shows, a guest's. The operator has
/// seen who they are.
///
/// # Errors
/// [`Refused::NotFound`] when the centre has no such guest; otherwise as [`add_own`].
pub async fn add_for_guest(
    hub: &Hub,
    throttle: &Throttle,
    caller: &Caller,
    centre: &Centre,
    email: &str,
    new: &NewCard<'_>,
) -> Result<Added, Refused> {
    let guest = guest(hub, caller, centre.id, email).await?.ok_or(Refused::NotFound)?.person;
    let name = match guest.language {
        model::language::Language::Ja => "ICカード",
        model::language::Language::En => "IC card",
    };
    take(hub, throttle, caller, guest.id, Some(centre.id), name, new).await
}

/// Stops a guest's card.
///
/// # Errors
/// [`Refused`] when the caller may not, the centre has no such card, or the store fails.
pub async fn block(
    hub: &Hub,
    caller: &Caller,
    centre: CentreId,
    id: CredentialId,
    why: &str,
) -> Result<Option<Credential>, Refused> {
    let card = guests_card(hub, caller, centre, id).await?;
    let Some(why) = one_line(why, LONGEST_REASON) else { return Ok(None) };
    let from = [CardState::Active, CardState::Lost];
    let (to, action) = (CardState::Blocked, AuditAction::CardBlocked);
    change(hub, caller, &card, Some(centre), &from, to, &why, action).await?;
    Ok(hub.store.credential(id).await?)
}

/// Lets a blocked or found card work again.
///
/// # Errors
/// As [`block`].
pub async fn unblock(
    hub: &Hub,
    caller: &Caller,
    centre: CentreId,
    id: CredentialId,
    why: &str,
) -> Result<Option<Credential>, Refused> {
    let card = guests_card(hub, caller, centre, id).await?;
    let Some(why) = one_line(why, LONGEST_REASON) else { return Ok(None) };
    let from = [CardState::Blocked, CardState::Lost];
    let (to, action) = (CardState::Active, AuditAction::CardUnblocked);
    change(hub, caller, &card, Some(centre), &from, to, &why, action).await?;
    Ok(hub.store.credential(id).await?)
}

/// Asks whether the caller may keep the cards of a centre's guests.
///
/// # Errors
/// [`Refused`] when they may not.
pub fn may_manage(caller: &Caller, centre: CentreId) -> Result<(), Refused> {
    allow(caller, Action::ManageCards, &Target::at(centre))
}

fn keeper(caller: &Caller) -> Result<PersonId, Refused> {
    let person = caller.signed_in()?.id;
    allow(caller, Action::KeepCards, &Target::of(person))?;
    Ok(person)
}

async fn guests_card(
    hub: &Hub,
    caller: &Caller,
    centre: CentreId,
    id: CredentialId,
) -> Result<Credential, Refused> {
    may_manage(caller, centre)?;
    let card = hub.store.credential(id).await?.ok_or(Refused::NotFound)?;
    if hub.store.knows_centre(card.person, centre).await? {
        Ok(card)
    } else {
        Err(Refused::NotFound)
    }
}

#[expect(clippy::too_many_arguments, reason = "one change, told in full")]
async fn change(
    hub: &Hub,
    caller: &Caller,
    card: &Credential,
    centre: Option<CentreId>,
    from: &[CardState],
    to: CardState,
    why: &str,
    action: AuditAction,
) -> Result<(), Refused> {
    let change =
        CardChange { at: hub.now(), by: Some(caller.signed_in()?.id), why: why.to_owned() };
    if hub.store.change_card(card.id, from, to, &change).await? {
        hub.live.people_changed();
        let mut entry = audit::Entry::new(action)
            .about(card.person)
            .note("card", card.id.to_string())
            .note("label", &card.label)
            .note("why", why);
        if let Some(centre) = centre {
            entry = entry.at(centre);
        }
        audit::record(hub, caller, entry).await?;
    }
    Ok(())
}

async fn take(
    hub: &Hub,
    throttle: &Throttle,
    caller: &Caller,
    person: PersonId,
    centre: Option<CentreId>,
    usual_name: &str,
    new: &NewCard<'_>,
) -> Result<Added, Refused> {
    let now = hub.now();
    let by = caller.signed_in()?.id;
    let label = if new.label.trim().is_empty() { usual_name } else { new.label };
    let Some(label) = one_line(label, LONGEST_LABEL) else { return Ok(Added::BadLabel) };
    if new.valid_until.is_some_and(|until| until <= now) {
        return Ok(Added::BadEnd);
    }
    // Whoever guesses is slowed down, whichever person they say they guess for.
    let guesser = Guessed::CardCode(by);
    if let Some(until) = throttle.closed_until(&guesser, None, now) {
        return Ok(Added::Wait(until));
    }
    let Ok(code) = typed::plain(new.code).parse::<OfferCode>() else {
        throttle.failed(&guesser, None, now);
        return Ok(Added::WrongCode);
    };
    let order = TakeOffer {
        code: offers::digest(hub, code),
        centre,
        id: CredentialId(hub.new_id()?),
        person,
        label,
        valid_until: new.valid_until,
        replaces: new.replaces,
        change: CardChange { at: now, by: Some(by), why: String::new() },
    };
    match hub.store.take_offer(&order).await? {
        OfferTaken::Done(card) => {
            throttle.succeeded(&guesser, None);
            hub.live.people_changed();
            let action = match new.replaces {
                Some(_) => AuditAction::CardReplaced,
                None => AuditAction::CardAdded,
            };
            let mut entry = audit::Entry::new(action)
                .about(person)
                .note("card", card.id.to_string())
                .note("label", &card.label);
            if let Some(old) = new.replaces {
                entry = entry.note("replaces", old.to_string());
            }
            if let Some(centre) = centre {
                entry = entry.at(centre);
            }
            audit::record(hub, caller, entry).await?;
            Ok(Added::Done(card))
        }
        OfferTaken::NoSuchCode => {
            throttle.failed(&guesser, None, now);
            Ok(Added::WrongCode)
        }
        OfferTaken::Somebodys => Ok(Added::Somebodys),
        OfferTaken::NothingToReplace => Ok(Added::NothingToReplace),
    }
}
