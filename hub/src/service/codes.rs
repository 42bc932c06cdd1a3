//! One-time codes of a telephone (RFC 6238), and recovery codes for the day it is lost.

use chrono::{DateTime, TimeDelta, Utc};
use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use model::audit::AuditAction::{FactorAdded, FactorRemoved};
use model::id::PersonId;
use model::people::Person;
use model::sign_in::{Means, Stage};
use serde::{Deserialize, Serialize};
use store::{CodeMaker, KeyOwner, Session};
use totp_rs::{Builder, Totp};

use super::audit::{self, Entry};
use super::session::{self, Started};
use super::{Caller, Refused, proof, qr, secret, vault};
use crate::hub::Hub;
use crate::typed;

/// What codes are called for in the telephone's list.
const ISSUER: &str = "Kyoten";
/// How long a step lasts, in seconds.
const STEP: u64 = 30;
/// How long a new secret waits for its first code.
const OFFER: TimeDelta = TimeDelta::minutes(15);
/// How many recovery codes there are.
const RECOVERY_CODES: usize = 10;

/// A new secret, not kept yet.
pub struct Offer {
    /// The secret as people type it into a telephone, in groups of four.
    pub text: String,
    /// The same as a picture (SVG).
    pub picture: String,
    /// What the form must bring back.
    pub token: String,
}

/// What has become of an offer.
pub enum Confirmed {
    /// Codes are asked for from now on.
    Done(Added),
    /// The code was wrong: once more.
    Wrong(Offer),
    /// The offer is too old, or another browser's.
    Gone,
}

/// A second factor was added.
pub struct Added {
    /// The session under another token, where it has come further.
    pub started: Option<Started>,
    /// New recovery codes, for somebody who had none; they are never shown again.
    pub recovery_codes: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    secret: String,
    until: DateTime<Utc>,
}

/// Makes a new secret for the caller's telephone.
///
/// # Errors
/// [`Refused`] when they may not or have not shown lately who they are, or chance fails.
pub async fn offer(hub: &Hub, caller: &Caller) -> Result<Offer, Refused> {
    let person = caller.signed_in()?;
    let session = proof::recent(hub, caller).await?;
    let secret = BASE32_NOPAD.encode(&hub.random_bytes::<20>()?);
    let sealed = Sealed { secret, until: hub.now() + OFFER };
    let token = hub.keys.seal(&sealed, &offered_to(session), hub.random.as_ref())?;
    shown(person, &sealed.secret, BASE64URL_NOPAD.encode(&token))
}

/// Takes the first code of an offered secret, and asks for codes from then on.
///
/// # Errors
/// As [`offer`], or when the store fails.
pub async fn confirm(
    hub: &Hub,
    caller: &Caller,
    token: &str,
    code: &str,
) -> Result<Confirmed, Refused> {
    let person = caller.signed_in()?;
    let session = proof::recent(hub, caller).await?;
    let sealed = BASE64URL_NOPAD
        .decode(token.as_bytes())
        .ok()
        .and_then(|bytes| hub.keys.open::<Sealed>(&bytes, &offered_to(session)).ok())
        .filter(|sealed| hub.now() < sealed.until);
    let Some(sealed) = sealed else { return Ok(Confirmed::Gone) };
    let Some(step) = step_of(&maker(&sealed.secret, None)?, &typed::plain(code), hub.now()) else {
        return Ok(Confirmed::Wrong(shown(person, &sealed.secret, token.to_owned())?));
    };
    audit::record(hub, caller, Entry::new(FactorAdded).about(person.id).note("factor", "code"))
        .await?;
    keep(hub, person.id, &sealed.secret, step).await?;
    Ok(Confirmed::Done(added(hub, person.id, session, Means::Code).await?))
}

/// Keeps what a person's codes are made from; those up to `last_step` are used up.
pub(crate) async fn keep(
    hub: &Hub,
    person: PersonId,
    secret: &str,
    last_step: i64,
) -> Result<(), Refused> {
    let key = vault::key_for(hub, KeyOwner::Person(person)).await?;
    let sealed = key.seal(hub, &secret, &kept_for(person))?;
    let maker = CodeMaker { sealed, last_step, added_at: hub.now() };
    Ok(hub.store.set_code_maker(person, &maker).await?)
}

/// Forgets the caller's secret, if there is one: no codes are asked for any more.
///
/// # Errors
/// As [`offer`].
pub async fn remove(hub: &Hub, caller: &Caller) -> Result<Option<Started>, Refused> {
    let person = caller.signed_in()?.id;
    let session = proof::recent(hub, caller).await?;
    if !hub.store.remove_code_maker(person).await? {
        return Ok(None);
    }
    audit::record(hub, caller, Entry::new(FactorRemoved).about(person).note("factor", "code"))
        .await?;
    removed(hub, person, session).await
}

/// Makes new recovery codes for the caller; the old ones are worth nothing. They are never shown
/// again. None for somebody without a second factor.
///
/// # Errors
/// As [`offer`].
pub async fn renew_recovery(hub: &Hub, caller: &Caller) -> Result<Option<Vec<String>>, Refused> {
    let person = caller.signed_in()?.id;
    proof::recent(hub, caller).await?;
    if !hub.store.factors_of(person).await?.any() {
        return Ok(None);
    }
    let entry = Entry::new(FactorAdded).about(person).note("factor", "recovery codes");
    audit::record(hub, caller, entry).await?;
    new_recovery(hub, person).await.map(Some)
}

/// Uses up a code of either kind; answers which it was, or none when it is not good (any more).
pub(super) async fn use_up(
    hub: &Hub,
    person: PersonId,
    typed: &str,
) -> Result<Option<Means>, Refused> {
    let typed = typed::plain(typed);
    if let Some(code) = six_digits(&typed) {
        let Some(kept) = hub.store.code_maker(person).await? else { return Ok(None) };
        let key = vault::key_for(hub, KeyOwner::Person(person)).await?;
        let secret: String = key.open(&kept.sealed, &kept_for(person))?;
        let Some(step) = step_of(&maker(&secret, None)?, &code, hub.now()) else { return Ok(None) };
        return Ok(hub.store.use_step(person, step).await?.then_some(Means::Code));
    }
    let Some(code) = recovery_code(&typed) else { return Ok(None) };
    let digest = recovery_digest(person, &code);
    let used = hub.store.use_recovery_code(person, &digest, hub.now()).await?;
    Ok(used.then_some(Means::RecoveryCode))
}

/// What follows when a second factor was added in this session, and shown by that.
pub(super) async fn added(
    hub: &Hub,
    person: PersonId,
    session: &Session,
    means: Means,
) -> Result<Added, Refused> {
    let held = hub.store.factors_of(person).await?;
    let recovery_codes =
        if held.recovery_codes == 0 { new_recovery(hub, person).await? } else { Vec::new() };
    let started = match session.stage {
        Stage::Two => None,
        Stage::One | Stage::OwesSecond => {
            Some(session::renew(hub, session, Stage::Two, means).await?)
        }
    };
    Ok(Added { started, recovery_codes })
}

/// What follows when a second factor was removed: without any, a session is worth one factor again.
pub(super) async fn removed(
    hub: &Hub,
    person: PersonId,
    session: &Session,
) -> Result<Option<Started>, Refused> {
    if hub.store.factors_of(person).await?.any() {
        return Ok(None);
    }
    hub.store.set_recovery_codes(person, &[], hub.now()).await?;
    hub.store.end_sessions_of(person, Some(session.id)).await?;
    Ok(Some(session::renew(hub, session, Stage::One, session.means).await?))
}

/// The code that `secret` makes at the time `now`.
///
/// # Errors
/// When the secret is none.
pub fn code_at(secret: &str, now: DateTime<Utc>) -> Result<String, Refused> {
    Ok(maker(secret, None)?.generate(seconds(now)).to_string())
}

/// The digest that a person's recovery code is kept as.
#[must_use]
pub fn recovery_digest(person: PersonId, code: &str) -> [u8; 32] {
    secret::sha256(&[person.0.as_bytes().as_slice(), code.replace('-', "").as_bytes()].concat())
}

async fn new_recovery(hub: &Hub, person: PersonId) -> Result<Vec<String>, Refused> {
    let mut codes = Vec::with_capacity(RECOVERY_CODES);
    for _ in 0..RECOVERY_CODES {
        codes.push(in_fours(&BASE32_NOPAD.encode(&hub.random_bytes::<10>()?), "-"));
    }
    let digests: Vec<_> = codes.iter().map(|code| recovery_digest(person, code)).collect();
    hub.store.set_recovery_codes(person, &digests, hub.now()).await?;
    Ok(codes)
}

fn shown(person: &Person, secret: &str, token: String) -> Result<Offer, Refused> {
    let address = maker(secret, Some(&person.email))?
        .to_url()
        .map_err(|_| Refused::Inner("a secret has no address"))?;
    Ok(Offer { text: in_fours(secret, " "), picture: qr::picture(&address)?, token })
}

fn maker(secret: &str, account: Option<&str>) -> Result<Totp, Refused> {
    let no_secret = Refused::Inner("a secret of one-time codes is none");
    let Ok(bytes) = BASE32_NOPAD.decode(secret.as_bytes()) else { return Err(no_secret) };
    // A colon parts issuer and account.
    let account = account.unwrap_or_default().replace(':', " ");
    Builder::new()
        .with_digits(6)
        .with_step_duration(STEP)
        .with_skew(1)
        .with_secret(bytes)
        .with_account_name(account)
        .with_issuer(Some(ISSUER))
        .build()
        .map_err(|_| no_secret)
}

fn step_of(maker: &Totp, code: &str, now: DateTime<Utc>) -> Option<i64> {
    let code = six_digits(code)?;
    maker.check(&code, seconds(now)).and_then(|step| i64::try_from(step).ok())
}

fn seconds(time: DateTime<Utc>) -> u64 {
    u64::try_from(time.timestamp()).unwrap_or_default()
}

fn six_digits(typed: &str) -> Option<String> {
    let digits: String = typed.chars().filter(|c| *c != ' ' && *c != '-').collect();
    (digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
}

/// A recovery code in its plain form: sixteen letters and digits, whatever was typed for what is
/// easily taken for another.
fn recovery_code(typed: &str) -> Option<String> {
    let code: String = typed
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(|c| match c.to_ascii_uppercase() {
            '0' => 'O',
            '1' => 'I',
            '8' => 'B',
            other => other,
        })
        .collect();
    let fits =
        code.len() == 16 && code.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7'));
    fits.then_some(code)
}

fn in_fours(text: &str, between: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
    groups.join(between)
}

fn kept_for(person: PersonId) -> Vec<u8> {
    [b"one-time codes of ".as_slice(), person.0.as_bytes()].concat()
}

fn offered_to(session: &Session) -> Vec<u8> {
    [b"one-time codes for ".as_slice(), session.id.0.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use uuid::Uuid;

    use super::*;

    /// "12345678901234567890", the secret of RFC 6238's examples.
    const RFC: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        // Appendix B of RFC 6238, the last six of eight digits.
        assert_eq!(code_at(RFC, at(59)).unwrap(), "287082");
        for (time, code) in [
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
        ] {
            assert_eq!(code_at(RFC, at(time)).unwrap(), code);
            let maker = maker(RFC, None).unwrap();
            let step = time / 30;
            for (off, taken) in [(-31, false), (-30, true), (0, true), (30, true), (61, false)] {
                let step = taken.then_some(step);
                assert_eq!(step_of(&maker, code, at(time - time % 30 + off)), step, "{time} {off}");
            }
        }
    }

    #[test]
    fn a_code_is_read_as_people_type_it() {
        assert_eq!(
            six_digits(&typed::plain("１２３　４５６").replace('　', " ")),
            Some("123456".into())
        );
        assert_eq!(six_digits("123 456"), Some("123456".to_owned()));
        for bad in ["", "12345", "1234567", "12345a", "１２３４５６"] {
            assert_eq!(six_digits(bad), None, "{bad}");
        }
        let plain = "ABCDEFGHIJKLMNOP";
        assert_eq!(recovery_code("abcd-efgh-ijkl-mnop").as_deref(), Some(plain));
        assert_eq!(recovery_code("ABCD EFGH 1JKL MN0P").as_deref(), Some(plain));
        for bad in ["ABCD-EFGH-IJKL", "ABCD-EFGH-IJKL-MNO9", "ABCD-EFGH-IJKL-MNO日"] {
            assert_eq!(recovery_code(bad), None, "{bad}");
        }
        assert_eq!(in_fours(plain, "-"), "ABCD-EFGH-IJKL-MNOP");
    }

    #[test]
    fn a_recovery_code_is_kept_otherwise_for_everybody() {
        let (one, other) = (PersonId(Uuid::from_u128(1)), PersonId(Uuid::from_u128(2)));
        let code = "ABCD-EFGH-IJKL-MNOP";
        assert_ne!(recovery_digest(one, code), recovery_digest(other, code));
        assert_eq!(recovery_digest(one, code), recovery_digest(one, "ABCDEFGHIJKLMNOP"));
    }
}
