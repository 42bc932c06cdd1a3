//! Cards, their offers, and the generations of the region's card key.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use model::card::{CardLevel, CardState};
use model::id::{CentreId, CredentialId, OfferId, PersonId};
use sqlx::{FromRow, Transaction, query, query_as, query_scalar};
use store::{
    CardChange, CardKeyRecord, CardOffer, Cards, Credential, KEY_RETIRED, KeyedReference,
    OfferKept, OfferState, OfferTaken, Result, StoreError, TakeOffer,
};
use uuid::Uuid;

use super::convert::{bytes32, from_word, number, storable, word};
use super::duplicate;
use super::people::PEOPLE_CHANGED;
use crate::{Db, Here};

type Tx = Transaction<'static, Db>;

#[async_trait]
impl Cards for Here {
    async fn add_credential(&self, credential: &Credential) -> Result<()> {
        let mut tx = self.begin().await?;
        insert_card(&mut tx, credential).await?;
        query(PEOPLE_CHANGED).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    async fn credential(&self, id: CredentialId) -> Result<Option<Credential>> {
        let rows: Vec<CardRow> = query_as(
            "SELECT c.id, c.person_id, c.label, c.state, c.state_at, c.state_by, c.state_why,
                 c.valid_until, c.added_at, c.level, r.generation, r.reference,
                 r.level AS reference_level
             FROM credentials c LEFT JOIN credential_references r ON r.credential_id = c.id
             WHERE c.id = $1 ORDER BY r.generation DESC, r.level DESC",
        )
        .bind(id.0)
        .fetch_all(self.reader())
        .await?;
        Ok(cards(rows)?.pop())
    }

    async fn credentials_of(&self, person: PersonId) -> Result<Vec<Credential>> {
        let rows: Vec<CardRow> = query_as(
            "SELECT c.id, c.person_id, c.label, c.state, c.state_at, c.state_by, c.state_why,
                 c.valid_until, c.added_at, c.level, r.generation, r.reference,
                 r.level AS reference_level
             FROM credentials c LEFT JOIN credential_references r ON r.credential_id = c.id
             WHERE c.person_id = $1 ORDER BY c.added_at, c.id, r.generation DESC, r.level DESC",
        )
        .bind(person.0)
        .fetch_all(self.reader())
        .await?;
        cards(rows)
    }

    async fn set_label(&self, person: PersonId, id: CredentialId, label: &str) -> Result<bool> {
        let done = query("UPDATE credentials SET label = $3 WHERE id = $1 AND person_id = $2")
            .bind(id.0)
            .bind(person.0)
            .bind(label)
            .execute(self.writer())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    async fn change_card(
        &self,
        id: CredentialId,
        from: &[CardState],
        to: CardState,
        change: &CardChange,
    ) -> Result<bool> {
        let mut tx = self.begin().await?;
        let changed = change_state(&mut tx, id, None, from, to, change).await?;
        if !changed {
            tx.rollback().await?;
            return Ok(false);
        }
        query(PEOPLE_CHANGED).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn knows_centre(&self, person: PersonId, centre: CentreId) -> Result<bool> {
        let found: Option<i64> = query_scalar(
            "SELECT CAST(1 AS BIGINT) FROM persons p WHERE p.id = $1
                 AND (EXISTS (SELECT 1 FROM bookings WHERE person_id = p.id AND centre_id = $2)
                     OR EXISTS (SELECT 1 FROM roles WHERE person_id = p.id AND (centre_id = $2
                         OR nursery_id IN (SELECT id FROM nurseries WHERE centre_id = $2))))",
        )
        .bind(person.0)
        .bind(centre.0)
        .fetch_optional(self.reader())
        .await?;
        Ok(found.is_some())
    }

    async fn staff_of(&self, centre: CentreId, now: DateTime<Utc>) -> Result<Vec<PersonId>> {
        let ids: Vec<Uuid> = query_scalar(
            "SELECT DISTINCT person_id FROM roles
             WHERE (centre_id = $1 OR nursery_id IN (SELECT id FROM nurseries WHERE centre_id = $1))
                 AND (until_at IS NULL OR until_at > $2)
             ORDER BY person_id",
        )
        .bind(centre.0)
        .bind(storable(now))
        .fetch_all(self.reader())
        .await?;
        Ok(ids.into_iter().map(PersonId).collect())
    }

    async fn stopped_cards(&self, most: u32) -> Result<Vec<(CredentialId, KeyedReference)>> {
        let rows: Vec<(Uuid, i64, Vec<u8>, i64)> = query_as(
            "SELECT c.id, r.generation, r.reference, r.level
             FROM credentials c JOIN credential_references r ON r.credential_id = c.id
             WHERE c.state IN ('lost', 'blocked')
             ORDER BY c.state_at DESC, c.id, r.reference LIMIT $1",
        )
        .bind(i64::from(most))
        .fetch_all(self.reader())
        .await?;
        rows.into_iter()
            .map(|(card, generation, reference, level)| {
                Ok((CredentialId(card), keyed(generation, &reference, level)?))
            })
            .collect()
    }

    async fn offer_card(
        &self,
        offer: &CardOffer,
        since: DateTime<Utc>,
        most: u32,
    ) -> Result<OfferKept> {
        let mut tx = self.begin().await?;
        let made: i64 =
            query_scalar("SELECT COUNT(*) FROM card_offers WHERE kiosk = $1 AND offered_at > $2")
                .bind(offer.kiosk.as_str())
                .bind(since)
                .fetch_one(&mut *tx)
                .await?;
        if made >= i64::from(most) {
            tx.rollback().await?;
            return Ok(OfferKept::TooMany);
        }
        for reference in offer.references() {
            let holder = holder_of(&mut tx, &reference).await?;
            if holder.is_some_and(|holder| !holder.at_its_end(offer.at)) {
                tx.rollback().await?;
                return Ok(OfferKept::Somebodys);
            }
        }
        query(
            "UPDATE card_offers SET ends_at = $2
             WHERE reference = $1 AND ends_at > $2 AND taken_at IS NULL",
        )
        .bind(offer.reference.reference.as_slice())
        .bind(offer.at)
        .execute(&mut *tx)
        .await?;
        let kept = query(
            "INSERT INTO card_offers (id, code, centre_id, kiosk, generation, reference,
                 former_generation, former_reference, offered_at, ends_at, level, beside,
                 former_beside)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
             ON CONFLICT (code) DO NOTHING",
        )
        .bind(offer.id.0)
        .bind(offer.code.as_slice())
        .bind(offer.centre.0)
        .bind(offer.kiosk.as_str())
        .bind(i64::from(offer.reference.generation))
        .bind(offer.reference.reference.as_slice())
        .bind(offer.former.map(|former| i64::from(former.generation)))
        .bind(offer.former.map(|former| former.reference.to_vec()))
        .bind(offer.at)
        .bind(offer.ends_at)
        .bind(i64::from(offer.reference.level.number()))
        .bind(offer.beside.map(|beside| beside.reference.to_vec()))
        .bind(offer.former_beside.map(|beside| beside.reference.to_vec()))
        .execute(&mut *tx)
        .await?;
        if kept.rows_affected() == 0 {
            tx.rollback().await?;
            return Ok(OfferKept::CodeTaken);
        }
        tx.commit().await?;
        Ok(OfferKept::Kept)
    }

    async fn offers_of(
        &self,
        centre: CentreId,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Vec<(OfferId, OfferState)>> {
        let rows: Vec<(Uuid, DateTime<Utc>, Option<DateTime<Utc>>)> = query_as(
            "SELECT id, ends_at, taken_at FROM card_offers
             WHERE centre_id = $1 AND offered_at > $2 ORDER BY offered_at, id",
        )
        .bind(centre.0)
        .bind(since)
        .fetch_all(self.reader())
        .await?;
        Ok(rows
            .into_iter()
            .map(|(id, ends_at, taken_at)| {
                let state = match taken_at {
                    Some(_) => OfferState::Taken,
                    None if ends_at > now => OfferState::Open,
                    None => OfferState::Ended,
                };
                (OfferId(id), state)
            })
            .collect())
    }

    async fn take_offer(&self, take: &TakeOffer) -> Result<OfferTaken> {
        let mut tx = self.begin().await?;
        let offer: Option<OfferRow> = query_as(
            "UPDATE card_offers SET taken_at = $2
             WHERE code = $1 AND taken_at IS NULL AND ends_at > $2
                 AND ($3 IS NULL OR centre_id = $3)
             RETURNING generation, reference, former_generation, former_reference, level, beside,
                 former_beside",
        )
        .bind(take.code.as_slice())
        .bind(take.change.at)
        .bind(take.centre.map(|centre| centre.0))
        .fetch_optional(&mut *tx)
        .await?;
        let Some(offer) = offer else {
            tx.rollback().await?;
            return Ok(OfferTaken::NoSuchCode);
        };
        let references = offer.references()?;
        for reference in &references {
            let Some(holder) = holder_of(&mut tx, reference).await? else { continue };
            if holder.person != take.person || !holder.at_its_end(take.change.at) {
                // Whoever typed the code has not got this card, so nobody else shall try.
                tx.commit().await?;
                return Ok(OfferTaken::Somebodys);
            }
            // Their own card from before its end: the new one takes its references over.
            query("DELETE FROM credential_references WHERE credential_id = $1")
                .bind(holder.card.0)
                .execute(&mut *tx)
                .await?;
            let ended = [CardState::Active, CardState::Expired];
            let to = CardState::Replaced;
            change_state(&mut tx, holder.card, None, &ended, to, &take.change).await?;
        }
        if let Some(old) = take.replaces {
            let from = [CardState::Active, CardState::Lost, CardState::Blocked, CardState::Expired];
            let (of, to) = (Some(take.person), CardState::Replaced);
            if !change_state(&mut tx, old, of, &from, to, &take.change).await? {
                tx.rollback().await?;
                return Ok(OfferTaken::NothingToReplace);
            }
        }
        let card = Credential {
            id: take.id,
            person: take.person,
            label: take.label.clone(),
            level: references.iter().map(|known| known.level).max().unwrap_or_default(),
            references,
            state: CardState::Active,
            change: take.change.clone(),
            valid_until: take.valid_until,
            added_at: take.change.at,
        };
        match insert_card(&mut tx, &card).await {
            Err(StoreError::Duplicate(_)) => {
                tx.rollback().await?;
                return Ok(OfferTaken::Somebodys);
            }
            other => other?,
        }
        query(PEOPLE_CHANGED).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(OfferTaken::Done(Box::new(card)))
    }

    async fn sweep_offers(&self, before: DateTime<Utc>) -> Result<u64> {
        let done = query("DELETE FROM card_offers WHERE offered_at < $1")
            .bind(before)
            .execute(self.writer())
            .await?;
        Ok(done.rows_affected())
    }

    async fn card_keys(&self) -> Result<Vec<CardKeyRecord>> {
        let rows: Vec<KeyRow> = query_as(
            "SELECT generation, made_at, retires_at, retired_at FROM card_keys ORDER BY generation",
        )
        .fetch_all(self.reader())
        .await?;
        rows.into_iter()
            .map(|(generation, made_at, retires_at, retired_at)| {
                let generation = number(generation)?;
                Ok(CardKeyRecord { generation, made_at, retires_at, retired_at })
            })
            .collect()
    }

    async fn add_card_key(
        &self,
        generation: u32,
        at: DateTime<Utc>,
        former_retires_at: DateTime<Utc>,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        query(
            "UPDATE card_keys SET retires_at = $2
             WHERE generation < $1 AND retires_at IS NULL AND retired_at IS NULL",
        )
        .bind(i64::from(generation))
        .bind(former_retires_at)
        .execute(&mut *tx)
        .await?;
        query("INSERT INTO card_keys (generation, made_at) VALUES ($1, $2)")
            .bind(i64::from(generation))
            .bind(at)
            .execute(&mut *tx)
            .await
            .map_err(duplicate("generation of the card key"))?;
        Ok(tx.commit().await?)
    }

    async fn cards_only_under(&self, generation: u32) -> Result<u64> {
        let cards: i64 = query_scalar(
            "SELECT COUNT(*) FROM credentials c
             WHERE c.state IN ('active', 'lost', 'blocked')
                 AND EXISTS (SELECT 1 FROM credential_references WHERE credential_id = c.id)
                 AND NOT EXISTS (SELECT 1 FROM credential_references
                     WHERE credential_id = c.id AND generation > $1 AND level >= c.level)",
        )
        .bind(i64::from(generation))
        .fetch_one(self.reader())
        .await?;
        number(cards)
    }

    async fn retire_card_key(&self, generation: u32, at: DateTime<Utc>) -> Result<u64> {
        let mut tx = self.begin().await?;
        query("UPDATE card_keys SET retired_at = $2 WHERE generation = $1 AND retired_at IS NULL")
            .bind(i64::from(generation))
            .bind(at)
            .execute(&mut *tx)
            .await?;
        query("DELETE FROM credential_references WHERE generation = $1")
            .bind(i64::from(generation))
            .execute(&mut *tx)
            .await?;
        query("DELETE FROM card_offers WHERE generation = $1 OR former_generation = $1")
            .bind(i64::from(generation))
            .execute(&mut *tx)
            .await?;
        let ended = query(
            "UPDATE credentials SET state = 'expired', state_at = $1, state_by = NULL,
                 state_why = $2
             WHERE state IN ('active', 'lost', 'blocked')
                 AND NOT EXISTS (SELECT 1 FROM credential_references
                     WHERE credential_id = credentials.id AND level >= credentials.level)",
        )
        .bind(at)
        .bind(KEY_RETIRED)
        .execute(&mut *tx)
        .await?;
        // What is left of them, identifiers that prove too little, would keep them from being
        // registered again.
        query(
            "DELETE FROM credential_references WHERE credential_id IN
                 (SELECT id FROM credentials WHERE state = 'expired' AND state_why = $1)",
        )
        .bind(KEY_RETIRED)
        .execute(&mut *tx)
        .await?;
        query(PEOPLE_CHANGED).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(ended.rows_affected())
    }

    async fn rekey(
        &self,
        id: CredentialId,
        former: &[u8; 32],
        new: &KeyedReference,
    ) -> Result<bool> {
        let mut tx = self.begin().await?;
        let level: Option<i64> = query_scalar(
            "SELECT level FROM credential_references
             WHERE reference = $1 AND credential_id = $2 AND generation < $3",
        )
        .bind(former.as_slice())
        .bind(id.0)
        .bind(i64::from(new.generation))
        .fetch_optional(&mut *tx)
        .await?;
        let Some(level) = level else {
            tx.rollback().await?;
            return Ok(false);
        };
        let added = query(
            "INSERT INTO credential_references (reference, credential_id, generation, level)
             VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(new.reference.as_slice())
        .bind(id.0)
        .bind(i64::from(new.generation))
        .bind(level)
        .execute(&mut *tx)
        .await?;
        if added.rows_affected() > 0 {
            query(PEOPLE_CHANGED).execute(&mut *tx).await?;
            tx.commit().await?;
            return Ok(true);
        }
        let there: Option<i64> = query_scalar(
            "SELECT CAST(1 AS BIGINT) FROM credential_references
             WHERE reference = $1 AND credential_id = $2",
        )
        .bind(new.reference.as_slice())
        .bind(id.0)
        .fetch_optional(&mut *tx)
        .await?;
        tx.rollback().await?;
        Ok(there.is_some())
    }
}

/// A site has seen the card prove this much. Only a card that is known by what proves it can have.
pub(super) async fn seen_at(tx: &mut Tx, id: CredentialId, level: CardLevel) -> Result<()> {
    let raised = query(
        "UPDATE credentials SET level = $2 WHERE id = $1 AND level < $2
             AND EXISTS (SELECT 1 FROM credential_references
                 WHERE credential_id = $1 AND level >= $2)",
    )
    .bind(id.0)
    .bind(i64::from(level.number()))
    .execute(&mut **tx)
    .await?;
    if raised.rows_affected() > 0 {
        query(PEOPLE_CHANGED).execute(&mut **tx).await?;
    }
    Ok(())
}

async fn insert_card(tx: &mut Tx, card: &Credential) -> Result<()> {
    query(
        "INSERT INTO credentials (id, person_id, label, state, state_at, state_by, state_why,
             valid_until, added_at, level)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(card.id.0)
    .bind(card.person.0)
    .bind(&card.label)
    .bind(word(card.state)?)
    .bind(card.change.at)
    .bind(card.change.by.map(|person| person.0))
    .bind(&card.change.why)
    .bind(card.valid_until.map(storable))
    .bind(card.added_at)
    .bind(i64::from(card.level.number()))
    .execute(&mut **tx)
    .await
    .map_err(duplicate("card"))?;
    for keyed in &card.references {
        query(
            "INSERT INTO credential_references (reference, credential_id, generation, level)
             VALUES ($1, $2, $3, $4)",
        )
        .bind(keyed.reference.as_slice())
        .bind(card.id.0)
        .bind(i64::from(keyed.generation))
        .bind(i64::from(keyed.level.number()))
        .execute(&mut **tx)
        .await
        .map_err(duplicate("card"))?;
    }
    Ok(())
}

/// Moves a card (of `person`, where it matters) that is in one of the states `from`.
async fn change_state(
    tx: &mut Tx,
    id: CredentialId,
    person: Option<PersonId>,
    from: &[CardState],
    to: CardState,
    change: &CardChange,
) -> Result<bool> {
    for state in from {
        let done = query(
            "UPDATE credentials SET state = $3, state_at = $4, state_by = $5, state_why = $6
             WHERE id = $1 AND state = $2 AND ($7 IS NULL OR person_id = $7)",
        )
        .bind(id.0)
        .bind(word(*state)?)
        .bind(word(to)?)
        .bind(change.at)
        .bind(change.by.map(|person| person.0))
        .bind(&change.why)
        .bind(person.map(|person| person.0))
        .execute(&mut **tx)
        .await?;
        if done.rows_affected() > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The card that has a reference.
struct Holder {
    card: CredentialId,
    person: PersonId,
    state: CardState,
    valid_until: Option<DateTime<Utc>>,
}

impl Holder {
    /// Whether its holder may have it again as a new card.
    fn at_its_end(&self, now: DateTime<Utc>) -> bool {
        match self.state {
            CardState::Expired => true,
            CardState::Active => self.valid_until.is_some_and(|until| until <= now),
            CardState::Lost | CardState::Blocked | CardState::Replaced => false,
        }
    }
}

async fn holder_of(tx: &mut Tx, keyed: &KeyedReference) -> Result<Option<Holder>> {
    let row: Option<(Uuid, Uuid, String, Option<DateTime<Utc>>)> = query_as(
        "SELECT c.id, c.person_id, c.state, c.valid_until
         FROM credential_references r JOIN credentials c ON c.id = r.credential_id
         WHERE r.reference = $1",
    )
    .bind(keyed.reference.as_slice())
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|(card, person, state, valid_until)| {
        Ok(Holder {
            card: CredentialId(card),
            person: PersonId(person),
            state: from_word(&state)?,
            valid_until,
        })
    })
    .transpose()
}

type KeyRow = (i64, DateTime<Utc>, Option<DateTime<Utc>>, Option<DateTime<Utc>>);

#[derive(FromRow)]
struct OfferRow {
    generation: i64,
    reference: Vec<u8>,
    former_generation: Option<i64>,
    former_reference: Option<Vec<u8>>,
    level: i64,
    beside: Option<Vec<u8>>,
    former_beside: Option<Vec<u8>>,
}

impl OfferRow {
    fn references(&self) -> Result<Vec<KeyedReference>> {
        let identifier = i64::from(CardLevel::Identifier.number());
        let (newest, former) = (Some(self.generation), self.former_generation);
        [
            (newest, Some(self.reference.as_slice()), self.level),
            (newest, self.beside.as_deref(), identifier),
            (former, self.former_reference.as_deref(), self.level),
            (former, self.former_beside.as_deref(), identifier),
        ]
        .into_iter()
        .filter_map(|(generation, reference, level)| Some((generation?, reference?, level)))
        .map(|(generation, reference, level)| keyed(generation, reference, level))
        .collect()
    }
}

fn keyed(generation: i64, reference: &[u8], level: i64) -> Result<KeyedReference> {
    let (generation, reference) = (number(generation)?, bytes32(reference)?);
    Ok(KeyedReference { generation, reference, level: self::level(level)? })
}

fn level(number: i64) -> Result<CardLevel> {
    let level = u8::try_from(number).ok().and_then(|number| CardLevel::try_from(number).ok());
    level.ok_or_else(|| StoreError::Corrupt(format!("{number} is no level of a card")))
}

/// A card with one of its references, or none.
#[derive(FromRow)]
pub(super) struct CardRow {
    id: Uuid,
    person_id: Uuid,
    label: String,
    state: String,
    state_at: DateTime<Utc>,
    state_by: Option<Uuid>,
    state_why: String,
    valid_until: Option<DateTime<Utc>>,
    added_at: DateTime<Utc>,
    level: i64,
    generation: Option<i64>,
    reference: Option<Vec<u8>>,
    reference_level: Option<i64>,
}

/// Cards of rows that stand together by card.
pub(super) fn cards(rows: Vec<CardRow>) -> Result<Vec<Credential>> {
    let mut cards: Vec<Credential> = Vec::new();
    for row in rows {
        let reference = row.generation.zip(row.reference.as_deref()).zip(row.reference_level);
        let reference = reference
            .map(|((generation, bytes), level)| keyed(generation, bytes, level))
            .transpose()?;
        if cards.last().is_none_or(|last| last.id.0 != row.id) {
            cards.push(Credential {
                id: CredentialId(row.id),
                person: PersonId(row.person_id),
                label: row.label,
                references: Vec::new(),
                level: level(row.level)?,
                state: from_word(&row.state)?,
                change: CardChange {
                    at: row.state_at,
                    by: row.state_by.map(PersonId),
                    why: row.state_why,
                },
                valid_until: row.valid_until,
                added_at: row.added_at,
            });
        }
        if let Some(card) = cards.last_mut() {
            card.references.extend(reference);
        }
    }
    Ok(cards)
}
