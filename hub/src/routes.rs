//! Every route of the hub says, in the line that serves it, what it asks the table of rights and
//! of which thing. There is no other way to serve something, and a test walks the whole list.

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{self, MethodRouter};
use model::permission::Action;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

/// Of which thing the table of rights is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// Nothing in particular.
    Nothing,
    /// What belongs to whoever asks: their account, the list of their bookings.
    Caller,
    /// What belongs to whoever asks, at the centre that the request names.
    CallerAtCentre,
    /// Everything of its kind that whoever asks may reach; those who reach nothing are refused.
    Theirs,
    /// The booking `{id}`.
    Booking,
    /// The waitlist entry `{id}`.
    Entry,
    /// The closure `{id}` of the centre `{slug}`.
    Closure,
    /// The quota `{id}`.
    Quota,
    /// The session `{id}`.
    Session,
    /// The passkey `{id}`.
    Passkey,
    /// The child `{id}`.
    Child,
    /// The nursery `{id}`.
    Nursery,
    /// The calendar whose private address ends in `{token}`.
    CalendarFeed,
    /// The centre `{slug}`.
    Centre,
    /// The order `{id}` to the site of the centre `{slug}`.
    CentreOrder,
    /// The device `{device}` of the centre `{slug}`.
    CentreDevice,
    /// The card `{id}`.
    Card,
    /// The card `{id}` of a guest of the centre `{slug}`.
    GuestsCard,
    /// The employer `{id}`.
    Employer,
    /// The employer that whoever asks speaks for.
    OwnEmployer,
    /// The worker `{id}` of the employer that whoever asks speaks for.
    Member,
    /// The person `{id}`.
    Person,
    /// The municipality `{id}`.
    Municipality,
    /// The centre where the device that asks stands.
    Site,
    /// The order `{id}` to the site where the device that asks stands.
    SiteOrder,
    /// The device that asks.
    Device,
}

/// One route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// How it is asked.
    pub method: Method,
    /// Its address, with names in braces.
    pub path: String,
    /// What it does.
    pub action: Action,
    /// To what.
    pub about: About,
}

/// Routes, and the router that serves them.
pub struct Routes<S = ()> {
    declared: Vec<Route>,
    router: Router<S>,
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self { declared: Vec::new(), router: Router::new() }
    }
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// Serves `GET` of `path`.
    #[must_use]
    pub fn get<H, T>(self, path: &str, action: Action, about: About, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.serve(Method::GET, path, action, about, routing::get(handler))
    }

    /// Serves `POST` to `path`.
    #[must_use]
    pub fn post<H, T>(self, path: &str, action: Action, about: About, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.serve(Method::POST, path, action, about, routing::post(handler))
    }

    /// Serves `method` of `path` by what answers that method, with layers of its own.
    #[must_use]
    pub fn serve(
        mut self,
        method: Method,
        path: &str,
        action: Action,
        about: About,
        by: MethodRouter<S>,
    ) -> Self {
        self.declared.push(Route { method, path: path.to_owned(), action, about });
        self.router = self.router.route(path, by);
        self
    }

    /// All of it below `prefix`.
    #[must_use]
    pub fn below(self, prefix: &str) -> Self {
        let declared = self.declared.into_iter();
        Self {
            declared: declared
                .map(|route| Route { path: format!("{prefix}{}", route.path), ..route })
                .collect(),
            router: Router::new().nest(prefix, self.router),
        }
    }

    /// These and those.
    #[must_use]
    pub fn and(mut self, those: Self) -> Self {
        self.declared.extend(those.declared);
        Self { declared: self.declared, router: self.router.merge(those.router) }
    }

    /// The same routes under a router with layers and fallbacks.
    #[must_use]
    pub fn under(self, cover: impl FnOnce(Router<S>) -> Router<S>) -> Self {
        Self { declared: self.declared, router: cover(self.router) }
    }

    /// The list and the router.
    pub fn split(self) -> (Vec<Route>, Router<S>) {
        (self.declared, self.router)
    }
}

/// Routes that the OpenAPI document tells of.
pub struct Described<S> {
    declared: Vec<Route>,
    router: OpenApiRouter<S>,
}

impl<S: Clone + Send + Sync + 'static> Described<S> {
    /// None yet, in a document that has its head.
    #[must_use]
    pub fn new(document: OpenApi) -> Self {
        Self { declared: Vec::new(), router: OpenApiRouter::with_openapi(document) }
    }

    /// Serves one address, as `utoipa_axum::routes!` gives it, with a right for each method.
    #[must_use]
    pub fn with<const N: usize>(
        mut self,
        routes: UtoipaMethodRouter<S>,
        rights: [(Method, Action, About); N],
    ) -> Self {
        for path in routes.1.paths.keys() {
            let rights = rights.iter().cloned();
            self.declared.extend(rights.map(|(method, action, about)| Route {
                method,
                path: path.clone(),
                action,
                about,
            }));
        }
        self.router = self.router.routes(routes);
        self
    }

    /// The routes, and the document.
    #[must_use]
    pub fn split(self) -> (Routes<S>, OpenApi) {
        let (router, document) = self.router.split_for_parts();
        (Routes { declared: self.declared, router }, document)
    }
}
