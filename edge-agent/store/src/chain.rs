//! The outbox's rows and the chain over them.

use model::event_chain::ChainHash;
use model::id::ChainFileId;
use model::site_event::{Happening, SiteEvent, Weight};
use sqlx::{Sqlite, Transaction};
use wire::chain as hashes;

use crate::{StoreError, unsigned};

type Tx<'a> = Transaction<'a, Sqlite>;

/// What [`Row::weight`] says of an event that stands for others.
pub(crate) const STANDS_FOR_OTHERS: i64 = 3;

/// An event as the outbox keeps it.
pub(crate) struct Row {
    pub(crate) body: String,
    pub(crate) weight: i64,
    /// Whether it is what was appended. What was tampered with stays so when it is written anew.
    pub(crate) fits: bool,
}

impl Row {
    pub(crate) fn of(event: &SiteEvent) -> Result<Self, StoreError> {
        let weight = match &event.what {
            Happening::Shed { .. } => STANDS_FOR_OTHERS,
            what => weight(what.weight()),
        };
        Ok(Self { body: serde_json::to_string(event)?, weight, fits: true })
    }
}

/// The number that the file keeps.
pub(crate) fn weight(weight: Weight) -> i64 {
    match weight {
        Weight::Telemetry => 0,
        Weight::Record => 1,
        Weight::Safety => 2,
    }
}

/// Puts rows behind `head`, the first at `place`; answers the last place and the hash there.
pub(crate) async fn insert(
    tx: &mut Tx<'_>,
    mut place: i64,
    mut head: ChainHash,
    rows: &[Row],
) -> Result<(i64, ChainHash), StoreError> {
    for row in rows {
        head = hashes::link(&head, unsigned(place), &row.body);
        if !row.fits {
            head = ChainHash(head.0.map(|byte| !byte));
        }
        sqlx::query("INSERT INTO outbox (place, body, chain, weight) VALUES (?, ?, ?, ?)")
            .bind(place)
            .bind(&row.body)
            .bind(head.0.as_slice())
            .bind(row.weight)
            .execute(&mut **tx)
            .await?;
        place += 1;
    }
    Ok((place - 1, head))
}

/// Place, body, weight and link.
type Kept = (i64, Vec<u8>, i64, Option<Vec<u8>>);

/// The rows from a place on, in order, each with its place.
pub(crate) async fn rows_from(tx: &mut Tx<'_>, place: i64) -> Result<Vec<(i64, Row)>, StoreError> {
    let mut head = before(tx, place).await?;
    let rows: Vec<Kept> = sqlx::query_as(
        "SELECT place, CAST(body AS BLOB), weight, chain FROM outbox WHERE place >= ? ORDER BY place",
    )
    .bind(place)
    .fetch_all(&mut **tx)
    .await?;
    let mut read = Vec::with_capacity(rows.len());
    for (place, body, weight, kept) in rows {
        let body = text(body);
        let link = hashes::link(&head, unsigned(place), &body);
        head = kept.and_then(|kept| hash(&kept).ok()).unwrap_or(link);
        read.push((place, Row { fits: head == link, body, weight }));
    }
    Ok(read)
}

/// A body as text; what is none is no event either.
pub(crate) fn text(body: Vec<u8>) -> String {
    String::from_utf8(body)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// The hash before the first event of the file's chain.
pub(crate) async fn start(tx: &mut Tx<'_>) -> Result<ChainHash, StoreError> {
    let (id, began): (Vec<u8>, i64) =
        sqlx::query_as("SELECT chain_file, chain_began FROM progress").fetch_one(&mut **tx).await?;
    Ok(hashes::start(file(&id)?, unsigned(began)))
}

/// The hash before the event at `place`; zeros where what stood there is gone, which the hub will see.
pub(crate) async fn before(tx: &mut Tx<'_>, place: i64) -> Result<ChainHash, StoreError> {
    let (began, dropped, dropped_hash): (i64, i64, Option<Vec<u8>>) =
        sqlx::query_as("SELECT chain_began, dropped, dropped_hash FROM progress")
            .fetch_one(&mut **tx)
            .await?;
    if place == began {
        return start(tx).await;
    }
    if place - 1 == dropped {
        return Ok(dropped_hash.and_then(|kept| hash(&kept).ok()).unwrap_or_default());
    }
    let kept: Option<Option<Vec<u8>>> =
        sqlx::query_scalar("SELECT chain FROM outbox WHERE place = ?")
            .bind(place - 1)
            .fetch_optional(&mut **tx)
            .await?;
    Ok(kept.flatten().and_then(|kept| hash(&kept).ok()).unwrap_or_default())
}

/// Begins the chain of a file that has none yet, over all that stands in it.
pub(crate) async fn begin(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    let (kept, committed): (Option<Vec<u8>>, i64) =
        sqlx::query_as("SELECT chain_head, committed FROM progress").fetch_one(&mut **tx).await?;
    if kept.is_some() {
        return Ok(());
    }
    let oldest: Option<i64> =
        sqlx::query_scalar("SELECT min(place) FROM outbox").fetch_one(&mut **tx).await?;
    // What is told next is never before the chain.
    let began = oldest.unwrap_or(i64::MAX).min(committed + 1);
    sqlx::query("UPDATE progress SET chain_began = ?, dropped = ?")
        .bind(began)
        .bind(began - 1)
        .execute(&mut **tx)
        .await?;
    let start = start(tx).await?;
    let mut head = start;
    for (place, row) in rows_from(tx, began).await? {
        head = hashes::link(&head, unsigned(place), &row.body);
        let weight = match serde_json::from_str::<SiteEvent>(&row.body) {
            Ok(event) => Row::of(&event)?.weight,
            Err(_) => row.weight,
        };
        sqlx::query("UPDATE outbox SET chain = ?, weight = ? WHERE place = ?")
            .bind(head.0.as_slice())
            .bind(weight)
            .bind(place)
            .execute(&mut **tx)
            .await?;
    }
    sqlx::query("UPDATE progress SET chain_head = ?, dropped_hash = ?")
        .bind(head.0.as_slice())
        .bind(start.0.as_slice())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(crate) fn hash(bytes: &[u8]) -> Result<ChainHash, StoreError> {
    bytes.try_into().map(ChainHash).map_err(|_| StoreError::NoHash)
}

pub(crate) fn file(bytes: &[u8]) -> Result<ChainFileId, StoreError> {
    uuid::Uuid::from_slice(bytes).map(ChainFileId).map_err(|_| StoreError::NoHash)
}
