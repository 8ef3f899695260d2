//! *Secret* is what stands under a key whose name says so, and the password in a URL. This is the one list of such names: drawn
//! source lines, messages, logs, events, journals, reports and copies of a configuration all go by it.

use crate::tree::{Node, Value};
use memchr::memchr_iter;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

/// Words in a key that make everything under it secret.
const WORDS: [&str; 14] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "private_key",
    "privatekey",
    "activation_key",
    "access_key",
    "api_key",
    "apikey",
    "cookie",
    "bearer",
];

/// Parts of a key, between its underscores and the like, that do the same. As letters inside of a word they would say nothing.
const PARTS: [&str; 3] = ["pass", "pwd", "authorization"];

/// Keys that are secret as a whole only: the key of a user of an image, which elsewhere is one word of a longer name.
const KEYS: [&str; 1] = ["key"];

/// Keys under which a secret is not: the rest of a dict of credentials says whose they are.
const PLAIN: [&str; 4] = ["user", "username", "name", "login"];

/// The end of a key that says where tokens are given. Who may have one is asked there.
const ADDRESS: &str = "token_url";

/// What keys have in them whose values are hidden for any reason.
const HINTS: [&str; 10] =
    ["pass", "pwd", "secret", "token", "credential", "key", "cookie", "bearer", "authorization", CUSTOMIZATIONS];

/// What the key `customizations` begins with, or what somebody took for its name.
const CUSTOMIZATIONS: &str = "customi";

/// Whether a key has to be looked at closely: of many thousands, nearly none.
fn has_hint(key: &str) -> bool {
    let key = key.as_bytes();
    (0..key.len()).any(|at| {
        let (rest, first) = (&key[at..], key[at].to_ascii_lowercase());
        // Most places are done with the first letter.
        let mut hints = HINTS.iter().map(|hint| hint.as_bytes()).filter(|hint| hint[0] == first);
        hints.any(|hint| rest.get(..hint.len()).is_some_and(|part| part.eq_ignore_ascii_case(hint)))
    })
}

/// Whether the values under `key` are secret.
pub fn is_secret(key: &str) -> bool {
    if !has_hint(key) {
        return false;
    }
    let key = key.to_ascii_lowercase().replace('-', "_");
    let key = key.strip_suffix(ADDRESS).unwrap_or(&key).to_owned();
    let mut parts = key.split(|c: char| !c.is_alphanumeric());
    KEYS.contains(&key.as_str())
        || WORDS.iter().any(|word| key.contains(word))
        || parts.any(|part| PARTS.contains(&part))
}

/// Whether the values under `key`, which is under a secret one, are not secret themselves.
pub fn is_plain(key: &str) -> bool {
    PLAIN.iter().any(|plain| key.eq_ignore_ascii_case(plain))
}

/// Whether the values under `key` are not drawn: it is secret, or it is `customizations` (or what somebody took for its
/// name), which hold passwords and keys in places that only the builder knows.
pub fn is_hidden(key: &str) -> bool {
    has_hint(key) && (key.to_ascii_lowercase().contains(CUSTOMIZATIONS) || is_secret(key))
}

/// The password in `scheme://user:password@host`, wherever that stands in `text`.
pub fn passwords_in_urls(text: &str) -> impl Iterator<Item = Range<usize>> {
    let marks = memchr_iter(b':', text.as_bytes()).filter(|at| text.as_bytes()[*at..].starts_with(b"://"));
    marks.filter_map(|at| {
        let start = at + "://".len();
        let rest = text.get(start..)?;
        let end = rest.find(|c: char| c == '/' || c == '"' || c.is_whitespace()).unwrap_or(rest.len());
        let authority = rest.get(..end)?;
        let (credentials, _) = authority.rsplit_once('@')?;
        let (user, password) = credentials.split_once(':')?;
        let start = start + user.len() + 1;
        Some(start..start + password.len()).filter(|range| !range.is_empty())
    })
}

/// Every secret value of a configuration.
pub fn values(tree: &Node) -> BTreeSet<String> {
    let mut search = Search::default();
    search.collect(tree, false);
    search.found
}

#[derive(Default)]
struct Search<'t> {
    found: BTreeSet<String>,
    /// What [`is_secret`] says of keys: thousands of images have the same few.
    keys: HashMap<&'t str, bool>,
}

impl<'t> Search<'t> {
    fn collect(&mut self, node: &'t Node, secret: bool) {
        match &node.value {
            Value::Str(text) => {
                self.found.extend(secret.then(|| text.to_string()));
                self.found.extend(passwords_in_urls(text).filter_map(|range| text.get(range).map(str::to_owned)));
            }
            Value::Int(number) => self.found.extend(secret.then(|| number.to_string())),
            Value::BigInt(digits) => self.found.extend(secret.then(|| digits.to_string())),
            Value::List(items) | Value::Tuple(items) => items.iter().for_each(|item| self.collect(item, secret)),
            Value::Dict(dict) => {
                for (key, value) in &dict.entries {
                    let key = key.as_str().unwrap_or_default();
                    let is_secret = *self.keys.entry(key).or_insert_with(|| is_secret(key));
                    self.collect(value, is_secret || (secret && !is_plain(key)));
                }
            }
            Value::Null | Value::Bool(_) | Value::Float(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_is_secret() {
        for key in [
            "password",
            "root_password",
            "Passwd",
            "passphrase",
            "signing_passphrase",
            "private_key",
            "private-key",
            "privateKey",
            "credentials",
            "registration_token",
            "client_secret",
            "aws_secret_access_key",
            "key",
            "db_pass",
            "PWD",
            "api-key",
            "token_url_secret",
            "secret_token_url",
        ] {
            assert!(is_secret(key) && is_hidden(key), "{key}");
        }
        for key in [
            "name",
            "sigkeys",
            "gpgkey",
            "signing_key_id",
            "keymap",
            "passive",
            "bypass",
            "compass",
            "keytab",
            "cts_oidc_token_url",
            "",
        ] {
            assert!(!is_secret(key) && !is_hidden(key), "{key}");
        }
        assert!(is_hidden("customisations") && !is_secret("customizations"));
    }

    #[test]
    fn every_name_has_a_hint() {
        for name in WORDS.iter().chain(&PARTS).chain(&KEYS) {
            assert!(has_hint(name) && has_hint(&name.to_uppercase().replace('_', "-")), "{name}");
        }
        assert!(!has_hint("") && !has_hint("image_types"));
    }

    #[test]
    fn passwords_stand_in_urls() {
        let found = |text: &str| passwords_in_urls(text).map(|range| text[range].to_owned()).collect::<Vec<_>>();
        assert_eq!(found("a http://u:p@ss:w@proxy:3128/x@y and ftp://v:q@h"), ["p@ss:w", "q"]);
        assert!(found("http://proxy:3128/@ http://user@h https://u:@h x://").is_empty());
    }

    #[test]
    fn values_of_a_configuration() {
        let text =
            "a = {'password': 'p1', 'credentials': {'user': 'me', 'pin': [1234, ('x',)]}, 'repo': 'http://u:p2@h/'}\n";
        let mut sources = crate::Sources::new();
        let file = sources.add_bytes(std::path::Path::new("a.conf"), text.as_bytes().to_vec()).unwrap();
        let none = |_: &std::path::Path| -> std::io::Result<Vec<u8>> { Err(std::io::ErrorKind::NotFound.into()) };
        let tree = crate::conf::parse_conf(file, &mut sources, &none, &crate::tree::Dict::default()).unwrap();
        assert_eq!(values(&tree).into_iter().collect::<Vec<_>>(), ["1234", "p1", "p2", "x"]);
    }
}
