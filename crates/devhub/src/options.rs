//! The *options* of a hub.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::builders::Builders;
use crate::scenario::Scenario;

/// What kind of hub to start.
#[derive(Debug, Clone)]
pub struct HubOptions {
    /// The address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The Koji volume: `packages/`, `work/`. Made if it is not there.
    pub topdir: PathBuf,
    /// The script.
    pub scenario: Scenario,
    /// What makes images there.
    pub builders: Builders,
    /// The target directory of the composes that will ask for images; task ids do not depend on where it lies.
    pub target_dir: Option<PathBuf>,
    /// Allows an address that other machines can reach.
    pub allow_remote: bool,
    /// The file to which a line is appended for each request.
    pub access_log: Option<PathBuf>,
    /// Takes the identity of `sslLogin` from the header `X-Remote-User`, which a web server in front must set.
    pub trust_remote_user: bool,
    /// Keeps tasks, builds and accounts in `topdir` and reads them from there at the start.
    pub persist: bool,
}

impl HubOptions {
    /// A hub on a free loopback port, which remembers nothing.
    pub fn loopback(topdir: impl Into<PathBuf>, scenario: Scenario) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            topdir: topdir.into(),
            scenario,
            builders: Builders::default(),
            target_dir: None,
            allow_remote: false,
            access_log: None,
            trust_remote_user: false,
            persist: false,
        }
    }
}
