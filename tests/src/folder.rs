//! Temporary folders.

use std::path::{Path, PathBuf};

/// A folder that goes away with its owner, unless the test fails: then it stays, to be looked at.
pub struct Folder(PathBuf);

impl Folder {
    /// A new, empty folder.
    #[must_use]
    pub fn new(what: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("kyoten-{what}-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The path of `name` in it.
    #[must_use]
    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the files of the failed test are in {}", self.0.display());
        } else {
            std::fs::remove_dir_all(&self.0).ok();
        }
    }
}

/// Copies all that is in a folder, which nobody writes to meanwhile.
///
/// # Errors
/// The system's.
pub fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            std::fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
