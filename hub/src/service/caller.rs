//! Who asks, and in which language they are answered.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use model::language::Language;
use model::people::{Grant, Person};
use model::permission::{Action, Actor, Target, may, role_of};
use model::sign_in::Stage;
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
    /// What they were given to do, but only may once they have shown a second factor.
    pub withheld: Vec<Grant>,
    /// Whose password was right and who owes a second factor: nobody yet.
    pub owes_second: Option<(Session, Person)>,
    /// The language they are answered in.
    pub language: Language,
    /// Where they call from, where that is known.
    pub address: Option<IpAddr>,
    /// The browser or program they use, by a short name.
    pub agent: String,
    /// What a form must carry: the session's token, or the door's before there is a session.
    pub csrf: String,
    /// What the script and style tags of a page for them must carry.
    pub nonce: String,
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

    /// The session that their browser holds, whatever it is good for yet.
    #[must_use]
    pub fn any_session(&self) -> Option<&Session> {
        self.session.as_ref().or(self.owes_second.as_ref().map(|(session, _)| session))
    }

    /// Whether they may do `action` on things of their own.
    #[must_use]
    pub fn may_own(&self, action: Action) -> bool {
        self.person.as_ref().is_some_and(|person| may(&self.actor, action, &Target::of(person.id)))
    }

    /// What they were given to do and may do now.
    #[must_use]
    pub fn grants(&self) -> &[Grant] {
        &self.actor.grants
    }

    /// Who they would be with a second factor.
    #[must_use]
    pub fn in_full(&self) -> Actor {
        let mut actor = self.actor.clone();
        actor.grants.extend(&self.withheld);
        actor
    }

    /// Makes them `person` with this session.
    pub fn recognise(&mut self, session: Session, person: Person, now: DateTime<Utc>) {
        self.csrf.clone_from(&session.csrf);
        self.recognise_person(person, session.stage, now);
        self.session = Some(session);
    }

    /// Makes them `person`, who has shown so much of themselves.
    pub fn recognise_person(&mut self, person: Person, stage: Stage, now: DateTime<Utc>) {
        let (free, bound): (Vec<_>, Vec<_>) =
            person.grants_at(now).partition(|grant| !role_of(grant).needs_second_factor());
        self.actor = Actor::person(person.id, free);
        self.withheld = Vec::new();
        match stage {
            Stage::Two => self.actor.grants.extend(bound),
            Stage::One | Stage::OwesSecond => self.withheld = bound,
        }
        self.person = Some(person);
    }
}
