//! *Authenticators*: the ways to open a session (facts: sessions 1).

use super::certificate::ClientCertificate;
use super::options::ClientOptions;
use crate::error::KojiError;
use crate::profile::{AuthType, Profile};
use std::path::PathBuf;

/// A password. It shows itself nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Wraps a password.
    pub fn new(password: impl Into<String>) -> Self {
        Self(password.into())
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(..)")
    }
}

/// How to open a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authenticator {
    /// `login` with a name and a password.
    Password {
        user: String,
        /// The password.
        password: Password,
    },
    /// `sslLogin` with a client certificate.
    Certificate {
        /// The certificate with its key, in PEM.
        cert: PathBuf,
    },
    /// `sslLogin` with Kerberos.
    Kerberos {
        /// The principal; none: that of the ticket at hand.
        principal: Option<String>,
        /// The key table to get a ticket with.
        keytab: Option<String>,
    },
}

impl Authenticator {
    /// The way that a profile asks for. A password comes with its user from elsewhere: profiles have neither.
    pub fn from_profile(profile: &Profile) -> Result<Self, KojiError> {
        match profile.auth_type() {
            AuthType::Ssl => match &profile.cert {
                Some(cert) => Ok(Self::Certificate { cert: cert.clone() }),
                None => Err(KojiError::Auth {
                    reason: format!("the koji profile `{}` has authtype ssl but no `cert`", profile.name),
                }),
            },
            AuthType::Kerberos => {
                Ok(Self::Kerberos { principal: profile.principal.clone(), keytab: profile.keytab.clone() })
            }
            AuthType::Password => Err(KojiError::Auth {
                reason: format!("the koji profile `{}` logs in by password and names no user", profile.name),
            }),
            AuthType::NoAuth => Err(KojiError::Auth {
                reason: format!("the koji profile `{}` has authtype noauth, but this needs a login", profile.name),
            }),
        }
    }

    /// Whether this build and `options` can log in so at all. Asked before anything else begins, it spares a compose that could
    /// never have logged in.
    pub fn check(&self, options: &ClientOptions) -> Result<(), KojiError> {
        match self {
            Self::Kerberos { .. } if options.negotiation.is_none() => Err(no_kerberos()),
            Self::Certificate { cert } => ClientCertificate::load(cert).map(drop),
            Self::Kerberos { .. } | Self::Password { .. } => Ok(()),
        }
    }

    /// What it is called in messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Password { .. } => "password",
            Self::Certificate { .. } => "certificate",
            Self::Kerberos { .. } => "Kerberos",
        }
    }
}

pub(super) fn no_kerberos() -> KojiError {
    KojiError::Auth {
        reason: "this login is by Kerberos, which takes a magudi built with the feature `gssapi`".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_stay_hidden() {
        let authenticator = Authenticator::Password { user: "compose".into(), password: Password::new("composepass") };
        assert!(!format!("{authenticator:?}").contains("composepass"));
    }

    #[test]
    fn profiles_choose() {
        let mut profile = Profile::for_server("p", "http://h/kojihub");
        assert!(matches!(Authenticator::from_profile(&profile), Ok(Authenticator::Kerberos { .. })));
        profile.cert = Some("/c.pem".into());
        profile.cert_exists = true;
        assert!(matches!(Authenticator::from_profile(&profile), Ok(Authenticator::Certificate { .. })));
        profile.authtype = Some(AuthType::NoAuth);
        assert!(matches!(Authenticator::from_profile(&profile), Err(KojiError::Auth { .. })));
    }
}
