//! Signing in with an employer's own provider, and how its admin sets that up.

use chrono::TimeDelta;
use model::audit::{AuditAction, AuditActor};
use model::id::{EmployerId, PersonId};
use model::language::{Language, LocalText};
use model::organisation::{MemberRole, RoleRule, domain_of, is_domain, roles, shows_second_factor};
use model::people::Grant;
use model::permission::{Action, Target};
use model::sign_in::{Means, Stage};
use serde_json::Value;
use store::{Employer, Identity, KeyOwner, ProviderTrip, SignInSettings, StoreError};

use super::provider::{self, Claims, Luggage, ProviderError};
use super::session::{self, Started};
use super::{Caller, Refused, allow, allow_or_hide, audit, members, secret, vault};
use crate::hub::Hub;

/// How long somebody may take at their provider.
const TRIP: TimeDelta = TimeDelta::minutes(10);
/// There are no more rules than this for one employer.
pub const MOST_RULES: usize = 20;
/// There are no more domains than this for one employer.
pub const MOST_DOMAINS: usize = 20;

/// How a sign-in began.
pub enum Begun {
    /// The browser is to go there.
    Away {
        /// The address.
        url: String,
        /// Whose provider it is.
        employer: LocalText,
    },
    /// Nobody speaks for this address.
    NoProvider,
    /// The provider does not answer.
    Unreachable,
}

/// How a sign-in ended.
pub enum Ended {
    /// They are who their employer says.
    Done {
        /// Their session.
        started: Started,
        /// The language they are answered in.
        language: Language,
        /// Where they were headed.
        next: String,
    },
    /// They are not signed in.
    Not(Why),
}

/// Why somebody is not signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It took too long, was done before, or began elsewhere.
    Over,
    /// The provider has not let them in.
    Declined,
    /// The provider does not answer.
    Unreachable,
    /// The provider's word does not hold.
    Untrusted,
    /// The provider tells no address of the employer's own domains.
    ForeignAddress,
    /// There is an account with this address, and it is not the employer's.
    NotMember,
    /// The employer gives them no role here.
    NoRole,
}

/// What a provider sent the browser back with.
#[derive(Clone, Debug, Default)]
pub struct Back {
    /// The trip.
    pub state: String,
    /// What a token can be had for.
    pub code: String,
    /// Who answers, where that is said.
    pub issuer: Option<String>,
}

/// Sends somebody to the provider that speaks for their address.
///
/// # Errors
/// [`Refused`] when the store, the random source or a seal fails.
pub async fn begin(hub: &Hub, caller: &Caller, email: &str, next: &str) -> Result<Begun, Refused> {
    allow(caller, Action::UseTheDoor, &Target::default())?;
    let email = email.trim();
    let Some(domain) = domain_of(email) else { return Ok(Begun::NoProvider) };
    let Some(employer) = hub.store.employer_of_domain(&domain).await? else {
        return Ok(Begun::NoProvider);
    };
    let Some(settings) = hub.store.sign_in_settings(employer).await? else {
        return Ok(Begun::NoProvider);
    };
    let state = secret::token(hub.random.as_ref())?;
    let luggage = Luggage {
        nonce: secret::token(hub.random.as_ref())?,
        verifier: secret::token(hub.random.as_ref())?,
        issuer: settings.issuer,
        client_id: settings.client_id,
        next: next.to_owned(),
    };
    let url = match provider::way_there(hub, &luggage, &state, email).await {
        Ok(url) => url,
        Err(error) => {
            tracing::warn!(%employer, %error, "a sign-in could not begin");
            return Ok(Begun::Unreachable);
        }
    };
    let now = hub.now();
    let state = secret::sha256(state.as_bytes());
    let trip = ProviderTrip {
        state,
        employer,
        browser: secret::sha256(caller.csrf.as_bytes()),
        sealed: hub.keys.seal(&luggage, &state, hub.random.as_ref())?,
        ends_at: now + TRIP,
    };
    hub.store.begin_trip(&trip, now).await?;
    let found = hub.store.employers().await?.into_iter().find(|known| known.id == employer);
    let employer = found.ok_or(Refused::Inner("a provider of no employer"))?.name;
    Ok(Begun::Away { url, employer })
}

/// Signs somebody in who comes back from their provider.
///
/// # Errors
/// [`Refused`] when the store, the random source or a seal fails.
pub async fn end(hub: &Hub, caller: &Caller, back: Back) -> Result<Ended, Refused> {
    allow(caller, Action::UseTheDoor, &Target::default())?;
    let state = secret::sha256(back.state.as_bytes());
    let browser = secret::sha256(caller.csrf.as_bytes());
    let Some(trip) = hub.store.end_trip(&state, &browser, hub.now()).await? else {
        return Ok(Ended::Not(Why::Over));
    };
    let luggage: Luggage = hub.keys.open(&trip.sealed, &state)?;
    let Some(settings) = hub.store.sign_in_settings(trip.employer).await? else {
        return Ok(Ended::Not(Why::Over));
    };
    if settings.issuer != luggage.issuer || settings.client_id != luggage.client_id {
        return Ok(Ended::Not(Why::Over));
    }
    if back.code.is_empty() {
        return Ok(Ended::Not(Why::Declined));
    }
    let client = open_secret(hub, &settings).await?;
    let issuer = back.issuer.as_deref();
    let claims = match provider::claims(hub, &settings, client, &luggage, &back.code, issuer).await
    {
        Ok(claims) => claims,
        Err(error) => {
            tracing::warn!(employer = %trip.employer, %error, "a sign-in was refused");
            return refuse(
                hub,
                trip.employer,
                match error {
                    ProviderError::Away(_) => Why::Unreachable,
                    ProviderError::Untrusted(_) => Why::Untrusted,
                },
            )
            .await;
        }
    };
    let person = match recognise(hub, caller, &settings, &claims).await? {
        Ok(person) => person,
        Err(why) => return refuse(hub, trip.employer, why).await,
    };
    let now = hub.now();
    let who = hub.store.person(person).await?.ok_or(Refused::Inner("a person is half there"))?;
    let here =
        |grant: &Grant| MemberRole::ALL.iter().any(|role| role.grant(trip.employer) == *grant);
    if !who.grants_at(now).any(|grant| here(&grant)) {
        return refuse(hub, trip.employer, Why::NoRole).await;
    }
    let two = settings.checks_second
        && shows_second_factor(&claims.all)
        && provider::second_factor_counts(who.grants_at(now), trip.employer);
    let stage = if two { Stage::Two } else { Stage::One };
    let started = session::start(hub, caller, person, stage, Means::Organisation).await?;
    let entry = audit::Entry::new(AuditAction::SignedIn).about(person);
    let entry = entry.note("employer", trip.employer.to_string());
    audit::record_as(hub, AuditActor::Person(person), entry).await?;
    Ok(Ended::Done { started, language: who.language, next: luggage.next })
}

async fn refuse(hub: &Hub, employer: EmployerId, why: Why) -> Result<Ended, Refused> {
    let entry = audit::Entry::new(AuditAction::SignInRefused);
    let entry = entry.note("employer", employer.to_string()).note("why", format!("{why:?}"));
    audit::record_as(hub, AuditActor::Nobody, entry).await?;
    Ok(Ended::Not(why))
}

/// Whose these claims are: somebody known by them, a member with the address, or somebody new. Their
/// roles are then as the claims say.
async fn recognise(
    hub: &Hub,
    caller: &Caller,
    settings: &SignInSettings,
    claims: &Claims,
) -> Result<Result<PersonId, Why>, Refused> {
    let employer = settings.employer;
    let given: Vec<MemberRole> = roles(&settings.rules, &claims.all).into_iter().collect();
    let identity =
        Identity { employer, issuer: settings.issuer.clone(), subject: claims.subject.clone() };
    let person = match hub.store.person_of_identity(&identity).await? {
        Some(person) => person,
        None => {
            let Some(email) = own_address(hub, settings, claims).await? else {
                return Ok(Err(Why::ForeignAddress));
            };
            let person = match hub.store.sign_in_record(&email).await? {
                Some(known) if is_member(hub, known.person, employer).await? => known.person,
                Some(_) => return Ok(Err(Why::NotMember)),
                None if given.is_empty() => return Ok(Err(Why::NoRole)),
                None => {
                    let name = claims.all.get("name").and_then(Value::as_str);
                    let name = name.filter(|name| members::is_name(name)).unwrap_or(&email);
                    members::create(hub, &email, name, caller.language).await?
                }
            };
            match hub.store.add_identity(&identity, person).await {
                // The address is somebody else's at the provider now.
                Err(StoreError::Duplicate(_)) => return Ok(Err(Why::NotMember)),
                done => done?,
            }
            person
        }
    };
    hub.store.set_claimed_roles(person, employer, &given, hub.now()).await?;
    members::settle(hub, person).await?;
    Ok(Ok(person))
}

async fn is_member(hub: &Hub, person: PersonId, employer: EmployerId) -> Result<bool, Refused> {
    let Some(person) = hub.store.person(person).await? else { return Ok(false) };
    let mut held = person.grants_at(hub.now());
    Ok(held.any(|grant| MemberRole::ALL.iter().any(|role| role.grant(employer) == grant)))
}

/// The address that the provider tells, if it may speak for it.
async fn own_address(
    hub: &Hub,
    settings: &SignInSettings,
    claims: &Claims,
) -> Result<Option<String>, Refused> {
    if claims.all.get("email_verified") == Some(&Value::Bool(false)) {
        return Ok(None);
    }
    let told = claims.all.get(&settings.email_claim).and_then(Value::as_str).unwrap_or_default();
    let email = told.trim().to_lowercase();
    let Some(domain) = domain_of(&email) else { return Ok(None) };
    let whose = hub.store.employer_of_domain(&domain).await?;
    Ok((whose == Some(settings.employer)).then_some(email))
}

/// An employer's provider as its admin sees it.
pub struct SetUp {
    /// The settings, if there are any.
    pub settings: Option<SignInSettings>,
    /// The domains that it may speak for.
    pub domains: Vec<String>,
}

/// New settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The provider's address.
    pub issuer: String,
    /// What it calls the hub.
    pub client_id: String,
    /// The client's secret; empty keeps the one that is there.
    pub secret: String,
    /// The claim that holds the address.
    pub email_claim: String,
    /// Which claims give which role.
    pub rules: Vec<RoleRule>,
    /// Whether the provider checks a second factor.
    pub checks_second: bool,
}

/// Why settings are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadWish {
    /// The provider's address is not one over TLS.
    #[error("the provider's address begins with https://")]
    Issuer,
    /// Nothing at that address says that it is a provider.
    #[error("there is no provider at that address")]
    NoProvider,
    /// The client is not named.
    #[error("the provider's client id is missing")]
    Client,
    /// The secret is missing.
    #[error("the client's secret is missing")]
    Secret,
    /// The claim is not named.
    #[error("a claim has a name of 1 to 100 characters")]
    Claim,
    /// A rule is half filled in, or there are too many.
    #[error("a rule has a claim and a value, and there are at most 20")]
    Rules,
}

/// How an employer's people sign in.
///
/// # Errors
/// [`Refused`] when the caller may not see it, or the store fails.
pub async fn set_up(hub: &Hub, caller: &Caller, id: EmployerId) -> Result<SetUp, Refused> {
    allow_or_hide(caller, Action::ManageMembers, &Target::of_employer(id))?;
    Ok(SetUp {
        settings: hub.store.sign_in_settings(id).await?,
        domains: hub.store.domains_of(id).await?,
    })
}

/// Keeps new settings.
///
/// # Errors
/// [`Refused`] when the caller may not, or the store, the random source or a seal fails.
pub async fn keep(
    hub: &Hub,
    caller: &Caller,
    id: EmployerId,
    wish: Wish,
) -> Result<Result<(), BadWish>, Refused> {
    allow_or_hide(caller, Action::ManageMembers, &Target::of_employer(id))?;
    let before = hub.store.sign_in_settings(id).await?;
    if let Err(bad) = check(&wish) {
        return Ok(Err(bad));
    }
    // A secret is the one provider's alone: it never goes to another.
    let kept = before.filter(|before| before.issuer == wish.issuer);
    let secret = match (wish.secret.is_empty(), kept) {
        (false, _) => {
            let key = vault::key_for(hub, KeyOwner::Hub).await?;
            key.seal(hub, &wish.secret, &place_of(id))?
        }
        (true, Some(before)) => before.secret,
        (true, None) => return Ok(Err(BadWish::Secret)),
    };
    if let Err(error) = provider::look(&wish.issuer).await {
        tracing::info!(employer = %id, %error, "settings were refused");
        return Ok(Err(BadWish::NoProvider));
    }
    let settings = SignInSettings {
        employer: id,
        issuer: wish.issuer,
        client_id: wish.client_id,
        secret,
        email_claim: wish.email_claim,
        rules: wish.rules,
        checks_second: wish.checks_second,
    };
    hub.store.set_sign_in_settings(&settings).await?;
    let entry = audit::Entry::new(AuditAction::SignInSettingsChanged);
    let entry = entry.note("employer", id.to_string()).note("issuer", settings.issuer);
    audit::record(hub, caller, entry).await?;
    Ok(Ok(()))
}

/// Goes without a provider from now on.
///
/// # Errors
/// [`Refused`] when the caller may not, or the store fails.
pub async fn forget(hub: &Hub, caller: &Caller, id: EmployerId) -> Result<(), Refused> {
    allow_or_hide(caller, Action::ManageMembers, &Target::of_employer(id))?;
    hub.store.drop_sign_in_settings(id).await?;
    let entry = audit::Entry::new(AuditAction::SignInSettingsChanged);
    let entry = entry.note("employer", id.to_string()).note("issuer", "none");
    audit::record(hub, caller, entry).await
}

/// Where a provider is to send people back to.
#[must_use]
pub fn way_back(hub: &Hub) -> String {
    hub.public_url.join(provider::BACK).map(String::from).unwrap_or_default()
}

/// Every employer, with the domains that its provider may speak for.
///
/// # Errors
/// [`Refused`] when the caller may not, or the store fails.
pub async fn domains(hub: &Hub, caller: &Caller) -> Result<Vec<(Employer, Vec<String>)>, Refused> {
    allow(caller, Action::ManagePeople, &Target::default())?;
    let mut all = Vec::new();
    for employer in hub.store.employers().await? {
        let domains = hub.store.domains_of(employer.id).await?;
        all.push((employer, domains));
    }
    Ok(all)
}

/// Says for which domains an employer's provider may speak. That is the region's to say: whoever
/// speaks for a domain decides who signs in with its addresses.
///
/// # Errors
/// [`Refused`] when the caller may not, or the store fails.
pub async fn set_domains(
    hub: &Hub,
    caller: &Caller,
    id: EmployerId,
    domains: &str,
) -> Result<Result<(), String>, Refused> {
    allow(caller, Action::ManagePeople, &Target::default())?;
    let mut named: Vec<String> = domains
        .split([',', ' ', '\n', '\r', '、', '　'])
        .map(|domain| domain.trim().trim_start_matches('@').to_lowercase())
        .filter(|domain| !domain.is_empty())
        .collect();
    named.sort();
    named.dedup();
    if let Some(bad) = named.iter().find(|domain| !is_domain(domain)) {
        return Ok(Err(bad.clone()));
    }
    if named.len() > MOST_DOMAINS {
        return Ok(Err(domains.to_owned()));
    }
    match hub.store.set_domains(id, &named).await {
        Err(StoreError::Duplicate(_)) => return Ok(Err(domains.to_owned())),
        done => done?,
    }
    let entry = audit::Entry::new(AuditAction::SignInSettingsChanged);
    let entry = entry.note("employer", id.to_string()).note("domains", named.join(" "));
    audit::record(hub, caller, entry).await?;
    Ok(Ok(()))
}

/// The secret is sealed with the hub's own key, so that it lives through a change of the ring's.
async fn open_secret(hub: &Hub, settings: &SignInSettings) -> Result<String, Refused> {
    let key = vault::key_for(hub, KeyOwner::Hub).await?;
    Ok(key.open(&settings.secret, &place_of(settings.employer))?)
}

fn place_of(id: EmployerId) -> Vec<u8> {
    format!("kyoten: client secret of {id}").into_bytes()
}

fn check(wish: &Wish) -> Result<(), BadWish> {
    let named = |text: &str, longest| (1..=longest).contains(&text.chars().count());
    if !named(&wish.issuer, 500) || !provider::is_safe(&wish.issuer) {
        return Err(BadWish::Issuer);
    }
    if !named(&wish.client_id, 500) {
        return Err(BadWish::Client);
    }
    if wish.secret.chars().count() > 1000 {
        return Err(BadWish::Secret);
    }
    if !named(&wish.email_claim, 100) {
        return Err(BadWish::Claim);
    }
    let bad = |rule: &RoleRule| !named(&rule.claim, 100) || !named(&rule.value, 200);
    if wish.rules.len() > MOST_RULES || wish.rules.iter().any(bad) {
        return Err(BadWish::Rules);
    }
    Ok(())
}
