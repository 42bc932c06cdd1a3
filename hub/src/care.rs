//! Linked daycare, as it comes in files: rules and schemes, whether they do what a town expects of them, a nursery's
//! rooms and terms, and tables of shifts.

pub mod cases;
mod data_file;
pub mod rule_sets;
pub mod schemes;
pub mod shift_table;
pub mod staffing_file;
mod table;
pub mod terms_file;
