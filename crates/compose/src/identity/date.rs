//! The *compose date* is the day that a compose carries in its id.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// A time that no calendar shows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("SOURCE_DATE_EPOCH={0} is not a time between the years 0 and 9999")]
pub struct BadDate(pub i64);

/// Today as `YYYYMMDD`: local time as in Pungi, or the UTC day of `source_date_epoch` (seconds since 1970) if given.
pub fn compose_date(source_date_epoch: Option<i64>) -> Result<String, BadDate> {
    let day = match source_date_epoch {
        None => Zoned::now().date(),
        Some(seconds) => Timestamp::from_second(seconds).map_err(|_| BadDate(seconds))?.to_zoned(TimeZone::UTC).date(),
    };
    if day.year() < 0 {
        return Err(BadDate(source_date_epoch.unwrap_or_default()));
    }
    Ok(format!("{:04}{:02}{:02}", day.year(), day.month(), day.day()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_eight_digits() {
        assert_eq!(compose_date(Some(1_709_164_800)).as_deref(), Ok("20240229"));
        assert_eq!(compose_date(Some(1_709_251_199)).as_deref(), Ok("20240229"));
        assert_eq!(compose_date(Some(0)).as_deref(), Ok("19700101"));
        assert_eq!(compose_date(Some(i64::MAX)), Err(BadDate(i64::MAX)));
        assert_eq!(compose_date(Some(-62_200_000_000)), Err(BadDate(-62_200_000_000)));
        let today = compose_date(None).unwrap();
        assert!(today.len() == 8 && today.bytes().all(|b| b.is_ascii_digit()), "{today}");
    }
}
