//! From a tap to the decision at the edge, the card's own time and the disk left out:
//! 100,000 credentials on the sheet, one desk each for the first thousand of their holders.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement stops at the first surprise"
)]

use std::time::{Duration, Instant};

use bench::house::{CREDENTIALS, DESKS, id, sheet};
use bench::percentile;
use chrono::{DateTime, Utc};
use model::day_sheet::CredentialDigest;
use model::id::VisitId;
use twin::{Answer, Fact, Moment, TappedCard, Twin};

fn main() {
    let now: DateTime<Utc> = "2026-11-24T01:00:00Z".parse().unwrap();
    let mut twin = Twin::new();
    let at = |step: u32| Moment { now, mono: Duration::from_secs(u64::from(step)) };
    let begun = Instant::now();
    twin.decide(at(0), Fact::Started);
    twin.decide(at(0), Fact::Sheet(Box::new(sheet("c", now, Vec::new(), digest))));
    println!("tap to decision at the edge, {CREDENTIALS} credentials, {DESKS} desks");
    println!("  sheet brought into force in {:.1?}", begun.elapsed());

    let mut tap = |person: u32, wanted: fn(&Answer) -> bool| {
        let fact = Fact::Tap {
            reader: "c-kiosk-1".parse().unwrap(),
            card: TappedCard::of_identifier(digest(person)),
            visit: VisitId(id(9, person)),
        };
        let begun = Instant::now();
        let decision = twin.decide(at(1), fact);
        let took = begun.elapsed();
        let answer = decision.answer.expect("a tap is answered");
        assert!(wanted(&answer), "{answer:?}");
        took
    };
    let is_welcome = |answer: &Answer| matches!(answer, Answer::Welcome { .. });
    let is_refused = |answer: &Answer| matches!(answer, Answer::Refused { .. });
    let mut let_in: Vec<_> = (0..DESKS).map(|person| tap(person, is_welcome)).collect();
    // Spread over all of the sheet: no booking now.
    let mut refused: Vec<_> = (0..10_000).map(|n| tap(DESKS + n * 9, is_refused)).collect();
    let mut unknown: Vec<_> = (0..10_000).map(|n| tap(CREDENTIALS + n, is_refused)).collect();
    for (what, times) in
        [("let in", &mut let_in), ("no booking", &mut refused), ("unknown card", &mut unknown)]
    {
        let (count, half, most) = (times.len(), percentile(times, 50.0), percentile(times, 99.0));
        println!(
            "  {what:<13} {count:>6} taps   p50 {half:>9.1?}   p99 {most:>9.1?}   (bar: p99 under 1 ms)"
        );
    }
}

/// Spread like the digests of real cards.
fn digest(number: u32) -> CredentialDigest {
    let mixed = u64::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&mixed);
    bytes[28..].copy_from_slice(&number.to_be_bytes());
    CredentialDigest(bytes)
}
