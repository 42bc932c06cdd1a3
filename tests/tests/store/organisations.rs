//! Employers' own sign-in, directories, paid visits, and programs' tokens.

use chrono::NaiveDate;
use model::id::{ApiTokenId, EmployerId, PersonId, VisitId};
use model::interval::Interval;
use model::language::{Language, LocalText};
use model::organisation::{MemberRole, RoleRule};
use model::people::{Given, Grant, Person, Term};
use model::permission::TokenScope;
use model::sign_in::Stage;
use model::site_event::{Happening, Proof, SiteEvent};
use store::{
    ApiToken, BookingOrder, DirectoryEntry, Employer, EmployerKind, EventBatch, Identity,
    ProviderTrip, SignInSettings, StoreError, TokenHolder,
};

use crate::ground::{Ground, at, slot};

async fn somebody(ground: &Ground, email: &str, grants: Vec<Given>) -> PersonId {
    let person = Person {
        id: PersonId(ground.id()),
        email: email.to_owned(),
        name: "渡辺".to_owned(),
        language: Language::Ja,
        grants,
    };
    ground.store.add_person(&person, None).await.unwrap();
    person.id
}

fn worker(employer: EmployerId) -> Grant {
    Grant::Worker { employer: Some(employer) }
}

pub async fn a_provider_is_kept_and_dropped(ground: Ground) {
    let store = &ground.store;
    let employer = ground.employer;
    assert!(store.sign_in_settings(employer).await.unwrap().is_none());
    let rule =
        RoleRule { claim: "グループ".into(), value: "管理".into(), role: MemberRole::Worker };
    let mut settings = SignInSettings {
        employer,
        issuer: "https://id.bank.example".into(),
        client_id: "kyoten".into(),
        secret: vec![1, 2, 3],
        email_claim: "email".into(),
        rules: vec![rule],
        checks_second: true,
    };
    store.set_sign_in_settings(&settings).await.unwrap();
    settings.client_id = "other".into();
    store.set_sign_in_settings(&settings).await.unwrap();
    assert!(store.sign_in_settings(employer).await.unwrap() == Some(settings));

    let domains = ["bank.example".to_owned(), "bank.test".to_owned()];
    store.set_domains(employer, &domains).await.unwrap();
    store.set_domains(employer, &domains).await.unwrap();
    assert_eq!(store.domains_of(employer).await.unwrap(), domains);
    assert_eq!(store.employer_of_domain("BANK.example").await.unwrap(), Some(employer));
    assert_eq!(store.employer_of_domain("ank.example").await.unwrap(), None);
    let other = another_employer(&ground).await;
    let taken = store.set_domains(other, &domains[1..]).await;
    assert!(matches!(taken, Err(StoreError::Duplicate("domain"))), "{taken:?}");

    let person = somebody(&ground, "a@bank.example", vec![]).await;
    let second = somebody(&ground, "b@bank.example", vec![]).await;
    let identity =
        |subject: &str| Identity { employer, issuer: "https://x".into(), subject: subject.into() };
    store.add_identity(&identity("1"), person).await.unwrap();
    for (again, whose) in [(identity("1"), second), (identity("2"), person)] {
        let refused = store.add_identity(&again, whose).await;
        assert!(matches!(refused, Err(StoreError::Duplicate("identity"))), "{refused:?}");
    }
    assert_eq!(store.person_of_identity(&identity("1")).await.unwrap(), Some(person));
    let elsewhere = Identity { employer: other, ..identity("1") };
    assert_eq!(store.person_of_identity(&elsewhere).await.unwrap(), None);
    store.drop_sign_in_settings(employer).await.unwrap();
    assert!(store.sign_in_settings(employer).await.unwrap().is_none());
    assert_eq!(store.person_of_identity(&identity("1")).await.unwrap(), None);
}

pub async fn a_trip_ends_once_in_its_own_browser(ground: Ground) {
    let store = &ground.store;
    let trip = |state| ProviderTrip {
        state: [state; 32],
        employer: ground.employer,
        browser: [7; 32],
        sealed: vec![9],
        ends_at: at(9, 10),
    };
    for state in [1, 2, 3] {
        store.begin_trip(&trip(state), at(9, 0)).await.unwrap();
    }
    let end =
        async |state, browser, now| store.end_trip(&[state; 32], &browser, now).await.unwrap();
    assert!(end(1, [7; 32], at(9, 9)).await == Some(trip(1)));
    assert!(end(1, [7; 32], at(9, 9)).await.is_none(), "it came back once");
    assert!(end(2, [8; 32], at(9, 9)).await.is_none());
    assert!(end(2, [7; 32], at(9, 9)).await.is_none(), "a stranger's try ends it");
    assert!(end(3, [7; 32], at(9, 10)).await.is_none());
    assert!(end(4, [7; 32], at(9, 0)).await.is_none());
    store.begin_trip(&trip(5), at(9, 0)).await.unwrap();
    store.begin_trip(&ProviderTrip { ends_at: at(9, 30), ..trip(6) }, at(9, 20)).await.unwrap();
    assert!(end(5, [7; 32], at(9, 0)).await.is_none(), "what has ended is swept");
}

pub async fn claims_take_only_what_claims_gave(ground: Ground) {
    use MemberRole::{EmployerAdmin, Worker};
    let store = &ground.store;
    let employer = ground.employer;
    let person = somebody(&ground, "c@bank.example", vec![worker(employer).into()]).await;
    let held = async |hour| -> Vec<Grant> {
        store.person(person).await.unwrap().unwrap().grants_at(at(hour, 0)).collect()
    };
    let admin = Grant::EmployerAdmin { employer };
    store.set_claimed_roles(person, employer, &[Worker, EmployerAdmin], at(1, 0)).await.unwrap();
    assert_eq!(held(1).await, [worker(employer), admin]);
    store.set_claimed_roles(person, employer, &[], at(2, 0)).await.unwrap();
    assert_eq!(held(2).await, [worker(employer)], "what was given by hand stays");
    store.set_claimed_roles(person, employer, &[EmployerAdmin], at(3, 0)).await.unwrap();
    store.set_claimed_roles(person, employer, &[EmployerAdmin], at(3, 12)).await.unwrap();
    assert_eq!(held(4).await, [worker(employer), admin]);

    assert!(store.end_membership(person, employer, at(5, 0)).await.unwrap());
    assert!(!store.end_membership(person, employer, at(5, 0)).await.unwrap());
    assert_eq!(held(5).await, []);
    let kept = store.persons(&[person]).await.unwrap();
    assert_eq!(kept, [store.person(person).await.unwrap().unwrap()]);
    assert_eq!(kept[0].grants_at(at(4, 23)).count(), 2);

    let term = Term { until: Some(at(8, 0)), ..Term::default() };
    let again = Given { grant: worker(employer), term };
    store.give_role(person, &again, at(6, 0)).await.unwrap();
    store.give_role(person, &worker(employer).into(), at(6, 0)).await.unwrap();
    assert_eq!(held(6).await, [worker(employer)]);
    assert_eq!(held(8).await, []);
    let nobody = PersonId(ground.id());
    assert!(store.give_role(nobody, &again, at(6, 0)).await.is_err());
}

pub async fn a_directory_names_each_once(ground: Ground) {
    let store = &ground.store;
    let employer = ground.employer;
    let one = somebody(&ground, "d@bank.example", vec![]).await;
    let other = somebody(&ground, "e@bank.example", vec![]).await;
    let entry = |person, external: &str, deleted| DirectoryEntry {
        person,
        external_id: Some(external.to_owned()),
        changed_at: at(1, 0),
        deleted,
    };
    store.set_directory_entry(employer, &entry(one, "社員1", false)).await.unwrap();
    let taken = store.set_directory_entry(employer, &entry(other, "社員1", false)).await;
    assert!(matches!(taken, Err(StoreError::Duplicate("external id"))), "{taken:?}");
    store.set_directory_entry(employer, &entry(one, "社員2", true)).await.unwrap();
    assert_eq!(store.directory(employer).await.unwrap(), [entry(one, "社員2", true)]);
    store.set_email(one, "New@Bank.Example").await.unwrap();
    assert_eq!(store.person(one).await.unwrap().unwrap().email, "new@bank.example");
    let taken = store.set_email(one, "e@bank.example").await;
    assert!(matches!(taken, Err(StoreError::Duplicate("e-mail address"))), "{taken:?}");
}

pub async fn tokens_end_and_are_taken_back(ground: Ground) {
    let store = &ground.store;
    let person = somebody(&ground, "f@bank.example", vec![]).await;
    let of_person = ApiToken {
        id: ApiTokenId(ground.id()),
        holder: TokenHolder::Person(person),
        name: "予定表".to_owned(),
        scopes: vec![TokenScope::Read, TokenScope::Book],
        stage: Stage::Two,
        made_at: at(1, 0),
        ends_at: at(9, 0),
        last_used_on: None,
    };
    let of_employer = ApiToken {
        id: ApiTokenId(ground.id()),
        holder: TokenHolder::Employer(ground.employer),
        made_at: at(2, 0),
        ..of_person.clone()
    };
    store.add_api_token(&[1; 32], &of_person).await.unwrap();
    store.add_api_token(&[2; 32], &of_employer).await.unwrap();
    assert_eq!(store.api_token(&[1; 32], at(8, 0)).await.unwrap(), Some(of_person.clone()));
    assert_eq!(store.api_token(&[1; 32], at(9, 0)).await.unwrap(), None);
    let day = NaiveDate::from_ymd_opt(2026, 11, 25).unwrap();
    store.note_token_use(of_person.id, day).await.unwrap();
    let used = ApiToken { last_used_on: Some(day), ..of_person.clone() };
    assert_eq!(store.api_tokens_of(of_person.holder).await.unwrap(), [used]);
    assert!(!store.drop_api_token(of_employer.holder, of_person.id).await.unwrap());
    assert!(store.drop_api_token(of_person.holder, of_person.id).await.unwrap());
    assert_eq!(store.api_token(&[1; 32], at(8, 0)).await.unwrap(), None);
    assert_eq!(store.api_tokens_of(of_employer.holder).await.unwrap(), [of_employer]);
}

pub async fn an_employer_sees_what_it_pays_for(ground: Ground) {
    let store = &ground.store;
    let window = Interval::new(at(0, 0), at(2, 0)).unwrap();
    assert_eq!(store.paid_visits(ground.employer, &window).await.unwrap(), []);
    let person = ground.person().await;
    let visit = stays(&ground, person, Some(ground.employer), 1).await;
    let open = store.open_bookings_of(person, at(1, 11)).await.unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].on_account_of, Some(ground.employer));
    assert_eq!(store.open_bookings_of(person, at(1, 12)).await.unwrap(), []);
    stays(&ground, person, None, 1).await;
    let paid = store.paid_visits(ground.employer, &window).await.unwrap();
    assert_eq!(paid.len(), 1);
    assert_eq!((paid[0].visit, paid[0].person), (visit, person));
    assert_eq!((paid[0].checked_in_at, paid[0].checked_out_at), (at(1, 9), Some(at(1, 12))));
    let other = another_employer(&ground).await;
    assert_eq!(store.paid_visits(other, &window).await.unwrap(), []);
    let later = Interval::new(at(1, 10), at(2, 0)).unwrap();
    assert_eq!(store.paid_visits(ground.employer, &later).await.unwrap(), []);
}

pub async fn a_term_counts_from_the_first_check_in(ground: Ground) {
    let store = &ground.store;
    let term = Term { months_of_use: Some(6), ..Term::default() };
    let grant = Grant::Resident { municipality: ground.town };
    let person = ground.person().await;
    store.set_grants(person, &[Given { grant, term }]).await.unwrap();
    stays(&ground, person, None, 1).await;
    stays(&ground, person, None, 3).await;
    let kept = store.person(person).await.unwrap().unwrap().grants[0];
    assert_eq!(kept.term.first_used, Some(at(1, 9)));
}

async fn another_employer(ground: &Ground) -> EmployerId {
    let id = EmployerId(ground.id());
    let name = LocalText::new("別の会社", "Another K.K.");
    ground
        .store
        .add_employer(&Employer { id, name, kind: EmployerKind::Company, approves: false })
        .await
        .unwrap();
    id
}

/// Somebody books a desk of a new centre, and is there from 9 to 12.
async fn stays(
    ground: &Ground,
    person: PersonId,
    on_account_of: Option<EmployerId>,
    day: i64,
) -> VisitId {
    let (centre, desks) = ground.centre_with_desks(1).await;
    let order = ground.order(person, &centre, &[slot(day, 9, 12)]);
    let booking = ground.book(&BookingOrder { on_account_of, ..order }).await.id;
    let (visit, space) = (VisitId(ground.id()), desks[0]);
    let by = Proof::Code;
    let what = Happening::CheckedIn { visit, person, booking, space, by };
    let events = vec![
        SiteEvent { at: at(day, 9), what },
        SiteEvent {
            at: at(day, 12),
            what: Happening::CheckedOut { visit, person, space, gives_up: None },
        },
    ];
    let (edge, told_until) = ("edge".parse().unwrap(), at(day, 12));
    let batch = EventBatch {
        centre,
        edge,
        first: 1,
        events,
        told_until,
        at: told_until,
        spare: Vec::new(),
    };
    ground.store.take_events(&batch).await.unwrap();
    visit
}
