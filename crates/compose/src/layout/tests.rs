//! Tests of compose directories.

use super::*;
use crate::identity::{ComposeType, test_identity};
use crate::variants::parse_variants;
use magudi_config::Sources;
use std::os::unix::fs::PermissionsExt as _;

#[test]
fn takes_the_first_free_respin() {
    let target = tempfile::tempdir().unwrap();
    for taken in ["Test-9.2-20240229.t.0", "Test-9.2-20240229.t.1", "Test-9.2-20240229.t.3"] {
        fs::create_dir(target.path().join(taken)).unwrap();
    }
    let mut identity = test_identity();
    let (planned, respin) = ComposeDir::first_free_respin(target.path(), &identity).unwrap();
    assert_eq!((respin, planned.top().exists()), (2, false));
    let dir = ComposeDir::create(target.path(), &mut identity).unwrap();
    assert_eq!((identity.respin, &dir), (2, &planned));
    assert_eq!(dir.name(), Some("Test-9.2-20240229.t.2"));
    assert_eq!(fs::read_to_string(dir.compose_id_file()).unwrap(), "Test-9.2-20240229.t.2");
    assert_eq!(dir.peek_identity(&identity, false).unwrap(), Some(identity.clone()));
    ComposeDir::create(target.path(), &mut identity).unwrap();
    assert_eq!(identity.respin, 4);
    assert!(matches!(ComposeDir::create(&target.path().join("no"), &mut identity), Err(LayoutError::MakeDir { .. })));
}

#[test]
fn modes_follow_the_umask() {
    let target = tempfile::tempdir().unwrap();
    let plain = target.path().join("plain");
    fs::create_dir(&plain).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let dir = ComposeDir::create(target.path(), &mut test_identity()).unwrap();
    assert_eq!(mode(dir.top()), mode(&plain));
    assert_eq!(mode(&dir.metadata()), mode(&plain) & 0o775);
}

#[test]
fn an_existing_compose_keeps_its_identity() {
    let target = tempfile::tempdir().unwrap();
    let path = target.path().join("x/../mine");
    let nightly = ComposeIdentity { kind: ComposeType::Nightly, respin: 7, ..test_identity() };
    let (dir, identity) = ComposeDir::open_or_create(&path, nightly.clone(), false).unwrap();
    assert_eq!((dir.name(), &identity), (Some("mine"), &nightly));
    let (_, identity) = ComposeDir::open_or_create(&path, test_identity(), false).unwrap();
    assert_eq!(identity, nightly);
    assert_eq!(fs::read_to_string(dir.compose_id_file()).unwrap(), "Test-9.2-20240229.n.7");
}

#[test]
fn a_finished_compose_is_not_touched() {
    let target = tempfile::tempdir().unwrap();
    let path = target.path().join("mine");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("STATUS"), "FINISHED\n").unwrap();
    let error = ComposeDir::open_or_create(&path, test_identity(), false).unwrap_err();
    assert!(error.to_string().contains("FINISHED"), "{error}");
    assert_eq!(fs::read_dir(&path).unwrap().count(), 1);
    fs::write(path.join("STATUS"), "DOOMED\n").unwrap();
    ComposeDir::open_or_create(&path, test_identity(), false).unwrap();
}

#[test]
fn paths_are_those_of_pungi() {
    let x = "<arches><arch>x86_64</arch></arches>";
    let xml = format!(
        "<variants><variant id='S' name='S' type='variant' has_optional='true'>{x}\
         <variants><variant id='HA' name='HA' type='addon'>{x}</variant></variants></variant></variants>"
    );
    let variants = parse_variants(&xml, Path::new("v.xml"), &mut Sources::new()).unwrap();
    let dir = ComposeDir::at(Path::new("/c/T-1"));
    for (uid, images, iso, os) in [
        ("S", "S/x/images", "S/x/iso", "S/$arch/os"),
        ("S-HA", "S/x/images", "S/x/iso", "S/$arch/os/addons/HA"),
        ("S-optional", "S-optional/x/images", "S-optional/x/iso", "S-optional/$arch/os"),
    ] {
        let variant = variants.get(uid).unwrap();
        let relative = |path: PathBuf| dir.relative(&path).unwrap();
        assert_eq!(relative(dir.images_dir(variant, "x")), images);
        assert_eq!(relative(dir.iso_dir(variant, "x")), iso);
        assert_eq!(relative(dir.os_tree(variant, "$arch")), os);
    }
    assert_eq!(dir.relative(Path::new("/c/T-1/logs")), None);
    for (path, expected) in [
        (dir.watch_log("osbuild", "S-HA", 3, None), "logs/global/osbuild/S-HA-3-watch-task.log"),
        (dir.watch_log("kiwibuild", "S", 1, Some("a/../B c")), "logs/global/kiwibuild/S-1-a_.._B_c-watch-task.log"),
        (dir.koji_task(42), "logs/global/koji-tasks/42"),
        (dir.images_file(), "compose/metadata/images.json"),
        (dir.config_copy(Path::new("/etc/a/b.conf")).unwrap(), "logs/global/config-copy/b.conf"),
        (dir.variants_copy(), "work/global/variants.xml"),
    ] {
        assert_eq!(path, Path::new("/c/T-1").join(expected));
    }
}

#[test]
fn targets_are_directories() {
    let target = tempfile::tempdir().unwrap();
    fs::write(target.path().join("file"), "").unwrap();
    assert!(check_target(target.path()).is_ok());
    assert!(check_target(&target.path().join("file")).is_err());
    assert!(check_target(&target.path().join("no")).is_err());
}
