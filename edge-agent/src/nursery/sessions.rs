//! Who of the staff has signed in at which screen.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use data_encoding::HEXLOWER;
use model::id::{DeviceId, PersonId};
use ring::digest;
use ring::rand::SecureRandom;
use wire::request::Secret;

/// Nobody works longer without a new PIN.
const LONGEST: Duration = Duration::from_secs(12 * 60 * 60);
/// A screen that asks for nothing for so long has lost its session. While somebody is signed in it
/// asks for its board again and again, and signs them out by itself where nobody touches it.
const SILENCE: Duration = Duration::from_secs(10 * 60);
/// The most sessions at once: the oldest goes first.
const MOST: usize = 64;

/// The sessions of the site's staff screens; gone when the program ends.
pub struct Sessions {
    open: Mutex<HashMap<[u8; 32], Session>>,
    rng: Arc<dyn SecureRandom + Send + Sync>,
}

/// Somebody who has signed in.
#[derive(Clone)]
pub struct Session {
    screen: DeviceId,
    /// Who.
    pub staff: PersonId,
    begun: Instant,
    heard: Instant,
}

impl Sessions {
    pub(super) fn new(rng: Arc<dyn SecureRandom + Send + Sync>) -> Self {
        Self { open: Mutex::default(), rng }
    }

    /// Opens a session at a screen, and ends the one before there.
    #[must_use]
    pub fn open(&self, screen: &DeviceId, staff: PersonId) -> Option<Secret> {
        let mut bytes = [0; 32];
        self.rng.fill(&mut bytes).ok()?;
        let token = HEXLOWER.encode(&bytes);
        let now = Instant::now();
        let mut open = self.sessions();
        open.retain(|_, one| one.screen != *screen && one.stands(now));
        if open.len() >= MOST {
            let oldest = open.iter().min_by_key(|(_, one)| one.begun).map(|(key, _)| *key);
            oldest.and_then(|oldest| open.remove(&oldest));
        }
        let session = Session { screen: screen.clone(), staff, begun: now, heard: now };
        open.insert(key(&token), session);
        Some(Secret(token))
    }

    /// Whose session it is, at the screen where it was opened.
    #[must_use]
    pub fn of(&self, screen: &DeviceId, token: &Secret) -> Option<Session> {
        let now = Instant::now();
        let mut open = self.sessions();
        let session = open.get_mut(&key(&token.0))?;
        if session.screen != *screen || !session.stands(now) {
            return None;
        }
        session.heard = now;
        Some(session.clone())
    }

    /// Ends the sessions of all but those whom `stays` lets stay.
    pub(super) fn keep(&self, stays: impl Fn(PersonId) -> bool) {
        self.sessions().retain(|_, one| stays(one.staff));
    }

    /// Ends a session.
    pub fn end(&self, token: &Secret) {
        self.sessions().remove(&key(&token.0));
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<[u8; 32], Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn stands(&self, now: Instant) -> bool {
        now < self.begun + LONGEST && now < self.heard + SILENCE
    }
}

/// What is looked up is a digest, so that a token cannot be found out byte by byte.
fn key(token: &str) -> [u8; 32] {
    let mut key = [0; 32];
    key.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    key
}
