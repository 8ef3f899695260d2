//! Methods about builds and archives (facts: koji 14).

use super::{Method, query, read};
use crate::archive_types::{self, ARCHIVE_TYPES, ArchiveType};
use crate::builders::installed_package;
use crate::builds::{Archive, Build, IMAGE_BTYPE};
use crate::call::Call;
use crate::python::repr;
use crate::wire::{Answer, Fault, Name, Value, generic, int, parameter, string, structure};

pub(super) static METHODS: &[Method] = &[
    read("getBuild", "buildInfo strict=False", "A build.", |call| {
        Ok(wanted(call, 0, 1)?.map_or(Value::Nil, |build| build.to_value(call.state)))
    }),
    read(
        "listBuilds",
        "packageID=None userID=None taskID=None prefix=None state=None volumeID=None source=None createdBefore=None \
         createdAfter=None completeBefore=None completeAfter=None type=None typeInfo=None queryOpts=None pattern=None \
         cgID=None draft=None",
        "Builds.",
        list_builds,
    )
    .called("RootExports.listBuilds"),
    read(
        "listArchives",
        "buildID=None buildrootID=None componentBuildrootID=None hostID=None type=None filename=None size=None \
         checksum=None checksum_type=None typeInfo=None queryOpts=None imageID=None archiveID=None strict=False",
        "Files of builds.",
        list_archives,
    )
    .called("list_archives"),
    read("getArchive", "archive_id strict=False", "A file of a build.", get_archive),
    read("getImageArchive", "archive_id strict=False", "What is special about an image file.", image_archive),
    read("listArchiveFiles", "archive_id queryOpts=None strict=False", "What is in a file: nothing.", |_| {
        Ok(Value::Array(Vec::new()))
    }),
    read(
        "listBuildroots",
        "hostID=None tagID=None state=None rpmID=None archiveID=None taskID=None buildrootID=None repoID=None queryOpts=None",
        "Build roots: none are kept.",
        |_| Ok(Value::Array(Vec::new())),
    ),
    read("getBuildLogs", "build", "The logs of a build.", build_logs),
    read(
        "queryHistory",
        "tables=None afterEvent=None after=None beforeEvent=None before=None active=None queryOpts=None build=None tag=None",
        "What was tagged when; of other tables nothing.",
        history,
    ),
    read("getBuildType", "buildInfo strict=False", "The types of a build.", |call| {
        Ok(wanted(call, 0, 1)?
            .map_or(Value::Nil, |build| structure([("image", structure([("build_id", int(build.id))]))])))
    }),
    read("getImageBuild", "buildInfo strict=False", "What is special about an image build.", |call| {
        if *call.args.get(0) == Value::Nil {
            return Err(generic("Invalid type for argument: <class 'NoneType'>"));
        }
        Ok(wanted(call, 0, 1)?.map_or(Value::Nil, |build| structure([("build_id", int(build.id))])))
    }),
    read("getMavenBuild", "buildInfo strict=False", "Nothing: there are no Maven builds.", |call| {
        wanted(call, 0, 1).map(|_| Value::Nil)
    }),
    read("getWinBuild", "buildInfo strict=False", "Nothing: there are no Windows builds.", |call| {
        wanted(call, 0, 1).map(|_| Value::Nil)
    }),
    read("listBuildRPMs", "build", "The packages of a build: none.", |call| {
        strictly(call, 0).map(|_| Value::Array(Vec::new()))
    }),
    read(
        "listRPMs",
        "buildID=None buildrootID=None imageID=None componentBuildrootID=None hostID=None arches=None queryOpts=None \
         draft=None",
        "The packages in an image, if its builder names them.",
        list_packages_of_image,
    ),
    read("listBTypes", "query=None queryOpts=None", "The types of builds.", |call| {
        let rows = BTYPES.iter().map(|(id, name)| structure([("id", int(*id)), ("name", string(*name))]));
        query::apply(rows.collect(), call.args.get(1))
    }),
    read("getArchiveTypes", "", "The types of files.", |_| {
        Ok(Value::Array(ARCHIVE_TYPES.iter().map(ArchiveType::to_value).collect()))
    }),
    read("getArchiveType", "filename=None type_name=None type_id=None strict=False", "A type of files.", archive_type),
    read(
        "listTagged",
        "tag event=None inherit=False prefix=None latest=False package=None owner=None type=None strict=True \
         extra=True draft=None",
        "The builds of a tag.",
        list_tagged,
    ),
    read(
        "getLatestBuilds",
        "tag event=None package=None type=None draft=None",
        "The newest builds of a tag.",
        |call| tagged(call, call.args.get(2).as_str().map(str::to_owned), true),
    ),
    read("getNextRelease", "buildInfo incr=1", "The release that a build should have.", next_release),
    read("getPackage", "info strict=False create=False", "A package.", get_package),
    read("getPackageID", "name strict=False", "The id of a package.", |call| {
        Ok(package(call)?.map_or(Value::Nil, |(id, _)| int(id)))
    }),
    read(
        "listPackages",
        "tagID=None userID=None pkgID=None prefix=None inherited=False with_dups=False event=None queryOpts=None \
         with_owners=True with_blocked=True",
        "Packages.",
        list_packages,
    ),
    read("listVolumes", "", "The volumes.", |call| {
        let row = |(id, name): (i64, &String)| structure([("id", int(id)), ("name", string(name.as_str()))]);
        Ok(Value::Array((0..).zip(&call.state.volumes).map(row).collect()))
    }),
];

const BTYPES: [(i64, &str); 4] = [(1, "rpm"), (2, "maven"), (3, "win"), (IMAGE_BTYPE, "image")];

/// The build that `info` names: an id, an N-V-R, or a struct of either.
pub(super) fn find<'c>(call: &'c Call<'_>, info: &Value) -> Result<Option<&'c Build>, Fault> {
    let state = &call.state;
    match info {
        Value::Int(_) | Value::Int64(_) => Ok(info.as_i64().and_then(|id| state.builds.get(id))),
        Value::String(nvr) => {
            if let Ok(id) = nvr.parse() {
                return Ok(state.builds.get(id));
            }
            let mut parts = nvr.rsplitn(3, '-');
            match (parts.next(), parts.next(), parts.next()) {
                (Some(release), Some(version), Some(name)) if !release.is_empty() && !version.is_empty() => {
                    Ok(state.builds_by_nvr(name, version, release).next())
                }
                _ => Err(generic(format!("invalid format: {nvr}"))),
            }
        }
        Value::Struct(members) => {
            if let Some(id) = members.get("id").or_else(|| members.get("build_id")).and_then(Value::as_i64) {
                return Ok(state.builds.get(id));
            }
            let part = |name: &str| members.get(name).and_then(Value::as_str);
            match (part("name"), part("version"), part("release")) {
                (Some(name), Some(version), Some(release)) => Ok(state.builds_by_nvr(name, version, release).next()),
                _ => Err(generic("did not provide name and version and release")),
            }
        }
        _ => Err(parameter(format!("Invalid type for buildInfo: <class '{}'>", crate::python::class(info)))),
    }
}

fn strictly<'c>(call: &'c Call<'_>, place: usize) -> Result<&'c Build, Fault> {
    let info = call.args.get(place);
    find(call, info)?.ok_or_else(|| generic(format!("No such build: {}", repr(info))))
}

fn wanted<'c>(call: &'c Call<'_>, place: usize, strict: usize) -> Result<Option<&'c Build>, Fault> {
    if call.args.flag(strict, false) { strictly(call, place).map(Some) } else { find(call, call.args.get(place)) }
}

fn list_builds(call: &mut Call<'_>) -> Answer {
    let id = |place: usize| match call.args.get(place) {
        Value::Nil => Ok(None),
        _ => call.args.id(place).map(Some),
    };
    let (package, task, volume) = (id(0)?, id(2)?, id(5)?);
    let user = match call.args.get(1) {
        Value::String(name) => Some(call.state.accounts.by_name(name).map_or(-1, |user| user.id)),
        Value::Nil => None,
        _ => id(1)?,
    };
    let prefix = call.args.get(3).as_str().unwrap_or_default().to_lowercase();
    let states = call.args.get(4);
    let state_fits = |build: &Build| match states {
        Value::Nil => true,
        Value::Array(states) => states.iter().any(|state| state.as_i64() == Some(build.state as i64)),
        state => state.as_i64() == Some(build.state as i64),
    };
    let is_image = call.args.get(11).as_str().is_none_or(|kind| kind == "image");
    let generator = call.args.get(15);
    let generator_fits = |build: &Build| match (generator, build.generator) {
        (Value::Nil, _) => true,
        (Value::String(name), Some(generator)) => name == generator.name,
        (id, Some(generator)) => id.as_i64() == Some(generator.id),
        (_, None) => false,
    };
    if !is_image {
        return query::apply(Vec::new(), call.args.get(13));
    }
    let takes = |build: &&Build| {
        package.is_none_or(|id| id == build.package)
            && user.is_none_or(|id| id == build.owner.0)
            && build.name.to_lowercase().starts_with(&prefix)
            && state_fits(build)
            && generator_fits(build)
            && volume.is_none_or(|id| id == build.volume.as_ref().map_or(0, |volume| volume.0))
    };
    let row = |build: &Build| build.to_list_value(call.state);
    let rows: Vec<Value> = match task {
        // By far the most frequent question; it must not look at every build.
        Some(task) => call.state.build_of_task(task).into_iter().filter(takes).map(row).collect(),
        None => call.state.builds.values().filter(takes).map(row).collect(),
    };
    query::apply(rows, call.args.get(13))
}

fn list_archives(call: &mut Call<'_>) -> Answer {
    let kind = match call.args.get(4) {
        Value::Nil => None,
        kind => Some(kind.as_str().unwrap_or_default()),
    };
    if let Some(kind) = kind.filter(|kind| !BTYPES.iter().any(|(_, name)| name == kind)) {
        return Err(generic(format!("unsupported archive type: {kind}")));
    }
    let is_image = kind == Some("image");
    let arches = call.args.get(9).get("arch").filter(|_| is_image);
    let takes = |(_, archive): &(&Build, &Archive)| {
        let same = |place: usize, text: &str| call.args.get(place).as_str().is_none_or(|wanted| wanted == text);
        let arch_fits = match arches {
            None => true,
            Some(Value::Array(arches)) => arches.iter().any(|arch| arch.as_str() == Some(archive.arch.as_str())),
            Some(arch) => arch.as_str() == Some(archive.arch.as_str()),
        };
        kind.is_none_or(|kind| kind == "image")
            && same(5, &archive.filename)
            && call.args.get(7).as_str().is_none_or(|wanted| wanted == archive.checksum.text())
            && call.args.get(6).as_i64().is_none_or(|size| u64::try_from(size) == Ok(archive.size))
            && call.args.get(12).as_i64().is_none_or(|id| id == archive.id)
            && arch_fits
    };
    let archives: Vec<(&Build, &Archive)> = match (call.args.get(0), call.args.get(12).as_i64()) {
        (Value::Nil, Some(id)) => call.state.archive(id).into_iter().collect(),
        (Value::Nil, None) => call.state.builds.values().flat_map(Build::each_archive).collect(),
        _ => call.state.builds.get(call.args.id(0)?).into_iter().flat_map(Build::each_archive).collect(),
    };
    let row = |(build, archive): (&Build, &Archive)| archive.to_value(call.state, build, is_image);
    let rows: Vec<Value> = archives.into_iter().filter(takes).map(row).collect();
    if rows.is_empty() && call.args.flag(13, false) {
        return Err(generic("No archives found."));
    }
    query::apply(rows, call.args.get(10))
}

fn get_archive(call: &mut Call<'_>) -> Answer {
    let id = call.args.id(0)?;
    match call.state.archive(id) {
        Some((build, archive)) => {
            let mut value = archive.to_value(call.state, build, true);
            if let Value::Struct(members) = &mut value {
                members.insert("rootid", Value::Bool(archive.has_packages));
            }
            Ok(value)
        }
        None if call.args.flag(1, false) => Err(generic(format!("No such archive: {id}"))),
        None => Ok(Value::Nil),
    }
}

fn image_archive(call: &mut Call<'_>) -> Answer {
    let id = call.args.id(0)?;
    match call.state.archive(id) {
        Some((_, archive)) => Ok(structure([
            ("arch", string(archive.arch.as_str())),
            ("archive_id", int(id)),
            ("rootid", Value::Bool(archive.has_packages)),
        ])),
        None if call.args.flag(1, false) => Err(generic(format!("No such image archive: {id}"))),
        None => Ok(Value::Nil),
    }
}

/// Every image whose packages are known has one, and a build of it that is none of these.
fn list_packages_of_image(call: &mut Call<'_>) -> Answer {
    let archive = match call.args.get(2) {
        Value::Nil => None,
        _ => call.state.archive(call.args.id(2)?),
    };
    // Koji looks for packages in everything but XML.
    let has_packages = archive.is_some_and(|(_, file)| file.has_packages && !file.filename.ends_with("xml"));
    let mut row = installed_package();
    if let Value::Struct(members) = &mut row {
        let more = [
            ("build_id", int(1)),
            ("buildroot_id", Value::Nil),
            ("draft", Value::Bool(false)),
            ("external_repo_id", int(0)),
            ("external_repo_name", string("INTERNAL")),
            ("extra", Value::Nil),
            ("id", int(1)),
            ("metadata_only", Value::Bool(false)),
            ("nvr", string("devhub-1.0-1")),
        ];
        for (name, value) in more {
            members.insert(name, value);
        }
    }
    query::apply(if has_packages { vec![row] } else { Vec::new() }, call.args.get(6))
}

/// The logs that were moved to the build; content generators leave none here.
fn build_logs(call: &mut Call<'_>) -> Answer {
    let build = strictly(call, 0)?;
    let dir = format!("{}/data/logs", build.dir());
    let logs = call.state.logs_of_build(call.setting, build).into_iter().filter_map(|path| {
        let (below, name) = path.strip_prefix(&dir)?.strip_prefix('/')?.rsplit_once('/')?;
        Some(structure([("dir", string(below)), ("name", string(name)), ("path", string(path.as_str()))]))
    });
    Ok(Value::Array(logs.collect()))
}

fn archive_type(call: &mut Call<'_>) -> Answer {
    let (found, what): (Option<&ArchiveType>, String) = match (call.args.get(0), call.args.get(1), call.args.get(2)) {
        (Value::String(file), ..) => (archive_types::of_file(file), format!("unsupported file extension: {file}")),
        (_, Value::String(name), _) => (archive_types::by_name(name), format!("unsupported archive type: {name}")),
        (.., id) if id.as_i64().is_some() => {
            let id = id.as_i64().unwrap_or_default();
            (archive_types::by_id(id), format!("unsupported archive type: {id}"))
        }
        _ => return Err(parameter("one of filename, type_name and type_id must be given")),
    };
    match found {
        Some(found) => Ok(found.to_value()),
        None if call.args.flag(3, false) => Err(generic(what)),
        None => Ok(Value::Nil),
    }
}

/// The builds of the tag in the first argument, the newest first.
fn tagged(call: &Call<'_>, package: Option<String>, latest: bool) -> Answer {
    let info = call.args.get(0);
    let tag = match info {
        Value::String(name) => call.state.targets.tag_by_name(name),
        id => call
            .state
            .targets
            .tag_by_id(call.args.id(0).map_err(|_| parameter(format!("Invalid name or id value: {}", repr(id))))?),
    };
    let tag = tag.ok_or_else(|| generic(format!("No such tagInfo: {}", repr(info))))?;
    let mut builds: Vec<(&Build, i64)> = call
        .state
        .builds
        .values()
        .filter(|build| package.as_deref().is_none_or(|name| build.name == name))
        .filter_map(|build| build.tag.filter(|(id, _)| *id == tag.id).map(|(_, event)| (build, event)))
        .collect();
    builds.sort_by_key(|(_, event)| std::cmp::Reverse(*event));
    if latest {
        let mut seen = std::collections::HashSet::new();
        builds.retain(|(build, _)| seen.insert(build.name.as_str()));
    }
    let rows = builds.into_iter().map(|(build, event)| build.to_tagged_value(call.state, (tag.id, &tag.name), event));
    Ok(Value::Array(rows.collect()))
}

fn list_tagged(call: &mut Call<'_>) -> Answer {
    tagged(call, call.args.get(5).as_str().map(str::to_owned), call.args.flag(4, false))
}

/// The greatest number that a release of this name and version begins with, plus one.
fn next_release(call: &mut Call<'_>) -> Answer {
    let info = call.args.get(0);
    let part = |name: &str| info.get(name).and_then(Value::as_str);
    let (Some(name), Some(version)) = (part("name"), part("version")) else {
        return Err(parameter("getNextRelease needs a name and a version"));
    };
    let step = call.args.get(1).as_i64().unwrap_or(1);
    let releases = call.state.builds.values().filter(|build| build.name == name && build.version == version);
    let last = releases.filter_map(|build| {
        let digits: String = build.release.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<i64>().ok()
    });
    Ok(string(last.max().map_or(1, |last| last.saturating_add(step)).to_string()))
}

fn package(call: &Call<'_>) -> Result<Option<(i64, String)>, Fault> {
    let info = call.args.get(0);
    let found = match info {
        Value::String(name) => call.state.packages.get(name.as_str()).map(|id| (*id, name.clone())),
        _ => {
            let id = call.args.id(0)?;
            call.state.packages.iter().find(|(_, known)| **known == id).map(|(name, id)| (*id, name.to_string()))
        }
    };
    if found.is_none() && call.args.flag(1, false) {
        return Err(generic(format!("No such package: {}", repr(info))));
    }
    Ok(found)
}

fn get_package(call: &mut Call<'_>) -> Answer {
    Ok(package(call)?.map_or(Value::Nil, |(id, name)| structure([("id", int(id)), ("name", string(name))])))
}

fn list_packages(call: &mut Call<'_>) -> Answer {
    let mut packages: Vec<(&Name, &i64)> = call.state.packages.iter().collect();
    packages.sort();
    let rows = packages
        .into_iter()
        .map(|(name, id)| structure([("package_id", int(*id)), ("package_name", string(name.as_str()))]));
    query::apply(rows.collect(), call.args.get(7))
}

/// The tags of builds. `koji list-history` asks for these and for much that does not exist here.
fn history(call: &mut Call<'_>) -> Answer {
    let tables: Vec<&str> = match call.args.get(0) {
        Value::Nil => vec!["tag_listing"],
        tables => tables.as_array().into_iter().flatten().filter_map(Value::as_str).collect(),
    };
    let build = match call.args.get(7) {
        Value::Nil => None,
        info => Some(find(call, info)?.map(|build| build.id)),
    };
    let tag = match call.args.get(8) {
        Value::Nil => None,
        info => Some(info.as_i64().or_else(|| Some(call.state.targets.tag_by_name(info.as_str()?)?.id))),
    };
    let rows = call.state.builds.values().filter_map(|b| {
        let (tag_id, event) = b.tag?;
        let fits = build.is_none_or(|id| id == Some(b.id)) && tag.is_none_or(|id| id == Some(tag_id));
        let tag_name = call.state.targets.tag_by_id(tag_id).map_or("", |tag| tag.name.as_str());
        fits.then(|| b.to_history_value((tag_id, tag_name), event))
    });
    let mut rows = Some(query::apply(rows.collect(), call.args.get(6))?);
    Ok(structure(tables.into_iter().map(|table| match table {
        "tag_listing" => (table, rows.take().unwrap_or(Value::Nil)),
        _ => (table, Value::Array(Vec::new())),
    })))
}
