//! Employers' own sign-in, their directories, and the visits they pay for.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use model::id::{BookingId, CentreId, EmployerId, PersonId, VisitId};
use model::interval::Interval;
use model::organisation::MemberRole;
use model::people::Given;
use sqlx::{Transaction, query, query_as, query_scalar};
use store::{
    DirectoryEntry, Identity, OpenBooking, Organisations, PaidVisit, ProviderTrip, Result,
    SignInSettings, StoreError,
};
use uuid::Uuid;

use super::convert::{bytes32, from_json, from_word, storable, to_json, word};
use super::duplicate;
use super::people::{Bound, PEOPLE_CHANGED, insert_role};
use crate::{Db, Here};

type Tx = Transaction<'static, Db>;

#[async_trait]
impl Organisations for Here {
    async fn sign_in_settings(&self, employer: EmployerId) -> Result<Option<SignInSettings>> {
        let row: Option<(String, String, Vec<u8>, String, String, bool)> = query_as(
            "SELECT issuer, client_id, secret, email_claim, role_rules, checks_second
             FROM sign_in_settings WHERE employer_id = $1",
        )
        .bind(employer.0)
        .fetch_optional(self.reader())
        .await?;
        row.map(|(issuer, client_id, secret, email_claim, rules, checks_second)| {
            let rules = from_json(&rules)?;
            Ok(SignInSettings {
                employer,
                issuer,
                client_id,
                secret,
                email_claim,
                rules,
                checks_second,
            })
        })
        .transpose()
    }

    async fn set_sign_in_settings(&self, settings: &SignInSettings) -> Result<()> {
        query(
            "INSERT INTO sign_in_settings (employer_id, issuer, client_id, secret, email_claim,
                 role_rules, checks_second)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (employer_id) DO UPDATE SET issuer = $2, client_id = $3, secret = $4,
                 email_claim = $5, role_rules = $6, checks_second = $7",
        )
        .bind(settings.employer.0)
        .bind(&settings.issuer)
        .bind(&settings.client_id)
        .bind(&settings.secret)
        .bind(&settings.email_claim)
        .bind(to_json(&settings.rules)?)
        .bind(settings.checks_second)
        .execute(self.writer())
        .await?;
        Ok(())
    }

    async fn drop_sign_in_settings(&self, employer: EmployerId) -> Result<()> {
        let mut tx = self.begin().await?;
        for statement in [
            "DELETE FROM provider_trips WHERE employer_id = $1",
            "DELETE FROM identities WHERE employer_id = $1",
            "DELETE FROM sign_in_settings WHERE employer_id = $1",
        ] {
            query(statement).bind(employer.0).execute(&mut *tx).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn domains_of(&self, employer: EmployerId) -> Result<Vec<String>> {
        Ok(query_scalar(
            "SELECT domain FROM employer_domains WHERE employer_id = $1 ORDER BY domain",
        )
        .bind(employer.0)
        .fetch_all(self.reader())
        .await?)
    }

    async fn set_domains(&self, employer: EmployerId, domains: &[String]) -> Result<()> {
        let mut tx = self.begin().await?;
        query("DELETE FROM employer_domains WHERE employer_id = $1")
            .bind(employer.0)
            .execute(&mut *tx)
            .await?;
        for domain in domains {
            query("INSERT INTO employer_domains (domain, employer_id) VALUES ($1, $2)")
                .bind(domain)
                .bind(employer.0)
                .execute(&mut *tx)
                .await
                .map_err(duplicate("domain"))?;
        }
        Ok(tx.commit().await?)
    }

    async fn employer_of_domain(&self, domain: &str) -> Result<Option<EmployerId>> {
        let id: Option<Uuid> =
            query_scalar("SELECT employer_id FROM employer_domains WHERE domain = $1")
                .bind(domain.to_lowercase())
                .fetch_optional(self.reader())
                .await?;
        Ok(id.map(EmployerId))
    }

    async fn begin_trip(&self, trip: &ProviderTrip, now: DateTime<Utc>) -> Result<()> {
        let mut tx = self.begin().await?;
        query("DELETE FROM provider_trips WHERE ends_at <= $1").bind(now).execute(&mut *tx).await?;
        query(
            "INSERT INTO provider_trips (state, employer_id, browser, sealed, ends_at)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(trip.state.as_slice())
        .bind(trip.employer.0)
        .bind(trip.browser.as_slice())
        .bind(&trip.sealed)
        .bind(trip.ends_at)
        .execute(&mut *tx)
        .await
        .map_err(duplicate("trip"))?;
        Ok(tx.commit().await?)
    }

    async fn end_trip(
        &self,
        state: &[u8; 32],
        browser: &[u8; 32],
        now: DateTime<Utc>,
    ) -> Result<Option<ProviderTrip>> {
        let row: Option<(Uuid, Vec<u8>, Vec<u8>, DateTime<Utc>)> = query_as(
            "DELETE FROM provider_trips WHERE state = $1
             RETURNING employer_id, browser, sealed, ends_at",
        )
        .bind(state.as_slice())
        .fetch_optional(self.writer())
        .await?;
        let Some((employer, began_in, sealed, ends_at)) = row else { return Ok(None) };
        if began_in != browser.as_slice() || ends_at <= now {
            return Ok(None);
        }
        let browser = bytes32(&began_in)?;
        let employer = EmployerId(employer);
        Ok(Some(ProviderTrip { state: *state, employer, browser, sealed, ends_at }))
    }

    async fn person_of_identity(&self, identity: &Identity) -> Result<Option<PersonId>> {
        let id: Option<Uuid> = query_scalar(
            "SELECT person_id FROM identities
             WHERE employer_id = $1 AND issuer = $2 AND subject = $3",
        )
        .bind(identity.employer.0)
        .bind(&identity.issuer)
        .bind(&identity.subject)
        .fetch_optional(self.reader())
        .await?;
        Ok(id.map(PersonId))
    }

    async fn add_identity(&self, identity: &Identity, person: PersonId) -> Result<()> {
        query(
            "INSERT INTO identities (employer_id, issuer, subject, person_id)
             VALUES ($1, $2, $3, $4)",
        )
        .bind(identity.employer.0)
        .bind(&identity.issuer)
        .bind(&identity.subject)
        .bind(person.0)
        .execute(self.writer())
        .await
        .map_err(duplicate("identity"))?;
        Ok(())
    }

    async fn set_claimed_roles(
        &self,
        person: PersonId,
        employer: EmployerId,
        roles: &[MemberRole],
        at: DateTime<Utc>,
    ) -> Result<()> {
        let at = storable(at);
        let mut tx = self.begin().await?;
        lock_person(&mut tx, person).await?;
        let before: Vec<String> = query_scalar(
            "SELECT role FROM claimed_roles WHERE person_id = $1 AND employer_id = $2",
        )
        .bind(person.0)
        .bind(employer.0)
        .fetch_all(&mut *tx)
        .await?;
        let before: Vec<MemberRole> =
            before.iter().map(|role| from_word(role)).collect::<Result<_>>()?;
        for role in before.iter().filter(|role| !roles.contains(role)) {
            query(
                "DELETE FROM claimed_roles WHERE person_id = $1 AND employer_id = $2 AND role = $3",
            )
            .bind(person.0)
            .bind(employer.0)
            .bind(word(role)?)
            .execute(&mut *tx)
            .await?;
            query(
                "UPDATE roles SET until_at = $4
                 WHERE person_id = $1 AND employer_id = $2 AND role = $3
                     AND (until_at IS NULL OR until_at > $4)",
            )
            .bind(person.0)
            .bind(employer.0)
            .bind(word(role)?)
            .bind(at)
            .execute(&mut *tx)
            .await?;
        }
        for role in roles {
            if give(&mut tx, person, &role.grant(employer).into(), at).await? {
                query(
                    "INSERT INTO claimed_roles (person_id, employer_id, role) VALUES ($1, $2, $3)
                     ON CONFLICT (person_id, employer_id, role) DO NOTHING",
                )
                .bind(person.0)
                .bind(employer.0)
                .bind(word(role)?)
                .execute(&mut *tx)
                .await?;
            }
        }
        query(PEOPLE_CHANGED).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    async fn give_role(&self, person: PersonId, given: &Given, at: DateTime<Utc>) -> Result<()> {
        let mut tx = self.begin().await?;
        lock_person(&mut tx, person).await?;
        give(&mut tx, person, given, storable(at)).await?;
        query(PEOPLE_CHANGED).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    async fn end_membership(
        &self,
        person: PersonId,
        employer: EmployerId,
        at: DateTime<Utc>,
    ) -> Result<bool> {
        let mut tx = self.begin().await?;
        lock_person(&mut tx, person).await?;
        let ended = query(
            "UPDATE roles SET until_at = $3
             WHERE person_id = $1 AND employer_id = $2 AND (until_at IS NULL OR until_at > $3)",
        )
        .bind(person.0)
        .bind(employer.0)
        .bind(storable(at))
        .execute(&mut *tx)
        .await?;
        for statement in [
            "DELETE FROM claimed_roles WHERE person_id = $1 AND employer_id = $2",
            "DELETE FROM identities WHERE person_id = $1 AND employer_id = $2",
        ] {
            query(statement).bind(person.0).bind(employer.0).execute(&mut *tx).await?;
        }
        query(PEOPLE_CHANGED).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(ended.rows_affected() > 0)
    }

    async fn open_bookings_of(
        &self,
        person: PersonId,
        now: DateTime<Utc>,
    ) -> Result<Vec<OpenBooking>> {
        let rows: Vec<(Uuid, Uuid, Option<Uuid>)> = query_as(
            "SELECT id, centre_id, on_account_of FROM bookings
             WHERE person_id = $1 AND ends_at > $2 AND status = 'confirmed' ORDER BY id",
        )
        .bind(person.0)
        .bind(now)
        .fetch_all(self.reader())
        .await?;
        Ok(rows
            .into_iter()
            .map(|(id, centre, payer)| OpenBooking {
                id: BookingId(id),
                centre: CentreId(centre),
                on_account_of: payer.map(EmployerId),
            })
            .collect())
    }

    async fn set_email(&self, person: PersonId, email: &str) -> Result<()> {
        query("UPDATE persons SET email = $2 WHERE id = $1")
            .bind(person.0)
            .bind(email.to_lowercase())
            .execute(self.writer())
            .await
            .map_err(duplicate("e-mail address"))?;
        Ok(())
    }

    async fn directory(&self, employer: EmployerId) -> Result<Vec<DirectoryEntry>> {
        let rows: Vec<(Uuid, Option<String>, DateTime<Utc>, bool)> = query_as(
            "SELECT person_id, external_id, changed_at, deleted FROM directory_entries
             WHERE employer_id = $1 ORDER BY person_id",
        )
        .bind(employer.0)
        .fetch_all(self.reader())
        .await?;
        Ok(rows
            .into_iter()
            .map(|(person, external_id, changed_at, deleted)| DirectoryEntry {
                person: PersonId(person),
                external_id,
                changed_at,
                deleted,
            })
            .collect())
    }

    async fn set_directory_entry(
        &self,
        employer: EmployerId,
        entry: &DirectoryEntry,
    ) -> Result<()> {
        query(
            "INSERT INTO directory_entries (employer_id, person_id, external_id, changed_at, deleted)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (employer_id, person_id)
                 DO UPDATE SET external_id = $3, changed_at = $4, deleted = $5",
        )
        .bind(employer.0)
        .bind(entry.person.0)
        .bind(&entry.external_id)
        .bind(storable(entry.changed_at))
        .bind(entry.deleted)
        .execute(self.writer())
        .await
        .map_err(duplicate("external id"))?;
        Ok(())
    }

    async fn paid_visits(&self, employer: EmployerId, window: &Interval) -> Result<Vec<PaidVisit>> {
        let rows: Vec<VisitRow> = query_as(
            "SELECT v.id, v.person_id, p.name, v.centre_id, v.checked_in_at, v.checked_out_at
             FROM bookings b JOIN visits v ON v.booking_id = b.id
                 JOIN persons p ON p.id = v.person_id
             WHERE b.on_account_of = $1 AND v.checked_in_at >= $2 AND v.checked_in_at < $3
             ORDER BY v.checked_in_at, v.id",
        )
        .bind(employer.0)
        .bind(window.starts())
        .bind(window.ends())
        .fetch_all(self.reader())
        .await?;
        Ok(rows
            .into_iter()
            .map(|(visit, person, name, centre, checked_in_at, checked_out_at)| PaidVisit {
                visit: VisitId(visit),
                person: PersonId(person),
                name,
                centre: CentreId(centre),
                checked_in_at,
                checked_out_at,
            })
            .collect())
    }
}

type VisitRow = (Uuid, Uuid, String, Uuid, DateTime<Utc>, Option<DateTime<Utc>>);

/// Whoever changes a person's roles does so one after the other.
async fn lock_person(tx: &mut Tx, person: PersonId) -> Result<()> {
    let found = query("UPDATE persons SET email = email WHERE id = $1")
        .bind(person.0)
        .execute(&mut **tx)
        .await?;
    match found.rows_affected() {
        0 => Err(StoreError::Corrupt(format!("no person {person}"))),
        _ => Ok(()),
    }
}

/// Gives a role unless the same is held at `at`; answers whether it was given now. The same role
/// of before, that has ended, is replaced by it.
async fn give(tx: &mut Tx, person: PersonId, given: &Given, at: DateTime<Utc>) -> Result<bool> {
    let bound = Bound::of(&given.grant);
    let same = |text: &'static str| {
        query_scalar(text)
            .bind(person.0)
            .bind(bound.role)
            .bind(bound.employer)
            .bind(bound.centre)
            .bind(bound.nursery)
            .bind(bound.municipality)
            .bind(at)
    };
    let held: Option<i64> = same(
        "SELECT position FROM roles
         WHERE person_id = $1 AND role = $2 AND employer_id IS NOT DISTINCT FROM $3
             AND centre_id IS NOT DISTINCT FROM $4 AND nursery_id IS NOT DISTINCT FROM $5
             AND municipality_id IS NOT DISTINCT FROM $6
             AND (from_at IS NULL OR from_at <= $7) AND (until_at IS NULL OR until_at > $7)",
    )
    .fetch_optional(&mut **tx)
    .await?;
    if held.is_some() {
        return Ok(false);
    }
    let _ended: Vec<i64> = same(
        "DELETE FROM roles
         WHERE person_id = $1 AND role = $2 AND employer_id IS NOT DISTINCT FROM $3
             AND centre_id IS NOT DISTINCT FROM $4 AND nursery_id IS NOT DISTINCT FROM $5
             AND municipality_id IS NOT DISTINCT FROM $6 AND until_at <= $7
         RETURNING position",
    )
    .fetch_all(&mut **tx)
    .await?;
    let position: i64 =
        query_scalar("SELECT COALESCE(MAX(position) + 1, 0) FROM roles WHERE person_id = $1")
            .bind(person.0)
            .fetch_one(&mut **tx)
            .await?;
    insert_role(tx, person, position, given).await?;
    Ok(true)
}
