//! How long a mail that cannot be sent is tried.

use chrono::{DateTime, TimeDelta, Utc};

/// How a mail was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The server is not there, or says that another time will do.
    ForNow,
    /// The server says that it will never take it.
    Refused,
}

/// The first pause; each is three times as long as the one before.
const FIRST: TimeDelta = TimeDelta::seconds(5);
/// No pause is longer.
const LONGEST: TimeDelta = TimeDelta::hours(2);
/// After so many tries, three days, a mail is given up.
const MOST: u32 = 42;
/// A server that refuses for good may have been set up wrongly: half a day is time to mend that.
const MOST_REFUSED: u32 = 12;

/// When a mail that was tried `tries` times is tried again; none when it is given up.
#[must_use]
pub fn next_try(now: DateTime<Utc>, tries: u32, failure: Failure) -> Option<DateTime<Utc>> {
    let most = match failure {
        Failure::ForNow => MOST,
        Failure::Refused => MOST_REFUSED,
    };
    if tries >= most {
        return None;
    }
    // Three to the seventh is past the longest already.
    let factor = 3_i32.pow(tries.saturating_sub(1).min(7));
    now.checked_add_signed((FIRST * factor).min(LONGEST))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    fn whole(failure: Failure) -> TimeDelta {
        let begun: DateTime<Utc> = "2026-11-25T00:00:00Z".parse().unwrap();
        let mut now = begun;
        for tries in 1.. {
            match next_try(now, tries, failure) {
                Some(next) => {
                    assert!(now < next && next - now <= LONGEST, "{tries}: {}", next - now);
                    now = next;
                }
                None => break,
            }
        }
        now - begun
    }

    #[test]
    fn a_mail_is_tried_for_three_days_and_a_refused_one_for_half_a_day() {
        let days = whole(Failure::ForNow);
        assert!((TimeDelta::hours(68)..TimeDelta::hours(76)).contains(&days), "{days}");
        let hours = whole(Failure::Refused);
        assert!((TimeDelta::hours(9)..TimeDelta::hours(13)).contains(&hours), "{hours}");
        let now: DateTime<Utc> = "2026-11-25T00:00:00Z".parse().unwrap();
        assert_eq!(next_try(now, 1, Failure::ForNow), Some(now + FIRST));
        assert_eq!(next_try(now, u32::MAX, Failure::ForNow), None);
        assert!(next_try(now, 0, Failure::Refused).is_some());
    }
}
