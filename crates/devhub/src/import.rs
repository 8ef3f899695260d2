//! The *import* of what was built: files on the volume, archives in the hub.

use std::borrow::Cow;
use std::io;

use magudi_koji::value::from_json;
use md5::digest::Output;
use md5::{Digest, Md5};
use sha2::Sha256;

use crate::archive_types;
use crate::builds::{Archive, BuildState, Checksum, ChecksumType};
use crate::clock::Micros;
use crate::hub::Setting;
use crate::ids;
use crate::plan::PlannedFile;
use crate::state::HubState;
use crate::tasks::Task;
use crate::volume::Volume;
use crate::wire::Value;

/// What a file is padded with is read in pieces of this length.
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

impl HubState {
    /// Writes the files of the build of `task` and describes them, in an order of their own: which of the files of a
    /// build comes first is not defined (facts: koji 16).
    pub(crate) fn import(&self, setting: &Setting, task: &Task, files: &[&PlannedFile]) -> io::Result<Vec<Archive>> {
        let build = ids::build_id(task.id);
        let (Some(builder), Some(job)) = (task.builder, task.job()) else { return Ok(Vec::new()) };
        let volume = task.plan.as_ref().and_then(|plan| plan.volume.as_deref());
        let dir = Volume::image_dir(volume, &job.name, &job.version, &job.release);
        let checksum_type = builder.checksum_type();
        let mut files = files.to_vec();
        files.sort_by_cached_key(|file| crc32fast::hash(format!("{build} {}", file.filename).as_bytes()));
        let mut archives = Vec::with_capacity(files.len());
        for file in files {
            let Some(kind) = archive_types::by_name(&file.type_name) else { continue };
            let content = Content::of(setting, builder.phase(), &job.nvr(), file);
            // What the script has to say of a file is done to a file.
            let is_described = file.is_document && !setting.scenario.names_file(&file.filename);
            if !is_described {
                content.write(setting, &dir, &file.filename)?;
            }
            let extra = file.extra.as_ref().map(|extra| Box::new(from_json(extra).unwrap_or(Value::Nil)));
            archives.push(Archive {
                id: self.next_archive_id() + archives.len() as i64,
                arch: file.arch.as_str().into(),
                kind,
                filename: file.filename.as_str().into(),
                size: content.size,
                checksum: content.stated_checksum(setting, checksum_type, &file.filename),
                extra,
                is_described,
                has_buildroot: builder.generator().is_some(),
                has_packages: builder.lists_packages(),
            });
        }
        Ok(archives)
    }

    /// The build of a task has got its files, and is complete.
    pub(crate) fn complete(&mut self, id: i64, archives: Vec<Archive>, time: Micros) {
        let build = ids::build_id(id);
        self.archive_builds.extend(archives.iter().map(|_| build));
        let volume = self.tasks.get(id).and_then(|task| task.plan.as_ref()?.volume.clone());
        let volume = volume.map(|name| Box::new((self.volume_id(&name), name)));
        if let Some(build) = self.builds.get_mut(build) {
            build.volume = volume;
            build.archives = archives;
            build.state = BuildState::Complete;
            build.completed = Some(time);
        }
        self.next_event(time);
    }
}

/// The lines of an image.
pub(crate) fn image_text(phase: &str, nvr: &str, filename: &str) -> String {
    format!("{phase} fake image\n{nvr}\n{filename}\n")
}

/// What is in a file: some bytes, and zeros after them.
#[derive(Debug)]
pub(crate) struct Content {
    bytes: Vec<u8>,
    size: u64,
}

impl Content {
    /// What a planned file holds, as the script wants it.
    pub(crate) fn of(setting: &Setting, phase: &str, nvr: &str, file: &PlannedFile) -> Self {
        let filename = &file.filename;
        let mut bytes = match &file.text {
            _ if setting.scenario.empty_files.contains(filename) => Vec::new(),
            Some(text) => text.clone().into_bytes(),
            None => image_text(phase, nvr, filename).into_bytes(),
        };
        let size = setting.scenario.sizes.get(filename).copied().unwrap_or(bytes.len() as u64);
        // What is cut off here is at most some lines of text, whose length fits everywhere.
        bytes.truncate(usize::try_from(size).unwrap_or(usize::MAX));
        Self { bytes, size }
    }

    /// Writes it into a directory on the volume, unless the script says that it is missing there.
    pub(crate) fn write(&self, setting: &Setting, dir: &str, filename: &str) -> io::Result<()> {
        let scenario = &setting.scenario;
        if scenario.missing_files.contains(filename) {
            return Ok(());
        }
        let mut bytes = Cow::Borrowed(&self.bytes);
        if scenario.flip_bytes.contains(filename)
            && let Some(byte) = bytes.to_mut().first_mut()
        {
            *byte ^= 1;
        }
        setting.volume.write_image(dir, filename, &bytes, self.size)
    }

    /// The checksum that the hub will state.
    fn stated_checksum(&self, setting: &Setting, kind: ChecksumType, filename: &str) -> Checksum {
        if setting.scenario.wrong_checksum.contains(filename) {
            return Self { bytes: b"another file".to_vec(), size: 12 }.checksum(kind);
        }
        self.checksum(kind)
    }

    fn checksum(&self, kind: ChecksumType) -> Checksum {
        match kind {
            ChecksumType::Md5 => Checksum::Md5(self.digest::<Md5>().into()),
            ChecksumType::Sha256 => Checksum::Sha256(self.digest::<Sha256>().into()),
        }
    }

    fn digest<D: Digest>(&self) -> Output<D> {
        let mut hasher = D::new();
        hasher.update(&self.bytes);
        let mut left = self.size.saturating_sub(self.bytes.len() as u64);
        while left > 0 {
            let piece = usize::try_from(left).unwrap_or(usize::MAX).min(ZEROS.len());
            hasher.update(ZEROS.get(..piece).unwrap_or(&ZEROS));
            left -= piece as u64;
        }
        hasher.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_count() {
        let md5 = |bytes: &[u8], size| Content { bytes: bytes.to_vec(), size }.checksum(ChecksumType::Md5).text();
        assert_eq!(md5(b"", 0), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(md5(b"abc", 3), ids::hex_of(&Md5::digest(b"abc")));
        let mut long = b"abc".to_vec();
        long.resize(200_000, 0);
        assert_eq!(md5(b"abc", 200_000), ids::hex_of(&Md5::digest(&long)));
        let sha256 = Content { bytes: b"abc".to_vec(), size: 200_000 }.checksum(ChecksumType::Sha256).text();
        assert_eq!(sha256, ids::hex_of(&Sha256::digest(&long)));
    }
}
