//! One *call* of a method, and everything that the method may use.

use crate::accounts::User;
use crate::args::Args;
use crate::caller::Caller;
use crate::clock::Micros;
use crate::hub::Setting;
use crate::journal::{JournalError, Record};
use crate::state::HubState;
use crate::wire::{Fault, not_allowed, python};

pub(crate) struct Call<'a> {
    /// What never changes.
    pub(crate) setting: &'a Setting,
    pub(crate) state: &'a mut HubState,
    pub(crate) args: Args,
    pub(crate) session: Option<i64>,
    pub(crate) caller: &'a Caller,
    /// The time.
    pub(crate) now: Micros,
    /// Whether anything was changed.
    pub(crate) wrote: bool,
}

impl Call<'_> {
    /// The user who is logged in.
    pub(crate) fn user(&self) -> Option<&User> {
        let session = self.state.sessions.get(self.session?)?;
        self.state.accounts.by_id(session.user)
    }

    /// The user who is logged in, who must have a permission.
    pub(crate) fn user_with(&self, permission: &str) -> Result<&User, Fault> {
        match self.user() {
            Some(user) if user.may(permission) => Ok(user),
            Some(user) => Err(not_allowed(format!("{permission} permission required (logged in as {})", user.name))),
            None => Err(not_allowed(format!("{permission} permission required (user not logged in)"))),
        }
    }

    /// The options of a method that the hub is too old to know.
    pub(crate) fn unknown_options(&self, method: &str) -> Vec<&str> {
        let scenario = &self.setting.scenario;
        let newer = if scenario.phases.is_empty() { &[][..] } else { &["failable_arches"] };
        let unknown = scenario.unknown_options.get(method).into_iter().flatten().map(String::as_str);
        unknown.chain(newer.iter().copied()).collect()
    }

    /// Notes a change, and keeps it if the hub keeps changes.
    pub(crate) fn keep(&mut self, record: impl FnOnce() -> Result<Record, JournalError>) -> Result<(), Fault> {
        self.wrote = true;
        self.state.keep(record).map_err(|error| python("OSError", &error.to_string()))
    }
}
