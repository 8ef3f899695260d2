//! *Names* that come from a hub and become parts of paths: which ones are safe, and what the paths are.

use crate::calls::Build;
use crate::value::ShapeError;

/// How long a file name may be, in bytes: what Linux file systems take.
const MAX_COMPONENT: usize = 255;

/// Why a name must not become part of a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` cannot be part of a path: {reason}", crate::xmlrpc::shorten(.name))]
pub struct UnsafeName {
    pub name: String,
    pub reason: &'static str,
}

/// Whether `name` can be one component of a path: not empty, not hidden, no separator, no control character. A hub cannot lead
/// a compose out of its directory with such a name.
pub fn safe_component(name: &str) -> Result<(), UnsafeName> {
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.starts_with('.') {
        "it begins with a dot"
    } else if name.contains('/') {
        "it has a slash"
    } else if name.chars().any(char::is_control) {
        "it has a control character"
    } else if name.len() > MAX_COMPONENT {
        "it is longer than 255 bytes"
    } else {
        return Ok(());
    };
    Err(UnsafeName { name: name.to_owned(), reason })
}

/// A checked name for a decoder.
pub(crate) fn checked(path: &str, name: &str) -> Result<String, ShapeError> {
    safe_component(name).map(|()| name.to_owned()).map_err(|e| ShapeError::new(path, e.to_string()))
}

/// Whether `path` is relative and every component is safe: the output of a task may lie in directories.
pub fn safe_relative(path: &str) -> Result<(), UnsafeName> {
    path.split('/').try_for_each(safe_component)
}

/// The paths of a hub's file tree, the same below its `topdir` and its `topurl` (facts: koji 9, koji 18).
pub mod pathinfo {
    use super::Build;
    use std::fmt::Write as _;

    /// The volume that has no directory of its own.
    const DEFAULT_VOLUME: &str = "DEFAULT";

    pub fn build(top: &str, build: &Build) -> String {
        let Build { name, version, release, .. } = build;
        let volume = match build.volume_name.as_deref() {
            None | Some(DEFAULT_VOLUME) => String::new(),
            Some(volume) => format!("/vol/{volume}"),
        };
        format!("{}{volume}/packages/{name}/{version}/{release}", top.trim_end_matches('/'))
    }

    /// The directory of a build's images.
    pub fn build_images(top: &str, build: &Build) -> String {
        format!("{}/images", self::build(top, build))
    }

    /// The directory of a task's output. Koji spreads the tasks over 10,000 directories.
    pub fn task_output(top: &str, task: i64) -> String {
        format!("{}/work/tasks/{}/{task}", top.trim_end_matches('/'), task.rem_euclid(10_000))
    }

    /// The URL of the file or directory `path`, which stands below `topurl`: `path` as it is on disk, escaped as a URL
    /// wants it.
    pub fn url(topurl: &str, path: &str) -> String {
        let mut url = topurl.trim_end_matches('/').to_owned();
        url.push('/');
        for byte in path.trim_start_matches('/').bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~/+:@!$&'()*,;=".contains(&byte) {
                url.push(char::from(byte));
            } else {
                // Writing to a string cannot fail.
                let _ = write!(url, "%{byte:02X}");
            }
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_safe() {
        for name in ["Fedora-Cloud-Base-42-20260301.n.0.x86_64.qcow2", "a", "a b", "x..y", "1^git~rc1", "\u{e9}"] {
            assert_eq!(safe_component(name), Ok(()), "{name}");
        }
        let long = "x".repeat(256);
        for name in ["", ".", "..", ".hidden", "a/b", "/", "a\0b", "a\nb", "\u{85}", long.as_str()] {
            assert!(safe_component(name).is_err(), "{name:?}");
        }
        assert_eq!(safe_relative("sub/f"), Ok(()));
        for path in ["/f", "sub//f", "../f", "sub/", ""] {
            assert!(safe_relative(path).is_err(), "{path}");
        }
    }

    #[test]
    fn paths_of_a_hub() {
        let mut build = Build {
            id: 25,
            name: "Fedora-Cloud-Base".into(),
            version: "42".into(),
            release: "20260301.n.0".into(),
            ..Build::default()
        };
        assert_eq!(
            pathinfo::build_images("/mnt/koji", &build),
            "/mnt/koji/packages/Fedora-Cloud-Base/42/20260301.n.0/images"
        );
        build.volume_name = Some("DEFAULT".into());
        assert_eq!(pathinfo::build("", &build), "/packages/Fedora-Cloud-Base/42/20260301.n.0");
        build.volume_name = Some("archive".into());
        assert_eq!(pathinfo::build("/k/", &build), "/k/vol/archive/packages/Fedora-Cloud-Base/42/20260301.n.0");
        assert_eq!(pathinfo::task_output("/k", 1_230_042), "/k/work/tasks/42/1230042");
        assert_eq!(pathinfo::url("http://h/kojifiles/", "/a/1^2 #?%~.x"), "http://h/kojifiles/a/1%5E2%20%23%3F%25~.x");
    }
}
