//! Care: fifty children want the few places of a nursery, and one child is wanted in two nurseries.

use futures::future::join_all;
use model::clock::{Clock as _, SystemClock};
use model::consent::Purpose;
use model::id::{ChildId, ConsentId};
use model::interval::Interval;
use serde_json::{Value, json};
use store::{Consent, SealedChild};
use tests::region::Database;
use uuid::Uuid;

use crate::contest::{Ask, Contest, RIVALS, ROUNDS, told, winners};

/// Each has a household of their own.
pub const PARENTS: [&str; 2] = ["takahashi", "ito"];

pub async fn contest(database: Database) {
    let mut contest = Contest::open(database).await;
    contest.let_in(&PARENTS).await;
    let mut children = Vec::new();
    for parent in PARENTS {
        children.push(twenty_five_children(&contest, parent).await);
    }
    for round in 0..ROUNDS {
        few_places(&mut contest, round, &children).await;
    }
    let child = children[0][0];
    for slot in hours_of_both(&contest).await {
        two_nurseries(&mut contest, slot, child).await;
    }
    contest.done("care places").await;
}

async fn few_places(contest: &mut Contest, round: i64, children: &[Vec<ChildId>]) {
    let hour = contest.hour(4, round);
    let asks = children[0]
        .iter()
        .zip(&children[1])
        .flat_map(|(one, other)| [(PARENTS[0], *one), (PARENTS[1], *other)])
        .map(|(who, child)| Ask::of(who, "/api/v1/bookings", care("yokohama", &hour, child)))
        .collect();
    let answers = contest.race(asks).await;
    let nurseries = contest.region.store.nurseries().await.unwrap();
    let places = nurseries.iter().find(|one| one.centre == contest.centre.id).unwrap().places;
    assert_eq!(winners(&answers, &["no-care-place"]).len(), usize::try_from(places).unwrap());
    let inside = contest.truth.children_in(contest.centre.id.0, &hour).await;
    assert_eq!(inside, i64::from(places));
}

async fn two_nurseries(contest: &mut Contest, slot: Interval, child: ChildId) {
    let asks = (0..RIVALS)
        .map(|nth| {
            let centre = if nth % 2 == 0 { "yokohama" } else { "tsurugashima" };
            Ask::of(PARENTS[0], "/api/v1/bookings", care(centre, &slot, child))
        })
        .collect();
    let answers = contest.race(asks).await;
    assert_eq!(winners(&answers, &["child-elsewhere"]).len(), 1);
}

/// Hours of the coming weeks at which both centres are open.
pub async fn hours_of_both(contest: &Contest) -> Vec<Interval> {
    let centres = contest.region.store.centres().await.unwrap();
    let other = centres.iter().find(|centre| centre.slug.as_str() == "tsurugashima").unwrap();
    let hours = (6..50).flat_map(|day| (0..24).map(move |hour| (day, hour)));
    hours
        .map(|(day, hour)| contest.hour(day, hour))
        .filter(|slot| other.opening.covers(slot, other.time_zone))
        .take(usize::try_from(ROUNDS).unwrap())
        .collect()
}

/// More children of somebody's; what is known of them stays sealed.
pub async fn twenty_five_children(contest: &Contest, parent: &str) -> Vec<ChildId> {
    let store = &contest.region.store;
    let parent = contest.person(parent).await;
    let household = store.households_of(parent).await.unwrap()[0];
    let children: Vec<ChildId> = (0..RIVALS / 2).map(|_| ChildId(Uuid::new_v4())).collect();
    let added = children.iter().map(|child| async move {
        let sealed = SealedChild { id: *child, household, sealed: vec![7; 40] };
        store.add_child(&sealed).await.unwrap();
        let consent = Consent {
            id: ConsentId(Uuid::new_v4()),
            child: *child,
            purpose: Purpose::Care,
            wording: Purpose::Care.wording().version.to_owned(),
            given_by: parent,
            given_at: SystemClock.now(),
            withdrawn_at: None,
        };
        assert!(store.give_consent(&consent).await.unwrap());
    });
    join_all(added).await;
    children
}

/// Care alone, for one child.
pub fn care(centre: &str, slot: &Interval, child: ChildId) -> Value {
    json!({ "centre": centre, "slots": [told(slot)], "desks": 0, "children": [child] })
}
