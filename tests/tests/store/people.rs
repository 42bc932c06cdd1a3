//! People, sessions, children.

use model::id::{ChildId, PersonId, SessionId};
use model::language::Language;
use model::people::{Given, Grant, Person, Term};
use model::sign_in::{Means, Stage};
use store::{SealedChild, Session, StoreError};

use crate::ground::{Ground, at};

pub async fn people_come_back_as_they_were(ground: Ground) {
    let store = &ground.store;
    let centre = ground.centre().await;
    let nursery = ground.nursery(&centre, 4).await;
    let person = Person {
        id: PersonId(ground.id()),
        email: "hanako@example.jp".to_owned(),
        name: "山田 花子".to_owned(),
        language: Language::Ja,
        grants: vec![
            Grant::Parent.into(),
            Grant::Operator { centre: centre.id }.into(),
            Grant::MunicipalAdmin { municipality: ground.town }.into(),
            Given {
                grant: Grant::Worker { employer: Some(ground.employer) },
                term: Term { from: Some(at(0, 1)), until: Some(at(9, 0)), ..Term::default() },
            },
            Grant::Worker { employer: None }.into(),
            Grant::EmployerAdmin { employer: ground.employer }.into(),
            Grant::NurseryStaff { nursery }.into(),
            Given {
                grant: Grant::Resident { municipality: ground.town },
                term: Term { months_of_use: Some(6), ..Term::default() },
            },
            Grant::SystemAdmin.into(),
        ],
    };
    store.add_person(&person, Some("$argon2id$1")).await.unwrap();
    assert_eq!(store.person(person.id).await.unwrap(), Some(person.clone()));
    assert_eq!(store.person(PersonId(ground.id())).await.unwrap(), None);
    let plain = Person {
        id: PersonId(ground.id()),
        email: "solo@example.jp".to_owned(),
        grants: Vec::new(),
        ..person.clone()
    };
    store.add_person(&plain, None).await.unwrap();
    assert_eq!(store.person(plain.id).await.unwrap(), Some(plain.clone()));

    let record = store.sign_in_record("Hanako@Example.JP").await.unwrap().unwrap();
    assert_eq!((record.person, record.password.as_deref()), (person.id, Some("$argon2id$1")));
    assert!(store.sign_in_record("solo@example.jp").await.unwrap().unwrap().password.is_none());
    assert!(store.sign_in_record("nobody@example.jp").await.unwrap().is_none());

    store.set_language(person.id, Language::En).await.unwrap();
    assert_eq!(store.person(person.id).await.unwrap().unwrap().language, Language::En);
    assert_eq!(store.pin(person.id).await.unwrap(), None);
    store.set_pin(person.id, Some("$argon2id$2")).await.unwrap();
    assert_eq!(store.pin(person.id).await.unwrap().as_deref(), Some("$argon2id$2"));
    store.set_pin(person.id, None).await.unwrap();
    assert_eq!(store.pin(person.id).await.unwrap(), None);
    assert_eq!(store.employers().await.unwrap().len(), 1);
}

pub async fn roles_are_given_and_taken(ground: Ground) {
    let store = &ground.store;
    let trial = |first_used| Given {
        grant: Grant::Resident { municipality: ground.town },
        term: Term { months_of_use: Some(6), first_used, ..Term::default() },
    };
    let ended = Given {
        grant: Grant::Parent,
        term: Term { until: Some(at(1, 0)), months_of_use: Some(1), ..Term::default() },
    };
    let person = ground.person().await;
    store.set_grants(person, &[ended, trial(None)]).await.unwrap();
    store.note_use(person, at(2, 9)).await.unwrap();
    store.note_use(person, at(5, 9)).await.unwrap();
    let kept = store.person(person).await.unwrap().unwrap();
    assert_eq!(kept.grants, [ended, trial(Some(at(2, 9)))]);
    assert!(store.members_of(ground.employer).await.unwrap().is_empty());

    let member = ground.person().await;
    let members = store.members_of(ground.employer).await.unwrap();
    assert_eq!(members.iter().map(|person| person.id).collect::<Vec<_>>(), [member]);

    let address = members[0].email.clone();
    let found = store.people_like(&address.to_uppercase(), 10).await.unwrap();
    assert_eq!(found, members);
    assert_eq!(store.people_like("花子", 1).await.unwrap().len(), 1);
    assert!(store.people_like("%", 10).await.unwrap().is_empty());
}

pub async fn an_address_is_one_of_its_kind(ground: Ground) {
    let person = |email: &str| Person {
        id: PersonId(ground.id()),
        email: email.to_owned(),
        name: "A".to_owned(),
        language: Language::En,
        grants: vec![Grant::Worker { employer: None }.into()],
    };
    ground.store.add_person(&person("one@example.jp"), None).await.unwrap();
    let again = ground.store.add_person(&person("ONE@example.jp"), None).await;
    assert!(matches!(again, Err(StoreError::Duplicate("e-mail address"))), "{again:?}");
}

pub async fn sessions_end(ground: Ground) {
    let session = Session {
        id: SessionId(ground.id()),
        token: [3; 32],
        person: ground.person().await,
        csrf: "token".to_owned(),
        stage: Stage::OwesSecond,
        means: Means::Password,
        agent: "ブラウザー".to_owned(),
        started_at: at(0, 8),
        proved_at: at(0, 9),
        ends_at: at(0, 20),
    };
    let store = &ground.store;
    store.start_session(&session).await.unwrap();
    let (kept, whose) = store.session(&[3; 32], at(0, 19)).await.unwrap().unwrap();
    assert!(kept == session);
    assert_eq!(Some(whose), store.person(session.person).await.unwrap());
    assert!(store.session(&[3; 32], at(0, 20)).await.unwrap().is_none());
    assert!(store.session(&[4; 32], at(0, 9)).await.unwrap().is_none());
    store.end_session(&[3; 32]).await.unwrap();
    assert!(store.session(&[3; 32], at(0, 9)).await.unwrap().is_none());
}

pub async fn sessions_move_on_and_are_ended_elsewhere(ground: Ground) {
    let store = &ground.store;
    let person = ground.person().await;
    let session = |number: u8| Session {
        id: SessionId(ground.id()),
        token: [number; 32],
        person,
        csrf: "token".to_owned(),
        stage: Stage::One,
        means: Means::Passkey,
        agent: String::new(),
        started_at: at(0, number.into()),
        proved_at: at(0, number.into()),
        ends_at: at(1, number.into()),
    };
    let (one, two, three) = (session(1), session(2), session(3));
    for session in [&one, &two, &three] {
        store.start_session(session).await.unwrap();
    }
    let renewed = Session {
        token: [9; 32],
        csrf: "another".to_owned(),
        stage: Stage::Two,
        means: Means::RecoveryCode,
        proved_at: at(0, 3),
        ends_at: at(2, 0),
        ..one.clone()
    };
    assert!(store.renew_session(&[1; 32], &renewed).await.unwrap());
    assert!(!store.renew_session(&[1; 32], &renewed).await.unwrap(), "the old token is worthless");
    let kept = store.sessions_of(person, at(0, 4)).await.unwrap();
    assert!(kept == [three.clone(), two.clone(), renewed.clone()]);

    let stranger = ground.person().await;
    assert!(!store.end_session_of(stranger, two.id).await.unwrap());
    assert!(store.end_session_of(person, two.id).await.unwrap());
    assert_eq!(store.end_sessions_of(person, Some(renewed.id)).await.unwrap(), 1);
    assert!(store.sessions_of(person, at(0, 4)).await.unwrap() == [renewed]);
    assert_eq!(store.sweep_sessions(at(2, 0)).await.unwrap(), 0);
    assert_eq!(store.sweep_sessions(at(2, 1)).await.unwrap(), 1);
    assert_eq!(store.end_sessions_of(person, None).await.unwrap(), 0);
}

pub async fn children_stand_in_the_order_they_were_added(ground: Ground) {
    let store = &ground.store;
    let guardian = ground.person().await;
    let household = ground.household(guardian).await;
    let mut ids: Vec<_> = (0..3).map(|_| ground.id()).collect();
    ids.reverse();
    for (number, id) in (0..).zip(&ids) {
        let child = SealedChild { id: ChildId(*id), household, sealed: vec![number; 50] };
        store.add_child(&child).await.unwrap();
    }
    let children = store.children_of(guardian).await.unwrap();
    assert_eq!(children.iter().map(|child| child.id.0).collect::<Vec<_>>(), ids);
    assert_eq!(children[1].sealed, vec![1; 50]);
    store.set_child(ChildId(ids[1]), &[8; 3]).await.unwrap();
    assert_eq!(store.children_of(guardian).await.unwrap()[1].sealed, [8; 3]);

    let other = ground.person().await;
    assert!(store.children_of(other).await.unwrap().is_empty());
    let own = ground.household(other).await;
    for _ in 0..2 {
        store.add_guardian(household, other, at(3, 0)).await.unwrap();
    }
    assert_eq!(store.guardians(household).await.unwrap(), [guardian, other]);
    assert_eq!(store.households_of(other).await.unwrap(), [own, household]);
    assert_eq!(store.children_of(other).await.unwrap().len(), 3);
}
