//! Times that can be reckoned with: what a site's clock says may be anything, and whoever has its key may say anything.

use chrono::{DateTime, TimeZone as _, Utc};
use model::care::day::{CareAlarm, CareEvent};
use model::site_event::{Happening, Proof, SiteEvent, Vouched};
use model::site_order::{HouseState, InForce};

use crate::nursery::{CaregiverEntry, EndedStay, OpenAlarm, OpenStay};
use crate::sensors::{OpenAir, SensorEntry};
use crate::snapshot::{
    EndedVisit, GivenFree, LetIn, OpenTrouble, OpenVisit, Pass, Snapshot, TakenOrder, TurnedAway,
};

/// Brings every time of an event near enough to be reckoned with and shown; for whoever reads events out of a record.
pub fn make_plausible(event: &mut SiteEvent) {
    event.make_plausible();
}

/// What holds times that somebody has told.
pub(crate) trait Plausible {
    /// Brings every time of it near enough to be reckoned with. Twice is once.
    fn make_plausible(&mut self);
}

impl Plausible for DateTime<Utc> {
    fn make_plausible(&mut self) {
        let year = |year| Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0).single();
        if let (Some(first), Some(last)) = (year(2000), year(2200)) {
            *self = (*self).clamp(first, last);
        }
    }
}

impl<T: Plausible> Plausible for Option<T> {
    fn make_plausible(&mut self) {
        self.iter_mut().for_each(T::make_plausible);
    }
}

impl<T: Plausible> Plausible for Vec<T> {
    fn make_plausible(&mut self) {
        self.iter_mut().for_each(T::make_plausible);
    }
}

impl Plausible for SiteEvent {
    fn make_plausible(&mut self) {
        self.at.make_plausible();
        match &mut self.what {
            Happening::CheckedIn { by, .. } => by.make_plausible(),
            Happening::WalkedIn { until, by, .. } => {
                until.make_plausible();
                by.make_plausible();
            }
            Happening::CheckedOut { gives_up, .. } => gives_up.make_plausible(),
            Happening::NoShow { starts_at, .. } => starts_at.make_plausible(),
            Happening::Shed { from, to, .. } => {
                from.make_plausible();
                to.make_plausible();
            }
            Happening::Care(CareEvent::DroppedOff { until, .. }) => until.make_plausible(),
            Happening::Care(CareEvent::AlarmRaised { alarm } | CareEvent::AlarmOver { alarm }) => {
                alarm.make_plausible();
            }
            _ => {}
        }
    }
}

impl Plausible for Proof {
    fn make_plausible(&mut self) {
        match self {
            Self::Voucher { vouched } => vouched.make_plausible(),
            Self::Card { .. } | Self::Code => {}
        }
    }
}

impl Plausible for Vouched {
    fn make_plausible(&mut self) {
        self.until.make_plausible();
    }
}

impl Plausible for CareAlarm {
    fn make_plausible(&mut self) {
        if let Self::ShortSoon { from, until, .. } = self {
            from.make_plausible();
            until.make_plausible();
        }
    }
}

impl Plausible for Snapshot {
    fn make_plausible(&mut self) {
        let Self {
            sheet: _,
            started_at,
            visits,
            ended,
            doors: _,
            terminals: _,
            given_free,
            turned_away,
            stays,
            collected,
            caregivers,
            alarms,
            house,
            orders,
            passes,
            let_in,
            released,
            proved: _,
            troubles,
            sensors,
            air,
            counts: _,
            recent,
        } = self;
        started_at.make_plausible();
        visits.make_plausible();
        ended.make_plausible();
        given_free.make_plausible();
        turned_away.make_plausible();
        stays.make_plausible();
        collected.make_plausible();
        caregivers.make_plausible();
        alarms.make_plausible();
        house.make_plausible();
        orders.make_plausible();
        passes.make_plausible();
        let_in.make_plausible();
        released.make_plausible();
        troubles.make_plausible();
        sensors.make_plausible();
        air.make_plausible();
        recent.make_plausible();
    }
}

impl Plausible for OpenVisit {
    fn make_plausible(&mut self) {
        self.since.make_plausible();
        self.vouched.make_plausible();
        self.away_since.make_plausible();
        self.walk_in.make_plausible();
    }
}

impl Plausible for EndedVisit {
    fn make_plausible(&mut self) {
        self.visit.make_plausible();
        self.until.make_plausible();
        self.gave_up.make_plausible();
    }
}

impl Plausible for GivenFree {
    fn make_plausible(&mut self) {
        self.starts_at.make_plausible();
        self.at.make_plausible();
    }
}

impl Plausible for TurnedAway {
    fn make_plausible(&mut self) {
        self.at.make_plausible();
    }
}

impl Plausible for OpenStay {
    fn make_plausible(&mut self) {
        self.since.make_plausible();
        self.until.make_plausible();
        if let Some((since, looked)) = &mut self.asleep {
            since.make_plausible();
            looked.make_plausible();
        }
        self.recalled.make_plausible();
        if let Some((_, at)) = &mut self.guardian_out {
            at.make_plausible();
        }
    }
}

impl Plausible for EndedStay {
    fn make_plausible(&mut self) {
        self.stay.make_plausible();
        self.collected_at.make_plausible();
    }
}

impl Plausible for CaregiverEntry {
    fn make_plausible(&mut self) {
        self.at.make_plausible();
    }
}

impl Plausible for OpenAlarm {
    fn make_plausible(&mut self) {
        self.alarm.make_plausible();
        self.since.make_plausible();
    }
}

impl Plausible for HouseState {
    fn make_plausible(&mut self) {
        self.fire.make_plausible();
        self.evacuation.make_plausible();
        self.lockdown.make_plausible();
    }
}

impl Plausible for InForce {
    fn make_plausible(&mut self) {
        self.since.make_plausible();
    }
}

impl Plausible for TakenOrder {
    fn make_plausible(&mut self) {
        self.at.make_plausible();
    }
}

impl Plausible for Pass {
    fn make_plausible(&mut self) {
        self.entered.make_plausible();
        self.left.make_plausible();
    }
}

impl Plausible for LetIn {
    fn make_plausible(&mut self) {
        self.at.make_plausible();
    }
}

impl Plausible for OpenTrouble {
    fn make_plausible(&mut self) {
        self.since.make_plausible();
    }
}

impl Plausible for SensorEntry {
    fn make_plausible(&mut self) {
        self.since.make_plausible();
        self.at.make_plausible();
    }
}

impl Plausible for OpenAir {
    fn make_plausible(&mut self) {
        self.since.make_plausible();
    }
}
