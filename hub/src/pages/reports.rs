//! A municipality's report: a page and the same figures as CSV.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::NaiveDate;
use model::centre::Centre;
use model::report::{Cell, LEAST_SHOWN, MonthRow, TELEWORKER_MINUTES};

use super::frame::{Frame, Part};
use super::{html, wish, words};
use crate::service::report::{self, Report};
use crate::service::{Caller, Refused};
use crate::web::Web;

#[derive(Template)]
#[template(path = "reports/municipality.html")]
struct Page {
    f: Frame,
    id: String,
    town: String,
    caption: String,
    rows: Vec<Row>,
    least: u32,
    minutes: i64,
    made: String,
}

struct Row {
    month: String,
    slug: String,
    centre: String,
    cells: Vec<Option<u32>>,
}

/// `/reports/{municipality}`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let (town, report) = find(&web, &caller, &id).await?;
    let f = Frame::new(&caller, Part::Reports);
    let used =
        |rows: &Vec<(Centre, MonthRow)>| rows.iter().any(|(_, row)| row.users != Cell::Shown(0));
    let rows = report.months.iter().filter(|(_, rows)| used(rows)).flat_map(|(month, rows)| {
        let month = words::month(f.language(), *month);
        rows.iter()
            .map(|(centre, row)| Row {
                month: month.clone(),
                slug: centre.slug.to_string(),
                centre: f.get(&centre.name).to_owned(),
                cells: [row.visits, row.users, row.teleworkers].map(shown).to_vec(),
            })
            .collect::<Vec<_>>()
    });
    let dash = f.say("〜", " – ");
    let now = web.hub.now();
    let atlas = web.atlas().await?;
    let zone = wish::zone(&atlas);
    let page = Page {
        id,
        caption: format!(
            "{}{dash}{}",
            words::month(f.language(), report.from),
            words::month(f.language(), report.to)
        ),
        rows: rows.collect(),
        least: LEAST_SHOWN,
        minutes: TELEWORKER_MINUTES,
        made: format!(
            "{} {}",
            words::full_date(f.language(), now.with_timezone(&zone).date_naive()),
            words::clock(now, zone)
        ),
        town: if f.ja() { town.ja } else { town.en },
        f,
    };
    Ok(html(StatusCode::OK, &page))
}

/// `/reports/{municipality}/months.csv`: UTF-8 with a mark at its head, which spreadsheets need
/// to read Japanese.
pub async fn csv(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let (_, report) = find(&web, &caller, &id).await?;
    let f = Frame::new(&caller, Part::Reports);
    let body = table(&f, &report).map_err(|_| Refused::Inner("a table could not be written"))?;
    let newest = report.to.format("%Y-%m");
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"kyoten-{newest}.csv\"")),
    ];
    Ok((headers, body).into_response())
}

async fn find(
    web: &Web,
    caller: &Caller,
    id: &str,
) -> Result<(model::language::LocalText, Report), Refused> {
    caller.signed_in()?;
    let id = id.parse().map_err(|_| Refused::NotFound)?;
    let atlas = web.atlas().await?;
    let report = report::months(&web.hub, &atlas, caller, id).await?;
    let town = atlas.municipality(id).ok_or(Refused::NotFound)?.clone();
    Ok((town, report))
}

fn table(f: &Frame, report: &Report) -> Result<Vec<u8>, csv::Error> {
    let mut out = csv::Writer::from_writer("\u{FEFF}".as_bytes().to_vec());
    out.write_record([
        f.say("月", "Month"),
        f.say("センター", "Centre"),
        f.say("利用（回）", "Visits"),
        f.say("利用者（人）", "Users"),
        f.say("週480分以上の利用者（人）", "Users with 480 min or more in a week"),
    ])?;
    for (month, rows) in &report.months {
        for (centre, row) in rows {
            out.write_record([
                month_text(*month),
                unformulaic(f.get(&centre.name)),
                cell_text(f, row.visits),
                cell_text(f, row.users),
                cell_text(f, row.teleworkers),
            ])?;
        }
    }
    out.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

fn month_text(month: NaiveDate) -> String {
    month.format("%Y-%m").to_string()
}

fn cell_text(f: &Frame, cell: Cell) -> String {
    match cell {
        Cell::Shown(count) => count.to_string(),
        Cell::Masked => masked(f),
    }
}

fn masked(f: &Frame) -> String {
    if f.ja() { format!("{LEAST_SHOWN}人未満") } else { format!("under {LEAST_SHOWN}") }
}

fn shown(cell: Cell) -> Option<u32> {
    match cell {
        Cell::Shown(count) => Some(count),
        Cell::Masked => None,
    }
}

/// A text that no spreadsheet takes for a formula.
pub(crate) fn unformulaic(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_never_a_formula() {
        assert_eq!(unformulaic("=1+1"), "'=1+1");
        assert_eq!(unformulaic("横浜"), "横浜");
    }
}
