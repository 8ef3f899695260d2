//! What *children* get: notification scripts, and whatever else is started, have an environment of listed variables. It is a list
//! of what they may have, so that no secret of the environment reaches them unforeseen.

use super::{CTS_SECRET, PASSWORD};
use crate::error::{Failure, kinds};
use magudi_config::secret::is_secret;
use std::ffi::OsString;

pub type Variables = Vec<(OsString, OsString)>;

/// The variable that names further ones.
pub const PASS: &str = "MAGUDI_PASS_ENVIRONMENT";

/// What any program may need: who and where it is, its language and time, and the way to servers that it talks to.
const LISTED: [&str; 31] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "HOSTNAME",
    "TERM",
    "NO_COLOR",
    "LANG",
    "LANGUAGE",
    "TZ",
    "SOURCE_DATE_EPOCH",
    "TMPDIR",
    "TMP",
    "TEMP",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "KRB5CCNAME",
    "KRB5_CONFIG",
    "KRB5_CLIENT_KTNAME",
    "SSH_AUTH_SOCK",
    "DBUS_SESSION_BUS_ADDRESS",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "no_proxy",
    "NO_PROXY",
    "TRACEPARENT",
    "TRACESTATE",
];

/// Beginnings of names that are listed too, unless the rest of the name says that the value is secret.
const BEGINNINGS: [&str; 4] = ["LC_", "XDG_", "COMPOSE_", "OTEL_"];

/// The end of those that hold headers, and with them what lets in.
const HEADERS: &str = "_HEADERS";

/// Proxies. They are passed without user and password.
const PROXIES: [&str; 6] = ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];

/// What is for magudi alone.
const OURS: [&str; 2] = [PASSWORD, CTS_SECRET];

/// A password that a child is to get.
#[derive(Debug, thiserror::Error)]
#[error("{PASS} names {0}, which magudi never passes on")]
pub struct NeverPassed(String);

kinds! { Usage: NeverPassed }

/// What a child gets of `variables`: those that are listed and those that `more` names, separated by blanks or commas; `*` at
/// the end of a name stands for any end. The passwords are never passed, and to name it is an error.
pub fn variables(variables: impl Iterator<Item = (OsString, OsString)>, more: &str) -> Result<Variables, NeverPassed> {
    let more: Vec<&str> = more.split(|c: char| c == ',' || c.is_whitespace()).filter(|name| !name.is_empty()).collect();
    if let Some(name) = more.iter().find(|name| OURS.contains(name)) {
        return Err(NeverPassed((*name).to_owned()));
    }
    let is_named = |name: &str| {
        more.iter().any(|named| named.strip_suffix('*').map_or(name == *named, |beginning| name.starts_with(beginning)))
    };
    let passed = variables.filter_map(|(name, value)| {
        let text = name.to_str().filter(|text| !OURS.contains(text))?;
        let begins = BEGINNINGS.iter().any(|beginning| text.starts_with(beginning))
            && !is_secret(text)
            && !text.ends_with(HEADERS);
        if is_named(text) || LISTED.contains(&text) || begins {
            Some((name, value))
        } else if PROXIES.contains(&text) {
            let value = without_credentials(value.to_str()?).into();
            Some((name, value))
        } else {
            None
        }
    });
    Ok(passed.collect())
}

/// `scheme://user:password@host` as `scheme://host`.
fn without_credentials(url: &str) -> String {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), url),
    };
    // A path may have the sign, too; what comes before the last one is at worst a host.
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(all: &[(&str, &str)], more: &str) -> Vec<String> {
        let all = all.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let passed = variables(all, more).unwrap();
        passed.into_iter().map(|(name, value)| format!("{}={}", name.display(), value.display())).collect()
    }

    #[test]
    fn only_what_is_listed_is_passed() {
        let all = [
            ("PATH", "/bin"),
            ("LC_ALL", "C"),
            ("COMPOSE_ID", "x"),
            ("COMPOSE_API_TOKEN", "t"),
            ("MAGUDI_KOJI_PASSWORD", "p"),
            ("MAGUDI_KOJI_OUTAGE", "1"),
            ("CTS_OIDC_CLIENT_SECRET", "c"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=k"),
            ("OTEL_SERVICE_NAME", "n"),
            ("TRACEPARENT", "00-1"),
            ("AWS_SECRET_ACCESS_KEY", "s"),
            ("BUILD_URL", "u"),
            ("https_proxy", "http://u:p@ss@proxy:3128/"),
            ("ALL_PROXY", "token@proxy"),
            ("no_proxy", "localhost"),
        ];
        let listed = [
            "PATH=/bin",
            "LC_ALL=C",
            "COMPOSE_ID=x",
            "OTEL_SERVICE_NAME=n",
            "TRACEPARENT=00-1",
            "https_proxy=http://proxy:3128/",
            "ALL_PROXY=proxy",
            "no_proxy=localhost",
        ];
        assert_eq!(passed(&all, ""), listed);
        let named = passed(&all, "BUILD_URL, AWS_*\tnothing");
        assert_eq!(named.len(), listed.len() + 2);
        for name in OURS {
            assert!(!passed(&all, "*").iter().any(|variable| variable.starts_with(name)));
            assert!(
                variables(std::iter::empty(), &format!("A {name}"))
                    .unwrap_err()
                    .to_string()
                    .contains("never passes on")
            );
        }
    }
}
