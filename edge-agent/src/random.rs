//! Ids from the random source that the program was given.

use ring::error::Unspecified;
use ring::rand::SecureRandom;
use uuid::Uuid;

/// A new version 4 UUID.
///
/// # Errors
/// When the random source fails.
pub fn uuid(rng: &dyn SecureRandom) -> Result<Uuid, Unspecified> {
    let mut bytes = [0; 16];
    rng.fill(&mut bytes)?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid())
}
