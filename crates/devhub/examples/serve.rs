//! Serves a simulated hub until it is interrupted, for trying clients on it.
//!
//!     cargo run -p magudi-devhub --example serve -- TOPDIR PROFILE_FILE [SCENARIO]

use std::path::Path;
use std::process::ExitCode;

use magudi_devhub::{Options, Scenario, load_scenario, profile_text, start};

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let (Some(topdir), Some(profile)) = (args.get(1), args.get(2)) else {
        return ExitCode::from(2);
    };
    let scenario = match args.get(3).map(|file| load_scenario(Path::new(file))).transpose() {
        Ok(scenario) => scenario.unwrap_or_else(Scenario::default),
        Err(_) => return ExitCode::from(2),
    };
    let mut options = Options::loopback(topdir, scenario);
    options.persist = true;
    let Ok(hub) = start(options).await else {
        return ExitCode::FAILURE;
    };
    if std::fs::write(profile, profile_text("devhub", &hub)).is_err() {
        return ExitCode::FAILURE;
    }
    std::future::pending::<()>().await;
    ExitCode::SUCCESS
}
