//! What a form or an address carries, by name. Repeated names stay repeated; what is missing reads
//! as empty, so that a form can always be shown again as it was.

use std::sync::Arc;

use axum::extract::{Form, FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use crate::service::{Caller, Refused, secret};

/// Names and values in the order they were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Arc<Vec<(String, String)>>);

impl Fields {
    /// The first value called `name`, or nothing.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(key, value)| key == name && !value.is_empty());
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// The values called `name` that are not empty.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// Whether nothing was sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<(String, String)>> for Fields {
    fn from(pairs: Vec<(String, String)>) -> Self {
        Self(Arc::new(pairs))
    }
}

/// The fields of an address.
pub struct Asked(pub Fields);

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let query = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        query
            .map(|Query(pairs)| Self(pairs.into()))
            .map_err(|rejection| Refused::Unreadable(rejection.body_text()))
    }
}

/// The fields of a form that was sent from a page of this very session: there is no other way to
/// read a form here, so none can forget to look.
pub struct Posted(pub Fields);

impl<S: Send + Sync> FromRequest<S> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let csrf = request.extensions().get::<Caller>().map(|caller| caller.csrf.clone());
        let Form(pairs) = Form::<Vec<(String, String)>>::from_request(request, state)
            .await
            .map_err(IntoResponse::into_response)?;
        let fields = Fields::from(pairs);
        match csrf {
            Some(csrf) if secret::same(fields.get("csrf"), &csrf) => Ok(Self(fields)),
            _ => Err(Refused::Csrf.into_response()),
        }
    }
}
