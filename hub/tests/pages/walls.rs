//! What keeps others out: nonces, cookies, limits, proxies, other sites' pages, and answers that
//! give nobody away.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::support::{Answer, World, email};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use hub::routes::About;
use hub::web::limits::LimitSettings;
use hub::web::proxies::{ForwardedBy, Proxies};
use hub::web::{Web, WebSettings};
use model::people::Person;
use serde_json::json;
use tower::ServiceExt as _;

/// A caller at an address, with headers of their own.
async fn call(
    router: &Router,
    address: &str,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let address: IpAddr = address.parse().unwrap();
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .extension(ConnectInfo(SocketAddr::from((address, 4711))));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let body = to_bytes(body, 4 << 20).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    Answer { status: parts.status, headers: parts.headers, body }
}

/// Signs in over the API and answers the status and the cookie line.
async fn sign_in(router: &Router, address: &str, headers: &[(&str, &str)], who: &str) -> Answer {
    let body = json!({"email": email("sato"), "password": who}).to_string();
    let headers = [&[("content-type", "application/json")], headers].concat();
    call(router, address, Method::POST, "/api/v1/session", &headers, &body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tag_carries_the_nonce_of_its_answer_and_no_two_are_the_same() {
    let world = World::new().await;
    let web = Web::new(world.hub.clone(), WebSettings::default());
    let (routes, _) = hub::router::routes(&web).split();
    let mut browsers = Vec::new();
    for key in ["takahashi", "kobayashi", "yoshida", "fujita", "sasaki"] {
        browsers.push(world.signed_in(key).await);
    }
    browsers.push(world.browser());
    let towns = world.hub.store.municipalities().await.unwrap();
    let town = towns.iter().find(|(_, name)| name.ja.contains("横浜")).unwrap().0.to_string();
    let (mut nonces, mut pages) = (BTreeSet::new(), 0);
    let pages_of = routes.iter().filter(|route| {
        route.method == Method::GET
            && !route.path.starts_with("/api")
            && !route.path.ends_with("/live")
    });
    for route in pages_of {
        let id = if route.about == About::Municipality { town.as_str() } else { "none" };
        let path = route.path.replace("{slug}", "yokohama").replace("{id}", id);
        for browser in &mut browsers {
            let page = browser.get(&path).await;
            if !page.header("content-type").starts_with("text/html") {
                continue;
            }
            pages += 1;
            let policy = page.header("content-security-policy");
            let nonce =
                policy.split_once("script-src 'nonce-").unwrap().1.split_once('\'').unwrap().0;
            assert!(nonce.len() >= 22, "{path}: {policy}");
            assert!(policy.contains(&format!("style-src 'nonce-{nonce}'")), "{path}: {policy}");
            assert!(!policy.contains("unsafe") && !policy.contains('*'), "{path}: {policy}");
            assert!(nonces.insert(nonce.to_owned()), "{path}: the nonce was there before");
            for tag in tags(&page.body, &["script", "style", "link rel=\"stylesheet\""]) {
                let carried = format!("nonce=\"{nonce}\"");
                assert!(tag.contains(&carried), "{path}: {tag} does not carry the nonce");
            }
            // No tag has a handler of its own, nor a style.
            for tag in tags(&page.body, &[""]) {
                assert!(!tag.contains(" on") && !tag.contains(" style="), "{path}: {tag}");
            }
        }
    }
    assert!(pages > 40, "only {pages} pages were looked at");
}

/// The tags of a page that begin with one of the names.
fn tags<'a>(html: &'a str, names: &[&str]) -> Vec<&'a str> {
    let pieces = html.split('<').skip(1).filter_map(|piece| Some(piece.split_once('>')?.0));
    pieces.filter(|tag| names.iter().any(|name| tag.starts_with(name))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn over_https_cookies_belong_to_this_host_and_browsers_stay_on_it() {
    let settings = WebSettings { secure_cookies: true, ..WebSettings::default() };
    let world = World::with(settings).await;
    let page = world.browser().get("/").await;
    assert!(page.header("set-cookie").starts_with("__Host-kyoten_door="), "{:?}", page.headers);
    assert!(
        page.header("set-cookie").contains("; Path=/;")
            && !page.header("set-cookie").contains("Domain")
    );
    assert_eq!(page.header("strict-transport-security"), "max-age=31536000");
    for (name, value) in [
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
    ] {
        assert_eq!(page.header(name), value, "{name}");
    }
    assert!(page.header("permissions-policy").contains("geolocation=()"));
    let mut sato = world.signed_in("sato").await;
    let token = sato.cookies["__Host-kyoten_session"].clone();
    assert_eq!(sato.get("/account").await.status, StatusCode::OK);
    // The same token under the name that a neighbour could have planted is nothing.
    sato.cookies.remove("__Host-kyoten_session");
    sato.cookies.insert("kyoten_session".to_owned(), token);
    assert_eq!(sato.get("/account").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_too_much_waits_and_nobody_else_does() {
    let limits = LimitSettings { requests: 5, writes: 3, guesses: 2 };
    let proxies =
        Proxies { trusted: vec!["10.0.0.0/8".parse().unwrap()], by: ForwardedBy::XForwardedFor };
    let world = World::with(WebSettings { limits, proxies, ..WebSettings::default() }).await;
    let (router, guesser) = (&world.router, "198.51.100.1");
    for _ in 0..2 {
        assert_eq!(sign_in(router, guesser, &[], "wrong").await.status, StatusCode::UNAUTHORIZED);
    }
    let refused = sign_in(router, guesser, &[], "wrong").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.json()["type"], "/problems/too-many-requests");
    assert_eq!(refused.header("content-type"), "application/problem+json");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=61).contains(&wait), "{wait}");
    // What the guesser writes into headers changes nothing: they are no proxy of ours.
    for line in ["203.0.113.9", "10.0.0.1", "127.0.0.1, 10.0.0.1"] {
        let spoofed = [("x-forwarded-for", line), ("forwarded", "for=203.0.113.9")];
        let refused = sign_in(router, guesser, &spoofed, "wrong").await;
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "{line}");
    }
    // Through our proxy they are still themselves, whatever they wrote before it.
    let through = [("x-forwarded-for", "203.0.113.9, 198.51.100.1")];
    let refused = sign_in(router, "10.0.0.1", &through, "wrong").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    let through = [("x-forwarded-for", "198.51.100.1, 203.0.113.9")];
    let other = sign_in(router, "10.0.0.1", &through, "wrong").await;
    assert_eq!(other.status, StatusCode::UNAUTHORIZED);

    // Where the address says nothing, people are still counted one by one.
    let mut sato = world.signed_in("sato").await;
    let mut tanaka = world.signed_in("tanaka").await;
    let page = sato.get("/account").await;
    assert_eq!(page.status, StatusCode::OK);
    let csrf = page.csrf();
    for _ in 0..3 {
        let form = [("language", "ja"), ("csrf", csrf.as_str())];
        assert_eq!(sato.post("/account/language", &form).await.status, StatusCode::SEE_OTHER);
    }
    assert_eq!(sato.get("/account").await.status, StatusCode::OK);
    let refused = sato.get("/account").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.body.contains("少し待ってから"), "{}", refused.body);
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!(tanaka.get("/account").await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_site_s_page_changes_nothing_even_with_the_token() {
    let world = World::new().await;
    let mut sato = world.signed_in("sato").await;
    let csrf = sato.get("/account").await.csrf();
    let form = format!("language=en&csrf={csrf}");
    let kind = ("content-type", "application/x-www-form-urlencoded");
    for (site, status) in [
        ("cross-site", StatusCode::FORBIDDEN),
        ("same-site", StatusCode::FORBIDDEN),
        ("same-origin", StatusCode::SEE_OTHER),
        ("none", StatusCode::SEE_OTHER),
    ] {
        let headers = [kind, ("sec-fetch-site", site)];
        let body = Body::from(form.clone());
        let answer = sato.send(Method::POST, "/account/language", &headers, body).await;
        assert_eq!(answer.status, status, "{site}");
    }
    // A link from elsewhere may still lead here, and nobody elsewhere may read the answer.
    let headers = [("sec-fetch-site", "cross-site"), ("origin", "https://elsewhere.example")];
    for path in ["/account", "/api/v1/me"] {
        let answer = sato.send(Method::GET, path, &headers, Body::empty()).await;
        assert_eq!(answer.status, StatusCode::OK);
        let cors: Vec<_> = answer
            .headers
            .keys()
            .filter(|name| name.as_str().starts_with("access-control"))
            .collect();
        assert!(cors.is_empty(), "{path}: {cors:?}");
    }
    let asked =
        [("origin", "https://elsewhere.example"), ("access-control-request-method", "POST")];
    let answer = sato.send(Method::OPTIONS, "/api/v1/bookings", &asked, Body::empty()).await;
    assert!(!answer.headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_sign_in_does_not_say_whether_there_is_such_an_account() {
    let world = World::new().await;
    let passwordless = Person {
        id: model::id::PersonId(uuid::Uuid::from_u128(0x77)),
        email: "passwordless@demo.kyoten.example".to_owned(),
        name: "合言葉 なし".to_owned(),
        language: model::language::Language::Ja,
        grants: Vec::new(),
    };
    world.hub.store.add_person(&passwordless, None).await.unwrap();
    let emails = [email("sato"), passwordless.email, "absent@demo.kyoten.example".to_owned()];
    let mut told = BTreeSet::new();
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); emails.len()];
    // From an address of its own each time, so that no wait for too many tries comes between.
    for round in 0..4_u8 {
        for (place, email) in emails.iter().enumerate() {
            let address = format!("192.0.2.{}", round * 10 + u8::try_from(place).unwrap());
            let (answer, took) = tried(&world, &address, email).await;
            times[place].push(took);
            told.insert(format!("{} {:?} {}", answer.status, plain(&answer.headers), answer.body));

            let mut browser = world.browser();
            let csrf = browser.get("/sign-in").await.csrf();
            let form = [("email", email.as_str()), ("password", "wrong"), ("csrf", &csrf)];
            let page = browser.post("/sign-in", &form).await;
            let policy = page.header("content-security-policy").to_owned();
            let nonce = policy.split('\'').find(|word| word.starts_with("nonce-")).unwrap();
            let body = page.body.replace(email.as_str(), "EMAIL").replace(&csrf, "CSRF");
            let body = body.replace(nonce.trim_start_matches("nonce-"), "NONCE");
            told.insert(format!("{} {:?} {body}", page.status, plain(&page.headers)));
        }
    }
    assert_eq!(told.len(), 2, "one answer of the API and one page, whoever it is: {told:#?}");
    // Others on this machine make a try slower and never faster: the least of enough tries tells.
    // One who were not hashed for would stay far below the others however often it is tried.
    let mut round = 4;
    while telling(&times) && round < 60 {
        for (place, email) in emails.iter().enumerate() {
            let address = format!("198.51.{round}.{place}");
            times[place].push(tried(&world, &address, email).await.1);
        }
        round += 1;
    }
    assert!(!telling(&times), "the time gives it away: {times:?}");
}

/// Whether the least times are so far apart that they say who is who.
fn telling(times: &[Vec<Duration>]) -> bool {
    let least = || times.iter().filter_map(|times| times.iter().min());
    least().max() >= least().min().map(|fastest| *fastest * 2).as_ref()
}

/// What a wrong password is answered, and after what time.
async fn tried(world: &World, address: &str, email: &str) -> (Answer, Duration) {
    let body = json!({"email": email, "password": "wrong password"}).to_string();
    let headers = [("content-type", "application/json")];
    let begun = Instant::now();
    let answer =
        call(&world.router, address, Method::POST, "/api/v1/session", &headers, &body).await;
    (answer, begun.elapsed())
}

/// The headers that must not differ.
fn plain(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut plain: Vec<(String, String)> = headers
        .iter()
        .filter(|(name, _)| !["content-security-policy", "content-length"].contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    plain.sort();
    plain
}
