//! *Where profiles are*: the files of the system, and those of the user or one that takes their place (facts: koji 25).

use super::{Profile, ProfileError, parse};
use crate::files::load_limited;
use std::fs;
use std::path::{Path, PathBuf};

/// The largest configuration file that is read, in bytes.
const MAX_FILE: u64 = 4 * 1024 * 1024;

/// The places to look at. An absent file or directory is passed over, except for
/// [`config_override`](Self::config_override).
#[derive(Debug, Clone, Default)]
pub struct ProfileLocations {
    /// A directory of `*.conf` files, read first (`/etc/koji.conf.d`).
    pub system_dir: Option<PathBuf>,
    /// Read second (`/etc/koji.conf`).
    pub system_file: Option<PathBuf>,
    /// A directory of `*.conf` files, read third (`~/.koji/config.d`).
    pub user_dir: Option<PathBuf>,
    /// Read last (`~/.koji/config`).
    pub user_file: Option<PathBuf>,
    /// A file, or a directory of `*.conf` files, read instead of the user's own (`koji --config`).
    pub config_override: Option<PathBuf>,
    /// The user's home, for a leading `~` and for the certificates in `~/.koji`.
    pub home: Option<PathBuf>,
}

impl ProfileLocations {
    /// The places where the `koji` command looks, for a user whose home is `home`.
    pub fn standard(home: Option<PathBuf>) -> Self {
        Self {
            system_dir: Some(PathBuf::from("/etc/koji.conf.d")),
            system_file: Some(PathBuf::from("/etc/koji.conf")),
            user_dir: home.as_ref().map(|home| home.join(".koji/config.d")),
            user_file: home.as_ref().map(|home| home.join(".koji/config")),
            config_override: None,
            home,
        }
    }
}

impl ProfileLocations {
    /// All of them that count.
    fn all(&self) -> impl Iterator<Item = &PathBuf> {
        let user = match &self.config_override {
            Some(place) => [Some(place), None],
            None => [self.user_dir.as_ref(), self.user_file.as_ref()],
        };
        [self.system_dir.as_ref(), self.system_file.as_ref()].into_iter().chain(user).flatten()
    }
}

/// Reads the profile `name` from the files at `locations`.
///
/// If the profile does not even name `cert` or `serverca`, `~/.koji/client.crt` and `~/.koji/serverca.crt` are taken if they are
/// there.
pub fn load_profile(name: &str, locations: &ProfileLocations) -> Result<Profile, ProfileError> {
    let files = load_files(locations)?;
    let home = locations.home.as_deref();
    let (mut profile, named) = parse(&files, name, home).map_err(|error| match error {
        ProfileError::Unknown { name, searched, known, .. } => {
            let missing = if searched.is_empty() { locations.all().cloned().collect() } else { Vec::new() };
            ProfileError::Unknown { name, searched, missing, known }
        }
        other => other,
    })?;
    let in_home = |file: &str| home.map(|home| home.join(".koji").join(file)).filter(|path| path.exists());
    if !named.cert {
        profile.cert = in_home("client.crt");
    }
    if !named.serverca {
        profile.serverca = in_home("serverca.crt");
    }
    profile.cert_exists = profile.cert.as_ref().is_some_and(|cert| cert.is_file());
    Ok(profile)
}

fn load_files(locations: &ProfileLocations) -> Result<Vec<(PathBuf, String)>, ProfileError> {
    let mut files = Vec::new();
    for place in [&locations.system_dir, &locations.system_file].into_iter().flatten() {
        load_place(place, &mut files)?;
    }
    if let Some(place) = &locations.config_override {
        let before = files.len();
        load_place(place, &mut files)?;
        if files.len() == before {
            let is_dir = place.is_dir();
            let reason = if is_dir { "no file in it has a name that ends with .conf" } else { "no such file" };
            return Err(ProfileError::Read { path: place.clone(), reason: reason.to_owned() });
        }
    } else {
        for place in [&locations.user_dir, &locations.user_file].into_iter().flatten() {
            load_place(place, &mut files)?;
        }
    }
    Ok(files)
}

/// Adds a file, or the files of a directory; nothing if there is neither. Koji takes either at every place.
fn load_place(path: &Path, files: &mut Vec<(PathBuf, String)>) -> Result<(), ProfileError> {
    if path.is_dir() { load_dir(path, files) } else { load_file(path, files) }
}

/// Adds the `*.conf` files of a directory in the order of their names.
fn load_dir(dir: &Path, files: &mut Vec<(PathBuf, String)>) -> Result<(), ProfileError> {
    let fail = |e: std::io::Error| ProfileError::Read { path: dir.to_owned(), reason: e.to_string() };
    let mut paths = fs::read_dir(dir)
        .map_err(fail)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(fail)?;
    paths.retain(|path| path.as_os_str().as_encoded_bytes().ends_with(b".conf") && path.is_file());
    paths.sort();
    for path in paths {
        load_file(&path, files)?;
    }
    Ok(())
}

fn load_file(path: &Path, files: &mut Vec<(PathBuf, String)>) -> Result<(), ProfileError> {
    // One that cannot be looked at is as good as none, as in Koji.
    if path.metadata().is_err() {
        return Ok(());
    }
    let fail = |reason: String| ProfileError::Read { path: path.to_owned(), reason };
    let bytes = load_limited(path, MAX_FILE).map_err(|e| fail(e.to_string()))?;
    let text = String::from_utf8(bytes)
        .map_err(|e| fail(format!("it is not UTF-8 from byte {} on", e.utf8_error().valid_up_to())))?;
    files.push((path.to_owned(), text));
    Ok(())
}
