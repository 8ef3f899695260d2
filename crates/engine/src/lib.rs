//! Carries out a plan: submits tasks, waits for them, fetches and verifies what they built, and says what happens.
//!
//! # Module index
//!
//! - What to do: [`plan`] and its [changes](plan_changes), by a [`method`] of the hub; whether it can be done: [`preflight`]
//! - Doing it: [`runner`], [`lookup`], [`volume`], [`part`], [`link`], [`digest`], [`artifact`], [`stop`],
//!   [`patience`], [`cancel`], [`compare`], [`mod@blocking`]
//! - Why it failed: [`reason`] of a task, [`refusal`] of a submission
//! - Saying it: [`event`], and the subscribers [`log`], [`watch`], [`journal`], [`notify`]
//!   and for other programs [`stream`]
//! - Not saying everything: [`mask`]
//! - Looking at what is there: [`mod@verify`]
//! - Hearing it again: [`history`], [`follow`]; one run at a time: [`lock`], known by its [`birth`]; at one hub: [`login`]
//! - Beside it: [`pungi`]

pub mod artifact;
pub mod birth;
pub mod blocking;
pub mod cancel;
pub mod compare;
pub mod composer;
pub mod digest;
pub mod event;
pub mod follow;
pub mod history;
pub mod journal;
pub mod link;
pub mod lock;
pub mod log;
pub mod login;
pub mod lookup;
pub mod mask;
pub mod method;
pub mod notify;
pub mod part;
pub mod patience;
pub mod plan;
pub mod plan_changes;
pub mod preflight;
pub mod pungi;
pub mod reason;
pub mod refusal;
pub mod runner;
pub mod stop;
pub mod stream;
pub mod verify;
pub mod volume;
pub mod watch;
