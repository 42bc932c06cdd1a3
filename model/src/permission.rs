//! Who may do what, on what: one table, asked by every route, request and job, closed by default.

use serde::{Deserialize, Serialize};

use crate::day_sheet::DeviceKind;
use crate::id::{CentreId, EmployerId, MunicipalityId, NurseryId, PersonId};
use crate::people::Grant;

/// A role as the table names it; a [`Grant`] bounds it to a centre, an employer, a town.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Nobody is signed in, or it does not matter who.
    Anyone,
    /// Anybody signed in, whatever else they were given.
    Person,
    /// 利用者
    Worker,
    /// 保護者
    Parent,
    /// 住民
    Resident,
    /// An employer's admin.
    EmployerAdmin,
    /// A centre's operator.
    Operator,
    /// 保育者
    NurseryStaff,
    /// A municipality's admin.
    MunicipalAdmin,
    /// The hub's admin.
    SystemAdmin,
    /// The device that runs a site.
    Edge,
    /// The screen in the lobby.
    Kiosk,
    /// The terminal at a desk.
    Seat,
    /// The screen of a nursery's staff.
    StaffScreen,
    /// A foreign device of a site: a sensor, a lock.
    Thing,
    /// A program that looks on at a site.
    Viewer,
    /// The hub's own jobs.
    Clockwork,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 17] = [
        Self::Anyone,
        Self::Person,
        Self::Worker,
        Self::Parent,
        Self::Resident,
        Self::EmployerAdmin,
        Self::Operator,
        Self::NurseryStaff,
        Self::MunicipalAdmin,
        Self::SystemAdmin,
        Self::Edge,
        Self::Kiosk,
        Self::Seat,
        Self::StaffScreen,
        Self::Thing,
        Self::Viewer,
        Self::Clockwork,
    ];

    /// Whether it only counts for those who have shown a second factor: it reaches other people's
    /// things.
    #[must_use]
    pub fn needs_second_factor(self) -> bool {
        use Role::*;
        matches!(self, EmployerAdmin | Operator | NurseryStaff | MunicipalAdmin | SystemAdmin)
    }
}

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
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
    /// Show a booking's voucher, which opens doors: its guest alone, and no program for them.
    CarryVoucher,
    /// Give a booking another time, place or number, and confirm what is held.
    ChangeBooking,
    /// Cancel a booking.
    CancelBooking,
    /// Approve a booking that waits for it, or not.
    ApproveBooking,
    /// Decide when a centre or its spaces are closed, and its house rules.
    ManageHouse,
    /// Decide how much may be booked.
    ManageQuotas,
    /// See and change one's own account: name, language, PIN, telephone, consents; take it away.
    KeepAccount,
    /// Keep what one signs in with: password, second factors, passkeys, sessions, API tokens.
    KeepSignIn,
    /// Add, lose and give up one's own cards.
    KeepCards,
    /// See and add the children of one's household, and who answers for them.
    KeepChildren,
    /// See a child's health, allergies and contacts.
    SeeChildHealth,
    /// See which children a nursery cares for about now, and who comes to talk first.
    SeeNurseryDay,
    /// Decide who works at a nursery, and when.
    ManageShifts,
    /// Decide a nursery's rooms, the rules it is under, its hours, hand-overs and schemes.
    ManageNursery,
    /// Note in a child's care file what a nursery has seen: documents, interviews, orders of a court.
    KeepCareFiles,
    /// See a centre's live state.
    SeeLiveCentre,
    /// Order something of a centre's site, now: open a door, lock the house, empty it, end a visit.
    OrderSite,
    /// Issue, block and replace the cards of a centre's guests.
    ManageCards,
    /// Enrol and revoke a centre's devices.
    ManageDevices,
    /// See the visits that an employer pays for.
    SeePaidVisits,
    /// Keep an employer's workers, and how they sign in.
    ManageMembers,
    /// Give and take roles.
    ManagePeople,
    /// Read a municipality's report.
    ReadReport,
    /// Read the record of who did what.
    ReadAudit,
    /// Renew the certificate that one calls with.
    RenewCertificate,
    /// Fetch a site's day sheet and acknowledge it.
    FetchSheet,
    /// Tell what happened at a site.
    TellEvents,
    /// Tell the hub of a card that wants to be somebody's.
    OfferCard,
    /// Ask the site on behalf of whoever stands at the kiosk.
    AskSite,
    /// Ask the site on behalf of a nursery's staff who have signed in at the screen.
    RunNursery,
    /// Take commands for a terminal and tell its state.
    RunTerminal,
    /// Say what a foreign device measures or how it stands, and be set by the edge.
    RunThing,
    /// Release the desks of guests who have not come.
    ReleaseNoShows,
    /// Keep spaces for whoever comes without a booking, and free what a site has given back.
    KeepLeases,
    /// Delete or anonymise what was kept long enough.
    ForgetOldData,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 40] = {
        use Action::*;
        [
            UseTheDoor,
            Search,
            BookDesk,
            BookCare,
            SeeBooking,
            CarryVoucher,
            ChangeBooking,
            CancelBooking,
            ApproveBooking,
            ManageHouse,
            ManageQuotas,
            KeepAccount,
            KeepSignIn,
            KeepCards,
            KeepChildren,
            SeeChildHealth,
            SeeNurseryDay,
            ManageShifts,
            ManageNursery,
            KeepCareFiles,
            SeeLiveCentre,
            OrderSite,
            ManageCards,
            ManageDevices,
            SeePaidVisits,
            ManageMembers,
            ManagePeople,
            ReadReport,
            ReadAudit,
            RenewCertificate,
            FetchSheet,
            TellEvents,
            OfferCard,
            AskSite,
            RunNursery,
            RunTerminal,
            RunThing,
            ReleaseNoShows,
            KeepLeases,
            ForgetOldData,
        ]
    };

    /// Which scope a program's token needs for it; none where no token will do.
    #[must_use]
    pub fn token_scope(self) -> Option<TokenScope> {
        use Action::*;
        match self {
            Search | SeeBooking => Some(TokenScope::Read),
            BookDesk | BookCare | ChangeBooking | CancelBooking => Some(TokenScope::Book),
            ReadReport | SeePaidVisits => Some(TokenScope::Report),
            ManageMembers => Some(TokenScope::Members),
            _ => None,
        }
    }
}

/// What a program's token may be used for; nothing beyond what its person may do themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenScope {
    /// See centres and one's bookings.
    Read,
    /// Make and cancel bookings.
    Book,
    /// Read reports.
    Report,
    /// Keep an employer's members (SCIM).
    Members,
}

impl TokenScope {
    /// Every scope.
    pub const ALL: [Self; 4] = [Self::Read, Self::Book, Self::Report, Self::Members];
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
    /// On those of the nursery that the role was given for.
    TheirNursery,
    /// On those of the employer that the role was given for.
    TheirEmployer,
    /// On those of the municipality that the role was given for.
    TheirMunicipality,
    /// On one's own, in the municipality that the role was given for.
    OwnInTheirMunicipality,
}

/// The whole of it. What is not here is refused.
pub const TABLE: &[(Role, Action, Scope)] = {
    use Action::*;
    use Role::*;
    use Scope::*;
    &[
        (Anyone, UseTheDoor, Any),
        (Anyone, Search, Any),
        (Person, KeepAccount, Own),
        (Person, KeepSignIn, Own),
        (Person, ReadAudit, Own),
        (Worker, BookDesk, Own),
        (Worker, SeeBooking, Own),
        (Worker, CarryVoucher, Own),
        (Worker, ChangeBooking, Own),
        (Worker, CancelBooking, Own),
        (Worker, KeepCards, Own),
        (Resident, BookDesk, OwnInTheirMunicipality),
        (Resident, SeeBooking, Own),
        (Resident, CarryVoucher, Own),
        (Resident, ChangeBooking, Own),
        (Resident, CancelBooking, Own),
        (Resident, KeepCards, Own),
        (Parent, BookDesk, Own),
        (Parent, BookCare, Own),
        (Parent, SeeBooking, Own),
        (Parent, CarryVoucher, Own),
        (Parent, ChangeBooking, Own),
        (Parent, CancelBooking, Own),
        (Parent, KeepCards, Own),
        (Parent, KeepChildren, Own),
        (Parent, SeeChildHealth, Own),
        (EmployerAdmin, SeePaidVisits, TheirEmployer),
        (EmployerAdmin, ManageMembers, TheirEmployer),
        (EmployerAdmin, ApproveBooking, TheirEmployer),
        (EmployerAdmin, ManageQuotas, TheirEmployer),
        (Operator, SeeLiveCentre, TheirCentre),
        (Operator, OrderSite, TheirCentre),
        (Operator, SeeBooking, TheirCentre),
        (Operator, ChangeBooking, TheirCentre),
        (Operator, CancelBooking, TheirCentre),
        (Operator, ApproveBooking, TheirCentre),
        (Operator, ManageHouse, TheirCentre),
        (Operator, ManageShifts, TheirCentre),
        (Operator, ManageNursery, TheirCentre),
        (Operator, ManageCards, TheirCentre),
        (Operator, KeepCards, Own),
        (Operator, ManageDevices, TheirCentre),
        (Operator, ReadAudit, TheirCentre),
        (NurseryStaff, SeeChildHealth, TheirNursery),
        (NurseryStaff, SeeNurseryDay, TheirNursery),
        (NurseryStaff, ManageShifts, TheirNursery),
        (NurseryStaff, KeepCareFiles, TheirNursery),
        (NurseryStaff, KeepCards, Own),
        (MunicipalAdmin, ReadReport, TheirMunicipality),
        (SystemAdmin, ManagePeople, Any),
        (SystemAdmin, ManageQuotas, Any),
        (SystemAdmin, ManageDevices, Any),
        (SystemAdmin, ReadAudit, Any),
        (Edge, RenewCertificate, Own),
        (Edge, FetchSheet, TheirCentre),
        (Edge, TellEvents, TheirCentre),
        (Edge, OfferCard, TheirCentre),
        (Kiosk, RenewCertificate, Own),
        (Kiosk, AskSite, TheirCentre),
        (StaffScreen, RenewCertificate, Own),
        (StaffScreen, RunNursery, TheirCentre),
        (Thing, RenewCertificate, Own),
        (Thing, RunThing, TheirCentre),
        (Viewer, RenewCertificate, Own),
        (Seat, RenewCertificate, Own),
        (Seat, RunTerminal, TheirCentre),
        (Clockwork, ReleaseNoShows, Any),
        (Clockwork, KeepLeases, Any),
        (Clockwork, ForgetOldData, Any),
    ]
};

/// Who asks. The default is nobody in particular.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actor {
    /// The signed-in person, if any.
    pub person: Option<PersonId>,
    /// What they were given to do and may do now.
    pub grants: Vec<Grant>,
    /// What a program's token limits them to; none where they act themselves.
    pub token: Option<Vec<TokenScope>>,
    /// A device, and the centre it stands in.
    pub device: Option<(DeviceKind, CentreId)>,
    /// The hub itself.
    pub clockwork: bool,
}

impl Actor {
    /// Nobody in particular.
    #[must_use]
    pub fn nobody() -> Self {
        Self::default()
    }

    /// Somebody with what they were given to do.
    #[must_use]
    pub fn person(person: PersonId, grants: Vec<Grant>) -> Self {
        Self { person: Some(person), grants, ..Self::default() }
    }

    /// An enrolled device of a centre.
    #[must_use]
    pub fn device(kind: DeviceKind, centre: CentreId) -> Self {
        Self { device: Some((kind, centre)), ..Self::default() }
    }

    /// The hub's own jobs.
    #[must_use]
    pub fn clockwork() -> Self {
        Self { clockwork: true, ..Self::default() }
    }
}

/// What it is asked of; leave out what the thing does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// Whose it is.
    pub owner: Option<PersonId>,
    /// The centre it belongs to.
    pub centre: Option<CentreId>,
    /// The nursery it belongs to.
    pub nursery: Option<NurseryId>,
    /// The employer it belongs to.
    pub employer: Option<EmployerId>,
    /// The municipality it belongs to.
    pub municipality: Option<MunicipalityId>,
    /// Whether it is the asking device's own.
    pub own_device: bool,
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

    /// A thing of a nursery's.
    #[must_use]
    pub fn in_nursery(nursery: NurseryId) -> Self {
        Self { nursery: Some(nursery), ..Self::default() }
    }

    /// A thing of an employer's.
    #[must_use]
    pub fn of_employer(employer: EmployerId) -> Self {
        Self { employer: Some(employer), ..Self::default() }
    }

    /// A thing of a municipality's.
    #[must_use]
    pub fn in_municipality(municipality: MunicipalityId) -> Self {
        Self { municipality: Some(municipality), ..Self::default() }
    }

    /// The asking device itself.
    #[must_use]
    pub fn itself() -> Self {
        Self { own_device: true, ..Self::default() }
    }
}

/// Whether `actor` may do `action` on `target`.
#[must_use]
pub fn may(actor: &Actor, action: Action, target: &Target) -> bool {
    if let Some(scopes) = &actor.token
        && !action.token_scope().is_some_and(|scope| scopes.contains(&scope))
    {
        return false;
    }
    TABLE.iter().filter(|row| row.1 == action).any(|&(role, _, scope)| match role {
        Role::Anyone => scope == Scope::Any,
        Role::Person => scope == Scope::Own && owns(actor, target),
        Role::Edge | Role::Kiosk | Role::Seat | Role::StaffScreen | Role::Thing | Role::Viewer => {
            device_may(actor, role, scope, target)
        }
        Role::Clockwork => actor.clockwork && scope == Scope::Any,
        _ => actor
            .grants
            .iter()
            .any(|grant| role_of(grant) == role && covers(grant, scope, actor, target)),
    })
}

fn owns(actor: &Actor, target: &Target) -> bool {
    actor.person.is_some() && actor.person == target.owner
}

fn covers(grant: &Grant, scope: Scope, actor: &Actor, target: &Target) -> bool {
    let in_town = |municipality| target.municipality == Some(municipality);
    match (scope, *grant) {
        (Scope::Any, _) => true,
        (Scope::Own, _) => owns(actor, target),
        (Scope::TheirCentre, Grant::Operator { centre }) => target.centre == Some(centre),
        (Scope::TheirNursery, Grant::NurseryStaff { nursery }) => target.nursery == Some(nursery),
        (Scope::TheirEmployer, Grant::EmployerAdmin { employer }) => {
            target.employer == Some(employer)
        }
        (Scope::TheirMunicipality, Grant::MunicipalAdmin { municipality }) => in_town(municipality),
        (Scope::OwnInTheirMunicipality, Grant::Resident { municipality }) => {
            owns(actor, target) && in_town(municipality)
        }
        _ => false,
    }
}

fn device_may(actor: &Actor, role: Role, scope: Scope, target: &Target) -> bool {
    actor.device.is_some_and(|(kind, centre)| {
        role_of_device(kind) == role
            && match scope {
                Scope::Own => target.own_device,
                Scope::TheirCentre => target.centre == Some(centre),
                _ => false,
            }
    })
}

/// The table's name of a grant.
#[must_use]
pub fn role_of(grant: &Grant) -> Role {
    match grant {
        Grant::Worker { .. } => Role::Worker,
        Grant::Parent => Role::Parent,
        Grant::Resident { .. } => Role::Resident,
        Grant::EmployerAdmin { .. } => Role::EmployerAdmin,
        Grant::Operator { .. } => Role::Operator,
        Grant::NurseryStaff { .. } => Role::NurseryStaff,
        Grant::MunicipalAdmin { .. } => Role::MunicipalAdmin,
        Grant::SystemAdmin => Role::SystemAdmin,
    }
}

/// The table's name of a device.
#[must_use]
pub fn role_of_device(kind: DeviceKind) -> Role {
    match kind {
        DeviceKind::Edge => Role::Edge,
        DeviceKind::Kiosk => Role::Kiosk,
        DeviceKind::Seat => Role::Seat,
        DeviceKind::Staff => Role::StaffScreen,
        DeviceKind::Thing => Role::Thing,
        DeviceKind::Viewer => Role::Viewer,
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
        let (firm, rival) = (EmployerId(Uuid::from_u128(6)), EmployerId(Uuid::from_u128(7)));
        let nursery = NurseryId(Uuid::from_u128(8));
        let with = |grant| Actor::person(me, vec![grant]);
        let worker = with(Grant::Worker { employer: None });
        let operator = with(Grant::Operator { centre: here });
        let admin = with(Grant::MunicipalAdmin { municipality: town });
        let resident = with(Grant::Resident { municipality: town });
        let boss = with(Grant::EmployerAdmin { employer: firm });
        let carer = with(Grant::NurseryStaff { nursery });
        let system = with(Grant::SystemAdmin);
        let edge = Actor::device(DeviceKind::Edge, here);
        let screen = Actor::device(DeviceKind::Staff, here);
        let thing = Actor::device(DeviceKind::Thing, here);
        let mine_in_town = Target { municipality: Some(town), ..Target::of(me) };
        let cases = [
            (&resident, Action::BookDesk, mine_in_town, true),
            (&resident, Action::BookDesk, Target::of(me), false),
            (&boss, Action::SeePaidVisits, Target::of_employer(firm), true),
            (&boss, Action::SeePaidVisits, Target::of_employer(rival), false),
            (&boss, Action::SeeBooking, Target::of(other), false),
            (&carer, Action::SeeChildHealth, Target::in_nursery(nursery), true),
            (&carer, Action::SeeChildHealth, Target::of(other), false),
            (&operator, Action::SeeChildHealth, Target::at(here), false),
            (&operator, Action::ReadAudit, Target::at(there), false),
            (&system, Action::ReadAudit, Target::at(there), true),
            (&system, Action::SeeChildHealth, Target::in_nursery(nursery), false),
            (&system, Action::KeepSignIn, Target::of(me), true),
            (&system, Action::KeepSignIn, Target::of(other), false),
            (&edge, Action::FetchSheet, Target::at(here), true),
            (&edge, Action::FetchSheet, Target::at(there), false),
            (&edge, Action::AskSite, Target::at(here), false),
            (&screen, Action::RunNursery, Target::at(here), true),
            (&screen, Action::RunNursery, Target::at(there), false),
            (&screen, Action::AskSite, Target::at(here), false),
            (&edge, Action::RunNursery, Target::at(here), false),
            (&thing, Action::RunThing, Target::at(here), true),
            (&thing, Action::RunThing, Target::at(there), false),
            (&thing, Action::AskSite, Target::at(here), false),
            (&edge, Action::RunThing, Target::at(here), false),
            (&Actor::clockwork(), Action::ReleaseNoShows, Target::default(), true),
            (&system, Action::ReleaseNoShows, Target::default(), false),
            (&Actor::clockwork(), Action::KeepLeases, Target::default(), true),
            (&system, Action::KeepLeases, Target::default(), false),
            (&worker, Action::BookDesk, Target::of(me), true),
            (&worker, Action::BookDesk, Target::of(other), false),
            (&worker, Action::BookCare, Target::of(me), false),
            (&worker, Action::SeeLiveCentre, Target::at(here), false),
            (&operator, Action::SeeLiveCentre, Target::at(here), true),
            (&operator, Action::SeeLiveCentre, Target::at(there), false),
            (&operator, Action::SeeLiveCentre, Target::default(), false),
            (&operator, Action::OrderSite, Target::at(here), true),
            (&operator, Action::OrderSite, Target::at(there), false),
            (&system, Action::OrderSite, Target::at(there), false),
            (&carer, Action::OrderSite, Target::at(here), false),
            (&edge, Action::OrderSite, Target::at(here), false),
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
    fn a_token_gives_no_more_than_its_scopes_and_its_person() {
        let me = PersonId(Uuid::from_u128(1));
        let with = |scopes: &[TokenScope]| Actor {
            token: Some(scopes.to_vec()),
            ..Actor::person(me, vec![Grant::Worker { employer: None }])
        };
        let own = Target::of(me);
        assert!(may(&with(&[TokenScope::Book]), Action::BookDesk, &own));
        assert!(!may(&with(&[TokenScope::Read]), Action::BookDesk, &own));
        assert!(!may(&with(&TokenScope::ALL), Action::BookCare, &own));
        assert!(!may(&with(&TokenScope::ALL), Action::KeepSignIn, &own));
        assert!(!may(&with(&[]), Action::Search, &Target::default()));
    }

    #[test]
    fn every_action_is_somebodys_and_every_role_has_one() {
        for action in Action::ALL {
            assert!(TABLE.iter().any(|row| row.1 == action), "{action:?}");
        }
        for role in Role::ALL {
            assert!(TABLE.iter().any(|row| row.0 == role), "{role:?}");
        }
    }

    #[test]
    fn no_row_stands_twice() {
        for (i, row) in TABLE.iter().enumerate() {
            assert!(!TABLE[..i].contains(row), "{row:?}");
        }
    }
}
