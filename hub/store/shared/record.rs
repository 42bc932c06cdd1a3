//! The chain over what sites tell, and what was noticed about it.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use model::event_chain::{
    ChainHash, CheckedChain, KeptChain, Noticed, SiteAlarmKind, Standing, judge,
};
use model::id::{BootId, CentreId, ChainFileId};
use model::site_event::{Happening, SiteEvent};
use sqlx::{FromRow, Transaction, query, query_as, query_scalar};
use store::{
    ChainedEvent, EventBatch, EventsTaken, Result, SiteAlarm, SiteChain, SiteRecord, ToldRecord,
};
use uuid::Uuid;

use super::convert::{bytes32, from_word, number, signed, storable, word};
use super::{edge_configs, noting};
use crate::{Db, Here};

/// The same again within so long is the same alarm.
const SAME: TimeDelta = TimeDelta::hours(1);
/// Of so many runs the hub knows that they had their turn.
const BOOTS: i64 = 16;
const MOST_EVENTS: i64 = 1000;
const MOST_ALARMS: i64 = 50;
/// Each is sealed and written while its site waits for an answer; the rest is recorded with what it tells next.
const MOST_TO_RECORD: i64 = 50;
const LONGEST_DETAIL: usize = 300;

type Tx = Transaction<'static, Db>;

#[async_trait]
impl SiteRecord for Here {
    async fn take_recorded(
        &self,
        batch: &EventBatch,
        told: &ToldRecord,
    ) -> Result<(EventsTaken, Vec<Noticed>)> {
        let (done, noted) = noting(self.take_in(batch, Some(told))).await;
        self.news.tell(noted);
        done
    }

    async fn site_chains(&self, centre: CentreId) -> Result<Vec<SiteChain>> {
        let rows: Vec<ChainRow> = query_as(
            "SELECT file, began, before_hash, place, head FROM site_chains WHERE centre_id = $1
             ORDER BY began, place",
        )
        .bind(centre.0)
        .fetch_all(self.reader())
        .await?;
        rows.into_iter().map(ChainRow::read).collect()
    }

    async fn chained_events(&self, centre: CentreId, place: u64) -> Result<Vec<ChainedEvent>> {
        let rows: Vec<(i64, String, Option<Vec<u8>>, i64)> = query_as(
            "SELECT place, body, chain, doubtful FROM site_events
             WHERE centre_id = $1 AND place > $2 ORDER BY place LIMIT $3",
        )
        .bind(centre.0)
        .bind(signed(place)?)
        .bind(MOST_EVENTS)
        .fetch_all(self.reader())
        .await?;
        rows.into_iter()
            .map(|(place, body, chain, doubtful)| {
                let chain = chain.as_deref().map(hash).transpose()?;
                Ok(ChainedEvent { place: number(place)?, body, chain, doubtful: doubtful != 0 })
            })
            .collect()
    }

    async fn site_alarms(&self, centre: CentreId, since: DateTime<Utc>) -> Result<Vec<SiteAlarm>> {
        let rows: Vec<AlarmRow> = query_as(
            "SELECT kind, began_at, last_at, times, place, detail FROM site_alarms
             WHERE centre_id = $1 AND last_at >= $2 ORDER BY last_at DESC, kind LIMIT $3",
        )
        .bind(centre.0)
        .bind(storable(since))
        .bind(MOST_ALARMS)
        .fetch_all(self.reader())
        .await?;
        rows.into_iter().map(AlarmRow::read).collect()
    }

    async fn alarms_to_record(&self, centre: CentreId) -> Result<Vec<SiteAlarm>> {
        let rows: Vec<AlarmRow> = query_as(
            "SELECT kind, began_at, last_at, times, place, detail FROM site_alarms
             WHERE centre_id = $1 AND recorded_at IS NULL ORDER BY began_at, kind, detail LIMIT $2",
        )
        .bind(centre.0)
        .bind(MOST_TO_RECORD)
        .fetch_all(self.reader())
        .await?;
        rows.into_iter().map(AlarmRow::read).collect()
    }

    async fn alarm_recorded(
        &self,
        centre: CentreId,
        alarm: &SiteAlarm,
        at: DateTime<Utc>,
    ) -> Result<()> {
        query(
            "UPDATE site_alarms SET recorded_at = $4
             WHERE centre_id = $1 AND kind = $2 AND began_at = $3 AND detail = $5",
        )
        .bind(centre.0)
        .bind(word(alarm.kind)?)
        .bind(storable(alarm.began_at))
        .bind(storable(at))
        .bind(&alarm.detail)
        .execute(self.writer())
        .await?;
        Ok(())
    }
}

/// So much of what a site says in words as is kept.
pub(super) fn cut(text: &str) -> String {
    text.chars().filter(|one| *one != '\0').take(LONGEST_DETAIL).collect()
}

/// What is to be kept with a batch's events.
#[derive(Default)]
pub(super) struct Marks {
    /// The places of those that do not follow.
    doubtful: BTreeSet<u64>,
    pub(super) noticed: Vec<Noticed>,
}

impl Marks {
    pub(super) fn is_doubtful(&self, place: u64) -> bool {
        self.doubtful.contains(&place)
    }
}

/// Holds a batch against what is kept of its site, and keeps how far the chain goes.
pub(super) async fn hold(
    tx: &mut Tx,
    batch: &EventBatch,
    told: &ToldRecord,
    reached: u64,
) -> Result<Marks> {
    let centre = batch.centre.id;
    let many = u64::try_from(batch.events.len()).unwrap_or(u64::MAX);
    let at = Standing { first: batch.first, many, reached };
    let kept: Option<ChainRow> = query_as(
        "SELECT file, began, before_hash, place, head FROM site_chains WHERE centre_id = $1
         ORDER BY place DESC, began DESC LIMIT 1",
    )
    .bind(centre.0)
    .fetch_optional(&mut **tx)
    .await?;
    let kept = kept.map(ChainRow::read).transpose()?;
    let kept = kept.map(|kept| KeptChain { file: kept.file, place: kept.place, head: kept.head });
    let here = match &kept {
        Some(kept) if kept.place == at.meeting() => Some(kept.head),
        Some(_) => hash_at(tx, centre, at.meeting()).await?,
        None => None,
    };
    let mut judged = judge(kept.as_ref(), here, told.chain.as_ref(), at);
    let mut marks = Marks::default();
    if let Some(chain) = &told.chain {
        marks.doubtful.extend(&chain.misfits);
        for lost in &chain.lost {
            marks.doubtful.extend([*lost, lost + 1]);
        }
        let same_file = kept.is_some_and(|kept| kept.file == chain.told.file);
        let parted = |one: &Noticed| {
            matches!(one.kind, SiteAlarmKind::ChainBroken | SiteAlarmKind::ChainForked)
        };
        if same_file && judged.noticed.iter().any(parted) {
            marks.doubtful.insert(reached + 1);
        }
        if let Some(now) = judged.kept {
            keep(tx, centre, chain, now, at).await?;
        }
    }
    if let Some(boot) = told.boot
        && took_its_turn_again(tx, centre, boot).await?
    {
        judged.noticed.push(Noticed::at(SiteAlarmKind::Twin, reached));
    }
    let new = (batch.first..).zip(&batch.events).filter(|(place, _)| *place > reached);
    for (_, event) in new.clone() {
        edge_configs::note(tx, centre, event).await?;
    }
    judged.noticed.extend(new.filter_map(|(place, event)| said(place, event)));
    for one in &judged.noticed {
        raise(tx, centre, one, batch.at).await?;
    }
    marks.noticed = judged.noticed;
    Ok(marks)
}

/// What a site says itself that is an alarm.
fn said(place: u64, event: &SiteEvent) -> Option<Noticed> {
    let (kind, detail) = match &event.what {
        Happening::DiskFull { full: true } => (SiteAlarmKind::DiskFull, String::new()),
        Happening::Shed { count, .. } => (SiteAlarmKind::Shed, count.to_string()),
        Happening::BusTwin { device } => (SiteAlarmKind::BusTwin, device.to_string()),
        Happening::ConfigRolledBack { version, why } => {
            (SiteAlarmKind::ConfigRolledBack, format!("{version}: {why}"))
        }
        _ => return None,
    };
    Some(Noticed { kind, place, detail })
}

async fn hash_at(tx: &mut Tx, centre: CentreId, place: u64) -> Result<Option<ChainHash>> {
    let kept: Option<Option<Vec<u8>>> =
        query_scalar("SELECT chain FROM site_events WHERE centre_id = $1 AND place = $2")
            .bind(centre.0)
            .bind(signed(place)?)
            .fetch_optional(&mut **tx)
            .await?;
    kept.flatten().as_deref().map(hash).transpose()
}

async fn keep(
    tx: &mut Tx,
    centre: CentreId,
    chain: &CheckedChain,
    now: KeptChain,
    at: Standing,
) -> Result<()> {
    // The first of it that is new may stand in the middle of the batch.
    let began = at.first.max(at.reached + 1);
    let before = match began.checked_sub(at.first + 1) {
        None => Some(chain.told.before),
        Some(index) => usize::try_from(index).ok().and_then(|i| chain.told.links.get(i).copied()),
    };
    query(
        "INSERT INTO site_chains (centre_id, file, began, before_hash, place, head)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (centre_id, file) DO UPDATE SET place = excluded.place, head = excluded.head",
    )
    .bind(centre.0)
    .bind(now.file.0)
    .bind(signed(began)?)
    .bind(before.unwrap_or_default().0.as_slice())
    .bind(signed(now.place)?)
    .bind(now.head.0.as_slice())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whether this run of the edge tells again after another has told: then both run.
async fn took_its_turn_again(tx: &mut Tx, centre: CentreId, boot: BootId) -> Result<bool> {
    let rows: Vec<(Uuid, i64)> =
        query_as("SELECT boot, turn FROM site_boots WHERE centre_id = $1 ORDER BY turn DESC")
            .bind(centre.0)
            .fetch_all(&mut **tx)
            .await?;
    let newest = rows.first().copied();
    if newest.is_some_and(|(newest, _)| newest == boot.0) {
        return Ok(false);
    }
    let turn = newest.map_or(0, |(_, turn)| turn) + 1;
    query(
        "INSERT INTO site_boots (centre_id, boot, turn) VALUES ($1, $2, $3)
         ON CONFLICT (centre_id, boot) DO UPDATE SET turn = excluded.turn",
    )
    .bind(centre.0)
    .bind(boot.0)
    .bind(turn)
    .execute(&mut **tx)
    .await?;
    query("DELETE FROM site_boots WHERE centre_id = $1 AND turn <= $2")
        .bind(centre.0)
        .bind(turn - BOOTS)
        .execute(&mut **tx)
        .await?;
    Ok(rows.iter().any(|(known, _)| *known == boot.0))
}

async fn raise(tx: &mut Tx, centre: CentreId, what: &Noticed, at: DateTime<Utc>) -> Result<()> {
    let kind = word(what.kind)?;
    // A device and a version are named by their alarm; of a chain it is enough to know where it first broke.
    let any = !matches!(what.kind, SiteAlarmKind::BusTwin | SiteAlarmKind::ConfigRolledBack);
    let again = query(
        "UPDATE site_alarms SET last_at = $3, times = times + 1
         WHERE centre_id = $1 AND kind = $2 AND last_at >= $4 AND (detail = $5 OR $6)",
    )
    .bind(centre.0)
    .bind(&kind)
    .bind(storable(at))
    .bind(storable(at - SAME))
    .bind(cut(&what.detail))
    .bind(any)
    .execute(&mut **tx)
    .await?;
    if again.rows_affected() > 0 {
        return Ok(());
    }
    query(
        "INSERT INTO site_alarms (centre_id, kind, began_at, last_at, times, place, detail)
         VALUES ($1, $2, $3, $3, 1, $4, $5) ON CONFLICT DO NOTHING",
    )
    .bind(centre.0)
    .bind(&kind)
    .bind(storable(at))
    .bind(signed(what.place)?)
    .bind(cut(&what.detail))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn hash(bytes: &[u8]) -> Result<ChainHash> {
    Ok(ChainHash(bytes32(bytes)?))
}

#[derive(FromRow)]
struct ChainRow {
    file: Uuid,
    began: i64,
    before_hash: Vec<u8>,
    place: i64,
    head: Vec<u8>,
}

impl ChainRow {
    fn read(self) -> Result<SiteChain> {
        Ok(SiteChain {
            file: ChainFileId(self.file),
            began: number(self.began)?,
            before: hash(&self.before_hash)?,
            place: number(self.place)?,
            head: hash(&self.head)?,
        })
    }
}

#[derive(FromRow)]
struct AlarmRow {
    kind: String,
    began_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
    times: i64,
    place: i64,
    detail: String,
}

impl AlarmRow {
    fn read(self) -> Result<SiteAlarm> {
        Ok(SiteAlarm {
            kind: from_word(&self.kind)?,
            began_at: self.began_at,
            last_at: self.last_at,
            times: number(self.times)?,
            place: number(self.place)?,
            detail: self.detail,
        })
    }
}
