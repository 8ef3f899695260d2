//! *Builds* and their *archives*, the files they made (facts: koji 16).

use crate::names::checked;
use crate::value::{Fields, ShapeError, fields, fields_at, int, kwargs, string};
use crate::xmlrpc::{MethodCall, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BuildState {
    /// Not done; its name, version and release are taken.
    #[default]
    Building,
    Complete,
    /// Gone.
    Deleted,
    Failed,
    Canceled,
}

impl BuildState {
    const ALL: [Self; 5] = [Self::Building, Self::Complete, Self::Deleted, Self::Failed, Self::Canceled];

    /// The state that travels as `number`.
    pub fn from_number(number: i64) -> Option<Self> {
        usize::try_from(number).ok().and_then(|index| Self::ALL.get(index)).copied()
    }

    /// The name as Koji writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Building => "BUILDING",
            Self::Complete => "COMPLETE",
            Self::Deleted => "DELETED",
            Self::Failed => "FAILED",
            Self::Canceled => "CANCELED",
        }
    }
}

/// A build. Its names are safe as parts of paths.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Build {
    pub id: i64,
    pub name: String,
    pub version: String,
    pub release: String,
    pub state: BuildState,
    /// The volume its files are on; none or `DEFAULT`: the main one.
    pub volume_name: Option<String>,
    /// The task that made it. Koji does not know it for failed imports.
    pub task_id: Option<i64>,
    /// The user that it belongs to.
    pub owner_name: Option<String>,
}

impl Build {
    /// Name, version and release, joined.
    pub fn nvr(&self) -> String {
        format!("{}-{}-{}", self.name, self.version, self.release)
    }
}

/// `getBuild`.
pub mod get_build {
    use super::{Build, BuildState, Fields, MethodCall, ShapeError, Value, checked, fields, int};

    /// Asks for build `id`.
    pub fn request(id: i64) -> MethodCall {
        MethodCall::new("getBuild", vec![int(id)])
    }

    /// Asks for the build called `nvr`.
    pub fn request_nvr(nvr: &str) -> MethodCall {
        MethodCall::new("getBuild", vec![Value::from(nvr)])
    }

    /// Reads the build; nothing if the hub does not know it.
    pub fn decode(value: &Value) -> Result<Option<Build>, ShapeError> {
        if *value == Value::Nil {
            return Ok(None);
        }
        build(&fields(value, "getBuild")?).map(Some)
    }

    pub(super) fn build(build: &Fields<'_>) -> Result<Build, ShapeError> {
        let state = build.get_i64("state")?;
        let name = |key: &str| checked(&build.path_of(key), build.get_str(key)?);
        Ok(Build {
            id: id(build)?,
            name: name("name")?,
            version: name("version")?,
            release: name("release")?,
            state: BuildState::from_number(state)
                .ok_or_else(|| ShapeError::new(build.path_of("state"), format!("{state} is not a build state")))?,
            volume_name: build
                .get_str_opt("volume_name")?
                .map(|volume| checked(&build.path_of("volume_name"), volume))
                .transpose()?,
            task_id: build.get_i64_opt("task_id")?,
            owner_name: build.get_str_opt("owner_name")?.map(str::to_owned),
        })
    }

    fn id(build: &Fields<'_>) -> Result<i64, ShapeError> {
        match build.get_i64_opt("id")? {
            Some(id) => Ok(id),
            None => build.get_i64("build_id"),
        }
    }
}

/// `listBuilds` of one task.
pub mod list_builds {
    use super::{Build, MethodCall, ShapeError, Value, fields_at, get_build, int, kwargs};

    /// Asks for the builds of task `task`. Failed ones of a content generator do not know their task (facts: koji 15).
    pub fn request(task: i64) -> MethodCall {
        MethodCall::new("listBuilds", kwargs([], [("taskID", int(task))]))
    }

    pub fn decode(value: &Value) -> Result<Vec<Build>, ShapeError> {
        let items = value.as_array().ok_or_else(|| ShapeError::wrong_type("listBuilds", "an array", value))?;
        items.iter().enumerate().map(|(at, item)| get_build::build(&fields_at(item, "listBuilds", at)?)).collect()
    }
}

/// A kind of checksum that Koji keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChecksumType {
    /// MD5, which content generators may use.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

impl ChecksumType {
    /// The kind that travels as `number`.
    pub fn from_number(number: i64) -> Option<Self> {
        match number {
            0 => Some(Self::Md5),
            1 => Some(Self::Sha1),
            2 => Some(Self::Sha256),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }

    /// How many hexadecimal digits it has.
    pub fn digits(self) -> usize {
        match self {
            Self::Md5 => 32,
            Self::Sha1 => 40,
            Self::Sha256 => 64,
        }
    }
}

/// A file of a build. Its name is safe as part of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    pub id: i64,
    pub build_id: i64,
    /// The name of the file.
    pub filename: String,
    /// Its size in bytes.
    pub size: u64,
    /// The checksum, in lower-case hexadecimal digits.
    pub checksum: String,
    pub checksum_type: ChecksumType,
    /// The type of the file (`qcow2`, `raw-xz`, `json`).
    pub type_name: String,
    /// The group of files it belongs to (`image`), which decides on its directory.
    pub btype: Option<String>,
    /// The arch that the image is for, as the importer noted it. Manifests have one too.
    pub arch: Option<String>,
    /// Whether the hub knows the file but does not have it.
    pub metadata_only: bool,
}

/// `listArchives`.
pub mod list_archives {
    use super::{Archive, ChecksumType, MethodCall, ShapeError, Value, checked, fields_at, int, kwargs, string};

    /// Asks for the archives of build `build_id`. A build that the hub does not know has none.
    pub fn request(build_id: i64) -> MethodCall {
        MethodCall::new("listArchives", kwargs([], [("buildID", int(build_id))]))
    }

    /// The same for those that are part of an image, with their arches, which hubs else say of content generators' builds only
    /// (facts: builders 10).
    pub fn request_images(build_id: i64) -> MethodCall {
        MethodCall::new("listArchives", kwargs([], [("buildID", int(build_id)), ("type", string("image"))]))
    }

    /// Reads the archives, which come in no order.
    pub fn decode(value: &Value) -> Result<Vec<Archive>, ShapeError> {
        let items = value.as_array().ok_or_else(|| ShapeError::wrong_type("listArchives", "an array", value))?;
        items.iter().enumerate().map(|(index, item)| archive(item, index)).collect()
    }

    fn archive(value: &Value, index: usize) -> Result<Archive, ShapeError> {
        let archive = fields_at(value, "listArchives", index)?;
        let kind = archive.get_i64("checksum_type")?;
        let checksum_type = ChecksumType::from_number(kind).ok_or_else(|| {
            ShapeError::new(archive.path_of("checksum_type"), format!("{kind} is not a checksum type"))
        })?;
        let checksum = archive.get_str("checksum")?.to_ascii_lowercase();
        if checksum.len() != checksum_type.digits() || !checksum.bytes().all(|b| b.is_ascii_hexdigit()) {
            let reason = format!("not {} hexadecimal digits of {}", checksum_type.digits(), checksum_type.name());
            return Err(ShapeError::new(archive.path_of("checksum"), reason));
        }
        let arch = match archive.get_fields_opt("extra")? {
            Some(extra) => match extra.get_fields_opt("image")? {
                Some(image) => image.get_str_opt("arch")?,
                None => None,
            },
            None => None,
        };
        let arch = arch.or(archive.get_str_opt("arch")?);
        Ok(Archive {
            id: archive.get_i64("id")?,
            build_id: archive.get_i64("build_id")?,
            filename: checked(&archive.path_of("filename"), archive.get_str("filename")?)?,
            size: archive.get_u64("size")?,
            checksum,
            checksum_type,
            type_name: archive.get_str("type_name")?.to_owned(),
            btype: archive.get_str_opt("btype")?.map(str::to_owned),
            arch: arch.map(str::to_owned),
            metadata_only: archive.get_bool_opt("metadata_only")?.unwrap_or(false),
        })
    }
}
