//! What ends a compose before it is whole.

use crate::existing_manifests::ExistingError;
use crate::image_checksum::ChecksumError;
use magudi_compose::images::ImageError;
use magudi_compose::status::StatusError;
use magudi_compose::write::WriteError;
use magudi_engine::blocking::Lost;
use magudi_engine::find_task::Stranger;
use magudi_engine::login::Login;
use magudi_engine::pungi::PungiError;
use magudi_engine::stop::{Reason, STOPPED, Stop, Stopped};
use magudi_koji::KojiError;
use std::error::Error;
use std::io;
use std::sync::Arc;

/// Why there is no way to the hub: its type is the caller's.
pub type LoginError = Box<dyn Error + Send + Sync>;

/// Why a compose ends early. Its text is in the events and in the traceback file.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("signal {0}")]
    Signal(i32),
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// This machine lacks what every image needs.
    #[error("{0}; no task was canceled: when that is fixed, resume the compose")]
    Machine(Arc<str>),
    #[error("cannot use the hub: {0}")]
    Login(#[source] LoginError),
    #[error(
        "{login} is not the hub that the compose was started at: of task {task}, for image {image}: {reason}; it was asked nothing"
    )]
    OtherHub {
        login: Box<Login>,
        task: i64,
        image: String,
        #[source]
        reason: Box<Stranger>,
    },
    #[error(transparent)]
    Hub(#[from] KojiError),
    /// What is said of images that failed.
    #[error("{0}")]
    Images(String),
    #[error(transparent)]
    Image(#[from] ImageError),
    #[error("images.json would not be valid: {}", joined(.0))]
    Invalid(Vec<ImageError>),
    #[error(transparent)]
    Checksum(#[from] ChecksumError),
    #[error(transparent)]
    Existing(#[from] ExistingError),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error(transparent)]
    Status(#[from] StatusError),
    #[error(transparent)]
    Lost(#[from] Lost),
    #[error("cannot follow Pungi: {0}")]
    Follow(#[source] io::Error),
    #[error(transparent)]
    Pungi(#[from] PungiError),
    /// How Pungi ended.
    #[error("{0}")]
    PungiEnded(String),
    #[error("{own}; {pungi}")]
    Both {
        #[source]
        own: Box<RunError>,
        /// How Pungi ended.
        pungi: String,
    },
}

fn joined(problems: &[ImageError]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl RunError {
    /// The signal that ends a compose, if one does.
    pub(super) fn signal(stop: &Stop) -> Option<Self> {
        match stop.reason() {
            Some(Reason::Signal(number) | Reason::Detach(number)) => Some(Self::Signal(number)),
            _ => None,
        }
    }

    /// What is said of images that failed, or were stopped.
    pub(super) fn of_images(text: String) -> Self {
        if text == STOPPED { Self::Stopped(Stopped) } else { Self::Images(text) }
    }
}
