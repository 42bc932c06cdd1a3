//! Which passwords are taken, and changing one's own.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use model::audit::AuditAction;
use model::people::Person;
use unicode_normalization::UnicodeNormalization as _;
use zxcvbn::feedback::Warning;
use zxcvbn::{Score, zxcvbn};

use super::audit::{self, Entry};
use super::breach_list::BreachList;
use super::session::{self, Started};
use super::throttle::{Guessed, Throttle};
use super::{Caller, Refused, proof, secret};
use crate::hub::Hub;

/// A password has so many characters at least, whatever they are.
pub const SHORTEST: usize = 10;
/// And so many at most.
pub const LONGEST: usize = 128;

/// Why a password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weak {
    /// Fewer than [`SHORTEST`] characters.
    Short,
    /// More than [`LONGEST`] characters.
    Long,
    /// It is little more than its owner's name or address.
    Own,
    /// Many people have it.
    Common,
    /// Keys that lie side by side.
    Keys,
    /// The same again and again.
    Repeated,
    /// Letters or digits in their order.
    InOrder,
    /// A date or a year.
    Date,
    /// Somebody's name.
    Name,
    /// Too few words, or too little of anything.
    Guessable,
    /// It stands in a list of stolen passwords.
    Stolen,
}

/// How changing a password ended.
pub enum Changed {
    /// It is changed, the other sessions are ended, and this one goes on under another token.
    Done(Started),
    /// The old one is wrong.
    WrongOld,
    /// The new one is not taken.
    Weak(Weak),
    /// Too many wrong old ones: not before this instant.
    Wait(DateTime<Utc>),
}

/// A password as it is compared: the same letters typed in another width or composed in another way
/// are the same (Unicode NFKC).
#[must_use]
pub fn as_compared(password: &str) -> String {
    password.nfkc().collect()
}

/// Whether a new password of `person`'s is taken.
///
/// # Errors
/// When the list of stolen ones cannot be read, or the work could not be done at all.
pub async fn judge(
    hub: &Hub,
    person: &Person,
    password: &str,
) -> Result<Result<(), Weak>, Refused> {
    let (list, password) = (hub.breach_list.clone(), as_compared(password));
    let own = [person.email.clone(), person.name.clone()];
    secret::aside(move || judged(list, &own, &password)).await?
}

fn judged(
    list: Option<Arc<BreachList>>,
    own: &[String],
    password: &str,
) -> Result<Result<(), Weak>, Refused> {
    if let Err(weak) = looked_at(own, password) {
        return Ok(Err(weak));
    }
    let stolen = list.map_or(Ok(false), |list| list.holds(password)).map_err(|error| {
        tracing::error!(%error, "the list of stolen passwords cannot be read");
        Refused::Inner("the list of stolen passwords cannot be read")
    })?;
    Ok(if stolen { Err(Weak::Stolen) } else { Ok(()) })
}

fn looked_at(own: &[String], password: &str) -> Result<(), Weak> {
    match password.chars().count() {
        ..SHORTEST => return Err(Weak::Short),
        SHORTEST..=LONGEST => {}
        _ => return Err(Weak::Long),
    }
    let hints = hints(own);
    let hints: Vec<&str> = hints.iter().map(String::as_str).collect();
    let guessed = zxcvbn(password, &hints);
    if guessed.score() >= Score::Three {
        return Ok(());
    }
    let lower = password.to_lowercase();
    // Three letters, or two characters that are words by themselves.
    if hints.iter().any(|hint| hint.len() >= 3 && lower.contains(hint)) {
        return Err(Weak::Own);
    }
    Err(guessed.feedback().and_then(|feedback| feedback.warning()).map_or(Weak::Guessable, why))
}

/// The words by which somebody's own password would be guessed first, in lower case.
fn hints(own: &[String]) -> BTreeSet<String> {
    let words = own.iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
    own.iter()
        .map(String::as_str)
        .chain(words)
        .chain(["kyoten", "拠点"])
        .filter(|word| !word.is_empty())
        .map(|word| as_compared(word).to_lowercase())
        .collect()
}

fn why(warning: Warning) -> Weak {
    match warning {
        Warning::StraightRowsOfKeysAreEasyToGuess
        | Warning::ShortKeyboardPatternsAreEasyToGuess => Weak::Keys,
        Warning::RepeatsLikeAaaAreEasyToGuess
        | Warning::RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess => Weak::Repeated,
        Warning::ThisIsATop10Password
        | Warning::ThisIsATop100Password
        | Warning::ThisIsACommonPassword
        | Warning::ThisIsSimilarToACommonlyUsedPassword => Weak::Common,
        Warning::SequencesLikeAbcAreEasyToGuess => Weak::InOrder,
        Warning::RecentYearsAreEasyToGuess | Warning::DatesAreOftenEasyToGuess => Weak::Date,
        Warning::AWordByItselfIsEasyToGuess => Weak::Guessable,
        Warning::NamesAndSurnamesByThemselvesAreEasyToGuess
        | Warning::CommonNamesAndSurnamesAreEasyToGuess => Weak::Name,
    }
}

/// Changes the caller's password. Whoever has one must know it; whoever has none must have shown
/// lately who they are.
///
/// # Errors
/// [`Refused`] when they may not, or the store or the random source fails.
pub async fn change(
    hub: &Hub,
    throttle: &Throttle,
    caller: &Caller,
    old: &str,
    new: &str,
) -> Result<Changed, Refused> {
    let person = caller.signed_in()?;
    let session = proof::whole(hub, caller).await?;
    let whose = Guessed::Proof(person.id);
    if let Some(until) = throttle.closed_until(&whose, caller.address, hub.now()) {
        return Ok(Changed::Wait(until));
    }
    let kept = proof::password_of(hub, person).await?;
    if kept.is_none() {
        proof::recent(hub, caller).await?;
    } else if secret::fits(as_compared(old), kept).await? {
        throttle.succeeded(&whose, caller.address);
    } else {
        throttle.failed(&whose, caller.address, hub.now());
        return Ok(Changed::WrongOld);
    }
    if let Err(weak) = judge(hub, person, new).await? {
        return Ok(Changed::Weak(weak));
    }
    audit::record(hub, caller, Entry::new(AuditAction::PasswordChanged).about(person.id)).await?;
    let phc = secret::hash_aside(as_compared(new), hub.random.clone()).await?;
    hub.store.set_password(person.id, Some(&phc)).await?;
    hub.store.end_sessions_of(person.id, Some(session.id)).await?;
    Ok(Changed::Done(session::renew(hub, session, session.stage, session.means).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_long_and_hard_to_guess_whatever_it_is_made_of() {
        let own = ["sato@demo.kyoten.example".to_owned(), "佐藤 健太 Kenta".to_owned()];
        for good in [
            "correct horse battery staple",
            "雨の日はバスで行くことにした",
            "vqz7 plum teapot",
            &"長いながい合い言葉です、".repeat(10),
        ] {
            assert_eq!(looked_at(&own, good), Ok(()), "{good}");
        }
        for (bad, weak) in [
            ("kX9#mQ2!v", Weak::Short),
            ("あいうえおかきくけ", Weak::Short),
            (&*"x".repeat(129), Weak::Long),
            ("sato-kyoten", Weak::Own),
            ("佐藤健太佐藤健太佐藤", Weak::Own),
            ("password123", Weak::Common),
            ("aaaaaaaaaaaa", Weak::Repeated),
            ("abcdefghijkl", Weak::InOrder),
            ("1qaz2wsx3edc", Weak::Common),
            ("19851224198", Weak::Date),
        ] {
            assert_eq!(looked_at(&own, bad), Err(weak), "{bad}");
        }
    }

    #[test]
    fn the_width_of_letters_makes_no_other_password() {
        assert_eq!(as_compared("ｋｙｏｔｅｎ　ｶﾞ"), "kyoten ガ");
        assert_eq!(as_compared("カ\u{3099}"), "ガ");
    }
}
