//! A line between a site and its hub that can be cut: what runs over it breaks, and nothing new comes through.

use std::net::SocketAddr;

use tests::ports::free_address;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The line. Dropping it cuts it for good.
pub struct Line {
    /// Where the site's end is.
    pub address: SocketAddr,
    whole: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Line {
    /// A whole line to `hub`.
    pub async fn to(hub: SocketAddr) -> Self {
        let address = free_address();
        let listener = TcpListener::bind(address).await.unwrap();
        let (whole, look) = watch::channel(true);
        let task = tokio::spawn(async move {
            loop {
                let Ok((site, _)) = listener.accept().await else { continue };
                let mut look = look.clone();
                if *look.borrow_and_update() {
                    tokio::spawn(carry(site, hub, look));
                }
            }
        });
        Self { address, whole, task }
    }

    pub fn cut(&self) {
        self.whole.send_replace(false);
    }

    pub fn mend(&self) {
        self.whole.send_replace(true);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.cut();
        self.task.abort();
    }
}

async fn carry(mut site: TcpStream, hub: SocketAddr, mut whole: watch::Receiver<bool>) {
    let Ok(mut hub) = TcpStream::connect(hub).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut site, &mut hub) => {}
        _ = whole.wait_for(|whole| !whole) => {}
    }
}
