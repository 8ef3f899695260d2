//! The recorded cases: dumps with defaults, and the paths at which Pungi complained.

use crate::{check, fixtures, json};
use magudi_config::{Diagnostic, Node, Sources, codes, diagnostic, load_config};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Folder, name of the configuration, verdict.
fn cases() -> Vec<(PathBuf, String, String)> {
    let root = fixtures().join("cases");
    let index = json(&root.join("INDEX.json"));
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let case =
        |case: &serde_json::Value| (root.join(text(&case["case"])), text(&case["config"]), text(&case["verdict"]));
    index.as_array().unwrap().iter().map(case).collect()
}

fn load(path: &Path) -> (Sources, Result<Node, Vec<Diagnostic>>) {
    let mut sources = Sources::new();
    let tree = load_config(path, &mut sources);
    (sources, tree)
}

#[test]
fn errors_stand_at_pungis_paths() {
    let mut compared = 0;
    for (folder, config, verdict) in cases() {
        if verdict != "error" {
            continue;
        }
        let result = json(&folder.join("expected/result.json"));
        let lines = result["stderr_non_log"].as_array().into_iter().flatten().filter_map(|line| line.as_str());
        let path = |line: &str| Some(line.strip_prefix("Failed validation in ")?.split_once(": ")?.0.to_owned());
        let theirs: BTreeSet<String> = lines.filter_map(path).collect();
        if theirs.is_empty() {
            continue;
        }
        let (sources, tree) = load(&folder.join(config));
        let (checked, problems) = check(&tree.unwrap());
        assert!(checked.is_none());
        let errors = problems.iter().filter(|p| p.severity() == magudi_config::Severity::Error);
        let ours: BTreeSet<String> = errors.map(|problem| problem.path.clone()).collect();
        assert_eq!(ours, theirs, "{}", folder.display());
        for problem in &problems {
            let span = problem.span.unwrap_or_else(|| panic!("{problem:?} has no place"));
            assert!(sources.position(span).line > 1 || problem.path.is_empty());
        }
        compared += theirs.len();
    }
    assert!(compared >= 12, "{compared}");
}

/// What Pungi accepted passes, whatever verdict the case has for what comes later.
#[test]
fn accepts_what_pungi_accepted() {
    let refused = ["c39_checksum_badfmt", "c40_checksum_unknown_alg"];
    for (folder, config, _) in cases() {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        if !folder.join("expected/config-dump.json").exists() {
            continue;
        }
        let (_, tree) = load(&folder.join(config));
        let (checked, problems) = check(&tree.unwrap());
        assert_eq!(checked.is_none(), refused.contains(&name.as_str()), "{name}: {problems:?}");
    }
}

fn problems_of(case: &str) -> Vec<(&'static str, String)> {
    let (_, tree) = load(&fixtures().join("cases").join(case).join("test.conf"));
    let problems = match tree {
        Ok(tree) => check(&tree).1,
        Err(problems) => problems,
    };
    problems.into_iter().map(|problem| (problem.code.id, problem.path)).collect()
}

#[test]
fn single_cases() {
    let code = |code: &'static codes::Code, path: &str| (code.id, path.to_owned());
    assert_eq!(problems_of("c39_checksum_badfmt"), [code(&codes::BAD_BASE_NAME, "media_checksum_base_filename")]);
    assert_eq!(problems_of("c40_checksum_unknown_alg"), [code(&codes::UNKNOWN_CHECKSUM, "media_checksums.0")]);
    assert_eq!(problems_of("c53_release_version_bad"), [code(&codes::BAD_RELEASE, "release_version")]);
    assert_eq!(problems_of("c92_iso_level_conflicts"), [code(&codes::CONFLICTS, "pkgset_repos")]);
    assert_eq!(problems_of("c84_variants_scm_dict_ok"), [code(&codes::MISSING_KEY, "variants_file")]);
    assert_eq!(problems_of("c47_syntax_error"), [code(&codes::SYNTAX, "")]);
    assert_eq!(problems_of("c48_dup_key"), [code(&codes::SYNTAX, "")]);
    assert_eq!(problems_of("c102_regex_dialect"), [code(&codes::SYNTAX, "")]);
    assert_eq!(problems_of("c105_tuple_osbuild_value"), []);
    let warnings: BTreeSet<_> = problems_of("c41_unknown_keys").into_iter().collect();
    let expected = [
        code(&codes::UNKNOWN_OPTION, "osbild"),
        code(&codes::UNKNOWN_OPTION, "osbuild_targt"),
        code(&codes::UNKNOWN_OPTION, "qwerty"),
        code(&codes::DEPRECATED, "release_is_layered"),
        code(&codes::DEPRECATED, "runroot"),
    ];
    assert_eq!(warnings, BTreeSet::from(expected));
    let deprecated: BTreeSet<_> = problems_of("c93_alias").into_iter().collect();
    assert_eq!(
        deprecated,
        BTreeSet::from([
            code(&codes::DEPRECATED, "pdc_url"),
            code(&codes::DEPRECATED, "productimg"),
            code(&codes::DEPRECATED, "skip_phases.0"),
        ])
    );
}

#[test]
fn a_tuple_of_images_is_a_list_of_images() {
    let (_, tree) = load(&fixtures().join("cases/c105_tuple_osbuild_value/test.conf"));
    let (config, _) = check(&tree.unwrap());
    let config = config.unwrap();
    let [pattern] = &config.section("osbuild").unwrap().patterns[..] else { panic!("one pattern") };
    assert_eq!(pattern.images[0].path, "osbuild.^Server$.0");
    assert_eq!(pattern.images[0].label(), "tup");
}

#[test]
fn included_values_lead_to_the_included_file() {
    let (sources, tree) = load(&fixtures().join("cases/c32_include/test.conf"));
    let (config, problems) = check(&tree.unwrap());
    assert!(!diagnostic::has_errors(&problems));
    let config = config.unwrap();
    let patterns = &config.section("osbuild").unwrap().patterns;
    let place = sources.position(patterns[0].images[0].label_span());
    assert!(place.path.ends_with("sub/more.conf"), "{place}");
    let formatted = sources.position(patterns[1].images[0].label_span());
    assert!(formatted.path.ends_with("c32_include/test.conf"), "{formatted}");
    assert_eq!(patterns[1].images[0].label(), "c-4");
}

/// `GOOD` and some more lines: the ids and paths of the errors.
fn errors_of(lines: &str) -> Vec<(&'static str, String)> {
    let errors = problems_of_lines(lines).into_iter().filter(|p| p.severity() == magudi_config::Severity::Error);
    errors.map(|problem| (problem.code.id, problem.path)).collect()
}

fn problems_of_lines(lines: &str) -> Vec<Diagnostic> {
    let good = "release_name='T'\nrelease_short='T'\nrelease_version='1'\nvariants_file='v'\npkgset_source='koji'\n\
                gather_method='deps'\n";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.conf");
    std::fs::write(&path, format!("{good}{lines}\n")).unwrap();
    let (_, tree) = load(&path);
    check(&tree.unwrap()).1
}

/// Sections of phases that are not ours have a shape, too.
#[test]
fn shapes_of_other_sections() {
    for (lines, path) in [
        ("extra_isos = 5", Some("extra_isos")),
        ("extra_isos = {'^Server$': {}}", Some("extra_isos.^Server$")),
        ("extra_isos = {'': []}", None),
        ("extra_isos = {5: []}", Some("extra_isos")),
        ("extra_isos = {'^Server$': [{'filename': 'a.iso'}]}", Some("extra_isos.^Server$.0")),
        (
            "extra_isos = {'^Server$': [{'include_variants': 'Server', 'max_size': '1'}]}",
            Some("extra_isos.^Server$.0.max_size"),
        ),
        ("ostree = 5", Some("ostree")),
        ("ostree = {'^Server$': 5}", Some("ostree.^Server$")),
        (
            "ostree = {'^Server$': [{'treefile': 't', 'config_url': 'u', 'ostree_repo': 'r', 'repo': [{}]}]}",
            Some("ostree.^Server$.0.repo.0"),
        ),
        ("ostree = [('^Server$', {'x86_64': {'treefile': 't', 'config_url': 'u', 'ostree_repo': 'r'}})]", None),
        (
            "ostree = [('^Server$', {'x86_64': {'treefile': 't', 'config_url': 'u', 'ostree_repo': 'r', 'arches': []}})]",
            Some("ostree.0.1.x86_64"),
        ),
        ("ostree = [('^Server$', {'x86_64': 5})]", Some("ostree.0.1.x86_64")),
        ("ostree_container = {'^Server$': {'treefile': 't', 'config_url': 'u'}}", None),
        ("ostree_container = {'^Server$': {'treefile': 't'}}", Some("ostree_container.^Server$")),
        ("ostree_container = {'': []}", Some("ostree_container")),
        ("ostree_installer = {}", Some("ostree_installer")),
        (
            "ostree_installer = [('a', {'x86_64': {'add_template': 'x'}})]",
            Some("ostree_installer.0.1.x86_64.add_template"),
        ),
        ("buildinstall_method = 'anaconda'", Some("buildinstall_method")),
        ("buildinstall_method = 'buildinstall'", Some("buildinstall_method")),
        ("createiso_skip = [('^Server$', {'*': True, 'src': False})]", None),
        ("createiso_skip = [('^Server$',)]", Some("createiso_skip.0")),
        ("createiso_skip = [('^Server$', {'*': 'yes'})]", Some("createiso_skip.0.1.*")),
        ("createiso_skip = [('^Server$', {'': True})]", Some("createiso_skip.0.1")),
        ("createiso_skip = [('(Server', {'*': True})]", Some("createiso_skip.0.0")),
        ("createiso_skip = [('^(?!Server).*|Client{1,2}$', {'*': True})]", None),
        ("createiso_skip = ['^Server$']", Some("createiso_skip.0")),
        ("lorax_options = [(5, {})] buildinstall_method = 'lorax'", Some("lorax_options.0.0")),
        (
            "lorax_options = [('a', {'x86_64': {'nomacbot': False}})] buildinstall_method = 'lorax'",
            Some("lorax_options.0.1.x86_64"),
        ),
        (
            "lorax_options = [('a', {'x86_64': {'rootfs_size': 1.5}})] buildinstall_method = 'lorax'",
            Some("lorax_options.0.1.x86_64.rootfs_size"),
        ),
        ("greedy_method = 'bild'", Some("greedy_method")),
        ("repoclosure_strictness = [('^.*$', {'*': 'strict'})]", Some("repoclosure_strictness.0.1.*")),
        ("iso_level = 5", Some("iso_level")),
        ("iso_level = [('a', {'x86_64': 4})]", None),
        ("sigkeys = []", Some("sigkeys")),
        ("sigkeys = [None, 'abc']", None),
        ("gather_method = {'^Server$': {'module': 'hybrid'}}", Some("gather_method.^Server$.module")),
        ("gather_method = {'^Server$': {'module': 'deps', 'comps': 'nodeps'}, 'Client': 'hybrid'}", None),
        ("gather_method = {'^Server$': {'modules': 5, 'other': 5}}", Some("gather_method.^Server$.modules")),
        ("skip_phases = ['osbuild', 'osbild', 'gather']", Some("skip_phases.1")),
        ("gather_lookaside_repos = [('^Server$', {'x86_64': 'http://r', '*': ['http://r', 'http://s']})]", None),
        (
            "gather_lookaside_repos = [('^Server$', {'x86_64': {'repo': 'r'}})]",
            Some("gather_lookaside_repos.0.1.x86_64"),
        ),
        ("cts_oidc_token_url = 5", Some("cts_oidc_token_url")),
        ("cts_oidc_token_url = 'https://t' cts_oidc_client_id = 'c'", None),
        ("skip_phases = ['osbuild', 'ostree_container', 'image_container']", None),
        ("skip_phases = ['osbuild', 'osbild']", Some("skip_phases.1")),
        ("comps_file = {'scm': 'git', 'repo': 'r', 'branch': None, 'file': 'f'}", None),
        ("comps_file = {'scm': 'git', 'repo': 'r', 'branch': 5}", Some("comps_file")),
        ("comps_file = {'scm': 'svn', 'repo': 'r'}", Some("comps_file")),
        ("comps_file = {'scm': 'git', 'repo': 'r', 'options': {'credential_helper': '!x'}}", None),
        ("comps_file = {'scm': 'git', 'repo': 'r', 'options': {'helper': '!x'}}", Some("comps_file")),
        ("createrepo_extra_modulemd = {'Server': {'scm': 'git', 'branch': None}, '': 5}", None),
        ("createrepo_extra_modulemd = {'Server': {'scm': 5}}", Some("createrepo_extra_modulemd.Server.scm")),
        ("osbs = 5 live_images = 5 image_container = 5 live_target = 5", None),
    ] {
        let paths: Vec<String> = errors_of(lines).into_iter().map(|(_, path)| path).collect();
        assert_eq!(paths, path.into_iter().collect::<Vec<_>>(), "{lines}");
    }
}

/// Phases that make images and are left to Pungi are named once each, and phases that Pungi no longer has with the version.
#[test]
fn phases_of_pungi_and_former_ones_are_named() {
    for (lines, expected) in [
        ("createiso_skip = [('a', {'x': True})] createiso_break_hardlinks = True", &["MG027 createiso_skip"][..]),
        ("createiso_skip = []", &[]),
        ("createiso_skip = [('a', {'x': True})] skip_phases = ['createiso']", &[]),
        (
            "ostree_installer = [('a', {'x': {}})] buildinstall_method = 'lorax'",
            &["MG027 buildinstall_method", "MG027 ostree_installer"],
        ),
        ("ostree_use_koji_plugin = True", &[]),
        ("osbs = {} live_images_no_rename = True", &["MG012 live_images_no_rename", "MG012 osbs"]),
        ("signing_key_id = 'a' live_target = 't'", &["MG012 live_target", "MG012 signing_key_id"]),
        // As they stand in a dump.
        ("live_images = [] live_images_no_rename = False osbs_allow_reuse = False", &[]),
        ("skip_phases = ['productimg', 'osbs']", &["MG012 skip_phases.0", "MG012 skip_phases.1"]),
    ] {
        let mut found: Vec<String> =
            problems_of_lines(lines).into_iter().map(|found| format!("{} {}", found.code.id, found.path)).collect();
        found.sort();
        assert_eq!(found, expected, "{lines}");
    }
    let gone = problems_of_lines("osbs = {}").remove(0);
    assert!(gone.message.contains("in Pungi 4.13"), "{gone:?}");
}

#[test]
fn rules_between_options() {
    let code = |code: &'static codes::Code, path: &str| (code.id, path.to_owned());
    let table: &[(&str, &[(&'static str, String)])] = &[
        (
            "base_product_name = 'B'",
            &[code(&codes::REQUIRES, "base_product_name"), code(&codes::REQUIRES, "base_product_name")],
        ),
        ("base_product_name = 'B' base_product_short = 'B' base_product_version = '1'", &[]),
        (
            "base_product_name = 'B' base_product_short = 'B' base_product_version = '1.x'",
            &[code(&codes::BAD_RELEASE, "base_product_version")],
        ),
        (
            "base_product_name = 'B' base_product_short = 'B' base_product_version = '1' base_product_type = 'Bogus'",
            &[code(&codes::BAD_RELEASE, "base_product_type")],
        ),
        ("base_product_name = 'B' base_product_short = 'B' base_product_version = '1' base_product_type = 'EUS'", &[]),
        (
            "base_product_name = ''",
            &[code(&codes::REQUIRES, "base_product_name"), code(&codes::REQUIRES, "base_product_name")],
        ),
        (
            "base_product_name = 'B' base_product_short = 'B' base_product_version = ''",
            &[
                code(&codes::REQUIRES, "base_product_name"),
                code(&codes::REQUIRES, "base_product_short"),
                code(&codes::BAD_RELEASE, "base_product_version"),
            ],
        ),
        ("lorax_options = [('a', {'x86_64': {}})]", &[code(&codes::REQUIRES, "lorax_options")]),
        ("lorax_options = []", &[]),
        ("lorax_options = [('a', {'x86_64': {}})] buildinstall_method = 'lorax'", &[]),
        ("buildinstall_kickstart = 'a.ks'", &[code(&codes::REQUIRES, "buildinstall_kickstart")]),
        ("product_id_allow_missing = True", &[code(&codes::REQUIRES, "product_id_allow_missing")]),
        ("product_id_allow_missing = True product_id = 'ids'", &[]),
        ("product_id_allow_missing = False", &[]),
        ("product_id_allow_missing = 0", &[code(&codes::WRONG_TYPE, "product_id_allow_missing")]),
        (
            "skip_phases = ['x', 5]",
            &[code(&codes::UNKNOWN_PHASE, "skip_phases.0"), code(&codes::WRONG_TYPE, "skip_phases.1")],
        ),
        ("pkgset_scratch_modules = {'a': ['b']}", &[code(&codes::REQUIRES, "pkgset_scratch_modules")]),
        ("pkgset_scratch_modules = {'a': ['b']} mbs_api_url = 'http://m'", &[]),
        ("pkgset_scratch_modules = {}", &[]),
        // What it needs has a default, in Pungi too.
        ("cts_url = 'http://c'", &[]),
        ("cts_url = 'http://c' translate_paths = [('/a', 'http://b')]", &[]),
        ("pkgset_source = 'repos'", &[code(&codes::REQUIRES, "pkgset_source")]),
        ("pkgset_source = 'repos' pkgset_repos = {'x86_64': 'r'} pkgset_koji_inherit = True", &[]),
        (
            "pkgset_source = 'repos' pkgset_repos = {'x86_64': 'r'} pkgset_koji_inherit = False",
            &[code(&codes::CONFLICTS, "pkgset_koji_inherit")],
        ),
        ("media_checksum_one_file = True", &[code(&codes::ONE_CHECKSUM, "media_checksums")]),
        ("media_checksum_one_file = True media_checksums = ['SHA256'] media_checksum_base_filename = '{dirname}'", &[]),
        (
            "media_checksum_base_filename = '%(release_short)s-{nope}'",
            &[code(&codes::BAD_BASE_NAME, "media_checksum_base_filename")],
        ),
        ("media_checksums = ['blake2b', 'SHA3_256']", &[code(&codes::UNKNOWN_CHECKSUM, "media_checksums.1")]),
        ("translate_paths = [('/a',)]", &[code(&codes::WRONG_LENGTH, "translate_paths.0")]),
        (
            "koji_event = True release_internal = 1",
            &[code(&codes::WRONG_TYPE, "release_internal"), code(&codes::WRONG_TYPE, "koji_event")],
        ),
        ("osbuild = {1: []}", &[code(&codes::WRONG_TYPE, "osbuild")]),
        ("osbuild_release = None global_target = None", &[code(&codes::WRONG_TYPE, "global_target")]),
    ];
    for (lines, expected) in table {
        assert_eq!(errors_of(lines), *expected, "{lines}");
    }
}
