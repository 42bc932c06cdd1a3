//! What is asked about: things of two places and several people, and things that are not there.

use hub::routes::{About, Route};
use model::centre::Centre;
use model::id::{BookingId, ChildId, CredentialId, EmployerId, NurseryId, PersonId};
use model::people::Person;
use model::permission::Target;
use uuid::Uuid;

use crate::world::{Master, Who};

/// Nothing has this id.
const NO_ID: Uuid = Uuid::from_u128(0x0190_b1d2_0000_7000_8000_0000_0000_00aa);

/// One thing, as a request names it and as the table of rights is asked about it.
#[derive(Clone, Debug, Default)]
pub struct Thing {
    /// What it is, for people.
    pub label: String,
    /// What stands for the names in braces of an address.
    pub names: Vec<(&'static str, String)>,
    /// Of whom and where it is; none for what is not there.
    pub target: Option<Target>,
    /// Further targets, where one among several is enough.
    pub or: Vec<Target>,
}

impl Thing {
    fn there(label: &str, name: &'static str, value: impl ToString, target: Target) -> Self {
        let names = vec![(name, value.to_string())];
        Self { label: label.to_owned(), names, target: Some(target), or: Vec::new() }
    }

    fn absent(name: &'static str, value: impl ToString) -> Self {
        let names = vec![(name, value.to_string())];
        Self { label: "an absent one".to_owned(), names, target: None, or: Vec::new() }
    }

    fn with_names(mut self, names: &[(&'static str, String)]) -> Self {
        self.names.extend_from_slice(names);
        self
    }

    /// Every target of it.
    pub fn targets(&self) -> impl Iterator<Item = Target> {
        self.target.iter().chain(&self.or).copied()
    }

    /// What stands for `name` in the address.
    pub fn named(&self, name: &str) -> Option<&str> {
        self.names.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
    }
}

/// The things for one route.
pub struct Things;

impl Things {
    /// What `who` is to ask `route` about.
    pub fn of(master: &Master, route: &Route, who: &Who) -> Vec<Thing> {
        let own = who.person().map_or_else(Target::default, |person| Target::of(person.id));
        match route.about {
            About::Nothing => {
                let asset = hub::web::assets::ASSETS.css.path.trim_start_matches("/assets/");
                vec![Thing::there("nothing in particular", "name", asset, Target::default())]
            }
            About::Caller => vec![Thing::there("the caller", "", "", own)],
            About::CallerAtCentre => {
                let at = |centre: &Centre| {
                    let target = Target { municipality: Some(centre.municipality), ..own };
                    Thing::there(centre.slug.as_str(), "centre", &centre.slug, target)
                };
                let absent = Thing::absent("centre", "nowhere");
                master.centres().iter().map(at).chain([absent]).collect()
            }
            About::Theirs => {
                let targets = master.places();
                let nurseries = master.nurseries.iter().map(|(_, target)| *target);
                let or = targets.iter().copied().chain(nurseries).collect();
                vec![Thing { or, ..Thing::there("all of theirs", "", "", targets[0]) }]
            }
            About::Booking => {
                let there = |(label, booking, target): &(String, BookingId, Target)| {
                    Thing::there(&format!("the booking of {label}"), "id", booking, *target)
                };
                master.bookings.iter().map(there).chain([Thing::absent("id", NO_ID)]).collect()
            }
            About::Entry => one_of("the entry", &master.entries),
            About::Closure => {
                let slugs = master.centres().iter().map(|centre| centre.slug.to_string());
                let there = master.closures.iter().map(|(centre, id)| {
                    let label = format!("a closure of {}", centre.slug);
                    let mut thing = Thing::there(&label, "id", id, Target::at(centre.id));
                    thing.names.push(("slug", centre.slug.to_string()));
                    thing
                });
                let absent = slugs.chain(["nowhere".to_owned()]).map(|slug| {
                    let mut thing = Thing::absent("id", NO_ID);
                    thing.names.push(("slug", slug));
                    thing
                });
                there.chain(absent).collect()
            }
            About::Quota => one_of("a quota", &master.quotas),
            About::Session => one_of("the session", &master.sessions),
            About::Passkey => one_of("the passkey", &master.passkeys),
            About::CalendarFeed => {
                let file = format!("{}.ics", master.calendar);
                let there = Thing::there("a calendar", "token", file, Target::default());
                let absent = format!("{}.ics", "a".repeat(43));
                vec![there, Thing::absent("token", absent)]
            }
            About::Child => {
                let there =
                    |(label, child, target, or): &(String, ChildId, Target, Vec<Target>)| {
                        let or = or.clone();
                        Thing {
                            or,
                            ..Thing::there(&format!("a child of {label}"), "id", child, *target)
                        }
                    };
                let things = master.children.iter().map(there);
                let things = things.chain([Thing::absent("id", NO_ID)]);
                // Its file names one of each, whatever child it is.
                things.map(|thing| thing.with_names(&master.in_files)).collect()
            }
            About::Nursery => {
                let there = |(id, target): &(NurseryId, Target)| {
                    Thing::there("a nursery", "id", id, *target)
                };
                master.nurseries.iter().map(there).chain([Thing::absent("id", NO_ID)]).collect()
            }
            About::Centre => {
                let there = |centre: &Centre| {
                    let target = Target::at(centre.id);
                    Thing::there(centre.slug.as_str(), "slug", &centre.slug, target)
                };
                let absent = Thing::absent("slug", "nowhere");
                master.centres().iter().map(there).chain([absent]).collect()
            }
            About::CentreOrder => {
                let there = master.orders.iter().map(|(centre, id)| {
                    let label = format!("an order to {}", centre.slug);
                    let thing = Thing::there(&label, "id", id, Target::at(centre.id));
                    thing.with_names(&[("slug", centre.slug.to_string())])
                });
                // One of another centre's is none of this one's.
                let elsewhere = master.orders.iter().zip(master.centres().iter().rev());
                let elsewhere = elsewhere.map(|((_, id), centre)| {
                    Thing::absent("id", id).with_names(&[("slug", centre.slug.to_string())])
                });
                let nowhere =
                    Thing::absent("id", NO_ID).with_names(&[("slug", "nowhere".to_owned())]);
                there.chain(elsewhere).chain([nowhere]).collect()
            }
            About::SiteOrder => {
                let own = who.centre();
                let mut things = vec![Thing::absent("id", NO_ID)];
                for (centre, id) in &master.orders {
                    things.push(if own == Some(centre.id) {
                        Thing::there("an order to the own site", "id", id, Target::at(centre.id))
                    } else {
                        Thing::absent("id", id)
                    });
                }
                things
            }
            About::CentreDevice => {
                let named = |slug: &str, device: &str| {
                    vec![("slug", slug.to_owned()), ("device", device.to_owned())]
                };
                let mut things = Vec::new();
                for centre in master.centres() {
                    let (slug, target) = (centre.slug.as_str(), Target::at(centre.id));
                    let edge = format!("{slug}-edge");
                    things.push(Thing {
                        label: format!("a device of {slug}"),
                        names: named(slug, &edge),
                        target: Some(target),
                        or: Vec::new(),
                    });
                }
                let [here, there] = [&master.centres()[0], &master.centres()[1]];
                let elsewhere = format!("{}-edge", there.slug);
                for names in [
                    named(here.slug.as_str(), &elsewhere),
                    named(here.slug.as_str(), "nothing"),
                    named("nowhere", &elsewhere),
                ] {
                    let label = "an absent one".to_owned();
                    things.push(Thing { label, names, target: None, or: Vec::new() });
                }
                things
            }
            About::Card => {
                let there =
                    |(label, card, person, _): &(String, CredentialId, PersonId, Centre)| {
                        Thing::there(
                            &format!("the card of {label}"),
                            "id",
                            card,
                            Target::of(*person),
                        )
                    };
                master.cards.iter().map(there).chain([Thing::absent("id", NO_ID)]).collect()
            }
            About::GuestsCard => {
                let there =
                    |(label, card, _, centre): &(String, CredentialId, PersonId, Centre)| {
                        let label = format!("the card of {label} at {}", centre.slug);
                        let mut thing = Thing::there(&label, "id", card, Target::at(centre.id));
                        thing.names.push(("slug", centre.slug.to_string()));
                        thing
                    };
                let absent = |slug: String| {
                    let mut thing = Thing::absent("id", NO_ID);
                    thing.names.push(("slug", slug));
                    thing
                };
                let nowhere = absent("nowhere".to_owned());
                let none = master.centres().iter().map(|centre| absent(centre.slug.to_string()));
                master.cards.iter().map(there).chain(none).chain([nowhere]).collect()
            }
            About::Employer => {
                let there = |(label, id): &(&str, EmployerId)| {
                    let (label, target) =
                        (format!("the employer {label}"), Target::of_employer(*id));
                    let mut thing = Thing::there(&label, "id", id, target);
                    thing.names.push(("person", master.member(*id).to_string()));
                    thing
                };
                master.employers().iter().map(there).chain([Thing::absent("id", NO_ID)]).collect()
            }
            About::OwnEmployer => {
                let targets: Vec<_> =
                    master.employers().iter().map(|(_, id)| Target::of_employer(*id)).collect();
                let or = targets.clone();
                vec![Thing { or, ..Thing::there("the own employer", "", "", targets[0]) }]
            }
            About::Member => {
                let there = |(label, id): &(&str, EmployerId)| {
                    let label = format!("a member of {label}");
                    Thing::there(&label, "id", master.member(*id), Target::of_employer(*id))
                };
                master.employers().iter().map(there).chain([Thing::absent("id", NO_ID)]).collect()
            }
            About::Person => {
                let there = |person: &Person| {
                    Thing::there(&person.email, "id", person.id, Target::of(person.id))
                };
                master
                    .people
                    .iter()
                    .take(2)
                    .map(there)
                    .chain([Thing::absent("id", NO_ID)])
                    .collect()
            }
            About::Municipality => {
                let there = |centre: &Centre| {
                    let target = Target::in_municipality(centre.municipality);
                    Thing::there(
                        &format!("the town of {}", centre.slug),
                        "id",
                        centre.municipality,
                        target,
                    )
                };
                master.centres().iter().map(there).chain([Thing::absent("id", NO_ID)]).collect()
            }
            About::Site => {
                let site = who.centre().map_or_else(Target::default, Target::at);
                let [here, there] = &master.sections;
                let own = if who.centre() == Some(master.centres()[1].id) { there } else { here };
                let mut things = vec![Thing::there("the own site", "sha256", own, site)];
                if route.path.contains('{') {
                    let others = if own == here { there } else { here };
                    things.push(Thing {
                        label: "another site".to_owned(),
                        ..Thing::absent("sha256", others)
                    });
                    things.push(Thing::absent("sha256", "00".repeat(32)));
                }
                things
            }
            About::Device => vec![Thing::there("the device itself", "", "", Target::itself())],
        }
    }
}

/// Those of several people, and one that is not there.
fn one_of(what: &str, all: &[(String, Uuid, Target)]) -> Vec<Thing> {
    let there = |(whose, id, target): &(String, Uuid, Target)| {
        Thing::there(&format!("{what} of {whose}"), "id", id, *target)
    };
    all.iter().map(there).chain([Thing::absent("id", NO_ID)]).collect()
}
