//! The *allocator*: jemalloc. The trees, plans and histories of a large compose live long beside what lives for a call, on several
//! threads; glibc keeps half as much again for that as is in use, and takes a sixth longer (docs/performance.md).

use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// What jemalloc reads when the program starts. One arena for all threads, which have caches of their own: what one gives back
/// another one takes. Pages that nobody took for a while go back to the system.
#[allow(unsafe_code, reason = "jemalloc finds its options by the name of a symbol, which is no other one's")]
#[unsafe(export_name = "_rjem_malloc_conf")]
pub static OPTIONS: &[u8; 46] = b"narenas:1,dirty_decay_ms:300,muzzy_decay_ms:0\0";
