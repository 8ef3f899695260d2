//! A *stop* is the wish that a run end early. It can be looked at and waited for.

use tokio::sync::watch;

/// Why a run is to end early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// A signal of this number; running tasks are canceled.
    Signal(i32),
    /// A signal of this number; running tasks are left alone, for a later resume.
    Detach(i32),
    /// An image failed that the compose cannot do without; the rest is canceled.
    FailFast,
}

/// The side that wishes.
#[derive(Debug, Clone)]
pub struct StopHandle(watch::Sender<Option<Reason>>);

/// The side that obeys.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<Option<Reason>>);

/// Both sides of a new wish, not yet made.
pub fn stop() -> (StopHandle, Stop) {
    let (sender, receiver) = watch::channel(None);
    (StopHandle(sender), Stop(receiver))
}

impl StopHandle {
    /// Makes the wish; the first reason stays.
    pub fn set(&self, reason: Reason) {
        self.0.send_if_modified(|now| {
            let first = now.is_none();
            now.get_or_insert(reason);
            first
        });
    }
}

impl Stop {
    /// Why, if the wish was made.
    pub fn reason(&self) -> Option<Reason> {
        *self.0.borrow()
    }

    /// Whether the wish was made.
    pub fn is_set(&self) -> bool {
        self.reason().is_some()
    }

    /// Returns when the wish is made; never, if its handle is gone without having made it.
    pub async fn wait(&self) {
        if self.0.clone().wait_for(Option::is_some).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_reason_stays() {
        let (handle, stop) = stop();
        assert!(!stop.is_set());
        handle.set(Reason::Signal(15));
        handle.set(Reason::FailFast);
        stop.wait().await;
        assert_eq!(stop.reason(), Some(Reason::Signal(15)));
    }
}
