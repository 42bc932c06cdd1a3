//! Somebody has copied an edge's data folder, and both run against the hub.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use edge_agent::Site;
use hub::service::event_chain::Fault;
use hub::service::{audit, event_chain};
use model::audit::AuditAction;
use model::day_sheet::DeviceKind;
use model::event_chain::SiteAlarmKind;
use model::site_event::Happening;
use store::AuditWanted;
use tests::waiting::until;
use tokio::time::{sleep, timeout};
use wire::request::Answer;

use crate::all_events;
use crate::place::{HERE, Place, Screen};

/// Nobody's card.
const NOBODY: u128 = 250;

/// One of the two, with the screen at which all happens that it tells of.
struct Agent {
    site: Site,
    kiosk: &'static str,
    screen: Screen,
    tapped: usize,
}

impl Agent {
    async fn start(place: &Place, name: &str, kiosk: &'static str) -> Self {
        let site = place.start_agent(name).await;
        let screen = place.screen(&site, kiosk, DeviceKind::Kiosk).await;
        Self { site, kiosk, screen, tapped: 0 }
    }

    /// Somebody comes, at a second of their own.
    async fn is_tapped(&mut self, place: &Place) {
        place.clock.advance(TimeDelta::seconds(1));
        let answer = self.screen.tap(NOBODY).await;
        assert!(matches!(answer, Answer::Refused { .. }), "each goes on: {answer:?}");
        self.tapped += 1;
    }

    /// How many of its taps are in the hub's record; each is there once at most.
    async fn told(&self, place: &Place) -> usize {
        let events = all_events(place).await;
        let here = events.iter().filter(|(_, event)| match &event.what {
            Happening::Refused { reader, .. } => reader.as_str() == self.kiosk,
            _ => false,
        });
        let seconds: Vec<_> = here.map(|(_, event)| event.at).collect();
        let once: BTreeSet<_> = seconds.iter().collect();
        assert_eq!(once.len(), seconds.len(), "{}: told twice", self.kiosk);
        seconds.len()
    }

    /// Is tapped until such a tap is in the record. What an agent tells it tells in order: all before was taken, or was
    /// noticed not to fit.
    async fn has_told_all(&mut self, place: &Place) {
        /// It tells at once; longer than this takes only what another had told in its place.
        const SOON: Duration = Duration::from_secs(8);

        for _ in 0..5 {
            let before = self.told(place).await;
            self.is_tapped(place).await;
            let heard = async {
                while self.told(place).await <= before {
                    sleep(Duration::from_millis(25)).await;
                }
            };
            if timeout(SOON, heard).await.is_ok() {
                return;
            }
        }
        panic!("the hub hears no more of what happens at {}", self.kiosk);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_19_two_agents_on_copies_of_one_folder_are_told_and_nothing_is_lost_in_silence() {
    let place = Place::new().await;
    let hub = &place.hub;
    for device in ["here-edge", "here-kiosk-1", "here-kiosk-2"] {
        place.enrol(device).await;
    }
    let began = hub.now();
    let site = place.start_site().await;
    until("the site to run on a sheet", async || {
        hub.store.site_status(HERE).await.unwrap().sheet_in_force
    })
    .await;
    site.stop().await;
    let both_knew = all_events(&place).await.len() as u64;
    place.copy("here-edge", "here-edge-again");
    let alarms = async || {
        let alarms = hub.store.site_alarms(HERE, began).await.unwrap();
        alarms.into_iter().map(|alarm| alarm.kind).collect::<Vec<_>>()
    };

    // Each alone with its house: both give the same places to what happens there.
    place.line.cut();
    let mut one = Agent::start(&place, "here-edge", "here-kiosk-1").await;
    let mut other = Agent::start(&place, "here-edge-again", "here-kiosk-2").await;
    for _ in 0..3 {
        one.is_tapped(&place).await;
        other.is_tapped(&place).await;
        other.is_tapped(&place).await;
    }
    assert_eq!(alarms().await, []);
    place.line.mend();
    for kind in [SiteAlarmKind::ChainForked, SiteAlarmKind::Twin] {
        until(&format!("the alarm {kind:?}"), async || {
            alarms().await.contains(&kind).then_some(())
        })
        .await;
    }
    one.has_told_all(&place).await;
    other.has_told_all(&place).await;
    let missing = one.tapped + other.tapped - one.told(&place).await - other.told(&place).await;
    one.site.stop().await;
    other.site.stop().await;

    let events = all_events(&place).await;
    let places: Vec<u64> = events.iter().map(|(place, _)| *place).collect();
    assert_eq!(places, (1..=places.len() as u64).collect::<Vec<_>>(), "each place once");
    // Where the second teller's went on past the first's, they do not follow from them, and the place is named.
    if let Err(fault) = event_chain::verify(hub, HERE).await.unwrap() {
        assert!(matches!(fault, Fault::Changed(place) if place > both_knew), "{fault}");
    }
    // Where both told of one place, one of them is in the record; that there was another is in it too.
    let wanted = AuditWanted {
        action: Some(audit::word(AuditAction::SiteAlarmRaised)),
        ..AuditWanted::default()
    };
    let recorded = hub.store.audit_like(&wanted, 100).await.unwrap().len();
    assert!(recorded >= 2, "{recorded}");
    println!(
        "of {} taps {missing} are not in the record; noticed: {:?}",
        one.tapped + other.tapped,
        alarms().await
    );
    place.stop().await;
}
