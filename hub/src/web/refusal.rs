//! A [`Refused`] as a bare answer: a status and the kind beside it. What stands further out gives
//! it a page or a problem for a body.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use store::StoreError;

use crate::problem::Problem;
use crate::service::Refused;

/// What a status alone does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// The form's token was missing or of another session.
    Csrf,
}

impl Refused {
    /// The HTTP status that says it.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::SignInFirst => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::Csrf => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
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
        if matches!(self, Self::Csrf) {
            response.extensions_mut().insert(Hint::Csrf);
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
            Refused::NotFound => Self::not_found("There is no such thing, or it is not yours."),
            Refused::Unreadable(why) => Self::malformed(why),
            Refused::Store(error) => error.into(),
            inner @ (Refused::Chance | Refused::Seal(_) | Refused::Inner(_)) => {
                Self::internal(&inner)
            }
        }
    }
}
