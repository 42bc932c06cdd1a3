//! The rules of a house.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use model::centre::{Approval, BadSettings, Centre, CentreSettings, GRAINS, HouseRule};

use crate::pages::fields::{Asked, Fields, Posted};
use crate::pages::frame::{Frame, Part};
use crate::pages::{html, words};
use crate::service::house::NotSet;
use crate::service::{Caller, Refused, house};
use crate::typed;
use crate::web::Web;

#[derive(Template)]
#[template(path = "operations/rules.html")]
struct Page {
    f: Frame,
    slug: String,
    centre: String,
    groups: Vec<(&'static str, Vec<Rule>)>,
    grains: Vec<(u32, bool)>,
    approvals: Vec<(&'static str, &'static str, bool)>,
    done: bool,
    /// What is wrong; it stands at its field too.
    wrong: Option<String>,
    /// The version of the rules that the form was filled with.
    version: String,
}

/// A rule as a field.
struct Rule {
    name: &'static str,
    words: &'static str,
    unit: &'static str,
    hint: Option<&'static str>,
    value: String,
    bounds: (u32, u32),
    wrong: Option<String>,
}

impl Rule {
    fn is_grain(&self) -> bool {
        self.name == HouseRule::GrainMinutes.as_str()
    }

    fn is_approval(&self) -> bool {
        self.name == HouseRule::ApprovalMinutes.as_str()
    }
}

/// `/operations/{slug}/rules`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Path(slug): Path<String>,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    caller.signed_in()?;
    let atlas = web.atlas().await?;
    let centre = atlas.named(&slug).ok_or(Refused::NotFound)?;
    let (settings, version) = house::settings(&atlas, &caller, centre.id)?;
    let typed = written(settings, version);
    let said = if asked.get("done").is_empty() { Said::Nothing } else { Said::Done };
    Ok(page(&caller, centre, &typed, said))
}

/// Changes them, or says which one cannot be so.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Path(slug): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    caller.signed_in()?;
    let atlas = web.atlas().await?;
    let centre = atlas.named(&slug).ok_or(Refused::NotFound)?;
    house::settings(&atlas, &caller, centre.id)?;
    let settings = match read(&fields) {
        Ok(settings) => settings,
        Err(bad) => return Ok(page(&caller, centre, &fields, Said::Bad(bad))),
    };
    let version = typed::number(fields.get("version")).unwrap_or_default();
    match house::set_settings(&web.hub, &atlas, &caller, centre.id, settings, version).await? {
        Ok(_) => {
            Ok(Redirect::to(&format!("/operations/{}/rules?done=1", centre.slug)).into_response())
        }
        Err(NotSet::Bad(bad)) => Ok(page(&caller, centre, &fields, Said::Bad(bad))),
        // What they typed was meant for other rules: they see those that stand now.
        Err(NotSet::Newer(_)) => {
            let atlas = web.atlas().await?;
            let centre = atlas.named(&slug).ok_or(Refused::NotFound)?;
            let (settings, version) = house::settings(&atlas, &caller, centre.id)?;
            Ok(page(&caller, centre, &written(settings, version), Said::Newer))
        }
    }
}

/// What is said above the form.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Nothing,
    Done,
    Bad(BadSettings),
    Newer,
}

fn written(settings: &CentreSettings, version: u32) -> Fields {
    let numbers = HouseRule::ALL.into_iter();
    let numbers = numbers.map(|rule| (rule.as_str().to_owned(), settings.get(rule).to_string()));
    let approval = ("approval".to_owned(), settings.approval.as_str().to_owned());
    let version = ("version".to_owned(), version.to_string());
    numbers.chain([approval, version]).collect::<Vec<_>>().into()
}

/// What is no number is out of every bounds.
fn read(fields: &Fields) -> Result<CentreSettings, BadSettings> {
    let mut settings = CentreSettings::default();
    for rule in HouseRule::ALL {
        let number = typed::number(fields.get(rule.as_str()));
        settings = settings.with(rule, number.ok_or(BadSettings::Bounds(rule))?);
    }
    let approval = fields.get("approval");
    let approval = Approval::ALL.into_iter().find(|one| one.as_str() == approval);
    Ok(CentreSettings { approval: approval.unwrap_or_default(), ..settings })
}

fn page(caller: &Caller, centre: &Centre, typed: &Fields, said: Said) -> Response {
    use HouseRule::*;
    let f = Frame::new(caller, Part::Operations);
    let bad = match said {
        Said::Bad(bad) => Some(bad),
        Said::Nothing | Said::Done | Said::Newer => None,
    };
    let at_field = bad.map(|bad| words::bad_settings(f.language(), bad));
    let newer = f.say(
        "ほかの担当者が先に変更しました。いまのきまりを表示しています。確かめて、もう一度直してください。",
        "Somebody else changed the rules first. These are the rules now: look at them, and make your change again.",
    );
    let wrong = at_field.clone().or_else(|| (said == Said::Newer).then(|| newer.to_owned()));
    let rule = |rule: HouseRule| Rule {
        name: rule.as_str(),
        words: words::house_rule(f.language(), rule),
        unit: match rule {
            HorizonDays => f.say("日", "days"),
            WalkInDesks => f.say("席", "desks"),
            WalkInHours => f.say("時間", "hours"),
            _ => f.say("分", "minutes"),
        },
        hint: hint(&f, rule),
        value: typed.get(rule.as_str()).to_owned(),
        bounds: rule.bounds(),
        wrong: at_field.clone().filter(|_| bad.is_some_and(|bad| bad.rule() == rule)),
    };
    let group = |ja, en, rules: &[HouseRule]| {
        (f.say(ja, en), rules.iter().copied().map(rule).collect::<Vec<_>>())
    };
    let groups = vec![
        group(
            "予約できる時間",
            "What can be booked",
            &[GrainMinutes, ShortestMinutes, LongestMinutes, HorizonDays, BufferMinutes],
        ),
        group("当日", "On the day", &[EarlyMinutes, NoShowMinutes, CancelMinutes]),
        group("待つ時間", "Waiting", &[HoldMinutes, OfferMinutes]),
        group("承認", "Approval", &[ApprovalMinutes]),
        group("予約のない人", "Without a booking", &[WalkInDesks, WalkInHours]),
    ];
    let grain = typed.get(GrainMinutes.as_str());
    let approval = typed.get("approval");
    let approval = if approval.is_empty() { Approval::None.as_str() } else { approval };
    let approvals = [
        (Approval::None, f.say("いらない", "None")),
        (Approval::Rooms, f.say("会議室の予約だけ", "Bookings of rooms")),
        (Approval::All, f.say("すべての予約", "Every booking")),
    ];
    let page = Page {
        slug: centre.slug.to_string(),
        centre: f.get(&centre.name).to_owned(),
        grains: GRAINS.into_iter().map(|one| (one, grain == one.to_string())).collect(),
        approvals: approvals
            .into_iter()
            .map(|(one, words)| (one.as_str(), words, one.as_str() == approval))
            .collect(),
        groups,
        done: said == Said::Done,
        wrong,
        version: typed.get("version").to_owned(),
        f,
    };
    let status = match said {
        Said::Nothing | Said::Done => StatusCode::OK,
        Said::Bad(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Said::Newer => StatusCode::CONFLICT,
    };
    html(status, &page)
}

fn hint(f: &Frame, rule: HouseRule) -> Option<&'static str> {
    let (ja, en) = match rule {
        HouseRule::HorizonDays => {
            ("0なら、その日の分だけ受け付けます", "0 takes bookings for today alone")
        }
        HouseRule::BufferMinutes => {
            ("清掃などのために、同じ席を空けておく時間", "Kept free at each desk, for cleaning")
        }
        HouseRule::NoShowMinutes => (
            "開始からこの時間が過ぎても来ないと、席を開放します",
            "Whoever has not come by then loses the desk",
        ),
        HouseRule::CancelMinutes => (
            "開始のこの時間前まで、本人が変更・取り消しできます。0なら開始まで",
            "Guests change and cancel until so long before; 0 is until it starts",
        ),
        HouseRule::WalkInDesks => (
            "予約なしで来た人に、入口の画面で案内する席。回線が切れても使えます。0なら案内しません",
            "Offered at the entrance to whoever comes without a booking, also while the line is down; 0 offers none",
        ),
        HouseRule::WalkInHours => (
            "その日の終わりまで、まとめて取っておきます",
            "Whole days are kept, up to the end of the last",
        ),
        HouseRule::OfferMinutes => (
            "空きが出たとき、順番の人の確定を待つ時間",
            "How long whoever is next may take to confirm",
        ),
        _ => return None,
    };
    Some(f.say(ja, en))
}
