//! One-time codes, recovery codes, passkeys and the ceremonies around them.

use model::id::{CeremonyId, PasskeyId};
use store::{Ceremony, CodeMaker, FactorsHeld, Purpose, StoreError, StoredPasskey};

use crate::ground::{Ground, at};

pub async fn a_code_is_used_once_and_none_before_it(ground: Ground) {
    let store = &ground.store;
    let (person, other) = (ground.person().await, ground.person().await);
    assert!(!store.use_step(person, 5).await.unwrap(), "there is no maker yet");
    let maker = CodeMaker { sealed: vec![1, 2, 3], last_step: 7, added_at: at(0, 8) };
    store.set_code_maker(person, &maker).await.unwrap();
    assert!(store.code_maker(person).await.unwrap() == Some(maker.clone()));
    assert!(store.code_maker(other).await.unwrap().is_none());
    for (step, taken) in [(7, false), (6, false), (9, true), (9, false), (8, false), (10, true)] {
        assert_eq!(store.use_step(person, step).await.unwrap(), taken, "{step}");
    }
    let both = tokio::join!(store.use_step(person, 11), store.use_step(person, 11));
    assert!(both.0.unwrap() != both.1.unwrap(), "one of two at once is taken");

    let newer = CodeMaker { sealed: vec![4], last_step: 0, added_at: at(1, 8) };
    store.set_code_maker(person, &newer).await.unwrap();
    assert!(store.code_maker(person).await.unwrap() == Some(newer));
    assert!(store.factors_of(person).await.unwrap().any());
    assert!(!store.remove_code_maker(other).await.unwrap());
    assert!(store.remove_code_maker(person).await.unwrap());
    assert_eq!(store.factors_of(person).await.unwrap(), FactorsHeld::default());
}

pub async fn a_recovery_code_works_once_for_its_person(ground: Ground) {
    let store = &ground.store;
    let (person, other) = (ground.person().await, ground.person().await);
    store.set_recovery_codes(person, &[[1; 32], [2; 32], [3; 32]], at(0, 8)).await.unwrap();
    assert_eq!(store.factors_of(person).await.unwrap().recovery_codes, 3);
    assert!(!store.factors_of(person).await.unwrap().any(), "they are no factor of their own");
    assert!(!store.use_recovery_code(other, &[1; 32], at(0, 9)).await.unwrap());
    assert!(store.use_recovery_code(person, &[1; 32], at(0, 9)).await.unwrap());
    assert!(!store.use_recovery_code(person, &[1; 32], at(0, 9)).await.unwrap());
    assert_eq!(store.factors_of(person).await.unwrap().recovery_codes, 2);

    let twice = store.set_recovery_codes(person, &[[4; 32], [4; 32]], at(0, 9)).await;
    assert!(matches!(twice, Err(StoreError::Duplicate("recovery code"))), "{twice:?}");
    assert_eq!(store.factors_of(person).await.unwrap().recovery_codes, 2, "nothing has changed");
    store.set_recovery_codes(person, &[[5; 32]], at(0, 10)).await.unwrap();
    assert!(!store.use_recovery_code(person, &[2; 32], at(0, 11)).await.unwrap(), "replaced");
    assert!(store.use_recovery_code(person, &[5; 32], at(0, 11)).await.unwrap());
    store.set_recovery_codes(person, &[], at(0, 12)).await.unwrap();
    assert_eq!(store.factors_of(person).await.unwrap(), FactorsHeld::default());
}

pub async fn passkeys_are_one_of_their_kind(ground: Ground) {
    let store = &ground.store;
    let (person, other) = (ground.person().await, ground.person().await);
    let passkey = |number: u8, person| StoredPasskey {
        id: PasskeyId(ground.id()),
        person,
        credential: vec![number; 64],
        name: "わたしの電話 📱".to_owned(),
        public: "{}".to_owned(),
        added_at: at(0, number.into()),
        used_at: None,
    };
    let (one, two) = (passkey(1, person), passkey(2, person));
    store.add_passkey(&two).await.unwrap();
    store.add_passkey(&one).await.unwrap();
    let again = store.add_passkey(&passkey(1, other)).await;
    assert!(matches!(again, Err(StoreError::Duplicate("passkey"))), "{again:?}");
    assert_eq!(store.passkeys_of(person).await.unwrap(), [one.clone(), two.clone()]);
    assert_eq!(store.passkey(&[2; 64]).await.unwrap(), Some(two));
    assert_eq!(store.passkey(&[3; 64]).await.unwrap(), None);
    assert_eq!(store.factors_of(person).await.unwrap().passkeys, 2);

    store.note_passkey_use(one.id, "{\"counter\":1}", at(0, 5)).await.unwrap();
    let used = store.passkey(&[1; 64]).await.unwrap().unwrap();
    assert_eq!((used.public.as_str(), used.used_at), ("{\"counter\":1}", Some(at(0, 5))));
    assert!(!store.remove_passkey(other, one.id).await.unwrap(), "not theirs");
    assert!(store.remove_passkey(person, one.id).await.unwrap());
    assert_eq!(store.passkeys_of(person).await.unwrap().len(), 1);
}

pub async fn a_ceremony_is_taken_once_by_its_browser(ground: Ground) {
    let store = &ground.store;
    let ceremony = |purpose| Ceremony {
        id: CeremonyId(ground.id()),
        purpose,
        holder: [7; 32],
        state: "{\"challenge\":\"x\"}".to_owned(),
        ends_at: at(0, 9),
    };
    let (one, two) = (ceremony(Purpose::Add), ceremony(Purpose::Show));
    store.begin_ceremony(&one).await.unwrap();
    store.begin_ceremony(&two).await.unwrap();
    let take = async |id, purpose, holder, now| {
        store.take_ceremony(id, purpose, &[holder; 32], now).await.unwrap()
    };
    assert_eq!(take(one.id, Purpose::Show, 7, at(0, 8)).await, None, "another purpose");
    assert_eq!(take(one.id, Purpose::Add, 8, at(0, 8)).await, None, "another browser");
    assert_eq!(take(one.id, Purpose::Add, 7, at(0, 9)).await, None, "too late");
    assert_eq!(take(one.id, Purpose::Add, 7, at(0, 8)).await, Some(one.state.clone()));
    assert_eq!(take(one.id, Purpose::Add, 7, at(0, 8)).await, None, "once");
    assert_eq!(store.sweep_ceremonies(at(0, 9)).await.unwrap(), 0);
    assert_eq!(store.sweep_ceremonies(at(0, 10)).await.unwrap(), 1);
    assert_eq!(take(two.id, Purpose::Show, 7, at(0, 8)).await, None);
}
