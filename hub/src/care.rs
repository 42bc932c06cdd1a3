//! Linked daycare: which rules hold, whether they do what a town expects of them, and tables of shifts.

pub mod cases;
pub mod rule_sets;
pub mod shift_table;
pub mod staffing_file;
mod table;
