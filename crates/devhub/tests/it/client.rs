//! A client of a few lines: one connection per request, so that a test sees what happens to each.

use std::io;

use magudi_devhub::{HubOptions, RunningHub, Scenario, parse_scenario, start};
use magudi_koji::value::{int, kwargs, string};
use magudi_koji::xmlrpc::{Fault, Response, Value, decode_response, encode_call};
use magudi_testkit::poll_until;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A hub and the directory it works in.
pub struct Fixture {
    pub hub: RunningHub,
    pub dir: TempDir,
}

/// An HTTP answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|h| h.1)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A session: headers of every call, and the number of the next one.
#[derive(Debug, Clone)]
pub struct Session {
    pub id: i64,
    pub key: String,
}

impl Session {
    pub fn headers(&self, callnum: Option<i64>) -> String {
        let number = callnum.map_or(String::new(), |n| format!("Koji-Session-Callnum: {n}\r\n"));
        format!("Koji-Session-Id: {}\r\nKoji-Session-Key: {}\r\n{number}", self.id, self.key)
    }
}

/// A hub with the scenario `text`.
pub async fn hub(text: &str) -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let options = HubOptions::loopback(dir.path().join("koji"), parse_scenario(text).unwrap());
    Fixture { hub: start(options).await.unwrap(), dir }
}

/// A hub where everything works.
pub async fn healthy() -> Fixture {
    hub("{}").await
}

/// A hub that remembers what happened on the volume of `dir`.
pub async fn remembering(dir: &TempDir, scenario: Scenario) -> RunningHub {
    let mut options = HubOptions::loopback(dir.path().join("koji"), scenario);
    options.persist = true;
    start(options).await.unwrap()
}

/// Sends bytes and reads until the connection ends.
pub async fn raw(hub: &RunningHub, request: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(hub.address()).await?;
    stream.write_all(request).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}

/// Sends a request; nothing if the connection ended without an answer. `Connection: close` is added.
pub async fn request(hub: &RunningHub, method: &str, path: &str, headers: &str, body: &[u8]) -> Option<Answer> {
    let mut bytes = format!("{method} {path} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n{headers}").into_bytes();
    if !body.is_empty() {
        bytes.extend(format!("Content-Length: {}\r\n", body.len()).bytes());
    }
    bytes.extend(b"\r\n");
    bytes.extend(body);
    let answer = raw(hub, &bytes).await.unwrap_or_default();
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Some(Answer { status, head, body: answer[end + 4..].to_vec() })
}

/// Gets a file or a page.
pub async fn get(hub: &RunningHub, path: &str) -> Answer {
    request(hub, "GET", path, "", b"").await.unwrap()
}

/// Calls a method with headers; nothing if no answer came.
pub async fn try_call(
    hub: &RunningHub,
    headers: &str,
    method: &str,
    params: Vec<Value>,
) -> Option<Result<Value, Fault>> {
    let body = encode_call(method, &params).unwrap();
    let answer = request(hub, "POST", "/kojihub", headers, &body).await?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    Some(match decode_response(&answer.body).unwrap() {
        Response::Value(value) => Ok(value),
        Response::Fault(fault) => Err(fault),
    })
}

/// Calls a method without a session.
pub async fn call(hub: &RunningHub, method: &str, params: Vec<Value>) -> Result<Value, Fault> {
    try_call(hub, "", method, params).await.unwrap()
}

/// Logs in.
pub async fn login(hub: &RunningHub, user: &str, password: &str) -> Session {
    let value = call(hub, "login", vec![string(user), string(password)]).await.unwrap();
    session(&value)
}

/// The session that a login answered with.
pub fn session(value: &Value) -> Session {
    Session { id: value["session-id"].as_i64().unwrap(), key: value["session-key"].as_str().unwrap().to_owned() }
}

/// The parameters of an `osbuildImage` call.
pub fn image(name: &str, version: &str, image_type: &str, target: &str, arches: &[&str], opts: Value) -> Vec<Value> {
    let arches = Value::Array(arches.iter().map(|arch| string(*arch)).collect());
    let args = [name, version, "fedora-42"].map(string).into_iter();
    kwargs(args.chain([Value::Array(vec![string(image_type)]), string(target), arches]), [("opts", opts)])
}

/// Submits an image as `compose` and returns its task's id.
pub async fn submit(hub: &RunningHub, params: Vec<Value>) -> i64 {
    let session = login(hub, "compose", "composepass").await;
    let id = try_call(hub, &session.headers(None), "osbuildImage", params).await.unwrap().unwrap();
    id.as_i64().unwrap()
}

/// Whether a task has ended, by what the hub says of it.
pub fn is_over(task: &Value) -> bool {
    matches!(task["state"].as_i64(), Some(2 | 3 | 5))
}

/// Waits until tasks have ended.
pub async fn wait_for_ends(hub: &RunningHub, tasks: &[i64]) {
    for task in tasks {
        let is_over = async || is_over(&call(hub, "getTaskInfo", vec![int(*task)]).await.unwrap());
        poll_until("the task is never over", is_over).await;
    }
}

/// Bytes in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|d| char::from_digit(u32::from(d), 16));
    bytes.iter().flat_map(digits).flatten().collect()
}
