//! An order to a site: what changes the whole house is asked about first.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use model::centre::Centre;
use model::id::{DeviceId, VisitId};
use model::permission::Action;
use model::site_order::SiteOrder;
use store::SiteOrderRecord;

use super::{find_for, orders};
use crate::hub::Hub;
use crate::pages::fields::{Asked, Fields, Posted};
use crate::pages::frame::{Frame, Part};
use crate::pages::{html, words};
use crate::service::site_order::{self, DOUBLE_CLICK, Given, order_site};
use crate::service::{Caller, Refused};
use crate::web::Web;

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
fn written(what: &SiteOrder) -> Vec<(&'static str, String)> {
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
    let Question { title, does, go, of } = question(&f, web, centre, &what).await?;
    let title = of.map_or_else(|| title.to_owned(), |of| format!("{title} {of}"));
    let mut hidden = written(&what);
    hidden.push(("key", web.hub.new_id()?.to_string()));
    let back = match what {
        SiteOrder::EndVisit { .. } => format!("/operations/{slug}/muster"),
        _ => format!("/operations/{slug}"),
    };
    let again = before.map(|before| {
        let (asked, now) = (before.asked_at, web.hub.now());
        let (_, stands, _) = orders::standing(&f, &what, site_order::standing(&before, now));
        let time = words::moment(f.language(), asked, now, centre.time_zone);
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

/// What is asked before an order is given.
struct Question {
    title: &'static str,
    does: Vec<&'static str>,
    go: &'static str,
    /// Which door or whose visit is meant; nothing where it is the whole house.
    of: Option<String>,
}

async fn question(
    f: &Frame,
    web: &Web,
    centre: &Centre,
    what: &SiteOrder,
) -> Result<Question, Refused> {
    Ok(match what {
        SiteOrder::Unlock { door } => Question {
            title: f.say("扉を1回開けますか", "Open this door once?"),
            does: vec![
                f.say(
                    "数秒のあいだ解錠し、また施錠します。",
                    "It is unlocked for some seconds, and locked again.",
                ),
                f.say(
                    "誰が入るかは確かめられません。",
                    "Nobody can tell from here who comes in.",
                ),
            ],
            go: f.say("開ける", "Open it"),
            of: Some(door_name(f, web, centre, door).await?),
        },
        SiteOrder::Lockdown { on: true } => Question {
            title: f.say("全館を閉鎖しますか", "Lock the whole house?"),
            does: vec![
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
            go: f.say("全館を閉鎖する", "Lock the house"),
            of: None,
        },
        SiteOrder::Lockdown { on: false } => Question {
            title: f.say("閉鎖を解除しますか", "Lift the lockdown?"),
            does: vec![f.say(
                "扉は閉鎖前の決まりに戻り、カードと予定で開くようになります。",
                "Doors go back to what held before: cards and schedules open them again.",
            )],
            go: f.say("解除する", "Lift it"),
            of: None,
        },
        SiteOrder::Evacuate { on: true } => Question {
            title: f.say("全員を避難させますか", "Evacuate the house?"),
            does: vec![
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
            go: f.say("避難を始める", "Evacuate"),
            of: None,
        },
        SiteOrder::Evacuate { on: false } => Question {
            title: f.say("避難を終えますか", "End the evacuation?"),
            does: vec![f.say(
                "扉はふだんの決まりに戻り、施錠されます。",
                "Doors go back to their rules, and lock.",
            )],
            go: f.say("避難を終える", "End it"),
            of: None,
        },
        SiteOrder::EndVisit { visit } => Question {
            title: f.say("この利用を終えますか", "End this visit?"),
            does: vec![
                f.say(
                    "本人が帰ったときと同じ扱いです。席は空き、端末の作業は消えます。",
                    "It ends as if they had left for good: the desk comes free, the terminal is wiped.",
                ),
                f.say(
                    "保育中のお子さまは、そのままお預かりします。",
                    "Children in care stay in care.",
                ),
            ],
            go: f.say("利用を終える", "End the visit"),
            of: guest(&web.hub, centre, *visit).await?,
        },
    })
}

/// Whose visit it is and where they sit, as far as that is known.
async fn guest(hub: &Hub, centre: &Centre, visit: VisitId) -> Result<Option<String>, Refused> {
    let muster = super::muster::look(hub, centre).await?;
    let Some(known) = muster.people.iter().find(|one| one.visit == Some(visit)) else {
        return Ok(None);
    };
    let name = hub.store.person(known.person).await?.map(|person| person.name);
    let told: Vec<String> = name.into_iter().chain(known.space.clone()).collect();
    Ok(Some(told.join(" ")).filter(|told| !told.is_empty()))
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
