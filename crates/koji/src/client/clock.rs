//! The hub's *clock*, as the `Date` of its answers tells it. Times that are compared with those of the hub's tasks come from it
//! and not from the clock of this machine, which may be wrong by hours.

use reqwest::header::{AGE, DATE, HeaderMap};
use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// What the last answer said, and when it came by a clock that is not set.
#[derive(Debug, Default)]
pub struct HubClock(Mutex<Option<(f64, Instant)>>);

impl HubClock {
    /// Reads the time in the headers of an answer that is the hub's own. One that some cache has kept tells no time.
    pub fn read(&self, headers: &HeaderMap) {
        let date = headers.get(DATE).filter(|_| !headers.contains_key(AGE));
        let time = date.and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
        if let Some(time) = time.and_then(|time: SystemTime| time.duration_since(UNIX_EPOCH).ok()) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((time.as_secs_f64(), Instant::now()));
        }
    }

    /// The time of the hub, in seconds since 1970: at most as late as it is there, and about a second early. None: no answer
    /// has told.
    pub fn now(&self) -> Option<f64> {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.map(|(time, since)| time + since.elapsed().as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    #[test]
    fn only_a_fresh_date_counts() {
        let clock = HubClock::default();
        let mut headers = HeaderMap::new();
        clock.read(&headers);
        headers.insert(DATE, HeaderValue::from_static("yesterday"));
        clock.read(&headers);
        assert_eq!(clock.now(), None);
        headers.insert(DATE, HeaderValue::from_static("Sun, 22 Nov 2026 09:06:33 GMT"));
        clock.read(&headers);
        let told = clock.now().unwrap();
        assert!((1_795_338_393.0..1_795_338_493.0).contains(&told), "{told}");
        headers.insert(DATE, HeaderValue::from_static("Sun, 22 Nov 2020 09:06:33 GMT"));
        headers.insert(AGE, HeaderValue::from_static("60"));
        clock.read(&headers);
        assert!(clock.now().unwrap() >= told);
    }
}
