//! The caller's own cards.

pub mod add;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use model::card::{CardLevel, CardState, LONGEST_LABEL};
use model::id::CredentialId;
use store::{Credential, KEY_RETIRED};

use crate::pages::fields::{Asked, Posted};
use crate::pages::frame::{Frame, Part};
use crate::pages::{html, wish, words};
use crate::service::{Caller, Refused, cards};
use crate::web::Web;

#[derive(Template)]
#[template(path = "account/cards.html")]
struct Page {
    f: Frame,
    cards: Vec<Card>,
    done: Option<&'static str>,
    bad_name: bool,
    longest: usize,
}

/// A card as it is shown.
pub(crate) struct Card {
    pub(crate) id: CredentialId,
    pub(crate) label: String,
    pub(crate) state: CardState,
    pub(crate) badge: &'static str,
    pub(crate) words: &'static str,
    pub(crate) since: String,
    pub(crate) until: Option<String>,
    /// Whether it can be copied; nothing of a card that is at its end.
    pub(crate) copies: Option<&'static str>,
    /// Why it is so, where somebody said.
    pub(crate) why: Option<String>,
}

impl Card {
    pub(crate) fn new(f: &Frame, card: Credential, now: DateTime<Utc>, zone: Tz) -> Self {
        let state = card.state_at(now);
        let day = |time: DateTime<Utc>| {
            words::full_date(f.language(), time.with_timezone(&zone).date_naive())
        };
        let (badge, name) = match state {
            CardState::Active => ("ok", f.say("使えます", "Active")),
            CardState::Lost => ("warn", f.say("紛失の届け出ずみ", "Reported lost")),
            CardState::Blocked => ("warn", f.say("停止中", "Blocked")),
            CardState::Replaced => ("info", f.say("交換ずみ", "Replaced")),
            CardState::Expired => ("warn", f.say("期限切れ", "Expired")),
        };
        let why = match card.change.why.as_str() {
            "" => None,
            KEY_RETIRED => Some(
                f.say(
                    "長いあいだ使われなかったため、安全のために無効になりました。もう一度登録すると使えます。",
                    "It was not used for a long time and was ended for safety. Register it again to use it.",
                )
                .to_owned(),
            ),
            why => Some(why.to_owned()),
        };
        Self {
            id: card.id,
            label: card.label,
            state,
            badge,
            words: name,
            since: day(match state {
                CardState::Active => card.added_at,
                CardState::Expired => card.valid_until.unwrap_or(card.change.at),
                _ => card.change.at,
            }),
            until: card.valid_until.filter(|_| state == CardState::Active).map(day),
            copies: (!matches!(state, CardState::Replaced | CardState::Expired))
                .then(|| copies(f, card.level)),
            why,
        }
    }
}

fn copies(f: &Frame, level: CardLevel) -> &'static str {
    if level.can_be_copied() {
        f.say(
            "カードの番号だけで見分けます。番号は、特別な道具があれば複製できます。",
            "Known by its number alone, which can be copied with the right tool.",
        )
    } else {
        f.say(
            "カードの中の秘密の鍵で見分けます。複製できません。",
            "Known by a secret key inside the card: it cannot be copied.",
        )
    }
}

/// `/account/cards`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    let f = Frame::new(&caller, Part::Account);
    let done = match asked.get("done") {
        "added" => Some(f.say("カードを登録しました", "The card is registered")),
        "lost" => Some(f.say(
            "紛失を受け付けました。このカードでは、もう入れません。",
            "Noted. This card opens nothing any more.",
        )),
        "name" => Some(f.say("名前を変えました", "The name has been changed")),
        _ => None,
    };
    page(&web, &caller, f, done, false).await
}

/// Reports one as lost.
pub async fn lost(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(_): Posted,
) -> Result<Response, Refused> {
    caller.signed_in()?;
    cards::lose_own(&web.hub, &caller, named(&id)?).await?;
    Ok(Redirect::to("/account/cards?done=lost").into_response())
}

/// Changes what one is called.
pub async fn name(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    caller.signed_in()?;
    if cards::rename_own(&web.hub, &caller, named(&id)?, fields.get("label")).await? {
        return Ok(Redirect::to("/account/cards?done=name").into_response());
    }
    let f = Frame::new(&caller, Part::Account);
    page(&web, &caller, f, None, true).await
}

async fn page(
    web: &Web,
    caller: &Caller,
    f: Frame,
    done: Option<&'static str>,
    bad_name: bool,
) -> Result<Response, Refused> {
    let own = cards::own(&web.hub, caller).await?;
    let zone = wish::zone(&*web.atlas().await?);
    let now = web.hub.now();
    let cards = own.into_iter().map(|card| Card::new(&f, card, now, zone)).collect();
    let status = if bad_name { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(html(status, &Page { f, cards, done, bad_name, longest: LONGEST_LABEL }))
}

pub(crate) fn named(id: &str) -> Result<CredentialId, Refused> {
    id.parse().map_err(|_| Refused::NotFound)
}
