//! The private address under which a person's calendar program fetches their bookings.

use chrono::{DateTime, TimeDelta, Utc};
use model::audit::AuditAction;
use model::permission::{Action, Actor, Target, may};

use super::atlas::Atlas;
use super::audit::{self, Entry};
use super::{Caller, Refused, allow, secret};
use crate::hub::Hub;
use crate::notices::calendar::{self, Scribe};

/// How far back a calendar goes.
const PAST: TimeDelta = TimeDelta::days(60);

/// Since when the caller's calendar has an address, if it has one.
///
/// # Errors
/// [`Refused`] when they may not, or the store fails.
pub async fn look(hub: &Hub, caller: &Caller) -> Result<Option<DateTime<Utc>>, Refused> {
    let me = caller.signed_in()?.id;
    allow(caller, Action::KeepAccount, &Target::of(me))?;
    Ok(hub.store.calendar_feed_of(me).await?)
}

/// Gives the caller's calendar a new address and answers it, this once; an older one ends.
///
/// # Errors
/// [`Refused`] when they may not, or the store or the random source fails.
pub async fn renew(hub: &Hub, caller: &Caller) -> Result<String, Refused> {
    let me = caller.signed_in()?.id;
    allow(caller, Action::KeepAccount, &Target::of(me))?;
    let token = secret::token(hub.random.as_ref())?;
    hub.store.set_calendar_feed(me, &secret::sha256(token.as_bytes()), hub.now()).await?;
    let entry = Entry::new(AuditAction::TokenMade).about(me).note("token", "calendar");
    audit::record(hub, caller, entry).await?;
    Ok(format!("{}calendar/{token}.ics", hub.public_url))
}

/// Ends the address of the caller's calendar; answers whether there was one.
///
/// # Errors
/// [`Refused`] when they may not, or the store fails.
pub async fn stop(hub: &Hub, caller: &Caller) -> Result<bool, Refused> {
    let me = caller.signed_in()?.id;
    allow(caller, Action::KeepAccount, &Target::of(me))?;
    let there = hub.store.drop_calendar_feed(me).await?;
    if there {
        let entry = Entry::new(AuditAction::TokenRevoked).about(me).note("token", "calendar");
        audit::record(hub, caller, entry).await?;
    }
    Ok(there)
}

/// The calendar that has this token: the bookings of the last sixty days and all to come.
///
/// # Errors
/// [`Refused::NotFound`] when there is none, or its owner may no longer see bookings; or the store
/// fails.
pub async fn read(hub: &Hub, atlas: &Atlas, token: &str) -> Result<String, Refused> {
    let owner = hub.store.calendar_feed(&secret::sha256(token.as_bytes())).await?;
    let owner = owner.ok_or(Refused::NotFound)?;
    let person = hub.store.person(owner).await?.ok_or(Refused::NotFound)?;
    let now = hub.now();
    let actor = Actor::person(owner, person.grants_at(now).collect());
    if !may(&actor, Action::SeeBooking, &Target::of(owner)) {
        return Err(Refused::NotFound);
    }
    let scribe = Scribe {
        atlas,
        language: person.language,
        organizer: &hub.post.from,
        public_url: &hub.public_url,
    };
    Ok(calendar::feed(&scribe, &hub.store.calendar_of(owner, now - PAST).await?))
}
