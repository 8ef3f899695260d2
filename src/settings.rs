//! *Settings* are what the program was given, resolved: command line over environment over default. Nothing else reads the
//! environment.

pub mod children;

use crate::error::Failure;
use crate::telemetry::Telemetry;
use magudi_koji::profile::ProfileLocations;
use magudi_koji::{ClientOptions, Mask, Observer, Proxies};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The variable with the password of `--koji-user`.
const PASSWORD: &str = "MAGUDI_KOJI_PASSWORD";

/// The variable with the secret of `cts_oidc_client_id`.
pub const CTS_SECRET: &str = "CTS_OIDC_CLIENT_SECRET";

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text, for the one who sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[derive(Debug, Clone)]
pub struct Environment {
    /// `HOME`: where the user's koji configuration is.
    pub home: Option<PathBuf>,
    /// `SOURCE_DATE_EPOCH`: freezes the compose date.
    pub source_date_epoch: Option<i64>,
    /// `MAGUDI_KOJI_PASSWORD`.
    pub koji_password: Option<Secret>,
    /// `NO_COLOR` is set and not empty.
    pub no_color: bool,
    /// `TERM` is `dumb`.
    pub dumb_terminal: bool,
    /// `USER`, for the head of the log.
    pub user: Option<String>,
    pub network: Network,
    /// `CTS_OIDC_*`.
    pub cts: CtsVariables,
    /// `OTEL_*` and `TRACEPARENT`.
    pub otlp: Otlp,
    /// The trace of the run, once it has begun.
    pub telemetry: Telemetry,
    /// The environment of what is started: notification scripts.
    pub children: children::Variables,
}

/// What the environment says of traces, as OpenTelemetry and Trace Context name it. What is not here the SDK reads by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(not(feature = "otel"), allow(dead_code, reason = "read where there are traces"))]
pub struct Otlp {
    /// `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, else what `OTEL_EXPORTER_OTLP_ENDPOINT` makes (facts: traces 2, traces 3, traces 4).
    /// None: there are no traces.
    pub endpoint: Option<String>,
    /// `OTEL_EXPORTER_OTLP_TRACES_PROTOCOL`, else `OTEL_EXPORTER_OTLP_PROTOCOL`.
    pub protocol: Option<String>,
    /// `OTEL_SERVICE_NAME` or `OTEL_RESOURCE_ATTRIBUTES` say what the service is called.
    pub is_named: bool,
    /// `TRACEPARENT`: the span that a run is part of.
    pub traceparent: Option<String>,
    /// `TRACESTATE`.
    pub tracestate: Option<String>,
    /// Values of `OTEL_EXPORTER_OTLP_TRACES_HEADERS` and `OTEL_EXPORTER_OTLP_HEADERS`, which let in.
    secrets: Vec<Secret>,
}

impl Otlp {
    /// Reads the environment through `variable`.
    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let exporter = |name: &str| {
            let of = |signal: &str| set(&format!("OTEL_EXPORTER_OTLP_{signal}{name}"));
            (of("TRACES_"), of(""))
        };
        let endpoint = match exporter("ENDPOINT") {
            (Some(endpoint), _) => Some(endpoint),
            (None, base) => base.map(|base| format!("{}/v1/traces", base.trim_end_matches('/'))),
        };
        let is_off = set("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
            || set("OTEL_TRACES_EXPORTER").is_some_and(|value| value == "none");
        let (traces, all) = exporter("HEADERS");
        let headers = [traces, all].into_iter().flatten();
        let pairs: Vec<String> =
            headers.flat_map(|list| list.split(',').map(str::to_owned).collect::<Vec<_>>()).collect();
        let (protocol, general) = exporter("PROTOCOL");
        Self {
            endpoint: endpoint.filter(|_| !is_off),
            protocol: protocol.or(general),
            is_named: set("OTEL_SERVICE_NAME").is_some()
                || set("OTEL_RESOURCE_ATTRIBUTES").is_some_and(|all| all.contains("service.name=")),
            traceparent: set("TRACEPARENT"),
            tracestate: set("TRACESTATE"),
            secrets: pairs.iter().filter_map(|pair| Some(Secret(pair.split_once('=')?.1.trim().to_owned()))).collect(),
        }
    }
}

/// What the environment says of the login at CTS, as ODCS sets it for Pungi. It wins over the configuration.
#[derive(Debug, Clone, Default)]
pub struct CtsVariables {
    /// `CTS_OIDC_TOKEN_URL`.
    pub token_url: Option<String>,
    /// `CTS_OIDC_CLIENT_ID`.
    pub client_id: Option<String>,
    /// `CTS_OIDC_CLIENT_SECRET`, which is nowhere else.
    pub client_secret: Option<Secret>,
}

/// The umask of the process; nothing where the system does not say.
pub fn umask() -> Option<u32> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"))?;
    u32::from_str_radix(line.trim(), 8).ok()
}

/// The name of the user who runs the program, from the password database.
fn load_user_name() -> Option<String> {
    let uid = rustix::process::getuid().as_raw().to_string();
    let text = std::fs::read_to_string("/etc/passwd").ok()?;
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    })
}

/// What the environment says about the way to a hub, in the variables that Koji's own client looks at.
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`, each also in capitals.
    pub proxies: Proxies,
    /// `REQUESTS_CA_BUNDLE`, else `CURL_CA_BUNDLE`.
    pub ca_bundle: Option<PathBuf>,
    /// `KRB5CCNAME`.
    pub ccache: Option<String>,
    /// `MAGUDI_KOJI_OUTAGE`, our own: how long a hub may be away while a compose runs, in seconds.
    pub outage: Option<Duration>,
    /// What is shown nowhere: the secrets of the environment, and what clients add to them.
    pub mask: Mask,
    /// Who hears of every call of a hub.
    pub observer: Option<Arc<dyn Observer>>,
}

impl Network {
    /// Reads the environment through `variable`.
    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        // In small letters it wins, even if it is empty: that is how a proxy is switched off for one command.
        let proxy = |name: &str| match variable(name) {
            Some(value) => Some(value).filter(|value| !value.is_empty()),
            None => set(&name.to_uppercase()),
        };
        let outage =
            match set("MAGUDI_KOJI_OUTAGE") {
                None => None,
                Some(value) => Some(value.trim().parse().map(Duration::from_secs).map_err(|_| {
                    Failure::usage(format!("MAGUDI_KOJI_OUTAGE is `{value}`, not a number of seconds"))
                })?),
            };
        Ok(Self {
            proxies: Proxies {
                http: proxy("http_proxy"),
                https: proxy("https_proxy"),
                all: proxy("all_proxy"),
                exceptions: proxy("no_proxy"),
            },
            ca_bundle: set("REQUESTS_CA_BUNDLE").or_else(|| set("CURL_CA_BUNDLE")).map(PathBuf::from),
            ccache: set("KRB5CCNAME"),
            outage,
            mask: Mask::default(),
            observer: None,
        })
    }

    /// The options of a client for a hub on the network.
    pub fn client_options(&self) -> ClientOptions {
        let defaults = ClientOptions::default();
        ClientOptions {
            proxies: self.proxies.clone(),
            ca_bundle: self.ca_bundle.clone(),
            ccache: self.ccache.clone(),
            outage: self.outage.unwrap_or(defaults.outage),
            mask: self.mask.clone(),
            observer: self.observer.clone(),
            ..defaults
        }
    }
}

impl Environment {
    /// Reads the environment. A `SOURCE_DATE_EPOCH` that is not a number is a usage error.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn load() -> Result<Self, Failure> {
        let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let source_date_epoch = match text("SOURCE_DATE_EPOCH") {
            None => None,
            Some(value) => Some(value.trim().parse().map_err(|_| {
                Failure::usage(format!("SOURCE_DATE_EPOCH is `{value}`, not a number of seconds since 1970"))
            })?),
        };
        let environment = Self {
            home: std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from),
            source_date_epoch,
            koji_password: text(PASSWORD).map(Secret),
            no_color: text("NO_COLOR").is_some(),
            dumb_terminal: text("TERM").is_some_and(|term| term == "dumb"),
            user: text("USER").or_else(|| text("LOGNAME")).or_else(load_user_name),
            network: Network::from_variables(|name| std::env::var(name).ok())?,
            cts: CtsVariables {
                token_url: text("CTS_OIDC_TOKEN_URL"),
                client_id: text("CTS_OIDC_CLIENT_ID"),
                client_secret: text(CTS_SECRET).map(Secret),
            },
            otlp: Otlp::from_variables(|name| std::env::var(name).ok()),
            telemetry: Telemetry::default(),
            children: children::variables(std::env::vars_os(), &text(children::PASS).unwrap_or_default())?,
        };
        environment.network.mask.add(environment.secrets().iter().map(String::as_str));
        Ok(environment)
    }

    /// What must not be shown, wherever it comes back from: the passwords, and those in the URLs of proxies.
    fn secrets(&self) -> Vec<String> {
        let Proxies { http, https, all, .. } = &self.network.proxies;
        let proxies = [http, https, all].into_iter().flatten().filter_map(|url| proxy_password(url));
        let own =
            self.koji_password.iter().chain(&self.cts.client_secret).chain(&self.otlp.secrets).map(Secret::reveal);
        let collector = self.otlp.endpoint.iter().filter_map(|url| proxy_password(url));
        own.chain(collector).chain(proxies).map(str::to_owned).collect()
    }

    /// The environment of the Pungi beside a run: that of other children, and what it logs in to CTS and to a collector with, as that is
    /// what Pungi does by itself.
    pub fn of_pungi(&self) -> children::Variables {
        let CtsVariables { token_url, client_id, client_secret } = &self.cts;
        let secret = client_secret.as_ref().map(|secret| secret.reveal().to_owned());
        let cts = [("CTS_OIDC_TOKEN_URL", token_url), ("CTS_OIDC_CLIENT_ID", client_id), (CTS_SECRET, &secret)];
        let cts = cts.into_iter().filter_map(|(name, value)| Some((name.into(), value.as_ref()?.into())));
        self.children.iter().cloned().chain(cts).collect()
    }

    /// Where koji's configuration is looked for (facts: koji 25).
    pub fn profile_locations(&self, config_override: Option<&Path>) -> ProfileLocations {
        ProfileLocations {
            config_override: config_override.map(Path::to_path_buf),
            ..ProfileLocations::standard(self.home.clone())
        }
    }
}

/// The password in `scheme://user:password@host`.
fn proxy_password(url: &str) -> Option<&str> {
    let (authority, _) = url.split_once("://").map_or(url, |(_, rest)| rest).rsplit_once('@')?;
    authority.split_once(':').map(|(_, password)| password)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(variables: &[(&str, &str)]) -> Result<Network, Failure> {
        Network::from_variables(|name| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn passwords_of_proxies_are_known() {
        assert_eq!(proxy_password("http://u:p@ss:w@proxy:3128/"), Some("p@ss:w"));
        assert_eq!(proxy_password("u:pass@proxy"), Some("pass"));
        assert_eq!(proxy_password("http://proxy:3128"), None);
        assert_eq!(proxy_password("http://token@proxy"), None);
    }

    #[test]
    fn small_letters_win_and_the_empty_text_switches_off() {
        let found = network(&[
            ("http_proxy", ""),
            ("HTTP_PROXY", "http://a:1"),
            ("https_proxy", "http://b:2"),
            ("HTTPS_PROXY", "http://c:3"),
            ("ALL_PROXY", "http://d:4"),
            ("NO_PROXY", "localhost,.lab"),
        ])
        .unwrap();
        let text = |text: &str| Some(text.to_owned());
        let expected = Proxies {
            http: None,
            https: text("http://b:2"),
            all: text("http://d:4"),
            exceptions: text("localhost,.lab"),
        };
        assert_eq!(found.proxies, expected);
        assert_eq!(format!("{:?}", network(&[]).unwrap()), format!("{:?}", Network::default()));
    }

    #[test]
    fn traces_have_an_endpoint_of_their_own_or_that_of_all() {
        let otlp = |variables: &[(&str, &str)]| {
            Otlp::from_variables(|name| {
                variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
            })
        };
        let all = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318/");
        let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t:1/x");
        assert_eq!(otlp(&[]), Otlp::default());
        assert_eq!(otlp(&[all]).endpoint.as_deref(), Some("http://c:4318/v1/traces"));
        assert_eq!(otlp(&[all, own]).endpoint.as_deref(), Some("http://t:1/x"));
        for off in [("OTEL_SDK_DISABLED", "True"), ("OTEL_TRACES_EXPORTER", "none")] {
            assert_eq!(otlp(&[all, off]).endpoint, None);
        }
        let headers = otlp(&[
            ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=k1, x = k2"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "y=k3"),
        ]);
        assert_eq!(headers.secrets.iter().map(Secret::reveal).collect::<Vec<_>>(), ["k3", "k1", "k2"]);
        assert!(otlp(&[("OTEL_RESOURCE_ATTRIBUTES", "a=b,service.name=x")]).is_named);
    }

    #[test]
    fn what_is_said_reaches_the_client() {
        let found = network(&[
            ("REQUESTS_CA_BUNDLE", ""),
            ("CURL_CA_BUNDLE", "/ca.pem"),
            ("KRB5CCNAME", "KCM:"),
            ("MAGUDI_KOJI_OUTAGE", "90"),
        ]);
        let options = found.unwrap().client_options();
        assert_eq!(options.ca_bundle, Some("/ca.pem".into()));
        assert_eq!((options.ccache.as_deref(), options.outage.as_secs()), (Some("KCM:"), 90));
        assert_eq!(Network::default().client_options().outage.as_secs(), 7200);
        assert!(
            matches!(network(&[("MAGUDI_KOJI_OUTAGE", "1h")]), Err(failure) if failure.exit_code() == 2 && failure.detail().contains("`1h`"))
        );
    }
}
