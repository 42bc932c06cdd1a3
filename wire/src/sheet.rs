//! The day sheet on its way to a site: a signed manifest over hashed sections.
//!
//! The manifest's bytes are signed as they are (Ed25519, RFC 8032), so nobody has to agree on a
//! canonical JSON. A section is fetched by its SHA-256 and checked against it.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use model::day_sheet::{
    CredentialDigest, DaySheet, DeviceKind, SheetBooking, SheetCare, SheetCredential, SheetPerson,
    Site, SiteDevice,
};
use model::id::CentreId;
use model::lease::LeasedSpace;
use ring::digest;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, Signature, UnparsedPublicKey};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::sealing::SectionKey;

/// Where a site asks for the key that its sealed sections open with.
pub const KEY_PATH: &str = "/uplink/v1/sheet/key";
/// The sealed section.
pub const CARE: &str = "care";
/// The section of stopped cards, where there are any.
const STOPPED: &str = "stopped";
/// The section of foreign devices. One of its own, so that a site that knows of none reads the rest.
const THINGS: &str = "things";
/// The section of the walk-in lease. One of its own, so that a site that knows of none reads the rest.
pub const LEASE: &str = "lease";

/// The form of manifest that this program writes and reads.
pub const FORMAT: u32 = 1;

/// What the hub promises about one version of a sheet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// Whose sheet it is.
    pub centre: CentreId,
    /// Rises with every sheet of this centre.
    pub version: u64,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// No new check-ins from this instant on.
    pub not_after: DateTime<Utc>,
    /// What credential digests are keyed with, base64 of 32 bytes.
    pub salt: String,
    /// The public key that later sheets may be signed with, base64, beside today's.
    pub next_key: Option<String>,
    /// The head of the hub's audit chain, once there is one: a site that has seen it will notice a
    /// chain that was cut or written anew.
    pub audit_head: Option<AuditHead>,
    /// The sections, by name.
    pub sections: Vec<SectionRef>,
}

impl Manifest {
    /// Whether it has a section of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.sections.iter().any(|section| section.name == name)
    }
}

/// A section by its name and hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SectionRef {
    /// `house`, `people`, `bookings`, `things`, `stopped`, `lease`, or `care`, which is sealed for its site.
    pub name: String,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
}

/// A manifest and the proof that the hub wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedManifest {
    /// The manifest's JSON bytes, base64.
    pub manifest: String,
    /// Which key signed: its public half, base64.
    pub key: String,
    /// Ed25519 over the manifest's bytes, base64.
    pub signature: String,
}

/// What a site says when a sheet has come into force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SheetAck {
    /// The version in force.
    pub version: u64,
    /// The highest head of the audit chain that the site has seen on any sheet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit_head: Option<AuditHead>,
}

/// A place in the hub's audit chain and the hash there; `12-9f86…` as a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AuditHead {
    /// The place, from 1.
    pub place: u64,
    /// SHA-256 over everything up to it.
    pub hash: [u8; 32],
}

/// Why a text is no [`AuditHead`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a head of the audit chain is a place, '-' and 64 hexadecimal digits")]
pub struct BadAuditHead;

impl AuditHead {
    /// Whether a chain with this head cannot also have had the head `seen`: it is shorter, or
    /// another at the same place.
    #[must_use]
    pub fn contradicts(&self, seen: &Self) -> bool {
        self.place < seen.place || (self.place == seen.place && self.hash != seen.hash)
    }
}

impl fmt::Display for AuditHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.place, HEXLOWER.encode(&self.hash))
    }
}

impl FromStr for AuditHead {
    type Err = BadAuditHead;
    fn from_str(text: &str) -> Result<Self, BadAuditHead> {
        let (place, hash) = text.split_once('-').ok_or(BadAuditHead)?;
        let hash = HEXLOWER.decode(hash.as_bytes()).map_err(|_| BadAuditHead)?;
        let head = Self {
            place: place.parse().map_err(|_| BadAuditHead)?,
            hash: hash.try_into().map_err(|_| BadAuditHead)?,
        };
        if head.to_string() == text { Ok(head) } else { Err(BadAuditHead) }
    }
}

impl TryFrom<String> for AuditHead {
    type Error = BadAuditHead;
    fn try_from(text: String) -> Result<Self, BadAuditHead> {
        text.parse()
    }
}

impl From<AuditHead> for String {
    fn from(head: AuditHead) -> Self {
        head.to_string()
    }
}

/// A sheet ready to be fetched: the manifest, and each section's bytes by hash.
#[derive(Clone, Debug)]
pub struct SealedSheet {
    /// What the site asks for first.
    pub manifest: SignedManifest,
    /// What it asks for by hash.
    pub sections: HashMap<String, Vec<u8>>,
}

/// Why a sheet is not put into force; the last good one stays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SheetRefused {
    /// The manifest is not readable, or of another form.
    #[error("the sheet's manifest cannot be read: {0}")]
    Unreadable(String),
    /// Signed with a key this site does not trust.
    #[error("the sheet is signed with a key that this site does not trust")]
    UnknownKey,
    /// The signature does not fit the manifest.
    #[error("the sheet's signature is wrong")]
    BadSignature,
    /// Made for another centre.
    #[error("the sheet is another centre's")]
    WrongCentre,
    /// Not newer than the one in force.
    #[error("sheet {offered} is not newer than {in_force}, which is in force")]
    NotNewer {
        /// The version in force.
        in_force: u64,
        /// The version offered.
        offered: u64,
    },
    /// Already past its end.
    #[error("the sheet ended at {0}")]
    Expired(DateTime<Utc>),
    /// A section is missing.
    #[error("the sheet's section {0} is missing")]
    Missing(String),
    /// A section's bytes are not those that were signed.
    #[error("the sheet's section {0} is torn")]
    Torn(String),
}

/// The hub's key for signing sheets.
pub struct SheetKey(Ed25519KeyPair);

impl SheetKey {
    /// The key in a PKCS#8 document.
    ///
    /// # Errors
    /// When the document holds no Ed25519 key.
    pub fn from_pkcs8(document: &[u8]) -> Result<Self, ring::error::KeyRejected> {
        Ed25519KeyPair::from_pkcs8(document).map(Self)
    }

    /// A new key as a PKCS#8 document.
    ///
    /// # Errors
    /// When the random source fails.
    pub fn generate(
        random: &dyn ring::rand::SecureRandom,
    ) -> Result<Vec<u8>, ring::error::Unspecified> {
        Ok(Ed25519KeyPair::generate_pkcs8(random)?.as_ref().to_vec())
    }

    /// The public half, base64: what sites trust.
    #[must_use]
    pub fn public(&self) -> String {
        BASE64.encode(self.0.public_key())
    }

    /// Signs bytes that begin with what they are for, so that no signature can stand for another.
    pub(crate) fn sign(&self, bytes: &[u8]) -> Signature {
        self.0.sign(bytes)
    }

    /// Vouches for a head of the audit chain.
    #[must_use]
    pub fn vouch(&self, head: &AuditHead) -> Vec<u8> {
        self.0.sign(vouched(head).as_bytes()).as_ref().to_vec()
    }

    /// Whether this key vouched for a head.
    #[must_use]
    pub fn vouched_for(&self, head: &AuditHead, signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0.public_key())
            .verify(vouched(head).as_bytes(), signature)
            .is_ok()
    }
}

/// No manifest begins like this, so that neither signature can stand for the other.
fn vouched(head: &AuditHead) -> String {
    format!("kyoten: audit head {head}")
}

#[derive(Serialize, Deserialize)]
struct House {
    site: Site,
    devices: Vec<SiteDevice>,
}

#[derive(Serialize, Deserialize)]
struct People {
    credentials: Vec<SheetCredential>,
    people: Vec<SheetPerson>,
}

/// Why a sheet cannot be sealed.
#[derive(Debug, thiserror::Error)]
pub enum NotSealed {
    /// A part cannot be written as JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The cipher takes no more.
    #[error("a section is too long to be sealed")]
    Cipher,
}

/// Signs `sheet`; `salt` is what its credential digests were keyed with, `audit_head` the head of
/// the audit chain by now. What it says of children is sealed with `care_key`.
///
/// # Errors
/// When a part cannot be written or sealed.
pub fn seal(
    sheet: &DaySheet,
    salt: &[u8; 32],
    audit_head: Option<AuditHead>,
    key: &SheetKey,
    care_key: &SectionKey,
) -> Result<SealedSheet, NotSealed> {
    let (things, devices): (Vec<SiteDevice>, Vec<SiteDevice>) =
        sheet.devices.iter().cloned().partition(|device| is_foreign(device.kind));
    let house = House { site: sheet.site.clone(), devices };
    let people = People { credentials: sheet.credentials.clone(), people: sheet.people.clone() };
    let mut named = vec![
        ("house", serde_json::to_vec(&house)?),
        ("people", serde_json::to_vec(&people)?),
        ("bookings", serde_json::to_vec(&sheet.bookings)?),
    ];
    if !things.is_empty() {
        named.push((THINGS, serde_json::to_vec(&things)?));
    }
    if !sheet.stopped.is_empty() {
        named.push((STOPPED, serde_json::to_vec(&sheet.stopped)?));
    }
    if !sheet.lease.is_empty() {
        named.push((LEASE, serde_json::to_vec(&sheet.lease)?));
    }
    if let Some(care) = &sheet.care {
        let sealed = care_key.seal(&serde_json::to_vec(care)?).map_err(|_| NotSealed::Cipher)?;
        named.push((CARE, sealed));
    }
    let refs = named
        .iter()
        .map(|(name, bytes)| SectionRef { name: (*name).to_owned(), sha256: hash(bytes) });
    let manifest = Manifest {
        format: FORMAT,
        centre: sheet.site.centre,
        version: sheet.version,
        made_at: sheet.made_at,
        not_after: sheet.not_after,
        salt: BASE64.encode(salt),
        next_key: None,
        audit_head,
        sections: refs.collect(),
    };
    let bytes = serde_json::to_vec(&manifest)?;
    let signed = SignedManifest {
        manifest: BASE64.encode(&bytes),
        key: key.public(),
        signature: BASE64.encode(key.0.sign(&bytes)),
    };
    let sections = named.into_iter().map(|(_, bytes)| (hash(&bytes), bytes)).collect();
    Ok(SealedSheet { manifest: signed, sections })
}

/// What a site holds a sheet against.
#[derive(Clone, Debug)]
pub struct Trust {
    /// The public keys it takes sheets from, base64.
    pub keys: Vec<String>,
    /// Its centre, once known.
    pub centre: Option<CentreId>,
    /// The version in force, 0 before the first.
    pub in_force: u64,
}

/// Reads a manifest and checks everything but its sections.
///
/// # Errors
/// [`SheetRefused`] says what is wrong with it.
pub fn check(
    signed: &SignedManifest,
    trust: &Trust,
    now: DateTime<Utc>,
) -> Result<Manifest, SheetRefused> {
    let decode =
        |text: &str| BASE64.decode(text).map_err(|e| SheetRefused::Unreadable(e.to_string()));
    if !trust.keys.contains(&signed.key) {
        return Err(SheetRefused::UnknownKey);
    }
    let (bytes, public) = (decode(&signed.manifest)?, decode(&signed.key)?);
    UnparsedPublicKey::new(&ED25519, public)
        .verify(&bytes, &decode(&signed.signature)?)
        .map_err(|_| SheetRefused::BadSignature)?;
    let manifest: Manifest = parse(&bytes)?;
    if manifest.format != FORMAT {
        return Err(SheetRefused::Unreadable(format!(
            "form {}, this program reads {FORMAT}",
            manifest.format
        )));
    }
    if trust.centre.is_some_and(|centre| centre != manifest.centre) {
        return Err(SheetRefused::WrongCentre);
    }
    if manifest.version <= trust.in_force {
        return Err(SheetRefused::NotNewer { in_force: trust.in_force, offered: manifest.version });
    }
    if manifest.not_after <= now {
        return Err(SheetRefused::Expired(manifest.not_after));
    }
    Ok(manifest)
}

/// Puts a checked manifest and its sections together; answers the salt too. Without `care_key` the
/// sheet says nothing of children: doors and desks do not wait for it.
///
/// # Errors
/// [`SheetRefused::Missing`] or [`SheetRefused::Torn`] name the section.
pub fn assemble(
    manifest: &Manifest,
    sections: &HashMap<String, Vec<u8>>,
    care_key: Option<&SectionKey>,
) -> Result<(DaySheet, [u8; 32]), SheetRefused> {
    let salt = BASE64.decode(&manifest.salt).ok().and_then(|salt| salt.try_into().ok());
    let salt =
        salt.ok_or_else(|| SheetRefused::Unreadable("the salt is not 32 bytes".to_owned()))?;
    let mut house: House = section(manifest, sections, "house")?;
    if manifest.has(THINGS) {
        house.devices.extend(section::<Vec<SiteDevice>>(manifest, sections, THINGS)?);
    }
    let people: People = section(manifest, sections, "people")?;
    let bookings: Vec<SheetBooking> = section(manifest, sections, "bookings")?;
    let stopped: Vec<CredentialDigest> = match manifest.has(STOPPED) {
        true => section(manifest, sections, STOPPED)?,
        false => Vec::new(),
    };
    if house.site.centre != manifest.centre {
        return Err(SheetRefused::WrongCentre);
    }
    let lease: Vec<LeasedSpace> =
        if manifest.has(LEASE) { section(manifest, sections, LEASE)? } else { Vec::new() };
    let care: Option<SheetCare> = match care_key.filter(|_| manifest.has(CARE)) {
        Some(key) => {
            let opened = key.open(bytes_of(manifest, sections, CARE)?);
            Some(parse(&opened.map_err(|_| SheetRefused::Torn(CARE.to_owned()))?)?)
        }
        None => None,
    };
    let sheet = DaySheet {
        version: manifest.version,
        made_at: manifest.made_at,
        not_after: manifest.not_after,
        site: house.site,
        devices: house.devices,
        credentials: people.credentials,
        people: people.people,
        bookings,
        care,
        stopped,
        lease,
    };
    Ok((sheet, salt))
}

fn is_foreign(kind: DeviceKind) -> bool {
    matches!(kind, DeviceKind::Thing | DeviceKind::Viewer)
}

fn section<T: DeserializeOwned>(
    manifest: &Manifest,
    sections: &HashMap<String, Vec<u8>>,
    name: &str,
) -> Result<T, SheetRefused> {
    parse(bytes_of(manifest, sections, name)?)
}

fn bytes_of<'s>(
    manifest: &Manifest,
    sections: &'s HashMap<String, Vec<u8>>,
    name: &str,
) -> Result<&'s [u8], SheetRefused> {
    let missing = || SheetRefused::Missing(name.to_owned());
    let wanted =
        manifest.sections.iter().find(|section| section.name == name).ok_or_else(missing)?;
    let bytes = sections.get(&wanted.sha256).ok_or_else(missing)?;
    if hash(bytes) != wanted.sha256 {
        return Err(SheetRefused::Torn(name.to_owned()));
    }
    Ok(bytes)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, SheetRefused> {
    serde_json::from_slice(bytes).map_err(|e| SheetRefused::Unreadable(e.to_string()))
}

fn hash(bytes: &[u8]) -> String {
    HEXLOWER.encode(digest::digest(&digest::SHA256, bytes).as_ref())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use chrono::TimeDelta;
    use model::centre::CentreSettings;
    use model::language::LocalText;
    use uuid::Uuid;

    use super::*;

    fn key() -> SheetKey {
        SheetKey::from_pkcs8(&SheetKey::generate(&ring::rand::SystemRandom::new()).unwrap())
            .unwrap()
    }

    fn care_key() -> SectionKey {
        SectionKey::new([3; 32])
    }

    fn care() -> SheetCare {
        let zone = chrono_tz::Asia::Tokyo;
        let municipality = model::id::MunicipalityId(Uuid::from_u128(3));
        let child = model::day_sheet::SheetChild {
            id: model::id::ChildId(Uuid::from_u128(4)),
            name: "はな".to_owned(),
            born: "2024-05-10".parse().unwrap(),
            guardians: vec![],
            collecting: model::care::file::Collecting::default(),
            health: None,
            key: String::new(),
        };
        let (nurseries, claims, staff) = (vec![], vec![], vec![]);
        SheetCare { zone, municipality, nurseries, children: vec![child], claims, staff }
    }

    fn leased() -> LeasedSpace {
        let (space, starts) = (model::id::SpaceId(Uuid::from_u128(8)), now());
        let when = model::interval::Interval::new(starts, starts + TimeDelta::hours(9)).unwrap();
        LeasedSpace { space, when }
    }

    fn now() -> DateTime<Utc> {
        "2026-11-24T00:00:00Z".parse().unwrap()
    }

    fn sheet(version: u64) -> DaySheet {
        DaySheet {
            version,
            made_at: now(),
            not_after: now() + TimeDelta::days(3),
            site: Site {
                centre: CentreId(Uuid::from_u128(1)),
                slug: "here".parse().unwrap(),
                name: LocalText::new("ここ", "Here"),
                settings: CentreSettings::default(),
                spaces: vec![],
                doors: vec![],
                zone: None,
                holidays: Default::default(),
                sensors: vec![],
            },
            devices: vec![],
            credentials: vec![],
            people: vec![],
            bookings: vec![],
            care: Some(care()),
            stopped: vec![],
            lease: vec![leased()],
        }
    }

    fn trust(key: &SheetKey) -> Trust {
        Trust { keys: vec![key.public()], centre: Some(CentreId(Uuid::from_u128(1))), in_force: 4 }
    }

    fn open(sealed: &SealedSheet, trust: &Trust) -> Result<DaySheet, SheetRefused> {
        Ok(assemble(&check(&sealed.manifest, trust, now())?, &sealed.sections, Some(&care_key()))?
            .0)
    }

    #[test]
    fn a_good_sheet_arrives_whole() {
        let key = key();
        let sealed = seal(&sheet(5), &[7; 32], None, &key, &care_key()).unwrap();
        assert_eq!(open(&sealed, &trust(&key)), Ok(sheet(5)));
    }

    #[test]
    fn stopped_cards_arrive_and_a_sheet_without_them_is_as_before() {
        let key = key();
        let stopped = vec![CredentialDigest([1; 32]), CredentialDigest([2; 32])];
        let with = DaySheet { stopped, ..sheet(5) };
        let sealed = seal(&with, &[7; 32], None, &key, &care_key()).unwrap();
        assert_eq!(open(&sealed, &trust(&key)), Ok(with));
        let plain = seal(&sheet(5), &[7; 32], None, &key, &care_key()).unwrap();
        assert!(!check(&plain.manifest, &trust(&key), now()).unwrap().has(STOPPED));
    }

    #[test]
    fn a_sheet_without_a_lease_is_written_as_before() {
        let key = key();
        let bare = DaySheet { lease: Vec::new(), ..sheet(5) };
        let sealed = seal(&bare, &[7; 32], None, &key, &care_key()).unwrap();
        let manifest = check(&sealed.manifest, &trust(&key), now()).unwrap();
        assert!(!manifest.has(LEASE));
        assert_eq!(open(&sealed, &trust(&key)), Ok(bare.clone()));
        assert!(!serde_json::to_string(&bare).unwrap().contains("lease"));
    }

    #[test]
    fn what_it_says_of_children_is_read_with_the_sites_key_alone() {
        let key = key();
        let sealed = seal(&sheet(5), &[7; 32], None, &key, &care_key()).unwrap();
        let name = "はな".as_bytes();
        let told = |bytes: &Vec<u8>| bytes.windows(name.len()).any(|some| some == name);
        assert!(!sealed.sections.values().any(told));
        let manifest = check(&sealed.manifest, &trust(&key), now()).unwrap();
        let open = |key: Option<&SectionKey>| assemble(&manifest, &sealed.sections, key);
        assert_eq!(open(None).unwrap().0, DaySheet { care: None, ..sheet(5) });
        let another = SectionKey::new([4; 32]);
        assert_eq!(open(Some(&another)), Err(SheetRefused::Torn(CARE.to_owned())));
        let bare = DaySheet { care: None, ..sheet(5) };
        let sealed = seal(&bare, &[7; 32], None, &key, &care_key()).unwrap();
        assert_eq!(self::open(&sealed, &trust(&key)), Ok(bare));
    }

    #[test]
    fn what_is_wrong_with_a_sheet_is_said() {
        let key = key();
        let good = seal(&sheet(5), &[7; 32], None, &key, &care_key()).unwrap();
        let old = seal(&sheet(4), &[7; 32], None, &key, &care_key()).unwrap();
        assert_eq!(
            open(&old, &trust(&key)),
            Err(SheetRefused::NotNewer { in_force: 4, offered: 4 })
        );
        assert_eq!(open(&good, &trust(&self::key())), Err(SheetRefused::UnknownKey));
        let elsewhere = Trust { centre: Some(CentreId(Uuid::from_u128(2))), ..trust(&key) };
        assert_eq!(open(&good, &elsewhere), Err(SheetRefused::WrongCentre));

        let mut forged = good.clone();
        forged.manifest.manifest = old.manifest.manifest.clone();
        assert_eq!(open(&forged, &trust(&key)), Err(SheetRefused::BadSignature));

        let mut torn = good.clone();
        for bytes in torn.sections.values_mut() {
            bytes.pop();
        }
        assert_eq!(open(&torn, &trust(&key)), Err(SheetRefused::Torn("house".to_owned())));
        torn.sections.clear();
        assert_eq!(open(&torn, &trust(&key)), Err(SheetRefused::Missing("house".to_owned())));

        let late = check(&good.manifest, &trust(&key), now() + TimeDelta::days(4));
        assert_eq!(late, Err(SheetRefused::Expired(now() + TimeDelta::days(3))));
    }

    #[test]
    fn garbage_in_any_field_is_refused_without_a_panic() {
        let key = key();
        let good = seal(&sheet(5), &[7; 32], None, &key, &care_key()).unwrap();
        for garbage in ["", "!", "AAAA", "{}", "横浜"] {
            for field in 0..3 {
                let mut bad = good.clone();
                let fields = [
                    &mut bad.manifest.manifest,
                    &mut bad.manifest.key,
                    &mut bad.manifest.signature,
                ];
                garbage.clone_into(fields.into_iter().nth(field).unwrap());
                assert!(open(&bad, &trust(&key)).is_err(), "{garbage} in field {field}");
            }
        }
    }

    #[test]
    fn a_head_has_one_form_and_one_voucher() {
        let head = AuditHead { place: 12, hash: [0x9f; 32] };
        let text = head.to_string();
        assert_eq!(text.parse(), Ok(head));
        let torn = &text[..text.len() - 1];
        for bad in [
            "",
            "12",
            "-",
            torn,
            &text.to_uppercase(),
            &format!("0{text}"),
            &format!("+{text}"),
            "１２-９ｆ",
        ] {
            assert_eq!(bad.parse::<AuditHead>(), Err(BadAuditHead), "{bad}");
        }
        let (ours, theirs) = (key(), key());
        let signature = ours.vouch(&head);
        assert!(ours.vouched_for(&head, &signature));
        assert!(!theirs.vouched_for(&head, &signature));
        assert!(!ours.vouched_for(&AuditHead { place: 13, ..head }, &signature));
        assert!(!ours.vouched_for(&head, b""));

        let later = AuditHead { place: 13, hash: [1; 32] };
        let other = AuditHead { hash: [2; 32], ..head };
        assert!(head.contradicts(&later) && other.contradicts(&head));
        assert!(!later.contradicts(&head) && !head.contradicts(&head));
    }
}
