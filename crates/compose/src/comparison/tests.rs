use super::*;
use crate::images::Checksums;
use serde_json::Map;

fn image(path: &str, subvariant: &str, kind: &str, format: &str) -> Image {
    Image {
        path: path.to_owned(),
        mtime: 0,
        size: 1000,
        volume_id: None,
        kind: kind.to_owned(),
        format: format.to_owned(),
        arch: "x86_64".to_owned(),
        disc_number: 1,
        disc_count: 1,
        checksums: [("sha256".into(), path.into())].into_iter().collect::<Checksums>(),
        implant_md5: None,
        bootable: false,
        subvariant: subvariant.to_owned(),
        unified: false,
        additional_variants: Vec::new(),
        extra: Map::new(),
    }
}

fn side(id: &str, images: Vec<(&str, Image)>) -> Side {
    let mut side = Side { compose_id: Some(id.to_owned()), ..Side::default() };
    for (variant, image) in images {
        side.images.add(variant, "x86_64", image).unwrap();
    }
    side
}

/// What changed in each image: its old path and the words.
fn changes(comparison: &Comparison) -> Vec<(String, Vec<&'static str>)> {
    let words = |pair: &Pair| pair.differences.iter().map(|difference| difference.what.as_str()).collect::<Vec<_>>();
    let changed = comparison.images.iter().filter(|pair| !pair.differences.is_empty());
    changed.map(|pair| (pair.old.path.clone(), words(pair))).collect()
}

const OLD: &str = "Fedora-42-20250219.n.0";
const NEW: &str = "Fedora-Rawhide-20250220.n.1";

#[test]
fn versions_dates_and_respins_are_no_change_of_a_name() {
    let name = |file: &str, version: &str| stem(&image(&format!("a/{file}"), "", "", ""), Some(version));
    for (old, new) in [
        ("Fedora-Cloud-Base-42-20250219.n.0.x86_64.qcow2", "Fedora-Cloud-Base-Rawhide-20250220.n.1.x86_64.qcow2"),
        ("Fedora-Server-dvd-x86_64-42_Beta-1.4.iso", "Fedora-Server-dvd-x86_64-Rawhide-20250220.n.1.iso"),
        ("Fedora-KDE-42-1.1.x86_64.raw.xz", "fedora_kde.raw.xz"),
    ] {
        assert_eq!(name(old, "42"), name(new, "Rawhide"), "{old} {new}");
    }
    for (old, new) in [
        ("Fedora-Cloud-Base-42.x86_64.qcow2", "Fedora-Cloud-Base-Generic-42.x86_64.qcow2"),
        ("Fedora-42.x86_64.raw.xz", "Fedora-42.x86_64.raw.gz"),
    ] {
        assert_ne!(name(old, "42"), name(new, "42"), "{old} {new}");
    }
}

#[test]
fn images_are_known_again_by_what_is_left_of_their_identity() {
    let old = side(
        OLD,
        vec![
            ("Cloud", image("Cloud-42.qcow2", "Cloud_Base", "qcow2", "qcow2")),
            ("Cloud", image("Cloud-42.vhd.gz", "Cloud_Base", "vhd-compressed", "vhd.gz")),
            ("Server", image("Server-boot-42.iso", "Server", "boot", "iso")),
            ("Server", image("KVM-42.qcow2", "KVM", "qcow2", "qcow2")),
            ("Server", image("Gone-42.raw.xz", "Gone", "raw-xz", "raw.xz")),
            ("Spins", image("KDE-42.iso", "KDE", "live", "iso")),
        ],
    );
    let new = side(
        NEW,
        vec![
            ("Cloud", image("Cloud-Generic-Rawhide.qcow2", "Cloud_Base", "qcow2", "qcow2")),
            ("Cloud", image("Cloud-Rawhide.vhd.xz", "Cloud_Base", "vhd-compressed", "vhd.xz")),
            ("Server", image("Server-boot-Rawhide.iso", "Server", "netinst", "iso")),
            ("Server", image("KVM-Rawhide.qcow2", "Server_KVM", "qcow2", "qcow2")),
            ("Server", image("New-Rawhide.vhd.xz", "Gone", "vhd-compressed", "vhd.xz")),
            ("Labs", image("KDE-Rawhide.iso", "KDE", "live", "iso")),
        ],
    );
    let found = compare(&old, &new, Thresholds::default());
    assert_eq!(
        changes(&found),
        [
            ("Cloud-42.qcow2".to_owned(), vec!["name"]),
            ("Cloud-42.vhd.gz".to_owned(), vec!["format", "name"]),
            ("KVM-42.qcow2".to_owned(), vec!["subvariant"]),
            ("Server-boot-42.iso".to_owned(), vec!["type"]),
            ("KDE-42.iso".to_owned(), vec!["variant"]),
        ]
    );
    assert_eq!(found.gone.iter().map(|gone| &gone.image.path).collect::<Vec<_>>(), ["Gone-42.raw.xz"]);
    assert_eq!(found.added.iter().map(|added| &added.path).collect::<Vec<_>>(), ["New-Rawhide.vhd.xz"]);
    assert_eq!(found.verdict, "1 image is gone, 1 is new, 4 are known by another identity, 1 has another name");
    // The other way round it is the same, but for which is gone.
    let back = compare(&new, &old, Thresholds::default());
    assert_eq!((back.gone.len(), back.added.len(), back.images.len()), (1, 1, 5));
}

#[test]
fn several_of_one_identity_are_told_apart_by_their_names() {
    let list = |names: [&str; 2]| names.map(|name| ("S", image(name, "S", "qcow2", "qcow2"))).to_vec();
    let old = side(OLD, list(["a-x-42.qcow2", "b-y-42.qcow2"]));
    let new = side(OLD, list(["A/b-y-42.qcow2", "a-z-42.qcow2"]));
    let found = compare(&old, &new, Thresholds::default());
    assert_eq!(changes(&found), [("a-x-42.qcow2".to_owned(), vec!["name"])]);
    assert_eq!(found.images[1].new.path, "A/b-y-42.qcow2");
    // What could be either is neither.
    let old = side(OLD, vec![("S", image("a-42.tar.gz", "S", "docker", "tar.gz"))]);
    let both = ["tar.xz", "tar.xz"].map(|format| ("S", image(&format!("a-42.{format}"), "S", "docker", format)));
    let mut both = both.to_vec();
    both[1].1.path = "b-42.tar.xz".to_owned();
    let found = compare(&old, &side(OLD, both), Thresholds::default());
    assert_eq!((found.gone.len(), found.added.len()), (1, 2));
}

#[test]
fn sizes_durations_and_checksums_have_thresholds() {
    let one = |size: u64, took: Option<i64>| {
        let mut side = side(OLD, vec![("S", Image { size, ..image("a", "S", "qcow2", "qcow2") })]);
        let task = TaskTime { task: Some(7), waited: Some(30), took };
        side.tasks.insert("a".to_owned(), task);
        side
    };
    let words = |old: &Side, new: &Side| -> Vec<_> {
        let changes = changes(&compare(old, new, Thresholds::default()));
        changes.into_iter().flat_map(|(_, words)| words).collect()
    };
    assert_eq!(words(&one(1000, Some(600)), &one(1100, Some(659))), Vec::<&str>::new());
    assert_eq!(words(&one(1000, Some(600)), &one(1101, Some(661))), ["size", "took"]);
    assert_eq!(words(&one(1000, Some(10_000)), &one(899, Some(10_900))), ["size"]);
    assert_eq!(words(&one(1000, None), &one(1000, Some(900))), Vec::<&str>::new());
    let mut other = one(1000, None);
    other.images.iter_mut().next().unwrap().2.checksums.insert("md5".into(), "0".into());
    assert_eq!(words(&one(1000, None), &other), ["checksums"]);
    let found = compare(&one(1000, None), &other, Thresholds::default());
    assert!(found.images[0].same_file);
    assert_eq!(found.verdict, "1 image differs");
    assert_eq!(compare(&other, &other, Thresholds::default()).verdict, "the same image");
    let always = Thresholds { percent: 0.0, seconds: 0 };
    assert_eq!(changes(&compare(&one(1000, Some(5)), &one(1001, Some(6)), always))[0].1, ["size", "took"]);
}

#[test]
fn failures_and_uploads_are_compared_by_what_they_are_of() {
    let failed = |subvariant: Option<&str>, reason: &str| FailedDeliverable {
        phase: "osbuild".to_owned(),
        variant: Some("S".to_owned()),
        arch: "*".to_owned(),
        subvariant: subvariant.map(str::to_owned),
        image: None,
        reason: Some(reason.to_owned()),
    };
    let mut old = side(OLD, vec![("S", image("a", "A", "qcow2", "qcow2")), ("S", image("b", "B", "qcow2", "qcow2"))]);
    let mut new = side(NEW, vec![]);
    old.failures = vec![failed(Some("C"), "one"), failed(Some("D"), "one")];
    new.failures = vec![failed(Some("C"), "other"), failed(Some("A"), "one")];
    let upload = |image: &str, status: &str| CloudUpload {
        variant: "S".into(),
        arch: "x86_64".into(),
        subvariant: image.into(),
        image: image.into(),
        image_type: "ec2".into(),
        nvr: None,
        task_id: 1,
        build_id: None,
        provider: Some("aws".into()),
        status: status.into(),
        options: BTreeMap::new(),
        reason: None,
    };
    old.uploads = vec![upload("a", "success"), upload("b", "success")];
    new.uploads = vec![CloudUpload { task_id: 9, ..upload("a", "failure") }, upload("c", "success")];
    let found = compare(&old, &new, Thresholds::default());
    let of =
        |list: &[FailedDeliverable]| list.iter().filter_map(|failed| failed.subvariant.clone()).collect::<Vec<_>>();
    assert_eq!(of(&found.failures.new), ["A"]);
    assert_eq!(of(&found.failures.still), ["C"]);
    assert_eq!(of(&found.failures.mended), ["D"]);
    assert_eq!(found.gone.iter().map(|gone| gone.failed).collect::<Vec<_>>(), [true, false]);
    let Uploads { added, gone, changed } = &found.uploads;
    assert_eq!((added[0].image.as_str(), gone[0].image.as_str(), changed[0].1.status.as_str()), ("c", "b", "failure"));
    assert_eq!(found.verdict, "1 image is gone, 1 is gone after a failure; 1 failure is new; 1 upload is gone");
}

#[test]
fn nothing_is_nothing() {
    let found = compare(&side(OLD, vec![]), &side(NEW, vec![]), Thresholds::default());
    assert_eq!(found.verdict, "there are no images in either");
}
