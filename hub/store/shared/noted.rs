//! The days that a transaction changes, told of once it is committed.

use std::cell::RefCell;

use chrono::NaiveDate;
use model::id::CentreId;
use store::DayNews;
use tokio::sync::broadcast;

/// What is told and not yet read by the slowest reader; whoever falls behind is told so.
const KEPT: usize = 4096;

/// Days that have changed.
pub(crate) type Noted = Vec<(CentreId, NaiveDate)>;

tokio::task_local! {
    static NOTED: RefCell<Noted>;
}

/// Does a piece of work; answers the days that it noted, too.
pub(crate) async fn noting<T>(work: impl Future<Output = T>) -> (T, Noted) {
    let whole = async {
        let done = work.await;
        (done, NOTED.with(RefCell::take))
    };
    NOTED.scope(RefCell::default(), whole).await
}

/// Notes days of a centre for whoever waits for the work that this is part of.
pub(crate) fn note(centre: CentreId, days: &[NaiveDate]) {
    let add = |noted: &RefCell<Noted>| {
        noted.borrow_mut().extend(days.iter().map(|day| (centre, *day)));
    };
    // Nobody waits in migrations and seeds of old: whoever reads then has read nothing before.
    NOTED.try_with(add).ok();
}

/// Where news of days goes.
#[derive(Clone, Debug)]
pub(crate) struct News(broadcast::Sender<DayNews>);

impl News {
    pub(crate) fn new() -> Self {
        Self(broadcast::channel(KEPT).0)
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<DayNews> {
        self.0.subscribe()
    }

    /// Tells of this store's own changes.
    pub(crate) fn tell(&self, days: Noted) {
        for (centre, day) in days {
            self.put(DayNews::Changed { centre, day, here: true });
        }
    }

    pub(crate) fn put(&self, news: DayNews) {
        // Nobody need be listening.
        self.0.send(news).ok();
    }
}
