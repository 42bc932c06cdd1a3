//! An identity on disk: a folder that is there whole or not at all.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::IdentityError;

const CURRENT: &str = "identity";
const PREVIOUS: &str = "identity.old";
const COMING: &str = "identity.new";
const PENDING_KEY: &str = "pending-key.pem";

/// Writes a file that only its owner can read, on disk before this returns.
///
/// # Errors
/// What the system answers.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Puts a file that only its owner can read in the place of the one that is there: what a full disk or a power cut
/// leaves is the old one or the new one, whole. Where it holds these bytes already nothing is written.
///
/// # Errors
/// What the system answers.
pub fn replace_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let coming = path.with_added_extension("coming");
    write_private(&coming, bytes)?;
    fs::rename(&coming, path)?;
    match path.parent() {
        Some(folder) => sync_folder(folder),
        None => Ok(()),
    }
}

/// The folder of the identity in `dir`. One that was being swapped when the power went still lies
/// where the one before it was put.
pub(super) fn current(dir: &Path) -> Option<PathBuf> {
    [CURRENT, PREVIOUS].map(|name| dir.join(name)).into_iter().find(|folder| folder.is_dir())
}

/// The key of an enrolment that has not been answered yet, or a new one.
pub(super) fn pending_key(dir: &Path) -> Result<String, IdentityError> {
    let path = dir.join(PENDING_KEY);
    if let Ok(pem) = fs::read_to_string(&path)
        && rcgen::KeyPair::from_pem(&pem).is_ok()
    {
        return Ok(pem);
    }
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)
        .map_err(|error| IdentityError::Crypto(error.to_string()))?;
    let pem = key.serialize_pem();
    fs::create_dir_all(dir)
        .and_then(|()| write_private(&path, pem.as_bytes()))
        .map_err(|source| IdentityError::Write { path, source })?;
    Ok(pem)
}

/// The pending key has its certificate now.
pub(super) fn forget_pending_key(dir: &Path) -> Result<(), IdentityError> {
    let path = dir.join(PENDING_KEY);
    fs::remove_file(&path).map_err(|source| IdentityError::Write { path, source })
}

/// Writes a whole identity beside the old one, then swaps them.
pub(super) fn keep(dir: &Path, files: &[(&str, &str)]) -> Result<(), IdentityError> {
    let [current, previous, coming] = [CURRENT, PREVIOUS, COMING].map(|name| dir.join(name));
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| IdentityError::Write { path, source }
    };
    remove_folder(&coming).map_err(at(&coming))?;
    fs::create_dir_all(&coming).map_err(at(&coming))?;
    for (name, text) in files {
        let path = coming.join(name);
        write_private(&path, text.as_bytes()).map_err(at(&path))?;
    }
    sync_folder(&coming).map_err(at(&coming))?;
    if current.is_dir() {
        remove_folder(&previous).map_err(at(&previous))?;
        fs::rename(&current, &previous).map_err(at(&previous))?;
    }
    fs::rename(&coming, &current).map_err(at(&current))?;
    sync_folder(dir).map_err(at(dir))?;
    remove_folder(&previous).map_err(at(&previous))
}

fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn fault_12_a_file_that_a_full_disk_does_not_take_leaves_the_one_before() {
        use std::os::unix::fs::{MetadataExt as _, symlink};

        let dir = std::env::temp_dir().join(format!("kyoten-file-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&dir).unwrap();
        let (file, coming) = (dir.join("keys.json"), dir.join("keys.json.coming"));
        replace_private(&file, b"first").unwrap();
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        // What is written here meets a full disk.
        symlink("/dev/full", &coming).unwrap();
        assert_eq!(
            replace_private(&file, b"second").unwrap_err().kind(),
            io::ErrorKind::StorageFull
        );
        assert_eq!(fs::read(&file).unwrap(), b"first");
        replace_private(&file, b"first").unwrap();
        // There is room again, and what a power cut left of the next one is in nobody's way.
        fs::remove_file(&coming).unwrap();
        fs::write(&coming, "sec").unwrap();
        replace_private(&file, b"second").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"second");
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "nothing else is left");
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_power_cut_at_any_moment_leaves_a_whole_identity() {
        let dir = std::env::temp_dir().join(format!("kyoten-folder-{}", uuid::Uuid::new_v4()));
        let read = || fs::read_to_string(current(&dir).unwrap().join("key.pem")).unwrap();
        keep(&dir, &[("key.pem", "first")]).unwrap();
        // While the next one is being written.
        fs::create_dir(dir.join(COMING)).unwrap();
        fs::write(dir.join(COMING).join("key.pem"), "to").unwrap();
        assert_eq!(read(), "first");
        // Between the two renames.
        fs::rename(dir.join(CURRENT), dir.join(PREVIOUS)).unwrap();
        assert_eq!(read(), "first");
        keep(&dir, &[("key.pem", "second")]).unwrap();
        assert_eq!(read(), "second");
        // Before the old one was taken away.
        fs::create_dir(dir.join(PREVIOUS)).unwrap();
        assert_eq!(read(), "second");
        keep(&dir, &[("key.pem", "third")]).unwrap();
        assert_eq!(read(), "third");
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "nothing else is left");
        fs::remove_dir_all(&dir).unwrap();
    }
}
