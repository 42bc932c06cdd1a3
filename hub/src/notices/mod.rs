//! Mails that tell people of their bookings, and the calendar in them.
//!
//! What is to be told is written in the transaction of what it tells of; a worker of any hub sends
//! it afterwards. A mail is sent once for each notice, but for one case that no sender can exclude:
//! when the hub is cut off between the server's "250" (or while it waits for it) and its own mark
//! that the mail is sent, the mail goes out again. Both carry the same `Message-ID` then.

pub mod calendar;
pub mod letter;
pub mod mail;
pub mod outbox;
pub mod patience;
pub mod post;
