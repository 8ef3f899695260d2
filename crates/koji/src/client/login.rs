//! *Logins*: how a session is opened and renewed, by password, certificate or ticket (facts: sessions 7).

use super::auth::{Authenticator, no_kerberos};
use super::certificate::ClientCertificate;
use super::exchange::{Exchange, FailedExchange};
use super::http::{self, LoginClients};
use super::hub::Hub;
use super::negotiate::{Handshake, TicketSource};
use super::retry::RetryPolicy;
use crate::error::KojiError;
use crate::fault::FaultClass;
use crate::value::{fields, kwargs};
use crate::xmlrpc::{Value, encode_call};
use reqwest::header::HeaderMap;
use reqwest::{Client, Url};
use std::sync::Arc;

/// What a login gives.
pub struct Opened {
    pub id: i64,
    pub key: String,
    /// Whether the hub takes the session from the URL, as hubs before 1.30 do.
    pub in_url: bool,
}

/// A way to the hub that identifies the caller.
struct Door<'a> {
    client: Client,
    /// For a hub that takes only TLS 1.3, where the other one goes no further than 1.2.
    modern: Option<Client>,
    url: Url,
    handshake: Option<Handshake>,
    certificate: Option<ClientCertificate>,
    hub: &'a Hub,
}

/// What is said at the door.
struct Visit<'a> {
    method: &'a str,
    body: Vec<u8>,
    headers: HeaderMap,
    policy: &'a RetryPolicy,
}

/// Which versions of TLS were tried.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Speaks {
    Both,
    Modern,
}

/// Opens a session. With the headers of an old one that has expired it is renewed: the hub keeps its number and the call
/// numbers, and makes a new key.
pub async fn log_in(
    hub: &Hub,
    authenticator: &Authenticator,
    renewed: Option<HeaderMap>,
    policy: &RetryPolicy,
) -> Result<Opened, KojiError> {
    let door = Door::open(hub, authenticator)?;
    let renew = renewed.is_some().then_some([("renew", Value::Bool(true)), ("exclusive", Value::Bool(false))]);
    let renew = renew.into_iter().flatten();
    let (method, params) = match authenticator {
        Authenticator::Password { user, password } => {
            let named = [("opts", Value::Nil)].into_iter().chain(renew);
            hub.inner.http.mask.add([password.reveal()]);
            let credentials = [Value::String(user.clone()), Value::String(password.reveal().to_owned())];
            ("login", kwargs(credentials, named))
        }
        Authenticator::Certificate { .. } | Authenticator::Kerberos { .. } => {
            ("sslLogin", kwargs([], [("proxyuser", Value::Nil)].into_iter().chain(renew)))
        }
    };
    let body = encode_call(method, &params).map_err(|_| KojiError::Auth {
        reason: "the user name or the password has characters that cannot be sent".to_owned(),
    })?;
    let visit = Visit { method, body, headers: renewed.unwrap_or_default(), policy };
    let mut answer = door.knock(&door.client, &visit).await;
    let mut client = Speaks::Both;
    if let (Err(failed), Some(modern)) = (&answer, &door.modern)
        && is_version_refused(&failed.error)
    {
        answer = door.knock(modern, &visit).await;
        client = Speaks::Modern;
    }
    let answer = answer.map_err(|failed| door.explain(failed.error, client))?;
    hub.inner.http.mask.add_answer(&answer);
    let session = fields(&answer, method)?;
    Ok(Opened {
        id: session.get_i64("session-id")?,
        key: session.get_str("session-key")?.to_owned(),
        // Hubs before 1.30 do not announce headers and take the session from the URL only.
        in_url: !session.get_bool_opt("header-auth")?.unwrap_or(false),
    })
}

impl<'a> Door<'a> {
    /// Finds the way in. Certificates are read each time: they are replaced while a compose runs.
    fn open(hub: &'a Hub, authenticator: &Authenticator) -> Result<Self, KojiError> {
        let inner = &hub.inner;
        let (handshake, certificate) = match authenticator {
            Authenticator::Password { .. } => {
                let (client, url) = (inner.http.calls.clone(), inner.http.url.clone());
                return Ok(Self { client, modern: None, url, handshake: None, certificate: None, hub });
            }
            Authenticator::Certificate { cert } => (None, Some(ClientCertificate::load(cert)?)),
            Authenticator::Kerberos { principal, keytab } => {
                let negotiation = inner.options.negotiation.as_ref().ok_or_else(no_kerberos)?;
                let source = TicketSource {
                    principal: principal.clone(),
                    keytab: keytab.clone(),
                    ccache: inner.options.ccache.clone(),
                };
                let host = inner.http.url.host_str().unwrap_or_default().to_owned();
                let (negotiation, timeout) = (Arc::clone(negotiation), inner.profile.auth_timeout);
                (Some(Handshake { negotiation, source, host, timeout }), None)
            }
        };
        let url = login_url(&inner.http.url)?;
        let LoginClients { client, modern } = http::for_login(&inner.profile, &inner.options, certificate.as_ref())?;
        Ok(Self { client, modern, url, handshake, certificate, hub })
    }

    /// Asks to be let in. Repeating that is safe: at worst an unused session stays open until it expires.
    async fn knock(&self, client: &Client, visit: &Visit<'_>) -> Result<Value, FailedExchange> {
        let exchange = Exchange {
            method: visit.method,
            url: &self.url,
            body: visit.body.clone(),
            headers: visit.headers.clone(),
            timeout: self.hub.inner.profile.auth_timeout,
            client,
            handshake: self.handshake.as_ref(),
            lost: false,
        };
        exchange.run(&self.hub.inner.http, visit.policy).await
    }

    /// Says what the error of a login by certificate or ticket means there.
    fn explain(&self, error: KojiError, client: Speaks) -> KojiError {
        let server = self.hub.server();
        let is_unseen = error.is_fault(FaultClass::Auth)
            && error.fault().is_some_and(|fault| fault.string.contains("could not verify client"));
        let reason = match (&self.certificate, &error) {
            (Some(certificate), _) if is_unseen => Some(format!(
                "the web server of {server} has not asked for the client certificate {} ({error})",
                certificate.path().display()
            )),
            (Some(certificate), error) => explain_certificate(certificate, &server, error, client),
            (None, _) if self.handshake.is_none() => None,
            (None, _) if is_unseen => {
                Some(format!("the web server of {server} has not asked for a Kerberos ticket ({error})"))
            }
            (None, KojiError::Http { status: 403, .. }) => {
                Some(format!("the web server of {server} does not take a login by Kerberos (HTTP status 403)"))
            }
            (None, _) => None,
        };
        match reason {
            Some(reason) => KojiError::Auth { reason },
            None => error,
        }
    }
}

/// What the error of a login by certificate means, where it means more than it says.
fn explain_certificate(
    certificate: &ClientCertificate,
    server: &str,
    error: &KojiError,
    client: Speaks,
) -> Option<String> {
    let path = certificate.path().display();
    match error {
        KojiError::Http { status: 403, .. } if client == Speaks::Modern => Some(format!(
            "{server} asks for the client certificate after the handshake (HTTP status 403) and takes only TLS 1.3, where \
             magudi cannot answer that: the web server must allow TLS 1.2, or ask in the handshake"
        )),
        KojiError::Http { status: 403, .. } if cfg!(feature = "native-tls") => {
            Some(format!("{server} refuses the client certificate {path} (HTTP status 403)"))
        }
        KojiError::Http { status: 403, .. } => Some(format!(
            "{server} asks for the client certificate after the handshake (HTTP status 403), as Koji configures its web \
             server; that takes a magudi built with the feature `native-tls`"
        )),
        KojiError::Tls { reason, .. } => {
            alert(reason).map(|meaning| format!("{server} refuses the client certificate {path}: {meaning} ({reason})"))
        }
        _ => None,
    }
}

/// Whether a server will not speak a version of TLS that is as old as this.
fn is_version_refused(error: &KojiError) -> bool {
    matches!(error, KojiError::Tls { reason, .. } if reason.contains("protocol version"))
}

/// What it means when a server says so about a client's certificate (RFC 8446 6.2), in the words of rustls and of OpenSSL.
fn alert(reason: &str) -> Option<&'static str> {
    let reason = reason.to_ascii_lowercase().replace([' ', '_'], "");
    // Anything else is about the server's certificate.
    if !reason.contains("alert") {
        return None;
    }
    let meanings = [
        ("certificateexpired", "it has expired"),
        ("certificaterevoked", "it was revoked"),
        ("unknownca", "the hub does not know the authority that signed it"),
        ("certificaterequired", "the hub got none"),
        ("badcertificate", "it is not valid there"),
        ("unsupportedcertificate", "it is of a kind that the hub does not take"),
        ("certificateunknown", "it is not acceptable there"),
        ("accessdenied", "access is denied"),
        ("handshakefailure", "it is not acceptable there, or the hub asks for it after the handshake"),
    ];
    meanings.iter().find(|(name, _)| reason.contains(name)).map(|(_, meaning)| *meaning)
}

/// Where the web server asks who it is. Koji's client goes there by TLS whatever the profile says.
fn login_url(url: &Url) -> Result<Url, KojiError> {
    let fail = || KojiError::Setting {
        setting: "server".to_owned(),
        reason: format!("{} cannot be reached over TLS, which a login needs", http::server_of(url)),
    };
    let mut login = url.clone();
    if login.scheme() != "https" {
        // The port stays, as in Koji's own client, also if it was not written out.
        let port = url.port_or_known_default().filter(|_| url.port().is_some());
        login.set_scheme("https").map_err(|()| fail())?;
        login.set_port(port).map_err(|()| fail())?;
    }
    let path = format!("{}/ssllogin", url.path().trim_end_matches('/'));
    login.set_path(&path);
    Ok(login)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_login_has_a_url_of_its_own() {
        for (url, login) in [
            ("https://koji.example.com/kojihub", "https://koji.example.com/kojihub/ssllogin"),
            ("https://koji.example.com/kojihub/", "https://koji.example.com/kojihub/ssllogin"),
            ("https://koji.example.com:444/kojihub", "https://koji.example.com:444/kojihub/ssllogin"),
            ("http://koji.example.com/kojihub", "https://koji.example.com/kojihub/ssllogin"),
            ("http://koji.example.com:9080/kojihub", "https://koji.example.com:9080/kojihub/ssllogin"),
        ] {
            assert_eq!(login_url(&Url::parse(url).unwrap()).unwrap().as_str(), login);
        }
    }

    #[test]
    fn alerts_have_a_meaning() {
        for (reason, meaning) in [
            ("received fatal alert: CertificateExpired", Some("it has expired")),
            ("error:0A000415:SSL routines:ssl3_read_bytes:sslv3 alert certificate expired", Some("it has expired")),
            (
                "error:0A000418:SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca",
                Some("the hub does not know the authority that signed it"),
            ),
            ("invalid peer certificate: UnknownIssuer", None),
            ("certificate verify failed (certificate has expired)", None),
            ("received fatal alert: ProtocolVersion", None),
        ] {
            assert_eq!(alert(reason), meaning, "{reason}");
        }
    }
}
