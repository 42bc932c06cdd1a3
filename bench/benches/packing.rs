//! Packing on full days of fifty desks with features, one row, the whole of a day's requests: how
//! long a request takes when nobody moves, when others make room, and when nothing is found.
#![expect(clippy::unwrap_used, reason = "a measurement stops at the first surprise")]

use std::time::Instant;

use bench::told;
use model::packing::{Limits, Unpacked};

#[path = "../../model/tests/packing/town.rs"]
mod town;

use town::{Arrival, Centre, Dice, places};

const DAYS: u64 = 40;
const DESKS: u128 = 50;
const REQUESTS: usize = 400;

fn main() {
    println!("packing, {DAYS} days of {DESKS} desks and {REQUESTS} requests each");
    println!("  answer                requests   p50        p99        slowest");
    let (mut still, mut moved, mut proven, mut lost) = (vec![], vec![], vec![], vec![]);
    for day in 0..DAYS {
        let mut dice = Dice(day);
        let desks = places(DESKS, |_| dice.features(3));
        let mut dice = Dice(day + 1_000);
        let mut centre = Centre::new(desks, Limits::default());
        for _ in 0..REQUESTS {
            let mut arrival = Arrival::plain(&mut dice, 24);
            arrival.required = dice.features(6);
            arrival.stays = dice.one_in(10);
            let begun = Instant::now();
            let answer = centre.ask(&arrival);
            let took = begun.elapsed();
            match answer {
                Ok(packed) => {
                    let times = if packed.moves.is_empty() { &mut still } else { &mut moved };
                    times.push(took);
                    centre.take(&arrival, &packed);
                }
                Err(Unpacked::Full { proven: true, .. }) => proven.push(took),
                Err(_) => lost.push(took),
            }
            if dice.one_in(6) {
                centre.cancel(&mut dice);
            }
        }
    }
    for (answer, times) in [
        ("as things stand", &mut still),
        ("others make room", &mut moved),
        ("full, proven", &mut proven),
        ("nothing found", &mut lost),
    ] {
        told(answer, times);
    }
}
