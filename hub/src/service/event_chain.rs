//! Walks the chain over what a site has told, as the hub keeps it.

use std::fmt;

use model::event_chain::ChainHash;
use model::id::CentreId;
use store::StoreError;
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
    let told = hub.store.site_status(centre).await?.reached;
    // Where all of it is so old that it was forgotten, nothing is left to look at.
    let forgotten = whole.events == 0 && chains.iter().all(|chain| chain.place <= told);
    if told > whole.last && !forgotten {
        return Ok(Err(Fault::Cut { from: whole.last + 1, told }));
    }
    let end = chains.iter().find(|chain| chain.place == whole.last);
    if end.is_some_and(|end| before.is_some_and(|last| last != end.head)) {
        return Ok(Err(Fault::OtherEnd(whole.last)));
    }
    Ok(Ok(whole))
}
