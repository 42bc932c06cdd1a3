//! Bookings that are asked for: approved and declined at the same moment, and approved while their
//! guests give them up and others want the desk.

use futures::future::join_all;
use model::centre::Approval;
use model::interval::Interval;
use serde_json::json;
use tests::region::Database;
use uuid::Uuid;

use crate::contest::{Answer, Ask, Contest, ROUNDS, pinned, winners};

/// Guests whose employer's admin decides on what they ask for as the centre's operator does.
const GUESTS: [&str; 2] = ["sato", "inoue"];
const OPERATOR: &str = "kobayashi";
const EMPLOYER: &str = "sasaki";
/// Of others' employers.
const RIVALS: [&str; 2] = ["tanaka", "kimura"];
/// So many are asked for in a round, each of ten requests' worth.
const ASKED: usize = 5;

pub async fn contest(database: Database) {
    let mut contest = Contest::open(database).await;
    let mut centre = contest.centre.clone();
    centre.settings.approval = Approval::All;
    assert!(contest.region.store.set_settings(&centre).await.unwrap());
    // A running hub hears of it some seconds later.
    contest.region.stop_hub();
    contest.region.start_hub().await;
    contest.let_in(&[OPERATOR, EMPLOYER]).await;
    for round in 0..ROUNDS {
        two_decide(&mut contest, round).await;
        guests_give_up(&mut contest, round).await;
    }
    contest.done("approvals").await;
}

/// What waits for a decision, with the guest and the desk.
async fn asked_for(contest: &Contest, hour: &Interval) -> Vec<(Uuid, &'static str, Uuid)> {
    let desks = contest.desks.iter().rev().take(ASKED).zip(GUESTS.iter().cycle());
    let made = desks.map(|(desk, guest)| async move {
        let told = contest.ask(guest, "/api/v1/bookings", &pinned(*desk, &[*hour])).await;
        assert_eq!(told["status"], "asked");
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
                let (who, what) =
                    if nth % 2 == 0 { (OPERATOR, "approve") } else { (EMPLOYER, "decline") };
                Ask::of(who, format!("/api/v1/bookings/{id}/{what}"), json!({}))
            })
        })
        .collect();
    let answers = contest.race(asks).await;
    let truth = contest.truth.bookings().await;
    for (nth, (id, _, desk)) in asked.iter().enumerate() {
        let about: Vec<&Answer> = answers.iter().skip(nth).step_by(ASKED).collect();
        let won = winners(about.iter().copied(), &["not-asked"]);
        assert_eq!(won.len(), 1, "{about:?}");
        let status = won[0].told["status"].as_str().unwrap();
        assert!(["confirmed", "declined"].contains(&status), "{status}");
        assert_eq!(truth[id].status, status);
        assert_eq!(contest.held(*desk, &hour).await, i64::from(status == "confirmed"));
        assert_eq!(contest.notices(*id, "'approved', 'declined'").await, 1);
    }
}

async fn guests_give_up(contest: &mut Contest, round: i64) {
    let hour = contest.hour(7, round);
    let asked = asked_for(contest, &hour).await;
    let asks = (0..10)
        .flat_map(|nth| {
            asked.iter().map(move |(id, guest, desk)| match nth {
                0 | 3 | 6 => Ask::of(OPERATOR, format!("/api/v1/bookings/{id}/approve"), json!({})),
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
        let approved = winners(of(&[0, 3, 6]), &["not-asked"]).len();
        let cancelled = winners(of(&[1, 4, 7]), &[]);
        let taken = winners(of(&[2, 5, 8, 9]), &["no-desk"]).len();
        assert!(approved <= 1, "{answers:?}");
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
