//! Stays for reports.

use model::centre::Centre;
use model::id::{BookingId, CentreId, MunicipalityId, PersonId, SpaceId, VisitId};
use model::language::LocalText;
use model::site_event::{Happening, Proof, SiteEvent};
use store::EventBatch;

use crate::ground::{Ground, at, slot};

pub async fn stays_of_a_town(ground: Ground) {
    let store = &ground.store;
    let here = ground.centre().await;
    let other_town = MunicipalityId(ground.id());
    store.add_municipality(other_town, &LocalText::new("鶴ヶ島市", "Tsurugashima")).await.unwrap();
    let there = Centre {
        id: CentreId(ground.id()),
        slug: "tsurugashima".parse().unwrap(),
        municipality: other_town,
        ..here.clone()
    };
    store.add_centre(&there).await.unwrap();
    let [both, only_there] = [ground.person().await, ground.person().await];
    visit(&ground, &here, 1, both, 1).await;
    visit(&ground, &here, 3, both, 40).await;
    visit(&ground, &there, 1, both, 2).await;
    visit(&ground, &there, 3, only_there, 2).await;
    let month = model::interval::Interval::new(at(0, 0), at(30, 0)).unwrap();
    let stays = store.stays(ground.town, &month, at(50, 0)).await.unwrap();
    let seen: Vec<_> = stays.iter().map(|stay| (stay.person, stay.centre, stay.when)).collect();
    assert_eq!(seen, [(both, here.id, slot(1, 9, 17)), (both, there.id, slot(2, 9, 17))]);
    assert_eq!(store.stays(other_town, &month, at(50, 0)).await.unwrap().len(), 3);
    assert!(store.stays(ground.town, &slot(2, 0, 24), at(50, 0)).await.unwrap().is_empty());
}

/// Somebody stays from 9 to 17.
async fn visit(ground: &Ground, centre: &Centre, first: u64, person: PersonId, day: i64) {
    let visit = VisitId(ground.id());
    let space = SpaceId(ground.id());
    let booking = BookingId(ground.id());
    let by = Proof::Code;
    let events = vec![
        SiteEvent {
            at: at(day, 9),
            what: Happening::CheckedIn { visit, person, booking, space, by },
        },
        SiteEvent {
            at: at(day, 17),
            what: Happening::CheckedOut { visit, person, space, gives_up: None },
        },
    ];
    let (edge, told_until) = ("edge".parse().unwrap(), at(day, 17));
    let batch = EventBatch {
        centre: centre.clone(),
        edge,
        first,
        events,
        told_until,
        at: told_until,
        spare: Vec::new(),
    };
    ground.store.take_events(&batch).await.unwrap();
}
