//! A *repository* of an image is given as a URL, a path or a variant uid; the hub is always sent a URL or path
//! (facts: expansion 10).

use magudi_compose::layout::ComposeDir;
use magudi_compose::variants::{Variant, Variants};
use magudi_config::schema::{Key, Kind, opt, req};

/// The keys of a repository of Koji's own image tasks that is written as a dict. Only its URL is sent (facts: kickstart 1).
pub const REPOSITORY: &[Key] = &[
    opt("name", Kind::Text).about("Accepted but not sent."),
    req("baseurl", Kind::Text).about("A URL, a path or a variant uid."),
    opt("exclude", Kind::Text).about("Accepted but not sent."),
    opt("gpgcheck", Kind::Boolean).about("Accepted but not sent."),
    opt("enabled", Kind::Text).about("Accepted but not sent."),
];

/// Python's `posixpath.normpath`: no double or trailing slashes, no `.`, `..` resolved; a leading `//` survives.
pub fn normpath(path: &str) -> String {
    let root = if path.starts_with("//") && !path.starts_with("///") {
        "//"
    } else if path.starts_with('/') {
        "/"
    } else {
        ""
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        let climbs = part == ".." && (parts.last().is_some_and(|last| *last != "..") || !root.is_empty());
        if climbs {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    match format!("{root}{}", parts.join("/")) {
        empty if empty.is_empty() => ".".to_owned(),
        path => path,
    }
}

/// Applies `translate_paths` (facts: expansion 12): the first prefix that fits wins, without regard to where a path component ends; without one
/// the normalised path stays.
pub fn translate(path: &str, pairs: &[(String, String)]) -> String {
    let path = normpath(path);
    for (prefix, replacement) in pairs {
        let prefix = normpath(prefix);
        if let Some(rest) = path.strip_prefix(&prefix) {
            return format!("{}{rest}", replacement.trim_end_matches('/'));
        }
    }
    path
}

/// Whether a URL does not lead to another machine: it is a path, or stands for one.
pub fn is_local(url: &str) -> bool {
    url.starts_with('/') || url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("file:"))
}

/// What repositories are resolved against.
#[derive(Debug, Clone, Copy)]
pub struct Resolver<'a> {
    /// The variants that a uid may name.
    pub variants: &'a Variants,
    /// Where their trees will be.
    pub dir: &'a ComposeDir,
    /// `translate_paths`.
    pub translate_paths: &'a [(String, String)],
    /// What builders put an arch in the place of.
    pub arch: &'static str,
}

impl Resolver<'_> {
    /// The URL of one entry; nothing when it is a uid that no variant has.
    pub fn resolve(&self, entry: &str) -> Option<String> {
        if entry.starts_with('/') {
            return Some(translate(entry, self.translate_paths));
        }
        if entry.contains("://") {
            return Some(entry.to_owned());
        }
        self.variants.get(entry).map(|variant| self.of_variant(variant))
    }

    /// The URL of a variant's own repository.
    pub fn of_variant(&self, variant: &Variant) -> String {
        translate(&self.dir.os_tree(variant, self.arch).to_string_lossy(), self.translate_paths)
    }

    /// The URL of the tree that a variant is installed from.
    pub fn tree_of(&self, variant: &Variant) -> String {
        translate(&self.dir.install_tree(variant, self.arch).to_string_lossy(), self.translate_paths)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised_as_python_does() {
        for (path, want) in [
            ("/a/b/", "/a/b"),
            ("/a//b/./c/../d", "/a/b/d"),
            ("//a", "//a"),
            ("///a", "/a"),
            ("/../a", "/a"),
            ("../a", "../a"),
            ("a/..", "."),
            ("../..", "../.."),
            ("", "."),
            ("/", "/"),
        ] {
            assert_eq!(normpath(path), want, "{path:?}");
        }
    }

    #[test]
    fn the_first_prefix_wins_and_ends_anywhere() {
        let pairs = [
            ("/mnt/koji/".to_owned(), "http://koji.example.com/".to_owned()),
            ("/mnt".to_owned(), "http://mnt".to_owned()),
        ];
        assert_eq!(translate("/mnt/koji/repos/x/", &pairs), "http://koji.example.com/repos/x");
        assert_eq!(translate("/mnt/kojifoo", &pairs), "http://koji.example.comfoo");
        assert_eq!(translate("/mnt/x", &pairs), "http://mnt/x");
        assert_eq!(translate("/data//x", &pairs), "/data/x");
    }
}
