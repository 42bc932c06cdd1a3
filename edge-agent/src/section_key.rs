//! The key that the site's sealed sections open with: fetched once, and kept beside the identity.

use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::{fs, io};

use wire::identity::replace_private;
use wire::sealing::{SectionKey, SectionKeyAnswer};

use crate::hub::{Hub, HubError};

/// The file, beside the identity; mode 0600.
pub const FILE: &str = "section-key.json";

/// The key, once there is one.
pub struct SectionKeys {
    file: PathBuf,
    key: RwLock<Option<SectionKey>>,
}

impl SectionKeys {
    /// With the key that was kept last in `folder`, if there is one that can be read: without, the
    /// hub is asked again.
    #[must_use]
    pub fn open(folder: &Path) -> Self {
        let file = folder.join(FILE);
        let key = match kept(&file) {
            Ok(key) => key,
            Err(error) => {
                tracing::error!(%error, "the kept key of sealed sections is damaged; the hub is asked again");
                None
            }
        };
        Self { file, key: RwLock::new(key) }
    }

    /// The key, if one is known.
    #[must_use]
    pub fn known(&self) -> Option<SectionKey> {
        self.key.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fetches it and keeps it.
    ///
    /// # Errors
    /// When it cannot be fetched, is none, or cannot be kept.
    pub async fn fetch(&self, hub: &dyn Hub) -> Result<SectionKey, HubError> {
        let unreadable = |error: &dyn std::fmt::Display| HubError::Unreadable(error.to_string());
        let answer = hub.section_key().await?;
        let key = SectionKey::heard(&answer).map_err(|error| unreadable(&error))?;
        let json = serde_json::to_vec(&answer).map_err(|error| unreadable(&error))?;
        replace_private(&self.file, &json).map_err(|error| unreadable(&error))?;
        *self.key.write().unwrap_or_else(PoisonError::into_inner) = Some(key.clone());
        Ok(key)
    }
}

fn kept(file: &Path) -> io::Result<Option<SectionKey>> {
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let answer: SectionKeyAnswer = serde_json::from_slice(&bytes)?;
    let key = SectionKey::heard(&answer);
    key.map(Some).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}
