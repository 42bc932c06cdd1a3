//! Walks the chain over what a site has told, as the hub keeps it.

use std::fmt;

use chrono::TimeDelta;
use model::event_chain::ChainHash;
use model::id::CentreId;
use store::{Kept, SiteStatus, StoreError};
use wire::chain::link;

use crate::hub::Hub;

/// What is wrong with the hub's own record of a site's events, as one sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An event is not what its site told.
    Changed(u64),
    /// There is no event at this place, and there are later ones.
    Missing(u64),
    /// There is nothing from this place on, and the site has told more.
    Cut {
        /// The first place that is gone.
        from: u64,
        /// The last that was told.
        told: u64,
    },
    /// Nothing at all is left, and not all of it can have been forgotten by age.
    Wiped {
        /// The last place that was told.
        told: u64,
    },
    /// The last event is another than the one with which the chain ends.
    OtherEnd(u64),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed(place) => write!(
                f,
                "Event {place} was changed here: it does not give the hash that its site told."
            ),
            Self::Missing(place) => {
                write!(f, "Event {place} is missing, and there are later ones.")
            }
            Self::Cut { from, told } => write!(
                f,
                "The end was cut off: event {from} and what followed are gone, and the site has \
                 told up to event {told}."
            ),
            Self::Wiped { told } => write!(
                f,
                "Nothing is left of what the site told, up to event {told}, and it was heard of too \
                 lately for all of it to have been forgotten by age: the events were deleted here."
            ),
            Self::OtherEnd(place) => {
                write!(f, "Event {place} is another than the one with which the chain ends.")
            }
        }
    }
}

/// What a whole record amounts to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Whole {
    /// How many events were walked.
    pub events: u64,
    /// Up to which place nothing is kept any more.
    pub forgotten: u64,
    /// How many of them came without a chain.
    pub unchained: u64,
    /// At how many it was noticed when they came that they do not follow.
    pub doubtful: u64,
    /// The last place.
    pub last: u64,
}

/// Reckons the chain over a centre's events again. What was forgotten by age is missing from the beginning, and what
/// is left is walked.
///
/// # Errors
/// When the store fails.
pub async fn verify(hub: &Hub, centre: CentreId) -> Result<Result<Whole, Fault>, StoreError> {
    // Before the events: what is told meanwhile is no end that was cut off.
    let site = hub.store.site_status(centre).await?;
    let chains = hub.store.site_chains(centre).await?;
    let mut whole = Whole::default();
    let mut before: Option<ChainHash> = None;
    loop {
        let events = hub.store.chained_events(centre, whole.last).await?;
        if events.is_empty() {
            break;
        }
        for event in events {
            if whole.events > 0 && event.place != whole.last + 1 {
                return Ok(Err(Fault::Missing(whole.last + 1)));
            }
            if let Some(begun) = chains.iter().find(|chain| chain.began == event.place) {
                before = Some(begun.before);
            }
            if whole.events == 0 {
                whole.forgotten = event.place.saturating_sub(1);
            }
            whole.events += 1;
            whole.last = event.place;
            match (event.chain, before) {
                (None, _) => {
                    // It may have been taken off: where a chain reaches over it, it has one.
                    let reaches = |chain: &store::SiteChain| {
                        chain.began <= event.place && event.place <= chain.place
                    };
                    if before.is_some() && chains.iter().any(reaches) {
                        return Ok(Err(Fault::Changed(event.place)));
                    }
                    whole.unchained += 1;
                }
                (Some(_), _) if event.doubtful => whole.doubtful += 1,
                (Some(told), Some(before)) if link(&before, event.place, &event.body) != told => {
                    return Ok(Err(Fault::Changed(event.place)));
                }
                // The first that was not forgotten: what it follows on is gone.
                (Some(_), _) => {}
            }
            before = event.chain;
        }
    }
    // Whoever cut the end off may have changed what is written of one of the two.
    let told = chains.iter().map(|chain| chain.place).fold(site.reached, u64::max);
    if whole.events == 0 && told > 0 {
        if !is_forgotten(hub, &site).await? {
            return Ok(Err(Fault::Wiped { told }));
        }
        return Ok(Ok(Whole { forgotten: told, ..whole }));
    }
    if told > whole.last {
        return Ok(Err(Fault::Cut { from: whole.last + 1, told }));
    }
    let end = chains.iter().find(|chain| chain.place == whole.last);
    if end.is_some_and(|end| before.is_some_and(|last| last != end.head)) {
        return Ok(Err(Fault::OtherEnd(whole.last)));
    }
    Ok(Ok(whole))
}

/// Whether all that a site told is so old that it was forgotten: nothing came after it was last heard of. A site that is
/// heard of tells several events a day, each new sheet among them.
async fn is_forgotten(hub: &Hub, site: &SiteStatus) -> Result<bool, StoreError> {
    let rules = hub.store.retention().await?;
    let days = rules.iter().find(|rule| rule.what == Kept::SiteEvents).map(|rule| rule.days);
    let before = days.map(|days| hub.now() - TimeDelta::days(days.into()));
    Ok(before.zip(site.heard_at).is_some_and(|(before, heard)| heard < before))
}
