//! How much one device may ask at once: one that is stolen leaves the hub to the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use model::id::DeviceId;
use tokio::sync::Semaphore;

use crate::tls_listener::PeerIdentity;

/// An edge tells, fetches, answers and renews at the same time; a stream that has begun does not count.
const AT_ONCE: usize = 4;

/// A device with one of its certificates: who was locked out takes no turn of whoever is there in its place.
type Caller = (DeviceId, [u8; 32]);

/// Everybody whose requests are being answered, or wait for it.
#[derive(Clone, Default)]
pub(super) struct Turns(Arc<Mutex<HashMap<Caller, Arc<Semaphore>>>>);

impl Turns {
    fn of(&self, caller: Caller) -> Arc<Semaphore> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Who has nothing running has all their turns anyway.
        known.retain(|other, turns| *other == caller || Arc::strong_count(turns) > 1);
        known.entry(caller).or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE))).clone()
    }
}

/// A layer for [`axum::middleware::from_fn_with_state`]: what a device asks beyond its turns waits, before its body is
/// read.
pub(super) async fn wait(State(turns): State<Turns>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<PeerIdentity>>();
    let caller = peer.and_then(|ConnectInfo(peer)| Some((peer.device.clone()?, peer.fingerprint)));
    let turn = match caller {
        Some(caller) => turns.of(caller).acquire_owned().await.ok(),
        None => None,
    };
    let answer = next.run(request).await;
    drop(turn);
    answer
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn_with_state;
    use futures::future::join_all;
    use tokio::sync::Notify;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn what_one_device_asks_beyond_its_turns_waits_and_others_do_not() {
        let (inside, goes_on) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let (here, until) = (inside.clone(), goes_on.clone());
        let handler = move || async move {
            here.fetch_add(1, Ordering::SeqCst);
            until.notified().await;
        };
        let turns = Turns::default();
        let layer = from_fn_with_state(turns.clone(), wait);
        let router = Router::new().fallback(handler).layer(layer);
        let asks = |device: Option<&str>| {
            let device = device.map(|device| device.parse().unwrap());
            let (fingerprint, address) = ([0; 32], ([127, 0, 0, 1], 1).into());
            let peer = PeerIdentity { device, fingerprint, address };
            let request = Request::builder().uri("/").extension(ConnectInfo(peer));
            tokio::spawn(router.clone().oneshot(request.body(Body::empty()).unwrap()))
        };
        let settled = async || {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            inside.load(Ordering::SeqCst)
        };
        let mut asked: Vec<_> = (0..3 * AT_ONCE).map(|_| asks(Some("y-edge"))).collect();
        assert_eq!(settled().await, AT_ONCE);
        asked.extend([asks(Some("z-edge")), asks(None), asks(None)]);
        assert_eq!(settled().await, AT_ONCE + 3);
        // Whoever gave up waiting takes nobody's turn.
        asked.drain(AT_ONCE..2 * AT_ONCE).for_each(|one| one.abort());
        for _ in 0..3 {
            goes_on.notify_waiters();
            settled().await;
        }
        for answer in join_all(asked).await {
            assert!(answer.unwrap().unwrap().status().is_success());
        }
        assert_eq!(inside.load(Ordering::SeqCst), 2 * AT_ONCE + 3);
        // Nor is anybody kept in mind for good.
        turns.of(("x-edge".parse().unwrap(), [1; 32]));
        assert_eq!(turns.0.lock().unwrap().len(), 1);
    }
}
