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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SiteWord {
    /// Everything that happened at the site before this instant has been told.
    pub told_until: Option<DateTime<Utc>>,
}

/// Whether the hub may release a claim nobody has come for.
///
/// A silent line is not an empty chair: only a site that has told everything up to the
/// deadline proves that nobody came.
#[must_use]
pub fn may_release(deadline: DateTime<Utc>, came: bool, site: SiteWord) -> bool {
    !came && site.told_until.is_some_and(|told| told >= deadline)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    #[test]
    fn silence_is_no_evidence() {
        let nine: DateTime<Utc> = "2026-11-24T00:00:00Z".parse().unwrap();
        let at = |minutes| nine + TimeDelta::minutes(minutes);
        let due = deadline(&Interval::new(nine, at(120)).unwrap(), &CentreSettings::default());
        assert_eq!(due, at(30));
        assert!(!may_release(due, false, SiteWord { told_until: None }));
        assert!(!may_release(due, false, SiteWord { told_until: Some(at(29)) }));
        assert!(may_release(due, false, SiteWord { told_until: Some(at(30)) }));
        assert!(!may_release(due, true, SiteWord { told_until: Some(at(60)) }));
        assert_eq!(
            deadline(&Interval::new(nine, at(15)).unwrap(), &CentreSettings::default()),
            at(15)
        );
    }
}
