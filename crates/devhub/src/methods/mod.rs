//! The *methods* of a hub: one table, one file per part of Koji.

mod builds;
mod login;
mod outputs;
mod query;
mod system;
mod tags;
mod tasks;
mod users;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::args::Signature;
use crate::builders::{self, Builder};
use crate::call::Call;
use crate::hub::Setting;
use crate::wire::Answer;

pub(crate) use system::KOJI_VERSION;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Method {
    /// Its name on the wire.
    pub(crate) name: &'static str,
    /// Its parameters.
    pub(crate) signature: Signature,
    /// What Python calls it in messages about its arguments.
    pub(crate) function: &'static str,
    /// Whether it may change anything.
    pub(crate) writes: bool,
    pub(crate) help: &'static str,
    handler: Handler,
}

#[derive(Debug, Clone, Copy)]
enum Handler {
    Answer(fn(&mut Call<'_>) -> Answer),
    Submit(&'static dyn Builder),
}

/// A method that changes nothing.
const fn read(
    name: &'static str,
    signature: Signature,
    help: &'static str,
    handler: fn(&mut Call<'_>) -> Answer,
) -> Method {
    Method { name, signature, function: name, writes: false, help, handler: Handler::Answer(handler) }
}

/// A method that may change something.
const fn write(
    name: &'static str,
    signature: Signature,
    help: &'static str,
    handler: fn(&mut Call<'_>) -> Answer,
) -> Method {
    Method { name, signature, function: name, writes: true, help, handler: Handler::Answer(handler) }
}

impl Method {
    /// The method by which a builder takes requests.
    fn of(builder: &'static dyn Builder) -> Self {
        let name = builder.method();
        let handler = Handler::Submit(builder);
        Self { name, signature: builder.signature(), function: name, writes: true, help: builder.help(), handler }
    }

    pub(crate) fn run(&self, call: &mut Call<'_>) -> Answer {
        match self.handler {
            Handler::Answer(answer) => answer(call),
            Handler::Submit(builder) => builders::submit(call, builder),
        }
    }

    /// Gives it another name in messages about its arguments.
    const fn called(mut self, function: &'static str) -> Self {
        self.function = function;
        self
    }
}

/// What every hub has, whatever makes images there.
static TABLE: LazyLock<BTreeMap<&'static str, Method>> = LazyLock::new(|| {
    let parts = [
        system::METHODS,
        login::METHODS,
        users::METHODS,
        tags::METHODS,
        tasks::METHODS,
        outputs::METHODS,
        builds::METHODS,
    ];
    parts.into_iter().flatten().copied().map(|method| (method.name, method)).collect()
});

/// The method `name` of a hub.
pub(crate) fn find(setting: &Setting, name: &str) -> Option<Method> {
    TABLE.get(name).copied().or_else(|| setting.builders.by_method(name).map(Method::of))
}

/// All methods of a hub, sorted by name.
pub(crate) fn all(setting: &Setting) -> impl Iterator<Item = Method> {
    let mut all: Vec<Method> = TABLE.values().copied().chain(setting.builders.all().map(Method::of)).collect();
    all.sort_by_key(|method| method.name);
    all.into_iter()
}
