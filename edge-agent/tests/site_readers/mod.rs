//! Readers at doors and the fire panel's line, where they do not work or tell of what is over.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use edge_agent::{DoorDriver, DoorReader as EdgeReader, Drivers, SimDoors};
use hardware::card::{CardError, CardEvent, CardReader, ReaderFault};
use hardware::door::Input;
use hardware::feedback::NoFeedback;
use model::access::RefusalKind;
use model::day_sheet::DaySheet;
use model::device::{Trouble, Watched};
use model::door::{DoorPlan, DoorReader, Side};
use model::id::DeviceId;
use model::site_event::Happening;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::mirrored;
use super::site_support::{House, id, in_force, sheet, until};

const READER: &str = "y-door-in";

/// A reader at which happens what the test says.
struct Told(UnboundedReceiver<CardEvent>);

#[async_trait]
impl CardReader for Told {
    fn name(&self) -> &str {
        READER
    }

    async fn next_event(&mut self) -> Option<CardEvent> {
        self.0.recv().await
    }
}

/// Simulated doors and fire panel, with that reader inside the door.
struct WithReader {
    sim: SimDoors,
    reader: Mutex<Option<Told>>,
}

impl WithReader {
    fn new() -> (Arc<Self>, UnboundedSender<CardEvent>) {
        let (happens, events) = unbounded_channel();
        let reader = Mutex::new(Some(Told(events)));
        (Arc::new(Self { sim: SimDoors::default(), reader }), happens)
    }
}

impl Drivers for WithReader {
    fn door(&self, door: &DeviceId) -> Option<DoorDriver> {
        self.sim.door(door)
    }

    fn readers(&self) -> Vec<EdgeReader> {
        let reader = self.reader.lock().unwrap().take().unwrap();
        let (device, shows) = (id(READER), Box::new(NoFeedback));
        vec![EdgeReader { device, reader: Box::new(reader), shows }]
    }

    fn fire(&self) -> Option<Box<dyn Input>> {
        self.sim.fire()
    }
}

/// The sheet with that reader in the plan of its door.
fn planned() -> DaySheet {
    let mut plan = sheet(2);
    let reader = DoorReader { device: id(READER), side: Side::Inside };
    plan.site.zone = Some(chrono_tz::Asia::Tokyo);
    plan.site.doors[0].plan =
        Some(DoorPlan { readers: vec![reader], free_handle: true, ..DoorPlan::default() });
    plan
}

/// What was told of a thing so far, in order.
fn told_of(house: &House, thing: &Watched) -> Vec<Option<Trouble>> {
    let hub = house.hub.state();
    let told = hub.events.iter().filter_map(|event| match &event.what {
        Happening::DeviceTrouble { of, why } if of == thing => Some(*why),
        _ => None,
    });
    told.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_13_a_reader_and_a_fire_panel_that_go_away_and_come_back_are_told_once() {
    let house = House::new();
    let (drivers, reader) = WithReader::new();
    house.hub.offer(house.hub.seal(&planned()));
    let site = house.start_on(house.clock.clone(), drivers.clone()).await;
    in_force(&site, 2).await;
    let (at_door, panel) = (Watched::Reader(id(READER)), Watched::FirePanel);
    let silent = || {
        let reason = "the reader does not answer any more: check its line and supply".to_owned();
        reader.send(CardEvent::Unavailable { fault: ReaderFault::Silent, reason }).unwrap();
    };

    // What flickers is no alarm; the test of what was told at the end would find it.
    reader.send(CardEvent::Available).unwrap();
    silent();
    reader.send(CardEvent::Available).unwrap();
    silent();
    drivers.sim.panel().cut(true);
    for of in [&at_door, &panel] {
        until("that it is silent", async || (!told_of(&house, of).is_empty()).then_some(())).await;
    }
    let open: Vec<Watched> =
        site.view().await.unwrap().troubles.into_iter().map(|one| one.of).collect();
    assert_eq!(open, [at_door.clone(), panel.clone()]);

    silent();
    reader.send(CardEvent::Available).unwrap();
    drivers.sim.panel().cut(false);
    for of in [&at_door, &panel] {
        until("that it works again", async || told_of(&house, of).ends_with(&[None]).then_some(()))
            .await;
        assert_eq!(told_of(&house, of), [Some(Trouble::Silent), None]);
    }
    assert!(site.view().await.unwrap().troubles.is_empty());

    // An open case is told at once.
    let reason = "the reader's case is open, or it was taken off the wall".to_owned();
    reader.send(CardEvent::Unavailable { fault: ReaderFault::Tampered, reason }).unwrap();
    let at_once = until("the open case", async || {
        told_of(&house, &at_door).ends_with(&[Some(Trouble::Tampered)]).then_some(())
    });
    tokio::time::timeout(Duration::from_secs(5), at_once).await.unwrap();
    mirrored(&house, &site).await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_22_a_card_that_nobody_holds_there_any_more_is_in_the_record_and_opens_nothing() {
    let house = House::new();
    let (drivers, reader) = WithReader::new();
    house.hub.offer(house.hub.seal(&planned()));
    let site = house.start_on(house.clock.clone(), drivers).await;
    in_force(&site, 2).await;
    let late = CardError::Stale(Duration::from_secs(60));
    reader.send(CardEvent::Available).unwrap();
    for reason in [late, CardError::BeforeReconnect, CardError::AlreadyThere] {
        reader.send(CardEvent::Unreadable { reason }).unwrap();
        reader.send(CardEvent::Removed).unwrap();
    }
    until("the three of them", async || {
        let hub = house.hub.state();
        let refused = hub.events.iter().filter(|event| {
            matches!(
                &event.what,
                Happening::Refused { reader, why: RefusalKind::UnreadableCard, .. }
                    if *reader == id(READER)
            )
        });
        (refused.count() == 3).then_some(())
    })
    .await;
    mirrored(&house, &site).await;
    site.stop().await;
    // The same reader opens its door, from inside, for a card that somebody holds there and that cannot be read.
    let opened = |what: &Happening| {
        matches!(what, Happening::LetThrough { .. } | Happening::DoorUnlocked { .. })
    };
    assert!(!house.hub.state().events.iter().any(|event| opened(&event.what)));
}
