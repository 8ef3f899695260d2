//! The simulated hub from outside: over TCP, as a client sees it.

mod calls;
mod client;
mod conventions;
mod mishaps;
mod persistence;
mod recordings;
mod web;
