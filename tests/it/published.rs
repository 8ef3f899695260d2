//! Composes that another tool made, written by hand: files with the signatures of their formats, manifests, sum files.

use crate::program::Scene;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

/// A compose below the scratch directory.
pub struct Published<'s> {
    pub scene: &'s Scene,
    /// Its directory, relative to the scratch directory.
    pub name: String,
    pub images: Vec<Listed>,
}

/// An image of the variant Server.
#[derive(Clone)]
pub struct Listed {
    pub file: &'static str,
    pub kind: &'static str,
    pub format: &'static str,
    pub subvariant: &'static str,
    pub arch: &'static str,
    pub bootable: bool,
    /// What the file holds.
    pub content: Vec<u8>,
}

/// An ISO that boots on x86, a disk image, and one that is packed.
pub fn usual() -> Vec<Listed> {
    let mut iso = vec![0; 0x9000];
    iso[0x8000..0x8006].copy_from_slice(b"\x01CD001");
    iso[510..512].copy_from_slice(b"\x55\xaa");
    let plain = |file, kind, format, content: &[u8]| Listed {
        file,
        kind,
        format,
        subvariant: "Server",
        arch: "x86_64",
        bootable: false,
        content: content.to_vec(),
    };
    vec![
        Listed { bootable: true, ..plain("iso/Server-dvd-9.2-1.iso", "dvd", "iso", &iso) },
        plain("images/Server-9.2-1.x86_64.qcow2", "qcow2", "qcow2", b"QFI\xfb\0\0\0\x03 a disk"),
        plain("images/Server-9.2-1.x86_64.raw.xz", "raw-xz", "raw.xz", b"\xfd7zXZ\0 a packed disk"),
    ]
}

impl Listed {
    /// The path below `compose`.
    pub fn path(&self) -> String {
        format!("Server/{}/{}", self.arch, self.file)
    }

    fn sum(&self) -> String {
        Sha256::digest(&self.content).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }

    fn entry(&self) -> Json {
        json!({
            "arch": self.arch, "bootable": self.bootable, "checksums": {"sha256": self.sum()}, "disc_count": 1, "disc_number": 1,
            "format": self.format, "implant_md5": null, "mtime": 1_700_000_000, "path": self.path(), "size": self.content.len(),
            "subvariant": self.subvariant, "type": self.kind, "volume_id": null,
        })
    }
}

impl<'s> Published<'s> {
    /// Writes a compose of the release 9.2.
    pub fn write(scene: &'s Scene, id: &str, images: Vec<Listed>) -> Self {
        let compose = Self { scene, name: id.to_owned(), images };
        compose.write_all();
        compose
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.scene.path().join(&self.name).join(name)
    }

    pub fn read(&self, name: &str) -> Json {
        serde_json::from_str(&std::fs::read_to_string(self.path(name)).unwrap()).unwrap()
    }

    pub fn put(&self, name: &str, text: &str) {
        self.scene.write(&format!("{}/{name}", self.name), text);
    }

    pub fn change(&self, name: &str, change: impl FnOnce(&mut Json)) {
        let mut document = self.read(name);
        change(&mut document);
        self.put(name, &document.to_string());
    }

    fn write_all(&self) {
        let mut sums: BTreeMap<String, String> = BTreeMap::new();
        let mut listed: BTreeMap<&str, Vec<Json>> = BTreeMap::new();
        let mut paths = json!({});
        for image in &self.images {
            let path = image.path();
            let place = self.path("compose").join(&path);
            std::fs::create_dir_all(place.parent().unwrap()).unwrap();
            std::fs::write(place, &image.content).unwrap();
            let (directory, name) = path.rsplit_once('/').unwrap();
            let _ = writeln!(sums.entry(directory.to_owned()).or_default(), "SHA256 ({name}) = {}", image.sum());
            listed.entry(image.arch).or_default().push(image.entry());
            let field = if directory.ends_with("iso") { "isos" } else { "images" };
            paths[field][image.arch] = json!(directory);
        }
        for (directory, text) in sums {
            self.put(&format!("compose/{directory}/SHA256SUM"), &text);
        }
        let (date, rest) = self.name.rsplit_once('-').unwrap().1.split_once('.').unwrap();
        let respin: u32 = rest.rsplit('.').next().unwrap().parse().unwrap();
        let id = json!({"date": date, "id": self.name, "respin": respin, "type": "nightly"});
        let arches: Vec<&str> = listed.keys().copied().collect();
        let images = json!({
            "header": {"type": "productmd.images", "version": "1.2"},
            "payload": {"compose": id, "images": {"Server": listed}},
        });
        let info = json!({
            "header": {"type": "productmd.composeinfo", "version": "1.2"},
            "payload": {
                "compose": id,
                "release": {"internal": false, "name": "Test", "short": "Test", "type": "ga", "version": "9.2"},
                "variants": {"Server": {
                    "arches": arches, "id": "Server", "name": "Server", "type": "variant", "uid": "Server", "paths": paths,
                }},
            },
        });
        self.put("compose/metadata/images.json", &images.to_string());
        self.put("compose/metadata/composeinfo.json", &info.to_string());
        self.put("COMPOSE_ID", &self.name);
        self.put("STATUS", "FINISHED\n");
    }
}
