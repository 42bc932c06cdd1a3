//! What a nursery gives and asks: hours, hand-overs, schemes, interviews, documents, naps, fever.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::Weekday;
use model::care::day::NapInterval;
use model::care::scheme::Scheme;
use model::care::terms::{BadTerms, HandOver, MOST_DOCUMENTS, NeededDocument, OF_AGE, Terms};
use model::centre::Nursery;
use model::language::LocalText;
use model::opening::{DayKind, OpeningHours};
use model::permission::Action;

use super::nursery_id;
use crate::pages::fields::{Asked, Fields, Posted};
use crate::pages::frame::{Frame, Part};
use crate::pages::{html, words};
use crate::service::{Caller, Refused, nursery, nursery_day};
use crate::typed;
use crate::web::Web;

/// So many groups of hours a form has at most.
const MOST_HOURS: usize = 8;
/// So many intervals of looks at a sleeping child a form shows at least,
const NAPS_SHOWN: usize = 3;
/// and so many it takes: a file may have said more than anybody types.
const MOST_NAPS: usize = 20;
/// The kinds of day, as a form names them.
const DAYS: [(&str, DayKind); 8] = [
    ("mon", DayKind::Weekday(Weekday::Mon)),
    ("tue", DayKind::Weekday(Weekday::Tue)),
    ("wed", DayKind::Weekday(Weekday::Wed)),
    ("thu", DayKind::Weekday(Weekday::Thu)),
    ("fri", DayKind::Weekday(Weekday::Fri)),
    ("sat", DayKind::Weekday(Weekday::Sat)),
    ("sun", DayKind::Weekday(Weekday::Sun)),
    ("holiday", DayKind::Holiday),
];

#[derive(Template)]
#[template(path = "nurseries/terms.html")]
struct Page {
    f: Frame,
    id: String,
    name: String,
    before: String,
    after: String,
    interview: bool,
    from_years: String,
    /// Name, title, whether it is offered, whether it is the one in front.
    schemes: Vec<(String, String, bool, bool)>,
    hours: Vec<Hours>,
    documents: Vec<Document>,
    naps: Vec<Nap>,
    fever: String,
    done: bool,
    bad: Option<String>,
}

struct Hours {
    days: Vec<(&'static str, &'static str, bool)>,
    from: String,
    until: String,
}

#[derive(Default)]
struct Document {
    code: String,
    ja: String,
    en: String,
    months: String,
}

/// Below which age a sleeping child is looked at after how many minutes.
#[derive(Default)]
struct Nap {
    below: String,
    minutes: String,
}

/// `/nurseries/{id}/terms`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    let atlas = web.atlas().await?;
    let (_, here) = nursery_day::find(&atlas, &caller, nursery_id(&id)?, Action::ManageNursery)?;
    let done = !asked.get("done").is_empty();
    Ok(page(&caller, here, &atlas.schemes, &written(&here.terms), done, None))
}

/// Decides them, from now on. What is booked already stands.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let atlas = web.atlas().await?;
    let (centre, here) =
        nursery_day::find(&atlas, &caller, nursery_id(&id)?, Action::ManageNursery)?;
    let set = match read(&fields, &atlas.schemes) {
        Ok(terms) => nursery::set_terms(&web.hub, Some(&caller), centre, here, &terms)
            .await?
            .map_err(Bad::Terms),
        Err(bad) => Err(bad),
    };
    match set {
        Ok(()) => Ok(Redirect::to(&format!("/nurseries/{}/terms?done=1", here.id)).into_response()),
        Err(bad) => Ok(page(&caller, here, &atlas.schemes, &fields, false, Some(&bad))),
    }
}

/// Why what was typed is not taken.
enum Bad {
    Terms(BadTerms),
    HandOver,
    Hours,
    Months,
    Age,
    Naps,
    Fever,
}

fn read(fields: &Fields, known: &[Scheme]) -> Result<Terms, Bad> {
    let handover = match (fields.get("before"), fields.get("after")) {
        ("", "") => None,
        (before, after) => {
            let minutes = |text: &str| if text.is_empty() { Some(0) } else { typed::number(text) };
            let (before, after) = minutes(before).zip(minutes(after)).ok_or(Bad::HandOver)?;
            Some(HandOver { before, after })
        }
    };
    let first = fields.get("first");
    let mut schemes: Vec<String> = known
        .iter()
        .map(|scheme| scheme.name.clone())
        .filter(|name| fields.all("scheme").any(|chosen| chosen == name))
        .collect();
    schemes.sort_by_key(|name| name != first);
    let mut hours = Vec::new();
    for n in 1..=MOST_HOURS + 1 {
        let (days, from, until) = (format!("days-{n}"), format!("from-{n}"), format!("until-{n}"));
        let (from, until) = (fields.get(&from), fields.get(&until));
        let days: Vec<DayKind> = fields
            .all(&days)
            .filter_map(|day| DAYS.iter().find(|(name, _)| *name == day).map(|(_, kind)| *kind))
            .collect();
        if days.is_empty() && from.is_empty() && until.is_empty() {
            continue;
        }
        let times = typed::minutes(from).zip(typed::minutes(until)).filter(|_| !days.is_empty());
        let (opens, closes) = times.ok_or(Bad::Hours)?;
        hours.extend(days.into_iter().map(|day| OpeningHours { day, opens, closes }));
    }
    let mut documents: Vec<NeededDocument> = Vec::new();
    for n in 1..=MOST_DOCUMENTS + 1 {
        let field = |what: &str| fields.get(&format!("{what}-{n}")).trim();
        let (ja, en) = (field("ja"), field("en"));
        if ja.is_empty() && en.is_empty() {
            continue;
        }
        let months = match field("months") {
            "" => None,
            months => {
                let months = typed::number(months).and_then(|months| u16::try_from(months).ok());
                Some(months.ok_or(Bad::Months)?)
            }
        };
        let code = match field("code") {
            "" => new_code(en, &documents),
            code => code.to_owned(),
        };
        // One name will do where the other is left out.
        let name = LocalText::new(
            if ja.is_empty() { en } else { ja },
            if en.is_empty() { ja } else { en },
        );
        documents.push(NeededDocument { code, name, months });
    }
    let collect_from_years = match fields.get("from-years") {
        "" => None,
        years => Some(typed::number(years).ok_or(Bad::Age)?).filter(|years| *years != OF_AGE),
    };
    let mut naps = Vec::new();
    for n in 1..=MOST_NAPS {
        let row = Nap::typed(fields, n);
        if !row.is_empty() {
            let numbers = typed::number(&row.below).zip(typed::number(&row.minutes));
            let (below_years, minutes) = numbers.ok_or(Bad::Naps)?;
            naps.push(NapInterval { below_years, minutes });
        }
    }
    let fever = match fields.get("fever").trim() {
        "" => None,
        degrees => Some(typed::tenths(degrees).ok_or(Bad::Fever)?),
    };
    let interview = !fields.get("interview").is_empty();
    let terms =
        Terms { handover, hours, schemes, interview, documents, collect_from_years, naps, fever };
    terms.check().map(|()| terms).map_err(Bad::Terms)
}

/// What a document is told apart by: of its English name, as far as that has letters.
fn new_code(en: &str, others: &[NeededDocument]) -> String {
    let plain: String = en
        .to_ascii_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(30)
        .collect();
    let plain = plain.trim_matches('-');
    let plain = if plain.is_empty() { "document" } else { plain };
    let free = |code: &String| others.iter().all(|other| other.code != *code);
    let numbered = (2..).map(|number: u32| format!("{plain}-{number}"));
    std::iter::once(plain.to_owned()).chain(numbered).find(free).unwrap_or_default()
}

/// What a form shows of them.
fn written(terms: &Terms) -> Fields {
    let text = str::to_owned;
    let mut pairs: Vec<(String, String)> = Vec::new();
    if let Some(HandOver { before, after }) = terms.handover {
        pairs.push((text("before"), before.to_string()));
        pairs.push((text("after"), after.to_string()));
    }
    pairs.extend(terms.schemes.iter().map(|name| (text("scheme"), name.clone())));
    pairs.extend(terms.schemes.first().map(|name| (text("first"), name.clone())));
    if terms.interview {
        pairs.push((text("interview"), text("1")));
    }
    if let Some(years) = terms.collect_from_years {
        pairs.push((text("from-years"), years.to_string()));
    }
    let mut alike: BTreeMap<(u32, u32), Vec<&str>> = BTreeMap::new();
    for one in &terms.hours {
        let name = DAYS.iter().find(|(_, kind)| *kind == one.day).map(|(name, _)| *name);
        alike.entry((one.opens, one.closes)).or_default().extend(name);
    }
    let clock = |minutes: u32| format!("{:02}:{:02}", minutes / 60, minutes % 60);
    for (n, ((opens, closes), days)) in (1..).zip(alike) {
        pairs.extend(days.into_iter().map(|day| (format!("days-{n}"), text(day))));
        pairs.push((format!("from-{n}"), clock(opens)));
        pairs.push((format!("until-{n}"), clock(closes)));
    }
    for (n, document) in (1..).zip(&terms.documents) {
        pairs.push((format!("code-{n}"), document.code.clone()));
        pairs.push((format!("ja-{n}"), document.name.ja.clone()));
        pairs.push((format!("en-{n}"), document.name.en.clone()));
        pairs.extend(document.months.map(|months| (format!("months-{n}"), months.to_string())));
    }
    for (n, nap) in (1..).zip(&terms.naps) {
        pairs.push((format!("nap-below-{n}"), nap.below_years.to_string()));
        pairs.push((format!("nap-minutes-{n}"), nap.minutes.to_string()));
    }
    pairs.extend(terms.fever.map(|fever| (text("fever"), degrees(fever))));
    pairs.into()
}

fn degrees(tenths: u16) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn page(
    caller: &Caller,
    here: &Nursery,
    known: &[Scheme],
    typed: &Fields,
    done: bool,
    bad: Option<&Bad>,
) -> Response {
    let f = Frame::new(caller, Part::Nursery);
    let offered: Vec<&str> = typed.all("scheme").collect();
    let schemes = known.iter().map(|scheme| {
        let name = scheme.name.as_str();
        let (on, first) = (offered.contains(&name), typed.get("first") == name);
        (name.to_owned(), f.get(&scheme.title).to_owned(), on, first)
    });
    let page = Page {
        id: here.id.to_string(),
        name: f.get(&here.name).to_owned(),
        before: typed.get("before").to_owned(),
        after: typed.get("after").to_owned(),
        interview: !typed.get("interview").is_empty(),
        from_years: typed.get("from-years").to_owned(),
        schemes: schemes.collect(),
        hours: rows(MOST_HOURS, |n| Hours::typed(&f, typed, n), Hours::is_empty),
        documents: rows(MOST_DOCUMENTS, |n| Document::typed(typed, n), Document::is_empty),
        naps: Nap::rows(typed),
        fever: typed.get("fever").to_owned(),
        done,
        bad: bad.map(|bad| said(&f, bad)),
        f,
    };
    let status = if bad.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    html(status, &page)
}

/// The rows that something is in, and an empty one to write in.
fn rows<T>(most: usize, row: impl Fn(usize) -> T, is_empty: impl Fn(&T) -> bool) -> Vec<T> {
    let mut rows: Vec<T> = (1..=most + 1).map(&row).filter(|one| !is_empty(one)).collect();
    if rows.len() < most {
        rows.push(row(usize::MAX));
    }
    rows
}

impl Hours {
    fn typed(f: &Frame, typed: &Fields, n: usize) -> Self {
        let named = format!("days-{n}");
        let chosen: Vec<&str> = typed.all(&named).collect();
        let day = |(name, kind): &(&'static str, DayKind)| {
            let words = match kind {
                DayKind::Weekday(day) => words::weekday(f.language(), *day),
                DayKind::Holiday => f.say("祝日", "Holidays"),
            };
            (*name, words, chosen.contains(name))
        };
        Self {
            days: DAYS.iter().map(day).collect(),
            from: typed.get(&format!("from-{n}")).to_owned(),
            until: typed.get(&format!("until-{n}")).to_owned(),
        }
    }

    fn is_empty(&self) -> bool {
        self.from.is_empty() && self.until.is_empty() && self.days.iter().all(|(.., on)| !on)
    }
}

impl Document {
    fn typed(typed: &Fields, n: usize) -> Self {
        let field = |what: &str| typed.get(&format!("{what}-{n}")).to_owned();
        Self { code: field("code"), ja: field("ja"), en: field("en"), months: field("months") }
    }

    fn is_empty(&self) -> bool {
        self.ja.is_empty() && self.en.is_empty()
    }
}

impl Nap {
    fn typed(typed: &Fields, n: usize) -> Self {
        let field = |what: &str| typed.get(&format!("{what}-{n}")).trim().to_owned();
        Self { below: field("nap-below"), minutes: field("nap-minutes") }
    }

    fn is_empty(&self) -> bool {
        self.below.is_empty() && self.minutes.is_empty()
    }

    fn rows(typed: &Fields) -> Vec<Self> {
        let all = (1..=MOST_NAPS).map(|n| Self::typed(typed, n));
        let mut rows: Vec<Self> = all.filter(|row| !row.is_empty()).collect();
        rows.resize_with(rows.len().max(NAPS_SHOWN), Self::default);
        rows
    }
}

fn said(f: &Frame, bad: &Bad) -> String {
    let (ja, en) = match bad {
        Bad::HandOver | Bad::Terms(BadTerms::HandOver) => (
            "引き渡しの時間は、前後それぞれ60分までの数字で入れてください",
            "A hand-over takes up to 60 minutes before and after",
        ),
        Bad::Hours | Bad::Terms(BadTerms::Hours) => (
            "開所時間は、曜日をえらび、同じ日の 8:00 から 18:30 のように入れてください",
            "Hours have days, and end after they begin on the same day, as 8:00 to 18:30",
        ),
        Bad::Months | Bad::Terms(BadTerms::Documents) => (
            "書類は20種類まで、名前は60文字まで、有効な月数は1〜120の数字です",
            "At most 20 documents, each with a name of up to 60 characters, and from 1 to 120 months where it ends",
        ),
        Bad::Age | Bad::Terms(BadTerms::Age) => (
            "お迎えできる年齢は、12〜30の数字で入れてください",
            "Whoever collects a child is from 12 to 30 years old at the least",
        ),
        Bad::Terms(BadTerms::Schemes) => {
            ("制度は10までえらべます", "At most ten schemes can be offered")
        }
        Bad::Naps | Bad::Terms(BadTerms::Naps) => (
            "お昼寝の確認は、年齢の順に、1〜60分ごとで入れてください",
            "A sleeping child is looked at every 1 to 60 minutes, by ages that rise",
        ),
        Bad::Fever | Bad::Terms(BadTerms::Fever) => (
            "発熱とする体温は、34.0〜42.0度で入れてください",
            "A fever begins between 34.0 and 42.0 degrees",
        ),
        Bad::Terms(BadTerms::Door { before, early }) => {
            return if f.ja() {
                format!(
                    "建物の扉は席の{early}分前に開きます。引き渡しを{before}分前に始めるには、利用のきまりを先に変えてください"
                )
            } else {
                format!(
                    "The building's door opens {early} minutes before a desk: for a hand-over {before} minutes before, change the house rules first"
                )
            };
        }
    };
    f.say(ja, en).to_owned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;
    use crate::care::schemes::shipped;

    #[test]
    fn what_a_form_shows_is_read_as_it_was() {
        let known = shipped().unwrap();
        let on = |name: &str, opens, closes| OpeningHours {
            day: DAYS.iter().find(|(one, _)| *one == name).unwrap().1,
            opens,
            closes,
        };
        let document = |code: &str, months| NeededDocument {
            code: code.to_owned(),
            name: LocalText::new("書類", "A document"),
            months,
        };
        let terms = Terms {
            handover: Some(HandOver { before: 10, after: 15 }),
            hours: vec![on("sat", 540, 720), on("mon", 540, 1_080), on("holiday", 540, 1_080)],
            schemes: vec![known[2].name.clone(), known[0].name.clone()],
            interview: true,
            documents: vec![document("allergy-form", Some(12)), document("health", None)],
            collect_from_years: Some(20),
            naps: [(1, 5), (2, 10), (4, 15), (7, 30)]
                .map(|(below_years, minutes)| NapInterval { below_years, minutes })
                .to_vec(),
            fever: Some(380),
        };
        assert!(read(&written(&terms), &known).is_ok_and(|again| again == terms));
        let plain = Terms::default();
        assert!(read(&written(&plain), &known).is_ok_and(|again| again == plain));
    }

    #[test]
    fn naps_and_fever_are_read_as_people_write_them() {
        let read = |pairs: &[(&str, &str)]| {
            let owned = |text: &str| text.to_owned();
            let pairs: Vec<_> =
                pairs.iter().map(|(name, value)| (owned(name), owned(value))).collect();
            read(&pairs.into(), &[])
        };
        let row = |below, minutes| [("nap-below-2", below), ("nap-minutes-2", minutes)];
        let naps = |below, minutes| read(&row(below, minutes)).map(|terms| terms.naps);
        assert!(
            naps("１", "５")
                .is_ok_and(|naps| { naps == [NapInterval { below_years: 1, minutes: 5 }] })
        );
        assert!(naps("", "").is_ok_and(|naps| naps.is_empty()));
        for (below, minutes) in [("1", ""), ("", "5"), ("one", "5"), ("-1", "5")] {
            assert!(matches!(naps(below, minutes), Err(Bad::Naps)), "{below} {minutes}");
        }
        assert!(matches!(naps("1", "61"), Err(Bad::Terms(BadTerms::Naps))));
        let falling = [row("3", "10"), [("nap-below-3", "1"), ("nap-minutes-3", "5")]].concat();
        assert!(matches!(read(&falling), Err(Bad::Terms(BadTerms::Naps))));
        let fever = |text| read(&[("fever", text)]).map(|terms| terms.fever);
        for (text, want) in [("37.5", Some(375)), ("３８", Some(380)), (" ", None)] {
            assert!(fever(text).is_ok_and(|fever| fever == want), "{text}");
        }
        assert!(matches!(fever("hot"), Err(Bad::Fever)));
        assert!(matches!(fever("33.9"), Err(Bad::Terms(BadTerms::Fever))));
    }

    #[test]
    fn a_document_gets_a_code_of_its_own() {
        let mut documents: Vec<NeededDocument> = Vec::new();
        for (en, want) in [
            ("Allergy form", "allergy-form"),
            ("Allergy form", "allergy-form-2"),
            ("健康診断書", "document"),
            ("診断書", "document-2"),
            ("--", "document-3"),
        ] {
            let code = new_code(en, &documents);
            assert_eq!(code, want, "{en}");
            let name = LocalText::new(en, en);
            documents.push(NeededDocument { code, name, months: None });
        }
        let terms = Terms { documents, ..Terms::default() };
        assert_eq!(terms.check(), Ok(()));
    }
}
