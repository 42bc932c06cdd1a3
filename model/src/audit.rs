//! The record of who did what: its words.

use serde::{Deserialize, Serialize};

use crate::id::{DeviceId, PersonId};

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditAction {
    /// Somebody signed in.
    SignedIn,
    /// A sign-in was refused.
    SignInRefused,
    /// Somebody signed out.
    SignedOut,
    /// Sessions were ended from elsewhere.
    SessionsEnded,
    /// A password was set.
    PasswordChanged,
    /// A second factor or passkey was added.
    FactorAdded,
    /// A second factor or passkey was taken away.
    FactorRemoved,
    /// A program's token was made.
    TokenMade,
    /// A program's token was taken back.
    TokenRevoked,
    /// A site told of a card that wants to be somebody's.
    CardOffered,
    /// A card became somebody's.
    CardAdded,
    /// A card was told as lost.
    CardLost,
    /// A card was blocked.
    CardBlocked,
    /// A block was lifted.
    CardUnblocked,
    /// A card took another's place.
    CardReplaced,
    /// The region's card key moved on.
    CardKeyRotated,
    /// A one-time code was made, by which a device gets its certificate.
    DeviceCodeMade,
    /// A device got its certificate.
    DeviceEnrolled,
    /// A device was shut out.
    DeviceRevoked,
    /// A device's certificate was renewed.
    CertificateRenewed,
    /// Somebody's roles were changed.
    RolesChanged,
    /// Somebody joined an employer.
    MemberAdded,
    /// Somebody left an employer.
    MemberRemoved,
    /// How an organisation signs in was changed.
    SignInSettingsChanged,
    /// Somebody looked at a child's health, allergies or contacts.
    ChildHealthSeen,
    /// A child's health, allergies or contacts were changed.
    ChildHealthChanged,
    /// A household got another guardian.
    GuardianAdded,
    /// Somebody was named who may collect a child.
    CollectorNamed,
    /// Their own account says who they are from now on.
    CollectorLinked,
    /// Somebody is named no more.
    CollectorRemoved,
    /// Somebody was barred from collecting a child.
    CollectingBarred,
    /// A bar was lifted.
    CollectingBarLifted,
    /// A nursery noted a document or an interview.
    CareFileChanged,
    /// Somebody looked at which children a nursery cares for.
    NurseryDaySeen,
    /// A child was brought and taken into care.
    ChildBrought,
    /// A child was handed to whoever collected it.
    ChildHandedOver,
    /// Somebody wanted to collect a child and did not get it.
    HandOverRefused,
    /// A child was taken off the count of those in care by hand.
    CareRecordPutRight,
    /// A nursery noted that an incident was reported on.
    IncidentReported,
    /// Somebody read this record.
    AuditRead,
    /// Somebody took a copy of data with them.
    DataExported,
    /// A person was erased.
    PersonErased,
    /// A guardian consented.
    ConsentGiven,
    /// A guardian took their consent back.
    ConsentWithdrawn,
    /// What was kept long enough was deleted or made anonymous.
    DataForgotten,
    /// The keys of sealed data moved on.
    KeysRotated,
    /// A rule set of childcare was kept.
    CareRulesAdded,
    /// A scheme that care is given under was kept.
    CareSchemeAdded,
    /// It was decided what a nursery's children are admitted by.
    NurseryStaffed,
    /// It was decided what a nursery gives and asks: its hours, hand-overs and schemes.
    NurseryTermsSet,
    /// It was decided what doors are and when they open.
    DoorPlansSet,
    /// A centre was given sensors.
    SensorsSet,
    /// Settings were sent to a centre's edge.
    EdgeSettingsSent,
    /// A nursery's shifts were replaced.
    RosterPut,
    /// An operator cancelled somebody's booking for them.
    BookingCancelledForGuest,
    /// An operator gave somebody's booking another time for them.
    BookingChangedForGuest,
    /// A booking that waited for it was approved.
    BookingApproved,
    /// A booking that waited for it was not approved.
    BookingDeclined,
    /// A centre or one of its spaces was closed for a while.
    CentreClosed,
    /// A closure was taken back.
    CentreReopened,
    /// The rules of a house, or of an employer, were changed.
    HouseRulesChanged,
    /// It was decided how much may be booked.
    QuotaAdded,
    /// A quota was ended.
    QuotaEnded,
    /// Something was ordered of a site.
    SiteOrdered,
    /// A site said what became of an order.
    SiteOrderAnswered,
    /// Something was noticed about what a site tells, or who tells it.
    SiteAlarmRaised,
}

impl AuditAction {
    /// Every action.
    pub const ALL: [Self; 66] = {
        use AuditAction::*;
        [
            SignedIn,
            SignInRefused,
            SignedOut,
            SessionsEnded,
            PasswordChanged,
            FactorAdded,
            FactorRemoved,
            TokenMade,
            TokenRevoked,
            CardOffered,
            CardAdded,
            CardLost,
            CardBlocked,
            CardUnblocked,
            CardReplaced,
            CardKeyRotated,
            DeviceCodeMade,
            DeviceEnrolled,
            DeviceRevoked,
            CertificateRenewed,
            RolesChanged,
            MemberAdded,
            MemberRemoved,
            SignInSettingsChanged,
            ChildHealthSeen,
            ChildHealthChanged,
            GuardianAdded,
            CollectorNamed,
            CollectorLinked,
            CollectorRemoved,
            CollectingBarred,
            CollectingBarLifted,
            CareFileChanged,
            NurseryDaySeen,
            ChildBrought,
            ChildHandedOver,
            HandOverRefused,
            CareRecordPutRight,
            IncidentReported,
            AuditRead,
            DataExported,
            PersonErased,
            ConsentGiven,
            ConsentWithdrawn,
            DataForgotten,
            KeysRotated,
            CareRulesAdded,
            CareSchemeAdded,
            NurseryStaffed,
            NurseryTermsSet,
            DoorPlansSet,
            SensorsSet,
            EdgeSettingsSent,
            RosterPut,
            BookingCancelledForGuest,
            BookingChangedForGuest,
            BookingApproved,
            BookingDeclined,
            CentreClosed,
            CentreReopened,
            HouseRulesChanged,
            QuotaAdded,
            QuotaEnded,
            SiteOrdered,
            SiteOrderAnswered,
            SiteAlarmRaised,
        ]
    };
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditActor {
    /// A signed-in person.
    Person(PersonId),
    /// A device of a site.
    Device(DeviceId),
    /// The hub's own jobs, or whoever has its command line.
    Hub,
    /// Somebody who is not signed in.
    Nobody,
}
