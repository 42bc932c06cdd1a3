//! Rules as files of TOML: those that ship with the program, and those that somebody writes.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use store::StoreError;

/// What such a file holds.
pub trait Data: DeserializeOwned {
    /// What tables and logs call it.
    fn name(&self) -> &str;
    /// Why it cannot be kept, if it cannot.
    fn problem(&self) -> Option<String>;
}

/// Texts that ship, with their names: files of a folder in `hub/rules`.
macro_rules! texts {
    ($folder:literal; $($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("../../rules/", $folder, "/", $name, ".toml")))),+]
    };
}
pub(super) use texts;

/// What all of `texts` hold, each with the name that it is known by.
///
/// # Errors
/// [`BadFile`] where one of them is not as it should be.
pub fn all<D: Data>(texts: &[(&str, &str)]) -> Result<Vec<D>, BadFile> {
    texts.iter().map(|(name, text)| read(text, name)).collect()
}

/// `known` and what is in `files`.
///
/// # Errors
/// [`BadFile`] says which file cannot be taken, and why.
pub fn and<D: Data>(mut known: Vec<D>, files: &[PathBuf]) -> Result<Vec<D>, BadFile> {
    for file in files {
        let one: D = from_file(file)?;
        if known.iter().any(|other| other.name() == one.name()) {
            return Err(BadFile::Twice(one.name().to_owned()));
        }
        known.push(one);
    }
    Ok(known)
}

/// Those that ship and that are not among `known`: what is kept is never changed, and what changes is one of another
/// name.
///
/// # Errors
/// Where what ships cannot be read: a fault of this version alone.
pub fn fresh<D: Data>(shipped: Result<Vec<D>, BadFile>, known: &[D]) -> Result<Vec<D>, StoreError> {
    let mut fresh = shipped.map_err(|bad| StoreError::Corrupt(bad.to_string()))?;
    fresh.retain(|one| !known.iter().any(|other| other.name() == one.name()));
    Ok(fresh)
}

/// What a file holds.
///
/// # Errors
/// [`BadFile`] says why it cannot be taken.
pub fn from_file<D: Data>(path: &Path) -> Result<D, BadFile> {
    read(&text_of(path)?, &path.display().to_string())
}

/// The text of a file that somebody wrote.
///
/// # Errors
/// [`BadFile`] where there is none, or more than anybody writes.
pub fn text_of(path: &Path) -> Result<String, BadFile> {
    let unreadable = |error| BadFile::Unreadable { path: path.to_owned(), error };
    let mut text = String::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(LARGEST + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > LARGEST { Err(BadFile::Large(path.to_owned())) } else { Ok(text) }
}

/// What a text holds that came from `name`.
///
/// # Errors
/// [`BadFile`] says why it cannot be taken.
pub fn read<D: Data>(text: &str, name: &str) -> Result<D, BadFile> {
    let data: D = toml::from_str(text)
        .map_err(|error| BadFile::Form { name: name.to_owned(), error: Box::new(error) })?;
    match data.problem() {
        Some(error) => Err(BadFile::Rules { name: name.to_owned(), error }),
        None => Ok(data),
    }
}

/// The largest file that is read, in bytes.
const LARGEST: u64 = 256 * 1024;

/// Why a file cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum BadFile {
    /// It cannot be read.
    #[error("{}: {error}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// It is no such file.
    #[error("{name}: {error}")]
    Form {
        /// Which file.
        name: String,
        /// Where and why.
        error: Box<toml::de::Error>,
    },
    /// What it says cannot be kept.
    #[error("{name}: {error}")]
    Rules {
        /// Which file.
        name: String,
        /// Why not.
        error: String,
    },
    /// More than anybody writes.
    #[error("{}: such a file has at most {LARGEST} bytes", .0.display())]
    Large(PathBuf),
    /// Two of one name.
    #[error("two of them are called '{0}'")]
    Twice(String),
}
