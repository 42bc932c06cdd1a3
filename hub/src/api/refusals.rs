//! What the document says of refusals that many addresses share.

use utoipa::IntoResponses;

use crate::problem::Problem;

/// Who asks has to be somebody, and it has to be theirs to ask.
#[derive(IntoResponses)]
pub enum NotTheirs {
    /// Nobody is signed in.
    #[response(status = 401, content_type = "application/problem+json")]
    SignInFirst(#[to_schema] Problem),
    /// It is not among their rights.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(#[to_schema] Problem),
    /// There is no such thing, or none for them.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(#[to_schema] Problem),
}

/// What is sent has to be JSON of the form that is asked for.
#[derive(IntoResponses)]
pub enum NotReadable {
    /// It cannot be read as what is asked for.
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(#[to_schema] Problem),
    /// It is too long.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(#[to_schema] Problem),
    /// It is not JSON.
    #[response(status = 415, content_type = "application/problem+json")]
    NotJson(#[to_schema] Problem),
}
