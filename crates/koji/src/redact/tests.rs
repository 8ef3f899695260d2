use super::*;
use std::fmt::Write as _;

const KEY: &str = "1073-kZ8/q+W2=xVb7&n\"R4<t";

fn mask() -> Mask {
    let mask = Mask::new(["it's <\"new\">\\n", "composepass"]);
    mask.add_passing(KEY);
    mask
}

/// Each character as `escape` writes it.
fn escaped(text: &str, escape: impl Fn(char) -> String) -> String {
    text.chars().map(escape).collect::<Vec<_>>().concat()
}

fn percent(text: &str) -> String {
    escaped(text, |c| if c.is_ascii_alphanumeric() { c.to_string() } else { format!("%{:02x}", c as u32) })
}

#[test]
fn a_secret_is_hidden_however_it_is_quoted() {
    let mask = mask();
    for secret in [KEY, "it's <\"new\">\\n"] {
        let xml = secret.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
        let json = serde_json::Value::from(secret).to_string().trim_matches('"').to_owned();
        let numbers = escaped(secret, |c| format!("&#{};", c as u32));
        let units = escaped(secret, |c| format!("\\u{:04X}", c as u32));
        for quoted in [
            secret.to_owned(),
            percent(secret),
            escaped(secret, |c| format!("%{:02X}", c as u32)),
            percent(&percent(secret)),
            percent(&xml),
            xml.replace('&', "&amp;"),
            serde_json::Value::from(xml.as_str()).to_string().trim_matches('"').to_owned(),
            xml,
            json.replace('\\', "\\\\"),
            json,
            numbers,
            units,
            secret.escape_debug().to_string(),
            secret.to_lowercase(),
        ] {
            let hidden = mask.hide(&format!("bad value '{quoted}' of admin")).into_owned();
            assert!(hidden.starts_with("bad value '***' of"), "{quoted}: {hidden}");
        }
    }
    assert!(matches!(mask.hide("nothing here: 100 % & \\o/"), Cow::Borrowed(_)));
}

#[test]
fn base64_of_more_than_the_secret_is_hidden() {
    let mask = mask();
    for before in ["", "u:", "ab:", "abc:"] {
        for secret in [KEY, "composepass"] {
            for encoded in [
                base64::engine::general_purpose::STANDARD.encode(format!("{before}{secret}:z")),
                URL_SAFE_NO_PAD.encode(format!("{before}{secret}")),
            ] {
                let shown = mask.hide(&format!("Authorization: Basic {encoded} is no good")).into_owned();
                let left = shown.split_once("Basic ").unwrap().1.split_once("is").unwrap().0.trim();
                assert!(left.contains("***") && left.len() < 18, "{before}{secret}: {shown}");
            }
        }
    }
}

#[test]
fn what_was_cut_off_is_hidden() {
    let mask = mask();
    for long in SHORTEST_CUT..KEY.len() {
        let shown = mask.hide(&format!("the key is {}", &KEY[..long])).into_owned();
        assert_eq!(shown, "the key is ***");
        assert_eq!(mask.hide(&format!("the key is {}...", &KEY[..long])), "the key is ***...");
        assert_eq!(mask.hide(&format!("{} was the key", &KEY[KEY.len() - long..])), "*** was the key");
    }
    // In the middle of a text it takes more than a few letters.
    for long in LONG..KEY.len() {
        assert_eq!(mask.hide(&format!("'{}' was cut", &KEY[..long])), "'***' was cut");
        assert_eq!(mask.hide(&format!("behind '{}'", &KEY[KEY.len() - long..])), "behind '***'");
    }
}

/// What people choose has pieces that are words: a cut is one only beside dots, and longer than such a word.
#[test]
fn a_cut_of_what_people_choose_is_no_word_of_others() {
    let mask = Mask::new(["composepass", "mypassword", "pa55w0rd-of-the-day", "short1"]);
    for innocent in [
        "pass what was built into the compose",
        "the compose is composed of images",
        "waiting for the compose...",
        "waiting for the compose\u{2026}",
        "...pass it on",
        "password of the mypass file is wrong...",
        "composep and osepass",
        "the image of mypasswo",
        "password...",
        "short...",
    ] {
        assert_eq!(mask.hide(innocent), innocent);
    }
    for (text, shown) in [
        ("the password is composepa...", "the password is ***..."),
        ("'composep\u{2026}' is too short", "'***\u{2026}' is too short"),
        ("a composepas.. b pa55w0... c", "a ***.. b ***... c"),
        ("'...mposepass' and \u{2026}the-day", "'...***' and \u{2026}***"),
        ("'composepa'... and ...\"sepass-x\"", "'***'... and ...\"sepass-x\""),
        ("pa55w0rd-o%2E%2E%2E", "***%2E%2E%2E"),
        ("MYPASSWO...", "***..."),
    ] {
        assert_eq!(mask.hide(text), shown);
    }
}

/// Hubs say more in a login than the session's key.
#[test]
fn what_a_login_says_in_words_is_not_hidden() {
    let mask = Mask::default();
    let text = |text: &str| Value::String(text.to_owned());
    mask.add_answer(&Value::Array(["compose", "logged in as compose", "header-auth", KEY, "8-abc"].map(text).to_vec()));
    mask.add_answer(&Value::Int(4_711_000));
    let said = "the compose was logged in as compose, by header-auth";
    assert_eq!(mask.hide(said), said);
    assert_eq!(mask.hide(&format!("{KEY} 8-abc 4711000")), "*** *** ***");
}

/// A text that is made for it takes no longer than another.
#[test]
fn many_cuts_take_their_time() {
    let mask = mask();
    let text = "compos...composepa...".repeat(20_000);
    assert_eq!(mask.hide(&text), "compos...***...".repeat(20_000));
    let repeated = Mask::new(["a".repeat(200).as_str()]);
    assert_eq!(repeated.hide(&"a".repeat(150)), "a".repeat(150));
}

#[test]
fn what_follows_its_name_is_hidden_though_nobody_has_seen_it() {
    let mask = Mask::default();
    for (text, shown) in [
        (
            "GET /kojihub?session-id=4711&session-key=12-aB3&callnum=7",
            "GET /kojihub?session-id=***&session-key=***&callnum=7",
        ),
        ("Koji-Session-Id: 4711\nKoji-Session-Key: 12-aB3\n", "Koji-Session-Id: ***\nKoji-Session-Key: ***\n"),
        ("{\"session-key\": \"12-aB3\"}", "{\"session-key\": \"***\"}"),
        (
            "<name>session-key</name><value><string>12-aB3</string>",
            "<name>session-key</name><value><string>***</string>",
        ),
        ("session%2Did%3D4711%26x", "session%2Did%3D***%26x"),
        ("login.session-key: missing", "login.session-key: missing"),
        ("unable to retry call 3 for session 101", "unable to retry call 3 for session 101"),
        ("the session-id 5 is gone", "the session-id 5 is gone"),
    ] {
        assert_eq!(mask.hide(text), shown);
    }
}

#[test]
fn short_ones_are_hidden_as_words_only() {
    let mask = Mask::new(["disk", "ab"]);
    assert_eq!(mask.hide("disk, 'disk', disk1 ab diskdisk"), "***, '***', disk1 ab diskdisk");
}

#[test]
fn lines_of_a_long_one_are_hidden_and_longer_ones_first() {
    let mask = Mask::new(["-----BEGIN\nABCDEFGHIJ\n", "ABCDEFGHIJKLM"]);
    assert_eq!(mask.hide("line ABCDEFGHIJ and ABCDEFGHIJKLM"), "line *** and ***");
}

#[test]
fn passing_ones_are_forgotten_in_their_order() {
    let mask = mask();
    let lasting = |n: usize| format!("{n:04}-abcdefghijklmnop-{n}");
    (0..200).for_each(|n| mask.add_passing(&lasting(n)));
    assert_eq!(mask.hide(&lasting(199)), "***");
    assert_eq!(mask.hide("composepass"), "***");
    let kept = mask.0.read().unwrap().passing.len();
    assert!(kept <= MOST_PASSING);
    // A text that is not cut at characters does no harm.
    assert_eq!(mask.hide("é%C3%A9\\u00e9&#233;composepassé"), "é%C3%A9\\u00e9&#233;***é");
}

#[test]
fn signatures_of_urls_are_hidden_whether_they_are_known_or_not() {
    let mask = Mask::default();
    for (text, shown) in [
        (
            "see https://b.s3.amazonaws.com/k?X-Amz-Algorithm=A&X-Amz-Credential=AKIA%2F2024&X-Amz-Expires=9&X-Amz-Signature=0f0f, please",
            "see https://b.s3.amazonaws.com/k?X-Amz-Algorithm=A&X-Amz-Credential=***&X-Amz-Expires=9&X-Amz-Signature=***, please",
        ),
        ("<a href=\"http://a/b?se=1&amp;sig=a%2Bb%3D\">", "<a href=\"http://a/b?se=1&amp;sig=***\">"),
        (
            "{\"url\": \"http://a/b?x=1\\u0026X-Goog-Signature=ab12\"}",
            "{\"url\": \"http://a/b?x=1\\u0026X-Goog-Signature=***\"}",
        ),
        ("http://a/b?AWSAccessKeyId=AK&Signature=s&Expires=1", "http://a/b?AWSAccessKeyId=***&Signature=***&Expires=1"),
        (
            "bad signature=abc, sig=1, http://a/b?design=1&sigma=2",
            "bad signature=abc, sig=1, http://a/b?design=1&sigma=2",
        ),
    ] {
        assert_eq!(mask.hide(text), shown);
    }
}

#[test]
fn a_signed_url_loses_its_parameters_and_another_keeps_them() {
    let same = "https://b/k?versionId=3";
    assert_eq!(unsigned(same), same);
    assert_eq!(unsigned("https://b/k?versionId=3&X-Amz-Signature=00"), "https://b/k");
    assert_eq!(unsigned("https://b/k?sv=2&sig=a%2B"), "https://b/k");
    assert_eq!(unsigned("https://b/k%3Fsv=2%26sig=abc"), "https://b/k%3Fsv=2%26sig=***");
}

#[test]
fn what_is_added_after_a_look_is_hidden_in_the_next_one() {
    let mask = mask();
    let text = "of Opensesame and k9-Zr4/qq+W2=xVb71T, then Sess";
    assert!(matches!(mask.hide(text), Cow::Borrowed(_)));
    mask.add(["opensesame"]);
    assert_eq!(mask.hide(text), "of *** and k9-Zr4/qq+W2=xVb71T, then Sess");
    mask.add_passing("k9-Zr4/qq+W2=xVb71T");
    assert_eq!(mask.hide(text), "of *** and ***, then Sess");
    // A short one counts in its own letters, and as a word.
    mask.add(["Sess"]);
    assert_eq!(mask.hide(text), "of *** and ***, then ***");
    assert_eq!(mask.hide("sess and aSess"), "sess and aSess");
}

/// `text` as it is hidden when it is written in pieces of `size` characters.
fn in_pieces(mask: &Mask, text: &str, size: usize) -> String {
    let mut out = Vec::new();
    let mut hiding = mask.hiding(&mut out);
    let mut rest = text;
    while let Some((at, _)) = rest.char_indices().nth(size) {
        hiding.write_str(&rest[..at]).unwrap();
        rest = &rest[at..];
    }
    hiding.write_str(rest).unwrap();
    hiding.finish().unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn of_a_long_text_nothing_is_hidden_otherwise_wherever_it_is_cut() {
    let mask = mask();
    let part = 128 * 1024;
    let long = "x1".repeat(20_000);
    let filler = "a line of %20 many, \\u00e9 with caf\u{e9}s\n".repeat(3300);
    let labelled = format!("session-key: {long} ");
    let signed = format!("https://h/i?a=b&X-Amz-Signature={} ", "0f".repeat(100));
    let short = format!("'{KEY}' or '{}' ", percent("composepass"));
    for secret in [&short, &labelled, &signed] {
        for start in [part - secret.len().min(300), part - 40, part - 7, part + 1] {
            let start = (0..=start).rev().find(|at| filler.is_char_boundary(*at)).unwrap();
            let (before, after) = (&filler[..start], &filler[start..]);
            let text = format!("{before}{secret}{after}");
            let wanted = format!("{before}{}{after}", mask.hide(secret));
            assert!(mask.hide(&text) == wanted, "{start}: {secret}");
            assert!(in_pieces(&mask, &text, 5000) == wanted, "{start}: {secret}");
            assert!(in_pieces(&mask, &text, usize::MAX) == wanted, "{start}, at once: {secret}");
        }
    }
    let plain = "nothing here\n".repeat(30_000);
    assert!(matches!(mask.hide(&plain), Cow::Borrowed(_)));
    assert!(in_pieces(&mask, &plain, 7) == plain && in_pieces(&mask, "", 1).is_empty());
}

#[test]
fn what_cannot_be_written_is_said_at_the_end() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mask = mask();
    let mut hiding = mask.hiding(Full);
    let written = (0..100_000).try_for_each(|_| hiding.write_str("a line\n"));
    assert!(written.is_err(), "no more of it is taken");
    assert_eq!(hiding.finish().unwrap_err().kind(), std::io::ErrorKind::StorageFull);
}
