//! Carries out a plan: submits tasks, waits for them, fetches and verifies what they built, and says what happens.
//!
//! # Module index
//!
//! - What to do: [`plan`] and its [changes](plan_changes), by a [`method`] of the hub; whether it can be done: [`preflight`]
//! - Doing it: [`runner`], [`find_task`], [`volume`], [`partial_download`], [`link`], [`room`], [`digest`], [`artifact`], [`stop`],
//!   [`patience`], [`cancel`], [`compare`], [`composer`], [`mod@blocking`]
//! - Why it failed: [`causes`] of a failed task, the [`rejected_argument`] of a submission
//! - Saying it: [`event`] (an [`outage`] is one), and the subscribers [`log`], [`watch_log`], [`journal`], [`notify`]
//!   and for other programs [`event_stream`]
//! - Not saying everything: [`plan_secrets`]
//! - Looking at what is there: [`mod@verify`]
//! - What still runs: [`running`]
//! - Hearing it again: [`history`], [`journal_tail`]; one run at a time: [`lock`], known by its [`birth`]; at one hub: [`login`]
//! - Beside it: [`pungi`]; who keeps the list of composes: [`cts`]

mod answer;
pub mod artifact;
pub mod birth;
pub mod blocking;
pub mod cancel;
pub mod causes;
pub mod compare;
pub mod composer;
pub mod cts;
pub mod digest;
pub mod event;
pub mod event_stream;
pub mod find_task;
pub mod history;
pub mod journal;
mod journal_ahead;
mod journal_line;
pub mod journal_tail;
pub mod link;
pub mod lock;
pub mod log;
pub mod login;
pub mod method;
pub mod notify;
pub mod outage;
pub mod partial_download;
pub mod patience;
pub mod plan;
pub mod plan_changes;
pub mod plan_secrets;
pub mod preflight;
pub mod pungi;
pub mod rejected_argument;
pub mod room;
pub mod runner;
pub mod running;
pub mod stop;
pub mod verify;
pub mod volume;
pub mod watch_log;
