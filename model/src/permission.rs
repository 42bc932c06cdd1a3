//! Who may do what, on what: one table, asked by every route, closed by default.

use serde::{Deserialize, Serialize};

use crate::id::{CentreId, MunicipalityId, PersonId};
use crate::people::Grant;

/// A role as the table names it; [`Grant`] bounds it to a centre or a municipality.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Nobody is signed in, or it does not matter who.
    Anyone,
    /// 利用者
    Worker,
    /// 保護者
    Parent,
    /// A centre's operator.
    Operator,
    /// A municipality's admin.
    MunicipalAdmin,
}

/// What can be asked of the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Sign in, sign out, change the language, read the API's description.
    UseTheDoor,
    /// See which centres there are and when they have room.
    Search,
    /// Make a booking of desks.
    BookDesk,
    /// Make a booking that holds care places.
    BookCare,
    /// See a booking.
    SeeBooking,
    /// Cancel a booking.
    CancelBooking,
    /// See and change one's own account: language, PIN, cards.
    KeepAccount,
    /// See and add children.
    KeepChildren,
    /// See a centre's live state.
    SeeLiveCentre,
    /// Read a municipality's report.
    ReadReport,
}

/// On which things a right counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// On all of them.
    Any,
    /// On one's own.
    Own,
    /// On those of the centre that the role was given for.
    TheirCentre,
    /// On those of the municipality that the role was given for.
    TheirMunicipality,
}

/// The whole of it. What is not here is refused.
pub const TABLE: &[(Role, Action, Scope)] = {
    use Action::*;
    use Role::*;
    use Scope::*;
    &[
        (Anyone, UseTheDoor, Any),
        (Anyone, Search, Any),
        (Worker, BookDesk, Own),
        (Worker, SeeBooking, Own),
        (Worker, CancelBooking, Own),
        (Worker, KeepAccount, Own),
        (Parent, BookDesk, Own),
        (Parent, BookCare, Own),
        (Parent, SeeBooking, Own),
        (Parent, CancelBooking, Own),
        (Parent, KeepAccount, Own),
        (Parent, KeepChildren, Own),
        (Operator, SeeLiveCentre, TheirCentre),
        (Operator, SeeBooking, TheirCentre),
        (Operator, CancelBooking, TheirCentre),
        (Operator, KeepAccount, Own),
        (MunicipalAdmin, ReadReport, TheirMunicipality),
        (MunicipalAdmin, KeepAccount, Own),
    ]
};

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The signed-in person, if any.
    pub person: Option<PersonId>,
    /// What they were given to do.
    pub grants: Vec<Grant>,
}

impl Actor {
    /// Nobody in particular.
    #[must_use]
    pub fn nobody() -> Self {
        Self { person: None, grants: Vec::new() }
    }
}

/// What it is asked of; leave out what the thing does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// Whose it is.
    pub owner: Option<PersonId>,
    /// The centre it belongs to.
    pub centre: Option<CentreId>,
    /// The municipality it belongs to.
    pub municipality: Option<MunicipalityId>,
}

impl Target {
    /// A thing of `person`'s.
    #[must_use]
    pub fn of(person: PersonId) -> Self {
        Self { owner: Some(person), ..Self::default() }
    }

    /// A thing of a centre's.
    #[must_use]
    pub fn at(centre: CentreId) -> Self {
        Self { centre: Some(centre), ..Self::default() }
    }

    /// A thing of a municipality's.
    #[must_use]
    pub fn in_municipality(municipality: MunicipalityId) -> Self {
        Self { municipality: Some(municipality), ..Self::default() }
    }
}

/// Whether `actor` may do `action` on `target`.
#[must_use]
pub fn may(actor: &Actor, action: Action, target: &Target) -> bool {
    TABLE.iter().filter(|row| row.1 == action).any(|&(role, _, scope)| {
        if role == Role::Anyone {
            return scope == Scope::Any;
        }
        actor.grants.iter().filter(|grant| role_of(grant) == role).any(|grant| match scope {
            Scope::Any => true,
            Scope::Own => actor.person.is_some() && actor.person == target.owner,
            Scope::TheirCentre => {
                matches!(grant, Grant::Operator { centre } if target.centre == Some(*centre))
            }
            Scope::TheirMunicipality => matches!(
                grant,
                Grant::MunicipalAdmin { municipality } if target.municipality == Some(*municipality)
            ),
        })
    })
}

/// The table's name of a grant.
#[must_use]
pub fn role_of(grant: &Grant) -> Role {
    match grant {
        Grant::Worker => Role::Worker,
        Grant::Parent => Role::Parent,
        Grant::Operator { .. } => Role::Operator,
        Grant::MunicipalAdmin { .. } => Role::MunicipalAdmin,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn rights_end_at_their_bounds() {
        let (me, other) = (PersonId(Uuid::from_u128(1)), PersonId(Uuid::from_u128(2)));
        let (here, there) = (CentreId(Uuid::from_u128(3)), CentreId(Uuid::from_u128(4)));
        let town = MunicipalityId(Uuid::from_u128(5));
        let with = |grant| Actor { person: Some(me), grants: vec![grant] };
        let worker = with(Grant::Worker);
        let operator = with(Grant::Operator { centre: here });
        let admin = with(Grant::MunicipalAdmin { municipality: town });
        let cases = [
            (&worker, Action::BookDesk, Target::of(me), true),
            (&worker, Action::BookDesk, Target::of(other), false),
            (&worker, Action::BookCare, Target::of(me), false),
            (&worker, Action::SeeLiveCentre, Target::at(here), false),
            (&operator, Action::SeeLiveCentre, Target::at(here), true),
            (&operator, Action::SeeLiveCentre, Target::at(there), false),
            (&operator, Action::SeeLiveCentre, Target::default(), false),
            (&operator, Action::BookDesk, Target::of(me), false),
            (&admin, Action::ReadReport, Target::in_municipality(town), true),
            (&admin, Action::ReadReport, Target::default(), false),
            (&Actor::nobody(), Action::Search, Target::default(), true),
            (&Actor::nobody(), Action::SeeBooking, Target::of(me), false),
            (&Actor::nobody(), Action::SeeBooking, Target::default(), false),
        ];
        for (actor, action, target, want) in cases {
            assert_eq!(may(actor, action, &target), want, "{actor:?} {action:?} {target:?}");
        }
    }

    #[test]
    fn no_row_stands_twice() {
        for (i, row) in TABLE.iter().enumerate() {
            assert!(!TABLE[..i].contains(row), "{row:?}");
        }
    }
}
