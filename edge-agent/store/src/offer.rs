use std::sync::atomic::Ordering;

use chrono::DateTime;
use model::event_chain::ToldChain;
use model::site_event::{Happening, SiteEvent};
use sqlx::{Sqlite, Transaction};
use wire::event::EventBody;

use crate::{EdgeStore, StoreError, chain, number, unsigned};

/// What is to be told next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    /// The events from the asked place on, without a gap, and the chain over them. Where one is gone from the file or
    /// can be read no more, its place says so.
    Events(Vec<EventBody>, ToldChain),
    /// Events got other places meanwhile.
    Shifted,
    /// What was asked for had been committed, and was dropped.
    Dropped,
}

impl EdgeStore {
    /// The events from place `from` to `upto`, at most `most`, ready to be told: from now on nothing changes their
    /// places or bodies. None where places have shifted more often than `shifts`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn offer(
        &self,
        from: u64,
        upto: u64,
        most: u32,
        shifts: u64,
    ) -> Result<Offer, StoreError> {
        let upto = upto.min(from.saturating_add(u64::from(most)).saturating_sub(1));
        let mut transaction = self.begin().await?;
        let (now, file, began, dropped, marked): (i64, Vec<u8>, i64, i64, i64) = sqlx::query_as(
            "SELECT shifts, chain_file, chain_began, dropped, offered FROM progress",
        )
        .fetch_one(&mut *transaction)
        .await?;
        if unsigned(now) != shifts {
            return Ok(Offer::Shifted);
        }
        if from <= unsigned(dropped) && from <= upto {
            return Ok(Offer::Dropped);
        }
        let before = chain::before(&mut transaction, number(from)?).await?;
        let rows: Vec<(i64, Vec<u8>, Option<Vec<u8>>)> = sqlx::query_as(
            "SELECT place, CAST(body AS BLOB), chain FROM outbox
             WHERE place >= ? AND place <= ? ORDER BY place",
        )
        .bind(number(from)?)
        .bind(number(upto)?)
        .fetch_all(&mut *transaction)
        .await?;
        let mut rows = rows
            .into_iter()
            .map(|(place, body, hash)| {
                (unsigned(place), chain::text(body).parse::<EventBody>().ok(), hash)
            })
            .peekable();
        let (mut events, mut links) = (Vec::<EventBody>::new(), Vec::new());
        let mut head = before;
        for place in from..=upto {
            let row = rows.next_if(|(at, ..)| *at == place);
            let (read, hash) = row.map_or((None, None), |(_, read, hash)| (read, hash));
            let event = read.unwrap_or_else(|| {
                tracing::error!(place, "an event of the site's file is gone or cannot be read");
                let around = events.last().or(rows.peek().and_then(|(_, next, _)| next.as_ref()));
                let at = around.map_or(DateTime::UNIX_EPOCH, |event| event.at);
                EventBody::from(SiteEvent { at, what: Happening::Lost })
            });
            let kept = hash.and_then(|hash| chain::hash(&hash).ok());
            head = kept.unwrap_or_else(|| wire::chain::link(&head, place, event.written()));
            events.push(event);
            links.push(head);
        }
        let told = ToldChain { file: chain::file(&file)?, began: unsigned(began), before, links };
        if !events.is_empty() && unsigned(marked) < upto {
            self.mark_offered(transaction, upto).await?;
        }
        Ok(Offer::Events(events, told))
    }

    /// A disk that takes nothing must not keep from being told what is on it, which may make room there: then memory
    /// has to do.
    async fn mark_offered(
        &self,
        mut transaction: Transaction<'_, Sqlite>,
        upto: u64,
    ) -> Result<(), StoreError> {
        self.offered.fetch_max(upto, Ordering::Relaxed);
        let marked = sqlx::query("UPDATE progress SET offered = max(offered, ?)")
            .bind(number(upto)?)
            .execute(&mut *transaction)
            .await;
        let marked = match marked {
            Ok(_) => transaction.commit().await.map_err(StoreError::from),
            Err(error) => Err(error.into()),
        };
        match marked {
            Err(error) if !error.takes_nothing() => Err(error),
            _ => Ok(()),
        }
    }
}
