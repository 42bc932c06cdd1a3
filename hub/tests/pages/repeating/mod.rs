//! What a desk is to be like, and the same booking again on other days, from the pages.

use axum::http::StatusCode;
use serde_json::Value;

use crate::support::{Answer, Browser, World, field};
use crate::web::{no_machine_words, press_first_offer};

const THURSDAY: &str = "/search?date=2026-11-26&from=10:00&to=12:00&near=yokohama";

/// Books what a search finds first, and answers the booking's path.
async fn booked(browser: &mut Browser, search: &str) -> String {
    let found = browser.get(search).await;
    let made = press_first_offer(browser, &found).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.body);
    made.header("location").split('?').next().unwrap().to_owned()
}

async fn repeated(
    browser: &mut Browser,
    path: &str,
    days: &[&str],
    until: &str,
    each: &str,
) -> Answer {
    let form = browser.get(&format!("{path}/repeat")).await;
    assert_eq!(form.status, StatusCode::OK, "{}", form.body);
    no_machine_words(&form);
    let (csrf, key) = (form.csrf(), field(&form.body, "key").unwrap());
    let mut fields = vec![("csrf", csrf.as_str()), ("key", &key), ("until", until), ("each", each)];
    fields.extend(days.iter().map(|day| ("day", *day)));
    browser.post(&format!("{path}/repeat"), &fields).await
}

async fn as_program(browser: &mut Browser, path: &str) -> Value {
    browser.get(&format!("/api/v1{path}")).await.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_desk_is_to_be_like_goes_from_the_search_into_the_booking() {
    let world = World::new().await;
    let mut sato = world.signed_in("sato").await;
    let plain = sato.get(THURSDAY).await;
    for name in ["must.monitor", "rather.quiet", "must.thin_client", "name=\"together\""] {
        assert!(plain.body.contains(name), "{name}");
    }
    let path =
        booked(&mut sato, &format!("{THURSDAY}&desks=2&together=1&feature=&feature=rather.quiet"))
            .await;
    let page = sato.get(&path).await;
    assert!(page.body.contains("静かな席（あれば）、となり同士"), "{}", page.body);
    let booking = as_program(&mut sato, &path).await;
    assert_eq!(booking["wanted"], serde_json::json!(["quiet"]));
    assert_eq!(booking["required"], serde_json::json!([]));

    // One desk stands beside none, and what nobody has is said to be what is missing.
    let one = booked(&mut sato, &format!("{THURSDAY}&desks=1&together=1")).await;
    assert!(!sato.get(&one).await.body.contains("となり同士"));
    for hostile in ["quiet", "must.", "must.%00", "%3Cscript%3E.monitor", "must.monitor.x"] {
        let page = sato.get(&format!("{THURSDAY}&feature={hostile}")).await;
        assert_eq!(page.status, StatusCode::OK, "{hostile}");
        no_machine_words(&page);
    }
    let csrf = plain.csrf();
    let slot = ("slot", "2026-11-26T03:00:00Z/2026-11-26T04:00:00Z");
    let form = [("csrf", csrf.as_str()), ("centre", "yokohama"), ("desks", "1"), slot];
    for hostile in ["monitor", "must.everything", "rather"] {
        let answer = sato.post("/bookings", &[&form[..], &[("feature", hostile)]].concat()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{hostile}");
    }
    // A full house keeps what was asked for on its other ways.
    let wishes = [("feature", "must.wheelchair"), ("feature", "rather.quiet")];
    let many = [("csrf", csrf.as_str()), ("centre", "yokohama"), ("desks", "10"), slot];
    let answer = sato.post("/bookings", &[&many[..], &wishes].concat()).await;
    if answer.status == StatusCode::CONFLICT {
        assert!(answer.body.contains("feature=must.wheelchair"), "{}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_is_repeated_seen_changed_and_cancelled_as_a_series() {
    let world = World::new().await;
    let mut sato = world.signed_in("sato").await;
    let path = booked(&mut sato, &format!("{THURSDAY}&desks=1")).await;
    assert!(sato.get(&path).await.body.contains(&format!("{path}/repeat")));
    let made = repeated(&mut sato, &path, &["TH"], "2026-12-17", "").await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    no_machine_words(&made);
    assert!(made.body.contains("3日分、全部とれました"), "{}", made.body);
    for day in ["12月3日（木）", "12月10日（木）", "12月17日（木）"] {
        assert!(made.body.contains(day), "{day}: {}", made.body);
    }

    // It is of the series too, and is not repeated once more.
    let page = sato.get(&path).await;
    assert!(page.body.contains(&format!("{path}/series")) && !page.body.contains("/repeat"));
    assert_eq!(sato.get(&format!("{path}/repeat")).await.header("location"), path);
    let all = sato.get(&format!("{path}/series")).await;
    let listed = all.body.split_once("class=\"days\"").unwrap().1.split_once("</ul>").unwrap().0;
    assert_eq!(listed.matches("<li").count(), 4);
    no_machine_words(&all);
    let ids: Vec<String> = all
        .body
        .split("href=\"/bookings/")
        .skip(1)
        .filter_map(|rest| rest.split_once('"'))
        .map(|(id, _)| id.to_owned())
        .filter(|id| !id.contains('/') && !path.ends_with(id.as_str()))
        .collect();
    assert_eq!(ids.len(), 3, "{ids:?}");

    // Another hour for all of them, each on its own day.
    let form = sato.get(&format!("{path}/change")).await;
    assert!(form.body.contains("value=\"following\""), "{}", form.body);
    let (csrf, version) = (form.csrf(), field(&form.body, "version").unwrap());
    let change = [
        ("csrf", csrf.as_str()),
        ("version", &version),
        ("date", "2026-11-26"),
        ("from", "13:00"),
        ("to", "15:00"),
        ("reach", "all"),
    ];
    let changed = sato.post(&format!("{path}/change"), &change).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
    assert!(changed.body.contains("4日分の時間を変えました"), "{}", changed.body);
    no_machine_words(&changed);
    let second = as_program(&mut sato, &format!("/bookings/{}", ids[0])).await;
    assert!(second.to_string().contains("2026-12-03T04:00:00Z"), "{second}");

    // From the second on: the first stands.
    let ask = sato.get(&format!("/bookings/{}/cancel", ids[0])).await;
    assert!(ask.body.contains("この日から後"), "{}", ask.body);
    let cancel = [("csrf", csrf.as_str()), ("reach", "following")];
    let gone = sato.post(&format!("/bookings/{}/cancel", ids[0]), &cancel).await;
    assert_eq!(gone.status, StatusCode::OK, "{}", gone.body);
    assert!(gone.body.contains("3日分を取り消しました"), "{}", gone.body);
    no_machine_words(&gone);
    assert!(sato.get(&path).await.body.contains("確定"));
    assert!(sato.get(&format!("/bookings/{}", ids[2])).await.body.contains("取り消し済み"));

    let mut other = world.signed_in("suzuki").await;
    for page in ["repeat", "series"] {
        let hidden = other.get(&format!("{path}/{page}")).await;
        assert_eq!(hidden.status, StatusCode::NOT_FOUND, "{page}");
    }
    let csrf = other.get("/account").await.csrf();
    let answer = other.post(&format!("{path}/repeat"), &[("csrf", &csrf), ("day", "TH")]).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_days_that_cannot_all_be_had_none_is_booked_or_the_others() {
    let world = World::new().await;
    let mut sato = world.signed_in("sato").await;
    let path = booked(&mut sato, &format!("{THURSDAY}&desks=1")).await;
    // The last of these Thursdays lies in the new year's rest or beyond what can be booked.
    let none = repeated(&mut sato, &path, &["TH"], "2027-03-04", "").await;
    assert_eq!(none.status, StatusCode::CONFLICT, "{}", none.body);
    no_machine_words(&none);
    assert!(none.body.contains("予約していません") && none.body.contains("とれる日だけ予約する"));
    let mine = as_program(&mut sato, "/bookings").await.to_string();
    assert!(!mine.contains("2026-12-03"), "{mine}");

    let some = repeated(&mut sato, &path, &["TH"], "2027-03-04", "1").await;
    assert_eq!(some.status, StatusCode::CREATED, "{}", some.body);
    assert!(some.body.contains("日のうち") && some.body.contains("result--no"), "{}", some.body);

    let again = booked(&mut sato, &format!("{}&desks=1", THURSDAY.replace("11-26", "11-27"))).await;
    let wrong: &[(&[&str], &str, &str)] = &[
        (&[], "2026-12-17", "曜日を選んでください"),
        (&["XX"], "2026-12-17", "曜日を選んでください"),
        (&["FR;COUNT=9"], "2026-12-17", "曜日を選んでください"),
        (&["FR"], "", "2026-11-24 のように"),
        (&["FR"], "17th of never", "2026-11-24 のように"),
        (&["FR"], "2026-11-01", "選んだ曜日がありません"),
        (&["MO", "TU", "WE", "TH", "FR", "SA", "SU"], "9999-12-31", "100日まで"),
    ];
    for (days, until, says) in wrong {
        let answer = repeated(&mut sato, &again, days, until, "1").await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{days:?} {until}");
        assert!(answer.body.contains(says), "{days:?} {until}: {}", answer.body);
        no_machine_words(&answer);
    }
}
