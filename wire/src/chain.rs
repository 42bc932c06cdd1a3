//! The chain over a site's events: how its hashes are made, and how a batch is held against them.

use model::event_chain::{ChainHash, CheckedChain, ToldChain};
use model::id::ChainFileId;
use model::site_event::Happening;
use ring::digest::{Context, SHA256};

use crate::event::Batch;

/// The hash before the first event of a file's chain, whose place is `began`.
#[must_use]
pub fn start(file: ChainFileId, began: u64) -> ChainHash {
    let mut hash = Context::new(&SHA256);
    hash.update(b"kyoten: the events of a site, from");
    hash.update(file.0.as_bytes());
    hash.update(&began.to_be_bytes());
    finished(hash)
}

/// The hash after the event at `place`, whose body is written in these bytes.
#[must_use]
pub fn link(before: &ChainHash, place: u64, body: &str) -> ChainHash {
    let mut hash = Context::new(&SHA256);
    hash.update(&before.0);
    hash.update(&place.to_be_bytes());
    hash.update(body.as_bytes());
    finished(hash)
}

fn finished(hash: Context) -> ChainHash {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(hash.finish().as_ref());
    ChainHash(bytes)
}

/// Why what a batch says of its chain is no chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadChain {
    /// Events and hashes are not as many.
    #[error("a chain has one hash for each event")]
    Uneven,
    /// The chain is said to begin after what it is over.
    #[error("a chain begins with its first event or before")]
    BeginsLater,
}

/// Reckons the chain of a batch again from the bodies; nothing where the batch has none.
///
/// # Errors
/// When it has no form of a chain. What does not fit in it is no error: it is said.
pub fn check(batch: &Batch) -> Result<Option<CheckedChain>, BadChain> {
    let Some(told) = &batch.chain else { return Ok(None) };
    if told.links.len() != batch.events.len() {
        return Err(BadChain::Uneven);
    }
    if told.began > batch.first {
        return Err(BadChain::BeginsLater);
    }
    let (mut misfits, mut lost) = (Vec::new(), Vec::new());
    let (mut before, mut after_lost) = (told.before, false);
    for ((place, event), link_told) in (batch.first..).zip(&batch.events).zip(&told.links) {
        let is_lost = event.what == Happening::Lost;
        if is_lost {
            lost.push(place);
        } else if !after_lost && link(&before, place, event.written()) != *link_told {
            misfits.push(place);
        }
        // What follows on what is gone has nothing to be held against.
        after_lost = is_lost;
        before = *link_told;
    }
    let opens = told.began == batch.first && told.before == start(told.file, told.began);
    Ok(Some(CheckedChain { told: ToldChain::clone(told), opens, misfits, lost }))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use chrono::DateTime;
    use model::site_event::SiteEvent;
    use uuid::Uuid;

    use super::*;
    use crate::event::EventBody;

    fn batch(bodies: &[&str]) -> Batch {
        let file = ChainFileId(Uuid::from_u128(7));
        let before = start(file, 3);
        let mut links = Vec::new();
        for (place, body) in (3..).zip(bodies) {
            links.push(link(links.last().unwrap_or(&before), place, body));
        }
        Batch {
            first: 3,
            events: bodies.iter().map(|body| body.parse().unwrap()).collect(),
            chain: Some(ToldChain { file, began: 3, before, links }),
            ..Batch::default()
        }
    }

    const ONE: &str = r#"{"at":"1970-01-01T00:00:00Z","kind":"started"}"#;
    const TWO: &str = r#"{ "kind": "sheet_in_force",  "version":2, "at":"1970-01-01T00:00:00Z" }"#;
    const LOST: &str = r#"{"at":"1970-01-01T00:00:00Z","kind":"lost"}"#;

    #[test]
    fn the_hub_hashes_the_bytes_that_the_site_hashed() {
        let told = serde_json::to_string(&batch(&[ONE, TWO, ONE])).unwrap();
        assert!(told.contains(TWO), "the text travels as it is: {told}");
        let heard: Batch = serde_json::from_str(&told).unwrap();
        let checked = check(&heard).unwrap().unwrap();
        assert!(checked.opens);
        assert_eq!(checked.misfits, [] as [u64; 0]);
        assert_eq!(heard.events[1].what, Happening::SheetInForce { version: 2 });
    }

    #[test]
    fn a_changed_a_swapped_and_a_lost_event_are_named() {
        let mut changed = batch(&[ONE, TWO, ONE, TWO]);
        changed.events[1] = TWO.replace("\"version\":2", "\"version\":3").parse().unwrap();
        assert_eq!(check(&changed).unwrap().unwrap().misfits, [4]);
        let mut swapped = batch(&[ONE, TWO, ONE]);
        swapped.events.swap(0, 1);
        assert_eq!(check(&swapped).unwrap().unwrap().misfits, [3, 4]);
        let mut lost = batch(&[ONE, TWO, ONE, TWO]);
        lost.events[1] = LOST.parse().unwrap();
        let checked = check(&lost).unwrap().unwrap();
        assert_eq!((checked.misfits, checked.lost), (vec![], vec![4]));
    }

    #[test]
    fn what_is_no_chain_is_refused() {
        let mut uneven = batch(&[ONE, TWO]);
        uneven.events.pop();
        assert_eq!(check(&uneven), Err(BadChain::Uneven));
        let mut later = batch(&[ONE]);
        later.chain.as_mut().unwrap().began = 4;
        assert_eq!(check(&later), Err(BadChain::BeginsLater));
        let none = Batch { chain: None, ..batch(&[ONE]) };
        assert_eq!(check(&none), Ok(None));
        let wrong =
            r#"{"file":"00000000-0000-0000-0000-000000000007","began":1,"before":"0","links":[]}"#;
        assert!(serde_json::from_str::<ToldChain>(wrong).is_err());
    }

    #[test]
    fn a_batch_of_an_edge_without_a_chain_still_reads() {
        let old = format!(
            r#"{{"first":1,"events":[{ONE}],"told_until":"1970-01-01T00:00:00Z","state":null}}"#
        );
        let heard: Batch = serde_json::from_str(&old).unwrap();
        assert_eq!((heard.chain, heard.boot), (None, None));
        let event = SiteEvent { at: DateTime::UNIX_EPOCH, what: Happening::Started };
        assert_eq!(heard.events, [EventBody::from(event)]);
        assert!(serde_json::from_str::<Batch>(&old.replace("started", "strted")).is_err());
    }
}
