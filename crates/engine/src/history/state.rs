//! The *state* of a request: one word for where an image is, the same in `magudi status`, on the terminal, in the report and in the
//! documentation. What the hub says of a task has Koji's own words; what only magudi knows has words of its own.

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestState {
    /// Not sent yet.
    Planned,
    /// Sent, and it is not known whether the hub made a task.
    InDoubt,
    /// Koji: no builder has the task.
    Free,
    /// Koji: a builder has the task and has not begun.
    Assigned,
    /// Koji: a builder works on the task.
    Open,
    /// Koji: the task has succeeded.
    Closed,
    /// Its files are on their way into the compose.
    Fetching,
    /// Everything is in the compose.
    Done,
    /// It failed, at the hub or on the way.
    Failed,
    /// Koji: the task was canceled.
    Canceled,
}

impl RequestState {
    /// Every state, in the order of a request's life.
    pub const ALL: [Self; 10] = [
        Self::Planned,
        Self::InDoubt,
        Self::Free,
        Self::Assigned,
        Self::Open,
        Self::Closed,
        Self::Fetching,
        Self::Done,
        Self::Failed,
        Self::Canceled,
    ];

    /// Every state, what needs attention first.
    pub const BY_ATTENTION: [Self; 10] = [
        Self::Failed,
        Self::Canceled,
        Self::InDoubt,
        Self::Open,
        Self::Assigned,
        Self::Free,
        Self::Fetching,
        Self::Closed,
        Self::Planned,
        Self::Done,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::InDoubt => "in doubt",
            Self::Free => "free",
            Self::Assigned => "assigned",
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Fetching => "fetching",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// What the word means, as the documentation has it.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Planned => "not sent to the hub yet",
            Self::InDoubt => "sent, but it is unknown whether the hub created a task",
            Self::Free => "the hub has the task and no builder does (Koji's `FREE`)",
            Self::Assigned => "a builder has the task and has not begun (`ASSIGNED`)",
            Self::Open => "a builder works on the task (`OPEN`)",
            Self::Closed => "the task has succeeded (`CLOSED`), and no file of it is on its way yet",
            Self::Fetching => "its files are being fetched and verified",
            Self::Done => "everything is in the compose",
            Self::Failed => "the task failed (`FAILED`), the hub refused it, or its files could not be taken",
            Self::Canceled => "the task was canceled (`CANCELED`), by magudi or by another user",
        }
    }

    /// Whether nothing more comes of it without another run.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Canceled)
    }
}

/// How many requests are in each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts([usize; RequestState::ALL.len()]);

impl Counts {
    /// Counts one more in `state`.
    pub fn count(&mut self, state: RequestState) {
        self.0[state as usize] += 1;
    }

    /// How many are in `state`.
    pub fn of(&self, state: RequestState) -> usize {
        self.0[state as usize]
    }

    pub fn total(&self) -> usize {
        self.0.iter().sum()
    }

    /// How many have come to their end, see [`RequestState::is_over`].
    pub fn over(&self) -> usize {
        RequestState::ALL.into_iter().filter(|state| state.is_over()).map(|state| self.of(state)).sum()
    }

    /// The states that have any, with their numbers, in the order of `states`.
    pub fn present(self, states: [RequestState; 10]) -> impl Iterator<Item = (RequestState, usize)> {
        states.into_iter().map(move |state| (state, self.of(state))).filter(|(_, count)| *count > 0)
    }
}

impl std::ops::Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|state| self.0[state] + other.0[state]))
    }
}

impl FromIterator<RequestState> for Counts {
    fn from_iter<T: IntoIterator<Item = RequestState>>(states: T) -> Self {
        let mut counts = Self::default();
        states.into_iter().for_each(|state| counts.count(state));
        counts
    }
}

impl std::fmt::Display for RequestState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn both_orders_have_every_state_once() {
        let all: BTreeSet<_> = RequestState::ALL.into_iter().collect();
        let sorted: BTreeSet<_> = RequestState::BY_ATTENTION.into_iter().collect();
        let words: BTreeSet<_> = RequestState::ALL.map(RequestState::as_str).into_iter().collect();
        assert_eq!((all.len(), words.len()), (10, 10));
        assert_eq!(all, sorted);
    }

    #[test]
    fn states_are_counted() {
        let counts: Counts = [RequestState::Done, RequestState::Open, RequestState::Done].into_iter().collect();
        assert_eq!((counts.total(), counts.over(), counts.of(RequestState::Done)), (3, 2, 2));
        let present: Vec<_> = counts.present(RequestState::BY_ATTENTION).collect();
        assert_eq!(present, [(RequestState::Open, 1), (RequestState::Done, 2)]);
    }

    #[test]
    fn kojis_states_have_kojis_words() {
        use magudi_koji::calls::TaskState;
        let words: BTreeSet<_> = RequestState::ALL.map(RequestState::as_str).into_iter().collect();
        for state in TaskState::ALL {
            assert!(words.contains(state.name()), "{state}");
        }
    }
}
