//! When a desk is given free because its guest did not come.

use chrono::{DateTime, TimeDelta, Utc};

use crate::centre::CentreSettings;
use crate::interval::Interval;

/// The instant after which an unused desk claim counts as a no-show.
///
/// Never after the claim's own end: a claim shorter than the grace just runs out.
#[must_use]
pub fn deadline(claim: &Interval, settings: &CentreSettings) -> DateTime<Utc> {
    (claim.starts() + TimeDelta::minutes(settings.no_show_minutes.into())).min(claim.ends())
}

/// What is known of a site when its desks are looked over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SiteWord {
    /// When its edge last began to run, where it has said so.
    pub started_at: Option<DateTime<Utc>>,
    /// Everything that happened at the site before this instant has been told.
    pub told_until: Option<DateTime<Utc>>,
}

/// Whether the hub may release a claim nobody has come for.
///
/// A silent line is not an empty chair: only a site that has told everything up to the deadline
/// proves that nobody came. Where its edge was not running at the deadline, its guests get the
/// grace once more from the edge's start on.
#[must_use]
pub fn may_release(
    claim: &Interval,
    settings: &CentreSettings,
    came: bool,
    site: SiteWord,
) -> bool {
    let due = due(claim, settings, site);
    !came && due <= claim.ends() && site.told_until.is_some_and(|told| told >= due)
}

/// Until when a claim that nobody has come for is kept, where its guest is to be told so now: once
/// a third of the grace is over, as the site has told, and while there is something left of it.
#[must_use]
pub fn kept_for_late(
    claim: &Interval,
    settings: &CentreSettings,
    site: SiteWord,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let due = due(claim, settings, site);
    let grace = TimeDelta::minutes(settings.no_show_minutes.into());
    let told = site.told_until.is_some_and(|told| told >= due - grace * 2 / 3);
    // What runs out by itself is given to nobody else.
    (told && now < due && due < claim.ends()).then_some(due)
}

fn due(claim: &Interval, settings: &CentreSettings, site: SiteWord) -> DateTime<Utc> {
    match site.started_at {
        Some(started) if deadline(claim, settings) <= started => {
            started + TimeDelta::minutes(settings.no_show_minutes.into())
        }
        _ => deadline(claim, settings),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    #[test]
    fn silence_is_no_evidence() {
        let nine: DateTime<Utc> = "2026-11-24T00:00:00Z".parse().unwrap();
        let at = |minutes| nine + TimeDelta::minutes(minutes);
        let settings = CentreSettings::default();
        let claim = Interval::new(nine, at(120)).unwrap();
        assert_eq!(deadline(&claim, &settings), at(30));
        let told =
            |until: Option<i64>| SiteWord { started_at: Some(at(-60)), told_until: until.map(at) };
        let may = |came, site| may_release(&claim, &settings, came, site);
        assert!(!may(false, told(None)));
        assert!(!may(false, told(Some(29))));
        assert!(may(false, told(Some(30))));
        assert!(!may(true, told(Some(60))));
        let began_late = |minutes, until| SiteWord {
            started_at: Some(at(minutes)),
            told_until: Some(at(until)),
        };
        assert!(!may(false, began_late(45, 74)));
        assert!(may(false, began_late(45, 75)));
        assert!(!may(false, began_late(100, 200)), "it was off for most of the claim");
        assert_eq!(deadline(&Interval::new(nine, at(15)).unwrap(), &settings), at(15));
    }

    #[test]
    fn who_is_late_is_told_on_evidence_and_while_it_helps() {
        let nine: DateTime<Utc> = "2026-11-24T00:00:00Z".parse().unwrap();
        let at = |minutes| nine + TimeDelta::minutes(minutes);
        let settings = CentreSettings::default();
        let claim = Interval::new(nine, at(120)).unwrap();
        let word = |started: i64, until: Option<i64>| SiteWord {
            started_at: Some(at(started)),
            told_until: until.map(at),
        };
        let kept = |site, now| kept_for_late(&claim, &settings, site, at(now));
        assert_eq!(kept(word(-60, None), 15), None, "silence is no evidence");
        assert_eq!(kept(word(-60, Some(9)), 15), None);
        assert_eq!(kept(word(-60, Some(10)), 10), Some(at(30)));
        assert_eq!(kept(word(-60, Some(12)), 29), Some(at(30)));
        assert_eq!(kept(word(-60, Some(12)), 30), None, "too late to be of help");
        assert_eq!(kept(word(45, Some(54)), 54), None);
        assert_eq!(kept(word(45, Some(55)), 55), Some(at(75)), "the grace runs from its start");
        let short = Interval::new(nine, at(30)).unwrap();
        assert_eq!(kept_for_late(&short, &settings, word(-60, Some(12)), at(12)), None);
    }
}
