//! The *methods* of a hub: one table, one file per part of Koji.

mod builds;
mod login;
mod osbuild;
mod outputs;
mod query;
mod system;
mod tags;
mod tasks;
mod users;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::args::Signature;
use crate::rpc::Call;
use crate::wire::Answer;

pub(crate) use system::KOJI_VERSION;

/// One method of a hub.
#[derive(Debug)]
pub(crate) struct Method {
    /// Its name on the wire.
    pub(crate) name: &'static str,
    /// Its parameters.
    pub(crate) signature: Signature,
    /// What Python calls it in messages about its arguments.
    pub(crate) function: &'static str,
    /// Whether it may change anything.
    pub(crate) writes: bool,
    /// What it does, in one line.
    pub(crate) help: &'static str,
    /// What it does.
    pub(crate) handler: fn(&mut Call<'_>) -> Answer,
}

/// A method that changes nothing.
const fn read(
    name: &'static str,
    signature: Signature,
    help: &'static str,
    handler: fn(&mut Call<'_>) -> Answer,
) -> Method {
    Method { name, signature, function: name, writes: false, help, handler }
}

/// A method that may change something.
const fn write(
    name: &'static str,
    signature: Signature,
    help: &'static str,
    handler: fn(&mut Call<'_>) -> Answer,
) -> Method {
    Method { name, signature, function: name, writes: true, help, handler }
}

impl Method {
    /// Gives it another name in messages about its arguments.
    const fn called(mut self, function: &'static str) -> Self {
        self.function = function;
        self
    }
}

static TABLE: LazyLock<BTreeMap<&'static str, &'static Method>> = LazyLock::new(|| {
    let parts = [
        system::METHODS,
        login::METHODS,
        users::METHODS,
        tags::METHODS,
        osbuild::METHODS,
        tasks::METHODS,
        outputs::METHODS,
        builds::METHODS,
    ];
    parts.into_iter().flatten().map(|method| (method.name, method)).collect()
});

/// The method `name`.
pub(crate) fn find(name: &str) -> Option<&'static Method> {
    TABLE.get(name).copied()
}

/// All methods, sorted by name.
pub(crate) fn all() -> impl Iterator<Item = &'static Method> {
    TABLE.values().copied()
}
