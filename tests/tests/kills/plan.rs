//! What is done until the hub is killed, drawn from a seed.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// So many days are booked on between two kills.
pub const DAYS: i64 = 5;

/// What is done, and when the hub is killed.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How long after the clients' start.
    pub kill_after: Duration,
    /// What each client does, again and again.
    pub steps: Vec<Vec<Step>>,
    /// When it is asked for room afterwards: day, hour and how many hours.
    pub looks: Vec<(i64, i64, i64)>,
}

/// Something that a client does. Bookings are meant by number, among those of the client's that stand.
#[derive(Clone, Debug)]
pub enum Step {
    /// Books.
    Book(Wish),
    /// Holds.
    Hold(Wish),
    /// Books the first day and those after it: all, or each that is possible.
    Repeat { wish: Wish, days: u32, each: bool },
    /// Makes a hold stand.
    Confirm(usize),
    /// Wants something else instead.
    Change(usize, Wish),
    /// Gives up.
    Cancel(usize),
}

/// What is wanted.
#[derive(Clone, Debug)]
pub struct Wish {
    /// On which of the days.
    pub days: BTreeSet<i64>,
    /// From which hour of each.
    pub hour: i64,
    /// For how many.
    pub hours: i64,
    /// How many desks.
    pub desks: u32,
    /// Which desk, where it is one.
    pub picked: Option<usize>,
    /// Whether a child comes along, where there is one.
    pub care: bool,
}

/// Plans, one after the other, that are the same for the same seed.
pub struct Plans(TestRunner);

impl Plans {
    /// Those of a seed.
    pub fn of(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        Self(TestRunner::new_with_rng(Config::default(), random))
    }

    /// The next one, for so many clients.
    pub fn next(&mut self, clients: usize) -> Plan {
        plan(clients).new_tree(&mut self.0).unwrap().current()
    }
}

fn plan(clients: usize) -> impl Strategy<Value = Plan> {
    // Whoever has nothing to give up books at least.
    let steps = (wish(), vec(step(), 10..40))
        .prop_map(|(wish, rest)| [vec![Step::Book(wish)], rest].concat());
    let look = (0..DAYS, 0..20_i64, 1..4_i64);
    (30..900_u64, vec(steps, clients), vec(look, 6)).prop_map(|(millis, steps, looks)| Plan {
        kill_after: Duration::from_millis(millis),
        steps,
        looks,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let which = || any::<usize>();
    let repeat = (wish(), 2..6_u32, any::<bool>()).prop_map(|(wish, days, each)| Step::Repeat {
        wish,
        days,
        each,
    });
    prop_oneof![
        5 => wish().prop_map(Step::Book),
        2 => wish().prop_map(Step::Hold),
        2 => repeat,
        2 => which().prop_map(Step::Confirm),
        3 => (which(), wish()).prop_map(|(which, wish)| Step::Change(which, wish)),
        3 => which().prop_map(Step::Cancel),
    ]
}

fn wish() -> impl Strategy<Value = Wish> {
    let desks = prop_oneof![4 => Just(1_u32), 1 => Just(2)];
    let days = btree_set(0..DAYS, 1..4);
    (days, 0..20_i64, 1..4_i64, desks, option::of(any::<usize>()), any::<bool>()).prop_map(
        |(days, hour, hours, desks, picked, care)| Wish {
            days,
            hour,
            hours,
            desks,
            picked: picked.filter(|_| desks == 1),
            care,
        },
    )
}
