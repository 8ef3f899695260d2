//! *Patience* with a hub that is behind: of what it does not know yet it is asked again, with growing pauses.

use std::time::Duration;
use tokio::time::Instant;

/// The first pause.
const FIRST: Duration = Duration::from_millis(250);

/// The longest pause.
const LONGEST: Duration = Duration::from_secs(30);

/// Growing pauses, the last of which ends after a given time.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    until: Instant,
    pause: Duration,
}

impl Patience {
    /// Patience that begins now and is over after `time`.
    pub fn lasting(time: Duration) -> Self {
        Self::until(Instant::now() + time)
    }

    /// Patience that begins now and is over at that time.
    pub fn until(until: Instant) -> Self {
        Self { until, pause: FIRST }
    }

    /// When to ask next; none when the patience is over.
    pub fn next_time(&mut self) -> Option<Instant> {
        let now = Instant::now();
        let left = self.until.checked_duration_since(now).filter(|left| !left.is_zero())?;
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST);
        Some(now + pause.min(left))
    }

    /// Waits until it is time to ask again. False: the patience is over.
    pub async fn wait(&mut self) -> bool {
        match self.next_time() {
            Some(time) => {
                tokio::time::sleep_until(time).await;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_and_the_last_one_ends_in_time() {
        let begun = Instant::now();
        let mut patience = Patience::lasting(Duration::from_secs(5));
        let mut times = Vec::new();
        while patience.wait().await {
            times.push(begun.elapsed().as_millis());
        }
        assert_eq!(times, [250, 750, 1750, 3750, 5000]);
        assert!(!Patience::lasting(Duration::ZERO).wait().await);
    }
}
