//! *Fault classes*: what the number of a fault means (facts: koji 1). Texts of faults differ between hubs and are for
//! people; decisions are made by class.

use crate::xmlrpc::Fault;
use std::borrow::Cow;

macro_rules! classes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $name:literal, $parent:expr;)*) => {
        /// A class of faults that Koji defines.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum FaultClass { $($(#[$doc])* $variant,)* }

        impl FaultClass {
            /// Every class, by code.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The class of a fault code; none for 1 and other foreign codes.
            pub fn from_code(code: i64) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }

            /// The code that travels.
            pub fn code(self) -> i64 {
                match self { $(Self::$variant => $code,)* }
            }

            /// The name that Koji gives it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The class that it refines.
            pub fn parent(self) -> Option<Self> {
                match self { $(Self::$variant => $parent,)* }
            }
        }
    };
}

classes! {
    /// Anything that has no class of its own.
    Generic = 1000, "GenericError", None;
    /// A lock could not be taken.
    Lock = 1001, "LockError", Some(Self::Generic);
    /// The login or the session is bad; every call of a bad session ends so.
    Auth = 1002, "AuthError", Some(Self::Generic);
    /// A build cannot be tagged, for instance because its package is not listed.
    Tag = 1003, "TagError", Some(Self::Generic);
    /// A permission is missing, also for want of any login.
    ActionNotAllowed = 1004, "ActionNotAllowed", Some(Self::Generic);
    Build = 1005, "BuildError", Some(Self::Generic);
    /// Another session holds the user's exclusive session.
    AuthLock = 1006, "AuthLockError", Some(Self::Auth);
    /// The session is too old.
    AuthExpired = 1007, "AuthExpired", Some(Self::Auth);
    /// A call number smaller than one that was already executed.
    Sequence = 1008, "SequenceError", Some(Self::Auth);
    /// A call number that was already executed: the effect is there, its answer is not.
    Retry = 1009, "RetryError", Some(Self::Auth);
    /// A build failed before it started.
    PreBuild = 1010, "PreBuildError", Some(Self::Build);
    /// A build failed after it was done.
    PostBuild = 1011, "PostBuildError", Some(Self::Build);
    /// A build root could not be made.
    Buildroot = 1012, "BuildrootError", Some(Self::Build);
    /// The method is going away.
    FunctionDeprecated = 1013, "FunctionDeprecated", Some(Self::Generic);
    /// The hub is down for maintenance.
    ServerOffline = 1014, "ServerOffline", Some(Self::Generic);
    LiveCd = 1015, "LiveCDError", Some(Self::Generic);
    Plugin = 1016, "PluginError", Some(Self::Generic);
    Callback = 1017, "CallbackError", Some(Self::Plugin);
    Appliance = 1018, "ApplianceError", Some(Self::Generic);
    /// The arguments are not what the method takes.
    Parameter = 1019, "ParameterError", Some(Self::Generic);
    Import = 1020, "ImportError", Some(Self::Generic);
    /// Something is configured wrongly.
    Configuration = 1021, "ConfigurationError", Some(Self::Generic);
    /// A live medium failed.
    LiveMedia = 1022, "LiveMediaError", Some(Self::Generic);
    /// Kerberos failed; raised by clients only.
    GssapiAuth = 1023, "GSSAPIAuthError", Some(Self::Auth);
    /// A name is not allowed.
    NameValidation = 1024, "NameValidationError", Some(Self::Generic);
}

impl FaultClass {
    /// A fault of this class.
    pub fn fault(self, text: impl Into<String>) -> Fault {
        Fault::new(self.code(), text)
    }

    /// Whether it is `ancestor` or refines it.
    pub fn is_a(self, ancestor: Self) -> bool {
        self == ancestor || self.parent().is_some_and(|parent| parent.is_a(ancestor))
    }
}

/// How much of a fault's text is shown, in characters. Tracebacks run to many pages.
const SHOWN: usize = 300;

impl Fault {
    /// Its class; none for Python exceptions that are not Koji's.
    pub fn class(&self) -> Option<FaultClass> {
        FaultClass::from_code(self.code)
    }

    /// Whether its class is `class` or refines it.
    pub fn is_a(&self, class: FaultClass) -> bool {
        self.class().is_some_and(|own| own.is_a(class))
    }

    /// Whether it passes by itself: the hub is down for maintenance, or another session of the user has the hub for itself. The call
    /// was not executed.
    pub fn passes(&self) -> bool {
        self.is_a(FaultClass::ServerOffline) || self.is_a(FaultClass::AuthLock)
    }

    /// Whether it concerns the user or the method, so that every other call of the method would get the same: a permission is
    /// missing, or there is no such method. What a policy refuses may be allowed to another request.
    pub fn is_general(&self) -> bool {
        let is_forbidden = self.is_a(FaultClass::ActionNotAllowed) && self.string.contains("permission required");
        let has_no_method = self.code == FaultClass::Generic.code() && self.string.starts_with("Invalid method");
        is_forbidden || has_no_method
    }

    /// The text for one line: of a traceback its last line, which names the exception, and a limited length. The whole
    /// text stays in [`string`](Self::string).
    pub fn summary(&self) -> Cow<'_, str> {
        let text = self.string.trim();
        let line = if text.starts_with("Traceback ") {
            // Python's message is what follows the last frame, whose lines are indented.
            text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or(text)
        } else {
            text.lines().next().unwrap_or_default()
        };
        let line = line.trim();
        match line.char_indices().nth(SHOWN) {
            Some((at, _)) => Cow::Owned(format!("{}...", line.get(..at).unwrap_or_default())),
            None => Cow::Borrowed(line),
        }
    }
}

/// `GenericError: No such build target: X`, as the `koji` command line writes it; `fault 1: ...` for foreign codes.
impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.class() {
            Some(class) => f.write_str(class.name())?,
            None => write!(f, "fault {}", self.code)?,
        }
        match &*self.summary() {
            "" => Ok(()),
            text => write!(f, ": {text}"),
        }
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_refine_each_other() {
        assert!(FaultClass::Retry.is_a(FaultClass::Auth));
        assert!(FaultClass::PostBuild.is_a(FaultClass::Generic));
        assert!(!FaultClass::Tag.is_a(FaultClass::Auth));
        assert_eq!(Fault::new(1, "x").class(), None);
    }

    #[test]
    fn texts_are_shortened_for_one_line() {
        assert_eq!(Fault::new(1000, "No such build target: X").to_string(), "GenericError: No such build target: X");
        let traceback = "Traceback (most recent call last):\n  File \"x.py\", line 1\n    boom()\nKeyError: 'x'\n";
        assert_eq!(Fault::new(1, traceback).to_string(), "fault 1: KeyError: 'x'");
        assert_eq!(
            Fault::new(1019, "1 is not of type 'string'\n\nFailed validating").summary(),
            "1 is not of type 'string'"
        );
        assert_eq!(Fault::new(1000, "x".repeat(1000)).summary().len(), 303);
        assert_eq!(Fault::new(1014, "").to_string(), "ServerOffline");
    }
}
