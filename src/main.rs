//! The program: parses the command line and hands over to the library of commands.

use std::process::ExitCode;

#[cfg(feature = "jemalloc")]
mod allocator;
mod cli;
mod commands;
mod error;
mod hardening;
mod settings;
mod telemetry;
mod ui;

fn main() -> ExitCode {
    hardening::keep_memory_private();
    commands::main(std::env::args_os())
}
