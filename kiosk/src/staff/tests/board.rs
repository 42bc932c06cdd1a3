use model::care::day::{NoteBody, NoteKind};

use super::*;

#[tokio::test]
async fn allergies_that_nobody_has_told_are_not_none() {
    let (router, staff, fake) = signed_in().await;
    for (language, unknown, ask) in [
        (Language::Ja, "アレルギー不明", "食べる前に、保護者に聞いてください"),
        (Language::En, "Allergies not known", "ask the guardians before it eats"),
    ] {
        staff.set_language(language);
        let (_, board) = get(&router, "/").await;
        let row = |n| {
            let from = board.find(&format!("id=\"child-{}\"", child(n))).unwrap();
            board[from..].split("</li>").next().unwrap().to_owned()
        };
        assert!(row(3).contains(unknown), "{}", row(3));
        for n in [1, 2, 4] {
            assert!(!row(n).contains(unknown), "{}", row(n));
        }
        for (health_given, allergies, said, box_of) in [
            (false, "", true, "allergy--unknown"),
            (true, "", false, "allergy--none"),
            (true, "卵", false, "class=\"allergy\""),
            (false, "卵", false, "class=\"allergy\""),
        ] {
            let mut one = seen();
            (one.health_given, one.allergies) = (health_given, allergies.to_owned());
            *fake.child.lock().unwrap() = Ok(StaffAnswer::Child(Box::new(one)));
            let (_, text) = get(&router, &page("")).await;
            let meal =
                text.split("id=\"meal\"").nth(1).unwrap().split("</section>").next().unwrap();
            assert_eq!(meal.contains(unknown), said, "{meal}");
            assert_eq!(meal.contains(ask), said, "{meal}");
            assert!(text.contains(box_of), "{box_of}: {text}");
        }
    }
}

#[tokio::test]
async fn a_look_at_a_sleeping_child_leaves_one_at_the_board() {
    let (router, _, fake) = signed_in().await;
    let (_, board) = get(&router, "/").await;
    let path = format!("/child/{}/note", child(2));
    let form = board.split(&format!("action=\"{path}\"")).nth(1).unwrap();
    let form = form.split("</form>").next().unwrap();
    assert!(form.contains("type=\"hidden\" name=\"from\" value=\"board\""), "{form}");
    let pressed = async |form: &str| {
        let request = HttpRequest::post(&path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()));
        let response = router.clone().oneshot(request.unwrap()).await.unwrap();
        response.headers()["location"].to_str().unwrap().to_owned()
    };
    assert_eq!(pressed("kind=nap_check&from=board").await, "/");
    assert_eq!(fake.looks(), 0, "nobody has looked at its page");
    let (kind, body) = (NoteKind::NapCheck, NoteBody::default());
    assert!(fake.wanted() == [StaffAsk::Note { child: child(2), kind, body }]);
    fake.is_silent();
    assert_eq!(pressed("kind=nap_check&from=board").await, "/");
    assert!(get(&router, "/").await.1.contains("返事がありません"));
    fake.says(StaffAnswer::Done);
    assert!(pressed("kind=nap_check").await.ends_with("?done=nap_check"), "on its own page");
}

#[tokio::test]
async fn what_failed_is_said_until_something_succeeds() {
    let (router, staff, fake) = signed_in().await;
    let page_note = |form: &'static str| (page("/note"), form.to_owned());
    let here = ("/caregiver".to_owned(), format!("shift={}&state=here", shift(3)));
    let recall = (page("/recall"), "text=x&sure=yes".to_owned());
    for (path, form) in [here, page_note("kind=nap_check"), page_note("kind=note&text=x"), recall] {
        fake.is_silent();
        post(&router, &page("/receive"), "").await;
        for _ in 0..2 {
            assert!(get(&router, "/").await.1.contains("notice--err"), "it stays until then");
        }
        fake.says(StaffAnswer::Done);
        post(&router, &path, &form).await;
        assert!(!get(&router, "/").await.1.contains("notice--err"), "{path} {form}");
    }
    *fake.child.lock().unwrap() = Ok(StaffAnswer::NotDone { why: NotDone::NotTheirs });
    get(&router, &page("")).await;
    assert!(get(&router, "/").await.1.contains("notice--err"));
    *fake.child.lock().unwrap() = Ok(StaffAnswer::Child(Box::new(seen())));
    assert!(
        !get(&router, &page("")).await.1.contains("notice--err"),
        "another page, another thing"
    );
    drop(staff);
}

#[tokio::test]
async fn a_child_that_waits_is_pointed_out_by_its_name() {
    let (router, _, fake) = signed_in().await;
    let mut waiting = board();
    let alarm = CareAlarm::Waiting { child: child(1) };
    let raised = AlarmView { alarm, since: at("00:59"), ask: Vec::new() };
    waiting.nurseries[0].view.alarms.push(raised);
    *fake.board.lock().unwrap() = Ok(StaffAnswer::Board(Box::new(waiting)));
    post(&router, &format!("/child/{}/receive", child(2)), "").await;
    let (_, text) = get(&router, "/").await;
    let alarm = text.split("山田 はな 引き受けを待っています").nth(1).unwrap();
    assert!(alarm.split("</li>").next().unwrap().contains("「引き受ける」"), "{text}");
}
