//! What it takes to check that a card owns the key it shows (PKOC 1.0: ECDSA on P-256 over sixteen bytes), beside the
//! bare check of the same signature in the same run.
#![expect(clippy::unwrap_used, reason = "a measurement stops at the first surprise")]

use std::time::{Duration, Instant};

use bench::percentile;
use hardware::card::{PkocError, proved_key};
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    UnparsedPublicKey,
};

const CARDS: usize = 2_000;

fn main() {
    let rng = SystemRandom::new();
    let (mut whole, mut bare, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..CARDS {
        let mut transaction = [0; 16];
        rng.fill(&mut transaction).unwrap();
        let bytes = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &rng).unwrap();
        let card = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes.as_ref(), &rng);
        let card = card.unwrap();
        let (key, signature) = (card.public_key().as_ref(), card.sign(&rng, &transaction).unwrap());
        let answer = [&[0x5A, 65], key, &[0x9E, 64], signature.as_ref()].concat();

        whole.push(timed(|| assert!(proved_key(&answer, &transaction, &rng).is_ok())));
        let signer = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key);
        bare.push(timed(|| signer.verify(&transaction, signature.as_ref()).unwrap()));
        // The answer to another question: what was heard once and is said again.
        let other = [7; 16];
        refused.push(timed(|| {
            assert_eq!(proved_key(&answer, &other, &rng), Err(PkocError::WrongSignature));
        }));
    }
    println!("a PKOC card's key, {CARDS} cards");
    for (what, times) in
        [("proved", &mut whole), ("bare signature", &mut bare), ("replay refused", &mut refused)]
    {
        let (half, most) = (percentile(times, 50.0), percentile(times, 99.0));
        println!("  {what:<15} p50 {half:>9.1?}   p99 {most:>9.1?}");
    }
}

fn timed(what: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    what();
    begun.elapsed()
}
