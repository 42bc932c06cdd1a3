//! Children who are collected: only by whoever may, and only from the hands of staff.

use bevy_ecs::prelude::*;
use chrono::{DateTime, Utc};
use model::care::day::{CareEvent, Claimed, Claimer, NotDone, NotHandedOver, SHEET_FRESH};
use model::care::file::{Claimant, CollectsAs, NotCollecting};
use model::day_sheet::SheetChild;
use model::id::PersonId;
use model::site_event::Happening;

use super::{CareAnswer, CareFact, Caregiver, InCare, OpenStay, Shown, Situation};
use crate::PinOf;
use crate::book::Book;
use crate::decide::cards;
use crate::decide::{Asked, PinTries, Said};
use crate::fact::{Fact, Moment};
use crate::parts::Notes;

pub(super) fn collect(
    asked: Res<Asked>,
    book: Res<Book>,
    notes: Res<Notes>,
    mut said: ResMut<Said>,
    mut tries: ResMut<PinTries>,
    stays: Query<&InCare>,
    caregivers: Query<&Caregiver>,
) {
    let Some((at, Fact::Care(fact))) = &asked.0 else { return };
    let CareFact::HandOver { child, shown, staff, confirmed, telephoned } = fact else { return };
    let (at, child, staff) = (*at, *child, *staff);
    let situation = Situation::of(&book, &notes, stays.iter(), caregivers.iter(), at.now);
    let Some(there) = situation else { return said.care(CareAnswer::NotDone(NotDone::NotTheirs)) };
    let stay = match there.in_care_of(child, staff) {
        Ok(stay) => *stay,
        Err(why) => return said.care(CareAnswer::NotDone(why)),
    };
    let found = who_claims(shown, &stay, at, &there, (&book, &notes), &mut tries);
    let (to, by) = match found {
        Ok(found) => found,
        Err((why, who)) => {
            let event = CareEvent::HandOverRefused { child, why, who, staff };
            said.happened(at, Happening::Care(event));
            return said.care(CareAnswer::NotHandedOver(why));
        }
    };
    let heard = book.fresh_at();
    let telephone_since = book.is_old(at.now).then_some(heard);
    if !confirmed {
        return said.care(CareAnswer::MayCollect { who: to, telephone_since });
    }
    if let Some(since) = telephone_since.filter(|_| !telephoned) {
        return said.care(CareAnswer::TelephoneFirst(since));
    }
    let telephoned = *telephoned;
    let event = CareEvent::HandedOver { child, to, by, staff, telephoned };
    said.happened(at, Happening::Care(event));
    said.care(CareAnswer::Done);
}

type Refusal = (NotHandedOver, Option<Claimer>);

/// Who stands there, as far as what they show says, and whether they may.
fn who_claims(
    shown: &Shown,
    stay: &OpenStay,
    at: Moment,
    there: &Situation<'_>,
    (book, notes): (&Book, &Notes),
    tries: &mut PinTries,
) -> Result<(CollectsAs, Claimed), Refusal> {
    let nobody = |why| Err((why, None));
    let known = there.care.child(stay.child);
    let (who, by) = match shown {
        Shown::Nothing => return nobody(NotHandedOver::ShowedNothing),
        Shown::Card(None) => return nobody(NotHandedOver::UnknownCard),
        Shown::Card(Some(tapped)) => {
            let card = cards::credential(tapped, book, notes)
                .ok()
                .map(|taken| taken.card)
                .filter(|card| card.valid_until.is_none_or(|until| at.now < until));
            let Some(card) = card else { return nobody(NotHandedOver::UnknownCard) };
            let by = Claimed::Card { credential: card.credential };
            (CollectsAs::Guardian(card.person), by)
        }
        Shown::Pin { who, right } => {
            let pin = pin_of(*who);
            // The same is said whether they are on the list or not: a PIN is not to be guessed at.
            if tries.paused(pin, at.mono) {
                return Err((NotHandedOver::PinPaused, Some((*who).into())));
            }
            match (tries.count(pin, *right, at.mono), right) {
                (_, true) => (*who, Claimed::Pin),
                (true, false) => return Err((NotHandedOver::PinPaused, Some((*who).into()))),
                (false, false) => return Err((NotHandedOver::WrongPin, Some((*who).into()))),
            }
        }
        Shown::Voucher(None) => return nobody(NotHandedOver::UnreadableVoucher),
        Shown::Voucher(Some(voucher)) => {
            // The booking of this care, and no other: an old voucher of somebody's is no proof for today.
            if voucher.booking != stay.booking {
                let who = Some(Claimer::Account(voucher.person));
                return Err((NotHandedOver::NotCollecting(NotCollecting::Stranger), who));
            }
            (CollectsAs::Guardian(voucher.person), Claimed::Voucher)
        }
    };
    let Some(known) = known else { return Err((NotHandedOver::NotKnown, Some(who.into()))) };
    match may_collect(known, who, there) {
        Ok(to) => Ok((to, by)),
        Err(why) => Err((NotHandedOver::NotCollecting(why), Some(who.into()))),
    }
}

/// As what somebody may collect a child today.
pub(super) fn may_collect(
    child: &SheetChild,
    who: CollectsAs,
    there: &Situation<'_>,
) -> Result<CollectsAs, NotCollecting> {
    let guardians: Vec<PersonId> = child.guardians.iter().map(|one| one.person).collect();
    let from_years = there
        .stays
        .iter()
        .find(|stay| stay.child == child.id)
        .and_then(|stay| there.care.nursery(stay.nursery))
        .map_or(model::care::terms::OF_AGE, |nursery| nursery.nursery.terms.collects_from());
    let claimant = match who {
        CollectsAs::Guardian(person) => {
            let known = child.guardians.iter().find(|one| one.person == person);
            Claimant::Account { person, name: known.map_or("", |one| &one.name) }
        }
        CollectsAs::Named(id) => Claimant::Named(id),
    };
    child.collecting.may_collect(claimant, &guardians, there.day(), from_years)
}

/// Whose PIN it has to be.
#[must_use]
pub fn pin_of(who: CollectsAs) -> PinOf {
    match who {
        CollectsAs::Guardian(person) => PinOf::Person(person),
        CollectsAs::Named(id) => PinOf::Collector(id),
    }
}

impl Situation<'_> {
    /// A child in care in a nursery that somebody works in.
    pub fn in_care_of(
        &self,
        child: model::id::ChildId,
        staff: PersonId,
    ) -> Result<&OpenStay, NotDone> {
        let stay = self.stays.iter().find(|stay| stay.child == child);
        let stay = stay.ok_or_else(|| {
            let theirs = self.care.claims.iter().any(|claim| {
                claim.child == child && super::bring::works_in(self.care, staff, claim.nursery)
            });
            if theirs { NotDone::NotInCare } else { NotDone::NotTheirs }
        })?;
        if super::bring::works_in(self.care, staff, stay.nursery) {
            Ok(stay)
        } else {
            Err(NotDone::NotTheirs)
        }
    }
}

impl Book {
    /// When it was last heard that nothing newer is known than what stands here.
    pub(crate) fn fresh_at(&self) -> DateTime<Utc> {
        self.made_at().max(self.newest_at.unwrap_or(DateTime::<Utc>::MIN_UTC))
    }

    /// Whether that is too long ago to rely on. Where the clock is in doubt nobody knows.
    pub(crate) fn is_old(&self, now: DateTime<Utc>) -> bool {
        self.clock_unset || now - self.fresh_at() > SHEET_FRESH
    }
}
