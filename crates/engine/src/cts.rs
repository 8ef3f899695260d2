//! *CTS*, the Compose Tracking Service, gives composes their ids where several machines make them, and knows afterwards which there
//! are and where. A compose is registered before its directory is made; CTS answers with its respin and id. Its URL follows
//! when it is done (facts: cts 1, cts 5).
//!
//! To register is not a request that can be repeated without a trace: of one whose answer was lost, CTS may keep a compose that
//! there will never be. Its id is left alone then, and another one asked for: a gap between respins does no harm, two composes of
//! one id do (facts: cts 3).

use crate::event::{Events, Level};
use crate::stop::Stop;
use magudi_compose::composeinfo::{ComposeinfoProblem, composeinfo_base, parse_identity};
use magudi_compose::identity::ComposeIdentity;
use magudi_koji::{ClientOptions, KojiError, Password, WebAnswer, WebLogin, WebRequest, WebService, jittered};
use serde::Deserialize;
use serde_json::json;
use std::fmt;
use std::time::{Duration, Instant};
use thiserror::Error;

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

/// Why a compose was not registered.
#[derive(Debug, Error)]
pub enum RegisterError {
    #[error("CTS did not register the compose: {0}")]
    Refused(#[from] Refusal),
    #[error(
        "CTS at {server} gave an answer that cannot be used: {problem}; it may have registered a compose: {excerpt}"
    )]
    Unusable {
        server: String,
        #[source]
        problem: AnswerError,
        /// How the answer begins.
        excerpt: String,
    },
}

/// What is wrong with the answer to a registration.
#[derive(Debug, Error)]
pub enum AnswerError {
    #[error("it is not UTF-8")]
    NotUtf8,
    #[error(transparent)]
    Composeinfo(#[from] ComposeinfoProblem),
    #[error("the compose id is {found}, not {asked}")]
    OtherCompose { found: String, asked: String },
}

/// Why a request came to nothing.
#[derive(Debug, Error)]
pub enum Refusal {
    #[error("{}", of_service(.0))]
    Service(KojiError),
    #[error("{what} at {server}: HTTP status {status}{said}")]
    Status { what: String, server: String, status: u16, said: String },
    /// What the answer is instead may be a secret.
    #[error("{what} at {server}: the answer has no access_token")]
    NoToken { what: String, server: String },
    /// A token was refused, without which the request was not made.
    #[error(transparent)]
    Token(Box<Refusal>),
    #[error("no answer within {} s", .0.as_secs())]
    NotAnswered(Duration),
    #[error("the run was stopped")]
    Stopped,
}

/// Without the advice that is about a koji profile.
fn of_service(error: &KojiError) -> String {
    match error {
        KojiError::Tls { call, reason } => format!("{call}: TLS: {reason}"),
        other => other.to_string(),
    }
}

impl From<KojiError> for Refusal {
    fn from(error: KojiError) -> Self {
        Self::Service(error)
    }
}

impl Refusal {
    /// Whether it may go better later. As Pungi sorts them: what the client is to blame for stays (facts: cts 10).
    fn passes(&self) -> bool {
        match self {
            Self::Service(error) => error.is_retriable(),
            Self::Status { status, .. } => *status >= 500 || matches!(status, 408 | 425 | 429),
            Self::Token(refusal) => refusal.passes(),
            Self::NoToken { .. } | Self::NotAnswered(_) | Self::Stopped => false,
        }
    }

    /// Whether the request may have been carried out. A token that was not used does no harm.
    fn is_in_doubt(&self) -> bool {
        match self {
            Self::Service(error) => error.may_have_executed(),
            Self::Status { status, .. } => *status >= 500,
            Self::Token(_) | Self::NoToken { .. } | Self::NotAnswered(_) | Self::Stopped => false,
        }
    }
}

impl Cts {
    /// CTS at `url`, an http or https address. The error says what is wrong with it, or with the `login`.
    pub fn new(url: &str, login: CtsLogin, client: &ClientOptions) -> Result<Self, KojiError> {
        let client = ClientOptions {
            user_agent: concat!("magudi/", env!("CARGO_PKG_VERSION")).to_owned(),
            max_response: MAX_ANSWER,
            ..client.clone()
        };
        let patience = PATIENCE.min(client.outage);
        let cts = Self { url: url.to_owned(), login, client, patience };
        cts.service(&cts.url, &WebLogin::Anonymous)?;
        match &cts.login {
            CtsLogin::Anonymous => {}
            CtsLogin::Keytab(keytab) => {
                cts.service(&cts.url, &WebLogin::Kerberos { keytab: keytab.clone() })?;
            }
            CtsLogin::Oidc { token_url, .. } => {
                cts.service(token_url, &WebLogin::Anonymous)?;
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
    ) -> Result<ComposeIdentity, RegisterError> {
        let request = json!({
            "compose_info": composeinfo_base(wanted),
            "parent_compose_ids": relations.parents,
            "respin_of": relations.respin_of,
        });
        let path = ["api", "1", "composes", ""];
        let answer = self.persist(self.patience, &tell, || self.send("POST", &path, WebRequest::Post(request.clone())));
        let answer = answer.await?;
        registered(wanted, &answer).map_err(|problem| RegisterError::Unusable {
            server: self.server(),
            problem,
            excerpt: answer.excerpt.clone(),
        })
    }

    /// Says where the compose `id` is. `patience` is how long that may be tried.
    async fn set_url(&self, id: &str, url: &str, patience: Duration) -> Result<(), Refusal> {
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
    ) -> Result<WebAnswer, Refusal>
    where
        F: Future<Output = Result<WebAnswer, Refusal>>,
    {
        let started = Instant::now();
        let mut pause = PAUSES.0;
        loop {
            let refusal = match attempt().await {
                Ok(answer) => return Ok(answer),
                Err(refusal) => refusal,
            };
            let wait = jittered(pause);
            if !refusal.passes() || started.elapsed() + wait > patience {
                return Err(refusal);
            }
            let doubt =
                if refusal.is_in_doubt() { "; if CTS registered it all the same, its id stays unused" } else { "" };
            tell(format!("{refusal}{doubt}; trying again"));
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    async fn send(&self, method: &str, path: &[&str], request: WebRequest) -> Result<WebAnswer, Refusal> {
        let login = match &self.login {
            CtsLogin::Anonymous => WebLogin::Anonymous,
            CtsLogin::Keytab(keytab) => WebLogin::Kerberos { keytab: keytab.clone() },
            CtsLogin::Oidc { token_url, client_id, client_secret } => {
                let token = self.token(token_url, client_id, client_secret).await;
                WebLogin::Bearer(token.map_err(|refusal| Refusal::Token(Box::new(refusal)))?)
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
        let answer = service.send(what, &[], WebRequest::Form(form)).await?;
        let answer = self.check(answer, what, &service, "cts_oidc_token_url")?;
        serde_json::from_slice::<Token>(&answer.body)
            .map(|token| Password::new(token.access_token))
            .map_err(|_| Refusal::NoToken { what: what.to_owned(), server: service.server() })
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
        Err(Refusal::Status { what: what.to_owned(), server: service.server(), status: answer.status, said })
    }
}

/// The compose that was registered (facts: cts 2). Everything but its date and respin must be what was asked for: the id becomes the name of a directory.
fn registered(wanted: &ComposeIdentity, answer: &WebAnswer) -> Result<ComposeIdentity, AnswerError> {
    let text = std::str::from_utf8(&answer.body).map_err(|_| AnswerError::NotUtf8)?;
    let found = parse_identity(text)?;
    let identity = ComposeIdentity { date: found.date.clone(), respin: found.respin, ..wanted.clone() };
    let (found, asked) = (found.id(), identity.id());
    if found == asked { Ok(identity) } else { Err(AnswerError::OtherCompose { found, asked }) }
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
            told.await.unwrap_or(Err(Refusal::NotAnswered(STOPPED_PATIENCE)))
        } else {
            let told = stop.unless_set(self.cts.set_url(&self.id, url, self.cts.patience));
            told.await.unwrap_or(Err(Refusal::Stopped))
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
        assert_eq!(change(&|identity| identity.respin = 7).unwrap(), "Test-9.2-20240229.t.7");
        assert_eq!(change(&|identity| "20240301".clone_into(&mut identity.date)).unwrap(), "Test-9.2-20240301.t.0");
        let edits: [&dyn Fn(&mut ComposeIdentity); 4] = [
            &|identity| identity.kind = ComposeType::Nightly,
            &|identity| "../Test".clone_into(&mut identity.release.short),
            &|identity| "9.3".clone_into(&mut identity.release.version),
            &|identity| identity.base_product = Some(identity.release.clone()),
        ];
        for edit in edits {
            assert!(change(edit).unwrap_err().to_string().ends_with("not Test-9.2-20240229.t.0"));
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
            let error = Cts::new(url, login, &options).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        let cts =
            Cts::new("https://u:passpass@cts.example.com/cts/", oidc("https://id.example.com"), &options).unwrap();
        assert_eq!(cts.server(), "https://cts.example.com");
        assert!(!format!("{:?}", cts.login).contains("hushhush"));
    }
}
