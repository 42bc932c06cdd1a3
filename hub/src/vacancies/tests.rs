//! Masks against plain intervals, and news against what is told.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use chrono::{DateTime, Utc};
use model::capacity::greatest_overlap;
use model::centre::{CentreKind, CentreSettings, Nursery};
use model::id::MunicipalityId;
use model::language::LocalText;
use model::mask::BIT;
use model::opening::OpeningRules;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

const DESKS: u128 = 6;

fn centre(zone: Tz, buffer_minutes: u32) -> Centre {
    let text = || LocalText::new("横浜", "Yokohama");
    Centre {
        id: CentreId(Uuid::from_u128(1)),
        slug: "y".parse().unwrap(),
        name: text(),
        municipality: MunicipalityId(Uuid::from_u128(1)),
        kind: CentreKind::TeleworkCentre,
        address: text(),
        position: (35.0, 139.0),
        source_note: text(),
        time_zone: zone,
        settings: CentreSettings { buffer_minutes, ..CentreSettings::default() },
        settings_version: 1,
        opening: OpeningRules::default(),
    }
}

fn desk(number: u128) -> SpaceId {
    SpaceId(Uuid::from_u128(number))
}

fn nursery() -> Nursery {
    Nursery {
        id: NurseryId(Uuid::from_u128(9)),
        centre: CentreId(Uuid::from_u128(1)),
        name: LocalText::new("保育室", "Nursery"),
        places: 4,
        walking_minutes: 0,
        staffing: None,
        terms: Default::default(),
    }
}

fn atlas(centre: &Centre) -> Atlas {
    Atlas::of(vec![centre.clone()], vec![nursery()])
}

/// A stretch that begins so many bits after the evening before the clocks change in Berlin.
fn stretch(from: i32, length: i32) -> Interval {
    let evening: DateTime<Utc> = "2026-10-23T18:00:00Z".parse().unwrap();
    let starts = evening + BIT * from;
    Interval::new(starts, starts + BIT * length).unwrap()
}

proptest! {
    #[test]
    fn masks_say_what_intervals_say(
        claims in prop::collection::vec((1..=DESKS, 0_i32..700, 1_i32..200), 0..40),
        care in prop::collection::vec((0_i32..700, 1_i32..100), 0..12),
        (from, length) in (0_i32..700, 1_i32..300),
        buffer in prop::sample::select(vec![0_u32, 5, 15, 40]),
        zone in prop::sample::select(vec![chrono_tz::Asia::Tokyo, chrono_tz::Europe::Berlin]),
        asked in prop::collection::btree_set(1..=DESKS + 1, 0..7),
    ) {
        let centre = centre(zone, buffer);
        let atlas = atlas(&centre);
        // No two claims of one desk come closer than the buffer, as the database sees to.
        let mut desks: Vec<(SpaceId, Interval)> = Vec::new();
        for (space, from, length) in claims {
            let when = stretch(from, length);
            let apart = |(other, taken): &(SpaceId, Interval)| *other != desk(space)
                || !with_buffer(taken, buffer).overlaps(&with_buffer(&when, buffer));
            if desks.iter().all(apart) {
                desks.push((desk(space), when));
            }
        }
        let care: Vec<Interval> =
            care.into_iter().map(|(from, length)| stretch(from, length)).collect();
        let claims = LiveClaims {
            desks: desks.iter().map(|(space, when)| (centre.id, *space, *when)).collect(),
            care: care
                .iter()
                .map(|when| {
                    let ages = Default::default();
                    (nursery().id, CareTaken { when: *when, room: None, ages, admits: None })
                })
                .collect(),
            shifts: Vec::new(),
        };
        let slot = stretch(from, length);
        let (first, last) = (
            slot.starts().date_naive().pred_opt().unwrap(),
            slot.ends().date_naive().succ_opt().unwrap(),
        );
        let made = make(&atlas, &[&centre], (first, last), &[], &claims);
        let days = made.into_iter().map(|(day, centres)| (day, Arc::new(centres))).collect();
        let view = View { days };

        let asked: Vec<SpaceId> = asked.into_iter().map(desk).collect();
        let wide = with_buffer(&slot, buffer);
        let taken = || desks.iter()
            .filter(|(space, _)| asked.contains(space))
            .map(|(space, when)| (*space, with_buffer(when, buffer)));
        let mut held: Vec<SpaceId> = taken()
            .filter(|(_, when)| when.overlaps(&wide)).map(|(space, _)| space).collect();
        held.sort_unstable();
        held.dedup();
        prop_assert_eq!(view.held(&centre, &asked, &slot), held);
        let most = greatest_overlap(taken().map(|(_, when)| when), &wide);
        prop_assert_eq!(view.most_held(&centre, &asked, &slot), most);
        let children = greatest_overlap(care.iter().copied(), &slot);
        prop_assert_eq!(view.most_children(&centre, &slot), children);
    }
}
