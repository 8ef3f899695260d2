//! Methods about targets, tags, channels and builders.

use super::{Method, read, write};
use crate::call::Call;
use crate::channels::{CHANNELS, Channel};
use crate::clock;
use crate::python::repr;
use crate::targets::{Tag, Target};
use crate::tasks::{HOST, HOST_NAME, TaskState};
use crate::wire::{Answer, Fault, Value, generic, int, parameter, string, structure};

pub(super) static METHODS: &[Method] = &[
    read("getBuildTarget", "info event=None strict=False", "A build target.", get_target),
    read(
        "getBuildTargets",
        "info=None event=None buildTagID=None destTagID=None queryOpts=None",
        "Build targets.",
        get_targets,
    ),
    read("getTag", "tagInfo strict=False event=None blocked=False", "A tag.", get_tag),
    read("getTagID", "info strict=False create=False", "The id of a tag.", |call| {
        Ok(tag_of(call, 0, call.args.flag(1, false))?.map_or(Value::Nil, |tag| int(tag.id)))
    }),
    read("getBuildConfig", "tag event=None", "How builds from a tag are made.", build_config),
    read("listTags", "build=None package=None perms=True queryOpts=None pattern=None", "Tags.", list_tags),
    read("getInheritanceData", "tag event=None", "What a tag inherits: nothing.", |call| {
        tag_of(call, 0, true).map(|_| Value::Array(Vec::new()))
    }),
    read("getFullInheritance", "tag event=None reverse=False", "What a tag inherits: nothing.", |call| {
        tag_of(call, 0, true).map(|_| Value::Array(Vec::new()))
    }),
    read(
        "getTagGroups",
        "tag event=None inherit=True incl_pkgs=True incl_reqs=True incl_blocked=False",
        "The package groups of a tag: none.",
        |_| Ok(Value::Array(Vec::new())),
    ),
    read(
        "getTagExternalRepos",
        "tag_info=None repo_info=None event=None",
        "The external repositories of a tag: none.",
        |_| Ok(Value::Array(Vec::new())),
    ),
    read("getExternalRepoList", "tag_info event=None", "The external repositories that a tag inherits: none.", |_| {
        Ok(Value::Array(Vec::new()))
    }),
    read("getRepo", "tag state=None event=None dist=False min_event=None", "The repository of a tag.", get_repo),
    read("checkTagPackage", "tag pkg", "Whether a tag lists a package.", check_package),
    read("getPackageConfig", "tag pkg event=None", "How a tag lists a package.", package_config),
    read("tagLastChangeEvent", "tag before=None inherit=True", "The last event of a tag.", last_change),
    read("getChannel", "channelInfo strict=False", "A channel.", get_channel),
    read("listChannels", "hostID=None event=None enabled=None", "All channels.", |call| {
        Ok(Value::Array(CHANNELS.iter().map(|channel| channel_value(call, *channel)).collect()))
    }),
    write("disableChannel", "channelname comment=None", "Stops a channel.", |call| switch_channel(call, false)),
    write("enableChannel", "channelname comment=None", "Starts a channel.", |call| switch_channel(call, true)),
    read("getHost", "hostInfo strict=False event=None", "A builder.", get_host),
    read(
        "listHosts",
        "arches=None channelID=None ready=None enabled=None userID=None queryOpts=None",
        "All builders.",
        |call| {
            let host = host_value(call);
            super::query::apply(vec![host], call.args.get(5))
        },
    ),
    read("getLastHostUpdate", "hostID ts=False", "When a builder was heard of last.", |call| {
        Ok(if call.args.flag(1, false) { clock::ts_value(Some(call.now)) } else { clock::time_value(Some(call.now)) })
    }),
    read("getAllArches", "", "All arches of builders.", |_| Ok(Value::Array(ARCHES.split(' ').map(string).collect()))),
];

const ARCHES: &str = "x86_64 aarch64 ppc64le s390x noarch";

/// What a lookup is by.
enum Key<'a> {
    Id(i64),
    Name(&'a str),
}

fn key(info: &Value) -> Result<Key<'_>, Fault> {
    match info {
        Value::String(name) => Ok(Key::Name(name)),
        Value::Int(id) => Ok(Key::Id(i64::from(*id))),
        Value::Int64(id) => Ok(Key::Id(*id)),
        Value::Struct(members) => match (members.get("id"), members.get("name")) {
            (Some(id), _) => key_of_scalar(id, info),
            (None, Some(name)) => key_of_scalar(name, info),
            _ => Err(invalid(info)),
        },
        _ => Err(invalid(info)),
    }
}

fn key_of_scalar<'v>(scalar: &'v Value, info: &Value) -> Result<Key<'v>, Fault> {
    match scalar {
        Value::String(name) => Ok(Key::Name(name)),
        other => other.as_i64().map(Key::Id).ok_or_else(|| invalid(info)),
    }
}

fn invalid(info: &Value) -> Fault {
    parameter(format!("Invalid name or id value: {}", repr(info)))
}

fn target_of<'c>(call: &'c Call<'_>, info: &Value) -> Result<Option<&'c Target>, Fault> {
    let targets = &call.state.targets;
    Ok(match info {
        // Without a name every target matches, and the first one is taken.
        Value::Nil => targets.iter().next(),
        info => match key(info)? {
            Key::Name(name) => targets.by_name(name),
            Key::Id(id) => targets.by_id(id),
        },
    })
}

fn get_target(call: &mut Call<'_>) -> Answer {
    let info = call.args.get(0);
    let event = call.args.get(1);
    if *event != Value::Nil && event.as_i64().is_none() {
        return Err(generic(format!("Invalid event: {}", repr(event))));
    }
    match target_of(call, info)? {
        Some(target) => Ok(call.state.targets.target_value(target)),
        None if call.args.flag(2, false) => {
            let name = info.as_str().map_or_else(|| repr(info), str::to_owned);
            Err(generic(format!("No such build target: {name}")))
        }
        None => Ok(Value::Nil),
    }
}

fn get_targets(call: &mut Call<'_>) -> Answer {
    let targets = &call.state.targets;
    let chosen: Vec<&Target> = match call.args.get(0) {
        Value::Nil => targets.iter().collect(),
        info => target_of(call, info)?.into_iter().collect(),
    };
    let wanted = |place: usize| call.args.get(place).as_i64();
    let rows = chosen
        .into_iter()
        .filter(|t| wanted(2).is_none_or(|tag| tag == t.build_tag) && wanted(3).is_none_or(|tag| tag == t.dest_tag));
    super::query::apply(rows.map(|target| targets.target_value(target)).collect(), call.args.get(4))
}

fn tag_of<'c>(call: &'c Call<'_>, place: usize, strict: bool) -> Result<Option<&'c Tag>, Fault> {
    let info = call.args.get(place);
    let tag = match key(info)? {
        Key::Name(name) => call.state.targets.tag_by_name(name),
        Key::Id(id) => call.state.targets.tag_by_id(id),
    };
    if tag.is_none() && strict {
        return Err(generic(format!("No such tagInfo: {}", repr(info))));
    }
    Ok(tag)
}

fn get_tag(call: &mut Call<'_>) -> Answer {
    let tag = tag_of(call, 0, call.args.flag(1, false))?;
    // Before its first event there was no tag.
    let before = call.args.get(2).as_i64().is_some_and(|event| event <= 1);
    Ok(tag.filter(|_| !before).map_or(Value::Nil, |tag| tag.to_value(true)))
}

fn build_config(call: &mut Call<'_>) -> Answer {
    let Some(tag) = tag_of(call, 0, true)? else { return Ok(Value::Nil) };
    Ok(tag.to_config_value())
}

fn list_tags(call: &mut Call<'_>) -> Answer {
    let rows: Vec<Value> = match call.args.get(0) {
        Value::Nil => call.state.targets.tags().map(|tag| tag.to_value(false)).collect(),
        info => {
            let build = super::builds::find(call, info)?;
            let tag = build.and_then(|build| build.tag).and_then(|(tag, _)| call.state.targets.tag_by_id(tag));
            tag.into_iter().map(|tag| tag.to_value(false)).collect()
        }
    };
    super::query::apply(rows, call.args.get(3))
}

fn get_repo(call: &mut Call<'_>) -> Answer {
    let Some(tag) = tag_of(call, 0, true)? else { return Ok(Value::Nil) };
    Ok(call.state.repo_value(tag))
}

fn is_listed(call: &Call<'_>, package: &Value) -> bool {
    package.as_str().is_none_or(|name| !call.setting.scenario.unlisted_packages.contains(name))
}

fn check_package(call: &mut Call<'_>) -> Answer {
    tag_of(call, 0, true)?;
    Ok(Value::Bool(is_listed(call, call.args.get(1))))
}

/// Every package is in every tag, and belongs to `compose`. It is there as soon as it is named.
fn package_config(call: &mut Call<'_>) -> Answer {
    let Some(tag) = tag_of(call, 0, true)?.cloned() else { return Ok(Value::Nil) };
    let info = call.args.get(1);
    let package = match info {
        Value::String(name) if is_listed(call, info) => {
            let name = name.clone();
            Some((call.state.package(&name), name))
        }
        Value::String(_) => None,
        _ => {
            let id = call.args.id(1)?;
            call.state.packages.iter().find(|(_, known)| **known == id).map(|(name, id)| (*id, name.to_string()))
        }
    };
    let Some((id, name)) = package.filter(|(_, name)| is_listed(call, &string(name.as_str()))) else {
        return Ok(Value::Nil);
    };
    let is_blocked = call.setting.scenario.blocked_packages.contains(&name);
    let owner = call.state.accounts.by_name("compose");
    Ok(structure([
        ("blocked", Value::Bool(is_blocked)),
        ("extra_arches", Value::Nil),
        ("owner_id", int(owner.map_or(0, |user| user.id))),
        ("owner_name", string("compose")),
        ("package_id", int(id)),
        ("package_name", string(name.as_str())),
        ("tag_id", int(tag.id)),
        ("tag_name", string(tag.name.as_str())),
    ]))
}

/// A tag changes when a build gets it, and when it comes into being.
fn last_change(call: &mut Call<'_>) -> Answer {
    let Some(tag) = tag_of(call, 0, true)? else { return Ok(Value::Nil) };
    let before = call.args.get(1).as_i64().unwrap_or(i64::MAX);
    let events = call.state.builds.values().filter_map(|build| build.tag).filter(|(id, _)| *id == tag.id);
    let last = events.map(|(_, event)| event).filter(|event| *event < before).max();
    Ok(int(last.unwrap_or(1)))
}

fn channel_value(call: &Call<'_>, channel: Channel) -> Value {
    structure([
        ("comment", Value::Nil),
        ("description", Value::Nil),
        ("enabled", Value::Bool(!call.state.disabled_channels.contains(&channel.id))),
        ("id", int(channel.id)),
        ("name", string(channel.name)),
    ])
}

fn channel_of(info: &Value) -> Result<Option<Channel>, Fault> {
    let key = key(info)?;
    Ok(CHANNELS.into_iter().find(|channel| match key {
        Key::Id(wanted) => wanted == channel.id,
        Key::Name(wanted) => wanted == channel.name,
    }))
}

fn get_channel(call: &mut Call<'_>) -> Answer {
    match channel_of(call.args.get(0))? {
        Some(channel) => Ok(channel_value(call, channel)),
        None if call.args.flag(1, false) => Err(generic("query returned no rows")),
        None => Ok(Value::Nil),
    }
}

fn switch_channel(call: &mut Call<'_>, enabled: bool) -> Answer {
    call.user_with("admin")?;
    let channel = channel_of(call.args.get(0))?.ok_or_else(|| generic("query returned no rows"))?;
    if enabled {
        call.state.disabled_channels.remove(&channel.id);
    } else {
        call.state.disabled_channels.insert(channel.id);
    }
    call.wrote = true;
    Ok(Value::Nil)
}

fn host_value(call: &Call<'_>) -> Value {
    let open = call
        .state
        .agenda
        .iter()
        .filter(|(_, _, id)| call.state.tasks.get(*id).is_some_and(|task| task.state == TaskState::Open));
    // Each open task is on the agenda with its end; more than a hundred make no difference.
    let load = open.take(100).count() as f64 * 0.2;
    structure([
        ("arches", string(ARCHES)),
        ("capacity", Value::Double(100.0)),
        ("comment", Value::Nil),
        ("description", Value::Nil),
        ("enabled", Value::Bool(true)),
        ("id", int(HOST)),
        ("name", string(HOST_NAME)),
        ("ready", Value::Bool(true)),
        ("task_load", Value::Double(load)),
        ("update_ts", clock::ts_value(Some(call.now))),
        ("user_id", int(4)),
    ])
}

fn get_host(call: &mut Call<'_>) -> Answer {
    let found = match key(call.args.get(0))? {
        Key::Id(id) => id == HOST,
        Key::Name(name) => name == HOST_NAME,
    };
    match found {
        true => Ok(host_value(call)),
        false if call.args.flag(1, false) => Err(generic(format!("No such host: {}", repr(call.args.get(0))))),
        false => Ok(Value::Nil),
    }
}
