//! *Times* of a hub: microseconds since 1970, shown as a string and as seconds.
//!
//! A hub never sends XML-RPC dates: `*_time` is Python's `isoformat` with a space, `*_ts` a double (facts: wire 14).

use std::time::{SystemTime, UNIX_EPOCH};

use crate::wire::{Value, string};

/// Microseconds since the beginning of 1970, UTC.
pub(crate) type Micros = i64;

/// The time now.
pub(crate) fn now() -> Micros {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| Micros::try_from(since.as_micros()).ok())
        .unwrap_or_default()
}

/// `seconds` as microseconds.
pub(crate) fn micros(seconds: f64) -> Micros {
    (seconds * 1e6) as Micros
}

/// Seconds since 1970.
pub(crate) fn seconds(time: Micros) -> f64 {
    time as f64 / 1e6
}

/// `2026-11-22 08:46:14.668548+00:00`; without the fraction when it is zero.
pub(crate) fn text(time: Micros) -> String {
    let Ok(stamp) = jiff::Timestamp::from_microsecond(time) else {
        return String::new();
    };
    let zoned = stamp.to_zoned(jiff::tz::TimeZone::UTC);
    let format =
        if time.rem_euclid(1_000_000) == 0 { "%Y-%m-%d %H:%M:%S+00:00" } else { "%Y-%m-%d %H:%M:%S.%6f+00:00" };
    zoned.strftime(format).to_string()
}

/// A `*_time` member.
pub(crate) fn time_value(time: Option<Micros>) -> Value {
    time.map_or(Value::Nil, |time| string(text(time)))
}

/// A `*_ts` member.
pub(crate) fn ts_value(time: Option<Micros>) -> Value {
    time.map_or(Value::Nil, |time| Value::Double(seconds(time)))
}

/// The `Last-Modified` form: `Tue, 14 Nov 2023 22:13:20 GMT`.
pub(crate) fn http_date(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or_default());
    jiff::Timestamp::from_second(since).map_or_else(
        |_| String::new(),
        |stamp| stamp.to_zoned(jiff::tz::TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn as_a_hub_writes_them() {
        assert_eq!(text(1_795_337_174_668_548), "2026-11-22 08:46:14.668548+00:00");
        assert_eq!(text(1_795_337_174_000_000), "2026-11-22 08:46:14+00:00");
        assert_eq!(ts_value(Some(1_795_337_174_668_548)), Value::Double(1_795_337_174.668_548));
        assert_eq!(http_date(UNIX_EPOCH + Duration::from_secs(1_700_000_000)), "Tue, 14 Nov 2023 22:13:20 GMT");
        assert!(now() > 1_700_000_000_000_000);
    }
}
