//! Fifty families want desk and care in one booking, and two caregivers can look after one child more: one family gets
//! both, the others neither.

use std::fmt::Write as _;

use chrono::Days;
use model::id::ChildId;
use serde_json::{Value, json};
use tests::region::Database;

use crate::care::{PARENTS, twenty_five_children};
use crate::contest::{Ask, Contest, ROUNDS, told, winners};

/// Two caregivers look after three babies by the rules that the nursery is under; it has places for more.
const FIRST: usize = 2;

const ROOMS: &str = r#"
rule_sets = ["jp-company-led"]
admits = "both"

[[room]]
name = { ja = "ひよこ組", en = "Chicks" }
hundredths_m2 = 9000
from_years = 0
"#;

pub async fn contest(database: Database) {
    let mut contest = Contest::open(database).await;
    contest.let_in(&PARENTS).await;
    let mut children = Vec::new();
    for parent in PARENTS {
        children.push(twenty_five_children(&contest, parent).await);
    }
    staff(&contest);
    for round in 0..ROUNDS {
        last_child(&mut contest, round, &children).await;
    }
    contest.done("the last child of two caregivers").await;
}

/// Two caregivers at all hours of the days that are fought for.
fn staff(contest: &Contest) {
    let folder = contest.region.folder();
    let write = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text).unwrap();
        folder.join(name).display().to_string()
    };
    let first = contest.hour(3, 0).starts().with_timezone(&contest.centre.time_zone).date_naive();
    let mut shifts = "日付,氏名,資格,開始,終了,休憩\n".to_owned();
    for day in 0..4 {
        for caregiver in 1..=2 {
            let day = first + Days::new(day);
            writeln!(shifts, "{day},保育者{caregiver},nursery-teacher,0:00,24:00,").unwrap();
        }
    }
    let (rooms, shifts) = (write("rooms.toml", ROOMS), write("shifts.csv", &shifts));
    for arguments in [["staffing", &rooms], ["shifts", &shifts]] {
        let nursery = ["nursery", "--centre", "yokohama"];
        let told = contest.region.hub(&[&nursery[..], &arguments].concat());
        assert!(told.contains("jp-company-led") || told.contains("8 shifts"), "{told}");
    }
}

async fn last_child(contest: &mut Contest, round: i64, children: &[Vec<ChildId>]) {
    let hour = contest.hour(4, round);
    // Of the first parent's children two are there already.
    let order = |desks: u32, children: &[ChildId]| -> Value {
        json!({ "centre": "yokohama", "slots": [told(&hour)], "desks": desks, "children": children })
    };
    contest.book(PARENTS[0], &order(0, &children[0][..FIRST])).await;
    let rest = children[0][FIRST..].iter().map(|child| (PARENTS[0], *child));
    let others = children[1].iter().map(|child| (PARENTS[1], *child));
    // A child that is asked for twice at once is in nobody's way but its own.
    let again = children[1].iter().take(FIRST).map(|child| (PARENTS[1], *child));
    let asks = rest.chain(others).chain(again).enumerate();
    let asks: Vec<Ask> = asks
        .map(|(at, (who, child))| {
            // Half of them want a desk too: they get both or neither.
            Ask::of(who, "/api/v1/bookings", order(u32::from(at % 2 == 0), &[child]))
        })
        .collect();
    let before = contest.truth.desks_in(contest.centre.id.0, &hour).await;
    let answers = contest.race(asks).await;
    let won = winners(&answers, &["care-short", "child-elsewhere"]);
    assert_eq!(won.len(), 1, "{won:?}");
    let inside = contest.truth.children_in(contest.centre.id.0, &hour).await;
    assert_eq!(inside, i64::try_from(FIRST + 1).unwrap());
    let desks = contest.truth.desks_in(contest.centre.id.0, &hour).await;
    let with_desk = won[0].told["desks"].as_array().is_some_and(|desks| !desks.is_empty());
    assert_eq!(desks - before, i64::from(with_desk), "no desk without its care");
}
