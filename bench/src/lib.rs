//! Measuring: percentiles and rates.

pub mod house;
pub mod mail;

use std::time::Duration;

/// The time that `percent` of a hundred of `times` do not exceed; zero when there are none.
///
/// Sorts `times`.
pub fn percentile(times: &mut [Duration], percent: f64) -> Duration {
    times.sort_unstable();
    let last = times.len().saturating_sub(1);
    // Rounding to an index: the table shows three digits.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index into measurements"
    )]
    let index = ((last as f64) * percent / 100.0).round() as usize;
    times.get(index).copied().unwrap_or_default()
}

/// Prints a row of a table of answers: how many, the middle, the 99th of a hundred, the slowest.
///
/// Sorts `times`.
pub fn told(answer: &str, times: &mut [Duration]) {
    println!(
        "  {answer:<20}  {:>8}   {:<9.1?}  {:<9.1?}  {:<9.1?}",
        times.len(),
        percentile(times, 50.0),
        percentile(times, 99.0),
        percentile(times, 100.0),
    );
}

/// So many a second.
#[must_use]
pub fn rate(count: usize, took: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a rate for the eye")]
    let count = count as f64;
    count / took.as_secs_f64()
}
