//! Patterns against Python 3.11's `re.match`, which made the table: an `x` for every text that matches, or `error`.

use magudi_config::Pattern;

const TEXTS: &[&str] = &[
    "",
    "a",
    "b",
    "ab",
    "aab",
    "abab",
    "a\n",
    "Server",
    "Server\n",
    "Server\n\n",
    "Server-optional",
    "server",
    "Client",
    "Everything",
    "a b",
    "é",
    "É",
    "1",
    "a1",
    "-",
    "[",
    "]",
    "{",
    "a{1",
    "\u{1c}",
    "#",
    "_",
    "&",
];

const TABLE: &[(&str, &str)] = &[
    ("", "xxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
    ("a", ".x.xxxx.......x...x....x...."),
    ("^a$", ".x....x....................."),
    ("a$", ".x....x....................."),
    (r"a\Z", ".x.........................."),
    ("Serv", ".......xxxx................."),
    ("erver", "............................"),
    ("^Server$", ".......xx..................."),
    (r"^Server\Z", ".......x...................."),
    ("^(Client|Everything)$", "............xx.............."),
    ("^((?!Server).)*$", "xxxxxxx....xxxxxxxxxxxxxxxxx"),
    ("(?i)^server$", ".......xx..x................"),
    ("(?i:s)erver", ".......xxxxx................"),
    ("^Server$|^Client$", ".......xx...x..............."),
    (".*", "xxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
    ("^.*$", "xxxxxxxxx.xxxxxxxxxxxxxxxxxx"),
    (r"(?s).*\Z", "xxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
    ("(?m)^a$", ".x....x....................."),
    ("(?m)a$", ".x....x....................."),
    ("[[a]", ".x.xxxx.......x...x.x..x...."),
    ("[]a]", ".x.xxxx.......x...x..x.x...."),
    ("[^]a]", "..x....xxxxxxx.xxx.xx.x.xxxx"),
    ("[a&&b]", ".xxxxxx.......x...x....x...x"),
    ("[a--b]", "error"),
    ("[a~~b]", ".xxxxxx.......x...x....x...."),
    ("[-a]", ".x.xxxx.......x...xx...x...."),
    ("[a-]", ".x.xxxx.......x...xx...x...."),
    (r"[\]]", ".....................x......"),
    (r"[\w.-]", ".xxxxxxxxxxxxxxxxxxx...x..x."),
    (r"[^\W\d]", ".xxxxxxxxxxxxxxxx.x....x..x."),
    (r"\d", ".................x.........."),
    (r"\w+\Z", ".xxxxx.x...xxx.xxxx.......x."),
    (r"\s", "........................x..."),
    (r"\S", ".xxxxxxxxxxxxxxxxxxxxxxx.xxx"),
    (r"[\S]", ".xxxxxxxxxxxxxxxxxxxxxxx.xxx"),
    (r"[\s]", "........................x..."),
    (r"\b", ".xxxxxxxxxxxxxxxxxx....x..x."),
    (r"\B", "...................xxxx.xx.x"),
    (r"\Bb", "............................"),
    (r"a\b", ".x....x.......x........x...."),
    (r"\A\Z", "x..........................."),
    ("(?P<n>a)(?P=n)b", "....x......................."),
    (r"(a)(b)\1\2", ".....x......................"),
    ("(a)?(?(1)b|C)", "...x.x......x..............."),
    ("(?P<n>a)?(?(n)b|C)", "...x.x......x..............."),
    ("(?<=a)b|a(?<=a)b", "...x.x......................"),
    ("(?<!a)b", "..x........................."),
    ("(?>a+)b", "...xxx......................"),
    ("a++b", "...xxx......................"),
    ("a*+b", "..xxxx......................"),
    ("a{2}", "....x......................."),
    ("a{,3}b", "..xxxx......................"),
    ("a{1,}b", "...xxx......................"),
    ("a{1", ".......................x...."),
    ("a{", ".......................x...."),
    ("{", "......................x....."),
    ("a{,}b", "..xxxx......................"),
    ("(?x) a b # comment", "...x.x......................"),
    ("(?x: a b )", "...x.x......................"),
    (r"(?x)\#", ".........................x.."),
    ("(?#note)a", ".x.xxxx.......x...x....x...."),
    (r"\x41|\x61", ".x.xxxx.......x...x....x...."),
    (r"\u00e9", "...............x............"),
    (r"\U000000e9", "...............x............"),
    (r"\141", ".x.xxxx.......x...x....x...."),
    (r"\07|a", ".x.xxxx.......x...x....x...."),
    (r"[\b]", "............................"),
    (r"[\x61-\x62]+$", ".xxxxxx....................."),
    ("(?i)É", "...............xx..........."),
    (r"\.|\-|\[|\]|\{|\#|\&", "...................xxxx..x.x"),
    (r"(a|b)*\Z", "xxxxxx......................"),
    ("(?:ab)+$", "...x.x......................"),
    ("a|", "xxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
    ("|a", "xxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
    ("()", "xxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
    ("(?:)", "xxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
    ("^Server(-optional)?$", ".......xx.x................."),
    ("(?!Server)", "xxxxxxx....xxxxxxxxxxxxxxxxx"),
    ("(?=Server).*optional", "..........x................."),
    ("(?-i:a)", ".x.xxxx.......x...x....x...."),
    ("(?im)^SERVER$", ".......xxx.x................"),
    ("a{0}b", "..x........................."),
    (r"\$|a", ".x.xxxx.......x...x....x...."),
    (r"(a)(?:\1)b", "....x......................."),
    ("(", "error"),
    ("a)", "error"),
    ("[", "error"),
    ("[z-a]", "error"),
    ("a{2,1}", "error"),
    ("*", "error"),
    ("a**", "error"),
    ("+a", "error"),
    ("(?", "error"),
    ("(?P<1>a)", "error"),
    ("(?P=x)", "error"),
    (r"\2", "error"),
    (r"\z", "error"),
    (r"\p{L}", "error"),
    (r"\Q", "error"),
    (r"\h", "error"),
    ("a(?i)b", "error"),
    ("(?<n>a)", "error"),
    ("(?P>n)", "error"),
    ("(?R)", "error"),
    ("(*F)", "error"),
    (r"\x4", "error"),
    (r"\400", "error"),
    (r"[\400]", "error"),
    ("(?(1)a|b)", "error"),
    (r"(a\1)", "error"),
    (r"\", "error"),
    ("(?P<n>a)(?P<n>b)", "error"),
    ("x{1}{2}", "error"),
    ("(?z)a", "error"),
    ("^*", "error"),
    ("(?#", "error"),
    (r"\8", "error"),
    (r"[\8]", "error"),
];

#[test]
fn matches_as_python_does() {
    let mut wrong = Vec::new();
    for (pattern, expected) in TABLE {
        let ours = match Pattern::parse(pattern) {
            Ok(parsed) => TEXTS.iter().map(|text| if parsed.is_match(text).unwrap() { 'x' } else { '.' }).collect(),
            Err(_) => "error".to_owned(),
        };
        if ours != *expected {
            wrong.push(format!("{pattern:?}\n  ours   {ours}\n  python {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_python_knows_and_we_do_not_is_refused_with_a_reason() {
    for (pattern, reason) in [
        ("(?a)\\w", "the flag `(?a)` is not supported"),
        ("(?L)\\w", "the flag `(?L)` is not supported"),
        ("(?a:\\w)", "the flag `(?a)` is not supported"),
        ("\\N{DIGIT ONE}", "`\\N{...}` is not supported; write the character itself"),
    ] {
        assert_eq!(Pattern::parse(pattern).unwrap_err().to_string(), reason);
    }
}

#[test]
fn hostile_patterns_end() {
    assert!(Pattern::parse(&"(".repeat(10_000)).is_err());
    assert!(Pattern::parse(&"(a".repeat(5_000)).is_err());
    assert!(Pattern::parse(&"a".repeat(100_000)).is_err());
    assert!(Pattern::parse("(?:a{1000}){1000}{1000}").is_err());
    assert!(Pattern::parse("((((a{99}){99}){99}){99}){99}").is_err());
    let slow = Pattern::parse("(a|a)*\\1?b").unwrap();
    assert!(slow.is_match(&"a".repeat(40)).unwrap_err().to_string().contains("too costly"));
}
