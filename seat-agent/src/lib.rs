//! The terminal at a desk. For now it shows its state (idle, assigned, wiped) and tells the site;
//! the remote desktop itself is still to come, so there is no session to end yet either.

pub mod page;
pub mod terminal;
