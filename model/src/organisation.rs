//! What an employer's own sign-in means here: whose address counts, and which roles it gives.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::EmployerId;
use crate::people::Grant;

/// A role that an employer may give its own people; there are no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberRole {
    /// 利用者
    Worker,
    /// An employer's admin.
    EmployerAdmin,
}

impl MemberRole {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Worker, Self::EmployerAdmin];

    /// The role, bounded to the employer.
    #[must_use]
    pub fn grant(self, employer: EmployerId) -> Grant {
        match self {
            Self::Worker => Grant::Worker { employer: Some(employer) },
            Self::EmployerAdmin => Grant::EmployerAdmin { employer },
        }
    }
}

/// Whoever's `claim` is `value`, or is a list that holds it, has the role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleRule {
    /// The claim's name.
    pub claim: String,
    /// The value.
    pub value: String,
    /// The role.
    pub role: MemberRole,
}

/// The roles that claims give. Without any rule for workers everybody of the provider is one.
#[must_use]
pub fn roles(rules: &[RoleRule], claims: &Map<String, Value>) -> BTreeSet<MemberRole> {
    let has = |rule: &RoleRule| match claims.get(&rule.claim) {
        Some(Value::Array(values)) => values.iter().any(|value| is(value, &rule.value)),
        Some(value) => is(value, &rule.value),
        None => false,
    };
    let mut roles: BTreeSet<MemberRole> =
        rules.iter().filter(|rule| has(rule)).map(|rule| rule.role).collect();
    if !rules.iter().any(|rule| rule.role == MemberRole::Worker) {
        roles.insert(MemberRole::Worker);
    }
    roles
}

fn is(value: &Value, wanted: &str) -> bool {
    match value {
        Value::String(text) => text == wanted,
        Value::Bool(truth) => truth.to_string() == wanted,
        Value::Number(number) => number.to_string() == wanted,
        _ => false,
    }
}

/// Whether the provider says that it has seen a second factor (`amr` of RFC 8176, or an `acr` that
/// names one).
#[must_use]
pub fn shows_second_factor(claims: &Map<String, Value>) -> bool {
    let methods: Vec<&str> = match claims.get("amr") {
        Some(Value::Array(methods)) => methods.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let kinds = [
        &["pwd", "pin", "kba"][..],
        &["otp", "hwk", "swk", "sms", "tel", "sc"],
        &["face", "fpt", "iris", "retina", "vbm"],
    ];
    let seen = kinds.iter().filter(|kind| methods.iter().any(|method| kind.contains(method)));
    let acr = claims.get("acr").and_then(Value::as_str).unwrap_or_default();
    methods.contains(&"mfa") || seen.count() > 1 || SECOND_FACTOR_ACRS.contains(&acr)
}

const SECOND_FACTOR_ACRS: [&str; 4] = [
    "phr",
    "phrh",
    "http://schemas.openid.net/pape/policies/2007/06/multi-factor",
    "https://refeds.org/profile/mfa",
];

/// The domain of an e-mail address, lower case; none where it is no address that mail could reach.
#[must_use]
pub fn domain_of(email: &str) -> Option<String> {
    let (local, domain) = email.rsplit_once('@')?;
    let fits = email.len() <= 254
        && !local.is_empty()
        && !local.contains(|c: char| c.is_whitespace() || c.is_control() || "@<>,;\"".contains(c))
        && is_domain(domain);
    fits.then(|| domain.to_lowercase())
}

/// Whether a text is the name of a domain: two labels at least, of letters, digits and hyphens.
#[must_use]
pub fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.contains('.') && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn rule(claim: &str, value: &str, role: MemberRole) -> RoleRule {
        RoleRule { claim: claim.into(), value: value.into(), role }
    }

    #[test]
    fn claims_give_the_roles_that_the_rules_name_and_no_other() {
        use MemberRole::{EmployerAdmin, Worker};
        let rules = [rule("groups", "desk", Worker), rule("groups", "admins", EmployerAdmin)];
        let give = |rules: &[RoleRule], value| -> Vec<_> {
            roles(rules, &claims(value)).into_iter().collect()
        };
        assert_eq!(give(&rules, json!({ "groups": ["desk", "admins"] })), [Worker, EmployerAdmin]);
        assert_eq!(give(&rules, json!({ "groups": "admins" })), [EmployerAdmin]);
        assert_eq!(give(&rules, json!({ "groups": ["Admins", "admins "] })), []);
        assert_eq!(give(&rules, json!({ "groups": [["admins"], { "admins": 1 }] })), []);
        assert_eq!(give(&rules, json!({ "group": "admins" })), []);
        assert_eq!(give(&rules[1..], json!({})), [Worker]);
        assert_eq!(
            give(&[rule("staff", "true", EmployerAdmin)], json!({ "staff": true })),
            [Worker, EmployerAdmin]
        );
        // A rule cannot name a role of another kind.
        assert!(
            serde_json::from_value::<RoleRule>(
                json!({ "claim": "groups", "value": "root", "role": "system_admin" })
            )
            .is_err()
        );
    }

    #[test]
    fn one_factor_is_not_two() {
        let cases = [
            (json!({}), false),
            (json!({ "amr": ["pwd"] }), false),
            (json!({ "amr": ["otp", "sms"] }), false),
            (json!({ "amr": "mfa" }), false),
            (json!({ "acr": "1" }), false),
            (json!({ "amr": ["pwd", "otp"] }), true),
            (json!({ "amr": ["hwk", "fpt"] }), true),
            (json!({ "amr": ["mfa"] }), true),
            (json!({ "acr": "phr" }), true),
        ];
        for (value, shows) in cases {
            assert_eq!(shows_second_factor(&claims(value.clone())), shows, "{value}");
        }
    }

    #[test]
    fn an_address_has_a_domain_or_is_none() {
        assert_eq!(domain_of("Hana@Bank.Example.JP"), Some("bank.example.jp".into()));
        for bad in [
            "",
            "bank.example",
            "@bank.example",
            "a@bank",
            "a@bank.example@",
            "a@b@bank.example",
            "a b@bank.example",
            "a@bank.example\n",
            "a@-bank.example",
            "a@銀行.example",
            "a@bank..example",
        ] {
            assert_eq!(domain_of(bad), None, "{bad:?}");
        }
    }
}
