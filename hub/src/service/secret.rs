//! Passwords and PINs (Argon2id, PHC strings), tokens, and their digests.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use data_encoding::BASE64URL_NOPAD;
use ring::digest::{SHA256, digest};
use ring::rand::SecureRandom;
use tokio::sync::Semaphore;

use super::Refused;

/// A hash that no password fits, with the costs of a real one, so that an unknown address takes
/// as long to refuse as a wrong password.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$a3lvdGVuLW5vYm9keS1oZXJl$\
                      AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Each check takes 19 MiB and a core: more than this many at once would only wait for each other.
static AT_ONCE: Semaphore = Semaphore::const_new(4);

/// Memory 19 MiB, two passes, one lane: what an edge can verify too while somebody waits.
fn argon2id() -> Argon2<'static> {
    let params = Params::new(19_456, 2, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// The PHC string of a password or PIN, with a salt of its own.
///
/// # Errors
/// When the random source or the hash fails.
pub fn hash(secret: &str, random: &dyn SecureRandom) -> Result<String, Refused> {
    let mut salt = [0; 16];
    random.fill(&mut salt)?;
    argon2id()
        .hash_password_with_salt(secret.as_bytes(), &salt)
        .map(|phc| phc.to_string())
        .map_err(|_| Refused::Inner("a secret could not be hashed"))
}

/// [`hash`], off the threads that answer requests.
///
/// # Errors
/// As [`hash`].
pub async fn hash_aside(
    secret: String,
    random: std::sync::Arc<dyn SecureRandom + Send + Sync>,
) -> Result<String, Refused> {
    aside(move || hash(&secret, random.as_ref())).await?
}

/// Whether `secret` fits `kept`; takes as long when there is nothing kept.
///
/// # Errors
/// When the work could not be done at all.
pub async fn fits(secret: String, kept: Option<String>) -> Result<bool, Refused> {
    aside(move || {
        let known = kept.is_some();
        let kept = kept.unwrap_or_else(|| NOBODY.to_owned());
        PasswordHash::new(&kept)
            .is_ok_and(|phc| argon2id().verify_password(secret.as_bytes(), &phc).is_ok())
            && known
    })
    .await
}

/// Does what takes long off the threads that answer requests.
///
/// # Errors
/// When the work could not be done at all.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refused> {
    let stopped = Refused::Inner("the work on a secret was stopped");
    let Ok(_turn) = AT_ONCE.acquire().await else { return Err(stopped) };
    tokio::task::spawn_blocking(work).await.map_err(|_| stopped)
}

/// 32 random bytes as text for a cookie or form.
///
/// # Errors
/// When the random source fails.
pub fn token(random: &dyn SecureRandom) -> Result<String, ring::error::Unspecified> {
    let mut bytes = [0; 32];
    random.fill(&mut bytes)?;
    Ok(BASE64URL_NOPAD.encode(&bytes))
}

/// SHA-256.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}

/// Whether two tokens are the same, without telling by time how much of them is.
#[must_use]
pub fn same(one: &str, other: &str) -> bool {
    !one.is_empty() && sha256(one.as_bytes()) == sha256(other.as_bytes())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use ring::rand::SystemRandom;

    use super::*;

    #[tokio::test]
    async fn only_the_right_secret_fits_and_nobody_has_one() {
        let kept = hash("正しい馬", &SystemRandom::new()).unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(fits("正しい馬".into(), Some(kept.clone())).await.unwrap());
        assert!(!fits("ちがう馬".into(), Some(kept)).await.unwrap());
        assert!(!fits(String::new(), None).await.unwrap());
        assert!(PasswordHash::new(NOBODY).is_ok(), "the stand-in must cost what a real one costs");
    }

    #[test]
    fn an_empty_token_is_never_the_same() {
        assert!(!same("", ""));
        assert!(same("a", "a") && !same("a", "b"));
    }
}
