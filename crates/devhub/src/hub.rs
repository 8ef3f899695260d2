//! The *hub* is everything behind the port: the scenario, the state, and the volume.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::access_log::AccessLog;
use crate::builders::Builders;
use crate::clock;
use crate::faults::Faults;
use crate::ids::Placeholders;
use crate::journal::JournalError;
use crate::options::HubOptions;
use crate::scenario::Scenario;
use crate::state::HubState;
use crate::volume::Volume;

/// The URLs of a hub, without a slash at the end.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    /// `/kojihub`.
    pub(crate) hub: String,
    /// `/kojifiles`.
    pub(crate) files: String,
    /// `/koji`.
    pub(crate) web: String,
}

impl Addresses {
    /// Those below `base`.
    pub(crate) fn new(base: &str) -> Self {
        Self { hub: format!("{base}/kojihub"), files: format!("{base}/kojifiles"), web: format!("{base}/koji") }
    }
}

/// What never changes while a hub runs.
#[derive(Debug)]
pub(crate) struct Setting {
    /// The script.
    pub(crate) scenario: Scenario,
    /// What makes images.
    pub(crate) builders: Builders,
    /// The hub's own URLs.
    pub(crate) addresses: Addresses,
    /// Paths that task ids do not depend on.
    pub(crate) placeholders: Placeholders,
    pub(crate) volume: Volume,
    /// Whether `X-Remote-User` says who logs in.
    pub(crate) trust_remote_user: bool,
}

/// Everything behind the port.
#[derive(Debug)]
pub(crate) struct Hub {
    /// What never changes.
    pub(crate) setting: Setting,
    /// What the script lets go wrong between hub and client.
    pub(crate) faults: Faults,
    pub(crate) access_log: Option<AccessLog>,
    state: Mutex<HubState>,
}

impl Hub {
    /// A hub on the volume `topdir`, with what an earlier hub left there if `options` ask for that.
    pub(crate) fn open(
        options: &HubOptions,
        topdir: PathBuf,
        addresses: Addresses,
        access_log: Option<AccessLog>,
    ) -> Result<Self, JournalError> {
        let target = options.target_dir.as_ref().map(|dir| dir.to_string_lossy().into_owned());
        let placeholders = Placeholders::new(&options.topdir.to_string_lossy(), target.as_deref());
        let setting = Setting {
            scenario: options.scenario.clone(),
            builders: options.builders.clone(),
            addresses,
            placeholders,
            volume: Volume::new(topdir),
            trust_remote_user: options.trust_remote_user,
        };
        let mut state = HubState::new(&setting.scenario);
        if options.persist {
            state.restore(&setting)?;
        }
        Ok(Self { faults: Faults::new(&setting.scenario), access_log, setting, state: Mutex::new(state) })
    }

    /// The state, with everything done that was due by now.
    pub(crate) fn state(&self) -> MutexGuard<'_, HubState> {
        // A panic of one call must not take the others down with it.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.settle(&self.setting, clock::now());
        state
    }
}
