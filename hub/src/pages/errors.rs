//! Something went wrong: a page that says what, and the way on.

use askama::Template;
use axum::extract::{OriginalUri, Request};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use super::frame::{Frame, Part, encode};
use super::html;
use crate::problem::Problem;
use crate::service::{Caller, Refused};
use crate::web::refusal::Hint;

#[derive(Template)]
#[template(path = "error.html")]
struct Page {
    f: Frame,
    status: u16,
    sign: &'static str,
    title: &'static str,
    lead: &'static str,
    again: Option<String>,
    /// The way to a second factor.
    second: Option<String>,
}

/// No such page.
pub async fn not_found() -> Refused {
    Refused::NotFound
}

/// Gives an answer that is only a status a page of its own, in the caller's language; whoever must
/// sign in first is taken there.
pub async fn dress(OriginalUri(uri): OriginalUri, request: Request, next: Next) -> Response {
    let reads = request.method() == Method::GET;
    let response = next.run(request).await;
    let status = response.status();
    let written = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
    let Some(caller) = response.extensions().get::<Caller>() else { return response };
    if written || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let here = uri.path_and_query().map_or("/", |all| all.as_str());
    if response.extensions().get() == Some(&Hint::BadToken) {
        return Problem::from(Refused::BadToken).into_response();
    }
    if status == StatusCode::UNAUTHORIZED {
        let next = if reads { here } else { "/" };
        return Redirect::to(&format!("/sign-in?next={}", encode(next))).into_response();
    }
    let hint = response.extensions().get::<Hint>().copied();
    if hint == Some(Hint::Proof) {
        let next = if reads { here } else { "/account/sign-in" };
        let to = format!("/account/sign-in/prove?next={}", encode(next));
        return Redirect::to(&to).into_response();
    }
    let mut dressed = page(caller, status, hint, reads.then(|| here.to_owned()));
    for name in [header::ALLOW, header::RETRY_AFTER] {
        if let Some(value) = response.headers().get(&name) {
            dressed.headers_mut().insert(name, value.clone());
        }
    }
    dressed
}

fn page(caller: &Caller, status: StatusCode, hint: Option<Hint>, here: Option<String>) -> Response {
    let f = Frame::new(caller, Part::Elsewhere);
    let (sign, title, lead) = match (status, hint) {
        (StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED, _) => (
            "question",
            f.say("そのページは見つかりません", "There is no such page"),
            f.say(
                "消されたか、アドレスが違うか、あなたのものではない予約かもしれません。",
                "It may be gone, the address may be mistyped, or it may be somebody else's booking.",
            ),
        ),
        (_, Some(Hint::Csrf)) => (
            "warn",
            f.say("もう一度送ってください", "Please send it once more"),
            f.say(
                "画面を開いてから時間がたったか、別のところでサインインし直したようです。前の画面を開き直してください。何も変わっていません。",
                "The page was opened a while ago, or you have signed in again since. Open it afresh; nothing has changed.",
            ),
        ),
        (_, Some(Hint::SecondFactor)) => (
            "lock",
            f.say("もう1つの確認が必要です", "One more step is needed"),
            f.say(
                "ほかの人の情報がある画面です。パスワードのほかに、認証アプリかパスキーでの確認をお願いします。",
                "This page holds other people’s data. Beside your password it takes an authenticator app or a passkey.",
            ),
        ),
        (StatusCode::FORBIDDEN, _) => (
            "lock",
            f.say("この画面を見る権限がありません", "You do not have the right to see this"),
            f.say(
                "必要なときは、センターの人か広域の担当者に伝えてください。",
                "If you need it, ask your centre or the region's office.",
            ),
        ),
        (StatusCode::PAYLOAD_TOO_LARGE, _) => (
            "warn",
            f.say("送られた内容が大きすぎます", "What was sent is too long"),
            f.say("短くして、もう一度送ってください。", "Please shorten it and send it again."),
        ),
        (StatusCode::TOO_MANY_REQUESTS, _) => (
            "warn",
            f.say("少し待ってから、もう一度開いてください", "Please wait a moment and try again"),
            f.say(
                "短い時間にたくさん送られました。1分ほどで、また使えます。予約は消えていません。",
                "Too much was sent in a short time. It works again in about a minute, and your bookings are safe.",
            ),
        ),
        (StatusCode::SERVICE_UNAVAILABLE, _) => (
            "offline",
            f.say("いま表示できません", "We cannot look that up just now"),
            f.say(
                "少し待って、もう一度開いてください。予約は消えていません。扉とカードは動いています。",
                "Please try again in a moment. Your bookings are safe, and doors and cards still work.",
            ),
        ),
        (status, _) if status.is_server_error() => (
            "warn",
            f.say("こちらの不具合です", "Something failed on our side"),
            f.say(
                "少し待って、もう一度開いてください。予約は消えていません。",
                "Please try again in a moment. Your bookings are safe.",
            ),
        ),
        _ => (
            "question",
            f.say("送られた内容が読み取れません", "What was sent cannot be read"),
            f.say("前の画面に戻って、もう一度お試しください。", "Please go back and try again."),
        ),
    };
    let second = (hint == Some(Hint::SecondFactor))
        .then(|| format!("/sign-in/second?next={}", encode(here.as_deref().unwrap_or("/"))));
    let again = here.filter(|_| status.is_server_error());
    html(status, &Page { f, status: status.as_u16(), sign, title, lead, again, second })
}
