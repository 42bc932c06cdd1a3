//! Fifty requests at the same moment for what only few of them can have: as many get it as there is
//! room for, the others are told so, and the database holds nothing twice.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod contest;

mod approval;
mod care;
mod caregiver;
mod change;
mod dates;
mod desk;
mod hold;
mod moves;
mod series;
mod waitlist;

/// Makes each contest a test on SQLite and a test on PostgreSQL.
macro_rules! on_both_databases {
    ($($contest:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $contest() {
                    crate::$contest::contest(tests::region::Database::Sqlite).await;
                }
            )+
        }
        mod postgres {
            $(
                #[tokio::test]
                async fn $contest() {
                    crate::$contest::contest(tests::region::Database::Postgres).await;
                }
            )+
        }
    };
}

on_both_databases! { approval, care, caregiver, change, dates, desk, hold, moves, series, waitlist }
