//! *Accounts* are the users of a hub and what they may do.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::wire::{Value, int, string, structure};

/// The permissions that a hub knows, in the order of their ids.
pub(crate) const PERMISSIONS: [&str; 13] = [
    "admin",
    "build",
    "repo",
    "image",
    "livecd",
    "maven-import",
    "win-import",
    "win-admin",
    "appliance",
    "dist-repo",
    "host",
    "image-import",
    // A new database has not got this one, though the task of that name asks for it.
    "livemedia",
];

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) id: i64,
    /// Its login name.
    pub(crate) name: String,
    /// Its password, for the accounts that have one.
    #[serde(skip)]
    password: Option<&'static str>,
    #[serde(default)]
    pub(crate) is_host: bool,
    /// Its Kerberos principals.
    #[serde(default)]
    pub(crate) principals: Vec<String>,
    #[serde(default)]
    pub(crate) permissions: BTreeSet<String>,
}

impl User {
    /// Whether it may do `permission`; an admin may do everything.
    pub(crate) fn may(&self, permission: &str) -> bool {
        self.permissions.contains(permission) || self.permissions.contains("admin")
    }

    /// The struct of `getUser`.
    pub(crate) fn to_value(&self) -> Value {
        structure([
            ("id", int(self.id)),
            ("name", string(self.name.as_str())),
            ("status", int(0)),
            ("usertype", int(i64::from(self.is_host))),
            ("krb_principals", Value::Array(self.principals.iter().map(string).collect())),
        ])
    }
}

#[derive(Debug)]
pub(crate) struct Accounts {
    users: Vec<User>,
}

impl Accounts {
    /// The accounts of a new hub: an admin, one that may build images, one that may do nothing, and a builder.
    pub(crate) fn new(permissions: &BTreeMap<String, BTreeSet<String>>) -> Self {
        let account = |id, name: &str, password, usual: &[&str]| {
            let usual = || usual.iter().map(|&p| p.to_owned()).collect();
            User {
                id,
                name: name.to_owned(),
                password,
                is_host: password.is_none(),
                principals: Vec::new(),
                permissions: permissions.get(name).cloned().unwrap_or_else(usual),
            }
        };
        Self {
            users: vec![
                account(1, "kojiadmin", Some("kojipass"), &["admin"]),
                account(2, "compose", Some("composepass"), &["image", "livemedia"]),
                account(3, "nobody", Some("nobodypass"), &[]),
                account(4, "builder1", None, &[]),
            ],
        }
    }

    /// The user with the id `id`.
    pub(crate) fn by_id(&self, id: i64) -> Option<&User> {
        self.users.iter().find(|u| u.id == id)
    }

    /// The user called `name`, or with the Kerberos principal `name`.
    pub(crate) fn by_name(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|u| u.name == name || u.principals.iter().any(|p| p == name))
    }

    /// The user that logs in as `name` with `password`.
    pub(crate) fn login(&self, name: &str, password: &str) -> Option<&User> {
        self.users.iter().find(|u| u.name == name).filter(|u| u.password == Some(password))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &User> {
        self.users.iter()
    }

    /// Changes or adds a user: one that is known keeps its password.
    pub(crate) fn put(&mut self, user: User) {
        match self.users.iter_mut().find(|u| u.id == user.id) {
            Some(known) => *known = User { password: known.password, ..user },
            None => self.users.push(user),
        }
    }

    /// A user that is not known yet, without permissions, as a hub makes it at the first login by other means than a
    /// password.
    pub(crate) fn newcomer(&self, name: &str, principal: Option<&str>) -> User {
        User {
            id: self.users.iter().map(|u| u.id).max().unwrap_or_default() + 1,
            name: name.to_owned(),
            password: None,
            is_host: false,
            principals: principal.map(str::to_owned).into_iter().collect(),
            permissions: BTreeSet::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_and_permissions() {
        let mut accounts = Accounts::new(&BTreeMap::new());
        assert!(accounts.login("compose", "composepass").is_some_and(|u| u.may("image") && !u.may("admin")));
        assert!(accounts.login("kojiadmin", "kojipass").is_some_and(|u| u.may("image")));
        assert!(accounts.login("compose", "").is_none());
        assert!(accounts.login("builder1", "").is_none());
        let mut user = accounts.newcomer("x", Some("x@EXAMPLE.COM"));
        assert_eq!(user.id, 5);
        user.permissions.insert("image".to_owned());
        accounts.put(user);
        assert!(accounts.by_name("x@EXAMPLE.COM").is_some_and(|u| u.may("image")));
        let compose = accounts.by_id(2).cloned().unwrap();
        accounts.put(compose);
        assert!(accounts.login("compose", "composepass").is_some());
    }
}
