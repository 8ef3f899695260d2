//! *CTS*, the Compose Tracking Service, gives composes their ids where several machines make them, and knows afterwards which there
//! are and where. A compose is registered before its directory is made; CTS answers with its respin and id. Its URL follows
//! when it is done (facts: cts 1, cts 5).
//!
//! To register is not a request that can be repeated without a trace: of one whose answer was lost, CTS may keep a compose that
//! there will never be. Its id is left alone then, and another one asked for: a gap between respins does no harm, two composes of
//! one id do (facts: cts 3).

use crate::event::{Events, Level};
use crate::stop::Stop;
use magudi_compose::composeinfo::{composeinfo_base, parse_identity};
use magudi_compose::identity::ComposeIdentity;
use magudi_koji::{ClientOptions, KojiError, Password, WebAnswer, WebLogin, WebRequest, WebService, jittered};
use serde::Deserialize;
use serde_json::json;
use std::fmt;
use std::time::{Duration, Instant};

/// How long one request may take.
const REQUEST_TIME: Duration = Duration::from_secs(60);

/// How long a request is repeated that CTS does not answer, as Pungi does (facts: cts 10).
const PATIENCE: Duration = Duration::from_secs(120);

/// How long the end of a run that was stopped waits for CTS.
const STOPPED_PATIENCE: Duration = Duration::from_secs(5);

/// The first pause between two attempts, and the longest one.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// The largest answer, in bytes.
const MAX_ANSWER: u64 = 1024 * 1024;

/// How one proves to CTS who one is (facts: cts 7, cts 9).
#[derive(Debug, Clone)]
pub enum CtsLogin {
    /// Not at all.
    Anonymous,
    /// By Kerberos, with a key table.
    Keytab(String),
    /// By a token that the OpenID provider at `token_url` gives for the client's secret.
    Oidc {
        /// Where tokens are given.
        token_url: String,
        client_id: String,
        /// Its secret.
        client_secret: Password,
    },
}

/// The way to CTS.
#[derive(Clone)]
pub struct Cts {
    url: String,
    login: CtsLogin,
    client: ClientOptions,
    patience: Duration,
}

/// Without the address: that may hold a password.
impl fmt::Debug for Cts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cts").field("server", &self.server()).finish_non_exhaustive()
    }
}

/// What a compose is to be registered with.
#[derive(Debug, Clone, Default)]
pub struct Relations {
    /// The ids of its parents.
    pub parents: Vec<String>,
    /// The id of the compose that it is a respin of.
    pub respin_of: Option<String>,
}

/// Why a request came to nothing.
struct Refusal {
    reason: String,
    /// Whether it may go better later.
    passes: bool,
    /// Whether it may have been carried out.
    in_doubt: bool,
}

impl From<KojiError> for Refusal {
    fn from(error: KojiError) -> Self {
        let (passes, in_doubt) = (error.is_retriable(), error.may_have_executed());
        let reason = match &error {
            KojiError::Tls { call, reason } => format!("{call}: TLS: {reason}"),
            other => other.to_string(),
        };
        Self { reason, passes, in_doubt }
    }
}

impl Refusal {
    fn lasting(reason: String) -> Self {
        Self { reason, passes: false, in_doubt: false }
    }
}

impl Cts {
    /// CTS at `url`, an http or https address. The error says what is wrong with it, or with the `login`.
    pub fn new(url: &str, login: CtsLogin, client: &ClientOptions) -> Result<Self, String> {
        let client = ClientOptions {
            user_agent: concat!("magudi/", env!("CARGO_PKG_VERSION")).to_owned(),
            max_response: MAX_ANSWER,
            ..client.clone()
        };
        let patience = PATIENCE.min(client.outage);
        let cts = Self { url: url.to_owned(), login, client, patience };
        let text = |error: KojiError| error.to_string();
        cts.service(&cts.url, &WebLogin::Anonymous).map_err(text)?;
        match &cts.login {
            CtsLogin::Anonymous => {}
            CtsLogin::Keytab(keytab) => {
                cts.service(&cts.url, &WebLogin::Kerberos { keytab: keytab.clone() }).map_err(text)?;
            }
            CtsLogin::Oidc { token_url, .. } => {
                cts.service(token_url, &WebLogin::Anonymous).map_err(text)?;
            }
        }
        Ok(cts)
    }

    fn service(&self, url: &str, login: &WebLogin) -> Result<WebService, KojiError> {
        WebService::new(url, login, REQUEST_TIME, &self.client)
    }

    /// Registers a compose, `wanted` with its respin or the next one that is free, and returns it with the respin that it got.
    /// `tell` hears of attempts that failed.
    pub async fn register(
        &self,
        wanted: &ComposeIdentity,
        relations: &Relations,
        tell: impl Fn(String),
    ) -> Result<ComposeIdentity, String> {
        let request = json!({
            "compose_info": composeinfo_base(wanted),
            "parent_compose_ids": relations.parents,
            "respin_of": relations.respin_of,
        });
        let path = ["api", "1", "composes", ""];
        let answer = self.persist(self.patience, &tell, || self.send("POST", &path, WebRequest::Post(request.clone())));
        let answer = answer.await.map_err(|reason| format!("CTS did not register the compose: {reason}"))?;
        registered(wanted, &answer).map_err(|reason| {
            let url = &answer.excerpt;
            format!(
                "CTS at {} gave an answer that cannot be used: {reason}; it may have registered a compose: {url}",
                self.server()
            )
        })
    }

    /// Says where the compose `id` is. `patience` is how long that may be tried.
    async fn set_url(&self, id: &str, url: &str, patience: Duration) -> Result<(), String> {
        let request = json!({"action": "set_url", "compose_url": url});
        let path = ["api", "1", "composes", id];
        let attempt = || self.send("PATCH", &path, WebRequest::Patch(request.clone()));
        self.persist(patience, &|_| {}, attempt).await.map(drop)
    }

    /// Scheme, host and port, for messages.
    pub fn server(&self) -> String {
        self.service(&self.url, &WebLogin::Anonymous).map(|service| service.server()).unwrap_or_default()
    }

    /// Repeats what passes, until `patience` ends.
    async fn persist<F>(
        &self,
        patience: Duration,
        tell: &dyn Fn(String),
        attempt: impl Fn() -> F,
    ) -> Result<WebAnswer, String>
    where
        F: Future<Output = Result<WebAnswer, Refusal>>,
    {
        let started = Instant::now();
        let mut pause = PAUSES.0;
        loop {
            let Refusal { reason, passes, in_doubt } = match attempt().await {
                Ok(answer) => return Ok(answer),
                Err(refusal) => refusal,
            };
            let wait = jittered(pause);
            if !passes || started.elapsed() + wait > patience {
                return Err(reason);
            }
            let doubt = if in_doubt { "; if CTS registered it all the same, its id stays unused" } else { "" };
            tell(format!("{reason}{doubt}; trying again"));
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    async fn send(&self, method: &str, path: &[&str], request: WebRequest) -> Result<WebAnswer, Refusal> {
        let login = match &self.login {
            CtsLogin::Anonymous => WebLogin::Anonymous,
            CtsLogin::Keytab(keytab) => WebLogin::Kerberos { keytab: keytab.clone() },
            CtsLogin::Oidc { token_url, client_id, client_secret } => {
                WebLogin::Bearer(self.token(token_url, client_id, client_secret).await?)
            }
        };
        let service = self.service(&self.url, &login)?;
        let what = format!("{method} /{}", path.join("/"));
        let answer = service.send(&what, path, request).await?;
        self.check(answer, &what, &service, "cts_url")
    }

    /// A token of the OpenID provider (RFC 6749, 4.4; facts: cts 8).
    async fn token(&self, url: &str, client_id: &str, client_secret: &Password) -> Result<Password, Refusal> {
        #[derive(Deserialize)]
        struct Token {
            access_token: String,
        }
        let service = self.service(url, &WebLogin::Anonymous)?;
        let form = vec![
            ("grant_type", Password::new("client_credentials")),
            ("client_id", Password::new(client_id)),
            ("client_secret", client_secret.clone()),
        ];
        let what = "POST for a token";
        // A token that was not used does no harm.
        let answer = service.send(what, &[], WebRequest::Form(form)).await;
        let answer = answer.map_err(|error| Refusal { in_doubt: false, ..Refusal::from(error) })?;
        let answer = self.check(answer, what, &service, "cts_oidc_token_url")?;
        // What the answer is instead may be a secret.
        serde_json::from_slice::<Token>(&answer.body)
            .map(|token| Password::new(token.access_token))
            .map_err(|_| Refusal::lasting(format!("{what} at {}: the answer has no access_token", service.server())))
    }

    /// Sorts answers into good ones, those that pass, and those that stay. CTS's own words are in `message` (facts: cts 6).
    fn check(&self, answer: WebAnswer, what: &str, service: &WebService, option: &str) -> Result<WebAnswer, Refusal> {
        #[derive(Deserialize)]
        struct Problem {
            #[serde(alias = "error_description")]
            message: String,
        }
        if answer.is_success() {
            return Ok(answer);
        }
        let said = match (&answer.moved, serde_json::from_slice::<Problem>(&answer.body)) {
            (Some(to), _) => format!("moved to {to}: set `{option}` to the new address"),
            (None, Ok(problem)) => {
                problem.message.chars().take(300).map(|c| if c.is_control() { ' ' } else { c }).collect()
            }
            (None, Err(_)) => answer.excerpt.clone(),
        };
        let said = if said.is_empty() { said } else { format!(": {}", self.client.mask.hide(&said)) };
        let reason = format!("{what} at {}: HTTP status {}{said}", service.server(), answer.status);
        // As Pungi sorts them: what the client is to blame for stays (facts: cts 10).
        let passes = answer.status >= 500 || matches!(answer.status, 408 | 425 | 429);
        Err(Refusal { reason, passes, in_doubt: answer.status >= 500 })
    }
}

/// The compose that was registered (facts: cts 2). Everything but its date and respin must be what was asked for: the id becomes the name of a directory.
fn registered(wanted: &ComposeIdentity, answer: &WebAnswer) -> Result<ComposeIdentity, String> {
    let text = std::str::from_utf8(&answer.body).map_err(|_| "it is not UTF-8".to_owned())?;
    let found = parse_identity(text).map_err(|problem| problem.to_string())?;
    let identity = ComposeIdentity { date: found.date.clone(), respin: found.respin, ..wanted.clone() };
    let (id, expected) = (found.id(), identity.id());
    if id == expected { Ok(identity) } else { Err(format!("the compose id is {id}, not {expected}")) }
}

/// A compose of which CTS is to hear where it is.
#[derive(Debug)]
pub struct Tracked {
    /// The way to CTS.
    pub cts: Cts,
    pub id: String,
    /// The URL of the compose directory; none: there is none.
    pub url: Option<String>,
}

impl Tracked {
    /// Tells CTS the URL. The compose is not worse for it when that fails. A run that is stopped does not wait for it long.
    pub async fn publish(&self, events: &Events, stop: &Stop) {
        let server = self.cts.server();
        let Some(url) = &self.url else {
            let text = format!(
                "CTS at {server} is not sent the URL of the compose: `translate_paths` maps its directory to none"
            );
            return events.message(Level::Info, None, text);
        };
        let told = if stop.is_set() {
            let told = tokio::time::timeout(STOPPED_PATIENCE, self.cts.set_url(&self.id, url, Duration::ZERO));
            told.await.unwrap_or_else(|_| Err(format!("no answer within {} s", STOPPED_PATIENCE.as_secs())))
        } else {
            let told = stop.unless_set(self.cts.set_url(&self.id, url, self.cts.patience));
            told.await.unwrap_or_else(|| Err("the run was stopped".to_owned()))
        };
        match told {
            Ok(()) => {
                events.message(Level::Info, None, format!("CTS at {server} was sent the URL of the compose: {url}"));
            }
            Err(reason) => {
                let text = format!("CTS did not accept the URL of the compose, {url}: {reason}");
                events.message(Level::Warning, None, text);
            }
        }
    }
}

/// The URL that `translated` is, if it is one that CTS takes (facts: cts 5).
pub fn as_url(translated: String) -> Option<String> {
    let is_url = ["http://", "https://"].iter().any(|scheme| translated.starts_with(scheme));
    is_url.then_some(translated)
}

#[cfg(test)]
mod tests {
    use super::*;
    use magudi_compose::identity::ComposeType;
    use serde_json::Value as Json;

    fn wanted() -> ComposeIdentity {
        let text = json!({
            "header": {"type": "productmd.composeinfo", "version": "1.2"},
            "payload": {
                "compose": {"id": "Test-9.2-20240229.t.0", "type": "test", "date": "20240229", "respin": 0},
                "release": {"name": "Test", "short": "Test", "version": "9.2", "type": "ga"}, "variants": {},
            },
        });
        parse_identity(&text.to_string()).unwrap()
    }

    fn answer(body: &str) -> WebAnswer {
        WebAnswer { status: 200, body: body.as_bytes().to_vec(), moved: None, excerpt: body.to_owned() }
    }

    #[test]
    fn only_date_and_respin_are_cts_s() {
        let wanted = wanted();
        let change = |edit: &dyn Fn(&mut ComposeIdentity)| {
            let mut identity = wanted.clone();
            edit(&mut identity);
            registered(&wanted, &answer(&composeinfo_base(&identity).to_string())).map(|found| found.id())
        };
        assert_eq!(change(&|identity| identity.respin = 7), Ok("Test-9.2-20240229.t.7".to_owned()));
        assert_eq!(
            change(&|identity| "20240301".clone_into(&mut identity.date)),
            Ok("Test-9.2-20240301.t.0".to_owned())
        );
        let edits: [&dyn Fn(&mut ComposeIdentity); 4] = [
            &|identity| identity.kind = ComposeType::Nightly,
            &|identity| "../Test".clone_into(&mut identity.release.short),
            &|identity| "9.3".clone_into(&mut identity.release.version),
            &|identity| identity.base_product = Some(identity.release.clone()),
        ];
        for edit in edits {
            assert!(change(edit).unwrap_err().ends_with("not Test-9.2-20240229.t.0"));
        }
        for body in ["", "[]", "{}", "{\"payload\": 5}", "<html>", "\"Test-9.2-20240229.t.0\""] {
            assert!(registered(&wanted, &answer(body)).is_err(), "{body}");
        }
        let mut odd: Json = composeinfo_base(&wanted);
        odd["payload"]["compose"]["id"] = json!("Test-9.2-20240229.t.0/../..");
        assert!(registered(&wanted, &answer(&odd.to_string())).is_err());
    }

    #[test]
    fn a_url_begins_like_one() {
        assert_eq!(as_url("/mnt/koji/compose".to_owned()), None);
        assert_eq!(as_url("https://composes/a".to_owned()), Some("https://composes/a".to_owned()));
    }

    #[test]
    fn what_cannot_be_asked_is_refused_at_once() {
        let options = ClientOptions { negotiation: None, ..ClientOptions::default() };
        let oidc = |token_url: &str| CtsLogin::Oidc {
            token_url: token_url.to_owned(),
            client_id: "id".to_owned(),
            client_secret: Password::new("hushhush"),
        };
        for (url, login, words) in [
            ("cts.example.com", CtsLogin::Anonymous, "cts.example.com"),
            ("ftp://cts.example.com", CtsLogin::Anonymous, "not an http or https URL"),
            ("https://cts.example.com", CtsLogin::Keytab("/etc/a.keytab".to_owned()), "feature `gssapi`"),
            ("https://cts.example.com", oidc("token"), "token"),
        ] {
            let error = Cts::new(url, login, &options).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        let cts =
            Cts::new("https://u:passpass@cts.example.com/cts/", oidc("https://id.example.com"), &options).unwrap();
        assert_eq!(cts.server(), "https://cts.example.com");
        assert!(!format!("{:?}", cts.login).contains("hushhush"));
    }
}
