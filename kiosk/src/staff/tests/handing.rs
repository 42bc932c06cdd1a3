use model::care::day::NotHandedOver;

use super::super::hand_over::CLAIM_HELD;
use super::*;

fn page() -> String {
    format!("/child/{}/hand-over", child(1))
}

/// Who is it, and may they?
fn asked(claim: Claim) -> StaffAsk {
    StaffAsk::HandOver { child: child(1), claim, confirmed: false, telephoned: false }
}

fn confirmed(claim: Claim, telephoned: bool) -> StaffAsk {
    StaffAsk::HandOver { child: child(1), claim, confirmed: true, telephoned }
}

fn mother_may(telephone_since: Option<DateTime<Utc>>) -> StaffAnswer {
    let (name, relation) = ("山田 花子".to_owned(), String::new());
    StaffAnswer::MayCollect { who: mother(), name, relation, telephone_since }
}

fn by_card(identifier: &str) -> Claim {
    Claim::Card { card: card(identifier) }
}

#[tokio::test]
async fn a_card_is_a_claim_only_while_a_hand_over_is_open() {
    let (router, staff, fake) = signed_in().await;
    staff.on_card(card("04b2")).await;
    staff.on_code("KY1X").await;
    get(&router, &format!("/child/{}", child(1))).await;
    staff.on_card(card("04b2")).await;
    assert!(fake.wanted().is_empty());
    let (text, mut stream) = open(&router, &page()).await;
    assert!(
        text.contains("カードをかざしてください") && text.contains("data-scan=\"/scan\""),
        "{text}"
    );
    assert!(text.contains("山田 太郎"), "who must not get it stands above: {text}");
    fake.says(mother_may(None));
    staff.on_card(card("04b2")).await;
    assert_eq!(fake.wanted(), [asked(by_card("04b2"))]);
    let block = next_block(&mut stream).await.unwrap();
    assert!(block.contains("お迎えできる人です") || block.contains("確かめています"), "{block}");
    let text = get(&router, &page()).await.1;
    assert!(text.contains("山田 花子") && !text.contains("引き渡しました"), "{text}");
    staff.on_card(card("04c3")).await;
    assert!(fake.wanted().is_empty(), "one claim at a time");
    fake.says(StaffAnswer::Done);
    post(&router, &page(), "key=repeat").await;
    assert_eq!(fake.wanted(), [confirmed(by_card("04b2"), false)]);
    assert!(get(&router, &page()).await.1.contains("→ <b>山田 花子</b>"));
    staff.on_card(card("04b2")).await;
    assert!(fake.wanted().is_empty(), "what is done is done");
    get(&router, &page()).await;
    get(&router, "/").await;
    staff.on_card(card("04b2")).await;
    assert!(fake.wanted().is_empty(), "the hand-over was left");
}

#[tokio::test]
async fn a_pin_names_whose_it_is() {
    let (router, _, fake) = signed_in().await;
    get(&router, &page()).await;
    let who = "guardian:00000000-0000-0000-0000-00000000012d";
    let (_, text) = post(&router, &page(), "key=go&pin=2468").await;
    assert!(text.contains("だれの暗証番号か") && text.contains("value=\"2468\""), "{text}");
    let (_, text) = post(&router, &page(), &format!("key=7&pin=24&who={who}")).await;
    assert!(text.contains("value=\"247\"") && text.contains(&format!("{who}\" checked")), "{text}");
    let (_, text) = post(&router, &page(), &format!("key=go&pin=24&who={who}")).await;
    assert!(text.contains("4〜8けた") && text.contains(&format!("{who}\" checked")), "{text}");
    assert!(fake.wanted().is_empty());
    fake.says(mother_may(None));
    post(&router, &page(), &format!("key=go&pin=2468&who={who}")).await;
    let claim = Claim::Pin { who: mother(), pin: Secret("2468".to_owned()) };
    assert_eq!(fake.wanted(), [asked(claim.clone())]);
    fake.says(StaffAnswer::Done);
    post(&router, &page(), "key=repeat").await;
    assert_eq!(fake.wanted(), [confirmed(claim, false)]);
    let (_, text) = get(&router, &page()).await;
    assert!(text.contains("<b>山田 花子</b>") && text.contains("引き渡しました"), "{text}");
}

#[tokio::test]
async fn a_voucher_and_nothing_at_all_are_claims_too() {
    let (router, _, fake) = signed_in().await;
    get(&router, &page()).await;
    fake.says(StaffAnswer::NotHandedOver { why: NotHandedOver::ShowedNothing });
    post(&router, &page(), "key=nothing").await;
    assert_eq!(fake.wanted(), [asked(Claim::Nothing)]);
    let (_, text) = get(&router, &page()).await;
    assert!(text.contains("お断りしたことを記録しました"), "{text}");
    fake.says(StaffAnswer::Done);
    post(&router, "/scan", "text=KY1abc").await;
    let claim = Claim::Voucher { text: Secret("KY1abc".to_owned()) };
    assert_eq!(fake.wanted(), [asked(claim)], "another way after a refusal");
    assert!(get(&router, "/").await.1.contains("さくら保育室"));
}

#[tokio::test(start_paused = true)]
async fn with_an_old_sheet_a_guardian_is_telephoned_first() {
    let (router, staff, fake) = signed_in().await;
    let keeper = staff.clone();
    let keeping = tokio::spawn(async move { keeper.keep().await });
    let since = "2026-11-23T18:30:00Z".parse().unwrap();
    for late in [false, true] {
        get(&router, "/").await;
        get(&router, &page()).await;
        fake.says(mother_may(Some(since)));
        staff.on_card(card("04b2")).await;
        let (_, text) = get(&router, &page()).await;
        assert!(text.contains("3:30 から"), "{text}");
        assert_eq!(text.matches("090-1111-2222").count(), 1, "once, though a contact too: {text}");
        staff.on_card(card("04c3")).await;
        assert_eq!(fake.wanted(), [asked(by_card("04b2"))], "one claim at a time");
        fake.says(StaffAnswer::Done);
        if late {
            tokio::time::sleep(CLAIM_HELD + Duration::from_secs(2)).await;
        }
        post(&router, &page(), "key=repeat").await;
        let (_, text) = get(&router, &page()).await;
        if late {
            assert!(fake.wanted().is_empty() && text.contains("時間が過ぎました"), "{text}");
        } else {
            assert_eq!(fake.wanted(), [confirmed(by_card("04b2"), true)]);
            assert!(text.contains("引き渡しました"), "{text}");
        }
    }
    keeping.abort();
}

#[tokio::test]
async fn a_sheet_that_grows_old_meanwhile_asks_for_the_telephone_too() {
    let (router, staff, fake) = signed_in().await;
    get(&router, &page()).await;
    fake.says(mother_may(None));
    staff.on_card(card("04b2")).await;
    fake.says(StaffAnswer::TelephoneFirst { since: "2026-11-23T18:30:00Z".parse().unwrap() });
    post(&router, &page(), "key=repeat").await;
    assert!(get(&router, &page()).await.1.contains("先に、保護者へ電話してください"));
    fake.says(StaffAnswer::Done);
    post(&router, &page(), "key=repeat").await;
    let claim = || by_card("04b2");
    assert_eq!(
        fake.wanted(),
        [asked(claim()), confirmed(claim(), false), confirmed(claim(), true)]
    );
    assert!(get(&router, &page()).await.1.contains("→ <b>山田 花子</b>"));
}

#[tokio::test]
async fn a_silent_site_hands_nobody_over_and_keeps_what_was_shown() {
    let (router, staff, fake) = signed_in().await;
    get(&router, &page()).await;
    fake.is_silent();
    staff.on_card(card("04b2")).await;
    let (_, text) = get(&router, &page()).await;
    assert!(text.contains("まだ引き渡さずに") && !text.contains("引き渡しました"), "{text}");
    fake.says(mother_may(None));
    post(&router, &page(), "key=repeat").await;
    assert_eq!(fake.wanted(), [(); 2].map(|()| asked(by_card("04b2"))));
    fake.is_silent();
    post(&router, &page(), "key=repeat").await;
    assert!(get(&router, &page()).await.1.contains("まだ引き渡さずに"));
    fake.says(StaffAnswer::Done);
    post(&router, &page(), "key=repeat").await;
    assert_eq!(fake.wanted(), [(); 2].map(|()| confirmed(by_card("04b2"), false)));
    assert!(get(&router, &page()).await.1.contains("引き渡しました"));
}

#[tokio::test]
async fn an_old_page_claims_nothing() {
    let (router, _, fake) = signed_in().await;
    get(&router, &page()).await;
    get(&router, "/").await;
    for form in [
        "key=nothing",
        "key=repeat",
        "key=go&pin=2468&who=guardian:00000000-0000-0000-0000-00000000012d",
    ] {
        assert_eq!(post(&router, &page(), form).await.0, StatusCode::SEE_OTHER);
    }
    assert!(fake.wanted().is_empty());
}

#[tokio::test]
async fn a_card_that_gives_nothing_is_tried_again() {
    let (router, staff, fake) = signed_in().await;
    get(&router, &page()).await;
    staff.on_card(Card::Unreadable).await;
    assert!(get(&router, &page()).await.1.contains("読み取れませんでした"));
    assert!(fake.wanted().is_empty(), "nobody was refused");
}

#[tokio::test]
async fn what_a_browser_fetches_beside_the_page_leaves_the_hand_over_open() {
    let (router, staff, fake) = signed_in().await;
    let (text, _) = open(&router, &page()).await;
    for path in ["/favicon.ico", "/assets/favicon.svg", "/assets/staff.css"] {
        get(&router, path).await;
    }
    let icon = HttpRequest::get("/").header("sec-fetch-dest", "image").body(Body::empty());
    send(&router, icon.unwrap()).await;
    assert!(text.contains("/assets/favicon.svg"), "{text}");
    staff.on_card(card("04b2")).await;
    assert_eq!(fake.wanted(), [asked(by_card("04b2"))]);
}

#[tokio::test]
async fn where_nobody_is_known_the_way_on_is_the_telephone_and_the_record() {
    let (router, staff, fake) = signed_in().await;
    for (language, said) in [
        (Language::Ja, ["まだ引き渡さないで", "この装置には分かりません", ">記録の訂正</a>"]),
        (Language::En, ["over yet", "not known here any more", ">Put the record right</a>"]),
    ] {
        staff.set_language(language);
        get(&router, &page()).await;
        fake.says(StaffAnswer::NotHandedOver { why: NotHandedOver::NotKnown });
        staff.on_card(card("04b2")).await;
        let (_, text) = get(&router, &page()).await;
        for said in said {
            assert!(text.contains(said), "{said}: {text}");
        }
        assert!(text.contains("090-1111-2222"), "whom to telephone: {text}");
        let way_on = format!("/child/{}?open=put-right", child(1));
        assert!(text.contains(&way_on), "{text}");
        assert!(
            !text.contains("お断り") && !text.contains("refusal"),
            "nobody was refused: {text}"
        );
        assert!(!text.contains("value=\"again\""), "nothing that they show would help: {text}");
        fake.says(StaffAnswer::NotHandedOver { why: NotHandedOver::WrongPin });
        staff.on_card(card("04b2")).await;
        assert!(!get(&router, &page()).await.1.contains(&way_on));
        get(&router, "/").await;
    }
    let mut nobody = seen();
    (nobody.contacts, nobody.collectors) = (Vec::new(), Vec::new());
    *fake.child.lock().unwrap() = Ok(StaffAnswer::Child(Box::new(nobody)));
    get(&router, &page()).await;
    fake.says(StaffAnswer::NotHandedOver { why: NotHandedOver::NotKnown });
    staff.on_card(card("04b2")).await;
    assert!(get(&router, &page()).await.1.contains("No telephone number is known"));
}

#[tokio::test]
async fn a_hand_over_that_is_done_clears_what_failed_before() {
    let (router, staff, fake) = signed_in().await;
    get(&router, &page()).await;
    staff.tell(Some(super::super::screen::Told::Silent));
    fake.says(mother_may(None));
    staff.on_card(card("04b2")).await;
    fake.says(StaffAnswer::Done);
    post(&router, &page(), "key=repeat").await;
    assert!(!get(&router, "/").await.1.contains("notice--err"));
}
