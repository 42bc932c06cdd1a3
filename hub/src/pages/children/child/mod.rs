//! One child: what its guardians keep of it, what they agreed to, who may collect it, and what its nursery sees.

pub mod collecting;
mod diary;
pub mod nursery;

use std::fmt::Display;
use std::str::FromStr;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::NaiveDate;
use chrono_tz::Tz;
use model::care::age;
use model::care::file::{BadEntry, BarredBy, Interview, MOST_NAMED};
use model::care::terms::{NeededDocument, OF_AGE};
use model::centre::Nursery;
use model::child::{BadHealth, Contact, Health, MOST_CONTACTS};
use model::consent::Purpose;
use model::id::{ChildId, CollectorId, NurseryId};

use crate::pages::fields::{Asked, Fields, Posted};
use crate::pages::frame::{Frame, Part};
use crate::pages::{html, wish, words};
use crate::service::care_file::Unchanged;
use crate::service::children::{self, Changed, File};
use crate::service::{Caller, Refused, personal};
use crate::web::Web;

#[derive(Template)]
#[template(path = "children/child.html")]
struct Page {
    f: Frame,
    id: String,
    name: String,
    born: String,
    age: u32,
    own: bool,
    health: Health,
    agreed: bool,
    consents: Vec<Given>,
    done: Option<Done>,
    wants_care: bool,
    wants_consent: bool,
    /// What stands in the way of a booking: nothing, or that a talk has to be asked for, or waited for.
    wants_interview: Option<String>,
    health_known: bool,
    /// For which nursery it is looked at, and by which way back.
    ours: Option<String>,
    text_error: bool,
    contact_error: bool,
    collecting: Collecting,
    talks: Vec<Talk>,
    /// Nurseries that a guardian can ask for a talk.
    askable: Vec<(String, String)>,
    documents: Vec<Document>,
    interview_error: Option<&'static str>,
    document_error: Option<&'static str>,
    /// What was typed of an interview, where it could not be taken.
    typed_interview: Fields,
    today: String,
    diary: Option<diary::Diary>,
}

/// What was done, and in which part of the page.
struct Done {
    part: &'static str,
    words: &'static str,
}

struct Given {
    purpose: &'static str,
    title: &'static str,
    words: &'static str,
    since: Option<String>,
}

/// Who may collect it and who may not.
struct Collecting {
    guardians: Vec<Guardian>,
    collectors: Vec<Named>,
    barred: Vec<Shut>,
    /// A code for somebody's own account, just made, and whose.
    code: Option<(String, String)>,
    collector_error: Option<&'static str>,
    bar_error: Option<&'static str>,
    full: bool,
    /// What was typed, where it could not be taken.
    typed_collector: Fields,
    typed_bar: Fields,
    from_years: u32,
}

/// Somebody who answers for the child.
struct Guardian {
    id: String,
    name: String,
    /// For the nursery, which has to reach them.
    telephone: String,
}

struct Named {
    id: String,
    name: String,
    relation: String,
    telephone: String,
    by: &'static str,
    until: Option<String>,
    over: bool,
    can_link: bool,
}

struct Shut {
    id: String,
    name: String,
    reason: String,
    since: String,
    by_nursery: bool,
    /// Where whoever looks may lift it: to this address.
    lift: Option<String>,
}

/// An interview, as a page tells it.
struct Talk {
    nursery: String,
    state: String,
    held: bool,
    /// Whoever looks keeps it for the nursery.
    ours: bool,
    /// The nursery, where a guardian may take it back.
    back: Option<String>,
}

struct Document {
    nursery: String,
    code: String,
    name: String,
    state: String,
    missing: bool,
}

/// What a page tells beside what is kept.
#[derive(Default)]
struct Told {
    health: Option<(Health, BadHealth)>,
    collector: Option<Unchanged>,
    bar: Option<Unchanged>,
    interview: Option<Unchanged>,
    document: Option<Unchanged>,
    code: Option<(CollectorId, String)>,
}

/// `/children/{id}`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    page(&web, &caller, child_id(&id)?, &asked, Told::default()).await
}

/// Changes what is kept of its health.
pub async fn health(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let id = child_id(&id)?;
    let typed = typed(&fields);
    match children::set_health(&web.hub, &caller, id, typed.clone()).await? {
        Changed::Done => Ok(Redirect::to(&format!("/children/{id}?done=health")).into_response()),
        Changed::NoConsent => Ok(Redirect::to(&format!("/children/{id}")).into_response()),
        Changed::Bad(bad) => {
            let told = Told { health: Some((typed, bad)), ..Told::default() };
            page(&web, &caller, id, &fields, told).await
        }
    }
}

/// Agrees to a purpose, or takes that back.
pub async fn consent(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let id = child_id(&id)?;
    let purpose = match fields.get("purpose") {
        "care" => Purpose::Care,
        "health" => Purpose::Health,
        // Whose child it is comes first: what is not theirs is not there.
        _ => {
            children::see(&web.hub, &caller, id, None).await?;
            return Err(Refused::Unreadable("no such purpose".to_owned()));
        }
    };
    if fields.get("agree") == "no" {
        children::withdraw(&web.hub, &caller, id, purpose).await?;
    } else {
        children::consent(&web.hub, &caller, id, purpose).await?;
    }
    Ok(Redirect::to(&format!("/children/{id}?done=consent")).into_response())
}

/// Leads on where an entry was taken, to the part of the page that shows it; else tells there what is wrong with it.
async fn answer(
    web: &Web,
    caller: &Caller,
    id: ChildId,
    fields: &Fields,
    taken: Result<impl Display, Told>,
) -> Result<Response, Refused> {
    match taken {
        Ok(to) => Ok(Redirect::to(&format!("/children/{id}?{to}")).into_response()),
        Err(told) => page(web, caller, id, fields, told).await,
    }
}

/// What is not there any more need not be taken away.
fn or_gone(taken: Result<(), Unchanged>) -> Result<(), Unchanged> {
    match taken {
        Err(Unchanged::Bad(BadEntry::None)) => Ok(()),
        other => other,
    }
}

fn child_id(text: &str) -> Result<ChildId, Refused> {
    text.parse().map_err(|_| Refused::NotFound)
}

fn entry_id<T: FromStr>(text: &str) -> Result<T, Refused> {
    text.parse().map_err(|_| Refused::NotFound)
}

fn typed(fields: &Fields) -> Health {
    let contact = |n: usize| Contact {
        name: fields.get(&format!("contact-name-{n}")).to_owned(),
        relation: fields.get(&format!("contact-relation-{n}")).to_owned(),
        telephone: crate::typed::plain(fields.get(&format!("contact-telephone-{n}"))),
    };
    Health {
        allergies: fields.get("allergies").to_owned(),
        notes: fields.get("notes").to_owned(),
        contacts: (1..=MOST_CONTACTS).map(contact).collect(),
        doctor: fields.get("doctor").to_owned(),
    }
}

async fn page(
    web: &Web,
    caller: &Caller,
    id: ChildId,
    asked: &Fields,
    told: Told,
) -> Result<Response, Refused> {
    caller.signed_in()?;
    let atlas = web.atlas().await?;
    let wanted = asked.get("nursery").parse().ok();
    // A guardian's form names a nursery too: that of a talk.
    let file = children::see(&web.hub, caller, id, wanted).await?;
    let part = if file.own { Part::Children } else { Part::Nursery };
    let f = Frame::new(caller, part);
    let zone = wish::zone(&atlas);
    let today = web.hub.now().with_timezone(&zone).date_naive();
    let since = |purpose| {
        let given = file.consents.iter().rev().find(|consent| consent.purpose == purpose)?;
        let day = given.given_at.with_timezone(&zone).date_naive();
        given.withdrawn_at.is_none().then(|| words::full_date(f.language(), day))
    };
    let consents: Vec<Given> = Purpose::ALL
        .into_iter()
        .map(|purpose| Given {
            purpose: if purpose == Purpose::Care { "care" } else { "health" },
            title: match purpose {
                Purpose::Care => f.say("保育の利用", "Childcare"),
                Purpose::Health => f.say("健康と連絡先の保存", "Keeping health and contacts"),
            },
            words: f.say(purpose.wording().ja, purpose.wording().en),
            since: since(purpose),
        })
        .collect();
    let (typed, bad) = told.health.clone().unzip();
    let mut health = typed.unwrap_or_else(|| file.health.clone());
    if file.own {
        // A row to write in for the next contact, and at least two.
        let rows = (health.contacts.len() + 1).clamp(2, MOST_CONTACTS);
        health.contacts.resize(rows.max(health.contacts.len()), Contact::default());
    }
    let mut guardians = Vec::new();
    let answer = web.hub.store.who_answer_for(id).await?;
    for person in web.hub.store.persons(&answer).await? {
        let telephone = match file.for_nursery {
            Some(_) => personal::telephone_of(&web.hub, person.id).await?,
            None => String::new(),
        };
        guardians.push(Guardian { id: person.id.to_string(), name: person.name, telephone });
    }
    let diary = diary::of(&web.hub, caller, &f, (id, &file), asked, (today, zone)).await?;
    let status = if told.is_bad() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let agreed = |what| consents.iter().any(|given| given.purpose == what && given.since.is_some());
    let typed_interview = if told.interview.is_some() { asked.clone() } else { Fields::default() };
    let page = Page {
        diary,
        id: id.to_string(),
        name: file.child.particulars.name.clone(),
        born: words::full_date(f.language(), file.child.particulars.born),
        age: age::years(file.child.particulars.born, today),
        own: file.own,
        agreed: agreed("health"),
        wants_care: !asked.get("care").is_empty() && !agreed("care"),
        wants_consent: !asked.get("consent").is_empty() && !agreed("care"),
        wants_interview: wants_interview(&f, asked, &file, &atlas.nurseries, zone),
        health_known: file.health_known,
        ours: file.for_nursery.map(|nursery| nursery.to_string()),
        health,
        consents,
        done: done(&f, asked.get("done")),
        text_error: bad == Some(BadHealth::Text),
        contact_error: bad == Some(BadHealth::Contact),
        interview_error: told.interview.map(|bad| collecting::words(&f, bad)),
        document_error: told.document.map(|bad| collecting::words(&f, bad)),
        typed_interview,
        today: today.to_string(),
        talks: talks(&f, &file, &atlas.nurseries, zone),
        askable: askable(&f, asked, &file, &atlas.nurseries),
        documents: documents(&f, &file, &atlas.nurseries, today),
        collecting: Collecting {
            guardians,
            from_years: from_years(&atlas.nurseries),
            ..collecting_of(&f, &file, told, asked, today, zone)
        },
        f,
    };
    Ok(html(status, &page))
}

/// The least age that any nursery hands a child to: whoever is younger need not be named.
fn from_years(nurseries: &[Nursery]) -> u32 {
    nurseries.iter().map(|nursery| nursery.terms.collects_from()).min().unwrap_or(OF_AGE)
}

/// What somebody is told who wanted to book and has not talked with the nursery yet.
fn wants_interview(
    f: &Frame,
    asked: &Fields,
    file: &File,
    nurseries: &[Nursery],
    zone: Tz,
) -> Option<String> {
    let wanted: NurseryId = asked.get("interview").parse().ok()?;
    let nursery = nurseries.iter().find(|nursery| nursery.id == wanted)?;
    let name = f.get(&nursery.name);
    let state = file.interviews.iter().find(|(id, _)| *id == wanted).map(|(_, state)| *state);
    let (ja, en) = match state {
        Some(Interview::Held { .. }) => return None,
        Some(Interview::Fixed { on }) => {
            return Some(words::interview_fixed(f.language(), Some(on), zone));
        }
        Some(Interview::Asked { .. }) => (
            format!(
                "{name}から面談の日時の連絡を待っています。決まるとこの画面に出ます。その後の時間なら予約できます。"
            ),
            format!(
                "{name} has not given a time for your interview yet. It will be shown here; you can book any time after it."
            ),
        ),
        None => (
            format!(
                "{name}をはじめて使う前に、面談があります。下の「面談」から申し込んでください。"
            ),
            format!(
                "{name} talks with you before the first day. Please ask for an interview below."
            ),
        ),
    };
    Some(if f.ja() { ja } else { en })
}

impl Told {
    fn collector(bad: Unchanged) -> Self {
        Self { collector: Some(bad), ..Self::default() }
    }

    fn bar(bad: Unchanged) -> Self {
        Self { bar: Some(bad), ..Self::default() }
    }

    fn interview(bad: Unchanged) -> Self {
        Self { interview: Some(bad), ..Self::default() }
    }

    fn document(bad: Unchanged) -> Self {
        Self { document: Some(bad), ..Self::default() }
    }

    fn is_bad(&self) -> bool {
        let entries = [self.collector, self.bar, self.interview, self.document];
        self.health.is_some() || entries.iter().any(Option::is_some)
    }
}

fn done(f: &Frame, what: &str) -> Option<Done> {
    let (part, ja, en) = match what {
        "health" => ("top", "保存しました", "Saved"),
        "consent" => ("top", "同意の内容を変えました", "Your consent has been changed"),
        "collector" => ("collecting", "お迎えの人を登録しました", "They may collect the child now"),
        "removed" => {
            ("collecting", "お迎えの人から外しました", "They may not collect the child any more")
        }
        "bar" => {
            ("barred", "お迎えをお断りする人を登録しました", "The child is not handed to them")
        }
        "lifted" => ("barred", "お迎えをお断りする人から外しました", "They are barred no more"),
        "asked" => (
            "interviews",
            "面談を申し込みました。日時が決まると、この画面に出ます",
            "You have asked for an interview. Its time will be shown here",
        ),
        "back" => ("interviews", "面談の申し込みを取り下げました", "You have taken it back"),
        "fixed" => ("interviews", "面談の日時を決めました", "The interview has a time"),
        "held" => ("interviews", "面談を記録しました", "The interview has been noted"),
        "document" => ("documents", "書類の確認を記録しました", "The document has been noted"),
        _ => return None,
    };
    Some(Done { part, words: f.say(ja, en) })
}

fn collecting_of(
    f: &Frame,
    file: &File,
    told: Told,
    asked: &Fields,
    today: NaiveDate,
    zone: Tz,
) -> Collecting {
    let language = f.language();
    let named = file.care.collecting.collectors.iter().map(|one| Named {
        id: one.id.to_string(),
        name: one.name.clone(),
        relation: one.relation.clone(),
        telephone: one.telephone.clone(),
        by: match (one.account.is_some(), one.pin.is_some()) {
            (true, true) => f.say("カードか暗証番号", "card or PIN"),
            (true, false) => f.say("カード", "card"),
            (false, true) => f.say("暗証番号", "PIN"),
            (false, false) => {
                f.say("本人確認の書類（係員が確認）", "an identity document, seen by the staff")
            }
        },
        until: one.until.map(|until| words::full_date(language, until)),
        over: one.until.is_some_and(|until| until < today),
        can_link: file.own && one.account.is_none(),
    });
    let id = file.child.id;
    let shut = file.care.collecting.barred.iter().map(|bar| {
        let lift = match (bar.by, file.for_nursery) {
            (BarredBy::Guardian(_), None) => Some(format!("/children/{id}/bars/{}/lift", bar.id)),
            (BarredBy::Nursery(put), Some(own)) if put == own => {
                Some(format!("/children/{id}/file/bars/{}/lift", bar.id))
            }
            (BarredBy::Guardian(_) | BarredBy::Nursery(_), _) => None,
        };
        Shut {
            id: bar.id.to_string(),
            name: bar.name.clone(),
            reason: bar.reason.clone(),
            since: words::full_date(language, bar.since.with_timezone(&zone).date_naive()),
            by_nursery: matches!(bar.by, BarredBy::Nursery(_)),
            lift,
        }
    });
    let say = |bad: Option<Unchanged>| bad.map(|bad| collecting::words(f, bad));
    let typed = |bad: Option<Unchanged>| bad.map(|_| asked.clone()).unwrap_or_default();
    let whose = |id| {
        let named = file.care.collecting.collectors.iter().find(|one| one.id == id);
        named.map(|one| one.name.clone()).unwrap_or_default()
    };
    Collecting {
        guardians: Vec::new(),
        full: file.care.collecting.collectors.len() >= MOST_NAMED,
        collectors: named.collect(),
        barred: shut.collect(),
        code: told.code.map(|(id, code)| (code, whose(id))),
        collector_error: say(told.collector),
        bar_error: say(told.bar),
        typed_collector: typed(told.collector),
        typed_bar: typed(told.bar),
        from_years: OF_AGE,
    }
}

fn talks(f: &Frame, file: &File, nurseries: &[Nursery], zone: Tz) -> Vec<Talk> {
    let named = |id: NurseryId| nurseries.iter().find(|nursery| nursery.id == id);
    // A nursery sees its own talk, and nothing of others'.
    let theirs =
        |(nursery, _): &&(NurseryId, Interview)| file.for_nursery.is_none_or(|own| own == *nursery);
    file.interviews
        .iter()
        .filter(theirs)
        .filter_map(|(nursery, interview)| {
            let state = match *interview {
                Interview::Asked { .. } => f
                    .say(
                        "申し込み済み（日時の連絡待ち）",
                        "asked for; the nursery will give a time",
                    )
                    .to_owned(),
                Interview::Fixed { on } => words::day_and_clock(f.language(), on, zone),
                Interview::Held { on, .. } => {
                    let on = words::full_date(f.language(), on);
                    if f.ja() { format!("{on}に済み") } else { format!("held on {on}") }
                }
            };
            Some(Talk {
                nursery: f.get(&named(*nursery)?.name).to_owned(),
                state,
                held: matches!(interview, Interview::Held { .. }),
                ours: file.for_nursery == Some(*nursery),
                back: (file.own && !matches!(interview, Interview::Held { .. }))
                    .then(|| nursery.to_string()),
            })
        })
        .collect()
}

fn askable(f: &Frame, asked: &Fields, file: &File, nurseries: &[Nursery]) -> Vec<(String, String)> {
    let known = |nursery: &Nursery| file.interviews.iter().any(|(id, _)| *id == nursery.id);
    let open = nurseries.iter().filter(|one| file.own && one.terms.interview && !known(one));
    let mut open: Vec<(String, String)> =
        open.map(|one| (one.id.to_string(), f.get(&one.name).to_owned())).collect();
    // The one that they wanted to book at comes first.
    open.sort_by_key(|(id, _)| id != asked.get("interview"));
    open
}

/// The documents that nurseries need, and how they stand: the one's that looks, or all that the child has to do with.
fn documents(f: &Frame, file: &File, nurseries: &[Nursery], today: NaiveDate) -> Vec<Document> {
    let ours = nurseries.iter().filter(|nursery| match file.for_nursery {
        Some(own) => own == nursery.id,
        None => file.near.contains(&nursery.id),
    });
    ours.flat_map(|nursery| {
        let missing = file.care.missing(nursery.id, &nursery.terms, today);
        nursery
            .terms
            .documents
            .iter()
            .map(move |needed: &NeededDocument| {
                let seen = file
                    .care
                    .documents
                    .iter()
                    .find(|seen| seen.nursery == nursery.id && seen.code == needed.code);
                let on = |day| words::full_date(f.language(), day);
                let state = match seen {
                    None => f.say("未確認", "not seen yet").to_owned(),
                    Some(seen) => match (seen.until, f.ja()) {
                        (Some(until), true) => {
                            format!("{}に確認、{}まで有効", on(seen.seen_on), on(until))
                        }
                        (Some(until), false) => {
                            format!("seen on {}, good until {}", on(seen.seen_on), on(until))
                        }
                        (None, true) => format!("{}に確認", on(seen.seen_on)),
                        (None, false) => format!("seen on {}", on(seen.seen_on)),
                    },
                };
                Document {
                    nursery: f.get(&nursery.name).to_owned(),
                    code: needed.code.clone(),
                    name: f.get(&needed.name).to_owned(),
                    state,
                    missing: missing.contains(&needed),
                }
            })
            .collect::<Vec<_>>()
    })
    .collect()
}

/// What is wrong with an entry of a file.
fn bad_entry(f: &Frame, bad: BadEntry) -> &'static str {
    let (ja, en) = match bad {
        BadEntry::Name => ("名前は1〜60文字で入れてください", "Give a name of 1 to 60 characters"),
        BadEntry::Relation => (
            "続柄を入れてください（60文字まで）",
            "Say what they are to the child, in up to 60 characters",
        ),
        BadEntry::Telephone => ("電話番号を入れてください", "Give a telephone number"),
        BadEntry::Born => {
            ("生年月日を 1960-05-10 のように入れてください", "Give a birth date such as 1960-05-10")
        }
        BadEntry::UnderAge => (
            "この年齢の人には、お子さんを引き渡せません。大人を登録してください",
            "No nursery hands a child to somebody so young: please name an adult",
        ),
        BadEntry::Over => {
            ("日付は、今日かそれより後にしてください", "The day has to be today or later")
        }
        BadEntry::Reason => {
            ("理由を200文字までで入れてください", "Give a reason of up to 200 characters")
        }
        BadEntry::TooMany => (
            "10人まで登録できます。使わない方を外してください",
            "At most ten people can be named: remove somebody first",
        ),
        BadEntry::Twice => (
            "同じ名前の人が、すでに登録されています。直すときは、いったん外してください",
            "Somebody of that name is there already: to correct them, remove them first",
        ),
        BadEntry::Barred => (
            "この名前の人は「お迎えをお断りする人」に登録されています",
            "Somebody of that name may not collect the child",
        ),
        BadEntry::Guardian => (
            "保護者のお迎えを断るには、裁判所の決定などを保育室で見せてください",
            "To bar a guardian, show the court's order to the nursery",
        ),
        BadEntry::ChooseGuardian => (
            "保護者の名前です。「保護者のとき」からえらんでください",
            "That is a guardian's name: choose the guardian in the list",
        ),
        BadEntry::LastGuardian => (
            "保護者が1人もいなくなります。先に、もう1人の保護者に登録してもらってください",
            "Nobody would answer for the child any more: another guardian has to join first",
        ),
        BadEntry::NotYours => {
            ("登録した人（保護者か保育室）だけが外せます", "Only whoever has put it can lift it")
        }
        BadEntry::None => ("その登録は、もうありません", "That entry is not there any more"),
        BadEntry::Time => {
            ("面談の日時は、いまから1年以内で入れてください", "Give a time within the next year")
        }
    };
    f.say(ja, en)
}
