//! *Addresses* of hubs: which of them are the same, and how they are shown.

use reqwest::Url;

/// A hub's address for messages and records: without user, password, query and fragment.
pub fn shown_address(address: &str) -> String {
    let Ok(mut url) = Url::parse(address) else {
        // What is not a URL may hold a password all the same.
        return match address.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1))) {
            Some((scheme, rest)) => format!("{scheme}://{rest}"),
            None => address.to_owned(),
        };
    };
    url.set_query(None);
    url.set_fragment(None);
    // Neither can be set where there is no host; then there is neither.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}

/// Whether two addresses lead to one hub: scheme, host, port and path are the same. Trailing slashes do not matter
/// (facts: wire 7), nor does a default port that is written out.
pub fn same_address(one: &str, other: &str) -> bool {
    let plain = |address: &str| shown_address(address.trim()).trim_end_matches('/').to_owned();
    plain(one) == plain(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_hub_has_one_address_however_it_is_written() {
        let hub = "https://koji.example.com/kojihub";
        for same in [
            "https://koji.example.com/kojihub/",
            "https://KOJI.example.com:443/kojihub",
            "HTTPS://koji.example.com/kojihub//",
            "https://user:secret@koji.example.com/kojihub",
        ] {
            assert!(same_address(hub, same), "{same}");
        }
        for other in [
            "http://koji.example.com/kojihub",
            "https://koji.example.com:8443/kojihub",
            "https://koji.example.org/kojihub",
            "https://koji.example.com/kojihub2",
            "",
        ] {
            assert!(!same_address(hub, other), "{other}");
        }
        assert_eq!(shown_address("https://user:secret@h/kojihub?key=secret#x"), "https://h/kojihub");
        assert_eq!(shown_address("http://user:sec@ret@h:80/k"), "http://h/k");
        assert_eq!(shown_address("no url ://a:b@c"), "no url ://c");
    }
}
