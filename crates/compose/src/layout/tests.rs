//! Tests of compose directories.

use super::*;
use crate::variants::parse_variants;
use magudi_config::Sources;

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
