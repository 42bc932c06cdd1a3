//! wire
pub mod bus;
pub mod credential;
pub mod enrol;
pub mod event;
pub mod identity;
pub mod request;
pub mod sheet;
pub mod topics;
