//! People, sessions, cards, children.

use model::id::{CredentialId, PersonId};
use model::language::Language;
use model::people::{Grant, Person};
use store::{Credential, SealedChild, Session, StoreError};

use crate::ground::{Ground, at};

pub async fn people_come_back_as_they_were(ground: Ground) {
    let store = &ground.store;
    let centre = ground.centre().await;
    let person = Person {
        id: PersonId(ground.id()),
        email: "hanako@example.jp".to_owned(),
        name: "山田 花子".to_owned(),
        language: Language::Ja,
        employer: Some(ground.employer),
        grants: vec![
            Grant::Parent,
            Grant::Operator { centre: centre.id },
            Grant::MunicipalAdmin { municipality: ground.town },
            Grant::Worker,
        ],
    };
    store.add_person(&person, Some("$argon2id$1")).await.unwrap();
    assert_eq!(store.person(person.id).await.unwrap(), Some(person.clone()));
    assert_eq!(store.person(PersonId(ground.id())).await.unwrap(), None);
    let plain = Person {
        id: PersonId(ground.id()),
        email: "solo@example.jp".to_owned(),
        employer: None,
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

pub async fn an_address_is_one_of_its_kind(ground: Ground) {
    let person = |email: &str| Person {
        id: PersonId(ground.id()),
        email: email.to_owned(),
        name: "A".to_owned(),
        language: Language::En,
        employer: None,
        grants: vec![Grant::Worker],
    };
    ground.store.add_person(&person("one@example.jp"), None).await.unwrap();
    let again = ground.store.add_person(&person("ONE@example.jp"), None).await;
    assert!(matches!(again, Err(StoreError::Duplicate("e-mail address"))), "{again:?}");
}

pub async fn sessions_end(ground: Ground) {
    let session = Session {
        token: [3; 32],
        person: ground.person().await,
        csrf: "token".to_owned(),
        started_at: at(0, 8),
        ends_at: at(0, 20),
    };
    let store = &ground.store;
    store.start_session(&session).await.unwrap();
    assert!(store.session(&[3; 32], at(0, 19)).await.unwrap() == Some(session.clone()));
    assert!(store.session(&[3; 32], at(0, 20)).await.unwrap().is_none());
    assert!(store.session(&[4; 32], at(0, 9)).await.unwrap().is_none());
    store.end_session(&[3; 32]).await.unwrap();
    assert!(store.session(&[3; 32], at(0, 9)).await.unwrap().is_none());
}

pub async fn cards_are_one_of_their_kind(ground: Ground) {
    let person = ground.person().await;
    let card = |reference| Credential {
        id: CredentialId(ground.id()),
        person,
        reference: [reference; 32],
        label: "Suica".to_owned(),
        blocked: reference == 2,
    };
    let (one, two) = (card(1), card(2));
    ground.store.add_credential(&one).await.unwrap();
    ground.store.add_credential(&two).await.unwrap();
    let again = ground.store.add_credential(&card(1)).await;
    assert!(matches!(again, Err(StoreError::Duplicate("card"))), "{again:?}");
    assert!(ground.store.credentials_of(person).await.unwrap() == [one.clone(), two.clone()]);

    let other = ground.person().await;
    ground.store.set_pin(other, Some("$argon2id$3")).await.unwrap();
    let people = ground.store.sheet_people(&[person, other, PersonId(ground.id())]).await.unwrap();
    assert_eq!(people.len(), 2);
    let found = people.iter().find(|record| record.person == person).unwrap();
    assert!(found.credentials == [one, two] && found.pin.is_none());
    let found = people.iter().find(|record| record.person == other).unwrap();
    assert!(found.credentials.is_empty() && found.pin.as_deref() == Some("$argon2id$3"));
    assert!(ground.store.sheet_people(&[]).await.unwrap().is_empty());
}

pub async fn children_stand_in_the_order_they_were_added(ground: Ground) {
    let guardian = ground.person().await;
    let mut ids: Vec<_> = (0..3).map(|_| ground.id()).collect();
    ids.reverse();
    for (number, id) in (0..).zip(&ids) {
        let child = SealedChild { id: model::id::ChildId(*id), guardian, sealed: vec![number; 50] };
        ground.store.add_child(&child).await.unwrap();
    }
    let children = ground.store.children_of(guardian).await.unwrap();
    assert_eq!(children.iter().map(|child| child.id.0).collect::<Vec<_>>(), ids);
    assert_eq!(children[1].sealed, vec![1; 50]);
    assert!(ground.store.children_of(ground.person().await).await.unwrap().is_empty());
}
