use std::collections::HashMap;

use wire::sheet::{AuditHead, SignedManifest};

use crate::{EdgeStore, StoreError, number};

/// How many sheets are kept: the one in force, and the last good one should it turn out torn.
const KEPT: i64 = 2;

/// A sheet as it was fetched. Whether it is whole, its signature and hashes say.
#[derive(Clone, Debug)]
pub struct KeptSheet {
    /// The signed manifest.
    pub manifest: SignedManifest,
    /// The sections' bytes by SHA-256.
    pub sections: HashMap<String, Vec<u8>>,
}

impl EdgeStore {
    /// Keeps a sheet, whole or not at all, and forgets all but the newest.
    ///
    /// # Errors
    /// When the file cannot be written; the sheets before stay then.
    pub async fn keep_sheet(&self, version: u64, sheet: &KeptSheet) -> Result<(), StoreError> {
        let version = number(version)?;
        let manifest = serde_json::to_string(&sheet.manifest)?;
        let mut transaction = self.begin().await?;
        sqlx::query("DELETE FROM sheet WHERE version = ?")
            .bind(version)
            .execute(&mut *transaction)
            .await?;
        sqlx::query("INSERT INTO sheet (version, manifest) VALUES (?, ?)")
            .bind(version)
            .bind(manifest)
            .execute(&mut *transaction)
            .await?;
        for (sha256, body) in &sheet.sections {
            sqlx::query("INSERT INTO sheet_section (version, sha256, body) VALUES (?, ?, ?)")
                .bind(version)
                .bind(sha256)
                .bind(body)
                .execute(&mut *transaction)
                .await?;
        }
        sqlx::query(
            "DELETE FROM sheet WHERE version NOT IN
             (SELECT version FROM sheet ORDER BY version DESC LIMIT ?)",
        )
        .bind(KEPT)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The kept sheets, newest first. One whose manifest cannot be read has one that no key has signed: that there is a
    /// newer sheet than the next one counts all the same.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn sheets(&self) -> Result<Vec<KeptSheet>, StoreError> {
        let rows: Vec<(i64, String)> =
            sqlx::query_as("SELECT version, manifest FROM sheet ORDER BY version DESC")
                .fetch_all(&self.pool)
                .await?;
        let mut sheets = Vec::new();
        for (version, manifest) in rows {
            let manifest = serde_json::from_str(&manifest).unwrap_or_else(|error| {
                tracing::error!(version, %error, "a kept sheet cannot be read");
                let none = String::new;
                SignedManifest { manifest: none(), key: none(), signature: none() }
            });
            let sections: Vec<(String, Vec<u8>)> =
                sqlx::query_as("SELECT sha256, body FROM sheet_section WHERE version = ?")
                    .bind(version)
                    .fetch_all(&self.pool)
                    .await?;
            sheets.push(KeptSheet { manifest, sections: sections.into_iter().collect() });
        }
        Ok(sheets)
    }

    /// The highest head of the hub's audit chain that was kept.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn audit_head(&self) -> Result<Option<AuditHead>, StoreError> {
        let head: Option<String> =
            sqlx::query_scalar("SELECT head FROM audit_head").fetch_optional(&self.pool).await?;
        let read = head.as_deref().map(str::parse);
        if let Some(Err(error)) = read {
            tracing::error!(%error, "the kept head of the hub's audit record cannot be read");
        }
        Ok(read.and_then(Result::ok))
    }

    /// Keeps the highest head seen.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn keep_audit_head(&self, head: &AuditHead) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO audit_head (one, head) VALUES (1, ?)
             ON CONFLICT (one) DO UPDATE SET head = excluded.head",
        )
        .bind(head.to_string())
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
