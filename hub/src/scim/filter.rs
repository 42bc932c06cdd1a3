//! The filters that directories use to find somebody: `userName eq "hana@bank.example"`.

use serde_json::Value;

use super::answer::Wrong;
use crate::service::directory::Entry;

/// What somebody is looked for by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    /// Their address; letters of either case are the same.
    UserName(String),
    /// What the directory calls them.
    ExternalId(String),
    /// Their id here.
    Id(String),
    /// Whether they are active.
    Active(bool),
}

impl Filter {
    /// Reads one; nothing asks for everybody.
    pub fn read(text: &str) -> Result<Self, Wrong> {
        let bad = || {
            Wrong::request(
                "invalidFilter",
                "userName, externalId, id and active can be compared with eq, one at a time.",
            )
        };
        let (attribute, rest) = text.trim().split_once(' ').ok_or_else(bad)?;
        let (operator, value) = rest.trim_start().split_once(' ').ok_or_else(bad)?;
        if !operator.eq_ignore_ascii_case("eq") {
            return Err(bad());
        }
        let value: Value = serde_json::from_str(value.trim()).map_err(|_| bad())?;
        match (attribute.to_ascii_lowercase().as_str(), value) {
            ("username" | "emails" | "emails.value", Value::String(text)) => {
                Ok(Self::UserName(text.to_lowercase()))
            }
            ("externalid", Value::String(text)) => Ok(Self::ExternalId(text)),
            ("id", Value::String(text)) => Ok(Self::Id(text)),
            ("active", Value::Bool(active)) => Ok(Self::Active(active)),
            _ => Err(bad()),
        }
    }

    /// Whether it chooses this one.
    pub fn chooses(&self, entry: &Entry) -> bool {
        match self {
            Self::UserName(email) => entry.email == *email,
            Self::ExternalId(id) => entry.external_id.as_ref() == Some(id),
            Self::Id(id) => entry.id.to_string() == *id,
            Self::Active(active) => entry.active == *active,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    #[test]
    fn filters_are_read_as_directories_write_them() {
        let hana = Filter::UserName("hana@bank.example".into());
        for text in [
            r#"userName eq "hana@bank.example""#,
            r#" USERNAME  EQ  "Hana@bank.example" "#,
            r#"emails.value eq "hana@bank.example""#,
        ] {
            assert_eq!(Filter::read(text).unwrap(), hana, "{text}");
        }
        let quoted = Filter::read(r#"externalId eq "a \" b""#).unwrap();
        assert_eq!(quoted, Filter::ExternalId("a \" b".into()));
        assert_eq!(Filter::read("active eq false").unwrap(), Filter::Active(false));
    }

    #[test]
    fn other_filters_are_refused_and_not_guessed() {
        for text in [
            "",
            "userName",
            "userName eq",
            "userName eq hana",
            r#"userName sw "hana""#,
            r#"userName eq "a" or userName eq "b""#,
            r#"password eq "x""#,
            r#"active eq "true""#,
            r#"userName eq "a"#,
            "userName eq \u{0}",
        ] {
            assert!(Filter::read(text).is_err(), "{text:?}");
        }
    }
}
