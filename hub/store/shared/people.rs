//! Persons and their households.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use model::id::{CentreId, ChildId, EmployerId, HouseholdId, MunicipalityId, NurseryId, PersonId};
use model::language::{Language, LocalText};
use model::people::{Given, Grant, Person, Term};
use sqlx::{FromRow, Transaction, query, query_as, query_scalar};
use store::{Employer, People, Result, SealedChild, SignInRecord, StoreError};
use uuid::Uuid;

use super::convert::{from_word, number, storable, word};
use super::duplicate;
use crate::{Db, Here};

/// Counts up the revision that every sheet depends on.
pub(super) const PEOPLE_CHANGED: &str = "UPDATE revisions SET rev = rev + 1 WHERE name = 'people'";

#[async_trait]
impl People for Here {
    async fn add_employer(&self, employer: &Employer) -> Result<()> {
        query(
            "INSERT INTO employers (id, name_ja, name_en, kind, approves)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(employer.id.0)
        .bind(&employer.name.ja)
        .bind(&employer.name.en)
        .bind(word(employer.kind)?)
        .bind(employer.approves)
        .execute(self.writer())
        .await
        .map_err(duplicate("employer"))?;
        Ok(())
    }

    async fn set_approves(&self, employer: EmployerId, approves: bool) -> Result<()> {
        query("UPDATE employers SET approves = $2 WHERE id = $1")
            .bind(employer.0)
            .bind(approves)
            .execute(self.writer())
            .await?;
        Ok(())
    }

    async fn employers(&self) -> Result<Vec<Employer>> {
        let rows: Vec<(Uuid, String, String, String, bool)> =
            query_as("SELECT id, name_ja, name_en, kind, approves FROM employers ORDER BY id")
                .fetch_all(self.reader())
                .await?;
        rows.into_iter()
            .map(|(id, ja, en, kind, approves)| {
                let kind = from_word(&kind)?;
                Ok(Employer { id: EmployerId(id), name: LocalText { ja, en }, kind, approves })
            })
            .collect()
    }

    async fn add_person(&self, person: &Person, password: Option<&str>) -> Result<()> {
        let mut tx = self.begin().await?;
        query(
            "INSERT INTO persons (id, email, name, language, password)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(person.id.0)
        .bind(person.email.to_lowercase())
        .bind(&person.name)
        .bind(word(person.language)?)
        .bind(password)
        .execute(&mut *tx)
        .await
        .map_err(duplicate("e-mail address"))?;
        insert_roles(&mut tx, person.id, &person.grants).await?;
        query(PEOPLE_CHANGED).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    async fn person(&self, id: PersonId) -> Result<Option<Person>> {
        let rows: Vec<PersonRow> = query_as(
            "SELECT p.id, p.email, p.name, p.language, r.role, r.employer_id, r.centre_id,
                 r.nursery_id, r.municipality_id, r.from_at, r.until_at, r.months_of_use,
                 r.first_used_at
             FROM persons p LEFT JOIN roles r ON r.person_id = p.id
             WHERE p.id = $1 ORDER BY r.position",
        )
        .bind(id.0)
        .fetch_all(self.reader())
        .await?;
        Ok(persons(rows)?.pop())
    }

    async fn persons(&self, ids: &[PersonId]) -> Result<Vec<Person>> {
        let rows: Vec<PersonRow> = query_as(concat!(
            "SELECT p.id, p.email, p.name, p.language, r.role, r.employer_id, r.centre_id,
                 r.nursery_id, r.municipality_id, r.from_at, r.until_at, r.months_of_use,
                 r.first_used_at
             FROM persons p LEFT JOIN roles r ON r.person_id = p.id WHERE p.id ",
            in_list!("$1"),
            " ORDER BY p.id, r.position",
        ))
        .bind(crate::id_list(ids.iter().map(|id| id.0)))
        .fetch_all(self.reader())
        .await?;
        persons(rows)
    }

    async fn people_like(&self, text: &str, most: u32) -> Result<Vec<Person>> {
        let text = text.to_lowercase();
        let escaped = text.replace('!', "!!").replace('%', "!%").replace('_', "!_");
        let rows: Vec<PersonRow> = query_as(
            "SELECT p.id, p.email, p.name, p.language, r.role, r.employer_id, r.centre_id,
                 r.nursery_id, r.municipality_id, r.from_at, r.until_at, r.months_of_use,
                 r.first_used_at
             FROM (SELECT id, email, name, language FROM persons
                   WHERE lower(email) LIKE $1 ESCAPE '!' OR lower(name) LIKE $1 ESCAPE '!'
                   ORDER BY email LIMIT $2) p
             LEFT JOIN roles r ON r.person_id = p.id
             ORDER BY p.email, r.position",
        )
        .bind(format!("%{escaped}%"))
        .bind(i64::from(most))
        .fetch_all(self.reader())
        .await?;
        persons(rows)
    }

    async fn members_of(&self, employer: EmployerId) -> Result<Vec<Person>> {
        let rows: Vec<PersonRow> = query_as(
            "SELECT p.id, p.email, p.name, p.language, r.role, r.employer_id, r.centre_id,
                 r.nursery_id, r.municipality_id, r.from_at, r.until_at, r.months_of_use,
                 r.first_used_at
             FROM persons p JOIN roles r ON r.person_id = p.id
             WHERE p.id IN (SELECT person_id FROM roles
                            WHERE employer_id = $1 AND role = 'worker')
             ORDER BY p.email, r.position",
        )
        .bind(employer.0)
        .fetch_all(self.reader())
        .await?;
        persons(rows)
    }

    async fn sign_in_record(&self, email: &str) -> Result<Option<SignInRecord>> {
        let row: Option<(Uuid, Option<String>)> =
            query_as("SELECT id, password FROM persons WHERE email = $1")
                .bind(email.to_lowercase())
                .fetch_optional(self.reader())
                .await?;
        Ok(row.map(|(id, password)| SignInRecord { person: PersonId(id), password }))
    }

    async fn set_password(&self, id: PersonId, password: Option<&str>) -> Result<()> {
        query("UPDATE persons SET password = $2 WHERE id = $1")
            .bind(id.0)
            .bind(password)
            .execute(self.writer())
            .await?;
        Ok(())
    }

    async fn set_name(&self, id: PersonId, name: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        query("UPDATE persons SET name = $2 WHERE id = $1")
            .bind(id.0)
            .bind(name)
            .execute(&mut *tx)
            .await?;
        query(PEOPLE_CHANGED).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    async fn set_language(&self, id: PersonId, language: Language) -> Result<()> {
        let mut tx = self.begin().await?;
        query("UPDATE persons SET language = $2 WHERE id = $1")
            .bind(id.0)
            .bind(word(language)?)
            .execute(&mut *tx)
            .await?;
        query(PEOPLE_CHANGED).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    async fn set_pin(&self, id: PersonId, pin: Option<&str>) -> Result<()> {
        let mut tx = self.begin().await?;
        query("UPDATE persons SET pin = $2 WHERE id = $1")
            .bind(id.0)
            .bind(pin)
            .execute(&mut *tx)
            .await?;
        query(PEOPLE_CHANGED).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    async fn pin(&self, id: PersonId) -> Result<Option<String>> {
        let pin: Option<Option<String>> = query_scalar("SELECT pin FROM persons WHERE id = $1")
            .bind(id.0)
            .fetch_optional(self.reader())
            .await?;
        Ok(pin.flatten())
    }

    async fn set_grants(&self, id: PersonId, grants: &[Given]) -> Result<()> {
        let mut tx = self.begin().await?;
        query("DELETE FROM roles WHERE person_id = $1").bind(id.0).execute(&mut *tx).await?;
        insert_roles(&mut tx, id, grants).await?;
        query(PEOPLE_CHANGED).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    async fn note_use(&self, id: PersonId, at: DateTime<Utc>) -> Result<()> {
        let mut tx = self.begin().await?;
        note_use(&mut tx, id, storable(at)).await?;
        Ok(tx.commit().await?)
    }

    async fn found_household(
        &self,
        id: HouseholdId,
        guardian: PersonId,
        at: DateTime<Utc>,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        query("INSERT INTO households (id) VALUES ($1)")
            .bind(id.0)
            .execute(&mut *tx)
            .await
            .map_err(duplicate("household"))?;
        join_household(&mut tx, id, guardian, at).await?;
        Ok(tx.commit().await?)
    }

    async fn add_guardian(
        &self,
        household: HouseholdId,
        guardian: PersonId,
        at: DateTime<Utc>,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        join_household(&mut tx, household, guardian, at).await?;
        Ok(tx.commit().await?)
    }

    async fn households_of(&self, guardian: PersonId) -> Result<Vec<HouseholdId>> {
        let ids: Vec<Uuid> = query_scalar(
            "SELECT household_id FROM guardians WHERE person_id = $1
             ORDER BY joined_at, household_id",
        )
        .bind(guardian.0)
        .fetch_all(self.reader())
        .await?;
        Ok(ids.into_iter().map(HouseholdId).collect())
    }

    async fn guardians(&self, household: HouseholdId) -> Result<Vec<PersonId>> {
        let ids: Vec<Uuid> = query_scalar(
            "SELECT person_id FROM guardians WHERE household_id = $1
             ORDER BY joined_at, person_id",
        )
        .bind(household.0)
        .fetch_all(self.reader())
        .await?;
        Ok(ids.into_iter().map(PersonId).collect())
    }

    async fn who_answer_for(&self, child: ChildId) -> Result<Vec<PersonId>> {
        let ids: Vec<Uuid> = query_scalar(
            "SELECT g.person_id FROM guardians g JOIN children c ON c.household_id = g.household_id
             WHERE c.id = $1 AND length(c.sealed) > 0 AND NOT EXISTS (SELECT 1 FROM barred_accounts b
                 WHERE b.child_id = c.id AND b.person_id = g.person_id)
             ORDER BY g.joined_at, g.person_id",
        )
        .bind(child.0)
        .fetch_all(self.reader())
        .await?;
        Ok(ids.into_iter().map(PersonId).collect())
    }

    async fn add_child(&self, child: &SealedChild) -> Result<()> {
        let mut tx = self.begin().await?;
        let before: i64 = query_scalar("SELECT COUNT(*) FROM children WHERE household_id = $1")
            .bind(child.household.0)
            .fetch_one(&mut *tx)
            .await?;
        query("INSERT INTO children (id, household_id, position, sealed) VALUES ($1, $2, $3, $4)")
            .bind(child.id.0)
            .bind(child.household.0)
            .bind(before)
            .bind(&child.sealed)
            .execute(&mut *tx)
            .await
            .map_err(duplicate("child"))?;
        Ok(tx.commit().await?)
    }

    async fn set_child(&self, id: ChildId, sealed: &[u8]) -> Result<()> {
        let mut tx = self.begin().await?;
        query("UPDATE children SET sealed = $2 WHERE id = $1")
            .bind(id.0)
            .bind(sealed)
            .execute(&mut *tx)
            .await?;
        query(PEOPLE_CHANGED).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    async fn children_of(&self, guardian: PersonId) -> Result<Vec<SealedChild>> {
        let rows: Vec<(Uuid, Uuid, Vec<u8>)> = query_as(
            "SELECT c.id, c.household_id, c.sealed
             FROM guardians g JOIN children c ON c.household_id = g.household_id
             WHERE g.person_id = $1 AND length(c.sealed) > 0 AND NOT EXISTS (SELECT 1 FROM barred_accounts b
                 WHERE b.child_id = c.id AND b.person_id = g.person_id)
             ORDER BY g.joined_at, c.household_id, c.position, c.id",
        )
        .bind(guardian.0)
        .fetch_all(self.reader())
        .await?;
        Ok(rows
            .into_iter()
            .map(|(id, household, sealed)| SealedChild {
                id: ChildId(id),
                household: HouseholdId(household),
                sealed,
            })
            .collect())
    }
}

/// Notes `at` as the first use of the roles that count from it.
pub(super) async fn note_use(
    tx: &mut Transaction<'static, Db>,
    person: PersonId,
    at: DateTime<Utc>,
) -> Result<()> {
    query(
        "UPDATE roles SET first_used_at = $2
         WHERE person_id = $1 AND months_of_use IS NOT NULL AND first_used_at IS NULL
             AND (from_at IS NULL OR from_at <= $2) AND (until_at IS NULL OR $2 < until_at)",
    )
    .bind(person.0)
    .bind(at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Makes somebody a guardian of the household's children; what else a transaction does comes before it.
pub(super) async fn join_household(
    tx: &mut Transaction<'static, Db>,
    household: HouseholdId,
    guardian: PersonId,
    at: DateTime<Utc>,
) -> Result<()> {
    query(
        "INSERT INTO guardians (household_id, person_id, joined_at) VALUES ($1, $2, $3)
         ON CONFLICT (household_id, person_id) DO NOTHING",
    )
    .bind(household.0)
    .bind(guardian.0)
    .bind(storable(at))
    .execute(&mut **tx)
    .await?;
    query(PEOPLE_CHANGED).execute(&mut **tx).await?;
    Ok(())
}

async fn insert_roles(
    tx: &mut Transaction<'static, Db>,
    person: PersonId,
    grants: &[Given],
) -> Result<()> {
    for (position, given) in (0_i64..).zip(grants) {
        insert_role(tx, person, position, given).await?;
    }
    Ok(())
}

pub(super) async fn insert_role(
    tx: &mut Transaction<'static, Db>,
    person: PersonId,
    position: i64,
    Given { grant, term }: &Given,
) -> Result<()> {
    let bound = Bound::of(grant);
    query(
        "INSERT INTO roles (person_id, position, role, employer_id, centre_id, nursery_id,
             municipality_id, from_at, until_at, months_of_use, first_used_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(person.0)
    .bind(position)
    .bind(bound.role)
    .bind(bound.employer)
    .bind(bound.centre)
    .bind(bound.nursery)
    .bind(bound.municipality)
    .bind(term.from.map(storable))
    .bind(term.until.map(storable))
    .bind(term.months_of_use.map(i64::from))
    .bind(term.first_used.map(storable))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A role as its columns.
#[derive(Default)]
pub(super) struct Bound {
    pub role: &'static str,
    pub employer: Option<Uuid>,
    pub centre: Option<Uuid>,
    pub nursery: Option<Uuid>,
    pub municipality: Option<Uuid>,
}

impl Bound {
    pub fn of(grant: &Grant) -> Self {
        let role = |role| Self { role, ..Self::default() };
        match *grant {
            Grant::Worker { employer } => {
                Self { employer: employer.map(|id| id.0), ..role("worker") }
            }
            Grant::Parent => role("parent"),
            Grant::Resident { municipality } => {
                Self { municipality: Some(municipality.0), ..role("resident") }
            }
            Grant::EmployerAdmin { employer } => {
                Self { employer: Some(employer.0), ..role("employer_admin") }
            }
            Grant::Operator { centre } => Self { centre: Some(centre.0), ..role("operator") },
            Grant::NurseryStaff { nursery } => {
                Self { nursery: Some(nursery.0), ..role("nursery_staff") }
            }
            Grant::MunicipalAdmin { municipality } => {
                Self { municipality: Some(municipality.0), ..role("municipal_admin") }
            }
            Grant::SystemAdmin => role("system_admin"),
        }
    }
}

/// A person with one of their roles, or none.
#[derive(FromRow)]
pub(super) struct PersonRow {
    id: Uuid,
    email: String,
    name: String,
    language: String,
    role: Option<String>,
    employer_id: Option<Uuid>,
    centre_id: Option<Uuid>,
    nursery_id: Option<Uuid>,
    municipality_id: Option<Uuid>,
    from_at: Option<DateTime<Utc>>,
    until_at: Option<DateTime<Utc>>,
    months_of_use: Option<i64>,
    first_used_at: Option<DateTime<Utc>>,
}

impl PersonRow {
    fn given(&self) -> Result<Option<Given>> {
        let Some(role) = self.role.as_deref() else { return Ok(None) };
        let bounds = (self.employer_id, self.centre_id, self.nursery_id, self.municipality_id);
        let grant = match (role, bounds) {
            ("worker", (employer, None, None, None)) => {
                Grant::Worker { employer: employer.map(EmployerId) }
            }
            ("parent", (None, None, None, None)) => Grant::Parent,
            ("resident", (None, None, None, Some(id))) => {
                Grant::Resident { municipality: MunicipalityId(id) }
            }
            ("employer_admin", (Some(id), None, None, None)) => {
                Grant::EmployerAdmin { employer: EmployerId(id) }
            }
            ("operator", (None, Some(id), None, None)) => Grant::Operator { centre: CentreId(id) },
            ("nursery_staff", (None, None, Some(id), None)) => {
                Grant::NurseryStaff { nursery: NurseryId(id) }
            }
            ("municipal_admin", (None, None, None, Some(id))) => {
                Grant::MunicipalAdmin { municipality: MunicipalityId(id) }
            }
            ("system_admin", (None, None, None, None)) => Grant::SystemAdmin,
            (role, _) => return Err(StoreError::Corrupt(format!("role of {role}"))),
        };
        let term = Term {
            from: self.from_at,
            until: self.until_at,
            months_of_use: self.months_of_use.map(number).transpose()?,
            first_used: self.first_used_at,
        };
        Ok(Some(Given { grant, term }))
    }
}

/// Persons of rows that stand together by person.
pub(super) fn persons(rows: Vec<PersonRow>) -> Result<Vec<Person>> {
    let mut persons: Vec<Person> = Vec::new();
    for row in rows {
        let given = row.given()?;
        if persons.last().is_none_or(|last| last.id.0 != row.id) {
            persons.push(Person {
                id: PersonId(row.id),
                email: row.email,
                name: row.name,
                language: from_word(&row.language)?,
                grants: Vec::new(),
            });
        }
        if let Some(person) = persons.last_mut() {
            person.grants.extend(given);
        }
    }
    Ok(persons)
}
