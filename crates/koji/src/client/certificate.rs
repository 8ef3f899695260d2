//! A *client certificate*: one PEM file with a certificate and its key, in any of the forms that koji takes (facts: koji 29).

use crate::error::KojiError;
use crate::files::load_limited;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Identity;
use rustls::pki_types::pem::{SectionKind, from_buf};
use std::path::{Path, PathBuf};

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// How many certificates may follow the client's own.
const MAX_CHAIN: usize = 20;

/// Why a file is no client certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error(
        "the key is encrypted, and its password cannot be asked for; store it without one (`openssl pkey -in FILE`)"
    )]
    Encrypted,
    #[error("not well-formed PEM: {0}")]
    NotPem(#[from] rustls::pki_types::pem::Error),
    #[error("more than {MAX_CHAIN} certificates")]
    TooMany,
    #[error("neither a certificate nor a key in PEM")]
    Neither,
    #[error("a certificate but no private key in PEM; koji wants both in one file")]
    NoKey,
    #[error("a private key but no certificate in PEM; koji wants both in one file")]
    NoCertificate,
}

/// A certificate with its chain and its key. The key shows itself nowhere.
#[derive(Clone)]
pub struct ClientCertificate {
    path: PathBuf,
    certificates: String,
    key: String,
}

impl std::fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientCertificate").field("path", &self.path).finish_non_exhaustive()
    }
}

impl ClientCertificate {
    /// Reads the file at `path`.
    pub fn load(path: &Path) -> Result<Self, KojiError> {
        let pem = load_limited(path, MAX_FILE).map_err(|error| setting(path, error))?;
        Self::parse(path, &pem).map_err(|error| setting(path, error))
    }

    /// Reads what stands in the file at `path`.
    pub fn parse(path: &Path, pem: &[u8]) -> Result<Self, CertificateError> {
        let text = String::from_utf8_lossy(pem.strip_prefix(b"\xef\xbb\xbf").unwrap_or(pem));
        if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") || text.contains("Proc-Type: 4,ENCRYPTED") {
            return Err(CertificateError::Encrypted);
        }
        let (mut certificates, mut key) = (Vec::new(), None);
        let mut rest = text.as_bytes();
        while let Some((kind, der)) = from_buf(&mut rest)? {
            match kind {
                SectionKind::Certificate => certificates.push(der),
                SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey => {
                    // The first one counts, as in OpenSSL.
                    key = key.or(Some((kind, der)));
                }
                _ => {}
            }
        }
        if certificates.len() > MAX_CHAIN {
            return Err(CertificateError::TooMany);
        }
        let Some((kind, key)) = key else {
            let is_empty = certificates.is_empty();
            return Err(if is_empty { CertificateError::Neither } else { CertificateError::NoKey });
        };
        if certificates.is_empty() {
            return Err(CertificateError::NoCertificate);
        }
        let label = match kind {
            SectionKind::RsaPrivateKey => "RSA PRIVATE KEY",
            SectionKind::EcPrivateKey => "EC PRIVATE KEY",
            _ => "PRIVATE KEY",
        };
        Ok(Self {
            path: path.to_owned(),
            certificates: certificates.iter().map(|der| encode("CERTIFICATE", der)).collect(),
            key: encode(label, &key),
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// It as rustls wants it.
    pub fn rustls_identity(&self) -> Result<Identity, KojiError> {
        let pem = format!("{}{}", self.certificates, self.key);
        Identity::from_pem(pem.as_bytes()).map_err(|e| setting(&self.path, super::causes::chain(&e)))
    }

    /// It as OpenSSL wants it: the key apart, in PKCS #8.
    #[cfg(feature = "native-tls")]
    pub fn native_identity(&self) -> Result<Identity, KojiError> {
        let fail = |reason: String| setting(&self.path, reason);
        let key = openssl::pkey::PKey::private_key_from_pem(self.key.as_bytes())
            .and_then(|key| key.private_key_to_pem_pkcs8())
            .map_err(|e| fail(format!("the private key cannot be read: {e}")))?;
        Identity::from_pkcs8_pem(self.certificates.as_bytes(), &key).map_err(|e| fail(super::causes::chain(&e)))
    }
}

fn setting(path: &Path, reason: impl std::fmt::Display) -> KojiError {
    KojiError::Setting { setting: "cert".to_owned(), reason: format!("{}: {reason}", path.display()) }
}

fn encode(label: &str, der: &[u8]) -> String {
    let mut pem = format!("-----BEGIN {label}-----\n");
    for (index, digit) in STANDARD.encode(der).chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            pem.push('\n');
        }
        pem.push(digit);
    }
    pem.push_str(&format!("\n-----END {label}-----\n"));
    pem
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture(name: &str) -> Vec<u8> {
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/koji/tls").join(name)).unwrap()
    }

    fn parse(pem: &[u8]) -> Result<ClientCertificate, CertificateError> {
        ClientCertificate::parse(Path::new("client.pem"), pem)
    }

    #[test]
    fn every_usual_form_is_read() {
        let with_crlf = String::from_utf8(fixture("client-pkcs8.pem")).unwrap().replace('\n', "\r\n").into_bytes();
        let with_mark = [b"\xef\xbb\xbf".as_slice(), &fixture("client-pkcs8.pem")].concat();
        let names = ["pkcs8", "key-first", "pkcs1", "sec1", "text", "chain"];
        let files = names.map(|name| (name, fixture(&format!("client-{name}.pem"))));
        for (name, pem) in files.into_iter().chain([("CR LF", with_crlf), ("byte order mark", with_mark)]) {
            let certificate = parse(&pem).unwrap_or_else(|e| panic!("{name}: {e}"));
            certificate.rustls_identity().unwrap_or_else(|e| panic!("{name}: {e}"));
            #[cfg(feature = "native-tls")]
            certificate.native_identity().unwrap_or_else(|e| panic!("{name}: {e}"));
            assert!(!format!("{certificate:?}").contains("PRIVATE"));
        }
        assert_eq!(parse(&fixture("client-chain.pem")).unwrap().certificates.matches("BEGIN").count(), 2);
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (pem, expected) in [
            (fixture("client-encrypted.pem"), "the key is encrypted"),
            (fixture("client-encrypted-pkcs1.pem"), "the key is encrypted"),
            (fixture("ca.pem"), "a certificate but no private key"),
            (fixture("server.key"), "a private key but no certificate"),
            (b"hello".to_vec(), "neither a certificate nor a key"),
            (Vec::new(), "neither a certificate nor a key"),
            (b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n".to_vec(), "not well-formed PEM"),
            (b"-----BEGIN CERTIFICATE-----\nAAAA\n".to_vec(), "not well-formed PEM"),
            (fixture("client-pkcs8.pem").repeat(21), "more than 20 certificates"),
        ] {
            let error = parse(&pem).unwrap_err().to_string();
            assert!(error.contains(expected), "{expected}: {error}");
        }
        let error = ClientCertificate::load(Path::new("/nonexistent/c.pem")).unwrap_err().to_string();
        assert!(error.starts_with("cert: /nonexistent/c.pem: "), "{error}");
    }
}
