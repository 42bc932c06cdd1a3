//! A [`Refused`] as a bare answer: a status and the kind beside it. What stands further out gives
//! it a page or a problem for a body.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use store::StoreError;

use crate::problem::Problem;
use crate::service::Refused;

/// What a status alone does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// The form's token was missing or of another session.
    Csrf,
    /// It takes a second factor.
    SecondFactor,
    /// They must show again who they are.
    Proof,
    /// A program's token is not good.
    BadToken,
}

impl Refused {
    /// The HTTP status that says it.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::SignInFirst | Self::BadToken => StatusCode::UNAUTHORIZED,
            Self::SecondFactorFirst | Self::ProveFirst | Self::Forbidden | Self::Csrf => {
                StatusCode::FORBIDDEN
            }
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unreadable(_) => StatusCode::BAD_REQUEST,
            Self::Store(StoreError::Unavailable(_)) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Store(_) | Self::Chance | Self::Seal(_) | Self::Inner(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            tracing::error!(error = %self, "a request failed");
        }
        let mut response = status.into_response();
        match self {
            Self::Csrf => drop(response.extensions_mut().insert(Hint::Csrf)),
            Self::TooMany { seconds } => {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            Self::BadToken => drop(response.extensions_mut().insert(Hint::BadToken)),
            Self::SecondFactorFirst => drop(response.extensions_mut().insert(Hint::SecondFactor)),
            Self::ProveFirst => drop(response.extensions_mut().insert(Hint::Proof)),
            _ => {}
        }
        response
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::SignInFirst => Self::new(
                StatusCode::UNAUTHORIZED,
                "sign-in-first",
                "Nobody is signed in",
                "Sign in with POST /api/v1/session and send the cookie it sets.",
            ),
            Refused::BadToken => Self::new(
                StatusCode::UNAUTHORIZED,
                "bad-token",
                "The token is not good",
                "It is none of this hub's, it was taken back, or it has ended. Make a new one.",
            ),
            Refused::SecondFactorFirst => Self::new(
                StatusCode::FORBIDDEN,
                "second-factor-first",
                "This takes a second factor",
                "Sign in with a second factor or a passkey; the account page sets one up.",
            ),
            Refused::ProveFirst => Self::new(
                StatusCode::FORBIDDEN,
                "prove-first",
                "Who you are was shown too long ago",
                "Sign in again; what one signs in with is changed within a quarter of an hour.",
            ),
            Refused::Forbidden => Self::new(
                StatusCode::FORBIDDEN,
                "not-allowed",
                "This is not among your rights",
                "The signed-in person was not given the right to do this.",
            ),
            Refused::Csrf => Self::new(
                StatusCode::FORBIDDEN,
                "csrf",
                "The session's token is missing or wrong",
                "Send the csrf_token of GET /api/v1/me in the header X-CSRF-Token.",
            ),
            Refused::TooMany { .. } => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-requests",
                "Too much was asked at once",
                "The header Retry-After says in how many seconds to ask again.",
            ),
            Refused::NotFound => Self::not_found("There is no such thing, or it is not yours."),
            Refused::Unreadable(why) => Self::malformed(why),
            Refused::Store(error) => error.into(),
            inner @ (Refused::Chance | Refused::Seal(_) | Refused::Inner(_)) => {
                Self::internal(&inner)
            }
        }
    }
}
