//! The *caller* of a request, as headers and query string describe it (facts: sessions 2).

use std::net::IpAddr;

use hyper::HeaderMap;

use crate::python::quoted;
use crate::sessions::Credentials;
use crate::wire::{self, Fault, python};

/// Who sent a request.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) ip: IpAddr,
    /// What it says about a session.
    pub(crate) credentials: Result<Option<Credentials>, Fault>,
    /// The identity that the web server in front vouches for.
    pub(crate) remote_user: Option<String>,
    /// Whether the hub is under maintenance: admins and logins only.
    pub(crate) is_locked_out: bool,
}

/// Reads who sends a request. Headers win over the query string, unless the hub is so old that it does not know them.
pub(crate) fn read(ip: IpAddr, headers: &HeaderMap, query: Option<&str>, is_old: bool) -> Caller {
    let header = |name: &str| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let credentials = match header("koji-session-id").filter(|_| !is_old) {
        Some(id) => from_headers(&id, header("koji-session-key"), {
            header("koji-session-callnum").or_else(|| header("koji-callnum"))
        })
        .map(Some),
        None => query.filter(|query| !query.is_empty()).map(from_query).transpose(),
    };
    Caller {
        ip,
        credentials,
        remote_user: header("x-remote-user").filter(|user| !user.is_empty()),
        is_locked_out: false,
    }
}

fn from_headers(id: &str, key: Option<String>, callnum: Option<String>) -> Result<Credentials, Fault> {
    let id = int(id)?;
    let key = key.ok_or_else(|| python("KeyError", "'HTTP_KOJI_SESSION_KEY'"))?;
    let callnum = callnum.map(|callnum| int(&callnum)).transpose()?;
    Ok(Credentials { id, key, callnum })
}

fn int(text: &str) -> Result<i64, Fault> {
    text.trim()
        .parse()
        .map_err(|_| python("ValueError", &format!("invalid literal for int() with base 10: {}", quoted(text))))
}

/// The way in which sessions travelled before there were headers for them.
fn from_query(query: &str) -> Result<Credentials, Fault> {
    let (mut id, mut key, mut callnum) = (None, None, None);
    for field in query.split('&') {
        let Some((name, value)) = field.split_once('=') else {
            return Err(python("ValueError", &format!("bad query field: {}", quoted(field))));
        };
        let value = percent_decode(value);
        match name {
            "session-id" => id = Some(value),
            "session-key" => key = Some(value),
            "callnum" => callnum = Some(value),
            _ => {}
        }
    }
    let missing = |name: &str| Fault::new(wire::AUTH, format!("'{name}' not specified in session args"));
    let id = id.ok_or_else(|| missing("session-id"))?;
    let key = key.ok_or_else(|| missing("session-key"))?;
    let id = id.parse().map_err(|_| Fault::new(wire::AUTH, "Invalid session or bad credentials"))?;
    let callnum = callnum
        .map(|text| text.parse().map_err(|_| Fault::new(wire::AUTH, format!("Invalid callnum: {}", quoted(&text)))))
        .transpose()?;
    Ok(Credentials { id, key, callnum })
}

/// Undoes percent encoding; what is not an escape stays, and bytes that are not UTF-8 become replacement characters.
pub(crate) fn percent_decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let digits = (ahead.next(), ahead.next());
        match (byte, digits) {
            (b'%', (Some(high), Some(low))) => {
                let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
                match (digit(high), digit(low)) {
                    (Some(high), Some(low)) => {
                        out.push(high << 4 | low);
                        bytes = ahead;
                    }
                    _ => out.push(byte),
                }
            }
            _ => out.push(byte),
        }
    }
    String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn caller(headers: &[(&'static str, &str)], query: Option<&str>) -> Result<Option<Credentials>, (i64, String)> {
        let headers = headers.iter().map(|(name, value)| {
            (hyper::header::HeaderName::from_static(name), hyper::header::HeaderValue::from_str(value).unwrap())
        });
        let caller = read(IpAddr::V4(Ipv4Addr::LOCALHOST), &headers.collect(), query, false);
        caller.credentials.map_err(|fault| (fault.code, fault.string))
    }

    #[test]
    fn sessions_in_headers_and_in_the_query() {
        let session = |callnum| Ok(Some(Credentials { id: 7, key: "2-k".to_owned(), callnum }));
        let (id, key) = (("koji-session-id", "7"), ("koji-session-key", "2-k"));
        assert_eq!(caller(&[], None), Ok(None));
        assert_eq!(caller(&[key], None), Ok(None));
        assert_eq!(caller(&[id, key], None), session(None));
        assert_eq!(caller(&[id, key, ("koji-callnum", "3")], Some("foo")), session(Some(3)));
        assert_eq!(caller(&[id, key, ("koji-callnum", "3"), ("koji-session-callnum", "4")], None), session(Some(4)));
        assert_eq!(caller(&[], Some("session-id=7&session-key=2%2Dk&callnum=5")), session(Some(5)));
        let fails = |headers: &[(&'static str, &str)], query| caller(headers, query).unwrap_err();
        assert_eq!(fails(&[id], None), (1, "<class 'KeyError'>: 'HTTP_KOJI_SESSION_KEY'".to_owned()));
        assert_eq!(
            fails(&[("koji-session-id", "abc"), key], None),
            (1, "<class 'ValueError'>: invalid literal for int() with base 10: 'abc'".to_owned())
        );
        assert_eq!(fails(&[], Some("foo=1")), (1002, "'session-id' not specified in session args".to_owned()));
        assert_eq!(fails(&[], Some("foo")), (1, "<class 'ValueError'>: bad query field: 'foo'".to_owned()));
        assert_eq!(fails(&[], Some("session-id=1&session-key=k&callnum=x")), (1002, "Invalid callnum: 'x'".to_owned()));
    }

    #[test]
    fn old_hubs_know_no_headers() {
        let headers = [("koji-session-id", "7"), ("koji-session-key", "2-k")].map(|(name, value)| {
            (hyper::header::HeaderName::from_static(name), hyper::header::HeaderValue::from_static(value))
        });
        let headers: HeaderMap = headers.into_iter().collect();
        let read = |query| read(IpAddr::V4(Ipv4Addr::LOCALHOST), &headers, query, true).credentials;
        assert_eq!(read(None), Ok(None));
        let session = Credentials { id: 8, key: "3-k".to_owned(), callnum: Some(0) };
        assert_eq!(read(Some("session-id=8&session-key=3-k&callnum=0")), Ok(Some(session)));
    }

    #[test]
    fn percents() {
        assert_eq!(percent_decode("a%20b%C3%A9%2"), "a bé%2");
        assert_eq!(percent_decode("%zz%+1%2e%2E"), "%zz%+1..");
        assert_eq!(percent_decode("%ff"), "\u{fffd}");
    }
}
