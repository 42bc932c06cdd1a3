//! How much may be booked: by everybody, or at an employer's cost.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use model::id::EmployerId;
use model::language::LocalText;
use model::quota::{BadQuota, LONGEST_SOURCE, Measure, Quota, Subject};
use store::Employer;

use super::employers::named;
use super::fields::{Asked, Fields, Posted};
use super::frame::{Frame, Part};
use super::{html, words};
use crate::service::atlas::Atlas;
use crate::service::house::{self, NewQuota, NoQuota};
use crate::service::{Caller, Refused};
use crate::typed;
use crate::web::Web;

#[derive(Template)]
#[template(path = "quotas.html")]
struct Page {
    f: Frame,
    /// Where the form goes.
    here: String,
    /// The employer whose page this is.
    employer: Option<(EmployerId, String)>,
    rows: Vec<Row>,
    subjects: Vec<Choice>,
    measures: Vec<Choice>,
    centres: Vec<Choice>,
    employers: Vec<Choice>,
    typed: Typed,
    longest: usize,
    today: String,
    done: Option<&'static str>,
    /// Which field, and what is wrong with it.
    wrong: Option<(Wrong, String)>,
}

impl Page {
    fn wrong_at(&self, field: Wrong) -> Option<String> {
        self.wrong.as_ref().filter(|(at, _)| *at == field).map(|(_, text)| text.clone())
    }
}

/// The field that is wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Most,
    Days,
    Employer,
    Centre,
    Source,
    Kind,
}

struct Row {
    id: String,
    most: String,
    subject: &'static str,
    employer: Option<String>,
    centre: Option<String>,
    term: String,
    source: String,
    to_come: bool,
}

struct Choice {
    value: String,
    words: String,
    chosen: bool,
}

/// What was typed, to be shown again.
struct Typed {
    most: String,
    from: String,
    until: String,
    source_ja: String,
    source_en: String,
}

/// `/quotas`: everybody's.
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    page(&web, &caller, None, &Fields::default(), asked.get("done"), None).await
}

/// Adds one.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    add(&web, &caller, None, &fields).await
}

/// `/employers/{id}/quotas`: those of one employer.
pub async fn of_employer(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    caller.signed_in()?;
    page(&web, &caller, Some(named(&id)?), &Fields::default(), asked.get("done"), None).await
}

/// Adds one for an employer.
pub async fn add_for_employer(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    caller.signed_in()?;
    add(&web, &caller, Some(named(&id)?), &fields).await
}

/// `/quotas/{id}/end`
pub async fn end(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(_): Posted,
) -> Result<Response, Refused> {
    let atlas = web.atlas().await?;
    let quota = house::end_quota(&web.hub, &atlas, &caller, id.parse().ok()).await?;
    let of = if house::decides_for_all(&caller) { None } else { quota.employer };
    Ok(Redirect::to(&format!("{}?done=ended", address(of))).into_response())
}

fn address(of: Option<EmployerId>) -> String {
    of.map_or_else(|| "/quotas".to_owned(), |id| format!("/employers/{id}/quotas"))
}

async fn add(
    web: &Web,
    caller: &Caller,
    of: Option<EmployerId>,
    fields: &Fields,
) -> Result<Response, Refused> {
    // Who may comes before what is wrong.
    match of {
        Some(employer) => house::quotas_of(&web.hub, caller, employer).await.map(drop)?,
        None => house::quotas(&web.hub, caller).await.map(drop)?,
    }
    let f = Frame::new(caller, Part::Elsewhere);
    let atlas = web.atlas().await?;
    let wrong = match read(&f, &atlas, of, fields) {
        Err(wrong) => wrong,
        Ok(new) => match house::add_quota(&web.hub, &atlas, caller, new).await? {
            Ok(_) => {
                let to = format!("{}?done=added", address(of));
                return Ok(Redirect::to(&to).into_response());
            }
            Err(no) => why(&f, no),
        },
    };
    page(web, caller, of, fields, "", Some(wrong)).await
}

fn read(
    f: &Frame,
    atlas: &Atlas,
    of: Option<EmployerId>,
    fields: &Fields,
) -> Result<NewQuota, (Wrong, String)> {
    let kind = || {
        (Wrong::Kind, f.say("だれの、何の上限かを選んでください", "Say whose, and what").to_owned())
    };
    let subject = Subject::ALL.into_iter().find(|one| one.as_str() == fields.get("subject"));
    let measure = Measure::ALL.into_iter().find(|one| one.as_str() == fields.get("measure"));
    let (Some(subject), Some(measure)) = (subject, measure) else { return Err(kind()) };
    let employer = match (of, fields.get("employer")) {
        (Some(of), _) => Some(of),
        (None, "") => None,
        (None, id) => Some(id.parse().map_err(|_| why(f, NoQuota::NoEmployer))?),
    };
    let centre = match fields.get("centre") {
        "" => None,
        name => Some(atlas.named(name).ok_or_else(|| why(f, NoQuota::NoCentre))?.id),
    };
    // Hours are how people count what is kept in minutes.
    let by = if measure == Measure::MinutesAMonth { 60 } else { 1 };
    let most = typed::number(fields.get("most")).and_then(|most| most.checked_mul(by));
    let day = |name: &str| match fields.get(name) {
        "" => Ok(None),
        text => match typed::date(text) {
            Some(day) => Ok(Some(day)),
            None => {
                let said = f.say("日にちを確かめてください", "Please check the days");
                Err((Wrong::Days, said.to_owned()))
            }
        },
    };
    Ok(NewQuota {
        subject,
        employer,
        centre,
        measure,
        most: most.ok_or_else(|| why(f, NoQuota::Bad(BadQuota::TooMuch(measure.most()))))?,
        from_day: day("from_day")?,
        // People name the last day that counts.
        until_day: day("until_day")?.and_then(|last| last.succ_opt()),
        source: LocalText {
            ja: fields.get("source_ja").to_owned(),
            en: fields.get("source_en").to_owned(),
        },
    })
}

fn why(f: &Frame, no: NoQuota) -> (Wrong, String) {
    let (wrong, said) = match no {
        NoQuota::Bad(BadQuota::TooMuch(_)) => {
            let said = f.say(
                "0からの数で入れてください。上限は、月に744,000時間、週に7日、同時に10,000席です",
                "Give a number: up to 744,000 hours a month, 7 days a week, 10,000 desks at once",
            );
            (Wrong::Most, said)
        }
        NoQuota::Bad(BadQuota::Days) => (
            Wrong::Days,
            f.say("おわりの日が、はじまりの日より前です", "The last day is before the first"),
        ),
        NoQuota::Bad(BadQuota::NoEmployer) => (
            Wrong::Employer,
            f.say("どの企業の全員かを選んでください", "Say which employer’s people"),
        ),
        NoQuota::NoEmployer => {
            (Wrong::Employer, f.say("その企業はありません", "There is no such employer"))
        }
        NoQuota::NoCentre => {
            (Wrong::Centre, f.say("そのセンターはありません", "There is no such centre"))
        }
        NoQuota::NoSource => (
            Wrong::Source,
            f.say(
                "もとになる決まりを、日本語と英語で、それぞれ200文字までの1行で入れてください",
                "Say where it comes from in both languages, a line of at most 200 characters each",
            ),
        ),
    };
    (wrong, said.to_owned())
}

async fn page(
    web: &Web,
    caller: &Caller,
    of: Option<EmployerId>,
    typed: &Fields,
    done: &str,
    wrong: Option<(Wrong, String)>,
) -> Result<Response, Refused> {
    let quotas = match of {
        Some(employer) => house::quotas_of(&web.hub, caller, employer).await?,
        None => house::quotas(&web.hub, caller).await?,
    };
    let known = web.hub.store.employers().await?;
    let of = match of {
        None => None,
        Some(id) => Some(known.iter().find(|one| one.id == id).ok_or(Refused::NotFound)?),
    };
    let atlas = web.atlas().await?;
    let part = if of.is_some() { Part::Employer } else { Part::People };
    let f = Frame::new(caller, part);
    let today = house::today(&web.hub, None);
    let rows = quotas.iter().filter(|quota| quota.until_day.is_none_or(|until| today < until));
    let mut rows: Vec<&Quota> = rows.collect();
    rows.sort_by_key(|quota| (quota.from_day, quota.id));
    let or = |name: &str, usual: &str| match typed.get(name) {
        "" => usual.to_owned(),
        text => text.to_owned(),
    };
    let page = Page {
        here: address(of.map(|employer| employer.id)),
        employer: of.map(|employer| (employer.id, f.get(&employer.name).to_owned())),
        rows: rows
            .into_iter()
            .map(|quota| Row {
                to_come: today < quota.from_day,
                ..row(&f, &atlas, &known, of.is_none(), quota)
            })
            .collect(),
        subjects: choices(Subject::ALL, typed.get("subject"), Subject::as_str, |one| {
            subject_words(&f, one).to_owned()
        }),
        measures: choices(Measure::ALL, typed.get("measure"), Measure::as_str, |one| {
            let said = match one {
                Measure::MinutesAMonth => f.say("月に何時間", "Hours a month"),
                Measure::DaysAWeek => f.say("週に何日", "Days a week"),
                Measure::AtOnce => f.say("同時に何席", "Desks at once"),
            };
            said.to_owned()
        }),
        centres: atlas
            .centres
            .iter()
            .map(|centre| Choice {
                value: centre.slug.to_string(),
                words: f.get(&centre.name).to_owned(),
                chosen: typed.get("centre") == centre.slug.as_str(),
            })
            .collect(),
        employers: known
            .iter()
            .filter(|_| of.is_none())
            .map(|employer| Choice {
                value: employer.id.to_string(),
                words: f.get(&employer.name).to_owned(),
                chosen: typed.get("employer") == employer.id.to_string(),
            })
            .collect(),
        typed: Typed {
            most: typed.get("most").to_owned(),
            from: or("from_day", &today.to_string()),
            until: typed.get("until_day").to_owned(),
            source_ja: typed.get("source_ja").to_owned(),
            source_en: typed.get("source_en").to_owned(),
        },
        longest: LONGEST_SOURCE,
        today: today.to_string(),
        done: match done {
            "added" => Some(f.say("上限を加えました", "The quota is kept")),
            "ended" => Some(f.say("上限を終わりにしました", "The quota has ended")),
            _ => None,
        },
        wrong,
        f,
    };
    let status =
        if page.wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(html(status, &page))
}

fn row(f: &Frame, atlas: &Atlas, known: &[Employer], of_all: bool, quota: &Quota) -> Row {
    let language = f.language();
    let employer = known.iter().find(|one| Some(one.id) == quota.employer);
    let centre = quota.centre.and_then(|centre| atlas.centre(centre));
    let from = words::full_date(language, quota.from_day);
    let last = quota.until_day.and_then(|until| until.pred_opt());
    let last = last.map(|day| words::full_date(language, day));
    let term = match (f.ja(), last) {
        (true, None) => format!("{from}から"),
        (true, Some(last)) => format!("{from}〜{last}"),
        (false, None) => format!("from {from}"),
        (false, Some(last)) => format!("{from} – {last}"),
    };
    Row {
        id: quota.id.to_string(),
        most: words::most(language, quota.measure, quota.most),
        subject: subject_words(f, quota.subject),
        employer: employer.filter(|_| of_all).map(|one| f.get(&one.name).to_owned()),
        centre: centre.map(|centre| f.get(&centre.name).to_owned()),
        term,
        source: f.get(&quota.source).to_owned(),
        to_come: false,
    }
}

fn subject_words(f: &Frame, subject: Subject) -> &'static str {
    let (ja, en) = match subject {
        Subject::Person => ("1人あたり", "Each person"),
        Subject::Household => ("1世帯あたり", "Each household"),
        Subject::Employer => ("企業の全員あわせて", "All people of the employer together"),
    };
    if f.ja() { ja } else { en }
}

fn choices<T: Copy, const N: usize>(
    all: [T; N],
    typed: &str,
    word: impl Fn(T) -> &'static str,
    words: impl Fn(T) -> String,
) -> Vec<Choice> {
    let choice =
        |one| Choice { value: word(one).to_owned(), words: words(one), chosen: word(one) == typed };
    all.into_iter().map(choice).collect()
}
