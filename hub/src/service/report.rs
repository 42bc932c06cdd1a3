//! What a municipality is told of its centres, by month.

use chrono::{Datelike, Days, Months, NaiveDate};
use model::centre::Centre;
use model::id::MunicipalityId;
use model::interval::Interval;
use model::opening;
use model::permission::{Action, Target};
use model::report::{Cell, MonthRow, by_month};

use super::atlas::Atlas;
use super::{Caller, Refused, allow, rules};
use crate::hub::Hub;

/// A municipality's report: one row a month and centre, newest month first.
pub struct Report {
    /// The first day of the earliest month.
    pub from: NaiveDate,
    /// The first day of the newest month.
    pub to: NaiveDate,
    /// Months, newest first, each with its centres' rows by slug.
    pub months: Vec<(NaiveDate, Vec<(Centre, MonthRow)>)>,
}

/// The report of the last [`rules::REPORT_MONTHS`] months.
///
/// # Errors
/// [`Refused`] when they may not read it, or the store fails.
pub async fn months(
    hub: &Hub,
    atlas: &Atlas,
    caller: &Caller,
    municipality: MunicipalityId,
) -> Result<Report, Refused> {
    allow(caller, Action::ReadReport, &Target::in_municipality(municipality))?;
    let centres: Vec<&Centre> =
        atlas.centres.iter().filter(|centre| centre.municipality == municipality).collect();
    let zone = centres.first().map_or(chrono_tz::Asia::Tokyo, |centre| centre.time_zone);
    let now = hub.now();
    let out_of_calendar = Refused::Inner("the calendar ended");
    let to = now.with_timezone(&zone).date_naive().with_day(1);
    let months: Option<Vec<NaiveDate>> =
        (0..rules::REPORT_MONTHS).map(|back| to?.checked_sub_months(Months::new(back))).collect();
    let (Some(to), Some(months)) = (to, months) else { return Err(out_of_calendar) };
    let from = months.last().copied().unwrap_or(to);
    // A week counts for a month when it has one day in it, so the days before count too.
    let starts = from
        .checked_sub_days(Days::new(7))
        .and_then(|day| opening::local(day, 0, zone))
        .ok_or(out_of_calendar)?;
    let window = Interval::new(starts, now).map_err(|_| Refused::Inner("the clock is unset"))?;
    let stays = hub.store.stays(municipality, &window, now).await?;
    let counted = by_month(&stays, zone);
    let empty =
        MonthRow { visits: Cell::Shown(0), users: Cell::Shown(0), teleworkers: Cell::Shown(0) };
    let row = |month: NaiveDate, centre: &&Centre| {
        let row = counted.get(&(month, centre.id)).copied().unwrap_or(empty);
        ((*centre).clone(), row)
    };
    let months = months
        .into_iter()
        .map(|month| (month, centres.iter().map(|centre| row(month, centre)).collect()))
        .collect();
    Ok(Report { from, to, months })
}
