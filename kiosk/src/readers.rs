//! The card readers of one screen: one, or several that are as good as each other.

use std::future::poll_fn;
use std::task::Poll;

use async_trait::async_trait;
use hardware::card::{CardEvent, CardReader, ReaderFault};
use hardware::readers::{Mounting, ReaderChoice, ReaderError};

/// Readers that cannot be used beside each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadReaders {
    /// None at all.
    #[error("no reader is named: give KYOTEN_READER at least one")]
    None,
    /// Two entries may mean the same reader.
    #[error("{0} and {1} may be the same reader: give more of their names")]
    Same(ReaderChoice, ReaderChoice),
}

/// Why the readers of a screen cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum NotOpened {
    /// They cannot be used beside each other.
    #[error(transparent)]
    Bad(#[from] BadReaders),
    /// One of them cannot start.
    #[error(
        "the reader {choice} does not start: {error}. Mend that, or leave {choice} out of KYOTEN_READER"
    )]
    One {
        /// Which.
        choice: ReaderChoice,
        /// What it says.
        error: ReaderError,
    },
}

/// Sees that no two of the choices may be the same reader.
///
/// # Errors
/// [`BadReaders`] names them.
pub fn check(choices: &[ReaderChoice]) -> Result<(), BadReaders> {
    if choices.is_empty() {
        return Err(BadReaders::None);
    }
    for (at, one) in choices.iter().enumerate() {
        if let Some(other) = choices.iter().skip(at + 1).find(|other| one.may_be(other)) {
            return Err(BadReaders::Same(one.clone(), other.clone()));
        }
    }
    Ok(())
}

/// Starts the readers of a screen.
///
/// # Errors
/// [`NotOpened`] when they cannot be used together, or one cannot start. One that is not plugged in starts.
pub async fn open(choices: &[ReaderChoice], mounting: Mounting<'_>) -> Result<Readers, NotOpened> {
    check(choices)?;
    let mut readers: Vec<Box<dyn CardReader>> = Vec::new();
    for choice in choices {
        let started = choice.start(mounting).await;
        readers.push(started.map_err(|error| NotOpened::One { choice: choice.clone(), error })?);
    }
    Ok(Readers::new(readers))
}

/// Several readers as one. It works as long as one of them does; what is wrong with the others is
/// in the log.
pub struct Readers {
    readers: Vec<One>,
    /// What was said last; `None` before the first word.
    works: Option<bool>,
    /// Where to look first, so that a busy reader keeps no other waiting.
    next: usize,
}

struct One {
    reader: Box<dyn CardReader>,
    works: Option<bool>,
    card: bool,
}

impl Readers {
    /// All of these.
    #[must_use]
    pub fn new(readers: Vec<Box<dyn CardReader>>) -> Self {
        let readers = readers.into_iter();
        let readers = readers.map(|reader| One { reader, works: None, card: false }).collect();
        Self { readers, works: None, next: 0 }
    }

    async fn any_event(&mut self) -> Option<(usize, Option<CardEvent>)> {
        let many = self.readers.len();
        if many == 0 {
            return None;
        }
        let first = self.next % many;
        let mut waits: Vec<_> =
            self.readers.iter_mut().map(|one| one.reader.next_event()).collect();
        let found = poll_fn(|cx| {
            for at in (first..many).chain(0..first) {
                if let Some(wait) = waits.get_mut(at)
                    && let Poll::Ready(event) = wait.as_mut().poll(cx)
                {
                    return Poll::Ready((at, event));
                }
            }
            Poll::Pending
        })
        .await;
        drop(waits);
        self.next = found.0 + 1;
        Some(found)
    }

    /// What the change of one reader means for all of them.
    fn weigh(&mut self, fault: ReaderFault, reason: String) -> Option<CardEvent> {
        let works = self.readers.iter().any(|one| one.works == Some(true));
        // Those that have not said anything yet may still work.
        let known = works || self.readers.iter().all(|one| one.works.is_some());
        if !known || self.works == Some(works) {
            return None;
        }
        self.works = Some(works);
        Some(if works { CardEvent::Available } else { CardEvent::Unavailable { fault, reason } })
    }
}

#[async_trait]
impl CardReader for Readers {
    fn name(&self) -> &str {
        match self.readers.as_slice() {
            [one] => one.reader.name(),
            _ => "several readers",
        }
    }

    async fn next_event(&mut self) -> Option<CardEvent> {
        loop {
            let (at, event) = self.any_event().await?;
            let many = self.readers.len();
            let one = self.readers.get_mut(at)?;
            match event {
                Some(CardEvent::Available) => {
                    one.works = Some(true);
                    if let Some(said) = self.weigh(ReaderFault::Silent, String::new()) {
                        return Some(said);
                    }
                }
                Some(CardEvent::Unavailable { fault, reason }) => {
                    if many > 1 {
                        tracing::warn!(
                            reader = one.reader.name(),
                            "a reader does not work: {reason}"
                        );
                    }
                    one.works = Some(false);
                    let left = std::mem::take(&mut one.card);
                    if let Some(said) = self.weigh(fault, reason) {
                        return Some(said);
                    }
                    if left {
                        return Some(CardEvent::Removed);
                    }
                }
                Some(event @ CardEvent::Pin(_)) => return Some(event),
                Some(event) => {
                    one.card =
                        matches!(event, CardEvent::Presented(_) | CardEvent::Unreadable { .. });
                    return Some(event);
                }
                None => {
                    tracing::error!(reader = one.reader.name(), "a reader has stopped");
                    let gone = self.readers.remove(at);
                    let why = format!("{} has stopped", gone.reader.name());
                    if let Some(said) = self.weigh(ReaderFault::Silent, why)
                        && !self.readers.is_empty()
                    {
                        return Some(said);
                    }
                    if gone.card {
                        return Some(CardEvent::Removed);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "a failed test stops at once")]

    use std::path::Path;
    use std::sync::{Arc, LazyLock};
    use std::time::Duration;

    use hardware::card::ReaderModels;
    use hardware::sim::VirtualCard;
    use hardware::sim::socket_path;
    use ring::rand::{SecureRandom, SystemRandom};
    use tokio::net::UnixStream;
    use tokio::time::timeout;

    use super::*;

    struct Scripted(Vec<CardEvent>);

    #[async_trait]
    impl CardReader for Scripted {
        fn name(&self) -> &str {
            "scripted"
        }

        async fn next_event(&mut self) -> Option<CardEvent> {
            if self.0.is_empty() {
                return std::future::pending().await;
            }
            Some(self.0.remove(0))
        }
    }

    fn unavailable() -> CardEvent {
        CardEvent::Unavailable { fault: ReaderFault::Silent, reason: "unplugged".to_owned() }
    }

    fn here<'a>(folder: &'a Path, rng: &'a Arc<dyn SecureRandom + Send + Sync>) -> Mounting<'a> {
        static PLAIN: LazyLock<ReaderModels> = LazyLock::new(ReaderModels::default);
        Mounting { site: "here", device: "kiosk-1", folder, models: &PLAIN, rng }
    }

    async fn told(scripts: [Vec<CardEvent>; 2]) -> Vec<CardEvent> {
        let readers = scripts.map(|script| Box::new(Scripted(script)) as Box<dyn CardReader>);
        let mut readers = Readers::new(readers.into());
        let mut told = Vec::new();
        while let Ok(Some(event)) = timeout(Duration::from_millis(50), readers.next_event()).await {
            told.push(event);
        }
        told
    }

    #[tokio::test]
    async fn they_work_as_long_as_one_does() {
        use CardEvent::{Available, Removed};
        let one_of_two = told([vec![unavailable()], vec![Available]]).await;
        assert_eq!(one_of_two, [Available]);
        let neither = told([vec![unavailable()], vec![unavailable()]]).await;
        assert_eq!(neither, [unavailable()]);
        let unknown = told([vec![unavailable()], vec![]]).await;
        assert_eq!(unknown, [], "the other may still work");
        let unreadable = CardEvent::Unreadable { reason: hardware::card::CardError::AlreadyThere };
        let torn_off =
            told([vec![Available, unreadable.clone(), unavailable()], vec![Available]]).await;
        assert_eq!(torn_off, [Available, unreadable, Removed], "the card's visit is over");
    }

    #[test]
    fn one_reader_twice_is_refused() {
        let choices = |texts: &[&str]| -> Vec<ReaderChoice> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        for good in [&["sim"][..], &["sim", "sim:b"], &["pcsc:R 00 00", "pcsc:R 00 01", "sim"]] {
            assert_eq!(check(&choices(good)), Ok(()), "{good:?}");
        }
        assert_eq!(check(&[]), Err(BadReaders::None));
        for bad in [&["sim", "sim"][..], &["pcsc:Sony", "pcsc:Sony RC"], &["sim:b", "sim", "sim:b"]]
        {
            let said = check(&choices(bad)).unwrap_err().to_string();
            assert!(said.contains("may be the same"), "{said}");
        }
    }

    #[tokio::test]
    async fn readers_that_cannot_be_opened_say_what_to_do() {
        let name = format!("kyoten-not-opened-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let no_folder = folder.join("file");
        std::fs::write(&no_folder, "").unwrap();
        let rng: Arc<dyn SecureRandom + Send + Sync> = Arc::new(SystemRandom::new());
        let cases = [
            (&[][..], &folder, "give KYOTEN_READER at least one"),
            (&["sim:b", "sim:b"], &folder, "sim:b and sim:b may be the same"),
            (&["sim", "sim:../b"], &folder, "leave sim:../b out of KYOTEN_READER"),
            (&["sim:b"], &no_folder, "leave sim:b out of KYOTEN_READER"),
        ];
        for (texts, folder, says) in cases {
            let choices: Vec<ReaderChoice> =
                texts.iter().map(|text| text.parse().unwrap()).collect();
            let Err(error) = open(&choices, here(folder, &rng)).await else {
                panic!("{texts:?} opened")
            };
            let said = error.to_string();
            assert!(said.contains(says), "{said}");
        }
        let _ = std::fs::remove_dir_all(&folder);
    }

    #[tokio::test]
    async fn a_card_that_hangs_on_one_reader_keeps_no_other_waiting() {
        let name = format!("kyoten-readers-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let choices = ["sim", "sim:second"].map(|text| text.parse::<ReaderChoice>().unwrap());
        let rng: Arc<dyn SecureRandom + Send + Sync> = Arc::new(SystemRandom::new());
        let mut readers = open(&choices, here(&folder, &rng)).await.unwrap();
        let mut next =
            async || timeout(Duration::from_secs(5), readers.next_event()).await.unwrap().unwrap();
        assert_eq!(next().await, CardEvent::Available);
        let _hanging = UnixStream::connect(socket_path(&folder, "kiosk-1")).await.unwrap();
        let stream = UnixStream::connect(socket_path(&folder, "second")).await.unwrap();
        let card = VirtualCard::new(&[1; 8]).unwrap();
        let visit = tokio::spawn(async move { card.present(stream, std::future::pending()).await });
        let begun = std::time::Instant::now();
        assert!(matches!(next().await, CardEvent::Presented(_)));
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
        assert!(matches!(next().await, CardEvent::Unreadable { .. }), "the hung one gives up");
        visit.abort();
        let _ = std::fs::remove_dir_all(&folder);
    }
}
