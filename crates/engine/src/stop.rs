//! A *stop* is the wish that a run end early. It can be looked at and waited for.

use std::future::Future;
use std::io;
use std::sync::Arc;
use thiserror::Error;
use tokio::sync::watch;

/// Why a request that has not ended when a run is stopped failed.
pub const STOPPED: &str = "stopped before it ended";

/// Why a run is to end early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// A signal of this number; running tasks are canceled.
    Signal(i32),
    /// A signal of this number; running tasks are left alone, for a later resume.
    Detach(i32),
    /// An image failed that the compose cannot do without; the rest is canceled.
    FailFast,
    /// This machine lacks what every image needs, for this reason; running tasks are left alone, for a later resume.
    Machine(Arc<str>),
}

/// What was given up because of a stop.
#[derive(Debug, Clone, Copy, Error)]
#[error("{STOPPED}")]
pub struct Stopped;

impl Stopped {
    /// Whether that is what ended reading or writing.
    pub fn is_reason_of(error: &io::Error) -> bool {
        matches!(error.get_ref(), Some(inner) if inner.is::<Self>())
    }
}

impl From<Stopped> for io::Error {
    fn from(stopped: Stopped) -> Self {
        Self::other(stopped)
    }
}

#[derive(Debug, Clone)]
pub struct StopHandle(watch::Sender<Option<Reason>>);

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
        self.0.borrow().clone()
    }

    /// Whether the wish was made.
    pub fn is_set(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// For work that blocks, every few megabytes: an error once the wish was made.
    pub fn check(&self) -> Result<(), Stopped> {
        if self.is_set() { Err(Stopped) } else { Ok(()) }
    }

    /// Returns when the wish is made; never, if its handle is gone without having made it.
    pub async fn wait(&self) {
        if self.0.clone().wait_for(Option::is_some).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// The result of `work`; none if the wish is made before there is one.
    pub async fn unless_set<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            result = work => Some(result),
            () = self.wait() => None,
        }
    }

    /// The same, but after a failure the work continues: it may tell what else has failed.
    pub async fn unless_signaled<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let signaled = async {
            self.wait().await;
            if self.reason() == Some(Reason::FailFast) {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            result = work => Some(result),
            () = signaled => None,
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

    #[test]
    fn work_that_blocks_finds_out() {
        let (handle, stop) = stop();
        assert!(stop.check().is_ok());
        handle.set(Reason::FailFast);
        let error = io::Error::from(stop.check().unwrap_err());
        assert!(Stopped::is_reason_of(&error));
        assert!(!Stopped::is_reason_of(&io::Error::other("another")));
    }

    #[tokio::test]
    async fn work_is_given_up_when_the_wish_is_made() {
        let (handle, stop) = stop();
        assert_eq!(stop.unless_set(async { 1 }).await, Some(1));
        handle.set(Reason::FailFast);
        assert_eq!(stop.unless_set(std::future::pending::<()>()).await, None);
        assert_eq!(stop.unless_set(async { 1 }).await, Some(1), "what is done is done");
        assert_eq!(stop.unless_signaled(tokio::task::yield_now()).await, Some(()), "goes on after a failure");
        let (handle, stop) = super::stop();
        handle.set(Reason::Signal(15));
        assert_eq!(stop.unless_signaled(std::future::pending::<()>()).await, None);
    }
}
