//! Serves a simulated hub until it is interrupted, for trying clients on it.
//!
//!     cargo run -p magudi-devhub --example serve -- TOPDIR PROFILE_FILE [SCENARIO]

use std::error::Error;
use std::path::Path;

use magudi_devhub::{HubOptions, Scenario, load_scenario, profile_text, start};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [topdir, profile, scenario @ ..] = args.as_slice() else {
        return Err("usage: serve TOPDIR PROFILE_FILE [SCENARIO]".into());
    };
    let scenario = match scenario.first() {
        Some(file) => load_scenario(Path::new(file))?,
        None => Scenario::default(),
    };
    let mut options = HubOptions::loopback(topdir, scenario);
    options.persist = true;
    let hub = start(options).await?;
    std::fs::write(profile, profile_text("devhub", &hub))?;
    std::future::pending::<()>().await;
    Ok(())
}
