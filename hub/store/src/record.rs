//! The chain over what sites tell, and what was noticed about it.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use model::event_chain::{ChainHash, CheckedChain, Noticed, SiteAlarmKind};
use model::id::{BootId, CentreId, ChainFileId};

use crate::Result;
use crate::sites::{EventBatch, EventsTaken};

/// The chain over what sites tell, and what was noticed about it.
#[async_trait]
pub trait SiteRecord {
    /// As `take_events`, with the events' own words and the chain over them, which is held against what is kept. What
    /// does not fit is taken all the same, marked, and answered; it is kept as an alarm.
    async fn take_recorded(
        &self,
        batch: &EventBatch,
        told: &ToldRecord,
    ) -> Result<(EventsTaken, Vec<Noticed>)>;
    /// A centre's chains, in the order in which they began.
    async fn site_chains(&self, centre: CentreId) -> Result<Vec<SiteChain>>;
    /// A centre's events after a place, as they were told, in order; at most 1,000.
    async fn chained_events(&self, centre: CentreId, place: u64) -> Result<Vec<ChainedEvent>>;
    /// What was noticed of a centre's site since then, the newest first; at most 50.
    async fn site_alarms(&self, centre: CentreId, since: DateTime<Utc>) -> Result<Vec<SiteAlarm>>;
    /// What is not in the record of who did what yet, the oldest first; at most 50.
    async fn alarms_to_record(&self, centre: CentreId) -> Result<Vec<SiteAlarm>>;
    /// Notes that an alarm is in the record.
    async fn alarm_recorded(
        &self,
        centre: CentreId,
        alarm: &SiteAlarm,
        at: DateTime<Utc>,
    ) -> Result<()>;
}

/// What a site tells besides the events themselves.
#[derive(Clone, Debug)]
pub struct ToldRecord {
    /// Each event's own words: the chain is over these bytes.
    pub bodies: Vec<String>,
    /// The chain, reckoned again; nothing from edges without one.
    pub chain: Option<CheckedChain>,
    /// Which run of the edge tells; nothing from edges that do not say.
    pub boot: Option<BootId>,
}

/// One chain of a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SiteChain {
    /// The file that it is of.
    pub file: ChainFileId,
    /// The place of the first event that came with it.
    pub began: u64,
    /// The hash before that.
    pub before: ChainHash,
    /// The place of the last.
    pub place: u64,
    /// The hash there.
    pub head: ChainHash,
}

/// An event as it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainedEvent {
    /// Its place.
    pub place: u64,
    /// Its own words.
    pub body: String,
    /// The hash after it; nothing where the edge kept no chain.
    pub chain: Option<ChainHash>,
    /// Whether it was noticed when it came that it does not follow.
    pub doubtful: bool,
}

/// Something that was noticed about a site, once or again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteAlarm {
    /// What.
    pub kind: SiteAlarmKind,
    /// When it was noticed first.
    pub began_at: DateTime<Utc>,
    /// When it was noticed last.
    pub last_at: DateTime<Utc>,
    /// How often.
    pub times: u64,
    /// The place of the first event that it is about.
    pub place: u64,
    /// What else is to be known of it.
    pub detail: String,
}
