//! Tests of the whole program: each runs the real binary on real files.
//!
//! - `cases`: what the real Pungi did with 81 configurations, and what we do
//! - `options`: three thousand values of all options, judged as by Pungi
//! - `diagnostics`: what `check` says, each id by its example, everything at once
//! - `from_pungi`: configurations and command lines that users of Pungi have
//! - `better`: where Pungi has a bug, what we do instead, case by case
//! - `commands`: the verbs as a user meets them
//! - `beside`: in a compose that Pungi left, nothing of which is lost
//! - `merging`: in a compose of any tool and any format, which keeps what it says of itself
//! - `bad_inputs`: hundreds of them, each with its message, its exit status and nothing half-written
//! - `docs`: the pages for users: commands, links, tables
//! - `facts`: every fact that is cited is there, and every path that is named
//! - `packaging`: the nightly that continues the last one
//! - `image`: one image from the command line, as koji's own command asks for it
//! - `outages`: a hub that goes away while a compose runs, and comes back
//! - `hub`: runs against `magudi hub` in another process
//! - `faults`: composes of 50 images against a hub that fails in every way
//! - `builds`: which task is ours, and which build is its result
//! - `lost_answers`: no answer that gets lost makes a second task
//! - `histories`: kills, signals, cancels and lost answers in any order, at random
//! - `resume`: what kills a run, and how the next one continues
//! - `retries`: tasks that fail and are asked for again
//! - `journals`: of other days, damaged, moved; and what a resume compares
//! - `downloads`: a server that breaks off every connection and damages files
//! - `pungi`: a Pungi that makes the rest of the compose at the same time
//! - `volumes`: links that cannot be made, a cache for ten, servers without end, large journals
//! - `hostile`: names and links that lead elsewhere
//! - `preflight`: what a hub is asked before anything is submitted
//! - `scripted_hub`: a hub of these tests' own, which may answer anything
//! - `regular`: pipes, devices, sockets and directories where files are expected
//! - `descriptors`: too few of them, over all verbs
//! - `secrets`: nothing that is secret is in any file or stream
//! - `sabotage`: killed at a record, a disk that is full
//! - `endings`: signals, `cancel`, `--fail-fast`
//! - `lock`: who is signalled for it, whom it keeps out, and file systems without locks
//! - `refusals`: what a hub refuses to everybody or for a while, and failures of many images
//! - `signals`: obeyed while files are hashed, scripts hang, hubs are away
//! - `standing`: builds that are there before a request is submitted again
//! - `uploads`: cloud uploads of every kind, and why images failed
//! - `compare`: two composes of any tool beside each other, from disk and from the web
//! - `repositories`: those that a builder could not reach, in every phase
//! - `explain`: what ids mean, plans as people read them, completions
//! - `sarif`: the forms in which diagnostics are printed
//! - `slips`: what nothing refuses and nobody meant, in configurations and scenarios
//! - `empty`: a compose that would make no image, and what is left out with `--only` and `--variant` (`chosen`)
//! - `plan_against`: what a changed configuration changes in a plan
//! - `strict_images`: files that cannot be of their format
//! - `verify`: what it finds in damaged composes, which `published` writes
//! - `events`: what other programs and other terminals hear; `schema` checks it

// What a test cannot read is a failure of the test.
#![allow(clippy::unwrap_used)]

mod bad_inputs;
mod beside;
mod better;
mod better_builders;
mod better_media;
mod branches;
mod builds;
mod canceled;
mod cases;
mod chosen;
mod commands;
mod compare;
mod cts;
mod descriptors;
mod diagnostics;
mod docs;
mod downloads;
mod empty;
mod endings;
mod events;
mod explain;
mod facts;
mod faults;
mod five_phases;
mod from_pungi;
mod full_disks;
mod histories;
mod hostile;
mod hub;
mod image;
mod journals;
mod lock;
mod lost_answers;
mod many_downloads;
mod merging;
mod named_images;
mod odcs;
mod on_finish;
mod options;
mod otel;
mod outages;
mod packaging;
mod plan_against;
mod preflight;
mod program;
mod proxy;
mod published;
mod pungi;
mod refusals;
mod regular;
mod repositories;
mod resume;
mod retries;
mod sabotage;
mod sarif;
mod schema;
mod scripted_hub;
mod secrets;
mod signals;
mod slips;
mod standing;
mod strict_images;
mod two_hubs;
mod uploads;
mod verify;
mod volumes;
