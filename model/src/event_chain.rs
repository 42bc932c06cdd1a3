//! What a site tells of its events is a chain of hashes, so that one that was changed, taken out or put in shows.
//!
//! Each event's hash is made of the hash before it, its place and the bytes of its body. Whoever can write in the
//! site's file and knows the form can make a new chain of what was never told; what was told once cannot be changed
//! unnoticed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::ChainFileId;

/// SHA-256 of an event and all before it; 64 hexadecimal digits when written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ChainHash(pub [u8; 32]);

/// Why a text is no [`ChainHash`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a hash of the chain takes 64 hexadecimal digits")]
pub struct BadChainHash;

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for ChainHash {
    type Err = BadChainHash;
    fn from_str(text: &str) -> Result<Self, BadChainHash> {
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(BadChainHash);
        }
        let mut hash = [0; 32];
        for (byte, at) in hash.iter_mut().zip((0..64).step_by(2)) {
            let digits = text.get(at..at + 2).ok_or(BadChainHash)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| BadChainHash)?;
        }
        Ok(Self(hash))
    }
}

impl TryFrom<String> for ChainHash {
    type Error = BadChainHash;
    fn try_from(text: String) -> Result<Self, BadChainHash> {
        text.parse()
    }
}

impl From<ChainHash> for String {
    fn from(hash: ChainHash) -> Self {
        hash.to_string()
    }
}

/// What a site says of the chain over the events of one batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldChain {
    /// The file that the chain is of: a fresh file, or one that gave its events new places, begins another.
    pub file: ChainFileId,
    /// The place of that chain's first event.
    pub began: u64,
    /// The hash before the first event of the batch.
    pub before: ChainHash,
    /// The hash after each of them.
    pub links: Vec<ChainHash>,
}

/// The same, with what came out when it was reckoned again from the bodies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedChain {
    /// What the site says.
    pub told: ToldChain,
    /// Whether the batch opens the chain: its first event is the chain's first, and follows on the chain's start.
    pub opens: bool,
    /// The places of events that do not give the hash that the site says, in order.
    pub misfits: Vec<u64>,
    /// The places where the site says itself that what stood there is gone.
    pub lost: Vec<u64>,
}

/// How far the hub knows a site's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptChain {
    /// The file that it is of.
    pub file: ChainFileId,
    /// The place of the last event that was told with it.
    pub place: u64,
    /// The hash there.
    pub head: ChainHash,
}

/// Where a batch stands against what the hub has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The place of its first event.
    pub first: u64,
    /// How many events it has.
    pub many: u64,
    /// The place of the last event that the hub has.
    pub reached: u64,
}

impl Standing {
    /// The place of the last event of the batch; the place before the first, where it has none.
    #[must_use]
    pub fn last(&self) -> u64 {
        (self.first + self.many).saturating_sub(1)
    }

    /// The place at which what is told can be held against what is kept: the last that both know.
    #[must_use]
    pub fn meeting(&self) -> u64 {
        self.last().min(self.reached)
    }

    fn brings_news(&self) -> bool {
        self.last() > self.reached
    }
}

/// What is wrong with what a site tells. What it tells is taken all the same: what the site did stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SiteAlarmKind {
    /// An event is not what it was when the site wrote it down.
    EventChanged,
    /// An event that the site wrote down is gone.
    EventMissing,
    /// The chain does not go on where the hub's record of it ends: a file that was put back or tampered with.
    ChainBroken,
    /// A place was told again with other content. What was told first stands.
    ChainForked,
    /// The site began a new chain: it lost its file, or gave its events new places.
    ChainBegan,
    /// A site that had a chain tells without.
    ChainStopped,
    /// Two agents run with one identity.
    Twin,
    /// Two clients on the site's bus take each other's place with one identity.
    BusTwin,
    /// The site's disk is full.
    DiskFull,
    /// Events of little weight were given up for want of room.
    Shed,
    /// Settings that the hub sent did not pass the site's check, and those before are in force again.
    ConfigRolledBack,
}

/// Something that was noticed, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noticed {
    /// What.
    pub kind: SiteAlarmKind,
    /// At which place in the order of events.
    pub place: u64,
    /// What else is to be known of it, in words for a record; may be empty.
    pub detail: String,
}

impl Noticed {
    /// That `kind` was noticed at `place`.
    #[must_use]
    pub fn at(kind: SiteAlarmKind, place: u64) -> Self {
        Self { kind, place, detail: String::new() }
    }
}

/// What follows from a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// What is wrong with it.
    pub noticed: Vec<Noticed>,
    /// How far the hub knows the chain from now on, where that changed.
    pub kept: Option<KeptChain>,
}

/// Holds a batch against what the hub keeps of the site's chain. `here` is the hash that the hub keeps at
/// [`Standing::meeting`], where it keeps one.
#[must_use]
pub fn judge(
    kept: Option<&KeptChain>,
    here: Option<ChainHash>,
    told: Option<&CheckedChain>,
    at: Standing,
) -> Judged {
    use SiteAlarmKind::*;
    let mut judged = Judged::default();
    let mut notice = |kind, place| judged.noticed.push(Noticed::at(kind, place));
    let Some(checked) = told else {
        if kept.is_some() && at.brings_news() {
            notice(ChainStopped, at.reached + 1);
        }
        return judged;
    };
    let told = &checked.told;
    match kept {
        None => {}
        Some(kept) if kept.file == told.file => {
            let meeting = at.meeting();
            let said = match meeting.checked_sub(at.first) {
                None => Some(told.before),
                Some(index) => usize::try_from(index).ok().and_then(|i| told.links.get(i).copied()),
            };
            if here.is_some() && said != here {
                if meeting < at.first {
                    notice(ChainBroken, at.first);
                } else {
                    notice(ChainForked, meeting);
                }
            }
        }
        // Nothing of it was told before, so nothing that the hub has can be of it.
        Some(_) if at.many > 0 && at.first <= at.reached => notice(ChainForked, at.first),
        Some(_) if at.many == 0 => {}
        Some(_) if checked.opens => notice(ChainBegan, at.first),
        Some(_) => notice(ChainBroken, at.first),
    }
    for place in checked.misfits.iter().filter(|place| **place > at.reached) {
        if !checked.lost.contains(place) {
            notice(EventChanged, *place);
        }
    }
    for place in checked.lost.iter().filter(|place| **place > at.reached) {
        notice(EventMissing, *place);
    }
    if at.brings_news()
        && let Some(head) = told.links.last()
    {
        judged.kept = Some(KeptChain { file: told.file, place: at.last(), head: *head });
    }
    judged
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use uuid::Uuid;

    use super::SiteAlarmKind::*;
    use super::*;

    fn hash(number: u8) -> ChainHash {
        ChainHash([number; 32])
    }

    fn file(number: u128) -> ChainFileId {
        ChainFileId(Uuid::from_u128(number))
    }

    /// Of file 1, with the hashes `links` after `before`.
    fn told(before: u8, links: &[u8]) -> CheckedChain {
        let links = links.iter().copied().map(hash).collect();
        CheckedChain {
            told: ToldChain { file: file(1), began: 1, before: hash(before), links },
            opens: false,
            misfits: Vec::new(),
            lost: Vec::new(),
        }
    }

    fn kinds(judged: &Judged) -> Vec<(SiteAlarmKind, u64)> {
        judged.noticed.iter().map(|one| (one.kind, one.place)).collect()
    }

    const KEPT: KeptChain =
        KeptChain { file: ChainFileId(Uuid::from_u128(1)), place: 5, head: ChainHash([5; 32]) };

    fn at(first: u64, many: u64) -> Standing {
        Standing { first, many, reached: 5 }
    }

    #[test]
    fn a_hash_reads_as_it_is_written_and_nothing_else_does() {
        let one = ChainHash(std::array::from_fn(|at| u8::try_from(at).unwrap()));
        assert_eq!(one.to_string().parse::<ChainHash>().unwrap(), one);
        let (short, long, sign) = ("0".repeat(63), "0".repeat(65), "+1".repeat(32));
        for bad in ["", &short, &long, &sign, "é".repeat(32).as_str()] {
            assert_eq!(bad.parse::<ChainHash>(), Err(BadChainHash), "{bad}");
        }
    }

    #[test]
    fn what_goes_on_is_noticed_by_nobody() {
        let here = Some(hash(5));
        for (told, at, head) in [
            (told(5, &[6, 7]), at(6, 2), Some((7, 7))),
            // The answer was lost, and it is told again, with more or without.
            (told(3, &[4, 5]), at(4, 2), None),
            (told(4, &[5, 6]), at(5, 2), Some((6, 6))),
            (told(5, &[]), at(6, 0), None),
        ] {
            let judged = judge(Some(&KEPT), here, Some(&told), at);
            assert_eq!(kinds(&judged), [], "{at:?}");
            assert_eq!(judged.kept.map(|kept| (kept.place, kept.head.0[0])), head);
        }
    }

    #[test]
    fn what_was_put_back_or_told_twice_with_other_words_is_noticed() {
        let here = Some(hash(5));
        let judged = judge(Some(&KEPT), here, Some(&told(9, &[6])), at(6, 1));
        assert_eq!(kinds(&judged), [(ChainBroken, 6)]);
        assert_eq!(judged.kept.unwrap().head, hash(6), "what the site did stands");
        let judged = judge(Some(&KEPT), here, Some(&told(3, &[4, 9, 6])), at(4, 3));
        assert_eq!(kinds(&judged), [(ChainForked, 5)]);
        let judged = judge(Some(&KEPT), Some(hash(2)), Some(&told(1, &[9])), at(2, 1));
        assert_eq!(kinds(&judged), [(ChainForked, 2)]);
        assert_eq!(judged.kept, None);
    }

    #[test]
    fn a_changed_and_a_missing_event_are_told_apart() {
        let mut batch = told(4, &[5, 6, 7, 8]);
        batch.misfits = vec![5, 6, 7];
        batch.lost = vec![7];
        let judged = judge(Some(&KEPT), Some(hash(5)), Some(&batch), at(5, 4));
        assert_eq!(kinds(&judged), [(EventChanged, 6), (EventMissing, 7)], "5 was taken before");
    }

    #[test]
    fn a_new_chain_is_begun_openly_or_it_is_a_break() {
        let mut batch = told(0, &[6]);
        batch.told.file = file(2);
        let opens = CheckedChain { opens: true, ..batch.clone() };
        let judged = judge(Some(&KEPT), Some(hash(5)), Some(&opens), at(6, 1));
        assert_eq!(kinds(&judged), [(ChainBegan, 6)]);
        assert_eq!(judged.kept.unwrap().file, file(2));
        let judged = judge(Some(&KEPT), Some(hash(5)), Some(&batch), at(6, 1));
        assert_eq!(kinds(&judged), [(ChainBroken, 6)]);
        let judged = judge(Some(&KEPT), Some(hash(5)), Some(&opens), at(5, 1));
        assert_eq!(kinds(&judged), [(ChainForked, 5)]);
        let word = CheckedChain { told: ToldChain { links: vec![], ..batch.told }, ..opens };
        assert_eq!(kinds(&judge(Some(&KEPT), Some(hash(5)), Some(&word), at(6, 0))), []);
    }

    #[test]
    fn a_site_without_a_chain_is_taken_as_it_is_until_it_once_had_one() {
        assert_eq!(judge(None, None, None, at(6, 1)), Judged::default());
        assert_eq!(kinds(&judge(Some(&KEPT), None, None, at(6, 1))), [(ChainStopped, 6)]);
        assert_eq!(kinds(&judge(Some(&KEPT), None, None, at(6, 0))), []);
        let judged = judge(None, None, Some(&told(1, &[6])), at(6, 1));
        assert_eq!((kinds(&judged), judged.kept.unwrap().place), (vec![], 6));
    }
}
