//! Waiting for a state, never for a time.

use std::time::{Duration, Instant};

/// How long a test waits for what has to come.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Asks again and again until there is an answer.
///
/// # Panics
/// When there is none within [`DEADLINE`]; the message names `what` was awaited.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(begun.elapsed() < DEADLINE, "waited {DEADLINE:?} in vain for {what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// Awaits what has to end.
///
/// # Panics
/// When it does not end within [`DEADLINE`]; the message names `what` was awaited.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(answer) => answer,
        Err(_) => panic!("waited {DEADLINE:?} in vain for {what}"),
    }
}
