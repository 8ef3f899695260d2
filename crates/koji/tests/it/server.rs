//! A scripted HTTP server: each request takes the next step of the script and is written down.

use magudi_koji::xmlrpc::{MethodCall, Value, decode_call, encode_fault, encode_response};
use magudi_koji::{ClientOptions, Fault, Hub, Profile, RetryPolicy};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What to do with a request.
#[derive(Clone)]
pub enum Step {
    /// Send these bytes and keep the connection.
    Send(Vec<u8>),
    /// Send these bytes and close the connection.
    SendAndClose(Vec<u8>),
    /// Close the connection without a word.
    Drop,
    /// Say nothing for so long, then close the connection.
    Silence(Duration),
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Method, path and version, and the headers.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
    /// The number of the connection it came on.
    pub connection: usize,
}

impl Seen {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    /// The call in the body.
    pub fn call(&self) -> MethodCall {
        decode_call(&self.body).unwrap()
    }

    /// The number of a call in a session.
    pub fn number(&self) -> Option<&str> {
        self.header("Koji-Session-Callnum")
    }
}

/// The server.
pub struct Server {
    /// Where it listens.
    pub port: u16,
    script: Arc<Mutex<VecDeque<Step>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// A server that follows `script` and then closes every connection.
    pub async fn start(script: impl IntoIterator<Item = Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            script: Arc::new(Mutex::new(script.into_iter().collect())),
            seen: Arc::default(),
        };
        let (script, seen) = (server.script.clone(), server.seen.clone());
        tokio::spawn(async move {
            for connection in 0.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                tokio::spawn(serve(stream, connection, script.clone(), seen.clone()));
            }
        });
        server
    }

    /// The requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The methods called so far, each with its number in a session.
    pub fn calls(&self) -> Vec<(String, Option<String>)> {
        self.seen().iter().map(|seen| (seen.call().method, seen.number().map(str::to_owned))).collect()
    }

    /// The steps that nothing took.
    pub fn left(&self) -> usize {
        self.script.lock().unwrap().len()
    }

    /// A profile that points at it.
    pub fn profile(&self) -> Profile {
        Profile::for_server("test", format!("http://127.0.0.1:{}/kojihub", self.port))
    }

    /// A client without pauses.
    pub fn hub(&self) -> Hub {
        self.hub_with(&options())
    }

    /// A client.
    pub fn hub_with(&self, options: &ClientOptions) -> Hub {
        Hub::new(&self.profile(), options).unwrap()
    }
}

/// Options without pauses.
pub fn options() -> ClientOptions {
    let retry = RetryPolicy {
        max_retries: 3,
        first_delay: Duration::from_millis(1),
        max_delay: Duration::from_millis(2),
        max_asked: Duration::from_millis(2),
        budget: Duration::from_secs(20),
        outage: Duration::ZERO,
        offline_delay: Duration::from_millis(1),
        offline_budget: Duration::from_secs(20),
        anonymous: true,
    };
    ClientOptions { retry: Some(retry), read_timeout: Some(Duration::from_secs(10)), ..ClientOptions::default() }
}

async fn serve(
    mut stream: TcpStream,
    connection: usize,
    script: Arc<Mutex<VecDeque<Step>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
) {
    let mut buffer = Vec::new();
    while let Some((head, body)) = read_request(&mut stream, &mut buffer).await {
        let step = {
            seen.lock().unwrap().push(Seen { head, body, connection });
            script.lock().unwrap().pop_front().unwrap_or(Step::Drop)
        };
        match step {
            Step::Send(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Step::SendAndClose(bytes) => {
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
                return;
            }
            Step::Drop => return,
            Step::Silence(time) => {
                tokio::time::sleep(time).await;
                return;
            }
        }
    }
}

async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<(String, Vec<u8>)> {
    loop {
        if let Some(at) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8(buffer[..at].to_vec()).ok()?;
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok())
                .unwrap_or(0);
            if buffer.len() >= at + 4 + length {
                let body = buffer[at + 4..at + 4 + length].to_vec();
                buffer.drain(..at + 4 + length);
                return Some((head, body));
            }
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

/// An HTTP answer.
pub fn http(status: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// The hub's answer with a value.
pub fn value(value: &Value) -> Step {
    Step::Send(http("200 OK", "text/xml", &encode_response(value).unwrap()))
}

/// The hub's answer with a fault.
pub fn fault(code: i64, text: &str) -> Step {
    Step::Send(http("200 OK", "text/xml", &encode_fault(&Fault::new(code, text))))
}

/// The hub's answer to a login.
pub fn session(id: i32, key: &str) -> Step {
    value(&magudi_koji::value::structure([
        ("session-id", Value::Int(id)),
        ("session-key", Value::from(key)),
        ("header-auth", Value::Bool(true)),
    ]))
}
