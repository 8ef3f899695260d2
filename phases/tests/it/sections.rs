//! The tables of the sections: what each takes and refuses, at Pungi's paths (facts: options 3, options 4).

use magudi_config::{Schema, Severity, Sources, check, load_config};

/// Ids and paths of the errors of a configuration with these lines.
fn errors(lines: &str) -> Vec<String> {
    let good = "release_name='T' release_short='T' release_version='1' variants_file='v' pkgset_source='koji' gather_method='deps'";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.conf");
    std::fs::write(&path, format!("{good}\n{lines}\n")).unwrap();
    let tree = load_config(&path, &mut Sources::new()).unwrap();
    let found = check(&tree, magudi_phases::schema()).1.into_iter();
    let errors = found.filter(|found| found.severity() == Severity::Error);
    errors.map(|found| format!("{} {}", found.code.id, found.path)).collect()
}

#[test]
fn images_are_checked_by_the_tables() {
    const IB: &str = "'name': 'n', 'types': ['qcow2']";
    for (section, image, expected) in [
        ("imagebuilder", IB.to_owned(), vec![]),
        ("imagebuilder", "'name': 'n'".to_owned(), vec!["MG005 imagebuilder.^B$.0"]),
        ("imagebuilder", format!("{IB}, 'repos': 'Client'"), vec!["MG003 imagebuilder.^B$.0.repos"]),
        ("imagebuilder", format!("{IB}, 'repos': [{{}}]"), vec!["MG003 imagebuilder.^B$.0.repos.0"]),
        ("imagebuilder", format!("{IB}, 'seed': 1.5"), vec!["MG003 imagebuilder.^B$.0.seed"]),
        ("imagebuilder", format!("{IB}, 'seed': True"), vec!["MG003 imagebuilder.^B$.0.seed"]),
        ("imagebuilder", format!("{IB}, 'seed': 0, 'scratch': False"), vec![]),
        ("imagebuilder", format!("{IB}, 'release': None"), vec!["MG003 imagebuilder.^B$.0.release"]),
        (
            "imagebuilder",
            format!("{IB}, 'ostree': {{'ref': 1, 'more': 1}}"),
            vec!["MG003 imagebuilder.^B$.0.ostree.ref"],
        ),
        ("imagebuilder", format!("{IB}, 'blueprint': {{'any': [1]}}"), vec![]),
        ("imagebuilder", format!("{IB}, 'repo': []"), vec!["MG006 imagebuilder.^B$.0"]),
        ("kiwibuild", "'kiwi_profile': 'p', 'type_attr': ['a'], 'use_buildroot_repo': True".to_owned(), vec![]),
        ("kiwibuild", "'type': 'iso'".to_owned(), vec!["MG005 kiwibuild.^B$.0"]),
        (
            "kiwibuild",
            "'kiwi_profile': 'p', 'description_scm': 3".to_owned(),
            vec!["MG003 kiwibuild.^B$.0.description_scm"],
        ),
        (
            "live_media",
            "'name': 'n', 'kickstart': 'k', 'repo': ['a', {'baseurl': 'b'}], 'release': None".to_owned(),
            vec![],
        ),
        (
            "live_media",
            "'name': 'n', 'kickstart': 'k', 'repo': {'baseurl': 'b', 'enabled': None}".to_owned(),
            vec!["MG003 live_media.^B$.0.repo.enabled"],
        ),
        (
            "live_media",
            "'name': 'n', 'kickstart': 'k', 'repo': {'baseurl': 5}".to_owned(),
            vec!["MG003 live_media.^B$.0.repo.baseurl"],
        ),
        (
            "live_media",
            "'name': 'n', 'kickstart': 'k', 'skip_tag': 'x'".to_owned(),
            vec!["MG003 live_media.^B$.0.skip_tag"],
        ),
        ("image_build", "'image-build': {'format': [['a', 'b'], ['c']], 'any': 1}".to_owned(), vec![]),
        (
            "image_build",
            "'image-build': {'format': ['a', ['b', 'c']]}".to_owned(),
            vec!["MG003 image_build.^B$.0.image-build.format"],
        ),
        (
            "image_build",
            "'image-build': {'format': [['a', 'b', 'c']]}".to_owned(),
            vec!["MG003 image_build.^B$.0.image-build.format"],
        ),
        ("image_build", "'image-build': 5".to_owned(), vec!["MG003 image_build.^B$.0.image-build"]),
        (
            "image_build",
            "'image-build': {}, 'factory-parameters': []".to_owned(),
            vec!["MG003 image_build.^B$.0.factory-parameters"],
        ),
        ("image_build", "'image-build': {}, 'ova-options': {}".to_owned(), vec!["MG006 image_build.^B$.0"]),
        ("image_build", "'name': 'n'".to_owned(), vec!["MG005 image_build.^B$.0", "MG006 image_build.^B$.0"]),
    ] {
        assert_eq!(errors(&format!("{section} = {{'^B$': [{{{image}}}]}}")), expected, "{section}: {image}");
    }
}

#[test]
fn sections_have_a_shape() {
    for section in magudi_phases::schema().sections() {
        let name = section.name;
        for (value, path) in [("5", ""), ("[]", ""), ("{'^B$': {}}", ".^B$"), ("{'^B$': [7]}", ".^B$.0")] {
            assert_eq!(errors(&format!("{name} = {value}")), [format!("MG003 {name}{path}")], "{name} = {value}");
        }
        let empty = errors(&format!("{name} = {{'': []}}"));
        assert_eq!(empty.is_empty(), section.layout.empty_pattern, "{name}: {empty:?}");
        assert!(errors(&format!("{name} = {{}}")).is_empty());
    }
}

/// Each key of a section stands there once, a key that images inherit is one of the phase's options where the phase has one of
/// that name, and everything is described.
#[test]
fn tables_are_whole() {
    let schema = magudi_phases::schema();
    let mut seen = std::collections::BTreeSet::new();
    let names = schema.options().map(|key| key.name).chain(schema.sections().iter().map(|section| section.name));
    for name in names {
        assert!(seen.insert(name), "{name} stands there twice");
    }
    for section in schema.sections() {
        assert!(section.about.ends_with('.'), "{}", section.name);
        for key in section.image.iter().chain(section.own_keys()).chain(section.options) {
            assert!(key.about.ends_with('.'), "{}: {}", section.name, key.name);
        }
        for option in section.options {
            let short = section.short_name(option.name).unwrap();
            let own = section.own_keys().iter().find(|key| key.name == short);
            let inherits = own.is_none_or(|key| key.fallback != magudi_config::schema::Fallback::Nowhere);
            assert!(inherits, "{} stands for nothing", option.name);
        }
        assert!(section.own_keys().iter().any(|key| key.name == section.label), "{}", section.name);
    }
}

/// A value is the image's, the phase's or the global one: the first that is there, or that says something.
#[test]
fn settings_are_inherited() {
    let value = |lines: &str, section: &str, key: &str| -> Option<String> {
        let good = "release_name='T' release_short='T' release_version='1' variants_file='v' pkgset_source='koji' gather_method='deps'";
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.conf");
        std::fs::write(&path, format!("{good}\n{lines}\n")).unwrap();
        let tree = load_config(&path, &mut Sources::new()).unwrap();
        let schema: &Schema = magudi_phases::schema();
        let (config, problems) = check(&tree, schema);
        let config = config.unwrap_or_else(|| panic!("{lines}: {problems:?}"));
        let section = config.section(section)?;
        let image = section.patterns.first()?.images.first()?;
        section.setting(image, key).map(|node| node.as_str().unwrap_or("no string").to_owned())
    };
    let ib = |more: &str| format!("imagebuilder = {{'a': [{{'name': 'n', 'types': ['t']{more}}}]}}");
    let lm = |more: &str| format!("live_media = {{'a': [{{'name': 'n', 'kickstart': 'k'{more}}}]}}");
    for (lines, section, key, expected) in [
        (ib(", 'target': 'own'") + " imagebuilder_target = 'phase'", "imagebuilder", "target", Some("own")),
        (ib("") + " imagebuilder_target = 'phase' global_target = 'all'", "imagebuilder", "target", Some("phase")),
        (ib("") + " global_target = 'all'", "imagebuilder", "target", Some("all")),
        (ib(", 'target': ''") + " global_target = 'all'", "imagebuilder", "target", Some("")),
        (ib("") + " imagebuilder_release = None global_release = '1'", "imagebuilder", "release", Some("no string")),
        (ib("") + " osbuild_target = 'other'", "imagebuilder", "target", None),
        (lm(", 'ksurl': ''") + " live_media_ksurl = '' global_ksurl = 'all'", "live_media", "ksurl", Some("all")),
        (
            "image_build = {'a': [{'image-build': {'name': 'n'}}]} image_build_version = '2'".to_owned(),
            "image_build",
            "version",
            Some("2"),
        ),
    ] {
        assert_eq!(value(&lines, section, key).as_deref(), expected, "{lines}");
    }
}
