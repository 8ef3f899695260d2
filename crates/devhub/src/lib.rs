//! A simulated Koji hub: the same wire as a real one, scripted tasks, and faults on demand.
//!
//! It answers XML-RPC under `/kojihub`, serves its volume under `/kojifiles`, and shows a few pages under `/koji`. It is
//! deterministic: the same calls to a fresh hub make the same tasks, builds and files. `docs/simulated-hub.md` is its
//! page for users.
//!
//! # Module index
//!
//! - Outside: [`options`], [`server`] start and stop; [`scenario`] the script, with `duration_range`
//! - HTTP: `http` connections and routes, `body`, `caller` sessions in headers, `response`, `access_log`, `files` the volume, `pages` for people,
//!   `faults` what goes wrong
//! - Calls: `rpc` from bytes to bytes, `call` what a method may use, `args` as Python binds them, `methods` the table, `wire` values and faults, `python` texts
//! - Images: `builders`, one for each method that asks for them; [`plugin`] for methods that no hub has by itself
//! - State: `hub`, `state`, `accounts`, `sessions`, `channels`, `targets`, `tasks`, `builds`, `by_id`, `archive_types`, `journal`
//! - Work: `plan` what will become of a task, `work` what becomes of it, `import` of files into a build, `output` of tasks, `ids`,
//!   `volume`, `names`, `clock`

mod access_log;
mod accounts;
mod archive_types;
mod args;
mod body;
mod builders;
mod builds;
mod by_id;
mod call;
mod caller;
mod channels;
mod clock;
mod duration_range;
mod faults;
mod files;
mod http;
mod hub;
mod ids;
mod import;
mod journal;
mod methods;
mod names;
pub mod options;
mod output;
mod pages;
mod plan;
mod python;
mod response;
mod rpc;
pub mod scenario;
pub mod server;
mod sessions;
mod state;
mod targets;
mod tasks;
mod volume;
mod wire;
mod work;

pub use builders::{Builders, plugin};
pub use journal::JournalError;
pub use options::HubOptions;
pub use scenario::{Scenario, ScenarioError, load_scenario, parse_scenario, read_scenario};
pub use server::{HubError, RunningHub, profile_text, start};
