//! Municipalities, centres and what stands in them.

use chrono::NaiveDate;
use model::centre::{Centre, CentreKind, CentreSettings, Door, Holiday, Space, SpaceKind};
use model::id::{CentreId, SpaceId};
use model::language::LocalText;
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
    };
    store.add_door(first.id, &door("yokohama-door-2")).await.unwrap();
    store.add_door(first.id, &door("yokohama-door-1")).await.unwrap();
    let doors = store.doors(first.id).await.unwrap();
    assert_eq!(doors, [door("yokohama-door-1"), door("yokohama-door-2")]);
    assert!(store.doors(second.id).await.unwrap().is_empty());
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
    };
    ground.store.add_door(centre.id, &door).await.unwrap();
    let again = ground.store.add_door(centre.id, &door).await;
    assert!(matches!(again, Err(StoreError::Duplicate("door"))), "{again:?}");
    // A refusal leaves nothing behind.
    assert_eq!(ground.store.centres().await.unwrap().len(), 1);
}
