#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use model::id::{PersonId, VisitId};
use model::site_order::{OrderedFrom, SiteOrder};
use proptest::prelude::*;
use ring::rand::SystemRandom;
use uuid::Uuid;

use super::OrderRefused::*;
use super::*;
use crate::event::Told;

fn key() -> SheetKey {
    SheetKey::from_pkcs8(&SheetKey::generate(&SystemRandom::new()).unwrap()).unwrap()
}

fn given() -> DateTime<Utc> {
    "2026-12-01T03:00:00Z".parse().unwrap()
}

fn here() -> CentreId {
    CentreId(Uuid::from_u128(1))
}

fn order(what: SiteOrder) -> SentOrder {
    SentOrder {
        centre: here(),
        given_at: given(),
        not_after: given() + GOOD_FOR,
        order: Ordered {
            id: OrderId(Uuid::from_u128(7)),
            what,
            by: PersonId(Uuid::from_u128(8)),
            from: OrderedFrom::Hub,
        },
    }
}

fn unlock() -> SentOrder {
    order(SiteOrder::Unlock { door: "y-door-1".parse().unwrap() })
}

/// What the hub's key has signed as an order, whatever it is.
fn signed_as(key: &SheetKey, bytes: &[u8]) -> SignedOrder {
    SignedOrder {
        order: BASE64.encode(bytes),
        key: key.public(),
        signature: BASE64.encode(key.sign(&signed(bytes))),
    }
}

#[test]
fn what_was_signed_is_read_with_any_key_that_is_trusted() {
    let (ours, next) = (key(), key());
    let trusted = [ours.public(), next.public()];
    for by in [&ours, &next] {
        assert_eq!(open(&sign(&unlock(), by).unwrap(), &trusted, here()), Ok(unlock()));
    }
}

#[test]
fn everything_else_is_refused_with_its_reason() {
    let (ours, theirs) = (key(), key());
    let trusted = [ours.public()];
    let good = sign(&unlock(), &ours).unwrap();
    let with = |change: &dyn Fn(&mut SignedOrder)| {
        let mut sent = good.clone();
        change(&mut sent);
        open(&sent, &trusted, here()).unwrap_err()
    };
    assert_eq!(open(&good, &[], here()), Err(UnknownKey));
    assert_eq!(open(&good, &[theirs.public()], here()), Err(UnknownKey));
    assert_eq!(open(&good, &trusted, CentreId(Uuid::from_u128(2))), Err(WrongCentre));
    assert_eq!(with(&|sent| sent.key = theirs.public()), UnknownKey);
    assert_eq!(with(&|sent| sent.key.clear()), UnknownKey);
    assert_eq!(with(&|sent| sent.signature.clear()), BadSignature);
    assert_eq!(with(&|sent| sent.order.clear()), BadSignature);
    assert!(matches!(with(&|sent| sent.signature = "横浜".into()), Unreadable(_)));
    assert!(matches!(with(&|sent| sent.order = "!".into()), Unreadable(_)));
    assert_eq!(with(&|sent| sent.order = "A".repeat(LONGEST + 4)), TooLong);
    assert_eq!(with(&|sent| sent.signature = "A".repeat(LONGEST + 4)), TooLong);
    assert_eq!(with(&|sent| sent.key = "A".repeat(LONGEST + 4)), TooLong);
    assert_eq!(with(&|sent| sent.order = "A".repeat(LONGEST)), BadSignature);
}

#[test]
fn the_trusted_key_itself_cannot_make_an_order_that_lasts_or_says_nothing() {
    let key = key();
    let trusted = [key.public()];
    let opened = |sent: &SentOrder| open(&sign(sent, &key).unwrap(), &trusted, here());
    let lasting =
        |seconds| SentOrder { not_after: given() + TimeDelta::milliseconds(seconds), ..unlock() };
    assert!(opened(&lasting(10_000)).is_ok());
    assert!(opened(&lasting(1)).is_ok());
    for never in [10_001, 86_400_000, 0, -1, -86_400_000] {
        assert_eq!(opened(&lasting(never)), Err(GoodForTooLong), "{never} ms");
    }
    for bytes in [&b""[..], b"{}", b"null", b"[]", b"\xff\xfe", &[b'['; 3000]] {
        let refused = open(&signed_as(&key, bytes), &trusted, here());
        assert!(matches!(refused, Err(Unreadable(_))), "{bytes:?}");
    }
}

#[test]
fn an_order_counts_for_ten_seconds_by_the_sites_own_time() {
    let order = unlock();
    let at = |seconds| order.is_in_time(given() + TimeDelta::milliseconds(seconds));
    for (millis, in_time) in [
        (0, true),
        (9_999, true),
        (10_000, false),
        (86_400_000, false),
        (-5_000, true),
        (-5_001, false),
        (-86_400_000, false),
    ] {
        assert_eq!(at(millis), in_time, "{millis} ms after it was given");
    }
    // A clock at either end of what can be written is no reason to break down.
    assert!(!order.is_in_time(DateTime::<Utc>::MIN_UTC));
    assert!(!order.is_in_time(DateTime::<Utc>::MAX_UTC));
}

#[test]
fn a_signature_for_something_else_is_none_for_an_order() {
    let key = key();
    let bytes = serde_json::to_vec(&unlock()).unwrap();
    let signature = BASE64.encode(key.sign(&bytes));
    let sent = SignedOrder { signature, ..sign(&unlock(), &key).unwrap() };
    assert_eq!(open(&sent, &[key.public()], here()), Err(BadSignature));
}

#[test]
fn no_letter_can_be_changed_or_cut_off() {
    let key = key();
    let good = sign(&unlock(), &key).unwrap();
    let trusted = [key.public()];
    let refused = |sent: &SignedOrder| open(sent, &trusted, here()).is_err();
    for at in 0..good.order.len() {
        assert!(refused(&SignedOrder { order: good.order[..at].into(), ..good.clone() }));
        assert!(refused(&SignedOrder { order: good.order[at + 1..].into(), ..good.clone() }));
    }
    for at in 0..good.signature.len() {
        assert!(refused(&SignedOrder { signature: good.signature[..at].into(), ..good.clone() }));
    }
}

#[test]
fn the_stream_tells_of_an_order_by_a_kind_of_its_own() {
    let told = Told::Order(sign(&unlock(), &key()).unwrap());
    let text = serde_json::to_string(&told).unwrap();
    assert!(text.starts_with(r#"{"kind":"order","order":"#), "{text}");
    assert!(text.len() < 1500, "{} letters", text.len());
    assert_eq!(serde_json::from_str::<Told>(&text).unwrap(), told);
}

fn any_what() -> impl Strategy<Value = SiteOrder> {
    prop_oneof![
        "[a-z][a-z0-9-]{0,30}[a-z0-9]".prop_map(|door| SiteOrder::Unlock {
            door: door.parse().unwrap_or_else(|_| "door".parse().unwrap())
        }),
        any::<bool>().prop_map(|on| SiteOrder::Lockdown { on }),
        any::<bool>().prop_map(|on| SiteOrder::Evacuate { on }),
        any::<u128>()
            .prop_map(|visit| SiteOrder::EndVisit { visit: VisitId(Uuid::from_u128(visit)) }),
    ]
}

prop_compose! {
    fn any_order()(
        what in any_what(),
        ids in prop::array::uniform3(any::<u128>()),
        at in 0..4_000_000_000_000_i64,
        good_for in 1..=10_000_i64,
    ) -> SentOrder {
        let [centre, id, by] = ids.map(Uuid::from_u128);
        let given_at = DateTime::from_timestamp_millis(at).unwrap();
        SentOrder {
            centre: CentreId(centre),
            given_at,
            not_after: given_at + TimeDelta::milliseconds(good_for),
            order: Ordered { id: OrderId(id), what, by: PersonId(by), from: OrderedFrom::Hub },
        }
    }
}

proptest! {
    #[test]
    fn whatever_was_signed_is_read_back(order in any_order()) {
        let key = key();
        let sent = sign(&order, &key).unwrap();
        prop_assert!(sent.order.len() < LONGEST / 2);
        prop_assert_eq!(open(&sent, &[key.public()], order.centre), Ok(order));
    }

    #[test]
    fn a_flipped_bit_is_noticed(
        order in any_order(),
        at in any::<prop::sample::Index>(),
        in_signature in any::<bool>(),
    ) {
        let key = key();
        let mut sent = sign(&order, &key).unwrap();
        let field = if in_signature { &mut sent.signature } else { &mut sent.order };
        let mut bytes = BASE64.decode(&*field).unwrap();
        let bit = at.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        *field = BASE64.encode(bytes);
        prop_assert_eq!(open(&sent, &[key.public()], order.centre), Err(BadSignature));
    }

    #[test]
    fn no_text_breaks_the_reader(
        order in "\\PC{0,200}",
        signature in "\\PC{0,100}|[A-Za-z0-9+/]{86}==",
        body in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let key = key();
        let trusted = [key.public()];
        let sent = SignedOrder { order, key: key.public(), signature };
        prop_assert!(open(&sent, &trusted, here()).is_err());
        prop_assert!(open(&signed_as(&key, &body), &trusted, here()).is_err());
    }
}
