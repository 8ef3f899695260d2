//! A download server that breaks off every connection, and damages what it sends: what arrives whole and right is taken, and
//! nothing else.

use crate::program::{Hub, Ran, Scene, files, image};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

const SIZE: usize = 3000;
/// So much of a file arrives on one connection: more connections are needed than a download is tried without getting on.
const REACH: usize = 250;

/// File name -> where each connection for it began.
type Asked = Arc<Mutex<BTreeMap<String, Vec<usize>>>>;

/// Serves `volume`. Files whose names contain `once` have a wrong byte until they are asked for from the start again, those
/// with `always` every time.
fn serve(volume: PathBuf, once: &'static str, always: &'static str) -> (String, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/kojifiles", listener.local_addr().unwrap());
    let asked = Asked::default();
    let shared = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (volume, asked) = (volume.clone(), Arc::clone(&shared));
            std::thread::spawn(move || answer(&stream, &volume, &asked, once, always));
        }
    });
    (url, asked)
}

fn answer(mut stream: &TcpStream, volume: &Path, asked: &Asked, once: &str, always: &str) -> Option<()> {
    let mut lines = BufReader::new(stream).lines();
    let path = lines.next()?.ok()?.split(' ').nth(1)?.strip_prefix("/kojifiles/")?.to_owned();
    let mut start = 0;
    for line in lines.map_while(Result::ok).take_while(|line| !line.is_empty()) {
        if let Some(range) = line.to_ascii_lowercase().strip_prefix("range: bytes=") {
            start = range.split('-').next()?.parse().ok()?;
        }
    }
    let mut data = std::fs::read(volume.join(&path)).ok()?;
    let name = path.rsplit('/').next()?;
    let mut asked = asked.lock().unwrap();
    let starts = asked.entry(name.to_owned()).or_default();
    starts.push(start);
    let is_first = starts.iter().filter(|start| **start == 0).count() == 1;
    drop(asked);
    if name.contains(always) || (name.contains(once) && is_first) {
        data[SIZE / 2] ^= 1;
    }
    let (status, end) = (if start > 0 { "206 Partial Content" } else { "200 OK" }, data.len() - 1);
    let length = data.len() - start;
    let range = format!("Content-Range: bytes {start}-{end}/{}", data.len());
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{range}\r\nConnection: close\r\n\r\n").ok()?;
    stream.write_all(data.get(start..(start + REACH).min(data.len()))?).ok()?;
    stream.shutdown(std::net::Shutdown::Write).ok()?;
    let _ = stream.read(&mut [0; 1]);
    Some(())
}

/// A compose with a cache, whose files come from such a server.
fn run(once: &'static str, always: &'static str) -> (Scene, Asked, Ran) {
    let scene = Scene::new();
    let images = ["disk0", "disk1", "disk2"]
        .map(|name| image(name, &format!("\"subvariant\": \"{name}\", \"arches\": [\"x86_64\"]")));
    let options = format!("koji_cache = \"{}\"\n", scene.path().join("cache").display());
    scene.write_compose(&options, &["x86_64"], &images);
    let size = |n: usize| format!("\"disk{n}-9.2-1.x86_64.qcow2\": {SIZE}");
    scene.write("scenario.json", &format!("{{\"sizes\": {{{}, {}, {}}}}}", size(0), size(1), size(2)));
    let _hub = Hub::start(&scene, &["--scenario", "scenario.json"]);
    let (url, asked) = serve(scene.path().join("volume"), once, always);
    let profile = std::fs::read_to_string(scene.path().join("koji.conf")).unwrap();
    scene.write("koji.conf", &profile.replace("\ntopurl = ", &format!("\ntopurl = {url}\nhub_topurl = ")));
    let output = scene
        .command()
        .args(["run", "--config", "test.conf", "--test", "--koji-config", "koji.conf", "--koji-user", "compose"])
        .args(["--target-dir", "target"])
        .env("MAGUDI_KOJI_PASSWORD", "composepass")
        .output()
        .unwrap();
    (scene, asked, Ran::from(output))
}

fn names(dir: &Path) -> Vec<String> {
    let name = |path: PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    let wanted = |name: &String| name.contains("disk") && !name.ends_with("SUM");
    files(dir).into_iter().map(name).filter(wanted).collect()
}

#[test]
fn a_download_that_breaks_again_and_again_gets_on_and_a_wrong_byte_is_fetched_again() {
    let (scene, asked, ran) = run("disk1", "nothing");
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let all: Vec<String> = (0..3).map(|n| format!("disk{n}-9.2-1.x86_64.qcow2")).collect();
    assert_eq!(names(&scene.path().join("cache")), all);
    let in_compose: Vec<String> = names(&scene.target()).into_iter().filter(|name| name.ends_with(".qcow2")).collect();
    assert_eq!(in_compose, all);
    let once: Vec<usize> = (0..SIZE).step_by(REACH).collect();
    let asked = asked.lock().unwrap();
    assert_eq!(asked[&all[0]], once, "each connection goes on where the one before broke off");
    assert_eq!(asked[&all[1]], [once.clone(), once].concat(), "what is damaged is fetched anew, from the start");
    assert!(ran.stderr.contains("continuing at byte 250"), "{}", ran.stderr);
    assert!(ran.stderr.contains("checksum") && ran.stderr.contains("fetching it again"), "{}", ran.stderr);
}

#[test]
fn a_file_that_stays_damaged_is_nowhere() {
    let (scene, _, ran) = run("nothing", "disk2");
    assert_eq!(ran.status, Some(1));
    assert!(ran.stderr.contains("disk2-9.2-1.x86_64.qcow2 has the"), "{}", ran.stderr);
    assert_eq!(names(&scene.path().join("cache")), ["disk0-9.2-1.x86_64.qcow2", "disk1-9.2-1.x86_64.qcow2"]);
    assert!(!names(&scene.target()).iter().any(|name| name.contains("disk2")), "it is in the compose");
}
