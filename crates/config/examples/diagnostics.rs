//! Prints `docs/diagnostics.md`.

use std::io::Write;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(magudi_config::codes::to_markdown().as_bytes())
}
