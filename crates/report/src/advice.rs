//! What to do about a compose that did not finish: one answer for `magudi status`, the terminal and the report.

use crate::text::shell_word;
use magudi_engine::history::{History, RequestState};

/// A way to continue a compose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Take it up where it stopped.
    Resume,
    /// Build again what failed.
    RetryFailed,
}

impl Next {
    /// How to continue a compose that no process runs, whose status is `status`; `None` where there is nothing to continue, and of a
    /// simulated one, whose hub is gone.
    pub fn of(status: &str, history: &History) -> Option<Self> {
        if history.is_simulated() {
            return None;
        }
        let counts = history.counts();
        let failed = counts.of(RequestState::Failed) + counts.of(RequestState::Canceled) > 0;
        match status {
            "FINISHED" => None,
            "FINISHED_INCOMPLETE" => Some(Self::RetryFailed),
            "DOOMED" | "TERMINATED" if failed => Some(Self::RetryFailed),
            "DOOMED" | "TERMINATED" => Some(Self::Resume),
            // Its process died, or could not write what it ended with.
            _ => Some(Self::Resume),
        }
    }

    pub fn purpose(self) -> &'static str {
        match self {
            Self::Resume => "Continue where it stopped; nothing is built twice",
            Self::RetryFailed => "Build only what failed, and keep the rest",
        }
    }

    /// The command line, for a shell. `dir` is the compose directory.
    pub fn command(self, dir: &str) -> String {
        let options = match self {
            Self::Resume => "",
            Self::RetryFailed => "--retry-failed ",
        };
        format!("magudi resume {options}{}", shell_word(dir))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_or_simulated_is_not_continued() {
        let ended = History { ended: true, ..History::default() };
        let of = |status| Next::of(status, &ended);
        assert_eq!(
            ["FINISHED", "FINISHED_INCOMPLETE", "TERMINATED"].map(of),
            [None, Some(Next::RetryFailed), Some(Next::Resume)]
        );
        assert_eq!(Next::of("STARTED", &History::default()), Some(Next::Resume), "its process died");
        assert_eq!(Next::of("STARTED", &ended), Some(Next::Resume), "there was no room for its STATUS");
        let settings = Some(serde_json::json!({"simulated": true}));
        assert_eq!(Next::of("DOOMED", &History { settings, ..ended.clone() }), None);
        assert_eq!(Next::RetryFailed.command("/mnt/a b"), "magudi resume --retry-failed '/mnt/a b'");
    }
}
