#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::body::{Body, to_bytes};
use axum::extract::Request as HttpRequest;
use model::clock::ManualClock;
use model::id::DeviceId;
use tokio::sync::{mpsc, watch};
use tower::ServiceExt as _;
use uuid::Uuid;
use wire::bus::StateChange;
use wire::request::{Request, WalkInOffer};
use wire::topics::LIFECYCLE;

use super::*;
use crate::screen::Screen;
use crate::site::{Silent, Site};

/// A site that gives one answer and remembers what it was asked.
struct Fake {
    answer: Result<Answer, Silent>,
    asked: Mutex<Vec<Request>>,
}

#[async_trait]
impl Site for Fake {
    async fn ask(&self, request: &Request) -> Result<Answer, Silent> {
        self.asked.lock().unwrap().push(request.clone());
        self.answer.clone()
    }
}

fn welcome() -> Answer {
    Answer::Welcome {
        visit: VisitId(Uuid::from_u128(9)),
        space: "A-05".to_owned(),
        until: "2026-11-24T07:30:00Z".parse().unwrap(),
        door_open: true,
        language: Language::En,
        care: None,
    }
}

fn kiosk(answer: Result<Answer, Silent>) -> (Router, Screen, Arc<Fake>) {
    let fake = Arc::new(Fake { answer, asked: Mutex::default() });
    let screen = Screen::new(Language::Ja);
    screen.set_site(true);
    screen.set_reader(true);
    let house = House {
        name: LocalText::new("横浜テレワークセンター", "Yokohama Telework Centre"),
        zone: chrono_tz::Asia::Tokyo,
        scanner: true,
        clock: Arc::new(ManualClock::at("2026-11-24T00:00:00Z".parse().unwrap())),
        telephone: Some("045-000-0000".to_owned()),
    };
    (router(Lobby::new(screen.clone(), fake.clone()), house), screen, fake)
}

async fn get_page(router: &Router, path: &str) -> (StatusCode, String) {
    send(router, HttpRequest::get(path).body(Body::empty()).unwrap()).await
}

async fn post_form(router: &Router, path: &str, form: &str) -> (StatusCode, String) {
    let request =
        HttpRequest::post(path).header("content-type", "application/x-www-form-urlencoded");
    send(router, request.body(Body::from(form.to_owned())).unwrap()).await
}

async fn send(router: &Router, request: HttpRequest) -> (StatusCode, String) {
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn code_and_pin_lead_to_the_desk_in_the_guests_language() {
    let (router, _, fake) = kiosk(Ok(welcome()));
    let (_, step) = post_form(&router, "/code", "key=go&code=12345678").await;
    assert!(step.contains("暗証番号を入れてください") && step.contains("1234-5678"), "{step}");
    let (status, _) = post_form(&router, "/code", "key=go&code=1234-5678&pin=2468").await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let asked = Request::Code {
        code: "1234-5678".to_owned(),
        pin: wire::request::Secret("2468".to_owned()),
    };
    assert_eq!(*fake.asked.lock().unwrap(), [asked]);
    let (_, page) = get_page(&router, "/").await;
    assert!(
        page.contains("A-05")
            && page.contains("Yours until 16:30")
            && page.contains("The door is unlocked")
    );
}

#[tokio::test]
async fn the_keypad_works_without_a_script() {
    let (router, _, fake) = kiosk(Ok(welcome()));
    let (_, page) = post_form(&router, "/code", "key=7&code=12").await;
    assert!(page.contains("value=\"127\""), "{page}");
    let (_, page) = post_form(&router, "/code", "key=back&code=127").await;
    assert!(page.contains("value=\"12\""));
    let (_, page) = post_form(&router, "/code", "key=go&code=12").await;
    assert!(page.contains("予約番号は8けたの数字です"));
    let (_, page) = post_form(&router, "/code", "key=go&code=12345678&pin=12").await;
    assert!(page.contains("暗証番号は4〜8けたの数字です"));
    assert!(fake.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn hostile_forms_are_answered_and_never_asked() {
    let (router, _, fake) = kiosk(Ok(welcome()));
    let long = format!("key=go&code={}", "9".repeat(3000));
    for form in
        ["key=go&code=%3Cscript%3E", "key=%00&code=%F0%9F%8E%89", "key=go&pin=abc", "", &long]
    {
        let (status, page) = post_form(&router, "/code", form).await;
        assert_eq!(status, StatusCode::OK, "{form}");
        assert!(!page.contains("<script>"), "{form}");
    }
    let (status, _) = post_form(&router, "/code", &"x".repeat(17_000)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    for path in ["/leaving", "/walk-in"] {
        let (status, _) = post_form(&router, path, "visit=nobody&answer=yes").await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }
    let foreign =
        HttpRequest::post("/dismiss").header("sec-fetch-site", "cross-site").body(Body::empty());
    assert_eq!(send(&router, foreign.unwrap()).await.0, StatusCode::FORBIDDEN);
    // A name that was made to mean this machine.
    for path in ["/", "/live", "/code"] {
        let renamed = HttpRequest::get(path).header("host", "evil.example:8090");
        let answer = send(&router, renamed.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.0, StatusCode::FORBIDDEN, "{path}");
    }
    assert!(fake.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn whoever_stays_or_leaves_is_heard() {
    let visit = VisitId(Uuid::from_u128(9));
    let ask =
        Answer::AskLeaving { visit, space: "A-05".to_owned(), in_care: 0, language: Language::Ja };
    let (router, screen, fake) =
        kiosk(Ok(Answer::Goodbye { minutes: 441, language: Language::Ja, in_care: 0 }));
    screen.show(Shown::Answer(ask.clone()));
    let (_, page) = get_page(&router, "/").await;
    assert!(page.contains("お帰りですか"));
    post_form(&router, "/leaving", &format!("visit={visit}&answer=more")).await;
    assert_eq!(screen.follow().borrow().answer, Some(Shown::Answer(ask)));
    post_form(&router, "/leaving", &format!("visit={visit}&answer=yes")).await;
    assert!(get_page(&router, "/").await.1.contains("441"));
    post_form(&router, "/leaving", &format!("visit={visit}&answer=no")).await;
    assert!(get_page(&router, "/").await.1.contains("カードをタッチしてください"));
    let wanted = [(true, false), (false, false)].map(|(leaving, back_soon)| Request::Leave {
        visit,
        leaving,
        back_soon,
    });
    assert_eq!(*fake.asked.lock().unwrap(), wanted);
}

fn offer(why: RefusalKind, language: Language) -> Answer {
    let offer = WalkInOffer {
        visit: VisitId(Uuid::from_u128(9)),
        space: "A-05".to_owned(),
        until: "2026-11-24T03:30:00Z".parse().unwrap(),
        minutes: 148,
    };
    Answer::Refused {
        why,
        opens: (why == RefusalKind::TooEarly).then(|| "2026-11-24T03:45:00Z".parse().unwrap()),
        since: None,
        free_desks: None,
        language: Some(language),
        ticket: None,
        offer: Some(offer),
    }
}

#[tokio::test]
async fn who_has_no_booking_is_asked_in_their_language_whether_they_take_a_desk() {
    let visit = VisitId(Uuid::from_u128(9));
    for (why, language, said) in [
        (RefusalKind::NoBooking, Language::Ja, "12:30 まで（2時間28分）。使いますか"),
        (RefusalKind::NoBooking, Language::En, "Until 12:30 (2 h 28 min). Do you take it?"),
        (RefusalKind::TooEarly, Language::Ja, "12:45 から入れます"),
        (RefusalKind::TooEarly, Language::En, "from 12:45 on"),
    ] {
        let (router, screen, fake) = kiosk(Ok(welcome()));
        screen.show(Shown::Answer(offer(why, language)));
        let (_, page) = get_page(&router, "/").await;
        assert!(page.contains(said) && page.contains("A-05"), "{said}: {page}");
        assert!(page.contains(refusal(why, language).say), "{page}");
        post_form(&router, "/walk-in", &format!("visit={visit}&answer=more")).await;
        assert_eq!(screen.follow().borrow().answer, Some(Shown::Answer(offer(why, language))));
        post_form(&router, "/walk-in", &format!("visit={visit}&answer=yes")).await;
        assert!(get_page(&router, "/").await.1.contains("Yours until 16:30"));
        post_form(&router, "/walk-in", &format!("visit={visit}&answer=no")).await;
        let asked = fake.asked.lock().unwrap();
        let wanted = [true, false].map(|takes| Request::WalkIn { visit, takes });
        assert_eq!(*asked, wanted);
    }
}

#[tokio::test]
async fn an_offer_that_is_gone_asks_for_another_tap() {
    for (language, said) in [
        (Language::Ja, "もう一度、タッチしてください"),
        (Language::En, "Please touch your card again"),
    ] {
        let Answer::Refused { opens, since, free_desks, language, ticket, .. } =
            offer(RefusalKind::NoBooking, language)
        else {
            panic!("an offer is a refusal")
        };
        let (why, offer) = (RefusalKind::OfferOver, None);
        let gone = Answer::Refused { why, opens, since, free_desks, language, ticket, offer };
        let (router, _, _) = kiosk(Ok(gone));
        let form = format!("visit={}&answer=yes", Uuid::from_u128(9));
        post_form(&router, "/walk-in", &form).await;
        assert!(get_page(&router, "/").await.1.contains(said));
    }
}

#[tokio::test]
async fn a_kiosk_of_before_reads_an_offer_as_the_refusal_that_it_is() {
    let answer = offer(RefusalKind::NoBooking, Language::Ja);
    let told = serde_json::to_value(&answer).unwrap();
    assert_eq!((&told["answer"], &told["why"]), (&"refused".into(), &"no_booking".into()));
    assert_eq!(serde_json::from_value::<Answer>(told).unwrap(), answer);
}

#[tokio::test]
async fn who_steps_out_reads_that_the_desk_stays_theirs() {
    let visit = VisitId(Uuid::from_u128(9));
    for (language, says) in [
        (Language::Ja, "席は 16:30 まで、そのままです"),
        (Language::En, "Your desk stays yours until 16:30"),
    ] {
        let until = "2026-11-24T07:30:00Z".parse().unwrap();
        let (space, door_open) = ("A-05".to_owned(), true);
        let (router, screen, fake) = kiosk(Ok(Answer::SeeYouSoon {
            space: space.clone(),
            until,
            door_open,
            language,
            in_care: 0,
        }));
        screen.show(Shown::Answer(Answer::AskLeaving { visit, space, in_care: 0, language }));
        let (_, page) = get_page(&router, "/").await;
        assert!(page.contains("value=\"soon\""), "{page}");
        post_form(&router, "/leaving", &format!("visit={visit}&answer=soon")).await;
        let (_, page) = get_page(&router, "/").await;
        assert!(page.contains(says) && page.contains("A-05"), "{page}");
        let asked = fake.asked.lock().unwrap();
        assert_eq!(*asked, [Request::Leave { visit, leaving: false, back_soon: true }]);
    }
}

#[tokio::test]
async fn silence_and_a_broken_reader_are_said() {
    let (router, screen, _) = kiosk(Err(Silent("no line".to_owned())));
    post_form(&router, "/code", "key=go&code=1234-5678&pin=2468").await;
    assert!(get_page(&router, "/").await.1.contains("受付が使えません"));
    post_form(&router, "/dismiss", "").await;
    screen.set_reader(false);
    assert!(get_page(&router, "/").await.1.contains("カード読取機が使えません"));
    screen.set_site(false);
    assert!(get_page(&router, "/").await.1.contains("受付が使えません"));
}

#[tokio::test]
async fn the_way_from_a_refusal_to_the_keypad_is_open() {
    let (router, screen, _) = kiosk(Ok(welcome()));
    screen.show(Shown::Answer(Answer::Refused {
        why: RefusalKind::UnknownCard,
        opens: None,
        since: None,
        free_desks: None,
        language: None,
        ticket: None,
        offer: None,
    }));
    assert!(get_page(&router, "/").await.1.contains("href=\"/code\""));
    assert!(get_page(&router, "/code").await.1.contains("予約番号を入れてください"));
    assert_eq!(screen.follow().borrow().answer, None);
}

#[tokio::test]
async fn whoever_cannot_be_written_down_is_sent_to_the_staff() {
    for (door_open, words) in [(true, "扉の鍵が開きました"), (false, "係員にお声がけください")]
    {
        let (router, screen, _) = kiosk(Ok(Answer::NotKept { door_open }));
        screen.show(Shown::Answer(Answer::NotKept { door_open }));
        let page = get_page(&router, "/").await.1;
        assert!(page.contains(words) && page.contains("係員にお声がけください"), "{page}");
        assert_eq!(page.contains("扉の鍵が開きました"), door_open);
        assert!(page.contains("/dismiss"));
    }
}

#[tokio::test]
async fn every_refusal_has_words_in_both_languages() {
    use RefusalKind::*;
    let (router, screen, _) = kiosk(Ok(welcome()));
    let kinds = [
        UnknownCard,
        BlockedCard,
        LowerLevel,
        ExpiredCard,
        UnreadableCard,
        NoBooking,
        LeftForGood,
        Released,
        TooEarly,
        WrongCode,
        CodePaused,
        NoUsableSpace,
        UnreadableVoucher,
        OtherCentre,
        VoidVoucher,
        SheetExpired,
        ClockUnset,
        NotThisDoor,
        LevelTooLow,
        PinNeeded,
        WrongPin,
        SecondPerson,
        Passback,
        Lockdown,
        OfferOver,
    ];
    for why in kinds {
        for language in [Language::Ja, Language::En] {
            let opens = Some("2026-11-24T03:45:00Z".parse().unwrap());
            let (language, ticket) = (Some(language), None);
            let (since, free_desks, offer) = (opens, Some(2), None);
            let refused =
                Answer::Refused { why, opens, since, free_desks, language, ticket, offer };
            screen.show(Shown::Answer(refused));
            let language = language.unwrap();
            let (_, page) = get_page(&router, "/").await;
            assert!(page.contains(refusal(why, language).say), "{why:?} {language:?}");
            assert!(page.contains("12:45"));
        }
    }
}

#[tokio::test]
async fn the_screen_follows_without_reloading_and_leaves_typing_alone() {
    let (router, screen, _) = kiosk(Ok(welcome()));
    let open = async |path: &str| {
        let request = HttpRequest::get(path).body(Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap().into_body().into_data_stream()
    };
    let next_block = async |stream: &mut axum::body::BodyDataStream| loop {
        let text = String::from_utf8(stream.next().await.unwrap().unwrap().to_vec()).unwrap();
        if text.contains("event: block") {
            return text;
        }
    };
    let (mut idle, mut typing) = (open("/live").await, open("/live?entry=1").await);
    assert!(next_block(&mut idle).await.contains("screen--idle"));
    screen.show(Shown::Answer(welcome()));
    assert!(next_block(&mut idle).await.contains("A-05"));
    assert!(next_block(&mut typing).await.contains("A-05"));
}

#[tokio::test]
async fn the_screen_waits_for_the_edge_and_not_for_the_broker_alone() {
    let (router, screen, _) = kiosk(Ok(welcome()));
    let lobby =
        Lobby::new(screen, Arc::new(Fake { answer: Ok(welcome()), asked: Mutex::default() }));
    let edge: DeviceId = "yokohama-edge".parse().unwrap();
    let (line, connected) = watch::channel(false);
    let (tell, states) = mpsc::channel(4);
    let own = edge.clone();
    let following = tokio::spawn(async move { lobby.follow_line(&own, connected, states).await });
    let says = async |device: &DeviceId, value: &str| {
        let (device, path) = (device.clone(), LIFECYCLE.to_owned());
        let value = value.to_owned();
        tell.send(StateChange { device, path, value, retained: false }).await.unwrap();
    };
    let shows = async |what: &str| {
        for _ in 0..1000 {
            if get_page(&router, "/").await.1.contains(what) {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("the screen does not show {what}");
    };
    shows("screen--away").await;
    line.send(true).unwrap();
    says(&"yokohama-seat-01".parse().unwrap(), "ready").await;
    shows("screen--away").await;
    says(&edge, "ready").await;
    shows("screen--idle").await;
    says(&edge, "lost").await;
    shows("screen--away").await;
    says(&edge, "ready").await;
    shows("screen--idle").await;
    line.send(false).unwrap();
    shows("screen--away").await;
    line.send(true).unwrap();
    says(&edge, "ready").await;
    shows("screen--idle").await;
    drop(line);
    following.await.unwrap();
}

#[tokio::test]
async fn what_a_scanner_types_goes_to_the_site_as_it_is() {
    let (router, screen, fake) = kiosk(Ok(welcome()));
    let (_, idle) = get_page(&router, "/").await;
    assert!(idle.contains("data-scan=\"/scan\"") && idle.contains("QRコード"), "{idle}");
    assert!(get_page(&router, "/code").await.1.contains("data-scan=\"/scan\""));
    let longest = "Ａ".repeat(wire::voucher::LONGEST / 3);
    let scanned = ["ky1abc234", "４９０２", "<script>alert(1)</script>\r\n", "", &longest];
    for text in scanned {
        let form: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let (status, _) = post_form(&router, "/scan", &format!("text={form}")).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{text}");
        let (_, page) = get_page(&router, "/").await;
        assert!(page.contains("A-05") && !page.contains("alert(1)"), "{page}");
    }
    let wanted =
        scanned.map(|text| Request::Voucher { text: wire::request::Secret(text.to_owned()) });
    assert_eq!(*fake.asked.lock().unwrap(), wanted);
    for (form, status) in [
        ("", StatusCode::UNPROCESSABLE_ENTITY),
        ("tex=KY1", StatusCode::UNPROCESSABLE_ENTITY),
        (&format!("text={}", "A".repeat(17_000)), StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        assert_eq!(post_form(&router, "/scan", form).await.0, status, "{form}");
    }
    let foreign =
        HttpRequest::post("/scan").header("sec-fetch-site", "cross-site").body(Body::empty());
    assert_eq!(send(&router, foreign.unwrap()).await.0, StatusCode::FORBIDDEN);
    assert_eq!(fake.asked.lock().unwrap().len(), 5);
    screen.dismiss();
}

#[tokio::test]
async fn a_voucher_for_another_day_or_centre_says_for_when_it_is() {
    let (router, screen, _) = kiosk(Ok(welcome()));
    let refused = |why, language| {
        let opens = Some("2026-11-26T23:45:00Z".parse().unwrap());
        let (since, free_desks, language) = (None, None, Some(language));
        let (ticket, offer) = (None, None);
        Shown::Answer(Answer::Refused { why, opens, since, free_desks, language, ticket, offer })
    };
    for (why, language, said) in [
        (RefusalKind::TooEarly, Language::Ja, "11月27日 8:45 から入れます"),
        (RefusalKind::TooEarly, Language::En, "You can come in from Fri 27 Nov, 8:45"),
        (RefusalKind::OtherCentre, Language::Ja, "11月27日 8:45 からの予約です"),
        (RefusalKind::OtherCentre, Language::En, "It begins on Fri 27 Nov, 8:45"),
    ] {
        screen.show(refused(why, language));
        let (_, page) = get_page(&router, "/").await;
        assert!(page.contains(said), "{said}: {page}");
    }
}

#[tokio::test]
async fn a_late_guest_reads_what_became_of_the_desk_and_what_is_free() {
    let (router, screen, _) = kiosk(Ok(welcome()));
    for (free, language, said) in [
        (Some(3), Language::Ja, ["9:30 に、ほかの人が使える", "いま、ほかに3席空いています"]),
        (Some(0), Language::Ja, ["9:30 に、ほかの人が使える", "いま空いている席はありません"]),
        (Some(1), Language::En, ["given free at 9:30", "1 other desk is free now"]),
        (None, Language::En, ["given free at 9:30", "wait a few seconds and try again"]),
    ] {
        screen.show(Shown::Answer(Answer::Refused {
            why: RefusalKind::Released,
            opens: None,
            since: Some("2026-11-24T00:30:00Z".parse().unwrap()),
            free_desks: free,
            language: Some(language),
            ticket: None,
            offer: None,
        }));
        let (_, page) = get_page(&router, "/").await;
        for said in said {
            assert!(page.contains(said), "{said}: {page}");
        }
    }
}

#[tokio::test]
async fn a_scanner_without_a_keyboard_is_read_too() {
    /// A scanner that has read these, the last first.
    struct Read(Vec<&'static str>);

    #[async_trait]
    impl hardware::scan::CodeScanner for Read {
        fn name(&self) -> &str {
            "scanner"
        }

        async fn next_text(&mut self) -> Option<hardware::scan::ScannedText> {
            self.0.pop().map(|text| hardware::scan::ScannedText::new(text.to_owned()))
        }
    }

    let fake = Arc::new(Fake { answer: Ok(welcome()), asked: Mutex::default() });
    let lobby = Lobby::new(Screen::new(Language::Ja), fake.clone());
    lobby.read_codes(Box::new(Read(vec!["KY1B", "KY1A"]))).await;
    let wanted = ["KY1A", "KY1B"]
        .map(|text| Request::Voucher { text: wire::request::Secret(text.to_owned()) });
    assert_eq!(*fake.asked.lock().unwrap(), wanted);
    assert!(matches!(lobby.screen.follow().borrow().answer, Some(Shown::Answer(_))));
}

fn family(states: &[DoorState]) -> AtDoor {
    let child = |(at, state): (usize, &DoorState)| wire::nursery::ChildAtDoor {
        child: ChildId(Uuid::from_u128(at as u128 + 1)),
        years: at as u32 * 2 + 2,
        nursery: LocalText::new("さくら保育園", "Sakura Nursery"),
        state: *state,
    };
    let ticket = model::id::TicketId(Uuid::from_u128(77));
    AtDoor { ticket, children: states.iter().enumerate().map(child).collect() }
}

fn due() -> DoorState {
    DoorState::Due { until: "2026-11-24T08:00:00Z".parse().unwrap() }
}

fn in_care() -> DoorState {
    DoorState::InCare { until: "2026-11-24T08:00:00Z".parse().unwrap() }
}

fn form(rest: &str) -> String {
    format!("ticket={}&child={}{rest}", Uuid::from_u128(77), Uuid::from_u128(1))
}

#[tokio::test]
async fn the_welcome_offers_to_drop_off_those_who_are_due() {
    let later = DoorState::Later { opens: "2026-11-24T01:00:00Z".parse().unwrap() };
    let care = family(&[due(), later, in_care()]);
    let (router, screen, _) = kiosk(Ok(welcome()));
    for (language, said) in [
        (Language::Ja, ["1人目・2歳", "2人目・4歳", "10:00 から登園できます", "（17:00 まで）"]),
        (
            Language::En,
            ["Child 1, aged 2", "Child 2, aged 4", "Drop-off from 10:00", "until 17:00"],
        ),
    ] {
        let Answer::Welcome { visit, space, until, door_open, .. } = welcome() else { panic!() };
        let care = Some(care.clone());
        screen.show(Shown::Answer(Answer::Welcome {
            visit,
            space,
            until,
            door_open,
            language,
            care,
        }));
        let (_, page) = get_page(&router, "/").await;
        assert!(page.contains("A-05"), "the desk as before: {page}");
        for said in said {
            assert!(page.contains(said), "{said}: {page}");
        }
        assert_eq!(page.matches("action=\"/drop-off\"").count(), 1, "{page}");
    }
    let let_in = Answer::LetIn { door_open: true, language: Language::Ja, care };
    screen.show(Shown::Answer(let_in));
    let (_, page) = get_page(&router, "/").await;
    assert!(page.contains("どうぞお入りください") && page.contains("1人目・2歳"), "{page}");
    assert!(!page.contains("class=\"ring\""), "no desk: {page}");
}

#[tokio::test]
async fn who_comes_to_work_is_welcomed_without_a_desk_or_children() {
    for (language, said) in [
        (Language::Ja, ["どうぞお入りください", "扉の鍵が開きました"]),
        (Language::En, ["Welcome, please come in", "The door is unlocked"]),
    ] {
        let (router, screen, _) = kiosk(Ok(welcome()));
        let care = family(&[]);
        screen.show(Shown::Answer(Answer::LetIn { door_open: true, language, care }));
        let (_, page) = get_page(&router, "/").await;
        for said in said {
            assert!(page.contains(said), "{said}: {page}");
        }
        assert!(page.contains("action=\"/dismiss\""), "{page}");
        for not in ["class=\"ring\"", "class=\"door\"", "href=\"#i-child\"", "screen--brings"] {
            assert!(!page.contains(not), "{not}: {page}");
        }
    }
}

#[test]
fn who_is_to_use_the_doors_reader_reads_so() {
    for (why, ja, en) in [
        (RefusalKind::SecondPerson, "扉の読取機", "door's own reader"),
        (RefusalKind::PinNeeded, "扉に読取機があれば", "a reader of its own"),
    ] {
        assert!(refusal(why, Language::Ja).advice.contains(ja), "{why:?}");
        assert!(refusal(why, Language::En).advice.contains(en), "{why:?}");
    }
}

#[tokio::test]
async fn who_comes_to_work_is_told_of_a_door_that_did_not_unlock() {
    for (language, said, not) in [
        (Language::Ja, "扉の鍵が開きませんでした", "どうぞお入りください"),
        (Language::En, "The door did not unlock", "please come in"),
    ] {
        let (router, screen, _) = kiosk(Ok(welcome()));
        let care = family(&[]);
        screen.show(Shown::Answer(Answer::LetIn { door_open: false, language, care }));
        let (_, page) = get_page(&router, "/").await;
        assert!(page.contains(said) && page.contains("data-sound=\"no\""), "{page}");
        assert!(!page.contains(not) && !page.contains("screen--welcome"), "{page}");
    }
}

#[tokio::test]
async fn a_child_is_dropped_off_with_a_plain_form() {
    let (language, child) = (Language::Ja, ChildId(Uuid::from_u128(1)));
    let care = Some(family(&[in_care(), due()]));
    let (router, screen, fake) = kiosk(Ok(Answer::DroppedOff { child, care, language }));
    let care = family(&[due(), due()]);
    screen.show(Shown::Answer(Answer::LetIn { door_open: true, language, care }));
    let (_, page) = post_form(&router, "/drop-off", &form("")).await;
    assert!(
        page.contains("1人目・2歳") && page.contains("name=\"temperature\" value=\"\""),
        "{page}"
    );
    assert!(!page.contains("checked"), "nothing is answered for them: {page}");
    for (rest, said) in [
        ("&key=go&unwell=no", "体温を入れてください"),
        ("&key=go&temperature=25&unwell=no", "34.0 から 42.0"),
        ("&key=go&temperature=abc&unwell=no", "34.0 から 42.0"),
        ("&key=go&temperature=36.5", "「はい」か「いいえ」"),
        ("&key=go&temperature=36.5&unwell=perhaps", "「はい」か「いいえ」"),
    ] {
        let (status, page) = post_form(&router, "/drop-off", &form(rest)).await;
        assert_eq!(status, StatusCode::OK);
        assert!(page.contains(said) && page.contains("role=\"alert\""), "{rest}: {page}");
        let typed = rest.split("temperature=").nth(1).map_or("", |t| t.split('&').next().unwrap());
        assert!(
            page.contains(&format!("name=\"temperature\" value=\"{typed}\"")),
            "{rest}: {page}"
        );
        assert_eq!(page.contains("checked"), rest.ends_with("=no"), "{rest}: {page}");
    }
    assert!(fake.asked.lock().unwrap().is_empty());
    let (_, page) =
        post_form(&router, "/drop-off", &form("&key=5&temperature=36.&unwell=yes")).await;
    assert!(page.contains("value=\"36.5\"") && page.contains("checked"), "{page}");
    let (_, page) = post_form(&router, "/drop-off", &form("&key=back&temperature=36.5")).await;
    assert!(page.contains("value=\"36.\""), "{page}");
    let full_width = "&key=go&temperature=%EF%BC%93%EF%BC%96%EF%BC%8E%EF%BC%95&unwell=yes";
    let (status, _) = post_form(&router, "/drop-off", &form(full_width)).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let (_, page) = get_page(&router, "/").await;
    assert!(page.contains("保育室へどうぞ") && page.contains("2人目・4歳"), "{page}");
    assert_eq!(page.matches("action=\"/drop-off\"").count(), 1, "the next child: {page}");
    let check = model::care::day::HealthCheck {
        temperature: Some(365),
        unwell: true,
        remarks: String::new(),
    };
    let ticket = model::id::TicketId(Uuid::from_u128(77));
    assert!(*fake.asked.lock().unwrap() == [Request::DropOff { ticket, child, check }]);
}

#[tokio::test]
async fn the_drop_off_is_only_for_whoever_stands_there() {
    let (router, screen, fake) = kiosk(Ok(welcome()));
    let sent = form("&key=go&temperature=36.5&unwell=no");
    let long = form(&format!("&key=go&unwell=no&temperature={}", "3".repeat(9_000)));
    let hostile = [
        sent.as_str(),
        "ticket=x&child=y&key=go",
        "ticket=&child=",
        &form("&key=%00&temperature=%3Cscript%3E"),
        &long,
    ];
    for sent in hostile {
        assert_eq!(post_form(&router, "/drop-off", sent).await.0, StatusCode::SEE_OTHER, "{sent}");
    }
    let care = family(&[due()]);
    screen.show(Shown::Answer(Answer::LetIn { door_open: false, language: Language::En, care }));
    for sent in &hostile[1..] {
        let (_, page) = post_form(&router, "/drop-off", sent).await;
        assert!(!page.contains("<script>") && page.len() < 20_000, "{page}");
    }
    assert_eq!(post_form(&router, "/drop-off", "").await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(fake.asked.lock().unwrap().is_empty());
    screen.show(Shown::Silence);
    assert_eq!(post_form(&router, "/drop-off", &sent).await.0, StatusCode::SEE_OTHER);
    assert!(fake.asked.lock().unwrap().is_empty(), "another stands there by now");
}

#[tokio::test]
async fn a_silent_site_costs_nothing_that_was_typed() {
    let (router, screen, _) = kiosk(Err(Silent("no line".to_owned())));
    let care = family(&[due()]);
    screen.show(Shown::Answer(Answer::LetIn { door_open: false, language: Language::En, care }));
    for _ in 0..2 {
        let sent = form("&key=go&temperature=36.5&unwell=no");
        let (status, page) = post_form(&router, "/drop-off", &sent).await;
        assert_eq!(status, StatusCode::OK);
        assert!(page.contains("does not answer") && page.contains("value=\"36.5\""), "{page}");
    }
}

#[tokio::test]
async fn whoever_typed_for_too_long_is_asked_for_the_card_again() {
    for (language, said, not) in [
        (Language::Ja, "もう一度カードをタッチ", "返事がありません"),
        (Language::En, "Touch your card once more", "does not answer"),
    ] {
        let over = Answer::NotUnderstood { reason: "the time was up".to_owned() };
        let (router, screen, _) = kiosk(Ok(over));
        let care = family(&[due()]);
        screen.show(Shown::Answer(Answer::LetIn { door_open: false, language, care }));
        let sent = form("&key=go&temperature=36.5&unwell=no");
        let (status, page) = post_form(&router, "/drop-off", &sent).await;
        assert_eq!(status, StatusCode::OK);
        assert!(page.contains(said) && !page.contains(not), "{page}");
    }
}

#[tokio::test]
async fn an_answer_without_children_at_the_door_can_be_read_and_closed() {
    let (router, screen, _) = kiosk(Ok(welcome()));
    let (child, care, opens) = (ChildId(Uuid::from_u128(1)), None, None);
    for (language, close) in [(Language::Ja, "閉じる"), (Language::En, "Close")] {
        let why = NotTakenIn::NotTheirs;
        for answer in [
            Answer::NotTaken { child, why, opens, care: care.clone(), language },
            Answer::DroppedOff { child, care: care.clone(), language },
        ] {
            screen.show(Shown::Answer(answer));
            let (_, page) = get_page(&router, "/").await;
            assert!(page.contains(close) && page.contains("action=\"/dismiss\""), "{page}");
            assert!(!page.contains("class=\"door\"") && !page.contains("/longer"), "{page}");
        }
    }
}

#[test]
fn nobody_is_promised_what_nothing_keeps() {
    for (why, ja, en) in [
        (
            NotTakenIn::NoRoom,
            ["保育室へ行くか", "係員を呼んで"],
            ["go to the nursery", "call the staff"],
        ),
        (
            NotTakenIn::Fever,
            ["予約の画面", "お確かめください"],
            ["booking page", "what is possible"],
        ),
    ] {
        for (language, said) in [(Language::Ja, ja), (Language::En, en)] {
            let words = at_door::turned_back(why, language);
            for said in said {
                assert!(words.advice.contains(said), "{why:?}: {}", words.advice);
            }
            for promise in [
                "知らせて",
                "まいります",
                "取り消せます",
                "has been told",
                "will come",
                "You can cancel",
            ] {
                assert!(!words.advice.contains(promise), "{why:?}: {}", words.advice);
            }
        }
    }
}

#[tokio::test]
async fn whoever_is_turned_back_with_a_child_reads_why_in_both_languages() {
    use NotTakenIn::*;
    let (router, screen, _) = kiosk(Ok(welcome()));
    let child = ChildId(Uuid::from_u128(1));
    for why in [
        Fever,
        NoTemperature,
        StaffLookFirst,
        NotBooked,
        TooEarly,
        Over,
        NoRoom,
        Here,
        NotTheirs,
        ClockUnset,
    ] {
        for (language, when) in [(Language::Ja, "10:30 から"), (Language::En, "From 10:30")] {
            let opens = Some("2026-11-24T01:30:00Z".parse().unwrap());
            let care = Some(family(&[due()]));
            screen.show(Shown::Answer(Answer::NotTaken { child, why, opens, care, language }));
            let (_, page) = get_page(&router, "/").await;
            let words = at_door::turned_back(why, language);
            assert!(page.contains(words.say) && page.contains(words.advice), "{why:?}: {page}");
            assert!(page.contains(when), "{why:?}: {page}");
            assert_eq!(words.say.is_ascii(), language == Language::En, "{why:?}");
        }
    }
}

#[tokio::test]
async fn whoever_goes_is_told_of_the_children_who_stay() {
    let (router, screen, _) = kiosk(Ok(welcome()));
    let (visit, space, until) =
        (VisitId(Uuid::from_u128(9)), "A-05".to_owned(), "2026-11-24T07:30:00Z");
    for (in_care, ja, en) in [
        (0, "まだ保育中", "in care"),
        (1, "お子さまがまだ保育中です（1人）", "1 child is still in care"),
        (2, "お子さまがまだ保育中です（2人）", "2 children are still in care"),
    ] {
        for (language, said) in [(Language::Ja, ja), (Language::En, en)] {
            let (space, until, door_open) = (space.clone(), until.parse().unwrap(), true);
            for answer in [
                Answer::AskLeaving { visit, space: space.clone(), in_care, language },
                Answer::SeeYouSoon { space, until, door_open, language, in_care },
                Answer::Goodbye { minutes: 5, language, in_care },
            ] {
                screen.show(Shown::Answer(answer));
                let (_, page) = get_page(&router, "/").await;
                assert_eq!(page.contains(said), in_care > 0, "{said}: {page}");
            }
        }
    }
}

#[tokio::test]
async fn an_alarm_stands_above_whatever_the_lobby_shows() {
    let (router, screen, _) = kiosk(Ok(welcome()));
    screen.set_alarm(Some(HouseAlarm::Evacuation));
    for path in ["/", "/code"] {
        let (_, page) = get_page(&router, path).await;
        assert!(page.contains("避難：すぐ外へ") && page.contains("EVACUATION"), "{page}");
    }
    // Also where somebody types, what they type stays.
    let request = HttpRequest::get("/live?entry=1").body(Body::empty()).unwrap();
    let mut stream = router.clone().oneshot(request).await.unwrap().into_body().into_data_stream();
    let mut told = String::new();
    while !told.contains("event: block") {
        let piece = stream.next().await.unwrap().unwrap();
        told.push_str(std::str::from_utf8(&piece).unwrap());
    }
    assert!(told.contains("EVACUATION") && !told.contains("id=\"screen\""), "{told}");
    screen.set_alarm(None);
    assert!(!get_page(&router, "/").await.1.contains("EVACUATION"));
}

/// Answers one thing after the other, and then stays silent for good.
struct Says(Mutex<Vec<Result<Answer, Silent>>>);

#[async_trait]
impl Site for Says {
    async fn ask(&self, request: &Request) -> Result<Answer, Silent> {
        assert_eq!(*request, Request::House);
        let next = self.0.lock().unwrap().pop();
        match next {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_alarm_does_not_end_because_the_site_is_silent() {
    let silent = || Err(Silent("no line".to_owned()));
    let house = |alarm| Ok(Answer::House { alarm });
    let older = Ok(Answer::NotUnderstood { reason: "what house".to_owned() });
    let mut says =
        vec![house(Some(HouseAlarm::Fire)), silent(), silent(), house(None), silent(), older];
    says.reverse();
    let told = Mutex::new(Vec::new());
    let site = Says(Mutex::new(says));
    let following = crate::site::follow_house(&site, |alarm| {
        told.lock().unwrap().push(alarm);
    });
    tokio::time::timeout(Duration::from_secs(60), following).await.unwrap_err();
    assert_eq!(*told.lock().unwrap(), [Some(HouseAlarm::Fire), None, None]);
}
