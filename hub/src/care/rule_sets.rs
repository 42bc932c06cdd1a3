//! Rule sets: those that ship, and those that a town writes.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use model::care::rule_set::RuleSet;
use store::{Store, StoreError};

use super::data_file::{self, BadFile, Data};

/// The files that ship, by name.
const SHIPPED: [(&str, &str); 11] = data_file::texts!["childcare";
    "jp-art33-1998",
    "jp-art33-2024",
    "jp-age1-2025",
    "jp-temporary-general",
    "jp-company-led",
    "jp-unlicensed",
    "jp-open-to-all",
    "jp-sick-child",
    "england-eyfs-8",
    "england-eyfs-13",
    "california-title22",
];

/// All that ship.
///
/// # Errors
/// [`BadFile`] where one of them is not as it should be: a test holds that none is.
pub fn shipped() -> Result<Vec<RuleSet>, BadFile> {
    data_file::all(&SHIPPED)
}

/// All that ship and those in `files`.
///
/// # Errors
/// [`BadFile`] says which file holds no rules, and why.
pub fn shipped_and(files: &[PathBuf]) -> Result<Vec<RuleSet>, BadFile> {
    data_file::and(shipped()?, files)
}

/// Brings the rule sets that ship into the store, where they are not yet: what is kept is never changed, and a
/// rule that changes is a set of another name.
///
/// # Errors
/// [`StoreError`] when the store fails. A set that cannot be read is a fault of this version alone.
pub async fn keep_shipped(store: &dyn Store, at: DateTime<Utc>) -> Result<(), StoreError> {
    for set in data_file::fresh(shipped(), &store.rule_sets().await?)? {
        match store.add_rule_set(&set, at).await {
            // Another hub that starts just now was quicker.
            Err(StoreError::Duplicate(_)) => {}
            kept => kept?,
        }
    }
    Ok(())
}

/// The rule set of a file.
///
/// # Errors
/// [`BadFile`] says why there is none in it.
pub fn from_file(path: &Path) -> Result<RuleSet, BadFile> {
    data_file::from_file(path)
}

impl Data for RuleSet {
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

    use model::care::figure::{Figures, Heads, Setting};

    use super::*;

    #[test]
    fn what_ships_can_be_applied_and_says_where_it_comes_from() {
        let sets = shipped().unwrap();
        for ((name, _), set) in SHIPPED.iter().zip(&sets) {
            assert_eq!(set.name, *name);
            for text in [&set.title, &set.source] {
                assert!(text.ja.trim() == text.ja && text.en.trim() == text.en, "{name}: {text:?}");
                assert!(!text.ja.is_empty() && !text.en.is_empty(), "{name}");
            }
        }
        let unconfirmed: Vec<_> = sets.iter().filter(|set| !set.confirmed).collect();
        assert_eq!(unconfirmed.len(), 1, "temporary care is from general knowledge");
    }

    #[test]
    fn what_else_a_set_asks_for_is_there() {
        let sets = shipped().unwrap();
        let find = |name: &str| sets.iter().find(|set| set.name == name).unwrap();
        let heads = |of: &[(u32, u32)]| {
            let mut heads = Heads::default();
            of.iter().for_each(|(years, count)| heads.come(*years, *count));
            heads
        };
        let usual = Setting { main_hours: true, integrated: false };
        let sick = Figures::new(find("jp-sick-child"));
        let ten = heads(&[(1, 4), (5, 7)]);
        assert_eq!(sick.live_staff(&[ten], usual), 4);
        let nurse = sick.rules().kind("nurse").unwrap();
        assert_eq!(sick.also(ten.total()).collect::<Vec<_>>(), [(nurse, 2)]);
        let unlicensed = Figures::new(find("jp-unlicensed"));
        let few = [heads(&[(3, 2)])];
        assert_eq!(unlicensed.live_staff(&few, usual), 2);
        assert_eq!(unlicensed.live_staff(&few, Setting { main_hours: false, ..usual }), 1);
        assert_eq!(unlicensed.qualified_among(4), 2);
        assert_eq!(unlicensed.floor_for(&few[0]), 330);
        let temporary = Figures::new(find("jp-temporary-general"));
        assert_eq!(temporary.live_staff(&few, Setting { integrated: true, ..usual }), 1);
        assert_eq!((temporary.qualified_among(1), temporary.qualified_among(3)), (1, 2));
    }

    #[test]
    fn a_file_that_holds_no_rules_says_so() {
        let (_, good) = SHIPPED[0];
        let said =
            |text: &str| data_file::read::<RuleSet>(text, "town.toml").unwrap_err().to_string();
        assert!(said("").contains("missing field `name`"), "{}", said(""));
        let odd = good.replace("children = 3\n", "children = -3\n");
        assert!(said(&odd).contains("town.toml: TOML parse error at line"), "{}", said(&odd));
        let odd = good.replace("confirmed = true", "confirmed = true\ncolour = 1");
        assert!(said(&odd).contains("colour"), "{}", said(&odd));
        let none = good.replace("children = 3\n", "children = 0\n");
        assert_eq!(said(&none), "town.toml: band.children is from 1 to 100");
        let nowhere = shipped_and(&[PathBuf::from("/nowhere.toml")]).unwrap_err();
        assert!(nowhere.to_string().starts_with("/nowhere.toml: "), "{nowhere}");
    }
}
