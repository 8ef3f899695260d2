//! *Trust*: which certificates make a server the right one, and TLS for the client's own certificate.

use super::options::{ClientOptions, Proxies};
use crate::error::KojiError;
use crate::files::load_limited;
use crate::profile::Profile;
use reqwest::{Certificate, ClientBuilder};
use std::error::Error as _;
use std::path::{Path, PathBuf};

/// The largest file of certificates that is read, in bytes. The system's own bundle has 0.2 MB.
const MAX_FILE: u64 = 16 * 1024 * 1024;

/// How many files of a directory are read.
const MAX_FILES: usize = 10_000;

/// Chooses the cryptography of rustls, without which not even a client for plain HTTP is made.
pub fn install_provider() {
    // An error means that the program has chosen a provider already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Whether anything of `profile` is reached over TLS, without redirects to elsewhere.
pub fn is_needed(profile: &Profile, proxies: &Proxies) -> bool {
    let proxies = [&proxies.http, &proxies.https, &proxies.all].into_iter().flatten();
    let mut all = proxies.chain(&profile.topurl).chain([&profile.server]);
    all.any(|url| is_secure(url))
}

fn is_secure(url: &str) -> bool {
    url.trim_start().get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"))
}

/// Whom to trust.
#[derive(Debug)]
pub enum Trust {
    /// The authorities that the system trusts.
    System,
    /// These and no others.
    Only(Vec<Certificate>),
    Anyone,
    /// Nobody: for what speaks no TLS, since to read the system's certificates takes longer than a call.
    Nobody,
}

impl Trust {
    /// As koji does: the profile's `serverca` and nothing else, else any server if it says so, else the bundle that the
    /// environment names, else the system's certificates.
    pub fn load(profile: &Profile, options: &ClientOptions) -> Result<Self, KojiError> {
        match (&profile.serverca, &options.ca_bundle) {
            (Some(path), _) => load_certificates("serverca", path).map(Self::Only),
            (None, _) if profile.no_ssl_verify => Ok(Self::Anyone),
            (None, Some(path)) => load_certificates("CA bundle", path).map(Self::Only),
            (None, None) => Ok(Self::System),
        }
    }

    /// A client that speaks TLS by rustls.
    pub fn rustls(&self, builder: ClientBuilder) -> ClientBuilder {
        self.apply(builder.tls_backend_rustls())
    }

    fn apply(&self, builder: ClientBuilder) -> ClientBuilder {
        match self {
            Self::System => builder,
            Self::Only(certificates) => builder.tls_certs_only(certificates.iter().cloned()),
            Self::Nobody => builder.tls_certs_only([]),
            Self::Anyone => builder.tls_danger_accept_invalid_certs(true),
        }
    }

    /// A client that speaks TLS by OpenSSL, and so can show a certificate also to servers that ask for it after the handshake,
    /// as Koji configures them. That ends with TLS 1.2: how it is done in 1.3 has to be switched on in OpenSSL, and the
    /// library in between does not.
    #[cfg(feature = "native-tls")]
    pub fn native(&self, builder: ClientBuilder) -> ClientBuilder {
        self.apply(builder.tls_backend_native().tls_version_max(reqwest::tls::Version::TLS_1_2))
    }
}

/// Reads the certificates of a PEM file, or of all files of a directory that hold any.
fn load_certificates(setting: &str, path: &Path) -> Result<Vec<Certificate>, KojiError> {
    let fail = |path: &Path, reason: &dyn std::fmt::Display| KojiError::Setting {
        setting: setting.to_owned(),
        reason: format!("{}: {reason}", path.display()),
    };
    if !path.is_dir() {
        let pem = load_limited(path, MAX_FILE).map_err(|e| fail(path, &e))?;
        return parse_certificates(&pem).map_err(|e| fail(path, &e));
    }
    let entries = std::fs::read_dir(path).map_err(|e| fail(path, &e))?;
    let mut files: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|p| p.is_file()).collect();
    files.sort();
    let mut certificates = Vec::new();
    for file in files.iter().take(MAX_FILES) {
        let pem = load_limited(file, MAX_FILE).map_err(|e| fail(file, &e))?;
        // Other files lie there too, such as lists of revoked certificates.
        certificates.extend(parse_certificates(&pem).unwrap_or_default());
    }
    if certificates.is_empty() {
        return Err(fail(path, &"no file of this directory holds a certificate in PEM"));
    }
    Ok(certificates)
}

/// Why a file has no certificates.
#[derive(Debug, thiserror::Error)]
enum NoCertificates {
    #[error(transparent)]
    Unreadable(#[from] reqwest::Error),
    #[error("holds no certificate in PEM")]
    Empty,
}

/// Reads PEM certificates; text around them is passed over.
fn parse_certificates(pem: &[u8]) -> Result<Vec<Certificate>, NoCertificates> {
    let certificates = Certificate::from_pem_bundle(pem)?;
    if certificates.is_empty() { Err(NoCertificates::Empty) } else { Ok(certificates) }
}

/// What TLS itself says in `error`, if it says anything.
pub fn reason(error: &reqwest::Error) -> Option<String> {
    let mut current = error.source();
    while let Some(cause) = current {
        if let Some(text) = text_of(cause) {
            return Some(text);
        }
        // An I/O error hides what it wraps from `source`; TLS errors are wrapped in one or two.
        current = match cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => cause.source(),
        };
    }
    None
}

fn text_of(cause: &(dyn std::error::Error + 'static)) -> Option<String> {
    if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
        return Some(tls.to_string());
    }
    #[cfg(feature = "native-tls")]
    {
        if let Some(tls) = cause.downcast_ref::<native_tls::Error>() {
            return Some(tidied(&tls.to_string()));
        }
        // Without an SSL error inside it is a connection that broke, which is no matter of TLS.
        if let Some(ssl) = cause.downcast_ref::<openssl::ssl::Error>().and_then(openssl::ssl::Error::ssl_error) {
            return Some(tidied(&ssl.to_string()));
        }
    }
    None
}

/// An error of OpenSSL without its number and the place in its source: of `error:NUMBER:LIBRARY:FUNCTION:REASON:FILE:LINE:DATA` the
/// reason, and what comes after in brackets.
#[cfg(feature = "native-tls")]
fn tidied(text: &str) -> String {
    let mut fields = text.strip_prefix("error:").unwrap_or_default().split(':');
    let Some(reason) = fields.nth(3).filter(|reason| !reason.is_empty()) else { return text.to_owned() };
    match text.rsplit_once(" (").filter(|(_, detail)| detail.ends_with(')')) {
        Some((_, detail)) => format!("{reason} ({detail}"),
        None => reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_named() {
        let mut profile = Profile::for_server("p", "https://h/kojihub");
        let options = ClientOptions::default();
        profile.serverca = Some("/nonexistent/serverca.crt".into());
        let error = Trust::load(&profile, &options).unwrap_err().to_string();
        assert!(error.starts_with("serverca: /nonexistent/serverca.crt: "), "{error}");
        assert_eq!(parse_certificates(b"hello").unwrap_err().to_string(), "holds no certificate in PEM");
    }

    #[cfg(feature = "native-tls")]
    #[test]
    fn openssl_keeps_to_the_point() {
        for (text, expected) in [
            (
                "error:0A000086:SSL routines:tls_post:certificate verify failed:../ssl/c.c:1889: (unable to get it)",
                "certificate verify failed (unable to get it)",
            ),
            (
                "error:0A000415:SSL routines:f:alert certificate expired:../s.c:1602:SSL alert number 45",
                "alert certificate expired",
            ),
            ("something else: entirely", "something else: entirely"),
            ("error:", "error:"),
        ] {
            assert_eq!(tidied(text), expected);
        }
    }

    #[test]
    fn tls_is_set_up_where_it_is_needed() {
        let mut profile = Profile::for_server("p", "http://h/kojihub");
        let mut proxies = Proxies { http: Some("http://proxy".to_owned()), ..Proxies::default() };
        assert!(!is_needed(&profile, &proxies));
        proxies.all = Some("https://proxy".to_owned());
        assert!(is_needed(&profile, &proxies));
        proxies.all = None;
        profile.topurl = Some("HTTPS://files".to_owned());
        assert!(is_needed(&profile, &proxies));
        assert!(is_needed(&Profile::for_server("p", "https://h"), &proxies));
    }

    #[test]
    fn the_profile_comes_before_the_environment() {
        let mut profile = Profile::for_server("p", "https://h/kojihub");
        let dir = tempfile::tempdir().unwrap();
        let mut options = ClientOptions { ca_bundle: Some(dir.path().to_path_buf()), ..ClientOptions::default() };
        let error = Trust::load(&profile, &options).unwrap_err().to_string();
        assert!(error.ends_with("no file of this directory holds a certificate in PEM"), "{error}");
        let ca = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/koji/tls/ca.pem");
        std::fs::copy(&ca, dir.path().join("a.pem")).unwrap();
        std::fs::write(dir.path().join("b.crl"), "something else").unwrap();
        assert!(matches!(Trust::load(&profile, &options), Ok(Trust::Only(certificates)) if certificates.len() == 1));
        options.ca_bundle = Some(ca);
        assert!(matches!(Trust::load(&profile, &options), Ok(Trust::Only(_))));
        profile.no_ssl_verify = true;
        assert!(matches!(Trust::load(&profile, &options), Ok(Trust::Anyone)));
        profile.serverca = Some("/nonexistent".into());
        assert!(Trust::load(&profile, &options).is_err());
    }
}
