//! The *import* of what was built: files on the volume, archives in the hub.

use std::io;

use md5::{Digest as _, Md5};

use crate::archive_types;
use crate::builders::{Builder, Job};
use crate::builds::{Archive, BuildState};
use crate::clock::Micros;
use crate::facts::Facts;
use crate::ids;
use crate::plan::PlannedFile;
use crate::site::Setting;
use crate::state::State;
use crate::tasks::Task;
use crate::volume::Volume;
use crate::wire::Value;

/// What a file is padded with is read in pieces of this length.
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

impl State {
    /// Writes the files of the build of `task` and describes them, in an order of their own: which of the files of a
    /// build comes first is not defined (KOJI.md 7).
    pub(crate) fn import(&self, setting: &Setting, task: &Task, files: &[PlannedFile]) -> io::Result<Vec<Archive>> {
        let build = ids::build_id(task.id);
        let (Some(builder), Some(job)) = (task.builder, task.job()) else { return Ok(Vec::new()) };
        let mut files: Vec<&PlannedFile> = files.iter().collect();
        files.sort_by_cached_key(|file| crc32fast::hash(format!("{build} {}", file.filename).as_bytes()));
        let mut archives = Vec::with_capacity(files.len());
        for file in files {
            let Some(kind) = archive_types::by_name(&file.type_name) else { continue };
            let (size, md5) = write(setting, builder, &job, file)?;
            let extra = match &file.extra {
                Some(extra) => magudi_koji::value::from_json(extra).unwrap_or(Value::Nil),
                None => builder.archive_extra(task, &file.arch),
            };
            archives.push(Archive {
                id: self.next_archive_id() + archives.len() as i64,
                build,
                arch: file.arch.clone(),
                kind,
                filename: file.filename.clone(),
                size,
                md5,
                extra: Facts::of(&extra),
            });
        }
        Ok(archives)
    }

    /// The build has got its files, and is complete.
    pub(crate) fn complete(&mut self, build: i64, archives: Vec<Archive>, time: Micros) {
        for archive in &archives {
            self.archive_builds.insert(archive.id, build);
        }
        if let Some(build) = self.builds.get_mut(build) {
            build.archives = archives;
            build.state = BuildState::Complete;
            build.completed = Some(time);
        }
        self.next_event(time);
    }
}

/// Writes one file, as the script wants it; the size and the MD5 that the hub will state.
fn write(setting: &Setting, builder: &dyn Builder, job: &Job, file: &PlannedFile) -> io::Result<(u64, String)> {
    let scenario = &setting.scenario;
    let filename = &file.filename;
    let mut content = match &file.text {
        _ if scenario.empty_files.contains(filename) => Vec::new(),
        Some(text) => text.clone().into_bytes(),
        None => format!("{} fake image\n{}\n{filename}\n", builder.phase(), job.nvr()).into_bytes(),
    };
    let size = scenario.sizes.get(filename).copied().unwrap_or(content.len() as u64);
    // What is cut off here is at most some lines of text, whose length fits everywhere.
    content.truncate(usize::try_from(size).unwrap_or(usize::MAX));
    let md5 = if scenario.wrong_checksum.contains(filename) {
        ids::hex_of(&Md5::digest(b"another file"))
    } else {
        md5(&content, size)
    };
    if !scenario.missing_files.contains(filename) {
        if scenario.flip_bytes.contains(filename)
            && let Some(byte) = content.first_mut()
        {
            *byte ^= 1;
        }
        setting.volume.write_image(
            &Volume::image_dir(&job.name, &job.version, &job.release),
            filename,
            &content,
            size,
        )?;
    }
    Ok((size, md5))
}

/// The MD5 of `content` and the zeros that make it `size` bytes long.
fn md5(content: &[u8], size: u64) -> String {
    let mut hasher = Md5::new();
    hasher.update(content);
    let mut left = size.saturating_sub(content.len() as u64);
    while left > 0 {
        let piece = usize::try_from(left).unwrap_or(usize::MAX).min(ZEROS.len());
        hasher.update(ZEROS.get(..piece).unwrap_or(&ZEROS));
        left -= piece as u64;
    }
    ids::hex_of(&hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_count() {
        assert_eq!(md5(b"", 0), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(md5(b"abc", 3), ids::hex_of(&Md5::digest(b"abc")));
        let mut long = b"abc".to_vec();
        long.resize(200_000, 0);
        assert_eq!(md5(b"abc", 200_000), ids::hex_of(&Md5::digest(&long)));
    }
}
