//! Shows what a koji profile comes to, as JSON: the settings, and the way to log in that they choose. Profiles hold no secrets.
//!
//! usage: `profile ROOT NAME [CONFIG]`: ROOT holds `etc/koji.conf.d`, `etc/koji.conf` and `home/.koji`, in the place of the real ones;
//! CONFIG is read instead of the user's files. `tests/scripts/profiles.sh` compares it with what `koji.read_config` says.

use magudi_koji::{Profile, ProfileLocations, load_profile};
use serde_json::{Value as Json, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (root, name, config) = match arguments.as_slice() {
        [root, name] => (root, name, None),
        [root, name, config] => (root, name, Some(PathBuf::from(config))),
        _ => return finish(2, &json!({"error": "usage: profile ROOT NAME [CONFIG]"})),
    };
    let root = Path::new(root);
    let locations = ProfileLocations {
        system_dir: Some(root.join("etc/koji.conf.d")),
        system_file: Some(root.join("etc/koji.conf")),
        config_override: config,
        ..ProfileLocations::standard(Some(root.join("home")))
    };
    match load_profile(name, &locations) {
        Ok(profile) => finish(0, &shown(&profile)),
        Err(error) => finish(1, &json!({"error": error.to_string()})),
    }
}

fn shown(profile: &Profile) -> Json {
    json!({
        "server": profile.server,
        "weburl": profile.weburl,
        "topurl": profile.topurl,
        "topdir": profile.topdir,
        "authtype": profile.authtype.map(magudi_koji::AuthType::as_str),
        "cert": profile.cert,
        "serverca": profile.serverca,
        "no_ssl_verify": profile.no_ssl_verify,
        "principal": profile.principal,
        "keytab": profile.keytab,
        "max_retries": profile.max_retries,
        "retry_interval": profile.retry_interval.as_secs(),
        "anon_retry": profile.anon_retry,
        "offline_retry": profile.offline_retry,
        "offline_retry_interval": profile.offline_retry_interval.as_secs(),
        "timeout": profile.timeout.as_secs(),
        "auth_timeout": profile.auth_timeout.as_secs(),
        "poll_interval": profile.poll_interval.as_secs(),
        "login": profile.auth_type().as_str(),
    })
}

fn finish(status: u8, answer: &Json) -> ExitCode {
    match writeln!(std::io::stdout(), "{answer}") {
        Ok(()) => ExitCode::from(status),
        Err(_) => ExitCode::FAILURE,
    }
}
