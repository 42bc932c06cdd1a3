//! What a desk offers, and what somebody asks of one.

use serde::{Deserialize, Serialize};

/// Something that a desk has or has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// 外部モニター
    Monitor,
    /// 昇降デスク: one can work standing.
    Standing,
    /// 車いす対応
    Wheelchair,
    /// 静音席: where nobody talks.
    Quiet,
    /// 保育室の近く
    NearNursery,
    /// シンクライアント端末
    ThinClient,
}

impl Feature {
    /// Every feature.
    pub const ALL: [Self; 6] = [
        Self::Monitor,
        Self::Standing,
        Self::Wheelchair,
        Self::Quiet,
        Self::NearNursery,
        Self::ThinClient,
    ];

    /// Its bit; what a database keeps, so that it never changes.
    fn bit(self) -> u32 {
        match self {
            Self::Monitor => 1,
            Self::Standing => 1 << 1,
            Self::Wheelchair => 1 << 2,
            Self::Quiet => 1 << 3,
            Self::NearNursery => 1 << 4,
            Self::ThinClient => 1 << 5,
        }
    }
}

/// Why a number is no [`Features`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bits {0:#x} stand for no feature that is known here")]
pub struct UnknownFeatures(pub u32);

/// A set of features; in JSON the list of their names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<Feature>", into = "Vec<Feature>")]
pub struct Features(u32);

impl Features {
    /// No feature at all.
    pub const NONE: Self = Self(0);

    /// The set that a database kept as `bits`.
    ///
    /// # Errors
    /// [`UnknownFeatures`] when a bit stands for none of [`Feature::ALL`].
    pub fn from_bits(bits: u32) -> Result<Self, UnknownFeatures> {
        let unknown = bits & !Feature::ALL.into_iter().collect::<Self>().0;
        if unknown == 0 { Ok(Self(bits)) } else { Err(UnknownFeatures(unknown)) }
    }

    /// The set as bits, for a database.
    #[must_use]
    pub fn bits(self) -> u32 {
        self.0
    }

    /// Adds `feature`.
    pub fn insert(&mut self, feature: Feature) {
        self.0 |= feature.bit();
    }

    /// Whether `feature` is in it.
    #[must_use]
    pub fn contains(self, feature: Feature) -> bool {
        self.0 & feature.bit() != 0
    }

    /// Whether all of `asked` is in it.
    #[must_use]
    pub fn covers(self, asked: Self) -> bool {
        asked.0 & !self.0 == 0
    }

    /// What is in either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in this and not in `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// How many there are.
    #[must_use]
    pub fn len(self) -> usize {
        self.iter().count()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each feature, in the order of [`Feature::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Feature> {
        Feature::ALL.into_iter().filter(move |feature| self.contains(*feature))
    }
}

impl FromIterator<Feature> for Features {
    fn from_iter<I: IntoIterator<Item = Feature>>(features: I) -> Self {
        let mut set = Self::NONE;
        features.into_iter().for_each(|feature| set.insert(feature));
        set
    }
}

impl From<Vec<Feature>> for Features {
    fn from(features: Vec<Feature>) -> Self {
        features.into_iter().collect()
    }
}

impl From<Features> for Vec<Feature> {
    fn from(features: Features) -> Self {
        features.iter().collect()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    #[test]
    fn every_feature_has_a_bit_of_its_own() {
        let mut all = Features::NONE;
        for (at, feature) in Feature::ALL.into_iter().enumerate() {
            assert!(!all.contains(feature));
            all.insert(feature);
            all.insert(feature);
            assert_eq!(all.len(), at + 1);
        }
        assert_eq!(all.iter().collect::<Vec<_>>(), Feature::ALL);
        assert_eq!(all.bits(), 0b11_1111);
    }

    #[test]
    fn a_set_covers_what_it_has_and_nothing_else() {
        let quiet = Features::from_iter([Feature::Quiet]);
        let both = Features::from_iter([Feature::Quiet, Feature::Monitor]);
        assert!(both.covers(quiet) && both.covers(both) && quiet.covers(Features::NONE));
        assert!(!quiet.covers(both) && !Features::NONE.covers(quiet));
        assert_eq!(both.without(quiet), Features::from_iter([Feature::Monitor]));
        assert_eq!(both.without(quiet).or(quiet), both);
        assert!(quiet.without(both).is_empty());
    }

    #[test]
    fn bits_that_nobody_knows_are_refused() {
        for bits in 0..64 {
            assert_eq!(Features::from_bits(bits).unwrap().bits(), bits);
        }
        assert_eq!(Features::from_bits(64), Err(UnknownFeatures(64)));
        assert_eq!(Features::from_bits(u32::MAX), Err(UnknownFeatures(u32::MAX - 63)));
    }

    #[test]
    fn json_has_the_names() {
        let set = Features::from_iter([Feature::NearNursery, Feature::Monitor]);
        let text = serde_json::to_string(&set).unwrap();
        assert_eq!(text, r#"["monitor","near_nursery"]"#);
        let read = |text| serde_json::from_str::<Features>(text);
        assert_eq!(read(&text).unwrap(), set);
        assert_eq!(read(r#"["quiet","quiet"]"#).unwrap().len(), 1);
        assert_eq!(read("[]").unwrap(), Features::NONE);
        for bad in [r#"["Monitor"]"#, r#"["sauna"]"#, "3", r#""quiet""#, "null", "{}", "[1]", "["] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
