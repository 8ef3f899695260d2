//! Methods about the output of tasks (facts: koji 9).

use std::io::{Read as _, SeekFrom};

use base64::Engine as _;

use super::{Method, read};
use crate::call::Call;
use crate::names;
use crate::volume::{Opened, OutputFile, Volume};
use crate::wire::{Answer, Fault, Value, generic, python, string, structure};

/// One answer holds no more of a file than this.
const MAX_CHUNK: u64 = 64 << 20;

pub(super) static METHODS: &[Method] = &[
    read("listTaskOutput", "taskID stat=False all_volumes=False strict=False", "The files that a task left.", list),
    read("downloadTaskOutput", "taskID fileName offset=0 size=-1 volume=None", "A part of such a file.", download),
];

fn stat(file: &OutputFile) -> Value {
    structure([
        ("st_atime", Value::Double(file.time)),
        ("st_ctime", Value::Double(file.time)),
        ("st_mtime", Value::Double(file.time)),
        ("st_size", string(file.size.to_string())),
    ])
}

fn list(call: &mut Call<'_>) -> Answer {
    let id = call.args.id(0)?;
    let (with_stat, volumes, strict) = (call.args.flag(1, false), call.args.flag(2, false), call.args.flag(3, false));
    let known = call.state.tasks.contains_key(id);
    if !known && strict {
        return Err(generic("Task doesn't exist"));
    }
    let files = if known { call.state.output_files(call.setting, id) } else { Vec::new() };
    if !with_stat && !volumes {
        return Ok(Value::Array(files.into_iter().map(|file| string(file.name)).collect()));
    }
    Ok(structure(files.into_iter().map(|file| {
        let facts = match (with_stat, volumes) {
            (true, true) => structure([("DEFAULT", stat(&file))]),
            (true, false) => stat(&file),
            _ => Value::Array(vec![string("DEFAULT")]),
        };
        (file.name, facts)
    })))
}

fn download(call: &mut Call<'_>) -> Answer {
    let id = call.args.id(0)?;
    let name = call.args.get(1).as_str().unwrap_or_default();
    let number = |place: usize, default: i64| match call.args.given(place) {
        None | Some(Value::Nil) => Ok(default),
        Some(_) => call.args.id(place),
    };
    let (offset, size) = (number(2, 0)?, number(3, -1)?);
    if let Some(volume) = call.args.get(4).as_str().filter(|volume| *volume != "DEFAULT") {
        return Err(generic(format!("No such volume: {volume}")));
    }
    if name.split('/').any(|part| part == "..") || name.starts_with('/') {
        return Err(generic(format!("Invalid file name: {name}")));
    }
    let missing = || generic(format!("no file \"{name}\" output by task {id}"));
    if !names::is_file_name(name) || !call.state.tasks.contains_key(id) {
        return Err(missing());
    }
    let path = format!("{}/{name}", Volume::task_dir(id));
    let found = call.state.find_file(call.setting, &path);
    let file = found.and_then(|found| found.open(&call.setting.volume)).map_err(|_| missing())?;
    let bytes = part(file, offset, size).map_err(|error| -> Fault { python("OSError", &error.to_string()) })?;
    Ok(string(base64::engine::general_purpose::STANDARD.encode(bytes)))
}

/// `size` bytes from `offset` on; an offset below zero counts from the end, a size below zero is all that follows.
fn part(file: Opened, offset: i64, size: i64) -> std::io::Result<Vec<u8>> {
    let Opened { mut reader, size: length, .. } = file;
    let start = match u64::try_from(offset) {
        Ok(offset) => offset.min(length),
        Err(_) => length.saturating_sub(offset.unsigned_abs()),
    };
    let size = u64::try_from(size).unwrap_or(u64::MAX).min(length - start).min(MAX_CHUNK);
    reader.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    reader.take(size).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_files() {
        let file = || Opened::text("0123456789".into(), 0);
        let text = |offset, size| String::from_utf8(part(file(), offset, size).unwrap()).unwrap();
        assert_eq!(text(0, -1), "0123456789");
        assert_eq!(text(2, 3), "234");
        assert_eq!(text(-3, -1), "789");
        assert_eq!(text(-300, 2), "01");
        assert_eq!(text(100, 10), "");
        assert_eq!(text(0, 0), "");
        assert_eq!(text(i64::MAX, i64::MAX), "");
        assert_eq!(text(i64::MIN, i64::MIN), "0123456789");
    }
}
