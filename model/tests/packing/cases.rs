//! What packing does in small rooms, case by case, and with what nobody should ask.

use chrono::TimeDelta;
use model::feature::{Feature, Features};
use model::id::SpaceId;
use model::interval::Interval;
use model::packing::{Asked, Limits, Packed, Place, Standing, Unpacked, pack};
use proptest::prelude::*;

use crate::first_fit::place_first_fit;
use crate::town::{claim, minutes, places, space};
use crate::valid::valid;

const NONE: Features = Features::NONE;

fn with(features: &[Feature]) -> Features {
    features.iter().copied().collect()
}

fn one(slots: &[Interval]) -> Asked<'_> {
    Asked { slots, desks: 1, required: NONE, wanted: NONE, pinned: None, together: false }
}

fn plain(count: u128) -> Vec<Place> {
    places(count, |_| NONE)
}

/// Claims `1, 2, …`, each on a space from minute to minute; `goes` wherever it likes, or not at all.
fn stands(claims: &[(u128, i64, i64, bool)]) -> Vec<Standing> {
    let stand = |(at, (on, from, to, goes)): (usize, &(u128, i64, i64, bool))| Standing {
        claim: claim(at as u128 + 1),
        space: space(*on),
        when: minutes(*from, *to),
        may_go: goes.then_some(NONE),
    };
    claims.iter().enumerate().map(stand).collect()
}

fn packed(
    places: &[Place],
    standing: &[Standing],
    asked: &Asked<'_>,
) -> (Vec<u128>, Vec<(u128, u128)>) {
    let answer = pack(places, standing, asked, &Limits::default()).unwrap();
    assert_eq!(valid(places, standing, asked, TimeDelta::zero(), &answer), Ok(()));
    let placed = answer.placed.iter().map(|(space, _)| space.0.as_u128()).collect();
    let moves = answer.moves.iter().map(|(claim, to)| (claim.0.as_u128(), to.0.as_u128()));
    (placed, moves.collect())
}

fn full(places: &[Place], standing: &[Standing], asked: &Asked<'_>) -> (Interval, bool, usize) {
    match pack(places, standing, asked, &Limits::default()) {
        Err(Unpacked::Full { slot, proven, free }) => (slot, proven, free),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_guest_keeps_one_desk_where_one_is_free_throughout() {
    let slots = [minutes(0, 60), minutes(120, 180)];
    let standing = stands(&[(0, 120, 150, true), (1, 30, 90, true), (3, 0, 240, true)]);
    assert_eq!(packed(&plain(4), &standing, &one(&slots)), (vec![2, 2], vec![]));
    // None is free throughout: the guest changes desks before anybody else is moved.
    let standing = stands(&[(0, 120, 150, true), (1, 30, 90, true)]);
    assert_eq!(packed(&plain(2), &standing, &one(&slots)), (vec![0, 1], vec![]));
}

#[test]
fn what_is_wanted_comes_before_a_tight_fit_and_nothing_scarce_is_wasted() {
    let slots = [minutes(60, 120)];
    // The gap of desk 1 is the tightest.
    let standing = stands(&[(1, 0, 60, true), (1, 120, 180, true), (2, 0, 50, true)]);
    assert_eq!(packed(&plain(3), &standing, &one(&slots)), (vec![1], vec![]));
    let quiet = places(3, |n| if n == 0 { with(&[Feature::Quiet]) } else { NONE });
    let asked = Asked { wanted: with(&[Feature::Quiet]), ..one(&slots) };
    assert_eq!(packed(&quiet, &standing, &asked), (vec![0], vec![]));
    // Desk 0 fits as well as any, and stays for who needs it.
    assert_eq!(packed(&quiet, &[], &one(&slots)), (vec![1], vec![]));
    // What all desks have is not scarce.
    assert_eq!(
        packed(&places(3, |_| with(&[Feature::Quiet])), &[], &one(&slots)),
        (vec![0], vec![])
    );
    let asked = Asked { required: with(&[Feature::Monitor]), ..one(&slots) };
    assert_eq!(full(&quiet, &[], &asked), (slots[0], true, 0));
}

#[test]
fn one_moves_where_one_is_enough() {
    let slots = [minutes(0, 120)];
    let standing = stands(&[(0, 0, 60, true), (1, 60, 120, true)]);
    let (_, moves) = packed(&plain(2), &standing, &one(&slots));
    assert_eq!(moves.len(), 1);
    let standing = stands(&[(0, 0, 60, false), (1, 60, 120, true)]);
    assert_eq!(packed(&plain(2), &standing, &one(&slots)), (vec![1], vec![(2, 0)]));
    let standing = stands(&[(0, 0, 60, false), (1, 60, 120, false)]);
    assert_eq!(full(&plain(2), &standing, &one(&slots)), (slots[0], true, 0));
}

#[test]
fn nobody_loses_what_they_need() {
    let slots = [minutes(0, 60)];
    let monitor = with(&[Feature::Monitor]);
    let desks = places(3, |n| if n == 0 { NONE } else { monitor });
    let mut standing = stands(&[(1, 0, 60, true), (2, 0, 60, true)]);
    standing[0].may_go = Some(monitor);
    let asked = Asked { required: monitor, ..one(&slots) };
    assert_eq!(packed(&desks, &standing, &asked), (vec![2], vec![(2, 0)]));
    standing[1].may_go = Some(monitor);
    assert_eq!(full(&desks, &standing, &asked), (slots[0], true, 0));
}

#[test]
fn a_chain_of_moves_is_found() {
    // Desk 0 is quiet, 1 is quiet with a monitor, 2 has a monitor.
    let (quiet, monitor) = (with(&[Feature::Quiet]), with(&[Feature::Monitor]));
    let desks = places(3, |n| [quiet, quiet.or(monitor), monitor][usize::try_from(n).unwrap()]);
    let mut standing = stands(&[(0, 0, 60, true), (1, 0, 60, true)]);
    standing[0].may_go = Some(quiet);
    standing[1].may_go = Some(monitor);
    let asked = [minutes(0, 60)];
    let asked = Asked { pinned: Some(space(0)), ..one(&asked) };
    assert_eq!(packed(&desks, &standing, &asked), (vec![0], vec![(1, 1), (2, 2)]));
}

#[test]
fn a_pin_is_kept_and_moves_who_may_go() {
    let slots = [minutes(0, 60)];
    let asked = Asked { pinned: Some(space(1)), ..one(&slots) };
    assert_eq!(packed(&plain(3), &[], &asked).0, [1]);
    let mut standing = stands(&[(1, 30, 90, true)]);
    assert_eq!(packed(&plain(3), &standing, &asked), (vec![1], vec![(1, 0)]));
    standing[0].may_go = None;
    assert_eq!(full(&plain(3), &standing, &asked), (slots[0], true, 0));
    assert_eq!(full(&plain(3), &[], &Asked { desks: 2, ..asked }), (slots[0], true, 1));
    assert_eq!(
        full(&plain(3), &[], &Asked { pinned: Some(space(9)), ..asked }),
        (slots[0], true, 0)
    );
}

#[test]
fn together_is_side_by_side_in_one_row() {
    let slots = [minutes(0, 60)];
    let asked = Asked { desks: 2, together: true, ..one(&slots) };
    let mut desks = plain(4);
    desks[2].row = 1;
    desks[3].row = 1;
    let standing = stands(&[(0, 0, 60, false)]);
    assert_eq!(packed(&desks, &standing, &asked).0, [2, 3]);
    // Two are free, but not beside each other: one moves.
    let standing = stands(&[(0, 0, 60, false), (3, 0, 60, true)]);
    let (placed, moves) = packed(&desks, &standing, &asked);
    assert_eq!((placed, moves), (vec![2, 3], vec![(2, 1)]));
    let standing = stands(&[(0, 0, 60, false), (3, 0, 60, false)]);
    assert_eq!(full(&desks, &standing, &asked), (slots[0], true, 2));
    assert_eq!(full(&desks, &[], &Asked { desks: 3, ..asked }), (slots[0], true, 4));
}

#[test]
fn the_refused_slot_is_named() {
    let slots = [minutes(0, 60), minutes(90, 120), minutes(180, 240)];
    let standing = stands(&[(0, 100, 110, true), (1, 90, 200, true)]);
    assert_eq!(full(&plain(2), &standing, &one(&slots)), (slots[1], true, 0));
    assert_eq!(full(&plain(2), &[], &Asked { desks: 3, ..one(&slots) }), (slots[0], true, 2));
}

#[test]
fn the_buffer_lies_between_two_guests_and_not_between_ones_own_slots() {
    let ask = |desks, slots: &[Interval], buffer| {
        let limits = Limits { buffer, ..Limits::default() };
        pack(&plain(desks), &stands(&[(0, 0, 60, true)]), &one(slots), &limits)
    };
    let quarter = TimeDelta::minutes(15);
    let close = [minutes(60, 90)];
    assert!(ask(1, &close, TimeDelta::zero()).is_ok());
    assert!(matches!(ask(1, &close, quarter), Err(Unpacked::Full { proven: true, free: 0, .. })));
    assert_eq!(ask(2, &close, quarter).unwrap().placed, [(space(1), close[0])]);
    assert!(ask(1, &[minutes(75, 90)], quarter).is_ok());
    let own = [minutes(75, 90), minutes(90, 120), minutes(125, 130)];
    let placed = ask(1, &own, quarter).unwrap().placed;
    assert_eq!(placed, own.map(|slot| (space(0), slot)));
    // Before the other's start as well.
    let before = [minutes(-30, -5)];
    assert!(ask(1, &before, quarter).is_err());
    assert!(ask(1, &before, TimeDelta::minutes(5)).is_ok());
    // A buffer beyond all calendars, and one below zero.
    assert!(ask(1, &close, TimeDelta::MAX).is_err());
    assert!(ask(2, &close, TimeDelta::MAX).is_ok());
    assert!(ask(1, &close, TimeDelta::MIN).is_ok());
    assert!(ask(1, &[minutes(30, 90)], TimeDelta::MIN).is_err());
}

#[test]
fn what_makes_no_sense_has_a_clear_answer() {
    let slots = [minutes(0, 60)];
    let answer = |places: &[Place], asked: &Asked<'_>| pack(places, &[], asked, &Limits::default());
    for bad in [[minutes(60, 90), minutes(0, 30)], [minutes(0, 60), minutes(30, 90)], [slots[0]; 2]]
    {
        assert_eq!(answer(&plain(5), &one(&bad)), Err(Unpacked::Unordered));
    }
    assert_eq!(answer(&plain(2), &one(&[])), Ok(Packed::default()));
    assert_eq!(answer(&plain(2), &Asked { desks: 0, ..one(&slots) }), Ok(Packed::default()));
    assert_eq!(
        answer(&[], &Asked { desks: 0, together: true, ..one(&slots) }),
        Ok(Packed::default())
    );
    for together in [false, true] {
        for desks in [3, usize::MAX] {
            let asked = Asked { desks, together, ..one(&slots) };
            assert_eq!(full(&plain(2), &[], &asked), (slots[0], true, 2));
            assert_eq!(full(&[], &[], &asked), (slots[0], true, 0));
        }
    }
    // A desk named twice is not sold twice.
    let twice = [plain(1), plain(1)].concat();
    assert_eq!(full(&twice, &[], &Asked { desks: 2, ..one(&slots) }), (slots[0], true, 1));
    // A claim on what is not here is nobody's concern; claims that overlap already stay as they are.
    let elsewhere =
        stands(&[(7, 0, 60, false), (0, 0, 60, true), (0, 30, 90, true), (0, 80, 99, false)]);
    assert_eq!(packed(&plain(2), &elsewhere, &one(&slots)), (vec![1], vec![]));
    assert_eq!(full(&plain(1), &elsewhere, &one(&slots)), (slots[0], true, 0));
}

#[test]
fn a_search_without_steps_is_no_worse_than_free_places() {
    let slots = [minutes(0, 60)];
    let limits = Limits { steps: 0, ..Limits::default() };
    assert!(pack(&plain(1), &[], &one(&slots), &limits).is_ok());
    // Identical desks are laid out without ever turning back, which costs no steps.
    let standing = stands(&[(0, 0, 30, true), (1, 30, 60, true)]);
    assert!(pack(&plain(2), &standing, &one(&slots), &limits).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_is_asked_the_answer_is_valid(
        offers in prop::collection::vec((0_u32..64, 0_u32..2), 0..7),
        claims in prop::collection::vec((0_u128..8, 0_i64..90, 1_i64..40, prop::option::of(0_u32..64)), 0..20),
        slots in prop::collection::vec((0_i64..110, 1_i64..40), 0..4),
        desks in 0_usize..4, required in 0_u32..64, wanted in 0_u32..64, easy in any::<bool>(),
        pinned in prop::option::weighted(0.2, 0_u128..8), together in any::<bool>(), buffer in -5_i64..20,
    ) {
        let features = |bits| Features::from_bits(bits).unwrap();
        let places: Vec<Place> = offers.into_iter().enumerate()
            .map(|(n, (bits, row))| Place { space: space(n as u128), features: features(bits), row }).collect();
        let standing: Vec<Standing> = claims.into_iter().enumerate()
            .map(|(n, (on, from, len, may_go))| Standing {
                claim: claim(n as u128), space: space(on), when: minutes(from, from + len), may_go: may_go.map(features),
            }).collect();
        let slots: Vec<Interval> = slots.into_iter().map(|(from, len)| minutes(from, from + len)).collect();
        let required = if easy { NONE } else { features(required) };
        let asked = Asked { slots: &slots, desks, required, wanted: features(wanted), pinned: pinned.map(space), together };
        let limits = Limits { buffer: TimeDelta::minutes(buffer), ..Limits::default() };
        match pack(&places, &standing, &asked, &limits) {
            Ok(packed) if desks > 0 => {
                let buffer = limits.buffer.max(TimeDelta::zero());
                prop_assert_eq!(valid(&places, &standing, &asked, buffer, &packed), Ok(()));
                prop_assert_eq!(&pack(&places, &standing, &asked, &limits), &Ok(packed));
            }
            Ok(packed) => prop_assert_eq!(packed, Packed::default()),
            Err(Unpacked::Full { slot, .. }) => prop_assert!(slots.contains(&slot)),
            Err(Unpacked::Unordered) => prop_assert!(slots.windows(2).any(|two| two[1].starts() < two[0].ends())),
        }
    }

    #[test]
    fn where_nobody_may_go_it_places_what_first_fit_places(
        claims in prop::collection::vec((0_u128..4, 0_i64..60, 1_i64..30), 0..12),
        slots in prop::collection::vec((0_i64..3, 1_i64..20), 1..3), desks in 1_usize..4, goes in any::<bool>(),
    ) {
        let claims: Vec<_> = claims.into_iter().map(|(on, from, len)| (on, from, from + len, goes)).collect();
        let standing = stands(&claims);
        let slots: Vec<_> = slots.into_iter().zip([0, 25])
            .map(|((from, len), later)| minutes(later + from, later + from + len)).collect();
        let taken: Vec<_> = standing.iter().map(|one| (one.space, one.when)).collect();
        let spaces: Vec<SpaceId> = (0..4).map(space).collect();
        let answer = pack(&plain(4), &standing, &Asked { desks, ..one(&slots) }, &Limits::default());
        match place_first_fit(&spaces, &taken, &slots, desks) {
            Ok(_) => prop_assert_eq!(answer.unwrap().moves, vec![]),
            Err(_) if goes => prop_assert!(!answer.is_ok_and(|packed| packed.moves.is_empty())),
            Err(slot) => {
                let named = matches!(answer, Err(Unpacked::Full { slot: at, proven: true, .. }) if at == slot);
                prop_assert!(named, "{:?}", answer);
            }
        }
    }
}
