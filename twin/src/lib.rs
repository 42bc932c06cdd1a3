//! The living centre: a headless world that the edge runs and the hub mirrors.
//!
//! [`Twin::decide`] turns a fact into events, effects and an answer; every event then goes through
//! [`Twin::apply`], which is also all that the mirror calls. What [`Twin::snapshot`] shows comes
//! from events alone, so two worlds that applied the same events have the same
//! [`Twin::state_hash`], whatever sheet they hold. The sheet only says what may happen next.

mod apply;
mod book;
mod decide;
mod fact;
mod muster;
mod nursery;
mod parts;
mod plausible;
mod sensors;
mod snapshot;
mod view;

use std::time::Duration;

use bevy_ecs::prelude::*;
use bevy_ecs::schedule::{LogLevel, ScheduleBuildSettings, ScheduleLabel, SingleThreadedExecutor};
use chrono::{DateTime, Utc};
use model::care::board::NurseryView;
use model::day_sheet::DaySheet;
use model::id::{DeviceId, PersonId};
use model::muster::Muster;
use model::site_event::SiteEvent;

use apply::Happened;
use book::Book;
use decide::{Asked, AtReaders, Offers, PinTries, Said};
pub use fact::{
    Answer, CodeCheck, Decision, Effect, Fact, LockLevel, Moment, PinCount, PinOf, TappedCard,
    TriesOf,
};
pub use nursery::{
    CareAnswer, CareFact, CaregiverEntry, ChildThere, EndedStay, OpenAlarm, OpenStay, Shown, There,
    pin_of,
};
use nursery::{Looked, Situation};
use parts::Notes;
use plausible::Plausible as _;
pub use plausible::make_plausible;
pub use sensors::{AirView, Hint, OpenAir, ReadingView, SensorEntry};
use sensors::{Ears, SensorNotes};
pub use snapshot::{
    Counts, DoorEntry, EndedVisit, GivenFree, OpenTrouble, OpenVisit, Pass, ProvedCredential,
    Snapshot, TakenOrder, TerminalEntry, TurnedAway,
};
pub use view::{DoorView, SpaceState, SpaceView, View};

/// One centre's world.
pub struct Twin {
    world: World,
    deciding: Schedule,
    applying: Schedule,
}

#[derive(ScheduleLabel, Clone, Debug, PartialEq, Eq, Hash)]
struct Deciding;

#[derive(ScheduleLabel, Clone, Debug, PartialEq, Eq, Hash)]
struct Applying;

impl Default for Twin {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Twin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Twin").field("state", &self.state_hash()).finish_non_exhaustive()
    }
}

impl Twin {
    /// A centre of which nothing is known yet.
    #[must_use]
    pub fn new() -> Self {
        let mut world = World::new();
        world.init_resource::<Asked>();
        world.init_resource::<Said>();
        world.init_resource::<Book>();
        world.init_resource::<Notes>();
        world.init_resource::<PinTries>();
        world.init_resource::<AtReaders>();
        world.init_resource::<Offers>();
        world.init_resource::<Happened>();
        world.init_resource::<Looked>();
        world.init_resource::<SensorNotes>();
        world.init_resource::<Ears>();
        let mut deciding = strict(Schedule::new(Deciding));
        decide::add_systems(&mut deciding);
        nursery::add_systems(&mut deciding);
        let mut applying = strict(Schedule::new(Applying));
        apply::add_systems(&mut applying);
        Self { world, deciding, applying }
    }

    /// Takes in one fact: what happened because of it, what is to be done, and what whoever
    /// asked is told. The outcomes have been applied when this returns.
    ///
    /// `at.now` goes back from one call to the next only on the hub's word; `at.mono` never does.
    pub fn decide(&mut self, at: Moment, fact: Fact) -> Decision {
        let sheet = match &fact {
            Fact::Sheet(sheet) => Some(sheet.clone()),
            _ => None,
        };
        self.world.insert_resource(Asked(Some((at, fact))));
        self.deciding.run(&mut self.world);
        self.world.insert_resource(Asked(None));
        if let Some(sheet) = sheet {
            self.load_sheet(&sheet);
            // By the new sheet: after a start that found none, the counts before are still to be held against it.
            self.world.resource_scope(|world, mut tries: Mut<'_, PinTries>| {
                tries.forget_all_but(world.resource::<Book>());
            });
        }
        let mut decision = std::mem::take(&mut self.world.resource_mut::<Said>().0);
        decision.pins = self.world.resource_mut::<PinTries>().take_changes();
        for event in &decision.outcomes {
            self.apply(event);
        }
        self.world.clear_trackers();
        decision
    }

    /// Brings the world to where it is after `event`. Takes any events in any order.
    pub fn apply(&mut self, event: &SiteEvent) {
        let mut event = event.clone();
        event.make_plausible();
        self.world.insert_resource(Happened(Some(event)));
        self.applying.run(&mut self.world);
    }

    /// Replaces what may happen next: bookings, credentials, spaces, doors and house rules. What
    /// has happened stays. Does not by itself say that the sheet is in force: that is an event.
    pub fn load_sheet(&mut self, sheet: &DaySheet) {
        parts::furnish(&mut self.world, &sheet.site);
        let before = self.world.resource::<Book>();
        let (clock_unset, serving_since) = (before.clock_unset, before.serving_since);
        let mut book = Book::new(sheet);
        (book.clock_unset, book.serving_since) = (clock_unset, serving_since);
        self.world.insert_resource(book);
        // What was offered may not be the site's to give any more.
        self.world.insert_resource(Offers::default());
    }

    /// What to hold a typed PIN against, before a fact says how that went.
    #[must_use]
    pub fn check_pin(&self, at: Moment, of: PinOf) -> CodeCheck {
        let book = self.world.resource::<Book>();
        if self.world.resource::<PinTries>().paused(book.owner(of), at.mono) {
            return CodeCheck::Paused;
        }
        book.pin(of).map_or(CodeCheck::Unknown, CodeCheck::Pin)
    }

    /// Whose PIN is waited for at a door's reader, after a tap that was answered with
    /// [`model::access::RefusalKind::PinNeeded`].
    #[must_use]
    pub fn pin_asked(&self, at: Moment, reader: &DeviceId) -> Option<PinOf> {
        self.world.resource::<AtReaders>().pin_asked(reader, at.mono).map(PinOf::Person)
    }

    /// Who is in the building at the time `now`, by the last evidence of each.
    #[must_use]
    pub fn muster(&self, now: DateTime<Utc>) -> Muster {
        muster::of(&self.world, now)
    }

    /// Goes on counting wrong PINs from where the site was before it started.
    pub fn restore_pins(&mut self, kept: &[PinCount], mono: Duration) {
        self.world.resource_mut::<PinTries>().restore(kept, mono);
    }

    /// Whose card it is, if it is to be taken for anybody's.
    #[must_use]
    pub fn owner(&self, card: &TappedCard) -> Option<PersonId> {
        let (book, notes) = (self.world.resource::<Book>(), self.world.resource::<Notes>());
        decide::cards::credential(card, book, notes).ok().map(|taken| taken.card.person)
    }

    /// The children of somebody at the door whose nurseries are in the building.
    #[must_use]
    pub fn children_of(&self, now: DateTime<Utc>, person: PersonId) -> Vec<ChildThere> {
        Situation::of_world(&self.world, now)
            .map_or_else(Vec::new, |there| there.of_person(self.world.resource::<Book>(), person))
    }

    /// When it was last heard that nothing newer is known than the sheet in force, and whether a guardian is
    /// telephoned therefore before a child is handed over.
    #[must_use]
    pub fn freshness(&self, now: DateTime<Utc>) -> (DateTime<Utc>, bool) {
        let book = self.world.resource::<Book>();
        (book.fresh_at(), book.is_old(now))
    }

    /// How the nurseries stand at the time `now`.
    #[must_use]
    pub fn nurseries(&self, now: DateTime<Utc>) -> Vec<NurseryView> {
        view::nurseries(&self.world, now)
    }

    /// Whether the site's clock can be trusted.
    #[must_use]
    pub fn clock_is_set(&self) -> bool {
        !self.world.resource::<Book>().clock_unset
    }

    /// The version of the sheet that was last said to be in force, 0 before the first.
    #[must_use]
    pub fn sheet_version(&self) -> u64 {
        self.world.resource::<Notes>().sheet
    }

    /// All that events have brought about, in a fixed order.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(&self.world)
    }

    /// Replaces all that events have brought about; the sheet stays.
    pub fn restore(&mut self, snapshot: &Snapshot) {
        snapshot.clone().put_into(&mut self.world);
    }

    /// [`Snapshot::hash`] of the state now.
    #[must_use]
    pub fn state_hash(&self) -> String {
        self.snapshot().hash()
    }

    /// The centre for an operator's eyes at the time `now`; needs a sheet to name things.
    #[must_use]
    pub fn view(&self, now: DateTime<Utc>) -> View {
        View::of(&self.world, now)
    }
}

fn strict(mut schedule: Schedule) -> Schedule {
    schedule.set_build_settings(ScheduleBuildSettings {
        ambiguity_detection: LogLevel::Error,
        ..ScheduleBuildSettings::default()
    });
    schedule.set_executor(SingleThreadedExecutor::new());
    schedule
}
