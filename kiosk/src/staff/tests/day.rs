use model::care::day::{HealthCheck, NotTakenIn, NoteBody, NoteKind};

use super::*;

#[tokio::test]
async fn the_board_says_how_the_nursery_stands() {
    let (router, staff, _) = signed_in().await;
    for (language, said) in [
        (
            Language::Ja,
            [
                "引き受けを待っています",
                "ひよこ組",
                "0歳 1人・2歳 1人",
                "アレルギー",
                "12:00〜12:45 に足りなくなります: 職員 1人（必要 2人）",
                "小林 なお、加藤 ゆう",
                "鈴木 そら 午睡の確認",
                "10:15–10:45",
                "次の確認 9:55",
                "足りています",
            ],
        ),
        (
            Language::En,
            [
                "To be taken over",
                "Chicks",
                "1 aged 0・1 aged 2",
                "Allergy",
                "Too little from 12:00 to 12:45: staff: 1, needed 2",
                "小林 なお, 加藤 ゆう",
                "look at the sleeping child",
                "11:00–11:30",
                "look by 9:55",
                "Enough",
            ],
        ),
    ] {
        staff.set_language(language);
        let (_, page) = get(&router, "/").await;
        for said in said {
            assert!(page.contains(said), "{said}: {page}");
        }
        assert!(!page.contains("卵"), "what it is allergic to stands on its own page");
        let place = |name| page.find(&format!("child__name\">{name}")).unwrap();
        assert!(place("山田 はな") < place("鈴木 そら"), "who waits is first");
        assert!(place("高橋 りく") < place("伊藤 あお"));
        assert!(place("伊藤 あお") < place("田中 ゆい"), "expected by their time");
        assert!(place("田中 ゆい") < place("渡辺 めい"));
        let (now, soon) = (page.find("alarm--now").unwrap(), page.find("小林 なお").unwrap());
        assert!(now < soon, "what is so now stands before what will be");
    }
}

fn lack(what: Lacking) -> Lack {
    Lack { when: between("01:00", "01:15"), what, have: 1, need: 2 }
}

#[tokio::test]
async fn whatever_is_too_little_is_seen_from_afar() {
    let (router, _, fake) = signed_in().await;
    assert!(!get(&router, "/").await.1.contains("足りません"));
    change(&fake, |board| board.nurseries[0].view.lacks.push(lack(Lacking::Qualified)));
    post(&router, "/caregiver", &format!("shift={}&state=here", shift(3))).await;
    let (_, page) = get(&router, "/").await;
    assert!(page.contains("state--short") && page.contains("足りません"), "{page}");
}

#[tokio::test]
async fn too_few_staff_are_seen_by_shape_and_word() {
    let (router, staff, fake) = signed_in().await;
    let lacking = CareAlarm::Short {
        nursery: NurseryId(Uuid::from_u128(50)),
        what: Lacking::LiveStaff,
        have: 1,
        need: 2,
    };
    change(&fake, |board| {
        let view = &mut board.nurseries[0].view;
        view.now.staff = 1;
        view.lacks.push(lack(Lacking::LiveStaff));
        view.alarms.push(AlarmView { alarm: lacking, since: at("01:00"), ask: vec![shift(2)] });
        board.telephone_first = true;
    });
    post(&router, "/caregiver", &format!("shift={}&state=gone", shift(1))).await;
    let (_, page) = get(&router, "/").await;
    assert!(page.contains("state--short") && page.contains("足りません"), "{page}");
    assert!(page.contains("いま足りません: 職員 1人（必要 2人）") && page.contains("中村 けい"));
    assert!(page.contains("引き渡しの前に、保護者へ電話してください"), "{page}");
    drop(staff);
}

#[tokio::test(start_paused = true)]
async fn a_child_that_is_dropped_off_in_the_lobby_shows_within_a_second() {
    let (router, staff, fake) = signed_in().await;
    let keeper = staff.clone();
    let keeping = tokio::spawn(async move { keeper.keep().await });
    let (_, mut stream) = open(&router, "/").await;
    assert!(next_block(&mut stream).await.unwrap().contains("山田 はな"));
    assert!(next_block(&mut stream).await.is_none(), "what stays alike is not sent again");
    change(&fake, |board| {
        board.nurseries[0].view.children[3].state = ChildState::InCare {
            since: at("01:00"),
            received: false,
            asleep: None,
            recalled: None,
        };
    });
    let before = tokio::time::Instant::now();
    let block = next_block(&mut stream).await.unwrap();
    assert!(before.elapsed() <= Duration::from_secs(1));
    assert!(block.contains(&format!("receive-{}", child(4))), "{block}");
    keeping.abort();
}

#[tokio::test]
async fn caregivers_come_and_go_by_buttons_that_fit() {
    let (router, _, fake) = signed_in().await;
    let (_, page) = get(&router, "/").await;
    for (n, fits, not) in [
        (1, &["break", "gone"][..], &["here"][..]),
        (2, &["here", "gone"], &["break"]),
        (3, &["here", "gone"], &["break"]),
        (4, &["here"], &["break", "gone"]),
    ] {
        for key in fits {
            assert!(page.contains(&format!("id=\"{key}-{}\"", shift(n))), "{n} {key}");
        }
        for key in not {
            assert!(!page.contains(&format!("id=\"{key}-{}\"", shift(n))), "{n} {key}");
        }
    }
    for (key, state) in [
        ("here", CaregiverState::Here),
        ("on_break", CaregiverState::OnBreak),
        ("gone", CaregiverState::Gone),
    ] {
        post(&router, "/caregiver", &format!("shift={}&state={key}", shift(1))).await;
        assert_eq!(fake.wanted(), [StaffAsk::Caregiver { shift: shift(1), state }]);
    }
    for odd in ["shift=x&state=here", &format!("shift={}&state=asleep", shift(1))] {
        post(&router, "/caregiver", odd).await;
        assert!(get(&router, "/").await.1.contains("受け付けられない入力です"), "{odd}");
    }
    fake.says(StaffAnswer::NotDone { why: NotDone::NoSuchShift });
    post(&router, "/caregiver", &format!("shift={}&state=here", shift(9))).await;
    assert!(get(&router, "/").await.1.contains("今日の勤務にありません"));
}

#[tokio::test]
async fn a_child_s_page_begins_with_what_it_must_not_eat() {
    let (router, staff, fake) = signed_in().await;
    let (_, text) = get(&router, &page("")).await;
    let place = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
    assert!(place("卵・乳（少しでも）") < place("引き受ける"));
    assert!(place("090-1111-2222") < place("かかりつけ医"));
    for said in ["山田 太郎", "引き渡し禁止", "祖父", "期限切れ", "港こどもクリニック"]
    {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert_eq!(text.matches("卵・乳（少しでも）").count(), 2, "beside the meals once more: {text}");
    assert_eq!(fake.looks(), 1);
    let mut nothing = seen();
    (nothing.allergies, nothing.health_given) = (String::new(), false);
    *fake.child.lock().unwrap() = Ok(StaffAnswer::Child(Box::new(nothing)));
    let (_, text) = get(&router, &page("")).await;
    assert!(text.contains("まだ何も書いていません"), "unknown is not none: {text}");
    *fake.child.lock().unwrap() = Ok(StaffAnswer::NotDone { why: NotDone::NotTheirs });
    get(&router, &page("")).await;
    assert!(get(&router, "/").await.1.contains("今日のお子さまではありません"));
    drop(staff);
}

#[tokio::test]
async fn what_is_done_with_a_child_is_told_to_the_site() {
    let (router, _, fake) = signed_in().await;
    get(&router, &page("")).await;
    let note = |kind, body| StaffAsk::Note { child: child(1), kind, body };
    let text = |text: &str| NoteBody { text: text.to_owned(), ..NoteBody::default() };
    let moved = format!("room={}", room(2));
    for (path, form, wants) in [
        ("/receive", "", StaffAsk::Receive { child: child(1) }),
        ("/note", "kind=nap_begins", note(NoteKind::NapBegins, text(""))),
        ("/note", "kind=nap_check", note(NoteKind::NapCheck, text(""))),
        ("/note", "kind=nap_ends", note(NoteKind::NapEnds, text(""))),
        (
            "/note",
            "kind=meal&eaten=5&text=x",
            note(NoteKind::Meal, NoteBody { eaten: Some(5), ..text("x") }),
        ),
        ("/note", "kind=note&text=a%0D%0Ab", note(NoteKind::Note, text("a\nb"))),
        ("/note", "kind=to_guardians&text=x", note(NoteKind::ToGuardians, text("x"))),
        (
            "/note",
            "kind=incident&text=x&serious=1",
            note(NoteKind::Incident, NoteBody { serious: true, ..text("x") }),
        ),
        (
            "/temperature",
            "key=go&temperature=372",
            note(NoteKind::Temperature, NoteBody { temperature: Some(372), ..text("") }),
        ),
        ("/move", &moved, StaffAsk::Move { child: child(1), room: room(2) }),
        ("/recall", "text=x&sure=yes", StaffAsk::Recall { child: child(1), why: text("x") }),
        ("/put-right", "text=x", StaffAsk::PutRight { child: child(1), why: text("x") }),
        (
            "/drop-off",
            "key=go&temperature=36.5&unwell=yes&remarks=x",
            StaffAsk::DropOff {
                child: child(1),
                check: HealthCheck {
                    temperature: Some(365),
                    unwell: true,
                    remarks: "x".to_owned(),
                },
            },
        ),
        (
            "/drop-off",
            "key=go&unwell=no",
            StaffAsk::DropOff {
                child: child(1),
                check: HealthCheck { temperature: None, unwell: false, remarks: String::new() },
            },
        ),
    ] {
        let (status, body) = post(&router, &page(path), form).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{path} {form}: {body}");
        assert!(fake.wanted() == [wants], "{path} {form}");
    }
    let (_, text) = get(&router, &page("?done=meal")).await;
    assert!(text.contains("食事を記録しました"), "{text}");
    assert_eq!(fake.looks(), 0, "who comes back has not looked again");
}

#[tokio::test]
async fn what_cannot_be_taken_is_said_in_place_and_nothing_is_lost() {
    let (router, staff, fake) = signed_in().await;
    get(&router, &page("")).await;
    let long = "x".repeat(1_001);
    for (path, form, said, kept) in [
        ("/note", "kind=meal&text=kept", "食べた量を選んでください", "value=\"kept\""),
        ("/note", "kind=meal&eaten=11&text=kept", "食べた量を選んでください", "value=\"kept\""),
        ("/note", "kind=note&text=++", "1文字以上、1000文字まで", "name=\"text\""),
        ("/note", &format!("kind=to_guardians&text={long}"), "1文字以上、1000文字まで", &long),
        (
            "/note",
            "kind=incident&text=%07kept&serious=1",
            "1文字以上、1000文字まで",
            "name=\"serious\" value=\"1\" checked",
        ),
        ("/recall", "text=", "1文字以上、1000文字まで", "id=\"recall\" open"),
        ("/recall", "text=&sure=yes", "1文字以上、1000文字まで", "id=\"recall\" open"),
        ("/put-right", "text=++", "1文字以上、1000文字まで", "id=\"put-right\" open"),
        ("/put-right", &format!("text={long}"), "1文字以上、1000文字まで", &long),
        ("/move", "room=x", "受け付けられない入力です", "id=\"move\" open"),
        ("/temperature", "key=go&temperature=25", "34.0 から 42.0", "value=\"25\""),
        ("/temperature", "key=go&temperature=", "34.0 から 42.0", "name=\"temperature\""),
        ("/drop-off", "key=go&temperature=abc&unwell=yes&remarks=kept", "34.0 から 42.0", ">kept<"),
        ("/drop-off", &format!("key=go&remarks={long}"), "気になることは1000文字まで", &long),
    ] {
        let (status, text) = post(&router, &page(path), form).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert!(text.contains("role=\"alert\"") && text.contains(said), "{path} {form}: {text}");
        assert!(text.contains(kept), "{path}: {kept} is lost: {text}");
    }
    assert!(fake.wanted().is_empty());
    fake.is_silent();
    for (path, form, kept) in [
        ("/note", "kind=note&text=kept", ">kept</textarea>"),
        ("/recall", "text=kept&sure=yes", ">kept</textarea>"),
        ("/put-right", "text=kept", ">kept</textarea>"),
        ("/drop-off", "key=go&temperature=36.5&unwell=yes&remarks=kept", "value=\"yes\" checked"),
        ("/temperature", "key=go&temperature=36.5", "value=\"36.5\""),
    ] {
        let (_, text) = post(&router, &page(path), form).await;
        assert!(text.contains("返事がありません") && text.contains(kept), "{path}: {text}");
    }
    post(&router, &page("/receive"), "").await;
    assert!(get(&router, "/").await.1.contains("返事がありません"));
    let early = StaffAnswer::NotTaken { why: NotTakenIn::TooEarly, opens: Some(at("01:30")) };
    fake.says(early);
    let (_, text) = post(&router, &page("/drop-off"), "key=go&temperature=36.5").await;
    assert!(text.contains("まだ受け付けられません") && text.contains("10:30 から"), "{text}");
    fake.says(StaffAnswer::NotTaken { why: NotTakenIn::Fever, opens: None });
    let (_, text) = post(&router, &page("/drop-off"), "key=go&temperature=38.2").await;
    assert!(text.contains("熱があります") && text.contains("38.2"), "{text}");
    drop(staff);
}

#[tokio::test]
async fn the_keypads_work_without_a_script() {
    let (router, _, fake) = signed_in().await;
    for path in ["/drop-off", "/temperature"] {
        let (_, text) = post(&router, &page(path), "key=5&temperature=36.&remarks=kept").await;
        assert!(text.contains("value=\"36.5\""), "{text}");
        let (_, text) = post(&router, &page(path), "key=back&temperature=36.5").await;
        assert!(text.contains("value=\"36.\""), "{text}");
    }
    assert!(fake.wanted().is_empty());
}

#[tokio::test]
async fn hostile_forms_are_answered_and_never_asked() {
    let (router, _, fake) = signed_in().await;
    let script = "%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    for path in [
        "/receive",
        "/note",
        "/move",
        "/recall",
        "/put-right",
        "/drop-off",
        "/temperature",
        "/hand-over",
    ] {
        for id in ["x", "..%2F..", "%00", script] {
            let (status, _) =
                post(&router, &format!("/child/{id}{path}"), "kind=note&text=x").await;
            assert_eq!(status, StatusCode::SEE_OTHER, "{id}{path}");
        }
    }
    get(&router, &page("/hand-over")).await;
    for (path, form) in [
        ("/note", format!("kind={script}&text={script}")),
        ("/note", format!("kind=meal&eaten=-1&text={script}")),
        ("/note", "kind=meal&eaten=99999999999".to_owned()),
        ("/recall", format!("text=%00{script}")),
        ("/recall", format!("text={script}")),
        ("/put-right", format!("text=%00{script}")),
        ("/move", format!("room={script}")),
        ("/drop-off", format!("temperature={script}&remarks={script}")),
        ("/temperature", format!("temperature={script}")),
        ("/hand-over", format!("key={script}&who={script}&pin={script}")),
        ("/hand-over", format!("key=go&who=guardian:x&pin={}", "9".repeat(9_000))),
    ] {
        let (_, text) = post(&router, &page(path), &form).await;
        assert!(!text.contains("<script>"), "{path} {form}: {text}");
    }
    let (status, _) = post(&router, &page("/note"), &format!("text={}", "x".repeat(70_000))).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(fake.wanted().is_empty());
    let mut named = seen();
    named.name = "<script>alert(1)</script>\r\n".to_owned();
    *fake.child.lock().unwrap() = Ok(StaffAnswer::Child(Box::new(named)));
    assert!(!get(&router, &page("")).await.1.contains("<script>"));
}
