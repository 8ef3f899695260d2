//! Random *histories*: runs that are killed, ended and canceled at chosen calls, answers that get lost, calls that are executed when
//! their caller is dead, tasks that end in between, builds that come after all, a hub that lists what it has made a while later, an
//! admin who cancels and resubmits. Whatever happens, in whatever order: no request is asked for beside a task of it that counts, every
//! task is known in the end, every build that was made for us is taken, and nothing of anybody else is touched.
//!
//! Each history is made from its number. 50 of them are gone through here; `tests/torture/histories.sh` goes through more.
//!
//! | variable | what |
//! | --- | --- |
//! | `HISTORIES` | how many |
//! | `HISTORIES_FROM` | the number of the first one: `HISTORIES=1 HISTORIES_FROM=7` is history 7 alone |
//! | `HISTORIES_AT_ONCE` | how many at the same time: they wait more than they work |

mod koji_side;
mod story;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use story::Story;

/// How many histories are gone through unless more are asked for.
const USUAL: u64 = 50;

/// How many at the same time.
const AT_ONCE: u64 = 50;

/// After how many it is said how many there were.
const PROGRESS: u64 = 100;

/// Numbers that look random and are the same for the same seed (xorshift).
#[derive(Debug, Clone)]
struct Random(u64);

impl Random {
    fn of(seed: u64) -> Self {
        let mut random = Self((seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        // Neighbours begin alike.
        for _ in 0..8 {
            random.below(2);
        }
        random
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }

    fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of them; none, where there are none.
    fn pick<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        if of.is_empty() { None } else { of.get(self.below(of.len() as u64) as usize).cloned() }
    }
}

/// How often what happened, over all histories.
type Counts = BTreeMap<&'static str, u64>;

#[expect(clippy::disallowed_methods, reason = "a test is not part of the program")]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect("a number"))
}

#[test]
#[expect(clippy::print_stdout, reason = "what a long run has come to so far is for who waits for it")]
fn whatever_happens_each_image_is_built_once_and_taken() {
    let first = number("HISTORIES_FROM").unwrap_or(0);
    let count = number("HISTORIES").unwrap_or(USUAL);
    let (next, counts, wrong) = (AtomicU64::new(first), Mutex::new(Counts::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..number("HISTORIES_AT_ONCE").unwrap_or(AT_ONCE).min(count) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= first + count {
                        return;
                    }
                    let end = Story::go_through(seed);
                    let mut counts = counts.lock().unwrap();
                    for (what, times) in end.counts {
                        *counts.entry(what).or_default() += times;
                    }
                    let done = counts.get("histories").copied().unwrap_or_default();
                    if done % PROGRESS == 0 {
                        println!("{done} histories");
                    }
                    wrong.lock().unwrap().extend(end.problem.inspect(|problem| println!("{problem}\n")));
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    let counts: Vec<String> =
        counts.into_inner().unwrap().into_iter().map(|(what, times)| format!("{times} {what}")).collect();
    println!("{count} histories from {first}, {} of them wrong: {}", wrong.len(), counts.join(", "));
    assert!(wrong.is_empty(), "{} of {count} histories went wrong:\n{}", wrong.len(), wrong.join("\n\n"));
}
