//! Municipalities, centres, and what stands in them.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{NaiveDate, Weekday};
use model::centre::{Centre, CentreSettings, Door, Holiday, Nursery, Space};
use model::door::DoorPlan;
use model::id::{CentreId, DeviceId, MunicipalityId, NurseryId, SpaceId};
use model::language::LocalText;
use model::opening::{DayKind, OpeningHours, OpeningRules};
use model::sensor::Sensor;
use sqlx::query::Query;
use sqlx::{Database, FromRow, Transaction, query, query_as, query_scalar};
use store::{Places, Result, StoreError};
use uuid::Uuid;

use super::convert::{from_json, from_word, number, parsed, to_json, word};
use super::duplicate;
use super::floor::features;
use crate::{Db, Here};

#[async_trait]
impl Places for Here {
    async fn add_municipality(&self, id: MunicipalityId, name: &LocalText) -> Result<()> {
        query("INSERT INTO municipalities (id, name_ja, name_en) VALUES ($1, $2, $3)")
            .bind(id.0)
            .bind(&name.ja)
            .bind(&name.en)
            .execute(self.writer())
            .await
            .map_err(duplicate("municipality"))?;
        Ok(())
    }

    async fn municipalities(&self) -> Result<Vec<(MunicipalityId, LocalText)>> {
        let rows: Vec<(Uuid, String, String)> =
            query_as("SELECT id, name_ja, name_en FROM municipalities ORDER BY id")
                .fetch_all(self.reader())
                .await?;
        Ok(rows
            .into_iter()
            .map(|(id, ja, en)| (MunicipalityId(id), LocalText { ja, en }))
            .collect())
    }

    async fn add_holidays(&self, holidays: &[Holiday]) -> Result<()> {
        let mut tx = self.begin().await?;
        for holiday in holidays {
            query(
                "INSERT INTO holidays (date, name_ja, name_en, source) VALUES ($1, $2, $3, $4)
                 ON CONFLICT DO NOTHING",
            )
            .bind(holiday.date)
            .bind(&holiday.name.ja)
            .bind(&holiday.name.en)
            .bind(&holiday.source)
            .execute(&mut *tx)
            .await?;
        }
        Ok(tx.commit().await?)
    }

    async fn add_centre(&self, centre: &Centre) -> Result<()> {
        let mut tx = self.begin().await?;
        let insert = query(
            "INSERT INTO centres (id, slug, name_ja, name_en, municipality_id, kind, address_ja,
                 address_en, latitude, longitude, source_note_ja, source_note_en, time_zone,
                 grain_minutes, no_show_minutes, early_minutes, horizon_days, longest_minutes,
                 shortest_minutes, buffer_minutes, cancel_minutes, hold_minutes, offer_minutes,
                 approval, approval_minutes, walk_in_desks, walk_in_hours)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                 $18, $19, $20, $21, $22, $23, $24, $25, $26, $27)",
        )
        .bind(centre.id.0)
        .bind(centre.slug.as_str())
        .bind(&centre.name.ja)
        .bind(&centre.name.en)
        .bind(centre.municipality.0)
        .bind(word(centre.kind)?)
        .bind(&centre.address.ja)
        .bind(&centre.address.en)
        .bind(centre.position.0)
        .bind(centre.position.1)
        .bind(&centre.source_note.ja)
        .bind(&centre.source_note.en)
        .bind(centre.time_zone.name());
        with_settings(insert, &centre.settings)?
            .execute(&mut *tx)
            .await
            .map_err(duplicate("centre"))?;
        for (position, hours) in (0_i64..).zip(&centre.opening.hours) {
            query(
                "INSERT INTO opening_hours (centre_id, position, day, opens, closes)
                 VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(centre.id.0)
            .bind(position)
            .bind(day_text(hours.day))
            .bind(i64::from(hours.opens))
            .bind(i64::from(hours.closes))
            .execute(&mut *tx)
            .await?;
        }
        query("INSERT INTO sites (centre_id) VALUES ($1)")
            .bind(centre.id.0)
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }

    async fn centres(&self) -> Result<Vec<Centre>> {
        let mut centres: Vec<CentreRow> = query_as(
            "SELECT id, slug, name_ja, name_en, municipality_id, kind, address_ja, address_en,
                 latitude, longitude, source_note_ja, source_note_en, time_zone, grain_minutes,
                 no_show_minutes, early_minutes, horizon_days, longest_minutes, shortest_minutes,
                 buffer_minutes, cancel_minutes, hold_minutes, offer_minutes, approval,
                 approval_minutes, walk_in_desks, walk_in_hours, settings_version
             FROM centres",
        )
        .fetch_all(self.reader())
        .await?;
        let hours: Vec<HoursRow> = query_as(
            "SELECT centre_id, day, opens, closes FROM opening_hours ORDER BY centre_id, position",
        )
        .fetch_all(self.reader())
        .await?;
        let holidays: Vec<NaiveDate> =
            query_scalar("SELECT date FROM holidays").fetch_all(self.reader()).await?;
        let holidays: BTreeSet<NaiveDate> = holidays.into_iter().collect();
        let mut by_centre: BTreeMap<Uuid, Vec<OpeningHours>> = BTreeMap::new();
        for row in hours {
            by_centre.entry(row.centre_id).or_default().push(row.try_into()?);
        }
        centres.sort_by(|one, other| one.slug.cmp(&other.slug));
        centres
            .into_iter()
            .map(|row| {
                let hours = by_centre.remove(&row.id).unwrap_or_default();
                row.centre(OpeningRules { hours, holidays: holidays.clone() })
            })
            .collect()
    }

    async fn add_space(&self, space: &Space) -> Result<()> {
        let mut tx = self.begin().await?;
        query(
            "INSERT INTO spaces (id, centre_id, kind, label, zone_ja, zone_en, terminal, features,
                 row_no)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(space.id.0)
        .bind(space.centre.0)
        .bind(word(space.kind)?)
        .bind(&space.label)
        .bind(&space.zone.ja)
        .bind(&space.zone.en)
        .bind(space.terminal.as_ref().map(|device| device.as_str()))
        .bind(i64::from(space.features.bits()))
        .bind(i64::from(space.row))
        .execute(&mut *tx)
        .await
        .map_err(duplicate("space"))?;
        centre_changed(&mut tx, space.centre).await?;
        Ok(tx.commit().await?)
    }

    async fn spaces(&self) -> Result<Vec<Space>> {
        let rows: Vec<SpaceRow> = query_as(
            "SELECT id, centre_id, kind, label, zone_ja, zone_en, terminal, features, row_no
                 FROM spaces",
        )
        .fetch_all(self.reader())
        .await?;
        let mut spaces: Vec<Space> =
            rows.into_iter().map(Space::try_from).collect::<Result<_>>()?;
        spaces.sort_by(|one, other| {
            (one.centre, &one.label, one.id).cmp(&(other.centre, &other.label, other.id))
        });
        Ok(spaces)
    }

    async fn add_nursery(&self, nursery: &Nursery) -> Result<()> {
        query(
            "INSERT INTO nurseries (id, centre_id, name_ja, name_en, places, walking_minutes,
                 staffing, terms)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(nursery.id.0)
        .bind(nursery.centre.0)
        .bind(&nursery.name.ja)
        .bind(&nursery.name.en)
        .bind(i64::from(nursery.places))
        .bind(i64::from(nursery.walking_minutes))
        .bind(nursery.staffing.as_ref().map(to_json).transpose()?)
        .bind(to_json(&nursery.terms)?)
        .execute(self.writer())
        .await
        .map_err(duplicate("nursery"))?;
        Ok(())
    }

    async fn nurseries(&self) -> Result<Vec<Nursery>> {
        let rows: Vec<NurseryRow> = query_as(
            "SELECT id, centre_id, name_ja, name_en, places, walking_minutes, staffing, terms
             FROM nurseries ORDER BY id",
        )
        .fetch_all(self.reader())
        .await?;
        rows.into_iter().map(Nursery::try_from).collect()
    }

    async fn add_door(&self, centre: CentreId, door: &Door) -> Result<()> {
        let mut tx = self.begin().await?;
        query(
            "INSERT INTO doors (centre_id, device, name_ja, name_en, unlock_seconds, plan)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(centre.0)
        .bind(door.device.as_str())
        .bind(&door.name.ja)
        .bind(&door.name.en)
        .bind(i64::from(door.unlock_seconds))
        .bind(door.plan.as_ref().map(to_json).transpose()?)
        .execute(&mut *tx)
        .await
        .map_err(duplicate("door"))?;
        centre_changed(&mut tx, centre).await?;
        Ok(tx.commit().await?)
    }

    async fn doors(&self, centre: CentreId) -> Result<Vec<Door>> {
        let rows: Vec<(String, String, String, i64, Option<String>)> = query_as(
            "SELECT device, name_ja, name_en, unlock_seconds, plan FROM doors WHERE centre_id = $1",
        )
        .bind(centre.0)
        .fetch_all(self.reader())
        .await?;
        let mut doors = rows
            .into_iter()
            .map(|(device, ja, en, seconds, plan)| {
                Ok(Door {
                    device: parsed(&device)?,
                    name: LocalText { ja, en },
                    unlock_seconds: number(seconds)?,
                    plan: plan.as_deref().map(from_json).transpose()?,
                })
            })
            .collect::<Result<Vec<Door>>>()?;
        doors.sort_by(|one, other| one.device.cmp(&other.device));
        Ok(doors)
    }

    async fn set_door_plans(
        &self,
        centre: CentreId,
        plans: &[(DeviceId, DoorPlan)],
    ) -> Result<bool> {
        let mut tx = self.begin().await?;
        for (device, plan) in plans {
            let changed = query("UPDATE doors SET plan = $3 WHERE centre_id = $1 AND device = $2")
                .bind(centre.0)
                .bind(device.as_str())
                .bind(to_json(plan)?)
                .execute(&mut *tx)
                .await?;
            if changed.rows_affected() == 0 {
                return Ok(false);
            }
        }
        centre_changed(&mut tx, centre).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn set_sensors(&self, centre: CentreId, sensors: &[Sensor]) -> Result<()> {
        let mut tx = self.begin().await?;
        query(
            "INSERT INTO centre_sensors (centre_id, sensors) VALUES ($1, $2)
             ON CONFLICT (centre_id) DO UPDATE SET sensors = excluded.sensors",
        )
        .bind(centre.0)
        .bind(to_json(sensors)?)
        .execute(&mut *tx)
        .await?;
        centre_changed(&mut tx, centre).await?;
        Ok(tx.commit().await?)
    }

    async fn sensors(&self, centre: CentreId) -> Result<Vec<Sensor>> {
        let kept: Option<String> =
            query_scalar("SELECT sensors FROM centre_sensors WHERE centre_id = $1")
                .bind(centre.0)
                .fetch_optional(self.reader())
                .await?;
        kept.map_or(Ok(Vec::new()), |kept| from_json(&kept))
    }
}

/// Counts up the revision that the centre's sheet depends on.
pub(super) async fn centre_changed(
    tx: &mut Transaction<'static, Db>,
    centre: CentreId,
) -> Result<()> {
    query("UPDATE centres SET rev = rev + 1 WHERE id = $1")
        .bind(centre.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

fn day_text(day: DayKind) -> String {
    match day {
        DayKind::Weekday(weekday) => weekday.to_string(),
        DayKind::Holiday => "holiday".to_owned(),
    }
}

#[derive(FromRow)]
struct CentreRow {
    id: Uuid,
    slug: String,
    name_ja: String,
    name_en: String,
    municipality_id: Uuid,
    kind: String,
    address_ja: String,
    address_en: String,
    latitude: f64,
    longitude: f64,
    source_note_ja: String,
    source_note_en: String,
    time_zone: String,
    grain_minutes: i64,
    no_show_minutes: i64,
    early_minutes: i64,
    horizon_days: i64,
    longest_minutes: i64,
    shortest_minutes: i64,
    buffer_minutes: i64,
    cancel_minutes: i64,
    hold_minutes: i64,
    offer_minutes: i64,
    approval: String,
    approval_minutes: i64,
    walk_in_desks: i64,
    walk_in_hours: i64,
    settings_version: i64,
}

impl CentreRow {
    fn centre(self, opening: OpeningRules) -> Result<Centre> {
        Ok(Centre {
            id: CentreId(self.id),
            slug: parsed(&self.slug)?,
            name: LocalText { ja: self.name_ja, en: self.name_en },
            municipality: MunicipalityId(self.municipality_id),
            kind: from_word(&self.kind)?,
            address: LocalText { ja: self.address_ja, en: self.address_en },
            position: (self.latitude, self.longitude),
            source_note: LocalText { ja: self.source_note_ja, en: self.source_note_en },
            time_zone: parsed(&self.time_zone)?,
            settings: CentreSettings {
                grain_minutes: number(self.grain_minutes)?,
                no_show_minutes: number(self.no_show_minutes)?,
                early_minutes: number(self.early_minutes)?,
                horizon_days: number(self.horizon_days)?,
                longest_minutes: number(self.longest_minutes)?,
                shortest_minutes: number(self.shortest_minutes)?,
                buffer_minutes: number(self.buffer_minutes)?,
                cancel_minutes: number(self.cancel_minutes)?,
                hold_minutes: number(self.hold_minutes)?,
                offer_minutes: number(self.offer_minutes)?,
                approval: from_word(&self.approval)?,
                approval_minutes: number(self.approval_minutes)?,
                walk_in_desks: number(self.walk_in_desks)?,
                walk_in_hours: number(self.walk_in_hours)?,
            },
            settings_version: number(self.settings_version)?,
            opening,
        })
    }
}

/// Binds house rules, in the order in which their columns stand in every statement.
pub(super) fn with_settings<'q>(
    statement: Query<'q, Db, <Db as Database>::Arguments>,
    settings: &CentreSettings,
) -> Result<Query<'q, Db, <Db as Database>::Arguments>> {
    Ok(statement
        .bind(i64::from(settings.grain_minutes))
        .bind(i64::from(settings.no_show_minutes))
        .bind(i64::from(settings.early_minutes))
        .bind(i64::from(settings.horizon_days))
        .bind(i64::from(settings.longest_minutes))
        .bind(i64::from(settings.shortest_minutes))
        .bind(i64::from(settings.buffer_minutes))
        .bind(i64::from(settings.cancel_minutes))
        .bind(i64::from(settings.hold_minutes))
        .bind(i64::from(settings.offer_minutes))
        .bind(word(settings.approval)?)
        .bind(i64::from(settings.approval_minutes))
        .bind(i64::from(settings.walk_in_desks))
        .bind(i64::from(settings.walk_in_hours)))
}

#[derive(FromRow)]
struct HoursRow {
    centre_id: Uuid,
    day: String,
    opens: i64,
    closes: i64,
}

impl TryFrom<HoursRow> for OpeningHours {
    type Error = StoreError;
    fn try_from(row: HoursRow) -> Result<Self> {
        let day = match row.day.as_str() {
            "holiday" => DayKind::Holiday,
            weekday => DayKind::Weekday(parsed::<Weekday>(weekday)?),
        };
        Ok(Self { day, opens: number(row.opens)?, closes: number(row.closes)? })
    }
}

#[derive(FromRow)]
struct SpaceRow {
    id: Uuid,
    centre_id: Uuid,
    kind: String,
    label: String,
    zone_ja: String,
    zone_en: String,
    terminal: Option<String>,
    features: i64,
    row_no: i64,
}

impl TryFrom<SpaceRow> for Space {
    type Error = StoreError;
    fn try_from(row: SpaceRow) -> Result<Self> {
        Ok(Self {
            id: SpaceId(row.id),
            centre: CentreId(row.centre_id),
            kind: from_word(&row.kind)?,
            label: row.label,
            zone: LocalText::new(row.zone_ja, row.zone_en),
            terminal: row.terminal.as_deref().map(parsed).transpose()?,
            features: features(row.features)?,
            row: number(row.row_no)?,
        })
    }
}

#[derive(FromRow)]
struct NurseryRow {
    id: Uuid,
    centre_id: Uuid,
    name_ja: String,
    name_en: String,
    places: i64,
    walking_minutes: i64,
    staffing: Option<String>,
    terms: String,
}

impl TryFrom<NurseryRow> for Nursery {
    type Error = StoreError;
    fn try_from(row: NurseryRow) -> Result<Self> {
        Ok(Self {
            id: NurseryId(row.id),
            centre: CentreId(row.centre_id),
            name: LocalText { ja: row.name_ja, en: row.name_en },
            places: number(row.places)?,
            walking_minutes: number(row.walking_minutes)?,
            staffing: row.staffing.as_deref().map(from_json).transpose()?,
            terms: from_json(&row.terms)?,
        })
    }
}
