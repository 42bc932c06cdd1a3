use model::care::day::CaregiverState;
use model::muster::*;
use model::site_order::OrderAnswer;
use wire::request::HouseAlarm;

use super::*;

fn seen_at(time: &str, what: Sign) -> Evidence {
    Evidence { at: at(time), what }
}

fn list() -> StaffMuster {
    let nursery = NurseryId(Uuid::from_u128(50));
    let child = |n: u128, name: &str, is_in: bool| ChildIn {
        child: child(n),
        name: name.to_owned(),
        nursery,
        room: Some(room(1)),
        room_name: Some(LocalText::new("ひよこ組", "Chicks")),
        since: at("00:05"),
        last: seen_at("00:50", Sign::LookedAt),
        guardians: vec![GuardianIn {
            person: PersonId(Uuid::from_u128(301)),
            name: "山田 花子".to_owned(),
            is_in,
            last: Some(seen_at("00:04", Sign::CheckedIn)),
        }],
    };
    let guest = |space: &str, away: bool| PersonIn {
        person: PersonId(Uuid::from_u128(301)),
        visit: None,
        space: Some(space.to_owned()),
        away_since: away.then(|| at("00:30")),
        last: seen_at("00:04", Sign::CheckedIn),
        on_staff: false,
    };
    let muster = Muster {
        at: at("01:00"),
        people: vec![guest("A-05", false), guest("A-06", true)],
        caregivers: vec![CaregiverIn {
            shift: shift(1),
            name: "佐藤 みどり".to_owned(),
            nursery,
            state: CaregiverState::OnBreak,
            last: seen_at("00:45", Sign::Said),
        }],
        children: vec![child(1, "山田 はな", true), child(2, "", false)],
        ..Muster::default()
    };
    let nurseries = vec![(nursery, LocalText::new("さくら保育室", "Sakura Nursery"))];
    let by_card =
        |name: &str| StaffIn { name: name.to_owned(), last: seen_at("00:40", Sign::CameThrough) };
    let by_card = vec![by_card("佐藤 みどり"), by_card("")];
    StaffMuster { muster, nurseries, elsewhere: 3, caregivers_elsewhere: 2, by_card }
}

#[tokio::test]
async fn who_is_in_is_a_list_with_children_and_guardians_and_old_news_is_dated() {
    let (router, staff, fake) = signed_in().await;
    fake.says(StaffAnswer::Muster(Box::new(list())));
    let (status, page) = get(&router, "/muster").await;
    assert_eq!(status, StatusCode::OK);
    for words in [
        "山田 はな",
        "山田 花子",
        "館内",
        "館外",
        "ひよこ組",
        "佐藤 みどり",
        "休憩中",
        "席 A-05",
        "利用者 <strong>1人</strong>・子ども <strong>5人</strong>・職員 <strong>3人</strong>",
        "カードで入った職員 <strong>2人</strong>",
        "二重に数えない",
        "<b>職員</b><small>9:40 扉から入室",
        "ほかの保育室に、子ども 3人",
        "9:50 保育の記録",
        "外出中 1人",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("A-06"), "who stepped out is counted apart: {page}");
    assert_eq!(fake.wanted(), [StaffAsk::Muster]);
    staff.set_language(Language::En);
    let (_, page) = get(&router, "/muster").await;
    assert!(page.contains("Who is in the house") && page.contains("Count heads"), "{page}");
    assert!(page.contains("staff by card <strong>2</strong>") && page.contains("twice"), "{page}");
    let nobody_by_card = StaffMuster { by_card: Vec::new(), ..list() };
    fake.says(StaffAnswer::Muster(Box::new(nobody_by_card)));
    let (_, page) = get(&router, "/muster").await;
    assert!(!page.contains("by card"), "{page}");
    assert_eq!(format!("{:?}", StaffAnswer::Muster(Box::new(list()))).matches("山田").count(), 0);
}

#[tokio::test]
async fn nobody_reads_who_is_in_without_signing_in_and_a_silent_site_is_said() {
    let (router, _, fake) = screen();
    let (status, page) = get(&router, "/muster").await;
    assert_eq!((status, page.contains("山田")), (StatusCode::SEE_OTHER, false));
    assert_eq!(fake.wanted(), []);
    let (router, _, fake) = signed_in().await;
    fake.is_silent();
    assert_eq!(get(&router, "/muster").await.0, StatusCode::SEE_OTHER);
    assert!(get(&router, "/").await.1.contains("センターの装置から返事がありません"));
}

#[tokio::test]
async fn a_lockdown_is_asked_about_before_it_is_ordered() {
    let (router, _, fake) = signed_in().await;
    let board = get(&router, "/").await.1;
    assert!(board.contains("id=\"lockdown\"") && board.contains("id=\"evacuate\""), "{board}");
    for (form, asked, wants) in [
        ("order=lockdown&on=yes", "全館を閉鎖しますか", StaffAsk::Lockdown { on: true }),
        ("order=lockdown&on=no", "閉鎖を解除しますか", StaffAsk::Lockdown { on: false }),
        ("order=evacuate&on=yes", "全員を避難させますか", StaffAsk::Evacuate { on: true }),
        ("order=evacuate&on=no", "避難を終えますか", StaffAsk::Evacuate { on: false }),
    ] {
        let (status, page) = post(&router, "/house", form).await;
        assert_eq!(status, StatusCode::OK);
        assert!(page.contains(asked), "{page}");
        assert_eq!(fake.wanted(), [], "{form} is a question");
        fake.says(StaffAnswer::Ordered { answer: OrderAnswer::Done });
        let (status, _) = post(&router, "/house", &format!("{form}&sure=yes")).await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        assert_eq!(fake.wanted(), [wants]);
    }
}

#[tokio::test]
async fn an_order_that_was_not_done_or_is_none_is_told_so() {
    let (router, _, fake) = signed_in().await;
    fake.says(StaffAnswer::Ordered { answer: OrderAnswer::Overruled });
    post(&router, "/house", "order=lockdown&on=yes&sure=yes").await;
    assert!(get(&router, "/").await.1.contains("いまは閉鎖できません"));
    fake.is_silent();
    post(&router, "/house", "order=evacuate&on=yes&sure=yes").await;
    assert!(get(&router, "/").await.1.contains("センターの装置から返事がありません"));
    fake.wanted();
    for odd in ["", "order=unlock&on=yes&sure=yes", "order=lockdown&sure=yes", "order=%00&on=1"] {
        assert_eq!(post(&router, "/house", odd).await.0, StatusCode::SEE_OTHER, "{odd}");
        assert!(get(&router, "/").await.1.contains("受け付けられない入力です"), "{odd}");
    }
    assert_eq!(fake.wanted(), []);
    let (router, _, fake) = screen();
    let (status, _) = post(&router, "/house", "order=lockdown&on=yes&sure=yes").await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let (status, page) = post(&router, "/house", "order=lockdown&on=yes").await;
    assert_eq!((status, page.as_str()), (StatusCode::SEE_OTHER, ""));
    assert_eq!(fake.wanted(), [], "nobody is signed in");
}

#[tokio::test]
async fn an_alarm_stands_on_every_page_in_both_languages_and_comes_by_itself() {
    let (router, staff, _) = screen();
    let (_, mut stream) = open(&router, "/").await;
    let banner = async |stream: &mut axum::body::BodyDataStream| {
        let block = async {
            loop {
                let text = String::from_utf8(stream.next().await?.unwrap().to_vec()).unwrap();
                if text.contains("id=\"house-alarm\"") {
                    return Some(text);
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(2), block).await.ok()?
    };
    assert!(!banner(&mut stream).await.unwrap().contains("class=\"house-alarm"));
    for (alarm, ja, en) in [
        (HouseAlarm::Fire, "火災報知", "FIRE ALARM"),
        (HouseAlarm::Evacuation, "避難：", "EVACUATION"),
        (HouseAlarm::Lockdown, "閉鎖中", "LOCKDOWN"),
    ] {
        staff.set_alarm(Some(alarm));
        let block = banner(&mut stream).await.unwrap();
        let page = get(&router, "/").await.1;
        for text in [&block, &page] {
            assert!(text.contains(ja) && text.contains(en), "{text}");
            assert!(text.contains("<svg class=\"icon\""), "not by its colour alone: {text}");
        }
    }
    staff.set_alarm(None);
    assert!(!banner(&mut stream).await.unwrap().contains("class=\"house-alarm"));
    assert!(!get(&router, "/").await.1.contains("LOCKDOWN"));
}

#[tokio::test]
async fn a_board_without_a_nursery_has_the_house_and_nothing_of_children() {
    let (router, staff, fake) = signed_in().await;
    change(&fake, |board| {
        board.nurseries.clear();
        board.telephone_first = true;
    });
    let shift = shift(1);
    post(&router, "/caregiver", &format!("shift={shift}&state=here")).await;
    for (language, says) in [
        (Language::Ja, "在館者名簿を見て、建物の閉鎖と避難を操作できます"),
        (Language::En, "you see who is in, and can lock the house down"),
    ] {
        staff.set_language(language);
        let (status, page) = get(&router, "/").await;
        assert_eq!(status, StatusCode::OK);
        for there in [says, "id=\"muster\"", "id=\"lockdown\"", "id=\"evacuate\"", "佐藤 みどり"]
        {
            assert!(page.contains(there), "{there}: {page}");
        }
        for none in
            ["class=\"nursery\"", "id=\"child-", "action=\"/caregiver\"", "href=\"#i-phone\""]
        {
            assert!(!page.contains(none), "{none}: {page}");
        }
    }
    let mut empty = list();
    empty.muster.children.clear();
    empty.muster.caregivers.clear();
    empty.nurseries.clear();
    (empty.elsewhere, empty.caregivers_elsewhere) = (0, 0);
    fake.says(StaffAnswer::Muster(Box::new(empty)));
    let (_, page) = get(&router, "/muster").await;
    assert!(page.contains("<strong>1</strong>") && page.contains("A-05"), "{page}");
    assert!(!page.contains("id=\"muster-1\"") && !page.contains("in the nursery"), "{page}");
    fake.says(StaffAnswer::Ordered { answer: OrderAnswer::Done });
    fake.wanted();
    for (order, wants) in [
        ("lockdown", StaffAsk::Lockdown { on: true }),
        ("evacuate", StaffAsk::Evacuate { on: true }),
    ] {
        post(&router, "/house", &format!("order={order}&on=yes&sure=yes")).await;
        assert_eq!(fake.wanted(), [wants]);
    }
}

#[tokio::test]
async fn whoever_has_no_nursery_is_told_in_words_that_a_child_or_shift_is_none_of_theirs() {
    use model::care::day::NotDone;

    let (router, _, fake) = signed_in().await;
    change(&fake, |board| board.nurseries.clear());
    post(&router, "/caregiver", "shift=x&state=here").await;
    let not_theirs = StaffAnswer::NotDone { why: NotDone::NotTheirs };
    *fake.child.lock().unwrap() = Ok(not_theirs.clone());
    get(&router, &page("")).await;
    assert!(get(&router, "/").await.1.contains("今日のお子さまではありません"));
    for (path, form, answer, says) in [
        (page("/receive"), String::new(), not_theirs, "今日のお子さまではありません"),
        (
            "/caregiver".to_owned(),
            format!("shift={}&state=here", shift(3)),
            StaffAnswer::NotDone { why: NotDone::NoSuchShift },
            "今日の勤務にありません",
        ),
    ] {
        fake.says(answer);
        let (status, _) = post(&router, &path, &form).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{path}");
        assert!(get(&router, "/").await.1.contains(says), "{path}");
    }
}
