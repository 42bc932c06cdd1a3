//! Who asks, and in which language they are answered.

use std::net::IpAddr;

use model::language::Language;
use model::people::{Grant, Person};
use model::permission::{Action, Actor, Target, may};
use store::Session;

use super::Refused;

/// The one who asks.
#[derive(Clone)]
pub struct Caller {
    /// What the table of rights is asked with.
    pub actor: Actor,
    /// The signed-in person.
    pub person: Option<Person>,
    /// Their session.
    pub session: Option<Session>,
    /// The language they are answered in.
    pub language: Language,
    /// Where they call from, where that is known.
    pub address: Option<IpAddr>,
    /// What a form must carry: the session's token, or the door's before there is a session.
    pub csrf: String,
    /// Path and query of the request, for the way back.
    pub here: String,
}

impl Caller {
    /// The signed-in person.
    ///
    /// # Errors
    /// [`Refused::SignInFirst`] when nobody is.
    pub fn signed_in(&self) -> Result<&Person, Refused> {
        self.person.as_ref().ok_or(Refused::SignInFirst)
    }

    /// Whether they may do `action` on things of their own.
    #[must_use]
    pub fn may_own(&self, action: Action) -> bool {
        self.person.as_ref().is_some_and(|person| may(&self.actor, action, &Target::of(person.id)))
    }

    /// What they were given to do.
    #[must_use]
    pub fn grants(&self) -> &[Grant] {
        &self.actor.grants
    }
}
