//! The *access log*: a line for each request, as web servers write it, with the called method at the end.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::path::Path;

use hyper::body::Body as _;
use hyper::{Response, Uri};

use crate::body::Body;

/// The method of a remote call, which a response carries from where it is known to the log.
#[derive(Debug, Clone)]
pub(crate) struct CalledMethod(pub(crate) String);

#[derive(Debug)]
pub(crate) struct AccessLog(File);

impl AccessLog {
    /// Appends to the file at `path`.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        OpenOptions::new().create(true).append(true).open(path).map(Self)
    }

    /// A request and what became of it; nothing if the connection was closed instead.
    ///
    /// The query is left out: sessions of old hubs travel in it.
    pub(crate) fn write(&self, ip: IpAddr, verb: &hyper::Method, uri: &Uri, response: Option<&Response<Body>>) {
        let time = jiff::Zoned::now().strftime("%d/%b/%Y:%H:%M:%S %z");
        let status = response.map_or_else(|| "-".to_owned(), |response| response.status().as_u16().to_string());
        let size = response.and_then(|response| response.body().size_hint().exact());
        let size = size.map_or_else(|| "-".to_owned(), |size| size.to_string());
        let method = response.and_then(|response| response.extensions().get::<CalledMethod>());
        let method = method.map_or_else(|| "-".to_owned(), |method| method.0.escape_debug().to_string());
        let line = format!("{ip} - - [{time}] \"{verb} {}\" {status} {size} {method}\n", uri.path());
        // A log that cannot be written is no reason to serve nothing.
        let _ = (&self.0).write_all(line.as_bytes());
    }
}
