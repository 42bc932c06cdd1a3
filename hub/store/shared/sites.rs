//! Sites: their sheets and events.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use model::event_chain::Noticed;
use model::id::{CentreId, PersonId};
use model::site_event::{Happening, SiteEvent};
use sqlx::{FromRow, Transaction, query, query_as, query_scalar};
use store::{
    Credential, EventBatch, EventsTaken, Result, SILENT, SheetPersonRecord, SiteStatus, Sites,
    StoreError, ToldRecord,
};
use uuid::Uuid;

use super::absences::{self, Word};
use super::cards::{CardRow, cards};
use super::convert::{from_json, from_word, number, signed, storable};
use super::record::Marks;
use super::{meaning, noting, record};
use crate::{Db, Here, writes};

/// How many events one answer gives at most.
const MOST_EVENTS: i64 = 1000;

#[async_trait]
impl Sites for Here {
    async fn site_status(&self, centre: CentreId) -> Result<SiteStatus> {
        let row: Option<StatusRow> = query_as(
            "SELECT reached, told_until, sheet_in_force, heard_at FROM sites WHERE centre_id = $1",
        )
        .bind(centre.0)
        .fetch_optional(self.reader())
        .await?;
        row.map_or(Ok(SiteStatus::default()), SiteStatus::try_from)
    }

    async fn silent_sites(&self, now: DateTime<Utc>) -> Result<Vec<CentreId>> {
        let ids: Vec<Uuid> = query_scalar(
            "SELECT centre_id FROM sites
             WHERE sheet_in_force IS NOT NULL AND (heard_at IS NULL OR heard_at <= $1)",
        )
        .bind(storable(now - SILENT))
        .fetch_all(self.reader())
        .await?;
        Ok(ids.into_iter().map(CentreId).collect())
    }

    async fn ack_sheet(&self, centre: CentreId, version: u64, at: DateTime<Utc>) -> Result<()> {
        let mut tx = self.begin().await?;
        let known = lock_site(&mut tx, centre).await?;
        let word = Word { centre, known: &known, at, told_until: at, events: &[] };
        absences::note(&mut tx, &word).await?;
        query("UPDATE sites SET sheet_in_force = $2, heard_at = $3 WHERE centre_id = $1")
            .bind(centre.0)
            .bind(signed(version)?)
            .bind(at)
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }

    async fn plan_revision(&self, centre: CentreId, from: NaiveDate, to: NaiveDate) -> Result<i64> {
        // Sums of counters that only rise, so any change shows.
        let changes: i64 = query_scalar(
            "SELECT CAST(
                 COALESCE((SELECT SUM(rev) FROM centre_days
                     WHERE centre_id = $1 AND day >= $2 AND day <= $3), 0)
                 + COALESCE((SELECT rev FROM centres WHERE id = $1), 0)
                 + COALESCE((SELECT SUM(rev) FROM revisions WHERE name IN ('people', 'places')), 0)
             AS BIGINT)",
        )
        .bind(centre.0)
        .bind(from)
        .bind(to)
        .fetch_one(self.reader())
        .await?;
        // Other days have other numbers, even where as much has changed in them.
        Ok(changes
            + (i64::from(from.num_days_from_ce()) << 40)
            + ((to - from).num_days().clamp(0, 255) << 32))
    }

    async fn people_revision(&self) -> Result<i64> {
        Ok(query_scalar("SELECT rev FROM revisions WHERE name = 'people'")
            .fetch_one(self.reader())
            .await?)
    }

    async fn sheet_people(&self, persons: &[PersonId]) -> Result<Vec<SheetPersonRecord>> {
        let ids = || crate::id_list(persons.iter().map(|person| person.0));
        let people: Vec<(Uuid, String, Option<String>)> = query_as(concat!(
            "SELECT id, language, pin FROM persons WHERE id ",
            in_list!("$1"),
            " ORDER BY id",
        ))
        .bind(ids())
        .fetch_all(self.reader())
        .await?;
        let rows: Vec<CardRow> = query_as(concat!(
            "SELECT c.id, c.person_id, c.label, c.state, c.state_at, c.state_by, c.state_why,
                 c.valid_until, c.added_at, c.level, r.generation, r.reference,
                 r.level AS reference_level
             FROM credentials c LEFT JOIN credential_references r ON r.credential_id = c.id
             WHERE c.person_id ",
            in_list!("$1"),
            " ORDER BY c.id, r.generation DESC, r.level DESC",
        ))
        .bind(ids())
        .fetch_all(self.reader())
        .await?;
        let mut by_person: BTreeMap<PersonId, Vec<Credential>> = BTreeMap::new();
        for card in cards(rows)? {
            by_person.entry(card.person).or_default().push(card);
        }
        people
            .into_iter()
            .map(|(id, language, pin)| {
                let person = PersonId(id);
                Ok(SheetPersonRecord {
                    person,
                    language: from_word(&language)?,
                    pin,
                    credentials: by_person.remove(&person).unwrap_or_default(),
                })
            })
            .collect()
    }

    async fn take_events(&self, batch: &EventBatch) -> Result<EventsTaken> {
        let (done, noted) = noting(self.take_in(batch, None)).await;
        self.news.tell(noted);
        Ok(done?.0)
    }

    async fn events_after(&self, centre: CentreId, place: u64) -> Result<Vec<(u64, SiteEvent)>> {
        let rows: Vec<(i64, String)> = query_as(
            "SELECT place, body FROM site_events WHERE centre_id = $1 AND place > $2
             ORDER BY place LIMIT $3",
        )
        .bind(centre.0)
        .bind(signed(place)?)
        .bind(MOST_EVENTS)
        .fetch_all(self.reader())
        .await?;
        rows.into_iter().map(|(place, body)| Ok((number(place)?, from_json(&body)?))).collect()
    }

    async fn put_snapshot(
        &self,
        centre: CentreId,
        place: u64,
        json: &str,
        at: DateTime<Utc>,
    ) -> Result<()> {
        // A snapshot that was overtaken on its way does not replace the newer one.
        query(
            "INSERT INTO snapshots (centre_id, place, body, taken_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (centre_id) DO UPDATE
             SET place = excluded.place, body = excluded.body, taken_at = excluded.taken_at
             WHERE excluded.place >= snapshots.place",
        )
        .bind(centre.0)
        .bind(signed(place)?)
        .bind(json)
        .bind(at)
        .execute(self.writer())
        .await?;
        Ok(())
    }

    async fn snapshot(&self, centre: CentreId) -> Result<Option<(u64, String)>> {
        let row: Option<(i64, String)> =
            query_as("SELECT place, body FROM snapshots WHERE centre_id = $1")
                .bind(centre.0)
                .fetch_optional(self.reader())
                .await?;
        row.map(|(place, body)| Ok((number(place)?, body))).transpose()
    }
}

impl Here {
    /// `told` is what came with the events, where they come from a site.
    pub(super) async fn take_in(
        &self,
        batch: &EventBatch,
        told: Option<&ToldRecord>,
    ) -> Result<(EventsTaken, Vec<Noticed>)> {
        let mut tx = self.begin().await?;
        let site = lock_site(&mut tx, batch.centre.id).await?;
        if batch.first > site.reached + 1 {
            tx.rollback().await?;
            return Ok((EventsTaken::Gap(site.reached + 1), Vec::new()));
        }
        let marks = match told {
            Some(told) => record::hold(&mut tx, batch, told, site.reached).await?,
            None => Marks::default(),
        };
        let new: Vec<(u64, &SiteEvent)> =
            (batch.first..).zip(&batch.events).filter(|(place, _)| *place > site.reached).collect();
        let reached = new.last().map_or(site.reached, |(place, _)| *place);
        let word = Word {
            centre: batch.centre.id,
            known: &site,
            at: batch.at,
            told_until: batch.told_until,
            events: &new,
        };
        absences::note(&mut tx, &word).await?;
        if !new.is_empty() {
            writes::insert_events(&mut tx, &log_rows(batch, &new, told, &marks)?).await?;
            meaning::apply(&mut tx, batch, &new).await?;
        }
        let told_until = storable(batch.told_until);
        let heard_at = storable(batch.at);
        let started = new.iter().rev().find(|(_, event)| event.what == Happening::Started);
        query(
            "UPDATE sites SET reached = $2, told_until = $3, heard_at = $4,
                 started_at = COALESCE($5, started_at)
             WHERE centre_id = $1",
        )
        .bind(batch.centre.id.0)
        .bind(signed(reached)?)
        .bind(site.told_until.map_or(told_until, |before| before.max(told_until)))
        .bind(site.heard_at.map_or(heard_at, |before| before.max(heard_at)))
        .bind(started.map(|(_, event)| storable(event.at)))
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok((EventsTaken::Reached(reached), marks.noticed))
    }
}

#[derive(FromRow)]
struct StatusRow {
    reached: i64,
    told_until: Option<DateTime<Utc>>,
    sheet_in_force: Option<i64>,
    heard_at: Option<DateTime<Utc>>,
}

impl TryFrom<StatusRow> for SiteStatus {
    type Error = StoreError;
    fn try_from(row: StatusRow) -> Result<Self> {
        Ok(Self {
            reached: number(row.reached)?,
            told_until: row.told_until,
            sheet_in_force: row.sheet_in_force.map(number).transpose()?,
            heard_at: row.heard_at,
        })
    }
}

/// Makes rivals for this site wait until the transaction ends, and reads where the site stands.
pub(super) async fn lock_site(
    tx: &mut Transaction<'static, Db>,
    centre: CentreId,
) -> Result<SiteStatus> {
    let row: StatusRow = query_as(
        "UPDATE sites SET reached = reached WHERE centre_id = $1
         RETURNING reached, told_until, sheet_in_force, heard_at",
    )
    .bind(centre.0)
    .fetch_one(&mut **tx)
    .await?;
    row.try_into()
}

/// An event as the log keeps it.
pub(crate) struct LogRow {
    pub(crate) centre: Uuid,
    pub(crate) place: i64,
    pub(crate) edge: String,
    pub(crate) at: DateTime<Utc>,
    pub(crate) kind: String,
    pub(crate) body: String,
    pub(crate) taken_at: DateTime<Utc>,
    pub(crate) chain: Option<Vec<u8>>,
    pub(crate) doubtful: i64,
}

fn log_rows(
    batch: &EventBatch,
    new: &[(u64, &SiteEvent)],
    told: Option<&ToldRecord>,
    marks: &Marks,
) -> Result<Vec<LogRow>> {
    new.iter()
        .map(|(place, event)| {
            let json = serde_json::to_value(event)
                .map_err(|error| StoreError::Corrupt(error.to_string()))?;
            let index = usize::try_from(*place - batch.first).unwrap_or(usize::MAX);
            let body = told.and_then(|told| told.bodies.get(index));
            let link = told
                .and_then(|told| told.chain.as_ref())
                .and_then(|chain| chain.told.links.get(index));
            Ok(LogRow {
                centre: batch.centre.id.0,
                place: signed(*place)?,
                edge: batch.edge.to_string(),
                at: storable(event.at),
                kind: json["kind"].as_str().unwrap_or_default().to_owned(),
                // As the site wrote it: the chain is over its bytes.
                body: body.cloned().unwrap_or_else(|| json.to_string()),
                taken_at: storable(batch.at),
                chain: link.map(|link| link.0.to_vec()),
                doubtful: i64::from(marks.is_doubtful(*place)),
            })
        })
        .collect()
}
