//! Fifty want one desk at one hour.

use tests::region::Database;

use crate::contest::{Ask, Contest, RIVALS, ROUNDS, pinned, winners};

pub async fn contest(database: Database) {
    let mut contest = Contest::open(database).await;
    for round in 0..ROUNDS {
        let (desk, hour) = (contest.desk(), contest.hour(2, round));
        let asks = (0..RIVALS).map(|nth| Ask::booking(nth, pinned(desk, &[hour]))).collect();
        let answers = contest.race(asks).await;
        assert_eq!(winners(&answers, &["no-desk"]).len(), 1);
        assert_eq!(contest.held(desk, &hour).await, 1);
    }
    contest.done("one desk").await;
}
