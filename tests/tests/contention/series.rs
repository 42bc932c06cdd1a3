//! Series of three days, all or nothing, that meet on one day only; and bookings that name three of
//! their days backwards.

use reqwest::StatusCode;
use serde_json::json;
use tests::region::Database;

use crate::contest::{Ask, Contest, PEOPLE, RIVALS, ROUNDS, pinned, winners};

/// The first day of all.
const FIRST: i64 = 2;

pub async fn contest(database: Database) {
    let mut contest = Contest::open(database).await;
    for round in 0..ROUNDS {
        let desk = contest.desk();
        let on = |day: i64| contest.hour(FIRST + day, round);
        // Whichever it is, the third day is one of its three.
        let asks = (0_i64..)
            .take(RIVALS)
            .zip(PEOPLE.iter().cycle())
            .map(|(nth, who)| match nth % 4 {
                3 => Ask::of(who, "/api/v1/bookings", pinned(desk, &[on(4), on(2), on(0)])),
                begins => {
                    let order = pinned(desk, &[on(begins)]);
                    let rule = "FREQ=DAILY;COUNT=3";
                    Ask::of(who, "/api/v1/series", json!({ "order": order, "rule": rule }))
                }
            })
            .collect();
        let answers = contest.race(asks).await;
        let (series, bookings): (Vec<_>, Vec<_>) =
            answers.iter().enumerate().partition(|(nth, _)| nth % 4 != 3);
        let mut won = winners(bookings.into_iter().map(|(_, answer)| answer), &["no-desk"]).len();
        for (_, answer) in series {
            let days = answer.told["days"].as_array().unwrap();
            assert_eq!(days.len(), 3, "{answer:?}");
            let refused = days.iter().filter(|day| !day["problem"].is_null()).count();
            if answer.status == StatusCode::CREATED {
                assert_eq!((&answer.told["made"], refused), (&json!(true), 0), "{answer:?}");
                won += 1;
                continue;
            }
            assert_eq!(answer.status, StatusCode::CONFLICT, "{answer:?}");
            assert_eq!(answer.told["type"], "/problems/series-not-booked");
            assert!(refused > 0, "{answer:?}");
            for day in days.iter().filter(|day| !day["problem"].is_null()) {
                assert_eq!(day["problem"]["type"], "/problems/no-desk");
            }
        }
        assert_eq!(won, 1);
        let mut held = 0;
        for day in 0..5 {
            held += contest.held(desk, &contest.hour(FIRST + day, round)).await;
        }
        assert_eq!(held, 3, "all three days or none of anybody's");
    }
    let made = contest.truth.count("SELECT COUNT(*) FROM series").await;
    let of_series =
        contest.truth.count("SELECT COUNT(*) FROM bookings WHERE series_id IS NOT NULL").await;
    assert_eq!(of_series, 3 * made);
    contest.done("series that meet on a day").await;
}
