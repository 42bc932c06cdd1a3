//! Any desk: which places a request gets among places that are partly taken, and which claims move
//! to make room for it.
//!
//! Nobody is moved where it can be helped (`direct`). What cannot be, whatever moves, is refused at
//! once (`need`). Else up to four moves are looked for, fewest first (`shift`), then the whole day is
//! laid out anew, in order (`sweep`) or by pushing about (`jostle`).
//!
//! Where all places are alike and every claim may go, a request is refused only when at some moment
//! every place really is needed; with features and immovable claims the search is bounded by a
//! number of steps, and a refusal says whether it is proven.

mod day;
mod direct;
mod homeward;
mod jostle;
mod need;
mod puzzle;
mod shift;
mod steps;
mod sweep;

use chrono::TimeDelta;

use crate::feature::Features;
use crate::id::{ClaimId, SpaceId};
use crate::interval::Interval;
use day::{Day, Group};
use puzzle::Puzzle;
use steps::Steps;

/// Where the desks of `asked` go among `places` (in order of preference, by label) that `standing`
/// partly holds. The same question has the same answer.
///
/// A place named twice counts once; a claim on a place that is not among `places` is not looked at.
/// Slots that follow each other closer than the buffer are one stay at one desk.
///
/// # Errors
/// [`Unpacked`]: the slots are not in order, or a slot has no room.
pub fn pack(
    places: &[Place],
    standing: &[Standing],
    asked: &Asked<'_>,
    limits: &Limits,
) -> Result<Packed, Unpacked> {
    if asked.slots.windows(2).any(|pair| matches!(pair, [a, b] if b.starts() < a.ends())) {
        return Err(Unpacked::Unordered);
    }
    let Some(first) = asked.slots.first().filter(|_| asked.desks > 0) else {
        return Ok(Packed::default());
    };
    let day = Day::new(places, standing, asked, limits.buffer);
    if day.too_few() {
        return Err(Unpacked::Full { slot: *first, proven: true, free: day.free_in(first) });
    }
    let steady = direct::steady(&day);
    let mut packed = Packed::default();
    if let Ok(lines) = direct::fill(&day, 0..day.stays.len(), &steady) {
        lines.iter().zip(&day.stays).for_each(|(line, stay)| packed.sit(&day, stay, line));
        return Ok(packed);
    }
    let mut kept = steady;
    let mut steps = Steps::new(limits.steps);
    for group in day.groups() {
        let lines = match direct::fill(&day, group.stays.clone(), &kept) {
            Ok(lines) => lines,
            Err(full) => make_room(&day, &group, full, &kept, &mut steps, &mut packed.moves)?,
        };
        for (line, stay) in lines.iter().zip(&day.stays[group.stays]) {
            packed.sit(&day, stay, line);
            kept.clone_from(line);
        }
    }
    Ok(packed)
}

/// One desk, as far as packing cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The desk.
    pub space: SpaceId,
    /// What it offers.
    pub features: Features,
    /// Places that follow each other in the list are neighbours where this is the same: the order
    /// of labels within one zone is the order in the room.
    pub row: u32,
}

/// A claim that already holds a space. Who may be moved is decided by the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The claim.
    pub claim: ClaimId,
    /// The space it holds.
    pub space: SpaceId,
    /// When.
    pub when: Interval,
    /// It may go to any place that has these features; `None`: it stays (pinned, checked in, about
    /// to start, promised to a site, a walk-in lease, a blackout).
    pub may_go: Option<Features>,
}

/// A request.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// When, in order and apart from each other.
    pub slots: &'a [Interval],
    /// How many desks in each slot.
    pub desks: usize,
    /// What each desk must have.
    pub required: Features,
    /// What each desk had better have.
    pub wanted: Features,
    /// The one space that it must be; more than one desk then never fits.
    pub pinned: Option<SpaceId>,
    /// Whether the desks stand side by side: neighbours in one [`Place::row`].
    pub together: bool,
}

/// What packing keeps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a space stays empty between two claims, for cleaning; below zero is zero.
    pub buffer: TimeDelta,
    /// How many times the search may look at a place for a claim before it gives up.
    pub steps: usize,
}

impl Limits {
    /// Steps that a full day of fifty desks spends in under 20 ms.
    pub const STEPS: usize = 300_000;
}

impl Default for Limits {
    fn default() -> Self {
        Self { buffer: TimeDelta::zero(), steps: Self::STEPS }
    }
}

/// An answer that fits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packed {
    /// For every slot in order, its desks; a guest's first desk comes first in every slot.
    pub placed: Vec<(SpaceId, Interval)>,
    /// Claims that go elsewhere at the same instant, and where to.
    pub moves: Vec<(ClaimId, SpaceId)>,
}

impl Packed {
    fn sit(&mut self, day: &Day<'_>, stay: &day::Stay, line: &[usize]) {
        for slot in &day.asked.slots[stay.slots.clone()] {
            let spaces = line.iter().flat_map(|berth| &day.places[*berth..*berth + day.width]);
            self.placed.extend(spaces.map(|place| (place.space, *slot)));
        }
    }
}

/// Why a request got no desks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unpacked {
    /// The slots are out of order, or overlap.
    #[error("the slots are out of order or overlap")]
    Unordered,
    /// There is no room.
    #[error("no room in a slot (proven: {proven}); {free} fitting places stand free in it")]
    Full {
        /// The slot that could not be met.
        slot: Interval,
        /// At some moment of the slot every fitting place is needed by somebody who cannot do
        /// without. Where this is false, nothing was found, and no more is said.
        proven: bool,
        /// How many fitting places stand free throughout the slot as things are.
        free: usize,
    },
}

/// Berths for the stays of `group`, of which `full` has too few free ones, with the moves it takes.
fn make_room(
    day: &Day<'_>,
    group: &Group,
    full: usize,
    kept: &[usize],
    steps: &mut Steps,
    moves: &mut Vec<(ClaimId, SpaceId)>,
) -> Result<Vec<Vec<usize>>, Unpacked> {
    let puzzle = Puzzle::new(day, group, kept);
    let refusal = |slot: usize, proven| {
        let slot = day.asked.slots[slot];
        Unpacked::Full { slot, proven, free: day.free_in(&slot) }
    };
    if let Some((stay, moment)) = need::unmet(&puzzle) {
        return Err(refusal(day.slot_at(stay, puzzle.instants[moment]), true));
    }
    let spots = shift::few(&puzzle, &mut steps.share(4))
        .or_else(|| sweep::whole(&puzzle, &mut steps.share(8)))
        .or_else(|| jostle::about(&puzzle, steps))
        .ok_or_else(|| refusal(day.stays[full].slots.start, false))?;
    moves.extend(puzzle.moves(day, &spots));
    Ok(puzzle.lines(group, &spots))
}
