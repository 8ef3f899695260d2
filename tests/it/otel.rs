//! Traces: what a collector gets, decoded by OpenTelemetry's own protobufs, and what a run loses by a collector that is away.

#[cfg(feature = "otel")]
use crate::program::Hub;
use crate::program::{Ran, Scene, image};
#[cfg(feature = "otel")]
use collector::{Collector, Manner};

const ID: &str = "Test-9.2-20240229.t.0";
const RUN: [&str; 4] = ["run", "--config=test.conf", "--target-dir=target", "--test"];

/// The variable with the address of the collector.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// A compose of three images, of which one may fail.
fn scene(options: &str) -> Scene {
    let scene = Scene::new();
    let images = [
        image("disk", "\"subvariant\": \"Disk\""),
        image("cloud", "\"subvariant\": \"Cloud\", \"failable\": [\"*\"], \"arches\": [\"x86_64\"]"),
        image(
            "secret",
            "\"subvariant\": \"S\", \"customizations\": {\"user\": [{\"name\": \"u\", \"password\": \"hunter2hunter2\"}]}",
        ),
    ];
    scene.write_compose(options, &["x86_64", "aarch64"], &images);
    scene.write("scenario.json", r#"{"fail": {"cloud": {"kind": "build"}}}"#);
    scene
}

/// A simulated run that has these variables.
fn run(scene: &Scene, more: &[&str], variables: &[(&str, &str)]) -> Ran {
    let mut command = scene.command();
    command.args(RUN).arg("--simulate=scenario.json").args(more).envs(variables.iter().copied());
    Ran::from(command.output().unwrap())
}

#[cfg(not(feature = "otel"))]
#[test]
fn a_build_that_cannot_trace_says_so() {
    let ran = run(&scene(""), &[], &[(ENDPOINT, "http://127.0.0.1:9")]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("warning: there will be no trace: this magudi was built without the feature `otel`"));
    assert!(!run(&scene(""), &["--quiet"], &[(ENDPOINT, "http://127.0.0.1:9")]).stderr.contains("trace"));
    assert!(!run(&scene(""), &[], &[]).stderr.contains("trace"));
}

#[cfg(feature = "otel")]
#[test]
fn a_compose_is_a_tree_of_spans() {
    let collector = Collector::start(Manner::Takes);
    let scene = scene("");
    let script = scene.write("bin/notify", "#!/bin/sh\necho \"$TRACEPARENT $OTEL_EXPORTER_OTLP_HEADERS\" >>asked\n");
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let hub = Hub::start(&scene, &["--scenario", "scenario.json"]);
    let mut command = scene.command();
    command.args(RUN).args(["--koji-config=koji.conf", "--koji-user=compose", "--notification-script=notify"]);
    command.env("MAGUDI_KOJI_PASSWORD", "composepass").env(ENDPOINT, &collector.url).env("TRACEPARENT", parent);
    command.env("OTEL_EXPORTER_OTLP_HEADERS", "api-key=let-me-in-please").env("OTEL_RESOURCE_ATTRIBUTES", "where=here");
    let ran = Ran::from(command.output().unwrap());
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!(scene.made(&format!("{ID}/STATUS")).as_deref(), Some("FINISHED_INCOMPLETE\n"));
    let (spans, requests) = (collector.spans(), collector.requests());
    assert!(requests.iter().all(|(head, _)| head.starts_with("POST /v1/traces ") && head.contains("let-me-in-please")));
    for (_, body) in &requests {
        for secret in ["composepass", "hunter2hunter2", "let-me-in-please"] {
            assert!(!String::from_utf8_lossy(body).contains(secret), "{secret}");
        }
    }
    let one = |name: &str| {
        let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
        assert_eq!(found.len(), 1, "{name}: {:?}", spans.iter().map(|span| &span.name).collect::<Vec<_>>());
        found[0]
    };
    let root = one("run-compose");
    assert_eq!((root.parent.as_str(), root.get("status").as_str()), ("b7ad6b7169203331", "FINISHED_INCOMPLETE"));
    assert_eq!(
        (root.get("service.name"), root.get("where"), root.error.clone()),
        ("magudi".into(), "here".into(), None)
    );
    for span in &spans {
        assert_eq!(span.trace, "0af7651916cd43dd8448eb211c80319c", "{}", span.name);
        assert!(root.begins <= span.begins && span.begins <= span.ends && span.ends <= root.ends, "{}", span.name);
    }
    let osbuild = one("phase osbuild");
    assert_eq!((&osbuild.parent, osbuild.get("compose_id").as_str()), (&root.id, ID));
    assert_eq!(one("phase image_checksum").parent, root.id);
    for (name, subvariant, arches) in
        [("disk", "Disk", "aarch64,x86_64"), ("cloud", "Cloud", "x86_64"), ("secret", "S", "aarch64,x86_64")]
    {
        let image = one(&format!("image {name}"));
        assert_eq!(image.parent, osbuild.id, "{name}");
        let found: Vec<String> =
            ["compose_id", "variant", "subvariant", "method", "image_type"].map(|key| image.get(key)).into();
        assert_eq!(found, [ID, "Server", subvariant, "osbuildImage", "qcow2"], "{name}");
        let mut built: Vec<String> = image.get("arches").split(',').map(str::to_owned).collect();
        built.sort();
        assert_eq!(built.join(","), arches, "{name}");
        let tasks: Vec<String> = hub.tasks().iter().map(|task| task.id.to_string()).collect();
        assert!(tasks.contains(&image.get("task_id")), "{name}: {tasks:?}");
        assert!(image.events.iter().any(|event| event == "task state"), "{name}: {:?}", image.events);
        assert_eq!(image.error.is_some(), name == "cloud", "{name}: {:?}", image.error);
        assert_eq!(image.events.contains(&"file".to_owned()), name != "cloud", "{name}");
    }
    let calls: Vec<_> = spans.iter().filter(|span| span.name.starts_with("ClientSession.")).collect();
    assert!(
        calls
            .iter()
            .all(|call| call.parent == root.id && call.name.ends_with(&call.get("rpc.method")) && call.error.is_none())
    );
    let times = |method: &str| calls.iter().filter(|call| call.get("rpc.method") == method).count();
    assert_eq!((times("osbuildImage"), times("login") > 0, times("logout")), (3, true, times("login")), "{calls:?}");
    // Whatever magudi starts goes on below the run, and gets no credential.
    let asked = scene.made(&format!("{ID}/asked")).unwrap();
    let expected = format!("00-{}-{}-01 ", root.trace, root.id);
    assert!(!asked.is_empty() && asked.lines().all(|line| line == expected), "{asked}");
}

/// What fails, and what is refused before there is a compose, is an error of the trace.
#[cfg(feature = "otel")]
#[test]
fn failures_are_errors_of_spans() {
    let collector = Collector::start(Manner::Takes);
    let scene = scene("");
    scene.write("scenario.json", r#"{"fail": {"disk": {"kind": "build"}}}"#);
    assert_eq!(run(&scene, &["--fail-fast"], &[(ENDPOINT, &collector.url)]).status, Some(1));
    let spans = collector.spans();
    let error = |name: &str| {
        spans.iter().find(|span| span.name == name).and_then(|span| span.error.clone()).unwrap_or_default()
    };
    assert!(
        !error("image disk").is_empty() && !error("run-compose").is_empty() && !error("phase osbuild").is_empty(),
        "{spans:?}"
    );
    // Its own trace, as nothing said which one it is part of.
    let other = Collector::start(Manner::Takes);
    let endpoint = format!("{}/v1/traces", other.url);
    let variables = [
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", endpoint.as_str()),
        (ENDPOINT, "http://127.0.0.1:9"),
        ("OTEL_SERVICE_NAME", "night"),
    ];
    assert_eq!(run(&scene, &["--label=Odd"], &variables).status, Some(2));
    let spans = other.spans();
    assert_eq!(spans.len(), 1);
    assert_eq!(
        (spans[0].name.as_str(), spans[0].parent.as_str(), spans[0].get("service.name").as_str()),
        ("run-compose", "", "night")
    );
    assert!(spans[0].error.as_ref().is_some_and(|error| error.contains("Odd")), "{spans:?}");
}

/// The collector is not part of a compose.
#[cfg(feature = "otel")]
#[test]
fn a_collector_that_is_away_or_hangs_costs_nothing() {
    let away = Collector::gone();
    let hangs = Collector::start(Manner::Hangs);
    let refuses = Collector::start(Manner::Refuses);
    for (url, words) in [
        (away.as_str(), "the collector did not take the whole trace"),
        (&hangs.url, "the collector did not take the whole trace"),
        (&refuses.url, "the collector did not take the whole trace"),
        ("console", "there will be no trace: the endpoint console"),
        ("unix:/run/collector", "is not an http or https URL"),
    ] {
        let scene = scene("");
        let begun = std::time::Instant::now();
        let ran = run(&scene, &[], &[(ENDPOINT, url)]);
        assert_eq!(ran.status, Some(0), "{url}: {}", ran.stderr);
        // Twice the timeouts of all requests would be minutes.
        assert!(begun.elapsed().as_secs() < 60, "{url}: {:?}", begun.elapsed());
        assert_eq!(scene.made(&format!("{ID}/STATUS")).as_deref(), Some("FINISHED_INCOMPLETE\n"));
        assert!(ran.stderr.contains(words), "{url}: {}", ran.stderr);
        assert!(!run(&scene, &["--quiet"], &[(ENDPOINT, url)]).stderr.contains("trace"), "{url}");
    }
    let grpc = run(&scene(""), &[], &[(ENDPOINT, "http://127.0.0.1:9"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]);
    assert!(grpc.status == Some(0) && grpc.stderr.contains("magudi speaks only http/protobuf"), "{}", grpc.stderr);
    let off = run(&scene(""), &[], &[(ENDPOINT, &away), ("OTEL_SDK_DISABLED", "true")]);
    assert!(off.status == Some(0) && !off.stderr.contains("trace"), "{}", off.stderr);
}

/// A Pungi beside the run, and scripts, go on with the trace that a run is part of even if it makes none itself.
#[test]
fn children_are_told_of_the_trace_in_any_case() {
    let scene = scene("");
    let script = scene.write("bin/notify", "#!/bin/sh\necho \"$TRACEPARENT\" >>asked\n");
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    run(&scene, &["--notification-script=notify"], &[("TRACEPARENT", parent)]);
    let asked = scene.made(&format!("{ID}/asked")).unwrap();
    assert!(!asked.is_empty() && asked.lines().all(|line| line == parent), "{asked}");
}

/// A collector.
#[cfg(feature = "otel")]
mod collector {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
    use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
    use prost::Message as _;
    use std::collections::BTreeMap;
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    /// What it does with a request.
    #[derive(Clone, Copy, PartialEq)]
    pub enum Manner {
        Takes,
        Refuses,
        Hangs,
    }

    type Requests = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

    pub struct Collector {
        pub url: String,
        requests: Requests,
    }

    /// A span as it arrived.
    #[derive(Debug)]
    pub struct Span {
        pub name: String,
        pub trace: String,
        pub id: String,
        pub parent: String,
        pub begins: u64,
        pub ends: u64,
        pub error: Option<String>,
        pub events: Vec<String>,
        attributes: BTreeMap<String, String>,
    }

    impl Span {
        /// An attribute of it, or of its resource.
        pub fn get(&self, key: &str) -> String {
            self.attributes.get(key).cloned().unwrap_or_default()
        }
    }

    impl Collector {
        pub fn start(manner: Manner) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            let requests = Requests::default();
            let kept = Arc::clone(&requests);
            std::thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let kept = Arc::clone(&kept);
                    std::thread::spawn(move || serve(stream, manner, &kept));
                }
            });
            Self { url, requests }
        }

        /// An address at which nobody listens.
        pub fn gone() -> String {
            "http://127.0.0.1:1".to_owned()
        }

        pub fn requests(&self) -> Vec<(String, Vec<u8>)> {
            self.requests.lock().unwrap().clone()
        }

        pub fn spans(&self) -> Vec<Span> {
            let mut all = Vec::new();
            for (_, body) in self.requests() {
                for of_resource in ExportTraceServiceRequest::decode(body.as_slice()).unwrap().resource_spans {
                    let resource = of_resource.resource.unwrap_or_default().attributes;
                    for span in of_resource.scope_spans.into_iter().flat_map(|of_scope| of_scope.spans) {
                        let status = span.status.unwrap_or_default();
                        let attributes = resource.iter().chain(&span.attributes).map(pair).collect();
                        all.push(Span {
                            name: span.name,
                            trace: hex(&span.trace_id),
                            id: hex(&span.span_id),
                            parent: hex(&span.parent_span_id),
                            begins: span.start_time_unix_nano,
                            ends: span.end_time_unix_nano,
                            error: (status.code == StatusCode::Error as i32).then_some(status.message),
                            events: span.events.into_iter().map(|event| event.name).collect(),
                            attributes,
                        });
                    }
                }
            }
            all
        }
    }

    fn serve(stream: TcpStream, manner: Manner, kept: &Requests) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        loop {
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).ok()? == 0 {
                    return None;
                }
                if line.trim_end().is_empty() {
                    break;
                }
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().ok()?;
                }
                head.push_str(&line);
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).ok()?;
            kept.lock().unwrap().push((head, body));
            let status = match manner {
                Manner::Takes => "200 OK",
                Manner::Refuses => "403 Forbidden",
                Manner::Hangs => {
                    std::thread::sleep(Duration::from_secs(600));
                    return None;
                }
            };
            (&stream).write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes()).ok()?;
        }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .filter_map(|digit| char::from_digit(digit.into(), 16))
            .collect()
    }

    fn pair(pair: &KeyValue) -> (String, String) {
        (pair.key.clone(), pair.value.as_ref().map(text).unwrap_or_default())
    }

    fn text(value: &AnyValue) -> String {
        match &value.value {
            Some(Value::StringValue(text)) => text.clone(),
            Some(Value::IntValue(number)) => number.to_string(),
            Some(Value::BoolValue(value)) => value.to_string(),
            Some(Value::ArrayValue(list)) => list.values.iter().map(text).collect::<Vec<_>>().join(","),
            _ => String::new(),
        }
    }
}
