//! A proxy between the program and a hub, which can hold up what is asked and change what is answered.

use crate::program::Scene;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

/// Puts a proxy before the hub of the scene's `koji.conf`. `ask` is called with each request before it is passed on, which
/// happens whatever has become of its caller; `answer` may put another text in the place of an answer.
pub fn put_before(
    scene: &Scene,
    ask: impl Fn(&str) + Send + Sync + 'static,
    answer: impl Fn(String) -> String + Send + Sync + 'static,
) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap().to_string();
    let profile = std::fs::read_to_string(scene.path().join("koji.conf")).unwrap();
    let server = profile.lines().find_map(|line| line.strip_prefix("server = http://")).unwrap();
    let hub = server.split('/').next().unwrap().to_owned();
    scene.write("koji.conf", &profile.replace(server, &format!("{own}/kojihub")));
    let (ask, answer) = (Arc::new(ask), Arc::new(answer));
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let (hub, ask, answer) = (hub.clone(), Arc::clone(&ask), Arc::clone(&answer));
            // A connection that breaks is the client's affair.
            std::thread::spawn(move || pass_on(client, &hub, &*ask, &*answer));
        }
    });
}

fn pass_on(
    mut client: TcpStream,
    hub: &str,
    ask: &dyn Fn(&str),
    answer: &dyn Fn(String) -> String,
) -> std::io::Result<()> {
    let (head, body) = message(client.try_clone()?)?;
    ask(&body);
    let mut hub = TcpStream::connect(hub)?;
    write!(hub, "{head}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())?;
    let (head, body) = message(hub)?;
    let body = answer(body);
    write!(client, "{head}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

/// The head of an HTTP message, but for its length and what is said of the connection; and its body.
fn message(stream: impl Read) -> std::io::Result<(String, String)> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? <= 2 {
            break;
        }
        let lower = line.to_ascii_lowercase();
        match lower.strip_prefix("content-length:") {
            Some(value) => length = value.trim().parse().map_err(std::io::Error::other)?,
            None if lower.starts_with("connection:") => {}
            None => head.push_str(&line),
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok((head, String::from_utf8(body).map_err(std::io::Error::other)?))
}
