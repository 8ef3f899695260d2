//! `cargo bench`: measures the program beside what a user would use instead (`tests/scale/run.py`, docs/performance.md).
//!
//! With a verb it is one of the things measured, because a process of its own is what the peers are: it calls what a run
//! calls, and nothing else.
//!
//! | verb | what it does |
//! | --- | --- |
//! | `hash ALGORITHM,... FILE...` | reads and hashes files, all at once |
//! | `fetch URL DIRECTORY SIZE SHA256` | fetches the file of the build `one-1-1` into a cache |
//! | `fetch-all URL DIRECTORY SIZE SHA256 NUMBER` | fetches the files of the builds `one-1-1` to `one-1-NUMBER`, which are alike |
//! | `serve DIRECTORY` | serves files over HTTP, prints its port |
//! | `submit URL USER PASSWORD NUMBER` | has a hub make tasks, over one connection; prints how many in a second |
//! | `answer FILE TASKS` | writes an answer about tasks; 6,500 make 10 MB |
//! | `decode FILE TIMES` | decodes an answer, prints the seconds of the fastest time |
//! | `images N FILE` | writes an images.json of N images |
//! | `journal N FILE` | writes the journal of a run of N requests, each for two arches |
//! | `replay FILE TIMES` | replays a journal, prints the seconds of the fastest time |

use magudi_compose::identity::{ComposeIdentity, ComposeType, Product};
use magudi_compose::images::{Image, Images};
use magudi_compose::write::write_json;
use magudi_engine::artifact::BuiltFile;
use magudi_engine::digest::MultiDigest;
use magudi_engine::event::{Event, ImageEntry, Stamped, Subscriber as _};
use magudi_engine::history::load_history;
use magudi_engine::journal::Journal;
use magudi_engine::stop::stop;
use magudi_engine::volume::{Cache, WantedFile};
use magudi_koji::calls::{get_build, list_archives};
use magudi_koji::value::{int, kwargs, string, structure};
use magudi_koji::xmlrpc::{decode_response, encode_call, encode_response};
use magudi_koji::{ClientOptions, Hub, Profile, Response, Value};
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The program's own.
#[cfg(feature = "jemalloc")]
#[path = "../src/allocator.rs"]
mod allocator;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).filter(|arg| *arg != "--bench").collect();
    let done = match &args[..] {
        ["hash", algorithms, files @ ..] => hash(algorithms, files),
        ["fetch", url, directory, size, sum] => fetch(url, directory, size, sum, 1),
        ["fetch-all", url, directory, size, sum, number] => match number.parse() {
            Ok(number) => fetch(url, directory, size, sum, number),
            Err(error) => Err(error.into()),
        },
        ["serve", directory] => serve(Path::new(directory)),
        ["submit", url, user, password, number] => submit(url, user, password, number),
        ["answer", file, tasks] => answer(file, tasks),
        ["decode", file, times] => decode(file, times),
        ["images", number, file] => images(number, file),
        ["journal", number, file] => journal(number, file),
        ["replay", file, times] => replay(file, times),
        options => return table(options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("scale: {error}"));
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "a program of its own")]
fn say(text: &str) {
    eprintln!("{text}");
}

/// Has the table made; further arguments are its options.
fn table(options: &[&str]) -> ExitCode {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scale/run.py");
    let this = match std::env::current_exe() {
        Ok(this) => this,
        Err(error) => {
            say(&format!("scale: cannot find itself: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match Command::new("python3").arg(script).arg(env!("CARGO_BIN_EXE_magudi")).arg(this).args(options).status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("scale: python3: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn hash(algorithms: &str, files: &[&str]) -> Result<()> {
    let names: Vec<&str> = algorithms.split(',').collect();
    std::thread::scope(|scope| {
        let one = |path: &str| -> Result<()> {
            let digest = MultiDigest::new(names.iter().copied())?;
            let digests = digest.read_all(&mut File::open(path)?, &mut |_| Ok(()))?;
            std::hint::black_box(digests);
            Ok(())
        };
        let threads: Vec<_> = files.iter().map(|path| scope.spawn(move || one(path))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread panicked")?)
    })
}

/// The file of the build `one-1-RELEASE`.
fn of_build(release: u32, size: &str, sum: &str) -> Result<WantedFile> {
    let build = get_build::decode(&structure([
        ("id", int(1)),
        ("name", string("one")),
        ("version", string("1")),
        ("release", string(release.to_string())),
        ("state", int(1)),
    ]))?
    .ok_or("no build")?;
    let archive = structure([
        ("id", int(1)),
        ("build_id", int(1)),
        ("filename", string("one")),
        ("size", int(size.parse()?)),
        ("checksum", string(sum)),
        ("checksum_type", int(2)),
        ("type_name", string("qcow2")),
        ("btype", string("image")),
    ]);
    let archive = list_archives::decode(&Value::Array(vec![archive]))?.remove(0);
    Ok(WantedFile::new(&BuiltFile::of_build(&build, archive), &["sha256".to_owned()]))
}

fn fetch(url: &str, directory: &str, size: &str, sum: &str, builds: u32) -> Result<()> {
    let hub = Hub::new(&Profile::for_server("bench", url), &ClientOptions::default())?;
    let cache = Cache::new(url, directory.into());
    std::fs::create_dir_all(directory)?;
    let wanted = (1..=builds).map(|release| of_build(release, size, sum)).collect::<Result<Vec<_>>>()?;
    // As the program's own.
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).max_blocking_threads(3).enable_all().build()?;
    let (_handle, stopped) = stop();
    runtime.block_on(async {
        let mut fetches = tokio::task::JoinSet::new();
        for wanted in wanted {
            let (hub, cache, stopped) = (hub.clone(), cache.clone(), stopped.clone());
            fetches.spawn(async move {
                let _turn = cache.downloads().turn().await;
                cache.fetch(&hub, wanted, Arc::new(|_| {}), &|warning| say(&warning), &stopped).await.map(drop)
            });
        }
        while let Some(fetched) = fetches.join_next().await {
            fetched??;
        }
        Ok(())
    })
}

/// A server of files that costs as little as may be: the system copies from the file to the connection.
#[expect(clippy::print_stdout, reason = "a program of its own")]
fn serve(directory: &Path) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    for connection in listener.incoming() {
        let (connection, directory) = (connection?, directory.to_path_buf());
        // A client that goes away in the middle is nothing to speak of.
        std::thread::spawn(move || answer_all(connection, &directory));
    }
    Ok(())
}

fn answer_all(mut connection: TcpStream, directory: &Path) -> Result<()> {
    let mut requests = BufReader::new(connection.try_clone()?);
    while let Some((first, _)) = head(&mut requests)? {
        let path = first.split(' ').nth(1).ok_or("no path")?;
        let mut file = File::open(directory.join(path.trim_start_matches('/')))?;
        write!(connection, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", file.metadata()?.len())?;
        std::io::copy(&mut file, &mut connection)?;
    }
    Ok(())
}

/// The first line of a message of HTTP, and the length of its body; none at the end of the connection.
fn head(connection: &mut impl BufRead) -> Result<Option<(String, usize)>> {
    let (mut first, mut line, mut length) = (String::new(), String::new(), 0);
    if connection.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    while connection.read_line(&mut line)? > 2 {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse()?;
        }
        line.clear();
    }
    Ok(Some((first, length)))
}

/// A client of a hub with one session and one connection, and nothing else to do: no retries, no journal.
struct BareClient {
    connection: BufReader<TcpStream>,
    /// The lines of a request that do not change.
    head: String,
}

impl BareClient {
    fn call(&mut self, number: u32, method: &str, params: &[Value]) -> Result<Value> {
        let body = encode_call(method, params)?;
        let head = format!("{}Koji-Session-Callnum: {number}\r\nContent-Length: {}\r\n\r\n", self.head, body.len());
        self.connection.get_mut().write_all(&[head.as_bytes(), &body].concat())?;
        let (first, length) = head_of_answer(&mut self.connection)?;
        let mut answer = vec![0; length];
        self.connection.read_exact(&mut answer)?;
        match decode_response(&answer)? {
            Response::Value(value) if first.contains(" 200 ") => Ok(value),
            other => Err(format!("{method}: {first}{other:?}").into()),
        }
    }
}

fn head_of_answer(connection: &mut impl BufRead) -> Result<(String, usize)> {
    head(connection)?.ok_or_else(|| "the hub has closed the connection".into())
}

#[expect(clippy::print_stdout, reason = "a program of its own")]
fn submit(url: &str, user: &str, password: &str, number: &str) -> Result<()> {
    let (host, path) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).ok_or("not http")?;
    let connection = TcpStream::connect(host)?;
    connection.set_nodelay(true)?;
    let head = format!("POST /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: text/xml\r\n");
    let mut client = BareClient { connection: BufReader::new(connection), head };
    let session = client.call(0, "login", &[string(user), string(password)])?;
    let id = session.get("session-id").and_then(Value::as_i64).ok_or("no session")?;
    let key = session.get("session-key").and_then(Value::as_str).ok_or("no key")?;
    client.head += &format!("Koji-Session-Id: {id}\r\nKoji-Session-Key: {key}\r\n");
    let number: u32 = number.parse()?;
    let begun = Instant::now();
    for image in 0..number {
        let opts = structure([("repo", Value::Array(vec![string("https://example.com/$arch/os/")]))]);
        let types = |names: &[&str]| Value::Array(names.iter().copied().map(string).collect());
        let target = string("f42-image");
        let name = string(format!("bare-{image}"));
        let mut params = vec![name, string("1.0"), string("fedora-42"), types(&["qcow2"]), target];
        params.push(types(&["x86_64", "aarch64"]));
        client.call(image + 1, "osbuildImage", &kwargs(params, [("opts", opts)]))?;
    }
    println!("{}", f64::from(number) / begun.elapsed().as_secs_f64());
    Ok(())
}

/// An answer such as a hub gives to a multiCall about tasks.
fn answer(file: &str, tasks: &str) -> Result<()> {
    let task = |id: i64| {
        structure([
            ("arch", string("noarch")),
            ("awaited", Value::Nil),
            ("channel_id", int(1)),
            ("completion_time", string("2026-11-22 10:40:07.123456+00:00")),
            ("completion_ts", Value::Double(1_795_337_174.668_548)),
            ("create_time", string("2026-11-22 10:40:07.123456+00:00")),
            ("create_ts", Value::Double(1_795_337_174.668_548)),
            ("host_id", int(4)),
            ("id", int(id)),
            ("label", Value::Nil),
            ("method", string("osbuildImage")),
            ("owner", int(3)),
            ("parent", Value::Nil),
            ("priority", int(20)),
            ("start_time", string("2026-11-22 10:40:07.123456+00:00")),
            ("start_ts", Value::Double(1_795_337_174.668_548)),
            ("state", int(2)),
            ("waiting", Value::Bool(false)),
            ("weight", Value::Double(0.2)),
        ])
    };
    let entries: Vec<Value> = (0..tasks.parse()?).map(|id| Value::Array(vec![task(id)])).collect();
    std::fs::write(file, encode_response(&Value::Array(entries))?)?;
    Ok(())
}

/// Prints the seconds of the fastest time that `work` takes.
#[expect(clippy::print_stdout, reason = "a program of its own")]
fn fastest<T>(times: &str, work: impl Fn() -> Result<T>) -> Result<()> {
    let mut fastest = Duration::MAX;
    for _ in 0..times.parse::<u32>()? {
        let begun = Instant::now();
        let made = work()?;
        fastest = fastest.min(begun.elapsed());
        drop(std::hint::black_box(made));
    }
    println!("{}", fastest.as_secs_f64());
    Ok(())
}

fn decode(file: &str, times: &str) -> Result<()> {
    let text = std::fs::read(file)?;
    fastest(times, || Ok(decode_response(&text)?))
}

/// The image `index` for `arch`, and its variant.
fn entry(index: u64, arch: &str) -> (String, ImageEntry) {
    let variant = format!("V{}", index % 20);
    let entry = ImageEntry {
        arch: arch.to_owned(),
        image_type: "qcow2".to_owned(),
        format: "qcow2".to_owned(),
        subvariant: format!("S{index}"),
        path: format!("{variant}/{arch}/images/image-{index}-1.0-1.{arch}.qcow2"),
        size: 1_000 + index,
        mtime: 1_700_000_000,
        checksums: [("sha256".into(), format!("{index:064x}").into())].into_iter().collect(),
        bootable: false,
        volume_id: None,
        implant_md5: None,
    };
    (variant, entry)
}

fn images(number: &str, file: &str) -> Result<()> {
    let mut all = Images::new();
    for index in 0..number.parse::<u64>()? {
        let arch = if index % 2 == 0 { "x86_64" } else { "aarch64" };
        let (variant, entry) = entry(index, arch);
        all.add(&variant, arch, Image::from(entry))?;
    }
    all.validate().map_err(|problems| format!("{} problems", problems.len()))?;
    let text = |text: &str| text.to_owned();
    let release = Product { name: text("B"), short: text("B"), version: text("1"), kind: text("ga"), internal: false };
    let identity = ComposeIdentity {
        release,
        base_product: None,
        date: text("20240229"),
        kind: ComposeType::Test,
        respin: 0,
        label: None,
        is_final: false,
    };
    write_json(Path::new(file), &all.document(&identity))?;
    Ok(())
}

/// What a run of `number` requests leaves in its journal.
fn journal(number: &str, file: &str) -> Result<()> {
    let number: usize = number.parse()?;
    let mut journal = Journal::open(Path::new(file))?;
    let time = "2024-02-29T01:02:03.456789Z".parse()?;
    let mut say = |event| journal.on_event(&Stamped { time, event });
    let text = |text: &str| text.to_owned();
    say(Event::ComposeStarted {
        compose_id: text("B-1-20240229.t.0"),
        compose_dir: "/mnt/compose/B-1-20240229.t.0".into(),
        requests: number,
        settings: serde_json::json!({"label": null}),
        fresh: false,
    });
    let arches = ["aarch64", "x86_64"];
    for request in 0..number {
        let (variant, entry) = entry(request as u64, "x86_64");
        say(Event::Planned {
            request,
            key: format!("{request:032x}-1"),
            phase: text("osbuild"),
            name: format!("image-{request}"),
            variant: variant.clone(),
            arches: arches.map(str::to_owned).to_vec(),
            failable: false,
            subvariant: entry.subvariant,
            image_type: text("qcow2"),
            nvr: format!("image-{request}-1.0"),
            method: text("osbuildImage"),
            manifest_type: Some(String::new()),
            log: Some(format!("logs/global/osbuild/{variant}-{}-watch-task.log", request + 1)),
        });
    }
    for request in 0..number {
        let (phase, task) = (text("osbuild"), 1_000_000 + request as i64);
        let (variant, _) = entry(request as u64, "x86_64");
        let url = format!("https://koji.example.com/koji/taskinfo?taskID={task}");
        let (what, hub_time) = (String::new(), Some(time));
        say(Event::Submitting { request, phase: phase.clone(), variant: variant.clone(), what, hub_time });
        say(Event::Submitted { request, task, url });
        say(Event::TaskState { request, task, state: text("OPEN") });
        say(Event::TaskState { request, task, state: text("CLOSED") });
        say(Event::Built { request, task, build: 2 * task, nvr: format!("image-{request}-1.0-1") });
        for arch in arches {
            let (variant, image) = entry(request as u64, arch);
            let name = image.path.rsplit('/').next().unwrap_or_default().to_owned();
            say(Event::FetchStarted { request, file: name, size: image.size });
            say(Event::ImageAdded { request, variant, image });
        }
        say(Event::RequestDone { request, phase, variant, what: String::new(), task, images: Some(arches.len()) });
    }
    Ok(journal.sync()?)
}

fn replay(file: &str, times: &str) -> Result<()> {
    fastest(times, || Ok(load_history(Path::new(file), &[])?))
}
