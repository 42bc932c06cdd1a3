//! Personal data: sealed under keys of its own, agreed to, kept for a time, taken away and erased.

use chrono::{DateTime, TimeDelta};
use hub::jobs::forget;
use hub::service::audit::chain::extend;
use hub::service::audit::read::{self, Question};
use hub::service::audit::verify::verify;
use hub::service::booking::{self, Booked};
use hub::service::care_file::{self, NewCollector};
use hub::service::children::{self, Changed};
use hub::service::order::NoOrder;
use hub::service::personal::{self, Erased};
use hub::service::{Caller, Refused, atlas::Atlas, rotate, vault};
use hub::web::{Web, WebSettings};
use model::audit::AuditAction;
use model::booking::Wish;
use model::child::{Contact, Health};
use model::consent::Purpose;
use model::id::{ChildId, PersonId, SessionId};
use model::interval::Interval;
use model::language::Language;
use model::people::Grant;
use model::permission::Actor;
use model::sign_in::{Means, Stage};
use serde_json::json;
use store::{GOES_WITH_A_PERSON, KEEPS_A_PSEUDONYM, Kept, KeyOwner, Session};

use crate::ground::Ground;

/// Somebody of the demo, just signed in with both factors.
async fn caller(ground: &Ground, key: &str) -> Caller {
    let hub = &ground.hub;
    let email = format!("{key}@demo.kyoten.example");
    let person = hub.store.sign_in_record(&email).await.unwrap().unwrap().person;
    let person = hub.store.person(person).await.unwrap().unwrap();
    let now = hub.now();
    let session = Session {
        id: SessionId(hub.new_id().unwrap()),
        token: hub.random_bytes().unwrap(),
        person: person.id,
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

fn me(caller: &Caller) -> PersonId {
    caller.signed_in().unwrap().id
}

async fn atlas(ground: &Ground) -> std::sync::Arc<Atlas> {
    Web::new(ground.hub.clone(), WebSettings::default()).atlas().await.unwrap()
}

async fn child_of(ground: &Ground, caller: &Caller) -> ChildId {
    children::list(&ground.hub, caller).await.unwrap()[0].id
}

fn egg() -> Health {
    Health {
        allergies: "卵アレルギー".to_owned(),
        contacts: vec![Contact {
            name: "祖母".to_owned(),
            relation: String::new(),
            telephone: "090-1234-5678".to_owned(),
        }],
        ..Health::default()
    }
}

async fn actions(ground: &Ground, asker: &Caller) -> Vec<String> {
    let listed = read::about_me(&ground.hub, asker, 50).await.unwrap();
    listed.into_iter().map(|entry| entry.action).collect()
}

pub async fn health_is_for_guardians_and_the_nursery_and_each_look_is_recorded(ground: Ground) {
    let hub = &ground.hub;
    let (ito, takahashi, hoshino, kobayashi, fujita) = (
        caller(&ground, "ito").await,
        caller(&ground, "takahashi").await,
        caller(&ground, "hoshino").await,
        caller(&ground, "kobayashi").await,
        caller(&ground, "fujita").await,
    );
    let (kid, other) = (child_of(&ground, &ito).await, child_of(&ground, &takahashi).await);
    assert_eq!(children::set_health(hub, &ito, kid, egg()).await.unwrap(), Changed::Done);
    let seen = children::see(hub, &ito, kid, None).await.unwrap();
    assert!(seen.health == egg() && seen.own);
    let hidden = |result: Result<(), Refused>| matches!(result, Err(Refused::NotFound));
    assert!(hidden(children::see(hub, &ito, other, None).await.map(drop)));
    assert!(hidden(children::set_health(hub, &ito, other, egg()).await.map(drop)));
    assert!(hidden(children::consent(hub, &ito, other, Purpose::Care).await));
    assert!(hidden(children::see(hub, &kobayashi, kid, None).await.map(drop)));
    assert!(hidden(children::see(hub, &fujita, kid, None).await.map(drop)));
    let long = Health { allergies: "卵".repeat(1 << 20), ..Health::default() };
    assert!(matches!(children::set_health(hub, &ito, kid, long).await, Ok(Changed::Bad(_))));

    let at_yokohama = {
        let near = children::nurseries_near(hub, kid).await.unwrap();
        hoshino
            .grants()
            .iter()
            .any(|grant| matches!(grant, Grant::NurseryStaff { nursery } if near.nurseries.contains(nursery)))
    };
    let looked = if at_yokohama { (kid, &ito) } else { (other, &takahashi) };
    let before = actions(&ground, looked.1).await.len();
    let file = children::see(hub, &hoshino, looked.0, None).await.unwrap();
    assert!(!file.own);
    let listed = read::about_me(hub, looked.1, 50).await.unwrap();
    assert_eq!(listed.len(), before + 1);
    assert_eq!(listed[0].action, "child_health_seen");
    assert_eq!(listed[0].actor.as_deref(), Some("星野 あかり"));

    // What is agreed to no more is kept no more.
    children::withdraw(hub, &ito, kid, Purpose::Health).await.unwrap();
    assert!(children::see(hub, &ito, kid, None).await.unwrap().health == Health::default());
    assert_eq!(children::set_health(hub, &ito, kid, egg()).await.unwrap(), Changed::NoConsent);
    assert!(actions(&ground, &ito).await.contains(&"consent_withdrawn".to_owned()));
}

pub async fn care_takes_consent(ground: Ground) {
    let hub = &ground.hub;
    let (ito, atlas) = (caller(&ground, "ito").await, atlas(&ground).await);
    let kid = child_of(&ground, &ito).await;
    let starts: DateTime<chrono::Utc> = "2026-12-03T01:00:00Z".parse().unwrap();
    let slot = Interval::new(starts, starts + TimeDelta::hours(2)).unwrap();
    let yokohama = atlas.named("yokohama").unwrap().id;
    let wish = Wish { children: vec![kid], ..Wish::of_desks(yokohama, vec![slot], 1) };
    children::withdraw(hub, &ito, kid, Purpose::Care).await.unwrap();
    let booked = booking::book(hub, &atlas, &ito, wish.clone(), false, None).await.unwrap();
    assert!(matches!(booked, Booked::Not(NoOrder::NoConsent(id)) if id == kid), "{booked:?}");
    children::consent(hub, &ito, kid, Purpose::Care).await.unwrap();
    children::consent(hub, &ito, kid, Purpose::Care).await.unwrap();
    let booked = booking::book(hub, &atlas, &ito, wish, false, None).await.unwrap();
    assert!(matches!(booked, Booked::Made(_)), "{booked:?}");
    let consents = hub.store.consents_of(kid).await.unwrap();
    let care = consents.iter().filter(|consent| consent.purpose == Purpose::Care);
    assert_eq!(care.count(), 2, "the one that was taken back, and the one in force");
}

pub async fn another_guardian_joins_with_a_code_once(ground: Ground) {
    let hub = &ground.hub;
    let (ito, takahashi, sato) = (
        caller(&ground, "ito").await,
        caller(&ground, "takahashi").await,
        caller(&ground, "sato").await,
    );
    let kid = child_of(&ground, &ito).await;
    let code = children::invite(hub, &ito).await.unwrap().unwrap();
    assert!(!children::join(hub, &ito, &code).await.unwrap(), "not to one's own household");
    assert!(!children::join(hub, &takahashi, "AAAA-AAAA-AAAA").await.unwrap());
    assert!(matches!(children::join(hub, &sato, &code).await, Err(Refused::Forbidden)));
    assert!(children::join(hub, &takahashi, &code.to_lowercase().replace('-', "")).await.unwrap());
    assert!(!children::join(hub, &takahashi, &code).await.unwrap(), "once");
    assert!(children::see(hub, &takahashi, kid, None).await.unwrap().own);
    assert!(actions(&ground, &ito).await.contains(&"guardian_added".to_owned()));
    let late = children::invite(hub, &ito).await.unwrap().unwrap();
    ground.clock.advance(TimeDelta::days(3));
    let takahashi = caller(&ground, "takahashi").await;
    assert!(!children::join(hub, &takahashi, &late).await.unwrap(), "too late");
}

pub async fn a_copy_holds_everything_and_an_erased_person_is_nobody(ground: Ground) {
    let hub = &ground.hub;
    let (ito, atlas) = (caller(&ground, "ito").await, atlas(&ground).await);
    let kid = child_of(&ground, &ito).await;
    children::set_health(hub, &ito, kid, egg()).await.unwrap();
    let aunt = NewCollector {
        name: "伊藤 恵".to_owned(),
        relation: "おば".to_owned(),
        telephone: "090-1111-2222".to_owned(),
        born: "1985-04-01".parse().unwrap(),
        pin: "1357".to_owned(),
        until: None,
    };
    let today = hub.now().date_naive();
    let named = care_file::name_collector(hub, &ito, kid, &aunt, 18, today).await.unwrap();
    assert_eq!(named, Ok(()));
    assert!(personal::set_telephone(hub, &ito, "０９０-８７６５-４３２１").await.unwrap());
    assert!(!personal::set_telephone(hub, &ito, "電話").await.unwrap());
    let copy = personal::copy(hub, &ito).await.unwrap().unwrap();
    let copy = serde_json::to_value(&copy).unwrap();
    assert_eq!(copy["account"]["telephone"], "090-8765-4321");
    assert_eq!(copy["children"][0]["health"]["allergies"], "卵アレルギー");
    assert!(copy["children"][0]["consents"].as_array().unwrap().len() >= 2);
    let named = &copy["children"][0]["care_file"]["collecting"]["collectors"][0];
    assert_eq!((&named["name"], &named["pin"]), (&json!("伊藤 恵"), &json!(null)));
    assert!(!copy["bookings"].as_array().unwrap().is_empty());
    assert!(!copy["audit"].as_array().unwrap().is_empty());
    for (part, name) in [("roles", "role"), ("cards", ""), ("visits", "")] {
        assert!(copy[part].is_array(), "{part} {name}");
    }
    assert!(!copy.to_string().contains("reference"), "no card's reference leaves the hub");

    let mut stale = ito.clone();
    stale.session.as_mut().unwrap().proved_at -= TimeDelta::hours(1);
    assert!(personal::copy(hub, &stale).await.unwrap().is_none());
    assert_eq!(personal::erase(hub, &atlas, &stale).await.unwrap(), Erased::Stale);

    assert!(hub.store.care_file(kid).await.unwrap().0.is_some());
    let visits = hub.store.visits_of(me(&ito)).await.unwrap().len();
    let total = ground.count("SELECT COUNT(*) FROM visits").await;
    assert_eq!(personal::erase(hub, &atlas, &ito).await.unwrap(), Erased::Done);
    let person = hub.store.person(me(&ito)).await.unwrap().unwrap();
    assert_eq!((person.name.as_str(), person.grants.len()), ("", 0));
    assert!(person.email.ends_with("@erased.invalid"));
    assert!(hub.store.care_file(kid).await.unwrap().0.is_none());
    assert!(hub.store.sign_in_record("ito@demo.kyoten.example").await.unwrap().is_none());
    assert!(hub.store.credentials_of(person.id).await.unwrap().is_empty());
    assert!(hub.store.sessions_of(person.id, hub.now()).await.unwrap().is_empty());
    assert!(
        hub.store
            .bookings_of(person.id, hub.now())
            .await
            .unwrap()
            .iter()
            .all(|booking| { booking.status == model::booking::BookingStatus::Cancelled })
    );
    for owner in [KeyOwner::Person(person.id), KeyOwner::Child(kid)] {
        assert!(vault::key_if_kept(hub, owner).await.unwrap().is_none());
    }
    assert!(hub.store.child(kid).await.unwrap().unwrap().1.is_none());
    assert_eq!(hub.store.visits_of(person.id).await.unwrap().len(), 0);
    assert_eq!(ground.count("SELECT COUNT(*) FROM visits").await, total, "{visits} of theirs");

    // The record is whole, and says of them that there was something.
    extend(hub).await.unwrap();
    assert!(verify(hub, Vec::new()).await.unwrap().is_ok());
    let fujita = caller(&ground, "fujita").await;
    let all = read::entries(hub, &fujita, &Question::default()).await.unwrap();
    assert!(all.iter().any(|entry| entry.erased && entry.notes.is_empty()));
    let erased = Question { action: Some(AuditAction::PersonErased), ..Question::default() };
    assert_eq!(read::entries(hub, &fujita, &erased).await.unwrap().len(), 1);
    // That was read is recorded too.
    let looks = Question { action: Some(AuditAction::AuditRead), ..Question::default() };
    assert_eq!(read::entries(hub, &fujita, &looks).await.unwrap().len(), 2);
}

pub async fn operators_read_what_is_of_their_centre(ground: Ground) {
    let hub = &ground.hub;
    let (kobayashi, kato, sato) = (
        caller(&ground, "kobayashi").await,
        caller(&ground, "kato").await,
        caller(&ground, "sato").await,
    );
    let centre = |caller: &Caller| {
        let Grant::Operator { centre } = caller.grants()[0] else { panic!("no operator") };
        centre
    };
    let (here, there) = (centre(&kobayashi), centre(&kato));
    assert_ne!(here, there);
    let entry = hub::service::audit::Entry::new(AuditAction::CardBlocked).about(me(&sato)).at(here);
    hub::service::audit::record(hub, &kobayashi, entry).await.unwrap();
    let all = Question::default();
    let of = |listed: Vec<read::Listed>| listed.iter().filter(|e| e.centre == Some(here)).count();
    assert_eq!(of(read::entries(hub, &kobayashi, &all).await.unwrap()), 1);
    assert_eq!(of(read::entries(hub, &kato, &all).await.unwrap()), 0);
    let beyond = Question { centre: Some(here), ..Question::default() };
    assert!(matches!(read::entries(hub, &kato, &beyond).await, Err(Refused::Forbidden)));
    assert!(matches!(read::entries(hub, &sato, &all).await, Err(Refused::Forbidden)));
    for (question, count) in [
        (Question { subject: Some("sato@".to_owned()), ..Question::default() }, 1),
        (Question { subject: Some("%' OR 1=1".to_owned()), ..Question::default() }, 0),
        (Question { actor: Some("小林".to_owned()), ..Question::default() }, 1),
        (Question { actor: Some("加藤".to_owned()), ..Question::default() }, 0),
        (Question { until: Some(hub.now()), ..Question::default() }, 0),
    ] {
        let found = read::entries(hub, &kobayashi, &question).await.unwrap();
        assert_eq!(of(found), count, "{question:?}");
    }
}

pub async fn keys_rotate_and_the_old_one_can_go(ground: Ground) {
    let hub = &ground.hub;
    let ito = caller(&ground, "ito").await;
    let kid = child_of(&ground, &ito).await;
    children::set_health(hub, &ito, kid, egg()).await.unwrap();
    // A child from before children had keys of their own.
    let child = children::see(hub, &ito, kid, None).await.unwrap().child;
    let other = caller(&ground, "takahashi").await;
    let old = child_of(&ground, &other).await;
    hub.store.destroy_seal_key(KeyOwner::Child(old)).await.unwrap();
    let ancient = hub.keys.seal(&child.particulars, old.0.as_bytes(), hub.random.as_ref()).unwrap();
    hub.store.set_child(old, &ancient).await.unwrap();
    assert!(rotate::destroy(hub, 1).await.is_err(), "it is the newest");

    let rotated = rotate::rotate(hub).await.unwrap();
    assert_eq!(rotated.key, 2);
    assert!(rotated.sealed >= 3, "{rotated:?}");
    rotate::destroy(hub, 1).await.unwrap();
    assert!(!ground.config.data_dir.join("keys/field.key").exists());
    assert!(children::see(hub, &ito, kid, None).await.unwrap().health == egg());
    assert_eq!(
        children::list(hub, &other).await.unwrap()[0].particulars.name,
        child.particulars.name
    );

    // A hub that starts now has only the new key, and never makes another over what is sealed.
    let again = async || {
        let random = std::sync::Arc::new(ring::rand::SystemRandom::new());
        hub::serve::open(&ground.config, ground.clock.clone(), random).await
    };
    assert!(again().await.is_ok());
    let new = ground.config.data_dir.join("keys/field-2.key");
    let bytes = std::fs::read(&new).unwrap();
    std::fs::remove_file(&new).unwrap();
    let refused = again().await.err().unwrap().to_string();
    assert!(refused.contains("field.key is missing"), "{refused}");
    for bad in [&bytes[..31], &[]] {
        std::fs::write(&new, bad).unwrap();
        let refused = again().await.err().unwrap().to_string();
        assert!(refused.contains("32 bytes"), "{refused}");
    }
    std::fs::write(&new, [9; 32]).unwrap();
    assert!(again().await.is_err(), "another key opens nothing");
}

pub async fn what_is_old_is_forgotten_and_figures_stay(ground: Ground) {
    let hub = &ground.hub;
    let visits = ground.count("SELECT COUNT(*) FROM visits").await;
    let people = ground.count("SELECT COUNT(DISTINCT person_id) FROM visits").await;
    assert!(visits > 0);
    let first = forget::run(hub).await.unwrap();
    assert!(!first.contains_key(&Kept::Visits), "{first:?}");
    let entry = hub::service::audit::Entry::new(AuditAction::SignedOut);
    hub::service::audit::record_as(hub, model::audit::AuditActor::Nobody, entry).await.unwrap();
    extend(hub).await.unwrap();
    let ito = caller(&ground, "ito").await;
    children::invite(hub, &ito).await.unwrap().unwrap();

    ground.clock.advance(TimeDelta::days(400));
    let year = forget::run(hub).await.unwrap();
    assert!(year.contains_key(&Kept::GuardianCodes), "{year:?}");
    assert!(!year.contains_key(&Kept::Audit) && !year.contains_key(&Kept::Visits), "{year:?}");
    assert_eq!(ground.count("SELECT COUNT(*) FROM guardian_codes").await, 0);

    ground.clock.advance(TimeDelta::days(1_000));
    let more = forget::run(hub).await.unwrap();
    assert!(more[&Kept::Bookings] > 0 && more[&Kept::Audit] > 0, "{more:?}");
    let ended = "SELECT COUNT(*) FROM visits WHERE checked_out_at IS NOT NULL AND pseudonymous = 0";
    assert_eq!(ground.count(ended).await, 0);
    assert_eq!(ground.count("SELECT COUNT(*) FROM visits").await, visits);
    let pseudonyms = "SELECT COUNT(DISTINCT person_id) FROM visits WHERE pseudonymous = 1";
    assert!((1..=people).contains(&ground.count(pseudonyms).await));
    let known = "SELECT COUNT(*) FROM visits WHERE pseudonymous = 1
        AND person_id IN (SELECT id FROM persons)";
    assert_eq!(ground.count(known).await, 0);
    assert_eq!(ground.count("SELECT COUNT(*) FROM bookings").await, 0);
    extend(hub).await.unwrap();
    let whole = verify(hub, Vec::new()).await.unwrap().unwrap();
    assert!(whole.last > whole.entries, "the chain begins later: {whole:?}");
    assert!(forget::run(hub).await.unwrap().is_empty(), "once is enough");
}

pub async fn erasure_knows_every_table_with_a_person(ground: Ground) {
    let known = GOES_WITH_A_PERSON.iter().chain(KEEPS_A_PSEUDONYM).count();
    let sql = if ground.is_sqlite() {
        "SELECT COUNT(*) FROM sqlite_schema s, pragma_table_info(s.name) c
         WHERE s.type = 'table' AND c.name = 'person_id'"
    } else {
        "SELECT COUNT(*) FROM information_schema.columns
         WHERE column_name = 'person_id' AND table_schema = 'public'"
    };
    let tables = ground.count(sql).await;
    assert_eq!(
        tables,
        i64::try_from(known).unwrap(),
        "a table with a person_id is in neither list"
    );
}
