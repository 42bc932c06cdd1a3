//! What is personal: sealed fields, consents, guardians' codes, how long things are kept, and
//! erasure.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use model::consent::Purpose;
use model::id::{
    BookingId, CentreId, ChildId, CollectorId, ConsentId, HouseholdId, NurseryId, PersonId,
};
use model::interval::Interval;
use sqlx::{AssertSqlSafe, FromRow, query, query_as, query_scalar};
use store::{
    Consent, Erasure, GuardianCode, Kept, Personal, Result, Retention, SealedChild, StoreError,
    VisitRecord,
};
use uuid::Uuid;

use super::LONGEST_CLAIM;
use super::convert::{from_word, number, storable, word};
use super::people::{PEOPLE_CHANGED, join_household};
use crate::{Here, id_list};

#[async_trait]
impl Personal for Here {
    async fn sealed_of(&self, person: PersonId) -> Result<Option<Vec<u8>>> {
        let sealed: Option<Option<Vec<u8>>> =
            query_scalar("SELECT sealed FROM persons WHERE id = $1")
                .bind(person.0)
                .fetch_optional(self.reader())
                .await?;
        Ok(sealed.flatten())
    }

    async fn set_sealed_of(&self, person: PersonId, sealed: Option<&[u8]>) -> Result<()> {
        let mut tx = self.begin().await?;
        query("UPDATE persons SET sealed = $2 WHERE id = $1 AND erased_at IS NULL")
            .bind(person.0)
            .bind(sealed)
            .execute(&mut *tx)
            .await?;
        query(PEOPLE_CHANGED).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    async fn child(&self, id: ChildId) -> Result<Option<(SealedChild, Option<Vec<u8>>)>> {
        let row: Option<(Uuid, Uuid, Vec<u8>, Option<Vec<u8>>)> =
            query_as("SELECT id, household_id, sealed, health FROM children WHERE id = $1")
                .bind(id.0)
                .fetch_optional(self.reader())
                .await?;
        Ok(row.map(|(id, household, sealed, health)| {
            let household = HouseholdId(household);
            (SealedChild { id: ChildId(id), household, sealed }, health)
        }))
    }

    async fn set_child_health(&self, id: ChildId, sealed: Option<&[u8]>) -> Result<()> {
        let mut tx = self.begin().await?;
        query("UPDATE children SET health = $2 WHERE id = $1")
            .bind(id.0)
            .bind(sealed)
            .execute(&mut *tx)
            .await?;
        query(PEOPLE_CHANGED).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    async fn care_file(&self, child: ChildId) -> Result<(Option<Vec<u8>>, i64)> {
        let row: Option<(Option<Vec<u8>>, i64)> =
            query_as("SELECT care_file, care_file_version FROM children WHERE id = $1")
                .bind(child.0)
                .fetch_optional(self.reader())
                .await?;
        Ok(row.unwrap_or_default())
    }

    async fn set_care_file(
        &self,
        child: ChildId,
        sealed: &[u8],
        version: i64,
        barred: &[PersonId],
    ) -> Result<bool> {
        let mut tx = self.begin().await?;
        let done = query(
            "UPDATE children SET care_file = $2, care_file_version = care_file_version + 1
             WHERE id = $1 AND care_file_version = $3 AND length(sealed) > 0",
        )
        .bind(child.0)
        .bind(sealed)
        .bind(version)
        .execute(&mut *tx)
        .await?;
        if done.rows_affected() == 0 {
            tx.rollback().await?;
            return Ok(false);
        }
        query("DELETE FROM barred_accounts WHERE child_id = $1")
            .bind(child.0)
            .execute(&mut *tx)
            .await?;
        for person in barred {
            query("INSERT INTO barred_accounts (child_id, person_id) VALUES ($1, $2)")
                .bind(child.0)
                .bind(person.0)
                .execute(&mut *tx)
                .await?;
        }
        query(PEOPLE_CHANGED).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn children_after(&self, after: Option<ChildId>, most: u32) -> Result<Vec<SealedChild>> {
        let rows: Vec<(Uuid, Uuid, Vec<u8>)> = query_as(
            "SELECT id, household_id, sealed FROM children WHERE id > $1 ORDER BY id LIMIT $2",
        )
        .bind(after.map_or(Uuid::nil(), |id| id.0))
        .bind(i64::from(most))
        .fetch_all(self.reader())
        .await?;
        let child = |(id, household, sealed)| SealedChild {
            id: ChildId(id),
            household: HouseholdId(household),
            sealed,
        };
        Ok(rows.into_iter().map(child).collect())
    }

    async fn nurseries_of(&self, child: ChildId, window: &Interval) -> Result<Vec<NurseryId>> {
        let ids: Vec<Uuid> = query_scalar(
            "SELECT nursery_id FROM care_claims
             WHERE child_id = $1 AND released_at IS NULL AND starts_at < $3 AND ends_at > $2
             UNION
             SELECT nursery_id FROM care_stays WHERE child_id = $1 AND since < $3 AND until > $4",
        )
        .bind(child.0)
        .bind(storable(window.starts()))
        .bind(storable(window.ends()))
        .bind(storable(window.starts() - LONGEST_CLAIM))
        .fetch_all(self.reader())
        .await?;
        Ok(ids.into_iter().map(NurseryId).collect())
    }

    async fn is_barred(&self, person: PersonId, household: HouseholdId) -> Result<bool> {
        let found: i64 = query_scalar(
            "SELECT COUNT(*) FROM barred_accounts b JOIN children c ON c.id = b.child_id
             WHERE c.household_id = $1 AND b.person_id = $2",
        )
        .bind(household.0)
        .bind(person.0)
        .fetch_one(self.reader())
        .await?;
        Ok(found > 0)
    }

    async fn add_guardian_code(&self, code: &GuardianCode) -> Result<()> {
        query(
            "INSERT INTO guardian_codes
                 (secret, household_id, made_by, ends_at, child_id, collector_id)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(code.secret.as_slice())
        .bind(code.household.0)
        .bind(code.made_by.0)
        .bind(storable(code.ends_at))
        .bind(code.collects.map(|(child, _)| child.0))
        .bind(code.collects.map(|(_, collector)| collector.0))
        .execute(self.writer())
        .await?;
        Ok(())
    }

    async fn take_guardian_code(
        &self,
        secret: &[u8; 32],
        person: PersonId,
        only_collects: bool,
        now: DateTime<Utc>,
    ) -> Result<Option<GuardianCode>> {
        let mut tx = self.begin().await?;
        let row: Option<CodeRow> = query_as(
            "UPDATE guardian_codes SET taken_at = $2
             WHERE secret = $1 AND taken_at IS NULL AND ends_at > $2 AND made_by <> $3
                 AND (collector_id IS NOT NULL) = $4
                 AND NOT EXISTS (SELECT 1 FROM barred_accounts b JOIN children c ON c.id = b.child_id
                     WHERE c.household_id = guardian_codes.household_id
                         AND b.person_id = guardian_codes.made_by)
             RETURNING household_id, made_by, ends_at, child_id, collector_id",
        )
        .bind(secret.as_slice())
        .bind(storable(now))
        .bind(person.0)
        .bind(only_collects)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let code = GuardianCode {
            secret: *secret,
            household: HouseholdId(row.household_id),
            collects: row.child_id.map(ChildId).zip(row.collector_id.map(CollectorId)),
            made_by: PersonId(row.made_by),
            ends_at: row.ends_at,
        };
        if code.collects.is_none() {
            join_household(&mut tx, code.household, person, now).await?;
        }
        tx.commit().await?;
        Ok(Some(code))
    }

    async fn give_consent(&self, consent: &Consent) -> Result<bool> {
        let done = query(
            "INSERT INTO consents (id, child_id, purpose, wording, given_by, given_at, withdrawn_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        )
        .bind(consent.id.0)
        .bind(consent.child.0)
        .bind(word(consent.purpose)?)
        .bind(&consent.wording)
        .bind(consent.given_by.0)
        .bind(storable(consent.given_at))
        .bind(consent.withdrawn_at.map(storable))
        .execute(self.writer())
        .await?;
        Ok(done.rows_affected() > 0)
    }

    async fn withdraw_consent(
        &self,
        child: ChildId,
        purpose: Purpose,
        at: DateTime<Utc>,
    ) -> Result<bool> {
        let done = query(
            "UPDATE consents SET withdrawn_at = $3
             WHERE child_id = $1 AND purpose = $2 AND withdrawn_at IS NULL",
        )
        .bind(child.0)
        .bind(word(purpose)?)
        .bind(storable(at))
        .execute(self.writer())
        .await?;
        Ok(done.rows_affected() > 0)
    }

    async fn consents_of(&self, child: ChildId) -> Result<Vec<Consent>> {
        let rows: Vec<ConsentRow> = query_as(
            "SELECT id, child_id, purpose, wording, given_by, given_at, withdrawn_at FROM consents
             WHERE child_id = $1 ORDER BY given_at, id",
        )
        .bind(child.0)
        .fetch_all(self.reader())
        .await?;
        rows.into_iter().map(Consent::try_from).collect()
    }

    async fn visits_of(&self, person: PersonId) -> Result<Vec<VisitRecord>> {
        let rows: Vec<(Uuid, Uuid, DateTime<Utc>, Option<DateTime<Utc>>)> = query_as(
            "SELECT centre_id, booking_id, checked_in_at, checked_out_at FROM visits
             WHERE person_id = $1 ORDER BY checked_in_at, id",
        )
        .bind(person.0)
        .fetch_all(self.reader())
        .await?;
        let visit = |(centre, booking, checked_in_at, checked_out_at)| VisitRecord {
            centre: CentreId(centre),
            booking: BookingId(booking),
            checked_in_at,
            checked_out_at,
        };
        Ok(rows.into_iter().map(visit).collect())
    }

    async fn retention(&self) -> Result<Vec<Retention>> {
        let rows: Vec<(String, i64, String)> =
            query_as("SELECT what, days, source FROM retention").fetch_all(self.reader()).await?;
        let mut rules = rows
            .into_iter()
            .map(|(what, days, source)| {
                Ok(Retention { what: from_word(&what)?, days: number(days)?, source })
            })
            .collect::<Result<Vec<_>>>()?;
        rules.sort_by_key(|rule| rule.what);
        Ok(rules)
    }

    async fn forget(&self, what: Kept, before: DateTime<Utc>, most: u32) -> Result<u64> {
        let statements: &[&'static str] = match what {
            Kept::DeviceCodes => &["DELETE FROM enrol_codes WHERE secret IN
                (SELECT secret FROM enrol_codes WHERE ends_at < $1 LIMIT $2)"],
            Kept::GuardianCodes => &["DELETE FROM guardian_codes WHERE secret IN
                (SELECT secret FROM guardian_codes WHERE ends_at < $1 LIMIT $2)"],
            Kept::Interviews => &["DELETE FROM interviews WHERE (child_id, nursery_id) IN
                (SELECT child_id, nursery_id FROM interviews
                 WHERE held_on IS NULL AND COALESCE(fixed_for, asked_at) < $1 LIMIT $2)"],
            Kept::Notices => &["DELETE FROM notices WHERE id IN
                (SELECT id FROM notices WHERE COALESCE(sent_at, gave_up_at) < $1 LIMIT $2)"],
            // With what is told of the times that a site was on its own.
            Kept::SiteEvents => &[
                "DELETE FROM walk_in_conflicts WHERE (centre_id, place) IN
                    (SELECT centre_id, place FROM walk_in_conflicts WHERE ends_at < $1
                     ORDER BY centre_id, place LIMIT $2)",
                "DELETE FROM site_absences WHERE (centre_id, number) IN
                    (SELECT centre_id, number FROM site_absences WHERE back_at < $1
                     ORDER BY centre_id, number LIMIT $2)",
                "DELETE FROM site_events WHERE (centre_id, place) IN
                    (SELECT e.centre_id, e.place FROM site_events e
                         JOIN snapshots s ON s.centre_id = e.centre_id
                     WHERE e.taken_at < $1 AND e.place <= s.place
                     ORDER BY e.centre_id, e.place LIMIT $2)",
            ],
            Kept::SiteOrders => &["DELETE FROM site_orders WHERE id IN
                (SELECT id FROM site_orders WHERE asked_at < $1 LIMIT $2)"],
            Kept::Bookings => &[
                "DELETE FROM waitlist WHERE id IN
                    (SELECT id FROM waitlist WHERE ends_at < $1 ORDER BY id LIMIT $2)",
                "DELETE FROM desk_claims WHERE booking_id IN
                    (SELECT id FROM bookings WHERE ends_at < $1 ORDER BY id LIMIT $2)",
                "DELETE FROM care_claims WHERE booking_id IN
                    (SELECT id FROM bookings WHERE ends_at < $1 ORDER BY id LIMIT $2)",
                "DELETE FROM bookings WHERE id IN
                    (SELECT id FROM bookings WHERE ends_at < $1 ORDER BY id LIMIT $2)",
            ],
            Kept::CancelledBookings => &[
                "DELETE FROM desk_claims WHERE booking_id IN
                    (SELECT id FROM bookings WHERE status IN ('cancelled', 'lapsed', 'declined') AND ends_at < $1
                     ORDER BY id LIMIT $2)",
                "DELETE FROM care_claims WHERE booking_id IN
                    (SELECT id FROM bookings WHERE status IN ('cancelled', 'lapsed', 'declined') AND ends_at < $1
                     ORDER BY id LIMIT $2)",
                "DELETE FROM bookings WHERE id IN
                    (SELECT id FROM bookings WHERE status IN ('cancelled', 'lapsed', 'declined') AND ends_at < $1
                     ORDER BY id LIMIT $2)",
            ],
            // Incidents go with their entries.
            Kept::CareDiary => &[
                "DELETE FROM care_stays WHERE (centre_id, child_id) IN
                    (SELECT centre_id, child_id FROM care_stays WHERE until < $1
                     ORDER BY centre_id, child_id LIMIT $2)",
                "DELETE FROM care_diary WHERE (centre_id, place) IN
                    (SELECT centre_id, place FROM care_diary WHERE at < $1
                     ORDER BY centre_id, place LIMIT $2)",
            ],
            // Not deleted row by row: `cut_audit` and `pseudonymise`.
            Kept::Audit | Kept::Visits => &[],
        };
        let mut tx = self.begin().await?;
        let mut gone = 0;
        for statement in statements {
            gone = query(*statement)
                .bind(storable(before))
                .bind(i64::from(most))
                .execute(&mut *tx)
                .await?
                .rows_affected();
        }
        tx.commit().await?;
        Ok(gone)
    }

    async fn visitors_before(&self, before: DateTime<Utc>, most: u32) -> Result<Vec<PersonId>> {
        let ids: Vec<Uuid> = query_scalar(
            "SELECT DISTINCT person_id FROM visits
             WHERE pseudonymous = 0 AND checked_in_at < $1 AND checked_out_at < $1 LIMIT $2",
        )
        .bind(storable(before))
        .bind(i64::from(most))
        .fetch_all(self.reader())
        .await?;
        Ok(ids.into_iter().map(PersonId).collect())
    }

    async fn pseudonymise(
        &self,
        person: PersonId,
        pseudonym: PersonId,
        before: DateTime<Utc>,
    ) -> Result<u64> {
        let done = query(
            "UPDATE visits SET person_id = $2, pseudonymous = 1
             WHERE person_id = $1 AND pseudonymous = 0 AND checked_out_at < $3",
        )
        .bind(person.0)
        .bind(pseudonym.0)
        .bind(storable(before))
        .execute(self.writer())
        .await?;
        Ok(done.rows_affected())
    }

    async fn erase(&self, erasure: &Erasure) -> Result<bool> {
        let person = erasure.person.0;
        let mut tx = self.begin().await?;
        let there = query(
            "UPDATE persons SET email = $2, name = '', password = NULL, pin = NULL, sealed = NULL,
                 erased_at = $3
             WHERE id = $1 AND erased_at IS NULL",
        )
        .bind(person)
        .bind(format!("{person}@erased.invalid"))
        .bind(storable(erasure.at))
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if there == 0 {
            tx.rollback().await?;
            return Ok(false);
        }
        query("UPDATE visits SET person_id = $2, pseudonymous = 1 WHERE person_id = $1")
            .bind(person)
            .bind(erasure.pseudonym.0)
            .execute(&mut *tx)
            .await?;
        query(
            "UPDATE bookings SET idempotency_key = NULL, idempotency_digest = NULL
               WHERE person_id = $1",
        )
        .bind(person)
        .execute(&mut *tx)
        .await?;
        query(
            "UPDATE site_orders SET idempotency_key = NULL, idempotency_digest = NULL
               WHERE ordered_by = $1",
        )
        .bind(person)
        .execute(&mut *tx)
        .await?;
        query("DELETE FROM guardian_codes WHERE made_by = $1")
            .bind(person)
            .execute(&mut *tx)
            .await?;
        query(
            "DELETE FROM credential_references WHERE credential_id IN
               (SELECT id FROM credentials WHERE person_id = $1)",
        )
        .bind(person)
        .execute(&mut *tx)
        .await?;
        for table in store::GOES_WITH_A_PERSON {
            query(AssertSqlSafe(format!("DELETE FROM {table} WHERE person_id = $1")))
                .bind(person)
                .execute(&mut *tx)
                .await?;
        }
        let children = || id_list(erasure.children.iter().map(|id| id.0));
        query(concat!(
            "UPDATE children SET sealed = $2, health = NULL, care_file = NULL,
                 care_file_version = care_file_version + 1 WHERE id ",
            in_list!("$1")
        ))
        .bind(children())
        .bind(b"".as_slice())
        .execute(&mut *tx)
        .await?;
        for of_theirs in [
            concat!("DELETE FROM interviews WHERE child_id ", in_list!("$1")),
            concat!("DELETE FROM barred_accounts WHERE child_id ", in_list!("$1")),
            // Incidents go with their entries. What stands of the child in `site_events` stays: its ids lead to nobody, and
            // its sealed parts are unreadable without the key that goes below.
            concat!("DELETE FROM care_diary WHERE child_id ", in_list!("$1")),
            concat!("DELETE FROM care_stays WHERE child_id ", in_list!("$1")),
        ] {
            query(of_theirs).bind(children()).execute(&mut *tx).await?;
        }
        query(concat!(
            "UPDATE care_claims SET age = NULL, school_age = NULL WHERE child_id ",
            in_list!("$1")
        ))
        .bind(children())
        .execute(&mut *tx)
        .await?;
        query(concat!(
            "DELETE FROM person_keys WHERE owner_kind = 'child' AND owner_id ",
            in_list!("$1")
        ))
        .bind(children())
        .execute(&mut *tx)
        .await?;
        query("DELETE FROM person_keys WHERE owner_kind = 'person' AND owner_id = $1")
            .bind(person)
            .execute(&mut *tx)
            .await?;
        query(PEOPLE_CHANGED).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(true)
    }
}

#[derive(FromRow)]
struct CodeRow {
    household_id: Uuid,
    made_by: Uuid,
    ends_at: DateTime<Utc>,
    child_id: Option<Uuid>,
    collector_id: Option<Uuid>,
}

#[derive(FromRow)]
struct ConsentRow {
    id: Uuid,
    child_id: Uuid,
    purpose: String,
    wording: String,
    given_by: Uuid,
    given_at: DateTime<Utc>,
    withdrawn_at: Option<DateTime<Utc>>,
}

impl TryFrom<ConsentRow> for Consent {
    type Error = StoreError;
    fn try_from(row: ConsentRow) -> Result<Self> {
        Ok(Self {
            id: ConsentId(row.id),
            child: ChildId(row.child_id),
            purpose: from_word(&row.purpose)?,
            wording: row.wording,
            given_by: PersonId(row.given_by),
            given_at: row.given_at,
            withdrawn_at: row.withdrawn_at,
        })
    }
}
