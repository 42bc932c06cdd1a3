use proptest::prelude::*;

use super::*;
use DoorState::{Ajar, ContactSilent, ExitStuck, Forced, Held, LockFault, Locked, Open, Unlocked};

const LIMITS: Limits =
    Limits { held: TimeDelta::seconds(30), ajar: TimeDelta::seconds(10), free_handle: false };

fn levels(wanted: LockLevel, lock: LockLevel, open: bool) -> Seen {
    Seen::levels(wanted, Some(lock), Some(open), Some(false))
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn for_seconds(seconds: i64) -> TimeDelta {
    TimeDelta::seconds(seconds)
}

#[test]
fn every_state_has_its_levels() {
    use LockLevel::{Locked as L, Unlocked as U};
    let shut = levels(L, L, false);
    let stands_open = Seen { let_open: true, ..levels(L, L, true) };
    for (seen, want) in [
        (shut, Locked),
        (levels(U, U, false), Unlocked),
        (Seen { let_open: true, ..levels(U, U, true) }, Open),
        (stands_open, Open),
        (Seen { open_for: for_seconds(30), ..stands_open }, Open),
        (Seen { open_for: for_seconds(31), ..stands_open }, Held),
        (Seen { bolted_for: for_seconds(11), ..stands_open }, Ajar),
        (Seen { bolted_for: for_seconds(11), open_for: for_seconds(31), ..stands_open }, Held),
        (levels(L, L, true), Forced),
        (Seen { released: true, ..levels(U, L, true) }, Open),
        (Seen { released: true, open_for: for_seconds(900), ..levels(U, U, true) }, Open),
        (Seen { fault: true, ..shut }, LockFault),
        (Seen { strayed: for_seconds(6), ..levels(U, L, false) }, Locked),
        (Seen { strayed: for_seconds(7), ..levels(U, L, false) }, LockFault),
        (Seen { strayed: for_seconds(7), ..levels(L, U, false) }, LockFault),
        (Seen { pressed: Some(true), pressed_for: for_seconds(30), ..shut }, Locked),
        (Seen { pressed: Some(true), pressed_for: for_seconds(31), ..shut }, ExitStuck),
        (Seen { pressed: None, pressed_for: for_seconds(31), ..shut }, Locked),
        // Of two the worse one.
        (Seen { fault: true, ..levels(L, L, true) }, Forced),
        (Seen { open: None, ..shut }, Locked),
        (Seen { open: None, silent: true, ..shut }, ContactSilent),
        (Seen { open: None, silent: true, ..levels(U, U, false) }, ContactSilent),
        (Seen { open: None, silent: true, fault: true, ..shut }, LockFault),
        (Seen { open: None, lock: None, ..shut }, Locked),
    ] {
        assert_eq!(DoorState::of(&seen, &LIMITS), want, "{seen:?}");
    }
    let free = Limits { free_handle: true, ..LIMITS };
    assert_eq!(DoorState::of(&levels(L, L, true), &free), Open, "opened by its handle");
}

#[test]
fn who_is_let_through_leaves_the_door_open_then_ajar_then_held() {
    use LockLevel::{Locked as L, Unlocked as U};
    let mut watch = Watch::default();
    let mut look = |seconds, seen| watch.look(&seen, &LIMITS, at(seconds));
    assert_eq!(look(0, levels(L, L, false)), Locked);
    assert_eq!(look(1, levels(U, U, false)), Unlocked);
    assert_eq!(look(5, levels(U, U, true)), Open);
    assert_eq!(look(6, levels(L, L, true)), Open);
    assert_eq!(look(16, levels(L, L, true)), Open);
    assert_eq!(look(17, levels(L, L, true)), Ajar);
    assert_eq!(look(36, levels(L, L, true)), Held);
    assert_eq!(look(37, levels(L, L, false)), Locked);
    assert_eq!(look(38, levels(L, L, true)), Forced, "it was shut since");
}

#[test]
fn a_slow_leaf_and_a_late_look_are_not_force() {
    use LockLevel::{Locked as L, Unlocked as U};
    let mut watch = Watch::default();
    watch.look(&levels(L, L, false), &LIMITS, at(0));
    watch.look(&levels(U, U, false), &LIMITS, at(10));
    assert_eq!(watch.look(&levels(L, L, true), &LIMITS, at(13)), Open);
    let mut watch = Watch::default();
    watch.look(&levels(L, L, false), &LIMITS, at(0));
    watch.look(&levels(U, U, false), &LIMITS, at(10));
    assert_eq!(watch.look(&levels(L, L, true), &LIMITS, at(14)), Forced);
}

#[test]
fn a_pressed_button_is_somebody_let_out() {
    use LockLevel::Locked as L;
    let mut watch = Watch::default();
    watch.look(&levels(L, L, false), &LIMITS, at(0));
    let pressed = Seen { pressed: Some(true), ..levels(L, L, true) };
    assert_eq!(watch.look(&pressed, &LIMITS, at(1)), Open);
}

#[test]
fn a_forced_door_stays_forced_until_it_is_shut() {
    use LockLevel::{Locked as L, Unlocked as U};
    let mut watch = Watch::default();
    watch.look(&levels(L, L, false), &LIMITS, at(0));
    assert_eq!(watch.look(&levels(L, L, true), &LIMITS, at(1)), Forced);
    assert_eq!(watch.look(&levels(U, U, true), &LIMITS, at(2)), Forced);
    let silent = Seen { open: None, ..levels(L, L, true) };
    assert_eq!(watch.look(&silent, &LIMITS, at(3)), Forced, "silence does not shut it");
    assert_eq!(watch.look(&levels(L, L, true), &LIMITS, at(4)), Forced);
    assert_eq!(Watch::since(Some(Forced)).look(&levels(L, L, true), &LIMITS, at(0)), Forced);
    let mut again = Watch::since(Some(Forced));
    assert_eq!(again.look(&silent, &LIMITS, at(0)), Forced, "its contact was not read yet");
    assert_eq!(again.look(&levels(L, L, true), &LIMITS, at(1)), Forced);
    assert_eq!(again.look(&levels(L, L, false), &LIMITS, at(2)), Locked);
    assert_eq!(again.look(&silent, &LIMITS, at(3)), Locked);
    watch.look(&levels(L, L, false), &LIMITS, at(5));
    watch.look(&levels(U, U, false), &LIMITS, at(6));
    assert_eq!(watch.look(&levels(U, U, true), &LIMITS, at(7)), Open);
}

#[test]
fn a_leaf_that_stood_open_before_anybody_looked_is_not_said_to_be_forced() {
    use LockLevel::Locked as L;
    let mut watch = Watch::since(None);
    assert_eq!(watch.look(&levels(L, L, true), &LIMITS, at(0)), Open);
    assert_eq!(watch.look(&levels(L, L, true), &LIMITS, at(11)), Ajar);
}

fn level() -> impl Strategy<Value = LockLevel> {
    prop_oneof![Just(LockLevel::Locked), Just(LockLevel::Unlocked)]
}

proptest! {
    /// What was seen between two looks, and by how many of them, changes nothing where the door comes to stand still:
    /// the state that it settles in follows from the levels.
    #[test]
    fn a_door_that_was_shut_forgets_what_was_missed(
        steps in prop::collection::vec(
            (level(), level(), prop::option::of(any::<bool>()), any::<bool>(), 0..40_u64), 0..40
        ),
        (wanted, lock) in (level(), level()),
    ) {
        let (mut looked, mut missed) = (Watch::default(), Watch::default());
        let shut = levels(LockLevel::Locked, LockLevel::Locked, false);
        looked.look(&shut, &LIMITS, at(0));
        missed.look(&shut, &LIMITS, at(0));
        let mut now = 1;
        for (wanted, lock, open, pressed, wait) in steps {
            now += wait;
            let seen = Seen::levels(wanted, Some(lock), open, Some(pressed));
            let state = looked.look(&seen, &LIMITS, at(now));
            // Whatever has happened: a shut leaf is neither forced nor held nor ajar.
            prop_assert!(open == Some(true) || !matches!(state, Held | Ajar | Open));
            prop_assert!(open != Some(false) || state != Forced);
        }
        let last = levels(wanted, lock, false);
        // Long enough for whatever has to be waited for.
        for later in [1, 20, 100] {
            let both = (looked.look(&last, &LIMITS, at(now + later)), missed.look(&last, &LIMITS, at(now + later)));
            if later == 100 {
                prop_assert_eq!(both.0, both.1);
                prop_assert_eq!(both.0 == LockFault, wanted != lock);
            }
        }
    }
}
