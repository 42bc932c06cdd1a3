//! Schemes that care is given under: those that ship, and those that a town writes.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use model::care::scheme::Scheme;
use store::{Store, StoreError};

use super::data_file::{self, BadFile, Data};

/// The files that ship, by name.
const SHIPPED: [(&str, &str); 5] = data_file::texts!["schemes";
    "jp-temporary",
    "jp-open-to-all",
    "kasugai-temporary",
    "edogawa-temporary",
    "matsudo-temporary",
];

/// All that ship.
///
/// # Errors
/// [`BadFile`] where one of them is not as it should be: a test holds that none is.
pub fn shipped() -> Result<Vec<Scheme>, BadFile> {
    data_file::all(&SHIPPED)
}

/// All that ship and those in `files`.
///
/// # Errors
/// [`BadFile`] says which file holds no scheme, and why.
pub fn shipped_and(files: &[PathBuf]) -> Result<Vec<Scheme>, BadFile> {
    data_file::and(shipped()?, files)
}

/// The scheme of a file.
///
/// # Errors
/// [`BadFile`] says why there is none in it.
pub fn from_file(path: &Path) -> Result<Scheme, BadFile> {
    data_file::from_file(path)
}

/// Brings the schemes that ship into the store, where they are not yet: what is kept is never changed, and a scheme
/// that changes is one of another name.
///
/// # Errors
/// [`StoreError`] when the store fails. A scheme that cannot be read is a fault of this version alone.
pub async fn keep_shipped(store: &dyn Store, at: DateTime<Utc>) -> Result<(), StoreError> {
    for scheme in data_file::fresh(shipped(), &store.schemes().await?)? {
        match store.add_scheme(&scheme, at).await {
            // Another hub that starts just now was quicker.
            Err(StoreError::Duplicate(_)) => {}
            kept => kept?,
        }
    }
    Ok(())
}

impl Data for Scheme {
    fn name(&self) -> &str {
        &self.name
    }

    fn problem(&self) -> Option<String> {
        self.check().err().map(|bad| bad.to_string())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    #[test]
    fn what_ships_can_be_kept_and_says_where_it_comes_from() {
        let schemes = shipped().unwrap();
        for ((name, _), scheme) in SHIPPED.iter().zip(&schemes) {
            assert_eq!(scheme.name, *name);
            for text in [&scheme.title, &scheme.source] {
                assert!(text.ja.trim() == text.ja && text.en.trim() == text.en, "{name}: {text:?}");
                assert!(!text.ja.is_empty() && !text.en.is_empty(), "{name}");
            }
        }
        let open = schemes.iter().find(|one| one.name == "jp-open-to-all").unwrap();
        assert!(!open.needs_desk, "never conditional on a desk");
        let unconfirmed: Vec<_> = schemes.iter().filter(|one| !one.confirmed).collect();
        assert_eq!(unconfirmed.len(), 1, "temporary care without a town is from general knowledge");
    }

    #[test]
    fn a_file_that_holds_no_scheme_says_so() {
        let (_, good) = SHIPPED[1];
        let said =
            |text: &str| data_file::read::<Scheme>(text, "town.toml").unwrap_err().to_string();
        assert!(said("").contains("missing field `name`"), "{}", said(""));
        assert!(
            said(&good.replace("most = 600", "most = -1")).contains("TOML parse error at line")
        );
        assert!(said(&good.replace("most = 600", "most = 1\ncolour = 1")).contains("colour"));
        let old = good.replace("below_years = 3", "below_years = 30");
        assert_eq!(said(&old), "town.toml: below_years is from 1 to 18");
    }
}
