//! A centre's devices: how each stands, and how they come and go.

pub mod enrol_code;
pub mod revoke;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, Utc};
use model::centre::Centre;
use model::day_sheet::DeviceKind;
use model::device::RevokedFor;
use store::DeviceRecord;

use super::find;
use crate::pages::fields::{Asked, Fields, Posted};
use crate::pages::frame::{Frame, Part};
use crate::pages::{html, words};
use crate::service::devices::{self, Added, Standing};
use crate::service::{Caller, Refused};
use crate::web::Web;

#[derive(Template)]
#[template(path = "operations/devices.html")]
struct Page {
    f: Frame,
    slug: String,
    centre: String,
    rows: Vec<Row>,
    done: Option<String>,
    name: String,
    kind: &'static str,
    kinds: Vec<(&'static str, &'static str)>,
    error: Option<String>,
}

/// A device as it is shown.
struct Row {
    device: String,
    kind: &'static str,
    badge: &'static str,
    state: String,
    more: Option<String>,
    ends: Option<String>,
    seen: Option<String>,
    names: Option<String>,
    never_enrolled: bool,
    revocable: bool,
}

/// `/operations/{slug}/devices`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Path(slug): Path<String>,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    let (_, centre) = find(&web, &caller, &slug).await?;
    let f = Frame::new(&caller, Part::Operations);
    let done = match asked.get("done") {
        "added" => Some(f.say(
            "装置を追加しました。登録コードを発行してください。",
            "The device was added. It needs a code now.",
        )),
        "removed" => Some(f.say("装置を削除しました", "The device was removed")),
        "revoked" => Some(f.say(
            "装置を停止しました。数秒で接続が切れます。",
            "The device is locked out; its connections end within seconds.",
        )),
        "kept" => Some(f.say(
            "この装置は登録済みのため削除できません。停止してください。",
            "This device was enrolled and cannot be removed; lock it out instead.",
        )),
        _ => None,
    };
    let done = done.map(str::to_owned);
    page(&web, &caller, &centre, f, done, &Fields::default(), None).await
}

/// Adds one.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Path(slug): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let (_, centre) = find(&web, &caller, &slug).await?;
    let f = Frame::new(&caller, Part::Operations);
    let kind = fields.get("kind").parse().unwrap_or(DeviceKind::Kiosk);
    let error = match devices::add(&web.hub, &caller, &centre, kind, fields.get("name")).await? {
        Added::Done(_) => {
            return Ok(
                Redirect::to(&format!("/operations/{slug}/devices?done=added")).into_response()
            );
        }
        Added::BadName => f.say(
            "半角の英小文字・数字・ハイフンで入れてください（例：kiosk-2）",
            "Use small letters, digits and hyphens, such as kiosk-2",
        ),
        Added::Taken => f.say("同じ名前の装置がすでにあります", "There is a device of this name"),
    };
    let error = error.to_owned();
    page(&web, &caller, &centre, f, None, &fields, Some(error)).await
}

/// Removes one that was never enrolled.
pub async fn remove(
    State(web): State<Web>,
    caller: Caller,
    Path((slug, device)): Path<(String, String)>,
    Posted(_): Posted,
) -> Result<Response, Refused> {
    let (_, centre) = find(&web, &caller, &slug).await?;
    let removed = devices::remove(&web.hub, &caller, &centre, &device).await?;
    let done = if removed { "removed" } else { "kept" };
    Ok(Redirect::to(&format!("/operations/{slug}/devices?done={done}")).into_response())
}

async fn page(
    web: &Web,
    caller: &Caller,
    centre: &Centre,
    f: Frame,
    done: Option<String>,
    typed: &Fields,
    error: Option<String>,
) -> Result<Response, Refused> {
    use DeviceKind::{Edge, Kiosk, Seat, Staff, Thing, Viewer};

    let records = devices::list(&web.hub, caller, centre).await?;
    let now = web.hub.now();
    let rows = records.iter().map(|record| row(&f, centre, record, now)).collect();
    let has_edge = records.iter().any(|record| record.kind == Edge);
    let kinds = [Kiosk, Seat, Staff, Thing, Viewer, Edge].into_iter();
    let kinds = kinds.filter(|kind| *kind != Edge || !has_edge);
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = Page {
        slug: centre.slug.to_string(),
        centre: f.get(&centre.name).to_owned(),
        rows,
        done,
        name: typed.get("name").to_owned(),
        kind: typed.get("kind").parse().unwrap_or(Kiosk).as_str(),
        kinds: kinds.map(|kind| (kind.as_str(), kind_words(&f, kind))).collect(),
        error,
        f,
    };
    Ok(html(status, &page))
}

fn row(f: &Frame, centre: &Centre, record: &DeviceRecord, now: DateTime<Utc>) -> Row {
    let standing = devices::standing(record, now);
    let code = |until: Option<DateTime<Utc>>| {
        until.map(|until| {
            let until = moment(f, centre, until);
            if f.ja() {
                format!("登録コードは{until}まで使えます")
            } else {
                format!("A code waits until {until}")
            }
        })
    };
    let (badge, state, more) = match standing {
        Standing::New(until) => ("info", f.say("未登録", "Not enrolled").to_owned(), code(until)),
        Standing::Good(_) => ("ok", f.say("使用中", "In use").to_owned(), None),
        Standing::Ended => (
            "warn",
            f.say("証明書の期限切れ", "Certificate ended").to_owned(),
            Some(f.say("新しい登録コードが必要です", "It needs a new code").to_owned()),
        ),
        Standing::Revoked(at, reason, until) => {
            let (why, at) = (reason_words(f, reason), moment(f, centre, at));
            let state = if f.ja() {
                format!("停止中（{why}・{at}）")
            } else {
                format!("Locked out ({why}, {at})")
            };
            ("warn", state, code(until))
        }
    };
    let ends = match standing {
        Standing::Good(ends) => Some(moment(f, centre, ends)),
        _ => None,
    };
    Row {
        device: record.device.to_string(),
        kind: kind_words(f, record.kind),
        badge,
        state,
        more,
        ends,
        seen: record.last_seen_at.map(|at| moment(f, centre, at)),
        names: (record.kind == DeviceKind::Edge).then(|| record.names.join(", ")),
        never_enrolled: record.enrolled_at.is_none(),
        revocable: matches!(standing, Standing::Good(_) | Standing::Ended),
    }
}

fn moment(f: &Frame, centre: &Centre, time: DateTime<Utc>) -> String {
    let day = time.with_timezone(&centre.time_zone).date_naive();
    format!("{} {}", words::full_date(f.language(), day), words::clock(time, centre.time_zone))
}

fn kind_words(f: &Frame, kind: DeviceKind) -> &'static str {
    let ja = f.ja();
    match kind {
        DeviceKind::Edge if ja => "館内の制御装置",
        DeviceKind::Edge => "Site controller",
        DeviceKind::Kiosk if ja => "受付の画面",
        DeviceKind::Kiosk => "Lobby screen",
        DeviceKind::Staff if ja => "保育室の画面",
        DeviceKind::Staff => "Nursery staff screen",
        DeviceKind::Seat if ja => "席の端末",
        DeviceKind::Seat => "Desk terminal",
        DeviceKind::Thing if ja => "センサー・錠（Homie）",
        DeviceKind::Thing => "Sensor or lock (Homie)",
        DeviceKind::Viewer if ja => "見るだけの連携（Home Assistantなど）",
        DeviceKind::Viewer => "Looks on (such as Home Assistant)",
    }
}

fn reason_words(f: &Frame, reason: RevokedFor) -> &'static str {
    let ja = f.ja();
    match reason {
        RevokedFor::Lost => {
            if ja {
                "紛失・盗難"
            } else {
                "lost or stolen"
            }
        }
        RevokedFor::Broken => {
            if ja {
                "故障・修理"
            } else {
                "broken"
            }
        }
        RevokedFor::Retired => {
            if ja {
                "使わなくなった"
            } else {
                "no longer used"
            }
        }
    }
}
