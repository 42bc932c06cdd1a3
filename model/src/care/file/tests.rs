#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use chrono::TimeDelta;
use uuid::Uuid;

use super::*;
use crate::language::LocalText;

const ADULT: u32 = 18;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn today() -> NaiveDate {
    day("2026-12-01")
}

fn now() -> DateTime<Utc> {
    "2026-12-01T00:00:00Z".parse().unwrap()
}

fn person(number: u128) -> PersonId {
    PersonId(Uuid::from_u128(number))
}

fn collector(number: u128, name: &str) -> Collector {
    Collector {
        id: CollectorId(Uuid::from_u128(number)),
        name: name.to_owned(),
        relation: "祖母".to_owned(),
        telephone: "090-1234-5678".to_owned(),
        born: day("1960-05-10"),
        pin: None,
        account: None,
        named_by: person(1),
        until: None,
    }
}

fn bar(number: u128, name: &str, account: Option<PersonId>, by: BarredBy) -> Barred {
    let id = BarId(Uuid::from_u128(number));
    let reason = "裁判所の決定".to_owned();
    Barred { id, name: name.to_owned(), account, reason, by, since: now() }
}

const NURSERY: NurseryId = NurseryId(Uuid::from_u128(70));
const OTHER: NurseryId = NurseryId(Uuid::from_u128(71));

#[test]
fn a_bar_beats_every_list() {
    let (mother, father, aunt, stranger) = (person(1), person(2), person(3), person(4));
    let guardians = [mother, father];
    let own = Collector { account: Some(aunt), ..collector(8, "伊藤 恵") };
    let mut file = Collecting { collectors: vec![collector(7, "伊藤 花"), own], barred: vec![] };
    let may = |file: &Collecting, claimant| file.may_collect(claimant, &guardians, today(), ADULT);
    let account = |person, name| Claimant::Account { person, name };
    let named = |number| Claimant::Named(CollectorId(Uuid::from_u128(number)));
    let seen = Ok(CollectsAs::Named(CollectorId(Uuid::from_u128(8))));
    assert_eq!(may(&file, account(mother, "佐藤 美咲")), Ok(CollectsAs::Guardian(mother)));
    assert_eq!(may(&file, account(aunt, "")), seen);
    assert_eq!(may(&file, named(8)), seen);
    assert_eq!(may(&file, account(stranger, "伊藤 花")), Err(NotCollecting::Stranger));
    assert_eq!(may(&file, named(9)), Err(NotCollecting::Stranger));

    // By account: a guardian whom a court has shut out, and somebody who is on the list.
    file.barred = vec![bar(1, "佐藤 健", Some(father), BarredBy::Nursery(NURSERY))];
    assert_eq!(may(&file, account(father, "")), Err(NotCollecting::Barred));
    assert_eq!(may(&file, account(mother, "佐藤 美咲")), Ok(CollectsAs::Guardian(mother)));
    file.barred = vec![bar(1, "x", Some(aunt), BarredBy::Guardian(mother))];
    assert_eq!(may(&file, named(8)), Err(NotCollecting::Barred));
    // By name, however it is written.
    file.barred = vec![bar(1, "伊藤　花", None, BarredBy::Guardian(mother))];
    assert_eq!(may(&file, named(7)), Err(NotCollecting::Barred));
    assert_eq!(may(&file, account(stranger, "伊藤花")), Err(NotCollecting::Barred));
    assert_eq!(may(&file, account(mother, "伊藤 花")), Err(NotCollecting::Barred));
}

#[test]
fn whoever_is_named_is_of_age_and_in_time() {
    let guardians = [person(1)];
    let named = Claimant::Named(CollectorId(Uuid::from_u128(7)));
    let ask = |collector: Collector, from_years| {
        let file = Collecting { collectors: vec![collector], barred: vec![] };
        file.may_collect(named, &guardians, today(), from_years).err()
    };
    let born = |text| Collector { born: day(text), ..collector(7, "兄") };
    // A year of age is reached the day before the birthday.
    assert_eq!(ask(born("2008-12-02"), ADULT), None);
    assert_eq!(ask(born("2008-12-03"), ADULT), Some(NotCollecting::UnderAge));
    assert_eq!(ask(born("2008-12-03"), 16), None);
    let until = |text| Collector { until: Some(day(text)), ..collector(7, "伊藤 花") };
    assert_eq!(ask(until("2026-12-01"), ADULT), None);
    assert_eq!(ask(until("2026-11-30"), ADULT), Some(NotCollecting::Over));
    // A guardian is one at any age.
    let young = Collector { account: Some(person(1)), ..born("2015-01-01") };
    assert_eq!(ask(young, ADULT), None);
}

#[test]
fn a_list_takes_what_people_write_and_no_more() {
    let mut file = Collecting::default();
    let mut name = |collector: Collector| file.name(collector, ADULT, today()).err();
    let one = |change: fn(&mut Collector)| {
        let mut collector = collector(1, " 伊藤 花 ");
        change(&mut collector);
        collector
    };
    assert_eq!(name(one(|c| c.name.clear())), Some(BadEntry::Name));
    assert_eq!(name(one(|c| c.name = "花".repeat(61))), Some(BadEntry::Name));
    assert_eq!(name(one(|c| c.name = "花\u{7}".to_owned())), Some(BadEntry::Name));
    assert_eq!(name(one(|c| c.relation = " ".to_owned())), Some(BadEntry::Relation));
    assert_eq!(name(one(|c| c.telephone = "電話".to_owned())), Some(BadEntry::Telephone));
    assert_eq!(name(one(|c| c.born = day("2026-12-02"))), Some(BadEntry::Born));
    assert_eq!(name(one(|c| c.born = day("1905-01-01"))), Some(BadEntry::Born));
    assert_eq!(name(one(|c| c.born = day("2010-01-01"))), Some(BadEntry::UnderAge));
    assert_eq!(name(one(|c| c.until = Some(day("2026-11-30")))), Some(BadEntry::Over));
    assert_eq!(name(one(|_| ())), None);
    assert_eq!(name(one(|c| c.name = "伊藤花".to_owned())), Some(BadEntry::Twice));
    for number in 2..=MOST_NAMED {
        assert_eq!(name(collector(number as u128, &format!("祖母{number}"))), None);
    }
    assert_eq!(name(collector(99, "もう一人")), Some(BadEntry::TooMany));
    assert_eq!(file.collectors[0].name, "伊藤 花");
    assert_eq!(file.unname(CollectorId(Uuid::from_u128(1))), Ok(()));
    assert_eq!(file.unname(CollectorId(Uuid::from_u128(1))), Err(BadEntry::None));
}

#[test]
fn only_a_nursery_bars_a_guardian_and_lifts_it() {
    let (mother, father) = (person(1), person(2));
    let guardians = [(mother, "佐藤 美咲".to_owned()), (father, "佐藤 健".to_owned())];
    let (by_her, by_it) = (BarredBy::Guardian(mother), BarredBy::Nursery(NURSERY));
    let his = Collector { named_by: father, ..collector(9, "彼の友人") };
    let collectors = vec![collector(7, "伊藤 花"), collector(8, "伊藤 恵"), his];
    let mut file = Collecting { collectors, barred: vec![] };
    let put = |file: &mut Collecting, bar| file.bar(bar, &guardians).err();
    // Neither by account nor by name does one guardian shut out another.
    assert_eq!(put(&mut file, bar(1, "x", Some(father), by_her)), Some(BadEntry::Guardian));
    assert_eq!(put(&mut file, bar(1, "佐藤　健", None, by_her)), Some(BadEntry::Guardian));
    assert_eq!(put(&mut file, bar(1, "佐藤健", None, by_it)), Some(BadEntry::ChooseGuardian));
    assert_eq!(put(&mut file, bar(1, "x", Some(person(5)), by_it)), Some(BadEntry::None));
    // By account, the name is the account's; whom he has named goes with him.
    assert_eq!(put(&mut file, bar(1, "佐藤 美咲", Some(father), by_it)), None);
    assert_eq!(file.barred[0].name, "佐藤 健");
    let names = |file: &Collecting| -> Vec<String> {
        file.collectors.iter().map(|one| one.name.clone()).collect()
    };
    assert_eq!(names(&file), ["伊藤 花", "伊藤 恵"]);
    assert_eq!(put(&mut file, bar(2, "", Some(father), by_it)), Some(BadEntry::Twice));
    assert_eq!(put(&mut file, bar(2, "", None, by_her)), Some(BadEntry::Name));
    let mut silent = bar(2, "伊藤 花", None, by_her);
    silent.reason = "\n".to_owned();
    assert_eq!(put(&mut file, silent), Some(BadEntry::Reason));
    assert_eq!(put(&mut file, bar(2, "伊藤花", None, by_her)), None);
    assert_eq!(names(&file), ["伊藤 恵"]);
    let again = file.name(collector(8, "伊藤花"), ADULT, today());
    assert_eq!(again, Err(BadEntry::Barred));
    // The nursery's takes the place of what guardians could lift.
    assert_eq!(put(&mut file, bar(6, "伊藤 花", None, by_it)), None);
    assert_eq!(put(&mut file, bar(7, "伊藤 花", None, by_her)), Some(BadEntry::Twice));
    assert_eq!(file.barred.iter().map(|one| one.id.0.as_u128()).collect::<Vec<_>>(), [1, 6]);
    assert_eq!(file.lift(BarId(Uuid::from_u128(6)), by_it), Ok(()));
    assert_eq!(put(&mut file, bar(2, "伊藤花", None, by_her)), None);
    let lift = |file: &mut Collecting, number, by| file.lift(BarId(Uuid::from_u128(number)), by);
    assert_eq!(lift(&mut file, 1, by_her), Err(BadEntry::NotYours));
    assert_eq!(lift(&mut file, 1, BarredBy::Nursery(OTHER)), Err(BadEntry::NotYours));
    assert_eq!(lift(&mut file, 2, by_it), Err(BadEntry::NotYours));
    assert_eq!(lift(&mut file, 3, by_it), Err(BadEntry::None));
    assert_eq!(lift(&mut file, 2, BarredBy::Guardian(father)), Ok(()));
    assert_eq!(lift(&mut file, 1, by_it), Ok(()));
    assert!(file.barred.is_empty());
    for number in 0..MOST_NAMED {
        assert_eq!(put(&mut file, bar(number as u128, &number.to_string(), None, by_her)), None);
    }
    assert_eq!(put(&mut file, bar(99, "x", None, by_her)), Some(BadEntry::TooMany));
    assert_eq!(put(&mut file, bar(99, "x", None, by_it)), None, "the nursery's are counted apart");
}

#[test]
fn a_document_counts_until_it_has_to_be_shown_again() {
    let needed = |code: &str, months| NeededDocument {
        code: code.to_owned(),
        name: LocalText::new("書類", "Document"),
        months,
    };
    let (allergy, insurance) = (needed("allergy-form", Some(12)), needed("insurance", None));
    let documents = vec![allergy.clone(), insurance.clone()];
    let terms = Terms { documents, ..Terms::default() };
    let mut file = CareFile::default();
    let see = |file: &mut CareFile, nursery, needed: &NeededDocument, until, on| {
        file.see_document(nursery, needed, until, on, person(9))
    };
    let missing = |file: &CareFile, on: &str| -> Vec<String> {
        let missing = file.missing(NURSERY, &terms, day(on));
        missing.into_iter().map(|needed| needed.code.clone()).collect()
    };
    assert!(file.missing(NURSERY, &Terms::default(), today()).is_empty());
    see(&mut file, OTHER, &insurance, None, today()).unwrap();
    assert_eq!(missing(&file, "2026-12-08"), ["allergy-form", "insurance"]);
    see(&mut file, NURSERY, &insurance, None, today()).unwrap();
    see(&mut file, NURSERY, &allergy, None, today()).unwrap();
    assert_eq!(missing(&file, "2027-12-01"), [""; 0]);
    assert_eq!(missing(&file, "2027-12-02"), ["allergy-form"]);
    see(&mut file, NURSERY, &allergy, None, day("2027-12-02")).unwrap();
    assert_eq!((missing(&file, "2028-12-02").len(), file.documents.len()), (0, 3));
    // The day that stands on it counts more than how long the nursery takes one.
    let early = Some(day("2027-12-31"));
    see(&mut file, NURSERY, &allergy, early, day("2027-12-02")).unwrap();
    assert_eq!(missing(&file, "2028-01-01"), ["allergy-form"]);
    let over = see(&mut file, NURSERY, &allergy, early, day("2028-01-01"));
    assert_eq!(over, Err(BadEntry::Over));
}

#[test]
fn an_interview_comes_before_the_first_day() {
    let starts = now() + TimeDelta::days(7);
    let hour = TimeDelta::hours(1);
    let fixed = |on| Interview::fixed(on, now());
    assert_eq!(fixed(now()), Err(BadEntry::Time));
    assert_eq!(fixed(now() + TimeDelta::days(367)), Err(BadEntry::Time));
    assert_eq!(fixed(starts).map(|one| one.is_before(starts, now())), Ok(false));
    let before = fixed(starts - hour).unwrap();
    assert!(before.is_before(starts, now()));
    // Nobody has noted it: it was not held.
    assert!(before.is_before(starts + hour * 48, starts + hour * 22));
    assert!(!before.is_before(starts + hour * 48, starts + hour * 23));
    assert_eq!(fixed(starts).map(Interview::fixed_for), Ok(Some(starts)));
    assert!(!Interview::Asked { at: now() }.is_before(starts, now()));
    assert!(Interview::Held { on: today(), by: person(9) }.is_before(starts, now()));
}

#[test]
fn names_are_compared_as_people_read_them() {
    for (one, other, same) in [
        ("山田 太郎", "山田　太郎", true),
        ("ヤマダ タロウ", "ﾔﾏﾀﾞﾀﾛｳ", true),
        ("Ｙａｍａｄａ", "yamada", true),
        ("山田 太郎", "山田 次郎", false),
    ] {
        assert_eq!(same_name(one, other), same, "{one} {other}");
    }
}
