//! Changing the password.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Redirect, Response};

use super::with_session;
use crate::pages::fields::Posted;
use crate::pages::frame::{Frame, Part};
use crate::pages::html;
use crate::pages::sign_in::{later, minutes_until};
use crate::service::password::{self, Changed, SHORTEST, Weak};
use crate::service::{Caller, Refused, proof};
use crate::web::Web;

#[derive(Template)]
#[template(path = "account/sign-in/password.html")]
struct Page {
    f: Frame,
    email: String,
    has_password: bool,
    shortest: usize,
    wrong_old: bool,
    weak: Option<&'static str>,
    wait_minutes: Option<i64>,
}

/// `/account/sign-in/password`
pub async fn get(State(web): State<Web>, caller: Caller) -> Result<Response, Refused> {
    Ok(html(StatusCode::OK, &page(&web, &caller).await?))
}

/// Changes it.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let page = page(&web, &caller).await?;
    let (old, new) = (fields.get("old"), fields.get("new"));
    let page = match password::change(&web.hub, &web.throttle, &caller, old, new).await? {
        Changed::Done(started) => {
            let on = Redirect::to("/account/sign-in?done=password");
            return Ok(with_session(&web, Some(&started), on));
        }
        Changed::Wait(until) => {
            let page = Page { wait_minutes: Some(minutes_until(&web, until)), ..page };
            return Ok(later(&web, until, &page));
        }
        Changed::WrongOld => Page { wrong_old: true, ..page },
        Changed::Weak(weak) => Page { weak: Some(why(&page.f, weak)), ..page },
    };
    Ok(html(StatusCode::UNPROCESSABLE_ENTITY, &page))
}

async fn page(web: &Web, caller: &Caller) -> Result<Page, Refused> {
    let has_password = proof::can_show(&web.hub, caller).await?.password;
    // Whoever has a password shows it in this very form.
    if !has_password {
        proof::recent(&web.hub, caller).await?;
    }
    Ok(Page {
        f: Frame::new(caller, Part::Account),
        email: caller.signed_in()?.email.clone(),
        has_password,
        shortest: SHORTEST,
        wrong_old: false,
        weak: None,
        wait_minutes: None,
    })
}

fn why(f: &Frame, weak: Weak) -> &'static str {
    match weak {
        Weak::Short => f.say("10文字以上にしてください", "Please use at least 10 characters"),
        Weak::Long => f.say("128文字までにしてください", "Please use at most 128 characters"),
        Weak::Own => f.say(
            "名前やメールアドレスから当てられます。ほかの言葉にしてください",
            "It can be guessed from your name or e-mail. Please use other words",
        ),
        Weak::Common => f.say(
            "よく使われているので、すぐに当てられます",
            "Many people use that one, so it is guessed at once",
        ),
        Weak::Keys => f.say(
            "キーボードの並びはすぐに当てられます",
            "Keys that lie side by side are guessed at once",
        ),
        Weak::Repeated => f.say(
            "同じ文字や言葉のくり返しは、すぐに当てられます",
            "Repeating the same letters or words is guessed at once",
        ),
        Weak::InOrder => f.say(
            "「abc」や「123」のような順番は、すぐに当てられます",
            "Letters or digits in their order are guessed at once",
        ),
        Weak::Date => f.say(
            "日付や年はすぐに当てられます。言葉を足してください",
            "Dates and years are guessed at once. Please add some words",
        ),
        Weak::Name => f.say(
            "人の名前だけでは、すぐに当てられます。ほかの言葉を足してください",
            "Names alone are guessed at once. Please add other words",
        ),
        Weak::Guessable => f.say(
            "当てられやすいです。関係のない言葉を、もういくつか足してください",
            "That is easy to guess. Please add a few words that have nothing to do with each other",
        ),
        Weak::Stolen => f.say(
            "ほかの場所で盗まれたパスワードの一覧に入っています。別のものにしてください",
            "It stands in a list of passwords that were stolen elsewhere. Please use another",
        ),
    }
}
