//! koji's configuration files, as Python's `ConfigParser` and koji read them (facts: koji 25, koji 28).

use magudi_koji::{AuthType, Profile, ProfileError, ProfileLocations, load_profile, parse_profile_files};
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn parse(text: &str) -> Result<Profile, ProfileError> {
    parse_profile_files(&[(PathBuf::from("koji.conf"), text.to_owned())], "koji", Some(Path::new("/home/u")))
}

fn message(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn every_key_counts() {
    let profile = parse(
        "; the production hub\n[koji]\nSERVER = https://koji.example.com/kojihub\nweburl: https://koji.example.com/koji/\n\
         topurl = https://kojifiles.example.com\ntopdir = ~/koji\nauthtype = kerberos\ncert = ~/c.pem\nserverca=/ca.pem\n\
         principal = compose/host@EXAMPLE.COM\nkeytab = /etc/krb5.keytab\nno_ssl_verify = no\nmax_retries = 3\n\
         retry_interval = 5\nanon_retry = off\noffline_retry = true\noffline_retry_interval = 7\ntimeout = 100\n\
         auth_timeout = 9\npoll_interval = 2\nsomething_else = x\n# end\n",
    )
    .unwrap();
    let expected = Profile {
        name: "koji".into(),
        server: "https://koji.example.com/kojihub".into(),
        weburl: "https://koji.example.com/koji/".into(),
        topurl: Some("https://kojifiles.example.com".into()),
        topdir: "/home/u/koji".into(),
        authtype: Some(AuthType::Kerberos),
        cert: Some("/home/u/c.pem".into()),
        cert_exists: false,
        serverca: Some("/ca.pem".into()),
        no_ssl_verify: false,
        principal: Some("compose/host@EXAMPLE.COM".into()),
        keytab: Some("/etc/krb5.keytab".into()),
        max_retries: 3,
        retry_interval: Duration::from_secs(5),
        anon_retry: false,
        offline_retry: true,
        offline_retry_interval: Duration::from_secs(7),
        timeout: Duration::from_secs(100),
        auth_timeout: Duration::from_secs(9),
        poll_interval: Duration::from_secs(2),
    };
    assert_eq!(profile, expected);
    assert_eq!(profile.task_url(42), "https://koji.example.com/koji/taskinfo?taskID=42");
    assert_eq!(parse("[koji]\n").unwrap(), Profile::for_server("koji", "http://localhost/kojihub"));
}

#[test]
fn false_is_false() {
    for (text, expected) in [("False", false), ("0", false), ("off", false), ("True", true), ("yes", true), ("1", true)]
    {
        assert_eq!(parse(&format!("[koji]\nno_ssl_verify = {text}\n")).unwrap().no_ssl_verify, expected, "{text}");
    }
    assert_eq!(
        message("[koji]\n\nno_ssl_verify = maybe\n"),
        "koji.conf:3: `no_ssl_verify`: `maybe` is neither true nor false"
    );
}

#[test]
fn values_are_put_in() {
    let text = "[DEFAULT]\nhost = koji.example.com\n[koji]\nbase = https://%(host)s\nserver = %(BASE)s/a%%20b\n";
    assert_eq!(parse(text).unwrap().server, "https://koji.example.com/a%20b");
    for (value, reason) in [
        ("50%", "`%` must be followed by `%` or `(`; write `%%` for a percent sign"),
        ("%d", "`%` must be followed by `%` or `(`; write `%%` for a percent sign"),
        ("%(nothing)s", "`%(nothing)s` names no setting"),
        ("%(server)d", "`%(server)d` is not `%(name)s`"),
        ("%(server)s", "`%(...)s` is nested deeper than 10 values"),
    ] {
        assert_eq!(message(&format!("[koji]\nserver = {value}\n")), format!("koji.conf:2: `server`: {reason}"));
    }
    let mut bomb = "[koji]\nserver = %(a0)s\n".to_owned();
    for level in 0..8 {
        bomb.push_str(&format!("a{level} = {}\n", format!("%(a{})s", level + 1).repeat(100)));
    }
    assert!(message(&format!("{bomb}a8 =\n")).contains("more than 1000 times"));
    assert!(message(&format!("{bomb}a8 = {}\n", "x".repeat(1000))).contains("longer than 65536 bytes"));
}

#[test]
fn an_empty_value_is_a_value() {
    let profile = parse("[koji]\nweburl =\ntopurl =\ncert =\nprincipal =\nno_ssl_verify =\n").unwrap();
    assert_eq!((profile.weburl.as_str(), profile.topurl, profile.principal), ("", None, None));
    assert!(!profile.no_ssl_verify);
    assert!(parse("[koji]\nanon_retry =\n").is_err());
    assert!(parse("[koji]\nauthtype =\n").is_err());
}

#[test]
fn the_hub_has_an_address() {
    for (address, what) in [
        ("", "is empty"),
        ("koji.example.com/kojihub", "is `koji.example.com/kojihub`"),
        ("ftp://u:secretpass@h/kojihub", "is `ftp://h/kojihub`"),
        ("http://", "is `http://` (empty host)"),
        ("http://h:99999/kojihub", "is `http://h:99999/kojihub` (invalid port number)"),
    ] {
        let expected = format!("koji.conf:2: `server` of [koji] {what}; it must be http(s)://HOST/kojihub");
        assert_eq!(message(&format!("[koji]\nserver = {address}\n")), expected);
    }
}

#[test]
fn lines_continue_and_comments_stand_alone() {
    let profile =
        parse("[koji]\nprincipal = http://h/#part ; no comment\n  # a comment\n\n  more\nweburl=http://w = x\n")
            .unwrap();
    assert_eq!(profile.principal.unwrap(), "http://h/#part ; no comment\n\nmore");
    assert_eq!(profile.weburl, "http://w = x");
    let secret = parse("[koji]\nweburl = https://user:secret@h/koji\n").unwrap();
    assert_eq!(secret.task_url(7), "https://h/koji/taskinfo?taskID=7");
    assert_eq!(parse("\u{feff}[koji] # trailing\nserver = http://a\n").unwrap().server, "http://a");
}

#[test]
fn what_python_refuses_is_refused_with_its_line() {
    assert_eq!(message("server = x\n"), "koji.conf:1: a setting before the first [section]");
    assert_eq!(message("[koji]\nserver\n"), "koji.conf:2: expected `key = value`, `[section]` or a comment");
    assert_eq!(message("[koji]\n= x\n"), "koji.conf:2: a value without a key");
    assert_eq!(message("[koji]\nserver = x\nServer = y\n"), "koji.conf:3: `server` is set twice in [koji]");
    assert_eq!(
        message("[DEFAULT]\na = x\n[b]\na = y\n[DEFAULT]\nA = z\n"),
        "koji.conf:6: `a` is set twice in [DEFAULT]"
    );
    assert_eq!(message("[koji]\n[b]\n[koji]\n"), "koji.conf:3: the section [koji] is in this file twice");
    for value in ["x", "1.5", "", "1__0", "99999999999999999999"] {
        let text = message(&format!("[koji]\ntimeout = {value}\n"));
        assert_eq!(text, format!("koji.conf:2: `timeout`: `{value}` is not an integer of 64 bits"));
        assert!(parse(&format!("[koji]\npyver = {value}\n")).is_err());
    }
    for value in ["-1", "99999999999"] {
        let text = message(&format!("[koji]\ntimeout = {value}\n"));
        assert_eq!(text, format!("koji.conf:2: `timeout`: {value} is not from 0 to 4294967295"));
    }
    assert_eq!(parse("[koji]\ntimeout = +1_000\n").unwrap().timeout, Duration::from_secs(1000));
    // Also where the value is not asked for.
    assert_eq!(message("[koji]\nforce_auth = x\n"), "koji.conf:2: `force_auth`: `x` is neither true nor false");
    assert!(message("[koji]\npassword = 50%\n").starts_with("koji.conf:2: `password`: `%` must be followed by"));
    assert_eq!(
        message("[koji]\nauthtype = magic\n"),
        "koji.conf:2: `authtype`: `magic` is not noauth, ssl, password or kerberos"
    );
}

proptest! {
    #[test]
    fn any_file_is_survived(lines in prop::collection::vec("[ \\t]{0,2}(\\[koji\\]|server|[a-z%()s=:#;\\[\\]]{0,12}|\\PC{0,6})[=:]?\\PC{0,8}", 0..12)) {
        let _ = parse(&lines.join("\n"));
        let _ = parse(&format!("[koji]\nserver = {}", lines.concat()));
    }
}

#[test]
fn an_unknown_profile_is_told_with_the_files() {
    let files = [(PathBuf::from("/a.conf"), "[one]\n[two]\n".to_owned()), (PathBuf::from("/b.conf"), String::new())];
    let error = parse_profile_files(&files, "koji", None).unwrap_err().to_string();
    assert_eq!(error, "there is no koji profile `koji` in /a.conf, /b.conf; known profiles: one, two");
    let error = parse_profile_files(&[], "koji", None).unwrap_err().to_string();
    assert_eq!(error, "there is no koji profile `koji`: there is no configuration file of koji");
}

#[test]
fn files_win_over_each_other_key_by_key() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    for dir in ["etc/koji.conf.d", "home/.koji/config.d", "other.d"] {
        fs::create_dir_all(path(dir)).unwrap();
    }
    let keys = ["weburl", "topurl", "principal", "keytab", "topdir"];
    let write = |name: &str, count: usize| {
        let lines: Vec<String> = keys[..count].iter().map(|key| format!("{key} = {name}")).collect();
        fs::write(path(name), format!("[koji]\n{}\n", lines.join("\n"))).unwrap();
    };
    write("etc/koji.conf.d/a.conf", 5);
    write("etc/koji.conf.d/b.conf", 4);
    fs::write(path("etc/koji.conf.d/c.txt"), "not read").unwrap();
    write("etc/koji.conf", 3);
    write("home/.koji/config.d/u.conf", 2);
    write("home/.koji/config", 1);
    let mut locations = ProfileLocations {
        system_dir: Some(path("etc/koji.conf.d")),
        system_file: Some(path("etc/koji.conf")),
        ..ProfileLocations::standard(Some(path("home")))
    };
    let load = |locations: &ProfileLocations| load_profile("koji", locations);
    let profile = load(&locations).unwrap();
    assert_eq!(profile.topdir, PathBuf::from("etc/koji.conf.d/a.conf"));
    assert_eq!(profile.keytab.as_deref(), Some("etc/koji.conf.d/b.conf"));
    assert_eq!(profile.principal.as_deref(), Some("etc/koji.conf"));
    assert_eq!(profile.topurl.as_deref(), Some("home/.koji/config.d/u.conf"));
    assert_eq!(profile.weburl, "home/.koji/config");
    assert_eq!((profile.cert.clone(), profile.auth_type()), (None, AuthType::Kerberos));

    write("other.conf", 1);
    locations.config_override = Some(path("other.conf"));
    let profile = load(&locations).unwrap();
    assert_eq!((profile.weburl.as_str(), profile.topurl.as_deref()), ("other.conf", Some("etc/koji.conf")));
    write("other.d/x.conf", 2);
    locations.config_override = Some(path("other.d"));
    assert_eq!(load(&locations).unwrap().topurl.as_deref(), Some("other.d/x.conf"));
    locations.config_override = Some(path("absent.conf"));
    assert!(load(&locations).unwrap_err().to_string().ends_with("absent.conf: no such file"));

    fs::write(path("home/.koji/client.crt"), "").unwrap();
    fs::write(path("home/.koji/serverca.crt"), "").unwrap();
    locations.config_override = None;
    let profile = load(&locations).unwrap();
    assert_eq!(profile.auth_type(), AuthType::Ssl);
    assert_eq!(profile.serverca, Some(path("home/.koji/serverca.crt")));

    // Who names no certificate gets none.
    fs::write(path("home/.koji/config"), "[koji]\ncert =\nserverca =\n").unwrap();
    let profile = load(&locations).unwrap();
    assert_eq!((profile.cert.clone(), profile.serverca.clone(), profile.auth_type()), (None, None, AuthType::Kerberos));
    fs::create_dir_all(path("empty.d/dir.conf")).unwrap();
    locations.config_override = Some(path("empty.d"));
    let text = load(&locations).unwrap_err().to_string();
    assert!(text.ends_with("empty.d: no file in it has a name that ends with .conf"), "{text}");
    locations.config_override = None;

    fs::write(path("etc/koji.conf"), [0xff]).unwrap();
    assert!(load(&locations).unwrap_err().to_string().contains("etc/koji.conf: "));
}
