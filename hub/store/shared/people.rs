//! Persons, their sessions, cards and children.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use model::id::{CentreId, ChildId, CredentialId, EmployerId, MunicipalityId, PersonId};
use model::language::{Language, LocalText};
use model::people::{Grant, Person};
use sqlx::{FromRow, query, query_as, query_scalar};
use store::{
    Credential, Employer, People, Result, SealedChild, Session, SignInRecord, StoreError, TokenHash,
};
use uuid::Uuid;

use super::convert::{bytes32, from_word, word};
use super::duplicate;
use crate::Here;

/// Counts up the revision that every sheet depends on.
const PEOPLE_CHANGED: &str = "UPDATE revisions SET rev = rev + 1 WHERE name = 'people'";

#[async_trait]
impl People for Here {
    async fn add_employer(&self, employer: &Employer) -> Result<()> {
        query("INSERT INTO employers (id, name_ja, name_en) VALUES ($1, $2, $3)")
            .bind(employer.id.0)
            .bind(&employer.name.ja)
            .bind(&employer.name.en)
            .execute(self.writer())
            .await
            .map_err(duplicate("employer"))?;
        Ok(())
    }

    async fn employers(&self) -> Result<Vec<Employer>> {
        let rows: Vec<(Uuid, String, String)> =
            query_as("SELECT id, name_ja, name_en FROM employers ORDER BY id")
                .fetch_all(self.reader())
                .await?;
        Ok(rows
            .into_iter()
            .map(|(id, ja, en)| Employer { id: EmployerId(id), name: LocalText { ja, en } })
            .collect())
    }

    async fn add_person(&self, person: &Person, password: Option<&str>) -> Result<()> {
        let mut tx = self.begin().await?;
        query(
            "INSERT INTO persons (id, email, name, language, password, employer_id)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(person.id.0)
        .bind(person.email.to_lowercase())
        .bind(&person.name)
        .bind(word(person.language)?)
        .bind(password)
        .bind(person.employer.map(|id| id.0))
        .execute(&mut *tx)
        .await
        .map_err(duplicate("e-mail address"))?;
        for (position, grant) in (0_i64..).zip(&person.grants) {
            let (role, centre, municipality) = match grant {
                Grant::Worker => ("worker", None, None),
                Grant::Parent => ("parent", None, None),
                Grant::Operator { centre } => ("operator", Some(centre.0), None),
                Grant::MunicipalAdmin { municipality } => {
                    ("municipal_admin", None, Some(municipality.0))
                }
            };
            query(
                "INSERT INTO grants (person_id, position, role, centre_id, municipality_id)
                 VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(person.id.0)
            .bind(position)
            .bind(role)
            .bind(centre)
            .bind(municipality)
            .execute(&mut *tx)
            .await?;
        }
        query(PEOPLE_CHANGED).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    async fn person(&self, id: PersonId) -> Result<Option<Person>> {
        let rows: Vec<PersonRow> = query_as(
            "SELECT p.email, p.name, p.language, p.employer_id, g.role, g.centre_id,
                 g.municipality_id
             FROM persons p LEFT JOIN grants g ON g.person_id = p.id
             WHERE p.id = $1 ORDER BY g.position",
        )
        .bind(id.0)
        .fetch_all(self.reader())
        .await?;
        let grants = rows.iter().filter_map(PersonRow::grant).collect::<Result<_>>()?;
        rows.into_iter()
            .next()
            .map(|row| {
                Ok(Person {
                    id,
                    email: row.email,
                    name: row.name,
                    language: from_word(&row.language)?,
                    employer: row.employer_id.map(EmployerId),
                    grants,
                })
            })
            .transpose()
    }

    async fn sign_in_record(&self, email: &str) -> Result<Option<SignInRecord>> {
        let row: Option<(Uuid, Option<String>)> =
            query_as("SELECT id, password FROM persons WHERE email = $1")
                .bind(email.to_lowercase())
                .fetch_optional(self.reader())
                .await?;
        Ok(row.map(|(id, password)| SignInRecord { person: PersonId(id), password }))
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

    async fn start_session(&self, session: &Session) -> Result<()> {
        query(
            "INSERT INTO sessions (token, person_id, csrf, started_at, ends_at)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(session.token.as_slice())
        .bind(session.person.0)
        .bind(&session.csrf)
        .bind(session.started_at)
        .bind(session.ends_at)
        .execute(self.writer())
        .await
        .map_err(duplicate("session"))?;
        Ok(())
    }

    async fn session(&self, token: &TokenHash, now: DateTime<Utc>) -> Result<Option<Session>> {
        let row: Option<(Uuid, String, DateTime<Utc>, DateTime<Utc>)> = query_as(
            "SELECT person_id, csrf, started_at, ends_at FROM sessions
             WHERE token = $1 AND ends_at > $2",
        )
        .bind(token.as_slice())
        .bind(now)
        .fetch_optional(self.reader())
        .await?;
        Ok(row.map(|(person, csrf, started_at, ends_at)| Session {
            token: *token,
            person: PersonId(person),
            csrf,
            started_at,
            ends_at,
        }))
    }

    async fn end_session(&self, token: &TokenHash) -> Result<()> {
        query("DELETE FROM sessions WHERE token = $1")
            .bind(token.as_slice())
            .execute(self.writer())
            .await?;
        Ok(())
    }

    async fn add_credential(&self, credential: &Credential) -> Result<()> {
        let mut tx = self.begin().await?;
        query(
            "INSERT INTO credentials (id, person_id, reference, label, blocked)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(credential.id.0)
        .bind(credential.person.0)
        .bind(credential.reference.as_slice())
        .bind(&credential.label)
        .bind(credential.blocked)
        .execute(&mut *tx)
        .await
        .map_err(duplicate("card"))?;
        query(PEOPLE_CHANGED).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    async fn credentials_of(&self, person: PersonId) -> Result<Vec<Credential>> {
        let rows: Vec<CredentialRow> = query_as(
            "SELECT id, person_id, reference, label, blocked FROM credentials
             WHERE person_id = $1 ORDER BY id",
        )
        .bind(person.0)
        .fetch_all(self.reader())
        .await?;
        rows.into_iter().map(Credential::try_from).collect()
    }

    async fn add_child(&self, child: &SealedChild) -> Result<()> {
        let mut tx = self.begin().await?;
        let before: i64 = query_scalar("SELECT COUNT(*) FROM children WHERE guardian_id = $1")
            .bind(child.guardian.0)
            .fetch_one(&mut *tx)
            .await?;
        query("INSERT INTO children (id, guardian_id, position, sealed) VALUES ($1, $2, $3, $4)")
            .bind(child.id.0)
            .bind(child.guardian.0)
            .bind(before)
            .bind(&child.sealed)
            .execute(&mut *tx)
            .await
            .map_err(duplicate("child"))?;
        Ok(tx.commit().await?)
    }

    async fn children_of(&self, guardian: PersonId) -> Result<Vec<SealedChild>> {
        let rows: Vec<(Uuid, Vec<u8>)> = query_as(
            "SELECT id, sealed FROM children WHERE guardian_id = $1 ORDER BY position, id",
        )
        .bind(guardian.0)
        .fetch_all(self.reader())
        .await?;
        Ok(rows
            .into_iter()
            .map(|(id, sealed)| SealedChild { id: ChildId(id), guardian, sealed })
            .collect())
    }
}

/// A person with one of their grants, or none.
#[derive(FromRow)]
struct PersonRow {
    email: String,
    name: String,
    language: String,
    employer_id: Option<Uuid>,
    role: Option<String>,
    centre_id: Option<Uuid>,
    municipality_id: Option<Uuid>,
}

impl PersonRow {
    fn grant(&self) -> Option<Result<Grant>> {
        let grant = match (self.role.as_deref()?, self.centre_id, self.municipality_id) {
            ("worker", None, None) => Ok(Grant::Worker),
            ("parent", None, None) => Ok(Grant::Parent),
            ("operator", Some(centre), None) => Ok(Grant::Operator { centre: CentreId(centre) }),
            ("municipal_admin", None, Some(id)) => {
                Ok(Grant::MunicipalAdmin { municipality: MunicipalityId(id) })
            }
            (role, ..) => Err(StoreError::Corrupt(format!("grant of {role}"))),
        };
        Some(grant)
    }
}

/// A card as it is kept.
#[derive(FromRow)]
pub(super) struct CredentialRow {
    id: Uuid,
    person_id: Uuid,
    reference: Vec<u8>,
    label: String,
    blocked: bool,
}

impl TryFrom<CredentialRow> for Credential {
    type Error = StoreError;
    fn try_from(row: CredentialRow) -> Result<Self> {
        Ok(Self {
            id: CredentialId(row.id),
            person: PersonId(row.person_id),
            reference: bytes32(&row.reference)?,
            label: row.label,
            blocked: row.blocked,
        })
    }
}
