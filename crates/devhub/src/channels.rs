//! *Channels* are the queues of a hub: a builder takes tasks from those that it is in. They are those of a new database.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Channel {
    pub(crate) id: i64,
    pub(crate) name: &'static str,
}

const fn channel(id: i64, name: &'static str) -> Channel {
    Channel { id, name }
}

/// Where tasks for images wait.
pub(crate) const IMAGE: Channel = channel(7, "image");

/// Where tasks for live media wait.
pub(crate) const LIVEMEDIA: Channel = channel(8, "livemedia");

pub(crate) static CHANNELS: [Channel; 8] = [
    channel(1, "default"),
    channel(2, "createrepo"),
    channel(3, "maven"),
    channel(4, "livecd"),
    channel(5, "appliance"),
    channel(6, "vm"),
    IMAGE,
    LIVEMEDIA,
];
