//! Fifty want the same two dates, named in opposite orders.

use tests::region::Database;

use crate::contest::{Ask, Contest, RIVALS, ROUNDS, pinned, winners};

pub async fn contest(database: Database) {
    let mut contest = Contest::open(database).await;
    for round in 0..ROUNDS {
        let desk = contest.desk();
        let (one, other) = (contest.hour(2, round), contest.hour(3, round));
        let asks = (0..RIVALS)
            .map(|nth| {
                let dates = if nth % 2 == 0 { [one, other] } else { [other, one] };
                Ask::booking(nth, pinned(desk, &dates))
            })
            .collect();
        let answers = contest.race(asks).await;
        assert_eq!(winners(&answers, &["no-desk"]).len(), 1);
        for hour in [one, other] {
            assert_eq!(contest.held(desk, &hour).await, 1);
        }
    }
    contest.done("two dates in opposite orders").await;
}
