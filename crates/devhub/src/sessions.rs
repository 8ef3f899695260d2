//! *Sessions*: who is logged in, and the call numbers that keep a call from being executed twice (facts: sessions 8).

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::clock::Micros;
use crate::wire::{self, Fault, Value, structure};

/// Sessions kept at the same time; the oldest goes when there are more.
const MAX_SESSIONS: usize = 20_000;
/// Calls that may be sent again with the same number.
const REPEATABLE: [&str; 8] = [
    "host.taskWait",
    "host.taskUnwait",
    "host.taskSetWait",
    "host.updateHost",
    "host.setBuildRootState",
    "repoExpire",
    "repoDelete",
    "repoProblem",
];

/// What a request says about its session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) id: i64,
    pub(crate) key: String,
    /// The number of the call, if the caller counts.
    pub(crate) callnum: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AuthType {
    /// By password.
    Normal = 0,
    /// By a client certificate.
    Ssl = 2,
    /// By Kerberos.
    Gssapi = 3,
}

#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) id: i64,
    key: String,
    pub(crate) user: i64,
    pub(crate) auth: AuthType,
    /// The principal of a Kerberos login.
    pub(crate) principal: Option<String>,
    /// Where it was opened from; it is good from there only.
    pub(crate) ip: IpAddr,
    /// The number of the last call that changed something.
    pub(crate) callnum: Option<i64>,
    /// Whether the user's other sessions are locked.
    pub(crate) exclusive: bool,
    /// The session it was opened from.
    pub(crate) master: Option<i64>,
    started: Micros,
    updated: Micros,
    renewed: Option<Micros>,
    calls: u64,
}

/// All open sessions.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    open: BTreeMap<i64, Session>,
    last: i64,
    expire_after: Option<u64>,
    close_after: Option<u64>,
}

impl Sessions {
    /// No session yet; each will expire after `expire_after` calls, and be closed after `close_after`.
    pub(crate) fn new(expire_after: Option<u64>, close_after: Option<u64>) -> Self {
        Self { expire_after, close_after, ..Self::default() }
    }

    pub(crate) fn open(
        &mut self,
        user: i64,
        auth: AuthType,
        principal: Option<String>,
        ip: IpAddr,
        now: Micros,
    ) -> i64 {
        if self.open.len() >= MAX_SESSIONS {
            self.open.pop_first();
        }
        self.last += 1;
        let session = Session {
            id: self.last,
            key: new_key(user),
            user,
            auth,
            principal,
            ip,
            callnum: None,
            exclusive: false,
            master: None,
            started: now,
            updated: now,
            renewed: None,
            calls: 0,
        };
        self.open.insert(self.last, session);
        self.last
    }

    /// Opens a session under another one: closed with it, of the same user.
    pub(crate) fn open_under(&mut self, master: i64, now: Micros) -> Option<i64> {
        let Session { user, auth, principal, ip, .. } = self.open.get(&master)?.clone();
        let id = self.open(user, auth, principal, ip, now);
        self.open.get_mut(&id)?.master = Some(master);
        Some(id)
    }

    /// Gives a session a new key and a new life. Its call number stays.
    pub(crate) fn renew(&mut self, id: i64, now: Micros) {
        if let Some(session) = self.open.get_mut(&id) {
            session.key = new_key(session.user);
            session.renewed = Some(now);
            session.calls = 0;
        }
    }

    /// The session `id`.
    pub(crate) fn get(&self, id: i64) -> Option<&Session> {
        self.open.get(&id)
    }

    /// Closes a session and those under it.
    pub(crate) fn close(&mut self, id: i64) {
        self.open.retain(|_, session| session.id != id && session.master != Some(id));
    }

    /// Makes a session the only one of its user that may be used, or gives that up.
    pub(crate) fn set_exclusive(&mut self, id: i64, exclusive: bool, force: bool) -> Result<(), Fault> {
        let Some(user) = self.get(id).map(|s| s.user) else {
            return Ok(());
        };
        let holder = self.open.values().find(|s| s.user == user && s.exclusive && s.id != id).map(|s| s.id);
        match holder {
            Some(_) if exclusive && !force => {
                return Err(Fault::new(wire::AUTH_LOCK, "Cannot get exclusive session"));
            }
            Some(other) if exclusive => self.close(other),
            _ => {}
        }
        if let Some(session) = self.open.get_mut(&id) {
            session.exclusive = exclusive;
        }
        Ok(())
    }

    /// Checks what a request says about its session, before anything else of the call is looked at. `renewing` is a login,
    /// which an expired session may still make.
    pub(crate) fn check(
        &mut self,
        credentials: &Credentials,
        method: &str,
        renewing: bool,
        ip: IpAddr,
        now: Micros,
    ) -> Result<i64, Fault> {
        let id = credentials.id;
        let invalid = || Fault::new(wire::AUTH, "Invalid session or bad credentials");
        let (expire_after, close_after) = (self.expire_after, self.close_after);
        let session = self.open.get_mut(&id).ok_or_else(invalid)?;
        if session.key != credentials.key || session.ip != ip {
            return Err(invalid());
        }
        if close_after.is_some_and(|calls| session.calls >= calls) {
            self.close(id);
            return Err(invalid());
        }
        if expire_after.is_some_and(|calls| session.calls >= calls) && !renewing {
            return Err(Fault::new(wire::AUTH_EXPIRED, format!("session \"{id}\" has expired")));
        }
        if let (Some(last), Some(sent)) = (session.callnum, credentials.callnum) {
            if last > sent {
                return Err(Fault::new(wire::SEQUENCE, format!("{last} > {sent} (session {id})")));
            }
            if last == sent && !REPEATABLE.contains(&method) {
                let text = format!("unable to retry call {sent} (method {method}) for session {id}");
                return Err(Fault::new(wire::RETRY, text));
            }
        }
        session.updated = now;
        session.calls += 1;
        let (user, exclusive) = (session.user, session.exclusive);
        // These say themselves what they make of the lock.
        let may_be_locked = matches!(method, "exclusiveSession" | "login" | "sslLogin" | "logout");
        if !exclusive
            && !may_be_locked
            && self.open.values().any(|s| s.user == user && s.exclusive && Some(s.id) != self.master_of(id))
        {
            return Err(Fault::new(wire::AUTH_LOCK, "User locked by another session"));
        }
        Ok(id)
    }

    fn master_of(&self, id: i64) -> Option<i64> {
        self.get(id).and_then(|s| s.master)
    }

    /// Notes that the call `callnum` changed something: it cannot be sent again.
    pub(crate) fn wrote(&mut self, id: i64, callnum: Option<i64>) {
        if let (Some(session), Some(callnum)) = (self.open.get_mut(&id), callnum) {
            session.callnum = Some(callnum);
        }
    }
}

impl Session {
    /// What a login answers; `in_headers` is whether the session may travel there.
    pub(crate) fn login_value(&self, in_headers: bool) -> Value {
        let session = [("session-id", wire::int(self.id)), ("session-key", wire::string(self.key.as_str()))];
        structure(session.into_iter().chain(in_headers.then_some(("header-auth", Value::Bool(true)))))
    }

    /// The struct of `getSessionInfo`.
    pub(crate) fn to_value(&self, details: bool) -> Value {
        use crate::clock::{time_value, ts_value};
        let mut members = vec![
            ("authtype", wire::int(self.auth as i64)),
            ("callnum", wire::int_or_nil(self.callnum)),
            ("exclusive", if self.exclusive { Value::Bool(true) } else { Value::Nil }),
            ("expired", Value::Bool(false)),
            ("master", wire::int_or_nil(self.master)),
            ("renew_time", time_value(self.renewed)),
            ("renew_ts", ts_value(self.renewed)),
            ("start_time", time_value(Some(self.started))),
            ("start_ts", ts_value(Some(self.started))),
            ("update_time", time_value(Some(self.updated))),
            ("update_ts", ts_value(Some(self.updated))),
            ("user_id", wire::int(self.user)),
        ];
        if details {
            members.push(("hostip", wire::string(self.ip.to_string())));
            members.push(("id", wire::int(self.id)));
        }
        structure(members)
    }
}

/// A key that no two sessions share: the user's id and 19 letters and digits.
fn new_key(user: i64) -> String {
    let letters = std::iter::repeat_with(fastrand::alphanumeric).take(19);
    format!("{user}-{}", letters.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const IP: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn credentials(sessions: &Sessions, id: i64, callnum: Option<i64>) -> Credentials {
        Credentials { id, key: sessions.get(id).unwrap().key.clone(), callnum }
    }

    #[test]
    fn call_numbers() {
        let mut sessions = Sessions::new(None, None);
        let id = sessions.open(2, AuthType::Normal, None, IP, 0);
        let mut check = |n, method: &str, wrote: bool| {
            let sent = credentials(&sessions, id, n);
            let result = sessions.check(&sent, method, false, IP, 1);
            if wrote {
                sessions.wrote(id, n);
            }
            result.map_err(|fault| (fault.code, fault.string))
        };
        assert_eq!(check(Some(0), "getUser", false), Ok(id));
        assert_eq!(check(Some(0), "getUser", false), Ok(id), "reads do not count");
        assert_eq!(check(Some(5), "cancelTask", true), Ok(id), "gaps are fine");
        assert_eq!(
            check(Some(5), "cancelTask", false),
            Err((1009, "unable to retry call 5 (method cancelTask) for session 1".to_owned()))
        );
        assert_eq!(check(Some(4), "getUser", false), Err((1008, "5 > 4 (session 1)".to_owned())));
        assert_eq!(check(Some(5), "host.taskWait", false), Ok(id));
        assert_eq!(check(None, "cancelTask", true), Ok(id));
    }

    #[test]
    fn expiry_and_renewal() {
        let mut sessions = Sessions::new(Some(2), None);
        let id = sessions.open(2, AuthType::Normal, None, IP, 0);
        let old = credentials(&sessions, id, None);
        for _ in 0..2 {
            assert_eq!(sessions.check(&old, "getUser", false, IP, 1), Ok(id));
        }
        assert_eq!(sessions.check(&old, "getUser", false, IP, 1).unwrap_err().code, 1007);
        assert_eq!(sessions.check(&old, "login", true, IP, 1), Ok(id));
        sessions.renew(id, 2);
        assert_eq!(sessions.check(&old, "getUser", false, IP, 1).unwrap_err().code, 1002);
        let new = credentials(&sessions, id, None);
        assert_eq!(sessions.check(&new, "getUser", false, IP, 1), Ok(id));
    }

    #[test]
    fn closed_by_somebody_else() {
        let mut sessions = Sessions::new(None, Some(2));
        let id = sessions.open(2, AuthType::Normal, None, IP, 0);
        let sent = credentials(&sessions, id, None);
        let codes = [1, 2, 3, 4].map(|_| sessions.check(&sent, "login", true, IP, 1).map_err(|fault| fault.code));
        assert_eq!(codes, [Ok(id), Ok(id), Err(1002), Err(1002)]);
        assert!(sessions.get(id).is_none());
    }

    #[test]
    fn exclusive_and_closed() {
        let mut sessions = Sessions::new(None, None);
        let first = sessions.open(2, AuthType::Normal, None, IP, 0);
        let second = sessions.open(2, AuthType::Normal, None, IP, 0);
        sessions.set_exclusive(first, true, false).unwrap();
        let sent = credentials(&sessions, second, None);
        assert_eq!(sessions.check(&sent, "getUser", false, IP, 1).unwrap_err().code, 1006);
        assert_eq!(sessions.check(&sent, "exclusiveSession", false, IP, 1), Ok(second));
        assert_eq!(sessions.set_exclusive(second, true, false).unwrap_err().code, 1006);
        sessions.set_exclusive(second, true, true).unwrap();
        assert!(sessions.get(first).is_none());
        let child = sessions.open_under(second, 1).unwrap();
        assert_eq!(sessions.check(&credentials(&sessions, child, None), "getUser", false, IP, 1), Ok(child));
        sessions.close(second);
        assert!(sessions.get(child).is_none());
    }
}
