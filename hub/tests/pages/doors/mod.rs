//! A centre's doors as its operators see them, and how they get their plans.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use hub::door_file;
use hub::service::doors::{known, set_plans};
use model::centre::Centre;
use model::device::{Trouble, Watched};
use model::door::{DoorState, Passback, Side, Wiring, Zone};
use model::id::{DeviceId, OrderId, PersonId};
use model::site_event::{Happening, SiteEvent};
use model::site_order::{OrderAnswer, Ordered, OrderedFrom, SiteOrder};
use store::EventBatch;
use uuid::Uuid;

use crate::support::World;

async fn yokohama(world: &World) -> Centre {
    let centres = world.hub.store.centres().await.unwrap();
    centres.into_iter().find(|one| one.slug.as_str() == "yokohama").unwrap()
}

async fn tell(world: &World, centre: &Centre, what: Vec<Happening>) {
    let now = world.hub.now();
    let first = world.hub.store.site_status(centre.id).await.unwrap().reached + 1;
    let batch = EventBatch {
        centre: centre.clone(),
        edge: "yokohama-edge".parse().unwrap(),
        first,
        events: what.into_iter().map(|what| SiteEvent { at: now, what }).collect(),
        told_until: now,
        at: now,
        spare: Vec::new(),
    };
    world.hub.store.take_events(&batch).await.unwrap();
}

fn door(name: &str) -> DeviceId {
    format!("yokohama-{name}").parse().unwrap()
}

fn ordered(number: u128, by: PersonId, what: SiteOrder) -> Happening {
    let id = OrderId(Uuid::from_u128(number));
    let order = Ordered { id, what, by, from: OrderedFrom::StaffScreen };
    Happening::Ordered { order, answer: OrderAnswer::Done }
}

#[tokio::test]
async fn an_alarm_at_a_door_comes_first_and_what_stands_above_all_doors_before_it() {
    let world = World::new().await;
    let centre = yokohama(&world).await;
    let hoshino = world.person("hoshino").await;
    let forced = Happening::DoorState { door: door("nursery-door"), state: DoorState::Forced };
    let lockdown = ordered(1, hoshino, SiteOrder::Lockdown { on: true });
    let fire = Happening::Fire { on: true };
    let through = Happening::LetThrough {
        door: door("entrance"),
        reader: door("entrance-reader"),
        zone: Zone::House,
        side: Side::Outside,
        person: Some(hoshino),
        credential: None,
        twice: true,
    };
    let pressed = Happening::ExitPressed { door: door("entrance") };
    tell(&world, &centre, vec![forced, lockdown, fire, through, pressed]).await;
    let mut browser = world.signed_in("kobayashi").await;
    let page = browser.get("/operations/yokohama?lang=en").await.body;
    let place = |text: &str| page.find(text).unwrap_or_else(|| unreachable!("{text}: {page}"));
    assert!(place("Fire: every door is released") < place("Lockdown: nobody is let in"));
    assert!(place("Lockdown: nobody is let in") < place("Nursery door forced open"));
    assert!(place("Nursery door forced open") < place("Main entrance not heard of"));
    assert!(page.contains("opens without current"));
    assert!(page.contains("Main entrance: exit button"));
    assert!(page.contains("a second time, not seen to go out"));
    let japanese = browser.get("/operations/yokohama?lang=ja").await.body;
    for words in ["火災信号", "閉鎖中", "こじ開けられました", "停電時：開く"]
    {
        assert!(japanese.contains(words), "{words}: {japanese}");
    }
    let over = Happening::DoorState { door: door("nursery-door"), state: DoorState::Locked };
    let lifted = ordered(2, hoshino, SiteOrder::Lockdown { on: false });
    tell(&world, &centre, vec![Happening::Fire { on: false }, lifted, over]).await;
    let page = browser.get("/operations/yokohama?lang=en").await.body;
    assert!(!page.contains("Lockdown: nobody is let in"));
    assert!(!page.contains("Nursery door forced open"), "{page}");
    assert!(page.contains("is as it should be again"));
}

#[tokio::test]
async fn a_reader_or_a_fire_panel_that_does_not_work_stands_before_the_doors_until_it_does() {
    let world = World::new().await;
    let centre = yokohama(&world).await;
    let trouble = |of: Watched, why| Happening::DeviceTrouble { of, why };
    let reader = || Watched::Reader(door("reader-1"));
    let torn_off = trouble(reader(), Some(Trouble::Tampered));
    let unheard = trouble(Watched::FirePanel, Some(Trouble::Silent));
    tell(&world, &centre, vec![torn_off, unheard]).await;
    let mut browser = world.signed_in("kobayashi").await;
    let page = browser.get("/operations/yokohama?lang=en").await.body;
    let place = |text: &str| page.find(text).unwrap_or_else(|| unreachable!("{text}: {page}"));
    let stands = "reader yokohama-reader-1 was opened or taken off the wall";
    assert!(place(stands) < place("Main entrance not heard of"));
    assert!(place("fire panel line is silent") < place("Main entrance not heard of"));
    place("reader yokohama-reader-1: was opened or taken off the wall");
    place("fire panel line: is silent");
    place("A fire would not be told: have its wire looked at");
    let alerts = page.matches("class=\"events__alert\"").count();
    assert!(alerts >= 2, "{page}");
    let japanese = browser.get("/operations/yokohama?lang=ja").await.body;
    for words in [
        "カードリーダー yokohama-reader-1：開けられたか、外されました",
        "火災受信機の信号線：応答しません",
        "火災の知らせが届きません。線を点検してください",
    ] {
        assert!(japanese.contains(words), "{words}: {japanese}");
    }
    let over = vec![trouble(reader(), None), trouble(Watched::FirePanel, None)];
    tell(&world, &centre, over).await;
    let page = browser.get("/operations/yokohama?lang=en").await.body;
    assert!(!page.contains(stands) && !page.contains("fire panel line is silent"), "{page}");
    assert!(page.contains("fire panel line: works again"), "{page}");
    assert!(page.contains("reader yokohama-reader-1: works again"), "{page}");
}

#[tokio::test]
async fn plans_from_a_file_reach_the_sheet_and_leave_an_entry() {
    let world = World::new().await;
    let centre = yokohama(&world).await;
    let hub = &world.hub;
    let text = r#"
        [[door]]
        device = "yokohama-entrance"
        wiring = "fail_secure"
        free_handle = true
        passback = "soft"
        reader = [
            { device = "yokohama-reader-1", side = "outside" },
            { device = "yokohama-reader-2", side = "inside" },
        ]
    "#;
    let known = known(hub, centre.id).await.unwrap();
    let plans = door_file::read(text, &known).unwrap();
    set_plans(hub, &centre, &plans).await.unwrap();
    let sheet = hub.live.sheets.current(hub, centre.id).await.unwrap().unwrap();
    let site = &sheet.sheet.site;
    assert_eq!(site.zone, Some(centre.time_zone));
    let entrance = site.doors.iter().find(|one| one.device == door("entrance")).unwrap();
    let plan = entrance.plan.as_ref().unwrap();
    assert_eq!((plan.wiring, plan.passback), (Some(Wiring::FailSecure), Passback::Soft));
    let nursery = site.doors.iter().find(|one| one.device == door("nursery-door")).unwrap();
    assert_eq!(nursery.zone(), Zone::Nursery, "what the file does not name stays");
    let nowhere = vec![(door("cellar"), plan.clone())];
    assert!(set_plans(hub, &centre, &nowhere).await.is_err());
}
