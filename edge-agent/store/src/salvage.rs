//! What becomes of a file that is damaged: whatever can be read of it goes on in a new one.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;

use crate::{EdgeStore, Limits, StoreError};

/// What SQLite keeps beside a file.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// What goes on together or not at all: where the outbox cannot be read whole, no count of it holds either.
const TOGETHER: [&[&str]; 5] = [
    &["UPDATE main.progress SET clock_floor = (SELECT clock_floor FROM damaged.progress)"],
    &[
        "INSERT INTO main.outbox (place, body, chain, weight)
         SELECT place, body, chain, weight FROM damaged.outbox",
        "UPDATE main.progress SET
             (last_place, committed, met, state_place, state, chain_file, chain_began, chain_head,
              dropped, dropped_hash, offered, shifts)
           = (SELECT last_place, committed, met, state_place, state, chain_file, chain_began, chain_head,
              dropped, dropped_hash, offered, shifts FROM damaged.progress)",
    ],
    &["INSERT INTO main.pin_tries (whose, wrong) SELECT whose, wrong FROM damaged.pin_tries"],
    &["INSERT INTO main.orders (id, not_after, answer, told)
       SELECT id, not_after, answer, told FROM damaged.orders"],
    &["INSERT INTO main.audit_head (one, head) SELECT one, head FROM damaged.audit_head"],
];

/// Sets the file at `path` aside, and puts a new one in its place with what can be read of it.
pub(crate) async fn begin_anew(
    path: &Path,
    aside: &Path,
    limits: Limits,
) -> Result<(), StoreError> {
    // The new one is made beside it: a power cut meanwhile finds the damaged one still there.
    let coming = coming(path);
    remove(&coming)?;
    remove_beside(&coming)?;
    let store = EdgeStore::open_as_it_is(&coming, limits).await?;
    if let Err(error) = store.take_over(path).await {
        tracing::error!(%error, "the damaged file cannot be read any further");
    }
    store.close().await;
    std::fs::rename(path, aside)?;
    remove_beside(path)?;
    std::fs::rename(&coming, path)?;
    Ok(())
}

/// Puts the new file in its place where a power cut came after the damaged one was set aside.
pub(crate) fn end_what_was_begun(path: &Path) -> std::io::Result<()> {
    let coming = coming(path);
    if !path.exists() && coming.exists() {
        remove_beside(path)?;
        std::fs::rename(coming, path)?;
    }
    Ok(())
}

fn coming(path: &Path) -> PathBuf {
    path.with_added_extension("coming")
}

impl EdgeStore {
    /// Takes over what can be read of a damaged file. What cannot is said, and is missing.
    async fn take_over(&self, damaged: &Path) -> Result<(), StoreError> {
        let Some(name) = damaged.to_str() else { return Ok(()) };
        let mut connection = self.pool.acquire().await?;
        sqlx::query("ATTACH DATABASE ? AS damaged").bind(name).execute(&mut *connection).await?;
        for statements in TOGETHER {
            if let Err(error) = together(&mut connection, statements).await {
                tracing::error!(%error, "a part of the damaged file is lost");
            }
        }
        let versions: Vec<i64> =
            sqlx::query_scalar("SELECT version FROM damaged.sheet ORDER BY version")
                .fetch_all(&mut *connection)
                .await?;
        for version in versions {
            take_sheet(&mut connection, version).await?;
        }
        Ok(())
    }
}

async fn together(
    connection: &mut SqliteConnection,
    statements: &'static [&'static str],
) -> Result<(), sqlx::Error> {
    // Not an immediate one: that would want to write to the damaged file too.
    let mut transaction = connection.begin().await?;
    for statement in statements {
        sqlx::query(*statement).execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

/// A sheet that cannot be read whole goes on as one that is torn: that there is a newer sheet than the one before it
/// counts all the same.
async fn take_sheet(connection: &mut SqliteConnection, version: i64) -> Result<(), sqlx::Error> {
    let manifest = sqlx::query(
        "INSERT INTO main.sheet (version, manifest)
         SELECT version, manifest FROM damaged.sheet WHERE version = ?",
    )
    .bind(version)
    .execute(&mut *connection)
    .await;
    if let Err(error) = manifest {
        tracing::error!(version, %error, "a kept sheet cannot be read");
        sqlx::query("INSERT INTO main.sheet (version, manifest) VALUES (?, '')")
            .bind(version)
            .execute(&mut *connection)
            .await?;
    }
    // Without the index (hence the plus), which may be what is damaged.
    let sections = sqlx::query(
        "INSERT INTO main.sheet_section (version, sha256, body)
         SELECT version, sha256, body FROM damaged.sheet_section WHERE +version = ?",
    )
    .bind(version)
    .execute(&mut *connection)
    .await;
    if let Err(error) = sections {
        tracing::error!(version, %error, "a kept sheet is torn");
    }
    Ok(())
}

fn remove_beside(path: &Path) -> std::io::Result<()> {
    for extension in BESIDE {
        let mut name = path.as_os_str().to_owned();
        name.push(extension);
        remove(&PathBuf::from(name))?;
    }
    Ok(())
}

fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
