use model::care::day::{BadNote, NotHandedOver, NotTakenIn};

use super::super::screen::{BadPin, Out, Told};
use super::super::words;
use super::*;

fn both(words_in: impl Fn(Language) -> words::Words, of: &str) {
    let (ja, en) = (words_in(Language::Ja), words_in(Language::En));
    for (text, is_en) in [(ja.say, false), (ja.advice, false), (en.say, true), (en.advice, true)] {
        assert!(!text.is_empty(), "{of}");
        let ascii = text.chars().all(|c| c.is_ascii() || "’“”".contains(c));
        assert_eq!(ascii, is_en, "{of}: {text}");
    }
}

#[test]
fn every_reason_has_words_in_both_languages() {
    use NotSignedIn as S;
    use model::care::file::NotCollecting as C;
    for why in [S::Over, S::NotStaff, S::WrongPin, S::Paused, S::NoPin] {
        both(|language| words::out(Out::Site(why), language), &format!("{why:?}"));
    }
    for why in [Out::Unreadable, Out::CardForgotten] {
        both(|language| words::out(why, language), &format!("{why:?}"));
    }
    use NotDone as D;
    for why in [D::NotTheirs, D::NotInCare, D::NoSuchShift, D::NoSuchRoom, D::BadNote, D::NotSealed]
    {
        both(|language| words::told(&Told::NotDone(why), language), &format!("{why:?}"));
    }
    for why in [Told::Out, Told::Silent, Told::Odd] {
        both(|language| words::told(&why, language), &format!("{why:?}"));
    }
    use NotHandedOver as H;
    let not_handed_over = [
        H::NotCollecting(C::Barred),
        H::NotCollecting(C::Stranger),
        H::NotCollecting(C::UnderAge),
        H::NotCollecting(C::Over),
        H::UnknownCard,
        H::WrongPin,
        H::PinPaused,
        H::UnreadableVoucher,
        H::ShowedNothing,
        H::NotKnown,
    ];
    for why in not_handed_over {
        both(|language| words::not_handed_over(why, language), &format!("{why:?}"));
    }
    for why in [
        NotTakenIn::Fever,
        NotTakenIn::NoTemperature,
        NotTakenIn::StaffLookFirst,
        NotTakenIn::NotBooked,
        NotTakenIn::TooEarly,
        NotTakenIn::Over,
        NotTakenIn::NoRoom,
        NotTakenIn::Here,
        NotTakenIn::NotTheirs,
        NotTakenIn::ClockUnset,
    ] {
        both(|language| words::told(&Told::NotTaken(why, None), language), &format!("{why:?}"));
    }
    for language in [Language::Ja, Language::En] {
        for why in [BadNote::Text, BadNote::Temperature, BadNote::Eaten] {
            assert_eq!(words::bad_note(why, language).say.is_ascii(), language == Language::En);
        }
        for why in [BadPin::Shape, BadPin::Wrong, BadPin::Silent] {
            assert_eq!(words::bad_pin(why, language).is_ascii(), language == Language::En);
        }
    }
}

#[tokio::test]
async fn every_refusal_of_a_hand_over_is_shown_with_what_to_do() {
    let (router, staff, fake) = signed_in().await;
    let path = format!("/child/{}/hand-over", child(1));
    get(&router, &path).await;
    for why in [
        NotHandedOver::NotCollecting(NotCollecting::Barred),
        NotHandedOver::UnknownCard,
        NotHandedOver::WrongPin,
    ] {
        for language in [Language::Ja, Language::En] {
            staff.set_language(language);
            fake.says(StaffAnswer::NotHandedOver { why });
            staff.on_card(card("04b2")).await;
            let (_, text) = get(&router, &path).await;
            let said = words::not_handed_over(why, language);
            assert!(text.contains(&said.say) && text.contains(&said.advice), "{why:?}: {text}");
        }
    }
    for why in [NotDone::NotInCare, NotDone::NotTheirs] {
        fake.says(StaffAnswer::NotDone { why });
        staff.on_card(card("04b2")).await;
        let (_, text) = get(&router, &path).await;
        assert!(text.contains(&words::not_done(why, Language::En).say), "{why:?}: {text}");
    }
}

#[test]
fn every_alarm_and_lack_has_words_in_both_languages() {
    let (nursery, room) = (NurseryId(Uuid::from_u128(50)), LocalText::new("ひよこ組", "Chicks"));
    let lacks = [
        Lacking::Rules,
        Lacking::PlanStaff,
        Lacking::LiveStaff,
        Lacking::Qualified,
        Lacking::Kind("nurse".to_owned()),
        Lacking::Floor(room.clone()),
        Lacking::Group(room),
        Lacking::Places,
    ];
    let child = child(1);
    let mut alarms = vec![
        CareAlarm::Due { child },
        CareAlarm::Late { child },
        CareAlarm::Waiting { child },
        CareAlarm::NapCheck { child },
        CareAlarm::GuardianOut { child },
    ];
    for what in lacks {
        let (from, until, have, need) = (at("01:00"), at("02:00"), 1, 2);
        alarms.push(CareAlarm::ShortSoon { nursery, what: what.clone(), from, until, have, need });
        alarms.push(CareAlarm::Short { nursery, what, have, need });
    }
    let clock = |time: DateTime<Utc>| time.format("%H:%M").to_string();
    for alarm in alarms {
        for language in [Language::Ja, Language::En] {
            let said = words::alarm(&alarm, "Hana", language, &clock);
            let plain = said.advice.replace(['“', '”'], "");
            assert_eq!(plain.is_ascii(), language == Language::En, "{alarm:?}");
            assert!(!said.say.is_empty());
        }
    }
}
