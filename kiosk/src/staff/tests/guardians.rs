use model::care::day::NoteBody;

use super::super::words;
use super::*;

#[tokio::test]
async fn guardians_are_asked_to_collect_only_after_a_second_word() {
    let (router, staff, fake) = signed_in().await;
    get(&router, &page("")).await;
    for (language, asks, kept) in
        [(Language::Ja, "取り消せません", "理由"), (Language::En, "cannot be taken back", "Why")]
    {
        staff.set_language(language);
        let (status, text) = post(&router, &page("/recall"), "text=fever%22%3Cb%3E").await;
        assert_eq!(status, StatusCode::OK);
        assert!(text.contains("id=\"recall\" open") && text.contains(asks), "{text}");
        assert!(text.contains("name=\"sure\" value=\"yes\""), "{text}");
        assert!(!text.contains("<b>\"") && text.contains("value=\"fever&#34;"), "{text}");
        let (status, text) = post(&router, &page("/recall"), "text=fever&sure=no").await;
        assert_eq!(status, StatusCode::OK);
        assert!(!text.contains(asks) && text.contains(kept), "{text}");
        post(&router, &page("/recall"), "text=fever&sure=%00").await;
    }
    assert!(fake.wanted().is_empty() && fake.looks() == 0);
    post(&router, &page("/recall"), "text=fever&sure=yes").await;
    let why = NoteBody { text: "fever".to_owned(), ..NoteBody::default() };
    assert!(fake.wanted() == [StaffAsk::Recall { child: child(1), why }]);
}

#[tokio::test]
async fn the_record_is_put_right_only_of_a_child_in_care() {
    let (router, staff, fake) = signed_in().await;
    for (language, said) in [
        (Language::Ja, ["記録の訂正", "理由は保護者が読みます", "記録に残り"]),
        (Language::En, ["Put the record right", "guardians read the reason", "are recorded"]),
    ] {
        staff.set_language(language);
        let (_, text) = get(&router, &page("")).await;
        let card =
            text.split("id=\"put-right\"").nth(1).unwrap().split("</details>").next().unwrap();
        for said in said {
            assert!(card.contains(said), "{said}: {card}");
        }
        let opens = |text: &str| text.contains("id=\"put-right\" open");
        assert!(!opens(&text), "it is nothing of every day");
        let looks = fake.looks();
        assert!(opens(&get(&router, &page("?open=put-right")).await.1));
        assert_eq!(fake.looks(), looks, "who goes on has not looked again");
        let (_, text) = get(&router, &page("?done=put_right")).await;
        assert!(text.contains(words::done("put_right", language).unwrap()), "{text}");
    }
    fake.says(StaffAnswer::NotDone { why: NotDone::NotInCare });
    let (_, text) = post(&router, &page("/put-right"), "text=kept").await;
    assert!(text.contains("not in care") && text.contains(">kept</textarea>"), "{text}");
    for state in [ChildState::Expected, ChildState::Collected { at: at("00:59") }] {
        change(&fake, |board| board.nurseries[0].view.children[0].state = state);
        fake.says(StaffAnswer::Done);
        post(&router, &page("/receive"), "").await;
        assert!(!get(&router, &page("")).await.1.contains("id=\"put-right\""), "{state:?}");
    }
}

#[tokio::test]
async fn a_child_of_whom_nothing_is_known_any_more_can_still_be_put_right() {
    let (router, staff, fake) = signed_in().await;
    *fake.child.lock().unwrap() = Ok(StaffAnswer::NotDone { why: NotDone::NotTheirs });
    change(&fake, |board| board.nurseries[0].children.retain(|one| one.child != child(3)));
    post(&router, "/caregiver", &format!("shift={}&state=here", shift(3))).await;
    fake.wanted();
    let of = |rest: &str| format!("/child/{}{rest}", child(3));
    for (language, name, said, right) in [
        (Language::Ja, "名前の情報がないお子さま", "紙にも書いて", "記録の訂正"),
        (Language::En, "A child whose name is not known here", "on paper as well", "record right"),
    ] {
        staff.set_language(language);
        let (_, board) = get(&router, "/").await;
        assert_eq!(board.matches(&format!("child__name\">{name}")).count(), 1, "{board}");
        assert!(board.contains(&of("")), "{board}");
        for path in [of(""), of("/hand-over"), of("?open=put-right")] {
            let (status, text) = get(&router, &path).await;
            assert_eq!(status, StatusCode::OK, "{path}");
            for said in [name, said, right, "045-000-0000", &of("/put-right")] {
                assert!(text.contains(said), "{path}: {said}: {text}");
            }
        }
        let (_, text) = get(&router, &of("")).await;
        assert!(!text.contains("保護者が読みます") && !text.contains("guardians read"), "{text}");
        let (_, text) = post(&router, &of("/put-right"), "text=+").await;
        assert!(text.contains("role=\"alert\"") && text.contains("1000"), "{text}");
        fake.is_silent();
        let (_, text) = post(&router, &of("/put-right"), "text=kept").await;
        assert!(text.contains(">kept</textarea>"), "{text}");
        fake.says(StaffAnswer::Done);
        fake.wanted();
        let (status, _) = post(&router, &of("/put-right"), "text=x").await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        let why = NoteBody { text: "x".to_owned(), ..NoteBody::default() };
        assert!(fake.wanted() == [StaffAsk::PutRight { child: child(3), why }]);
    }
    for path in [format!("/child/{}", child(4)), format!("/child/{}", child(99))] {
        assert_eq!(get(&router, &path).await.0, StatusCode::SEE_OTHER, "{path} is not in care");
    }
}
