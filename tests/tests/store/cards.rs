//! Cards: offered, taken, changed, moved to a newer key, ended.

use chrono::{DateTime, TimeDelta, Utc};
use model::card::{CardLevel, CardState};
use model::id::{CentreId, CredentialId, OfferId, PersonId};
use model::people::Grant;
use model::site_event::{Happening, SiteEvent};
use store::{
    CardChange, CardOffer, Credential, EventBatch, KEY_RETIRED, KeyedReference, OfferKept,
    OfferState, OfferTaken, StoreError, TakeOffer,
};

use crate::ground::{Ground, at, slot};

fn keyed(generation: u32, byte: u8) -> KeyedReference {
    KeyedReference { generation, reference: [byte; 32], level: CardLevel::Identifier }
}

fn by_key(generation: u32, byte: u8) -> KeyedReference {
    KeyedReference { level: CardLevel::Key, ..keyed(generation, byte) }
}

fn card(ground: &Ground, person: PersonId, byte: u8) -> Credential {
    Credential::new(CredentialId(ground.id()), person, keyed(1, byte), "Suica", at(0, 0))
}

fn change(at: DateTime<Utc>, by: PersonId) -> CardChange {
    CardChange { at, by: Some(by), why: "机の下で見つかった".to_owned() }
}

fn offer(ground: &Ground, centre: CentreId, byte: u8, at: DateTime<Utc>) -> CardOffer {
    CardOffer {
        id: OfferId(ground.id()),
        code: [byte; 32],
        centre,
        kiosk: "yokohama-kiosk-1".parse().unwrap(),
        reference: keyed(1, byte),
        former: None,
        beside: None,
        former_beside: None,
        at,
        ends_at: at + TimeDelta::minutes(10),
    }
}

fn take(ground: &Ground, person: PersonId, byte: u8, at: DateTime<Utc>) -> TakeOffer {
    TakeOffer {
        code: [byte; 32],
        centre: None,
        id: CredentialId(ground.id()),
        person,
        label: "社員証".to_owned(),
        valid_until: None,
        replaces: None,
        change: change(at, person),
    }
}

async fn keep(ground: &Ground, offer: &CardOffer) -> OfferKept {
    ground.store.offer_card(offer, offer.at - TimeDelta::hours(1), 3).await.unwrap()
}

async fn taken(ground: &Ground, take: &TakeOffer) -> &'static str {
    match ground.store.take_offer(take).await.unwrap() {
        OfferTaken::Done(_) => "done",
        OfferTaken::NoSuchCode => "no such code",
        OfferTaken::Somebodys => "somebody's",
        OfferTaken::NothingToReplace => "nothing to replace",
    }
}

pub async fn cards_come_back_as_they_were_and_are_one_of_their_kind(ground: Ground) {
    let person = ground.person().await;
    let store = &ground.store;
    let one = card(&ground, person, 1);
    let mut two = card(&ground, person, 2);
    two.state = CardState::Lost;
    two.change = change(at(0, 2), person);
    two.valid_until = Some(at(9, 0));
    two.added_at = at(0, 1);
    store.add_credential(&one).await.unwrap();
    store.add_credential(&two).await.unwrap();
    let again = store.add_credential(&card(&ground, person, 1)).await;
    assert!(matches!(again, Err(StoreError::Duplicate("card"))), "{again:?}");
    assert!(store.credentials_of(person).await.unwrap() == [one.clone(), two.clone()]);
    assert!(store.credential(two.id).await.unwrap() == Some(two.clone()));
    assert!(store.credential(CredentialId(ground.id())).await.unwrap().is_none());

    let other = ground.person().await;
    store.set_pin(other, Some("$argon2id$3")).await.unwrap();
    let people = store.sheet_people(&[person, other, PersonId(ground.id())]).await.unwrap();
    assert_eq!(people.len(), 2);
    let found = people.iter().find(|record| record.person == person).unwrap();
    assert!(found.credentials == [one.clone(), two] && found.pin.is_none());
    let found = people.iter().find(|record| record.person == other).unwrap();
    assert!(found.credentials.is_empty() && found.pin.as_deref() == Some("$argon2id$3"));
    assert!(store.sheet_people(&[]).await.unwrap().is_empty());

    assert!(!store.set_label(other, one.id, "mine now").await.unwrap());
    assert!(store.set_label(person, one.id, "定期券").await.unwrap());
    assert_eq!(store.credential(one.id).await.unwrap().unwrap().label, "定期券");
}

pub async fn a_card_moves_only_from_where_it_is(ground: Ground) {
    let (store, person) = (&ground.store, ground.person().await);
    let card = card(&ground, person, 1);
    store.add_credential(&card).await.unwrap();
    let centre = ground.centre().await;
    let revision =
        async || store.plan_revision(centre.id, at(0, 0).date_naive(), at(1, 0).date_naive()).await;
    let before = revision().await.unwrap();
    let lost = change(at(1, 9), person);
    let to_lost = async |id| {
        store
            .change_card(id, &[CardState::Active, CardState::Blocked], CardState::Lost, &lost)
            .await
    };
    assert!(!to_lost(CredentialId(ground.id())).await.unwrap());
    assert_eq!(revision().await.unwrap(), before);
    assert!(to_lost(card.id).await.unwrap());
    assert_ne!(revision().await.unwrap(), before, "every sheet must hear of it");
    assert!(!to_lost(card.id).await.unwrap(), "it is lost already");
    let kept = store.credential(card.id).await.unwrap().unwrap();
    assert_eq!((kept.state, &kept.change), (CardState::Lost, &lost));
}

pub async fn an_offer_is_taken_once(ground: Ground) {
    let (centre, other_centre) = (ground.centre().await, ground.centre().await);
    let (person, other) = (ground.person().await, ground.person().await);
    let made = offer(&ground, centre.id, 1, at(0, 9));
    assert_eq!(keep(&ground, &made).await, OfferKept::Kept);
    let same_code = CardOffer { reference: keyed(1, 9), ..offer(&ground, centre.id, 1, at(0, 9)) };
    assert_eq!(keep(&ground, &same_code).await, OfferKept::CodeTaken);
    let states = async |of, now| ground.store.offers_of(of, at(0, 8), now).await.unwrap();
    assert_eq!(states(centre.id, at(0, 9)).await, [(made.id, OfferState::Open)]);
    assert_eq!(states(centre.id, made.ends_at).await, [(made.id, OfferState::Ended)]);
    assert_eq!(states(other_centre.id, at(0, 9)).await, []);
    assert_eq!(ground.store.offers_of(centre.id, at(0, 9), at(0, 9)).await.unwrap(), []);

    assert_eq!(taken(&ground, &take(&ground, person, 7, at(0, 9))).await, "no such code");
    assert_eq!(taken(&ground, &take(&ground, person, 1, made.ends_at)).await, "no such code");
    let elsewhere =
        TakeOffer { centre: Some(other_centre.id), ..take(&ground, person, 1, at(0, 9)) };
    assert_eq!(taken(&ground, &elsewhere).await, "no such code");
    let here = TakeOffer { centre: Some(centre.id), ..take(&ground, person, 1, at(0, 9)) };
    assert_eq!(taken(&ground, &here).await, "done");
    assert_eq!(taken(&ground, &take(&ground, other, 1, at(0, 9))).await, "no such code");
    assert_eq!(states(centre.id, at(0, 9)).await, [(made.id, OfferState::Taken)]);
    let card = ground.store.credentials_of(person).await.unwrap().remove(0);
    assert!(card.references == [keyed(1, 1)] && card.id == here.id);
    assert_eq!((card.label.as_str(), card.state), ("社員証", CardState::Active));

    // Whose it is, is told to nobody; not even that it was offered.
    let again = CardOffer { code: [8; 32], ..offer(&ground, centre.id, 1, at(0, 10)) };
    assert_eq!(keep(&ground, &again).await, OfferKept::Somebodys);
    let under_both =
        CardOffer { former: Some(keyed(1, 1)), ..offer(&ground, centre.id, 9, at(0, 10)) };
    assert_eq!(keep(&ground, &under_both).await, OfferKept::Somebodys);
}

pub async fn offers_are_bounded_and_forgotten(ground: Ground) {
    let centre = ground.centre().await;
    for number in 1..=3 {
        let made = CardOffer { code: [number; 32], ..offer(&ground, centre.id, 1, at(0, 9)) };
        assert_eq!(keep(&ground, &made).await, OfferKept::Kept);
    }
    let open = "SELECT COUNT(*) FROM card_offers WHERE ends_at > offered_at AND taken_at IS NULL";
    assert_eq!(
        ground.raw.count(open).await,
        1,
        "the same card again takes the earlier one's place"
    );
    assert_eq!(keep(&ground, &offer(&ground, centre.id, 4, at(0, 9))).await, OfferKept::TooMany);
    let mut next_door = offer(&ground, centre.id, 4, at(0, 9));
    next_door.kiosk = "yokohama-kiosk-2".parse().unwrap();
    assert_eq!(keep(&ground, &next_door).await, OfferKept::Kept);
    assert_eq!(keep(&ground, &offer(&ground, centre.id, 5, at(0, 10))).await, OfferKept::Kept);
    assert_eq!(ground.store.sweep_offers(at(0, 10)).await.unwrap(), 4);
    assert_eq!(ground.raw.count("SELECT COUNT(*) FROM card_offers").await, 1);
}

pub async fn an_ended_card_becomes_its_holders_again(ground: Ground) {
    let centre = ground.centre().await;
    let (person, other) = (ground.person().await, ground.person().await);
    let mut old = card(&ground, person, 1);
    old.valid_until = Some(at(1, 0));
    ground.store.add_credential(&old).await.unwrap();
    assert_eq!(keep(&ground, &offer(&ground, centre.id, 1, at(0, 9))).await, OfferKept::Somebodys);
    assert_eq!(keep(&ground, &offer(&ground, centre.id, 1, at(1, 9))).await, OfferKept::Kept);
    assert_eq!(taken(&ground, &take(&ground, other, 1, at(1, 9))).await, "somebody's");
    assert_eq!(
        taken(&ground, &take(&ground, person, 1, at(1, 9))).await,
        "no such code",
        "used up"
    );
    let again = CardOffer { code: [2; 32], ..offer(&ground, centre.id, 1, at(1, 9)) };
    assert_eq!(keep(&ground, &again).await, OfferKept::Kept);
    assert_eq!(taken(&ground, &take(&ground, person, 2, at(1, 9))).await, "done");
    let cards = ground.store.credentials_of(person).await.unwrap();
    let states: Vec<_> = cards.iter().map(|card| (card.state, card.references.len())).collect();
    assert_eq!(states, [(CardState::Replaced, 0), (CardState::Active, 1)]);
}

pub async fn a_new_card_replaces_an_old_one(ground: Ground) {
    let centre = ground.centre().await;
    let (person, other) = (ground.person().await, ground.person().await);
    let (old, foreign) = (card(&ground, person, 1), card(&ground, other, 2));
    ground.store.add_credential(&old).await.unwrap();
    ground.store.add_credential(&foreign).await.unwrap();
    assert_eq!(keep(&ground, &offer(&ground, centre.id, 3, at(0, 9))).await, OfferKept::Kept);
    let with =
        |replaces| TakeOffer { replaces: Some(replaces), ..take(&ground, person, 3, at(0, 9)) };
    assert_eq!(taken(&ground, &with(foreign.id)).await, "nothing to replace");
    assert_eq!(taken(&ground, &with(old.id)).await, "done");
    let states = async |person| -> Vec<_> {
        let cards = ground.store.credentials_of(person).await.unwrap();
        cards.iter().map(|card| card.state).collect()
    };
    assert_eq!(states(person).await, [CardState::Replaced, CardState::Active]);
    assert_eq!(states(other).await, [CardState::Active]);
    // The old one stays known: whoever finds it cannot make it theirs.
    let found = CardOffer { code: [5; 32], ..offer(&ground, centre.id, 1, at(0, 9)) };
    assert_eq!(keep(&ground, &found).await, OfferKept::Somebodys);
}

pub async fn staff_and_guests_know_their_centre(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(1).await;
    let nursery = ground.nursery(&centre, 4).await;
    let elsewhere = ground.centre().await;
    let store = &ground.store;
    let (guest, operator, carer) =
        (ground.person().await, ground.person().await, ground.person().await);
    let booking = ground.book(&ground.order(guest, &centre, &[slot(1, 9, 12)])).await;
    store.cancel(booking.id, &centre, at(0, 0), &[]).await.unwrap();
    store.set_grants(operator, &[Grant::Operator { centre: centre.id }.into()]).await.unwrap();
    let mut term = model::people::Given::from(Grant::NurseryStaff { nursery });
    term.term.until = Some(at(5, 0));
    store.set_grants(carer, &[term]).await.unwrap();
    for person in [guest, operator, carer] {
        assert!(store.knows_centre(person, centre.id).await.unwrap());
        assert!(!store.knows_centre(person, elsewhere.id).await.unwrap());
    }
    assert!(!store.knows_centre(ground.person().await, centre.id).await.unwrap());
    assert_eq!(store.staff_of(centre.id, at(0, 0)).await.unwrap(), [operator, carer]);
    assert_eq!(store.staff_of(centre.id, at(5, 0)).await.unwrap(), [operator]);
    assert!(store.staff_of(elsewhere.id, at(0, 0)).await.unwrap().is_empty());
}

pub async fn a_card_moves_to_a_newer_key_and_the_old_key_retires(ground: Ground) {
    let store = &ground.store;
    let person = ground.person().await;
    let (moved, left) = (card(&ground, person, 1), card(&ground, person, 2));
    store.add_credential(&moved).await.unwrap();
    store.add_credential(&left).await.unwrap();
    store.add_card_key(2, at(1, 0), at(9, 0)).await.unwrap();
    assert!(matches!(
        store.add_card_key(2, at(1, 0), at(9, 0)).await,
        Err(StoreError::Duplicate(_))
    ));
    let keys = store.card_keys().await.unwrap();
    assert_eq!((keys[0].generation, keys[0].retires_at), (1, Some(at(9, 0))));
    assert_eq!((keys[1].generation, keys[1].made_at, keys[1].retires_at), (2, at(1, 0), None));
    assert_eq!(store.cards_only_under(1).await.unwrap(), 2);

    assert!(!store.rekey(moved.id, &[9; 32], &keyed(2, 11)).await.unwrap(), "not what it has");
    assert!(!store.rekey(moved.id, &[2; 32], &keyed(2, 11)).await.unwrap(), "another card's");
    for _ in 0..2 {
        assert!(store.rekey(moved.id, &[1; 32], &keyed(2, 11)).await.unwrap());
    }
    assert!(!store.rekey(moved.id, &[1; 32], &keyed(2, 12)).await.unwrap(), "the first one counts");
    assert!(!store.rekey(left.id, &[2; 32], &keyed(2, 11)).await.unwrap(), "two cards are not one");
    let found = store.credential(moved.id).await.unwrap().unwrap();
    assert!(found.references == [keyed(2, 11), keyed(1, 1)], "both, for sites without the new key");
    assert_eq!(store.cards_only_under(1).await.unwrap(), 1);

    assert_eq!(store.retire_card_key(1, at(9, 0)).await.unwrap(), 1);
    assert_eq!(store.card_keys().await.unwrap()[0].retired_at, Some(at(9, 0)));
    let found = store.credential(moved.id).await.unwrap().unwrap();
    assert!(found.references == [keyed(2, 11)] && found.state == CardState::Active);
    let found = store.credential(left.id).await.unwrap().unwrap();
    assert!(found.references.is_empty() && found.state == CardState::Expired);
    assert_eq!((found.change.why.as_str(), found.change.by), (KEY_RETIRED, None));
    assert_eq!(store.retire_card_key(1, at(9, 1)).await.unwrap(), 0);
}

pub async fn a_card_with_a_key_is_one_card_under_two_references(ground: Ground) {
    let (store, centre) = (&ground.store, ground.centre().await);
    let (person, other) = (ground.person().await, ground.person().await);
    let made = CardOffer {
        reference: by_key(1, 1),
        beside: Some(keyed(1, 2)),
        ..offer(&ground, centre.id, 1, at(0, 9))
    };
    assert_eq!(keep(&ground, &made).await, OfferKept::Kept);
    assert_eq!(taken(&ground, &take(&ground, person, 1, at(0, 9))).await, "done");
    let card = store.credentials_of(person).await.unwrap().remove(0);
    assert!(card.references == [by_key(1, 1), keyed(1, 2)] && card.level == CardLevel::Key);
    let on_sheet = store.sheet_people(&[person]).await.unwrap().remove(0).credentials;
    assert!(on_sheet == [card.clone()]);

    // Neither a copy of the identifier nor another key beside it becomes somebody else's.
    for (code, copy) in [
        (5, CardOffer { reference: keyed(1, 2), ..offer(&ground, centre.id, 5, at(0, 10)) }),
        (
            6,
            CardOffer {
                reference: by_key(1, 6),
                beside: Some(keyed(1, 2)),
                ..offer(&ground, centre.id, 6, at(0, 10))
            },
        ),
    ] {
        assert_eq!(keep(&ground, &copy).await, OfferKept::Somebodys, "{code}");
    }
    // Offered before it was somebody's, and taken after.
    let early = CardOffer { reference: by_key(1, 7), ..offer(&ground, centre.id, 7, at(0, 9)) };
    assert_eq!(keep(&ground, &early).await, OfferKept::Kept);
    let mut rival = self::card(&ground, other, 8);
    rival.references.insert(0, by_key(1, 7));
    store.add_credential(&rival).await.unwrap();
    assert_eq!(taken(&ground, &take(&ground, person, 7, at(0, 9))).await, "somebody's");
}

pub async fn a_card_with_a_key_moves_by_both_references_and_ends_without_its_key(ground: Ground) {
    let (store, person) = (&ground.store, ground.person().await);
    let two = |key: u8, identifier: u8| {
        let mut two = card(&ground, person, identifier);
        two.references.insert(0, by_key(1, key));
        two.level = CardLevel::Key;
        two
    };
    let (whole, copied) = (two(1, 2), two(3, 4));
    store.add_credential(&whole).await.unwrap();
    store.add_credential(&copied).await.unwrap();
    store.add_card_key(2, at(1, 0), at(9, 0)).await.unwrap();
    assert_eq!(store.cards_only_under(1).await.unwrap(), 2);
    // What is told of the new reference's level does not matter: it is what the former one was.
    assert!(store.rekey(whole.id, &[1; 32], &keyed(2, 11)).await.unwrap());
    assert!(store.rekey(whole.id, &[2; 32], &keyed(2, 12)).await.unwrap());
    assert!(store.rekey(copied.id, &[4; 32], &keyed(2, 14)).await.unwrap());
    let found = store.credential(whole.id).await.unwrap().unwrap().references;
    assert!(found == [by_key(2, 11), keyed(2, 12), by_key(1, 1), keyed(1, 2)]);
    assert_eq!(store.cards_only_under(1).await.unwrap(), 1, "one was tapped by its number alone");

    assert_eq!(store.retire_card_key(1, at(9, 0)).await.unwrap(), 1);
    let found = store.credential(copied.id).await.unwrap().unwrap();
    assert_eq!((found.state, found.references.len()), (CardState::Expired, 0));
    let found = store.credential(whole.id).await.unwrap().unwrap();
    assert!(found.state == CardState::Active);
    assert!(found.references == [by_key(2, 11), keyed(2, 12)]);
}

pub async fn what_a_site_has_seen_proved_is_kept_and_every_sheet_hears_of_it(ground: Ground) {
    let (store, person) = (&ground.store, ground.person().await);
    let centre = ground.centre().await;
    let mut known = card(&ground, person, 1);
    known.references.insert(0, by_key(1, 2));
    let plain = card(&ground, person, 3);
    store.add_credential(&known).await.unwrap();
    store.add_credential(&plain).await.unwrap();
    let revision =
        async || store.plan_revision(centre.id, at(0, 0).date_naive(), at(1, 0).date_naive()).await;
    let tell = async |first, credential| {
        let what = Happening::CredentialProved { credential, level: CardLevel::Key };
        let batch = EventBatch {
            centre: centre.clone(),
            edge: "yokohama-edge".parse().unwrap(),
            first,
            events: vec![SiteEvent { at: at(0, 9), what }],
            told_until: at(0, 9),
            at: at(0, 9),
            spare: Vec::new(),
        };
        store.take_events(&batch).await.unwrap();
    };
    let before = revision().await.unwrap();
    tell(1, plain.id).await;
    tell(2, CredentialId(ground.id())).await;
    assert_eq!(revision().await.unwrap(), before, "without a key there is nothing to prove");
    tell(3, known.id).await;
    let after = revision().await.unwrap();
    assert_ne!(after, before);
    tell(4, known.id).await;
    assert_eq!(revision().await.unwrap(), after, "no news");
    let levels: Vec<_> =
        store.credentials_of(person).await.unwrap().iter().map(|card| card.level).collect();
    assert_eq!(levels.iter().filter(|level| **level == CardLevel::Key).count(), 1);
}

pub async fn the_cards_that_were_stopped_last_are_listed(ground: Ground) {
    let (store, person) = (&ground.store, ground.person().await);
    let mut stopped = Vec::new();
    for (number, state, hour) in [
        (1, CardState::Lost, 1),
        (2, CardState::Active, 2),
        (3, CardState::Blocked, 3),
        (4, CardState::Replaced, 4),
        (5, CardState::Expired, 5),
    ] {
        let mut one = card(&ground, person, number);
        (one.state, one.change.at) = (state, at(0, hour));
        store.add_credential(&one).await.unwrap();
        stopped.push((one.id, keyed(1, number)));
    }
    let newest_first = [stopped[2], stopped[0]];
    assert!(store.stopped_cards(9).await.unwrap() == newest_first);
    assert!(store.stopped_cards(1).await.unwrap() == newest_first[..1]);
}
