//! Search over HTTP in a region of 1,000 centres and 50,000 desks, with a child, on PostgreSQL;
//! beside it, in the same run on the same database, the anti-join that asks for the same. The hub has been up for
//! some seconds then, and has read the days.
#![expect(clippy::unwrap_used, reason = "a measurement stops at the first surprise")]

use std::time::{Duration, Instant};

use bench::{percentile, rate};
use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use model::clock::{Clock as _, SystemClock};
use serde_json::Value;
use tests::crowd::Crowd;
use tests::region::{Database, Region};

const SEARCHES: u32 = 1_000;
const ANTI_JOINS: u32 = 60;
const READING: Duration = Duration::from_secs(8);

#[tokio::main]
async fn main() {
    let mut region = Region::start(Database::Postgres).await;
    region.stop_hub();
    let day = TimeDelta::days(1);
    // 07:00 in Tokyo, the day after tomorrow.
    let first = SystemClock.now().duration_trunc(day).unwrap() + day * 2 - TimeDelta::hours(2);
    let (mut crowd, sizes) = Crowd::gather(&region.database_url, first).await.unwrap();
    println!(
        "search among {} centres, {} spaces, {} + {} claims",
        sizes.centres, sizes.spaces, sizes.desk_claims, sizes.care_claims
    );
    region.start_hub().await;
    let url = |nth: u32| {
        let (from, to) = stretch(first, nth);
        let text = |time: DateTime<Utc>| time.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        format!(
            "{}/api/v1/availability?from={}&to={}&children=1&near=many-{}",
            region.url,
            text(from),
            text(to),
            1 + nth * 37 % 1000
        )
    };
    // A hub that has just started reads the days that can be booked.
    let begun = Instant::now();
    for nth in 0.. {
        region.http.get(url(nth)).send().await.unwrap();
        if begun.elapsed() > READING {
            break;
        }
    }
    println!("  clients   searches a second   p50        p99        slowest");
    for clients in [1, 4] {
        let begun = Instant::now();
        let each = SEARCHES / clients;
        let clients_run = (0..clients).map(|client| {
            let (http, url) = (region.http.clone(), &url);
            async move {
                let mut times = Vec::new();
                for nth in 0..each {
                    let begun = Instant::now();
                    let answer = http.get(url(client * each + nth)).send().await.unwrap();
                    let found: Value = answer.json().await.unwrap();
                    times.push(begun.elapsed());
                    assert!(found["available_in_all"].as_u64().unwrap() > 0, "{found}");
                }
                times
            }
        });
        let mut times = futures::future::join_all(clients_run).await.concat();
        let a_second = rate(times.len(), begun.elapsed());
        println!(
            "  {clients:>7}   {a_second:>17.0}   {:<9.1?}  {:<9.1?}  {:<9.1?}",
            percentile(&mut times, 50.0),
            percentile(&mut times, 99.0),
            percentile(&mut times, 100.0),
        );
    }
    let mut times = Vec::new();
    for nth in 0..ANTI_JOINS {
        let (from, to) = stretch(first, nth);
        let begun = Instant::now();
        let found = crowd.anti_join(from, to).await.unwrap();
        times.push(begun.elapsed());
        assert!(found > 0);
    }
    println!(
        "  anti-join in the database, one connection: p50 {:.1?}, p99 {:.1?}",
        percentile(&mut times, 50.0),
        percentile(&mut times, 99.0),
    );
}

/// Some hours of one of the three days.
fn stretch(first: DateTime<Utc>, nth: u32) -> (DateTime<Utc>, DateTime<Utc>) {
    let from = first
        + TimeDelta::days((nth % 3).into())
        + TimeDelta::minutes(15 * i64::from(nth * 7 % 40));
    (from, from + TimeDelta::hours(1 + i64::from(nth % 3)))
}
