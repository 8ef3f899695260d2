//! A *login* is where the requests of a compose went, and who sent them: task 1000 of one hub is not task 1000 of another.

use magudi_koji::profile::same_address;
use magudi_koji::{KojiError, Session};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// How long the end of a session may keep somebody waiting who has nothing else to do.
const LOGOUT_PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Login {
    /// The hub's address, as the koji profile has it, without a user and password.
    pub server: String,
    pub profile: String,
    pub user: Option<String>,
    /// The user's number there, the owner of the tasks.
    pub user_id: Option<i64>,
}

impl Login {
    /// Whether `server` is the address of the same hub.
    pub fn is_at(&self, server: &str) -> bool {
        same_address(&self.server, server)
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.server)?;
        match (&self.user, self.user_id) {
            (Some(user), Some(id)) => write!(f, " as {user} (user {id})"),
            (Some(user), None) => write!(f, " as {user}"),
            (None, Some(id)) => write!(f, " as user {id}"),
            (None, None) => Ok(()),
        }
    }
}

/// Ends a session, as far as the hub answers. One that stays open ends by itself.
pub async fn logout(session: &Session) -> Result<(), LogoutError> {
    match tokio::time::timeout(LOGOUT_PATIENCE, session.logout()).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(LogoutError::NotAnswered),
    }
}

/// Why a session was not ended.
#[derive(Debug, thiserror::Error)]
pub enum LogoutError {
    #[error(transparent)]
    Hub(#[from] KojiError),
    #[error("the hub does not answer")]
    NotAnswered,
}
