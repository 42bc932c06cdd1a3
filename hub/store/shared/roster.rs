//! What a nursery goes by: rule sets, schemes, staffing, terms, and who works when.

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use model::booking;
use model::care::duty::Shift;
use model::care::file::Interview;
use model::care::rule_set::RuleSet;
use model::care::scheme::Scheme;
use model::care::staffing::Staffing;
use model::care::terms::Terms;
use model::id::{BookingId, CentreId, ChildId, NurseryId, ShiftId};
use model::interval::Interval;
use model::opening::{days_of, whole_day};
use sqlx::{Executor, FromRow, Transaction, query, query_as};
use store::{
    Care, CareAt, DiaryEntry, IncidentRecord, Report, Result, Roster, RosterPut, Rostered,
    StoreError,
};
use uuid::Uuid;

use super::bookings::span_of;
use super::care::CarePlaces;
use super::convert::{from_json, interval, to_json};
use super::ending::end_lapsed;
use super::tries::Tries;
use super::{LONGEST_CLAIM, Outcome, duplicate};
use super::{diary, interviews};
use crate::{Db, Here, writes};

type Tx = Transaction<'static, Db>;

#[async_trait]
impl Care for Here {
    async fn add_rule_set(&self, rules: &RuleSet, at: DateTime<Utc>) -> Result<()> {
        query("INSERT INTO rule_sets (name, body, added_at) VALUES ($1, $2, $3)")
            .bind(&rules.name)
            .bind(to_json(rules)?)
            .bind(at)
            .execute(self.writer())
            .await
            .map_err(duplicate("rule set"))?;
        Ok(())
    }

    async fn rule_sets(&self) -> Result<Vec<RuleSet>> {
        rule_sets(self.reader()).await
    }

    async fn add_scheme(&self, scheme: &Scheme, at: DateTime<Utc>) -> Result<()> {
        query("INSERT INTO care_schemes (name, body, added_at) VALUES ($1, $2, $3)")
            .bind(&scheme.name)
            .bind(to_json(scheme)?)
            .bind(at)
            .execute(self.writer())
            .await
            .map_err(duplicate("scheme"))?;
        Ok(())
    }

    async fn schemes(&self) -> Result<Vec<Scheme>> {
        schemes(self.reader()).await
    }

    async fn set_terms(&self, nursery: NurseryId, terms: &Terms) -> Result<bool> {
        let changed = query("UPDATE nurseries SET terms = $2 WHERE id = $1")
            .bind(nursery.0)
            .bind(to_json(terms)?)
            .execute(self.writer())
            .await?;
        Ok(changed.rows_affected() > 0)
    }

    async fn set_staffing(&self, nursery: NurseryId, staffing: Option<&Staffing>) -> Result<bool> {
        let changed = query("UPDATE nurseries SET staffing = $2 WHERE id = $1")
            .bind(nursery.0)
            .bind(staffing.map(to_json).transpose()?)
            .execute(self.writer())
            .await?;
        Ok(changed.rows_affected() > 0)
    }

    async fn shifts(&self, nursery: NurseryId, window: &Interval) -> Result<Vec<Rostered>> {
        shifts_of(self.reader(), nursery, window).await
    }

    async fn put_roster(&self, roster: &Roster) -> Result<RosterPut> {
        let mut tries = Tries::first();
        loop {
            let roster = roster.clone();
            let put = self.write_tentatively(move |tx| {
                let roster = roster.clone();
                Box::pin(async move { put_once(tx, &roster).await })
            });
            match put.await {
                Err(failed) if tries.again_after(&failed) => {}
                other => return other,
            }
        }
    }

    async fn interviews_of(&self, child: ChildId) -> Result<Vec<(NurseryId, Interview)>> {
        let all = interviews::of_children(self.reader(), &[child]).await?;
        Ok(all.into_iter().map(|(_, nursery, interview)| (nursery, interview)).collect())
    }

    async fn interviews_at(&self, nursery: NurseryId) -> Result<Vec<(ChildId, Interview)>> {
        interviews::to_come(self.reader(), nursery).await
    }

    async fn put_interview(
        &self,
        child: ChildId,
        nursery: NurseryId,
        interview: Interview,
    ) -> Result<bool> {
        interviews::put(self.writer(), child, nursery, interview).await
    }

    async fn drop_interview(&self, child: ChildId, nursery: NurseryId) -> Result<bool> {
        interviews::drop_one(self.writer(), child, nursery).await
    }

    async fn care_at(&self, nursery: NurseryId, window: &Interval) -> Result<Vec<CareAt>> {
        interviews::care_at(self.reader(), nursery, window).await
    }

    async fn children_at(&self, centre: CentreId, window: &Interval) -> Result<Vec<ChildId>> {
        interviews::children_at(self.reader(), centre, window).await
    }

    async fn is_in_care(&self, booking: BookingId) -> Result<bool> {
        diary::is_in_care(self.reader(), booking).await
    }

    async fn was_cared_for(
        &self,
        centre: CentreId,
        child: ChildId,
        on: Option<BookingId>,
    ) -> Result<bool> {
        diary::was_cared_for(self.reader(), centre, child, on).await
    }

    async fn diary_of(&self, child: ChildId, window: &Interval) -> Result<Vec<DiaryEntry>> {
        diary::diary_of(self, child, window).await
    }

    async fn incidents_at(&self, nursery: NurseryId) -> Result<Vec<IncidentRecord>> {
        diary::incidents_at(self, nursery).await
    }

    async fn need_no_report(&self, centre: CentreId, places: &[u64]) -> Result<()> {
        diary::need_no_report(self, centre, places).await
    }

    async fn report_incident(
        &self,
        nursery: NurseryId,
        incident: (CentreId, u64),
        report: Report,
        at: DateTime<Utc>,
    ) -> Result<bool> {
        diary::report_incident(self, nursery, incident, report, at).await
    }
}

async fn put_once(tx: &mut Tx, roster: &Roster) -> Result<Outcome<RosterPut>> {
    let Roster { centre, nursery, days, shifts, at, only_try } = roster;
    let mut days = days.clone();
    days.sort();
    days.dedup();
    // A shift is at most a day long: none that is replaced reaches beyond the next day.
    let mut locked = days.clone();
    locked.extend(days.iter().filter_map(|day| day.succ_opt()));
    let new: Vec<Interval> = shifts.iter().map(|one| one.shift.when).collect();
    locked.extend(booking::days_to_lock(centre, &new));
    locked.sort();
    locked.dedup();
    // Bookings of these days wait meanwhile: none is made by a roster that is just being replaced.
    writes::lock_days(tx, centre.id, &locked).await?;
    end_lapsed(tx, centre, *at, &locked, &[]).await?;
    let touched: Vec<Interval> =
        locked.iter().filter_map(|day| whole_day(*day, centre.time_zone)).collect();
    let Some(span) = span_of(&touched) else {
        return Ok(Outcome::Clean(RosterPut::Done(Vec::new())));
    };
    let begins_on = |shift: &Rostered| -> Option<NaiveDate> {
        days_of(&shift.shift.when, centre.time_zone).first().copied()
    };
    let before = shifts_of(&mut **tx, *nursery, &span).await?;
    let (replaced, stays): (Vec<_>, Vec<_>) = before
        .iter()
        .partition(|shift| begins_on(shift).is_some_and(|day| days.binary_search(&day).is_ok()));
    for shift in shifts {
        let meets = |other: &&Rostered| {
            other.caregiver == shift.caregiver && other.shift.when.overlaps(&shift.shift.when)
        };
        if let Some(other) = stays.iter().copied().find(meets) {
            let (caregiver, when) = (other.caregiver.clone(), other.shift.when);
            return Ok(Outcome::Undo(RosterPut::Overlaps { caregiver, when }));
        }
    }
    for shift in replaced {
        query("DELETE FROM shifts WHERE id = $1").bind(shift.id.0).execute(&mut **tx).await?;
    }
    for Rostered { id, caregiver, shift } in shifts {
        // Whoever has come to a shift has come to it still when the roster is put again.
        let same = before.iter().find(|old| {
            old.caregiver == *caregiver && old.shift.when.starts() == shift.when.starts()
        });
        let id = same.map_or(*id, |old| old.id);
        query(
            "INSERT INTO shifts (id, nursery_id, caregiver, kind, starts_at, ends_at, breaks)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(id.0)
        .bind(nursery.0)
        .bind(caregiver)
        .bind(&shift.kind)
        .bind(shift.when.starts())
        .bind(shift.when.ends())
        .bind(to_json(&shift.breaks)?)
        .execute(&mut **tx)
        .await?;
    }
    // Care may reach far beyond these days: it is judged with all who work then, and told of where it fails on them.
    let wide = Interval::new(span.starts() - LONGEST_CLAIM, span.ends() + LONGEST_CLAIM);
    let wide = wide.map_err(|bad| StoreError::Corrupt(bad.to_string()))?;
    let mut failing = CarePlaces::read(tx, centre, &wide).await?.failing(*nursery);
    for (_, lacks) in &mut failing {
        lacks.retain(|lack| touched.iter().any(|day| day.overlaps(&lack.when)));
    }
    failing.retain(|(_, lacks)| !lacks.is_empty());
    if *only_try {
        return Ok(Outcome::Undo(RosterPut::Done(failing)));
    }
    writes::note_days(tx, centre.id, &locked).await?;
    Ok(Outcome::Kept(RosterPut::Done(failing)))
}

/// Every rule set, by name.
pub(super) async fn rule_sets<'c>(line: impl Executor<'c, Database = Db>) -> Result<Vec<RuleSet>> {
    let mut bodies: Vec<(String, String)> =
        query_as("SELECT name, body FROM rule_sets").fetch_all(line).await?;
    bodies.sort();
    let read = |(_, body): &(String, String)| {
        let rules: RuleSet = from_json(body)?;
        rules.check().map_err(|bad| StoreError::Corrupt(bad.to_string()))?;
        Ok(rules)
    };
    bodies.iter().map(read).collect()
}

/// Every scheme, by name.
pub(super) async fn schemes<'c>(line: impl Executor<'c, Database = Db>) -> Result<Vec<Scheme>> {
    let mut bodies: Vec<(String, String)> =
        query_as("SELECT name, body FROM care_schemes").fetch_all(line).await?;
    bodies.sort();
    let read = |(_, body): &(String, String)| {
        let scheme: Scheme = from_json(body)?;
        scheme.check().map_err(|bad| StoreError::Corrupt(bad.to_string()))?;
        Ok(scheme)
    };
    bodies.iter().map(read).collect()
}

/// The shifts of a nursery that overlap `window`.
pub(super) async fn shifts_of<'c>(
    line: impl Executor<'c, Database = Db>,
    nursery: NurseryId,
    window: &Interval,
) -> Result<Vec<Rostered>> {
    let rows: Vec<ShiftRow> = query_as(
        "SELECT id, caregiver, kind, starts_at, ends_at, breaks FROM shifts
         WHERE nursery_id = $1 AND starts_at > $2 AND starts_at < $3 AND ends_at > $4",
    )
    .bind(nursery.0)
    .bind(window.starts() - LONGEST_CLAIM)
    .bind(window.ends())
    .bind(window.starts())
    .fetch_all(line)
    .await?;
    let mut shifts: Vec<Rostered> =
        rows.into_iter().map(Rostered::try_from).collect::<Result<_>>()?;
    shifts.sort_by(|one, other| {
        (one.shift.when.starts(), &one.caregiver, one.id).cmp(&(
            other.shift.when.starts(),
            &other.caregiver,
            other.id,
        ))
    });
    Ok(shifts)
}

#[derive(FromRow)]
struct ShiftRow {
    id: Uuid,
    caregiver: String,
    kind: String,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    breaks: String,
}

impl TryFrom<ShiftRow> for Rostered {
    type Error = StoreError;
    fn try_from(row: ShiftRow) -> Result<Self> {
        Ok(Self {
            id: ShiftId(row.id),
            caregiver: row.caregiver,
            shift: Shift {
                kind: row.kind,
                when: interval(row.starts_at, row.ends_at)?,
                breaks: from_json(&row.breaks)?,
            },
        })
    }
}
