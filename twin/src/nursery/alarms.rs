//! What somebody has to do something about, as long as it is so.

use std::collections::BTreeSet;
use std::time::Duration;

use bevy_ecs::prelude::*;
use model::care::day::{CareAlarm, CareEvent, DUE_SOON, SHORT_SOON, TAKEN_OVER};
use model::site_event::Happening;

use super::{Caregiver, InCare, Situation};
use crate::book::Book;
use crate::decide::{Asked, Said};
use crate::fact::Fact;
use crate::parts::Notes;

/// How often the nurseries are looked over.
const LOOK: Duration = Duration::from_millis(400);

/// When they were looked over last; a timer of the site, not shared.
#[derive(Resource, Default)]
pub(crate) struct Looked(Option<Duration>);

pub(super) fn alarms(
    asked: Res<Asked>,
    book: Res<Book>,
    notes: Res<Notes>,
    mut said: ResMut<Said>,
    mut looked: ResMut<Looked>,
    stays: Query<&InCare>,
    caregivers: Query<&Caregiver>,
) {
    let Some((at, Fact::Tick)) = &asked.0 else { return };
    if looked.0.is_some_and(|last| at.mono < last + LOOK) {
        return;
    }
    looked.0 = Some(at.mono);
    let situation = Situation::of(&book, &notes, stays.iter(), caregivers.iter(), at.now);
    let wrong = match situation {
        Some(there) => there.wrong(),
        // A sheet that says nothing of children is no reason to believe that all is well with those in care.
        None if !stays.is_empty() => return,
        None => BTreeSet::new(),
    };
    for alarm in notes.alarms.keys().filter(|open| !wrong.contains(open)) {
        let alarm = alarm.clone();
        said.happened(*at, Happening::Care(CareEvent::AlarmOver { alarm }));
    }
    for alarm in wrong.into_iter().filter(|alarm| !notes.alarms.contains_key(alarm)) {
        said.happened(*at, Happening::Care(CareEvent::AlarmRaised { alarm }));
    }
}

impl Situation<'_> {
    /// All that is not as it has to be, or soon will not be.
    fn wrong(&self) -> BTreeSet<CareAlarm> {
        let mut wrong = BTreeSet::new();
        for one in &self.care.nurseries {
            let nursery = one.nursery.id;
            for lack in self.at_once(one, None).1 {
                let (have, need) = (lack.have, lack.need);
                wrong.insert(CareAlarm::Short { nursery, what: lack.what, have, need });
            }
            for lack in self.ahead(one) {
                let (from, until) = (lack.when.starts(), lack.when.ends());
                if self.now < from && from < self.now + SHORT_SOON {
                    let (what, have, need) = (lack.what, lack.have, lack.need);
                    wrong.insert(CareAlarm::ShortSoon { nursery, what, from, until, have, need });
                }
            }
        }
        for stay in &self.stays {
            let (child, until) = (stay.child, self.until(stay));
            if until <= self.now {
                wrong.insert(CareAlarm::Late { child });
            } else if until - DUE_SOON <= self.now {
                wrong.insert(CareAlarm::Due { child });
            }
            if !stay.received && stay.since + TAKEN_OVER <= self.now {
                wrong.insert(CareAlarm::Waiting { child });
            }
            if let Some((_, looked)) = stay.asleep
                && self.nap_interval(stay).is_some_and(|interval| looked + interval <= self.now)
            {
                wrong.insert(CareAlarm::NapCheck { child });
            }
            if stay.guardian_out.is_some() {
                wrong.insert(CareAlarm::GuardianOut { child });
            }
        }
        wrong
    }
}
