//! A compose that CTS, the Compose Tracking Service, gives its id: against a small CTS in the test's own process, which keeps a list
//! of composes as the real one does, and may answer anything.

use crate::program::{Hub, Ran, Scene, files, image};
use serde_json::{Value as Json, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};

const FIRST: &str = "Test-9.2-20240229.t.0";
const SECOND: &str = "Test-9.2-20240229.t.1";
const SECRET: &str = "correct-horse-battery-staple";
const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.dG9rZW4.c2lnbmVk";

/// A request as it came.
#[derive(Debug, Clone)]
struct Asked {
    verb: String,
    path: String,
    authorization: Option<String>,
    body: String,
    /// What STATUS said in the first compose at the time.
    status: Option<String>,
}

/// An answer in place of the usual one.
enum Answer {
    /// This, and nothing is done.
    Page(&'static str, String),
    /// The request is carried out, and the connection closed.
    Lost,
    /// The connection is closed.
    Cut,
}

type Hook = dyn FnMut(&Asked) -> Option<Answer> + Send;

struct Shared {
    asked: Mutex<Vec<Asked>>,
    /// Ids and URLs.
    composes: Mutex<Vec<(String, Option<String>)>>,
    hook: Mutex<Box<Hook>>,
    /// Only who has the token is let in.
    needs_token: bool,
    status_file: std::path::PathBuf,
}

/// CTS, and the provider of tokens for it.
struct Cts {
    url: String,
    shared: Arc<Shared>,
}

impl Cts {
    fn start(scene: &Scene, needs_token: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            asked: Mutex::default(),
            composes: Mutex::default(),
            hook: Mutex::new(Box::new(|_| None)),
            needs_token,
            status_file: scene.target().join(FIRST).join("STATUS"),
        });
        let served = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let served = Arc::clone(&served);
                std::thread::spawn(move || serve(stream, &served));
            }
        });
        Self { url, shared }
    }

    fn on(&self, hook: impl FnMut(&Asked) -> Option<Answer> + Send + 'static) {
        *self.shared.hook.lock().unwrap() = Box::new(hook);
    }

    fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// Verbs and paths of what was asked.
    fn lines(&self) -> Vec<String> {
        self.asked().iter().map(|asked| format!("{} {}", asked.verb, asked.path)).collect()
    }

    fn composes(&self) -> Vec<(String, Option<String>)> {
        self.shared.composes.lock().unwrap().clone()
    }
}

/// One request of a connection; then it is closed.
fn serve(stream: TcpStream, shared: &Shared) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (verb, path) = (words.next()?, words.next()?);
    let (mut length, mut authorization) = (0, None);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => authorization = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let status = std::fs::read_to_string(&shared.status_file).ok();
    let asked = Asked { verb, path, authorization, body: String::from_utf8(body).ok()?, status };
    shared.asked.lock().unwrap().push(asked.clone());
    let hooked = shared.hook.lock().unwrap()(&asked);
    let (status, body) = match hooked {
        Some(Answer::Page(status, body)) => (status, body),
        Some(Answer::Cut) => return None,
        Some(Answer::Lost) => {
            usual(&asked, shared);
            return None;
        }
        None => usual(&asked, shared),
    };
    let page = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    (&stream).write_all(page.as_bytes()).ok()
}

/// What CTS answers (cts/views.py, cts/models.py).
fn usual(asked: &Asked, shared: &Shared) -> (&'static str, String) {
    let problem = |status, message: &str| (status, json!({"status": 400, "error": "", "message": message}).to_string());
    if asked.path == "/token" {
        let is_known =
            asked.body.contains("client_id=compose") && asked.body.contains(&format!("client_secret={SECRET}"));
        return if is_known && asked.body.contains("grant_type=client_credentials") {
            ("200 OK", json!({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 300}).to_string())
        } else {
            ("401 Unauthorized", json!({"error": "invalid_client", "error_description": "who?"}).to_string())
        };
    }
    if shared.needs_token && asked.authorization.as_deref() != Some(&format!("Bearer {TOKEN}")) {
        return problem("401 Unauthorized", "No Authorization header found.");
    }
    let Ok(data) = serde_json::from_str::<Json>(&asked.body) else { return problem("400 Bad Request", "no JSON") };
    let mut composes = shared.composes.lock().unwrap();
    if let ("POST", "/cts/api/1/composes/") = (asked.verb.as_str(), asked.path.as_str()) {
        for parent in data["parent_compose_ids"].as_array().into_iter().flatten() {
            if !composes.iter().any(|(id, _)| parent == id) {
                return problem("400 Bad Request", &format!("Cannot find parent compose with id {parent}."));
            }
        }
        let mut info = data["compose_info"].clone();
        let compose = &mut info["payload"]["compose"];
        let (id, respin) = (compose["id"].as_str().unwrap().to_owned(), compose["respin"].as_u64().unwrap());
        let (stem, _) = id.rsplit_once('.').unwrap();
        let respin = (respin..respin + 100)
            .find(|respin| !composes.iter().any(|(id, _)| *id == format!("{stem}.{respin}")))
            .unwrap();
        let id = format!("{stem}.{respin}");
        compose["id"] = json!(id);
        compose["respin"] = json!(respin);
        composes.push((id, None));
        return ("200 OK", info.to_string());
    }
    let id = asked.path.strip_prefix("/cts/api/1/composes/").filter(|_| asked.verb == "PATCH").unwrap_or_default();
    match composes.iter_mut().find(|(known, _)| known == id) {
        Some((_, url))
            if data["action"] == "set_url" && data["compose_url"].as_str().is_some_and(|u| u.starts_with("http")) =>
        {
            *url = Some(data["compose_url"].as_str().unwrap().to_owned());
            ("200 OK", "{}".to_owned())
        }
        Some(_) => problem("400 Bad Request", "Unknown action."),
        None => problem("404 NOT FOUND", "No such compose found."),
    }
}

/// A compose of one image whose configuration has CTS, and these lines.
fn scene(lines: impl Fn(&Cts) -> String, needs_token: bool) -> (Scene, Cts, Hub) {
    let scene = Scene::new();
    let cts = Cts::start(&scene, needs_token);
    let options = format!(
        "cts_url = \"{}/cts/\"\ntranslate_paths = [(\"{}\", \"https://composes.example.com/\")]\n{}",
        cts.url,
        scene.target().display(),
        lines(&cts)
    );
    scene.write_compose(&options, &["x86_64"], &[image("disk", "\"subvariant\": \"Disk\"")]);
    let hub = Hub::start(&scene, &[]);
    (scene, cts, hub)
}

const RUN: [&str; 7] = [
    "run",
    "--config=test.conf",
    "--target-dir=target",
    "--test",
    "--koji-config=koji.conf",
    "--koji-profile=devhub",
    "--koji-user=compose",
];

/// The command `args` with what it takes to log in; CTS is waited for as long as `patience`, in seconds.
fn command(scene: &Scene, args: &[&str], patience: u32) -> Command {
    let mut command = scene.command();
    command.args(args).env("MAGUDI_KOJI_PASSWORD", "composepass").env("MAGUDI_KOJI_OUTAGE", patience.to_string());
    command
}

fn run_with(scene: &Scene, more: &[&str], patience: u32) -> Ran {
    Ran::from(command(scene, &[&RUN[..], more].concat(), patience).output().unwrap())
}

fn run(scene: &Scene, more: &[&str]) -> Ran {
    run_with(scene, more, 60)
}

fn log(scene: &Scene, id: &str) -> String {
    scene.made(&format!("{id}/logs/global/pungi.global.log")).unwrap_or_default()
}

/// There is no compose, and the hub was asked for nothing.
fn nothing_was_made(scene: &Scene, hub: &Hub) {
    assert!(files(&scene.target()).is_empty(), "{:?}", files(&scene.target()));
    assert_eq!(hub.task_requests(), []);
}

#[test]
fn a_compose_is_registered_and_its_url_follows_when_it_is_done() {
    let (scene, cts, _hub) = scene(|_| String::new(), false);
    let known = ["Parent-1-20240228.n.0".to_owned(), "Base-1-20240228.n.0".to_owned(), FIRST.to_owned()];
    cts.shared.composes.lock().unwrap().extend(known.iter().map(|id| (id.clone(), None)));
    let ran = run(&scene, &["--parent-compose-id", &known[0], "--parent-compose-id", &known[1], "--respin-of", FIRST]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    // It has another compose of the first respin.
    let text = |file: &str| scene.made(&format!("{SECOND}/{file}")).unwrap();
    assert_eq!((text("COMPOSE_ID").as_str(), text("STATUS").as_str()), (SECOND, "FINISHED\n"));
    for file in
        ["work/global/composeinfo-base.json", "compose/metadata/composeinfo.json", "compose/metadata/images.json"]
    {
        let manifest: Json = serde_json::from_str(&text(file)).unwrap();
        let compose = &manifest["payload"]["compose"];
        assert_eq!((&compose["id"], &compose["respin"]), (&json!(SECOND), &json!(1)), "{file}");
    }
    assert!(text("compose/metadata/images.json").contains("20240229.t.1"), "the release of the image has the respin");
    let asked = cts.asked();
    assert_eq!(cts.lines(), ["POST /cts/api/1/composes/".to_owned(), format!("PATCH /cts/api/1/composes/{SECOND}")]);
    let sent: Json = serde_json::from_str(&asked[0].body).unwrap();
    let expected = json!({
        "compose_info": {
            "header": {"type": "productmd.composeinfo", "version": "1.2"},
            "payload": {
                "compose": {"id": FIRST, "type": "test", "date": "20240229", "respin": 0},
                "release": {"name": "Test", "short": "Test", "version": "9.2", "type": "ga", "internal": false},
                "variants": {},
            },
        },
        "parent_compose_ids": [known[0], known[1]],
        "respin_of": FIRST,
    });
    assert_eq!(sent, expected, "{sent:#}");
    let sent: Json = serde_json::from_str(&asked[1].body).unwrap();
    let url = format!("https://composes.example.com/{SECOND}");
    assert_eq!(sent, json!({"action": "set_url", "compose_url": url}));
    assert_eq!(cts.composes().last(), Some(&(SECOND.to_owned(), Some(url))));
    assert!(
        log(&scene, SECOND).contains(&format!("has registered the compose as {SECOND}")),
        "{}",
        log(&scene, SECOND)
    );
}

/// Consumers that hear that it is FINISHED find it in CTS.
#[test]
fn the_url_is_there_before_the_final_status() {
    let (scene, cts, _hub) = scene(|_| String::new(), false);
    scene.write("scenario.json", "{}");
    assert_eq!(run(&scene, &[]).status, Some(0));
    let seen: Vec<_> = cts.asked().into_iter().map(|asked| asked.status).collect();
    assert_eq!(seen, [None, Some("STARTED\n".to_owned())]);
    // A directory that ODCS has made, without an id yet.
    std::fs::create_dir(scene.path().join("odcs-1")).unwrap();
    let mut odcs = RUN.to_vec();
    odcs[2] = "--compose-dir=odcs-1";
    let ran = Ran::from(command(&scene, &odcs, 60).output().unwrap());
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!(std::fs::read_to_string(scene.path().join("odcs-1/COMPOSE_ID")).unwrap(), SECOND);
    // Its directory has no URL, and one that is known is not registered again.
    odcs.push("--reopen");
    let ran = Ran::from(command(&scene, &odcs, 60).output().unwrap());
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let expected =
        ["POST /cts/api/1/composes/", &format!("PATCH /cts/api/1/composes/{FIRST}"), "POST /cts/api/1/composes/"];
    assert_eq!(cts.lines(), expected);
}

#[test]
fn only_a_real_run_asks_cts() {
    let (scene, cts, _hub) = scene(|_| String::new(), false);
    for args in [
        &["check", "--config=test.conf"][..],
        &["plan", "--config=test.conf", "--test"],
        &["config", "dump", "--config=test.conf"],
        &["run", "--config=test.conf", "--test", "--target-dir=target", "--simulate"],
        // Refused before there is a compose.
        &["run", "--config=test.conf", "--test", "--target-dir=nowhere"],
        &["run", "--config=test.conf", "--test", "--target-dir=target", "--koji-profile=unknown"],
    ] {
        scene.run(args);
    }
    assert_eq!(cts.lines(), [""; 0]);
    assert!(scene.made(&format!("{FIRST}/STATUS")).is_some(), "the simulated run");
}

#[test]
fn a_token_lets_in_and_is_shown_nowhere() {
    let token_url = |cts: &Cts| format!("cts_oidc_token_url = \"{}/token\"\n", cts.url);
    let (scene, cts, hub) = scene(|cts| format!("{}cts_oidc_client_id = \"compose\"\n", token_url(cts)), true);
    let with = |variables: &[(&str, &str)]| {
        let mut command = command(&scene, &RUN, 5);
        Ran::from(command.envs(variables.iter().copied()).output().unwrap())
    };
    for (variables, words) in [
        (&[][..], "test.conf:12"),
        (&[], "CTS_OIDC_CLIENT_SECRET"),
        (&[("CTS_OIDC_CLIENT_SECRET", "wrong-wrong-wrong")], "HTTP status 401: who?"),
        (&[("CTS_OIDC_CLIENT_SECRET", SECRET), ("CTS_OIDC_CLIENT_ID", "another")], "HTTP status 401: who?"),
        (&[("CTS_OIDC_CLIENT_SECRET", SECRET), ("CTS_OIDC_TOKEN_URL", "tokens")], "tokens"),
    ] {
        let ran = with(variables);
        assert_eq!(ran.status, Some(1), "{ran:?}");
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
        nothing_was_made(&scene, &hub);
    }
    // An answer that quotes what it got, and a token that is not the one that CTS takes.
    cts.on(|asked| {
        (asked.path == "/token").then(|| Answer::Page("400 Bad Request", format!("what is {}?", asked.body)))
    });
    let quoted = with(&[("CTS_OIDC_CLIENT_SECRET", SECRET)]);
    assert!(quoted.stderr.contains("HTTP status 400: what is") && !quoted.stderr.contains(SECRET), "{}", quoted.stderr);
    cts.on(|asked| (asked.path == "/token").then(|| Answer::Page("200 OK", json!({"token": TOKEN}).to_string())));
    let odd = with(&[("CTS_OIDC_CLIENT_SECRET", SECRET)]);
    assert!(odd.stderr.contains("has no access_token") && !odd.stderr.contains(TOKEN), "{}", odd.stderr);
    let quote = |asked: &Asked| {
        let header = asked.authorization.clone().unwrap_or_default();
        (asked.path != "/token")
            .then(|| Answer::Page("403 Forbidden", json!({"message": format!("not {header}")}).to_string()))
    };
    cts.on(quote);
    let refused = with(&[("CTS_OIDC_CLIENT_SECRET", SECRET)]);
    assert!(
        refused.stderr.contains("HTTP status 403: not Bearer") && !refused.stderr.contains(TOKEN),
        "{}",
        refused.stderr
    );
    nothing_was_made(&scene, &hub);
    cts.on(|_| None);
    let ran = with(&[("CTS_OIDC_CLIENT_SECRET", SECRET)]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!(cts.composes(), [(FIRST.to_owned(), Some(format!("https://composes.example.com/{FIRST}")))]);
    // Hours lie between the two requests, so each has a token of its own.
    assert_eq!(cts.lines().iter().rev().take(4).filter(|line| *line == "POST /token").count(), 2);
    for file in files(&scene.target()) {
        let bytes = std::fs::read(scene.target().join(&file)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(SECRET) && !text.contains(TOKEN), "{}", file.display());
    }
}

/// Before there is an id there is no compose; and what cannot be used is said with its place.
#[test]
fn what_cts_cannot_be_asked_with_is_refused() {
    for (lines, words) in [
        ("cts_url = \"cts.example.com\"\n", &["test.conf:12", "cts.example.com"][..]),
        ("cts_url = \"ftp://cts.example.com\"\n", &["test.conf:12", "not an http or https URL"]),
        ("cts_oidc_token_url = \"https://id.example.com/token\"\n", &["test.conf:12", "CTS_OIDC_CLIENT_ID"]),
        #[cfg(not(feature = "gssapi"))]
        ("cts_keytab = \"/etc/$HOSTNAME.keytab\"\n", &["test.conf:12", "feature `gssapi`"]),
    ] {
        let (scene, cts, hub) = scene(|_| lines.to_owned(), false);
        let ran = run(&scene, &[]);
        assert_eq!(ran.status, Some(1), "{ran:?}");
        assert!(words.iter().all(|words| ran.stderr.contains(words)), "{words:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("error[MG314]"), "{}", ran.stderr);
        nothing_was_made(&scene, &hub);
        assert_eq!(cts.lines(), [""; 0]);
        // It is Pungi's word that any text is an address.
        assert_eq!(scene.run(["check", "--config=test.conf", "--strict"]).status, Some(0));
    }
}

#[test]
fn a_cts_that_is_away_or_mad_begins_no_compose() {
    let good = |id: &str| {
        let text = json!({
            "header": {"type": "productmd.composeinfo", "version": "1.2"},
            "payload": {
                "compose": {"id": id, "type": "test", "date": "20240229", "respin": 0},
                "release": {"name": "Test", "short": "Test", "version": "9.2", "type": "ga"}, "variants": {},
            },
        });
        text.to_string()
    };
    let layered = good("Test-9.2-Base-8-20240229.t.0");
    let pages = [
        ("500 Internal Server Error", "<html><h1>oh</h1></html>".to_owned(), "HTTP status 500: oh"),
        ("503 Service Unavailable", String::new(), "HTTP status 503"),
        (
            "403 Forbidden",
            json!({"message": "User is not allowed"}).to_string(),
            "HTTP status 403: User is not allowed",
        ),
        ("302 Found", String::new(), "HTTP status 302"),
        ("200 OK", String::new(), "gave an answer that cannot be used"),
        ("200 OK", "{\"payload\":".to_owned(), "gave an answer that cannot be used"),
        ("200 OK", "[".repeat(100_000), "gave an answer that cannot be used"),
        ("200 OK", "x".repeat(2 << 20), "more than 1048576 bytes"),
        ("200 OK", good("../../etc"), "its id ../../etc does not fit"),
        ("200 OK", good("Test-9.2-20240229.t.0/x"), "its id Test-9.2-20240229.t.0/x does not fit"),
        ("200 OK", good(""), "gave an answer that cannot be used"),
        ("200 OK", good("Test-9.2-20240229.n.0"), "Test-9.2-20240229.n.0"),
        ("200 OK", good(FIRST).replace("\"9.2\"", "\"9.3\"").replace("-9.2-", "-9.3-"), "Test-9.3-20240229.t.0"),
        ("200 OK", layered, "Test-9.2-Base-8-20240229.t.0"),
    ];
    let (scene, cts, hub) = scene(|_| String::new(), false);
    for (status, body, words) in pages {
        cts.on(move |_| Some(Answer::Page(status, body.clone())));
        let ran = run_with(&scene, &[], 1);
        assert_eq!(ran.status, Some(1), "{words}: {}", ran.stderr);
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
        assert!(ran.stderr.len() < 2000, "{}", ran.stderr);
        nothing_was_made(&scene, &hub);
    }
    let unknown = run(&scene, &["--parent-compose-id=Nobody-1-20240101.n.0"]);
    assert_eq!(unknown.status, Some(1));
    cts.on(|_| None);
    let unknown = run(&scene, &["--parent-compose-id=Nobody-1-20240101.n.0"]);
    assert!(
        unknown.stderr.contains("Cannot find parent compose with id \"Nobody-1-20240101.n.0\""),
        "{}",
        unknown.stderr
    );
    // Nothing listens there.
    scene.write("gone.conf", "from test import *\ncts_url = \"http://127.0.0.1:1/\"\n");
    let mut away = RUN.to_vec();
    away[1] = "--config=gone.conf";
    let ran = Ran::from(command(&scene, &away, 1).output().unwrap());
    assert_eq!(ran.status, Some(1));
    assert!(ran.stderr.contains("CTS did not register the compose: POST"), "{}", ran.stderr);
    nothing_was_made(&scene, &hub);
    assert_eq!(cts.composes(), []);
}

/// It cannot be known whether CTS has registered a compose whose answer got lost: its id is left alone.
#[test]
fn an_answer_that_gets_lost_leaves_a_gap() {
    for lost in [true, false] {
        let (scene, cts, _hub) = scene(|_| String::new(), false);
        let mut times = 0;
        cts.on(move |asked| {
            times += usize::from(asked.verb == "POST");
            (asked.verb == "POST" && times == 1).then_some(if lost { Answer::Lost } else { Answer::Cut })
        });
        let ran = run(&scene, &[]);
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        assert!(ran.stderr.contains("if CTS registered it all the same, its id stays unused"), "{}", ran.stderr);
        let id = if lost { SECOND } else { FIRST };
        assert_eq!(scene.made(&format!("{id}/STATUS")).as_deref(), Some("FINISHED\n"));
        let urls: Vec<_> = cts.composes().into_iter().map(|(_, url)| url).collect();
        let url = Some(format!("https://composes.example.com/{id}"));
        assert_eq!(urls, if lost { vec![None, url] } else { vec![url] });
    }
}

/// CTS may not know of composes that were made without it.
#[test]
fn directories_that_are_there_are_left_alone() {
    let (scene, cts, hub) = scene(|_| String::new(), false);
    std::fs::create_dir(scene.target().join(FIRST)).unwrap();
    assert_eq!(run(&scene, &[]).status, Some(0));
    assert_eq!(scene.made(&format!("{SECOND}/STATUS")).as_deref(), Some("FINISHED\n"));
    // One that insists cannot have its way.
    let info = scene.made(&format!("{SECOND}/work/global/composeinfo-base.json")).unwrap();
    cts.on(move |asked| (asked.verb == "POST").then(|| Answer::Page("200 OK", info.clone())));
    let tasks = hub.task_requests().len();
    let ran = run(&scene, &[]);
    assert_eq!(ran.status, Some(1));
    assert!(ran.stderr.contains("already exists"), "{}", ran.stderr);
    assert_eq!((hub.task_requests().len(), files(&scene.target().join(FIRST))), (tasks, vec![]));
}

/// The compose is not worse for a CTS that does not take its URL.
#[test]
fn a_url_that_is_not_taken_is_a_warning() {
    let (scene, cts, _hub) = scene(|_| String::new(), false);
    cts.on(|asked| {
        let message = json!({"message": "User is not allowed"}).to_string();
        (asked.verb == "PATCH").then_some(Answer::Page("403 FORBIDDEN", message))
    });
    let ran = run(&scene, &[]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!(scene.made(&format!("{FIRST}/STATUS")).as_deref(), Some("FINISHED\n"));
    let words = format!("CTS did not accept the URL of the compose, https://composes.example.com/{FIRST}: PATCH");
    assert!(log(&scene, FIRST).contains(&words) && ran.stderr.contains("User is not allowed"), "{}", ran.stderr);
}
