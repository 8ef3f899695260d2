//! The *latest link* points from a fixed name to the newest compose of a release.

use crate::identity::ComposeIdentity;
use crate::layout::ComposeDir;
use crate::status::{Status, load_status};
use crate::write::TEMPORARY;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// A latest link that could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot create the latest link {}: {source}", path.display())]
pub struct LatestError {
    /// The link.
    pub path: PathBuf,
    pub source: io::Error,
}

/// The name of the link (facts: compose 9): `latest-SHORT[-VERSION][-BPSHORT-BPVERSION]`. Of the version the first
/// `components` are shown; none for 0; for a negative number all but that many of the last, but at least one.
pub fn latest_name(identity: &ComposeIdentity, components: i64) -> String {
    let all: Vec<&str> = identity.release.version.split('.').collect();
    let count = match usize::try_from(components) {
        Ok(count) => count,
        Err(_) => {
            let dropped = usize::try_from(components.unsigned_abs()).unwrap_or(usize::MAX);
            all.len().saturating_sub(dropped).max(1)
        }
    };
    let mut name = format!("latest-{}", identity.release.short);
    if count > 0 {
        name.push('-');
        name.push_str(&all.into_iter().take(count).collect::<Vec<_>>().join("."));
    }
    if let Some(base) = &identity.base_product {
        name.push_str(&format!("-{}-{}", base.short, base.version));
    }
    name
}

/// What the latest link beside the compose directory points to, if that is there and another compose.
pub fn other_latest(dir: &ComposeDir, identity: &ComposeIdentity, components: i64) -> Option<PathBuf> {
    let link = dir.top().parent()?.join(latest_name(identity, components));
    let target = fs::read_link(&link).ok()?;
    (link.is_dir() && Some(target.as_os_str()) != dir.top().file_name()).then_some(target)
}

/// When a compose was made, by its name: its date and its respin, which stand behind what its release is called.
type Age = (u32, u32);

/// The age of a compose called `name`, if it is one of the release of `identity`: of any type, as the latest link has no type.
fn age(name: &str, identity: &ComposeIdentity) -> Option<Age> {
    let id = identity.id();
    let release = &id[..=id.rfind('-')?];
    let mut parts = name.strip_prefix(release)?.split('.');
    let date = parts.next().filter(|date| date.len() == 8)?.parse().ok()?;
    Some((date, parts.next_back()?.parse().ok()?))
}

/// The newer compose of the same release that the latest link points to, if that has finished.
pub fn newer_latest(dir: &ComposeDir, identity: &ComposeIdentity, components: i64) -> Option<PathBuf> {
    let target = other_latest(dir, identity, components)?;
    let other = ComposeDir::at(&dir.top().parent()?.join(&target));
    let ours = age(dir.name()?, identity)?;
    (age(other.name()?, identity)? > ours && has_finished(&other)).then_some(target)
}

/// Takes the latest link away from a compose that did not finish, and gives it to the newest one of its release that did. Returns
/// what it points to then, if the compose had it: nothing where it is gone.
pub fn take_latest_link(
    dir: &ComposeDir,
    identity: &ComposeIdentity,
    components: i64,
) -> Result<Option<Option<PathBuf>>, LatestError> {
    let Some(parent) = dir.top().parent() else { return Ok(None) };
    let link = parent.join(latest_name(identity, components));
    let has_it = fs::read_link(&link).is_ok_and(|target| Some(target.as_os_str()) == dir.top().file_name());
    if !has_it {
        return Ok(None);
    }
    let others = fs::read_dir(parent).into_iter().flatten().flatten().filter_map(|entry| {
        let other = ComposeDir::at(&entry.path());
        let is_other = entry.file_type().is_ok_and(|kind| kind.is_dir()) && other != *dir;
        Some((age(other.name()?, identity)?, other)).filter(|(_, other)| is_other && has_finished(other))
    });
    match others.max_by_key(|(age, _)| *age) {
        Some((_, newest)) => {
            make_latest_link(&newest, identity, components)?;
            Ok(Some(newest.top().file_name().map(PathBuf::from)))
        }
        None => {
            fs::remove_file(&link).map_err(|source| LatestError { path: link, source })?;
            Ok(Some(None))
        }
    }
}

fn has_finished(dir: &ComposeDir) -> bool {
    let status = load_status(&dir.status_file());
    matches!(status, Ok(Some(Status::Finished | Status::FinishedIncomplete)))
}

/// Points the latest link beside the compose directory to it, in one step: the link of an older compose is replaced,
/// anything that is not a link is left alone. Returns the link.
pub fn make_latest_link(dir: &ComposeDir, identity: &ComposeIdentity, components: i64) -> Result<PathBuf, LatestError> {
    let parent = dir.top().parent().unwrap_or(Path::new("/"));
    let link = parent.join(latest_name(identity, components));
    let left = fs::read_dir(parent).into_iter().flatten().flatten();
    for entry in left.filter(|entry| entry.file_name().to_string_lossy().starts_with(&temporary(dir))) {
        // A run that was killed just here left it.
        let _ = fs::remove_file(entry.path());
    }
    let attempt = || {
        let target = dir.top().file_name().ok_or(io::ErrorKind::InvalidInput)?;
        match fs::symlink_metadata(&link) {
            Ok(metadata) if !metadata.is_symlink() => {
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, "it exists and is not a symbolic link"));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        // A link cannot be changed in place; a new one under a name of its own is moved over it.
        let fresh = tempfile::Builder::new().prefix(&temporary(dir)).make_in(parent, |path| symlink(target, path))?;
        fs::rename(fresh.path(), &link)?;
        // Nothing is left to clean up under the old name.
        let _ = fresh.into_temp_path().keep();
        Ok(())
    };
    attempt().map(|()| link.clone()).map_err(|source| LatestError { path: link, source })
}

/// How the name of a link begins that is not in its place yet.
fn temporary(dir: &ComposeDir) -> String {
    format!("{TEMPORARY}{}-", dir.name().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Product, test_identity};

    #[test]
    fn names_show_the_components_asked_for() {
        let mut identity = test_identity();
        for (version, components, name) in [
            ("9.2", -1, "latest-Test-9"),
            ("9", -1, "latest-Test-9"),
            ("1.2.3", -1, "latest-Test-1.2"),
            ("1.2.3", -9, "latest-Test-1"),
            ("1.2.3", i64::MIN, "latest-Test-1"),
            ("1.2.3", 0, "latest-Test"),
            ("1.2.3", 2, "latest-Test-1.2"),
            ("1.2.3", 7, "latest-Test-1.2.3"),
        ] {
            version.clone_into(&mut identity.release.version);
            assert_eq!(latest_name(&identity, components), name, "{version} {components}");
        }
        identity.base_product =
            Some(Product { short: "BP".to_owned(), version: "8.1".to_owned(), ..identity.release.clone() });
        assert_eq!(latest_name(&identity, 1), "latest-Test-1-BP-8.1");
    }

    #[test]
    fn the_age_of_a_compose_stands_in_its_name() {
        let identity = test_identity();
        let id = identity.id();
        let release = &id[..=id.rfind('-').unwrap()];
        let age = |rest: &str| super::age(&format!("{release}{rest}"), &identity);
        assert_eq!(age("20240229.0"), Some((20_240_229, 0)));
        assert_eq!(age("20240229.ci.12"), Some((20_240_229, 12)));
        assert!(age("20240301.n.0") > age("20240229.n.7"));
        for odd in ["", "20240229", "2024.n.0", "20240229.n.x", "x-20240229.n.0"] {
            assert_eq!(age(odd), None, "{odd}");
        }
        assert_eq!(super::age("Other-9-20240229.0", &identity), None);
    }

    #[test]
    fn replaces_links_only() {
        let target = tempfile::tempdir().unwrap();
        let link = target.path().join("latest-Test-9");
        for name in ["old", "new"] {
            let dir = ComposeDir::at(&target.path().join(name));
            assert_eq!(make_latest_link(&dir, &test_identity(), -1).unwrap(), link);
            assert_eq!(fs::read_link(&link).unwrap(), Path::new(name));
        }
        assert_eq!(fs::read_dir(target.path()).unwrap().count(), 1);
        fs::remove_file(&link).unwrap();
        fs::create_dir(&link).unwrap();
        let error = make_latest_link(&ComposeDir::at(&target.path().join("x")), &test_identity(), -1).unwrap_err();
        assert!(error.to_string().contains("not a symbolic link"), "{error}");
        assert_eq!(fs::read_dir(target.path()).unwrap().count(), 1);
    }
}
