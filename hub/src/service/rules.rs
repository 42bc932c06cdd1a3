//! Which revisions of prices and rules a booking is made under, and how long things last here.

use chrono::TimeDelta;

/// The revision of the prices in force.
pub const TARIFF_REV: u32 = 1;
/// The revision of the rules in force.
pub const RULE_REV: u32 = 1;
/// How long somebody stays signed in.
pub const SESSION: TimeDelta = TimeDelta::hours(12);
/// How long a second factor may be waited for.
pub const SECOND_FACTOR: TimeDelta = TimeDelta::minutes(10);
/// How long ago somebody may have shown who they are, to change what they sign in with.
pub const PROOF: TimeDelta = TimeDelta::minutes(15);
/// How far a search looks to both sides for a time that works.
pub const SHIFT: TimeDelta = TimeDelta::hours(4);
/// How many days ahead a search looks for a day that works.
pub const OTHER_DAYS: u64 = 7;
/// How long a booking is proposed for, where nobody has said.
pub const USUAL_STAY: TimeDelta = TimeDelta::hours(2);
/// How many months a report goes back, the running one included.
pub const REPORT_MONTHS: u32 = 12;
/// So many waiting wishes are served at once when something comes free; more by the next job.
pub const SPARES: usize = 4;
/// How many centres a search tells of, where nobody has said.
pub const MOST_FOUND: usize = 20;
