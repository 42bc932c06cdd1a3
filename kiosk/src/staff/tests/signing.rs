use futures::FutureExt as _;

use super::super::screen::CARD_HELD;
use super::*;

#[tokio::test]
async fn nothing_of_a_child_is_shown_to_whoever_is_not_signed_in() {
    let (router, _, fake) = screen();
    let child_page = format!("/child/{}", child(1));
    for path in
        ["/", &child_page, &format!("{child_page}/hand-over"), &format!("{child_page}/drop-off")]
    {
        let (_, page) = get(&router, path).await;
        for secret in ["はな", "さくら", "卵", "佐藤"] {
            assert!(!page.contains(secret), "{path} shows {secret}: {page}");
        }
    }
    assert!(get(&router, "/").await.1.contains("カードをかざしてください"));
    for (path, form) in [
        (format!("{child_page}/receive"), ""),
        (format!("{child_page}/note"), "kind=nap_begins"),
        (format!("{child_page}/hand-over"), "key=nothing"),
        (format!("{child_page}/drop-off"), "key=go&temperature=36.5"),
        ("/caregiver".to_owned(), "shift=00000000-0000-0000-0000-000000000065&state=here"),
        ("/pin".to_owned(), "key=go&pin=2468"),
        ("/sign-out".to_owned(), ""),
    ] {
        assert_eq!(post(&router, &path, form).await.0, StatusCode::SEE_OTHER, "{path}");
    }
    assert!(fake.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn card_and_pin_lead_to_the_board_and_a_button_away_from_it() {
    let (router, staff, fake) = screen();
    staff.on_card(card("04a1")).await;
    let (_, page) = get(&router, "/").await;
    assert!(page.contains("暗証番号を入れてください") && !page.contains("04a1"), "{page}");
    let (_, page) = post(&router, "/pin", "key=7&pin=24").await;
    assert!(page.contains("value=\"247\""), "the keypad works without a script: {page}");
    post(&router, "/pin", "key=go&pin=24").await;
    assert!(get(&router, "/").await.1.contains("4〜8けたの数字です"));
    assert!(fake.asked.lock().unwrap().is_empty());
    post(&router, "/pin", "key=go&pin=%EF%BC%92%EF%BC%94%EF%BC%96%EF%BC%98").await;
    let asked = Request::StaffIn { card: card("04a1"), pin: Secret("2468".to_owned()) };
    assert_eq!(fake.asked.lock().unwrap()[0], asked);
    let (_, page) = get(&router, "/").await;
    assert!(page.contains("さくら保育室") && page.contains("山田 はな"), "{page}");
    assert!(!page.contains("s3ss10n"), "the session is the screen's alone");
    post(&router, "/sign-out", "").await;
    assert_eq!(fake.wanted(), [StaffAsk::SignOut]);
    let (_, page) = get(&router, "/").await;
    assert!(page.contains("カードをかざしてください") && !page.contains("はな"), "{page}");
}

#[tokio::test]
async fn a_wrong_pin_keeps_the_card_and_any_other_no_puts_it_away() {
    let (router, staff, fake) = screen();
    let says = |why| *fake.sign_in.lock().unwrap() = Ok(StaffAnswer::SignedOut { why });
    staff.on_card(card("04a1")).await;
    says(NotSignedIn::WrongPin);
    post(&router, "/pin", "key=go&pin=1111").await;
    let (_, page) = get(&router, "/").await;
    assert!(page.contains("暗証番号が違います") && page.contains("name=\"pin\""), "{page}");
    *fake.sign_in.lock().unwrap() = Err(Silent("no line".to_owned()));
    post(&router, "/pin", "key=go&pin=1111").await;
    assert!(get(&router, "/").await.1.contains("返事がありません"));
    says(NotSignedIn::Paused);
    post(&router, "/pin", "key=go&pin=1111").await;
    let (_, page) = get(&router, "/").await;
    assert!(page.contains("受け付けていません") && !page.contains("name=\"pin\""), "{page}");
    staff.on_card(Card::Unreadable).await;
    assert!(get(&router, "/").await.1.contains("読み取れませんでした"));
    staff.on_card(card("04a1")).await;
    post(&router, "/cancel", "").await;
    assert!(!get(&router, "/").await.1.contains("name=\"pin\""));
}

#[tokio::test]
async fn an_answer_that_comes_late_opens_for_nobody_else() {
    let no_one: fn(&Staff) = Staff::drop_card;
    let other: fn(&Staff) = |staff| staff.on_card(card("04b2")).now_or_never().unwrap();
    let (wrong, paused) = (NotSignedIn::WrongPin, NotSignedIn::Paused);
    for (n, happens) in [no_one, other].into_iter().enumerate() {
        for refused in [None, Some(wrong), Some(paused)] {
            let (router, staff, fake) = screen();
            if let Some(why) = refused {
                *fake.sign_in.lock().unwrap() = Ok(StaffAnswer::SignedOut { why });
            }
            let meanwhile = staff.clone();
            *fake.meanwhile.lock().unwrap() = Some(Box::new(move || happens(&meanwhile)));
            staff.on_card(card("04a1")).await;
            staff.sign_in("2468").await;
            let (_, page) = get(&router, "/").await;
            assert!(!page.contains("はな") && !page.contains("佐藤"), "{n}: {page}");
            assert_eq!(page.contains("name=\"pin\""), n == 1, "the other types their own: {page}");
            assert!(!page.contains("違います") && !page.contains("受け付けていません"), "{page}");
            let ended: &[StaffAsk] = if refused.is_none() { &[StaffAsk::SignOut] } else { &[] };
            assert_eq!(fake.wanted(), ended, "{n}: the session that nobody has");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_card_is_forgotten_after_a_minute() {
    let (router, staff, fake) = screen();
    let keeper = staff.clone();
    let keeping = tokio::spawn(async move { keeper.keep().await });
    staff.on_card(card("04a1")).await;
    tokio::time::sleep(CARD_HELD - Duration::from_secs(2)).await;
    assert!(get(&router, "/").await.1.contains("name=\"pin\""));
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(get(&router, "/").await.1.contains("時間が過ぎました"));
    post(&router, "/pin", "key=go&pin=2468").await;
    assert!(fake.asked.lock().unwrap().is_empty());
    keeping.abort();
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_touch_the_screen_is_signed_out_and_looking_is_no_touch() {
    let (router, staff, fake) = signed_in().await;
    let keeper = staff.clone();
    let keeping = tokio::spawn(async move { keeper.keep().await });
    let (_, mut stream) = open(&router, &format!("/child/{}", child(1))).await;
    tokio::time::sleep(IDLE * 3 / 4).await;
    post(&router, "/caregiver", &format!("shift={}&state=here", shift(3))).await;
    tokio::time::sleep(IDLE * 3 / 4).await;
    assert!(matches!(staff.now().stage, super::super::Stage::In(_)), "a touch gives all of it");
    fake.wanted();
    tokio::time::sleep(IDLE / 4 + Duration::from_secs(2)).await;
    let block = next_block(&mut stream).await.unwrap();
    assert!(block.contains("サインアウトしました") && !block.contains("はな"), "{block}");
    assert_eq!(fake.wanted(), [StaffAsk::SignOut], "the site hears of it");
    assert!(!get(&router, "/").await.1.contains("はな"));
    keeping.abort();
}

#[tokio::test(start_paused = true)]
async fn the_site_s_word_ends_the_session_and_silence_does_not() {
    let (router, staff, fake) = signed_in().await;
    let keeper = staff.clone();
    let keeping = tokio::spawn(async move { keeper.keep().await });
    let (_, mut stream) = open(&router, "/").await;
    assert!(next_block(&mut stream).await.unwrap().contains("山田 はな"));
    *fake.board.lock().unwrap() = Err(Silent("no line".to_owned()));
    let block = next_block(&mut stream).await.unwrap();
    assert!(block.contains("10:00 の状態") && block.contains("山田 はな"), "{block}");
    let over = StaffAnswer::SignedOut { why: NotSignedIn::Over };
    *fake.board.lock().unwrap() = Ok(over);
    let block = next_block(&mut stream).await.unwrap();
    assert!(block.contains("サインアウトしました") && !block.contains("はな"), "{block}");
    keeping.abort();
}

#[tokio::test]
async fn other_pages_press_no_buttons_and_read_nothing() {
    let (router, _, fake) = signed_in().await;
    let path = format!("/child/{}/hand-over", child(1));
    let turned_away = async |request: axum::http::request::Builder| {
        let (status, page) = send(&router, request.body(Body::empty()).unwrap()).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(!page.contains("はな"), "{page}");
    };
    turned_away(HttpRequest::get(&path).header("sec-fetch-site", "cross-site")).await;
    turned_away(HttpRequest::get("/live").header("sec-fetch-site", "same-site")).await;
    turned_away(HttpRequest::post("/sign-out").header("sec-fetch-site", "cross-site")).await;
    let foreign = HttpRequest::post("/sign-out").header("host", "127.0.0.1:8091");
    turned_away(foreign.header("origin", "http://evil.example")).await;
    for host in ["evil.example", "evil.example:8091", "127.0.0.1.evil.example", ""] {
        turned_away(HttpRequest::get("/").header("host", host)).await;
    }
    for host in ["127.0.0.1:8091", "localhost:8091", "[::1]:8091", "localhost"] {
        let request = HttpRequest::get("/").header("host", host).body(Body::empty()).unwrap();
        assert_eq!(send(&router, request).await.0, StatusCode::OK, "{host}");
    }
    assert!(fake.wanted().is_empty());
    let (_, page) = get(&router, "/").await;
    assert!(!page.contains("<script>") && !page.contains("style="), "{page}");
    let request = HttpRequest::get("/").body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let policy = response.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"));
    assert_eq!(response.headers()["cache-control"], "no-store");
}

#[tokio::test]
async fn the_language_changes_where_one_is() {
    let (router, staff, _) = signed_in().await;
    let page = format!("/child/{}", child(1));
    for (referer, to) in [
        (format!("http://127.0.0.1:8091{page}/hand-over?x"), format!("{page}/hand-over")),
        (format!("http://127.0.0.1:8091{page}/note"), page.clone()),
        ("http://127.0.0.1:8091/child/../../x".to_owned(), "/".to_owned()),
        ("http://evil.example//x".to_owned(), "/".to_owned()),
    ] {
        let request = HttpRequest::post("/language")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("referer", &referer)
            .body(Body::from("lang=en"))
            .unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.headers()["location"], to.as_str(), "{referer}");
    }
    assert_eq!(staff.now().language, Language::En);
    let (_, board) = get(&router, "/").await;
    assert!(board.contains("lang=\"en\"") && board.contains("To be taken over"), "{board}");
    post(&router, "/language", "lang=%00").await;
    assert_eq!(staff.now().language, Language::En);
}
