//! Municipalities, centres and what stands in them.

use chrono::NaiveDate;
use model::centre::{Centre, CentreKind, CentreSettings, Door, Holiday, Space, SpaceKind};
use model::door::{DoorPlan, Wiring, Zone};
use model::id::{CentreId, Slug, SpaceId};
use model::language::LocalText;
use model::sensor::{Measure, Reading, Sensor, SensorId, SensorPlace};
use store::StoreError;

use crate::ground::Ground;

pub async fn places_come_back_as_they_were(ground: Ground) {
    let store = &ground.store;
    let days = [(2027, 4, 29), (2027, 5, 3)]
        .map(|(year, month, day)| NaiveDate::from_ymd_opt(year, month, day).unwrap());
    let holidays = days.map(|date| Holiday {
        date,
        name: LocalText::new("祝日", "Holiday"),
        source: "Cabinet Office".to_owned(),
    });
    store.add_holidays(&holidays[..1]).await.unwrap();
    store.add_holidays(&holidays).await.unwrap();

    let mut first = ground.centre().await;
    let mut second = Centre {
        id: CentreId(ground.id()),
        slug: "a-first".parse().unwrap(),
        kind: CentreKind::RuralCentre,
        settings: CentreSettings { grain_minutes: 5, ..CentreSettings::default() },
        time_zone: chrono_tz::Europe::Berlin,
        position: (-12.345_678_9, 0.1),
        ..first.clone()
    };
    second.opening.hours.truncate(2);
    store.add_centre(&second).await.unwrap();
    first.opening.holidays = days.into();
    second.opening.holidays = days.into();
    assert_eq!(store.centres().await.unwrap(), [second.clone(), first.clone()]);

    let space = |centre: &Centre, label: &str, kind, terminal: Option<&str>| Space {
        id: SpaceId(ground.id()),
        centre: centre.id,
        kind,
        label: label.to_owned(),
        zone: LocalText::new("窓側", "By the window"),
        terminal: terminal.map(|device| device.parse().unwrap()),
        features: Default::default(),
        row: 0,
    };
    let spaces = [
        space(&first, "A-02", SpaceKind::Desk, Some("yokohama-seat-01")),
        space(&first, "a-01", SpaceKind::Booth, None),
        space(&second, "A-01", SpaceKind::Room, None),
        space(&first, "A-01", SpaceKind::Desk, None),
    ];
    for space in &spaces {
        store.add_space(space).await.unwrap();
    }
    let [two, little, other, one] = spaces;
    let mut expected = vec![one, two, little];
    expected.insert(if other.centre < first.id { 0 } else { 3 }, other);
    assert_eq!(store.spaces().await.unwrap(), expected);

    let nursery = ground.nursery(&first, 12).await;
    let nurseries = store.nurseries().await.unwrap();
    assert_eq!((nurseries.len(), nurseries[0].id, nurseries[0].places), (1, nursery, 12));

    let door = |device: &str| Door {
        device: device.parse().unwrap(),
        name: LocalText::new("入口", "Entrance"),
        unlock_seconds: 5,
        plan: None,
    };
    store.add_door(first.id, &door("yokohama-door-2")).await.unwrap();
    store.add_door(first.id, &door("yokohama-door-1")).await.unwrap();
    let doors = store.doors(first.id).await.unwrap();
    assert_eq!(doors, [door("yokohama-door-1"), door("yokohama-door-2")]);
    assert!(store.doors(second.id).await.unwrap().is_empty());
    let plan = DoorPlan {
        wiring: Some(Wiring::FailSecure),
        zone: Zone::Nursery,
        free_handle: true,
        ..DoorPlan::default()
    };
    let one = |device: &str| (device.parse().unwrap(), plan.clone());
    let both = [one("yokohama-door-1"), one("yokohama-door-9")];
    assert!(!store.set_door_plans(first.id, &both).await.unwrap());
    assert!(!store.set_door_plans(second.id, &both[..1]).await.unwrap());
    assert_eq!(store.doors(first.id).await.unwrap(), doors, "all of them or none");
    assert!(store.set_door_plans(first.id, &both[..1]).await.unwrap());
    let third = Door { plan: Some(plan.clone()), ..door("yokohama-door-3") };
    store.add_door(first.id, &third).await.unwrap();
    let plans: Vec<_> =
        store.doors(first.id).await.unwrap().into_iter().map(|door| door.plan).collect();
    assert_eq!(plans, [Some(plan.clone()), None, Some(plan)]);
    let towns = store.municipalities().await.unwrap();
    assert_eq!(towns, [(ground.town, LocalText::new("横浜市", "Yokohama"))]);
}

pub async fn names_are_one_of_their_kind(ground: Ground) {
    let centre = ground.centre().await;
    let again = Centre { id: CentreId(ground.id()), ..centre.clone() };
    let again = ground.store.add_centre(&again).await;
    assert!(matches!(again, Err(StoreError::Duplicate("centre"))), "{again:?}");
    let door = Door {
        device: "door".parse().unwrap(),
        name: LocalText::new("入口", "Entrance"),
        unlock_seconds: 5,
        plan: None,
    };
    ground.store.add_door(centre.id, &door).await.unwrap();
    let again = ground.store.add_door(centre.id, &door).await;
    assert!(matches!(again, Err(StoreError::Duplicate("door"))), "{again:?}");
    // A refusal leaves nothing behind.
    assert_eq!(ground.store.centres().await.unwrap().len(), 1);
}

pub async fn sensors_stand_in_the_place_of_those_before_and_make_a_new_sheet(ground: Ground) {
    let (here, there) = (ground.centre().await.id, CentreId(ground.id()));
    let store = &ground.store;
    let day = NaiveDate::from_ymd_opt(2027, 4, 29).unwrap();
    let part = |text: &str| text.parse::<Slug>().unwrap();
    let sensor = |property: &str, limit| Sensor {
        id: SensorId { device: part("air-1"), node: part("air"), property: part(property) },
        measures: Measure::Noise,
        place: SensorPlace::Zone { zone: LocalText::new("窓側 \"'", "By the window") },
        limit,
    };
    assert!(store.sensors(here).await.unwrap().is_empty());
    let before = store.plan_revision(here, day, day).await.unwrap();
    // In the order in which they were given.
    let two = [sensor("noise", Some(Reading::whole(60))), sensor("aloud", None)];
    store.set_sensors(here, &two).await.unwrap();
    assert_eq!(store.sensors(here).await.unwrap(), two);
    assert!(store.plan_revision(here, day, day).await.unwrap() > before);
    store.set_sensors(here, &two[1..]).await.unwrap();
    assert_eq!(store.sensors(here).await.unwrap(), two[1..]);
    store.set_sensors(here, &[]).await.unwrap();
    assert!(store.sensors(here).await.unwrap().is_empty());
    assert!(store.set_sensors(there, &two).await.is_err(), "there is no such centre");
    assert!(store.sensors(there).await.unwrap().is_empty());
}
