//! Every id is its own type, so that a desk can never stand where a person is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[doc = $doc:literal])+ $name:ident;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

ids! {
    /// A municipality (市区町村) of the region.
    MunicipalityId;
    /// A telework centre or satellite office.
    CentreId;
    /// A desk, booth or room.
    SpaceId;
    /// A nursery tied to a centre.
    NurseryId;
    /// A room of a nursery.
    RoomId;
    /// One caregiver's time at a nursery on one day.
    ShiftId;
    /// A company or public body whose people use the centres.
    EmployerId;
    /// Somebody who can sign in or be let in.
    PersonId;
    /// Guardians and the children they answer for together.
    HouseholdId;
    /// A child in a household.
    ChildId;
    /// Somebody signed in on one browser or program.
    SessionId;
    /// A passkey of somebody's.
    PasskeyId;
    /// A question to a browser that is answered with a passkey.
    CeremonyId;
    /// A token with which a program acts for a person or an employer.
    ApiTokenId;
    /// An order that somebody gives a site.
    OrderId;
    /// All the desk and care claims that stand or fall together.
    BookingId;
    /// Bookings that one rule has made.
    SeriesId;
    /// A wish that waits for room.
    WaitlistId;
    /// A stretch in which a centre or space is out of use.
    ClosureId;
    /// How much somebody may book.
    QuotaId;
    /// One space, or one care place, for one interval.
    ClaimId;
    /// One stay from check-in to check-out.
    VisitId;
    /// A card or other thing that proves who taps.
    CredentialId;
    /// A consent of a guardian for a child.
    ConsentId;
    /// One entry of the record of who did what.
    AuditId;
    /// The key that one person's data is sealed with; it stands for them where no name may.
    SealKeyId;
    /// A card that wants to be somebody's.
    OfferId;
    /// What a kiosk holds of a card that was refused.
    TicketId;
    /// A mail that tells somebody something.
    NoticeId;
    /// Somebody whom guardians have named to collect a child.
    CollectorId;
    /// A bar that keeps somebody from collecting a child.
    BarId;
    /// A site's file, as long as the chain of its events goes on.
    ChainFileId;
    /// One run of an edge, from its start to its end.
    BootId;
}

/// Why a text is no [`Slug`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a name takes 1 to 64 of a-z, 0-9 and '-', and neither begins nor ends with '-'")]
pub struct BadSlug;

/// A short machine-readable name: 1 to 64 of `a-z`, `0-9` and `-`, no `-` at either end.
///
/// The form is Homie 5's for device ids, so that a name can stand in a topic as it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slug(String);

impl Slug {
    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Slug {
    type Err = BadSlug;
    fn from_str(text: &str) -> Result<Self, BadSlug> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-');
        if fits { Ok(Self(text.to_owned())) } else { Err(BadSlug) }
    }
}

impl TryFrom<String> for Slug {
    type Error = BadSlug;
    fn try_from(text: String) -> Result<Self, BadSlug> {
        text.parse()
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> Self {
        slug.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A device of a site: `yokohama-edge`, `yokohama-kiosk-1`, a door, a terminal.
pub type DeviceId = Slug;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_takes_only_what_a_topic_can_carry() {
        for good in ["a", "yokohama-kiosk-1", "7", &"x".repeat(64)] {
            assert!(good.parse::<Slug>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a/b", "a+", "#", "横浜", "a b", &"x".repeat(65)] {
            assert_eq!(bad.parse::<Slug>(), Err(BadSlug), "{bad}");
        }
    }
}
