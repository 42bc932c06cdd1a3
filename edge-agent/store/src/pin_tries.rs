//! Wrong PINs in a row, which a restart must not forget.

use crate::{EdgeStore, StoreError};

impl EdgeStore {
    /// Keeps how many wrong PINs in a row were typed, by whose; none is forgotten.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn keep_pin_tries(&self, counts: &[(String, u32)]) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for (whose, wrong) in counts {
            if *wrong == 0 {
                sqlx::query("DELETE FROM pin_tries WHERE whose = ?")
                    .bind(whose)
                    .execute(&mut *tx)
                    .await?;
            } else {
                sqlx::query(
                    "INSERT INTO pin_tries (whose, wrong) VALUES (?, ?)
                     ON CONFLICT (whose) DO UPDATE SET wrong = excluded.wrong",
                )
                .bind(whose)
                .bind(i64::from(*wrong))
                .execute(&mut *tx)
                .await?;
            }
        }
        Ok(tx.commit().await?)
    }

    /// What was kept.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn pin_tries(&self) -> Result<Vec<(String, u32)>, StoreError> {
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT whose, wrong FROM pin_tries ORDER BY whose")
                .fetch_all(&self.pool)
                .await?;
        // A count beyond all bounds is still a count: it closes.
        let count = |wrong: i64| u32::try_from(wrong).unwrap_or(u32::MAX);
        Ok(rows.into_iter().map(|(whose, wrong)| (whose, count(wrong))).collect())
    }
}
