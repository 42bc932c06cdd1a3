//! Bookings that both the centre and the employer have to approve: approved and declined at the same
//! moment, approved while their guests give them up and others want the desk, and approved while their
//! guests change them.

use futures::future::join_all;
use model::centre::Approval;
use model::clock::{Clock as _, SystemClock};
use model::interval::Interval;
use serde_json::json;
use tests::region::Database;
use uuid::Uuid;

use crate::change::{change, path};
use crate::contest::{Answer, Ask, Contest, ROUNDS, pinned, winners};

/// Guests of an employer whose admin decides on what they ask for, besides the centre's operator.
const GUESTS: [&str; 2] = ["sato", "inoue"];
const OPERATOR: &str = "kobayashi";
const EMPLOYER: &str = "sasaki";
/// Of others' employers.
const RIVALS: [&str; 2] = ["tanaka", "kimura"];
/// Who has to agree.
const BOTH: [&str; 2] = ["centre", "employer"];
/// So many are asked for in a round, each of ten requests' worth.
const ASKED: usize = 5;

pub async fn contest(database: Database) {
    let mut contest = Contest::open(database).await;
    let mut centre = contest.centre.clone();
    centre.settings.approval = Approval::All;
    assert!(contest.region.store.set_settings(&centre).await.unwrap());
    let guest = contest.person(GUESTS[0]).await;
    let guest = contest.region.store.person(guest).await.unwrap().unwrap();
    let employer = guest.employers_at(SystemClock.now()).next().unwrap();
    contest.region.store.set_approves(employer, true).await.unwrap();
    // A running hub hears of it some seconds later.
    contest.region.stop_hub();
    contest.region.start_hub().await;
    contest.let_in(&[OPERATOR, EMPLOYER]).await;
    for round in 0..ROUNDS {
        two_decide(&mut contest, round).await;
        guests_give_up(&mut contest, round).await;
        guests_change(&mut contest, round).await;
    }
    contest.done("approvals").await;
}

/// What waits for a decision, with the guest and the desk.
async fn asked_for(contest: &Contest, hour: &Interval) -> Vec<(Uuid, &'static str, Uuid)> {
    let desks = contest.desks.iter().rev().take(ASKED).zip(GUESTS.iter().cycle());
    let made = desks.map(|(desk, guest)| async move {
        let told = contest.ask(guest, "/api/v1/bookings", &pinned(*desk, &[*hour])).await;
        assert_eq!((&told["status"], &told["awaits"]), (&json!("asked"), &json!(BOTH)));
        (crate::contest::id_of(&told), *guest, *desk)
    });
    join_all(made).await
}

async fn two_decide(contest: &mut Contest, round: i64) {
    let hour = contest.hour(5, round);
    let asked = asked_for(contest, &hour).await;
    let asks = (0..10)
        .flat_map(|nth| {
            asked.iter().map(move |(id, ..)| {
                let (who, what) = match nth % 4 {
                    1 => (EMPLOYER, "approve"),
                    3 => (EMPLOYER, "decline"),
                    _ => (OPERATOR, "approve"),
                };
                Ask::of(who, format!("/api/v1/bookings/{id}/{what}"), json!({}))
            })
        })
        .collect();
    let answers = contest.race(asks).await;
    let truth = contest.truth.bookings().await;
    for (nth, (id, _, desk)) in asked.iter().enumerate() {
        let of = |kind: usize| -> Vec<&Answer> {
            let about = answers.iter().skip(nth).step_by(ASKED).enumerate();
            about.filter(|(which, _)| which % 4 == kind).map(|(_, answer)| answer).collect()
        };
        let for_centre = [of(0), of(2)].concat();
        let for_centre = winners(for_centre, &["not-asked"]).len();
        let approved = winners(of(1), &["not-asked"]).len();
        let declined = winners(of(3), &["not-asked"]).len();
        assert_eq!(approved + declined, 1, "an employer has one say: {answers:?}");
        assert!(for_centre <= 1 && for_centre >= approved, "so has the centre: {answers:?}");
        let status = if approved == 1 { "confirmed" } else { "declined" };
        assert_eq!(truth[id].status, status);
        assert_eq!(contest.held(*desk, &hour).await, i64::from(approved == 1));
        assert_eq!(contest.notices(*id, "'approved', 'declined'").await, 1);
    }
}

async fn guests_give_up(contest: &mut Contest, round: i64) {
    let hour = contest.hour(7, round);
    let asked = asked_for(contest, &hour).await;
    let asks = (0..10)
        .flat_map(|nth| {
            asked.iter().map(move |(id, guest, desk)| match nth {
                0 | 3 => Ask::of(OPERATOR, format!("/api/v1/bookings/{id}/approve"), json!({})),
                6 => Ask::of(EMPLOYER, format!("/api/v1/bookings/{id}/approve"), json!({})),
                1 | 4 | 7 => Ask::of(guest, format!("/api/v1/bookings/{id}/cancel"), json!({})),
                nth => Ask::of(RIVALS[nth % 2], "/api/v1/bookings", pinned(*desk, &[hour])),
            })
        })
        .collect();
    let answers = contest.race(asks).await;
    let truth = contest.truth.bookings().await;
    for (nth, (id, _, desk)) in asked.iter().enumerate() {
        let of = |kinds: &[usize]| -> Vec<&Answer> {
            kinds.iter().map(|kind| &answers[nth + kind * ASKED]).collect()
        };
        let for_centre = winners(of(&[0, 3]), &["not-asked"]).len();
        let for_employer = winners(of(&[6]), &["not-asked"]).len();
        let approved = for_centre.min(for_employer);
        let cancelled = winners(of(&[1, 4, 7]), &[]);
        let taken = winners(of(&[2, 5, 8, 9]), &["no-desk"]).len();
        assert!(for_centre <= 1, "{answers:?}");
        assert_eq!(cancelled.len(), 3, "giving up twice is the same as once");
        assert!(cancelled.iter().all(|answer| answer.told["status"] == "cancelled"));
        assert_eq!((&truth[id].status[..], &truth[id].desks[..]), ("cancelled", &[][..]));
        assert!(taken <= 1, "{answers:?}");
        assert_eq!(contest.held(*desk, &hour).await, i64::try_from(taken).unwrap());
        assert_eq!(contest.notices(*id, "'cancelled'").await, 1);
        assert_eq!(
            contest.notices(*id, "'approved'").await,
            i64::try_from(approved).unwrap(),
            "whoever is told that it is approved is told the truth"
        );
    }
}

async fn guests_change(contest: &mut Contest, round: i64) {
    let asked = asked_for(contest, &contest.hour(9, round)).await;
    // Nobody gets more than was agreed to: each change is to another day.
    let there = |version: u32| contest.hour(9 + i64::from(version), round);
    let asks = (0..10)
        .flat_map(|nth| {
            asked.iter().map(move |(id, guest, desk)| {
                let to = |version| {
                    let order = pinned(*desk, &[there(version)]);
                    Ask::of(guest, path(*id), change(version, &order))
                };
                match nth {
                    0 | 3 | 6 => {
                        Ask::of(OPERATOR, format!("/api/v1/bookings/{id}/approve"), json!({}))
                    }
                    1 | 4 | 7 => {
                        Ask::of(EMPLOYER, format!("/api/v1/bookings/{id}/approve"), json!({}))
                    }
                    2 | 9 => to(1),
                    5 => to(2),
                    _ => to(3),
                }
            })
        })
        .collect();
    let first = contest.hour(9, round);
    let slots: Vec<Interval> = (1..=3).map(there).collect();
    let answers = contest.race(asks).await;
    let truth = contest.truth.bookings().await;
    for (nth, (id, _, desk)) in asked.iter().enumerate() {
        let about: Vec<&Answer> = answers.iter().skip(nth).step_by(ASKED).collect();
        winners(about.iter().copied(), &["not-asked", "other-version"]);
        let mut done: Vec<(u64, usize)> = about
            .iter()
            .enumerate()
            .filter(|(_, answer)| answer.status.is_success())
            .map(|(kind, answer)| {
                // A change tells of each booking that it reaches.
                let told = answer.told.get(0).map_or(&answer.told, |one| &one["booking"]);
                (told["version"].as_u64().unwrap(), kind)
            })
            .collect();
        done.sort();
        // What was done, one after the other, is the only account of how it stands.
        let (mut awaits, mut slot, mut approved) = ((true, true), first, 0);
        for ((version, kind), next) in done.iter().zip(2..) {
            assert_eq!(*version, next, "{about:?}");
            match kind {
                0 | 3 | 6 => awaits.0 = false,
                1 | 4 | 7 => awaits.1 = false,
                _ => {
                    awaits = (true, true);
                    slot = slots[usize::try_from(*version).unwrap() - 2];
                }
            }
            approved += i64::from(awaits == (false, false));
        }
        let status = if awaits == (false, false) { "confirmed" } else { "asked" };
        assert_eq!((&truth[id].status[..], &truth[id].desks), (status, &vec![(*desk, slot)]));
        assert_eq!(contest.notices(*id, "'approved'").await, approved, "{about:?}");
    }
}
