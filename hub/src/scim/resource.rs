//! What is served here, told in SCIM's own words, and how somebody looks in it.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::answer::{Resource, Wrong};
use crate::service::directory::{Entry, Said};

/// The schema of users.
pub(super) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// Where that schema is told of.
pub(super) const SCHEMA_PATH: &str = "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User";
const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// A list is no longer.
pub(super) const MOST: usize = 200;

/// `GET /scim/v2/ServiceProviderConfig`
pub(super) async fn config() -> Resource {
    let not = json!({ "supported": false });
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": { "supported": true },
        "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
        "filter": { "supported": true, "maxResults": MOST },
        "changePassword": not,
        "sort": not,
        "etag": not,
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Employer's token",
            "description": "Made by an employer's admin on the employer's page.",
            "primary": true,
        }],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": "/scim/v2/ServiceProviderConfig",
        },
    });
    Resource(StatusCode::OK, body)
}

/// `GET /scim/v2/ResourceTypes`
pub(super) async fn types() -> Resource {
    listed(1, 1, vec![the_type()])
}

/// `GET /scim/v2/ResourceTypes/User`
pub(super) async fn user_type() -> Resource {
    Resource(StatusCode::OK, the_type())
}

/// `GET /scim/v2/Schemas`
pub(super) async fn schemas() -> Resource {
    listed(1, 1, vec![the_schema()])
}

/// The schema of users by its name.
pub(super) async fn schema() -> Resource {
    Resource(StatusCode::OK, the_schema())
}

/// A list that begins at the place `start` of `total`.
pub(super) fn listed(total: usize, start: usize, resources: Vec<Value>) -> Resource {
    let body = json!({
        "schemas": [LIST],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": resources.len(),
        "Resources": resources,
    });
    Resource(StatusCode::OK, body)
}

/// Where somebody stands.
pub(super) fn location(entry: &Entry) -> String {
    format!("/scim/v2/Users/{}", entry.id)
}

/// Somebody as a user.
pub(super) fn user(entry: &Entry) -> Value {
    let mut user = json!({
        "schemas": [USER],
        "id": entry.id.to_string(),
        "userName": entry.email,
        "name": { "formatted": entry.name },
        "displayName": entry.name,
        "emails": [{ "value": entry.email, "type": "work", "primary": true }],
        "active": entry.active,
        "meta": { "resourceType": "User", "location": location(entry) },
    });
    if let Some(external_id) = &entry.external_id {
        user["externalId"] = external_id.as_str().into();
    }
    if let Some(at) = entry.changed_at {
        user["meta"]["lastModified"] = json!(at);
    }
    user
}

/// What a user says, whatever else it has. Names of attributes are the same in either case.
pub(super) fn said(user: &Map<String, Value>) -> Result<Said, Wrong> {
    let invalid = |what: &str| Wrong::request("invalidValue", format!("{what} cannot be read."));
    let email = match get(user, "userName") {
        Some(Value::String(email)) => email.clone(),
        _ => return Err(invalid("userName")),
    };
    let external_id = match get(user, "externalId") {
        None | Some(Value::Null) => None,
        Some(Value::String(id)) => Some(id.clone()).filter(|id| !id.is_empty()),
        Some(_) => return Err(invalid("externalId")),
    };
    let active = match get(user, "active") {
        None | Some(Value::Null) => true,
        Some(value) => truth(value).ok_or_else(|| invalid("active"))?,
    };
    Ok(Said { email, name: name(user), external_id, active })
}

/// The value called `name`, in letters of either case.
pub(super) fn get<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    map.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn name(user: &Map<String, Value>) -> Option<String> {
    let text = |value: Option<&Value>| {
        value.and_then(Value::as_str).filter(|text| !text.trim().is_empty()).map(str::to_owned)
    };
    let parts = get(user, "name").and_then(Value::as_object);
    let part = |name| text(parts.and_then(|parts| get(parts, name)));
    let together = || match (part("familyName"), part("givenName")) {
        (Some(family), Some(given)) => Some(format!("{family} {given}")),
        (one, other) => one.or(other),
    };
    text(get(user, "displayName")).or_else(|| part("formatted")).or_else(together)
}

/// Some directories write truth as text.
fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn the_type() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": "User",
        "name": "User",
        "endpoint": "/Users",
        "description": "A worker of the employer.",
        "schema": USER,
        "meta": { "resourceType": "ResourceType", "location": "/scim/v2/ResourceTypes/User" },
    })
}

fn the_schema() -> Value {
    let attribute = |name: &str, kind: &str, required: bool, unique: &str| {
        json!({
            "name": name,
            "type": kind,
            "multiValued": false,
            "description": name,
            "required": required,
            "caseExact": false,
            "mutability": "readWrite",
            "returned": "default",
            "uniqueness": unique,
        })
    };
    let part = |name: &str| attribute(name, "string", false, "none");
    let mut whole_name = attribute("name", "complex", false, "none");
    whole_name["subAttributes"] = json!([part("formatted"), part("familyName"), part("givenName")]);
    let mut emails = attribute("emails", "complex", false, "none");
    emails["multiValued"] = true.into();
    emails["subAttributes"] =
        json!([part("value"), part("type"), attribute("primary", "boolean", false, "none")]);
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": USER,
        "name": "User",
        "description": "A worker of the employer; userName is their e-mail address.",
        "attributes": [
            attribute("userName", "string", true, "server"),
            whole_name,
            part("displayName"),
            emails,
            attribute("active", "boolean", false, "none"),
            part("externalId"),
        ],
        "meta": { "resourceType": "Schema", "location": format!("/scim/v2/Schemas/{USER}") },
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    fn read(user: Value) -> Result<Said, Wrong> {
        said(user.as_object().unwrap())
    }

    #[test]
    fn a_user_is_read_as_directories_write_one() {
        let said = read(json!({
            "schemas": [USER],
            "username": "hana@bank.example",
            "name": { "familyName": "山本", "givenName": "花" },
            "active": "False",
            "externalId": "e-17",
            "title": "係長",
        }))
        .unwrap();
        assert_eq!(said.name.as_deref(), Some("山本 花"));
        assert_eq!((said.active, said.external_id.as_deref()), (false, Some("e-17")));
        let plain = read(json!({ "userName": "hana@bank.example" })).unwrap();
        assert_eq!((plain.active, plain.name), (true, None));
    }

    #[test]
    fn a_user_without_sense_is_refused() {
        for user in [
            json!({}),
            json!({ "userName": 7 }),
            json!({ "userName": "a@b.example", "active": "perhaps" }),
            json!({ "userName": "a@b.example", "externalId": ["x"] }),
        ] {
            assert!(read(user.clone()).is_err(), "{user}");
        }
    }
}
