//! Downloads at the same time: as many as the server serves faster together, no more than 16, and none is lost to a server that refuses
//! the others. What the server does depends on what it has seen, never on how long something took.

use crate::program::{Hub, Ran, Scene, files, image};
use magudi_testkit::{side_by_side, wait_until};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The most downloads at the same time (docs/performance.md).
const MOST: usize = 16;

/// More attempts than a download has that is refused for another reason.
const REFUSALS: usize = 8;

/// Between two pieces of a file on one connection.
const PAUSE: Duration = Duration::from_millis(10);

/// Bytes of a piece.
const PIECE: usize = 16;

/// How a server turns away connections that are too many.
#[derive(Clone, Copy)]
enum Refusal {
    Status(u16),
    Reset,
}

/// What the server has seen.
#[derive(Default)]
struct Seen {
    /// Downloads now, and at the most.
    now: usize,
    most: usize,
    /// How often each file was refused.
    refused: BTreeMap<String, usize>,
    /// Each file is sent as fast as may be.
    is_open: bool,
}

/// A server that gives each connection its pace, until it is opened.
#[derive(Clone)]
struct Server {
    volume: PathBuf,
    /// How many downloads it bears, and what it does with others.
    limit: (usize, Refusal),
    /// Whether all are faster when there are more: what a measurement that is disturbed cannot miss.
    shares_gains: bool,
    seen: Arc<Mutex<Seen>>,
}

/// Opens the server in any case, so that a test that fails ends.
struct Gate(Server);

impl Drop for Gate {
    fn drop(&mut self) {
        self.0.look(|seen| seen.is_open = true);
    }
}

impl Server {
    fn look<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.seen.lock().unwrap())
    }

    /// The URL at which it serves from now on.
    fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/kojifiles", listener.local_addr().unwrap());
        let server = self.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = server.clone();
                std::thread::spawn(move || server.answer(&stream));
            }
        });
        url
    }

    fn answer(&self, mut stream: &TcpStream) -> Option<()> {
        // Only looked at, since a connection that is closed before all of it is read is reset.
        let mut request = [0; 1024];
        let length = stream.peek(&mut request).ok()?;
        let request = String::from_utf8_lossy(&request[..length]).into_owned();
        let path = request.split(' ').nth(1)?.strip_prefix("/kojifiles/")?;
        let is_served = self.look(|seen| {
            let is_served = seen.now < self.limit.0;
            if is_served {
                seen.now += 1;
                seen.most = seen.most.max(seen.now);
            } else {
                *seen.refused.entry(path.to_owned()).or_default() += 1;
            }
            is_served
        });
        if let (false, Refusal::Reset) = (is_served, self.limit.1) {
            return None;
        }
        let lines = BufReader::new(stream).lines();
        lines.map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
        if let (false, Refusal::Status(status)) = (is_served, self.limit.1) {
            write!(stream, "HTTP/1.1 {status} Crowded\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").ok()?;
            return Some(());
        }
        let data = std::fs::read(self.volume.join(path)).unwrap();
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", data.len()).ok()?;
        let mut sent = 0;
        while let (now, false) = self.look(|seen| (seen.now, seen.is_open)) {
            let end = sent + PIECE * if self.shares_gains { now } else { 1 };
            if end >= data.len() {
                break;
            }
            stream.write_all(&data[sent..end]).ok()?;
            sent = end;
            std::thread::sleep(PAUSE);
        }
        // Who has the last byte may ask for the next file at once.
        self.look(|seen| seen.now -= 1);
        stream.write_all(&data[sent..]).ok()?;
        stream.shutdown(std::net::Shutdown::Write).ok()?;
        let _ = stream.read(&mut [0; 1]);
        Some(())
    }
}

/// A compose of so many images of `size` bytes that come from such a server. While it runs, `watch` waits until the server has seen
/// enough; then it is opened.
fn run(
    number: usize,
    size: usize,
    limit: (usize, Refusal),
    shares_gains: bool,
    watch: impl Fn(&Server),
) -> (Scene, Server, Ran) {
    let scene = Scene::new();
    let images: Vec<String> = (0..number)
        .map(|n| image(&format!("disk{n}"), &format!("\"subvariant\": \"disk{n}\", \"arches\": [\"x86_64\"]")))
        .collect();
    let options = format!("koji_cache = \"{}\"\n", scene.path().join("cache").display());
    scene.write_compose(&options, &["x86_64"], &images);
    let sizes: Vec<String> = (0..number).map(|n| format!("\"{}\": {size}", file(n))).collect();
    scene.write("scenario.json", &format!("{{\"sizes\": {{{}}}}}", sizes.join(", ")));
    let _hub = Hub::start(&scene, &["--scenario", "scenario.json"]);
    let server = Server { volume: scene.path().join("volume"), limit, shares_gains, seen: Arc::default() };
    let url = server.start();
    let profile = std::fs::read_to_string(scene.path().join("koji.conf")).unwrap();
    scene.write("koji.conf", &profile.replace("\ntopurl = ", &format!("\ntopurl = {url}\nhub_topurl = ")));
    let ran = std::thread::scope(|scope| {
        let run = scope.spawn(|| {
            let mut command = scene.command();
            command.args(["run", "--config", "test.conf", "--test", "--koji-config", "koji.conf"]);
            command.args(["--koji-user", "compose", "--target-dir", "target"]);
            Ran::from(command.env("MAGUDI_KOJI_PASSWORD", "composepass").output().unwrap())
        });
        let gate = Gate(server.clone());
        watch(&server);
        drop(gate);
        run.join().unwrap()
    });
    (scene, server, ran)
}

fn file(number: usize) -> String {
    format!("disk{number}-9.2-1.x86_64.qcow2")
}

/// All images are in the compose, as the volume has them.
fn assert_whole(scene: &Scene, number: usize) {
    let by_name = |top: &Path, name: &str| {
        let found: Vec<PathBuf> = files(top).into_iter().filter(|path| path.ends_with(name)).collect();
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        std::fs::read(top.join(&found[0])).unwrap()
    };
    for name in (0..number).map(file) {
        let (built, taken) = (by_name(&scene.path().join("volume/packages"), &name), by_name(&scene.target(), &name));
        assert!(built == taken, "{name} is not what was built");
    }
}

#[test]
fn a_server_that_gives_each_connection_its_pace_gets_more_of_them_and_no_more_than_the_most() {
    let (scene, server, ran) = run(32, 300_000, (usize::MAX, Refusal::Reset), true, |server| {
        wait_until("there are never more than a few at a time", || server.look(|seen| seen.most) >= MOST / 2);
        // Some more trials, each of which takes a second and a half: what they come to is not for this test to say.
        std::thread::sleep(Duration::from_secs(5));
    });
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let most = server.look(|seen| seen.most);
    assert!((MOST / 2..=MOST).contains(&most), "{most} at a time");
    assert_whole(&scene, 32);
}

#[test]
fn a_server_that_bears_only_so_many_loses_no_file() {
    side_by_side(
        [(1, Refusal::Reset), (2, Refusal::Status(503)), (2, Refusal::Reset), (3, Refusal::Status(429))],
        |limit| {
            let number = limit.0 + 3;
            let (scene, server, ran) = run(number, 100_000, limit, true, |server| {
                let is_patient = || server.look(|seen| seen.refused.values().any(|times| *times >= REFUSALS));
                wait_until("no download is as patient as it has to be", is_patient);
            });
            assert_eq!(ran.status, Some(0), "{}", ran.stderr);
            assert!(server.look(|seen| seen.most) <= limit.0);
            assert!(ran.stderr.contains("takes no more downloads at the same time"), "{}", ran.stderr);
            assert_whole(&scene, number);
        },
    );
}
