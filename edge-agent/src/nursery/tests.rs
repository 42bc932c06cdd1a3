#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use chrono::{DateTime, TimeDelta, Utc};
use model::care::board::{ChildState, ChildView, Count, NurseryView};
use model::care::file::Collecting;
use model::care::terms::Terms;
use model::centre::{CentreSettings, Nursery};
use model::child::Health;
use model::day_sheet::{SheetChild, SheetNursery, SheetStaff, Site};
use model::id::{BookingId, CentreId, MunicipalityId, NurseryId};
use model::interval::Interval;
use model::language::LocalText;
use model::muster::{Evidence, Muster, PersonIn, Sign};
use ring::rand::SystemRandom;
use uuid::Uuid;
use wire::request::Secret;

use super::*;

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn now() -> DateTime<Utc> {
    "2026-12-01T01:00:00Z".parse().unwrap()
}

fn device(name: &str) -> DeviceId {
    name.parse().unwrap()
}

fn care() -> SheetCare {
    let child = SheetChild {
        id: ChildId(id(1)),
        name: "はな".to_owned(),
        born: "2026-03-01".parse().unwrap(),
        guardians: vec![],
        collecting: Collecting::default(),
        health: Some(Health { allergies: "卵".to_owned(), ..Health::default() }),
        key: NoteKey::new([7; 32]).on_sheet(),
    };
    let nursery = |number| SheetNursery {
        nursery: Nursery {
            id: NurseryId(id(number)),
            centre: CentreId(id(1)),
            name: LocalText::new("保育室", "Nursery"),
            places: 5,
            walking_minutes: 0,
            staffing: None,
            terms: Terms::default(),
        },
        rule_sets: vec![],
        shifts: vec![],
    };
    SheetCare {
        zone: chrono_tz::Asia::Tokyo,
        municipality: MunicipalityId(id(1)),
        nurseries: vec![nursery(1), nursery(2)],
        children: vec![child],
        claims: vec![],
        staff: vec![SheetStaff {
            person: PersonId(id(40)),
            name: "星野".to_owned(),
            nurseries: vec![NurseryId(id(1))],
        }],
    }
}

fn sheet(care: SheetCare) -> DaySheet {
    DaySheet {
        version: 1,
        made_at: now(),
        not_after: now() + TimeDelta::days(1),
        site: Site {
            centre: CentreId(id(1)),
            slug: "here".parse().unwrap(),
            name: LocalText::new("ここ", "Here"),
            settings: CentreSettings::default(),
            spaces: vec![],
            doors: vec![],
            zone: None,
            holidays: Default::default(),
            sensors: vec![],
        },
        devices: vec![],
        credentials: vec![],
        people: vec![],
        bookings: vec![],
        care: Some(care),
        stopped: Vec::new(),
        lease: Vec::new(),
    }
}

fn nurseries() -> Nurseries {
    let nurseries = Nurseries::new(Arc::new(SystemRandom::new()));
    nurseries.use_sheet(&sheet(care()));
    nurseries
}

#[test]
fn a_ticket_speaks_for_one_person_at_one_kiosk() {
    let nurseries = nurseries();
    let (kiosk, other) = (device("kiosk-1"), device("kiosk-2"));
    let there = There::Due { until: now() };
    let child = ChildThere { child: ChildId(id(1)), years: 0, nursery: NurseryId(id(1)), there };
    let person = PersonId(id(5));
    let door = nurseries.at_door(&kiosk, person, Language::En, &[child]).unwrap();
    assert_eq!(door.children.len(), 1);
    assert!(!format!("{door:?}").contains("はな"), "a kiosk is told no name");
    assert!(nurseries.ticket(door.ticket, &kiosk).is_some_and(|known| known.person == person));
    assert!(nurseries.ticket(door.ticket, &other).is_none());
    assert!(nurseries.ticket(TicketId(id(9)), &kiosk).is_none());
    assert!(nurseries.at_door(&kiosk, person, Language::En, &[]).is_none());
}

#[test]
fn a_session_is_one_screen_s_and_a_new_one_ends_it() {
    let sessions = nurseries().sessions;
    let (screen, other) = (device("staff-1"), device("staff-2"));
    let staff = PersonId(id(40));
    let first = sessions.open(&screen, staff).unwrap();
    assert!(sessions.of(&screen, &first).is_some_and(|one| one.staff == staff));
    assert!(sessions.of(&other, &first).is_none());
    for odd in ["", "abc", "はな"] {
        assert!(sessions.of(&screen, &Secret(odd.to_owned())).is_none());
    }
    let second = sessions.open(&screen, staff).unwrap();
    assert!(sessions.of(&screen, &first).is_none());
    let other_staff = sessions.open(&other, PersonId(id(41))).unwrap();
    sessions.keep(|one| one == staff);
    assert!(sessions.of(&other, &other_staff).is_none(), "their PIN is another now");
    assert!(sessions.of(&screen, &second).is_some());
    sessions.end(&second);
    assert!(sessions.of(&screen, &second).is_none());
}

#[test]
fn what_is_written_down_is_sealed_with_the_child_s_key() {
    let nurseries = nurseries();
    let (child, staff) = (ChildId(id(1)), PersonId(id(40)));
    let body = NoteBody { text: "よく寝ました".to_owned(), ..NoteBody::default() };
    let fact = nurseries.note(child, NoteKind::ToGuardians, body.clone(), staff);
    let Ok(CareFact::Note { sealed: Some(sealed), .. }) = fact else { unreachable!("{fact:?}") };
    let opened: NoteBody = NoteKey::new([7; 32]).open(child, &sealed).unwrap();
    assert!(opened == body);
    let empty = nurseries.note(child, NoteKind::Note, NoteBody::default(), staff);
    assert_eq!(empty, Err(NotDone::BadNote));
    let unknown = nurseries.note(ChildId(id(9)), NoteKind::Note, body.clone(), staff);
    assert_eq!(unknown, Err(NotDone::NotTheirs));
    let mut torn = care();
    torn.children[0].key = "?".to_owned();
    nurseries.use_sheet(&sheet(torn));
    assert_eq!(nurseries.note(child, NoteKind::Note, body, staff), Err(NotDone::NotSealed));
}

#[test]
fn a_board_is_of_the_nurseries_that_somebody_works_in() {
    let nurseries = nurseries();
    let view = |number, child| NurseryView {
        nursery: NurseryId(id(number)),
        staffed: false,
        now: Count { children: 1, ..Count::default() },
        lacks: vec![],
        quarters: vec![],
        rooms: vec![],
        children: vec![ChildView {
            child: ChildId(id(child)),
            booking: BookingId(id(1)),
            when: Interval::new(now(), now() + TimeDelta::hours(1)).unwrap(),
            room: None,
            state: ChildState::InCare {
                since: now(),
                received: true,
                asleep: Some((now(), now())),
                recalled: None,
            },
        }],
        caregivers: vec![],
        alarms: vec![],
    };
    let views = || vec![view(1, 1), view(2, 1)];
    let fresh = now() - TimeDelta::hours(5);
    let board = nurseries.board(PersonId(id(40)), views(), now(), (fresh, true)).unwrap();
    assert_eq!(board.nurseries.len(), 1);
    assert!(board.telephone_first);
    let child = &board.nurseries[0].children[0];
    assert_eq!(
        (child.name.as_str(), child.allergies.as_deref(), child.years),
        ("はな", Some("卵"), 0)
    );
    assert_eq!(child.look_by, Some(now() + TimeDelta::minutes(5)));
    assert!(nurseries.board(PersonId(id(41)), views(), now(), (fresh, true)).is_none());
    assert!(nurseries.child(ChildId(id(9)), now()).is_none());
}

#[test]
fn whoever_works_here_is_no_guest_and_told_by_name_to_colleagues_alone() {
    let mut care = care();
    for (number, name, nursery) in [(41, "青木", 1), (42, "石井", 2)] {
        let (person, nurseries) = (PersonId(id(number)), vec![NurseryId(id(nursery))]);
        care.staff.push(SheetStaff { person, name: name.to_owned(), nurseries });
    }
    let nurseries = nurseries();
    nurseries.use_sheet(&sheet(care));
    let last = Evidence { at: now(), what: Sign::CameThrough };
    let seen = |number, on_staff| {
        let (visit, space, away_since) = (None, None, None);
        PersonIn { person: PersonId(id(number)), visit, space, away_since, last, on_staff }
    };
    let people = vec![seen(5, false), seen(40, true), seen(41, true), seen(42, true)];
    let list = nurseries.muster(PersonId(id(40)), Muster { people, ..Muster::default() }).unwrap();
    let guests: Vec<_> = list.muster.people.iter().map(|one| one.person).collect();
    assert_eq!(guests, [PersonId(id(5))]);
    let names: Vec<_> = list.by_card.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["星野", "青木", ""]);
}
