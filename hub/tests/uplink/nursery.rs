//! What a site's sheet says of its nursery, sealed for that site, and what makes it anew.

use std::collections::HashMap;

use chrono::{NaiveDate, TimeDelta};
use hub::care::rule_sets;
use hub::service::care_file::{self, NewBar, NewCollector};
use hub::service::{Caller, children, nursery, personal};
use model::care::admission::Admits;
use model::care::age::Ages;
use model::care::duty::Shift;
use model::care::staffing::Staffing;
use model::care::terms::Terms;
use model::centre::Nursery;
use model::child::{Health, Particulars};
use model::consent::Purpose;
use model::day_sheet::{DaySheet, DeviceKind, SheetCare, SheetChild, SheetStaff};
use model::id::{
    BookingId, CentreId, ChildId, CredentialId, HouseholdId, NurseryId, PersonId, SessionId,
    ShiftId,
};
use model::interval::Interval;
use model::language::{Language, LocalText};
use model::people::{Given, Grant, Person, Term};
use model::permission::Actor;
use model::sign_in::{Means, Stage};
use store::{
    BookResult, BookingOrder, Credential, Erasure, KeyOwner, Roster, RosterPut, Rostered,
    SealedChild, Session,
};
use uuid::Uuid;
use wire::event::Told as Line;
use wire::sealing::{NoteKey, SectionKey, SectionKeyAnswer};
use wire::sheet::{CARE, SignedManifest, Trust, assemble, check};

use crate::support::{Edge, HERE, Region, THERE, Told, problem};
use crate::{sheet as version_of, trust};

const ROOM: NurseryId = NurseryId(Uuid::from_u128(0xa0));
const CHILD: ChildId = ChildId(Uuid::from_u128(0xa1));
const SISTER: ChildId = ChildId(Uuid::from_u128(0xa2));
const MOTHER: PersonId = PersonId(Uuid::from_u128(0xb1));
const FATHER: PersonId = PersonId(Uuid::from_u128(0xb2));
const AUNT: PersonId = PersonId(Uuid::from_u128(0xb3));
const CARER: PersonId = PersonId(Uuid::from_u128(0xb4));
const FORMER: PersonId = PersonId(Uuid::from_u128(0xb5));
const OPERATOR: PersonId = PersonId(Uuid::from_u128(0xb6));
const KEY: &str = "sheet/key";

/// The newest sheet of the centre here as its site reads it, with the bytes of its sections by name.
async fn read(region: &Region, edge: &Edge) -> (DaySheet, HashMap<String, Vec<u8>>) {
    read_of(region, HERE, edge).await
}

async fn read_of(
    region: &Region,
    centre: CentreId,
    edge: &Edge,
) -> (DaySheet, HashMap<String, Vec<u8>>) {
    let answer: SectionKeyAnswer = edge.get(KEY).await.json().await.unwrap();
    let key = SectionKey::heard(&answer).unwrap();
    let signed: SignedManifest = edge.get("sheet").await.json().await.unwrap();
    let trust = Trust { centre: Some(centre), ..trust(region, 0) };
    let manifest = check(&signed, &trust, region.hub.now()).unwrap();
    let (mut sections, mut named) = (HashMap::new(), HashMap::new());
    for section in &manifest.sections {
        let answer = edge.get(&format!("sheet/sections/{}", section.sha256)).await;
        let bytes = answer.bytes().await.unwrap().to_vec();
        sections.insert(section.sha256.clone(), bytes.clone());
        named.insert(section.name.clone(), bytes);
    }
    (assemble(&manifest, &sections, Some(&key)).unwrap().0, named)
}

async fn care(region: &Region, edge: &Edge) -> SheetCare {
    read(region, edge).await.0.care.unwrap()
}

async fn child(region: &Region, edge: &Edge) -> SheetChild {
    care(region, edge).await.child(CHILD).unwrap().clone()
}

/// The next version that the site is told of; what does not come in time fails the test.
async fn next(line: &mut Told) -> u64 {
    loop {
        let told = line.next().await;
        if matches!(told, Some(Line::Sheet { .. })) {
            return version_of(told);
        }
    }
}

async fn person(region: &Region, id: PersonId, name: &str, grants: Vec<Given>) {
    let email = format!("{id}@example.jp");
    let person = Person { id, email, name: name.to_owned(), language: Language::Ja, grants };
    region.hub.store.add_person(&person, None).await.unwrap();
    let reference = region.hub.keys.region_cards.now().newest().reference(id.0.as_bytes());
    let card = CredentialId(Uuid::from_u128(id.0.as_u128() + 0x1000));
    let card = Credential::new(card, id, reference, "card", region.hub.now());
    region.hub.store.add_credential(&card).await.unwrap();
}

/// Somebody who has just signed in with both factors.
async fn caller(region: &Region, id: PersonId) -> Caller {
    let hub = &region.hub;
    let person = hub.store.person(id).await.unwrap().unwrap();
    let now = hub.now();
    let session = Session {
        id: SessionId(hub.new_id().unwrap()),
        token: hub.random_bytes().unwrap(),
        person: id,
        csrf: "c".to_owned(),
        stage: Stage::Two,
        means: Means::Password,
        agent: "test".to_owned(),
        started_at: now,
        proved_at: now,
        ends_at: now + TimeDelta::hours(1),
    };
    hub.store.start_session(&session).await.unwrap();
    let mut caller = Caller {
        actor: Actor::nobody(),
        person: None,
        session: None,
        withheld: Vec::new(),
        owes_second: None,
        language: Language::Ja,
        address: None,
        agent: "test".to_owned(),
        csrf: String::new(),
        nonce: String::new(),
        here: String::new(),
    };
    caller.recognise(session, person, now);
    caller
}

/// A nursery here with two sisters who come in an hour, the guardians and the staff.
async fn furnish(region: &Region) {
    let hub = &region.hub;
    let starts = hub.now() + TimeDelta::hours(1);
    let day = starts.with_timezone(&chrono_tz::Asia::Tokyo).date_naive();
    hub.store
        .add_nursery(&Nursery {
            id: ROOM,
            centre: HERE,
            name: LocalText::new("ひよこ", "Chicks"),
            places: 5,
            walking_minutes: 0,
            staffing: None,
            terms: Terms::default(),
        })
        .await
        .unwrap();
    person(region, MOTHER, "伊藤 春", vec![Grant::Parent.into()]).await;
    person(region, FATHER, "伊藤 守", vec![Grant::Parent.into()]).await;
    person(region, AUNT, "林 秋", vec![Grant::Worker { employer: None }.into()]).await;
    let grant = Grant::NurseryStaff { nursery: ROOM };
    person(region, CARER, "星野 遥", vec![grant.into()]).await;
    let until = Some(hub.now() - TimeDelta::hours(1));
    let over = Given { grant, term: Term { until, ..Term::default() } };
    person(region, FORMER, "古川 元", vec![over]).await;
    let household = HouseholdId(Uuid::from_u128(0xa9));
    hub.store.found_household(household, MOTHER, hub.now()).await.unwrap();
    let later = hub.now() + TimeDelta::seconds(1);
    hub.store.add_guardian(household, FATHER, later).await.unwrap();
    for (id, name, born) in [(CHILD, "はなこ", "2024-05-10"), (SISTER, "ゆきこ", "2022-01-31")]
    {
        let particulars = Particulars::new(name, born.parse().unwrap(), day).unwrap();
        let sealed = children::seal(hub, id, &particulars).await.unwrap();
        hub.store.add_child(&SealedChild { id, household, sealed }).await.unwrap();
    }
    let slot = Interval::new(starts, starts + TimeDelta::hours(2)).unwrap();
    let made = (BookingId(Uuid::from_u128(0xc0)), model::booking::BookingCode::from_random(7));
    let centre = region.centre(HERE).await;
    let mut order = BookingOrder {
        children: vec![SISTER, CHILD],
        ..BookingOrder::of_desk(made, MOTHER, &centre, vec![slot], (1, 1), hub.now())
    };
    order.ages.put(CHILD, day, Ages { months: 24, school_year: 2 });
    let booked = hub.store.book(&order).await.unwrap();
    assert!(matches!(booked, BookResult::Made(_)), "{booked:?}");
}

/// The nursery's shifts of today and tomorrow.
fn roster(centre: model::centre::Centre, region: &Region, caregivers: &[&str]) -> Roster {
    let at = region.hub.now();
    let day = at.with_timezone(&centre.time_zone).date_naive();
    let rostered = |(number, name): (u128, &&str)| Rostered {
        id: ShiftId(Uuid::from_u128(0xd0 + number)),
        caregiver: (*name).to_owned(),
        shift: Shift {
            kind: "nursery-teacher".to_owned(),
            when: Interval::new(at, at + TimeDelta::hours(8)).unwrap(),
            breaks: Vec::new(),
        },
    };
    let shifts = (0..).zip(caregivers).map(rostered).collect();
    Roster { nursery: ROOM, days: vec![day], shifts, at, only_try: false, centre }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sheet_says_who_is_to_be_in_the_nursery_and_only_its_site_reads_it() {
    let region = Region::start().await;
    let edge = region.edge("here-edge").await;
    assert_eq!(read(&region, &edge).await.0.care, None, "a centre without a nursery");
    furnish(&region).await;
    let hub = &region.hub;
    let centre = region.centre(HERE).await;
    let mother = caller(&region, MOTHER).await;
    children::consent(hub, &mother, CHILD, Purpose::Health).await.unwrap();
    let health = Health { allergies: "卵".to_owned(), ..Health::default() };
    children::set_health(hub, &mother, CHILD, health.clone()).await.unwrap();
    assert!(personal::set_telephone(hub, &mother, "090-1234-5678").await.unwrap());
    let both = roster(centre.clone(), &region, &["星野", "岡"]);
    let put = nursery::put_roster(hub, None, &both).await.unwrap();
    assert_eq!(put, RosterPut::Done(Vec::new()));
    let rules = rule_sets::shipped().unwrap();
    for set in &rules {
        nursery::add_rules(hub, set).await.unwrap();
    }
    let named = vec![rules[0].name.clone()];
    let (admits, rooms) = (Admits::Live, Vec::new());
    let staffing =
        Staffing { rule_sets: named.clone(), admits, integrated: false, main_hours: None, rooms };
    let here = hub.store.nurseries().await.unwrap().remove(0);
    nursery::set_staffing(hub, None, &centre, &here, &staffing).await.unwrap();

    let (sheet, sections) = read(&region, &edge).await;
    let care = sheet.care.as_ref().unwrap();
    assert_eq!((care.zone, care.municipality), (centre.time_zone, centre.municipality));
    let [listed] = &care.nurseries[..] else { panic!("{:?}", care.nurseries) };
    assert_eq!(listed.nursery, Nursery { staffing: Some(staffing), ..here });
    let in_force: Vec<&String> = listed.rule_sets.iter().map(|set| &set.name).collect();
    assert_eq!(in_force, named.iter().collect::<Vec<_>>(), "not those that it does not go by");
    let working: Vec<&str> = listed.shifts.iter().map(|one| one.caregiver.as_str()).collect();
    assert_eq!(working, ["岡", "星野"]);
    assert_eq!(care.children.iter().map(|one| one.id).collect::<Vec<_>>(), [CHILD, SISTER]);
    let child = care.child(CHILD).unwrap();
    assert_eq!((child.name.as_str(), child.born), ("はなこ", day("2024-05-10")));
    assert!(child.health == Some(health) && care.child(SISTER).unwrap().health.is_none());
    let guardians = child.guardians.iter();
    let guardians: Vec<_> =
        guardians.map(|one| (one.person, one.name.as_str(), one.telephone.as_deref())).collect();
    assert_eq!(guardians, [(MOTHER, "伊藤 春", Some("090-1234-5678")), (FATHER, "伊藤 守", None)]);
    let booking = hub.store.booking(BookingId(Uuid::from_u128(0xc0))).await.unwrap().unwrap();
    let claims: Vec<_> =
        care.claims.iter().map(|one| (one.child, one.booking, one.nursery, one.when)).collect();
    let when = booking.care[0].when;
    assert_eq!(claims, [CHILD, SISTER].map(|child| (child, booking.id, ROOM, when)));
    assert_eq!(care.claims[0].ages.map(|ages| ages.school_year), Some(2));
    let staff: Vec<_> =
        care.staff.iter().map(|one| (one.person, one.name.as_str(), &one.nurseries[..])).collect();
    assert_eq!(staff, [(CARER, "星野 遥", &[ROOM][..])], "nobody whose role is over");
    // Whoever may collect a child or cares for it is known by card.
    for known in [MOTHER, FATHER, CARER] {
        assert!(sheet.people.iter().any(|one| one.id == known), "{known}");
        assert!(sheet.credentials.iter().any(|one| one.person == known && !one.blocked));
    }

    // No name, no allergy, no telephone number stands in plain words in any section.
    assert!(sections.contains_key(CARE));
    for (name, bytes) in &sections {
        for text in ["はなこ", "ゆきこ", "卵", "伊藤", "090-1234-5678", "2024-05-10", &child.key]
        {
            let told = bytes.windows(text.len()).any(|some| some == text.as_bytes());
            assert!(!told, "{text} in {name}");
        }
    }

    // Notes are sealed with what comes from the child's own key, alike for every hub.
    let own = hub::service::vault::key_for(hub, KeyOwner::Child(CHILD)).await.unwrap();
    assert_eq!(children::note_key(&own).on_sheet(), child.key);
    assert!(NoteKey::from_sheet(&child.key).is_ok());
    assert_ne!(child.key, care.child(SISTER).unwrap().key);
    let another = hub::sheets::Sheets::default();
    let again = another.current(hub, HERE).await.unwrap().unwrap();
    assert_eq!(again.sheet.care.as_ref(), Some(care));
    assert_eq!(
        again.sealed.sections.values().find(|bytes| **bytes == sections[CARE]).map(Vec::len),
        Some(sections[CARE].len()),
        "another hub makes the same section"
    );
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_a_site_is_for_its_edge_alone() {
    let region = Region::start().await;
    let staff = "here-staff-1".parse().unwrap();
    region.hub.store.add_device(HERE, &staff, DeviceKind::Staff).await.unwrap();
    let (here, there) = (region.edge("here-edge").await, region.edge("there-edge").await);
    for device in ["here-kiosk-1", "here-staff-1"] {
        let screen = region.edge(device).await;
        let (status, kind) = problem(screen.get(KEY).await).await;
        assert_eq!((status, kind.as_str()), (403, "/problems/not-allowed"), "{device}");
    }
    let (status, _) = problem(region.stranger(None).get(KEY).await).await;
    assert_eq!(status, 401);
    let answer = here.get(KEY).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let key = async |edge: &Edge| {
        let answer: SectionKeyAnswer = edge.get(KEY).await.json().await.unwrap();
        SectionKey::heard(&answer).unwrap();
        answer.key
    };
    assert_eq!(key(&here).await, key(&here).await);
    assert_ne!(key(&here).await, key(&there).await, "each site has its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_for_a_child_or_its_carers_is_told_at_once() {
    let region = Region::start().await;
    furnish(&region).await;
    let hub = &region.hub;
    let edge = region.edge("here-edge").await;
    let mut line = Told::open(&edge).await;
    let mut newest = next(&mut line).await;
    let mut plan = hub.live.plan_changes(HERE, hub.now());
    let mut newer = async |what: &str| {
        // What a page or program of this hub did is told without waiting for the next look.
        let at_once = !what.starts_with("by itself: ");
        assert!(!at_once || plan.has_changed().unwrap(), "{what}");
        plan.mark_unchanged();
        let told = next(&mut line).await;
        assert!(told > newest, "{what}");
        newest = told;
    };
    let centre = region.centre(HERE).await;
    let (mother, carer) = (caller(&region, MOTHER).await, caller(&region, CARER).await);
    let today = hub.now().with_timezone(&centre.time_zone).date_naive();

    nursery::put_roster(hub, None, &roster(centre.clone(), &region, &["岡"])).await.unwrap();
    newer("a shift").await;
    assert_eq!(care(&region, &edge).await.nurseries[0].shifts[0].caregiver, "岡");

    children::consent(hub, &mother, CHILD, Purpose::Health).await.unwrap();
    let health = Health { allergies: "そば".to_owned(), ..Health::default() };
    children::set_health(hub, &mother, CHILD, health).await.unwrap();
    newer("an allergy").await;
    assert_eq!(child(&region, &edge).await.health.unwrap().allergies, "そば");
    children::withdraw(hub, &mother, CHILD, Purpose::Health).await.unwrap();
    newer("no health").await;
    assert!(child(&region, &edge).await.health.is_none());

    let named = NewCollector {
        name: "林 秋".to_owned(),
        relation: "おば".to_owned(),
        telephone: "080-1111-2222".to_owned(),
        born: day("1990-01-01"),
        pin: "4711".to_owned(),
        until: None,
    };
    let done = care_file::name_collector(hub, &mother, CHILD, &named, 18, today).await.unwrap();
    assert_eq!(done, Ok(()));
    newer("somebody who may collect").await;
    let collector = child(&region, &edge).await.collecting.collectors[0].clone();
    assert!(collector.pin.is_some_and(|pin| pin.starts_with("$argon2id$")));
    let sheet = read(&region, &edge).await.0;
    assert!(!sheet.people.iter().any(|one| one.id == AUNT), "she has not said who she is");
    let code = children::invite_collector(hub, &mother, CHILD, collector.id).await.unwrap();
    assert!(children::collects(hub, &caller(&region, AUNT).await, &code).await.unwrap());
    newer("her account").await;
    let sheet = read(&region, &edge).await.0;
    assert!(sheet.people.iter().any(|one| one.id == AUNT));
    assert!(sheet.credentials.iter().any(|one| one.person == AUNT && !one.blocked));

    // Whoever is barred answers for the child no more; the site knows the card that it refuses.
    let bar =
        NewBar {
            name: "伊藤 守".to_owned(), account: Some(FATHER), reason: "保護命令".to_owned()
        };
    let barred = care_file::bar_for_nursery(hub, &carer, CHILD, ROOM, &bar).await.unwrap();
    assert_eq!(barred, Ok(()));
    newer("a bar").await;
    let (sheet, _) = read(&region, &edge).await;
    let care = sheet.care.unwrap();
    let of = |id| care.child(id).unwrap();
    assert!(of(CHILD).is_of(MOTHER) && !of(CHILD).is_of(FATHER) && of(SISTER).is_of(FATHER));
    assert_eq!(of(CHILD).collecting.barred[0].account, Some(FATHER));
    assert!(sheet.credentials.iter().any(|one| one.person == FATHER));

    let terms = Terms { fever: Some(380), ..Terms::default() };
    let here = hub.store.nurseries().await.unwrap().remove(0);
    nursery::set_terms(hub, None, &centre, &here, &terms).await.unwrap().unwrap();
    newer("terms").await;

    // A role that ends by itself takes its holder off the list then.
    let until = Some(hub.now() + TimeDelta::minutes(10));
    let grant = Grant::NurseryStaff { nursery: ROOM };
    let ends = Given { grant, term: Term { until, ..Term::default() } };
    hub.store.set_grants(FORMER, &[ends]).await.unwrap();
    newer("by itself: a role").await;
    assert!(self::care(&region, &edge).await.staff(FORMER).is_some());
    region.clock.advance(TimeDelta::minutes(10));
    newer("by itself: the end of a role").await;
    assert!(self::care(&region, &edge).await.staff(FORMER).is_none());

    // Of an erased child nothing is left but that somebody comes.
    let pseudonym = PersonId(Uuid::from_u128(0xee));
    let erasure = Erasure { person: FATHER, pseudonym, children: vec![CHILD], at: hub.now() };
    assert!(hub.store.erase(&erasure).await.unwrap());
    newer("by itself: an erasure").await;
    let care = self::care(&region, &edge).await;
    assert!(care.child(CHILD).is_none() && care.child(SISTER).is_some());
    assert_eq!(care.claims.iter().filter(|claim| claim.child == CHILD).count(), 1);
    let own = hub::service::vault::key_if_kept(hub, KeyOwner::Child(CHILD)).await.unwrap();
    assert!(own.is_none(), "what was written down of it can be read by nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_runs_a_centre_stands_on_its_sheet_and_no_other_while_their_term_lasts() {
    let region = Region::start().await;
    let (here, there) = (region.edge("here-edge").await, region.edge("there-edge").await);
    assert_eq!(read(&region, &here).await.0.care, None, "nobody runs it yet");
    let begins = region.hub.now() + TimeDelta::minutes(5);
    let until = Some(begins + TimeDelta::minutes(10));
    let grant = Grant::Operator { centre: HERE };
    let runs_it = Given { grant, term: Term { from: Some(begins), until, ..Term::default() } };
    person(&region, OPERATOR, "館 守", vec![runs_it]).await;
    let mut line = Told::open(&here).await;
    next(&mut line).await;
    let listed = async || {
        let (sheet, _) = read(&region, &here).await;
        sheet.care.map(|care| (care.nurseries.len(), care.staff))
    };
    assert_eq!(listed().await, None, "it is not yet their turn");

    region.clock.advance(TimeDelta::minutes(5));
    while listed().await.is_none() {
        next(&mut line).await;
    }
    let name = "館 守".to_owned();
    let staff = SheetStaff { person: OPERATOR, name, nurseries: Vec::new() };
    assert_eq!(listed().await, Some((0, vec![staff])));
    let (sheet, _) = read(&region, &here).await;
    assert!(sheet.credentials.iter().any(|one| one.person == OPERATOR && !one.blocked));
    let (elsewhere, _) = read_of(&region, THERE, &there).await;
    assert_eq!(elsewhere.care, None, "of another centre they run nothing");
    assert!(elsewhere.people.iter().all(|one| one.id != OPERATOR));
    assert!(elsewhere.credentials.iter().all(|one| one.person != OPERATOR));

    region.clock.advance(TimeDelta::minutes(10));
    while listed().await.is_some() {
        next(&mut line).await;
    }
}
