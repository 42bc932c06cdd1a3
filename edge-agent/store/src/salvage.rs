//! What becomes of a file that is damaged: whatever can be read of it goes on in a new one.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnection;

use crate::{EdgeStore, Limits, StoreError};

/// What SQLite keeps beside a file.
const BESIDE: [&str; 2] = [WAL, "-shm"];
const WAL: &str = "-wal";

/// A site that is damaged again and again must not fill the disk with what was set aside.
const MOST_ASIDE: u32 = 9;

/// What stands by itself: what it is, and how it is taken over.
const BY_ITSELF: [(&str, &str); 4] = [
    (
        "the time",
        "UPDATE main.progress SET clock_floor = (SELECT clock_floor FROM damaged.progress)",
    ),
    (
        "the wrong PINs",
        "INSERT INTO main.pin_tries (whose, wrong) SELECT whose, wrong FROM damaged.pin_tries",
    ),
    (
        "the orders",
        "INSERT INTO main.orders (id, not_after, answer, told)
         SELECT id, not_after, answer, told FROM damaged.orders",
    ),
    (
        "the head of the hub's audit record",
        "INSERT INTO main.audit_head (one, head) SELECT one, head FROM damaged.audit_head",
    ),
];

/// No log is longer: a count that says so is garbled.
const MOST_PLACES: i64 = 1 << 24;
/// So many places are read at a time where they cannot all be read at once.
const AT_ONCE: i64 = 256;
/// So many times as many are read one by one. A disk may take seconds over each that it cannot read.
const MOST_TORN: u32 = 100;

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
    // Taking over has not waited for the disk. One that is full may say so only now; the damaged file stays anyway.
    let coming_file = std::fs::OpenOptions::new().write(true).open(&coming)?;
    if let Err(error) = coming_file.sync_all() {
        tracing::error!(%error, "the new file may not be whole on the disk");
    }
    // What was set aside before may have a log that is none of this file's.
    remove_beside(aside)?;
    std::fs::rename(path, aside)?;
    match std::fs::rename(beside(path, WAL), beside(aside, WAL)) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            tracing::warn!(%error, "the damaged file's log cannot be set aside");
        }
        _ => {}
    }
    remove_beside(path)?;
    std::fs::rename(&coming, path)?;
    Ok(())
}

/// Where a damaged file goes. What was set aside before stays, for it may hold what nothing else does.
pub(crate) fn aside(path: &Path) -> PathBuf {
    let first = path.with_added_extension("damaged");
    let mut aside = first.clone();
    for number in 2..=MOST_ASIDE {
        if !aside.exists() {
            break;
        }
        aside = beside(&first, &format!("-{number}"));
    }
    aside
}

/// Forgets a new file that was never put in its place: by the time that the other one is missing, it is old.
pub(crate) fn forget_what_was_begun(path: &Path) {
    let coming = coming(path);
    if let Err(error) = remove(&coming).and_then(|()| remove_beside(&coming)) {
        tracing::warn!(%error, path = %coming.display(), "what is left of a salvage cannot be removed");
    }
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
        keep_in_one_file(&mut connection).await?;
        sqlx::query("ATTACH DATABASE ? AS damaged").bind(name).execute(&mut *connection).await?;
        for (what, statement) in BY_ITSELF {
            if let Err(error) = sqlx::query(statement).execute(&mut *connection).await {
                missing(what, &error.into());
            }
        }
        // The log is the largest: on a full disk it must not take the room of the sheets.
        if let Err(error) = take_sheets(&mut connection).await {
            missing("the sheets", &error);
        }
        take_log(&mut connection).await;
        Ok(())
    }
}

/// Says what the new file does not have, and why.
fn missing(what: &str, error: &StoreError) {
    if error.is_full() {
        tracing::error!(what, %error, "the disk has no room to take this over from the damaged file");
    } else {
        tracing::error!(what, %error, "this part of the damaged file is lost");
    }
}

/// Only the file itself is put in its place: nothing of it may be in a log beside it.
async fn keep_in_one_file(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let log = sqlx::query_scalar::<_, String>("PRAGMA main.journal_mode = DELETE")
        .fetch_one(&mut *connection)
        .await;
    match log {
        Ok(log) if log == "delete" => {}
        Ok(log) => tracing::warn!(%log, "the new file keeps its log until it is closed"),
        Err(error) => tracing::warn!(%error, "the new file keeps its log until it is closed"),
    }
    // A power cut meanwhile finds the damaged file, so that the disk is waited for once, at the end.
    sqlx::query("PRAGMA main.synchronous = OFF").execute(&mut *connection).await?;
    Ok(())
}

/// Takes over how far the site was, its state and its log. Where it cannot be read how far it was, no place of the log
/// says anything, and the site begins anew.
async fn take_log(connection: &mut SqliteConnection) {
    let (told, last) = match take_progress(connection).await {
        Ok(Some(places)) => places,
        Ok(None) => {
            tracing::error!("the damaged file has garbled counts; the log begins anew");
            return;
        }
        Err(error) => {
            missing("how far the site was, and with it the log", &error);
            return;
        }
    };
    // Without it the site goes on from the log alone, as from one whose state is torn.
    let state = sqlx::query(
        "UPDATE main.progress SET (state_place, state)
           = (SELECT state_place, state FROM damaged.progress)",
    )
    .execute(&mut *connection)
    .await;
    if let Err(error) = state {
        missing("the site's state", &error.into());
    }
    if told < last {
        take_events(connection, told, last).await;
    }
}

/// Takes over the counts, but not the state nor its place: what no state holds must not be dropped. Answers the last
/// place that the log need not hold any more and the last one of all; nothing where they cannot be meant.
async fn take_progress(
    connection: &mut SqliteConnection,
) -> Result<Option<(i64, i64)>, StoreError> {
    // These stand before the state in the row. What stands behind it cannot be read where a page of the state cannot.
    let (last, committed, met, told): (i64, i64, bool, i64) = sqlx::query_as(
        "SELECT last_place, committed, met, min(committed, state_place) FROM damaged.progress",
    )
    .fetch_one(&mut *connection)
    .await?;
    if told < 0 || !(told..i64::MAX).contains(&last) || last - told > MOST_PLACES {
        return Ok(None);
    }
    let all = sqlx::query(
        "UPDATE main.progress SET
             (last_place, committed, met, chain_file, chain_began, chain_head, dropped, dropped_hash, offered, shifts)
           = (SELECT last_place, committed, met, chain_file, chain_began, chain_head, dropped, dropped_hash, offered,
                  shifts FROM damaged.progress)",
    )
    .execute(&mut *connection)
    .await;
    if let Err(error) = all {
        missing("the chain over the log", &error.into());
        // The new file's own chain then is begun over what the log holds once the file is opened, as with a file of
        // before the chain. Any of it may have been offered.
        sqlx::query(
            "UPDATE main.progress SET last_place = ?1, committed = ?2, met = ?3, offered = ?1, chain_head = NULL",
        )
        .bind(last)
        .bind(committed)
        .bind(met)
        .execute(&mut *connection)
        .await?;
    }
    Ok(Some((told, last)))
}

/// Takes over the log, piece by piece where it has to be. A place that is missing is told as lost.
async fn take_events(connection: &mut SqliteConnection, told: i64, last: i64) {
    let Err(error) = take_places(connection, told + 1, last).await else { return };
    missing("a part of the log", &error);
    let (mut taken, mut torn) = (0, 0);
    let mut first = told + 1;
    'places: while first <= last {
        let end = last.min(first.saturating_add(AT_ONCE - 1));
        match take_places(connection, first, end).await {
            Ok(many) => taken += many,
            Err(error) if error.is_full() => break,
            Err(_) if torn < MOST_TORN => {
                torn += 1;
                for place in first..=end {
                    match take_places(connection, place, place).await {
                        Ok(many) => taken += many,
                        Err(error) if error.is_full() => break 'places,
                        Err(_) => {}
                    }
                }
            }
            Err(_) => {}
        }
        first = end + 1;
    }
    tracing::error!(taken, of = last - told, "the log goes on with what could be taken over");
}

/// Takes over the events at these places, all or none; answers how many there are.
async fn take_places(
    connection: &mut SqliteConnection,
    first: i64,
    last: i64,
) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "INSERT INTO main.outbox (place, body, chain, weight)
         SELECT place, body, chain, weight FROM damaged.outbox WHERE place BETWEEN ? AND ?",
    )
    .bind(first)
    .bind(last)
    .execute(&mut *connection)
    .await?;
    Ok(done.rows_affected())
}

async fn take_sheets(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let versions: Vec<i64> =
        sqlx::query_scalar("SELECT version FROM damaged.sheet ORDER BY version")
            .fetch_all(&mut *connection)
            .await?;
    for version in versions {
        take_sheet(connection, version).await?;
    }
    Ok(())
}

/// A sheet that cannot be read whole goes on as one that is torn: that there is a newer sheet than the one before it
/// counts all the same.
async fn take_sheet(connection: &mut SqliteConnection, version: i64) -> Result<(), StoreError> {
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
    // Without the index (hence the plus), which may be what is damaged; then with it, which leads past a damaged page
    // that holds nothing of this sheet.
    const WAYS: [&str; 2] = [
        "INSERT INTO main.sheet_section (version, sha256, body)
         SELECT version, sha256, body FROM damaged.sheet_section WHERE +version = ?",
        "INSERT INTO main.sheet_section (version, sha256, body)
         SELECT version, sha256, body FROM damaged.sheet_section WHERE version = ?",
    ];
    let mut torn = None;
    for way in WAYS {
        match sqlx::query(way).bind(version).execute(&mut *connection).await {
            Ok(_) => {
                torn = None;
                break;
            }
            Err(error) => torn = Some(StoreError::from(error)),
        }
    }
    if let Some(error) = torn {
        missing(&format!("the sheet {version}"), &error);
    }
    Ok(())
}

fn remove_beside(path: &Path) -> std::io::Result<()> {
    for extension in BESIDE {
        remove(&beside(path, extension))?;
    }
    Ok(())
}

fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(extension);
    PathBuf::from(name)
}

fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
