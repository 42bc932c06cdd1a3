//! Children are brought at the kiosk and collected at the staff screen, over the embedded bus.

use chrono::TimeDelta;
use edge_agent::Site;
use model::care::age::Ages;
use model::care::board::ChildState;
use model::care::day::{
    CareEvent, CaregiverState, HealthCheck, NotDone, NotHandedOver, NotSignedIn, NotTakenIn,
    NoteBody, NoteKind,
};
use model::care::file::{Collecting, CollectsAs, NotCollecting};
use model::care::terms::Terms;
use model::centre::Nursery;
use model::child::Health;
use model::day_sheet::{
    DaySheet, SheetCare, SheetCareClaim, SheetChild, SheetGuardian, SheetNursery, SheetStaff,
};
use model::id::{
    BookingId, CentreId, ChildId, MunicipalityId, NurseryId, PersonId, RoomId, ShiftId, TicketId,
};
use model::interval::Interval;
use model::language::LocalText;
use model::site_event::Happening;
use model::site_order::OrderAnswer;
use uuid::Uuid;
use wire::nursery::{AtDoor, Board, Claim, DoorState, StaffAnswer, StaffAsk};
use wire::request::{Answer, Card, HouseAlarm, Request, Secret};
use wire::sealing::{NoteKey, SectionKey};

use super::site_support::{House, Kiosk, PIN, in_force, morning, sheet, until};

const NOTES: [u8; 32] = [6; 32];

fn person(number: u128) -> PersonId {
    PersonId(Uuid::from_u128(number))
}

fn hana() -> ChildId {
    ChildId(Uuid::from_u128(1))
}

/// Person 1 answers for Hana, whose care is as long as their desk; person 2 works in the nursery, which is in the
/// building and has a place.
pub fn with_care(version: u64) -> DaySheet {
    let nursery = NurseryId(Uuid::from_u128(1));
    let child = SheetChild {
        id: hana(),
        name: "はな".to_owned(),
        born: "2024-05-10".parse().unwrap(),
        guardians: vec![SheetGuardian {
            person: person(1),
            name: "母".to_owned(),
            telephone: Some("045-111-1111".to_owned()),
        }],
        collecting: Collecting::default(),
        health: Some(Health { allergies: "卵".to_owned(), ..Health::default() }),
        key: NoteKey::new(NOTES).on_sheet(),
    };
    let care = SheetCare {
        zone: chrono_tz::Asia::Tokyo,
        municipality: MunicipalityId(Uuid::from_u128(1)),
        nurseries: vec![SheetNursery {
            nursery: Nursery {
                id: nursery,
                centre: CentreId(Uuid::from_u128(1)),
                name: LocalText::new("保育室", "Nursery"),
                places: 1,
                walking_minutes: 0,
                staffing: None,
                terms: Terms::default(),
            },
            rule_sets: vec![],
            shifts: vec![],
        }],
        children: vec![child],
        claims: vec![SheetCareClaim {
            booking: BookingId(Uuid::from_u128(1)),
            child: hana(),
            nursery,
            room: None,
            ages: Some(Ages { months: 30, school_year: 2 }),
            when: Interval::new(morning(), morning() + TimeDelta::hours(4)).unwrap(),
        }],
        staff: vec![SheetStaff {
            person: person(2),
            name: "星野".to_owned(),
            nurseries: vec![nursery],
        }],
    };
    DaySheet { care: Some(care), ..sheet(version) }
}

/// The same centre where nobody has a nursery: person 2 runs the house.
fn without_a_nursery(version: u64) -> DaySheet {
    let mut plan = with_care(version);
    if let Some(care) = &mut plan.care {
        care.nurseries.clear();
        care.children.clear();
        care.claims.clear();
        care.staff[0].nurseries.clear();
    }
    plan
}

pub async fn house_with_care() -> (House, Site) {
    let house = House::new();
    house.hub.offer(house.hub.seal(&with_care(2)));
    let site = house.start_with(2).await;
    (house, site)
}

pub fn check(tenths: u16) -> HealthCheck {
    HealthCheck { temperature: Some(tenths), unwell: false, remarks: "せきが少し".to_owned() }
}

fn card(identifier: &str) -> Card {
    Card::Identifier { identifier: Secret(identifier.to_owned()) }
}

pub async fn sign_in(screen: &Kiosk, identifier: &str, pin: &str) -> StaffAnswer {
    let (card, pin) = (card(identifier), Secret(pin.to_owned()));
    match screen.ask(&Request::StaffIn { card, pin }).await {
        Answer::Staff(answer) => answer,
        other => panic!("{other:?}"),
    }
}

pub async fn ask(screen: &Kiosk, session: &Secret, wants: StaffAsk) -> StaffAnswer {
    let session = session.clone();
    match screen.ask(&Request::Staff { session, wants }).await {
        Answer::Staff(answer) => answer,
        other => panic!("{other:?}"),
    }
}

async fn board(screen: &Kiosk, session: &Secret) -> Board {
    match ask(screen, session, StaffAsk::Board).await {
        StaffAnswer::Board(board) => *board,
        other => panic!("{other:?}"),
    }
}

fn hand_over(claim: Claim, telephoned: bool) -> StaffAsk {
    StaffAsk::HandOver { child: hana(), claim, confirmed: true, telephoned }
}

pub async fn session(screen: &Kiosk) -> Secret {
    let signed_in = sign_in(screen, "0202", PIN).await;
    let StaffAnswer::SignedIn { session, name } = signed_in else { panic!("{signed_in:?}") };
    assert_eq!(name, "星野");
    session
}

pub async fn at_door(kiosk: &Kiosk) -> AtDoor {
    let welcome = kiosk.tap("0101").await;
    let Answer::Welcome { care: Some(care), .. } = welcome else { panic!("{welcome:?}") };
    care
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_kiosk_to_the_nursery_and_into_the_right_hands() {
    let (house, site) = house_with_care().await;
    let (kiosk, screen) = (house.kiosk(&site).await, house.staff_screen(&site).await);
    let session = session(&screen).await;
    assert_eq!(board(&screen, &session).await.nurseries[0].view.now.children, 0);

    let door = at_door(&kiosk).await;
    assert_eq!(door.children.len(), 1);
    assert!(matches!(door.children[0].state, DoorState::Due { .. }));
    let ticket = door.ticket;
    let bring = |check| Request::DropOff { ticket, child: hana(), check };
    let fever = kiosk.ask(&bring(check(380))).await;
    assert!(matches!(fever, Answer::NotTaken { why: NotTakenIn::Fever, .. }), "{fever:?}");
    let taken = kiosk.ask(&bring(check(366))).await;
    let Answer::DroppedOff { care: Some(care), .. } = taken else { panic!("{taken:?}") };
    assert!(matches!(care.children[0].state, DoorState::InCare { .. }));

    let seen = board(&screen, &session).await;
    let nursery = &seen.nurseries[0];
    assert_eq!((nursery.view.now.children, nursery.children[0].name.as_str()), (1, "はな"));
    assert_eq!(nursery.children[0].allergies.as_deref(), Some("卵"));
    assert!(!seen.telephone_first);
    let child = ask(&screen, &session, StaffAsk::Child { child: hana() }).await;
    let StaffAnswer::Child(child) = child else { panic!("{child:?}") };
    assert_eq!((child.name.as_str(), child.allergies.as_str()), ("はな", "卵"));
    assert!(child.collectors[0].has_pin);

    for ask_for in [
        StaffAsk::Receive { child: hana() },
        StaffAsk::Note {
            child: hana(),
            kind: NoteKind::Meal,
            body: NoteBody { eaten: Some(8), ..NoteBody::default() },
        },
    ] {
        assert_eq!(ask(&screen, &session, ask_for).await, StaffAnswer::Done);
    }
    let stranger = hand_over(Claim::Card { card: card("0202") }, false);
    let refused = ask(&screen, &session, stranger).await;
    let why = NotHandedOver::NotCollecting(NotCollecting::Stranger);
    assert_eq!(refused, StaffAnswer::NotHandedOver { why });
    let who = CollectsAs::Guardian(person(1));
    let wrong = hand_over(Claim::Pin { who, pin: Secret("0000".to_owned()) }, false);
    let refused = ask(&screen, &session, wrong).await;
    assert_eq!(refused, StaffAnswer::NotHandedOver { why: NotHandedOver::WrongPin });
    let pin = Claim::Pin { who, pin: Secret(PIN.to_owned()) };
    let (claim, confirmed, telephoned) = (pin.clone(), false, false);
    let asks = StaffAsk::HandOver { child: hana(), claim, confirmed, telephoned };
    let may = ask(&screen, &session, asks).await;
    let (name, relation, telephone_since) = ("母".to_owned(), String::new(), None);
    assert_eq!(may, StaffAnswer::MayCollect { who, name, relation, telephone_since });
    assert_eq!(board(&screen, &session).await.nurseries[0].view.now.children, 1, "not yet");
    let right = hand_over(pin, false);
    assert_eq!(ask(&screen, &session, right).await, StaffAnswer::Done);
    let seen = board(&screen, &session).await;
    assert!(matches!(seen.nurseries[0].view.children[0].state, ChildState::Collected { .. }));
    site.stop().await;

    let hub = house.hub.state();
    let care: Vec<&CareEvent> = hub
        .events
        .iter()
        .filter_map(|event| match &event.what {
            Happening::Care(care) => Some(care),
            _ => None,
        })
        .collect();
    let Some(CareEvent::DroppedOff { check: sealed, brought_by, .. }) =
        care.iter().find(|event| matches!(event, CareEvent::DroppedOff { .. }))
    else {
        panic!("{care:?}")
    };
    assert_eq!(*brought_by, Some(person(1)));
    let opened: HealthCheck = NoteKey::new(NOTES).open(hana(), sealed).unwrap();
    assert!(opened == check(366));
    let told = serde_json::to_string(&hub.events).unwrap();
    assert!(!told.contains("はな") && !told.contains("せき"), "{told}");
    assert_eq!(hub.section_keys_fetched, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_hub_and_after_a_restart_a_guardian_is_telephoned_first() {
    let (house, site) = house_with_care().await;
    let kiosk = house.kiosk(&site).await;
    let ticket = at_door(&kiosk).await.ticket;
    let bring = Request::DropOff { ticket, child: hana(), check: check(366) };
    assert!(matches!(kiosk.ask(&bring).await, Answer::DroppedOff { .. }));
    drop(kiosk);
    site.stop().await;

    house.hub.state().away = true;
    house.clock.advance(TimeDelta::hours(3));
    let site = house.start_with(2).await;
    let screen = house.staff_screen(&site).await;
    let session = session(&screen).await;
    let seen = board(&screen, &session).await;
    assert_eq!(seen.nurseries[0].view.now.children, 1, "it is still in care");
    assert_eq!((seen.fresh, seen.telephone_first), (morning(), false));
    house.clock.advance(TimeDelta::minutes(61));
    let mother = || Claim::Card { card: card("0101") };
    let first = ask(&screen, &session, hand_over(mother(), false)).await;
    assert_eq!(first, StaffAnswer::TelephoneFirst { since: morning() });
    assert_eq!(ask(&screen, &session, hand_over(mother(), true)).await, StaffAnswer::Done);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_said_and_nothing_is_given_away() {
    let (house, site) = house_with_care().await;
    let (kiosk, screen) = (house.kiosk(&site).await, house.staff_screen(&site).await);
    let not = |why| StaffAnswer::SignedOut { why };
    // Person 1 does not work there, and nobody has the third card.
    assert_eq!(sign_in(&screen, "0101", PIN).await, not(NotSignedIn::NotStaff));
    assert_eq!(sign_in(&screen, "0303", PIN).await, not(NotSignedIn::NotStaff));
    assert_eq!(sign_in(&screen, "0202", "").await, not(NotSignedIn::WrongPin));
    assert_eq!(sign_in(&screen, "0202", &"1".repeat(5_000)).await, not(NotSignedIn::WrongPin));
    let session = session(&screen).await;
    let forged = Secret("0".repeat(64));
    for wants in
        [StaffAsk::Board, StaffAsk::Child { child: hana() }, hand_over(Claim::Nothing, true)]
    {
        assert_eq!(ask(&screen, &forged, wants).await, not(NotSignedIn::Over));
    }
    let unknown = ChildId(Uuid::from_u128(9));
    for (wants, why) in [
        (StaffAsk::Child { child: unknown }, NotDone::NotTheirs),
        (StaffAsk::Receive { child: hana() }, NotDone::NotInCare),
        (hand_over(Claim::Nothing, false), NotDone::NotInCare),
        (
            StaffAsk::Note { child: hana(), kind: NoteKind::Meal, body: NoteBody::default() },
            NotDone::BadNote,
        ),
        (StaffAsk::DropOff { child: hana(), check: check(9_999) }, NotDone::BadNote),
    ] {
        assert_eq!(ask(&screen, &session, wants).await, StaffAnswer::NotDone { why });
    }
    // A kiosk is no staff screen, and a staff screen no kiosk.
    let wants = StaffAsk::Board;
    let at_kiosk = kiosk.ask(&Request::Staff { session: session.clone(), wants }).await;
    assert!(matches!(at_kiosk, Answer::NotUnderstood { .. }), "{at_kiosk:?}");
    let at_screen = screen.tap("0101").await;
    assert!(matches!(at_screen, Answer::NotUnderstood { .. }), "{at_screen:?}");
    for (ticket, tenths) in
        [(TicketId(Uuid::from_u128(1)), 366), (at_door(&kiosk).await.ticket, 900)]
    {
        let bring = Request::DropOff { ticket, child: hana(), check: check(tenths) };
        let answer = kiosk.ask(&bring).await;
        assert!(matches!(answer, Answer::NotUnderstood { .. }), "{answer:?}");
    }
    let ticket = at_door(&kiosk).await.ticket;
    let other = Request::DropOff { ticket, child: unknown, check: check(366) };
    let answer = kiosk.ask(&other).await;
    assert!(matches!(answer, Answer::NotTaken { why: NotTakenIn::NotBooked, .. }), "{answer:?}");
    for hostile in [
        &br#"{"ask":"staff","session":"x","wants":{"staff":"board"}}"#[..],
        br#"{"ask":"staff_in","card":{"kind":"identifier","identifier":"zz"},"pin":"1"}"#,
        br#"{"ask":"drop_off","ticket":"1","child":"1","check":{}}"#,
        br#"{"ask":"staff","session":"x","wants":{"staff":"note","child":"x","kind":"poem"}}"#,
    ] {
        let answer = screen.say(hostile).await;
        let quiet = matches!(
            answer,
            Answer::NotUnderstood { .. } | Answer::Staff(StaffAnswer::SignedOut { .. })
        );
        assert!(quiet, "{answer:?}");
    }
    let after = ask(&screen, &session, StaffAsk::SignOut).await;
    assert_eq!(after, not(NotSignedIn::Over));
    assert_eq!(ask(&screen, &session, StaffAsk::Board).await, not(NotSignedIn::Over));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_key_of_the_hubs_is_fetched_and_doors_do_not_wait_for_one() {
    let (house, site) = house_with_care().await;
    house.hub.state().section_key = SectionKey::new([8; 32]);
    house.hub.offer(house.hub.seal(&with_care(3)));
    in_force(&site, 3).await;
    assert_eq!(house.hub.state().section_keys_fetched, 2);
    site.stop().await;
    // The kept key is torn, and the hub away: doors open all the same, and of children nothing is known.
    std::fs::write(house.data().join("section-key.json"), "{").unwrap();
    house.hub.state().away = true;
    let site = house.start_with(3).await;
    let kiosk = house.kiosk(&site).await;
    let welcome = kiosk.tap("0101").await;
    assert!(matches!(welcome, Answer::Welcome { care: None, .. }), "{welcome:?}");
    // Once the hub is back the key is fetched, and the same sheet opened.
    house.hub.state().away = false;
    house.hub.offer(house.hub.seal(&with_care(3)));
    until("its children to be known", async || {
        let known = site.view().await.unwrap().nurseries;
        (known.len() == 1).then_some(())
    })
    .await;
    assert_eq!(site.sheet_version().await, 3);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_runs_a_house_without_a_nursery_musters_and_locks_it_and_has_no_children() {
    let house = House::new();
    house.hub.offer(house.hub.seal(&without_a_nursery(2)));
    let site = house.start_with(2).await;
    let (kiosk, screen) = (house.kiosk(&site).await, house.staff_screen(&site).await);
    super::welcome(kiosk.tap("0101").await);
    house.hub.state().away = true;
    let not = |why| StaffAnswer::SignedOut { why };
    assert_eq!(sign_in(&screen, "0101", PIN).await, not(NotSignedIn::NotStaff), "a guest");
    assert_eq!(sign_in(&screen, "0202", "0000").await, not(NotSignedIn::WrongPin));
    let session = session(&screen).await;
    let seen = board(&screen, &session).await;
    assert_eq!((seen.staff.as_str(), seen.nurseries.len()), ("星野", 0));
    let told = ask(&screen, &session, StaffAsk::Muster).await;
    let StaffAnswer::Muster(list) = told else { panic!("{told:?}") };
    assert_eq!((list.muster.people.len(), list.nurseries.len()), (1, 0));
    assert_eq!((list.elsewhere, list.caregivers_elsewhere), (0, 0));

    for (wants, alarm) in [
        (StaffAsk::Lockdown { on: true }, Some(HouseAlarm::Lockdown)),
        (StaffAsk::Evacuate { on: true }, Some(HouseAlarm::Evacuation)),
        (StaffAsk::Evacuate { on: false }, Some(HouseAlarm::Lockdown)),
        (StaffAsk::Lockdown { on: false }, None),
    ] {
        let done = StaffAnswer::Ordered { answer: OrderAnswer::Done };
        assert_eq!(ask(&screen, &session, wants.clone()).await, done, "{wants:?}");
        assert_eq!(kiosk.ask(&Request::House).await, Answer::House { alarm }, "{wants:?}");
    }

    let (shift, room) = (ShiftId(Uuid::from_u128(1)), RoomId(Uuid::from_u128(1)));
    let (child, why) =
        (hana(), NoteBody { text: "ここにいません".to_owned(), ..NoteBody::default() });
    let unbooked = StaffAnswer::NotTaken { why: NotTakenIn::NotBooked, opens: None };
    let body = NoteBody { eaten: Some(8), ..NoteBody::default() };
    assert_eq!(
        ask(&screen, &session, StaffAsk::DropOff { child, check: check(366) }).await,
        unbooked
    );
    for wants in [
        StaffAsk::Child { child },
        StaffAsk::Receive { child },
        StaffAsk::Note { child, kind: NoteKind::Meal, body },
        StaffAsk::Move { child, room },
        StaffAsk::Recall { child, why: why.clone() },
        StaffAsk::PutRight { child, why },
        hand_over(Claim::Nothing, true),
    ] {
        let refused = StaffAnswer::NotDone { why: NotDone::NotTheirs };
        assert_eq!(ask(&screen, &session, wants.clone()).await, refused, "{wants:?}");
    }
    let caregiver = StaffAsk::Caregiver { shift, state: CaregiverState::Here };
    let refused = StaffAnswer::NotDone { why: NotDone::NoSuchShift };
    assert_eq!(ask(&screen, &session, caregiver).await, refused);

    // A sheet on which they run the house no more signs them out.
    house.hub.state().away = false;
    let mut left = without_a_nursery(3);
    left.care = None;
    house.hub.offer(house.hub.seal(&left));
    in_force(&site, 3).await;
    for wants in [StaffAsk::Board, StaffAsk::Muster, StaffAsk::Lockdown { on: true }] {
        assert_eq!(ask(&screen, &session, wants).await, not(NotSignedIn::Over));
    }
    assert_eq!(sign_in(&screen, "0202", PIN).await, not(NotSignedIn::NotStaff));
    site.stop().await;
}
