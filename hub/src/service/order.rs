//! From a wish to an order: what is asked before the store is.

use chrono::{DateTime, TimeDelta, Utc};
use model::booking::{Approvals, BadWish, BookingCode, Wish, check};
use model::care::age::{Ages, AgesByDay, YearStart};
use model::centre::{Approval, Centre, SpaceKind};
use model::closure;
use model::consent::Purpose;
use model::id::{BookingId, ChildId, EmployerId, PersonId};
use model::interval::Interval;
use model::language::LocalText;
use model::permission::{Action, Target};
use model::quota::Subject;
use serde::Serialize;
use store::{BookingOrder, Counted, Idempotency, SealedChild, Spare, Stands, Whose};

use super::atlas::Atlas;
use super::{Caller, Refused, allow, children, rules, secret};
use crate::hub::Hub;

/// Why a wish makes no order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoOrder {
    /// It goes against the house rules.
    Bad(BadWish),
    /// The centre takes no bookings then.
    Closed(Interval, LocalText),
    /// No such centre.
    NoCentre,
    /// No such space at the centre.
    NoSpace,
    /// A child that is not among the caller's own.
    NoChild,
    /// A child whose guardians have not agreed to care.
    NoConsent(ChildId),
}

/// Who a booking is for, and what they ask of it.
pub struct For<'a> {
    /// Whose it is to be.
    pub person: PersonId,
    /// Who pays.
    pub on_account_of: Option<EmployerId>,
    /// What is asked.
    pub wish: Wish,
    /// Whether it is only to be held.
    pub hold: bool,
    /// The table of rights is asked for this.
    pub actions: &'a [Action],
}

/// Asks the table of rights and the rules of the house, and makes an order of the wish.
///
/// # Errors
/// [`Refused`] when they may not, or the store or the random source fails.
pub async fn order(
    hub: &Hub,
    atlas: &Atlas,
    caller: &Caller,
    asked: For<'_>,
) -> Result<Result<BookingOrder, NoOrder>, Refused> {
    let mut wish = asked.wish;
    let Some(centre) = atlas.centre(wish.centre) else { return Ok(Err(NoOrder::NoCentre)) };
    let own = Target {
        municipality: Some(centre.municipality),
        centre: Some(centre.id),
        ..Target::of(asked.person)
    };
    for action in asked.actions {
        allow(caller, *action, &own)?;
    }
    if let Some(space) = wish.pinned
        && atlas.space(space).is_none_or(|space| space.centre != centre.id)
    {
        return Ok(Err(NoOrder::NoSpace));
    }
    let Some(own) = own_children(hub, asked.person, &wish.children).await? else {
        return Ok(Err(NoOrder::NoChild));
    };
    for child in &wish.children {
        if !children::consented(hub, *child, Purpose::Care).await? {
            return Ok(Err(NoOrder::NoConsent(*child)));
        }
    }
    wish.slots.sort();
    let now = hub.now();
    if let Err(bad) = check(&wish, centre, now) {
        return Ok(Err(NoOrder::Bad(bad)));
    }
    if let Some((shut, slot)) = closure::over(atlas.closures_of(centre.id), &wish.slots) {
        return Ok(Err(NoOrder::Closed(slot, shut.reason.clone())));
    }
    let stands = stands(atlas, centre, &wish, asked.on_account_of, asked.hold, now);
    let ages = ages(hub, centre, &wish, &own).await?;
    let quotas = quotas(hub, atlas, centre, asked.person, asked.on_account_of, &wish).await?;
    Ok(Ok(BookingOrder {
        id: BookingId(hub.new_id()?),
        person: asked.person,
        centre: centre.clone(),
        needs: wish.needs(),
        slots: wish.slots,
        desks: wish.desks,
        pinned: wish.pinned,
        children: wish.children,
        schemes: wish.schemes,
        ages,
        on_account_of: asked.on_account_of,
        code: draw_code(hub)?,
        tariff_rev: rules::TARIFF_REV,
        rule_rev: rules::RULE_REV,
        at: now,
        stands,
        quotas,
        idempotency: None,
        spare: spares(hub)?,
    }))
}

/// How a booking of `wish` is to stand.
#[must_use]
pub fn stands(
    atlas: &Atlas,
    centre: &Centre,
    wish: &Wish,
    payer: Option<EmployerId>,
    hold: bool,
    now: DateTime<Utc>,
) -> Stands {
    let starts = wish.slots.iter().map(Interval::starts).min().unwrap_or(now);
    let in_time = |minutes: u32| {
        // What begins at once is not worth waiting for beyond its beginning.
        let until = now + TimeDelta::minutes(minutes.into());
        if starts > now { until.min(starts) } else { until }
    };
    if hold {
        return Stands::HeldUntil(in_time(centre.settings.hold_minutes));
    }
    let awaits = approvals(atlas, centre, wish, payer);
    if awaits.any() {
        return Stands::AskedUntil(in_time(centre.settings.approval_minutes), awaits);
    }
    Stands::Confirmed
}

/// Who has to approve it: the centre, who pays, or both.
#[must_use]
pub fn approvals(
    atlas: &Atlas,
    centre: &Centre,
    wish: &Wish,
    payer: Option<EmployerId>,
) -> Approvals {
    let room = || {
        wish.pinned
            .and_then(|space| atlas.space(space))
            .is_some_and(|space| space.kind == SpaceKind::Room)
    };
    let by_centre = match centre.settings.approval {
        Approval::None => false,
        Approval::Rooms => room(),
        Approval::All => true,
    };
    let by_employer = payer.is_some_and(|payer| atlas.approving.contains(&payer));
    Approvals { centre: by_centre, employer: by_employer }
}

/// What a booking must not go over, with those whose bookings count.
///
/// # Errors
/// [`Refused`] when the store fails.
pub async fn quotas(
    hub: &Hub,
    atlas: &Atlas,
    centre: &Centre,
    person: PersonId,
    payer: Option<EmployerId>,
    wish: &Wish,
) -> Result<Vec<Counted>, Refused> {
    if wish.desks == 0 || atlas.quotas.is_empty() {
        return Ok(Vec::new());
    }
    let days: Vec<_> = wish
        .slots
        .iter()
        .map(|slot| slot.starts().with_timezone(&centre.time_zone).date_naive())
        .collect();
    let mut counted = Vec::new();
    for quota in &atlas.quotas {
        if !days.iter().any(|day| quota.counts(*day, centre.id, payer)) {
            continue;
        }
        let whose = match quota.subject {
            Subject::Person => vec![Whose::People(person.0, vec![person])],
            Subject::Employer => payer.map(Whose::Employer).into_iter().collect(),
            Subject::Household => {
                let mut households = Vec::new();
                for household in hub.store.households_of(person).await? {
                    let guardians = hub.store.guardians(household).await?;
                    households.push(Whose::People(household.0, guardians));
                }
                if households.is_empty() {
                    households.push(Whose::People(person.0, vec![person]));
                }
                households
            }
        };
        counted.extend(whose.into_iter().map(|whose| Counted { quota: quota.clone(), whose }));
    }
    Ok(counted)
}

/// Ids and codes for what may come free for who waits.
///
/// # Errors
/// When the random source fails.
pub fn spares(hub: &Hub) -> Result<Vec<Spare>, Refused> {
    (0..rules::SPARES)
        .map(|_| {
            Ok(Spare {
                id: BookingId(hub.new_id()?),
                code: draw_code(hub)?,
                tariff_rev: rules::TARIFF_REV,
                rule_rev: rules::RULE_REV,
            })
        })
        .collect()
}

/// A code by chance; whether it is free, the store knows.
///
/// # Errors
/// When the random source fails.
pub fn draw_code(hub: &Hub) -> Result<BookingCode, Refused> {
    Ok(BookingCode::from_random(u64::from_be_bytes(hub.random_bytes()?)))
}

/// What was asked with a key, so that one key never answers for two requests.
#[must_use]
pub fn keyed(key: Option<String>, asked: &impl Serialize) -> Option<Idempotency> {
    // Plain data with text keys: writing it as JSON cannot fail.
    let digest = || secret::sha256(&serde_json::to_vec(asked).unwrap_or_default());
    key.map(|key| Idempotency { digest: digest(), key })
}

/// Those of `children`, if all of them are the person's own.
async fn own_children(
    hub: &Hub,
    person: PersonId,
    children: &[ChildId],
) -> Result<Option<Vec<SealedChild>>, Refused> {
    if children.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let mut own = hub.store.children_of(person).await?;
    own.retain(|sealed| children.contains(&sealed.id));
    Ok(children.iter().all(|child| own.iter().any(|sealed| sealed.id == *child)).then_some(own))
}

/// How old the children of a wish count on the local days its slots begin on.
///
/// # Errors
/// When the store fails.
pub async fn ages(
    hub: &Hub,
    centre: &Centre,
    wish: &Wish,
    children: &[SealedChild],
) -> Result<AgesByDay, Refused> {
    let mut ages = AgesByDay::default();
    for sealed in children {
        let Some(born) = children::born(hub, sealed).await? else { continue };
        for slot in &wish.slots {
            let day = slot.starts().with_timezone(&centre.time_zone).date_naive();
            ages.put(sealed.id, day, Ages::of(born, day, YearStart::default()));
        }
    }
    Ok(ages)
}
