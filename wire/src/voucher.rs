//! A voucher on its way to a site: as a QR code, through a scanner, without the network.
//!
//! ```text
//! "KY1" base32( key id [4]  body  Ed25519 signature [64] )
//! body: booking [16]  centre [16]  person [16]  language [1]  version [4]  issued at, ms [6]
//!       code [4]  children [1]  spaces [1]  each space [16]
//!       first start, minutes since 1970 [4]  claims [1]
//!       each claim: space's number [1]  minutes after the first start [2]  length in minutes [2]
//! ```
//!
//! Letters and digits only: a scanner that types as a keyboard sends keys, and with another layout a
//! sign comes out as another sign. They are also the QR code's own alphabet of 5.5 bits a letter, so
//! base32 costs little: a day with one desk is 258 letters, 53 x 53 squares.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, TimeDelta, Utc};
use data_encoding::BASE32_NOPAD;
use model::booking::BookingCode;
use model::day_sheet::SheetDesk;
use model::id::{BookingId, CentreId, PersonId, SpaceId};
use model::interval::Interval;
use model::language::Language;
use model::voucher::Voucher;
use ring::digest;
use ring::signature::{ED25519, UnparsedPublicKey};
use uuid::Uuid;

use crate::sheet::SheetKey;

/// What every voucher begins with; the digit is its form.
pub const MARK: &str = "KY1";
/// The most claims in one voucher.
pub const MOST_CLAIMS: usize = 64;
/// The most spaces in one voucher.
pub const MOST_SPACES: usize = 32;
/// The longest text that is looked at, in bytes: the longest voucher in full-width letters, with room
/// for what a scanner puts around it.
pub const LONGEST: usize = 5 * 1024;

/// The key's name: the first bytes of the SHA-256 of its public half.
const KEY_ID: usize = 4;
const SIGNATURE: usize = 64;
/// So far behind the plain letters and digits stand the full-width ones.
const FULL_WIDTH: u32 = 0xFEE0;
/// No manifest and no other signed text begins like this.
const DOMAIN: &[u8] = b"kyoten: voucher KY1 ";

/// Why a voucher cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooMuch {
    /// More than a code that telephones show can hold.
    #[error("a voucher holds 1 to {MOST_CLAIMS} claims on at most {MOST_SPACES} spaces")]
    Claims,
    /// A time or number that the form has no room for.
    #[error("a voucher's claims begin and end on whole minutes of one day")]
    Times,
}

/// Why a text is not taken as a voucher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VoucherRefused {
    /// Something else was scanned.
    #[error("that is no voucher: a voucher begins with {MARK}")]
    NotOne,
    /// A newer program wrote it.
    #[error("the voucher is of a form that this program does not read")]
    OtherForm,
    /// Longer than any.
    #[error("the text is longer than any voucher")]
    TooLong,
    /// Letters are missing, too many or other ones.
    #[error("the voucher is torn: scan all of it once more")]
    Torn,
    /// Another region's, or an old key's.
    #[error("the voucher is signed with a key that this site does not trust")]
    UnknownKey,
    /// The signature does not fit.
    #[error("the voucher's signature is wrong")]
    BadSignature,
}

/// Signs a voucher, as the text of its QR code.
///
/// # Errors
/// [`TooMuch`] when it has no claims or more than it can hold.
pub fn seal(voucher: &Voucher, key: &SheetKey) -> Result<String, TooMuch> {
    let body = write(voucher)?;
    let public = BASE64.decode(key.public()).unwrap_or_default();
    let mut bytes = key_id(&public).to_vec();
    bytes.extend_from_slice(&body);
    let signature = key.sign(&signed(&bytes));
    bytes.extend_from_slice(signature.as_ref());
    Ok(format!("{MARK}{}", BASE32_NOPAD.encode(&bytes)))
}

/// Reads a voucher as scanners give it, with space around it, in small or full-width letters, and
/// checks its signature against `keys`, the public keys that are trusted (base64).
///
/// # Errors
/// [`VoucherRefused`] for everything else.
pub fn open(text: &str, keys: &[String]) -> Result<Voucher, VoucherRefused> {
    use VoucherRefused::{BadSignature, NotOne, OtherForm, TooLong, Torn, UnknownKey};
    if text.len() > LONGEST {
        return Err(TooLong);
    }
    let text = plain(text);
    let Some(coded) = text.strip_prefix(MARK) else {
        let later = text.strip_prefix("KY").and_then(|rest| rest.chars().next());
        return Err(if later.is_some_and(|c| c.is_ascii_digit()) { OtherForm } else { NotOne });
    };
    let bytes = BASE32_NOPAD.decode(coded.as_bytes()).map_err(|_| Torn)?;
    let at = bytes.len().checked_sub(SIGNATURE).ok_or(Torn)?;
    let (told, signature) = bytes.split_at(at);
    let (id, body) = told.split_at_checked(KEY_ID).ok_or(Torn)?;
    let publics = keys.iter().filter_map(|key| BASE64.decode(key).ok());
    let mut trusted = publics.filter(|public| key_id(public) == id).peekable();
    if trusted.peek().is_none() {
        return Err(UnknownKey);
    }
    let message = signed(told);
    if !trusted
        .any(|public| UnparsedPublicKey::new(&ED25519, public).verify(&message, signature).is_ok())
    {
        return Err(BadSignature);
    }
    read(body).ok_or(Torn)
}

/// Small and full-width letters and digits made plain, without what scanners put around.
fn plain(text: &str) -> String {
    let around = |c: char| c.is_whitespace() || c.is_control();
    let narrow = |c: char| match c {
        '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ' => {
            char::from_u32(u32::from(c) - FULL_WIDTH).unwrap_or(c)
        }
        _ => c,
    };
    text.trim_matches(around).chars().map(|c| narrow(c).to_ascii_uppercase()).collect()
}

fn signed(told: &[u8]) -> Vec<u8> {
    [DOMAIN, told].concat()
}

fn key_id(public: &[u8]) -> [u8; KEY_ID] {
    let mut id = [0; KEY_ID];
    for (to, from) in id.iter_mut().zip(digest::digest(&digest::SHA256, public).as_ref()) {
        *to = *from;
    }
    id
}

fn write(voucher: &Voucher) -> Result<Vec<u8>, TooMuch> {
    let mut spaces: Vec<SpaceId> = voucher.desks.iter().map(|desk| desk.space).collect();
    spaces.sort();
    spaces.dedup();
    if !(1..=MOST_CLAIMS).contains(&voucher.desks.len()) || spaces.len() > MOST_SPACES {
        return Err(TooMuch::Claims);
    }
    let starts = voucher.desks.iter().map(|desk| desk.when.starts());
    let first = starts.min().ok_or(TooMuch::Claims)?;
    let mut body = Vec::new();
    for id in [voucher.booking.0, voucher.centre.0, voucher.person.0] {
        body.extend_from_slice(id.as_bytes());
    }
    body.push(match voucher.language {
        Language::Ja => 0,
        Language::En => 1,
    });
    body.extend_from_slice(&voucher.version.to_be_bytes());
    let issued = u64::try_from(voucher.issued_at.timestamp_millis()).map_err(|_| TooMuch::Times)?;
    let [0, 0, issued @ ..] = issued.to_be_bytes() else { return Err(TooMuch::Times) };
    body.extend_from_slice(&issued);
    body.extend_from_slice(&voucher.code.number().to_be_bytes());
    body.push(u8::try_from(voucher.children).map_err(|_| TooMuch::Claims)?);
    body.push(u8::try_from(spaces.len()).map_err(|_| TooMuch::Claims)?);
    for space in &spaces {
        body.extend_from_slice(space.0.as_bytes());
    }
    let minute: u32 = minutes(first - DateTime::UNIX_EPOCH)?;
    body.extend_from_slice(&minute.to_be_bytes());
    body.push(u8::try_from(voucher.desks.len()).map_err(|_| TooMuch::Claims)?);
    for desk in &voucher.desks {
        let number = spaces.iter().position(|space| *space == desk.space);
        let number = number.and_then(|number| u8::try_from(number).ok()).ok_or(TooMuch::Claims)?;
        let after: u16 = minutes(desk.when.starts() - first)?;
        let length: u16 = minutes(desk.when.length())?;
        body.push(number);
        body.extend_from_slice(&after.to_be_bytes());
        body.extend_from_slice(&length.to_be_bytes());
    }
    Ok(body)
}

fn minutes<T: TryFrom<i64>>(time: TimeDelta) -> Result<T, TooMuch> {
    let whole = time.num_minutes();
    if TimeDelta::minutes(whole) != time {
        return Err(TooMuch::Times);
    }
    T::try_from(whole).map_err(|_| TooMuch::Times)
}

fn read(mut body: &[u8]) -> Option<Voucher> {
    let bytes = &mut body;
    let [booking, centre, person] = [uuid(bytes)?, uuid(bytes)?, uuid(bytes)?];
    let language = match byte(bytes)? {
        0 => Language::Ja,
        1 => Language::En,
        _ => return None,
    };
    let version = u32::from_be_bytes(take(bytes)?);
    let [a, b, c, d, e, f] = take(bytes)?;
    let issued = i64::from_be_bytes([0, 0, a, b, c, d, e, f]);
    let issued_at = DateTime::<Utc>::from_timestamp_millis(issued)?;
    let code = BookingCode::from_number(u32::from_be_bytes(take(bytes)?))?;
    let children = byte(bytes)?.into();
    let spaces: Vec<SpaceId> = (0..usize::from(byte(bytes)?).min(MOST_SPACES + 1))
        .map(|_| uuid(bytes).map(SpaceId))
        .collect::<Option<_>>()?;
    let first = DateTime::UNIX_EPOCH + TimeDelta::minutes(u32::from_be_bytes(take(bytes)?).into());
    let claims = usize::from(byte(bytes)?);
    if spaces.len() > MOST_SPACES || !(1..=MOST_CLAIMS).contains(&claims) {
        return None;
    }
    let mut desks = Vec::new();
    for _ in 0..claims {
        let space = *spaces.get(usize::from(byte(bytes)?))?;
        let starts = first + TimeDelta::minutes(u16::from_be_bytes(take(bytes)?).into());
        let ends = starts + TimeDelta::minutes(u16::from_be_bytes(take(bytes)?).into());
        desks.push(SheetDesk { space, when: Interval::new(starts, ends).ok()? });
    }
    let (booking, centre, person) = (BookingId(booking), CentreId(centre), PersonId(person));
    bytes.is_empty().then_some(Voucher {
        booking,
        centre,
        person,
        language,
        version,
        issued_at,
        code,
        children,
        desks,
    })
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

fn byte(bytes: &mut &[u8]) -> Option<u8> {
    take(bytes).map(|[byte]| byte)
}

fn uuid(bytes: &mut &[u8]) -> Option<Uuid> {
    take(bytes).map(Uuid::from_bytes)
}

#[cfg(test)]
mod tests;
