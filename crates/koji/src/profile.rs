//! A *profile* is a section of koji's configuration files: which hub, how to log in, how patient to be (facts: koji 26).

mod address;
mod ini;
mod locate;

pub use address::{same_address, shown_address};
pub use ini::{Ini, IniError, Section, Setting};
pub use locate::{ProfileLocations, load_profile};

use reqwest::Url;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthType {
    /// Not at all.
    NoAuth,
    /// With a client certificate.
    Ssl,
    /// With user name and password.
    Password,
    /// With Kerberos through GSSAPI.
    Kerberos,
}

/// The settings of one hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    pub name: String,
    /// The URL that calls are posted to.
    pub server: String,
    /// The web interface, for links to tasks.
    pub weburl: String,
    /// The URL below which the files of builds lie.
    pub topurl: Option<String>,
    /// The directory that holds the same files, where it is mounted.
    pub topdir: PathBuf,
    /// How to log in; none: see [`auth_type`](Self::auth_type).
    pub authtype: Option<AuthType>,
    /// The client certificate with its key, in PEM.
    pub cert: Option<PathBuf>,
    /// Whether the file of [`cert`](Self::cert) was there when the profile was loaded.
    pub cert_exists: bool,
    /// The certificates to trust instead of the system's, in PEM.
    pub serverca: Option<PathBuf>,
    /// Whether to trust any server. Unlike koji, `no_ssl_verify = False` leaves this off (facts: koji 27).
    pub no_ssl_verify: bool,
    /// The Kerberos principal.
    pub principal: Option<String>,
    /// The Kerberos key table.
    pub keytab: Option<String>,
    /// How often a call is repeated.
    pub max_retries: u32,
    /// The longest pause between two repetitions.
    pub retry_interval: Duration,
    /// Whether calls without a session are repeated too.
    pub anon_retry: bool,
    /// Whether to wait for an offline hub as long as it takes.
    pub offline_retry: bool,
    /// The pause between two calls of an offline hub.
    pub offline_retry_interval: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// How long a login may take.
    pub auth_timeout: Duration,
    /// The pause between two looks at a task.
    pub poll_interval: Duration,
}

impl AuthType {
    /// What koji's files call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoAuth => "noauth",
            Self::Ssl => "ssl",
            Self::Password => "password",
            Self::Kerberos => "kerberos",
        }
    }
}

impl Profile {
    /// A profile with koji's defaults for the hub at `server`.
    pub fn for_server(name: impl Into<String>, server: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            server: server.into(),
            weburl: "http://localhost/koji".to_owned(),
            topurl: None,
            topdir: PathBuf::from("/mnt/koji"),
            authtype: None,
            cert: None,
            cert_exists: false,
            serverca: None,
            no_ssl_verify: false,
            principal: None,
            keytab: None,
            max_retries: 30,
            retry_interval: Duration::from_secs(20),
            anon_retry: true,
            offline_retry: false,
            offline_retry_interval: Duration::from_secs(20),
            timeout: Duration::from_secs(43_200),
            auth_timeout: Duration::from_secs(60),
            poll_interval: Duration::from_secs(6),
        }
    }

    /// How to log in: as `authtype` says, else with the certificate if its file is there, else with Kerberos. (Koji puts
    /// the password of a user between the two; who has one says so by the way of logging in.)
    pub fn auth_type(&self) -> AuthType {
        self.authtype.unwrap_or(if self.cert_exists { AuthType::Ssl } else { AuthType::Kerberos })
    }

    /// The page of a task in the web interface.
    pub fn task_url(&self, task: i64) -> String {
        format!("{}/taskinfo?taskID={task}", self.weburl.trim_end_matches('/'))
    }
}

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// A file cannot be read.
    #[error("cannot read {}: {reason}", .path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        reason: String,
    },
    /// A file is not in the format of koji's configuration.
    #[error(transparent)]
    Syntax(#[from] IniError),
    /// No file has the section.
    #[error("there is no koji profile `{name}`{}{}", searched_list(.searched, .missing), known_list(.searched, .known))]
    Unknown {
        name: String,
        searched: Vec<PathBuf>,
        /// Where there would be files if there were any.
        missing: Vec<PathBuf>,
        /// The profiles that they have.
        known: Vec<String>,
    },
}

fn searched_list(searched: &[PathBuf], missing: &[PathBuf]) -> String {
    let list = |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
    match (searched, missing) {
        ([], []) => ": there is no configuration file of koji".to_owned(),
        ([], missing) => format!(": none of {} exists", list(missing)),
        (searched, _) => format!(" in {}", list(searched)),
    }
}

fn known_list(searched: &[PathBuf], known: &[String]) -> String {
    if searched.is_empty() {
        String::new()
    } else if known.is_empty() {
        "; no profiles are configured".to_owned()
    } else {
        format!("; known profiles: {}", known.join(", "))
    }
}

/// Keys of koji that mean nothing here, and what kind of value they must have all the same.
const OTHER_NUMBERS: [&str; 2] = ["upload_blocksize", "pyver"];
const OTHER_BOOLEANS: [&str; 4] = ["use_fast_upload", "debug", "debug_xmlrpc", "force_auth"];

/// Reads the profile `name` from files in the order in which they count: later ones win, key by key.
///
/// A leading `~` of `cert`, `serverca` and `topdir` is `home`. Unknown keys are passed over, as koji does.
pub fn parse_profile_files(
    files: &[(PathBuf, String)],
    name: &str,
    home: Option<&Path>,
) -> Result<Profile, ProfileError> {
    parse(files, name, home).map(|(profile, _)| profile)
}

/// Which files of certificates a profile names itself, be it to say that there is none.
#[derive(Debug, Clone, Copy)]
struct Named {
    cert: bool,
    serverca: bool,
}

fn parse(files: &[(PathBuf, String)], name: &str, home: Option<&Path>) -> Result<(Profile, Named), ProfileError> {
    let mut ini = Ini::default();
    for (path, text) in files {
        ini.read(path, text)?;
    }
    let Some(section) = ini.section(name) else {
        return Err(ProfileError::Unknown {
            name: name.to_owned(),
            searched: files.iter().map(|(path, _)| path.clone()).collect(),
            missing: Vec::new(),
            known: ini.sections().map(str::to_owned).collect(),
        });
    };
    // Koji reads them all, and a value that cannot be read is an error whether or not it is used.
    section.keys().try_for_each(|key| section.text(key).map(drop))?;
    OTHER_NUMBERS.iter().try_for_each(|key| section.integer(key).map(drop))?;
    OTHER_BOOLEANS.iter().try_for_each(|key| section.boolean(key).map(drop))?;
    let defaults = Profile::for_server(name, "http://localhost/kojihub");
    let path = |key: &str| -> Result<Option<PathBuf>, IniError> {
        Ok(section.filled(key)?.map(|text| expand_home(&text, home)))
    };
    let no_ssl_verify = match section.text("no_ssl_verify")?.as_deref() {
        Some("") => false,
        _ => section.boolean("no_ssl_verify")?.unwrap_or(defaults.no_ssl_verify),
    };
    let profile = Profile {
        server: section
            .text("server")?
            .map(|text| server(&section, name, text))
            .transpose()?
            .unwrap_or(defaults.server),
        // It stands in every link: a password in it would be told to everybody.
        weburl: section
            .text("weburl")?
            .map_or(defaults.weburl, |url| if url.contains('@') { shown_address(&url) } else { url }),
        topurl: section.filled("topurl")?,
        topdir: section.text("topdir")?.map_or(defaults.topdir, |text| expand_home(&text, home)),
        authtype: section.text("authtype")?.map(|text| auth_type(&section, &text)).transpose()?,
        cert: path("cert")?,
        cert_exists: false,
        serverca: path("serverca")?,
        no_ssl_verify,
        principal: section.filled("principal")?,
        keytab: section.filled("keytab")?,
        max_retries: section.number("max_retries")?.unwrap_or(defaults.max_retries),
        retry_interval: section.seconds("retry_interval")?.unwrap_or(defaults.retry_interval),
        anon_retry: section.boolean("anon_retry")?.unwrap_or(defaults.anon_retry),
        offline_retry: section.boolean("offline_retry")?.unwrap_or(defaults.offline_retry),
        offline_retry_interval: section.seconds("offline_retry_interval")?.unwrap_or(defaults.offline_retry_interval),
        timeout: section.seconds("timeout")?.unwrap_or(defaults.timeout),
        auth_timeout: section.seconds("auth_timeout")?.unwrap_or(defaults.auth_timeout),
        poll_interval: section.seconds("poll_interval")?.unwrap_or(defaults.poll_interval),
        name: defaults.name,
    };
    Ok((profile, Named { cert: section.has("cert"), serverca: section.has("serverca") }))
}

/// Whether a server can be asked at an address.
pub(crate) fn is_http(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host()
}

/// The address of the hub, which must be one.
fn server(section: &Section<'_>, name: &str, text: String) -> Result<String, IniError> {
    let wrong = |what: String| {
        Err(section.wrong("server", format!("`server` of [{name}] {what}; it must be http(s)://HOST/kojihub")))
    };
    if text.is_empty() {
        return wrong("is empty".to_owned());
    }
    match Url::parse(&text) {
        Ok(url) if is_http(&url) => Ok(text),
        Err(error) if text.contains("://") => wrong(format!("is `{}` ({error})", shown_address(&text))),
        _ => wrong(format!("is `{}`", shown_address(&text))),
    }
}

fn auth_type(section: &Section<'_>, text: &str) -> Result<AuthType, IniError> {
    match text {
        "noauth" => Ok(AuthType::NoAuth),
        "ssl" => Ok(AuthType::Ssl),
        "password" => Ok(AuthType::Password),
        "kerberos" | "gssapi" => Ok(AuthType::Kerberos),
        other => {
            let other = crate::xmlrpc::shorten(other);
            Err(section.error("authtype", format!("`{other}` is not noauth, ssl, password or kerberos")))
        }
    }
}

fn expand_home(text: &str, home: Option<&Path>) -> PathBuf {
    match (home, text.strip_prefix('~')) {
        (Some(home), Some("")) => home.to_owned(),
        (Some(home), Some(rest)) if rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
        _ => PathBuf::from(text),
    }
}
