//! *Hardening* of the process itself: what it holds in memory stays there.

use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};

/// Lets nothing of the memory of this process be written to a core dump, nor be read by other processes of the same user (a
/// notification script finds no password in the environment of its parent). To be called before any secret is read. What is
/// started from here is not concerned: the flag ends with `exec`, and the limit can be raised again.
pub fn keep_memory_private() {
    // Where the system refuses, as some sandboxes do, a compose is not worse for it.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let maximum = getrlimit(Resource::Core).maximum;
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum });
}
