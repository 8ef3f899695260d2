//! The *files* over HTTP, as a web server serves them: parts, dates and tags.

use std::io::{self, Read as _, SeekFrom};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::mpsc;

use crate::body::Body;
use crate::clock;
use crate::hub::Hub;
use crate::response::{html, respond};
use crate::volume::{Opened, Readable};

/// What is read at once.
const PIECE: usize = 64 << 10;
/// With a pace, this many pieces a second.
const PIECES_PER_SECOND: u64 = 10;

/// The part of a file that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    /// From a byte up to, but not including, another.
    Range(u64, u64),
    /// Nothing that the file has.
    Nothing,
}

/// Answers a request for `path`, which is decoded and stands below the volume.
pub(crate) async fn answer(hub: Arc<Hub>, request: &Request<Incoming>, path: &str) -> Response<Body> {
    let is_head = request.method() == Method::HEAD;
    if !is_head && request.method() != Method::GET {
        let mut response = html(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed", "Files can be read only.");
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let name = path.rsplit('/').find(|part| !part.is_empty()).unwrap_or_default().to_owned();
    let path = path.to_owned();
    let opened = tokio::task::spawn_blocking({
        let hub = Arc::clone(&hub);
        // Files appear when their tasks are due.
        move || {
            let found = hub.state().find_file(&hub.setting, &path)?;
            found.open(&hub.setting.volume)
        }
    })
    .await;
    let Opened { reader, size, modified } = match opened {
        Ok(Ok(opened)) => opened,
        Ok(Err(error)) if error.kind() == io::ErrorKind::PermissionDenied => {
            return html(StatusCode::FORBIDDEN, "Forbidden", "This cannot be read.");
        }
        _ => return html(StatusCode::NOT_FOUND, "Not Found", "There is no such file."),
    };
    let nanos = modified.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let tag = format!("\"{size:x}-{nanos:x}\"");
    let part = part(request.headers(), size, &tag);
    let (status, start, end) = match part {
        Part::Whole => (StatusCode::OK, 0, size),
        Part::Range(start, end) => (StatusCode::PARTIAL_CONTENT, start, end),
        Part::Nothing => (StatusCode::RANGE_NOT_SATISFIABLE, 0, 0),
    };
    let length = end - start;
    let body = if is_head || length == 0 {
        Body::Full(None)
    } else {
        let cut = if hub.faults.breaks_off(&name) { length / 2 } else { length };
        send(reader, start, length, cut, hub.faults.pace())
    };
    let mut response = respond(status, content_type(&name), body);
    let headers = response.headers_mut();
    let mut set = |name, text: &str| {
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(name, value);
        }
    };
    set(header::ACCEPT_RANGES, "bytes");
    set(header::ETAG, &tag);
    set(header::LAST_MODIFIED, &clock::http_date(modified));
    set(header::CONTENT_LENGTH, &length.to_string());
    match part {
        Part::Whole => {}
        Part::Range(start, end) => {
            set(header::CONTENT_RANGE, &format!("bytes {start}-{}/{}", end - 1, size));
        }
        Part::Nothing => set(header::CONTENT_RANGE, &format!("bytes */{size}")),
    }
    response
}

/// The part that `Range` asks for. Several ranges at once are answered with the whole file, which is allowed.
fn part(headers: &HeaderMap, length: u64, tag: &str) -> Part {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(range) = text(header::RANGE).and_then(|range| range.strip_prefix("bytes=")) else {
        return Part::Whole;
    };
    if text(header::IF_RANGE).is_some_and(|wanted| wanted != tag) {
        return Part::Whole;
    }
    let Some((first, last)) = range.split_once('-') else {
        return Part::Whole;
    };
    let (first, last) = (first.trim(), last.trim());
    match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first > last => Part::Whole,
        (Ok(first), _) if first >= length && (last.is_empty() || last.parse::<u64>().is_ok()) => Part::Nothing,
        (Ok(first), Ok(last)) => Part::Range(first, last.saturating_add(1).min(length)),
        (Ok(first), Err(_)) if last.is_empty() => Part::Range(first, length),
        (Err(_), Ok(0)) if first.is_empty() => Part::Nothing,
        (Err(_), Ok(_)) if first.is_empty() && length == 0 => Part::Nothing,
        (Err(_), Ok(last)) if first.is_empty() => Part::Range(length.saturating_sub(last), length),
        _ => Part::Whole,
    }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("json") => "application/json",
        Some("log" | "txt") => "text/plain; charset=utf-8",
        Some("iso") => "application/x-iso9660-image",
        Some("gz") => "application/x-gzip",
        Some("xz") => "application/x-xz",
        Some("tar") => "application/x-tar",
        _ => "application/octet-stream",
    }
}

/// Sends `length` bytes from `start` on, of which only the first `cut` arrive, at `pace` bytes a second.
fn send(mut file: Box<dyn Readable>, start: u64, length: u64, cut: u64, pace: Option<u64>) -> Body {
    let (sender, pieces) = mpsc::channel(4);
    tokio::spawn(async move {
        let size =
            pace.map_or(PIECE, |pace| usize::try_from((pace / PIECES_PER_SECOND).max(1)).unwrap_or(PIECE).min(PIECE));
        let mut left = cut;
        let mut seek = Some(start);
        while left > 0 {
            let wanted = size.min(usize::try_from(left).unwrap_or(size));
            let read = tokio::task::spawn_blocking(move || {
                let piece = read_piece(&mut *file, seek, wanted);
                (file, piece)
            });
            let Ok((again, piece)) = read.await else { return };
            file = again;
            seek = None;
            match piece {
                // The file has become shorter; what is missing ends the connection.
                Ok(piece) if piece.is_empty() => break,
                Ok(piece) => {
                    let count = piece.len() as u64;
                    left = left.saturating_sub(count);
                    if sender.send(Ok(piece)).await.is_err() {
                        return;
                    }
                    if let Some(pace) = pace {
                        tokio::time::sleep(Duration::from_secs_f64(count as f64 / pace as f64)).await;
                    }
                }
                Err(error) => {
                    // The receiver is gone if this cannot be sent.
                    let _ = sender.send(Err(error)).await;
                    return;
                }
            }
        }
        // What was sent must leave before its missing end tears the connection down.
        if cut < length {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    Body::Pieces { pieces, left: length }
}

fn read_piece(file: &mut dyn Readable, seek: Option<u64>, wanted: usize) -> io::Result<Bytes> {
    if let Some(start) = seek {
        file.seek(SeekFrom::Start(start))?;
    }
    let mut piece = Vec::with_capacity(wanted);
    file.take(wanted as u64).read_to_end(&mut piece)?;
    Ok(piece.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let part_of = |range: &str, length| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, range.parse().unwrap());
            part(&headers, length, "\"t\"")
        };
        for (range, wanted) in [
            ("bytes=0-3", Part::Range(0, 4)),
            ("bytes=4-", Part::Range(4, 10)),
            ("bytes=-3", Part::Range(7, 10)),
            ("bytes=-30", Part::Range(0, 10)),
            ("bytes=8-99999999999999999999", Part::Whole),
            ("bytes=8-18446744073709551615", Part::Range(8, 10)),
            ("bytes=10-", Part::Nothing),
            ("bytes=-0", Part::Nothing),
            ("bytes=5-2", Part::Whole),
            ("bytes=0-1,4-5", Part::Whole),
            ("lines=0-1", Part::Whole),
            ("bytes=x-", Part::Whole),
        ] {
            assert_eq!(part_of(range, 10), wanted, "{range}");
        }
        assert_eq!(part_of("bytes=-3", 0), Part::Nothing);
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, "bytes=4-".parse().unwrap());
        headers.insert(header::IF_RANGE, "\"old\"".parse().unwrap());
        assert_eq!(part(&headers, 10, "\"t\""), Part::Whole);
    }
}
