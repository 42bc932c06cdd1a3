//! An employer's OpenID provider, spoken to: discovery, the way there, and what comes back (code
//! flow with PKCE).

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use model::organisation::MemberRole;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClient,
    CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm, CoreResponseMode, CoreResponseType,
    CoreSubjectIdentifierType,
};
use openidconnect::http;
use openidconnect::{
    AdditionalProviderMetadata, AuthType, AuthorizationCode, ClientId, ClientSecret, CsrfToken,
    IssuerUrl, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier,
    ProviderMetadata, RedirectUrl, Scope, TokenResponse as _,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::SignInSettings;

use crate::hub::Hub;

/// Where a provider sends people back to.
pub const BACK: &str = "/sign-in/organisation/back";
/// A provider's answer is no longer, in bytes.
const LONGEST_ANSWER: usize = 1024 * 1024;
/// A provider that says nothing for so long is not there.
const PATIENCE: Duration = Duration::from_secs(10);
/// A provider's clock may be wrong by so much.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(1);
/// Only keys that the provider alone holds sign for it: no shared secrets, and never nothing.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// Why a provider has not said who somebody is. Goes to the log; whoever signs in hears less.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// It does not answer, or with nothing that can be read.
    #[error("the provider cannot be reached: {0}")]
    Away(String),
    /// What it said does not hold.
    #[error("the provider's word does not hold: {0}")]
    Untrusted(String),
}

/// What a sign-in needs when it comes back from the provider.
#[derive(Clone, Serialize, Deserialize)]
pub struct Luggage {
    /// Stands in the token that answers this very sign-in.
    pub nonce: String,
    /// Proves that whoever asks for the token began the sign-in.
    pub verifier: String,
    /// The provider that it was sent to.
    pub issuer: String,
    /// What the provider knows the hub by.
    pub client_id: String,
    /// Where the person was headed.
    pub next: String,
}

/// What a provider has said of somebody.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims {
    /// What it calls them, for ever.
    pub subject: String,
    /// Everything.
    pub all: Map<String, Value>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct More {
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for More {}

type Metadata = ProviderMetadata<
    More,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// Whether an address is one that a provider may have: over TLS, or on this very machine.
#[must_use]
pub fn is_safe(address: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(address) else { return false };
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let loopback = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    plain && (url.scheme() == "https" || (url.scheme() == "http" && loopback))
}

/// Asks whether a provider is there and what it says it is.
///
/// # Errors
/// [`ProviderError`] when it is not.
pub async fn look(issuer: &str) -> Result<(), ProviderError> {
    discover(issuer).await.map(drop)
}

/// Where to send the browser, so that it comes back with `state`.
///
/// # Errors
/// [`ProviderError`] when the provider cannot be reached.
pub async fn way_there(
    hub: &Hub,
    luggage: &Luggage,
    state: &str,
    email: &str,
) -> Result<String, ProviderError> {
    let metadata = discover(&luggage.issuer).await?;
    let client = CoreClient::from_provider_metadata(
        metadata,
        ClientId::new(luggage.client_id.clone()),
        None,
    )
    .set_redirect_uri(way_back(hub)?);
    let verifier = PkceCodeVerifier::new(luggage.verifier.clone());
    let (state, nonce) = (state.to_owned(), luggage.nonce.clone());
    let (url, ..) = client
        .authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            || CsrfToken::new(state),
            || Nonce::new(nonce),
        )
        .add_scope(Scope::new("email".to_owned()))
        .add_scope(Scope::new("profile".to_owned()))
        .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
        .set_login_hint(openidconnect::LoginHint::new(email.to_owned()))
        .url();
    if is_safe(url.as_str()) {
        Ok(url.into())
    } else {
        Err(ProviderError::Untrusted("its sign-in is not served over TLS".to_owned()))
    }
}

/// Turns a code into what the provider says of somebody, once it has been proven.
///
/// `issuer` is who answered, where the answer says so.
///
/// # Errors
/// [`ProviderError`] when the provider cannot be reached, or its word does not hold.
pub async fn claims(
    hub: &Hub,
    settings: &SignInSettings,
    secret: String,
    luggage: &Luggage,
    code: &str,
    issuer: Option<&str>,
) -> Result<Claims, ProviderError> {
    let untrusted = |why: String| ProviderError::Untrusted(why);
    let metadata = discover(&settings.issuer).await?;
    let tells = metadata.additional_metadata().authorization_response_iss_parameter_supported;
    match issuer {
        Some(answered) if answered != settings.issuer => {
            return Err(untrusted(format!("{answered} answered instead")));
        }
        None if tells => return Err(untrusted("the answer does not say whose it is".to_owned())),
        _ => {}
    }
    let userinfo = metadata.userinfo_endpoint().map(|endpoint| endpoint.to_string());
    let basic = metadata
        .token_endpoint_auth_methods_supported()
        .is_none_or(|methods| methods.contains(&CoreClientAuthMethod::ClientSecretBasic));
    let client = CoreClient::from_provider_metadata(
        metadata,
        ClientId::new(settings.client_id.clone()),
        Some(ClientSecret::new(secret)),
    )
    .set_auth_type(if basic { AuthType::BasicAuth } else { AuthType::RequestBody })
    .set_redirect_uri(way_back(hub)?);
    let tokens = client
        .exchange_code(AuthorizationCode::new(code.to_owned()))
        .map_err(|error| untrusted(error.to_string()))?
        .set_pkce_verifier(PkceCodeVerifier::new(luggage.verifier.clone()))
        .request_async(&call)
        .await
        .map_err(|error| match error {
            openidconnect::RequestTokenError::Request(why) => ProviderError::Away(why.to_string()),
            other => untrusted(format!("no token for the code: {other}")),
        })?;
    let token = tokens.id_token().ok_or_else(|| untrusted("there is no ID token".to_owned()))?;
    let now = hub.now();
    let verifier = client
        .id_token_verifier()
        .set_allowed_algs(ALGORITHMS)
        .set_time_fn(move || now - CLOCK_SKEW)
        .set_issue_time_verifier_fn(move |issued| {
            if issued <= now + CLOCK_SKEW { Ok(()) } else { Err("it is of the future".to_owned()) }
        });
    let proven = token
        .claims(&verifier, &Nonce::new(luggage.nonce.clone()))
        .map_err(|error| untrusted(error.to_string()))?;
    let subject = proven.subject().to_string();
    if subject.is_empty() || subject.len() > 255 {
        return Err(untrusted("its subject is none".to_owned()));
    }
    let mut all = payload(&token.to_string())?;
    if let Some(endpoint) = userinfo {
        let more = told_of(&endpoint, tokens.access_token().secret()).await?;
        if more.get("sub").and_then(Value::as_str) != Some(subject.as_str()) {
            return Err(untrusted("it tells of somebody else".to_owned()));
        }
        // What the token says is signed, so it counts before the rest.
        for (name, value) in more {
            all.entry(name).or_insert(value);
        }
    }
    Ok(Claims { subject, all })
}

/// The stage of a session that an employer's provider vouches for. A second factor of the employer
/// counts for roles at the employer alone: it must not open what others have entrusted.
#[must_use]
pub fn second_factor_counts(
    held: impl IntoIterator<Item = model::people::Grant>,
    employer: model::id::EmployerId,
) -> bool {
    held.into_iter()
        .filter(|grant| model::permission::role_of(grant).needs_second_factor())
        .all(|grant| grant == MemberRole::EmployerAdmin.grant(employer))
}

fn way_back(hub: &Hub) -> Result<RedirectUrl, ProviderError> {
    hub.public_url
        .join(BACK)
        .map(RedirectUrl::from_url)
        .map_err(|error| ProviderError::Away(error.to_string()))
}

async fn discover(issuer: &str) -> Result<Metadata, ProviderError> {
    if !is_safe(issuer) {
        return Err(ProviderError::Untrusted("it is not reached over TLS".to_owned()));
    }
    let issuer = IssuerUrl::new(issuer.to_owned())
        .map_err(|error| ProviderError::Untrusted(error.to_string()))?;
    Metadata::discover_async(issuer, &call)
        .await
        .map_err(|error| ProviderError::Away(format!("{error}: {}", cause(&error))))
}

fn cause(error: &dyn std::error::Error) -> String {
    error.source().map(ToString::to_string).unwrap_or_default()
}

/// What is signed in a token that has been proven.
fn payload(token: &str) -> Result<Map<String, Value>, ProviderError> {
    let unreadable = || ProviderError::Untrusted("the ID token cannot be read".to_owned());
    let body = token.split('.').nth(1).ok_or_else(unreadable)?;
    let bytes = URL_SAFE_NO_PAD.decode(body).map_err(|_| unreadable())?;
    serde_json::from_slice(&bytes).map_err(|_| unreadable())
}

async fn told_of(endpoint: &str, access: &str) -> Result<Map<String, Value>, ProviderError> {
    let request = http::Request::get(endpoint)
        .header(http::header::AUTHORIZATION, format!("Bearer {access}"))
        .header(http::header::ACCEPT, "application/json")
        .body(Vec::new())
        .map_err(|error| ProviderError::Untrusted(error.to_string()))?;
    let answer = call(request).await.map_err(|error| ProviderError::Away(error.to_string()))?;
    if !answer.status().is_success() {
        return Err(ProviderError::Away(format!("userinfo: {}", answer.status())));
    }
    serde_json::from_slice(answer.body())
        .map_err(|_| ProviderError::Untrusted("its userinfo is no JSON".to_owned()))
}

/// Why a call did not come about.
#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error("{0}")]
    Http(#[from] reqwest::Error),
    #[error("{0}")]
    Answer(#[from] http::Error),
    #[error("the answer is longer than 1 MiB")]
    TooLong,
    #[error("{0} is not reached over TLS")]
    Unsafe(String),
    #[error("no HTTP client")]
    NoClient,
}

/// Redirects are not followed: they could lead into the hub's own house.
static CLIENT: LazyLock<Option<reqwest::Client>> = LazyLock::new(|| {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .build()
        .inspect_err(|error| tracing::error!(%error, "no client for providers"))
        .ok()
});

async fn call(request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, CallError> {
    let address = request.uri().to_string();
    if !is_safe(&address) {
        return Err(CallError::Unsafe(address));
    }
    let client = CLIENT.as_ref().ok_or(CallError::NoClient)?;
    let mut answer = client.execute(request.map(reqwest::Body::from).try_into()?).await?;
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await? {
        body.extend_from_slice(&piece);
        if body.len() > LONGEST_ANSWER {
            return Err(CallError::TooLong);
        }
    }
    let mut told = http::Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        told = told.header(name, value);
    }
    Ok(told.body(body)?)
}

#[cfg(test)]
mod tests {
    use model::id::{CentreId, EmployerId};
    use model::people::Grant;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_provider_is_reached_over_tls_or_on_this_machine() {
        for good in ["https://id.bank.example", "http://localhost:3000", "http://127.0.0.1:1/x"] {
            assert!(is_safe(good), "{good}");
        }
        for bad in [
            "",
            "id.bank.example",
            "http://id.bank.example",
            "http://127.0.0.1.example",
            "http://localhost@bank.example",
            "https://user:secret@bank.example",
            "https://bank.example/#x",
            "file:///etc/passwd",
            "ftp://localhost",
        ] {
            assert!(!is_safe(bad), "{bad}");
        }
    }

    #[test]
    fn an_employers_second_factor_opens_nothing_of_others() {
        let [one, other] = [1, 2].map(|id| EmployerId(Uuid::from_u128(id)));
        let worker = Grant::Worker { employer: Some(other) };
        let admin = |employer| Grant::EmployerAdmin { employer };
        let operator = Grant::Operator { centre: CentreId(Uuid::from_u128(3)) };
        for (held, counts) in [
            (vec![], true),
            (vec![worker, Grant::Parent], true),
            (vec![worker, admin(one)], true),
            (vec![admin(one), admin(other)], false),
            (vec![admin(one), operator], false),
            (vec![Grant::SystemAdmin], false),
        ] {
            assert_eq!(second_factor_counts(held.clone(), one), counts, "{held:?}");
        }
    }
}
