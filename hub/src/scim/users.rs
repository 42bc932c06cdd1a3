//! `/scim/v2/Users`.

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::id::{EmployerId, PersonId};
use serde_json::{Map, Value};

use super::answer::{Resource, Wrong};
use super::filter::Filter;
use super::resource::{self, MOST, USER, get as attribute, listed, location, said};
use crate::service::directory::{self, BadSaid, Entry};
use crate::service::{Caller, Refused, api_tokens};
use crate::web::Web;

type Answer = Result<Response, Wrong>;

/// How many users a list has where nobody says.
const USUAL: usize = 100;
/// A change has no more operations.
const MOST_OPERATIONS: usize = 100;

/// The users, or those that the filter chooses.
pub(super) async fn list(
    State(web): State<Web>,
    caller: Caller,
    Query(asked): Query<Vec<(String, String)>>,
) -> Answer {
    let employer = employer(&caller)?;
    let value = |name: &str| {
        asked
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    };
    let number = |name: &str, usual: i64| match value(name) {
        None => Ok(usual),
        Some(text) => text
            .parse::<i64>()
            .map_err(|_| Wrong::request("invalidValue", format!("{name} is a whole number."))),
    };
    let filter = value("filter").map(Filter::read).transpose()?;
    let start = usize::try_from(number("startIndex", 1)?.max(1)).unwrap_or(usize::MAX);
    let usual = i64::try_from(USUAL).unwrap_or_default();
    let count = usize::try_from(number("count", usual)?.max(0)).unwrap_or_default().min(MOST);
    let mut entries = directory::list(&web.hub, &caller, employer).await?;
    entries.retain(|entry| filter.as_ref().is_none_or(|filter| filter.chooses(entry)));
    let page = entries.iter().skip(start - 1).take(count).map(resource::user).collect();
    Ok(listed(entries.len(), start, page).into_response())
}

/// One of them.
pub(super) async fn get(State(web): State<Web>, caller: Caller, Path(id): Path<String>) -> Answer {
    let entry = directory::find(&web.hub, &caller, employer(&caller)?, person(&id)?).await?;
    Ok(Resource(StatusCode::OK, resource::user(&entry)).into_response())
}

/// A joiner.
pub(super) async fn add(
    State(web): State<Web>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let employer = employer(&caller)?;
    let said = said(&object(&headers, &body)?)?;
    let entry = directory::add(&web.hub, &caller, employer, said).await?.map_err(wrong)?;
    let place = [(header::LOCATION, location(&entry))];
    Ok((place, Resource(StatusCode::CREATED, resource::user(&entry))).into_response())
}

/// Somebody as they are now.
pub(super) async fn put(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let employer = employer(&caller)?;
    let said = said(&object(&headers, &body)?)?;
    let changed = directory::change(&web.hub, &caller, employer, person(&id)?, said).await?;
    changed_to(changed)
}

/// What has changed of somebody.
pub(super) async fn patch(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let (employer, id) = (employer(&caller)?, person(&id)?);
    let body = object(&headers, &body)?;
    let before = directory::find(&web.hub, &caller, employer, id).await?;
    let user = patched(resource::user(&before), &body)?;
    let changed = directory::change(&web.hub, &caller, employer, id, said(&user)?).await?;
    changed_to(changed)
}

/// A leaver.
pub(super) async fn delete(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer {
    directory::remove(&web.hub, &caller, employer(&caller)?, person(&id)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn changed_to(changed: Result<Entry, BadSaid>) -> Answer {
    let entry = changed.map_err(wrong)?;
    Ok(Resource(StatusCode::OK, resource::user(&entry)).into_response())
}

/// The employer whose directory asks: a token's own, or the one that a signed-in admin keeps.
fn employer(caller: &Caller) -> Result<EmployerId, Wrong> {
    api_tokens::employer_of(caller).ok_or_else(|| {
        let nobody = caller.person.is_none() && caller.actor.token.is_none();
        Wrong::from(if nobody { Refused::SignInFirst } else { Refused::Forbidden })
    })
}

fn person(id: &str) -> Result<PersonId, Wrong> {
    id.parse().map_err(|_| Refused::NotFound.into())
}

fn wrong(bad: BadSaid) -> Wrong {
    match bad {
        BadSaid::Taken => Wrong::taken(bad.to_string()),
        BadSaid::NotOwn => Wrong::request("mutability", bad.to_string()),
        BadSaid::Email | BadSaid::Name | BadSaid::ExternalId => {
            Wrong::request("invalidValue", bad.to_string())
        }
    }
}

fn object(headers: &HeaderMap, body: &[u8]) -> Result<Map<String, Value>, Wrong> {
    let kind = headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
    let kind = kind.map(|kind| kind.split(';').next().unwrap_or_default().trim());
    let readable = ["application/scim+json", "application/json"];
    if kind.is_some_and(|kind| !readable.iter().any(|one| kind.eq_ignore_ascii_case(one))) {
        return Err(Wrong::request("invalidSyntax", "Send application/scim+json."));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(map)) => Ok(map),
        _ => Err(Wrong::request("invalidSyntax", "The body is no JSON object.")),
    }
}

/// A user after a change (RFC 7644, 3.5.2).
fn patched(user: Value, change: &Map<String, Value>) -> Result<Map<String, Value>, Wrong> {
    let Value::Object(mut user) = user else {
        return Err(Wrong::request("invalidSyntax", "The user is no JSON object."));
    };
    let operations = match attribute(change, "Operations") {
        Some(Value::Array(list)) if !list.is_empty() && list.len() <= MOST_OPERATIONS => list,
        _ => return Err(Wrong::request("invalidSyntax", "Operations is a list of 1 to 100.")),
    };
    for operation in operations {
        let no_object = || Wrong::request("invalidSyntax", "An operation is no JSON object.");
        let operation = operation.as_object().ok_or_else(no_object)?;
        let kind = attribute(operation, "op").and_then(Value::as_str).unwrap_or_default();
        let path = match attribute(operation, "path") {
            None | Some(Value::Null) => None,
            Some(Value::String(path)) => Some(path.as_str()),
            Some(_) => return Err(Wrong::request("invalidPath", "A path is a text.")),
        };
        let value = attribute(operation, "value");
        match (kind.to_ascii_lowercase().as_str(), path, value) {
            ("add" | "replace", Some(path), Some(value)) => set(&mut user, path, value)?,
            ("add" | "replace", None, Some(Value::Object(values))) => {
                for (path, value) in values {
                    // What a whole user has beyond what is kept here is left aside, as in a PUT.
                    if Place::of(path).is_some() {
                        set(&mut user, path, value)?;
                    }
                }
            }
            ("remove", Some(path), _) => unset(&mut user, path)?,
            ("remove", None, _) => {
                return Err(Wrong::request("noTarget", "A removal needs a path."));
            }
            _ => {
                let detail = "An operation is add or replace with a value, or remove with a path.";
                return Err(Wrong::request("invalidSyntax", detail));
            }
        }
    }
    Ok(user)
}

/// What of a user a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    UserName,
    Name,
    NamePart(&'static str),
    DisplayName,
    Emails,
    EmailValue,
    Active,
    ExternalId,
    /// Given by the hub.
    Fixed,
}

impl Place {
    fn of(path: &str) -> Option<Self> {
        let path = path.trim();
        let prefix = format!("{}:", USER.to_ascii_lowercase());
        let path = path.to_ascii_lowercase();
        let path = path.strip_prefix(&prefix).unwrap_or(&path);
        // `emails[type eq "work"].value`: there is one address, whatever chooses it.
        if let Some((chosen, part)) =
            path.strip_prefix("emails[").and_then(|rest| rest.split_once(']'))
        {
            return match (chosen.contains(" eq "), part) {
                (true, "") => Some(Self::Emails),
                (true, ".value") => Some(Self::EmailValue),
                _ => None,
            };
        }
        Some(match path {
            "username" => Self::UserName,
            "name" => Self::Name,
            "name.formatted" => Self::NamePart("formatted"),
            "name.familyname" => Self::NamePart("familyName"),
            "name.givenname" => Self::NamePart("givenName"),
            "displayname" => Self::DisplayName,
            "emails" => Self::Emails,
            "emails.value" => Self::EmailValue,
            "active" => Self::Active,
            "externalid" => Self::ExternalId,
            "id" | "schemas" | "meta" => Self::Fixed,
            _ => return None,
        })
    }

    fn named(path: &str) -> Result<Self, Wrong> {
        Self::of(path)
            .ok_or_else(|| Wrong::request("invalidPath", format!("{path} names nothing here.")))
    }
}

fn set(user: &mut Map<String, Value>, path: &str, value: &Value) -> Result<(), Wrong> {
    let invalid = || Wrong::request("invalidValue", format!("{path} cannot be that."));
    let text = || value.as_str().map(|text| Value::from(text.to_owned())).ok_or_else(invalid);
    match Place::named(path)? {
        Place::UserName | Place::EmailValue => put_in(user, "userName", text()?),
        Place::Emails => put_in(user, "userName", address(value).ok_or_else(invalid)?),
        // The new name counts, whichever way it is told.
        Place::Name => {
            let parts = value.as_object().ok_or_else(invalid)?;
            user.remove("displayName");
            put_in(user, "name", Value::Object(parts.clone()));
        }
        Place::NamePart(part) => {
            let text = text()?;
            user.remove("displayName");
            let parts = user.entry("name").or_insert_with(|| Value::Object(Map::new()));
            let parts = parts.as_object_mut().ok_or_else(invalid)?;
            if part != "formatted" {
                parts.remove("formatted");
            }
            put_in(parts, part, text);
        }
        Place::DisplayName => put_in(user, "displayName", text()?),
        Place::Active => put_in(user, "active", value.clone()),
        Place::ExternalId => put_in(user, "externalId", text()?),
        Place::Fixed => {
            let same = attribute(user, path) == Some(value);
            if !same && !path.eq_ignore_ascii_case("schemas") && !path.eq_ignore_ascii_case("meta")
            {
                return Err(Wrong::request("mutability", format!("{path} is given by the hub.")));
            }
        }
    }
    Ok(())
}

fn unset(user: &mut Map<String, Value>, path: &str) -> Result<(), Wrong> {
    match Place::named(path)? {
        Place::ExternalId => drop(user.remove("externalId")),
        // A name that is taken away leaves the one that is known.
        Place::DisplayName | Place::Name | Place::NamePart(_) => {}
        // To take away that somebody is active is to say that they are not.
        Place::Active => put_in(user, "active", false.into()),
        Place::UserName | Place::Emails | Place::EmailValue | Place::Fixed => {
            return Err(Wrong::request("mutability", format!("{path} cannot be taken away.")));
        }
    }
    Ok(())
}

fn put_in(map: &mut Map<String, Value>, name: &str, value: Value) {
    map.insert(name.to_owned(), value);
}

/// The primary address of a list of them, or the first.
fn address(value: &Value) -> Option<Value> {
    let list = match value {
        Value::Array(list) => list.iter().collect(),
        one => vec![one],
    };
    let maps: Vec<_> = list.into_iter().filter_map(Value::as_object).collect();
    let primary = maps.iter().find(|map| attribute(map, "primary") == Some(&Value::Bool(true)));
    let map = primary.or(maps.first())?;
    attribute(map, "value").filter(|value| value.is_string()).cloned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use serde_json::json;

    use super::*;

    fn after(operations: Value) -> Result<directory::Said, Wrong> {
        let user = json!({
            "userName": "hana@bank.example",
            "name": { "formatted": "山本 花" },
            "displayName": "山本 花",
            "emails": [{ "value": "hana@bank.example", "primary": true }],
            "active": true,
            "externalId": "e-17",
        });
        let change = json!({ "Operations": operations });
        said(&patched(user, change.as_object().unwrap())?)
    }

    #[test]
    fn changes_are_read_as_directories_write_them() {
        for leaves in [
            json!([{ "op": "replace", "path": "active", "value": false }]),
            json!([{ "op": "Replace", "path": "active", "value": "False" }]),
            json!([{ "op": "replace", "value": { "active": false, "title": "係長" } }]),
            json!([{ "op": "remove", "path": "active" }]),
        ] {
            assert!(!after(leaves.clone()).unwrap().active, "{leaves}");
        }
        let moved = json!([
            { "op": "add", "path": "emails[type eq \"work\"].value", "value": "hana@new.example" },
            { "op": "replace", "path": "name.familyName", "value": "渡辺" },
            { "op": "replace", "path": "name.givenName", "value": "花" },
            { "op": "remove", "path": "externalId" },
        ]);
        let moved = after(moved).unwrap();
        assert_eq!(moved.email, "hana@new.example");
        assert_eq!(moved.name.as_deref(), Some("渡辺 花"));
        assert_eq!(moved.external_id, None);
        let list = json!([{ "op": "replace", "path": "emails", "value": [
            { "value": "a@x.example" }, { "value": "b@x.example", "primary": true }
        ] }]);
        assert_eq!(after(list).unwrap().email, "b@x.example");
    }

    #[test]
    fn changes_without_sense_are_refused() {
        for operations in [
            json!([]),
            json!("replace"),
            json!([7]),
            json!([{ "op": "move", "path": "active", "value": true }]),
            json!([{ "op": "replace", "path": "active" }]),
            json!([{ "op": "replace", "path": "password", "value": "x" }]),
            json!([{ "op": "replace", "path": "roles", "value": ["system_admin"] }]),
            json!([{ "op": "replace", "path": "id", "value": "x" }]),
            json!([{ "op": "replace", "path": "emails", "value": [7] }]),
            json!([{ "op": "replace", "path": 7, "value": true }]),
            json!([{ "op": "replace", "path": "active", "value": [] }]),
            json!([{ "op": "remove", "path": "userName" }]),
            json!([{ "op": "remove" }]),
            json!([{ "op": "replace", "value": [] }]),
            Value::Array(vec![json!({ "op": "remove", "path": "externalId" }); 101]),
        ] {
            assert!(after(operations.clone()).is_err(), "{operations:.80}");
        }
    }
}
