#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use proptest::prelude::*;
use ring::rand::SystemRandom;

use super::VoucherRefused::*;
use super::*;

fn key() -> SheetKey {
    SheetKey::from_pkcs8(&SheetKey::generate(&SystemRandom::new()).unwrap()).unwrap()
}

fn desk(space: u128, from: i64, minutes: i64) -> SheetDesk {
    let morning: DateTime<Utc> = "2026-11-24T00:00:00Z".parse().unwrap();
    let starts = morning + TimeDelta::minutes(from);
    let when = Interval::new(starts, starts + TimeDelta::minutes(minutes)).unwrap();
    SheetDesk { space: SpaceId(Uuid::from_u128(space)), when }
}

fn voucher(desks: Vec<SheetDesk>) -> Voucher {
    Voucher {
        booking: BookingId(Uuid::from_u128(1 << 100)),
        centre: CentreId(Uuid::from_u128(2)),
        person: PersonId(Uuid::from_u128(u128::MAX)),
        language: Language::En,
        version: 7,
        issued_at: "2026-11-23T08:15:30.123Z".parse().unwrap(),
        code: BookingCode::from_random(12_345_678),
        children: 2,
        desks,
    }
}

/// What the rest of a voucher looks like when other bytes are signed.
fn signed_as(key: &SheetKey, body: &[u8]) -> String {
    let public = BASE64.decode(key.public()).unwrap();
    let told = [&key_id(&public), body].concat();
    let signature = key.sign(&signed(&told));
    format!("{MARK}{}", BASE32_NOPAD.encode(&[&told, signature.as_ref()].concat()))
}

#[test]
fn a_day_with_one_desk_fits_a_code_that_a_telephone_shows_well() {
    let key = key();
    let text = seal(&voucher(vec![desk(9, 0, 480)]), &key).unwrap();
    assert_eq!(text.len(), 258, "QR version 9 holds 262 letters at medium correction");
    assert!(text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()), "{text}");
    assert_eq!(open(&text, &[key.public()]), Ok(voucher(vec![desk(9, 0, 480)])));
}

#[test]
fn scanners_may_put_what_they_like_around_and_shift_what_they_like() {
    let (key, good) = (key(), voucher(vec![desk(9, 0, 480), desk(8, 500, 60)]));
    let text = seal(&good, &key).unwrap();
    let wide: String =
        text.chars().map(|c| char::from_u32(u32::from(c) + 0xFEE0).unwrap()).collect();
    for scanned in [
        format!("{text}\r\n"),
        format!("\u{2}{text}\u{3}\r"),
        format!(" \t{text}\u{3000}\n\n"),
        text.to_lowercase(),
        wide.clone(),
        wide.to_lowercase() + "\r",
    ] {
        assert_eq!(open(&scanned, &[key.public()]).as_ref(), Ok(&good), "{scanned}");
    }
    let longest = (0..64).map(|n| desk(u128::from(n % 32_u8), n.into(), 1)).collect();
    let longest = seal(&voucher(longest), &key).unwrap();
    assert!(longest.len() * 3 < LONGEST, "{}", longest.len());
    assert!(open(&longest, &[key.public()]).is_ok());
}

#[test]
fn everything_else_is_refused_with_its_reason() {
    let (ours, theirs) = (key(), key());
    let trusted = [theirs.public(), ours.public()];
    let text = seal(&voucher(vec![desk(9, 0, 480)]), &ours).unwrap();
    assert!(open(&text, &trusted).is_ok(), "one of several keys");
    let (first, last) = text.split_at(100);
    for (scanned, why) in [
        (String::new(), NotOne),
        ("4902102072618".to_owned(), NotOne),
        ("https://example.jp/?q=KY1AAAA".to_owned(), NotOne),
        ("横浜".to_owned(), NotOne),
        ("KY".to_owned(), NotOne),
        ("KYOTEN".to_owned(), NotOne),
        (text.replacen("KY1", "KY2", 1), OtherForm),
        ("KY1".to_owned(), Torn),
        ("KY1".to_owned() + &"A".repeat(40), Torn),
        (format!("{first} {last}"), Torn),
        (format!("{first}-{last}"), Torn),
        (format!("{first}\0{last}"), Torn),
        (format!("{text}{text}"), Torn),
        (format!("{text}横"), Torn),
        (format!("]Q1{text}"), NotOne),
        ("A".repeat(LONGEST + 1), TooLong),
        (format!("KY1{}", "A".repeat(LONGEST - 3)), UnknownKey),
    ] {
        assert_eq!(open(&scanned, &trusted), Err(why), "{scanned}");
    }
    assert_eq!(open(&text, &[theirs.public()]), Err(UnknownKey));
    assert_eq!(open(&text, &[]), Err(UnknownKey));
    assert_eq!(open(&text, &["no key".to_owned(), String::new()]), Err(UnknownKey));
}

#[test]
fn no_letter_can_be_changed_or_cut_off() {
    let key = key();
    let text = seal(&voucher(vec![desk(9, 0, 480)]), &key).unwrap();
    let trusted = [key.public()];
    for at in 0..text.len() {
        assert!(open(&text[..at], &trusted).is_err(), "cut at {at}");
        assert!(open(&text[at + 1..], &trusted).is_err(), "begun at {at}");
        for other in ['A', '7', '0'] {
            let mut changed = text.clone();
            changed.replace_range(at..=at, &other.to_string());
            assert!(changed == text || open(&changed, &trusted).is_err(), "{other} at {at}");
        }
    }
}

#[test]
fn what_the_hub_would_never_sign_is_torn_even_when_signed() {
    let key = key();
    let good = write(&voucher(vec![desk(9, 0, 480)])).unwrap();
    let keys = [key.public()];
    assert!(open(&signed_as(&key, &good), &keys).is_ok());
    let with = |at: usize, byte: u8| {
        let mut body = good.clone();
        body[at] = byte;
        body
    };
    let spaces = 48 + 1 + 4 + 6 + 4 + 1;
    let claims = spaces + 1 + 16 + 4;
    for (what, body) in [
        ("nothing", vec![]),
        ("no such language", with(48, 2)),
        ("a code of nine digits", with(59, 0xFF)),
        ("no spaces", with(spaces, 0)),
        ("more spaces than it has", with(spaces, 255)),
        ("no claims", with(claims, 0)),
        ("more claims than it has", with(claims, 2)),
        ("a space that is none", with(claims + 1, 1)),
        ("something after its end", [good.clone(), vec![0]].concat()),
        ("cut short", good[..good.len() - 1].to_vec()),
    ] {
        assert_eq!(open(&signed_as(&key, &body), &keys), Err(Torn), "{what}");
    }
    let mut empty = good.clone();
    let end = empty.len();
    empty[end - 2..].fill(0);
    assert_eq!(open(&signed_as(&key, &empty), &keys), Err(Torn), "an empty claim");
}

#[test]
fn a_signature_for_something_else_is_none_for_a_voucher() {
    let key = key();
    let public = BASE64.decode(key.public()).unwrap();
    let body = write(&voucher(vec![desk(9, 0, 480)])).unwrap();
    let told = [&key_id(&public), &body[..]].concat();
    let signature = key.sign(&told);
    let text = format!("{MARK}{}", BASE32_NOPAD.encode(&[&told, signature.as_ref()].concat()));
    assert_eq!(open(&text, &[key.public()]), Err(BadSignature));
}

#[test]
fn what_has_no_room_is_not_signed() {
    let key = key();
    let refused = |desks| seal(&voucher(desks), &key).unwrap_err();
    assert_eq!(refused(vec![]), TooMuch::Claims);
    assert_eq!(refused((0..65).map(|n| desk(1, n, 1)).collect()), TooMuch::Claims);
    assert_eq!(refused((0..33).map(|n| desk(n, 0, 60)).collect()), TooMuch::Claims);
    assert_eq!(refused(vec![desk(1, 0, 60), desk(1, 70_000, 60)]), TooMuch::Times);
    assert_eq!(refused(vec![desk(1, 0, 70_000)]), TooMuch::Times);
    let mut odd = desk(1, 0, 60);
    odd.when = Interval::new(odd.when.starts(), odd.when.ends() + TimeDelta::seconds(1)).unwrap();
    assert_eq!(refused(vec![odd]), TooMuch::Times);
}

prop_compose! {
    fn any_voucher()(
        ids in prop::array::uniform3(any::<u128>()),
        english in any::<bool>(),
        version in any::<u32>(),
        issued in 0..(1_i64 << 47),
        code in any::<u64>(),
        children in 0..=255_u32,
        desks in prop::collection::vec((0..32_u128, 0..60_000_i64, 1..1_440_i64), 1..=64),
    ) -> Voucher {
        let [booking, centre, person] = ids.map(Uuid::from_u128);
        Voucher {
            booking: BookingId(booking),
            centre: CentreId(centre),
            person: PersonId(person),
            language: if english { Language::En } else { Language::Ja },
            version,
            issued_at: DateTime::from_timestamp_millis(issued).unwrap(),
            code: BookingCode::from_random(code),
            children,
            desks: desks.into_iter().map(|(space, from, long)| desk(space, from, long)).collect(),
        }
    }
}

proptest! {
    #[test]
    fn what_was_sealed_is_read_back(voucher in any_voucher()) {
        let key = key();
        let text = seal(&voucher, &key).unwrap();
        prop_assert!(text.len() * 3 < LONGEST);
        prop_assert_eq!(open(&text, &[key.public()]), Ok(voucher));
    }

    #[test]
    fn a_flipped_bit_is_noticed(voucher in any_voucher(), at in any::<prop::sample::Index>()) {
        let key = key();
        let text = seal(&voucher, &key).unwrap();
        let mut bytes = BASE32_NOPAD.decode(&text.as_bytes()[MARK.len()..]).unwrap();
        let bit = at.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        let flipped = format!("{MARK}{}", BASE32_NOPAD.encode(&bytes));
        prop_assert!(matches!(open(&flipped, &[key.public()]), Err(UnknownKey | BadSignature)));
    }

    #[test]
    fn no_text_breaks_the_reader(text in "\\PC{0,400}|KY1[A-Z2-7]{0,400}|ky[0-9][a-z0-9]*") {
        prop_assert!(open(&text, &[key().public()]).is_err());
    }
}
