//! A hub that says one thing wrong: the simulated one, with somebody in between who changes the answer of one method.
//!
//! The input of a case is
//!
//! - `METHOD {"member": ...}`: the members that the answer, or each struct in it, gets;
//! - `METHOD = ...`: the answer, in JSON; with `faultCode` a fault;
//! - `METHOD:` and a whole HTTP response, or only its body, in the lines that follow;
//! - `nobody listens`.

use magudi_koji::value::{fault_from, from_json};
use magudi_koji::xmlrpc::{MethodCall, Response, Value, decode_call, decode_response, encode_fault, encode_response};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

/// How the answers of one method are changed.
#[derive(Debug, Clone)]
struct Change {
    method: String,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Members(Value),
    Answer(Value),
    Raw(Vec<u8>),
}

impl Change {
    fn read(input: &str) -> Self {
        let (head, rest) = input.split_once('\n').unwrap_or((input, ""));
        let value = |text: &str| from_json(&serde_json::from_str(text).expect("JSON")).expect("a value");
        if let Some(method) = head.strip_suffix(':') {
            return Self { method: method.to_owned(), kind: Kind::Raw(raw(rest)) };
        }
        let (method, text) = head.split_once(' ').expect("a method and what it answers");
        let kind = match text.strip_prefix("= ") {
            Some(text) => Kind::Answer(value(text)),
            None => Kind::Members(value(text)),
        };
        Self { method: method.to_owned(), kind }
    }

    /// What this makes of one answer.
    fn applied(&self, old: Value) -> Value {
        match (&self.kind, old) {
            (Kind::Answer(value), _) => value.clone(),
            (Kind::Members(Value::Struct(new)), Value::Struct(mut old)) => {
                for (name, value) in new {
                    old.insert(name.clone(), value.clone());
                }
                Value::Struct(old)
            }
            (Kind::Members(_), Value::Array(items)) => {
                Value::Array(items.into_iter().map(|item| self.applied(item)).collect())
            }
            (_, old) => old,
        }
    }

    /// The whole response to `call`, of which the hub's own is `answer`.
    fn response(&self, call: &MethodCall, answer: Vec<u8>) -> Vec<u8> {
        if call.method == self.method {
            match &self.kind {
                Kind::Raw(response) => return response.clone(),
                Kind::Answer(value) => {
                    return http(&match fault_from(value) {
                        Some(fault) => encode_fault(&fault),
                        None => encode_response(value).expect("an answer"),
                    });
                }
                Kind::Members(_) => {}
            }
        } else if call.method != "multiCall" {
            return answer;
        }
        let body = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a body") + 4;
        let Ok(Response::Value(value)) = decode_response(&answer[body..]) else { return answer };
        let value = if call.method == self.method { self.applied(value) } else { self.within(call, value) };
        http(&encode_response(&value).expect("an answer"))
    }

    /// The answer of a `multiCall`: each value stands in an array of its own, a fault is a struct.
    fn within(&self, call: &MethodCall, answer: Value) -> Value {
        let calls = call.params.first().and_then(Value::as_array).unwrap_or_default();
        let Value::Array(answers) = answer else { return answer };
        let one = |(call, answer): (&Value, Value)| {
            let method = call.get("methodName").and_then(Value::as_str);
            match answer {
                Value::Array(items) if method == Some(&self.method) => {
                    let changed = self.applied(items.into_iter().next().unwrap_or(Value::Nil));
                    if fault_from(&changed).is_some() { changed } else { Value::Array(vec![changed]) }
                }
                other => other,
            }
        };
        Value::Array(calls.iter().zip(answers).map(one).collect())
    }
}

fn http(body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn raw(text: &str) -> Vec<u8> {
    match text.split_once("\n\n") {
        Some((head, body)) if head.starts_with("HTTP/") => {
            let head = head.replace('\n', "\r\n");
            format!("{head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()).into_bytes()
        }
        _ if text.starts_with("HTTP/") => raw(&format!("{}\n\n", text.trim_end())),
        _ if text.is_empty() => Vec::new(),
        _ => http(text.as_bytes()),
    }
}

/// A hub with one change, until the process ends.
pub struct ChangedHub {
    port: u16,
}

impl ChangedHub {
    /// Starts it; its files lie in `volume`.
    pub fn start(input: &str, volume: &Path) -> Self {
        std::fs::create_dir_all(volume.join("packages")).expect("a volume");
        if input == "nobody listens" {
            // Not a port that was free a moment ago: another test may get it.
            return Self { port: 1 };
        }
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let change = Change::read(input);
        let mut options = magudi_devhub::HubOptions::loopback(volume, magudi_devhub::Scenario::default());
        // From which it makes the numbers of its tasks.
        options.target_dir = Some(volume.with_file_name("target"));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            let hub = runtime.block_on(magudi_devhub::start(options)).expect("a hub");
            for client in listener.incoming().flatten() {
                let (change, address) = (change.clone(), hub.address());
                std::thread::spawn(move || {
                    let server = TcpStream::connect(address).expect("the hub");
                    // Who hangs up on us has what it wanted.
                    let _ = pass_on(&client, &server, &change);
                });
            }
        });
        Self { port }
    }

    /// A profile for it, by name `devhub`, without patience.
    pub fn profile(&self, volume: &Path) -> String {
        let Self { port } = self;
        format!(
            "[devhub]\nserver = http://127.0.0.1:{port}/kojihub\nweburl = http://127.0.0.1:{port}/koji\n\
             topurl = http://127.0.0.1:{port}/kojifiles\ntopdir = {}\nauthtype = password\nmax_retries = 1\n\
             retry_interval = 0\npoll_interval = 0\nanon_retry = false\n",
            volume.display()
        )
    }
}

/// Passes one request on to the hub, and its answer back.
fn pass_on(mut client: &TcpStream, mut server: &TcpStream, change: &Change) -> std::io::Result<()> {
    let mut reader = BufReader::new(client);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        if line == "\r\n" {
            head.push_str("Connection: close\r\n\r\n");
            break;
        }
        if !line.to_ascii_lowercase().starts_with("accept-encoding:") {
            head.push_str(&line);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    server.write_all(head.as_bytes())?;
    server.write_all(&body)?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    let answer = match decode_call(&body) {
        Ok(call) => change.response(&call, answer),
        Err(_) => answer,
    };
    client.write_all(&answer)
}
