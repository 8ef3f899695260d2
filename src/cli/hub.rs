//! `magudi hub`.

use super::values::address;
use clap::Args;
use std::path::PathBuf;

pub const HUB_EXAMPLES: &str = "\
Examples:
  magudi hub --profile-file devhub.conf
  magudi hub --topdir /var/tmp/koji --scenario scenario.json --listen 127.0.0.1:8080";

/// `magudi hub`.
#[derive(Debug, Args)]
pub struct HubArgs {
    /// Address to listen on; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS", value_parser = address, default_value = "127.0.0.1:0")]
    pub listen: std::net::SocketAddr,
    /// Koji volume, which also keeps tasks, builds and accounts. Default: a temporary directory
    #[arg(long, value_name = "DIR")]
    pub topdir: Option<PathBuf>,
    /// JSON file that says what tasks do and what goes wrong
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,
    /// Write a koji profile named `devhub` for this hub to FILE
    #[arg(long, value_name = "FILE")]
    pub profile_file: Option<PathBuf>,
    /// Append a line for each request to FILE
    #[arg(long, value_name = "FILE")]
    pub access_log: Option<PathBuf>,
    /// Allow --listen with an address that other machines can reach
    #[arg(long)]
    pub allow_remote: bool,
    /// Log in the user named by the header X-Remote-User, which a web server in front must set
    #[arg(long)]
    pub trust_remote_user: bool,
}
