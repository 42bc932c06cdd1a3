//! Every route, asked by every role about their own things, others' and absent ones. What must
//! come back is computed from `model::permission::may`, not written down here.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod asking;
mod things;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use asking::{Answered, ask};
use hub::hub::Hub;
use hub::routes::{About, Route};
use hub::web::{Web, WebSettings};
use model::permission::{Role, Target, may};
use things::{Thing, Things};
use world::{Master, Who};

/// On which of the hub's two ports a route is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// For people and their programs.
    People,
    /// For devices.
    Sites,
}

/// Every route that there is.
fn every_route(hub: &Hub) -> Vec<(Port, Route)> {
    let web = Web::new(hub.clone(), WebSettings::default());
    let people = hub::router::routes(&web).split().0;
    let health = hub::health::routes().split().0;
    let sites = hub::uplink::routes().split().0;
    let on = |port| move |route| (port, route);
    people
        .into_iter()
        .chain(health)
        .map(on(Port::People))
        .chain(sites.into_iter().map(on(Port::Sites)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_answers_every_role_as_the_table_says() {
    let master = Master::new().await;
    let routes = every_route(&master.hub);
    assert!(routes.len() > 30, "the list of routes is {} long", routes.len());
    let mut tried = 0;
    let mut roles = BTreeSet::new();
    let mut kinds = BTreeSet::new();
    let mut wrong = Vec::new();
    for who in master.everybody() {
        roles.extend(who.roles(&master).into_iter().map(|role| format!("{role:?}")));
        let mut world = master.copy().await;
        for (port, route) in &routes {
            let things = Things::of(&master, route, &who);
            let mut hidden: BTreeMap<bool, Vec<String>> = BTreeMap::new();
            for thing in &things {
                tried += 1;
                kinds.insert(thing.label.clone());
                let answer = ask(&mut world, *port, route, &who, thing).await;
                if let Err(why) = judge(*port, route, &who, thing, &answer) {
                    let (method, path) = (&route.method, &route.path);
                    wrong.push(format!(
                        "{method} {path} by {}, {}: {why}",
                        who.name(),
                        thing.label
                    ));
                } else if answer.verdict.is_no() && !who.would_reach(route, thing) {
                    hidden.entry(thing.target.is_some()).or_default().push(answer.said.clone());
                }
                if answer.changed {
                    world = master.copy().await;
                }
            }
            // Another's must look like none at all, except to those who lack only a second factor.
            let (others, absent) = (hidden.remove(&true), hidden.remove(&false));
            if hides(route.about)
                && let (Some(others), Some(absent)) = (others, absent)
                && others.iter().any(|other| other != &absent[0])
            {
                let (method, path) = (&route.method, &route.path);
                let who = who.name();
                wrong.push(format!("{method} {path} by {who}: another's is told from none"));
            }
        }
    }
    // Not captured: whoever runs the tests sees how far the walk went.
    writeln!(
        std::io::stderr(),
        "the walk: {} routes x {} callers of {} roles x {} things: {tried} requests, {} wrong answers",
        routes.len(),
        master.everybody().len(),
        roles.len(),
        kinds.len(),
        wrong.len()
    )
    .unwrap();
    assert!(wrong.is_empty(), "{} wrong answers:\n{}", wrong.len(), wrong.join("\n"));
    // The clockwork calls no route; its jobs ask the table by themselves.
    let missing: Vec<Role> = Role::ALL
        .into_iter()
        .filter(|role| *role != Role::Clockwork && !roles.contains(&format!("{role:?}")))
        .collect();
    assert!(missing.is_empty(), "nobody walked as {missing:?}");
}

/// Whether those who may not see such a thing must not even learn that it is there.
fn hides(about: About) -> bool {
    matches!(about, About::Booking | About::Session | About::Passkey | About::Card | About::Child)
}

/// Compares an answer with what the table says.
fn judge(
    port: Port,
    route: &Route,
    who: &Who,
    thing: &Thing,
    answer: &Answered,
) -> Result<(), String> {
    use asking::Verdict::*;
    let actor = who.actor_on(port);
    let allowed = |thing: &Thing| thing.targets().any(|target| may(&actor, route.action, &target));
    let wanted: &[asking::Verdict] = if thing.target.is_some() && allowed(thing) {
        &[LetIn]
    } else if !who.is_somebody_on(port) && !may(&actor, route.action, &Target::default()) {
        &[SignInFirst]
    } else {
        &[Forbidden, NotFound]
    };
    if wanted.contains(&answer.verdict) {
        Ok(())
    } else {
        Err(format!("{:?} and not {wanted:?}", answer.verdict))
    }
}
