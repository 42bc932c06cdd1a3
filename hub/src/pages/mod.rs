//! Pages: HTML that works alone. A page's path is its template's path is its address.

pub mod account;
pub mod audit;
pub mod bookings;
pub mod calendar;
pub mod centres;
pub mod children;
pub mod employers;
pub mod errors;
pub mod fields;
pub mod frame;
pub mod index;
pub mod like;
pub mod nurseries;
pub mod operations;
pub mod people;
pub mod quotas;
pub mod reports;
pub mod search;
pub mod sign_in;
pub mod sign_out;
pub mod waitlist;
pub mod wish;
pub mod words;

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::permission::Action::*;

use account::sign_in as signing_in;
use children::child::{collecting, nursery as for_nursery};

use crate::routes::{About, Routes};
use crate::web::Web;

/// Every page.
#[must_use]
pub fn routes() -> Routes<Web> {
    Routes::default()
        .get("/", Search, About::Nothing, index::get)
        .get("/search", Search, About::Nothing, search::get)
        .get("/centres/{slug}", Search, About::Centre, centres::get)
        .get("/bookings", SeeBooking, About::Caller, bookings::get)
        .post("/bookings", BookDesk, About::CallerAtCentre, bookings::post)
        .get("/bookings/{id}", SeeBooking, About::Booking, bookings::booking::get)
        .get("/bookings/{id}/cancel", SeeBooking, About::Booking, bookings::cancel::get)
        .post("/bookings/{id}/cancel", CancelBooking, About::Booking, bookings::cancel::post)
        .get("/bookings/{id}/change", SeeBooking, About::Booking, bookings::change::get)
        .post("/bookings/{id}/change", ChangeBooking, About::Booking, bookings::change::post)
        .get("/bookings/{id}/repeat", SeeBooking, About::Booking, bookings::repeat::get)
        .post("/bookings/{id}/repeat", ChangeBooking, About::Booking, bookings::repeat::post)
        .get("/bookings/{id}/series", SeeBooking, About::Booking, bookings::series::get)
        .post("/bookings/{id}/confirm", ChangeBooking, About::Booking, bookings::confirm::post)
        .post("/bookings/{id}/approve", ApproveBooking, About::Booking, bookings::decide::approve)
        .post("/bookings/{id}/decline", ApproveBooking, About::Booking, bookings::decide::decline)
        .post("/waitlist", BookDesk, About::CallerAtCentre, waitlist::post)
        .post("/waitlist/{id}/stop", CancelBooking, About::Entry, waitlist::stop)
        .get("/audit", ReadAudit, About::Theirs, audit::get)
        .get("/audit/entries.csv", ReadAudit, About::Theirs, audit::csv)
        .get("/audit/entries.jsonl", ReadAudit, About::Theirs, audit::jsonl)
        .get("/account/audit", ReadAudit, About::Caller, account::data::audit)
        .get("/account/export", KeepAccount, About::Caller, account::data::export)
        .post("/account/export", KeepAccount, About::Caller, account::data::take)
        .get("/account/delete", KeepAccount, About::Caller, account::data::delete)
        .post("/account/delete", KeepAccount, About::Caller, account::data::erase)
        .post("/account/telephone", KeepAccount, About::Caller, account::data::telephone)
        .post("/children/invite", KeepChildren, About::Caller, children::invite)
        .post("/children/join", KeepChildren, About::Caller, children::join)
        .get("/children/{id}", SeeChildHealth, About::Child, children::child::get)
        .post("/children/{id}/health", KeepChildren, About::Child, children::child::health)
        .post("/children/{id}/consents", KeepChildren, About::Child, children::child::consent)
        .post("/children/{id}/collectors", KeepChildren, About::Child, collecting::name)
        .post(
            "/children/{id}/collectors/{collector}/remove",
            KeepChildren,
            About::Child,
            collecting::remove,
        )
        .post(
            "/children/{id}/collectors/{collector}/code",
            KeepChildren,
            About::Child,
            collecting::code,
        )
        .post("/children/{id}/bars", KeepChildren, About::Child, collecting::bar)
        .post("/children/{id}/bars/{bar}/lift", KeepChildren, About::Child, collecting::lift)
        .post("/children/{id}/interviews", KeepChildren, About::Child, collecting::interview)
        .post("/children/{id}/interviews/back", KeepChildren, About::Child, collecting::take_back)
        .post("/children/{id}/file/interview", KeepCareFiles, About::Child, for_nursery::interview)
        .post("/children/{id}/file/documents", KeepCareFiles, About::Child, for_nursery::document)
        .post("/children/{id}/file/bars", KeepCareFiles, About::Child, for_nursery::bar)
        .post("/children/{id}/file/bars/{bar}/lift", KeepCareFiles, About::Child, for_nursery::lift)
        .get("/children", KeepChildren, About::Caller, children::get)
        .post("/children", KeepChildren, About::Caller, children::post)
        .get("/account", KeepAccount, About::Caller, account::get)
        .post("/account/collects", KeepAccount, About::Caller, account::collects)
        .post("/account/pin", KeepAccount, About::Caller, account::pin)
        .post("/account/language", KeepAccount, About::Caller, account::language)
        .get("/account/sign-in", KeepSignIn, About::Caller, signing_in::get)
        .get("/account/sign-in/password", KeepSignIn, About::Caller, signing_in::password::get)
        .post("/account/sign-in/password", KeepSignIn, About::Caller, signing_in::password::post)
        .get("/account/sign-in/prove", KeepSignIn, About::Caller, signing_in::prove::get)
        .post("/account/sign-in/prove", KeepSignIn, About::Caller, signing_in::prove::post)
        .get("/account/sign-in/code", KeepSignIn, About::Caller, signing_in::code::get)
        .post("/account/sign-in/code", KeepSignIn, About::Caller, signing_in::code::post)
        .post("/account/sign-in/code/remove", KeepSignIn, About::Caller, signing_in::code::remove)
        .post("/account/sign-in/recovery", KeepSignIn, About::Caller, signing_in::recovery::post)
        .get("/account/sign-in/passkeys", KeepSignIn, About::Caller, signing_in::passkeys::get)
        .post("/account/sign-in/passkeys", KeepSignIn, About::Caller, signing_in::passkeys::post)
        .post(
            "/account/sign-in/passkeys/options",
            KeepSignIn,
            About::Caller,
            signing_in::passkeys::options,
        )
        .post(
            "/account/sign-in/passkeys/{id}/remove",
            KeepSignIn,
            About::Passkey,
            signing_in::passkeys::remove,
        )
        .post("/account/sign-in/sessions/end", KeepSignIn, About::Caller, signing_in::end_others)
        .post("/account/sign-in/sessions/{id}/end", KeepSignIn, About::Session, signing_in::end)
        .get("/sign-in/second", UseTheDoor, About::Nothing, sign_in::second::get)
        .post("/sign-in/second", UseTheDoor, About::Nothing, sign_in::second::post)
        .post("/sign-in/passkey", UseTheDoor, About::Nothing, sign_in::passkey::post)
        .post("/sign-in/passkey/options", UseTheDoor, About::Nothing, sign_in::passkey::options)
        .get("/account/cards", KeepCards, About::Caller, account::cards::get)
        .get("/account/cards/add", KeepCards, About::Caller, account::cards::add::get)
        .post("/account/cards/add", KeepCards, About::Caller, account::cards::add::post)
        .post("/account/cards/{id}/lost", KeepCards, About::Card, account::cards::lost)
        .post("/account/cards/{id}/name", KeepCards, About::Card, account::cards::name)
        .get("/account/calendar", KeepAccount, About::Caller, account::calendar::get)
        .post("/account/calendar", KeepAccount, About::Caller, account::calendar::renew)
        .post("/account/calendar/stop", KeepAccount, About::Caller, account::calendar::stop)
        .get("/calendar/{token}", UseTheDoor, About::CalendarFeed, calendar::get)
        .get("/account/tokens", KeepSignIn, About::Caller, account::tokens::get)
        .post("/account/tokens", KeepSignIn, About::Caller, account::tokens::post)
        .post("/account/tokens/revoke", KeepSignIn, About::Caller, account::tokens::revoke)
        .get("/employers/{id}", ManageMembers, About::Employer, employers::get)
        .get("/employers/{id}/visits.csv", SeePaidVisits, About::Employer, employers::csv)
        .post("/employers/{id}/members", ManageMembers, About::Employer, employers::add)
        .post("/employers/{id}/members/end", ManageMembers, About::Employer, employers::end)
        .post("/employers/{id}/tokens", ManageMembers, About::Employer, employers::make_token)
        .post(
            "/employers/{id}/tokens/revoke",
            ManageMembers,
            About::Employer,
            employers::revoke_token,
        )
        .get("/employers/{id}/sign-in", ManageMembers, About::Employer, employers::sign_in::get)
        .post("/employers/{id}/sign-in", ManageMembers, About::Employer, employers::sign_in::post)
        .post(
            "/employers/{id}/sign-in/drop",
            ManageMembers,
            About::Employer,
            employers::sign_in::drop,
        )
        .post("/employers/{id}/approves", ApproveBooking, About::Employer, employers::approves)
        .get("/employers/{id}/quotas", ManageQuotas, About::Employer, quotas::of_employer)
        .post("/employers/{id}/quotas", ManageQuotas, About::Employer, quotas::add_for_employer)
        .get("/quotas", ManageQuotas, About::Nothing, quotas::get)
        .post("/quotas", ManageQuotas, About::Nothing, quotas::post)
        .post("/quotas/{id}/end", ManageQuotas, About::Quota, quotas::end)
        .get("/people", ManagePeople, About::Nothing, people::get)
        .get("/people/employers", ManagePeople, About::Nothing, people::employers::get)
        .post("/people/employers", ManagePeople, About::Nothing, people::employers::post)
        .get("/people/{id}", ManagePeople, About::Person, people::one)
        .post("/people/{id}/give", ManagePeople, About::Person, people::give)
        .post("/people/{id}/take", ManagePeople, About::Person, people::take)
        .get("/sign-in/organisation", UseTheDoor, About::Nothing, sign_in::organisation::get)
        .post("/sign-in/organisation", UseTheDoor, About::Nothing, sign_in::organisation::post)
        .get("/sign-in/organisation/back", UseTheDoor, About::Nothing, sign_in::organisation::back)
        .get("/sign-in", UseTheDoor, About::Nothing, sign_in::get)
        .post("/sign-in", UseTheDoor, About::Nothing, sign_in::post)
        .post("/sign-out", UseTheDoor, About::Nothing, sign_out::post)
        .get("/nurseries", SeeNurseryDay, About::Theirs, nurseries::get)
        .get("/nurseries/{id}", SeeNurseryDay, About::Nursery, nurseries::nursery::get)
        .get("/nurseries/{id}/live", SeeNurseryDay, About::Nursery, nurseries::live::get)
        .post(
            "/nurseries/{id}/incidents",
            KeepCareFiles,
            About::Nursery,
            nurseries::incidents::post,
        )
        .get("/nurseries/{id}/shifts", ManageShifts, About::Nursery, nurseries::shifts::get)
        .post("/nurseries/{id}/shifts", ManageShifts, About::Nursery, nurseries::shifts::post)
        .get("/nurseries/{id}/rooms", ManageNursery, About::Nursery, nurseries::rooms::get)
        .post("/nurseries/{id}/rooms", ManageNursery, About::Nursery, nurseries::rooms::post)
        .get("/nurseries/{id}/terms", ManageNursery, About::Nursery, nurseries::terms::get)
        .post("/nurseries/{id}/terms", ManageNursery, About::Nursery, nurseries::terms::post)
        .get("/operations", SeeLiveCentre, About::Theirs, operations::get)
        .get("/operations/{slug}", SeeLiveCentre, About::Centre, operations::centre::get)
        .get("/operations/{slug}/live", SeeLiveCentre, About::Centre, operations::centre::live)
        .get("/operations/{slug}/muster", SeeLiveCentre, About::Centre, operations::muster::get)
        .get("/operations/{slug}/order", OrderSite, About::Centre, operations::order::get)
        .post("/operations/{slug}/order", OrderSite, About::Centre, operations::order::post)
        .get(
            "/operations/{slug}/approvals",
            ApproveBooking,
            About::Centre,
            operations::approvals::get,
        )
        .get("/operations/{slug}/closures", ManageHouse, About::Centre, operations::closures::get)
        .post("/operations/{slug}/closures", ManageHouse, About::Centre, operations::closures::post)
        .get(
            "/operations/{slug}/closures/{id}",
            ManageHouse,
            About::Closure,
            operations::closures::closure::get,
        )
        .post(
            "/operations/{slug}/closures/{id}/move",
            ManageHouse,
            About::Closure,
            operations::closures::closure::move_one,
        )
        .post(
            "/operations/{slug}/closures/{id}/reopen",
            ManageHouse,
            About::Closure,
            operations::closures::closure::reopen,
        )
        .get("/operations/{slug}/reports", SeeLiveCentre, About::Centre, operations::reports::get)
        .post("/operations/{slug}/reports", SeeLiveCentre, About::Centre, operations::reports::post)
        .get("/operations/{slug}/rules", ManageHouse, About::Centre, operations::rules::get)
        .post("/operations/{slug}/rules", ManageHouse, About::Centre, operations::rules::post)
        .get("/operations/{slug}/devices", ManageDevices, About::Centre, operations::devices::get)
        .post("/operations/{slug}/devices", ManageDevices, About::Centre, operations::devices::post)
        .post(
            "/operations/{slug}/devices/{device}/enrol-code",
            ManageDevices,
            About::CentreDevice,
            operations::devices::enrol_code::post,
        )
        .get(
            "/operations/{slug}/devices/{device}/revoke",
            ManageDevices,
            About::CentreDevice,
            operations::devices::revoke::get,
        )
        .post(
            "/operations/{slug}/devices/{device}/revoke",
            ManageDevices,
            About::CentreDevice,
            operations::devices::revoke::post,
        )
        .post(
            "/operations/{slug}/devices/{device}/remove",
            ManageDevices,
            About::CentreDevice,
            operations::devices::remove,
        )
        .get("/operations/{slug}/cards", ManageCards, About::Centre, operations::cards::get)
        .post("/operations/{slug}/cards", ManageCards, About::Centre, operations::cards::post)
        .post(
            "/operations/{slug}/cards/{id}/block",
            ManageCards,
            About::GuestsCard,
            operations::cards::block,
        )
        .post(
            "/operations/{slug}/cards/{id}/unblock",
            ManageCards,
            About::GuestsCard,
            operations::cards::unblock,
        )
        .get("/reports/{id}", ReadReport, About::Municipality, reports::get)
        .get("/reports/{id}/months.csv", ReadReport, About::Municipality, reports::csv)
}

/// A page as an answer.
pub(crate) fn html(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(body) => {
            (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], body).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
