//! Walks the whole chain and holds it against those who saw its heads.

use std::collections::BTreeMap;
use std::fmt;

use store::{Chain, ChainedEntry, Head, StoreError};
use wire::sheet::AuditHead;

use super::chain::link;
use super::witness::{Testimony, wire_head};
use crate::hub::Hub;

/// So many entries are read at once.
const BATCH: u32 = 500;

/// What is wrong with the record, each as one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An entry is not what its hash says.
    Changed(u64),
    /// There is no entry at this place, and there are later ones.
    Missing(u64),
    /// Two entries stand in each other's place.
    Swapped(u64, u64),
    /// There is nothing from this place on, and somebody has seen more.
    Cut {
        /// The first place that is gone.
        from: u64,
        /// The place that was seen.
        seen: u64,
        /// By whom.
        by: String,
    },
    /// An entry is another than the one that somebody has seen there.
    Rewritten {
        /// The place.
        place: u64,
        /// By whom.
        by: String,
    },
    /// The chain goes on after what the database calls its end.
    Beyond(u64),
    /// The chain's beginning was moved by somebody who does not have the hub's key.
    BadBase(u64),
    /// A line of a witness file is not the hub's.
    Doubtful {
        /// The file.
        file: String,
        /// The line.
        line: usize,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed(place) => {
                write!(f, "Record {place} was changed: it does not fit its hash.")
            }
            Self::Missing(place) => {
                write!(f, "Record {place} is missing, and there are later ones.")
            }
            Self::Swapped(one, other) => {
                write!(f, "Records {one} and {other} were swapped.")
            }
            Self::Cut { from, seen, by } => write!(
                f,
                "The end was cut off: record {from} and what followed are gone, and {by} has seen \
                 record {seen}."
            ),
            Self::Rewritten { place, by } => write!(
                f,
                "Record {place} is another than the one that {by} has seen: the chain was written \
                 anew."
            ),
            Self::Beyond(place) => write!(
                f,
                "Record {place} stands after what the database calls the end of the chain."
            ),
            Self::BadBase(place) => write!(
                f,
                "Record {place} and what stood before it are gone without the hub's signature."
            ),
            Self::Doubtful { file, line } => {
                write!(f, "Line {line} of {file} was not written by this hub.")
            }
        }
    }
}

/// What a whole record amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole {
    /// How many entries were walked.
    pub entries: u64,
    /// The last place.
    pub last: u64,
    /// How many heads it was held against.
    pub heads: usize,
}

/// Walks the chain; `files` are the witness files, by name.
///
/// # Errors
/// When the store fails.
pub async fn verify(
    hub: &Hub,
    files: Vec<(String, Testimony)>,
) -> Result<Result<Whole, Fault>, StoreError> {
    let mut seen: BTreeMap<u64, Vec<(AuditHead, String)>> = BTreeMap::new();
    let mut heads = 0;
    for (file, testimony) in files {
        if let Some(&line) = testimony.doubtful.first() {
            return Ok(Err(Fault::Doubtful { file, line }));
        }
        for head in testimony.heads {
            heads += 1;
            seen.entry(head.place).or_default().push((head, file.clone()));
        }
    }
    let centres = hub.store.centres().await?;
    for (centre, head) in hub.store.site_heads().await? {
        let slug = centres.iter().find(|known| known.id == centre).map(|known| &known.slug);
        let by = slug.map_or_else(|| format!("site {centre}"), |slug| format!("site {slug}"));
        if let Some(head) = wire_head(&head) {
            heads += 1;
            seen.entry(head.place).or_default().push((head, by));
        }
    }
    let mut walk = match Walk::begin(hub, &hub.store.audit_chain().await?, &seen) {
        Ok(walk) => walk,
        Err(fault) => return Ok(Err(fault)),
    };
    loop {
        if let Err(fault) = walk.go_on(hub).await? {
            return Ok(Err(fault));
        }
        // What was chained during the walk is walked too.
        let end = hub.store.audit_chain().await?.head;
        if end.place > walk.at.place && !hub.store.audit_after(walk.at.place, 1).await?.is_empty() {
            continue;
        }
        if let Some(fault) = walk.ends_at(&end) {
            return Ok(Err(fault));
        }
        return Ok(Ok(Whole { entries: walk.entries, last: walk.at.place, heads }));
    }
}

struct Walk<'a> {
    seen: &'a BTreeMap<u64, Vec<(AuditHead, String)>>,
    at: Head,
    entries: u64,
}

impl<'a> Walk<'a> {
    fn begin(
        hub: &Hub,
        chain: &Chain,
        seen: &'a BTreeMap<u64, Vec<(AuditHead, String)>>,
    ) -> Result<Self, Fault> {
        let base = chain.base.head;
        let vouched = match wire_head(&base) {
            None => base == Head::default(),
            Some(head) => hub.keys.sheet.vouched_for(&head, &chain.base.signature),
        };
        if !vouched {
            return Err(Fault::BadBase(base.place));
        }
        let walk = Self { seen, at: base, entries: 0 };
        walk.compare(&base)?;
        Ok(walk)
    }

    async fn go_on(&mut self, hub: &Hub) -> Result<Result<(), Fault>, StoreError> {
        loop {
            let batch = hub.store.audit_after(self.at.place, BATCH).await?;
            if batch.is_empty() {
                return Ok(Ok(()));
            }
            for entry in batch {
                let wanted = self.at.place + 1;
                if entry.head.place != wanted {
                    return Ok(Err(Fault::Missing(wanted)));
                }
                if link(&self.at, &entry.entry) != entry.head.hash {
                    return Ok(Err(self.changed_or_swapped(hub, &entry).await?));
                }
                if let Err(fault) = self.compare(&entry.head) {
                    return Ok(Err(fault));
                }
                self.at = entry.head;
                self.entries += 1;
            }
        }
    }

    /// Whether an entry that does not fit its place was changed, or stands in another's place: then
    /// one of the later entries fits here.
    async fn changed_or_swapped(
        &self,
        hub: &Hub,
        here: &ChainedEntry,
    ) -> Result<Fault, StoreError> {
        let mut after = here.head.place;
        loop {
            let batch = hub.store.audit_after(after, BATCH).await?;
            let Some(last) = batch.last() else { return Ok(Fault::Changed(here.head.place)) };
            after = last.head.place;
            for other in &batch {
                let fitting = link(&self.at, &other.entry);
                if fitting == other.head.hash || fitting == here.head.hash {
                    return Ok(Fault::Swapped(here.head.place, other.head.place));
                }
            }
        }
    }

    fn compare(&self, head: &Head) -> Result<(), Fault> {
        let others = self.seen.get(&head.place).map(Vec::as_slice).unwrap_or_default();
        match others.iter().find(|(seen, _)| seen.hash != head.hash) {
            Some((_, by)) => Err(Fault::Rewritten { place: head.place, by: by.clone() }),
            None => Ok(()),
        }
    }

    fn ends_at(&self, end: &Head) -> Option<Fault> {
        let last = self.at;
        let highest = self.seen.last_key_value().and_then(|(_, seen)| seen.first());
        if let Some((head, by)) = highest
            && head.place > last.place
        {
            return Some(Fault::Cut { from: last.place + 1, seen: head.place, by: by.clone() });
        }
        if end.place > last.place {
            let by = "the database itself".to_owned();
            return Some(Fault::Cut { from: last.place + 1, seen: end.place, by });
        }
        if *end == last {
            return None;
        }
        Some(if end.place < last.place {
            Fault::Beyond(end.place + 1)
        } else {
            Fault::Changed(last.place)
        })
    }
}
