//! Whoever comes without a booking for now is offered a space of the walk-in lease.
//!
//! What is offered is not yet given: until they say yes it is a question, which the site keeps to itself.

use std::time::Duration;

use bevy_ecs::prelude::*;
use chrono::{DateTime, Utc};
use model::access::RefusalKind;
use model::day_sheet::SheetDesk;
use model::door::Zone;
use model::id::{BookingId, DeviceId, PersonId, SpaceId, VisitId};
use model::language::Language;
use model::lease::{self, LeasedSpace, Offer};
use model::site_event::{Happening, Proof};

use super::lobby::{self, Comes, Guest, Refusal, Shown, Terminals, is_broken, standing};
use super::orders::Over;
use super::{Asked, Proved, Said, closed_to, open_doors, readers};
use crate::book::Book;
use crate::fact::{Answer, Effect, Fact, Moment};
use crate::parts::{Door, Notes, Relock, Visit};
use crate::snapshot::OpenVisit;

/// How long an offer can be taken: a little longer than the question stays on the screen, also where it was asked
/// to wait.
const STANDS: Duration = Duration::from_secs(120);
/// The most offers that are remembered; the oldest goes first.
const MOST: usize = 64;

/// What was offered and not answered yet; a matter of the site, not shared.
#[derive(Resource, Default)]
pub(crate) struct Offers(Vec<Offered>);

struct Offered {
    visit: VisitId,
    reader: DeviceId,
    person: PersonId,
    by: Proof,
    /// As they were asked; the doors ask the same of them when they say yes.
    proved: Proved,
    language: Language,
    offer: Offer,
    made: Duration,
    /// What they are told if they do not take it.
    refusal: Refusal,
}

impl Offers {
    fn forget_old(&mut self, mono: Duration) {
        self.0.retain(|offered| mono < offered.made + STANDS);
    }

    fn put(&mut self, offered: Offered) {
        // Whoever taps again is asked anew.
        self.0.retain(|other| other.person != offered.person);
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        self.0.push(offered);
    }

    fn take(&mut self, visit: VisitId, reader: &DeviceId) -> Option<Offered> {
        let at = self.0.iter().position(|one| one.visit == visit && one.reader == *reader)?;
        Some(self.0.swap_remove(at))
    }

    fn to_others(&self, person: PersonId, mono: Duration) -> impl Iterator<Item = SpaceId> {
        let stands = move |one: &&Offered| one.person != person && mono < one.made + STANDS;
        self.0.iter().filter(stands).map(|one| one.offer.space)
    }
}

/// The lease as it stands at one moment.
#[derive(Clone, Copy)]
pub(super) struct Leased<'a> {
    pub(super) book: &'a Book,
    pub(super) notes: &'a Notes,
    pub(super) sitting: &'a [OpenVisit],
    pub(super) at: Moment,
}

impl Leased<'_> {
    /// What has been given away: whole steps, up to the one in which they left.
    fn used(&self) -> Vec<LeasedSpace> {
        let book = self.book;
        let hold = |visit: &OpenVisit, until| {
            visit.walk_in?;
            let when = lease::held(visit.since, until, &book.settings)?;
            Some(LeasedSpace { space: visit.space, when })
        };
        let here = self.sitting.iter();
        let here = here.filter_map(|visit| hold(visit, book.until(visit, self.at.now)));
        let gone = self.notes.ended.values();
        here.chain(gone.filter_map(|ended| hold(&ended.visit, ended.until))).collect()
    }

    fn offers(&self, usable: &[SpaceId], before: Option<DateTime<Utc>>) -> Vec<Offer> {
        let Book { lease, settings, .. } = self.book;
        lease::offers(lease, &self.used(), usable, settings, self.at.now, before)
    }

    /// A leased space that can be somebody's until `until`.
    pub(super) fn through(
        &self,
        usable: impl Iterator<Item = SpaceId>,
        until: DateTime<Utc>,
    ) -> Option<SpaceId> {
        let usable: Vec<SpaceId> = usable.collect();
        let last = self.offers(&usable, None).into_iter().rfind(|offer| offer.until >= until);
        last.map(|offer| offer.space)
    }

    /// What a guest who is turned away can have instead. Somebody else may have been asked about the same space:
    /// then whoever answers first has it.
    pub(super) fn for_guest(
        &self,
        guest: &Guest,
        refusal: &Refusal,
        offers: &Offers,
        free: impl Fn(SpaceId) -> bool,
    ) -> Option<Offer> {
        if self.book.lease.is_empty() || !may_walk_in(guest, refusal, self.book) {
            return None;
        }
        let usable: Vec<SpaceId> =
            self.book.spaces_like(None).filter(|space| free(*space)).collect();
        let found = self.offers(&usable, self.next_of_theirs(guest.person, refusal));
        let asked: Vec<SpaceId> = offers.to_others(guest.person, self.at.mono).collect();
        let alone = found.iter().find(|offer| !asked.contains(&offer.space));
        alone.or(found.first()).copied()
    }

    /// When the next of their own bookings begins: nobody holds two desks.
    fn next_of_theirs(&self, person: PersonId, refusal: &Refusal) -> Option<DateTime<Utc>> {
        let theirs = self.book.bookings_of(person);
        let others = theirs.filter(|booking| !refusal.came_for.contains(&booking.id));
        let desks = others.flat_map(|booking| standing(booking, self.notes).desks);
        desks.map(|desk: SheetDesk| desk.when.starts()).filter(|starts| self.at.now < *starts).min()
    }
}

/// Whether somebody who is turned away may have a space of the lease: not where it is they who may not come in, nor
/// where the hub gives them another desk together with the care that they lost by coming late.
fn may_walk_in(guest: &Guest, refusal: &Refusal, book: &Book) -> bool {
    use RefusalKind::{LeftForGood, NoBooking, NoUsableSpace, Released, TooEarly};
    let nothing_now =
        matches!(refusal.why, NoBooking | TooEarly | Released | LeftForGood | NoUsableSpace);
    let known = match guest.comes_for {
        Comes::ForAny | Comes::For(_) => true,
        Comes::Vouched(_) | Comes::ForNothing { .. } => false,
    };
    let with_children = |id: &BookingId| book.booking(*id).is_some_and(|one| one.children > 0);
    // Nobody who is to keep away from a child is let into its building without a booking.
    let mut children = book.care.iter().flat_map(|care| &care.children);
    let barred = children.any(|child| child.collecting.bars(guest.person));
    nothing_now && known && !barred && !refusal.late_for.iter().any(with_children)
}

/// Asks whether they take it.
pub(super) fn ask(
    said: &mut Said,
    offers: &mut Offers,
    (book, at): (&Book, Moment),
    (reader, visit, offer): (&DeviceId, VisitId, Offer),
    (guest, proved): (&Guest, Proved),
    refusal: Refusal,
) {
    // They did come, whatever they answer: nobody waits for them in vain.
    if !refusal.came_for.is_empty() {
        lobby::note_refused(said, at, reader, &refusal);
    }
    let by = match guest.by {
        Shown::Card(credential) => Proof::Card { credential },
        Shown::Code => Proof::Code,
        Shown::Voucher => Proof::Voucher { vouched: None },
    };
    let language = guest.language.unwrap_or_default();
    said.answer(Answer::OfferWalkIn {
        visit,
        space: book.label(offer.space),
        until: offer.until,
        minutes: (offer.until - at.now).num_minutes(),
        why: refusal.why,
        opens: refusal.opens,
        language,
    });
    offers.forget_old(at.mono);
    let (reader, person, made) = (reader.clone(), guest.person, at.mono);
    offers.put(Offered { visit, reader, person, by, proved, language, offer, made, refusal });
}

#[expect(clippy::too_many_arguments, reason = "a system names every part of the world it reads")]
pub(super) fn answered(
    asked: Res<Asked>,
    book: Res<Book>,
    notes: Res<Notes>,
    mut said: ResMut<Said>,
    mut offers: ResMut<Offers>,
    visits: Query<&Visit>,
    terminals: Terminals<'_, '_>,
    mut doors: Query<(&Door, &mut Relock)>,
) {
    let Some((at, Fact::WalkIn { reader, visit, booking, takes })) = &asked.0 else { return };
    let (at, visit) = (*at, *visit);
    let sitting: Vec<OpenVisit> = visits.iter().map(|visit| visit.0).collect();
    // The same answer twice: the second time the desk is only shown again.
    if let Some(open) = sitting.iter().find(|open| open.visit == visit && open.walk_in.is_some()) {
        let (space, until) = (book.label(open.space), book.until(open, at.now));
        let language = book.language_of(open);
        said.0.guest = Some(open.person);
        said.answer(Answer::Welcome { visit, space, until, language });
        return;
    }
    offers.forget_old(at.mono);
    let Some(offered) = offers.take(visit, reader) else {
        let over = Refusal::of_nobody(RefusalKind::OfferOver);
        return lobby::refuse(&mut said, at, reader, over);
    };
    if !takes {
        // Where they came for a booking it was noted when they were asked.
        if offered.refusal.came_for.is_empty() {
            lobby::note_refused(&mut said, at, reader, &offered.refusal);
        }
        return lobby::tell_refused(&mut said, offered.refusal);
    }
    let Offered { person, by, proved, language, offer: Offer { space, until }, .. } = offered;
    let closed = if Over::of(&notes, &[]).lockdown {
        Some(RefusalKind::Lockdown)
    } else {
        let here = readers::came_before(&book, &notes, &Zone::House, person, at);
        closed_to(&book, proved, at).filter(|_| !here)
    };
    if let Some(why) = closed {
        return lobby::refuse(&mut said, at, reader, offered.refusal.because(why));
    }
    let broken = is_broken(space, &book, &terminals);
    let elsewhere = sitting.iter().any(|open| open.person == person);
    let taken = sitting.iter().any(|open| open.space == space);
    let leased = Leased { book: &book, notes: &notes, sitting: &sitting, at };
    let still = leased.offers(&[space], None).first().is_some_and(|now| now.until >= until);
    if broken || elsewhere || taken || !still || !book.serves(at.now) || !book.has(space) {
        let over = Refusal::of_nobody(RefusalKind::OfferOver);
        return lobby::refuse(&mut said, at, reader, over);
    }
    let booking = *booking;
    said.0.guest = Some(person);
    said.happened(at, Happening::WalkedIn { visit, person, booking, space, until, by });
    said.happened(at, Happening::CheckedIn { visit, person, booking, space, by });
    open_doors(&mut said, &book, at, &mut doors, Some(visit), proved);
    if let Some(terminal) = book.terminal(space).cloned() {
        said.ask_for(Effect::Assign { terminal, visit, until, language });
    }
    said.answer(Answer::Welcome { visit, space: book.label(space), until, language });
}
