//! Generated *configurations*: trees of values that every syntax can write.

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::Union;

/// A value of a configuration.
#[derive(Debug, Clone, PartialEq)]
pub enum Tree {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Tree>),
    Dict(Vec<(String, Tree)>),
}

impl From<&str> for Tree {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// A member of a dict, or nothing. A list of strategies for members is a strategy for all of them.
type Member = BoxedStrategy<Option<(String, Tree)>>;

fn dict(members: Vec<Option<(String, Tree)>>) -> Tree {
    Tree::Dict(members.into_iter().flatten().collect())
}

fn texts(items: impl IntoIterator<Item = impl Into<String>>) -> Tree {
    Tree::List(items.into_iter().map(|item| Tree::Text(item.into())).collect())
}

/// `(key, value)`, or nothing: with this probability.
fn likely(probability: f64, key: &'static str, value: impl Strategy<Value = Tree> + 'static) -> Member {
    option::weighted(probability, value).prop_map(move |value| Some((key.to_owned(), value?))).boxed()
}

fn maybe(key: &'static str, value: impl Strategy<Value = Tree> + 'static) -> Member {
    likely(0.5, key, value)
}

fn always(key: &'static str, value: impl Strategy<Value = Tree> + 'static) -> Member {
    value.prop_map(move |value| Some((key.to_owned(), value))).boxed()
}

fn text_of(choices: &'static [&'static str]) -> impl Strategy<Value = Tree> {
    select(choices).prop_map(Tree::from)
}

/// Any text, often of characters that mean something to one of the syntaxes; now and then of such as no hub takes.
fn any_text() -> impl Strategy<Value = String> {
    let of = |characters: &str| vec(select(characters.chars().collect::<Vec<_>>()), 0..8);
    let troublesome = of("'\"\\%#:,{}[]()&*!|>?@`~-_=. \t\n\r\u{85}\u{a0}\u{2028}\u{feff}éß😀nNyYtfrbu0159x");
    let hopeless = of("ab'\0\u{1}\u{1b}\u{7f}\u{ffff}");
    let words = select(vec![
        "",
        "yes",
        "No",
        "on",
        "OFF",
        "true",
        "False",
        "None",
        "null",
        "~",
        "1",
        "0x1f",
        "1.5",
        "1e5",
        ".inf",
        "- a",
        "a: b",
        "a #b",
        "%s",
        "%(key)s%%",
        "{arch}",
        "!tag",
        "&anchor",
        "*alias",
        "<<",
        "---",
        "...",
        "r'x'",
        "\\d+\\.\\Z",
        "it's",
        "\"quoted\"",
        "trailing\\",
        "two\nlines",
        " padded ",
        "2024-02-29",
        "12:30",
    ]);
    prop_oneof![
        25 => words.prop_map(str::to_owned),
        40 => troublesome.prop_map(|chars| chars.into_iter().collect()),
        1 => hopeless.prop_map(|chars| chars.into_iter().collect()),
        10 => vec(any::<char>(), 0..6).prop_map(|chars| chars.into_iter().filter(|c| *c >= ' ').collect()),
    ]
}

/// What an image may be called, and other text that people write.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![14 => "[A-Za-z][A-Za-z0-9_.+-]{0,11}", 1 => any_text()]
}

/// Anything: customizations are free.
fn any_tree() -> BoxedStrategy<Tree> {
    let leaf = prop_oneof![
        Just(Tree::Null),
        any::<bool>().prop_map(Tree::Bool),
        any::<i64>().prop_map(Tree::Int),
        any::<i32>().prop_map(|n| Tree::Float(f64::from(n) / 8.0)),
        any_text().prop_map(Tree::Text),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![vec(inner.clone(), 0..4).prop_map(Tree::List), any_dict(inner, 0..4)]
    })
    .boxed()
}

fn any_dict(of: impl Strategy<Value = Tree>, size: std::ops::Range<usize>) -> impl Strategy<Value = Tree> {
    btree_map(any_text(), of, size).prop_map(|members| Tree::Dict(members.into_iter().collect()))
}

/// A word as a value.
fn name() -> impl Strategy<Value = Tree> {
    word().prop_map(Tree::Text)
}

fn words() -> impl Strategy<Value = Tree> {
    vec(word(), 0..3).prop_map(texts)
}

fn version() -> impl Strategy<Value = Tree> {
    let known = ["42", "", "!VERSION_FROM_VERSION", "!OSTREE_VERSION_FROM_LABEL_DATE_TYPE_RESPIN"];
    prop_oneof![select(known.to_vec()).prop_map(Tree::from), name()]
}

fn release() -> impl Strategy<Value = Tree> {
    let known = ["1", "", "!RELEASE_FROM_LABEL_DATE_TYPE_RESPIN", "!RELEASE_FROM_DATE_RESPIN"];
    prop_oneof![select(known.to_vec()).prop_map(Tree::from), name()]
}

fn release_or_null() -> impl Strategy<Value = Tree> {
    prop_oneof![3 => release(), 1 => Just(Tree::Null)]
}

fn repositories() -> impl Strategy<Value = Tree> {
    let known = &[
        "Server",
        "Client",
        "Server-HA",
        "https://example.com/$arch/os/",
        "/mnt/koji/repos/f42",
        "/mnt/./koji/../x/",
        "file:///a",
        "Empty",
    ];
    let place = || prop_oneof![20 => text_of(known), 1 => any_text().prop_map(Tree::Text)];
    let detailed = vec![always("baseurl", place()), maybe("package_sets", words())].prop_map(dict);
    vec(prop_oneof![place(), detailed], 0..4).prop_map(Tree::List)
}

fn upload_options() -> impl Strategy<Value = Tree> {
    let azure = ["tenant_id", "subscription_id", "resource_group"].map(|key| always(key, name()));
    let kinds = [
        vec![always("region", name()), always("share_with_accounts", words()), maybe("snapshot_name", name())],
        vec![always("region", name())],
        azure.into_iter().chain([maybe("location", name())]).collect(),
        vec![always("region", name()), maybe("bucket", name()), maybe("image_name", name())],
        vec![maybe("name", name()), maybe("tag", name())],
    ];
    Union::new(kinds.map(|members| members.prop_map(dict)))
}

fn image_type() -> impl Strategy<Value = Tree> {
    let known = &["qcow2", "guest-image", "ec2", "gce", "azure", "image-installer", "container", "edge-commit", "new"];
    prop_oneof![text_of(known), text_of(known).prop_map(|one| Tree::List(vec![one]))]
}

fn image() -> impl Strategy<Value = Tree> {
    let arches = || subsequence(&["aarch64", "ppc64le", "s390x", "x86_64"][..], 1..=4).prop_map(texts);
    let failable = prop_oneof![Just(texts(["*"])), arches(), Just(Tree::List(Vec::new()))];
    vec![
        always("name", name()),
        always("distro", name()),
        always("image_types", image_type()),
        maybe("version", version()),
        maybe("release", release()),
        maybe("target", name()),
        maybe("arches", arches()),
        maybe("failable", failable),
        maybe("subvariant", name()),
        maybe("repo", repositories()),
        likely(0.2, "ostree_url", name()),
        likely(0.2, "ostree_ref", name()),
        likely(0.2, "manifest_type", text_of(&["qcow2", "dvd", "", "raw", "docker", "nonsense"])),
        likely(0.4, "customizations", any_dict(any_tree(), 0..4)),
        likely(0.15, "upload_options", upload_options()),
    ]
    .prop_map(dict)
}

fn pattern() -> impl Strategy<Value = String> {
    let good = [
        "^Server$",
        "^Client$",
        "^(Server|Client)$",
        "^(?!Server).*$",
        "Server",
        "^.*$",
        "",
        "^Server-HA$",
        r"^\w+\Z",
        "(?i)CLIENT",
        "^Empty$",
        "^Nowhere$",
    ];
    prop_oneof![20 => select(good.to_vec()).prop_map(str::to_owned), 1 => any_text()]
}

/// The `osbuild` section: patterns in an order that means something, each once.
fn section() -> impl Strategy<Value = Tree> {
    vec((pattern(), vec(image(), 1..3)), 1..4).prop_map(|sections| {
        let mut members: Vec<(String, Tree)> = Vec::new();
        for (pattern, images) in sections {
            if members.iter().all(|(known, _)| *known != pattern) {
                members.push((pattern, Tree::List(images)));
            }
        }
        Tree::Dict(members)
    })
}

/// A whole configuration: what the image phases read of it, and now and then a mistake.
pub fn configuration() -> impl Strategy<Value = Vec<(String, Tree)>> {
    let pairs = vec((text_of(&["/mnt/koji", "/mnt", "/"]), name()), 0..3)
        .prop_map(|pairs| Tree::List(pairs.into_iter().map(|(from, to)| Tree::List(vec![from, to])).collect()));
    let fixed = [
        ("release_name", "Example"),
        ("release_short", "Example"),
        ("release_version", "42"),
        ("variants_file", "variants.xml"),
        ("pkgset_source", "koji"),
        ("gather_method", "deps"),
    ];
    let fixed = fixed.map(|(key, value)| always(key, Just(Tree::from(value))));
    let others = [
        always("osbuild_target", name()),
        maybe("osbuild_version", version()),
        maybe("osbuild_release", release_or_null()),
        maybe("global_version", version()),
        maybe("global_release", release_or_null()),
        maybe("global_target", name()),
        maybe("translate_paths", pairs),
        maybe("tree_arches", subsequence(&["aarch64", "s390x", "x86_64"][..], 0..=3).prop_map(texts)),
        maybe("tree_variants", subsequence(&["Server", "Client", "Server-HA"][..], 0..=3).prop_map(texts)),
        maybe("release_type", text_of(&["ga", "updates", "fast", "eus", "aus", "beta"])),
        maybe("media_checksums", subsequence(&["md5", "sha256", "sha512"][..], 1..=3).prop_map(texts)),
        likely(0.05, "release_internal", Just(Tree::Int(1))),
        maybe("release_discinfo_description", any_text().prop_map(Tree::Text)),
        always("osbuild", section()),
    ];
    let members: Vec<Member> = fixed.into_iter().chain(others).collect();
    members.prop_map(|members| members.into_iter().flatten().collect())
}
