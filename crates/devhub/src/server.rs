//! The *server*: a simulated hub behind a TCP port.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::access_log::AccessLog;
use crate::http;
use crate::hub::{Addresses, Hub};
use crate::journal::JournalError;
use crate::options::HubOptions;

/// Why a hub could not be started.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// Others could reach the address, and that was not asked for.
    #[error("{0} can be reached from other machines, and the simulated hub protects nothing; --allow-remote allows it")]
    NotLoopback(IpAddr),
    #[error("cannot listen on {address}: {source}")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("cannot use {path} as the volume: {source}")]
    Volume { path: PathBuf, source: std::io::Error },
    /// The access log cannot be written.
    #[error("cannot write {path}: {source}")]
    AccessLog { path: PathBuf, source: std::io::Error },
    /// What an earlier hub kept there cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Starts a hub: binds, then serves on the current tokio runtime until it is shut down or dropped.
pub async fn start(options: HubOptions) -> Result<RunningHub, HubError> {
    let ip = options.listen.ip();
    if !options.allow_remote && !ip.to_canonical().is_loopback() {
        return Err(HubError::NotLoopback(ip));
    }
    let volume_error = |source| HubError::Volume { path: options.topdir.clone(), source };
    std::fs::create_dir_all(&options.topdir).map_err(volume_error)?;
    // Clients tell a volume from an empty mount point by what is in it.
    for part in ["packages", "work"] {
        std::fs::create_dir_all(options.topdir.join(part)).map_err(volume_error)?;
    }
    let topdir = options.topdir.canonicalize().map_err(volume_error)?;
    let listen_error = |source| HubError::Listen { address: options.listen, source };
    let listener = TcpListener::bind(options.listen).await.map_err(listen_error)?;
    let address = listener.local_addr().map_err(listen_error)?;
    let addresses = Addresses::new(&base_url(address));
    let access_log = options
        .access_log
        .as_deref()
        .map(|path| AccessLog::open(path).map_err(|source| HubError::AccessLog { path: path.to_path_buf(), source }));
    let hub = Arc::new(Hub::open(&options, topdir.clone(), addresses.clone(), access_log.transpose()?)?);
    let (stop, stopped) = watch::channel(false);
    let server = tokio::spawn(http::serve(listener, hub, stopped));
    Ok(RunningHub { addresses, topdir, address, stop, server })
}

/// `http://HOST:PORT`, by which a client on this machine reaches `address`.
fn base_url(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

/// A hub that serves until it is shut down or dropped.
#[derive(Debug)]
pub struct RunningHub {
    addresses: Addresses,
    topdir: PathBuf,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
}

impl RunningHub {
    /// The XML-RPC address: `http://127.0.0.1:PORT/kojihub`.
    pub fn url(&self) -> String {
        self.addresses.hub.clone()
    }

    /// The volume over HTTP: `http://127.0.0.1:PORT/kojifiles`.
    pub fn topurl(&self) -> String {
        self.addresses.files.clone()
    }

    /// The pages for people: `http://127.0.0.1:PORT/koji`.
    pub fn weburl(&self) -> String {
        self.addresses.web.clone()
    }

    /// The volume on disk.
    pub fn topdir(&self) -> &Path {
        &self.topdir
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening, lets running requests finish for a moment, and closes every connection.
    pub async fn shutdown(self) {
        // The receiver is gone if the server has ended by itself; then there is nothing to stop.
        let _ = self.stop.send(true);
        let _ = self.server.await;
    }
}

/// A section for koji's configuration file that makes `koji -p NAME` talk to `hub`.
pub fn profile_text(name: &str, hub: &RunningHub) -> String {
    // koji's files are read with interpolation: a percent sign is written twice.
    let value = |text: &str| text.replace('%', "%%");
    format!(
        "[{name}]\nserver = {}\nweburl = {}\ntopurl = {}\ntopdir = {}\nauthtype = password\nanon_retry = false\n\
         retry_interval = 1\noffline_retry_interval = 1\npoll_interval = 1\n",
        value(&hub.url()),
        value(&hub.weburl()),
        value(&hub.topurl()),
        value(&hub.topdir().display().to_string()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    #[test]
    fn urls_that_can_be_reached() {
        for (address, url) in [
            ("127.0.0.1:80", "http://127.0.0.1:80"),
            ("0.0.0.0:8080", "http://127.0.0.1:8080"),
            ("[::1]:1", "http://[::1]:1"),
            ("[::]:1", "http://[::1]:1"),
        ] {
            assert_eq!(base_url(address.parse().unwrap()), url);
        }
    }

    #[tokio::test]
    async fn other_machines_are_refused_unless_allowed() {
        let dir = tempfile::tempdir().unwrap();
        let mut options = HubOptions::loopback(dir.path(), Scenario::default());
        options.listen = "0.0.0.0:0".parse().unwrap();
        assert!(matches!(start(options.clone()).await, Err(HubError::NotLoopback(_))));
        options.allow_remote = true;
        let hub = start(options).await.unwrap();
        assert!(profile_text("devhub", &hub).starts_with("[devhub]\nserver = http://127.0.0.1:"));
        hub.shutdown().await;
    }
}
