//! Methods about users and permissions.

use super::{Method, read, write};
use crate::accounts::{PERMISSIONS, User};
use crate::call::Call;
use crate::journal::Record;
use crate::python::repr;
use crate::wire::{Answer, Fault, Value, generic, int, parameter, string, string_or_nil, structure};

pub(super) static METHODS: &[Method] = &[
    read("getLoggedInUser", "", "The user who is logged in.", |call| Ok(logged_in(call))),
    read("getUser", "userInfo=None strict=False krb_princs=True groups=False", "A user.", get_user),
    read(
        "listUsers",
        "userType=0 prefix=None queryOpts=None perm=None inherited_perm=False",
        "All users of a type.",
        list_users,
    ),
    read("hasPerm", "perm strict=False", "Whether the caller has a permission.", has_perm),
    read("getPerms", "", "The caller's permissions.", |call| Ok(call.user().map_or_else(no_perms, perms))),
    read("getUserPerms", "userID=None with_groups=True inheritance_data=False", "A user's permissions.", |call| {
        match call.args.get(0) {
            Value::Nil => Ok(call.user().map_or_else(no_perms, perms)),
            _ => user_of(call, 0).map(perms),
        }
    }),
    read("getAllPerms", "", "All permissions.", |_| Ok(all_perms())),
    write("createUser", "username status=None krb_principal=None", "Adds a user.", create_user),
    write(
        "grantPermission",
        "userinfo permission create=False description=None",
        "Gives a permission to a user.",
        |call| change_permission(call, true),
    ),
    write("revokePermission", "userinfo permission", "Takes a permission from a user.", |call| {
        change_permission(call, false)
    }),
];

fn no_perms() -> Value {
    Value::Array(Vec::new())
}

fn perms(user: &User) -> Value {
    Value::Array(user.permissions.iter().map(string).collect())
}

fn find<'c>(call: &'c Call<'_>, info: &Value) -> Result<Option<&'c User>, Fault> {
    let name = match info {
        Value::Struct(members) => {
            members.get("id").or_else(|| members.get("name")).or_else(|| members.get("krb_principal"))
        }
        info => Some(info),
    };
    match name {
        Some(Value::String(name)) => Ok(call.state.accounts.by_name(name)),
        Some(id @ (Value::Int(_) | Value::Int64(_))) => Ok(call.state.accounts.by_id(id.as_i64().unwrap_or_default())),
        _ => Err(parameter(format!("Invalid type for userInfo: {}", repr(info)))),
    }
}

fn user_of<'c>(call: &'c Call<'_>, place: usize) -> Result<&'c User, Fault> {
    let info = call.args.get(place);
    find(call, info)?.ok_or_else(|| generic(format!("No such user: {}", repr(info))))
}

fn logged_in(call: &Call<'_>) -> Value {
    let session = call.session.and_then(|id| call.state.sessions.get(id));
    let (Some(user), Some(session)) = (call.user(), session) else {
        return Value::Nil;
    };
    let mut value = user.to_value();
    if let Value::Struct(members) = &mut value {
        members.insert("authtype", int(session.auth as i64));
        let principal = session.principal.as_deref().or(user.principals.first().map(String::as_str));
        members.insert("krb_principal", string_or_nil(principal));
    }
    value
}

fn get_user(call: &mut Call<'_>) -> Answer {
    if call.args.get(0) == &Value::Nil {
        return match call.user() {
            Some(user) => Ok(user.to_value()),
            None => Err(generic("No user provided")),
        };
    }
    if call.args.flag(1, false) {
        return user_of(call, 0).map(User::to_value);
    }
    Ok(find(call, call.args.get(0))?.map_or(Value::Nil, User::to_value))
}

fn list_users(call: &mut Call<'_>) -> Answer {
    let hosts = call.args.get(0).as_i64() == Some(1);
    let prefix = call.args.get(1).as_str().unwrap_or_default();
    let perm = call.args.get(3).as_str();
    let users = call.state.accounts.iter().filter(|user| {
        user.is_host == hosts
            && user.name.starts_with(prefix)
            && perm.is_none_or(|perm| user.permissions.contains(perm))
    });
    super::query::apply(users.map(User::to_value).collect(), call.args.get(2))
}

fn has_perm(call: &mut Call<'_>) -> Answer {
    let perm = call.args.get(0).as_str().unwrap_or_default();
    if call.args.flag(1, false) && !PERMISSIONS.contains(&perm) {
        return Err(generic(format!("No such permission {perm} defined")));
    }
    Ok(Value::Bool(call.user().is_some_and(|user| user.permissions.contains(perm))))
}

fn all_perms() -> Value {
    let rows = (1..)
        .zip(PERMISSIONS)
        .map(|(id, name)| structure([("id", int(id)), ("name", string(name)), ("description", Value::Nil)]));
    Value::Array(rows.collect())
}

fn put(call: &mut Call<'_>, user: User) -> Result<(), Fault> {
    let kept = user.clone();
    call.keep(|| Ok(Record::User(kept)))?;
    call.state.accounts.put(user);
    call.state.next_event(call.now);
    Ok(())
}

fn create_user(call: &mut Call<'_>) -> Answer {
    call.user_with("admin")?;
    let Some(name) = call.args.get(0).as_str().filter(|name| !name.is_empty() && name.len() <= 255) else {
        return Err(parameter("a user needs a name of at most 255 bytes"));
    };
    if call.state.accounts.by_name(name).is_some() {
        return Err(generic(format!("user already exists: {name}")));
    }
    let user = call.state.accounts.newcomer(name, call.args.get(2).as_str());
    let id = user.id;
    put(call, user)?;
    Ok(int(id))
}

fn change_permission(call: &mut Call<'_>, give: bool) -> Answer {
    call.user_with("admin")?;
    let mut user = user_of(call, 0)?.clone();
    let permission = call.args.get(1).as_str().unwrap_or_default().to_owned();
    if !PERMISSIONS.contains(&permission.as_str()) {
        return Err(generic(format!("No such permission {permission} defined")));
    }
    let name = user.name.clone();
    if give {
        if !user.permissions.insert(permission.clone()) {
            return Err(generic(format!("user {name} already has permission: {permission}")));
        }
    } else if !user.permissions.remove(&permission) {
        return Err(generic(format!("user {name} does not have permission: {permission}")));
    }
    put(call, user)?;
    Ok(Value::Nil)
}
