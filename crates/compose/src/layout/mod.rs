//! A *compose directory* holds everything about one compose; this module knows where in it everything is (facts: compose 6).

use crate::confined::{self, ConfinedError, Directories};
use crate::variants::{Variant, VariantKind};
use std::path::{Path, PathBuf};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComposeDir {
    top: PathBuf,
}

impl ComposeDir {
    /// The compose directory at `top`; touches nothing.
    pub fn at(top: &Path) -> Self {
        Self { top: top.to_path_buf() }
    }

    /// Makes a directory below the compose directory, and those above it that are missing. A symbolic link that leads out
    /// of the compose is refused.
    pub fn make_dir(&self, path: &Path) -> Result<(), ConfinedError> {
        confined::make_dir(&self.top, path)
    }

    /// The same for a run that needs many.
    pub fn directories(&self) -> Directories {
        Directories::new(&self.top)
    }

    /// The compose directory itself.
    pub fn top(&self) -> &Path {
        &self.top
    }

    /// The last component of the compose directory, to which latest links point.
    pub fn name(&self) -> Option<&str> {
        self.top.file_name()?.to_str()
    }

    /// `COMPOSE_ID`: the id, without a newline.
    pub fn compose_id_file(&self) -> PathBuf {
        self.top.join("COMPOSE_ID")
    }

    /// `STATUS`, see [`crate::status`].
    pub fn status_file(&self) -> PathBuf {
        self.top.join("STATUS")
    }

    /// `compose`: what is published.
    pub fn compose(&self) -> PathBuf {
        self.top.join("compose")
    }

    /// `compose/metadata`: the manifests.
    pub fn metadata(&self) -> PathBuf {
        self.top.join("compose/metadata")
    }

    /// `compose/metadata/images.json`.
    pub fn images_file(&self) -> PathBuf {
        self.metadata().join("images.json")
    }

    /// `compose/metadata/composeinfo.json`.
    pub fn composeinfo_file(&self) -> PathBuf {
        self.metadata().join("composeinfo.json")
    }

    /// `compose/metadata/cloud-uploads.json`, see [`crate::cloud_uploads`].
    pub fn cloud_uploads_file(&self) -> PathBuf {
        self.metadata().join("cloud-uploads.json")
    }

    /// `work/global`.
    pub fn work_global(&self) -> PathBuf {
        self.top.join("work/global")
    }

    /// `work/global/tmp`: for temporary files.
    pub fn work_tmp(&self) -> PathBuf {
        self.top.join("work/global/tmp")
    }

    /// `work/global/composeinfo-base.json`: composeinfo.json without variants, from which a compose is known again (facts: compose 5).
    pub fn composeinfo_base_file(&self) -> PathBuf {
        self.work_global().join("composeinfo-base.json")
    }

    /// `work/global/variants.xml`: the copy of the variants file.
    pub fn variants_copy(&self) -> PathBuf {
        self.work_global().join("variants.xml")
    }

    /// `logs/global`.
    pub fn logs_global(&self) -> PathBuf {
        self.top.join("logs/global")
    }

    /// `logs/global/report.html`: the page for people that every run leaves.
    pub fn report(&self) -> PathBuf {
        self.logs_global().join("report.html")
    }

    /// `logs/global/pungi.global.log`: the log.
    pub fn global_log(&self) -> PathBuf {
        self.logs_global().join("pungi.global.log")
    }

    /// `logs/global/traceback.global.log`: the details of a failure; only there after one.
    pub fn traceback(&self) -> PathBuf {
        self.logs_global().join("traceback.global.log")
    }

    /// `logs/global/excluding-arch.global.log`: empty for image phases.
    pub fn excluding_arch_log(&self) -> PathBuf {
        self.logs_global().join("excluding-arch.global.log")
    }

    /// `logs/global/config-dump.global.log`: the checked configuration.
    pub fn config_dump(&self) -> PathBuf {
        self.logs_global().join("config-dump.global.log")
    }

    /// `logs/global/config-copy`: the configuration files, by base name.
    pub fn config_copy_dir(&self) -> PathBuf {
        self.logs_global().join("config-copy")
    }

    /// Where the copy of the configuration file `source` goes; `None` for a path without a base name.
    pub fn config_copy(&self, source: &Path) -> Option<PathBuf> {
        Some(self.config_copy_dir().join(source.file_name()?))
    }

    /// `logs/global/deliverables.json`, see [`crate::deliverables`].
    pub fn deliverables(&self) -> PathBuf {
        self.logs_global().join("deliverables.json")
    }

    /// `logs/global/notifications`: the output of notification scripts.
    pub fn notifications_dir(&self) -> PathBuf {
        self.logs_global().join("notifications")
    }

    /// `logs/global/koji-tasks`: an empty file for each task.
    pub fn koji_tasks_dir(&self) -> PathBuf {
        self.logs_global().join("koji-tasks")
    }

    /// The file that stands for a task.
    pub fn koji_task(&self, id: i64) -> PathBuf {
        self.koji_tasks_dir().join(id.to_string())
    }

    /// `logs/global/PHASE`: the logs of one phase.
    pub fn phase_logs(&self, phase: &str) -> PathBuf {
        self.logs_global().join(phase)
    }

    /// `logs/global/KIND/UID-NUM-watch-task.log`: how a task went; `num` counts from 1 in the phase's expansion order. With the
    /// `profile` of a description that is built, `UID-NUM-PROFILE-watch-task.log`.
    pub fn watch_log(&self, kind: &str, variant_uid: &str, num: usize, profile: Option<&str>) -> PathBuf {
        let is_plain = |c: char| c.is_alphanumeric() || "._-".contains(c);
        let profile: String = profile.map_or_else(String::new, |profile| {
            "-".chars().chain(profile.chars().take(100).map(|c| if is_plain(c) { c } else { '_' })).collect()
        });
        self.phase_logs(kind).join(format!("{variant_uid}-{num}{profile}-watch-task.log"))
    }

    fn arch_dir(&self, variant: &Variant, arch: &str) -> PathBuf {
        self.compose().join(variant.dir_uid()).join(arch)
    }

    /// `compose/UID/ARCH/images`: image files other than ISOs; an addon's are in its parent's directory.
    pub fn images_dir(&self, variant: &Variant, arch: &str) -> PathBuf {
        self.arch_dir(variant, arch).join("images")
    }

    /// `compose/UID/ARCH/iso`: ISO files; an addon's are in its parent's directory.
    pub fn iso_dir(&self, variant: &Variant, arch: &str) -> PathBuf {
        self.arch_dir(variant, arch).join("iso")
    }

    /// The repository of a variant (facts: expansion 11): `compose/UID/ARCH/os`, an addon's `compose/PARENT/ARCH/os/addons/ID`.
    /// `arch` may be a placeholder such as `$arch`.
    pub fn os_tree(&self, variant: &Variant, arch: &str) -> PathBuf {
        let os = self.install_tree(variant, arch);
        if variant.kind == VariantKind::Addon { os.join("addons").join(&variant.id) } else { os }
    }

    /// The tree that a variant is installed from: `compose/UID/ARCH/os`, an addon's is its parent's (facts: kickstart 2).
    pub fn install_tree(&self, variant: &Variant, arch: &str) -> PathBuf {
        self.arch_dir(variant, arch).join("os")
    }

    /// `path` as manifests write it: relative to `compose`. `None` when it is elsewhere, or not UTF-8.
    pub fn relative(&self, path: &Path) -> Option<String> {
        path.strip_prefix(self.compose()).ok()?.to_str().map(str::to_owned)
    }
}

#[cfg(test)]
mod tests;
