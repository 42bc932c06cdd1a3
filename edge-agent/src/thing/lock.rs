//! A lock with its contact that exists only here, on a real site bus: what a site has with a foreign Homie 5 lock can
//! be tried without one.

use std::collections::BTreeMap;
use std::time::Duration;

use model::id::Slug;
use tokio::time::{Instant, sleep_until};
use wire::bus::{BusError, BusInbox, SiteBus, StateChange};
use wire::homie::{CONTACT, CONVENTION, Datatype, Description, LOCK, Node, Property, SET};

/// Its node, which is what drives a door: `front=homie:<device>/front`.
const NODE: &str = "front";
const LOCKED: &str = "locked";
const UNLOCKED: &str = "unlocked";
const JAMMED: &str = "jammed";
/// How long whoever is let in needs to get through.
const PASSES_IN: Duration = Duration::from_secs(2);

/// How the lock and the leaf behave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Behaves {
    /// The bolt does not move, and the lock says so.
    pub jammed: bool,
    /// Whoever goes through leaves the leaf open.
    pub held_open: bool,
}

/// How the lock describes itself: a node `front` with a `lock` that can be set and a `contact`.
#[must_use]
pub fn description() -> Description {
    let words = Some([LOCKED, UNLOCKED, JAMMED].join(","));
    let lock = Property { settable: true, ..Property::told("錠", Datatype::Enum, words) };
    let properties = [(LOCK, lock), (CONTACT, Property::told("扉", Datatype::Boolean, None))];
    let by_id = |(id, property): (&str, Property)| Some((id.parse::<Slug>().ok()?, property));
    let front = Node {
        name: Some("入口".to_owned()),
        kind: Some("lock".to_owned()),
        properties: properties.into_iter().filter_map(by_id).collect(),
    };
    Description {
        homie: CONVENTION.to_owned(),
        version: 1,
        name: Some("模擬の電気錠".to_owned()),
        kind: Some("lock".to_owned()),
        nodes: NODE.parse().ok().map(|id| (id, front)).into_iter().collect::<BTreeMap<_, _>>(),
    }
}

/// Plays until the future is dropped.
///
/// # Errors
/// When the bus does not take what is said.
pub async fn play(bus: &SiteBus, mut inbox: BusInbox, behaves: Behaves) -> Result<(), BusError> {
    let mut front = Front { behaves, lock: LOCKED, shuts: None, open: false };
    bus.announce(&description())?;
    front.say(bus)?;
    loop {
        let shuts = front.shuts.unwrap_or_else(Instant::now);
        tokio::select! {
            Some(change) = inbox.states.recv() => {
                if front.told(&change, Instant::now()) {
                    front.say(bus)?;
                }
            }
            () = sleep_until(shuts), if front.shuts.is_some() => {
                front.shut();
                front.say(bus)?;
            }
        }
    }
}

struct Front {
    behaves: Behaves,
    lock: &'static str,
    open: bool,
    /// When whoever goes through is through.
    shuts: Option<Instant>,
}

impl Front {
    /// Does as it is told, as far as it can; answers whether that was for it to do.
    fn told(&mut self, change: &StateChange, now: Instant) -> bool {
        // What waited somewhere is no order of now.
        if change.retained || change.path != format!("{NODE}/{LOCK}/{SET}") {
            return false;
        }
        let wanted = match change.value.as_str() {
            LOCKED => LOCKED,
            UNLOCKED => UNLOCKED,
            _ => return false,
        };
        let was = self.lock;
        self.lock = if self.behaves.jammed { JAMMED } else { wanted };
        if self.lock == UNLOCKED && was != UNLOCKED && !self.open {
            self.open = true;
            self.shuts = (!self.behaves.held_open).then(|| now + PASSES_IN);
        }
        true
    }

    fn shut(&mut self) {
        self.open = false;
        self.shuts = None;
    }

    /// Also what has not changed: whoever told it waits for its word.
    fn say(&self, bus: &SiteBus) -> Result<(), BusError> {
        bus.set_state(&format!("{NODE}/{LOCK}"), self.lock)?;
        bus.set_state(&format!("{NODE}/{CONTACT}"), if self.open { "true" } else { "false" })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    fn set(path: &str, value: &str, retained: bool) -> StateChange {
        let (path, value) = (path.to_owned(), value.to_owned());
        StateChange { device: "y-lock-1".parse().unwrap(), path, value, retained }
    }

    fn front(behaves: Behaves) -> Front {
        Front { behaves, lock: LOCKED, open: false, shuts: None }
    }

    #[test]
    fn it_does_as_it_is_told_and_its_leaf_follows() {
        let now = Instant::now();
        let (held_open, jammed) = (true, true);
        for (behaves, lock, open, shuts) in [
            (Behaves::default(), UNLOCKED, true, Some(now + PASSES_IN)),
            (Behaves { held_open, ..Behaves::default() }, UNLOCKED, true, None),
            (Behaves { jammed, ..Behaves::default() }, JAMMED, false, None),
        ] {
            let mut front = front(behaves);
            assert!(front.told(&set("front/lock/set", UNLOCKED, false), now));
            assert_eq!((front.lock, front.open, front.shuts), (lock, open, shuts), "{behaves:?}");
        }
        let mut front = front(Behaves::default());
        for word in [UNLOCKED, LOCKED, LOCKED] {
            assert!(front.told(&set("front/lock/set", word, false), now), "it answers each time");
        }
        assert_eq!((front.lock, front.open), (LOCKED, true), "the bolt is out under an open leaf");
        front.shut();
        assert!(front.told(&set("front/lock/set", LOCKED, false), now));
        assert!(!front.open, "to lock it opens nothing");
    }

    #[test]
    fn what_is_no_order_of_now_moves_nothing() {
        let mut front = front(Behaves::default());
        for (path, value, retained) in [
            ("front/lock/set", UNLOCKED, true),
            ("front/lock/set", JAMMED, false),
            ("front/lock/set", "UNLOCKED", false),
            ("front/lock/set", "", false),
            ("front/lock", UNLOCKED, false),
            ("front/contact/set", UNLOCKED, false),
            ("back/lock/set", UNLOCKED, false),
        ] {
            assert!(!front.told(&set(path, value, retained), Instant::now()), "{path} {value}");
        }
        assert_eq!((front.lock, front.open), (LOCKED, false));
    }

    #[test]
    fn every_word_of_its_fits_its_own_description() {
        let description = description();
        let front = &description.nodes[&NODE.parse().unwrap()];
        let lock = &front.properties[&LOCK.parse().unwrap()];
        assert!(lock.settable);
        for word in [LOCKED, UNLOCKED, JAMMED] {
            assert!(lock.value(word).is_ok(), "{word}");
        }
        let contact = &front.properties[&CONTACT.parse().unwrap()];
        assert!(contact.value("true").is_ok() && !contact.settable);
    }
}
