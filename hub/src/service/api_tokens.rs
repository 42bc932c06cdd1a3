//! Tokens with which programs act: for a person with that person's rights, or for an employer.

use chrono::TimeDelta;
use model::audit::AuditAction;
use model::id::{ApiTokenId, EmployerId};
use model::people::Grant;
use model::permission::{Action, Actor, Target, TokenScope};
use model::sign_in::Stage;
use store::{ApiToken, TokenHolder};

use super::{Caller, Refused, allow, audit, secret};
use crate::hub::Hub;

/// What every token begins with, so that one that lies about somewhere is known for what it is.
pub const PREFIX: &str = "kyt_";
/// No token lasts longer, in days.
pub const MOST_DAYS: i64 = 365;
/// A name is no longer, in characters.
pub const LONGEST_NAME: usize = 100;
/// What a person's own token may be used for.
pub const OF_PERSON: [TokenScope; 3] = [TokenScope::Read, TokenScope::Book, TokenScope::Report];
/// What an employer's token may be used for.
pub const OF_EMPLOYER: [TokenScope; 1] = [TokenScope::Members];

/// A token as it is wished for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// What its maker calls it.
    pub name: String,
    /// What for.
    pub scopes: Vec<TokenScope>,
    /// For how many days.
    pub days: i64,
}

/// Why there is no such token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadWish {
    /// The name is missing or too long.
    #[error("a token has a name of 1 to 100 characters")]
    Name,
    /// It would be for nothing, or for something that is not for this holder.
    #[error("a token needs a scope that its holder may use")]
    Scopes,
    /// It would last no day, or more than a year.
    #[error("a token lasts 1 to 365 days")]
    Days,
}

/// A new token; its text is shown this once.
pub struct Made {
    /// The text.
    pub text: String,
    /// What is kept.
    pub token: ApiToken,
}

/// The tokens of a holder.
///
/// # Errors
/// [`Refused`] when they are not the caller's to see, or the store fails.
pub async fn list(
    hub: &Hub,
    caller: &Caller,
    holder: TokenHolder,
) -> Result<Vec<ApiToken>, Refused> {
    let (action, target) = right(holder);
    allow(caller, action, &target)?;
    Ok(hub.store.api_tokens_of(holder).await?)
}

/// Makes one.
///
/// # Errors
/// [`Refused`] when they may not, or the store or the random source fails.
pub async fn make(
    hub: &Hub,
    caller: &Caller,
    holder: TokenHolder,
    wish: Wish,
) -> Result<Result<Made, BadWish>, Refused> {
    let (action, target) = right(holder);
    allow(caller, action, &target)?;
    let stage = caller.session.as_ref().map_or(Stage::One, |session| session.stage);
    let made = issue(hub, holder, wish, stage).await?;
    if let Ok(made) = &made {
        audit::record(hub, caller, entry(AuditAction::TokenMade, holder, made.token.id)).await?;
    }
    Ok(made)
}

/// Makes one for whoever runs the hub's program by hand.
///
/// # Errors
/// [`Refused`] when the store or the random source fails.
pub async fn issue(
    hub: &Hub,
    holder: TokenHolder,
    wish: Wish,
    stage: Stage,
) -> Result<Result<Made, BadWish>, Refused> {
    if let Err(bad) = check(&wish, holder) {
        return Ok(Err(bad));
    }
    let text = format!("{PREFIX}{}", secret::token(hub.random.as_ref())?);
    let now = hub.now();
    let mut scopes = wish.scopes;
    scopes.sort();
    scopes.dedup();
    let token = ApiToken {
        id: ApiTokenId(hub.new_id()?),
        holder,
        name: wish.name.trim().to_owned(),
        scopes,
        // Who still owes a second factor has no session to make one in.
        stage: if stage == Stage::Two { Stage::Two } else { Stage::One },
        made_at: now,
        ends_at: now + TimeDelta::days(wish.days),
        last_used_on: None,
    };
    hub.store.add_api_token(&secret::sha256(text.as_bytes()), &token).await?;
    Ok(Ok(Made { text, token }))
}

/// Takes one back; answers whether it was there.
///
/// # Errors
/// [`Refused`] when it is not the caller's, or the store fails.
pub async fn revoke(
    hub: &Hub,
    caller: &Caller,
    holder: TokenHolder,
    id: ApiTokenId,
) -> Result<bool, Refused> {
    let (action, target) = right(holder);
    allow(caller, action, &target)?;
    let there = hub.store.drop_api_token(holder, id).await?;
    if there {
        audit::record(hub, caller, entry(AuditAction::TokenRevoked, holder, id)).await?;
    }
    Ok(there)
}

fn entry(action: AuditAction, holder: TokenHolder, id: ApiTokenId) -> audit::Entry {
    let entry = audit::Entry::new(action).note("token", id.to_string());
    match holder {
        TokenHolder::Person(person) => entry.about(person),
        TokenHolder::Employer(employer) => entry.note("employer", employer.to_string()),
    }
}

/// Makes the caller the one whose token this is; answers whether the token is good.
///
/// # Errors
/// When the store fails.
pub async fn recognise(hub: &Hub, caller: &mut Caller, text: &str) -> Result<bool, Refused> {
    if !text.starts_with(PREFIX) {
        return Ok(false);
    }
    let now = hub.now();
    let Some(token) = hub.store.api_token(&secret::sha256(text.as_bytes()), now).await? else {
        return Ok(false);
    };
    match token.holder {
        TokenHolder::Person(id) => {
            let Some(person) = hub.store.person(id).await? else { return Ok(false) };
            caller.recognise_person(person, token.stage, now);
        }
        TokenHolder::Employer(employer) => {
            let grants = vec![Grant::EmployerAdmin { employer }];
            caller.actor = Actor { grants, ..Actor::nobody() };
        }
    }
    caller.actor.token = Some(token.scopes);
    let today = now.date_naive();
    if token.last_used_on != Some(today) {
        hub.store.note_token_use(token.id, today).await?;
    }
    Ok(true)
}

/// The one employer that the caller speaks for; none where there are several.
#[must_use]
pub fn employer_of(caller: &Caller) -> Option<EmployerId> {
    let mut kept = caller.grants().iter().filter_map(|grant| match grant {
        Grant::EmployerAdmin { employer } => Some(*employer),
        _ => None,
    });
    kept.next().filter(|first| kept.all(|other| other == *first))
}

fn right(holder: TokenHolder) -> (Action, Target) {
    match holder {
        TokenHolder::Person(person) => (Action::KeepSignIn, Target::of(person)),
        TokenHolder::Employer(employer) => (Action::ManageMembers, Target::of_employer(employer)),
    }
}

fn check(wish: &Wish, holder: TokenHolder) -> Result<(), BadWish> {
    let name = wish.name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.contains(char::is_control) {
        return Err(BadWish::Name);
    }
    let possible: &[TokenScope] = match holder {
        TokenHolder::Person(_) => &OF_PERSON,
        TokenHolder::Employer(_) => &OF_EMPLOYER,
    };
    if wish.scopes.is_empty() || wish.scopes.iter().any(|scope| !possible.contains(scope)) {
        return Err(BadWish::Scopes);
    }
    if !(1..=MOST_DAYS).contains(&wish.days) {
        return Err(BadWish::Days);
    }
    Ok(())
}
