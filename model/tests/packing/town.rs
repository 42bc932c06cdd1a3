//! Random days of a centre: who comes, who cancels.

use chrono::{DateTime, TimeDelta, Utc};
use model::feature::{Feature, Features};
use model::id::{ClaimId, SpaceId};
use model::interval::Interval;
use model::packing::{Asked, Limits, Packed, Place, Standing, Unpacked, pack};
use uuid::Uuid;

/// The same throws for the same seed, on every machine (SplitMix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    pub fn one_in(&mut self, sides: u64) -> bool {
        self.throw(sides) == 0
    }

    /// Each feature once in `sides` times.
    pub fn features(&mut self, sides: u64) -> Features {
        Feature::ALL.into_iter().filter(|_| self.one_in(sides)).collect()
    }
}

pub fn minutes(from: i64, to: i64) -> Interval {
    let day = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::hours(7);
    Interval::new(day + TimeDelta::minutes(from), day + TimeDelta::minutes(to)).unwrap()
}

pub fn space(number: u128) -> SpaceId {
    SpaceId(Uuid::from_u128(number))
}

pub fn claim(number: u128) -> ClaimId {
    ClaimId(Uuid::from_u128(number))
}

/// `count` places in one row, each with features by `of`.
pub fn places(count: u128, mut of: impl FnMut(u128) -> Features) -> Vec<Place> {
    (0..count).map(|n| Place { space: space(n), features: of(n), row: 0 }).collect()
}

/// Somebody's request.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub slots: Vec<Interval>,
    pub desks: usize,
    pub required: Features,
    pub wanted: Features,
    pub pinned: Option<SpaceId>,
    pub together: bool,
    /// Whether the claims may not move once they stand, whatever else.
    pub stays: bool,
}

impl Arrival {
    /// One desk from quarter to quarter of a day of 14 hours.
    pub fn plain(dice: &mut Dice, longest: u64) -> Self {
        let length = 1 + dice.throw(longest);
        let from = dice.throw(56 - length + 1);
        let quarters = |count: u64| i64::try_from(count * 15).unwrap();
        Self {
            slots: vec![minutes(quarters(from), quarters(from + length))],
            desks: 1,
            required: Features::NONE,
            wanted: Features::NONE,
            pinned: None,
            together: false,
            stays: false,
        }
    }

    pub fn asked(&self) -> Asked<'_> {
        Asked {
            slots: &self.slots,
            desks: self.desks,
            required: self.required,
            wanted: self.wanted,
            pinned: self.pinned,
            together: self.together,
        }
    }
}

/// A centre with what stands in it.
pub struct Centre {
    pub places: Vec<Place>,
    pub standing: Vec<Standing>,
    pub limits: Limits,
    claims: u128,
}

impl Centre {
    pub fn new(places: Vec<Place>, limits: Limits) -> Self {
        Self { places, standing: Vec::new(), limits, claims: 0 }
    }

    pub fn ask(&self, arrival: &Arrival) -> Result<Packed, Unpacked> {
        pack(&self.places, &self.standing, &arrival.asked(), &self.limits)
    }

    /// Carries out what was answered.
    pub fn take(&mut self, arrival: &Arrival, packed: &Packed) {
        for (claim, to) in &packed.moves {
            self.standing
                .iter_mut()
                .filter(|one| one.claim == *claim)
                .for_each(|one| one.space = *to);
        }
        let stays = arrival.stays || arrival.pinned.is_some() || arrival.together;
        let may_go = (!stays).then_some(arrival.required);
        for (space, when) in &packed.placed {
            self.claims += 1;
            self.standing.push(Standing {
                claim: claim(self.claims),
                space: *space,
                when: *when,
                may_go,
            });
        }
    }

    /// Somebody cancels.
    pub fn cancel(&mut self, dice: &mut Dice) {
        if !self.standing.is_empty() {
            let at = dice.throw(self.standing.len() as u64);
            self.standing.swap_remove(usize::try_from(at).unwrap());
        }
    }
}
