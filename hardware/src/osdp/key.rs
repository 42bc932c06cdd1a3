use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use thiserror::Error;

/// The key that is printed in the standard (SCBK-D): everybody has it.
pub(super) const DEFAULT: [u8; 16] = *b"0123456789:;<=>?";

/// The key of one reader's Secure Channel (SCBK), 16 bytes.
///
/// It lies in a file of its own, as 32 hex digits, that nobody but its owner may read. It never shows:
/// there is no `Display`, and `Debug` says nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct ChannelKey([u8; 16]);

impl ChannelKey {
    /// Takes a key, such as 16 bytes of a cryptographic random source.
    ///
    /// # Errors
    /// [`KeyError::Default`] and [`KeyError::Weak`] for keys that protect nothing.
    pub fn new(bytes: [u8; 16]) -> Result<Self, KeyError> {
        if bytes == DEFAULT {
            return Err(KeyError::Default);
        }
        if bytes.iter().all(|byte| *byte == bytes[0]) {
            return Err(KeyError::Weak);
        }
        Ok(Self(bytes))
    }

    /// Reads a key file.
    ///
    /// # Errors
    /// [`KeyError`] when it is not there, may be read by others, or holds no key.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let unreadable = |error| KeyError::Unreadable { path: path.to_owned(), error };
        let file = File::open(path).map_err(unreadable)?;
        let mode = file.metadata().map_err(unreadable)?.mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyError::Open { path: path.to_owned(), mode });
        }
        let mut text = Vec::new();
        // No key is longer, with some white space around it.
        file.take(256).read_to_end(&mut text).map_err(unreadable)?;
        let digits = text.trim_ascii();
        HEXLOWER_PERMISSIVE
            .decode(digits)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| KeyError::Shape(path.to_owned()))
            .and_then(Self::new)
    }

    /// Writes a key file that is not there yet, for its owner only.
    ///
    /// # Errors
    /// When a file is there already (it may be the only copy of a key that a reader has), or it cannot
    /// be written.
    pub fn write_new(&self, path: &Path) -> Result<(), KeyError> {
        let unwritable = |error| KeyError::Unwritable { path: path.to_owned(), error };
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(unwritable)?;
        let line = HEXLOWER.encode(&self.0) + "\n";
        file.write_all(line.as_bytes()).and_then(|()| file.sync_all()).map_err(unwritable)
    }

    pub(crate) fn bytes(&self) -> [u8; 16] {
        self.0
    }
}

impl fmt::Debug for ChannelKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("ChannelKey(..)")
    }
}

/// Why there is no key.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The key of the standard.
    #[error(
        "this is the default key (SCBK-D), which everybody has: make a key of its own for each reader"
    )]
    Default,
    /// The same byte over and over.
    #[error("this key can be guessed: take 16 random bytes")]
    Weak,
    /// The file cannot be opened.
    #[error("the key file {} cannot be read: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        error: io::Error,
    },
    /// Others may read it.
    #[error("the key file {} may be read by others (mode {mode:o}): set its mode to 600", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its mode, as in `chmod`.
        mode: u32,
    },
    /// It holds something else.
    #[error("the key file {} does not hold 32 hex digits", .0.display())]
    Shape(PathBuf),
    /// The file cannot be made.
    #[error("the key file {} cannot be written: {error}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        error: io::Error,
    },
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const KEY: [u8; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("kyoten-key-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn a_key_that_everybody_has_or_guesses_is_refused() {
        assert!(matches!(ChannelKey::new(DEFAULT), Err(KeyError::Default)));
        assert!(matches!(ChannelKey::new([0; 16]), Err(KeyError::Weak)));
        assert!(matches!(ChannelKey::new([0xFF; 16]), Err(KeyError::Weak)));
        assert!(ChannelKey::new(KEY).is_ok());
    }

    #[test]
    fn a_key_does_not_show() {
        assert_eq!(format!("{:?}", ChannelKey::new(KEY).unwrap()), "ChannelKey(..)");
    }

    #[test]
    fn a_file_is_written_once_for_its_owner_and_read_back() {
        let path = folder("once").join("a.key");
        fs::remove_file(&path).ok();
        let key = ChannelKey::new(KEY).unwrap();
        key.write_new(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(ChannelKey::read(&path).unwrap(), key);
        assert!(matches!(key.write_new(&path), Err(KeyError::Unwritable { .. })));
    }

    #[test]
    fn a_file_that_others_may_read_or_that_holds_no_key_is_refused() {
        let folder = folder("bad");
        let path = folder.join("b.key");
        assert!(matches!(ChannelKey::read(&folder.join("none")), Err(KeyError::Unreadable { .. })));
        let good = "0102030405060708090a0b0c0d0e0f10";
        let long = "a".repeat(10_000);
        for (text, mode, said) in [
            (good, 0o640, "mode 640"),
            (good, 0o604, "mode 604"),
            ("", 0o600, "32 hex digits"),
            (&good[2..], 0o600, "32 hex digits"),
            (long.as_str(), 0o600, "32 hex digits"),
            ("303132333435363738393a3b3c3d3e3f", 0o600, "default key"),
        ] {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let error = ChannelKey::read(&path).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
            assert!(!error.contains(good), "{error}");
        }
        fs::write(&path, format!("  {}\n", good.to_uppercase())).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        assert!(ChannelKey::read(&path).is_ok());
        fs::remove_file(&path).unwrap();
    }
}
