//! When the air or the noise of a place is worth a word, and what an empty-looking desk may mean.
//!
//! The limits of the air are those of the 建築物環境衛生管理基準 (the standard for managing a
//! building's environment): 建築物における衛生的環境の確保に関する法律施行令, article 2, in force
//! in this form since 1 April 2022: CO2 at most 1,000 ppm, 18 to 28 degrees, 40 to 70 % relative
//! humidity. It binds large buildings; a small centre takes it as its measure all the same. A
//! warning begins outside the limit and ends only well inside of it, so that a value that wavers
//! around the limit is one warning and not a hundred.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::sensor::{Measure, Reading};

/// A number that was not said for so long is said no more: the sensor is silent.
pub const SILENT_AFTER: TimeDelta = TimeDelta::minutes(15);
/// At most one value of a sensor is told in so long.
pub const TOLD_EVERY: TimeDelta = TimeDelta::minutes(5);
/// A desk at which nobody was seen for so long is worth a look. It is never given free for that.
pub const NOBODY_SEEN: TimeDelta = TimeDelta::minutes(40);
/// Noise counts once it has lasted so long.
pub const NOISE_LASTS: TimeDelta = TimeDelta::minutes(10);
/// The noise that a house bears where it has said nothing else: a house rule of ours, no law.
pub const NOISE_LIMIT: Reading = Reading::whole(55);

/// What is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AirWarning {
    /// More than 1,000 ppm of CO2: open a window.
    StaleAir,
    /// Below 18 degrees.
    TooCold,
    /// Above 28 degrees.
    TooHot,
    /// Below 40 % relative humidity.
    TooDry,
    /// Above 70 % relative humidity.
    TooHumid,
    /// Louder than the house bears, for ten minutes.
    TooLoud,
}

impl AirWarning {
    /// Every one.
    pub const ALL: [Self; 6] =
        [Self::StaleAir, Self::TooCold, Self::TooHot, Self::TooDry, Self::TooHumid, Self::TooLoud];

    /// What it is about.
    #[must_use]
    pub fn measure(self) -> Measure {
        match self {
            Self::StaleAir => Measure::Co2,
            Self::TooCold | Self::TooHot => Measure::Temperature,
            Self::TooDry | Self::TooHumid => Measure::Humidity,
            Self::TooLoud => Measure::Noise,
        }
    }

    /// How long a value must stay outside the limit before it is worth a word.
    #[must_use]
    pub fn lasts(self) -> TimeDelta {
        match self {
            Self::TooLoud => NOISE_LASTS,
            _ => TimeDelta::zero(),
        }
    }

    /// How a value stands to it. `limit` is the house's own, where it has one.
    #[must_use]
    pub fn judge(self, value: Reading, limit: Option<Reading>) -> Standing {
        let above = |limit: Reading, calm: i32| match value {
            _ if value > limit => Standing::Outside,
            _ if value.0 <= limit.0 - calm => Standing::Calm,
            _ => Standing::Between,
        };
        let below = |limit: Reading, calm: i32| match value {
            _ if value < limit => Standing::Outside,
            _ if value.0 >= limit.0 + calm => Standing::Calm,
            _ => Standing::Between,
        };
        match self {
            Self::StaleAir => above(Reading::whole(1_000), 1_000),
            Self::TooCold => below(Reading::whole(18), 5),
            Self::TooHot => above(Reading::whole(28), 5),
            Self::TooDry => below(Reading::whole(40), 20),
            Self::TooHumid => above(Reading::whole(70), 20),
            Self::TooLoud => above(limit.unwrap_or(NOISE_LIMIT), 30),
        }
    }
}

/// How a value stands to a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Outside the limit.
    Outside,
    /// Inside, but so near to the limit that it ends nothing.
    Between,
    /// Well inside.
    Calm,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_begins_outside_the_standard_and_ends_well_inside() {
        use AirWarning::*;
        use Standing::*;
        for (warning, tenths, wanted) in [
            (StaleAir, 10_000, Between),
            (StaleAir, 10_001, Outside),
            (StaleAir, 9_001, Between),
            (StaleAir, 9_000, Calm),
            (TooCold, 180, Between),
            (TooCold, 179, Outside),
            (TooCold, 185, Calm),
            (TooHot, 280, Between),
            (TooHot, 281, Outside),
            (TooHot, 275, Calm),
            (TooDry, 400, Between),
            (TooDry, 399, Outside),
            (TooDry, 420, Calm),
            (TooHumid, 700, Between),
            (TooHumid, 701, Outside),
            (TooHumid, 680, Calm),
            (TooLoud, 551, Outside),
            (TooLoud, 550, Between),
            (TooLoud, 520, Calm),
        ] {
            assert_eq!(warning.judge(Reading(tenths), None), wanted, "{warning:?} {tenths}");
        }
        assert_eq!(TooLoud.judge(Reading(601), Some(Reading::whole(65))), Calm);
        assert_eq!(TooLoud.judge(Reading(651), Some(Reading::whole(65))), Outside);
    }

    #[test]
    fn only_noise_has_to_last() {
        for warning in AirWarning::ALL {
            assert_eq!(warning.lasts().is_zero(), warning != AirWarning::TooLoud);
        }
    }
}
