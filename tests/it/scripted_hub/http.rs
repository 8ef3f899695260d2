//! The wire: one thread for each connection.

use super::{Answer, Call, Shared, State};
use magudi_koji::xmlrpc::{MethodCall, Value, decode_call, encode_fault, encode_response};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long a connection may be idle before the thread looks whether the hub is still there.
const LOOK: Duration = Duration::from_millis(20);

/// Serves what comes until the hub goes away.
pub fn listen(listener: TcpListener, shared: Arc<Shared>) {
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if shared.is_away.load(Ordering::SeqCst) {
                return;
            }
            let shared = Arc::clone(&shared);
            shared.serving.fetch_add(1, Ordering::SeqCst);
            std::thread::spawn(move || {
                let _ = serve(stream, &shared);
                shared.serving.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
}

/// Lets the listener see that the hub has gone away.
pub fn wake(port: u16) {
    let _ = TcpStream::connect(("127.0.0.1", port));
}

/// A request: its first line, its headers, its body.
struct Request {
    verb: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

fn serve(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_read_timeout(Some(LOOK))?;
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader, shared)? {
        if !answer(&request, &mut writer, shared)? || shared.is_away.load(Ordering::SeqCst) {
            return Ok(());
        }
    }
    Ok(())
}

/// The next request; none at the end of the connection, or when the hub goes away.
fn read(reader: &mut BufReader<TcpStream>, shared: &Shared) -> std::io::Result<Option<Request>> {
    loop {
        match reader.fill_buf() {
            Ok([]) => return Ok(None),
            Ok(_) => break,
            Err(error) if is_idle(&error) && !shared.is_away.load(Ordering::SeqCst) => {}
            Err(_) => return Ok(None),
        }
    }
    reader.get_ref().set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (verb, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => headers.push((name.to_owned(), value.trim().to_owned())),
            None => break,
        }
    }
    let mut request = Request { verb, path, headers, body: Vec::new() };
    let length: usize = request.header("Content-Length").and_then(|length| length.parse().ok()).unwrap_or(0);
    request.body.resize(length, 0);
    reader.read_exact(&mut request.body)?;
    reader.get_ref().set_read_timeout(Some(LOOK))?;
    Ok(Some(request))
}

fn is_idle(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

/// What the hub answers to a call by itself.
type Usual<'a> = dyn FnOnce(&mut State, &Call) -> Vec<u8> + 'a;

/// Answers a request. False: the connection is to be closed.
fn answer(request: &Request, writer: &mut TcpStream, shared: &Shared) -> std::io::Result<bool> {
    let (call, usual): (Call, Box<Usual>) = if request.verb == "GET" {
        let call = MethodCall::new("GET", vec![Value::from(request.path.as_str())]);
        let call = shared.note(call, None, None);
        (call, Box::new(|state, _| file(request, state, shared)))
    } else {
        let Ok(call) = decode_call(&request.body) else {
            let page = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
            return writer.write_all(page).map(|()| true);
        };
        let id = request.header("Koji-Session-Id").and_then(|id| id.parse().ok());
        let number = request.header("Koji-Session-Callnum").and_then(|number| number.parse().ok());
        let key = request.header("Koji-Session-Key").map(str::to_owned);
        let user = id.and_then(|id| shared.state.lock().ok()?.sessions.get(&id).map(|session| session.user));
        let call = shared.note(call, user, number);
        let usual = move |state: &mut State, call: &Call| {
            let session = id.map(|id: i64| (id, key.unwrap_or_default(), number));
            let result = in_session(state, session, call, |state| shared.execute(state, call));
            xml(state, result)
        };
        (call, Box::new(usual))
    };
    let lock = || {
        let mut state = shared.state.lock().expect("no thread of the hub has panicked");
        state.tick();
        state
    };
    let hooked = {
        let mut state = lock();
        shared.hooked(&mut state, &call)
    };
    let usual = || usual(&mut lock(), &call);
    let bytes = match hooked {
        None => usual(),
        Some(Answer::Value(value)) => xml(&lock(), Ok(value)),
        Some(Answer::Fault(code, text)) => xml(&lock(), Err((code, text))),
        Some(Answer::Held(time)) => {
            std::thread::sleep(time);
            usual()
        }
        Some(Answer::Late(time)) => {
            let bytes = usual();
            std::thread::sleep(time);
            bytes
        }
        Some(Answer::Lost) => {
            usual();
            return Ok(false);
        }
        Some(Answer::Cut) => return Ok(false),
        Some(Answer::Raw(bytes)) => return writer.write_all(&bytes).map(|()| false),
        Some(Answer::Drip(pieces)) => {
            for (pause, bytes) in pieces {
                std::thread::sleep(pause);
                writer.write_all(&bytes)?;
            }
            return Ok(false);
        }
    };
    writer.write_all(&bytes).map(|()| true)
}

/// Executes a call with the rules of sessions: a key that fits, and numbers that grow (facts: sessions 8). Only calls that write and
/// succeed keep their number.
fn in_session(
    state: &mut State,
    session: Option<(i64, String, Option<i64>)>,
    call: &Call,
    execute: impl FnOnce(&mut State) -> Result<Value, (i64, String)>,
) -> Result<Value, (i64, String)> {
    let Some((id, key, number)) = session else { return execute(state) };
    let known = state.sessions.get(&id).filter(|session| session.key == key);
    let Some(known) = known else { return Err((1002, "Invalid session or bad credentials".to_owned())) };
    match (known.last_call, number) {
        (Some(last), Some(number)) if last == number => {
            let text = format!("unable to retry call {number} (method {}) for session {id}", call.method);
            return Err((1009, text));
        }
        (Some(last), Some(number)) if last > number => {
            return Err((1008, format!("{last} > {number} (session {id})")));
        }
        _ => {}
    }
    let value = execute(state)?;
    if let (true, Some(session)) = (super::methods::writes(call), state.sessions.get_mut(&id)) {
        session.last_call = number.or(session.last_call);
    }
    Ok(value)
}

fn xml(state: &State, result: Result<Value, (i64, String)>) -> Vec<u8> {
    let body = match result {
        Ok(value) => encode_response(&value).expect("a value that can travel"),
        Err((code, text)) => encode_fault(&magudi_koji::Fault::new(code, text)),
    };
    let head = head(state, "200 OK", "text/xml", body.len(), "");
    [head.as_bytes(), &body].concat()
}

fn head(state: &State, status: &str, kind: &str, length: usize, more: &str) -> String {
    let date = if state.says_date { format!("Date: {}\r\n", state.date()) } else { String::new() };
    format!(
        "HTTP/1.1 {status}\r\n{date}Koji-Version: 1.35.3\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{more}\r\n"
    )
}

/// A file of the volume, or the part of it that is asked for.
fn file(request: &Request, state: &State, shared: &Shared) -> Vec<u8> {
    let path = request.path.strip_prefix("/kojifiles/").filter(|path| !path.contains(".."));
    let content = path.and_then(|path| std::fs::read(shared.topdir.join(path)).ok());
    let Some(content) = content else {
        return head(state, "404 Not Found", "text/html", 0, "").into_bytes();
    };
    let from = request.header("Range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    match from {
        Some(from) if from < content.len() => {
            let range = format!("Content-Range: bytes {from}-{}/{}\r\n", content.len() - 1, content.len());
            let part = &content[from..];
            let kind = "application/octet-stream";
            [head(state, "206 Partial Content", kind, part.len(), &range).as_bytes(), part].concat()
        }
        _ => [head(state, "200 OK", "application/octet-stream", content.len(), "").as_bytes(), &content].concat(),
    }
}
