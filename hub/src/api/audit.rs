//! The record of who did what.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use model::audit::AuditAction;
use model::id::{AuditId, CentreId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Answer, Asked};
use crate::problem::Problem;
use crate::service::Caller;
use crate::service::audit::read::{self, Listed, Question};
use crate::service::audit::word;
use crate::web::Web;

/// Which entries.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Not before.
    from: Option<DateTime<Utc>>,
    /// Before.
    until: Option<DateTime<Utc>>,
    /// What was done, such as `child_health_seen`.
    action: Option<String>,
    /// Part of the name or e-mail address of who did it.
    #[param(max_length = 100)]
    actor: Option<String>,
    /// Part of the name or e-mail address of whom it is about.
    #[param(max_length = 100)]
    subject: Option<String>,
    /// At which centre.
    centre: Option<Uuid>,
    /// The time of the last entry that was told, for the ones before it; with `before_id`.
    before_at: Option<DateTime<Utc>>,
    /// The id of the last entry that was told.
    before_id: Option<Uuid>,
}

/// An entry.
#[derive(Serialize, ToSchema)]
pub struct AuditEntry {
    id: Uuid,
    /// Its place in the chain, once it has one.
    place: Option<u64>,
    at: DateTime<Utc>,
    /// What was done.
    #[schema(example = "child_health_seen")]
    action: String,
    centre: Option<Uuid>,
    /// Who did it: a name, a device, `hub` or `nobody`.
    actor: Option<String>,
    /// To whom.
    subject: Option<String>,
    /// Whom it was about was erased: nothing more can be read.
    erased: bool,
    from: Option<String>,
    notes: BTreeMap<String, String>,
}

impl From<Listed> for AuditEntry {
    fn from(entry: Listed) -> Self {
        Self {
            id: entry.id.0,
            place: entry.place,
            at: entry.at,
            action: entry.action,
            centre: entry.centre.map(|id| id.0),
            actor: entry.actor,
            subject: entry.subject,
            erased: entry.erased,
            from: entry.from,
            notes: entry.notes,
        }
    }
}

/// The entries that fit, the newest first, at most 200: an operator's of their centre, the system
/// admin's of all. Reading them is itself recorded.
#[utoipa::path(
    get, path = "/v1/audit", tag = "audit", params(Wanted),
    responses(
        (status = 200, body = Vec<AuditEntry>),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(
    State(web): State<Web>,
    caller: Caller,
    Asked(wanted): Asked<Wanted>,
) -> Answer<Json<Vec<AuditEntry>>> {
    read::reach(&caller, None)?;
    let action = match &wanted.action {
        None => None,
        Some(text) => Some(
            AuditAction::ALL
                .into_iter()
                .find(|action| word(*action) == *text)
                .ok_or_else(|| Problem::malformed("There is no such action."))?,
        ),
    };
    let short = |text: Option<String>| text.filter(|text| !text.is_empty());
    if [&wanted.actor, &wanted.subject].into_iter().flatten().any(|text| text.chars().count() > 100)
    {
        return Err(Problem::malformed("A name has at most 100 characters here.").into());
    }
    let question = Question {
        from: wanted.from,
        until: wanted.until,
        action,
        actor: short(wanted.actor),
        subject: short(wanted.subject),
        centre: wanted.centre.map(CentreId),
        before: wanted.before_at.zip(wanted.before_id.map(AuditId)),
    };
    let listed = read::entries(&web.hub, &caller, &question).await?;
    Ok(Json(listed.into_iter().map(AuditEntry::from).collect()))
}
