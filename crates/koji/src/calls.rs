//! *Typed calls*. Each method is a module with `request`, which makes the call, and `decode`, which reads its result, so that
//! many calls of one kind can go in one `multiCall`; [`Hub`](crate::Hub) and [`Session`](crate::Session) have a method for each
//! as well.

mod builds;
mod methods;
mod tags;
mod task_info;
mod task_output;
mod tasks;
mod users;

pub use methods::TaskAnswer;

pub use builds::{Archive, Build, BuildState, ChecksumType, get_build, list_archives, list_builds};
pub use tags::{BuildTarget, Channel, PackageConfig, Tag, get_build_target, get_channel, get_package_config, get_tag};
pub use task_info::{TaskInfo, TaskState, get_task_info};
pub use task_output::{MAX_OUTPUT_CHUNK, download_task_output, list_task_output};
pub use tasks::{
    TaskFilter, TaskOutput, TaskResult, cancel_task, get_task_children, get_task_result, list_tasks, make_task,
};
pub use users::{User, get_api_version, get_koji_version, get_logged_in_user, get_perms, get_user_perms, list_methods};
