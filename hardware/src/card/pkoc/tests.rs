#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::sync::Arc;

use ring::rand::SystemRandom;

use super::*;
use crate::sim::{OTHER_CURVE, VirtualKey};

const PLACE: ReaderPlace = ReaderPlace { site: [0xA1; 16], reader: [0xB2; 16] };

fn answered(exchange: &mut Exchange, answer: &[u8]) -> Result<Turn, PkocError> {
    let (body, status) = answer.split_last_chunk::<2>().unwrap();
    exchange.answered(body, u16::from_be_bytes(*status), &PLACE, &SystemRandom::new())
}

fn select(answer: &[u8]) -> Result<Turn, PkocError> {
    answered(&mut Exchange::Selecting, answer)
}

fn key() -> VirtualKey {
    VirtualKey::make(Arc::new(SystemRandom::new())).unwrap()
}

/// Answers a challenge that has just been made with what `answer` makes of its transaction.
fn challenge(answer: impl FnOnce(&[u8; 16]) -> Vec<u8>) -> Result<CardKey, PkocError> {
    let mut exchange = Exchange::Selecting;
    let Ok(Turn::Ask(command)) = answered(&mut exchange, &[0x5C, 2, 1, 0, 0x90, 0]) else {
        unreachable!("no challenge")
    };
    assert_eq!(command.len(), 62);
    assert_eq!(command[..9], [0x80, 0x80, 0, 1, 0x38, 0x5C, 2, 1, 0]);
    assert_eq!(command[9..11], [0x4C, 0x10]);
    assert_eq!(command[27..29], [0x4D, 0x20]);
    assert_eq!(command[29..45], PLACE.site);
    assert_eq!(command[45..61], PLACE.reader);
    let transaction: [u8; 16] = command[11..27].try_into().unwrap();
    match answered(&mut exchange, &answer(&transaction))? {
        Turn::Proved(key) => Ok(key),
        Turn::Ask(_) | Turn::NotThere => unreachable!("neither proved nor refused"),
    }
}

fn fields(key: &[u8], signature: &[u8]) -> Vec<u8> {
    let lengths = [key.len(), signature.len()].map(|length| u8::try_from(length).unwrap());
    [&[0x5A, lengths[0]], key, &[0x9E, lengths[1]], signature, &[0x90, 0]].concat()
}

#[test]
fn whoever_signs_the_transaction_has_proved_the_key() {
    let card = key();
    let proved = challenge(|transaction| fields(&card.public(), &card.sign(transaction).unwrap()));
    assert_eq!(proved.unwrap().expose(), &card.public());
}

#[test]
fn the_fields_may_come_in_any_order_and_with_others() {
    let card = key();
    let proved = challenge(|transaction| {
        let signature = card.sign(transaction).unwrap();
        let others = [0x7F, 0x21, 1, 7];
        [&[0x9E, 64], &signature[..], &others, &[0x5A, 65], &card.public(), &[0x90, 0]].concat()
    });
    assert!(proved.is_ok());
}

#[test]
fn every_challenge_is_another() {
    let seen: Vec<[u8; 16]> = (0..8)
        .map(|_| {
            let mut seen = [0; 16];
            let _ = challenge(|transaction| {
                seen = *transaction;
                vec![0x69, 0x85]
            });
            seen
        })
        .collect();
    for (at, one) in seen.iter().enumerate() {
        assert!(!seen[at + 1..].contains(one));
    }
}

#[test]
fn a_copied_public_key_proves_nothing() {
    let (owner, thief) = (key(), key());
    let refused =
        challenge(|transaction| fields(&owner.public(), &thief.sign(transaction).unwrap()));
    assert_eq!(refused, Err(PkocError::WrongSignature));
}

#[test]
fn an_old_proof_proves_nothing() {
    let card = key();
    let recorded = fields(&card.public(), &card.sign(&[7; 16]).unwrap());
    assert_eq!(challenge(|_| recorded), Err(PkocError::WrongSignature));
}

#[test]
fn a_signature_over_more_than_the_transaction_proves_nothing() {
    let card = key();
    let refused = challenge(|transaction| {
        let more = [&transaction[..], &PLACE.site, &PLACE.reader].concat();
        fields(&card.public(), &card.sign(&more).unwrap())
    });
    assert_eq!(refused, Err(PkocError::WrongSignature));
}

#[test]
fn a_key_that_is_no_point_of_the_curve_is_told_from_a_wrong_signature() {
    let card = key();
    let mut bent = card.public();
    bent[64] ^= 1;
    let mut nothing = [0; 65];
    nothing[0] = 4;
    let mut beyond = [0xFF; 65];
    beyond[0] = 4;
    for point in [OTHER_CURVE, bent, nothing, beyond] {
        let refused = challenge(|transaction| fields(&point, &card.sign(transaction).unwrap()));
        assert_eq!(refused, Err(PkocError::NotOnCurve));
    }
}

#[test]
fn signatures_of_nothing_are_refused() {
    let card = key();
    // The order of the group, which is as good as zero.
    let order = data_encoding::HEXLOWER
        .decode(b"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
        .unwrap();
    let mut zero_s = vec![0; 64];
    zero_s[31] = 1;
    for signature in [vec![0; 64], vec![0xFF; 64], [&order[..], &order].concat(), zero_s] {
        let refused = challenge(|_| fields(&card.public(), &signature));
        assert_eq!(refused, Err(PkocError::WrongSignature));
    }
}

#[test]
fn hostile_proofs_are_refused_each_with_its_reason() {
    let card = key();
    let (public, signature) = (card.public(), [1; 64]);
    let compressed = [&[2], &public[1..]].concat();
    let doubled =
        [&[0x5A, 65], &public[..], &[0x5A, 65], &public, &[0x9E, 64], &signature, &[0x90, 0]];
    let hostile: Vec<(Vec<u8>, PkocError)> = vec![
        (vec![0x69, 0x85], PkocError::Status(0x6985)),
        (vec![0x61, 0x8B], PkocError::Status(0x618B)),
        (vec![0x90, 0], PkocError::NoKey),
        ([&[0x5A, 65], &public[..], &[0x90, 0]].concat(), PkocError::NoSignature),
        ([&[0x9E, 64], &signature[..], &[0x90, 0]].concat(), PkocError::NoKey),
        (fields(&public[..64], &signature), PkocError::KeyLength(64)),
        (fields(&[&public[..], &[0]].concat(), &signature), PkocError::KeyLength(66)),
        (fields(&public[..33], &signature), PkocError::KeyLength(33)),
        (fields(&compressed, &signature), PkocError::KeyForm(2)),
        (fields(&public, &signature[..63]), PkocError::SignatureLength(63)),
        (fields(&public, &[1; 72]), PkocError::SignatureLength(72)),
        (doubled.concat(), FieldsError::Twice(0x5A).into()),
        ([&[0x5A, 65], &public[..20], &[0x90, 0]].concat(), FieldsError::CutOff.into()),
        (
            [&fields(&public, &signature)[..133], &[0xAA, 0x90, 0]].concat(),
            FieldsError::CutOff.into(),
        ),
    ];
    for (answer, reason) in hostile {
        assert_eq!(challenge(|_| answer.clone()), Err(reason), "{answer:02X?}");
    }
}

#[test]
fn a_card_without_the_application_says_so() {
    for status in [0x6A82_u16, 0x6D00, 0x6E00, 0x6A81, 0x6300, 0x6900, 0x6700, 0x6F00] {
        let answer = [status.to_be_bytes()].concat();
        assert!(matches!(select(&answer), Ok(Turn::NotThere)), "{status:04X}");
    }
}

#[test]
fn a_card_that_has_the_application_is_refused_unless_it_speaks_version_1() {
    let hostile: [(&[u8], PkocError); 10] = [
        (&[0x90, 0], PkocError::NoVersion),
        (&[0x5C, 0, 0x90, 0], PkocError::NoVersion),
        (&[0x5C, 2, 2, 0, 0x90, 0], PkocError::Version2),
        (&[0x5C, 4, 1, 0, 2, 0, 0x90, 0], PkocError::Version2),
        (&[0x5C, 2, 1, 0, 0x7F, 0x63, 4, 0x5C, 2, 2, 0, 0x90, 0], PkocError::Version2),
        (&[0x5C, 2, 3, 0, 0x90, 0], PkocError::UnknownVersion(0x0300)),
        (&[0x5C, 1, 1, 0x90, 0], FieldsError::CutOff.into()),
        (&[0x5C, 2, 1, 0, 0x5C, 2, 1, 0, 0x90, 0], FieldsError::Twice(0x5C).into()),
        (&[0x5C, 9, 1, 0x90, 0], FieldsError::CutOff.into()),
        (&[0x61, 0x10], PkocError::Status(0x6110)),
    ];
    for (answer, reason) in hostile {
        assert_eq!(select(answer).err(), Some(reason), "{answer:02X?}");
    }
    assert!(matches!(select(&[0x5C, 4, 1, 1, 1, 0, 0x90, 0]), Ok(Turn::Ask(_))));
    let Ok(Turn::Ask(command)) = select(&[0x5C, 2, 1, 1, 0x90, 0]) else { unreachable!() };
    assert_eq!(command[7..9], [1, 1], "in the version that the card speaks");
}

#[test]
fn a_key_does_not_print() {
    let card = CardKey::read(&key().public()).unwrap();
    assert_eq!(format!("{card:?}"), "CardKey(..)");
}
