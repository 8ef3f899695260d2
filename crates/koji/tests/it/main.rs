//! The tests of the Koji client that go through its public face. One binary, because each one is linked by itself.

// Clippy knows tests by their attribute only; what they share is test code too.
#![allow(clippy::unwrap_used)]

mod codec; // round trips and hostile documents
mod decoding; // typed calls on recorded answers
mod downloads; // files over HTTP
mod faults; // the classes against Koji's own list
mod hostile; // answers that mean harm
mod profiles; // koji's configuration files
mod recordings; // every recorded message against what Python reads in it
mod requests; // every request against what Koji's own client sent
mod server; // the HTTP server of the tests
mod sessions; // logins, call numbers, lost answers
mod tickets; // logins by Kerberos
mod tls; // which servers are trusted, and client certificates
mod transport; // everything between a call and its answer
