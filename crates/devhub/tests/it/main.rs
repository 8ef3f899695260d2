//! The simulated hub from outside: over TCP, as a client sees it.

// Clippy knows tests by their attribute only; what they share is test code too.
#![allow(clippy::unwrap_used)]

mod calls;
mod client;
mod conventions;
mod faults;
mod life;
mod per_arch;
mod persistence;
mod recordings;
mod web;
