//! What a guardian agrees to for a child.

use serde::{Deserialize, Serialize};

/// What for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// That the nursery cares for the child, and knows its name and age for that.
    Care,
    /// That the child's health, allergies and contacts are kept and shown to the nursery.
    Health,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 2] = [Self::Care, Self::Health];

    /// Which words are agreed to now; another wording is another version.
    #[must_use]
    pub fn wording(self) -> Wording {
        match self {
            Self::Care => Wording {
                version: "care-2026-11",
                ja: "予約した時間に保育を利用すること、そのために呼び名と年齢を保育室に伝えることに同意します。",
                en: "I agree that the nursery cares for my child at the times I book, and is told \
                     their name and age for that.",
            },
            Self::Health => Wording {
                version: "health-2026-11",
                ja: "アレルギー・健康・緊急連絡先を暗号にして保存し、保育を予約した保育室だけに見せることに同意します。",
                en: "I agree that allergies, health and contacts are kept encrypted and shown only \
                     to a nursery where care is booked.",
            },
        }
    }
}

/// The words of a consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wording {
    /// Which version they are.
    pub version: &'static str,
    /// In Japanese.
    pub ja: &'static str,
    /// In English.
    pub en: &'static str,
}
