//! A *stop* is the wish that a run end early, from a signal or another thread. It can be looked at and waited for.

use tokio::sync::watch;

/// The side that wishes.
#[derive(Debug, Clone)]
pub struct StopHandle(watch::Sender<bool>);

/// The side that obeys.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

/// Both sides of a new wish, not yet made.
pub fn stop() -> (StopHandle, Stop) {
    let (sender, receiver) = watch::channel(false);
    (StopHandle(sender), Stop(receiver))
}

impl StopHandle {
    /// Makes the wish; it cannot be taken back.
    pub fn set(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Whether the wish was made.
    pub fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when the wish is made; never, if its handle is gone without having made it.
    pub async fn wait(&self) {
        if self.0.clone().wait_for(|set| *set).await.is_err() {
            std::future::pending().await
        }
    }
}
