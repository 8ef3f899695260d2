//! Methods that open and close sessions (facts: sessions 1).

use super::{Method, read, write};
use crate::call::Call;
use crate::journal::Record;
use crate::sessions::AuthType;
use crate::wire::{self, Answer, Fault, Value, generic, string, truthy};

pub(super) static METHODS: &[Method] = &[
    read("login", "user password opts=None renew=False exclusive=False", "Opens a session by password.", login)
        .called("Session.login"),
    read(
        "sslLogin",
        "proxyuser=None proxyauthtype=None renew=False exclusive=None",
        "Opens a session for the user whom the web server vouches for.",
        ssl_login,
    )
    .called("Session.sslLogin"),
    read("logout", "session_id=None", "Closes a session.", logout),
    read("subsession", "", "Opens a session under this one.", subsession),
    read("exclusiveSession", "force=False", "Locks the user's other sessions.", exclusive),
    read("sharedSession", "", "Unlocks the user's other sessions.", shared),
    read("getSessionInfo", "details=False user_id=None", "This session.", |call| Ok(session_info(call))),
    read("showSession", "", "This session, as text.", |call| Ok(show_session(call))),
    write("logoutChild", "session_id", "Closes a session under this one.", logout_child),
];

fn refused(text: impl Into<String>) -> Fault {
    Fault::new(wire::AUTH, text)
}

fn check_script(call: &Call<'_>) -> Result<(), Fault> {
    call.setting.scenario.login_error.as_ref().map_or(Ok(()), |text| Err(refused(text.as_str())))
}

/// Opens a session for a user, or renews the one the caller has.
fn open(
    call: &mut Call<'_>,
    user: i64,
    auth: AuthType,
    principal: Option<String>,
    renew: bool,
    exclusive: bool,
) -> Answer {
    let id = match call.session {
        Some(id) => {
            if !renew {
                return Err(refused("Already logged in"));
            }
            if call.state.sessions.get(id).map(|session| session.user) != Some(user) {
                return Err(refused("Invalid session or bad credentials"));
            }
            call.state.sessions.renew(id, call.now);
            id
        }
        None => call.state.sessions.open(user, auth, principal, call.caller.ip, call.now),
    };
    if exclusive {
        call.state.sessions.set_exclusive(id, true, false)?;
    }
    login_value(call, id)
}

/// What says how to use a session.
fn login_value(call: &Call<'_>, id: i64) -> Answer {
    let in_headers = !call.setting.scenario.sessions_in_urls;
    let session = call.state.sessions.get(id).ok_or_else(|| refused("Not logged in"))?;
    Ok(session.login_value(in_headers))
}

fn login(call: &mut Call<'_>) -> Answer {
    check_script(call)?;
    let renew = call.args.flag(3, false);
    if call.session.is_some() && !renew {
        return Err(refused("Already logged in"));
    }
    let found = match (call.args.get(0), call.args.get(1)) {
        (Value::String(user), Value::String(password)) if !password.is_empty() => {
            call.state.accounts.login(user, password).map(|user| user.id)
        }
        _ => None,
    };
    let user = found.ok_or_else(|| refused("invalid username or password"))?;
    let exclusive = call.args.flag(4, false);
    open(call, user, AuthType::Normal, None, renew, exclusive)
}

fn ssl_login(call: &mut Call<'_>) -> Answer {
    check_script(call)?;
    let identity = call.caller.remote_user.clone().filter(|_| call.setting.trust_remote_user);
    let identity = identity.ok_or_else(|| refused("could not verify client: None"))?;
    if truthy(call.args.get(0)) {
        return Err(refused(format!("{identity} is not authorized to login other users")));
    }
    // A Kerberos principal is recognised by its realm; anything else is the name in a certificate.
    let (name, principal) = match identity.split_once('@') {
        Some((name, _)) => (name.to_owned(), Some(identity.clone())),
        None => (identity.clone(), None),
    };
    if name.is_empty() {
        return Err(refused("could not verify client: None"));
    }
    let known = call.state.accounts.by_name(&identity).or_else(|| call.state.accounts.by_name(&name)).cloned();
    if known.is_none() && call.setting.scenario.refuse_newcomers {
        return Err(refused(format!("Unknown user: {identity}")));
    }
    let mut user = known.clone().unwrap_or_else(|| call.state.accounts.newcomer(&name, None));
    if let Some(principal) = &principal
        && !user.principals.contains(principal)
    {
        user.principals.push(principal.clone());
    }
    if known.as_ref() != Some(&user) {
        let kept = user.clone();
        call.keep(|| Ok(Record::User(kept)))?;
        call.state.accounts.put(user.clone());
    }
    let auth = if principal.is_some() { AuthType::Gssapi } else { AuthType::Ssl };
    let (renew, exclusive) = (call.args.flag(2, false), call.args.flag(3, false));
    open(call, user.id, auth, principal, renew, exclusive)
}

fn own_session(call: &Call<'_>) -> Result<i64, Fault> {
    call.session.ok_or_else(|| refused("Not logged in"))
}

fn logout(call: &mut Call<'_>) -> Answer {
    let own = own_session(call)?;
    let id = match call.args.get(0) {
        Value::Nil => own,
        _ => {
            let id = call.args.id(0)?;
            let user = call.user().map(|user| (user.id, user.may("admin")));
            let owner = call.state.sessions.get(id).map(|session| session.user);
            match (user, owner) {
                (Some((user, admin)), Some(owner)) if admin || user == owner => id,
                _ => return Err(generic("query returned no rows")),
            }
        }
    };
    call.state.sessions.close(id);
    Ok(Value::Nil)
}

fn logout_child(call: &mut Call<'_>) -> Answer {
    let own = own_session(call)?;
    let id = call.args.id(0)?;
    if call.state.sessions.get(id).and_then(|session| session.master) == Some(own) {
        call.state.sessions.close(id);
    }
    Ok(Value::Nil)
}

fn subsession(call: &mut Call<'_>) -> Answer {
    let own = own_session(call)?;
    let master = call.state.sessions.get(own).and_then(|session| session.master).unwrap_or(own);
    let id = call.state.sessions.open_under(master, call.now).ok_or_else(|| refused("Not logged in"))?;
    login_value(call, id)
}

fn exclusive(call: &mut Call<'_>) -> Answer {
    let own = own_session(call)?;
    let force = call.args.flag(0, false);
    call.state.sessions.set_exclusive(own, true, force)?;
    Ok(Value::Nil)
}

fn shared(call: &mut Call<'_>) -> Answer {
    let own = own_session(call)?;
    call.state.sessions.set_exclusive(own, false, false)?;
    Ok(Value::Nil)
}

fn session_info(call: &Call<'_>) -> Value {
    let details = call.args.flag(0, false);
    let session = call.session.and_then(|id| call.state.sessions.get(id));
    session.map_or(Value::Nil, |session| session.to_value(details))
}

fn show_session(call: &Call<'_>) -> Value {
    let user = call.user().map_or("nobody", |user| user.name.as_str());
    string(format!("session {} of {user}", call.session.map_or("none".to_owned(), |id| id.to_string())))
}
