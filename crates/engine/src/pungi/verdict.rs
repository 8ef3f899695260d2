//! What became of Pungi, and what that makes of the compose.

use crate::event::Event;
use magudi_compose::status::Status;
use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    Exited {
        code: i32,
    },
    /// A signal killed it.
    Killed {
        /// The signal's number.
        signal: i32,
    },
    /// Not seen by any run.
    Unseen,
    /// It could not be started, or not be followed.
    Lost {
        reason: String,
    },
    /// It has not: the run has left it.
    Running,
}

impl How {
    pub fn event(&self) -> Event {
        let (mut code, mut signal, mut reason) = (None, None, None);
        match self {
            Self::Exited { code: of } => code = Some(*of),
            Self::Killed { signal: by } => signal = Some(*by),
            Self::Lost { reason: why } => reason = Some(why.clone()),
            Self::Unseen | Self::Running => {}
        }
        Event::PungiEnded { code, signal, reason }
    }

    /// What such an event says.
    pub fn of(code: Option<i32>, signal: Option<i32>, reason: Option<&str>) -> Self {
        match (code, signal, reason) {
            (Some(code), _, _) => Self::Exited { code },
            (None, Some(signal), _) => Self::Killed { signal },
            (None, None, Some(reason)) => Self::Lost { reason: reason.to_owned() },
            (None, None, None) => Self::Unseen,
        }
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited { code } => write!(f, "it ended with exit status {code}"),
            Self::Killed { signal } => write!(f, "it was killed by signal {signal}"),
            Self::Unseen => f.write_str("it ended while no run was watching"),
            Self::Lost { reason } => f.write_str(reason),
            Self::Running => f.write_str("it is still running"),
        }
    }
}

/// What a Pungi has to say of the compose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The last status that it wrote.
    pub status: Option<String>,
    pub how: How,
}

impl Verdict {
    /// The status that the compose has for Pungi's sake, and what is wrong if it is not a finished one.
    pub fn status(&self) -> (Status, Option<String>) {
        let said = self.status.as_deref().and_then(Status::parse);
        let how = &self.how;
        let ended_well = matches!(self.how, How::Exited { code: 0 } | How::Unseen);
        match said {
            Some(status @ (Status::Finished | Status::FinishedIncomplete)) if ended_well => (status, None),
            Some(Status::Terminated) => (Status::Terminated, Some(format!("Pungi was terminated ({how})"))),
            Some(Status::Doomed) => (Status::Doomed, Some(format!("Pungi failed: {how}; its log says why"))),
            Some(status) => (Status::Doomed, Some(format!("Pungi failed: {how}, although its status is {status}"))),
            None if matches!(self.how, How::Lost { .. }) => (Status::Doomed, Some(format!("Pungi failed: {how}"))),
            None => (Status::Doomed, Some(format!("Pungi died without a final status: {how}"))),
        }
    }
}

/// The worse of two ends of a compose.
pub fn worse(one: Status, other: Status) -> Status {
    let rank = |status: Status| match status {
        Status::Finished => 0,
        Status::FinishedIncomplete => 1,
        Status::Started => 2,
        Status::Doomed => 3,
        Status::Terminated => 4,
    };
    if rank(other) > rank(one) { other } else { one }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_pungi_that_says_so_and_ends_well_is_done() {
        let verdict = |status: Option<&str>, how: How| {
            let (status, error) = Verdict { status: status.map(str::to_owned), how }.status();
            (status, error.unwrap_or_default())
        };
        assert_eq!(verdict(Some("FINISHED"), How::Exited { code: 0 }).0, Status::Finished);
        assert_eq!(verdict(Some("FINISHED_INCOMPLETE"), How::Unseen).0, Status::FinishedIncomplete);
        for (status, how, want) in [
            (Some("FINISHED"), How::Exited { code: 1 }, "it ended with exit status 1, although its status is FINISHED"),
            (Some("FINISHED"), How::Killed { signal: 9 }, "it was killed by signal 9"),
            (Some("DOOMED"), How::Exited { code: 1 }, "Pungi failed: it ended with exit status 1; its log says why"),
            (None, How::Exited { code: 0 }, "died without a final status"),
            (None, How::Killed { signal: 11 }, "it was killed by signal 11"),
            (
                None,
                How::Lost { reason: "cannot start pungi-koji: no".to_owned() },
                "Pungi failed: cannot start pungi-koji: no",
            ),
        ] {
            let (status, error) = verdict(status, how);
            assert_eq!(status, Status::Doomed);
            assert!(error.contains(want), "{error}");
        }
        assert_eq!(verdict(Some("TERMINATED"), How::Exited { code: 1 }).0, Status::Terminated);
    }

    #[test]
    fn the_worse_end_counts() {
        use Status::{Doomed, Finished, FinishedIncomplete, Terminated};
        assert_eq!(worse(Finished, FinishedIncomplete), FinishedIncomplete);
        assert_eq!(worse(Doomed, FinishedIncomplete), Doomed);
        assert_eq!(worse(Doomed, Terminated), Terminated);
        assert_eq!(worse(Finished, Finished), Finished);
    }
}
