//! A *mask* hides secrets in texts that came from elsewhere: a hub that refuses a request quotes it, passwords and all.
//!
//! The secrets are the strings of the configuration and of the plan whose keys say so ([`magudi_config::secret`]), and what the
//! program was given besides. They are found as they are and in the spellings in which Python, JSON and XML quote them.

use crate::plan::TaskRequest;
use magudi_config::secret::{is_plain, is_secret, passwords_in_urls};
use serde_json::Value as Json;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// What stands in the place of a secret.
pub const STARS: &str = "***";

/// Shorter ones would be found everywhere, and protect nothing.
const SHORTEST: usize = 4;

/// Shorter ones are hidden only where no word goes on beside them.
const LONG: usize = 8;

/// How deep a request is looked through; the hub's schema has far fewer levels.
const DEPTH: usize = 100;

/// Texts that must not be shown.
#[derive(Default)]
pub struct Mask {
    /// Longest first, so that a secret within another does not leave the rest of it.
    secrets: Vec<String>,
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mask(..)")
    }
}

impl Mask {
    /// Hides the secrets in `requests` and each of `others`.
    pub fn new<'a>(requests: &[TaskRequest], others: impl IntoIterator<Item = &'a str>) -> Self {
        let mut found: BTreeSet<&str> = others.into_iter().collect();
        for request in requests {
            for value in request.args.iter().chain(request.keywords.members().map(|(_, value)| value)) {
                collect(value, false, DEPTH, &mut found);
            }
        }
        let spelled: BTreeSet<String> = found.into_iter().flat_map(spellings).collect();
        let mut secrets: Vec<String> = spelled.into_iter().filter(|secret| secret.len() >= SHORTEST).collect();
        secrets.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        Self { secrets }
    }

    /// The text without secrets.
    pub fn hide<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut shown = Cow::Borrowed(text);
        for secret in &self.secrets {
            if let Some(hidden) = without(&shown, secret) {
                shown = Cow::Owned(hidden);
            }
        }
        shown
    }

    /// Hides the secrets in a text in place.
    pub fn hide_in(&self, text: &mut String) {
        if let Cow::Owned(hidden) = self.hide(text) {
            *text = hidden;
        }
    }
}

fn collect<'a>(value: &'a Json, secret: bool, depth: usize, found: &mut BTreeSet<&'a str>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    match value {
        Json::String(text) if secret => {
            found.insert(text);
        }
        Json::String(text) => found.extend(passwords_in_urls(text).filter_map(|range| text.get(range))),
        Json::Array(items) => items.iter().for_each(|item| collect(item, secret, depth, found)),
        Json::Object(members) => {
            for (key, value) in members {
                collect(value, is_secret(key) || (secret && !is_plain(key)), depth, found);
            }
        }
        _ => {}
    }
}

/// A secret as it is, and as languages quote it.
fn spellings(secret: &str) -> Vec<String> {
    let json = Json::from(secret).to_string();
    let json = json.trim_start_matches('"').strip_suffix('"').unwrap_or_default().to_owned();
    let xml = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let python = secret.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t");
    // A text of several lines is cut at their ends by whoever shows only one.
    let lines = secret.lines().map(|line| line.trim().to_owned()).filter(|line| line.len() >= LONG);
    let mut all: Vec<String> = lines.collect();
    all.extend([secret.to_owned(), json, xml.replace('"', "&quot;"), xml, python.replace('\'', "\\'"), python]);
    all
}

/// `text` with stars for `secret`; `None` when it is not in there.
fn without(text: &str, secret: &str) -> Option<String> {
    let mut hidden = String::new();
    let mut rest = text;
    let mut before: Option<char> = None;
    while let Some((head, tail)) = rest.split_once(secret) {
        let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let inside = is_word(head.chars().next_back().or(before)) || is_word(tail.chars().next());
        hidden.push_str(head);
        hidden.push_str(if secret.len() < LONG && inside { secret } else { STARS });
        before = secret.chars().next_back();
        rest = tail;
    }
    hidden.push_str(rest);
    (hidden != text).then_some(hidden)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method::TEST_METHOD;
    use crate::plan::{About, Keywords};
    use serde_json::json;

    fn mask(customizations: Json) -> Mask {
        let request = TaskRequest {
            phase: "images",
            variant: "Server".into(),
            subvariant: "Server".into(),
            failable: false,
            method: &TEST_METHOD,
            args: vec![json!("disk"), json!("1")],
            keywords: Keywords::Opts(FromIterator::from_iter([("customizations".into(), customizations)])),
            about: About::default(),
        };
        Mask::new(&[request], ["composepass"])
    }

    #[test]
    fn secrets_are_hidden_however_they_are_quoted() {
        let mask = mask(json!({
            "users": [{"name": "admin", "password": "it's <\"new\">\\n", "key": "ssh-rsa AAAAB3"}],
            "packages": ["vim"],
        }));
        for quoted in
            ["it's <\"new\">\\n", "it\\'s <\"new\">\\\\n", "it's <\\\"new\\\">\\\\n", "it's &lt;\"new\"&gt;\\n"]
        {
            assert_eq!(mask.hide(&format!("bad value '{quoted}' of admin")), "bad value '***' of admin");
        }
        assert_eq!(mask.hide("ssh-rsa AAAAB3 is no key of admin with vim"), "*** is no key of admin with vim");
        assert_eq!(mask.hide("u:composepass@proxy"), "u:***@proxy");
        assert!(matches!(mask.hide("nothing here"), Cow::Borrowed("nothing here")));
    }

    #[test]
    fn short_ones_are_hidden_as_words_only() {
        let mask = mask(json!({"user": {"password": "disk", "token": "ab"}}));
        assert_eq!(mask.hide("disk, 'disk', disk1 ab diskdisk"), "***, '***', disk1 ab diskdisk");
    }

    #[test]
    fn lines_of_a_long_one_are_hidden_and_longer_ones_first() {
        let mask = mask(json!({"private_key": "-----BEGIN\nABCDEFGHIJ\n", "password": "ABCDEFGHIJKLM"}));
        assert_eq!(mask.hide("line ABCDEFGHIJ and ABCDEFGHIJKLM"), "line *** and ***");
    }
}
