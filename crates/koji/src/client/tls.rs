//! *Trust*: which certificates make a server the right one.

use crate::error::KojiError;
use crate::profile::Profile;
use reqwest::{Certificate, ClientBuilder};
use std::path::Path;

/// Sets up TLS for the hub of `profile`: its `serverca` and nothing else, else any server if it says so, else the
/// system's certificates. Where nothing is reached over TLS no file is looked for.
pub fn configure(builder: ClientBuilder, profile: &Profile) -> Result<ClientBuilder, KojiError> {
    // An error means that the program has chosen a provider already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let is_secure = |url: &str| url.trim_start().get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"));
    if !is_secure(&profile.server) && !profile.topurl.as_deref().is_some_and(is_secure) {
        return Ok(builder);
    }
    match &profile.serverca {
        Some(path) => Ok(builder.tls_certs_only(load_certificates(path)?)),
        None if profile.no_ssl_verify => Ok(builder.tls_danger_accept_invalid_certs(true)),
        None => Ok(builder),
    }
}

/// Reads the certificates of a PEM file.
fn load_certificates(path: &Path) -> Result<Vec<Certificate>, KojiError> {
    let fail = |reason: String| KojiError::Setting {
        setting: "serverca".to_owned(),
        reason: format!("{}: {reason}", path.display()),
    };
    let pem = std::fs::read(path).map_err(|e| fail(e.to_string()))?;
    parse_certificates(&pem).map_err(fail)
}

/// Reads PEM certificates; text around them is passed over.
fn parse_certificates(pem: &[u8]) -> Result<Vec<Certificate>, String> {
    let certificates = Certificate::from_pem_bundle(pem).map_err(|e| e.to_string())?;
    if certificates.is_empty() { Err("holds no certificate in PEM".to_owned()) } else { Ok(certificates) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_named() {
        let mut profile = Profile::for_server("p", "https://h/kojihub");
        profile.serverca = Some("/nonexistent/serverca.crt".into());
        let error = configure(ClientBuilder::new(), &profile).unwrap_err().to_string();
        assert!(error.starts_with("serverca: /nonexistent/serverca.crt: "), "{error}");
        profile.server = "http://h/kojihub".to_owned();
        assert!(configure(ClientBuilder::new(), &profile).is_ok());
        profile.topurl = Some("HTTPS://files".to_owned());
        assert!(configure(ClientBuilder::new(), &profile).is_err());
        assert_eq!(parse_certificates(b"hello").unwrap_err(), "holds no certificate in PEM");
    }
}
