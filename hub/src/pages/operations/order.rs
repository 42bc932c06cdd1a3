//! An order to a site: what changes the whole house is asked about first.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::TimeDelta;
use model::centre::Centre;
use model::id::{DeviceId, VisitId};
use model::permission::Action;
use model::site_order::{OrderAnswer, SiteOrder};
use store::SiteOrderRecord;

use super::find_for;
use crate::hub::Hub;
use crate::pages::fields::{Asked, Fields, Posted};
use crate::pages::frame::{Frame, Part};
use crate::pages::{html, words as words_of_time};
use crate::service::site_order::{self, Given, Standing, order_site};
use crate::service::{Caller, Refused};
use crate::web::Web;

/// The same order again so soon is a second click.
const DOUBLE_CLICK: TimeDelta = TimeDelta::seconds(3);

#[derive(Template)]
#[template(path = "operations/order.html")]
struct Page {
    f: Frame,
    slug: String,
    centre: String,
    title: String,
    /// That it was sent before, and how that stands.
    again: Option<String>,
    does: Vec<&'static str>,
    go: &'static str,
    danger: bool,
    /// What the form carries: the order, and the key that makes a second click harmless.
    hidden: Vec<(&'static str, String)>,
    back: String,
}

/// `/operations/{slug}/order`: are they sure?
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Path(slug): Path<String>,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    let (_, centre) = find_for(&web, &caller, &slug, Action::OrderSite).await?;
    let what = read(&asked)?;
    page(&web, &caller, &centre, what, None).await
}

/// Gives the order, or asks first.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Path(slug): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let (_, centre) = find_for(&web, &caller, &slug, Action::OrderSite).await?;
    let what = read(&fields)?;
    if what.needs_a_second_look() && fields.get("sure") != "yes" {
        return page(&web, &caller, &centre, what, None).await;
    }
    let key = Some(fields.get("key")).filter(|key| (1..=200).contains(&key.len()));
    match order_site(&web.hub, &caller, &centre, what.clone(), key.map(str::to_owned)).await? {
        // A page that was left open: this time it may be meant anew, and nothing must be swallowed in silence.
        Given::Before(before) if web.hub.now() - before.asked_at > DOUBLE_CLICK => {
            page(&web, &caller, &centre, what, Some(before)).await
        }
        Given::Done(_) | Given::Before(_) => {
            Ok(Redirect::to(&format!("/operations/{}#orders", centre.slug)).into_response())
        }
        Given::UnknownDoor => Err(Refused::NotFound),
        Given::KeyReused => {
            Err(Refused::Unreadable("This form was sent before for something else.".to_owned()))
        }
    }
}

/// An order as a form names it.
pub(super) fn written(what: &SiteOrder) -> Vec<(&'static str, String)> {
    let switch = |on: bool| ("on", if on { "yes" } else { "no" }.to_owned());
    let more = match what {
        SiteOrder::Unlock { door } => ("door", door.to_string()),
        SiteOrder::Lockdown { on } | SiteOrder::Evacuate { on } => switch(*on),
        SiteOrder::EndVisit { visit } => ("visit", visit.to_string()),
    };
    vec![("order", what.as_str().to_owned()), more]
}

fn read(fields: &Fields) -> Result<SiteOrder, Refused> {
    let on = match fields.get("on") {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    };
    let order = match fields.get("order") {
        "unlock" => fields.get("door").parse().ok().map(|door| SiteOrder::Unlock { door }),
        "lockdown" => on.map(|on| SiteOrder::Lockdown { on }),
        "evacuate" => on.map(|on| SiteOrder::Evacuate { on }),
        "end_visit" => {
            let visit: Option<VisitId> = fields.get("visit").parse().ok();
            visit.map(|visit| SiteOrder::EndVisit { visit })
        }
        _ => None,
    };
    order.ok_or_else(|| Refused::Unreadable("That is no order to a site.".to_owned()))
}

async fn page(
    web: &Web,
    caller: &Caller,
    centre: &Centre,
    what: SiteOrder,
    before: Option<SiteOrderRecord>,
) -> Result<Response, Refused> {
    let f = Frame::new(caller, Part::Operations);
    let slug = centre.slug.to_string();
    let (title, does, go) = match &what {
        SiteOrder::Unlock { door } => (
            f.say("扉を1回開けますか", "Open this door once?").to_owned(),
            vec![
                f.say(
                    "数秒のあいだ解錠し、また施錠します。",
                    "It is unlocked for some seconds, and locked again.",
                ),
                f.say(
                    "誰が入るかは確かめられません。",
                    "Nobody can tell from here who comes in.",
                ),
            ],
            (f.say("開ける", "Open it"), door_name(&f, web, centre, door).await?),
        ),
        SiteOrder::Lockdown { on: true } => (
            f.say("全館を閉鎖しますか", "Lock the whole house?").to_owned(),
            vec![
                f.say(
                    "すべての扉を施錠し、カードでも入れなくします。予定で開く扉も閉まったままです。",
                    "Every door locks. No card opens it from outside, and no schedule.",
                ),
                f.say(
                    "館内からはいつでも出られます。",
                    "Whoever is inside can go out at any time.",
                ),
                f.say(
                    "解除するまで続きます。火災報知のときは、すべての扉が開きます。",
                    "It lasts until it is lifted. A fire alarm opens every door all the same.",
                ),
            ],
            (f.say("全館を閉鎖する", "Lock the house"), String::new()),
        ),
        SiteOrder::Lockdown { on: false } => (
            f.say("閉鎖を解除しますか", "Lift the lockdown?").to_owned(),
            vec![f.say(
                "扉は閉鎖前の決まりに戻り、カードと予定で開くようになります。",
                "Doors go back to what held before: cards and schedules open them again.",
            )],
            (f.say("解除する", "Lift it"), String::new()),
        ),
        SiteOrder::Evacuate { on: true } => (
            f.say("全員を避難させますか", "Evacuate the house?").to_owned(),
            vec![
                f.say(
                    "すべての扉を開けたままにし、画面で全員に避難を呼びかけます。",
                    "Every door opens and stays open, and the screens ask everybody to leave.",
                ),
                f.say(
                    "外からも入れる状態になります。解除するまで続きます。",
                    "Anybody can come in meanwhile. It lasts until it is lifted.",
                ),
                f.say(
                    "119番への通報はこの指示ではされません。",
                    "It does not call the fire brigade (119).",
                ),
            ],
            (f.say("避難を始める", "Evacuate"), String::new()),
        ),
        SiteOrder::Evacuate { on: false } => (
            f.say("避難を終えますか", "End the evacuation?").to_owned(),
            vec![f.say(
                "扉はふだんの決まりに戻り、施錠されます。",
                "Doors go back to their rules, and lock.",
            )],
            (f.say("避難を終える", "End it"), String::new()),
        ),
        SiteOrder::EndVisit { visit } => (
            f.say("この利用を終えますか", "End this visit?").to_owned(),
            vec![
                f.say(
                    "本人が帰ったときと同じ扱いです。席は空き、端末の作業は消えます。",
                    "It ends as if they had left for good: the desk comes free, the terminal is wiped.",
                ),
                f.say(
                    "保育中のお子さまは、そのままお預かりします。",
                    "Children in care stay in care.",
                ),
            ],
            (f.say("利用を終える", "End the visit"), guest(&web.hub, centre, *visit).await?),
        ),
    };
    let (go, of) = go;
    let title = if of.is_empty() { title } else { format!("{title} {of}") };
    let mut hidden = written(&what);
    hidden.push(("key", web.hub.new_id()?.to_string()));
    let back = match what {
        SiteOrder::EndVisit { .. } => format!("/operations/{slug}/muster"),
        _ => format!("/operations/{slug}"),
    };
    let again = before.map(|before| {
        let (asked, now) = (before.asked_at, web.hub.now());
        let (_, stands, _) = standing(&f, &what, site_order::standing(&before, now));
        let time = words_of_time::moment(f.language(), asked, now, centre.time_zone);
        match f.ja() {
            true => {
                format!("この画面の指示は {time} に送信済みです（{stands}）。もう一度送りますか。")
            }
            false => format!("This page’s order was sent at {time} ({stands}). Send it again?"),
        }
    });
    let page = Page {
        again,
        centre: f.get(&centre.name).to_owned(),
        slug,
        title,
        does,
        go,
        danger: !matches!(
            what,
            SiteOrder::Lockdown { on: false } | SiteOrder::Evacuate { on: false }
        ),
        hidden,
        back,
        f,
    };
    Ok(html(StatusCode::OK, &page))
}

/// Whose visit it is and where they sit, as far as that is known.
async fn guest(hub: &Hub, centre: &Centre, visit: VisitId) -> Result<String, Refused> {
    let muster = super::muster::look(hub, centre).await?;
    let Some(known) = muster.people.iter().find(|one| one.visit == Some(visit)) else {
        return Ok(String::new());
    };
    let name = hub.store.person(known.person).await?.map(|person| person.name);
    let space = known.space.clone().unwrap_or_default();
    Ok(format!("{} {space}", name.unwrap_or_default()).trim().to_owned())
}

async fn door_name(
    f: &Frame,
    web: &Web,
    centre: &Centre,
    door: &DeviceId,
) -> Result<String, Refused> {
    let live = super::centre::watch(&web.hub, centre.id).await?.borrow().clone();
    let known = live.view.door(door).ok_or(Refused::NotFound)?;
    Ok(f.get(&known.name).to_owned())
}

/// What was ordered, in words; `door` is the name of the door that is meant, if one is.
pub(super) fn words(f: &Frame, what: &SiteOrder, door: Option<&str>) -> String {
    match what {
        SiteOrder::Unlock { .. } => {
            let door = door.unwrap_or(f.say("扉", "a door"));
            if f.ja() { format!("{door}を1回開ける") } else { format!("Open {door} once") }
        }
        SiteOrder::Lockdown { on: true } => f.say("全館の閉鎖", "Lockdown").to_owned(),
        SiteOrder::Lockdown { on: false } => f.say("閉鎖の解除", "Lift the lockdown").to_owned(),
        SiteOrder::Evacuate { on: true } => f.say("避難（全扉の開放）", "Evacuation").to_owned(),
        SiteOrder::Evacuate { on: false } => f.say("避難の終了", "End the evacuation").to_owned(),
        SiteOrder::EndVisit { .. } => f.say("利用の終了", "End a visit").to_owned(),
    }
}

/// How an order stands: the colour of its badge, one word, and what to do where it was not done.
pub(super) fn standing(
    f: &Frame,
    what: &SiteOrder,
    standing: Standing,
) -> (&'static str, &'static str, Option<&'static str>) {
    let (colour, word, advice) = match standing {
        Standing::OnItsWay => ("info", ("送信中", "On its way"), None),
        Standing::NotDelivered => (
            "err",
            ("届いていません", "Not delivered"),
            Some((
                "現地の装置から返事がありません。センターに電話して、現地で操作してもらってください。この指示があとから実行されることはありません。",
                "The site has not answered. Telephone the site and have it done there. This order will not be acted on later.",
            )),
        ),
        Standing::Answered(OrderAnswer::Done) => ("ok", ("完了", "Done"), None),
        Standing::Answered(answer) => {
            ("err", ("できませんでした", "Not done"), Some(why(what, answer)))
        }
    };
    (colour, f.say(word.0, word.1), advice.map(|(ja, en)| f.say(ja, en)))
}

fn why(what: &SiteOrder, answer: OrderAnswer) -> (&'static str, &'static str) {
    match answer {
        OrderAnswer::Done => ("", ""),
        OrderAnswer::UnknownDoor => (
            "現地の装置はこの扉をまだ知りません。新しい予定表が届いてから、もう一度指示してください。",
            "The site does not know this door yet. Order it again once its new day sheet is there.",
        ),
        OrderAnswer::UnknownVisit => {
            ("この利用はもう終わっています。", "That visit has ended already.")
        }
        OrderAnswer::Overruled if matches!(what, SiteOrder::Unlock { .. }) => (
            "閉鎖が続いています。先にそれを解除してください。",
            "A lockdown stands above it. Lift that first.",
        ),
        OrderAnswer::Overruled => (
            "火災信号か避難が続いているため、すべての扉は開いたままです。",
            "A fire alarm or an evacuation stands above it: every door stays open.",
        ),
        OrderAnswer::LockFault => (
            "錠が動きません。センターに電話して、現地で確かめてもらってください。",
            "The lock does not move. Telephone the site and have somebody look.",
        ),
        OrderAnswer::TooLate => (
            "届くのが遅れ、実行されませんでした。まだ必要なら、もう一度指示してください。",
            "It came too late and was not done. Order it again if it is still needed.",
        ),
        OrderAnswer::ClockUnset => (
            "現地の時計が合っていないため、実行されませんでした。センターに電話してください。",
            "The site does not know what time it is, and did not act. Telephone the site.",
        ),
    }
}
